"""One visual language for every figure of the course. Chapters: all.

Features, training data and components keep one colour and one marker each; "present" is a solid line, "absent" a
dashed one; a positive score is blue and plain, a negative one vermilion and hatched, so that no figure relies on
colour alone (palette: Okabe & Ito, 2008, safe for the common colour-vision deficiencies).
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

KINDS = {  # kind of player: (colour, marker)
    "features": ("#0072B2", "o"),
    "training data": ("#D55E00", "s"),
    "components": ("#009E73", "^"),
}
POSITIVE, NEGATIVE, INK, FAINT = "#0072B2", "#D55E00", "#222222", "#999999"
PRESENT, ABSENT = "-", (0, (4, 2))  # line styles
CHOSEN, MOVED, QUOTIENT = "#D55E00", "#0072B2", "#009E73"  # one orbit: the point chosen, its images, what is left of the plane


STYLE = {  # white paper, dark ink, no chart junk, text legible on a phone
    "figure.figsize": (6.4, 3.4),
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10.5,
    "font.size": 10.5,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
}


def use_course_style() -> None:
    """Set matplotlib's defaults for the whole notebook to `STYLE`."""
    plt.rcParams.update(STYLE)


def score_bars(
    ax: Axes, scores: Tensor, names: Sequence[str], errors: Tensor | None = None, limit: float | None = None
) -> Axes:
    """Horizontal bars of `scores` `(n,)`, first player on top; whiskers are 1.96 standard `errors`; `limit` fixes the axis."""
    scores, rows = scores.tolist(), range(len(names))
    whiskers = None if errors is None else (1.96 * errors).tolist()
    bars = ax.barh(rows, scores, xerr=whiskers, color=[POSITIVE if s >= 0 else NEGATIVE for s in scores], height=0.7)
    for bar, score in zip(bars, scores, strict=True):
        bar.set_hatch("" if score >= 0 else "////")
        bar.set_edgecolor("white")
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    ax.axvline(0, color=INK, linewidth=0.8)
    if limit is not None:
        ax.set_xlim(-limit, limit)
    return ax


def score_map(ax: Axes, scores: Tensor, image: Tensor, title: str = "", limit: float | None = None) -> Axes:
    """Draw `scores` `(h, w)` over a grey `image` `(h, w)`: blue squares for positive, vermilion crosses for negative.

    The area of a mark is proportional to |score|; `limit` is the |score| of a mark that fills its pixel.
    """
    limit = limit or scores.abs().max().item() or 1.0
    ax.imshow(image, cmap="Greys", vmin=0, vmax=1.6, interpolation="nearest")
    rows, columns = torch.meshgrid(*(torch.arange(k) for k in scores.shape), indexing="ij")
    cell = 0.85 * 72 * ax.get_window_extent().width / ax.figure.dpi / scores.shape[1]  # one pixel's side in points
    for sign, colour, marker in ((1, POSITIVE, "s"), (-1, NEGATIVE, "X")):
        chosen = sign * scores > 1e-3 * limit
        sizes = (scores[chosen].abs() / limit).clamp(max=1) * cell**2
        ax.scatter(columns[chosen], rows[chosen], s=sizes, c=colour, marker=marker, linewidths=0)
    return _frame(ax, title)


def show_image(ax: Axes, image: Tensor, title: str = "") -> Axes:
    """A grey image `(h, w)` with values in [0, 1], dark ink on white paper, without axes."""
    ax.imshow(image, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    return _frame(ax, title)


def number_table(ax: Axes, values: Tensor, names: Sequence[str]) -> Axes:
    """A square of numbers `(n, n)` in [-1, 1] on grey, the darker the larger in size; `names` on both sides."""
    ax.imshow(values.abs(), cmap="Greys", vmin=0, vmax=2, aspect="auto")
    for i, row in enumerate(values.tolist()):
        for j, value in enumerate(row):
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", color=INK)
    ax.set_xticks(range(len(names)), names, rotation=40, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def _frame(ax: Axes, title: str) -> Axes:
    """A thin grey frame instead of axes."""
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set(visible=True, color=FAINT, linewidth=0.6)
    return ax


def panels(count: int, width: float = 2.2, height: float = 2.5) -> tuple[Figure, list[Axes]]:
    """A row of `count` equal panels, laid out without overlap."""
    figure, axes = plt.subplots(1, count, figsize=(width * count, height), layout="constrained", squeeze=False)
    return figure, list(axes[0])
