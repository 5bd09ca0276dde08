"""Claims of chapters/frontiers/any_dimensional.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.equivariance.set_tasks import train_side_by_side
from course_lib.frontiers.any_dimensional import count_partitions, diagrams
from course_lib.frontiers.any_size_graphs import TARGETS, TERMS, AnySizeNet, random_graphs
from course_lib.groups import (
    Action,
    CyclicGroup,
    Group,
    SymmetricGroup,
    equivariant_dimension,
    permutation_action,
    tensor_action,
)

HOME, FAR = 8, 64  # numbers of nodes: trained on, and asked about
SEEDS, STEPS, GRAPHS = 5, 500, 1024
RECIPES = {  # diagrams used, and what sums are divided by; the first two share their weights
    "15, sums": ("all", "sums"),
    "15, means": ("all", "means"),
    "5, sums": ("padding", "sums"),
    "10, means": ("duplication", "means"),
}
ORDERS = [(0, 1), (1, 1), (2, 1), (2, 2)]  # axes of the input, axes of the output

# ---------------------------------------------------------------------------------------------------- networks on graphs


@cache
def trained(steps: int = STEPS) -> dict[tuple[str, str], tuple[list[AnySizeNet], Tensor]]:
    """For each choice of diagrams and each target five networks, trained at home, and the units of their answers.

    The unit is the spread of the target on the training graphs; each network has its own weights and its own 1,024 graphs,
    the same graphs for all choices and targets.
    """
    graphs = [random_graphs(GRAPHS, HOME, torch.Generator().manual_seed(1300 + seed)) for seed in range(SEEDS)]
    kinds = [(terms, target) for terms in TERMS for target in TARGETS]
    x = torch.stack([diagrams(one, 2) for one in graphs]).repeat(len(kinds), 1, 1, 1, 1)
    y = torch.cat([torch.stack([TARGETS[target](one) for one in graphs]) for _, target in kinds])
    units = y.std(1)
    nets = [AnySizeNet(terms, "sums", HOME, seed=1400 + 10 * seed) for terms, _ in kinds for seed in range(SEEDS)]
    train_side_by_side(nets, x, y / units[:, None], steps=steps, rate=2e-2, seed=0, batch=32)
    rows = [slice(SEEDS * k, SEEDS * (k + 1)) for k in range(len(kinds))]
    return {kind: (nets[part], units[part]) for kind, part in zip(kinds, rows, strict=True)}


@cache
def predictions(recipe: str, target: str, size: int, count: int = 300, steps: int = STEPS) -> tuple[Tensor, Tensor]:
    """What five networks say about new graphs of a size, `(5, count)`, and the truth, `(count,)`."""
    if recipe not in RECIPES:
        raise ValueError(f"recipe must be one of {tuple(RECIPES)}, got {recipe!r}")
    features, truth = _asked(size, count)
    terms, rule = RECIPES[recipe]
    nets, units = trained(steps)[terms, target]
    found = []
    for net, unit in zip(nets, units, strict=True):
        elsewhere = AnySizeNet(terms, rule, HOME).eval().requires_grad_(False)
        elsewhere.load_state_dict(net.state_dict())
        found.append(unit * torch.cat([elsewhere(part) for part in features.split(20)]))
    return torch.stack(found), truth[target]


@cache
def _asked(size: int, count: int) -> tuple[Tensor, dict[str, Tensor]]:
    graphs = random_graphs(count, size, torch.Generator().manual_seed(1600 + size))
    return diagrams(graphs, 2), {name: target(graphs) for name, target in TARGETS.items()}


def errors(recipe: str, target: str, size: int, count: int = 300, steps: int = STEPS) -> Tensor:
    """Root mean square error of each network on new graphs, over the spread of the truth among them: `(5,)`."""
    found, truth = predictions(recipe, target, size, count, steps)
    return (found - truth).square().mean(1).sqrt() / truth.std()


def the_rule_decides(count: int = 300, steps: int = STEPS) -> Record:
    """Powers of ten between the errors of two extensions of the same weights, sums over means, for the cherry density."""
    ratios = errors("15, sums", "cherry density", FAR, count, steps) / errors("15, means", "cherry density", FAR, count, steps)
    estimate, low, high = mean_interval(ratios.log10())
    return Record(
        id="frontiers/any_dimensional/the_rule_decides",
        statement=f"Two extensions that are one function at {HOME} nodes differ more than tenfold in their errors at {FAR}.",
        kind="measured",
        threshold="mean of log10 (error with sums / error with means) above 1",
        estimate=estimate,
        low=low,
        high=high,
        unit="powers of ten between the errors",
        verdict=decide(low, high, above=1.0),
        seeds=SEEDS,
        repeats=f"networks, each with its own training graphs, the same {count} test graphs",
    )


def what_survives_copies_travels(count: int = 300, steps: int = STEPS) -> Record:
    """Error at 64 nodes, in spreads of the cherry density, of networks made of the ten diagrams that survive duplication."""
    estimate, low, high = mean_interval(errors("10, means", "cherry density", FAR, count, steps))
    return Record(
        id="frontiers/any_dimensional/what_survives_copies_travels",
        statement=f"Trained at {HOME} nodes, ten diagrams with means know the cherry density of graphs of {FAR}.",
        kind="measured",
        threshold=f"mean error at {FAR} nodes below 0.3 spreads of the truth",
        estimate=estimate,
        low=low,
        high=high,
        unit="spreads of the truth",
        verdict=decide(low, high, below=0.3),
        seeds=SEEDS,
        repeats=f"networks, each with its own training graphs, the same {count} test graphs",
    )


# ------------------------------------------------------------------------------------------------------------ dimensions


def tensors(group: Group, order: int) -> Action:
    """Tensors with `order` axes, along each of which the group permutes n items."""
    return tensor_action(permutation_action(group, (group.n,)), order)


def dimensions_stabilise_for_all_orders_only(largest: int = 6) -> Record:
    """Characters against closed forms: partitions with at most n blocks for S_n, n^(k + m - 1) for C_n."""
    equal = total = 0
    for n in range(1, largest + 1):
        for order_in, order_out in ORDERS:
            legs = order_in + order_out
            closed = {SymmetricGroup(n): count_partitions(legs, n), CyclicGroup(n): n ** (legs - 1)}
            for group, count in closed.items():
                total += 1
                equal += equivariant_dimension(tensors(group, order_in), tensors(group, order_out)) == count
    estimate, low, high = share_interval(equal, total)
    return Record(
        id="frontiers/any_dimensional/dimensions_stabilise_for_all_orders_only",
        statement="Under all orders of n items layers are counted by partitions with at most n blocks, and their number stops "
        "growing once n reaches the number of axes; under shifts of a ring it grows like a power of n.",
        kind="proved",
        threshold="share of the cases in which characters give the closed form above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the cases",
        verdict=decide(low, high, above=0.9),
        seeds=total,
        repeats=f"cases: two groups, sizes up to {largest}, four kinds of layers",
    )
