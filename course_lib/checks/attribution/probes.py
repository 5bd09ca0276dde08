"""Checks for exercises/attribution/probes.ipynb."""

import torch

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict

Tensor = torch.Tensor

# ------------------------------------------------------------------------------------------------------- logit_lens

logit_lens = Exercise(
    "attribution/probes/logit_lens",
    hints={
        "keys": 'return a dict with the keys "probabilities" and "ranks"',
        "norm": "you unembed the stream as it is: the model puts it through its norm first",
        "affine": "look at the gain and the shift: the norm multiplies by the one, then adds the other",
        "spread": "look at the spread in the norm: the mean of the squared deviations over the entries of one vector, "
        "plus 1e-5, under a root",
        "centre": "your norm does not subtract the mean of the vector's entries",
        "axis": "your norm or your softmax runs along the wrong axis: the norm over the entries of one vector, the softmax "
        "over the vocabulary",
        "tied": "you use the embedding: this model has a matrix of its own for the way out",
        "logits": "you return logits or their logarithms: the lens gives probabilities",
        "value": "the probabilities are softmax(unembed . norm(stream)), at every layer and position alike",
        "ties": "a rank counts the tokens that are more probable than the answer: those with the same probability do not count",
        "each": "every token above the answer counts, one that is just above it, and each of two that are alike",
        "first": "the first place has rank 0: count what is before the answer",
        "rank": "the rank of the answer is the number of tokens with a larger probability, at every layer and position",
        "large": "right for small numbers, but not where logits are large: rank the logits, and let `softmax` see to the rest",
        "flat": "right for ordinary streams, but not for one whose entries are all equal: keep the 1e-5 inside the root",
        "batch": "right for several layers and positions, but not for other numbers of them",
    },
)


def _lens_case(random: Instances, layers: int, tokens: int, width: int, size: int, spread: float = 5.0) -> tuple:
    streams = spread * random.away_from_zero(layers, tokens, width) + random.normal(layers, tokens, 1)
    gain, shift = random.away_from_zero(width), random.normal(width)
    embed, unembed = random.normal(size, width), random.normal(size, width)
    return streams, gain, shift, embed, unembed, random.integer(0, size - 1)


def _exact_row(random: Instances, width: int) -> Tensor:
    """A row with one entry that is not zero: the logits of two such tokens are alike to the last bit in any order of sums."""
    row = torch.zeros(width, dtype=torch.float64)
    row[random.integer(0, width - 1)] = random.away_from_zero(1).item()
    return row


def _logits(streams: Tensor, gain: Tensor, shift: Tensor, unembed: Tensor) -> Tensor:
    normed = torch.nn.functional.layer_norm(streams, gain.shape, gain, shift, 1e-5)
    return torch.einsum("ltd,vd->ltv", normed, unembed)


def _likely_lenses(streams: Tensor, gain: Tensor, shift: Tensor, embed: Tensor, unembed: Tensor) -> dict[str, list[Tensor]]:
    mean, one = streams.mean(-1, keepdim=True), torch.ones_like(gain)
    deviation, logits = streams.std(-1, keepdim=True), _logits(streams, gain, shift, unembed)
    square = streams.square().mean(-1, keepdim=True)
    biased = streams.var(-1, keepdim=True, correction=0)

    def read(normed: Tensor) -> Tensor:
        return (normed @ unembed.T).softmax(-1)

    plain = [(streams - mean) / (biased + 1e-5).sqrt(), (streams - mean) / deviation]
    spreads = [deviation, (deviation**2 + 1e-5).sqrt(), biased, deviation**2, biased + 1e-5, biased.sqrt() + 1e-5]
    axes = [logits.softmax(0), logits.softmax(1), logits.flatten(0, 1).softmax(0).reshape(logits.shape)]
    others = []
    for axis in (0, 1):
        deviations = (streams.var(axis, keepdim=True, correction=0) + 1e-5).sqrt()
        others.append((streams - streams.mean(axis, keepdim=True)) / deviations)
    return {
        "norm": [read(streams), read(gain * streams + shift)],
        "affine": [read(n * g + s) for n in plain[:1] for g, s in ((one, 0 * one), (one, shift), (gain, 0 * one))]
        + [read((plain[0] + shift) * gain), read(plain[0] * shift + gain)],
        "spread": [read(gain * (streams - mean) / s + shift) for s in spreads] + [read(gain * (streams - mean) + shift)],
        "centre": [read(gain * streams / (s + 1e-5).sqrt() + shift) for s in (square, biased)],
        "axis": axes + [read(gain * normed + shift) for normed in others],
        "tied": [_logits(streams, gain, shift, embed).softmax(-1)],
        "logits": [logits, logits.log_softmax(-1), logits.sigmoid(), logits.exp()],
    }


def _read_lens(result: object, shape: tuple[int, ...]) -> tuple[Tensor, object]:
    result = as_dict(result, ["probabilities", "ranks"])
    return as_tensor(result["probabilities"], shape, 'entry "probabilities"'), result["ranks"]


@logit_lens.property(points=2)
def finishes_the_model_early(answer, random: Instances) -> None:
    for layers, tokens, width, size in ((3, 4, 5, 6), (2, 3, 3, 5)):
        case = _lens_case(random, layers, tokens, width, size)
        found, _ = _read_lens(answer(*case), (layers, tokens, size))
        if not close(found, _logits(*case[:3], case[4]).softmax(-1), 1e-4):
            raise nearest(found, _likely_lenses(*case[:5]), tolerance=1e-4)


@logit_lens.property(points=1)
def ranks_the_answer(answer, random: Instances) -> None:
    for k in range(3):
        case = _lens_case(random, 3, 5, 4, 9)
        if k:  # ties: twins before the answer, or behind it
            case = (*case[:5], 8 * (k == 1))
            case[4][[0, 3, 8]] = _exact_row(random, 4)
        logits = _logits(*case[:3], case[4])
        _, said = _read_lens(answer(*case), (3, 5, 9))
        said = as_tensor(said, (3, 5), 'entry "ranks"')
        own = logits[..., case[5], None]
        above, alike = (logits > own + 1e-9).sum(-1), ((logits - own).abs() <= 1e-9).sum(-1)
        if not close(said, above):
            likely = {"ties": [above + alike - 1], "first": [above + alike, above + 1]}
            raise nearest(said, likely, "rank")
    above = torch.zeros(1)
    while above.max() < 3:  # twins above the answer, and a token just above it, at some position
        case = (*_lens_case(random, 3, 5, 4, 9)[:5], 8)
        case[4][[0, 1]], case[4][2] = _exact_row(random, 4), case[4][8] + 1e-4 * random.away_from_zero(4)
        logits = _logits(*case[:3], case[4])
        above = (logits > logits[..., 8, None]).sum(-1) * (logits[..., 0] > logits[..., 8]) * (logits[..., 2] > logits[..., 8])
    _, said = _read_lens(answer(*case), (3, 5, 9))
    if not close(as_tensor(said, (3, 5), 'entry "ranks"'), (logits > logits[..., 8, None]).sum(-1)):
        raise Wrong("each")


@logit_lens.property(points=1)
def reads_at_the_edges(answer, random: Instances) -> None:
    case = _lens_case(random, 1, 1, 4, 3)
    found, _ = _read_lens(called("batch", answer, *case), (1, 1, 3))
    if not close(found, _logits(*case[:3], case[4]).softmax(-1), 1e-4):
        raise Wrong("batch")
    case = list(_lens_case(random, 2, 2, 4, 5))
    case[0][0, 1] = random.away_from_zero(1)
    case[0][1, 0] = case[0][1, 0] / 5000
    found = as_dict(called("flat", answer, *case), ["probabilities", "ranks"])["probabilities"]
    if isinstance(found, Tensor) and found.isnan().any():
        raise Wrong("flat")
    if not close(as_tensor(found, (2, 2, 5)), _logits(*case[:3], case[4]).softmax(-1), 1e-6):
        raise Wrong("flat")
    case = list(_lens_case(random, 2, 2, 4, 6))
    case[4] = 1e4 * case[4]
    result = as_dict(called("large", answer, *case), ["probabilities", "ranks"])
    logits = _logits(*case[:3], case[4])
    if isinstance(result["probabilities"], Tensor) and result["probabilities"].isnan().any():
        raise Wrong("large")
    if not close(as_tensor(result["probabilities"], (2, 2, 6)), logits.softmax(-1), 1e-5):
        raise Wrong("large")
    if not close(as_tensor(result["ranks"], (2, 2)), (logits > logits[..., case[5], None]).sum(-1)):
        raise Wrong("large")


# -------------------------------------------------------------------------------------------------------------- inlp

inlp = Exercise(
    "attribution/probes/inlp",
    hints={
        "keys": 'return a dict with the keys "projection" and "new"',
        "length": "you subtract the outer product of a direction that does not have length 1: the result is no projection",
        "original": "only one direction is removed: take all steps, and fit the next probe on what is left",
        "centre": "subtract the mean of the rows `x` before the first probe",
        "ridge": "look at the penalty: the identity is added to X'X once, as it stands",
        "kept": "you return what is removed: the projection keeps the rest",
        "steps": "you take a step too many or too few",
        "value": "P is the orthogonal projection onto what `steps` probes, each fitted on what is left, do not read",
        "unprojected": "the new rows come back as they were: they too are to be erased",
        "own_mean": "you centre the new rows at their own mean: the centre was learnt on `x`",
        "not_back": "the new rows lost their centre, or never lost it: subtract it, project, and add it again",
        "new": "each new row becomes c + (row - c) P",
        "all": "right for few steps, but not for as many as there are dimensions: then nothing is left",
        "unbalanced": "right for classes of the same size, but not for others",
        "scale": "right for rows near zero, but not for large, small or far away ones: use no threshold, and stay in float64",
        "floats": "labels may come as whole numbers or as 0.0 and 1.0",
    },
)


def _directions(x: Tensor, signs: Tensor, steps: int, ridge: float = 1.0, centred: bool = True) -> Tensor:
    """Orthonormal directions `(k, d)` of ridge probes by coordinates: each is fitted in a basis of what is left."""
    rows = x - x.mean(0) if centred else x
    basis, found = torch.eye(x.shape[1], dtype=x.dtype), []
    for _ in range(steps):
        left = rows @ basis.T
        w = torch.linalg.solve(left.T @ left + ridge * torch.eye(len(basis), dtype=x.dtype), left.T @ signs)
        found.append(w / w.norm() @ basis)
        _, _, turned = torch.linalg.svd(w[None])
        basis = turned[1:] @ basis
        if not len(basis):
            break
    return torch.stack(found)


def _keep(directions: Tensor) -> Tensor:
    return torch.eye(directions.shape[1], dtype=directions.dtype) - directions.T @ directions


def _erasing_case(random: Instances, n: int, d: int, share: float = 0.5, where: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of two classes that differ in mean, with unequal variances; their labels; new rows."""
    y = (torch.arange(n) < max(2, round(share * n))).long()[random.order(n)]
    mixing = random.normal(d, d)
    x = random.normal(n, d) @ mixing / 2 + y[:, None] * random.away_from_zero(d) + where * random.away_from_zero(d)
    return x, y, random.normal(5, d) + where * random.away_from_zero(d)


def _read_erased(result: object, d: int, m: int) -> tuple[Tensor, object]:
    result = as_dict(result, ["projection", "new"])
    return as_tensor(result["projection"], (d, d), 'entry "projection"'), result["new"]


def _likely_projections(x: Tensor, y: Tensor, steps: int) -> dict[str, list[Tensor]]:
    signs, eye = 2 * y.double() - 1, torch.eye(x.shape[1], dtype=x.dtype)
    right = _keep(_directions(x, signs, steps))
    rows, long, same = x - x.mean(0), eye, eye
    first = _directions(x, signs, 1)
    for _ in range(steps):
        left = rows @ long
        w = torch.linalg.solve(left.T @ left + eye, left.T @ signs)
        long = long - torch.outer(w, w)
        same = same @ _keep(first)
    likely = {
        "kept": [eye - right],
        "original": [same, eye - steps * first.T @ first],
        "length": [long],
        "centre": [_keep(_directions(x, signs, steps, centred=False))],
        "ridge": [_keep(_directions(x, signs, steps, ridge=r)) for r in (1e-9, 0.5, 2.0, float(len(x)), 1 / len(x))],
        "steps": [_keep(_directions(x, signs, k)) for k in (steps + 1, steps - 1) if k],
    }
    return likely


@inlp.property(points=2)
def removes_what_the_probes_read(answer, random: Instances) -> None:
    for n, d, steps in ((14, 5, 3), (12, 4, 2)):
        x, y, new = _erasing_case(random, n, d)
        found, _ = _read_erased(answer(x, y, new, steps), d, 5)
        if not close(found, _keep(_directions(x, 2 * y.double() - 1, steps)), 1e-4):
            raise nearest(found, _likely_projections(x, y, steps), tolerance=1e-4)


@inlp.property(points=1)
def erases_new_rows(answer, random: Instances) -> None:
    for m in (5, 1):
        x, y, new = _erasing_case(random, 14, 4)
        new = new[:m]
        found, rows = _read_erased(answer(x, y, new, 2), 4, m)
        rows, p, c = as_tensor(rows, (m, 4), 'entry "new"'), _keep(_directions(x, 2 * y.double() - 1, 2)), x.mean(0)
        if not close(rows, c + (new - c) @ p, 1e-4):
            own = new.mean(0)
            likely = {
                "unprojected": [new, new - c],
                "own_mean": [own + (new - own) @ p, c + (new - own) @ p, (new - own) @ p],
                "not_back": [new @ p, (new - c) @ p, c + new @ p],
            }
            raise nearest(rows, likely, "new", tolerance=1e-4)


@inlp.property(points=1)
def erases_at_the_edges(answer, random: Instances) -> None:
    d = 5
    x, y, new = _erasing_case(random, 16, d)
    found, rows = _read_erased(called("all", answer, x, y, new, d), d, 5)
    if not close(found, torch.zeros(d, d), 1e-6) or not close(as_tensor(rows, (5, d)), x.mean(0).expand(5, d), 1e-6):
        raise Wrong("all")
    for hint, (x, y, new) in (
        ("unbalanced", _erasing_case(random, 15, 4, share=0.2)),
        ("scale", _erasing_case(random, 16, 4, where=300.0)),
        ("scale", tuple(part * 1e-4 if part.is_floating_point() else part for part in _erasing_case(random, 16, 4))),
        ("scale", tuple(part * 1e4 if part.is_floating_point() else part for part in _erasing_case(random, 16, 4))),
    ):
        for steps in (1, 2):
            p = _keep(_directions(x, 2 * y.double() - 1, steps))
            found, rows = _read_erased(called(hint, answer, x, y, new, steps), 4, 5)
            right = x.mean(0) + (new - x.mean(0)) @ p
            if not close(found, p, 1e-5) or not close(as_tensor(rows, (5, 4)), right, 1e-5):
                raise Wrong(hint)
    x, y, new = _erasing_case(random, 14, 4)
    found, _ = _read_erased(called("floats", answer, x, y.double(), new, 2), 4, 5)
    if not close(found, _keep(_directions(x, 2 * y.double() - 1, 2)), 1e-6):
        raise Wrong("floats")


# ------------------------------------------------------------------------------------------------------ probe_report

probe_report = Exercise(
    "attribution/probes/probe_report",
    hints={
        "keys": 'return a dict with the keys "accuracy", "selectivity" and "conflict"',
        "count": "you return a number of rows: return a share",
        "errors": "you count errors: count the rows whose prediction is right",
        "accuracy": "the accuracy is the share of all rows whose prediction equals `y`",
        "sign": "the selectivity is the accuracy minus that on the control task, and may be negative",
        "ratio": "the selectivity is a difference of two accuracies, not a ratio or a control accuracy",
        "labels": "the control probe is right where it predicts the control's label, not the task's",
        "selectivity": "subtract the share of rows on which the control probe predicts the control's label",
        "agree": "you look at the rows on which the labels agree: a conflict is where they differ",
        "other": "in a conflict the right prediction is `y`, not the other label",
        "all_rows": "divide by the number of conflicting rows, not of all rows",
        "conflict": "the conflict accuracy is the share of right predictions among the rows where `y` and `other` differ",
        "never": "if no row conflicts there is nothing to report: return None for it",
        "zero": "an accuracy of 0 is a number too: None is for the case without conflicts",
        "lengths": "the control task may have another number of rows",
        "classes": "labels are any whole numbers: compare them only",
    },
)


def _probe_case(random: Instances, n: int, m: int, classes: int) -> tuple[Tensor, ...]:
    """Predictions and labels in which all likely mistakes give other numbers."""
    while True:
        y, other, control = (torch.tensor([random.integer(0, classes - 1) for _ in range(k)]) for k in (n, n, m))
        hit, fooled, lucky = random.uniform(n) < 0.6, random.uniform(n) < 0.7, random.uniform(m) < 0.3
        predicted = torch.where(hit, y, torch.where(fooled, other, (y + 1) % classes))
        said = torch.where(lucky, control, (control + 1) % classes)
        report = _reports(predicted, y, other, said, control)
        if all(len(values) == len({round(v, 9) for v in values.values()}) for values in report.values()):
            return predicted, y, other, said, control


def _reports(predicted: Tensor, y: Tensor, other: Tensor, said: Tensor, control: Tensor) -> dict[str, dict[str, float]]:
    """The three numbers by definition, and by likely mistakes."""
    right, clash, control_right = predicted == y, y != other, said == control
    a, b, n = right.double().mean().item(), control_right.double().mean().item(), len(y)
    among = (right & clash).sum().item()
    task = {"labels": a - (said == y).double().mean().item()} if said.shape == y.shape else {}
    unlike = ((predicted != other) & clash).sum().item() / max(clash.sum().item(), 1)
    likely = {"unlike": unlike} if len(torch.cat([y, other]).unique()) > 2 else {}  # with two labels it is no mistake
    return {
        "accuracy": {"": a, "errors": 1 - a, "count": a * n},
        "selectivity": {"": a - b, "sign": b - a, "ratio": a / max(b, 1e-9), "control": b, "plus": a + b} | task,
        "conflict": {
            "": among / max(clash.sum().item(), 1),
            "agree": (right & ~clash).sum().item() / max((~clash).sum().item(), 1),
            "other": ((predicted == other) & clash).sum().item() / max(clash.sum().item(), 1),
            "all_rows": among / n,
            "count": float(among),
        }
        | likely,
    }


def _compare(result: object, key: str, case: tuple[Tensor, ...]) -> None:
    result, likely = as_dict(result, ["accuracy", "selectivity", "conflict"]), _reports(*case)[key]
    said = as_number(result[key], f'entry "{key}"')
    if not close(said, likely.pop(""), 1e-6):
        hint = nearest(said, likely, key, 1e-6).hint
        raise Wrong({"control": "ratio", "plus": "sign", "unlike": "other"}.get(hint, hint))


@probe_report.property(points=2)
def compares_with_the_control(answer, random: Instances) -> None:
    for n in (23, 17):
        case = random.once(_probe_case, n, n, 3)
        result = answer(*case)
        _compare(result, "accuracy", case)
        _compare(result, "selectivity", case)
    one, zero = torch.tensor([1, 1, 1]), torch.tensor([0, 0, 1])
    worse = one, zero, zero, zero, torch.tensor([0, 0, 0])  # right in one of three rows, the control in two
    _compare(answer(*worse), "selectivity", worse)


@probe_report.property(points=1)
def looks_at_conflicts(answer, random: Instances) -> None:
    for n, classes in ((25, 2), (30, 3)):
        case = random.once(_probe_case, n, 12, classes)
        _compare(called("lengths", answer, *case), "conflict", case)


@probe_report.property(points=1)
def reports_at_the_edges(answer, random: Instances) -> None:
    case = list(random.once(_probe_case, 20, 20, 3))
    case[2] = case[1].clone()
    result = as_dict(called("never", answer, *case), ["accuracy", "selectivity", "conflict"])
    if result["conflict"] is not None:
        raise Wrong("never")
    longer = random.once(_probe_case, 11, 20, 3)
    result = called("lengths", answer, *longer)
    try:
        _compare(result, "selectivity", longer)
    except Wrong as wrong:
        raise Wrong("keys" if wrong.hint == "keys" else "lengths") from None
    case = random.once(_probe_case, 20, 11, 3)
    shifted = tuple(7 - 5 * part for part in case)
    result = called("classes", answer, *shifted)
    for key in ("accuracy", "selectivity", "conflict"):
        try:
            _compare(result, key, shifted)
        except Wrong as wrong:
            raise Wrong("keys" if wrong.hint == "keys" else "classes") from None
    fooled = torch.tensor([0, 1, 1]), torch.tensor([1, 0, 1]), torch.tensor([0, 1, 1]), case[3], case[4]
    if as_dict(answer(*fooled), ["accuracy", "selectivity", "conflict"])["conflict"] is None:
        raise Wrong("zero")
    _compare(answer(*fooled), "conflict", fooled)
    one = tuple(torch.tensor([k]) for k in (1, 1, 0, 1, 0))
    for key in ("accuracy", "selectivity", "conflict"):
        _compare(answer(*one), key, one)


# ---------------------------------------------------------------------------------------------------------- fit_lens

fit_lens = Exercise(
    "attribution/probes/fit_lens",
    hints={
        "keys": 'return a dict with the keys "change" and "offset"',
        "zero": "you shrink the whole map towards zero: shrink only its change A, which is fitted to goal - h",
        "offset_penalty": "your offset is penalised or missing: only A is, so centre the rows first",
        "transposed": "your map acts from the other side: rows are streams, h A",
        "ridge": "look at the penalty: the ridge is added to X'X as it stands",
        "value": "A minimises the squared errors of h + h A + b plus the ridge times the squared size of A",
        "offset": "the offset is what is missing on average: the mean of goal minus the mean of h + h A",
        "identity": "where the streams are their own goal, nothing is to be changed",
        "recover": "right for large penalties, but not for tiny ones or rows far from zero: stay in float64, and centre",
        "few": "right for many rows, but not when there are fewer rows than dimensions",
    },
)


def _best_lens(h: Tensor, goal: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Least squares on rows that carry the penalty: [X; sqrt(ridge) I] A = [M; 0]."""
    missing, d = goal - h, h.shape[1]
    x = torch.cat([h - h.mean(0), ridge**0.5 * torch.eye(d, dtype=h.dtype)])
    m = torch.cat([missing - missing.mean(0), torch.zeros(d, d, dtype=h.dtype)])
    change = torch.linalg.lstsq(x, m).solution
    return change, missing.mean(0) - h.mean(0) @ change


def _lens_rows(random: Instances, n: int, d: int) -> tuple[Tensor, Tensor]:
    h = random.normal(n, d) + random.away_from_zero(d)
    return h, h @ random.normal(d, d) + random.away_from_zero(d) + random.normal(n, d) / 2


def _read_map(result: object, d: int) -> tuple[Tensor, object]:
    result = as_dict(result, ["change", "offset"])
    return as_tensor(result["change"], (d, d), 'entry "change"'), result["offset"]


def _likely_maps(h: Tensor, goal: Tensor, ridge: float) -> dict[str, list[Tensor]]:
    d, n, eye = h.shape[1], len(h), torch.eye(h.shape[1], dtype=h.dtype)
    x, missing = h - h.mean(0), goal - h

    def solve(rows: Tensor, target: Tensor, r: float) -> Tensor:
        return torch.linalg.solve(rows.T @ rows + r * eye, rows.T @ target)

    ones = torch.cat([h, torch.ones(n, 1, dtype=h.dtype)], 1)
    with_ones = torch.linalg.solve(ones.T @ ones + ridge * torch.eye(d + 1, dtype=h.dtype), ones.T @ missing)[:-1]
    right = solve(x, missing, ridge)
    whole = solve(x, goal - goal.mean(0), ridge)
    return {
        "zero": [whole, whole - eye],
        "offset_penalty": [with_ones, solve(h, missing, ridge), solve(h, goal, ridge)],
        "transposed": [right.T],
        "ridge": [solve(x, missing, r) for r in (1e-9, ridge * n, ridge / n, ridge**2, ridge / 2, 2 * ridge, ridge**0.5)],
    }


@fit_lens.property(points=2)
def translates_with_least_error(answer, random: Instances) -> None:
    for n, d in ((12, 3), (15, 4)):
        h, goal = _lens_rows(random, n, d)
        ridge = float(random.uniform(1, low=2.0, high=5.0))
        change, _ = _read_map(answer(h, goal, ridge), d)
        if not close(change, _best_lens(h, goal, ridge)[0], 1e-6):
            raise nearest(change, _likely_maps(h, goal, ridge), tolerance=1e-6)


@fit_lens.property(points=1)
def has_the_right_offset(answer, random: Instances) -> None:
    h, goal = _lens_rows(random, 12, 3)
    _, offset = _read_map(answer(h, goal, 1.5), 3)
    if not close(as_tensor(offset, (3,), 'entry "offset"'), _best_lens(h, goal, 1.5)[1], 1e-6):
        raise Wrong("offset")


@fit_lens.property(points=1)
def translates_at_the_edges(answer, random: Instances) -> None:
    h, _ = _lens_rows(random, 8, 4)
    change, offset = _read_map(called("identity", answer, h, h.clone(), 0.7), 4)
    if not close(change, torch.zeros(4, 4), 1e-6) or not close(as_tensor(offset, (4,)), torch.zeros(4), 1e-6):
        raise Wrong("identity")
    h, matrix, shift = random.normal(20, 3) + 500, random.normal(3, 3), random.normal(3)
    change, offset = _read_map(called("recover", answer, h, h @ matrix + shift, 1e-8), 3)
    if not close(change, matrix - torch.eye(3), 1e-5) or not close(as_tensor(offset, (3,)), shift, 1e-4):
        raise Wrong("recover")
    h, goal = _lens_rows(random, 3, 5)
    change, offset = _read_map(called("few", answer, h, goal, 0.5), 5)
    best = _best_lens(h, goal, 0.5)
    if not close(change, best[0], 1e-6) or not close(as_tensor(offset, (5,)), best[1], 1e-6):
        raise Wrong("few")
