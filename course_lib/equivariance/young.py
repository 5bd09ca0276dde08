"""Irreducible representations of the symmetric group, as orthogonal matrices (Young's form), and its Fourier transform.

Chapters: equivariance/random_subsets. One representation for each way to write n as a sum (a *shape*: row lengths that do
not increase). Its basis is the standard tableaux, the ways to write 1..n into the boxes so that rows and columns grow; a
tableau is kept as the list of the rows in which 1, ..., n stand. Sources: James & Kerber (1981), section 3.4; Clausen (1989).
"""

from functools import cache

import torch
from torch import Tensor

from course_lib.groups.finite import at_least


@cache
def shapes(n: int) -> tuple[tuple[int, ...], ...]:
    """All shapes of n boxes, the single row (the trivial representation) first, the single column (the sign) last.

    >>> shapes(4)
    ((4,), (3, 1), (2, 2), (2, 1, 1), (1, 1, 1, 1))
    """
    return tuple(_parts(at_least("n", n, 1), n))


def _parts(rest: int, longest: int):
    if rest == 0:
        yield ()
    for row in range(min(rest, longest), 0, -1):
        for others in _parts(rest - row, row):
            yield (row, *others)


@cache
def tableaux(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Standard tableaux of a shape, each as the rows of 1, ..., n. ValueError if the row lengths increase.

    >>> tableaux((2, 1))
    ((0, 1, 0), (0, 0, 1))
    """
    shape = tuple(shape)
    if not shape or list(shape) != sorted(shape, reverse=True) or shape[-1] < 1:
        raise ValueError(f"shape must be positive row lengths that do not increase, got {shape}")
    if sum(shape) == 1:
        return ((0,),)
    return tuple((*before, row) for row, left in _smaller(shape) for before in tableaux(left))


def _smaller(shape: tuple[int, ...]) -> list[tuple[int, tuple[int, ...]]]:
    """Where the last box can be taken away, and the shape that is left: what n - 1 items see of the representation."""
    ends = [row for row, length in enumerate(shape) if row == len(shape) - 1 or shape[row + 1] < length]
    return [(end, tuple(k - (r == end) for r, k in enumerate(shape) if k - (r == end))) for end in ends]


def irrep_dimension_sum(n: int) -> int:
    """D(S_n): the sum of the dimensions of all irreducible representations; equal to the number of p with p p = e.

    >>> [irrep_dimension_sum(n) for n in range(1, 8)]
    [1, 2, 4, 10, 26, 76, 232]
    """
    return sum(len(tableaux(shape)) for shape in shapes(n))


@cache
def _exchanges(shape: tuple[int, ...]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each exchange (j j+1): diagonal `(d,)`, off-diagonal `(d,)` and the tableau to which that leads `(d,)`."""
    basis = tableaux(shape)
    number = {tableau: row for row, tableau in enumerate(basis)}
    contents = torch.tensor([[t[:k].count(t[k]) - t[k] for k in range(len(t))] for t in basis], dtype=torch.float64)
    found = []
    for j in range(sum(shape) - 1):
        diagonal = 1 / (contents[:, j + 1] - contents[:, j])
        swapped = [(*t[:j], t[j + 1], t[j], *t[j + 2 :]) for t in basis]
        partner = torch.tensor([number.get(t, row) for row, t in enumerate(swapped)])
        found.append((diagonal, (1 - diagonal**2).clamp(min=0).sqrt(), partner))
    return found


def irrep_matrices(shape: tuple[int, ...], p: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """The orthogonal matrices of permutations `(m, n)` in the representation of this shape: `(m, d, d)`.

    p is sorted by exchanges of neighbours, and every exchange multiplies from the left: rho(s) for s = (j j+1) has
    1/(c(j+1) - c(j)) on the diagonal, c(k) the column minus the row of k, and sqrt(1 - that^2) towards the tableau with
    j and j+1 exchanged. A homomorphism: rho(p q) = rho(p) rho(q). Raises ValueError if shape and p do not fit.

    >>> irrep_matrices((1, 1), torch.tensor([[0, 1], [1, 0]]))[:, 0, 0].tolist()
    [1.0, -1.0]
    """
    n = sum(shape)
    if p.dim() != 2 or p.shape[1] != n or not (p.sort(1).values == torch.arange(n)).all():
        raise ValueError(f"p must be permutations (m, {n}) for shape {tuple(shape)}, got shape {tuple(p.shape)}")
    moves, p = _exchanges(tuple(shape)), p.clone()
    matrices = torch.eye(len(tableaux(tuple(shape))), dtype=torch.float64).repeat(len(p), 1, 1)
    for last in range(n - 1, 0, -1):
        for j in range(last):
            rows = (p[:, j] > p[:, j + 1]).nonzero()[:, 0]
            diagonal, off, partner = moves[j]
            old = matrices[rows]
            matrices[rows] = diagonal[:, None] * old + off[:, None] * old[:, partner]
            p[rows, j], p[rows, j + 1] = p[rows, j + 1], p[rows, j]
    return matrices.to(dtype)


def permutation_numbers(p: Tensor) -> Tensor:
    """Numbers 0..n!-1 of permutations `(m, n)`, `(m,)`: by where the last item goes, then among the others the one before it.

    >>> permutation_numbers(torch.tensor([[0, 1, 2], [2, 1, 0]])).tolist()
    [5, 0]
    """
    number, size = torch.zeros(len(p), dtype=torch.long), 1
    for k in range(1, p.shape[1]):
        size *= k
        number += size * (p[:, :k] < p[:, [k]]).sum(1)
    return number


@cache
def _last_to(shape: tuple[int, ...]) -> Tensor:
    """Matrices of the n permutations that take the last item to place i and keep the order of the others: `(n, d, d)`."""
    n = sum(shape)
    p = torch.tensor([[k + (k >= i) for k in range(n - 1)] + [i] for i in range(n)])
    return irrep_matrices(shape, p)


def symmetric_fourier(f: Tensor, n: int) -> dict[tuple[int, ...], Tensor]:
    """sum_p f(p) rho(p) for every irreducible representation of S_n: `(r, n!)` -> shape: `(r, d, d)`.

    f is listed by `permutation_numbers`. Fast: p is a permutation of the first n - 1 items, and then the last goes to its
    place; so transforms over n - 1 items, blocks of the larger matrices, are multiplied by n matrices and added
    (Clausen, 1989). Raises ValueError if f has another length.

    >>> symmetric_fourier(torch.tensor([[1.0, 2.0]]), 2)[(1, 1)].tolist()  # number 1 is the identity
    [[[1.0]]]
    """
    if n == 1 and f.shape[1:] == (1,):
        return {(1,): f[:, :, None].to(torch.float64)}
    if f.dim() != 2 or n < 2 or f.shape[1] % n:
        raise ValueError(f"f must be (r, n!) for n = {n}, got shape {tuple(f.shape)}")
    parts, found = symmetric_fourier(f.reshape(len(f) * n, -1), n - 1), {}
    for shape in shapes(n):
        blocks, start = f.new_zeros(len(f) * n, len(tableaux(shape)), len(tableaux(shape)), dtype=torch.float64), 0
        for _, left in _smaller(shape):
            end = start + parts[left].shape[1]
            blocks[:, start:end, start:end] = parts[left]
            start = end
        found[shape] = torch.einsum("iab,ribc->rac", _last_to(shape), blocks.unflatten(0, (len(f), n)))
    return found
