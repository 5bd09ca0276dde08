"""Claims of chapters/frontiers/merging.ipynb.

The recipe was tried on other seeds (9000 and up) before these thresholds were set.
"""

from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval
from course_lib.frontiers import merging_digits as experiment

WIDTH, DEPTH = 64, 2  # of the networks trained on the spot


def _record(name: str, statement: str, threshold: str, samples: Tensor, below: float, unit: str, repeats: str) -> Record:
    estimate, low, high = mean_interval(samples)
    return Record(
        id=f"frontiers/merging/{name}",
        statement=statement,
        kind="measured",
        threshold=threshold,
        estimate=estimate,
        low=low,
        high=high,
        unit=unit,
        verdict=decide(low, high, below=below),
        seeds=len(samples),
        repeats=repeats,
    )


def merging_needs_alignment(count: int = experiment.PAIRS) -> Record:
    """Barrier after weight matching over barrier before, for pairs of width 64 with two hidden layers."""
    a, b = experiment.pairs(WIDTH, DEPTH, count)
    naive, left = (experiment.barriers(a, experiment.aligned(a, b, method)) for method in ("naive", "weights"))
    return _record(
        "merging_needs_alignment",
        "Averages of independently trained networks of width 64 need alignment: weight matching removes three quarters of "
        "the loss barrier or more.",
        "mean ratio of the barriers on test digits, after over before matching, below 0.25",
        left / naive,
        0.25,
        "of the barrier is left",
        "pairs of independently trained networks, the same training and test digits",
    )


def wide_networks_merge_better() -> Record:
    """Barrier after weight matching at width 256 minus a quarter of that at width 16, two hidden layers, stored grid."""
    narrow, wide = (experiment.stored(width, DEPTH, "weights") for width in (16, 256))
    return _record(
        "wide_networks_merge_better",
        "With two hidden layers, after weight matching, the barrier at width 256 is a quarter of the barrier at width 16, or "
        "less.",
        "mean of (barrier at 256 - a quarter of the barrier at 16) below 0",
        wide - narrow / 4,
        0.0,
        "nats",
        "pairs of independently trained networks at each width, the same training and test digits",
    )


def a_soup_needs_no_alignment(count: int = experiment.PAIRS) -> Record:
    """Barrier, without alignment, between two fine-tunes of one start on mirrored digits, width 64, two hidden layers."""
    start = experiment.pairs(WIDTH, DEPTH, count)[0]
    one, other = (experiment.fine_tuned(start, "mirrored", order) for order in (0, 1))
    return _record(
        "a_soup_needs_no_alignment",
        "Two networks fine-tuned from one start, on mirrored digits in different orders, average without alignment.",
        "mean barrier on mirrored test digits, nothing permuted, below 0.02 nats",
        experiment.barriers(one, other, "mirrored"),
        0.02,
        "nats",
        "starts, each trained and then fine-tuned twice, the same training and test digits",
    )
