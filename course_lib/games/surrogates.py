"""Fourth row of the map: the best linear model of the value, as a function of the gates.

Chapters: attribution/overview, attribution/shapley (and attribution/surrogates). LIME, KernelSHAP, datamodels and COAR
are one weighted least-squares problem

    min over (b, w) of sum_k pi_k (v(z_k) - b - z_k . w)^2 + ridge |w|^2

with different gates z and weights pi. On all corners with equal weights, w is the Banzhaf value (Hammer & Holzman, 1992);
with the Shapley kernel and a line through v(0) and v(1), it is the Shapley value (Charnes et al., 1988). A line is a poor
picture of a game with strong interactions: look at `r_squared` before you believe its coefficients.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.games.core import EXACT_LIMIT, Game, corners
from course_lib.games.scores import Attribution
from course_lib.games.shapley import _budget, _drawn, shapley_kernel


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
    for, these are used instead and the fit has no sampling error. `weights`: `(m,)` or a function of gates, default 1.
    `ridge` is added to the normal equations of the slopes (never of the intercept). `constrain=True` forces the line
    through v(0) and v(1) exactly: intercept v(0), slopes that sum to v(1) - v(0) (two more rows).
    Standard errors are the sandwich (HC0) estimate, which treats the rows as an independent sample.
    Raises ValueError for both or neither of gates and budget, negative or all-zero weights, or an underdetermined fit.

    >>> line = linear_surrogate(Game(lambda g: g[:, 0] * g[:, 1], players=2), budget=4)
    >>> [round(w, 3) for w in line.scores.tolist()], round(line.intercept.item(), 3)
    ([0.5, 0.5], -0.25)
    """
    if (gates is None) == (budget is None):
        raise ValueError("exactly one of gates and budget must be given")
    if ridge < 0:
        raise ValueError(f"ridge must not be negative, got {ridge}")
    complete = gates is None and probability == 0.5 and game.n <= EXACT_LIMIT and 2**game.n <= _budget(budget)
    if gates is None:
        gates = _masks(game, _budget(budget) - 2 * constrain, generator, probability, complete)
    gates = torch.as_tensor(gates).to(game.device, game.dtype)
    values = game.evaluate(gates, batch_size)
    weights = _row_weights(weights, gates)
    evaluations = len(gates) + 2 * constrain
    if constrain:
        empty, full = game.ends()
        return _through_ends(game, gates, values, weights, ridge, empty, full, evaluations, complete)
    design = torch.cat([gates, gates.new_ones(len(gates), 1)], 1)
    solution, errors = _solve(design, values, weights, ridge, penalised=game.n)
    fitted = torch.tensordot(design, solution, 1)
    slopes, error = solution[:-1], torch.zeros_like(errors) if complete else errors
    kind = "exact" if complete else "sandwich"
    fit = _r_squared(values, fitted, weights)
    return Surrogate(slopes, error[:-1], evaluations, game.players, kind, solution[-1], fit)


def kernel_shapley(
    game: Game, budget: int, generator: torch.Generator | None, batch_size: int | None, progress: bool
) -> Surrogate:
    """Shapley values as the line through v(0) and v(1) that fits best under the Shapley kernel; see `shapley`."""
    n = game.n
    if n == 1:
        empty, full = game.ends()
        return Surrogate((full - empty)[None], torch.zeros_like(full)[None], 2, game.players, "exact", empty, full * 0 + 1)
    complete = n <= EXACT_LIMIT and 2**n <= budget
    if complete:
        gates = corners(n, game.dtype, game.device)[1:-1]
        weights = shapley_kernel(n).to(gates)[gates.sum(1).long()]
    else:
        if budget < 2 * n + 2:
            raise ValueError(f"budget must be at least 2 n + 2 = {2 * n + 2} rows for method='kernel', got {budget}")
        gates = _paired_coalitions(n, (budget - 2) // 2, _drawn(generator)).to(game.device, game.dtype)
        weights = gates.new_ones(len(gates))  # sizes are drawn with the kernel's weight
    empty, full = game.ends()
    values = game.evaluate(gates, batch_size, progress)
    return _through_ends(game, gates, values, weights, 0.0, empty, full, len(gates) + 2, complete, pairs=not complete)


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
    ridge: float,
    empty: Tensor,
    full: Tensor,
    evaluations: int,
    complete: bool,
    pairs: bool = False,
) -> Surrogate:
    """Fit with intercept v(0) and slopes that sum to v(1) - v(0): the last slope is replaced by what the others leave."""
    total = full - empty
    last = gates[:, -1].reshape(-1, *[1] * total.dim())
    target = values - empty - last * total
    slopes, errors, influence = _solve_with_influence(gates[:, :-1] - gates[:, -1:], target, weights, ridge, pairs)
    slopes = torch.cat([slopes, (total - slopes.sum(0))[None]])
    last_error = influence.sum(1).square().sum(0).sqrt()  # the last slope's error is that of the sum of the others
    errors = torch.cat([errors, last_error[None]])
    fitted = empty + torch.tensordot(gates, slopes, 1)
    kind = "exact" if complete else "sandwich over complementary pairs" if pairs else "sandwich"
    errors = torch.zeros_like(errors) if complete else errors
    fit = _r_squared(values, fitted, weights)
    return Surrogate(slopes, errors, evaluations, game.players, kind, empty, fit)


def _solve(design: Tensor, values: Tensor, weights: Tensor, ridge: float, penalised: int) -> tuple[Tensor, Tensor]:
    solution, errors, _ = _solve_with_influence(design, values, weights, ridge, False, penalised)
    return solution, errors


def _solve_with_influence(
    design: Tensor, values: Tensor, weights: Tensor, ridge: float, pairs: bool, penalised: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Weighted ridge solution `(p, *out)`, its sandwich errors, and each row's (or pair's) influence `(m, p, *out)`."""
    p = design.shape[1]
    penalty = design.new_zeros(p)
    penalty[: p if penalised is None else penalised] = ridge
    root = weights.sqrt()[:, None]
    if torch.linalg.matrix_rank(root * design) < p and ridge == 0:
        raise ValueError(f"gates must determine all {p} coefficients: use more rows (got {len(design)}) or ridge > 0")
    flat = values.reshape(len(values), -1)
    bread = torch.linalg.pinv(design.T @ (weights[:, None] * design) + penalty.diag(), hermitian=True)
    rows = torch.cat([root * design, penalty.sqrt().diag()])  # ridge as extra rows: no squared condition number
    right = torch.cat([root * flat, flat.new_zeros(p, flat.shape[1])])
    solution = torch.linalg.lstsq(rows, right).solution
    residuals = weights[:, None] * (flat - design @ solution)
    influence = (design @ bread)[:, :, None] * residuals[:, None, :]
    if pairs:
        influence = influence.reshape(-1, 2, *influence.shape[1:]).sum(1)
    errors = influence.square().sum(0).sqrt()
    shape = (p, *values.shape[1:])
    return solution.reshape(shape), errors.reshape(shape), influence.reshape(len(influence), *shape)


def _masks(game: Game, rows: int, generator, probability: float, complete: bool) -> Tensor:
    if complete:
        return corners(game.n, game.dtype, game.device)
    if not 0 < probability < 1:
        raise ValueError(f"probability must lie strictly between 0 and 1, got {probability}")
    if rows < 1:
        raise ValueError(f"budget must leave at least one row beside the two ends, got {rows + 2}")
    return (torch.rand(rows, game.n, generator=_drawn(generator)) < probability).double()


def _row_weights(weights: Tensor | Callable | None, gates: Tensor) -> Tensor:
    if weights is None:
        return gates.new_ones(len(gates))
    weights = torch.as_tensor(weights(gates) if callable(weights) else weights).to(gates)
    if weights.shape != (len(gates),):
        raise ValueError(f"weights must have shape ({len(gates)},), got {tuple(weights.shape)}")
    if not torch.isfinite(weights).all() or (weights < 0).any() or not (weights > 0).any():
        raise ValueError("weights must be finite, not negative and not all zero")
    return weights


def _r_squared(values: Tensor, fitted: Tensor, weights: Tensor) -> Tensor:
    """1 - (weighted squared residuals) / (weighted squared deviations from the mean); 1 for a constant fitted exactly."""
    weight = weights / weights.sum()
    mean = torch.tensordot(weight, values, 1)
    spread = torch.tensordot(weight, (values - mean).square(), 1)
    rest = torch.tensordot(weight, (values - fitted).square(), 1)
    tiny = torch.finfo(values.dtype).eps * (1 + mean.square())
    return torch.where(spread > tiny, 1 - rest / spread.clamp(min=tiny), (rest <= tiny).to(values.dtype))
