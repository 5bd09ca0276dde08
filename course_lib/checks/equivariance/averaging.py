"""Checks for exercises/equivariance/averaging.ipynb."""

import itertools
import math
from collections import Counter

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.instances import permutation_matrices
from course_lib.models import MLP

Row = tuple[int, ...]


def _times(p: Row, q: Row) -> Row:
    """First q, then p."""
    return tuple(p[i] for i in q)


def _undone(p: Row) -> Row:
    return tuple(sorted(range(len(p)), key=p.__getitem__))


def _closure(rows: list[Row]) -> list[Row]:
    """All products of the rows, sorted."""
    found, frontier = {tuple(range(len(rows[0])))}, [tuple(range(len(rows[0])))]
    while frontier:
        frontier = [new for new in {_times(g, h) for g in rows for h in frontier} if new not in found]
        found.update(frontier)
    return sorted(found)


FAMILIES = {  # generators; both have elements that do not commute, and elements of order three
    "S_3": [(1, 0, 2), (1, 2, 0)],
    "A_4": [(1, 2, 0, 3), (0, 2, 3, 1)],
}


# -------------------------------------------------------------------------------------------------- group average

group_average = Exercise(
    "equivariance/averaging/group_average",
    hints={
        "no_inverse": "answers are not taken back: before the mean, each has to be moved back by the inverse on outputs",
        "forward": "the two sides do not go together: only the answer gets the inverse, of the element that moved its input",
        "transposed": "the transpose is the inverse of an orthogonal matrix only, and these need not be orthogonal",
        "inputs": "you average inputs and evaluate once: take the mean of answers, not of questions",
        "outputs": "you average what is done to f(x) and never move the input",
        "pairs": "you average twice on its own: the input is moved by g, and *its* answer taken back by the same g",
        "right_action": "x @ rho moves by the transposed matrix: entry i of the moved item is sum_j rho[i, j] x[j]",
        "right_back": "the way back is multiplied from the wrong side: entry i is the sum over j of inverse[i, j] answer[j]",
        "sum": "that is the sum over the group: divide by the number of elements",
        "without_identity": "the identity belongs to the mean as well",
        "axes": "elements and items are mixed up: unfold the batch in the order in which it was folded",
        "value": "not the mean over g of rho_out(g)^-1 net(rho_in(g) x)",
        "single": "right in general, but not for one item, one element or equal sizes",
        "alike": "right in general, but answers may be longer than inputs, and two elements may move inputs alike, answers not",
        "float32": "right in value, but float32 should work as well as float64, and each come back as what it was",
    },
)


def _network(random, inputs: int, outputs: int) -> MLP:
    """With biases that do not vanish: it is neither odd nor zero at zero."""
    net = MLP([inputs, 6, outputs], "tanh", random.seed()).double().requires_grad_(False)
    for layer in (net.layers[0], net.layers[2]):
        layer.bias.copy_(random.away_from_zero(len(layer.bias)))
    return net


def _signs_inside(random) -> tuple[MLP, Tensor, Tensor, Tensor, Tensor]:
    """S_3, whose three exchanges move inputs (two numbers) alike, and answers (three numbers) not."""
    rows = _closure(FAMILIES["S_3"])
    rows = [rows[k] for k in random.order(6)]
    inside, outside = random.basis(2), random.basis(3)
    signs = [-1.0 if sum(i != j for i, j in enumerate(p)) == 2 else 1.0 for p in rows]
    moves = torch.stack([torch.diag(torch.tensor([1.0, sign], dtype=torch.float64)) for sign in signs])
    back = permutation_matrices([_undone(p) for p in rows], outside)
    rho_in = torch.linalg.solve(inside, moves @ inside)
    return _network(random, 2, 3), rho_in, permutation_matrices(rows, outside), back, random.normal(4, 2)


def _averaging_case(random, name: str, items: int) -> tuple[MLP, Tensor, Tensor, Tensor, Tensor]:
    """A network, both representations, their way back by inverse elements, items. The identity stands anywhere."""
    rows = _closure(FAMILIES[name])
    rows = [rows[k] for k in random.order(len(rows))]
    n = len(rows[0])
    inside, outside = random.basis(n), random.basis(n)
    back = permutation_matrices([_undone(p) for p in rows], outside)
    net = _network(random, n, n)
    return net, permutation_matrices(rows, inside), permutation_matrices(rows, outside), back, random.normal(items, n)


def _mean_answer(net: MLP, rho_in: Tensor, back: Tensor, x: Tensor) -> Tensor:
    """Element by element; the way back is the matrix of the inverse element."""
    return sum(net(x @ g.T) @ b.T for g, b in zip(rho_in, back, strict=True)) / len(back)


def _likely_averages(net: MLP, rho_in: Tensor, rho_out: Tensor, back: Tensor, x: Tensor) -> dict:
    moved = torch.einsum("mij,bj->mbi", rho_in, x)
    answers = net(moved.flatten(0, 1)).reshape(len(rho_in), len(x), -1)
    turned = net((x @ rho_in).flatten(0, 1)).reshape(answers.shape)
    each = torch.einsum("mij,mbj->mbi", back, answers)
    still = [k for k, g in enumerate(rho_in) if close(g, torch.eye(len(g)))][0]
    moving = [k for k in range(len(rho_in)) if k != still]
    mixed = moved.transpose(0, 1).reshape(moved.shape[0] * moved.shape[1], -1)
    mixed = net(mixed).reshape(answers.shape)
    unfolded = answers.reshape(len(x), len(rho_in), -1).transpose(0, 1)
    return {
        "no_inverse": answers.mean(0),
        "forward": torch.einsum("mij,mbj->mbi", rho_out, answers).mean(0),
        "transposed": torch.einsum("mji,mbj->mbi", rho_out, answers).mean(0),
        "inputs": [net(moved.mean(0)), net(moved.mean(0)) @ back.mean(0).T],
        "outputs": net(x) @ back.mean(0).T,
        "pairs": answers.mean(0) @ back.mean(0).T,
        "right_action": [torch.einsum("mij,mbj->mbi", back, turned).mean(0), turned.mean(0)],
        "right_back": torch.einsum("mji,mbj->mbi", back, answers).mean(0),
        "sum": each.sum(0),
        "without_identity": [each[moving].mean(0), each[moving].sum(0) / len(each)] if moving else [],
        "axes": [torch.einsum("mij,mbj->mbi", back, one).mean(0) for one in (mixed, unfolded)],
    }


def _compare_average(found: object, case: tuple) -> None:
    net, rho_in, rho_out, back, x = case
    truth = _mean_answer(net, rho_in, back, x)
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-7):
        raise nearest(value, _likely_averages(net, rho_in, rho_out, back, x), "value", 1e-7)


@group_average.property(points=3)
def averages_as_defined(answer, random):
    case = random.once(_averaging_case, "A_4", 5)
    net, rho_in, rho_out, _, x = case
    _compare_average(answer(net, rho_in, rho_out, x), case)


@group_average.property(points=1)
def averages_at_the_edges(answer, random):
    net, rho_in, rho_out, back, x = random.once(_averaging_case, "S_3", 6)
    still = [k for k, g in enumerate(rho_in) if close(g, torch.eye(3))]
    cases = (
        ("single", (net, rho_in, rho_out, back, x)),  # as many elements as items
        ("single", (net, rho_in, rho_out, back, x[:1])),
        ("single", (net, rho_in[still], rho_out[still], back[still], x[:3])),  # as many items as numbers
        ("alike", random.once(_signs_inside)),
    )
    kinds = set()
    for hint, one in cases:
        found = called(hint, answer, one[0], one[1], one[2], one[4])
        kinds.add(getattr(found, "dtype", None))
        try:
            _compare_average(found, one)
        except Wrong as wrong:
            raise Wrong(hint, seen=f"{len(one[1])} elements, {len(one[4])} items") from wrong
    if kinds != {torch.float64}:
        raise Wrong("float32")
    truth = _mean_answer(net, rho_in, back, x)
    found = called("float32", answer, net.float(), rho_in.float(), rho_out.float(), x.float())
    if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, truth, 1e-3):
        raise Wrong("float32")


# ------------------------------------------------------------------------------------------------ a chain of means

averaging_plan = Exercise(
    "equivariance/averaging/averaging_plan",
    hints={
        "list": "return a list of tensors, each (m, n) of whole numbers (int64): the permutations of one step",
        "permutations": "each row of a step should be a permutation of 0, ..., n-1",
        "never": "some orders never come out as a product of one row from each step",
        "uneven": "every order comes out, but some more often than others: the mean would be weighted",
        "identity": "leaving everything in place is one of the moves of a step, too",
        "order": "the steps would be right the other way round: the first step of the list is done first",
        "long": "that is exact, but too long: n(n-1)/2 rows that are not the identity are enough",
        "untried": "and too long to be tried for many items: make it short first",
        "large": "right for a few items, but not for many",
        "one": "right in general, but not for a single item",
    },
)


def _steps(found: object, n: int) -> list[list[Row]]:
    if found is None:
        raise Wrong("none")
    if not isinstance(found, list) or not all(isinstance(rows, Tensor) for rows in found):
        raise Wrong("list")
    if any(rows.dtype != torch.int64 or rows.dim() != 2 or rows.shape[1] != n or not len(rows) for rows in found):
        raise Wrong("list", seen=f"n = {n}")
    for rows in found:
        if not (rows.sort(1).values == torch.arange(n)).all():
            raise Wrong("permutations")
    return [[tuple(row) for row in rows.tolist()] for rows in found]


def _cost(steps: list[list[Row]], n: int) -> int:
    still = tuple(range(n))
    return sum(row != still for rows in steps for row in rows)


def _counts(steps: list[list[Row]], n: int) -> dict[Row, float]:
    """With which probability each order comes out."""
    mass = {tuple(range(n)): 1.0}
    for rows in steps:
        spread: dict[Row, float] = {}
        for done, p in mass.items():
            for row in rows:
                new = _times(row, done)
                spread[new] = spread.get(new, 0.0) + p / len(rows)
        mass = spread
    return mass


def _even(steps: list[list[Row]], n: int) -> bool:
    mass, order = _counts(steps, n), math.factorial(n)
    return len(mass) == order and max(mass.values()) * order < 1 + 1e-9


@averaging_plan.property(points=2)
def every_order_comes_out_equally_often(answer, random):
    for n in (3, 4, 5, 2):
        steps = _steps(answer(n), n)
        if _even(steps, n):
            continue
        still = tuple(range(n))
        lazy = [rows if still in rows else [still, *rows] for rows in steps]
        if lazy != steps and _even(lazy, n):
            raise Wrong("identity")
        if _even(steps[::-1], n):
            raise Wrong("order")
        raise Wrong("never" if len(_counts(steps, n)) < math.factorial(n) else "uneven", seen=f"n = {n}")


@averaging_plan.property(points=1)
def it_is_short(answer, random):
    n = random.integer(5, 7)
    if _cost(_steps(answer(n), n), n) > n * (n - 1) // 2:
        raise Wrong("long", seen=f"n = {n}")


@averaging_plan.property(points=1)
def it_works_for_many_items_and_for_one(answer, random):
    if _cost(_steps(answer(6), 6), 6) > 15:  # or many items would take for ever
        raise Wrong("untried")
    try:
        steps = _steps(called("one", answer, 1), 1)
    except Wrong as wrong:
        raise Wrong("one") from wrong
    if not _even(steps, 1):
        raise Wrong("one")
    some = random.integer(8, 11)
    for n, marked in ((some, 3), (some + 5 + 2 * random.integer(0, 3), 2)):  # one is even, the other odd
        steps = _steps(called("large", answer, n), n)
        if _cost(steps, n) > n * (n - 1) // 2 or not _could_be_even(steps, random.normal(*[n] * marked)):
            raise Wrong("large", seen=f"n = {n}")


def _could_be_even(steps: list[list[Row]], w: Tensor) -> bool:
    """What is needed for all orders to come out equally often, where they are too many to list.

    The product of the numbers of rows is a multiple of n!; the signs have mean zero; marked items are everywhere.
    """
    multiples = [Counter(rows).values() for rows in steps]
    choices = math.prod(sum(counts) // math.gcd(*counts) for counts in multiples)
    later = torch.ones(len(w), len(w), dtype=torch.bool).triu(1)
    rows = [torch.tensor(step) for step in steps]
    odd = [((p[:, :, None] > p[:, None, :]) & later).sum((1, 2)) % 2 for p in rows]
    halves = any(2 * signs.sum() == len(signs) for signs in odd)
    return choices % math.factorial(len(w)) == 0 and halves and _flattens(rows, w)


def _flattens(steps: list[Tensor], w: Tensor) -> bool:
    """A number for each way to place k marked items, `(n, ..., n)`: the mean over all orders is the same for all ways."""
    n, k = len(w), w.dim()
    places = torch.arange(n)
    distinct = torch.ones([n] * k, dtype=torch.bool)
    for i, j in itertools.combinations(range(k), 2):
        distinct &= _along(places, i, k) != _along(places, j, k)
    truth = w[distinct].mean()
    for rows in steps:
        sources = rows.argsort(1)
        w = w[tuple(_along(sources, i, k) for i in range(k))].mean(0)
    return bool(((w[distinct] - truth).abs() < 1e-9).all())


def _along(values: Tensor, axis: int, k: int) -> Tensor:
    """`(..., n)` -> `(..., 1, n, 1)`, n as the given one of the last k axes."""
    shape = [1] * k
    shape[axis] = values.shape[-1]
    return values.reshape(*values.shape[:-1], *shape)


# --------------------------------------------------------------------------------------------- what is left of it

worst_left = Exercise(
    "equivariance/averaging/worst_left",
    hints={
        "trivial": "constants survive every average: subtract the mean over the group before you take the norm",
        "eigenvalue": "the step need not be symmetric: how much longer a vector can get is the largest singular value",
        "power_of_norm": "the norm of a power can be smaller than the power of the norm: take the power of the step first",
        "once": "you answer for one step",
        "frobenius": "the largest stretch of any function is asked for: the spectral norm, not the root of the sum of squares",
        "squared": "that is the square of what is left",
        "probability": "you follow a single starting point: the worst function need not be concentrated on one element",
        "repeated": "an element that is listed twice is drawn twice as often",
        "entry": "you look at single entries: take the norm of the whole step",
        "sum": "the step is a mean over the chosen elements: its weights add up to one",
        "symmetrised": "you make the step symmetric first: it is the norm of A itself, with its powers, that is asked for",
        "value": "not the norm of A^steps - P: write down A, its power and P for a ring of three, and compare",
        "large": "right for a few steps on a small group, but not for many, or for an element that is listed three times",
        "small": "a little is left there, not nothing: return the norm as it comes out",
        "subgroup": "right in general, but not where the chosen elements generate a part of the group, or all was averaged",
        "single": "right in general, but not for a single element or a group of one",
    },
)


def _dihedral(random, n: int) -> tuple[Tensor, list[tuple[int, int]], list[int]]:
    """The table of D_n with its elements numbered at random, the elements (turns, flips), and the number of each."""
    elements = [(k, s) for s in (0, 1) for k in range(n)]
    number = torch.tensor(random.order(2 * n))
    turns, flips = torch.tensor(elements).T
    products = (flips[:, None] ^ flips) * n + (turns[:, None] + (1 - 2 * flips[:, None]) * turns) % n
    table = torch.empty(2 * n, 2 * n, dtype=torch.long)
    table[number[:, None], number] = number[products]
    return table, elements, number.tolist()


def _irreducible(n: int, elements: list[tuple[int, int]]) -> list[Tensor]:
    """Matrices `(2n, d, d)` of the representations of D_n that cannot be split, all but the trivial one."""
    turns, flips = torch.tensor(elements).double().T
    signs = [(a, b) for a in ((1, -1) if n % 2 == 0 else (1,)) for b in (1, -1)][1:]
    found = [(a**turns * b**flips)[:, None, None] for a, b in signs]
    for k in range(1, (n + 1) // 2):
        angle, sign = 2 * math.pi * k / n * turns, 1 - 2 * flips
        cos, sin = angle.cos(), angle.sin()
        found.append(torch.stack([cos, -sin * sign, sin, cos * sign], 1).reshape(-1, 2, 2))
    return found


def _left(n: int, elements: list[tuple[int, int]], chosen: list[int], steps: int) -> float:
    """Largest norm of the power of the mean, over the irreducible representations."""
    parts = [torch.linalg.matrix_power(rho[chosen].mean(0), steps) for rho in _irreducible(n, elements)]
    return max(torch.linalg.matrix_norm(part, 2).item() for part in parts)


def _likely_left(table: Tensor, chosen: list[int], steps: int) -> dict:
    r = len(table)
    step = torch.zeros(r, r, dtype=torch.float64)
    single = step.clone()
    for s in chosen:
        step[table[s], torch.arange(r)] += 1 / len(chosen)
    for s in set(chosen):
        single[table[s], torch.arange(r)] += 1 / len(set(chosen))
    power = torch.linalg.matrix_power(step, steps)
    rest, once = power - 1 / r, step - 1 / r
    size = torch.linalg.matrix_norm(rest, 2).item()
    values = torch.linalg.eigvals(once)
    lower, overwritten = torch.linalg.eigvalsh(once), single * len(set(chosen)) / len(chosen)
    added = torch.linalg.matrix_norm(torch.linalg.matrix_power(len(chosen) * step, steps) - 1 / r, 2)
    return {
        "trivial": [torch.linalg.matrix_norm(power, 2), 1.0],
        "eigenvalue": [
            *(values.abs().max() ** steps, values.real.max() ** steps, values.real.max()),
            *(lower.abs().max() ** steps, torch.linalg.eigvalsh(rest).abs().max()),
        ],
        "symmetrised": torch.linalg.matrix_norm(torch.linalg.matrix_power((once + once.T) / 2, steps), 2),
        "power_of_norm": torch.linalg.matrix_norm(once, 2) ** steps,
        "once": torch.linalg.matrix_norm(once, 2),
        "frobenius": [rest.norm(), rest.norm() / r**0.5],
        "squared": size**2,
        "probability": [rest[:, 0].norm(), rest[:, 0].abs().sum() / 2, rest[:, 0].abs().sum(), rest[:, 0].norm() * r**0.5],
        "repeated": [
            torch.linalg.matrix_norm(torch.linalg.matrix_power(one, steps) - 1 / r, 2) for one in (single, overwritten)
        ],
        "entry": [rest.abs().max(), power.abs().max(), r * rest.abs().max()],
        "sum": [added, len(chosen) ** steps * size],
    }


def _compare_left(found: object, table: Tensor, chosen: list[int], steps: int, truth: float) -> None:
    value = as_number(found)
    if not close(value, truth, 1e-6):
        raise nearest(value, _likely_left(table, chosen, steps), "value", 1e-6)


@worst_left.property(points=3)
def agrees_with_the_irreducible_representations(answer, random):
    """Non-commuting elements, one of them twice: the step is not symmetric, its powers have norms of their own."""
    for steps in (3, 1, random.choice((2, 4, 5))):
        n = random.integer(4, 6) if steps == 1 else 5
        table, elements, number = _dihedral(random, n)
        rows = [elements.index(e) for e in ((1, 0), (random.integer(0, n - 1), 1))]
        rows += [rows[random.integer(0, 1)]] + ([0] if steps in (3, 1) else [])  # the last time without the identity
        chosen = [number[k] for k in rows]
        _compare_left(answer(table, chosen, steps), table, chosen, steps, _left(n, elements, rows, steps))


@worst_left.property(points=1)
def knows_when_nothing_and_when_everything_is_left(answer, random):
    table, elements, number = _dihedral(random, 4)
    cases = [
        ("subgroup", table, number, 1, 0.0),  # all of it
        ("subgroup", table, [k for e, k in zip(elements, number, strict=True) if e[0] % 2 == 0], 3, 1.0),
        ("subgroup", table, [k for e, k in zip(elements, number, strict=True) if e[1]], 5, 1.0),  # odd and even
        ("single", table, [number[5]], 2, 1.0),
        ("single", torch.zeros(1, 1, dtype=torch.long), [0], 2, 0.0),
    ]
    for hint, case_table, chosen, steps, truth in cases:
        if not close(as_number(called(hint, answer, case_table, chosen, steps)), truth, 1e-6):
            raise Wrong(hint)
    for hint, build in (("large", _many_steps), ("small", _little_left)):
        case_table, chosen, steps, truth = random.once(build)
        if not close(as_number(called(hint, answer, case_table, chosen, steps)) / truth, 1.0, 1e-3):
            raise Wrong(hint, seen=f"{len(case_table)} elements, {steps} steps")


def _many_steps(random) -> tuple[Tensor, list[int], int, float]:
    """A larger group, and an element three times."""
    steps, flip = random.integer(12, 16), 17 + random.integer(0, 16)
    table, elements, number = _dihedral(random, 17)
    rows = [1, flip, 1, 3, 1]
    return table, [number[k] for k in rows], steps, _left(17, elements, rows, steps)


def _little_left(random) -> tuple[Tensor, list[int], int, float]:
    """Seven elements of ten, and so many steps that less than a thousandth is left."""
    table, elements, number = _dihedral(random, 5)
    rows, steps = random.order(10)[:7], 2
    while (truth := _left(5, elements, rows, steps)) > 5e-4:
        steps += 1
    return table, [number[k] for k in rows], steps, truth
