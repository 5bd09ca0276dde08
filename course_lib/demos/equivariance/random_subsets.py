"""Demos of chapters/equivariance/random_subsets.ipynb."""

import math
from functools import cache

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.equivariance.worst_case import singular_values
from course_lib.groups import CyclicGroup, Group, SignFlipGroup, SymmetricGroup

GROUPS: dict[str, dict[str, Group]] = {
    "cyclic": {"small": CyclicGroup(16), "middle": CyclicGroup(256), "large": CyclicGroup(4096)},
    "sign flips": {"small": SignFlipGroup(4), "middle": SignFlipGroup(8), "large": SignFlipGroup(12)},
    "orders": {"small": SymmetricGroup(4), "middle": SymmetricGroup(5), "large": SymmetricGroup(6)},
}
WHAT = {"cyclic": "turns", "sign flips": "sign flips", "orders": "orders"}
COUNTS = (4, 16, 64, 256)


@cache
def spectrum(family: str, size: str, elements: int) -> Tensor:
    """Errors in all |G| - 1 directions for the first `elements` of one sequence of random elements."""
    group = GROUPS[family][size]
    drawn = group.sample(COUNTS[-1], torch.Generator().manual_seed(7))
    return singular_values(group, drawn[None, :elements])[0]


def _typical(values: Tensor) -> float:
    return values.square().mean().sqrt().item()


def _draw(family: str, size: str, elements: int) -> Figure:
    group, values = GROUPS[family][size], spectrum(family, size, elements)
    figure, (left, right) = plots.panels(2, width=3.5, height=3.1)
    left.hist(values.numpy(), bins=torch.linspace(0, 1, 41).tolist(), color=plots.MOVED, density=True)
    left.axvline(_typical(values), color=plots.QUOTIENT, linestyle=plots.ABSENT, linewidth=2)
    left.axvline(values.max().item(), color=plots.CHOSEN, linewidth=2)
    left.set(xlim=(0, 1.02), yticks=[], xlabel="error left in one direction")
    left.set_title(f"|G| = {group.order:,} {WHAT[family]}, m = {elements}", fontsize=10)
    curves = [spectrum(family, size, count) for count in COUNTS]
    for colour, marker, style, label, read in (
        (plots.CHOSEN, "s", plots.PRESENT, "worst function", lambda v: v.max().item()),
        (plots.QUOTIENT, "o", plots.ABSENT, "one function", _typical),
    ):
        right.loglog(COUNTS, [read(v) for v in curves], marker=marker, linestyle=style, color=colour, label=label)
        right.plot(elements, read(values), marker, color=colour, markersize=12, markerfacecolor="white", markeredgewidth=2)
    right.set(xlabel="random elements m", ylabel="error left", ylim=(0.04, 1.15))
    right.set_xticks(COUNTS, COUNTS)
    right.set_yticks([0.05, 0.1, 0.25, 0.5, 1], ["0.05", "0.1", "0.25", "0.5", "1"])
    right.minorticks_off()
    right.legend(fontsize=9, loc="lower left")
    return figure


def worst_and_typical() -> Demo:
    """The error of a random subset average for the worst function and for one function, against |G| and m."""

    def describe(family: str, size: str, elements: int) -> str:
        group, values = GROUPS[family][size], spectrum(family, size, elements)
        return (
            f"{group.order:,} {WHAT[family]} (ln |G| = {math.log(group.order):.1f}), {elements} of them at random: "
            f"worst function {values.max().item():.2f}, one function {_typical(values):.2f}."
        )

    alt = (
        "Left: a histogram of the errors that an average over random elements leaves in all directions, with a dashed line at "
        "their root mean square and a solid line at the largest. Right: both against the number of elements."
    )
    return explore(_draw, describe, alt=alt, family=tuple(GROUPS), size=("small", "middle", "large"), elements=COUNTS)
