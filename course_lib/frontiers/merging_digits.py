"""Merging networks that read digits: trained pairs, their barriers, and the stored grid. Chapter: frontiers/merging.

One recipe throughout: ReLU networks on the 64 pixels, Adam for 400 steps of 64 examples. Network `seed` has its own initial
weights and order of examples. Pair i is networks 2 i and 2 i + 1, so no network is in two pairs. Barriers are on test digits.
"""

import csv
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files

import torch
from torch import Tensor

from course_lib.datasets import digits
from course_lib.frontiers import merging
from course_lib.frontiers.stacked_networks import (
    Stack,
    accuracies,
    apply_to_each,
    initial_stack,
    pick,
    train_stack,
)

STORED = "merging.csv"  # made by `python -m course_lib.data.make_merging`
WIDTHS, DEPTHS, PAIRS = (16, 64, 256), (1, 2), 10
METHODS = ("naive", "weights", "activations")
STEPS, RATE = 400, 3e-3
ALPHAS = torch.linspace(0, 1, 11)
VIEWS = ("upright", "mirrored", "no top", "no bottom")


@cache
def data(view: str = "upright") -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training inputs `(n, 64)` and labels, test inputs and labels.

    `view`: "upright"; "mirrored", left and right exchanged; "no top" or "no bottom", three of eight rows blank.
    Raises ValueError for another view.
    """
    split = digits()
    return (_seen(split.train_x, view), split.train_y, _seen(split.test_x, view), split.test_y)


def _seen(images: Tensor, view: str) -> Tensor:
    if view not in VIEWS:
        raise ValueError(f"view must be one of {VIEWS}, got {view!r}")
    images = images.flip(2) if view == "mirrored" else images.clone()
    if view == "no top":
        images[:, :3] = 0
    if view == "no bottom":
        images[:, 5:] = 0
    return images.flatten(1)


@cache
def trained(width: int, depth: int, seeds: tuple[int, ...]) -> Stack:
    """Independent networks with `depth` hidden layers of `width` neurons, one for each seed, trained side by side."""
    x, y, *_ = data()
    start = initial_stack([64, *[width] * depth, 10], seeds)
    return train_stack(start, x, y, steps=STEPS, rate=RATE, seeds=seeds)


@cache
def pairs(width: int, depth: int, count: int = PAIRS, first: int = 0) -> tuple[Stack, Stack]:
    """`count` pairs A, B of independently trained networks, from pair `first` on."""
    networks = trained(width, depth, tuple(range(2 * first, 2 * (first + count))))
    return pick(networks, slice(0, None, 2)), pick(networks, slice(1, None, 2))


def aligned(a: Stack, b: Stack, method: str) -> Stack:
    """B as it is ("naive"), or permuted to match the weights or the activations of A; activations on training digits."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if method == "naive":
        return b
    orders = merging.match_weights(a, b) if method == "weights" else merging.match_activations(a, b, data()[0])
    return merging.permute(b, orders)


def barriers(a: Stack, b: Stack, view: str = "upright") -> Tensor:
    """Barrier of each pair on test digits, `(m,)`, in nats, over eleven values of alpha."""
    return merging.barrier(merging.loss_curve(a, b, *data(view)[2:], ALPHAS), ALPHAS)


def fine_tuned(start: Stack, view: str, order: int, *, steps: int = STEPS, rate: float = RATE) -> Stack:
    """Every network of `start` trained further on another view of the digits; `order` seeds the order of the examples."""
    x, y, *_ = data(view)
    seeds = [10_000 * (order + 1) + i for i in range(len(start[0][0]))]
    return train_stack(start, x, y, steps=steps, rate=rate, seeds=seeds)


def add_task_vectors(start: Stack, *tuned: Stack, scale: float = 1.0) -> Stack:
    """start + scale * sum over fine-tunes of (tuned - start), parameter by parameter (Ilharco et al., 2023).

    >>> start = [(torch.ones(1, 1, 1), torch.ones(1, 1))]
    >>> two, four = ([(c * torch.ones(1, 1, 1), torch.ones(1, 1))] for c in (2, 4))
    >>> add_task_vectors(start, two, four)[0][0].item()
    5.0
    """
    return apply_to_each(lambda s, *others: s + scale * sum(other - s for other in others), start, *tuned)


# --------------------------------------------------------------------------------------------------------- stored grid


@dataclass(frozen=True)
class Cell:
    """One pair and one method: barrier in nats, accuracies of A, of B and of their average, on test digits."""

    width: int
    depth: int
    pair: int
    method: str
    barrier: float
    accuracy_a: float
    accuracy_b: float
    accuracy_average: float


def run(width: int, depth: int, count: int = PAIRS, first: int = 0) -> list[Cell]:
    """Train pairs and measure them with every method."""
    a, b = pairs(width, depth, count, first)
    test, cells = data()[2:], []
    for method in METHODS:
        moved = aligned(a, b, method)
        columns = [barriers(a, moved), *(accuracies(s, *test) for s in (a, b, merging.interpolate(a, moved, 0.5)))]
        rows = torch.stack(columns, 1).tolist()
        cells += [Cell(width, depth, first + i, method, *row) for i, row in enumerate(rows)]
    return cells


def write_cells(cells: list[Cell], path, comment: str) -> None:
    """As comma-separated values, below one line of comment."""
    with open(path, "w", newline="", encoding="utf8") as out:
        out.write(f"# {comment}\n")
        table = csv.DictWriter(out, [field.name for field in fields(Cell)], lineterminator="\n")
        table.writeheader()
        for cell in cells:
            row = {name: f"{value:.5g}" if isinstance(value, float) else value for name, value in asdict(cell).items()}
            table.writerow(row)


@cache
def stored_cells() -> tuple[Cell, ...]:
    """The grid as it was made."""
    with (files("course_lib.data") / STORED).open(encoding="utf8") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    kinds = {field.name: field.type for field in fields(Cell)}
    return tuple(Cell(**{name: kinds[name](value) for name, value in row.items()}) for row in rows)


def stored(width: int, depth: int, method: str, what: str = "barrier") -> Tensor:
    """One column of the grid, pair by pair, `(10,)`. Raises ValueError if the grid has no such cells."""
    found = [cell for cell in stored_cells() if (cell.width, cell.depth, cell.method) == (width, depth, method)]
    if not found:
        raise ValueError(f"width, depth and method must be in the grid, got {width}, {depth} and {method!r}")
    return torch.tensor([getattr(cell, what) for cell in sorted(found, key=lambda cell: cell.pair)])
