"""Demo of chapters/frontiers/parameter_symmetry.ipynb: one neuron, one scale, two kinds of step."""

from functools import cache

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.frontiers.invariant_descent import balanced_step, gradient, plain_step
from course_lib.frontiers.parameter_symmetry import HiddenLayer, rescale

NET = HiddenLayer(1, 1, 1)
START = (0.5, 0.36)
ALPHAS = [1, 1.5, 2, 2.5, 3]
UPDATES = ["plain descent", "balanced descent"]
RATES = [0.02, 0.2]
TIME, LIMIT = 8.0, 3.7
STEPS = {"plain descent": plain_step, "balanced descent": balanced_step(NET)}


def product_loss(theta: Tensor) -> Tensor:
    """Half the squared error of v relu(w x) at the one example x = 1, y = 1, `(m,)`; biases are left out of it."""
    w, v = theta[:, 0], theta[:, 2]
    return (v * w.relu() - 1).square() / 2


@cache
def path(alpha: float, update: str, rate: float) -> tuple[Tensor, Tensor]:
    """w and v of the neuron on its way, `(steps + 1,)` each, from the start rescaled by alpha; total time 8."""
    theta = rescale(NET, torch.tensor([[START[0], 0, START[1], 0]], dtype=torch.float64), torch.tensor([float(alpha)]))
    points = [theta[0]]
    for _ in range(round(TIME / rate)):
        theta = STEPS[update](theta, gradient(product_loss, theta), rate)
        points.append(theta[0])
    found = torch.stack(points)
    return found[:, 0], found[:, 2]


def scale_explorer() -> Demo:
    """The neuron's path in the plane of its two weights, and what the function does meanwhile."""

    def draw(alpha: float, update: str, rate: float) -> Figure:
        figure, (plane, curve) = plots.panels(2, width=3.4, height=3.6)
        _draw_plane(plane, alpha, update, rate)
        _draw_function(curve, alpha, update, rate)
        figure.suptitle(f"{update}, rate {rate:g}, alpha {alpha:g}", x=0.02, ha="left", fontsize=11)
        return figure

    def describe(alpha: float, update: str, rate: float) -> str:
        w, v = path(alpha, update, rate)
        change = (w**2 - v**2)[[0, -1]].tolist()
        half = int((w * v > 0.5).int().argmax()) * rate
        return (
            f"{update}, rate {rate:g}, alpha {alpha:g}: start at w = {w[0]:.2f}, v = {v[0]:.3f}, w v = {w[0] * v[0]:.2f}; "
            f"end at w = {w[-1]:.2f}, v = {v[-1]:.2f}. w v passes 0.5 at time {half:.2f}. "
            f"w^2 - v^2 goes from {change[0]:.3f} to {change[1]:.3f}, v / w from {v[0] / w[0]:.3f} to {v[-1] / w[-1]:.3f}."
        )

    alt = (
        "Left, the plane of the two weights with the orbit of the start, the valley of minima and the path of descent. "
        "Right, the product of both weights against time, with the curve for alpha 1 in grey."
    )
    return explore(draw, describe, alt=alt, alpha=ALPHAS, update=UPDATES, rate=RATES)


def _draw_plane(ax: Axes, alpha: float, update: str, rate: float) -> None:
    w, v = path(alpha, update, rate)
    line = torch.linspace(0.05, LIMIT, 300, dtype=torch.float64)
    ax.plot(line, START[0] * START[1] / line, linestyle=plots.ABSENT, color=plots.MOVED, label="start's orbit")
    ax.plot(line, 1 / line, color=plots.QUOTIENT, label="minima")
    invariant = (w[0] ** 2 - v[0] ** 2).item()
    kept = torch.sqrt((line**2 - invariant).clamp(min=0)) if update == "plain descent" else line * (v[0] / w[0])
    seen = (kept > 0) & (line * kept < 2.5)
    ax.plot(line[seen], kept[seen], color=plots.FAINT, linewidth=1, label="conserved")
    ax.plot(w, v, "." if rate > 0.1 else "-", color=plots.CHOSEN, markersize=6, linewidth=2, label="path")
    ax.plot(w[:1], v[:1], "s", color=plots.CHOSEN, markersize=7)
    ax.set(xlim=(0, LIMIT), ylim=(0, LIMIT), xlabel="w (reads)", ylabel="v (writes)", aspect="equal")
    ax.legend(fontsize=8, loc="upper right", frameon=True, framealpha=1, edgecolor="white")


def _draw_function(ax: Axes, alpha: float, update: str, rate: float) -> None:
    for scale, style in ((1, {"color": plots.FAINT, "linewidth": 5}), (alpha, {"color": plots.CHOSEN})):
        w, v = path(scale, update, rate)
        ax.plot(torch.arange(len(w)) * rate, w * v, label=f"alpha {scale:g}", **style)
    ax.set(xlim=(0, TIME), ylim=(0, 1.3), xlabel="time = rate x steps", ylabel="function: w v")
    ax.legend(fontsize=8, loc="lower right")
