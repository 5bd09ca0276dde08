"""How groups move vectors, sets, graphs, images and tensors: standard left actions, and new ones from old.

Chapters: all of symmetries and equivariance. Every function returns an `Action`; all are linear in the data. Turns of an
image by anything but quarters need interpolation, and interpolated turns do not compose: they are no action.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_lib.groups.continuous import OrthogonalGroup
from course_lib.groups.core import Action, Group
from course_lib.groups.finite import CyclicGroup, SignFlipGroup, SymmetricGroup, TranslationGroup
from course_lib.groups.generated import Subgroup
from course_lib.groups.products import SemidirectProduct


def trivial_action(group: Group, shape: Sequence[int] = ()) -> Action:
    """Nothing moves: the action on labels, energies, and all that should be invariant. `shape` is () for one number."""
    return Action(group, tuple(shape), lambda g, x: x.expand(len(g), *x.shape), name="trivial")


def permutation_action(
    group: Group, shape: Sequence[int], axes: Sequence[int] = (0,), permutations: Callable[[Tensor], Tensor] | None = None
) -> Action:
    """Item i of each axis goes to place p[i]: y[p[i]] = x[i]. Sets `(n, d)`: axes (0,); adjacency matrices `(n, n)`: (0, 1).

    `permutations` maps elements to `(m, n)`; by default those of S_n itself, or of a polygon's corners for C_n and D_n.

    >>> shift = permutation_action(SymmetricGroup(3), (3,))
    >>> shift.act(torch.tensor([[1, 2, 0]]), torch.tensor([[10, 20, 30]])).tolist()
    [[[30, 10, 20]]]
    """
    shape, permutations = tuple(shape), permutations or _default_permutations(group)
    n = permutations(group.identity()).shape[1]
    for axis in axes:
        if not 0 <= axis < len(shape) or shape[axis] != n:
            raise ValueError(f"axes must be axes of length {n} of shape {shape}, got {tuple(axes)}")

    def move(g: Tensor, x: Tensor) -> Tensor:
        sources = permutations(g).long().argsort(1)  # place j is filled from item p^-1(j)
        return _read(x, dict.fromkeys(axes, sources))

    return Action(group, shape, move, name="permutation")


def graph_action(n: int) -> Action:
    """Renaming the nodes of a graph: A -> P A P^T on adjacency matrices `(n, n)`.

    >>> path = torch.tensor([[[0, 1, 0], [1, 0, 1], [0, 1, 0]]])
    >>> graph_action(3).act(torch.tensor([[1, 0, 2]]), path).tolist()
    [[[[0, 1, 1], [1, 0, 0], [1, 0, 0]]]]
    """
    return permutation_action(SymmetricGroup(n), (n, n), axes=(0, 1))


def translation_action(group: TranslationGroup, shape: Sequence[int], axes: Sequence[int] | None = None) -> Action:
    """Shifts of a grid, what leaves at one end comes in at the other: y[i + a] = x[i]. By default along the last axes."""
    shape = tuple(shape)
    axes = tuple(range(len(shape) - len(group.sizes), len(shape))) if axes is None else tuple(axes)
    if min(axes) < 0 or [shape[axis] for axis in axes] != list(group.sizes):
        raise ValueError(f"shape must have lengths {group.sizes} along axes {axes}, got {shape}")

    def move(g: Tensor, x: Tensor) -> Tensor:
        return _read(x, {a: (torch.arange(shape[a]) - g[:, [k]].long()) % shape[a] for k, a in enumerate(axes)})

    return Action(group, shape, move, name="translation")


def sign_action(group: SignFlipGroup, shape: Sequence[int], axis: int = 0) -> Action:
    """Entry i along `axis` is multiplied by sign i: eigenvectors, whose sign nobody can know."""
    shape = tuple(shape)
    if not 0 <= axis < len(shape) or shape[axis] != group.n:
        raise ValueError(f"axis must be an axis of length {group.n} of shape {shape}, got {axis}")
    view = [group.n if k == axis else 1 for k in range(len(shape))]
    return Action(group, shape, lambda g, x: g.reshape(-1, 1, *view).to(x.dtype) * x, name="signs")


def matrix_action(group: Group, shape: Sequence[int], matrices: Callable[[Tensor], Tensor] | None = None) -> Action:
    """Vectors along the last axis are multiplied by matrices: one vector `(d,)`, a cloud of n points `(n, d)`.

    `matrices` maps elements to `(m, d, d)`; by default those of O(d) and SO(d) themselves, and the plane's for C_n and D_n.
    """
    shape, matrices = tuple(shape), matrices or _default_matrices(group)
    d = matrices(group.identity()).shape[-1]
    if not shape or shape[-1] != d:
        raise ValueError(f"shape must end in {d}, got {shape}")

    def move(g: Tensor, x: Tensor) -> Tensor:
        if not x.is_floating_point():
            raise ValueError(f"x must hold floating-point numbers to be turned, got {x.dtype}")
        return torch.einsum("mij,b...j->mb...i", matrices(g).to(x.dtype), x)

    return Action(group, shape, move, name="matrices")


def tensor_action(base: Action, order: int) -> Action:
    """Tensors of `order` axes of length d, every axis moved as `base` moves vectors `(d,)`; for order 2: T -> R T R^T.

    >>> tensor_action(matrix_action(OrthogonalGroup(3), (3,)), 4).dimension
    81
    """
    if len(base.shape) != 1 or not base.linear or order < 0:
        raise ValueError(f"base must be a linear action on vectors and order at least 0, got {base.shape} and {order}")

    def move(g: Tensor, x: Tensor) -> Tensor:
        rho = base._matrix(g, x.dtype)
        y = x.expand(len(g), *x.shape)
        for axis in range(2, order + 2):
            y = torch.einsum("mij,mb...j->mb...i", rho, y.movedim(axis, -1)).movedim(-1, axis)
        return y

    return Action(base.group, base.shape * order, move, name=f"tensors of order {order}")


def image_action(group: CyclicGroup, shape: Sequence[int]) -> Action:
    """Quarter turns (counter-clockwise) and, for a dihedral group, mirrorings top to bottom, of square images `(..., h, h)`.

    Exact: every pixel goes to a pixel. The group is C_n or D_n with n = 1, 2 or 4; element (k, s) mirrors first, then turns.
    """
    shape = tuple(shape)
    if not isinstance(group, CyclicGroup) or 4 % group.n:
        raise ValueError(f"group must be C_n or D_n with n = 1, 2 or 4, for which turns are exact, got {group}")
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"shape must end in two equal lengths, got {shape}")

    def move(g: Tensor, x: Tensor) -> Tensor:
        turns, flips = group.parts(g.long())
        every = [torch.rot90(y, k, (-2, -1)) for y in (x, x.flip(-2)) for k in range(4)]
        return torch.stack(every)[turns * (4 // group.n) + 4 * flips]

    return Action(group, shape, move, name="image")


def regular_action(group: Group) -> Action:
    """Functions on a finite group, (g . x)[h] = x[g^-1 h]: the group moving itself, `(order,)` in the order of `elements()`."""
    elements = group.elements()
    number = {key: row for row, key in enumerate(group.keys(elements))}

    def permutations(g: Tensor) -> Tensor:
        return torch.tensor([[number[key] for key in group.keys(group._product(one[None], elements))] for one in g])

    return permutation_action(group, (len(elements),), permutations=permutations)


def pull_back(action: Action, group: Group, homomorphism: Callable[[Tensor], Tensor] = lambda g: g) -> Action:
    """Let another group act: g moves things as `homomorphism(g)` does, row by row. The default restricts to a subgroup.

    Tried on random elements; ValueError if it does not respect products.
    """
    generator = torch.Generator().manual_seed(0)
    g, h = group.sample(16, generator), group.sample(16, generator)
    there = action.group
    if not there.same(homomorphism(group.product(g, h)), there.product(homomorphism(g), homomorphism(h))).all():
        raise ValueError(f"homomorphism must carry products of {group} to products of {there}")
    return Action(group, action.shape, lambda g, x: action.move(homomorphism(g), x), action.linear, action.name)


def joint_action(group: SemidirectProduct, first: Action, second: Action) -> Action:
    """A product of two groups, both moving the same things: (n, h) . x = n . (h . x).

    Tried on random elements; ValueError if that is no left action, as when the two do not commute in a direct product.
    """
    if first.shape != second.shape:
        raise ValueError(f"second must act on shape {first.shape}, as first does, got {second.shape}")

    def move(g: Tensor, x: Tensor) -> Tensor:
        parts = zip(*group.split(g), strict=True)
        return torch.stack([first.move(n[None], second.move(h[None], x)[0])[0] for n, h in parts])

    generator = torch.Generator().manual_seed(0)
    g, h, x = group.sample(8, generator), group.sample(8, generator), torch.randn(1, *first.shape, generator=generator)
    twice = torch.cat([move(one[None], y) for one, y in zip(g, move(h, x), strict=True)])
    if not torch.allclose(move(group.product(g, h), x), twice, atol=1e-4):
        raise ValueError(f"first and second must fit together to a left action of {group}: (g h) . x = g . (h . x) fails")
    return Action(group, first.shape, move, first.linear and second.linear, name=f"{first.name} after {second.name}")


def _read(x: Tensor, sources: dict[int, Tensor]) -> Tensor:
    """y[.., j, ..] = x[.., sources[axis][j], ..] along axes of an item: `(b, *shape)` -> `(m, b, *shape)`."""
    shape, rows = x.shape[1:], len(next(iter(sources.values())))
    places = torch.arange(shape.numel()).reshape(1, *shape).expand(rows, *shape)
    for axis, source in sources.items():
        view = [rows, *(shape[axis] if k == axis else 1 for k in range(len(shape)))]
        places = places.gather(axis + 1, source.reshape(view).expand(rows, *shape))
    return x.flatten(1)[:, places.flatten(1)].transpose(0, 1).reshape(rows, *x.shape)


def _root(group: Group) -> Group:
    return _root(group.parent) if isinstance(group, Subgroup) else group


def _default_permutations(group: Group) -> Callable[[Tensor], Tensor]:
    root = _root(group)
    if isinstance(root, SymmetricGroup):
        return lambda g: g
    if isinstance(root, CyclicGroup):
        return root.permutations
    raise ValueError(f"permutations must say how {group} permutes, got None")


def _default_matrices(group: Group) -> Callable[[Tensor], Tensor]:
    root = _root(group)
    if isinstance(root, OrthogonalGroup):
        return lambda g: g
    if isinstance(root, CyclicGroup):
        return root.matrices
    raise ValueError(f"matrices must say how {group} moves vectors, got None")
