"""Checks for exercises/frontiers/data_geometry.ipynb."""

import math

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest

# --------------------------------------------------------------------------------------------------- radius of a share

radius_of_share = Exercise(
    "frontiers/data_geometry/radius_of_share",
    hints={
        "uniform": "you share out the radius: most of the area lies far from the centre",
        "flat": "right in the plane, but a sphere and a hyperbolic plane grow otherwise: start from their areas",
        "rim": "the share is counted from the rim: radius 0 should hold the share 0",
        "half": "the half angle has not been doubled again at the end",
        "whole": "the area is a square of s(R/2), with half the radius, not of s(R)",
        "unrooted": "areas are squares of s(R/2): the share needs a root",
        "swapped": "sphere and hyperbolic plane have changed places: the sphere's area stops growing",
        "circumference": "you share out the length of the circles: the area is what they add up to",
        "forward": "you found the share that a radius holds; asked is the radius that holds a share",
        "start": "a disc of radius 0 should have area 0: cos and cosh are 1 there",
        "plane": "right on the curved surfaces, but not in the plane",
        "value": "a disc of your radius does not hold that share of the area",
        "tiny": "right in general, but not for a tiny disc: 1 - cos R loses all digits; half angles do not",
        "edge": "right in general, but not for share 0 or 1, the whole sphere, a single share, or none",
        "float32": "float32 should stay float32",
    },
)

KINDS = ("sphere", "hyperbolic", "plane")


def _radius(kind: str, radius: float, share: Tensor) -> Tensor:
    """By solving area(rho) = share area(R)."""
    if kind == "sphere":
        return torch.acos(1 - share * (1 - math.cos(radius)))
    return torch.acosh(1 + share * (math.cosh(radius) - 1)) if kind == "hyperbolic" else (share * radius**2) ** 0.5


def _likely_radii(kind: str, radius: float, u: Tensor) -> dict:
    root, flat = u.sqrt(), radius * u.sqrt()
    likely = {"uniform": radius * u, "rim": _radius(kind, radius, 1 - u), "half": _radius(kind, radius, u) / 2}
    if kind == "plane":
        others = [2 * (root * math.sin(radius / 2)).asin(), 2 * (root * math.sinh(radius / 2)).asinh()]
        return likely | {"plane": [*others, 2 * flat, flat / 2], "unrooted": radius * u.square(), "forward": u.square()}
    sphere = kind == "sphere"
    s, back = (math.sin, torch.asin) if sphere else (math.sinh, torch.asinh)
    c, forth = (math.cos, torch.cos) if sphere else (math.cosh, torch.cosh)
    return likely | {
        "flat": flat,
        "whole": back(root * s(radius)),
        "unrooted": 2 * back(u * s(radius / 2)),
        "swapped": _radius("hyperbolic" if sphere else "sphere", radius, u),
        "circumference": back(u * s(radius)),
        "forward": (1 - forth(radius * u)) / (1 - c(radius)),
        "start": torch.acos(u * math.cos(radius)) if sphere else torch.acosh((u * math.cosh(radius)).clamp(min=1)),
    }


@radius_of_share.property(points=2)
def holds_its_share(answer, random):
    for kind in KINDS:
        radius, share = random.uniform(1, low=1.8, high=2.9).item(), random.uniform(8, low=0.05, high=0.95)
        found, truth = as_tensor(answer(kind, radius, share), (8,)), _radius(kind, radius, share)
        if not close(found, truth):
            raise nearest(found, _likely_radii(kind, radius, share))


@radius_of_share.property(points=1)
def is_exact_for_tiny_discs(answer, random):
    share = random.uniform(6, low=0.05, high=0.95)
    for kind in KINDS:
        radius = 1e-7 * random.uniform(1, low=1.0, high=2.0).item()
        found = as_tensor(called("tiny", answer, kind, radius, share), (6,))
        if not close(found / radius, share**0.5, 1e-4):
            raise Wrong("tiny")


@radius_of_share.property(points=1)
def holds_at_the_edges(answer, random):
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for kind in KINDS:
        radius = math.pi if kind == "sphere" else random.uniform(1, low=1.0, high=6.0).item()
        for share in (ends, random.uniform(1), ends[:0]):
            found = called("edge", answer, kind, radius, share)
            if not isinstance(found, Tensor) or found.shape != share.shape:
                raise Wrong("edge", seen=f"{len(share)} shares")
            if not close(as_tensor(found, share.shape), _radius(kind, radius, share), 1e-4):
                raise Wrong("edge", seen=kind)
        share = random.uniform(5, low=0.05, high=0.95)
        found = called("float32", answer, kind, 2.0, share.float())
        if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, _radius(kind, 2.0, share), 1e-4):
            raise Wrong("float32")


# ------------------------------------------------------------------------------------------------------------ covering

covering = Exercise(
    "frontiers/data_geometry/covering",
    hints={
        "count": "asked are the centres, not how many there are",
        "mask": "asked are the numbers of the centres, not a mark for each point",
        "whole": "the numbers of points should be whole numbers: give the tensor an integer dtype",
        "range": "your centres should be numbers of points, from 0 on",
        "repeated": "a centre is named more than once",
        "double": "your discs have radius 2r: every point should be within r of a centre",
        "half": "your discs have radius r/2, so there are more centres than allowed",
        "chain": "a point near a point near a centre is not covered: only the distance to a centre counts",
        "rows": "use the distances as they are given: rows of the table are not coordinates",
        "all": "every point is a centre: a point that is covered already should not become one",
        "near": "two centres are within r of each other: a new one must be far from all earlier ones",
        "uncovered": "a point is further than r from all of your centres",
        "tie": "a point at a distance of exactly r is covered, and should not become a centre",
        "edge": "right in general, but not for one point or none, r = 0, points at one place, or infinite distances",
    },
)


def _greedy(d: Tensor, r: float) -> list[int]:
    rows, centres = d.tolist(), []
    for i, row in enumerate(rows):
        if all(row[c] > r for c in centres):
            centres.append(i)
    return centres


def _valid(d: Tensor, r: float, centres: list[int]) -> bool:
    return bool(_covers(d, r, centres) and _least_gap(d, centres) > r)


def _covers(d: Tensor, r: float, centres: list[int]) -> bool:
    return len(centres) > 0 and bool((d[centres].amin(0) <= r).all()) or len(d) == 0


def _least_gap(d: Tensor, centres: list[int]) -> float:
    between = d[centres][:, centres]
    return (between + torch.diag(torch.full((len(centres),), math.inf, dtype=d.dtype))).min().item() if centres else math.inf


def _connected(d: Tensor, r: float) -> bool:
    steps = (d <= r).double()
    for _ in range(6):  # walks of up to 64 steps
        steps = (steps @ steps > 0).double()
    return bool(steps.all())


def _most_new(d: Tensor, r: float) -> list[int]:
    """The point that covers most of what is left, whether or not it is covered itself."""
    near, left, centres = (d <= r).double(), torch.ones(len(d), dtype=d.dtype), []
    while left.any():
        centres.append(int((near @ left).argmax()))
        left = left * (1 - near[centres[-1]])
    return centres


def _points(random, n: int) -> tuple[Tensor, float]:
    """Distances on a hyperbolic disc in which usual mistakes show: connected at r, near pairs, the first centre not enough."""
    while True:
        a, t = 2.5 * random.uniform(n).sqrt(), 2 * math.pi * random.uniform(n)
        x = torch.stack([a.sinh() * t.cos(), a.sinh() * t.sin(), a.cosh()], 1)
        copies = 6
        x[-copies:, :2] = x[:copies, :2] + 0.01
        x[:, 2] = (1 + x[:, :2].square().sum(1)).sqrt()
        minkowski = x * torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64)
        d = torch.acosh((minkowski @ x.T).clamp(min=1))
        d = ((d + d.T) / 2).fill_diagonal_(0)
        for r in (1.2, 1.4, 1.6, 1.8, 2.0):
            few = _greedy(d, r)
            if len(few) < 5 or len(_greedy(d, 2 * r)) < 2 or _covers(d, 2 * r, few[:2]) or not _connected(d, r):
                continue
            if _least_gap(d, _most_new(d, r)) <= r and not _valid(d, r, _greedy(torch.cdist(d, d), r)):
                return d, r


def _indices(found: object, d: Tensor) -> list[int]:
    if isinstance(found, int | float) and not isinstance(found, bool) or isinstance(found, Tensor) and found.dim() == 0:
        raise Wrong("count")
    if isinstance(found, Tensor) and found.dtype == torch.bool and len(found) == len(d):
        raise Wrong("mask")
    value = as_tensor(found, (len(found),) if isinstance(found, Tensor) else (0,))
    if found.is_floating_point():
        raise Wrong("whole")
    centres = value.long().tolist()
    if len(centres) == len(d) > 2 and set(centres) <= {0, 1}:
        raise Wrong("mask")
    if any(not 0 <= c < len(d) for c in centres):
        raise Wrong("range")
    if len(set(centres)) < len(centres):
        raise Wrong("repeated")
    return centres


def _judge(found: object, d: Tensor, r: float) -> None:
    centres = _indices(found, d)
    if _valid(d, r, centres):
        return
    rows = torch.cdist(d, d)
    if not _covers(d, r, centres):
        if centres and _valid(d, 2 * r, centres):
            raise Wrong("double")
        raise Wrong("chain" if len(centres) == 1 else "uncovered")
    if len(centres) == len(d):
        raise Wrong("all")
    if _least_gap(d, centres) == r:
        raise Wrong("tie")
    if _valid(d, r / 2, centres):
        raise Wrong("half")
    raise Wrong("rows" if _valid(rows, r, centres) else "near")


@covering.property(points=2)
def covers_and_keeps_apart(answer, random):
    for n in (26, 33):
        d, r = random.once(_points, n)
        _judge(answer(d, r), d, r)


@covering.property(points=1)
def counts_ties_as_covered(answer, random):
    n, r = random.integer(14, 18), float(random.integer(2, 3))
    steps = torch.arange(n)
    ring = (steps[:, None] - steps).abs()
    for d in (ring, torch.minimum(ring, n - ring)):  # a path and a ring, in steps; points in order, so that ties are met
        d = d.double()
        _judge(called("tie", answer, d, r), d, r)


@covering.property(points=1)
def covers_at_the_edges(answer, random):
    x = random.normal(7, 1)
    apart = (x - x.T).abs()
    twice = apart[[0, 1, 2, 0, 1, 3, 3]][:, [0, 1, 2, 0, 1, 3, 3]]
    islands = apart.clone()
    islands[:3, 3:] = islands[3:, :3] = math.inf
    cases = [(apart[:1, :1], 0.5), (apart[:0, :0], 0.5), (twice, 0.0), (islands, 9.0), (apart.float(), 0.4)]
    for d, r in cases:
        found = called("edge", answer, d, r)
        seen = f"{len(d)} points, r = {r}"
        try:
            _judge(found, d, r)
        except Wrong as wrong:
            raise Wrong("edge", seen=seen) from wrong
