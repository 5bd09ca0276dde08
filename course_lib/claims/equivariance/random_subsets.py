"""Claims of chapters/equivariance/random_subsets.ipynb."""

import itertools
import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from course_lib.claims.core import Record, decide, mean_interval
from course_lib.clusters import ATOMS, copper_clusters, pair_distances
from course_lib.equivariance.random_subsets import draw_elements, elements_needed, population_factor
from course_lib.equivariance.worst_case import worst_case_errors
from course_lib.groups import CyclicGroup, DihedralGroup, Group, SignFlipGroup, SymmetricGroup
from course_lib.models import MLP

ORDERS = SymmetricGroup(ATOMS)  # 720 names for one cluster
TRAINED_ON, STEPS, TESTED_ON = 400, 400, 200
FAMILIES: dict[str, tuple[Callable[[int], Group], int, int]] = {  # group of each size, a small and a large one
    "cyclic": (CyclicGroup, 2**6, 2**14),
    "signs": (SignFlipGroup, 6, 14),
    "symmetric": (SymmetricGroup, 4, 7),
}
NAMES = {"cyclic": "cyclic groups", "signs": "groups of sign flips", "symmetric": "symmetric groups"}


@cache
def energy_network(seed: int, renamed: bool = False, steps: int = STEPS) -> nn.Module:
    """Energies of copper clusters from the 15 distances in the order of the atoms, `(b, 6, 3)` -> `(b,)` in eV.

    400 clusters drawn by `seed`, their atoms as stored, or in random orders in every batch if `renamed`; energies only, Adam,
    rate falling as a cosine. Rotations cannot change the answer; the order of the atoms can.
    """
    train, _ = copper_clusters()
    generator = torch.Generator().manual_seed(seed)
    train = train[torch.randperm(len(train), generator=generator)[:TRAINED_ON]].to(torch.float32)
    centre, spread = train.energies.mean(), train.energies.std()
    net = MLP([ATOMS * (ATOMS - 1) // 2, 64, 64, 1], "tanh", seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randperm(TRAINED_ON, generator=generator)[:100]
        x = train.positions[rows]
        if renamed:
            x = x.gather(1, ORDERS.sample(len(rows), generator)[:, :, None].expand(-1, -1, 3))
        loss = (net(pair_distances(x) / 2.5 - 1) - (train.energies[rows] - centre) / spread).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    net.requires_grad_(False)
    return _Energy(net, centre.item(), spread.item())


class _Energy(nn.Module):
    def __init__(self, net: nn.Module, centre: float, spread: float) -> None:
        super().__init__()
        self.net, self.centre, self.spread = net, centre, spread

    def forward(self, positions: Tensor) -> Tensor:
        return self.read(pair_distances(positions))

    def read(self, distances: Tensor) -> Tensor:
        return self.centre + self.spread * self.net(distances / 2.5 - 1)


@cache
def all_answers(seed: int, renamed: bool = False, steps: int = STEPS, count: int = TESTED_ON) -> Tensor:
    """What the network says of the test clusters under all 720 names of their atoms: `(720, count)` in eV.

    Row k is f(g . x) for element k. The distances are computed once, and renamed as the atoms are.
    """
    x, back = copper_clusters()[1].positions[:count].float(), ORDERS.inverse(ORDERS.elements())
    first, second = torch.triu_indices(ATOMS, ATOMS, 1)
    every = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")[:, back[:, first], back[:, second]]
    return energy_network(seed, renamed, steps).read(every.flatten(0, 1)).reshape(count, len(back)).T.double()


def error_of_energies(answers: Tensor) -> float:
    """Root mean square error in eV of predicted energies `(count,)` of the first test clusters."""
    return (answers - copper_clusters()[1].energies[: len(answers)]).square().mean().sqrt().item()


def as_accurate_as_all(orders: int, renamed: bool = False, count: int = 10, steps: int = STEPS) -> Record:
    """Error of the energy averaged over `orders` random different names, over that averaged over all 720."""
    ratios = []
    for seed in range(100, 100 + count):
        answers = all_answers(seed, renamed, steps)
        rows = torch.randperm(len(answers), generator=torch.Generator().manual_seed(seed))[:orders]
        ratios.append(error_of_energies(answers[rows].mean(0)) / error_of_energies(answers.mean(0)))
    estimate, low, high = mean_interval(torch.tensor(ratios))
    training = "trained under random names" if renamed else "trained under one name for each cluster"
    return Record(
        id=f"equivariance/random_subsets/as_accurate_as_all/{orders}{'/renamed' if renamed else ''}",
        statement=f"An energy {training}, averaged over {orders} random names of the six atoms, is as accurate as averaged "
        "over all 720.",
        kind="measured",
        threshold="mean ratio of the root mean square errors on test clusters below 1.05",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of errors",
        verdict=decide(low, high, below=1.05),
        seeds=count,
        repeats="trained networks, each with its own random subset",
    )


def median_worst_case(group: Group, m: int, generator: torch.Generator, draws: int = 31) -> float:
    """The median over random multisets of m elements of the worst-case error over all functions."""
    drawn = draw_elements(group, draws * m, generator, distinct=False)
    return worst_case_errors(group, drawn.reshape(draws, m, *group.element_shape)).median().item()


def needed(group: Group, error: float, seed: int, draws: int = 31) -> int:
    """The smallest number of random elements whose median worst-case error is at most `error`; one generator for the search."""
    generator = torch.Generator().manual_seed(seed)
    return elements_needed(lambda m: median_worst_case(group, m, generator, draws), error)


@cache
def growth(family: str, count: int = 10, draws: int = 31) -> tuple[float, ...]:
    """Exponents a of m* ~ (ln |G|)^a between a small and a large group, for error 1/2: 1 is the log law, 0 no growth."""
    make, small, large = FAMILIES[family]
    groups = make(small), make(large)
    ratio = math.log(math.log(groups[1].order) / math.log(groups[0].order))
    pairs = [[needed(group, 0.5, 1000 + seed, draws) for group in groups] for seed in range(count)]
    return tuple(math.log(b / a) / ratio for a, b in pairs)


def log_law(family: str, count: int = 10, draws: int = 31) -> Record:
    """Does the number of random elements for worst-case error 1/2 grow in proportion to log |G|?"""
    estimate, low, high = mean_interval(torch.tensor(growth(family, count, draws)))
    make, small, large = FAMILIES[family]
    return Record(
        id=f"equivariance/random_subsets/log_law/{family}",
        statement=f"On {NAMES[family]}, from {make(small).order:,} to {make(large).order:,} elements, the number of random "
        "elements that brings the worst case over all functions to 1/2 grows in proportion to log |G|.",
        kind="measured",
        threshold="exponent of log |G| between 0.75 and 1.25",
        estimate=estimate,
        low=low,
        high=high,
        unit="exponent",
        verdict=decide(low, high, above=0.75, below=1.25),
        seeds=count,
        repeats="repetitions with fresh random elements",
    )


@cache
def bound_ratios() -> tuple[float, int]:
    """Smallest ratio of worst case to lower bound over all proper subsets of C_12, S_3 and D_4, and how many these are."""
    smallest, tried = math.inf, 0
    for group in (CyclicGroup(12), SymmetricGroup(3), DihedralGroup(4)):
        elements = group.elements()
        for m in range(1, group.order):
            rows = torch.tensor(list(itertools.combinations(range(group.order), m)))
            errors = worst_case_errors(group, elements[rows])
            smallest = min(smallest, errors.min().item() / population_factor(m, group.order))
            tried += len(rows)
    return smallest, tried


def exact_needs_all() -> Record:
    """The bound behind "exactness needs the whole group", tried on every proper subset of three groups."""
    smallest, tried = bound_ratios()
    return Record(
        id="equivariance/random_subsets/exact_needs_all",
        statement="No proper subset of a group averages all functions exactly: for m of its elements the worst-case error is "
        "at least sqrt((|G| - m) / (m (|G| - 1))), which is 1/(|G| - 1) when one element is missing.",
        kind="proved",
        threshold="worst-case error at least the bound (ratio above 1 - 1e-9) for every proper subset",
        estimate=smallest,
        low=smallest,
        high=smallest,
        unit="smallest ratio of worst case to bound",
        verdict=decide(smallest, smallest, above=1 - 1e-9),
        seeds=tried,
        repeats="subsets: all proper ones of C_12, S_3 and D_4",
    )
