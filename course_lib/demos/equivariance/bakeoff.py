"""Demos of chapters/equivariance/bakeoff.ipynb, drawn from the stored grid."""

import math
from functools import cache

import torch

from course_lib import plots
from course_lib.claims.equivariance.bakeoff import cells
from course_lib.demos import Demo, explore
from course_lib.equivariance import bakeoff_clusters, bakeoff_digits
from course_lib.equivariance.bakeoff import samples_worth, values

TASKS = {"digits": bakeoff_digits, "clusters": bakeoff_clusters}
SHOWN = {"digits": (50, 200, 800), "clusters": (50, 100, 400)}  # sizes that can be chosen
MARKERS = {"none": "x", "modify": "s", "build": "^"}
SCORES = {"digits": "accuracy", "clusters": "error in eV"}
FLOOR = 1e-8  # smaller invariance errors are drawn here


@cache
def _mean(task: str, method: str, size: int, field: str = "score") -> float:
    return values(cells(), task, method, size, field).mean().item()


def curve(task: str, method: str) -> torch.Tensor:
    """Mean score over seeds at each size, `(sizes,)`."""
    return torch.tensor([_mean(task, method, size) for size in TASKS[task].SIZES], dtype=torch.float64)


def worth(task: str, method: str, size: int) -> float:
    """Examples that the plain network needs for the mean score of a construction; nan beyond the ends of its curve."""
    return samples_worth(TASKS[task].SIZES, curve(task, "plain"), _mean(task, method, size))


def symmetry_error(task: str, method: str, size: int) -> float:
    """Mean invariance error over seeds."""
    return _mean(task, method, size, "error")


def _out_of_reach(task: str, score: float) -> str:
    ahead = (curve(task, "plain") > score).all().item() == (task == "digits")  # larger is better for digits alone
    if ahead:
        return "the plain network needs fewer than it was ever given"
    return f"the plain network never gets there, given up to {TASKS[task].SIZES[-1]}"


def _colour(method: str, chosen: str) -> str:
    return plots.CHOSEN if method == chosen else plots.INK if method == "plain" else plots.FAINT


def _draw(task: str, construction: str, size: int):
    module = TASKS[task]
    figure, (left, right) = plots.panels(2, width=3.7, height=3.5)
    for method, built in module.CONSTRUCTIONS.items():
        colour, thick = _colour(method, construction), 2.6 if method == construction else 1.2
        left.plot(module.SIZES, curve(task, method), color=colour, linewidth=thick, zorder=3 if method == construction else 2)
        score = _mean(task, method, size)
        error = max(symmetry_error(task, method, size), FLOOR)
        right.plot(error, score, MARKERS[built.kind], color=colour, markersize=11 if method == construction else 7)
    score, needed = _mean(task, construction, size), worth(task, construction, size)
    left.plot(size, score, "o", markersize=10, color=plots.CHOSEN, zorder=4)
    if math.isfinite(needed) and needed != size:
        left.annotate("", (needed, score), (size, score), arrowprops={"arrowstyle": "->", "color": plots.MOVED, "linewidth": 2})
    left.set(xscale="log", xlabel=f"training {task}", ylabel=SCORES[task], title=construction)
    left.set_xticks(module.SIZES, [str(n) for n in module.SIZES])
    right.set(xscale="log", xlim=(FLOOR / 3, 5), xlabel="invariance error", title=f"at {size} {task}")
    for ax in (left, right):
        ax.minorticks_off()
        ax.set_ylim((0.35, 0.97) if task == "digits" else (0.0, 0.6))
    return figure


def _explore(task: str, alt: str) -> Demo:
    module = TASKS[task]

    def describe(construction: str, size: int) -> str:
        score, needed = _mean(task, construction, size), worth(task, construction, size)
        reach = f"the plain network needs about {needed:.0f}" if math.isfinite(needed) else _out_of_reach(task, score)
        error = symmetry_error(task, construction, size)
        calls = module.CONSTRUCTIONS[construction].evaluations
        return (
            f"{construction}, {size} {task}: {SCORES[task]} {score:.3f}, for which {reach}; "
            f"invariance error {error:.0e}, {calls} evaluation{'s' * (calls > 1)} for each prediction."
        )

    names = tuple(name for name in module.CONSTRUCTIONS if name != "plain")
    return explore(lambda **point: _draw(task, **point), describe, alt=alt, construction=names, size=SHOWN[task])


def digits() -> Demo:
    """Learning curves on turned digits, and accuracy against invariance error."""
    return _explore(
        "digits",
        "Left, accuracy over training digits: the plain network in black, the chosen construction thick with a dot, an "
        "arrow from the dot along equal accuracy to the plain curve. Right, accuracy over invariance error, one mark each.",
    )


def clusters() -> Demo:
    """Learning curves on clusters, and error against invariance error."""
    return _explore(
        "clusters",
        "Left, error over training clusters: the plain network in black, the chosen construction thick with a dot, an "
        "arrow from the dot along equal error to the plain curve, if it gets there. Right, error over invariance error.",
    )
