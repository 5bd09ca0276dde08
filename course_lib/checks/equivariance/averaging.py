"""Checks for exercises/equivariance/averaging.ipynb."""

import math

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
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
        "forward": "answers are moved on in place of back: it is the inverse that belongs on the outside",
        "transposed": "the transpose is the inverse of an orthogonal matrix only, and these need not be orthogonal",
        "inputs": "you average inputs and evaluate once: take the mean of answers, not of questions",
        "outputs": "you average what is done to f(x) and never move the input",
        "pairs": "you average twice on its own: the input is moved by g, and *its* answer taken back by the same g",
        "right_action": "x @ rho moves by the transposed matrix: entry i of the moved item is sum_j rho[i, j] x[j]",
        "right_back": "the way back is multiplied from the wrong side: entry i is the sum over j of inverse[i, j] answer[j]",
        "sum": "that is the sum over the group: divide by the number of elements",
        "without_identity": "the identity belongs to the mean as well",
        "axes": "elements and items are mixed up when the batch is folded: keep one order of the two axes",
        "value": "not the mean over g of rho_out(g)^-1 net(rho_in(g) x)",
        "single": "right in general, but not for one item, one element or equal sizes",
        "float32": "right in float64, but float32 should work as well, and come back as float32",
    },
)


def _representation(rows: list[Row], basis: Tensor) -> Tensor:
    """Permutation matrices, item i to place p[i], seen in another basis."""
    n = len(rows[0])
    matrices = torch.zeros(len(rows), n, n, dtype=torch.float64)
    for k, p in enumerate(rows):
        matrices[k, list(p), range(n)] = 1.0
    return torch.linalg.solve(basis, matrices @ basis)


def _skewed(random, n: int) -> Tensor:
    """A basis that is far from orthonormal, and far from singular."""
    left, right = (torch.linalg.qr(random.normal(n, n))[0] for _ in range(2))
    return left @ torch.diag(torch.linspace(0.5, 2.0, n, dtype=torch.float64)) @ right


def _averaging_case(random, name: str, items: int) -> tuple[MLP, Tensor, Tensor, Tensor, Tensor]:
    """A network, both representations, their way back by inverse elements, items. The identity stands anywhere."""
    rows = _closure(FAMILIES[name])
    rows = [rows[k] for k in random.order(len(rows))]
    n = len(rows[0])
    inside, outside = _skewed(random, n), _skewed(random, n)
    net = MLP([n, 6, n], "tanh", random.seed()).double().requires_grad_(False)
    back = _representation([_undone(p) for p in rows], outside)
    return net, _representation(rows, inside), _representation(rows, outside), back, random.normal(items, n)


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
        "axes": torch.einsum("mij,mbj->mbi", back, mixed).mean(0),
    }


def _compare_average(found: object, case: tuple) -> None:
    net, rho_in, rho_out, back, x = case
    truth = _mean_answer(net, rho_in, back, x)
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-7):
        raise nearest(value, _likely_averages(net, rho_in, rho_out, back, x), "value", 1e-7)


@group_average.property(points=3)
def averages_as_defined(answer, random):
    case = _averaging_case(random, "A_4", 5)
    net, rho_in, rho_out, _, x = case
    _compare_average(answer(net, rho_in, rho_out, x), case)


@group_average.property(points=1)
def averages_at_the_edges(answer, random):
    net, rho_in, rho_out, back, x = _averaging_case(random, "S_3", 6)
    still = [k for k, g in enumerate(rho_in) if close(g, torch.eye(3))]
    cases = (
        (net, rho_in, rho_out, back, x),  # as many elements as items
        (net, rho_in, rho_out, back, x[:1]),
        (net, rho_in[still], rho_out[still], back[still], x[:3]),  # as many items as numbers
    )
    for one in cases:
        found = called("single", answer, one[0], one[1], one[2], one[4])
        try:
            _compare_average(found, one)
        except Wrong as wrong:
            raise Wrong("single", seen=f"{len(one[1])} elements, {len(one[4])} items of 3 numbers") from wrong
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
    for n in (3, random.integer(4, 5)):
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
        raise Wrong("long")
    found = called("one", answer, 1)
    try:
        steps = _steps(found, 1)
    except Wrong as wrong:
        raise Wrong("one") from wrong
    if not _even(steps, 1):
        raise Wrong("one")
    n = random.integer(14, 17)
    steps = _steps(called("large", answer, n), n)
    if _cost(steps, n) > n * (n - 1) // 2 or not _flattens(steps, random.normal(n, n)):
        raise Wrong("large", seen=f"n = {n}")


def _flattens(steps: list[list[Row]], w: Tensor) -> bool:
    """Weights between items: over all orders the mean has one number on the diagonal and one beside it."""
    n = len(w)
    rest = (w.sum() - w.trace()) / (n * (n - 1))
    truth = torch.full((n, n), rest.item(), dtype=torch.float64).fill_diagonal_(w.trace().item() / n)
    for rows in steps:
        sources = torch.tensor(rows).argsort(1)
        w = w[sources[:, :, None], sources[:, None, :]].mean(0)
    return close(w, truth, 1e-9)


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
        "value": "build the step as an (r, r) matrix: the mean over s of the matrices that move element i to element s i",
        "subgroup": "right in general, but not where the chosen elements generate a part of the group, or all was averaged",
        "single": "right in general, but not for a single element or a group of one",
    },
)


def _dihedral(random, n: int) -> tuple[Tensor, list[tuple[int, int]], list[int]]:
    """The table of D_n with its elements numbered at random, the elements (turns, flips), and the number of each."""
    elements = [(k, s) for s in (0, 1) for k in range(n)]
    number = random.order(2 * n)
    table = torch.empty(2 * n, 2 * n, dtype=torch.long)
    for i, (a, s) in enumerate(elements):
        for j, (b, t) in enumerate(elements):
            table[number[i], number[j]] = number[elements.index(((a + (-b if s else b)) % n, s ^ t))]
    return table, elements, number


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
    added = torch.linalg.matrix_norm(torch.linalg.matrix_power(len(chosen) * step, steps) - 1 / r, 2)
    return {
        "trivial": [torch.linalg.matrix_norm(power, 2), 1.0],
        "eigenvalue": [values.abs().max() ** steps, values.real.max() ** steps, values.real.max()],
        "power_of_norm": torch.linalg.matrix_norm(once, 2) ** steps,
        "once": torch.linalg.matrix_norm(once, 2),
        "frobenius": [rest.norm(), rest.norm() / r**0.5],
        "squared": size**2,
        "probability": [rest[:, 0].norm(), rest[:, 0].abs().sum() / 2, rest[:, 0].abs().sum(), rest[:, 0].norm() * r**0.5],
        "repeated": torch.linalg.matrix_norm(torch.linalg.matrix_power(single, steps) - 1 / r, 2),
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
    for steps in (1, random.integer(2, 3), random.integer(4, 5)):
        n = random.integer(4, 6)
        table, elements, number = _dihedral(random, n)
        rows = [elements.index(e) for e in ((1, 0), (random.integer(0, n - 1), 1))]
        rows += [rows[random.integer(0, 1)], elements.index((0, 0))]
        chosen = [number[k] for k in rows]
        _compare_left(answer(table, chosen, steps), table, chosen, steps, _left(n, elements, rows, steps))


@worst_left.property(points=1)
def knows_when_nothing_and_when_everything_is_left(answer, random):
    table, elements, number = _dihedral(random, 4)
    cases = [
        (table, number, 1, 0.0),  # everything was averaged
        (table, [k for e, k in zip(elements, number, strict=True) if e[0] % 2 == 0], 3, 1.0),  # a subgroup
        (table, [k for e, k in zip(elements, number, strict=True) if e[1]], 5, 1.0),  # odd and even
    ]
    for case_table, chosen, steps, truth in cases:
        value = as_number(called("subgroup", answer, case_table, chosen, steps))
        if not close(value, truth, 1e-6):
            raise Wrong("subgroup")
    for case_table, chosen, truth in ((table, [number[5]], 1.0), (torch.zeros(1, 1, dtype=torch.long), [0], 0.0)):
        value = as_number(called("single", answer, case_table, chosen, 2))
        if not close(value, truth, 1e-6):
            raise Wrong("single")
