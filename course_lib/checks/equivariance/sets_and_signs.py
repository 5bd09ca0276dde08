"""Checks for exercises/equivariance/sets_and_signs.ipynb."""

import math

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.models import MLP


def _net(random, widths: list[int]) -> MLP:
    """A network in float64 with biases that are not 0."""
    net = MLP(widths, "tanh", random.seed()).double().requires_grad_(False)
    for layer in net.layers[::2]:
        layer.bias.copy_(random.away_from_zero(len(layer.bias)) / 2)
    return net


# --------------------------------------------------------------------------------------------------------- padded sets

padded_sets = Exercise(
    "equivariance/sets_and_signs/padded_sets",
    hints={
        "padding": "the padding takes part: pool the first sizes[i] elements of set i only",
        "zeroed": "you set the padding to 0 before phi: phi(0) is not 0, so the padding still takes part",
        "divided": "a mean over the elements divides by the size of the set, not by the length of the table",
        "floor": "for the max the padding must lose against every element: features may be negative, 0 does not lose",
        "pooled_first": "you pool the numbers and then apply phi: phi comes first, to each element alone",
        "rho_inside": "you apply rho to each element and then pool: rho comes last, once for a set",
        "no_rho": "these are the pooled features: rho is missing",
        "first_size": "every set has its own size: you use one size for all",
        "always_sum": "the sum, whatever pool is asked for",
        "always_mean": "the mean, whatever pool is asked for",
        "always_max": "the largest entries, whatever pool is asked for",
        "smallest": "the smallest entries: the largest are asked for",
        "value": "not rho of the pooled features of each set",
        "sizes": "right in general, but not for a set of one element, or a batch of one set, or without padding",
        "filled": "right in general, but not where the padding holds `nan`: 0 times nan is nan, so select, do not multiply",
        "far": "right in general, but not where features are far below or above 0",
        "float32": "right in float64, but float32 should work as well, and come back as float32",
    },
)
POOLS = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}


def _each(phi: MLP, x: Tensor, sizes: list[int], pool: str) -> Tensor:
    return torch.stack([POOLS[pool](phi(one[:size]), 0) for one, size in zip(x, sizes, strict=True)])


def _likely_answers(phi: MLP, rho: MLP, x: Tensor, sizes: Tensor, pool: str) -> dict:
    b, n, _ = x.shape
    size, whole = sizes.tolist(), [n] * b
    inside = (torch.arange(n) < sizes[:, None])[..., None]
    zeroed, features = x.where(inside, 0), phi(x.flatten(0, 1)).unflatten(0, (b, n))
    likely = {
        "padding": [rho(_each(phi, x, whole, pool))],
        "zeroed": [rho(_each(phi, zeroed, whole, pool))],
        "floor": [rho(features.where(inside, 0).amax(1))] if pool == "max" else [],
        "divided": [rho(features.where(inside, 0).sum(1) / n)] if pool == "mean" else [],
        "no_rho": [_each(phi, x, size, pool)],
        "first_size": [rho(_each(phi, x, [one] * b, pool)) for one in (size[0], max(size), min(size))],
        "rho_inside": [torch.stack([POOLS[pool](rho(phi(one[:k])), 0) for one, k in zip(x, size, strict=True)])],
        "pooled_first": [rho(phi(torch.stack([POOLS[pool](one[:k], 0) for one, k in zip(x, size, strict=True)])))],
        "smallest": [rho(-_each(lambda rows: -phi(rows), x, size, "max"))],
    }
    if pool == "mean":
        likely["padding"] += [rho(features.sum(1) / sizes[:, None])]
        likely["zeroed"] += [rho(_each(phi, zeroed, whole, "sum") / sizes[:, None])]
    return likely | {f"always_{other}": [rho(_each(phi, x, size, other))] for other in POOLS}


def _compare_sets(found: object, phi: MLP, rho: MLP, x: Tensor, sizes: Tensor, pool: str) -> None:
    truth = rho(_each(phi, x, sizes.tolist(), pool))
    if isinstance(found, Tensor) and found.shape == (len(x), rho.config["widths"][0]) != truth.shape:
        raise nearest(found.double(), {"no_rho": _each(phi, x, sizes.tolist(), pool)}, "shape", 1e-8)
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-8):
        raise nearest(value, _likely_answers(phi, rho, x, sizes, pool), "value", 1e-8)


def _compare_special(hint: str, answer, phi: MLP, rho: MLP, x: Tensor, sizes: Tensor, pool: str) -> None:
    truth = rho(_each(phi, x, sizes.tolist(), pool))
    found = called(hint, answer, phi, rho, x, sizes, pool)
    if not isinstance(found, Tensor) or found.shape != truth.shape or not close(found, truth, 1e-8):
        raise Wrong(hint, seen=f"{pool}, sizes {sizes.tolist()} in a table of {x.shape[1]}")


@padded_sets.property(points=3)
def pools_the_elements_of_each_set(answer, random):
    phi, rho = _net(random, [2, 6, 5]), _net(random, [5, 4, 4])
    x, sizes = random.normal(5, 6, 2), torch.tensor([4, 2, 5, 1, 3])[random.order(5)]
    for pool in ("sum", "mean", "max"):
        _compare_sets(answer(phi, rho, x, sizes, pool), phi, rho, x, sizes, pool)


@padded_sets.property(points=1)
def small_batches_and_bad_padding(answer, random):
    phi, rho, pool = _net(random, [3, 5, 4]), _net(random, [4, 3]), random.choice(["sum", "mean"])
    for lengths, one in (([1], pool), ([4, 4], "max")):
        _compare_special("sizes", answer, phi, rho, random.normal(len(lengths), 4, 3), torch.tensor(lengths), one)
    sizes, x = torch.tensor([2, 4, 1]), random.normal(3, 5, 3)
    bad = x.where((torch.arange(5) < sizes[:, None])[..., None], math.nan)
    for one in (pool, "max"):
        _compare_special("filled", answer, phi, rho, bad, sizes, one)
    phi.layers[-1].bias -= 1e4
    _compare_special("far", answer, phi, rho, x, sizes, "max")
    phi.layers[-1].bias += 1e4
    truth = rho(_each(phi, x, sizes.tolist(), pool))
    found = called("float32", answer, phi.float(), rho.float(), x.float(), sizes, pool)
    if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, truth, 1e-3):
        raise Wrong("float32")


# ------------------------------------------------------------------------------------------------------ sign invariant

sign_invariant = Exercise(
    "equivariance/sets_and_signs/sign_invariant",
    hints={
        "absolute": "you computed a function of the sizes |v|: which entries agree in sign is lost; let phi see v and -v whole",
        "plain": "phi of the vectors as they come: their signs are arbitrary, let phi see each vector and its negative",
        "together": "you flip all vectors at once: each has a sign of its own, add phi(v) and phi(-v) before they meet",
        "minus": "phi(v) - phi(-v) changes its sign with v: add",
        "product": "phi(v) times phi(-v) does not see the sign either, but the sum is asked for",
        "mean": "the sum is asked for, not half of it",
        "only_minus": "phi(-v) alone is no better than phi(v) alone",
        "canonical": "you choose a sign for each vector and apply phi once: let phi see both, and add",
        "reshape": "vectors are the columns of v[i]: reshaping reads along rows, swap the last two axes first",
        "layout": "the features of vector 1 come first, all of them, then those of vector 2: yours alternate",
        "reversed": "the vectors come in the wrong order",
        "rho_inside": "apply rho once, to the sums of features: not to features of v and of -v, adding afterwards",
        "no_rho": "these are the features that rho should read: apply it",
        "value": "not rho of the sums phi(v_j) + phi(-v_j), one vector after the other",
        "single": "right in general, but not for a single vector, a single graph, or as many vectors as nodes",
        "float32": "right in float64, but float32 should work as well, and come back as float32",
    },
)


def _features(phi: MLP, v: Tensor, sign: int = 1) -> list[Tensor]:
    """phi of each column, `(b, w)` each."""
    return [phi(sign * v[:, :, j]) for j in range(v.shape[2])]


def _both(phi: MLP, v: Tensor) -> list[Tensor]:
    return [a + b for a, b in zip(_features(phi, v), _features(phi, v, -1), strict=True)]


def _sign_truth(phi: MLP, rho: MLP, v: Tensor) -> Tensor:
    return rho(torch.cat(_both(phi, v), 1))


def _likely_signs(phi: MLP, rho: MLP, v: Tensor) -> dict:
    b, n, k = v.shape
    plus, minus, both = _features(phi, v), _features(phi, v, -1), _both(phi, v)
    misread, sizes = v.reshape(b, k, n), torch.cat(_features(phi, v.abs()), 1)
    signs = [v.gather(1, v.abs().argmax(1, keepdim=True)), v[:, :1], v[:, -1:], v.sum(1, keepdim=True)]
    chosen = [torch.cat(_features(phi, v * one.sign()), 1) for one in signs]
    return {
        "absolute": [rho(c * sizes) for c in (1, 2)] + [rho(sizes + torch.cat(_features(phi, v.abs(), -1), 1))],
        "plain": [rho(torch.cat(plus, 1)), rho(2 * torch.cat(plus, 1))],
        "only_minus": rho(torch.cat(minus, 1)),
        "together": [c * (rho(torch.cat(plus, 1)) + rho(torch.cat(minus, 1))) for c in (1, 0.5)],
        "minus": rho(torch.cat(plus, 1) - torch.cat(minus, 1)),
        "product": rho(torch.cat(plus, 1) * torch.cat(minus, 1)),
        "mean": rho(torch.cat(both, 1) / 2),
        "canonical": [c * rho(d * one) for one in chosen for c in (1, 2) for d in (1, 2)],
        "reshape": rho(torch.cat([phi(misread[:, j]) + phi(-misread[:, j]) for j in range(k)], 1)),
        "layout": rho(torch.stack(both, 2).flatten(1)),
        "reversed": rho(torch.cat(both[::-1], 1)),
    }


def _compare_signs(found: object, phi: MLP, rho: MLP, v: Tensor) -> None:
    truth = _sign_truth(phi, rho, v)
    if isinstance(found, Tensor) and found.numel() == len(v) * rho.config["widths"][0]:
        raise Wrong("no_rho")
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-8):
        raise nearest(value, _likely_signs(phi, rho, v), "value", 1e-8)


@sign_invariant.property(points=3)
def reads_each_vector_and_its_negative(answer, random):
    n, k, b, w = 5, 3, 4, random.choice([2, 4])
    phi, rho = _net(random, [n, 6, w]), _net(random, [k * w, 6, 5])
    v = torch.linalg.qr(random.normal(b, n, k))[0]
    _compare_signs(answer(phi, rho, v), phi, rho, v)


@sign_invariant.property(points=1)
def single_vectors_graphs_and_full_bases(answer, random):
    phi, rhos = _net(random, [3, 5, 2]), {k: _net(random, [2 * k, 4, 2]) for k in (1, 3)}
    for b, k in ((3, 1), (1, 1), (2, 3)):
        rho, v = rhos[k], random.normal(b, 3, k)
        truth = _sign_truth(phi, rho, v)
        found = called("single", answer, phi, rho, v)
        if not isinstance(found, Tensor) or found.shape != truth.shape or not close(found, truth, 1e-8):
            raise Wrong("single", seen=f"{b} graphs of 3 nodes and {k} vectors")
    found = called("float32", answer, phi.float(), rho.float(), v.float())
    if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, truth, 1e-3):
        raise Wrong("float32")


# ----------------------------------------------------------------------------------------------------------- projectors

projectors = Exercise(
    "equivariance/sets_and_signs/projectors",
    hints={
        "one_each": "eigenvalues that repeat have one projector together: yours has rank one for every eigenvector",
        "rounding": "equal eigenvalues may differ by rounding: those closer than the tolerance belong together",
        "count": "one projector for every group of equal eigenvalues: your number of groups is another one",
        "rows": "eigenvectors are columns: you took rows",
        "inner": "V^T V is the identity on coordinates: the projector is V V^T",
        "weighted": "you multiplied by the eigenvalue: that is a part of the matrix, a projector has no such factor",
        "outer_sum": "you added up the vectors of a space before multiplying: add up the products",
        "descending": "the right projectors in the wrong order: eigenvalues ascend",
        "rest": "the projectors of the spaces that are left out: you return identity minus what is asked for",
        "value": "not the projectors V V^T, one for each group of equal eigenvalues",
        "chain": "right in general, but not for a chain: neighbours are closer than the tolerance, the ends are not",
        "ends": "right in general, but not where all eigenvalues agree, or for a matrix of one number",
        "negative": "right in general, but not where eigenvalues are below 0, or 0 itself repeats",
        "edge": "right in general, but a step of exactly the tolerance is not less than it: there a space ends",
        "scale": "right in general, but not for large eigenvalues: the tolerance is a difference, not a share",
        "float32": "right in float64, but float32 should come back as float32",
    },
)


def _eigen(random, values: list[float]) -> tuple[Tensor, Tensor]:
    """Eigenvalues as given, and an orthonormal basis."""
    return torch.tensor(values, dtype=torch.float64), torch.linalg.qr(random.normal(len(values), len(values)))[0]


def _space(vectors: Tensor, columns: list[int]) -> Tensor:
    return torch.einsum("ai,bi->ab", vectors[:, columns], vectors[:, columns])


def _likely_projectors(values: Tensor, vectors: Tensor, groups: list[list[int]]) -> dict:
    """The same number of matrices, made otherwise."""
    spaces = torch.stack([_space(vectors, group) for group in groups])
    means = torch.stack([values[group].mean() for group in groups])
    summed = torch.stack([vectors[:, group].sum(1) for group in groups])
    return {
        "rows": torch.stack([_space(vectors.T, group) for group in groups]),
        "weighted": means[:, None, None] * spaces,
        "outer_sum": summed[:, :, None] * summed[:, None, :],
        "descending": spaces.flip(0),
        "rest": torch.eye(len(values), dtype=torch.float64) - spaces,
    }


def _compare_projectors(found: object, values: Tensor, vectors: Tensor, groups: list[list[int]]) -> None:
    n, truth = len(values), torch.stack([_space(vectors, group) for group in groups])
    if isinstance(found, Tensor) and found.dim() == 3 and found.shape != truth.shape:
        exact = len(values.unique())
        hints = {n: "one_each", exact: "rounding"} if found.shape[1:] == (n, n) else {}
        raise Wrong(hints.get(len(found), "count" if found.shape[1:] == (n, n) else "shape"))
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-8):
        raise nearest(value, _likely_projectors(values, vectors, groups), "value", 1e-8)


@projectors.property(points=2)
def one_projector_for_every_eigenspace(answer, random):
    a, b, c = (random.uniform(1, low=low, high=low + 0.5).item() for low in (0.5, 1.5, 2.5))
    for values, groups in (
        ([a, b, b, c, c + 1e-9, c + 1e-9], [[0], [1, 2], [3, 4, 5]]),
        ([a, a + 1e-9, b, c], [[0, 1], [2], [3]]),
        ([a, b, c], [[0], [1], [2]]),
    ):
        eigen = _eigen(random, values)
        _compare_projectors(answer(*eigen, 1e-6), *eigen, groups)


@projectors.property(points=1)
def chains_single_spaces_and_short_numbers(answer, random):
    a = random.uniform(1, low=1, high=2).item()
    cases = (
        ("chain", [a, a + 0.08, a + 0.16, a + 0.24, a + 1, a + 1.05], 0.1, [[0, 1, 2, 3], [4, 5]]),
        ("edge", [0.5, 1.0, 2.0], 0.5, [[0], [1], [2]]),
        ("scale", [9 * a, 9 * a + 0.2, 30 * a], 0.1, [[0], [1], [2]]),
        ("ends", [a, a, a], 1e-6, [[0, 1, 2]]),
        ("ends", [a], 1e-6, [[0]]),
        ("negative", [-a - 1, -a, -a, 0.0, 0.0, a], 1e-6, [[0], [1, 2], [3, 4], [5]]),
        ("negative", [-0.004, 0.004, 0.5], 0.005, [[0], [1], [2]]),
    )
    for hint, values, tolerance, groups in cases:
        eigen = _eigen(random, values)
        truth = torch.stack([_space(eigen[1], group) for group in groups])
        found = called(hint, answer, *eigen, tolerance)
        if not isinstance(found, Tensor) or found.shape != truth.shape or not close(found, truth, 1e-8):
            raise Wrong(hint)
    found = called("float32", answer, *(one.float() for one in eigen), tolerance)
    if not isinstance(found, Tensor) or found.dtype != torch.float32 or not close(found, truth, 1e-4):
        raise Wrong("float32")
