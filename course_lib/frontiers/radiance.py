"""A radiance field of five soft balls, and a small network that learns it from pictures.

Chapters: frontiers/implicit.
"""

import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.frontiers.coordinates import psnr
from course_lib.frontiers.rendering import Field, Rays, mean_depth, positions, rays, render

BALLS = torch.tensor([  # centre, radius, red, green, blue
    [0.0, 0.0, -0.15, 0.42, 0.90, 0.75, 0.30],
    [0.55, 0.15, 0.20, 0.22, 0.84, 0.37, 0.00],
    [-0.35, 0.50, 0.15, 0.25, 0.00, 0.45, 0.70],
    [-0.25, -0.55, 0.00, 0.20, 0.00, 0.62, 0.45],
    [0.15, -0.05, 0.55, 0.20, 0.95, 0.95, 0.95],
])  # fmt: skip
DENSITY, SOFTNESS = 20.0, 0.03
SIDE, HELD_OUT_SEED = 32, 1000
STORED = (2, 4, 8, 16)  # numbers of views
FILE = Path(__file__).parents[1] / "data" / "implicit.npz"


def soft_balls(x: Tensor, balls: Tensor = BALLS, density: float = DENSITY, softness: float = SOFTNESS) -> tuple[Tensor, Tensor]:
    """Density and colour of coloured balls with soft rims: points `(..., 3)` -> `(...)`, `(..., 3)`.

    Ball k has density sigma_k(x) = density * logistic((r_k - |x - c_k|) / softness); densities add up, and the colour is the
    mean of the balls' colours weighted by their densities.

    >>> round(soft_balls(torch.tensor([0.0, 0.0, -0.15]))[0].item(), 3)
    20.0
    """
    balls = balls.to(x)
    each = density * torch.sigmoid((balls[:, 3] - (x[..., None, :] - balls[:, :3]).norm(dim=-1)) / softness)
    total = each.sum(-1)
    return total, each @ balls[:, 4:] / (total[..., None] + 1e-12)


def positional_encoding(x: Tensor, octaves: int = 4) -> Tensor:
    """[x, cos 2^k pi x, sin 2^k pi x for k = 0..octaves-1]: `(..., d) -> (..., d (1 + 2 octaves))`.

    Fourier features whose frequencies are chosen and not drawn: 2^(k-1) cycles per unit along each axis.
    Mildenhall et al. (2020), equation 4.

    >>> positional_encoding(torch.zeros(3)).shape
    torch.Size([27])
    """
    phase = math.pi * (x[..., None] * 2.0 ** torch.arange(octaves).to(x)).flatten(-2)
    return torch.cat([x, phase.cos(), phase.sin()], -1)


class RadianceField(nn.Module):
    """A small network from a place to density and colour: points `(..., 3)` -> `(...)`, `(..., 3)`.

    Without the direction of view, which the full method needs for highlights.

    >>> sigma, colour = RadianceField(seed=0)(torch.zeros(5, 3))
    >>> sigma.shape, colour.shape
    (torch.Size([5]), torch.Size([5, 3]))
    """

    def __init__(self, seed: int = 0, width: int = 64, octaves: int = 4) -> None:
        super().__init__()
        self.octaves = octaves
        sizes = [3 * (1 + 2 * octaves), width, width, 4]
        self.linear = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        generator = torch.Generator().manual_seed(seed)
        for layer in self.linear:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = positional_encoding(x, self.octaves)
        for layer in self.linear[:-1]:
            h = torch.relu(layer(h))
        out = self.linear[-1](h)
        return 10 * F.softplus(out[..., 0] - 1), torch.sigmoid(out[..., 1:])


def all_rays(cameras: Tensor, side: int = SIDE) -> Rays:
    """The rays of several cameras `(v, 3)`, one after another: `(v * side * side, 3)`."""
    each = [rays(camera, side) for camera in cameras]
    return Rays(torch.cat([one.origins for one in each]), torch.cat([one.directions for one in each]))


def pictures(cameras: Tensor, side: int = SIDE) -> tuple[Rays, Tensor]:
    """Rays of the cameras `(v, 3)` and the true colours that they meet, finely sampled: `(v * side * side, 3)` each.

    >>> pictures(positions(2, seed=0), side=4)[1].shape
    torch.Size([32, 3])
    """
    seen = all_rays(cameras, side)
    return seen, render(soft_balls, seen, samples=128)


def train(
    views: int, seed: int, steps: int, *, side: int = SIDE, width: int = 64, batch: int = 256, device: str = "cpu"
) -> RadianceField:
    """A field learnt from pictures of `views` cameras; `seed` draws cameras, weights, rays and depths.

    Adam on the mean squared error of the colours of `batch` random rays a step, the step size falling to zero as a cosine.
    Random numbers are drawn on the CPU; networks and rays live on `device`. The net comes back on the CPU.

    >>> train(2, seed=0, steps=1, side=4, batch=8).octaves
    4
    """
    seen, colours = pictures(positions(views, seed), side)
    seen, colours = Rays(seen.origins.to(device), seen.directions.to(device)), colours.to(device)
    net, generator = RadianceField(seed, width).to(device), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        chosen = torch.randint(len(colours), (batch,), generator=generator).to(device)
        optimiser.zero_grad()
        F.mse_loss(render(net, seen[chosen], generator=generator), colours[chosen]).backward()
        optimiser.step()
        decay.step()
    return net.cpu()


def held_out(count: int = 8) -> Tensor:
    """Cameras `(count, 3)` that no training run has seen.

    >>> held_out().shape
    torch.Size([8, 3])
    """
    return positions(count, HELD_OUT_SEED)


def nearest_pictures(cameras: Tensor, known: Tensor, side: int = SIDE) -> Tensor:
    """For each camera `(v, 3)` the picture of the nearest of the `known` cameras `(k, 3)`, unchanged: `(v * side * side, 3)`.

    What somebody does who has understood nothing of the scene.

    >>> near = nearest_pictures(positions(1, seed=0), positions(1, seed=0), side=4)
    >>> bool((near == pictures(positions(1, seed=0), side=4)[1]).all())
    True
    """
    return pictures(known[torch.cdist(cameras, known).argmin(1)], side)[1]


@cache
def stored_field(views: int) -> RadianceField:
    """The field of `course_lib/data/implicit.npz` that learnt from that many views; do not change it.

    Raises ValueError for a number of views that is not stored.

    >>> sum(p.numel() for p in stored_field(16).parameters())
    6212
    """
    with np.load(FILE) as data:
        if f"{views}/0.weight" not in data:
            raise ValueError(f"views must be one of {STORED}, got {views}")
        net = RadianceField()
        state = {name: torch.tensor(data[f"{views}/{name.removeprefix('linear.')}"]).float() for name in net.state_dict()}
    net.load_state_dict(state)
    return net.requires_grad_(False)


@torch.no_grad()
def score(net: RadianceField, seen: Rays, colours: Tensor) -> float:
    """PSNR of the pictures that a field shows along rays, in decibels."""
    return psnr(render(net, seen), colours)


@torch.no_grad()
def depth_error(field: Field, seen: Rays, opaque: float = 0.99) -> float:
    """Root mean square error of a field's mean depth on rays that the true scene absorbs to a share of at least `opaque`.

    Nan if there is no such ray.

    >>> depth_error(soft_balls, all_rays(held_out(1), side=8)) < 0.01
    True
    """
    truth, opacity = mean_depth(soft_balls, seen, samples=64)
    solid = opacity >= opaque
    return (mean_depth(field, seen[solid])[0] - truth[solid]).square().mean().sqrt().item()
