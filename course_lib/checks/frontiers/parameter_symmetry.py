"""Checks for exercises/frontiers/parameter_symmetry.ipynb."""

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close
from course_lib.checks.returns import behind

Parts = tuple[Tensor, Tensor, Tensor]
SHAPES = [(4, 4, 4), (2, 5, 3)]  # inputs, hidden neurons, outputs; the first lets rows and columns be mixed up without an error


def _layer(random, d: int, h: int, k: int) -> Parts:
    """W `(h, d)`, b `(h,)` and V `(k, h)` without small numbers."""
    return random.away_from_zero(h, d), random.away_from_zero(h), random.away_from_zero(k, h)


def _parts(found: object, like: Parts) -> Parts:
    """Three tensors of these shapes, or a hint."""
    if found is None:
        raise Wrong("none")
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong("parts")
    names = ("the new W", "the new b", "the new V")
    return tuple(as_tensor(part, tuple(old.shape), name) for part, old, name in zip(found, like, names, strict=True))


def _equal(found: Parts, truth: Parts, tolerance: float = 1e-9) -> bool:
    return all(close(one, other, tolerance) for one, other in zip(found, truth, strict=True))


def _to_seven_digits(found: Parts, truth: Parts) -> None:
    """A hint for an answer that is right but for rounding to float32."""
    if _equal(found, truth, 1e-6):
        raise Wrong("precision")


def _special(found: object, truth: Parts, like: Parts, hint: str, seen: str) -> None:
    """A special case: the truth, or its hint; values that are not finite say in which case."""
    try:
        right = isinstance(found, tuple | list) and _equal(_parts(found, like), truth)
    except Wrong as wrong:
        raise Wrong(wrong.hint, wrong.text, seen=seen) from None
    if not right:
        raise Wrong(hint, seen=seen)


def _fits(part: Tensor, others: list[Tensor]) -> bool:
    return any(close(part, other, 1e-9) for other in others)


def _is_float32(found: object, truth: Parts, shapes: Parts) -> bool:
    return (
        isinstance(found, tuple | list)
        and all(isinstance(part, Tensor) and part.dtype == torch.float32 for part in found)
        and _equal(_parts(found, shapes), truth, 1e-4)
    )


# -------------------------------------------------------------------------------------------------- moving neurons

move_neurons = Exercise(
    "frontiers/parameter_symmetry/move_neurons",
    hints={
        "parts": "return three tensors: the new W, the new b and the new V",
        "inverse": "neurons go to the wrong places: neuron i goes to place p[i], and `W[p]` brings neuron p[i] to place i",
        "whose": "alpha[i] belongs to neuron i and travels with it; you scale whoever arrives at place i",
        "unscaled": "the neurons are in their places, but what they read is not multiplied by alpha",
        "still": "no neuron has moved: what is p for?",
        "rows": "the rows of W are the neurons; something else was moved or scaled",
        "bias": "W is right, and the bias is not: a neuron takes its bias along, and relu(a z) = a relu(z) needs all of z",
        "columns": "W and b are right, but V is in another order: its columns are the neurons, and they go to the same places",
        "transposed": "W and b are right, but V came back transposed: it keeps its shape, with the neurons in its columns",
        "written": "neurons are in their places, but the function changes: what a neuron writes has to make up for its scale",
        "value": "the new W, b and V do not belong to the same function with neuron i at place p[i]",
        "single": "right in general, but not for a single neuron, a single input or a single output",
        "scale": "right in general, but not for a neuron scaled by a thousand or by a thousandth",
        "precision": "right to seven digits only: float64 came in, float32 comes out or is on the way (see `torch.zeros`)",
        "float32": "right in float64, but float32 should come back as float32",
    },
)


def _non_involution(random, h: int) -> list[int]:
    """An order of h items that is not its own inverse, and is no whole turn of the circle."""
    while True:
        p = random.order(h)
        if any(p[p[i]] != i for i in range(h)):
            return p


def _moved(layer: Parts, p: list[int], alpha: Tensor) -> Parts:
    """Neuron by neuron."""
    w, b, v = (part.clone() for part in layer)
    for i, place in enumerate(p):
        w[place], b[place] = alpha[i] * layer[0][i], alpha[i] * layer[1][i]
        v[:, place] = layer[2][:, i] / alpha[i]
    return w, b, v


def _blame_reading(found: Tensor, w: Tensor, p: Tensor, alpha: Tensor) -> str:
    """What is wrong with the new W."""
    back, a = p.argsort(), alpha[:, None]
    candidates = {
        "inverse": [(a * w)[p], a * w[p], w[p], w[p] / a, (w / a)[p]],
        "whose": [a * w[back], a[p] * w[back], (a[p] * w)[back], (a[back] * w)[back]],
        "unscaled": [w[back], (w / a)[back], w[back] / a],
        "still": [w, a * w, w / a],
        "rows": [w[:, back], w[:, p], (w * alpha)[:, back], (w * alpha)[back]] if w.shape[1] == len(p) else [],
    }
    return next((hint for hint, others in candidates.items() if _fits(found, others)), "value")


def _blame_writing(found: Tensor, v: Tensor, p: Tensor, alpha: Tensor) -> str:
    """What is wrong with the new V, when W and b are right."""
    back = p.argsort()
    if _fits(found, [(part[:, back]).mT for part in (v / alpha, v * alpha, v)] if v.shape[0] == v.shape[1] else []):
        return "transposed"
    scaled = [v / alpha, v * alpha, v]
    columns = [one for part in scaled for one in (part, part[:, p])] + [v[:, p] / alpha, v / alpha[back], v / alpha[p]]
    if v.shape[0] == v.shape[1]:
        a = alpha[:, None]
        columns += [one for part in (v / a, v * a, *scaled) for one in (part[back], part[p], part)]
    if _fits(found, columns):
        return "columns"
    written = [v[:, back], (v * alpha)[:, back], v[:, back] / alpha, v[:, back] * alpha]
    return "written" if _fits(found, written) else "value"


def _moving_case(random, d: int, h: int, k: int, far: bool = False) -> tuple[Parts, list[int], Tensor, Parts]:
    """A layer, an order, scales between 1.5 and 4, or about a thousand and a thousandth in turns, and the layer moved."""
    layer = _layer(random, d, h, k)
    p, alpha = _non_involution(random, h) if h > 2 else list(range(h)), random.uniform(h, low=1.5, high=4.0)
    alpha = (500 * alpha) ** (1 - 2 * (torch.arange(h) % 2)) if far else alpha
    return layer, p, alpha, _moved(layer, p, alpha)


def _compare_moved(found: object, layer: Parts, p: list[int], alpha: Tensor, truth: Parts) -> None:
    w, b, v = _parts(found, layer)
    order = torch.tensor(p)
    if not _equal((w, b, v), truth):
        _to_seven_digits((w, b, v), truth)
    if not close(w, truth[0], 1e-9):
        raise Wrong(_blame_reading(w, layer[0], order, alpha))
    if not close(b, truth[1], 1e-9):
        raise Wrong("bias")
    if not close(v, truth[2], 1e-9):
        raise Wrong(_blame_writing(v, layer[2], order, alpha))


@move_neurons.property(points=3)
def moves_every_neuron_whole(answer, random):
    for d, h, k in SHAPES:
        layer, p, alpha, truth = random.once(_moving_case, d, h, k)
        _compare_moved(answer(*layer, torch.tensor(p), alpha), layer, p, alpha, truth)


@move_neurons.property(points=1)
@behind(moves_every_neuron_whole)
def moves_small_layers(answer, random):
    for hint, (d, h, k) in (("scale", (2, 4, 3)), ("single", (3, 1, 2)), ("single", (1, 3, 2)), ("single", (3, 3, 1))):
        layer, p, alpha, truth = random.once(_moving_case, d, h, k, hint == "scale")
        found = called(hint, answer, *layer, torch.tensor(p), alpha)
        _special(found, truth, layer, hint, f"{d} inputs, {h} neurons, {k} outputs")
    single = (*(part.float() for part in layer), torch.tensor(p), alpha.float())
    if not _is_float32(called("float32", answer, *single), truth, layer):
        raise Wrong("float32")


# -------------------------------------------------------------------------------------------------- a balanced step

balanced_step = Exercise(
    "frontiers/parameter_symmetry/balanced_step",
    hints={
        "parts": "return three tensors: the new W, the new b and the new V",
        "plain": "this is plain gradient descent: at the balanced point the gradient is another one, moved against the scale",
        "ascent": "the step goes uphill: the gradient is subtracted",
        "there": "you stepped at the balanced point and stayed there: scale back at the end",
        "half": "the gradient was taken as it is: where the neuron reads more, its gradient is smaller by that factor",
        "inverted": "the wrong way round: a neuron that reads much and writes little takes large steps where it reads",
        "power": "plain descent for balanced neurons, but it does not commute with rescaling: look at the power of the ratio",
        "other": "this commutes with rescaling too, but a balanced neuron should take the plain step",
        "one side": "only one of the two sides is right: where a neuron writes, the factor is the inverse",
        "bias": "a neuron reads through its bias, too: it belongs to what the neuron reads, and takes its part in the step",
        "layer": "one scale for all neurons: each neuron has its own",
        "one way": "right only for neurons that read more than they write: one that reads less takes a smaller step there",
        "length": "the norm is the root of the sum of squares of all that a neuron reads (or writes): no means, no absolutes",
        "change": "this is the change alone: return the new W, b and V",
        "norms": "a neuron's weights are a row of W and a column of V; you take others together",
        "rate": "the rate is not used as it should be: it multiplies the gradient at the balanced point, once",
        "value": "this is not the plain step from the balanced point, scaled back",
        "single": "right in general, but not for a single neuron, input or output, a bias of 0, or where the gradient is 0",
        "scale": "right in general, but not for neurons that read very much more, or very much less, than they write",
        "precision": "right to seven digits only: float64 came in, float32 comes out or is on the way (see `torch.zeros`)",
        "float32": "right in float64, but float32 should come back as float32",
    },
)


def _stepped(layer: Parts, slopes: Parts, rate: float) -> Parts:
    """Neuron by neuron: balance, step, scale back."""
    new = tuple(part.clone() for part in layer)
    for j in range(len(layer[1])):
        a = ((layer[2][:, j] @ layer[2][:, j]) / (layer[0][j] @ layer[0][j] + layer[1][j] ** 2)) ** 0.25
        new[0][j] = (layer[0][j] * a - rate * slopes[0][j] / a) / a
        new[1][j] = (layer[1][j] * a - rate * slopes[1][j] / a) / a
        new[2][:, j] = (layer[2][:, j] / a - rate * slopes[2][:, j] * a) * a
    return new


def _scaled_step(layer: Parts, slopes: Parts, rate: float, reads: Tensor, writes: Tensor) -> Parts:
    """Each neuron's gradient times a factor where it reads, and times another where it writes."""
    (w, b, v), (dw, db, dv) = layer, slopes
    return w - rate * reads[:, None] * dw, b - rate * reads * db, v - rate * writes * dv


def _norms(layer: Parts) -> tuple[Tensor, Tensor]:
    w, b, v = layer
    return (w.square().sum(1) + b.square()).sqrt(), v.square().sum(0).sqrt()


def _likely_steps(layer: Parts, slopes: Parts, rate: float) -> dict[str, list[Parts]]:
    (w, b, v), (dw, db, dv) = layer, slopes
    read, written = _norms(layer)
    one, r, without = torch.ones_like(b), read / written, w.norm(dim=1) / written

    def step(reads: Tensor, writes: Tensor, size: float = rate) -> Parts:
        return _scaled_step(layer, slopes, size, reads, writes)

    right, a = step(r, 1 / r), (written / read).sqrt()
    d, k = w.shape[1] + 1, v.shape[0]
    absolute = (w.abs().sum(1) + b.abs()) / v.abs().sum(0)
    whole = (w.square().sum() + b.square().sum()).sqrt() / v.norm() * one
    likely = {
        "plain": [step(one, one)],
        "ascent": [step(r, 1 / r, -rate)],
        "there": [(w * a[:, None] - rate * dw / a[:, None], b * a - rate * db / a, v / a - rate * dv * a)],
        "half": [step(r.sqrt(), 1 / r.sqrt())],
        "inverted": [step(1 / r, r), step(1 / r.sqrt(), r.sqrt()), step(1 / r**2, r**2)],
        "power": [step(r**2, 1 / r**2)],
        "other": [step(read**2, written**2), step(1 / written**2, 1 / read**2)],
        "one side": [step(r, one), step(one, 1 / r), step(r, r), step(1 / r, 1 / r)],
        "bias": [(right[0], b - rate * db, right[2]), (right[0], b, right[2]), step(without, 1 / without)],
        "layer": [step(whole, 1 / whole), step(w.norm() / v.norm() * one, v.norm() / w.norm() * one)],
        "one way": [step(x, 1 / x) for x in (r.clamp(min=1), torch.maximum(r, 1 / r))],
        "length": [step(x, 1 / x) for x in (absolute, r * (k / d) ** 0.5)],
        "change": [tuple(s * (new - old) for new, old in zip(right, layer, strict=True)) for s in (1, -1)],
        "rate": [step(r, 1 / r, 1.0), step(r, 1 / r, rate**2), step(r, 1 / r, rate**0.5)],
    }
    if v.shape[0] == v.shape[1] == w.shape[1]:
        rows, columns = v.norm(dim=1), (w.square().sum(0) + b.square()).sqrt()
        likely["norms"] = [step(x / y, y / x) for x, y in ((read, rows), (columns, written), (columns, rows))]
    return likely


def _stepping_case(random, d: int, h: int, k: int, scale: float, still: bool) -> tuple[Parts, Parts, float, Parts]:
    """A layer, gradients, a rate, and the layer after the step. Neurons read more, and less, than they write in turns.

    The larger of the two norms is `scale` to 2 * `scale` times the smaller.
    """
    layer, slopes = _layer(random, d, h, k), _layer(random, d, h, k)
    layer = (layer[0], 0 * layer[1] if still else layer[1], layer[2])
    read, written = _norms(layer)
    spread = written / read * (scale * 2.0 ** random.uniform(h)) ** (1 - 2 * (torch.arange(h) % 2))
    layer = (layer[0] * spread[:, None], layer[1] * spread, layer[2])
    slopes = tuple(0 * part for part in slopes) if still else slopes
    rate = (0.1 + 0.4 * random.uniform(1).item()) / scale
    return layer, slopes, rate, _stepped(layer, slopes, rate)


def _compare_step(found: object, layer: Parts, slopes: Parts, rate: float, truth: Parts) -> None:
    parts = _parts(found, layer)
    if not _equal(parts, truth):
        _to_seven_digits(parts, truth)
        likely = _likely_steps(layer, slopes, rate)
        hints = (hint for hint, others in likely.items() if any(_equal(parts, other) for other in others))
        raise Wrong(next(hints, "value"))


@balanced_step.property(points=3)
def is_the_plain_step_from_the_balanced_point(answer, random):
    for d, h, k in SHAPES:
        layer, slopes, rate, truth = random.once(_stepping_case, d, h, k, 2.2, False)
        _compare_step(answer(*layer, *slopes, rate), layer, slopes, rate, truth)


@balanced_step.property(points=1)
@behind(is_the_plain_step_from_the_balanced_point)
def steps_in_special_cases(answer, random):
    for hint, (d, h, k), scale, still in (
        ("single", (3, 1, 2), 1.0, False),
        ("single", (1, 2, 1), 1.0, True),
        ("scale", (2, 4, 3), 1e3, False),
        ("scale", (3, 3, 2), 1e5, False),
        ("single", (2, 3, 1), 2.0, False),
    ):
        layer, slopes, rate, truth = random.once(_stepping_case, d, h, k, scale, still)
        found = called(hint, answer, *layer, *slopes, rate)
        _special(found, truth, layer, hint, f"{d} inputs, {h} neurons, {k} outputs{', gradients of 0' if still else ''}")
    single = [part.float() for part in (*layer, *slopes)]
    if not _is_float32(called("float32", answer, *single, rate), truth, layer):
        raise Wrong("float32")
