"""Averaging a function over a group, over a few of its elements, or over a random walk. Chapters: equivariance/averaging.

The average of f at x is the mean of rho_out(g)^-1 f(rho_in(g) x). Over all elements it is a projection P onto the
equivariant functions. Over a part S it is A_S, a projection only if S is a subgroup; A_S A_S ... A_S is the average
over a random walk that multiplies by a random element of S at each step.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.groups import Action, Group, cayley_graph

Function = Callable[[Tensor], Tensor]


def group_average(
    f: Function, action_in: Action, action_out: Action, elements: Tensor | None = None, weights: Tensor | None = None
) -> Function:
    """The function x -> sum_g w_g rho_out(g)^-1 f(rho_in(g) x), `(b, *shape_in)` -> `(b, *shape_out)`.

    `elements` `(m, ...)`: all of a finite group by default; a few, or random ones, give an approximation. `weights` `(m,)`
    add up to one, equal by default. f is called once, on all m b moved items. Raises ValueError for actions of two
    groups, no elements, weights of another shape or sum, outputs of another shape, and for an infinite group without
    `elements`. Elesedy & Zaidi (2021), section 2.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> places = permutation_action(CyclicGroup(3), (3,))
    >>> group_average(lambda x: x * torch.tensor([3.0, 0, 0]), places, places)(torch.tensor([[1.0, 2, 3]])).tolist()
    [[1.0, 2.0, 3.0]]
    """
    if action_in.group is not action_out.group and action_in.group.name != action_out.group.name:
        raise ValueError(f"action_out must be an action of {action_in.group}, got one of {action_out.group}")
    elements = action_in.group.elements() if elements is None else action_in.group.checked(elements, "elements")
    if len(elements) == 0:
        raise ValueError("elements must hold at least one element, got none")
    weights = _checked_weights(weights, len(elements))
    inverses = action_in.group.inverse(elements)

    def averaged(x: Tensor) -> Tensor:
        moved = action_in.act(elements, x)
        answers = action_out.checked(f(moved.flatten(0, 1)), "the output of f").unflatten(0, moved.shape[:2])
        back = torch.stack([action_out.move(g[None], y)[0] for g, y in zip(inverses, answers, strict=True)])
        return torch.tensordot(weights.to(back.dtype), back, 1)

    return averaged


def iterated_average(f: Function, action_in: Action, action_out: Action, elements: Tensor, steps: int) -> Function:
    """A_S A_S ... A_S f, `steps` times, for S = `elements`: the average over where a random walk can be after so many steps.

    f is evaluated at every element that the walk can have reached, no more and no less: see `walk_distribution`.
    """
    members, mass = walk_distribution(action_in.group, elements, steps)
    reached = mass[-1] > 0
    return group_average(f, action_in, action_out, members[reached], mass[-1][reached])


def walk_distribution(group: Group, elements: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """A walk that starts at the identity and multiplies by a random row of `elements` `(k, ...)` from the left.

    Returns what they generate, `(r, ...)`, nearest first, and the probability of being there after 0, 1, ..., `steps` steps,
    `(steps + 1, r)`. Rows that occur twice count twice. Finite groups. Raises ValueError for negative `steps`.

    >>> from course_lib.groups import CyclicGroup
    >>> walk_distribution(CyclicGroup(4), torch.tensor([1, 3]), 2)[1].tolist()  # elements 0, 1, 3, 2
    [[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0], [0.5, 0.0, 0.0, 0.5]]
    """
    if steps < 0 or len(elements) == 0:
        raise ValueError(f"steps must be at least 0 and elements not empty, got {steps} and {len(elements)} elements")
    members, _, arrows = cayley_graph(group, elements)
    mass = torch.zeros(steps + 1, len(members), dtype=torch.float64)
    mass[0, 0] = 1.0
    for t in range(steps):
        for targets in arrows:
            mass[t + 1].index_add_(0, targets, mass[t] / len(arrows))
    return members, mass


def total_variation(mass: Tensor, order: int) -> Tensor:
    """Half the sum of |mass - 1/order| over a group, `(..., r)` -> `(...)`; elements that are not listed have mass 0.

    >>> total_variation(torch.tensor([1.0, 0.0]), 4).item()
    0.75
    """
    return ((mass - 1 / order).abs().sum(-1) + (order - mass.shape[-1]) / order) / 2


def worst_case_left(group: Group, elements: Tensor, steps: int = 1) -> float:
    """||A_S^steps - P|| on functions on the group: the largest share of an error that is left after averaging over S.

    S = `elements` `(k, ...)`. 0 if S is a subgroup that is the whole group, 1 if S does not generate the group or its walk
    is periodic. Equal to the largest norm of rho(A_S)^steps over the irreducible representations but the trivial one. Finite
    groups of at most some thousand elements.

    >>> from course_lib.groups import CyclicGroup
    >>> round(worst_case_left(CyclicGroup(8), torch.tensor([0, 1, 7])), 3)  # (1 + 2 cos 45 degrees) / 3
    0.805
    """
    members, _, arrows = cayley_graph(group, elements)
    if len(members) < group.order:
        return 1.0
    r = len(members)
    step = torch.zeros(r, r, dtype=torch.float64)
    for targets in arrows:
        step[targets, torch.arange(r)] += 1 / len(arrows)
    return torch.linalg.matrix_norm(torch.linalg.matrix_power(step, steps) - 1 / r, 2).item()


def steps_until(group: Group, elements: Tensor, left: float, limit: int = 100_000) -> int | None:
    """The smallest number of steps for which ||A_S^steps - P|| is at most `left`; None if that never happens.

    Found by doubling and halving, since the norm never grows with the number of steps.
    """
    low, high = 0, 1
    while worst_case_left(group, elements, high) > left:
        if high >= limit:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if worst_case_left(group, elements, middle) <= left else (middle, high)
    return high


def remaining_error(f: Function, averaged: Function, projected: Function, x: Tensor) -> float:
    """||averaged - P f|| / ||f - P f|| over a batch `x`: the share of the asymmetry of one f that is left, at these x."""
    truth = projected(x)
    return ((averaged(x) - truth).norm() / (f(x) - truth).norm()).item()


def _checked_weights(weights: Tensor | None, count: int) -> Tensor:
    if weights is None:
        return torch.full((count,), 1 / count, dtype=torch.float64)
    if weights.shape != (count,) or not abs(weights.sum().item() - 1) < 1e-5:
        got = f"shape {tuple(weights.shape)} and sum {weights.sum().item():.4g}"
        raise ValueError(f"weights must be ({count},) and add up to 1, got {got}")
    return weights
