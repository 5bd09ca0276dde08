"""Finite groups: cyclic, dihedral, symmetric, sign flips, translations of a grid.

Chapters: symmetries/groups and all of equivariance. Elements are integers: an angle's number, a permutation as the list of
places to which the items go, a vector of signs, a vector of shifts.
"""

import itertools
import math

import torch
from torch import Tensor

from course_lib.groups.core import Group


def at_least(name: str, value: int, low: int) -> int:
    """`value` if it is a whole number of at least `low`; else ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")
    return value


def _is_whole(g: Tensor) -> Tensor:
    return ((g == g.round()) if g.is_floating_point() else torch.ones_like(g, dtype=torch.bool)).flatten(1).all(1)


class TranslationGroup(Group):
    """Shifts of a grid that closes on itself, Z_a x Z_b x ...: elements `(m, axes)`, added modulo `sizes`.

    >>> TranslationGroup((4, 5)).product(torch.tensor([[3, 3]]), torch.tensor([[2, 1]])).tolist()
    [[1, 4]]
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = tuple(at_least("sizes", size, 1) for size in sizes)
        if not self.sizes:
            raise ValueError("sizes must name at least one axis, got ()")
        self.name, self.element_shape = f"translations{self.sizes}", (len(self.sizes),)
        self.order, self._modulus = math.prod(self.sizes), torch.tensor(self.sizes)

    def identity(self) -> Tensor:
        return torch.zeros(1, len(self.sizes), dtype=torch.long)

    def generators(self) -> Tensor:
        return torch.eye(len(self.sizes), dtype=torch.long) % self._modulus

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        columns = [torch.randint(size, (at_least("count", count, 0),), generator=generator) for size in self.sizes]
        return torch.stack(columns, 1)

    def is_element(self, g: Tensor) -> Tensor:
        return _is_whole(g) & ((g >= 0) & (g < self._modulus)).all(1)

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        return (g + h) % self._modulus

    def _inverse(self, g: Tensor) -> Tensor:
        return -g % self._modulus

    def _elements(self) -> Tensor:
        return torch.cartesian_prod(*(torch.arange(size) for size in self.sizes)).reshape(-1, len(self.sizes))


class CyclicGroup(Group):
    """C_n, the turns of a regular polygon: elements `(m,)`, k stands for k steps of 360/n degrees.

    >>> CyclicGroup(4).product(torch.tensor([3]), torch.tensor([2]))
    tensor([1])
    """

    def __init__(self, n: int) -> None:
        self.n = self.order = at_least("n", n, 1)
        self.name, self.element_shape = f"C_{n}", ()

    def identity(self) -> Tensor:
        return torch.zeros(1, dtype=torch.long)

    def generators(self) -> Tensor:
        return torch.ones(1, dtype=torch.long) % self.n

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(self.n, (at_least("count", count, 0),), generator=generator)

    def is_element(self, g: Tensor) -> Tensor:
        return _is_whole(g[:, None]) & (g >= 0) & (g < self.n)

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        return (g + h) % self.n

    def _inverse(self, g: Tensor) -> Tensor:
        return -g % self.n

    def _elements(self) -> Tensor:
        return torch.arange(self.n)

    def parts(self, g: Tensor) -> tuple[Tensor, Tensor]:
        """Turns and flips `(m,)`, `(m,)` of the elements; a turn has no flip."""
        return g, torch.zeros_like(g)

    def permutations(self, g: Tensor) -> Tensor:
        """Where the corners 0..n-1 of the polygon go, `(m, n)`: i -> i + k, or k - i after a flip."""
        turns, flips = self.parts(self.checked(g))
        return (turns[:, None] + (1 - 2 * flips[:, None]) * torch.arange(self.n)) % self.n

    def matrices(self, g: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
        """How the plane moves, `(m, 2, 2)`: a turn by k steps counter-clockwise, after a mirroring of y if there is a flip."""
        turns, flips = self.parts(self.checked(g))
        angle, sign = 2 * math.pi / self.n * turns.to(torch.float64), 1 - 2 * flips.to(torch.float64)
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([cos, -sin * sign, sin, cos * sign], 1).reshape(-1, 2, 2).to(dtype)


class DihedralGroup(CyclicGroup):
    """D_n, turns and mirrorings of a regular polygon (order 2n): elements `(m, 2)`, (k, s) is r^k s^s with s r s = r^-1.

    >>> DihedralGroup(4).product(torch.tensor([[1, 1]]), torch.tensor([[1, 0]])).tolist()
    [[0, 1]]
    """

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self.name, self.order, self.element_shape = f"D_{n}", 2 * n, (2,)

    def identity(self) -> Tensor:
        return torch.zeros(1, 2, dtype=torch.long)

    def generators(self) -> Tensor:
        return torch.tensor([[1 % self.n, 0], [0, 1]])

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        turns, flips = (torch.randint(k, (at_least("count", count, 0),), generator=generator) for k in (self.n, 2))
        return torch.stack([turns, flips], 1)

    def is_element(self, g: Tensor) -> Tensor:
        return _is_whole(g) & (g >= 0).all(1) & (g[:, 0] < self.n) & (g[:, 1] < 2)

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        turns = (g[:, 0] + (1 - 2 * g[:, 1]) * h[:, 0]) % self.n
        return torch.stack([turns, (g[:, 1] + h[:, 1]) % 2], 1)

    def _inverse(self, g: Tensor) -> Tensor:
        return torch.stack([(2 * g[:, 1] - 1) * g[:, 0] % self.n, g[:, 1]], 1)

    def _elements(self) -> Tensor:
        return torch.stack([torch.arange(self.n).repeat(2), torch.arange(2).repeat_interleave(self.n)], 1)

    def parts(self, g: Tensor) -> tuple[Tensor, Tensor]:
        return g[:, 0], g[:, 1]


class SymmetricGroup(Group):
    """S_n, all orders of n items: elements `(m, n)`, p[i] is the place to which item i goes; (p q)(i) = p(q(i)).

    >>> SymmetricGroup(3).product(torch.tensor([[1, 2, 0]]), torch.tensor([[1, 0, 2]])).tolist()
    [[2, 1, 0]]
    """

    def __init__(self, n: int) -> None:
        self.n, self.order = at_least("n", n, 1), math.factorial(n)
        self.name, self.element_shape = f"S_{n}", (n,)

    def identity(self) -> Tensor:
        return torch.arange(self.n)[None]

    def generators(self) -> Tensor:
        """An exchange of the first two items, and a step round the circle of all."""
        swap = torch.arange(self.n)
        swap[:2] = swap[:2].flip(0)
        return torch.stack([swap, (torch.arange(self.n) + 1) % self.n])

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        keys = torch.rand(at_least("count", count, 0), self.n, dtype=torch.float64, generator=generator)
        return keys.argsort(1)

    def is_element(self, g: Tensor) -> Tensor:
        return (g.sort(1).values == torch.arange(self.n)).all(1)

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        g, h = torch.broadcast_tensors(g, h)
        return g.gather(1, h)

    def _inverse(self, g: Tensor) -> Tensor:
        return g.argsort(1)

    def _elements(self) -> Tensor:
        return torch.tensor(list(itertools.permutations(range(self.n))))


class SignFlipGroup(Group):
    """{+1, -1}^n, all ways of flipping n signs: elements `(m, n)`, multiplied entry by entry.

    >>> SignFlipGroup(2).elements().tolist()
    [[1, 1], [1, -1], [-1, 1], [-1, -1]]
    """

    def __init__(self, n: int) -> None:
        self.n, self.order = at_least("n", n, 1), 2**n
        self.name, self.element_shape = f"signs_{n}", (n,)

    def identity(self) -> Tensor:
        return torch.ones(1, self.n, dtype=torch.long)

    def generators(self) -> Tensor:
        return 1 - 2 * torch.eye(self.n, dtype=torch.long)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return 1 - 2 * torch.randint(2, (at_least("count", count, 0), self.n), generator=generator)

    def is_element(self, g: Tensor) -> Tensor:
        return (g.abs() == 1).all(1)

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        return g * h

    def _inverse(self, g: Tensor) -> Tensor:
        return g.clone()

    def _elements(self) -> Tensor:
        return torch.tensor(list(itertools.product((1, -1), repeat=self.n)))
