"""Checks for exercises/equivariance/sets_and_signs.ipynb."""

import math

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.answers import AnswerError
from course_lib.models import MLP


def _net(random, widths: list[int], activation: str = "tanh") -> MLP:
    """A network in float64 with biases that are not 0."""
    net = MLP(widths, activation, random.seed()).double().requires_grad_(False)
    for layer in net.layers[::2]:
        layer.bias.copy_(random.away_from_zero(len(layer.bias)) / 2)
    return net


def _or_error(answer, *args: object) -> object:
    """What the answer returns, or None where it stops with an error."""
    try:
        return answer(*args)
    except AnswerError:
        return None


def _right(found: object, truth: Tensor, tolerance: float = 1e-8) -> bool:
    """The truth, up to rounding; where a network of one output gives `(b,)`, `(b, 1)` will do as well."""
    if isinstance(found, Tensor) and truth.dim() == 1 and found.shape == (len(truth), 1):
        found = found[:, 0]
    return isinstance(found, Tensor) and found.shape == truth.shape and close(found.detach(), truth, tolerance)


def _half_precise(found: object, truth: Tensor) -> bool:
    return isinstance(found, Tensor) and found.dtype == torch.float32 and _right(found, truth, 1e-4)


DTYPE = "right, but in float32: a new tensor is float32 unless you give it the dtype of what comes in"


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
        "distinct": "equal elements count as often as they occur: you drop repeated rows",
        "zero_row": "a row of zeros can be an element like any other: only `sizes` tells what is padding",
        "whole": "`//` rounds down: a mean divides by `/`",
        "less_one": "a mean divides by the size of the set, not by one less",
        "dtype": DTYPE,
        "no_rho": "these are the pooled features: rho is missing",
        "first_size": "every set has its own size: you use one size for all",
        "always_sum": "the sum, whatever pool is asked for",
        "always_mean": "the mean, whatever pool is asked for",
        "always_max": "the largest entries, whatever pool is asked for",
        "smallest": "the smallest entries: the largest are asked for",
        "value": "not rho of the pooled features of each set",
        "sizes": "right in general, but not for a batch of one set with one element, or where one number is asked for",
        "filled": "right in general, but not where padding holds nan, inf or 1e30: 0 times nan is nan: select, do not multiply",
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
    real = [one[:k] for one, k in zip(x, size, strict=True)]
    total, nonzero = features.where(inside, 0).sum(1), (x != 0).any(2, keepdim=True)
    likely = {
        "distinct": [rho(torch.stack([POOLS[pool](phi(one.unique(dim=0)), 0) for one in real]))],
        "zero_row": [rho(torch.stack([POOLS[pool](phi(one[(one != 0).any(1)]), 0) for one in rows])) for rows in (real, x)],
        "padding": [rho(_each(phi, x, whole, pool))],
        "zeroed": [rho(_each(phi, zeroed, whole, pool))],
        "floor": [rho(features.where(inside, fill).amax(1)) for fill in (0, -1)] if pool == "max" else [],
        "no_rho": [_each(phi, x, size, pool)],
        "first_size": [rho(_each(phi, x, [one] * b, pool)) for one in (size[0], max(size), min(size))],
        "rho_inside": [torch.stack([POOLS[pool](rho(phi(one)), 0) for one in real])],
        "pooled_first": [rho(phi(torch.stack([POOLS[pool](one, 0) for one in real])))],
        "smallest": [rho(-_each(lambda rows: -phi(rows), x, size, "max"))],
    }
    if pool == "mean":
        likely["padding"] += [rho(features.sum(1) / sizes[:, None])]
        likely["zeroed"] += [rho(_each(phi, zeroed, whole, "sum") / sizes[:, None])]
        likely["divided"] = [rho(total / number) for number in (n, sizes.max())]
        likely |= {"whole": rho(total // sizes[:, None]), "less_one": rho(total / (sizes[:, None] - 1))}
        likely["zero_row"] += [rho(features.where(inside & nonzero, 0).sum(1) / sizes[:, None])]
    return likely | {f"always_{other}": [rho(_each(phi, x, size, other))] for other in POOLS}


def _compare_sets(found: object, phi: MLP, rho: MLP, x: Tensor, sizes: Tensor, pool: str) -> None:
    pooled = _each(phi, x, sizes.tolist(), pool)
    truth = rho(pooled)
    if isinstance(found, Tensor) and found.shape == pooled.shape:
        raise nearest(found.double(), {"no_rho": pooled}, "shape", 1e-8)
    value = as_tensor(found, truth.shape)
    if not close(value, truth, 1e-8):
        raise (
            Wrong("dtype")
            if _half_precise(found, truth)
            else nearest(value, _likely_answers(phi, rho, x, sizes, pool), "value", 1e-8)
        )


def _ordinary_sets(random) -> tuple:
    """Sets with equal elements and with an element at 0; the first feature is below -1 for every element."""
    phi, rho = _net(random, [2, 5, 4]), _net(random, [4, 3])
    phi.layers[-1].weight[0] /= phi.layers[-1].weight[0].abs().sum()
    phi.layers[-1].bias[0] = -2.5
    sizes, x = torch.tensor([4, 2, 5, 3])[random.order(4)], random.normal(4, 6, 2)
    at = {size: i for i, size in enumerate(sizes.tolist())}
    x[at[4], 1], x[at[2], 1], x[at[5], 3] = 0, x[at[2], 0], x[at[5], 0]
    return phi, rho, x, sizes


@padded_sets.property(points=3)
def pools_the_elements_of_each_set(answer, random):
    phi, rho, x, sizes = _ordinary_sets(random)
    for pool in ("sum", "mean", "max"):
        _compare_sets(answer(phi, rho, x, sizes, pool), phi, rho, x, sizes, pool)


def _special_sets(random) -> tuple:
    """One set of one element, features far down; sets in float32; both with padding of every kind."""
    bad, far = [math.nan, 1e30, -1e30, math.inf, -math.inf], 1e7
    one = _net(random, [1, 4, 5], "relu"), _net(random, [5, 1]), random.normal(1, 6, 1), torch.tensor([1])
    phi, rho, x, sizes = _net(random, [2, 5, 3]), _net(random, [3, 7]), random.normal(3, 5, 2), torch.tensor([2, 5, 1])
    filled = one[2].clone(), x.clone()
    filled[0][0, 1:, 0] = torch.tensor(bad, dtype=torch.float64)
    for rows, values in ((filled[1][0, 2:], bad[:3]), (filled[1][2, 1:], bad[1:])):
        rows.copy_(torch.tensor(values, dtype=torch.float64)[:, None].expand_as(rows))
    return one, (phi, rho, x, sizes), filled, far, random.choice(["sum", "mean"])


@padded_sets.property(points=1)
def small_batches_and_bad_padding(answer, random):
    (phi, rho, x, sizes), many, filled, far, pool = _special_sets(random)
    near = rho(phi(x[:, 0]))
    phi.layers[-1].bias -= far
    if not _right(_or_error(answer, phi, rho, filled[0], sizes, "max"), rho(phi(x[:, 0]))):
        phi.layers[-1].bias += far
        for hint, table in (("sizes", x), ("filled", filled[0])):
            if not _right(called(hint, answer, phi, rho, table, sizes, "max"), near):
                raise Wrong(hint, seen="max, one set of one number, one output")
        raise Wrong("far")
    _short_sets(answer, *many, filled[1], pool)


def _short_sets(answer, phi: MLP, rho: MLP, x: Tensor, sizes: Tensor, filled: Tensor, pool: str) -> None:
    truth = rho(_each(phi, x, sizes.tolist(), pool))
    found = _or_error(answer, phi.float(), rho.float(), filled.float(), sizes, pool)
    if _right(found, truth, 1e-3) and found.dtype == torch.float32:
        return
    phi, rho = phi.double(), rho.double()
    if not _right(called("filled", answer, phi, rho, filled, sizes, pool), truth, 1e-5):
        raise Wrong("filled", seen=f"{pool}, sizes {sizes.tolist()} in a table of {x.shape[1]}")
    raise Wrong("float32")


# ------------------------------------------------------------------------------------------------------ sign invariant

sign_invariant = Exercise(
    "equivariance/sets_and_signs/sign_invariant",
    hints={
        "absolute": "you computed a function of the sizes |v|: which entries agree in sign is lost; let phi see v and -v whole",
        "plain": "phi of the vectors as they come: their signs are arbitrary, let phi see each vector and its negative",
        "together": "you flip all vectors at once: each has a sign of its own, add phi(v) and phi(-v) before they meet",
        "minus": "phi(v) - phi(-v) changes its sign with v: add",
        "distance": "|phi(v) - phi(-v)| does not see the sign, but nothing of an even phi is left: the sum is asked for",
        "larger": "the larger of phi(v) and phi(-v) does not see the sign either, but the sum is asked for",
        "one_flipped": "every vector has its negative: you add it for one of them only",
        "altered": "you change the vectors before phi reads them (their lengths, say): leave them as they come",
        "dtype": DTYPE,
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
    unit = [v / v.norm(dim=1, keepdim=True), torch.linalg.qr(v)[0]]
    pairs = torch.cat(plus, 1), torch.cat(minus, 1)
    return {
        "altered": [rho(torch.cat(_both(phi, one), 1)) for one in unit],
        "distance": rho((pairs[0] - pairs[1]).abs()),
        "larger": rho(torch.maximum(*pairs)),
        "one_flipped": [rho(torch.cat([both[i] if i == j else plus[i] for i in range(k)], 1)) for j in range(k)],
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
        raise Wrong("dtype") if _half_precise(found, truth) else nearest(value, _likely_signs(phi, rho, v), "value", 1e-8)


def _ordinary_vectors(random) -> tuple:
    n, k, w = 5, 3, random.choice([2, 4])
    return _net(random, [n, 5, w]), _net(random, [k * w, 6, 5]), random.normal(4, n, k)


@sign_invariant.property(points=3)
def reads_each_vector_and_its_negative(answer, random):
    case = _ordinary_vectors(random)
    _compare_signs(answer(*case), *case)


def _special_vectors(random) -> tuple:
    return _net(random, [3, 4, 2]), _net(random, [2, 1]), random.normal(1, 3, 1), _net(random, [6, 7]), random.normal(2, 3, 3)


@sign_invariant.property(points=1)
def single_vectors_graphs_and_full_bases(answer, random):
    phi, rho, v, wide, square = _special_vectors(random)
    if not _right(called("single", answer, phi, rho, v), _sign_truth(phi, rho, v)):
        raise Wrong("single", seen="one graph of 3 nodes, one vector, one output")
    truth = _sign_truth(phi, wide, square)
    found = _or_error(answer, phi.float(), wide.float(), square.float())
    if _right(found, truth, 1e-3) and found.dtype == torch.float32:
        return
    phi, wide = phi.double(), wide.double()
    if not _right(called("single", answer, phi, wide, square), truth, 1e-5):
        raise Wrong("single", seen="2 graphs of 3 nodes, 3 vectors each")
    raise Wrong("float32")


# ----------------------------------------------------------------------------------------------------------- projectors

projectors = Exercise(
    "equivariance/sets_and_signs/projectors",
    hints={
        "one_each": "eigenvalues that repeat have one projector together: yours has rank one for every eigenvector",
        "rounding": "equal eigenvalues may differ by rounding: those closer than the tolerance belong together",
        "pairs": "more than two eigenvalues may agree: you put them together in pairs only",
        "early": "your cuts are one place too early: step k lies between eigenvalues k and k + 1",
        "tolerance": "you ignore the tolerance that comes in, or scale it",
        "dtype": DTYPE,
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
        "scale": "the tolerance is a difference, not a share of the eigenvalues (`torch.isclose` adds one unless rtol is 0)",
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


def _grouped(values: Tensor, vectors: Tensor, tolerance: float) -> list[tuple[str, Tensor]]:
    """Eigenvalues put together by another rule, and the projectors that come of it."""
    n, steps = len(values), values.diff()
    rules = {
        "scale": [
            steps >= tolerance * values.abs().max(),
            steps / values.abs()[1:] >= tolerance,
            steps > tolerance + 1e-5 * values[1:],
        ],
        "one_each": [steps > -1],
        "rounding": [steps > 0],
        "tolerance": [steps >= one for one in (*steps.tolist(), math.inf)],
    }
    cuts = [(hint, (cut.nonzero()[:, 0] + 1).tolist()) for hint, kinds in rules.items() for cut in kinds]
    pairs, k = [], 0
    while k < n:
        k += 2 if k + 1 < n and steps[k] < tolerance else 1
        pairs.append(k)
    early = (steps >= tolerance).nonzero()[:, 0].tolist()
    found = []
    for hint, ends in [*cuts[:3], ("pairs", pairs[:-1]), ("early", early), *cuts[3:]]:
        bounds = [0, *ends, n]
        spaces = [_space(vectors, list(range(*pair))) for pair in zip(bounds[:-1], bounds[1:], strict=True)]
        found.append((hint, torch.stack(spaces)))
    return found


def _compare_projectors(found: object, values: Tensor, vectors: Tensor, groups: list[list[int]], tolerance: float) -> None:
    n, truth = len(values), torch.stack([_space(vectors, group) for group in groups])
    if _right(found, truth):
        return
    if isinstance(found, Tensor) and found.shape[1:] == (n, n):
        for hint, other in _grouped(values, vectors, tolerance):
            if _right(found, other):
                raise Wrong(hint)
        if found.shape != truth.shape:
            raise Wrong({n: "one_each", len(values.unique()): "rounding"}.get(len(found), "count"))
    value = as_tensor(found, truth.shape)
    raise (
        Wrong("dtype")
        if _half_precise(found, truth)
        else nearest(value, _likely_projectors(values, vectors, groups), "value", 1e-8)
    )


@projectors.property(points=2)
def one_projector_for_every_eigenspace(answer, random):
    a, b, c, t = (random.uniform(1, low=low, high=low + 0.5).item() for low in (0.5, 1.5, 2.5, 5.0))
    step = random.uniform(1, low=0.15, high=0.2).item()
    for values, tolerance, groups in (
        ([a, b, b, c, c + 1e-9, c + 1e-9], 1e-6, [[0], [1, 2], [3, 4, 5]]),
        ([t, t + 0.95 * step, t + 2 * step, t + 11 * step, t + 11 * step + 1e-9], step, [[0, 1], [2], [3, 4]]),
        ([t, t + 3e-6, t + b], 1e-6, [[0], [1], [2]]),
    ):
        eigen = _eigen(random, values)
        _compare_projectors(answer(*eigen, tolerance), *eigen, groups, tolerance)


@projectors.property(points=1)
def chains_single_spaces_and_short_numbers(answer, random):
    a = random.uniform(1, low=1, high=2).item()
    cases = (
        ("chain", [a, a + 0.08, a + 0.16, a + 0.24, a + 1, a + 1.05], 0.1, [[0, 1, 2, 3], [4, 5]]),
        ("edge", [0.5, 1.0, 2.0], 0.5, [[0], [1], [2]]),
        ("ends", [a, a, a], 1e-6, [[0, 1, 2]]),
        ("ends", [a], 1e-6, [[0]]),
        ("negative", [-a, -a, -0.004, 0.004], 0.005, [[0, 1], [2], [3]]),
    )
    for hint, values, tolerance, groups in cases:
        eigen = _eigen(random, values)
        truth = torch.stack([_space(eigen[1], group) for group in groups])
        if not _right(called(hint, answer, *eigen, tolerance), truth):
            raise Wrong(hint)
    eigen = _eigen(random, [0.0, 0.0, a])
    truth = torch.stack([_space(eigen[1], group) for group in ([0, 1], [2])])
    found = _or_error(answer, *(one.float() for one in eigen), 1e-6)
    if not _right(found, truth, 1e-4) or found.dtype != torch.float32:
        raise Wrong("float32" if _right(called("negative", answer, *eigen, 1e-6), truth) else "negative")
