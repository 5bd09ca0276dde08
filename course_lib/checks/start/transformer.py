"""Checks for exercises/start/transformer.ipynb."""

import math

import torch

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.instances import Instances

Tensor = torch.Tensor


def _same(hint: str, truth: Tensor, answer, *args) -> None:
    """A special case: an error, another shape, numbers that are not finite or another value get the hint of the case."""
    value = called(hint, answer, *args)
    if isinstance(value, Tensor) and value.shape != truth.shape:
        raise Wrong(hint, seen=f"shape {tuple(value.shape)} in place of {tuple(truth.shape)}")
    try:
        right = close(as_tensor(value, tuple(truth.shape)), truth)
    except Wrong as wrong:
        raise (Wrong(hint, seen="nan or inf") if wrong.hint == "nan" else wrong) from None
    if not right:
        raise Wrong(hint)


# ----------------------------------------------------------------------------------------------------- causal heads

causal_heads = Exercise(
    "start/transformer/causal_heads",
    hints={
        "unmasked": "your tokens read later ones: token i may read tokens 0 to i only",
        "after": "you mask after the softmax, so the weights no longer sum to 1: set scores to minus infinity before it",
        "zero": "you mask with a score of 0, and exp(0) is a weight like any other: use minus infinity",
        "strict": "your tokens may not read themselves: token i may read tokens 0 to i, itself included",
        "ahead": "your tokens may read one token too far: token i may read tokens 0 to i",
        "reversed": "your tokens read later ones instead of earlier ones: the mask is transposed",
        "scale": "look at the factor before the softmax: divide scores by the square root of the width of one head",
        "axis": "your softmax runs over the tokens that ask: for each of them, the weights on those it reads sum to 1",
        "split": "look at how you cut and join heads: head h owns columns h w to (h + 1) w - 1 of queries, keys, values and "
        "result, w being the width of one head",
        "joint": "you compute one head of the whole width: each head has a pattern of its own",
        "keys": "you weight keys or queries: found is the weighted mean of values",
        "batch": "your sentences mix: each row of the batch is a sentence of its own",
        "value": "each head's result at token i is the mean of its values 0 to i, weighted by the softmax of its scores",
        "one": "right for several tokens, but not for a sentence of a single token",
        "widths": "right for some numbers of heads, but not for a single head, or for as many heads as columns",
        "large": "right for moderate scores; for large ones use `softmax`, or subtract each row's largest allowed score "
        "before `exp`",
    },
)


def _split(x: Tensor, heads: int) -> Tensor:
    return torch.stack(x.chunk(heads, 2), 1)


def _join(x: Tensor) -> Tensor:
    return torch.cat(x.unbind(1), 2)


def _heads(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """By loops, token by token and head by head."""
    rows = []
    for q, k, v in zip(*(_split(x, heads).flatten(0, 1) for x in (query, key, value)), strict=True):
        found = []
        for i in range(len(q)):
            scores = k[: i + 1] @ q[i] / math.sqrt(q.shape[1])
            weights = torch.exp(scores - scores.max())
            found.append((weights / weights.sum()) @ v[: i + 1])
        rows.append(torch.stack(found))
    b, t, _ = query.shape
    return _join(torch.stack(rows).reshape(b, heads, t, -1))


def _likely_heads(query: Tensor, key: Tensor, value: Tensor, heads: int) -> dict[str, list]:
    b, t, d = query.shape
    width = d // heads
    q, k, v = (_split(x, heads) for x in (query, key, value))
    scores = q @ k.mT
    mask = torch.ones(t, t, dtype=torch.bool).tril()

    def read(scores: Tensor, mask: Tensor = mask, dim: int = 3, v: Tensor = v) -> Tensor:
        return _join(scores.masked_fill(~mask, -torch.inf).softmax(dim).nan_to_num(0.0) @ v)

    right = scores / math.sqrt(width)
    inner = [x.reshape(b, t, width, heads).permute(0, 3, 1, 2) for x in (query, key, value)]
    flat = [x.reshape(b, heads, t, width) for x in (query, key, value)]
    pattern = right.masked_fill(~mask, -torch.inf).softmax(3)
    wrong_split = []
    for q_, k_, v_ in (inner, flat):
        found = (q_ @ k_.mT / math.sqrt(width)).masked_fill(~mask, -torch.inf).softmax(3) @ v_
        wrong_split += [_join(found), found.permute(0, 2, 3, 1).reshape(b, t, d), found.reshape(b, t, d)]
    wrong_split += [(pattern @ v).reshape(b, t, d), (pattern @ v).permute(0, 2, 3, 1).reshape(b, t, d)]
    return {
        "unmasked": [read(right, torch.ones_like(mask))],
        "after": [_join((right.softmax(3) * mask) @ v)],
        "zero": [_join((right * mask).softmax(3) @ v)],
        "strict": [read(right, mask.tril(-1))],
        "ahead": [read(right, torch.ones_like(mask).tril(1))],
        "reversed": [read(right, mask.T)],
        "scale": [read(scores), read(scores / math.sqrt(d)), read(scores / width), read(scores * math.sqrt(width))]
        + [read(scores / d), read(scores / math.sqrt(t))],
        "axis": [read(right, dim=2), _join((right.softmax(2) * mask) @ v), read(right, mask.T, 2).flip(1)],
        "split": wrong_split,
        "joint": [_heads(query, key, value, 1)],
        "keys": [read(right, v=k), read(right, v=q), read(k @ q.mT / math.sqrt(width))],
    }


@causal_heads.property(points=1)
def every_head_reads_earlier_tokens(answer, random: Instances) -> None:
    for b, t, heads, width in ((2, random.integer(4, 6), 2, 3), (3, 5, 3, 2)):
        query, key, value = (1.5 * random.normal(b, t, heads * width) for _ in range(3))
        truth = _heads(query, key, value, heads)
        found = answer(query, key, value, heads)
        if isinstance(found, Tensor) and found.shape == truth.shape and found[:, 0].isnan().all():
            raise Wrong("strict")
        found = as_tensor(found, tuple(truth.shape))
        if not close(found, truth):
            raise nearest(found, _likely_heads(query, key, value, heads))


@causal_heads.property(points=1)
def any_sentence_and_any_scores(answer, random: Instances) -> None:
    for hint, b, t, heads, width, size in (
        ("one", 2, 1, 2, 3, 1.0),
        ("batch", 1, 4, 2, 3, 1.0),
        ("widths", 2, 5, 1, 4, 1.0),
        ("widths", 2, 5, 4, 1, 1.0),
        ("large", 2, 6, 2, 4, 60.0),
    ):
        query, key, value = (random.normal(b, t, heads * width) for _ in range(3))
        query, key = size * query, size * key
        if hint == "large":
            key[:, :2] = -query[:, :2]  # the first tokens' scores for themselves lie far below 0
        _same(hint, _heads(query, key, value, heads), answer, query, key, value, heads)


# ------------------------------------------------------------------------------------------------- next-token loss

next_token_loss = Exercise(
    "start/transformer/next_token_loss",
    hints={
        "unshifted": "you compare the logits at a place with the token at the same place: they predict the next one",
        "backwards": "you shift the wrong way: the logits at place p predict the token at p + 1",
        "guess": "you take some token for padding: only `last` says where a sentence ends, the padding may hold any token",
        "padding": "padding counts in your mean: the last prediction that counts is that of the token at place `last`",
        "short": "you leave out the last real token: the logits at place last - 1 still predict a token",
        "long": "you count one place too many: nothing real follows place `last`",
        "only_last": "you use one place in each sentence: every place before `last` predicts a token",
        "sentences": "you average in each sentence first: every predicted token counts the same",
        "sum": "you add up: divide by the number of predicted tokens",
        "divisor": "your sum is right and your divisor is not: divide by the number of real predictions",
        "sign": "the sign is reversed: a loss is minus a log-probability",
        "probability": "you average probabilities: take the logarithm of each first",
        "logits": "you average logits: they are no log-probabilities before `log_softmax`",
        "axis": "your softmax runs over another axis than the vocabulary",
        "base": "natural logarithms are asked for",
        "value": "the loss is minus the mean log-probability of each next token, over all places before `last`",
        "full": "right with padding, but not for sentences that fill the whole length",
        "alone": "right for longer sentences, but not when one of them has a single token, which predicts nothing",
        "one": "right for several sentences, but not for one",
        "large": "right for moderate logits; for large ones use `log_softmax`, not the logarithm of `softmax`",
    },
)


def _loss_case(random: Instances, last: list[int], length: int, size: float = 1.5) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, tokens and the last places; padding holds any token but 0, and 0 is a token like any other."""
    vocabulary, ends = 7, torch.tensor(last)
    logits = size * random.normal(len(last), length, vocabulary)
    tokens = torch.tensor([[random.integer(1, vocabulary - 1) for _ in range(length)] for _ in last])
    tokens[range(len(last)), (ends - 1).clamp(min=0)] = 0
    return logits, tokens, ends


def _place_losses(logits: Tensor, tokens: Tensor, last: Tensor) -> list[list[float]]:
    """Minus log-probability of each next token, sentence by sentence."""
    return [
        [float(row[p].logsumexp(0) - row[p, line[p + 1]]) for p in range(int(end))]
        for row, line, end in zip(logits, tokens, last, strict=True)
    ]


def _likely_losses(logits: Tensor, tokens: Tensor, last: Tensor) -> dict[str, list]:
    s, length, _ = logits.shape
    logs = logits.log_softmax(2)
    following, here = tokens[:, 1:, None], torch.arange(length - 1)
    real = here < last[:, None]

    def mean(values: Tensor, chosen: Tensor = real) -> Tensor:
        return values.gather(2, following)[..., 0][chosen].mean()

    no_zero = following[..., 0] != 0
    at_own = logs.gather(2, tokens[:, :, None])[..., 0]
    before = logs[:, 1:].gather(2, tokens[:, :-1, None])[..., 0]
    own, losses = torch.arange(length) <= last[:, None], _place_losses(logits, tokens, last)
    per = [sum(line) / len(line) for line in losses]
    total, count = sum(map(sum, losses)), sum(map(len, losses))
    right, rows = torch.tensor(total / count), torch.arange(s)
    finals = [torch.tensor(line[-1]) for line in losses]
    end = [-logs[rows, -2, tokens[:, -1]].mean(), -logs[rows, -1, tokens[rows, last]].mean()]
    end.append(-logs[rows, last, tokens[rows, last]].mean())
    return {
        "unshifted": [-at_own[own].mean(), -at_own.mean(), -at_own[:, :-1][real].mean()],
        "backwards": [-before[real].mean(), -before[own[:, 1:]].mean(), -before.mean()],
        "guess": [-mean(logs, no_zero), -mean(logs, no_zero & real)],
        "padding": [-mean(logs, real | True)],
        "short": [-mean(logs, here < last[:, None] - 1)],
        "long": [-mean(logs, here <= last[:, None])],
        "only_last": [torch.stack(finals).mean(), torch.stack(finals).sum(), *end],
        "sentences": [torch.tensor(sum(per) / s)],
        "sum": [torch.tensor(total), torch.tensor(sum(per)), torch.tensor(total / s)],
        "divisor": [torch.tensor(total / n) for n in (s * (length - 1), s * length, count + s)],
        "sign": [-right],
        "probability": [-mean(logs.exp()), 1 - mean(logs.exp()), -mean(logs.exp()).log(), mean(logs.exp())],
        "logits": [-mean(logits)],
        "axis": [-mean(logits.log_softmax(1)), -mean(logits.log_softmax(0)), -mean(logits[:, :-1].log_softmax(1))],
        "base": [right / math.log(2), right / math.log(10)],
    }


@next_token_loss.property(points=1)
def every_real_prediction_counts_once(answer, random: Instances) -> None:
    for length, ends in ((7, [2, 5, 3]), (8, [6, 2, 3, 5])):
        last = [ends[i] for i in random.order(len(ends))]
        case = _loss_case(random, last, length)
        losses = [loss for line in _place_losses(*case) for loss in line]
        truth, found = sum(losses) / len(losses), as_number(answer(*case))
        if not close(found, truth):
            raise nearest(torch.tensor(found).double(), _likely_losses(*case))


@next_token_loss.property(points=1)
def any_lengths_and_any_logits(answer, random: Instances) -> None:
    for hint, last, length, size in (
        ("full", [5, 5], 6, 1.0),
        ("alone", [3, 0, 2], 5, 1.0),
        ("one", [3], 6, 1.0),
        ("one", [1], 2, 1.0),
        ("large", [3, 4], 6, 3e3),
    ):
        case = _loss_case(random, last, length, size)
        losses = [loss for line in _place_losses(*case) for loss in line]
        value = called(hint, answer, *case)
        try:
            value = as_number(value)
        except Wrong as wrong:
            raise (Wrong(hint, seen="nan or inf") if wrong.hint == "nan" else wrong) from None
        if not close(value, sum(losses) / len(losses)):
            raise Wrong(hint)


# --------------------------------------------------------------------------------------------- previous-token head

previous_token_head = Exercise(
    "start/transformer/previous_token_head",
    hints={
        "pair": "return two tensors, queries and keys, with one row a token and equally many columns",
        "first": "something is not finite at the first token: it has no predecessor, and the mask leaves it only itself",
        "scale": "your scores are right before the head divides them by the square root of the number of columns: undo that",
        "others": "look at how many other tokens token i may read: they share the rest, and their number grows with i",
        "own": "your tokens give the certainty to themselves: it belongs to the token one place back",
        "sharp": "your head copies with hardly any doubt: the weight on the previous token should be `certainty`",
        "uniform": "your head reads all earlier tokens alike: does your score stand where the mask closes it? Token i - 1 "
        "offers the key",
        "equal": "the weight on the previous token is right; the others should share the rest equally",
        "log": "a score is the logarithm of a weight's ratio to another weight: you use the ratio or the weight itself",
        "value": "the weight of token i on token i - 1 should be `certainty`, for every i from 1 on",
        "tiny": "right for some sentences, but not for one or two tokens",
        "many": "right for some lengths, but not for a long sentence",
        "weak": "right for large certainties, but not for small ones: the score of the previous token may be negative",
        "strong": "right for moderate certainties, but not for one very near 1",
    },
)


def _pattern_of(pair: object, length: int) -> Tensor:
    """The pattern of a head with these queries and keys; what is no such pair gets its hint."""
    if pair is None:
        raise Wrong("none")
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(x, Tensor) for x in pair):
        raise Wrong("pair")
    query, key = pair
    if query.dim() != 2 or query.shape != key.shape or len(query) != length or not query.shape[1]:
        raise Wrong("pair", seen=f"shapes {tuple(query.shape)} and {tuple(key.shape)}")
    if length > 1 and not torch.isfinite(query[0]).all() and torch.isfinite(query[1:]).all():
        raise Wrong("first")
    query, key = (as_tensor(x, tuple(x.shape)) for x in pair)
    return _causal_softmax(query @ key.T / math.sqrt(query.shape[1]))


def _causal_softmax(scores: Tensor) -> Tensor:
    return scores.masked_fill(torch.ones_like(scores).tril() == 0, -torch.inf).softmax(1)


def _wanted(length: int, certainty: float) -> Tensor:
    pattern = torch.ones(length, length, dtype=torch.float64).tril()
    for i in range(1, length):
        pattern[i, : i + 1] = (1 - certainty) / i
        pattern[i, i - 1] = certainty
    return pattern


def _scored(scores: Tensor) -> Tensor:
    """The pattern if the score on the previous token is `scores` `(t - 1,)` and 0 elsewhere."""
    return _causal_softmax(torch.diag(scores, -1))


def _likely_patterns(length: int, c: float) -> dict[str, list]:
    others = torch.arange(1, length).double()
    score = torch.log(c * others / (1 - c))
    full = torch.cat([torch.zeros(1).double(), score])
    flat = torch.full((length - 1,), math.log(c / (1 - c))).double()
    root = math.sqrt(length)
    return {
        "scale": [_scored(score / root), _scored(score * root)],
        "others": [_scored(flat), _scored(torch.log(c * (others + 1) / (1 - c))), _scored(flat + math.log(length - 1))]
        + [_scored(flat + math.log(length)), _scored(torch.log(c * (others - 1).clamp(min=1) / (1 - c)))],
        "own": [_causal_softmax(torch.diag(full))],
        "uniform": [_scored(0 * score)],
        "log": [_scored(c * others / (1 - c)), _scored(torch.full_like(score, c)), _scored(torch.exp(-score))]
        + [_scored(torch.full_like(score, math.log(c))), _scored(torch.full_like(score, c / (1 - c)))],
    }


@previous_token_head.property(points=1)
def looks_one_place_back(answer, random: Instances) -> None:
    for _ in range(2):
        length, certainty = random.integer(4, 7), float(random.uniform(1, low=0.55, high=0.9))
        truth, pattern = _wanted(length, certainty), _pattern_of(answer(length, certainty), length)
        if close(pattern, truth):
            continue
        back = pattern.diagonal(-1)
        if close(back, truth.diagonal(-1)):
            raise Wrong("equal")
        wrong = nearest(pattern, _likely_patterns(length, certainty))
        if wrong.hint == "value" and back.min() > 0.98:
            raise Wrong("sharp")
        raise wrong


@previous_token_head.property(points=1)
def any_length_and_any_certainty(answer, random: Instances) -> None:
    for hint, length, low, high in (
        ("tiny", 1, 0.5, 0.9),
        ("tiny", 2, 0.5, 0.9),
        ("many", 60, 0.5, 0.9),
        ("weak", 6, 0.01, 0.1),
        ("strong", 5, 0.9999, 0.99999),
    ):
        certainty = float(random.uniform(1, low=low, high=high))
        pair = called(hint, answer, length, certainty)
        try:
            right = close(_pattern_of(pair, length), _wanted(length, certainty), 1e-6)
        except Wrong as wrong:
            raise (Wrong(hint, seen="nan or inf") if wrong.hint in ("nan", "first") else wrong) from None
        if not right:
            raise Wrong(hint)


# -------------------------------------------------------------------------------------------------- parts of a logit

logit_parts = Exercise(
    "start/transformer/logit_parts",
    hints={
        "own": "you normalise each term by itself: all share one divisor, that of their sum",
        "sample": "your variance divides by d - 1: layer norm divides by d",
        "outside": "you add eps outside the root: it belongs under it, added to the variance",
        "no_eps": "eps is missing: it is added to the variance under the root",
        "centre": "you do not centre: subtract from each term the mean of its own entries",
        "stream_mean": "you subtract the mean of the whole stream from every term: each term has a mean of its own",
        "axis": "you centre across terms: each term is centred over its own d entries",
        "second_moment": "your divisor is that of the plain stream: centre the stream before you square",
        "variance": "you divide by the variance: divide by the root of variance plus eps",
        "weight": "the learned weights of the norm are missing",
        "bias": "look at the last entry: it is the part of the norm's bias, bias times the token's row",
        "spread": "the bias is in every term: it has an entry of its own, the last one",
        "order": "the bias's part stands last",
        "running": "your parts belong to partial sums: each is that of a single term",
        "value": "part k is the token's row times the weighted, centred term k, over the divisor of the whole stream",
        "one": "right for several terms, but not for a single one",
        "zero": "right for most terms, but a term of zeros contributes 0",
        "small": "right for streams of ordinary size, but not for a very small one, in which eps decides",
        "single": "right in float64, but not for float32 numbers",
    },
)


def _layer_norm_slope(x: Tensor, eps: float) -> Tensor:
    """The matrix that centres a vector and divides it by the divisor of the stream `x`."""
    d = len(x)
    centring = torch.eye(d, dtype=torch.float64) - 1 / d
    return centring / torch.sqrt((centring @ x).square().sum() / d + eps)


def _parts(terms: Tensor, weight: Tensor, bias: Tensor, eps: float, row: Tensor) -> Tensor:
    slope = _layer_norm_slope(terms.sum(0), eps)
    return torch.cat([terms @ slope.T @ (weight * row), (bias @ row)[None]])


def _likely_parts(terms: Tensor, weight: Tensor, bias: Tensor, eps: float, row: Tensor) -> dict[str, list]:
    stream, seen = terms.sum(0), weight * row
    k, (total, mean, variance) = len(terms), (stream, stream.mean(), stream.var(correction=0))
    centred, last = terms - terms.mean(1, keepdim=True), (bias @ row)[None]
    divisor = (variance + eps).sqrt()

    def parts(x: Tensor, by: Tensor | float = divisor, seen: Tensor = seen, last: Tensor = last) -> Tensor:
        return torch.cat([x / by @ seen, last])

    own = (terms.var(1, correction=0, keepdim=True) + eps).sqrt()
    right = parts(centred)
    return {
        "own": [parts(centred, own)],
        "sample": [parts(centred, (stream.var() + eps).sqrt())],
        "outside": [parts(centred, variance.sqrt() + eps)],
        "no_eps": [parts(centred, variance.sqrt())],
        "centre": [parts(terms)],
        "stream_mean": [parts(terms - mean)],
        "axis": [parts(terms - terms.mean(0))],
        "second_moment": [parts(x, (total.square().mean() + eps).sqrt()) for x in (centred, terms)],
        "variance": [parts(centred, variance + eps), parts(centred, total.norm()), parts(centred, 1.0)],
        "weight": [parts(centred, seen=row)],
        "bias": [parts(centred, last=value[None]) for value in (0 * last[0], bias.sum(), right[:-1].sum() + last[0])],
        "spread": [parts(centred) + last * (torch.arange(k + 1) < k), right + last / k * (torch.arange(k + 1) < k)]
        + [torch.cat([right[:-1] + last, 0 * last]), torch.cat([right[:-1] + last / k, 0 * last])],
        "order": [right.roll(1)],
        "running": [torch.cat([right[:-1].cumsum(0), last])],
    }


def _parts_case(random: Instances, k: int, d: int, size: float = 1.0) -> tuple[Tensor, Tensor, Tensor, float, Tensor]:
    terms = size * (random.normal(k, d) + random.away_from_zero(k, 1))
    return terms, random.away_from_zero(d), random.normal(d), float(random.uniform(1, low=0.2, high=0.6)), random.normal(d)


@logit_parts.property(points=1)
def parts_share_the_divisor_of_the_stream(answer, random: Instances) -> None:
    for k, d in ((random.integer(2, 4), 6), (5, random.integer(4, 5))):
        case = _parts_case(random, k, d)
        truth = _parts(*case)
        found = as_tensor(answer(*case), (k + 1,))
        if not close(found, truth):
            raise nearest(found, _likely_parts(*case))


@logit_parts.property(points=1)
def any_terms(answer, random: Instances) -> None:
    terms, weight, bias, eps, row = _parts_case(random, 3, 5, size=0.05)
    case = terms, weight, bias, eps / 20, row
    _same("small", _parts(*case), answer, *case)
    case = _parts_case(random, 1, 5)
    _same("one", _parts(*case), answer, *case)
    terms, *rest = _parts_case(random, 4, 5)
    terms[random.integer(0, 3)] = 0.0
    _same("zero", _parts(terms, *rest), answer, terms, *rest)
    terms, weight, bias, eps, row = _parts_case(random, 3, 5)
    single = [x.float() for x in (terms, weight, bias, row)]
    truth = _parts(*(x.double() for x in single[:3]), eps, single[3].double())
    _same("single", truth, answer, *single[:3], eps, single[3])
