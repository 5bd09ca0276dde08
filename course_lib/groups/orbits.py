"""Orbits, stabilisers, and counting what is really different (Burnside's lemma).

Chapters: symmetries/groups, symmetries/benefits and equivariance/weight_sharing.
"""

from fractions import Fraction

import torch
from torch import Tensor

from course_lib.groups.core import ENUMERATION_LIMIT, Action


def orbit(action: Action, x: Tensor, tolerance: float = 1e-6) -> Tensor:
    """The different points among all g . x of one item `x` `(*shape)`: `(r, *shape)`, x first. Finite groups.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> orbit(permutation_action(CyclicGroup(4), (4,)), torch.tensor([1, 0, 1, 0])).tolist()
    [[1, 0, 1, 0], [0, 1, 0, 1]]
    """
    moved = action.act(action.group.elements(), x[None])[:, 0]
    flat = moved.reshape(len(moved), -1).to(torch.float64)
    close = torch.cdist(flat, flat, p=float("inf")) <= tolerance
    return moved[close.int().argmax(1).unique()]  # each point is counted where it comes first


def orbit_from_generators(action: Action, x: Tensor, limit: int = ENUMERATION_LIMIT) -> Tensor:
    """The same orbit for data that moves exactly (permutations, signs, images), without listing the group.

    Breadth-first search from `x` along the generators, x first. Raises ValueError after `limit` points.

    >>> from course_lib.groups import SymmetricGroup, permutation_action
    >>> len(orbit_from_generators(permutation_action(SymmetricGroup(12), (12,)), torch.arange(12) // 11))
    12
    """
    generators, frontier = action.group.generators(), action.checked(x[None])
    found, seen = [frontier], {_key(x)}
    while len(frontier):
        moved = action.act(generators, frontier).flatten(0, 1)
        fresh = []
        for row, item in enumerate(moved):
            if (key := _key(item)) not in seen:
                seen.add(key)
                fresh.append(row)
        if len(seen) > limit:
            raise ValueError(f"x must have at most {limit:,} images, got more")
        frontier = moved[fresh]
        found.append(frontier)
    return torch.cat(found)


def stabiliser(action: Action, x: Tensor, tolerance: float = 1e-6) -> Tensor:
    """The elements that leave one item `x` `(*shape)` where it is, `(s, ...)`: a subgroup. Finite groups.

    Orbit-stabiliser theorem: the size of the orbit times the size of the stabiliser is the size of the group.
    """
    elements = action.group.elements()
    moved = action.act(elements, x[None])[:, 0]
    gaps = (moved.to(torch.float64) - x.to(torch.float64)).reshape(len(elements), -1).abs()
    return elements[(gaps <= tolerance).all(1)]


def point_orbits(permutations: Tensor) -> Tensor:
    """The orbit of each of n points under the group that `permutations` `(k, n)` generate: labels `(n,)`, 0, 1, ...

    >>> point_orbits(torch.tensor([[1, 0, 2, 3], [0, 1, 3, 2]])).tolist()
    [0, 0, 1, 1]
    """
    permutations = _checked_permutations(permutations)
    label = torch.arange(permutations.shape[1])
    while True:
        smaller = label
        for p in permutations:  # the lower label wins, along the arrow and against it
            smaller = torch.minimum(smaller, smaller[p])
            smaller = torch.minimum(smaller, torch.empty_like(smaller).scatter(0, p, smaller))
        if (smaller == label).all():
            return label.unique(return_inverse=True)[1]
        label = smaller


def fixed_points(permutations: Tensor) -> Tensor:
    """How many points each permutation `(m, n)` leaves in place, `(m,)`: the trace of its matrix."""
    permutations = _checked_permutations(permutations)
    return (permutations == torch.arange(permutations.shape[1])).sum(1)


def cycle_counts(permutations: Tensor) -> Tensor:
    """How many cycles each permutation `(m, n)` has, fixed points included, `(m,)`.

    >>> cycle_counts(torch.tensor([[1, 2, 0, 3], [0, 1, 2, 3]])).tolist()
    [2, 4]
    """
    permutations = _checked_permutations(permutations)
    smallest = reached = torch.arange(permutations.shape[1]).expand(permutations.shape)
    for _ in range(permutations.shape[1]):
        reached = permutations.gather(1, reached)
        smallest = torch.minimum(smallest, reached)
    return (smallest == torch.arange(permutations.shape[1])).sum(1)  # each cycle is named by its smallest point


def count_orbits(permutations: Tensor) -> int:
    """Burnside's lemma: orbits of a group of permutations `(|G|, n)`, all listed = the mean number of fixed points.

    Raises ValueError if the mean is no whole number: then the rows are no group.

    >>> count_orbits(torch.tensor([[0, 1, 2], [1, 0, 2]]))
    2
    """
    fixed = fixed_points(permutations).tolist()
    return _whole(Fraction(sum(fixed), len(fixed)))


def count_colourings(permutations: Tensor, colours: int) -> int:
    """Colourings of n places that differ even after moving them by the group `(|G|, n)`: the mean of colours^cycles.

    A colouring is fixed by p if it is constant on each cycle of p. Exact for any number of colours.

    >>> from course_lib.groups import CyclicGroup
    >>> group = CyclicGroup(4)
    >>> count_colourings(group.permutations(group.elements()), 2)  # necklaces of four beads
    6
    """
    cycles = cycle_counts(permutations).tolist()
    return _whole(Fraction(sum(colours**c for c in cycles), len(cycles)))


def _whole(mean: Fraction) -> int:
    if mean.denominator != 1:
        raise ValueError(f"permutations must be all elements of a group, got a list with mean {mean}")
    return int(mean)


def _checked_permutations(p: Tensor) -> Tensor:
    if p.dim() != 2 or not len(p) or not (p.sort(1).values == torch.arange(p.shape[1])).all():
        raise ValueError(f"permutations must be a tensor (m, n) whose rows are orders of 0..n-1, got shape {tuple(p.shape)}")
    return p.long()


def _key(x: Tensor) -> bytes:
    return (x + 0).contiguous().numpy().tobytes() if not x.is_floating_point() else (x + 0.0).contiguous().numpy().tobytes()
