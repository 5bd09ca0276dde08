"""Checks for exercises/equivariance/bakeoff.ipynb."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, behind, called, close
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict


def _edge(hint: str, compare: Callable, answer: Callable, *args: object) -> None:
    """The hint of the case for whatever goes wrong in it."""
    found = called(hint, answer, *args)
    try:
        compare(found, *args)
    except Wrong as wrong:
        raise Wrong(hint, seen=wrong.seen) from None


def _rounded(value: float, truth: float) -> bool:
    """Whether the value is the truth to some decimals."""
    return any(close(value, round(truth, decimals), 1e-9) for decimals in (3, 4, 5))


# --------------------------------------------------------------------------------------------------- one line of the table

REPORT = ("accuracy", "always", "flips", "averaged")
orbit_report = Exercise(
    "equivariance/bakeoff/orbit_report",
    hints={
        "keys": 'return a dict with the keys "accuracy", "always", "flips" and "averaged"',
        "counts": "shares are asked for: divide by the number of items, or of items and positions",
        "first": '"accuracy" is over all positions, not the first one alone',
        "best": '"accuracy" is the mean over positions, not the best or the worst of them',
        "accuracy": '"accuracy" is wrong: the share of all pairs of an item and a position that are answered right',
        "worst": '"always" is about each item: right in every position; you take the accuracy of the worst position',
        "any": '"always" asks for an item that is right in every position, not in one of them at least',
        "constant": '"always" asks for right answers: an item may have the same answer throughout, and a wrong one',
        "always": '"always" is wrong: the share of items that are answered right in every position',
        "pairs": '"flips": an item counts once if its answer changes anywhere, however often it changes',
        "errors": '"flips" does not look at the labels: an answer may be wrong throughout and never change',
        "right_flips": '"flips": an answer may also change from one wrong class to another',
        "ends": '"flips": compare all positions, not two of them',
        "stays": '"flips" is the share of items whose answer changes, you give the share whose answer stays',
        "flips": '"flips" is wrong: the share of items whose answer is not the same in all positions',
        "vote": '"averaged" takes the mean of the scores and then the class: a vote of the answers may decide otherwise',
        "softmax": '"averaged" takes the mean of the scores themselves, not of probabilities made of them',
        "unmoved": '"averaged" is an accuracy of its own, not that of the positions one by one',
        "largest": '"averaged": the mean of the scores over positions decides, not the largest score in any of them',
        "averaged": '"averaged" is wrong: mean of the scores over positions, class of the largest, share that is right',
        "rounded": "do not round the numbers",
        "one": "right in general, but not for a single position, where nothing can flip, or a single item",
        "square": "right in general, but not where numbers of positions, items and classes agree",
    },
)


def _report(scores: Tensor, labels: Tensor) -> dict[str, dict[str, float]]:
    """For each key the truth, under "", and what likely mistakes give: key -> hint -> value. Truths by counting classes."""
    m, b, k = scores.shape
    chosen = (scores == scores.amax(2, keepdim=True)).double()  # one of k, `(m, b, k)`
    truth = torch.nn.functional.one_hot(labels, k).double()
    right, counts = (chosen * truth).sum(2), chosen.sum(0)  # `(m, b)`; how often each class is the answer `(b, k)`
    hits, most = right.sum(0), counts.amax(1)
    answers = chosen.argmax(2)

    def accuracy(table: Tensor) -> float:
        return (table.argmax(1) == labels).double().mean().item()

    def share(part: Tensor) -> float:
        return part.double().mean().item()

    positions, moved = right.mean(1), (answers != answers[0]).double()
    flips, always = share(most < m), share(hits == m)
    return {
        "accuracy": {
            "": hits.sum().item() / (m * b),
            "first": positions[0].item(),
            "best": positions.max().item(),
            "best ": positions.min().item(),
        },
        "always": {"": always, "worst": positions.min().item(), "any": share(hits > 0), "constant": 1 - flips},
        "flips": {
            "": flips,
            "errors": 1 - always,
            "right_flips": share((hits > 0) & (hits < m)),
            "stays": 1 - flips,
            "ends": share(moved[-1]),
            "pairs": share(moved),
            "pairs ": moved.sum().item() / (b * max(1, m - 1)),
            "pairs  ": (answers[1:] != answers[:-1]).sum().item() / (b * max(1, m - 1)),
        },
        "averaged": {
            "": accuracy(scores.sum(0)),
            "unmoved": hits.sum().item() / (m * b),
            "vote": accuracy(counts),
            "softmax": accuracy(scores.softmax(2).mean(0)),
            "largest": accuracy(scores.amax(0)),
        },
    }


def _compare_report(found: object, scores: Tensor, labels: Tensor) -> None:
    found, truth = as_dict(found, REPORT), _report(scores, labels)
    m, b = scores.shape[:2]
    for key in REPORT:
        value = as_number(found[key], f'"{key}"')
        right = truth[key][""]
        if close(value, right, 1e-6):
            continue
        if right > 0 and any(close(value, right * factor, 1e-6) for factor in (100, b, m, m * b)):
            raise Wrong("counts")
        otherwise = "rounded" if _rounded(value, right) else key
        raise Wrong(next((hint.strip() for hint, other in truth[key].items() if hint and close(value, other, 1e-6)), otherwise))


def _scores(random: Instances, m: int, b: int, k: int, help: float = 0.9) -> tuple[Tensor, Tensor]:
    """Scores that favour each item's label, on scales so different that means and votes disagree.

    What positions have in common makes some items wrong in all of them.
    """
    labels = (k * random.uniform(b)).long()
    size, common = torch.exp(1.5 * random.normal(m, b, 1)), random.normal(b, k)
    scores = size * (random.normal(m, b, k) + common + help * torch.nn.functional.one_hot(labels, k))
    return scores, labels


def _telling(random: Instances, m: int, b: int, k: int, help: float) -> tuple[Tensor, Tensor]:
    """A table on which the truth, likely mistakes and what all positions but the last ones say are all different numbers."""
    while True:
        scores, labels = _scores(random, m, b, k, help)
        by_accuracy = (scores.argmax(2) == labels).sum(1).argsort()
        scores = scores[by_accuracy[[1, *range(3, m), 0, 2]]]  # the first position is neither the best nor the worst
        parts = [[*part.values(), m * part[""]] for part in _report(scores, labels).values()]  # m: a sum over positions
        if not _distinct(parts):
            continue
        few = _report(scores[: min(4, m - 1)], labels).values()
        if _distinct([[*part, other[""]] for part, other in zip(parts, few, strict=True)]):
            return scores, labels


def _distinct(parts: list[list[float]]) -> bool:
    return all(len({round(v, 6) for v in part}) == len(part) for part in parts)


def _square(random: Instances) -> tuple[Tensor, Tensor]:
    """As many positions as items, and labels that belong to the items alone."""
    while True:
        scores, labels = _scores(random, 5, 5, 3)
        answers = scores.argmax(2)
        if (answers == labels).sum() != (answers == labels[:, None]).sum():
            return scores, labels


@orbit_report.property(points=3)
def counts_items_and_positions(answer, random):
    for shape in ((4, 90, 3, 0.9), (7, 83, 5, 1.4)):
        scores, labels = random.once(_telling, *shape)
        _compare_report(answer(scores, labels), scores, labels)


@orbit_report.property(points=1)
@behind(counts_items_and_positions)
def holds_for_single_positions(answer, random):
    for hint, m, b, k in (("one", 1, 5, 4), ("one", 3, 1, 4), ("square", 4, 4, 4)):
        _edge(hint, _compare_report, answer, *_scores(random, m, b, k))
    _edge("square", _compare_report, answer, *_square(random))


# ------------------------------------------------------------------------------------------------------ read horizontally

samples_worth = Exercise(
    "equivariance/bakeoff/samples_worth",
    hints={
        "linear": "between two sizes the curve is straight over the logarithm of the size, not over the size",
        "logs": "you return logarithms: undo them at the end",
        "log_scores": "only the axis of sizes is logarithmic: scores are taken as they are",
        "nearest": "read between the sizes: the curve is joined up by straight pieces",
        "vertical": "read horizontally: a score is given, and a number of examples wanted",
        "whole": "one straight line through the ends is not the curve: find the piece in which the score lies",
        "ratio": "a number of examples is wanted, not a multiple of one of the sizes",
        "order": "number i should belong to score i, in the order in which the scores come",
        "value": "find the two sizes between which plain reaches the score, and go the same share of the way between their "
        "logarithms",
        "level": "right in general, but how high a curve starts does not tell whether it rises: compare its ends",
        "falling": "right for a curve that rises, but errors fall: there the larger score is reached first",
        "outside": "right in general, but a score beyond an end of the curve should give that end's size",
        "exact": "right in general, but not for a score that the curve has exactly at one of the sizes",
        "two": "right in general, but not for a curve of two sizes, or a single score",
        "dtype": "right in general, but the result should have the number type of plain, be it float32 or float64",
    },
)


def _height(sizes: list[float], plain: list[float], n: float) -> float:
    """The curve at n, where n lies between the ends."""
    i = max(j for j in range(len(sizes) - 1) if sizes[j] <= n or j == 0)
    return plain[i] + (plain[i + 1] - plain[i]) * math.log(n / sizes[i]) / math.log(sizes[i + 1] / sizes[i])


def _reads(value: Tensor, sizes: Tensor, plain: Tensor, scores: Tensor, tolerance: float) -> bool:
    """Whether the curve has each score, or its end on that side, at the value given for it."""
    n, p = sizes.tolist(), plain.tolist()
    low, high = min(p), max(p)
    for v, score in zip(value.tolist(), scores.tolist(), strict=True):
        if not n[0] * (1 - tolerance) <= v <= n[-1] * (1 + tolerance):
            return False
        height = _height(n, p, min(max(v, n[0]), n[-1]))
        if abs(height - min(max(score, low), high)) > tolerance:
            return False
    return True


def _compare_worth(value: object, sizes: Tensor, plain: Tensor, scores: Tensor, tolerance: float = 1e-5) -> None:
    """The logarithm of whole numbers comes in float32: as good as that is enough."""
    value = as_tensor(value, tuple(scores.shape))
    if _reads(value, sizes, plain, scores, tolerance):
        return
    n, p, s = (part.double() for part in (sizes, plain, scores))
    right = torch.tensor([next((i for i in range(1, len(p)) if (p[i] - x) * (p[0] - x) <= 0), len(p) - 1) for x in s])
    share = (s - p[right - 1]) / (p[right] - p[right - 1])
    truth = n[right - 1] * (n[right] / n[right - 1]) ** share
    log_share = (s / p[right - 1]).log() / (p[right] / p[right - 1]).log()
    near = (p - s[:, None]).abs().argmin(1)
    ends = (s - p[0]) / (p[-1] - p[0])
    likely = {
        "linear": [n[right - 1] + share * (n[right] - n[right - 1])],
        "logs": [truth.log(), truth.log2(), truth.log10()],
        "log_scores": [n[right - 1] * (n[right] / n[right - 1]) ** log_share],
        "nearest": [n[near], n[right], n[right - 1], (n[right] * n[right - 1]).sqrt(), (n[right] + n[right - 1]) / 2],
        "whole": [n[0] * (n[-1] / n[0]) ** ends, n[0] + ends * (n[-1] - n[0])],
        "ratio": [truth / n[0], truth / n[-1], n[0] / truth, n[-1] / truth, truth / n[right - 1]],
        "order": [truth.sort().values, truth.flip(0)],
    }
    for hint, others in likely.items():
        if any(other.isfinite().all() and close(value / other, torch.ones(len(s)), 1e-4) for other in others):
            raise Wrong(hint)
    raise Wrong("vertical" if (value.abs() <= p.abs().max() + 1).all() else "value")


def _compare_type(value: object, sizes: Tensor, plain: Tensor, scores: Tensor) -> None:
    _compare_worth(value, sizes, plain, scores, 1e-4 if plain.dtype == torch.float32 else 1e-5)
    if value.dtype != plain.dtype:
        raise Wrong("dtype")


def _curve(random: Instances, count: int, start: float = 0.1, end: float = 0.9) -> tuple[Tensor, Tensor]:
    """Sizes and a monotone curve with steps that differ."""
    sizes = torch.cumprod(1.4 + 2 * random.uniform(count), 0).mul(20).round().long()
    steps = random.uniform(count - 1, low=0.03, high=0.2).cumsum(0)
    return sizes, start + (end - start) * torch.cat([torch.zeros(1), steps / steps[-1]])


def _inside(random: Instances, plain: Tensor, count: int) -> Tensor:
    """Scores within different pieces of a curve, in no order, away from its corners and from the middle of a piece."""
    pieces = random.order(len(plain) - 1)[:count]
    share = 0.15 + 0.2 * random.uniform(count) + 0.45 * random.gates(count)
    low, high = plain[:-1][pieces], plain[1:][pieces]
    return low + share * (high - low)


@samples_worth.property(points=3)
def reads_a_rising_curve(answer, random):
    for count, k in ((6, 4), (8, 5)):
        sizes, plain = _curve(random, count)
        scores = _inside(random, plain, k)
        while (scores[1:] > scores[:-1]).all() or (scores[1:] < scores[:-1]).all():
            scores = _inside(random, plain, k)
        _compare_worth(answer(sizes, plain, scores), sizes, plain, scores)


@samples_worth.property(points=1)
@behind(reads_a_rising_curve)
def reads_any_curve(answer, random):
    sizes, plain = _curve(random, 6, 0.9, 0.1)
    _edge("falling", _compare_worth, answer, sizes, plain, _inside(random, plain, 4))
    for ends in ((0.6, 0.9), (0.4, 0.1)):
        sizes, plain = _curve(random, 5, *ends)
        _edge("level", _compare_worth, answer, sizes, plain, _inside(random, plain, 3))
        past = torch.stack([plain.max() + 0.05, plain.min() - 0.05])
        _edge("outside", _compare_worth, answer, sizes, plain, past)
        _edge("exact", _compare_worth, answer, sizes, plain, plain[[2, 0, 4, 1, 3]])
    for ends in ((0.3, 0.8), (0.8, 0.3)):
        sizes, plain = _curve(random, 2, *ends)
        _edge("two", _compare_worth, answer, sizes, plain, _inside(random, plain, 1))
    for dtype, start in ((torch.float32, 0.7), (torch.float64, 0.2)):
        sizes, plain = _curve(random, 6, start, 0.9 - start)
        narrow = sizes, plain.to(dtype), _inside(random, plain, 3).to(dtype)
        _edge("dtype", _compare_type, answer, *narrow)


# ------------------------------------------------------------------------------------------------------ an honest interval

paired_gain = Exercise(
    "equivariance/bakeoff/paired_gain",
    hints={
        "keys": 'return a dict with the keys "mean", "low" and "high"',
        "sign": "a gain is the other construction minus the plain network",
        "more": "you give the other construction more examples, and the plain network fewer: it is the other way round",
        "same": "you compare at equal sizes, or go round the end: the largest sizes of the other, and the smallest of plain, "
        "have no partner",
        "last": "take the mean over all pairs of columns that have a partner, not one pair alone",
        "mean": '"mean" is wrong: other in column i minus plain in column i + shift, mean over columns, then over seeds',
        "unpaired": "the rows are paired: take differences row by row first, and their spread; common luck cancels",
        "cells": "the columns of a row are not independent: one number for each row, and the spread of these",
        "biased": "the spread of a sample has the divisor r - 1",
        "root": "the mean of r rows varies less than one row: divide by the root of r",
        "over": "divide by the root of r, the number of rows, not by r or r - 1 or the number of columns",
        "normal": "use the given t as it is, not a number of your own",
        "half": "the interval reaches t standard errors to both sides of the mean",
        "turned": '"low" should lie below "high", with the mean in the middle',
        "interval": '"low" and "high" are wrong: mean minus and plus t times the standard error of the rows\' gains',
        "rounded": "do not round the numbers",
        "zero": "right in general, but not for shift 0: an end of -0 is an empty slice",
        "column": "right in general, but not where a single pair of columns is left",
        "square": "right in general, but not where the numbers of rows and columns agree, or with two rows",
    },
)


def _gain_table(plain: Tensor, other: Tensor, shift: int) -> Tensor:
    """other at column i minus plain at column i + shift, `(r, s - shift)`, entry by entry."""
    r, s = plain.shape
    a, b = other.tolist(), plain.tolist()
    return torch.tensor([[a[i][j] - b[i][j + shift] for j in range(s - shift)] for i in range(r)], dtype=torch.float64)


def _reaches(plain: Tensor, other: Tensor, shift: int, t: float) -> dict[str, list[float]]:
    """Half widths by likely mistakes, the truth under ""."""
    table = _gain_table(plain, other, shift)
    r, columns = table.shape
    rows = table.sum(1) / columns
    centred = rows - rows.sum() / r
    squares = (centred**2).sum().item()
    spread = math.sqrt(squares / (r - 1))
    a, b = other[:, :columns].mean(1), plain[:, shift:].mean(1)
    apart = math.sqrt(((a.var() + b.var()) / r).item())
    return {
        "": [t * spread / math.sqrt(r)],
        "unpaired": [t * apart, t * math.sqrt(apart**2 * r / (r - 1))],
        "cells": [t * table.std().item() / math.sqrt(table.numel()), t * table.std().item() / math.sqrt(r)],
        "biased": [t * math.sqrt(squares / r / r)],
        "root": [t * spread],
        "over": [t * spread / r, t * spread / math.sqrt(r - 1), t * spread / math.sqrt(columns), t * spread / (r - 1)],
        "normal": [1.96 * spread / math.sqrt(r), 2 * spread / math.sqrt(r), spread / math.sqrt(r)],
        "half": [t * spread / math.sqrt(r) / 2],
    }


def _compare_gain(found: object, plain: Tensor, other: Tensor, shift: int, t: float) -> None:
    found = as_dict(found, ("mean", "low", "high"))
    mean, low, high = (as_number(found[key], f'"{key}"') for key in ("mean", "low", "high"))
    truth = _gain_table(plain, other, shift).mean().item()
    if not close(mean, truth, 1e-6):
        s = plain.shape[1]
        likely = {
            "sign": -truth,
            "more": (other[:, shift:] - plain[:, : s - shift]).mean().item(),
            "same": (other - plain).mean().item(),
            "last": (other[:, s - shift - 1] - plain[:, -1]).mean().item(),
            "last ": (other[:, 0] - plain[:, shift]).mean().item(),
        }
        otherwise = "rounded" if _rounded(mean, truth) else "mean"
        raise Wrong(next((hint.strip() for hint, value in likely.items() if close(mean, value, 1e-6)), otherwise))
    reaches = _reaches(plain, other, shift, t)
    right = reaches[""][0]
    if close(low, truth - right, 1e-6) and close(high, truth + right, 1e-6):
        return
    if low > high or not close(low + high, 2 * truth, 1e-6):
        raise Wrong("turned")
    half = (high - low) / 2
    raise Wrong(next((hint for hint, values in reaches.items() if any(close(half, v, 1e-7) for v in values)), "interval"))


def _tables(random: Instances, r: int, s: int, shift: int) -> tuple[Tensor, Tensor, int, float]:
    """Accuracies of r seeds at s sizes, with luck that both constructions share, and a t that is not Student's."""
    luck, rise = random.normal(r, 1), random.uniform(s).cumsum(0)
    plain = rise + luck + 0.3 * random.normal(r, s)
    other = rise + 0.5 * random.uniform(s) + luck + 0.3 * random.normal(r, s) + 0.4
    both = torch.stack([plain, other])
    plain, other = 0.05 + 0.9 * (both - both.min()) / (both.max() - both.min())
    return plain, other, shift, 2.2 + random.uniform(1).item()


@paired_gain.property(points=3)
def pairs_rows_and_shifts_columns(answer, random):
    for r, s, shift in ((5, 6, 1), (8, 9, 5)):
        instance = _tables(random, r, s, shift)
        _compare_gain(answer(*instance), *instance)


@paired_gain.property(points=1)
@behind(pairs_rows_and_shifts_columns)
def holds_at_the_ends(answer, random):
    edges = ("zero", 5, 4, 0), ("column", 5, 4, 3), ("square", 5, 5, 1), ("square", 2, 4, 1), ("square", 4, 5, 1)
    for hint, r, s, shift in edges:
        _edge(hint, _compare_gain, answer, *_tables(random, r, s, shift))
