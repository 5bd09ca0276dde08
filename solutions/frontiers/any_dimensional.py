"""Solutions to exercises/frontiers/any_dimensional.ipynb."""


# exercise: frontiers/any_dimensional/extend_layer
import torch


def extend_layer(coefficients, n):
    """The table W of a layer from matrices to vectors at size n, y_i = sum_jk W[i, j, k] x[j, k]: (5,), n -> (n, n, n)."""
    i, j, k = torch.meshgrid(*3 * [torch.arange(n)], indexing="ij")
    kinds = [(i == j) & (j == k), (i == j) & (j != k), (i == k) & (j != k), (j == k) & (i != j)]
    rest = ~torch.stack(kinds).any(0)
    masks = torch.stack([*kinds, rest]).to(coefficients.dtype)
    read = masks.sum((2, 3), keepdim=True).clamp(min=1)  # entries of a kind that one output sees
    return torch.einsum("c,cijk->ijk", coefficients, masks / read)


# exercise: frontiers/any_dimensional/count_layers
def count_layers(n, order_in, order_out):
    """Independent linear maps from tensors with order_in axes to order_out axes that commute with all orders of n items."""
    ways = [1]  # ways[b]: to split the legs so far into b blocks
    for _ in range(order_in + order_out):
        alone = [0] + ways  # the new leg opens a block
        joined = [b * count for b, count in enumerate(ways)] + [0]  # or joins one of b
        ways = [first + second for first, second in zip(alone, joined, strict=True)]
    return sum(ways[: n + 1])
