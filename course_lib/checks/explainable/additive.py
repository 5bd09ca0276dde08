"""Checks for exercises/explainable/additive.ipynb."""

import time

import torch
from torch import Tensor

from course_lib.attribution.features import feature_game
from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.returns import as_dict
from course_lib.games import shapley

EXACT = 1e-9  # float64 questions: no float32 on the way, no rounding, no small number in a denominator
DIGITS = "nearly right, but not to nine digits: keep float64 all the way, round nothing, add no small number to a sum"

# ------------------------------------------------------------------------------------------------------------- centre

centre = Exercise(
    "explainable/additive/centre",
    hints={
        "keys": 'return a dict with the keys "intercept" and "shapes"',
        "intercept": "the shapes are right, but predictions have changed: what you take from the shapes goes to the intercept",
        "lost": "you return the intercept of the argument without what was moved to it, or only what was moved",
        "sign": "what goes out of the shapes must come into the intercept with the same sign",
        "unweighted": "you take the mean over the bins: a bin counts as often as there are rows in it",
        "bin": "you divide a weighted sum by the number of bins, not by the number of rows",
        "pooled": "you take one mean over all features: every shape has its own",
        "axis": "you take means over the features: a shape runs along its bins",
        "rows": "every feature has its own sum of counts: divide by that sum",
        "digits": DIGITS,
        "plain": "right in general, but not for a shape whose plain mean over the bins happens to be 0",
        "maximum": "that is not the mean: a shape is centred when its weighted mean is 0",
        "scaled": "you rescale the shapes: only a constant may change",
        "value": "each shape: subtract its mean over the rows of data; intercept: add all the means",
        "idempotent": "right in general, but shapes that are centred already should stay",
        "one": "right in general, but not with a single feature or a single bin",
        "empty": "right in general, but not when a bin holds no rows (it still keeps its value, shifted like the others)",
        "number": "right in general, but an intercept given as a plain number, or whole-number counts, should work as well",
    },
)


def _shape_means(shapes: Tensor, counts: Tensor) -> Tensor:
    """A mean for each shape over the rows of data, written with repeated values: `(n,)`."""
    return torch.stack([s.repeat_interleave(c.long()).mean() for s, c in zip(shapes, counts, strict=True)])


def _centred(found: object, shape: tuple[int, ...]) -> tuple[float, Tensor]:
    found = as_dict(found, ("intercept", "shapes"))
    return as_number(found["intercept"], "the intercept"), as_tensor(found["shapes"], shape, "shapes")


def _likely_shapes(shapes: Tensor, counts: Tensor, truth: Tensor) -> dict:
    weights = counts / counts.sum()
    own = counts / counts.sum(1, keepdim=True)
    pooled = (weights * shapes).sum()
    return {
        "unweighted": shapes - shapes.mean(1, keepdim=True),
        "bin": shapes - (counts * shapes).mean(1, keepdim=True),
        "pooled": [shapes - pooled, shapes - shapes.mean()],
        "axis": [shapes - shapes.mean(0), shapes - (counts * shapes).sum(0) / counts.sum(0)],
        "rows": [shapes - (counts * shapes).sum(1, keepdim=True) / counts[k].sum() for k in range(len(counts))],
        "maximum": [
            shapes - shapes.amin(1, keepdim=True),
            shapes - shapes.amax(1, keepdim=True),
            shapes - shapes[:, :1],
            shapes - shapes.median(1, keepdim=True).values,
        ],
        "scaled": [truth / truth.std(1, keepdim=True), truth * counts, own * shapes, own * truth],
    }


@centre.property(points=3)
def centres_and_keeps_predictions(answer, random):
    n, p = random.choice([(3, 5), (4, 3), (5, 4)])
    shapes = random.normal(n, p) + 2 * random.away_from_zero(n, 1)
    counts = torch.stack([torch.tensor([random.integer(1, 9) for _ in range(p)]).double() for _ in range(n)])
    counts[0, 0] += 7  # so that no two features need have as many rows
    intercept = random.uniform(1, low=1.0, high=2.0)[0]
    means = _shape_means(shapes, counts)
    truth = shapes - means[:, None]
    constant, found = _centred(answer(intercept, shapes, counts), (n, p))
    if not close(found, truth, EXACT):
        raise Wrong("digits") if close(found, truth) else nearest(found, _likely_shapes(shapes, counts, truth))
    if not close(constant, intercept + means.sum(), EXACT):
        likely = {
            "intercept": intercept,
            "lost": [means.sum(), means.mean()],
            "sign": [intercept - means.sum(), -means.sum()],
            "digits": intercept + means.sum(),
        }
        raise nearest(torch.tensor(constant), likely)


@centre.property(points=1)
def centres_at_the_edges(answer, random):
    shapes, counts = random.normal(3, 4), torch.tensor([[3.0, 1, 2, 5], [1, 1, 4, 2], [2, 6, 1, 3]]).double()
    gaps = counts * torch.tensor([1.0, 0, 1, 1])
    once, constant = shapes - _shape_means(shapes, counts)[:, None], random.uniform(1, low=1.0, high=2.0)[0]
    for hint, arguments in {
        "idempotent": (constant, once, counts),
        "one": (constant, random.normal(1, 4) + 3, counts[:1]),
        "empty": (constant, torch.where(gaps > 0, shapes + 3, 1e4 * shapes), gaps),
        "plain": (constant, shapes - shapes.mean(1, keepdim=True), counts),
        "number": (2, shapes + 1, counts.long()),
    }.items():
        _centre_case(hint, answer, *arguments)
    _centre_case("one", answer, constant, random.normal(3, 1) + 3, counts[:, :1])


def _centre_case(hint: str, answer, intercept, shapes: Tensor, counts: Tensor) -> None:
    means = _shape_means(shapes, counts)
    try:
        constant, found = _centred(called(hint, answer, intercept, shapes, counts), tuple(shapes.shape))
    except Wrong as wrong:
        raise Wrong(hint, seen=wrong.seen) from None
    exact = EXACT if counts.is_floating_point() else 1e-5  # whole numbers divided by whole numbers are float32
    if not close(found[counts > 0], (shapes - means[:, None])[counts > 0], exact):
        raise Wrong(hint)
    if not close(found, shapes - means[:, None], exact) or not close(constant, intercept + means.sum(), exact):
        raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------------ backfit

backfit = Exercise(
    "explainable/additive/backfit",
    hints={
        "keys": "return a dict with the keys asked for",
        "intercept": "the intercept is the mean of y",
        "kept": "you smooth y without the intercept taken out: the mean of y belongs to no feature",
        "own": "you take a feature's own part out as well: feature k is fitted to what the *others* leave",
        "marginal": "every feature is fitted to y itself: take out what the others explain",
        "stale": "all features use the parts of the sweep before: use each new part at once",
        "order": "the features should take their turns in the order 0, 1, 2, ...",
        "uncentred": "centre each part right after smoothing, before the next feature takes its turn",
        "once": "your parts stay those of one sweep: sweep as often as asked; take out *all* other parts, also later ones",
        "sweeps": "the number of sweeps is not what was asked for: one sweep visits every feature once, from parts that are 0",
        "digits": DIGITS,
        "many": "right for a few sweeps, but not for 150: do as many as asked for, without a limit and without an early stop",
        "residual": "you add to a part in place of replacing it",
        "fitted": "that is the sum of the parts: return each part, shape (b, n), without the intercept",
        "value": "in a sweep, for k = 0, 1, ...: smooth y - intercept - (sum of the other parts) with smoother k, then centre",
        "joint": "after many sweeps the sum of the parts should be the least-squares fit on all features together",
        "no_sweep": "right in general, but not for 0 sweeps",
        "one": "right in general, but not for a single feature",
        "float32": "right in float64, but float32 tensors should work as well",
    },
)


def _smoothers(random, b: int, n: int) -> tuple[Tensor, Tensor]:
    """Smoothers that keep constants: projections on a constant and one column each; and the columns."""
    columns = random.normal(b, n)
    columns[:, 1:] += 0.4 * columns[:, :1]
    ones = torch.ones(b, 1).double()
    bases = [torch.linalg.qr(torch.cat([ones, columns[:, k : k + 1]], 1)).Q for k in range(n)]
    return torch.stack([q @ q.T for q in bases]), columns


def _sweep(y: Tensor, smoothers: Tensor, sweeps: int, order=None, kept=False, own=False, stale=False, centred=True) -> Tensor:
    """Backfitting, with the usual mistakes as switches: parts `(b, n)`."""
    n = len(smoothers)
    parts, target = torch.zeros(len(y), n).to(y), y if kept else y - y.mean()
    for _ in range(sweeps):
        before = parts.clone()
        for k in order or range(n):
            known = before if stale else parts
            rest = known.sum(1) - (0 if own else known[:, k])
            smooth = smoothers[k] @ (target - rest)
            parts[:, k] = smooth - smooth.mean() if centred else smooth
    return parts


def _parts(found: object, y: Tensor, n: int) -> Tensor:
    found = as_dict(found, ("intercept", "parts"))
    parts = found["parts"]
    if isinstance(parts, Tensor) and parts.shape == y.shape and n > 1:
        raise Wrong("fitted")
    parts = as_tensor(parts, (len(y), n), "parts")
    if not close(as_number(found["intercept"], "the intercept"), y.mean(), EXACT if y.dtype == torch.float64 else 1e-5):
        raise Wrong("intercept")
    return parts


@backfit.property(points=3)
def sweeps_as_asked(answer, random):
    found = []
    for n, sweeps in ((3, 1), (4, 2), (3, 3)):
        smoothers, y = _local_averages(random, n), random.normal(9) + 3
        truth = random.recall(lambda: _sweep(y, smoothers, sweeps))  # noqa: B023
        parts = _parts(answer(y, smoothers, sweeps), y, n)
        if not close(parts, truth, EXACT):
            likely = random.recall(lambda: _likely_parts(y, smoothers, sweeps))  # noqa: B023
            found.append({"digits"} if close(parts, truth) else _fitting(parts, likely))
    if found:
        raise _named(found)


def _local_averages(random, n: int) -> Tensor:
    """Shrunken local means of 9 rows, `(n, 9, 9)`: constants do not stay what they are, and creep in."""
    places = random.normal(n, 9, 1)
    return (-2 * (places - places.mT).square()).softmax(2) * random.uniform(n, 9, 1, low=0.5, high=0.9)


def _likely_parts(y: Tensor, smoothers: Tensor, sweeps: int) -> dict:
    late = _sweep(y, smoothers, sweeps, centred=False)
    return {
        "kept": [_sweep(y, smoothers, sweeps, kept=True)],
        "own": [_sweep(y, smoothers, sweeps, own=True)],
        "marginal": [_sweep(y, smoothers, 1, stale=True)],
        "stale": [_sweep(y, smoothers, sweeps, stale=True)],
        "order": [_sweep(y, smoothers, sweeps, order=range(len(smoothers))[::-1])],
        "uncentred": [late, _sweep(y, smoothers, sweeps, kept=True, centred=False), late - late.mean(0)],
        "once": [_sweep(y, smoothers, 1)] if sweeps > 1 else [],
        "sweeps": [_sweep(y, smoothers, other) for other in (sweeps - 1, sweeps + 1, 1, 2, 10, 100)],
    }


def _fitting(parts: Tensor, likely: dict) -> set[str]:
    return {hint for hint, others in likely.items() if any(close(parts, other) for other in others)}


def _named(found: list[set[str]]) -> Wrong:
    """The first mistake that fits all wrong instances, if they are more than one."""
    common = set.intersection(*found) if len(found) > 1 else set()
    return Wrong(next((hint for hint in backfit.hints if hint in common), "value"))


def _two_lines(random, sweeps: int) -> tuple[Tensor, Tensor, Tensor]:
    """y, the smoothers of two straight lines that are hard to tell apart, and the parts: recurrences of two numbers."""
    u, v, y = random.normal(8), random.normal(8), random.normal(8) + 2
    u = (u - u.mean()) / (u - u.mean()).norm()
    v = v - v.mean() - (v @ u) * u
    r = 0.94
    v = r * u + (1 - r**2) ** 0.5 * v / v.norm()
    a = b = torch.zeros(()).double()
    for _ in range(sweeps):
        a = u @ y - r * b
        b = v @ y - r * a
    flat = torch.full((8, 8), 1 / 8).double()
    return y, torch.stack([flat + u[:, None] * u, flat + v[:, None] * v]), torch.stack([a * u, b * v], 1)


def _joint_cases(random) -> list[tuple[str, tuple, Tensor]]:
    """Hint, arguments and parts; the first reaches the joint fit."""
    smoothers, columns = _smoothers(random, 12, 3)
    y = random.normal(12) + 2
    design = columns - columns.mean(0)
    truth = design * torch.linalg.lstsq(design, (y - y.mean())[:, None]).solution[:, 0]
    single, few = _local_averages(random, 1), (y.float(), smoothers.float(), 2)
    slow, lines, settled = _two_lines(random, 150)
    return [
        ("joint", (y, smoothers, 40), truth),
        ("no_sweep", (y, smoothers, 0), torch.zeros(12, 3)),
        ("one", (y[:9], single, 2), _sweep(y[:9], single, 2)),
        ("many", (slow, lines, 150), settled),
        ("float32", few, _sweep(*few).double()),
    ]


@backfit.property(points=1)
def reaches_the_joint_fit(answer, random):
    (_, (y, smoothers, sweeps), truth), *edges = random.once(_joint_cases)
    if not close(_parts(answer(y, smoothers, sweeps), y, 3), truth, 1e-4):
        raise Wrong("joint")
    for hint, arguments, truth in edges:
        _parts_case(hint, answer, arguments, truth)


def _parts_case(hint: str, answer, arguments: tuple, truth: Tensor) -> None:
    try:
        parts = _parts(called(hint, answer, *arguments), arguments[0], len(arguments[1]))
    except Wrong as wrong:
        raise Wrong(hint, seen=wrong.seen) from None
    if not close(parts, truth, 1e-4 if arguments[0].dtype == torch.float32 else EXACT):
        raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------------- purify

purify = Exercise(
    "explainable/additive/purify",
    hints={
        "keys": "return a dict with the keys asked for",
        "total": "the totals of the cells have changed: what leaves the pair must arrive in a main effect or the intercept",
        "unweighted": "you take plain means: a cell counts as often as there are rows in it",
        "once": "one round is not enough: moving the columns' means gives the rows new means; repeat until nothing moves",
        "marginal": "double centring with the counts of rows and columns is right only if the counts are a product",
        "grand": "you divide by the number of all rows of data: a row of the table has its own mean, over its own counts",
        "untouched": "the pair still has means that belong to the main effects",
        "centred": "the pair is pure, but the weighted means of the main effects belong to the intercept",
        "value": "move the weighted mean of every row into main1 and of every column into main2, until all are 0",
        "square": "right in general, but not for tables with as many rows as columns, or with a single one",
        "empty": "right in general, but not when some cells hold no data",
        "pure": "right in general, but effects that are pure already should stay",
        "slow": "right in general, but some tables take hundreds of rounds: go on until the moves are next to nothing",
        "digits": "nearly right: go on until the moves are far below 1e-8, in float64, and round nothing",
        "plain": "right in general, but not for a pair whose plain means, or whose row means alone, happen to be 0",
        "float32": "right in float64, but float32 tensors, or whole-number counts, should work as well",
    },
)
PARTS = ("intercept", "main1", "main2", "pair")
SETTLED = 1e-8  # the precision that the prompt asks for


def _pure_pair(pair: Tensor, counts: Tensor) -> Tensor:
    """What a weighted regression on row and column indicators leaves of the pair: another way than moving means."""
    p, q = pair.shape
    rows, columns = torch.eye(p).double().repeat_interleave(q, 0), torch.eye(q).double().repeat(p, 1)
    design, root = torch.cat([rows, columns], 1), counts.double().flatten().sqrt()[:, None]
    fit = torch.linalg.lstsq(root * design, root * pair.double().reshape(-1, 1), driver="gelsd").solution
    return pair.double() - (design @ fit).reshape(p, q)


def _pure(main1: Tensor, main2: Tensor, pair: Tensor, counts: Tensor) -> dict[str, Tensor]:
    """All four parts, found from the pure pair: the rest is additive, so its means determine the mains."""
    pure_pair = _pure_pair(pair, counts)
    left = main1.double()[:, None] + main2.double()[None] + pair.double() - pure_pair
    rows, columns = left[:, 0] - left[0, 0], left[0]
    counts = counts.double()
    mean1 = (counts.sum(1) * rows).sum() / counts.sum()
    mean2 = (counts.sum(0) * columns).sum() / counts.sum()
    pure = {"intercept": mean1 + mean2, "main1": rows - mean1, "main2": columns - mean2}
    return pure | {"pair": pure_pair}


def _purified(found: object, p: int, q: int) -> dict[str, Tensor]:
    found = as_dict(found, PARTS)
    shapes = {"main1": (p,), "main2": (q,), "pair": (p, q)}
    parts = {name: as_tensor(found[name], shape, name) for name, shape in shapes.items()}
    return parts | {"intercept": torch.tensor(as_number(found["intercept"], "the intercept"), dtype=torch.float64)}


def _total(parts: dict[str, Tensor]) -> Tensor:
    return parts["intercept"] + parts["main1"][:, None] + parts["main2"][None, :] + parts["pair"]


def _likely_pairs(pair: Tensor, counts: Tensor) -> dict:
    rows, columns, every = counts.sum(1), counts.sum(0), counts.sum()
    by_rows = pair - ((counts * pair).sum(1) / rows)[:, None]
    by_columns = pair - (counts * pair).sum(0) / columns
    then = [
        by_rows - (counts * by_rows).sum(0) / columns,
        by_columns - ((counts * by_columns).sum(1) / rows)[:, None],
    ]
    outer = rows[:, None] * columns / every
    own = [(counts * pair).sum(1, keepdim=True) / rows[:, None], (counts * pair).sum(0) / columns]
    grand = (counts * pair).sum() / every
    return {
        "untouched": [pair, pair - grand, pair - pair.mean(), by_rows, by_columns],
        "unweighted": [_pure_pair(pair, torch.ones_like(pair))],
        "once": then,
        "marginal": [_pure_pair(pair, outer), pair - own[0] - own[1] + grand, pair - own[0] - own[1]],
        "grand": [
            pair - (counts * pair).sum(1, keepdim=True) / every - (counts * pair).sum(0) / every,
            pair - (counts * pair).mean(1, keepdim=True) - (counts * pair).mean(0),
        ],
    }


@purify.property(points=3)
def is_pure_and_keeps_totals(answer, random):
    p, q = random.choice([(3, 4), (4, 3), (2, 4)])
    main1, main2, pair = random.normal(p) + 1, random.normal(q) + 2, random.normal(p, q) + random.away_from_zero(1)
    counts = torch.tensor([[random.integer(1, 9) for _ in range(q)] for _ in range(p)]).double()
    counts[0, 0], counts[1, 1] = 20.0, 15.0  # far from a product
    truth = _pure(main1, main2, pair, counts)
    found = _purified(answer(main1, main2, pair, counts), p, q)
    if not close(found["pair"], truth["pair"], SETTLED):
        raise nearest(found["pair"], {"digits": truth["pair"]} | _likely_pairs(pair, counts), tolerance=1e-3)
    if not close(_total(found), main1[:, None] + main2 + pair, SETTLED):
        raise Wrong("total")
    if not all(close(found[name], truth[name], SETTLED) for name in PARTS):
        raise Wrong("centred")


@purify.property(points=1)
def is_pure_at_the_edges(answer, random):
    counts = torch.tensor([[6.0, 1, 3], [2, 5, 1], [1, 2, 7]]).double()
    mains, pair = (random.normal(3) + 1, random.normal(3) - 2), random.normal(3, 3) + 1
    gaps = torch.tensor([[6.0, 2, 0], [3, 0, 4], [0, 5, 3]]).double()
    slow = torch.ones(4, 4).double() + 50 * torch.eye(4)
    large = torch.where(gaps > 0, pair, 1e4 * pair)
    level = pair - pair.mean(0) - pair.mean(1, keepdim=True) + pair.mean()
    pure = _pure(*mains, pair, counts)
    for hint, arguments in (
        ("square", (*mains, pair, counts)),
        ("square", (random.normal(1), random.normal(4), random.normal(1, 4) + 1, counts.flatten()[None, :4])),
        ("square", (random.normal(4), random.normal(1), random.normal(4, 1) + 1, counts.flatten()[:4, None])),
        ("slow", (random.normal(4), random.normal(4), random.normal(4, 4) + 1, slow)),
        ("empty", (*mains, large, gaps)),
        ("plain", (*mains, level, counts)),
        ("plain", (*mains, pair - (counts * pair).sum(1, keepdim=True) / counts.sum(1, keepdim=True), counts)),
        ("pure", (pure["main1"], pure["main2"], pure["pair"], counts)),
        ("float32", (*(part.float() for part in (*mains, pair)), counts.long())),
    ):
        _pure_case(hint, answer, *arguments)


def _pure_case(hint: str, answer, main1: Tensor, main2: Tensor, pair: Tensor, counts: Tensor) -> None:
    truth = _pure(main1, main2, pair, counts)
    try:
        found = _purified(called(hint, answer, main1, main2, pair, counts), *pair.shape)
    except Wrong as wrong:
        raise Wrong(hint, seen=wrong.seen) from None
    tolerance = SETTLED if pair.dtype == torch.float64 else 1e-3
    if not all(close(found[name], truth[name], tolerance) for name in PARTS):
        raise Wrong(hint)


# -------------------------------------------------------------------------------------------------- Shapley of a pair

shapley_of_a_pair = Exercise(
    "explainable/additive/shapley_of_a_pair",
    hints={
        "mains": "the features without a pair are wrong: a shape at the row, minus its mean over the background",
        "uncentred": "the features without a pair are wrong: subtract the mean of the shape over the background",
        "bins": "the features without a pair are wrong: the mean is over the rows of the background, not over the bins",
        "dropped": "the pair effect is missing",
        "half": "half of the pair effect is right only if it is pure; here its means over the background count too",
        "half_centred": "you halve the pair effect minus its mean: the halves differ when one feature alone shifts that mean",
        "one_takes_all": "one feature gets all of the pair effect: both take part in it",
        "add_one": "that is what a feature adds when it comes first: average with what it adds when it comes second",
        "drop_one": "that is what a feature adds when it comes second: average with what it adds when it comes first",
        "independent": "you let the two features of the background come from different rows: a row keeps its values together",
        "swapped": "the two features of the pair have been exchanged",
        "value": "for the pair think of a game of two players: four values, and each player's mean over two orders",
        "single": "right in general, but not for a background of one row, or for two features",
        "same": "right in general, but a row that equals the whole background has values of 0",
        "float32": "right in float64, but float32 tables should work as well",
        "digits": DIGITS,
        "many": "right for few features, but visiting all coalitions takes too long or too much room for 40 of them",
    },
)


def _binned(random, n: int, p: int, r: int):
    return random.normal(n, p), random.normal(p, p) + 1, _bins(random, p, n), _bins(random, p, r, n)


def _bins(random, p: int, *shape: int) -> Tensor:
    return torch.randint(0, p, shape, generator=random.generator)


def _by_definition(shapes: Tensor, pair: Tensor, row: Tensor, background: Tensor) -> Tensor:
    """Exact Shapley values of the marginal game: all coalitions, no formula for pairs."""
    features = torch.arange(len(shapes))

    def model(x: Tensor) -> Tensor:
        bins = x.round().long()
        return shapes[features, bins].sum(1) + pair[bins[:, 0], bins[:, 1]]

    return shapley(feature_game(model, row.double(), background.double())).scores


def _likely_values(shapes: Tensor, pair: Tensor, row: Tensor, background: Tensor) -> dict:
    features = torch.arange(len(shapes))
    mains = shapes[features, row] - shapes[features, background].mean(0)
    both, none = pair[row[0], row[1]], pair[background[:, 0], background[:, 1]].mean()
    first, second = pair[row[0], background[:, 1]].mean(), pair[background[:, 0], row[1]].mean()
    apart = pair[background[:, 0]][:, background[:, 1]].mean()

    def give(to_first, to_second) -> Tensor:
        values = mains.clone()
        values[0] += to_first
        values[1] += to_second
        return values

    true = ((first - none + both - second) / 2, (second - none + both - first) / 2)
    return {
        "dropped": mains,
        "half": give(both / 2, both / 2),
        "half_centred": [give((both - none) / 2, (both - none) / 2), give((both - apart) / 2, (both - apart) / 2)],
        "one_takes_all": [give(both - none, 0), give(0, both - none), give(both, 0), give(both - none, both - none)],
        "add_one": give(first - none, second - none),
        "drop_one": give(both - second, both - first),
        "independent": give((first - apart + both - second) / 2, (second - apart + both - first) / 2),
        "swapped": give(true[1], true[0]),
    }


def _explain(found: Tensor, truth: Tensor, arguments: tuple) -> Wrong:
    shapes, _, row, background = arguments
    features = torch.arange(len(shapes))
    if not close(found[2:], truth[2:]):
        likely = {
            "uncentred": shapes[features, row][2:],
            "bins": (shapes[features, row] - shapes.mean(1))[2:],
        }
        return nearest(found[2:], likely, "mains")
    return nearest(found, _likely_values(*arguments))


def _binned_case(random, n: int, p: int, r: int) -> tuple[tuple, Tensor]:
    """Arguments and values; exchanging the two features is seen."""
    truth = torch.zeros(n)
    while (truth[:2] - truth[:2].flip(0)).abs().max() < 0.1:
        arguments = _binned(random, n, p, r)
        truth = _by_definition(*arguments)
    return arguments, truth


@shapley_of_a_pair.property(points=3)
def is_the_shapley_value(answer, random):
    for n, p, r in ((4, 3, 5), (3, 4, 7)):
        arguments, truth = random.once(_binned_case, n, p, r)
        found = as_tensor(answer(*arguments), (n,))
        if not close(found, truth, EXACT):
            raise Wrong("digits") if close(found, truth) else _explain(found, truth, arguments)


def _edges_of_pairs(random) -> list[tuple[str, tuple, Tensor]]:
    """Hint, arguments and values."""
    shapes, pair, row, background = _binned(random, 4, 3, 6)
    cases = (
        ("single", (shapes, pair, row, background[:1])),
        ("single", (shapes[:2], pair, row[:2], background[:, :2])),
        ("same", (shapes, pair, row, row[None].expand(3, -1).contiguous())),
        ("float32", (shapes.float(), pair.float(), row, background)),
    )
    return [(hint, arguments, _by_definition(*arguments)) for hint, arguments in cases]


@shapley_of_a_pair.property(points=1)
def is_right_at_the_edges(answer, random):
    for hint, arguments, truth in random.once(_edges_of_pairs):
        try:
            found = as_tensor(called(hint, answer, *arguments), tuple(truth.shape))
        except Wrong as wrong:
            raise Wrong(hint, seen=wrong.seen) from None
        if not close(found, truth, EXACT if arguments[0].dtype == torch.float64 else 1e-4):
            raise Wrong(hint)
    _many_features(answer, random)


def _many_binned(random, n: int) -> tuple[tuple, Tensor]:
    shapes, pair, row, background = _binned(random, n, 3, 3)
    truth = shapes[torch.arange(n), row] - torch.stack([shapes[torch.arange(n), b] for b in background]).mean(0)
    truth[:2] = _by_definition(shapes[:2], pair, row[:2], background[:, :2])
    return (shapes, pair, row, background), truth


def _many_features(answer, random) -> None:
    """Few features first: who visits all coalitions is stopped by the time it takes, before 40 features take for ever."""
    for n in (14, 18, 40):
        (shapes, pair, row, background), truth = random.once(_many_binned, n)
        start = time.process_time()
        found = called("many", answer, shapes, pair, row, background)
        if time.process_time() - start > 0.2 or not close(as_tensor(found, (n,)), truth, EXACT):
            raise Wrong("many")
