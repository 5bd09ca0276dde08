"""Checks for exercises/explainable/masking.ipynb."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.returns import as_dict

# ---------------------------------------------------------------------------------------------------- a masked batch

masked_batch = Exercise(
    "explainable/masking/masked_batch",
    hints={
        "channel": "you return the masked values only: a removed entry and an entry 0 then look alike, so append the mask",
        "first": "the mask comes second: first x times mask, then mask",
        "stacked": "put the mask beside the values, in one row of 2n numbers",
        "inverted": "the mask says what is removed: write 1 where an entry is kept",
        "binary": "the mask should be 0 or 1 everywhere: an entry is kept or it is not",
        "ambiguous": "your mask is 0 wherever x is 0: draw it first, an entry 0 can be kept too",
        "values": "the first n numbers should be x where the mask is 1, and 0 elsewhere, rows in the order of x",
        "batch": "all rows have the same mask: each row draws its own",
        "rate": "all rows keep about the same share: each row draws its own keep rate",
        "column": "the keep rate varies from column to column: it should vary from row to row",
        "uniform": "the keep rates are not uniform between 0 and 1",
        "blocks": "in a row the kept entries stand side by side: each entry is kept independently, at the row's rate",
        "noise": "rows keep the same entries first: each row draws its own numbers, so draw a table (b, n) of them",
        "twice": "in a batch of one column nothing is ever kept: draw rates and entries one after the other from one generator",
        "rows": "rows are related: each row draws a rate and numbers of its own, whatever other rows draw",
        "columns": "columns are related: each entry is kept or removed independently of the others, at the row's rate",
        "law": "how many entries a row keeps is off: 0, 1, ..., n kept entries are equally likely; draw entries, not counts",
        "places": "some columns are kept more often than others: all have the same chance",
        "depends": "another x with the same seed gets another mask: masks must not depend on x",
        "seed": "the same seed should give the same masks, whatever was drawn before",
        "same_masks": "another seed should give other masks",
        "same_rates": "another seed gives the same keep rates: draw the rates from the seed's generator as well",
        "same_noise": "another seed gives new rates, but the rest is drawn as before: draw all from the seed's generator",
        "repeats": "the next seed repeats rows of this one: make one generator from the seed, not one for each row",
        "global": "you set or use the global random state: draw from `torch.Generator().manual_seed(seed)`",
        "single": "right for many rows, but not for a single row or a single column",
        "small": "right for many rows, but a batch of one or two rows draws its masks in the same way",
        "float32": "values and mask should have the dtype of x, float32 or float64",
    },
)


def _parts(value: object, x: Tensor) -> tuple[Tensor, Tensor]:
    """Values and mask of a returned batch; a likely mistake of form gets its own hint."""
    b, n = x.shape
    shape = tuple(value.shape) if isinstance(value, Tensor) else None
    if shape == (b, n):
        raise Wrong("channel")
    if shape in ((b, 2, n), (2, b, n), (b, n, 2), (2 * b, n)):
        raise Wrong("stacked")
    value = as_tensor(value, (b, 2 * n))
    values, mask = value[:, :n], value[:, n:]
    masked = close(values, x * mask)
    if not masked and close(mask, x * values) and ((values == 0) | (values == 1)).all():
        raise Wrong("first")
    if not ((mask == 0) | (mask == 1)).all():
        mixed = value.reshape(b, n, 2)  # value, mask, value, mask, ...
        raise Wrong("stacked" if close(mixed[..., 0], x * mixed[..., 1]) else "binary")
    if not masked:
        raise Wrong("inverted" if close(values, x * (1 - mask)) else "values")
    return values, mask


def _with_zeros(random, rows: int, columns: int) -> Tensor:
    return random.away_from_zero(rows, columns) * (random.uniform(rows, columns) > 0.2)


def _echo(a: Tensor, b: Tensor) -> Tensor:
    """Correlation of a with b shifted (round the edges) by every number of rows and columns; each has mean 0."""
    product = torch.fft.rfft2(a) * torch.fft.rfft2(b).conj()
    return torch.fft.irfft2(product, s=a.shape) / (a.norm() * b.norm()).clamp_min(1e-9)


def _residual(mask: Tensor) -> Tensor:
    """What is left when each row's share is taken away: independent draws have no correlation left but -1 / (n - 1)."""
    return mask - mask.mean(1, keepdim=True)


def _related(mask: Tensor) -> str:
    """The hint on rows or columns that know of each other, or nothing. Independent draws stay far inside the bounds:
    six standard errors and more for each of the shifts, and 1e-12 for a pair of half-kept rows of 60."""
    residual, shares = _residual(mask), mask.mean(1)
    lags = _echo(residual, residual).abs()
    lags[0, 0] = 0
    if lags[0, [1, -1]].max() > 0.1:
        return "blocks"
    if lags[0].max() > 0.1:
        return "columns"
    if lags.max() > 0.06:
        return "rows"
    between = _echo(shares[:, None] - shares.mean(), shares[:, None] - shares.mean()).abs()
    half = residual[(shares - 0.5).abs() < 0.25]
    if between[1:].max() > 0.3 or torch.corrcoef(half).fill_diagonal_(0).abs().max() > 0.87:
        return "rows"
    return "columns" if (residual.T @ residual / residual.square().sum(0)).fill_diagonal_(0).abs().max() > 0.35 else ""


def _unlikely(counts: Tensor, n: int) -> bool:
    """Whether the kept counts of rows of n are not equally often 0, ..., n: chi square beyond 5.5 standard deviations."""
    seen = torch.bincount(counts.long(), minlength=n + 1)
    square = ((seen - len(counts) / (n + 1)) ** 2).sum() * (n + 1) / len(counts)
    return bool(square > n * (1 - 2 / (9 * n) + 5.5 * (2 / (9 * n)) ** 0.5) ** 3)  # Wilson and Hilferty


@masked_batch.property(points=3)
def draws_a_mask_for_every_row(answer, random):
    x, seed = _with_zeros(random, 500, 60), random.seed()
    _, mask = _parts(answer(x, seed), x)
    if (mask == mask[:1]).all():
        raise Wrong("batch")
    if (mask[x == 0] == 0).all():
        raise Wrong("ambiguous")
    rows, columns = mask.mean(1), mask.mean(0)
    if rows.std() < 0.15:
        raise Wrong("column" if columns.std() > 0.15 else "rate")
    if columns.std() > 0.15:
        raise Wrong("noise")
    quarters = [((rows >= low) & (rows < low + 0.25)).double().mean().item() for low in (0.0, 0.25, 0.5, 0.75)]
    quarters[3] += (rows == 1).double().mean().item()
    spread = (1 / 12 + 1 / 6 / mask.shape[1]) ** 0.5  # of a uniform rate, and of the entries drawn at it
    even = abs(rows.mean() - 0.5) < 0.075 and all(abs(share - 0.25) < 0.1 for share in quarters)
    if not even or abs(rows.std() - spread) > 0.03:
        raise Wrong("uniform")
    if related := _related(mask):
        raise Wrong(related)
    if (columns - 0.5).abs().max() > 0.13:
        raise Wrong("places")
    for other in (torch.where(x == 0, 1, -x), 2 * x.flip(0) + 1):  # in the first no entry stays above 0 or at most 0
        if not torch.equal(mask, _parts(answer(other, seed), other)[1]):
            raise Wrong("depends")
    _keeps_any_number(answer, random)


def _keeps_any_number(answer: Callable, random) -> None:
    for rows, columns in ((2000, 1), (2000, 2), (100, 20)):
        x = random.away_from_zero(rows, columns)
        _, mask = _parts(answer(x, random.seed()), x)
        if columns == 1 and not mask.any():
            raise Wrong("twice")
        if _unlikely(mask.sum(1), columns):
            raise Wrong("law")


@masked_batch.property(points=1)
def depends_on_the_seed_alone(answer, random):
    x, seed = random.away_from_zero(20, 10), random.integer(10**6, 10**9)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        before = torch.random.get_rng_state()
        first = _parts(answer(x, seed), x)[1]
        touched = not torch.equal(before, torch.random.get_rng_state())
        torch.manual_seed(2)
        again = _parts(answer(x, seed), x)[1]
    if not torch.equal(first, again):
        raise Wrong("seed")
    if touched:
        raise Wrong("global")
    for step in (1, -1, 2, 2**8 * 3**2 * 5**3 * 7 * 11 * 13):  # a seed is not reduced to a remainder
        if torch.equal(first, _parts(answer(x, seed + step), x)[1]):
            raise Wrong("same_masks")
    x = random.away_from_zero(300, 40)
    first, after = (_parts(answer(x, seed + step), x)[1] for step in (0, 1))
    a, b = (mask.mean(1, keepdim=True) - mask.mean() for mask in (first, after))
    echo = _echo(_residual(first), _residual(after)).abs()
    if (a * b).sum() > 0.35 * a.norm() * b.norm():
        raise Wrong("same_masks" if echo[0, 0] > 0.9 else "same_rates")
    if echo.max() > 0.07:
        raise Wrong("same_noise" if echo[0, 0] > 0.07 else "repeats")


@masked_batch.property(points=1)
def takes_any_batch(answer, random):
    for rows, columns in ((1, 5), (4, 1), (1, 1)):
        x = random.away_from_zero(rows, columns)
        value = called("single", answer, x, random.seed())
        if not isinstance(value, Tensor) or value.shape != (rows, 2 * columns):
            raise Wrong("single")
        _parts(value, x)
        if value.dtype != x.dtype:
            raise Wrong("float32")
    x = random.away_from_zero(6, 4).float()
    value = called("float32", answer, x, random.seed())
    if not isinstance(value, Tensor) or value.dtype != torch.float32:
        raise Wrong("float32")
    _parts(value, x.double())
    _few_rows(answer, random)


def _few_rows(answer: Callable, random) -> None:
    """Over some seeds each row's share of kept entries varies, and so does that of one row against the next.

    A right answer has shown it after three seeds or so, and fails to within thirty with probability below 1e-8.
    """
    for rows, columns in ((1, 1), (1, 400), (2, 100)):
        x, seed, shares = random.away_from_zero(rows, columns), random.integer(0, 10**9), []
        for step in range(30):
            shares.append(_parts(answer(x, seed + step), x)[1].mean(1))
            seen = torch.stack(shares)
            apart = (seen[:, 0] - seen[:, -1]).abs().max()
            if (seen.amax(0) - seen.amin(0)).min() > 0.3 and (rows == 1 or apart > 0.3):
                break
        else:
            raise Wrong("small")


# ------------------------------------------------------------------------------------------------ the exact conditional

conditional = Exercise(
    "explainable/masking/conditional",
    hints={
        "joint": "you return joint probabilities p(y, x_S): divide by their sum over y",
        "total": "divide by the sum over y for this x_S, not by the sum of the whole table",
        "prior": "you return the shares of the classes, whatever is kept: use the kept features",
        "full": "you use features that were removed: sum the table over them",
        "inverted": "you keep what the mask removes: 1 means kept",
        "zero": "you put the value 0 where a feature was removed: sum over all of its values instead",
        "likely": "you put in the most likely value of a removed feature: sum over all of its values",
        "uniform": "you average p(y | x) over the removed values, each counted alike: weight them by the table, or sum first",
        "marginal": "you weight p(y | x) by the overall shares of the removed values: given x_S other values are likely",
        "naive": "you multiply the evidence of single features: they depend on each other, look them up together",
        "first": "every row has its own mask and its own x",
        "turned": "you return p(x_S | y), perhaps scaled to sum to 1: divide by the sum over y, not by the share of each class",
        "reversed": "axis i of the table belongs to column i of x; the last axis is y",
        "value": "for each row: sum the table over removed features at the kept values, then divide by the sum over y",
        "nothing": "right in general, but with nothing kept the answer is the share of each class",
        "everything": "right in general, but with everything kept the answer is p(y | x)",
        "counts": "right for probabilities, but a table of counts (also whole numbers) should give the same",
        "empty": "right in general, but some x may have probability 0 as long as x_S has not",
        "certain": "right in general, but single cells of the table may be 0: some labels never come with some x",
        "rare": "right in general, but an x_S may be rare: no small number added below, no least probability",
        "precise": "right to a few digits: compute in the dtype of the table, and add no small number to a sum",
        "single": "right in general, but there may be one row, one feature or many classes",
    },
)


def _joint(random, *shape: int) -> Tensor:
    table = random.uniform(*shape) ** 3 + 0.01
    return table / table.sum()


def _given(joint: Tensor, x: Tensor, masks: Tensor) -> Tensor:
    """p(y | x_S) by an indicator of the cells that agree with x on S: another way than slicing."""
    grid = torch.cartesian_prod(*[torch.arange(size) for size in joint.shape[:-1]]).reshape(-1, joint.dim() - 1)
    agrees = ((grid[None] == x[:, None]) | (masks[:, None] == 0)).all(2).double()
    weights = agrees @ joint.double().reshape(len(grid), -1)
    return weights / weights.sum(1, keepdim=True)


def _table_instance(random, shape: tuple[int, ...], rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """A table, inputs and masks, of which no two give the same answer by accident; no mask is empty or full."""
    n = len(shape) - 1
    x = torch.stack([torch.tensor([random.integer(0, size - 1) for size in shape[:-1]]) for _ in range(rows)])
    masks = torch.zeros(rows, n, dtype=torch.long)
    for mask in masks:
        mask[random.order(n)[: random.integer(1, n - 1)]] = 1
    joint, n = _joint(random, *shape), len(shape) - 1
    while any(joint.sum([j for j in range(n + 1) if j != i]).argmax() == 0 for i in range(n)):
        joint = _joint(random, *shape)  # 0 must not be the most likely value of a feature
    return joint, x, masks


@conditional.property(points=3)
def conditions_on_what_is_kept(answer, random):
    for shape in ((2, 3, 4, 5), (4, 3, 2), (2, 3, 2, 2, 3)):
        joint, x, masks = _table_instance(random, shape, 6)
        truth = _given(joint, x, masks)
        found = as_tensor(answer(joint, x, masks), truth.shape)
        if not close(found, truth):
            raise nearest(found, _likely_conditionals(joint, x, masks))
        if not close(found, truth, 1e-9):
            raise Wrong("precise")


def _likely_conditionals(joint: Tensor, x: Tensor, masks: Tensor) -> dict:
    n, k = x.shape[1], joint.shape[-1]
    truth, ones = _given(joint, x, masks), torch.ones_like(masks)
    sums, scaled = [], []
    uniform, marginal, naive, likely = [], [], [], []
    prior = joint.reshape(-1, k).sum(0)
    posterior = joint / joint.sum(-1, keepdim=True)
    shares = [joint.sum([j for j in range(n + 1) if j != i]) for i in range(n)]
    for values, mask in zip(x.tolist(), masks.tolist(), strict=True):
        at = tuple(v if kept else slice(None) for v, kept in zip(values, mask, strict=True))
        cells = joint[at].reshape(-1, k)
        sums.append(cells.sum(0))
        scaled.append(cells.sum(0) / cells.sum(0).max())
        uniform.append(posterior[at].reshape(-1, k).mean(0))
        weight = torch.ones(1, dtype=joint.dtype)
        for i in range(n):
            weight = weight[..., None] * (torch.ones(1).to(joint) if mask[i] else shares[i])
        marginal.append(weight.reshape(-1) @ posterior[at].reshape(-1, k))
        product = prior.clone()
        for i in range(n):
            if mask[i]:
                given = joint.sum([j for j in range(n) if j != i])[values[i]]
                product = product * given / prior
        naive.append(product / product.sum())
        modes = torch.tensor([values[i] if mask[i] else int(shares[i].argmax()) for i in range(n)])
        likely.append(_given(joint, modes[None], ones[:1])[0])
    return {
        "joint": [torch.stack(sums), torch.stack(scaled)],
        "prior": (prior / prior.sum()).expand_as(truth),
        "full": _given(joint, x, ones),
        "inverted": _given(joint, x, 1 - masks),
        "zero": _given(joint, x * masks, ones),
        "likely": torch.stack(likely),
        "uniform": torch.stack(uniform),
        "marginal": torch.stack(marginal),
        "naive": torch.stack(naive),
        "first": [_given(joint, x, masks[:1].expand_as(masks)), _given(joint, x[:1].expand_as(x), masks)],
        "total": torch.stack(sums) / joint.sum(),
        "turned": [given := torch.stack(sums) / prior, given / given.sum(1, keepdim=True)],
    }


@conditional.property(points=1)
def holds_at_the_edges(answer, random):
    joint, x, masks = _table_instance(random, (2, 3, 2, 4), 3)
    counts, many = (joint * 5000).round().long() + 1, (joint * 1e12).round()
    sparse, certain, rare = joint.clone(), joint.clone(), joint.clone()
    sparse[tuple(x[0].tolist())] = 0
    certain[..., 1:3] *= random.gates(2, 3, 2, 1)  # the last label always stays possible
    kept = int(masks[0].argmax())  # this value of a feature that the first mask keeps comes once in 10^9
    rare.select(kept, int(x[0, kept])).mul_(1e-9)
    one, few = _table_instance(random, (3, 2, 6), 1), _joint(random, 4, 2)
    cases = [
        ("single", *one),
        ("nothing", joint, x, torch.zeros_like(masks)),
        ("everything", joint, x, torch.ones_like(masks)),
        ("counts", 7 * joint, x, masks),
        ("counts", counts, x, masks),
        ("counts", many, x, masks),
        ("counts", many.long(), x, masks),
        ("empty", sparse, x[:1], masks[:1]),
        ("certain", certain, x, masks),
        ("certain", certain, x, torch.ones_like(masks)),
        ("rare", rare / rare.sum(), x, masks),
        ("single", few, torch.tensor([[2], [1], [0]]), torch.tensor([[1], [0], [1]])),
    ]
    for hint, *arguments in cases:
        truth = _given(*arguments)
        found = called(hint, answer, *arguments)
        precision = 1e-9 if arguments[0].is_floating_point() else 1e-5  # whole numbers may be divided in float32
        if not isinstance(found, Tensor) or found.shape != truth.shape or not close(found.detach(), truth, precision):
            raise Wrong(hint)


# -------------------------------------------------------------------------------------------- where families disagree

where_they_disagree = Exercise(
    "explainable/masking/where_they_disagree",
    hints={
        "keys": 'return a dict with the keys "flat" and "same"',
        "swapped": 'the two are swapped: at "flat" the gradient is silent, at "same" the masking',
        "slope": '"flat": some slopes are not 0: every unit must be on the flat side of its kink',
        "kink": '"flat": some units stand on their kink, where a slope is not defined: go past it',
        "negative": '"flat": some slopes are not 0: which side is flat depends on the sign of w',
        "live": '"same": some slopes are 0: at an input where masking is silent they should not be',
        "moves": '"same": writing the token still changes the output: which value can be replaced without a change?',
        "dtype": "both inputs should have the dtype of the token: float64 stays float64",
        "single": "right in general, but there may be a single feature, or a token of zeros",
    },
)


def _units(random, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """a, w, b and a token at which every unit is live; of two the first rises and is live at 0, the next falls."""
    a, w, b = random.away_from_zero(n), random.away_from_zero(n), random.away_from_zero(n)
    if n > 1:
        a[0], w[0], w[1], b[0] = -a[0].abs(), w[0].abs(), -w[1].abs(), b[0].abs()
    return a, w, b, (random.uniform(n, low=0.5, high=2.0) - b) / w


def _judge_inputs(value: object, a: Tensor, w: Tensor, b: Tensor, token: Tensor) -> None:
    value = as_dict(value, ["flat", "same"])
    flat, same = (as_tensor(value[key], token.shape, f'"{key}"') for key in ("flat", "same"))
    lit, live = w * flat + b, w * same + b
    size = 1 + (w * token).abs() + b.abs()  # rounding of the terms that add up to a unit's input
    silent = (a * (live.relu() - (w * token + b).relu())).abs() <= 1e-13 * a.abs() * size
    if any(value[key].dtype != token.dtype for key in ("flat", "same")):
        raise Wrong("dtype")
    if close(flat, token) and (live < 0).all():
        raise Wrong("swapped")
    if (lit.abs() <= 1e-9).any():
        raise Wrong("kink")
    if (lit > 0).any():
        raise Wrong("negative" if (lit[w > 0] < 0).all() and (w > 0).any() else "slope")
    if (live <= 0).any():
        raise Wrong("live")
    if not silent.all():
        raise Wrong("moves")


@where_they_disagree.property(points=2)
def one_family_is_silent(answer, random):
    for n in (4, 3, 5):
        units = _units(random, n)
        _judge_inputs(answer(*units), *units)


@where_they_disagree.property(points=1)
def holds_for_any_units(answer, random):
    for hint in ("single", "single", "single"):
        a, w, b, token = _units(random, 1)
        _special(hint, answer, a, w, b, token)
    n = random.integer(2, 4)
    a, w, b = random.away_from_zero(n), random.away_from_zero(n), random.away_from_zero(n).abs()
    _special("single", answer, a, w, b, torch.zeros(n, dtype=torch.float64))
    a, w, b, token = _units(random, 4)
    _special("slope", answer, a, 1e-2 * w, 30 + b.abs(), token=torch.zeros(4, dtype=torch.float64))


def _special(hint: str, answer, a: Tensor, w: Tensor, b: Tensor, token: Tensor) -> None:
    value = called(hint, answer, a, w, b, token)
    try:
        _judge_inputs(value, a, w, b, token)
    except Wrong as wrong:
        raise Wrong("dtype" if wrong.hint == "dtype" else hint) from wrong


# ------------------------------------------------------------------------------------------------ what a loss is made of

loss_parts = Exercise(
    "explainable/masking/loss_parts",
    hints={
        "keys": 'return a dict with the keys "loss", "entropy" and "kl"',
        "sign": "the signs are reversed: a log loss is minus a logarithm, and all three are at least 0",
        "bits": "you use another logarithm: take the natural one",
        "masks": "you add up over the masks: weight each by its probability in `weights`",
        "alike": "you count all masks alike: weight each by its probability in `weights`",
        "logits": "you take the predictions for logits: they are probabilities already, no softmax",
        "cells": "you average over the cells of the table: weight each by its probability",
        "value": '"loss": the mean over (x, y) and masks of minus the logarithm of the prediction for y',
        "joint_entropy": '"entropy": that is the entropy of x_S and y together: subtract that of x_S',
        "prior": '"entropy": that is the entropy of y without any feature: condition on what is kept',
        "full": '"entropy": that is the entropy of y given all features: condition on what is kept',
        "inverted": '"entropy": you condition on what was removed: 1 means kept',
        "entropy": '"entropy": the mean over masks of H(y | x_S), which is H(x_S, y) - H(x_S)',
        "turned": '"kl": the two distributions are swapped: p(y | x_S) takes the mean, the prediction stands below',
        "kl": '"kl": what is left of the loss when the entropy is taken away',
        "kept": "right in general, but a mask may keep everything or nothing",
        "zeros": "right in general, but where the table is 0 (and perhaps the prediction) a term counts 0",
        "small": "right in general, but small probabilities count in full: no least value, nothing added below a logarithm",
        "precise": "right to a few digits: compute in the dtype of the table, float64 stays float64",
        "perfect": "right in general, but for perfect predictions the loss is the entropy, and kl is 0",
        "single": "right in general, but there may be one mask or one feature",
    },
)


def _conditionals(joint: Tensor, masks: Tensor) -> Tensor:
    """p(y | x_S) on the whole table, one for each mask: removed features are averaged out one after another."""
    tables = []
    for mask in masks.tolist():
        table = joint
        for i, kept in enumerate(mask):
            table = table if kept else table.mean(i, keepdim=True).expand_as(table)
        tables.append(table / table.sum(-1, keepdim=True))
    return torch.stack(tables)


def _terms(p: Tensor, q: Tensor) -> Tensor:
    """-p log q, and 0 where p is 0."""
    return torch.where(p > 0, -p * torch.where(p > 0, q, 1).log(), 0)


def _truth(joint: Tensor, predictions: Tensor, masks: Tensor, weights: Tensor) -> dict[str, float]:
    def mean(q: Tensor) -> float:
        return float(weights @ _terms(joint, q).flatten(1).sum(1))

    loss, entropy = mean(predictions), mean(_conditionals(joint, masks))
    return {"loss": loss, "entropy": entropy, "kl": loss - entropy}


def _loss_instance(random, shape: tuple[int, ...], masks: Tensor | None = None):
    n = len(shape) - 1
    joint = _joint(random, *shape)
    if masks is None:
        masks = torch.zeros(4, n, dtype=torch.long)
        for mask in masks:
            mask[random.order(n)[: random.integer(1, n - 1)]] = 1
    weights = random.uniform(len(masks), low=0.2) ** 2
    logits = _conditionals(joint, masks).log() + 0.5 * random.away_from_zero(len(masks), *[1] * n, shape[-1])
    return joint, logits.softmax(-1), masks, weights / weights.sum()


def _general(test: Callable) -> Callable:
    """Decorator: an answer that fails in general as well gets that hint, not "right in general, but ..."."""

    @functools.wraps(test)
    def run(answer, random) -> None:
        try:
            test(answer, random)
        except Wrong:
            measures_the_loss(answer, random)
            takes_it_apart(answer, random)
            raise

    return run


def _read(value: object) -> dict[str, float]:
    value = as_dict(value, ["loss", "entropy", "kl"])
    return {key: as_number(value[key], f'"{key}"') for key in value}


@loss_parts.property(points=1)
def measures_the_loss(answer, random):
    for shape in ((2, 3, 2, 4), (3, 2, 3)):
        joint, predictions, masks, weights = _loss_instance(random, shape)
        truth, found = _truth(joint, predictions, masks, weights), _read(answer(joint, predictions, masks, weights))
        each = _terms(joint, predictions).flatten(1).sum(1)
        if not close(found["loss"], truth["loss"]):
            likely = {
                "sign": -truth["loss"],
                "bits": truth["loss"] / torch.tensor(2.0).double().log(),
                "masks": each.sum(),
                "alike": each.mean(),
                "logits": weights @ _terms(joint, predictions.softmax(-1)).flatten(1).sum(1),
                "cells": [weights @ _terms(joint, predictions).flatten(1).mean(1), -predictions.log().mean()],
            }
            raise nearest(torch.tensor(found["loss"]), likely)
        if not close(found["loss"], truth["loss"], 1e-9):
            raise Wrong("precise")


@loss_parts.property(points=2)
def takes_it_apart(answer, random):
    for shape in ((2, 3, 2, 4),):
        joint, predictions, masks, weights = _loss_instance(random, shape)
        truth, found = _truth(joint, predictions, masks, weights), _read(answer(joint, predictions, masks, weights))
        if not close(found["entropy"], truth["entropy"]):
            raise nearest(torch.tensor(found["entropy"]), _likely_entropies(joint, masks, weights, truth), "entropy")
        if not close(found["kl"], truth["kl"], 1e-6):
            conditionals = _conditionals(joint, masks)
            marginals = joint.sum(-1, keepdim=True)
            turned = marginals * predictions * (predictions / conditionals).log()
            likely = {"sign": -truth["kl"], "turned": weights @ turned.flatten(1).sum(1)}
            raise nearest(torch.tensor(found["kl"]), likely, "kl", 1e-6)
        if not all(close(found[key], truth[key], 1e-9) for key in truth):
            raise Wrong("precise")


def _likely_entropies(joint: Tensor, masks: Tensor, weights: Tensor, truth: dict) -> dict:
    n = joint.dim() - 1
    ones, zeros = torch.ones_like(masks), torch.zeros_like(masks)

    def mean(some: Tensor) -> Tensor:
        return weights @ _terms(joint, _conditionals(joint, some)).flatten(1).sum(1)

    def together(mask: Tensor) -> Tensor:
        removed = [i for i in range(n) if not mask[i]]
        cells = joint.sum(removed) if removed else joint
        return _terms(cells, cells).sum()

    return {
        "sign": -truth["entropy"],
        "bits": truth["entropy"] / torch.tensor(2.0).double().log(),
        "joint_entropy": weights @ torch.stack([together(mask) for mask in masks]),
        "prior": mean(zeros),
        "full": mean(ones),
        "inverted": mean(1 - masks),
    }


def _with_zeros_in_the_table(random, masks: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Labels that never come with some x_S are predicted never, and an x that never comes is predicted nothing at all.

    As every prediction has to, these depend on x_S only.
    """
    joint, predictions, masks, weights = _loss_instance(random, (2, 3, 3), masks)
    joint[0, :, 1] = 0
    joint[1, 2] = 0
    known = _conditionals(joint, masks).nan_to_num(0.0)
    return joint / joint.sum(), torch.where(known == 0, 0, predictions), masks, weights


def _with_small_numbers(random, masks: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cells of 1e-7, and sure predictions, for one label whatever the input, that come out wrong."""
    joint, _, masks, weights = _loss_instance(random, (2, 3, 3), masks)
    joint[0, :2, 1] *= 1e-7
    sure = torch.tensor([1e-9, 0.3 - 1e-9, 0.7], dtype=torch.float64)
    return joint / joint.sum(), sure.expand(len(masks), *joint.shape).clone(), masks, weights


@loss_parts.property(points=1)
@_general
def parts_hold_at_the_edges(answer, random):
    both = torch.tensor([[1, 1], [0, 0], [1, 0]])
    one = _loss_instance(random, (3, 4), torch.tensor([[1]]))
    perfect = _loss_instance(random, (2, 3, 3), both)
    cases = [
        ("kept", _loss_instance(random, (2, 3, 3), both)),
        ("kept", _loss_instance(random, (3, 2, 2), both[:1])),
        ("perfect", (perfect[0], _conditionals(perfect[0], both), *perfect[2:])),
        ("zeros", _with_zeros_in_the_table(random, both)),
        ("small", _with_small_numbers(random, both)),
        ("single", one),
    ]
    for hint, arguments in cases:
        truth = _truth(*arguments)
        value = called(hint, answer, *arguments)
        try:
            found = _read(value)
        except Wrong as wrong:
            raise Wrong(hint) from wrong
        if not all(close(found[key], truth[key], 1e-9) for key in truth):
            raise Wrong(hint)
