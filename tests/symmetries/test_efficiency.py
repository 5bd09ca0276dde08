"""Least squares with a symmetry: the formulas against simulation, brute force and each other."""

import pytest
import torch

from course_lib.groups import DihedralGroup, SymmetricGroup, invariant_projector, permutation_action, pull_back
from course_lib.symmetries import efficiency


def blocks(dtype=torch.float64):
    """S_3 permuting three items in each of four blocks: d = 12, s = 4."""
    return torch.kron(torch.eye(4), torch.full((3, 3), 1 / 3)).to(dtype)


def simulate(n, broken=0.0, repeats=6000, noise=0.7, seed=0):
    projector, generator = blocks(), torch.Generator().manual_seed(seed)
    theta = projector @ torch.randn(12, generator=generator).double()
    odd = torch.randn(12, generator=generator).double()
    odd -= projector @ odd
    theta = theta + odd / odd.norm() * broken**0.5
    return efficiency.simulated_risks(projector, theta, n, repeats, generator, noise)


@pytest.mark.parametrize(("n", "broken"), [(24, 0.0), (40, 0.0), (24, 0.4), (60, 0.4)])
def test_simulated_risks_agree_with_the_formulas(n, broken):
    for estimate, risks in simulate(n, broken).items():
        expected = efficiency.expected_risk(estimate, n, 12, 4, 0.7, broken)
        assert abs(risks.mean() - expected) < 4 * risks.std() / len(risks) ** 0.5, estimate


def test_averaging_afterwards_never_costs_when_the_target_is_invariant():
    risks = simulate(20, repeats=200)
    assert (risks["after"] <= risks["plain"] + 1e-12).all(), "a projection that keeps the target: in every draw, not on average"
    assert (simulate(60, broken=2.0, repeats=200)["after"] > 1.9).all(), "and the bias is there in every draw"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constrained_least_squares_is_a_minimum_among_invariant_vectors(dtype):
    generator = torch.Generator().manual_seed(3)
    x, y = (torch.randn(3, 9, *shape, generator=generator, dtype=dtype) for shape in ((12,), ()))
    found = efficiency.constrained_least_squares(x, y, blocks(dtype))  # 9 rows do for 4 invariant dimensions
    assert torch.allclose(found @ blocks(dtype), found, atol=1e-4 if dtype == torch.float32 else 1e-12)
    residual = y - (x @ found[..., None])[..., 0]
    slope = (residual[:, None] @ x)[:, 0] @ blocks(dtype)  # no invariant direction improves the fit
    assert slope.abs().max() < (1e-4 if dtype == torch.float32 else 1e-11)


def test_least_squares_equals_the_normal_equations():
    generator = torch.Generator().manual_seed(4)
    x, y = torch.randn(2, 15, 6, generator=generator).double(), torch.randn(2, 15, generator=generator).double()
    truth = torch.linalg.solve(x.mT @ x, (x.mT @ y[..., None])[..., 0])
    assert torch.allclose(efficiency.least_squares(x, y), truth)


def test_invariant_rows_span_the_fixed_space_of_a_group_without_orthogonal_coordinates():
    action = permutation_action(DihedralGroup(5), (5,))
    basis = efficiency.invariant_rows(invariant_projector(action))
    assert basis.shape == (5, 1) and torch.allclose(basis.abs(), torch.full((5, 1), 5**-0.5).double())
    doubled = pull_back(permutation_action(SymmetricGroup(4), (4,)), SymmetricGroup(4))
    assert efficiency.invariant_rows(invariant_projector(doubled)).shape == (4, 1)


@pytest.mark.parametrize(("n", "d", "s"), [(25, 12, 4), (11, 49, 8), (7.5, 49, 5)])
def test_samples_worth_is_exact(n, d, s):
    worth = efficiency.samples_worth(n, d, s)
    assert d / (worth - d - 1) == pytest.approx(s / (n - s - 1))
    if isinstance(n, int) and worth == int(worth):
        plain, before = (efficiency.expected_risk(*part) for part in (("plain", int(worth), d, s), ("before", n, d, s)))
        assert plain == pytest.approx(before)


@pytest.mark.parametrize("n", [20, 50, 400])
def test_at_the_tolerated_breaking_bias_and_variance_balance(n):
    broken = efficiency.tolerated_breaking(n, 12, 4, 0.7)
    plain, before = (efficiency.expected_risk(name, n, 12, 4, 0.7, broken) for name in ("plain", "before"))
    assert broken > 0 and before == pytest.approx(plain)
    assert efficiency.expected_risk("before", n, 12, 4, 0.7, 1.1 * broken) > plain


def test_what_is_wrong_is_named():
    x = torch.zeros(1, 3, 4)
    with pytest.raises(ValueError, match="n >= d"):
        efficiency.least_squares(x, torch.zeros(1, 3))
    with pytest.raises(ValueError, match="projector"):
        efficiency.invariant_rows(2 * torch.eye(3))
    with pytest.raises(ValueError, match="infinite"):
        efficiency.expected_risk("plain", 13, 12, 4)
    assert efficiency.expected_risk("before", 13, 12, 4) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="estimate"):
        efficiency.expected_risk("averaged", 30, 12, 4)
    with pytest.raises(ValueError, match="n > s"):
        efficiency.samples_worth(5, 12, 4)
