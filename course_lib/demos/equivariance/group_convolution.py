"""Demo of chapters/equivariance/group_convolution.ipynb: turn a digit, and watch its feature map turn and cycle."""

from functools import cache

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from course_lib import plots
from course_lib.datasets import digits
from course_lib.demos import Demo, explore
from course_lib.equivariance.group_convolution import expand, feature_action, lift
from course_lib.groups import CyclicGroup

C4 = CyclicGroup(4)
DIGITS = [2, 4, 7]
FILTERS = ["turned and cycled", "turned only"]


def edge() -> Tensor:
    """A filter that likes ink above and paper below, `(1, 1, 3, 3)`: the lower edge of a stroke."""
    return torch.tensor([[[[1.0, 1, 1], [0, 0, 0], [-1, -1, -1]]]]) / 3


def corner() -> Tensor:
    """A filter on edges, `(1, 1, 4, 3, 3)`: a lower edge ends here from the left, and a right edge from above."""
    w = torch.zeros(1, 1, 4, 3, 3)
    w[0, 0, 0, 1, :2] = w[0, 0, 1, :2, 1] = 0.5  # place 1 of the fibre: the edge filter a quarter turn further, ink to the left
    return w


def convolve(y: Tensor, w: Tensor, cycle: int = 1, padding: int = 0) -> Tensor:
    """The group layer of C_4, whose filters move by `cycle` places a turn: 1 is right, 0 forgets it, -1 is the wrong way.

    Feature maps `(b, c, 4, h, h)` and base filters `(o, c, 4, k, k)` -> `(b, o, 4, h', h')`.
    """
    moved = expand(w, C4).unbind(1)
    filters = torch.stack([one.roll((int(cycle) - 1) * r, 2) for r, one in enumerate(moved)], 1)
    y = F.conv2d(y.flatten(1, 2), filters.flatten(0, 1).flatten(1, 2), padding=padding)
    return y.unflatten(1, filters.shape[:2])


def corners_of(x: Tensor, filters: str = FILTERS[0]) -> Tensor:
    """Images `(b, h, h)` -> where corners of four positions are, `(b, 1, 4, h, h)`; "turned only" forgets to cycle."""
    edges = torch.relu(lift(x[:, None], edge(), C4, padding=1))
    return torch.relu(convolve(edges, corner(), cycle=filters == FILTERS[0], padding=1) - 0.3)


@cache
def example(digit: int) -> Tensor:
    """The first test image of a digit with a ring of paper around it, `(12, 12)`."""
    split = digits()
    return F.pad(split.test_x[split.test_y == digit][0], (2, 2, 2, 2))


def sides(digit: int, turns: int, filters: str) -> tuple[Tensor, Tensor, Tensor]:
    """The turned image, its feature map, and the moved feature map of the upright image: `(12, 12)`, twice `(4, 12, 12)`."""
    x = example(digit)
    turned = torch.rot90(x, turns)
    found = corners_of(turned[None], filters)[0, 0]
    moved = feature_action(C4, (4, *x.shape)).act(torch.tensor([turns]), corners_of(x[None], filters)[0])[0, 0]
    return turned, found, moved


def turning_explorer() -> Demo:
    """Turn, then look for corners; or look for corners, then turn and cycle."""

    def draw(filters: str, digit: int, turns: int) -> Figure:
        turned, found, moved = sides(digit, turns, filters)
        figure, axes = plt.subplots(2, 5, figsize=(7.2, 3.5), layout="constrained")
        plots.show_image(axes[0, 0], turned, "turned digit")
        plots.show_image(axes[1, 0], example(digit), "upright digit")
        for r in range(4):
            same = torch.allclose(found[r], moved[r], atol=1e-5)
            plots.show_image(axes[0, r + 1], found[r], f"place {r}")
            plots.show_image(axes[1, r + 1], moved[r], "equal" if same else "different")
            for ax in axes[:, r + 1]:
                ax.spines[:].set(color=plots.QUOTIENT if same else plots.CHOSEN, linewidth=2)
        axes[0, 0].set_ylabel("turn, then filter")
        axes[1, 0].set_ylabel("filter, then move")
        figure.suptitle(f"filters {filters}; {turns} quarter turns", x=0.01, ha="left", fontsize=11)
        return figure

    def describe(filters: str, digit: int, turns: int) -> str:
        _, found, moved = sides(digit, turns, filters)
        wrong = [r for r in range(4) if not torch.allclose(found[r], moved[r], atol=1e-5)]
        result = f"the rows differ at places {wrong} of the fibre" if wrong else "the two rows agree"
        return f"Filters {filters}, digit {digit}, {turns} quarter turns: {result}."

    alt = "Two rows: a turned digit and the four images of its feature map; the upright digit and its feature map, moved."
    return explore(draw, describe, alt=alt, filters=FILTERS, digit=DIGITS, turns=[1, 2, 3, 0])
