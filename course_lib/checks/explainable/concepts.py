"""Checks for exercises/explainable/concepts.ipynb."""

from collections import Counter
from itertools import combinations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.instances import remember
from course_lib.checks.returns import as_dict, as_number
from course_lib.models import MLP

KINDS = ("joint", "sequential", "independent")


# -------------------------------------------------------------------------------------------------- loss and gradients

bottleneck_gradients = Exercise(
    "explainable/concepts/bottleneck_gradients",
    hints={
        "keys": 'return a dict with the keys "loss", "encoder" and "head"',
        "concept_mean": "the concept losses of a row are added up, not averaged: the mean is over rows only",
        "rows": "the losses are means over the rows of the batch, not sums",
        "class_weight": "the weight belongs to the concept loss, not to the class loss",
        "no_weight": "the weight of the concept loss is ignored",
        "no_concepts": "the concept loss is missing",
        "no_class": "the class loss is missing",
        "reads_predicted": "independent: while it learns, the head reads the true concepts",
        "reads_true": "sequential and joint: the head reads the predicted concepts, not the true ones",
        "rounded": "the head reads the probabilities as they are, not rounded to 0 or 1",
        "logits": "the head reads probabilities: the sigmoid of what the encoder returns",
        "two_sigmoids": "a sigmoid too many: a loss that takes logits should get the encoder's output itself",
        "softmax": "a softmax too many: the class loss takes logits",
        "loss": "loss = mean over rows of the class log-loss + weight * sum over concepts of the binary log-losses",
        "stop": "sequential: the class loss must not reach the encoder; cut the gradient where the head reads",
        "stopped": "joint: the class loss reaches the encoder through the predicted concepts; do not cut the gradient",
        "encoder_weight": "the loss is right, but the encoder's gradient is not that of weight times the concept loss",
        "encoder": "the gradient in the last bias of the encoder is that of the whole loss",
        "head": "the gradient in the last bias of the head is that of the whole loss",
        "zero": "right in general, but with weight 0 only the class loss is left",
        "soft": "right for concepts that are 0 or 1, but a true concept may be a probability too, such as 0.7",
        "one": "right in general, but a batch may have a single row",
        "sure": "right in general, but an encoder may be sure, with logits of 14: no clamp and no small number in a logarithm",
        "twice": "the parameters' own gradients (`.grad`) have changed: leave none behind, and leave those that are there",
    },
)


def _parts(random, k: int = 3, m: int = 4, n: int = 2) -> tuple[MLP, MLP]:
    encoder, head = MLP([n, 4, k], "tanh", random.seed()).double(), MLP([k, 5, m], "tanh", random.seed()).double()
    with torch.no_grad():
        for parameter in (*encoder.parameters(), *head.parameters()):
            parameter += 0.3 * random.normal(*parameter.shape)
    return encoder, head


def _binary(p: Tensor, c: Tensor) -> Tensor:
    return -(c * p.log() + (1 - c) * (1 - p).log())


def _losses(encoder, head, x, y, concepts, read: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Class loss and concept loss, written out; the head reads `read`, or the predicted concepts."""
    p = 1 / (1 + (-encoder.layers(x)).exp())
    logits = head(p if read is None else read)
    right = logits.gather(1, y[:, None])[:, 0]
    return (logits.logsumexp(1) - right).mean(), _binary(p, concepts).sum(1).mean()


@remember
def _bottleneck_truth(encoder, head, x, y, concepts, weight, kind) -> dict:
    """Loss and gradients in closed form: softmax minus one-hot at the head, weight * (p - c) and the chain rule before it."""
    with torch.no_grad():
        p = encoder.layers(x).sigmoid()
    read = (concepts.clone() if kind == "independent" else p).requires_grad_(True)
    of_class, of_concepts = _losses(encoder, head, x, y, concepts, read)
    logits = head(read)
    residual = (logits.softmax(1) - one_hot(y, logits.shape[1])).detach()
    back = torch.autograd.grad(logits, read, residual)[0] * p * (1 - p)  # what the class loss sends to the encoder
    alone = weight * (p - concepts).mean(0)
    return {
        "loss": (of_class + weight * of_concepts).item(),
        "head": residual.mean(0),
        "encoder": (alone + back.mean(0) if kind == "joint" else alone).detach(),
        "other": (alone if kind == "joint" else alone + back.mean(0)).detach(),
        "alone": (p - concepts).mean(0).detach(),
    }


def _likely_losses(encoder, head, x, y, concepts, weight, kind) -> dict:
    with torch.no_grad():
        z = encoder.layers(x)
        p, rows, k = z.sigmoid(), len(x), concepts.shape[1]
        read = concepts if kind == "independent" else p
        one, two = (part.item() for part in _losses(encoder, head, x, y, concepts, read))
        other = p if kind == "independent" else concepts
        swapped, rounded, raw = (_losses(encoder, head, x, y, concepts, r)[0].item() for r in (other, p.round(), z))
        shares = head(read).softmax(1)
        twice = (shares.logsumexp(1) - shares.gather(1, y[:, None])[:, 0]).mean().item()
        doubled = _binary(p.sigmoid(), concepts).sum(1).mean().item()
    return {
        "concept_mean": [one + weight * two / k],
        "rows": [rows * one + weight * rows * two, one + weight * rows * two, rows * one + weight * two],
        "class_weight": [weight * one + two, weight * (one + two)],
        "no_weight": one + two,
        "no_concepts": one,
        "no_class": [weight * two, two],
        ("reads_predicted" if kind == "independent" else "reads_true"): swapped + weight * two,
        "rounded": rounded + weight * two,
        "logits": raw + weight * two,
        "two_sigmoids": [one + weight * doubled, one + weight * doubled / k],
        "softmax": twice + weight * two,
    }


def _batch(random, k: int = 3, m: int = 4, rows: int = 5, n: int = 2):
    """Inputs, labels, concepts and a weight; not a weight near 1, so that a misplaced one shows."""
    y = torch.tensor([random.integer(0, m - 1) for _ in range(rows)])
    return random.normal(rows, n), y, random.gates(rows, k), random.uniform(1).item() * 2 + 1.7


@bottleneck_gradients.property(points=2)
def weighs_two_losses(answer, random):
    for kind in KINDS:
        parts, batch = random.once(_parts), _batch(random)
        truth = random.recall(lambda: _bottleneck_truth(*parts, *batch, kind))  # noqa: B023
        found = as_dict(answer(*parts, *batch, kind), ["loss", "encoder", "head"])
        loss = as_number(found["loss"], '"loss"')
        if not close(loss, truth["loss"]):
            raise nearest(loss, random.recall(lambda: _likely_losses(*parts, *batch, kind)), "loss")  # noqa: B023


@bottleneck_gradients.property(points=2)
def sends_gradients_where_they_belong(answer, random):
    for kind in KINDS:
        parts, batch = random.once(_parts), _batch(random)
        truth = random.recall(lambda: _bottleneck_truth(*parts, *batch, kind))  # noqa: B023
        found = as_dict(answer(*parts, *batch, kind), ["loss", "encoder", "head"])
        encoder = as_tensor(found["encoder"], (3,), '"encoder"')
        if not close(encoder, truth["encoder"]):
            likely = {("stopped" if kind == "joint" else "stop"): truth["other"], "encoder_weight": truth["alone"]}
            raise nearest(encoder, likely, "encoder")
        if not close(as_tensor(found["head"], (4,), '"head"'), truth["head"]):
            raise Wrong("head")


@bottleneck_gradients.property(points=1)
def learns_at_the_edges(answer, random):
    parts, batch = random.once(_parts), _batch(random)
    fair = [kind for kind in KINDS if _right_parts(answer, parts, (*batch, kind))]
    if not fair:
        sends_gradients_where_they_belong(answer, random)  # what is wrong in general is not told as an edge
        raise Wrong("encoder")
    x, y, concepts, weight = batch
    for hint, networks, batch in (
        ("zero", parts, (x, y, concepts, 0.0, fair[-1])),
        ("soft", parts, (x, y, random.uniform(5, 3, low=0.1, high=0.9), weight, fair[0])),
        ("one", _parts(random, k=2, m=3), (x[:1], y[:1] % 3, concepts[:1, :2], weight, random.choice(fair))),
        ("sure", _sure_parts(random), (x, y, concepts, weight, fair[0])),
    ):
        _same_parts(hint, called(hint, answer, *networks, *batch), _bottleneck_truth(*networks, *batch))
        _forget(networks)
    _leaves_gradients_alone(answer, random, parts, (x, y, concepts, weight, fair[-1]))


def _right_parts(answer, networks: tuple, batch: tuple) -> bool:
    try:
        _same_parts("loss", answer(*networks, *batch), _bottleneck_truth(*networks, *batch))
    except Wrong:
        return False
    finally:
        _forget(networks)
    return True


def _forget(networks: tuple) -> None:
    """No gradient left behind by one call shall count in the next: that is a question of its own."""
    for part in networks:
        part.zero_grad(set_to_none=True)


def _sure_parts(random) -> tuple[MLP, MLP]:
    """Networks whose concepts have logits of about 14 or -14, right or wrong."""
    encoder, head = _parts(random)
    with torch.no_grad():
        encoder.layers[-1].bias += 14 * (2 * random.gates(3) - 1)
    return encoder, head


def _leaves_gradients_alone(answer, random, parts: tuple, batch: tuple) -> None:
    """Once without gradients in the parameters, once with some that must stay."""
    truth = _bottleneck_truth(*parts, *batch)
    own = [parameter for part in parts for parameter in part.parameters()]
    for given in (None, random.normal(1)[0]):
        for parameter in own:
            parameter.grad = None if given is None else torch.full_like(parameter, given.item())
        _same_parts("twice", called("twice", answer, *parts, *batch), truth)
        if any(p.grad is not None if given is None else p.grad is None or (p.grad != given).any() for p in own):
            raise Wrong("twice")


def _same_parts(hint: str, found: object, truth: dict) -> None:
    found = as_dict(found, ["loss", "encoder", "head"])
    if not close(as_number(found["loss"]), truth["loss"]):
        raise Wrong(hint)
    for key in ("encoder", "head"):
        if not isinstance(found[key], Tensor) or not close(as_tensor(found[key], truth[key].shape), truth[key]):
            raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------ best concepts

best_concepts = Exercise(
    "explainable/concepts/best_concepts",
    hints={
        "keys": 'return a dict with the keys "concepts" and "ceiling"',
        "list": '"concepts" should be a list of column numbers, smallest first, as many as asked for',
        "codes": "the number of codes says nothing about how often each class occurs: count rows, not codes",
        "classes": "classes are not equally frequent: count the rows of each class in a code",
        "guess": "within a code, name its most frequent class each time; do not draw one at random",
        "codes_alike": "codes are not equally frequent: add the rows named right over all codes, then divide by all rows",
        "largest": "every code counts, not only the one with the most rows",
        "majority": "the concepts are ignored: the rule may answer each code by another class",
        "all": "the rule may read the chosen concepts only, not all of them",
        "order": "a code is the values in their columns: a sum, or the values sorted, makes one code of several",
        "late": "right for few concepts, but not with more choices: try every one of them",
        "first": "the first columns are not always the best: try every choice",
        "greedy": "adding the best concept one by one can miss the best set: try every choice",
        "single": "concepts that are best alone are not best together: try every choice",
        "worst": "you return the choice with the lowest ceiling",
        "count": "the ceiling is a share of the rows, not a number of rows",
        "choice": "the ceiling belongs to another choice of concepts than the one you return",
        "ceiling": "for each code count its most frequent class, add over codes, divide by the number of rows",
        "value": "try every choice of that many columns and keep the one with the highest ceiling",
        "empty": "right in general, but with no concept at all every row looks alike",
        "every": "right in general, but all concepts may be asked for",
        "one": "right in general, but the data may be a single row",
        "labels": "right in general, but labels may be any whole numbers, such as -3 or 40",
        "values": "right for zeros and ones, but a concept may have more than two values",
        "tie": "if several choices are equally good, return the first in the order of `itertools.combinations`",
    },
)


def _ceiling(concepts: Tensor, labels: Tensor, kept) -> float:
    """Rows named right by the best rule, over all rows."""
    largest: dict[tuple, int] = {}
    pairs = Counter(zip(map(tuple, concepts[:, list(kept)].tolist()), labels.tolist(), strict=True))
    for (code, _), count in pairs.items():
        largest[code] = max(largest.get(code, 0), count)
    return sum(largest.values()) / len(labels)


def _table(random, rows: int = 30, k: int = 5) -> tuple[Tensor, Tensor]:
    """Bits that say something about unequally frequent classes, each row with some noise."""
    labels = (6 * random.uniform(rows, 2)).long().amin(1) % 4
    codes, noise = random.gates(4, k), random.uniform(rows, k) < 0.15
    return (codes[labels].bool() ^ noise).long(), labels


def _ceilings_of_bits(concepts: Tensor, labels: Tensor, size: int) -> dict[tuple, float]:
    """The ceilings of all choices at once, for bits and labels below 4: a count for each choice, code and label."""
    choices = list(combinations(range(concepts.shape[1]), size))
    cell = 4 * (concepts[:, torch.tensor(choices)] * 2 ** torch.arange(size)).sum(2) + labels[:, None]
    counts = torch.zeros(len(choices), 4 * 2**size, dtype=torch.long).scatter_add_(1, cell.T, torch.ones_like(cell.T))
    right = counts.view(len(choices), -1, 4).amax(2).sum(1)
    return dict(zip(choices, (right.double() / len(labels)).tolist(), strict=True))


def _best_by_sums(concepts: Tensor, labels: Tensor) -> tuple[int, ...]:
    """The pair that is best if only the sum of its values is read."""
    pairs = combinations(range(concepts.shape[1]), 2)
    return max(pairs, key=lambda pair: _ceiling(concepts[:, list(pair)].sum(1, keepdim=True), labels, (0,)))


def _telling_table(random) -> tuple[Tensor, Tensor, dict]:
    """A table whose best pair is one alone and not what a shortcut finds."""
    while True:
        concepts, labels = _table(random)
        every = _ceilings_of_bits(concepts, labels, 2)
        best = max(every, key=every.get)
        single = _ceilings_of_bits(concepts, labels, 1)
        alone = sorted(range(5), key=lambda j: -single[(j,)])
        greedy = max((j for j in range(5) if j != alone[0]), key=lambda j: every[tuple(sorted((alone[0], j)))])
        shortcuts = {"greedy": tuple(sorted((alone[0], greedy))), "single": tuple(sorted(alone[:2])), "first": (0, 1)}
        others = [best, min(every, key=every.get), *shortcuts.values()]
        if sum(value == every[best] for value in every.values()) == 1 and len(set(others)) == 5:
            rules = _wrong_rules(concepts, labels, best)
            common = [rules[hint] for hint in ("majority", "codes_alike", "guess", "all")]
            common += [every[best], rules["codes"][0], rules["classes"][-1], rules["order"]]
            told = len({round(value, 6) for value in common}) == len(common)
            if told and _best_by_sums(concepts, labels) not in shortcuts.values():
                return concepts, labels, {"every": every, "best": best, **shortcuts}


@best_concepts.property(points=3)
def finds_the_best_pair(answer, random):
    found = [hints for hints in (_pair_hints(answer, *random.once(_telling_table)) for _ in range(2)) if hints]
    if found:
        common = set.intersection(*map(set, found)) if len(found) > 1 else set()
        raise Wrong(next((hint for hint in found[0] if hint in common), found[0][-1]))


def _pair_hints(answer, concepts: Tensor, labels: Tensor, known: dict) -> list[str]:
    """The mistakes that fit this instance, likeliest first, the general one last; none if the answer is right."""
    found = as_dict(answer(concepts, labels, 2), ["concepts", "ceiling"])
    ceiling, kept = as_number(found["ceiling"], '"ceiling"'), _columns(found["concepts"], 2)
    own = known["every"].get(kept)
    if own is None:
        raise Wrong("list")
    if kept == known["best"] and close(ceiling, own):
        return []
    if close(ceiling, own):
        worst = min(known["every"], key=known["every"].get)
        names = {hint: known[hint] for hint in ("first", "single", "greedy")} | {"worst": worst}
        names["order"] = _best_by_sums(concepts, labels)
        return [*(hint for hint, other in names.items() if other == kept), "value"]
    rules = _wrong_rules(concepts, labels, kept)
    fitting = [
        hint
        for hint, others in rules.items()
        if any(close(ceiling, v) for v in (others if isinstance(others, list) else [others]))
    ]
    return [*fitting, *["choice"] * any(close(ceiling, v) for v in known["every"].values()), "ceiling"]


def _columns(value: object, size: int) -> tuple[int, ...]:
    if isinstance(value, Tensor):
        raise Wrong("list", '"concepts" should be a list of column numbers, smallest first; `.tolist()` makes one of a tensor')
    if not isinstance(value, list | tuple) or not all(isinstance(j, int) and not isinstance(j, bool) for j in value):
        raise Wrong("list")
    if len(value) != size or list(value) != sorted(set(value)):
        raise Wrong("list")
    return tuple(value)


@remember
def _wrong_rules(concepts: Tensor, labels: Tensor, kept) -> dict:
    code = torch.unique(concepts[:, list(kept)], dim=0, return_inverse=True)[1]
    table = one_hot(code).double().T @ one_hot(torch.unique(labels, return_inverse=True)[1]).double()
    rows, (codes, classes), of_code = len(labels), table.shape, table.sum(1)
    named = table.argmax(1).unique()
    return {
        "majority": table.sum(0).max().item() / rows,
        "codes_alike": (table.amax(1) / of_code).mean().item(),
        "codes": [codes / classes, min(codes, classes) / classes, codes / rows, len(named) / classes],
        "classes": [
            ((table / table.sum(0)).amax(1).sum() / classes).item(),
            ((table > 0).double().sum(1).clamp(max=1).sum() / classes).item(),
            (of_code / (table > 0).sum(1)).sum().item() / rows,
        ],
        "guess": (table.square().sum(1) / of_code).sum().item() / rows,
        "largest": [table.max().item() / rows, (table[of_code.argmax()].max() / rows).item()],
        "all": _ceiling(concepts, labels, range(concepts.shape[1])),
        "count": table.amax(1).sum().item(),
        "order": _ceiling(concepts[:, list(kept)].sum(1, keepdim=True), labels, (0,)),
    }


@best_concepts.property(points=1)
def searches_at_the_edges(answer, random):
    concepts, labels = _table(random)
    many = concepts + 2 * random.gates(30, 5).long()
    signed, late = torch.tensor([3, -3, 40, -40])[labels], random.gates(24, 6).long()
    copies = concepts[:, [0, 1, 0, 1]]
    for hint, table, names, size in (
        ("empty", concepts, labels, 0),
        ("every", concepts, labels, 5),
        ("one", concepts[:1], labels[:1], 2),
        ("labels", concepts, torch.tensor([40, -3, 7, -20])[labels], 3),
        ("labels", concepts, signed, 1),
        ("values", many, labels, 2),
        ("values", *_awkward_codes(random), 2),
        ("late", late, late[:, 3:] @ torch.tensor([4, 2, 1]), 3),
        ("tie", copies, labels, 1),
        ("tie", copies, labels, 2),
    ):
        found = as_dict(called(hint, answer, table, names, size), ["concepts", "ceiling"])
        first, truth = _first_best(table, names, size)
        if not close(as_number(found["ceiling"]), truth):
            raise Wrong(hint)
        if _columns(found["concepts"], size) != first:
            raise Wrong("tie")


@remember
def _first_best(concepts: Tensor, labels: Tensor, size: int) -> tuple[tuple, float]:
    """Of the best choices the first, and its ceiling."""
    every = {kept: _ceiling(concepts, labels, kept) for kept in combinations(range(concepts.shape[1]), size)}
    best = max(every.values())
    return next(kept for kept, value in every.items() if value > best - 1e-9), best


def _awkward_codes(random) -> tuple[Tensor, Tensor]:
    """Values that collide when a code is glued to a text, read as one number, clamped or stripped of its signs."""
    top = random.choice((99, 999))
    codes = torch.tensor([[1, -1], [0, top], [1, 11], [11, 1], [-1, 0], [0, 0], [1, 0], [0, 9]]).repeat_interleave(3, 0)
    table = torch.cat([codes, torch.tensor([0, 1, 0]).repeat(8)[:, None]], 1)
    order = random.order(24)
    return table[order], torch.arange(8).repeat_interleave(3)[order]


# ------------------------------------------------------------------------------------------------------- intervention

intervention_curve = Exercise(
    "explainable/concepts/intervention_curve",
    hints={
        "certain": "you correct the most certain concepts first: start with those nearest to one half",
        "low": "the smallest probability is not the most doubtful: a concept near 0 is certain to be off",
        "peek": "you correct the largest errors first, but who corrects does not know the truth beforehand: go by doubt alone",
        "columns": "you correct the same concepts in every row: each row has its own doubts",
        "fixed": "you correct the concepts in the order of their columns, not in the order of doubt",
        "rounded": "concepts that are not corrected stay as predicted: do not round them",
        "trusted": "a corrected concept gets its true value, not the prediction rounded",
        "alone": "corrections stay: with j = 2, both the first and the second most doubtful are right",
        "start": "the curve starts with nothing corrected and ends with everything corrected",
        "reverse": "the curve is back to front: entry j has j concepts corrected",
        "own": "accuracy is agreement with the labels, not with the model's own reading before",
        "count": "return shares of the rows, not numbers of rows",
        "values": "a corrected concept gets its true value",
        "curve": "entry j: in every row set the j concepts nearest to one half to the truth; then the head's accuracy",
        "tie": "of two concepts that are equally doubtful, the one with the lower number comes first: sort with `stable=True`",
        "near": "right in general, but doubts that differ by a millionth are no ties: do not shift or round them",
        "one": "right in general, but there may be one row or one concept",
        "float32": "right in float64, but float32 networks and concepts should work as well",
        "soft": "right for true concepts of 0 or 1, but a true concept may be a probability too",
    },
)


def _curve(head, predicted: Tensor, true: Tensor, labels: Tensor, doubt: Tensor | None = None) -> Tensor:
    """The curve by masks: concept i of a row is right at j if its rank by doubt is below j."""
    doubt = -(predicted - 0.5).abs() if doubt is None else doubt
    rank = doubt.argsort(dim=1, descending=True, stable=True).argsort(dim=1, stable=True)
    mixed = [torch.where(rank < j, true, predicted) for j in range(predicted.shape[1] + 1)]
    return _accuracies(head, mixed, labels)


def _accuracies(head, mixed: list[Tensor], labels: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.stack([(head(c).argmax(1) == labels).double().mean() for c in mixed])


def _doubtful(random, rows: int = 60, k: int = 4):
    """A head, concepts with errors among the doubtful and the certain, and labels that the true concepts mostly give."""
    head = MLP([k, 8, 5], "tanh", random.seed()).double().requires_grad_(False)
    with torch.no_grad():
        head.layers[0].weight *= 2
    true = random.gates(rows, k)
    predicted = (true + 0.6 * random.normal(rows, k)).clamp(0.02, 0.98) * 0.9 + 0.1 * random.uniform(rows, k)
    labels = head(true).argmax(1)
    strange = random.uniform(rows) < 0.2
    return head, predicted, true, torch.where(strange, (labels + 1) % 5, labels)


def _likely_curves(head, predicted, true, labels) -> dict:
    n, k = predicted.shape
    distance, columns = (predicted - 0.5).abs(), torch.arange(k).double()
    order = distance.argsort(dim=1)
    single = [torch.where(order.argsort(1) == j - 1, true, predicted) for j in range(k + 1)]
    truth = _curve(head, predicted, true, labels)
    rank = order.argsort(1)
    nearly = [torch.where(rank < j, true, predicted.round()) for j in range(k + 1)]
    trusted = [torch.where(rank < j, predicted.round(), predicted) for j in range(k + 1)]
    with torch.no_grad():
        before = head(predicted).argmax(1)
    error = (predicted - true).abs()
    return {
        "certain": _curve(head, predicted, true, labels, distance),
        "low": [_curve(head, predicted, true, labels, sign * predicted) for sign in (-1, 1)],
        "peek": [_curve(head, predicted, true, labels, error), _curve(head, predicted, true, labels, -error)],
        "fixed": [_curve(head, predicted, true, labels, sign * columns.expand(n, k)) for sign in (-1, 1)],
        "columns": [
            _curve(head, predicted, true, labels, (-distance.mean(0)).expand(n, k)),
            _curve(head, predicted, true, labels, -(predicted.mean(0) - 0.5).abs().expand(n, k)),
            _curve(head, predicted, true, labels, -distance[0].expand(n, k)),
        ],
        "rounded": [_accuracies(head, nearly, labels), torch.cat([truth[:1], _accuracies(head, nearly, labels)[1:]])],
        "trusted": _accuracies(head, trusted, labels),
        "alone": _accuracies(head, single, labels),
        "reverse": truth.flip(0),
        "own": _curve(head, predicted, true, before),
        "count": n * truth,
        "values": _accuracies(head, [torch.where(rank < j, 1 - predicted, predicted) for j in range(k + 1)], labels),
    }


def _telling_curve(random) -> tuple[tuple, Tensor, dict]:
    """An instance, its curve and those of the mistakes, all different."""
    while True:
        instance = _doubtful(random)
        truth, likely = _curve(*instance), _likely_curves(*instance)
        others = [other for values in likely.values() for other in (values if isinstance(values, list) else [values])]
        alike = any(close(likely["columns"][0], other) for other in likely["fixed"])
        if not alike and not any(close(truth, other, 1e-3) for other in others):
            return instance, truth, likely


@intervention_curve.property(points=3)
def corrects_the_doubtful_first(answer, random):
    for _ in range(2):
        instance, truth, likely = random.once(_telling_curve)
        found = answer(*instance)
        if isinstance(found, Tensor) and tuple(found.shape) == (4,):
            raise Wrong("start")
        found = as_tensor(found, truth.shape)
        if not close(found, truth, 1e-6):
            raise nearest(found, likely, "curve", 1e-6)


def _edges_of_the_curve(random) -> list[tuple]:
    """Name, instance and curve of each edge."""
    head, _, true, labels = _doubtful(random)
    tied = torch.where(random.gates(60, 4).bool(), 0.25, 0.75).double()
    rank = random.uniform(60, 4).argsort(1)
    nearly = 0.5 + (2 * random.gates(60, 4) - 1) * (0.2 + 1e-6 * rank)
    single = _doubtful(random, k=1)
    soft = (head, random.uniform(60, 4), random.uniform(60, 4), labels)
    small = _doubtful(random, rows=1)
    rows = _doubtful(random)
    clear = (MLP(**rows[0].config).requires_grad_(False), *(part.float() for part in rows[1:3]), rows[3])
    clear[0].load_state_dict(rows[0].state_dict())
    edges = (
        ("tie", (head, tied, true, labels)),
        ("near", (head, nearly, true, labels)),
        ("one", single),
        ("one", small),
        ("float32", clear),
        ("soft", soft),
    )
    return [(hint, instance, _curve(*instance)) for hint, instance in edges]


@intervention_curve.property(points=1)
def corrects_at_the_edges(answer, random):
    for hint, instance, truth in random.once(_edges_of_the_curve):
        found = called(hint, answer, *instance)
        if not isinstance(found, Tensor) or found.shape != truth.shape or not close(as_tensor(found, truth.shape), truth, 1e-6):
            raise Wrong(hint)


# ------------------------------------------------------------------------------------------------------ guarded score

guarded_score = Exercise(
    "explainable/concepts/guarded_score",
    hints={
        "keys": 'return a dict with the keys "score" and "leak"',
        "training": "the student is judged on rows that it has learnt from: leave the row's fold out of the means",
        "inside": "the means belong to the fold that is judged: take them over all other folds",
        "swapped": "score and leak are exchanged",
        "folds": "folds may differ in size: take the share over all rows, not the mean of the folds' shares",
        "first_fold": "only one fold is judged: every row is new once",
        "errors": "those are shares of errors: return shares of right guesses",
        "product": "compare distances from each class mean, nearest first: the largest inner product is another student",
        "far": "the student takes the farthest mean: it should take the nearest",
        "neighbour": "the student compares with class means, not with single rows",
        "score": "score: for each fold, class means of the other folds; the nearest mean is the guess; share of right guesses",
        "leak_outputs": "the leak is about `targets`, the classes that were explained, not about `outputs`",
        "leak_messages": "the leak is read from `control`, the messages that explain the shuffled targets",
        "leak_from_score": "for the leak the student learns anew, from control messages and targets",
        "leak": "leak: the same student on control messages, learning and judged on targets",
        "absent": "a class that none of the other folds holds has no mean: leave it out",
        "numbers": "folds may have any numbers, such as 3 and 17: use the values that occur",
        "labels": "classes may be any whole numbers, such as -3 or 40, and those dealt out need not be those of the model",
        "single": "right in general, but a message may be a single number",
        "sorted": "right in general, but rows of one fold need not stand together",
    },
)


def _channel(random, rows: int = 100, classes: int = 3, width: int = 2):
    """Messages around class centres with much noise; classes of unequal size."""
    outputs = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2, 0])[torch.arange(rows)[random.order(rows)] % 10]
    return 1.2 * random.normal(classes, width)[outputs] + random.normal(rows, width) + random.normal(width), outputs


def _guesses(messages: Tensor, classes: Tensor, fold: Tensor, learn=lambda fold, k: fold != k) -> Tensor:
    """Guesses by nearest mean: sums of the rows of each class by a product with one-hot classes, no class without rows."""
    names, index = classes.unique(return_inverse=True)
    guesses = torch.zeros_like(classes)
    for k in fold.unique():
        rows = learn(fold, k)
        member = one_hot(index[rows], len(names)).double()
        means = (member.T @ messages[rows]) / member.sum(0)[:, None]
        distance = (messages[:, None] - means).square().sum(2).nan_to_num(nan=torch.inf)
        guesses[fold == k] = names[distance.argmin(1)][fold == k]
    return guesses


def _share(messages, classes, fold, **how) -> float:
    return (_guesses(messages, classes, fold, **how) == classes).double().mean().item()


def _common_scores(messages: Tensor, classes: Tensor, fold: Tensor) -> dict:
    """What the commonest mistakes give."""
    hits = (_guesses(messages, classes, fold) == classes).double()
    distance = torch.cdist(messages, messages).masked_fill(fold[:, None] == fold, torch.inf)
    return {
        "errors": 1 - hits.mean().item(),
        "training": _share(messages, classes, fold, learn=lambda fold, k: fold == fold),
        "inside": _share(messages, classes, fold, learn=lambda fold, k: fold == k),
        "folds": torch.stack([hits[fold == k].mean() for k in fold.unique()]).mean().item(),
        "neighbour": (classes[distance.argmin(1)] == classes).double().mean().item(),
        "first_fold": [hits[fold == k].mean().item() for k in fold.unique()],
    }


@remember
def _likely_scores(messages: Tensor, classes: Tensor, fold: Tensor) -> dict:
    product, far = (torch.zeros_like(classes) for _ in range(2))
    for k in fold.unique():
        rows, new = fold != k, fold == k
        known = classes[rows].unique()
        means = torch.stack([messages[rows & (classes == c)].mean(0) for c in known])
        product[new] = known[(messages[new] @ means.T).argmax(1)]
        far[new] = known[torch.cdist(messages[new], means).argmax(1)]
    return _common_scores(messages, classes, fold) | {
        "product": (product == classes).double().mean().item(),
        "far": (far == classes).double().mean().item(),
    }


def _folds(random) -> Tensor:
    return torch.tensor([0] * 52 + [1] * 31 + [2] * 17)[random.order(100)]


def _telling_channel(random):
    """Two channels and folds of unequal size, on which the truth and the commonest mistakes give different shares."""
    fold = _folds(random)
    while True:
        received, outputs = _channel(random)
        score, common = _share(received, outputs, fold), _common_scores(received, outputs, fold)
        if _apart(score, common):
            break
    while True:
        control, targets = _channel(random)
        leak = _share(control, targets, fold)
        if not _apart(score, common | {"leak_messages": leak}):  # a swapped pair is told apart as well
            continue
        crossed = _crossed(received, outputs, control, targets, fold)
        if _apart(leak, _common_scores(control, targets, fold) | crossed):
            return (received, outputs, control, targets, fold), (score, leak)


def _apart(truth: float, likely: dict) -> bool:
    """Not by chance the same: the truth, and what the commonest mistakes give."""
    names = ("training", "inside", "folds", "neighbour", "errors", "leak_messages")
    common = [truth, *(likely[hint] for hint in names if hint in likely), *likely.get("leak_outputs", [])[:1]]
    return len({round(value, 6) for value in common}) == len(common)


@remember
def _crossed(received, outputs, control, targets, fold) -> dict:
    """The leak with messages and classes mixed up."""
    return {
        "leak_messages": _share(received, targets, fold),
        "leak_outputs": [
            _share(control, outputs, fold),
            (_guesses(control, targets, fold) == outputs).double().mean().item(),
        ],
        "leak_from_score": (_guesses(received, outputs, fold) == targets).double().mean().item(),
    }


@guarded_score.property(points=2)
def scores_on_new_rows(answer, random):
    found = []
    for _ in range(2):
        channel, (score, leak) = random.once(_telling_channel)
        value = as_number(as_dict(answer(*channel), ["score", "leak"])["score"], '"score"')
        if not close(value, score):
            found.append(_fitting(value, {"swapped": leak} | _likely_scores(channel[0], channel[1], channel[4])))
    if found:
        raise _named(found, "score")


@guarded_score.property(points=1)
def finds_the_leak(answer, random):
    found = []
    for _ in range(2):
        channel, (_, leak) = random.once(_telling_channel)
        value = as_number(as_dict(answer(*channel), ["score", "leak"])["leak"], '"leak"')
        if not close(value, leak):
            found.append(_fitting(value, _crossed(*channel) | _likely_scores(*channel[2:])))
    if found:
        raise _named(found, "leak")


def _fitting(value: float, likely: dict) -> list[str]:
    """The mistakes that give this value, likeliest first."""
    return [
        h for h, others in likely.items() if any(close(value, o) for o in (others if isinstance(others, list) else [others]))
    ]


def _named(found: list[list[str]], otherwise: str) -> Wrong:
    """Shares are coarse, and two may agree by chance: a mistake is named only if it fits more than one instance."""
    common = set.intersection(*map(set, found)) if len(found) > 1 else set()
    return Wrong(next((hint for hint in found[0] if hint in common), otherwise))


@guarded_score.property(points=1)
def judges_at_the_edges(answer, random):
    channel = *_channel(random), *_channel(random), _folds(random)
    keys = [key for key, right in _judged(answer(*channel), channel).items() if right]  # a leak wrong anyway is no edge
    received, outputs, control, targets, fold = channel
    odd, padded = torch.tensor([-1, 3, 1017])[fold], torch.zeros(100, 1).double()
    one = received[:, :1], outputs, control[:, :1], targets, fold
    names = torch.tensor([40, -3, 7])[outputs], torch.tensor([55, 2, 90])[targets]
    for hint, case, twin in (
        *(("absent", _lonely(random, channel, missing), channel) for missing in (0, 2, 3)),
        ("numbers", (received, outputs, control, targets, odd), channel),
        ("labels", (received, names[0], control, names[1], fold), channel),
        ("single", one, (torch.cat([one[0], padded], 1), outputs, torch.cat([one[2], padded], 1), targets, fold)),
    ):
        right = _judged(called(hint, answer, *case), case)
        if not all(right[key] for key in keys):
            usual = _judged(answer(*twin), twin)  # the same question without the edge
            raise Wrong(hint if all(usual[key] for key in keys) else "score")


def _judged(found: object, channel: tuple) -> dict[str, bool]:
    found = as_dict(found, ["score", "leak"])
    return {key: close(as_number(found[key]), value) for key, value in _true_scores(*channel).items()}


@remember
def _true_scores(received, outputs, control, targets, fold) -> dict[str, float]:
    return {"score": _share(received, outputs, fold), "leak": _share(control, targets, fold)}


def _lonely(random, channel: tuple, missing: int) -> tuple:
    """A class that only one fold holds, in about half of its rows; `missing` is its number among 0 to 3."""
    received, outputs, control, targets, fold = channel
    rest = torch.tensor([c for c in range(4) if c != missing])
    half = random.uniform(100) < 0.5
    pair = (torch.where((fold == k) & half, missing, rest[names]) for k, names in ((1, outputs), (0, targets)))
    return received, next(pair), control, next(pair), fold
