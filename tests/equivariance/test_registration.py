"""Registration against scipy, against certificates of optimality, and against brute force."""

import pytest
import torch
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.transform import Rotation

from course_lib.clusters import the_cluster
from course_lib.equivariance.registration import match_points, misfit, procrustes, register, register_by_turns
from course_lib.groups import OrthogonalGroup, SpecialOrthogonalGroup, SymmetricGroup


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_orthogonal_against_scipy(d, dtype):
    x, y = torch.randn(2, 20, 7, d, generator=seeded(d), dtype=dtype)
    found, small = procrustes(x, y), 1e-3 if dtype == torch.float32 else 1e-9
    for q, a, b in zip(found, x, y, strict=True):
        assert abs(q.T.numpy() - orthogonal_procrustes(a.numpy(), b.numpy())[0]).max() < small


def test_rotation_against_scipy():
    x, y = torch.randn(2, 40, 6, 3, generator=seeded(1)).double()
    found, free = procrustes(x, y, special=True), procrustes(x, y)
    for q, a, b in zip(found, x, y, strict=True):
        rotation = Rotation.align_vectors(b.numpy(), a.numpy())[0].as_matrix()
        assert abs(q.numpy() - rotation).max() < 1e-6
    mirrored = torch.linalg.det(free) < 0
    assert 5 < mirrored.sum() < 35 and (torch.linalg.det(found) > 0.999).all()


@pytest.mark.parametrize("d", [2, 3, 4])
def test_rotation_satisfies_the_certificate_of_the_best(d, dtype):
    """Q is best if Q^T M is symmetric, and the sum of its two smallest eigenvalues is not negative."""
    x, y = torch.randn(2, 30, 6, d, generator=seeded(10 + d), dtype=dtype)
    q, small = procrustes(x, y, special=True), 1e-3 if dtype == torch.float32 else 1e-9
    s = q.mT @ (y.mT @ x)
    assert (s - s.mT).abs().max() < small
    assert torch.linalg.eigvalsh(s)[:, :2].sum(1).min() > -small
    assert (torch.linalg.eigvalsh(s)[:, 0] < 0).any()


def test_a_planted_rotation_is_recovered(dtype):
    x = torch.randn(5, 4, 3, generator=seeded(2), dtype=dtype)
    for group, special in ((SpecialOrthogonalGroup(3), True), (OrthogonalGroup(3), False)):
        q = group.sample(5, seeded(3)).to(dtype)
        found = procrustes(x, x @ q.mT, special)
        assert (found - q).abs().max() < (1e-4 if dtype == torch.float32 else 1e-10)
        assert misfit(found, x, x @ q.mT).max() < (1e-4 if dtype == torch.float32 else 1e-10)


def test_planes_of_rotations_by_a_fine_grid():
    x, y = torch.randn(2, 6, 5, 2, generator=seeded(4)).double()
    angles = torch.arange(3600).double() * 2 * torch.pi / 3600
    turns = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], 1).reshape(-1, 2, 2)
    best = misfit(procrustes(x, y, special=True), x, y)
    for one, other, least in zip(x, y, best, strict=True):
        all_of_them = misfit(turns, one.expand(3600, -1, -1), other.expand(3600, -1, -1))
        assert least <= all_of_them.min() + 1e-12 and all_of_them.min() < least + 1e-5


def test_matching_by_all_orders():
    x, y = torch.randn(2, 10, 5, 2, generator=seeded(5)).double()
    orders = SymmetricGroup(5).elements()
    for p, one, other in zip(match_points(x, y), x, y, strict=True):
        costs = (one - other[orders]).square().sum((1, 2))
        assert torch.equal(orders[costs.argmin()], p)


def test_registration_recovers_turn_and_names_of_a_cluster():
    x = the_cluster().positions
    q, p = SpecialOrthogonalGroup(3).sample(1, seeded(6))[0], torch.tensor([3, 5, 0, 1, 4, 2])
    y = torch.empty_like(x)
    y[:, p] = x @ q.T
    for special in (True, False):
        found, order, gap = register(x, y, special)
        assert gap < 1e-6 and torch.equal(order[0], p) and (found[0] - q).abs().max() < 1e-6
    found, order, gap = register_by_turns(x, y, starts=300, generator=seeded(7))
    assert gap < 1e-6 and torch.equal(order[0], p) and (found[0] - q).abs().max() < 1e-6
    mirror = y * torch.tensor([1.0, 1.0, -1.0])
    assert register(x, mirror, special=True)[2] > 0.1 and register(x, mirror)[2] < 1e-6


def test_alternation_is_never_better_than_all_orders_and_sometimes_worse():
    x, y = torch.randn(2, 8, 5, 3, generator=seeded(8)).double()
    best = register(x, y, special=True)[2]
    once = register_by_turns(x, y, starts=1, generator=seeded(9))[2]
    often = register_by_turns(x, y, starts=40, generator=seeded(9))[2]
    assert (once >= best - 1e-9).all() and (once > best + 1e-3).any()
    assert (often <= once + 1e-9).all() and (often >= best - 1e-9).all() and (often < best + 1e-9).sum() >= 4


def test_bad_input_is_named():
    x = torch.randn(2, 8, 3)
    with pytest.raises(ValueError, match="y must have the shape of x"):
        procrustes(x, x[:, :5])
    with pytest.raises(ValueError, match="at most 7 points"):
        register(x, x)
    with pytest.raises(ValueError, match="y must be clouds"):
        procrustes(x, x.long())
    with pytest.raises(ValueError, match="finite"):
        match_points(x * torch.nan, x)
