"""Checks for exercises/attribution/tracing.ipynb."""

import torch

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.answers import Mutated
from course_lib.checks.hooks import keeps_order, left
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict
from course_lib.transformer import FactModel

Tensor = torch.Tensor


# ---------------------------------------------------------------------------------------------------------- restore

restore = Exercise(
    "attribution/tracing/restore",
    hints={
        "nothing": "nothing is restored: your result is the plain corrupted run. Is the kept stream the clean run's?",
        "everything": "your result is the clean run: restore one position only, and run on the corrupted tokens",
        "all": "you restore every position: put back `position` only",
        "mirror": "you break the clean run: the base run reads the corrupted tokens, the kept stream is the clean one",
        "layer": "you restore at another layer: the stream after layer `layer`, counted from 0",
        "position": "you restore another position: `position` counts tokens from 0",
        "earlier": "you restore at all layers up to `layer`: only one stream is put back, the others are computed",
        "part": "you restore what attention or the MLP adds: put back the whole stream after the layer",
        "last": "return the logits of the final token: (b, v)",
        "value": "run on the corrupted tokens, with the stream after that layer at that position from the clean run",
        "hooks": "a hook stays on the model: remove every handle when you are done, in `finally`",
        "failure": "a hook stays on the model when a run fails: remove it in `finally`",
        "foreign": "hooks that you did not set are gone: take away your own handles, and no other",
        "swallowed": "an error inside a run must reach the caller: your function hides it",
        "negative": "right for positions counted from the front; -1 is the final token",
        "batch": "right for one pair of sentences; each row of a batch has its own clean stream",
        "changed": "you change the model's weights or its mode: restore activations, not parameters",
    },
)


def _net(random: Instances, layers: int = 3) -> FactModel:
    """A small random transformer in float64 that nobody trained."""
    return FactModel("free", layers=layers, width=8, heads=2, seed=random.seed()).double().requires_grad_(False).eval()


def _streams(model: FactModel, tokens: Tensor) -> list[Tensor]:
    """The stream after each layer, by plain functions: no hook."""
    x, found = model.tokens(tokens) + model.positions.weight[: tokens.shape[1]], []
    for number, layer in enumerate(model.layers):
        x = layer(x, model.readable(tokens, number))
        found.append(x)
    return found


def _continue(model: FactModel, tokens: Tensor, x: Tensor, layer: int) -> Tensor:
    """Final logits when the stream after `layer` is x."""
    for number in range(layer + 1, len(model.layers)):
        x = model.layers[number](x, model.readable(tokens, number))
    return model.read(x)[:, -1]


def _restored(model: FactModel, base: Tensor, source: Tensor, layer: int, positions: object) -> Tensor:
    x = _streams(model, base)[layer].clone()
    x[:, positions] = _streams(model, source)[layer][:, positions]
    return _continue(model, base, x, layer)


def _restored_up_to(model: FactModel, base: Tensor, source: Tensor, layer: int, position: int) -> Tensor:
    """Final logits with the stream at a position restored after every layer up to one."""
    x, kept = model.tokens(base) + model.positions.weight[: base.shape[1]], _streams(model, source)
    for number in range(layer + 1):
        x = model.layers[number](x, model.readable(base, number))
        x[:, position] = kept[number][:, position]
    return _continue(model, base, x, layer)


def _part(model: FactModel, clean: Tensor, base: Tensor, layer: int, position: int, part: str) -> Tensor:
    """Final logits with what attention or the MLP of one layer adds at a position taken from the clean run."""
    added = []
    for tokens in (clean, base):
        block, before = model.layers[layer], model.tokens(tokens) + model.positions.weight[: tokens.shape[1]]
        before = _streams(model, tokens)[layer - 1] if layer else before
        attention = block.attention(block.before_attention(before), model.readable(tokens, layer))
        added.append((before, attention))
    (_, from_clean), (x, from_base) = added
    clean_mlp = _streams(model, clean)[layer] - added[0][0] - from_clean
    attention, mlp = from_base.clone(), None
    if part == "attention":
        attention[:, position] = from_clean[:, position]
    x = x + attention
    mlp = model.layers[layer].mlp(model.layers[layer].before_mlp(x))
    if part == "MLP":
        mlp[:, position] = clean_mlp[:, position]
    return _continue(model, base, x + mlp, layer)


def _sentences(random: Instances, model: FactModel, rows: int, length: int) -> Tensor:
    size = model.tokens.weight.shape[0]
    return torch.randint(2, size, (rows, length), generator=random.generator)


def _without_hooks(model: FactModel) -> None:
    for part in model.modules():
        part._forward_hooks.clear()
        part._forward_pre_hooks.clear()


def _logits(answer, hint: str, model: FactModel, *args) -> Tensor:
    """The answer's logits; whatever hook it leaves is taken away, so that the truth is the model's own."""
    try:
        said = called(hint, answer, model, *args) if hint else answer(model, *args)
    except Mutated:
        if left(model):
            raise Wrong("hooks") from None
        raise
    finally:
        hooked = left(model)
        _without_hooks(model)
    if hooked:
        raise Wrong("hooks")
    shape = (len(args[0]), model.tokens.weight.shape[0])
    if isinstance(said, Tensor) and said.dim() == 3:
        raise Wrong("last")
    return as_tensor(said, shape)


def _one_activation(random: Instances, layer: int) -> tuple[FactModel, Tensor, Tensor, int, Tensor]:
    """Model, clean and corrupted sentence, position and the logits with that activation restored."""
    model, length = _net(random), random.integer(4, 6)
    clean, base = (_sentences(random, model, 1, length) for _ in range(2))
    position = random.integer(1, length - 2)
    clean[:, -1] = base[:, -1]
    if layer == 2:
        position = length - 1
    return model, clean, base, position, _restored(model, base, clean, layer, position)


@restore.property(points=2)
def restores_one_activation(answer, random: Instances) -> None:
    for layer in (1, 2):
        model, clean, base, position, truth = random.once(_one_activation, layer)
        said = _logits(answer, "", model, clean, base, layer, position)
        if not close(said, truth, 1e-6):
            likely = random.recall(lambda: _likely_logits(model, clean, base, layer, position))  # noqa: B023
            raise nearest(said, likely, tolerance=1e-6)


def _likely_logits(model: FactModel, clean: Tensor, base: Tensor, layer: int, position: int) -> dict:
    plain = [model(tokens)[:, -1] for tokens in (base, clean)]
    others = [k for k in range(base.shape[1]) if k != position]
    whole = slice(None)
    return {
        "nothing": [plain[0]],
        "mirror": [_restored(model, clean, base, layer, position)],
        "layer": [_restored(model, base, clean, k, position) for k in range(3) if k != layer],
        "earlier": [_restored_up_to(model, base, clean, layer, position)],
        "part": [_part(model, clean, base, layer, position, part) for part in ("attention", "MLP")],
        "all": [_continue(model, base, _streams(model, clean)[layer], layer)],
        "everything": [plain[1], _restored(model, base, clean, layer, whole)],
        "position": [_restored(model, base, clean, layer, k) for k in others],
    }


@restore.property(points=1)
def leaves_no_trace(answer, random: Instances) -> None:
    model = random.once(_net)
    clean, base = (_sentences(random, model, 1, 5) for _ in range(2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first = _logits(answer, "", model, clean, base, 1, 2)
    if any(not torch.equal(before[name], value) for name, value in model.state_dict().items()) or model.training:
        raise Wrong("changed")
    if not close(first, _logits(answer, "", model, clean, base, 1, 2), 1e-9):
        raise Wrong("value")
    unknown = base.clone()
    unknown[0, 1] = model.tokens.weight.shape[0]  # no token has this number
    keeps_order(answer, model, (model, clean, base, 1, 2), (model, clean, unknown, 1, 2))


@restore.property(points=1)
def restores_batches_and_the_end(answer, random: Instances) -> None:
    def truth(model: FactModel, place: int) -> Tensor:
        return random.recall(lambda: _restored(model, base, clean, 0, place), place)

    model = random.once(_net, 2)
    clean, base = (_sentences(random, model, 3, 6) for _ in range(2))
    for hint, position in (("batch", 3), ("negative", -1), ("position", 0)):
        said = _logits(answer, hint, model, clean, base, 0, position)
        if not close(said, truth(model, position), 1e-6):
            raise Wrong(hint)
    single = random.once(_net, 1).float()
    clean, base = (_sentences(random, single, 2, 4) for _ in range(2))
    said = _logits(answer, "batch", single, clean, base, 0, 3)
    if not close(said, truth(single, 3), 1e-4):
        raise Wrong("batch")


# -------------------------------------------------------------------------------------------------- average_effects

average_effects = Exercise(
    "attribution/tracing/average_effects",
    hints={
        "logits": "you average logits over the draws: turn each draw into probabilities first",
        "raw": "you use the answer's logit: use its probability",
        "log": "you use log-probabilities: use probabilities",
        "answer": "look at the answer of each sentence: row k asks for `answers[k]`",
        "best": "you use the largest probability: use that of the answer, which a corrupted run need not prefer",
        "sign": "your effects are the wrong way round: what restoring adds to the corrupted run is positive",
        "clean": "you compare the restored run with the clean one: compare it with the corrupted run",
        "first": "you use the first draw only: average over all draws",
        "sum": "you add up the draws: average them",
        "over_all": "your effects are averages over sentences: `total` and `indirect` have one row per sentence",
        "keys": 'return a dict with the keys "total", "indirect" and "share"',
        "value": "probabilities of the answer, averaged over draws; total = clean - corrupted, indirect = restored - corrupted",
        "ratios": "your share is the mean of ratios: divide the mean indirect effect by the mean total effect",
        "share": "the share is the mean indirect effect over sentences, divided by the mean total effect",
        "one": "right in general, but not with a single draw, sentence or place",
        "level": "logits of one sentence may lie far above those of another: let `softmax` run over one row at a time",
    },
)


def _effects(clean: Tensor, corrupted: Tensor, restored: Tensor, answers: Tensor, p=None) -> tuple[Tensor, Tensor]:
    """Total `(n,)` and indirect `(n, k)` effects, by loops."""
    p = p or (lambda logits, a: float(torch.exp(logits[a] - torch.logsumexp(logits, 0))))
    d, n, k, _ = restored.shape
    total, indirect = torch.zeros(n).double(), torch.zeros(n, k).double()
    for i, a in enumerate(answers.tolist()):
        low = sum(p(corrupted[j, i], a) for j in range(d)) / d
        total[i] = p(clean[i], a) - low
        for place in range(k):
            indirect[i, place] = sum(p(restored[j, i, place], a) for j in range(d)) / d - low
    return total, indirect


def _logit_case(random: Instances, n: int, d: int, k: int, v: int = 5) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    answers = torch.tensor([random.integer(0, v - 1) for _ in range(n)])
    clean, corrupted, restored = random.normal(n, v), 2 * random.normal(d, n, v), 2 * random.normal(d, n, k, v)
    clean[torch.arange(n), answers] += 3
    restored += torch.nn.functional.one_hot(answers, v)[None, :, None] * random.uniform(d, n, k, 1, low=0.5, high=3.0)
    return clean, corrupted, restored, answers


def _read_effects(result: object, n: int, k: int) -> tuple[Tensor, Tensor, object]:
    result = as_dict(result, ["total", "indirect", "share"])
    total, indirect = result["total"], result["indirect"]
    if isinstance(total, Tensor) and isinstance(indirect, Tensor) and total.dim() == 0 and indirect.shape == (k,):
        raise Wrong("over_all")
    return as_tensor(total, (n,), 'entry "total"'), as_tensor(indirect, (n, k), 'entry "indirect"'), result["share"]


@average_effects.property(points=2)
def averages_probabilities(answer, random: Instances) -> None:
    for n, d, k in ((3, 4, 2), (random.integer(3, 5), 3, 4)):
        case = clean, corrupted, restored, answers = _logit_case(random, n, d, k)
        total, indirect = _effects(*case)
        said_total, said_indirect, _ = _read_effects(answer(*case), n, k)
        said = torch.cat([said_total[:, None], said_indirect], 1)
        if close(said, torch.cat([total[:, None], indirect], 1), 1e-5):
            continue
        pair = lambda t, i: torch.cat([t[:, None], i], 1)  # noqa: E731
        mean_logits = _effects(clean, corrupted.mean(0)[None], restored.mean(0)[None], answers)
        restored_from_clean = indirect - total[:, None]
        likely = {
            "logits": pair(*mean_logits),
            "raw": pair(*_effects(*case, p=lambda x, a: float(x[a]))),
            "log": pair(*_effects(*case, p=lambda x, a: float(x.log_softmax(0)[a]))),
            "best": pair(*_effects(*case, p=lambda x, a: float(x.softmax(0).max()))),
            "answer": [
                pair(*_effects(clean, corrupted, restored, answers[:1].expand(n))),
                pair(*_effects(clean, corrupted, restored, clean.argmax(1))),
                pair(*_effects(clean, corrupted, restored, answers.roll(1))),
            ],
            "sign": [pair(-total, -indirect), pair(-total, indirect), pair(total, -indirect)],
            "clean": [pair(total, restored_from_clean), pair(total, -restored_from_clean)],
            "first": pair(*_effects(clean, corrupted[:1], restored[:1], answers)),
            "sum": [pair(total, d * indirect), pair(d * total, d * indirect)],
        }
        raise nearest(said, likely)


@average_effects.property(points=1)
def divides_means(answer, random: Instances) -> None:
    for n, d, k in ((4, 3, 3), (3, 2, 1)):
        case = _logit_case(random, n, d, k)
        total, indirect = _effects(*case)
        _, _, share = _read_effects(answer(*case), n, k)
        share, truth = as_tensor(share, (k,), 'entry "share"'), indirect.mean(0) / total.mean()
        if not close(share, truth, 1e-5):
            raise nearest(share, {"ratios": (indirect / total[:, None]).mean(0)}, "share")


@average_effects.property(points=1)
def handles_single_things_and_precision(answer, random: Instances) -> None:
    for n, d, k in ((1, 3, 2), (2, 1, 2), (3, 2, 1), (1, 1, 1)):
        case = _logit_case(random, n, d, k)
        total, indirect = _effects(*case)
        said_total, said_indirect, share = _read_effects(called("one", answer, *case), n, k)
        share = as_tensor(share, (k,), 'entry "share"')
        pieces = ((said_total, total), (said_indirect, indirect), (share, indirect.mean(0) / total.mean()))
        if not all(close(said, truth, 1e-5) for said, truth in pieces):
            raise Wrong("one")
    clean, corrupted, restored, answers = _logit_case(random, 3, 2, 2)
    shifted = [logits + 800 for logits in (clean, corrupted, restored)]  # the same probabilities
    total, indirect = _effects(clean, corrupted, restored, answers)
    said_total, said_indirect, _ = _read_effects(answer(*shifted, answers), 3, 2)
    if not close(said_total, total) or not close(said_indirect, indirect):
        raise Wrong("value")
    apart = torch.tensor([1000.0, -1000.0, 0.0]).double()  # one level a sentence
    moved = (clean + apart[:, None], corrupted + apart[:, None], restored + apart[:, None, None])
    said_total, said_indirect, _ = _read_effects(answer(*moved, answers), 3, 2)
    if said_total.isnan().any() or not close(said_total, total) or not close(said_indirect, indirect):
        raise Wrong("level")
    floats = [logits.float() for logits in (clean, corrupted, restored)]
    said_total, said_indirect, _ = _read_effects(answer(*floats, answers), 3, 2)
    if not close(said_total, total, 1e-4) or not close(said_indirect, indirect, 1e-4):
        raise Wrong("value")


# ---------------------------------------------------------------------------------------------------------- circuit

circuit = Exercise(
    "attribution/tracing/circuit",
    hints={
        "swapped": "AND and OR are swapped: in an AND no wire alone brings anything back, in an OR each brings back all",
        "absolute": "you compare the outputs themselves with 0 and 1: divide by the total effect, clean minus corrupted",
        "negative": "right where the clean output is larger; the total effect may be negative",
        "break": "look at `break`: the loss when one wire alone takes its corrupted value, against the clean run",
        "break_names": "the run in which a is broken has b restored: look at which run `break` of a needs",
        "restore": "`restore` is what a wire alone adds to the corrupted run: [a, b]",
        "tolerance": "use `tolerance`: shares within it of 0 or 1 count as 0 or 1, others do not",
        "ends": "a share that differs by exactly `tolerance` still counts",
        "each": "the tolerance holds for each share by itself, and once for their sum; shares may be negative or above 1",
        "scale": "the tolerance is meant for shares of the total effect, not for outputs",
        "only": "one wire that does everything alone is named after it, not a sum",
        "sum": "in a sum the two shares add up to 1",
        "mixed": "a circuit that is none of the five others is called mixed",
        "keys": 'return a dict with the keys "restore", "break" and "circuit"',
        "value": "divide what each wire brings back by the total effect and compare the pair of shares with the table",
    },
)
SHARES = {"and": (0.0, 0.0), "or": (1.0, 1.0), "a": (1.0, 0.0), "b": (0.0, 1.0)}


def _named(a: float, b: float, tolerance: float) -> str:
    for name, (x, y) in SHARES.items():
        if abs(a - x) <= tolerance and abs(b - y) <= tolerance:
            return name
    return "sum" if abs(a + b - 1) <= tolerance else "mixed"


def _outputs(random: Instances, a: float, b: float, sign: int = 1) -> tuple[float, float, float, float]:
    """Outputs of the four runs in which the wires have the shares a and b, at a random level and scale."""
    low, total = float(random.normal(1)) * 3, sign * float(random.uniform(1, low=2.0, high=9.0))
    return low, low + a * total, low + b * total, low + total


def _wobble(random: Instances, tolerance: float) -> float:
    return float(random.uniform(1, low=-0.45, high=0.45)) * tolerance


def _read_circuit(result: object) -> tuple[list[float], list[float], str]:
    result = as_dict(result, ["restore", "break", "circuit"])
    pairs = []
    for key in ("restore", "break"):
        pair = result[key]
        if isinstance(pair, Tensor):
            pairs.append(as_tensor(pair, (2,), f'entry "{key}"').tolist())
            continue
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise Wrong("type", f'entry "{key}" should be a list of two numbers')
        pairs.append([as_number(number, f'entry "{key}"') for number in pair])
    if not isinstance(result["circuit"], str):
        raise Wrong("type", 'entry "circuit" should be a string')
    return *pairs, result["circuit"]


def _cases(random: Instances, tolerance: float) -> list[tuple[float, float]]:
    exact = [(x + _wobble(random, tolerance), y + _wobble(random, tolerance)) for x, y in SHARES.values()]
    half = float(random.uniform(1, low=0.3, high=0.7))
    return [*exact, (half, 1 - half + _wobble(random, tolerance)), (half, half + 0.9), (0.0, half), (half, 1.0), (-0.8, -0.7)]


@circuit.property(points=2)
def names_circuits(answer, random: Instances) -> None:
    tolerance, said, truth, plain = 0.1, [], [], []
    for number, (a, b) in enumerate(_cases(random, tolerance)):
        runs = _outputs(random, a, b) if number else (0.0, a, b, 1.0)  # here outputs are shares already
        said.append(_read_circuit(answer(*runs, tolerance))[2])
        truth.append(_named(a, b, tolerance))
        plain.append(_named(runs[1], runs[2], tolerance))
    if said == truth:
        return
    if said == plain:
        raise Wrong("absolute")
    pairs = {(one, other) for one, other in zip(said, truth, strict=True) if one != other}
    likely = {
        "swapped": {("and", "or"), ("or", "and")},
        "only": {("sum", "a"), ("sum", "b")},
        "mixed": {("sum", "mixed")},
        "sum": {("mixed", "sum")},
    }
    raise Wrong(next((hint for hint, wrong in likely.items() if pairs <= wrong), "value"))


@circuit.property(points=1)
def gives_both_kinds_of_effect(answer, random: Instances) -> None:
    for a, b in [(0.2, 0.7), *_cases(random, 0.1)[:3]]:
        low, only_a, only_b, high = runs = _outputs(random, a, b)
        restore, broken, _ = _read_circuit(answer(*runs, 0.1))
        if not close(torch.tensor(restore), torch.tensor([only_a - low, only_b - low]), 1e-6):
            raise Wrong("restore")
        if close(torch.tensor(broken), torch.tensor([high - only_a, high - only_b]), 1e-6) and abs(a - b) > 1e-3:
            raise Wrong("break_names")
        if not close(torch.tensor(broken), torch.tensor([high - only_b, high - only_a]), 1e-6):
            raise Wrong("break")


@circuit.property(points=1)
def uses_signs_and_tolerance(answer, random: Instances) -> None:
    for a, b in _cases(random, 0.1):
        runs = _outputs(random, a, b, sign=-1)
        if _read_circuit(called("negative", answer, *runs, 0.1))[2] != _named(a, b, 0.1):
            raise Wrong("negative")
    edges = ((0.1, -0.12), (0.9, 1.1), (1.1, 0.1), (-0.1, 0.9), (0.45, 0.4), (0.3, 0.9), (0.1, 0.7), (0.0, 0.3), (0.9, 0.3))
    for scale, hint in ((1.0, "tolerance"), (100.0, "scale"), (0.01, "scale")):
        for tolerance in (0.02, 0.25):
            for a, b in edges:
                runs = [scale * run for run in _outputs(random, a, b)]
                if _read_circuit(called(hint, answer, *runs, tolerance))[2] != _named(a, b, tolerance):
                    raise Wrong(hint)
    for runs, name in (((0.0, 1.0, 0.0, 4.0), "and"), ((0.0, 0.0, 1.0, 4.0), "and"), ((0.0, 2.0, 3.0, 4.0), "sum")):
        if _read_circuit(answer(*runs, 0.25))[2] != name:  # just at the tolerance
            raise Wrong("ends")
    for tolerance in (0.02, 0.25):
        near = [(x + s * tolerance, y + s * tolerance) for x, y in SHARES.values() for s in (-0.9, 0.9)]
        off = [(0.5, 0.5 + s * tolerance) for s in (1.1, 1.5)]
        for a, b in (*near, *off, (1.5, -0.5), (-0.5, 1.5), (1.5, 1.4), (1.0, 1.4)):
            if _read_circuit(answer(*_outputs(random, a, b), tolerance))[2] != _named(a, b, tolerance):
                raise Wrong("each")


# ---------------------------------------------------------------------------------------------------- rank_one_edit

rank_one_edit = Exercise(
    "attribution/tracing/rank_one_edit",
    hints={
        "missed": "the new matrix does not map `key` to `value`: check it with `new @ key`",
        "outer": "you add the outer product of value and key: only the difference value - W k is missing, divided by a length",
        "overshoot": "you add the whole value: subtract what the matrix says already, W k",
        "plain": "the key is mapped right, but you treat all directions alike: weigh the change by C^-1",
        "not_inverse": "you multiply the key by C: it is the inverse of C that is needed",
        "centred": "C is the second moment of the keys, not their covariance: do not subtract the mean",
        "transposed": "your outer product has its factors swapped: its rows belong to the value",
        "replace": "you replace the matrix by a rank-one matrix: add the change to it",
        "value": "the key is mapped right, but the answers to `keys` move more than they must",
        "side": "a key that is orthogonal to `key` under C^-1 must be answered as before",
        "one": "right in general, but not for a matrix with a single row or column",
        "nothing": "if W k = v already, nothing changes",
        "scale": "right for keys near one in size, but not for much smaller or larger ones",
        "float32": "right in float64, but not in float32: keep the dtype of the arguments",
    },
)


def _edit_case(random: Instances, o: int, i: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weight, key, value and correlated keys with a mean that is far from zero."""
    keys = random.normal(4 * i + 3, i) @ random.normal(i, i) + 1.5 * random.away_from_zero(i)
    return random.normal(o, i), random.away_from_zero(i), random.away_from_zero(o), keys


def _lagrange(weight: Tensor, key: Tensor, value: Tensor, keys: Tensor) -> Tensor:
    """The same matrix from the whole linear system of D and the multipliers: D C = lambda k^T, D k = v - W k."""
    o, i = weight.shape
    moment, eye = keys.T @ keys / len(keys), torch.eye(o).to(weight)
    system = torch.zeros(o * i + o, o * i + o).to(weight)
    system[: o * i, : o * i] = torch.kron(eye, moment)
    system[: o * i, o * i :] = -torch.kron(eye, key[:, None])
    system[o * i :, : o * i] = torch.kron(eye, key[None])
    right = torch.cat([weight.new_zeros(o * i), value - weight @ key])
    return weight + torch.linalg.solve(system, right)[: o * i].reshape(o, i)


@rank_one_edit.property(points=2)
def is_the_least_change(answer, random: Instances) -> None:
    for o, i in ((3, 4), (random.integer(2, 4), random.integer(2, 5))):
        case = weight, key, value, keys = _edit_case(random, o, i)
        said = answer(*case)
        if isinstance(said, Tensor) and said.shape == (i, o) and o != i:
            raise Wrong("transposed")
        said, truth = as_tensor(said, (o, i)), _lagrange(*case)
        if close(said, truth, 1e-6):
            continue
        moment, rest = keys.T @ keys / len(keys), value - weight @ key
        centred = torch.cov(keys.T).reshape(i, i)

        def change(direction: Tensor, rest: Tensor = rest, key: Tensor = key) -> Tensor:
            return torch.outer(rest, direction) / (key @ direction)

        inverse = torch.linalg.solve(moment, key)
        likely = {
            "outer": [weight + torch.outer(value, key), weight + torch.outer(rest, key), weight + torch.outer(rest, inverse)],
            "overshoot": [weight + change(inverse, value), weight + change(key, value)],
            "plain": weight + change(key),
            "not_inverse": weight + change(moment @ key),
            "centred": weight + change(torch.linalg.solve(centred, key)),
            "replace": [truth - weight, change(inverse, value)],
        }
        raise nearest(said, likely, "value" if close(said @ key, value, 1e-5) else "missed", tolerance=1e-6)


@rank_one_edit.property(points=1)
def leaves_the_others_alone(answer, random: Instances) -> None:
    case = weight, key, value, keys = _edit_case(random, 3, 5)
    said = as_tensor(answer(*case), (3, 5))
    inverse = torch.linalg.solve(keys.T @ keys / len(keys), key)
    side = random.normal(5)
    side = side - inverse * (side @ inverse) / (inverse @ inverse)
    if not close(said @ side, weight @ side, 1e-5):
        raise Wrong("side")
    kept = as_tensor(called("nothing", answer, weight, key, weight @ key, keys), (3, 5))
    if not close(kept, weight, 1e-6):
        raise Wrong("nothing")


@rank_one_edit.property(points=1)
def edits_any_size_and_precision(answer, random: Instances) -> None:
    for o, i in ((1, 3), (3, 1), (1, 1)):
        case = _edit_case(random, o, i)
        if not close(as_tensor(called("one", answer, *case), (o, i)), _lagrange(*case), 1e-5):
            raise Wrong("one")
    for factor in (1e-4, 1e4):
        weight, key, value, keys = _edit_case(random, 3, 3)
        truth = _lagrange(weight, key, value, keys)
        said = as_tensor(called("scale", answer, weight / factor, factor * key, value, factor * keys), (3, 3))
        if not close(said * factor, truth, 1e-4):
            raise Wrong("scale")
    case = [part.float() for part in _edit_case(random, 2, 3)]
    said = called("float32", answer, *case)
    if isinstance(said, Tensor) and said.dtype != torch.float32:
        raise Wrong("float32")
    if not close(as_tensor(said, (2, 3)), _lagrange(*(part.double() for part in case)), 1e-2):
        raise Wrong("float32")
