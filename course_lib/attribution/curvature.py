"""Slopes and curvature of a learner's objective: what influence functions are made of.

Chapters: attribution/influence. L(theta, g) = sum_i g_i l_i(theta) + penalty / 2 |theta|^2 as in `learners`. Gradients of
single examples come from one batched backward pass (`torch.func.vmap` of `grad`); the Hessian is formed where it is small,
and where it is not, only its products with vectors are, at about the price of two gradients each.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad, hessian, jvp, vmap

from course_lib.attribution.data import UTILITIES, Utility
from course_lib.attribution.learners import Learner, objective

BLOCK = 2**22  # numbers in one block of Hessians, one per example



def example_gradients(learner: Learner, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """grad l_j `(n, p)` of every example's loss, without the penalty."""
    return vmap(grad(lambda t, a, b: learner.losses(t[None], a[None], b[None])[0, 0]), (None, 0, 0))(theta, x, y)


def utility_gradients(learner: Learner, theta: Tensor, test_x: Tensor, test_y: Tensor, utility: Utility = "margin") -> Tensor:
    """grad u_t `(t, p)` of every test row's utility. Raises ValueError if the utility is not one number per row."""
    known = {name: function for name, function in UTILITIES.items() if name != "accuracy"}  # which has no slope
    if not callable(utility) and utility not in known:
        raise ValueError(f"utility must be a function or one of {sorted(known)}, which have a slope, got {utility!r}")
    measure = utility if callable(utility) else known[utility]
    values = measure(learner.outputs(theta[None], test_x), test_y)
    if values.shape != (1, len(test_x)):
        raise ValueError(f"utility must be one number per test row, (m, {len(test_x)}), got {tuple(values.shape)}")
    one = grad(lambda t, a, b: measure(learner.outputs(t[None], a[None]), b[None])[0, 0])
    return vmap(one, (None, 0, 0))(theta, test_x, test_y)


def objective_hessian(learner: Learner, theta: Tensor, x: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """H `(p, p)` of the whole objective, penalty included."""
    weights = x.new_ones(len(x)) if weights is None else weights
    return hessian(lambda t: objective(learner, t[None], x, y, weights[None])[0])(theta)


def hessian_product(
    learner: Learner, theta: Tensor, x: Tensor, y: Tensor, weights: Tensor | None = None, damping: float = 0.0
) -> Callable[[Tensor], Tensor]:
    """The function v `(k, p)` -> (H + damping I) v, H never formed: the gradient's derivative along v (Pearlmutter, 1994)."""
    weights = x.new_ones(len(x)) if weights is None else weights
    slope = grad(lambda t: objective(learner, t[None], x, y, weights[None])[0])
    one = vmap(lambda v: jvp(slope, (theta,), (v,))[1])
    return lambda v: one(v) + damping * v


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], right: Tensor, tolerance: float, iterations: int
) -> tuple[Tensor, int, float]:
    """Solve H s = b for every row b of `right (k, p)`, all at once (Hestenes & Stiefel, 1952): (s, iterations, residual).

    `product`: v `(k, p)` -> H v, H symmetric and positive definite. Stops when every |b - H s| <= tolerance |b|; the
    residual returned is computed afresh from s. Raises ValueError if that takes too long or curvature is not positive.

    >>> solution, used, _ = conjugate_gradients(lambda v: v * torch.tensor([1.0, 4.0]), torch.ones(1, 2), 1e-6, 10)
    >>> [round(s, 4) for s in solution[0].tolist()], used
    ([1.0, 0.25], 2)
    """
    size = right.norm(dim=1).clamp(min=torch.finfo(right.dtype).tiny)
    solution, rest, direction, used = torch.zeros_like(right), right, right, 0
    active = rest.norm(dim=1) > tolerance * size
    while active.any() and used < iterations:
        image, squared, used = product(direction), (rest**2).sum(1), used + 1
        curvature = (direction * image).sum(1)
        if not (curvature[active] > 0).all():
            raise ValueError("H must be positive definite for conjugate gradients, got curvature <= 0 on the way: add damping")
        step = torch.where(active, squared / curvature, 0)[:, None]
        solution, rest = solution + step * direction, rest - step * image
        direction = rest + torch.where(active, (rest**2).sum(1) / squared, 0)[:, None] * direction
        active = rest.norm(dim=1) > tolerance * size
    residual = ((right - product(solution)).norm(dim=1) / size).max().item()
    if active.any() or not residual <= 10 * tolerance:
        raise ValueError(f"conjugate gradients must reach {tolerance:.1e}, got {residual:.1e} in {used} iterations")
    return solution, used, residual


def solve_directly(matrix: Tensor, right: Tensor) -> Tensor:
    """Rows s of H s = b for the rows b of `right (k, p)`. Raises ValueError if the symmetric H `(p, p)` is singular.

    >>> solve_directly(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.ones(1, 2)).tolist()
    [[0.5, 0.25]]
    """
    sizes = torch.linalg.eigvalsh(matrix).abs()
    if not sizes.min() > len(matrix) * torch.finfo(matrix.dtype).eps * sizes.max():
        least, most = sizes.min().item(), sizes.max().item()
        raise ValueError(f"H must be invertible, got eigenvalues of sizes {least:.1e} to {most:.1e}: add damping or a penalty")
    return torch.linalg.solve(matrix, right.T).T


def example_hessians(learner: Learner, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Hess l_j `(n, p, p)` of every example's loss, without the penalty: keep n p^2 in mind."""
    return vmap(hessian(lambda t, a, b: learner.losses(t[None], a[None], b[None])[0, 0]), (None, 0, 0))(theta, x, y)


def blocks(n: int, p: int) -> list[slice]:
    """The examples 0..n-1 in blocks whose Hessians `(p, p)` together stay small.

    >>> blocks(5, 1500)
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None), slice(3, 4, None), slice(4, 5, None)]
    """
    size = max(1, BLOCK // p**2)
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
