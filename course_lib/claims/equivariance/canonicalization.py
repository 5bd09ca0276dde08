"""Claims of chapters/equivariance/canonicalization.ipynb."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.clusters import copper_clusters
from course_lib.datasets import digits
from course_lib.equivariance.canonicalization import (
    best_turn,
    canonical_form,
    canonicalise,
    ink_on_top,
    lexicographic_order,
    max_jump,
    principal_axes,
)
from course_lib.equivariance.frames import frame_average, length_weights, point_frame, turned_back
from course_lib.groups import CyclicGroup, SymmetricGroup, image_action, permutation_action
from course_lib.models import MLP, DigitNet
from course_lib.training import accuracy, train_classifier

POINTS, CLOUDS, RUNS = 5, 20, 5  # points of a cloud; clouds of each claim on jumps; networks of the claim on readings
COARSE, FINE = 100, 10_000
GREY_LEVEL = 1 / 16  # digits have 17 grey levels from 0 to 1
ANGSTROMS, FAR = 0.05, 0.5  # noise on each coordinate of an atom; root mean square change of a pose that counts as another
IMAGES = image_action(CyclicGroup(4), (8, 8))
ORDER = permutation_action(SymmetricGroup(POINTS), (POINTS, 2))
UPRIGHT = best_turn(ink_on_top)


def normal(*shape: int, seed: int) -> Tensor:
    """Standard normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def changing_places(cloud: Tensor) -> Callable[[Tensor], Tensor]:
    """A path on which the first two points of a cloud `(n, 2)` turn half round their middle: the same set at both ends."""
    middle, arm = cloud[:2].mean(0), (cloud[0] - cloud[1]) / 2

    def path(t: Tensor) -> Tensor:
        cos, sin = (torch.pi * t).cos()[:, None], (torch.pi * t).sin()[:, None]
        turned = cos * arm + sin * torch.stack([-arm[1], arm[0]])
        pair = torch.stack([middle + turned, middle - turned], 1)
        return torch.cat([pair, cloud[2:].expand(len(t), -1, -1)], 1)

    return path


def through_the_origin(cloud: Tensor) -> Callable[[Tensor], Tensor]:
    """A path on which the first point of a cloud `(n, 2)` runs straight through the origin to the opposite side."""

    def path(t: Tensor) -> Tensor:
        first = (1 - 2 * t)[:, None, None] * cloud[:1] + 1e-7
        return torch.cat([first, cloud[1:].expand(len(t), -1, -1)], 1)

    return path


def sorted_cloud(x: Tensor) -> Tensor:
    """Clouds `(b, n, 2)` with their points in lexicographic order."""
    return x.gather(1, lexicographic_order(x)[:, :, None].expand_as(x))


def weighted(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The mean of f over the poses that put each point in turn on the first axis, weighted by the lengths."""
    return lambda x: frame_average(f, turned_back(x, point_frame(x)), length_weights(x))


def cloud_network(seed: int, numbers: int = 2 * POINTS, outputs: int = 1) -> Callable[[Tensor], Tensor]:
    """A smooth network with random weights and no symmetry on all numbers of a cloud, `(b, n, d)` -> `(b,)` or `(b, k)`."""
    net = MLP([numbers, 16, outputs], "tanh", seed=seed).double().requires_grad_(False)
    return lambda x: net(x.flatten(1))


def _ratio(f: Callable[[Tensor], Tensor], path: Callable[[Tensor], Tensor]) -> float:
    return max_jump(f, path, FINE) / max_jump(f, path, COARSE)


def sorting_jumps(count: int = CLOUDS) -> Record:
    """Largest change of the sorted cloud in one of 10,000 steps, over that in one of 100, while two points change places."""
    clouds = normal(count, POINTS, 2, seed=100)
    ratios = torch.tensor([_ratio(sorted_cloud, changing_places(cloud)) for cloud in clouds])
    estimate, low, high = mean_interval(ratios)
    return Record(
        id="equivariance/canonicalization/sorting_jumps",
        statement="Canonicalisation is not always continuous: while two of five points in the plane change places, the "
        "cloud in lexicographic order moves as far in one of 10,000 steps as in one of 100.",
        kind="counterexample",
        threshold="mean ratio of the largest steps above 0.9 (a path without a jump gives about 0.01)",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of steps",
        verdict=decide(low, high, above=0.9),
        seeds=count,
        repeats="random clouds",
    )


def weighted_frames_do_not_jump(count: int = CLOUDS) -> Record:
    """The same ratio for the weighted frame of a random network, while a point runs through the origin."""
    clouds = normal(count, POINTS, 2, seed=200)
    pairs = [(weighted(cloud_network(300 + k)), through_the_origin(cloud)) for k, cloud in enumerate(clouds)]
    estimate, low, high = mean_interval(torch.tensor([_ratio(f, path) for f, path in pairs]))
    return Record(
        id="equivariance/canonicalization/weighted_frames_do_not_jump",
        statement="A frame of all points weighted by their lengths does not jump where a point loses its direction: "
        "in 10,000 steps through the origin the largest change is much smaller than in 100.",
        kind="measured",
        threshold="mean ratio of the largest steps below 0.1",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of steps",
        verdict=decide(low, high, below=0.1),
        seeds=count,
        repeats="random clouds and networks",
    )


def turned_digits(noise: float, seed: int = 0) -> Tensor:
    """Which of the 500 test digits are put into another pose once noise is added, `(500,)` booleans."""
    x = digits().test_x
    return UPRIGHT(x) != UPRIGHT(x + noise * normal(*x.shape, seed=seed).float())


def turned_clusters(noise: float, seed: int = 0) -> Tensor:
    """Which of the 400 test clusters move by more than half an angstrom in their pose once noise is added, `(400,)`."""
    x = copper_clusters()[1].positions
    noisy = x + noise * normal(*x.shape, seed=seed)
    gaps = x @ principal_axes(x, special=True) - noisy @ principal_axes(noisy, special=True)
    return gaps.square().sum(2).mean(1).sqrt() > FAR


def noise_changes_the_pose(kind: str) -> Record:
    """Share of test digits, or test clusters, whose canonical pose is another one after a little noise."""
    changed = turned_digits(GREY_LEVEL) if kind == "digits" else turned_clusters(ANGSTROMS)
    estimate, low, high = share_interval(int(changed.sum()), len(changed))
    what = {
        "digits": "Noise of one grey level turns the canonical pose of more than one digit in twenty.",
        "clusters": "Noise of 0.05 angstrom on each coordinate changes the principal-axes pose of more than one copper "
        "cluster in twenty by more than half an angstrom.",
    }[kind]
    return Record(
        id=f"equivariance/canonicalization/noise_changes_the_pose/{kind}",
        statement=what,
        kind="measured",
        threshold="share above 0.05",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"of test {kind}",
        verdict=decide(low, high, above=0.05),
        seeds=len(changed),
        repeats=f"test {kind}, one draw of noise each",
    )


@cache
def reader(canonical: bool, seed: int, epochs: int = 6) -> DigitNet:
    """A digit reader trained on upright digits, or on the canonical pose of each: the network alone."""
    split = digits()
    x = canonical_form(IMAGES, UPRIGHT, split.train_x) if canonical else split.train_x
    return train_classifier(DigitNet(seed), x, split.train_y, epochs=epochs, rate=3e-3, seed=seed, batch=128)


def right_by_position(f: Callable[[Tensor], Tensor]) -> Tensor:
    """Share of the test digits that are read right, in each of the four positions, `(4,)`."""
    x, y = digits().test_x, digits().test_y
    return torch.tensor([accuracy(f, torch.rot90(x, k, (1, 2)), y) for k in range(4)])


def changed_readings(net: Callable[[Tensor], Tensor], noise: float, seed: int) -> float:
    """Share of test digits that are read otherwise once noise is added."""
    x = digits().test_x
    return (net(x).argmax(1) != net(x + noise * normal(*x.shape, seed=seed).float()).argmax(1)).double().mean().item()


def canonical_readings_waver(count: int = RUNS, epochs: int = 6) -> Record:
    """Share of readings changed by noise of two grey levels: a canonicalised reader minus a plain one, upright digits."""
    gaps = []
    for run in range(count):
        plain, inner = reader(False, 100 + run, epochs), reader(True, 100 + run, epochs)
        both = [changed_readings(f, 2 * GREY_LEVEL, run) for f in (canonicalise(inner, UPRIGHT, IMAGES), plain)]
        gaps.append(both[0] - both[1])
    estimate, low, high = mean_interval(torch.tensor(gaps))
    return Record(
        id="equivariance/canonicalization/canonical_readings_waver",
        statement="Noise of two grey levels changes more readings of a reader behind a canonical pose than of a plain "
        "reader on the same upright digits.",
        kind="measured",
        threshold="mean difference of the shares of changed readings above 0.01",
        estimate=estimate,
        low=low,
        high=high,
        unit="of readings",
        verdict=decide(low, high, above=0.01),
        seeds=count,
        repeats="pairs of trained networks and draws of noise",
    )
