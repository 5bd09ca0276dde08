"""Checks for exercises/attribution/sanity_checks.ipynb."""

import torch
from torch import Tensor

from course_lib.attribution.features import feature_game
from course_lib.checks import Exercise, Wrong, as_tensor, called, close
from course_lib.checks.answers import AnswerError
from course_lib.games import integrated_gradients
from course_lib.models import MLP

# ------------------------------------------------------------------------------------------------- shuffle from top

shuffle_from_top = Exercise(
    "attribution/sanity_checks/shuffle_from_top",
    hints={
        "networks": "return a list of networks (copies of the model), one for each linear layer",
        "number": "return one network for each linear layer: no copy of the untouched model, none for activations",
        "values": "a shuffled tensor must hold the very same values as before, in other places: draw no new ones",
        "bottom": "you begin at the input: the first network has only the last linear layer shuffled",
        "single": "you put layers back: in network k the k top layers are shuffled together",
        "below": "the layers below the k top ones must be exactly as in the model",
        "top": "in network k all of the k top layers must be shuffled",
        "bias": "shuffle the entries of the biases too",
        "rows": "you shuffle within rows only: entries may move to any place of their weight matrix",
        "units": "you move whole rows or columns: every entry moves by itself",
        "few": "many entries stay where they were: draw a random order of all entries of a tensor",
        "again": "you shuffle a layer again at each step: what has been shuffled stays as it is in later networks",
        "seed": "the same seed must give the same networks",
        "ignored": "another seed must give other networks",
        "alike": "two tensors of one size are shuffled alike: make the generator once, and draw each order anew",
        "stuck": "some entry never moves, whatever the seed: draw a random order of all entries",
        "one": "right for deep networks, but not with a single linear layer or a single output",
        "kind": "the copies must keep the dtype of the model",
    },
)


def _trained(random, *widths: int) -> MLP:
    """A network with biases that are not zero, as training leaves them; all its values differ."""
    model = MLP(list(widths), random.choice(["relu", "tanh"]), random.seed()).double().requires_grad_(False)
    for parameter in model.parameters():
        parameter.add_(0.1 * random.normal(*parameter.shape))
    return model


def _linear(model: MLP) -> list:
    """Its linear layers from the top down."""
    return [layer for layer in reversed(model.layers) if isinstance(layer, torch.nn.Linear)]


def _cascade(hint: str, answer, model: MLP, seed: int) -> list[list]:
    """The linear layers of each returned network, from the top down; anything that is no such list has a hint."""
    copies = called(hint, answer, model, seed) if hint else answer(model, seed)
    if copies is None:
        raise Wrong("none")
    same = [str(layer) for layer in model.layers]
    if not isinstance(copies, list | tuple) or not all(isinstance(copy, MLP) for copy in copies):
        raise Wrong("networks")
    if len(copies) != len(_linear(model)):
        raise Wrong(hint or "number")
    if any([str(layer) for layer in copy.layers] != same for copy in copies):
        raise Wrong("values")
    return [_linear(copy) for copy in copies]


def _same(a: Tensor, b: Tensor) -> bool:
    return bool(torch.equal(a.detach().double(), b.detach().double()))


@shuffle_from_top.property(points=2)
def shuffles_more_and_more_from_the_top(answer, random):
    depth = random.integer(2, 3)
    widths = [random.integer(12, 15) for _ in range(depth + 1)]
    model = _trained(random, *widths)
    before, cascade = _linear(model), _cascade("", answer, model, random.seed())
    for layers in cascade:
        for layer, old in zip(layers, before, strict=True):
            for new, value in ((layer.weight, old.weight), (layer.bias, old.bias)):
                if new.shape != value.shape or not _same(new.flatten().sort().values, value.flatten().sort().values):
                    raise Wrong("values")
    moved = [[not _same(layer.weight, old.weight) for layer, old in zip(layers, before, strict=True)] for layers in cascade]
    _moved_from_the_top(moved)
    for layer, old in zip(cascade[-1], before, strict=True):
        _freely_shuffled(layer.weight.detach(), old.weight)
    for read in ("weight", "bias"):
        still = _still([(getattr(new, read), getattr(old, read)) for new, old in zip(cascade[-1], before, strict=True)])
        if still > 0.4:
            raise Wrong("bias" if still == 1 else "few")
    for k, layers in enumerate(cascade):
        for i, (layer, old) in enumerate(zip(layers, before, strict=True)):
            if (i <= k) == _same(layer.bias, old.bias):
                raise Wrong("bias" if i <= k else "below")
            if i < k and not (_same(layer.weight, cascade[k - 1][i].weight) and _same(layer.bias, cascade[k - 1][i].bias)):
                raise Wrong("again")


def _moved_from_the_top(moved: list[list[bool]]) -> None:
    """Row k says which layers, from the top down, differ from the model in network k."""
    n = len(moved)
    likely = {
        "bottom": [[i >= n - 1 - k for i in range(n)] for k in range(n)],
        "single": [[i == k for i in range(n)] for k in range(n)],
    }
    if moved != [[i <= k for i in range(n)] for k in range(n)]:
        for hint, other in likely.items():
            if moved == other:
                raise Wrong(hint)
        below = any(moved[k][i] for k in range(n) for i in range(k + 1, n))
        raise Wrong("below" if below else "top")


def _freely_shuffled(new: Tensor, old: Tensor) -> None:
    for a, b in ((new, old), (new.T, old.T)):
        rows, others = a.sort(1).values, b.sort(1).values
        if _same(rows, others):
            raise Wrong("rows")
        if _same(rows[rows[:, 0].argsort()], others[others[:, 0].argsort()]):
            raise Wrong("units")


@shuffle_from_top.property(points=1)
def draws_each_order_from_the_seed(answer, random):
    n = random.integer(12, 14)
    model, seed = _trained(random, n, n, n), random.seed()
    first, second, other = (_cascade("seed", answer, model, s)[-1] for s in (seed, seed, seed + 1))
    more = [_cascade("seed", answer, model, seed + k)[-1] for k in range(2, 6)]
    if not all(_same(a.weight, b.weight) and _same(a.bias, b.bias) for a, b in zip(first, second, strict=True)):
        raise Wrong("seed")
    if any(_same(a.weight, b.weight) or _same(a.bias, b.bias) for a, b in zip(first, other, strict=True)):
        raise Wrong("ignored")
    for read in (lambda layer: layer.weight, lambda layer: layer.bias):
        orders = [_order(read(layer), read(old)) for layer, old in zip(first, _linear(model), strict=True)]
        if any(torch.equal(a, b) for i, a in enumerate(orders) for b in orders[:i]):
            raise Wrong("alike")
    for read in (lambda layer: layer.weight, lambda layer: layer.bias):
        old = [read(layer) for layer in _linear(model)]
        new = [[read(layer) for layer in layers] for layers in (first, other, *more)]
        if any(torch.stack([copy[i] == old[i] for copy in new]).all(0).any() for i in range(len(old))):
            raise Wrong("stuck")
    model = _trained(random, 1, n, 1)  # two weights and a bias of one size
    layers = list(zip(_cascade("one", answer, model, seed)[-1], _linear(model), strict=True))
    orders = [_order(new.weight, old.weight) for new, old in layers] + [_order(layers[-1][0].bias, layers[-1][1].bias)]
    if any(torch.equal(a, b) for i, a in enumerate(orders) for b in orders[:i]):
        raise Wrong("alike")


def _still(tensors: list[tuple[Tensor, Tensor]]) -> float:
    """Share of entries that stand where they stood: near 1 / size for a random order."""
    return sum(float((new == old).sum()) for new, old in tensors) / sum(old.numel() for _, old in tensors)


def _order(new: Tensor, old: Tensor) -> Tensor:
    """Where each entry of the shuffled tensor stood before."""
    old = old.flatten().argsort()
    return old[new.detach().flatten().argsort().argsort()]


@shuffle_from_top.property(points=1)
def takes_any_network(answer, random):
    n, m = random.integer(12, 14), random.integer(12, 14)
    for widths in ((n, m), (m, n, 1)):
        model = _trained(random, *widths)
        before, cascade = _linear(model), _cascade("one", answer, model, random.seed())
        for k, layers in enumerate(cascade):
            for i, (layer, old) in enumerate(zip(layers, before, strict=True)):
                kept = _same(layer.weight.flatten().sort().values, old.weight.flatten().sort().values)
                if not kept or (i <= k) == _same(layer.weight, old.weight) or not _same(
                    layer.bias.sort().values, old.bias.sort().values
                ):
                    raise Wrong("one")
    model = _trained(random, n, m).float()
    if any(layer.weight.dtype != torch.float32 for layers in _cascade("kind", answer, model, 0) for layer in layers):
        raise Wrong("kind")


# ------------------------------------------------------------------------------------------- agreement beyond input

partial_agreement = Exercise(
    "attribution/sanity_checks/partial_agreement",
    hints={
        "plain": "you return the plain rank correlation: take out what the ranks of the image explain, from both maps",
        "half": "you take the image out of one map only: take it out of both",
        "numerator": "subtracting the product is half of the formula: divide by what is left of both maps",
        "squares": "look at the denominator: it is the square root of a product",
        "values": "you correlate values: turn all three into ranks first",
        "ties": "equal values share the mean of their ranks: many pixels of an image are equal",
        "pooled": "you treat all images as one: rank and correlate the pixels of each image by themselves",
        "absolute": "you drop the signs of the maps: use them as they are",
        "square": "you square or drop the sign of the result: two maps may disagree",
        "ink": "you leave out the blank pixels: all pixels count, the image is taken out of the ranks",
        "value": "partial rank correlation: correlate what is left of the two maps' ranks after the image's ranks",
        "nothing": "if the image's ranks explain all of a map, nothing is left of it: return 0 for that image",
        "nearly": "if the image's ranks explain nearly all of a map, what is left still counts: only rounding is nothing",
        "constant": "a constant map has no ranking: return 0; a constant image explains nothing: nothing to take out",
        "one": "right for several images, but not for a single one: the result has one entry, shape (1,)",
    },
)


def _ranks(values: Tensor) -> Tensor:
    """Ranks of a vector, ties sharing their mean: by counting."""
    below, equal = values[:, None] > values, values[:, None] == values
    return below.double().sum(1) + (equal.double().sum(1) + 1) / 2


def _correlation(a: Tensor, b: Tensor) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = (a.square().sum() * b.square().sum()).sqrt()
    return float((a * b).sum() / size) if size > 0 else 0.0


def _partial(a: Tensor, b: Tensor, z: Tensor, rank=_ranks) -> float:
    a, b, z = rank(a), rank(b), rank(z)
    ab, az, bz = _correlation(a, b), _correlation(a, z), _correlation(b, z)
    left = (1 - az**2) * (1 - bz**2)
    return (ab - az * bz) / left**0.5 if left > 1e-9 else 0.0


def _maps(random, n: int, sign: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Maps of images with blank pixels; both depend on the ink and have ties; beyond it they agree, or not (sign -1)."""
    shape = (n, random.integer(4, 6), random.integer(4, 6))
    images = (random.normal(*shape).clamp(min=0) * 4).round() / 4
    shared = random.normal(*shape)
    a = images * (1 + random.uniform(*shape)) + 0.4 * shared - 0.4
    b = images * (1 + random.uniform(*shape)) + sign * 0.4 * shared - 0.4
    return (a * 8).round() / 8, (b * 8).round() / 8, images


def _each(function, a: Tensor, b: Tensor, images: Tensor) -> Tensor:
    rows = zip(a.flatten(1), b.flatten(1), images.flatten(1), strict=True)
    return torch.tensor([function(*row) for row in rows], dtype=torch.float64)


def _ordinal(values: Tensor) -> Tensor:
    return values.argsort(stable=True).argsort().double()


def _likely_agreements(a: Tensor, b: Tensor, images: Tensor) -> dict[str, Tensor]:
    """Results that come of likely mistakes."""

    def three(u, v, z):
        u, v, z = _ranks(u), _ranks(v), _ranks(z)
        return _correlation(u, v), _correlation(u, z), _correlation(v, z)

    def of(formula):
        return _each(lambda u, v, z: formula(*three(u, v, z)), a, b, images)

    def within(u, v, z):
        return _correlation(_ranks(u[z > 0]), _ranks(v[z > 0]))

    truth = _each(_partial, a, b, images)
    pooled = _partial(a.flatten(), b.flatten(), images.flatten())
    return {
        "plain": of(lambda ab, az, bz: ab),
        "half": [of(lambda ab, az, bz, k=k: (ab - az * bz) / (1 - (az, bz)[k] ** 2) ** 0.5) for k in (0, 1)],
        "numerator": of(lambda ab, az, bz: ab - az * bz),
        "squares": of(lambda ab, az, bz: (ab - az * bz) / ((1 - az**2) * (1 - bz**2))),
        "values": _each(lambda u, v, z: _partial(u, v, z, rank=lambda w: w), a, b, images),
        "ties": _each(lambda u, v, z: _partial(u, v, z, rank=_ordinal), a, b, images),
        "pooled": torch.full((len(a),), pooled, dtype=torch.float64),
        "absolute": _each(_partial, a.abs(), b.abs(), images),
        "square": [truth.abs(), truth.square()],
        "ink": _each(within, a, b, images),
    }


@partial_agreement.property(points=2)
def takes_the_image_out_of_both_maps(answer, random):
    for sign in (-1.0, 1.0):
        n = random.integer(2, 4)
        a, b, images = _maps(random, n, sign)
        found = as_tensor(answer(a, b, images), (n,))
        truth = _each(_partial, a, b, images)
        if close(found, truth):
            continue
        for hint, others in _likely_agreements(a, b, images).items():
            if any(close(found, other) for other in (others if isinstance(others, list) else [others])):
                raise Wrong(hint)
        raise Wrong("value")


def _nearly_explained(random) -> tuple[Tensor, Tensor, Tensor]:
    """A map whose ranks are those of the image but for five swaps of neighbours, so that they correlate at 0.996."""
    while True:
        image, ranks = torch.tensor(random.order(25)).double(), torch.arange(25).double()
        for k in random.order(12)[:5]:
            ranks[[2 * k, 2 * k + 1]] = ranks[[2 * k + 1, 2 * k]]
        near, other = ranks[image.long()], random.normal(25)
        if abs(_partial(near, other, image)) > 0.1:
            a, b = torch.stack([near, other]), torch.stack([other, -near])
            return a.reshape(2, 5, 5), b.reshape(2, 5, 5), torch.stack([image, image]).reshape(2, 5, 5)


@partial_agreement.property(points=2)
def returns_zero_where_nothing_is_left(answer, random):
    a, b, images = _maps(random, 1)
    single = called("one", answer, a, b, images)
    if getattr(single, "shape", None) != (1,) or not close(as_tensor(single, (1,)), _each(_partial, a, b, images)):
        raise Wrong("one")
    case = _nearly_explained(random)
    if not close(as_tensor(called("nearly", answer, *case), (2,)), _each(_partial, *case), 1e-4):
        raise Wrong("nearly")
    a, b, images = _maps(random, 4)
    for hint, change in (
        ("nothing", lambda: (torch.stack([images[0] ** 2, *a[1:]]), torch.stack([b[0], -images[1].exp(), *b[2:]]), images)),
        ("nothing", lambda: (images * 3, images + 1, images)),
        ("constant", lambda: (torch.stack([a[0], 0 * a[1] + 2, *a[2:]]), b, images)),
        ("constant", lambda: (a, b, torch.stack([0 * images[0], *images[1:]]))),
    ):
        case = change()
        found = called(hint, answer, *case)
        if isinstance(found, Tensor) and not torch.isfinite(found).all():
            raise Wrong(hint)
        if not close(as_tensor(found, (4,)), _each(_partial, *case)):
            raise Wrong(hint)


# -------------------------------------------------------------------------------------------------- design a model

design_model = Exercise(
    "attribution/sanity_checks/design_model",
    hints={
        "pair": "return a pair `(a, b)` of tensors with one entry for each feature",
        "slope": "the slopes at x are not those asked for: at z = x the derivative of b (z - x)^2 vanishes",
        "sign": "your scores have the opposite sign: a score is the value at x, here 0, minus the mean over the background",
        "linear": "the linear term contributes to the score as well: the background's mean need not be x",
        "square": "you use the square of the mean distance: the quadratic term needs the mean of the squares",
        "spread": "distances are measured from x, not from the mean of the background",
        "first": "use all rows of the background, not one of them",
        "shift": "the formula is in z - x: measure the distances of the background from x",
        "scores": "the slopes are right, the scores are not: write down the value at x minus the mean over the background",
        "row": "right for several background rows, but not for a single one",
        "broad": "you refuse or miss a wish that can be had: one background row that differs from x is enough, however little",
        "impossible": "where the background always equals x the score is 0 whatever the model: raise a ValueError for another",
        "possible": "if the background always equals x in a feature and its score should be 0, any finite b will do",
        "zero": "also when scores or slopes of 0 are asked for",
    },
)


def _read_pair(hint: str, answer, *args) -> tuple[Tensor, Tensor]:
    pair = called(hint, answer, *args) if hint else answer(*args)
    if pair is None:
        raise Wrong("none")
    if isinstance(pair, Tensor) and pair.dim() == 2 and len(pair) == 2:
        pair = tuple(pair)
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise Wrong("pair")
    if hint and any(isinstance(part, Tensor) and not torch.isfinite(part).all() for part in pair):
        raise Wrong(hint)
    return tuple(as_tensor(part, args[0].shape, "each part of your pair") for part in pair)


def _readings(a: Tensor, b: Tensor, x: Tensor, background: Tensor) -> tuple[Tensor, Tensor]:
    """Integrated gradients averaged over the background, and the gradient at x, of sum a (z - x) + b (z - x)^2."""

    def model(z: Tensor) -> Tensor:
        return (a * (z - x) + b * (z - x) ** 2).sum(1)

    point = x.clone()[None].requires_grad_(True)
    slopes = torch.autograd.grad(model(point).sum(), point)[0][0]
    return integrated_gradients(feature_game(model, x, background), steps=2).scores, slopes


def _wish(random, rows: int | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, background, scores and slopes; the background lies to one side of x in most features."""
    d, r = random.integer(2, 5), rows or random.integer(3, 6)
    x = random.away_from_zero(d)
    background = x + random.away_from_zero(d) + 0.6 * random.normal(r, d)
    return x, background, random.away_from_zero(d), random.away_from_zero(d)


@design_model.property(points=3)
def has_these_scores_and_these_slopes(answer, random):
    for _ in range(2):
        x, background, scores, slopes = _wish(random)
        a, b = _read_pair("", answer, x, background, scores, slopes)
        found, at_x = _readings(a, b, x, background)
        if not close(at_x, slopes):
            raise Wrong("slope")
        if not close(found, scores, 1e-4):
            raise _why(b, x, background, scores, slopes)


def _why(b: Tensor, x: Tensor, background: Tensor, scores: Tensor, slopes: Tensor) -> Wrong:
    """The likely mistake that gives this b."""
    away = background - x
    first, second = away.mean(0), away.square().mean(0)
    likely = {
        "sign": [(scores - slopes * first) / second, (scores + slopes * first) / second],
        "linear": [-scores / second, scores / second],
        "square": [-(scores + slopes * first) / first.square()],
        "spread": [-(scores + slopes * first) / background.var(0, unbiased=k) for k in (True, False)],
        "first": [-(scores + slopes * row) / row.square() for row in away],
        "shift": [-(scores + slopes * background.mean(0)) / background.square().mean(0)],
    }
    for hint, others in likely.items():
        if any(close(b, other, 1e-4) for other in others):
            return Wrong(hint)
    return Wrong("scores")


def _solvable(random, r: int, step: Tensor) -> list[Tensor]:
    """Distances of a feature's background from x with which every wish can be had, though they look suspicious."""
    some = random.away_from_zero(r)
    some[random.order(r)[: r - 1]] = 0.0
    balanced = torch.zeros(r).double()
    balanced[0], balanced[-1] = step[0], -step[0]
    return [some, balanced, 0.7 * step.expand(r), 0.01 * random.away_from_zero(r)]


@design_model.property(points=1)
def knows_what_cannot_be_had(answer, random):
    x, background, scores, slopes = _wish(random, rows=1)
    found, _ = _readings(*_read_pair("row", answer, x, background, scores, slopes), x, background)
    if not close(found, scores, 1e-4):
        raise Wrong("row")
    for nought in ((0 * scores, slopes), (scores, 0 * slopes), (-scores, -slopes)):
        x, background = _wish(random)[0][:1].expand(len(scores)).clone(), None
        background = x + random.away_from_zero(len(scores)) + 0.3 * random.normal(4, len(scores))
        found, at_x = _readings(*_read_pair("zero", answer, x, background, *nought), x, background)
        if not (close(found, nought[0], 1e-4) and close(at_x, nought[1])):
            raise Wrong("zero")
    x, background, scores, slopes = _wish(random)
    j = random.integer(0, len(x) - 1)
    step = 2 * random.gates(1) - 1
    for offsets in _solvable(random, len(background), step):
        background[:, j] = x[j] + offsets
        found, at_x = _readings(*_read_pair("broad", answer, x, background, scores, slopes), x, background)
        if not (close(found, scores, 1e-4) and close(at_x, slopes)):
            raise Wrong("broad")
    background[:, j] = x[j]
    for sign in (1, -1):
        scores[j] = sign * scores[j].abs()
        try:
            answer(x, background, scores, slopes)
        except AnswerError as error:
            if "ValueError" not in error.kinds:
                raise Wrong("impossible", seen=str(error)) from None
        else:
            raise Wrong("impossible")
    scores[j] = 0.0
    found, at_x = _readings(*_read_pair("possible", answer, x, background, scores, slopes), x, background)
    if not (close(found, scores, 1e-4) and close(at_x, slopes)):
        raise Wrong("possible")


# ------------------------------------------------------------------------------------------------ best single rules

best_single_rules = Exercise(
    "attribution/sanity_checks/best_single_rules",
    hints={
        "direction": "a rule may also say yes below its threshold: try both directions, in every column",
        "threshold": "any threshold is allowed: try one at every value of the column",
        "rounded": "values that are close to each other are different all the same: do not round",
        "blind": "you return the share of the majority: the rules look at their column",
        "count": "return shares of rows, not numbers of rows",
        "errors": "you return the share of rows that the best rule gets wrong",
        "overall": "one number for each column: keep the columns apart",
        "split": "rows with equal values lie on the same side of every threshold: no rule can tell them apart",
        "value": "for each column, the largest share of rows whose decision some rule above/below a threshold reproduces",
        "majority": "also the rules that decide all rows alike count: a threshold may lie below or above all values",
        "row": "right for several rows, but a single row is reproduced by some rule: share 1",
    },
)


def _best_share(column: Tensor, decisions: Tensor) -> float:
    """By trying every cut between distinct values, ends included, in both directions."""
    values = column.unique()
    cuts = torch.cat([values[:1] - 1, (values[1:] + values[:-1]) / 2, values[-1:] + 1])
    right = ((column > cuts[:, None]) == decisions).sum(1).tolist()
    return max(max(right), len(column) - min(right)) / len(column)


def _best_shares(rows: Tensor, decisions: Tensor) -> Tensor:
    return torch.tensor([_best_share(column, decisions) for column in rows.T], dtype=torch.float64)


def _audit(random) -> tuple[Tensor, Tensor]:
    """Rows with ties in most columns, and decisions that follow one column downwards, with exceptions; in no column does
    it pay to decide all rows alike, and in some it takes a rule that says yes below its threshold."""
    while True:
        m, d = random.integer(17, 23), random.integer(4, 5)
        rows = random.normal(m, d) + 0.4 * random.normal(d)
        rows[:, 1:] = (rows[:, 1:] * 1.5).round()
        key = rows[:, random.integer(0, d - 1)]
        decisions = (key < key.median()) ^ (random.uniform(m) < 0.2)
        share, best = decisions.double().mean(), _best_shares(rows, decisions)
        if best.min() > torch.maximum(share, 1 - share) + 1e-6 and not close(_upward_shares(rows, decisions), best):
            return rows, decisions


def _skewed_audit(random) -> tuple[Tensor, Tensor]:
    """Many rows, columns of very different scales: decisions follow a skewed column downwards, but for its few largest
    values, which pull the mean the other way; no grid, no rounding and no comparison of means finds the best rules."""
    while True:
        m = random.integer(140, 160)
        key = (3 * random.normal(m)).exp() * 1e4
        largest = key.argsort()[-4:]
        decisions = (key < key.median()) ^ (random.uniform(m) < 0.15)
        key[largest], decisions[largest] = 100 * key[largest], True
        lean = decisions.double() - 0.5
        small, close_by = (2 * random.normal(m) + 3 * lean).exp() * 1e-4, 5 + ((random.normal(m) + lean) * 32).round() / 2**15
        rows = torch.stack([key, small, close_by, random.normal(m) - 1.5 * lean], 1)[:, random.order(4)].float().double()
        truth, likely = _best_shares(rows, decisions), _likely_shares(rows, decisions)
        wrong = [other for hint in ("direction", "threshold", "rounded") for other in likely[hint]]
        if not any(close(other, truth) for other in wrong):
            return rows, decisions


def _grid_shares(rows: Tensor, decisions: Tensor, grid: Tensor) -> Tensor:
    """Best shares if the thresholds are the rows of a grid, in both directions."""
    share = ((rows > grid[:, None]) == decisions[:, None]).double().mean(1)
    return torch.maximum(share, 1 - share).amax(0)


def _fixed_direction(rows: Tensor, decisions: Tensor) -> Tensor:
    """Best shares if the means of the two groups say which direction to try."""
    turn = torch.where(rows[decisions].mean(0) >= rows[~decisions].mean(0), 1.0, -1.0)
    return _upward_shares(rows * turn, decisions)


def _upward_shares(rows: Tensor, decisions: Tensor) -> Tensor:
    """Best shares of the rules that say yes above their threshold only."""
    reach = torch.cat([rows, rows.amax(0, keepdim=True) + 1])
    return ((rows >= reach[:, None]) == decisions[:, None]).double().mean(1).amax(0)


def _likely_shares(rows: Tensor, decisions: Tensor) -> dict[str, list[Tensor]]:
    """Shares that come of likely mistakes."""
    truth = _best_shares(rows, decisions)
    above = (rows >= rows[:, None]) == decisions[:, None]
    strict = (rows > rows[:, None]) == decisions[:, None]
    fixed = [rows > cut for cut in (0 * rows[0], rows.mean(0), rows.median(0).values)]
    fixed = [(rule == decisions[:, None]).double().mean(0) for rule in fixed]
    order = rows.argsort(dim=0, stable=True)
    told_apart = torch.empty_like(rows).scatter_(0, order, torch.arange(len(rows)).double()[:, None].expand_as(rows))
    yes = decisions.double().mean()
    low, high = rows.aminmax(dim=0)
    grids = [rows.quantile(torch.linspace(0, 1, 21).double(), dim=0)]
    grids += [low + (high - low) * torch.linspace(0, 1, k).double()[:, None] for k in (100, 1000)]
    return {
        "blind": [torch.maximum(yes, 1 - yes).expand_as(truth)],
        "count": [truth * len(rows)],
        "errors": [1 - truth],
        "direction": [
            _upward_shares(rows, decisions),
            above.double().mean(1).amax(0),
            strict.double().mean(1).amax(0),
            _fixed_direction(rows, decisions),
        ],
        "threshold": [
            *(torch.maximum(share, 1 - share) for share in fixed),
            *(_grid_shares(rows, decisions, grid) for grid in grids),
        ],
        "rounded": [_best_shares(rows.round(decimals=k), decisions) for k in (0, 1, 2)],
        "split": [_best_shares(told_apart, decisions)],
        "overall": [truth.max().expand_as(truth), truth.mean().expand_as(truth)],
    }


@best_single_rules.property(points=2)
def finds_the_best_rule_of_each_column(answer, random):
    for audit in (_skewed_audit, _audit, _audit):
        rows, decisions = random.once(audit)
        shares = as_tensor(answer(rows, decisions), rows.shape[1:])
        truth = random.recall(lambda: _best_shares(rows, decisions))  # noqa: B023
        if close(shares, truth):
            continue
        for hint, others in random.recall(lambda: _likely_shares(rows, decisions)).items():  # noqa: B023
            if any(close(shares, other) for other in others):
                raise Wrong(hint)
        raise Wrong("value")


@best_single_rules.property(points=1)
def allows_every_rule(answer, random):
    rows, decisions = random.normal(7, 3), torch.zeros(7, dtype=torch.bool)
    rows[:, 1] = 2.0
    for some in (0, 2, 5, 7):
        decisions = torch.zeros(7, dtype=torch.bool)
        decisions[random.order(7)[:some]] = True
        found = as_tensor(called("majority", answer, rows, decisions), (3,))
        if not close(found, _best_shares(rows, decisions)):
            raise Wrong("majority")
    for decision in (True, False):
        one = as_tensor(called("row", answer, random.normal(1, 2), torch.tensor([decision])), (2,))
        if not close(one, torch.ones(2)):
            raise Wrong("row")
