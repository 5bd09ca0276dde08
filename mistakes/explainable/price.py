"""Plausible wrong answers to exercises/explainable/price.ipynb, and what the check says to each."""

import torch
from scipy.stats import norm
from scipy.stats import t as student

from course_lib.checks import mistake

INTERVAL = "explainable/price/corrected_interval"
VERDICT = "explainable/price/no_loss"
CEILING = "explainable/price/best_additive"
NESTED = "explainable/price/nested_errors"


def _interval(d, factor, level, quantile=None, spread=None):
    quantile = float(student.ppf((1 + level) / 2, len(d) - 1)) if quantile is None else quantile
    reach = quantile * (d.std() if spread is None else spread) * factor**0.5
    return torch.stack([d.mean() - reach, d.mean(), d.mean() + reach])


def _factor(d, test_share):
    return 1 / len(d) + test_share / (1 - test_share)


@mistake(INTERVAL, hint="naive")
def folds_taken_for_independent(first, second, test_share, level):
    d = first - second
    return _interval(d, 1 / len(d), level)


@mistake(INTERVAL, hint="share")
def test_share_for_the_ratio(first, second, test_share, level):
    d = first - second
    return _interval(d, 1 / len(d) + test_share, level)


@mistake(INTERVAL, hint="inverse")
def ratio_upside_down(first, second, test_share, level):
    d = first - second
    return _interval(d, 1 / len(d) + (1 - test_share) / test_share, level)


@mistake(INTERVAL, hint="only")
def ratio_instead_of_one_over_count(first, second, test_share, level):
    d = first - second
    return _interval(d, test_share / (1 - test_share), level)


@mistake(INTERVAL, hint="freedom")
def too_many_degrees_of_freedom(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), level, float(student.ppf((1 + level) / 2, len(d))))


@mistake(INTERVAL, hint="divisor")
def variance_with_divisor_count(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), level, spread=d.std(correction=0))


@mistake(INTERVAL, hint="sign")
def second_minus_first(first, second, test_share, level):
    d = second - first
    return _interval(d, _factor(d, test_share), level)


@mistake(INTERVAL, hint="normal")
def normal_quantile(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), level, float(norm.ppf((1 + level) / 2)))


@mistake(INTERVAL, hint="one_sided")
def all_on_one_side(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), level, float(student.ppf(level, len(d) - 1)))


@mistake(INTERVAL, hint="level")
def always_95_percent(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), 0.95)


@mistake(INTERVAL, hint="unpaired")
def variances_added(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), level, spread=(first.var() + second.var()).sqrt())


@mistake(INTERVAL, hint="root")
def variance_for_standard_deviation(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), level, spread=d.var())


@mistake(INTERVAL, hint="order")
def mean_first(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), level)[[1, 0, 2]]


@mistake(INTERVAL, hint="mean")
def median_in_the_middle(first, second, test_share, level):
    d = first - second
    return _interval(d, _factor(d, test_share), level) - d.mean() + d.median() + 0.01


@mistake(INTERVAL, hint="equal", points=3)
def refuses_equal_scores(first, second, test_share, level):
    d = first - second
    if d.std() == 0:
        raise ValueError("no variance")
    return _interval(d, _factor(d, test_share), level)


@mistake(INTERVAL, hint="type")
def a_tuple_of_numbers(first, second, test_share, level):
    d = first - second
    return tuple(_interval(d, _factor(d, test_share), level).tolist())


def _each(intervals, rule):
    return [rule(low, high) for low, high in intervals.tolist()]


def _loss(low, high, better):
    return (-high, -low) if better == "higher" else (low, high)


@mistake(VERDICT, hint="zero")
def contains_zero(intervals, margin, better):
    return _each(intervals, lambda low, high: "supported" if low <= 0 <= high or low > 0 else "not supported")


@mistake(VERDICT, hint="significant")
def compares_with_zero(intervals, margin, better):
    def rule(low, high):
        least, most = _loss(low, high, better)
        return "supported" if most < 0 else "not supported" if least > 0 else "cannot tell"

    return _each(intervals, rule)


@mistake(VERDICT, hint="side")
def the_other_end(intervals, margin, better):
    def rule(low, high):
        least, most = _loss(low, high, better)
        return "supported" if most < margin else "cannot tell" if least > margin else "not supported"

    shown = _each(intervals, rule)
    right = [_loss(low, high, better) for low, high in intervals.tolist()]
    return ["cannot tell" if v == "not supported" and a <= margin <= b else v for v, (a, b) in zip(shown, right, strict=True)]


@mistake(VERDICT, hint="zero")
def largest_gain_against_the_margin(intervals, margin, better):
    def rule(low, high):
        least, most = _loss(low, high, better)
        return "supported" if least < margin else "not supported"

    return _each(intervals, rule)


@mistake(VERDICT, hint="two_sided")
def equivalence(intervals, margin, better):
    def rule(low, high):
        inside = -margin < low and high < margin
        least, _ = _loss(low, high, better)
        return "supported" if inside else "not supported" if least > margin else "cannot tell"

    return _each(intervals, rule)


@mistake(VERDICT, hint="better")
def more_is_always_better(intervals, margin, better):
    def rule(low, high):
        return "supported" if low > -margin else "not supported" if high < -margin else "cannot tell"

    return _each(intervals, rule)


@mistake(VERDICT, hint="middle")
def point_estimate(intervals, margin, better):
    def rule(low, high):
        middle = sum(_loss(low, high, better)) / 2
        return "supported" if middle < margin else "not supported"

    return _each(intervals, rule)


@mistake(VERDICT, hint="zero")
def never_undecided(intervals, margin, better):
    return _each(intervals, lambda low, high: "supported" if _loss(low, high, better)[1] < margin else "not supported")


@mistake(VERDICT, hint="touch", points=3)
def the_edge_counts(intervals, margin, better):
    def rule(low, high):
        least, most = _loss(low, high, better)
        return "supported" if most <= margin else "not supported" if least >= margin else "cannot tell"

    return _each(intervals, rule)


@mistake(VERDICT, hint="verdicts")
def true_or_false(intervals, margin, better):
    return _each(intervals, lambda low, high: _loss(low, high, better)[1] < margin)


@mistake(VERDICT, hint="verdicts")
def one_word_for_all(intervals, margin, better):
    return "supported" if intervals.min() > -margin else "cannot tell"


def _average(values, weights, axes):
    for axis in axes:
        shape = [1] * values.dim()
        shape[axis] = -1
        values = (values * weights[axis].reshape(shape)).sum(axis, keepdim=True)
    return values


def _split(values, weights, noise, centre=True, mean=True, own=False):
    every = list(range(values.dim()))
    middle = _average(values, weights, every)
    axes = [[axis] if own else [a for a in every if a != axis] for axis in every]
    fit = middle * mean + sum(_average(values, weights, a) - middle * centre for a in axes)
    about = _average(fit, weights, every)
    explained = _average((fit - about) ** 2, weights, every)
    total = _average((values - middle) ** 2, weights, every)
    return fit.expand_as(values), explained.sum(), total.sum()


def _shares(weights):
    return [w / w.sum() for w in weights]


@mistake(CEILING, hint="unweighted")
def plain_means(values, weights, noise):
    fit, explained, total = _split(values, [torch.ones_like(w) / len(w) for w in weights], noise)
    return {"fit": fit, "ceiling": explained / (total + noise**2)}


@mistake(CEILING, hint="unnormalised")
def counts_as_they_are(values, weights, noise):
    fit, explained, total = _split(values, weights, noise)
    return {"fit": fit, "ceiling": explained / (total + noise**2)}


@mistake(CEILING, hint="centre")
def no_centring(values, weights, noise):
    fit, explained, total = _split(values, _shares(weights), noise, centre=False, mean=False)
    return {"fit": fit, "ceiling": explained / (total + noise**2)}


@mistake(CEILING, hint="no_mean")
def mean_forgotten(values, weights, noise):
    fit, explained, total = _split(values, _shares(weights), noise, mean=False)
    return {"fit": fit, "ceiling": explained / (total + noise**2)}


@mistake(CEILING, hint="interaction")
def what_is_left(values, weights, noise):
    fit, explained, total = _split(values, _shares(weights), noise)
    return {"fit": values - fit, "ceiling": explained / (total + noise**2)}


@mistake(CEILING, hint="complement")
def share_that_is_missed(values, weights, noise):
    fit, explained, total = _split(values, _shares(weights), noise)
    return {"fit": fit, "ceiling": 1 - explained / (total + noise**2)}


@mistake(CEILING, hint="noise")
def noise_ignored(values, weights, noise):
    fit, explained, total = _split(values, _shares(weights), noise)
    return {"fit": fit, "ceiling": explained / total}


@mistake(CEILING, hint="noise_power")
def noise_as_a_variance(values, weights, noise):
    fit, explained, total = _split(values, _shares(weights), noise)
    return {"fit": fit, "ceiling": explained / (total + noise)}


@mistake(CEILING, hint="plain_variance")
def variances_without_weights(values, weights, noise):
    fit, _, _ = _split(values, _shares(weights), noise)
    return {"fit": fit, "ceiling": fit.var(correction=0) / (values.var(correction=0) + noise**2)}


@mistake(CEILING, hint="keys")
def only_the_fit(values, weights, noise):
    return _split(values, _shares(weights), noise)[0]


@mistake(CEILING, hint="features", points=3)
def two_features_only(values, weights, noise):
    (a, b), mean = _shares(weights)[:2], _split(values, _shares(weights), noise)[0].mean() * 0
    mean = a @ values @ b
    fit = (values @ b)[:, None] + (a @ values)[None] - mean
    joint = a[:, None] * b[None]
    explained, total = ((joint * (table - mean) ** 2).sum() for table in (fit, values))
    return {"fit": fit, "ceiling": explained / (total + noise**2)}


def _error(x, y, train, test, penalty):
    gram = x[train].T @ x[train] + penalty * torch.eye(x.shape[1]).to(x)
    coefficients = torch.linalg.solve(gram, x[train].T @ y[train])
    return (y[test] - x[test] @ coefficients).square().mean()


def _nested(x, y, penalties, folds, inner):
    """`inner(k, penalty)` is what is minimised."""
    chosen = [penalties[torch.stack([inner(k, p) for p in penalties]).argmin()] for k in folds.unique()]
    errors = [_error(x, y, folds != k, folds == k, p) for k, p in zip(folds.unique(), chosen, strict=True)]
    return {"errors": torch.stack(errors), "chosen": torch.stack(chosen)}


def _inner(x, y, folds, k, p, leak=False, seen=False):
    found = []
    for j in folds.unique():
        if j != k:
            train = (folds != j) if leak else (folds != k) & (folds != j)
            found.append(_error(x, y, train, train if seen else folds == j, p))
    return torch.stack(found)


@mistake(NESTED, hint="test_fold")
def tunes_on_the_test_fold(x, y, penalties, folds):
    return _nested(x, y, penalties, folds, lambda k, p: _error(x, y, folds != k, folds == k, p))


@mistake(NESTED, hint="all_folds")
def tunes_on_all_folds(x, y, penalties, folds):
    return _nested(x, y, penalties, folds, lambda k, p: sum(_error(x, y, folds != j, folds == j, p) for j in folds.unique()))


@mistake(NESTED, hint="leak")
def test_fold_trains_the_inner_fits(x, y, penalties, folds):
    return _nested(x, y, penalties, folds, lambda k, p: _inner(x, y, folds, k, p, leak=True).mean())


@mistake(NESTED, hint="training_error")
def smallest_training_error(x, y, penalties, folds):
    return _nested(x, y, penalties, folds, lambda k, p: _inner(x, y, folds, k, p, seen=True).mean())


@mistake(NESTED, hint="worst")
def largest_error(x, y, penalties, folds):
    return _nested(x, y, penalties, folds, lambda k, p: -_inner(x, y, folds, k, p).mean())


@mistake(NESTED, hint="pooled")
def rows_count_alike(x, y, penalties, folds):
    def inner(k, p):
        sizes = torch.stack([(folds == j).sum() for j in folds.unique() if j != k])
        return (_inner(x, y, folds, k, p) * sizes).sum()

    return _nested(x, y, penalties, folds, inner)


@mistake(NESTED, hint="index")
def positions(x, y, penalties, folds):
    right = _nested(x, y, penalties, folds, lambda k, p: _inner(x, y, folds, k, p).mean())
    places = (right["chosen"][:, None] == penalties).double().argmax(1)
    return {**right, "chosen": places.double()}


@mistake(NESTED, hint="no_refit")
def inner_errors_reported(x, y, penalties, folds):
    right = _nested(x, y, penalties, folds, lambda k, p: _inner(x, y, folds, k, p).mean())
    pairs = zip(folds.unique(), right["chosen"], strict=True)
    return {**right, "errors": torch.stack([_inner(x, y, folds, k, p).mean() for k, p in pairs])}


@mistake(NESTED, hint="everything")
def last_fit_on_all_rows(x, y, penalties, folds):
    right = _nested(x, y, penalties, folds, lambda k, p: _inner(x, y, folds, k, p).mean())
    pairs = zip(folds.unique(), right["chosen"], strict=True)
    return {**right, "errors": torch.stack([_error(x, y, folds != -1, folds == k, p) for k, p in pairs])}


@mistake(NESTED, hint="total")
def root_of_the_error(x, y, penalties, folds):
    right = _nested(x, y, penalties, folds, lambda k, p: _inner(x, y, folds, k, p).mean())
    return {**right, "errors": right["errors"].sqrt()}


@mistake(NESTED, hint="labels", points=3)
def folds_from_zero(x, y, penalties, folds):
    right = _nested(x, y, penalties, folds, lambda k, p: _inner(x, y, folds, k, p).mean())
    numbers = range(int(folds.max()) + 1)
    pairs = zip(numbers, right["chosen"], strict=True)
    return {**right, "errors": torch.stack([_error(x, y, folds != k, folds == k, p) for k, p in pairs])}
