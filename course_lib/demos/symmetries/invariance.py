"""Demos of chapters/symmetries/invariance.ipynb."""

import math

import torch
from torch import Tensor

from course_lib import plots
from course_lib.claims.symmetries.invariance import cluster_network
from course_lib.clusters import the_cluster
from course_lib.datasets import misread_digit
from course_lib.demos import Demo, explore
from course_lib.groups import CyclicGroup, TranslationGroup, image_action, translation_action
from course_lib.symmetries.forces import forces_of
from course_lib.symmetries.layers import image_layers, relative_gap

ANGLES = tuple(range(0, 360, 30))
READERS = {"coordinates": "coordinates", "direct forces": "direct", "neighbours": "neighbours"}
MOVES = {"shift by 1": 1, "shift by 2": 2, "quarter turn": 0}
SHOWN = (
    "convolution",
    "zero padding",
    "ReLU on pixels",
    "stride 2",
    "max pooling 2 x 2",
    "pooling, stride 1",
    "norm per column",
)


def turn_about_z(degrees: float) -> Tensor:
    """The rotation about the third axis, `(3, 3)`: it stays a rotation when seen from above.

    >>> turn_about_z(90.0).round().int().tolist()
    [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    """
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _both(angle: int, network: str) -> tuple[Tensor, Tensor, Tensor]:
    """Places of the turned atoms, the forces predicted there, and the turned forces of the first position: `(6, 3)` each."""
    x, turn = the_cluster().positions.float(), turn_about_z(angle)
    forces = forces_of(cluster_network(READERS[network]))
    return (x @ turn.T)[0], forces(x @ turn.T)[0], (forces(x) @ turn.T)[0]


def _arrows(angle: int, network: str):
    """The cluster from above with both sets of arrows, to one scale."""
    places, found, ghost = _both(angle, network)
    size, style = 1.6 / ghost.norm(dim=1).max().item(), {"angles": "xy", "scale_units": "xy", "scale": 1, "zorder": 2}
    figure, (ax,) = plots.panels(1, width=4.6, height=4.6)
    ax.scatter(*places[:, :2].T, s=420, color="#E8D5C4", edgecolor=plots.INK, linewidth=0.8, zorder=1)
    for forces, colour, width, label in (
        (ghost, plots.FAINT, 0.02, "its forces, turned with it"),
        (found, plots.POSITIVE, 0.008, "its forces when turned"),
    ):
        ax.quiver(*places[:, :2].T, *(size * forces[:, :2]).T, color=colour, width=width, label=label, **style)
    ax.set(xlim=(-3.6, 3.6), ylim=(-3.6, 3.6), aspect="equal", xlabel="x in angstrom", ylabel="y in angstrom")
    ax.set_title("forces without an energy" if network == "direct forces" else f"energy from {network}")
    figure.legend(loc="outside lower center", fontsize=9, ncols=2)
    return figure


def turned_forces() -> Demo:
    """The forces that a network predicts for the turned cluster, over the turned forces of the cluster as it stood."""

    def describe(angle: int, network: str) -> str:
        _, found, ghost = _both(angle, network)
        return f"Turned by {angle} degrees, {network}: relative equivariance error {relative_gap(found, ghost):.2g}."

    alt = (
        "Six copper atoms seen from above with arrows for the predicted forces: thin blue arrows for the turned cluster, "
        "over thick grey arrows, the first prediction turned along."
    )
    return explore(_arrows, describe, alt=alt, angle=ANGLES, network=tuple(READERS))


def what_a_layer_does() -> Demo:
    """f(g . x) beside g . f(x) and their difference, on the misread digit, for a layer and a move."""
    digit, layers = misread_digit().double()[None], image_layers()

    def sides(layer: str, move: str) -> tuple[Tensor, Tensor]:
        f, out = layers[layer], layers[layer](digit)
        if move == "quarter turn":
            element, turns = torch.tensor([1]), CyclicGroup(4)
            moved, turned = image_action(turns, digit.shape[1:]), image_action(turns, out.shape[1:])
            return f(moved.act(element, digit)[0])[0], turned.act(element, out)[0, 0]
        after = f(_shifted(digit, MOVES[move]))[0]
        candidates = [_shifted(out, k)[0] for k in range(out.shape[2])]
        return after, min(candidates, key=lambda one: relative_gap(after, one))

    def draw(layer: str, move: str):
        after, before = sides(layer, move)
        limit = max(after.abs().max().item(), before.abs().max().item())
        figure, axes = plots.panels(3, width=2.3, height=2.7)
        for ax, image, title in zip(axes, (after, before, after - before), ("f(g · x)", "g · f(x)", "difference"), strict=True):
            ax.imshow(image, cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest")
            ax.set(xticks=[], yticks=[], title=title)
        figure.suptitle(f"{layer}, {move}", fontsize=10)
        return figure

    def describe(layer: str, move: str) -> str:
        return f"{layer}, {move}: relative error {relative_gap(*sides(layer, move)):.2g} (shifts: best shift of the output)."

    alt = "Three small images: a layer's output for the moved digit, the moved output, and their difference."
    return explore(draw, describe, alt=alt, layer=SHOWN, move=tuple(MOVES))


def _shifted(x: Tensor, steps: int) -> Tensor:
    """Images `(b, h, h)`, `steps` to the right, round the edge."""
    grid = TranslationGroup(tuple(x.shape[1:]))
    return translation_action(grid, x.shape[1:]).act(torch.tensor([[0, steps]]), x)[0]
