"""Learners whose training examples carry weights: the contract, the objective, and what all of them check.

Chapters: attribution/retraining, influence, datamodels, probes. Every learner minimises the same objective

    L(theta, g) = sum_i g_i l(x_i, y_i; theta) + penalty / 2 |theta|^2,

which is never divided by the sum of the weights: with g_i = 0 example i is absent, and nothing else changes. The penalty
reaches every parameter, that of a constant column too, so that the fit to no example at all is theta = 0 (a network's is
what is left of its initial weights). Parameters are flat vectors: `weights (m, n) -> theta (m, p)`, one row per fit.

`linear_learners` are solved to their minimum; `network_learner` is trained for a fixed number of steps.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

ENTRIES = 2**20  # numbers in the matrices of one chunk of fits: what stays in the processor's cache


class Learner(Protocol):
    """What `training_game` and influence functions ask of a learner; theta is `(m, p)` throughout."""

    penalty: float

    def fit(self, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        """Parameters `(m, p)` for each row of example weights `(m, n)`."""

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        """Predictions `(m, t)` or `(m, t, k)` on rows `x (t, *shape)`."""

    def losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Losses `(m, t)` without the penalty."""


def with_intercept(x: Tensor) -> Tensor:
    """Rows `(n, d)` with a last column of ones `(n, d + 1)`; its coefficient is penalised like the others.

    >>> with_intercept(torch.tensor([[2.0], [3.0]])).tolist()
    [[2.0, 1.0], [3.0, 1.0]]
    """
    return torch.cat([x, torch.ones_like(x[:, :1])], 1)


def objective(learner: Learner, theta: Tensor, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """L(theta, g) `(m,)` at parameters `(m, p)` and weights `(m, n)`.

    >>> from course_lib.attribution.linear_learners import Ridge
    >>> x, y = torch.ones(2, 1), torch.ones(2)
    >>> objective(Ridge(penalty=2.0), torch.zeros(1, 1), x, y, torch.ones(1, 2)).tolist()
    [1.0]
    """
    return (weights * learner.losses(theta, x, y)).sum(1) + learner.penalty / 2 * (theta**2).sum(1)


def in_chunks(fit: Callable[[Tensor], Tensor], weights: Tensor, entries: int) -> Tensor:
    """Fit as many rows of weights at once as keep `entries` numbers a fit near `ENTRIES` in all."""
    chunk = min(256, max(1, ENTRIES // entries))
    return torch.cat([fit(part) for part in weights.split(chunk)])


def examples_fit(x: Tensor, y: Tensor, weights: Tensor) -> None:
    """Raise ValueError unless examples `(n, d)`, labels `(n,)` and weights `(m, n)` are finite, the last not negative."""
    if x.dim() != 2 or len(x) == 0 or not x.is_floating_point():
        raise ValueError(f"x must be a floating-point tensor of 2 dimensions, got {x.dtype} {tuple(x.shape)}")
    if y.shape != x.shape[:1]:
        raise ValueError(f"y must have shape ({len(x)},), one label per row of x, got {tuple(y.shape)}")
    if weights.dim() != 2 or weights.shape[1] != len(x):
        raise ValueError(f"weights must have shape (m, {len(x)}), one weight per row of x, got {tuple(weights.shape)}")
    if not (torch.isfinite(x).all() and torch.isfinite(y.double()).all()):
        raise ValueError("x and y must be finite, got nan or infinity")
    if not torch.isfinite(weights.detach()).all():
        raise ValueError("weights must be finite, got nan or infinity")
    if not (weights.detach() >= 0).all():
        raise ValueError(f"weights must not be negative, got {weights.detach().min().item()}")


def labels_fit(y: Tensor, classes: int, name: str = "y") -> None:
    """Raise ValueError unless every label is a class number from 0 to `classes` - 1."""
    if not ((y == y.round()) & (y >= 0) & (y < classes)).all():
        raise ValueError(f"{name} must be class numbers from 0 to {classes - 1}, got {y.unique().tolist()[:5]}")
