"""Plausible wrong answers to exercises/equivariance/sets_and_signs.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

SETS = "equivariance/sets_and_signs/padded_sets"
SIGNS = "equivariance/sets_and_signs/sign_invariant"
SPACES = "equivariance/sets_and_signs/projectors"

EQUIVALENT = {
    "sign_invariant: one = v.mT.reshape(b * k, n) => one = v.mT": "the network takes (b, k, n) as it takes rows",
    "projectors: ends = (values.diff() >= tolerance).nonzero()[:, 0] + 1"
    " => ends = (values.diff() >= tolerance).nonzero()[:, -1] + 1": "there is one column, the first and the last",
}


def _table(phi, x):
    b, n, d = x.shape
    return phi(x.reshape(b * n, d)).reshape(b, n, -1)


def _inside(x, sizes):
    return (torch.arange(x.shape[1]) < sizes[:, None])[:, :, None]


@mistake(SETS, hint="padding")
def the_whole_table(phi, rho, x, sizes, pool):
    features = _table(phi, x)
    return rho(features.amax(1) if pool == "max" else features.sum(1) if pool == "sum" else features.mean(1))


@mistake(SETS, hint="padding")
def right_count_wrong_sum(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    if pool == "mean":
        return rho(features.sum(1) / sizes[:, None])
    return rho(torch.where(inside, features, 0).sum(1))


@mistake(SETS, hint="zeroed")
def padding_set_to_zero(phi, rho, x, sizes, pool):
    features = _table(phi, torch.where(_inside(x, sizes), x, 0))
    return rho(features.amax(1) if pool == "max" else features.sum(1) if pool == "sum" else features.mean(1))


@mistake(SETS, hint="zeroed")
def padding_set_to_zero_and_right_count(phi, rho, x, sizes, pool):
    features = _table(phi, torch.where(_inside(x, sizes), x, 0))
    if pool == "max":
        return rho(features.amax(1))
    return rho(features.sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="divided")
def mean_over_the_table(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    features = torch.where(inside, features, 0)
    return rho(features.sum(1) if pool == "sum" else features.mean(1))


@mistake(SETS, hint="floor")
def max_with_zeros(phi, rho, x, sizes, pool):
    features = torch.where(_inside(x, sizes), _table(phi, x), 0)
    if pool == "max":
        return rho(features.amax(1))
    return rho(features.sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="far", points=3)
def a_low_number_that_is_not_low_enough(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -1000.0).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="filled", points=3)
def times_a_mask(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    return rho((features * inside).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="filled", points=3)
def minus_a_large_number(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho((features - 1e9 * ~inside).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="pooled_first")
def pools_the_numbers(phi, rho, x, sizes, pool):
    rows = []
    for one, size in zip(x, sizes.tolist(), strict=True):
        real = one[:size]
        rows.append(real.amax(0) if pool == "max" else real.sum(0) if pool == "sum" else real.mean(0))
    return rho(phi(torch.stack(rows)))


@mistake(SETS, hint="rho_inside")
def rho_for_every_element(phi, rho, x, sizes, pool):
    rows = []
    for one, size in zip(x, sizes.tolist(), strict=True):
        real = rho(phi(one[:size]))
        rows.append(real.amax(0) if pool == "max" else real.sum(0) if pool == "sum" else real.mean(0))
    return torch.stack(rows)


@mistake(SETS, hint="no_rho")
def pooled_features(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return torch.where(inside, features, -torch.inf).amax(1)
    return torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1)


@mistake(SETS, hint="first_size")
def size_of_the_first_set(phi, rho, x, sizes, pool):
    features = _table(phi, x)[:, : sizes[0]]
    return rho(features.amax(1) if pool == "max" else features.sum(1) if pool == "sum" else features.mean(1))


@mistake(SETS, hint="first_size")
def size_of_the_smallest_set(phi, rho, x, sizes, pool):
    features = _table(phi, x)[:, : sizes.min()]
    return rho(features.amax(1) if pool == "max" else features.sum(1) if pool == "sum" else features.mean(1))


@mistake(SETS, hint="always_sum")
def one_pool_for_all(phi, rho, x, sizes, pool):
    return rho(torch.where(_inside(x, sizes), _table(phi, x), 0).sum(1))


@mistake(SETS, hint="always_sum")
def max_or_sum(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    return rho(torch.where(inside, features, 0).sum(1))


@mistake(SETS, hint="smallest")
def the_smallest_entries(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, torch.inf).amin(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="shape")
def only_the_first_set(phi, rho, x, sizes, pool):
    real = phi(x[0, : sizes[0]])
    return rho((real.amax(0) if pool == "max" else real.sum(0) if pool == "sum" else real.mean(0))[None])


@mistake(SETS, hint="value")
def one_element_too_many(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), (torch.arange(x.shape[1]) <= sizes[:, None])[:, :, None]
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="float32", points=3)
def always_float64(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1)).double()
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1)).double()


@mistake(SETS, hint="sizes", points=3)
def squeezed(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1)).squeeze(0)
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1)).squeeze(0)


@mistake(SETS, hint="mutates")
def padding_overwritten(phi, rho, x, sizes, pool):
    for k, size in enumerate(sizes.tolist()):
        x[k, size:] = x[k, :1]
    features = _table(phi, x)
    if pool == "max":
        return rho(features.amax(1))
    return rho(torch.where(_inside(x, sizes), features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="distinct")
def each_element_once(phi, rho, x, sizes, pool):
    pools = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}
    return rho(torch.stack([pools[pool](phi(one[:k].unique(dim=0)), 0) for one, k in zip(x, sizes.tolist(), strict=True)]))


@mistake(SETS, hint="zero_row")
def rows_of_zeros_are_padding(phi, rho, x, sizes, pool):
    features = _table(phi, x)
    inside = _inside(x, sizes) & (x != 0).any(-1, keepdim=True)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="far", points=3)
def a_million_below(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -1e6).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="filled", points=3)
def nan_made_a_number(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho((features.nan_to_num() - 1e6 * ~inside).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="value")
def a_soft_maximum(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, 1e3 * features, -torch.inf).logsumexp(1) / 1e3)
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="floor")
def max_with_minus_one(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -1).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1))


@mistake(SETS, hint="divided")
def mean_over_the_largest_set(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes.max() if pool == "mean" else 1))


@mistake(SETS, hint="whole")
def rounded_down(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    total = torch.where(inside, features, 0).sum(1)
    return rho(total // sizes[:, None] if pool == "mean" else total)


@mistake(SETS, hint="less_one")
def one_element_less(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1))
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] - 1 if pool == "mean" else 1))


@mistake(SETS, hint="sizes", points=3)
def squeezed_at_the_end(phi, rho, x, sizes, pool):
    features, inside = _table(phi, x), _inside(x, sizes)
    if pool == "max":
        return rho(torch.where(inside, features, -torch.inf).amax(1)).squeeze(-1)
    return rho(torch.where(inside, features, 0).sum(1) / (sizes[:, None] if pool == "mean" else 1)).squeeze(-1)


@mistake(SETS, hint="dtype")
def kept_in_a_new_table(phi, rho, x, sizes, pool):
    pools = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}
    found = []
    for one, size in zip(x, sizes.tolist(), strict=True):
        found.append(rho(pools[pool](phi(one[:size]), 0)[None]))
    out = torch.zeros(len(x), found[0].shape[-1])
    for i, row in enumerate(found):
        out[i] = row
    return out


# ----------------------------------------------------------------------------------------------------------------- signs


def _rows(v):
    return v.mT.reshape(-1, v.shape[1])


@mistake(SIGNS, hint="absolute")
def sizes_of_entries(phi, rho, v):
    return rho(phi(_rows(v).abs()).reshape(len(v), -1))


@mistake(SIGNS, hint="absolute")
def sizes_of_entries_and_their_negatives(phi, rho, v):
    one = _rows(v).abs()
    return rho((phi(one) + phi(-one)).reshape(len(v), -1))


@mistake(SIGNS, hint="plain")
def as_they_come(phi, rho, v):
    return rho(phi(_rows(v)).reshape(len(v), -1))


@mistake(SIGNS, hint="only_minus")
def negatives_alone(phi, rho, v):
    return rho(phi(-_rows(v)).reshape(len(v), -1))


@mistake(SIGNS, hint="together")
def all_flipped_at_once(phi, rho, v):
    one = _rows(v)
    return rho(phi(one).reshape(len(v), -1)) + rho(phi(-one).reshape(len(v), -1))


@mistake(SIGNS, hint="together")
def average_over_all_flipped_at_once(phi, rho, v):
    one = _rows(v)
    return (rho(phi(one).reshape(len(v), -1)) + rho(phi(-one).reshape(len(v), -1))) / 2


@mistake(SIGNS, hint="minus")
def difference(phi, rho, v):
    one = _rows(v)
    return rho((phi(one) - phi(-one)).reshape(len(v), -1))


@mistake(SIGNS, hint="product")
def product(phi, rho, v):
    one = _rows(v)
    return rho((phi(one) * phi(-one)).reshape(len(v), -1))


@mistake(SIGNS, hint="mean")
def half_the_sum(phi, rho, v):
    one = _rows(v)
    return rho((phi(one) + phi(-one)).reshape(len(v), -1) / 2)


@mistake(SIGNS, hint="canonical")
def largest_entry_positive(phi, rho, v):
    one = _rows(v)
    signs = one.gather(1, one.abs().argmax(1, keepdim=True)).sign()
    return rho(phi(signs * one).reshape(len(v), -1))


@mistake(SIGNS, hint="canonical")
def first_entry_positive(phi, rho, v):
    one = _rows(v)
    return rho(phi(one[:, :1].sign() * one).reshape(len(v), -1))


@mistake(SIGNS, hint="reshape")
def reshaped_without_swapping(phi, rho, v):
    b, n, k = v.shape
    one = v.reshape(b * k, n)
    return rho((phi(one) + phi(-one)).reshape(b, -1))


@mistake(SIGNS, hint="layout")
def features_alternate(phi, rho, v):
    b, n, k = v.shape
    one = v.mT.reshape(b * k, n)
    return rho((phi(one) + phi(-one)).reshape(b, k, -1).mT.reshape(b, -1))


@mistake(SIGNS, hint="layout")
def stacked_last(phi, rho, v):
    parts = [phi(v[:, :, j]) + phi(-v[:, :, j]) for j in range(v.shape[2])]
    return rho(torch.stack(parts, -1).flatten(1))


@mistake(SIGNS, hint="reversed")
def last_vector_first(phi, rho, v):
    one = v.flip(2).mT.reshape(-1, v.shape[1])
    return rho((phi(one) + phi(-one)).reshape(len(v), -1))


@mistake(SIGNS, hint="no_rho")
def features_alone(phi, rho, v):
    one = _rows(v)
    return (phi(one) + phi(-one)).reshape(len(v), -1)


@mistake(SIGNS, hint="no_rho")
def features_by_vector(phi, rho, v):
    one = _rows(v)
    return (phi(one) + phi(-one)).reshape(len(v), v.shape[2], -1)


@mistake(SIGNS, hint="error")
def nodes_as_vectors(phi, rho, v):
    one = v.reshape(-1, v.shape[2])
    return rho((phi(one) + phi(-one)).reshape(len(v), -1))


@mistake(SIGNS, hint="one_flipped")
def only_the_last_is_flipped(phi, rho, v):
    parts = [phi(v[:, :, j]) for j in range(v.shape[2])]
    parts[-1] = parts[-1] + phi(-v[:, :, -1])
    return rho(torch.cat(parts, 1))


@mistake(SIGNS, hint="single", points=3)
def squeezed_columns(phi, rho, v):
    b, n, k = v.shape
    one = v.mT.reshape(b * k, n).squeeze(0)
    return rho((phi(one) + phi(-one)).reshape(b, -1))


@mistake(SIGNS, hint="single", points=3)
def swaps_only_if_it_seems_needed(phi, rho, v):
    b, n, k = v.shape
    one = v if n == k else v.mT
    return rho((phi(one.reshape(b * k, n)) + phi(-one.reshape(b * k, n))).reshape(b, -1))


@mistake(SIGNS, hint="float32", points=3)
def in_float64_whatever_comes(phi, rho, v):
    one = _rows(v)
    return rho((phi(one) + phi(-one)).reshape(len(v), -1)).double()


@mistake(SIGNS, hint="distance")
def size_of_the_difference(phi, rho, v):
    one = _rows(v)
    return rho((phi(one) - phi(-one)).abs().reshape(len(v), -1))


@mistake(SIGNS, hint="larger")
def the_larger(phi, rho, v):
    one = _rows(v)
    return rho(torch.maximum(phi(one), phi(-one)).reshape(len(v), -1))


@mistake(SIGNS, hint="altered")
def of_length_one(phi, rho, v):
    one = _rows(v / v.norm(dim=1, keepdim=True))
    return rho((phi(one) + phi(-one)).reshape(len(v), -1))


@mistake(SIGNS, hint="altered")
def made_orthogonal(phi, rho, v):
    one = _rows(torch.linalg.qr(v)[0])
    return rho((phi(one) + phi(-one)).reshape(len(v), -1))


@mistake(SIGNS, hint="dtype")
def in_a_new_table(phi, rho, v):
    parts = [phi(v[:, :, j]) + phi(-v[:, :, j]) for j in range(v.shape[2])]
    found = rho(torch.cat(parts, 1))
    out = torch.zeros(found.shape)
    out[:] = found
    return out


@mistake(SIGNS, hint="single", points=3)
def squeezed_answers(phi, rho, v):
    one = _rows(v)
    return rho((phi(one) + phi(-one)).reshape(len(v), -1)).squeeze(-1)


# ----------------------------------------------------------------------------------------------------------- projectors


def _spaces(values, vectors, tolerance):
    ends = (values.diff() >= tolerance).nonzero()[:, 0] + 1
    return torch.tensor_split(vectors, ends, 1)


@mistake(SPACES, hint="one_each")
def one_for_every_vector(values, vectors, tolerance):
    return torch.stack([torch.outer(v, v) for v in vectors.T])


@mistake(SPACES, hint="rounding")
def exactly_equal(values, vectors, tolerance):
    spaces = [vectors[:, values == value] for value in values.unique()]
    return torch.stack([space @ space.T for space in spaces])


@mistake(SPACES, hint="rows")
def rows_for_vectors(values, vectors, tolerance):
    ends = (values.diff() >= tolerance).nonzero()[:, 0] + 1
    return torch.stack([space.T @ space for space in torch.tensor_split(vectors, ends, 0)])


@mistake(SPACES, hint="error")
def inner_products(values, vectors, tolerance):
    return torch.stack([space.T @ space for space in _spaces(values, vectors, tolerance)])


@mistake(SPACES, hint="weighted")
def parts_of_the_matrix(values, vectors, tolerance):
    ends = (values.diff() >= tolerance).nonzero()[:, 0] + 1
    spaces = torch.tensor_split(vectors, ends, 1)
    return torch.stack([part.mean() * space @ space.T for part, space in zip(values.tensor_split(ends), spaces, strict=True)])


@mistake(SPACES, hint="outer_sum")
def sum_of_the_vectors(values, vectors, tolerance):
    return torch.stack([torch.outer(space.sum(1), space.sum(1)) for space in _spaces(values, vectors, tolerance)])


@mistake(SPACES, hint="descending")
def largest_first(values, vectors, tolerance):
    return torch.stack([space @ space.T for space in _spaces(values, vectors, tolerance)[::-1]])


@mistake(SPACES, hint="rest")
def what_is_left_out(values, vectors, tolerance):
    one = torch.eye(len(values), dtype=vectors.dtype)
    return torch.stack([one - space @ space.T for space in _spaces(values, vectors, tolerance)])


@mistake(SPACES, hint="shape")
def one_projector_for_all(values, vectors, tolerance):
    return vectors @ vectors.T


@mistake(SPACES, hint="type")
def a_list(values, vectors, tolerance):
    return [space @ space.T for space in _spaces(values, vectors, tolerance)]


@mistake(SPACES, hint="count")
def last_space_forgotten(values, vectors, tolerance):
    spaces, start = [], 0
    for k in range(1, len(values)):
        if values[k] - values[k - 1] >= tolerance:
            spaces.append(vectors[:, start:k])
            start = k
    return torch.stack([space @ space.T for space in spaces])


@mistake(SPACES, hint="chain", points=2)
def compared_with_the_first_of_the_space(values, vectors, tolerance):
    groups = [[0]]
    for k in range(1, len(values)):
        if values[k] - values[groups[-1][0]] < tolerance:
            groups[-1].append(k)
        else:
            groups.append([k])
    return torch.stack([vectors[:, group] @ vectors[:, group].T for group in groups])


@mistake(SPACES, hint="tolerance")
def rounded_to_the_tolerance(values, vectors, tolerance):
    keys = (values / tolerance / 100).round()
    return torch.stack([vectors[:, keys == key] @ vectors[:, keys == key].T for key in keys.unique()])


@mistake(SPACES, hint="edge", points=2)
def a_step_of_the_tolerance_counts_as_equal(values, vectors, tolerance):
    ends = (values.diff() > tolerance).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="ends", points=2)
def a_step_must_exist(values, vectors, tolerance):
    ends = (values.diff() >= tolerance).nonzero()[:, 0] + 1
    if len(ends) == 0:
        return vectors @ vectors.T
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="scale")
def relative_steps(values, vectors, tolerance):
    ends = (values.diff() / values.abs()[1:].clamp(min=1e-12) >= tolerance).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="negative", points=2)
def sizes_of_eigenvalues(values, vectors, tolerance):
    ends = (values.abs().diff().abs() >= tolerance).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="negative", points=2)
def null_space_left_out(values, vectors, tolerance):
    ends = (values.diff() >= tolerance).nonzero()[:, 0] + 1
    spaces = zip(values.tensor_split(ends), torch.tensor_split(vectors, ends, 1), strict=True)
    return torch.stack([space @ space.T for part, space in spaces if part.abs().max() > 1e-6])


@mistake(SPACES, hint="float32", points=2)
def doubles_come_back(values, vectors, tolerance):
    return torch.stack([(space @ space.T).double() for space in _spaces(values, vectors, tolerance)])


@mistake(SPACES, hint="tolerance")
def a_tolerance_of_its_own(values, vectors, tolerance):
    ends = (values.diff() >= 1e-6).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="tolerance")
def half_the_tolerance(values, vectors, tolerance):
    ends = (values.diff() >= tolerance / 2).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="tolerance")
def a_little_less(values, vectors, tolerance):
    ends = (values.diff() >= 0.9 * tolerance).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="tolerance")
def ten_times_the_tolerance(values, vectors, tolerance):
    ends = (values.diff() >= 10 * tolerance).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="tolerance")
def a_share_of_the_largest_step(values, vectors, tolerance):
    steps = values.diff()
    ends = (steps >= steps.max() / 100).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="scale")
def a_share_of_the_largest_eigenvalue(values, vectors, tolerance):
    ends = (values.diff() >= tolerance * values.abs().max()).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="scale")
def close_by_the_default(values, vectors, tolerance):
    ends = (~torch.isclose(values[1:], values[:-1], atol=tolerance)).nonzero()[:, 0] + 1
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="early")
def cut_one_place_too_early(values, vectors, tolerance):
    ends = (values.diff() >= tolerance).nonzero()[:, 0]
    return torch.stack([space @ space.T for space in torch.tensor_split(vectors, ends, 1)])


@mistake(SPACES, hint="pairs")
def two_at_most(values, vectors, tolerance):
    found, k = [], 0
    while k < len(values):
        wide = 2 if k + 1 < len(values) and values[k + 1] - values[k] < tolerance else 1
        found.append(vectors[:, k : k + wide] @ vectors[:, k : k + wide].T)
        k += wide
    return torch.stack(found)


@mistake(SPACES, hint="dtype")
def in_single_precision(values, vectors, tolerance):
    spaces = _spaces(values, vectors, tolerance)
    out = torch.zeros(len(spaces), len(values), len(values))
    for k, space in enumerate(spaces):
        out[k] = space @ space.T
    return out
