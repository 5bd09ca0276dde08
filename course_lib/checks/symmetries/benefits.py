"""Checks for exercises/symmetries/benefits.ipynb."""

import functools
import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, behind, called, close, nearest
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict
from course_lib.models import MLP

ELEMENTS = torch.tensor([[0, 1, 2], [1, 2, 0], [2, 0, 1], [1, 0, 2], [0, 2, 1], [2, 1, 0]])  # of S_3; the first three are C_3
S3 = torch.eye(3, dtype=torch.float64)[ELEMENTS]
PLACES = torch.tensor([[i ^ (e >> i // 2 & 1) for i in range(6)] for e in range(8)])  # in three pairs, places exchanged or not
SWAPS = torch.eye(6, dtype=torch.float64)[PLACES]  # no two elements generate it, nor the first three, four or every other one


def _turns(order: int) -> Tensor:
    """The rotations of the plane by multiples of a full turn over `order`, `(order, 2, 2)`."""
    angle = 2 * torch.pi * torch.arange(order, dtype=torch.float64) / order
    c, s = angle.cos(), angle.sin()
    return torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1)


def _beside(matrices: Tensor, still: int) -> Tensor:
    """The same group on `still` more dimensions that it leaves alone."""
    d = matrices.shape[1]
    wide = torch.eye(d + still, dtype=torch.float64).repeat(len(matrices), 1, 1)
    wide[:, :d, :d] = matrices
    return wide


def _elsewhere(random: Instances, matrices: Tensor) -> Tensor:
    """The same group in random orthonormal coordinates, its elements in random order."""
    frame = torch.linalg.qr(random.normal(*matrices.shape[1:]))[0]
    return (frame @ matrices @ frame.T)[random.order(len(matrices))]


def _edge(hint: str, compare: Callable, answer: Callable, *args: object) -> None:
    """The hint of the case for whatever goes wrong in it."""
    found = called(hint, answer, *args)
    try:
        compare(found, *args)
    except Wrong as wrong:
        raise Wrong(hint, seen=wrong.seen) from None


# ---------------------------------------------------------------------------------------------------- an invariant kernel

invariant_kernel = Exercise(
    "symmetries/benefits/invariant_kernel",
    hints={
        "transposed": "row i should belong to the i-th row of x, column j to the j-th row of y",
        "single": "you move one of the two points at a time: enough if the base kernel is invariant, and this one is not",
        "together": "you move both points by the same element: the result changes if x alone is moved",
        "sum": "you add up: take the mean, so that the trivial group gives back the base kernel",
        "points": "you average the points before the kernel sees them: average the kernel's values",
        "metric": "you average the metric: that makes the base kernel invariant when both points move, not when one does",
        "base": "that is the base kernel: the group has not been used",
        "best": "you take the best match: average over the elements (a maximum of kernels need not be a kernel)",
        "normalised": "you divide by the values of a point with itself: the mean over the group is all that is asked for",
        "some": "you leave out elements: average over the whole group, the identity included",
        "value": "the mean over all g and all h of k(g x, h y)",
        "single_point": "right in general, but not for a single point: keep both axes",
        "trivial": "right in general, but the group with one element should give back the base kernel",
        "square": "right in general, but not where numbers of points, elements and dimensions agree",
        "dtype": "right in general, but the result should have the number type of x, be it float32 or float64",
    },
)


def _gauss(x: Tensor, y: Tensor, metric: Tensor) -> Tensor:
    """The same by squares and products, `(..., d)`, `(..., d)` -> `(x's shape, y's shape)`."""
    (i, d), j = (x.shape[:-1], x.shape[-1]), y.shape[:-1]
    x, y = x.reshape(-1, d), y.reshape(-1, d)
    squares = ((x @ metric) * x).sum(1)[:, None] + ((y @ metric) * y).sum(1)
    return torch.exp(x @ metric @ y.T - squares / 2).reshape(*i, *j)


def _pairs(x: Tensor, y: Tensor, matrices: Tensor, metric: Tensor) -> Tensor:
    """k(g x, h y) for all g and h, `(|G|, |G|, n, m)`."""
    return _gauss(x @ matrices.mT, y @ matrices.mT, metric).transpose(1, 2)


def _compare_kernel(value: object, x: Tensor, y: Tensor, matrices: Tensor, metric: Tensor) -> None:
    shape = (len(x), len(y))
    if isinstance(value, Tensor) and shape != shape[::-1] == tuple(value.shape):
        raise Wrong("transposed")
    value = as_tensor(value, shape)
    x, y, matrices, metric = (part.double() for part in (x, y, matrices, metric))
    pairs, count = _pairs(x, y, matrices, metric), len(matrices)
    truth = pairs.mean((0, 1))
    if close(value, truth):
        return
    rows = torch.arange(count)
    mean = matrices.mean(0)
    own, other = (_pairs(z, z, matrices, metric).mean((0, 1)).diagonal() for z in (x, y))
    one = [i for i in range(count) if close(matrices[i], torch.eye(len(mean)))][0]
    others = [i for i in range(count) if i != one]
    likely = {
        "base": pairs[one, one],
        "single": [pairs[:, one].mean(0), pairs[one].mean(0), (pairs[:, one] + pairs[one]).mean(0) / 2],
        "together": pairs[rows, rows].mean(0),
        "sum": [count * truth, count**2 * truth, pairs[rows, rows].sum(0), pairs[:, one].sum(0), pairs[one].sum(0)],
        "points": _gauss(x @ mean.T, y @ mean.T, metric),
        "metric": _gauss(x, y, (matrices.mT @ metric @ matrices).mean(0)),
        "best": [pairs.amax((0, 1)), pairs[:, one].amax(0), pairs[rows, rows].amax(0)],
        "normalised": truth / (own[:, None] * other).sqrt(),
        "some": [pairs[part][:, part].mean((0, 1)) for part in (others, rows[1:], rows[:-1], rows[:6])],
    }
    raise nearest(value, likely)


def _kernel_instance(random: Instances, matrices: Tensor, n: int, m: int) -> tuple[Tensor, ...]:
    d = matrices.shape[1]
    a = random.normal(d, d)
    metric = (a @ a.T + torch.diag(torch.arange(1.0, d + 1.0).double())) / (2 * d)
    return random.normal(n, d), random.normal(m, d), _elsewhere(random, matrices), metric


@invariant_kernel.property(points=3)
def averages_over_both_arguments(answer, random):
    for matrices, n, m in ((S3, 4, 5), (_turns(8), 3, 2)):
        instance = _kernel_instance(random, matrices, n, m)
        _compare_kernel(answer(*instance), *instance)


@invariant_kernel.property(points=1)
@behind(averages_over_both_arguments)
def keeps_shapes_and_number_types(answer, random):
    for hint, matrices, n, m in (
        ("single_point", _turns(3), 1, 3),
        ("single_point", _turns(3), 3, 1),
        ("trivial", torch.eye(2, dtype=torch.float64)[None], 3, 2),
        ("square", S3[:3], 3, 3),
    ):
        _edge(hint, _compare_kernel, answer, *_kernel_instance(random, matrices, n, m))
    wide = _kernel_instance(random, _turns(3), 3, 2)
    narrow = [part.float() for part in wide]
    found = called("dtype", answer, *narrow)
    _edge("dtype", _compare_kernel, lambda *args: found, *narrow)
    if found.dtype != torch.float32 or called("dtype", answer, *wide).dtype != torch.float64:
        raise Wrong("dtype")


# ---------------------------------------------------------------------------------------- constrain before, project after

symmetric_least_squares = Exercise(
    "symmetries/benefits/symmetric_least_squares",
    hints={
        "keys": 'return a dict with the keys "after" and "before"',
        "swapped": '"after" and "before" are exchanged: which one is the projection of a fit that knew nothing of the group?',
        "same_after": '"before" is the projected fit again: here the fit itself may use invariant vectors only',
        "same_before": '"after" was fitted among invariant vectors: fit freely first, then project',
        "plain": "an estimate is not invariant: some element of the group moves it",
        "sum": "the projector is the mean of the matrices, not their sum",
        "some": "you constrain by some of the elements, and those do not generate the group: use them all",
        "rest": "you keep the part that the group averages away: the other part is wanted",
        "after": '"after" is wrong: least squares first, then the mean over the group of g times the estimate',
        "before": '"before" is wrong: the invariant vector for which the sum of squared residuals is smallest',
        "columns": "right in general, but the first columns of the projector need not span: two of them may agree, or be zero",
        "nothing": "right in general, but where no vector is invariant except zero, both estimates are zero: mind rounding",
        "everything": "right in general, but for the group with one element both are plain least squares",
        "tight": "right in general, but not with as many rows as dimensions, or in a single dimension",
        "dtype": "right in general, but float32 in should give float32 out",
    },
)


def _fits(x: Tensor, y: Tensor, matrices: Tensor) -> dict[str, Tensor]:
    """The truth by another way: least squares on the rows moved by every element is least squares among invariant vectors."""
    plain = torch.linalg.solve(x.T @ x, x.T @ y)
    moved = (x @ matrices).flatten(0, 1)
    before = torch.linalg.solve(moved.T @ moved, moved.T @ y.repeat(len(matrices)))
    return {"plain": plain, "after": (matrices @ plain).mean(0), "before": before}


def _held_by(some: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Least squares among the vectors that some elements leave in place."""
    values, vectors = torch.linalg.eigh((some + some.mT).double().mean(0) / 2)
    basis = vectors[:, values > 1 - 1e-6]
    return basis @ (torch.linalg.pinv(x.double() @ basis) @ y.double())


def _compare_fits(found: object, x: Tensor, y: Tensor, matrices: Tensor, tolerance: float = 1e-6) -> None:
    found, truth = as_dict(found, ("after", "before")), _fits(*(part.double() for part in (x, y, matrices)))
    after, before = (as_tensor(found[key], (x.shape[1],), f'"{key}"') for key in ("after", "before"))
    fits = {key: (close(after, value, tolerance), close(before, value, tolerance)) for key, value in truth.items()}
    if fits["after"][0] and fits["before"][1]:
        return
    if fits["before"][0] and fits["after"][1]:
        raise Wrong("swapped")
    if fits["after"] == (True, True) or fits["before"] == (True, True):
        raise Wrong("same_after" if fits["after"][0] else "same_before")
    if fits["plain"][0] or fits["plain"][1]:
        raise Wrong("plain")
    for key, value in (("after", after), ("before", before)):
        if not close(value, truth[key], tolerance):
            g, count = matrices, len(matrices)
            rest = [truth["plain"] - truth["after"], truth["plain"] - truth["before"]]
            some = [_held_by(part, x, y) for part in (g[:2], g[-2:], g[:3], g[::2], g[: count // 2])]
            likely = {"sum": [count * truth[key], truth[key] / count], "rest": rest, "some": some}
            raise nearest(value, likely, key, tolerance)


def _rows(random: Instances, n: int, matrices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    d = matrices.shape[1]
    while True:  # an ill-conditioned draw would test rounding
        x = random.normal(n, d)
        if torch.linalg.cond(x) < 50:
            return x, random.normal(n) + x @ random.normal(d), _elsewhere(random, matrices)


@symmetric_least_squares.property(points=3)
def fits_before_and_projects_after(answer, random):
    twice = torch.kron(S3, torch.eye(2, dtype=torch.float64))  # pairs of numbers, the pairs permuted: two invariant vectors
    for matrices, extra in ((twice, 3), (_beside(_turns(3), 2), 5)):
        data = _rows(random, matrices.shape[1] + extra, matrices)
        _compare_fits(answer(*data), *data)
    (x, y, _), frame = _rows(random, 9, SWAPS), torch.linalg.qr(random.normal(6, 6))[0]
    moved = frame @ SWAPS @ frame.T  # in this order
    _compare_fits(answer(x, y, moved), x, y, moved)


@symmetric_least_squares.property(points=1)
@behind(fits_before_and_projects_after)
def holds_at_both_ends(answer, random):
    one = torch.eye(3, dtype=torch.float64)[None]
    for matrices in (SWAPS, torch.diag_embed(torch.tensor([[1.0, 1, 1], [-1, 1, -1]]).double())):  # not in other coordinates
        _edge("columns", _compare_fits, answer, *_rows(random, 9, matrices)[:2], matrices)
    for hint, matrices, n in (
        ("nothing", _turns(3), 6),
        ("everything", one, 8),
        ("tight", _beside(_turns(5), 1), 3),
        ("tight", one[:, :1, :1], 4),
    ):
        _edge(hint, _compare_fits, answer, *_rows(random, n, matrices))
    narrow = [part.float() for part in _rows(random, 9, _beside(_turns(3), 2))]
    found = called("dtype", answer, *narrow)
    _edge("dtype", functools.partial(_compare_fits, tolerance=1e-3), lambda *args: found, *narrow)
    if {found[key].dtype for key in ("after", "before")} != {torch.float32}:
        raise Wrong("dtype")


# ------------------------------------------------------------------------------------------------- the gain, from counting

counted_gain = Exercise(
    "symmetries/benefits/counted_gain",
    hints={
        "order": "that is the order of the group: some frequencies are moved to fewer places than there are elements",
        "rounded": "a gain is no whole number in general: do not round",
        "inverted": "upside down: the gain is all waves over invariant ones",
        "half": "k and -k are two frequencies, and two orbits unless an element takes one to the other",
        "zero": "you leave out the frequency zero: it is a wave, and an orbit of its own",
        "fixed": "you count the frequencies that no element moves: a whole orbit makes one invariant wave as well",
        "undivided": "Burnside's lemma takes the mean of the numbers of fixed frequencies, not their sum",
        "orbits": "that is the number of orbits: how many frequencies are there for each?",
        "value": "the number of frequencies in the band over the number of their orbits under the group",
        "still": "right in general, but not for band 0, or for the group with one element",
        "dimensions": "right in general, but not in one or in three dimensions",
        "elements": "right in general, but not for a group with more elements",
        "many": "right for small bands and groups, but not for larger ones",
    },
)
SQUARE = torch.stack([torch.tensor([[c, -s], [s, c]]) @ flip for flip in (torch.eye(2).long(), torch.tensor([[1, 0], [0, -1]]))
                      for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))])  # fmt: skip
CUBE = torch.stack([S3[k].long() * torch.tensor([(i >> b) % 2 * 2 - 1 for b in range(3)]) for k in range(6) for i in range(8)])
FLAT = {"D4": SQUARE, "C4": SQUARE[:4], "mirrors": SQUARE[[0, 2, 4, 6]], "one mirror": SQUARE[[0, 4]], "C2": SQUARE[[0, 2]]}


def _orbits(band: int, matrices: Tensor) -> int:
    """By collecting them, frequency for frequency, named by the largest member; there are bases enough for any band."""
    axis = torch.arange(-band, band + 1)
    k = torch.stack(torch.meshgrid(*[axis] * matrices.shape[1], indexing="ij"), -1).flatten(0, -2)
    base = (2 * band + 1) ** torch.arange(matrices.shape[1])
    return len(((k @ matrices) @ base).amax(0).unique())


def _compare_gain(found: object, band: int, matrices: Tensor) -> None:
    value, d = as_number(found), matrices.shape[1]
    everything, orbits, count = (2 * band + 1) ** d, _orbits(band, matrices), len(matrices)
    k = torch.stack(torch.meshgrid(*[torch.arange(-band, band + 1)] * d, indexing="ij"), -1).flatten(0, -2)
    still = int((k @ matrices == k).all(2).all(0).sum())
    if close(value, everything / orbits, 1e-6):
        return
    merged = _orbits(band, torch.cat([matrices, -matrices]))
    likely = {
        "order": float(count),
        "inverted": orbits / everything,
        "half": [(everything + 1) / 2 / orbits, (everything - 1) / 2 / orbits, everything / merged],
        "zero": [(everything - 1) / max(orbits - 1, 1), (everything - 1) / orbits],
        "fixed": [everything / still, float(still)],
        "rounded": [float(everything // orbits), *(round(everything / orbits, digits) for digits in range(4))],
        "undivided": [everything / (orbits * count), float(orbits * count)],
        "orbits": float(orbits),
    }
    raise nearest(value, likely, tolerance=1e-6)


@counted_gain.property(points=2)
def counts_waves_and_orbits(answer, random):
    for name, least, most in (("D4", 3, 4), ("C4", 2, 5), ("mirrors", 2, 4), ("one mirror", 2, 4), ("C2", 2, 4)):
        band = random.integer(least, most)
        _compare_gain(answer(band, FLAT[name][random.order(len(FLAT[name]))]), band, FLAT[name])


@counted_gain.property(points=1)
@behind(counts_waves_and_orbits)
def counts_in_other_places(answer, random):
    for hint, band, matrices in (
        ("still", 0, SQUARE),
        ("still", random.integer(2, 3), SQUARE[:1]),
        ("dimensions", random.integer(2, 4), torch.tensor([[[1]], [[-1]]])),
        ("dimensions", 2, S3[:3].long()),
        ("elements", 2, CUBE),  # in its own order, the first half of it is a group
        ("many", random.integer(12, 15), SQUARE),
    ):
        order = slice(None) if hint == "elements" else random.order(len(matrices))
        _edge(hint, _compare_gain, answer, band, matrices[order])


# ----------------------------------------------------------------------------------------------------- noise at the inputs

noise_sensitivity = Exercise(
    "symmetries/benefits/noise_sensitivity",
    hints={
        "keys": 'return a dict with the keys "plain" and "averaged"',
        "swapped": '"plain" and "averaged" are exchanged',
        "unturned": "the noise sits on the input: when the input is moved, its noise moves along",
        "all": "use the rows of `permutations`, not all permutations of the inputs",
        "fresh": "one draw of noise disturbs the input, and all its copies then carry that draw: use the given noise, no other",
        "sensitivities": "you average the model's sensitivity over the group: average its outputs, then measure",
        "denominator": "the averaged model is measured by its own spread, not by that of the plain one",
        "centre": "the spread is about the mean output of the batch: take that off first",
        "root": "a ratio of mean squares is asked for, without a root",
        "sum": "take means over the noise rows and over the items, not sums",
        "unbiased": "the spread is the mean of squares over the items, with divisor b",
        "first": "average over all rows of noise, not the first one alone",
        "shift": "take the squared change of each output first and the mean over the noise after it",
        "plain": '"plain" is wrong: mean squared change of the outputs over their mean squared distance from the mean output',
        "averaged": '"averaged" is wrong: the same ratio for the mean of the model over all permutations of its input',
        "trivial": "right in general, but for the group with one element both numbers agree",
        "single": "right in general, but not for a single row of noise or for two items",
        "square": "right in general, but not where numbers of items, rows, inputs and elements agree",
    },
)


def _ratios(clean: Tensor, shaken: Tensor) -> Tensor:
    """Mean squared change over spread: `(b, k)` and `(r, b, k)`."""
    spread = ((clean**2).mean(0) - clean.mean(0) ** 2).sum()
    return ((shaken - clean) ** 2).mean((0, 1)).sum() / spread


def _near(value: float, truths: Tensor) -> bool:
    """Equal to one of some numbers, relative to it: sensitivities may be small."""
    return bool(((value - truths).abs() <= 1e-6 * truths).any())


def _outputs(model: MLP, x: Tensor, noise: Tensor, permutations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs of every moved input, clean `(g, b, k)`, shaken `(g, r, b, k)`, and shaken after moving."""

    def model_of(z: Tensor) -> Tensor:
        return model(z.reshape(-1, x.shape[1])).reshape(*z.shape[:-1], -1)

    moved = x[:, permutations].transpose(0, 1)
    along = (x + noise)[:, :, permutations].permute(2, 0, 1, 3)
    return model_of(moved), model_of(along), model_of(moved[:, None] + noise)


def _compare_noise(found: object, model: MLP, x: Tensor, noise: Tensor, permutations: Tensor) -> None:
    parts = as_dict(found, ("plain", "averaged"))
    plain, averaged = (as_number(parts[key], f'"{key}"') for key in ("plain", "averaged"))
    clean, along, unturned = _outputs(model, x, noise, permutations)
    own = next(i for i, p in enumerate(permutations.tolist()) if p == sorted(p))
    mean = clean.mean(0)
    truth = {"plain": _ratios(clean[own], along[own]), "averaged": _ratios(mean, along.mean(0))}
    if _near(plain, truth["plain"]) and _near(averaged, truth["averaged"]):
        return
    if _near(plain, truth["averaged"]) and _near(averaged, truth["plain"]):
        raise Wrong("swapped")
    change = {"plain": along[own] - clean[own], "averaged": along.mean(0) - mean}
    for key, value, at in (("plain", plain, clean[own]), ("averaged", averaged, mean)):
        power, spread = (change[key] ** 2).sum(2), at.var(0, unbiased=False).sum()
        likely = {
            "centre": power.mean() / (at**2).sum(1).mean(),
            "root": truth[key].sqrt(),
            "sum": truth[key] * torch.tensor([len(x), len(noise), len(x) * len(noise)]),
            "unbiased": truth[key] * (len(x) - 1) / len(x),
            "first": power[0].mean() / spread,
            "shift": (change[key].mean(0) ** 2).sum(1).mean() / spread,
        }
        if key == "averaged":
            one_by_one = [_ratios(clean[i], along[i]) for i in range(len(clean))]
            everyone = torch.tensor(list(itertools.permutations(range(x.shape[1]))))
            likely["all"] = _ratios(*(part.mean(0) for part in _outputs(model, x, noise, everyone)[:2]))
            likely["fresh"] = _ratios(mean, torch.stack([part.roll(-i, 0) for i, part in enumerate(along)]).mean(0))
            likely["unturned"] = _ratios(mean, unturned.mean(0))
            likely["denominator"] = power.mean() / clean[own].var(0, unbiased=False).sum()
            likely["sensitivities"] = sum(one_by_one) / len(one_by_one)
        if not _near(value, truth[key]):
            raise next((Wrong(hint) for hint, guess in likely.items() if _near(value, guess)), Wrong(key))


def _noise_instance(random: Instances, b: int, r: int, k: int, permutations: Tensor) -> tuple:
    n = permutations.shape[1]
    model = MLP([n, 12, k], "relu", random.seed()).double().requires_grad_(False)
    model.layers[-1].bias.copy_(torch.arange(k) + random.away_from_zero(k))  # outputs with means far apart
    return model, random.normal(b, n), 0.5 * random.normal(r, b, n), permutations[random.order(len(permutations))]


@noise_sensitivity.property(points=3)
def measures_both_models(answer, random):
    some = torch.cat([ELEMENTS, torch.tensor([3, 4]).expand(6, 2)], 1)  # two of five inputs stay
    instance = _noise_instance(random, 7, 8, 2, some)
    found = answer(*instance)
    try:
        _compare_noise(found, *instance)
    except Wrong as wrong:
        raise wrong if repr(found) == repr(answer(*instance)) else Wrong("fresh") from None


@noise_sensitivity.property(points=1)
@behind(measures_both_models)
def measures_special_cases(answer, random):
    for hint, b, r, k, permutations in (
        ("trivial", 5, 3, 2, ELEMENTS[:1]),
        ("single", 2, 1, 3, ELEMENTS),
        ("square", 3, 3, 3, ELEMENTS[:3]),
    ):
        _edge(hint, _compare_noise, answer, *_noise_instance(random, b, r, k, permutations))
