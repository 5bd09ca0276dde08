"""Comparing learners fairly: equal budgets, nested cross-validation, corrected intervals, and a margin declared beforehand.

Chapters: explainable/price.

Three traps, three tools. A score on rows that chose the settings is too good: tune inside every training part (nested
cross-validation; Varma & Simon, 2006). Folds share training rows, so their scores are no independent samples: widen the
interval (`claims.core.corrected_interval`; Nadeau & Bengio, 2003). And an interval that contains 0 is no evidence that
nothing is lost: state the loss that you would accept, and ask whether the whole interval lies above it (non-inferiority;
Piaggio et al., 2012).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from scipy.stats import rankdata
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from torch import Tensor

from course_lib.claims.core import decide

Predictor = Callable[[Tensor], Tensor]
Folds = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Learner:
    """`fit(x, y, seed, **settings)` gives a predictor `(b, n) -> (b,)`; `settings` is the tuning budget: what may be tried."""

    name: str
    fit: Callable[..., Predictor]
    settings: tuple[dict, ...]


@dataclass(frozen=True)
class Scores:
    """One learner on J outer folds: `outer` `(J,)`, the settings `chosen` `(J,)`, and `inner` scores `(J, settings)`."""

    outer: Tensor
    chosen: Tensor
    inner: Tensor


def r_squared(y: Tensor, predictions: Tensor) -> float:
    """1 - sum (y - p)^2 / sum (y - mean y)^2, in units of the variance of these very rows.

    >>> r_squared(torch.tensor([0.0, 2.0]), torch.tensor([1.0, 1.0]))
    0.0
    """
    return (1 - (y - predictions).square().sum() / (y - y.mean()).square().sum()).item()


def area_under_curve(y: Tensor, scores: Tensor) -> float:
    """Share of pairs (a 1, a 0) in which the 1 has the higher score, ties counting half: the area under the ROC curve.

    Raises ValueError unless both classes occur.

    >>> area_under_curve(torch.tensor([0, 1, 1]), torch.tensor([0.2, 0.2, 0.9]))
    0.75
    """
    positive = int((y == 1).sum())
    negative = len(y) - positive
    if not positive or not negative:
        raise ValueError(f"y must hold both classes, got {positive} ones among {len(y)} rows")
    ranks = rankdata(scores.detach().cpu().numpy())
    return float((ranks[(y == 1).cpu().numpy()].sum() - positive * (positive + 1) / 2) / (positive * negative))


def repeated_folds(y: Tensor, folds: int = 5, repeats: int = 1, seed: int = 0, *, stratify: bool = False) -> Folds:
    """`repeats` shuffles of the rows, each cut into `folds` test parts: pairs (training rows, test rows).

    >>> [len(test) for _, test in repeated_folds(torch.arange(7), folds=3)]
    [3, 2, 2]
    """
    maker = RepeatedStratifiedKFold if stratify else RepeatedKFold
    cut = maker(n_splits=folds, n_repeats=repeats, random_state=seed).split(y[:, None].numpy(), y.numpy())
    return [(torch.from_numpy(train), torch.from_numpy(test)) for train, test in cut]


def cross_validate(
    learner: Learner, x: Tensor, y: Tensor, score: Callable[[Tensor, Tensor], float], folds: Folds, seed: int = 0
) -> Tensor:
    """Score of every setting on every fold, `(settings, folds)`. The seed of a fit is `seed` plus the fold's number."""

    def one(setting: dict, number: int, train: Tensor, test: Tensor) -> float:
        return score(y[test], learner.fit(x[train], y[train], seed + number, **setting)(x[test]))

    table = [[one(setting, number, *fold) for number, fold in enumerate(folds)] for setting in learner.settings]
    return torch.tensor(table, dtype=torch.float64)


def nested_cross_validation(
    learner: Learner,
    x: Tensor,
    y: Tensor,
    score: Callable[[Tensor, Tensor], float],
    outer: Folds,
    *,
    inner: int = 3,
    seed: int = 0,
    stratify: bool = False,
) -> Scores:
    """Tune on the training rows of each outer fold alone, fit once more on all of them, score on the fold's test rows.

    Tuning is `inner`-fold cross-validation; the setting with the highest mean score wins, the first of equals. Test rows
    are seen once, by the final predictor (Varma & Simon, 2006). Raises ValueError for a learner without settings.
    """
    if not learner.settings:
        raise ValueError("learner must have at least one setting, got none")
    found, chosen, tried = [], [], []
    for number, (train, test) in enumerate(outer):
        parts = repeated_folds(y[train], inner, seed=seed + number, stratify=stratify)
        means = cross_validate(learner, x[train], y[train], score, parts, seed).mean(1)
        best = int(means.argmax())
        predictor = learner.fit(x[train], y[train], seed + number, **learner.settings[best])
        found.append(score(y[test], predictor(x[test])))
        chosen.append(best)
        tried.append(means)
    return Scores(torch.tensor(found, dtype=torch.float64), torch.tensor(chosen), torch.stack(tried))


def pick_inside(candidates: Sequence[Scores]) -> Tensor:
    """Outer scores `(J,)` of the candidate with the best inner score of each fold: several learners tuned as if one.

    Taking the candidate with the best *outer* score would be tuning on the test rows.

    >>> one = Scores(torch.tensor([0.9]), torch.tensor([0]), torch.tensor([[0.5]]))
    >>> two = Scores(torch.tensor([0.5]), torch.tensor([1]), torch.tensor([[0.2, 0.6]]))
    >>> pick_inside([one, two]).tolist()  # the inner scores prefer the second
    [0.5]
    """
    best = torch.stack([candidate.inner.max(1).values for candidate in candidates]).argmax(0)
    return torch.stack([candidate.outer for candidate in candidates]).gather(0, best[None])[0]


def non_inferiority(low: float, high: float, margin: float) -> str:
    """Verdict on "what is lost is less than `margin`" for the interval `[low, high]` of (candidate minus reference).

    "supported" if low > -margin, "not supported" if high < -margin, else "cannot tell"; more is better. Whether the
    interval contains 0 plays no part. Raises ValueError unless margin > 0.

    >>> non_inferiority(-0.005, -0.001, 0.01), non_inferiority(-0.05, 0.06, 0.01), non_inferiority(-0.05, -0.02, 0.01)
    ('supported', 'cannot tell', 'not supported')
    """
    if not margin > 0:
        raise ValueError(f"margin must be positive, got {margin}")
    return decide(low, high, above=-margin)
