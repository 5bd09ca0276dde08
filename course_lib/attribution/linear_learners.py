"""Linear learners, solved to their minimum for many weightings of the examples at once.

Chapters: attribution/retraining, influence, datamodels, probes.

They are solved by a linear system (`Ridge`) or by Newton's method (`Logistic`, `Softmax`). Their last Newton step keeps the
graph: at the minimum the derivative of that step in theta is zero, so its derivative in the weights is the whole derivative
of the minimiser (implicit function theorem), H^-1 times minus the gradient of each example's loss.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import vmap

from course_lib.attribution.learners import Learner, examples_fit, in_chunks, labels_fit, objective

NEWTON_STEPS = 100
HALVINGS = 40


@dataclass(frozen=True)
class Ridge:
    """Linear regression, l = (x . theta - y)^2 / 2: theta = (X' G X + penalty I)^-1 X' G y with G = diag(g).

    Raises ValueError for a penalty that is not positive (a subset smaller than p has no unique fit without it).

    >>> x, y = torch.tensor([[1.0], [1.0]]).double(), torch.tensor([1.0, 3.0]).double()
    >>> Ridge(penalty=1.0).fit(x, y, torch.tensor([[1.0, 1.0], [1.0, 0.0]]).double()).squeeze(1).tolist()
    [1.3333333333333333, 0.5]
    """

    penalty: float

    def __post_init__(self) -> None:
        _positive(self.penalty)

    def fit(self, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        examples_fit(x, y, weights)
        eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)

        def one(w: Tensor) -> Tensor:
            weighted = w[:, None] * x
            return torch.linalg.solve(x.T @ weighted + self.penalty * eye, weighted.T @ y.to(x.dtype))

        return in_chunks(vmap(one), weights, x.shape[1] ** 2 + x.numel())

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        return theta @ x.T

    def losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return (self.outputs(theta, x) - y) ** 2 / 2


@dataclass(frozen=True)
class Logistic:
    """Logistic regression on labels 0 and 1, l = log(1 + exp(-s x . theta)) with s = 2 y - 1. Outputs are log-odds.

    scikit-learn's `LogisticRegression(C=1 / penalty, fit_intercept=False)` has the same minimum. One Newton fit costs
    about a tenth of a millisecond for n = 100 and p = 31 on one core. Raises ValueError for a penalty that is not
    positive (examples of one class, or two classes with a line between them, have no finite fit without it), labels other
    than 0 and 1, or a fit that does not reach its minimum.

    >>> x, y = torch.tensor([[1.0], [-1.0]]).double(), torch.tensor([1, 0])
    >>> [round(odds, 4) for odds in Logistic(penalty=1.0).fit(x, y, torch.eye(2).double()).squeeze(1).tolist()]
    [0.4011, 0.4011]
    """

    penalty: float

    def __post_init__(self) -> None:
        _positive(self.penalty)

    def fit(self, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        examples_fit(x, y, weights)
        labels_fit(y, 2)
        target, eye = y.to(x.dtype), torch.eye(x.shape[1], dtype=x.dtype, device=x.device)

        def slope_and_curvature(theta: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
            p = torch.sigmoid(x @ theta)
            slope = x.T @ (w * (p - target)) + self.penalty * theta
            return slope, x.T @ ((w * p * (1 - p))[:, None] * x) + self.penalty * eye

        size = x.shape[1]
        return in_chunks(lambda w: _newton(self, slope_and_curvature, x, y, w, size), weights, size**2 + x.numel())

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        return theta @ x.T

    def losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.softplus(-(2 * y.to(x.dtype) - 1) * self.outputs(theta, x))


@dataclass(frozen=True)
class Softmax:
    """Multinomial logistic regression with one coefficient vector per class, theta `(classes * d,)`, class by class.

    l = -log softmax(x . theta)_y. Outputs are logits `(m, t, classes)`. The penalty makes the minimum unique. A Newton step
    solves a system of `classes * d` unknowns: seconds per fit beyond a thousand of them. Raises ValueError as `Logistic`.

    >>> x, y = torch.ones(3, 1).double(), torch.tensor([0, 1, 2])
    >>> Softmax(penalty=1.0, classes=3).fit(x, y, torch.ones(1, 3).double()).abs().max().item() < 1e-12
    True
    """

    penalty: float
    classes: int

    def __post_init__(self) -> None:
        _positive(self.penalty)
        if self.classes < 2:
            raise ValueError(f"classes must be at least 2, got {self.classes}")

    def fit(self, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        examples_fit(x, y, weights)
        labels_fit(y, self.classes)
        size = self.classes * x.shape[1]
        target, eye = nn.functional.one_hot(y.long(), self.classes).to(x.dtype), torch.eye(size, dtype=x.dtype, device=x.device)

        def slope_and_curvature(theta: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
            p = torch.softmax(x @ theta.reshape(self.classes, -1).T, 1)
            slope = ((w[:, None] * (p - target)).T @ x).flatten() + self.penalty * theta
            spread = w[:, None, None] * (torch.diag_embed(p) - p[:, :, None] * p[:, None, :])
            curvature = torch.einsum("nab,nd,ne->adbe", spread, x, x).reshape(size, size)
            return slope, curvature + self.penalty * eye

        return in_chunks(lambda w: _newton(self, slope_and_curvature, x, y, w, size), weights, size**2 + x.numel())

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        return torch.einsum("mkd,td->mtk", theta.reshape(len(theta), self.classes, -1), x)

    def losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        logits = self.outputs(theta, x)
        return logits.logsumexp(2) - logits.gather(2, y.long().expand(len(theta), -1)[..., None])[..., 0]


def _newton(learner: Learner, slope_and_curvature, x: Tensor, y: Tensor, weights: Tensor, size: int) -> Tensor:
    """Newton's method from theta = 0 for all rows of weights, a move halved where it does not descend."""
    derivatives = vmap(slope_and_curvature)
    theta = torch.zeros(len(weights), size, dtype=x.dtype, device=x.device)
    with torch.no_grad():
        for _ in range(NEWTON_STEPS):
            slope, curvature = derivatives(theta, weights)
            move = _solve(curvature, slope)
            decrement = (slope * move).sum(1)  # twice what the quadratic model hopes to gain
            value = objective(learner, theta, x, y, weights)
            if (decrement <= 4 * torch.finfo(x.dtype).eps * value.abs().clamp(min=learner.penalty)).all():
                break
            theta = theta - _sizes(learner, theta, move, decrement, value, x, y, weights)[:, None] * move
        else:
            raise ValueError(f"fit did not reach its minimum in {NEWTON_STEPS} Newton steps: raise penalty={learner.penalty}")
    slope, curvature = derivatives(theta, weights)  # with the graph to the weights
    return theta - _solve(curvature, slope)


def _sizes(learner, theta, move, decrement, value, x, y, weights) -> Tensor:
    """The largest 2^-k, row by row, whose step gains at least a tenth of what its slope promises (up to rounding)."""
    sizes = torch.ones_like(value)
    for _ in range(HALVINGS):
        gained = value - objective(learner, theta - sizes[:, None] * move, x, y, weights)
        poor = gained < 0.1 * sizes * decrement - 4 * torch.finfo(x.dtype).eps * value.abs()
        if not poor.any():
            break
        sizes = torch.where(poor, sizes / 2, sizes)
    return sizes


def _solve(matrix: Tensor, vector: Tensor) -> Tensor:
    return torch.cholesky_solve(vector[..., None], torch.linalg.cholesky(matrix))[..., 0]


def _positive(penalty: float) -> None:
    if not 0 < penalty < math.inf:
        raise ValueError(f"penalty must be positive, so that every subset has one fit, got {penalty}")
