"""The demo of chapters/frontiers/data_geometry.ipynb."""

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plots
from course_lib.claims.frontiers.data_geometry import errors_on
from course_lib.demos import Demo, explore
from course_lib.frontiers.curves import Curve, circle, hilbert_curve
from course_lib.frontiers.nearest import draw, label, nearest

SHAPES = ("circle", "order 3", "order 4", "order 5")
POINTS = (50, 200, 800, 3200)
SEEDS = 20  # draws behind each error
WRONG = 0.5  # a label further off than this is drawn as a cross


def curve_of(shape: str) -> Curve:
    """The circle or the space-filling curve of an order."""
    return circle() if shape == "circle" else hilbert_curve(int(shape.removeprefix("order ")))


def fit(shape: str, points: int, seed: int = 0, tests: int = 700) -> tuple[Tensor, Tensor, Tensor]:
    """Training points `(n, 2)`, evenly spaced test points `(t, 2)`, and how far off their labels are `(t,)`."""
    curve = curve_of(shape)
    train = draw(curve, points, torch.Generator().manual_seed(seed))
    test = torch.linspace(0, curve.length, tests, dtype=torch.float64)
    x, y = curve.at(train), curve.at(test)
    return x, y, (label(train[nearest(y, x)]) - label(test)).abs()


def _draw(shape: str, points: int) -> Figure:
    figure, (left, right) = plots.panels(2, width=3.7, height=3.6)
    curve, (x, y, off) = curve_of(shape), fit(shape, points)
    path = curve.at(torch.linspace(0, curve.length, 3000, dtype=torch.float64))
    left.plot(*path.T, color=plots.FAINT, linewidth=0.8)
    left.plot(*x[:200].T, "o", color=plots.INK, markersize=3)
    left.plot(*y[off > WRONG].T, "x", color=plots.CHOSEN, markersize=5)
    left.spines[:].set_visible(False)
    left.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal", xticks=[], yticks=[])
    left.set_title(f"{shape}: {(off > WRONG).double().mean():.0%} far off")
    for name in SHAPES:
        errors = [errors_on(name, count, SEEDS).mean().item() for count in POINTS]
        right.loglog(POINTS, errors, color=plots.MOVED if name == shape else plots.FAINT, linewidth=2.5 if name == shape else 1)
        if name == shape:
            right.plot(points, errors[POINTS.index(points)], "o", color=plots.CHOSEN, markersize=10)
    right.set(ylim=(1e-6, 4), xlabel="training points", title="mean error / variance")
    right.set_xticks(POINTS, [str(count) for count in POINTS])
    right.minorticks_off()
    return figure


def folding() -> Demo:
    """Nearest neighbours on a circle and on space-filling curves, for a number of training points."""

    def describe(shape: str, points: int) -> str:
        curve, error = curve_of(shape), errors_on(shape, points, SEEDS).mean()
        return (
            f"{shape}, {points} training points: length {curve.length:.1f}, reach {curve.reach:.3f}, "
            f"{points * curve.reach / curve.length:.2g} points per reach; mean error of {SEEDS} draws {error:.2g}."
        )

    alt = (
        "Left, a curve in the plane with up to two hundred training points as dots and crosses where the label of the nearest "
        "one is far off. Right, error over training points on logarithmic axes, one line a curve, the chosen one thick."
    )
    return explore(_draw, describe, alt=alt, shape=SHAPES, points=POINTS)
