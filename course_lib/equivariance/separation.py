"""How many invariants tell orbits apart: the smallest case, in which it can be decided.

Chapters: equivariance/invariants. A vector x in R^D is known up to its sign: the orbits are {x, -x}, those of O(1) on D points
of the line. Squares (w . x)^2 with random w are invariant. Dym & Gortler (2024): of such a family, 2D + 1 random members
separate all orbits and D + 1 separate generic ones, for many groups, with D the dimension of the data. In this case 2D - 1
suffice for all and 2D - 2 do not (Balan, Casazza & Edidin, 2006), and both can be seen by trying signs.
"""

import itertools

import torch
from torch import Tensor


def squared_projections(x: Tensor, directions: Tensor) -> Tensor:
    """(w_j . x)^2 for every direction: `(b, D)`, `(m, D)` -> `(b, m)`.

    >>> squared_projections(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 1.0], [1.0, 0.0]])).tolist()
    [[9.0, 1.0]]
    """
    return (x @ directions.T).square()


def vectors_with_the_same_squares(x: Tensor, directions: Tensor, tolerance: float = 1e-7) -> Tensor:
    """Every vector with the squares of `x` `(D,)`, one of each pair +-y: `(count, D)`, by trying all signs.

    A vector y has the same squares if W y = s * (W x) for signs s; the first D directions give y, the others must agree.
    Raises ValueError for fewer than D directions: then there are infinitely many.

    >>> vectors_with_the_same_squares(torch.tensor([1.0, 2.0]), torch.eye(2)).tolist()  # the second sign is free
    [[1.0, 2.0], [1.0, -2.0]]
    """
    m, D = directions.shape
    if m < D:
        raise ValueError(f"directions must be at least {D} for vectors of {D} numbers, got {m}")
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=D - 1)), dtype=x.dtype)
    signs = torch.cat([torch.ones(len(signs), 1, dtype=x.dtype), signs], 1)
    found = torch.linalg.solve(directions[:D], (signs * (directions[:D] @ x)).T).T
    gap = (squared_projections(found, directions) - squared_projections(x[None], directions)).abs().amax(1)
    return found[gap <= tolerance * squared_projections(x[None], directions).amax()]


def confused_pair(directions: Tensor) -> tuple[Tensor, Tensor]:
    """Two vectors, not equal up to sign, with equal squares in all of at most 2D - 2 directions: `(D,)` each.

    Half of the directions are orthogonal to some u, the other half to some v; u + v and u - v agree up to sign in both halves.
    Raises ValueError for more than 2D - 2 directions.

    >>> x, y = confused_pair(torch.eye(3)[[0, 1, 2]])
    >>> torch.allclose(x.square(), y.square())
    True
    """
    m, D = directions.shape
    if m > 2 * D - 2:
        raise ValueError(f"directions must be at most {2 * D - 2} for vectors of {D} numbers, got {m}")
    u, v = (_orthogonal_to(half) for half in (directions[: m // 2], directions[m // 2 :]))
    x, y = u + v, u - v
    return x / x.norm(), y / x.norm()  # one factor for both, or the squares would differ


def tells_all_apart(directions: Tensor) -> bool:
    """Whether equal squares imply equality up to sign, for all vectors: of every split, one part has to span R^D.

    The complement property of Balan, Casazza & Edidin (2006).

    >>> tells_all_apart(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])), tells_all_apart(torch.eye(2))
    (True, False)
    """
    m, D = directions.shape

    def spans(rows: list[int]) -> bool:
        return len(rows) >= D and int(torch.linalg.matrix_rank(directions[rows])) == D

    for size in range(m // 2 + 1):
        for part in itertools.combinations(range(m), size):
            rest = [k for k in range(m) if k not in part]
            if not spans(list(part)) and not spans(rest):
                return False
    return True


def _orthogonal_to(rows: Tensor) -> Tensor:
    """A vector of length 1 orthogonal to fewer than D rows: the last right singular vector."""
    return torch.linalg.svd(rows)[2][-1]
