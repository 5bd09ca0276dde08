"""Checks for exercises/equivariance/group_convolution.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest


def _turn(x: Tensor, times: int) -> Tensor:
    """Quarter turns counter-clockwise of the last two axes, by indices: row a, column d is read from row d, column k-1-a."""
    for _ in range(times % 4):
        x = x.transpose(-2, -1).flip(-2)
    return x


def _slide(x: Tensor, w: Tensor) -> Tensor:
    """Plain sliding, `(b, c, h, h)`, `(o, c, k, k)` -> `(b, o, h', h')`, by windows."""
    k = w.shape[-1]
    return torch.einsum("bcijad,ocad->boij", x.unfold(2, k, 1).unfold(3, k, 1), w)


def _right_shape(found: object, truth: Tensor) -> None:
    """The axes in another order, or too few, are one thing; another size of the images is a second."""
    if isinstance(found, Tensor) and found.shape != truth.shape:
        padded = found.shape[-2:] != truth.shape[-2:] and sorted(found.shape) != sorted(truth.shape)
        raise Wrong("padded" if padded else "axes", seen=f"{tuple(found.shape)} where {tuple(truth.shape)} is due")


def _special(answer, x: Tensor, w: Tensor, truth: Tensor, what: str) -> None:
    """A special case: every digit of float64 counts."""
    found = called("edges", answer, x, w)
    if not isinstance(found, Tensor) or found.shape != truth.shape or not close(found, truth):
        raise Wrong("edges", seen=f"{what} {tuple(x.shape)}, filters {tuple(w.shape)}")
    if found.dtype != torch.float64 or not close(found, truth, 1e-10):
        raise Wrong("float32")


# ------------------------------------------------------------------------------------------------------- lifting

lift_p4 = Exercise(
    "equivariance/group_convolution/lift_p4",
    hints={
        "axes": "return (b, o, 4, h', h'): the four turns are the third axis",
        "clockwise": "your filters turn clockwise: place r is for the filter after r quarter turns counter-clockwise",
        "transposed": "your filters are flipped or transposed, not turned: a turn does both",
        "answers": "you turn the answer of one filter: turn the filters, and slide each over the image as it is",
        "image": "you turn the image and leave its answers turned: turn the filters instead",
        "half": "the right answers, but not in the order of 0, 1, 2, 3 quarter turns",
        "flipped": "networks slide filters as they are; you turn them by another half, as a convolution in mathematics does",
        "same": "all four places hold the same: each has a filter turned once more",
        "padded": "no border is added here: the answer is smaller than the image by k - 1",
        "mean": "channels are summed, not averaged",
        "rows": "some axes are mixed up: keep o apart from r, one filter after the other",
        "which": "which axes did you turn? Rows and columns are the last two axes of the filters",
        "value": "place r should hold the image met by the filter after r quarter turns, channels summed",
        "edges": "right in general, but not for filters of one or four pixels or as large as the image, one channel, one image",
        "float32": "the answer should have the number type of its inputs, float32 or float64, and be computed in it",
    },
)


def _lifted(x: Tensor, w: Tensor) -> Tensor:
    """Turn the image back, slide, turn the answer: what equivariance says of place r."""
    return torch.stack([_turn(_slide(_turn(x, -r), w), r) for r in range(4)], 2)


def _likely_lifts(x: Tensor, w: Tensor) -> dict:
    truth, plain = _lifted(x, w), _slide(x, w)
    turned = [_turn(w, r) for r in range(4)]
    mixed = _slide(x, torch.cat(turned))
    by_turn = mixed.unflatten(1, (len(w), 4)) if len(w) > 1 else truth * 0
    return {
        "clockwise": truth[:, :, [0, 3, 2, 1]],
        "flipped": truth[:, :, [2, 3, 0, 1]],
        "half": [truth[:, :, order] for order in ([3, 2, 1, 0], [1, 2, 3, 0], [3, 0, 1, 2], [2, 1, 0, 3], [0, 2, 1, 3])],
        "same": plain[:, :, None].expand_as(truth),
        "mean": truth / w.shape[1],
        "answers": [torch.stack([_turn(plain, sign * r) for r in range(4)], 2) for sign in (1, -1)],
        "image": [torch.stack([_slide(_turn(x, sign * r), w) for r in range(4)], 2) for sign in (1, -1)],
        "transposed": [
            torch.stack([_slide(x, f) for f in filters], 2)
            for filters in (
                (w, w.mT, w.flip(-2, -1), w.mT.flip(-2, -1)),
                (w, w.mT, w, w.mT),
                (w, w.flip(-1), w.flip(-2), w.flip(-2, -1)),
                (w, w.flip(-2), w.flip(-1), w.flip(-2, -1)),
                (w, w.flip(-1), w.flip(-2, -1), w.flip(-2)),
                (w, w.flip(-2), w.flip(-2, -1), w.flip(-1)),
            )
        ],
        "rows": [by_turn],
        "which": [
            torch.stack([_slide(x, torch.rot90(w, r, axes)) for r in range(4)], 2)
            for axes in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (1, 0), (2, 0), (3, 0), (2, 1), (3, 1))
        ],
    }


@lift_p4.property(points=3)
def turns_the_filters(answer, random):
    x, w = random.away_from_zero(2, 3, 7, 7), random.away_from_zero(3, 3, 3, 3)  # wrong axes can be turned, too
    found, truth = answer(x, w), _lifted(x, w)
    _right_shape(found, truth)
    found = as_tensor(found, truth.shape)
    if not close(found, truth):
        raise nearest(found, _likely_lifts(x, w))


@lift_p4.property(points=1)
def lifts_at_the_edges(answer, random):
    for batch, outputs, channels, size, k in ((1, 1, 1, 3, 3), (3, 2, 4, 4, 1), (2, 2, 1, 6, 4)):
        x = random.away_from_zero(batch, channels, size, size)
        w = random.away_from_zero(outputs, channels, k, k)
        _special(answer, x, w, _lifted(x, w), "images")
    if called("float32", answer, x.float(), w.float()).dtype != torch.float32:
        raise Wrong("float32")


# ------------------------------------------------------------------------------------------------- group convolution

group_convolve_p4 = Exercise(
    "equivariance/group_convolution/group_convolve_p4",
    hints={
        "axes": "return (b, o, 4, h', h'): the four turns are the third axis",
        "padded": "no border is added here: the answer is smaller than the maps by k - 1",
        "uncycled": "you turn the filters, but do not cycle them: a turned feature map has its images in other places, too",
        "unturned": "you cycle the filters, but do not turn them: each of the four parts turns, too",
        "backwards": "your filters cycle the wrong way: the part at place s of the base filter goes to place s + r",
        "clockwise": "your filters turn clockwise and cycle counter-clockwise: both belong to one and the same turn",
        "inverse": "place r has the filter for -r: turned and cycled the wrong way",
        "all": "all places of the output's fibre hold the same: each has a filter moved once more",
        "fibre": "the fibre of the input is summed or averaged before the filters see it: each place has weights of its own",
        "apart": "places of the input and the output are paired one to one: every place of the output reads all four",
        "flipped": "networks slide filters as they are; you turn them by another half, as a convolution in mathematics does",
        "rows": "some axes are mixed up: keep o apart from r, one filter after the other",
        "which": "which axes did you turn? Rows and columns are the last two axes of the filters",
        "mean": "channels and places are summed, not averaged",
        "value": "place r should hold the maps met by the base filter after r turns, each of which turns and cycles its parts",
        "edges": "right in general, but not for filters of one or three pixels or as large as the maps, one channel, one input",
        "float32": "the answer should have the number type of its inputs, float32 or float64, and be computed in it",
    },
)


def _moved(y: Tensor, r: int) -> Tensor:
    """A feature map after r quarter turns: images turned, and moved r places along the fibre."""
    return _turn(y, r).roll(r, 2)


def _met(y: Tensor, w: Tensor) -> Tensor:
    """What one filter answers, all channels and places together."""
    return _slide(y.flatten(1, 2), w.flatten(1, 2))


def _convolved(y: Tensor, w: Tensor) -> Tensor:
    """Turn the feature map back, let the base filter answer, turn the answer."""
    return torch.stack([_turn(_met(_moved(y, -r), w), r) for r in range(4)], 2)


def _with_filters(y: Tensor, filters: list[Tensor]) -> Tensor:
    return torch.stack([_met(y, one) for one in filters], 2)


def _likely_maps(y: Tensor, w: Tensor) -> dict:
    truth = _convolved(y, w)
    steps = range(4)
    parted = [torch.stack([_slide(y[:, :, (r + s) % 4], _turn(w[:, :, s], r)) for r in steps], 2) for s in (0, 1, 2, 3)]
    one_each = torch.stack([_slide(y[:, :, r], _turn(w[:, :, r], r)) for r in steps], 2)
    unturned = torch.stack([_slide(y[:, :, r], w[:, :, r]) for r in steps], 2)
    pairs = [(m, v) for m in (y.sum(2), y.mean(2)) for v in (w.sum(2), w[:, :, 0])]
    summed = [torch.stack([_slide(m, _turn(v, r)) for r in steps], 2) for m, v in pairs]
    mixed = _slide(y.flatten(1, 2), torch.cat([_moved(w, r).flatten(1, 2) for r in steps]))
    axes = [pair for pair in ((2, 3), (2, 4), (3, 2), (4, 2)) if w.shape[2] == w.shape[3]]
    return {
        "uncycled": [_with_filters(y, [_turn(w, sign * r) for r in steps]) for sign in (1, -1)],
        "unturned": [_with_filters(y, [w.roll(sign * r, 2) for r in steps]) for sign in (1, -1)],
        "backwards": _with_filters(y, [_turn(w, r).roll(-r, 2) for r in steps]),
        "clockwise": _with_filters(y, [_turn(w, -r).roll(r, 2) for r in steps]),
        "inverse": _with_filters(y, [_turn(w, -r).roll(-r, 2) for r in steps]),
        "all": _met(y, w)[:, :, None].expand_as(truth),
        "apart": [*parted, one_each, unturned],
        "fibre": summed,
        "flipped": _with_filters(y, [_moved(w, r).flip(-2, -1) for r in steps]),
        "rows": [mixed.unflatten(1, (len(w), 4)), mixed.unflatten(1, (4, len(w))).flatten(1, 2).unflatten(1, (len(w), 4))],
        "which": [_with_filters(y, [torch.rot90(w, r, pair).roll(k * r, 2) for r in steps]) for pair in axes for k in (1, 0)],
        "mean": [truth / 4, truth / w.shape[1], truth / (4 * w.shape[1])],
    }


@group_convolve_p4.property(points=3)
def turns_and_cycles_the_filters(answer, random):
    y, w = random.away_from_zero(2, 3, 4, 8, 8), random.away_from_zero(5, 3, 4, 4, 4)
    found, truth = answer(y, w), _convolved(y, w)
    _right_shape(found, truth)
    found = as_tensor(found, truth.shape)
    if not close(found, truth):
        raise nearest(found, _likely_maps(y, w))


@group_convolve_p4.property(points=1)
def convolves_at_the_edges(answer, random):
    for batch, outputs, channels, size, k in ((1, 1, 1, 3, 3), (3, 2, 2, 4, 1), (2, 2, 1, 6, 5)):
        y = random.away_from_zero(batch, channels, 4, size, size)
        w = random.away_from_zero(outputs, channels, 4, k, k)
        _special(answer, y, w, _convolved(y, w), "maps")
    if called("float32", answer, y.float(), w.float()).dtype != torch.float32:
        raise Wrong("float32")


# ----------------------------------------------------------------------------------------------- colour refinement

refine = Exercise(
    "equivariance/group_convolution/refine",
    hints={
        "whole": "colours should be whole numbers, one for each node",
        "degree": "nodes that have equally many neighbours may differ further out: go on, until no colour splits",
        "set": "all nodes have one colour: count how often each colour is met, for one neighbour of a colour is not two",
        "coarse": "some nodes have one colour although a few more rounds would tell them apart",
        "fine": "some nodes have two colours although no round tells them apart: only what is met along edges counts",
        "several": "right for one graph, but colours should have one meaning in all graphs of the batch: "
        "a node's colour depends on what it meets along edges, and on nothing else in its graph",
        "stop": "right for one graph, but with several you stop too early: go on until no graph splits, "
        "and count the colours of all graphs together",
        "edges": "right in general, but not for a single node, no edges, or a path so long that many rounds are needed",
    },
)



def _pairs(words: str) -> list[tuple[int, int]]:
    return [(int(word[0]), int(word[1])) for word in words.split()]


SHAPES = {  # edges; random names for the nodes
    "molecule": (8, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (2, 5), (5, 6), (6, 7)]),
    "regular": (7, [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 6), (6, 3)]),
    "seven": (7, _pairs("02 05 06 12 13 24 34 35 46")),
    "ten": (10, _pairs("01 04 08 15 23 24 25 34 37 39 47 58 78")),
    "ring, pair": (8, _pairs("01 12 23 34 45 50 67")),
    "ring of eight": (8, _pairs("01 12 23 34 45 56 67 70")),
    "ten in a row": (10, [(i, i + 1) for i in range(9)]),
    "seven in a row": (10, [(i, i + 1) for i in range(6)]),
    "nine in a row": (10, [(i, i + 1) for i in range(8)]),
    "sums": (10, [(0, 1), (0, 2), (2, 3), (2, 4), (5, 6), (5, 7), (6, 8), (7, 9)]),
}


@cache
def _graph(name: str) -> Tensor:
    n, edges = SHAPES[name]
    a = torch.zeros(n, n, dtype=torch.float64)
    for i, j in edges:
        a[i, j] = a[j, i] = 1.0
    return a


@cache
def _trees(names: tuple[str, ...], depth: int) -> Tensor:
    """The tree of walks of `depth` steps that start at each node of each graph, numbered: its branches are shorter trees."""
    number: dict = {}
    near = [[row.nonzero().flatten().tolist() for row in _graph(name)] for name in names]
    trees = [[0] * len(one) for one in near]
    for _ in range(depth):
        trees = [
            [number.setdefault(tuple(sorted(old[j] for j in row)), len(number) + 1) for row in rows]
            for old, rows in zip(trees, near, strict=True)
        ]
    return torch.tensor(trees)


def _renamed(random, names: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """The graphs `(b, n, n)` with their nodes in random orders, and these orders `(b, n)`: old nodes by their new names."""
    old = torch.tensor([random.order(len(_graph(name))) for name in names])
    return torch.stack([_graph(name)[one][:, one] for name, one in zip(names, old, strict=True)]), old


def _truth(names: tuple[str, ...], old: Tensor, depth: int | None = None) -> Tensor:
    """Which nodes see the same; the stable colours without a `depth`."""
    return _pattern(_trees(names, old.shape[1] + 2 if depth is None else depth).gather(1, old))


def _pattern(labels) -> Tensor:
    flat = torch.as_tensor(labels).flatten()
    return (flat[:, None] == flat).double()


def _colours(found: object, a: Tensor) -> Tensor:
    labels = as_tensor(found, tuple(a.shape[:2]))
    if (labels != labels.round()).any():
        raise Wrong("whole")
    return labels


def _blame(labels: Tensor, a: Tensor, truth: Tensor) -> str:
    """What the colours say instead: nothing, the numbers of neighbours, too little or too much."""
    found = _pattern(labels)
    if found.all():
        return "set"
    if close(found, _pattern(a.sum(2))):
        return "degree"
    if (found > truth).any():
        return "coarse"
    return "fine"


@refine.property(points=2)
def colours_the_nodes_of_one_graph(answer, random):
    for name in ("molecule", "sums", "seven", "ten", "regular"):
        a, old = _renamed(random, (name,))
        labels, truth = _colours(answer(a), a), _truth((name,), old)
        if not close(_pattern(labels), truth):
            raise Wrong(_blame(labels, a, truth))


BATCHES = (
    ("ten in a row", "seven in a row", "nine in a row"),
    ("ring, pair", "ring of eight"),
)


@refine.property(points=1)
def colours_mean_the_same_in_all_graphs(answer, random):
    for names in BATCHES:
        a, old = _renamed(random, names)
        labels = called("several", answer, a)
        if not isinstance(labels, Tensor) or labels.shape != a.shape[:2]:
            raise Wrong("several")
        found = _pattern(labels)
        if not close(found, _truth(names, old)):
            stopped = any(close(found, _truth(names, old, depth)) for depth in range(a.shape[1]))
            raise Wrong("stop" if stopped else "several")


@refine.property(points=1)
def colours_at_the_edges(answer, random):
    for n, joined in ((1, False), (4, False), (random.integer(33, 35), True)):
        place, a = random.order(n), torch.zeros(1, n, n, dtype=torch.float64)
        truth = torch.zeros(n)
        if joined:  # a path: a node is known by its distance to the nearer end
            row = torch.tensor(place)
            a[0, row[:-1], row[1:]] = a[0, row[1:], row[:-1]] = 1.0
            truth[row] = torch.minimum(torch.arange(n), n - 1 - torch.arange(n)).float()
        labels = called("edges", answer, a)
        if not isinstance(labels, Tensor) or labels.shape != (1, n) or not close(_pattern(labels), _pattern(truth)):
            raise Wrong("edges", seen=f"{n} nodes" + ", a path" * joined)
