"""Demos of chapters/symmetries/groups.ipynb, and the visual language of Part II: one orbit.

A point that you chose is a filled star, what the group makes of it are open circles, mirrors are dashed lines; the thin
grey lines join each point of an orbit to the centre.
"""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.groups import (
    Action,
    CyclicGroup,
    DihedralGroup,
    SymmetricGroup,
    cayley_graph,
    image_action,
    matrix_action,
    orbit,
    stabiliser,
)

GROUPS = {"C_2": CyclicGroup(2), "C_3": CyclicGroup(3), "C_6": CyclicGroup(6), "D_3": DihedralGroup(3), "D_6": DihedralGroup(6)}
STARTS = {
    "anywhere": (0.86, 0.25),
    "on the x axis": (0.9, 0.0),
    "30 degrees up": (0.9 * math.cos(math.pi / 6), 0.45),
    "the centre": (0.0, 0.0),
}
PATTERNS = {  # 5 x 5 pictures, from the most to the least symmetric
    "F": "01110 01000 01100 01000 01000",
    "bar": "00000 00000 11111 00000 00000",
    "pinwheel": "11001 01011 00100 11010 10011",
    "plus": "00100 00100 11111 00100 00100",
}
IMAGE_GROUPS = {"C_2": CyclicGroup(2), "C_4": CyclicGroup(4), "D_4": DihedralGroup(4)}


def pattern(name: str) -> Tensor:
    """One of the 5 x 5 pictures, zeros and ones."""
    return torch.tensor([[float(sign) for sign in row] for row in PATTERNS[name].split()])


def in_words(g: Tensor, n: int) -> str:
    """An element of C_n or D_n in words."""
    turns, flip = (int(g[0]), int(g[1])) if g.dim() else (int(g), 0)
    if not flip:
        return f"turn by {360 * turns // n}°" if turns else "the identity"
    return f"mirror at {180 * turns / n:g}°"


def draw_orbit(ax: Axes, action: Action, x: Tensor, mirrors: bool = True) -> Tensor:
    """One orbit on the plane: the chosen point, its images, the mirrors of the group; returns the orbit."""
    points = orbit(action, x)
    group = action.group
    for k in range(group.n if mirrors and isinstance(group, DihedralGroup) else 0):
        way = 1.25 * torch.tensor([math.cos(math.pi * k / group.n), math.sin(math.pi * k / group.n)])
        ax.plot([-way[0], way[0]], [-way[1], way[1]], color=plots.FAINT, linestyle=plots.ABSENT, linewidth=0.8)
    for point in points:
        ax.plot([0, point[0]], [0, point[1]], color=plots.FAINT, linewidth=0.6)
    ax.plot(*points.T, "o", color=plots.MOVED, markerfacecolor="white", markersize=8, markeredgewidth=1.8, linestyle="none")
    ax.plot(*points[:1].T, "*", color=plots.CHOSEN, markersize=14, linestyle="none")
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return points


def orbit_explorer() -> Demo:
    """Orbit and stabiliser of a point on the plane, for a group and a starting point."""

    def found(group: str, start: str) -> tuple[Action, Tensor, Tensor]:
        action = matrix_action(GROUPS[group], (2,))
        x = torch.tensor(STARTS[start], dtype=torch.float64)
        return action, x, stabiliser(action, x)

    def draw(group: str, start: str) -> Figure:
        action, x, stable = found(group, start)
        figure, (ax,) = plots.panels(1, width=4.6, height=4.2)
        points = draw_orbit(ax, action, x)
        order = action.group.order
        ax.set_title(f"${group}$, order {order} = {len(points)} (orbit) × {len(stable)} (stabiliser)")
        return figure

    def describe(group: str, start: str) -> str:
        action, x, stable = found(group, start)
        points = "point" if len(orbit(action, x)) == 1 else "points"
        kept = ", ".join(in_words(g, action.group.n) for g in stable)
        return (
            f"{group}, starting {start}: {len(orbit(action, x))} {points} in the orbit. What leaves the star in place: {kept}."
        )

    alt = "A star on the plane and its images under a group of turns and mirrorings, as open circles around the centre."
    return explore(draw, describe, alt=alt, group=list(GROUPS), start=list(STARTS))


def image_explorer() -> Demo:
    """Orbit and stabiliser of a small picture under quarter turns and mirrorings."""

    def draw(picture: str, group: str) -> Figure:
        points = orbit(image_action(IMAGE_GROUPS[group], (5, 5)), pattern(picture))
        figure, axes = plots.panels(8, width=0.95, height=1.35)
        for k, ax in enumerate(axes):
            if k < len(points):
                plots.show_image(ax, points[k], f"start, {group}" if k == 0 else "")
            else:
                ax.axis("off")
        return figure

    def describe(picture: str, group: str) -> str:
        made = IMAGE_GROUPS[group]
        action = image_action(made, (5, 5))
        size, stable = len(orbit(action, pattern(picture))), stabiliser(action, pattern(picture))
        kept = ", ".join(in_words(g, made.n) for g in stable)
        return f"{picture}, {group}: {size} × {len(stable)} = {made.order}. What leaves the picture as it is: {kept}."

    alt = "A row of small black and white pictures: the different images of one picture under a group."
    return explore(draw, describe, alt=alt, picture=list(PATTERNS), group=list(IMAGE_GROUPS))


def five_uses() -> Figure:
    """One orbit, five times: pick a point, take the mean, train on all, be constant along it, coordinates of the quotient."""
    action = matrix_action(GROUPS["D_3"], (2,))
    x = torch.tensor([0.75, 0.6], dtype=torch.float64)
    titles = ("pick a point", "take the mean", "train on all of it", "be constant along it", "its coordinates")
    figure, grid = plt.subplots(2, 3, figsize=(6.0, 4.2), layout="constrained")
    axes = list(grid.flatten())
    axes.pop().axis("off")
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=10.5)
    for ax in axes[:4]:
        points = draw_orbit(ax, action, x, mirrors=ax is axes[0])
    _wedge(axes[0])
    for point in points:
        axes[1].annotate("f", point, (5, 4), textcoords="offset points", color=plots.QUOTIENT, fontsize=10)
    axes[1].plot(0, 0, "D", color=plots.QUOTIENT, markersize=8)
    for point in points:
        axes[2].annotate("y", point, (5, 4), textcoords="offset points", color=plots.QUOTIENT, fontsize=10)
    _levels(axes[3])
    _quotient(axes[4], x)
    return figure


def _wedge(ax: Axes) -> None:
    """A sixth of the plane meets each orbit of D_3 once."""
    angles = torch.linspace(0, math.pi / 3, 20)
    rim = 1.25 * torch.stack([angles.cos(), angles.sin()], 1)
    corner = torch.cat([torch.zeros(1, 2), rim])
    ax.fill(*corner.T, color=plots.QUOTIENT, alpha=0.25, linewidth=0)


def _levels(ax: Axes) -> None:
    """Level lines of an invariant function of D_3: |z|^2 - Re(z^3)/5."""
    axis = torch.linspace(-1.3, 1.3, 90)
    x, y = torch.meshgrid(axis, axis, indexing="xy")
    values = x**2 + y**2 - (x**3 - 3 * x * y**2) / 5
    ax.contour(x, y, values, levels=9, colors=plots.QUOTIENT, linewidths=0.9, linestyles="solid")


def _quotient(ax: Axes, x: Tensor) -> None:
    """All six points at one place: |z|^2 against Re(z^3)."""
    z = torch.complex(*x)
    ax.plot(abs(z) ** 2, (z**3).real, "*", color=plots.CHOSEN, markersize=14)
    ax.set(xlabel="$|z|^2$", ylabel="Re $z^3$", xlim=(0, 1.6), ylim=(-1.6, 1.6), xticks=[], yticks=[])


def cayley_of_s4() -> Figure:
    """The Cayley graph of S_4 for exchanges of neighbours: a truncated octahedron, each p at its own coordinates in R^4."""
    swaps = torch.tensor([[1, 0, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2]])
    elements, lengths, arrows = cayley_graph(SymmetricGroup(4), swaps)
    view = torch.tensor([[-1.0, -0.62, 0.37, 1.25], [-0.81, 0.96, 0.52, -0.67]])  # a slanted look at three dimensions
    place = (elements - 1.5) @ view.T
    figure, (ax,) = plots.panels(1, width=5.4, height=4.4)
    styles = ((plots.CHOSEN, "-"), (plots.MOVED, (0, (4, 2))), (plots.QUOTIENT, ":"))
    for k, (targets, (colour, style)) in enumerate(zip(arrows, styles, strict=True)):
        for i, j in enumerate(targets.tolist()):
            label = f"exchange places {k} and {k + 1}" if i == 0 else None
            if i < j:  # an exchange leads back by itself: draw it once
                ax.plot(*place[[i, j]].T, color=colour, linestyle=style, linewidth=1.6, label=label)
    for (x, y), length in zip(place.tolist(), lengths.tolist(), strict=True):
        ax.plot(x, y, "o", color="white", markeredgecolor=plots.INK, markersize=14)
        ax.text(x, y, str(length), ha="center", va="center", fontsize=9, color=plots.INK)
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, fontsize=9)
    return figure
