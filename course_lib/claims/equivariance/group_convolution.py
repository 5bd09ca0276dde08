"""Claims of chapters/equivariance/group_convolution.ipynb."""

import torch

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.equivariance.message_passing import (
    bicyclopentyl,
    decalin,
    generic_network,
    message_passing,
    over_all_orders,
    rings,
)
from course_lib.equivariance.turned_digits import read_right, trained

PAIRS = [(rings(6), rings(3, 3)), (decalin(), bicyclopentyl())]
EQUAL, DIFFERENT = 1e-9, 1e-6  # of the size of the answers


def apart(first: float, second: float) -> float:
    """Distance of two numbers as a share of the larger."""
    return abs(first - second) / max(abs(first), abs(second), 1e-300)


def shared_weights_tie_where_an_average_separates(count: int = 40) -> Record:
    """Random message passing ties on both pairs of graphs; a random generic network, averaged over 720 orders, does not."""
    successes = 0
    for seed in range(count):
        passed = [message_passing(torch.stack(pair), seed).tolist() for pair in PAIRS]
        averaged = [over_all_orders(lambda x, seed=seed: generic_network(x, seed), one) for one in PAIRS[0]]
        successes += all(apart(*answers) < EQUAL for answers in passed) and apart(*averaged) > DIFFERENT
    estimate, low, high = share_interval(successes, count)
    return Record(
        id="equivariance/group_convolution/shared_weights_tie_where_an_average_separates",
        statement="Message passing is not always expressive enough: it takes a ring of six for two triangles, and "
        "one molecule for another; a network averaged over all orders tells ring and triangles apart.",
        kind="counterexample",
        threshold=f"share of the networks with answers equal to {EQUAL:g} when shared, apart by {DIFFERENT:g} when averaged, "
        "above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the random networks",
        verdict=decide(low, high, above=0.9),
        seeds=count,
        repeats="random networks, one of each kind",
    )


LEAST = {"turned": 0.1, "upright": 0.0}
WHERE = {"turned": "digits turned by random quarters", "upright": "upright digits"}


def turning_filters_help(positions: str, rows: int = 100, count: int = 5) -> Record:
    """Share read right with turned filters (C_4) minus without (C_1), about equally many weights, the same digits."""
    gains = []
    for seed in range(count):
        turning, plain = (read_right(trained(group, positions, rows, seed), positions) for group in ("C_4", "C_1"))
        gains.append(turning - plain)
    estimate, low, high = mean_interval(torch.tensor(gains))
    return Record(
        id=f"equivariance/group_convolution/turning_filters_help/{positions}",
        statement=f"Of {WHERE[positions]}, a network that turns its filters names more than a plain one of the same size.",
        kind="measured",
        threshold=f"mean gain in the share read right above {LEAST[positions]:g}",
        estimate=estimate,
        low=low,
        high=high,
        unit="gain in the share read right",
        verdict=decide(low, high, above=LEAST[positions]),
        seeds=count,
        repeats=f"pairs of networks and sets of {rows} training digits, the same 500 test digits",
    )
