"""Patches, node by node, for many pairs of inputs at once.

Chapters: attribution/attribution_patching.

A node is a part of what one site returns: the stream at one token, one head at one token, one neuron at one token. For a
site whose activations have shape `(b, *axes)` a node is an index into the first of these axes. `node_patches` computes

    f(x' with c_k <- c_k(x)) - f(x'),                        one forward run per node and pair.

With `t` the share of the way that a node has gone from c_k(x') to c_k(x), the patch is the integral of the slope in `t` from
0 to 1. So `node_path` takes slopes on the way (fundamental theorem of calculus): it converges to the patch, at the price of
more runs than the patch itself. The slope at 0 alone is the estimate of `attribution_patching`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.attribution.interventions import record, replaced, same_shape

Metric = Callable[[Tensor], Tensor]
BATCH = 2048  # runs at once


def all_nodes(shape: Sequence[int], axes: int = 1) -> Tensor:
    """Every index `(k, axes)` into the first `axes` axes of an activation of `shape` (without the batch axis).

    >>> all_nodes((2, 3, 8), axes=2).tolist()
    [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    """
    if not 1 <= axes <= len(shape):
        raise ValueError(f"axes must lie between 1 and {len(shape)}, got {axes}")
    return torch.cartesian_prod(*(torch.arange(size) for size in shape[:axes])).reshape(-1, axes)


def node_patches(
    model: nn.Module, clean: Tensor, corrupted: Tensor, site: str, nodes: Tensor, metric: Metric, batch_size: int = BATCH
) -> Tensor:
    """f(x' with c_k <- c_k(x)) - f(x') for each pair of inputs `(r, *shape)` and node `(k, axes)` at a site: `(r, k)`.

    `metric` maps outputs `(m r, *out)`, the pairs over and over, to `(m r,)`. Raises ValueError for inputs or nodes that do
    not fit, an unknown site, or a metric that is not one number per run.

    >>> model = nn.Sequential(nn.Identity(), nn.Flatten())
    >>> clean, corrupted = torch.ones(1, 2), torch.zeros(1, 2)
    >>> node_patches(model, clean, corrupted, "0", all_nodes((2,)), lambda out: out[:, 0] ** 2).tolist()
    [[1.0, 0.0]]
    """
    with torch.no_grad():
        goal = record(model, clean, [site])[site]
        check_nodes(clean, corrupted, nodes, goal)
        whole = torch.ones(())
        found = [_moved(model, corrupted, site, part, goal, whole, metric) for part in _chunks(nodes, corrupted, batch_size)]
        start = one_number(metric(model(corrupted)), len(corrupted))
    return torch.cat(found, 1) - start[:, None]


def node_path(
    model: nn.Module,
    clean: Tensor,
    corrupted: Tensor,
    site: str,
    nodes: Tensor,
    metric: Metric,
    steps: int = 8,
    batch_size: int = BATCH // 2,
) -> Tensor:
    """The mean slope along each node's own way from c_k(x') to c_k(x), at the midpoints of `steps` equal steps: `(r, k)`.

    Converges to `node_patches` with an error of O(1 / steps^2) for smooth models, for one forward and one backward run per
    step, node and pair. Raises ValueError as `node_patches`, and for fewer than one step.
    """
    check_steps(steps)
    with torch.no_grad():
        goal = record(model, clean, [site])[site]
    check_nodes(clean, corrupted, nodes, goal)
    found = []
    for part in _chunks(nodes, corrupted, batch_size):
        total = goal.new_zeros(len(corrupted), len(part))
        for step in range(steps):
            with torch.enable_grad():
                gate = torch.full((len(part), len(corrupted)), (step + 0.5) / steps, dtype=goal.dtype, requires_grad=True)
                values = _moved(model, corrupted, site, part, goal, gate, metric)
                total += torch.autograd.grad(values.sum(), gate)[0].T / steps
        found.append(total)
    return torch.cat(found, 1)


def share_found(patches: Tensor, estimates: Tensor, k: int, budget: int) -> Tensor:
    """How many of the `k` largest |patches| are among the `budget` largest |estimates|: both `(r, n)` -> shares `(r,)`.

    One minus this is the share of false negatives if the first `budget` nodes are verified by real patches.
    Raises ValueError unless 1 <= k <= budget <= n.

    >>> share_found(torch.tensor([[3.0, -2.0, 1.0, 0.0]]), torch.tensor([[1.0, 0.0, -3.0, 2.0]]), k=2, budget=3).tolist()
    [0.5]
    """
    if patches.shape != estimates.shape or patches.dim() != 2:
        shapes = f"{tuple(patches.shape)} and {tuple(estimates.shape)}"
        raise ValueError(f"patches and estimates must have one shape (r, n), got {shapes}")
    if not 1 <= k <= budget <= patches.shape[1]:
        raise ValueError(f"k and budget must fulfil 1 <= k <= budget <= {patches.shape[1]}, got {k} and {budget}")
    tried = estimates.abs().argsort(dim=1, descending=True, stable=True)[:, :budget]
    largest = patches.abs().argsort(dim=1, descending=True, stable=True)[:, :k]
    return (largest[:, :, None] == tried[:, None]).any(2).double().mean(1)


def _moved(model, corrupted: Tensor, site: str, nodes: Tensor, goal: Tensor, gate: Tensor, metric: Metric) -> Tensor:
    """f with node k of each pair moved by `gate` (a number, or `(k, r)`) of its way to `goal`: `(r, k)`, or `(k r,)`."""
    pairs, count = len(corrupted), len(nodes)
    places = (torch.arange(pairs)[None], *(column[:, None] for column in nodes.T))
    each = torch.arange(count)[:, None]

    def change(output: Tensor) -> Tensor:
        output = output.reshape(count, pairs, *output.shape[1:])
        here, there = output[(each, *places)], goal[places]
        share = gate.to(output.dtype).reshape(*gate.shape, *[1] * (here.dim() - gate.dim()))
        return output.index_put((each, *places), here + share * (there - here)).flatten(0, 1)

    rows = corrupted.repeat(count, *[1] * (corrupted.dim() - 1))
    with replaced(model, {site: change}):
        values = one_number(metric(model(rows)), count * pairs)
    return values.reshape(count, pairs).T


def _chunks(nodes: Tensor, corrupted: Tensor, batch_size: int) -> tuple[Tensor, ...]:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be an integer of at least 1, got {batch_size!r}")
    return nodes.split(max(1, batch_size // len(corrupted)))


def check_nodes(clean: Tensor, corrupted: Tensor, nodes: Tensor, activation: Tensor) -> None:
    """Raise ValueError unless the inputs are pairs and `nodes (k, axes)` lie inside an activation `(r, *axes, ...)`."""
    same_shape(clean, corrupted)
    shape = activation.shape[1:]
    if not isinstance(nodes, Tensor) or nodes.dim() != 2 or not len(nodes) or not 1 <= nodes.shape[1] <= len(shape):
        got = tuple(nodes.shape) if isinstance(nodes, Tensor) else type(nodes).__name__
        raise ValueError(f"nodes must be indices (k, axes) with k >= 1 and 1 to {len(shape)} axes, got {got}")
    limits = torch.tensor(shape[: nodes.shape[1]])
    if (nodes < 0).any() or (nodes >= limits).any():
        raise ValueError(f"nodes must lie inside an activation of shape {tuple(shape)}, got one outside")


def check_steps(steps: int) -> None:
    """Raise ValueError unless `steps` is a whole number of at least 1."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer of at least 1, got {steps!r}")


def one_number(values: Tensor, runs: int) -> Tensor:
    """`values (runs,)` as they are; raises ValueError for any other shape."""
    if not isinstance(values, Tensor) or values.shape != (runs,):
        got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise ValueError(f"metric must give one number per run ({runs},), got {got}")
    return values
