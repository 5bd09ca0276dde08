"""Does being explainable cost accuracy? All runs of the comparison: `python -m course_lib.data.make_price`.

Writes `price.csv`, one row per task, learner and outer fold: the score on the fold's test rows, the number of the setting that
the inner folds chose, and the inner score of each setting. For real tables the outer folds are 5-fold cross-validation,
twice; for "friedman" and the dial they are independent draws of training and test rows. Every learner has three settings,
but for the digits read through seven segments and the facts told by a Backpack, where nothing is tuned and a fold is a random
split (of the facts: one wording of each, drawn by lot, is held out).
Learners that are in the file already are not run again: delete the file to start over. About ten minutes of one core.
Needs interpret-core (explainable boosting) and shapiq (two of the tables).
"""

import csv
import sys
import time
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from course_lib.claims.explainable import concepts
from course_lib.claims.explainable.price import FACTS, stored
from course_lib.explainable import backpack, country_facts, learners, tabular
from course_lib.explainable.comparison import Folds, Learner, Scores, nested_cross_validation, repeated_folds
from course_lib.explainable.interactions import dial, friedman, sample

FILE = Path(__file__).with_name("price.csv")
FOLDS, REPEATS, INNER, SEED = 5, 2, 2, 0
FIELDS = ("task", "learner", "fold", "score", "chosen", "inner 0", "inner 1", "inner 2")
DRAWS, TRAIN_ROWS, TEST_ROWS = 10, 500, 2000  # of friedman
SEGMENTS, SPLITS = "digits, seven segments", 10
FACT_SPLITS, SENSES = 8, 8
DIAL = [round(0.1 * step, 1) for step in range(11)]
DIAL_DRAWS, DIAL_ROWS, DIAL_NOISE = 3, (200, 1000), 0.5


def explainable_boosting(kind: str) -> Learner:
    """Boosted trees of one feature each, plus 0, 4 or 8 pairs that it finds itself (Lou et al., 2013; Nori et al., 2019)."""
    from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor

    def fit(x: Tensor, y: Tensor, seed: int, *, pairs: int):
        maker = ExplainableBoostingRegressor if kind == "regression" else ExplainableBoostingClassifier
        model = maker(
            interactions=pairs, outer_bags=2, learning_rate=0.05, max_rounds=500, early_stopping_rounds=50, max_bins=256,
            max_interaction_bins=16, smoothing_rounds=50, interaction_smoothing_rounds=20, n_jobs=1, random_state=seed,
        )  # fmt: skip
        return learners.from_sklearn(model, x, y)

    return Learner("EBM", learners.standardised(fit), tuple({"pairs": pairs} for pairs in (0, 4, 8)))


def learner(name: str, kind: str) -> Learner:
    return explainable_boosting(kind) if name == "EBM" else learners.learner(name, kind)


def outer_folds(task: tabular.Task) -> Folds:
    return repeated_folds(task.y, FOLDS, REPEATS, SEED, stratify=task.kind == "classification")


def on_table(task: str, name: str, first: int = FOLDS * REPEATS) -> Scores:
    """A learner on the first outer folds of a real table."""
    table = tabular.load(task)
    stratify = table.kind == "classification"
    folds = outer_folds(table)[:first]
    return nested_cross_validation(
        learner(name, table.kind), table.x, table.y, table.score, folds, inner=INNER, seed=SEED, stratify=stratify
    )


def on_draws(function, features: int, rows: int, noise: float, draws: int, name: str, test_rows: int = TEST_ROWS) -> Scores:
    """A learner on independent draws of training and test rows."""
    found = []
    for draw in range(draws):
        x, y = sample(function, rows + test_rows, features, noise, seed=draw)
        fold = [(torch.arange(rows), torch.arange(rows, rows + test_rows))]
        score = tabular.Task("", x, y, "regression").score
        found.append(nested_cross_validation(learner(name, "regression"), x, y, score, fold, inner=INNER, seed=draw))
    return Scores(*(torch.cat([getattr(one, part) for one in found]) for part in ("outer", "chosen", "inner")))


def on_digits(kind: str) -> Scores:
    """Accuracy of a bottleneck of seven segments, or of the same layers with unnamed units, on random splits; no settings."""
    accuracies = concepts.readings(kind, count=SPLITS).predicted
    nothing = torch.zeros(SPLITS, 3, dtype=torch.float64)
    return Scores(accuracies, nothing[:, 0].long(), nothing)


def on_facts(name: str, splits: int = FACT_SPLITS) -> Scores:
    """Accuracy on held-out wordings of a Backpack in the paper's form, or of the transformer alone; no settings."""
    world, found = country_facts.sentences(), []
    for seed in range(splits):
        kept, held_out = country_facts.split(world, seed)
        senses = name == "Backpack"
        model = backpack.Backpack("paper", SENSES, seed=seed) if senses else backpack.PlainTransformer(seed=seed)
        found.append(backpack.accuracy(backpack.train(model, world, kept, seed=seed), world[held_out]))
    nothing = torch.zeros(splits, 3, dtype=torch.float64)
    return Scores(torch.tensor(found, dtype=torch.float64), nothing[:, 0].long(), nothing)


def experiments() -> list:
    """Pairs of task and learner, each with the call that runs it."""
    every = (*learners.SETTINGS, "EBM")
    jobs = [(task, name, partial(on_table, task, name)) for task in tabular.BUNDLED + tabular.LARGER for name in every]
    jobs += [("friedman", name, partial(on_draws, friedman, 10, TRAIN_ROWS, 1.0, DRAWS, name)) for name in every]
    jobs += [(SEGMENTS, kind, partial(on_digits, kind)) for kind in ("joint", "black box")]
    jobs += [(FACTS, name, partial(on_facts, name)) for name in ("Backpack", "transformer")]
    for rows in DIAL_ROWS:
        for rho in DIAL:
            function = partial(dial, rho=rho)
            for name in ("spline GAM", *learners.BLACK_BOXES):
                call = partial(on_draws, function, 4, rows, DIAL_NOISE, DIAL_DRAWS, name)
                jobs.append((f"dial {rho} {rows}", name, call))
    return jobs


def append(task: str, name: str, scores: Scores, path: Path = FILE) -> None:
    """Add the folds of one learner to the file."""
    fresh = not path.exists()
    with path.open("a", encoding="utf8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(FIELDS)
        for fold, (score, chosen, inner) in enumerate(zip(scores.outer, scores.chosen, scores.inner, strict=True)):
            numbers = [f"{number:.5f}" for number in (score, *inner)]
            writer.writerow([task, name, fold, numbers[0], int(chosen), *numbers[1:]])


def missing(task: str, name: str) -> bool:
    """Whether the file lacks this learner on this task; read anew, so that two processes may share the work."""
    stored.cache_clear()
    return not FILE.exists() or (task, name) not in stored()


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = tuple(sys.argv[1:])  # beginnings of task names; none means all
    for task, name, call in experiments():
        if task.startswith(wanted or ("",)) and missing(task, name):
            began = time.process_time()
            append(task, name, call())
            print(f"{task}, {name}: {time.process_time() - began:.0f} s", flush=True)
