"""Checks of exercises/explainable/price.ipynb."""

from functools import cached_property

import torch
from scipy.stats import norm
from scipy.stats import t as student
from torch import Tensor

from course_lib.checks.core import Exercise
from course_lib.checks.returns import Wrong, as_dict, as_number, as_tensor, called, close, nearest

# --------------------------------------------------------------------------------------------------------- the interval

corrected_interval = Exercise(
    "explainable/price/corrected_interval",
    hints={
        "naive": "that is the interval for independent folds; these share training rows: add test rows / training rows to 1/J",
        "share": "the correction is test rows over training rows, not over all rows: which part of the rows trains?",
        "inverse": "the correction is upside down: test rows over training rows",
        "only": "you replaced 1/J by the correction: both are added",
        "freedom": "look at the degrees of freedom: J differences, one mean estimated",
        "divisor": "you divide the squared deviations by J: the sample variance divides by J - 1",
        "sign": "the sign is reversed: first minus second",
        "normal": "you use the normal quantile: with so few folds the variance is a guess, and Student's t allows for it",
        "one_sided": "you leave out 1 - level on one side: half of it belongs to each side",
        "level": "your interval ignores `level`",
        "unpaired": "the two learners met the same folds: take differences first, then their variance",
        "root": "a variance is left where a standard deviation belongs, or the other way round: check the square roots",
        "order": "return low end, mean, high end, in this order",
        "mean": "the middle should be the mean of the differences",
        "value": "mean -+ t_{J-1} s sqrt(1/J + test rows / training rows), s the sample standard deviation of the differences",
        "two": "right for many folds, but two are enough: one degree of freedom",
        "equal": "right in general, but two learners with equal scores differ by 0, with an interval of no width",
        "constant": "right in general, but a difference that is the same on every fold has an interval of no width around it",
        "float32": "right in float64, but scores in float32 should work as well",
    },
)


def _interval(differences: Tensor, factor: float, quantile: float) -> Tensor:
    mean, reach = differences.mean(), quantile * differences.std() * factor**0.5
    return torch.stack([mean - reach, mean, mean + reach])


def _right_interval(first: Tensor, second: Tensor, share: float, level: float) -> Tensor:
    d = first - second
    quantile = float(student.ppf(0.5 + level / 2, len(d) - 1))
    return _interval(d, 1 / len(d) + share / (1 - share), quantile)


def _likely_intervals(first: Tensor, second: Tensor, share: float, level: float) -> dict:
    d, ratio = first - second, share / (1 - share)
    count, mean = len(d), d.mean()
    quantile = float(student.ppf(0.5 + level / 2, count - 1))
    factor, truth = 1 / count + ratio, _right_interval(first, second, share, level)
    reach = truth[2] - mean
    ends = torch.tensor([-1.0, 0.0, 1.0]).double()
    lax = (first.var() + second.var()).sqrt() * quantile
    freedoms = [_interval(d, factor, float(student.ppf(0.5 + level / 2, max(1, count + k)))) for k in (-2, 0, 1)]
    return {
        "naive": [_interval(d, 1 / count, quantile), _interval(d, 1.0, quantile)],
        "share": _interval(d, 1 / count + share, quantile),
        "inverse": [_interval(d, 1 / count + 1 / ratio, quantile), _interval(d, 1 / count + (1 - share), quantile)],
        "only": _interval(d, ratio, quantile),
        "freedom": freedoms,
        "divisor": mean + ends * reach * ((count - 1) / count) ** 0.5,
        "sign": [-truth, -truth.flip(0)],
        "normal": _interval(d, factor, float(norm.ppf(0.5 + level / 2))),
        "one_sided": [_interval(d, factor, float(student.ppf(p, count - 1))) for p in (level, level / 2)],
        "level": [_interval(d, factor, float(student.ppf(p, count - 1))) for p in (0.975, 0.95)],
        "unpaired": [mean + ends * lax * factor**0.5, mean + ends * lax * (1 / count) ** 0.5],
        "root": [mean + ends * quantile * d.var() * factor**0.5, mean + ends * quantile * d.std() * factor],
        "order": [truth[[1, 0, 2]], truth.flip(0), truth[[0, 2, 1]]],
    }


@corrected_interval.property(points=3)
def corrects_for_shared_training_rows(answer, random):
    for _ in range(3):
        count = random.integer(4, 12)
        first, second = random.normal(count), random.normal(count)
        while (first - second).mean().abs() < 0.1 or (first - second).std() < 0.3:
            first, second = random.normal(count), random.normal(count)
        share, level = random.choice([0.1, 0.2, 0.3]), random.choice([0.8, 0.9, 0.99])
        truth = _right_interval(first, second, share, level)
        found = as_tensor(answer(first, second, share, level), (3,))
        if not close(found, truth):
            raise nearest(
                found, _likely_intervals(first, second, share, level), "value" if close(found[1], truth[1]) else "mean"
            )


@corrected_interval.property(points=1)
def holds_at_the_edges(answer, random):
    first, second = random.normal(2), random.normal(2)
    _same("two", called("two", answer, first, second, 0.2, 0.9), _right_interval(first, second, 0.2, 0.9))
    scores = random.uniform(6)
    _same("equal", called("equal", answer, scores, scores.clone(), 0.2, 0.95), torch.zeros(3))
    shifted = random.integer(1, 8) / 8.0
    numbers = torch.arange(6).double()
    _same("constant", called("constant", answer, numbers + shifted, numbers, 0.2, 0.95), torch.full((3,), shifted))
    first, second = random.normal(7), random.normal(7)
    truth = _right_interval(first, second, 0.1, 0.9)
    _same("float32", called("float32", answer, first.float(), second.float(), 0.1, 0.9), truth, 1e-3)


def _same(hint: str, value: object, truth: Tensor, tolerance: float = 1e-5) -> None:
    if not isinstance(value, Tensor) or value.shape != truth.shape:
        raise Wrong(hint)
    if not close(as_tensor(value, truth.shape), truth.double(), tolerance):
        raise Wrong(hint)


# ---------------------------------------------------------------------------------------------------------- the verdict

VERDICTS = ("supported", "not supported", "cannot tell")

no_loss = Exercise(
    "explainable/price/no_loss",
    hints={
        "verdicts": 'return a list with one of "supported", "not supported" and "cannot tell" for each row',
        "count": "return one verdict for each row of `intervals`",
        "zero": "an interval that contains 0 may reach far beyond the margin: absence of evidence is no evidence of absence",
        "significant": "a loss may be certain and still be smaller than the margin: compare with the margin, not with 0",
        "wide": "an interval so wide that it reaches beyond the margin on one side decides nothing: that is neither verdict",
        "side": "you look at the wrong end: what is the largest loss that the interval allows?",
        "two_sided": "a gain is no loss, however large: only one side of the interval is compared with the margin",
        "better": '`better` says what a gain is: with "lower", such as an error, a positive difference is a loss',
        "touch": 'an end exactly at the margin decides nothing: "supported" and "not supported" both want it passed',
        "middle": "the middle of the interval decides nothing: look at its ends",
        "value": "supported if every loss in the interval is below the margin, not supported if every one is above, else open",
    },
)


def _verdicts(intervals: Tensor, margin: float, better: str) -> list[str]:
    """By the largest and the least loss that each interval allows."""
    lost = -intervals.flip(1) if better == "higher" else intervals
    return [
        "supported" if most < margin else "not supported" if least > margin else "cannot tell" for least, most in lost.tolist()
    ]


def _read(value: object, rows: int) -> list[str]:
    if value is None:
        raise Wrong("none")
    if not isinstance(value, list | tuple) or any(not isinstance(item, str) or item not in VERDICTS for item in value):
        raise Wrong("verdicts")
    if len(value) != rows:
        raise Wrong("count")
    return list(value)


# Ends in margins, for "more is better", and what a wrong answer there has overlooked.
_CASES = {
    "zero": [(-3.0, 2.0), (-1.5, 0.5)],
    "significant": [(-0.75, -0.25), (-0.5, -0.125)],
    "two_sided": [(0.25, 3.0), (2.0, 4.0), (-0.5, 3.0)],
    "wide": [(-4.0, -0.5), (-2.0, -0.25)],
    "side": [(-3.0, -2.0), (-1.5, -1.25)],
}


def _cases(random, names: dict) -> tuple[Tensor, list[str]]:
    pairs = [(pair, name) for name, rows in names.items() for pair in rows]
    order = random.order(len(pairs))
    return torch.tensor([pairs[i][0] for i in order]).double(), [pairs[i][1] for i in order]


@no_loss.property(points=3)
def compares_with_the_margin(answer, random):
    margin = random.choice([0.03125, 0.5, 2.0])
    intervals, names = _cases(random, _CASES)
    intervals = intervals * margin
    for better in ("higher", "lower"):
        shown = intervals if better == "higher" else -intervals.flip(1)
        truth = _verdicts(shown, margin, better)
        found = _read(answer(shown.clone(), margin, better), len(truth))
        if found != truth:
            raise Wrong(_overlooked(shown, margin, better, found, names, truth))


def _overlooked(shown: Tensor, margin: float, better: str, found: list, names: list, truth: list) -> str:
    if better == "lower" and found == _verdicts(shown, margin, "higher"):
        return "better"
    middle = shown.mean(1, keepdim=True).expand(-1, 2)
    if found == _verdicts(middle, margin, better):
        return "middle"
    wrong = {name for name, one, other in zip(names, found, truth, strict=True) if one != other}
    return next(name for name in ("zero", "significant", "two_sided", "wide", "side") if name in wrong)


@no_loss.property(points=1)
def leaves_the_edge_undecided(answer, random):
    margin = random.choice([0.25, 1.0])
    for better, rows in (
        ("higher", [(-1.0, 2.0), (-2.0, -1.0), (-1.0, -1.0)]),
        ("lower", [(-1.0, 1.0), (1.0, 2.0), (1.0, 1.0)]),
    ):
        shown = margin * torch.tensor(rows).double()
        value = called("touch", answer, shown, margin, better)
        if value != _verdicts(shown, margin, better):
            raise Wrong("touch")
    single = margin * torch.tensor([[-0.5, 0.5]]).double()
    if called("count", answer, single, margin, "higher") != ["supported"]:
        raise Wrong("count")
    if called("count", answer, single[:0], margin, "higher") != []:
        raise Wrong("count")
    if called("significant", answer, torch.zeros(1, 2).double(), margin, "lower") != ["supported"]:
        raise Wrong("significant")


# ---------------------------------------------------------------------------------------------------------- the ceiling

best_additive = Exercise(
    "explainable/price/best_additive",
    hints={
        "keys": 'return a dict with the keys "fit" and "ceiling"',
        "unweighted": "you take plain means: a grid point with a larger weight counts for more",
        "unnormalised": "the weights are counts: divide each vector by its sum",
        "centre": "you add up the conditional means without taking the overall mean out of each: it is counted several times",
        "no_mean": "the overall mean is missing from the fit",
        "one": "each main effect averages over all features *but* its own",
        "interaction": '"fit" should be the additive part, not what is left of the function',
        "complement": '"ceiling" is the share that an additive model explains, not the share that it misses',
        "noise": '"ceiling": the labels also vary by their noise, which nobody can explain; its variance is noise squared',
        "noise_power": '"ceiling": `noise` is a standard deviation, so its variance is noise squared',
        "plain_variance": '"ceiling": the variances are weighted as well',
        "variance": '"ceiling" is variance explained over the variance of the labels, both about the mean',
        "value": '"fit" is the mean plus, for each feature, (mean over all other features) minus the mean, with weights',
        "ceiling": '"ceiling": variance of your fit over (variance of the function + noise squared), all with the weights',
        "features": "right for two features, but a function may have one or three",
        "absent": "right in general, but a grid point may have weight 0: it counts for nothing and still gets a fit",
        "single": "right in general, but a feature may have a single value",
        "float32": "right in float64, but float32 should work as well",
    },
)


def _mean_over(values: Tensor, weights: list[Tensor], axes: list[int]) -> Tensor:
    joint = torch.ones(()).double()
    for axis in range(values.dim()):
        share = weights[axis] if axis in axes else torch.ones(values.shape[axis]).double()
        joint = joint.unsqueeze(-1) * share
    return (values * joint).sum(axes, keepdim=True) if axes else values


def _additive(values: Tensor, weights: list[Tensor], noise: float) -> tuple[Tensor, float]:
    shares = [w / w.sum() for w in weights]
    every = list(range(values.dim()))
    mean = _mean_over(values, shares, every)
    fit = mean.expand_as(values).clone()
    for axis in every:
        fit = fit + _mean_over(values, shares, [a for a in every if a != axis]) - mean
    parts = [_mean_over((table - mean) ** 2, shares, every).item() for table in (fit, values)]
    return fit, parts[0] / (parts[1] + noise**2)


def _likely_fits(values: Tensor, weights: list[Tensor]) -> dict:
    shares = [w / w.sum() for w in weights]
    every = list(range(values.dim()))
    truth, _ = _additive(values, weights, 1.0)
    mean = _mean_over(values, shares, every)
    return {
        "unweighted": _additive(values, [torch.ones_like(w) for w in weights], 1.0)[0],
        "unnormalised": _with_counts(values, weights),
        "centre": truth + (values.dim() - 1) * mean,
        "no_mean": truth - mean,
        "one": mean + sum(_mean_over(values, shares, [axis]) - mean for axis in every),
        "interaction": [values - truth, values],
    }


def _with_counts(values: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """Fits with weights that are not divided by their sums, or all by one number."""
    every, found = list(range(values.dim())), []
    for scale in (1.0, 1 / max(float(w.sum()) for w in weights)):
        scaled = [w * scale for w in weights]
        mean = _mean_over(values, scaled, every)
        rest = sum(_mean_over(values, scaled, [a for a in every if a != axis]) - mean for axis in every)
        found.append((mean + rest).expand_as(values))
    return found


def _likely_ceilings(values: Tensor, weights: list[Tensor], noise: float) -> dict:
    fit, truth = _additive(values, weights, noise)
    _, clean = _additive(values, weights, 0.0)
    total = noise**2 * truth / (clean - truth)  # the function's own variance
    explained = clean * total
    spread = [table.var(correction=k).item() for k in (0, 1) for table in (fit, values)]
    return {
        "complement": [1 - truth, 1 - clean, (total - explained) / (total + noise**2)],
        "noise": clean,
        "noise_power": [explained / (total + noise), explained / (total + noise**4)],
        "plain_variance": [spread[0] / (spread[1] + noise**2), spread[2] / (spread[3] + noise**2)],
        "variance": [explained, explained + noise**2, (explained + noise**2) / (total + noise**2), truth**0.5],
    }


def _grid(random, *sizes: int) -> tuple[Tensor, list[Tensor]]:
    weights = [torch.tensor([1.0 * random.integer(1, 9) for _ in range(size)]).double() for size in sizes]
    return random.normal(*sizes) + random.away_from_zero(1), weights


def _compare(answer, values, weights, noise) -> None:
    truth, ceiling = _additive(values, weights, noise)
    value = as_dict(answer(values, weights, noise), ["fit", "ceiling"])
    fit = as_tensor(value["fit"], values.shape, '"fit"')
    if not close(fit, truth):
        raise nearest(fit, _likely_fits(values, weights))
    found = as_number(value["ceiling"], '"ceiling"')
    if not close(found, ceiling):
        raise nearest(found, _likely_ceilings(values, weights, noise), "ceiling")


@best_additive.property(points=3)
def splits_a_function_of_two_features(answer, random):
    for _ in range(2):
        values, weights = _grid(random, random.integer(2, 4), random.integer(5, 6))
        while all(len(w.unique()) == 1 for w in weights) or min(w.std() for w in weights) < 1:
            values, weights = _grid(random, random.integer(2, 4), random.integer(5, 6))
        _compare(answer, values, weights, random.choice([0.5, 1.5]))


@best_additive.property(points=1)
def splits_at_the_edges(answer, random):
    cases = [("features", _grid(random, 4)), ("features", _grid(random, 3, 2, 4)), ("single", _grid(random, 3, 1))]
    cases.append(("absent", _grid(random, 4, 3)))
    cases[-1][1][1][0][random.integer(0, 3)] = 0.0
    for hint, (values, weights) in cases:
        truth, ceiling = _additive(values, weights, 0.5)
        _same_split(hint, called(hint, answer, values, weights, 0.5), truth, ceiling)
    values, weights = _grid(random, 3, 4)
    truth, ceiling = _additive(values, weights, 0.5)
    value = called("float32", answer, values.float(), [w.float() for w in weights], 0.5)
    _same_split("float32", value, truth, ceiling, 1e-3)
    truth, ceiling = _additive(values, weights, 0.0)
    _same_split("noise", called("noise", answer, values, weights, 0.0), truth, ceiling)


def _same_split(hint: str, value: object, truth: Tensor, ceiling: float, tolerance: float = 1e-5) -> None:
    value = as_dict(value, ["fit", "ceiling"])
    _same(hint, value["fit"], truth, tolerance)
    if not close(as_number(value["ceiling"], '"ceiling"'), ceiling, tolerance):
        raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------ nested selection

nested_errors = Exercise(
    "explainable/price/nested_errors",
    hints={
        "keys": 'return a dict with the keys "errors" and "chosen"',
        "test_fold": "you choose the penalty that does best on the test fold itself: it must not take part in the choice",
        "all_folds": "you choose one penalty by cross-validation over all folds: then every test fold took part in the choice",
        "leak": "your inner fits train on the rows of the outer test fold: leave out both folds",
        "training_error": "you choose by the error on rows that the fit was trained on: it always prefers the smallest penalty",
        "worst": "you choose the penalty with the largest error",
        "fixed": "the choice looks the same whatever the data are: it should come from the inner folds",
        "pooled": "each inner fold counts the same, whatever its number of rows: take the mean of its squared errors first",
        "one_inner": "use every other fold in turn for validation, not a single one",
        "index": '"chosen" holds the penalties themselves, not their positions',
        "no_refit": "choose first, then fit once more on all rows outside the test fold",
        "everything": "your last fit trains on the test fold as well",
        "train_score": "the error belongs to the rows of the test fold, not to the training rows",
        "total": "the error is the mean of the squared residuals on the test fold, not their sum or root",
        "scaled": "the penalty is added to x^T x as it is, neither multiplied by the number of rows nor squared",
        "chosen": '"chosen": for every fold the penalty with the least mean inner error',
        "value": '"errors": mean squared error on each fold of the fit, with the chosen penalty, on all other rows',
        "labels": "folds may have any numbers: use those that occur, in increasing order",
        "two": "right for three folds or more, but with two nothing is left to train the inner fit on: its coefficients are 0",
        "float32": "right in float64, but float32 should work as well",
        "one": "right for several penalties, but there may be a single one",
    },
)


def _fits(x, y, train: Tensor, penalties: Tensor) -> Tensor:
    """Squared residuals of every row `(m, p, n)` for ridge fits on m sets of rows, `train` `(m, n)` of 0 and 1."""
    weighted = train[:, :, None] * x
    gram = x.T @ weighted + penalties[:, None, None, None] * torch.eye(x.shape[1]).to(x)  # (p, m, d, d)
    right = (train * y) @ x
    solution = torch.linalg.solve(gram, right[None, :, :, None])[..., 0]  # (p, m, d)
    return (y - solution @ x.T).square().transpose(0, 1)


class _Tables:
    """All errors that right and wrong answers may compute on one instance, in four batched solves."""

    def __init__(self, x, y, penalties, folds) -> None:
        self.x, self.y, self.penalties, self.folds = x, y, penalties, folds
        self.numbers = folds.unique().tolist()
        count = len(self.numbers)
        inside = torch.stack([(folds == k).to(x) for k in self.numbers])  # (K, n)
        self.inside = inside
        self.others = [[j for j in range(count) if j != k] for k in range(count)]
        self.outer = _fits(x, y, 1 - inside, penalties)  # trained without fold k; (K, p, n)
        pairs = torch.stack([torch.stack([1 - inside[k] - inside[j] for j in self.others[k]]) for k in range(count)])
        self.pairs = pairs  # rows outside both folds (K, K - 1, n)
        without_both = _fits(x, y, pairs.flatten(0, 1), penalties)
        self.without_both = without_both.reshape(count, count - 1, len(penalties), -1)

    def mean_over(self, residuals: Tensor, rows: Tensor) -> Tensor:
        return (residuals * rows).sum(-1) / rows.sum(-1)

    def inner(self, kind: str = "right") -> Tensor:
        """Inner errors `(K, K - 1, p)`: right, with the outer test fold in training ("leak"), or on training rows ("seen")."""
        tests = torch.stack([self.inside[other] for other in self.others])
        if kind == "seen":
            return self.mean_over(self.without_both, self.pairs[:, :, None])
        if kind == "leak":
            return torch.stack([self.mean_over(self.outer[o], self.inside[o][:, None]) for o in self.others])
        if kind == "sum":
            return (self.without_both * tests[:, :, None]).sum(-1)
        return self.mean_over(self.without_both, tests[:, :, None])

    def on_fold(self) -> Tensor:
        """Error on fold k of the fit without it, `(K, p)`."""
        return self.mean_over(self.outer, self.inside[:, None])

    @cached_property
    def best(self) -> Tensor:
        return self.inner().mean(1).argmin(1)

    @cached_property
    def truth(self) -> tuple[Tensor, Tensor]:
        best = self.best
        return self.on_fold().gather(1, best[:, None])[:, 0], self.penalties[best]

    @cached_property
    def choices(self) -> dict:
        right, outer = self.inner(), self.on_fold()
        ends = (0, right.shape[1] - 1)
        return {
            "index": self.best.double(),
            "test_fold": self.penalties[outer.argmin(1)],
            "all_folds": self.penalties[outer.mean(0).argmin()].expand(len(self.numbers)),
            "leak": self.penalties[self.inner("leak").mean(1).argmin(1)],
            "training_error": self.penalties[self.inner("seen").mean(1).argmin(1)],
            "worst": self.penalties[right.mean(1).argmax(1)],
            "pooled": self.penalties[self.inner("sum").sum(1).argmin(1)],
            "one_inner": [self.penalties[right[:, i].argmin(1)] for i in ends],
            "fixed": [p.expand(len(self.numbers)) for p in self.penalties],
        }

    def errors(self) -> dict:
        """What wrong answers report once the right penalties are chosen."""
        best, rows = self.best, torch.arange(len(self.numbers))
        chosen, residuals = self.penalties[best], self.outer[torch.arange(len(self.numbers)), best]  # (K, n)
        inner = self.inner()[rows, :, best]
        halves = self.without_both[rows, :, best]  # (K, K - 1, n)
        tested = self.mean_over(residuals, self.inside)
        full = _fits(self.x, self.y, torch.ones_like(self.inside[:1]), self.penalties)[0][best]
        size = (1 - self.inside).sum(1)
        scaled = [
            torch.stack([_fits(self.x, self.y, 1 - self.inside[[k]], p[[k]])[0, 0] for k in range(len(rows))])
            for p in (chosen * size, chosen**2)
        ]
        return {
            "total": [(residuals * self.inside).sum(1), tested.sqrt()],
            "no_refit": [
                inner.mean(1),
                inner.sum(1),
                self.mean_over(halves, self.inside[:, None]).mean(1),
                *[self.mean_over(halves[:, i], self.inside) for i in (0, halves.shape[1] - 1)],
            ],
            "everything": self.mean_over(full, self.inside),
            "train_score": [self.mean_over(residuals, 1 - self.inside), residuals.mean(1)],
            "scaled": [self.mean_over(one, self.inside) for one in scaled],
        }


def _rows(random, count: int, sizes: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    x = random.normal(count, 4)
    y = x @ random.normal(4) * 0.5 + random.normal(count)
    folds = torch.tensor([number for number, size in enumerate(sizes) for _ in range(size)])[random.order(count)]
    return x, y, folds


MISTAKEN = ("test_fold", "all_folds", "leak", "training_error")


def _telling(random, sizes: tuple[int, ...], mistaken: tuple[str, ...]) -> _Tables:
    """An instance on which the named mistakes choose otherwise than the right answer."""
    penalties = torch.tensor([0.1, 2.0, 12.0]).double()[random.order(3)]
    for _ in range(100):
        x, y, folds = _rows(random, sum(sizes), sizes)
        tables = _Tables(x, y, penalties, folds)
        likely, (_, chosen) = tables.choices, tables.truth
        if len(chosen.unique()) > 1 and not any(close(likely[hint], chosen) for hint in mistaken):
            break
    return tables


@nested_errors.property(points=3)
def chooses_without_the_test_fold(answer, random):
    seen, fitting = [], set(nested_errors.hints)
    for sizes, mistaken in (((4, 5, 6), MISTAKEN), ((2, 3, 9), ("pooled",)), ((5, 4, 5), ())):
        tables = random.once(_telling, sizes, mistaken)
        _, chosen = tables.truth
        value = as_dict(answer(tables.x, tables.y, tables.penalties, tables.folds), ["errors", "chosen"])
        mine = as_tensor(value["chosen"], chosen.shape, '"chosen"')
        seen.append((tables, mine, value["errors"]))
        fitting &= {hint for hint, others in tables.choices.items() if _any_close(mine, others)}
    if not all(close(mine, tables.truth[1]) for tables, mine, _ in seen):
        raise Wrong(next((hint for hint in seen[0][0].choices if hint in fitting), "chosen"))
    for tables, _, errors in seen:
        truth = tables.truth[0]
        found = as_tensor(errors, truth.shape, '"errors"')
        if not close(found, truth):
            raise nearest(found, tables.errors())


def _any_close(value: Tensor, others: Tensor | list) -> bool:
    return any(close(value, other) for other in (others if isinstance(others, list) else [others]))


@nested_errors.property(points=1)
def works_at_the_edges(answer, random):
    penalties = torch.tensor([0.5, 8.0]).double()
    x, y, folds = _rows(random, 13, (4, 4, 5))
    for hint, inputs, tolerance in (
        ("labels", (x, y, penalties, torch.tensor([7, 2, 5])[folds]), 1e-5),
        ("one", (x, y, penalties[:1], folds), 1e-5),
        ("one", (x[:, :1], y, penalties[1:], folds), 1e-5),
        ("two", (x, y, penalties[:1], folds.clamp(max=1)), 1e-5),
        ("float32", (x.float(), y.float(), penalties.float(), folds), 1e-3),
    ):
        tables = _Tables(*[part.double() if part.is_floating_point() else part for part in inputs])
        if hint == "float32" and tables.inner().mean(1).sort(1).values.diff(dim=1).min() < 1e-3:
            continue  # rounding must not decide
        errors, chosen = tables.truth
        value = as_dict(called(hint, answer, *inputs), ["errors", "chosen"])
        _same(hint, value["errors"], errors, tolerance)
        _same(hint, value["chosen"], chosen, tolerance)
