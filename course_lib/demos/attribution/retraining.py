"""Demos of chapters/attribution/retraining.ipynb."""

from functools import cache

import torch

from course_lib import datasets, plots
from course_lib.attribution.data import detection_auc, knn_shapley, training_game
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic
from course_lib.claims.attribution.retraining import Flipped, flipped_digits
from course_lib.demos import Demo, explore
from course_lib.games import Attribution, Game, shapley, table_game, tabulate

ORDERS = (4, 8, 16, 32, 64, 128, 256)
FLIPS = (20, 60, 120, 200, 280)
WRONG = ("none", "50 %", "75 %", "90 %")
TRAIN = 400


@cache
def twelve(utility: str) -> Game:
    """The table of all retrainings on twelve tumours, the last of them with a wrong label."""
    cancer = datasets.breast_cancer()
    x, y = with_intercept(cancer.train_x[:12]), cancer.train_y[:12].clone()
    y[11] = 1 - y[11]
    rows = with_intercept(cancer.test_x), cancer.test_y
    return table_game(tabulate(training_game(Logistic(1.0), x, y, *rows, utility=utility, average=True)))


def sampled(utility: str, orders: int) -> Attribution:
    """Shapley values of the twelve from random orders."""
    generator = torch.Generator().manual_seed(0)
    return shapley(twelve(utility), "permutation", budget=2 + 11 * orders, generator=generator, antithetic=False)


def number_of_orders() -> Demo:
    """Whiskers shrink with the root of the number of orders; the exact values stay put."""

    def draw(orders: int, utility: str):
        found, exact = sampled(utility, orders), shapley(twelve(utility)).scores
        figure, (ax,) = plots.panels(1, width=5.6, height=3.4)
        colour, marker = plots.KINDS["training data"]
        reach = (1.96 * found.standard_errors).tolist()
        ax.errorbar(range(12), found.scores.tolist(), yerr=reach, fmt=marker, color=colour, capsize=3, label="sampled")
        ax.plot(range(12), exact.tolist(), "_", color=plots.INK, markersize=16, label="exact")
        ax.axhline(0, color=plots.FAINT, linewidth=0.8)
        top = 0.24 if utility == "log_likelihood" else 0.34
        ax.set(xticks=range(12), ylim=(-top, top), xlabel="training example (11 has a wrong label)", ylabel="value")
        ax.set_title(f"{orders} orders")
        ax.legend(loc="lower left", ncols=2, fontsize=9)
        return figure

    def describe(orders: int, utility: str) -> str:
        found, exact = sampled(utility, orders), shapley(twelve(utility)).scores
        inside = int(((found.scores - exact).abs() <= 1.96 * found.standard_errors).sum())
        name, reach = utility.replace("_", "-"), 1.96 * found.standard_errors.mean().item()
        return (
            f"{orders} orders, {name}: mean whisker {reach:.3f}, spread of the exact values {exact.std().item():.3f}; "
            f"{inside} of 12 intervals contain the exact value. {found.evaluations} retrainings; the exact values take 4096."
        )

    alt = "Twelve training examples: a square with a whisker for the sampled value and a dash for the exact one."
    return explore(draw, describe, alt=alt, orders=ORDERS, utility=("log_likelihood", "accuracy"))


@cache
def flipped_values(flips: int, wrong: str) -> tuple[Flipped, torch.Tensor]:
    """400 digits with `flips` wrong labels, and their values by 5 neighbours on 400 others, a share `wrong` mislabelled."""
    data, generator = flipped_digits(7, train=TRAIN, value=TRAIN, flips=flips), torch.Generator().manual_seed(0)
    labels, share = data.value_y.clone(), 0 if wrong == "none" else int(wrong.removesuffix(" %"))
    spoilt = torch.randperm(TRAIN, generator=generator)[: TRAIN * share // 100]
    labels[spoilt] = (labels[spoilt] + torch.randint(1, 10, spoilt.shape, generator=generator)) % 10
    return data, knn_shapley(data.x, data.y, data.value_x, labels, 5).scores


def flip_labels() -> Demo:
    """Two humps of values, right and flipped labels: apart while the labels of the test rows are mostly right."""

    def draw(flipped: int, wrong_test_labels: str):
        data, scores = flipped_values(flipped, wrong_test_labels)
        figure, (ax,) = plots.panels(1, width=5.6, height=3.2)
        bins = torch.linspace(-3, 6, 61).tolist()
        values = (TRAIN * scores).clamp(-2.99, 5.99)
        ax.hist(values[~data.flipped].tolist(), bins, color=plots.POSITIVE, alpha=0.7, label="right")
        ax.hist(values[data.flipped].tolist(), bins, color=plots.NEGATIVE, alpha=0.8, hatch="////", label="flipped")
        auc = detection_auc(scores, data.flipped)
        ax.set(xlim=(-3, 6), xlabel=f"{TRAIN} x value", ylabel="examples", title=f"AUC {auc:.2f}")
        ax.legend(loc="upper right", fontsize=9)
        return figure

    def describe(flipped: int, wrong_test_labels: str) -> str:
        data, scores = flipped_values(flipped, wrong_test_labels)
        low, high = (TRAIN * scores[data.flipped == flag].mean().item() for flag in (True, False))
        auc = detection_auc(scores, data.flipped)
        return (
            f"{flipped} of {TRAIN} training labels flipped, {wrong_test_labels} of the test labels wrong: mean value {low:.2f} "
            f"of the flipped and {high:.2f} of the right labels (times {TRAIN}); AUC {auc:.2f}."
        )

    alt = "Histogram of the values of 400 digits, right labels plain and flipped labels hatched."
    return explore(draw, describe, alt=alt, flipped=FLIPS, wrong_test_labels=WRONG)
