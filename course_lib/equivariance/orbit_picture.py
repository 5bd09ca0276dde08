"""One orbit, six constructions: the picture of this part. Chapters: equivariance/canonicalization.

The orbit is that of one point under eight turns. Filled marks are what a network is evaluated on, or trained on; lines and
the green axis say what a network is built to be.
"""

from collections.abc import Callable

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from course_lib import plots
from course_lib.groups import CyclicGroup

EIGHT = CyclicGroup(8)
START = torch.tensor([0.9, 0.42], dtype=torch.float64)


def _canonicalise(ax: Axes, points: Tensor) -> None:
    ax.scatter(*points[0], s=110, color=plots.CHOSEN, marker="*", zorder=3)


def _average(ax: Axes, points: Tensor) -> None:
    for point in points:
        ax.plot(*torch.stack([point, 0 * point]).T, color=plots.MOVED, linewidth=0.8)
    ax.scatter(*points.T, s=36, color=plots.MOVED, zorder=3)
    ax.scatter(0, 0, s=70, color=plots.CHOSEN, marker="D", zorder=3)


def _sample(ax: Axes, points: Tensor) -> None:
    _average(ax, points[[0, 3, 4]])


def _augment(ax: Axes, points: Tensor) -> None:
    ax.scatter(*points.T, s=40, color=plots.KINDS["training data"][0], marker="s", zorder=3)


def _share_weights(ax: Axes, points: Tensor) -> None:
    for radius in (0.3, 0.6, 0.99, 1.3):
        ax.add_patch(Circle((0, 0), radius, fill=False, color=plots.QUOTIENT, linewidth=1.2))


def _invariants(ax: Axes, points: Tensor) -> None:
    ax.annotate("", (1.5, -1.3), (-0.1, -1.3), arrowprops={"arrowstyle": "->", "color": plots.QUOTIENT, "linewidth": 2})
    ax.scatter(points[0].norm() - 0.1, -1.3, s=70, color=plots.QUOTIENT, marker="^", zorder=3)
    ax.text(0.0, -1.75, "length", color=plots.QUOTIENT, fontsize=9)


SIX: dict[str, Callable[[Axes, Tensor], None]] = {
    "canonicalise": _canonicalise,
    "average": _average,
    "sample": _sample,
    "augment": _augment,
    "share weights": _share_weights,
    "use invariants": _invariants,
}


def six_constructions() -> Figure:
    """Six panels: what each construction does with the orbit of one point.

    >>> len(six_constructions().axes)
    6
    """
    points = EIGHT.matrices(EIGHT.elements()) @ START
    figure, axes = plots.panels(6, width=1.45, height=1.9)
    for ax, (name, draw) in zip(axes, SIX.items(), strict=True):
        ax.add_patch(Circle((0, 0), START.norm(), fill=False, color=plots.FAINT, linewidth=0.6))
        ax.scatter(*points.T, s=30, facecolor="white", edgecolor=plots.FAINT, zorder=2)
        draw(ax, points)
        ax.set(xlim=(-1.6, 1.6), ylim=(-1.85, 1.6), aspect="equal", xticks=[], yticks=[])
        ax.set_title(name, fontsize=10)
        ax.spines[:].set_visible(False)
    return figure
