"""Energies of copper clusters by kernel ridge regression, from five kinds of numbers with more and more symmetry.

Chapters: equivariance/invariants. The learner is the same for all: E(x) = mean + sum_i a_i exp(-|u(x) - u(x_i)|^2 / (2 s^2)),
with u the numbers that are read and a = (K + ridge)^{-1} (E - mean). What differs is u, and with it what the energy cannot see.
Where u is smooth so is the energy, and forces follow from its gradient.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.clusters import Clusters, pair_distances
from course_lib.equivariance.invariants import dot_products

BUMPS = torch.linspace(1.5, 8.5, 36, dtype=torch.float64)  # angstrom: centres of the bag's bumps
BUMP_WIDTH = 0.3  # angstrom
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the kernel, in median distances between training points
RIDGES = (1e-8, 1e-6, 1e-4, 1e-2, 1e-1)


def bag_of_distances(positions: Tensor) -> Tensor:
    """A smooth histogram of all pair distances, sum over pairs of exp(-(r - c)^2 / (2 0.3^2)): `(b, n, 3)` -> `(b, 36)`.

    Which pair a distance belongs to is forgotten, so a renumbering changes nothing. (So are the others' places: a kite and a
    trapezoid can have the same bag, Boutin & Kemper, 2004.)
    """
    gaps = pair_distances(positions)[:, :, None] - BUMPS.to(positions.dtype)
    return torch.exp(-gaps.square() / (2 * BUMP_WIDTH**2)).sum(1)


READINGS: dict[str, Callable[[Tensor], Tensor]] = {  # positions (b, n, 3), centred -> numbers (b, k)
    "coordinates": lambda x: x.flatten(1),
    "dot products": dot_products,
    "distances": pair_distances,
    "sorted distances": lambda x: pair_distances(x).sort(1).values,
    "bag of distances": bag_of_distances,
}


@dataclass(frozen=True)
class KernelEnergy:
    """A fitted energy `(b, n, 3) -> (b,)` in eV, differentiable in the positions."""

    reading: str
    points: Tensor
    weights: Tensor
    offset: float
    width: float
    ridge: float

    def __call__(self, positions: Tensor) -> Tensor:
        numbers = READINGS[self.reading](positions)
        return self.offset + gaussian_kernel(numbers, self.points, self.width) @ self.weights


def gaussian_kernel(a: Tensor, b: Tensor, width: float) -> Tensor:
    """exp(-|a_i - b_j|^2 / (2 width^2)): `(m, k)`, `(n, k)` -> `(m, n)`.

    >>> gaussian_kernel(torch.zeros(1, 2), torch.zeros(1, 2), 1.0).tolist()
    [[1.0]]
    """
    square = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T
    return torch.exp(-square.clamp(min=0) / (2 * width**2))


def left_out_errors(kernel: Tensor, targets: Tensor, ridge: float) -> Tensor:
    """Errors at each point of the fit to all the others, `(n,)`, from one fit: a_i / (C^-1)_ii with C = K + ridge, a = C^-1 y.

    >>> left_out_errors(torch.eye(2), torch.tensor([1.0, 3.0]), 1.0).tolist()  # the others know nothing
    [1.0, 3.0]
    """
    inverse = torch.linalg.inv(kernel + ridge * torch.eye(len(kernel), dtype=kernel.dtype))
    return inverse @ targets / inverse.diagonal()


def fit_energy(reading: str, train: Clusters) -> KernelEnergy:
    """Kernel ridge regression; width and ridge are those with the smallest left-out errors on the training clusters.

    Raises ValueError for an unknown reading.
    """
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {tuple(READINGS)}, got {reading!r}")
    points, offset = READINGS[reading](train.positions), train.energies.mean().item()
    targets, scale = train.energies - offset, torch.pdist(points).median().item()
    kernels = {scale * w: gaussian_kernel(points, points, scale * w) for w in WIDTHS}
    errors = {
        (width, ridge): left_out_errors(kernel, targets, ridge).square().mean().item()
        for width, kernel in kernels.items()
        for ridge in RIDGES
    }
    width, ridge = min(errors, key=errors.get)
    solve = kernels[width] + ridge * torch.eye(len(points), dtype=points.dtype)
    return KernelEnergy(reading, points, torch.linalg.solve(solve, targets), offset, width, ridge)


def energy_error(model: Callable[[Tensor], Tensor], data: Clusters) -> float:
    """Root mean square error of the energies, in eV."""
    return (model(data.positions) - data.energies).square().mean().sqrt().item()
