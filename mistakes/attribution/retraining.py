"""Plausible wrong answers to exercises/attribution/retraining.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

OUT = "attribution/retraining/left_out_residuals"
KNN = "attribution/retraining/neighbour_values"
ORDERS = "attribution/retraining/truncated_orders"
SUBSETS = "attribution/retraining/subset_scores"


def _matrix(x, weights, penalty):
    return x.T @ (weights[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=x.dtype)


def _fit(x, y, weights, penalty):
    return torch.linalg.solve(_matrix(x, weights, penalty), x.T @ (weights * y))


def _hat(x, weights, penalty):
    return (torch.linalg.solve(_matrix(x, weights, penalty), x.T).T * x).sum(1)


def _refits(x, y, weights, penalty, change=lambda w: w, absent=lambda w: 0.0):
    errors = []
    for i in range(len(x)):
        others = weights.clone()
        others[i] = absent(weights[i])
        errors.append(y[i] - x[i] @ _fit(x, y, change(others), penalty))
    return torch.stack(errors)


@mistake(OUT, hint="plain")
def residuals_of_the_full_fit(x, y, weights, penalty):
    return y - x @ _fit(x, y, weights, penalty)


@mistake(OUT, hint="multiplied")
def times_one_minus_leverage(x, y, weights, penalty):
    return (y - x @ _fit(x, y, weights, penalty)) * (1 - weights * _hat(x, weights, penalty))


@mistake(OUT, hint="leverage")
def leverage_without_weight(x, y, weights, penalty):
    return (y - x @ _fit(x, y, weights, penalty)) / (1 - _hat(x, weights, penalty))


@mistake(OUT, hint="inverse")
def leverage_without_penalty(x, y, weights, penalty):
    bare = torch.linalg.pinv(x.T @ (weights[:, None] * x))
    return (y - x @ _fit(x, y, weights, penalty)) / (1 - weights * ((x @ bare) * x).sum(1))


@mistake(OUT, hint="unweighted")
def weights_ignored(x, y, weights, penalty):
    return _refits(x, y, torch.ones_like(weights), penalty)


@mistake(OUT, hint="penalty")
def penalty_doubled(x, y, weights, penalty):
    return _refits(x, y, weights, 2 * penalty)


@mistake(OUT, hint="penalty")
def penalty_halved(x, y, weights, penalty):
    return _refits(x, y, weights, penalty / 2)


@mistake(OUT, hint="no_penalty")
def least_squares(x, y, weights, penalty):
    return _refits(x, y, weights, 1e-12)


@mistake(OUT, hint="mean")
def mean_of_the_rows_left(x, y, weights, penalty):
    return _refits(x, y, weights, penalty, change=lambda w: w / w.sum() if w.sum() else w)


@mistake(OUT, hint="mean")
def weights_rescaled_to_their_number(x, y, weights, penalty):
    return _refits(x, y, weights, penalty, change=lambda w: w * len(w) / w.sum() if w.sum() else w)


@mistake(OUT, hint="sign")
def prediction_minus_y(x, y, weights, penalty):
    return -_refits(x, y, weights, penalty)


@mistake(OUT, hint="prediction")
def predictions(x, y, weights, penalty):
    return y - _refits(x, y, weights, penalty)


@mistake(OUT, hint="squares")
def sizes(x, y, weights, penalty):
    return _refits(x, y, weights, penalty).abs()


@mistake(OUT, hint="scaled")
def times_root_of_weight(x, y, weights, penalty):
    return weights.sqrt() * _refits(x, y, weights, penalty)


@mistake(OUT, hint="intercept")
def with_an_intercept(x, y, weights, penalty):
    return _refits(torch.cat([x, torch.ones_like(x[:, :1])], 1), y, weights, penalty)


@mistake(OUT, hint="absent", points=3)
def absent_rows_have_no_error(x, y, weights, penalty):
    return _refits(x, y, weights, penalty) * (weights > 0)


@mistake(OUT, hint="repeated", points=3)
def all_copies_leave(x, y, weights, penalty):
    errors = []
    for row, target in zip(x, y, strict=True):
        others = torch.where((x == row).all(1), 0.0, weights)
        errors.append(target - row @ _fit(x, y, others, penalty))
    return torch.stack(errors)


@mistake(OUT, hint="mutates")
def weights_set_to_zero_in_place(x, y, weights, penalty):
    errors = []
    for i in range(len(x)):
        kept, weights[i] = weights[i].clone(), 0
        errors.append(y[i] - x[i] @ _fit(x, y, weights, penalty))
        weights[i] = kept + 1e-9
    return torch.stack(errors)


@mistake(OUT, hint="light", points=3)
def a_careful_clamp(x, y, weights, penalty):
    leverage = weights * _hat(x, weights, max(penalty, 1e-3))
    return (y - x @ _fit(x, y, weights, max(penalty, 1e-3))) / (1 - leverage)


@mistake(OUT, hint="light", points=3)
def leverage_kept_from_one(x, y, weights, penalty):
    leverage = weights * _hat(x, weights, penalty)
    return (y - x @ _fit(x, y, weights, penalty)) / (1 - leverage).clamp(min=0.05)


@mistake(OUT, hint="one", points=3)
def squeezed_away(x, y, weights, penalty):
    if len(x) == 1:
        return 0 * y
    return _refits(x, y, weights, penalty)


def _recursion(right, k, factor=None):
    n = len(right)
    factor = factor or (lambda i: min(k, i) / (i * k))
    scores = torch.zeros(n, dtype=torch.float64)
    scores[-1] = right[-1] * min(k, n) / (n * k)
    for i in range(n - 1, 0, -1):
        scores[i - 1] = scores[i] + (right[i - 1] - right[i]) * factor(i)
    return scores


def _each(x, y, test_x, test_y, k, factor=None):
    """Scores in the rows' order, one line for each test row."""
    lines = []
    for row, label in zip(test_x, test_y, strict=True):
        order = (x - row).square().sum(1).argsort(stable=True)
        line = torch.zeros(len(x), dtype=torch.float64)
        line[order] = _recursion((y[order] == label).double(), k, factor)
        lines.append(line)
    return torch.stack(lines)


@mistake(KNN, hint="direction")
def farthest_first(x, y, test_x, test_y, importance, k):
    scores = torch.zeros(len(x), dtype=torch.float64)
    for row, label, weight in zip(test_x, test_y, importance, strict=True):
        order = (x - row).square().sum(1).argsort(descending=True)
        scores[order] += weight * _recursion((y[order] == label).double(), k)
    return scores


@mistake(KNN, hint="direction")
def from_the_near_end(x, y, test_x, test_y, importance, k):
    scores = torch.zeros(len(x), dtype=torch.float64)
    for row, label, weight in zip(test_x, test_y, importance, strict=True):
        order = (x - row).square().sum(1).argsort()
        scores[order] += weight * _recursion((y[order] == label).double().flip(0), k).flip(0)
    return scores


@mistake(KNN, hint="factor")
def without_the_factor(x, y, test_x, test_y, importance, k):
    return importance @ _each(x, y, test_x, test_y, k, lambda i: 1 / k)


@mistake(KNN, hint="factor")
def counted_from_zero(x, y, test_x, test_y, importance, k):
    return importance @ _each(x, y, test_x, test_y, k, lambda i: min(k, i + 1) / ((i + 1) * k))


@mistake(KNN, hint="k")
def votes_not_divided(x, y, test_x, test_y, importance, k):
    return k * (importance @ _each(x, y, test_x, test_y, k))


@mistake(KNN, hint="sorted")
def left_in_order_of_distance(x, y, test_x, test_y, importance, k):
    scores = torch.zeros(len(x), dtype=torch.float64)
    for row, label, weight in zip(test_x, test_y, importance, strict=True):
        order = (x - row).square().sum(1).argsort()
        scores += weight * _recursion((y[order] == label).double(), k)
    return scores


@mistake(KNN, hint="sorted")
def gathered_instead_of_scattered(x, y, test_x, test_y, importance, k):
    scores = torch.zeros(len(x), dtype=torch.float64)
    for row, label, weight in zip(test_x, test_y, importance, strict=True):
        order = (x - row).square().sum(1).argsort()
        scores += weight * _recursion((y[order] == label).double(), k)[order]
    return scores


@mistake(KNN, hint="mean_first")
def mean_distance_first(x, y, test_x, test_y, importance, k):
    order = torch.cdist(test_x, x).mean(0).argsort()
    scores = torch.zeros(len(x), dtype=torch.float64)
    for label, weight in zip(test_y, importance, strict=True):
        scores[order] += weight * _recursion((y[order] == label).double(), k)
    return scores


@mistake(KNN, hint="alike")
def importance_ignored(x, y, test_x, test_y, importance, k):
    return _each(x, y, test_x, test_y, k).mean(0)


@mistake(KNN, hint="normalised")
def divided_by_total_importance(x, y, test_x, test_y, importance, k):
    return importance @ _each(x, y, test_x, test_y, k) / importance.sum()


@mistake(KNN, hint="one_out")
def leave_one_out(x, y, test_x, test_y, importance, k):
    scores = torch.zeros(len(x), dtype=torch.float64)
    for row, label, weight in zip(test_x, test_y, importance, strict=True):
        order = (x - row).square().sum(1).argsort()
        right = (y[order] == label).double()
        following = right[k] if len(x) > k else 0.0
        scores[order[:k]] += weight * (right[:k] - following) / k
    return scores


@mistake(KNN, hint="ties", points=3)
def ties_to_the_higher_row(x, y, test_x, test_y, importance, k):
    return importance @ _each(x.flip(0), y.flip(0), test_x, test_y, k).flip(1)


@mistake(KNN, hint="few", points=3)
def last_one_gets_one_nth(x, y, test_x, test_y, importance, k):
    n = len(x)
    scores = importance @ _each(x, y, test_x, test_y, k)
    for row, label, weight in zip(test_x, test_y, importance, strict=True):
        last = (x - row).square().sum(1).argsort(stable=True)[-1]
        scores += weight * (y[last] == label) * (1 / n - min(k, n) / (n * k))
    return scores


@mistake(KNN, hint="few", points=3)
def at_most_n_voters(x, y, test_x, test_y, importance, k):
    return importance @ _each(x, y, test_x, test_y, min(k, len(x) - 1) or 1)


def _walk(values, orders, tolerance, stop=None, credit=None):
    """Scores by order `(m, n)`, which players were reached, and how many values were read."""
    m, n = orders.shape
    gains, reached, read = torch.zeros(m, n, dtype=torch.float64), torch.zeros(m, n, dtype=torch.float64), 0
    stop = stop or (lambda value: abs(values[-1] - value) <= tolerance)
    for line, order in enumerate(orders.tolist()):
        subset, value = 0, values[0]
        for step, player in enumerate(order):
            if stop(value):
                break
            subset += 2**player
            read += step < n - 1
            gains[line, player], reached[line, player], value = values[subset] - value, 1, values[subset]
    return gains, reached, read


@mistake(ORDERS, hint="skipped")
def mean_over_orders_that_reached(values, orders, tolerance):
    gains, reached, read = _walk(values, orders, tolerance)
    return {"scores": gains.sum(0) / reached.sum(0).clamp(min=1), "evaluations": read}


@mistake(ORDERS, hint="resumed")
def goes_on_later(values, orders, tolerance):
    gains, read = torch.zeros(orders.shape, dtype=torch.float64), 0
    for line, order in enumerate(orders.tolist()):
        subset, value = 0, values[0]
        for step, player in enumerate(order):
            subset += 2**player
            if abs(values[-1] - value) > tolerance:
                gains[line, player] = values[subset] - value
            value, read = values[subset], read + (step < len(order) - 1)
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(ORDERS, hint="untruncated")
def never_stops(values, orders, tolerance):
    gains, _, read = _walk(values, orders, -1.0)
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(ORDERS, hint="one_sided")
def distance_with_a_sign(values, orders, tolerance):
    gains, _, read = _walk(values, orders, tolerance, lambda value: values[-1] - value <= tolerance)
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(ORDERS, hint="empty")
def near_nobody(values, orders, tolerance):
    gains, _, read = _walk(values, orders, tolerance, lambda value: abs(values[0] - value) <= tolerance)
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(ORDERS, hint="relative")
def relative_tolerance(values, orders, tolerance):
    scale = abs(values[-1] - values[0])
    gains, _, read = _walk(values, orders, tolerance, lambda value: abs(values[-1] - value) <= tolerance * scale)
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(ORDERS, hint="sum")
def added_over_orders(values, orders, tolerance):
    gains, _, read = _walk(values, orders, tolerance)
    return {"scores": gains.sum(0), "evaluations": read}


@mistake(ORDERS, hint="places")
def scores_by_place(values, orders, tolerance):
    gains, _, read = _walk(values, orders, tolerance)
    return {"scores": gains.gather(1, orders).mean(0), "evaluations": read}


@mistake(ORDERS, hint="rest")
def rest_to_the_next(values, orders, tolerance):
    gains, reached, read = _walk(values, orders, tolerance)
    for line, order in enumerate(orders.tolist()):
        left = [player for player in order if not reached[line, player]]
        if left:
            gains[line, left[0]] = values[-1] - values[0] - gains[line].sum()
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(ORDERS, hint="bits")
def bits_from_the_other_end(values, orders, tolerance):
    n = orders.shape[1]
    turned = values[torch.tensor([int(f"{k:0{n}b}"[::-1], 2) for k in range(2**n)])]
    gains, _, read = _walk(turned, orders, tolerance)
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(ORDERS, hint="ends", points=2)
def counts_the_ends(values, orders, tolerance):
    gains, _, read = _walk(values, orders, tolerance)
    return {"scores": gains.mean(0), "evaluations": read + 2}


@mistake(ORDERS, hint="ends", points=2)
def counts_everybody(values, orders, tolerance):
    gains, reached, _ = _walk(values, orders, tolerance)
    return {"scores": gains.mean(0), "evaluations": int(reached.sum())}


@mistake(ORDERS, hint="exact", points=3)
def stops_below_only(values, orders, tolerance):
    gains, _, read = _walk(values, orders, tolerance, lambda value: abs(values[-1] - value) < tolerance)
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(ORDERS, hint="at_once", points=3)
def always_one_player(values, orders, tolerance):
    gains, reached, read = _walk(values, orders, tolerance)
    if not reached.any():
        gains, _, read = _walk(values, orders, tolerance, lambda value: value != values[0])
    return {"scores": gains.mean(0), "evaluations": read}


def _means(masks, values):
    joined = masks.T @ values / masks.sum(0)[:, None]
    return joined, (1 - masks).T @ values / (1 - masks).sum(0)[:, None]


@mistake(SUBSETS, hint="sums")
def difference_of_sums(masks, values):
    return masks.T @ values - (1 - masks).T @ values


@mistake(SUBSETS, hint="half")
def half_of_the_subsets(masks, values):
    return (2 * masks - 1).T @ values / (len(masks) / 2)


@mistake(SUBSETS, hint="everything")
def minus_the_mean_of_all(masks, values):
    return _means(masks, values)[0] - values.mean(0)


@mistake(SUBSETS, hint="joined")
def mean_with_the_example(masks, values):
    return _means(masks, values)[0]


@mistake(SUBSETS, hint="sign")
def without_minus_with(masks, values):
    joined, without = _means(masks, values)
    return without - joined


@mistake(SUBSETS, hint="regression")
def regression(masks, values):
    design = torch.cat([masks, torch.ones_like(masks[:, :1])], 1)
    return torch.linalg.lstsq(design, values).solution[:-1]


@mistake(SUBSETS, hint="one_output")
def outputs_averaged(masks, values):
    joined, without = _means(masks, values)
    return (joined - without).mean(1)


@mistake(SUBSETS, hint="nan", points=2)
def nothing_to_compare_with(masks, values):
    joined, without = _means(masks, values)
    return joined - without


@mistake(SUBSETS, hint="always", points=2)
def counts_made_positive(masks, values):
    joined = masks.T @ values / masks.sum(0)[:, None].clamp(min=1)
    return joined - (1 - masks).T @ values / (1 - masks).sum(0)[:, None].clamp(min=1)


@mistake(SUBSETS, hint="once", points=2)
def at_least_two_subsets(masks, values):
    joined, without = _means(masks, values)
    enough = (masks.sum(0) > 1) & ((1 - masks).sum(0) > 1)
    return torch.where(enough[:, None], joined - without, 0)


LOOP = "neighbour_values: for row, label, weight in zip(test_x, test_y, importance, strict=True):"
SORT = "neighbour_values: order = (x - row).square().sum(1).argsort(stable=True)"
EQUIVALENT: dict[str, str] = {
    f"{LOOP} => for row, label, weight in zip(test_x, test_y, importance):": "the three always have one length",
    f"{LOOP} => for row, label, weight in zip(test_x, test_y, importance, strict=False):": "the three always have one length",
    f"{SORT} => order = (x - row).square().mean(1).argsort(stable=True)": "the mean square sorts like the sum of squares",
    "neighbour_values: value = right[-1] * min(k, n) / (n * k) => value = right[-1] * min(n, k) / (n * k)": "the same minimum",
    "neighbour_values: value = value + (right[i - 1] - right[i]) / k * min(k, i) / i"
    " => value = value + (right[i - 1] - right[i]) / k * min(i, k) / i": "the same minimum",
}


@mistake(ORDERS, hint="nought", points=3)
def never_stops_at_tolerance_zero(values, orders, tolerance):
    gains, _, read = _walk(values, orders, tolerance, stop=lambda v: tolerance > 0 and abs(values[-1] - v) <= tolerance)
    return {"scores": gains.mean(0), "evaluations": read}


@mistake(SUBSETS, hint="repeated", points=2)
def equal_retrainings_once(masks, values):
    kept = torch.cat([masks, values], 1).unique(dim=0)
    masks, values = kept[:, : masks.shape[1]], kept[:, masks.shape[1] :]
    scores = []
    for column in masks.T.bool():
        both = column.any() and not column.all()
        scores.append(values[column].mean(0) - values[~column].mean(0) if both else torch.zeros_like(values[0]))
    return torch.stack(scores)
