"""Second row of the map: averages of marginal contributions v(S + i) - v(S) over coalitions.

Chapters: attribution/shapley, attribution/overview, equivariance/bridge. The Shapley value averages over all orders in
which the players may arrive, the Banzhaf value over all coalitions alike. Exact values need all 2**n coalitions, so they
end near 20 players; then orders or coalitions are sampled, and the error falls as 1 / sqrt(budget). Both are properties
of the game: another way of removing players is another game with other values.
"""

import math

import torch
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.games.core import BATCH, EXACT_LIMIT, Game, tabulate
from course_lib.games.scores import Attribution, exact

METHODS = ("exact", "permutation", "kernel")


def shapley(
    game: Game,
    method: str = "exact",
    *,
    budget: int | None = None,
    generator: torch.Generator | None = None,
    antithetic: bool = True,
    batch_size: int | None = None,
    progress: bool = False,
) -> Attribution:
    """phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! [v(S + i) - v(S)] (Shapley, 1953).

    `method`:
    * "exact": all 2**n coalitions, each evaluated once; instant up to n = 16, seconds at n = 20, at most n = 24.
    * "permutation": random orders (Castro, Gomez & Tejada, 2009), with `antithetic` each followed by its reverse
      (Mitchell et al., 2022). Scores add up to v(1) - v(0) exactly; standard errors over orders or pairs, themselves
      rough below some twenty of them.
    * "kernel": weighted least squares on random coalitions and their complements under the constraint that the scores
      add up to v(1) - v(0) (Lundberg & Lee, 2017; Covert & Lee, 2021); exact once the budget covers all coalitions.

    `budget` is the largest number of rows of `value` that may be evaluated, `generator` draws orders or coalitions on
    the CPU; "exact" needs neither. Raises ValueError for an unknown method, too many players for "exact", a missing
    generator, or a budget too small for two orders (or pairs), below 4 n for "kernel", or below 2**n for "exact".

    >>> shapley(Game(lambda g: g[:, 0] * g[:, 1], players=2)).scores.tolist()
    [0.5, 0.5]
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    if method == "exact":
        return _exact(game, shapley_weights(game.n), budget, batch_size, progress)
    if method == "permutation":
        return _permutation(game, _budget(budget), _drawn(generator), antithetic, batch_size, progress)
    from course_lib.games.surrogates import kernel_shapley  # it needs the weights below

    return kernel_shapley(game, _budget(budget), generator, batch_size, progress)


def banzhaf(
    game: Game,
    method: str = "exact",
    *,
    budget: int | None = None,
    generator: torch.Generator | None = None,
    batch_size: int | None = None,
    progress: bool = False,
) -> Attribution:
    """phi_i = 2^-(n-1) sum over S without i of [v(S + i) - v(S)] (Banzhaf, 1965; Penrose, 1946).

    Equals the gradient of the multilinear extension at 1/2 and the least-squares line through all corners. It has the
    null-player, symmetry and linearity properties, but the scores need not add up to v(1) - v(0).
    `method`: "exact", or "sampled": for player i the mean value of random coalitions with it minus that of the same
    coalitions without it, n + 1 rows a coalition. Raises ValueError as `shapley` does.

    >>> banzhaf(Game(lambda g: g[:, 0] * g[:, 1] * g[:, 2], players=3)).scores.tolist()
    [0.25, 0.25, 0.25]
    """
    if method == "exact":
        weights = torch.full((game.n,), 0.5 ** (game.n - 1), dtype=torch.float64)
        return _exact(game, weights, budget, batch_size, progress)
    if method != "sampled":
        raise ValueError(f"method must be one of ('exact', 'sampled'), got {method!r}")
    draws = _budget(budget) // (game.n + 1)
    if draws < 2:
        raise ValueError(f"budget must be at least 2 (n + 1) = {2 * (game.n + 1)} rows for sampled values, got {budget}")
    base = torch.randint(0, 2, (draws, 1, game.n), generator=_drawn(generator)).to(game.device, game.dtype)
    eye = torch.eye(game.n, dtype=game.dtype, device=game.device)
    flipped = (base - eye).abs()  # row i of a draw changes player i alone
    values = game.evaluate(torch.cat([base, flipped], 1).flatten(0, 1), batch_size, progress)
    values = values.reshape(draws, game.n + 1, *values.shape[1:])
    sign = _trailing(2 * base[:, 0] - 1, values)
    samples = sign * (values[:, :1] - values[:, 1:])
    return _mean(samples, draws * (game.n + 1), game.players, "coalitions")


def shapley_weights(n: int) -> Tensor:
    """Weight s! (n - s - 1)! / n! of a marginal contribution to a coalition of size s = 0..n-1: `(n,)`.

    >>> shapley_weights(3).tolist()
    [0.3333333333333333, 0.16666666666666666, 0.3333333333333333]
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    return torch.tensor([1 / (n * math.comb(n - 1, s)) for s in range(n)], dtype=torch.float64)


def shapley_kernel(n: int) -> Tensor:
    """Regression weight (n - 1) / (C(n, s) s (n - s)) of one coalition of size s = 0..n; infinite at both ends: `(n + 1,)`.

    The ends are constraints, not rows: the fitted line must pass through v(0) and v(1) (Charnes et al., 1988; Lundberg &
    Lee, 2017, theorem 2).

    >>> shapley_kernel(3).tolist()
    [inf, 0.3333333333333333, 0.3333333333333333, inf]
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    inner = [(n - 1) / (math.comb(n, s) * s * (n - s)) for s in range(1, n)]
    return torch.tensor([math.inf, *inner, math.inf], dtype=torch.float64)


def _exact(game: Game, weights: Tensor, budget: int | None, batch_size: int | None, progress: bool) -> Attribution:
    if game.n > EXACT_LIMIT:
        raise ValueError(
            f"game must have at most {EXACT_LIMIT} players for method='exact', got {game.n}: "
            "use method='permutation' or 'kernel' (or 'sampled' for Banzhaf) with a budget"
        )
    if budget is not None and _budget(budget) < 2**game.n:
        raise ValueError(f"budget must be at least 2**n = {2**game.n} rows for method='exact', got {budget}: sample instead")
    values = tabulate(game, batch_size, progress)
    return exact(_combine(values, weights.to(values.device, values.dtype)), len(values), game.players)


def _combine(values: Tensor, weights: Tensor) -> Tensor:
    """Scores `(n, *out)` from all values `(2**n, *out)` and the weight of a contribution to s = 0..n-1 players `(n,)`."""
    n, scores = len(weights), []
    sizes = torch.zeros(1, dtype=torch.uint8, device=values.device)
    for _ in range(n - 1):
        sizes = torch.cat([sizes, sizes + 1])
    weight, outputs = weights[sizes.int()], values[0].numel()  # of every coalition of the n - 1 others
    for player in range(n):
        without, joined = values.reshape(-1, 2, 2**player, outputs).unbind(1)
        scores.append(weight @ (joined - without).flatten(0, 1))
    return torch.stack(scores).reshape(n, *values.shape[1:])


def _permutation(
    game: Game, budget: int, generator: torch.Generator, antithetic: bool, batch_size: int | None, progress: bool
) -> Attribution:
    kind, width = ("antithetic pairs", 2) if antithetic else ("permutations", 1)
    unit = width * (game.n - 1)  # rows of an order beyond the two ends, which all orders share
    if budget < 2 + 2 * unit:
        raise ValueError(f"budget must be at least {2 + 2 * unit} rows for the two ends and two {kind}, got {budget}")
    empty, full = game.ends()
    if game.n == 1:
        return exact((full - empty)[None], 2, game.players)
    blocks = (budget - 2) // unit
    orders = torch.rand(blocks, game.n, generator=generator).argsort(1)
    if antithetic:
        orders = torch.stack([orders, orders.flip(1)], 1).flatten(0, 1)
    parts = orders.to(game.device).split(_chunk(game.n, batch_size))
    parts = tqdm(parts, disable=not progress, desc="orders")
    samples = torch.cat([_arrivals(game, part, empty, full, batch_size) for part in parts])
    samples = samples.reshape(blocks, width, *samples.shape[1:]).mean(1)
    return _mean(samples, 2 + blocks * unit, game.players, kind)


def _chunk(n: int, batch_size: int | None) -> int:
    """Orders handled at once, so that the gates in memory stay near `batch_size` rows."""
    return max(1, (batch_size or BATCH) // n)


def _arrivals(game: Game, orders: Tensor, empty: Tensor, full: Tensor, batch_size: int | None) -> Tensor:
    """Marginal contributions `(m, n, *out)` in each order `(m, n)`: values along the way up, then their differences."""
    m, n = orders.shape
    rank = orders.argsort(1)  # rank of each player
    steps = torch.arange(1, n, device=orders.device)[:, None]
    gates = (rank[:, None, :] < steps).to(game.dtype)  # after step k the first k players are in
    inner = game.evaluate(gates.flatten(0, 1), batch_size)
    inner = inner.reshape(m, n - 1, *inner.shape[1:])
    path = torch.cat([empty.expand(m, 1, *empty.shape), inner, full.expand(m, 1, *full.shape)], 1)
    gains = path.diff(dim=1)
    index = _trailing(rank, gains).expand_as(gains)
    return gains.gather(1, index)


def _trailing(tensor: Tensor, like: Tensor) -> Tensor:
    """Add axes at the end until `tensor` broadcasts against `like`."""
    return tensor.reshape(*tensor.shape, *[1] * (like.dim() - tensor.dim()))


def _mean(samples: Tensor, evaluations: int, players: tuple[str, ...], kind: str) -> Attribution:
    """Mean of independent `samples` `(m, n, *out)` with its standard error s / sqrt(m)."""
    return Attribution(samples.mean(0), samples.std(0) / len(samples) ** 0.5, evaluations, players, kind)


def _budget(budget: int | None) -> int:
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        raise ValueError(f"budget must be the largest number of value rows, a positive integer, got {budget!r}")
    return budget


def _drawn(generator: torch.Generator | None) -> torch.Generator:
    if not isinstance(generator, torch.Generator) or generator.device.type != "cpu":
        raise ValueError(f"generator must be a torch.Generator on the CPU, e.g. seeded by manual_seed(0), got {generator!r}")
    return generator
