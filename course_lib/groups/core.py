"""Groups, their actions, and the ruler of equivariance. Chapters: all of symmetries and equivariance.

A group element is a tensor, and every function takes a batch of them: `(m, *element_shape)`. The group knows how to
multiply and invert; an `Action` of it says how elements move data. The same group acts in many ways (C4 turns images, and
leaves labels alone), so an equivariant map has two actions: f(g . x) = g . f(x), the left dot on inputs, the right one on
outputs. All actions are left actions: (g h) . x = g . (h . x). With p[i] the place to which item i goes, `x[p]` is the other
kind, a right action; the left one puts x[i] at place p[i], and reads `x[p.argsort()]`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

ENUMERATION_LIMIT = 500_000


class Group:
    """What every group knows. A subclass sets `name`, `order` (None if infinite) and `element_shape`, and writes the parts.

    Parts to write: `identity`, `generators`, `sample`, `is_element`, `_product`, `_inverse`; for a finite group `_elements`.
    Products and inverses of anything that is no element raise ValueError.
    """

    name: str
    order: int | None
    element_shape: tuple[int, ...]

    def __repr__(self) -> str:
        return self.name

    def identity(self) -> Tensor:
        """The neutral element, as a batch of one: `(1, *element_shape)`."""
        raise NotImplementedError

    def generators(self) -> Tensor:
        """Elements whose products give the whole group, `(k, *element_shape)`; for a Lie group, its other components."""
        raise NotImplementedError

    def lie_generators(self) -> Tensor:
        """Tangent directions at the identity that span the Lie algebra, `(k, *element_shape)`; k = 0 for a finite group."""
        return torch.zeros(0, *self.element_shape)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` independent elements from the uniform (Haar) distribution, `(count, *element_shape)`."""
        raise NotImplementedError

    def is_element(self, g: Tensor) -> Tensor:
        """Which rows of `g` `(m, *element_shape)` are elements: `(m,)` booleans."""
        raise NotImplementedError

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        raise NotImplementedError

    def _inverse(self, g: Tensor) -> Tensor:
        raise NotImplementedError

    def _elements(self) -> Tensor:
        raise NotImplementedError

    def product(self, g: Tensor, h: Tensor) -> Tensor:
        """Row by row the product g h (first h, then g): two batches of m elements, or one of them a single element."""
        g, h = self.checked(g, "g"), self.checked(h, "h")
        if len(g) != len(h) and 1 not in (len(g), len(h)):
            raise ValueError(f"g and h must have equally many rows, or one of them a single row, got {len(g)} and {len(h)}")
        return self._product(g, h)

    def inverse(self, g: Tensor) -> Tensor:
        """Row by row the element that undoes g."""
        return self._inverse(self.checked(g, "g"))

    def elements(self) -> Tensor:
        """All elements, `(order, *element_shape)`, the identity first. ValueError if there are infinitely or too many."""
        if self.order is None or self.order > ENUMERATION_LIMIT:
            size = "infinitely many" if self.order is None else f"{self.order:,}"
            raise ValueError(
                f"group must have at most {ENUMERATION_LIMIT:,} elements to be listed, got {self.name} with {size}"
            )
        return self._elements()

    def same(self, g: Tensor, h: Tensor) -> Tensor:
        """Which rows of g and h are the same element: `(m,)` booleans."""
        return _rows(g == h).all(1)

    def keys(self, g: Tensor) -> list[tuple]:
        """Something to look elements up by: equal elements have equal keys."""
        return [tuple(row) for row in _rows(g).tolist()]

    def checked(self, g: Tensor, name: str = "g") -> Tensor:
        """`g` itself if it is a batch of elements; else ValueError that names the argument."""
        if not isinstance(g, Tensor) or g.shape[1:] != self.element_shape or g.dim() != len(self.element_shape) + 1:
            got = tuple(g.shape) if isinstance(g, Tensor) else type(g).__name__
            raise ValueError(f"{name} must be elements of {self.name}, a tensor (m, *{self.element_shape}), got {got}")
        if not (found := self.is_element(g)).all():
            row = int((~found).nonzero()[0, 0])
            raise ValueError(f"{name} must be elements of {self.name}, got {g[row].tolist()} in row {row}")
        return g


@dataclass(frozen=True)
class Action:
    """How the elements of `group` move things of one `shape`, a left action.

    `move`: elements `(m, ...)` and a batch `(b, *shape)` -> `(m, b, *shape)`, every element on every item.
    Raises ValueError for what is no element and for data of another shape or with NaN.

    >>> from course_lib.groups import CyclicGroup, image_action
    >>> turn = image_action(CyclicGroup(4), (2, 2))
    >>> turn.act(torch.tensor([0, 1]), torch.tensor([[[1, 2], [3, 4]]])).tolist()
    [[[[1, 2], [3, 4]]], [[[2, 4], [1, 3]]]]
    """

    group: Group
    shape: tuple[int, ...]
    move: Callable[[Tensor, Tensor], Tensor]
    linear: bool = True
    name: str = ""

    @property
    def dimension(self) -> int:
        """How many numbers one item has."""
        return int(torch.Size(self.shape).numel())

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        """g . x for every element and every item: `(m, ...)`, `(b, *shape)` -> `(m, b, *shape)`."""
        return self.move(self.group.checked(g, "g"), self.checked(x))

    def each(self, g: Tensor, x: Tensor) -> Tensor:
        """Row by row, item i moved by element i: `(b, ...)`, `(b, *shape)` -> `(b, *shape)`."""
        if len(g) != len(x):
            raise ValueError(f"g and x must have equally many rows, got {len(g)} and {len(x)}")
        return torch.cat([self.act(one[None], item[None])[0] for one, item in zip(g, x, strict=True)])

    def matrix(self, g: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
        """The representation: `(m, D, D)` with `matrix(g) @ x.flatten() = (g . x).flatten()`, D the dimension."""
        self._must_be_linear()
        return self._matrix(self.group.checked(g, "g"), dtype)

    def lie_matrices(self, dtype: torch.dtype = torch.float64) -> Tensor:
        """Derivatives of the representation at the identity along the Lie generators, `(k, D, D)`."""
        self._must_be_linear()
        directions, start = self.group.lie_generators().to(dtype), self.group.identity().to(dtype)
        found = [torch.func.jvp(lambda g: self._matrix(g, dtype), (start,), (way[None],))[1][0] for way in directions]
        return torch.stack(found) if found else torch.zeros(0, self.dimension, self.dimension, dtype=dtype)

    def checked(self, x: Tensor, name: str = "x") -> Tensor:
        """`x` itself if it is a batch of items without NaN; else ValueError that names the argument."""
        if not isinstance(x, Tensor) or x.dim() != len(self.shape) + 1 or x.shape[1:] != torch.Size(self.shape):
            got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"{name} must be a tensor of shape (b, *{tuple(self.shape)}), got {got}")
        if x.isnan().any():
            raise ValueError(f"{name} must hold numbers, got NaN in {int(x.isnan().sum())} places")
        return x

    def _must_be_linear(self) -> None:
        if not self.linear:
            raise ValueError(f"action must be linear to have matrices, got {self.name or 'an action that is not'}")

    def _matrix(self, g: Tensor, dtype: torch.dtype) -> Tensor:
        basis = torch.eye(self.dimension, dtype=dtype).reshape(-1, *self.shape)
        return self.move(g, basis).reshape(len(g), self.dimension, self.dimension).transpose(1, 2)


def equivariance_error(f: Callable, action_in: Action, action_out: Action, x: Tensor, elements: Tensor) -> Tensor:
    """Relative error of f(g . x) = g . f(x), one number for each element, `(m,)`, between 0 and 2.

        ||f(g . x) - g . f(x)||  /  sqrt( (||f(g . x)||^2 + ||g . f(x)||^2) / 2 ),

    norms over all items of the batch `x` `(b, *shape_in)`; 0 where both vanish, about sqrt(2) if the two sides have nothing
    to do with each other. `f`: `(b, *shape_in)` -> `(b, *shape_out)`. A large constant added to f hides an error.
    Raises ValueError if the two actions are of different groups, or for outputs of another shape.

    >>> from course_lib.groups import SymmetricGroup, permutation_action, trivial_action
    >>> group = SymmetricGroup(3)
    >>> points, labels = permutation_action(group, (3,)), trivial_action(group, ())
    >>> equivariance_error(lambda x: x.sum(1), points, labels, torch.ones(2, 3), group.generators()).tolist()
    [0.0, 0.0]
    """
    if action_in.group is not action_out.group and action_in.group.name != action_out.group.name:
        raise ValueError(f"action_out must be an action of {action_in.group}, got one of {action_out.group}")
    if len(elements) == 0:
        raise ValueError("elements must hold at least one element, got none")
    moved = action_in.act(elements, x)
    after = action_out.checked(f(moved.flatten(0, 1)), "the output of f").unflatten(0, moved.shape[:2])
    before = action_out.act(elements, action_out.checked(f(x), "the output of f"))
    after, before = (part.flatten(1).to(torch.float64) for part in (after, before))
    size = ((after.square().sum(1) + before.square().sum(1)) / 2).sqrt()
    return (after - before).norm(dim=1) / torch.where(size > 0, size, 1.0)


def assert_equivariant(
    f: Callable, action_in: Action, action_out: Action, x: Tensor, elements: Tensor | None = None, tolerance: float = 1e-5
) -> None:
    """AssertionError if the equivariance error exceeds `tolerance` for some element; by default the group's generators.

    On generators is enough only if it holds for *every* x; a test on a few x should use random elements, of order 3 or more.
    """
    elements = action_in.group.generators() if elements is None else elements
    errors = equivariance_error(f, action_in, action_out, x, elements)
    worst = int(errors.argmax())
    if not errors[worst] <= tolerance:
        raise AssertionError(
            f"not equivariant: relative error {errors[worst]:.2g} > {tolerance:g} for g = {elements[worst].tolist()}"
        )


def _rows(g: Tensor) -> Tensor:
    """A batch of elements as a table, one row each; numbers become rows of one."""
    return g.flatten(1) if g.dim() > 1 else g[:, None]
