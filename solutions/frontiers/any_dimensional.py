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
    for legs in range(order_in + order_out):
        more = [0] * (legs + 2)
        for b, count in enumerate(ways):
            more[b] += b * count  # the next leg joins one of b blocks
            more[b + 1] += count  # or opens its own
        ways = more
    return sum(ways[: n + 1])
