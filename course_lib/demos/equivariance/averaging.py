"""Demos of chapters/equivariance/averaging.ipynb: a walk on a Cayley graph, and a function averaged over rotations."""

import math
from functools import cache

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.equivariance.averaging import group_average, total_variation, walk_distribution
from course_lib.groups import (
    CyclicGroup,
    Group,
    SpecialOrthogonalGroup,
    SymmetricGroup,
    cayley_graph,
    matrix_action,
    rotation,
    trivial_action,
)

SWAPS = [[1, 0, 2, 3], [0, 2, 1, 3], [0, 1, 3, 2]]
STAY, CIRCLE = [0, 1, 2, 3], [1, 2, 3, 0]
WALKS: dict[str, tuple[Group, list]] = {
    "C_12: step or back": (CyclicGroup(12), [1, 11]),
    "C_12: stay, step or back": (CyclicGroup(12), [0, 1, 11]),
    "S_4: swap neighbours": (SymmetricGroup(4), SWAPS),
    "S_4: swap neighbours or stay": (SymmetricGroup(4), [STAY, *SWAPS]),
    "S_4: swap, circle or stay": (SymmetricGroup(4), [STAY, SWAPS[0], CIRCLE]),
}
STEPS = [0, 1, 2, 3, 6, 12, 30, 31]
KINDS = ("equally spaced", "random", "generators only")
NUMBERS = [3, 4, 6, 8, 12, 16, 24, 48]
TURNS = SpecialOrthogonalGroup(2)
PLANE, VALUE = matrix_action(TURNS, (2,)), trivial_action(TURNS)
RADIUS = 0.7  # of the circle along which values are shown


def walk_explorer() -> Demo:
    """Where a random walk can be: mass on the Cayley graph, and how far it is from uniform."""

    def draw(walk: str, steps: int) -> Figure:
        group, places, lines, mass = _walk(walk)
        figure, (graph, curve) = plt.subplots(1, 2, figsize=(6.6, 3.5), layout="constrained", width_ratios=(1.25, 1))
        _draw_mass(graph, places, lines, mass[steps])
        graph.set_title(f"{walk}\nafter {steps} {'step' if steps == 1 else 'steps'}")
        distances = total_variation(mass, group.order)
        curve.plot(distances, color=plots.MOVED)
        curve.plot(steps, distances[steps], "*", color=plots.CHOSEN, markersize=13)
        curve.set(xlabel="steps", ylabel="distance from uniform", ylim=(-0.03, 1.03))
        return figure

    def describe(walk: str, steps: int) -> str:
        group, _, _, mass = _walk(walk)
        reached, distance = int((mass[steps] > 0).sum()), total_variation(mass[steps], group.order).item()
        when = f"{steps} {'step' if steps == 1 else 'steps'}"
        return (
            f"{walk}; after {when} it can be at {reached} of {group.order} elements: a black box would be evaluated "
            f"that often. Distance from the uniform distribution: {distance:.2f}."
        )

    alt = "A Cayley graph, its corners filled by the probability of a random walk; a curve of the distance from uniform."
    return explore(draw, describe, alt=alt, walk=list(WALKS), steps=STEPS)


@cache
def _walk(name: str) -> tuple[Group, Tensor, list[tuple[int, int]], Tensor]:
    """The group, where its elements are drawn, the lines between them, and the probabilities after 0, 1, ... steps."""
    group, chosen = WALKS[name]
    chosen = torch.tensor(chosen)
    elements, _, arrows = cayley_graph(group, chosen)
    lines = {tuple(sorted((i, j))) for targets in arrows for i, j in enumerate(targets.tolist()) if i != j}
    return group, _places(group, elements), sorted(lines), walk_distribution(group, chosen, max(STEPS))[1]


def _places(group: Group, elements: Tensor) -> Tensor:
    if isinstance(group, SymmetricGroup):  # a slanted look at the corners of a truncated octahedron
        view = torch.tensor([[-1.0, -0.62, 0.37, 1.25], [-0.81, 0.96, 0.52, -0.67]])
        places = (elements - 1.5) @ view.T
        return 2.5 * places / places.abs().max()
    angle = 2 * math.pi * elements / group.order
    return 2.3 * torch.stack([angle.sin(), angle.cos()], 1)


def _draw_mass(ax: Axes, places: Tensor, lines: list[tuple[int, int]], mass: Tensor) -> None:
    for i, j in lines:
        ax.plot(*places[[i, j]].T, color=plots.FAINT, linewidth=0.7, zorder=1)
    ax.scatter(*places.T, s=26, facecolor="white", edgecolor=plots.INK, linewidth=0.8, zorder=2)
    there = mass > 0
    ax.scatter(*places[there].T, s=900 * mass[there].sqrt(), color=plots.MOVED, alpha=0.75, linewidth=0, zorder=3)
    ax.set(xticks=[], yticks=[], aspect="equal", xlim=(-3, 3), ylim=(-3, 3))
    ax.spines[:].set_visible(False)


def landscape(x: Tensor) -> Tensor:
    """A random smooth function of the plane, fixed once: twelve plane waves, `(b, 2)` -> `(b,)`."""
    generator = torch.Generator().manual_seed(3)
    waves = 7.0 * torch.randn(12, 2, generator=generator, dtype=torch.float64)
    phases = 2 * math.pi * torch.rand(12, generator=generator, dtype=torch.float64)
    return torch.cos(x @ waves.T + phases).mean(1) * 12**0.5


def rotations(kind: str, number: int) -> Tensor:
    """Angles in radians: `number` equally spaced or random ones, or the generator of these, its inverse and no turn."""
    if kind == "equally spaced":
        return 2 * math.pi * torch.arange(number, dtype=torch.float64) / number
    if kind == "random":
        generator = torch.Generator().manual_seed(number)
        return 2 * math.pi * torch.rand(number, generator=generator, dtype=torch.float64)
    return 2 * math.pi / number * torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64)


def averaged_landscape(kind: str, number: int):
    """The landscape averaged over those rotations."""
    return group_average(landscape, PLANE, VALUE, rotation(rotations(kind, number)))


def round_the_circle(f, points: int = 240) -> tuple[Tensor, Tensor]:
    """Angles in degrees and values of f along a circle."""
    angles = torch.linspace(0, 2 * math.pi, points + 1, dtype=torch.float64)
    return angles * 180 / math.pi, f(RADIUS * torch.stack([angles.cos(), angles.sin()], 1))


def variation_left(kind: str, number: int) -> float:
    """Spread of the averaged values round the circle, relative to the spread before."""
    after, before = (round_the_circle(f)[1][:-1].std() for f in (averaged_landscape(kind, number), landscape))
    return (after / before).item()


def rotation_explorer() -> Demo:
    """A function of the plane, averaged over more and more rotations, chosen in three ways."""

    def draw(rotations: str, number: int) -> Figure:
        f = averaged_landscape(rotations, number)
        figure, (ax, curve) = plt.subplots(1, 2, figsize=(6.4, 3.2), layout="constrained")
        _draw_values(ax, f)
        ax.set_title(f"{number}: {rotations}")
        angles, before = round_the_circle(landscape)
        curve.plot(angles, before, color=plots.FAINT, linestyle=plots.ABSENT, label="before")
        curve.plot(angles, round_the_circle(f)[1], color=plots.MOVED, label="averaged")
        curve.set(xlabel="angle along the circle", ylim=(-2.6, 3.4), xticks=[0, 90, 180, 270, 360])
        curve.legend(ncols=2, fontsize=9, loc="upper center")
        return figure

    def describe(rotations: str, number: int) -> str:
        count = "three evaluations" if rotations == "generators only" else f"{number} evaluations"
        return (
            f"{rotations}, {number}: {count} at each point; {variation_left(rotations, number):.0%} of the variation "
            "round the dashed circle is left."
        )

    alt = "A coloured map of a function of the plane averaged over rotations, and its values along one circle before and after."
    return explore(draw, describe, alt=alt, rotations=list(KINDS), number=NUMBERS)


def _draw_values(ax: Axes, f) -> None:
    axis = torch.linspace(-1, 1, 81, dtype=torch.float64)
    x, y = torch.meshgrid(axis, axis, indexing="xy")
    values = f(torch.stack([x.flatten(), y.flatten()], 1)).reshape(x.shape)
    ax.contourf(x, y, values, levels=torch.linspace(-2.6, 2.6, 14), cmap="PuOr", extend="both")
    round_ = torch.linspace(0, 2 * math.pi, 100)
    ax.plot(RADIUS * round_.cos(), RADIUS * round_.sin(), color=plots.INK, linestyle=plots.ABSENT, linewidth=0.9)
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)
