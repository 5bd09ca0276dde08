"""Every patch and its estimates, node by node, for many pairs of inputs at once.

Chapters: attribution/attribution_patching.

A node is a part of what one site returns: the stream at one token, one head at one token, one neuron at one token. For a
site whose activations have shape `(b, *axes)` a node is an index into the first of these axes. `node_patches` computes

    f(x' with c_k <- c_k(x)) - f(x'),                        one forward run per node and pair,

and `node_estimates` its tangent at the corrupted run, grad_{c_k} f(x') . (c_k(x) - c_k(x')), for all nodes of all sites from
two forward runs and one backward run per pair (Nanda, 2023). With `t` the share of the way that a node has gone from
c_k(x') to c_k(x), the patch is the integral of the slope in `t` from 0 to 1 and the estimate is the slope at `t` = 0. So
`node_path` takes slopes on the way (fundamental theorem of calculus): it converges to the patch, at the price of more
runs than the patch itself. `input_path` lets the whole input go and reads all nodes' slopes on that common way: as many
backward runs as steps, whatever the number of nodes (the idea of integrated gradients, Sundararajan, Taly & Yan, 2017; for
circuits: Hanna, Pezzelle & Belinkov, 2024).
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from course_lib.attribution.components import record, replaced
from course_lib.games import Attribution, Game
from course_lib.games.scores import exact

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
        _check(clean, corrupted, nodes, goal)
        whole = torch.ones(())
        found = [_moved(model, corrupted, site, part, goal, whole, metric) for part in _chunks(nodes, corrupted, batch_size)]
        start = _one_number(metric(model(corrupted)), len(corrupted))
    return torch.cat(found, 1) - start[:, None]


def node_estimates(
    model: nn.Module, clean: Tensor, corrupted: Tensor, nodes: Mapping[str, Tensor], metric: Metric
) -> dict[str, Tensor]:
    """grad_{c_k} f(x') . (c_k(x) - c_k(x')) for each pair and each node `(k, axes)` of each site: site -> `(r, k)`.

    Two forward runs and one backward run per pair, for all nodes of all sites together. Raises ValueError as `node_patches`.

    >>> model = nn.Sequential(nn.Identity(), nn.Flatten())
    >>> clean, corrupted = torch.full((1, 2), 3.0), torch.ones(1, 2)
    >>> node_estimates(model, clean, corrupted, {"0": all_nodes((2,))}, lambda out: out[:, 0] ** 2)["0"].tolist()
    [[4.0, 0.0]]
    """
    _same_shape(clean, corrupted)
    with torch.no_grad():
        goal = record(model, clean, list(nodes))
    here, slopes = _slopes(model, corrupted, list(nodes), metric)
    return _dots(nodes, slopes, {site: goal[site] - here[site] for site in nodes}, clean, corrupted)


def input_path(
    model: nn.Module,
    clean: Tensor,
    corrupted: Tensor,
    nodes: Mapping[str, Tensor],
    metric: Metric,
    *,
    entry: str,
    steps: int = 8,
) -> dict[str, Tensor]:
    """Estimates with slopes averaged over runs whose site `entry` is on the straight way from corrupted to clean.

    mean_j grad_{c_k} f(run j) . (c_k(x) - c_k(x')), run j at the midpoints t = (j + 1/2) / steps: `2 + steps` forward runs
    and `steps` backward runs for all nodes. With `entry` itself as site and all of it as nodes the sum is f(x) - f(x') as
    `steps` grows, if all that f reads of the input passes through `entry`. Raises ValueError as `node_patches`, and for steps.
    """
    _check_steps(steps)
    _same_shape(clean, corrupted)
    with torch.no_grad():
        ends = [record(model, x, [*nodes, entry]) for x in (clean, corrupted)]
    total = {site: torch.zeros_like(ends[0][site]) for site in nodes}
    for step in range(steps):
        between = torch.lerp(ends[1][entry], ends[0][entry], (step + 0.5) / steps)
        _, slopes = _slopes(model, corrupted, list(nodes), metric, {entry: between})
        total = {site: total[site] + slopes[site] / steps for site in nodes}
    return _dots(nodes, total, {site: ends[0][site] - ends[1][site] for site in nodes}, clean, corrupted)


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
    _check_steps(steps)
    with torch.no_grad():
        goal = record(model, clean, [site])[site]
    _check(clean, corrupted, nodes, goal)
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


def along_own_gate(game: Game, steps: int = 8) -> Attribution:
    """phi_i = mean over j of d v / d g_i at the gates t_j e_i, t_j = (j + 1/2) / steps: player i alone goes its way.

    Converges to `add_one_in(game)`, in a component game to activation patching. `n steps` rows. Raises ValueError for a
    hard game or fewer than one step. (All gates together: `integrated_gradients`, which shares out v(1) - v(0).)

    >>> along_own_gate(Game(lambda g: g[:, 0] ** 2 + g[:, 0] * g[:, 1], players=2)).scores.tolist()
    [1.0, 0.0]
    """
    _check_steps(steps)
    if not game.differentiable:
        raise ValueError("game must be differentiable for a gradient, got a hard game")
    times = (torch.arange(steps, dtype=game.dtype, device=game.device) + 0.5) / steps
    own = torch.eye(game.n, dtype=game.dtype, device=game.device)
    with torch.enable_grad():
        gates = (times[:, None, None] * own).reshape(-1, game.n).requires_grad_(True)
        values = game(gates)
        if values.dim() != 1:
            raise ValueError(f"game must have one number per row, got {tuple(values.shape[1:])} numbers")
        slopes = torch.autograd.grad(values.sum(), gates)[0]
    scores = (slopes.reshape(steps, game.n, game.n) * own).sum(2).mean(0)
    return exact(scores, steps * game.n, game.players)


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
        values = _one_number(metric(model(rows)), count * pairs)
    return values.reshape(count, pairs).T


def _slopes(model, x: Tensor, sites: list[str], metric: Metric, fixed: Mapping[str, Tensor] | None = None):
    """Activations at the sites and the metric's gradients there, in one run of `x` in which some sites are `fixed`."""
    found: dict[str, Tensor] = {}

    def keep(site: str) -> Callable[[Tensor], Tensor]:
        def store(output: Tensor) -> Tensor:
            output = output if fixed is None or site not in fixed else fixed[site]
            found[site] = output if output.requires_grad else output.detach().requires_grad_(True)
            return found[site]

        return store

    with torch.enable_grad():
        with replaced(model, {site: keep(site) for site in {*sites, *(fixed or {})}}):
            values = _one_number(metric(model(x)), len(x))
        slopes = torch.autograd.grad(values.sum(), [found[site] for site in sites], allow_unused=True)
    here = {site: found[site].detach() for site in sites}
    return here, {s: torch.zeros_like(here[s]) if slope is None else slope for s, slope in zip(sites, slopes, strict=True)}


def _dots(nodes, slopes, steps, clean: Tensor, corrupted: Tensor) -> dict[str, Tensor]:
    """Slope times step, added up over each node's entries: site -> `(r, k)`."""
    found = {}
    for site, places in nodes.items():
        _check(clean, corrupted, places, steps[site])
        products = slopes[site] * steps[site]
        summed = products.reshape(*products.shape[: 1 + places.shape[1]], -1).sum(-1)
        found[site] = summed[(slice(None), *places.T)]
    return found


def _chunks(nodes: Tensor, corrupted: Tensor, batch_size: int) -> tuple[Tensor, ...]:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be an integer of at least 1, got {batch_size!r}")
    return nodes.split(max(1, batch_size // len(corrupted)))


def _same_shape(clean: Tensor, corrupted: Tensor) -> None:
    if clean.shape != corrupted.shape or clean.dim() < 2:
        shapes = f"{tuple(clean.shape)} and {tuple(corrupted.shape)}"
        raise ValueError(f"the two inputs must have one shape with a leading axis of pairs, got {shapes}")


def _check(clean: Tensor, corrupted: Tensor, nodes: Tensor, activation: Tensor) -> None:
    _same_shape(clean, corrupted)
    shape = activation.shape[1:]
    if not isinstance(nodes, Tensor) or nodes.dim() != 2 or not len(nodes) or not 1 <= nodes.shape[1] <= len(shape):
        got = tuple(nodes.shape) if isinstance(nodes, Tensor) else type(nodes).__name__
        raise ValueError(f"nodes must be indices (k, axes) with k >= 1 and 1 to {len(shape)} axes, got {got}")
    limits = torch.tensor(shape[: nodes.shape[1]])
    if (nodes < 0).any() or (nodes >= limits).any():
        raise ValueError(f"nodes must lie inside an activation of shape {tuple(shape)}, got one outside")


def _check_steps(steps: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be an integer of at least 1, got {steps!r}")


def _one_number(values: Tensor, runs: int) -> Tensor:
    if not isinstance(values, Tensor) or values.shape != (runs,):
        got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise ValueError(f"metric must give one number per run ({runs},), got {got}")
    return values
