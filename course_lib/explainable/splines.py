"""Additive models of penalised cubic splines, fitted by least squares or logistic regression.

Chapters: explainable/additive, explainable/price.

Every feature gets a basis of cubic B-splines on its own knots, so the model is linear in its coefficients and the fit is
one convex problem with one solution. Many knots with a penalty on wiggles replace the choice of few knots (O'Sullivan,
1986; Eilers & Marx, 1996). We penalise the integral of f''^2 itself, not Eilers and Marx's differences of coefficients,
which stand for it when knots are evenly spaced: ours stand at quantiles, where the data are.
"""

import math

import numpy as np
import torch
from scipy.interpolate import BSpline
from torch import Tensor

from course_lib.explainable.additive import AdditiveModel
from course_lib.explainable.bsplines import DEGREE, bspline_basis, curvature_penalty, quantile_knots

KINDS = ("regression", "classification")


def fit_spline_gam(
    x: Tensor, y: Tensor, *, kind: str = "regression", knots: int = 10, penalty: float = 1.0, ridge: float = 1.0
) -> AdditiveModel:
    """The additive model that minimises loss + 1/2 sum_k [penalty * integral f_k''^2 + ridge * mean_i f_k(x_ik)^2].

    `x` `(b, n)`, `y` `(b,)`. loss: half the sum of squared errors, or with `kind="classification"` and y in {0, 1} the sum
    of -log p(y), so that the model returns log-odds. Derivatives are in standard deviations of the feature: penalties mean
    the same for all features. As `penalty` grows the shapes become straight lines and the model ridge or logistic
    regression on standardised features; `ridge` keeps it unique under collinearity and finite for separable classes.
    Shapes have mean zero over the rows of `x`, go on as straight lines outside their range, and work in any
    precision; the fit is in float64. Raises ValueError for an unknown kind, bad shapes, values or settings, or a constant
    feature.

    >>> x = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
    >>> round(fit_spline_gam(x, x[:, 0] ** 2, penalty=1e-6, ridge=0.0)(torch.tensor([[0.5]])).item(), 3)
    0.25
    """
    t, centre, scale = _standardised(x, y, kind, knots, penalty, ridge)
    grids = [quantile_knots(column, knots) for column in t.T]
    design, bend, blocks = _joint(t, grids, penalty, ridge)
    fit = _least_squares if kind == "regression" else _logistic
    solution = fit(design, y.double(), bend)
    coefficients = [_coordinates(grid)[0] @ part for grid, part in zip(grids, solution[1:].split(blocks), strict=True)]
    means = torch.stack([bspline_basis(*pair).mean(0) @ c for *pair, c in zip(t.T, grids, coefficients, strict=True)])
    return AdditiveModel(solution[0], CubicShapes(grids, coefficients, centre, scale, means))


def smoother_matrix(column: Tensor, *, knots: int = 10, penalty: float = 1.0, ridge: float = 1.0) -> Tensor:
    """S `(b, b)`: S y are the fitted values of a one-feature spline fit to centred y, as in `fit_spline_gam`; S 1 = 0.

    >>> smoother_matrix(torch.tensor([0.0, 1.0, 2.0]), penalty=1e6, ridge=0.0)[0].mul(2).round().tolist()  # a line
    [1.0, -0.0, -1.0]
    """
    t, _, _ = _standardised(column[:, None], column, "regression", knots, penalty, ridge)
    design, bend, _ = _joint(t, [quantile_knots(t[:, 0], knots)], penalty, ridge)
    design, bend = design[:, 1:], bend[1:, 1:]
    return torch.stack([design @ _solve(design.T @ design + bend, row) for row in design], 1)


def backfit(y: Tensor, smoothers: Tensor, *, sweeps: int = 1000, tolerance: float = 1e-10) -> Tensor:
    """Contributions `(b, n)` with f_k = S_k (y - mean y - sum_{j != k} f_j) for all k, one feature after another.

    `smoothers` `(n, b, b)`: symmetric, with S 1 = 0 and eigenvalues in [0, 1]. Then the sweeps converge, and to the joint
    penalised least-squares fit (Buja, Hastie & Tibshirani, 1989): they are Gauss-Seidel on its normal equations.
    Raises RuntimeError if `sweeps` do not bring every change below `tolerance` times the standard deviation of y: under
    strong concurvity the sweeps crawl.

    >>> backfit(torch.tensor([1.0, 3.0]), torch.tensor([[[0.5, -0.5], [-0.5, 0.5]]])).tolist()
    [[-1.0], [1.0]]
    """
    if y.dim() != 1 or smoothers.shape[1:] != (len(y), len(y)):
        raise ValueError(f"smoothers must be (n, b, b) for y (b,), got {tuple(smoothers.shape)} and {tuple(y.shape)}")
    values, target = torch.zeros(len(y), len(smoothers)).to(y), y - y.mean()
    for _ in range(sweeps):
        before = values.clone()
        for k, smoother in enumerate(smoothers):
            values[:, k] = smoother @ (target - values.sum(1) + values[:, k])
        if (values - before).abs().max() <= tolerance * target.std():
            return values
    raise RuntimeError(f"backfitting did not settle in {sweeps} sweeps")


def explained_by_others(model: AdditiveModel, x: Tensor, *, knots: int = 10, penalty: float = 1.0) -> Tensor:
    """R^2 `(n,)` of predicting each contribution f_k(x_k) by an additive spline model of all *other* features.

    Concurvity beyond pairs: near one, the others can stand in for shape k, and the data cannot tell how to share it. In
    the spirit of the index "observed" of mgcv (Wood), with penalised fits; a shape without variance gets 0.
    """
    values = model.contributions(x).detach().double()
    scores = torch.zeros(x.shape[1], dtype=torch.float64)
    for k in range(x.shape[1]):
        others = [j for j in range(x.shape[1]) if j != k]
        spread = values[:, k].var(correction=0)
        if others and spread > 1e-12 * values.var(0, correction=0).max():
            fit = fit_spline_gam(x[:, others], values[:, k] / spread.sqrt(), knots=knots, penalty=penalty)
            scores[k] = 1 - (values[:, k] / spread.sqrt() - fit(x[:, others].double())).var(correction=0)
    return scores


class CubicShapes:
    """n piecewise cubic curves `(b, n) -> (b, n)`, evaluated together, straight outside their knots; float64 inside."""

    def __init__(self, grids: list[Tensor], coefficients: list[Tensor], centre: Tensor, scale: Tensor, means: Tensor):
        pieces = [_pieces(grid, c, mean) for grid, c, mean in zip(grids, coefficients, means, strict=True)]
        width = max(len(origin) for origin, _ in pieces)
        pad = torch.nn.functional.pad
        self.centre, self.scale = centre, scale
        self.starts = torch.stack([pad(g, (0, width - 1 - len(g)), value=math.inf) for g in grids])  # (n, width - 1)
        self.origins = torch.stack([pad(origin, (0, width - len(origin))) for origin, _ in pieces])  # (n, width)
        self.powers = torch.stack([pad(power, (0, 0, 0, width - len(power))) for _, power in pieces])  # (n, width, 4)

    def __call__(self, x: Tensor) -> Tensor:
        t = ((x.double() - self.centre) / self.scale).T.contiguous()
        piece = torch.searchsorted(self.starts, t.detach(), right=True)
        step = t - self.origins.gather(1, piece)
        a, b, c, d = self.powers.gather(1, piece[:, :, None].expand(*piece.shape, 4)).unbind(2)
        return (a + step * (b + step * (c + step * d))).T.to(x.dtype)


def _pieces(grid: Tensor, coefficients: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Origin `(k + 1,)` and Taylor coefficients `(k + 1, 4)` of each piece: a line, the cubics between knots, a line."""
    curve = BSpline(np.pad(grid.numpy(), DEGREE, mode="edge"), coefficients.numpy(), DEGREE)
    at = grid.numpy()
    taylor = [curve.derivative(j)(at) / math.factorial(j) if j else curve(at) for j in range(DEGREE + 1)]
    inner = torch.from_numpy(np.stack(taylor, 1))
    inner[:, 0] -= mean
    straight = torch.tensor([1.0, 1.0, 0.0, 0.0])
    return torch.cat([grid[:1], grid]), torch.cat([inner[:1] * straight, inner[:-1], inner[-1:] * straight])


def _coordinates(grid: Tensor) -> tuple[Tensor, Tensor]:
    """T `(k + 2, k + 1)` and d `(k + 1,)`: c = T z spans all curves up to a constant, and its curvature is sum_j d_j z_j^2.

    First the straight line f(t) = t, which has none; then the eigenvectors of the penalty. Kept apart, because a stiff
    penalty would drown the line in rounding errors.
    """
    curvatures, curves = torch.linalg.eigh(curvature_penalty(grid))  # the two smallest are zero: constants and lines
    line = torch.nn.functional.pad(grid[None], (DEGREE, DEGREE), mode="replicate")[0][1:-1].unfold(0, DEGREE, 1).mean(1)
    return torch.cat([line[:, None], curves[:, 2:]], 1), torch.cat([torch.zeros(1).double(), curvatures[2:]])


def _joint(t: Tensor, grids: list[Tensor], penalty: float, ridge: float) -> tuple[Tensor, Tensor, list[int]]:
    """Design `(b, 1 + p)` with a column of ones first, its penalty matrix, and the number of columns of each feature."""
    columns, bends = [torch.ones(len(t), 1).to(t)], [torch.zeros(1, 1).to(t)]
    for column, grid in zip(t.T, grids, strict=True):
        turn, curvature = _coordinates(grid)
        curves = bspline_basis(column, grid) @ turn
        curves = curves - curves.mean(0)
        columns.append(curves)
        bends.append(penalty * curvature.diag() + ridge * curves.T @ curves / len(t))
    return torch.cat(columns, 1), torch.block_diag(*bends), [part.shape[1] for part in columns[1:]]


def _least_squares(design: Tensor, y: Tensor, bend: Tensor) -> Tensor:
    return _solve(design.T @ design + bend, design.T @ y)


def _logistic(design: Tensor, y: Tensor, bend: Tensor, steps: int = 100) -> Tensor:
    """Penalised iteratively reweighted least squares: Newton's method, halving a step that does not improve."""

    def loss(c: Tensor) -> Tensor:
        z = design @ c
        return (torch.nn.functional.softplus(z) - y * z).sum() + c @ bend @ c / 2

    solution = torch.zeros(design.shape[1]).to(design)
    for _ in range(steps):
        p = (design @ solution).sigmoid()
        slope = design.T @ (y - p) - bend @ solution
        move = _solve(design.T @ (design * (p * (1 - p))[:, None]) + bend, slope)
        while loss(solution + move) > loss(solution) + 1e-9 * (1 + loss(solution).abs()):
            move = move / 2
        solution = solution + move
        if (design @ move).abs().max() < 1e-9:
            return solution
    raise RuntimeError(f"the classes did not settle in {steps} steps: raise ridge or penalty")


def _solve(normal: Tensor, right: Tensor) -> Tensor:
    """Cholesky, or the solution of least norm if the matrix is singular to rounding (ridge = 0 and collinear features)."""
    scale = torch.where(normal.diag() > 0, normal.diag(), 1.0).rsqrt()
    scaled, right = scale[:, None] * normal * scale, scale * right
    factor, failed = torch.linalg.cholesky_ex(scaled)
    if failed or factor.diag().min() < 1e-6:
        return scale * torch.linalg.lstsq(scaled, right[:, None], driver="gelsd").solution[:, 0]
    return scale * torch.cholesky_solve(right[:, None], factor)[:, 0]


def _standardised(
    x: Tensor, y: Tensor, kind: str, knots: int, penalty: float, ridge: float
) -> tuple[Tensor, Tensor, Tensor]:
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    if x.dim() != 2 or y.shape != (len(x),) or len(x) < 2 or x.shape[1] < 1:
        raise ValueError(f"x must be (b, n) with b >= 2 rows and y (b,), got {tuple(x.shape)} and {tuple(y.shape)}")
    if not (torch.isfinite(x).all() and torch.isfinite(y.double()).all()):
        raise ValueError("x and y must be finite")
    if kind == "classification" and sorted(y.unique().tolist()) != [0, 1]:
        raise ValueError(f"y must hold both classes 0 and 1, got {y.unique().tolist()[:5]}")
    if isinstance(knots, bool) or not isinstance(knots, int) or knots < 2:
        raise ValueError(f"knots must be an integer of at least 2, got {knots!r}")
    for name, value in (("penalty", penalty), ("ridge", ridge)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be non-negative and finite, got {value!r}")
    x = x.detach().double()
    if (x == x[:1]).all(0).any():
        raise ValueError("x must vary in every column, got a constant one")
    centre, scale = x.mean(0), x.std(0, correction=0)
    return (x - centre) / scale, centre, scale
