"""Many small networks side by side: every layer of all of them is one tensor. Chapter: frontiers/merging.

A *stack* of m fully connected ReLU networks is a list of layers; a layer is the pair of its weights `(m, out, in)` and biases
`(m, out)`. Networks of a stack never meet: each has its own initial weights, its own order of examples and its own gradient.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Stack = list[tuple[Tensor, Tensor]]


def initial_stack(widths: Sequence[int], seeds: Sequence[int]) -> Stack:
    """One network for each seed: weights from N(0, 2 / in) (He et al., 2015), biases 0.

    `widths` from input to output, at least two. Raises ValueError for fewer, or for no seed.

    >>> [tuple(weight.shape) for weight, _ in initial_stack([64, 16, 10], [0, 1, 2])]
    [(3, 16, 64), (3, 10, 16)]
    """
    if len(widths) < 2 or len(seeds) == 0:
        raise ValueError(f"widths must hold two numbers or more, seeds one or more, got {list(widths)} and {list(seeds)}")
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    stack = []
    for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
        weights = [torch.randn(outputs, inputs, generator=generator) for generator in generators]
        stack.append(((2 / inputs) ** 0.5 * torch.stack(weights), torch.zeros(len(seeds), outputs)))
    return stack


def apply_to_each(function: Callable[[Tensor], Tensor], *stacks: Stack) -> Stack:
    """The stack whose tensors are `function` of the tensors of `stacks`, place by place.

    >>> one = initial_stack([2, 1], [0])
    >>> apply_to_each(torch.sub, one, one)[0][0]
    tensor([[[0., 0.]]])
    """
    return [tuple(function(*tensors) for tensors in zip(*layers, strict=True)) for layers in zip(*stacks, strict=True)]


def pick(stack: Stack, networks: Sequence[int] | slice | Tensor) -> Stack:
    """Some of the networks of a stack, in that order; a network may be taken more than once.

    >>> pick(initial_stack([2, 1], [5, 6, 7]), [2, 0])[0][1].shape
    torch.Size([2, 1])
    """
    return apply_to_each(lambda tensor: tensor[networks], stack)


def hidden_values(stack: Stack, x: Tensor) -> list[Tensor]:
    """Values of the neurons of every hidden layer, each `(m, n, h)`, and the outputs `(m, n, k)` last.

    `x` is `(n, d)`, the same for all networks, or `(m, n, d)`. Raises ValueError if d is not what the first layer reads.

    >>> [tuple(values.shape) for values in hidden_values(initial_stack([64, 16, 10], [0, 1]), torch.zeros(5, 64))]
    [(2, 5, 16), (2, 5, 10)]
    """
    m, _, d = stack[0][0].shape
    if x.dim() not in (2, 3) or x.shape[-1] != d:
        raise ValueError(f"x must be (n, {d}) or ({m}, n, {d}), got {tuple(x.shape)}")
    values, found = x if x.dim() == 3 else x.expand(m, *x.shape), []
    for depth, (weight, bias) in enumerate(stack):
        values = torch.baddbmm(bias[:, None], values, weight.mT)
        if depth < len(stack) - 1:
            values = values.relu()
        found.append(values)
    return found


def losses(stack: Stack, x: Tensor, y: Tensor) -> Tensor:
    """Mean log-loss of each network, `(m,)`: inputs `(n, d)` or `(m, n, d)`, labels `(n,)` or `(m, n)`.

    >>> losses([(torch.zeros(1, 10, 64), torch.zeros(1, 10))], torch.zeros(3, 64), torch.tensor([0, 5, 9])).exp().round()
    tensor([10.])
    """
    logits = hidden_values(stack, x)[-1]
    rows = y.expand(logits.shape[:2])
    return nn.functional.cross_entropy(logits.transpose(1, 2), rows, reduction="none").mean(1)


def accuracies(stack: Stack, x: Tensor, y: Tensor) -> Tensor:
    """Share of inputs that each network reads right, `(m,)`.

    >>> accuracies([(torch.zeros(1, 2, 1), torch.tensor([[0.0, 1.0]]))], torch.zeros(4, 1), torch.tensor([1, 1, 1, 0]))
    tensor([0.7500])
    """
    return (hidden_values(stack, x)[-1].argmax(2) == y).float().mean(1)


def train_stack(
    stack: Stack, x: Tensor, y: Tensor, *, steps: int, rate: float, seeds: Sequence[int], batch: int = 64, decay: float = 1e-4
) -> Stack:
    """A trained copy: Adam on the mean log-loss of batches, the rate falling to 0 along a cosine, each network for itself.

    Inputs `(n, d)` or `(m, n, d)`, labels `(n,)`. Network i draws its batches from `seeds[i]`, epoch by epoch, without
    replacement. `decay` is added to the gradient as an L2 penalty. Raises ValueError unless there is a seed for each network.

    >>> start = initial_stack([1, 2], [0])
    >>> done = train_stack(start, torch.ones(8, 1), torch.ones(8, dtype=int), steps=60, rate=0.1, seeds=[0], batch=4)
    >>> losses(done, torch.ones(1, 1), torch.tensor([1])).item() < 0.02
    True
    """
    m = len(stack[0][0])
    if len(seeds) != m:
        raise ValueError(f"seeds must hold one seed for each of {m} networks, got {len(seeds)}")
    own = apply_to_each(lambda tensor: tensor.detach().clone().requires_grad_(), stack)
    optimiser = torch.optim.Adam([tensor for layer in own for tensor in layer], lr=rate, weight_decay=decay, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    rows = torch.empty(m, 0, dtype=torch.long)
    for _ in range(steps):
        if rows.shape[1] < min(batch, len(y)):
            rows = torch.stack([torch.randperm(len(y), generator=generator) for generator in generators])
        now, rows = rows[:, :batch], rows[:, batch:]
        optimiser.zero_grad()
        inputs = x[now] if x.dim() == 2 else x[torch.arange(m)[:, None], now]
        losses(own, inputs, y[now]).sum().backward()
        optimiser.step()
        schedule.step()
    return apply_to_each(torch.Tensor.detach, own)
