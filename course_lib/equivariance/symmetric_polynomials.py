"""Polynomials that an order of the numbers does not change, how many there are, and how to get the numbers back.

Chapters: equivariance/invariants. Power sums p_k = sum_i x_i^k and elementary symmetric polynomials e_k (the sum of all
products of k different entries) are two sets of coordinates on multisets; Newton's identities lead from one to the other,
k e_k = sum_{i=1}^{k} (-1)^{i-1} e_{k-i} p_i. Up to signs, the e_k are the coefficients of the polynomial
whose roots are the x_i.
"""

import torch
from torch import Tensor

from course_lib.groups import Action


def power_sums(x: Tensor, degree: int) -> Tensor:
    """p_k = sum_i x_i^k for k = 1, ..., degree: `(b, n)` -> `(b, degree)`.

    >>> power_sums(torch.tensor([[1.0, 2.0, 3.0]]), 3).tolist()
    [[6.0, 14.0, 36.0]]
    """
    if x.dim() != 2 or degree < 1:
        raise ValueError(f"x must be (b, n) and degree at least 1, got shape {tuple(x.shape)} and {degree}")
    return torch.stack([x.pow(k).sum(1) for k in range(1, degree + 1)], 1)


def elementary_from_power_sums(p: Tensor) -> Tensor:
    """e_1, ..., e_k from p_1, ..., p_k by Newton's identities: `(b, k)` -> `(b, k)`.

    >>> elementary_from_power_sums(torch.tensor([[6.0, 14.0, 36.0]])).tolist()
    [[6.0, 11.0, 6.0]]
    """
    e = [torch.ones_like(p[:, 0])]
    for k in range(1, p.shape[1] + 1):
        e.append(sum((-1) ** (i - 1) * e[k - i] * p[:, i - 1] for i in range(1, k + 1)) / k)
    return torch.stack(e[1:], 1)


def roots_from_elementary(e: Tensor) -> Tensor:
    """The n numbers whose elementary symmetric polynomials these are, ascending: `(b, n)` -> `(b, n)`.

    Eigenvalues of the companion matrix of t^n - e_1 t^(n-1) + e_2 t^(n-2) - ...; their real parts, so that rounding at repeated
    numbers does no harm. Ill-conditioned: with twenty numbers most digits are lost (Wilkinson, 1959).

    >>> roots_from_elementary(torch.tensor([[6.0, 11.0, 6.0]], dtype=torch.float64)).round(decimals=9).tolist()
    [[1.0, 2.0, 3.0]]
    """
    n = e.shape[1]
    companion = torch.zeros(len(e), n, n, dtype=e.dtype)
    companion[:, torch.arange(1, n), torch.arange(n - 1)] = 1
    companion[:, 0] = -e * (-1.0) ** torch.arange(1, n + 1, dtype=e.dtype)
    return torch.linalg.eigvals(companion).real.sort(1).values


def multiset_from_power_sums(p: Tensor) -> Tensor:
    """The n numbers, ascending, from their first n power sums: `(b, n)` -> `(b, n)`."""
    return roots_from_elementary(elementary_from_power_sums(p))


def invariant_polynomial_counts(action: Action, degree: int) -> list[int]:
    """How many independent invariant polynomials of each degree 0, ..., `degree` there are. Finite groups, linear actions.

    The coefficients of Molien's series, mean over g of 1 / det(1 - t rho(g)). For one g its coefficients are the complete
    symmetric polynomials h_k of the eigenvalues; Newton again: k h_k = sum_{i=1}^{k} h_{k-i} trace(rho(g)^i). Molien (1897).

    >>> from course_lib.groups import SymmetricGroup, permutation_action
    >>> invariant_polynomial_counts(permutation_action(SymmetricGroup(3), (3,)), 4)  # partitions into at most 3 parts
    [1, 1, 2, 3, 4]
    """
    matrices = action.matrix(action.group.elements())
    power, traces = matrices, []
    for _ in range(degree):
        traces.append(power.diagonal(dim1=1, dim2=2).sum(1))
        power = power @ matrices
    h = [torch.ones(len(matrices), dtype=matrices.dtype)]
    for k in range(1, degree + 1):
        h.append(sum(h[k - i] * traces[i - 1] for i in range(1, k + 1)) / k)
    return [round(one.mean().item()) for one in h]
