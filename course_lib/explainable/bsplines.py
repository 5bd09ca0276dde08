"""Cubic B-splines: the basis, the penalty on curvature, knots at quantiles. Chapters: explainable/additive, explainable/price.

A curve is f = sum_j c_j B_j, so whatever is linear in f is linear in c (de Boor, 1978). The penalty is the integral of
f''^2 itself, for knots spaced at will.
"""

import math

import numpy as np
import torch
from scipy.interpolate import BSpline
from torch import Tensor

DEGREE = 3


def bspline_basis(t: Tensor, knots: Tensor) -> Tensor:
    """All cubic B-splines on increasing `knots` `(k,)`, at points `t` `(b,)` between the first and the last: `(b, k + 2)`.

    The recursion of Cox and de Boor (de Boor, 1978), B_j,d(t) = (t - u_j) / (u_j+d - u_j) B_j,d-1(t) +
    (u_j+d+1 - t) / (u_j+d+1 - u_j+1) B_j+1,d-1(t), with both end knots repeated. Rows sum to one.

    >>> bspline_basis(torch.tensor([0.0, 0.5]), torch.tensor([0.0, 1.0])).tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.125, 0.375, 0.375, 0.125]]
    """
    u = torch.cat([knots[:1].expand(DEGREE), knots, knots[-1:].expand(DEGREE)])
    last = (t[:, None] == knots[-1]) & (u[1:] == knots[-1]) & (u[:-1] < knots[-1])  # the right end belongs to a piece too
    basis = (((u[:-1] <= t[:, None]) & (t[:, None] < u[1:])) | last).to(t)
    for degree in range(1, DEGREE + 1):
        span = u[degree:] - u[:-degree]
        share = (t[:, None] - u[:-degree]) / torch.where(span > 0, span, 1.0)  # an empty span multiplies a zero
        basis = share[:, :-1] * basis[:, :-1] + (1 - share[:, 1:]) * basis[:, 1:]
    return basis


def curvature_penalty(knots: Tensor) -> Tensor:
    """S with c^T S c = integral of f''^2 over the range of `knots` `(k,)` for f = sum_j c_j B_j: `(k + 2, k + 2)`.

    f'' is linear between knots, so two Gauss points a piece are exact. S c = 0 exactly for straight lines.

    >>> curvature_penalty(torch.tensor([0.0, 1.0])).sum(1).abs().max().item() < 1e-9
    True
    """
    u = np.pad(knots.double().numpy(), DEGREE, mode="edge")
    left, right = knots[:-1].double(), knots[1:].double()
    points = torch.cat([(left + right) / 2 + sign * (right - left) / math.sqrt(12) for sign in (-1, 1)])
    second = torch.from_numpy(BSpline(u, np.eye(len(u) - DEGREE - 1), DEGREE).derivative(2)(points.numpy()))
    return second.T @ (second * ((right - left) / 2).repeat(2)[:, None])


def quantile_knots(t: Tensor, knots: int) -> Tensor:
    """`knots` quantiles of `t` `(b,)` at even levels, ends included, ties dropped; ValueError for a constant `t`.

    >>> quantile_knots(torch.tensor([0.0, 0.0, 1.0, 2.0, 4.0]), 3).tolist()
    [0.0, 1.0, 4.0]
    """
    found = torch.quantile(t.double(), torch.linspace(0, 1, knots, dtype=torch.float64))
    found = found[torch.cat([torch.ones(1, dtype=torch.bool), found.diff() > 1e-9 * (found[-1] - found[0])])]
    if len(found) < 2:
        raise ValueError("x must vary in every column, got a constant one")
    return found
