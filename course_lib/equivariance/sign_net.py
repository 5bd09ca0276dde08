"""Eigenvectors without their arbitrary signs and bases: SignNet on vectors, BasisNet on projectors.

Chapters: equivariance/sets_and_signs. A solver that returns an eigenvector v might as well have returned -v, and from an
eigenspace of dimension m any orthonormal basis, V Q with Q in O(m). What does not depend on the choice: for a sign,
phi(v) + phi(-v); for a basis, the projector V V^T. Lim, Robinson, Zhao, Smidt, Sra, Maron & Jegelka (ICLR 2023).
"""

import torch
from torch import Tensor, nn

from course_lib.equivariance.deep_sets import DeepSets
from course_lib.models import MLP


def laplacian(weights: Tensor) -> Tensor:
    """L = D - W with D the sums of rows, for symmetric weights of edges: `(..., n, n)` -> `(..., n, n)`.

    >>> laplacian(torch.tensor([[0.0, 2.0], [2.0, 0.0]])).tolist()
    [[2.0, -2.0], [-2.0, 2.0]]
    """
    if weights.dim() < 2 or weights.shape[-1] != weights.shape[-2] or not torch.equal(weights, weights.mT):
        raise ValueError(f"weights must be symmetric matrices (..., n, n), got shape {tuple(weights.shape)}")
    return torch.diag_embed(weights.sum(-1)) - weights


def eigenspaces(matrix: Tensor, tolerance: float = 1e-4) -> list[tuple[float, Tensor]]:
    """Eigenvalue and orthonormal basis `(n, m)` of each eigenspace of a symmetric `(n, n)`, ascending.

    Neighbours closer than `tolerance` times the largest eigenvalue count as equal: no computer sees "equal" itself.

    >>> [(round(value, 6), basis.shape[1]) for value, basis in eigenspaces(torch.diag(torch.tensor([2.0, 1.0, 2.0])))]
    [(1.0, 1), (2.0, 2)]
    """
    values, vectors = torch.linalg.eigh(matrix)
    gap = tolerance * values.abs().max()
    starts = [0, *((values.diff() > gap).nonzero()[:, 0] + 1).tolist(), len(values)]
    return [(values[i:j].mean().item(), vectors[:, i:j]) for i, j in zip(starts[:-1], starts[1:], strict=True)]


def projector(basis: Tensor) -> Tensor:
    """V V^T, the same for every orthonormal basis of one space: `(..., n, m)` -> `(..., n, n)`.

    >>> projector(torch.tensor([[0.6], [-0.8]])).tolist() == projector(torch.tensor([[-0.6], [0.8]])).tolist()
    True
    """
    return basis @ basis.mT


def largest_positive(v: Tensor) -> Tensor:
    """Each vector, or its negative, such that the entry of largest size is positive: `(..., n)` -> `(..., n)`.

    A canonical sign: it jumps where two entries of opposite signs are equal in size.
    """
    largest = v.gather(-1, v.abs().argmax(-1, keepdim=True))
    return torch.where(largest < 0, -v, v)


class WholeVector(nn.Module):
    """phi for SignNet: one DeepSets network reads a vector, entries in any order, `(m, n)` -> `(m, features)`."""

    def __init__(self, features: int = 16, pool: str = "mean", width: int = 32, seed: int = 0) -> None:
        super().__init__()
        self.config = {"features": features, "pool": pool, "width": width, "seed": seed}
        self.net = DeepSets(1, pool, width, features, features, seed=seed)

    def forward(self, v: Tensor) -> Tensor:
        return self.net(v[..., None])


class EachEntry(WholeVector):
    """The trap: the signs are summed over before the entries meet, pool_i (psi(v_i) + psi(-v_i)): a function of |v| alone."""

    def forward(self, v: Tensor) -> Tensor:
        x = v[..., None]
        return self.net.rho((self.net.phi(x) + self.net.phi(-x)).mean(1))


class SignNet(nn.Module):
    """rho(phi(v_1) + phi(-v_1), ..., phi(v_k) + phi(-v_k)): `(b, n, k)` -> `(b,)`, whatever sign the solver gives each vector.

    `inner` is phi, `(m, n) -> (m, features)`; it must read a vector as a whole. The vectors keep their order, that of the
    eigenvalues, which therefore should be different from each other.

    With `WholeVector` for phi each vector is a set of its own: which entry of one vector belongs to the node of which entry of
    another is lost. That is enough for one vector; for several, phi must answer for every node and rho read node by node.

    >>> net = SignNet(WholeVector(4), features=4, vectors=2)
    >>> v = torch.randn(3, 5, 2, generator=torch.Generator().manual_seed(0))
    >>> torch.allclose(net(v), net(v * torch.tensor([1.0, -1.0])))
    True
    """

    def __init__(self, inner: nn.Module, features: int, vectors: int, width: int = 32, seed: int = 0) -> None:
        super().__init__()
        self.inner, self.rho = inner, MLP([features * vectors, width, 1], seed=seed + 7)

    def features(self, v: Tensor) -> Tensor:
        """What no choice of signs changes, `(b, k, features)`."""
        if v.dim() != 3:
            raise ValueError(f"v must be eigenvectors (b, n, k), one in each column, got shape {tuple(v.shape)}")
        one = v.mT.flatten(0, 1)
        return (self.inner(one) + self.inner(-one)).unflatten(0, (len(v), v.shape[2]))

    def forward(self, v: Tensor) -> Tensor:
        return self.rho(self.features(v).flatten(1))


class BasisNet(nn.Module):
    """rho(sum over eigenspaces of phi(projector)): `(b, s, n, n)` -> `(b,)`, whatever bases the solver returns.

    phi reads the set of all pairs of nodes, of each P_ii, P_jj and P_ij, so a renaming of the nodes changes nothing. One phi
    serves all dimensions: it can read the dimension off, the sum of the P_ii. Less expressive than the networks of the paper,
    which read projectors by layers that keep the pairs apart.

    >>> net = BasisNet()
    >>> net(projector(torch.eye(3)[:, :2])[None, None]).shape
    torch.Size([1])
    """

    def __init__(self, features: int = 16, width: int = 32, seed: int = 0) -> None:
        super().__init__()
        self.config = {"features": features, "width": width, "seed": seed}
        self.phi = DeepSets(3, "mean", width, features, features, seed=seed)
        self.rho = MLP([features, width, 1], seed=seed + 7)

    def forward(self, projectors: Tensor) -> Tensor:
        if projectors.dim() != 4 or projectors.shape[2] != projectors.shape[3]:
            raise ValueError(f"projectors must have shape (b, s, n, n), got {tuple(projectors.shape)}")
        own = projectors.diagonal(dim1=2, dim2=3)
        pairs = torch.stack([own[..., None].expand_as(projectors), own[..., None, :].expand_as(projectors), projectors], -1)
        found = self.phi(pairs.flatten(2, 3).flatten(0, 1))
        return self.rho(found.unflatten(0, projectors.shape[:2]).sum(1))
