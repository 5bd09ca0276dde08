"""Demos of chapters/start/warmup.ipynb."""

import torch
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore

WEIGHTS = (0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def seven_points() -> tuple[Tensor, Tensor]:
    """Six points near a line and, last, an outlier below it: `x (7,)` and `y (7,)`."""
    x = torch.arange(7, dtype=torch.float64)
    return x, torch.tensor([1.1, 1.4, 2.1, 2.4, 3.1, 3.4, 0.5], dtype=torch.float64)


def outlier() -> Demo:
    """A weighted line through seven points while the weight of the outlier grows, and how strongly the outlier pulls."""
    x, y = seven_points()
    columns = torch.stack([torch.ones_like(x), x], 1)

    def fit(weight: float) -> tuple[Tensor, Tensor]:
        """Intercept and slope `(2,)`, and weight times residual of each point `(7,)`."""
        weights = torch.ones_like(x)
        weights[-1] = weight
        root = weights.sqrt()[:, None]
        line = torch.linalg.lstsq(root * columns, root * y[:, None]).solution[:, 0]
        return line, weights * (y - columns @ line)

    lines = {weight: fit(weight) for weight in WEIGHTS}
    gaps = [float(columns[-1] @ line - y[-1]) for line, _ in lines.values()]
    pulls = [-float(weighted[-1]) for _, weighted in lines.values()]

    def draw(weight: float):
        figure, (left, right) = plots.panels(2, width=2.6, height=2.7)
        line = lines[weight][0]
        left.scatter(x[:-1], y[:-1], color=plots.INK, s=25, zorder=3)
        left.scatter(x[-1:], y[-1:], color=plots.NEGATIVE, marker="s", s=45, zorder=3)
        left.plot(x, columns @ lines[0][0], color=plots.FAINT, linestyle=plots.ABSENT)
        left.plot(x, columns @ line, color=plots.POSITIVE)
        left.set(xlabel="x", ylabel="y", ylim=(0, 4.4), title=f"outlier's weight {weight}")
        now = WEIGHTS.index(weight)
        curves = ((gaps, plots.INK, plots.ABSENT, "o", "gap"), (pulls, plots.NEGATIVE, plots.PRESENT, "s", "weight x gap"))
        for values, colour, style, marker, name in curves:
            right.plot(range(len(WEIGHTS)), values, color=colour, linestyle=style, label=name)
            right.plot(now, values[now], color=colour, marker=marker, markersize=8)
        right.set(xticks=[0, 4, 7, 10, 13], xticklabels=["0", "1", "10", "100", "1000"], xlabel="outlier's weight")
        right.set_title("from point up to line")
        right.legend()
        return figure

    def describe(weight: float) -> str:
        line, weighted = lines[weight]
        now = WEIGHTS.index(weight)
        pull, others = (round(float(value), 3) + 0.0 for value in (weighted[-1], weighted[:-1].sum()))  # never -0.000
        return (
            f"Weight {weight}: the slope is {line[1]:.2f}, and the line passes {gaps[now]:.3f} above the outlier. "
            f"Weight times residual is {pull:.3f} for the outlier and {others:.3f} for the "
            "other six together."
        )

    alt = (
        "Left: seven points, the last one a square far below the others, with the fitted line and, dashed, the line of "
        "the other six. Right: the gap between outlier and line falls with the weight; weight times gap levels off."
    )
    return explore(draw, describe, alt=alt, weight=WEIGHTS)
