"""Claims of chapters/symmetries/groups.ipynb."""

import math
from functools import cache

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, share_interval
from course_lib.datasets import digits
from course_lib.groups import DihedralGroup, SymmetricGroup, image_action, permutation_group_order
from course_lib.models import digit_net

SQUARE = DihedralGroup(4)
MOTIONS = {  # name of each of the eight ways to lay a square on itself -> (turns, flips)
    "as it is": (0, 0),
    "quarter turn": (1, 0),
    "half turn": (2, 0),
    "three-quarter turn": (3, 0),
    "top to bottom": (0, 1),
    "across one diagonal": (1, 1),
    "left to right": (2, 1),
    "across the other diagonal": (3, 1),
}
PAIRS = 400


@cache
def answers() -> Tensor:
    """What the digit reader says to the 500 test digits after each of the eight motions, `(8, 500)`."""
    images = digits().test_x
    moved = image_action(SQUARE, (8, 8)).act(torch.tensor(list(MOTIONS.values())), images)
    return digit_net()(moved.flatten(0, 1)).argmax(1).reshape(len(MOTIONS), len(images))


def stays(motion: str) -> Tensor:
    """For which of the 500 test digits the answer is the same before and after a motion, `(500,)` booleans."""
    if motion not in MOTIONS:
        raise ValueError(f"motion must be one of {tuple(MOTIONS)}, got {motion!r}")
    return answers()[list(MOTIONS).index(motion)] == answers()[0]


def answers_stay(motion: str, count: int = 500) -> Record:
    """Is a motion of the square a symmetry of the trained digit reader? The share of test digits that keep their answer."""
    kept = stays(motion)[:count]
    estimate, low, high = share_interval(int(kept.sum()), len(kept))
    return Record(
        id=f"symmetries/groups/answers_stay/{motion.replace(' ', '_')}",
        statement=f"The digit reader's answer stays the same after this motion of the image: {motion}.",
        kind="measured",
        threshold="share of test digits that keep their answer above 0.95",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the digits keep their answer",
        verdict=decide(low, high, above=0.95),
        seeds=len(kept),
        repeats="test digits, one trained reader",
    )


def half_turn_exchanges_six_and_nine(count: int = 500) -> Record:
    """Of the test digits that the reader takes for a 6 or a 9, which share does it take for the other after a half turn?"""
    before, after = answers()[0][:count], answers()[list(MOTIONS).index("half turn")][:count]
    chosen = (before == 6) | (before == 9)
    swapped = after[chosen] == 15 - before[chosen]
    estimate, low, high = share_interval(int(swapped.sum()), len(swapped))
    return Record(
        id="symmetries/groups/half_turn_exchanges_six_and_nine",
        statement="What the digit reader takes for a 6 it takes for a 9 after a half turn, and the other way round.",
        kind="measured",
        threshold="share of the images read as 6 or 9 that are read as the other above 0.5",
        estimate=estimate,
        low=low,
        high=high,
        unit="are read as the other digit",
        verdict=decide(low, high, above=0.5),
        seeds=len(swapped),
        repeats="test digits, one trained reader",
    )


@cache
def generated_orders(n: int, pairs: int = PAIRS, seed: int = 0) -> tuple[int, ...]:
    """Orders of the groups that `pairs` random pairs of permutations of n items generate."""
    drawn = SymmetricGroup(n).sample(2 * pairs, torch.Generator().manual_seed(1000 * n + seed))
    return tuple(permutation_group_order(pair) for pair in drawn.reshape(pairs, 2, n))


def random_pairs_generate(n: int, everything: bool = False, pairs: int = PAIRS, seed: int = 0) -> Record:
    """The share of random pairs of permutations that generate A_n or S_n (or S_n itself, with `everything`)."""
    orders = torch.tensor(generated_orders(n, pairs, seed), dtype=torch.float64)
    successes = orders == math.factorial(n) if everything else orders >= math.factorial(n) // 2
    estimate, low, high = share_interval(int(successes.sum()), pairs)
    which = f"all of S_{n}" if everything else f"S_{n} or its even half A_{n}"
    return Record(
        id=f"symmetries/groups/random_pairs_generate/{n}{'/everything' if everything else ''}",
        statement=f"Two random permutations of {n} items generate {which}.",
        kind="measured",
        threshold="share of random pairs above 0.75",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the pairs",
        verdict=decide(low, high, above=0.75),
        seeds=pairs,
        repeats="random pairs",
    )
