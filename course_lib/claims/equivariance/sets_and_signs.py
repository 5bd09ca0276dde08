"""Claims of chapters/equivariance/sets_and_signs.ipynb."""

from functools import cache

import torch
from torch import Tensor, nn

from course_lib.claims.core import Record, decide, mean_interval
from course_lib.equivariance.deep_sets import POOLS, DeepSets
from course_lib.equivariance.set_tasks import TARGETS, number_sets, train_side_by_side
from course_lib.equivariance.sign_net import (
    BasisNet,
    EachEntry,
    SignNet,
    WholeVector,
    eigenspaces,
    laplacian,
    largest_positive,
    projector,
)
from course_lib.equivariance.spectral_bisection import bisection_data, of_one_vector, random_signs
from course_lib.groups import haar_orthogonal

HOME, FAR = 8, 64  # sizes of sets: trained on, and asked about
FITTING = {"count": "sum", "variance": "mean", "range": "max"}
SEEDS = 5
NODES = 12

# ------------------------------------------------------------------------------------------------------- pools and sizes


@cache
def set_nets(pool: str) -> dict[str, tuple[list[nn.Module], Tensor]]:
    """For each target five networks with this pool, trained on sets of eight numbers, and the units of their answers.

    The unit is the spread of the target on the training sets; each network has its own weights and its own 1,024 sets.
    """
    if pool not in POOLS:
        raise ValueError(f"pool must be one of {POOLS}, got {pool!r}")
    x = torch.stack([number_sets(1024, HOME, torch.Generator().manual_seed(500 + seed)) for seed in range(SEEDS)])
    y = torch.cat([torch.stack([TARGETS[target](one) for one in x]) for target in TARGETS])
    units = y.std(1)
    nets = [DeepSets(1, pool, width=24, latent=8, seed=1000 + 10 * seed) for _ in TARGETS for seed in range(SEEDS)]
    train_side_by_side(nets, x.repeat(len(TARGETS), 1, 1, 1), y / units[:, None], steps=500, rate=2e-2, seed=0, batch=32)
    return {target: (nets[SEEDS * k : SEEDS * (k + 1)], units[SEEDS * k : SEEDS * (k + 1)]) for k, target in enumerate(TARGETS)}


def predictions(pool: str, target: str, size: int, count: int = 1000) -> tuple[Tensor, Tensor]:
    """What the five networks say about new sets of a size, `(5, count)`, and the truth, `(count,)`."""
    x = number_sets(count, size, torch.Generator().manual_seed(900 + size))
    nets, units = set_nets(pool)[target]
    return torch.stack([unit * net(x) for net, unit in zip(nets, units, strict=True)]), TARGETS[target](x)


@cache
def set_errors(pool: str, target: str, size: int) -> Tensor:
    """Root mean square error of each network on new sets, over the spread of the truth among them: `(5,)`."""
    found, truth = predictions(pool, target, size)
    return (found - truth).square().mean(1).sqrt() / truth.std()


def _sizes_record(name: str, statement: str, samples: Tensor, threshold: float, what: str, unit: str) -> Record:
    estimate, low, high = mean_interval(samples)
    return Record(
        id=f"equivariance/sets_and_signs/{name}",
        statement=statement,
        kind="measured",
        threshold=f"{what} below {threshold}",
        estimate=estimate,
        low=low,
        high=high,
        unit=unit,
        verdict=decide(low, high, below=threshold),
        seeds=SEEDS,
        repeats="networks, each with its own training sets, the same 1,000 test sets",
    )


def a_fitting_pool_travels(target: str) -> Record:
    """Error, in spreads of the target, at eight times the training size, of the pool that fits the target."""
    return _sizes_record(
        f"a_fitting_pool_travels/{target}",
        f"Trained on sets of {HOME} numbers, a network with the pool {FITTING[target]} knows the {target} of sets of {FAR}.",
        set_errors(FITTING[target], target, FAR),
        0.3,
        f"mean error at {FAR} numbers",
        "of the target's spread",
    )


def the_sum_does_for_the_variance() -> Record:
    """Error of the sum over that of the mean, for the variance, far from the training size."""
    return _sizes_record(
        "the_sum_does_for_the_variance",
        f"The theorem is about sums, so for the variance of {FAR} numbers the sum does as well as the mean.",
        set_errors("sum", "variance", FAR) / set_errors("mean", "variance", FAR),
        1.5,
        f"mean ratio of errors, sum over mean, at {FAR} numbers",
        "ratio of errors",
    )


# -------------------------------------------------------------------------------------------------------- signs and bases


def cycle(n: int) -> Tensor:
    """Weights of a ring of n nodes, `(n, n)`, float64."""
    one = torch.eye(n, dtype=torch.float64).roll(1, 1)
    return one + one.T


def basis_changes(net: str, seed: int, bases: int = 20) -> Tensor:
    """How much a network with random weights depends on the basis of the cycle's first repeated eigenvalue, a number.

    Standard deviation of the answer over random bases, over the standard deviation among 20 random planes of the same space.
    """
    generator = torch.Generator().manual_seed(seed)
    ring = eigenspaces(laplacian(cycle(8)))[1][1] @ haar_orthogonal(bases, 2, generator)
    others = haar_orthogonal(bases, 8, generator)[:, :, :2]
    if net == "SignNet":
        answer = SignNet(WholeVector(8, seed=seed), 8, 2, seed=seed).double()
    elif net == "BasisNet":
        basis_net = BasisNet(8, seed=seed).double()
        answer = lambda v: basis_net(projector(v)[:, None])  # noqa: E731
    else:
        raise ValueError(f'net must be "SignNet" or "BasisNet", got {net!r}')
    with torch.no_grad():
        return answer(ring).std() / answer(others).std()


def does_not_see_the_basis(net: str, count: int = 40) -> Record:
    """Relative change of an answer about the cycle of eight nodes when the basis of a repeated eigenvalue is another one."""
    estimate, low, high = mean_interval(torch.stack([basis_changes(net, seed) for seed in range(count)]))
    return Record(
        id=f"equivariance/sets_and_signs/does_not_see_the_basis/{net}",
        statement=f"{net} gives one answer for a cycle, whatever basis the solver returns where an eigenvalue repeats.",
        kind="proved" if net == "BasisNet" else "counterexample",
        threshold="mean change from basis to basis below 0.000001 of that from plane to plane",
        estimate=estimate,
        low=low,
        high=high,
        unit="relative change",
        verdict=decide(low, high, below=1e-6),
        seeds=count,
        repeats="draws of weights and of bases",
    )


class _OneSign(SignNet):
    """The two stages of SignNet without phi(-v): as many parameters, and nothing done about the sign."""

    def features(self, v: Tensor) -> Tensor:
        return self.inner(v.mT.flatten(0, 1)).unflatten(0, (len(v), v.shape[2]))


def _one_sign(seed: int) -> nn.Module:
    return _OneSign(WholeVector(12, width=24, seed=seed), 12, 1, 24, seed)


# How the sign of a Fiedler vector is dealt with -> a network for `(b, NODES, 1)` from a seed. All have the same two stages and
# as many parameters; a first version, with one stage for the first three, compared networks of unequal size.
READERS = {
    "one random sign each": _one_sign,
    "random flips in training": _one_sign,
    "largest entry positive": lambda seed: of_one_vector(_one_sign(seed), largest_positive),
    "SignNet, entry by entry": lambda seed: SignNet(EachEntry(12, width=24, seed=seed), 12, 1, 24, seed),
    "SignNet, whole vector": lambda seed: SignNet(WholeVector(12, width=24, seed=seed), 12, 1, 24, seed),
}


@cache
def sign_nets(reader: str) -> list[nn.Module]:
    """Five networks for the smaller side of a bisection, each trained on 600 graphs of its own."""
    if reader not in READERS:
        raise ValueError(f"reader must be one of {tuple(READERS)}, got {reader!r}")
    data = [bisection_data(600, NODES, 700 + seed) for seed in range(SEEDS)]
    x, y = (torch.stack(parts) for parts in zip(*data, strict=True))
    change = random_signs if reader == "random flips in training" else (lambda rows, generator: rows)
    nets = [READERS[reader](2000 + 10 * seed) for seed in range(SEEDS)]
    return train_side_by_side(nets, x, y, steps=500, rate=1e-2, seed=0, batch=64, change=change)


@cache
def sign_errors(reader: str) -> tuple[Tensor, Tensor]:
    """Root mean square error on 1,000 new graphs, and root mean square change when all signs are flipped, in nodes: `(5,)`."""
    v, truth = bisection_data(1000, NODES, 12_345)
    found = torch.stack([net(v) for net in sign_nets(reader)])
    flipped = torch.stack([net(-v) for net in sign_nets(reader)])
    return (found - truth).square().mean(1).sqrt(), (found - flipped).square().mean(1).sqrt()


def _signs_record(name: str, statement: str, above: str, under: str, threshold: float) -> Record:
    estimate, low, high = mean_interval(sign_errors(above)[0] / sign_errors(under)[0])
    return Record(
        id=f"equivariance/sets_and_signs/{name}",
        statement=statement,
        kind="measured",
        threshold=f"mean ratio of errors on test graphs below {threshold}",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of errors",
        verdict=decide(low, high, below=threshold),
        seeds=SEEDS,
        repeats="networks, each with its own training graphs, the same 1,000 test graphs",
    )


def whole_vectors_beat_entries() -> Record:
    """Error of SignNet that reads whole vectors over that of SignNet entry by entry."""
    return _signs_record(
        "whole_vectors_beat_entries",
        "SignNet that reads vectors as a whole errs at most 0.6 times as much as entry by entry.",
        "SignNet, whole vector",
        "SignNet, entry by entry",
        0.6,
    )


def flipping_in_training_is_as_good() -> Record:
    """Error of a network trained with random flips over that of SignNet."""
    return _signs_record(
        "flipping_in_training_is_as_good",
        "Flipping signs at random in training is as good as SignNet, within a fifth.",
        "random flips in training",
        "SignNet, whole vector",
        1.2,
    )
