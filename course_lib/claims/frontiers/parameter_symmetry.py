"""Claims of chapters/frontiers/parameter_symmetry.ipynb.

Thresholds were declared after a look at other starts (seed 1000), and before any of the starts below was trained.
"""

from functools import cache

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.datasets import digits
from course_lib.frontiers.invariant_descent import Loss, balanced_step, descend, imbalance, log_loss, plain_step
from course_lib.frontiers.parameter_symmetry import HiddenLayer, rescale, twins

NET = HiddenLayer(64, 16, 10)
SMALL = HiddenLayer(64, 4, 10, "tanh")
ROWS, RATE, STEPS = 200, 0.2, 60


@cache
def examples() -> tuple[Tensor, Tensor]:
    """The first 200 training digits, `(200, 64)` in float64, and their labels."""
    data = digits()
    return data.train_x[:ROWS].flatten(1).double(), data.train_y[:ROWS]


def digit_loss(net: HiddenLayer) -> Loss:
    """Log-loss on these digits, for each row of theta."""
    return log_loss(net, *examples())


def drift(start: Tensor, rate: float, time: float) -> Tensor:
    """How far descent over `time` = rate * steps moves the neurons' imbalances, a norm for each row of `start` `(m,)`."""
    end, _ = descend(digit_loss(NET), start, rate, round(time / rate))
    return (imbalance(NET, end) - imbalance(NET, start)).norm(dim=1)


def drift_follows_the_rate(count: int = 10) -> Record:
    """Drift of the conserved quantity at one rate over that at a quarter of it, the same total time."""
    start = NET.start(count, torch.Generator().manual_seed(0))
    ratios = drift(start, RATE, 12.0) / drift(start, RATE / 4, 12.0)
    estimate, low, high = mean_interval(ratios)
    return Record(
        id="frontiers/parameter_symmetry/drift_follows_the_rate",
        statement="To leading order, what gradient flow conserves drifts under gradient descent in proportion to the rate.",
        kind="measured",
        threshold="mean ratio of drifts, a rate over a quarter of it, between 3.5 and 4.5",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"times the drift at a quarter of the rate {RATE:g}",
        verdict=decide(low, high, above=3.5, below=4.5),
        seeds=count,
        repeats=f"random starts, the same {ROWS} digits",
    )


def representative(start: Tensor, generator: torch.Generator) -> Tensor:
    """The same functions with every neuron rescaled, by factors between 1/4 and 4 at random."""
    powers = 4 * torch.rand(len(start), NET.hidden, generator=generator, dtype=torch.float64) - 2
    return rescale(NET, start, 2**powers)


def curve_gaps(start: Tensor, other: Tensor, step) -> Tensor:
    """Largest relative difference of two loss curves, for each pair of rows `(m,)`."""
    _, losses = descend(digit_loss(NET), torch.cat([start, other]), RATE, STEPS, step)
    one, two = losses.tensor_split(2, 1)
    return ((one - two).abs() / one).amax(0)


def balanced_steps_do_not_see_the_scale(count: int = 20) -> Record:
    """Share of starts where balanced steps give one loss curve for two representatives, and plain descent gives two."""
    generator = torch.Generator().manual_seed(1)
    start = NET.start(count, generator)
    other = representative(start, generator)
    plain, balanced = (curve_gaps(start, other, step) for step in (plain_step, balanced_step(NET)))
    hits = int(((balanced < 1e-8) & (plain > 0.01)).sum())
    estimate, low, high = share_interval(hits, count)
    return Record(
        id="frontiers/parameter_symmetry/balanced_steps_do_not_see_the_scale",
        statement="From two rescaled copies of one net, plain descent learns two loss curves, and balanced descent one.",
        kind="measured",
        threshold="share of starts with balanced curves within 1e-8 and plain ones more than 1 % apart, above 0.8",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"as a share ({hits} of {count} starts)",
        verdict=decide(low, high, above=0.8),
        seeds=count,
        repeats=f"random starts and rescalings, the same {ROWS} digits",
    )


@cache
def twins_and_nudged(count: int, seed: int, steps: int = 300) -> tuple[Tensor, Tensor, Tensor]:
    """Final losses `(m,)` of nets that start as twins, of the same nets nudged by 0.001, and where the twins ended."""
    generator = torch.Generator().manual_seed(seed)
    start = twins(SMALL, SMALL.start(count, generator))
    nudged = start + 1e-3 * torch.randn(start.shape, generator=generator, dtype=start.dtype)
    end, losses = descend(digit_loss(SMALL), torch.cat([start, nudged]), 0.5, steps)
    tied, free = losses[-1].tensor_split(2)
    return tied, free, end[:count]


def nets_of_two(count: int, seed: int, steps: int = 300) -> Tensor:
    """Final losses `(m,)` of nets that have two neurons from the start, trained alike: how much of the trap is size."""
    net = HiddenLayer(64, 2, 10, "tanh")
    return descend(digit_loss(net), net.start(count, torch.Generator().manual_seed(seed)), 0.5, steps)[1][-1]


def a_symmetric_start_is_a_trap(count: int = 10) -> Record:
    """Loss after training with neurons that start in equal pairs, minus that of the same nets nudged a little."""
    tied, free, _ = twins_and_nudged(count, 2)
    estimate, low, high = mean_interval(tied - free)
    return Record(
        id="frontiers/parameter_symmetry/a_symmetric_start_is_a_trap",
        statement="Four neurons that start as two equal pairs stay a net of two, and end at a higher loss than nudged ones.",
        kind="measured",
        threshold="mean excess of the log-loss, equal pairs minus nudged, above 0.2",
        estimate=estimate,
        low=low,
        high=high,
        unit="more log-loss after 300 steps",
        verdict=decide(low, high, above=0.2),
        seeds=count,
        repeats=f"random starts, the same {ROWS} digits",
    )
