"""Checks for exercises/explainable/backpack.ipynb."""


import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, behind, called, close, nearest
from course_lib.checks.returns import as_dict


def _alpha(random, k: int, t: int) -> Tensor:
    """Weights that no softmax made: not negative, 0 for later words, with sums of every size."""
    return random.uniform(k, t, t, low=0.2, high=1.5).tril()


def _same(hint: str, value: object, truth: Tensor, tolerance: float = 1e-5) -> None:
    if not isinstance(value, Tensor) or value.shape != truth.shape:
        raise Wrong(hint)
    if not close(as_tensor(value, truth.shape), truth, tolerance):
        raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------ logits, parts

backpack_logits = Exercise(
    "explainable/backpack/backpack_logits",
    hints={
        "keys": 'return a dict with the keys "logits" and "parts"',
        "transposed": "alpha is read the wrong way round: `alpha[l, i, j]` is what word i takes from word j",
        "sums_to_one": "take alpha as it is: you divide it by a sum or put it through a softmax once more",
        "senses_only": "every sense has its own weight for every word: do not add alpha up over words or senses first",
        "no_alpha": "each sense counts with its weight alpha",
        "sense_mean": "add the senses up, do not average them",
        "probabilities": "return logits, before any softmax",
        "one_word": "every word has its logits, not the last word alone",
        "vectors": "a part is what a sense brings to each *logit*: it is unembedded too, and has v entries",
        "axes": "the parts are right but stand in another order: reader i, word j, sense l, token of the vocabulary",
        "shared": "the parts add up to the logits, but each must be its own alpha times its own unembedded sense",
        "unweighted": "your parts lack the weights alpha",
        "parts": "a part is alpha[l, i, j] times E C(x_j)_l",
        "value": "logits[i] is the sum over words j and senses l of alpha[l, i, j] E C(x_j)_l",
        "later": "right where later words have weight 0, but take alpha as it is given: do not mask it again",
        "rounded": "nearly right: do not round, and keep the numbers in the dtype in which they come",
        "small": "right where every weight is large, but a small weight counts as well",
        "square": "right in general, but not where two sizes are equal: name the axes, do not go by their lengths",
        "single": "right in general, but not for one word, one sense or one token",
        "float32": "right in float64, but float32 tensors should work as well",
    },
)


def _parts(alpha: Tensor, senses: Tensor, unembedding: Tensor) -> Tensor:
    return torch.einsum("kij,jkd,vd->ijkv", alpha, senses, unembedding)


def _likely_logits(alpha: Tensor, senses: Tensor, unembedding: Tensor, truth: Tensor) -> dict:
    def logits(weights: Tensor) -> Tensor:
        return _parts(weights, senses, unembedding).sum((1, 2))

    k, t, _ = alpha.shape
    every, pairs = alpha.sum(2, keepdim=True), alpha.sum((0, 2), keepdim=True)
    return {
        "transposed": logits(alpha.transpose(1, 2)),
        "sums_to_one": [
            logits(weights)
            for weights in (alpha / every, alpha / pairs, alpha / alpha.sum(0).clamp(min=1e-9), k * alpha / pairs)
            + tuple(alpha.softmax(axis) for axis in range(3))
        ],
        "senses_only": [
            logits(weights.expand_as(alpha))
            for weights in (alpha.sum(0, keepdim=True), every, alpha.mean(0, keepdim=True), alpha.mean(2, keepdim=True))
        ],
        "no_alpha": [logits(torch.ones_like(alpha)), logits(torch.ones_like(alpha).tril())],
        "sense_mean": [truth / k, truth / t, truth / (k * t)],
        "probabilities": [truth.softmax(1), truth.log_softmax(1)],
    }


@backpack_logits.property(points=2)
def adds_up_words_and_senses(answer, random):
    k, t, d, v = random.choice([(2, 3, 4, 6), (3, 4, 2, 5), (2, 4, 5, 3)])  # all different, so that shapes tell axes apart
    alpha, senses, unembedding = _alpha(random, k, t), random.normal(t, k, d), random.normal(v, d)
    truth = _parts(alpha, senses, unembedding).sum((1, 2))
    logits = as_dict(answer(alpha, senses, unembedding), ["logits", "parts"])["logits"]
    if isinstance(logits, Tensor) and logits.shape == (v,):
        raise Wrong("one_word")
    logits = as_tensor(logits, truth.shape, '"logits"')
    if not close(logits, truth):
        likely = _likely_logits(alpha, senses, unembedding, truth)
        raise nearest(logits, likely, "rounded" if close(logits, truth, 0.01) else "value")


@backpack_logits.property(points=1)
def parts_are_each_their_own(answer, random):
    k, t, d, v = random.choice([(2, 3, 4, 6), (3, 4, 2, 5), (2, 4, 5, 3)])
    alpha, senses, unembedding = _alpha(random, k, t), random.normal(t, k, d), random.normal(v, d)
    truth = _parts(alpha, senses, unembedding)
    parts = as_dict(answer(alpha, senses, unembedding), ["logits", "parts"])["parts"]
    if isinstance(parts, Tensor) and parts.shape == (t, t, k, d):
        raise Wrong("vectors")
    if isinstance(parts, Tensor) and parts.shape == (t, k, t, v) and close(parts.double().transpose(1, 2), truth):
        raise Wrong("axes")
    if isinstance(parts, Tensor) and parts.shape == (k, t, t, v) and close(parts.double().permute(1, 2, 0, 3), truth):
        raise Wrong("axes")
    parts = as_tensor(parts, truth.shape, '"parts"')
    if close(parts, truth):
        return
    alone = _parts(torch.ones_like(alpha), senses, unembedding)
    if close(parts, alone):
        raise Wrong("unweighted")
    if close(parts, truth.transpose(0, 1)):
        raise Wrong("axes")
    if close(parts, truth, 0.01):
        raise Wrong("rounded")
    raise Wrong("shared" if close(parts.sum((1, 2)), truth.sum((1, 2))) else "parts")


@backpack_logits.property(points=1)
@behind(parts_are_each_their_own)
def holds_at_the_edges(answer, random):
    single, square = ((1, 3, 2, 4), (2, 1, 3, 4), (3, 2, 1, 1), (1, 1, 1, 1)), ((2, 2, 3, 3), (3, 3, 3, 3), (3, 3, 2, 4))
    for k, t, d, v in single + square:
        hint = "single" if (k, t, d, v) in single else "square"
        alpha, senses, unembedding = _alpha(random, k, t), random.normal(t, k, d), random.normal(v, d)
        truth = _parts(alpha, senses, unembedding)
        found = as_dict(called(hint, answer, alpha, senses, unembedding), ["logits", "parts"])
        _same(hint, found["logits"], truth.sum((1, 2)))
        _same(hint, found["parts"], truth)
    alpha, senses, unembedding = _alpha(random, 2, 3), random.normal(3, 2, 4), random.normal(5, 4)
    alpha *= 10.0 ** -random.uniform(2, 3, 3, low=1, high=4)
    truth = _parts(alpha, senses, unembedding)
    found = as_dict(called("small", answer, alpha, senses, unembedding), ["logits", "parts"])
    for value, target in ((found["logits"], truth.sum((1, 2))), (found["parts"], truth)):
        _same("small", 1e4 * as_tensor(value, target.shape), 1e4 * target)
    alpha, senses, unembedding = random.uniform(2, 3, 3, low=0.2), random.normal(3, 2, 4), random.normal(5, 4)
    truth = _parts(alpha, senses, unembedding)
    for hint, case in (
        ("later", (alpha, senses, unembedding)),
        ("float32", (alpha.float(), senses.float(), unembedding.float())),
    ):
        found = as_dict(called(hint, answer, *case), ["logits", "parts"])
        _same(hint, found["logits"], truth.sum((1, 2)), 1e-4)
        _same(hint, found["parts"], truth, 1e-4)


# --------------------------------------------------------------------------------------------------------------- swap

logits_after_swap = Exercise(
    "explainable/backpack/logits_after_swap",
    hints={
        "unchanged": "nothing has been swapped: the logits are those of the table as it was",
        "copied": "only one of the two words has changed: keep one sense aside before you write over it",
        "words": "the two words have swapped all their senses: swap one and leave the others",
        "slice": "the two words have swapped a run of senses, from `sense` on or up to it: swap number `sense` alone",
        "unembedding": "you swap rows of the unembedding: that renames the answers, and leaves what the words mean",
        "reading": "you swap the words in the sentence, or their weights: the sentence stays, and so does alpha",
        "sense": "another sense was swapped: senses are numbered from 0",
        "everyone": "only the two words swap: the other words keep their sense",
        "places": "`first` and `second` are token numbers, rows of the table, and not places in the sentence",
        "reader": "return the logits of the last word: `alpha[:, -1]` says what it takes",
        "weights": "every sense of every word counts with its weight `alpha[l, -1, j]`",
        "probabilities": "return logits, before any softmax",
        "value": "swap `table[first, sense]` and `table[second, sense]` in a copy, then add up alpha times E C(x_j)_l",
        "both": "right for a sentence with one of the words, but both may occur in it",
        "twice": "right in general, but a word may occur more than once, and every one of its places changes",
        "last": "right in general, but the last word may be one of the two, and a sentence may have one word",
        "absent": "right in general, but a sentence without either word must keep its logits",
        "itself": "right in general, but a word that swaps with itself must stay as it is",
        "float32": "right in float64, but float32 tensors should work as well",
    },
)


def _read(alpha: Tensor, senses: Tensor, unembedding: Tensor) -> Tensor:
    return torch.einsum("kj,jkd,vd->v", alpha[:, -1], senses, unembedding)


def _swapped(table: Tensor, first: int, second: int, sense: int | slice) -> Tensor:
    edited = table.clone()
    edited[first, sense], edited[second, sense] = table[second, sense], table[first, sense]
    return edited


def _swap_instance(random, sense: int) -> tuple:
    """alpha, table, unembedding, a sentence with the first word and without the second, the two words and a sense of 3."""
    k, t, d, v = random.choice([(3, 5, 2, 8), (3, 4, 6, 9)])
    alpha, table, unembedding = _alpha(random, k, t), random.normal(v, k, d), random.normal(v, d)
    lot = random.order(v)
    first, second, rest = lot[0], lot[1], lot[2 : 1 + t]
    place = random.integer(0, t - 1)
    tokens = torch.tensor(rest[:place] + [first] + rest[place:])
    return alpha, table, unembedding, tokens, first, second, sense


def _likely_swaps(alpha, table, unembedding, tokens, first, second, sense) -> dict:
    def read(edited: Tensor, weights: Tensor = alpha, words: Tensor = tokens, out: Tensor = unembedding) -> Tensor:
        return _read(weights, edited[words], out)

    k, t = table.shape[1], len(tokens)
    right, order = _swapped(table, first, second, sense), torch.arange(len(table))
    order[first], order[second] = second, first
    truth, one, every = read(right), table.clone(), table.clone()
    one[second, sense] = table[first, sense]
    every[:, sense] = table[second, sense]
    return {
        "unchanged": read(table),
        "copied": read(one),
        "words": read(_swapped(table, first, second, slice(None))),
        "slice": [read(_swapped(table, first, second, run)) for run in (slice(sense, None), slice(sense + 1))],
        "unembedding": [read(table, out=unembedding[order]), read(right, out=unembedding[order])],
        "reading": [read(right, words=order[tokens]), read(right, alpha.flip(0)), read(right, alpha.flip(2))],
        "sense": [read(_swapped(table, first, second, other)) for other in range(k) if other != sense],
        "everyone": read(every),
        "reader": [read(right, alpha[:, : i + 1]) for i in range(t - 1)] + [read(right, alpha.transpose(1, 2))],
        "weights": [
            read(right, torch.ones_like(alpha)),
            read(right, alpha.mean(0, keepdim=True).expand_as(alpha)),
            read(right, alpha.sum(0, keepdim=True).expand_as(alpha)),
            read(right, alpha / alpha.sum(2, keepdim=True)),
            truth / k,
        ],
        "probabilities": [truth.softmax(0), truth.log_softmax(0)],
    }


@logits_after_swap.property(points=3)
def changes_one_sense_of_two_words(answer, random):
    for sense in (1, 0, 2):  # the middle one first: there, runs of senses can be told from all of them
        case = _swap_instance(random, sense)
        alpha, table, unembedding, tokens, first, second, _ = case
        truth = _read(alpha, _swapped(table, first, second, sense)[tokens], unembedding)
        logits = answer(*case)
        if isinstance(logits, Tensor) and logits.shape == (len(tokens), len(table)):
            raise Wrong("reader")
        logits = as_tensor(logits, truth.shape)
        turned = (alpha, table, unembedding, tokens, second, first, sense)  # the word in the sentence is now the second
        if not close(logits, truth):
            if max(first, second) < len(tokens):
                places = table[tokens]
                _raise_if(logits, _read(alpha, _swapped(places, first, second, sense), unembedding), "places")
            wrong = nearest(logits, _likely_swaps(*case))
            if wrong.hint == "unchanged":  # if the other word does change, it is half a swap
                _raise_if(as_tensor(answer(*turned), truth.shape), truth, "copied")
            raise wrong
        if not close(as_tensor(answer(*turned), truth.shape), truth):
            raise Wrong("copied")


def _raise_if(value: Tensor, other: Tensor, hint: str) -> None:
    if close(value, other):
        raise Wrong(hint)


@logits_after_swap.property(points=1)
def holds_in_every_sentence(answer, random):
    alpha, table, unembedding, tokens, first, second, sense = _swap_instance(random, random.integer(0, 2))
    others = [word for word in range(len(table)) if word not in tokens.tolist() and word != second]
    plain, places = tokens.clone(), random.order(len(tokens))
    plain[tokens == first] = others[0]
    cases = {"both": ([first, second], second), "twice": ([first, first, second], second), "itself": ([first], first)}
    for hint, (words, other) in cases.items():
        sentence = plain.clone()
        sentence[places[: len(words)]] = torch.tensor(words)
        truth = _read(alpha, _swapped(table, first, other, sense)[sentence], unembedding)
        for pair in ((first, other), (other, first)):
            _same(hint, called(hint, answer, alpha, table, unembedding, sentence, *pair, sense), truth)
    ends = torch.cat([plain[1:], torch.tensor([first])])
    for sentence, weights in ((ends, alpha), (ends[-1:], alpha[:, -1:, -1:])):
        truth = _read(weights, _swapped(table, first, second, sense)[sentence], unembedding)
        for pair in ((first, second), (second, first)):
            _same("last", called("last", answer, weights, table, unembedding, sentence, *pair, sense), truth)
    absent = called("absent", answer, alpha, table, unembedding, plain, first, second, sense)
    _same("absent", absent, _read(alpha, table[plain], unembedding))
    truth = _read(alpha, _swapped(table, first, second, sense)[tokens], unembedding)
    single = (alpha.float(), table.float(), unembedding.float(), tokens, first, second, sense)
    _same("float32", called("float32", answer, *single), truth, 1e-4)


# ------------------------------------------------------------------------------------------------------------ softmax

sense_softmax = Exercise(
    "explainable/backpack/sense_softmax",
    hints={
        "senses": "that is a softmax over senses: every sense must choose among words",
        "readers": "that is a softmax over readers i: reader i shares its weights out over the words j that it reads",
        "swapped": 'the two forms are swapped: in "paper" each sense has a softmax of its own',
        "no_scale": 'in "joint" all weights of a reader add up to the number of senses k, as they do in "paper"',
        "both_forms": "the two forms differ: look at what `form` says",
        "no_mask": "a word may read itself and what comes before, and nothing later",
        "no_padding": "words that are not real get no weight: `real[j]` is about the word that is read",
        "reader_padding": "`real[j]` is about the word j that is read, not about the reader i",
        "itself": "a word may read itself too",
        "upper": "the mask is upside down: word i reads the words j <= i",
        "exactly": "words that may not be read get weight 0 exactly, not something small",
        "after": "mask before the softmax: set to 0 afterwards, the rest no longer adds up",
        "joint_words": 'in "joint" one softmax runs over all pairs of a sense and a word, for each reader',
        "value": "for each reader, a softmax over the readable words (for each sense, or over all senses at once)",
        "nothing": "right in general, but a reader with nothing real to read gets weight 0 everywhere, and no nan",
        "large": "right for small scores, but large ones should work too: mask with -inf, and let softmax take the powers",
        "square": "right in general, but not where there are as many senses as words: go by the axes, not by their lengths",
        "single": "right in general, but not for one word or one sense",
        "float32": "right in float64, but float32 scores should work as well",
    },
)


def _weights(scores: Tensor, readable: Tensor, form: str) -> Tensor:
    k = len(scores)
    top = scores.masked_fill(~readable, -torch.inf)
    reach = (2,) if form == "paper" else (0, 2)
    top = top - top.amax(reach, keepdim=True).clamp(min=-1e300)
    powers = top.exp().masked_fill(~readable, 0)
    return (1 if form == "paper" else k) * powers / powers.sum(reach, keepdim=True).clamp(min=1e-300)


def _readable(real: Tensor) -> Tensor:
    return torch.ones(len(real), len(real), dtype=torch.bool).tril() & real


def _likely_weights(scores: Tensor, real: Tensor, form: str) -> dict:
    k, t, _ = scores.shape
    readable, other = _readable(real), "joint" if form == "paper" else "paper"
    causal, before = _readable(torch.ones_like(real)), _readable(real).tril(-1)
    masked = scores.masked_fill(~readable, -torch.inf)
    free = _weights(scores, torch.ones_like(readable), form)
    likely = {
        "senses": [factor * masked.softmax(0).nan_to_num() for factor in (1, k)],
        "readers": [factor * masked.softmax(1).nan_to_num() for factor in (1, k)],
        "no_scale": _weights(scores, readable, form) / k if form == "joint" else [],
        "no_mask": [free, _weights(scores, real.expand(t, t), form)],
        "no_padding": _weights(scores, causal, form),
        "reader_padding": [_weights(scores, causal & real[:, None], form), _weights(scores, readable & real[:, None], form)],
        "itself": _weights(scores, before, form),
        "upper": [_weights(scores, causal.T & real, form), _weights(scores, readable.T, form)],
        "after": [free * readable, _weights(scores, causal, form) * readable],
        "joint_words": [masked.softmax(0).nan_to_num() * k, k * masked.flatten(1).softmax(1).unflatten(1, (t, t)).nan_to_num()],
    }
    likely["after"] += [_weights(scores * readable, torch.ones_like(readable), form)]
    return likely | {"swapped": _weights(scores, readable, other)}


@sense_softmax.property(points=3)
def shares_out_the_weights(answer, random):
    k, t = random.choice([(2, 5), (3, 4), (4, 5)])
    scores, real = 1.5 * random.normal(k, t, t), torch.ones(t, dtype=torch.bool)
    real[random.integer(1, t - 1)] = False
    found = {form: as_tensor(answer(scores, real, form), scores.shape) for form in ("paper", "joint")}
    truths = {form: _weights(scores, _readable(real), form) for form in found}
    if close(found["paper"], truths["joint"]) and close(found["joint"], truths["paper"]):
        raise Wrong("swapped")
    for form, truth in truths.items():
        if not close(found[form], truth):
            wrong = nearest(found[form], _likely_weights(scores, real, form))
            alike = wrong.hint in ("swapped", "value") and close(found["paper"], found["joint"])
            raise Wrong("both_forms") if alike else wrong
        if not (found[form][:, ~_readable(real)] == 0).all():
            raise Wrong("exactly")


@sense_softmax.property(points=1)
def holds_with_little_to_read(answer, random):
    scores, real = random.normal(2, 4, 4), torch.tensor([False, False, True, True])
    for form in ("paper", "joint"):
        found = called("nothing", answer, scores, real, form)
        if isinstance(found, Tensor) and not torch.isfinite(found).all():
            raise Wrong("nothing")
        _same("nothing", found, _weights(scores, _readable(real), form))
        _same("nothing", called("nothing", answer, scores, real & False, form), torch.zeros_like(scores))
        for hint, k, t in (("single", 1, 3), ("single", 3, 1), ("single", 1, 1), ("square", 3, 3)):
            few, all_real = random.normal(k, t, t), torch.ones(t, dtype=torch.bool)
            _same(hint, called(hint, answer, few, all_real, form), _weights(few, _readable(all_real), form))
        alone = called("nothing", answer, random.normal(2, 1, 1), torch.tensor([False]), form)
        _same("nothing", alone, torch.zeros(2, 1, 1))
        far = _far_scores(random)
        truth = _weights(far, _readable(torch.ones(4).bool()), form)
        for scores_far in (far, far.float()):
            found = called("large", answer, scores_far, torch.ones(4).bool(), form)
            if isinstance(found, Tensor) and not torch.isfinite(found).all():
                raise Wrong("large")
            _same("large", found, truth)
        found = called("float32", answer, scores.float(), real, form)
        _same("float32", found, _weights(scores, _readable(real), form), 1e-4)


def _far_scores(random) -> Tensor:
    """Whole scores `(2, 4, 4)` in the tens of thousands, of either sign, that differ by little where it counts."""
    scores = (5000 * random.normal(2, 4, 4)).round()
    base, steps = float(random.integer(20_000, 30_000)), -torch.tensor([random.order(4) for _ in range(4)]).double()
    scores[0, 3], scores[1, 3] = base + steps[0], steps[1] - base  # one reader: all high in one sense, all low in the other
    scores[:, 2] = steps[2:] - base  # another: all low
    return scores
