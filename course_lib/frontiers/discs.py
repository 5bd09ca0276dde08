"""Geodesic discs of three surfaces of constant curvature, and how many small discs cover a large one.

Chapters: frontiers/data_geometry. The sphere has curvature 1, the plane 0, the hyperbolic plane -1. With s = sin, identity and
sinh, all three share their formulas: a disc of radius R has area 4 pi s(R/2)^2, and two points with polar coordinates (a, t)
and (b, u) are d apart with s(d/2)^2 = s((a-b)/2)^2 + s(a) s(b) sin^2((t-u)/2). Points are rows: (radius, angle).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

KINDS = ("sphere", "plane", "hyperbolic")
_S = {"sphere": torch.sin, "plane": lambda x: x, "hyperbolic": torch.sinh}
_INVERSE = {"sphere": torch.asin, "plane": lambda x: x, "hyperbolic": torch.asinh}


def disc_area(kind: str, radius: float) -> float:
    """Area 4 pi s(R/2)^2 of a disc: 2 pi (1 - cos R), pi R^2 or 2 pi (cosh R - 1). On the sphere R counts up to pi.

    Raises ValueError for an unknown kind or a negative radius.

    >>> [round(disc_area(kind, 3.0), 1) for kind in KINDS]
    [12.5, 28.3, 57.0]
    """
    half = torch.tensor(_checked(kind, radius) / 2, dtype=torch.float64)
    return 4 * math.pi * _S[kind](half).square().item()


def radius_for_share(kind: str, radius: float, share: Tensor) -> Tensor:
    """Radius of the concentric disc with that share of the area: 2 s^-1(sqrt(share) s(R/2)), any shape -> the same shape.

    Shares drawn uniformly from [0, 1] give the distances from the centre of points drawn uniformly by area. Raises ValueError
    for an unknown kind, a negative radius or a share outside [0, 1].

    >>> radius_for_share("plane", 2.0, torch.tensor([0.0, 0.25, 1.0])).tolist()
    [0.0, 1.0, 2.0]
    """
    half = torch.tensor(_checked(kind, radius) / 2, dtype=share.dtype)
    if not ((share >= 0) & (share <= 1)).all():
        raise ValueError(f"share must lie between 0 and 1, got {share.min():.3g} to {share.max():.3g}")
    return 2 * _INVERSE[kind](share.sqrt() * _S[kind](half))


def sample_disc(kind: str, radius: float, count: int, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    """`count` points drawn uniformly by area from a disc: polar coordinates `(count, 2)`.

    >>> sample_disc("sphere", 1.0, 5, torch.Generator().manual_seed(0)).shape
    torch.Size([5, 2])
    """
    share, turn = torch.rand(2, count, generator=generator, dtype=dtype)
    return torch.stack([radius_for_share(kind, radius, share), 2 * math.pi * turn], 1)


def geodesic_distance(kind: str, x: Tensor, y: Tensor) -> Tensor:
    """Distances along the surface of points in polar coordinates: `(m, 2)`, `(n, 2)` -> `(m, n)`.

    The law of cosines in its half-angle form, which stays accurate for near points. Raises ValueError for an unknown kind or
    points that are not rows of two.

    >>> a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, math.pi]])
    >>> [round(geodesic_distance(kind, a, b).item(), 4) for kind in KINDS]  # through the centre
    [2.0, 2.0, 2.0]
    """
    _checked(kind, 0)
    if x.dim() != 2 or y.dim() != 2 or x.shape[1] != 2 or y.shape[1] != 2:
        raise ValueError(f"x and y must have shapes (m, 2) and (n, 2), got {tuple(x.shape)} and {tuple(y.shape)}")
    s, (a, t), (b, u) = _S[kind], (part[:, None] for part in x.T), y.T
    square = s((a - b) / 2).square() + s(a) * s(b) * ((t - u) / 2).sin().square()
    half = square.clamp(min=0, max=1 if kind == "sphere" else None).sqrt()
    return 2 * _INVERSE[kind](half)


def greedy_cover(x: Tensor, r: float, distance: Callable[[Tensor, Tensor], Tensor], block: int = 128) -> Tensor:
    """Centres of a cover: take the first point that no disc of radius r holds yet, until none is left. `(n, ...)` -> `(m,)`.

    Every point is within r of a centre, and centres are more than r apart. `distance` maps `(m, ...)`, `(n, ...)` to `(m, n)`;
    it is asked for a block of points at a time. Raises ValueError for a negative r.

    >>> greedy_cover(torch.tensor([[0.0], [1.0], [2.0], [3.0]]), 1.0, torch.cdist).tolist()
    [0, 2]
    """
    if not r >= 0:
        raise ValueError(f"r must not be negative, got {r}")
    left, centres = torch.arange(len(x)), []
    while len(left):
        first, left = left[:block], left[block:]
        near, free, chosen = distance(x[first], x[first]) <= r, torch.ones(len(first), dtype=torch.bool), []
        for i in range(len(first)):
            if free[i]:
                chosen.append(i)
                free &= ~near[i]
        centres.append(first[chosen])
        left = left[(distance(x[centres[-1]], x[left]) > r).all(0)]
    return torch.cat(centres) if centres else left


def embedded(kind: str, x: Tensor) -> Tensor:
    """Polar coordinates as points of space, `(n, 2)` -> `(n, 3)`: on the unit sphere, in a plane, or on a hyperboloid.

    With the last axis counted positive, zero and negative, the square of the chord is 4 s(d/2)^2.

    >>> embedded("sphere", torch.tensor([[0.0, 0.0]])).tolist()
    [[0.0, 0.0, 1.0]]
    """
    _checked(kind, 0)
    a, t = x.T
    height = {"sphere": torch.cos, "plane": torch.zeros_like, "hyperbolic": torch.cosh}[kind](a)
    return torch.stack([_S[kind](a) * t.cos(), _S[kind](a) * t.sin(), height], 1)


def disc_cover(kind: str, x: Tensor, r: float) -> Tensor:
    """`greedy_cover` of points in polar coordinates by geodesic discs, `(n, 2)` -> `(m,)`; compares chords, which is faster.

    Rounding of the chords blurs an r below about 1e-6, and discs of radius above 10 in the hyperbolic plane.

    >>> disc_cover("plane", torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]), 1.5).tolist()
    [0, 2]
    """
    half = torch.tensor(_checked(kind, r) / 2, dtype=torch.float64)
    sign = torch.tensor([1, 1, -1 if kind == "hyperbolic" else 1], dtype=x.dtype)

    def square(p: Tensor, q: Tensor) -> Tensor:
        return (p.square() @ sign)[:, None] + q.square() @ sign - 2 * (p * sign) @ q.T

    return greedy_cover(embedded(kind, x), 4 * _S[kind](half).square().item(), square)


def cover_bounds(kind: str, radius: float, r: float) -> tuple[float, float]:
    """Least and largest size of a cover of a whole disc by discs of radius r whose centres lie in it, more than r apart.

    Any cover has at least area(R) / area(r) discs. Discs of radius r/2 about centres more than r apart are disjoint and lie in
    the disc of radius R + r/2, so there are at most area(R + r/2) / area(r/2). Raises ValueError as `disc_area`, and for r = 0.

    >>> [round(bound) for bound in cover_bounds("plane", 2.0, 1.0)]
    [4, 25]
    """
    if not r > 0:
        raise ValueError(f"r must be positive, got {r}")
    return disc_area(kind, radius) / disc_area(kind, r), disc_area(kind, radius + r / 2) / disc_area(kind, r / 2)


def _checked(kind: str, radius: float) -> float:
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    if not radius >= 0:
        raise ValueError(f"radius must not be negative, got {radius}")
    return min(radius, math.pi) if kind == "sphere" else radius
