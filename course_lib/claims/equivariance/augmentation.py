"""Claims of chapters/equivariance/augmentation.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.datasets import digits
from course_lib.equivariance import augmentation, ensembles
from course_lib.groups import (
    Action,
    CyclicGroup,
    DihedralGroup,
    SymmetricGroup,
    matrix_action,
    permutation_action,
    trivial_action,
)
from course_lib.symmetries import readers
from course_lib.symmetries.kernels import gaussian_kernel, invariant_kernel, kernel_ridge

SIZES, DRAWS, MEMBERS, HIDDEN, STEPS = (25, 50, 100, 400), 8, 16, 32, 100
ENSEMBLE_SIZE = 50  # training digits of an ensemble
OVER = "draws of training digits and initial weights, the same 500 test digits"


# ------------------------------------------------------------------------------------------------- ridge regression


def random_case(seed: int) -> tuple[Action, Tensor, Tensor, float, float]:
    """A group that moves points, examples, a width for the Gaussian kernel and a ridge."""
    generator = torch.Generator().manual_seed(seed)
    group = (CyclicGroup(5), DihedralGroup(4), SymmetricGroup(3), SymmetricGroup(4))[seed % 4]
    action = permutation_action(group, (group.n,)) if isinstance(group, SymmetricGroup) else matrix_action(group, (2,))
    x = torch.randn(8, action.dimension, generator=generator, dtype=torch.float64)
    y, (width, ridge) = torch.randn(8, generator=generator, dtype=torch.float64), torch.rand(2, generator=generator).tolist()
    return action, x, y, 0.5 + width, 0.1 + ridge


def ridge_gap(seed: int) -> float:
    """Largest difference at 50 points: ridge on full orbits, and the invariant kernel with the ridge over the group's order."""
    action, x, y, width, ridge = random_case(seed)
    metric = torch.eye(action.dimension, dtype=torch.float64) / width**2

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return gaussian_kernel(a, b, metric)

    points = torch.randn(50, action.dimension, generator=torch.Generator().manual_seed(seed + 1000), dtype=torch.float64)
    orbits = augmentation.full_orbit(x, y, action, trivial_action(action.group))
    augmented = kernel_ridge(kernel, *orbits, ridge)(points)
    invariant = kernel_ridge(invariant_kernel(kernel, action), x, y, ridge / action.group.order)(points)
    return (augmented - invariant).abs().max().item()


def full_orbit_ridge_is_invariant_ridge(count: int = 40) -> Record:
    """In how many random cases augmentation and the averaged kernel give one function."""
    equal = sum(ridge_gap(seed) < 1e-8 for seed in range(count))
    estimate, low, high = share_interval(equal, count)
    return Record(
        id="equivariance/augmentation/full_orbit_ridge_is_invariant_ridge",
        statement="Ridge regression on full orbits is ridge regression with the invariant kernel and the ridge divided by the "
        "order of the group (sum of squares, kernel that the group respects).",
        kind="proved",
        threshold="share of the cases with a difference below 1e-8 above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the cases",
        verdict=decide(low, high, above=0.9),
        seeds=count,
        repeats="random examples, kernels and ridges, four groups",
    )


# ----------------------------------------------------------------------------------------------------- one network


def drawn(size: int, fraction: float) -> readers.Readers:
    """Eight readers, each on its own `size` digits lying anyhow; `fraction` of these are shown in all four positions."""
    return _drawn(size, float(fraction))


@cache
def _drawn(size: int, fraction: float) -> readers.Readers:
    split, generator = digits(), torch.Generator().manual_seed(size)
    images, labels = readers.draws(split.train_x, split.train_y, size, DRAWS, seed=size)
    weights = readers.initial_weights(DRAWS, HIDDEN, generator)
    if fraction:  # at 0 four equal copies would give the loss of one
        parts = [
            augmentation.part_orbit(x, y, *ensembles.turns(), fraction, generator)
            for x, y in zip(images, labels, strict=True)
        ]
        images, labels = (torch.stack(part) for part in zip(*parts, strict=True))
    return ensembles.train_stack(weights, images, labels, steps=STEPS)


def flips_and_accuracy(size: int, fraction: float, averaged: bool = False) -> tuple[Tensor, Tensor]:
    """Of each reader: share of test digits whose answer changes over four turns, and share read right in all turns, `(8,)`."""
    scores = ensembles.stack_scores(drawn(size, fraction), digits().test_x)
    scores = scores.mean(0, keepdim=True).expand_as(scores) if averaged else scores
    right = scores.argmax(-1) == digits().test_y
    return augmentation.flipped(scores).double().mean(1), right.double().mean((0, 2))


def augmented_network_still_flips(size: int = 400) -> Record:
    """Share of orbits on which a network changes its answer that saw every training digit in all positions."""
    flips, _ = flips_and_accuracy(size, 1.0)
    estimate, low, high = mean_interval(flips)
    return Record(
        id="equivariance/augmentation/augmented_network_still_flips",
        statement=f"A network trained on {size} digits in all four positions still changes its answer on more than one test "
        "digit in twenty when the digit is turned.",
        kind="measured",
        threshold="mean share of test digits whose answer changes above 0.05",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the test digits",
        verdict=decide(low, high, above=0.05),
        seeds=DRAWS,
        repeats=OVER,
    )


def averaging_still_helps(size: int = 100) -> Record:
    """Accuracy of an augmented network averaged over the four positions, minus its accuracy as it is."""
    before, after = (flips_and_accuracy(size, 1.0, averaged)[1] for averaged in (False, True))
    estimate, low, high = mean_interval(after - before)
    return Record(
        id="equivariance/augmentation/averaging_still_helps",
        statement=f"A network augmented with all positions of {size} digits reads more if it is averaged over them as well.",
        kind="measured",
        threshold="mean gain in accuracy above 0",
        estimate=estimate,
        low=low,
        high=high,
        unit="gain in accuracy",
        verdict=decide(low, high, above=0.0),
        seeds=DRAWS,
        repeats=OVER,
    )


# ------------------------------------------------------------------------------------------------------- ensembles


def ensemble(draw: int, fraction: float, size: int = ENSEMBLE_SIZE) -> readers.Readers:
    """Sixteen readers of the same `size` digits, with initial weights of their own."""
    return _ensemble(draw, float(fraction), size)


@cache
def _ensemble(draw: int, fraction: float, size: int) -> readers.Readers:
    split, generator = digits(), torch.Generator().manual_seed(100 + draw)
    (images,), (labels,) = readers.draws(split.train_x, split.train_y, size, 1, seed=100 + draw)
    weights = readers.initial_weights(MEMBERS, HIDDEN, generator)
    return ensembles.augmented_stack(weights, images, labels, fraction, generator, steps=STEPS)


def unseen(inputs: str) -> Tensor:
    """The 500 test digits, or as many images of uniform noise."""
    if inputs not in ("test digits", "noise"):
        raise ValueError(f'inputs must be "test digits" or "noise", got {inputs!r}')
    if inputs == "noise":
        return torch.rand(500, 8, 8, generator=torch.Generator().manual_seed(7))
    return digits().test_x


def ensemble_flips_less(inputs: str) -> Record:
    """Flips of the mean of 16 augmented networks over the mean flips of its members."""
    ratios = []
    for draw in range(DRAWS):
        scores = ensembles.stack_scores(ensemble(draw, 1.0), unseen(inputs))
        one, all_members = (augmentation.flipped(ensembles.grouped(scores, m)).double().mean() for m in (1, MEMBERS))
        ratios.append((all_members / one).item())
    estimate, low, high = mean_interval(torch.tensor(ratios))
    what = "images of noise" if inputs == "noise" else inputs
    return Record(
        id=f"equivariance/augmentation/ensemble_flips_less/{inputs.replace(' ', '_')}",
        statement=f"On {what}, the mean of {MEMBERS} augmented networks changes its answer at most half as often as one.",
        kind="measured",
        threshold="mean ratio of the shares that change, ensemble over members, below 0.5",
        estimate=estimate,
        low=low,
        high=high,
        unit="times as often",
        verdict=decide(low, high, below=0.5),
        seeds=DRAWS,
        repeats=f"ensembles, each on its own {ENSEMBLE_SIZE} training digits, the same 500 images",
    )


def ensemble_scores(draw: int, fraction: float, size: int = ENSEMBLE_SIZE) -> Tensor:
    """Scores of the members on the test digits in all four positions, `(4, 16, 500, 10)`."""
    return _scores(draw, float(fraction), size)


@cache
def _scores(draw: int, fraction: float, size: int) -> Tensor:
    return ensembles.stack_scores(_ensemble(draw, fraction, size), digits().test_x)


def variance_ratio(draw: int, fraction: float, members: int) -> float:
    """Variance over the orbit of the mean of `members` networks over that of one, on test digits."""
    scores = ensemble_scores(draw, fraction)
    one, mean = (augmentation.orbit_variance(ensembles.grouped(scores, m)).mean() for m in (1, members))
    return (mean / one).item()


def asymmetry_is_shared_out(fraction: float = 1.0) -> Record:
    """Variance of outputs over orbits: 16 times that of the ensemble over that of a member. 1 if the mean law is symmetric."""
    ratios = torch.tensor([MEMBERS * variance_ratio(draw, fraction, MEMBERS) for draw in range(DRAWS)])
    estimate, low, high = mean_interval(ratios)
    how = "full orbits" if fraction == 1 else f"orbits of {fraction:.0%} of the digits"
    return Record(
        id=f"equivariance/augmentation/asymmetry_is_shared_out/{fraction:g}",
        statement=f"Trained on {how}, the mean of {MEMBERS} networks has a {MEMBERS}th of the asymmetry of one.",
        kind="measured",
        threshold=f"mean of {MEMBERS} times the ratio of the variances over orbits between 0.8 and 1.25",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"times one {MEMBERS}th",
        verdict=decide(low, high, above=0.8, below=1.25),
        seeds=DRAWS,
        repeats=f"ensembles, each on its own {ENSEMBLE_SIZE} training digits, the same 500 test digits",
    )
