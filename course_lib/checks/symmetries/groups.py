"""Checks for exercises/symmetries/groups.ipynb."""

import contextlib
import functools
import signal
import threading
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.answers import AnswerError
from course_lib.checks.instances import permutation_matrices
from course_lib.checks.returns import as_dict
from course_lib.groups import permutation_group_order

Row = tuple[int, ...]
LISTING_SECONDS = 2.0  # of the processor, after which an answer is taken to list the elements of a large group


def _edges_of(*general: Callable) -> Callable:
    """Decorator: an answer that fails in general as well gets that hint, not "right in general, but ..."."""

    def wrap(test: Callable) -> Callable:
        @functools.wraps(test)
        def run(answer, random) -> None:
            try:
                test(answer, random)
            except Wrong:
                for other in general:
                    other(answer, random)
                raise

        return run

    return wrap


def _times(p: Row, q: Row) -> Row:
    """First q, then p."""
    return tuple(p[i] for i in q)


def _undone(p: Row) -> Row:
    return tuple(sorted(range(len(p)), key=p.__getitem__))


def _closure(rows: list[Row]) -> frozenset[Row]:
    """All products of the rows; of no rows nothing but what stands for the identity."""
    return _products(tuple(rows))


@functools.lru_cache(maxsize=64)  # a check asks for each of its groups several times
def _products(rows: tuple[Row, ...]) -> frozenset[Row]:
    one = tuple(range(len(rows[0]))) if rows else ()
    found, frontier = {one}, [one]
    while frontier:
        frontier = [new for new in {_times(g, h) for g in rows for h in frontier} if new not in found]
        found.update(frontier)
    return frozenset(found)


FAMILIES = {  # generators; all but the last two do not commute, and have elements of order three or more
    "A_4": [(1, 2, 0, 3), (0, 2, 3, 1)],
    "S_4": [(1, 0, 2, 3), (1, 2, 3, 0)],
    "D_5": [(1, 2, 3, 4, 0), (0, 4, 3, 2, 1)],
    "F_20": [(1, 2, 3, 4, 0), (0, 2, 4, 1, 3)],
    "S_3 beside C_3": [(1, 0, 2, 3, 4, 5), (0, 2, 1, 4, 5, 3)],
    "A_5": [(1, 2, 0, 3, 4), (1, 3, 2, 0, 4), (1, 4, 2, 3, 0)],
    "C_6": [(1, 2, 3, 4, 5, 0)],
    "C_2 beside C_3": [(1, 0, 3, 4, 2)],
}


def _group(random, name: str) -> list[Row]:
    """Generators of a family, with the places renamed at random."""
    rename = tuple(random.order(len(FAMILIES[name][0])))
    return [_times(_times(rename, g), _undone(rename)) for g in FAMILIES[name]]


# ------------------------------------------------------------------------------------------------- moving whole batches

left_moves = Exercise(
    "symmetries/groups/left_moves",
    hints={
        "keys": 'return a dict with the keys "product", "undo" and "moved"',
        "order": 'order: "product" is p after q, so item i goes to p[q[i]]',
        "product": '"product" is wrong: where does item i go if q moves it first and p moves it then?',
        "undo_order": '"undo" takes the two back in the wrong order: what came last has to be undone first',
        "undo_same": '"undo" is the product itself: it agrees only for elements that are their own inverses',
        "undo": '"undo" is wrong: product followed by undo should leave every item at its place',
        "right": '"moved" composes the wrong way round: x[p] fetches items, the left action sends item i to place p[i]',
        "one": '"moved" uses one of the two permutations: move by their product',
        "pairs": '"moved" should hold every item moved by every product, shape (m, b, n, d)',
        "axes": '"moved" has its first two axes exchanged: elements first, then items',
        "features": '"moved" permutes another axis: the n rows of an item go to new places, each with its d numbers',
        "moved": '"moved" is wrong: row i of an item goes to place product[i]',
        "copied": "numbers of x come back changed: rows are moved, not computed with, so large whole numbers stay exact",
        "square": "right in general, but not where m, b, n and d are equal: does the shape decide what you do?",
        "single": "right in general, but not for a single element, item, place or number",
        "whole": "right for floating-point numbers, but whole numbers and float32 should work as well",
    },
)


def _batch(random, m: int, b: int, n: int, d: int):
    """Random permutations, no row of p commuting with that of q where n allows it, and random items."""
    while True:
        p, q = (torch.tensor([random.order(n) for _ in range(m)]) for _ in range(2))
        pq, qp = p.gather(1, q), q.gather(1, p)
        if n < 3 or ((pq != qp).any(1).all() and (pq.gather(1, pq) != torch.arange(n)).any(1).any()):
            return p, q, random.normal(b, n, d)


def _sent(p: Tensor, x: Tensor) -> Tensor:
    """Item by item: row i of x to place p[i], (m, n), (b, n, d) -> (m, b, n, d)."""
    moved = x.new_zeros(len(p), *x.shape)
    for k, row in enumerate(p.tolist()):
        for i, place in enumerate(row):
            moved[k, :, place] = x[:, i]
    return moved


def _compare_moves(found, p: Tensor, q: Tensor, x: Tensor) -> None:
    parts, (m, b) = as_dict(found, ("product", "undo", "moved")), (len(p), len(x))
    product, back = p.gather(1, q), (p.gather(1, q)).argsort(1)
    value = as_tensor(parts["product"], product.shape, '"product"')
    if not torch.equal(value, product.double()):
        raise nearest(value, {"order": q.gather(1, p), "product": back}, "product")
    value = as_tensor(parts["undo"], product.shape, '"undo"')
    if not torch.equal(value, back.double()):
        raise nearest(value, {"undo_order": p.argsort(1).gather(1, q.argsort(1)), "undo_same": product}, "undo")
    value, truth = parts["moved"], _sent(product, x)
    if isinstance(value, Tensor) and m != b and tuple(value.shape) in (x.shape, (m, *x.shape[1:])):
        raise Wrong("pairs")
    if isinstance(value, Tensor) and m != b and value.shape == (b, m, *x.shape[1:]):
        raise Wrong("axes")
    value = as_tensor(value, truth.shape, '"moved"')
    if not close(value, truth):
        likely = {"right": _sent(back, x), "one": [_sent(p, x), _sent(q, x), _sent(q.argsort(1), x), _sent(p.argsort(1), x)]}
        raise nearest(value, likely | {"order": _sent(q.gather(1, p), x), "moved": -truth}, "moved")
    if not torch.equal(parts["moved"].to(truth.dtype), truth):
        raise Wrong("copied")


@left_moves.property(points=2)
def moves_every_item_by_every_product(answer, random):
    for m, b, n, d in ((5, 3, 4, 2), (2, 3, random.integer(7, 12), 1)):
        batch = _batch(random, m, b, n, d)
        _compare_moves(answer(*batch), *batch)


@left_moves.property(points=1)
def does_not_guess_axes_from_sizes(answer, random):
    batch = _batch(random, 4, 4, 4, 4)
    try:
        _compare_moves(called("square", answer, *batch), *batch)
    except Wrong as wrong:
        raise Wrong("square", seen=wrong.seen) from None


@left_moves.property(points=1)
def moves_single_things_and_other_numbers(answer, random):
    for hint, sizes, kind in (
        ("single", (1, 3, 4, 2), torch.float64),
        ("single", (3, 1, 4, 1), torch.float64),
        ("single", (2, 3, 1, 2), torch.float64),
        ("whole", (3, 2, 5, 2), torch.float32),
        ("whole", (3, 2, 5, 2), torch.long),
    ):
        p, q, x = _batch(random, *sizes)
        x = (2.0**58 * x).long() | 1 if kind == torch.long else x.to(kind)  # odd whole numbers of this size are no floats
        try:
            found = called(hint, answer, p, q, x)
            _compare_moves(found, p, q, x)
        except Wrong as wrong:
            raise Wrong("copied" if wrong.hint == "copied" else hint, seen=wrong.seen) from None
        if [found[key].dtype for key in ("product", "undo", "moved")] != [torch.long, torch.long, kind]:
            raise Wrong("whole", seen=f"x of {kind}: " + ", ".join(f"{key} of {value.dtype}" for key, value in found.items()))


# ------------------------------------------------------------------------------------------------ orbits and stabilisers

orbit_and_stabiliser = Exercise(
    "symmetries/groups/orbit_and_stabiliser",
    hints={
        "keys": 'return a dict with the keys "transport" and "stabiliser"',
        "rows": "each row should be a permutation of 0..n-1, as whole numbers",
        "outside": "a row is no product of the generators: build every row from them, and mind the order of multiplication",
        "missing": '"transport" misses points of the orbit: go on from each new point until nothing new comes',
        "too_many": '"transport" has more rows than the orbit has points: one row for each point',
        "itself": '"transport" lacks the point itself: the identity takes it there',
        "backwards": '"transport" takes the points of the orbit to the given point: it should be the other way round',
        "goal": '"transport": row j should take the point to the j-th point of the orbit in increasing order; if the rows are '
        "sorted, mind the order of multiplication: t first and then g is g[t]",
        "moves": 'a row of "stabiliser" moves the point: after a step along g, come back with the transport of where you are',
        "few": '"stabiliser" generates too few elements: orbit times stabiliser should be the order of the group',
        "many": "right for small groups, but not for ten places and more: keep every round trip, for every point and generator",
        "listed": "takes too long for a group of 40 million elements: walk over the points of the orbit, not over the elements",
        "lonely": "right in general, but not where the point is its own orbit, there is one generator, or one place",
    },
)


def _rows(value: object, n: int, what: str) -> list[Row]:
    """The rows of a tensor of permutations."""
    if value is None:
        raise Wrong("none")
    if not isinstance(value, Tensor):
        raise Wrong("type", f'"{what}" should be a tensor of permutations, one in each row')
    least = 1 if what == "transport" else 0  # a stabiliser of one element is generated by no row at all
    if value.dim() != 2 or value.shape[1] != n or len(value) < least:
        rows = f"(rows, {n})" + " with at least one row" * least
        raise Wrong("shape", f'"{what}" should have shape {rows}, not {tuple(value.shape)}')
    if len(value) and (value.is_floating_point() or value.dtype == torch.bool):
        raise Wrong("rows")
    rows = [tuple(row) for row in value.tolist()]
    if any(sorted(row) != list(range(n)) for row in rows):
        raise Wrong("rows")
    return rows


def _orbit(group: frozenset[Row], point: int) -> list[int]:
    return sorted({g[point] for g in group})


def _compare_transport(found: object, rows: list[Row], point: int) -> None:
    parts = as_dict(found, ("transport", "stabiliser"))
    sent, group = _rows(parts["transport"], len(rows[0]), "transport"), _closure(rows)
    orbit, goals = _orbit(group, point), [g[point] for g in sent]
    if len(sent) < len(orbit):
        raise Wrong("itself" if point not in goals and sorted([*goals, point]) == orbit else "missing")
    if len(sent) > len(orbit):
        raise Wrong("too_many")
    if [_undone(g)[point] for g in sent] == orbit != goals:
        raise Wrong("backwards")
    if goals != orbit:
        raise Wrong("goal")
    if not set(sent) <= group:
        raise Wrong("outside")


def _compare_stabiliser(found: object, rows: list[Row], point: int) -> None:
    kept, group = _rows(found["stabiliser"], len(rows[0]), "stabiliser"), _closure(rows)
    if any(g[point] != point for g in kept):
        raise Wrong("moves")
    if not set(kept) <= group:
        raise Wrong("outside")
    if len(_closure(kept)) * len(_orbit(group, point)) != len(group):
        raise Wrong("few")


@orbit_and_stabiliser.property(points=2)
def takes_the_point_to_its_whole_orbit(answer, random):
    for name in ("F_20", "A_4", "A_5", "S_3 beside C_3"):
        rows = _group(random, name)
        point = next(i for i in random.order(len(rows[0])) if len(_orbit(_closure(rows), i)) > 2)
        _compare_transport(answer(torch.tensor(rows), point), rows, point)


@orbit_and_stabiliser.property(points=2)
def generates_the_stabiliser(answer, random):
    for name, points in (("A_5", 1), ("S_4", 1), ("F_20", 1), ("S_3 beside C_3", 2), ("A_4", 1)):
        rows = _group(random, name)
        for point in random.order(len(rows[0]))[:points]:
            _compare_stabiliser(answer(torch.tensor(rows), point), rows, point)
    _compare_large(answer, random)


def _compare_large(answer: Callable, random) -> None:
    """All permutations of eleven places, and all those of five pairs of places: 11! and 2^5 5! elements."""
    for generators, stabiliser in (
        ([(*range(1, 11), 0), (1, 0, *range(2, 11))], 3628800),
        ([(*range(2, 10), 0, 1), (2, 3, 0, 1, *range(4, 10)), (1, 0, *range(2, 10))], 384),
    ):
        n, rename = len(generators[0]), tuple(random.order(len(generators[0])))
        rows = [_times(_times(rename, g), _undone(rename)) for g in generators]
        with _time_limit(LISTING_SECONDS, Wrong("listed")):
            found = answer(torch.tensor(rows), rename[0])
        sent, kept = (_rows(found[key], n, key) for key in ("transport", "stabiliser"))
        blocks = {frozenset((rename[i], rename[i + 1])) for i in range(0, n - 1, 2)}
        inside = n % 2 or all({frozenset(g[i] for i in block) for block in blocks} == blocks for g in sent + kept)
        if not inside or [g[rename[0]] for g in sent] != list(range(n)) or any(g[rename[0]] != rename[0] for g in kept):
            raise Wrong("many")
        moving = sorted(set(kept) - {tuple(range(n))})
        if not moving or permutation_group_order(torch.tensor(moving)) != stabiliser:
            raise Wrong("many")


@contextlib.contextmanager
def _time_limit(seconds: float, wrong: Wrong) -> Iterator[None]:
    """Raise `wrong` once the block has used so many seconds of the processor, where the system can tell."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, frame: object) -> None:
        raise wrong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.05)  # again and again: an answer might catch the first one
    try:
        yield
    except AnswerError as error:
        raise wrong if "Wrong" in error.kinds else error from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


@orbit_and_stabiliser.property(points=1)
@_edges_of(generates_the_stabiliser)
def works_for_lonely_points(answer, random):
    circle, pair = _group(random, "C_6"), _group(random, "C_2 beside C_3")
    still = [(*g, len(g)) for g in _group(random, "D_5")]  # one more place that nothing moves
    cases = [(circle, random.integer(0, 5)), (pair, random.integer(0, 4)), (still, 5), ([(0,)], 0), ([(0, 1, 2)], 1)]
    for rows, point in cases:
        found = called("lonely", answer, torch.tensor(rows), point)
        try:
            _compare_transport(found, rows, point)
            _compare_stabiliser(found, rows, point)
        except Wrong as wrong:
            raise Wrong("lonely", seen=f"{len(rows)} generators of {len(rows[0])} places") from wrong


# ------------------------------------------------------------------------------------------------------ Burnside, graded

patterns_by_black = Exercise(
    "symmetries/groups/patterns_by_black",
    hints={
        "list": "return a list of n + 1 whole numbers: how many patterns have 0, 1, ..., n black places",
        "reversed": "the list is the wrong way round: entry k counts patterns with k black places",
        "lengths": "you count each cycle as one black place: a black cycle has as many black places as it is long",
        "undivided": "you add up over the elements: Burnside's lemma takes the mean",
        "naive": "you divide the number of all patterns by the order: orbits have different sizes",
        "greys": "a cycle that is not black may have any one of the grey colours",
        "per_place": "the grey colour is chosen once for a whole cycle, not for each of its places",
        "two": "the number of colours is greys and black, greys + 1 in all",
        "value": "for each element multiply (greys + t^length) over its cycles; then take the mean over the elements",
        "edge": "right in general, but not for one grey, no grey, a single place or a single element",
        "exact": "right for small numbers, but not for many places and colours: stay with Python's whole numbers, "
        "which never overflow (int64 does) and are never rounded (floats are)",
    },
)


def _patterns(elements: list[Row], greys: int) -> list[int]:
    """By enumeration: each pattern is named by the least of its images."""
    n, colours = len(elements[0]), greys + 1
    digits = torch.arange(colours**n)[:, None] // colours ** torch.arange(n) % colours
    values = colours ** torch.arange(n)
    names = torch.stack([digits[:, list(p)] @ values for p in elements]).amin(0)
    first = names == digits @ values
    return torch.bincount((digits[first] == 0).sum(1), minlength=n + 1).tolist()


def _cycles(p: Row) -> list[int]:
    seen, lengths = set(), []
    for start in range(len(p)):
        length, place = 0, start
        while place not in seen:
            seen.add(place)
            place, length = p[place], length + 1
        lengths += [length] * (length > 0)
    return lengths


def _graded(elements: list[Row], step) -> list[float]:
    """Sum over elements of a product over cycles; `step(length)` gives what is not black and how far black goes."""
    total = [0] * (len(elements[0]) + 1)
    for p in elements:
        poly = [1] + [0] * len(p)
        for length in _cycles(p):
            plain, far = step(length)
            poly = [plain * poly[k] + (poly[k - far] if k >= far else 0) for k in range(len(poly))]
        total = [a + b for a, b in zip(total, poly, strict=True)]
    return total


def _likely_patterns(elements: list[Row], greys: int, truth: list[int]) -> dict:
    order, one = len(elements), [tuple(range(len(elements[0])))]

    def mean(total: list) -> list[Tensor]:
        exact = torch.tensor(total, dtype=torch.float64) / order
        return [exact, exact.floor()]

    return {
        "reversed": torch.tensor(truth[::-1], dtype=torch.float64),
        "lengths": mean(_graded(elements, lambda length: (greys, 1))),
        "undivided": torch.tensor(_graded(elements, lambda length: (greys, length)), dtype=torch.float64),
        "naive": mean(_graded(one, lambda length: (greys, length))),
        "greys": mean(_graded(elements, lambda length: (1, length))),
        "per_place": mean(_graded(elements, lambda length: (greys**length, length))),
        "two": mean(_graded(elements, lambda length: (greys - 1, length))),
    }


def _compare_patterns(found: object, elements: list[Row], greys: int, truth: list[int]) -> None:
    if found is None:
        raise Wrong("none")
    if not isinstance(found, list) or len(found) != len(truth) or any(type(entry) not in (int, float) for entry in found):
        raise Wrong("list")
    if found == truth and all(type(entry) is int for entry in found):
        return
    value = torch.tensor(found, dtype=torch.float64)
    if not value.isfinite().all():
        raise Wrong("nan")
    if close(value, torch.tensor(truth, dtype=torch.float64), 1e-9):
        raise Wrong("list")
    raise nearest(value, _likely_patterns(elements, greys, truth))


def _elements(random, name: str) -> list[Row]:
    """All elements of a family, in random order."""
    rows = sorted(_closure(_group(random, name)))
    return [rows[i] for i in random.order(len(rows))]


@patterns_by_black.property(points=2)
def counts_as_enumeration_does(answer, random):
    for name, greys in (("S_3 beside C_3", 3), ("D_5", random.integer(2, 3)), ("A_4", 4), ("C_6", 2)):
        elements = random.once(_elements, name)
        truth = random.recall(lambda: _patterns(elements, greys))  # noqa: B023
        _compare_patterns(answer(torch.tensor(elements), greys), elements, greys, truth)


@patterns_by_black.property(points=1)
def counts_at_the_edges(answer, random):
    for elements, greys in (
        (random.once(_elements, "F_20"), 1),
        (random.once(_elements, "D_5"), 0),
        ([(0, 1, 2, 3)], 2),
        ([(0,)], 3),
    ):
        found = called("edge", answer, torch.tensor(elements), greys)
        try:
            truth = random.recall(lambda: _patterns(elements, greys), greys)  # noqa: B023
            _compare_patterns(found, elements, greys, truth)
        except Wrong as wrong:
            raise Wrong("edge", seen=f"{len(elements)} elements, {len(elements[0])} places, {greys} greys") from wrong


@patterns_by_black.property(points=1)
def counts_large_numbers_exactly(answer, random):
    """Three copies of a polygon under its turns and reflections, places renamed: counts of 30 digits and more."""
    sides, greys = random.integer(13, 14), random.integer(7, 9)
    n, rename = 3 * sides, tuple(random.order(3 * sides))

    def case() -> tuple[list[Row], list[int]]:
        polygon = [tuple((k + sign * i) % sides for i in range(sides)) for k in range(sides) for sign in (1, -1)]
        copies = [tuple(p[i % sides] + i // sides * sides for i in range(n)) for p in polygon]
        elements = [_times(_times(rename, p), _undone(rename)) for p in copies]
        return elements, [count // len(elements) for count in _graded(elements, lambda length: (greys, length))]

    elements, truth = random.recall(case)
    if called("exact", answer, torch.tensor(elements), greys) != truth:
        raise Wrong("exact")


# --------------------------------------------------------------------------------------------------- what does not move

fixed_space = Exercise(
    "symmetries/groups/fixed_space",
    hints={
        "average": "you average the generators: their mean is no projector unless they are a whole group",
        "oblique": "that projects onto the right space, but not at right angles: the representation need not be orthogonal",
        "transposed": "you solve for the transposed matrices: v stands on the right of g",
        "first": "you use some of the constraints only: v has to satisfy all of them at once",
        "ignored": "you ignore the directions: of them v has to satisfy A v = 0",
        "like_elements": "you treat directions like elements: for them the equation is A v = 0, without minus v",
        "summed": "you add the constraints up: v may satisfy the sum and none of them; stack them as rows",
        "averaged": "you average elements with their inverses: what the mean leaves alone, they may still move (a shear)",
        "squared": "you ask for A A v = 0: that also holds for some v with A v not 0 (a shear); ask for A v = 0",
        "exponential": "a direction is not an element: exp(A) can come back to 1 while A v = 0 for no v; ask for A v = 0",
        "zero": "right in general, but how small is zero? Count singular values below 1e-6 as zero, and no larger ones",
        "precise": "right to a few digits: compute in the dtype of the matrices, float64 stays float64",
        "dtype": "the projector should have the dtype of the matrices",
        "complement": "that is the projector onto what *does* move: the complement",
        "everything": "you return the identity: some vectors do move",
        "value": "stack all rows of g - 1 and of A; the answer is the orthogonal projector onto the null space",
        "nothing": "right in general, but not where nothing is fixed, everything is, or one of the two lists is empty",
        "float32": "right in float64, but float32 should work as well: zero is what is below 1e-3 there",
    },
)


def _projector(columns: Tensor) -> Tensor:
    """Onto the column space, which need not have full rank."""
    left, values, _ = torch.linalg.svd(columns)
    kept = left[:, : len(values)][:, values > 1e-6]
    return kept @ kept.T


def _skewed(random, n: int) -> Tensor:
    """A basis that is far from orthonormal, and far from singular."""
    left, right = (torch.linalg.qr(random.normal(n, n))[0] for _ in range(2))
    return left @ torch.diag(random.uniform(n, low=0.5, high=2.0)) @ right


def _planes(random, basis: Tensor) -> tuple[Tensor, Tensor]:
    """A direction that turns two planes of the space, and what it leaves in place."""
    n = len(basis)
    turn = torch.zeros(n, n, dtype=torch.float64)
    for i in (0, 2):
        turn[i, i + 1], turn[i + 1, i] = random.uniform(2, low=0.5, high=1.5) * torch.tensor([-1.0, 1.0])
    return torch.linalg.solve(basis, turn @ basis), torch.linalg.solve(basis, torch.eye(n, dtype=torch.float64)[:, 4:])


def _null(constraints: Tensor) -> Tensor:
    _, values, right = torch.linalg.svd(constraints)
    zero = torch.ones(len(right), dtype=torch.bool)
    zero[: len(values)] = values <= 1e-6
    return right[zero].T @ right[zero]


def _likely_spaces(g: Tensor, a: Tensor, mean: Tensor | None) -> dict:
    n = (g if len(g) else a).shape[1]
    one = torch.eye(n, dtype=torch.float64)
    rows, both = g - one, torch.cat([g - one, a])
    likely = {}
    if len(a):
        likely["squared"] = [_null(torch.cat([rows, power]).flatten(0, 1)) for power in (a @ a, a @ a @ a)]
        likely["exponential"] = _null(torch.cat([rows, torch.linalg.matrix_exp(a) - one]).flatten(0, 1))
        likely["ignored"] = _null(rows.flatten(0, 1))
        likely["like_elements"] = _null(torch.cat([g, a]).sub(one).flatten(0, 1))
    if len(both):
        likely["summed"] = _null(both.sum(0))
        likely["average"] = [torch.cat([g, a]).mean(0), torch.cat([one[None], g, a]).mean(0)]
        likely["averaged"] = _null(torch.cat([(g + torch.linalg.inv(g)) / 2 - one, a]).flatten(0, 1))
    return likely | {
        "oblique": [mean, mean.T] if mean is not None else [],
        "transposed": _null(both.transpose(1, 2).flatten(0, 1)),
        "first": [_null(part) for part in both],
        "complement": one - _null(both.flatten(0, 1)),
        "everything": one,
    }


def _compare_space(found: object, g: Tensor, a: Tensor, truth: Tensor, mean: Tensor | None, tolerance: float = 1e-9) -> None:
    value = as_tensor(found, truth.shape)
    if not close(value, truth, max(tolerance, 1e-5)):
        raise nearest(value, _likely_spaces(g, a, mean), "value")
    if found.dtype != g.dtype:
        raise Wrong("dtype")
    if not close(value, truth, tolerance):
        raise Wrong("precise")


def _finite(random, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Generators of a family in a skewed basis, no directions, the projector, and the mean over all elements."""
    rows = _group(random, name)
    basis = _skewed(random, len(rows[0]))
    mean = permutation_matrices(sorted(_closure(rows)), basis).mean(0)
    return permutation_matrices(rows, basis), torch.zeros(0, *basis.shape, dtype=torch.float64), _projector(mean), mean


@fixed_space.property(points=2)
def finds_what_generators_leave_in_place(answer, random):
    for name in ("S_3 beside C_3", "A_4", "F_20"):
        g, a, truth, mean = random.once(_finite, name)
        _compare_space(answer(g, a), g, a, truth, mean)
    shear, truth = _shear(random, random.integer(4, 6))  # an element of infinite order, and with it its inverse
    one = torch.eye(len(truth), dtype=torch.float64)
    for g in (torch.stack([one + shear]), torch.stack([one + shear, one - shear])):
        _compare_space(answer(g, 0 * g[:0]), g, g[:0], truth, None)


def _shear(random, n: int) -> tuple[Tensor, Tensor]:
    """A matrix that is not 0 but whose square is, in a skewed basis, and the projector onto its null space."""
    basis, step = _skewed(random, n), torch.zeros(n, n, dtype=torch.float64)
    step[0, 1] = random.uniform(1, low=0.5, high=1.5)
    keep = [i for i in range(n) if i != 1]
    still = torch.linalg.solve(basis, torch.eye(n, dtype=torch.float64)[:, keep])
    return torch.linalg.solve(basis, step @ basis), _projector(still)


@fixed_space.property(points=2)
def respects_directions_as_well(answer, random):
    for n in (5, 6, 7):
        basis = _skewed(random, n)
        a, fixed = _planes(random, basis)
        g = torch.zeros(0, n, n, dtype=torch.float64)
        _compare_space(answer(g, a[None]), g, a[None], _projector(fixed), None)
    basis = _skewed(random, 5)  # two directions that turn the same space about different axes: no axis is left
    space = torch.zeros(2, 5, 5, dtype=torch.float64)
    space[0, 0, 1] = space[1, 1, 2] = -1.0
    space[0, 1, 0] = space[1, 2, 1] = 1.0
    turns = torch.linalg.solve(basis, space @ basis)
    fixed = torch.linalg.solve(basis, torch.eye(5, dtype=torch.float64)[:, 3:])
    _compare_space(answer(turns.new_zeros(0, 5, 5), turns), turns[:0], turns, _projector(fixed), None)
    basis = _skewed(random, 7)  # the direction leaves three coordinates, the element permutes them
    a, fixed = _planes(random, basis)
    g = permutation_matrices([(0, 1, 2, 3, 5, 6, 4)], basis)
    _compare_space(answer(g, a[None]), g, a[None], _projector(fixed.sum(1, keepdim=True)), None)
    shear, truth = _shear(random, 5)
    _compare_space(answer(g.new_zeros(0, 5, 5), shear[None]), g.new_zeros(0, 5, 5), shear[None], truth, None)


def _small_steps(random) -> list[tuple[Tensor, Tensor, Tensor, float]]:
    """Elements and directions close to no motion at all, and the identity as rounding leaves it."""
    n, basis = 5, _skewed(random, 5)
    turn = torch.zeros(n, n, dtype=torch.float64)
    turn[0, 1], turn[1, 0] = -1.0, 1.0
    turn, still = torch.linalg.solve(basis, turn @ basis), torch.linalg.solve(basis, torch.eye(n).double()[:, 2:])
    g = torch.linalg.matrix_exp(2 * torch.pi / 60 * turn)[None]
    one, none = torch.eye(n, dtype=torch.float64), g[:0]
    rounded = one[None] + 1e-9 * random.normal(1, n, n)
    slow, swap = 1e-3 * turn[None], permutation_matrices([(0, 1, 3, 2, 4)], basis)
    both = torch.linalg.solve(basis, (torch.eye(n).double() + torch.eye(n)[[0, 1, 3, 2, 4]])[:, 2:])
    return [
        (g, none, _projector(still), 1e-9),
        (none, slow, _projector(still), 1e-9),
        (swap, slow, _projector(both), 1e-6),
        (rounded, none, one, 1e-9),
    ]


@fixed_space.property(points=1)
@_edges_of(finds_what_generators_leave_in_place, respects_directions_as_well)
def works_where_nothing_or_everything_is_fixed(answer, random):
    one, none = torch.eye(4, dtype=torch.float64), torch.zeros(0, 4, 4, dtype=torch.float64)
    turn = torch.tensor([[0.0, -1], [1, 0]], dtype=torch.float64)[None]
    cases = [(-one[None], none, 0 * one), (none, none, one), (one[None], none, one)]
    cases += [
        (turn[:0], 2 * torch.pi * turn, 0 * turn[0]),
        (torch.ones(1, 1, 1).double(), torch.zeros(0, 1, 1).double(), torch.eye(1).double()),
    ]
    for g, a, truth in cases:  # the exponential of the turn is the identity, and yet nothing is fixed
        found = called("nothing", answer, g, a)
        try:
            _compare_space(found, g, a, truth, None)
        except Wrong as wrong:
            if wrong.hint in ("exponential", "dtype"):
                raise
            raise Wrong("nothing", seen=f"{len(g)} generators, {len(a)} directions, D = {len(truth)}") from wrong
    for g, a, truth, tolerance in random.once(_small_steps):
        found = called("zero", answer, g, a)
        try:
            _compare_space(found, g, a, truth, None, tolerance)
        except Wrong as wrong:
            raise Wrong("precise" if wrong.hint == "precise" else "zero") from wrong
    turn, none, still, _ = random.once(_small_steps)[0]
    rounded = torch.eye(5, dtype=torch.float64)[None] + 1e-5 * random.normal(1, 5, 5)
    cases = [random.once(_finite, "S_3 beside C_3"), (turn, none, still, None), (rounded, none, torch.eye(5).double(), None)]
    try:
        for g, a, truth, mean in cases:
            _compare_space(answer(g.float(), a.float()), g.float(), a.float(), truth, mean, 1e-3)
    except (Wrong, AnswerError) as wrong:
        raise Wrong("float32") from wrong
