"""Checks for exercises/equivariance/group_convolution.ipynb."""

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.instances import remember


def _turn(x: Tensor, times: int) -> Tensor:
    """Quarter turns counter-clockwise of the last two axes, by indices: row a, column d is read from row d, column k-1-a."""
    for _ in range(times % 4):
        x = x.transpose(-2, -1).flip(-2)
    return x


def _slide(x: Tensor, w: Tensor) -> Tensor:
    """Plain sliding, `(b, c, h, h)`, `(o, c, k, k)` -> `(b, o, h', h')`, by windows."""
    k = w.shape[-1]
    return torch.einsum("bcijad,ocad->boij", x.unfold(2, k, 1).unfold(3, k, 1), w)


def _square(random, channels: int, size: int) -> Tensor:
    return random.away_from_zero(2, channels, size, size)


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
        "rows": "some axes are mixed up: turn only the last two axes of the filters, and keep o apart from r",
        "value": "place r should hold the image met by the filter after r quarter turns, channels summed",
        "edges": "right in general, but not for filters of one pixel, of even size, as large as the image, or one channel",
        "float32": "float32 should stay float32",
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
    }


@lift_p4.property(points=3)
def turns_the_filters(answer, random):
    x, w = _square(random, 2, 6), random.away_from_zero(3, 2, 3, 3)
    found, truth = answer(x, w), _lifted(x, w)
    if isinstance(found, Tensor):
        if found.shape[-2:] != truth.shape[-2:]:
            raise Wrong("padded", seen=f"{tuple(found.shape)} where {tuple(truth.shape)} is due")
        if found.shape != truth.shape:
            raise Wrong("axes", seen=f"{tuple(found.shape)} where {tuple(truth.shape)} is due")
    found = as_tensor(found, truth.shape)
    if not close(found, truth):
        raise nearest(found, _likely_lifts(x, w))


@lift_p4.property(points=1)
def lifts_at_the_edges(answer, random):
    for outputs, channels, size, k in ((1, 1, 3, 3), (2, 3, 4, 1), (2, 1, 4, 2)):
        x, w = _square(random, channels, size), random.away_from_zero(outputs, channels, k, k)
        truth = _lifted(x, w)
        found = called("edges", answer, x, w)
        if not isinstance(found, Tensor) or found.shape != truth.shape or not close(found, truth):
            raise Wrong("edges", seen=f"images {tuple(x.shape)}, filters {tuple(w.shape)}")
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
        "mean": "channels and places are summed, not averaged",
        "value": "place r should hold the maps met by the base filter after r turns, each of which turns and cycles its parts",
        "edges": "right in general, but not for filters of one pixel, of even size, as large as the maps, or one channel",
        "float32": "float32 should stay float32",
    },
)


def _maps(random, channels: int, size: int) -> Tensor:
    return random.away_from_zero(2, channels, 4, size, size)


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
    return {
        "uncycled": [_with_filters(y, [_turn(w, sign * r) for r in steps]) for sign in (1, -1)],
        "unturned": [_with_filters(y, [w.roll(sign * r, 2) for r in steps]) for sign in (1, -1)],
        "backwards": _with_filters(y, [_turn(w, r).roll(-r, 2) for r in steps]),
        "clockwise": _with_filters(y, [_turn(w, -r).roll(r, 2) for r in steps]),
        "inverse": _with_filters(y, [_turn(w, -r).roll(-r, 2) for r in steps]),
        "all": _met(y, w)[:, :, None].expand_as(truth),
        "apart": [*parted, one_each, unturned],
        "fibre": summed,
        "mean": [truth / 4, truth / w.shape[1], truth / (4 * w.shape[1])],
    }


@group_convolve_p4.property(points=3)
def turns_and_cycles_the_filters(answer, random):
    y, w = _maps(random, 2, 5), random.away_from_zero(3, 2, 4, 3, 3)
    found, truth = answer(y, w), _convolved(y, w)
    if isinstance(found, Tensor):
        if found.shape[-2:] != truth.shape[-2:]:
            raise Wrong("padded", seen=f"{tuple(found.shape)} where {tuple(truth.shape)} is due")
        if found.shape != truth.shape:
            raise Wrong("axes", seen=f"{tuple(found.shape)} where {tuple(truth.shape)} is due")
    found = as_tensor(found, truth.shape)
    if not close(found, truth):
        raise nearest(found, _likely_maps(y, w))


@group_convolve_p4.property(points=1)
def convolves_at_the_edges(answer, random):
    for outputs, channels, size, k in ((1, 1, 3, 3), (2, 3, 4, 1), (2, 1, 4, 2)):
        y, w = _maps(random, channels, size), random.away_from_zero(outputs, channels, 4, k, k)
        truth = _convolved(y, w)
        found = called("edges", answer, y, w)
        if not isinstance(found, Tensor) or found.shape != truth.shape or not close(found, truth):
            raise Wrong("edges", seen=f"maps {tuple(y.shape)}, filters {tuple(w.shape)}")
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
        "fine": "some nodes have two colours although no round tells them apart",
        "several": "right for one graph, but colours should have one meaning in all graphs of the batch",
        "edges": "right in general, but not for a single node, no edges, or a path so long that many rounds are needed",
    },
)

SHAPES = {  # edges; random names for the nodes
    "tree": (8, [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5), (5, 6), (5, 7)]),
    "hat": (7, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 6)]),
    "molecule": (8, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (2, 5), (5, 6), (6, 7)]),
    "ring": (6, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]),
    "triangles": (6, [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]),
    "ladder": (6, [(0, 1), (1, 2), (3, 4), (4, 5), (0, 3), (1, 4), (2, 5)]),
    "sums": (10, [(0, 1), (0, 2), (2, 3), (2, 4), (5, 6), (5, 7), (6, 8), (7, 9)]),
}


def _named(random, n: int, edges: list) -> Tensor:
    """The graph with its nodes in a random order."""
    place = random.order(n)
    a = torch.zeros(n, n, dtype=torch.float64)
    for i, j in edges:
        a[place[i], place[j]] = a[place[j], place[i]] = 1.0
    return a


@remember
def _trees(a: Tensor, depth: int) -> list[int]:
    """The tree of walks of `depth` steps that start at each node of each graph, numbered: its branches are shorter trees."""
    number: dict = {}
    near = [[row.nonzero().flatten().tolist() for row in one] for one in a]
    trees = [[0] * a.shape[1] for _ in a]
    for _ in range(depth):
        trees = [
            [number.setdefault(tuple(sorted(old[j] for j in row)), len(number) + 1) for row in rows]
            for old, rows in zip(trees, near, strict=True)
        ]
    return [tree for one in trees for tree in one]


def _pattern(labels) -> Tensor:
    flat = torch.as_tensor(labels).flatten()
    return (flat[:, None] == flat).double()


def _colours(found: object, a: Tensor) -> Tensor:
    labels = as_tensor(found, tuple(a.shape[:2]))
    if (labels != labels.round()).any():
        raise Wrong("whole")
    return labels


def _blame(labels: Tensor, a: Tensor) -> str:
    """What the colours say instead: nothing, the numbers of neighbours, too little or too much."""
    truth, found = _pattern(_trees(a, a.shape[1])), _pattern(labels)
    if found.all():
        return "set"
    if close(found, _pattern(a.sum(2))):
        return "degree"
    if (found > truth).any():
        return "coarse"
    return "fine"


@refine.property(points=2)
def colours_the_nodes_of_one_graph(answer, random):
    for name in ("tree", "molecule", "hat", "sums"):
        a = _named(random, *SHAPES[name])[None]
        labels = _colours(answer(a), a)
        if not close(_pattern(labels), _pattern(_trees(a, a.shape[1]))):
            raise Wrong(_blame(labels, a))


@refine.property(points=1)
def colours_mean_the_same_in_all_graphs(answer, random):
    for names in (("ring", "triangles", "ladder"), ("tree", "molecule", "tree")):
        a = torch.stack([_named(random, *SHAPES[name]) for name in names])
        labels = called("several", answer, a)
        if not isinstance(labels, Tensor) or labels.shape != a.shape[:2]:
            raise Wrong("several")
        if not close(_pattern(labels), _pattern(_trees(a, a.shape[1] + 2))):
            raise Wrong("several")


@refine.property(points=1)
def colours_at_the_edges(answer, random):
    path = (19, [(i, i + 1) for i in range(18)])
    for n, edges in ((1, []), (4, []), path):
        a = _named(random, n, edges)[None]
        labels = called("edges", answer, a)
        if not isinstance(labels, Tensor) or labels.shape != (1, n) or not close(_pattern(labels), _pattern(_trees(a, n))):
            raise Wrong("edges", seen=f"{n} nodes, {len(edges)} edges")
