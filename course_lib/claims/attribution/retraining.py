"""Claims of chapters/attribution/retraining.ipynb."""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib import datasets
from course_lib.attribution.data import detection_auc, knn_leave_one_out, knn_shapley, training_game
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import Game, leave_one_out, shapley

FIRST = 1000  # the seeds of the claims begin here: the chapter itself uses small ones
ORDERS = 25


@dataclass(frozen=True)
class Flipped:
    """Training rows, some with a wrong label, rows to value them on, and fresh rows."""

    x: Tensor
    y: Tensor
    flipped: Tensor
    value_x: Tensor
    value_y: Tensor
    fresh_x: Tensor
    fresh_y: Tensor


def _flip(x: Tensor, y: Tensor, sizes: tuple[int, int], flips: int, classes: int, seed: int) -> Flipped:
    """Shuffle all rows, cut them into training, valuation and fresh rows, give `flips` training rows another class."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=generator)
    train, value, fresh = order.tensor_split((sizes[0], sum(sizes)))
    labels, flipped = y[train].clone(), torch.zeros(sizes[0], dtype=torch.bool)
    flipped[torch.randperm(sizes[0], generator=generator)[:flips]] = True
    labels[flipped] = (labels[flipped] + torch.randint(1, classes, (flips,), generator=generator)) % classes
    return Flipped(x[train], labels, flipped, x[value], y[value], x[fresh], y[fresh])


def flipped_digits(seed: int, train: int = 1000, value: int = 500, flips: int = 100) -> Flipped:
    """Random digits as rows of 64 pixels; `flips` training labels are changed to another class at random."""
    split = datasets.digits()
    x, y = torch.cat([split.train_x, split.test_x]).flatten(1).double(), torch.cat([split.train_y, split.test_y])
    return _flip(x, y, (train, value), flips, 10, seed)


def flipped_tumours(seed: int, train: int = 80, value: int = 150, flips: int = 16) -> Flipped:
    """Random tumours, 30 measurements and a constant; `flips` training labels are changed to the other class."""
    cancer = datasets.breast_cancer()
    x, y = torch.cat([cancer.train_x, cancer.test_x]), torch.cat([cancer.train_y, cancer.test_y])
    return _flip(with_intercept(x), y, (train, value), flips, 2, seed)


def tumour_game(data: Flipped, utility: str, penalty: float) -> Game:
    """The mean utility of logistic regression on the rows that value the training rows."""
    learner = Logistic(penalty)
    return training_game(learner, data.x, data.y, data.value_x, data.value_y, utility=utility, average=True)


def share_found(scores: Tensor, flipped: Tensor) -> float:
    """Share of the flipped rows among as many rows of lowest score (ties go to the earlier row; rows are shuffled)."""
    lowest = scores.argsort(stable=True)[: int(flipped.sum())]
    return flipped[lowest].double().mean().item()


def low_values_are_flipped_labels(method: str, draws: int = 20) -> Record:
    """Share of 100 flipped labels among the 100 lowest values of 1,000 digits, by "knn_shapley" or "leave_one_out"."""
    methods = {"knn_shapley": knn_shapley, "leave_one_out": knn_leave_one_out}
    if method not in methods:
        raise ValueError(f"method must be one of {tuple(methods)}, got {method!r}")
    shares = []
    for seed in range(FIRST, FIRST + draws):
        data = flipped_digits(seed)
        scores = methods[method](data.x, data.y, data.value_x, data.value_y, 5).scores
        shares.append(share_found(scores, data.flipped))
    estimate, low, high = mean_interval(torch.tensor(shares))
    name = {"knn_shapley": "Shapley", "leave_one_out": "leave-one-out"}[method]
    return Record(
        id=f"attribution/retraining/low_values_are_flipped_labels/{method}",
        statement=f"The lowest tenth of 1,000 digits by {name} values for 5 nearest neighbours are the flipped ones.",
        kind="measured",
        threshold="more than 90 of 100 flipped labels lie there, in the mean",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the flipped labels found",
        verdict=decide(low, high, above=0.9),
        seeds=draws,
        repeats="draws of rows and flips from 1,797 digits",
    )


def leave_one_out_is_enough(utility: str, penalty: float, draws: int = 12) -> Record:
    """Area under the curve for finding flipped labels: sampled Data Shapley minus leave one out, same game, same rows."""
    gaps = []
    for seed in range(FIRST, FIRST + draws):
        data = flipped_tumours(seed)
        game, generator = tumour_game(data, utility, penalty), torch.Generator().manual_seed(seed)
        averaged = shapley(game, "permutation", budget=2 + ORDERS * (game.n - 1), generator=generator, antithetic=False)
        single = leave_one_out(game)
        gaps.append(detection_auc(averaged.scores, data.flipped) - detection_auc(single.scores, data.flipped))
    estimate, low, high = mean_interval(torch.tensor(gaps))
    what = {"accuracy": "accuracy", "log_likelihood": "log-likelihood"}[utility]
    return Record(
        id=f"attribution/retraining/leave_one_out_is_enough/{utility}/{penalty:g}",
        statement=f"Leave one out is enough to find flipped labels (tumours, {what}, penalty {penalty:g}).",
        kind="measured",
        threshold=f"Data Shapley ({ORDERS} orders) has an area under the curve at most 0.05 larger, in the mean",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of areas",
        verdict=decide(low, high, below=0.05),
        seeds=draws,
        repeats="draws of rows and flips from 569 tumours",
    )
