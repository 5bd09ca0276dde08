"""Checks for exercises/attribution/datamodels.ipynb."""

import torch

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict

Tensor = torch.Tensor


def _ridge(z: Tensor, v: Tensor, ridge: float) -> Tensor:
    """Slopes without intercept: (z'z + ridge)^-1 z'v; with ridge 0 the shortest least-squares solution."""
    if ridge == 0:
        return torch.linalg.pinv(z) @ v
    return torch.linalg.solve(z.T @ z + ridge * torch.eye(z.shape[1], dtype=z.dtype), z.T @ v)


def _line(z: Tensor, v: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Slopes and intercept with a free intercept, by the dual problem: w = zc' (zc zc' + ridge)^-1 vc."""
    zc, vc = z - z.mean(0), v - v.mean(0)
    gram = zc @ zc.T + ridge * torch.eye(len(z), dtype=z.dtype)
    slopes = zc.T @ torch.linalg.solve(gram, vc)
    return slopes, v.mean(0) - z.mean(0) @ slopes


def _retrainings(random: Instances, m: int, n: int, t: int, share: float = 0.35) -> tuple[Tensor, Tensor]:
    """Memberships, fewer than half of them in, and noisy values far from zero that rise with some examples."""
    z = (random.uniform(m, n) < share).double()
    v = z @ random.away_from_zero(n, t) + 3 * random.away_from_zero(t) + 0.7 * random.normal(m, t)
    return z, v


# -------------------------------------------------------------------------------------------------------- datamodel

datamodel = Exercise(
    "attribution/datamodels/datamodel",
    hints={
        "keys": 'return a dict with the keys "scores" and "intercept"',
        "slots": "the scores include the intercept: one row of scores for each column of `subsets`",
        "transposed": "scores have one row per training example and one column per test example",
        "penalised": "your ridge shrinks the intercept as well: it should touch the slopes only",
        "no_intercept": "your line passes through zero at the empty subset: give it an intercept, or centre both sides",
        "centre": "centre both sides, each column by its own mean over the rows: a fixed 1/2 is not the mean here",
        "plain": "your slopes are those without a ridge",
        "scale": "your ridge has another size: it multiplies the sum of squared slopes, beside the *sum* of squared errors",
        "standardised": "you rescale the columns of memberships: the ridge acts on the slopes of zeros and ones",
        "absent": "your scores have the wrong sign: a score is what the presence of an example adds",
        "value": "the scores minimise the sum of squared errors plus ridge times the sum of squared slopes, intercept free",
        "intercept_mean": "the intercept is not the mean value: it is the prediction for the empty subset",
        "intercept_half": "the intercept takes the mean memberships as they are, not one half",
        "intercept": "the intercept makes the mean prediction equal to the mean value",
        "few": "right with many subsets, but not with fewer subsets than examples: the ridge makes the line unique there too",
        "repeated": "a subset that was drawn twice counts twice",
        "always": "right in general, but not when an example is in every subset (or in none): its slope is then 0",
        "one": "right in general, but not for a single training example or a single test example",
        "large": "with a very large ridge the slopes become small, but not zero, and the intercept nears the mean value",
        "small": "right with a ridge of ordinary size, but not with a small one: take the ridge as it is",
        "precision": "right for small numbers, but not when the values lie far from zero: stay in float64, and centre them",
    },
)


def _read_line(result: object, n: int, t: int) -> tuple[Tensor, object]:
    result = as_dict(result, ["scores", "intercept"])
    scores = result["scores"]
    if isinstance(scores, Tensor) and tuple(scores.shape) == (n + 1, t):
        raise Wrong("slots")
    if isinstance(scores, Tensor) and tuple(scores.shape) == (t, n) and t != n:
        raise Wrong("transposed")
    return as_tensor(scores, (n, t), 'entry "scores"'), result["intercept"]


def _likely_slopes(z: Tensor, v: Tensor, r: float) -> dict[str, list]:
    m, ones = len(z), torch.ones(len(z), 1).double()
    zc, vc, spread = z - z.mean(0), v - v.mean(0), z.std(0)
    rows = [tuple(row) for row in z.tolist()]
    first, last = {row: k for k, row in reversed(list(enumerate(rows)))}, {row: k for k, row in enumerate(rows)}
    return {
        "repeated": [_line(z[kept], v[kept], r)[0] for kept in (sorted(first.values()), sorted(last.values()))],
        "absent": [-_ridge(zc, vc, r)],
        "penalised": [_ridge(torch.cat([z, ones], 1), v, r)[:-1]],
        "no_intercept": [_ridge(z, v, r)],
        "centre": [_ridge(z, vc, r), _ridge(z - 0.5, vc, r), _ridge(z - 0.5, v, r), _ridge(2 * z - 1, v, r)],
        "plain": [_ridge(zc, vc, 0)],
        "scale": [_ridge(zc, vc, s) for s in (r * m, r / m, 2 * r, r / 2, r**2, r**0.5, r * m / 2)],
        "standardised": [_ridge(zc / spread, vc, r), _ridge(zc / spread, vc, r) / spread[:, None]],
    }


@datamodel.property(points=2)
def fits_the_scores(answer, random: Instances) -> None:
    n, t, ridge = random.integer(4, 6), 3, float(random.uniform(1, low=1.5, high=3.0))
    z, v = _retrainings(random, 4 * n, n, t)
    z, v = torch.cat([z, z[:1]]), torch.cat([v, v[:1] + 2])  # one subset twice, with another value
    scores, _ = _read_line(answer(z, v, ridge), n, t)
    if not close(scores, _line(z, v, ridge)[0], 1e-4):
        raise nearest(scores, _likely_slopes(z, v, ridge), "value", 1e-4)


@datamodel.property(points=1)
def finds_the_intercept(answer, random: Instances) -> None:
    n, t, ridge = random.integer(3, 5), random.integer(1, 4), float(random.uniform(1, low=0.5, high=3.0))
    z, v = _retrainings(random, 5 * n, n, t)
    _compare_intercepts(answer, z, v, ridge)


def _compare_intercepts(answer, z: Tensor, v: Tensor, ridge: float) -> None:
    slopes, intercept = _line(z, v, ridge)
    _, said = _read_line(answer(z, v, ridge), z.shape[1], v.shape[1])
    said = as_tensor(said, (v.shape[1],), 'entry "intercept"')
    if not close(said, intercept, 1e-4):
        likely = {"intercept_mean": v.mean(0), "intercept_half": v.mean(0) - slopes.sum(0) / 2}
        raise nearest(said, likely, "intercept", 1e-4)


@datamodel.property(points=1)
def fits_at_the_edges(answer, random: Instances) -> None:
    def holds(hint: str, z: Tensor, v: Tensor, ridge: float, tolerance: float = 1e-4) -> None:
        slopes, intercept = _line(z, v, ridge)
        scores, said = _read_line(called(hint, answer, z, v, ridge), z.shape[1], v.shape[1])
        if not (close(scores, slopes, tolerance) and close(as_tensor(said, (v.shape[1],)), intercept, tolerance)):
            raise Wrong(hint)

    _compare_intercepts(answer, *_retrainings(random, 15, 3, 2), 1.1)  # else its mistakes would be blamed on the edges
    holds("few", *_retrainings(random, 5, 9, 2), 0.8)
    z, v = _retrainings(random, 12, 3, 2)
    holds("repeated", torch.cat([z, z[:5]]), torch.cat([v, v[:5] + 1]), 1.3)
    holds("repeated", torch.cat([z, z]), torch.cat([v, v]), 1.3)  # the same as half of the ridge
    z, v = _retrainings(random, 12, 4, 2)
    z[:, 1], z[:, 3] = 1.0, 0.0
    holds("always", z, v, 0.7)
    holds("one", *_retrainings(random, 9, 1, 3), 0.6)
    holds("one", *_retrainings(random, 9, 3, 1), 0.6)
    z, v = _retrainings(random, 15, 3, 2)
    holds("large", z, v, 1e9)
    scores, _ = _read_line(called("large", answer, z, v, 1e9), 3, 2)
    if not close(1e9 * scores, 1e9 * _line(z, v, 1e9)[0], 1e-4):
        raise Wrong("large")
    z, v = _retrainings(random, 20, 3, 2)
    slopes, _ = _line(z, v, 0.5)
    scores, _ = _read_line(called("precision", answer, z, v + 1e6, 0.5), 3, 2)
    if not close(scores, slopes, 1e-4):
        raise Wrong("precision")
    holds("small", *_retrainings(random, 5, 9, 2), 1e-4)


# ----------------------------------------------------------------------------------------------- datamodeling_score

datamodeling_score = Exercise(
    "attribution/datamodels/datamodeling_score",
    hints={
        "pearson": "you correlate the values themselves: correlate their ranks",
        "half_ranked": "you rank only one of the two: rank predictions and real values",
        "pooled": "you rank all test examples together: rank each column by itself, then take the mean over columns",
        "across": "you compare test examples within a subset: compare subsets, one test example at a time",
        "averaged": "you average over test examples before you correlate: correlate first, then take the mean",
        "size": "a prediction is the sum of the members' scores, not their mean",
        "absent": "you add up the scores of the examples that are absent, or turn the sign: add those of the members",
        "absolute": "you lose the sign: a negative correlation counts as negative",
        "sum": "you add up the correlations: take their mean",
        "kendall": "that is Kendall's correlation, of pairs: asked for is the correlation of ranks",
        "median": "you take the median over test examples: take the mean",
        "first": "you use one test example only: take the mean over all of them",
        "value": "for each test example rank predictions (sums of members' scores) and the real values, correlate, average",
        "ties": "right without ties; tied values must share their mean rank",
        "formula": "the short cut with squared differences of ranks holds without ties only: correlate the ranks themselves",
        "distinct": "a subset that comes twice counts twice: drop no rows",
        "constant": "a test example whose predictions or real values are all equal has no ranks: leave it out of the mean",
        "left_out": "look at predictions, not at scores: equal scores can predict different values, different ones the same",
        "tiny": "right for numbers of ordinary size, but not for tiny ones: do not round, leave out exactly equal ones only",
        "one": "right for several test examples, but not for a single one",
        "two": "right for many subsets, but not for two",
        "far": "right for values near zero, but not for large ones with small differences: stay in float64",
    },
)


def _midranks(values: Tensor) -> Tensor:
    """Ranks of each column, tied values sharing their mean rank: `(m, t) -> (m, t)`."""
    below, same = values[:, None] > values[None], values[:, None] == values[None]
    return below.sum(1) + (same.sum(1) + 1) / 2


def _correlations(a: Tensor, b: Tensor) -> Tensor:
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / (a.square().sum(0) * b.square().sum(0)).sqrt()


def _spearman(a: Tensor, b: Tensor) -> Tensor:
    return _correlations(_midranks(a).double(), _midranks(b).double())


def _kendall(a: Tensor, b: Tensor) -> Tensor:
    signs = [(x[:, None] - x[None]).sign() for x in (a, b)]
    return (signs[0] * signs[1]).sum((0, 1)) / (len(a) * (len(a) - 1))


def _distinct_subsets(random: Instances, m: int, n: int) -> Tensor:
    rows = torch.tensor(random.order(2**n)[: m + 1])
    rows = rows[rows > 0][:m]  # no empty subset: its mean score would not exist
    return ((rows[:, None] >> torch.arange(n)) & 1).double()


def _scored(random: Instances) -> tuple[Tensor, Tensor, Tensor]:
    """Scores that predict the ranks of skewed values well for some test examples, badly or inversely for others."""
    signs = torch.tensor([1.0, 1.0, -0.6, 0.3]).double()
    while True:
        z, scores = _distinct_subsets(random, 14, 6), random.away_from_zero(6, 4)
        case = scores, z, torch.exp(signs * (z @ scores) + 0.8 * random.normal(14, 4))
        found = [_spearman(z @ scores, case[2]).mean(), *(v for group in _likely_scores(*case).values() for v in group)]
        if torch.stack(found).sort().values.diff().min() > 1e-5:  # every likely mistake shows
            return case


def _likely_scores(s: Tensor, z: Tensor, v: Tensor) -> dict[str, list]:
    p = z @ s
    each, plain = _spearman(p, v), _correlations(p, v)
    flat = [part.reshape(-1, 1) for part in (p, v)]
    return {
        "pearson": [plain.mean()],
        "half_ranked": [_correlations(_midranks(p).double(), v).mean(), _correlations(p, _midranks(v).double()).mean()],
        "pooled": [_spearman(*flat)[0], _correlations(*flat)[0]],
        "across": [_spearman(p.T, v.T).mean()],
        "averaged": [_spearman(p.mean(1, keepdim=True), v.mean(1, keepdim=True))[0]],
        "size": [_spearman(p / z.sum(1, keepdim=True), v).mean()],
        "absent": [_spearman((1 - z) @ s, v).mean()],
        "absolute": [each.abs().mean(), each.square().mean(), plain.square().mean()],
        "sum": [each.sum()],
        "kendall": [_kendall(p, v).mean()],
        "median": [each.sort().values[1:3].mean()],
        "first": list(each),
    }


@datamodeling_score.property(points=2)
def correlates_ranks(answer, random: Instances) -> None:
    for power in (1, -1):  # the second time most correlations are negative
        scores, z, v = random.once(_scored)
        case = scores, z, v**power
        truth, said = _spearman(z @ scores, case[2]).mean(), as_number(answer(*case))
        if not close(said, truth, 1e-6):
            lost = {"absolute": [-truth]} if truth < 0 else {}  # also what the absent would give, but they show before
            raise nearest(said, lost or random.recall(lambda: _likely_scores(*case), power), "value", 1e-6)  # noqa: B023


def _quarters(random: Instances, *shape: int) -> Tensor:
    """Multiples of 1/4 of both signs, whose sums are exact."""
    return torch.randint(-6, 7, shape, generator=random.generator).double() / 4


def _tied(random: Instances) -> tuple[Tensor, Tensor, Tensor]:
    while True:
        z, scores = random.gates(16, 4), _quarters(random, 4, 3)
        v = (z @ scores + 2 * random.normal(16, 3)).round() / 2
        spread = ((z @ scores).std(0) > 0) & (v.std(0) > 0)
        if spread.all():
            return scores, z, v


@datamodeling_score.property(points=1)
def shares_ranks_among_ties(answer, random: Instances) -> None:
    for _ in range(2):
        s, z, v = random.once(_tied)
        p, said = z @ s, as_number(called("ties", answer, s, z, v))
        if close(said, _spearman(p, v).mean(), 1e-6):
            continue
        m, rows = len(z), torch.unique(torch.cat([z, v], 1), dim=0)
        short = 1 - 6 * (_midranks(p) - _midranks(v)).square().sum(0) / (m * (m * m - 1))
        likely = {"formula": short.mean(), "distinct": _spearman(rows[:, :4] @ s, rows[:, 4:]).mean()}
        raise nearest(said, likely, "ties", 1e-6)
    s, z, v = random.once(_tied)
    z, v = torch.cat([z, z[:7]]), torch.cat([v, v[:7]])
    if not close(as_number(called("distinct", answer, s, z, v)), _spearman(z @ s, v).mean(), 1e-6):
        raise Wrong("distinct")


def _nested(random: Instances) -> tuple[Tensor, Tensor, Tensor]:
    """Subsets of all sizes that share one example; the first test example has a score for that one only, the second 1s."""
    order, n = torch.tensor(random.order(6)), 6
    z = torch.zeros(n, n).double()
    for row, size in enumerate(random.order(n)):
        z[row, order[: size + 1]] = 1.0
    while True:
        s, v = random.away_from_zero(n, 3), random.normal(n, 3)
        s[:, 0], s[:, 1] = 0.0, 1.0
        s[order[0], 0] = 1.5
        if _spearman(z @ s, v)[1:].diff().abs() > 0.1:
            return s, z, v


@datamodeling_score.property(points=1)
def scores_the_edges(answer, random: Instances) -> None:
    s, z, v = random.once(_scored)
    s[:, 0], v[:, 2] = 0.0, 2.5
    left = [1, 3]
    if not close(as_number(called("constant", answer, s, z, v)), _spearman(z @ s[:, left], v[:, left]).mean(), 1e-6):
        raise Wrong("constant")
    s, z, v = random.once(_nested)
    if not close(as_number(called("left_out", answer, s[:, 1:], z, v[:, 1:])), _spearman(z @ s, v)[1:].mean(), 1e-6):
        raise Wrong("left_out")
    if not close(as_number(called("left_out", answer, s, z, v)), _spearman(z @ s, v)[1:].mean(), 1e-6):
        raise Wrong("left_out")
    s, z, v = random.once(_scored)
    for part in (s, v):
        tiny = part.clone()
        tiny[:, random.integer(0, 3)] *= 1e-9
        case = (tiny, z, v) if part is s else (s, z, tiny)
        if not close(as_number(called("tiny", answer, *case)), _spearman(z @ case[0], case[2]).mean(), 1e-6):
            raise Wrong("tiny")
    column = random.integer(0, 3)
    one = [part[:, column : column + 1] for part in (s, v)]
    if not close(as_number(called("one", answer, one[0], z, one[1])), _spearman(z @ one[0], one[1])[0], 1e-6):
        raise Wrong("one")
    said = as_number(called("two", answer, s, z[:2], v[:2]))
    if not close(said, _spearman(z[:2] @ s, v[:2]).mean(), 1e-6):
        raise Wrong("two")
    if not close(as_number(called("far", answer, s, z, 1e6 + v / 100)), _spearman(z @ s, 1e6 + v / 100).mean(), 1e-6):
        raise Wrong("far")


# ----------------------------------------------------------------------------------------------------- choose_ridge

choose_ridge = Exercise(
    "attribution/datamodels/choose_ridge",
    hints={
        "keys": 'return a dict with the keys "errors" and "ridge"',
        "in_sample": "your errors are those on the rows of the fit: measure them on the rows held out",
        "leak": "the rows held out have a part in the fit: fit to the others only",
        "own_mean": "you centre the rows held out by their own mean: the intercept comes from the rows of the fit",
        "order": "the errors come in the order of `ridges` as given, sorted or not",
        "leading": "you hold out the first rows: hold out the last ones",
        "penalised": "your ridge shrinks the intercept as well: it should touch the slopes only",
        "no_intercept": "your lines pass through zero at the empty subset: give them an intercept",
        "scale": "your ridge has another size: it multiplies the sum of squared slopes, beside the *sum* of squared errors",
        "sum": "you add up the squared errors: take the mean over rows and test examples",
        "root": "you take the root of the mean squared error: leave it squared",
        "absolute": "you average absolute errors: square them",
        "value": "fit to all rows but the last `held_out`, then average the squared errors on those",
        "worst": "you take the ridge of the largest error: take that of the least",
        "index": "you return a position: return the ridge itself",
        "smallest": "the ridge depends on the errors held out: it is not always the smallest (as on rows of the fit) or first",
        "choice": 'entry "ridge" is the member of `ridges` with the least error on the rows held out',
        "near": "the least error counts, however near the others are and wherever in the list its ridge stands",
        "member": 'entry "ridge" is nearly right, but rounded: return the member of `ridges` itself',
        "few": "right with many subsets, but not with fewer subsets than examples",
        "one": "right in general, but not when one row is held out, or only one ridge or one test example is given",
    },
)


def _errors(z: Tensor, v: Tensor, ridges: list[float], held: int) -> Tensor:
    def error(ridge: float) -> Tensor:
        slopes, intercept = _line(z[:-held], v[:-held], ridge)
        return (v[-held:] - intercept - z[-held:] @ slopes).square().mean()

    return torch.stack([error(ridge) for ridge in ridges])


def _likely_errors(z: Tensor, v: Tensor, ridges: list[float], held: int) -> dict[str, list]:
    a, b, c, d = z[:-held], v[:-held], z[-held:], v[-held:]

    def each(line, on=(c, d), measure=torch.square) -> Tensor:
        found = []
        for ridge in ridges:
            slopes, intercept = line(ridge)
            found.append(measure(on[1] - intercept - on[0] @ slopes).mean())
        return torch.stack(found)

    def fitted(ridge: float) -> tuple[Tensor, Tensor]:
        return _line(a, b, ridge)

    def penalised(ridge: float) -> tuple[Tensor, Tensor]:
        both = _ridge(torch.cat([a, torch.ones(len(a), 1).double()], 1), b, ridge)
        return both[:-1], both[-1]

    def own_mean(ridge: float) -> tuple[Tensor, Tensor]:
        slopes, _ = fitted(ridge)
        return slopes, d.mean(0) - c.mean(0) @ slopes

    def all_means(ridge: float) -> tuple[Tensor, Tensor]:
        slopes = _ridge(a - z.mean(0), b - v.mean(0), ridge)
        return slopes, v.mean(0) - z.mean(0) @ slopes

    right = each(fitted)
    return {
        "order": [right[sorted(range(len(ridges)), key=ridges.__getitem__, reverse=down)] for down in (False, True)],
        "in_sample": [each(fitted, (a, b)), each(lambda r: _line(z, v, r), (z, v)), each(fitted, (z, v))],
        "leak": [each(lambda r: _line(z, v, r)), each(all_means)],
        "own_mean": [each(own_mean)],
        "leading": [
            each(lambda r: _line(z[held:], v[held:], r), (z[:held], v[:held])),
            each(lambda r: _line(z[:held], v[:held], r), (z[held:], v[held:])),
        ],
        "penalised": [each(penalised)],
        "no_intercept": [each(lambda r: (_ridge(a, b, r), torch.zeros(1)))],
        "scale": [each(lambda r, s=s: _line(a, b, r * s)) for s in (len(a), len(z), 1 / len(a), 2.0, 0.5)],
        "sum": [right * d.numel(), right * len(d), right * d.shape[1]],
        "root": [right.sqrt()],
        "absolute": [each(fitted, measure=torch.abs)],
    }


def _read_choice(result: object, r: int) -> tuple[Tensor, object]:
    result = as_dict(result, ["errors", "ridge"])
    return as_tensor(result["errors"], (r,), 'entry "errors"'), result["ridge"]


@choose_ridge.property(points=2)
def measures_on_the_rows_held_out(answer, random: Instances) -> None:
    n, t, held = random.integer(4, 6), 3, random.integer(4, 6)
    z, v = _retrainings(random, 3 * n + held, n, t)
    ridges = random.choice([[2.0, 0.3, 9.0], [2.0, 9.0, 0.3], [9.0, 0.3, 2.0], [0.3, 9.0, 2.0]])
    errors, _ = _read_choice(answer(z, v, ridges, held), 3)
    if not close(errors, _errors(z, v, ridges, held), 1e-4):
        raise nearest(errors, random.recall(lambda: _likely_errors(z, v, ridges, held)), "value", 1e-4)


@choose_ridge.property(points=1)
def chooses_the_best(answer, random: Instances) -> None:
    rows = []
    for best in (0, 1, 2, 3):
        ridges = [(0.05, 1.0, 8.0, 400.0)[i] for i in random.order(4)]
        z, v, errors = random.once(_clear_choice, tuple(ridges), best)
        said = as_number(_read_choice(answer(z, v, ridges, 8), 4)[1], 'entry "ridge"')
        at, off = int(errors.argmin()), int(errors.argmax())
        rows.append([said, ridges[at], ridges[off], at, min(ridges), max(ridges), ridges[0], ridges[-1]])
    said, truth, *others = torch.tensor(rows, dtype=torch.float64).T
    if not close(said, truth, 1e-6):
        raise nearest(said, {"worst": others[0], "index": others[1], "smallest": others[2:]}, "choice", 1e-6)
    if not set(said.tolist()) <= set(truth.tolist()):
        raise Wrong("member")
    for profile in ((0.4, 1.0, 0.0, 1.0), (1.0, 0.0, 1.0, 0.4)):
        case, best = random.once(_two_dips, profile)
        if not close(as_number(_read_choice(answer(*case), 8)[1], 'entry "ridge"'), best, 1e-6):
            raise Wrong("near")


def _two_dips(random: Instances, profile: tuple[float, ...]) -> tuple[tuple, float]:
    """Rows held out whose errors, far from zero, fall and rise twice along four ridges; four more are near the best."""
    ridges, held = [0.05, 1.0, 10.0, 200.0], 8
    while True:
        z = random.gates(22, 9)
        v = z @ random.normal(9, 3) + 2 * random.away_from_zero(3) + random.normal(22, 3)
        lines = [_line(z[:-held], v[:-held], ridge) for ridge in ridges]
        p = torch.stack([(intercept + z[-held:] @ slopes).flatten() for slopes, intercept in lines])
        offset, size = p - p.mean(0), (p - p.mean(0)).square().sum(1)
        bend = (size - torch.tensor(profile).double() * size.mean()) / 2
        v[-held:] = (p.mean(0) + torch.linalg.pinv(offset) @ (bend - bend.mean())).reshape(held, 3)
        best = ridges[profile.index(0.0)]
        others = [ridge for ridge in ridges if ridge != best] + [best * 1.01**k for k in range(1, 5)]
        mixed = [others[k] for k in random.order(7)]
        mixed.insert(random.integer(5, 7), best)
        errors = _errors(z, v, mixed, held)
        if mixed[int(errors.argmin())] == best and errors.sort().values[:2].diff() > 1e-7 * errors.min():
            return (z, v, mixed, held), best


def _clear_choice(random: Instances, ridges: tuple[float, ...], best: int) -> tuple[Tensor, Tensor, Tensor]:
    """Retrainings whose least error belongs to the ridge of rank `best` and is clearly the least."""
    noise, signal = ((0.05, 2.0), (1.5, 1.0), (3.0, 0.7), (3.0, 0.0))[best]
    target = ridges.index(sorted(ridges)[best])
    while True:
        z = random.gates(22, 9)
        v = signal * z @ random.normal(9, 3) + 2 * random.away_from_zero(3) + noise * random.normal(22, 3)
        errors = _errors(z, v, ridges, 8)
        if errors.argmin() == target and errors.sort().values[:2].diff() > 1e-3 * errors.min():
            return z, v, errors


@choose_ridge.property(points=1)
def works_at_the_edges(answer, random: Instances) -> None:
    cases = {
        "few": (*_retrainings(random, 9, 12, 2), [5.0, 0.4], 3),
        "one": (*_retrainings(random, 12, 3, 2), [0.4, 5.0, 1.0], 1),
    }
    for hint, case in cases.items():
        errors, _ = _read_choice(called(hint, answer, *case), len(case[2]))
        if not close(errors, _errors(*case), 1e-4):
            raise Wrong(hint)
    for case in ((*_retrainings(random, 12, 3, 2), [0.7], 4), (*_retrainings(random, 12, 1, 1), [0.7, 2.0], 4)):
        errors, ridge = _read_choice(called("one", answer, *case), len(case[2]))
        alone = len(case[2]) == 1
        if not close(errors, _errors(*case), 1e-4):
            raise Wrong("one")
        if alone and not close(as_number(ridge), case[2][0]):
            raise nearest(as_number(ridge), {"index": 0.0}, "one")


# ------------------------------------------------------------------------------------------------------ trak_scores

trak_scores = Exercise(
    "attribution/datamodels/trak_scores",
    hints={
        "transposed": "scores have one row per training example and one column per test example",
        "products": "you average the products over models: average the two factors apart, then multiply",
        "doubt": "the second factor is one minus the probability of the right label: small where the model is sure",
        "mean_margin": "you average the margins: average one minus the probability, which is not linear in them",
        "no_doubt": "the factor with the probabilities is missing",
        "margin": "you use the margins as if they were probabilities: p = sigmoid(margin)",
        "curvature": "you weight the rows by p (1 - p): that is Newton's step, TRAK leaves it out",
        "no_inverse": "you take the products of gradients without the inverse matrix",
        "ridge": "look at the ridge: add it once to the diagonal, as it is",
        "pooled": "you add up the matrices of all models before you invert: each model has its own",
        "mean_gradient": "you average the gradients over models: they belong to different parameters, average the products",
        "one_model": "you use one model only: take the mean over models",
        "sum": "you add up over models: take means",
        "test_matrix": "the matrix is that of the training gradients",
        "doubt_place": "the probabilities belong to the training examples: each scales a row",
        "sign": "your scores have the wrong sign: positive marks a helpful example",
        "value": "mean over models of phi(z)' (Phi' Phi + ridge I)^-1 phi_i, times the mean over models of (1 - p_i)",
        "alone": "right for several models, but not for one",
        "wide": "right for few parameters, but not for more parameters than examples",
        "small": "right in general, but not for a single training example, a single test example or a single parameter",
        "sure": "right for small margins, but not for large ones of either sign: `torch.sigmoid` does not overflow",
        "rounds": "where the models are sure, scores are tiny, but not 0: 1 - sigmoid(m) rounds there, sigmoid(-m) does not",
        "units": "with ridge 0 the scores do not depend on the units of the parameters: stay in float64",
    },
)


def _grams(phi: Tensor, ridge: float) -> Tensor:
    return phi.transpose(1, 2) @ phi + ridge * torch.eye(phi.shape[2], dtype=phi.dtype)


def _kernels(phi: Tensor, phi_test: Tensor, ridge: float) -> Tensor:
    return phi @ torch.linalg.inv(_grams(phi, ridge)) @ phi_test.transpose(1, 2)


def _trak(phi: Tensor, phi_test: Tensor, margins: Tensor, ridge: float) -> Tensor:
    return _kernels(phi, phi_test, ridge).mean(0) * torch.sigmoid(-margins).mean(0)[:, None]


def _models(random: Instances, k: int, n: int, t: int, p: int) -> tuple[Tensor, Tensor, Tensor]:
    return random.normal(k, n, p), random.normal(k, t, p), 2 * random.normal(k, n)


def _likely_trak(phi: Tensor, phi_test: Tensor, margins: Tensor, ridge: float) -> dict[str, list]:
    kernel, doubt = _kernels(phi, phi_test, ridge), torch.sigmoid(-margins)[:, :, None]
    p = 1 - doubt
    mean, right = kernel.mean(0), kernel.mean(0) * doubt.mean(0)
    newton = phi @ torch.linalg.inv(_grams((p * doubt).sqrt() * phi, ridge)) @ phi_test.transpose(1, 2)
    inner, k, eye = phi @ phi_test.transpose(1, 2), len(phi), torch.eye(phi.shape[2]).double()
    grams = phi.transpose(1, 2) @ phi
    found = {
        "sign": [-right],
        "products": [(kernel * doubt).mean(0), (kernel * doubt).sum(0)],
        "doubt": [mean * p.mean(0), mean * (p * doubt).mean(0)],
        "no_doubt": [mean],
        "margin": [mean * (1 - margins.mean(0))[:, None], mean * margins.mean(0)[:, None]],
        "curvature": [newton.mean(0) * doubt.mean(0)],
        "no_inverse": [inner.mean(0) * doubt.mean(0)],
        "ridge": [_trak(phi, phi_test, margins, r) for r in (0.0, ridge**2, ridge * phi.shape[1], 2 * ridge, ridge / 2)]
        + [(phi @ torch.linalg.inv(grams + ridge) @ phi_test.transpose(1, 2)).mean(0) * doubt.mean(0)],
        "pooled": [
            (phi @ torch.linalg.inv(matrix + ridge * eye) @ phi_test.transpose(1, 2)).mean(0) * doubt.mean(0)
            for matrix in (grams.sum(0), grams.mean(0))
        ],
        "mean_gradient": [_trak(phi.mean(0)[None], phi_test.mean(0)[None], margins, ridge)],
        "one_model": [_trak(phi[i : i + 1], phi_test[i : i + 1], margins[i : i + 1], ridge) for i in range(k)],
        "sum": [right * k, right * k * k],
        "test_matrix": [(phi @ torch.linalg.inv(_grams(phi_test, ridge)) @ phi_test.transpose(1, 2)).mean(0) * doubt.mean(0)],
    }
    return found | {"mean_margin": [mean * torch.sigmoid(sign * margins.mean(0))[:, None] for sign in (-1, 1)]}


def _read_trak(result: object, n: int, t: int) -> Tensor:
    if isinstance(result, Tensor) and n != t and tuple(result.shape) == (t, n):
        raise Wrong("transposed")
    return as_tensor(result, (n, t))


@trak_scores.property(points=2)
def multiplies_two_means(answer, random: Instances) -> None:
    n, t, p, ridge = random.integer(7, 9), random.integer(2, 4), 3, float(random.uniform(1, low=2.0, high=4.0))
    case = (*_models(random, 3, n, t, p), ridge)
    scores, truth = _read_trak(answer(*case), n, t), _trak(*case)
    if not close(scores * 10, truth * 10, 1e-4):
        likely = {hint: [10 * value for value in values] for hint, values in _likely_trak(*case).items()}
        raise nearest(scores * 10, likely, "value", 1e-4)


@trak_scores.property(points=1)
def does_not_depend_on_units(answer, random: Instances) -> None:
    n, t, p = 9, 2, 3
    phi, phi_test, margins = _models(random, 2, n, t, p)
    units = 100.0 ** torch.tensor([-1.0, 0.0, 1.0]).double() * torch.linalg.qr(random.normal(p, p)).Q
    truth = _trak(phi, phi_test, margins, 0.0)
    for matrix in (torch.eye(p).double(), units):
        scores = _read_trak(called("units", answer, phi @ matrix, phi_test @ matrix, margins, 0.0), n, t)
        if not close(10 * scores, 10 * truth, 1e-4):
            raise Wrong("units")
    scores = _read_trak(called("alone", answer, phi[:1], phi_test[:1], margins[:1], 0.5), n, t)
    if not close(10 * scores, 10 * _trak(phi[:1], phi_test[:1], margins[:1], 0.5), 1e-4):
        raise Wrong("alone")


@trak_scores.property(points=1)
def holds_at_the_edges(answer, random: Instances) -> None:
    for hint, sizes in (("wide", (2, 4, 3, 7)), ("small", (2, 1, 3, 2)), ("small", (2, 5, 1, 2)), ("small", (3, 5, 2, 1))):
        case = (*_models(random, *sizes), 0.6)
        if not close(10 * _read_trak(called(hint, answer, *case), sizes[1], sizes[2]), 10 * _trak(*case), 1e-4):
            raise Wrong(hint)
    phi, phi_test, margins = _models(random, 2, 6, 2, 2)
    margins = torch.tensor([[900.0, 60.0, 3.0, -900.0, 1.0, -60.0], [900.0, -60.0, -2.0, 900.0, 1.0, 60.0]]).double()
    scores = _read_trak(called("sure", answer, phi, phi_test, margins, 0.6), 6, 2)
    if not close(10 * scores, 10 * _trak(phi, phi_test, margins, 0.6), 1e-4):
        raise Wrong("sure")
    margins = torch.tensor([15.0, 25.0, 35.0, 40.0, 100.0, 200.0]).double() + random.uniform(2, 6)
    scores = _read_trak(called("rounds", answer, phi, phi_test, margins, 0.6), 6, 2)
    doubt = torch.sigmoid(-margins).mean(0)[:, None]
    if not close(10 * scores / doubt, 10 * _kernels(phi, phi_test, 0.6).mean(0), 1e-4):
        raise Wrong("rounds")
