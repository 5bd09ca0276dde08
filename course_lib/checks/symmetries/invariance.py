"""Checks for exercises/symmetries/invariance.ipynb."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, behind, called, close, nearest
from course_lib.checks.returns import as_dict
from course_lib.models import MLP


def _mlp(random, *widths: int, activation: str = "tanh") -> MLP:
    return MLP(list(widths), activation, random.seed()).double().requires_grad_(False)


def _guarded(answer: Callable, strict: bool = False) -> Callable:
    """The answer, after which the switch for gradients stands as before; if `strict`, one that was left moved is an error."""

    def guarded(*args: object) -> object:
        before = torch.is_grad_enabled()
        try:
            value = answer(*args)
            if strict and torch.is_grad_enabled() != before:
                raise Wrong("switch")
        finally:
            torch.set_grad_enabled(before)
        return value

    return guarded


SWITCH = "right in general, but gradients are left switched on or off for the caller: use `with torch.no_grad():` or its like"


def _same(hint: str, value: object, truth: Tensor, tolerance: float = 1e-6) -> None:
    """The special case `hint` unless `value` is a tensor equal to `truth`."""
    if not isinstance(value, Tensor) or value.shape != truth.shape or not torch.isfinite(value).all():
        raise Wrong(hint)
    if not close(as_tensor(value, truth.shape), truth, tolerance):
        raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------------ the ruler

equivariance_errors = Exercise(
    "symmetries/invariance/equivariance_errors",
    hints={
        "output": "you compare f(g . x) with f(x) as it stands: the output has its own action, so move f(x) by `q`",
        "input": "you move the output, but the model never sees the moved input",
        "inverse_in": "the input goes the wrong way: item i goes TO place p[i], so place p[i] of the new row holds x[i]",
        "inverse_out": "the output goes the wrong way: entry i goes TO place q[i], so place q[i] of the new row holds y[i]",
        "inverse_both": "you measure the inverse elements: item i goes TO place p[i], and `x[:, p]` fetches FROM there",
        "swapped": "p moves inputs and q moves outputs: here they are exchanged",
        "absolute": "you return the absolute error: divide by the size of the two sides",
        "squared": "you return a squared error: take norms, that is square roots",
        "per_item": "norms run over the whole batch: first add up the squares of all items, then take the root and divide",
        "size": "divide by the root of the mean of the two squared norms",
        "means": "do not average before you compare: errors of opposite sign would cancel",
        "first": "you use the first element, or one average, for all: give one error for each element",
        "value": "for each element: ||f(g . x) - g . f(x)|| over the root of the mean of the two squared norms",
        "zero": "right in general, but where both sides vanish the error is 0",
        "one_side": "right in general, but the error is 0 only where both sides vanish, not where one does",
        "small": "right in general, but a small error is an error: give its size, do not round it to 0",
        "square": "right in general, but not where the sizes of batch, input or output agree, or are as small as 2",
        "switch": SWITCH,
        "tiny": "right in general, but the error is relative: a model with tiny outputs has the same error as its multiples",
        "exact": "right in general, but a model that is equivariant should get 0 up to rounding",
        "single": "right in general, but not for a single item or a single element",
    },
)


def _put(rows: Tensor, places: Tensor) -> Tensor:
    """Entry i goes to place places[i], by writing and not by reading."""
    moved = torch.empty_like(rows)
    moved[:, places] = rows
    return moved


def _sides(model, x, p, q) -> tuple[Tensor, Tensor]:
    """f(g . x) and g . f(x) for every element: two tensors `(m, b, k)`."""
    after = torch.stack([model(_put(x, one)) for one in p])
    return after, torch.stack([_put(model(x), one) for one in q])


def _ratio(after: Tensor, before: Tensor) -> Tensor:
    gap, a, b = ((part**2).sum((1, 2)) for part in (after - before, after, before))
    return (gap / ((a + b) / 2)).sqrt()


def _order_three(random, n: int) -> Tensor:
    """A random permutation that is not its own inverse."""
    while True:
        p = torch.tensor(random.order(n))
        if not torch.equal(p.argsort(), p):
            return p


def _ruler_instance(random, square: bool = False):
    n = random.integer(4, 5)
    k, b, m = (n if square else n - 1), random.integer(6, 7), (4 if square else 3)
    p, q = (torch.stack([_order_three(random, size) for _ in range(m)]) for size in (n, k))
    return _mlp(random, n, 8, k), random.normal(b, n), p, q


def _likely_errors(model, x, p, q) -> dict:
    after, before = _sides(model, x, p, q)
    back_in, back_out = (torch.stack([one.argsort() for one in g]) for g in (p, q))
    y = model(x).expand_as(after)
    gap, a, b = ((part**2).sum((1, 2)) for part in (after - before, after, before))
    rows = [(part**2).sum(2) for part in (after - before, after, before)]
    truth = _ratio(after, before)
    likely = {
        "output": [_ratio(after, y), (after - y).flatten(1).norm(dim=1)],
        "input": _ratio(y, before),
        "inverse_in": _ratio(_sides(model, x, back_in, q)[0], before),
        "inverse_out": _ratio(after, _sides(model, x, p, back_out)[1]),
        "inverse_both": _ratio(*_sides(model, x, back_in, back_out)),
        "absolute": [
            gap.sqrt(),
            gap,
            gap / after[0].numel(),
            (gap / after[0].numel()).sqrt(),
            (after - before).abs().mean((1, 2)),
        ],
        "squared": [gap / ((a + b) / 2), gap / b, gap / (a + b)],
        "per_item": [(rows[0] / ((rows[1] + rows[2]) / 2)).sqrt().mean(1), (rows[0] / rows[2]).sqrt().mean(1)],
        "size": [
            (gap / b).sqrt(),
            (gap / a).sqrt(),
            (gap / (a + b)).sqrt(),
            gap.sqrt() / ((a.sqrt() + b.sqrt()) / 2),
            gap.sqrt() / (a.sqrt() + b.sqrt()),
            (gap / torch.maximum(a, b)).sqrt(),
            (after - before).abs().sum((1, 2)) / ((after.abs() + before.abs()).sum((1, 2)) / 2),
        ],
        "means": [_ratio(after.mean(1, keepdim=True), before.mean(1, keepdim=True)), (after - before).mean((1, 2)).abs()],
        "first": [truth[:1].expand_as(truth), truth.mean().expand_as(truth), truth.max().expand_as(truth)],
    }
    if x.shape[1] == y.shape[2]:
        likely["swapped"] = _ratio(*_sides(model, x, q, p))
    return likely


@equivariance_errors.property(points=3)
def measures_every_element(answer, random):
    for square in (False, True):
        model, x, p, q = _ruler_instance(random, square)
        truth = _ratio(*_sides(model, x, p, q))
        errors = as_tensor(_guarded(answer)(model, x, p, q), truth.shape)
        if not close(errors, truth):
            raise nearest(errors, _likely_errors(model, x, p, q))


@equivariance_errors.property(points=1)
def measures_at_the_edges(answer, random):
    answer = _guarded(answer, strict=True)
    model, x, p, q = _ruler_instance(random)
    truth, none = _ratio(*_sides(model, x, p, q)), torch.zeros(len(p)).double()
    for hint, factor, target in (("tiny", 1e-20, truth), ("zero", 0.0, none)):
        last = model.layers[-1].weight.clone()
        model.layers[-1].weight.mul_(factor)
        _same(hint, called(hint, answer, model, x, p, q), target)
        model.layers[-1].weight.copy_(last)
    single = (x[:1], p[:1], q[:1])
    _same("single", called("single", answer, model, *single), _ratio(*_sides(model, *single)))
    for b, n, k in ((2, 4, 2), (3, 3, 3)):
        model, x = _mlp(random, n, 5, k), random.normal(b, n)
        p, q = (torch.stack([torch.tensor(random.order(size)) for _ in range(b)]) for size in (n, k))
        _same("square", called("square", answer, model, x, p, q), _ratio(*_sides(model, x, p, q)))
    _one_side_vanishes(answer, random)
    _nearly_equivariant(answer, random)


def _one_side_vanishes(answer: Callable, random) -> None:
    """A model of the first entry, 0 where that is negative: the error is the root of 2 once a positive one takes its place."""
    n, k = 4, 3
    model = _mlp(random, n, 5, k, activation="relu")
    model.layers[0].weight.copy_(random.uniform(5, 1, low=0.5, high=1.5) * (torch.arange(n) == 0))
    x = random.uniform(3, n, low=0.5, high=1.5)
    x[:, 0] *= -1
    p = torch.stack([(torch.arange(n) + shift) % n for shift in (1, 3)])
    q = torch.tensor([random.order(k) for _ in p])
    _same("one_side", called("one_side", answer, model, x, p, q), torch.full((2,), 2.0).double().sqrt())


def _nearly_equivariant(answer: Callable, random) -> None:
    """Circulant layers, and the same with one thing in ten thousand of another layer."""
    n, b = 5, 4
    model, steps, x = MLP([n, n], seed=0).double().requires_grad_(False), (torch.arange(n) + 1) % n, random.normal(b, n)
    first = random.normal(n)
    circulant = torch.stack([first.roll(shift) for shift in range(n)])
    model.layers[0].weight.copy_(circulant)
    with torch.no_grad():  # also a caller who wants no gradients: the switch must stay off
        found = called("exact", answer, model, x, steps[None], steps[None])
    _same("exact", found, torch.zeros(1).double(), 1e-12)
    model.layers[0].weight.copy_(circulant + 1e-4 * random.normal(n, n))
    truth = _ratio(*_sides(model, x, steps[None], steps[None]))
    found = as_tensor(called("small", answer, model, x, steps[None], steps[None]), truth.shape)
    _same("small", 1e4 * found, 1e4 * truth)


# ------------------------------------------------------------------------------------------------- forces and their laws

broken_symmetries = Exercise(
    "symmetries/invariance/broken_symmetries",
    hints={
        "keys": 'return a dict with the keys "forces", "push" and "torque"',
        "sign": "the sign is reversed: a force points to where the energy falls",
        "batch": "your forces shrink or mix with the number of clusters: differentiate the SUM of the energies",
        "energy": "forces are derivatives of the energy in the positions: one number for each coordinate",
        "first": "you use the forces of one cluster for all",
        "value": '"forces": minus the gradient of each cluster\'s energy in its own positions',
        "centred": "you take the mean force away: then nothing is left to break the law",
        "push_sign": 'the sign of "push" is reversed: it is the plain sum of the forces',
        "push_mean": '"push" is the sum of the forces over the atoms, not their mean',
        "push": '"push": add the forces up over the atoms of each cluster',
        "order": 'the sign of "torque" is reversed: position cross force, in this order',
        "centre": '"torque" is about the origin: do not move the cluster first',
        "torque_mean": '"torque" is a sum over the atoms, not a mean',
        "torque": '"torque": add up position cross force over the atoms of each cluster',
        "exact": "nearly right: the slope should be exact up to rounding, by autograd and not by small steps",
        "twice": "right the first time, but a second call with the same tensor must give the same",
        "leftover": "leave nothing on the positions or the model's parameters: `.grad` and `requires_grad` stay as they were",
        "graph": "what you return still carries a graph: `.detach()` it, so that the caller can draw it",
        "switch": SWITCH,
        "symmetric": "right in general, but an energy that knows no place has no push, whatever its torque",
        "one": "right in general, but a single cluster, or one with a single atom, is allowed",
        "float32": "right in float64, but a float32 model with float32 positions should work as well",
        "no_grad": "right in general, but the function may be called inside `torch.no_grad()`: switch gradients on yourself",
    },
)


def _energy(model, positions: Tensor) -> Tensor:
    return model(positions.flatten(1))


@torch.no_grad()
def _exact_forces(model, positions: Tensor) -> Tensor:
    """Minus the slope of w tanh(V x + b) + c, by the chain rule written out: `(b, n, 3)`."""
    first, last = model.layers[0], model.layers[2]
    bent = 1 - torch.tanh(first(positions.flatten(1))) ** 2
    return -((bent * last.weight[0]) @ first.weight).reshape(positions.shape)


@torch.no_grad()
def _exact_torque(model, positions: Tensor) -> Tensor:
    """Minus the slope of the energy as the cluster turns about each axis, every atom along axis cross position: `(b, 3)`."""
    axes = torch.eye(3, dtype=torch.float64)[:, None, None].expand(3, *positions.shape)
    ways = torch.linalg.cross(axes, positions.expand_as(axes))
    return (_exact_forces(model, positions) * ways).sum((2, 3)).T


KEYS = ["forces", "push", "torque"]


def _cluster_instance(random, b: int = 2, n: int = 4):
    return _mlp(random, 3 * n, 7, 1), random.away_from_zero(b, n, 3)


@broken_symmetries.property(points=2)
def forces_are_downhill(answer, random):
    for b, n in ((2, 4), (4, 5)):  # no size is 3, so that shapes tell mistakes apart
        model, x = _cluster_instance(random, b, n)
        truth = _exact_forces(model, x)
        value = as_dict(_guarded(answer)(model, x), KEYS)
        forces = as_tensor(value["forces"], tuple(x.shape), '"forces"')
        if not close(forces, truth):
            likely = {
                "sign": -truth,
                "batch": [truth / b, -truth / b, truth.mean(0).expand_as(truth), truth.sum(0).expand_as(truth)],
                "first": truth[:1].expand_as(truth),
                "centred": truth - truth.mean(1, keepdim=True),
                "energy": _energy(model, x)[:, None, None].expand_as(truth),
            }
            raise nearest(forces, likely, "exact" if close(forces, truth, 1e-3) else "value")


@broken_symmetries.property(points=1)
def laws_are_read_off(answer, random):
    for b, n in ((2, 4), (4, 2)):
        model, x = _cluster_instance(random, b, n)
        forces = _exact_forces(model, x)
        push, torque = forces.sum(1), _exact_torque(model, x)
        value = as_dict(_guarded(answer)(model, x), KEYS)
        found_push, found_torque = (as_tensor(value[key], (b, 3), f'"{key}"') for key in KEYS[1:])
        if not close(found_push, push):
            raise nearest(found_push, {"push_sign": -push, "push_mean": [push / n, -push / n]}, "push")
        if not close(found_torque, torque):
            centred = torch.linalg.cross(x - x.mean(1, keepdim=True), forces).sum(1)
            likely = {"order": -torque, "centre": [centred, -centred], "torque_mean": [torque / n, -torque / n]}
            raise nearest(found_torque, likely, "torque")


@broken_symmetries.property(points=1)
@behind(laws_are_read_off)
def laws_at_the_edges(answer, random):
    answer = _guarded(answer, strict=True)
    for b, n in ((1, 4), (3, 1)):
        model, x = _cluster_instance(random, b, n)
        _all_same("one", called("one", answer, model, x), model, x)
    model, x = _cluster_instance(random, 2, 2)
    first = model.layers[0].weight
    first.copy_(torch.cat([first[:, :3], -first[:, :3]], 1))  # reads the difference of two atoms only
    _all_same("symmetric", called("symmetric", answer, model, x), model, x)
    model, x = _cluster_instance(random)
    single = MLP(**model.config).requires_grad_(False)
    _all_same("float32", called("float32", answer, single, x.float()), model, x, 1e-3)
    _leaves_no_trace(answer, model, x)


def _leaves_no_trace(answer: Callable, model, x: Tensor) -> None:
    """Two calls with the same tensor and a model in training, the first under `no_grad`: exact, and nothing left behind."""
    model.requires_grad_(True)
    for hint in ("no_grad", "twice"):
        with torch.set_grad_enabled(hint == "twice"):
            value = called(hint, answer, model, x)
        _all_same(hint, value, model, x)
        _all_same("exact", value, model, x, 1e-12)
        if any(one.requires_grad for one in value.values()):
            raise Wrong("graph")
        if x.requires_grad or any(one.grad is not None for one in (x, *model.parameters())):
            raise Wrong("leftover")


def _all_same(hint: str, value: object, model, x: Tensor, tolerance: float = 1e-5) -> None:
    forces = _exact_forces(model, x)
    truth = {"forces": forces, "push": forces.sum(1), "torque": _exact_torque(model, x)}
    value = as_dict(value, KEYS)
    for key, target in truth.items():
        _same(hint, value[key], target, tolerance)


# ---------------------------------------------------------------------------------------------------- a vector's own ReLU

shrink_vectors = Exercise(
    "symmetries/invariance/shrink_vectors",
    hints={
        "components": "you cut components: all numbers of a vector must be scaled together, or a rotation is not respected",
        "longer": "the length falls by the bias: it does not grow",
        "flipped": "a vector shorter than its bias becomes zero: yours turns round",
        "undivided": "you multiply the vector by its new length: divide by the old one first",
        "unit": "you return directions: give each its new length",
        "unchanged": "lengths should fall by the bias",
        "channels": "a length belongs to one vector: take the norm over the last axis alone, one for each channel and item",
        "bias": "each channel has its own bias: line `bias` up with the channels, also when there are as many as dimensions",
        "gate": "that is the chapter's gate: here the new length is max(0, length - bias)",
        "factor": "you scale by max(0, 1 - bias): the bias is a length, so compare it with each vector's own",
        "value": "direction kept, length max(0, length - bias of the channel)",
        "zero": "right in general, but a zero vector has no direction: it stays zero, without nan",
        "identity": "right in general, but with bias 0 nothing changes, however short or long a vector is",
        "shapes": "right in general, but one item, one channel, and any dimension are allowed",
        "sizes": "right in general, but not for very short or long vectors, or beside a bias of quite another size",
        "dtype": "right in general, but return the dtype that comes in: float32 stays float32",
        "float32": "right in float64, but float32 vectors should come back as accurately as float32 allows",
    },
)


def _shrunk(v: Tensor, bias: Tensor) -> Tensor:
    """Vector by vector, in a loop over items and channels."""
    out = torch.zeros_like(v)
    for item in range(v.shape[0]):
        for channel in range(v.shape[1]):
            length = v[item, channel].square().sum().sqrt()
            if length > bias[channel]:
                out[item, channel] = v[item, channel] - v[item, channel] * bias[channel] / length
    return out


def _likely_shrunk(v: Tensor, bias: Tensor) -> dict:
    length = v.norm(dim=2, keepdim=True)
    b = bias[:, None]
    wrong_norms = [v.square().sum(axis, keepdim=True).sqrt() for axis in ((0,), (1,), (0, 2), (1, 2), (0, 1, 2))]
    likely = {
        "components": [
            torch.relu(v - b),
            torch.relu(v),
            v.sign() * torch.relu(v.abs() - b),
            torch.relu(v + b),
        ],
        "longer": [v * (1 + b / length), v / length * torch.relu(b + length)],
        "flipped": v * (1 - b / length),
        "undivided": v * torch.relu(length - b),
        "unit": v / length * (length > b),
        "unchanged": [v, v * (length > b)],
        "channels": [v * torch.relu(1 - b / norm) for norm in wrong_norms],
        "gate": [v * torch.sigmoid(4 * (length - 1)), v * torch.sigmoid(length - b), v * torch.sigmoid(4 * (length - b))],
        "factor": v * torch.relu(1 - b),
    }
    if v.shape[1] == v.shape[2]:
        likely["bias"] = [v * torch.relu(1 - bias / length), v * torch.relu(1 - bias[None, None] / length)]
    return likely | {
        "bias": [*likely.get("bias", []), v * torch.relu(1 - bias.mean() / length), v * torch.relu(1 - bias[0] / length)]
    }


def _vectors(random, items: int, channels: int, dimension: int) -> tuple[Tensor, Tensor]:
    """Vectors and biases such that about half of the vectors are shorter than their bias."""
    v = random.normal(items, channels, dimension)
    lengths = random.uniform(items, channels, 1, low=0.2, high=2.0)
    lengths[0], lengths[1] = random.uniform(1, low=0.2, high=0.4), random.uniform(1, low=1.6, high=2.0)
    bias = random.uniform(channels, low=0.5, high=1.5)
    return v / v.norm(dim=2, keepdim=True) * lengths, bias


@shrink_vectors.property(points=3)
def keeps_directions(answer, random):
    for sizes in ((6, 4, 3), (5, 3, 3), (5, 2, 4)):
        v, bias = _vectors(random, *sizes)
        truth = _shrunk(v, bias)
        found = as_tensor(answer(v, bias), truth.shape)
        if not close(found, truth, 1e-6):
            raise nearest(found, _likely_shrunk(v, bias), tolerance=1e-6)


@shrink_vectors.property(points=1)
def shrinks_at_the_edges(answer, random):
    v, bias = _vectors(random, 4, 3, 3)
    v[1, 2] = 0.0
    for b in (bias, torch.zeros_like(bias)):
        found = called("zero", answer, v, b)
        _same("zero", found, _shrunk(v, b))
    short = v * 10.0 ** -random.integer(6, 9)
    _same("identity", 1e6 * called("identity", answer, short, torch.zeros_like(bias)), 1e6 * short, 1e-12)
    _same("identity", called("identity", answer, v, torch.zeros_like(bias)), v, 1e-9)
    for sizes in ((2, 1, 3), (2, 3, 1), (2, 1, 1), (3, 2, 7)):
        v, bias = _vectors(random, *sizes)
        _same("shapes", called("shapes", answer, v[:1], bias), _shrunk(v[:1], bias))
        _same("shapes", called("shapes", answer, v, bias), _shrunk(v, bias))
    _shrinks_all_sizes(answer, random)
    v, bias = _vectors(random, 4, 3, 3)
    _same("float32", called("float32", answer, v.float(), bias.float()), _shrunk(v, bias))
    v[1, 2] = 0.0
    for b in (bias, torch.zeros_like(bias)):
        found = called("zero", answer, v.float(), b.float())
        _same("zero", found, _shrunk(v, b), 1e-5)
        if found.dtype != torch.float32:
            raise Wrong("dtype")


def _shrinks_all_sizes(answer: Callable, random) -> None:
    """Lengths from 1e-9 to 1e6, some channels without bias and others with a large or small one, compared one by one."""
    unit = random.normal(4, 4, 3)
    unit, bias = unit / unit.norm(dim=2, keepdim=True), torch.tensor([0.0, 1.0, 1e-3, 1e-7], dtype=torch.float64)
    lengths = torch.tensor([[1e-9, 1e6, 2e-3, 1e-6], [1e6, 1e-9, 1e-9, 1e6]]).double() * random.uniform(2, 4, low=1, high=1.2)
    lengths = torch.cat([lengths, random.uniform(2, 4, low=0.5, high=1.5)])[..., None]
    order = random.order(4)  # whichever channel is the one without a bias
    unit, lengths, bias = unit[:, order], lengths[:, order], bias[order]
    v = unit * lengths
    found = as_tensor(called("sizes", answer, v, bias), v.shape)
    _same("sizes", found / lengths, _shrunk(v, bias) / lengths, 1e-11)


# ------------------------------------------------------------------------------------------------ layers by their generators

equivariant_layers = Exercise(
    "symmetries/invariance/equivariant_layers",
    hints={
        "list": "return one True or False for each layer, in a list",
        "first": "you look at one generator only: a layer must respect all of them",
        "product": "a layer that respects a product of two generators need not respect either: test each of them",
        "sample": "you try a few inputs: a layer can be right there and wrong elsewhere, so compare the matrices themselves",
        "any": "a layer must respect EVERY generator, not some of them",
        "side": "the matrices stand on the wrong sides: the input is moved before the layer, the output behind it",
        "transpose": "you use a transpose for an inverse, or for the matrix itself: these matrices need not be orthogonal",
        "inverse": "moving the input by g must move the output by g, not by its inverse",
        "invariant": "that is invariance: the output moves as well, by rho_out",
        "negated": "True and False are exchanged",
        "cancel": "errors of different generators must not cancel: ask each generator by itself, and do not add up first",
        "up_to_sign": "W rho_in(g) = -rho_out(g) W is not equivariance: signs count, so subtract before you take sizes",
        "every": "every generator counts, however many there are: the third as well",
        "whole": "compare whole matrices: a layer may fail in a single row or column and nowhere else",
        "rejected": "you reject an equivariant layer: allow for rounding, for n and k that differ, and for three generators",
        "rounding": "right in general, but allow for rounding relative to the size of the whole layer, not entry by entry",
        "loose": "a small miss is not rounding: a layer that misses by more than 1e-5 of its size is not equivariant",
        "strict": "you ask for equality to the last bit: allow for rounding",
        "absolute": "right in general, but size does not matter: a layer times 1e-7 or 1e7 gets the same answer",
        "value": "a layer W is equivariant if W rho_in(g) = rho_out(g) W for every generator g, up to rounding",
        "zero": "right in general, but the zero layer respects every symmetry",
        "shapes": "right in general, but other sizes of input and output, one layer, or one generator are allowed",
    },
)


def _flags(value: object, count: int) -> Tensor:
    """A list of `count` booleans, or a tensor or array of them, as zeros and ones."""
    if value is None:
        raise Wrong("none")
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 1:
        value = list(value)
    if not isinstance(value, list | tuple) or len(value) != count or not all(_is_flag(one) for one in value):
        raise Wrong("list")
    return torch.tensor([bool(one) for one in value]).double()


def _is_flag(one: object) -> bool:
    """True, False, or one of them as NumPy or torch has it."""
    return isinstance(one, bool | np.bool_) or (isinstance(one, Tensor) and one.dtype == torch.bool and one.dim() == 0)


def _matrix(p: list[int]) -> Tensor:
    """The permutation matrix that puts entry i at place p[i]."""
    return torch.eye(len(p), dtype=torch.float64)[:, torch.tensor(p).argsort()]


def _well_conditioned(random, n: int) -> Tensor:
    """A random change of coordinates, neither orthogonal nor close to singular."""
    left, right = (torch.linalg.qr(random.normal(n, n))[0] for _ in range(2))
    return left @ torch.diag(random.uniform(n, low=0.6, high=1.8)) @ right


def _commuting(random, generator: Tensor | None = None, n: int = 4) -> Tensor:
    """A random W with W P = P W: for all permutations a 1 + b 11^T, for one of them a mean over its powers."""
    if generator is None:
        a, b = random.away_from_zero(2)
        return a * torch.eye(n, dtype=torch.float64) + b * torch.ones(n, n, dtype=torch.float64) / 2
    powers = [torch.linalg.matrix_power(generator, k) for k in range(len(generator) + 1)]
    order = next(k for k, power in enumerate(powers) if k and torch.equal(power, powers[0]))
    w = random.normal(*generator.shape)
    return sum(power @ w @ power.T for power in powers[:order]) / order


def _layers_instance(random, n: int = 4):
    """Layers of which some are equivariant, between two sheared copies of the permutations of n items."""
    swap, cycle = _matrix([1, 0, *range(2, n)]), _matrix([(i + 1) % n for i in range(n)])
    here, there = _well_conditioned(random, n), _well_conditioned(random, n)
    rho_in, rho_out = (torch.stack([a @ g @ a.inverse() for g in (swap, cycle)]) for a in (here, there))

    def dressed(w: Tensor) -> Tensor:
        return there @ w @ here.inverse()

    same = torch.ones(n, n, dtype=torch.float64)  # respects the group, and its inverses, and is invariant besides
    good = [*(dressed(_commuting(random, n=n)) for _ in range(2)), dressed(same)]
    invariant = random.normal(n, 1) * torch.ones(1, n) @ here.inverse()
    wrong_side = here @ _commuting(random, n=n) @ there.inverse()
    turn = _matrix([(1 - i) % n for i in range(n)])  # turns the cycle round, and leaves the swap
    mirrored = [  # right if one matrix, or each, were replaced by its transpose or its inverse
        turned(there) @ flip @ _commuting(random, n=n) @ back(here)
        for turned, flip, back in (
            (_contragredient, torch.eye(n).double(), torch.inverse),
            (_contragredient, turn, torch.inverse),
            (torch.clone, turn, torch.t),
            (_contragredient, torch.eye(n).double(), torch.t),
            (torch.clone, turn, torch.inverse),
        )
    ]
    bad = [
        dressed(_commuting(random, swap)),
        dressed(_commuting(random, cycle)),
        dressed(_commuting(random, swap @ cycle)),
        _right_at_one_input(random, rho_in, rho_out),
        random.normal(n, n),
        invariant,
        wrong_side,
        *mirrored,
        good[0] + 1e-3 * good[0].norm() / n * random.away_from_zero(n, n),
    ]
    weights, truth = [*good, *bad], [1.0] * 3 + [0.0] * len(bad)
    order = random.order(len(weights))
    return torch.stack([weights[i] for i in order]), rho_in, rho_out, torch.tensor([truth[i] for i in order]).double()


def _contragredient(basis: Tensor) -> Tensor:
    return basis.inverse().T


def _with_a_still_place(g: Tensor, place: int) -> Tensor:
    """The matrix `g`, and one more entry, at `place`, that it leaves alone: `(n + 1, n + 1)`."""
    n = len(g) + 1
    others = torch.tensor([i for i in range(n) if i != place])
    out = torch.eye(n, dtype=torch.float64)
    out[others[:, None], others] = g
    return out


def _hexagon_instance(random):
    """Layers between the corners of a hexagon and its three diagonals, each beside an entry that nothing moves.

    Generators: the turn c, its inverse, a reflection s. Three layers respect them, the others fail as `names` says.
    """
    place, turn, mirror = random.integer(1, 2), [1, 2, 3, 4, 5, 0], [0, 5, 4, 3, 2, 1]
    sides = [(_matrix(turn), _matrix(mirror)), (_matrix([1, 2, 0]), _matrix([0, 2, 1]))]
    bases = [_well_conditioned(random, 6), _well_conditioned(random, 3)]
    (c, s), (d, r) = (
        [_with_a_still_place(one @ g @ one.inverse(), place) for g in pair] for one, pair in zip(bases, sides, strict=True)
    )
    power = torch.linalg.matrix_power

    def mean(turns: Callable, reflect: bool = True) -> Tensor:
        """The mean over the group of what `turns` puts in front of w, behind it the group element's inverse."""
        w = random.away_from_zero(len(d), len(c))
        w = (w + r @ w @ s) / 2 if reflect else w
        return sum(turns(e) @ w @ power(c, -e % 6) for e in range(6)) / 6

    good = [mean(lambda e: power(d, e)) for _ in range(3)]
    row, column = torch.zeros_like(good[0]), torch.zeros_like(good[0])
    row[place], column[:, place] = random.away_from_zero(len(c)), random.away_from_zero(len(d))
    bad = {
        "cancel": mean(lambda e: power(d, -e % 6)),
        "up_to_sign": mean(lambda e: (-1) ** e * power(d, e)),
        "every": mean(lambda e: power(d, e), reflect=False),
    }
    bad["whole"] = good[0] + row
    weights = torch.stack([*good, *bad.values(), good[1] + column])
    names, order = ["rejected"] * 3 + [*bad, "whole"], random.order(len(weights))
    rho_in, rho_out = torch.stack([c, power(c, 5), s]), torch.stack([d, power(d, 5), r])
    return weights[order], rho_in, rho_out, [names[i] for i in order]


def _right_at_one_input(random, rho_in: Tensor, rho_out: Tensor) -> Tensor:
    """A random layer that respects the generators for the input (1, ..., 1), and for hardly any other."""
    one, n = torch.ones(rho_in.shape[1], 1, dtype=torch.float64), rho_in.shape[1]
    basis = torch.eye(n * n, dtype=torch.float64).reshape(-1, n, n)
    gaps = torch.stack([basis @ a @ one - b @ basis @ one for a, b in zip(rho_in, rho_out, strict=True)])
    constraints = gaps.permute(0, 2, 3, 1).reshape(-1, n * n)
    _, _, right = torch.linalg.svd(constraints)
    kept = right[len(constraints) :]
    return (random.normal(1, len(kept)) @ kept).reshape(n, n)


def _gaps(weights: Tensor, rho_in: Tensor, rho_out: Tensor, at: Tensor | None = None) -> Tensor:
    """Relative gap of every generator and layer, `(m, l)`; at one input `(n, 1)` if it is given."""
    gap = weights @ rho_in[:, None] - rho_out[:, None] @ weights
    gap = gap if at is None else gap @ at
    size = weights.flatten(1).norm(dim=1)
    return gap.flatten(2).norm(dim=2) / torch.where(size > 0, size, 1.0)


def _likely_flags(weights, rho_in, rho_out, truth: Tensor) -> dict:
    def passes(left: Tensor, right: Tensor, tolerance: float = 1e-6) -> Tensor:
        return (_gaps(weights, left, right) < tolerance).all(0).double()

    gaps = _gaps(weights, rho_in, rho_out)
    one = torch.eye(weights.shape[1], dtype=torch.float64).expand_as(rho_out)
    back, flip = torch.linalg.inv(rho_out), rho_out.mT
    swapped = (rho_in[:, None] @ weights - weights @ rho_out[:, None]).flatten(2).norm(dim=2) < 1e-6
    transposed = [passes(rho_in, flip), passes(rho_in.mT, rho_out), passes(rho_in.mT, flip), passes(rho_in, back.mT)]
    return {
        "negated": 1 - truth,
        "first": [(gaps[0] < 1e-6).double(), (gaps[-1] < 1e-6).double()],
        "any": (gaps < 1e-6).any(0).double(),
        "side": swapped.all(0).double(),
        "invariant": passes(rho_in, one),
        "product": [passes(rho_in[[i]] @ rho_in[[1 - i]], rho_out[[i]] @ rho_out[[1 - i]]) for i in (0, 1)],
        "sample": (_gaps(weights, rho_in, rho_out, torch.ones(weights.shape[2], 1).double()) < 1e-6).all(0).double(),
        "inverse": [passes(rho_in, back), passes(torch.linalg.inv(rho_in), rho_out)],
        "transpose": transposed,
        "loose": [passes(rho_in, rho_out, loose) for loose in (3e-3, 1e-2, 3e-2)],
    }


@equivariant_layers.property(points=3)
def sorts_the_layers(answer, random):
    for n in (4, 5):
        weights, rho_in, rho_out, truth = _layers_instance(random, n)
        found = _flags(answer(weights, rho_in, rho_out), len(truth))
        if close(found, truth):
            continue
        likely = _likely_flags(weights, rho_in, rho_out, truth)
        hint = nearest(found, likely).hint
        if hint == "value" and bool((found <= truth).all()):
            hint = "strict"
        if hint == "value" and bool((found >= truth).all()) and (found - truth).sum() == 1:
            hint = "loose"
        raise Wrong(hint)
    weights, rho_in, rho_out, names = _hexagon_instance(random)
    found = _flags(answer(weights, rho_in, rho_out), len(names)).bool().tolist()
    for flag, name in zip(found, names, strict=True):
        if flag != (name == "rejected"):
            raise Wrong(name)


@equivariant_layers.property(points=1)
def sorts_at_the_edges(answer, random):
    weights, rho_in, rho_out, truth = _layers_instance(random)
    for factor in (1e-7, 1e7):
        found = called("absolute", answer, factor * weights, rho_in, rho_out)
        if not close(_flags(found, len(truth)), truth):
            raise Wrong("absolute")
    mixed = weights * 10.0 ** torch.tensor([random.integer(-7, 7) for _ in truth])[:, None, None]
    if not close(_flags(called("absolute", answer, mixed, rho_in, rho_out), len(truth)), truth):
        raise Wrong("absolute")
    nothing = torch.cat([torch.zeros_like(weights[:1]), weights])
    found = _flags(called("zero", answer, nothing, rho_in, rho_out), len(truth) + 1)
    if found[0] != 1 or not close(found[1:], truth):
        raise Wrong("zero")
    for row in (int(truth.argmax()), int(truth.argmin())):  # one layer; then sums and one generator
        if not close(_flags(called("shapes", answer, weights[[row]], rho_in, rho_out), 1), truth[[row]]):
            raise Wrong("shapes")
    cycle, trivial = rho_in[1:], torch.ones(1, 1, 1).double()
    invariant = torch.linalg.eig(cycle[0].T)
    row = invariant.eigenvectors[:, (invariant.eigenvalues - 1).abs().argmin()].real[None]
    rows = torch.stack([row, random.normal(1, 4)])
    if not close(_flags(called("shapes", answer, rows, cycle, trivial), 2), torch.tensor([1.0, 0.0])):
        raise Wrong("shapes")
    _sorts_up_to_rounding(answer, random)


def _sorts_up_to_rounding(answer: Callable, random) -> None:
    """Layers full of zeros that only rounding fills, the first entry among them; then large layers between odd coordinates."""
    n = 6
    waves = torch.fft.fft(torch.eye(n).double(), norm="ortho")
    basis = torch.linalg.qr(torch.cat([waves.real[:, :4], waves.imag[:, 1:3]], 1))[0].T
    for size, here, there in ((n, basis, basis), (30, _stretched(random, 30), _stretched(random, 30))):
        cycle = _matrix([(i + 1) % size for i in range(size)])
        rho_in, rho_out = (one @ cycle @ one.inverse() for one in (here, there))
        first = random.normal(size)
        first -= first.mean() * (size == n)
        w = there @ torch.stack([first.roll(shift) for shift in range(size)]).T @ here.inverse()
        weights = torch.stack([w, w + 1e-3 * w.norm() / size * random.away_from_zero(size, size)])
        found = _flags(called("rounding", answer, weights, rho_in[None], rho_out[None]), 2)
        if not close(found, torch.tensor([1.0, 0.0])):
            raise Wrong("rounding")


def _stretched(random, n: int) -> Tensor:
    """A change of coordinates with condition number 50."""
    left, right = (torch.linalg.qr(random.normal(n, n))[0] for _ in range(2))
    return left @ torch.diag(50 ** torch.linspace(0, 1, n).double()) @ right
