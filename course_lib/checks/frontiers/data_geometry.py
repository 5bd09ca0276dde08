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
        "digits": "right to a few digits, not to ten: a float32 number, a short table or a search that stops early?",
        "tiny": "right in general, but not for a tiny disc: 1 - cos R loses its digits; half angles do not",
        "crumb": "right in general, but not for a tiny share of a large disc: its radius is tiny, too, and 1 - cos loses it",
        "ends": "right in general, but share 0 should give radius 0 exactly, and share 1 all of R",
        "sphere": "right in general, but not for the whole sphere, R = pi",
        "large": "right in general, but not for large discs of the plane or the hyperbolic plane, with R above 3",
        "single": "right in general, but a single share should give one radius, in a tensor of shape (1,)",
        "empty": "right in general, but no shares should give no radii, in a tensor of shape (0,)",
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


def _holds(kind: str, radius: float, share: Tensor, found: object, digits: float = 1e-10) -> bool:
    """Whether the discs found hold the shares, up to that part of each; areas are in proportion to s(rho / 2)^2."""
    found = as_tensor(found, tuple(share.shape))
    s, whole = {"sphere": (torch.sin, math.sin), "hyperbolic": (torch.sinh, math.sinh)}.get(kind, (lambda x: x,) * 2)
    held = (s(found / 2) / whole(radius / 2)).square()
    inside = (found >= 0) & (found <= radius * (1 + 1e-12))
    return bool((inside & ((held - share).abs() <= digits * share)).all())


@radius_of_share.property(points=1)
def is_exact_to_ten_digits(answer, random):
    share, crumb = random.uniform(6, low=0.05, high=0.95), 1e-18 * random.uniform(1, low=1.0, high=9.0)
    found, large = {}, {kind: random.uniform(1, low=2.2, high=3.0).item() for kind in KINDS}
    for kind in KINDS:
        found[kind] = as_tensor(called("crumb", answer, kind, large[kind], torch.cat([share, crumb])), (7,))
        if not _holds(kind, large[kind], share, found[kind][:6]):
            raise Wrong("digits")
    for kind, size in (("sphere", 1e-7), ("sphere", 3e-4), ("hyperbolic", 1e-7), ("hyperbolic", 3e-4)):
        radius = size * random.uniform(1, low=1.0, high=2.0).item()
        if not _holds(kind, radius, share, called("tiny", answer, kind, radius, share)):
            raise Wrong("tiny")
    if not all(_holds(kind, large[kind], crumb, found[kind][6:], 1e-6) for kind in KINDS):
        raise Wrong("crumb")


@radius_of_share.property(points=1)
def holds_at_the_edges(answer, random):
    for kind in KINDS:
        radius = random.uniform(1, low=5.0, high=20.0 if kind == "plane" else 9.0).item() if kind != "sphere" else math.pi
        share = random.uniform(5, low=0.0, high=1.0).clamp(0.05, 0.95)
        share[0], share[4] = 0.0, 1.0
        hint = "sphere" if kind == "sphere" else "large"
        found = as_tensor(called(hint, answer, kind, radius, share), (5,))
        if not _holds(kind, radius, share[1:4], found[1:4], 1e-5) or not close(found[4], radius, 1e-3):
            raise Wrong(hint)
        if not (close(found[0], 0.0, 1e-9) and close(found[4], radius, 1e-7)):
            raise Wrong("ends")
    share = random.uniform(5, low=0.05, high=0.95)
    for hint, kind, few in (("single", "sphere", share[:1]), ("empty", "hyperbolic", share[:0])):
        found = called(hint, answer, kind, 2.0, few)
        if not isinstance(found, Tensor) or found.shape != few.shape or not close(found, _radius(kind, 2.0, few), 1e-4):
            raise Wrong(hint)
    for kind in KINDS:
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
        "index": "numbers of points should be int64: as an index uint8 is a mask, and other small integers are refused",
        "range": "your centres should be numbers of points, from 0 on",
        "repeated": "a centre is named more than once",
        "double": "your discs have radius 2r: every point should be within r of a centre",
        "half": "your discs have radius r/2, so there are more centres than allowed",
        "chain": "one centre does not hold all: a point near a point near it is not covered; distances to a centre count",
        "rows": "use the distances as they are given: rows of the table are not coordinates",
        "all": "every point is a centre: a point that is covered already should not become one",
        "near": "two centres are within r of each other: a new one must be far from all earlier ones",
        "uncovered": "a point is further than r from all of your centres",
        "tie": "a point at a distance of exactly r is covered, and should not become a centre",
        "sharp": "at most r means r: a point just further than r is not covered, and may become a centre",
        "last": "a point far from all others is not covered: the first or the last of the table",
        "many": "right for a few dozen points, but not for a hundred, with many centres",
        "one": "right in general, but a single point should be its own centre",
        "empty": "without points there are no centres: an empty tensor, of whole numbers (torch.tensor([]) alone is float)",
        "together": "right in general, but not for r = 0 and points at one place, which need one centre; here in float32",
        "infinite": "right in general, but a point infinitely far away is never covered, however large r is",
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
        x[-1, :2] = x[copies - 1, :2]  # the last one at its very place
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
    if found.dtype not in (torch.int64, torch.int32):
        raise Wrong("index")
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


def _many(random) -> Tensor:
    """Distances of a hundred points in a square, the first and the last far away."""
    x = 8 * random.uniform(100, 2)
    x[0], x[-1] = -50.0, 60.0
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")


@covering.property(points=2)
def covers_and_keeps_apart(answer, random):
    d, r = random.once(_points, 32)
    _judge(answer(d, r), d, r)
    d = random.once(_many)
    centres = _indices(called("many", answer, d, 1.0), d)
    if not _valid(d, 1.0, centres):
        open_ = (d[centres].amin(0) > 1.0).nonzero().flatten().tolist() if centres else range(len(d))
        raise Wrong("last" if open_ and set(open_) <= {0, len(d) - 1} else "many")


@covering.property(points=1)
def counts_ties_as_covered(answer, random):
    r = random.integer(2, 3)
    n = 1 + (r + 1) * random.integer(4, 5)
    steps = torch.arange(n)
    ring = (steps[:, None] - steps).abs()
    for d in (ring, torch.minimum(ring, n - ring)):  # a path and a ring, in steps; points in order, so that ties are met
        d = d.double()
        _judge(called("tie", answer, d, float(r)), d, float(r))
    pair = torch.arange(8) // 2
    d = r * torch.where(pair == pair[:, None], 1 - 1e-6, 1 + 1e-6).double().fill_diagonal_(0)
    if not _valid(d, float(r), _indices(called("sharp", answer, d, float(r)), d)):
        raise Wrong("sharp")


@covering.property(points=1)
def covers_at_the_edges(answer, random):
    x = random.normal(7, 1)
    apart = (x - x.T).abs()
    twice = apart[[0, 1, 2, 0, 1, 3, 3]][:, [0, 1, 2, 0, 1, 3, 3]]
    islands = apart.clone()
    islands[:3, 3:] = islands[3:, :3] = math.inf
    empty, one = apart[:0, :0], apart[:1, :1]
    cases = {"one": (one, 0.5), "empty": (empty, 0.5), "together": (twice.float(), 0.0), "infinite": (islands, 1e30)}
    for hint, (d, r) in cases.items():
        found = called(hint, answer, d, r)
        try:
            _judge(found, d, r)
        except Wrong as wrong:
            raise Wrong(hint) from wrong
