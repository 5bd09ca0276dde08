"""The learners of the comparison, each with three settings to choose from: equal budgets. Chapters: explainable/price.

Explainable: a linear model, a spline GAM, a neural additive model. Black boxes: a multilayer perceptron and gradient
boosting (scikit-learn). The other settings of each are fixed beforehand. Every fit standardises by its own training rows.
"""

import warnings
from collections.abc import Callable
from functools import partial

import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from torch import Tensor

from course_lib.explainable.comparison import Learner, Predictor
from course_lib.explainable.nam import fit_nam
from course_lib.explainable.splines import KINDS, fit_spline_gam

EXPLAINABLE, BLACK_BOXES = ("linear", "spline GAM", "NAM"), ("MLP", "boosting")


def standardised(fit: Callable[..., Predictor]) -> Callable[..., Predictor]:
    """The fit on columns of mean 0 and standard deviation 1 by its own training rows; constant columns are left out."""

    def wrapped(x: Tensor, y: Tensor, seed: int, **settings) -> Predictor:
        mean, spread = x.mean(0), x.std(0, correction=0)
        kept = spread > 1e-9 * (1 + mean.abs())
        predictor = fit(((x - mean) / spread)[:, kept], y, seed, **settings)
        return lambda rows: predictor(((rows - mean) / spread)[:, kept])

    return wrapped


def from_sklearn(model, x: Tensor, y: Tensor) -> Predictor:
    """A fitted scikit-learn model as a predictor: a score that ranks the rows (two classes) or values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fixed number of epochs is part of the setting
        model.fit(x.numpy(), y.numpy())
    if not hasattr(model, "classes_"):
        return lambda rows: torch.from_numpy(model.predict(rows.numpy()))
    return lambda rows: torch.from_numpy(model.predict_proba(rows.numpy())[:, 1])


def _linear(x: Tensor, y: Tensor, seed: int, *, kind: str, penalty: float) -> Predictor:
    model = Ridge(penalty) if kind == "regression" else LogisticRegression(C=1 / penalty, max_iter=2000)
    return from_sklearn(model, x, y)


def _gam(x: Tensor, y: Tensor, seed: int, *, kind: str, penalty: float) -> Predictor:
    return fit_spline_gam(x, y, kind=kind, knots=10, penalty=penalty)


def _nam(x: Tensor, y: Tensor, seed: int, *, kind: str, output_penalty: float) -> Predictor:
    return fit_nam(x, y, kind=kind, members=2, epochs=150, dropout=0.0, output_penalty=output_penalty, seed=10 * seed)


def _mlp(x: Tensor, y: Tensor, seed: int, *, kind: str, penalty: float) -> Predictor:
    maker = MLPRegressor if kind == "regression" else MLPClassifier
    model = maker(
        hidden_layer_sizes=(64,), alpha=penalty, learning_rate_init=5e-3, batch_size=64, max_iter=60, random_state=seed
    )
    if kind == "classification":
        return from_sklearn(model, x, y)
    level, unit = y.mean(), y.std()
    predictor = from_sklearn(model, x, (y - level) / unit)
    return lambda rows: predictor(rows) * unit + level


def _boosting(x: Tensor, y: Tensor, seed: int, *, kind: str, leaves: int) -> Predictor:
    maker = HistGradientBoostingRegressor if kind == "regression" else HistGradientBoostingClassifier
    model = maker(max_iter=120, learning_rate=0.1, max_leaf_nodes=leaves, early_stopping=False, random_state=seed)
    return from_sklearn(model, x, y)


SETTINGS = {
    "linear": (_linear, "penalty", (0.1, 1.0, 10.0)),
    "spline GAM": (_gam, "penalty", (0.1, 1.0, 10.0)),
    "NAM": (_nam, "output_penalty", (1e-3, 1e-2, 1e-1)),
    "MLP": (_mlp, "penalty", (1e-3, 1e-1, 1.0)),
    "boosting": (_boosting, "leaves", (2, 4, 16)),
}


def learner(name: str, kind: str) -> Learner:
    """One of `SETTINGS` for "regression" or "classification" with labels 0 and 1. Raises ValueError for unknown words.

    >>> learner("boosting", "regression").settings
    ({'leaves': 2}, {'leaves': 4}, {'leaves': 16})
    """
    if name not in SETTINGS:
        raise ValueError(f"name must be one of {tuple(SETTINGS)}, got {name!r}")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    fit, word, values = SETTINGS[name]
    return Learner(name, standardised(partial(fit, kind=kind)), tuple({word: value} for value in values))
