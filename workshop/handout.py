"""The course's two pictures on one sheet of A4, to print: six readings of a game, and six things to do with an orbit."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from course_lib import plots
from course_lib.demos.attribution.overview import READINGS, SQUARES, square
from course_lib.equivariance.orbit_picture import EIGHT, SIX, START
from course_lib.games import Game
from course_lib.groups import matrix_action, orbit

A4 = (8.27, 11.69)  # inches
FIRST = (
    "One game, six readings. Two players fade in, each between absent (0) and present (1); shading is the value of their\n"
    "mixture, here the game OR. Each reading walks the square its own way, or lays a plane through it (dashed), and gives\n"
    "each player what is gained along that player's steps."
)
SECOND = (
    "One orbit, six things to do with it. Circles are all that one input can become. Pick one point of it, take the mean\n"
    "over all or over a few, train on all, let weights be constant along it, or read only what does not move."
)


def sheet() -> Figure:
    """The page as a figure."""
    plots.use_course_style()
    figure = plt.figure(figsize=A4)
    upper, lower = figure.subfigures(2, 1, hspace=0.02)
    for part, title, caption in ((upper, "Attribution", FIRST), (lower, "Symmetry", SECOND)):
        part.text(0.06, 0.93, title, fontsize=17, family="serif")
        part.text(0.06, 0.875, caption, fontsize=7.6, va="top")
    for ax, reading in zip(grid(upper), READINGS, strict=True):
        square(ax, Game(SQUARES["OR"], 2), reading)
        ax.set_title(reading, fontsize=9)
    points = orbit(matrix_action(EIGHT, (2,)), START)
    for ax, (name, draw) in zip(grid(lower), SIX.items(), strict=True):
        ax.scatter(*points.T, s=34, facecolors="none", edgecolors=plots.MOVED)
        draw(ax, points)
        ax.set(xlim=(-1.6, 1.6), ylim=(-1.9, 1.6), aspect="equal", xticks=[], yticks=[])
        ax.set_title(name, fontsize=9)
        ax.spines[:].set_visible(False)
    return figure


def grid(part: Figure) -> list[plt.Axes]:
    """Six axes below the caption of half a page."""
    place = {"left": 0.08, "right": 0.95, "top": 0.74, "bottom": 0.07, "hspace": 0.55, "wspace": 0.35}
    return list(part.subplots(2, 3, gridspec_kw=place).flat)


def make(target: Path) -> Path:
    """Write the sheet as a PDF and return its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    figure = sheet()
    figure.savefig(target, metadata={"CreationDate": None})
    plt.close(figure)
    return target
