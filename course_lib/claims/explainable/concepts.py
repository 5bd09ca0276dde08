"""Claims of chapters/explainable/concepts.ipynb."""

from dataclasses import dataclass
from functools import cache

import torch
from scipy.stats import t as student
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.datasets import digits
from course_lib.explainable.concepts import concept_ceiling, segment_codes, train_bottlenecks
from course_lib.explainable.simulatability import leak, simulatability
from course_lib.models import digit_net

ALL, FOUR = tuple(range(7)), (0, 1, 2, 3)  # segments: all of them, or the right half without the middle
TEST, SPLITS = 500, 16  # images held out in each split, and splits
MARGIN = 0.02  # how much accuracy a bottleneck may lose and still count as no worse
BUDGET = 8  # pixels in a message
UNNAMED = 32  # units in the middle of a black box


@dataclass(frozen=True)
class Readings:
    """What models of one kind reach on their own test images, each `(m,)`: one model for each split and seed."""

    predicted: Tensor  # accuracy with the concepts as the model predicts them
    rounded: Tensor  # with each predicted concept rounded to 0 or 1
    corrected: Tensor  # with all concepts set to the truth
    concepts: Tensor  # share of right concepts
    ceiling: Tensor  # best accuracy of a rule on the true concepts of these test images


@cache
def readings(kind: str, concepts: tuple[int, ...] = ALL, weight: float = 1.0, count: int = SPLITS) -> Readings:
    """Train on `count` random splits of the 1,797 digits, each with its own first weights, and test on the rest."""
    split = digits()
    x, y = torch.cat([split.train_x, split.test_x]), torch.cat([split.train_y, split.test_y])
    rows = torch.stack([torch.randperm(len(y), generator=torch.Generator().manual_seed(seed)) for seed in range(count)])
    codes = torch.zeros(10, UNNAMED) if kind == "black box" else segment_codes(concepts)
    train, test = rows[:, TEST:], rows[:, :TEST]
    models = train_bottlenecks(x[train], y[train], codes, kind, range(count), weight=weight)
    found = [_reading(model, x[own], y[own], codes) for model, own in zip(models, test, strict=True)]
    return Readings(*torch.tensor(found, dtype=torch.float64).T)


def _reading(model, x: Tensor, y: Tensor, codes: Tensor) -> list[float]:
    predicted, true = model.concepts(x), codes[y]
    accuracies = [(model.head(c).argmax(1) == y).double().mean().item() for c in (predicted, predicted.round(), true)]
    return [*accuracies, (predicted.round() == true).double().mean().item(), concept_ceiling(true, y)]


def resampled_interval(samples: Tensor, share: float) -> tuple[float, float, float]:
    """Mean and 95 % interval over random splits that overlap: mean +- t_{m-1} s sqrt(1 / m + share).

    `samples` `(m,)`, one for each split; `share` is test rows over training rows. Splits of one data set are not
    independent, and s / sqrt(m) is too short for them (Nadeau & Bengio, 2003, section 5).

    >>> [round(x, 2) for x in resampled_interval(torch.tensor([0.0, 2.0]), 0.5)]
    [1.0, -16.97, 18.97]
    """
    samples, m = samples.double(), len(samples)
    reach = student.ppf(0.975, m - 1) * samples.std().item() * (1 / m + share) ** 0.5
    return samples.mean().item(), samples.mean().item() - float(reach), samples.mean().item() + float(reach)


def _over_splits(samples: Tensor) -> dict:
    estimate, low, high = resampled_interval(samples, TEST / (len(digits().train_y) + len(digits().test_y) - TEST))
    return dict(
        kind="measured", estimate=estimate, low=low, high=high, seeds=len(samples), repeats="splits, each with its own network"
    )


def seven_concepts_cost_nothing(kind: str = "joint", count: int = SPLITS) -> Record:
    """Accuracy of a bottleneck with all segments minus that of the same layers with 32 unnamed units in the middle."""
    found = _over_splits(readings(kind, ALL, 1.0, count).predicted - readings("black box", count=count).predicted)
    return Record(
        id=f"explainable/concepts/seven_concepts_cost_nothing/{kind}",
        statement=f"On digits a bottleneck of seven segments ({kind}) reads no worse than a black box with 32 unnamed units.",
        threshold=f"accuracy minus that of the black box above -{MARGIN}",
        unit="difference of accuracies",
        verdict=decide(found["low"], found["high"], above=-MARGIN),
        **found,
    )


def the_class_passes_the_concepts(kind: str = "joint", count: int = SPLITS) -> Record:
    """Accuracy with four segments minus the ceiling of these four on the same test images."""
    found = readings(kind, FOUR, 1.0, count)
    over = _over_splits(found.predicted - found.ceiling)
    return Record(
        id=f"explainable/concepts/the_class_passes_the_concepts/{kind}",
        statement=f"A {kind} bottleneck with four segments reads digits better than these four segments allow: it leaks.",
        threshold="accuracy minus the ceiling of the true concepts above 0",
        unit="difference of accuracies",
        verdict=decide(over["low"], over["high"], above=0.0),
        **over,
    )


def correcting_helps(concepts: tuple[int, ...] = ALL, count: int = SPLITS) -> Record:
    """Accuracy of a joint bottleneck with all its concepts corrected minus accuracy with those that it predicts."""
    found = readings("joint", concepts, 1.0, count)
    gain = _over_splits(found.corrected - found.predicted)
    number = {7: "seven", 4: "four"}[len(concepts)]
    return Record(
        id=f"explainable/concepts/correcting_helps/{number}",
        statement=f"Setting all {number} concepts of a joint bottleneck to the truth makes it read digits better.",
        threshold="accuracy with corrected minus accuracy with predicted concepts above 0",
        unit="difference of accuracies",
        verdict=decide(gain["low"], gain["high"], above=0.0),
        **gain,
    )


def form_gives_nothing_away(method: str = "integrated gradients", count: int = 1297) -> Record:
    """Share of images whose explained class, drawn by shuffling, a student names from the message (training images)."""
    hits = leak(digit_net(), digits().train_x[:count], method, BUDGET)
    estimate, low, high = share_interval(int(hits.sum()), len(hits))
    return Record(
        id=f"explainable/concepts/form_gives_nothing_away/{method.replace(' ', '_')}",
        statement=f"Eight pixels chosen by {method} for a logit do not tell which logit was explained.",
        kind="measured",
        threshold="share of explained classes named below 0.2, twice what guessing gives",
        estimate=estimate,
        low=low,
        high=high,
        unit="share named",
        verdict=decide(low, high, below=0.2),
        seeds=len(hits),
        repeats="images, one network",
    )


def pixels_say_more_than_ink(method: str = "integrated gradients", count: int = 1297) -> Record:
    """How much more often a student names the model's class from pixels that separate the classes than from the darkest."""
    chosen, dark = (
        simulatability(digit_net(), digits().train_x[:count], name, BUDGET, explain="all").double()
        for name in (method, "darkest pixels")
    )
    estimate, low, high = mean_interval(chosen - dark)
    return Record(
        id=f"explainable/concepts/pixels_say_more_than_ink/{method.replace(' ', '_')}",
        statement=f"Eight pixels by {method} of all logits tell a student more about the output than the eight darkest.",
        kind="measured",
        threshold="difference of simulated accuracies above 0.02",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of shares",
        verdict=decide(low, high, above=0.02),
        seeds=len(chosen),
        repeats="images, one network",
    )
