"""Training on whole orbits: what it does to data, answers and ridge regression. Chapters: equivariance/augmentation.

Augmentation averages the *loss* over a group, not the function. Where the loss is convex, the function linear in its
parameters and the penalty respected by the group, a minimiser comes out equivariant all the same; for ridge regression it
is the fit with the averaged kernel (`equivariant_ridge`). For a network nothing follows, and `flip_rate` measures what is left.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.groups import Action

Function = Callable[[Tensor], Tensor]
Kernel = Callable[[Tensor, Tensor], Tensor]


def full_orbit(x: Tensor, y: Tensor, action_in: Action, action_out: Action) -> tuple[Tensor, Tensor]:
    """Every example moved by every element, its label along with it: `(b, *in)`, `(b, *out)` -> `(m b, *in)`, `(m b, *out)`.

    The copies of one element stand together, in the order of `elements()`. Finite groups. Raises ValueError for actions of
    two groups and numbers of examples that differ.

    >>> from course_lib.groups import CyclicGroup, permutation_action, trivial_action
    >>> ring, x, y = CyclicGroup(3), torch.tensor([[1, 0, 0]]), torch.tensor([7])
    >>> full_orbit(x, y, permutation_action(ring, (3,)), trivial_action(ring))[0].tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    _check_pairs(x, y, action_in, action_out)
    g = action_in.group.elements()
    return action_in.act(g, x).flatten(0, 1), action_out.act(g, y).flatten(0, 1)


def part_orbit(
    x: Tensor, y: Tensor, action_in: Action, action_out: Action, fraction: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """`fraction` of the examples, drawn at random, with their whole orbits; the others as often, but in their own position.

    So the size, and the weight of each example, are those of `full_orbit` whatever the fraction: `(m b, *in)`, `(m b, *out)`.
    Raises ValueError for a fraction outside [0, 1], and as `full_orbit` does.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie between 0 and 1, got {fraction}")
    moved_x, moved_y = full_orbit(x, y, action_in, action_out)
    copies = len(moved_x) // len(x)
    chosen = torch.randperm(len(x), generator=generator) < round(fraction * len(x))
    chosen = chosen.repeat(copies)
    still_x, still_y = (part.repeat(copies, *[1] * (part.dim() - 1)) for part in (x, y))
    return _where(chosen, moved_x, still_x), _where(chosen, moved_y, still_y)


def random_copies(
    x: Tensor, y: Tensor, action_in: Action, action_out: Action, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Each example moved by a random element of its own, its label by the *same* one: shapes stay. For batch after batch.

    The gradient of the loss on such a batch is, on average, that on the full orbits. Raises ValueError as `full_orbit` does.
    """
    _check_pairs(x, y, action_in, action_out)
    g = action_in.group.sample(len(x), generator)
    return action_in.each(g, x), action_out.each(g, y)


def orbit_scores(f: Function, x: Tensor, action: Action, elements: Tensor | None = None) -> Tensor:
    """f at every moved item, `(m, b, *out)`: all elements of a finite group by default. f is called once."""
    g = action.group.elements() if elements is None else elements
    moved = action.act(g, x)
    return f(moved.flatten(0, 1)).unflatten(0, moved.shape[:2])


def flipped(scores: Tensor) -> Tensor:
    """On which orbits the answer, the class of the highest score, does not stay the same: `(m, ..., k)` -> `(...)`.

    >>> flipped(torch.tensor([[[1.0, 0.0], [2.0, 1.0]], [[0.0, 1.0], [3.0, 1.0]]])).tolist()
    [True, False]
    """
    answers = scores.argmax(-1)
    return (answers != answers[:1]).any(0)


def flip_rate(f: Function, x: Tensor, action: Action, elements: Tensor | None = None) -> float:
    """Share of items whose answer changes somewhere on their orbit: 0 if and only if f answers invariantly at these x.

    An item counts once, however often its answer changes. `f`: `(b, *shape)` -> scores `(b, k)`.
    """
    return flipped(orbit_scores(f, x, action, elements)).double().mean().item()


def orbit_variance(scores: Tensor) -> Tensor:
    """|f(g x) - mean over the orbit|^2, summed over outputs, averaged over the orbit: `(m, ..., k)` -> `(...)`.

    It is the squared distance of f from its group average, if outputs are not moved. Zero if f is invariant.

    >>> orbit_variance(torch.tensor([[[1.0, 0.0]], [[3.0, 0.0]]])).tolist()
    [1.0]
    """
    return (scores - scores.mean(0)).square().sum(-1).mean(0)


def equivariant_kernel(kernel: Kernel, action_in: Action, action_out: Action) -> Kernel:
    """K(x, y) = mean over g of k(x, g y) rho_out(g), a matrix for each pair: `(n, *in)`, `(m, *in)` -> `(n, m, q, q)`.

    If k(g x, g y) = k(x, y) and rho_out is orthogonal, K is positive semi-definite and its functions are equivariant:
    K(h x, y) = rho_out(h) K(x, y). With a trivial action on outputs it is the invariant kernel, as a matrix of one number.
    Finite groups. Source: Reisert & Burkhardt (2007).
    """

    def averaged(x: Tensor, y: Tensor) -> Tensor:
        g = action_in.group.elements()
        values = kernel(x, action_in.act(g, y).flatten(0, 1)).unflatten(1, (len(g), len(y)))
        return torch.einsum("ngm,gij->nmij", values, action_out.matrix(g, values.dtype)) / len(g)

    return averaged


def equivariant_ridge(
    kernel: Kernel, action_in: Action, action_out: Action, x: Tensor, y: Tensor, ridge: float
) -> Function:
    """Ridge regression with `equivariant_kernel`: minimises sum of squares over (x, y) + ridge |f|^2 among equivariant f.

    x `(b, *in)`, y `(b, *out)`. Equal to ordinary kernel ridge regression on the full orbits with |G| times the ridge, if the
    kernel is invariant (k(g x, g y) = k(x, y)) and rho_out orthogonal. Raises ValueError for a ridge that is not positive.
    """
    if not ridge > 0:
        raise ValueError(f"ridge must be positive, got {ridge}")
    _check_pairs(x, y, action_in, action_out)
    averaged = equivariant_kernel(kernel, action_in, action_out)
    gram = averaged(x, x).transpose(1, 2).flatten(0, 1).flatten(1)  # (b q, b q)
    coefficients = torch.linalg.solve(gram + ridge * torch.eye(len(gram), dtype=gram.dtype), y.to(gram.dtype).flatten())
    coefficients = coefficients.reshape(len(x), -1)
    return lambda points: torch.einsum("nmij,mj->ni", averaged(points, x), coefficients).reshape(-1, *action_out.shape)


def kernel_is_invariant(kernel: Kernel, action: Action, x: Tensor, tolerance: float = 1e-6) -> bool:
    """Whether k(g x, g y) = k(x, y) for all pairs of these points and all generators: what the identity needs."""
    plain = kernel(x, x)
    moved = action.act(action.group.generators(), x)
    return all(bool(((kernel(z, z) - plain).abs() <= tolerance * plain.abs().max()).all()) for z in moved)


def _where(chosen: Tensor, moved: Tensor, still: Tensor) -> Tensor:
    return torch.where(chosen.reshape(-1, *[1] * (moved.dim() - 1)), moved, still)


def _check_pairs(x: Tensor, y: Tensor, action_in: Action, action_out: Action) -> None:
    if action_in.group is not action_out.group and action_in.group.name != action_out.group.name:
        raise ValueError(f"action_out must be an action of {action_in.group}, got one of {action_out.group}")
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(f"x and y must hold equally many examples, at least one, got {len(x)} and {len(y)}")
