"""Invariants and vectors made from them, against formulas, brute force and other libraries."""

import itertools
import math

import numpy as np
import pytest
import torch

from course_lib.equivariance import invariants, separation
from course_lib.equivariance import symmetric_polynomials as polynomials
from course_lib.groups import (
    CyclicGroup,
    OrthogonalGroup,
    SignFlipGroup,
    SpecialOrthogonalGroup,
    SymmetricGroup,
    equivariance_error,
    invariant_dimension,
    matrix_action,
    permutation_action,
    sign_action,
    tensor_action,
    trivial_action,
)

DTYPES = [(torch.float32, 2e-4), (torch.float64, 1e-10)]


def _clouds(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize(("n", "d"), [(4, 3), (2, 3), (5, 2), (3, 4)])
def test_dot_products_do_not_see_rotations_and_mirrorings(n, d, dtype, tolerance):
    x, q = _clouds(6, n, d, dtype=dtype), OrthogonalGroup(d).sample(6, torch.Generator().manual_seed(1)).to(dtype)
    assert invariants.dot_products(x).shape == (6, n * (n + 1) // 2)
    moved = x @ q.transpose(1, 2)
    assert torch.allclose(invariants.dot_products(moved), invariants.dot_products(x), atol=tolerance)
    first = [[float(x[0, i] @ x[0, j]) for j in range(i, n)] for i in range(n)]
    assert torch.allclose(invariants.dot_products(x)[0], torch.tensor(sum(first, []), dtype=dtype), atol=tolerance)


@pytest.mark.parametrize(("n", "d"), [(4, 3), (3, 2), (5, 4)])
def test_determinants_keep_under_rotations_and_change_sign_under_mirrorings(n, d):
    x, q = _clouds(8, n, d), OrthogonalGroup(d).sample(8, torch.Generator().manual_seed(2))
    found = invariants.determinants(x @ q.transpose(1, 2))
    assert found.shape == (8, math.comb(n, d))
    assert torch.allclose(found, torch.linalg.det(q)[:, None] * invariants.determinants(x))
    assert torch.allclose(found[:, 0].square(), torch.linalg.det(invariants.gram_matrix(x)[:, :d, :d]))


def test_no_determinants_of_too_few_vectors():
    assert invariants.determinants(_clouds(3, 2, 3)).shape == (3, 0)
    assert invariants.cross_products(_clouds(3, 1, 3)).shape == (3, 0, 3)


@pytest.mark.parametrize("d", [2, 3, 4, 5])
def test_generalised_cross_product_gives_determinants_and_turns_along(d):
    x, w, q = _clouds(7, d - 1, d), _clouds(7, d, seed=1), OrthogonalGroup(d).sample(7, torch.Generator().manual_seed(3))
    c = invariants.generalised_cross(x)
    assert torch.allclose((c * w).sum(1), torch.linalg.det(torch.cat([x, w[:, None]], 1)))
    assert (c[:, None] * x).sum(2).abs().max() < 1e-10
    moved = invariants.generalised_cross(x @ q.transpose(1, 2))
    assert torch.allclose(moved, torch.linalg.det(q)[:, None] * torch.einsum("bij,bj->bi", q, c))
    if d == 3:
        assert torch.allclose(c, torch.linalg.cross(x[:, 0], x[:, 1]))


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("handed", [False, True])
def test_vectors_from_scalars_respect_what_they_should(handed, dtype, tolerance):
    n, d = 4, 3
    size = (10 + 4, 4 + 6) if handed else (10, 4)
    w = _clouds(*size, dtype=dtype, seed=5)
    f = invariants.vectors_from_scalars(lambda dots: torch.tanh(dots @ w), handed)
    x, rotations = _clouds(9, n, d, dtype=dtype), SpecialOrthogonalGroup(d).sample(5, torch.Generator().manual_seed(4))
    group = OrthogonalGroup(d)
    many, one = matrix_action(group, (n, d)), matrix_action(group, (d,))
    assert equivariance_error(f, many, one, x, rotations).max() < tolerance
    mirrored = equivariance_error(f, many, one, x, group.product(group.generators(), rotations)).min()
    assert mirrored > 0.1 if handed else mirrored < tolerance
    if not handed:
        assert invariants.outside_the_span(f(x[:, :2].repeat(1, 2, 1)), x[:, :2]).max() < 100 * tolerance


def test_an_equivariant_vector_lies_in_the_span_and_a_cross_product_outside():
    x = _clouds(9, 2, 3)
    assert invariants.outside_the_span(3 * x[:, 0] - x[:, 1], x).max() < 1e-10
    assert torch.allclose(invariants.outside_the_span(torch.linalg.cross(x[:, 0], x[:, 1]), x), torch.ones(9).double())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
@pytest.mark.parametrize(("n", "d", "rank"), [(5, 3, 3), (5, 3, 2), (6, 3, 1), (2, 3, 2), (4, 2, 2), (3, 3, 0)])
def test_a_cloud_comes_back_from_its_gram_matrix_up_to_a_rotation_or_mirroring(n, d, rank, dtype, tolerance):
    x = (_clouds(4, n, rank) @ _clouds(rank, d, seed=9)).to(dtype) if rank else torch.zeros(4, n, d, dtype=dtype)
    found = invariants.cloud_from_gram(invariants.gram_matrix(x), d)
    assert found.shape == x.shape and found.dtype == dtype
    assert torch.allclose(invariants.gram_matrix(found), invariants.gram_matrix(x), atol=tolerance)
    if rank:
        assert invariants.orbit_distance(found, x).max() < 10 * tolerance**0.5


def test_an_eigenvalue_a_little_below_zero_is_rounding():
    x = _clouds(3, 4, 2)
    dots = invariants.gram_matrix(x) - 1e-12 * torch.eye(4)
    assert invariants.orbit_distance(invariants.cloud_from_gram(dots, 2), x).max() < 1e-9
    assert not invariants.cloud_from_gram(-1e-12 * torch.eye(3).double()[None], 3).any()


def test_orbit_distance_is_the_smallest_over_many_rotations():
    x, y = _clouds(1, 4, 3), _clouds(1, 4, 3, seed=1)
    for group, mirror in ((OrthogonalGroup(3), True), (SpecialOrthogonalGroup(3), False)):
        q = group.sample(20000, torch.Generator().manual_seed(5))
        tried = ((x @ q.transpose(1, 2)) - y).flatten(1).norm(dim=1).min() / y.norm()
        best = invariants.orbit_distance(x, y, mirror).item()
        assert best <= tried < 1.03 * best
    assert invariants.orbit_distance(-x, x).item() < 1e-12 < 0.1 < invariants.orbit_distance(-x, x, False).item()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: invariants.gram_matrix(torch.zeros(3, 3)), "x must be"),
        (lambda: invariants.gram_matrix(torch.zeros(1, 3, 3).long()), "x must be"),
        (lambda: invariants.generalised_cross(torch.zeros(3, 3)), "d - 1 vectors"),
        (lambda: invariants.cloud_from_gram(-torch.eye(2)[None], 2), "below zero"),
        (lambda: invariants.cloud_from_gram(torch.eye(3)[None], 2), "rank at most 2"),
        (lambda: invariants.cloud_from_gram(torch.tensor([[[1.0, 2.0], [0.0, 1.0]]]), 2), "symmetric"),
        (lambda: invariants.vectors_from_scalars(lambda s: s)(torch.zeros(1, 2, 3)), "weights"),
        (lambda: polynomials.power_sums(torch.zeros(3), 2), "x must be"),
        (lambda: separation.vectors_with_the_same_squares(torch.ones(3), torch.eye(3)[:2]), "at least 3"),
        (lambda: separation.confused_pair(torch.ones(5, 3)), "at most 4"),
    ],
)
def test_errors_name_the_argument(call, match):
    with pytest.raises(ValueError, match=match):
        call()


# ------------------------------------------------------------------------------------------------ symmetric polynomials


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_newtons_identities_against_products_of_all_choices(dtype, tolerance):
    x = _clouds(5, 6, dtype=dtype)
    e = polynomials.elementary_from_power_sums(polynomials.power_sums(x, 6))
    for k in range(1, 7):
        brute = sum(x[:, list(rows)].prod(1) for rows in itertools.combinations(range(6), k))
        assert torch.allclose(e[:, k - 1], brute, atol=tolerance * 10)
    signs = (-1.0) ** np.arange(1, 7)
    assert np.allclose(np.poly(x[0].double().numpy())[1:], signs * e[0].double().numpy(), atol=tolerance * 10)


def test_more_power_sums_than_numbers_give_vanishing_polynomials():
    e = polynomials.elementary_from_power_sums(polynomials.power_sums(_clouds(4, 3), 6))
    assert e[:, 3:].abs().max() < 1e-10


@pytest.mark.parametrize("n", [1, 2, 5, 7])
def test_power_sums_give_the_numbers_back(n):
    x = _clouds(20, n).clamp(-1.5, 1.5)
    assert torch.allclose(polynomials.multiset_from_power_sums(polynomials.power_sums(x, n)), x.sort(1).values, atol=1e-5)


def test_repeated_numbers_come_back_as_well():
    x = torch.tensor([[2.0, -1.0, 2.0], [0.0, 0.0, 0.0]]).double()
    assert torch.allclose(polynomials.multiset_from_power_sums(polynomials.power_sums(x, 3)), x.sort(1).values, atol=1e-4)


def test_molien_counts_partitions_even_monomials_and_agrees_with_projectors():
    found = polynomials.invariant_polynomial_counts(permutation_action(SymmetricGroup(4), (4,)), 7)
    assert found == [_parts(k, 4) for k in range(8)]
    signs = polynomials.invariant_polynomial_counts(sign_action(SignFlipGroup(3), (3,)), 4)
    assert signs == [1, 0, 3, 0, 6]
    turns = matrix_action(CyclicGroup(3), (2,))
    assert polynomials.invariant_polynomial_counts(turns, 3) == [1, 0, 1, 2]
    tensors = tensor_action(permutation_action(SymmetricGroup(3), (3,)), 1)
    assert polynomials.invariant_polynomial_counts(tensors, 1)[1] == invariant_dimension(tensors)
    assert polynomials.invariant_polynomial_counts(trivial_action(CyclicGroup(2), (2,)), 2) == [1, 2, 3]


def _parts(k, most):
    """Partitions of k into at most `most` parts, by listing."""
    return len({tuple(sorted(p)) for p in itertools.product(range(k + 1), repeat=most) if sum(p) == k})


# ------------------------------------------------------------------------------------------------------- separation


@pytest.mark.parametrize("D", [2, 3, 4])
def test_two_d_minus_one_directions_tell_all_apart_and_one_less_does_not(D):
    w = _clouds(2 * D - 1, D, seed=D)
    assert separation.tells_all_apart(w)
    assert not separation.tells_all_apart(w[:-1])
    x, y = separation.confused_pair(w[:-1])
    squares = separation.squared_projections(torch.stack([x, y]), w)
    assert torch.allclose(squares[0, :-1], squares[1, :-1]) and not torch.allclose(squares[0], squares[1])
    assert min((x - y).norm(), (x + y).norm()) > 1e-3


def test_generic_vectors_are_known_from_one_direction_more_than_numbers():
    x, w = _clouds(4, seed=2), _clouds(5, 4, seed=3)
    assert len(separation.vectors_with_the_same_squares(x, w[:4])) == 8  # all signs but one
    found = separation.vectors_with_the_same_squares(x, w)
    assert len(found) == 1 and torch.allclose(found[0], x)


def test_the_confused_pair_is_found_by_trying_signs():
    w = _clouds(6, 4, seed=4)
    x, y = separation.confused_pair(w)
    found = separation.vectors_with_the_same_squares(x, w, 1e-6)
    assert len(found) == 2 and min((z - s * y).norm() for z in found for s in (1, -1)) < 1e-6
