"""Kernel energies of clusters, against scikit-learn, left-out fits and their own symmetries."""

import pytest
import torch
from sklearn.kernel_ridge import KernelRidge

from course_lib.clusters import copper_clusters, emt_energy, energy_and_forces, pair_distances
from course_lib.equivariance import cluster_kernels as kernels
from course_lib.groups import OrthogonalGroup

TRAIN, TEST = copper_clusters()


@pytest.mark.parametrize("reading", list(kernels.READINGS))
def test_the_fit_is_kernel_ridge_regression(reading):
    part = TRAIN[:60]
    model = kernels.fit_energy(reading, part)
    numbers = kernels.READINGS[reading]
    other = KernelRidge(alpha=model.ridge, kernel="rbf", gamma=1 / (2 * model.width**2))
    other.fit(numbers(part.positions), part.energies - part.energies.mean())
    found = model(TEST.positions[:20]) - part.energies.mean()
    assert torch.allclose(found, torch.from_numpy(other.predict(numbers(TEST.positions[:20]))), atol=1e-4)


def test_left_out_errors_are_those_of_fits_without_the_point():
    points = kernels.bag_of_distances(TRAIN.positions[:12])
    kernel, y = kernels.gaussian_kernel(points, points, 2.0), TRAIN.energies[:12] - TRAIN.energies[:12].mean()
    for i, error in enumerate(kernels.left_out_errors(kernel, y, 1e-3)):
        rest = [k for k in range(12) if k != i]
        weights = torch.linalg.solve(kernel[rest][:, rest] + 1e-3 * torch.eye(11).double(), y[rest])
        assert torch.allclose(error, y[i] - kernel[i, rest] @ weights)


@pytest.mark.parametrize(
    ("reading", "turned", "renamed"),
    [
        ("coordinates", False, False),
        ("dot products", True, False),
        ("distances", True, False),
        ("sorted distances", True, True),
        ("bag of distances", True, True),
    ],
)
def test_what_each_reading_cannot_see(reading, turned, renamed):
    x, numbers = TEST.positions[:20], kernels.READINGS[reading]
    q = OrthogonalGroup(3).sample(20, torch.Generator().manual_seed(0))
    assert torch.allclose(numbers(x @ q.transpose(1, 2)), numbers(x), atol=1e-9) == turned
    assert torch.allclose(numbers(x[:, [1, 2, 0, 4, 5, 3]]), numbers(x), atol=1e-9) == renamed


def test_forces_are_the_slope_and_turn_along():
    model = kernels.fit_energy("bag of distances", TRAIN[:60])
    x, q = TEST.positions[:5], OrthogonalGroup(3).sample(1, torch.Generator().manual_seed(1))[0]
    _, forces = energy_and_forces(model, x)
    assert torch.allclose(energy_and_forces(model, x @ q.T)[1], forces @ q.T, atol=1e-8)
    step = torch.zeros_like(x)
    step[:, 2, 1] = 1e-5
    assert torch.allclose((model(x - step) - model(x + step)) / 2e-5, forces[:, 2, 1], atol=1e-5)


def test_kite_and_trapezoid_have_one_bag_and_two_energies():
    trapezoid = torch.tensor([[-2, 0, 0], [2, 0, 0], [-1, 1, 0], [1, 1, 0]]).double()
    kite = torch.tensor([[0, 0, 0], [4, 0, 0], [1, 1, 0], [1, -1, 0]]).double()
    both = 1.8 * torch.stack([trapezoid, kite])
    assert torch.allclose(*kernels.bag_of_distances(both))
    assert torch.allclose(*pair_distances(both).sort(1).values)
    assert (emt_energy(both).diff().abs() > 0.5).all()


def test_an_unknown_reading_is_an_error():
    with pytest.raises(ValueError, match="reading must be one of"):
        kernels.fit_energy("angles", TRAIN[:10])
