"""Invariant kernels and regression on the torus, against closed forms and brute force."""

import math

import pytest
import torch

from course_lib.groups import DihedralGroup, SymmetricGroup, matrix_action, permutation_action
from course_lib.symmetries import kernels

NAMES = kernels.GROUPS


def points(count, seed=0, dtype=torch.float64):
    return 2 * math.pi * torch.rand(count, 2, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_torus_kernel_is_the_product_of_two_dirichlet_kernels(dtype):
    x, y = points(5, 1, dtype), points(7, 2, dtype)
    gap = (x[:, None] - y[None]).double()
    truth = (torch.sin(3.5 * gap) / torch.sin(gap / 2) / 7).prod(2)
    assert torch.allclose(kernels.torus_kernel(3)(x, y).double(), truth, atol=1e-5 if dtype == torch.float32 else 1e-12)


def test_waves_are_orthonormal():
    k = 2 * math.pi * torch.arange(9).double() / 9
    phi = kernels.waves(torch.cartesian_prod(k, k), 2)
    assert torch.allclose(phi.T @ phi / 81, torch.eye(25).double(), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_left_actions_that_keep_the_torus_kernel(name):
    action, x, y = kernels.torus_action(name), points(4, 3), points(5, 4)
    elements, kernel = action.group.elements(), kernels.torus_kernel(3)
    for g in elements:
        assert torch.allclose(kernel(action.act(g[None], x)[0], action.act(g[None], y)[0]), kernel(x, y), atol=1e-10)
        for h in elements:
            twice = action.act(g[None], action.act(h[None], x)[0])[0]
            once = action.act(action.group.product(g[None], h[None]), x)[0]
            assert torch.allclose(torch.exp(1j * once), torch.exp(1j * twice), atol=1e-9), "equal on the torus"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("band", [1, 2, 3])
def test_the_number_of_invariant_waves_is_the_rank_of_the_averaged_kernel(name, band):
    action = kernels.torus_action(name)
    kernel = kernels.invariant_kernel(kernels.torus_kernel(band), action)
    k = 2 * math.pi * torch.arange(2 * band + 1).double() / (2 * band + 1)
    grid = torch.cartesian_prod(k, k)  # as many points as waves, and they tell all waves apart
    values, count = kernel(grid, grid), kernels.invariant_waves(action, band)
    assert torch.linalg.matrix_rank(values, hermitian=True, tol=1e-8) == count
    projector = kernels.wave_projector(action, band)
    assert torch.allclose(projector @ projector, projector, atol=1e-10)
    assert projector.trace().item() == pytest.approx(count)
    mean = values.diagonal().mean().item()
    assert kernels.predicted_gain(action, band) == pytest.approx(1 / mean), "one over the mean of the diagonal"


def test_gains_come_close_to_the_order_of_the_group_from_below_for_motions_only():
    square, shifts = kernels.torus_action("D4"), kernels.torus_action("half shifts")
    gains = [kernels.predicted_gain(square, band) for band in (1, 3, 9, 40)]
    assert gains == sorted(gains) and 7.6 < gains[-1] < 8
    assert kernels.predicted_gain(shifts, 3) > 4 > kernels.predicted_gain(shifts, 2)


@pytest.mark.parametrize(("group", "d"), [(SymmetricGroup(3), 3), (DihedralGroup(5), 5)])
def test_an_invariant_kernel_is_invariant_on_both_sides_and_positive(group, d):
    action, generator = permutation_action(group, (d,)), torch.Generator().manual_seed(6)
    a = torch.randn(d, d, generator=generator).double()
    metric = a @ a.T / d  # singles out directions: the base kernel is not invariant
    kernel = kernels.invariant_kernel(lambda x, y: kernels.gaussian_kernel(x, y, metric), action)
    x, y = torch.randn(6, d, generator=generator).double(), torch.randn(4, d, generator=generator).double()
    moved = action.act(group.sample(3, generator), x)
    assert all(torch.allclose(kernel(one, y), kernel(x, y)) for one in moved)
    assert torch.allclose(kernel(y, moved[0]), kernel(y, x))
    assert torch.linalg.eigvalsh(kernel(x, x)).min() > -1e-10
    one_average = torch.stack([kernels.gaussian_kernel(z, y, metric) for z in action.act(group.elements(), x)]).mean(0)
    assert not torch.allclose(one_average, kernel(x, y), atol=1e-3), "the base is not invariant, so one average is not enough"


def test_the_gaussian_kernel_of_scikit_learn():
    from sklearn.metrics.pairwise import rbf_kernel

    x, y = points(4, 7), points(3, 8)
    truth = torch.from_numpy(rbf_kernel(x.numpy(), y.numpy(), gamma=0.35))
    assert torch.allclose(kernels.gaussian_kernel(x, y, 0.7 * torch.eye(2).double()), truth)


def test_kernel_ridge_of_scikit_learn():
    from sklearn.kernel_ridge import KernelRidge

    x, y, new = points(20, 9), points(20, 10)[:, 0], points(5, 11)
    kernel = kernels.torus_kernel(2)
    theirs = KernelRidge(alpha=0.3, kernel="precomputed").fit(kernel(x, x).numpy(), y.numpy())
    ours = kernels.kernel_ridge(kernel, x, y, 0.3)(new)
    assert torch.allclose(ours, torch.from_numpy(theirs.predict(kernel(new, x).numpy())))


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("name", [None, "C4", "half shifts"])
def test_risks_in_waves_are_those_of_kernel_ridge_regression(name, scaled):
    action, band, n, noise = None if name is None else kernels.torus_action(name), 2, 18, 0.4
    theta = torch.randn(25, generator=torch.Generator().manual_seed(12)).double()
    found = kernels.wave_risks(action, theta, [n], noise, 1, torch.Generator().manual_seed(13), scaled).item()
    generator = torch.Generator().manual_seed(13)  # the same draws
    x = 2 * math.pi * torch.rand(1, n, 2, generator=generator, dtype=torch.float64)[0]
    y = kernels.waves(x, band) @ theta + noise * torch.randn(1, n, generator=generator, dtype=torch.float64)[0]
    plain = kernels.torus_kernel(band)
    kernel = plain if action is None else kernels.invariant_kernel(plain, action)
    factor = kernels.predicted_gain(action, band) if scaled and action is not None else 1.0
    f = kernels.kernel_ridge(lambda a, b: factor * kernel(a, b), x, y, noise**2)
    k = 2 * math.pi * torch.arange(9).double() / 9
    grid = torch.cartesian_prod(k, k)
    assert found == pytest.approx((f(grid) - kernels.waves(grid, band) @ theta).square().mean().item(), rel=1e-8)


def test_a_random_invariant_is_invariant():
    for name in NAMES:
        action = kernels.torus_action(name)
        theta, x = kernels.random_invariant(action, 3, torch.Generator().manual_seed(1)), points(6, 14)
        values = kernels.waves(action.act(action.group.elements(), x), 3) @ theta
        assert torch.allclose(values, values[:1].expand_as(values), atol=1e-9) and theta.norm() == pytest.approx(1)
        assert values[0].std() > 0.1


def test_a_horizontal_gain_is_read_off_curves():
    sizes, few = [10, 20, 40, 80, 160], [5, 10, 20, 1000]
    curve = torch.tensor(sizes).double() ** -1.5
    assert kernels.horizontal_gain(sizes, curve, few, (3.0 * torch.tensor(few)) ** -1.5) == pytest.approx(3)
    with pytest.raises(ValueError, match="invariant"):
        kernels.horizontal_gain(sizes, curve, [10], torch.tensor([1e-9]))
    with pytest.raises(ValueError, match="fall"):
        kernels.horizontal_gain(sizes, -curve, few, curve[:4])


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match="name"):
        kernels.torus_action("C3")
    with pytest.raises(ValueError, match="ridge"):
        kernels.kernel_ridge(kernels.torus_kernel(1), points(3), points(3)[:, 0], 0.0)
    with pytest.raises(ValueError, match="band"):
        kernels.frequencies(-1)
    with pytest.raises(ValueError, match="shift"):
        kernels.frequency_permutations(kernels.torus_action("half shifts"), 2)
    turns = kernels.frequency_permutations(matrix_action(DihedralGroup(4), (2,)), 2)
    assert (turns.sort(1).values == torch.arange(25)).all() and len({tuple(row) for row in turns.tolist()}) == 8
