"""Plausible wrong answers to exercises/attribution/datamodels.ipynb, and what the check says to each."""

import torch
from scipy.stats import kendalltau, rankdata

from course_lib.checks import mistake

LINE = "attribution/datamodels/datamodel"
SCORE = "attribution/datamodels/datamodeling_score"
RIDGE = "attribution/datamodels/choose_ridge"
TRAK = "attribution/datamodels/trak_scores"


# -------------------------------------------------------------------------------------------------------- datamodel


def _solve(z, v, ridge):
    return torch.linalg.solve(z.T @ z + ridge * torch.eye(z.shape[1], dtype=z.dtype), z.T @ v)


def _line(z, v, ridge):
    slopes = _solve(z - z.mean(0), v - v.mean(0), ridge)
    return {"scores": slopes, "intercept": v.mean(0) - z.mean(0) @ slopes}


def _with_ones(z):
    return torch.cat([z, torch.ones_like(z[:, :1])], 1)


@mistake(LINE, hint="penalised")
def ridge_on_the_intercept(subsets, values, ridge):
    both = _solve(_with_ones(subsets), values, ridge)
    return {"scores": both[:-1], "intercept": both[-1]}


@mistake(LINE, hint="no_intercept")
def through_the_empty_subset(subsets, values, ridge):
    return {"scores": _solve(subsets, values, ridge), "intercept": torch.zeros_like(values[0])}


@mistake(LINE, hint="centre")
def values_centred_only(subsets, values, ridge):
    return {"scores": _solve(subsets, values - values.mean(0), ridge), "intercept": values.mean(0)}


@mistake(LINE, hint="centre")
def centred_at_one_half(subsets, values, ridge):
    slopes = _solve(subsets - 0.5, values - values.mean(0), ridge)
    return {"scores": slopes, "intercept": values.mean(0) - slopes.sum(0) / 2}


@mistake(LINE, hint="plain")
def no_ridge(subsets, values, ridge):
    both = torch.linalg.lstsq(_with_ones(subsets), values).solution
    return {"scores": both[:-1], "intercept": both[-1]}


@mistake(LINE, hint="scale")
def mean_of_the_squares(subsets, values, ridge):
    return _line(subsets, values, ridge * len(subsets))


@mistake(LINE, hint="scale")
def half_of_the_ridge(subsets, values, ridge):
    return _line(subsets, values, ridge / 2)


@mistake(LINE, hint="standardised")
def unit_variance(subsets, values, ridge):
    spread = subsets.std(0)
    line = _line(subsets / spread, values, ridge)
    return line | {"scores": line["scores"] / spread[:, None]}


@mistake(LINE, hint="absent")
def slopes_of_absence(subsets, values, ridge):
    return _line(1 - subsets, values, ridge)


@mistake(LINE, hint="slots")
def intercept_among_the_scores(subsets, values, ridge):
    line = _line(subsets, values, ridge)
    return line | {"scores": torch.cat([line["scores"], line["intercept"][None]])}


@mistake(LINE, hint="transposed")
def a_row_for_each_test_example(subsets, values, ridge):
    line = _line(subsets, values, ridge)
    return line | {"scores": line["scores"].T}


@mistake(LINE, hint="keys")
def a_tuple(subsets, values, ridge):
    return tuple(_line(subsets, values, ridge).values())


@mistake(LINE, hint="mutates")
def centres_in_place(subsets, values, ridge):
    values -= values.mean(0)
    return _line(subsets, values, ridge)


@mistake(LINE, hint="intercept_mean", points=2)
def mean_value_as_intercept(subsets, values, ridge):
    return _line(subsets, values, ridge) | {"intercept": values.mean(0)}


@mistake(LINE, hint="intercept_half", points=2)
def half_of_the_slopes(subsets, values, ridge):
    line = _line(subsets, values, ridge)
    return line | {"intercept": values.mean(0) - line["scores"].sum(0) / 2}


@mistake(LINE, hint="repeated")
def each_subset_once(subsets, values, ridge):
    rows = list({tuple(row): k for k, row in enumerate(subsets.tolist())}.values())
    return _line(subsets[rows], values[rows], ridge)


@mistake(LINE, hint="few", points=3)
def least_squares_when_few(subsets, values, ridge):
    if len(subsets) > subsets.shape[1]:
        return _line(subsets, values, ridge)
    both = torch.linalg.lstsq(_with_ones(subsets), values, driver="gelsd").solution
    return {"scores": both[:-1], "intercept": both[-1]}


@mistake(LINE, hint="repeated", points=3)
def equal_rows_once(subsets, values, ridge):
    rows = torch.cat([subsets, values], 1).unique(dim=0)
    return _line(rows[:, : subsets.shape[1]], rows[:, subsets.shape[1] :], ridge)


@mistake(LINE, hint="small", points=3)
def never_a_small_ridge(subsets, values, ridge):
    return _line(subsets, values, max(ridge, 1e-2))


@mistake(LINE, hint="large", points=3)
def nothing_with_a_large_ridge(subsets, values, ridge):
    line = _line(subsets, values, ridge)
    return line if ridge < 1e5 else line | {"scores": 0 * line["scores"]}


@mistake(LINE, hint="precision", points=3)
def in_single_precision(subsets, values, ridge):
    return _line(subsets.float(), values.float(), ridge)


# ----------------------------------------------------------------------------------------------- datamodeling_score


def _ranks(column):
    return torch.from_numpy(rankdata(column)).double()


def _correlate(a, b):
    return torch.corrcoef(torch.stack([a, b]))[0, 1]


def _columns(predicted, values):
    pairs = zip(predicted.T, values.T, strict=True)
    return [(p, v) for p, v in pairs if p.max() > p.min() and v.max() > v.min()]


def _each(predicted, values, rank=_ranks):
    return torch.stack([_correlate(rank(p), rank(v)) for p, v in _columns(predicted, values)])


@mistake(SCORE, hint="pearson")
def of_the_values(scores, subsets, values):
    return _each(subsets @ scores, values, rank=lambda column: column).mean()


@mistake(SCORE, hint="half_ranked")
def real_values_unranked(scores, subsets, values):
    found = [_correlate(_ranks(p), v) for p, v in _columns(subsets @ scores, values)]
    return sum(found) / len(found)


@mistake(SCORE, hint="pooled")
def all_test_examples_at_once(scores, subsets, values):
    return _correlate(_ranks((subsets @ scores).flatten()), _ranks(values.flatten()))


@mistake(SCORE, hint="across")
def test_examples_against_each_other(scores, subsets, values):
    return _each((subsets @ scores).T, values.T).mean()


@mistake(SCORE, hint="averaged")
def means_first(scores, subsets, values):
    return _correlate(_ranks((subsets @ scores).mean(1)), _ranks(values.mean(1)))


@mistake(SCORE, hint="size")
def mean_of_the_members(scores, subsets, values):
    return _each(subsets @ scores / subsets.sum(1, keepdim=True), values).mean()


@mistake(SCORE, hint="absent")
def sum_of_the_absent(scores, subsets, values):
    return _each((1 - subsets) @ scores, values).mean()


@mistake(SCORE, hint="absolute")
def sign_lost(scores, subsets, values):
    return _each(subsets @ scores, values).abs().mean()


@mistake(SCORE, hint="absolute")
def size_of_the_mean(scores, subsets, values):
    return _each(subsets @ scores, values).mean().abs()


@mistake(SCORE, hint="sum")
def not_averaged(scores, subsets, values):
    return _each(subsets @ scores, values).sum()


@mistake(SCORE, hint="kendall")
def pairs_in_order(scores, subsets, values):
    found = [float(kendalltau(p, v).statistic) for p, v in _columns(subsets @ scores, values)]
    return sum(found) / len(found)


@mistake(SCORE, hint="first")
def one_test_example(scores, subsets, values):
    return _each(subsets @ scores, values)[0]


@mistake(SCORE, hint="ties", points=3)
def ties_in_the_order_of_rows(scores, subsets, values):
    return _each(subsets @ scores, values, rank=lambda column: column.argsort(stable=True).argsort().double()).mean()


@mistake(SCORE, hint="ties", points=3)
def ties_share_the_lowest_rank(scores, subsets, values):
    return _each(subsets @ scores, values, rank=lambda column: torch.from_numpy(rankdata(column, "min")).double()).mean()


@mistake(SCORE, hint="ties", points=3)
def ties_without_gaps(scores, subsets, values):
    return _each(subsets @ scores, values, rank=lambda column: torch.from_numpy(rankdata(column, "dense")).double()).mean()


@mistake(SCORE, hint="formula", points=3)
def squared_differences(scores, subsets, values):
    m, found = len(subsets), []
    for p, v in _columns(subsets @ scores, values):
        found.append(1 - 6 * ((_ranks(p) - _ranks(v)) ** 2).sum() / (m * (m**2 - 1)))
    return sum(found) / len(found)


@mistake(SCORE, hint="nan", points=3)
def constants_kept(scores, subsets, values):
    pairs = zip((subsets @ scores).T, values.T, strict=True)
    return torch.stack([_correlate(_ranks(p), _ranks(v)) for p, v in pairs]).mean()


@mistake(SCORE, hint="constant", points=3)
def constants_count_as_zero(scores, subsets, values):
    return _each(subsets @ scores, values).sum() / values.shape[1]


@mistake(SCORE, hint="distinct", points=3)
def equal_rows_count_once(scores, subsets, values):
    rows = torch.cat([subsets, values], 1).unique(dim=0)
    return _each(rows[:, : len(scores)] @ scores, rows[:, len(scores) :]).mean()


@mistake(SCORE, hint="left_out", points=3)
def equal_scores_left_out(scores, subsets, values):
    kept = (scores != scores[0]).any(0)
    return _each(subsets @ scores[:, kept], values[:, kept]).mean()


@mistake(SCORE, hint="tiny", points=3)
def predictions_rounded(scores, subsets, values):
    return _each((subsets @ scores).round(decimals=6), values).mean()


@mistake(SCORE, hint="tiny", points=3)
def small_spread_left_out(scores, subsets, values):
    kept = ((subsets @ scores).std(0) > 1e-6) & (values.std(0) > 1e-6)
    return _each(subsets @ scores[:, kept], values[:, kept]).mean()


@mistake(SCORE, hint="absent")
def sign_of_the_prediction(scores, subsets, values):
    return _each(-(subsets @ scores), values).mean()


@mistake(SCORE, hint="far", points=3)
def ranks_in_single_precision(scores, subsets, values):
    return _each((subsets @ scores).float(), values.float()).mean()


# ----------------------------------------------------------------------------------------------------- choose_ridge


def _choose(errors, ridges):
    return {"errors": errors, "ridge": ridges[int(errors.argmin())]}


def _measured(fit, on, ridges, measure=torch.square):
    errors = []
    for ridge in ridges:
        line = _line(*fit, ridge)
        errors.append(measure(on[1] - line["intercept"] - on[0] @ line["scores"]).mean())
    return torch.stack(errors)


def _parts(subsets, values, held_out):
    return (subsets[:-held_out], values[:-held_out]), (subsets[-held_out:], values[-held_out:])


@mistake(RIDGE, hint="in_sample")
def errors_on_the_fit(subsets, values, ridges, held_out):
    fit, _ = _parts(subsets, values, held_out)
    return _choose(_measured(fit, fit, ridges), ridges)


@mistake(RIDGE, hint="in_sample")
def nothing_held_out(subsets, values, ridges, held_out):
    return _choose(_measured((subsets, values), (subsets, values), ridges), ridges)


@mistake(RIDGE, hint="leak")
def fitted_to_all(subsets, values, ridges, held_out):
    _, new = _parts(subsets, values, held_out)
    return _choose(_measured((subsets, values), new, ridges), ridges)


@mistake(RIDGE, hint="leak")
def centred_by_all(subsets, values, ridges, held_out):
    z, v = subsets - subsets.mean(0), values - values.mean(0)
    (a, b), (c, d) = _parts(z, v, held_out)
    return _choose(torch.stack([(d - c @ _solve(a, b, ridge)).square().mean() for ridge in ridges]), ridges)


@mistake(RIDGE, hint="own_mean")
def centred_by_itself(subsets, values, ridges, held_out):
    fit, (c, d) = _parts(subsets, values, held_out)
    errors = [(d - d.mean(0) - (c - c.mean(0)) @ _line(*fit, ridge)["scores"]).square().mean() for ridge in ridges]
    return _choose(torch.stack(errors), ridges)


@mistake(RIDGE, hint="leading")
def first_rows_held_out(subsets, values, ridges, held_out):
    fit, new = (subsets[held_out:], values[held_out:]), (subsets[:held_out], values[:held_out])
    return _choose(_measured(fit, new, ridges), ridges)


@mistake(RIDGE, hint="penalised")
def ridge_on_the_intercept_too(subsets, values, ridges, held_out):
    (a, b), (c, d) = _parts(subsets, values, held_out)
    errors = [(d - _with_ones(c) @ _solve(_with_ones(a), b, ridge)).square().mean() for ridge in ridges]
    return _choose(torch.stack(errors), ridges)


@mistake(RIDGE, hint="no_intercept")
def lines_without_intercept(subsets, values, ridges, held_out):
    (a, b), (c, d) = _parts(subsets, values, held_out)
    return _choose(torch.stack([(d - c @ _solve(a, b, ridge)).square().mean() for ridge in ridges]), ridges)


@mistake(RIDGE, hint="sum")
def sum_of_the_squares(subsets, values, ridges, held_out):
    fit, new = _parts(subsets, values, held_out)
    return _choose(_measured(fit, new, ridges) * new[1].numel(), ridges)


@mistake(RIDGE, hint="root")
def root_of_the_mean(subsets, values, ridges, held_out):
    fit, new = _parts(subsets, values, held_out)
    return _choose(_measured(fit, new, ridges).sqrt(), ridges)


@mistake(RIDGE, hint="absolute")
def absolute_errors(subsets, values, ridges, held_out):
    fit, new = _parts(subsets, values, held_out)
    return _choose(_measured(fit, new, ridges, torch.abs), ridges)


@mistake(RIDGE, hint="scale")
def ridge_of_the_mean_error(subsets, values, ridges, held_out):
    fit, new = _parts(subsets, values, held_out)
    return _choose(_measured(fit, new, [ridge * len(fit[0]) for ridge in ridges]), ridges)


@mistake(RIDGE, hint="worst", points=3)
def largest_error(subsets, values, ridges, held_out):
    errors = _measured(*_parts(subsets, values, held_out), ridges)
    return {"errors": errors, "ridge": ridges[int(errors.argmax())]}


@mistake(RIDGE, hint="index", points=2)
def position(subsets, values, ridges, held_out):
    errors = _measured(*_parts(subsets, values, held_out), ridges)
    return {"errors": errors, "ridge": int(errors.argmin())}


@mistake(RIDGE, hint="smallest", points=3)
def smallest_ridge(subsets, values, ridges, held_out):
    return {"errors": _measured(*_parts(subsets, values, held_out), ridges), "ridge": min(ridges)}


@mistake(RIDGE, hint="smallest", points=3)
def best_on_the_fit(subsets, values, ridges, held_out):
    fit, new = _parts(subsets, values, held_out)
    return {"errors": _measured(fit, new, ridges), "ridge": ridges[int(_measured(fit, fit, ridges).argmin())]}


@mistake(RIDGE, hint="order")
def errors_in_sorted_order(subsets, values, ridges, held_out):
    return _choose(_measured(*_parts(subsets, values, held_out), sorted(ridges)), sorted(ridges))



@mistake(RIDGE, hint="near", points=3)
def first_dip(subsets, values, ridges, held_out):
    errors = _measured(*_parts(subsets, values, held_out), ridges)
    at = errors.tolist()
    order = sorted(range(len(ridges)), key=ridges.__getitem__)
    dips = (i for i, after in zip(order, order[1:], strict=False) if at[after] > at[i])
    return {"errors": errors, "ridge": ridges[next(dips, order[-1])]}


@mistake(RIDGE, hint="near", points=3)
def first_five(subsets, values, ridges, held_out):
    errors = _measured(*_parts(subsets, values, held_out), ridges)
    return {"errors": errors, "ridge": ridges[int(errors[:5].argmin())]}


@mistake(RIDGE, hint="member", points=3)
def ridge_in_single_precision(subsets, values, ridges, held_out):
    errors = _measured(*_parts(subsets, values, held_out), ridges)
    return {"errors": errors, "ridge": torch.tensor(ridges)[errors.argmin()].item()}


@mistake(RIDGE, hint="keys")
def the_ridge_alone(subsets, values, ridges, held_out):
    return _choose(_measured(*_parts(subsets, values, held_out), ridges), ridges)["ridge"]


# ------------------------------------------------------------------------------------------------------ trak_scores


def _kernels(gradients, test_gradients, ridge, rows=None):
    rows = gradients if rows is None else rows
    gram = rows.transpose(1, 2) @ rows + ridge * torch.eye(gradients.shape[2], dtype=gradients.dtype)
    return gradients @ torch.linalg.solve(gram, test_gradients.transpose(1, 2))


@mistake(TRAK, hint="products")
def products_averaged(gradients, test_gradients, margins, ridge):
    return (_kernels(gradients, test_gradients, ridge) * torch.sigmoid(-margins)[:, :, None]).mean(0)


@mistake(TRAK, hint="doubt")
def sure_examples_count(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, ridge).mean(0) * torch.sigmoid(margins).mean(0)[:, None]


@mistake(TRAK, hint="mean_margin")
def probability_of_the_mean_margin(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, ridge).mean(0) * torch.sigmoid(-margins.mean(0))[:, None]


@mistake(TRAK, hint="no_doubt")
def kernel_alone(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, ridge).mean(0)


@mistake(TRAK, hint="margin")
def margins_as_probabilities(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, ridge).mean(0) * (1 - margins).mean(0)[:, None]


@mistake(TRAK, hint="curvature")
def newtons_matrix(gradients, test_gradients, margins, ridge):
    p = torch.sigmoid(margins)
    rows = (p * (1 - p)).sqrt()[:, :, None] * gradients
    return _kernels(gradients, test_gradients, ridge, rows).mean(0) * (1 - p).mean(0)[:, None]


@mistake(TRAK, hint="no_inverse")
def products_of_gradients(gradients, test_gradients, margins, ridge):
    return (gradients @ test_gradients.transpose(1, 2)).mean(0) * torch.sigmoid(-margins).mean(0)[:, None]


@mistake(TRAK, hint="ridge")
def ridge_forgotten(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, 0.0).mean(0) * torch.sigmoid(-margins).mean(0)[:, None]


@mistake(TRAK, hint="ridge")
def ridge_everywhere(gradients, test_gradients, margins, ridge):
    gram = gradients.transpose(1, 2) @ gradients + ridge
    kernels = gradients @ torch.linalg.solve(gram, test_gradients.transpose(1, 2))
    return kernels.mean(0) * torch.sigmoid(-margins).mean(0)[:, None]


@mistake(TRAK, hint="pooled")
def one_matrix_for_all(gradients, test_gradients, margins, ridge):
    gram = (gradients.transpose(1, 2) @ gradients).sum(0) + ridge * torch.eye(gradients.shape[2], dtype=gradients.dtype)
    kernels = gradients @ torch.linalg.inv(gram) @ test_gradients.transpose(1, 2)
    return kernels.mean(0) * torch.sigmoid(-margins).mean(0)[:, None]


@mistake(TRAK, hint="mean_gradient")
def gradients_averaged(gradients, test_gradients, margins, ridge):
    kernel = _kernels(gradients.mean(0, keepdim=True), test_gradients.mean(0, keepdim=True), ridge)[0]
    return kernel * torch.sigmoid(-margins).mean(0)[:, None]


@mistake(TRAK, hint="one_model")
def last_model(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, ridge)[-1] * torch.sigmoid(-margins[-1])[:, None]


@mistake(TRAK, hint="sum")
def sums_for_means(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, ridge).sum(0) * torch.sigmoid(-margins).mean(0)[:, None]


@mistake(TRAK, hint="transposed")
def a_row_for_each_test_row(gradients, test_gradients, margins, ridge):
    return (_kernels(gradients, test_gradients, ridge).mean(0) * torch.sigmoid(-margins).mean(0)[:, None]).T


@mistake(TRAK, hint="sign")
def harm_positive(gradients, test_gradients, margins, ridge):
    return -_kernels(gradients, test_gradients, ridge).mean(0) * torch.sigmoid(-margins).mean(0)[:, None]


@mistake(TRAK, hint="nan", points=3)
def exponentials_overflow(gradients, test_gradients, margins, ridge):
    odds = margins.exp()
    return _kernels(gradients, test_gradients, ridge).mean(0) * (1 - odds / (1 + odds)).mean(0)[:, None]


@mistake(TRAK, hint="rounds", points=3)
def one_minus_sigmoid(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, ridge).mean(0) * (1 - torch.sigmoid(margins)).mean(0)[:, None]


@mistake(TRAK, hint="rounds", points=3)
def margins_clamped(gradients, test_gradients, margins, ridge):
    doubt = torch.sigmoid(-margins.clamp(-30, 30)).mean(0)
    return _kernels(gradients, test_gradients, ridge).mean(0) * doubt[:, None]


@mistake(TRAK, hint="units", points=3)
def cautious_ridge(gradients, test_gradients, margins, ridge):
    return _kernels(gradients, test_gradients, max(ridge, 0.1)).mean(0) * torch.sigmoid(-margins).mean(0)[:, None]


# fmt: off
EQUIVALENT: dict[str, str] = {
    "trak_scores: matrices = gradients.transpose(1, 2) @ gradients + ridge * eye"
    " => matrices = gradients.transpose(2, 1) @ gradients + ridge * eye":
        "two dimensions are exchanged, in either order",
    "trak_scores: kernels = gradients @ torch.linalg.solve(matrices, test_gradients.transpose(1, 2))"
    " => kernels = gradients @ torch.linalg.solve(matrices, test_gradients.transpose(2, 1))":
        "two dimensions are exchanged, in either order",
}
# fmt: on
