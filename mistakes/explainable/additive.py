"""Plausible wrong answers to exercises/explainable/additive.ipynb, and what the check says to each."""

import math

import torch

from course_lib.checks import mistake

CENTRE = "explainable/additive/centre"
BACKFIT = "explainable/additive/backfit"
PURIFY = "explainable/additive/purify"
PAIR = "explainable/additive/shapley_of_a_pair"


# ------------------------------------------------------------------------------------------------------------- centre


def _means(shapes, counts):
    return (counts * shapes).sum(1, keepdim=True) / counts.sum(1, keepdim=True)


@mistake(CENTRE, hint="intercept")
def nothing_moves_to_the_intercept(intercept, shapes, counts):
    return {"intercept": intercept, "shapes": shapes - _means(shapes, counts)}


@mistake(CENTRE, hint="unweighted")
def plain_mean_over_bins(intercept, shapes, counts):
    means = shapes.mean(1, keepdim=True)
    return {"intercept": intercept + means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="sign")
def takes_the_means_from_the_intercept(intercept, shapes, counts):
    means = _means(shapes, counts)
    return {"intercept": intercept - means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="lost")
def forgets_the_old_intercept(intercept, shapes, counts):
    means = _means(shapes, counts)
    return {"intercept": means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="pooled")
def one_mean_for_all_features(intercept, shapes, counts):
    mean = (counts * shapes).sum() / counts.sum()
    return {"intercept": intercept + mean * len(shapes), "shapes": shapes - mean}


@mistake(CENTRE, hint="axis")
def means_over_features(intercept, shapes, counts):
    means = (counts * shapes).sum(0) / counts.sum(0)
    return {"intercept": intercept + means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="bin")
def divides_by_the_number_of_bins(intercept, shapes, counts):
    means = (counts * shapes).mean(1, keepdim=True)
    return {"intercept": intercept + means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="rows")
def divides_by_the_rows_of_the_first_feature(intercept, shapes, counts):
    means = (counts * shapes).sum(1, keepdim=True) / counts[0].sum()
    return {"intercept": intercept + means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="maximum")
def starts_every_shape_at_zero(intercept, shapes, counts):
    first = shapes[:, :1]
    return {"intercept": intercept + first.sum(), "shapes": shapes - first}


@mistake(CENTRE, hint="scaled")
def standardises(intercept, shapes, counts):
    means = _means(shapes, counts)
    return {"intercept": intercept + means.sum(), "shapes": (shapes - means) / shapes.std(1, keepdim=True)}


@mistake(CENTRE, hint="mutates")
def changes_the_table_in_place(intercept, shapes, counts):
    means = _means(shapes, counts)
    shapes -= means
    return {"intercept": intercept + means.sum(), "shapes": shapes}


@mistake(CENTRE, hint="empty", points=3)
def drops_empty_bins(intercept, shapes, counts):
    means = _means(shapes, counts)
    return {"intercept": intercept + means.sum(), "shapes": torch.where(counts > 0, shapes - means, 0)}


@mistake(CENTRE, hint="number", points=3)
def wants_a_tensor_for_the_intercept(intercept, shapes, counts):
    means = _means(shapes, counts)
    return {"intercept": intercept.clone() + means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="keys")
def returns_a_tuple(intercept, shapes, counts):
    means = _means(shapes, counts)
    return intercept + means.sum(), shapes - means


@mistake(CENTRE, hint="digits")
def rounds_to_float32(intercept, shapes, counts):
    means = _means(shapes.float(), counts.float())
    return {"intercept": intercept + means.sum(), "shapes": (shapes - means).float()}


@mistake(CENTRE, hint="digits")
def adds_a_small_number(intercept, shapes, counts):
    means = (counts * shapes).sum(1, keepdim=True) / (counts.sum(1, keepdim=True) + 1e-6)
    return {"intercept": intercept + means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="plain", points=3)
def skips_shapes_of_plain_mean_zero(intercept, shapes, counts):
    means = torch.where(shapes.mean(1, keepdim=True).abs() < 1e-9, 0, _means(shapes, counts))
    return {"intercept": intercept + means.sum(), "shapes": shapes - means}


@mistake(CENTRE, hint="empty", points=3)
def gives_empty_bins_a_little_weight(intercept, shapes, counts):
    means = _means(shapes, counts.clamp(min=1e-6))
    return {"intercept": intercept + means.sum(), "shapes": shapes - means}


# ------------------------------------------------------------------------------------------------------------ backfit


def _backfit(y, smoothers, sweeps, keep=False, own=False, stale=False, centre=True, order=1, add=False):
    intercept, n = y.mean(), len(smoothers)
    parts = torch.zeros(n, len(y), dtype=y.dtype)
    for _ in range(sweeps):
        known = parts.clone()
        for k in range(n)[::order]:
            now = known if stale else parts
            rest = y - (0 if keep else intercept) - now.sum(0) + (0 if own else now[k])
            smooth = smoothers[k] @ rest
            new = smooth - smooth.mean() if centre else smooth
            parts[k] = parts[k] + new if add else new
    return {"intercept": intercept, "parts": parts.T}


@mistake(BACKFIT, hint="stale")
def parts_of_the_sweep_before(y, smoothers, sweeps):
    return _backfit(y, smoothers, sweeps, stale=True)


@mistake(BACKFIT, hint="own")
def takes_out_its_own_part(y, smoothers, sweeps):
    return _backfit(y, smoothers, sweeps, own=True)


@mistake(BACKFIT, hint="uncentred")
def keeps_the_constants(y, smoothers, sweeps):
    return _backfit(y, smoothers, sweeps, centre=False)


@mistake(BACKFIT, hint="uncentred")
def centres_only_at_the_end(y, smoothers, sweeps):
    found = _backfit(y, smoothers, sweeps, centre=False)
    return {"intercept": found["intercept"], "parts": found["parts"] - found["parts"].mean(0)}


@mistake(BACKFIT, hint="order")
def last_feature_first(y, smoothers, sweeps):
    return _backfit(y, smoothers, sweeps, order=-1)


@mistake(BACKFIT, hint="sweeps")
def always_a_hundred_sweeps(y, smoothers, sweeps):
    return _backfit(y, smoothers, 100)


@mistake(BACKFIT, hint="sweeps")
def one_sweep_less(y, smoothers, sweeps):
    return _backfit(y, smoothers, sweeps - 1)


@mistake(BACKFIT, hint="marginal")
def every_feature_alone(y, smoothers, sweeps):
    parts = smoothers @ (y - y.mean())
    return {"intercept": y.mean(), "parts": (parts - parts.mean(1, keepdim=True)).T}


@mistake(BACKFIT, hint="fitted")
def returns_the_fitted_values(y, smoothers, sweeps):
    found = _backfit(y, smoothers, sweeps)
    return {"intercept": found["intercept"], "parts": found["parts"].sum(1)}


@mistake(BACKFIT, hint="shape")
def features_in_rows(y, smoothers, sweeps):
    found = _backfit(y, smoothers, sweeps)
    return {"intercept": found["intercept"], "parts": found["parts"].T}


@mistake(BACKFIT, hint="intercept")
def no_intercept(y, smoothers, sweeps):
    return {**_backfit(y, smoothers, sweeps), "intercept": 0.0}


@mistake(BACKFIT, hint="float32", points=3)
def always_float64(y, smoothers, sweeps):
    intercept, parts = y.mean(), torch.zeros(len(smoothers), len(y), dtype=torch.float64)
    for _ in range(sweeps):
        for k, smoother in enumerate(smoothers):
            smooth = smoother @ (y - intercept - parts.sum(0) + parts[k])
            parts[k] = smooth - smooth.mean()
    return {"intercept": intercept, "parts": parts.T}


@mistake(BACKFIT, hint="no_sweep", points=3)
def at_least_one_sweep(y, smoothers, sweeps):
    return _backfit(y, smoothers, max(sweeps, 1))


@mistake(BACKFIT, hint="digits")
def float32_on_the_way(y, smoothers, sweeps):
    found = _backfit(y.float(), smoothers.float(), sweeps)
    return {"intercept": y.mean(), "parts": found["parts"].double()}


@mistake(BACKFIT, hint="once")
def takes_out_earlier_features_only(y, smoothers, sweeps):
    intercept, parts = y.mean(), torch.zeros(len(smoothers), len(y), dtype=y.dtype)
    for _ in range(sweeps):
        for k, smoother in enumerate(smoothers):
            smooth = smoother @ (y - intercept - parts[:k].sum(0))
            parts[k] = smooth - smooth.mean()
    return {"intercept": intercept, "parts": parts.T}


@mistake(BACKFIT, hint="many", points=3)
def at_most_a_hundred_sweeps(y, smoothers, sweeps):
    return _backfit(y, smoothers, min(sweeps, 100))


@mistake(BACKFIT, hint="many", points=3)
def stops_when_little_moves(y, smoothers, sweeps):
    parts = torch.zeros(len(smoothers), len(y), dtype=y.dtype)
    for _ in range(sweeps):
        before = parts.clone()
        for k, smoother in enumerate(smoothers):
            smooth = smoother @ (y - y.mean() - parts.sum(0) + parts[k])
            parts[k] = smooth - smooth.mean()
        if (parts - before).abs().max() < 1e-6:
            break
    return {"intercept": y.mean(), "parts": parts.T}


@mistake(BACKFIT, hint="one", points=3)
def a_single_feature_is_not_centred(y, smoothers, sweeps):
    return _backfit(y, smoothers, sweeps, centre=len(smoothers) > 1)


# ------------------------------------------------------------------------------------------------------------- purify


def _purify(main1, main2, pair, counts, rounds=300, weights=None):
    weights = counts if weights is None else weights
    for _ in range(rounds):
        move = (weights * pair).sum(1) / weights.sum(1)
        main1, pair = main1 + move, pair - move[:, None]
        move = (weights * pair).sum(0) / weights.sum(0)
        main2, pair = main2 + move, pair - move
    mean1 = (counts.sum(1) * main1).sum() / counts.sum()
    mean2 = (counts.sum(0) * main2).sum() / counts.sum()
    return {"intercept": mean1 + mean2, "main1": main1 - mean1, "main2": main2 - mean2, "pair": pair}


@mistake(PURIFY, hint="unweighted")
def plain_means(main1, main2, pair, counts):
    return _purify(main1, main2, pair, counts, weights=torch.ones_like(pair))


@mistake(PURIFY, hint="once")
def one_round(main1, main2, pair, counts):
    return _purify(main1, main2, pair, counts, rounds=1)


@mistake(PURIFY, hint="marginal")
def weights_of_rows_times_columns(main1, main2, pair, counts):
    weights = counts.sum(1)[:, None] * counts.sum(0) / counts.sum()
    return _purify(main1, main2, pair, counts, weights=weights)


@mistake(PURIFY, hint="total")
def mains_stay(main1, main2, pair, counts):
    return {**_purify(main1, main2, pair, counts), "main1": main1, "main2": main2}


@mistake(PURIFY, hint="total")
def no_intercept_after_centring(main1, main2, pair, counts):
    return {**_purify(main1, main2, pair, counts), "intercept": 0.0}


@mistake(PURIFY, hint="centred")
def mains_are_not_centred(main1, main2, pair, counts):
    found = _purify(main1, main2, pair, counts)
    return {**found, "intercept": 0.0, "main1": found["main1"] + found["intercept"]}


@mistake(PURIFY, hint="centred")
def mains_centred_without_weights(main1, main2, pair, counts):
    found = _purify(main1, main2, pair, counts)
    mean1, mean2 = found["main1"].mean(), found["main2"].mean()
    return {
        "intercept": found["intercept"] + mean1 + mean2,
        "main1": found["main1"] - mean1,
        "main2": found["main2"] - mean2,
        "pair": found["pair"],
    }


@mistake(PURIFY, hint="untouched")
def only_the_mains_are_centred(main1, main2, pair, counts):
    return _purify(main1, main2, pair, counts, rounds=0)


@mistake(PURIFY, hint="untouched")
def only_the_grand_mean(main1, main2, pair, counts):
    mean = (counts * pair).sum() / counts.sum()
    found = _purify(main1, main2, pair, counts, rounds=0)
    return {**found, "intercept": found["intercept"] + mean, "pair": pair - mean}


@mistake(PURIFY, hint="empty", points=3)
def means_over_cells_with_data(main1, main2, pair, counts):
    return {**(found := _purify(main1, main2, pair, counts)), "pair": torch.where(counts > 0, found["pair"], 0)}


@mistake(PURIFY, hint="square", points=3)
def adds_to_the_wrong_axis_of_a_square(main1, main2, pair, counts):
    for _ in range(300):
        move = (counts * pair).sum(1) / counts.sum(1)
        pair = pair - (move if len(move) == pair.shape[1] else move[:, None])
        main1 = main1 + move
        move = (counts * pair).sum(0) / counts.sum(0)
        main2, pair = main2 + move, pair - move
    return _purify(main1, main2, pair, counts, rounds=0)


@mistake(PURIFY, hint="slow", points=3)
def a_hundred_rounds(main1, main2, pair, counts):
    return _purify(main1, main2, pair, counts, rounds=100)


@mistake(PURIFY, hint="digits")
def stops_too_early(main1, main2, pair, counts):
    while True:
        move = (counts * pair).sum(1) / counts.sum(1)
        main1, pair = main1 + move, pair - move[:, None]
        change = (counts * pair).sum(0) / counts.sum(0)
        main2, pair = main2 + change, pair - change
        if max(move.abs().max(), change.abs().max()) < 1e-5:
            return _purify(main1, main2, pair, counts, rounds=0)


@mistake(PURIFY, hint="plain", points=3)
def skips_pairs_of_plain_mean_zero(main1, main2, pair, counts):
    skip = max(pair.mean(0).abs().max(), pair.mean(1).abs().max()) < 1e-6 and min(pair.shape) > 1
    return _purify(main1, main2, pair, counts, rounds=0 if skip else 300)


@mistake(PURIFY, hint="empty", points=3)
def gives_empty_cells_a_little_weight(main1, main2, pair, counts):
    return _purify(main1, main2, pair, counts.double().clamp(min=1e-6))


# -------------------------------------------------------------------------------------------------- Shapley of a pair


def _mains(shapes, row, background):
    features = torch.arange(len(shapes))
    return shapes[features, row] - shapes[features, background].mean(0)


def _values(pair, row, background):
    both, none = pair[row[0], row[1]], pair[background[:, 0], background[:, 1]].mean()
    return both, none, pair[row[0], background[:, 1]].mean(), pair[background[:, 0], row[1]].mean()


def _give(values, to_first, to_second):
    values = values.clone()
    values[0] += to_first
    values[1] += to_second
    return values


@mistake(PAIR, hint="half")
def half_of_the_pair_effect(shapes, pair, row, background):
    both, *_ = _values(pair, row, background)
    return _give(_mains(shapes, row, background), both / 2, both / 2)


@mistake(PAIR, hint="half_centred")
def half_of_the_centred_pair_effect(shapes, pair, row, background):
    both, none, *_ = _values(pair, row, background)
    return _give(_mains(shapes, row, background), (both - none) / 2, (both - none) / 2)


@mistake(PAIR, hint="add_one")
def only_first_arrivals(shapes, pair, row, background):
    both, none, first, second = _values(pair, row, background)
    return _give(_mains(shapes, row, background), first - none, second - none)


@mistake(PAIR, hint="drop_one")
def only_last_arrivals(shapes, pair, row, background):
    both, none, first, second = _values(pair, row, background)
    return _give(_mains(shapes, row, background), both - second, both - first)


@mistake(PAIR, hint="independent")
def partners_from_different_rows(shapes, pair, row, background):
    both, _, first, second = _values(pair, row, background)
    none = pair[background[:, 0]][:, background[:, 1]].mean()
    return _give(_mains(shapes, row, background), (first - none + both - second) / 2, (second - none + both - first) / 2)


@mistake(PAIR, hint="swapped")
def first_and_second_exchanged(shapes, pair, row, background):
    both, none, first, second = _values(pair, row, background)
    return _give(_mains(shapes, row, background), (second - none + both - first) / 2, (first - none + both - second) / 2)


@mistake(PAIR, hint="one_takes_all")
def the_first_feature_takes_all(shapes, pair, row, background):
    both, none, *_ = _values(pair, row, background)
    return _give(_mains(shapes, row, background), both - none, 0)


@mistake(PAIR, hint="dropped")
def no_pair(shapes, pair, row, background):
    return _mains(shapes, row, background)


@mistake(PAIR, hint="uncentred")
def shapes_without_the_mean(shapes, pair, row, background):
    both, none, first, second = _values(pair, row, background)
    values = shapes[torch.arange(len(shapes)), row]
    return _give(values, (first - none + both - second) / 2, (second - none + both - first) / 2)


@mistake(PAIR, hint="bins")
def means_over_bins(shapes, pair, row, background):
    both, none, first, second = _values(pair, row, background)
    values = shapes[torch.arange(len(shapes)), row] - shapes.mean(1)
    return _give(values, (first - none + both - second) / 2, (second - none + both - first) / 2)


@mistake(PAIR, hint="float32", points=3)
def needs_float64(shapes, pair, row, background):
    both, none, first, second = _values(pair, row, background)
    weights = torch.ones(len(background), dtype=torch.float64) / len(background)
    features = torch.arange(len(shapes))
    values = shapes[features, row] - weights @ shapes[features, background]
    return _give(values, (first - none + both - second) / 2, (second - none + both - first) / 2)


@mistake(PAIR, hint="digits")
def rounds_to_five_digits(shapes, pair, row, background):
    both, none, first, second = _values(pair, row, background)
    values = _give(_mains(shapes, row, background), (first - none + both - second) / 2, (second - none + both - first) / 2)
    return (values * 1e5).round() / 1e5


@mistake(PAIR, hint="many", points=3)
def visits_all_coalitions(shapes, pair, row, background):
    n = len(shapes)
    features, masks = torch.arange(n), torch.arange(2**n)
    present = (masks[:, None] >> features & 1).bool()
    total = torch.zeros(2**n, dtype=shapes.dtype)
    for other in background:
        bins = torch.where(present, row, other)
        total += shapes[features, bins].sum(1) + pair[bins[:, 0], bins[:, 1]]
    value, size = total / len(background), present.sum(1)
    weight = torch.tensor([1 / (n * math.comb(n - 1, s)) for s in range(n)] + [0.0], dtype=value.dtype)[size]
    gains = [weight * ~present[:, i] * (value[masks | 1 << i] - value) for i in range(n)]
    return torch.stack(gains).sum(1)


STOP = "purify: moved = max(by_row.abs().max(), by_column.abs().max()) => "
ALIKE = "the moves of rows and of columns shrink together, and their weighted mean is 0: the loop ends as late, or nearly"
SMALLER = "smaller steps to the same end: the loop goes on until nothing moves"
EQUIVALENT: dict[str, str] = {
    "purify: moved = 1 => moved = 2": "any start above the threshold begins the first round",
    "purify: while moved > 1e-11: => while moved >= 1e-11:": "no move is exactly that large",
    "purify: by_row = (counts * pair).sum(1) / rows => by_row = (counts * pair).mean(1) / rows": SMALLER,
    "purify: by_column = (counts * pair).sum(0) / columns => by_column = (counts * pair).mean(0) / columns": SMALLER,
    STOP + "moved = max(by_column.abs().max(), by_row.abs().max())": "the larger of two numbers, whichever comes first",
    STOP + "moved = max(by_row.abs().min(), by_column.abs().max())": ALIKE,
    STOP + "moved = max(by_row.abs().max(), by_column.abs().min())": ALIKE,
    STOP + "moved = max(by_row.max(), by_column.abs().max())": ALIKE,
    STOP + "moved = max(by_row.abs().max(), by_column.max())": ALIKE,
}
