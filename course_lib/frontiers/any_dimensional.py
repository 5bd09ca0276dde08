"""Linear layers for every size at once: tables of weights from set partitions. Chapters: frontiers/any_dimensional.

A linear map from tensors with k axes to tensors with m axes, each of length n, has m + k *legs*: first those of the output,
then those of the input. A set partition of the legs says which of them must hold the same index, and gives a layer that
commutes with all orders of the n items, for every n: y[o] = the sum of x[i] over all i that agree with o in every block. All
other such layers are combinations of these, with finitely many coefficients that do not know n. A partition is written as
labels of its legs, 0, 1, ... as they are met: (0, 1, 0, 1) copies a matrix, (0, 1, 1, 0) transposes it. Sources: Maron et
al. (2019) for the layers; Levin & Diaz (2024) for the sizes; Church, Ellenberg & Farb (2015) for why finitely many suffice.
"""

import torch
from torch import Tensor

Partition = tuple[int, ...]


def set_partitions(legs: int) -> list[Partition]:
    """All partitions of `legs` legs into blocks, as labels of the legs in the order in which they are met.

    ValueError for a negative number.

    >>> set_partitions(3)
    [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)]
    """
    if legs < 0:
        raise ValueError(f"legs must be at least 0, got {legs}")
    found: list[Partition] = [()]
    for _ in range(legs):
        found = [(*one, label) for one in found for label in range(len(set(one)) + 1)]
    return found


def count_partitions(legs: int, most: int) -> int:
    """How many partitions of `legs` legs have at most `most` blocks: the sum of Stirling numbers S(legs, b), b <= most.

    This is the dimension of the layers from k to m axes under all orders of n items, with legs = k + m and most = n: a basis
    table for each pattern of equal indices that n items can show. For most >= legs it is the Bell number of legs.

    >>> [count_partitions(4, n) for n in range(1, 7)]
    [1, 8, 14, 15, 15, 15]
    """
    if legs < 0 or most < 0:
        raise ValueError(f"legs and most must be at least 0, got {legs} and {most}")
    row = [1]  # S(0, 0); then S(l, b) = S(l - 1, b - 1) + b S(l - 1, b)
    for _ in range(legs):
        row = [before + b * same for b, (before, same) in enumerate(zip([0, *row], [*row, 0], strict=True))]
    return sum(row[: most + 1])


def diagram_tables(order_in: int, order_out: int, n: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """The layers of all partitions written out, `(B, n^order_out, n^order_in)`: 1 where indices agree in every block.

    For n < order_in + order_out they are linearly dependent.

    >>> diagram_tables(1, 1, 2).tolist()  # each for itself, and everybody for all
    [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]]
    """
    legs = order_in + order_out
    grid = torch.cartesian_prod(*[torch.arange(n)] * legs).reshape(-1, legs) if legs else torch.zeros(1, 0)
    tables = []
    for one in set_partitions(legs):
        first = [one.index(label) for label in one]
        tables.append((grid == grid[:, first]).all(1))
    return torch.stack(tables).to(dtype).reshape(len(tables), n**order_out, n**order_in)


def diagrams(x: Tensor, order_out: int) -> Tensor:
    """What each partition makes of a batch of tensors, without its table: `(b, n, ..., n)` -> `(b, B, n, ..., n)`.

    For matrices and `order_out` 2 these are 15 matrices; the work grows like the size of x. Raises ValueError for unequal axes.

    >>> diagrams(torch.tensor([[1.0, 2.0, 4.0]]), 1).tolist()
    [[[1.0, 2.0, 4.0], [7.0, 7.0, 7.0]]]
    """
    if x.dim() < 1 or len(set(x.shape[1:])) > 1 or (x.dim() == 1 and order_out):
        raise ValueError(f"x must be of shape (b, n, ..., n), with axes of one length, got {tuple(x.shape)}")
    found = [_diagram(x, one[:order_out], one[order_out:]) for one in set_partitions(order_out + x.dim() - 1)]
    return torch.stack(found, 1)


def _diagram(x: Tensor, out: Partition, into: Partition) -> Tensor:
    """One partition, given as the labels of output and of input legs: read, sum, repeat, and write."""
    blocks = list(dict.fromkeys(out))
    names = {label: "abcdefghijkl"[label] for label in (*out, *into)}
    read, kept = "".join(names[label] for label in into), "".join(names[label] for label in blocks if label in into)
    y = torch.einsum(f"Z{read}->Z{kept}", x)
    for axis, label in enumerate(blocks):
        if label not in into:
            y = y.unsqueeze(axis + 1).expand(*y.shape[: axis + 1], x.shape[-1], *y.shape[axis + 1 :])
    if len(blocks) == len(out):
        return y
    places = torch.meshgrid(*[torch.arange(x.shape[-1])] * len(blocks), indexing="ij")
    whole = x.new_zeros(len(x), *[x.shape[-1]] * len(out))
    whole[(slice(None), *(places[blocks.index(label)] for label in out))] = y  # equal output legs: a diagonal
    return whole


def summed_blocks(partition: Partition, order_out: int) -> int:
    """How many indices the layer sums over: blocks with input legs only. Dividing by n to this power makes the sums means.

    >>> summed_blocks((0, 1, 2, 3), 2), summed_blocks((0, 1, 0, 1), 2)
    (2, 0)
    """
    return len(set(partition[order_out:]) - set(partition[:order_out]))


def survives_padding(partition: Partition, order_out: int) -> bool:
    """Whether layer(padded x) = padded layer(x), for items added with nothing but zeros; the layer takes sums.

    It does if every output leg has an input leg in its block: then nothing is written where nothing was.

    >>> [p for p in set_partitions(2) if survives_padding(p, 1)]
    [(0, 0)]
    """
    return set(partition[:order_out]) <= set(partition[order_out:])


def survives_duplication(partition: Partition, order_out: int) -> bool:
    """Whether layer(duplicated x) = duplicated layer(x), each item replaced by equal copies; the layer takes means.

    It does if no two output legs share a block: a diagonal knows which copy is which.

    >>> [p for p in set_partitions(2) if survives_duplication(p, 1)]
    [(0, 0), (0, 1)]
    """
    return len(set(partition[:order_out])) == order_out


def pad(x: Tensor, n: int) -> Tensor:
    """Zeros for items that were not there: `(b, s, ..., s)` -> `(b, n, ..., n)`, the old items first. ValueError if n < s.

    >>> pad(torch.tensor([[1, 2]]), 4).tolist()
    [[1, 2, 0, 0]]
    """
    if any(n < size for size in x.shape[1:]):
        raise ValueError(f"n must be at least the size of x, got {n} for shape {tuple(x.shape)}")
    larger = x.new_zeros(len(x), *[n] * (x.dim() - 1))
    larger[(slice(None), *(slice(0, size) for size in x.shape[1:]))] = x
    return larger


def duplicate(x: Tensor, times: int) -> Tensor:
    """Each item replaced by `times` equal copies, along every axis: `(b, s, ..., s)` -> `(b, times s, ..., times s)`.

    >>> duplicate(torch.tensor([[1, 2]]), 2).tolist()
    [[1, 1, 2, 2]]
    """
    if times < 1:
        raise ValueError(f"times must be at least 1, got {times}")
    for axis in range(1, x.dim()):
        x = x.repeat_interleave(times, axis)
    return x
