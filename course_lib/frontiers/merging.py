"""Align one network to another by permuting hidden neurons, then average. Chapter: frontiers/merging.

All functions work on stacks (see `stacked_networks`): pair i is network i of A and network i of B. `orders` holds one tensor
`(m, h)` for each hidden layer; neuron j of the permuted network is neuron `order[j]` of the old one.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from course_lib.frontiers.stacked_networks import Stack, apply_to_each, hidden_values, losses


def permute(stack: Stack, orders: list[Tensor]) -> Stack:
    """Reorder the neurons of every hidden layer: rows and biases of its layer, columns of the next. The function stays.

    Raises ValueError unless there is one order for each hidden layer.

    >>> stack = [(torch.tensor([[[1.0], [2.0]]]), torch.zeros(1, 2)), (torch.tensor([[[3.0, 4.0]]]), torch.zeros(1, 1))]
    >>> [weight.tolist() for weight, _ in permute(stack, [torch.tensor([[1, 0]])])]
    [[[[2.0], [1.0]]], [[[4.0, 3.0]]]]
    """
    if len(orders) != len(stack) - 1:
        raise ValueError(f"orders must hold one order for each of {len(stack) - 1} hidden layers, got {len(orders)}")
    done = [(weight, bias) for weight, bias in stack]
    for depth, order in enumerate(orders):
        weight, bias = done[depth]
        done[depth] = weight.gather(1, order[:, :, None].expand_as(weight)), bias.gather(1, order)
        weight, bias = done[depth + 1]
        done[depth + 1] = weight.gather(2, order[:, None, :].expand_as(weight)), bias
    return done


def identity_orders(stack: Stack) -> list[Tensor]:
    """The orders that leave every neuron where it is.

    >>> identity_orders([(torch.zeros(2, 3, 1), torch.zeros(2, 3)), (torch.zeros(2, 1, 3), torch.zeros(2, 1))])[0].tolist()
    [[0, 1, 2], [0, 1, 2]]
    """
    return [torch.arange(bias.shape[1]).expand(len(bias), -1) for _, bias in stack[:-1]]


def assign(gains: Tensor) -> Tensor:
    """For each matrix of `gains` `(m, h, h)` the order `(m, h)` that maximises sum_j gains[j, order[j]] (Kuhn, 1955).

    >>> assign(torch.tensor([[[4.0, 5.0], [0.0, 3.0]]])).tolist()
    [[0, 1]]
    """
    return torch.stack([torch.from_numpy(linear_sum_assignment(gain.numpy(), maximize=True)[1]) for gain in gains])


def match_weights(a: Stack, b: Stack, *, seed: int = 0, sweeps: int = 50) -> list[Tensor]:
    """Orders of B for which `distance(a, permute(b, orders))` is small: weight matching (Ainsworth et al., 2023, section 3.2).

    With the other layers fixed, the best order of one layer is a linear assignment problem. One hidden layer: the optimum.
    More: the layers take turns, in random order, until none gains; each turn lowers the distance or keeps it, and what is
    reached need not be the optimum.
    """
    orders, generator = identity_orders(b), torch.Generator().manual_seed(seed)
    for _ in range(sweeps):
        before = distance(a, permute(b, orders))
        for depth in torch.randperm(len(orders), generator=generator).tolist():
            orders[depth] = assign(_weight_gains(a, b, orders, depth))
        if len(orders) == 1 or not (distance(a, permute(b, orders)) < before * (1 - 1e-6)).any():
            break
    return orders


def _weight_gains(a: Stack, b: Stack, orders: list[Tensor], depth: int) -> Tensor:
    """Inner product of what enters and leaves neuron j of A with the same of neuron k of B, other layers of B in order."""
    still = [order if i != depth else torch.arange(order.shape[1]).expand_as(order) for i, order in enumerate(orders)]
    moved = permute(b, still)
    (weight_a, bias_a), (weight_b, bias_b) = a[depth], moved[depth]
    into = weight_a @ weight_b.mT + bias_a[:, :, None] * bias_b[:, None, :]
    return into + a[depth + 1][0].mT @ moved[depth + 1][0]


def match_activations(a: Stack, b: Stack, x: Tensor) -> list[Tensor]:
    """Orders of B that bring the values of its neurons on inputs `x` `(n, d)` nearest to those of A.

    For each hidden layer by itself, sum_j |z_j^A - z_order[j]^B|^2 over inputs is least (Ainsworth et al., 2023, section 3.1;
    Li et al., 2016, match by correlation).
    """
    values = zip(hidden_values(a, x)[:-1], hidden_values(b, x)[:-1], strict=True)
    return [assign(one.mT @ other) for one, other in values]


def distance(a: Stack, b: Stack) -> Tensor:
    """Euclidean distance of the parameters of each pair, `(m,)`.

    >>> zero, one = [(torch.zeros(1, 1, 3), torch.zeros(1, 1))], [(torch.ones(1, 1, 3), torch.ones(1, 1))]
    >>> distance(zero, one)
    tensor([2.])
    """
    squares = apply_to_each(lambda one, other: (one - other).square().flatten(1).sum(1), a, b)
    return sum(part for layer in squares for part in layer).sqrt()


def interpolate(a: Stack, b: Stack, alpha: float) -> Stack:
    """(1 - alpha) A + alpha B, parameter by parameter.

    >>> zero, one = [(torch.zeros(1, 1, 1), torch.zeros(1, 1))], [(torch.ones(1, 1, 1), torch.ones(1, 1))]
    >>> interpolate(zero, one, 0.25)[0][0].item()
    0.25
    """
    return apply_to_each(lambda one, other: (1 - alpha) * one + alpha * other, a, b)


def loss_curve(a: Stack, b: Stack, x: Tensor, y: Tensor, alphas: Tensor) -> Tensor:
    """Mean log-loss of (1 - alpha) A + alpha B for each alpha and pair, `(len(alphas), m)`."""
    return torch.stack([losses(interpolate(a, b, alpha), x, y) for alpha in alphas.tolist()])


def barrier(curve: Tensor, alphas: Tensor) -> Tensor:
    """Largest rise of a loss curve `(s, m)` over the straight line between its ends, `(m,)` (Entezari et al., 2022).

    max over alpha of L(alpha) - ((1 - alpha) L(0) + alpha L(1)); never negative. `alphas` `(s,)` starts with 0 and ends with 1,
    else ValueError.

    >>> barrier(torch.tensor([[1.0], [2.5], [2.0]]), torch.tensor([0.0, 0.5, 1.0]))
    tensor([1.])
    """
    if len(alphas) != len(curve) or alphas[0] != 0 or alphas[-1] != 1:
        raise ValueError(f"alphas must run from 0 to 1, one for each of {len(curve)} losses, got {alphas.tolist()}")
    line = (1 - alphas)[:, None] * curve[0] + alphas[:, None] * curve[-1]
    return (curve - line).amax(0).clamp(min=0)


def rescale(stack: Stack, factors: list[Tensor]) -> Stack:
    """Multiply what enters each hidden ReLU neuron by its positive factor and divide what leaves it: the function stays.

    `factors`: for each hidden layer `(m, h)`. Raises ValueError if one is not positive.

    >>> stack = [(torch.ones(1, 1, 1), torch.ones(1, 1)), (torch.ones(1, 1, 1), torch.ones(1, 1))]
    >>> rescale(stack, [torch.tensor([[2.0]])])
    [(tensor([[[2.]]]), tensor([[2.]])), (tensor([[[0.5000]]]), tensor([[1.]]))]
    """
    if any((factor <= 0).any() for factor in factors):
        raise ValueError(f"factors must be positive, got one of {min(factor.min().item() for factor in factors)}")
    done = [(weight, bias) for weight, bias in stack]
    for depth, factor in enumerate(factors):
        weight, bias = done[depth]
        done[depth] = weight * factor[:, :, None], bias * factor
        weight, bias = done[depth + 1]
        done[depth + 1] = weight / factor[:, None, :], bias
    return done


def balance(stack: Stack, sweeps: int = 50) -> Stack:
    """Rescale every hidden neuron until what enters it (weights and bias) is as long as what leaves it. The function stays.

    One representative for all rescalings of a network: a canonical form. Layers take turns, `sweeps` times; neurons with
    nothing on one side are left alone (Stock et al., 2019, who minimise the sum of squares in this way).

    >>> stack = [(torch.tensor([[[8.0]]]), torch.zeros(1, 1)), (torch.tensor([[[2.0]]]), torch.zeros(1, 1))]
    >>> [weight.item() for weight, _ in balance(stack)]
    [4.0, 4.0]
    """
    for _ in range(sweeps):
        for depth in range(len(stack) - 1):
            weight, bias = stack[depth]
            into = (weight.square().sum(2) + bias.square()).sqrt()
            out = stack[depth + 1][0].norm(dim=1)
            factor = torch.where((into > 0) & (out > 0), (out / into).sqrt(), 1.0)
            ones = [torch.ones_like(bias) for _, bias in stack[:-1]]
            stack = rescale(stack, [*ones[:depth], factor, *ones[depth + 1 :]])
    return stack
