"""Claims of chapters/symmetries/invariance.ipynb."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from course_lib.claims.core import Record, decide, mean_interval
from course_lib.clusters import Clusters, copper_clusters
from course_lib.datasets import digits
from course_lib.groups import CyclicGroup, equivariance_error, image_action, trivial_action
from course_lib.models import DigitNet
from course_lib.symmetries.forces import force_error, train_on_clusters
from course_lib.training import accuracy, train_classifier

TURNS = CyclicGroup(4)
IMAGES, LABELS = image_action(TURNS, (8, 8)), trivial_action(TURNS, (10,))
RUNS = 5  # networks of each claim on digits
TRAINED_ON, STEPS = 400, 300  # clusters and steps of each network for forces


def over_turns(net: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The mean of a network's outputs over the four turns of its input: exactly invariant, whatever the network."""
    return lambda x: torch.stack([net(torch.rot90(x, k, (1, 2))) for k in range(4)]).mean(0)


def invariance_error(net: Callable[[Tensor], Tensor], x: Tensor) -> float:
    """Relative error of net(g . x) = net(x) on digits, averaged over the three turns that move something."""
    return equivariance_error(net, IMAGES, LABELS, x, torch.tensor([1, 2, 3])).mean().item()


def turned_accuracy(net: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """Share of the images in all four positions that are read as what they were written as."""
    return sum(accuracy(net, torch.rot90(x, k, (1, 2)), y) for k in range(4)) / 4


@cache
def reader(turned: bool, seed: int, epochs: int = 6) -> DigitNet:
    """A new digit reader, trained on upright digits or on every digit in all four positions."""
    split = digits()
    x = torch.cat([torch.rot90(split.train_x, k, (1, 2)) for k in range(4)]) if turned else split.train_x
    y = split.train_y.repeat(4) if turned else split.train_y
    return train_classifier(DigitNet(seed), x, y, epochs=epochs, rate=3e-3, seed=seed, batch=128)


def turned_data_make_it_invariant(count: int = RUNS, epochs: int = 6) -> Record:
    """Invariance error, on test digits, of networks trained on every digit in all four positions."""
    split = digits()
    errors = torch.tensor([invariance_error(reader(True, 100 + run, epochs), split.test_x) for run in range(count)])
    estimate, low, high = mean_interval(errors)
    return Record(
        id="symmetries/invariance/turned_data_make_it_invariant",
        statement="A digit reader that has seen every training digit in all four positions is invariant to quarter turns.",
        kind="measured",
        threshold="mean relative invariance error of the logits on test digits below 0.05",
        estimate=estimate,
        low=low,
        high=high,
        unit="relative error",
        verdict=decide(low, high, below=0.05),
        seeds=count,
        repeats="trained networks",
    )


def less_error_more_right(count: int = RUNS, epochs: int = 12) -> Record:
    """Accuracy on turned digits: a reader trained upright, averaged over its turns (error 0), minus the reader itself."""
    split = digits()
    nets = [reader(False, 100 + run, epochs) for run in range(count)]
    gains = [
        turned_accuracy(over_turns(net), split.test_x, split.test_y) - turned_accuracy(net, split.test_x, split.test_y)
        for net in nets
    ]
    estimate, low, high = mean_interval(torch.tensor(gains))
    return Record(
        id="symmetries/invariance/less_error_more_right",
        statement="On digits in all four positions, the reader with the smaller invariance error reads more: "
        "a reader trained upright gains when it is made exactly invariant by averaging over turns.",
        kind="measured",
        threshold="mean gain in accuracy above 0",
        estimate=estimate,
        low=low,
        high=high,
        unit="gain in accuracy",
        verdict=decide(low, high, above=0.0),
        seeds=count,
        repeats="trained networks",
    )


def _draw(seed: int) -> tuple[Clusters, Clusters]:
    train, test = (part.to(torch.float32) for part in copper_clusters())
    return train[torch.randperm(len(train), generator=torch.Generator().manual_seed(seed))[:TRAINED_ON]], test


@cache
def cluster_network(kind: str, seed: int = 0, steps: int = STEPS) -> nn.Module:
    """A network trained on 400 clusters drawn by `seed`; `kind` as in `symmetries.forces`, or "direct"."""
    return train_on_clusters(kind, _draw(seed)[0], steps=steps, seed=seed)


def invariant_energy_gives_better_forces(kind: str, count: int = RUNS, steps: int = STEPS) -> Record:
    """Force error on test clusters with an invariant energy, over that with an energy of raw coordinates, at equal data."""
    seeds, test = range(100, 100 + count), _draw(0)[1]
    errors = [[force_error(cluster_network(k, seed, steps), test) for seed in seeds] for k in (kind, "coordinates")]
    ratios = torch.tensor(errors[0]) / torch.tensor(errors[1])
    estimate, low, high = mean_interval(ratios)
    what = {"distances": "distances in a fixed order", "neighbours": "what each atom sees of its neighbours"}[kind]
    return Record(
        id=f"symmetries/invariance/invariant_energy_gives_better_forces/{kind}",
        statement=f"At equal data, an energy that reads {what} gives better forces than one that reads coordinates.",
        kind="measured",
        threshold="mean ratio of the force errors on test clusters below 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of errors",
        verdict=decide(low, high, below=0.9),
        seeds=count,
        repeats="draws of 400 training clusters and initial weights",
    )
