"""Checks for exercises/equivariance/random_subsets.ipynb."""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict, as_number


def _numbers(random: Instances, count: int, below: int) -> Tensor:
    return torch.tensor([random.integer(0, below - 1) for _ in range(count)])


def _same(hint: str, value: object, truth: Tensor, tolerance: float = 1e-5) -> None:
    """The special case `hint` unless `value` is a tensor equal to `truth`."""
    if not isinstance(value, Tensor) or value.shape != truth.shape or not torch.isfinite(value).all():
        raise Wrong(hint)
    if not close(as_tensor(value, truth.shape), truth, tolerance):
        raise Wrong(hint)


# ------------------------------------------------------------------------------------------- the worst case on a cycle

cycle_errors = Exercise(
    "equivariance/random_subsets/cycle_errors",
    hints={
        "trivial": "the trivial character is in: its mean is always 1, and it is no error, since the constant should stay",
        "repeats": "an element that was drawn twice counts twice: add up counts, do not mark what is there",
        "scale": "a mean over the elements of a row: divide by how many were drawn, repeats counted",
        "mean": "that is the typical character: for the worst function take the largest",
        "squared": "take sizes, not their squares",
        "real": "the mean of a character is a complex number, and its size counts: not the real part alone",
        "slowest": "the worst wave need not be the slowest, nor the fastest: look at all characters but the trivial one",
        "left_out": "a character is left out: for even n the one that alternates between +1 and -1 counts as well",
        "rows": "each row is a draw of its own: do not mix them",
        "list": "you transform the list of elements: transform how often each of the n elements was drawn",
        "value": "for each row the largest size of the mean of exp(2 pi i k g / n) over its elements g, over k = 1, ..., n - 1",
        "one": "right in general, but on the group with one element there is no function with mean 0: the error is 0",
        "single": "right in general, but not for a single row, or for rows of a single element",
        "whole": "right in general, but drawing every element equally often leaves an error of 0, up to rounding",
        "large": "right in general, but not for a larger group, or for more draws than the group has elements",
    },
)


def _means(elements: Tensor, n: int) -> Tensor:
    """Means of the characters over each row, as a real and an imaginary part: `(r, n, 2)`."""
    angle = 2 * torch.pi * elements[:, :, None].double() * torch.arange(n) / n
    return torch.stack([angle.cos().mean(1), angle.sin().mean(1)], 2)


def _cycle_truth(elements: Tensor, n: int) -> Tensor:
    return _means(elements, n)[:, 1:].norm(dim=2).amax(1)


def _cycle_instance(random: Instances, n: int) -> Tensor:
    """Rows in which the worst wave is the alternating one, then one in the middle, then some with repeats."""
    alternating = 2 * _numbers(random, 7, n // 2)
    alternating[0] = (alternating[0] + 1) % n  # all even but one
    third = 3 * _numbers(random, 7, n // 3)
    third[0] = (third[0] + 1) % n
    repeats, shift = _numbers(random, 4, n), random.integer(0, n - 1)
    while float(_cycle_truth(repeats[None], n)) > 0.9 or len(repeats.unique()) < 4:
        repeats = _numbers(random, 4, n)
    rows = torch.stack([alternating, third, torch.cat([repeats, repeats[:1], repeats[:2]])])
    return (rows + shift) % n


def _likely_cycle_errors(elements: Tensor, n: int) -> dict:
    means, m = _means(elements, n), elements.shape[1]
    sizes, truth = means.norm(dim=2), _cycle_truth(elements, n)
    present = [_means(row.unique()[None], n)[0, 1:].norm(dim=1).amax() for row in elements]
    several = torch.tensor([float(len(row.unique())) for row in elements])
    mixed = _cycle_truth(elements.reshape(1, -1), n).expand_as(truth)
    row_by_row = torch.fft.fft(elements.double()).abs()
    return {
        "trivial": [torch.ones_like(truth), torch.full_like(truth, m), sizes.mean(1)],
        "repeats": [torch.stack(present), torch.stack(present) * several / m],
        "scale": [truth * m, truth * m / n, truth * m / several, truth * m**0.5, truth * m / n**0.5],
        "mean": [sizes[:, 1:].mean(1), sizes[:, 1:].square().mean(1).sqrt(), sizes[:, 1:].median(1).values, sizes.amin(1)],
        "squared": [truth**2, truth**2 * m, truth**2 * m * m, truth.sqrt()],
        "real": [means[:, 1:, 0].amax(1), means[:, 1:, 0].abs().amax(1), means[:, 1:, 1].abs().amax(1)],
        "slowest": [sizes[:, 1], sizes[:, n // 2], sizes[:, -1]],
        "left_out": [sizes[:, 1 : n // 2].amax(1), sizes[:, 2:].amax(1), sizes[:, 1 : n // 2 - 1].amax(1)],
        "rows": [mixed, truth.amax().expand_as(truth), truth.mean().expand_as(truth), truth[:1].expand_as(truth)],
        "list": [row_by_row[:, 1:].amax(1), row_by_row[:, 1:].amax(1) / m],
    }


@cycle_errors.property(points=3)
def finds_the_worst_character(answer, random):
    for n in (12, 18):
        elements = _cycle_instance(random, n)
        elements = elements if n == 12 else torch.cat([elements[2:], elements])  # not always three rows
        truth = _cycle_truth(elements, n)
        errors = as_tensor(answer(elements, n), truth.shape)
        if not close(errors, truth):
            raise nearest(errors, _likely_cycle_errors(elements, n))


def _one_wave(random: Instances, n: int) -> Tensor:
    """Rows whose worst wave k is far from both ends: elements 0, s, 2s with k s = 1 mod n, n prime."""
    waves = [random.integer(n // 5, 2 * n // 5) for _ in range(2)]
    return torch.tensor([[j * pow(k, -1, n) % n for j in range(3)] for k in waves])


@cycle_errors.property(points=1)
def finds_it_at_the_edges(answer, random):
    n = 2 * random.integer(3, 6) + 1
    for hint, elements, size in (
        ("one", torch.zeros(2, 3).long(), 1),
        ("single", _numbers(random, 5, n)[None], n),
        ("single", _numbers(random, 3, n)[:, None], n),
        ("whole", torch.tensor([random.order(n), random.order(n)]).repeat(1, 2), n),
        ("large", _numbers(random, 40, 2).reshape(4, 10), 2),
        ("large", _one_wave(random, 601), 601),
    ):
        _same(hint, called(hint, answer, elements, size), _cycle_truth(elements, size) if size > 1 else torch.zeros(2).double())


# ------------------------------------------------------------------------------------------------ the error of one function

sampling_errors = Exercise(
    "equivariance/random_subsets/sampling_errors",
    hints={
        "keys": 'return a dict with the keys "subset" and "multiset"',
        "sigma": "the group is the whole population and no sample: its standard deviation divides by the number of elements",
        "correction": '"subset": different elements err less than independent draws, and not at all when all are taken',
        "wrong_correction": "another correction: a single draw needs none, all elements leave no error, and it is in the root",
        "root": "that is a mean square: take the root",
        "count": "the square of the error falls like 1/m, the error itself like 1 over the root of m",
        "together": "each input has its own standard deviation, over the group: do not mix inputs",
        "absolute": "the root of the mean square, not the mean size: they differ",
        "swapped": "the two answers are exchanged: which of them can be 0?",
        "value": '"subset": the root mean square, over all choices of m different rows, of (their mean - mean of all rows)',
        "multiset": '"multiset": independent draws, so sigma over the root of m, with no correction at all',
        "whole": "right in general, but m = |G| different elements leave no error: 0, not nan and not rounding of the root",
        "one": "right in general, but a group may have a single element: no error, and no division by 0",
        "two": "right in general, but not for the smallest groups, of two elements",
        "offset": "right in general, but a constant in f must not matter: take the mean away before you square",
        "float32": "right in float64, but float32 values should work as well",
    },
)


def _all_errors(values: Tensor, m: int, distinct: bool) -> Tensor:
    """Mean over every choice of m rows, minus the mean of all: `(choices, b)`."""
    every = itertools.combinations(range(len(values)), m) if distinct else itertools.product(range(len(values)), repeat=m)
    return values[torch.tensor(list(every))].mean(1) - values.mean(0)


def _rms(errors: Tensor) -> Tensor:
    return errors.square().mean(0).sqrt()


def _likely_subset_errors(values: Tensor, m: int) -> dict:
    n, sigma = len(values), values.std(0, correction=0)
    factor = (n - m) / (m * (n - 1))
    others = [(n - m) / (m * n), (1 - (m - 1) / n) / m, (n - m) / n, (n - m) / (n - 1), (1 - m / (n - 1)) / m]
    whole = values.std(correction=0)
    return {
        "correction": [sigma / m**0.5, sigma],
        "sigma": [values.std(0) * factor**0.5, values.std(0) / m**0.5],
        "wrong_correction": [*(sigma * abs(other) ** 0.5 for other in others), sigma * (n - m) / (n - 1) / m**0.5],
        "root": [sigma**2 * factor, sigma**2 / m, sigma * factor, sigma**2 * ((n - m) / (n - 1)) ** 0.5 / m],
        "count": [sigma * factor**0.5 / m**0.5, sigma * ((n - m) / (n - 1)) ** 0.5, sigma / m],
        "together": [(whole * factor**0.5).expand_as(sigma), sigma.mean().expand_as(sigma) * factor**0.5],
        "absolute": _all_errors(values, m, True).abs().mean(0),
    }


@sampling_errors.property(points=2)
def subsets_err_as_all_choices_do(answer, random):
    for n, m in ((5, 2), (6, 4)):
        values = random.normal(n, 3) * random.uniform(3, low=0.5, high=2)
        truth = _rms(_all_errors(values, m, True))
        found = as_dict(answer(values, m), ["subset", "multiset"])
        errors = as_tensor(found["subset"], (3,), '"subset"')
        if not close(errors, truth):
            other = found["multiset"]
            exchanged = isinstance(other, Tensor) and other.shape == (3,) and close(other.detach(), truth)
            raise Wrong("swapped") if exchanged else nearest(errors, _likely_subset_errors(values, m))


@sampling_errors.property(points=1)
def multisets_err_as_all_choices_do(answer, random):
    for n, m in ((4, 3), (5, 2)):
        values = random.normal(n, 2)
        found = as_dict(answer(values, m), ["subset", "multiset"])
        truth = _rms(_all_errors(values, m, False))
        if not close(as_tensor(found["multiset"], (2,), '"multiset"'), truth):
            raise Wrong("multiset")


@sampling_errors.property(points=1)
def errs_right_at_the_edges(answer, random):
    n = random.integer(4, 6)
    values = random.normal(n, 2)
    for hint, case, m in (
        ("whole", values, n),
        ("whole", values[:3] / 3, 3),
        ("one", values[:1], 1),
        ("two", values[:2], 1),
        ("two", values[:2, :1], 2),
        ("offset", values + 1e7, 2),
        ("float32", values.float(), 3),
    ):
        found = as_dict(called(hint, answer, case, m), ["subset", "multiset"])
        centred = case.double() - case.double().mean(0)
        spread = centred.square().mean(0).sqrt()
        subset = _rms(_all_errors(centred, m, True)) if m < len(case) else 0 * spread
        for value, truth in ((found["subset"], subset), (found["multiset"], spread / m**0.5)):
            _same(hint, value, truth)


# ------------------------------------------------------------------------------------------ the worst case of any group

table_error = Exercise(
    "equivariance/random_subsets/table_error",
    hints={
        "constant": "the constant function is in: it keeps its size under every average, and that is no error",
        "eigenvalues": "that is the largest eigenvalue: a matrix that is not symmetric can lengthen by more: singular values",
        "symmetric": "you average the elements together with their inverses: that is another set, with another error",
        "frobenius": "that adds up all directions: only the worst one counts",
        "repeats": "an element that is listed twice counts twice",
        "scale": "a mean over the listed elements: divide by how many there are, repeats counted",
        "squared": "the square of the error: take the root",
        "first": "one function is not all functions: look for the worst one, and not at single entries, rows or points",
        "abelian": "characters are enough for groups that commute; here some products depend on the order",
        "value": "the largest singular value, on functions with mean 0, of the mean of the matrices that move the functions",
        "whole": "right in general, but over the whole group, once or twice, no error is left",
        "single": "right in general, but a single element loses nothing: error 1, also if it is listed twice",
        "one": "right in general, but the group with one element has no function with mean 0: the error is 0",
        "commuting": "right in general, but groups that commute, and elements in a subgroup, are allowed as well",
    },
)


def _affine_table(random: Instances, p: int, factors: list[int]) -> Tensor:
    """The maps x -> a x + b mod p with a in `factors`, in a random numbering: `(N, N)`, entry [g, h] the number of g h."""
    maps = [(a, b) for a in factors for b in range(p)]
    order = random.order(len(maps))
    maps = [maps[i] for i in order]
    number = {one: row for row, one in enumerate(maps)}
    return torch.tensor([[number[(a * c % p, (a * d + b) % p)] for c, d in maps] for a, b in maps])


def _gram(table: Tensor, elements: Tensor) -> Tensor:
    """How often s h = t k for two listed elements s, t: the matrix of A^T A, `(N, N)`."""
    targets = table[elements]
    meets = (targets[:, None, :, None] == targets[None, :, None, :]).double()
    return meets.mean((0, 1))


def _table_truth(table: Tensor, elements: Tensor) -> float:
    inside = _gram(table, elements) - 1 / len(table)
    return float(torch.linalg.eigvalsh(inside)[-1].clamp(min=0).sqrt())


def _matrix(table: Tensor, elements: Tensor) -> Tensor:
    n = len(table)
    one_hot = torch.nn.functional.one_hot(table[elements], n).double()  # (m, N, N): row h has its 1 at the place of g h
    return one_hot.mean(0)


def _radius(a: Tensor) -> float:
    return float(torch.linalg.eigvals(a).abs().max())


def _table_instance(random: Instances, p: int, factors: list[int]):
    """A table and a multiset with one repeat, for which the likely mistakes are far from the truth and from each other."""
    table = _affine_table(random, p, factors)
    for _ in range(60):
        few = _numbers(random, 3, len(table))
        elements = torch.cat([few, few[:1]])
        if len(few.unique()) == 3 and _tells_apart(table, elements):
            break
    return table, elements


def _tells_apart(table: Tensor, elements: Tensor) -> bool:
    """Whether the truth and the answers of five likely mistakes are six different numbers."""
    full = _matrix(table, elements)
    a = full - 1 / len(table)
    row = float(torch.fft.fft(full[0]).abs()[1:].max())
    both = float(torch.linalg.eigvalsh((a + a.T) / 2).abs().max())
    once = _table_truth(table, elements.unique())
    found = sorted([_table_truth(table, elements), once, both, row, _radius(a), 1.0])
    return all(high - low > 0.01 for low, high in itertools.pairwise(found))


def _likely_table_errors(table: Tensor, elements: Tensor) -> dict:
    full = _matrix(table, elements)
    a, n, m = full - 1 / len(table), len(table), len(elements)
    truth, values = _table_truth(table, elements), torch.linalg.svdvals(a)
    sizes = torch.linalg.eigvals(full).abs().sort(descending=True).values
    norm = float(values.square().sum().sqrt())
    sym = (full + full.T) / 2
    return {
        "constant": [1.0, float(m)],
        "repeats": _table_truth(table, elements.unique()),
        "symmetric": [float(torch.linalg.eigvalsh(sym - 1 / n).abs().max()), float(torch.linalg.eigvalsh(sym)[-2])],
        "eigenvalues": [_radius(a), float(sizes[1]), float(torch.linalg.eigvals(a).real.max())],
        "frobenius": [norm, norm / (n - 1) ** 0.5, norm / n**0.5, float(full.norm()), float(values.mean())],
        "scale": [truth * m, truth * m / n, truth * m / (m - 1), truth * m**0.5],
        "squared": [truth**2, truth**2 * m**2],
        "first": [float(a.abs().max()), float(a.abs().sum(1).max()), float(values.min()), float(a[0].norm()), float(values[1])],
        "abelian": [float(torch.fft.fft(full[0]).abs()[1:].max())],
    }


@table_error.property(points=3)
def finds_the_worst_function(answer, random):
    for p, factors in ((7, [1, 2, 4]), (5, [1, 4])):
        table, elements = _table_instance(random, p, factors)
        truth = _table_truth(table, elements)
        error = as_number(answer(table, elements))
        if not close(error, truth):
            raise nearest(error, _likely_table_errors(table, elements))


def _near(hint: str, answer: Callable, table: Tensor, elements: Tensor, truth: float) -> None:
    if not close(as_number(called(hint, answer, table, elements)), truth):
        raise Wrong(hint)


@table_error.property(points=1)
def finds_it_in_special_cases(answer, random):
    table = _affine_table(random, 5, [1, 4])
    n, g = len(table), random.integer(0, 9)
    _near("whole", answer, table, torch.tensor(random.order(n)), 0.0)
    _near("whole", answer, table, torch.tensor(random.order(n)).repeat(2), 0.0)
    _near("single", answer, table, torch.tensor([g]), 1.0)
    _near("single", answer, table, torch.tensor([g, g]), 1.0)
    _near("one", answer, torch.zeros(1, 1).long(), torch.zeros(2).long(), 0.0)
    cyclic = _affine_table(random, 5, [1])
    few = torch.tensor(random.order(5)[:2])
    _near("commuting", answer, cyclic, few, _table_truth(cyclic, few))
    one = int((table[:, 0] == 0).nonzero()[0, 0])  # the identity, and what an element generates
    powers = [one]
    while (after := int(table[g, powers[-1]])) != one:
        powers.append(after)
    _near("commuting", answer, table, torch.tensor(powers), 1.0)
