"""Attribution patching: the tangent of every patch at once, and slopes along a way.

Chapters: attribution/attribution_patching.

The patch of a node is f(x' with c_k <- c_k(x)) - f(x'). Its tangent at the corrupted run,

    grad_{c_k} f(x') . (c_k(x) - c_k(x')),

comes from two forward runs and one backward run, whatever the number of nodes (Nanda, 2023). `attribution_patching` takes
any components, `node_estimates` the nodes of `node_patching` for many pairs. `along_own_gate` averages slopes on each
player's own way, which converges to the patch; `input_path` lets the whole input go and reads all nodes' slopes on that
common way: as many backward runs as steps (the idea of integrated gradients, Sundararajan, Taly & Yan, 2017; for circuits:
Hanna, Pezzelle & Belinkov, 2024).
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from course_lib.attribution.interventions import Component, Target, read_target, record, replaced, same_shape, sites_of
from course_lib.attribution.node_patching import Metric, check_nodes, check_steps, one_number
from course_lib.games import Attribution, Game
from course_lib.games.scores import exact


def attribution_patching(
    model: nn.Module,
    clean: Tensor,
    corrupted: Tensor,
    components: Sequence[Component],
    *,
    target: Target = None,
) -> Attribution:
    """phi_k = grad_{c_k} f(corrupted) . (c_k(clean) - c_k(corrupted)): the estimate of every patch at once.

    Two forward runs and one backward, whatever the number of components (Nanda, 2023); equal to
    `gradient(component_game, at=0)`. Pairs `(r, *shape)` are averaged. For noising swap the two inputs and the sign. Exact
    where the model is linear in the component. Raises ValueError for a target that is not one number per input.

    >>> model = nn.Sequential(nn.Identity(), nn.Flatten())
    >>> pair = torch.ones(1, 2), torch.zeros(1, 2)
    >>> attribution_patching(model, *pair, [Component("0", (0,))], target=0).scores.tolist()
    [1.0]
    """
    components = tuple(components)
    sites = sites_of(components)
    same_shape(clean, corrupted)

    def metric(outputs: Tensor) -> Tensor:
        values = read_target(outputs, target)
        if values.dim() != 1:
            raise ValueError(f"target must give one number per input, got {tuple(values.shape[1:])} numbers: choose a column")
        return values

    with torch.no_grad():
        goal = record(model, clean, sites)
    here, slopes = _slopes(model, corrupted, sites, metric)
    effect = {site: slopes[site] * (goal[site] - here[site]) for site in sites}
    scores = torch.stack([effect[c.site][(slice(None), *c.index)].sum() for c in components])
    return exact(scores.detach() / len(clean), 2 * len(clean), tuple(map(str, components)))


def node_estimates(
    model: nn.Module, clean: Tensor, corrupted: Tensor, nodes: Mapping[str, Tensor], metric: Metric
) -> dict[str, Tensor]:
    """grad_{c_k} f(x') . (c_k(x) - c_k(x')) for each pair and each node `(k, axes)` of each site: site -> `(r, k)`.

    Two forward runs and one backward run per pair, for all nodes of all sites together. Raises ValueError as `node_patches`.

    >>> from course_lib.attribution.node_patching import all_nodes
    >>> model = nn.Sequential(nn.Identity(), nn.Flatten())
    >>> clean, corrupted = torch.full((1, 2), 3.0), torch.ones(1, 2)
    >>> node_estimates(model, clean, corrupted, {"0": all_nodes((2,))}, lambda out: out[:, 0] ** 2)["0"].tolist()
    [[4.0, 0.0]]
    """
    same_shape(clean, corrupted)
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
    check_steps(steps)
    same_shape(clean, corrupted)
    with torch.no_grad():
        ends = [record(model, x, [*nodes, entry]) for x in (clean, corrupted)]
    total = {site: torch.zeros_like(ends[0][site]) for site in nodes}
    for step in range(steps):
        between = torch.lerp(ends[1][entry], ends[0][entry], (step + 0.5) / steps)
        _, slopes = _slopes(model, corrupted, list(nodes), metric, {entry: between})
        total = {site: total[site] + slopes[site] / steps for site in nodes}
    return _dots(nodes, total, {site: ends[0][site] - ends[1][site] for site in nodes}, clean, corrupted)


def along_own_gate(game: Game, steps: int = 8) -> Attribution:
    """phi_i = mean over j of d v / d g_i at the gates t_j e_i, t_j = (j + 1/2) / steps: player i alone goes its way.

    Converges to `add_one_in(game)`, in a component game to activation patching. `n steps` rows. Raises ValueError for a
    hard game or fewer than one step. (All gates together: `integrated_gradients`, which shares out v(1) - v(0).)

    >>> along_own_gate(Game(lambda g: g[:, 0] ** 2 + g[:, 0] * g[:, 1], players=2)).scores.tolist()
    [1.0, 0.0]
    """
    check_steps(steps)
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
            values = one_number(metric(model(x)), len(x))
        slopes = torch.autograd.grad(values.sum(), [found[site] for site in sites], allow_unused=True)
    here = {site: found[site].detach() for site in sites}
    return here, {s: torch.zeros_like(here[s]) if slope is None else slope for s, slope in zip(sites, slopes, strict=True)}


def _dots(nodes, slopes, steps, clean: Tensor, corrupted: Tensor) -> dict[str, Tensor]:
    """Slope times step, added up over each node's entries: site -> `(r, k)`."""
    found = {}
    for site, places in nodes.items():
        check_nodes(clean, corrupted, places, steps[site])
        products = slopes[site] * steps[site]
        summed = products.reshape(*products.shape[: 1 + places.shape[1]], -1).sum(-1)
        found[site] = summed[(slice(None), *places.T)]
    return found
