"""Projecting weights onto what a group leaves alone, with fewer applications than elements. Chapters: equivariance/averaging.

A vector of weights can be moved, added and moved again; that is more than a black-box function allows. So the mean over
|G| elements splits into a chain of short means. `factors` below is a list of batches of elements T_1, T_2, ...: first the
mean over T_1 is taken, then of the result the mean over T_2, and so on. It is the projector exactly if every element of the
group is a product ... t_2 t_1 equally often.
"""

import torch
from torch import Tensor

from course_lib.groups import Action
from course_lib.groups.finite import at_least


def mean_over(action: Action, elements: Tensor, x: Tensor) -> Tensor:
    """(1/m) sum_g g . x over the rows of `elements` `(m, ...)`, one after another: `(b, *shape)` -> `(b, *shape)`."""
    if len(elements) == 0:
        raise ValueError("elements must hold at least one element, got none")
    elements, x = action.group.checked(elements, "elements"), action.checked(x)
    return sum(action.move(g[None], x)[0] for g in elements) / len(elements)


def project(action: Action, x: Tensor) -> Tensor:
    """P x, the mean over all elements of a finite group: `(b, *shape)` -> `(b, *shape)`, |G| applications.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> project(permutation_action(CyclicGroup(3), (3,)), torch.tensor([[1.0, 2, 6]])).tolist()
    [[3.0, 3.0, 3.0]]
    """
    return mean_over(action, action.group.elements(), x)


def project_along(action: Action, factors: list[Tensor], x: Tensor) -> Tensor:
    """Means over T_1, then T_2, ...: `(b, *shape)` -> `(b, *shape)`. P x if the factors are a chain of the group.

    >>> from course_lib.groups import SymmetricGroup, permutation_action
    >>> project_along(permutation_action(SymmetricGroup(4), (4,)), symmetric_chain(4), torch.tensor([[1.0, 2, 3, 6]])).tolist()
    [[3.0, 3.0, 3.0, 3.0]]
    """
    for elements in factors:
        x = mean_over(action, elements, x)
    return x


def applications(factors: list[Tensor]) -> int:
    """How often weights are moved; the identity in each factor is free."""
    return sum(len(elements) - 1 for elements in factors)


def symmetric_chain(n: int) -> list[Tensor]:
    """For S_n: in step k = 2, ..., n the identity and the exchanges of item k with those before it. n(n-1)/2 applications.

    The exchanges (i k), i <= k, take the last of k items to every place, so S_k = union of (i k) S_{k-1}: a chain of subgroups.

    >>> [len(elements) for elements in symmetric_chain(4)], applications(symmetric_chain(10))
    ([2, 3, 4], 45)
    """
    found = []
    for k in range(1, at_least("n", n, 1)):
        rows = torch.arange(n).repeat(k + 1, 1)
        places = torch.arange(k + 1)
        rows[places, places], rows[places, k] = k, places
        found.append(rows)
    return found


def cyclic_chain(n: int) -> list[Tensor]:
    """For C_n, n = p_1 p_2 ...: 0, s, ..., (p - 1) s with s = 1, p_1, p_1 p_2, ... Doubling if n is a power of two.

    Every k < n is one such sum (mixed digits), so sum_i (p_i - 1) applications do: k for C_{2^k}.

    >>> [elements.tolist() for elements in cyclic_chain(12)]
    [[0, 1], [0, 2], [0, 4, 8]]
    """
    found, step, left, p = [], 1, at_least("n", n, 1), 2
    while left > 1:
        if left % p == 0:
            found.append(step * torch.arange(p))
            step, left = step * p, left // p
        else:
            p += 1
    return found


def sign_chain(n: int) -> list[Tensor]:
    """For {+1, -1}^n: flip sign i or do not, i = 1, ..., n. n applications in place of 2^n.

    >>> applications(sign_chain(20))
    20
    """
    rows = torch.ones(at_least("n", n, 1), 2, n, dtype=torch.long)
    rows[torch.arange(n), 1, torch.arange(n)] = -1
    return list(rows)


def random_halving(action: Action, x: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Y <- (Y + g . Y) / 2 with a fresh uniform g each time: Y after 0, 1, ..., `steps` steps, `(steps + 1, b, *shape)`.

    If all matrices are orthogonal, E ||Y_k - P Y||^2 = 2^-k ||Y - P Y||^2, for every compact group. The items of a batch
    share their g. Raises ValueError for an action that is not linear or negative `steps`.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> action, seed = permutation_action(CyclicGroup(2), (2,)), torch.Generator().manual_seed(0)
    >>> random_halving(action, torch.tensor([[1.0, 3.0]]), 6, seed)[-1].tolist()
    [[2.0, 2.0]]
    """
    if not action.linear or steps < 0:
        raise ValueError(f"action must be linear and steps at least 0, got {action.name or 'another action'} and {steps}")
    path = [action.checked(x)]
    for g in action.group.sample(steps, generator):
        path.append((path[-1] + action.move(g[None], path[-1])[0]) / 2)
    return torch.stack(path)


def generator_sweeps(action: Action, elements: Tensor, x: Tensor, steps: int) -> Tensor:
    """A_S^t x for t = 0, 1, ..., `steps`, S = `elements`: `(steps + 1, b, *shape)`."""
    path = [action.checked(x)]
    for _ in range(steps):
        path.append(mean_over(action, elements, path[-1]))
    return torch.stack(path)


def relative_distances(path: Tensor, target: Tensor) -> Tensor:
    """||Y_t - target|| / ||Y_0 - target|| over the whole batch, `(steps + 1, b, *shape)` -> `(steps + 1,)`."""
    gaps = (path - target).flatten(1).norm(dim=1)
    return gaps / gaps[0]
