"""Graphs cut in two by the signs of an eigenvector: a target that depends on a vector as a whole, and not on its sign.

Chapters: equivariance/sets_and_signs. The Fiedler vector belongs to the second smallest eigenvalue of the Laplacian; nodes
where it is positive go to one side, the others to the other (Fiedler, 1973; Pothen, Simon & Liou, 1990). How many nodes are on
the smaller side cannot depend on the sign of the vector, and is not known from the sizes of its entries.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.equivariance.sign_net import laplacian


def two_block_graphs(count: int, nodes: int, generator: torch.Generator) -> Tensor:
    """Weights `(count, nodes, nodes)` of random graphs in two blocks, the smaller of 2 to `nodes` / 2 nodes.

    Edges have probability 0.8 within a block and 0.2 between blocks, and weights between 0.5 and 1.5. Raises ValueError for
    fewer than four nodes.
    """
    if nodes < 4:
        raise ValueError(f"nodes must be at least 4 for two blocks of two, got {nodes}")
    size = torch.randint(2, nodes // 2 + 1, (count, 1), generator=generator)
    first = torch.arange(nodes) < size
    chance = torch.where(first[:, :, None] == first[:, None, :], 0.8, 0.2)
    there = torch.rand(count, nodes, nodes, generator=generator) < chance
    upper = torch.triu(there * (0.5 + torch.rand(count, nodes, nodes, generator=generator)), 1)
    return upper + upper.mT


def fiedler_vectors(weights: Tensor, gap: float = 0.05) -> tuple[Tensor, Tensor]:
    """Which graphs are connected and have a second eigenvalue `gap` below the third, `(b,)`; their vectors, `(count, n)`.

    >>> kept, v = fiedler_vectors(torch.tensor([[[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]]))  # a path of three nodes
    >>> kept.tolist(), [round(size, 3) for size in v[0].abs().tolist()]
    ([True], [0.707, 0.0, 0.707])
    """
    values, vectors = torch.linalg.eigh(laplacian(weights))
    kept = (values[:, 1] > 1e-3) & (values[:, 2] - values[:, 1] > gap)
    return kept, vectors[kept][:, :, 1]


def smaller_side(v: Tensor) -> Tensor:
    """How many entries have the rarer sign: `(b, n)` -> `(b,)`, the same for v and -v.

    >>> smaller_side(torch.tensor([[2.0, 2, -1, -1, -1, -1], [2, -2, 1, 1, -1, -1]])).tolist()
    [2, 3]
    """
    return torch.minimum((v > 0).sum(1), (v < 0).sum(1))


def graph_with_fiedler_vector(v: Tensor) -> Tensor:
    """Weights w_ij = 1 + v_i v_j / max_k v_k^2, none negative, of a graph with Fiedler vector `v` `(n,)`, which must sum to 0.

    The Laplacian has eigenvalues 0, once n - |v|^2 / max_k v_k^2 (along v), and n: they depend on the sizes |v_i| alone.
    Raises ValueError unless the entries sum to 0 and are not all 0.

    >>> graph_with_fiedler_vector(torch.tensor([1.0, 1.0, -2.0])).tolist()
    [[0.0, 1.25, 0.5], [1.25, 0.0, 0.5], [0.5, 0.5, 0.0]]
    """
    if v.dim() != 1 or not v.any() or v.sum().abs() > 1e-6 * v.abs().sum():
        raise ValueError(f"v must be a vector that sums to 0 and is not 0, got {v.tolist()}")
    return (1 + torch.outer(v, v) / v.square().max()).fill_diagonal_(0)


def bisection_data(count: int, nodes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Fiedler vectors `(count, nodes, 1)` of random graphs, with random signs and of length sqrt(nodes); smaller sides."""
    generator = torch.Generator().manual_seed(seed)
    _, v = fiedler_vectors(two_block_graphs(2 * count, nodes, generator))
    if len(v) < count:
        raise ValueError(f"count must be at most {len(v)} for this seed, got {count}")
    v = random_signs(v[:count, :, None] * nodes**0.5, generator)
    return v, smaller_side(v[..., 0]).to(v.dtype)


def random_signs(v: Tensor, generator: torch.Generator) -> Tensor:
    """Every vector along the axis before last multiplied by 1 or -1: `(..., n, k)` -> `(..., n, k)`; also to augment with."""
    return v * (2 * torch.randint(0, 2, (*v.shape[:-2], 1, v.shape[-1]), generator=generator) - 1)


def of_one_vector(net: torch.nn.Module, prepare: Callable[[Tensor], Tensor] = lambda v: v) -> torch.nn.Module:
    """A network on sets as one that reads a single eigenvector: `(b, n, 1)` -> `net(prepare(v))`, v `(b, n)` prepared."""
    return _Prepared(net, prepare)


class _Prepared(torch.nn.Module):
    def __init__(self, net: torch.nn.Module, prepare: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.net, self.prepare = net, prepare

    def forward(self, v: Tensor) -> Tensor:
        return self.net(self.prepare(v[..., 0])[..., None])
