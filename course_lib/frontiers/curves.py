"""Curves in the plane, none of them curved from within: a circle, and a space-filling curve with round corners.

Chapters: frontiers/data_geometry. No curve has intrinsic curvature: a piece of wire does not notice that it is bent. What an
embedding can spoil is its reach, the largest distance within which every point of the plane has one nearest point on the curve
(Federer, 1959). Hilbert's curve of order k runs through the 4^k cells of a grid on the unit square; its corners are replaced by
quarters of circles through the middles of the cells' sides, so that its reach is half a cell, 2^-(k+1), and not 0.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Curve:
    """A curve that is walked at speed 1: pieces that are straight or quarters of circles.

    `start`, `end` `(p, 2)` are the ends of the pieces, `centre` `(p, 2)` that of the circle (NaN if straight), `steps`
    `(p + 1,)` the length walked before each piece and in all.
    """

    start: Tensor
    end: Tensor
    centre: Tensor
    steps: Tensor
    reach: float

    @property
    def length(self) -> float:
        return self.steps[-1].item()

    def at(self, s: Tensor) -> Tensor:
        """Points of the plane after lengths s, `(n,)` -> `(n, 2)`. Raises ValueError outside of the curve."""
        piece, share = self._piece(s)
        start, end, centre = self.start[piece], self.end[piece], self.centre[piece]
        turn = share * math.pi / 2
        arc = centre + turn.cos() * (start - centre) + turn.sin() * (end - centre)
        return torch.where(centre.isnan(), start + share * (end - start), arc)

    def direction(self, s: Tensor) -> Tensor:
        """Unit tangents at lengths s, `(n,)` -> `(n, 2)`."""
        piece, share = self._piece(s)
        start, end, centre = self.start[piece], self.end[piece], self.centre[piece]
        turn = share * math.pi / 2
        arc = -turn.sin() * (start - centre) + turn.cos() * (end - centre)
        return torch.nn.functional.normalize(torch.where(centre.isnan(), end - start, arc), dim=1)

    def _piece(self, s: Tensor) -> tuple[Tensor, Tensor]:
        if s.numel() and not (s.min() >= 0 and s.max() <= self.length):
            raise ValueError(f"s must lie between 0 and the length {self.length:.3g}, got {s.min():.3g} to {s.max():.3g}")
        piece = (torch.searchsorted(self.steps, s.to(self.steps), right=True) - 1).clamp(max=len(self.start) - 1)
        share = (s.to(self.steps) - self.steps[piece]) / (self.steps[piece + 1] - self.steps[piece])
        return piece, share[:, None]


def circle(length: float = 3.0) -> Curve:
    """A circle about the middle of the unit square; its reach is its radius. Raises ValueError unless the length is positive.

    >>> circle(math.pi).at(torch.tensor([0.0])).tolist()
    [[1.0, 0.5]]
    """
    if not length > 0:
        raise ValueError(f"length must be positive, got {length}")
    radius = length / (2 * math.pi)
    start = 0.5 + radius * torch.tensor([[1, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    steps = torch.linspace(0, length, 5, dtype=torch.float64)
    return Curve(start, start.roll(-1, 0), torch.full_like(start, 0.5), steps, radius)


def straight(length: float) -> Curve:
    """A line segment from the origin: the reach is infinite. Raises ValueError unless the length is positive.

    >>> straight(2.0).at(torch.tensor([0.5])).tolist()
    [[0.5, 0.0]]
    """
    if not length > 0:
        raise ValueError(f"length must be positive, got {length}")
    ends = torch.tensor([[0.0, 0.0], [length, 0.0]], dtype=torch.float64)
    return Curve(ends[:1], ends[1:], torch.full((1, 2), torch.nan, dtype=torch.float64), ends[:, 0].clone(), math.inf)


def hilbert_cells(order: int) -> Tensor:
    """Cells of the grid in the order of Hilbert's curve, as whole numbers (column, row): `(4^order, 2)`.

    Four copies of the order below, the first and the last mirrored on a diagonal. Raises ValueError for an order below 0.

    >>> hilbert_cells(1).tolist()
    [[0, 0], [0, 1], [1, 1], [1, 0]]
    """
    if order < 0:
        raise ValueError(f"order must be at least 0, got {order}")
    cells = torch.zeros(1, 2, dtype=torch.long)
    for size in (2**k for k in range(order)):
        last = torch.tensor([2 * size - 1, size - 1]) - cells.flip(1)
        cells = torch.cat([cells.flip(1), cells + torch.tensor([0, size]), cells + size, last])
    return cells


def hilbert_curve(order: int) -> Curve:
    """Hilbert's curve through the unit square, with round corners, from the middle of its first cell to that of its last.

    Raises ValueError for an order below 1.

    >>> [round(hilbert_curve(order).length, 2) for order in (1, 2, 3)]
    [1.29, 3.11, 6.53]
    """
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")
    cell = 0.5**order
    middles = (hilbert_cells(order).double() + 0.5) * cell
    doors = (middles[1:] + middles[:-1]) / 2  # between a cell and the next
    start, end = torch.cat([middles[:1], doors]), torch.cat([doors, middles[-1:]])
    bent = (start + end - 2 * middles).abs().sum(1) > cell / 2  # not where it goes straight
    bent[[0, -1]] = False
    centre = (start + end - middles).where(bent[:, None], torch.nan)
    lengths = torch.where(bent, math.pi * cell / 4, (end - start).norm(dim=1))
    steps = torch.cat([torch.zeros(1, dtype=torch.float64), lengths.cumsum(0)])
    return Curve(start, end, centre, steps, cell / 2)


def smallest_ball(points: Tensor, directions: Tensor) -> float:
    """The reach as seen at points with known unit tangents, `(n, d)` and `(n, d)`: least |q - p|^2 / (2 dist(q - p, tangent)).

    Each term is the radius of the ball that touches the curve at p and passes through q. Never below the reach (Federer, 1959,
    theorem 4.18), and near it for dense points; an estimator of Aamari and colleagues (2019).

    >>> curve = circle(3.0); s = torch.linspace(0, 2.9, 30)
    >>> abs(smallest_ball(curve.at(s), curve.direction(s)) - curve.reach) < 1e-9
    True
    """
    gap = points[None] - points[:, None]
    along = (gap * directions[:, None]).sum(2, keepdim=True) * directions[:, None]
    radius = gap.square().sum(2) / (2 * (gap - along).norm(dim=2))
    return radius[(gap - along).norm(dim=2) > 1e-9].min().item()
