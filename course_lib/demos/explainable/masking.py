"""Demos of chapters/explainable/masking.ipynb."""

from functools import lru_cache

import torch
from torch import Tensor, nn

from course_lib import datasets, plots
from course_lib.claims.explainable.masking import KEEPS, oracle, over_repeats, stored_curve
from course_lib.demos import Demo, explore
from course_lib.explainable.masking import masks_of_share

STYLES = {"plain": (":", "v", plots.NEGATIVE), "masked": ("-", "o", plots.POSITIVE), "oracle": ("--", "s", plots.INK)}
DIGITS = ("misread 8", "a 0", "a 4", "a 7")


@lru_cache
def _mask(keep: float) -> Tensor:
    return masks_of_share(1, keep, torch.Generator().manual_seed(round(100 * keep)))[0]


@lru_cache
def _oracle(keep: float) -> nn.Module:
    split = datasets.digits()
    return oracle(split.train_x, split.train_y, _mask(keep), seed=0)


@lru_cache
def _digit(name: str) -> Tensor:
    split = datasets.digits()
    return datasets.misread_digit() if name == "misread 8" else split.test_x[split.test_y == int(name[-1])][0]


def _reading(net: nn.Module, x: Tensor, mask: Tensor | None) -> str:
    with torch.no_grad():
        chance, read = net(x[None], mask).softmax(1)[0].max(0)
    return f"{read.item()} ({chance.item():.0%})"


def covered(ax, image: Tensor, mask: Tensor, title: str) -> None:
    """A digit on which removed pixels are crossed out in grey, so that they differ from blank paper."""
    plots.show_image(ax, torch.where(mask == 1, image, 0), title)
    rows, columns = (mask == 0).nonzero(as_tuple=True)
    ax.scatter(columns, rows, marker="x", s=40, c=plots.FAINT, linewidths=1.2)


def accuracy_curves(ax, names=tuple(STYLES), at: float | None = None) -> None:
    """Accuracy against the share of pixels kept, mean and interval over the stored repeats; `at` marks one share."""
    for name in names:
        line, marker, colour = STYLES[name]
        mean, low, high = zip(*[over_repeats(column) for column in stored_curve(name).T], strict=True)
        ends = [[m - a for m, a in zip(mean, low, strict=True)], [b - m for m, b in zip(mean, high, strict=True)]]
        ax.errorbar(KEEPS, mean, yerr=ends, linestyle=line, marker=marker, color=colour, label=name, markersize=4)
    if at is not None:
        ax.axvline(at, color=plots.FAINT, linewidth=6, alpha=0.4)
    ax.set(xlim=(1.04, 0), ylim=(0, 1), xlabel="share of pixels kept", ylabel="accuracy")
    ax.legend(loc="lower left", fontsize=9)


def keep_fraction(plain: nn.Module, masked: nn.Module) -> Demo:
    """A digit under its mask, the three curves, and what each of the three nets reads."""

    def draw(keep: float, digit: str):
        figure, (left, right) = plots.panels(2, width=3.1, height=3.1)
        covered(left, _digit(digit), _mask(keep), f"{digit}, {keep:.0%} kept")
        accuracy_curves(right, at=keep)
        return figure

    def describe(keep: float, digit: str) -> str:
        x, mask = _digit(digit), _mask(keep)
        readings = [
            f"plain net with blanks {_reading(plain, x * mask, None)}",
            f"masked-trained net {_reading(masked, x, mask)}",
            f"oracle {_reading(plain if keep == 1 else _oracle(keep), x, mask)}",
        ]
        return f"{digit}, {keep:.0%} of the pixels kept. Readings: {', '.join(readings)}."

    alt = "Left a digit with removed pixels crossed out, right accuracy against the share kept for three nets."
    return explore(draw, describe, alt=alt, keep=KEEPS, digit=DIGITS)
