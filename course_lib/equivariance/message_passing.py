"""What shared weights cannot tell apart: message passing, colour refinement, and layers with two and three axes.

Chapters: equivariance/group_convolution. Graphs are adjacency matrices `(b, n, n)`, symmetric, of zeros and ones. Sources: Xu
et al. (2019) and Morris et al. (2019) for message passing against colour refinement; Maron et al. (2019) for tensor layers.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.groups import Subgroup, SymmetricGroup

CHUNK = 1000  # orders tried at once


def graph(n: int, edges: list[tuple[int, int]]) -> Tensor:
    """Adjacency matrix `(n, n)` of an undirected graph.

    >>> graph(3, [(0, 1), (1, 2)]).sum(1).tolist()
    [1.0, 2.0, 1.0]
    """
    a = torch.zeros(n, n, dtype=torch.float64)
    for i, j in edges:
        if i == j or not (0 <= i < n and 0 <= j < n):
            raise ValueError(f"edges must join two different nodes of 0, ..., {n - 1}, got {(i, j)}")
        a[i, j] = a[j, i] = 1.0
    return a


def rings(*lengths: int) -> Tensor:
    """Disjoint rings, such as one of six nodes, `rings(6)`, or two triangles, `rings(3, 3)`: `(n, n)`.

    >>> rings(3, 3).sum(1).tolist()
    [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    """
    if not lengths or min(lengths) < 3:
        raise ValueError(f"lengths must be at least 3, got {lengths}")
    edges, start = [], 0
    for n in lengths:
        edges += [(start + i, start + (i + 1) % n) for i in range(n)]
        start += n
    return graph(start, edges)


def decalin() -> Tensor:
    """Ten carbons in two rings of six that share a bond, `(10, 10)`."""
    return graph(10, [(i, (i + 1) % 10) for i in range(10)] + [(0, 5)])


def bicyclopentyl() -> Tensor:
    """Ten carbons in two rings of five that a bond joins, `(10, 10)`: the same colours as `decalin`, another molecule."""
    return (rings(5, 5) + graph(10, [(0, 5)])).clamp(max=1)


def colour_refinement(a: Tensor, rounds: int | None = None) -> Tensor:
    """Colours of the nodes of graphs `(b, n, n)`: whole numbers `(b, n)`, comparable across the graphs.

    All nodes start alike. In each round a node's new colour is its old one together with how often it meets each colour among
    its neighbours (Weisfeiler and Leman's test). Goes on until no round splits a colour, or for as many `rounds`.

    >>> colour_refinement(graph(3, [(0, 1), (1, 2)])[None]).tolist()
    [[0, 1, 0]]
    """
    if a.dim() != 3 or a.shape[1] != a.shape[2]:
        raise ValueError(f"a must be adjacency matrices (b, n, n), got {tuple(a.shape)}")
    colours = torch.zeros(a.shape[:2], dtype=torch.long)
    for _ in range(a[..., 0].numel() if rounds is None else rounds):
        met = a.long() @ torch.nn.functional.one_hot(colours)  # (b, n, colours): neighbours of each colour
        seen = torch.cat([colours[..., None], met], -1).flatten(0, 1)
        finer = torch.unique(seen, dim=0, return_inverse=True)[1].reshape(colours.shape)
        if finer.max() == colours.max():
            break
        colours = finer
    return colours


def same_colours(a: Tensor, b: Tensor) -> bool:
    """Whether colour refinement leaves two graphs `(n, n)` of equal size with equally many nodes of each colour.

    >>> same_colours(rings(6), rings(3, 3)), same_colours(rings(6), graph(6, [(i, i + 1) for i in range(5)]))
    (True, False)
    """
    if a.shape != b.shape:
        raise ValueError(f"b must have as many nodes as a, {len(a)}, got {len(b)}")
    first, second = colour_refinement(torch.stack([a, b])).sort(1).values
    return torch.equal(first, second)


def same_graph(a: Tensor, b: Tensor) -> bool:
    """Whether some order of the nodes makes the graphs `(n, n)` equal: all orders are tried, so n is at most 8.

    >>> same_graph(rings(6), rings(6)[[3, 1, 4, 0, 5, 2]][:, [3, 1, 4, 0, 5, 2]]), same_graph(rings(6), rings(3, 3))
    (True, False)
    """
    if len(a) > 8:
        raise ValueError(f"a must have at most 8 nodes, got {len(a)}")
    return a.shape == b.shape and any((part == b).flatten(1).all(1).any().item() for part in _renamed(a))


def message_passing(a: Tensor, seed: int, layers: int = 4, width: int = 8) -> Tensor:
    """One number for each graph `(b, n, n)` from a random network that passes messages: `(b,)`, float64.

        h_i <- tanh( U h_i + V sum over neighbours j of h_j + c ),      all nodes and edges share U, V and c,

    from h_i = 1; the answer is a random combination of the mean of h and the mean of h squared.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    h = torch.ones(*a.shape[:2], width, dtype=torch.float64)
    for _ in range(layers):
        own, others, offset = draw(width, width), draw(width, width), draw(width)
        h = torch.tanh((h @ own + a.to(h.dtype) @ h @ others) / width**0.5 + offset)
    return h.mean(1) @ draw(width) + h.square().mean(1) @ draw(width)


def generic_network(a: Tensor, seed: int, width: int = 32) -> Tensor:
    """One number for each graph `(b, n, n)` from a random network that reads the table entry by entry: `(b,)`, float64."""
    generator = torch.Generator().manual_seed(seed)
    n = a[0].numel()
    into = torch.randn(n, width, generator=generator, dtype=torch.float64) / n**0.5
    out = torch.randn(width, generator=generator, dtype=torch.float64)
    offset = torch.randn(width, generator=generator, dtype=torch.float64)
    return torch.tanh(2 * a.to(into.dtype).flatten(1) @ into + offset) @ out


def over_all_orders(f: Callable[[Tensor], Tensor], a: Tensor) -> float:
    """The mean of f over all n! orders of the nodes of a graph `(n, n)`, n at most 8: the same for every naming."""
    if len(a) > 8:
        raise ValueError(f"a must have at most 8 nodes, got {len(a)}")
    return torch.cat([f(part) for part in _renamed(a)]).mean().item()


def triangles_by_three_axes(a: Tensor) -> Tensor:
    """Triangles of graphs `(b, n, n)`, by one equivariant layer with three axes, a rectifier and a sum: `(b,)`.

        T[i, j, k] = relu( A[i, j] + A[j, k] + A[k, i] - 2 ) is 1 on triangles, and each triangle stands there six times.

    >>> triangles_by_three_axes(torch.stack([rings(6), rings(3, 3)])).tolist()
    [0.0, 2.0]
    """
    t = torch.relu(a[:, :, :, None] + a[:, None, :, :] + a.transpose(1, 2)[:, :, None, :] - 2)
    return t.sum((1, 2, 3)) / 6


def even_permutations(n: int) -> Subgroup:
    """The permutations of n >= 3 items made by an even number of swaps: three-cycles through items 0 and 1 generate them.

    >>> even_permutations(4).order
    12
    """
    if n < 3:
        raise ValueError(f"n must be at least 3, got {n}")
    cycles = [torch.arange(n) for _ in range(n - 2)]
    for k, cycle in enumerate(cycles):
        cycle[[0, 1, k + 2]] = torch.tensor([1, k + 2, 0])
    return Subgroup(SymmetricGroup(n), torch.stack(cycles))


def _renamed(a: Tensor):
    """The graph under all orders of its nodes, in chunks `(c, n, n)`."""
    for p in SymmetricGroup(len(a)).elements().split(CHUNK):
        yield a[p[:, :, None], p[:, None, :]]
