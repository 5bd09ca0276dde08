"""Demo of chapters/frontiers/merging.ipynb."""

from functools import cache

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.frontiers import merging, merging_digits
from course_lib.frontiers.stacked_networks import Stack

WIDTHS, ALPHAS = merging_digits.WIDTHS, (0.0, 0.25, 0.5, 0.75, 1.0)
FINE = torch.linspace(0, 1, 21)  # on which curves are drawn
FILTERS = 6  # shown of each network
INKS = LinearSegmentedColormap.from_list("weights", [plots.NEGATIVE, "white", plots.POSITIVE])
PATHS = (("as they are", plots.MOVED, "--", "s"), ("aligned", plots.CHOSEN, "-", "o"))  # label, colour, line, mark


@cache
def _pair(width: int) -> tuple[Stack, Stack, Stack]:
    """A, B, and B permuted by weight matching; two hidden layers."""
    a, b = merging_digits.pairs(width, 2, 1)
    return a, b, merging_digits.aligned(a, b, "weights")


@cache
def _curves(width: int) -> tuple[Tensor, Tensor]:
    """Test loss over FINE, without and with alignment, each `(21,)`."""
    a, *ends = _pair(width)
    return tuple(merging.loss_curve(a, end, *merging_digits.data()[2:], FINE)[:, 0] for end in ends)


def _at(alpha: float) -> int:
    return round(alpha * (len(FINE) - 1))


def _first_layers(width: int, alpha: float) -> dict[str, Tensor]:
    """Filters `(6, 8, 8)` of A's six strongest neurons, of B in the same places, and of both mixtures.

    Each weight is multiplied by the standard deviation of its pixel: pixels that are always blank do not count.
    """
    a, b, moved = _pair(width)
    spread = merging_digits.data()[0].std(0)
    chosen = (a[0][0][0] * spread).norm(dim=1).argsort(descending=True)[:FILTERS]
    mixed = {f"mix, {label}": merging.interpolate(a, end, alpha) for (label, *_), end in zip(PATHS, (b, moved), strict=True)}
    networks = {"A": a, "B": b, "B aligned": moved, **mixed}
    return {name: (network[0][0][0, chosen] * spread).reshape(FILTERS, 8, 8) for name, network in networks.items()}


def likeness(width: int, name: str) -> float:
    """Mean cosine of the six filters of A and those of another row."""
    filters = _first_layers(width, 0.0)
    return torch.nn.functional.cosine_similarity(filters["A"].flatten(1), filters[name].flatten(1)).mean().item()


def _montage(rows: list[Tensor]) -> Tensor:
    """Filters in a grid `(9 r - 1, 9 c - 1)`, white lines between them."""
    framed = [torch.nn.functional.pad(row, (0, 1, 0, 1)) for row in rows]
    return torch.cat([row.permute(1, 0, 2).flatten(1) for row in framed])[:-1, :-1]


def _draw(width: int, alpha: float):
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.4), layout="constrained", width_ratios=(1, 1.3))
    for (label, colour, line, mark), curve in zip(PATHS, _curves(width), strict=True):
        left.plot(FINE, curve, line, color=colour, label=label)
        left.plot(alpha, curve[_at(alpha)], mark, color=colour, markersize=11)
    ends = _curves(width)[0][[0, -1]]
    left.plot([0, 1], ends, ":", color=plots.INK, label="line between the ends")
    left.set(xlabel="alpha (0: A, 1: B)", ylabel="test loss", title=f"two layers of {width}", ylim=(0, 2.2))
    left.legend(loc="upper right", fontsize=9)
    rows = _first_layers(width, alpha)
    image = _montage(list(rows.values()))
    limit = image.abs().quantile(0.99).item()
    right.imshow(image.numpy(), cmap=INKS, vmin=-limit, vmax=limit, interpolation="nearest")
    right.set_yticks([9 * i + 3.5 for i in range(len(rows))], list(rows))
    right.set(xticks=[], title="first layer, six filters")
    right.spines[:].set_visible(False)
    right.tick_params(length=0)
    return figure


def walk_between_networks() -> Demo:
    """Test loss and first-layer filters on the way from one trained network to another, without and with alignment."""

    def describe(width: int, alpha: float) -> str:
        naive, aligned = (curve[_at(alpha)].item() for curve in _curves(width))
        before, after = (likeness(width, name) for name in ("B", "B aligned"))
        losses = f"test loss {naive:.2f} as they are, {aligned:.2f} aligned"
        return f"Width {width}, alpha {alpha:g}: {losses}; cosine of filters with A's {before:.2f}, aligned {after:.2f}."

    alt = (
        "Left, test loss on the way from network A to network B: a dashed curve without alignment, a solid one with, a dotted "
        "line between the ends, and a mark on each curve at the chosen alpha. Right, rows of six 8 by 8 filters: A, B, B "
        "aligned, and both mixtures."
    )
    return explore(_draw, describe, alt=alt, width=WIDTHS, alpha=ALPHAS)
