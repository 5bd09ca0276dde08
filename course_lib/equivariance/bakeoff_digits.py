"""Bake-off, first task: digits in any of four positions, read by eight constructions. Chapter: equivariance/bakeoff.

The group is C_4, quarter turns, exact on the grid. Every network has about 8,800 parameters. The one that shares weights over
turns (Cohen & Welling, 2016) and the plain one are the same class, with C_4 and with C_1. Units that see the
whole image are fewer where weights are shared, and with plain ReLUs most of them die in some trainings: there negative values
are kept, times 0.1. `CONTROL` holds the plain network with the same activation, unmoved and augmented.
"""

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from course_lib.datasets import Split, digits
from course_lib.equivariance.augmentation import flipped
from course_lib.equivariance.bakeoff import Cell, Construction, operations, parameter_count, seconds, train
from course_lib.equivariance.canonicalization import best_turn, four_poses, ink_on_top
from course_lib.equivariance.group_convolution import GroupLayer, LiftingLayer, pool_fibre
from course_lib.equivariance.random_subsets import draw_elements, subset_average
from course_lib.groups import CyclicGroup, equivariance_error, image_action, trivial_action
from course_lib.models import initialise
from course_lib.symmetries.readers import turned

SIZES = (50, 100, 200, 400, 800)
STEPS, RATE = 160, 5e-3
PLAIN, SHARED, READ = (16, 16, 24), (10, 6, 16), 21  # widths: about equally many parameters
TURNS = CyclicGroup(4)
IMAGES, LOGITS = image_action(TURNS, (8, 8)), trivial_action(TURNS, (10,))
LEAK = 0.1
SUBSET = draw_elements(TURNS, 2, torch.Generator().manual_seed(0))  # two of the four turns, drawn once


class TurnNet(nn.Module):
    """Reads digits with weights shared over quarter turns, `(b, 8, 8)` -> logits `(b, 10)`; with C_1 an ordinary network.

    Lifting, mean over 2 x 2 pixels, a group layer, one that sees the whole image, mean over the turns. `widths`: its
    channels; `leak`: slope of the activation below zero.
    """

    def __init__(self, group: CyclicGroup, widths: tuple[int, int, int], seed: int = 0, leak: float = 0.0) -> None:
        super().__init__()
        first, second, third = widths
        self.bend = nn.LeakyReLU(leak)
        self.first = LiftingLayer(group, 1, first, 3, padding=1)
        self.second = GroupLayer(group, first, second, 3, padding=1)
        self.whole = GroupLayer(group, second, third, 4)
        self.logits = nn.Linear(third, 10)
        initialise(self, seed)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.bend(self.first(x[:, None]))
        maps = avg_pool2d(maps.flatten(1, 2), 2).unflatten(1, maps.shape[1:3])
        hidden = self.bend(self.whole(self.bend(self.second(maps))))
        return self.logits(pool_fibre(hidden, "mean").flatten(1))


def plain_net(seed: int = 0) -> TurnNet:
    """The ordinary network of this task."""
    return TurnNet(CyclicGroup(1), PLAIN, seed)


def turn_invariants(x: Tensor) -> Tensor:
    """408 numbers that no quarter turn of an image `(b, 8, 8)` changes, of degree one and two in its pixels: `(b, 408)`.

    The turns carry a pixel round an orbit of four; their Fourier transform gives, for each of 16 orbits, a number a that stays,
    a complex c that is multiplied by a power of i, and an e that changes sign. Kept are all a_j, all e_j e_k, and all c_j
    times the conjugate of c_k. (Turning the c and not the e leaves them unchanged: they do not separate all orbits.)
    """
    q = torch.stack([torch.rot90(x, k, (1, 2))[:, :4, :4] for k in range(4)]).flatten(2)
    a, e, re, im = q.mean(0), (q[0] - q[1] + q[2] - q[3]) / 4, (q[0] - q[2]) / 4, (q[1] - q[3]) / 4
    squares = e[:, :, None] * e[:, None], re[:, :, None] * re[:, None] + im[:, :, None] * im[:, None]
    crossed = im[:, :, None] * re[:, None] - re[:, :, None] * im[:, None]
    first, second = torch.triu_indices(16, 16)
    kept = [part[:, first, second] for part in squares] + [crossed[:, first, second][:, first < second]]
    return torch.cat([a, *kept], 1)


class InvariantNet(nn.Module):
    """One hidden layer on the turn invariants, each brought to mean 0 and spread 1 by the training images."""

    def __init__(self, seed: int, images: Tensor) -> None:
        super().__init__()
        numbers = turn_invariants(images)
        self.register_buffer("mean", numbers.mean(0))
        self.register_buffer("spread", numbers.std(0).clamp(min=1e-3))
        self.layers = nn.Sequential(nn.Linear(numbers.shape[1], READ), nn.ReLU(), nn.Linear(READ, 10))
        initialise(self, seed)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers((turn_invariants(x) - self.mean) / self.spread)


class AveragedNet(nn.Module):
    """The mean of one plain network over the four positions of its input, when it is trained as well as when it is read."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.net = plain_net(seed)

    def forward(self, x: Tensor) -> Tensor:
        return subset_average(self.net, TURNS.elements(), IMAGES)(x)


def upright_pose(x: Tensor) -> Tensor:
    """Each image `(b, 8, 8)` in that of its four positions which has most ink on top."""
    return four_poses(x)[torch.arange(len(x)), best_turn(ink_on_top)(x)]


def _plain(seed: int, _) -> nn.Module:
    return plain_net(seed)


CONSTRUCTIONS = {
    "plain": Construction("none", "plain", _plain, exact=False),
    "canonicalised": Construction("modify", "canonicalised", _plain, pose=upright_pose),
    "averaged after": Construction(
        "modify", "plain", _plain, 4, read=lambda net: subset_average(net, TURNS.elements(), IMAGES)
    ),
    "two turns after": Construction("modify", "plain", _plain, 2, False, read=lambda net: subset_average(net, SUBSET, IMAGES)),
    "averaged throughout": Construction("modify", "averaged throughout", lambda seed, _: AveragedNet(seed), 4),
    "augmented": Construction("build", "augmented", _plain, exact=False, moved=True),
    "shared weights": Construction("build", "shared weights", lambda seed, _: TurnNet(TURNS, SHARED, seed, LEAK)),
    "invariants": Construction("build", "invariants", InvariantNet),
}


def _leaky(seed: int, _) -> nn.Module:
    return TurnNet(CyclicGroup(1), PLAIN, seed, LEAK)


CONTROL = {
    "plain, leaky": Construction("none", "plain, leaky", _leaky, exact=False),
    "augmented, leaky": Construction("build", "augmented, leaky", _leaky, exact=False, moved=True),
}


def draw(size: int, seed: int, law: str = "turned") -> tuple[Tensor, Tensor]:
    """`size` training digits, turned at random unless the law is "upright", and labels; larger draws contain smaller ones."""
    split, generator = digits(), torch.Generator().manual_seed(seed)
    if not 1 <= size <= len(split.train_x) or law not in ("turned", "upright"):
        raise ValueError(f'size must be at most {len(split.train_x)} and law "turned" or "upright", got {size} and {law!r}')
    rows = torch.randperm(len(split.train_x), generator=generator)
    quarters = torch.randint(4, rows.shape, generator=generator)
    images = split.train_x[rows[:size]]
    return (turned(images, quarters[:size]) if law == "turned" else images), split.train_y[rows[:size]]


def _any_turn(x: Tensor, generator: torch.Generator) -> Tensor:
    return turned(x, torch.randint(4, (len(x),), generator=generator))


def fit(construction: Construction, size: int, seed: int, law: str = "turned", steps: int = STEPS) -> nn.Module:
    """The network of a construction, trained on the draw of that size and seed."""
    x, y = draw(size, seed, law)
    x = x if construction.pose is None else construction.pose(x)
    network, move = construction.build(seed, x), _any_turn if construction.moved else None
    return train(network, x, y, cross_entropy, steps=steps, rate=RATE, seed=seed, move=move)


def measure(method: str, network: nn.Module, size: int, seed: int, law: str, train_seconds: float, split: Split) -> Cell:
    """Everything that is measured on the test digits, each in all four positions; the accuracy upright only for that law."""
    construction = (CONSTRUCTIONS | CONTROL)[method]
    f = construction.predictor(network)
    with torch.no_grad():
        scores = torch.stack([f(turned(split.test_x, k)) for k in range(4)])
        error = equivariance_error(f, IMAGES, LOGITS, split.test_x, TURNS.elements()[1:]).mean().item()
        read = seconds(lambda: f(split.test_x))
    right = (scores.argmax(2) == split.test_y).double()
    return Cell(
        task="digits",
        law=law,
        method=method,
        size=size,
        seed=seed,
        score=(right[0] if law == "upright" else right).mean().item(),
        error=error,
        flips=flipped(scores).double().mean().item(),
        evaluations=construction.evaluations,
        operations=operations(f, split.test_x[:8]),
        parameters=parameter_count(network),
        train_seconds=train_seconds,
        read_seconds=read,
    )


def run(methods: Sequence[str], size: int, seed: int, law: str = "turned", steps: int = STEPS) -> list[Cell]:
    """One cell for each method, on the same draw; constructions that share a network train it once."""
    split, trained, cells = digits(), {}, []
    for method in methods:
        construction = (CONSTRUCTIONS | CONTROL)[method]
        if construction.network not in trained:
            start = time.perf_counter()
            network = fit(construction, size, seed, law, steps)
            trained[construction.network] = network, time.perf_counter() - start
        network, spent = trained[construction.network]
        cells.append(measure(method, network, size, seed, law, spent, split))
    return cells
