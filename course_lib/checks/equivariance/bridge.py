"""Checks for exercises/equivariance/bridge.ipynb."""

import functools
import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, behind, called, close, nearest
from course_lib.checks.instances import Instances, remember
from course_lib.checks.returns import as_dict

Order = tuple[int, ...]


def _of_order_three(random: Instances, n: int) -> Order:
    """A random permutation that is not its own inverse."""
    while True:
        p = tuple(random.order(n))
        if any(p[p[i]] != i for i in range(n)):
            return p


def _some(random: Instances, m: int, n: int) -> list[Order]:
    """Different permutations, the first of order three or more and without its inverse; the first two do not commute.

    For three players one turn and up to three exchanges, which is all that there is; for more, no exchanges at all.
    """
    if n == 3:
        swaps = [(1, 0, 2), (0, 2, 1), (2, 1, 0)]
        return [_of_order_three(random, 3), *(swaps[i] for i in random.order(3))][:m]
    while True:
        rows = [_of_order_three(random, n) for _ in range(m)]
        if len({*rows, *map(_undone, rows)}) == 2 * m and (m < 2 or _times(*rows[:2]) != _times(rows[1], rows[0])):
            return rows


def _times(p: Order, q: Order) -> Order:
    return tuple(p[i] for i in q)


def _undone(p: Order) -> Order:
    return tuple(sorted(range(len(p)), key=p.__getitem__))


def _coalitions(p: Order, high: bool = False) -> list[int]:
    """Where `p` takes each coalition, as numbers; `high`: player 0 is the highest bit."""
    n, there = len(p), [0]
    for i in range(n):  # each further player doubles the list
        place = n - 1 - p[n - 1 - i] if high else p[i]
        there += [k + (1 << place) for k in there]
    return there


def _moved(rows: list[Order], values: Tensor, high: bool = False) -> Tensor:
    """Coalition by coalition: the value of S goes to pi S, (m, n), (b, 2**n) -> (m, b, 2**n)."""
    moved = values.new_zeros(len(rows), *values.shape)
    for row, p in enumerate(rows):
        moved[row][:, _coalitions(p, high)] = values
    return moved


# --------------------------------------------------------------------------------------------------- games move with players

act_on_games = Exercise(
    "equivariance/bridge/act_on_games",
    hints={
        "inverse": "you move games the other way: the value of S goes TO its coalition of new names, (pi v)(S) = v(pi^-1 S)",
        "bits": "player i is bit i of a coalition's number, so player 0 is the lowest bit: you count bits from the other end",
        "both": "two things at once: player 0 is the lowest bit, and (pi v)(S) = v(pi^-1 S)",
        "numbers": "you permute the numbers of single entries, or of a block: every coalition moves, with all of its members",
        "still": "the tables come back as they were: move them",
        "axes": "first elements, then games: (m, b, 2**n). Exchange axes with transpose; reshape only cuts the numbers anew",
        "pairs": "every game should be moved by every permutation: the shape is (m, b, 2**n)",
        "value": "(pi v)(S) = v(pi^-1 S): for each S find the members of pi^-1 S and look their value up",
        "copied": "values come back changed: they are moved, not computed with, so large whole numbers stay exact",
        "kind": "right in general, but the values should keep their dtype: float32 and whole numbers as well",
        "square": "right in general, but not where m, b and 2**n are equal: does the shape decide what you do?",
        "one_row": "right in general, but not for a single permutation",
        "one_game": "right in general, but not for a single game",
        "one_player": "right in general, but not for a single player",
        "two": "right in general, but not for two players",
        "many": "right for a few players and permutations, but not for many",
    },
)


def _compare_games(answer: Callable, rows: list[Order], values: Tensor) -> Tensor:
    found, truth = answer(torch.tensor(rows), values), _moved(rows, values)
    (m, b), cells = (len(rows), len(values)), values.shape[1]
    if isinstance(found, Tensor) and m != b and tuple(found.shape) == (b, m, cells):
        raise Wrong("axes")
    if isinstance(found, Tensor) and m != b and tuple(found.shape) in ((b, cells), (m, cells), (min(m, b), cells)):
        raise Wrong("pairs")
    value = as_tensor(found, truth.shape)
    if not close(value, truth.double()):
        back = [_undone(p) for p in rows]
        likely = {
            "inverse": _moved(back, values),
            "bits": _moved(rows, values, high=True),
            "both": _moved(back, values, high=True),
            "still": values.expand(truth.shape),
            "axes": [truth.permute(axes).reshape(truth.shape) for axes in itertools.permutations(range(3))],
        }
        raise nearest(value, likely | {"numbers": _shuffled(rows, values)})
    if not torch.equal(found.to(truth.dtype), truth):
        raise Wrong("copied")
    return found


def _shuffled(rows: list[Order], values: Tensor) -> list[Tensor]:
    """Entries 0..n-1 of the table, or entries 2**i, permuted as if they were the players; the rest stays."""
    found = []
    for places in (range(len(rows[0])), [2**i for i in range(len(rows[0]))]):
        for turn in (lambda p: p, _undone):
            moved = values.expand(len(rows), *values.shape).clone()
            for row, p in enumerate(rows):
                moved[row][:, list(places)] = values[:, [places[i] for i in turn(p)]]
            found.append(moved)
    return found


@act_on_games.property(points=2)
def moves_every_game_by_every_renaming(answer, random):
    for m, b, n in ((3, 2, 3), (2, 3, 4)):
        _compare_games(answer, _some(random, m, n), random.table(n, b).T)


@act_on_games.property(points=1)
@behind(moves_every_game_by_every_renaming)
def does_not_guess_axes_from_sizes(answer, random):
    try:
        _compare_games(functools.partial(called, "square", answer), _some(random, 4, 3)[:2] * 4, random.table(3, 8).T)
    except Wrong as wrong:
        raise Wrong("square", seen=wrong.seen) from None


@act_on_games.property(points=1)
@behind(moves_every_game_by_every_renaming)
def moves_single_things_and_other_numbers(answer, random):
    for hint, (m, b, n), kind in (
        ("one_row", (1, 2, 3), torch.float64),
        ("one_game", (2, 1, 4), torch.float64),
        ("one_player", (1, 3, 1), torch.float64),
        ("two", (3, 2, 2), torch.float64),
        ("many", (7, 2, 5), torch.float64),
        ("many", (1, 1, 9), torch.float64),
        ("kind", (2, 3, 3), torch.float32),
        ("kind", (2, 3, 4), torch.long),
    ):
        rows = _some(random, m, n) if n > 2 else [(1, 0), (0, 1), (1, 0)] if n == 2 else [(0,)]
        values = random.table(n, b).T
        values = (2.0**58 * values).long() | 1 if kind == torch.long else values.to(kind)  # odd numbers that no float holds
        try:
            found = _compare_games(functools.partial(called, hint, answer), rows, values)
        except Wrong as wrong:
            raise Wrong("copied" if wrong.hint == "copied" else hint, seen=wrong.seen) from None
        if found.dtype != kind:
            raise Wrong("kind", seen=f"values of {kind}, moved ones of {found.dtype}")


# ----------------------------------------------------------------------------------------------------- the average of a rule

average_rule = Exercise(
    "equivariance/bridge/average_rule",
    hints={
        "inner": "inside, the game is taken back to its old names: f(pi^-1 v), with the inverse",
        "outer": "outside, scores go to the new names: entry i of pi phi is phi of player pi^-1(i)",
        "both": "both moves go the wrong way: pi^-1 f(pi v) is the term of the inverse, and this list holds not all inverses",
        "no_outer": "the games are moved, the scores are not: whose score is entry i of f(pi^-1 v)?",
        "no_inner": "the scores are moved, the games are not: f should see pi^-1 v",
        "still": "the rule comes back as it was: is anything moved?",
        "sum": "you add the terms up: divide by their number",
        "length": "divide by the length of the list, m: not by n!, and not by n",
        "listed": "use exactly the listed rows: not the whole group, nor what the rows generate",
        "precision": "right to about seven digits only: stay in the dtype of the rule, without float32 on the way",
        "mean_first": "average rules, not the moves: the mean of products is not the product of means",
        "value": "entry (i, S) of the average is the mean over the list of rule[pi^-1(i), pi^-1 S]",
        "repeats": "right in general, but a permutation that is listed twice counts twice: a list, not a set",
        "whole": "right for lists, but the average over a whole group should be equivariant: do you use every element once?",
        "one_row": "right in general, but not for a single permutation",
        "one_player": "right in general, but not for a single player",
        "two": "right in general, but not for two players",
        "many": "right in general, but not for more players and a longer list",
        "kind": "right in general, but the dtype of the rule should be kept",
        "small": "right in general, but a tiny rule is a rule: its average has the same relative precision",
    },
)


def _averaged(rule: Tensor, rows: list[Order], inner: Callable = _undone, outer: Callable = _undone) -> Tensor:
    """Entry by entry: the mean over pi of rule[outer(pi)(i), inner(pi)(S)]."""
    total = torch.zeros_like(rule)
    for p in rows:
        total += rule[list(outer(p))][:, _coalitions(inner(p))]
    return total / len(rows)


def _one(p: Order) -> Order:
    return tuple(range(len(p)))


def _same(p: Order) -> Order:
    return p


def _compare_rule(value: object, rule: Tensor, rows: list[Order], tolerance: float = 1e-9) -> None:
    found, truth = as_tensor(value, rule.shape), _averaged(rule, rows)
    if close(found, truth, tolerance):
        return
    likely = {
        "inner": _averaged(rule, rows, inner=_same),
        "outer": _averaged(rule, rows, outer=_same),
        "both": _averaged(rule, rows, _same, _same),
        "no_outer": [_averaged(rule, rows, turn, _one) for turn in (_undone, _same)],
        "no_inner": [_averaged(rule, rows, _one, turn) for turn in (_undone, _same)],
        "still": rule,
        "sum": truth * len(rows),
        "precision": truth,
        "length": [truth * len(rows) / math.factorial(len(rule)), truth * len(rows) / len(rule)],
        "listed": [_averaged(rule, other) for other in (list(itertools.permutations(range(len(rule)))), _generated(rows))],
        "mean_first": _averaged(_averaged(rule, rows, _undone, _one), rows, _one, _undone),
    }
    raise nearest(found, likely)


def _generated(rows: list[Order]) -> list[Order]:
    """The subgroup that the rows generate."""
    found = {*rows}
    while new := {_times(p, q) for p in found for q in rows} - found:
        found |= new
    return sorted(found)


@average_rule.property(points=2)
def averages_over_a_list(answer, random):
    for m, n in ((3, 3), (5, 4)):
        rows, rule = _some(random, m, n), random.normal(n, 2**n)
        _compare_rule(answer(rule, torch.tensor(rows)), rule, rows)


@average_rule.property(points=1)
@behind(averages_over_a_list)
def averages_over_a_whole_group(answer, random):
    n = 3
    rule, rename = random.normal(n, 2**n), _of_order_three(random, n)
    found = as_tensor(called("whole", answer, rule, torch.tensor(list(itertools.permutations(range(n))))), rule.shape)
    again = as_tensor(called("whole", answer, found, torch.tensor([rename])), rule.shape)
    if not close(found, _averaged(rule, list(itertools.permutations(range(n)))), 1e-9) or not close(found, again, 1e-9):
        raise Wrong("whole")


@average_rule.property(points=1)
@behind(averages_over_a_list)
def averages_at_the_edges(answer, random):
    rows = _some(random, 2, 4)
    cases = [
        ("repeats", [*rows, rows[0], rows[0]], random.normal(4, 16)),
        ("one_row", rows[:1], random.normal(4, 16)),
        ("one_player", [(0,)], random.normal(1, 2)),
        ("two", [(1, 0), (0, 1), (1, 0)], random.normal(2, 4)),
        ("many", _some(random, 8, 5), random.normal(5, 32)),
        ("kind", rows, random.normal(4, 16).float()),
        ("small", rows, 1e-9 * random.normal(4, 16)),
    ]
    for hint, listed, rule in cases:
        found = called(hint, answer, rule, torch.tensor(listed))
        if isinstance(found, Tensor) and found.shape != rule.shape:
            raise Wrong(hint)
        scale = rule.abs().max().double()
        value, truth = as_tensor(found, rule.shape), _averaged(rule.double(), listed)
        if not close(value / scale, truth / scale, 1e-9 if rule.dtype == torch.float64 else 1e-5):
            raise Wrong(hint)
        if found.dtype != rule.dtype:
            raise Wrong("kind")


# ------------------------------------------------------------------------------------------------------- variance of a coset

coset_variances = Exercise(
    "equivariance/bridge/coset_variances",
    hints={
        "keys": 'return a dict with the keys "alone" and "coset"',
        "alone": '"alone" is wrong: for each of the n! orders note what each player adds, then take each variance',
        "at_place": "what is added in an order stands in the order of arrival: put it back to the players before you go on",
        "gather": "column k belongs to player orders[k]; gather(1, orders) reads that backwards: you need orders.argsort(1)",
        "start": '"coset": put each order back to the players by its own argsort, before the mean, not by that of the start',
        "precision": "right to about seven digits only: stay in the dtype of the values, without float32 on the way",
        "sample": "all orders are listed, none is sampled: divide by n!, not by n! - 1",
        "deviation": "these are standard deviations: the variance is asked for",
        "bits": "player i is bit i of a coalition's number, so player 0 is the lowest bit",
        "names": '"coset" permutes players: in tau h the PLACES of an order change, so entry j is tau[h[j]]',
        "inverse": '"coset" uses the inverses of the places: entry j of the new order is tau[h[j]]',
        "pooled": '"coset" is the variance of single orders: first take the mean over the coset, then the variance',
        "independent": '"coset" divides by the number of orders: that is for independent ones, and those of a coset are not',
        "sum": '"coset" is the variance of a sum over the coset: take the mean',
        "swapped": 'what belongs to "alone" stands under "coset", and the other way round',
        "coset": '"coset" is wrong: for each tau the mean of what players add in the orders tau[h], then the variance',
        "design": "right in general, but a design that is exact on a game should have variance 0 up to rounding",
        "one_player": "right in general, but not for a single player",
        "one_row": "right in general, but not for a single row of places",
        "repeats": "right in general, but a row of places that is listed twice counts twice",
        "two": "right in general, but not for two players",
        "many": "right in general, but not for five players and a longer list of places",
        "empty": "the empty coalition has a value too: who comes first adds v({i}) - v(empty)",
        "kind": "right in general, but the dtype of the values should be kept",
    },
)


def _arrivals(values: list[float], order: Order, high: bool = False) -> list[float]:
    """What each player adds, player by player."""
    added, here, n = [0.0] * len(order), 0, len(order)
    for player in order:
        then = here + (1 << (n - 1 - player if high else player))
        added[player] = values[then] - values[here]
        here = then
    return added


def _variance(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64).var(0, unbiased=False)


def _means(values: list[float], starts: list[Order], follow: Callable[[Order], list[Order]]) -> Tensor:
    """Variance over starts of the mean over the orders that follow each start."""
    added = functools.cache(lambda order: _arrivals(values, order))  # most orders follow several starts
    return _variance([[sum(c) / len(c) for c in zip(*map(added, follow(s)), strict=True)] for s in starts])


@remember
def _truth(table: Tensor, places: list[Order]) -> tuple[Tensor, Tensor]:
    values, starts = table.double().tolist(), list(itertools.permutations(range(len(places[0]))))
    alone = _variance([_arrivals(values, order) for order in starts])
    return alone, _means(values, starts, lambda s: [_times(s, h) for h in places])


def _compare_variances(found: object, table: Tensor, places: list[Order], tolerance: float = 1e-9) -> None:
    parts, n = as_dict(found, ("alone", "coset")), len(places[0])
    alone, coset = _truth(table, places)
    first = as_tensor(parts["alone"], alone.shape, '"alone"')
    second = as_tensor(parts["coset"], coset.shape, '"coset"')
    values, starts = table.double().tolist(), list(itertools.permutations(range(n)))
    if not close(first, alone, tolerance):
        raise nearest(first, {"swapped": coset} | _wrong_alone(values, starts, alone), "alone")
    if not close(second, coset, tolerance):
        raise nearest(second, _wrong_coset(values, starts, places, alone, coset), "coset")


def _wrong_alone(values: list[float], starts: list[Order], alone: Tensor) -> dict:
    unbiased = alone * len(starts) / max(1, len(starts) - 1)
    return {
        "sample": unbiased,
        "deviation": [alone.sqrt(), unbiased.sqrt()],
        "at_place": _variance([[_arrivals(values, order)[i] for i in order] for order in starts]),
        "bits": _variance([_arrivals(values, order, high=True) for order in starts]),
        "empty": _variance([_arrivals([0.0, *values[1:]], order) for order in starts]),
        "gather": _variance([[_arrivals(values, o)[o[i]] for i in o] for o in starts]),
        "precision": alone,
    }


def _wrong_coset(values: list[float], starts: list[Order], places: list[Order], alone: Tensor, coset: Tensor) -> dict:
    h, back = len(places), [_undone(one) for one in places]
    return {
        "sample": coset * len(starts) / max(1, len(starts) - 1),
        "deviation": coset.sqrt(),
        "names": [_means(values, starts, lambda s, rows=rows: [_times(one, s) for one in rows]) for rows in (places, back)],
        "inverse": _means(values, starts, lambda s: [_times(s, one) for one in back]),
        "pooled": alone,
        "independent": [alone / h, coset / h],
        "sum": h * h * coset,
        "start": _variance([_gathered_once(values, s, [_times(s, one) for one in places]) for s in starts]),
        "precision": coset,
    }


def _gathered_once(values: list[float], start: Order, orders: list[Order]) -> list[float]:
    """The mean over orders of what is added at each place, given to the players of the start."""
    found = [_arrivals(values, o) for o in orders]
    return [sum(added[o[k]] for added, o in zip(found, orders, strict=True)) / len(orders) for k in _undone(start)]


def _lopsided(random: Instances, m: int, n: int) -> list[Order]:
    """Permutations whose steps a^-1 b differ from the steps a b^-1, so that inverse or exchanged factors show."""
    while True:
        rows = _some(random, m, n)
        left = {_times(_undone(a), b) for a in rows for b in rows}
        if left != {_times(a, _undone(b)) for a in rows for b in rows}:
            return rows


@coset_variances.property(points=3)
def gives_both_variances(answer, random):
    for n, h in ((4, 3), (3, 2)):
        places, table = _lopsided(random, h, n) if n > 3 else [(0, 1, 2), (1, 2, 0)], random.table(n)
        _compare_variances(answer(table, torch.tensor(places)), table, places)


@coset_variances.property(points=1)
@behind(gives_both_variances)
def finds_designs_exact(answer, random):
    n, sets = 4, range(16)
    slopes, weights, sizes = random.normal(n).tolist(), random.normal(n, n).tolist(), random.normal(n + 1).tolist()
    members = [[i for i in range(n) if k >> i & 1] for k in sets]
    pairs = torch.tensor([sum(weights[i][j] for i in s for j in s if i <= j) for s in members], dtype=torch.float64)
    size = torch.tensor([sum(slopes[i] for i in s) + sizes[len(s)] for s in members], dtype=torch.float64)
    half = random.table(n)
    reverse = [(0, 1, 2, 3), (3, 2, 1, 0)]
    shifts = [tuple((i + k) % n for i in range(n)) for k in range(n)]
    for table, places, factor in ((pairs, reverse, 0.0), (size, shifts, 0.0), (half - half.flip(0), reverse, 1.0)):
        parts = as_dict(called("design", answer, table, torch.tensor(places)), ("alone", "coset"))
        alone, coset = (as_tensor(parts[key], (n,), f'"{key}"') for key in ("alone", "coset"))
        if not close(coset, factor * alone, 1e-9) or not (coset >= -1e-12).all():
            raise Wrong("design")


@coset_variances.property(points=1)
@behind(gives_both_variances)
def works_at_the_edges(answer, random):
    rows = _some(random, 2, 3)
    cases = [
        ("one_player", random.table(1), [(0,)]),
        ("one_row", random.table(3), rows[:1]),
        ("repeats", random.table(3), [rows[0], rows[0], rows[1]]),
        ("two", random.table(2), [(0, 1), (1, 0), (0, 1)]),
        ("many", random.table(5), _some(random, 7, 5)),
        ("kind", random.table(3).float(), rows),
    ]
    for hint, table, places in cases:
        found = called(hint, answer, table, torch.tensor(places))
        try:
            _compare_variances(found, table, places, 1e-7 if table.dtype == torch.float64 else 1e-4)
        except Wrong:
            raise Wrong(hint) from None
        if any(found[key].dtype != table.dtype for key in ("alone", "coset")):
            raise Wrong("kind")
