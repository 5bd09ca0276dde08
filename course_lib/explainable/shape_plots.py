"""Shape plots with the data under them. Chapter: explainable/additive.

A shape is drawn for every value of its feature, and known only where there are data. So no shape is drawn here without a
histogram of its feature below.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_lib import plots
from course_lib.explainable.additive import AdditiveModel

COLOUR = plots.KINDS["features"][0]


def curve(model: AdditiveModel, x: Tensor, feature: int, low: float, high: float, points: int = 200) -> tuple[Tensor, Tensor]:
    """`points` values of a feature and the model's contribution there: two vectors.

    >>> model = AdditiveModel(torch.tensor(0.0), lambda x: 2 * x)
    >>> [line.tolist() for line in curve(model, torch.zeros(1, 1), 0, 0.0, 1.0, points=2)]
    [[0.0, 1.0], [0.0, 2.0]]
    """
    at = torch.linspace(low, high, points).to(x)
    rows = x.mean(0).repeat(points, 1)  # the other columns do not matter
    rows[:, feature] = at
    return at, model.contributions(rows)[:, feature].detach()


def shape_plot(
    models: Sequence[AdditiveModel],
    x: Tensor,
    features: Sequence[int],
    names: Sequence[str],
    *,
    here: Tensor | None = None,
    beyond: float = 0.0,
    unit: str = "log-odds",
) -> Figure:
    """One panel a feature: its shape in every model (the first one bold), and a histogram of `x` `(b, n)` below.

    `here`: a row `(n,)` to be marked. `beyond`: how far to go on outside the data, as a share of their range; there the
    curves are dashed.
    """
    figure, axes = plt.subplots(
        2, len(features), figsize=(2.9 * len(features), 3.6), layout="constrained", squeeze=False,
        sharex="col", gridspec_kw={"height_ratios": [3, 1]},
    )  # fmt: skip
    for (top, below), feature in zip(axes.T, features, strict=True):
        for number, model in list(enumerate(models))[::-1]:
            _draw(top, model, x, feature, beyond, bold=number == 0)
        if here is not None:
            height = models[0].contributions(here[None])[0, feature].item()
            top.plot(here[feature], height, plots.KINDS["features"][1], color=plots.NEGATIVE, markersize=9, zorder=5)
        below.hist(x[:, feature].numpy(), bins=30, color=plots.FAINT)
        below.set(xlabel=names[feature], yticks=[])
        top.axhline(0, color=plots.FAINT, linewidth=0.8, zorder=0)
    axes[0, 0].set_ylabel(unit)
    axes[1, 0].set_ylabel("rows")
    return figure


def _draw(ax: Axes, model: AdditiveModel, x: Tensor, feature: int, beyond: float, bold: bool) -> None:
    low, high = x[:, feature].min().item(), x[:, feature].max().item()
    style = {"color": COLOUR if bold else plots.FAINT, "linewidth": 2.2 if bold else 0.9}
    ax.plot(*curve(model, x, feature, low, high), plots.PRESENT, **style)
    margin = beyond * (high - low)
    for start, end in ((low - margin, low), (high, high + margin)) if beyond else ():
        ax.plot(*curve(model, x, feature, start, end), linestyle=plots.ABSENT, **style)
