"""Demos of chapters/attribution/datamodels.ipynb."""

from functools import lru_cache

import torch
from torch import Tensor

from course_lib import plots
from course_lib.attribution.data import training_game
from course_lib.attribution.datamodels import (
    fit_datamodel,
    held_out_fit,
    linear_datamodeling_score,
    predicted_values,
    random_subsets,
    rank_correlations,
)
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic
from course_lib.datasets import breast_cancer
from course_lib.demos import Demo, explore
from course_lib.games import Game, gradient
from course_lib.games.surrogates import Surrogate

COUNTS = (30, 50, 100, 150, 200, 300, 500, 1000, 2000)
ALPHAS = (0.1, 0.3, 0.5, 0.7, 0.9)
RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


@lru_cache(maxsize=1)
def game() -> Game:
    """Margins of 30 test tumours by a logistic regression of 100 training tumours."""
    split, generator = breast_cancer(), torch.Generator().manual_seed(7)
    train = torch.randperm(len(split.train_x), generator=generator)[:100]
    x, test_x = with_intercept(split.train_x[train]), with_intercept(split.test_x[:30])
    return training_game(Logistic(penalty=1.0), x, split.train_y[train], test_x, split.test_y[:30])


@lru_cache(maxsize=16)
def retrained(count: int, alpha: float, seed: int) -> tuple[Tensor, Tensor]:
    """Random subsets and the margins of the models trained on them."""
    subsets = random_subsets(count, 100, alpha, torch.Generator().manual_seed(seed))
    return subsets, game().evaluate(subsets)


@lru_cache(maxsize=64)
def line_of(count: int, alpha: float = 0.5) -> Surrogate:
    """The datamodel of the first `count` retrainings, its ridge chosen on a quarter of them."""
    subsets, values = (part[:count] for part in retrained(2000 if alpha == 0.5 else 1000, alpha, seed=1))
    ridge = RIDGES[int(held_out_fit(subsets, values, RIDGES).argmax())]
    return fit_datamodel(subsets, values, ridge=ridge)


def tried_on(count: int, subsets: str) -> tuple[Tensor, Tensor]:
    """Subsets to try a line on, and their values: 300 fresh ones, or up to 300 of those that it was fitted to."""
    if subsets == "fresh":
        return retrained(300, 0.5, seed=2)
    z, v = retrained(2000, 0.5, seed=1)
    return z[: min(count, 300)], v[: min(count, 300)]


def score_after(count: int, subsets: str) -> float:
    """Linear datamodeling score of the line of `count` retrainings."""
    return linear_datamodeling_score(line_of(count).scores, *tried_on(count, subsets)).item()


def number_of_retrainings() -> Demo:
    """Predicted and real margins of one tumour as the number of retrainings grows, on fresh subsets or the fitted ones."""

    def row() -> int:
        return int(retrained(300, 0.5, seed=2)[1].mean(0).argmin())  # the tumour that is read worst

    def draw(retrainings: int, tried_on_subsets: str):
        line, (z, v) = line_of(retrainings), tried_on(retrainings, tried_on_subsets)
        predicted = predicted_values(line.scores, z, line.intercept)[:, row()]
        figure, (ax,) = plots.panels(1, width=4.6, height=4.2)
        colour, marker = plots.KINDS["training data"]
        ax.plot([-6, 6], [-6, 6], color=plots.FAINT, linestyle=plots.ABSENT)
        ax.plot(predicted, v[:, row()], marker, color=colour, markersize=4, alpha=0.6, linestyle="none")
        ax.set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), xlabel="predicted margin", ylabel="margin after retraining")
        ax.set_title(f"{retrainings} retrainings, {tried_on_subsets} subsets")
        return figure

    def describe(retrainings: int, tried_on_subsets: str) -> str:
        z, v = tried_on(retrainings, tried_on_subsets)
        one = rank_correlations(predicted_values(line_of(retrainings).scores, z), v)[row()]
        score = score_after(retrainings, tried_on_subsets)
        return (
            f"Fitted to {retrainings} retrainings and tried on {tried_on_subsets} subsets: rank correlation {one:.2f} for the "
            f"tumour that is drawn, {score:.2f} on average over 30 tumours (the linear datamodeling score)."
        )

    alt = "Scatter plot: predicted margin of one tumour across, its margin after real retraining upward, with the diagonal."
    return explore(draw, describe, alt=alt, retrainings=COUNTS, tried_on_subsets=("fresh", "the same"))


@lru_cache(maxsize=8)
def across(alpha: float | str) -> list[float]:
    """Scores on 200 fresh subsets of each size in ALPHAS: the line of that alpha, or "influence", the gradient at 1."""
    scores = gradient(game(), at=1.0).scores if alpha == "influence" else line_of(1000, alpha).scores
    return [linear_datamodeling_score(scores, *retrained(200, test, seed=3)).item() for test in ALPHAS]


def share_of_the_examples() -> Demo:
    """A datamodel fitted at one alpha is tried at all of them: at home it is best."""

    def draw(fitted_at: float):
        figure, (ax,) = plots.panels(1, width=5.4, height=3.9)
        for alpha in ALPHAS:
            ax.plot(ALPHAS, across(alpha), color=plots.FAINT, linewidth=0.8)
        ax.plot(ALPHAS, across("influence"), color=plots.INK, linestyle=":", marker="^", label="influence (no subsets)")
        ax.plot(ALPHAS, across(fitted_at), color=plots.POSITIVE, marker="o", label=f"fitted at {fitted_at}")
        ax.axvline(fitted_at, color=plots.POSITIVE, linestyle=plots.ABSENT, linewidth=0.8)
        ax.set(xlabel="share of the examples in the fresh subsets", ylabel="linear datamodeling score", ylim=(0.3, 1.0))
        ax.set_title(f"Datamodel of 1,000 subsets at {fitted_at}")
        ax.legend(loc="lower center", fontsize=9)
        return figure

    def describe(fitted_at: float) -> str:
        scores = ", ".join(f"{score:.2f} at {test}" for test, score in zip(ALPHAS, across(fitted_at), strict=True))
        return f"Fitted to subsets that hold {fitted_at} of the examples on average. Score on fresh subsets: {scores}."

    alt = "Curves of the linear datamodeling score against the share of examples in fresh subsets, one for each fitted share."
    return explore(draw, describe, alt=alt, fitted_at=ALPHAS)
