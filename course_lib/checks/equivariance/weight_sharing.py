"""Checks for exercises/equivariance/weight_sharing.ipynb."""

import math

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.instances import permutation_matrices

Row = tuple[int, ...]


def _times(p: Row, q: Row) -> Row:
    """First q, then p."""
    return tuple(p[i] for i in q)


def _undone(p: Row) -> Row:
    return tuple(sorted(range(len(p)), key=p.__getitem__))


# -------------------------------------------------------------------------------------------------- tied weights

tied_weights = Exercise(
    "equivariance/weight_sharing/tied_weights",
    hints={
        "whole": "labels should be whole numbers, one for each weight",
        "mixed": "one side moves forward and the other back: the weight of (output i, input j) goes to (p_out[i], p_in[j])",
        "once": "a weight is tied to its image, and so to the image of its image, and so on: one round does not get there",
        "some": "only some of the generators are used: every row of p_in and p_out ties weights",
        "apart": "outputs and inputs are moved together, by the same generator: two orbits of their own are too coarse",
        "transposed": "rows are outputs, columns inputs",
        "value": "some weights are tied that need not be equal, or the other way round",
        "numbers": "the right weights are tied, but call them 0, 1, 2, ... in the order in which they are met, row after row",
        "single": "right in general, but not for one output, one input, no generator, or a long cycle: go on till it rests",
    },
)

CYCLES = [  # first generator on inputs and outputs, second on inputs and outputs, as cycles; the two do not commute
    ([(0, 1, 2, 3)], [(0, 1, 2, 3)], [(0, 2), (4, 5)], [(0, 2)]),
    ([(0, 1, 2)], [(0, 1, 2)], [(1, 2, 3)], [(1, 2, 3)]),
    ([(0, 1, 2), (3, 4, 5)], [(0, 1, 2)], [(0, 1), (3, 4)], [(0, 1), (3, 4)]),
]


def _permutation(cycles: list[Row], order: list[int]) -> list[int]:
    """Item i to place p[i], after the items have been renamed by `order`."""
    p = list(range(len(order)))
    for cycle in cycles:
        for a, b in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            p[order[a]] = order[b]
    return p


def _generators(random, kind: int) -> tuple[Tensor, Tensor]:
    """`(2, 6)` on inputs and `(2, 5)` on outputs."""
    into, out = random.order(6), random.order(5)
    first_in, first_out, second_in, second_out = CYCLES[kind]
    p_in = [_permutation(first_in, into), _permutation(second_in, into)]
    p_out = [_permutation(first_out, out), _permutation(second_out, out)]
    return torch.tensor(p_in), torch.tensor(p_out)


def _components(size: tuple[int, int], arrows: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Labels of connected pairs, breadth first, numbered as they are met."""
    label = [[-1] * size[1] for _ in range(size[0])]
    count = 0
    moves = [(p.tolist(), q.tolist()) for p, q in arrows]
    for i in range(size[0]):
        for j in range(size[1]):
            if label[i][j] >= 0:
                continue
            reached = [(i, j)]
            label[i][j] = count
            while reached:
                a, b = reached.pop()
                for p, q in moves:
                    if label[p[a]][q[b]] < 0:
                        label[p[a]][q[b]] = count
                        reached.append((p[a], q[b]))
            count += 1
    return torch.tensor(label)


def _pattern(labels: Tensor) -> Tensor:
    """Which pairs of weights have one label: the ties, whatever the numbers are called."""
    flat = labels.flatten()
    return (flat[:, None] == flat).double()


def _orbits(rows: Tensor) -> Tensor:
    """Orbit of each point."""
    still = torch.zeros(1, dtype=torch.long)
    return _components((1, rows.shape[1]), [(still, row) for row in rows])[0]


def _likely_ties(p_in: Tensor, p_out: Tensor) -> dict:
    size = (p_out.shape[1], p_in.shape[1])
    pairs = list(zip(p_out, p_in, strict=True))
    start = torch.arange(size[0] * size[1]).reshape(size)
    once = start
    for p, q in pairs:
        once = torch.minimum(once, start[p][:, q])
    in_turn = start
    for p, q in pairs:
        in_turn = torch.minimum(in_turn, in_turn[p][:, q])
    last = _components(size, pairs[-1:])
    both = _orbits(p_out)[:, None] * 100 + _orbits(p_in)
    likely = {
        "mixed": [_components(size, [(p, q.argsort()) for p, q in pairs])],
        "some": [_components(size, pairs[:1]), last],
        "apart": [both, _components(size, [(p, q) for p in p_out for q in p_in])],
        "once": [once, in_turn],
    }
    return {hint: [_pattern(one) for one in others] for hint, others in likely.items()}


def _labels(found: object, p_in: Tensor, p_out: Tensor) -> Tensor:
    shape = (p_out.shape[1], p_in.shape[1])
    if isinstance(found, Tensor) and found.shape == shape[::-1] != shape:
        raise Wrong("transposed")
    labels = as_tensor(found, shape)
    if (labels != labels.round()).any():
        raise Wrong("whole")
    return labels


@tied_weights.property(points=2)
def ties_orbits_of_pairs(answer, random):
    for kind in (0, 1, 2):
        p_in, p_out = _generators(random, kind)
        if kind == 2:  # the identity last: who watches the last generator only stops too early
            p_in, p_out = (torch.cat([p, torch.arange(p.shape[1])[None]]) for p in (p_in, p_out))
        truth = _pattern(_components((5, 6), list(zip(p_out, p_in, strict=True))))
        found = _pattern(_labels(answer(p_in, p_out), p_in, p_out))
        if not close(found, truth):
            raise nearest(found, _likely_ties(p_in, p_out))


@tied_weights.property(points=1)
def numbers_them_as_they_are_met(answer, random):
    for kind in (0, 1):
        p_in, p_out = _generators(random, kind)
        truth = _components((5, 6), list(zip(p_out, p_in, strict=True)))
        if not close(_labels(answer(p_in, p_out), p_in, p_out), truth):
            raise Wrong("numbers")


@tied_weights.property(points=1)
def ties_at_the_edges(answer, random):
    p_in, p_out = _generators(random, 0)
    still = torch.zeros(2, 1, dtype=torch.long)
    long = torch.tensor([[*range(1, 17), 0]])  # a long cycle: few rounds do not get round it
    for into, out in ((p_in, still), (still, p_out), (p_in[:0], p_out[:0]), (p_in[:1], p_out[:1]), (long, long)):
        size = (out.shape[1], into.shape[1])
        truth = _components(size, list(zip(out, into, strict=True)))
        found = called("single", answer, into, out)
        seen = f"{size[0]} outputs, {size[1]} inputs, {len(into)} generators"
        if not isinstance(found, Tensor) or found.shape != size or not close(_pattern(found), _pattern(truth)):
            raise Wrong("single", seen=seen)


# -------------------------------------------------------------------------------------------- basis from generators

equivariant_basis = Exercise(
    "equivariance/weight_sharing/equivariant_basis",
    hints={
        "tables": "return tables stacked to (r, e, d): e rows for the outputs, d columns for the inputs",
        "transposed": "your tables fulfil rho_out W = W rho_in^T: with rows read one after another, A W B becomes kron(A, B^T)",
        "columns": "the equations read W column by column, the tables are filled row by row (or the other way round)",
        "orthogonal": "your tables would be right if the matrices were orthogonal; here the inverse is not the transpose",
        "some": "only some of the generators are used: the equations of all of them hold at once",
        "any": "each table respects a generator or two, but the equations of all have to hold together: stack them",
        "summed": "you add the equations of the generators up: each has to hold by itself, so put the blocks under each other",
        "swapped": "inputs and outputs have changed places: your tables fulfil rho_in W = W rho_out, up to their shape",
        "invariant": "your tables answer the same to moved inputs: here the outputs move, too",
        "strict": "too few tables: a number that should be 0 comes out as a tiny one, so allow for rounding",
        "loose": "too many tables: some do not respect the generators, so what counts as zero is too generous",
        "repeated": "your tables are not independent of each other",
        "orthonormal": "the right space, but the tables should be orthonormal: inner products of entries 0, and 1 with itself",
        "value": "your tables do not have rho_out(s) W = W rho_in(s) for all generators s",
        "extremes": "right in general, but not where only W = 0, or every W, respects the generators",
        "slow": "right in general, but not for a small turn: its equations are small, and yet not zero",
    },
)

FAMILIES = {  # generators on inputs, the same on outputs
    "S_3": ([(1, 2, 0, 3, 4), (1, 0, 2, 4, 3)], [(1, 2, 0, 3), (1, 0, 2, 3)]),
    "A_4": ([(1, 2, 0, 3), (0, 2, 3, 1)], [(1, 2, 0, 3, 4), (0, 2, 3, 1, 4)]),
    "C_5": ([(1, 2, 3, 4, 0)], [(2, 3, 4, 0, 1)]),
}


def _closure(pairs: list[tuple[Row, Row]]) -> list[tuple[Row, Row]]:
    """All products of the generators, on inputs and outputs at once."""
    start = tuple(tuple(range(len(row))) for row in pairs[0])
    found, frontier = {start}, [start]
    while frontier:
        new = {(_times(a, c), _times(b, d)) for a, b in pairs for c, d in frontier}
        frontier = [one for one in new if one not in found]
        found.update(frontier)
    return sorted(found)


def _case(random, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices of the generators on both sides, and the mean over the whole group of W -> rho_out(g) W rho_in(g^-1)."""
    into, out = FAMILIES[name]
    bases = random.basis(len(into[0])), random.basis(len(out[0]))
    elements = _closure(list(zip(into, out, strict=True)))
    back = permutation_matrices([_undone(p) for p, _ in elements], bases[0])
    forth = permutation_matrices([q for _, q in elements], bases[1])
    mean = torch.einsum("gik,glj->ijkl", forth, back) / len(elements)
    e, d = forth.shape[1], back.shape[1]
    return permutation_matrices(into, bases[0]), permutation_matrices(out, bases[1]), mean.reshape(e * d, e * d)


def _respects(a: Tensor, b: Tensor, tables: Tensor) -> bool:
    """b W = W a for all generators and all tables."""
    return close(b[:, None] @ tables, tables @ a[:, None], 1e-6)


def _blame(a: Tensor, b: Tensor, tables: Tensor) -> str:
    """Which other equations the tables fulfil."""
    back, turned = torch.linalg.inv(a), tables.reshape(len(tables), a.shape[1], b.shape[1]).mT
    candidates = {
        "transposed": _respects(a.mT, b, tables),
        "orthogonal": close(b[:, None] @ tables @ a.mT[:, None], tables[None].expand(len(a), *tables.shape), 1e-6),
        "columns": _respects(a, b, turned),
        "invariant": close(tables @ back[:, None], tables[None].expand(len(a), *tables.shape), 1e-6),
        "swapped": _respects(b, a, tables.mT) or _respects(b, a, tables.reshape(len(tables), a.shape[1], b.shape[1])),
        "some": any(_respects(a[[k]], b[[k]], tables) for k in range(len(a))),
        "any": all(any(_respects(a[[k]], b[[k]], one[None]) for k in range(len(a))) for one in tables),
        "summed": close((b[:, None] @ tables - tables @ a[:, None]).sum(0), torch.zeros_like(tables), 1e-6),
    }
    return next((hint for hint, holds in candidates.items() if holds), "value")


def _tables(found: object, e: int, d: int) -> Tensor:
    if found is None:
        raise Wrong("none")
    if not isinstance(found, Tensor):
        raise Wrong("tables")
    if found.dim() != 3 or found.shape[1:] != (e, d):
        raise Wrong("tables", seen=f"{tuple(found.shape)} for e = {e}, d = {d}")
    return as_tensor(found, tuple(found.shape))


def _compare_space(found: object, a: Tensor, b: Tensor, mean: Tensor) -> None:
    tables = _tables(found, b.shape[1], a.shape[1])
    dimension = round(mean.trace().item())
    if not len(tables):
        raise Wrong("strict")
    rows = tables.flatten(1)
    if not close(rows @ mean.T, rows, 1e-6):
        hint = _blame(a, b, tables)
        kept = (rows @ mean.T - rows).norm(dim=1) < 1e-6 * rows.norm(dim=1)
        raise Wrong("loose" if hint == "value" and kept.sum() >= dimension else hint)
    rank = int(torch.linalg.matrix_rank(rows, tol=1e-6))
    if rank < min(len(tables), dimension):
        raise Wrong("strict" if rank == len(tables) else "repeated")
    if len(tables) != dimension:
        raise Wrong("strict" if len(tables) < dimension else "repeated")
    if not close(rows @ rows.T, torch.eye(dimension), 1e-6):
        raise Wrong("orthonormal")


@equivariant_basis.property(points=3)
def spans_what_all_elements_respect(answer, random):
    for name in FAMILIES:
        a, b, mean = _case(random, name)
        _compare_space(answer(a, b), a, b, mean)


@equivariant_basis.property(points=1)
def solves_special_cases(answer, random):
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    angle = 2 * math.pi / random.integer(450, 550)
    cos, sin = math.cos(angle), math.sin(angle)
    small = torch.tensor([[[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, -1.0]]], dtype=torch.float64)
    still = torch.eye(3, dtype=torch.float64).repeat(2, 1, 1)
    for hint, a, b, count in (
        ("extremes", -one, one, 0),
        ("extremes", still, still[:, :2, :2].contiguous(), 6),
        ("extremes", one, one, 1),
        ("slow", small, small, 3),
    ):
        found = called(hint, answer, a, b)
        if not isinstance(found, Tensor) or found.shape != (count, b.shape[1], a.shape[1]) or not _respects(a, b, found):
            raise Wrong(hint)


# ------------------------------------------------------------------------------------------------ fitting tied weights

fit_tied = Exercise(
    "equivariance/weight_sharing/fit_tied",
    hints={
        "projected": "you fit all weights and project them afterwards: that is not the best fit among tied weights",
        "orthonormal": "that would be right for orthonormal tables, and these need not be",
        "coefficients": "return the table W, the sum of coefficients times tables, not the coefficients",
        "free": "that is the best fit with all weights free: W should be a combination of the tables",
        "each": "each coefficient is fitted as if the others were zero: fit all of them together",
        "sums": "all places teach the same coefficients: keep each output as an equation of its own, do not add them up",
        "ridge": "close, but the coefficients are drawn towards zero: no penalty was asked for",
        "transposed": "x @ W is the transposed layer: output i of an item is sum_j W[i, j] x[j]",
        "value": "not the combination of the tables with the smallest squared error",
        "few": "right in general, but not for few examples, one table or a layer that is not square",
        "float32": "right in float64, but float32 should work as well, and come back as float32",
    },
)


def _fit_case(random, items: int, q: int, p: int, r: int) -> tuple[Tensor, Tensor, Tensor]:
    """Tables far from orthonormal, items whose numbers go together, answers that no combination gives exactly."""
    basis = random.normal(r, q, p) + 0.7 * random.normal(1, q, p)
    x = random.normal(items, p) @ (torch.eye(p, dtype=torch.float64) + 0.5 * random.normal(p, p))
    y = x @ torch.einsum("k,kqp->qp", random.away_from_zero(r), basis).T + 2.0 * random.normal(items, q)
    return basis, x, y


def _best(basis: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """By the normal equations: <B_k x, B_l x> c_l = <B_k x, y>, through second moments of x and y only."""
    second, cross = x.T @ x, y.T @ x
    gram = torch.einsum("kqp,ps,lqs->kl", basis, second, basis)
    return torch.einsum("k,kqp->qp", torch.linalg.solve(gram, torch.einsum("kqp,qp->k", basis, cross)), basis)


def _likely_fits(basis: Tensor, x: Tensor, y: Tensor) -> dict:
    flat = basis.flatten(1)
    free = (y.T @ x) @ torch.linalg.pinv(x.T @ x)
    moments = torch.einsum("kqp,qp->k", basis, y.T @ x)
    sizes = torch.einsum("kqp,ps,kqs->k", basis, x.T @ x, basis)
    normal = torch.linalg.solve(flat @ flat.T, flat @ free.flatten())
    total = torch.einsum("kqp,bp->bk", basis, x)
    summed = torch.linalg.pinv(total) @ y.sum(1)
    combine = lambda c: torch.einsum("k,kqp->qp", c, basis)  # noqa: E731
    gram = torch.einsum("kqp,ps,lqs->kl", basis, x.T @ x, basis)
    one = torch.eye(len(basis), dtype=torch.float64)
    likely = {
        "projected": combine(normal),
        "orthonormal": [combine(flat @ free.flatten()), combine(moments)],
        "free": free,
        "each": combine(moments / sizes),
        "sums": [combine(summed)],
        "ridge": [combine(torch.linalg.solve(gram + size * one, moments)) for size in (0.01, 0.1, 1.0)],
    }
    if basis.shape[1] == basis.shape[2]:
        likely["transposed"] = [_best(basis.mT, x, y).T, _best(basis.mT, x, y)]
    return likely


def _compare_fit(found: object, basis: Tensor, x: Tensor, y: Tensor) -> None:
    truth = _best(basis, x, y)
    if isinstance(found, Tensor) and found.shape[:1] == (len(basis),) and found.dim() == 1:
        raise Wrong("coefficients")
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-6):
        raise nearest(value, _likely_fits(basis, x, y), "value", 1e-6)


@fit_tied.property(points=3)
def fits_best_among_tied_weights(answer, random):
    for q, p, r in ((4, 4, 3), (3, 5, 4)):
        case = _fit_case(random, 12, q, p, r)
        _compare_fit(answer(*case), *case)


@fit_tied.property(points=1)
def fits_few_examples(answer, random):
    for items, q, p, r in ((1, 5, 4, 3), (2, 3, 7, 1), (4, 3, 6, 3), (3, 3, 3, 3)):
        case = _fit_case(random, items, q, p, r)
        found = called("few", answer, *case)
        if not isinstance(found, Tensor) or not close(found, _best(*case), 1e-5):
            raise Wrong("few", seen=f"{items} examples, {r} tables, {q} outputs, {p} inputs")
    case = _fit_case(random, 12, 4, 4, 3)
    found = called("float32", answer, *(part.float() for part in case))
    if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, _best(*case), 1e-3):
        raise Wrong("float32")
