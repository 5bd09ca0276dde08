"""Purification: how much of a pair effect is a main effect in disguise. Chapter: explainable/additive.

Adding a function of x_1 to f_1 and taking it from f_12 changes no prediction but both pictures. The functional ANOVA
settles the matter: a pair effect is *pure* when its weighted mean over either feature is zero whatever the other one is,
so that everything that one feature can say alone stands in its main effect (Lengerich et al., 2020).
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Purified(NamedTuple):
    """intercept + main1_i + main2_j + pair_ij, with weighted means of mains and of every row and column of pair zero."""

    intercept: Tensor
    main1: Tensor
    main2: Tensor
    pair: Tensor


def purify(main1: Tensor, main2: Tensor, pair: Tensor, weights: Tensor) -> Purified:
    """The pure form of main1_i + main2_j + pair_ij, given on the cells of a grid.

    `main1` `(p,)`, `main2` `(q,)`, `pair` and `weights` `(p, q)`; weights are the density of the data, such as counts.
    The part that moves is the weighted least-squares fit a_i + b_j to `pair`, since the residual of that fit is orthogonal
    to every row and column indicator: sum_j w_ij pair_ij = 0 = sum_i w_ij pair_ij. The cells keep their totals exactly.
    A row or column without weight has no mean, so nothing is moved out of it. Lengerich et al. move one row or column at a
    time, which converges to the same fit. Computed in float64, returned in the dtype of `pair`. Raises ValueError for
    shapes that do not fit, values that are not finite, or weights that are negative or all zero.

    >>> pure = purify(torch.zeros(2), torch.zeros(2), torch.tensor([[0.0, 0.0], [0.0, 1.0]]), torch.ones(2, 2))
    >>> pure.intercept.item(), pure.main1.tolist(), pure.pair.tolist()
    (0.25, [-0.25, 0.25], [[0.25, -0.25], [-0.25, 0.25]])
    """
    _check(main1, main2, pair, weights)
    table, weight = pair.double(), weights.double() / weights.double().sum()
    rows, columns = weight.sum(1), weight.sum(0)
    moved1, moved2 = _additive_part(table, weight, rows, columns)
    full1, full2 = main1.double() + moved1, main2.double() + moved2
    mean1, mean2 = rows @ full1, columns @ full2
    pure = (mean1 + mean2, full1 - mean1, full2 - mean2, table - moved1[:, None] - moved2[None, :])
    return Purified(*(part.to(pair.dtype) for part in pure))


def _additive_part(table: Tensor, weight: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """a `(p,)` and b `(q,)` that minimise sum_ij w_ij (table_ij - a_i - b_j)^2, of least norm among the minimisers."""
    normal = torch.cat([torch.cat([rows.diag(), weight], 1), torch.cat([weight.T, columns.diag()], 1)])
    right = torch.cat([(weight * table).sum(1), (weight * table).sum(0)])
    # Scaled to a unit diagonal, so that a row of little weight is not mistaken for one of none.
    scale = torch.where(normal.diag() > 0, normal.diag(), 1.0).rsqrt()
    solution = scale * (torch.linalg.pinv(scale[:, None] * normal * scale, hermitian=True, rtol=1e-12) @ (scale * right))
    return solution[: len(rows)], solution[len(rows) :]


def _check(main1: Tensor, main2: Tensor, pair: Tensor, weights: Tensor) -> None:
    if pair.dim() != 2 or pair.numel() == 0 or not pair.dtype.is_floating_point:
        raise ValueError(f"pair must be a floating-point table (p, q), got {pair.dtype} of shape {tuple(pair.shape)}")
    p, q = pair.shape
    for name, tensor, shape in (("main1", main1, (p,)), ("main2", main2, (q,)), ("weights", weights, (p, q))):
        if tensor.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {tuple(tensor.shape)}")
    for name, tensor in (("main1", main1), ("main2", main2), ("pair", pair), ("weights", weights)):
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} must be finite, got {int((~torch.isfinite(tensor)).sum())} entries that are not")
    if (weights < 0).any() or weights.sum() <= 0:
        raise ValueError("weights must be non-negative with a positive sum")
