"""Demos of chapters/attribution/surrogates.ipynb."""

import math

import torch
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.games.surrogates import Surrogate, fit_line

WIDTHS = (0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0, 8.0, "infinite")
POINTS = (1.0, 0.4, -0.5, -2.0)


def hill(u: Tensor) -> Tensor:
    """A gentle slope with a hill on it: u / 2 + 2 exp(-(u - 0.4)^2 / (2 0.5^2))."""
    return u / 2 + 2 * torch.exp(-2 * (u - 0.4) ** 2)


def hill_slope(u: float) -> float:
    """The derivative of `hill`."""
    return 0.5 - 8 * (u - 0.4) * math.exp(-2 * (u - 0.4) ** 2)


def local_line(x: float, width: float | str) -> Surrogate:
    """Line through the hill on an even grid from -3 to 3, weighted by exp(-(u - x)^2 / (2 width^2))."""
    grid, h = torch.linspace(-3, 3, 301, dtype=torch.float64), math.inf if width == "infinite" else width
    weights = torch.exp(-((grid - x) ** 2) / (2 * h**2))
    return fit_line(grid[:, None], hill(grid), ["slope"], weights=weights, kind="exact")


def kernel_width() -> Demo:
    """The local line turns from the tangent into the global regression line as the kernel widens."""
    grid, everywhere = torch.linspace(-3, 3, 301, dtype=torch.float64), local_line(0.0, "infinite")

    def draw(width: float | str, point: float):
        line, h = local_line(point, width), math.inf if width == "infinite" else width
        figure, (ax,) = plots.panels(1, width=5.6, height=3.9)
        weights = torch.exp(-((grid - point) ** 2) / (2 * h**2))
        ax.fill_between(grid, -2, -2 + 5 * weights, color=plots.FAINT, alpha=0.3, linewidth=0, label="weight")
        ax.plot(grid, hill(grid), color=plots.INK, label="model")
        height = hill(torch.tensor(point)).item()
        ax.plot(grid, height + hill_slope(point) * (grid - point), color=plots.FAINT, linestyle=":", label="tangent")
        fitted = line.intercept + line.scores[0] * grid
        ax.plot(grid, fitted, color=plots.POSITIVE, linestyle=plots.ABSENT, linewidth=2, label="local line")
        ax.plot(point, height, "o", color=plots.INK)
        ax.set(xlim=(-3, 3), ylim=(-2, 3), xlabel="u", title=f"slope {line.scores.item():.2f}, $R^2$ {line.r_squared:.2f}")
        figure.legend(loc="outside lower center", ncols=4, fontsize=9)
        return figure

    def describe(width: float | str, point: float) -> str:
        line = local_line(point, width)
        return (
            f"Point {point}, width {width}: the local line has slope {line.scores.item():.2f} and R² {line.r_squared:.2f}. "
            f"The tangent there has slope {hill_slope(point):.2f}, the line through everything {everywhere.scores.item():.2f}."
        )

    alt = "A curve with one hill, the tangent at one point and the locally weighted regression line; shading shows the weights."
    return explore(draw, describe, alt=alt, width=WIDTHS, point=POINTS)
