"""Plausible wrong answers to exercises/equivariance/weight_sharing.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

TIED = "equivariance/weight_sharing/tied_weights"
BASIS = "equivariance/weight_sharing/equivariant_basis"
FIT = "equivariance/weight_sharing/fit_tied"


def _spread(label, moves):
    """The lowest label of each orbit, `moves` pairs of (outputs, inputs)."""
    while True:
        before = label
        for p, q in moves:
            label = torch.minimum(label, label[p][:, q])
        if torch.equal(label, before):
            return label


def _start(p_in, p_out):
    return torch.arange(p_out.shape[1] * p_in.shape[1]).reshape(p_out.shape[1], p_in.shape[1])


def _numbered(label):
    return label.unique(return_inverse=True)[1]


@mistake(TIED, hint="once")
def stops_when_the_last_generator_changes_nothing(p_in, p_out):
    label = torch.arange(p_out.shape[1] * p_in.shape[1]).reshape(p_out.shape[1], p_in.shape[1])
    while True:
        changed = False
        for p, q in zip(p_out, p_in, strict=True):
            lower = torch.minimum(label, label[p][:, q])
            changed, label = not torch.equal(lower, label), lower
        if not changed:
            return label.unique(return_inverse=True)[1]


@mistake(TIED, hint="mixed")
def inputs_moved_back(p_in, p_out):
    return _numbered(_spread(_start(p_in, p_out), list(zip(p_out, p_in.argsort(1), strict=True))))


@mistake(TIED, hint="mixed")
def outputs_moved_back(p_in, p_out):
    return _numbered(_spread(_start(p_in, p_out), list(zip(p_out.argsort(1), p_in, strict=True))))


@mistake(TIED, hint="once")
def one_round(p_in, p_out):
    label = _start(p_in, p_out)
    for p, q in zip(p_out, p_in, strict=True):
        label = torch.minimum(label, label[p][:, q])
    return _numbered(label)


@mistake(TIED, hint="once")
def images_of_the_start_only(p_in, p_out):
    start = label = _start(p_in, p_out)
    for p, q in zip(p_out, p_in, strict=True):
        label = torch.minimum(label, start[p][:, q])
    return _numbered(label)


@mistake(TIED, hint="some")
def first_generator_only(p_in, p_out):
    return _numbered(_spread(_start(p_in, p_out), [(p_out[0], p_in[0])] if len(p_in) else []))


@mistake(TIED, hint="some")
def the_last_generator_wins(p_in, p_out):
    label = _start(p_in, p_out)
    for p, q in zip(p_out, p_in, strict=True):
        label = _spread(_start(p_in, p_out), [(p, q)])
    return _numbered(label)


@mistake(TIED, hint="apart")
def any_output_move_with_any_input_move(p_in, p_out):
    return _numbered(_spread(_start(p_in, p_out), [(p, q) for p in p_out for q in p_in]))


@mistake(TIED, hint="apart")
def orbits_of_rows_times_orbits_of_columns(p_in, p_out):
    rows = _spread(torch.arange(p_out.shape[1])[:, None], [(p, slice(None)) for p in p_out])
    columns = _spread(torch.arange(p_in.shape[1])[None], [(torch.zeros(1, dtype=torch.long), q) for q in p_in])
    return _numbered(rows * 100 + columns)


@mistake(TIED, hint="transposed")
def inputs_as_rows(p_in, p_out):
    return _numbered(_spread(_start(p_out, p_in), list(zip(p_in, p_out, strict=True))))


@mistake(TIED, hint="numbers", points=3)
def lowest_place_as_name(p_in, p_out):
    return _spread(_start(p_in, p_out), list(zip(p_out, p_in, strict=True)))


@mistake(TIED, hint="numbers", points=3)
def counted_from_one(p_in, p_out):
    return _numbered(_spread(_start(p_in, p_out), list(zip(p_out, p_in, strict=True)))) + 1


@mistake(TIED, hint="numbers", points=3)
def counted_from_the_end(p_in, p_out):
    found = _numbered(_spread(_start(p_in, p_out), list(zip(p_out, p_in, strict=True))))
    return found.max() - found


@mistake(TIED, hint="single", points=3)
def twelve_rounds_are_plenty(p_in, p_out):
    label = _start(p_in, p_out)
    for _ in range(12):
        for p, q in zip(p_out, p_in, strict=True):
            label = torch.minimum(label, label[p][:, q])
    return _numbered(label)


@mistake(TIED, hint="single", points=3)
def begins_with_the_first_generator(p_in, p_out):
    moves = list(zip(p_out, p_in, strict=True))
    label = torch.minimum(_start(p_in, p_out), _start(p_in, p_out)[moves[0][0]][:, moves[0][1]])
    return _numbered(_spread(label, moves))


def _solved(into, out, tolerance=1e-10):
    one_in, one_out = (torch.eye(m.shape[1], dtype=m.dtype) for m in (into, out))
    pairs = zip(into.mT.contiguous(), out.contiguous(), strict=True)
    c = torch.cat([torch.kron(b, one_in) - torch.kron(one_out, a) for a, b in pairs])
    values, vectors = torch.linalg.eigh(c.T @ c)
    return vectors[:, values < tolerance].T.reshape(-1, out.shape[1], into.shape[1])


@mistake(BASIS, hint="transposed")
def kronecker_without_transpose(rho_in, rho_out):
    return _solved(rho_in.mT, rho_out)


@mistake(BASIS, hint="columns")
def column_by_column_filled_row_by_row(rho_in, rho_out):
    d, e = rho_in.shape[1], rho_out.shape[1]
    return _solved(rho_in, rho_out).mT.reshape(-1, e, d)


@mistake(BASIS, hint="orthogonal")
def transpose_for_inverse(rho_in, rho_out):
    d, e = rho_in.shape[1], rho_out.shape[1]
    one = torch.eye(d * e, dtype=rho_in.dtype)
    c = torch.cat([torch.kron(b, a) - one for a, b in zip(rho_in.contiguous(), rho_out.contiguous(), strict=True)])
    values, vectors = torch.linalg.eigh(c.T @ c)
    zero = values < 1e-10
    zero[0] = True
    return vectors[:, zero].T.reshape(-1, e, d)


@mistake(BASIS, hint="some")
def the_first_generator_only(rho_in, rho_out):
    return _solved(rho_in[:1], torch.cat([rho_out[:1]])) if len(rho_in) > 1 else _solved(rho_in, rho_out)


@mistake(BASIS, hint="any")
def solutions_of_each_generator_side_by_side(rho_in, rho_out):
    return torch.cat([_solved(rho_in[[k]], rho_out[[k]]) for k in range(len(rho_in))])


@mistake(BASIS, hint="invariant")
def outputs_do_not_move(rho_in, rho_out):
    return _solved(rho_in, torch.eye(rho_out.shape[1], dtype=rho_out.dtype).expand_as(rho_out))


@mistake(BASIS, hint="summed")
def blocks_added_up(rho_in, rho_out):
    d, e = rho_in.shape[1], rho_out.shape[1]
    one_in, one_out = (torch.eye(m.shape[1], dtype=m.dtype) for m in (rho_in, rho_out))
    pairs = zip(rho_in.mT.contiguous(), rho_out.contiguous(), strict=True)
    c = sum(torch.kron(b, one_in) - torch.kron(one_out, a) for a, b in pairs)
    values, vectors = torch.linalg.eigh(c.T @ c)
    return vectors[:, values < 1e-10].T.reshape(-1, e, d)


@mistake(BASIS, hint="swapped")
def from_outputs_to_inputs(rho_in, rho_out):
    return _solved(rho_out, rho_in).reshape(-1, rho_out.shape[1], rho_in.shape[1])


@mistake(BASIS, hint="swapped")
def from_outputs_to_inputs_turned(rho_in, rho_out):
    return _solved(rho_out, rho_in).mT.contiguous()


@mistake(BASIS, hint="strict")
def exactly_zero(rho_in, rho_out):
    return _solved(rho_in, rho_out, 1e-40)


@mistake(BASIS, hint="loose")
def one_table_more(rho_in, rho_out):
    d, e = rho_in.shape[1], rho_out.shape[1]
    one_in, one_out = (torch.eye(m.shape[1], dtype=m.dtype) for m in (rho_in, rho_out))
    pairs = zip(rho_in.mT.contiguous(), rho_out.contiguous(), strict=True)
    c = torch.cat([torch.kron(b, one_in) - torch.kron(one_out, a) for a, b in pairs])
    values, vectors = torch.linalg.eigh(c.T @ c)
    return vectors[:, : int((values < 1e-10).sum()) + 1].T.reshape(-1, e, d)


@mistake(BASIS, hint="tables")
def as_flat_rows(rho_in, rho_out):
    return _solved(rho_in, rho_out).flatten(1)


@mistake(BASIS, hint="tables")
def only_one_table(rho_in, rho_out):
    return _solved(rho_in, rho_out)[0]


@mistake(BASIS, hint="orthonormal")
def scaled_to_largest_entry_one(rho_in, rho_out):
    basis = _solved(rho_in, rho_out)
    return basis / basis.abs().amax((1, 2), keepdim=True) if len(basis) else basis


@mistake(BASIS, hint="orthonormal")
def mixed_tables(rho_in, rho_out):
    basis = _solved(rho_in, rho_out)
    return basis + 0.5 * basis.roll(1, 0)


@mistake(BASIS, hint="slow", points=3)
def a_thousandth_is_zero(rho_in, rho_out):
    return _solved(rho_in, rho_out, 1e-3)


@mistake(BASIS, hint="extremes", points=3)
def at_least_one_table(rho_in, rho_out):
    basis = _solved(rho_in, rho_out)
    return basis if len(basis) else torch.zeros(1, rho_out.shape[1], rho_in.shape[1], dtype=rho_in.dtype)


@mistake(BASIS, hint="extremes", points=3)
def relative_to_nothing(rho_in, rho_out):
    d, e = rho_in.shape[1], rho_out.shape[1]
    one_in, one_out = (torch.eye(m.shape[1], dtype=m.dtype) for m in (rho_in, rho_out))
    pairs = zip(rho_in.mT.contiguous(), rho_out.contiguous(), strict=True)
    c = torch.cat([torch.kron(b, one_in) - torch.kron(one_out, a) for a, b in pairs])
    values, vectors = torch.linalg.eigh(c.T @ c)
    return vectors[:, values < 1e-10 * values.max()].T.reshape(-1, e, d)


def _features(basis, x):
    return torch.einsum("kqp,bp->bqk", basis, x)


def _combined(c, basis):
    return torch.einsum("k,kqp->qp", c, basis)


def _free(x, y):
    return (torch.linalg.pinv(x) @ y).T


@mistake(FIT, hint="free")
def all_weights_free(basis, x, y):
    return _free(x, y)


@mistake(FIT, hint="projected")
def fit_then_project(basis, x, y):
    flat = basis.flatten(1)
    return _combined(torch.linalg.pinv(flat.T) @ _free(x, y).flatten(), basis)


@mistake(FIT, hint="orthonormal")
def fit_then_inner_products(basis, x, y):
    return _combined(torch.einsum("kqp,qp->k", basis, _free(x, y)), basis)


@mistake(FIT, hint="orthonormal")
def inner_products_with_moments(basis, x, y):
    return _combined(torch.einsum("kqp,qp->k", basis, y.T @ x), basis)


@mistake(FIT, hint="each")
def one_coefficient_after_the_other(basis, x, y):
    features = _features(basis, x).flatten(0, 1)
    return _combined(features.T @ y.flatten() / features.square().sum(0), basis)


@mistake(FIT, hint="sums")
def outputs_added_up(basis, x, y):
    return _combined(torch.linalg.pinv(_features(basis, x).sum(1)) @ y.sum(1), basis)


@mistake(FIT, hint="coefficients")
def coefficients_only(basis, x, y):
    return torch.linalg.pinv(_features(basis, x).flatten(0, 1)) @ y.flatten()


@mistake(FIT, hint="ridge")
def a_small_penalty(basis, x, y):
    features = _features(basis, x).flatten(0, 1)
    gram = features.T @ features + 0.01 * torch.eye(len(basis), dtype=basis.dtype)
    return _combined(torch.linalg.solve(gram, features.T @ y.flatten()), basis)


@mistake(FIT, hint="transposed")
def tables_from_the_right(basis, x, y):
    if basis.shape[1] != basis.shape[2]:
        return _combined(torch.linalg.pinv(_features(basis, x).flatten(0, 1)) @ y.flatten(), basis)
    features = torch.einsum("kqp,bq->bpk", basis, x).flatten(0, 1)
    return _combined(torch.linalg.pinv(features) @ y.flatten(), basis)


@mistake(FIT, hint="few", points=3)
def through_the_free_fit(basis, x, y):
    """Generalised least squares on the free weights: right if x^T x can be inverted."""
    second = x.T @ x
    if torch.linalg.matrix_rank(second) < len(second):
        return _combined(torch.linalg.pinv(basis.flatten(1).T) @ _free(x, y).flatten(), basis)
    features = _features(basis, x).flatten(0, 1)
    return _combined(torch.linalg.pinv(features) @ y.flatten(), basis)


@mistake(FIT, hint="few", points=3)
def squeezed(basis, x, y):
    features = _features(basis, x).squeeze()
    found = torch.linalg.pinv(features.reshape(-1, features.shape[-1])) @ y.flatten()
    return _combined(found, basis)


@mistake(FIT, hint="float32", points=3)
def answers_in_double(basis, x, y):
    features = _features(basis.double(), x.double()).flatten(0, 1)
    return _combined(torch.linalg.pinv(features) @ y.double().flatten(), basis.double())


EQUIVALENT = {
    "tied_weights: label = torch.minimum(label, label[p_out[s]][:, p_in[s]]) => "
    "label = torch.minimum(label[p_out[s]][:, p_in[s]], label)": "the smaller of two is the same in either order",
    "tied_weights: if torch.equal(label, before): => if torch.equal(before, label):": "equality is symmetric",
    "equivariant_basis: d, e = (rho_in.shape[1], rho_out.shape[1]) => d, e = (rho_in.shape[2], rho_out.shape[1])": "matrices "
    "of a representation are square",
    "equivariant_basis: d, e = (rho_in.shape[1], rho_out.shape[1]) => d, e = (rho_in.shape[1], rho_out.shape[2])": "matrices "
    "of a representation are square",
    "equivariant_basis: zero = values < 1e-10 => zero = values <= 1e-10": "no eigenvalue lies exactly at the tolerance",
    "equivariant_basis: return vectors[:, zero].T.reshape(-1, e, d) => return -vectors[:, zero].T.reshape(-1, e, d)": "an "
    "orthonormal basis with all signs changed is one",
}
