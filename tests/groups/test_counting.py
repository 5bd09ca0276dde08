"""Orbits, stabilisers, Burnside and characters against enumeration and known tables."""

import itertools

import pytest
import torch
from sympy.combinatorics import Permutation, PermutationGroup

from course_lib.groups import (
    Action,
    CyclicGroup,
    DihedralGroup,
    OrthogonalGroup,
    SpecialOrthogonalGroup,
    Subgroup,
    SymmetricGroup,
    character,
    count_colourings,
    count_orbits,
    cycle_counts,
    equivariant_dimension,
    fixed_points,
    graph_action,
    image_action,
    invariant_basis,
    invariant_dimension,
    invariant_projector,
    matrix_action,
    orbit,
    orbit_from_generators,
    permutation_action,
    point_orbits,
    regular_action,
    stabiliser,
    tensor_action,
)
from tests.groups.instances import FINITE, actions, alternating


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


EXACT = ["set", "graph", "corners of a polygon", "even permutations", "signs", "image", "translation", "regular", "p4m"]


@pytest.mark.parametrize("name", EXACT)
def test_orbit_times_stabiliser_is_the_order(name):
    action = actions(torch.float64)[name]
    for seed in range(6):  # few different values, so that there is something to stabilise
        x = torch.randint(1 + seed % 3, action.shape, generator=seeded(seed)).double()
        points, stable = orbit(action, x), stabiliser(action, x)
        assert len(points) * len(stable) == action.group.order
        assert (points[0] == x).all()
        walked = orbit_from_generators(action, x)
        assert {tuple(p.flatten().tolist()) for p in walked} == {tuple(p.flatten().tolist()) for p in points}
        assert Subgroup(action.group, elements=stable).order == len(stable), "a stabiliser is a subgroup"


def test_orbits_of_the_plane_with_rounding(dtype):
    action = matrix_action(DihedralGroup(6), (2,))
    sizes = [len(orbit(action, torch.tensor(x, dtype=dtype), 1e-5)) for x in ((0.0, 0.0), (1.0, 0.0), (0.8, 0.3))]
    assert sizes == [1, 6, 12]
    assert len(stabiliser(action, torch.tensor([1.0, 0.0], dtype=dtype), 1e-5)) == 2


def test_orbits_without_listing_the_group():
    action = permutation_action(SymmetricGroup(14), (14,))
    assert len(orbit_from_generators(action, torch.arange(14) // 12)) == 91
    with pytest.raises(ValueError, match="x must have at most 50 images"):
        orbit_from_generators(action, torch.arange(14) // 12, limit=50)


def test_cycles_and_fixed_points_are_those_of_sympy():
    p = SymmetricGroup(8).sample(50, seeded())
    for row, cycles, fixed in zip(p.tolist(), cycle_counts(p).tolist(), fixed_points(p).tolist(), strict=True):
        reference = Permutation(row)
        assert cycles == reference.cycles and fixed == 8 - len(reference.support())


def test_orbits_of_points_are_those_of_sympy():
    group = SymmetricGroup(9)
    for seed in range(10):
        p = group.sample(1, seeded(seed))
        labels = point_orbits(p)
        orbits = {frozenset(members) for members in PermutationGroup([Permutation(p[0].tolist())]).orbits()}
        reference = orbits | {frozenset([i]) for i in set(range(9)).difference(*orbits)}
        found = {frozenset((labels == label).nonzero().flatten().tolist()) for label in labels}
        assert found == reference
    chain = torch.tensor([[1, 2, 3, 4, 5, 0, 6]])
    assert point_orbits(chain).tolist() == [0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("colours", [1, 2, 3])
def test_burnside_is_enumeration(n, colours):
    for group in (CyclicGroup(n), DihedralGroup(n)):
        permutations = group.permutations(group.elements())
        every = itertools.product(range(colours), repeat=n)
        classes = {min(tuple(x[i] for i in p) for p in permutations.tolist()) for x in every}
        assert count_colourings(permutations, colours) == len(classes)
        assert count_orbits(permutations) == len(point_orbits(permutations).unique())


def test_burnside_on_known_numbers():
    necklaces = [count_colourings(CyclicGroup(n).permutations(torch.arange(n)), 2) for n in range(1, 11)]
    assert necklaces == [2, 3, 4, 6, 8, 14, 20, 36, 60, 108]  # OEIS A000031
    bracelets = [count_colourings(DihedralGroup(n).permutations(DihedralGroup(n).elements()), 2) for n in range(1, 11)]
    assert bracelets == [2, 3, 4, 6, 8, 13, 18, 30, 46, 78]  # OEIS A000029
    pairs = [(i, j) for i in range(4) for j in range(i)]
    moved = [[pairs.index(tuple(sorted((p[i], p[j]), reverse=True))) for i, j in pairs] for p in SymmetricGroup(4).elements()]
    assert count_colourings(torch.tensor(moved), 2) == 11  # graphs with four nodes
    assert count_colourings(torch.arange(3)[None], 10**30) == 10**90


def test_what_is_no_group_has_no_whole_mean():
    with pytest.raises(ValueError, match="permutations must be all elements of a group"):
        count_orbits(torch.tensor([[0, 1, 2], [1, 2, 0]]))
    with pytest.raises(ValueError, match="permutations must be a tensor"):
        cycle_counts(torch.tensor([[0, 0, 1]]))
    bad = Action(CyclicGroup(2), (2,), lambda g, x: x.expand(len(g), *x.shape) * (1 + g.reshape(-1, 1, 1) / 3))
    with pytest.raises(ValueError, match="action must be a representation"):
        invariant_dimension(bad)


@pytest.mark.parametrize(
    "name", ["set", "graph", "even permutations", "signs", "plane", "image, C_4", "regular", "p4m", "signed"]
)
def test_mean_character_is_the_dimension_of_what_does_not_move(name):
    action = actions(torch.float64)[name]
    projector, basis = invariant_projector(action), invariant_basis(action)
    assert invariant_dimension(action) == len(basis) == torch.linalg.matrix_rank(projector, atol=1e-8)
    torch.testing.assert_close(projector @ projector, projector, atol=1e-10, rtol=0)
    torch.testing.assert_close(basis.T @ basis, projector, atol=1e-8, rtol=0)
    g = action.group.sample(4, seeded())
    moved = action.act(g, basis.reshape(-1, *action.shape)) if len(basis) else basis
    assert not len(basis) or (moved - basis.reshape(-1, *action.shape)).abs().max() < 1e-8


def test_permutation_characters_count_fixed_points_and_are_class_functions():
    group = SymmetricGroup(5)
    g, h = group.sample(20, seeded(0)), group.sample(20, seeded(1))
    action = permutation_action(group, (5,))
    assert (character(action, g) == fixed_points(g)).all()
    conjugate = group.product(group.product(h, g), group.inverse(h))
    assert (character(graph_action(5), conjugate) == character(graph_action(5), g)).all()


@pytest.mark.parametrize(("n", "k", "expected"), [(2, 2, 8), (3, 2, 14), (4, 2, 15), (5, 2, 15), (4, 1, 2), (3, 1, 2)])
def test_linear_layers_on_tensors_under_permutations(n, k, expected):  # Bell(2k) for n >= 2k (Maron et al., 2019)
    action = tensor_action(permutation_action(SymmetricGroup(n), (n,)), k)
    assert equivariant_dimension(action, action) == expected


def test_dimensions_under_cyclic_dihedral_and_regular_actions():
    for n in (3, 4, 5, 6):
        turn, flip = (permutation_action(group(n), (n,)) for group in (CyclicGroup, DihedralGroup))
        assert equivariant_dimension(turn, turn) == n and equivariant_dimension(flip, flip) == n // 2 + 1
    regular = regular_action(FINITE["A_5"])
    assert invariant_dimension(regular) == 1 and equivariant_dimension(regular, regular) == 60
    image = image_action(DihedralGroup(4), (8, 8))
    assert invariant_dimension(image) == 10


@pytest.mark.parametrize(("order", "orthogonal", "special"), [(1, 0, 0), (2, 1, 1), (3, 0, 1), (4, 3, 3)])
def test_invariant_tensors_of_rotations(order, orthogonal, special):  # delta, epsilon, and three pairings of four axes
    for group, expected in ((OrthogonalGroup(3), orthogonal), (SpecialOrthogonalGroup(3), special)):
        basis = invariant_basis(tensor_action(matrix_action(group, (3,)), order))
        assert len(basis) == expected
    if order == 3:
        epsilon = basis[0].reshape(3, 3, 3)
        torch.testing.assert_close(epsilon, -epsilon.transpose(0, 1), atol=1e-12, rtol=0)


def test_an_alternating_group_has_two_orbits_of_even_and_odd_orders():
    action = permutation_action(alternating(5), (5,))
    assert len(orbit(action, torch.arange(5))) == 60
    assert not (orbit(action, torch.arange(5)) == torch.tensor([1, 0, 2, 3, 4])).all(1).any()
