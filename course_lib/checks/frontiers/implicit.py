"""Checks for exercises/frontiers/implicit.ipynb."""

import cmath
import math

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest

# ------------------------------------------------------------------------------------------------- Fourier features

fourier_features = Exercise(
    "frontiers/implicit/fourier_features",
    hints={
        "turns": "B counts cycles per unit of length: how large is the angle of one whole cycle?",
        "half": "each frequency gives two numbers, a cosine and a sine",
        "order": "the right numbers, but all cosines come first and then all sines, each in the order of the frequencies",
        "transposed": "each row of B is one frequency, with an entry for each coordinate",
        "axes": "a frequency is a direction: add up frequency times coordinate over the coordinates before you take the cosine",
        "sign": "one half has the wrong sign: the sine of a small positive angle is positive",
        "same": "both halves are the same function of the angle",
        "scaled": "the right numbers up to a factor: no scaling was asked for",
        "value": "not the cosines and sines of the angles asked for",
        "leading": "right for a list of points, but not for one point, a grid of points, one frequency or one coordinate",
        "float32": "right in float64, but float32 should work as well, and come back as float32",
        "dtype": "the right numbers, but not in the dtype of the input: float64 should come back as float64",
    },
)


def _circle(x: Tensor, B: Tensor) -> Tensor:
    """Real and imaginary parts of unit complex numbers, frequency by frequency: points `(n, d)` -> `(n, 2 m)`."""
    rows = []
    for point in x.tolist():
        waves = [math.prod(cmath.exp(2j * cmath.pi * b * c) for b, c in zip(row, point, strict=True)) for row in B.tolist()]
        rows.append([z.real for z in waves] + [z.imag for z in waves])
    return torch.tensor(rows, dtype=torch.float64).reshape(len(x), 2 * len(B))


def _points(random, n: int, d: int, m: int) -> tuple[Tensor, Tensor]:
    return random.away_from_zero(n, d), random.away_from_zero(m, d)


def _likely_features(x: Tensor, B: Tensor, truth: Tensor) -> dict:
    c, s = truth.chunk(2, -1)
    likely = {
        "turns": [torch.cat([a.cos(), a.sin()], 1) for a in (turn * x @ B.T for turn in (1.0, math.pi, 360.0, 180.0))],
        "order": [torch.cat([s, c], 1), torch.stack([c, s], -1).flatten(1), torch.stack([s, c], -1).flatten(1)],
        "sign": [torch.cat([c, -s], 1), torch.cat([-c, s], 1), -truth],
        "same": [torch.cat([c, c], 1), torch.cat([s, s], 1)],
        "scaled": [truth * factor for factor in (len(B) ** -0.5, (2 / len(B)) ** 0.5, 1 / len(B), 2**-0.5, 2**0.5)],
    }
    if B.shape[0] == B.shape[1]:
        likely["transposed"] = [_circle(x, B.T.contiguous())]
    return likely


def _features(found: object, x: Tensor, B: Tensor) -> Tensor:
    (n, d), m = x.shape, len(B)
    if isinstance(found, Tensor) and found.dim() == 2 and len(found) == n:
        if found.shape[1] == m:
            raise Wrong("half")
        if found.shape[1] == 2 * m * d:
            raise Wrong("axes")
    return as_tensor(found, (n, 2 * m))


@fourier_features.property(points=2)
def goes_round_a_circle(answer, random):
    for n, d, m in ((5, 3, 3), (4, 2, 5)):  # a square B first: there a transposed one goes through
        x, B = _points(random, n, d, m)
        truth = random.recall(lambda x=x, B=B: _circle(x, B), n)
        found = _features(answer(x, B), x, B)
        if not close(found, truth):
            raise nearest(found, _likely_features(x, B, truth))


@fourier_features.property(points=1)
def takes_any_leading_axes(answer, random):
    for shape, m in (((2, 3, 2), 2), ((3,), 4), ((4, 1), 3), ((1, 2), 1)):
        x, B = random.away_from_zero(*shape), random.away_from_zero(m, shape[-1])
        truth = random.recall(lambda x=x, B=B: _circle(x.reshape(-1, x.shape[-1]), B), shape)
        found = called("leading", answer, x, B)
        seen = f"points {shape} and frequencies {(m, shape[-1])}"
        if not isinstance(found, Tensor) or found.shape != (*shape[:-1], 2 * m):
            raise Wrong("leading", seen=seen)
        if not close(found.reshape(truth.shape), truth):
            raise Wrong("leading", seen=seen)
        if found.dtype != x.dtype:
            raise Wrong("dtype")
    x, B = (part.float() for part in _points(random, 3, 2, 2))
    found = called("float32", answer, x, B)
    if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, _circle(x, B), 1e-4):
        raise Wrong("float32")


# -------------------------------------------------------------------------------------------------------- compositing

composite = Exercise(
    "frontiers/implicit/composite",
    hints={
        "pair": "return two tensors, the colours (r, k) first and then the weights (r, n)",
        "own": "T_i counts what lies before sample i: the sample itself does not shade itself",
        "length": "each density has to be multiplied by its length, in T as well as in the share that a sample absorbs",
        "lengths": "each sample of each ray has a length of its own",
        "behind": "sample 0 is the nearest to the camera: samples are shaded by those before them, not by those behind",
        "shade": "no sample shades another: where is the light that earlier samples have absorbed?",
        "thin": "density times length is the absorbed share only in thin fog; in thick fog it would exceed 1",
        "rays": "light is lost along a ray, sample by sample: rays do not shade one another",
        "normalised": "the weights need not add up to 1: some light may pass through everything",
        "background": "nothing shines behind the last sample",
        "mean": "the weights are right, but the colours are added up: not averaged, not divided by the sum of the weights",
        "weights": "the colours are right, but the second tensor should hold the weights with which they were mixed",
        "ends": "the last sample is as long as its delta says: behind it there is nothing, and the light passes on",
        "share": "T_i says how much gets through; how much sample i absorbs and sends out is still missing",
        "predecessor": "all samples before count, not only the one just before",
        "first": "nothing lies before the first sample, but yours is shaded",
        "small": "small weights count too: do not round them away",
        "clamped": "colours may be any numbers: neither they nor their sums are to be cut off",
        "value": "the weights are not T_i (1 - exp(-sigma_i delta_i))",
        "colour": "the weights are right, but the colours are not the weighted sums",
        "opaque": "right in general, but not if a sample lets no light pass, or all of it",
        "single": "right in general, but not for one sample, one ray, or colours with another number of channels",
        "float32": "right in float64, but float32 should work as well, and come back as float32",
        "dtype": "the right numbers, but not in the dtype of the input: float64 should come back as float64",
        "digits": "right until a wall stands behind fog, in float32: a sum that counts the wall as well has lost the digits "
        "of the fog in front of it, and subtracting brings none back. Add up only what lies before.",
    },
)


def _fog(random, r: int, n: int, k: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    return random.uniform(r, n, low=0.3, high=2.0), random.normal(r, n, k), random.uniform(r, n, low=0.2, high=0.8)


def _light(sigma: Tensor, delta: Tensor) -> Tensor:
    """Weights `(r, n)`: follow a ray and write down what of the light that is left stays in each sample."""
    rows = []
    for densities, lengths in zip(sigma.tolist(), delta.tolist(), strict=True):
        left, row = 1.0, []
        for s, d in zip(densities, lengths, strict=True):
            passed = left * math.e ** (-s * d)
            row.append(left - passed)
            left = passed
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64).reshape(sigma.shape)


def _seen(weights: Tensor, colour: Tensor) -> Tensor:
    return torch.einsum("rn,rnk->rk", weights, colour)


def _likely_weights(sigma: Tensor, delta: Tensor, truth: Tensor) -> dict:
    depth = sigma * delta

    def mixed(absorbed: Tensor, before: Tensor) -> Tensor:
        return (1 - (-absorbed).exp()) * (-(before.cumsum(1) - before)).exp()

    def own(depth: Tensor, axis: int = 1) -> Tensor:
        return (1 - (-depth).exp()) * (-depth.cumsum(axis)).exp()

    means = [sigma * delta.mean(), sigma * delta.mean(1, keepdim=True), sigma * delta[:, :1], sigma * delta[:1]]
    share, before = 1 - (-depth).exp(), depth.cumsum(1) - depth
    across = share * (-(depth.cumsum(0) - depth)).exp()
    previous = torch.cat([torch.zeros_like(depth[:, :1]), depth[:, :-1]], 1)
    return {
        "own": [own(depth)],
        "length": [mixed(sigma, sigma), mixed(sigma, depth), mixed(depth, sigma), mixed(delta, delta), own(sigma)],
        "lengths": [mixed(part, part) for part in means],
        "behind": [_light(sigma.flip(1), delta.flip(1)).flip(1), own(depth.flip(1)).flip(1)],
        "shade": [share],
        "share": [(-before).exp(), (-depth.cumsum(1)).exp()],
        "predecessor": [share * (-previous).exp()],
        "first": [share * (-part.roll(1, 1)).exp() for part in (depth.cumsum(1), depth)],
        "ends": [torch.cat([truth[:, :-1], (-before[:, -1:]).exp()], 1)],
        "small": [torch.where(truth < least, 0.0, truth) for least in (1e-2, 1e-3, 1e-4)],
        "thin": [depth * (-before).exp(), depth * (-depth.cumsum(1)).exp()],
        "rays": [across, own(depth, 0)],
        "normalised": [truth / truth.sum(1, keepdim=True)],
    }


def _pair(found: object, r: int, n: int, k: int) -> tuple[Tensor, Tensor]:
    if found is None:
        raise Wrong("none")
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong("pair")
    shapes = [tuple(part.shape) if isinstance(part, Tensor) else None for part in found]
    if shapes == [(r, n), (r, k)]:
        raise Wrong("pair")
    return as_tensor(found[0], (r, k), "your first result"), as_tensor(found[1], (r, n), "your second result")


@composite.property(points=3)
def loses_light_along_each_ray(answer, random):
    for r, n, k in ((4, 5, 3), (2, 14, 3)):  # the second with weights below a thousandth
        sigma, colour, delta = _fog(random, r, n, k)
        truth = random.recall(lambda sigma=sigma, delta=delta: _light(sigma, delta), n)
        mixed, weights = _pair(answer(sigma, colour, delta), r, n, k)
        if not close(weights, truth):
            if close(mixed, _seen(truth, colour)):
                raise Wrong("weights")
            raise nearest(weights, _likely_weights(sigma, delta, truth))
        right = _seen(truth, colour)
        if not close(mixed, right):
            total = truth.sum(1, keepdim=True)
            likely = {
                "background": [right + 1 - total],
                "mean": [right / total, right / n, colour.mean(1)],
                "clamped": [right.clamp(0, 1), right.clamp(min=0), right.clamp(max=1)]
                + [_seen(truth, part) for part in (colour.clamp(0, 1), colour.clamp(min=0), colour.abs())],
            }
            raise nearest(mixed, likely, "colour")


def _edge(answer, hint: str, fog: tuple[Tensor, Tensor, Tensor], seen: str, tolerance: float = 1e-5) -> None:
    sigma, colour, delta = fog
    found = called(hint, answer, sigma, colour, delta)
    truth = _light(sigma, delta)
    shapes = (sigma.shape[0], colour.shape[2]), sigma.shape
    if not isinstance(found, tuple | list) or len(found) != 2 or not all(isinstance(part, Tensor) for part in found):
        raise Wrong(hint, seen=seen)
    for part, shape, right in zip(found, shapes, (_seen(truth, colour.double()), truth), strict=True):
        if part.shape != shape or not close(part, right, tolerance):
            raise Wrong(hint, seen=seen)
        if part.dtype != sigma.dtype:
            raise Wrong("dtype" if sigma.dtype == torch.float64 else "float32", seen=seen)


@composite.property(points=1)
def sees_the_edges(answer, random):
    sigma, colour, delta = _fog(random, 3, 4)
    sigma[0, 0] = sigma[1, 2] = 1e5
    sigma[2] = 0.0
    sigma[0, 2] = 0.0
    _edge(answer, "opaque", (sigma, colour, delta), "walls and empty space")
    for r, n, k in ((3, 1, 4), (1, 4, 1)):
        _edge(answer, "single", _fog(random, r, n, k), f"{r} rays, {n} samples, {k} channels")
    _edge(answer, "float32", tuple(part.float() for part in _fog(random, 2, 3)), "float32", 1e-4)
    sigma, colour, delta = (part.float() for part in _fog(random, 3, 4))
    sigma[0, 2] = sigma[1, 3] = sigma[2, 0] = 1e8
    _edge(answer, "digits", (sigma, colour, delta), "walls behind fog, in float32", 1e-4)
