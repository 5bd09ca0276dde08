"""Demos of chapters/equivariance/invariants.ipynb."""

import math

import torch
from torch import Tensor

from course_lib import plots
from course_lib.claims.equivariance.invariants import cluster_energy, errors_on_parts
from course_lib.clusters import copper_clusters
from course_lib.demos import Demo, explore
from course_lib.equivariance.cluster_kernels import READINGS, energy_error
from course_lib.equivariance.invariants import determinants, gram_matrix

ANGLES = tuple(range(0, 360, 30))
SIZES = (25, 50, 100, 200)
ARMS = {"P": (90, 0.55), "Q": (210, 0.75), "R": (330, 0.95)}  # degrees and length in the plane, seen from the tip of S
COLOURS = {"P": "#0072B2", "Q": "#D55E00", "R": "#009E73", "S": "#222222"}


def hand(angle: int = 0, molecule: str = "as it is") -> Tensor:
    """Four arms of different length, `(1, 4, 3)`, S towards you, turned by `angle` degrees about S; or their mirror image.

    The mirror stands on the vertical axis of the picture, so that Q and R change sides.
    """
    flat = [(r * math.cos(math.radians(a)), r * math.sin(math.radians(a)), -0.3) for a, r in ARMS.values()]
    x = torch.tensor([*flat, (0.0, 0.0, 0.9)], dtype=torch.float64)
    if molecule == "mirror image":
        x = x * torch.tensor([-1.0, 1.0, 1.0])
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return (x @ torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64).T)[None]


def matching_arms(angle: int, molecule: str) -> list[str]:
    """Which arms stand in the direction in which the unturned molecule has them."""
    there, here = (x[0, :, :2] / x[0, :, :2].norm(dim=1, keepdim=True).clamp(min=1e-9) for x in (hand(), hand(angle, molecule)))
    return [name for name, gap in zip(COLOURS, (there - here).norm(dim=1), strict=True) if gap < 0.1]


def _draw_hand(angle: int, molecule: str):
    figure, (left, middle, right) = plots.panels(3, width=2.7, height=3.1)
    for x, kept in ((hand(), False), (hand(angle, molecule), True)):
        for name, (a, b, _) in zip(COLOURS, x[0].tolist(), strict=True):
            colour = COLOURS[name] if kept else "#CCCCCC"
            left.plot([0, a], [0, b], color=colour, linewidth=3 if kept else 9, zorder=2 if kept else 1)
            left.text(1.18 * a, 1.18 * b, name if kept else "", color="white", ha="center", va="center", fontsize=10, zorder=4)
            left.plot(1.18 * a, 1.18 * b, "o", markersize=16 if kept else 24, color=colour, zorder=3 if kept else 1)
    left.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal", xticks=[], yticks=[], title="seen from the tip of S")
    plots.number_table(middle, gram_matrix(hand(angle, molecule))[0] + 0.0, list(COLOURS)).set_title("dot products")
    value = determinants(hand(angle, molecule))[0, 1].item()
    right.bar([0], [value], color=plots.POSITIVE if value > 0 else plots.NEGATIVE, hatch="" if value > 0 else "////", width=0.6)
    right.axhline(0, color=plots.INK, linewidth=0.8)
    right.set(xlim=(-1, 1), ylim=(-0.5, 0.5), xticks=[], title="det(P, Q, S)")
    return figure


def handedness() -> Demo:
    """A molecule or its mirror image, turned over the molecule as it was; the dot products and one determinant."""

    def describe(angle: int, molecule: str) -> str:
        value = determinants(hand(angle, molecule))[0, 1].item()
        found = ", ".join(matching_arms(angle, molecule))
        return f"{molecule}, turned by {angle} degrees: in place {found}; dot products the same; det(P, Q, S) = {value:+.2f}."

    alt = (
        "Left, four lettered arms in colour over the grey arms of the unturned molecule. Middle, the table of dot products. "
        "Right, a bar for the determinant of three arms, up for the molecule and down for its mirror image."
    )
    return explore(_draw_hand, describe, alt=alt, molecule=("as it is", "mirror image"), angle=ANGLES)


def _draw_learning(reading: str, clusters: int):
    test = copper_clusters()[1]
    figure, (left, right) = plots.panels(2, width=3.6, height=3.3)
    left.plot(test.energies, cluster_energy(reading, 0, clusters)(test.positions), ".", color=plots.MOVED, markersize=4)
    left.plot([6.3, 8], [6.3, 8], color=plots.INK, linewidth=0.8)
    left.set(xlim=(6.2, 8.1), ylim=(6.2, 8.1), xlabel="true energy in eV", ylabel="predicted", title=reading)
    for name in READINGS:
        errors = [errors_on_parts(name, size).mean() for size in SIZES]
        chosen = name == reading
        right.loglog(SIZES, errors, color=plots.MOVED if chosen else plots.FAINT, linewidth=2.5 if chosen else 1)
    mean = errors_on_parts(reading, clusters).mean()
    right.plot(clusters, mean, "o", markersize=11, color=plots.CHOSEN)
    right.set(xlabel="training clusters", ylabel="error in eV", ylim=(0.06, 0.6), title="mean of five fits")
    right.set_xticks(SIZES, [str(size) for size in SIZES])
    right.set_yticks([0.1, 0.2, 0.4], ["0.1", "0.2", "0.4"])
    right.minorticks_off()
    return figure


def learning_curves() -> Demo:
    """Predicted against true energies of test clusters for a reading and a number of training clusters."""

    def describe(reading: str, clusters: int) -> str:
        error = energy_error(cluster_energy(reading, 0, clusters), copper_clusters()[1])
        return (
            f"{reading}, {clusters} training clusters: error {error:.3f} eV (spread {copper_clusters()[1].energies.std():.3f})."
        )

    alt = (
        "Left, predicted energies of test clusters over true ones, with the diagonal. Right, error against training clusters "
        "on logarithmic axes, one line a reading, the chosen one thick with a dot at the chosen number."
    )
    return explore(_draw_learning, describe, alt=alt, reading=tuple(READINGS), clusters=SIZES)
