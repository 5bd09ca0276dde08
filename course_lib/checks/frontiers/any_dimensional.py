"""Checks for exercises/frontiers/any_dimensional.ipynb."""

import math
from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest

# ------------------------------------------------------------------------------------- a layer for every size

extend_layer = Exercise(
    "frontiers/any_dimensional/extend_layer",
    hints={
        "sums": "you add up the entries of a kind: each kind enters with its mean, so divide by how many of them output i sees",
        "transposed": "rows and columns have changed places: the second number is for the rest of row i, the entries x[i, k]",
        "legs": "the axes have another order: the first is the output i, then row and column of the entry that it sees",
        "diagonal": "some entry is read as two kinds at once: the five kinds have no entry in common, and leave none out",
        "count": "you divide by another number than that of the entries of the kind that output i sees",
        "outputs": "you divide by the number of entries of a kind for all outputs together: what does a single output see?",
        "orthonormal": "your tables have length 1: the mean that is asked for divides by a number of entries, not by its root",
        "order": "your layer treats items differently: renaming them, outputs and inputs alike, should leave the table alone",
        "value": "not the table of the five means: is the weight of an entry its number over how many of its kind i sees, "
        "in the same order of kinds at every n?",
        "small": "right in general, but not for one item or for two: a kind without entries adds nothing",
        "swapped": "the right five means, but the numbers belong to them in the order in which the exercise lists the kinds",
        "numbers": "constant on each kind, as it should be, but the five numbers do not all enter as they are",
        "dtype": "right values, but in another number type: the table has that of the coefficients, float32 or float64",
    },
)


def _kind(i: int, j: int, k: int) -> int:
    """Which of the five: itself, its row, its column, the other diagonal entries, the rest."""
    if j == k:
        return 0 if i == j else 3
    return 1 if i == j else 2 if i == k else 4


def _table(c: Tensor, n: int) -> Tensor:
    """The truth, entry by entry, with the numbers of entries in closed form."""
    counts = [1, n - 1, n - 1, n - 1, (n - 1) * (n - 2)]
    shares = [number / max(count, 1) for number, count in zip(c.tolist(), counts, strict=True)]
    rows = [shares[_kind(i, j, k)] for i, j, k in product(range(n), repeat=3)]
    return torch.tensor(rows, dtype=torch.float64).reshape(n, n, n)


def _masks(n: int) -> Tensor:
    """Where each kind stands, `(5, n, n, n)`."""
    kinds = torch.tensor([_kind(*place) for place in product(range(n), repeat=3)]).reshape(n, n, n)
    return torch.stack([kinds == kind for kind in range(5)]).double()


def _overlapping(c: Tensor, masks: Tensor) -> Iterator[Tensor]:
    """Some kinds made too large: rows and columns with the diagonal, diagonals with x[i, i], the rest with others."""
    own, row, column, diagonal, rest = masks
    everything = masks.sum(0)
    choices = [row, row + own], [column, column + own], [diagonal, diagonal + own], [rest, rest + diagonal, everything]
    for chosen in product(*choices):
        large = torch.stack([own, *chosen])
        if torch.equal(large, masks):
            continue
        for counted in (large, masks):
            yield torch.einsum("c,cijk->ijk", c, large / counted.sum((2, 3), keepdim=True))


def _other_divisors(c: Tensor, masks: Tensor) -> dict[str, list[Tensor]]:
    n = masks.shape[1]
    single, all_outputs = masks.sum((2, 3), keepdim=True), masks.sum((1, 2, 3), keepdim=True)
    powers = torch.tensor([[0, 1, 1, 1, 2], [1] * 5, [2] * 5, [0, 1, 1, 1, 1], [0, 0, 0, 0, 2], [0, 2, 2, 2, 2]])
    divided = [masks / (float(n) ** power)[:, None, None, None] for power in powers]
    for last in (n * n, (n - 1) ** 2, n * (n - 1)):
        divided.append(masks / torch.tensor([1, n - 1, n - 1, n - 1, last]).view(5, 1, 1, 1))
    combine = lambda tables: torch.einsum("c,cijk->ijk", c, tables)  # noqa: E731
    return {
        "sums": [combine(masks)],
        "outputs": [combine(masks / all_outputs)],
        "orthonormal": [combine(masks / all_outputs.sqrt()), combine(masks / single.sqrt())],
        "count": [combine(one) for one in divided],
    }


def _blame(found: Tensor, c: Tensor, n: int, random) -> Wrong:
    truth, masks = _table(c, n), _masks(n)
    moved = {
        "transposed": truth.transpose(1, 2),
        "legs": [truth.permute(order) for order in ((1, 2, 0), (2, 1, 0), (1, 0, 2), (2, 0, 1))],
    }
    wrong = nearest(found, moved | _other_divisors(c, masks) | {"diagonal": list(_overlapping(c, masks))})
    step = torch.arange(n).roll(1)
    orders = (step, step[torch.tensor(random.order(n))])
    if wrong.hint != "value":
        return wrong
    if not all(close(found[p][:, p][:, :, p], found) for p in orders):
        return Wrong("order")
    return _blame_numbers(found, c, masks)


def _blame_numbers(found: Tensor, c: Tensor, masks: Tensor) -> Wrong:
    """Five means with other numbers: those asked for in another order, or changed on the way."""
    entries = masks.sum((1, 2, 3))
    weights = (found * masks).sum((1, 2, 3)) / entries
    if not close(torch.einsum("c,cijk->ijk", weights, masks), found):
        return Wrong("value")
    numbers = weights * entries / len(found)
    if close(numbers.sort().values, c.sort().values):
        return Wrong("swapped")
    kept = sum(close(abs(a), abs(b)) for a, b in zip(numbers, c, strict=True))
    return Wrong("numbers" if kept >= 2 else "value")


@extend_layer.property(points=3)
def is_the_table_of_five_means(answer, random):
    c = random.away_from_zero(5)
    for n in (4, 3, random.choice([5, 7, 8]), random.integer(9, 11)):
        truth = random.recall(lambda: _table(c, n), n)  # noqa: B023
        found = as_tensor(answer(c, n), (n, n, n))
        if not close(found, truth):
            raise _blame(found, c, n, random)


@extend_layer.property(points=1)
def works_for_few_items_and_in_both_number_types(answer, random):
    c = random.away_from_zero(5)
    for n in (2, 1):
        found = called("small", answer, c, n)
        if not isinstance(found, Tensor) or found.shape != (n, n, n) or not close(found, _table(c, n)):
            raise Wrong("small", seen=f"n = {n}")
    for numbers in (c.float(), c):
        found = called("dtype", answer, numbers, 3)
        if not isinstance(found, Tensor) or found.dtype != numbers.dtype or not close(found, _table(c, 3)):
            raise Wrong("dtype")


# -------------------------------------------------------------------------------------------- how many layers

count_layers = Exercise(
    "frontiers/any_dimensional/count_layers",
    hints={
        "stable": "that is right once n is large: with n items no pattern can have more than n different indices",
        "exactly": "you count the patterns that use all n items: those with fewer different indices are layers, too",
        "fewer": "n items can be n different indices, not only n - 1",
        "apart": "you split input and output legs apart: a block may hold legs of both, as when a layer copies",
        "alike": "you count the sizes of the blocks only: legs are told apart, so which of them are together matters",
        "weights": "that is the number of all weights: those with the same pattern of equal indices are one",
        "ordered": "blocks have no order: the same blocks in another order are the same layer",
        "input": "only one side's legs are split: the patterns run over output and input legs together",
        "ring": "that is the count for shifts of a ring: under all orders differences of indices mean nothing",
        "value": "not the number of independent layers: count the ways to split all legs into at most n blocks",
        "exact": "right for few legs, but not for many: count with whole numbers of Python, which have no largest one",
        "bound": "right for few legs, but not for many: are the patterns counted that n items can show, and no others?",
        "edges": "right in general, but not without legs on a side, without any, or for a single item",
    },
)


def _by_characters(n: int, legs: int) -> int:
    """Mean over all orders of (number of fixed items)^legs: with f fixed items there are C(n, f) D(n - f) orders."""
    derangements = [1, 0]
    while len(derangements) <= n:
        derangements.append((len(derangements) - 1) * (derangements[-1] + derangements[-2]))
    total = sum(math.comb(n, f) * derangements[n - f] * f**legs for f in range(n + 1))
    return total // math.factorial(n)


def _stirling(legs: int, blocks: int) -> int:
    """By inclusion and exclusion: surjections over orders of the blocks."""
    onto = sum((-1) ** j * math.comb(blocks, j) * (blocks - j) ** legs for j in range(blocks + 1))
    return onto // math.factorial(blocks)


def _integer_partitions(total: int, parts: int) -> int:
    if total == 0:
        return 1
    if total < 0 or parts == 0:
        return 0
    return _integer_partitions(total, parts - 1) + _integer_partitions(total - parts, parts)


def _likely_counts(cases: list[tuple[int, int, int]]) -> dict[str, list[Tensor]]:
    most = lambda legs, n: sum(_stirling(legs, b) for b in range(n + 1))  # noqa: E731
    rules = {
        "stable": [lambda n, k, m: most(k + m, k + m)],
        "exactly": [lambda n, k, m: _stirling(k + m, n), lambda n, k, m: _stirling(k + m, min(n, k + m))],
        "fewer": [lambda n, k, m: most(k + m, n - 1)],
        "apart": [lambda n, k, m: most(k, n) * most(m, n), lambda n, k, m: most(k, k) * most(m, m)],
        "alike": [lambda n, k, m: _integer_partitions(k + m, n), lambda n, k, m: _integer_partitions(k + m, k + m)],
        "weights": [lambda n, k, m: n ** (k + m)],
        "ordered": [lambda n, k, m: sum(math.factorial(b) * _stirling(k + m, b) for b in range(n + 1))],
        "input": [lambda n, k, m: most(k, n), lambda n, k, m: most(m, n), lambda n, k, m: most(max(k, m), n)],
        "ring": [lambda n, k, m: n ** (k + m - 1)],
    }
    return {
        hint: [torch.tensor([rule(*case) for case in cases], dtype=torch.float64) for rule in known]
        for hint, known in rules.items()
    }


@count_layers.property(points=2)
def counts_below_and_above_the_threshold(answer, random):
    few, many = [(3, 2, 3), (3, 3, 2), (4, 2, 3), (3, 3, 3)], [(1, 2), (2, 1), (3, 1), (1, 3)]
    k, m = random.choice(many)
    cases = [(2, *random.choice([(1, 2), (2, 2), (3, 1)])), random.choice(few), (k + m + random.integer(0, 3), k, m)]
    found = torch.tensor([as_number(answer(*case)) for case in cases], dtype=torch.float64)
    truth = torch.tensor([_by_characters(n, k + m) for n, k, m in cases], dtype=torch.float64)
    if not close(found, truth, 1e-9):
        raise nearest(found, _likely_counts(cases), "value", 1e-9)


@count_layers.property(points=1)
def counts_many_legs_exactly(answer, random):
    k = random.integer(13, 15)
    for n in (random.integer(8, 10), random.integer(13, 20), random.integer(60, 90)):
        truth = random.recall(lambda: _by_characters(n, 28), n)  # noqa: B023
        found = called("exact", answer, n, k, 28 - k)
        if type(found) is not int or found != truth:
            raise Wrong(_blame_many(found, truth), seen=f"n = {n}, {k} and {28 - k} axes")


def _blame_many(found: object, truth: int) -> str:
    """Numbers that ran over or were rounded differ by much less than the truth, or by a multiple of 2^32."""
    if found == _by_characters(28, 28):
        return "stable"
    near = type(found) is not int or abs(found - truth) < truth // 10**7
    return "exact" if near or (found - truth) % 2**32 == 0 else "bound"


@count_layers.property(points=1)
def counts_at_the_edges(answer, random):
    n = random.integer(2, 4)
    for case in ((n, 0, 0), (1, 2, 3), (1, 0, 0), (n, 0, 3), (n, 3, 0)):
        found = called("edges", answer, *case)
        if as_number(found) != _by_characters(case[0], sum(case[1:])):
            raise Wrong("edges", seen=f"n = {case[0]}, {case[1]} and {case[2]} axes")
