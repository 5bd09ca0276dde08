"""Chains of short means against the mean over all elements; random halving against its law."""

import itertools

import pytest
import torch

from course_lib.equivariance.projection import (
    applications,
    cyclic_chain,
    generator_sweeps,
    mean_over,
    project,
    project_along,
    random_halving,
    relative_distances,
    sign_chain,
    symmetric_chain,
)
from course_lib.groups import (
    Action,
    CyclicGroup,
    OrthogonalGroup,
    SignFlipGroup,
    SymmetricGroup,
    invariant_projector,
    matrix_action,
    permutation_action,
    regular_action,
    sign_action,
    tensor_action,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tables(n: int) -> Action:
    return permutation_action(SymmetricGroup(n), (n, n), axes=(0, 1))


CHAINS = [
    (SymmetricGroup(1), symmetric_chain(1)),
    (SymmetricGroup(5), symmetric_chain(5)),
    (CyclicGroup(1), cyclic_chain(1)),
    (CyclicGroup(16), cyclic_chain(16)),
    (CyclicGroup(60), cyclic_chain(60)),
    (SignFlipGroup(4), sign_chain(4)),
]


@pytest.mark.parametrize("group, factors", CHAINS, ids=lambda value: str(value) if not isinstance(value, list) else "")
def test_every_element_is_a_product_of_the_chain_exactly_once(group, factors):
    products = group.identity()
    for elements in factors:
        products = torch.cat([group.product(t[None], products) for t in elements])
    keys = group.keys(products)
    assert len(keys) == group.order == len(set(keys))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_chain_of_s_n_is_the_mean_over_all_orders(order, dtype):
    action = tensor_action(permutation_action(SymmetricGroup(5), (5,)), order)
    x = torch.randn(2, *action.shape, generator=seeded(), dtype=dtype)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-13
    found = project_along(action, symmetric_chain(5), x)
    assert found.dtype == dtype
    torch.testing.assert_close(found, project(action, x), atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(project(action, x), _by_matrix(action, x), atol=tolerance, rtol=tolerance)


def _by_matrix(action: Action, x):
    return (x.flatten(1).double() @ invariant_projector(action).T).reshape(x.shape).to(x.dtype)


def test_groups_that_nobody_can_list_have_short_chains():
    n = 20
    w = torch.randn(1, n, n, generator=seeded(), dtype=torch.float64)
    found = project_along(tables(n), symmetric_chain(n), w)[0]
    diagonal = w[0].diagonal().mean()
    rest = (w.sum() - w[0].trace()) / (n * (n - 1))
    truth = torch.full((n, n), rest.item(), dtype=torch.float64).fill_diagonal_(diagonal.item())
    torch.testing.assert_close(found, truth, atol=1e-13, rtol=0)
    assert applications(symmetric_chain(n)) == 190
    x = torch.randn(1, 20, generator=seeded(), dtype=torch.float64)
    assert project_along(sign_action(SignFlipGroup(20), (20,)), sign_chain(20), x).abs().max() < 1e-16
    turns = permutation_action(CyclicGroup(1024), (1024,))
    signal = torch.randn(1, 1024, generator=seeded(), dtype=torch.float64)
    flat = project_along(turns, cyclic_chain(1024), signal)
    assert applications(cyclic_chain(1024)) == 10 and (flat - signal.mean()).abs().max() < 1e-15


def test_neighbours_alone_are_no_chain():
    n, action = 4, permutation_action(SymmetricGroup(4), (4,))
    rows = torch.arange(n).repeat(n - 1, 1)
    for k in range(n - 1):
        rows[k, [k, k + 1]] = rows[k, [k + 1, k]]
    pairs = [torch.stack([torch.arange(n), row]) for row in rows]
    x = torch.randn(1, n, generator=seeded(), dtype=torch.float64)
    assert (project_along(action, pairs, x) - x.mean()).abs().max() > 0.05


def test_halving_on_average_halves_exactly():
    """One step, all 24 elements of S_4: the mean squared distance is half of what it was, whatever the weights."""
    action = tables(4)
    x = torch.randn(1, 4, 4, generator=seeded(), dtype=torch.float64)
    goal = project(action, x)
    moved = action.act(action.group.elements(), x)[:, 0]
    halved = (x + moved) / 2
    ratio = (halved - goal).square().sum((1, 2)).mean() / (x - goal).square().sum()
    assert ratio == pytest.approx(0.5, abs=1e-12)


def test_halving_follows_its_law_and_each_step_is_a_half_sum():
    action, runs, steps = tables(6), 200, 6
    squares = []
    for seed in range(runs):
        x = torch.randn(1, 6, 6, generator=seeded(1000 + seed), dtype=torch.float64)
        path = random_halving(action, x, steps, seeded(seed))
        squares.append(relative_distances(path, project_along(action, symmetric_chain(6), x)).square())
    ratios = torch.stack(squares).mean(0) * 2.0 ** torch.arange(steps + 1)
    assert path.shape == (steps + 1, 1, 6, 6) and ((ratios - 1).abs() < 0.15).all(), ratios
    drawn = action.group.sample(steps, seeded(runs - 1))
    for g, before, after in zip(drawn, path[:-1], path[1:], strict=True):
        torch.testing.assert_close(after, (before + action.act(g[None], before)[0]) / 2)


def test_halving_works_for_a_group_that_is_not_finite():
    action = tensor_action(matrix_action(OrthogonalGroup(3), (3,)), 2)
    x = torch.randn(1, 3, 3, generator=seeded(), dtype=torch.float64)
    found = random_halving(action, x, 80, seeded())[-1, 0]
    torch.testing.assert_close(found, torch.eye(3, dtype=torch.float64) * x[0].trace() / 3, atol=1e-9, rtol=0)


def test_sweeps_are_powers_of_the_mean_of_the_generators():
    action = regular_action(CyclicGroup(6))
    chosen = torch.tensor([0, 1, 5])
    x = torch.randn(2, 6, generator=seeded(), dtype=torch.float64)
    path = generator_sweeps(action, chosen, x, 3)
    step = action.matrix(chosen).mean(0)
    for t in range(4):
        torch.testing.assert_close(path[t], x @ torch.linalg.matrix_power(step, t).T)
    gaps = relative_distances(path, project(action, x))
    assert gaps[0] == 1 and all(b < a for a, b in itertools.pairwise(gaps.tolist()))


def test_what_is_wrong_is_refused_by_name():
    action = tables(3)
    x = torch.zeros(1, 3, 3)
    with pytest.raises(ValueError, match="elements must hold at least one"):
        mean_over(action, torch.zeros(0, 3, dtype=torch.long), x)
    with pytest.raises(ValueError, match="elements must be elements of S_3"):
        mean_over(action, torch.tensor([[0, 0, 1]]), x)
    with pytest.raises(ValueError, match="steps at least 0"):
        random_halving(action, x, -1, seeded())
    with pytest.raises(ValueError, match="n must be"):
        symmetric_chain(0)
