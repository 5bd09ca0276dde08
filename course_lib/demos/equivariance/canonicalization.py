"""Demos of chapters/equivariance/canonicalization.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import plots
from course_lib.claims.equivariance.canonicalization import reader
from course_lib.datasets import digits
from course_lib.demos import Demo, explore
from course_lib.equivariance.canonicalization import four_poses, ink_on_top, pose_scores
from course_lib.equivariance.frames import frame_average, hedged_weights

ANGLES = tuple(range(0, 181, 15))
RULES = ("first entry positive", "larger entry positive", "products of entries")
TIMES = tuple(k / 10 for k in range(11))
WIDTHS = (0.0, 0.03, 0.1)
FROM, TO = 81, 225  # two fours among the test digits whose best positions differ


def direction(degrees: Tensor) -> Tensor:
    """Unit vectors `(m, 2)` at the given angles."""
    radians = torch.deg2rad(degrees.double())
    return torch.stack([radians.cos(), radians.sin()], 1)


def representative(v: Tensor, rule: str) -> Tensor:
    """v or -v, as the rule says, `(m, 2)` -> `(m, 2)`; for the products v1 v1 and v1 v2, which have no sign to choose.

    >>> representative(torch.tensor([[-1.0, 0.5]]), "first entry positive").tolist()
    [[1.0, -0.5]]
    """
    if rule == "products of entries":
        return v * v[:, :1]
    lead = v[:, 0] if rule == "first entry positive" else v.gather(1, v.abs().argmax(1, keepdim=True))[:, 0]
    return torch.where(lead[:, None] < 0, -v, v)


def half_turn() -> Demo:
    """A vector known up to its sign makes half a turn; a rule chooses v or -v, or a feature does without the choice."""
    fine = torch.arange(0, 180.5, 0.5)

    def draw(angle: int, rule: str):
        v, curve = direction(torch.tensor([angle])), representative(direction(fine), rule)
        found = representative(v, rule)[0]
        figure, (left, right) = plots.panels(2, width=3.4, height=3.1)
        for sign, style, name in ((1, "-", "v"), (-1, "--", "-v")):
            left.plot(*torch.stack([0 * v[0], sign * v[0]]).T, color=plots.MOVED, linestyle=style, linewidth=1.5)
            left.text(*(1.17 * sign * v[0]), name, ha="center", va="center", color=plots.MOVED)
        left.annotate("", found, (0, 0), arrowprops={"arrowstyle": "-|>", "color": plots.CHOSEN, "linewidth": 3})
        left.spines[:].set_visible(False)
        left.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal", xticks=[], yticks=[], title="what is passed on")
        for k, style in ((0, "-"), (1, ":")):
            steps = torch.where((curve[1:] - curve[:-1]).norm(dim=1, keepdim=True) > 0.5, torch.nan, curve[1:])
            right.plot(fine[1:], steps[:, k], color=plots.INK, linestyle=style, label=("first", "second")[k])
            right.plot(angle, found[k], "o", color=plots.CHOSEN)
        right.set(ylim=(-1.15, 1.15), xlabel="angle of v in degrees", title="its two entries", xticks=(0, 45, 90, 135, 180))
        right.legend(fontsize=8, loc="lower left")
        figure.suptitle(rule, fontsize=10)
        return figure

    def describe(angle: int, rule: str) -> str:
        found = representative(direction(torch.tensor([angle])), rule)[0]
        return f"{rule}, v at {angle} degrees: ({found[0]:.2f}, {found[1]:.2f}) is passed on."

    alt = (
        "Left a circle's worth of directions: a vector v and its opposite in blue, the one passed on as an orange arrow. "
        "Right the two entries of what is passed on, over the angle."
    )
    return explore(draw, describe, alt=alt, angle=ANGLES, rule=RULES)


def fade(t: Tensor) -> Tensor:
    """From one 4 of the test digits straight to another, `(m,)` -> `(m, 8, 8)`."""
    x, t = digits().test_x[[FROM, TO]], t.float()[:, None, None]
    return (1 - t) * x[0] + t * x[1]


def pose_weights(x: Tensor, width: float) -> Tensor:
    """The hedged weights of the four poses of images, `(m, 8, 8)` -> `(m, 4)`."""
    return hedged_weights(pose_scores(ink_on_top, x), width)


def read_as_four(x: Tensor, width: float) -> Tensor:
    """Probability of a 4 by the canonical reader, its poses hedged with `width`: `(m, 8, 8)` -> `(m,)`."""
    return frame_average(lambda y: reader(True, 100)(y).softmax(1)[:, 4], four_poses(x), pose_weights(x, width))


@cache
def _curve(width: float) -> tuple[Tensor, Tensor]:
    times = torch.linspace(0, 1, 201)
    return times, read_as_four(fade(times), width)


def near_a_tie() -> Demo:
    """One 4 fades into another: the weights of its four poses, and what the reader makes of them."""

    def draw(time: float, width: float):
        x = fade(torch.tensor([time]))
        figure, axes = plots.plt.subplots(1, 6, figsize=(7.4, 2.2), layout="constrained", width_ratios=(1, 1, 1, 1, 1, 2.4))
        plots.show_image(axes[0], x[0], "input")
        for ax, pose, weight in zip(axes[1:5], four_poses(x)[0], pose_weights(x, width)[0].tolist(), strict=True):
            plots.show_image(ax, pose, f"{100 * weight:.0f} %")
            ax.spines[:].set(color=plots.CHOSEN if weight > 0 else plots.FAINT, linewidth=0.6 + 4 * weight)
        axes[5].plot(*_curve(width), color=plots.INK, linewidth=1)
        axes[5].plot(time, read_as_four(x, width)[0], "o", color=plots.CHOSEN)
        axes[5].set(ylim=(-0.05, 1.05), xlabel="time", title=f"P(4), width {width:g}")
        return figure

    def describe(time: float, width: float) -> str:
        x = fade(torch.tensor([time]))
        used, chance = int((pose_weights(x, width) > 0).sum()), read_as_four(x, width)[0]
        return (
            f"Time {time:g}, width {width:g}: {used} of 4 poses have weight, the reader gives the 4 a chance of {chance:.2f}."
        )

    alt = (
        "A handwritten 4 that fades into another, its four poses framed in orange by weight, and the probability that it "
        "is read as a 4 over the whole way."
    )
    return explore(draw, describe, alt=alt, time=TIMES, width=WIDTHS)
