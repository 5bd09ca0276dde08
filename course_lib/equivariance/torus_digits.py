"""Digits on a torus, and two readers with equally many weights: one shares them, one does not.

Chapters: equivariance/weight_sharing.
"""

from functools import cache

import torch
from torch import Tensor, nn

from course_lib.datasets import digits
from course_lib.equivariance.weight_sharing import EquivariantLinear
from course_lib.groups import TranslationGroup, translation_action
from course_lib.models import initialise
from course_lib.training import train_classifier

GRID = TranslationGroup((8, 8))
IMAGES = translation_action(GRID, (8, 8))
FILTERS = 32


class FreeReader(nn.Module):
    """Every filter has 64 weights and looks at the image once: `(b, 8, 8) -> (b, 10)`."""

    def __init__(self, seed: int, filters: int = FILTERS) -> None:
        super().__init__()
        self.filters, self.logits = nn.Linear(64, filters), nn.Linear(filters, 10)
        initialise(self, seed)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(torch.relu(self.filters(x.flatten(1))))


class SharedReader(nn.Module):
    """Every filter has 64 weights, looks at the image from all 64 places and reports the best: `(b, 8, 8) -> (b, 10)`.

    The weights are entries of the kernel, in units of the pixel as those of the free reader are. Tables of norm 1 have entries
    of 1/8: Adam, whose steps are of one size, would move such a kernel eight times slower.
    """

    def __init__(self, seed: int, filters: int = FILTERS) -> None:
        super().__init__()
        self.filters, self.logits = EquivariantLinear(IMAGES, IMAGES, 1, filters, seed), nn.Linear(filters, 10)
        initialise(self.logits, seed)
        for tables, weights in (("basis", self.filters.coefficients), ("fixed", self.filters.offsets)):
            setattr(self.filters, tables, 8 * getattr(self.filters, tables))
            weights.data /= 8  # the same function at the start

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(torch.relu(self.filters(x[:, None])).amax((2, 3)))


READERS = {"free": FreeReader, "shared": SharedReader}


def shifted(x: Tensor, seed: int) -> Tensor:
    """Every image `(b, 8, 8)` moved by a random shift of its own; what leaves at one side comes in at the other."""
    shift = GRID.sample(len(x), torch.Generator().manual_seed(seed))
    rows, columns = ((torch.arange(8) - shift[:, [axis]]) % 8 for axis in (0, 1))
    return x[torch.arange(len(x))[:, None, None], rows[:, :, None], columns[:, None, :]]


@cache
def held_out(positions: str) -> tuple[Tensor, Tensor]:
    """The 500 test digits, "shifted" at random or "in place"."""
    split = digits()
    return _positioned(split.test_x, positions, 1000), split.test_y


@cache
def trained(kind: str, positions: str, rows: int, seed: int, epochs: int = 40) -> nn.Module:
    """A "free" or "shared" reader after `rows` training digits, "shifted" or "in place"; `seed` draws digits and weights."""
    split = digits()
    chosen = torch.randperm(len(split.train_x), generator=torch.Generator().manual_seed(seed))[:rows]
    x = _positioned(split.train_x[chosen], positions, seed)
    return train_classifier(READERS[kind](seed), x, split.train_y[chosen], epochs=epochs, rate=3e-3, seed=seed)


def read_right(net: nn.Module, positions: str) -> float:
    """The share of the test digits that a reader names correctly."""
    x, y = held_out(positions)
    return (net(x).argmax(1) == y).double().mean().item()


def _positioned(x: Tensor, positions: str, seed: int) -> Tensor:
    if positions not in ("shifted", "in place"):
        raise ValueError(f'positions must be "shifted" or "in place", got {positions!r}')
    return shifted(x, seed) if positions == "shifted" else x
