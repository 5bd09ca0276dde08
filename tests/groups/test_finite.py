"""Groups against independent references: sympy's permutation groups, numpy's rolls and turns, brute force."""

import math

import numpy as np
import pytest
import torch
from sympy.combinatorics import Permutation, PermutationGroup
from sympy.combinatorics.named_groups import AlternatingGroup
from sympy.combinatorics.named_groups import DihedralGroup as SympyDihedral

from course_lib.groups import (
    CyclicGroup,
    DihedralGroup,
    DirectProduct,
    SemidirectProduct,
    SignFlipGroup,
    Subgroup,
    SymmetricGroup,
    TranslationGroup,
    cayley_graph,
    graph_action,
    grid_motions,
    image_action,
    matrix_action,
    permutation_action,
    permutation_group_order,
    pull_back,
    sign_action,
    signed_permutations,
    tensor_action,
    translation_action,
    walk,
)
from tests.groups.instances import alternating


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_permutations_multiply_as_sympys_do_in_the_other_order():
    group = SymmetricGroup(7)
    g, h = group.sample(20, seeded(0)), group.sample(20, seeded(1))
    for p, q, product, inverse in zip(*(t.tolist() for t in (g, h, group.product(g, h), group.inverse(g))), strict=True):
        assert (Permutation(q) * Permutation(p)).array_form == product, "sympy applies the left factor first"
        assert (~Permutation(p)).array_form == inverse


def test_the_hand_worked_example_of_the_left_action():
    group = SymmetricGroup(3)
    p, q = torch.tensor([[1, 2, 0]]), torch.tensor([[1, 0, 2]])
    x = torch.tensor([10, 20, 30])
    assert group.product(p, q).tolist() == [[2, 1, 0]]
    right = x[group.product(p, q)[0]]
    assert (x[p[0]][q[0]] == right).all() and (x[q[0]][p[0]] != right).any(), "x[p] composes the wrong way round"
    action = permutation_action(group, (3,))
    assert action.act(group.product(p, q), x[None])[0, 0].tolist() == [30, 20, 10]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_polygon_groups_are_those_of_sympy(n):
    group = DihedralGroup(n)
    rows = {tuple(p) for p in group.permutations(group.elements()).tolist()}
    assert len(group.elements()) == 2 * n
    if n > 2:
        assert rows == {tuple(p.array_form) for p in SympyDihedral(n).elements}


def test_polygon_matrices_move_the_corners_as_the_permutations_do(dtype):
    group = DihedralGroup(7)
    angles = torch.arange(7, dtype=torch.float64) * 2 * math.pi / 7
    corners = torch.stack([angles.cos(), angles.sin()], 1).to(dtype)
    for matrix, p in zip(group.matrices(group.elements(), dtype), group.permutations(group.elements()), strict=True):
        torch.testing.assert_close(corners @ matrix.T, corners[p], atol=1e-6, rtol=0)


def test_images_move_as_the_plane_does():
    group, side = DihedralGroup(4), 5
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    place = torch.stack([columns - 2, 2 - rows], 2).flatten(0, 1).double()  # x to the right, y upward
    image = torch.randn(side, side, generator=seeded())
    moved = image_action(group, (side, side)).act(group.elements(), image[None])[:, 0]
    for matrix, turned in zip(group.matrices(group.elements()), moved, strict=True):
        x, y = (place @ matrix.T).round().long().T
        assert (turned[2 - y, x + 2] == image.flatten()).all()
    assert (moved[1].numpy() == np.rot90(image.numpy())).all()


def test_translations_are_rolls_and_graphs_are_renamed():
    group = TranslationGroup((3, 4))
    g, x = group.sample(6, seeded()), torch.randn(2, 5, 3, 4, generator=seeded(1))
    moved = translation_action(group, (5, 3, 4)).act(g, x)
    for shift, y in zip(g.tolist(), moved, strict=True):
        assert (y.numpy() == np.roll(x.numpy(), shift, axis=(2, 3))).all()
    p = SymmetricGroup(5).sample(4, seeded(2))
    a = torch.randn(1, 5, 5, generator=seeded(3), dtype=torch.float64)
    matrices = permutation_action(SymmetricGroup(5), (5,)).matrix(p)
    assert (graph_action(5).act(p, a)[:, 0] == matrices @ a @ matrices.transpose(1, 2)).all()
    tensors = tensor_action(permutation_action(SymmetricGroup(5), (5,)), 2)
    torch.testing.assert_close(tensors.act(p, a), graph_action(5).act(p, a))


def test_signs_multiply_entries():
    g = torch.tensor([[1, -1, -1]])
    x = torch.arange(6.0).reshape(1, 2, 3)
    assert sign_action(SignFlipGroup(3), (2, 3), axis=1).act(g, x)[0, 0].tolist() == [[0, -1, -2], [3, -4, -5]]


@pytest.mark.parametrize("n", [3, 4, 5])
def test_alternating_groups_are_generated_by_three_cycles(n):
    group = alternating(n)
    assert group.order == math.factorial(n) // 2 == AlternatingGroup(n).order()
    assert {tuple(p) for p in group.elements().tolist()} == {tuple(p.array_form) for p in AlternatingGroup(n).elements}


def test_closures_are_those_of_sympy():
    group = SymmetricGroup(6)
    for seed in range(12):
        pair = group.sample(2, seeded(seed))
        order = PermutationGroup([Permutation(row) for row in pair.tolist()]).order()
        assert len(walk(group, pair)[0]) == order == Subgroup(group, pair).order


def test_orders_by_orbits_and_stabilisers_are_those_of_sympy():
    for n in (1, 2, 4, 6, 9):
        for k in (1, 2, 3):
            for seed in range(4):
                rows = SymmetricGroup(n).sample(k, seeded(seed))
                order = PermutationGroup([Permutation(row) for row in rows.tolist()]).order()
                assert permutation_group_order(rows) == order
    assert permutation_group_order(torch.arange(5)[None]) == 1
    mathieu = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0], [0, 1, 6, 9, 5, 3, 10, 2, 8, 4, 7]])
    assert permutation_group_order(mathieu) == 7920  # M_11 of order 11 * 10 * 9 * 8
    with pytest.raises(ValueError, match="generators must be permutations"):
        permutation_group_order(torch.tensor([[0, 0]]))


def test_word_lengths_of_adjacent_exchanges_are_inversions():
    swaps = torch.stack([torch.tensor([*range(k), k + 1, k, *range(k + 2, 5)]) for k in range(4)])
    elements, lengths, arrows = cayley_graph(SymmetricGroup(5), swaps)
    later = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
    inversions = ((elements[:, :, None] > elements[:, None, :]) & later).flatten(1).sum(1)
    assert (lengths == inversions).all() and len(elements) == 120 and lengths.max() == 10
    group = SymmetricGroup(5)
    for swap, targets in zip(swaps, arrows, strict=True):
        assert (group.product(swap[None], elements) == elements[targets]).all()


def test_products_hold_their_parts():
    group = DirectProduct(CyclicGroup(4), SymmetricGroup(3))
    g, h = group.sample(10, seeded(0)), group.sample(10, seeded(1))
    (a, p), (b, q), (c, r) = group.split(g), group.split(h), group.split(group.product(g, h))
    assert (c == (a + b) % 4).all() and (r == SymmetricGroup(3).product(p, q)).all()


def test_the_dihedral_group_is_a_semidirect_product():
    group = DihedralGroup(5)
    made = SemidirectProduct(CyclicGroup(5), CyclicGroup(2), lambda h, n: (1 - 2 * h) * n % 5)
    g, h = group.sample(20, seeded(0)), group.sample(20, seeded(1))
    assert (made.product(g, h) == group.product(g, h)).all() and (made.inverse(g) == group.inverse(g)).all()


def test_signed_permutations_are_the_orthogonal_matrices_with_entries_0_1_and_minus_1():
    group = signed_permutations(3)
    signs, p = group.split(group.elements())
    matrices = signs[:, :, None] * permutation_action(SymmetricGroup(3), (3,)).matrix(p)
    assert group.order == 48 == len(matrices.flatten(1).unique(dim=0))
    g, h = group.sample(10, seeded(0)), group.sample(10, seeded(1))

    def matrix(g):
        signs, p = group.split(g)
        return signs[:, :, None] * permutation_action(SymmetricGroup(3), (3,)).matrix(p)

    assert (matrix(group.product(g, h)) == matrix(g) @ matrix(h)).all()


BAD = {
    "n": (lambda: CyclicGroup(0), "n must be a whole number of at least 1, got 0"),
    "n, a bool": (lambda: SymmetricGroup(True), "n must be a whole number"),
    "sizes": (lambda: TranslationGroup(()), "sizes must name"),
    "count": (lambda: CyclicGroup(3).sample(-1, seeded()), "count must"),
    "out of range": (lambda: CyclicGroup(3).inverse(torch.tensor([3])), "g must be elements of C_3, got 3 in row 0"),
    "a half": (lambda: CyclicGroup(3).inverse(torch.tensor([0.5])), "g must be elements of C_3"),
    "no sign": (lambda: SignFlipGroup(2).inverse(torch.tensor([[1, 0]])), "g must be elements of signs_2"),
    "twist": (
        lambda: SemidirectProduct(SymmetricGroup(3), CyclicGroup(2), lambda h, n: n.roll(1, 1)),
        "twist must",
    ),
    "twist is no action": (
        lambda: SemidirectProduct(CyclicGroup(5), CyclicGroup(3), lambda h, n: (1 - 2 * (h > 0).long()) * n % 5),
        "twist must be a left action",
    ),
    "not closed": (
        lambda: Subgroup(SymmetricGroup(3), elements=torch.tensor([[0, 1, 2], [1, 2, 0]])),
        "elements must be closed under products",
    ),
    "no identity": (lambda: Subgroup(SymmetricGroup(3), elements=torch.tensor([[1, 0, 2]])), "elements must be closed"),
    "both": (lambda: Subgroup(SymmetricGroup(3)), "generators or elements must be given"),
    "limit": (lambda: Subgroup(SymmetricGroup(6), SymmetricGroup(6).generators(), limit=100), "at most 100 elements"),
    "no member": (
        lambda: alternating(4).inverse(torch.tensor([[1, 0, 2, 3]])),
        "g must be elements of subgroup of S_4 of order 12",
    ),
    "image group": (lambda: image_action(CyclicGroup(3), (4, 4)), "group must be C_n or D_n with n = 1, 2 or 4"),
    "image shape": (lambda: image_action(CyclicGroup(4), (4, 5)), "shape must end in two equal lengths"),
    "axes": (lambda: permutation_action(SymmetricGroup(3), (4,)), "axes must be axes of length 3"),
    "permutations": (lambda: permutation_action(SignFlipGroup(3), (3,)), "permutations must say how signs_3"),
    "matrices": (lambda: matrix_action(SignFlipGroup(3), (3,)), "matrices must say how signs_3"),
    "vectors": (lambda: matrix_action(DihedralGroup(3), (3,)), "shape must end in 2"),
    "whole numbers": (
        lambda: matrix_action(CyclicGroup(3), (2,)).act(torch.tensor([1]), torch.tensor([[1, 0]])),
        "x must hold floating-point numbers",
    ),
    "translation": (lambda: translation_action(TranslationGroup((3,)), (4,)), "shape must have lengths"),
    "sign axis": (lambda: sign_action(SignFlipGroup(3), (4,)), "axis must be an axis of length 3"),
    "tensor base": (lambda: tensor_action(graph_action(3), 2), "base must be a linear action on vectors"),
    "homomorphism": (
        lambda: pull_back(permutation_action(SymmetricGroup(4), (4,)), SymmetricGroup(4), lambda p: p.argsort(1)),
        "homomorphism must carry products",
    ),
    "grid": (lambda: grid_motions(4, CyclicGroup(3)), "turns must be C_4 or D_4"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_names_the_argument(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_joint_action_of_two_that_do_not_commute_is_refused():
    from course_lib.groups import joint_action

    group = DirectProduct(SymmetricGroup(3), CyclicGroup(3))
    places = permutation_action(SymmetricGroup(3), (3,))
    with pytest.raises(ValueError, match="first and second must fit together"):
        joint_action(group, places, permutation_action(CyclicGroup(3), (3,)))
    assert signed_permutations(2).order == 8
