"""A seven-segment display as a picture: what a bottleneck believes about a digit. Chapters: explainable/concepts."""

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from course_lib import plots
from course_lib.explainable.concepts import SEGMENTS

_WIDE, _THIN = 0.8, 0.16  # a segment's length and thickness; the display is 1 wide and 2 high
_CENTRES = ((0.5, 2.0), (1.0, 1.5), (1.0, 0.5), (0.5, 0.0), (0.0, 0.5), (0.0, 1.5), (0.5, 1.0))


def draw_display(ax: Axes, concepts: Tensor, title: str = "", marked: int | None = None, numbers: bool = True) -> Axes:
    """Seven segments, the darker the more probable `(7,)`; `marked` one is outlined, and `numbers` prints the probabilities.

    Raises ValueError for another number of concepts.
    """
    if concepts.shape != (7,):
        raise ValueError(f"concepts must have shape (7,), got {tuple(concepts.shape)}")
    for segment, (value, (x, y)) in enumerate(zip(concepts.tolist(), _CENTRES, strict=True)):
        upright = segment in (1, 2, 4, 5)
        width, height = (_THIN, _WIDE) if upright else (_WIDE, _THIN)
        edge, line = (plots.NEGATIVE, 2.5) if segment == marked else (plots.FAINT, 0.8)
        grey = str(round(0.97 - 0.85 * value, 3))
        ax.add_patch(Rectangle((x - width / 2, y - height / 2), width, height, facecolor=grey, edgecolor=edge, linewidth=line))
        if numbers:
            aside = {1: (0.16, "left"), 2: (0.16, "left"), 4: (-0.16, "right"), 5: (-0.16, "right")}.get(segment, (0, "center"))
            below = 0 if upright else 0.2
            ax.text(x + aside[0], y - below, f"{value:.2f}", ha=aside[1], va="center", fontsize=8.5, color=plots.INK)
    ax.set(xlim=(-0.75, 1.75), ylim=(-0.4, 2.3), aspect="equal", xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(False)
    return ax


def in_words(concepts: Tensor) -> str:
    """Which segments are off, in words.

    >>> import torch
    >>> in_words(torch.tensor([1, 1, 1, 1, 0, 0.9, 1]))
    'all but lower left is on'
    """
    off = [name for name, value in zip(SEGMENTS, concepts.tolist(), strict=True) if value < 0.5]
    if not off:
        return "all is on"
    return f"all but {', '.join(off)} is on" if len(off) < len(SEGMENTS) else "nothing is on"
