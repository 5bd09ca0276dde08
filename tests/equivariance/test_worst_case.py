"""Worst-case errors: transforms against brute force, representations of S_n, difference sets, lower bounds."""

import itertools
import math

import pytest
import torch
from scipy.linalg import hadamard

from course_lib.equivariance.random_subsets import population_factor
from course_lib.equivariance.worst_case import character_means, singular_values, walsh_hadamard, worst_case_errors
from course_lib.equivariance.young import (
    irrep_dimension_sum,
    irrep_matrices,
    permutation_numbers,
    shapes,
    symmetric_fourier,
    tableaux,
)
from course_lib.groups import (
    CyclicGroup,
    DihedralGroup,
    SignFlipGroup,
    SymmetricGroup,
    TranslationGroup,
    fixed_points,
    regular_action,
    signed_permutations,
)

GROUPS = [CyclicGroup(7), CyclicGroup(1), SignFlipGroup(3), TranslationGroup((3, 4)), DihedralGroup(4), SymmetricGroup(4)]


def draw(group, rows, count, seed=0):
    drawn = group.sample(rows * count, torch.Generator().manual_seed(seed))
    return drawn.reshape(rows, count, *group.element_shape)


@pytest.mark.parametrize("group", [*GROUPS, signed_permutations(2)], ids=str)
@pytest.mark.parametrize("count", [1, 3, 10])
def test_singular_values_are_those_of_the_regular_representation(group, count):
    draws = draw(group, 3, count)
    matrix, n = regular_action(group).matrix, group.order
    for one, values in zip(draws, singular_values(group, draws), strict=True):
        truth = torch.linalg.svdvals(matrix(one).mean(0) - 1 / n)[: n - 1]
        assert torch.allclose(values.sort(descending=True).values, truth, atol=1e-10)
    assert torch.allclose(
        worst_case_errors(group, draws),
        torch.stack([torch.linalg.svdvals(matrix(one).mean(0) - 1 / n)[0] for one in draws]),
        atol=1e-10,
    )


@pytest.mark.parametrize("group", GROUPS[1:], ids=str)
def test_the_whole_group_errs_nowhere_and_one_element_everywhere(group):
    assert worst_case_errors(group, group.elements()[None]).max() < 1e-12
    assert torch.allclose(singular_values(group, draw(group, 2, 1)), torch.ones(2, group.order - 1).double())


@pytest.mark.parametrize("group", [CyclicGroup(12), SignFlipGroup(3), DihedralGroup(5), SymmetricGroup(4)], ids=str)
def test_all_but_one_element_errs_by_one_over_the_rest(group):
    for left_out in (0, group.order // 2):
        rest = torch.cat([group.elements()[:left_out], group.elements()[left_out + 1 :]])
        values = singular_values(group, rest[None])
        assert torch.allclose(values, torch.full_like(values, 1 / (group.order - 1)), atol=1e-12)


@pytest.mark.parametrize("group", [CyclicGroup(9), SymmetricGroup(3), DihedralGroup(4), SymmetricGroup(4)], ids=str)
def test_the_root_mean_square_of_the_errors_is_the_population_factor_for_every_subset(group):
    generator = torch.Generator().manual_seed(0)
    for count in range(1, group.order + 1):
        chosen = group.elements()[torch.randperm(group.order, generator=generator)[:count]]
        typical = singular_values(group, chosen[None]).square().mean().sqrt().item()
        assert typical == pytest.approx(population_factor(count, group.order), abs=1e-9)


@pytest.mark.parametrize("n, chosen", [(7, (1, 2, 4)), (11, (1, 3, 4, 5, 9)), (13, (0, 1, 3, 9))])
def test_difference_sets_meet_the_lower_bound(n, chosen):
    values = singular_values(CyclicGroup(n), torch.tensor([chosen]))
    assert torch.allclose(values, torch.full_like(values, population_factor(len(chosen), n)), atol=1e-12)


def test_averaging_in_another_action_errs_by_no_more():
    group = SymmetricGroup(4)
    draws = draw(group, 5, 6)
    worst = worst_case_errors(group, draws)
    for shape in shapes(4)[1:]:
        means = irrep_matrices(shape, draws.flatten(0, 1)).unflatten(0, (5, 6)).mean(1)
        assert (torch.linalg.matrix_norm(means, 2) <= worst + 1e-12).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("k", [0, 1, 4])
def test_walsh_hadamard_against_scipy(k, dtype):
    x = torch.randn(3, 2**k, generator=torch.Generator().manual_seed(k)).to(dtype)
    truth = x.double() @ torch.tensor(hadamard(2**k)).double()
    assert walsh_hadamard(x).dtype == dtype and torch.allclose(walsh_hadamard(x).double(), truth, atol=1e-5)


def test_character_means_are_means_of_characters():
    draws, n = draw(CyclicGroup(5), 2, 4), 5
    angles = 2 * math.pi * draws[:, :, None] * torch.arange(n) / n
    means = character_means(CyclicGroup(n), draws)
    assert torch.allclose(means, torch.complex(angles.cos(), -angles.sin()).mean(1).to(means.dtype), atol=1e-6)
    signs = SignFlipGroup(3)
    draws = draw(signs, 2, 4)
    means = character_means(signs, draws).real
    for row, pattern in enumerate(signs.elements()):  # the product of the signs at the places of -1
        assert torch.allclose(means[:, row], draws[..., pattern < 0].prod(-1).double().mean(1))


def test_young_representations_are_orthogonal_homomorphisms():
    for n in (2, 3, 4, 5):
        group = SymmetricGroup(n)
        p, q = draw(group, 2, 20, seed=n)
        for shape in shapes(n):
            a, b, c = (irrep_matrices(shape, x) for x in (p, q, group.product(p, q)))
            assert torch.allclose(a @ b, c, atol=1e-12)
            assert torch.allclose(a @ a.mT, torch.eye(a.shape[1]).double().expand_as(a), atol=1e-12)
            assert irrep_matrices(shape, p, torch.float32).dtype == torch.float32


def test_young_representations_are_irreducible_and_different():
    elements = SymmetricGroup(5).elements()
    traces = torch.stack([irrep_matrices(s, elements).diagonal(dim1=1, dim2=2).sum(1) for s in shapes(5)])
    assert torch.allclose(traces @ traces.T / 120, torch.eye(len(traces)).double(), atol=1e-9)
    assert torch.allclose(traces[0], torch.ones(120).double())
    assert torch.allclose(traces[1], fixed_points(elements).double() - 1, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_the_fourier_transform_of_s_n_is_the_sum_of_its_matrices(n):
    elements = SymmetricGroup(n).elements()
    numbers = permutation_numbers(elements)
    assert numbers.sort().values.tolist() == list(range(math.factorial(n)))
    f = torch.randn(3, len(elements), generator=torch.Generator().manual_seed(n)).double()
    for shape, found in symmetric_fourier(f, n).items():
        assert torch.allclose(found, torch.einsum("rp,pab->rab", f[:, numbers], irrep_matrices(shape, elements)))


def test_dimensions_of_the_representations():
    for n in range(1, 8):
        sizes = [len(tableaux(shape)) for shape in shapes(n)]
        assert sum(d * d for d in sizes) == math.factorial(n)
        if n <= 5:
            involutions = sum(
                all(p[p[i]] == i for i in range(n)) for p in itertools.permutations(range(n))
            )
            assert irrep_dimension_sum(n) == involutions


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: walsh_hadamard(torch.zeros(3)), "power of two"),
        (lambda: character_means(SymmetricGroup(3), torch.zeros(1, 1, 3).long()), "group must be cyclic"),
        (lambda: character_means(DihedralGroup(3), torch.zeros(1, 1, 2).long()), "group must be cyclic"),
        (lambda: worst_case_errors(CyclicGroup(3), torch.tensor([0, 1])), r"draws must be \(r, m"),
        (lambda: worst_case_errors(CyclicGroup(3), torch.tensor([[0, 3]])), "draws must be elements of C_3"),
        (lambda: worst_case_errors(CyclicGroup(3), torch.zeros(1, 0).long()), r"draws must be \(r, m"),
        (lambda: worst_case_errors(DihedralGroup(500), torch.zeros(1, 1, 2).long()), "at most 800 elements"),
        (lambda: irrep_matrices((2, 1), torch.tensor([[0, 1]])), "p must be permutations"),
        (lambda: symmetric_fourier(torch.zeros(1, 5), 3), r"f must be \(r, n!\)"),
        (lambda: worst_case_errors(SymmetricGroup(9), torch.arange(9)[None, None]), "n at most 8"),
        (lambda: tableaux((1, 2)), "shape must be positive row lengths"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
