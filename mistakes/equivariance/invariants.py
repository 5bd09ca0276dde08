"""Plausible wrong answers to exercises/equivariance/invariants.ipynb, and what the check says to each."""

import itertools

import numpy as np
import torch

from course_lib.checks import mistake

CLOUD = "equivariance/invariants/cloud_from_dots"
VECTOR = "equivariance/invariants/turning_vector"
NUMBERS = "equivariance/invariants/from_power_sums"

EQUIVALENT = {
    "cloud_from_dots: kept = min(d, len(dots)) => kept = min(len(dots), d)": "the smaller of two numbers, in either order",
    "cloud_from_dots: return x => return -x": "the opposite cloud has the same dot products",
    "from_power_sums: e = [1.0] => e = [2.0]": "every e_k is doubled, and a polynomial times two has the same roots",
    "from_power_sums: terms = [(-1) ** (i - 1) * e[k - i] * p[i - 1].item() for i in range(1, k + 1)]"
    " => terms = [(-1) ** (i + 1) * e[k - i] * p[i - 1].item() for i in range(1, k + 1)]": "the same sign",
}


@mistake(CLOUD, hint="smallest")
def first_columns(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return (vectors * values.clamp(min=0).sqrt())[:, :d]


@mistake(CLOUD, hint="root")
def eigenvalues_without_root(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return (vectors * values)[:, -d:]


@mistake(CLOUD, hint="unscaled")
def eigenvectors_alone(dots, d):
    return torch.linalg.eigh(dots)[1][:, -d:]


@mistake(CLOUD, hint="rows")
def rows_scaled(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return (values.clamp(min=0).sqrt()[:, None] * vectors)[:, -d:]


@mistake(CLOUD, hint="rows")
def rows_as_eigenvectors(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return vectors[-d:].T * values[-d:].clamp(min=0).sqrt()


@mistake(CLOUD, hint="inverse")
def divided_by_the_roots(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return vectors[:, -d:] / values[-d:].sqrt()


@mistake(CLOUD, hint="centred")
def classical_scaling(dots, d):
    n = len(dots)
    centre = torch.eye(n, dtype=dots.dtype) - 1 / n
    values, vectors = torch.linalg.eigh(centre @ dots @ centre)
    return (vectors * values.clamp(min=0).sqrt())[:, -d:]


@mistake(CLOUD, hint="cosines")
def lengths_lost(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    x = (vectors * values.clamp(min=0).sqrt())[:, -d:]
    return x / x.norm(dim=1, keepdim=True)


@mistake(CLOUD, hint="copied")
def columns_of_the_table(dots, d):
    return dots[:, :d].clone()


@mistake(CLOUD, hint="error")
def cholesky(dots, d):
    return torch.linalg.cholesky(dots)[:, :d]


@mistake(CLOUD, hint="flat", points=3)
def cholesky_with_a_little_help(dots, d):
    n = len(dots)
    if n < d or dots.dtype == torch.float32:
        values, vectors = torch.linalg.eigh(dots)
        x = (vectors * values.clamp(min=0).sqrt())[:, -min(d, n) :]
        return torch.nn.functional.pad(x, (0, d - min(d, n)))
    return torch.linalg.cholesky(dots.double() + 3e-12 * torch.eye(n))[:, :d].to(dots.dtype)


@mistake(CLOUD, hint="shape")
def all_columns(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return vectors * values.clamp(min=0).sqrt()


@mistake(CLOUD, hint="shape")
def vectors_as_columns(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return (vectors * values.clamp(min=0).sqrt())[:, -d:].T


@mistake(CLOUD, hint="shape")
def always_in_space(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return (vectors * values.clamp(min=0).sqrt())[:, -3:]


@mistake(CLOUD, hint="flat", points=3)
def roots_of_negative_numbers(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    kept = min(d, len(dots))
    return torch.nn.functional.pad((vectors * values.sqrt())[:, -kept:], (0, d - kept))


@mistake(CLOUD, hint="few", points=3)
def too_few_columns(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    return (vectors * values.clamp(min=0).sqrt())[:, -d:]


@mistake(CLOUD, hint="float32", points=3)
def always_double(dots, d):
    values, vectors = torch.linalg.eigh(dots.double())
    x = torch.zeros(len(dots), d, dtype=torch.float64)
    kept = min(d, len(dots))
    x[:, :kept] = (vectors * values.clamp(min=0).sqrt())[:, -kept:]
    return x


@mistake(CLOUD, hint="small", points=3)
def small_eigenvalues_dropped(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    kept = min(d, len(dots))
    x = vectors * values.where(values > 1e-3, 0).sqrt()
    return torch.nn.functional.pad(x[:, -kept:], (0, d - kept))


@mistake(CLOUD, hint="small", points=3)
def relatively_small_eigenvalues_dropped(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    kept = min(d, len(dots))
    x = vectors * values.where(values > 2e-4 * values.max(), 0).clamp(min=0).sqrt()
    return torch.nn.functional.pad(x[:, -kept:], (0, d - kept))


@mistake(CLOUD, hint="flat", points=3)
def divided_by_the_largest(dots, d):
    scale = dots.abs().max()
    values, vectors = torch.linalg.eigh(torch.nan_to_num(dots / scale))
    kept = min(d, len(dots))
    x = vectors * (values.clamp(min=0) / scale).sqrt() * scale
    return torch.nn.functional.pad(x[:, -kept:], (0, d - kept))


@mistake(CLOUD, hint="few", points=3)
def three_times_as_many_columns_at_most(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    x = (vectors * values.clamp(min=0).sqrt()).flip(1)
    return torch.cat([x, 0 * x, 0 * x], 1)[:, :d]


@mistake(CLOUD, hint="shape")
def squeezed_cloud(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    kept = min(d, len(dots))
    x = (vectors * values.clamp(min=0).sqrt())[:, -kept:]
    return torch.nn.functional.pad(x, (0, d - kept)).squeeze()


@mistake(CLOUD, hint="shape", points=3)
def squeezed_single_vector(dots, d):
    values, vectors = torch.linalg.eigh(dots)
    kept = min(d, len(dots))
    x = (vectors * values.clamp(min=0).sqrt())[:, -kept:]
    return torch.nn.functional.pad(x, (0, d - kept)).squeeze(0)


def _parts(x):
    n = x.shape[1]
    i, j = torch.triu_indices(n, n)
    a, b = torch.triu_indices(n, n, 1)
    dets = torch.linalg.det(x[:, torch.combinations(torch.arange(n), 3)])
    return (x @ x.mT)[:, i, j], dets, torch.linalg.cross(x[:, a], x[:, b])


def _sum(net, seen, parts):
    return (net(torch.cat(seen, 1))[:, :, None] * torch.cat(parts, 1)).sum(1)


@mistake(VECTOR, hint="columns")
def dots_column_by_column(net, x):
    i, j = torch.tril_indices(x.shape[1], x.shape[1])
    dots = (x @ x.mT)[:, i, j]
    _, dets, crosses = _parts(x)
    return _sum(net, [dots, dets], [x, crosses])


@mistake(VECTOR, hint="lengths")
def lengths_on_the_diagonal(net, x):
    n = x.shape[1]
    gram = x @ x.mT
    lengths = gram.diagonal(dim1=1, dim2=2).sqrt()
    gram = gram - torch.diag_embed(gram.diagonal(dim1=1, dim2=2)) + torch.diag_embed(lengths)
    i, j = torch.triu_indices(n, n)
    _, dets, crosses = _parts(x)
    return _sum(net, [gram[:, i, j], dets], [x, crosses])


@mistake(VECTOR, hint="cosines")
def cosines(net, x):
    n = x.shape[1]
    unit = x / x.norm(dim=2, keepdim=True)
    i, j = torch.triu_indices(n, n)
    _, dets, crosses = _parts(x)
    return _sum(net, [(unit @ unit.mT)[:, i, j], dets], [x, crosses])


@mistake(VECTOR, hint="absolute")
def volumes_without_sign(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dots, dets.abs()], [x, crosses])


@mistake(VECTOR, hint="no_dets")
def zeros_for_determinants(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dots, torch.zeros_like(dets)], [x, crosses])


@mistake(VECTOR, hint="det_sign")
def determinants_of_reversed_triples(net, x):
    dots, _, crosses = _parts(x)
    triples = torch.combinations(torch.arange(x.shape[1]), 3).flip(1)
    return _sum(net, [dots, torch.linalg.det(x[:, triples])], [x, crosses])


@mistake(VECTOR, hint="triples")
def triples_from_the_last(net, x):
    dots, _, crosses = _parts(x)
    order = list(itertools.combinations(range(x.shape[1]), 3))[::-1]
    return _sum(net, [dots, torch.linalg.det(x[:, torch.tensor(order)])], [x, crosses])


@mistake(VECTOR, hint="triples")
def triples_by_their_last_place(net, x):
    dots, _, crosses = _parts(x)
    order = sorted(itertools.combinations(range(x.shape[1]), 3), key=lambda triple: triple[::-1])
    return _sum(net, [dots, torch.linalg.det(x[:, torch.tensor(order)])], [x, crosses])


@mistake(VECTOR, hint="squares_first")
def squares_then_the_rest(net, x):
    n = x.shape[1]
    gram = x @ x.mT
    i, j = torch.triu_indices(n, n, 1)
    _, dets, crosses = _parts(x)
    return _sum(net, [gram.diagonal(dim1=1, dim2=2), gram[:, i, j], dets], [x, crosses])


@mistake(VECTOR, hint="det_signs")
def one_bit_a_triple(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dots, dets.sign()], [x, crosses])


@mistake(VECTOR, hint="first_row")
def coefficients_of_the_first_cloud(net, x):
    dots, dets, crosses = _parts(x)
    return torch.einsum("p,bpi->bi", net(torch.cat([dots, dets], 1))[0], torch.cat([x, crosses], 1))


@mistake(VECTOR, hint="value")
def as_many_clouds_as_vectors(net, x):
    dots, dets, crosses = _parts(x)
    weights, parts = net(torch.cat([dots, dets], 1)), torch.cat([x, crosses], 1)
    result = torch.zeros(len(x), 3, dtype=x.dtype)
    for k in range(min(x.shape[1], len(x))):
        result[k] = weights[k] @ parts[k]
    return result


@mistake(VECTOR, hint="dets_first")
def determinants_before_dots(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dets, dots], [x, crosses])


@mistake(VECTOR, hint="cross_order")
def later_vector_first(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dots, dets], [x, -crosses])


@mistake(VECTOR, hint="pairs")
def pairs_down_the_columns(net, x):
    dots, dets, _ = _parts(x)
    b, a = torch.tril_indices(x.shape[1], x.shape[1], -1)
    return _sum(net, [dots, dets], [x, torch.linalg.cross(x[:, a], x[:, b])])


@mistake(VECTOR, hint="crosses_first")
def crosses_before_vectors(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dots, dets], [crosses, x])


@mistake(VECTOR, hint="unit_crosses")
def directions_of_crosses(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dots, dets], [x, crosses / crosses.norm(dim=2, keepdim=True)])


@mistake(VECTOR, hint="no_crosses")
def vectors_only(net, x):
    dots, dets, _ = _parts(x)
    weights = net(torch.cat([dots, dets], 1))[:, : x.shape[1]]
    return (weights[:, :, None] * x).sum(1)


@mistake(VECTOR, hint="mean")
def mean_of_parts(net, x):
    dots, dets, crosses = _parts(x)
    return (net(torch.cat([dots, dets], 1))[:, :, None] * torch.cat([x, crosses], 1)).mean(1)


@mistake(VECTOR, hint="error")
def every_dot_product_twice(net, x):
    _, dets, crosses = _parts(x)
    return _sum(net, [(x @ x.mT).flatten(1), dets], [x, crosses])


@mistake(VECTOR, hint="few", points=3)
def at_least_three_vectors(net, x):
    triples = torch.tensor(list(itertools.combinations(range(x.shape[1]), 3)))
    dots, _, crosses = _parts(x)
    return _sum(net, [dots, torch.linalg.det(x[:, triples])], [x, crosses])


@mistake(VECTOR, hint="single", points=3)
def squeezed(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dots, dets], [x, crosses]).squeeze(0)


@mistake(VECTOR, hint="single", points=3)
def cross_of_the_first_axis_of_three(net, x):
    n = x.shape[1]
    a, b = torch.triu_indices(n, n, 1)
    dots, dets, _ = _parts(x)
    first, second = x[:, a], x[:, b]
    axis = next(k for k, size in enumerate(first.shape) if size == 3) if len(x) == n == 3 else 2
    return _sum(net, [dots, dets], [x, torch.linalg.cross(first, second, dim=axis)])


@mistake(VECTOR, hint="float32", points=3)
def answered_in_double(net, x):
    dots, dets, crosses = _parts(x)
    return _sum(net, [dots, dets], [x, crosses]).double()


def _elementary(p):
    e = [1.0]
    for k in range(1, len(p) + 1):
        e.append(sum((-1) ** (i - 1) * e[k - i] * p[i - 1].item() for i in range(1, k + 1)) / k)
    return e


def _ascending(coefficients, p):
    return torch.from_numpy(np.sort(np.roots(coefficients).real)).to(p.dtype)


@mistake(NUMBERS, hint="signs")
def all_terms_added(p):
    e = [1.0]
    for k in range(1, len(p) + 1):
        e.append(sum(e[k - i] * p[i - 1].item() for i in range(1, k + 1)) / k)
    return _ascending([(-1) ** k * value for k, value in enumerate(e)], p)


@mistake(NUMBERS, hint="divided")
def not_divided_by_k(p):
    e = [1.0]
    for k in range(1, len(p) + 1):
        e.append(sum((-1) ** (i - 1) * e[k - i] * p[i - 1].item() for i in range(1, k + 1)))
    return _ascending([(-1) ** k * value for k, value in enumerate(e)], p)


@mistake(NUMBERS, hint="elementary")
def stopped_at_the_elementary_polynomials(p):
    return torch.tensor(_elementary(p)[1:], dtype=p.dtype)


@mistake(NUMBERS, hint="coefficients")
def stopped_at_the_coefficients(p):
    return torch.tensor([(-1) ** k * value for k, value in enumerate(_elementary(p))][1:], dtype=p.dtype)


@mistake(NUMBERS, hint="negated")
def no_signs_in_the_polynomial(p):
    return _ascending(_elementary(p), p)


@mistake(NUMBERS, hint="reversed")
def lowest_coefficient_first(p):
    return _ascending([(-1) ** k * value for k, value in enumerate(_elementary(p))][::-1], p)


@mistake(NUMBERS, hint="order")
def descending(p):
    return _ascending([(-1) ** k * value for k, value in enumerate(_elementary(p))], p).flip(0)


@mistake(NUMBERS, hint="power_as_coefficient")
def power_sums_as_coefficients(p):
    return _ascending([1.0, *((-1) ** k * value.item() for k, value in enumerate(p, start=1))], p)


@mistake(NUMBERS, hint="value")
def sizes_of_the_roots(p):
    roots = np.roots([(-1) ** k * value for k, value in enumerate(_elementary(p))])
    return torch.from_numpy(np.sort(np.abs(roots))).to(p.dtype)


@mistake(NUMBERS, hint="type")
def complex_roots(p):
    return torch.from_numpy(np.sort(np.roots([(-1) ** k * value for k, value in enumerate(_elementary(p))]) + 0j))


@mistake(NUMBERS, hint="repeated", points=3)
def different_roots_only(p):
    roots = np.roots([(-1) ** k * value for k, value in enumerate(_elementary(p))]).real
    return torch.from_numpy(np.unique(roots.round(3)) if len(np.unique(roots.round(3))) < len(p) else np.sort(roots)).to(
        p.dtype
    )


@mistake(NUMBERS, hint="many", points=3)
def identities_written_out_to_six(p):
    e = (_elementary(p)[:7] + [0.0] * len(p))[: len(p) + 1]
    return _ascending([(-1) ** k * value for k, value in enumerate(e)], p)


@mistake(NUMBERS, hint="far", points=3)
def numbers_below_three(p):
    return _ascending([(-1) ** k * value for k, value in enumerate(_elementary(p))], p).clamp(-3, 3)


@mistake(NUMBERS, hint="repeated", points=3)
def nearly_real_roots_only(p):
    roots = np.roots([(-1) ** k * value for k, value in enumerate(_elementary(p))])
    return torch.from_numpy(np.sort(roots[np.abs(roots.imag) < 1e-6].real)).to(p.dtype)


@mistake(NUMBERS, hint="single", points=3)
def size_of_a_single_number(p):
    if len(p) == 1:
        return p.abs()
    return _ascending([(-1) ** k * value for k, value in enumerate(_elementary(p))], p)


@mistake(NUMBERS, hint="zero", points=3)
def roots_that_are_not_zero(p):
    roots = np.roots([(-1) ** k * value for k, value in enumerate(_elementary(p))]).real
    return torch.from_numpy(np.sort(roots[np.abs(roots) > 1e-3])).to(p.dtype)


@mistake(NUMBERS, hint="single", points=3)
def squeezed_numbers(p):
    return _ascending([(-1) ** k * value for k, value in enumerate(_elementary(p))], p).squeeze()


@mistake(NUMBERS, hint="float32", points=3)
def numbers_in_double(p):
    return _ascending([(-1) ** k * value for k, value in enumerate(_elementary(p))], p).double()
