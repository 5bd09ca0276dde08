"""Groups made of two: direct products, and semi-direct products in which one factor moves the other.

Chapters: symmetries/groups and all of equivariance. An element of a product is the two parts, flattened, one behind the
other: `(m, size of first + size of second)`, in a number type that holds both; `split` and `join` go back and forth.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.groups.core import Group
from course_lib.groups.finite import CyclicGroup, SignFlipGroup, SymmetricGroup, TranslationGroup


class SemidirectProduct(Group):
    """N x| H: (n, h)(n', h') = (n twist_h(n'), h h'), where `twist(h, n)` is how H acts on N by automorphisms.

    `twist`: `(m, ...)`, `(m, ...)` -> `(m, ...)`, row by row. It is tried on random elements; ValueError if it is no
    action, or does not respect N's product.

    >>> group = signed_permutations(3)
    >>> group.order
    48
    """

    def __init__(self, first: Group, second: Group, twist: Callable[[Tensor, Tensor], Tensor], name: str = "") -> None:
        self.first, self.second, self.twist = first, second, twist
        self.name = name or f"{first} x| {second}"
        self.order = None if None in (first.order, second.order) else first.order * second.order
        self._sizes = [math.prod(part.element_shape) for part in (first, second)]
        self.element_shape = (sum(self._sizes),)
        self._check_twist()

    def join(self, n: Tensor, h: Tensor) -> Tensor:
        """Elements from their two parts."""
        n, h = (part.reshape(len(part), size) for part, size in zip((n, h), self._sizes, strict=True))
        rows = max(len(n), len(h)) if min(len(n), len(h)) else 0
        dtype = torch.promote_types(n.dtype, h.dtype)
        dtype = torch.float64 if dtype.is_floating_point and torch.long in (n.dtype, h.dtype) else dtype
        return torch.cat([n.to(dtype).expand(rows, -1), h.to(dtype).expand(rows, -1)], 1)

    def split(self, g: Tensor) -> tuple[Tensor, Tensor]:
        """The two parts of elements, each in the form and number type of its own group."""
        parts = zip(g.split(self._sizes, 1), (self.first, self.second), strict=True)
        return tuple(p.reshape(-1, *group.element_shape).to(group.identity().dtype) for p, group in parts)

    def identity(self) -> Tensor:
        return self.join(self.first.identity(), self.second.identity())

    def generators(self) -> Tensor:
        left = self.join(self.first.generators(), self.second.identity())
        return torch.cat([left, self.join(self.first.identity(), self.second.generators())])

    def lie_generators(self) -> Tensor:
        left, right = self.first.lie_generators(), self.second.lie_generators()
        left, right = left.reshape(-1, self._sizes[0]), right.reshape(-1, self._sizes[1])
        found = torch.zeros(len(left) + len(right), *self.element_shape, dtype=self.identity().dtype)
        found[: len(left), : self._sizes[0]], found[len(left) :, self._sizes[0] :] = left, right
        return found

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return self.join(self.first.sample(count, generator), self.second.sample(count, generator))

    def is_element(self, g: Tensor) -> Tensor:
        n, h = self.split(g)
        whole = (self.join(n, h) == g).all(1)  # false where a part lost digits in its own number type
        return whole & self.first.is_element(n) & self.second.is_element(h)

    def keys(self, g: Tensor) -> list[tuple]:
        n, h = self.split(g)
        return list(zip(self.first.keys(n), self.second.keys(h), strict=True))

    def same(self, g: Tensor, h: Tensor) -> Tensor:
        parts = zip(self.split(g), self.split(h), (self.first, self.second), strict=True)
        left, right = (group.same(a, b) for a, b, group in parts)
        return left & right

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        g, h = torch.broadcast_tensors(g, h)
        (n, a), (other, b) = self.split(g), self.split(h)
        return self.join(self.first._product(n, self.twist(a, other)), self.second._product(a, b))

    def _inverse(self, g: Tensor) -> Tensor:
        n, h = self.split(g)
        back = self.second._inverse(h)
        return self.join(self.twist(back, self.first._inverse(n)), back)

    def _elements(self) -> Tensor:
        n, h = self.first.elements(), self.second.elements()
        return self.join(n.repeat_interleave(len(h), 0), h.repeat(len(n), *[1] * (h.dim() - 1)))

    def _check_twist(self) -> None:
        generator = torch.Generator().manual_seed(0)
        n, other = self.first.sample(16, generator), self.first.sample(16, generator)
        h, k = self.second.sample(16, generator), self.second.sample(16, generator)
        twist, same = self.twist, self.first.same
        if not same(twist(self.second.product(h, k), n), twist(h, twist(k, n))).all():
            raise ValueError(f"twist must be a left action of {self.second}: twist(h k, n) = twist(h, twist(k, n)) fails")
        if not same(twist(h, self.first.product(n, other)), self.first.product(twist(h, n), twist(h, other))).all():
            raise ValueError(f"twist must respect the product of {self.first}: twist(h, n n') = twist(h, n) twist(h, n') fails")


class DirectProduct(SemidirectProduct):
    """G x H: both parts multiplied on their own.

    >>> DirectProduct(CyclicGroup(3), SymmetricGroup(3)).order
    18
    """

    def __init__(self, first: Group, second: Group) -> None:
        super().__init__(first, second, lambda h, n: n, name=f"{first} x {second}")


def signed_permutations(n: int) -> SemidirectProduct:
    """{+1, -1}^n x| S_n of order 2^n n!: permute n numbers, then flip signs. The symmetries of the cube in n dimensions."""

    def twist(p: Tensor, signs: Tensor) -> Tensor:
        return torch.empty_like(signs).scatter(1, p, signs)

    return SemidirectProduct(SignFlipGroup(n), SymmetricGroup(n), twist, name=f"signed permutations_{n}")


def grid_motions(side: int, turns: CyclicGroup) -> SemidirectProduct:
    """Shifts of a square grid that closes on itself, with C_4 (called p4) or D_4 (p4m): turn first, then shift.

    Shifts count rows downward, columns to the right, as images do. ValueError unless `turns` is C_4 or D_4.
    """
    if not isinstance(turns, CyclicGroup) or turns.n != 4:
        raise ValueError(f"turns must be C_4 or D_4, got {turns}")
    shifts = TranslationGroup((side, side))

    def twist(h: Tensor, shift: Tensor) -> Tensor:
        x, y = shift[:, 1], -shift[:, 0]  # the plane's axes: y points up
        moved = (turns.matrices(h).round().long() @ torch.stack([x, y], 1)[:, :, None])[:, :, 0]
        return torch.stack([-moved[:, 1], moved[:, 0]], 1) % side

    return SemidirectProduct(shifts, turns, twist, name=f"grid_{side} x| {turns}")
