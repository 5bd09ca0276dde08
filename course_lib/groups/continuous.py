"""Rotations and reflections in d dimensions: O(d), SO(d), their Haar measure and their Lie algebra.

Chapters: symmetries/groups and all of equivariance. Elements are orthogonal matrices `(m, d, d)`. The Lie algebra of both
is the skew-symmetric matrices A; exp(A) is a rotation, and every rotation is one.
"""

import torch
from torch import Tensor

from course_lib.groups.core import Group
from course_lib.groups.finite import at_least


def haar_orthogonal(count: int, d: int, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
    """`count` matrices from the Haar measure of O(d), `(count, d, d)`: Q of a Gaussian matrix's QR, signs fixed.

    A QR routine leaves the signs of Q's columns to its own conventions, so Q alone is not uniform; multiplied by the
    signs of R's diagonal it is (Mezzadri, 2007).

    >>> q = haar_orthogonal(1, 3, torch.Generator().manual_seed(0))[0]
    >>> torch.allclose(q @ q.T, torch.eye(3, dtype=torch.float64))
    True
    """
    gaussian = torch.randn(at_least("count", count, 0), d, d, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    signs = torch.where(r.diagonal(dim1=1, dim2=2) < 0, -1.0, 1.0)
    return (q * signs[:, None, :]).to(dtype)


def rotation(angle: Tensor) -> Tensor:
    """Turns of the plane by `angle` `(m,)` in radians, counter-clockwise: `(m, 2, 2)`.

    >>> SpecialOrthogonalGroup(2).is_element(rotation(torch.tensor([0.3])))
    tensor([True])
    """
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], 1).reshape(-1, 2, 2)


def exponential(a: Tensor) -> Tensor:
    """exp(a) = 1 + a + a^2/2 + ... of matrices `(m, d, d)`: Lie algebra to group. ValueError unless square and finite."""
    if a.dim() != 3 or a.shape[1] != a.shape[2] or not a.isfinite().all():
        raise ValueError(f"a must be finite square matrices (m, d, d), got shape {tuple(a.shape)}")
    return torch.linalg.matrix_exp(a)


class OrthogonalGroup(Group):
    """O(d), all matrices with Q Q^T = 1: rotations (determinant 1) and rotations after a mirroring (determinant -1).

    `dtype` is that of the matrices it makes; it takes any. Elements are accepted up to rounding.

    >>> OrthogonalGroup(3).lie_generators().shape
    torch.Size([3, 3, 3])
    """

    def __init__(self, d: int, dtype: torch.dtype = torch.float64) -> None:
        self.d, self.dtype, self.order = at_least("d", d, 1), dtype, None
        self.name, self.element_shape = f"O({d})", (d, d)

    def identity(self) -> Tensor:
        return torch.eye(self.d, dtype=self.dtype)[None]

    def generators(self) -> Tensor:
        """One mirroring: with the Lie generators it gives everything."""
        mirror = torch.eye(self.d, dtype=self.dtype)
        mirror[0, 0] = -1
        return mirror[None]

    def lie_generators(self) -> Tensor:
        """The d(d-1)/2 turns in one coordinate plane, i < j: -1 at (i, j), +1 at (j, i)."""
        rows, columns = torch.triu_indices(self.d, self.d, 1)
        found, which = torch.zeros(len(rows), self.d, self.d, dtype=self.dtype), torch.arange(len(rows))
        found[which, columns, rows], found[which, rows, columns] = 1, -1
        return found

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return haar_orthogonal(count, self.d, generator, self.dtype)

    def is_element(self, g: Tensor) -> Tensor:
        if not g.is_floating_point():
            g = g.to(torch.float64)
        gap = (g @ g.transpose(1, 2) - torch.eye(self.d, dtype=g.dtype)).abs().flatten(1)
        return (gap < self._tolerance(g)).all(1)

    def same(self, g: Tensor, h: Tensor) -> Tensor:
        return ((g - h).abs() < self._tolerance(g)).flatten(1).all(1)

    def keys(self, g: Tensor) -> list[tuple]:
        return [tuple(row) for row in (g.flatten(1).to(torch.float64).round(decimals=4) + 0.0).tolist()]

    def _tolerance(self, g: Tensor) -> float:
        return 1e-9 if g.dtype == torch.float64 else 1e-4

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        return g @ h

    def _inverse(self, g: Tensor) -> Tensor:
        return g.transpose(1, 2)


class SpecialOrthogonalGroup(OrthogonalGroup):
    """SO(d), the rotations: orthogonal matrices of determinant 1.

    >>> SpecialOrthogonalGroup(2).is_element(torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]))  # a mirroring
    tensor([False])
    """

    def __init__(self, d: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__(d, dtype)
        self.name = f"SO({d})"

    def generators(self) -> Tensor:
        """None: the Lie generators reach every rotation."""
        return torch.zeros(0, self.d, self.d, dtype=self.dtype)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Haar on O(d), with the first column reversed where the determinant is -1: Haar on SO(d)."""
        found = super().sample(count, generator)
        found[:, :, 0] *= torch.linalg.det(found)[:, None].sign()
        return found

    def is_element(self, g: Tensor) -> Tensor:
        return super().is_element(g) & (torch.linalg.det(g if g.is_floating_point() else g.double()) > 0)
