"""Checks for exercises/attribution/attribution_patching.ipynb."""

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.hooks import keeps_order
from course_lib.checks.returns import as_dict
from course_lib.models import MLP


def _mlp(random, *widths: int) -> MLP:
    """A network with one output, curved enough that the tangents at the two ends of a patch differ."""
    return MLP(list(widths), "tanh" if random.integer(0, 1) else "softplus", random.seed()).double().requires_grad_(False)


def _instance(random, pairs: int, layer: int | None = None):
    """A network, `pairs` pairs of inputs and a layer that is not the last but one, so that the rest bends."""
    n, first, second = (int(k) for k in random.choice([(3, 5, 4), (4, 3, 5), (5, 4, 3)]))
    model = _mlp(random, n, first, second, 1)
    clean, corrupted = random.away_from_zero(pairs, n), random.away_from_zero(pairs, n)
    return model, clean, corrupted, random.choice([0, 1]) if layer is None else layer


def _ends(model, clean: Tensor, corrupted: Tensor, layer: int):
    """What `layers[layer]` returns for both inputs, and the rest of the network as a function of it."""
    first, rest = model.layers[: layer + 1], model.layers[layer + 1 :]
    return first(clean), first(corrupted), lambda hidden: rest(hidden)[:, 0]


def _slope(rest, hidden: Tensor) -> Tensor:
    hidden = hidden.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        return torch.autograd.grad(rest(hidden).sum(), hidden)[0]


def _moved(rest, here: Tensor, there: Tensor, share: float) -> Tensor:
    """f with each unit moved by `share` of its way, one row for each unit: `(w,)` from `(1, w)`."""
    return rest(here + share * torch.diag(there[0] - here[0]))


def _kinked(random, low: float, high: float, offset: float):
    """A network with one hidden ReLU layer, whose units pass zero at shares of their ways between `low` and `high`.

    Each unit's pre-activation is `offset` above or below zero there. Returns the network, the pair `(n,)`, the shares,
    the signs of the offsets, and the output weights times the ways: at the kink, unit k's slope is 0 or this product.
    """
    way = torch.zeros(1)
    while way.abs().min() < 0.2:
        model = MLP([4, 6, 1], "relu", random.seed()).double().requires_grad_(False)
        clean, corrupted = random.away_from_zero(2, 4)
        way = model.layers[0].weight @ (clean - corrupted)
    share, sign = random.uniform(6, low=low, high=high), torch.tensor([1.0, -1.0] * 3).double()[random.order(6)]
    start = model.layers[0].weight @ corrupted
    model.layers[0].bias.copy_(sign * way.sign() * offset - start - share * way)
    model.layers[2].weight.copy_(random.away_from_zero(1, 6))
    return model, clean, corrupted, share, sign * way.sign(), model.layers[2].weight[0] * way


KINK = 1e-12  # far above rounding, and below every step whose difference is worth something


# ------------------------------------------------------------------------------------------------ attribution patching

attribution_patch = Exercise(
    "attribution/attribution_patching/attribution_patch",
    hints={
        "point": "evaluation point: the gradient belongs to the corrupted run, where the patch starts",
        "reversed": "the difference is reversed: the patch moves a unit from its corrupted to its clean value",
        "noising": "that estimates the other direction: here the run is the corrupted one, and clean values are put in",
        "slope": "you return slopes: multiply each by the way that its unit goes",
        "times_clean": "you multiply by the clean value: the way is clean minus corrupted",
        "times_corrupted": "you multiply by the corrupted value: the way is clean minus corrupted",
        "way": "you return the way alone: multiply it by the slope of the output",
        "batch": "your scores shrink with the number of pairs: add the outputs up before the backward pass, do not average",
        "pairs": "you average or add over the pairs: keep one row for each pair",
        "units": "you add over the units: keep one score for each unit",
        "first_pair": "you use the first pair's slopes for all: every pair has its own corrupted run",
        "absolute": "you take sizes: a patch may raise or lower the output",
        "layer": "the scores belong to another layer: units are what `model.layers[layer]` returns",
        "patch": "those are real patches: the estimate is their tangent at the corrupted run",
        "between": "evaluation point: you take a slope between the runs, or average two; the patch starts at the corrupted",
        "value": "for each pair and unit: slope of the output at the corrupted run, times clean minus corrupted",
        "last": "right in general, but at the last layer (whose one unit is the output) the estimate is the whole effect",
        "single": "right for several pairs, but not for a single pair or a layer with one unit",
        "same": "right in general, but where clean and corrupted run agree every score is exactly 0",
        "float32": "right in float64, but a float32 network with float32 inputs should work as well",
        "finite": "that is a difference over a small step, which mixes the two sides of a kink: take the gradient",
        "failure": "a hook stays on the model when a run fails: remove it in `finally`",
        "foreign": "hooks that you did not set are gone: take away your own handles, and no other",
        "swallowed": "an error inside a run must reach the caller: your function hides it",
    },
)


def _estimate(model, clean, corrupted, layer) -> Tensor:
    there, here, rest = _ends(model, clean, corrupted, layer)
    return _slope(rest, here) * (there - here)


def _likely_estimates(model, clean, corrupted, layer) -> dict:
    there, here, rest = _ends(model, clean, corrupted, layer)
    slope, end, way = _slope(rest, here), _slope(rest, there), there - here
    truth, rows = slope * way, len(clean)
    patches = [_moved(rest, h[None], t[None], 1.0) - rest(h[None]) for h, t in zip(here, there, strict=True)]
    likely = {
        "point": end * way,
        "reversed": -truth,
        "noising": -end * way,
        "slope": [slope, end],
        "times_clean": [slope * there, end * there],
        "times_corrupted": [slope * here, end * here],
        "way": [way, -way],
        "batch": truth / rows,
        "pairs": [truth.mean(0).expand_as(truth), truth.sum(0).expand_as(truth)],
        "units": truth.sum(1, keepdim=True).expand_as(truth),
        "first_pair": slope[:1] * way,
        "absolute": truth.abs(),
        "patch": torch.stack(patches),
        "between": [(slope + end) / 2 * way, _slope(rest, (here + there) / 2) * way],
    }
    others = [k for k in range(len(model.layers) - 1) if k != layer]
    same_shape = [_estimate(model, clean, corrupted, k) for k in others]
    return likely | {"layer": [other for other in same_shape if other.shape == truth.shape]}


def _estimate_case(random, layer: int) -> tuple:
    """Arguments and estimates of either sign."""
    truth = torch.ones(1)
    while (truth > 0).all() or (truth < 0).all():
        model, clean, corrupted, _ = _instance(random, 2)  # no width is 2, so that shapes tell mistakes apart
        truth = _estimate(model, clean, corrupted, layer)
    return model, clean, corrupted, truth


@attribution_patch.property(points=3)
def estimates_every_pair(answer, random):
    for layer in (0, 1, 3):
        model, clean, corrupted, truth = random.once(_estimate_case, layer)
        scores = answer(model, clean, corrupted, layer)
        for hint, shape in (("units", truth.shape[:1]), ("pairs", truth.shape[1:])):
            if isinstance(scores, Tensor) and scores.shape == shape != truth.shape:
                raise Wrong(hint)
        scores = as_tensor(scores, truth.shape)
        if not close(scores, truth):
            likely = random.recall(lambda: _likely_estimates(model, clean, corrupted, layer))  # noqa: B023
            raise nearest(scores, likely)


@attribution_patch.property(points=1)
def estimates_at_the_edges(answer, random):
    model, clean, corrupted, _ = _instance(random, 3)
    whole = (model(clean) - model(corrupted))[:, None]
    _same("last", called("last", answer, model, clean, corrupted, 4), whole)
    small = _mlp(random, 3, 1, 4, 1)
    for net, pairs, layer in ((model, 1, 1), (small, 2, 1), (small, 1, 0)):
        ends = [random.away_from_zero(pairs, net.config["widths"][0]) for _ in range(2)]
        _same("single", called("single", answer, net, *ends, layer), _estimate(net, *ends, layer))
    corrupted = torch.cat([clean[:1], corrupted[1:]])
    scores = called("same", answer, model, clean, corrupted, 0)
    truth = _estimate(model, clean, corrupted, 0)
    _same("same", scores, truth)
    if not (as_tensor(scores, truth.shape)[0] == 0).all():
        raise Wrong("same")
    model, clean, corrupted, layer = _instance(random, 2)
    truth = _estimate(model, clean, corrupted, layer)
    single = MLP(**model.config).requires_grad_(False)
    _same("float32", called("float32", answer, single, clean.float(), corrupted.float(), layer), truth, 1e-3)
    net, x, other, _, sign, product = _kinked(random, 0.0, 0.0, KINK)  # the corrupted run stands beside the kinks
    _same("finite", called("finite", answer, net, x[None], other[None], 0), ((sign > 0) * product)[None])
    keeps_order(answer, model, (model, clean, corrupted, layer), (model, clean, corrupted[:, :-1], layer))


def _same(hint: str, value: object, truth: Tensor, tolerance: float = 1e-5) -> None:
    if not isinstance(value, Tensor) or value.shape != truth.shape:
        raise Wrong(hint)
    if not close(as_tensor(value, truth.shape), truth, tolerance):
        raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------------ secants

secants = Exercise(
    "attribution/attribution_patching/secants",
    hints={
        "undivided": "you return changes of the output: divide by the share of the way, so that a small share shows a slope",
        "together": "all units move at once: in each run one unit moves, and the others stay as the corrupted run has them",
        "drift": "a unit stays moved while the next one moves: start every run from the corrupted activations",
        "step": "each unit moves by a share of its own way, not by the same amount `share`",
        "reversed": "the sign is reversed: the output after the move minus the output before",
        "backward": "you move the unit away from its clean value: it goes from corrupted towards clean",
        "clean": "you start from the clean run: the run is the corrupted one, and one unit moves towards its clean value",
        "end": "you move the unit beyond, or measure from the end of its way: from share 0 to `share`",
        "central": "that is a central difference, or a slope: take the output at `share` minus that at 0, where the way begins",
        "whole": "you move the unit the whole way whatever `share` is",
        "tangent": "that is the tangent: move the unit by `share` of its way, which bends the answer when the share is large",
        "absolute": "you take sizes: the output may rise or fall",
        "base": "you forget to subtract the output of the plain corrupted run",
        "layer": "the scores belong to another layer: units are what `model.layers[layer]` returns",
        "value": "for each unit: output with this unit moved by `share` of its way, minus the plain output, over `share`",
        "patch": "right for a part of the way, but with share 1 each score is the real patch",
        "small": "right for large shares, but a share of a thousandth is still a step forward, in float64",
        "one": "right for several units, but a layer may have a single one",
        "gradients": "right for smooth networks, but not where a unit passes a kink on its way: use forward runs, no slopes",
        "failure": "a hook stays on the model when a run fails: remove it in `finally`",
        "foreign": "hooks that you did not set are gone: take away your own handles, and no other",
        "swallowed": "an error inside a run must reach the caller: your function hides it",
    },
)


def _secants(model, clean, corrupted, layer, share) -> Tensor:
    there, here, rest = _ends(model, clean[None], corrupted[None], layer)
    return (_moved(rest, here, there, share) - rest(here)) / share


def _likely_secants(model, clean, corrupted, layer, share) -> dict:
    there, here, rest = _ends(model, clean[None], corrupted[None], layer)
    truth, way = _secants(model, clean, corrupted, layer, share), there[0] - here[0]
    start, end = rest(here), rest(there)
    drifted = rest(here + share * torch.tril(way.expand(len(way), -1)))
    others = [k for k in range(len(model.layers) - 1) if k != layer]
    same_shape = [_secants(model, clean, corrupted, k, share) for k in others]
    away = (rest(here) - _moved(rest, here, there, -share)) / share
    return {
        "undivided": truth * share,
        "together": [((rest(here + share * way) - start) / share).expand_as(truth), (end - start).expand_as(truth)],
        "drift": [(drifted - start) / share, torch.diff(drifted, prepend=start) / share],
        "step": (rest(here + share * torch.eye(len(way)).double()) - start) / share,
        "reversed": -truth,
        "backward": [away, -away],
        "clean": [
            -_secants(model, corrupted, clean, layer, share),
            _secants(model, corrupted, clean, layer, share),
            (_moved(rest, here, there, share) - end) / share,
        ],
        "end": [
            (_moved(rest, here, there, 1.0) - _moved(rest, here, there, share)) / share,
            (_moved(rest, here, there, 1.0) - _moved(rest, here, there, 1 - share)) / share,
            (_moved(rest, here, there, 1 - share) - start) / share,
        ],
        "central": (_moved(rest, here, there, share) - _moved(rest, here, there, -share)) / (2 * share),
        "whole": [_secants(model, clean, corrupted, layer, 1.0), _secants(model, clean, corrupted, layer, 1.0) / share],
        "tangent": _estimate(model, clean[None], corrupted[None], layer)[0],
        "absolute": truth.abs(),
        "base": [_moved(rest, here, there, share) / share, _moved(rest, here, there, share)],
        "layer": [other for other in same_shape if other.shape == truth.shape],
    }


def _secant_case(random, layer: int) -> tuple[tuple, Tensor]:
    """Arguments and secants of either sign: else sizes and signs could not be told apart."""
    truth = torch.ones(1)
    while (truth > 0).all() or (truth < 0).all():
        model, clean, corrupted, _ = _instance(random, 1)
        case = model, 1.5 * clean[0], 1.5 * corrupted[0], layer, 0.3 + 0.3 * random.uniform(1).item()
        truth = _secants(*case)
    return case, truth


@secants.property(points=3)
def moves_one_unit_at_a_time(answer, random):
    for layer in (0, 1, 3):
        case, truth = random.once(_secant_case, layer)
        scores = as_tensor(answer(*case), truth.shape)
        if not close(scores, truth):
            raise nearest(scores, random.recall(lambda: _likely_secants(*case)))  # noqa: B023


@secants.property(points=1)
def runs_from_the_patch_to_the_slope(answer, random):
    cases = random.once(_edges_of_secants)
    for hint, case, truth in cases:
        _same(hint, called(hint, answer, *case), truth)
    model, clean, corrupted, layer, _ = cases[0][1]
    right = (model, clean, corrupted, layer, 0.5)
    keeps_order(answer, model, right, (*right[:2], corrupted[:-1], *right[3:]))


def _edges_of_secants(random) -> list[tuple[str, tuple, Tensor]]:
    """Hint, arguments and secants."""
    model, clean, corrupted, layer = _instance(random, 1)
    small, ends = _mlp(random, 3, 1, 3, 1), random.away_from_zero(2, 3)
    beside, x, other, *_ = _kinked(random, 0.0, 0.0, KINK)  # before a kink and behind it are two different things
    across, y, another, *_ = _kinked(random, 0.3, 0.5, 0.0)
    cases = (
        ("patch", (model, clean[0], corrupted[0], layer, 1.0)),
        ("small", (model, clean[0], corrupted[0], layer, 1e-3)),
        ("one", (small, *ends, 1, 0.5)),
        ("central", (beside, x, other, 0, 1e-6)),
        ("gradients", (across, y, another, 0, 0.8)),
    )
    return [(hint, case, _secants(*case)) for hint, case in cases]


# --------------------------------------------------------------------------------------------------------------- paths

path_scores = Exercise(
    "attribution/attribution_patching/path_scores",
    hints={
        "keys": 'return a dict with the keys "own" and "together"',
        "swapped": 'the two are swapped: "own" moves one unit and leaves the others, "together" moves all at once',
        "same_path": 'your "own" moves all units at once: let one go its way while the others keep their corrupted values',
        "left": "you take slopes at the start of each step: take them in the middle",
        "right": "you take slopes at the end of each step: take them in the middle",
        "ends": "you divide the way with both ends included: with m steps the midpoints lie at (j + 1/2) / m",
        "slope": "you return mean slopes: multiply each by the way of its unit, clean minus corrupted",
        "sign": "the sign is reversed: the way goes from corrupted to clean",
        "total": "you add the slopes up: take their mean",
        "tangent": "you take one slope at an end of the way only",
        "patch": "those are the real patches: average slopes at the midpoints of `steps` steps",
        "cross": "you add up all slopes: of a run in which unit k moves only the slope of unit k counts",
        "value": '"own": mean over the midpoints of the slope of unit k with unit k alone moved, times its way',
        "one_path": 'your "together" moves one unit at a time: move all units at once, and read every slope',
        "scaled": 'your "together" adds up to the right total, but the shares are wrong: take slopes on the common way',
        "common": '"together": mean over the midpoints of each unit\'s slope with all units moved, times its way',
        "step": "right for several steps, but one step is allowed: then the slope in the middle counts alone",
        "zero": "right in general, but a unit whose two values agree should score exactly 0",
        "one": "right for several units, but a layer may have a single one: then both are the same",
        "finite": "that is a difference over a small step, which mixes the two sides of a kink: take the gradient",
        "failure": "a hook stays on the model when a run fails: remove it in `finally`",
        "foreign": "hooks that you did not set are gone: take away your own handles, and no other",
        "swallowed": "an error inside a run must reach the caller: your function hides it",
    },
)


def _paths(model, clean, corrupted, layer, times: Tensor) -> tuple[Tensor, Tensor]:
    """Mean slopes times way at these times: every unit on its own, and all together."""
    there, here, rest = _ends(model, clean[None], corrupted[None], layer)
    way = (there - here)[0]
    own = torch.stack([_slope(rest, here + t * torch.diag(way)).diagonal() for t in times]).mean(0)
    together = _slope(rest, here + times[:, None] * way).mean(0)
    return own * way, together * way


def _midpoints(steps: int) -> Tensor:
    return (torch.arange(steps).double() + 0.5) / steps


def _read_paths(value: object, width: int) -> tuple[Tensor, Tensor]:
    value = as_dict(value, ["own", "together"])
    return as_tensor(value["own"], (width,), '"own"'), as_tensor(value["together"], (width,), '"together"')


def _path_instance(random):
    model, clean, corrupted, _ = _instance(random, 1)
    return model, 1.5 * clean[0], 1.5 * corrupted[0], random.choice([0, 1])


def _two_paths(random) -> tuple[tuple, Tensor, Tensor]:
    """Arguments, and the scores of either path: units that hardly interact would have two equal paths."""
    own = together = torch.zeros(1)
    while (own - together).abs().max() < 1e-2:
        model, clean, corrupted, layer = _path_instance(random)
        steps = random.integer(3, 4)
        own, together = _paths(model, clean, corrupted, layer, _midpoints(steps))
    return (model, clean, corrupted, layer, steps), own, together


@path_scores.property(points=2)
def walks_alone(answer, random):
    for _ in range(2):
        case, truth, joint = random.once(_two_paths)
        own, together = _read_paths(answer(*case), len(truth))
        if close(own, joint) and not close(own, truth):
            raise Wrong("swapped" if close(together, truth) else "same_path")
        if not close(own, truth):
            raise nearest(own, random.recall(lambda: _likely_paths(*case, truth)))  # noqa: B023


def _likely_paths(model, clean, corrupted, layer, steps: int, truth: Tensor) -> dict:
    there, here, rest = _ends(model, clean[None], corrupted[None], layer)
    way, grid = (there - here)[0], torch.arange(steps).double()

    def own(times: Tensor) -> Tensor:
        return _paths(model, clean, corrupted, layer, times)[0]

    every = torch.stack([_slope(rest, here + t * torch.diag(way)) for t in _midpoints(steps)]).mean(0)
    return {
        "left": own(grid / steps),
        "right": own((grid + 1) / steps),
        "ends": [own(torch.linspace(0, 1, count).double()) for count in (steps, steps + 1)],
        "slope": [truth / way, steps * truth / way],
        "sign": -truth,
        "total": steps * truth,
        "tangent": [own(torch.tensor([end]).double()) for end in (0.0, 1.0)],
        "patch": _moved(rest, here, there, 1.0) - rest(here),
        "cross": [every.sum(0) * way, every.sum(1) * way, every @ way, every.mean(0) * way],
    }


@path_scores.property(points=1)
def walks_together(answer, random):
    case, own, truth = random.once(_two_paths)
    _, together = _read_paths(answer(*case), len(truth))
    if not close(together, truth):
        model, clean, corrupted, *_ = case
        total = (model(clean[None]) - model(corrupted[None])).sum()
        if close(together, own):
            raise Wrong("one_path")
        raise Wrong("scaled" if close(together.sum(), total) or close(together.sum(), truth.sum()) else "common")


@path_scores.property(points=1)
def walks_at_the_edges(answer, random):
    model, clean, corrupted, layer = _path_instance(random)
    for hint, net, ends, at, steps in (
        ("step", model, (clean, corrupted), layer, 1),
        ("one", _mlp(random, 3, 1, 3, 1), tuple(random.away_from_zero(2, 3)), 1, 3),
        ("zero", model, (clean, clean.clone()), layer, 3),
    ):
        own, together = _paths(net, *ends, at, _midpoints(steps))
        value = as_dict(called(hint, answer, net, *ends, at, steps), ["own", "together"])
        _same(hint, value["own"], own)
        _same(hint, value["together"], together)
        if hint == "zero" and not all((value[key] == 0).all() for key in ("own", "together")):
            raise Wrong("zero")
    net, x, other, _, sign, product = _kinked(random, 0.5, 0.5, KINK)  # the kinks stand beside the middle of every way
    value = as_dict(called("finite", answer, net, x, other, 0, 1), ["own", "together"])
    for key in ("own", "together"):
        _same("finite", value[key], (sign > 0) * product)
    right = (model, clean, corrupted, layer, 2)
    keeps_order(answer, model, right, (*right[:2], corrupted[:-1], *right[3:]))
