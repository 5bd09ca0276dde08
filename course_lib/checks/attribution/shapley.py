"""Checks of the exercises in `exercises/attribution/shapley.ipynb`."""

import itertools
import math

import torch

from course_lib.checks import Exercise, Wrong, as_tensor, close
from course_lib.checks.instances import Instances

exact_shapley = Exercise(
    "attribution/shapley/exact_shapley",
    hints={
        "joined": "the weight counts the size *before* the player joins, and yours seems to count it after",
        "off_by_one": "the weight is |S|! (n - |S| - 1)! / n!: check the two factorials that contain n, off by one?",
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
    sizes = _corners(n - 1).sum(1).int().tolist()  # of the coalitions that a player can join

    def weighted(top: int, below: int) -> torch.Tensor:
        weights = [math.factorial(s + top) * math.factorial(n - s - 1 + below) / math.factorial(n) for s in sizes]
        return contributions @ torch.tensor(weights, dtype=values.dtype)

    guesses = {
        "joined": weighted(1, 0),
        "off_by_one": weighted(0, 1),
        "sign": -truth,
        "bit_order": truth.flip(0),
        "banzhaf": contributions.mean(1),
        "leave_one_out": contributions[:, -1],
        "size_weight": contributions.sum(1) / n,
        "empty": truth + values[0] / n,
    }
    scaled = any(close(scores, truth * factor) for factor in (n, 1 / n, 1 / (n + 1)))
    for hint, guess in guesses.items():
        if close(scores, guess) or (hint == "off_by_one" and scaled):
            return hint
    return "value" if close(scores.sum(), values[-1] - values[0]) else "efficiency"


@exact_shapley.property(points=2)
def matches_the_dividends(answer, random: Instances) -> None:
    """On games with v(empty) = 0 the scores are those of the shared dividends."""
    for n in (3, 4, 5):
        dividends = random.away_from_zero(2**n)
        dividends[0] = 0.0
        values, truth = unanimity_basis(dividends)
        scores = as_tensor(answer(values), (n,))
        if not close(scores, truth):
            raise Wrong(likely_mistake(values, truth, scores), seen=f"{n} players")


@exact_shapley.property(points=1)
def counts_the_empty_coalition(answer, random: Instances) -> None:
    """The same when v(empty) is not 0, down to a single player."""
    for n in (1, random.integer(2, 5)):
        values, truth = unanimity_basis(random.away_from_zero(2**n))
        scores = as_tensor(answer(values), (n,))
        if not close(scores, truth):
            raise Wrong(likely_mistake(values, truth, scores), seen=f"{n} player" + "s" * (n > 1))


permutation_shapley = Exercise(
    "attribution/shapley/permutation_shapley",
    hints={
        "keys": 'return a dict with the two keys "scores" and "standard_errors"',
        "reverse": "these are the scores of orders without their reverses: follow each order by the same order backwards",
        "single": "you seem to use only one order of each pair: take the mean of the order and its reverse",
        "twice": "yours are twice the scores: a pair's contribution is the mean of its two orders, not their sum",
        "position": "you store what is added by place in the order: store it under the player who adds it",
        "empty": "the first player to arrive adds v({i}) - v(empty), and the empty coalition has a value too",
        "bit_order": "player i is in coalition k when bit i of k, counted from the right, is set",
        "efficiency": "within one run the scores do not add up to v(N) - v(empty): let all players share the same orders, "
        "and start every order with the empty coalition",
        "number": "these are the scores of another number of pairs: draw `pairs` orders, and a reverse for each",
        "outcome": "no choice of that many orders and their reverses gives these scores: does each player join "
        "exactly the players before it?",
        "fixed": "another seed gives the same scores: draw the orders from torch.Generator().manual_seed(seed)",
        "global": "the same seed gives other scores the second time: draw from a generator seeded by `seed` alone",
        "repeated": "all pairs of a run are the same: make the generator once, before the loop",
        "biased": "over many seeds some orders come up too often: every order must be equally likely, "
        "and independent of the orders before it",
        "spread": "that is the spread of single pairs: the standard error of a mean of m pairs is smaller by a factor sqrt(m)",
        "divisor": "divide the standard deviation by the square root of the number of pairs, not by another number",
        "ddof": "use the sample standard deviation: the sum of squares is divided by pairs - 1",
        "orders": "an order and its reverse are not independent: take the spread over pairs, not over single orders",
        "errors": "your standard errors are not the sample standard deviation over pairs, divided by sqrt(pairs)",
    },
)


def _estimate(answer, values: torch.Tensor, pairs: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    result, n = answer(values, pairs, seed), len(values).bit_length() - 1
    if result is None:
        raise Wrong("none")
    if not isinstance(result, dict) or set(result) != {"scores", "standard_errors"}:
        raise Wrong("keys")
    return tuple(as_tensor(result[key], (n,), f'the entry "{key}"') for key in ("scores", "standard_errors"))


def _contributions(values: torch.Tensor, orders: torch.Tensor, by_place: bool = False) -> torch.Tensor:
    """What each player adds in each order, or what is added at each place: `(2**n,), (m, n) -> (m, n)`."""
    joined = (2**orders).cumsum(1)
    steps = values[joined] - values[joined - 2**orders]
    return steps if by_place else torch.zeros_like(steps).scatter(1, orders, steps)


def _pairs(values: torch.Tensor, orders: torch.Tensor, by_place: bool = False) -> torch.Tensor:
    """The mean of each order and its reverse: `(2**n,), (m, n) -> (m, n)`."""
    return (_contributions(values, orders, by_place) + _contributions(values, orders.flip(1), by_place)) / 2


def _all_orders(n: int) -> torch.Tensor:
    return torch.tensor(list(itertools.permutations(range(n))))


def _one_of_each_pair(n: int) -> torch.Tensor:
    """All orders, but of an order and its reverse only one: `(n! / 2, n)`."""
    orders = _all_orders(n)
    return orders[orders[:, 0] < orders[:, -1]]


def _drawn(rows: torch.Tensor, draws: int, scores: torch.Tensor) -> torch.Tensor | None:
    """Which rows have these scores as their mean: `(draws, n)`, or None if no choice of that many rows has.

    Where several choices do, they have the same standard errors too (four players: head and tail can be exchanged).
    """
    choices = itertools.combinations_with_replacement(range(len(rows)), draws)
    chosen = rows[torch.tensor(list(choices))]
    best = chosen[(chosen.mean(1) - scores).abs().amax(1).argmin()]
    return best if close(best.mean(0), scores) else None


def _likely_sampling_mistake(values: torch.Tensor, pairs: int, scores: torch.Tensor) -> str:
    n = len(values).bit_length() - 1
    orders, single = _one_of_each_pair(n), _contributions(values, _all_orders(n))
    rows, nothing = _pairs(values, orders), values.clone()
    nothing[0] = 0.0
    mirrored = values.reshape([2] * n).permute(*reversed(range(n))).reshape(-1)
    guesses = {
        "position": [(_pairs(values, orders, by_place=True), pairs)],
        "empty": [(_pairs(nothing, orders), pairs)],
        "bit_order": [(_pairs(mirrored, orders), pairs)],
        "twice": [(2 * rows, pairs)],
        "number": [(rows, pairs - 1), (rows, pairs + 1)],
        "single": [(single, pairs)],
        "reverse": [(single, 2 * pairs)],
    }
    for hint, outcomes in guesses.items():
        if any(_drawn(each, draws, scores) is not None for each, draws in outcomes):
            return hint
    return "outcome" if close(scores.sum(), values[-1] - values[0]) else "efficiency"


def _too_uneven(seen: torch.Tensor, expected: torch.Tensor) -> bool:
    """A chi-square test at six standard deviations, by the approximation of Wilson and Hilferty (1931)."""
    free = len(seen) - 1
    limit = free * (1 - 2 / (9 * free) + 6 * (2 / (9 * free)) ** 0.5) ** 3
    return bool(((seen - expected).square() / expected).sum() > limit)


def _draws_fairly(answer, random: Instances) -> None:
    """Every pair, and every choice of two pairs in one run, is equally likely.

    A gross bias shows in the first runs; only what looks fair there has to make all of them.
    """
    values = random.table(4)
    rows = _pairs(values, _one_of_each_pair(4))
    means = (rows[:, None] + rows).flatten(0, 1) / 2  # equally likely, some of them equal
    outcomes, counts = means.round(decimals=6).unique(dim=0, return_counts=True)
    drawn: list[torch.Tensor] = []
    for runs in (20, 400, 800):
        drawn += [_estimate(answer, values, 2, random.seed())[0] for _ in range(runs - len(drawn))]
        scores = torch.stack(drawn)
        if close(scores, scores[:1].expand_as(scores)):
            raise Wrong("fixed")
        if (torch.cdist(scores, rows).amin(1) < 1e-5).all():
            raise Wrong("repeated")
        seen = torch.cdist(scores, outcomes).argmin(1).bincount(minlength=len(outcomes))
        if runs > 20 and _too_uneven(seen, runs * counts / len(means)):
            raise Wrong("biased")
    values = random.table(3)  # three pairs, known by who comes second: their numbers can be read off the mean
    pairs, drawn = 100, []
    for runs in (10, 30, 100):
        drawn += [_estimate(answer, values, pairs, random.seed())[0] for _ in range(runs - len(drawn))]
        seen = runs * pairs * torch.linalg.solve(_pairs(values, _one_of_each_pair(3)).T, torch.stack(drawn).mean(0))
        if _too_uneven(seen, torch.full((3,), runs * pairs / 3)):
            raise Wrong("biased")


@permutation_shapley.property(points=2)
def averages_orders_and_their_reverses(answer, random: Instances) -> None:
    """The scores are those of some `pairs` pairs, the seed decides which, and every order is equally likely."""
    for n, pairs in ((4, 2), (3, 7), (5, 2)):
        values, seed = 3 * random.table(n), random.seed()
        scores, _ = _estimate(answer, values, pairs, seed)
        if _drawn(_pairs(values, _one_of_each_pair(n)), pairs, scores) is None:
            raise Wrong(_likely_sampling_mistake(values, pairs, scores), seen=f"{n} players and {pairs} pairs")
        if not close(_estimate(answer, values, pairs, seed)[0], scores, 1e-12):
            raise Wrong("global")
    # Orders that torch.randperm draws one after another are known to be fair; any other way has to prove it.
    for n, pairs in ((3, 12), (3, 30), (5, 4), (5, 4), (5, 4)):
        values, seed = 3 * random.table(n), random.seed()
        generator = torch.Generator().manual_seed(seed)
        orders = torch.stack([torch.randperm(n, generator=generator) for _ in range(pairs)])
        if not close(_estimate(answer, values, pairs, seed)[0], _pairs(values, orders).mean(0)):
            return _draws_fairly(answer, random)
    return None


@permutation_shapley.property(points=1)
def is_exact_when_two_interact(answer, random: Instances) -> None:
    """If at most two players interact at a time, every pair gives the Shapley values, without any spread."""
    for n in (1, 2, random.integer(5, 6)):
        sizes = _corners(n).sum(1)
        values, truth = unanimity_basis(random.away_from_zero(2**n).where(sizes <= 2, 0.0))
        scores, errors = _estimate(answer, values, 2, random.seed())
        if not close(scores, truth):
            raise Wrong("outcome", seen=f"{n} player" + "s" * (n > 1))
        if not close(errors, torch.zeros(n)):
            raise Wrong("orders")


@permutation_shapley.property(points=2)
def reports_the_standard_error(answer, random: Instances) -> None:
    """The scores tell which pairs were drawn, and these have one sample standard deviation."""
    for n, pairs in ((3, random.integer(4, 6)), (5, 2), (4, 3)):
        values, every = 3 * random.table(n), _one_of_each_pair(n)
        rows = _pairs(values, every)
        scores, errors = _estimate(answer, values, pairs, random.seed())
        chosen = _drawn(rows, pairs, scores)
        if chosen is None:
            raise Wrong(_likely_sampling_mistake(values, pairs, scores))
        truth = chosen.std(0) / pairs**0.5
        if close(errors, truth):
            continue
        which = torch.cdist(chosen, rows).argmin(1)
        single = _contributions(values, torch.cat([every[which], every[which].flip(1)]))
        likely = {
            "spread": [truth * pairs**0.5],
            "ddof": [truth * (1 - 1 / pairs) ** 0.5],
            "divisor": [truth / pairs**0.5, truth / 2**0.5, truth * (pairs / (pairs - 1)) ** 0.5],
            "orders": [single.std(0) / draws**0.5 for draws in (pairs, 2 * pairs)],
        }
        raise Wrong(next((hint for hint, all in likely.items() if any(close(errors, one) for one in all)), "errors"))


kernel_shapley = Exercise(
    "attribution/shapley/kernel_shapley",
    hints={
        "banzhaf": "you weight all coalitions alike and leave the intercept free: on all coalitions that regression "
        "gives Banzhaf values, not Shapley values",
        "unweighted": "the constraint holds, but you weight all coalitions alike",
        "root": "multiply the rows by the square root of the weight: their squares are then weighted by w, yours by w * w",
        "size": "you weight a coalition by its size class as a whole: share the class's weight among its C(n, s) members",
        "observed": "the binomial in the weight counts all coalitions of that size, not only those among the rows",
        "intercept": "the line must pass through v(empty) exactly: regress value - v(empty), without a free intercept",
        "constraint": "your scores must add up to v(N) - v(empty) exactly: make it a constraint, "
        "not two more rows of the regression, however heavy",
        "order": "the rows come in any order: find the empty and the full coalition by their sizes",
        "shifted": "you fit without the constraint and move the scores afterwards: "
        "that is the solution only when every coalition is there",
        "value": "with all coalitions and the right weights the fit gives the Shapley values exactly, and yours does not",
        "subset": "right when every coalition is there, but not on a part of them: weight and fit the rows that are given",
    },
)


def _constrained_fit(masks: torch.Tensor, target: torch.Tensor, weights: torch.Tensor, total: torch.Tensor):
    """min sum_k w_k (target_k - z_k . phi)^2 with sum(phi) = total, by its Lagrange equations: `(n,)`."""
    n = masks.shape[1]
    system = torch.ones(n + 1, n + 1, dtype=masks.dtype)
    system[:n, :n], system[n, n] = masks.T @ (weights[:, None] * masks), 0.0
    right = torch.cat([masks.T @ (weights * target), total[None]])
    return torch.linalg.lstsq(system, right[:, None]).solution[:n, 0]


def _free_fit(design: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    root = weights.sqrt()
    return torch.linalg.lstsq(root[:, None] * design, (root * target)[:, None]).solution[:, 0]


def _kernel(sizes: torch.Tensor, n: int, counts: list[int] | None = None) -> torch.Tensor:
    """(n - 1) / (C(n, s) s (n - s)), or with other `counts` of the sizes 0..n; at the ends 1 stands for s (n - s)."""
    counts = counts or [math.comb(n, size) for size in range(n + 1)]
    shared = torch.tensor([counts[int(s)] for s in sizes], dtype=torch.float64)
    return (n - 1) / (shared * (sizes * (n - sizes)).clamp(min=1))


def _corners(n: int) -> torch.Tensor:
    return ((torch.arange(2**n)[:, None] >> torch.arange(n)) & 1).double()


def _fitted(masks: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The solution of the problem on the given rows."""
    sizes, n = masks.sum(1), masks.shape[1]
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    return _constrained_fit(masks[inner], values[inner] - empty, _kernel(sizes[inner], n), full - empty)


def _likely_fit(masks: torch.Tensor, values: torch.Tensor, scores: torch.Tensor) -> str | None:
    sizes, n = masks.sum(1), masks.shape[1]
    empty, full = values[sizes == 0][0], values[sizes == n][0]
    inner = (sizes > 0) & (sizes < n)
    z, v, y, w, ones = masks[inner], values[inner], values[inner] - empty, _kernel(sizes[inner], n), torch.ones(len(masks))
    every, everywhere = torch.cat([masks, ones.double()[:, None]], 1), _kernel(sizes, n)
    sloped = torch.cat([z, ones.double()[: len(z), None]], 1)
    through, first_to_last = _free_fit(z, y, w), values[-1] - values[0]
    seen = [int((sizes == size).sum()) for size in range(n + 1)]
    guesses = {
        "order": [
            _constrained_fit(z, v - values[0], w, first_to_last),
            _constrained_fit(masks[1:-1], values[1:-1] - values[0], _kernel(sizes[1:-1], n), first_to_last),
            _constrained_fit(masks[1:-1], values[1:-1] - values[0], _kernel(sizes[1:-1].clamp(1, n - 1), n), first_to_last),
        ],
        "banzhaf": [_free_fit(every, values, ones)[:n]],
        "unweighted": [_constrained_fit(z, y, torch.ones_like(w), full - empty)],
        "root": [_constrained_fit(z, y, w * w, full - empty)],
        "size": [_constrained_fit(z, y, _kernel(sizes[inner], n, [1] * (n + 1)), full - empty)],
        "observed": [_constrained_fit(z, y, _kernel(sizes[inner], n, seen), full - empty)],
        "intercept": [
            _constrained_fit(z, v, w, full),
            _constrained_fit(z, v, w, full - empty),
            _constrained_fit(z, y, w, full),
            _constrained_fit(z - z.mean(0), v - v.mean(), w, full - empty),
        ],
        "constraint": [_free_fit(every, values, everywhere)[:n], _free_fit(sloped, v, w)[:n], through],
        "shifted": [through + (full - empty - through.sum()) / n],
    }
    return next((hint for hint, fits in guesses.items() if any(close(scores, fit) for fit in fits)), None)


def _check_fit(answer, masks: torch.Tensor, values: torch.Tensor, truth: torch.Tensor, otherwise: str) -> None:
    """The scores are `truth`, and the constraint holds to rounding."""
    n = masks.shape[1]
    scores, total = as_tensor(answer(masks, values), (n,)), values[masks.sum(1) == n] - values[masks.sum(1) == 0]
    adds_up = close(scores.sum()[None], total, 1e-9)
    if not close(scores, truth, 3e-7):
        likely = None if close(scores, truth) else _likely_fit(masks, values, scores)
        raise Wrong(likely or (otherwise if adds_up else "constraint"), seen=f"{n} players")
    if not adds_up:
        raise Wrong("constraint", seen=f"{n} players")


@kernel_shapley.property(points=3)
def fits_all_coalitions(answer, random: Instances) -> None:
    for n in (5, 2, 3, random.integer(4, 6)):
        rows = torch.tensor(random.order(2**n))
        while rows[0] == 0 and rows[-1] == 2**n - 1:  # the usual order of the ends must not help
            rows = torch.tensor(random.order(2**n))
        values, truth = unanimity_basis(random.away_from_zero(2**n))
        _check_fit(answer, _corners(n)[rows], values[rows], truth, "value")


@kernel_shapley.property(points=1)
def fits_a_part_of_them(answer, random: Instances) -> None:
    for n, kept in ((5, 16), (4, 9)):
        table, inner = random.table(n), torch.tensor(random.order(2**n - 2)[:kept]) + 1
        rows = torch.cat([torch.tensor([2**n - 1]), inner, torch.tensor([0])])
        masks, values = _corners(n)[rows], table[rows]
        _check_fit(answer, masks, values, _fitted(masks, values), "subset")


extension_gradient = Exercise(
    "attribution/shapley/extension_gradient",
    hints={
        "value": "the derivative for player i is the mean of v(S + i) - v(S) when every other player joins "
        "independently with its own probability",
        "own": "leave player i's own probability out: the slope of a function that is linear in p_i does not depend on it",
        "absent": "an absent player contributes the factor 1 - p_j, and yours contributes p_j or nothing",
        "swapped": "a present player contributes the factor p_j and an absent one 1 - p_j: yours are the other way round",
        "bit_order": "player i is in coalition k when bit i of k, counted from the right, is set",
        "sign": "with the player minus without: the derivative of p_i is +1, that of 1 - p_i is -1",
        "corners": "wrong where a probability is exactly 0 or 1: do not divide by p or 1 - p",
        "alone": "wrong for a game of one player: a product without factors is 1",
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


def _likely_slope(values: torch.Tensor, point: torch.Tensor, slopes: torch.Tensor) -> str:
    n, truth = len(point), _slopes(values, point)
    corners, eye = _corners(len(point)), torch.eye(len(point), dtype=torch.bool)

    def summed(absent: torch.Tensor, unsigned: bool = False, own: bool = False) -> torch.Tensor:
        """sum_S (+1 or -1) v(S) prod_j (p_j if j in S else absent_j), per player, with or without its own factor."""
        factors = torch.where(corners.bool(), point, absent).expand(n, -1, -1)
        factors = factors if own else factors.where(~eye[:, None], 1.0)
        signs = torch.ones_like(corners) if unsigned else 2 * corners - 1
        return (signs.T * factors.prod(2)) @ values

    guesses = {
        "sign": [-truth, summed(1 - point, unsigned=True)],
        "own": [summed(1 - point, own=True), truth * point],
        "absent": [summed(torch.ones(n).double()), summed(point)],
        "swapped": [_slopes(values, 1 - point)],
        "bit_order": [_slopes(values, point.flip(0)).flip(0), _slopes(values, point.flip(0)), truth.flip(0)],
    }
    return next((hint for hint, others in guesses.items() if any(close(slopes, other) for other in others)), "value")


@extension_gradient.property(points=2)
def is_the_slope(answer, random: Instances) -> None:
    for n, low in ((3, 0.55), (4, 0.05)):
        values, point = random.table(n), random.uniform(n, low=low, high=0.95)
        slopes = as_tensor(answer(values, point), (n,))
        if not close(slopes, _slopes(values, point)):
            raise Wrong(_likely_slope(values, point, slopes), seen=f"{n} players")


@extension_gradient.property(points=1)
def holds_at_the_corners(answer, random: Instances) -> None:
    """Where some or all probabilities are exactly 0 or 1, and for one player alone."""
    mixed = torch.cat([torch.tensor([0.0, 1.0]).double(), random.uniform(2, low=0.1, high=0.9)])[random.order(4)]
    n = random.integer(2, 3)
    for point in (mixed, random.gates(3), torch.ones(n).double(), torch.zeros(n).double()):
        values = random.table(len(point))
        if not close(as_tensor(answer(values, point), (len(point),)), _slopes(values, point), 1e-6):
            raise Wrong("corners")
    values, point = random.table(1), random.uniform(1)
    if not close(as_tensor(answer(values, point), (1,)), _slopes(values, point)):
        raise Wrong("alone")
