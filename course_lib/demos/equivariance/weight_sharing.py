"""Demos of chapters/equivariance/weight_sharing.ipynb: which weights are tied, and what a border does to a convolution."""

from functools import cache

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.equivariance.weight_sharing import tied_weights
from course_lib.groups import (
    Action,
    CyclicGroup,
    DihedralGroup,
    Subgroup,
    SymmetricGroup,
    permutation_action,
    tensor_action,
)

SIZES = [4, 5, 6, 7, 8]
SHIFTS = [0, 3, 6, 9, 12, 15, 18, 21]
KERNEL = [0.25, 0.5, 0.25]
PLACES = 24


def _keeping(n: int, first: int) -> Action:
    """The first `first` items in any order, and the others in any order."""
    rows = []
    for low, high in ((0, first), (first, n)):
        for step in {1, high - low - 1} - {high - low, 0}:  # an exchange of neighbours, and a step round the circle
            row = torch.arange(n)
            row[low : low + step + 1] = row[low : low + step + 1].roll(1)
            rows.append(row)
    return permutation_action(Subgroup(SymmetricGroup(n), torch.stack(rows)), (n,))


GROUPS = {
    "shifts round a ring": lambda n: permutation_action(CyclicGroup(n), (n,)),
    "shifts and mirrorings": lambda n: permutation_action(DihedralGroup(n), (n,)),
    "all orders": lambda n: permutation_action(SymmetricGroup(n), (n,)),
    "all orders, item 0 stays": lambda n: _keeping(n, 1),
    "two kinds of item": lambda n: _keeping(n, 2),
    "all orders, moving pairs": lambda n: tensor_action(permutation_action(SymmetricGroup(n), (n,)), 2),
}


@cache
def labels(group: str, n: int) -> Tensor:
    """Which weights are equal, by number."""
    action = GROUPS[group](n)
    return tied_weights(action, action)


def tie_explorer() -> Demo:
    """The table of a layer's weights, equal ones in one colour."""

    def draw(group: str, n: int) -> Figure:
        figure, (ax,) = plots.panels(1, width=5.6, height=4.4)
        found = labels(group, n)
        _draw_ties(ax, found)
        ax.set_title(f"{group}, n = {n}: {int(found.max()) + 1} free of {found.numel():,}")
        return figure

    def describe(group: str, n: int) -> str:
        found = labels(group, n)
        sizes = found.flatten().bincount()
        where = f"{len(found)} numbers to {len(found)} numbers"
        return (
            f"{group}, n = {n}: {where}, {found.numel():,} weights, {len(sizes)} of them free. "
            f"The rarest value stands in {sizes.min()} places, the most frequent in {sizes.max()}."
        )

    alt = "The table of a layer's weights; those that must be equal have the same colour, and in small tables the same number."
    return explore(draw, describe, alt=alt, group=list(GROUPS), n=SIZES)


def _draw_ties(ax: Axes, found: Tensor) -> None:
    count = int(found.max()) + 1
    shades = torch.linspace(0, 1, count)[torch.arange(count).mul(7 if count % 7 else 1) % count]  # neighbours look different
    ax.imshow(shades[found], cmap="viridis", vmin=-0.1, vmax=1.1, interpolation="nearest")
    if len(found) <= 8:
        for i, row in enumerate(found.tolist()):
            for j, label in enumerate(row):
                ax.text(j, i, label, ha="center", va="center", color="white" if shades[label] < 0.6 else plots.INK)
    ax.set(xlabel="input", ylabel="output", xticks=[], yticks=[])


@cache
def signal() -> Tensor:
    """A smooth line of 24 numbers that is not zero at its ends, `(24,)`."""
    t = torch.arange(PLACES, dtype=torch.float64) / PLACES
    return 1.2 + (2 * torch.pi * t).cos() + 0.5 * (4 * torch.pi * t + 1).sin() + 0.4 * (10 * torch.pi * t).cos()


def smooth(x: Tensor, border: str) -> Tensor:
    """Each number with half its neighbours' weight on both sides; the border is closed to a "ring" or filled with "zeros"."""
    if border not in ("ring", "zeros"):
        raise ValueError(f'border must be "ring" or "zeros", got {border!r}')
    padded = F.pad(x[None, None], (1, 1), mode="circular") if border == "ring" else F.pad(x[None, None], (1, 1))
    return F.conv1d(padded, torch.tensor(KERNEL, dtype=x.dtype)[None, None])[0, 0]


def border_explorer() -> Demo:
    """Shift and smooth, or smooth and shift: equal on a ring, different where a border is filled with zeros."""

    def draw(border: str, shift: int) -> Figure:
        figure, (ax, gap) = plt.subplots(2, 1, figsize=(6.4, 4.0), layout="constrained", height_ratios=(2, 1), sharex=True)
        before, after = smooth(signal().roll(shift), border), smooth(signal(), border).roll(shift)
        ax.plot(signal().roll(shift), color=plots.FAINT, linestyle=plots.ABSENT, label="shifted signal")
        ax.plot(before, "o-", color=plots.MOVED, label="shift, then smooth")
        ax.plot(after, "x", color=plots.CHOSEN, label="smooth, then shift")
        ax.set(ylim=(-0.3, 3.6), title=f"border: {border}, shift by {shift}")
        ax.legend(ncols=3, fontsize=8.5, loc="upper center")
        gap.bar(range(PLACES), before - after, color=plots.INK)
        gap.set(ylim=(-0.8, 0.8), xlabel="place", ylabel="difference")
        return figure

    def describe(border: str, shift: int) -> str:
        gap = (smooth(signal().roll(shift), border) - smooth(signal(), border).roll(shift)).abs()
        places = (gap > 1e-9).nonzero().flatten().tolist()
        where = f"they differ at places {places}, by up to {gap.max():.2f}" if places else "the two orders agree everywhere"
        return f"Border: {border}; shift by {shift}: {where}."

    alt = "A line of 24 numbers shifted and smoothed in both orders, and the difference of the two below."
    return explore(draw, describe, alt=alt, border=["ring", "zeros"], shift=SHIFTS)
