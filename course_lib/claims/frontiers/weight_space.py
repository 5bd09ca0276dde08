"""Claims of chapters/frontiers/weight_space.ipynb, from the stored grid.

Thresholds were declared before the grid was run, after a trial at seed 0, which is not in it. A seed fixes the starting weights
of the networks that are read, the split into training and test digits, and the weights of the reader. Readers are compared at
equal seeds: same networks, same split. Splits of one data set share training digits, so the intervals are the corrected ones of
Nadeau and Bengio; they say nothing about other pictures, other networks or readers of other sizes.

At seed 2 the reader with signs and without half turns failed to train: every hidden unit of its second network died, and it
stayed at chance on its training networks as well. The grid was kept as it came out. That one seed makes the interval of "signs
add to order" wide. So the set readers were run a second time, independent starts only, with units that cannot die (leaky) and
five fresh seeds; the threshold of "signs add to order" is the same there. "Half turns without waves" belongs to the second grid
alone, and its threshold was declared before that was run. Waves are also coordinates in which the picture is linear: a reader
that averages over half turns, in phases, tells whether the gain comes from ignoring half turns. Most of it does not.
"""

from torch import Tensor

from course_lib.claims.core import Record, corrected_interval, decide
from course_lib.frontiers.sine_networks import STARTS, leaky_accuracies, stored_accuracies
from course_lib.frontiers.weight_classifiers import TEST

DIGITS = 1797
LEAD, MARGIN = 0.2, 0.02  # of accuracy: a difference that nobody can miss, and one that counts as none
REPEATS = "draws of starting weights of all networks, of test digits, and of the reader's weights"


def lead(reading: str, other: str, start: str) -> Tensor:
    """Accuracy of one reading minus that of another on the same networks and digits, `(seeds,)`."""
    if start not in STARTS:
        raise ValueError(f"start must be one of {STARTS}, got {start!r}")
    accuracies = stored_accuracies()
    return accuracies[start, reading] - accuracies[start, other]


def symmetry_reads_more(start: str) -> Record:
    """Accuracy of the set reader with signs and half turns, minus that of the flat one."""
    return _record(
        f"symmetry_reads_more/{start}",
        f"From the weights of networks with {start} starts, a reader that ignores order, signs and half turns reads "
        "many more digits than a flat one.",
        lead("set, signs, half turns", "flat", start),
        LEAD,
    )


def signs_add_to_order() -> Record:
    """Accuracy of the set reader with signs minus that of the set reader without, independent starts."""
    return _record(
        "signs_add_to_order",
        "Independent starts: a reader that ignores order reads more digits if it ignores signs as well.",
        lead("set, signs", "set", "independent"),
        MARGIN,
    )


def signs_add_to_order_leaky() -> Record:
    """The same in the second grid: hidden units that cannot die, fresh seeds, the same threshold."""
    return _record(
        "signs_add_to_order_leaky",
        "Independent starts, hidden units that cannot die: a reader that ignores order reads more digits if it ignores signs "
        "as well.",
        leaky_lead("set, signs", "set"),
        MARGIN,
    )


def half_turns_without_waves() -> Record:
    """Accuracy of the set reader that averages over half turns, in phases, minus that of the set reader (second grid)."""
    return _record(
        "half_turns_without_waves",
        "Independent starts, hidden units that cannot die: a reader that ignores order reads many more digits if it averages "
        "over half turns as well, without waves.",
        leaky_lead("set, half turns averaged", "set"),
        LEAD,
    )


def leaky_lead(reading: str, other: str) -> Tensor:
    """`lead` in the second grid, `(seeds,)`."""
    accuracies = leaky_accuracies()
    return accuracies[reading] - accuracies[other]


def _record(name: str, statement: str, gaps: Tensor, above: float) -> Record:
    estimate, low, high = corrected_interval(gaps, TEST / (DIGITS - TEST))
    return Record(
        id=f"frontiers/weight_space/{name}",
        statement=statement,
        kind="measured",
        threshold=f"mean difference in accuracy above {above}",
        estimate=estimate,
        low=low,
        high=high,
        unit="in accuracy",
        verdict=decide(low, high, above=above),
        seeds=len(gaps),
        repeats=REPEATS,
    )
