"""Emission and absorption: what a camera sees of a coloured fog.

Chapters: frontiers/implicit.

A field maps points `(..., 3)` to a density sigma `(...)`, the rate at which light is absorbed per unit of length, and a
colour `(..., 3)`. Light comes from the fog itself; behind it all is black.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Field = Callable[[Tensor], tuple[Tensor, Tensor]]
NEAR, FAR = 2.0, 4.0  # along a ray from a camera at distance 3: the ball of radius 1 about the origin
DISTANCE = 3.0


def composite(sigma: Tensor, colour: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """C = sum_i w_i c_i with w_i = T_i (1 - exp(-sigma_i delta_i)) and T_i = exp(-sum_{j<i} sigma_j delta_j).

    Densities `(..., n)`, colours `(..., n, k)` and lengths `(..., n)` of n samples along each ray, the nearest first ->
    colours `(..., k)` and weights `(..., n)`. T_i is the share of sample i's light that gets through to the camera, so it
    leaves out the sample itself; the weights add up to 1 - T_{n+1}. Raises ValueError for other shapes or a negative density.
    Max (1995); Mildenhall et al. (2020), equation 3.

    >>> colour, weights = composite(torch.tensor([0.0, 50.0, 50.0]), torch.eye(3), torch.ones(3))
    >>> weights.round().abs().tolist()
    [0.0, 1.0, 0.0]
    """
    if sigma.shape != delta.shape or colour.shape[:-1] != sigma.shape:
        shapes = (tuple(t.shape) for t in (sigma, colour, delta))
        raise ValueError("sigma, colour, delta must be (..., n), (..., n, k), (..., n), got {}, {}, {}".format(*shapes))
    if (sigma < 0).any():
        raise ValueError(f"sigma must not be negative, got {sigma.min().item()}")
    depth = sigma * delta
    before = F.pad(depth.cumsum(-1)[..., :-1], (1, 0))
    weights = (-before).exp() * -torch.expm1(-depth)
    return (weights[..., None] * colour).sum(-2), weights


@dataclass(frozen=True)
class Rays:
    """Origins and unit directions `(..., 3)`."""

    origins: Tensor
    directions: Tensor

    def __getitem__(self, which) -> "Rays":
        return Rays(self.origins[which], self.directions[which])

    def moved(self, rotation: Tensor) -> "Rays":
        """All rays turned by a rotation `(3, 3)` about the origin."""
        return Rays(self.origins @ rotation.T, self.directions @ rotation.T)


def positions(count: int, seed: int, low: float = 0.1, high: float = 0.8) -> Tensor:
    """Cameras `(count, 3)` around the scene: evenly spaced in azimuth, turned together by a random angle; heights random.

    Elevations are uniform between `low` and `high` (radians); all stand at distance 3 from the origin.

    >>> positions(4, seed=0).norm(dim=1).round(decimals=4).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    generator = torch.Generator().manual_seed(seed)
    turn, heights = torch.rand((), generator=generator), torch.rand(count, generator=generator)
    azimuth = 2 * math.pi * (torch.arange(count) + turn) / count
    elevation = low + (high - low) * heights
    flat = elevation.cos()
    return DISTANCE * torch.stack([flat * azimuth.cos(), flat * azimuth.sin(), elevation.sin()], 1)


def rays(position: Tensor, side: int, angle: float = 40.0) -> Rays:
    """Rays of a pinhole camera at `position` `(3,)` that looks at the origin, the third axis upwards: `(side * side, 3)`.

    `angle` is the full field of view in degrees; pixels row by row from the upper left. Raises ValueError for a camera on
    the third axis, where "up" has no meaning.

    >>> rays(torch.tensor([3.0, 0.0, 0.0]), 1).directions.tolist()
    [[-1.0, 0.0, 0.0]]
    """
    up = torch.tensor([0.0, 0.0, 1.0], dtype=position.dtype)
    ahead = -position / position.norm()
    right = torch.linalg.cross(ahead, up)
    if right.norm() < 1e-6:
        raise ValueError(f"position must not lie on the third axis, got {position.tolist()}")
    right = right / right.norm()
    above = torch.linalg.cross(right, ahead)
    along = ((torch.arange(side, dtype=position.dtype) + 0.5) / side * 2 - 1) * math.tan(math.radians(angle) / 2)
    down, across = torch.cartesian_prod(along, along).T[:, :, None]
    directions = ahead + across * right - down * above
    return Rays(position.expand_as(directions), directions / directions.norm(dim=1, keepdim=True) + 0.0)


def depths(count: int, samples: int, generator: torch.Generator | None = None) -> Tensor:
    """Depths `(count, samples)` between `NEAR` and `FAR`: one in each of equal intervals, its middle or a random place.

    Stratified sampling, Mildenhall et al. (2020), equation 2.

    >>> depths(1, 4).tolist()
    [[2.25, 2.75, 3.25, 3.75]]
    """
    inside = torch.rand(count, samples, generator=generator) if generator else torch.full((count, samples), 0.5)
    return NEAR + (FAR - NEAR) / samples * (torch.arange(samples) + inside)


def render(field: Field, seen: Rays, samples: int = 32, generator: torch.Generator | None = None) -> Tensor:
    """The colour of each ray `(r, 3)` through a field: `(r, 3)`.

    Every sample stands for its interval, of length (FAR - NEAR) / samples.

    >>> fog = lambda x: (torch.full(x.shape[:-1], 0.5), torch.ones_like(x))
    >>> round(render(fog, rays(torch.tensor([3.0, 0.0, 0.0]), 1))[0, 0].item(), 4)  # 1 - exp(-0.5 * 2)
    0.6321
    """
    at, sigma, colour = _sampled(field, seen, samples, generator)
    return composite(sigma, colour, torch.full_like(at, (FAR - NEAR) / samples))[0]


def mean_depth(field: Field, seen: Rays, samples: int = 32) -> tuple[Tensor, Tensor]:
    """How far away a field absorbs each ray, and how much of it: depths `(r,)` and opacities `(r,)`.

    Depth is the mean of the samples' depths with the weights of `composite`, opacity the sum of these weights.

    >>> fog = lambda x: (torch.full(x.shape[:-1], 1e4), torch.ones_like(x))
    >>> depth, opacity = mean_depth(fog, rays(torch.tensor([3.0, 0.0, 0.0]), 1), samples=4)
    >>> depth.item(), opacity.item()
    (2.25, 1.0)
    """
    at, sigma, _ = _sampled(field, seen, samples)
    far, weights = composite(sigma, at[..., None], torch.full_like(at, (FAR - NEAR) / samples))
    opacity = weights.sum(-1)
    return far[..., 0] / opacity.clamp(min=1e-12), opacity


def _sampled(
    field: Field, seen: Rays, samples: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Depths along rays, and density and colour there."""
    at = depths(len(seen.origins), samples, generator).to(seen.origins)
    return at, *field(seen.origins[:, None] + at[..., None] * seen.directions[:, None])
