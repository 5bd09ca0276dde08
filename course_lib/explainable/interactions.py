"""How much of a function is a sum of one-feature functions: the ceiling of every additive model. Chapters: explainable/price.

For *independent* features the functional ANOVA (Hoeffding, 1948; Sobol', 1993) splits a function into orthogonal parts,

    f(x) = m + sum_k f_k(x_k) + sum_{j<k} f_jk(x_j, x_k) + ...,   m = E f,   f_k(x_k) = E[f | x_k] - m,

so Var f = sum_k Var f_k + what interactions carry, and m + sum_k f_k is the best additive approximation in mean square.
No additive model, however flexible and whatever the amount of data, explains more. The means are computed by quadrature
on a product grid. With dependent features the best additive approximation still exists, but it is not this one.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def unit_grid(features: int, nodes: int) -> tuple[Tensor, Tensor]:
    """Gauss-Legendre points and weights for uniform features on [0, 1]: `(nodes,) * features + (features,)` and `(nodes,)`.

    Exact for polynomials of degree 2 nodes - 1 in each feature; the weights sum to one.

    >>> points, weights = unit_grid(2, 3)
    >>> tuple(points.shape), round(weights.sum().item(), 12)
    ((3, 3, 2), 1.0)
    """
    places, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(nodes))
    axes = torch.meshgrid(*[(places + 1) / 2] * features, indexing="ij")
    return torch.stack(axes, -1), weights / 2


def _weighted_mean(values: Tensor, weights: Sequence[Tensor], keep: int | None = None) -> Tensor:
    """Mean over every axis but `keep`, axis k with `weights[k]`."""
    for axis in reversed(range(values.dim())):
        if axis != keep:
            values = (values.movedim(axis, -1) * weights[axis]).sum(-1)
    return values


def main_effects(values: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Mean m and main effects f_k `(m_k,)` of a function given on a product grid, `values` `(m_1, ..., m_n)`.

    `weights[k]` `(m_k,)` are the probabilities of feature k's grid points. Raises ValueError if shapes disagree, a weight is
    negative or a feature's weights do not sum to one.

    >>> mean, (rows, columns) = main_effects(torch.tensor([[0.0, 1.0], [2.0, 3.0]]), [torch.tensor([0.5, 0.5])] * 2)
    >>> mean.item(), rows.tolist(), columns.tolist()
    (1.5, [-1.0, 1.0], [-0.5, 0.5])
    """
    shapes = [tuple(w.shape) for w in weights]
    if not shapes or shapes != [(size,) for size in values.shape]:
        raise ValueError(f"weights must be one vector per axis of values {tuple(values.shape)}, got {shapes}")
    if any(bool((w < 0).any()) or abs(w.sum().item() - 1) > 1e-4 for w in weights):
        raise ValueError(f"weights must be probabilities, got sums {[round(w.sum().item(), 4) for w in weights]}")
    mean = _weighted_mean(values, weights)
    return mean, [_weighted_mean(values, weights, keep=axis) - mean for axis in range(values.dim())]


def additive_share(values: Tensor, weights: Sequence[Tensor]) -> float:
    """sum_k Var f_k / Var f of a function on a product grid: the share of its variance that main effects carry.

    Raises ValueError for a constant function, which has nothing to share, and as `main_effects`.

    >>> half = torch.tensor([0.5, 0.5])
    >>> round(additive_share(torch.tensor([[0.0, 0.0], [0.0, 1.0]]), [half, half]), 6)  # AND
    0.666667
    """
    mean, effects = main_effects(values, weights)
    variance = _weighted_mean((values - mean).square(), weights).item()
    if variance <= 1e-12 * max(1.0, mean.item() ** 2):
        raise ValueError("values must vary, got a constant function")
    return sum(float(w @ effect.square()) for w, effect in zip(weights, effects, strict=True)) / variance


def additive_ceiling(
    function: Callable[[Tensor], Tensor], features: int, nodes: int = 12, noise: float = 0.0
) -> tuple[float, float]:
    """Best possible R^2 of an additive model, and of any model, for y = f(x) + noise with x uniform on [0, 1]^features.

    (sum_k Var f_k, Var f) / (Var f + noise^2). Give only the features that f reads: others change nothing, and a grid has
    nodes ** features points. `function`: `(b, features) -> (b,)`.

    >>> [round(r2, 4) for r2 in additive_ceiling(lambda x: x[:, 0] * x[:, 1], features=2)]
    [0.8571, 1.0]
    """
    points, weights = unit_grid(features, nodes)
    values = function(points.reshape(-1, features)).reshape([nodes] * features)
    variance = _weighted_mean((values - _weighted_mean(values, [weights] * features)).square(), [weights] * features).item()
    best = variance / (variance + noise**2)
    return additive_share(values, [weights] * features) * best, best


def friedman(x: Tensor) -> Tensor:
    """10 sin(pi x_1 x_2) + 20 (x_3 - 1/2)^2 + 10 x_4 + 5 x_5 of rows in [0, 1]^n, n >= 5 (Friedman, 1991): `(b, n) -> (b,)`.

    One interaction, between the first two features; from the sixth on features do not matter.
    """
    product = 10 * torch.sin(math.pi * x[:, 0] * x[:, 1])
    return product + 20 * (x[:, 2] - 0.5).square() + 10 * x[:, 3] + 5 * x[:, 4]


def dial(x: Tensor, rho: float) -> Tensor:
    """A function with variance 1 of which interactions carry exactly `rho`, for rows uniform on [0, 1]^4: `(b, 4) -> (b,)`.

    sqrt(1 - rho) (u_1 + w_2) / sqrt 2 + sqrt(rho) u_3 u_4 with u = sqrt 12 (x - 1/2), w = sqrt 2 sin(2 pi x), all of mean
    0 and variance 1: the product has no main effects. Raises ValueError unless rho lies in [0, 1].

    >>> round(additive_ceiling(lambda x: dial(x, 0.3), features=4, nodes=16)[0], 6)
    0.7
    """
    if not 0 <= rho <= 1:
        raise ValueError(f"rho must lie between 0 and 1, got {rho}")
    u, wave = math.sqrt(12) * (x - 0.5), math.sqrt(2) * torch.sin(2 * math.pi * x[:, 1])
    return math.sqrt(1 - rho) * (u[:, 0] + wave) / math.sqrt(2) + math.sqrt(rho) * u[:, 2] * u[:, 3]


def sample(function: Callable[[Tensor], Tensor], rows: int, features: int, noise: float, seed: int) -> tuple[Tensor, Tensor]:
    """Uniform rows `(rows, features)` and y = function(x) + noise * normal `(rows,)`, both float64.

    >>> x, y = sample(friedman, rows=3, features=10, noise=1.0, seed=0)
    >>> tuple(x.shape), tuple(y.shape)
    ((3, 10), (3,))
    """
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, features, generator=generator, dtype=torch.float64)
    return x, function(x) + noise * torch.randn(rows, generator=generator, dtype=torch.float64)
