"""Averages over a group, a part of it or a walk, against brute force, closed forms and the theory of representations."""

import math

import pytest
import torch

from course_lib.equivariance.averaging import (
    group_average,
    iterated_average,
    remaining_error,
    steps_until,
    total_variation,
    walk_distribution,
    worst_case_left,
)
from course_lib.groups import (
    CyclicGroup,
    DihedralGroup,
    SpecialOrthogonalGroup,
    SymmetricGroup,
    equivariance_error,
    matrix_action,
    permutation_action,
    tensor_action,
    trivial_action,
)
from course_lib.models import MLP


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(group, seed: int = 0):
    """A generic function from pictures of a group's places to tables of them, and its two actions."""
    base = permutation_action(group, (group.n,))
    there = tensor_action(base, 2)
    net = MLP([group.n, 12, group.n**2], "tanh", seed).double().requires_grad_(False)
    return (lambda x: net(x).reshape(len(x), group.n, group.n)), base, there


@pytest.mark.parametrize("group", [CyclicGroup(3), CyclicGroup(6), DihedralGroup(5), SymmetricGroup(4)])
def test_the_average_is_the_definition_element_by_element(group):
    f, here, there = network(group)
    x = torch.randn(3, *here.shape, dtype=torch.float64, generator=seeded())
    total = 0
    for g in group.elements():
        rho_in, rho_out = here.matrix(g[None])[0], there.matrix(g[None])[0]
        answers = f(x @ rho_in.T).flatten(1)
        total = total + torch.linalg.solve(rho_out, answers.T).T / group.order
    found = group_average(f, here, there)(x)
    torch.testing.assert_close(found.flatten(1), total, atol=1e-12, rtol=0)


@pytest.mark.parametrize("group", [CyclicGroup(3), DihedralGroup(5), SymmetricGroup(4)])
def test_it_projects_onto_the_equivariant_functions(group, dtype):
    f, here, there = network(group)

    def cast(x):
        return f(x.double()).to(dtype)

    x = torch.randn(3, *here.shape, dtype=dtype, generator=seeded())
    once = group_average(cast, here, there)
    twice = group_average(once, here, there)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert once(x).dtype == dtype
    assert equivariance_error(once, here, there, x, group.elements()).max() < tolerance
    assert equivariance_error(cast, here, there, x, group.elements()).max() > 0.1, "it was not equivariant before"
    torch.testing.assert_close(twice(x), once(x), atol=tolerance, rtol=tolerance)


def test_matrices_that_are_not_orthogonal_need_the_inverse_and_not_the_transpose():
    group = CyclicGroup(3)
    basis = torch.tensor([[1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)
    plane = matrix_action(group, (2,), lambda g: basis @ group.matrices(g) @ basis.inverse())
    net = MLP([2, 8, 2], "tanh", 0).double().requires_grad_(False)
    x = torch.randn(5, 2, dtype=torch.float64, generator=seeded())
    assert equivariance_error(group_average(net, plane, plane), plane, plane, x, group.elements()).max() < 1e-12


def test_on_a_complete_orbit_the_gain_in_squared_error_is_the_distance_to_the_average():
    """E|f - y|^2 - E|Pf - y|^2 = E|f - Pf|^2 for invariant y: Pythagoras in L2."""
    group = DihedralGroup(5)
    here, there = permutation_action(group, (5,)), trivial_action(group)
    net = MLP([5, 12, 1], "tanh", 1).double().requires_grad_(False)
    x = here.act(group.elements(), torch.randn(4, 5, dtype=torch.float64, generator=seeded())).flatten(0, 1)
    y = x.square().sum(1)
    averaged = group_average(net, here, there)
    gain = (net(x) - y).square().mean() - (averaged(x) - y).square().mean()
    assert gain > 0 and abs(gain - (net(x) - averaged(x)).square().mean()) < 1e-12
    part = here.act(group.elements()[:4], torch.randn(4, 5, dtype=torch.float64, generator=seeded())).flatten(0, 1)
    y = part.square().sum(1)
    gain = (net(part) - y).square().mean() - (averaged(part) - y).square().mean()
    assert abs(gain - (net(part) - averaged(part)).square().mean()) > 1e-3, "an incomplete orbit is no invariant law"


def test_what_is_wrong_is_refused_by_name():
    group = CyclicGroup(3)
    here, other = permutation_action(group, (3,)), permutation_action(CyclicGroup(4), (4,))
    with pytest.raises(ValueError, match="action_out must be an action of C_3"):
        group_average(lambda x: x, here, other)
    with pytest.raises(ValueError, match="elements must hold at least one"):
        group_average(lambda x: x, here, here, torch.zeros(0, dtype=torch.long))
    with pytest.raises(ValueError, match="weights must be"):
        group_average(lambda x: x, here, here, torch.tensor([0, 1]), torch.tensor([0.5, 0.6]))
    with pytest.raises(ValueError, match="the output of f"):
        group_average(lambda x: x[:, :2], here, here)(torch.zeros(1, 3))
    space = matrix_action(SpecialOrthogonalGroup(3), (3,))
    with pytest.raises(ValueError, match="at most"):
        group_average(lambda x: x, space, space)
    with pytest.raises(ValueError, match="steps must be at least 0"):
        walk_distribution(group, torch.tensor([1]), -1)


def test_the_walk_is_a_power_of_the_step_and_the_iterated_average_an_average_of_averages():
    group = SymmetricGroup(4)
    chosen = torch.cat([group.identity(), group.generators()])
    members, mass = walk_distribution(group, chosen, 5)
    torch.testing.assert_close(mass.sum(1), torch.ones(6, dtype=torch.float64))
    f, here, there = network(group)
    by_hand = f
    for _ in range(3):
        by_hand = group_average(by_hand, here, there, chosen)
    x = torch.randn(2, 4, dtype=torch.float64, generator=seeded())
    torch.testing.assert_close(iterated_average(f, here, there, chosen, 3)(x), by_hand(x), atol=1e-12, rtol=0)
    words = {group.keys(group.identity())[0]: 1.0}
    for _ in range(5):
        spread = {}
        for key, p in words.items():
            for one in group.keys(group.product(chosen, torch.tensor([key]))):
                spread[one] = spread.get(one, 0) + p / len(chosen)
        words = spread
    found = dict(zip(group.keys(members), mass[-1].tolist(), strict=True))
    assert {key: round(p, 12) for key, p in found.items() if p} == {key: round(p, 12) for key, p in words.items()}


@pytest.mark.parametrize("n, steps", [(4, 1), (8, 1), (16, 1), (16, 3), (64, 1)])
def test_worst_cases_on_cyclic_groups_are_the_fourier_coefficients(n, steps):
    found = worst_case_left(CyclicGroup(n), torch.tensor([0, 1, n - 1]), steps)
    truth = max(abs(1 + 2 * math.cos(2 * math.pi * k / n)) / 3 for k in range(1, n)) ** steps
    assert found == pytest.approx(truth, abs=1e-12)


@pytest.mark.parametrize("n", [3, 5, 6])
def test_worst_cases_on_dihedral_groups_are_norms_of_the_irreducible_representations(n):
    """Independent of the regular representation: signs of turns and flips, and the rotations by k steps of the plane."""
    group = DihedralGroup(n)
    chosen = torch.tensor([[0, 0], [1, 0], [1, 0], [2, 1]])  # does not commute, not symmetric
    turns, flips = group.parts(chosen)
    norms = []
    for a in (1, -1) if n % 2 == 0 else (1,):
        for b in (1, -1):
            if (a, b) != (1, 1):
                norms.append(abs((a**turns * b**flips).double().mean().item()))
    for k in range(1, (n + 1) // 2):
        plane = torch.stack([turns * k % n, flips], 1)
        norms.append(torch.linalg.matrix_norm(group.matrices(plane).mean(0), 2).item())
    assert worst_case_left(group, chosen) == pytest.approx(max(norms), abs=1e-12)


def test_one_pass_is_idempotent_only_on_a_subgroup_and_generators_alone_can_oscillate_for_ever():
    group = SymmetricGroup(4)
    swaps = torch.tensor([[1, 0, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2]])
    assert worst_case_left(group, group.elements()) < 1e-12
    for steps in (1, 50):  # odd and even
        assert worst_case_left(group, swaps, steps) == pytest.approx(1.0)
    assert steps_until(group, swaps, 0.01, limit=1000) is None
    assert worst_case_left(group, swaps[:2]) == 1.0, "these generate S_3 only"
    lazy = torch.cat([group.identity(), swaps])
    steps = steps_until(group, lazy, 0.01)
    assert worst_case_left(group, lazy, steps) <= 0.01 < worst_case_left(group, lazy, steps - 1)


def test_total_variation_from_the_uniform_distribution():
    assert total_variation(torch.full((6,), 1 / 6), 6).item() == pytest.approx(0)
    assert total_variation(torch.tensor([[0.5, 0.5]]), 4).tolist() == [0.5]
    group = SymmetricGroup(4)
    swaps = group.generators()[:1]
    members, mass = walk_distribution(group, swaps, 1)
    assert len(members) == 2 and total_variation(mass, group.order).tolist() == pytest.approx([23 / 24, 23 / 24])


def test_what_remains_of_one_function_is_at_most_the_worst_case_on_its_orbits():
    group = SymmetricGroup(4)
    f, here, there = network(group)
    chosen = torch.cat([group.identity(), group.generators()])
    orbits = here.act(group.elements(), torch.randn(3, 4, dtype=torch.float64, generator=seeded())).flatten(0, 1)
    whole, part = group_average(f, here, there), group_average(f, here, there, chosen)
    left = remaining_error(f, part, whole, orbits)
    assert 0.05 < left <= worst_case_left(group, chosen) + 1e-12
    assert remaining_error(f, f, whole, orbits) == pytest.approx(1) and remaining_error(f, whole, whole, orbits) == 0
