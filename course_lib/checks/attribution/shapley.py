"""Checks of the exercises in `exercises/attribution/shapley.ipynb`."""

import itertools
import math

import torch

from course_lib.checks import Exercise, Wrong, as_tensor, close
from course_lib.checks.instances import Instances

exact_shapley = Exercise(
    "attribution/shapley/exact_shapley",
    hints={
        "banzhaf": "every coalition has the same weight, so the scores do not add up to v(N) - v(empty): "
        "each *size* of coalition should weigh the same",
        "size_weight": "each size of coalition should weigh the same in total: "
        "divide by the number of coalitions of that size that the player can join",
        "leave_one_out": "you only look at the player leaving the full coalition: "
        "average over all the coalitions that the player can join",
        "sign": "the sign is reversed: a player who raises the value must get a positive score",
        "bit_order": "the scores are right but go to the wrong players: "
        "player i is in coalition k when bit i of k, counted from the right, is set",
        "empty": "the empty coalition has a value too: joining it contributes v({i}) - v(empty)",
        "efficiency": "the scores do not add up to v(N) - v(empty): check the weights, and that no coalition is missed",
        "value": "the scores add up to v(N) - v(empty), but they are not the Shapley values: "
        "check which coalitions each player joins, by hand for two players",
    },
)


def unanimity_basis(dividends: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A game given by its dividends, and its Shapley values: each coalition shares its dividend equally.

    v(S) is the sum of the dividends of the coalitions inside S (Harsanyi 1963): `(2**n,) -> (2**n,), (n,)`.
    """
    n = len(dividends).bit_length() - 1
    coalitions = torch.arange(2**n)
    inside = (coalitions[:, None] & coalitions) == coalitions
    members = (coalitions[:, None] >> torch.arange(n)) & 1
    shares = dividends / members.sum(1).clamp(min=1)
    return inside.double() @ dividends, members.double().T @ shares


def marginal_contributions(values: torch.Tensor) -> torch.Tensor:
    """v(S + i) - v(S) for each player i and each S without i, the largest S last: `(2**n,) -> (n, 2**(n-1))`."""
    n = len(values).bit_length() - 1
    coalitions = torch.arange(2**n)
    without = torch.stack([coalitions[(coalitions >> player) & 1 == 0] for player in range(n)])
    return values[without + 2 ** torch.arange(n)[:, None]] - values[without]


def likely_mistake(values: torch.Tensor, truth: torch.Tensor, scores: torch.Tensor) -> str:
    """The hint that names the mistake whose scores these are."""
    contributions, n = marginal_contributions(values), len(truth)
    guesses = {
        "sign": -truth,
        "bit_order": truth.flip(0),
        "banzhaf": contributions.mean(1),
        "leave_one_out": contributions[:, -1],
        "size_weight": contributions.sum(1) / n,
        "empty": truth + values[0] / n,
    }
    for hint, guess in guesses.items():
        if close(scores, guess):
            return hint
    return "value" if close(scores.sum(), values[-1] - values[0]) else "efficiency"


@exact_shapley.property(points=2)
def matches_the_dividends(answer, random: Instances) -> None:
    """On games with v(empty) = 0 the scores are those of the shared dividends."""
    for n in (3, random.integer(2, 5)):
        dividends = random.away_from_zero(2**n)
        dividends[0] = 0.0
        values, truth = unanimity_basis(dividends)
        scores = as_tensor(answer(values), (n,))
        if not close(scores, truth):
            raise Wrong(likely_mistake(values, truth, scores), seen=f"{n} players")


@exact_shapley.property(points=1)
def counts_the_empty_coalition(answer, random: Instances) -> None:
    """The same when v(empty) is not 0, down to a single player."""
    for n in (1, random.integer(2, 4)):
        values, truth = unanimity_basis(random.away_from_zero(2**n))
        scores = as_tensor(answer(values), (n,))
        if not close(scores, truth):
            raise Wrong(likely_mistake(values, truth, scores), seen=f"{n} player" + "s" * (n > 1))


permutation_shapley = Exercise(
    "attribution/shapley/permutation_shapley",
    hints={
        "keys": 'return a dict with the two keys "scores" and "standard_errors"',
        "biased": "the average over many seeds is not the Shapley value: is every order equally likely, "
        "and does each player join exactly the players before it?",
        "fixed": "another seed gives the same scores: draw the orders from torch.Generator().manual_seed(seed)",
        "global": "the same seed gives other scores the second time: draw from a generator seeded by `seed` alone",
        "efficiency": "right on average, but within one run the scores do not add up to v(N) - v(empty): "
        "let all players share the same orders",
        "spread": "that is the spread of single contributions: the standard error of a mean of m orders "
        "is smaller by a factor sqrt(m)",
        "errors": "your standard errors do not match the scatter of your scores from seed to seed",
    },
)


def _estimate(answer, values: torch.Tensor, orders: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    result, n = answer(values, orders, seed), len(values).bit_length() - 1
    if result is None:
        raise Wrong("none")
    if not isinstance(result, dict) or set(result) != {"scores", "standard_errors"}:
        raise Wrong("keys")
    return tuple(as_tensor(result[key], (n,), f'the entry "{key}"') for key in ("scores", "standard_errors"))


def _order_contributions(values: torch.Tensor) -> torch.Tensor:
    """What each player adds in every one of the n! orders: `(2**n,) -> (n!, n)`."""
    n = len(values).bit_length() - 1
    orders = torch.tensor(list(itertools.permutations(range(n))))
    joined = (2**orders).cumsum(1)
    steps = values[joined] - values[joined - 2**orders]
    return torch.zeros(steps.shape, dtype=values.dtype).scatter(1, orders, steps)


@permutation_shapley.property(points=2)
def is_right_on_average(answer, random: Instances) -> None:
    """The mean over seeds lies within six standard errors, known from all n! orders, and far from the Banzhaf value."""
    values = random.table(4)
    values[-1] += 8.0  # the full coalition weighs 1/4 in Shapley values and 1/8 in Banzhaf values
    contributions = _order_contributions(values)
    truth, spread = contributions.mean(0), contributions.std(0, correction=0)
    seeds = [random.seed() for _ in range(12)]
    scores = torch.stack([_estimate(answer, values, 10, seed)[0] for seed in seeds])
    mean, banzhaf = scores.mean(0), marginal_contributions(values).mean(1)
    if ((mean - truth).abs() > 6 * spread / (10 * 12) ** 0.5).any():
        raise Wrong("biased")
    if (mean - banzhaf).mean().abs() < (mean - truth).mean().abs():
        raise Wrong("biased")
    if close(scores[0], scores[1], 1e-12):
        raise Wrong("fixed")
    if not close(_estimate(answer, values, 10, seeds[0])[0], scores[0], 1e-12):
        raise Wrong("global")


@permutation_shapley.property(points=1)
def adds_up_in_every_run(answer, random: Instances) -> None:
    for n in (3, 4):
        values = random.table(n)
        scores, _ = _estimate(answer, values, random.integer(2, 5), random.seed())
        if not close(scores.sum(), values[-1] - values[0]):
            raise Wrong("efficiency")


@permutation_shapley.property(points=1)
def reports_honest_errors(answer, random: Instances) -> None:
    """The mean squared standard error over seeds is the variance of a mean of m orders, within a wide band."""
    values, orders = random.table(3), 24
    variance = _order_contributions(values).var(0, correction=0) / orders
    squares = [_estimate(answer, values, orders, random.seed())[1].square() for _ in range(10)]
    ratio = torch.stack(squares).mean(0) / variance
    if (ratio > orders / 3).all():
        raise Wrong("spread")
    if ((ratio < 0.55) | (ratio > 1.8)).any():
        raise Wrong("errors")


kernel_shapley = Exercise(
    "attribution/shapley/kernel_shapley",
    hints={
        "banzhaf": "you weight all coalitions alike: that regression gives Banzhaf values, not Shapley values",
        "size": "you weight a coalition by its size class as a whole: share the class's weight among its C(n, s) members",
        "intercept": "the line must pass through v(empty) exactly: regress value - v(empty), without a free intercept",
        "constraint": "your scores must add up to v(N) - v(empty) exactly: make it a constraint, "
        "not two more rows of the regression",
        "value": "with all coalitions and the right weights the fit gives the Shapley values exactly, and yours does not",
        "subset": "right when every coalition is there, but not on a part of them: weight and fit the rows that are given",
    },
)


def _constrained_fit(masks: torch.Tensor, values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """min sum_k w_k (v_k - v(empty) - z_k . phi)^2 with sum(phi) = v(N) - v(empty), by its Lagrange equations."""
    sizes, n = masks.sum(1), masks.shape[1]
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    z, y, w = masks[inner], values[inner] - empty, weights[inner]
    system = torch.ones(n + 1, n + 1, dtype=masks.dtype)
    system[:n, :n], system[n, n] = z.T @ (w[:, None] * z), 0.0
    right = torch.cat([z.T @ (w * y), (full - empty)[None]])
    return torch.linalg.solve(system, right)[:n]


def _kernel(sizes: torch.Tensor, n: int, shared: bool = True) -> torch.Tensor:
    """(n - 1) / (C(n, s) s (n - s)), or without the binomial; 1 at the two ends, where it is never used."""
    counts = torch.tensor([math.comb(n, int(s)) if shared else 1 for s in sizes], dtype=torch.float64)
    return (n - 1) / (counts * (sizes * (n - sizes)).clamp(min=1))


def _corners(n: int) -> torch.Tensor:
    return ((torch.arange(2**n)[:, None] >> torch.arange(n)) & 1).double()


@kernel_shapley.property(points=3)
def fits_all_coalitions(answer, random: Instances) -> None:
    n = random.integer(4, 5)
    table, rows = random.table(n), torch.tensor(random.order(2**n))
    masks, values = _corners(n)[rows], table[rows]
    scores = as_tensor(answer(masks, values), (n,))
    if close(scores, _order_contributions(table).mean(0)):
        return
    sizes = masks.sum(1)
    weights = _kernel(sizes, n)
    design, free = torch.cat([masks, torch.ones(2**n, 1)], 1), weights.sqrt()[:, None]
    inner = ((sizes > 0) & (sizes < n)).double()[:, None] * free
    through = masks * free
    guesses = {
        "banzhaf": [
            torch.linalg.lstsq(design, values[:, None]).solution[:n, 0],
            _constrained_fit(masks, values, torch.ones(2**n)),
        ],
        "size": [_constrained_fit(masks, values, _kernel(sizes, n, shared=False))],
        "intercept": [_constrained_fit(masks, values.where(sizes > 0, 0.0), weights)],
        "constraint": [
            torch.linalg.lstsq(design * free, values[:, None] * free).solution[:n, 0],
            torch.linalg.lstsq(design * inner, values[:, None] * inner).solution[:n, 0],
            torch.linalg.lstsq(through, (values - values[sizes == 0])[:, None] * free).solution[:, 0],
        ],
    }
    for hint, fits in guesses.items():
        if any(close(scores, fit) for fit in fits):
            raise Wrong(hint)
    raise Wrong("value" if close(scores.sum(), table[-1] - table[0]) else "constraint")


@kernel_shapley.property(points=1)
def fits_a_part_of_them(answer, random: Instances) -> None:
    n = 5
    table, inner = random.table(n), torch.tensor(random.order(2**n - 2)[:16]) + 1
    rows = torch.cat([torch.tensor([2**n - 1]), inner, torch.tensor([0])])
    masks = _corners(n)[rows]
    truth = _constrained_fit(masks, table[rows], _kernel(masks.sum(1), n))
    if not close(as_tensor(answer(masks, table[rows]), (n,)), truth):
        raise Wrong("subset")


extension_gradient = Exercise(
    "attribution/shapley/extension_gradient",
    hints={
        "value": "the derivative for player i is the mean of v(S + i) - v(S) when every other player joins "
        "independently with its own probability",
        "own": "leave player i's own probability out: the slope of a function that is linear in p_i does not depend on it",
        "absent": "an absent player contributes the factor 1 - p_j, and yours contributes p_j or nothing",
        "sign": "the sign is reversed: with the player minus without",
        "corners": "wrong where a probability is exactly 0 or 1: do not divide by p or 1 - p",
    },
)


def _slopes(values: torch.Tensor, point: torch.Tensor) -> torch.Tensor:
    """Slope of the multilinear extension, by two evaluations per player at p_i = 1 and p_i = 0 (it is linear in p_i)."""
    n = len(point)

    def extension(p: torch.Tensor) -> torch.Tensor:
        table = values
        for i in range(n):  # bit 0 varies fastest: fold it away first
            table = (1 - p[i]) * table[0::2] + p[i] * table[1::2]
        return table[0]

    eye = torch.eye(n, dtype=torch.bool)
    return torch.stack([extension(point.where(~row, 1.0)) - extension(point.where(~row, 0.0)) for row in eye])


@extension_gradient.property(points=2)
def is_the_slope(answer, random: Instances) -> None:
    for n in (3, random.integer(2, 5)):
        values, point = random.table(n), random.uniform(n, low=0.1, high=0.4)
        slopes, truth = as_tensor(answer(values, point), (n,)), _slopes(values, point)
        if close(slopes, truth):
            continue
        corners = _corners(n)
        present, absent = point.expand(2**n, n), (1 - point).expand(2**n, n)
        odds = torch.where(corners.bool(), present, absent)
        likely = {
            "sign": -truth,
            "own": torch.stack([((2 * corners[:, i] - 1) * odds.prod(1) * values).sum() for i in range(n)]),
            "absent": torch.stack(
                [
                    ((2 * corners[:, i] - 1) * torch.where(corners.bool(), present, torch.ones(()).double())
                     .index_fill(1, torch.tensor([i]), 1.0).prod(1) * values).sum()
                    for i in range(n)
                ]
            ),
        }  # fmt: skip
        raise Wrong(next((hint for hint, other in likely.items() if close(slopes, other)), "value"))


@extension_gradient.property(points=1)
def holds_at_the_corners(answer, random: Instances) -> None:
    n = random.integer(2, 4)
    values = random.table(n)
    contributions = marginal_contributions(values)
    for point, truth in ((torch.ones(n), contributions[:, -1]), (torch.zeros(n), contributions[:, 0])):
        if not close(as_tensor(answer(values, point.double()), (n,)), truth):
            raise Wrong("corners")
