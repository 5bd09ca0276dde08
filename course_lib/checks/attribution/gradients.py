"""Checks for exercises/attribution/gradients.ipynb."""

import itertools

import torch
from torch import Tensor

from course_lib.attribution.features import feature_game
from course_lib.attribution.saliency import guided_backpropagation, saliency
from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.answers import AnswerError
from course_lib.checks.returns import as_dict
from course_lib.games import integrated_gradients as library
from course_lib.models import MLP


def _mlp(random, *widths: int) -> MLP:
    """A network with one output, curved enough that neighbouring slopes differ."""
    return MLP(list(widths), "tanh" if random.integer(0, 1) else "softplus", random.seed()).double().requires_grad_(False)


def _along(model, x: Tensor, baseline: Tensor, times: Tensor) -> Tensor:
    """Slopes `(m, n)` at x' + t (x - x')."""
    return saliency(model, torch.lerp(baseline, x, times[:, None]))


def _midpoints(steps: int) -> Tensor:
    return (torch.arange(steps).double() + 0.5) / steps


# ---------------------------------------------------------------------------------------------- integrated gradients

integrated_gradients = Exercise(
    "attribution/gradients/integrated_gradients",
    hints={
        "units": "you return mean slopes, in output per input: multiply each by the way, x minus baseline",
        "input": "you multiply by x: the way is x minus baseline, entry by entry",
        "left": "you take the slope at the start of each step: the midpoint rule takes it in the middle",
        "right": "you take the slope at the end of each step: the midpoint rule takes it in the middle",
        "ends": "you divide the path with both ends included: with m steps the m midpoints lie at (k + 1/2) / m",
        "gauss": "that is another quadrature rule: take the midpoints of equal steps, all with the same weight",
        "endpoint": "you use the slope at one end of the path only: average the slopes along the way",
        "sign": "the sign is reversed: the way goes from the baseline to x",
        "absolute": "you take sizes: a contribution has a sign, and signs cancel only if they are kept",
        "total": "you add the slopes up: integrated gradients are the mean slope times the way",
        "batch": "your scores shrink with the number of rows: add the outputs up before the backward pass, do not average",
        "first": "you use the first baseline for every row: row i has its own baseline",
        "mixed": "the rows are mixed up: reshape so that the steps of one row stay together, then average over its steps",
        "value": "for each row: the mean of the slopes at the midpoints of equal steps, times x minus baseline",
        "one": "right for several rows, but not for a single row or a single feature",
        "step": "right for several steps, but one step is allowed: then the slope in the middle counts alone",
        "same": "right in general, but a feature that equals its baseline should score exactly 0, whatever its slope",
    },
)


@integrated_gradients.property(points=3)
def integrates_every_row(answer, random):
    for _ in range(2):
        steps = random.integer(3, 4)
        b, n = random.choice([(2, 5), (5, 2), (2, 6)])
        model, rows, baselines = _mlp(random, n, 8, 1), random.away_from_zero(b, n), random.away_from_zero(b, n)
        rows, baselines = 1.5 * rows, 1.5 * baselines
        truth = torch.stack([_integral(model, *pair, steps) for pair in zip(rows, baselines, strict=True)])
        scores = as_tensor(answer(model, rows, baselines, steps), truth.shape)
        if not close(scores, truth):
            raise nearest(scores, _likely_integrals(model, rows, baselines, steps, truth))


def _integral(model, x: Tensor, baseline: Tensor, steps: int) -> Tensor:
    return _along(model, x, baseline, _midpoints(steps)).mean(0) * (x - baseline)


def _likely_integrals(model, rows, baselines, steps, truth) -> dict[str, object]:
    """Scores that come of likely mistakes."""
    way, pairs = rows - baselines, list(zip(rows, baselines, strict=True))
    grid = torch.arange(steps).double()

    def mean(times: Tensor) -> Tensor:
        return torch.stack([_along(model, x, start, times).mean(0) for x, start in pairs])

    middle = mean(_midpoints(steps))
    every = torch.stack([_along(model, x, start, _midpoints(steps)) for x, start in pairs])  # (b, steps, n)
    gauss = torch.stack([library(feature_game(model, x, start), steps).scores for x, start in pairs])
    steepness = torch.stack([_along(model, x, start, _midpoints(steps)).abs().mean(0) for x, start in pairs])
    first = torch.stack([_integral(model, x, baselines[0], steps) for x in rows])
    tangled = every.transpose(0, 1).reshape(len(rows), steps, -1).mean(1) * way
    tangled_back = every.reshape(steps, len(rows), -1).mean(0) * way
    return {
        "units": [middle, steps * middle],
        "input": [middle * rows, middle * baselines],
        "left": mean(grid / steps) * way,
        "right": mean((grid + 1) / steps) * way,
        "ends": [mean(torch.linspace(0, 1, count).double()) * way for count in (steps, steps + 1)],
        "gauss": gauss,
        "endpoint": [mean(torch.tensor([end]).double()) * way for end in (0.0, 1.0)],
        "sign": -truth,
        "absolute": [truth.abs(), steepness * way, steepness * way.abs()],
        "total": steps * truth,
        "batch": [truth / len(rows), truth / len(rows) / steps],
        "first": first,
        "mixed": [tangled, tangled_back],
    }


@integrated_gradients.property(points=1)
def takes_small_batches_and_single_steps(answer, random):
    for hint, b, n, steps in (("one", 1, 3, 4), ("one", 3, 1, 4), ("step", 3, 2, 1), ("one", 1, 1, 1)):
        model, rows, baselines = _mlp(random, n, 6, 1), random.away_from_zero(b, n), random.normal(b, n)
        truth = torch.stack([_integral(model, *pair, steps) for pair in zip(rows, baselines, strict=True)])
        scores = called(hint, answer, model, rows, baselines, steps)
        if not isinstance(scores, Tensor) or scores.shape != truth.shape or not close(as_tensor(scores, truth.shape), truth):
            raise Wrong(hint)
    model, rows, baselines = _mlp(random, 3, 6, 1), random.away_from_zero(2, 3), random.away_from_zero(2, 3)
    baselines[:, 1] = rows[:, 1]
    scores = as_tensor(called("same", answer, model, rows, baselines, 3), (2, 3))
    if not (scores[:, 1] == 0).all():
        raise Wrong("same")


# -------------------------------------------------------------------------------------------------------- SmoothGrad

smoothgrad = Exercise(
    "attribution/gradients/smoothgrad",
    hints={
        "keys": 'return a dict with the keys "scores" and "standard_errors"',
        "still": "all your draws gave one and the same slope: draw new noise for each draw, and average slopes, not inputs",
        "after": "your scores are no average of slopes: add the noise to x, before the model sees it",
        "whole": "you disturb one entry at a time: a noisy copy has noise in every entry at once",
        "shared": "all entries of a noisy copy move together: each entry gets its own noise",
        "absolute": "you average sizes: the slope of the blurred model is the mean of the slopes with their signs",
        "sign": "the sign is reversed: the slopes are averaged as they are",
        "batch": "your scores shrink with the number of outputs: add the outputs up before the backward pass, do not average",
        "scale": "the noise has the wrong size: its standard deviation is `scale`, neither its square nor 1",
        "noise": "the slopes are averaged over another distribution: the noise is normal with mean 0 and deviation `scale`",
        "draws": "the mean is not over as many slopes as asked for: use exactly `draws` noisy copies of each row",
        "spread": "that is the spread of single slopes: the mean of m of them has an error that is smaller by sqrt(m)",
        "deviation": "the standard error of a mean is the standard deviation over the draws, divided by sqrt(draws)",
        "repeat": "the same seed should give the same result: draw all noise from a generator with this seed",
        "seed": "another seed should give other noise: use `seed`",
        "few": "right for many draws, but not for few: estimate the standard deviation with draws - 1 in the denominator",
        "rows": "every row got the same noise: each copy of each row has noise of its own",
        "independent": "right on average, but the copies of a row should be independent, each of them with noise",
        "linear": "right for a ReLU unit, but a linear model has the same slope everywhere: its own, with standard error 0",
    },
)


def _unit(random, n: int) -> tuple[MLP, Tensor, Tensor]:
    """f(x) = a max(0, w.x + c) + d; returns the network, w, and a w: the two slopes are 0 and a w."""
    while True:
        w = random.away_from_zero(n)
        if n == 1 or w.min() < 0 < w.max() and 0.12 < w.sum().abs() / w.norm() < 0.2:
            break
    model, a = MLP([n, 1, 1], "relu", 0).double().requires_grad_(False), random.away_from_zero(1)
    first, last = model.layers[0], model.layers[2]
    for parameter, content in ((first.weight, w[None]), (first.bias, random.normal(1)), (last.weight, a[None])):
        parameter.copy_(content)
    return model, w, a * w


def _rows(random, model: MLP, w: Tensor, scale: float, ratios: list[float]) -> Tensor:
    """Inputs whose distance from the kink is `ratios` standard deviations of the noise as seen by the unit."""
    rows = random.normal(len(ratios), len(w))
    wanted = torch.tensor(ratios).double() * scale * w.norm() - model.layers[0].bias
    return rows + ((wanted - rows @ w) / w.square().sum())[:, None] * w


def _phi(ratio: Tensor) -> Tensor:
    return torch.special.ndtr(ratio)


def _read(answer, model, rows, scale, draws, seed) -> tuple[Tensor, Tensor]:
    found = as_dict(answer(model, rows, scale, draws, seed), ["scores", "standard_errors"])
    return tuple(as_tensor(found[key], rows.shape, f'"{key}"') for key in ("scores", "standard_errors"))


def _is_share(share: Tensor, truth: Tensor, draws: int) -> bool:
    """Whether each share could be that of `draws` independent draws with probability `truth`, at five standard errors."""
    reach = 5 * (truth * (1 - truth) / draws).sqrt() + 1e-6
    return bool(((share - truth).abs() <= reach).all())


@smoothgrad.property(points=3)
def averages_slopes_at_noisy_inputs(answer, random):
    """The share of draws on the sloping side of one kink: a binomial, whose standard error follows from the share itself."""
    for n in (random.integer(3, 4), 1):
        model, w, steep = _unit(random, n)
        scale, draws = random.choice([0.3, 0.4, 2.0, 2.5]), random.integer(3500, 4000)
        ratios = [random.choice([-1, 1]) * random.uniform(1, low=0.6, high=0.9).item(), 2.0, -0.3]
        ratios = torch.tensor(ratios)[random.order(3)].tolist()
        rows = _rows(random, model, w, scale, ratios)
        scores, errors = _read(answer, model, rows, scale, draws, random.seed())
        share = _share(scores, steep, draws)
        seen = torch.tensor(ratios).double()
        if not _is_share(share, _phi(seen), draws):
            raise _other_noise(share, seen, scale, draws, w)
        spread = (share * (1 - share) * draws / (draws - 1)).sqrt()[:, None] * steep.abs()
        if not _errors_close(errors, spread / draws**0.5):
            raise Wrong("spread" if _errors_close(errors, spread) else "deviation")


def _errors_close(errors: Tensor, truth: Tensor) -> bool:
    """Standard errors are small numbers: their tolerance is relative."""
    return bool(((errors - truth).abs() <= 1e-3 * truth.abs().max()).all())


def _share(scores: Tensor, steep: Tensor, draws: int) -> Tensor:
    """Share of draws with slope `steep` `(n,)` that explains the scores `(b, n)`, or what else may have happened."""
    shares = scores / steep
    counts, tolerance = shares * draws, 1e-5 * draws
    counted = bool(((counts - counts.round()).abs() < tolerance).all())
    agree = close(shares, shares[:, :1].expand_as(shares))
    if agree and counted and not (shares < -1e-6).any():
        if (shares > 1 + 1e-6).any():
            raise Wrong("draws")
        if ((shares < 1e-6) | (shares > 1 - 1e-6)).all():
            raise Wrong("still")
        return shares[:, 0]
    sizes = shares.abs()
    if close(sizes, sizes[:, :1].expand_as(sizes)) and counted:
        raise Wrong("sign" if (shares <= 1e-6).all() else "absolute")
    if agree and ((3 * counts - (3 * counts).round()).abs() < 3 * tolerance).all():
        raise Wrong("batch")
    if agree:
        raise Wrong("draws")
    raise Wrong("whole" if counted else "after")


def _other_noise(share: Tensor, seen: Tensor, scale: float, draws: int, w: Tensor) -> Wrong:
    """The likely mistake in the noise that explains these shares; `seen` is the distance from the kink in deviations."""
    if len(w) > 1 and _is_share(share, _phi(seen * w.norm() / w.sum().abs()), draws):
        return Wrong("shared")
    if _is_share(len(seen) * share, _phi(seen), draws):
        return Wrong("batch")
    sizes = [scale, 1 / scale, scale**0.5]  # noise of size 1, scale**2 and scale**0.5
    if any(_is_share(share, _phi(seen * factor), draws) for factor in sizes):
        return Wrong("scale")
    for few in (draws // 2, draws // 3, 100, 50, 10):
        if _is_share(share, _phi(seen), few) and ((share * few - (share * few).round()).abs() < 1e-3).all():
            return Wrong("draws")
    return Wrong("noise")


@smoothgrad.property(points=1)
def repeats_with_the_seed(answer, random):
    model, rows, seed = _mlp(random, 2, 6, 1), random.normal(2, 2), random.seed()
    seeds = (seed, seed, seed + 1, seed + 2_520_000)  # the last has the same remainder for many a small divisor
    first, again, *others = (_read(answer, model, rows, 1.0, 50, s)[0] for s in seeds)
    if not close(first, again, 1e-9):
        raise Wrong("repeat")
    if any(close(first, other, 1e-9) for other in others):
        raise Wrong("seed")


@smoothgrad.property(points=1)
def knows_its_error_with_few_draws(answer, random):
    for n, draws, count in ((1, random.integer(3, 6), 12), (3, 2, 200)):
        model, w, steep = _unit(random, n)
        rows = _rows(random, model, w, 0.7, [0.1] * count)
        scores, errors = _read(answer, model, rows, 0.7, draws, random.seed())
        share = (scores / steep)[:, :1]
        if not close(errors, (share * (1 - share)).clamp(min=0).sqrt() * steep.abs() / (draws - 1) ** 0.5, 1e-4):
            raise Wrong("few")
    if (share == share[0]).all():
        raise Wrong("rows")
    once, p = (share - 0.5).abs() < 0.1, _phi(torch.tensor(0.1).double())  # of two draws, exactly one slopes
    if not _is_share(share.mean(), p, 400) or not _is_share(once.double().mean(), 2 * p * (1 - p), 200):
        raise Wrong("independent")
    model, rows = MLP([3, 1], "relu", random.seed()).double().requires_grad_(False), random.normal(1, 3)
    scores, errors = _read(answer, model, rows, 0.7, 3, random.seed())
    if not close(scores, model.layers[0].weight) or not close(errors, torch.zeros(1, 3)):
        raise Wrong("linear")


# ------------------------------------------------------------------------------------------- three backward passes

backward_map = Exercise(
    "attribution/gradients/backward_map",
    hints={
        "slope": "you follow the chain rule whatever `rule` says: look at what each rule does at a ReLU",
        "guided": "you always clip the signal: for the slope it passes with its sign where the ReLU's input is positive",
        "swapped": 'two rules are exchanged: "guided" asks for both conditions, "deconvnet" for a positive signal only',
        "input": "you clip once too often: no ReLU stands at the input",
        "output": "you clip or mask at the output: no ReLU follows the last layer, the signal there is 1",
        "bias": "you forget the biases: they decide which ReLUs are open",
        "forward": "the masks further up come from another forward pass: each layer reads max(0, z) of the layer below",
        "times": "you multiply by x: the map is the signal that arrives at the input",
        "absolute": "you return sizes: keep the sign of what arrives at the input",
        "value": "from the last layer down: multiply the signal by W transposed, then apply the rule at the ReLU below",
        "one": "right for several layers, but a single layer has no ReLU: all rules return its weights",
        "several": "right for two layers, but not for every depth: apply the rule at each ReLU on the way down",
        "kink": "right in general, but a ReLU whose input is exactly 0 is closed: the table says z > 0",
        "rule": "raise a ValueError for a rule that is none of the three, spelt exactly so",
    },
)

RULES = ("slope", "guided", "deconvnet")
FORWARD = (lambda z: z, torch.abs, torch.tanh, lambda z: z.clamp(0, 1))  # what should not stand between the layers


class _DeconvReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z: Tensor) -> Tensor:
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx, signal: Tensor) -> Tensor:
        return signal.clamp(min=0)


def _backward(weights: list[Tensor], biases: list[Tensor], x: Tensor, rule: str) -> Tensor:
    """The map of a rule by autograd."""
    between = _DeconvReLU.apply if rule == "deconvnet" else torch.relu

    def model(rows: Tensor) -> Tensor:
        for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            rows = (between(rows) if index else rows) @ weight.T + bias
        return rows[:, 0]

    reader = guided_backpropagation if rule == "guided" else saliency
    return reader(model, x[None])[0]


def _by_hand(weights, biases, x, rule, *, bias: bool = True, forward=torch.relu, every: bool = True) -> Tensor:
    """The same by hand; also without biases, with another forward pass, or clipped at the topmost ReLU only."""
    inputs = []
    for weight, shift in zip(weights[:-1], biases[:-1], strict=True):
        inputs.append(weight @ x + bias * shift)
        x = forward(inputs[-1])
    signal = weights[-1][0]
    for height, (weight, z) in enumerate(zip(reversed(weights[:-1]), reversed(inputs), strict=True)):
        signal = signal if rule == "slope" or height > 0 and not every else signal.clamp(min=0)
        signal = weight.T @ (signal if rule == "deconvnet" else signal * (z > 0))
    return signal


def _network(random, *widths: int) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Weights, biases and an input; the rules give different maps, and biases and the ReLUs of the forward pass matter."""
    while True:
        weights = [random.normal(outputs, inputs) for inputs, outputs in zip(widths[:-1], widths[1:], strict=True)]
        biases = [random.normal(outputs) for outputs in widths[1:]]
        x = random.away_from_zero(widths[0])
        maps = [_by_hand(weights, biases, x, rule) for rule in RULES]
        wrong = [_by_hand(weights, biases, x, "guided", bias=False)]
        if len(weights) > 2:
            wrong += [_by_hand(weights, biases, x, "guided", forward=other) for other in FORWARD]
            wrong.append(_by_hand(weights, biases, x, "guided", every=False))
        pairs = [*itertools.combinations(maps, 2), *itertools.product(maps, wrong)]
        apart = [(a - b).abs().max() for a, b in pairs]
        if min(apart) > 0.05 and min(one.min() for one in maps) < -0.05:
            return weights, biases, x


@backward_map.property(points=2)
def follows_each_rule_through_two_layers(answer, random):
    network = random.once(_network, random.integer(3, 4), random.integer(5, 7), 1)
    for rule in (RULES[k] for k in random.order(3)):
        truth = random.recall(lambda: _backward(*network, rule), rule)  # noqa: B023
        found = as_tensor(answer(*network, rule), truth.shape)
        if not close(found, truth):
            raise nearest(found, random.recall(lambda: _likely_maps(*network, rule), rule))  # noqa: B023


def _likely_maps(weights, biases, x, rule) -> dict[str, object]:
    """Maps that come of likely mistakes, in a network of two layers."""
    maps = {name: _backward(weights, biases, x, name) for name in RULES}
    truth = maps.pop(rule)
    swapped = maps["deconvnet"] if rule == "guided" else maps["guided"] if rule == "deconvnet" else truth + 1
    always = [maps["guided"], maps["deconvnet"]] if rule == "slope" else truth + 1
    return {
        "slope": maps.get("slope", truth + 1),
        "guided": always,
        "swapped": swapped,
        "bias": _by_hand(weights, biases, x, rule, bias=False),
        "input": [truth.clamp(min=0), truth * (x > 0), truth.clamp(min=0) * (x > 0)],
        "times": truth * x,
        "absolute": truth.abs(),
        "output": torch.zeros_like(truth),
    }


@backward_map.property(points=1)
def goes_through_any_depth(answer, random):
    hidden = [random.integer(5, 7) for _ in range(random.integer(2, 3))]
    network = random.once(_network, 3, *hidden, 1)
    for rule in RULES:
        truth = random.recall(lambda: _backward(*network, rule), rule)  # noqa: B023
        found = as_tensor(called("several", answer, *network, rule), truth.shape)
        if not close(found, truth):
            forward = any(close(found, _by_hand(*network, rule, forward=other)) for other in FORWARD)
            raise Wrong("forward" if forward else "several")


@backward_map.property(points=1)
def knows_a_single_layer_and_strange_rules(answer, random):
    weights, biases, x = [random.away_from_zero(1, 3)], [random.normal(1)], random.normal(3)
    weights[0][0, 0] = -weights[0][0, 0].abs()
    for rule in RULES:
        if not close(as_tensor(called("one", answer, weights, biases, x, rule), (3,)), weights[0][0]):
            raise Wrong("one")
    corner = [torch.tensor([[1.0, -1.0], [1.0, 1.0]]).double(), torch.tensor([[2.0, 3.0]]).double()]
    corner = corner, [torch.zeros(2).double(), torch.zeros(1).double()], random.away_from_zero(1).abs().repeat(2)
    for rule in RULES:
        truth = random.recall(lambda: _backward(*corner, rule), rule)  # noqa: B023
        if not close(as_tensor(called("kink", answer, *corner, rule), (2,)), truth):
            raise Wrong("kink")
    for strange in ("gradient", "", "slo", "Guided", " slope"):
        try:
            answer(weights, biases, x, strange)
        except AnswerError as error:
            if "ValueError" not in error.kinds:
                raise Wrong("rule") from None
        else:
            raise Wrong("rule")


# --------------------------------------------------------------------------------------------------------- any path

path_contributions = Exercise(
    "attribution/gradients/path_contributions",
    hints={
        "straight": "you go straight from the first point to the last: follow the legs, one after another",
        "way": "you multiply by the whole way from first to last: each leg has its own way, the difference of its two points",
        "units": "you return slopes: multiply the mean slope of each leg by the way of that leg",
        "mean": "you average over legs: contributions of the legs add up",
        "last": "you keep one leg only: add the contributions of all legs",
        "left": "you take the slope at the start of each step: the midpoint rule takes it in the middle",
        "right": "you take the slope at the end of each step: the midpoint rule takes it in the middle",
        "sign": "the sign is reversed: a leg goes from one point to the next",
        "total": "you add the slopes of a leg up: take their mean, times the way",
        "points": "you take slopes at the points only: each leg has `steps` midpoints of its own",
        "value": "for each leg: the mean slope at its midpoints, times the way of the leg; then add the legs up",
        "two": "right for several legs, but not for two points, which make one leg",
        "rest": "right in general, but a leg without length (the same point twice) contributes 0",
        "round": "right in general, but a path may come back to where it started",
        "step": "right for several steps a leg, but one step a leg is allowed",
    },
)


def _legs(model, points: Tensor, times: Tensor) -> list[Tensor]:
    """Mean slopes `(n,)` of each leg at the given times of the leg."""
    return [_along(model, end, start, times).mean(0) for start, end in zip(points[:-1], points[1:], strict=True)]


def _walk(model, points: Tensor, steps: int) -> Tensor:
    pairs = zip(points[:-1], points[1:], strict=True)
    return sum(_integral(model, end, start, steps) for start, end in pairs)


@path_contributions.property(points=2)
def adds_the_legs_up(answer, random):
    n, p, steps = random.integer(2, 4), random.integer(3, 5), random.integer(2, 4)
    model, points = _mlp(random, n, 8, 1), 1.5 * random.away_from_zero(p, n)
    truth = _walk(model, points, steps)
    found = as_tensor(answer(model, points, steps), truth.shape)
    if not close(found, truth):
        raise nearest(found, _likely_walks(model, points, steps, truth))


def _likely_walks(model, points: Tensor, steps: int, truth: Tensor) -> dict[str, object]:
    """Contributions that come of likely mistakes."""
    ways, legs = points[1:] - points[:-1], torch.stack(_legs(model, points, _midpoints(steps)))
    count, whole, grid = len(ways), points[-1] - points[0], torch.arange(steps).double()
    left, right = (torch.stack(_legs(model, points, times)) for times in (grid / steps, (grid + 1) / steps))
    at_points = saliency(model, points)
    return {
        "straight": [_integral(model, points[-1], points[0], m) for m in (steps, steps * count)],
        "way": [legs.mean(0) * whole, legs.sum(0) * whole],
        "units": [legs.mean(0), legs.sum(0)],
        "mean": truth / count,
        "last": [legs[-1] * ways[-1], legs[0] * ways[0], truth - legs[-1] * ways[-1], truth - legs[0] * ways[0]],
        "left": (left * ways).sum(0),
        "right": (right * ways).sum(0),
        "sign": -truth,
        "total": steps * truth,
        "points": [(at_points[:-1] * ways).sum(0), (at_points[1:] * ways).sum(0)],
    }


@path_contributions.property(points=2)
def walks_any_path(answer, random):
    n = random.integer(2, 3)
    model, points = _mlp(random, n, 8, 1), random.away_from_zero(4, n)
    cases = [
        ("two", points[:2].clone(), 3),
        ("rest", points[[0, 1, 1, 2]].clone(), 3),
        ("round", points[[0, 1, 2, 0]].clone(), 3),
        ("step", points, 1),
    ]
    for hint, some, steps in cases:
        truth = _walk(model, some, steps)
        found = called(hint, answer, model, some, steps)
        if not isinstance(found, Tensor) or found.shape != truth.shape or not torch.isfinite(found).all():
            raise Wrong(hint)
        if not close(as_tensor(found, truth.shape), truth):
            raise Wrong(hint)
