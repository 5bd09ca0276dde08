"""Plausible wrong answers to exercises/explainable/concepts.ipynb, and what the check says to each."""

from itertools import combinations

import torch
from torch.nn import functional

from course_lib.checks import mistake

LOSS = "explainable/concepts/bottleneck_gradients"
BEST = "explainable/concepts/best_concepts"
CURVE = "explainable/concepts/intervention_curve"
GUARD = "explainable/concepts/guarded_score"


EQUIVALENT = {
    "best_concepts: for row, label in zip(concepts[:, list(kept)].tolist(), labels.tolist(), strict=True): => for row, label in zip(concepts[:, list(kept)].tolist(), labels.tolist()):":  # noqa: E501
    "both lists have one entry for each row, so nothing is cut off",
    "best_concepts: for row, label in zip(concepts[:, list(kept)].tolist(), labels.tolist(), strict=True): => for row, label in zip(concepts[:, list(kept)].tolist(), labels.tolist(), strict=False):":  # noqa: E501
    "both lists have one entry for each row, so nothing is cut off",
    "intervention_curve: order = (predicted - 0.5).abs().argsort(dim=1, stable=True) => order = (predicted - 0.5).abs().argsort(stable=True)":  # noqa: E501
    "without a dimension argsort takes the last one, which is dimension 1 here",
    "intervention_curve: order = (predicted - 0.5).abs().argsort(dim=1, stable=True) => order = (predicted - 0.5).abs().argsort(dim=1)":  # noqa: E501
    "on the CPU short rows are sorted stably whether one asks or not",
    "intervention_curve: order = (predicted - 0.5).abs().argsort(dim=1, stable=True) => order = (predicted - 0.5).abs().argsort(dim=1, stable=False)":  # noqa: E501
    "on the CPU short rows are sorted stably whether one asks or not",
}


def _dict(loss, encoder, head):
    biases = [encoder.layers[-1].bias, head.layers[-1].bias]
    slopes = torch.autograd.grad(loss, biases, allow_unused=True)
    slopes = [torch.zeros_like(b) if s is None else s for s, b in zip(slopes, biases, strict=True)]
    return {"loss": loss.item(), "encoder": slopes[0], "head": slopes[1]}


def _right(encoder, head, x, y, concepts, weight, kind, read=None, per_concept=None, of_class=None):
    """The right answer, or with another reading, concept loss or class loss in its place."""
    z = encoder(x)
    p = z.sigmoid()
    usual = {"independent": concepts, "sequential": p.detach(), "joint": p}[kind]
    if per_concept is None:
        per_concept = functional.binary_cross_entropy_with_logits(z, concepts, reduction="sum") / len(x)
    if of_class is None:
        of_class = functional.cross_entropy(head(usual if read is None else read(z)), y)
    return of_class, per_concept, usual


def _total(encoder, head, *rest, **other):
    weight = rest[3]
    of_class, of_concepts, _ = _right(encoder, head, *rest, **other)
    return _dict(of_class + weight * of_concepts, encoder, head)


@mistake(LOSS, hint="concept_mean")
def averaged_over_concepts(encoder, head, x, y, concepts, weight, kind):
    mean = functional.binary_cross_entropy_with_logits(encoder(x), concepts)
    return _total(encoder, head, x, y, concepts, weight, kind, per_concept=mean)


@mistake(LOSS, hint="rows")
def summed_over_rows(encoder, head, x, y, concepts, weight, kind):
    total = functional.binary_cross_entropy_with_logits(encoder(x), concepts, reduction="sum")
    return _total(encoder, head, x, y, concepts, weight, kind, per_concept=total)


@mistake(LOSS, hint="class_weight")
def weight_on_the_class(encoder, head, x, y, concepts, weight, kind):
    of_class, of_concepts, _ = _right(encoder, head, x, y, concepts, weight, kind)
    return _dict(weight * of_class + of_concepts, encoder, head)


@mistake(LOSS, hint="no_weight")
def weight_forgotten(encoder, head, x, y, concepts, weight, kind):
    return _total(encoder, head, x, y, concepts, 1.0, kind)


@mistake(LOSS, hint="no_concepts")
def only_the_class(encoder, head, x, y, concepts, weight, kind):
    return _total(encoder, head, x, y, concepts, 0.0, kind)


@mistake(LOSS, hint="no_class")
def only_the_concepts(encoder, head, x, y, concepts, weight, kind):
    return _dict(weight * _right(encoder, head, x, y, concepts, weight, kind)[1], encoder, head)


@mistake(LOSS, hint="reads_predicted")
def independent_head_reads_predictions(encoder, head, x, y, concepts, weight, kind):
    return _total(encoder, head, x, y, concepts, weight, "sequential" if kind == "independent" else kind)


@mistake(LOSS, hint="reads_true")
def head_always_reads_the_truth(encoder, head, x, y, concepts, weight, kind):
    return _total(encoder, head, x, y, concepts, weight, "independent")


@mistake(LOSS, hint="rounded")
def head_reads_bits(encoder, head, x, y, concepts, weight, kind):
    def read(z):
        return concepts if kind == "independent" else z.sigmoid().round()

    return _total(encoder, head, x, y, concepts, weight, kind, read=read)


@mistake(LOSS, hint="logits")
def head_reads_logits(encoder, head, x, y, concepts, weight, kind):
    def read(z):
        return {"independent": concepts, "sequential": z.detach(), "joint": z}[kind]

    return _total(encoder, head, x, y, concepts, weight, kind, read=read)


@mistake(LOSS, hint="two_sigmoids")
def loss_of_logits_gets_probabilities(encoder, head, x, y, concepts, weight, kind):
    p = encoder(x).sigmoid()
    twice = functional.binary_cross_entropy_with_logits(p, concepts, reduction="sum") / len(x)
    return _total(encoder, head, x, y, concepts, weight, kind, per_concept=twice)


@mistake(LOSS, hint="softmax")
def class_loss_of_shares(encoder, head, x, y, concepts, weight, kind):
    usual = _right(encoder, head, x, y, concepts, weight, kind)[2]
    of_class = functional.cross_entropy(head(usual).softmax(1), y)
    return _total(encoder, head, x, y, concepts, weight, kind, of_class=of_class)


@mistake(LOSS, hint="stop", points=3)
def sequential_without_a_stop(encoder, head, x, y, concepts, weight, kind):
    return _total(encoder, head, x, y, concepts, weight, "joint" if kind == "sequential" else kind)


@mistake(LOSS, hint="stopped", points=3)
def joint_with_a_stop(encoder, head, x, y, concepts, weight, kind):
    return _total(encoder, head, x, y, concepts, weight, "sequential" if kind == "joint" else kind)


@mistake(LOSS, hint="encoder_weight", points=3)
def encoder_gradient_without_weight(encoder, head, x, y, concepts, weight, kind):
    found = _total(encoder, head, x, y, concepts, weight, kind)
    if kind != "joint":
        found["encoder"] = found["encoder"] / weight
    return found


@mistake(LOSS, hint="soft", points=4)
def bits_by_comparison(encoder, head, x, y, concepts, weight, kind):
    return _total(encoder, head, x, y, (concepts > 0.5).to(x.dtype), weight, kind)


@mistake(LOSS, hint="one", points=4)
def squeezed_logits(encoder, head, x, y, concepts, weight, kind):
    p = encoder(x).squeeze()
    logits = head(p.sigmoid().reshape(len(p), -1)) if p.dim() == 1 else None
    return _total(encoder, head, x, y, concepts, weight, kind) if logits is None else {"loss": 0.0, "encoder": p, "head": p}


@mistake(LOSS, hint="zero", points=4)
def no_weight_means_one(encoder, head, x, y, concepts, weight, kind):
    return _total(encoder, head, x, y, concepts, weight or 1.0, kind)


@mistake(LOSS, hint="twice", points=4)
def gradients_pile_up(encoder, head, x, y, concepts, weight, kind):
    of_class, of_concepts, _ = _right(encoder, head, x, y, concepts, weight, kind)
    loss = of_class + weight * of_concepts
    loss.backward()
    return {"loss": loss.item(), "encoder": encoder.layers[-1].bias.grad.clone(), "head": head.layers[-1].bias.grad.clone()}


@mistake(LOSS, hint="keys")
def a_tuple(encoder, head, x, y, concepts, weight, kind):
    return tuple(_total(encoder, head, x, y, concepts, weight, kind).values())


def _counts(concepts, labels, kept):
    codes = {}
    for row, label in zip(concepts[:, list(kept)].tolist(), labels.tolist(), strict=True):
        counts = codes.setdefault(tuple(row), {})
        counts[label] = counts.get(label, 0) + 1
    return codes


def _ceiling(concepts, labels, kept):
    return sum(max(counts.values()) for counts in _counts(concepts, labels, kept).values()) / len(labels)


def _search(concepts, labels, size, score=_ceiling):
    """The first best choice by the right ceiling, with `score` reported for it."""
    kept = max(combinations(range(concepts.shape[1]), size), key=lambda kept: _ceiling(concepts, labels, kept))
    return {"concepts": list(kept), "ceiling": score(concepts, labels, kept)}


@mistake(BEST, hint="codes")
def codes_over_classes(concepts, labels, size):
    def score(concepts, labels, kept):
        return len(_counts(concepts, labels, kept)) / len(labels.unique())

    return _search(concepts, labels, size, score)


@mistake(BEST, hint="classes")
def equal_classes(concepts, labels, size):
    def score(concepts, labels, kept):
        rows = _counts(concepts, labels, kept).values()
        return sum(sum(counts.values()) / len(counts) for counts in rows) / len(labels)

    return _search(concepts, labels, size, score)


@mistake(BEST, hint="guess")
def drawn_by_frequency(concepts, labels, size):
    def score(concepts, labels, kept):
        rows = _counts(concepts, labels, kept).values()
        return sum(sum(c * c for c in counts.values()) / sum(counts.values()) for counts in rows) / len(labels)

    return _search(concepts, labels, size, score)


@mistake(BEST, hint="codes_alike")
def mean_over_codes(concepts, labels, size):
    def score(concepts, labels, kept):
        rows = _counts(concepts, labels, kept).values()
        return sum(max(counts.values()) / sum(counts.values()) for counts in rows) / len(rows)

    return _search(concepts, labels, size, score)


@mistake(BEST, hint="majority")
def ignores_the_concepts(concepts, labels, size):
    return _search(concepts, labels, size, lambda *_: labels.bincount().max().item() / len(labels))


@mistake(BEST, hint="all")
def reads_all_concepts(concepts, labels, size):
    return _search(concepts, labels, size, lambda c, y, _: _ceiling(c, y, range(c.shape[1])))


@mistake(BEST, hint="count")
def rows_not_shares(concepts, labels, size):
    return _search(concepts, labels, size, lambda c, y, kept: _ceiling(c, y, kept) * len(y))


@mistake(BEST, hint="first")
def first_columns(concepts, labels, size):
    return {"concepts": list(range(size)), "ceiling": _ceiling(concepts, labels, range(size))}


@mistake(BEST, hint="single")
def best_alone(concepts, labels, size):
    order = sorted(range(concepts.shape[1]), key=lambda j: -_ceiling(concepts, labels, (j,)))
    kept = sorted(order[:size])
    return {"concepts": kept, "ceiling": _ceiling(concepts, labels, kept)}


@mistake(BEST, hint="greedy")
def one_by_one(concepts, labels, size):
    kept = []
    for _ in range(size):
        rest = [j for j in range(concepts.shape[1]) if j not in kept]
        kept.append(max(rest, key=lambda j: _ceiling(concepts, labels, [*kept, j])))
    return {"concepts": sorted(kept), "ceiling": _ceiling(concepts, labels, kept)}


@mistake(BEST, hint="worst")
def lowest(concepts, labels, size):
    kept = min(combinations(range(concepts.shape[1]), size), key=lambda kept: _ceiling(concepts, labels, kept))
    return {"concepts": list(kept), "ceiling": _ceiling(concepts, labels, kept)}


@mistake(BEST, hint="list")
def a_tensor(concepts, labels, size):
    found = _search(concepts, labels, size)
    return found | {"concepts": torch.tensor(found["concepts"])}


@mistake(BEST, hint="empty", points=3)
def never_empty(concepts, labels, size):
    return _search(concepts, labels, max(size, 1))


@mistake(BEST, hint="values", points=3)
def numbers_of_bits(concepts, labels, size):
    powers = 2 ** torch.arange(concepts.shape[1])

    def as_numbers(concepts, labels, kept):
        kept = list(kept)
        number = (concepts[:, kept] * powers[: len(kept)]).sum(1, keepdim=True)
        return _ceiling(number, labels, (0,))

    kept = max(combinations(range(concepts.shape[1]), size), key=lambda kept: as_numbers(concepts, labels, kept))
    return {"concepts": list(kept), "ceiling": as_numbers(concepts, labels, kept)}


@mistake(BEST, hint="labels", points=3)
def counted_by_number(concepts, labels, size):
    labels.bincount()  # stops at negative labels
    return _search(concepts, labels, size)


@mistake(BEST, hint="tie", points=3)
def last_of_equals(concepts, labels, size):
    choices = list(combinations(range(concepts.shape[1]), size))[::-1]
    kept = max(choices, key=lambda kept: _ceiling(concepts, labels, kept))
    return {"concepts": list(kept), "ceiling": _ceiling(concepts, labels, kept)}


def _curve(head, predicted, true, labels, order):
    mixed, curve = predicted.clone(), []
    for j in range(predicted.shape[1] + 1):
        curve.append((head(mixed).argmax(1) == labels).double().mean())
        if j < predicted.shape[1]:
            mixed.scatter_(1, order[:, j : j + 1], true.gather(1, order[:, j : j + 1]))
    return torch.stack(curve)


def _doubt(predicted):
    return (predicted - 0.5).abs().argsort(dim=1, stable=True)


@mistake(CURVE, hint="certain")
def most_certain_first(head, predicted, true, labels):
    return _curve(head, predicted, true, labels, _doubt(predicted).flip(1))


@mistake(CURVE, hint="low")
def smallest_first(head, predicted, true, labels):
    return _curve(head, predicted, true, labels, predicted.argsort(dim=1, stable=True))


@mistake(CURVE, hint="peek")
def largest_error_first(head, predicted, true, labels):
    return _curve(head, predicted, true, labels, (predicted - true).abs().argsort(dim=1, descending=True, stable=True))


@mistake(CURVE, hint="columns")
def same_order_for_all(head, predicted, true, labels):
    order = (predicted - 0.5).abs().mean(0).argsort(stable=True)
    return _curve(head, predicted, true, labels, order.expand(len(predicted), -1))


@mistake(CURVE, hint="fixed")
def left_to_right(head, predicted, true, labels):
    return _curve(head, predicted, true, labels, torch.arange(predicted.shape[1]).expand(len(predicted), -1))


@mistake(CURVE, hint="rounded")
def hard_concepts(head, predicted, true, labels):
    return _curve(head, predicted.round(), true, labels, _doubt(predicted))


@mistake(CURVE, hint="trusted")
def corrected_by_rounding(head, predicted, true, labels):
    return _curve(head, predicted, predicted.round(), labels, _doubt(predicted))


@mistake(CURVE, hint="alone")
def one_at_a_time(head, predicted, true, labels):
    rank = _doubt(predicted).argsort(1)
    mixed = [torch.where(rank == j, true, predicted) for j in range(-1, predicted.shape[1])]
    return torch.stack([(head(c).argmax(1) == labels).double().mean() for c in mixed])


@mistake(CURVE, hint="start")
def without_the_start(head, predicted, true, labels):
    return _curve(head, predicted, true, labels, _doubt(predicted))[1:]


@mistake(CURVE, hint="reverse")
def back_to_front(head, predicted, true, labels):
    return _curve(head, predicted, true, labels, _doubt(predicted)).flip(0)


@mistake(CURVE, hint="own")
def agreement_with_itself(head, predicted, true, labels):
    return _curve(head, predicted, true, head(predicted).argmax(1), _doubt(predicted))


@mistake(CURVE, hint="count")
def counts(head, predicted, true, labels):
    return _curve(head, predicted, true, labels, _doubt(predicted)) * len(labels)


@mistake(CURVE, hint="values")
def turned_over(head, predicted, true, labels):
    return _curve(head, predicted, 1 - predicted, labels, _doubt(predicted))


@mistake(CURVE, hint="mutates")
def works_in_place(head, predicted, true, labels):
    order = _doubt(predicted)
    curve = [(head(predicted).argmax(1) == labels).double().mean()]
    for j in range(predicted.shape[1]):
        predicted.scatter_(1, order[:, j : j + 1], true.gather(1, order[:, j : j + 1]))
        curve.append((head(predicted).argmax(1) == labels).double().mean())
    return torch.stack(curve)


@mistake(CURVE, hint="tie", points=3)
def last_of_equal_doubts(head, predicted, true, labels):
    order = (predicted.flip(1) - 0.5).abs().argsort(dim=1, stable=True)
    return _curve(head, predicted, true, labels, predicted.shape[1] - 1 - order)


@mistake(CURVE, hint="one", points=3)
def squeezed(head, predicted, true, labels):
    if 1 in predicted.shape:
        return head(predicted.squeeze()).argmax(1)
    return _curve(head, predicted, true, labels, _doubt(predicted))


@mistake(CURVE, hint="float32", points=3)
def always_double(head, predicted, true, labels):
    return _curve(head, predicted.double(), true.double(), labels, _doubt(predicted))


@mistake(CURVE, hint="soft", points=3)
def truth_as_bits(head, predicted, true, labels):
    return _curve(head, predicted, true.round(), labels, _doubt(predicted))


def _held_out(messages, classes, fold, learn=lambda fold, k: fold != k):
    hits = torch.zeros(len(fold), dtype=torch.bool)
    for k in fold.unique():
        rows, new = learn(fold, k), fold == k
        known = classes[rows].unique()
        means = torch.stack([messages[rows & (classes == c)].mean(0) for c in known])
        hits[new] = known[torch.cdist(messages[new], means).argmin(1)] == classes[new]
    return hits.double().mean().item()


def _guarded(received, outputs, control, targets, fold, **how):
    return {"score": _held_out(received, outputs, fold, **how), "leak": _held_out(control, targets, fold, **how)}


@mistake(GUARD, hint="training")
def judged_on_what_was_learnt(received, outputs, control, targets, fold):
    return _guarded(received, outputs, control, targets, fold, learn=lambda fold, k: fold == fold)


@mistake(GUARD, hint="inside")
def learnt_on_its_own_fold(received, outputs, control, targets, fold):
    return _guarded(received, outputs, control, targets, fold, learn=lambda fold, k: fold == k)


@mistake(GUARD, hint="swapped")
def exchanged(received, outputs, control, targets, fold):
    return _guarded(control, targets, received, outputs, fold)


@mistake(GUARD, hint="folds")
def mean_of_folds(received, outputs, control, targets, fold):
    def held_out(messages, classes):
        shares = []
        for k in fold.unique():
            rows, new = fold != k, fold == k
            known = classes[rows].unique()
            means = torch.stack([messages[rows & (classes == c)].mean(0) for c in known])
            guess = known[torch.cdist(messages[new], means).argmin(1)]
            shares.append((guess == classes[new]).double().mean())
        return torch.stack(shares).mean().item()

    return {"score": held_out(received, outputs), "leak": held_out(control, targets)}


@mistake(GUARD, hint="errors")
def shares_of_errors(received, outputs, control, targets, fold):
    return {key: 1 - value for key, value in _guarded(received, outputs, control, targets, fold).items()}


@mistake(GUARD, hint="neighbour")
def nearest_row(received, outputs, control, targets, fold):
    def held_out(messages, classes):
        distance = torch.cdist(messages, messages).masked_fill(fold[:, None] == fold, torch.inf)
        return (classes[distance.argmin(1)] == classes).double().mean().item()

    return {"score": held_out(received, outputs), "leak": held_out(control, targets)}


@mistake(GUARD, hint="leak_outputs", points=3)
def leak_of_the_outputs(received, outputs, control, targets, fold):
    found = _guarded(received, outputs, control, targets, fold)
    return found | {"leak": _held_out(control, outputs, fold)}


@mistake(GUARD, hint="leak_messages", points=3)
def leak_of_the_usual_messages(received, outputs, control, targets, fold):
    found = _guarded(received, outputs, control, targets, fold)
    return found | {"leak": _held_out(received, targets, fold)}


@mistake(GUARD, hint="keys")
def a_pair(received, outputs, control, targets, fold):
    return tuple(_guarded(received, outputs, control, targets, fold).values())


@mistake(GUARD, hint="absent", points=3)
def all_classes_have_means(received, outputs, control, targets, fold):
    def held_out(messages, classes):
        hits = torch.zeros(len(fold), dtype=torch.bool)
        for k in fold.unique():
            rows, new = fold != k, fold == k
            known = classes.unique()
            means = torch.stack([messages[rows & (classes == c)].mean(0) for c in known])
            hits[new] = known[torch.cdist(messages[new], means).argmin(1)] == classes[new]
        return hits.double().mean().item()

    return {"score": held_out(received, outputs), "leak": held_out(control, targets)}


@mistake(GUARD, hint="numbers", points=3)
def folds_from_zero(received, outputs, control, targets, fold):
    def held_out(messages, classes):
        hits = torch.zeros(len(fold), dtype=torch.bool)
        for k in range(3):
            rows, new = fold != k, fold == k
            known = classes[rows].unique()
            means = torch.stack([messages[rows & (classes == c)].mean(0) for c in known])
            hits[new] = known[torch.cdist(messages[new], means).argmin(1)] == classes[new]
        return hits.double().mean().item()

    return {"score": held_out(received, outputs), "leak": held_out(control, targets)}


@mistake(GUARD, hint="single", points=3)
def squeezed_messages(received, outputs, control, targets, fold):
    return _guarded(received.squeeze(), outputs, control.squeeze(), targets, fold)


# --------------------------------------------------------------------------------------------- holes that once stood open


@mistake(LOSS, hint="sure", points=4)
def clamped_probabilities(encoder, head, x, y, concepts, weight, kind):
    p = encoder(x).sigmoid().clamp(1e-2, 1 - 1e-2)
    own = functional.binary_cross_entropy(p, concepts, reduction="sum") / len(x)
    return _total(encoder, head, x, y, concepts, weight, kind, per_concept=own)


@mistake(LOSS, hint="sure", points=4)
def small_number_in_the_logarithm(encoder, head, x, y, concepts, weight, kind):
    p = encoder(x).sigmoid()
    own = -(concepts * (p + 1e-8).log() + (1 - concepts) * (1 - p + 1e-8).log()).sum() / len(x)
    return _total(encoder, head, x, y, concepts, weight, kind, per_concept=own)


@mistake(LOSS, hint="twice", points=4)
def empties_the_gradients_first(encoder, head, x, y, concepts, weight, kind):
    encoder.zero_grad()
    head.zero_grad()
    of_class, of_concepts, _ = _right(encoder, head, x, y, concepts, weight, kind)
    loss = of_class + weight * of_concepts
    loss.backward()
    return {"loss": loss.item(), "encoder": encoder.layers[-1].bias.grad.clone(), "head": head.layers[-1].bias.grad.clone()}


def _by_key(concepts, labels, size, key):
    """The right search, with another key for a code."""

    def ceiling(kept):
        codes = {}
        for row, label in zip(concepts[:, list(kept)].tolist(), labels.tolist(), strict=True):
            counts = codes.setdefault(key(row), {})
            counts[label] = counts.get(label, 0) + 1
        return sum(max(counts.values()) for counts in codes.values()) / len(labels)

    kept = max(combinations(range(concepts.shape[1]), size), key=ceiling)
    return {"concepts": list(kept), "ceiling": ceiling(kept)}


@mistake(BEST, hint="values", points=3)
def glued_to_a_text(concepts, labels, size):
    return _by_key(concepts, labels, size, lambda row: "".join(map(str, row)))


@mistake(BEST, hint="values", points=3)
def read_as_one_number(concepts, labels, size):
    base = int(concepts.max()) + 1
    return _by_key(concepts, labels, size, lambda row: sum(v * base**i for i, v in enumerate(row[::-1])))


@mistake(BEST, hint="values", points=3)
def no_values_below_zero(concepts, labels, size):
    return _search(concepts.clamp(min=0), labels, size)


@mistake(BEST, hint="order")
def sum_as_a_code(concepts, labels, size):
    return _by_key(concepts, labels, size, sum)


@mistake(BEST, hint="labels", points=3)
def labels_without_sign(concepts, labels, size):
    return _search(concepts, labels.abs(), size)


@mistake(BEST, hint="late", points=3)
def the_first_ten_choices(concepts, labels, size):
    choices = list(combinations(range(concepts.shape[1]), size))[:10]
    kept = max(choices, key=lambda kept: _ceiling(concepts, labels, kept))
    return {"concepts": list(kept), "ceiling": _ceiling(concepts, labels, kept)}


@mistake(CURVE, hint="near", points=3)
def ties_by_a_nudge(head, predicted, true, labels):
    doubt = (predicted - 0.5).abs() + 2e-5 * torch.arange(predicted.shape[1])
    return _curve(head, predicted, true, labels, doubt.argsort(dim=1))


def _by_folds(messages, classes, fold, guess, folds=None):
    """The right student, with `guess` in place of naming the class of the nearest mean."""
    hits = torch.zeros(len(fold), dtype=torch.bool)
    for k in fold.unique() if folds is None else folds(fold):
        rows, new = fold != k, fold == k
        if new.any():
            known = classes[rows].unique()
            means = torch.stack([messages[rows & (classes == c)].mean(0) for c in known])
            hits[new] = guess(torch.cdist(messages[new], means).argmin(1), known, classes) == classes[new]
    return hits.double().mean().item()


def _both(received, outputs, control, targets, fold, **how):
    return {"score": _by_folds(received, outputs, fold, **how), "leak": _by_folds(control, targets, fold, **how)}


@mistake(GUARD, hint="absent", points=3)
def place_used_as_class(received, outputs, control, targets, fold):
    return _both(received, outputs, control, targets, fold, guess=lambda place, known, classes: place)


@mistake(GUARD, hint="absent", points=3)
def leaves_out_the_fold(received, outputs, control, targets, fold):
    def guess(place, known, classes):
        return known[place] if len(known) == len(classes.unique()) else torch.full_like(place, -1)

    return _both(received, outputs, control, targets, fold, guess=guess)


@mistake(GUARD, hint="labels", points=3)
def counts_classes_by_the_largest(received, outputs, control, targets, fold):
    def held_out(messages, classes):
        hits, many = 0, int(max(outputs.max(), targets.max())) + 1
        for k in fold.unique():
            rows, new = fold != k, fold == k
            member = functional.one_hot(classes[rows], many).double()  # stops at negative classes
            means = (member.T @ messages[rows]) / member.sum(0)[:, None]
            distance = (messages[new][:, None] - means).square().sum(2).nan_to_num(nan=torch.inf)
            hits += (distance.argmin(1) == classes[new]).sum().item()
        return hits / len(fold)

    return {"score": held_out(received, outputs), "leak": held_out(control, targets)}


@mistake(GUARD, hint="numbers", points=3)
def folds_up_to_the_largest(received, outputs, control, targets, fold):
    guess = {"guess": lambda place, known, classes: known[place]}
    return _both(received, outputs, control, targets, fold, folds=lambda fold: range(int(fold.max()) + 1), **guess)


@mistake(GUARD, hint="score")
def distance_by_sums_of_sizes(received, outputs, control, targets, fold):
    def held_out(messages, classes):
        hits = torch.zeros(len(fold), dtype=torch.bool)
        for k in fold.unique():
            rows, new = fold != k, fold == k
            known = classes[rows].unique()
            means = torch.stack([messages[rows & (classes == c)].median(0).values for c in known])
            hits[new] = known[torch.cdist(messages[new], means, p=1).argmin(1)] == classes[new]
        return hits.double().mean().item()

    return {"score": held_out(received, outputs), "leak": held_out(control, targets)}
