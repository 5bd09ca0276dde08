"""Checks for exercises/frontiers/weight_space.ipynb."""

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.returns import behind
from course_lib.models import MLP

DTYPE = "the numbers are right, but float64 comes in and you return float32: the answer keeps the dtype of what comes in"
FLOAT32 = "right in float64, but float32 should work as well, and come back as float32"


def _same(found: object, truth: Tensor, tolerance: float = 1e-9) -> bool:
    return isinstance(found, Tensor) and found.shape == truth.shape and close(found.detach(), truth, tolerance)


# ------------------------------------------------------------------------------------------------------ neuron_tokens

neuron_tokens = Exercise(
    "frontiers/weight_space/neuron_tokens",
    hints={
        "reshape": "you cut consecutive pieces: the numbers of one neuron are not neighbours, they stand in three blocks",
        "columns": "b and v are right, w is not: its block lists the rows of w, all inputs of neuron 1 first",
        "transposed": "you have one row for each kind of number: swap the last two axes",
        "swapped": "each row ends with b and then v: yours ends with v and then b",
        "inside": "the numbers of each neuron are right, in another order than asked for: its w, then b, then v",
        "blocks": "the three blocks come in the order w, b, v: you read them in another order",
        "first": "every network has weights of its own: you return one of them for all",
        "neurons": "the rows are right, but the neurons should keep their order",
        "dtype": DTYPE,
        "value": "not the rows (w, b, v), one for each neuron",
        "inputs": "right for two inputs, but not for another number of them",
        "single": "right in general, but not for a single network or a single neuron",
        "float32": FLOAT32,
    },
)


def _networks(random, b: int, h: int, d: int) -> tuple[Tensor, Tensor]:
    """Flat weights and the truth, from numbers that were drawn as three tensors."""
    w, bias, v = random.normal(b, h, d), random.normal(b, h), random.normal(b, h)
    truth = torch.empty(b, h, d + 2, dtype=torch.float64)
    truth[..., :d], truth[..., d], truth[..., d + 1] = w, bias, v
    return torch.stack([torch.cat([w[i].reshape(-1), bias[i], v[i]]) for i in range(b)]), truth


def _likely_tokens(x: Tensor, truth: Tensor) -> dict:
    b, h, n = truth.shape
    d = n - 2
    columns = x.reshape(b, n, h)
    back = x[:, 2 * h :].reshape(b, h, d), x[:, :h, None], x[:, h : 2 * h, None]
    middle = x[:, h : h + h * d].reshape(b, h, d), x[:, :h, None], x[:, h + h * d :, None]
    rolled = [truth.roll(k, 2) for k in range(1, n)]
    w = truth[..., :d]
    return {
        "reshape": x.reshape(b, h, n),
        "columns": columns.mT,
        "transposed": [columns] if h == n else [],
        "swapped": torch.cat([w, truth[..., [d + 1]], truth[..., [d]]], 2),
        "inside": [truth.flip(2), torch.cat([w.flip(2), truth[..., d:]], 2), *rolled],
        "blocks": [torch.cat(parts, 2) for parts in (back, back[::2] + back[1:2], middle, middle[::2] + middle[1:2])],
        "first": [truth[[i]].expand_as(truth) for i in range(b)],
        "neurons": [truth.flip(1), *(truth.roll(k, 1) for k in range(1, h))],
    }


def _compare_tokens(found: object, x: Tensor, truth: Tensor) -> None:
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-9):
        if found.dtype == torch.float32 and close(value, truth, 1e-6):
            raise Wrong("dtype")
        raise nearest(value, _told_apart(x, truth), "value", 1e-6)


def _told_apart(x: Tensor, truth: Tensor) -> dict:
    """Likely answers; a few agree with the truth for one neuron or one input, and are left out there."""
    return {
        hint: [one for one in (others if isinstance(others, list) else [others]) if not close(one, truth, 1e-9)]
        for hint, others in _likely_tokens(x, truth).items()
    }


@neuron_tokens.property(points=2)
def rows_of_neurons(answer, random):
    for b, h in ((3, random.choice([3, 5, 6])), (2, 4)):
        x, truth = _networks(random, b, h, 2)
        _compare_tokens(answer(x, 2), x, truth)


@neuron_tokens.property(points=1)
@behind(rows_of_neurons)
def other_inputs_and_small_networks(answer, random):
    for b, h, d in ((2, 4, 3), (3, 3, 1), (2, 2, 5)):
        x, truth = _networks(random, b, h, d)
        if not _same(called("inputs", answer, x, d), truth):
            raise Wrong("inputs", seen=f"{d} inputs, {h} neurons")
    for b, h in ((1, 3), (2, 1), (1, 1)):
        x, truth = _networks(random, b, h, 2)
        if not _same(called("single", answer, x, 2), truth):
            raise Wrong("single", seen=f"{b} networks of {h} neurons")
    x, truth = _networks(random, 2, 3, 2)
    found = called("float32", answer, x.float(), 2)
    if not _same(found, truth, 1e-6) or found.dtype != torch.float32:
        raise Wrong("float32")


# ------------------------------------------------------------------------------------------------------- read_neurons

read_neurons = Exercise(
    "frontiers/weight_space/read_neurons",
    hints={
        "plain": "the neurons as they come: their signs are arbitrary, let phi see each neuron with all signs changed, too",
        "only_minus": "phi(-t) alone is no better than phi(t) alone: let phi see both",
        "partial": "a flip changes w, b and v together: if one of them stays, another function is drawn",
        "minus": "phi(t) - phi(-t) changes its sign with t: add",
        "absolute": "you computed a function of the sizes |t|: which numbers of a neuron agree in sign is lost",
        "max": "you take the largest entry: what is asked for is the sum over neurons",
        "together": "you flip all neurons of a network at once: each may flip on its own, so add phi(t) and phi(-t) first",
        "mean": "the sum over neurons and both signs is asked for, not a mean",
        "pooled_first": "you add up the neurons and then apply phi: phi comes first, to each neuron alone",
        "rho_inside": "apply rho once, to the sum of all features: not to each neuron or sign, adding afterwards",
        "no_rho": "these are the features that rho should read: apply it",
        "canonical": "you choose a sign for each neuron and apply phi once: let phi see both, and add",
        "larger": "the larger of phi(t) and phi(-t) does not see the sign either, but the sum is asked for",
        "product": "phi(t) times phi(-t) does not see the sign either, but the sum is asked for",
        "distance": "|phi(t) - phi(-t)| does not see the sign, but the sum is asked for",
        "waves": "the neurons come as (w, b, v), and phi reads them so: no waves here",
        "half_turn": "these are half turns, (w, b + pi, -v): a flip changes all signs, so add phi(t) and phi(-t)",
        "one_neuron": "all neurons take part: you read only some",
        "repeated": "two neurons of a network may be equal, or flips of each other: each counts, in the sum and in the picture",
        "silent": "a neuron with v = 0 draws nothing, but the sum takes it in as every other",
        "features": "right for a few features, but not for another number of them",
        "dtype": DTYPE,
        "value": "not rho of the sum over neurons of phi(t) + phi(-t)",
        "single": "right in general, but not for a single network, a single neuron, or where one number is asked for",
        "float32": FLOAT32,
    },
)


def _net(random, widths: list[int], activation: str = "tanh") -> MLP:
    """A network in float64 with biases that are not 0."""
    net = MLP(widths, activation, random.seed()).double().requires_grad_(False)
    for layer in net.layers[::2]:
        layer.bias.copy_(random.away_from_zero(len(layer.bias)) / 2)
    return net


def _features(phi: MLP, t: Tensor) -> Tensor:
    """phi of every neuron, `(b, h, w)`, network by network."""
    return torch.stack([phi(one) for one in t])


def _reading(phi: MLP, rho: MLP, t: Tensor) -> Tensor:
    return rho((_features(phi, t) + _features(phi, -t)).sum(1))


def _likely_readings(phi: MLP, rho: MLP, t: Tensor) -> dict:
    plus, minus = _features(phi, t), _features(phi, -t)
    both, h = plus + minus, t.shape[1]
    d = t.shape[2] - 2
    kept = [[0] * d + [1, 1], [1] * d + [0, 1], [1] * d + [1, 0], [0] * d + [0, 1], [0] * d + [1, 0], [1] * d + [0, 0]]
    masks = [torch.tensor(one, dtype=torch.float64) for one in kept]
    partial = [_features(phi, t * (1 - 2 * mask)) for mask in masks]
    sizes, total = _features(phi, t.abs()), t.sum(1)
    signs = [t[..., [k]].sign() for k in range(d + 2)] + [t.sum(2, keepdim=True).sign()]
    chosen = [_features(phi, t * sign).sum(1) for sign in signs]
    b, v = t[..., [d]], t[..., [d + 1]]
    wave = torch.cat([t[..., :d], v * b.cos(), v * b.sin()], 2)
    twin = torch.cat([-t[..., :d], -v * b.cos(), v * b.sin()], 2)
    turned, everything = _features(phi, torch.cat([t[..., :d], b + torch.pi, -v], 2)).sum(1), both.sum(1)
    once, either, loud = everything.clone(), everything.clone(), everything.clone()
    once[0] -= both[0, 1]
    either[:2] -= both[:2, 1]
    loud[2] -= both[2, 2]
    return {
        "plain": [rho(c * plus.sum(1)) for c in (1, 2)] + [rho(plus.mean(1))],
        "only_minus": [rho(minus.sum(1))],
        "partial": [rho((plus + other).sum(1)) for other in partial],
        "minus": [rho((plus - minus).sum(1)), rho((minus - plus).sum(1))],
        "absolute": [rho(c * sizes.sum(1)) for c in (1, 2)] + [rho((sizes + _features(phi, -t.abs())).sum(1))],
        "max": [rho(one.amax(1)) for one in (plus, minus, both, torch.maximum(plus, minus))]
        + [rho(plus.amax(1) + minus.amax(1))],
        "together": [c * (rho(plus.sum(1)) + rho(minus.sum(1))) for c in (1, 0.5)],
        "mean": [rho(both.sum(1) / c) for c in (2, h, 2 * h, h - 1)],
        "pooled_first": [rho(phi(total) + phi(-total)), rho(phi(total)), rho(phi(total / h) + phi(-total / h))],
        "rho_inside": [torch.stack([rho(one).sum(0) for one in both]), torch.stack([rho(one).mean(0) for one in both])]
        + [torch.stack([(rho(p) + rho(m)).sum(0) for p, m in zip(plus, minus, strict=True)])],
        "canonical": [rho(c * one) for one in chosen for c in (1, -1, 2)],
        "larger": rho(torch.maximum(plus, minus).sum(1)),
        "product": rho((plus * minus).sum(1)),
        "distance": rho((plus - minus).abs().sum(1)),
        "waves": [rho((_features(phi, wave) + _features(phi, other)).sum(1)) for other in (twin, -wave)],
        "half_turn": [rho(plus.sum(1) + turned), rho(turned)],
        "repeated": [rho(once), rho(either)],
        "silent": rho(loud),
        "one_neuron": [rho(both[:, k]) for k in range(h)] + [rho(both[:, 1:].sum(1)), rho(both[:, :-1].sum(1))],
    }


def _compare_readings(found: object, phi: MLP, rho: MLP, t: Tensor) -> None:
    features = (_features(phi, t) + _features(phi, -t)).sum(1)
    if isinstance(found, Tensor) and found.shape == features.shape and close(found.detach(), features, 1e-6):
        raise Wrong("no_rho")
    truth = rho(features)
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-8):
        if found.dtype == torch.float32 and close(value, truth, 1e-4):
            raise Wrong("dtype")
        raise nearest(value, _likely_readings(phi, rho, t), "value", 1e-6)


def _ordinary(random) -> tuple:
    """Four networks: one has a neuron twice, one has a neuron and its flip, one has a neuron with v = 0."""
    d, h = random.choice([1, 3]), random.choice([3, 5])
    t = random.normal(4, h, d + 2)
    t[0, 1], t[1, 1], t[2, 2, -1] = t[0, 0], -t[1, 0], 0
    return _net(random, [d + 2, 5, 4]), _net(random, [4, 6, 4]), t


@read_neurons.property(points=3)
def forgets_order_and_signs(answer, random):
    case = random.once(_ordinary)
    _compare_readings(answer(*case), *case)


def _small(random) -> tuple:
    ones = _net(random, [4, 5, 3]), _net(random, [3, 2]), _net(random, [3, 1]), random.normal(1, 3, 4), random.normal(3, 1, 4)
    return *ones, _net(random, [4, 18]), _net(random, [18, 2])


@read_neurons.property(points=1)
@behind(forgets_order_and_signs)
def small_networks_and_short_numbers(answer, random):
    phi, many, one, wide, tall, *broad = random.once(_small)
    for rho, t in ((many, wide), (one, tall), (one, wide)):
        if not _same(called("single", answer, phi, rho, t), _reading(phi, rho, t), 1e-8):
            raise Wrong("single", seen=f"{t.shape[0]} networks of {t.shape[1]} neurons, {2 if rho is many else 1} outputs")
    if not _same(called("features", answer, *broad, tall), _reading(*broad, tall), 1e-8):
        raise Wrong("features")
    truth = _reading(phi, many, wide)
    found = called("float32", answer, phi.float(), many.float(), wide.float())
    if not _same(found, truth, 1e-4) or found.dtype != torch.float32:
        raise Wrong("float32")
