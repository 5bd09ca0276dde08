"""Canonicalisation: move every input to a chosen pose, then let any network look at it.

Chapter: equivariance/canonicalization. A rule kappa names, for every input, the group element that carries the chosen pose
to where the input stands: x = kappa(x) . c. If kappa(g . x) = g kappa(x), all points of an orbit have the same pose c, and
f(c) is invariant whatever f is. Rules here: principal axes for clouds of points, the direction of the first point, sorting,
the best of four quarter turns for images; the root of the Gram matrix gives a pose without naming an element. `max_jump`
measures whether a function jumps along a path.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.groups import Action, rotation


def canonical_form(action: Action, kappa: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """kappa(x)^-1 . x, the chosen point on the orbit of each item: `(b, *shape)` -> `(b, *shape)`.

    `kappa` maps a batch to elements `(b, ...)`. The form is constant on orbits if kappa(g . x) = g kappa(x).

    >>> from course_lib.groups import SymmetricGroup, permutation_action
    >>> sets = permutation_action(SymmetricGroup(3), (3, 1))
    >>> canonical_form(sets, lexicographic_order, torch.tensor([[[5.0], [1.0], [3.0]]]))[0, :, 0].tolist()
    [1.0, 3.0, 5.0]
    """
    return action.each(action.group.inverse(_elements(action, kappa, x)), x)


def canonicalise(
    f: Callable[[Tensor], Tensor], kappa: Callable[[Tensor], Tensor], action_in: Action, action_out: Action | None = None
) -> Callable[[Tensor], Tensor]:
    """The function x -> g . f(g^-1 . x) with g = kappa(x): equivariant for any f, at one evaluation of f.

    Without `action_out` the answer is not moved back: x -> f(g^-1 . x), invariant. Exact where kappa(h . x) = h kappa(x);
    where x has symmetries of its own no kappa can satisfy that, and the pose alone must agree. Source: Kaba and others
    (2023).

    >>> from course_lib.groups import SymmetricGroup, permutation_action
    >>> sets = permutation_action(SymmetricGroup(3), (3, 1))
    >>> first = canonicalise(lambda x: x[:, 0, 0], lexicographic_order, sets)
    >>> first(torch.tensor([[[5.0], [1.0], [3.0]], [[1.0], [3.0], [5.0]]])).tolist()
    [1.0, 1.0]
    """
    if action_out is not None and action_out.group.name != action_in.group.name:
        raise ValueError(f"action_out must be an action of {action_in.group}, got one of {action_out.group}")

    def canonicalised(x: Tensor) -> Tensor:
        g = _elements(action_in, kappa, x)
        y = f(action_in.each(action_in.group.inverse(g), x))
        return y if action_out is None else action_out.each(g, y)

    return canonicalised


def principal_axes(x: Tensor, special: bool = False) -> Tensor:
    """The axes of the largest to the smallest spread of clouds `(b, n, d)`, as columns of orthogonal matrices `(b, d, d)`.

    Spread is about the origin. Each axis points to the side on which the sum of the cubed coordinates is positive; with
    `special` the last axis is reversed where that is needed for a rotation. Undecided where two spreads agree or a sum of
    cubes vanishes: there a tiny change of x moves the axes far.

    >>> principal_axes(torch.tensor([[[0.0, 2.0], [0.0, 1.0], [0.5, 0.0]]]))[0].abs().round().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    x = checked_clouds(x)
    axes = torch.linalg.eigh(x.mT @ x).eigenvectors.flip(2)
    cubes = (x @ axes).pow(3).sum(1)
    axes = axes * torch.where(cubes < 0, -1.0, 1.0).to(x.dtype)[:, None]
    if special:
        axes[:, :, -1] *= torch.linalg.det(axes).sign()[:, None]
    return axes


def first_point(x: Tensor) -> Tensor:
    """For clouds in the plane `(b, n, 2)` the rotation `(b, 2, 2)` that turns the first axis to the direction of point 0.

    >>> first_point(torch.tensor([[[0.0, 2.0], [1.0, 1.0]]])).round().int().tolist()
    [[[0, -1], [1, 0]]]
    """
    x = checked_clouds(x, d=2)
    return rotation(torch.atan2(x[:, 0, 1], x[:, 0, 0]))


def lexicographic_order(x: Tensor) -> Tensor:
    """Permutations `(b, n)` that carry the sorted rows to where they stand in x `(b, n, d)`: row p[i] is the i-th smallest.

    Rows are compared by their first entry, ties by the second, and so on, as words are.

    >>> lexicographic_order(torch.tensor([[[2.0, 0.0], [1.0, 9.0], [1.0, 3.0]]])).tolist()
    [[2, 1, 0]]
    """
    x = checked_clouds(x)
    order = torch.arange(x.shape[1]).expand(x.shape[:2])
    for column in range(x.shape[2] - 1, -1, -1):  # sort by the last entry first; later sorts are stable
        entries = x[:, :, column].gather(1, order)
        order = order.gather(1, entries.argsort(dim=1, stable=True))
    return order


def four_poses(x: Tensor) -> Tensor:
    """Images `(b, h, h)` turned back by 0, 1, 2 and 3 quarter turns, `(b, 4, h, h)`."""
    if x.dim() != 3 or x.shape[1] != x.shape[2]:
        raise ValueError(f"x must be square images (b, h, h), got shape {tuple(x.shape)}")
    return torch.stack([torch.rot90(x, -k, (1, 2)) for k in range(4)], 1)


def pose_scores(score: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The score of each of the four poses of images `(b, h, h)`, `(b, 4)`; `score` maps `(b, h, h)` to `(b,)`."""
    poses = four_poses(x)
    scores = score(poses.flatten(0, 1))
    if scores.shape != (4 * len(x),):
        raise ValueError(f"score must return one number for each image, got shape {tuple(scores.shape)}")
    return scores.reshape(-1, 4)


def best_turn(score: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A rule for images under quarter turns: how many turns carry the pose of largest score to x, `(b, h, h)` -> `(b,)`.

    >>> corner = best_turn(lambda x: x[:, 0, 0])  # the brightest corner belongs at the upper left
    >>> corner(torch.tensor([[[0.0, 0.0], [1.0, 0.0]]])).tolist()
    [1]
    """
    return lambda x: pose_scores(score, x).argmax(1)


def ink_on_top(x: Tensor) -> Tensor:
    """How much more ink stands above the middle of images `(b, h, h)` than below, weighted by distance: `(b,)`.

    >>> ink_on_top(torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])).tolist()
    [1.0]
    """
    height = torch.linspace(1, -1, x.shape[1], dtype=x.dtype)
    return (x * height[:, None]).mean((1, 2)) * 2


def gram_root(x: Tensor) -> Tensor:
    """The root of the Gram matrix of at most d points, filled up with zeros: `(b, n, d)` -> `(b, n, d)`, n <= d.

    The rows of (x x^T)^(1/2) have the same dot products as those of x, so they are x, turned and perhaps mirrored: a
    canonical form for O(d), continuous everywhere. Raises ValueError for more points than dimensions.

    >>> gram_root(torch.tensor([[[0.0, 3.0], [2.0, 0.0]]])).round().abs().tolist()
    [[[3.0, 0.0], [0.0, 2.0]]]
    """
    n, d = checked_clouds(x).shape[1:]
    if n > d:
        raise ValueError(f"x must hold at most as many points as dimensions, got {n} points in {d} dimensions")
    left, values, _ = torch.linalg.svd(x, full_matrices=False)
    root = left * values[:, None] @ left.mT
    return torch.cat([root, root.new_zeros(len(x), n, d - n)], 2)


def max_jump(f: Callable[[Tensor], Tensor], path: Callable[[Tensor], Tensor], steps: int) -> float:
    """The largest change of f in one of `steps` equal steps along a path: max_k |f(p((k + 1) / K)) - f(p(k / K))|.

    `path` maps times `(m,)` in [0, 1] to inputs `(m, *shape)`. If f changes at most L times as fast as t, the jump is at
    most L / K; at a discontinuity it does not shrink as K grows. No number of steps proves either.

    >>> max_jump(lambda x: x.sign(), lambda t: t - 0.5 + 1e-3, 1000)
    2.0
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be a whole number of at least 1, got {steps!r}")
    times = torch.arange(steps + 1, dtype=torch.float64) / steps
    values = f(path(times)).reshape(steps + 1, -1)
    return (values[1:] - values[:-1]).norm(dim=1).max().item()


def checked_clouds(x: Tensor, name: str = "x", d: int | None = None) -> Tensor:
    """`x` itself if it is a batch of finite clouds `(b, n, d)`; else ValueError that names the argument."""
    if not isinstance(x, Tensor) or x.dim() != 3 or not x.is_floating_point() or (d is not None and x.shape[2] != d):
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name} must be clouds of floating-point numbers (b, n, {'d' if d is None else d}), got {got}")
    if not x.isfinite().all():
        raise ValueError(f"{name} must hold finite numbers, got {int((~x.isfinite()).sum())} that are not")
    return x


def _elements(action: Action, kappa: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    g = action.group.checked(kappa(action.checked(x)), "the elements from kappa")
    if len(g) != len(x):
        raise ValueError(f"kappa must return one element for each of {len(x)} items, got {len(g)}")
    return g
