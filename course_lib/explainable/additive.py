"""Additive models: a prediction that is a sum of one curve per feature. Chapters: explainable/additive, explainable/price.

    F(x) = intercept + f_1(x_1) + ... + f_n(x_n),        g(E[y | x]) = F(x)

(Hastie & Tibshirani, 1986), with g the identity for regression and the log-odds for two classes. The curves f_k, called
shapes, are the model: nothing is left to explain. They are fixed only up to constants, which is why every reading here
works on *centred* shapes, whose means over the data are zero. `splines` and `nam` fit such models.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class AdditiveModel:
    """intercept + sum_k f_k(x_k): call it on `(b, n)` for log-odds or values `(b,)`.

    `intercept`: a tensor without axes. `shapes`: `(b, n) -> (b, n)`, column k a function of column k alone. `names`: of
    the features. Raises ValueError for inputs that are not `(b, n)` or shapes that return something else.

    >>> model = AdditiveModel(torch.tensor(1.0), lambda x: x**2)
    >>> model(torch.tensor([[1.0, 2.0]])).item()
    6.0
    """

    intercept: Tensor
    shapes: Callable[[Tensor], Tensor]
    names: tuple[str, ...] = ()

    def contributions(self, x: Tensor) -> Tensor:
        """f_k(x_k) of every row and feature: `(b, n) -> (b, n)`."""
        if not isinstance(x, Tensor) or x.dim() != 2 or not x.dtype.is_floating_point:
            raise ValueError(f"x must be a floating-point tensor (b, n), got {_kind(x)}")
        if self.names and x.shape[1] != len(self.names):
            raise ValueError(f"x must have {len(self.names)} columns, got {x.shape[1]}")
        values = self.shapes(x)
        if not isinstance(values, Tensor) or values.shape != x.shape:
            raise ValueError(f"shapes must return {tuple(x.shape)}, got {_kind(values)}")
        return values

    def __call__(self, x: Tensor) -> Tensor:
        values = self.contributions(x)
        return self.intercept.to(values) + values.sum(1)

    def centred(self, x: Tensor, weights: Tensor | None = None) -> "AdditiveModel":
        """The same function with shapes of mean zero over the rows of `x` `(b, n)`, weighted by `weights` `(b,)`.

        f_k <- f_k - mean f_k and intercept <- intercept + sum_k mean f_k: predictions stay, and the intercept becomes
        the mean prediction. Raises ValueError for negative weights or weights that sum to zero.
        """
        values = self.contributions(x)
        means = (_weights(values, weights)[:, None] * values).sum(0).detach()
        shapes = self.shapes  # bound now, so that centring twice does not nest a model in itself
        return replace(self, intercept=self.intercept.to(means) + means.sum(), shapes=lambda z: shapes(z) - means.to(z))


def importance(model: AdditiveModel, x: Tensor) -> Tensor:
    """Mean over the rows of |f_k(x_k) - mean f_k|: `(b, n) -> (n,)`, in the units of the model's output (Nori et al., 2019).

    >>> importance(AdditiveModel(torch.tensor(0.0), lambda x: x + 7), torch.tensor([[1.0, 0.0], [-1.0, 0.0]])).tolist()
    [1.0, 0.0]
    """
    values = model.contributions(x)
    return (values - values.mean(0)).abs().mean(0)


def concurvity(model: AdditiveModel, x: Tensor) -> Tensor:
    """Correlation matrix of the contributions over the rows: `(b, n) -> (n, n)`; rows of a constant shape are zero.

    Concurvity is collinearity of *contributions*: f_j(x_j) can be read off f_k(x_k), so that one shape can take over from
    the other. See `mean_concurvity` for one number, `splines.explained_by_others` for more than pairs.

    >>> concurvity(AdditiveModel(torch.tensor(0.0), lambda x: x), torch.tensor([[1.0, -1.0], [2.0, -2.0]]))[0, 1].round().item()
    -1.0
    """
    values = model.contributions(x).detach()
    values = values - values.mean(0)
    length = values.norm(dim=0)
    flat = length <= 1e-6 * length.max()
    unit = torch.where(flat, 0.0, values / torch.where(flat, 1.0, length))
    return (unit.T @ unit).clamp(-1, 1)


def mean_concurvity(model: AdditiveModel, x: Tensor) -> Tensor:
    """Mean |correlation| over the n (n - 1) / 2 pairs of contributions, in [0, 1] (Siems et al., 2023, R_perp).

    Pairs only: three contributions may determine each other while every pair is nearly uncorrelated. Raises ValueError
    for fewer than two features.

    >>> rows = torch.tensor([[1.0, -1.0], [2.0, -2.0]])
    >>> mean_concurvity(AdditiveModel(torch.tensor(0.0), lambda x: x), rows).round().item()
    1.0
    """
    if x.shape[-1] < 2:
        raise ValueError(f"x must have at least two features, got {x.shape[-1]}")
    pairs = concurvity(model, x).triu(1).abs()
    return pairs.sum() * 2 / (len(pairs) * (len(pairs) - 1))


def _weights(values: Tensor, weights: Tensor | None) -> Tensor:
    """Weights `(b,)` that sum to one; equal ones by default."""
    if len(values) == 0:
        raise ValueError("x must have at least one row, got none")
    if weights is None:
        return torch.full_like(values[:, 0], 1 / len(values))
    if not isinstance(weights, Tensor) or weights.shape != (len(values),):
        raise ValueError(f"weights must have shape ({len(values)},), got {_kind(weights)}")
    if (weights < 0).any() or not 0 < weights.sum() < torch.inf:
        raise ValueError("weights must be non-negative and finite with a positive sum")
    return weights.to(values) / weights.sum().to(values)


def _kind(value: object) -> str:
    return f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
