"""Digits in four positions, and networks of equal size that know about turns or do not.

Chapters: equivariance/group_convolution.
"""

from functools import cache

import torch
from torch import Tensor, nn

from course_lib.datasets import digits
from course_lib.equivariance.group_convolution import GroupNet
from course_lib.groups import CyclicGroup, DihedralGroup
from course_lib.training import train_classifier

GROUPS = {"C_1": CyclicGroup(1), "C_4": CyclicGroup(4), "D_4": DihedralGroup(4)}
POSITIONS = ("turned", "upright")


def turned(x: Tensor, seed: int) -> Tensor:
    """Every image `(b, h, h)` after a random number of quarter turns of its own."""
    turns = torch.randint(4, (len(x),), generator=torch.Generator().manual_seed(seed))
    every = torch.stack([torch.rot90(x, k, (1, 2)) for k in range(4)])
    return every[turns, torch.arange(len(x))]


def positioned(x: Tensor, positions: str, seed: int) -> Tensor:
    """Images `(b, h, h)` "turned" at random, or left "upright"."""
    if positions not in POSITIONS:
        raise ValueError(f"positions must be one of {POSITIONS}, got {positions!r}")
    return turned(x, seed) if positions == "turned" else x


@cache
def held_out(positions: str) -> tuple[Tensor, Tensor]:
    """The 500 test digits."""
    split = digits()
    return positioned(split.test_x, positions, 1000), split.test_y


def fresh(group: str, x: Tensor, y: Tensor, seed: int, epochs: int = 60) -> nn.Module:
    """A `GroupNet` of "C_1" (no symmetry), "C_4" or "D_4", trained on digits `(b, 8, 8)` and their names `(b,)`."""
    net = GroupNet(GROUPS[group], seed=seed)
    return train_classifier(net, x, y, epochs=epochs, rate=3e-3, seed=seed, batch=50)


@cache
def trained(group: str, positions: str, rows: int, seed: int) -> nn.Module:
    """A network after `rows` training digits, "turned" or "upright"; `seed` draws digits and weights.

    Networks that turn their filters cannot see positions: gradients on turned digits are those on upright ones, up to
    rounding. So these networks are trained once for both.
    """
    if group != "C_1" and positions == "turned":
        return trained(group, "upright", rows, seed)
    split = digits()
    chosen = torch.randperm(len(split.train_x), generator=torch.Generator().manual_seed(seed))[:rows]
    return fresh(group, positioned(split.train_x[chosen], positions, seed), split.train_y[chosen], seed)


def read_right(net: nn.Module, positions: str) -> float:
    """The share of the test digits that a network names correctly."""
    x, y = held_out(positions)
    return (net(x).argmax(1) == y).double().mean().item()
