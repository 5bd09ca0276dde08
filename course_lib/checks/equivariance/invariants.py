"""Checks for exercises/equivariance/invariants.ipynb."""

import itertools

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.models import MLP

# ------------------------------------------------------------------------------------------- a cloud from dot products

cloud_from_dots = Exercise(
    "equivariance/invariants/cloud_from_dots",
    hints={
        "smallest": "`eigh` lists eigenvalues from small to large: you took the columns of the smallest",
        "root": "your dot products are those of G G: each column is scaled by the *root* of its eigenvalue",
        "unscaled": "eigenvectors alone have length 1: scale column k by the root of eigenvalue k",
        "rows": "eigenvectors are the columns of what `eigh` returns, and so it is columns that are scaled and kept",
        "inverse": "you divide by the roots of the eigenvalues: multiply",
        "centred": "your vectors are those asked for after a shift: dot products fix where the origin is, do not centre",
        "cosines": "your vectors have length 1: that keeps the angles and loses the lengths",
        "copied": "that is a part of the table itself: the rows of G are no vectors with these dot products",
        "value": "the dot products of your vectors are not the given ones: X @ X.T should be the table",
        "flat": "right in general, but not where vectors lie in a plane or on a line, two are parallel, or all are 0",
        "small": "right in general, but not for a small cloud or a thin one: a small eigenvalue is not 0",
        "few": "right in general, but not for fewer vectors than dimensions: fill up with zeros",
        "float32": "right in float64, but float32 should work as well, and come back as float32",
    },
)


def _rounded(x: Tensor) -> Tensor:
    """Dot products as they come out of a computer: an eigenvalue that should be 0 is a little below."""
    return x @ x.T - 1e-12 * torch.eye(len(x), dtype=x.dtype)


def _likely_clouds(dots: Tensor, d: int) -> dict:
    values, vectors = torch.linalg.eigh(dots)
    roots = values.clamp(min=0).sqrt()
    unit = dots.diagonal().clamp(min=1e-30).rsqrt()
    centre = torch.eye(len(dots), dtype=dots.dtype) - 1 / len(dots)

    def table(x: Tensor) -> Tensor:
        return x @ x.T

    return {
        "smallest": table((vectors * roots)[:, :d]),
        "root": dots @ dots,
        "unscaled": table(vectors[:, -d:]),
        "rows": [
            table((roots[:, None] * vectors)[:, -d:]),
            table((vectors * roots)[-d:].T),
            table(vectors[-d:].T * roots[-d:]),
        ],
        "inverse": table(vectors[:, -d:] / roots[-d:]),
        "centred": centre @ dots @ centre,
        "cosines": unit[:, None] * dots * unit,
        "copied": [table(dots[:, :d]), table(dots[:d].T)],
    }


def _compare_dots(found: object, dots: Tensor, d: int, hint: str = "", unit: float = 1) -> None:
    x = as_tensor(found, (len(dots), d))
    if not close(x @ x.T / unit, dots / unit, 1e-8):
        raise Wrong(hint) if hint else nearest(x @ x.T, _likely_clouds(dots, d), "value", 1e-6)


@cloud_from_dots.property(points=2)
def has_the_dot_products(answer, random):
    for d in (3, 4, 2, 1):
        dots = _rounded(random.normal(d + random.integer(1, 2), d))
        _compare_dots(answer(dots, d), dots, d)


@cloud_from_dots.property(points=1)
def flat_clouds_come_back(answer, random):
    parallel = random.normal(5, 3)
    parallel[1] = 2 * parallel[0]
    flat = random.normal(3, 2) @ random.normal(2, 3)
    line = random.normal(4, 1) @ random.normal(1, 4)
    nothing = torch.zeros(3, 3, dtype=torch.float64)
    for x, dots in [(x, _rounded(x)) for x in (parallel, flat, line, nothing)] + [(nothing, nothing)]:
        try:
            _compare_dots(called("flat", answer, dots, x.shape[1]), dots, x.shape[1], "flat")
        except Wrong as wrong:
            raise Wrong("flat", seen=f"{len(x)} vectors in {x.shape[1]} dimensions") from wrong
    x = random.normal(4, 3)
    for size in ([0.01, 0.01, 0.01], [1, 1, 0.005]):
        thin = x * torch.tensor(size, dtype=torch.float64)
        _compare_dots(called("small", answer, thin @ thin.T, 3), thin @ thin.T, 3, "small", size[0] ** 2)


@cloud_from_dots.property(points=1)
def few_vectors_and_short_numbers(answer, random):
    for n, d in ((2, 4), (1, 3), (1, 5)):
        x = random.normal(n, d)
        dots = x @ x.T
        found = called("few", answer, dots, d)
        if isinstance(found, Tensor) and found.dim() != 2:
            as_tensor(found, (n, d))  # stops with "shape"
        try:
            _compare_dots(found, dots, d, "few")
        except Wrong as wrong:
            raise Wrong("few", seen=f"{n} vectors in {d} dimensions") from wrong
    for x in (random.normal(3, 3), random.normal(4, 2) @ random.normal(2, 3)):
        dots = x @ x.T
        found = called("float32", answer, dots.float(), 3)
        if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found @ found.T, dots, 1e-4):
            raise Wrong("float32")


# ------------------------------------------------------------------------------------------------ vectors from scalars

turning_vector = Exercise(
    "equivariance/invariants/turning_vector",
    hints={
        "columns": "dot products come row by row: (1,1), (1,2), ..., (1,n), (2,2), ...; yours run down the columns",
        "lengths": "the dot product of a vector with itself is the square of its length",
        "cosines": "dot products are asked for, not cosines: lengths are invariant, too, and worth reading",
        "squares_first": "one list, row by row: (1,1), (1,2), ..., (1,n), (2,2), ...; not the squares first",
        "det_signs": "the determinants are asked for, not their signs",
        "first_row": "each cloud has its own coefficients: you use those of the first for all",
        "absolute": "the sign of a determinant is all that it adds to the dot products: keep it",
        "no_dets": "the network should see the determinants, not zeros in their place",
        "det_sign": "your determinants have the wrong sign: det(v_i, v_j, v_k) with i < j < k",
        "triples": "determinants come in the order (1,2,3), (1,2,4), ..., (1,3,4), ...: the last place counts fastest",
        "dets_first": "dot products first, then determinants",
        "cross_order": "it is v_i x v_j with i < j: the other order has the other sign",
        "pairs": "cross products come in the order (1,2), (1,3), ..., (2,3), ...: the last place counts fastest",
        "crosses_first": "the first n coefficients belong to the vectors, the others to the cross products",
        "unit_crosses": "cross products are not to be scaled to length 1",
        "no_crosses": "the cross products are missing from the sum",
        "mean": "that is a mean of the parts: the sum is asked for",
        "value": "not the sum of vectors and cross products with the network's coefficients",
        "few": "right in general, but not for two vectors: there are no determinants, and one cross product",
        "single": "right in general, but not for a batch of one, or for as many clouds as dimensions",
        "float32": "right in float64, but float32 should work as well, and come back as float32",
    },
)
LEVI_CIVITA = torch.zeros(3, 3, 3, dtype=torch.float64)
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[_i, _j, _k], LEVI_CIVITA[_i, _k, _j] = 1, -1


def _ingredients(x: Tensor) -> tuple[dict, dict, dict]:
    """Dot products, determinants and cross products by the places of their vectors, from components and epsilon_ijk."""
    n = x.shape[1]
    dots = torch.einsum("bpi,bqi->pqb", x, x)
    crosses = torch.einsum("ijk,bpj,bqk->pqbi", LEVI_CIVITA, x, x)
    dets = torch.einsum("pqbi,bri->pqrb", crosses, x)
    return (
        {key: dots[key] for key in itertools.combinations_with_replacement(range(n), 2)},
        {key: dets[key] for key in itertools.combinations(range(n), 3)},
        {key: crosses[key] for key in itertools.combinations(range(n), 2)},
    )


def _seen(dots: list[Tensor], dets: list[Tensor]) -> Tensor:
    return torch.stack([*dots, *dets], 1)


def _summed(weights: Tensor, parts: list[Tensor]) -> Tensor:
    return torch.einsum("bp,pbi->bi", weights, torch.stack(parts))


def _right_vector(net: MLP, x: Tensor) -> Tensor:
    dots, dets, crosses = _ingredients(x)
    return _summed(net(_seen(list(dots.values()), list(dets.values()))), [*x.unbind(1), *crosses.values()])


def _likely_vectors(net: MLP, x: Tensor) -> dict:
    dots, dets, crosses = _ingredients(x)
    d, t, vectors, c = list(dots.values()), list(dets.values()), list(x.unbind(1)), list(crosses.values())
    down = [dots[key] for key in sorted(dots, key=lambda key: key[::-1])]
    lengths = [value.sqrt() if i == j else value for (i, j), value in dots.items()]
    cosines = [value / (dots[i, i] * dots[j, j]).sqrt() for (i, j), value in dots.items()]
    seen = {
        "columns": _seen(down, t),
        "lengths": _seen(lengths, t),
        "cosines": _seen(cosines, t),
        "squares_first": _seen([dots[k] for k in sorted(dots, key=lambda k: (k[0] != k[1], k))], t),
        "det_signs": _seen(d, [value.sign() for value in t]),
        "absolute": _seen(d, [value.abs() for value in t]),
        "no_dets": _seen(d, [0 * value for value in t]),
        "det_sign": _seen(d, [-value for value in t]),
        "triples": [_seen(d, t[::-1]), _seen(d, [dets[key] for key in sorted(dets, key=lambda key: key[::-1])])],
        "dets_first": _seen(t, d),
    }
    found = {
        hint: [_summed(net(one), [*vectors, *c]) for one in (each if isinstance(each, list) else [each])]
        for hint, each in seen.items()
    }
    weights = net(_seen(d, t))
    last_first = [crosses[key] for key in sorted(crosses, key=lambda key: key[::-1])]
    return found | {
        "cross_order": _summed(weights, [*vectors, *(-one for one in c)]),
        "pairs": [_summed(weights, [*vectors, *last_first]), _summed(weights, [*vectors, *c[::-1]])],
        "crosses_first": _summed(weights, [*c, *vectors]),
        "first_row": _summed(weights[:1].expand_as(weights), [*vectors, *c]),
        "unit_crosses": _summed(weights, [*vectors, *(one / one.norm(dim=1, keepdim=True) for one in c)]),
        "no_crosses": _summed(weights[:, : len(vectors)], vectors),
        "mean": _summed(weights, [*vectors, *c]) / weights.shape[1],
    }


def _net(random, n: int) -> MLP:
    seen = n * (n + 1) // 2 + n * (n - 1) * (n - 2) // 6
    return MLP([seen, n + n * (n - 1) // 2], "tanh", random.seed()).double().requires_grad_(False)


def _compare_vectors(found: object, net: MLP, x: Tensor) -> None:
    truth = _right_vector(net, x)
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-8):
        raise nearest(value, _likely_vectors(net, x), "value", 1e-8)


@turning_vector.property(points=3)
def combines_as_defined(answer, random):
    n, b = 5, random.integer(6, 7)  # with four vectors, determinants have one order only
    net, x = _net(random, n), 0.7 * random.normal(b, n, 3)
    _compare_vectors(answer(net, x), net, x)


@turning_vector.property(points=1)
def combines_few_vectors_and_single_clouds(answer, random):
    two, three = _net(random, 2), _net(random, 3)
    for hint, net, b, n in (("few", two, 4, 2), ("single", three, 1, 3), ("single", three, 3, 3)):
        x = random.normal(b, n, 3)
        try:
            _compare_vectors(called(hint, answer, net, x), net, x)
        except Wrong as wrong:
            raise Wrong(hint, seen=f"{b} clouds of {n} vectors") from wrong
    truth = _right_vector(three, x)
    found = called("float32", answer, three.float(), x.float())
    if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, truth, 1e-3):
        raise Wrong("float32")


# ------------------------------------------------------------------------------------------- numbers from power sums

from_power_sums = Exercise(
    "equivariance/invariants/from_power_sums",
    hints={
        "signs": "the signs in Newton's identity alternate: (-1)^(i-1) goes with p_i",
        "divided": "Newton's identity gives k e_k: divide by k",
        "elementary": "these are the elementary symmetric polynomials: the numbers are roots of the polynomial made from them",
        "coefficients": "these are the coefficients of the polynomial: its roots are asked for",
        "negated": "your numbers have the wrong sign: the coefficients are 1, -e_1, +e_2, -e_3, ...",
        "reversed": "these are the reciprocals: the coefficient of the highest power is 1, and e_n stands alone",
        "order": "the right numbers, but not in ascending order",
        "power_as_coefficient": "power sums are not the coefficients: Newton's identities come first",
        "value": "the numbers that you return do not have these power sums",
        "many": "right for few numbers, but not for seven",
        "far": "right for small numbers, but not for larger ones",
        "repeated": "right in general, but not where a number occurs twice or more: rounding makes complex roots of it",
        "zero": "right in general, but not where a number is zero",
        "single": "right in general, but not for a single number",
        "float32": "right in float64, but float32 should come back as float32: find the roots in float64",
    },
)


def _sums(x: Tensor) -> Tensor:
    return torch.stack([(x**k).sum() for k in range(1, len(x) + 1)])


def _roots(coefficients: list[float]) -> Tensor:
    """Real parts of the roots, ascending, of a polynomial from its highest coefficient on; Weierstrass would do as well."""
    n = len(coefficients) - 1
    companion = torch.diag(torch.ones(n - 1, dtype=torch.float64), -1)
    companion[0] = -torch.tensor(coefficients[1:], dtype=torch.float64) / coefficients[0]
    return torch.linalg.eigvals(companion).real.sort().values


def _newton(p: list[float], alternate: bool = True, divide: bool = True) -> list[float]:
    e = [1.0]
    for k in range(1, len(p) + 1):
        terms = [(-1) ** (i - 1 if alternate else 0) * e[k - i] * p[i - 1] for i in range(1, k + 1)]
        e.append(sum(terms) / (k if divide else 1))
    return e


def _likely_numbers(x: Tensor) -> dict:
    """All made from the numbers themselves, or from Newton's identities gone wrong."""
    n, p = len(x), _sums(x).tolist()
    e = torch.tensor([sum(x[list(rows)].prod() for rows in itertools.combinations(range(n), k)) for k in range(1, n + 1)])
    signed = e * torch.tensor([(-1.0) ** k for k in range(1, n + 1)], dtype=torch.float64)
    wrong = {"signs": _newton(p, alternate=False), "divided": _newton(p, divide=False), "power_as_coefficient": [1.0, *p]}
    found = {hint: [_roots([(-1) ** k * c for k, c in enumerate(each)]), _roots(each)] for hint, each in wrong.items()}
    return {
        "elementary": [e, e.flip(0), e.sort().values],
        "coefficients": [signed, signed.flip(0), signed.sort().values],
        "negated": [-x, (-x).sort().values],
        "reversed": [(1 / x).sort().values, (-1 / x).sort().values],
        **found,
    }


def _compare_numbers(found: object, x: Tensor) -> None:
    truth = x.sort().values
    value = as_tensor(found, truth.shape)
    if close(value, truth, 1e-6):
        return
    if close(value.sort().values, truth, 1e-6):
        raise Wrong("order")
    raise nearest(value, _likely_numbers(x), "value", 1e-5)


def _apart(random, n: int) -> Tensor:
    """Numbers of both signs, in no order, none near another or near zero."""
    x = torch.linspace(-1.5, 1.7, n, dtype=torch.float64) + random.uniform(n, low=-0.15, high=0.15)
    x = torch.where(x.abs() < 0.1, 0.2, x)
    return x[random.order(n)]


@from_power_sums.property(points=3)
def numbers_come_back(answer, random):
    for n in (3, random.integer(4, 5), 2):
        x = _apart(random, n)
        _compare_numbers(answer(_sums(x)), x)


@from_power_sums.property(points=1)
def repeated_and_single_numbers_come_back(answer, random):
    x = _apart(random, 3)
    cases = (
        ("many", _apart(random, 7)),
        ("far", 4 * x),
        ("repeated", torch.cat([x, x[:1]])),
        ("repeated", torch.cat([x[:2], x[:1], x[:1]])),
        ("repeated", torch.cat([x[:2], x[:2]])),
        ("zero", torch.cat([x[:2], torch.zeros(1, dtype=torch.float64)])),
        ("zero", torch.zeros(3, dtype=torch.float64)),
        ("single", x[:1].abs()),
        ("single", -x[:1].abs()),
    )
    for hint, numbers in cases:
        found = called(hint, answer, _sums(numbers))
        try:
            value = as_tensor(found, numbers.shape)
        except Wrong as wrong:
            raise Wrong(hint) from wrong
        if not close(value, numbers.sort().values, 1e-3):
            raise Wrong(hint)
    found = called("float32", answer, _sums(x).float())
    if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, x.sort().values, 1e-2):
        raise Wrong("float32")
