"""Representations by their traces: characters, invariant vectors, and how many equivariant maps there are.

Chapters: symmetries/groups, equivariance/averaging and equivariance/weight_sharing. Sources: Serre (1977), chapter 2;
for constraints from generators Finzi, Welling & Wilson (2021), theorem 1.
"""

import torch
from torch import Tensor

from course_lib.groups.core import Action


def character(action: Action, g: Tensor) -> Tensor:
    """chi(g) = trace of the matrix of g, `(m,)`; for permutations the number of fixed points.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> character(permutation_action(CyclicGroup(3), (3,)), torch.arange(3)).tolist()
    [3.0, 0.0, 0.0]
    """
    return action.matrix(g).diagonal(dim1=1, dim2=2).sum(1)


def invariant_projector(action: Action) -> Tensor:
    """P = mean over g of rho(g), `(D, D)`: projects onto the vectors that no element moves. Finite groups."""
    return action.matrix(action.group.elements()).mean(0)


def invariant_dimension(action: Action) -> int:
    """How many independent vectors no element moves = trace of the projector = the mean character. Finite groups.

    >>> from course_lib.groups import SymmetricGroup, tensor_action, permutation_action
    >>> invariant_dimension(tensor_action(permutation_action(SymmetricGroup(4), (4,)), 2))  # diagonal and rest
    2
    """
    return _whole(character(action, action.group.elements()).mean())


def equivariant_dimension(action_in: Action, action_out: Action) -> int:
    """How many independent linear maps W have W rho_in(g) = rho_out(g) W: the mean of chi_in chi_out. Finite groups.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> action = permutation_action(CyclicGroup(5), (5,))
    >>> equivariant_dimension(action, action)  # circular convolutions: five weights
    5
    """
    elements = action_in.group.elements()
    inverse = action_in.group.inverse(elements)  # chi(g^-1): equal to chi(g) for orthogonal matrices, right for all
    return _whole((character(action_in, inverse) * character(action_out, elements)).mean())


def invariant_basis(action: Action, tolerance: float = 1e-8) -> Tensor:
    """Orthonormal vectors that span what no element moves, `(k, D)`, from generators alone; finite and Lie groups.

    The null space of all rho(s) - 1, s a generator, and all d rho(A), A a Lie generator, stacked.
    """
    generators = action.group.generators()
    rows = action.matrix(generators) - torch.eye(action.dimension, dtype=torch.float64)
    constraints = torch.cat([rows, action.lie_matrices()]).reshape(-1, action.dimension)
    gram = constraints.T @ constraints
    values, vectors = torch.linalg.eigh(gram)
    return vectors[:, values <= tolerance * max(1.0, values.max().item())].T


def _whole(mean: Tensor) -> int:
    nearest = mean.round()
    if (mean - nearest).abs() > 1e-6:
        raise ValueError(f"action must be a representation, got mean character {mean.item():.4f}, no whole number")
    return int(nearest)
