"""Linear layers that keep a symmetry: all of them, from generators. Chapters: equivariance/weight_sharing.

A linear map W is equivariant if rho_out(g) W = W rho_in(g) for every g, which is a set of linear equations for the entries of
W: those of generators (and Lie generators) imply all others, and their null space is the layer. If both actions only
permute, the equations say which entries are equal. Sources: Ravanbakhsh, Schneider & Poczos (2017) for permutations; Finzi,
Welling & Wilson (2021), theorem 1, for equations from generators; Maron et al. (2019) for the dimensions under S_n.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.groups import Action, invariant_basis, point_orbits

UNKNOWNS = 1000  # entries of W up to which the equations are written out: a table of this many squared
STEPS = 110  # of random halving: the distance from the projection shrinks to 2^-55
METHODS = ("auto", "null space", "orbits", "projection")


def weight_action(action_in: Action, action_out: Action) -> Action:
    """How weights are moved, W -> rho_out(g) W rho_in(g)^-1, on tables `(D_out, D_in)`: fixed means equivariant.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> ring = permutation_action(CyclicGroup(3), (3,))
    >>> weight_action(ring, ring).act(torch.tensor([1]), torch.diag(torch.tensor([1.0, 2, 3]))[None])[0, 0].diag().tolist()
    [3.0, 1.0, 2.0]
    """
    group = _same_group(action_in, action_out)

    def move(g: Tensor, x: Tensor) -> Tensor:
        after, before = action_out._matrix(g, x.dtype), action_in._matrix(group._inverse(g), x.dtype)
        return after[:, None] @ x @ before[:, None]

    return Action(group, (action_out.dimension, action_in.dimension), move, name="weights")


def constraint_matrix(action_in: Action, action_out: Action) -> Tensor:
    """Equations C vec(W) = 0 that make W equivariant, `(k * N, N)`, N = D_out D_in; vec reads W row by row.

    For each generator s: C = rho_out(s) kron 1 - 1 kron rho_in(s)^T, since vec(A W B) = (A kron B^T) vec(W); for each Lie
    generator the same with the derivatives of both representations.
    """
    _same_group(action_in, action_out)
    one_in, one_out = (torch.eye(a.dimension, dtype=torch.float64) for a in (action_in, action_out))
    pairs = [(a.T.contiguous(), b.contiguous()) for a, b in _equations(action_in, action_out)]
    found = [torch.kron(b, one_in) - torch.kron(one_out, a) for a, b in pairs]
    unknowns = len(one_out) * len(one_in)
    return torch.cat(found) if found else torch.zeros(0, unknowns, dtype=torch.float64)


def null_space(constraints: Tensor, tolerance: float = 1e-12) -> Tensor:
    """Orthonormal solutions x of C x = 0, `(m, N)` -> `(r, N)`: eigenvectors of C^T C with eigenvalue 0.

    Zero is what is at most `tolerance` times the largest eigenvalue. Eigenvalues are squares of singular values: 1e-12 means
    that 1e-6 of the largest singular value counts as zero. Raises ValueError if there is no clear gap above the tolerance.

    >>> null_space(torch.tensor([[1.0, -1.0]])).abs().round(decimals=3).tolist()
    [[0.707, 0.707]]
    """
    constraints = constraints.to(torch.float64)
    values, vectors = torch.linalg.eigh(constraints.T @ constraints)
    relative = values / values[-1] if values[-1] > 0 else torch.zeros_like(values)
    zero = relative <= tolerance
    if ((relative > tolerance) & (relative < 100 * tolerance)).any():
        raise ValueError(f"tolerance must lie in a gap of the eigenvalues, got {tolerance:g} with one just above it")
    return vectors[:, zero].T.contiguous()


def tied_weights(action_in: Action, action_out: Action) -> Tensor:
    """Which weights are equal, where both actions only permute: labels 0, 1, ... `(D_out, D_in)`.

    W[i, j] = W[p(i), q(j)] if a generator sends output i to p(i) and input j to q(j): one free weight for each orbit of pairs.
    Raises ValueError for an action that does not permute.

    >>> from course_lib.groups import CyclicGroup, permutation_action
    >>> ring = permutation_action(CyclicGroup(3), (3,))
    >>> tied_weights(ring, ring).tolist()
    [[0, 1, 2], [2, 0, 1], [1, 2, 0]]
    """
    _same_group(action_in, action_out)
    places = [_places(action) for action in (action_out, action_in)]
    if any(one is None for one in places):
        raise ValueError("action_in and action_out must permute entries, got one that does more: use equivariant_basis")
    out, into = places
    pairs = (out[:, :, None] * into.shape[1] + into[:, None, :]).flatten(1)
    pairs = torch.cat([pairs, torch.arange(pairs.shape[1])[None]])  # of a group without generators nothing is tied
    return point_orbits(pairs).reshape(out.shape[1], into.shape[1])


def equivariant_basis(action_in: Action, action_out: Action, method: str = "auto", seed: int = 0) -> Tensor:
    """Orthonormal basis of all W with rho_out(g) W = W rho_in(g) for every g: `(r, D_out, D_in)`, float64.

    `method`: "null space" of the equations of the generators; "orbits" of pairs of entries, if both actions permute;
    "projection" of random tables, as many as are needed, by random halving with elements drawn from the group, for what is
    too large to write out; "auto" takes the cheapest. Raises ValueError for actions of two groups or an unknown method.

    >>> from course_lib.groups import SymmetricGroup, permutation_action, tensor_action
    >>> pairs = tensor_action(permutation_action(SymmetricGroup(4), (4,)), 2)
    >>> equivariant_basis(pairs, pairs).shape
    torch.Size([15, 16, 16])
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    shape = (action_out.dimension, action_in.dimension)
    if method == "auto":
        permutes = _places(action_in) is not None and _places(action_out) is not None
        method = "orbits" if permutes else "null space" if math.prod(shape) <= UNKNOWNS else "projection"
    if method == "orbits":
        labels = tied_weights(action_in, action_out)
        shared = nn.functional.one_hot(labels).movedim(-1, 0).to(torch.float64)
        return shared / shared.sum((1, 2), keepdim=True).sqrt()
    if method == "null space":
        return null_space(constraint_matrix(action_in, action_out)).reshape(-1, *shape)
    return _projected(weight_action(action_in, action_out), torch.Generator().manual_seed(seed))


def project_onto(basis: Tensor, w: Tensor) -> Tensor:
    """The nearest combination of an orthonormal basis `(r, p, q)`: `(..., p, q)` -> `(..., p, q)`.

    If both representations are orthogonal, it is the average of rho_out(g) W rho_in(g)^-1 over the group.
    """
    return torch.einsum("kpq,kij,...ij->...pq", basis, basis, w)


def least_squares(basis: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The combination W of the tables of `basis` `(r, p, q)` that minimises sum |y - W x|^2: `(b, q)`, `(b, p)` -> `(p, q)`.

    Linear regression on r features, B_k x, with p equations from each example. The shortest solution if there are several.

    >>> both_equal = torch.ones(1, 1, 2)  # w_1 = w_2: their sum is told by one example
    >>> least_squares(both_equal, torch.tensor([[1.0, 3.0]]), torch.tensor([[8.0]]))
    tensor([[2., 2.]])
    """
    features = torch.einsum("kpq,bq->bpk", basis, x).flatten(0, 1)
    return torch.einsum("k,kpq->pq", torch.linalg.pinv(features) @ y.flatten(), basis)


def rotation_invariants(order: int) -> int:
    """How many independent tensors of `order` axes in space no rotation moves = the mean of chi^order over SO(3).

    chi = 1 + 2 cos(t), and the angle of a random rotation has density (1 - cos t) / pi on (0, pi). Maps from tensors of order
    k to those of order m are tensors of order k + m.

    >>> [rotation_invariants(order) for order in range(7)]
    [1, 0, 1, 1, 3, 6, 15]
    """
    if order < 0:
        raise ValueError(f"order must be at least 0, got {order}")
    t = 2 * math.pi * torch.arange(order + 2, dtype=torch.float64) / (order + 2)  # exact for so few frequencies
    return round(((1 - t.cos()) * (1 + 2 * t.cos()) ** order).mean().item())


class EquivariantLinear(nn.Module):
    """y = W x + b with rho_out(g) W = W rho_in(g) and rho_out(g) b = b: `(b, channels_in, *in)` -> `(b, channels_out, *out)`.

    Every pair of channels has r weights, one for each basis table, and each output channel as many biases as there are vectors
    that rho_out leaves alone. Weights start so that outputs are about as large as inputs.

    >>> from course_lib.groups import SymmetricGroup, permutation_action
    >>> places = permutation_action(SymmetricGroup(9), (9,))
    >>> [tuple(p.shape) for p in EquivariantLinear(places, places, channels_out=5).parameters()]
    [(5, 1, 2), (5, 1)]
    """

    def __init__(
        self,
        action_in: Action,
        action_out: Action,
        channels_in: int = 1,
        channels_out: int = 1,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.shapes = (action_in.shape, action_out.shape)
        basis, fixed = equivariant_basis(action_in, action_out), invariant_basis(action_out)
        self.register_buffer("basis", basis.to(dtype))  # a layer made in float32 and moved to float64 is no more exact
        self.register_buffer("fixed", fixed.to(dtype))
        draws = torch.randn(channels_out, channels_in, len(basis), generator=torch.Generator().manual_seed(seed))
        size = (action_out.dimension / max(1, channels_in * len(basis))) ** 0.5
        self.coefficients = nn.Parameter(size * draws.to(dtype))
        self.offsets = nn.Parameter(torch.zeros(channels_out, len(fixed), dtype=dtype))

    def matrix(self) -> Tensor:
        """W, `(channels_out, D_out, channels_in, D_in)`."""
        return torch.einsum("oik,kpq->opiq", self.coefficients, self.basis)

    def forward(self, x: Tensor) -> Tensor:
        expected = (self.coefficients.shape[1], *self.shapes[0])
        if tuple(x.shape[1:]) != expected:
            raise ValueError(f"x must be of shape (b, *{expected}), got {tuple(x.shape)}")
        w, b = self.matrix(), self.offsets @ self.fixed
        y = x.flatten(1) @ w.flatten(2).flatten(0, 1).T + b.flatten()
        return y.reshape(len(x), len(w), *self.shapes[1])


def _same_group(action_in: Action, action_out: Action):
    if action_in.group is not action_out.group and action_in.group.name != action_out.group.name:
        raise ValueError(f"action_out must be an action of {action_in.group}, got one of {action_out.group}")
    return action_in.group


def _equations(action_in: Action, action_out: Action) -> list[tuple[Tensor, Tensor]]:
    """Pairs (A, B) with B W = W A: the matrices of generators, and the derivatives along Lie generators."""
    s = action_in.group.generators()
    pairs = list(zip(action_in.matrix(s), action_out.matrix(s), strict=True))
    return pairs + list(zip(action_in.lie_matrices(), action_out.lie_matrices(), strict=True))


def _places(action: Action) -> Tensor | None:
    """Where the generators send each entry, `(k, D)`, if all that they do is to permute, and there are no Lie generators."""
    if len(action.group.lie_generators()):
        return None
    matrices = action.matrix(action.group.generators())
    whole = ((matrices == 0) | (matrices == 1)).all() and (matrices.sum(1) == 1).all() and (matrices.sum(2) == 1).all()
    return matrices.argmax(1) if whole else None


def _projected(action: Action, generator: torch.Generator) -> Tensor:
    """Orthonormal basis of what `action` leaves alone: project ever more random tables, until they stop being independent."""
    count = 16
    while True:
        w = torch.randn(count, *action.shape, generator=generator, dtype=torch.float64)
        size = w.flatten(1).norm(dim=1).max()
        for g in action.group.sample(STEPS, generator):
            w = (w + action.move(g[None], w)[0]) / 2
        _, values, rows = torch.linalg.svd(w.flatten(1), full_matrices=False)
        rank = int((values > 1e-8 * size).sum())
        if rank < count or rank == action.dimension:
            return rows[:rank].reshape(-1, *action.shape)
        count *= 2
