"""Demos of chapters/attribution/mediation.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import datasets, models, plots
from course_lib.attribution.ablation import removal_curve
from course_lib.claims.attribution.mediation import games, rankings
from course_lib.demos import Demo, explore

WAYS = ("Shapley", "leave one out", "weight norm", "random")
REMOVED = (0, 1, 2, 3, 4, 5, 6, 8, 10)


def effects(mediated: float, direct: float, interaction: float) -> dict[str, float]:
    """Effects of x = 1 against x' = 0 in M = x, y = direct x + mediated M + interaction x M."""
    total = direct + mediated + interaction
    return {"total": total, "indirect": mediated, "direct": direct, "interaction": total - mediated - direct}


def path_weights() -> Demo:
    """Bars of the effects as the weights of the two paths and of their product change."""

    def draw(mediated_path: float, direct_path: float, product: float):
        found = effects(mediated_path, direct_path, product)
        figure, (ax,) = plots.panels(1, width=5.6, height=3.0)
        plots.score_bars(ax, torch.tensor(list(found.values())), list(found), limit=4.5)
        ax.set(xlabel="effect on the output")
        return figure

    def describe(mediated_path: float, direct_path: float, product: float) -> str:
        found = effects(mediated_path, direct_path, product)
        total, parts = found["total"], found["indirect"] + found["direct"]
        verdict = "they add up" if abs(total - parts) < 1e-9 else f"they miss the total by {total - parts:g}"
        return (
            f"Mediated path {mediated_path:g}, direct path {direct_path:g}, product {product:g}: indirect plus direct effect "
            f"is {parts:g}, the total effect is {total:g}; {verdict}."
        )

    alt = "Four horizontal bars: the total, indirect and direct effects, and the interaction."
    return explore(
        draw, describe, alt=alt, mediated_path=(1.0, 0.5, -1.0), direct_path=(1.0, 0.0), product=(0.0, -2.0, -1.0, 1.0, 2.0)
    )


@cache
def case_curves() -> dict[str, Tensor]:
    """Test accuracy `(17,)` of the case file's reader as filters go, by each ranking (mean in their place)."""
    net = models.digit_net()
    scored, test = games(net, "mean", "accuracy", seed=0)
    return {name: removal_curve(test, scores) for name, scores in rankings(net, scored, seed=0).items()}


def remove_filters() -> Demo:
    """Accuracy of the case file's reader after the top filters of each ranking are gone."""
    images = len(datasets.digits().test_x)

    def draw(ranking: str, removed: int):
        figure, (ax,) = plots.panels(1, width=5.6, height=3.4)
        for name, curve in case_curves().items():
            chosen = name == ranking
            ax.plot(curve, color=plots.KINDS["components"][0] if chosen else plots.FAINT, linewidth=2 if chosen else 1)
        ax.plot(removed, case_curves()[ranking][removed], plots.KINDS["components"][1], color=plots.INK, markersize=9)
        ax.set(ylim=(0, 1.05), xlabel="filters removed", ylabel="test accuracy", title=f"{ranking}: {removed} gone")
        return figure

    def describe(ranking: str, removed: int) -> str:
        curve = case_curves()[ranking]
        return (
            f"{removed} of 16 filters removed in the order of {ranking}: {curve[removed]:.0%} of the {images} test digits are "
            f"still read rightly, against {curve[0]:.0%} with all filters."
        )

    alt = "Curves of test accuracy against the number of filters removed for four rankings, one of them highlighted."
    return explore(draw, describe, alt=alt, ranking=WAYS, removed=REMOVED)
