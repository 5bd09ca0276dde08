"""Checks for exercises/frontiers/merging.ipynb."""

import functools
import itertools
from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.returns import behind
from course_lib.models import MLP

# ------------------------------------------------------------------------------------------------------ match two nets

match = Exercise(
    "frontiers/merging/match",
    hints={
        "inverse": "that is the inverse order: entry i should be the neuron of B that plays the part of neuron i of A",
        "into_only": "you compare what enters the neurons and not what leaves them: columns of W2 belong to the neurons, too",
        "out_only": "you compare what leaves the neurons and not what enters them",
        "turned": "reshaping W2 mixes the neurons: its columns belong to them, so turn it over",
        "no_bias": "the biases of the hidden neurons are parameters, too: they move along and they count",
        "repeated": "your order uses a neuron of B twice: it should hold each of 0 to h - 1 once",
        "greedy": "the best partner for one neuron may be needed by another: the sum over all neurons counts",
        "farthest": "that order is as far from A as can be: does your solver look for the smallest or the largest sum?",
        "squares": "the squared distance of all parameters is asked for: add squares, without roots",
        "lengths": "you compare directions: the lengths count, too, since B is to come near to A",
        "index": "an order is used as an index: whole numbers of type int64",
        "value": "another order brings B nearer to A, in squared distance of all parameters",
        "planted": "right in general, but no planted order is found where neurons differ in one of the three parts only",
        "many": "right for a few neurons, but not the nearest order of forty: the solver must be exact for any number",
        "single": "right in general, but not for one hidden neuron, one input or one output",
        "float32": "right in float64, but float32 networks should be matched as well",
    },
)


@functools.cache
def _all_orders(h: int) -> np.ndarray:
    return np.array(list(itertools.permutations(range(h))))


def _rows(net: list[Tensor]) -> list[np.ndarray]:
    """What belongs to each neuron, `(h, d)`, `(h, 1)` and `(h, k)`: weights that enter, bias, weights that leave."""
    return [net[0].numpy(), net[1].numpy()[:, None], net[2].numpy().T]


def _parts(a: list[Tensor], b: list[Tensor]) -> list[np.ndarray]:
    """Squared distances of neuron i of A and j of B, each `(h, h)`: weights that enter, bias, weights that leave."""
    return [np.square(one[:, None] - other).sum(2) for one, other in zip(_rows(a), _rows(b), strict=True)]


def _best(cost: np.ndarray) -> np.ndarray:
    orders = _all_orders(len(cost))
    return orders[cost[np.arange(len(cost)), orders].sum(1).argmin()]


def _assigned(cost: np.ndarray) -> np.ndarray:
    return linear_sum_assignment(cost)[1]


def _greedy(cost: np.ndarray, by_row: bool) -> np.ndarray:
    cost, order = cost.copy(), np.zeros(len(cost), dtype=int)
    for row in range(len(cost)):
        i, j = (row, cost[row].argmin()) if by_row else np.unravel_index(cost.argmin(), cost.shape)
        order[i], cost[i], cost[:, j] = j, np.inf, np.inf
    return order


def _likely_ways(a: list[Tensor], b: list[Tensor], right: np.ndarray) -> dict[str, Callable]:
    into, bias, out = _parts(a, b)
    total = into + bias + out
    mixed = [net[2].numpy().reshape(len(into), -1) for net in (a, b)]

    def lengths_forgotten() -> list[np.ndarray]:
        one, other = (row / np.linalg.norm(row, axis=1, keepdims=True) for row in (np.hstack(_rows(net)) for net in (a, b)))
        return [_assigned(-one @ other.T)]

    def roots() -> list[np.ndarray]:
        summed = np.abs(np.hstack(_rows(a))[:, None] - np.hstack(_rows(b))).sum(2)
        return [_assigned(np.sqrt(total)), _assigned(np.sqrt(into + bias) + np.sqrt(out)), _assigned(summed)]

    return {
        "no_bias": lambda: [_assigned(into + out)],
        "inverse": lambda: [np.argsort(right)],
        "into_only": lambda: [_assigned(into + bias), _assigned(into)],
        "turned": lambda: [_assigned(into + bias + np.square(mixed[0][:, None] - mixed[1]).sum(2))],
        "out_only": lambda: [_assigned(out)],
        "greedy": lambda: [_greedy(total, True), _greedy(total, False), np.argsort(_greedy(total.T, True))],
        "farthest": lambda: [_assigned(-total)],
        "squares": roots,
        "lengths": lengths_forgotten,
    }


def _likely_orders(a: list[Tensor], b: list[Tensor], right: np.ndarray) -> dict[str, list[np.ndarray]]:
    return {hint: way() for hint, way in _likely_ways(a, b, right).items()}


def _networks(random, d: int, h: int, k: int) -> tuple[list[Tensor], list[Tensor]]:
    def network() -> list[Tensor]:
        return [random.normal(h, d), 1.5 * random.normal(h), random.normal(k, h), random.normal(k)]

    return network(), network()


def _telling(random, d: int, h: int, k: int, apart: tuple[str, ...]) -> tuple[list, list, list]:
    """A pair of networks and its best order; each of the mistakes `apart` gives an order that nothing else gives.

    Both ways of asking for the nearest neuron of the other network give repetitions.
    """
    while True:
        a, b = _networks(random, d, h, k)
        total = sum(_parts(a, b))
        right = _assigned(total)
        if any(len(set(total.argmin(axis))) == h for axis in (0, 1)):
            continue
        ways, likely = _likely_ways(a, b, right), {"right": {tuple(right)}}
        for hint in sorted(ways, key=lambda hint: hint not in apart) if apart else ():  # the telling ones first
            orders = {tuple(order) for order in ways[hint]()}
            if any(orders & found and {hint, name} & set(apart) for name, found in likely.items()):
                break
            likely[hint] = orders
        else:
            return a, b, _best(total).tolist()


def _order(found: object, h: int) -> list[int]:
    value = as_tensor(found, (h,))
    if found.dtype != torch.int64:
        raise Wrong("index")
    order = value.long().tolist()
    if sorted(order) != list(range(h)):
        raise Wrong("repeated")
    return order


APART = (
    (3, 6, 2, ("inverse", "into_only", "turned", "out_only", "no_bias", "farthest")),
    (2, 6, 3, ("greedy", "lengths")),
    (1, 6, 1, ("squares",)),
)


@match.property(points=3)
def brings_b_nearest_to_a(answer, random):
    found, right, likely = [], [], []
    for d, h, k, apart in APART:
        a, b, best = random.once(_telling, d, h, k, apart)
        found += _order(answer(a, b), h)
        right += best
        likely.append(random.recall(lambda a=a, b=b, best=best: _likely_orders(a, b, np.array(best))))
    if found != right:
        orders = {hint: zip(*(one[hint] for one in likely), strict=True) for hint in likely[0]}
        for hint, ways in orders.items():
            if any(found == np.concatenate(way).tolist() for way in ways):
                raise Wrong(hint)
        raise Wrong("value")


def _planted(random, d: int, h: int, k: int, alike: str) -> tuple[list, list, list[int]]:
    """B, and A = B reordered with one per cent of noise; neurons differ only in what `alike` leaves."""
    b, _ = _networks(random, d, h, k)
    if alike != "into":
        b[0] = b[0][:1].repeat(h, 1)
    if alike != "bias":
        b[1] = b[1][:1].repeat(h)
    if alike != "out":
        b[2] = b[2][:, :1].repeat(1, h)
    spread = {"into": 0, "bias": 1, "out": 2}[alike]
    shape = b[spread].shape
    steps = torch.linspace(-2, 2, h, dtype=torch.float64)[random.order(h)]
    b[spread] = steps[:, None].repeat(1, d) if alike == "into" else steps.expand(shape).clone()
    order = random.order(h)
    while order == sorted(order) or order == np.argsort(order).tolist():
        order = random.order(h)
    a = [b[0][order], b[1][order], b[2][:, order], b[3].clone()]
    return [part + 0.01 * random.normal(*part.shape) for part in a], b, order


def _special_networks(random) -> list[tuple[str, list, list, list[int]]]:
    """Hint, two networks, and the best order."""
    cases = [("planted", *_planted(random, 3, 7, 2, alike)) for alike in ("into", "bias", "out")]
    cases += [("single", *_planted(random, 1, 4, 1, "into")), ("single", *_networks(random, 2, 1, 1), [0])]
    many = _networks(random, 3, 40, 2)
    cases += [("many", *many, _assigned(sum(_parts(*many))).tolist())]
    a, b, right = _telling(random, 2, 5, 2, ())
    return [*cases, ("float32", [part.float() for part in a], [part.float() for part in b], right)]


@match.property(points=1)
@behind(brings_b_nearest_to_a)
def finds_a_planted_order(answer, random):
    for hint, a, b, right in random.once(_special_networks):
        found = called(hint, answer, a, b)
        try:
            order = _order(found, len(right))
        except Wrong as wrong:
            raise Wrong(hint) from wrong
        if order != right:
            raise Wrong(hint)


# -------------------------------------------------------------------------------------------------------------- barrier

barrier = Exercise(
    "frontiers/merging/barrier",
    hints={
        "larger_end": "you measure from the larger of the two ends: measure from the line between them, at each alpha",
        "smaller_end": "you measure from the smaller of the two ends: measure from the line between them, at each alpha",
        "mean_end": "you measure from the mean of the two ends: that is the line at alpha = 1/2 only",
        "height": "that is the highest loss itself: subtract the straight line between the two ends",
        "late": "you subtract the line after you have taken the maximum: subtract at each alpha, then take the largest gap",
        "line": "the line runs the wrong way: at alpha = 0 the network is A, and there the line is the loss of A",
        "path": "at alpha = 0 the network is A and at alpha = 1 it is B; yours goes the other way",
        "grid": "use the given alphas, as they are: they need be neither evenly spaced nor in order",
        "mean": "the largest gap is asked for, not the mean or the sum over alpha",
        "dip": "a loss below the line is no barrier: the gap is loss minus line, with its sign",
        "middle": "the largest gap may lie anywhere: look at all alphas, not at the middle or at where the loss is largest",
        "ends": "the line runs from alpha = 0 to alpha = 1, also when these are not among the alphas",
        "sign": "this loss may be negative: use its values as they are, without clamp or abs",
        "ratio": "a difference of losses is asked for, not a ratio",
        "value": "not the largest rise of the loss over the straight line between its ends",
        "negative": "right in general, but where the loss lies below the line there is no barrier: 0, the gap at both ends",
        "given": "right in general, but not where 0 and 1 are among the alphas",
        "same": "right in general, but from a network to itself there is no barrier",
        "single": "right in general, but not for a single alpha, or for networks of one parameter",
        "float32": "right in float64, but float32 should work as well",
    },
)


def _at(loss: MLP, a: Tensor, b: Tensor, *alphas: Tensor) -> list[Tensor]:
    """The loss at each of several lists of alphas, in one call."""
    every = torch.cat(alphas)[:, None]
    return list(loss((1 - every) * a + every * b).split([len(some) for some in alphas]))


def _truth(loss: MLP, a: Tensor, b: Tensor, alphas: Tensor) -> float:
    """The largest gap, one alpha after the other, from the ends on."""
    (low, high), curve = (some.tolist() for some in _at(loss, a, b, alphas.new_tensor([0.0, 1.0]), alphas))
    return max(0.0, *(here - low - alpha * (high - low) for here, alpha in zip(curve, alphas.tolist(), strict=True)))


def _likely_barriers(loss: MLP, a: Tensor, b: Tensor, alphas: Tensor) -> dict[str, list[Tensor]]:
    even, finer = (torch.linspace(0, 1, count, dtype=alphas.dtype) for count in (len(alphas), 101))
    special = alphas.new_tensor([0.0, 1.0, 0.5])
    curve, backwards, there, fine, (low, high, half) = _at(loss, a, b, alphas, 1 - alphas, even, finer, special)
    line, crossed = torch.lerp(low, high, alphas), torch.lerp(high, low, alphas)
    gap, top = curve - line, curve.max()
    shortened = curve[0] + (alphas - alphas[0]) / (alphas[-1] - alphas[0]) * (curve[-1] - curve[0])
    likely = {
        "larger_end": [top - torch.maximum(low, high)],
        "smaller_end": [top - torch.minimum(low, high)],
        "mean_end": [top - (low + high) / 2],
        "height": [top],
        "late": [top - line.max(), top - line.min(), top - line.mean()],
        "middle": [gap[curve.argmax()], gap[len(gap) // 2], gap[(alphas - 0.5).abs().argmin()], half - (low + high) / 2],
        "sign": [(do(curve) - torch.lerp(do(low), do(high), alphas)).max() for do in (torch.relu, torch.abs)],
        "line": [(curve - crossed).max()],
        "path": [(backwards - crossed).max(), (backwards - line).max()],
        "grid": [(there - torch.lerp(low, high, even)).max(), (curve - torch.lerp(low, high, even)).max()],
        "mean": [gap.mean(), gap.clamp(min=0).mean(), gap.sum(), gap.clamp(min=0).sum()],
        "dip": [gap.abs().max()],
        "ends": [(curve - torch.lerp(curve[0], curve[-1], t)).max() for t in (alphas, even)] + [(curve - shortened).max()],
        "ratio": [(curve / line).max(), (curve / line).max() - 1, gap.max() / line[gap.argmax()]],
    }
    likely["grid"] += [(fine - torch.lerp(low, high, finer)).max()]
    return likely


def _distinct(values: dict[str, list[Tensor]]) -> bool:
    """Whether no two hints share a value, or almost."""
    flat = torch.stack([value for found in values.values() for value in found])
    names = torch.tensor([i for i, found in enumerate(values.values()) for _ in found])
    return bool(((flat[:, None] - flat).abs() > 1e-4)[names[:, None] != names].all())


def _many_paths(random, loss: MLP, p: int, alphas: Tensor, count: int) -> tuple[Tensor, ...]:
    """Starts and ends `(count, 1, p)`, their losses `(count, 1)`, and the losses on the way `(count, s)`."""
    a, b = 4 * random.normal(count, 1, p), 4 * random.normal(count, 1, p)
    path = loss(torch.lerp(a, b, alphas[:, None]).flatten(0, 1)).reshape(count, -1)
    return a, b, loss(a[:, 0])[:, None], loss(b[:, 0])[:, None], path


def _hill(random, p: int, alphas: Tensor) -> tuple[MLP, Tensor, Tensor, Tensor]:
    """A landscape and two points with a clear barrier, and a higher one halfway, where none of `alphas` lies."""
    while True:
        loss = MLP([p, 6, 1], "tanh", random.seed()).double().requires_grad_(False)
        every = torch.cat([alphas, alphas.new_tensor([0.5])])
        a, b, low, high, path = _many_paths(random, loss, p, every, 60)
        gaps = path - torch.lerp(low, high, every)
        top = gaps[:, :-1].amax(1)
        for i in ((top > 0.05) & (gaps[:, -1] > top + 0.05)).nonzero()[:1, 0].tolist():
            return loss, a[i, 0].clone(), b[i, 0].clone(), alphas


def _landscape(random, p: int, s: int) -> tuple[MLP, Tensor, Tensor, Tensor]:
    """A smooth landscape, two points and alphas for which every likely mistake gives another number."""
    while True:
        loss = MLP([p, 6, 1], "tanh", random.seed()).double().requires_grad_(False)
        alphas = random.uniform(s, low=0.04, high=0.96)
        a, b, low, high, path = _many_paths(random, loss, p, alphas, 400)
        gaps = path - torch.lerp(low, high, alphas)
        top, bottom = gaps.amax(1), gaps.amin(1)
        above = path.amax(1) > torch.maximum(low, high)[:, 0] + 0.05
        good = (top > 0.1) & (bottom < -0.02 - top) & ((high - low)[:, 0].abs() > 0.1) & above
        summit, rise, outer = path.argmax(1), gaps.argmax(1), [0, s - 1, alphas.argmin(), alphas.argmax()]
        good &= (summit != rise) & ~torch.isin(summit, torch.tensor(outer))
        good &= ~torch.isin(rise, torch.tensor([s // 2, (alphas - 0.5).abs().argmin()]))
        for i in good.nonzero()[:, 0].tolist():
            pair, k = (a[i, 0], b[i, 0]), gaps[i].argmax()
            loss.layers[2].bias.sub_(loss.layers[2].bias + path[i, k] - gaps[i, k] / 2)  # zero between line and loss
            likely = _likely_barriers(loss, *pair, alphas)
            if min(likely["path"] + likely["grid"]) > 0.01 and _distinct({"right": [top[i]], **likely}):
                return loss, pair[0].clone(), pair[1].clone(), alphas


@barrier.property(points=3)
def is_the_largest_rise_over_the_line(answer, random):
    loss, a, b, alphas = random.once(_landscape, random.integer(3, 5), random.integer(6, 9))
    found = as_number(answer(loss, a, b, alphas))
    if not close(found, random.recall(lambda: _truth(loss, a, b, alphas)), 1e-6):
        likely = random.recall(lambda: _likely_barriers(loss, a, b, alphas))
        raise nearest(found, likely if abs(found) > 1e-6 else {}, "value", 1e-6)  # 0 has many reasons


def _convex(random, p: int) -> tuple[MLP, Tensor, Tensor, Tensor]:
    """A sum of ReLUs with positive weights lies below each of its chords."""
    while True:
        loss = MLP([p, 8, 1], "relu", random.seed()).double().requires_grad_(False)
        loss.layers[2].weight.abs_()
        case = loss, 3 * random.normal(p), 3 * random.normal(p), random.uniform(5, low=0.2, high=0.8)
        (low, high), curve = _at(*case[:3], case[3].new_tensor([0.0, 1.0]), case[3])
        if (curve - torch.lerp(low, high, case[3])).max() < -0.01:
            return case


def _edges(random) -> list[tuple]:
    """Hint, loss, two points, alphas, and the barrier."""
    apart = [random.uniform(1, low=0.1, high=0.3), random.uniform(2, low=0.7, high=0.9)]
    inside = torch.cat(apart)
    smooth, a, b, _ = _hill(random, 3, inside)
    ends = torch.cat([inside, inside.new_tensor([1.0, 0.0])])[random.order(5)]
    single = _hill(random, 1, apart[0])
    cases = [
        ("negative", *_convex(random, 3)),
        ("given", smooth, a, b, ends),
        ("same", smooth, a, a.clone(), inside),
        ("single", *single),
        ("float32", MLP(**smooth.config).requires_grad_(False), *(part.float() for part in (a, b, inside))),
    ]
    return [(*case, _truth(*case[1:])) for case in cases]


@barrier.property(points=1)
@behind(is_the_largest_rise_over_the_line)
def is_never_negative(answer, random):
    for hint, loss, start, end, alphas, right in random.once(_edges):
        found = called(hint, answer, loss, start, end, alphas)
        try:
            value = as_number(found)
        except Wrong as wrong:
            raise Wrong(hint) from wrong
        if not close(value, right, 1e-5 if hint == "float32" else 1e-6):
            raise Wrong(hint)
