"""Learners whose training examples carry weights, and many weightings are fitted at once.

Chapters: attribution/retraining, influence, datamodels, probes. Every learner minimises the same objective

    L(theta, g) = sum_i g_i l(x_i, y_i; theta) + penalty / 2 |theta|^2,

which is never divided by the sum of the weights: with g_i = 0 example i is absent, and nothing else changes. The penalty
reaches every parameter, that of a constant column too, so that the fit to no example at all is theta = 0 (a network's is
what is left of its initial weights). Parameters are flat vectors: `weights (m, n) -> theta (m, p)`, one row per fit.

The linear learners are solved to their minimum, by a linear system (`Ridge`) or by Newton's method (`Logistic`,
`Softmax`). Their last Newton step keeps the graph: at the minimum the derivative of that step in theta is zero, so its
derivative in the weights is the whole derivative of the minimiser (implicit function theorem), H^-1 times minus the
gradient of each example's loss. `Network` is trained for a fixed number of steps from one initialisation; its gradient
goes through all of them.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from course_lib.models import ACTIVATIONS, MLP

ENTRIES = 2**20  # numbers in the matrices of one chunk of fits: what stays in the processor's cache
NEWTON_STEPS = 100
HALVINGS = 40


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
        _rows(x, y, weights, dimensions=2)
        eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)

        def one(w: Tensor) -> Tensor:
            weighted = w[:, None] * x
            return torch.linalg.solve(x.T @ weighted + self.penalty * eye, weighted.T @ y.to(x.dtype))

        return _in_chunks(vmap(one), weights, x.shape[1] ** 2 + x.numel())

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
        _rows(x, y, weights, dimensions=2)
        labels_fit(y, 2)
        target, eye = y.to(x.dtype), torch.eye(x.shape[1], dtype=x.dtype, device=x.device)

        def slope_and_curvature(theta: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
            p = torch.sigmoid(x @ theta)
            slope = x.T @ (w * (p - target)) + self.penalty * theta
            return slope, x.T @ ((w * p * (1 - p))[:, None] * x) + self.penalty * eye

        size = x.shape[1]
        return _in_chunks(lambda w: _newton(self, slope_and_curvature, x, y, w, size), weights, size**2 + x.numel())

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
        _rows(x, y, weights, dimensions=2)
        labels_fit(y, self.classes)
        size = self.classes * x.shape[1]
        target, eye = nn.functional.one_hot(y.long(), self.classes).to(x.dtype), torch.eye(size, dtype=x.dtype, device=x.device)

        def slope_and_curvature(theta: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
            p = torch.softmax(x @ theta.reshape(self.classes, -1).T, 1)
            slope = ((w[:, None] * (p - target)).T @ x).flatten() + self.penalty * theta
            spread = w[:, None, None] * (torch.diag_embed(p) - p[:, :, None] * p[:, None, :])
            curvature = torch.einsum("nab,nd,ne->adbe", spread, x, x).reshape(size, size)
            return slope, curvature + self.penalty * eye

        return _in_chunks(lambda w: _newton(self, slope_and_curvature, x, y, w, size), weights, size**2 + x.numel())

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        return torch.einsum("mkd,td->mtk", theta.reshape(len(theta), self.classes, -1), x)

    def losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        logits = self.outputs(theta, x)
        return logits.logsumexp(2) - logits.gather(2, y.long().expand(len(theta), -1)[..., None])[..., 0]


@dataclass(frozen=True)
class Network:
    """A small `MLP`, trained by `steps` steps of gradient descent with momentum, always from the weights of one `seed`.

    A last width of 1 means labels 0 and 1 and log-odds `(m, t)`, else class numbers and logits `(m, t, k)`. A step moves
    by `rate / n` times the gradient of the objective (n: all examples, whatever their weights), on all examples or on
    `batch` of them (their sum then scaled by n / batch), whose order comes from the seed and is the same in every fit. All
    fits run as one tensor program (`torch.func.vmap` over the weights), equal to a plain loop to the last digits. What is
    gained is overhead: about tenfold at n = 100, a few times at n = 500, where the arithmetic takes over.
    """

    widths: tuple[int, ...]
    penalty: float = 0.0
    activation: str = "tanh"
    steps: int = 100
    rate: float = 0.5
    momentum: float = 0.9
    batch: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"widths must be at least an input and an output, each positive, got {self.widths}")
        if not 0 <= self.penalty < math.inf:
            raise ValueError(f"penalty must be at least 0, got {self.penalty}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {self.activation!r}")
        if not 0 < self.rate < math.inf or not 0 <= self.momentum < 1:
            raise ValueError(f"rate must be positive and momentum in [0, 1), got {self.rate} and {self.momentum}")
        for name, count in (("steps", self.steps), ("batch", 1 if self.batch is None else self.batch)):
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise ValueError(f"{name} must be an integer of at least 1, got {count!r}")

    def fit(self, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        _rows(x, y, weights, dimensions=2)
        labels_fit(y, max(2, self.widths[-1]))
        if self.widths[0] != x.shape[1]:
            raise ValueError(f"widths must begin with {x.shape[1]}, the number of columns of x, got {self.widths}")
        start, n = self.start().to(x), len(x)

        def objective(theta: Tensor, w: Tensor, rows: Tensor) -> Tensor:
            loss = (w[rows] * self.losses(theta[None], x[rows], y[rows])[0]).sum()
            return loss / len(rows) + self.penalty / (2 * n) * (theta**2).sum()

        step = vmap(grad(objective), in_dims=(0, 0, None))

        def train(w: Tensor) -> Tensor:
            theta, velocity = start.expand(len(w), -1), torch.zeros(len(w), len(start), dtype=x.dtype, device=x.device)
            for rows in self._schedule(n):
                velocity = self.momentum * velocity + step(theta, w, rows)
                theta = theta - self.rate * velocity
            return theta

        return _in_chunks(train, weights, max(1, ENTRIES // 256))

    def start(self) -> Tensor:
        """The initial weights `(p,)`."""
        model = MLP(list(self.widths), self.activation, self.seed)
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    def outputs(self, theta: Tensor, x: Tensor) -> Tensor:
        hidden, used = x, 0
        for inputs, outputs in zip(self.widths[:-1], self.widths[1:], strict=True):
            hidden = hidden if used == 0 else ACTIVATIONS[self.activation]()(hidden)
            matrix = theta[:, used : used + inputs * outputs].reshape(len(theta), outputs, inputs)
            used += (inputs + 1) * outputs
            hidden = hidden @ matrix.transpose(1, 2) + theta[:, None, used - outputs : used]
        return hidden[..., 0] if self.widths[-1] == 1 else hidden

    def losses(self, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        output = self.outputs(theta, x)
        if output.dim() == 2:
            return nn.functional.softplus(-(2 * y.to(x.dtype) - 1) * output)
        return output.logsumexp(2) - output.gather(2, y.long().expand(len(theta), -1)[..., None])[..., 0]

    def _schedule(self, n: int) -> list[Tensor]:
        if self.batch is None or self.batch >= n:
            return [torch.arange(n)] * self.steps
        generator, rows = torch.Generator().manual_seed(self.seed), []
        while len(rows) < self.steps:
            order = torch.randperm(n, generator=generator)
            rows += [part for part in order.split(self.batch) if len(part) == self.batch]
        return rows[: self.steps]


def objective(learner: Learner, theta: Tensor, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """L(theta, g) `(m,)` at parameters `(m, p)` and weights `(m, n)`.

    >>> x, y = torch.ones(2, 1), torch.ones(2)
    >>> objective(Ridge(penalty=2.0), torch.zeros(1, 1), x, y, torch.ones(1, 2)).tolist()
    [1.0]
    """
    return (weights * learner.losses(theta, x, y)).sum(1) + learner.penalty / 2 * (theta**2).sum(1)


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


def _in_chunks(fit, weights: Tensor, entries: int) -> Tensor:
    """Fit as many rows of weights at once as keep `entries` numbers a fit near `ENTRIES` in all."""
    chunk = min(256, max(1, ENTRIES // entries))
    return torch.cat([fit(part) for part in weights.split(chunk)])


def _positive(penalty: float) -> None:
    if not 0 < penalty < math.inf:
        raise ValueError(f"penalty must be positive, so that every subset has one fit, got {penalty}")


def _rows(x: Tensor, y: Tensor, weights: Tensor, dimensions: int) -> None:
    if x.dim() != dimensions or len(x) == 0 or not x.is_floating_point():
        raise ValueError(f"x must be a floating-point tensor of {dimensions} dimensions, got {x.dtype} {tuple(x.shape)}")
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
