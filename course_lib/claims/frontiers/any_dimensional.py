"""Claims of chapters/frontiers/any_dimensional.ipynb. Those on networks read the stored grid of `any_size_runs`.

Networks were first trained for 500 steps. A reader found that training had not ended; now it is 2,000, with other seeds. The
thresholds are those declared before the first run.
"""

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.frontiers.any_dimensional import count_partitions
from course_lib.frontiers.any_size_runs import FAR, HOME, errors
from course_lib.groups import (
    Action,
    CyclicGroup,
    Group,
    SymmetricGroup,
    equivariant_dimension,
    permutation_action,
    tensor_action,
)

ORDERS = [(0, 1), (1, 1), (2, 1), (2, 2)]  # axes of the input, axes of the output
OVER = "networks, each with its own training graphs, the same test graphs"


def the_rule_decides() -> Record:
    """Powers of ten between the errors of two extensions of the same weights, sums over means, for the cherry density."""
    ratios = errors("15, sums", "cherry density", FAR) / errors("15, means", "cherry density", FAR)
    estimate, low, high = mean_interval(ratios.log10())
    return Record(
        id="frontiers/any_dimensional/the_rule_decides",
        statement=f"Two extensions that are one function at {HOME} nodes differ more than tenfold in their errors "
        f"on the cherry density at {FAR}.",
        kind="measured",
        threshold="mean of log10 (error with sums / error with means) on the cherry density above 1",
        estimate=estimate,
        low=low,
        high=high,
        unit="powers of ten between the errors",
        verdict=decide(low, high, above=1.0),
        seeds=len(ratios),
        repeats=OVER,
    )


def what_survives_copies_travels() -> Record:
    """Error at 64 nodes, in spreads of the cherry density, of networks made of the ten diagrams that survive duplication."""
    samples = errors("10, means", "cherry density", FAR)
    estimate, low, high = mean_interval(samples)
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
        seeds=len(samples),
        repeats=OVER,
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
        unit="as share of the cases",
        verdict=decide(low, high, above=0.9),
        seeds=total,
        repeats=f"cases, all that were tried and no sample: two groups, sizes up to {largest}, four kinds of layers",
    )
