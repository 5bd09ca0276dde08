"""Numbers that rotations leave alone, and vectors built from them: dot products, determinants, cross products.

Chapters: equivariance/invariants. Clouds are batches `(b, n, d)` of n vectors in d dimensions, the last axis moved by O(d) or
SO(d). Dot products know a cloud up to O(d); the signs of determinants tell it from its mirror image. Vectors that turn along
are sums of the given vectors, with coefficients that are invariant; for rotations alone cross products join them.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

Coefficients = Callable[[Tensor], Tensor]


def gram_matrix(x: Tensor) -> Tensor:
    """All dot products, G_ij = v_i . v_j: `(b, n, d)` -> `(b, n, n)`.

    >>> gram_matrix(torch.tensor([[[1.0, 0.0], [1.0, 2.0]]])).tolist()
    [[[1.0, 1.0], [1.0, 5.0]]]
    """
    return clouds(x) @ x.transpose(1, 2)


def dot_products(x: Tensor) -> Tensor:
    """The dot products of pairs i <= j, row by row: `(b, n, d)` -> `(b, n (n + 1) / 2)`.

    They generate all polynomial invariants of O(d), the first fundamental theorem (Weyl, 1946, theorem 2.9.A).

    >>> dot_products(torch.tensor([[[1.0, 0.0], [1.0, 2.0]]])).tolist()
    [[1.0, 1.0, 5.0]]
    """
    first, second = torch.triu_indices(x.shape[1], x.shape[1])
    return gram_matrix(x)[:, first, second]


def determinants(x: Tensor) -> Tensor:
    """det of every choice of d of the n vectors, as rows, in the order of `itertools.combinations`: `(b, C(n, d))`.

    Rotations leave them alone, mirrorings change their sign. With the dot products they generate all polynomial invariants of
    SO(d). Their size is no news: det^2 is the determinant of the dot products of the d vectors.

    >>> determinants(torch.tensor([[[1.0, 0.0], [1.0, 2.0], [0.0, 3.0]]])).tolist()
    [[2.0, 3.0, 3.0]]
    """
    choices = _choices(clouds(x).shape[1], x.shape[2])
    return torch.linalg.det(x[:, choices])


def generalised_cross(x: Tensor) -> Tensor:
    """The vector c with c . w = det(v_1, ..., v_{d-1}, w) for every w: `(..., d - 1, d)` -> `(..., d)`; for d = 3, v_1 x v_2.

    It is orthogonal to all d - 1 vectors. Under Q in O(d) it goes to det(Q) Q c: it turns along, and a mirroring adds a minus.
    Raises ValueError unless there are d - 1 vectors.

    >>> generalised_cross(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])).tolist()
    [0.0, 0.0, 1.0]
    """
    if x.dim() < 2 or x.shape[-2] != x.shape[-1] - 1 or x.shape[-1] < 2:
        raise ValueError(f"x must hold d - 1 vectors in d >= 2 dimensions, (..., d - 1, d), got shape {tuple(x.shape)}")
    d = x.shape[-1]
    minors = [torch.linalg.det(x[..., [k for k in range(d) if k != j]]) for j in range(d)]
    return torch.stack([(-1) ** (d - 1 + j) * minor for j, minor in enumerate(minors)], -1) + 0.0


def cross_products(x: Tensor) -> Tensor:
    """Generalised cross products of every choice of d - 1 of the n vectors: `(b, n, d)` -> `(b, C(n, d - 1), d)`."""
    return generalised_cross(clouds(x)[:, _choices(x.shape[1], x.shape[2] - 1)])


def vectors_from_scalars(coefficients: Coefficients, handed: bool = False) -> Callable[[Tensor], Tensor]:
    """A vector that turns along: sum_t f_t v_t, `(b, n, d)` -> `(b, d)`, with f_t functions of invariants.

    `coefficients` maps the dot products `(b, n (n + 1) / 2)` to weights `(b, n)`. If `handed`, it sees the determinants behind
    the dot products, and gives C(n, d - 1) further weights, those of the cross products: then rotations are respected, and
    mirrorings need not be. Every equivariant function can be written so, for O(d) and for SO(d): Villar, Hogg, Storey-Fisher,
    Yao & Blum-Smith (2021). Raises ValueError for another number of weights.

    >>> mean = vectors_from_scalars(lambda dots: torch.full((len(dots), 2), 0.5))
    >>> mean(torch.tensor([[[1.0, 0.0], [1.0, 2.0]]])).tolist()
    [[1.0, 1.0]]
    """

    def vector(x: Tensor) -> Tensor:
        seen = torch.cat([dot_products(x), determinants(x)], 1) if handed else dot_products(x)
        parts = torch.cat([x, cross_products(x)], 1) if handed else clouds(x)
        weights = coefficients(seen)
        if weights.shape != parts.shape[:2]:
            raise ValueError(f"coefficients must give weights {tuple(parts.shape[:2])}, got {tuple(weights.shape)}")
        return (weights[:, :, None] * parts).sum(1)

    return vector


def outside_the_span(vectors: Tensor, x: Tensor) -> Tensor:
    """Share of each vector `(b, d)` that no combination of the v_i `(b, n, d)` gives: relative length of the rest, `(b,)`.

    An O(d)-equivariant function has 0 here at every x: mirror at the span of the v_i, and they stay, so the value must.
    """
    basis = torch.linalg.pinv(clouds(x)) @ x  # projects rows onto the span
    rest = vectors - (vectors[:, None] @ basis)[:, 0]
    return rest.norm(dim=1) / vectors.norm(dim=1)


def cloud_from_gram(gram: Tensor, d: int) -> Tensor:
    """A cloud with these dot products, one of many: `(b, n, n)` -> `(b, n, d)`; all others are its images under O(d).

    From the eigenvectors u_k and the d largest eigenvalues: column k is sqrt(l_k) u_k; columns of zeros if n < d. Any rank up
    to d will do, where a Cholesky factor asks for full rank. Raises ValueError unless the matrices are symmetric, without
    eigenvalues below zero, and of rank at most d (up to rounding).

    >>> cloud_from_gram(torch.tensor([[[4.0, 0.0], [0.0, 0.0]]]), 1).abs().tolist()
    [[[2.0], [0.0]]]
    """
    if gram.dim() != 3 or gram.shape[1] != gram.shape[2] or not torch.allclose(gram, gram.transpose(1, 2), atol=1e-5):
        raise ValueError(f"gram must be symmetric matrices (b, n, n), got shape {tuple(gram.shape)}")
    values, vectors = torch.linalg.eigh(gram)
    values, vectors = values.flip(1), vectors.flip(2)
    rounding = max(len(gram[0]) * 100 * torch.finfo(gram.dtype).eps, 1e-10)
    floor = values.abs().amax(1, keepdim=True).clamp(min=1) * rounding
    if (values < -floor).any() or (values[:, d:] > floor).any():
        raise ValueError(f"gram must have no eigenvalue below zero and rank at most {d}, got {values[0].tolist()}")
    found = vectors[:, :, :d] * values[:, None, :d].clamp(min=0).sqrt()
    return torch.nn.functional.pad(found, (0, d - found.shape[2]))


def aligned(x: Tensor, y: Tensor, mirror: bool = True) -> Tensor:
    """`x` moved as near to `y` as O(d) can, or SO(d) if not `mirror`: `(b, n, d)`, `(b, n, d)` -> `(b, n, d)`.

    Q = U S V^T from the singular vectors of Y^T X; without mirrorings S has det(U V^T) in its last place (Kabsch, 1978).
    """
    u, _, vt = torch.linalg.svd(clouds(y, "y").transpose(1, 2) @ clouds(x))
    signs = torch.ones_like(x[:, 0])
    if not mirror:
        signs[:, -1] = torch.linalg.det(u @ vt).sign()
    return x @ ((u * signs[:, None]) @ vt).transpose(1, 2)


def orbit_distance(x: Tensor, y: Tensor, mirror: bool = True) -> Tensor:
    """min over Q of ||Q x - y|| / ||y||, `(b,)`: 0 if O(d), or SO(d) if not `mirror`, takes one cloud to the other.

    >>> hand = torch.eye(3)[None] * torch.tensor([1.0, 2.0, 3.0])
    >>> [round(orbit_distance(-hand, hand, mirror).item(), 3) for mirror in (True, False)]
    [0.0, 0.535]
    """
    return (aligned(x, y, mirror) - y).flatten(1).norm(dim=1) / y.flatten(1).norm(dim=1)


def clouds(x: Tensor, name: str = "x") -> Tensor:
    """`x` itself if it is a batch of clouds of floating-point numbers; else ValueError that names the argument."""
    if not isinstance(x, Tensor) or x.dim() != 3 or not x.is_floating_point():
        got = f"{tuple(x.shape)} of {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name} must be floating-point clouds (b, n, d), got {got}")
    return x


def _choices(n: int, k: int) -> Tensor:
    """All choices of k of n places, `(C(n, k), k)`."""
    return torch.tensor(list(itertools.combinations(range(n), k)), dtype=torch.long).reshape(-1, k)
