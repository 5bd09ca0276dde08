"""Registration: the rotation, and the order of the points, that bring one cloud closest to another.

Chapter: equivariance/canonicalization. With known correspondence the best orthogonal matrix comes from one singular value
decomposition (Schoenemann, 1966), the best rotation from one changed sign (Kabsch, 1976; Umeyama, 1991). Without it, all n!
orders can be tried, or matching and turning alternate (iterative closest point; Besl & McKay, 1992), which may stop at a
poor local optimum. Clouds are `(b, n, d)`; centre them first if shifts do not count.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from course_lib.equivariance.canonicalization import checked_clouds
from course_lib.groups import SpecialOrthogonalGroup, SymmetricGroup

MOST_POINTS = 7  # 5,040 orders


def procrustes(x: Tensor, y: Tensor, special: bool = False) -> Tensor:
    """The orthogonal Q `(b, d, d)` that makes sum_i |Q x_i - y_i|^2 smallest; with `special` the best rotation.

    With M = sum_i y_i x_i^T = U S V^T it is Q = U V^T; the best rotation is U diag(1, .., 1, det(U V^T)) V^T: if the best
    Q mirrors, the direction of the smallest singular value, the one that matters least, is given up. Unique if s_d > 0
    (orthogonal), or if s_(d-1) + sign(det M) s_d > 0 (rotation). Raises ValueError for clouds of other shapes. Source:
    Schoenemann (1966); Umeyama (1991).

    >>> x = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    >>> procrustes(x, x.flip(2))[0].abs().round().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    _checked_pair(x, y)
    u, _, vh = torch.linalg.svd(y.mT @ x)
    if special:
        u = u.clone()
        u[:, :, -1] *= torch.linalg.det(u @ vh).sign()[:, None]
    return u @ vh


def misfit(q: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Root mean square distance between the points Q x_i and y_i: `(b, d, d)`, two `(b, n, d)` -> `(b,)`.

    >>> misfit(torch.eye(2)[None], torch.zeros(1, 1, 2), torch.tensor([[[3.0, 4.0]]])).tolist()
    [5.0]
    """
    _checked_pair(x, y)
    return (x @ q.mT - y).square().sum(2).mean(1).sqrt()


def match_points(x: Tensor, y: Tensor) -> Tensor:
    """The order p `(b, n)` for which sum_i |x_i - y_p[i]|^2 is smallest: an optimal assignment (Kuhn, 1955).

    >>> match_points(torch.tensor([[[0.0], [5.0]]]), torch.tensor([[[4.0], [1.0]]])).tolist()
    [[1, 0]]
    """
    _checked_pair(x, y)
    costs = torch.cdist(x, y).square().detach().numpy()
    return torch.stack([torch.from_numpy(linear_sum_assignment(cost)[1]) for cost in costs])


def register(x: Tensor, y: Tensor, special: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """The best Q `(b, d, d)`, order p `(b, n)` and misfit `(b,)` of Q x_i against y_p[i], over all n! orders.

    Raises ValueError for more than seven points.
    """
    _checked_pair(x, y)
    if x.shape[1] > MOST_POINTS:
        raise ValueError(f"x must have at most {MOST_POINTS} points to try all orders, got {x.shape[1]}")
    orders = SymmetricGroup(x.shape[1]).elements()
    found = [_best_of(one, other, orders, special) for one, other in zip(x, y, strict=True)]
    return tuple(torch.stack(part) for part in zip(*found, strict=True))


def register_by_turns(
    x: Tensor, y: Tensor, starts: int, generator: torch.Generator, steps: int = 30
) -> tuple[Tensor, Tensor, Tensor]:
    """As `register` for rotations, by alternation: match points, turn, match again, from random first rotations.

    Each step lowers the misfit or ends the run; the best of `starts` runs is returned. It need not be the best of all.
    """
    _checked_pair(x, y)
    first = SpecialOrthogonalGroup(x.shape[2]).sample(starts, generator).to(x.dtype)
    pairs = [(one.expand(starts, -1, -1), other.expand(starts, -1, -1)) for one, other in zip(x, y, strict=True)]
    found = [_alternate(one, other, first, steps) for one, other in pairs]
    best = [int(gaps.argmin()) for *_, gaps in found]
    return tuple(torch.stack([part[k][row] for part, row in zip(found, best, strict=True)]) for k in range(3))


def _alternate(x: Tensor, y: Tensor, q: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    p = match_points(x @ q.mT, y)
    for _ in range(steps):
        q = procrustes(x, _reordered(y, p), special=True)
        before, p = p, match_points(x @ q.mT, y)
        if torch.equal(before, p):
            break
    return q, p, misfit(q, x, _reordered(y, p))


def _best_of(x: Tensor, y: Tensor, orders: Tensor, special: bool) -> tuple[Tensor, Tensor, Tensor]:
    clouds, targets = x.expand(len(orders), -1, -1), y[orders]
    q = procrustes(clouds, targets, special)
    gaps = misfit(q, clouds, targets)
    best = gaps.argmin()
    return q[best], orders[best], gaps[best]


def _reordered(y: Tensor, p: Tensor) -> Tensor:
    return y.gather(1, p[:, :, None].expand_as(y))


def _checked_pair(x: Tensor, y: Tensor) -> None:
    if checked_clouds(x).shape != checked_clouds(y, "y").shape:
        raise ValueError(f"y must have the shape of x, {tuple(x.shape)}, got {tuple(y.shape)}")
