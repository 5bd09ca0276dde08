"""Claims of chapters/attribution/datamodels.ipynb."""

from functools import lru_cache

import torch
from torch import Tensor

from course_lib import datasets
from course_lib.attribution.data import training_game
from course_lib.attribution.datamodels import fit_datamodel, held_out_fit, linear_datamodeling_score, random_subsets
from course_lib.attribution.learners import Learner, with_intercept
from course_lib.attribution.linear_learners import Logistic
from course_lib.attribution.network_learner import Network
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.games import Game, gradient

LEARNERS = {"logistic": Logistic(penalty=1.0), "network": Network((31, 8, 1), penalty=1.0)}
RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
SIZE, TEST_ROWS, FRESH = 100, 50, 200
FIRST_SEED = 1000  # the chapter's own training sets have small seeds


def tumour_training_game(learner: Learner, seed: int, size: int = SIZE, test_rows: int = TEST_ROWS) -> Game:
    """Margins of random test tumours by a learner of `size` random training tumours; networks in float32, for speed."""
    split, generator = datasets.breast_cancer(), torch.Generator().manual_seed(seed)
    train = torch.randperm(len(split.train_x), generator=generator)[:size]
    test = torch.randperm(len(split.test_x), generator=generator)[:test_rows]
    x, test_x = with_intercept(split.train_x[train]), with_intercept(split.test_x[test])
    if isinstance(learner, Network):
        x, test_x = x.float(), test_x.float()
    return training_game(learner, x, split.train_y[train], test_x, split.test_y[test])


def retrained(game: Game, count: int, generator: torch.Generator, alpha: float = 0.5) -> tuple[Tensor, Tensor]:
    """Random subsets `(count, n)` and the values of their models."""
    subsets = random_subsets(count, game.n, alpha, generator, game.dtype)
    return subsets, game.evaluate(subsets)


def tuned(subsets: Tensor, values: Tensor) -> Tensor:
    """Slopes of the datamodel whose ridge predicts a held-out quarter best, refitted to all rows."""
    ridge = RIDGES[int(held_out_fit(subsets, values, RIDGES).argmax())]
    return fit_datamodel(subsets, values, ridge=ridge).scores


@lru_cache(maxsize=128)
def trial(learner: str, seed: int) -> dict[str, float]:
    """Linear datamodeling scores on fresh half-subsets of one training set."""
    game, generator = tumour_training_game(LEARNERS[learner], seed), torch.Generator().manual_seed(seed + 1)
    (subsets, values), fresh = retrained(game, 1000, generator), retrained(game, FRESH, generator)
    scores = {str(count): tuned(subsets[:count], values[:count]) for count in (100, 1000)}
    if learner == "logistic":
        scores |= {"influence": gradient(game, at=1.0).scores, "one half": gradient(game, at=0.5).scores}
    return {name: linear_datamodeling_score(found, *fresh).item() for name, found in scores.items()}


def _trials(learner: str, training_sets: int) -> list[dict[str, float]]:
    return [trial(learner, FIRST_SEED + 10 * k) for k in range(training_sets)]


def beats_influence(retrainings: int, training_sets: int = 20) -> Record:
    """Score of a datamodel of 100 or 1,000 retrainings minus that of influence functions, over training sets."""
    runs = _trials("logistic", training_sets)
    gain = torch.tensor([run[str(retrainings)] - run["influence"] for run in runs])
    estimate, low, high = mean_interval(gain)
    return Record(
        id=f"attribution/datamodels/beats_influence/{retrainings}",
        statement=f"After {retrainings:,} retrainings of a logistic regression, a datamodel ranks fresh half-subsets better "
        "than influence functions.",
        kind="measured",
        threshold="linear datamodeling score higher by more than 0",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of scores",
        verdict=decide(low, high, above=0.0),
        seeds=training_sets,
        repeats="random training sets of 100 tumours, 50 test tumours each",
    )


def predicts_well(learner: str, training_sets: int | None = None) -> Record:
    """Score of a datamodel of 1,000 retrainings of a "logistic" regression or a "network", over training sets."""
    if learner not in LEARNERS:
        raise ValueError(f"learner must be one of {sorted(LEARNERS)}, got {learner!r}")
    training_sets = training_sets or {"logistic": 20, "network": 8}[learner]
    estimate, low, high = mean_interval(torch.tensor([run["1000"] for run in _trials(learner, training_sets)]))
    model = {"logistic": "a logistic regression", "network": "a network with eight hidden units"}[learner]
    return Record(
        id=f"attribution/datamodels/predicts_well/{learner}",
        statement=f"A linear datamodel of 1,000 retrainings predicts well what {model} says when a random half of its 100 "
        "training tumours is left out.",
        kind="measured",
        threshold="linear datamodeling score above 0.9 on fresh half-subsets",
        estimate=estimate,
        low=low,
        high=high,
        unit="mean linear datamodeling score",
        verdict=decide(low, high, above=0.9),
        seeds=training_sets,
        repeats="random training sets of 100 tumours, 50 test tumours each",
    )


def one_slope_at_one_half(training_sets: int = 20) -> Record:
    """Score of the gradient at weights of one half minus that of a datamodel of 1,000 retrainings, over training sets."""
    runs = _trials("logistic", training_sets)
    estimate, low, high = mean_interval(torch.tensor([run["one half"] - run["1000"] for run in runs]))
    return Record(
        id="attribution/datamodels/one_slope_at_one_half",
        statement="For logistic regression, one gradient at weights of one half ranks fresh half-subsets as well as a "
        "datamodel of 1,000 retrainings.",
        kind="measured",
        threshold="linear datamodeling score lower by less than 0.02",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of scores",
        verdict=decide(low, high, above=-0.02),
        seeds=training_sets,
        repeats="random training sets of 100 tumours, 50 test tumours each",
    )
