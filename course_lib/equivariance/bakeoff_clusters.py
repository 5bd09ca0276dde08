"""Bake-off, second task: energies of copper clusters, turned, mirrored and renumbered at random. Chapter: equivariance/bakeoff.

The group is O(3) x S_6, infinite: nobody can average over all of it. The stored clusters lie in random positions and orders, so
the law of the inputs has the symmetry, and so have energies. Every network is smooth and has about 4,800 parameters.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from course_lib.clusters import ATOMS, Clusters, copper_clusters, pair_distances, square_form
from course_lib.equivariance.bakeoff import Cell, Construction, operations, parameter_count, seconds, train
from course_lib.equivariance.canonicalization import lexicographic_order, principal_axes
from course_lib.equivariance.cluster_kernels import bag_of_distances
from course_lib.equivariance.deep_sets import DeepSets
from course_lib.equivariance.invariants import dot_products
from course_lib.groups import Action, DirectProduct, OrthogonalGroup, SymmetricGroup, equivariance_error, trivial_action
from course_lib.models import initialise

SIZES = (50, 100, 200, 400)
STEPS, RATE = 400, 5e-3
AFTER, THROUGHOUT = 32, 8  # random elements averaged over when a network is read; in training as well
MOTIONS = DirectProduct(OrthogonalGroup(3), SymmetricGroup(ATOMS))
PARAMETERS = 4800


def _move(g: Tensor, x: Tensor) -> Tensor:
    rotations, orders = MOTIONS.split(g)
    sources = orders.long().argsort(1)
    return torch.einsum("mij,mbnj->mbni", rotations.to(x.dtype), x[:, sources].transpose(0, 1))


PLACES = Action(MOTIONS, (ATOMS, 3), _move, name="clusters")
ENERGY = trivial_action(MOTIONS)


class ReadingNet(nn.Module):
    """Two hidden layers on numbers read from positions `(b, 6, 3)`, brought to mean 0 and spread 1 by the training clusters.

    Gives `(b,)`. The width makes about 4,800 parameters, whatever is read.
    """

    def __init__(self, reading: Callable[[Tensor], Tensor], seed: int, positions: Tensor) -> None:
        super().__init__()
        numbers = reading(positions)
        self.reading = reading
        self.register_buffer("mean", numbers.mean(0))
        spread = numbers.std(0)  # a number that hardly varies must not be blown up: a test cluster may have another one
        self.register_buffer("spread", spread.clamp(min=0.1 * spread.max().item()))
        k = numbers.shape[1]
        width = round(((k + 3) ** 2 / 4 + PARAMETERS) ** 0.5 - (k + 3) / 2)  # w^2 + (k + 3) w + 1 parameters
        self.layers = nn.Sequential(nn.Linear(k, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))
        initialise(self, seed)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers((self.reading(x) - self.mean) / self.spread)[:, 0]


class SetsOfDistances(nn.Module):
    """E = sum_i rho(sum_j phi(r_ij)): each atom sees the set of its distances, the cluster is the set of its atoms. `(b,)`.

    One phi for all pairs and one rho for all atoms: weights shared over S_6, on numbers that O(3) leaves alone.
    """

    def __init__(self, seed: int, positions: Tensor) -> None:
        super().__init__()
        distances = pair_distances(positions)
        self.register_buffer("mean", distances.mean())
        self.register_buffer("spread", distances.std())
        self.each = DeepSets(1, "sum", 48, 48, activation="softplus", seed=seed)

    def forward(self, x: Tensor) -> Tensor:
        scaled = (pair_distances(x) - self.mean) / self.spread
        others = ~torch.eye(ATOMS, dtype=torch.bool)
        sets = square_form(scaled, ATOMS)[:, others].reshape(-1, ATOMS - 1, 1)
        return self.each(sets).reshape(len(x), ATOMS).sum(1)


class SetOfAtoms(nn.Module):
    """E = rho(sum_i phi(x_i)): weights shared over S_6, on coordinates that O(3) does move. `(b,)`."""

    def __init__(self, seed: int, positions: Tensor) -> None:
        super().__init__()
        self.register_buffer("spread", positions.std())
        self.each = DeepSets(3, "sum", 47, 47, activation="softplus", seed=seed)

    def forward(self, x: Tensor) -> Tensor:
        return self.each(x / self.spread)


class AveragedNet(nn.Module):
    """The mean of a network over motions `(m, ...)` that stay the same, in training and in reading."""

    def __init__(self, net: nn.Module, motions: Tensor) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("motions", motions)

    def forward(self, x: Tensor) -> Tensor:
        moved = PLACES.move(self.motions, x)
        return self.net(moved.flatten(0, 1)).unflatten(0, moved.shape[:2]).mean(0)


def canonical_pose(x: Tensor) -> Tensor:
    """Each cluster in the frame of its principal axes, its atoms in lexicographic order: `(b, 6, 3)` -> `(b, 6, 3)`."""
    x = x @ principal_axes(x)
    return x.gather(1, lexicographic_order(x)[:, :, None].expand_as(x))


def random_motions(count: int, seed: int) -> Tensor:
    """Elements of O(3) x S_6 from a seed."""
    return MOTIONS.sample(count, torch.Generator().manual_seed(seed))


def _reads(reading: Callable[[Tensor], Tensor]) -> Callable[[int, Tensor], nn.Module]:
    return lambda seed, x: ReadingNet(reading, seed, x)


_coordinates = _reads(lambda x: x.flatten(1))
CONSTRUCTIONS = {
    "plain": Construction("none", "plain", _coordinates, exact=False),
    "canonicalised": Construction("modify", "canonicalised", _coordinates, pose=canonical_pose),
    "averaged after": Construction(
        "modify", "plain", _coordinates, AFTER, False, read=lambda net: AveragedNet(net, random_motions(AFTER, 1))
    ),
    "averaged throughout": Construction(
        "modify",
        "averaged throughout",
        lambda seed, x: AveragedNet(_coordinates(seed, x), random_motions(THROUGHOUT, 2)),
        THROUGHOUT,
        False,
    ),
    "augmented": Construction("build", "augmented", _coordinates, exact=False, moved=True),
    "dot products": Construction("build", "dot products", _reads(dot_products), exact=False),
    "bag of distances": Construction("build", "bag of distances", _reads(bag_of_distances)),
    "shared weights": Construction("build", "shared weights", SetsOfDistances),
}
CONTROL = {"names alone": Construction("build", "names alone", SetOfAtoms, exact=False)}  # dot products: rotations alone


@cache
def data() -> tuple[Clusters, Clusters]:
    """The course's clusters in float32."""
    return tuple(part.to(torch.float32) for part in copper_clusters())


def draw(size: int, seed: int) -> Clusters:
    """`size` training clusters; larger draws of a seed contain smaller ones."""
    whole = data()[0]
    if not 2 <= size <= len(whole):
        raise ValueError(f"size must lie between 2 and {len(whole)}, got {size}")
    return whole[torch.randperm(len(whole), generator=torch.Generator().manual_seed(seed))[:size]]


def _any_motion(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each cluster of a batch by a motion of its own."""
    rotations, orders = MOTIONS.split(MOTIONS.sample(len(x), generator))
    return x.gather(1, orders.long()[:, :, None].expand_as(x)) @ rotations.to(x.dtype).mT


def fit(construction: Construction, size: int, seed: int, steps: int = STEPS) -> tuple[nn.Module, Tensor]:
    """The network of a construction, trained on energies of mean 0 and spread 1, and that mean and spread."""
    examples = draw(size, seed)
    x = examples.positions if construction.pose is None else construction.pose(examples.positions)
    scale = torch.stack([examples.energies.mean(), examples.energies.std()])
    network, move = construction.build(seed, x), _any_motion if construction.moved else None
    y = (examples.energies - scale[0]) / scale[1]
    return train(network, x, y, mse_loss, steps=steps, rate=RATE, seed=seed, move=move), scale


def measure(method: str, network: nn.Module, scale: Tensor, size: int, seed: int, train_seconds: float) -> Cell:
    """Everything that is measured on the 400 test clusters; the invariance error is that of the standardised energy."""
    construction, test = (CONSTRUCTIONS | CONTROL)[method], data()[1]
    f = construction.predictor(network)
    with torch.no_grad():
        wrong = scale[0] + scale[1] * f(test.positions) - test.energies
        error = equivariance_error(f, PLACES, ENERGY, test.positions[:100], random_motions(8, 3)).mean().item()
        read = seconds(lambda: f(test.positions))
    return Cell(
        task="clusters",
        law="turned",
        method=method,
        size=size,
        seed=seed,
        score=wrong.square().mean().sqrt().item(),
        error=error,
        flips=float("nan"),
        evaluations=construction.evaluations,
        operations=operations(f, test.positions[:8]),
        parameters=parameter_count(network),
        train_seconds=train_seconds,
        read_seconds=read,
    )


def run(methods: Sequence[str], size: int, seed: int, steps: int = STEPS) -> list[Cell]:
    """One cell for each method, on the same draw; constructions that share a network train it once."""
    trained, cells = {}, []
    for method in methods:
        construction = (CONSTRUCTIONS | CONTROL)[method]
        name = construction.network
        if name not in trained:
            start = time.perf_counter()
            fitted = fit(construction, size, seed, steps)
            trained[name] = (*fitted, time.perf_counter() - start)
        network, scale, spent = trained[name]
        cells.append(measure(method, network, scale, size, seed, spent))
    return cells
