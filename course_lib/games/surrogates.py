"""Fourth row of the map: the best linear model of the value, as a function of the gates.

Chapters: attribution/overview, attribution/shapley, attribution/surrogates. LIME, KernelSHAP, datamodels and COAR
are one weighted least-squares problem

    min over (b, w) of sum_k pi_k (v(z_k) - b - z_k . w)^2 + ridge |w|^2

with different gates z and weights pi. On all corners with equal weights, w is the Banzhaf value (Hammer & Holzman, 1992);
with the Shapley kernel and a line through v(0) and v(1), it is the Shapley value (Charnes et al., 1988). A line is a poor
picture of a game with strong interactions: look at `r_squared` before you believe its coefficients.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.games.core import EXACT_LIMIT, Game, corners
from course_lib.games.scores import Attribution
from course_lib.games.shapley import _budget, _drawn, shapley_kernel


class Underdetermined(ValueError):
    """The gates leave some coefficients of a regression free."""


@dataclass(frozen=True)
class Surrogate(Attribution):
    """The fitted line: `scores` are its slopes, `intercept` `(*out)`, `r_squared` `(*out)` its weighted fit (at most 1)."""

    intercept: Tensor | None = None
    r_squared: Tensor | None = None


def linear_surrogate(
    game: Game,
    *,
    gates: Tensor | None = None,
    budget: int | None = None,
    weights: Tensor | Callable[[Tensor], Tensor] | None = None,
    ridge: float = 0.0,
    constrain: bool = False,
    generator: torch.Generator | None = None,
    probability: float = 0.5,
    batch_size: int | None = None,
) -> Surrogate:
    """Weighted least squares of the value on the gates, with an intercept.

    Give the `gates` `(m, n)`, or a `budget`: that many rows in which each player is present independently with
    `probability`, drawn from `generator`; if the budget covers all 2**n coalitions and no probability but 1/2 is asked
    for, these are used instead. With all coalitions, drawn or given, the fit has no sampling error. `weights`: `(m,)` or
    a function of gates, default 1. `ridge` is added to the normal equations of the slopes (never of the intercept).
    `constrain=True` forces the line through v(0) and v(1) exactly: intercept v(0), slopes that sum to v(1) - v(0). Both
    ends count among the rows of the budget.
    Standard errors are the sandwich (HC3) estimate, which treats the rows as an independent sample; nan (unknown) where
    some row is fitted whatever its value, as all are without spare rows.
    Raises ValueError for both or neither of gates and budget, negative or all-zero weights, or an underdetermined fit.

    >>> line = linear_surrogate(Game(lambda g: g[:, 0] * g[:, 1], players=2), budget=4)
    >>> [round(w, 3) for w in line.scores.tolist()], round(line.intercept.item(), 3)
    ([0.5, 0.5], -0.25)
    """
    if (gates is None) == (budget is None):
        given = "neither" if gates is None else "both"
        raise ValueError(f"exactly one of gates and budget must be given, got {given}")
    if not isinstance(ridge, int | float) or not 0 <= ridge < math.inf:
        raise ValueError(f"ridge must be finite and not negative, got {ridge}")
    complete = gates is None and probability == 0.5 and _covers(_budget(budget), game.n)
    if gates is None:
        gates = _masks(game, _budget(budget), generator, probability, complete, constrain)
    values = game.evaluate(gates, batch_size)
    gates = gates.to(values)
    weights = _row_weights(weights, gates)
    kind = "exact" if complete or _lists_all(gates) else "sandwich"
    if constrain:
        ends = (values[0], values[-1]) if complete else game.ends()
        evaluations = len(gates) + (0 if complete else 2)
        return _through_ends(game, gates, values, weights, ends, evaluations, ridge, kind)
    return fit_line(gates, values, game.players, weights=weights, ridge=ridge, kind=kind)


def fit_line(
    inputs: Tensor,
    values: Tensor,
    players: Sequence[str],
    *,
    weights: Tensor | None = None,
    ridge: float = 0.0,
    kind: str = "sandwich",
) -> Surrogate:
    """Weighted least squares of `values` `(m, *out)` on `inputs` `(m, n)` with an intercept that no ridge touches.

    The regression behind `linear_surrogate`, for rows that need not be gates. `kind` "exact" says that the rows are the
    whole population, so that the standard errors are 0. Raises ValueError for an underdetermined fit.

    >>> line = fit_line(torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([1.0, 3.0, 5.0]), ["slope"])
    >>> round(line.scores.item(), 3), round(line.intercept.item(), 3)
    (2.0, 1.0)
    """
    weights = inputs.new_ones(len(inputs)) if weights is None else weights
    design = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], 1)
    penalty = torch.tensor([ridge] * inputs.shape[1] + [0.0]).to(inputs)
    line = _least_squares(design, values, weights, penalty)
    errors = torch.zeros_like(line.solution) if kind == "exact" else _sandwich(line.moves, line.residuals, line.leverage)
    slopes, intercept = line.solution[:-1], line.solution[-1]
    fit = _r_squared(values, torch.tensordot(inputs, slopes, 1) + intercept, weights)
    return Surrogate(slopes, errors[:-1], len(inputs), players, kind, intercept, fit)


def kernel_shapley(
    game: Game, budget: int, generator: torch.Generator | None, batch_size: int | None, progress: bool
) -> Surrogate:
    """Shapley values as the line through v(0) and v(1) that fits best under the Shapley kernel; see `shapley`."""
    n, least = game.n, min(4 * game.n, 2**game.n)
    if budget < least:
        raise ValueError(f"budget must be at least {least} rows for method='kernel' with {n} players, got {budget}")
    ends = game.ends()
    if n == 1:
        empty, full = ends
        return Surrogate((full - empty)[None], torch.zeros_like(full)[None], 2, game.players, "exact", empty, full * 0 + 1)
    if complete := _covers(budget, n):
        gates = corners(n, game.dtype, game.device)[1:-1]
        weights = shapley_kernel(n).to(gates)[gates.sum(1).long()]
    else:
        gates = _paired_coalitions(n, (budget - 2) // 2, _drawn(generator)).to(game.device, game.dtype)
        weights = gates.new_ones(len(gates))  # sizes are drawn with the kernel's weight
    values = game.evaluate(gates, batch_size, progress)
    kind = "exact" if complete else "sandwich over complementary pairs"
    try:
        return _through_ends(game, gates, values, weights, ends, len(gates) + 2, 0.0, kind)
    except Underdetermined as error:
        raise ValueError(f"budget must be larger, got {budget}: these draws do not separate the {n} players") from error


def _paired_coalitions(n: int, pairs: int, generator: torch.Generator) -> Tensor:
    """Coalitions `(2 pairs, n)`, each followed by its complement; size s has probability proportional to 1 / (s (n - s))."""
    sizes = torch.arange(1, n, dtype=torch.float64)
    drawn = torch.multinomial(1 / (sizes * (n - sizes)), pairs, replacement=True, generator=generator) + 1
    ranks = torch.rand(pairs, n, generator=generator).argsort(1).argsort(1)
    members = (ranks < drawn[:, None]).double()
    return torch.stack([members, 1 - members], 1).flatten(0, 1)


def _through_ends(
    game: Game,
    gates: Tensor,
    values: Tensor,
    weights: Tensor,
    ends: tuple[Tensor, Tensor],
    evaluations: int,
    ridge: float,
    kind: str,
) -> Surrogate:
    """Fit with intercept v(0) and slopes that sum to v(1) - v(0): equal shares plus contrasts that sum to zero."""
    empty, full = ends
    share = (full - empty) / game.n
    basis = _contrasts(game.n).to(gates)
    rest = values - empty - torch.tensordot(gates.sum(1, keepdim=True), share[None], 1)
    penalty = gates.new_full((game.n - 1,), ridge)
    line = _least_squares(gates @ basis, rest, weights, penalty)
    slopes = share + torch.tensordot(basis, line.solution, 1)
    errors = torch.zeros_like(slopes)
    if kind != "exact":
        moves, residuals, leverage = line.moves @ basis.T, line.residuals, line.leverage  # moves of the slopes
        if "pairs" in kind:  # a coalition and its complement pull in opposite directions
            moves, residuals, leverage = moves[::2], residuals[::2] - residuals[1::2], leverage[::2] + leverage[1::2]
        errors = _sandwich(moves, residuals, leverage)
    fit = _r_squared(values, empty + torch.tensordot(gates, slopes, 1), weights)
    return Surrogate(slopes, errors, evaluations, game.players, kind, empty, fit)


def _contrasts(n: int) -> Tensor:
    """Orthonormal columns `(n, n - 1)` that each sum to zero: every vector of mean zero is a combination of them."""
    return torch.linalg.qr(torch.eye(n, dtype=torch.float64)[:, :-1] - 1 / n).Q


class _Line(NamedTuple):
    solution: Tensor  # (p, *out)
    moves: Tensor  # (m, p): by how much a unit of each row's residual moves the solution
    residuals: Tensor  # (m, *out), times the root of the row's weight
    leverage: Tensor  # (m,) in [0, 1]: by how much a unit of a row's value moves the fit at that row


def _least_squares(design: Tensor, values: Tensor, weights: Tensor, penalty: Tensor) -> _Line:
    """Weighted ridge regression. With Q R the decomposition of the weighted rows, and of the ridge as further rows, the
    solution is R^-1 Q^T y, row k moves it by R^-1 Q_k, and the leverage of the row is |Q_k|^2."""
    (m, p), root = design.shape, weights.sqrt()[:, None]
    q, r = torch.linalg.qr(torch.cat([root * design, penalty.sqrt().diag()]))
    if len(q) < p or torch.linalg.matrix_rank(r) < p:
        raise Underdetermined(f"gates must determine {p} coefficients, got {m} rows that do not: add rows or take ridge > 0")
    q, flat = q[:m], root * values.reshape(m, -1)
    solution = torch.linalg.solve_triangular(r, q.T @ flat, upper=True)
    residuals = (flat - root * design @ solution).reshape(values.shape)
    moves = torch.linalg.solve_triangular(r, q.T, upper=True).T
    return _Line(solution.reshape(p, *values.shape[1:]), moves, residuals, q.square().sum(1))


def _sandwich(moves: Tensor, residuals: Tensor, leverage: Tensor) -> Tensor:
    """Standard errors `(p, *out)`: squares of what the solution moves when each row is left out, whose residual is then
    larger by 1 / (1 - leverage) (HC3; MacKinnon & White, 1985). Unknown (nan) if the fit follows some row wherever it goes."""
    spare = 1 - leverage
    spare = torch.where(spare > torch.finfo(spare.dtype).eps ** 0.5, spare, torch.nan)
    left_out = residuals / spare.reshape(-1, *[1] * (residuals.dim() - 1))
    return torch.tensordot(moves.square().T, left_out.square(), 1).sqrt()


def _covers(budget: int, n: int) -> bool:
    """Whether a budget is enough for all coalitions."""
    return n <= EXACT_LIMIT and 2**n <= budget


def _lists_all(gates: Tensor) -> bool:
    """Whether the rows are all coalitions, each once, in any order."""
    (m, n), hard = gates.shape, ((gates == 0) | (gates == 1)).all()
    if n > EXACT_LIMIT or m != 2**n or not hard:
        return False
    rows = (gates.long() << torch.arange(n, device=gates.device)).sum(1)
    return torch.equal(rows.sort().values, torch.arange(m, device=gates.device))


def _masks(
    game: Game, budget: int, generator: torch.Generator | None, probability: float, complete: bool, constrain: bool
) -> Tensor:
    if complete:
        return corners(game.n, game.dtype, game.device)
    if not isinstance(probability, int | float) or not 0 < probability < 1:
        raise ValueError(f"probability must lie strictly between 0 and 1, got {probability!r}")
    rows = budget - 2 if constrain else budget
    if rows < 1:
        raise ValueError(f"budget must be at least 3 rows for constrain=True: the two ends and one more, got {budget}")
    return (torch.rand(rows, game.n, generator=_drawn(generator)) < probability).to(game.device, game.dtype)


def _row_weights(weights: Tensor | Callable | None, gates: Tensor) -> Tensor:
    if weights is None:
        return gates.new_ones(len(gates))
    weights = torch.as_tensor(weights(gates) if callable(weights) else weights).to(gates)
    if weights.shape != (len(gates),):
        raise ValueError(f"weights must have shape ({len(gates)},), got {tuple(weights.shape)}")
    if not torch.isfinite(weights).all() or (weights < 0).any() or not (weights > 0).any():
        worst = f"values from {weights.min().item()} to {weights.max().item()}"
        raise ValueError(f"weights must be finite, not negative and not all zero, got {worst}")
    return weights


def _r_squared(values: Tensor, fitted: Tensor, weights: Tensor) -> Tensor:
    """1 - (weighted squared residuals) / (weighted squared deviations from the mean); 1 for a constant fitted exactly."""
    weight = weights / weights.sum()
    mean = torch.tensordot(weight, values, 1)
    spread = torch.tensordot(weight, (values - mean).square(), 1)
    rest = torch.tensordot(weight, (values - fitted).square(), 1)
    tiny = torch.finfo(values.dtype).eps * (1 + mean.square())
    return torch.where(spread > tiny, 1 - rest / spread.clamp(min=tiny), (rest <= tiny).to(values.dtype))
