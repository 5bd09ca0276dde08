"""Plausible wrong answers to exercises/attribution/surrogates.ipynb, and what the check says to each."""

from collections import Counter
from itertools import combinations, pairwise

import torch

from course_lib.checks import mistake

LIME = "attribution/surrogates/lime"
HOLD = "attribution/surrogates/hold_totals"
BLUR = "attribution/surrogates/blurred_slopes"
AGREE = "attribution/surrogates/agreement"


def _fit(gates, values, weights):
    root = weights.sqrt()[:, None]
    design = torch.cat([gates, torch.ones_like(gates[:, :1])], 1)
    solution = torch.linalg.lstsq(root * design, root * values[:, None]).solution[:, 0]
    mean = (weights * values).sum() / weights.sum()
    missed = (weights * (values - design @ solution) ** 2).sum()
    spread = (weights * (values - mean) ** 2).sum()
    return {"scores": solution[:-1], "intercept": solution[-1], "r_squared": 1 - missed / spread}


def _weights(gates, sizes, width):
    return torch.exp(-((1 - gates) @ sizes) / sizes.sum() / width**2)


@mistake(LIME, hint="players")
def every_player_alike(gates, values, sizes, width):
    return _fit(gates, values, torch.exp(-(1 - gates).mean(1) / width**2))


@mistake(LIME, hint="absolute")
def size_not_share(gates, values, sizes, width):
    return _fit(gates, values, torch.exp(-((1 - gates) @ sizes) / width**2).clamp(min=1e-300))


@mistake(LIME, hint="present")
def nearest_to_empty(gates, values, sizes, width):
    return _fit(gates, values, torch.exp(-(gates @ sizes) / sizes.sum() / width**2))


@mistake(LIME, hint="width")
def width_not_squared(gates, values, sizes, width):
    return _fit(gates, values, torch.exp(-((1 - gates) @ sizes) / sizes.sum() / width))


@mistake(LIME, hint="width")
def share_squared(gates, values, sizes, width):
    return _fit(gates, values, torch.exp(-(((1 - gates) @ sizes / sizes.sum()) ** 2) / width**2))


@mistake(LIME, hint="root")
def twice_the_variance(gates, values, sizes, width):
    return _fit(gates, values, torch.exp(-((1 - gates) @ sizes) / sizes.sum() / (2 * width**2)))


@mistake(LIME, hint="unweighted")
def plain_least_squares(gates, values, sizes, width):
    return _fit(gates, values, torch.ones_like(values))


@mistake(LIME, hint="squared")
def root_forgotten(gates, values, sizes, width):
    return _fit(gates, values, _weights(gates, sizes, width) ** 2)


@mistake(LIME, hint="no_intercept")
def through_the_origin(gates, values, sizes, width):
    root = _weights(gates, sizes, width).sqrt()[:, None]
    scores = torch.linalg.lstsq(root * gates, root * values[:, None]).solution[:, 0]
    return {"scores": scores, "intercept": 0.0, "r_squared": 1.0}


@mistake(LIME, hint="centre")
def plain_means(gates, values, sizes, width):
    root = _weights(gates, sizes, width).sqrt()[:, None]
    z, v = gates - gates.mean(0), values - values.mean()
    scores = torch.linalg.lstsq(root * z, root * v[:, None]).solution[:, 0]
    return {"scores": scores, "intercept": values.mean() - gates.mean(0) @ scores, "r_squared": 1.0}


@mistake(LIME, hint="absent")
def slopes_of_absence(gates, values, sizes, width):
    return _fit(1 - gates, values, _weights(gates, sizes, width))


@mistake(LIME, hint="slots")
def intercept_among_the_scores(gates, values, sizes, width):
    line = _fit(gates, values, _weights(gates, sizes, width))
    return line | {"scores": torch.cat([line["scores"], line["intercept"][None]])}


@mistake(LIME, hint="keys")
def a_tuple(gates, values, sizes, width):
    return tuple(_fit(gates, values, _weights(gates, sizes, width)).values())


@mistake(LIME, hint="intercept", points=2)
def value_of_the_mean(gates, values, sizes, width):
    weights = _weights(gates, sizes, width)
    return _fit(gates, values, weights) | {"intercept": values.mean()}


@mistake(LIME, hint="fit_plain", points=2)
def plain_r_squared(gates, values, sizes, width):
    line = _fit(gates, values, _weights(gates, sizes, width))
    missed = values - gates @ line["scores"] - line["intercept"]
    return line | {"r_squared": 1 - missed.square().sum() / (values - values.mean()).square().sum()}


@mistake(LIME, hint="fit_zero", points=2)
def compared_with_zero(gates, values, sizes, width):
    weights = _weights(gates, sizes, width)
    line = _fit(gates, values, weights)
    missed = values - gates @ line["scores"] - line["intercept"]
    return line | {"r_squared": 1 - (weights @ missed.square()) / (weights @ values.square())}


@mistake(LIME, hint="fit_correlation", points=2)
def share_missed(gates, values, sizes, width):
    line = _fit(gates, values, _weights(gates, sizes, width))
    return line | {"r_squared": 1 - line["r_squared"]}


@mistake(LIME, hint="repeated", points=3)
def each_mask_once(gates, values, sizes, width):
    masks, place = gates.unique(dim=0, return_inverse=True)
    first = torch.tensor([int((place == k).nonzero()[0]) for k in range(len(masks))])
    return _fit(masks, values[first], _weights(masks, sizes, width))


@mistake(LIME, hint="infinite", points=3)
def infinite_width_weighs_nothing(gates, values, sizes, width):
    if width == float("inf"):
        return {"scores": 0 * sizes, "intercept": values.mean(), "r_squared": 0.0}
    return _fit(gates, values, _weights(gates, sizes, width))


@mistake(LIME, hint="shape", points=3)
def squeezed(gates, values, sizes, width):
    line = _fit(gates, values, _weights(gates, sizes, width))
    return line | {"scores": line["scores"].squeeze()}


@mistake(LIME, hint="narrow", points=3)
def light_masks_dropped(gates, values, sizes, width):
    weights = _weights(gates, sizes, width)
    return _fit(gates, values, weights * (weights >= 1e-3 * weights.max()))


def _hold(gates, values, weights, empty, teams, totals):
    n, t = gates.shape[1], len(totals)
    members = (teams == torch.arange(t)[:, None]).to(gates.dtype)
    system = torch.zeros(n + t, n + t, dtype=gates.dtype)
    system[:n, :n] = gates.T @ (weights[:, None] * gates)
    system[:n, n:], system[n:, :n] = members.T, members
    right = torch.cat([gates.T @ (weights * (values - empty)), totals])
    return torch.linalg.lstsq(system, right[:, None]).solution[:n, 0]


def _free(gates, values, weights, empty):
    root = weights.sqrt()[:, None]
    return torch.linalg.lstsq(root * gates, root * (values - empty)[:, None]).solution[:, 0]


@mistake(HOLD, hint="grand")
def one_grand_total(gates, values, weights, empty, teams, totals):
    return _hold(gates, values, weights, empty, 0 * teams, totals.sum()[None])


def _heavy(gates, values, weights, empty, teams, totals, weight):
    members = (teams == torch.arange(len(totals))[:, None]).to(gates.dtype)
    root = weights.sqrt()[:, None]
    design = torch.cat([root * gates, weight * members])
    target = torch.cat([root[:, 0] * (values - empty), weight * totals])
    return torch.linalg.lstsq(design, target[:, None]).solution[:, 0]


@mistake(HOLD, hint="free")
def light_rows(gates, values, weights, empty, teams, totals):
    return _heavy(gates, values, weights, empty, teams, totals, 1.0)


@mistake(HOLD, hint="soft", points=3)
def heavy_rows(gates, values, weights, empty, teams, totals):
    return _heavy(gates, values, weights, empty, teams, totals, 3e3)


@mistake(HOLD, hint="free")
def no_constraint(gates, values, weights, empty, teams, totals):
    return _free(gates, values, weights, empty)


@mistake(HOLD, hint="scaled")
def shifted_afterwards(gates, values, weights, empty, teams, totals):
    free = _free(gates, values, weights, empty)
    sums = torch.zeros_like(totals).index_add(0, teams, free)
    return free + ((totals - sums) / torch.bincount(teams))[teams]


@mistake(HOLD, hint="scaled")
def scaled_afterwards(gates, values, weights, empty, teams, totals):
    free = _free(gates, values, weights, empty)
    sums = torch.zeros_like(totals).index_add(0, teams, free)
    return free * (totals / sums)[teams]


@mistake(HOLD, hint="apart")
def team_by_team(gates, values, weights, empty, teams, totals):
    scores = torch.zeros_like(gates[0])
    for k in range(len(totals)):
        members = teams == k
        nobody = torch.zeros(int(members.sum()), dtype=torch.long)
        scores[members] = _hold(gates[:, members], values, weights, empty, nobody, totals[k : k + 1])
    return scores


@mistake(HOLD, hint="empty")
def from_zero(gates, values, weights, empty, teams, totals):
    return _hold(gates, values, weights, 0.0, teams, totals)


@mistake(HOLD, hint="offset")
def totals_less_empty(gates, values, weights, empty, teams, totals):
    return _hold(gates, values, weights, empty, teams, totals - empty)


@mistake(HOLD, hint="unweighted")
def weights_ignored(gates, values, weights, empty, teams, totals):
    return _hold(gates, values, torch.ones_like(weights), empty, teams, totals)


@mistake(HOLD, hint="squared")
def weights_squared(gates, values, weights, empty, teams, totals):
    return _hold(gates, values, weights**2, empty, teams, totals)


@mistake(HOLD, hint="root")
def weights_rooted(gates, values, weights, empty, teams, totals):
    return _hold(gates, values, weights.sqrt(), empty, teams, totals)


@mistake(HOLD, hint="mean")
def means_held(gates, values, weights, empty, teams, totals):
    return _hold(gates, values, weights, empty, teams, totals * torch.bincount(teams))


@mistake(HOLD, hint="order")
def totals_as_teams_turn_up(gates, values, weights, empty, teams, totals):
    order = list(dict.fromkeys(teams.tolist()))
    return _hold(gates, values, weights, empty, torch.tensor([order.index(k) for k in teams.tolist()]), totals)


@mistake(HOLD, hint="order")
def neighbouring_blocks(gates, values, weights, empty, teams, totals):
    return _hold(gates, values, weights, empty, teams.sort().values, totals)


@mistake(HOLD, hint="even")
def equal_shares(gates, values, weights, empty, teams, totals):
    return (totals / torch.bincount(teams))[teams]


@mistake(HOLD, hint="alone", points=3)
def players_alone_left_free(gates, values, weights, empty, teams, totals):
    if len(totals) == len(teams):
        return _free(gates, values, weights, empty)
    return _hold(gates, values, weights, empty, teams, totals)


@mistake(HOLD, hint="repeated", points=3)
def every_mask_once(gates, values, weights, empty, teams, totals):
    masks, place = gates.unique(dim=0, return_inverse=True)
    first = torch.tensor([int((place == k).nonzero()[0]) for k in range(len(masks))])
    return _hold(masks, values[first], weights[first], empty, teams, totals)


@mistake(HOLD, hint="repeated", points=3)
def plain_means_of_repeated_rows(gates, values, weights, empty, teams, totals):
    masks, place = gates.unique(dim=0, return_inverse=True)
    summed = torch.zeros(len(masks), dtype=gates.dtype).index_add(0, place, weights)
    means = torch.zeros_like(summed).index_add(0, place, values) / torch.bincount(place)
    return _hold(masks, means, summed, empty, teams, totals)


@mistake(HOLD, hint="one_team", points=3)
def always_two_teams(gates, values, weights, empty, teams, totals):
    if len(totals) == 1:
        return _free(gates, values, weights, empty)
    return _hold(gates, values, weights, empty, teams, totals)


def _blur(model, x, scale, noise):
    steps = scale * noise
    values = model(x + steps)
    steps, rest = steps - steps.mean(0), values - values.mean()
    slopes = torch.linalg.lstsq(steps, rest[:, None]).solution[:, 0]
    return {"scores": slopes, "r_squared": 1 - (rest - steps @ slopes).square().sum() / rest.square().sum()}


def _noise(x, pairs, seed):
    noise = torch.randn(pairs, len(x), generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    return torch.cat([noise, -noise])


@mistake(BLUR, hint="pairs")
def draws_without_partners(model, x, scale, pairs, seed):
    generator = torch.Generator().manual_seed(seed)
    return _blur(model, x, scale, torch.randn(2 * pairs, len(x), generator=generator, dtype=x.dtype))


@mistake(BLUR, hint="linear")
def correlated_not_fitted(model, x, scale, pairs, seed):
    noise = _noise(x, pairs, seed)
    values = model(x + scale * noise)
    return {"scores": (values[:, None] * noise).mean(0) / scale, "r_squared": 1.0}


@mistake(BLUR, hint="scale")
def per_unit_of_noise(model, x, scale, pairs, seed):
    line = _blur(model, x, scale, _noise(x, pairs, seed))
    return line | {"scores": line["scores"] * scale}


@mistake(BLUR, hint="blur")
def scale_is_the_variance(model, x, scale, pairs, seed):
    return _blur(model, x, scale**0.5, _noise(x, pairs, seed))


@mistake(BLUR, hint="blur")
def unit_noise(model, x, scale, pairs, seed):
    return _blur(model, x, 1.0, _noise(x, pairs, seed))


@mistake(BLUR, hint="blur")
def uniform_noise(model, x, scale, pairs, seed):
    noise = 2 * torch.rand(pairs, len(x), generator=torch.Generator().manual_seed(seed), dtype=x.dtype) - 1
    return _blur(model, x, scale, torch.cat([noise, -noise]))


@mistake(BLUR, hint="pairs")
def around_the_origin(model, x, scale, pairs, seed):
    return _blur(model, 0 * x, scale, _noise(x, pairs, seed))


@mistake(BLUR, hint="gradient")
def mean_of_gradients(model, x, scale, pairs, seed):
    points = (x + scale * _noise(x, pairs, seed)).requires_grad_()
    with torch.enable_grad():
        slopes = torch.autograd.grad(model(points).sum(), points)[0].mean(0)
    return {"scores": slopes, "r_squared": 1.0}


@mistake(BLUR, hint="pairs")
def no_intercept_no_partners(model, x, scale, pairs, seed):
    steps = scale * _noise(x, pairs, seed)[:pairs]
    slopes = torch.linalg.lstsq(steps, (model(x + steps) - model(x[None]))[:, None]).solution[:, 0]
    return {"scores": slopes, "r_squared": 1.0}


@mistake(BLUR, hint="axes")
def one_entry_at_a_time(model, x, scale, pairs, seed):
    noise = _noise(x, pairs, seed)
    slopes = []
    for i in range(len(x)):
        rows = x.repeat(2 * pairs, 1)
        rows[:, i] += scale * noise[:, i]
        slopes.append((model(rows) * noise[:, i]).sum() / (scale * noise[:, i].square().sum()))
    return {"scores": torch.stack(slopes), "r_squared": 1.0}


@mistake(BLUR, hint="gradient")
def central_differences(model, x, scale, pairs, seed):
    step = 1e-3 * torch.eye(len(x), dtype=x.dtype)
    return {"scores": (model(x + step) - model(x - step)) / 2e-3, "r_squared": 1.0}


@mistake(BLUR, hint="halves", points=2)
def fit_of_differences(model, x, scale, pairs, seed):
    steps = scale * _noise(x, pairs, seed)
    values = model(x + steps)
    half = (values[:pairs] - values[pairs:]) / 2
    slopes = torch.linalg.lstsq(steps[:pairs], half[:, None]).solution[:, 0]
    missed = half - steps[:pairs] @ slopes
    return {"scores": slopes, "r_squared": 1 - missed.square().sum() / half.square().sum().clamp(min=1e-12)}


@mistake(BLUR, hint="fit", points=2)
def fit_against_zero(model, x, scale, pairs, seed):
    steps = scale * _noise(x, pairs, seed)
    values = model(x + steps)
    line = _blur(model, x, scale, _noise(x, pairs, seed))
    missed = values - values.mean() - steps @ line["scores"]
    return line | {"r_squared": 1 - missed.square().sum() / values.square().sum()}


@mistake(BLUR, hint="fixed", points=3)
def always_the_same_seed(model, x, scale, pairs, seed):
    return _blur(model, x, scale, _noise(x, pairs, 0))


@mistake(BLUR, hint="count", points=3)
def always_a_thousand(model, x, scale, pairs, seed):
    return _blur(model, x, scale, _noise(x, 1000, seed))


@mistake(BLUR, hint="few", points=3)
def half_of_the_pairs(model, x, scale, pairs, seed):
    return _blur(model, x, scale, _noise(x, (pairs + 1) // 2, seed))


@mistake(BLUR, hint="count", points=3)
def twice_the_pairs(model, x, scale, pairs, seed):
    return _blur(model, x, scale, _noise(x, 2 * pairs, seed))


@mistake(BLUR, hint="count", points=3)
def half_but_enough_pairs(model, x, scale, pairs, seed):
    return _blur(model, x, scale, _noise(x, max(pairs // 2, len(x)), seed))


@mistake(BLUR, hint="white", points=3)
def whitened_noise(model, x, scale, pairs, seed):
    noise = torch.linalg.qr(_noise(x, pairs, seed)[:pairs]).Q * pairs**0.5
    return _blur(model, x, scale, torch.cat([noise, -noise]))


@mistake(BLUR, hint="fixed", points=3)
def odd_or_even_seed(model, x, scale, pairs, seed):
    return _blur(model, x, scale, _noise(x, pairs, seed % 2))


@mistake(BLUR, hint="shape", points=3)
def squeezed_slopes(model, x, scale, pairs, seed):
    line = _blur(model, x, scale, _noise(x, pairs, seed))
    return line | {"scores": line["scores"].squeeze()}


def _tops(scores, k):
    return [set(row.abs().topk(k).indices.tolist()) for row in scores]


@mistake(AGREE, hint="sign")
def largest_scores(scores, k):
    tops = [set(row.topk(k).indices.tolist()) for row in scores]
    same = [a == b for a, b in combinations(tops, 2)]
    return sum(same) / len(same)


@mistake(AGREE, hint="bottom")
def smallest_sizes(scores, k):
    tops = [set(row.abs().argsort()[:k].tolist()) for row in scores]
    same = [a == b for a, b in combinations(tops, 2)]
    return sum(same) / len(same)


@mistake(AGREE, hint="ordered")
def same_order(scores, k):
    tops = [row.abs().topk(k).indices.tolist() for row in scores]
    same = [a == b for a, b in combinations(tops, 2)]
    return sum(same) / len(same)


@mistake(AGREE, hint="overlap")
def mean_overlap(scores, k):
    shares = [len(a & b) / k for a, b in combinations(_tops(scores, k), 2)]
    return sum(shares) / len(shares)


@mistake(AGREE, hint="first")
def against_the_first(scores, k):
    first, *others = _tops(scores, k)
    return sum(other == first for other in others) / len(others)


@mistake(AGREE, hint="neighbours")
def against_the_next(scores, k):
    same = [a == b for a, b in pairwise(_tops(scores, k))]
    return sum(same) / len(same)


@mistake(AGREE, hint="self")
def all_ordered_pairs(scores, k):
    tops = _tops(scores, k)
    return sum(a == b for a in tops for b in tops) / len(tops) ** 2


@mistake(AGREE, hint="mode")
def most_frequent(scores, k):
    counts = Counter(frozenset(top) for top in _tops(scores, k))
    return max(counts.values()) / len(scores)


@mistake(AGREE, hint="count")
def number_of_pairs(scores, k):
    return sum(a == b for a, b in combinations(_tops(scores, k), 2))


@mistake(AGREE, hint="all_runs")
def everyone_agrees(scores, k):
    tops = _tops(scores, k)
    return float(all(top == tops[0] for top in tops))


@mistake(AGREE, hint="one_k")
def top_one(scores, k):
    tops = scores.abs().argmax(1).tolist()
    same = [a == b for a, b in combinations(tops, 2)]
    return sum(same) / len(same)


@mistake(AGREE, hint="size")
def at_most_two(scores, k):
    tops = _tops(scores, k if k == scores.shape[1] else min(k, 2))
    same = [a == b for a, b in combinations(tops, 2)]
    return sum(same) / len(same)


@mistake(AGREE, hint="columns")
def players_are_rows(scores, k):
    same = [a == b for a, b in combinations(_tops(scores.T, k), 2)]
    return sum(same) / len(same)


@mistake(AGREE, hint="sums")
def sums_of_positions(scores, k):
    same = [sum(a) == sum(b) for a, b in combinations(_tops(scores, k), 2)]
    return sum(same) / len(same)


# fmt: off
EQUIVALENT: dict[str, str] = {
    "lime: absent = (1 - gates) @ (sizes / sizes.sum()) => absent = (2 - gates) @ (sizes / sizes.sum())":
        "one more for every mask: a factor common to all weights does not move the minimum, nor R^2",
    "lime: absent = (1 - gates) @ (sizes / sizes.sum()) => absent = (0 - gates) @ (sizes / sizes.sum())":
        "one less for every mask: a factor common to all weights does not move the minimum, nor R^2",
    "lime: solution = torch.linalg.lstsq(root * design, root * values[:, None]).solution[:, 0]"
    " => solution = torch.linalg.lstsq(root * design, root * values[:, None]).solution[:, -1]":
        "the matrix has one column: the first is the last",
    "blurred_slopes: slopes = torch.linalg.lstsq(steps, rest[:, None]).solution[:, 0]"
    " => slopes = torch.linalg.lstsq(steps, rest[:, None]).solution[:, -1]":
        "the matrix has one column: the first is the last",
}
# fmt: on
