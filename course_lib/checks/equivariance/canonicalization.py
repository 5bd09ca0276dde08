"""Checks for exercises/equivariance/canonicalization.ipynb."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.models import MLP


def _same(hint: str, value: object, truth: Tensor, tolerance: float = 1e-6) -> None:
    """The special case `hint` unless `value` is a tensor of finite numbers equal to `truth`."""
    if not isinstance(value, Tensor) or value.shape != truth.shape or not torch.isfinite(value).all():
        raise Wrong(hint)
    if not close(as_tensor(value, truth.shape), truth.double(), tolerance):
        raise Wrong(hint)


def _same_dtype(hint: str, value: object, x: Tensor) -> None:
    if not isinstance(value, Tensor) or value.dtype != x.dtype:
        raise Wrong(hint)


# ------------------------------------------------------------------------------------------- four positions of an image

canonicalise_c4 = Exercise(
    "equivariance/canonicalization/canonicalise_c4",
    hints={
        "unchanged": "you return every image as it came: try all four positions, and let the template decide",
        "orbit": "what you return is none of the four positions of the image: its pixels may only be turned",
        "mirror": "quarter turns only: a mirrored image is not one of the four positions",
        "lowest": "you return the position with the smallest score",
        "direction": "the position that scored best is not the one that you return: you turn the other way",
        "absolute": "compare the scores themselves, not their sizes: a very negative score is a bad one",
        "one_turn": "each image has its own best position: you turn all of them alike",
        "half": "there are four positions of an image: you try fewer",
        "value": "return the position of each image whose sum of template times pixels is largest",
        "negative": "right in general, but all four scores may be negative: the best of them still wins",
        "scale": "right in general, but not for images that are nearly white: a small difference of scores decides as well",
        "blank": "right in general, but an image that looks the same from all sides stays as it is",
        "sizes": "right in general, but any number of images, and any side, even or odd or 1, is allowed",
        "dtype": "right in general, but float32 images should stay float32",
    },
)


def _eight(x: Tensor) -> Tensor:
    """The four positions of images `(b, h, h)`, turned counter-clockwise by 0 to 3, then the mirrored ones: `(b, 8, h, h)`."""
    found = []
    for start in (x, x.flip(1)):
        for _ in range(4):
            found.append(start)
            start = start.transpose(1, 2).flip(1)
    return torch.stack(found, 1)


def _scores(x: Tensor, template: Tensor) -> Tensor:
    return torch.tensordot(_eight(x)[:, :4], template, 2)


def _images(random, turns: list[int], h: int) -> tuple[Tensor, Tensor]:
    """Images whose best position is reached by the given numbers of turns, clearly; and the template."""
    start, rows = torch.tensor(turns), torch.arange(len(turns))
    while True:
        x, template = random.normal(len(turns), h, h), random.normal(h, h)
        positions = _eight(x)[:, :4]
        scores = torch.tensordot(positions, template, 2)
        moved = (scores.argmax(1)[:, None] - start[:, None] + torch.arange(4)) % 4  # positions, from the new first one on
        scores, top = scores.gather(1, moved), scores.topk(2, dim=1).values
        others = [scores.argmin(1).tolist(), scores.abs().argmax(1).tolist()]
        alike = int(scores.sum(0).argmax())  # the best turn of all images together
        told_apart = alike and turns not in others and others[0] != others[1]
        clear = top[:, 0].min() > 0 and (top[:, 0] - top[:, 1]).min() > 0.1
        if clear and (told_apart or len(turns) < 5):
            return positions[rows, moved[:, 0]], template


def _positions(value: object, x: Tensor) -> list[int]:
    """Which of its eight positions each returned image is; Wrong if it is none."""
    found = as_tensor(value, tuple(x.shape))
    gaps = (_eight(x.double()) - found[:, None]).abs().amax((2, 3))
    if gaps.amin(1).max() > 1e-6:
        raise Wrong("orbit")
    return gaps.argmin(1).tolist()


@canonicalise_c4.property(points=3)
def returns_the_best_position(answer, random):
    for h in (3, 4):
        turns = [0, 2, random.choice([1, 3]), *[1, 3]]
        turns = [random.choice([1, 3]), *(turns[i] for i in random.order(5))]
        x, template = _images(random, turns, h)
        scores, found = _scores(x, template), _positions(answer(x, template), x)
        if max(found) > 3:
            raise Wrong("mirror")
        if found != turns:
            raise Wrong(_likely_positions(found, turns, scores))


def _likely_positions(found: list[int], turns: list[int], scores: Tensor) -> str:
    """The hint for positions that are not the best ones."""
    likely = {
        "direction": [-k % 4 for k in turns],
        "lowest": scores.argmin(1).tolist(),
        "absolute": scores.abs().argmax(1).tolist(),
    }
    for hint, guess in likely.items():
        if found == guess:
            return hint
    if len(set(found)) == 1:
        return "one_turn" if found[0] else "unchanged"
    subsets = ([0, 2], [0, 1], [0, 3], [0, 1, 2], [1, 2, 3])
    fewer = any(found == [few[k] for k in scores[:, few].argmax(1)] for few in subsets)
    return "half" if fewer else "value"


@canonicalise_c4.property(points=1)
def returns_it_at_the_edges(answer, random):
    x, template = _images(random, [1, 3, 2], 3)
    best = _eight(x)[torch.arange(3), torch.tensor([1, 3, 2])]
    narrow = called("dtype", answer, x.float(), template.float())
    _same("dtype", narrow, best, 1e-5)
    _same_dtype("dtype", narrow, x.float())
    mask = template - template.mean() + 1  # a constant adds the same to the scores of all positions
    shift = (_scores(x, mask).max() + 3) / mask.sum()
    _same("negative", called("negative", answer, x - shift, mask), best - shift)
    _same("scale", 1e9 * called("scale", answer, 1e-9 * x, template), best)
    blank = torch.full((2, 3, 3), random.uniform(1).item(), dtype=torch.float64)
    _same("blank", called("blank", answer, blank, template), blank)
    for turns, h in (([3], 5), ([1], 2), ([2, 1], 2)):
        y, mask = _images(random, turns, h)
        _same("sizes", called("sizes", answer, y, mask), _eight(y)[torch.arange(len(turns)), torch.tensor(turns)])
    dot = random.normal(2, 1, 1)
    _same("sizes", called("sizes", answer, dot, random.normal(1, 1)), dot)


# ------------------------------------------------------------------------------------------------------ the best rotation

best_rotation = Exercise(
    "equivariance/canonicalization/best_rotation",
    hints={
        "inverse": "that turns y onto x: R x_i should come close to y_i",
        "mirror": "for some clouds your matrix has determinant -1: it mirrors, and a rotation must not",
        "negated": "a change of every sign is not the repair: it leaves the determinant as it is in even dimensions, and gives "
        "up all directions in odd ones",
        "direction": "one direction has to be given up where the best matrix mirrors: take the one that costs least, "
        "that of the smallest singular value",
        "always": "you reverse a direction for every cloud: only where the best orthogonal matrix mirrors is there a need",
        "vh": "`torch.linalg.svd` returns V transposed already",
        "orthogonal": "your matrix is not orthogonal: it stretches",
        "batch": "each pair of clouds has its own rotation: you return the same for all",
        "centred": "do not move the clouds first: the rotation is about the origin, as the sum stands",
        "value": "the rotation R that makes the sum of |R x_i - y_i|^2 over the points smallest, for each pair of clouds",
        "flat": "right in general, but not for clouds in a plane or on a line: there the determinant of the 3 by 3 sum of "
        "products is 0 and decides nothing, that of the orthogonal matrix is 1 or -1",
        "line": "right in general, but in one dimension the only rotation leaves all points where they are",
        "scale": "right in general, but the size of the clouds does not matter, however small or large",
        "dtype": "right in general, but float32 clouds should give a float32 matrix",
        "sizes": "right in general, but one pair of clouds, and any number of points, is allowed",
    },
)


def _turned(random, d: int, mirrored: bool = False) -> Tensor:
    """A random rotation, or a rotation after a mirroring, `(d, d)`; not close to its own inverse."""
    while True:
        q = torch.linalg.qr(random.normal(d, d))[0]
        if (torch.linalg.det(q) < 0) != mirrored:
            q[:, 0] *= -1
        if d == 1 or mirrored or (q - q.T).norm() > 0.8:
            return q


def _pair(random, d: int, last: float, n: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Clouds x and y `(n, d)` whose best rotation is known: sum y_i x_i^T = R S, S symmetric, its last eigenvalue `last`."""
    n = d + 2 if n is None else n
    rotation, x = _turned(random, d), random.normal(n, d)
    basis = torch.linalg.qr(random.normal(d, d))[0]
    values = torch.tensor([*(1.5 + 0.8 * k for k in range(d - 1, 0, -1)), last]).double()
    symmetric = basis @ torch.diag(values) @ basis.T
    pull = torch.linalg.pinv(x.T)  # (n, d), with pull^T x = 1
    noise = random.normal(n, d)
    noise = noise - pull @ (x.T @ noise)  # does not change the sum of products
    return x, pull @ symmetric @ rotation.T + noise, rotation


def _pairs(random, d: int, lasts: list[float]) -> tuple[Tensor, Tensor, Tensor]:
    return tuple(torch.stack(part) for part in zip(*(_pair(random, d, last) for last in lasts), strict=True))


def _orthogonal(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both factors of the orthogonal matrix that is best for each pair, from two eigenproblems: V, and W with Q = W V^T."""
    m = y.mT @ x
    v = torch.linalg.eigh(m.mT @ m).eigenvectors.flip(2)
    w = m @ v
    return w / w.norm(dim=1, keepdim=True), v


def _likely_rotations(x: Tensor, y: Tensor, truth: Tensor) -> dict:
    w, v = _orthogonal(x, y)
    free = w @ v.mT
    sign = torch.linalg.det(free).sign()[:, None, None]
    first, last = torch.ones(x.shape[2]).double(), torch.ones(x.shape[2]).double()
    first[0], last[-1] = -1, -1
    fixed = torch.where(sign < 0, (w * first) @ v.mT, free)
    middle = [one - one.mean(1, keepdim=True) for one in (x, y)]
    a, b = _orthogonal(*middle)
    moved = torch.where(torch.linalg.det(a @ b.mT)[:, None, None] < 0, (a * last) @ b.mT, a @ b.mT)
    return {
        "inverse": [truth.mT, free.mT],
        "negated": [sign * free],
        "direction": [fixed, fixed.mT],
        "always": [(w * last) @ v.mT, (w * first) @ v.mT],
        "centred": [moved, a @ b.mT],
        "mirror": free,
        "batch": [truth[:1].expand_as(truth), truth[-1:].expand_as(truth)],
    }


def _not_transposed(found: Tensor, x: Tensor, y: Tensor) -> bool:
    """Whether each matrix is U V instead of U V^T, repaired or not, for some choice of the signs of the singular vectors."""
    w, v = _orthogonal(x, y)
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=x.shape[2]))).double()
    guesses = (w[:, None] * signs[:, None]) @ (v[:, None] * signs[:, None])
    last = signs.clone()
    last[:, -1] *= -1
    repaired = (w[:, None] * last[:, None]) @ (v[:, None] * signs[:, None])
    gaps = (torch.cat([guesses, repaired], 1) - found[:, None]).abs().amax((2, 3))
    return bool((gaps.amin(1) < 1e-5).all())


@best_rotation.property(points=3)
def finds_the_planted_rotation(answer, random):
    for d, lasts in ((3, [0.8, -0.8, -0.5]), (4, [-0.7, 0.6])):
        x, y, truth = _pairs(random, d, lasts)
        found = as_tensor(answer(x, y), truth.shape)
        if close(found, truth):
            continue
        hint = nearest(found, _likely_rotations(x, y, truth)).hint
        if hint == "value" and _not_transposed(found, x, y):
            hint = "vh"
        if hint == "value" and not close(found.mT @ found, torch.eye(d).double().expand_as(found)):
            hint = "orthogonal"
        if hint == "value" and close(found, found[:1].expand_as(found)):
            hint = "batch"
        if hint == "value" and (torch.linalg.det(found) < 0).any():
            hint = "mirror"
        raise Wrong(hint)


@best_rotation.property(points=1)
def finds_it_at_the_edges(answer, random):
    x, y, truth = _pairs(random, 3, [-0.8, 0.7])
    narrow = called("dtype", answer, x.float(), y.float())
    _same("dtype", narrow, truth, 1e-3)
    _same_dtype("dtype", narrow, x.float())
    for factor in (1e-7, 1e6):
        _same("scale", called("scale", answer, factor * x, factor * y), truth)
    _same("sizes", called("sizes", answer, x[1:], y[1:]), truth[1:])
    x, y, truth = (part[None] for part in _pair(random, 2, -0.6, n=9))
    _same("sizes", called("sizes", answer, x, y), truth)
    for d, n in ((3, 2), (2, 1)):  # fewer points than dimensions: one eigenvalue is 0, and the rotation is known
        x, truth = _flat_clouds(random, n, d)
        _same("flat", called("flat", answer, x, x @ truth.mT), truth, 1e-5)
    x = random.away_from_zero(2, 3, 1)
    _same("line", called("line", answer, x, torch.cat([x[:1], -x[1:]])), torch.ones(2, 1, 1).double())


def _flat_clouds(random, n: int, d: int) -> tuple[Tensor, Tensor]:
    """Clouds of n < d points and rotations, in some of which the best orthogonal matrix that torch finds mirrors."""
    while True:
        x = random.normal(4, n, d)
        truth = torch.stack([_turned(random, d) for _ in x])
        u, _, vh = torch.linalg.svd(truth @ x.mT @ x)
        if (torch.linalg.det(u @ vh) < 0).any():
            return x, truth


# ------------------------------------------------------------------------------------------------------- a weighted frame

weighted_frame = Exercise(
    "equivariance/canonicalization/weighted_frame",
    hints={
        "equal": "every pose has the same weight in your mean: a point near the origin must hardly count",
        "undivided": "the weights must add up to 1 for each cloud: with a model that always says 1 the answer is 1",
        "squared": "the weight of a point is its length, not the square of it",
        "batch": "weights add up to 1 for each cloud, not over the batch",
        "softmax": "the weight of a point is its length over the sum of the lengths, without an exponential",
        "way": "you turn the wrong way: after turning, the chosen point lies on the first axis, on its positive side",
        "axis": "the chosen point should come to lie on the positive side of the first axis, not of another",
        "mirror": "your poses are mirrored: only rotations are allowed",
        "one": "you use one pose only: take the mean over all points",
        "inputs": "average what the model returns for the poses, not the poses themselves",
        "plain": "the model should see the cloud turned once for each point, not as it stands",
        "reversed": "the weights belong to other poses: pose i, in which point i lies on the axis, has the length of point i",
        "value": "for each cloud: the mean of the model over the n poses, weighted by the length of the point on the axis",
        "origin": "right in general, but a point at the origin has weight 0, whatever its direction",
        "zero": "right in general, but if all points lie at the origin there is nothing to turn: return the model's answer",
        "scale": "right in general, but clouds may be as small as 1e-9 or as large as 1e6",
        "sizes": "right in general, but one cloud, one point, and a model with one number or several are allowed",
        "dtype": "right in general, but float32 clouds and models should work",
    },
)


def _poses(x: Tensor) -> Tensor:
    """Clouds `(b, n, 2)` turned so that each point in turn lies on the positive first axis: `(b, n, n, 2)`."""
    z = torch.view_as_complex(x.contiguous())
    length = z.abs()
    back = torch.where(length > 0, z.conj() / torch.where(length > 0, length, 1), 1)
    return torch.view_as_real(back[:, :, None] * z[:, None])


def _over_poses(model: Callable, poses: Tensor, weights: Tensor) -> Tensor:
    values = model(poses.flatten(0, 1).flatten(1)).unflatten(0, poses.shape[:2])
    return _contract(weights, values)


def _contract(weights: Tensor, values: Tensor) -> Tensor:
    return (weights.reshape(*weights.shape, *[1] * (values.dim() - 2)) * values).sum(1)


def _shares(x: Tensor) -> Tensor:
    lengths = (x**2).sum(2).sqrt()
    total = lengths.sum(1, keepdim=True)
    return torch.where(total > 0, lengths / torch.where(total > 0, total, 1), 1 / x.shape[1])


def _truth(model: Callable, x: Tensor) -> Tensor:
    return _over_poses(model, _poses(x), _shares(x))


def _cloud_model(random, n: int, outputs: int) -> MLP:
    model = MLP([2 * n, 6, outputs], "tanh", random.seed()).double().requires_grad_(False)
    for layer in model.layers[::2]:
        layer.bias.copy_(random.away_from_zero(len(layer.bias)))
    return model


def _likely_averages(model: Callable, x: Tensor) -> dict:
    poses, shares, n = _poses(x), _shares(x), x.shape[1]
    lengths = x.norm(dim=2)
    z, turn = torch.view_as_complex(x), torch.view_as_complex
    forward = torch.view_as_real((z / z.abs())[:, :, None] * z[:, None])
    quarter = torch.stack([-poses[..., 1], poses[..., 0]], -1)
    mirrored = torch.view_as_real(((z / z.abs())[:, :, None] * turn(x).conj()[:, None]).resolve_conj())
    flipped = mirrored * torch.tensor([1.0, -1.0]).double()

    def mean(weights: Tensor, positions: Tensor = poses) -> Tensor:
        return _over_poses(model, positions, weights)

    one_hot = torch.eye(n, dtype=torch.float64)
    return {
        "equal": [mean(torch.full_like(shares, 1 / n)), mean(torch.ones_like(shares))],
        "undivided": [mean(lengths), mean(lengths / n)],
        "squared": [mean(lengths**2 / (lengths**2).sum(1, keepdim=True)), mean(lengths**2)],
        "batch": [mean(lengths / lengths.sum()), mean(lengths / lengths.sum(0))],
        "softmax": [mean(lengths.softmax(1)), mean((-lengths).softmax(1))],
        "way": mean(shares, forward),
        "axis": [mean(shares, quarter), mean(shares, -quarter), mean(shares, -poses)],
        "mirror": [mean(shares, mirrored), mean(shares, flipped), mean(shares, poses * torch.tensor([1.0, -1.0]).double())],
        "one": [mean(one_hot[k].expand_as(shares)) for k in range(n)] + [mean(one_hot[lengths.argmax(1)])],
        "inputs": model(_contract(shares, poses).flatten(1)),
        "plain": model(x.flatten(1)),
        "reversed": [mean(shares.flip(1)), mean(shares.roll(1, 1)), mean((1 - shares) / (n - 1))],
    }


@weighted_frame.property(points=3)
def averages_over_the_points(answer, random):
    for outputs, b, n in ((2, 3, 4), (1, 2, 3)):
        model, x = _cloud_model(random, n, outputs), random.away_from_zero(b, n, 2)
        truth = _truth(model, x)
        found = as_tensor(answer(model, x), tuple(truth.shape))
        if not close(found, truth):
            raise nearest(found, _likely_averages(model, x))


@weighted_frame.property(points=1)
def averages_at_the_edges(answer, random):
    n = 3
    model, x = _cloud_model(random, n, 2), random.away_from_zero(3, n, 2)
    clouds = random.away_from_zero(5, n, 2) * torch.tensor([1e-2, 1e-9, 1e6, 1.0, 0.0]).double()[:, None, None]
    clouds[3, random.integer(0, n - 1)] = 0
    found, truth = called("origin", answer, model, clouds), _truth(model, clouds)
    if not isinstance(found, Tensor) or found.shape != truth.shape:
        raise Wrong("sizes")
    for row, hint in enumerate(("scale", "scale", "scale", "origin", "zero")):
        _same(hint, found[row], truth[row], 1e-9)
    _same("sizes", called("sizes", answer, model, x[:1]), _truth(model, x[:1]))
    small, y = _cloud_model(random, 1, 1), random.away_from_zero(2, 1, 2)
    _same("sizes", called("sizes", answer, small, y), _truth(small, y))
    truth = _truth(model, x)
    found = called("dtype", answer, model.float(), x.float())
    _same("dtype", found, truth, 1e-4)
    _same_dtype("dtype", found, x.float())
