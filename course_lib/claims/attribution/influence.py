"""Claims of chapters/attribution/influence.ipynb.

The test bed is not the chapter's: for each of the 45 pairs of digits, logistic regression on the first 100 training images
of the two, and the mean log-likelihood of their test images as utility. Truth is leave one out by training again.
"""

from functools import lru_cache
from itertools import combinations

import torch
from scipy.stats import spearmanr
from torch import Tensor

from course_lib import datasets
from course_lib.attribution.data import training_game
from course_lib.attribution.influence import gradient_overlap, influence
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import leave_one_out

PAIRS = tuple(combinations(range(10), 2))
IMAGES = 100


def pair_of_digits(a: int, b: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """100 training images of digits a and b as rows with a constant, labels 1 for b, and all their test images."""
    split = datasets.digits()

    def only(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        kept = (y == a) | (y == b)
        return with_intercept(x[kept].flatten(1).double()), (y[kept] == b).long()

    (x, y), test = only(split.train_x, split.train_y), only(split.test_x, split.test_y)
    return x[:IMAGES], y[:IMAGES], *test


@lru_cache
def scores(pair: tuple[int, int], penalty: float) -> tuple[Tensor, Tensor, Tensor]:
    """True leave one out, influence and gradient overlap `(100,)` of the mean test log-likelihood."""
    x, y, test_x, test_y = pair_of_digits(*pair)
    learner = Logistic(penalty)
    truth = leave_one_out(training_game(learner, x, y, test_x, test_y, utility="log_likelihood", average=True)).scores
    rows = learner.fit(x, y, torch.ones(1, len(x)).double())[0], x, y, test_x, test_y
    predicted, overlap = (method(learner, *rows, utility="log_likelihood") for method in (influence, gradient_overlap))
    return truth, predicted.scores.mean(1), overlap.scores.mean(1)


def rank(first: Tensor, second: Tensor) -> float:
    """Spearman's rank correlation."""
    return float(spearmanr(first, second)[0])


def influence_ranks_well(penalty: float = 0.1, pairs: int = len(PAIRS)) -> Record:
    """Mean rank correlation of influence and true leave one out over pairs of digits."""
    found = [scores(pair, penalty) for pair in PAIRS[:pairs]]
    estimate, low, high = mean_interval(torch.tensor([rank(predicted, truth) for truth, predicted, _ in found]))
    return Record(
        id=f"attribution/influence/influence_ranks_well/{penalty:g}",
        statement=f"Logistic regression on 100 images, penalty {penalty:g}: influence ranks them as retraining does.",
        kind="measured",
        threshold="mean rank correlation above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="rank correlation",
        verdict=decide(low, high, above=0.9),
        seeds=pairs,
        repeats="pairs of digits",
    )


def influence_has_the_right_size(penalty: float, pairs: int = len(PAIRS)) -> Record:
    """Mean over pairs of digits of sum |true| / sum |predicted|: above 1 where influence is too small."""
    found = [scores(pair, penalty) for pair in PAIRS[:pairs]]
    ratios = torch.stack([truth.abs().sum() / predicted.abs().sum() for truth, predicted, _ in found])
    estimate, low, high = mean_interval(ratios)
    return Record(
        id=f"attribution/influence/influence_has_the_right_size/{penalty:g}",
        statement=f"Logistic regression on 100 images, penalty {penalty:g}: influence has the size of the true changes.",
        kind="measured",
        threshold="mean ratio of total sizes, true over predicted, within [0.8, 1.25]",
        estimate=estimate,
        low=low,
        high=high,
        unit="times the predicted size",
        verdict=decide(low, high, above=0.8, below=1.25),
        seeds=pairs,
        repeats="pairs of digits",
    )


def overlap_is_as_good(penalty: float = 10.0, pairs: int = len(PAIRS)) -> Record:
    """Mean over pairs of digits of the rank correlation of gradient overlap minus that of influence."""
    found = [scores(pair, penalty) for pair in PAIRS[:pairs]]
    lost = torch.tensor([rank(overlap, truth) - rank(predicted, truth) for truth, predicted, overlap in found])
    estimate, low, high = mean_interval(lost)
    return Record(
        id=f"attribution/influence/overlap_is_as_good/{penalty:g}",
        statement=f"Logistic regression on 100 images, penalty {penalty:g}: gradient overlap ranks as well as influence.",
        kind="measured",
        threshold="mean difference of rank correlations above -0.05",
        estimate=estimate,
        low=low,
        high=high,
        unit="in rank correlation",
        verdict=decide(low, high, above=-0.05),
        seeds=pairs,
        repeats="pairs of digits",
    )
