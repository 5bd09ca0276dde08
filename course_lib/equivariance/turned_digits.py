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


@cache
def trained(group: str, positions: str, rows: int, seed: int, epochs: int = 60) -> nn.Module:
    """A `GroupNet` of "C_1" (no symmetry), "C_4" or "D_4" after `rows` training digits; `seed` draws digits and weights."""
    split = digits()
    chosen = torch.randperm(len(split.train_x), generator=torch.Generator().manual_seed(seed))[:rows]
    x = positioned(split.train_x[chosen], positions, seed)
    net = GroupNet(GROUPS[group], seed=seed)
    return train_classifier(net, x, split.train_y[chosen], epochs=epochs, rate=3e-3, seed=seed, batch=50)


def read_right(net: nn.Module, positions: str) -> float:
    """The share of the test digits that a network names correctly."""
    x, y = held_out(positions)
    return (net(x).argmax(1) == y).double().mean().item()
