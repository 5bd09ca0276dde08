"""Averaging over a few random elements of a group, and how far that is from averaging over all of them.

Chapters: equivariance/random_subsets. Three questions with three answers: the error for one function (a finite population
of |G| numbers is sampled; |G| hardly matters), for a space of functions (the logarithm of its dimension), and for all
functions (the logarithm of |G|, or of the sum of the dimensions of the irreducible representations). The worst case itself
is computed in `equivariance.worst_case`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.groups import Action, Group
from course_lib.groups.finite import at_least

LISTED = 5040  # groups up to this order are listed to draw different elements; from larger ones repeats are thrown away


def draw_elements(group: Group, count: int, generator: torch.Generator, distinct: bool = True) -> Tensor:
    """`count` random elements: a subset if `distinct`, else a multiset of independent draws, `(count, *element_shape)`.

    Raises ValueError if a finite group has fewer different elements.

    >>> from course_lib.groups import CyclicGroup
    >>> draw_elements(CyclicGroup(5), 5, torch.Generator().manual_seed(0)).sort().values.tolist()
    [0, 1, 2, 3, 4]
    """
    if not distinct or group.order is None:  # from an infinite group no element comes twice
        return group.sample(at_least("count", count, 1), generator)
    if at_least("count", count, 1) > group.order:
        raise ValueError(f"count must be at most {group.order}, the order of {group}, got {count}")
    if group.order <= LISTED:
        return group.elements()[torch.randperm(group.order, generator=generator)[:count]]
    found: dict[tuple, Tensor] = {}
    while len(found) < count:
        fresh = group.sample(count - len(found), generator)
        for key, row in zip(group.keys(fresh), fresh, strict=True):
            found.setdefault(key, row)
    return torch.stack(list(found.values()))


def subset_average(f: Callable, elements: Tensor, action_in: Action, action_out: Action | None = None) -> Callable:
    """The function x -> (1/m) sum_g g . f(g^-1 . x) over the given elements `(m, ...)`, repeats counted.

    Over the whole group that is exactly equivariant (invariant if `action_out` is None: then outputs are left alone). Costs
    m evaluations of f, `(b, *shape_in)` -> `(b, *shape_out)`. Raises ValueError if the actions are of different groups.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> group = CyclicGroup(3)
    >>> first = subset_average(lambda x: x[:, 0], group.elements(), permutation_action(group, (3,)))
    >>> first(torch.tensor([[1.0, 2.0, 6.0]])).tolist()
    [3.0]
    """
    group = action_in.group
    if action_out is not None and action_out.group is not group and action_out.group.name != group.name:
        raise ValueError(f"action_out must be an action of {group}, got one of {action_out.group}")
    if len(elements) == 0:
        raise ValueError("elements must hold at least one element, got none")

    def averaged(x: Tensor) -> Tensor:
        moved = action_in.act(group.inverse(elements), x)
        answers = f(moved.flatten(0, 1)).unflatten(0, moved.shape[:2])
        if action_out is None:
            return answers.mean(0)
        return sum(action_out.act(g[None], y)[0] for g, y in zip(elements, answers, strict=True)) / len(elements)

    return averaged


def population_factor(count: int, order: int | None = None) -> float:
    """sqrt( (1/m) (1 - (m - 1) / (|G| - 1)) ): RMS error of the mean of m different ones of |G| numbers, in units of sigma.

    `order` None stands for an infinite group, or for independent draws from a finite one: 1 / sqrt(m). It is 0 for m = |G|.
    The same number is the root mean square of the error over all functions on G, for *every* subset of m elements, and so
    a lower bound of the worst case. Raises ValueError for m > |G|. Source: sampling without replacement (Cochran, 1977, 2.7).

    >>> population_factor(4), population_factor(4, 4), round(population_factor(32, 720), 3)
    (0.5, 0.0, 0.173)
    """
    if order is None:
        return 1 / math.sqrt(at_least("count", count, 1))
    if at_least("count", count, 1) > at_least("order", order, 1):
        raise ValueError(f"count must be at most order = {order}, got {count}")
    return math.sqrt((order - count) / (count * (order - 1))) if count < order else 0.0


def one_function_error(values: Tensor, count: int, distinct: bool = True) -> Tensor:
    """RMS over random choices of m elements of |mean over them - mean over all|, from all values f(g . x).

    `values` `(|G|, ...)` lists f(g . x) for every g; the result has the shape that is left: sigma times the population
    factor, sigma the standard deviation over the group (divisor |G|). No |G| in it but the correction.

    >>> one_function_error(torch.tensor([0.0, 2.0]), 1), one_function_error(torch.tensor([0.0, 2.0]), 2)
    (tensor(1.), tensor(0.))
    """
    if values.dim() == 0 or not values.is_floating_point():
        raise ValueError(f"values must be floating-point numbers (|G|, ...), got {values.dtype} {tuple(values.shape)}")
    factor = population_factor(count, len(values) if distinct else None)
    return values.std(0, correction=0) * factor


def samples_for_one(error: float, failure: float = 0.05) -> int:
    """How many independent elements make |A_S f(x) - P f(x)| <= error * sigma, but for a share `failure` of the draws.

    Chebyshev's inequality, 1 / (failure * error^2): for one function and one input, whatever the group, also an infinite one.

    >>> samples_for_one(0.1)
    2000
    """
    _check(error, failure)
    return math.ceil(1 / (failure * error**2) - 1e-9)


def samples_for_all(error: float, dimension: float, failure: float = 0.05) -> int:
    """How many independent elements make the average right within `error` for every function of a space, but for `failure`.

        m = 2 (1 + error/3) / error^2 * ln(2 D / failure).

    D (`dimension`) is the sum of the dimensions of the *different* irreducible representations that occur in the space, without
    the trivial one: at most the space's own dimension; for all functions on an abelian group |G| - 1. Relative to the norm
    of the part that should vanish. Source: matrix Bernstein inequality for unitary matrices with mean 0 (Tropp, 2015,
    theorem 1.6.2), used block by block; in this form Landau & Russell (2004), Loh & Schulman (2004).

    >>> samples_for_all(0.5, 1), samples_for_all(0.5, 65535)
    (35, 138)
    """
    _check(error, failure)
    if not dimension >= 1:
        raise ValueError(f"dimension must be at least 1, got {dimension}")
    return math.ceil(2 * (1 + error / 3) / error**2 * math.log(2 * dimension / failure) - 1e-9)


def elements_needed(error_at: Callable[[int], float], target: float, limit: int = 4096) -> int:
    """The smallest m with `error_at(m) <= target`, by doubling and halving; `error_at` should fall with m.

    Raises ValueError if `limit` elements are not enough.

    >>> elements_needed(lambda m: 1 / m, 0.1)
    10
    """
    high = 1
    while error_at(high) > target:
        high *= 2
        if high > limit:
            raise ValueError(f"target must be reached with at most {limit} elements, got {target}")
    low = high // 2  # not enough, or 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if error_at(middle) <= target else (middle, high)
    return high


def _check(error: float, failure: float) -> None:
    if not error > 0:
        raise ValueError(f"error must be positive, got {error}")
    if not 0 < failure < 1:
        raise ValueError(f"failure must lie between 0 and 1, got {failure}")
