"""Claims of chapters/equivariance/averaging.ipynb."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.datasets import digits
from course_lib.equivariance.averaging import group_average, remaining_error
from course_lib.equivariance.projection import project_along, random_halving, relative_distances, symmetric_chain
from course_lib.groups import (
    Action,
    CyclicGroup,
    SignFlipGroup,
    Subgroup,
    SymmetricGroup,
    graph_action,
    image_action,
    invariant_basis,
    invariant_projector,
    matrix_action,
    permutation_action,
    pull_back,
    trivial_action,
)
from course_lib.models import MLP, DigitNet
from course_lib.training import train_classifier

TURNS = CyclicGroup(4)
IMAGES, ANSWERS = image_action(TURNS, (8, 8)), trivial_action(TURNS, (10,))
READERS = 6  # networks of each kind
STRETCH = 8.0  # of the action that is not by isometries
Reader = Callable[[Tensor], Tensor]


# ---------------------------------------------------------------------------------------------------- averaged readers


@cache
def reader(training: str, seed: int, rows: int = 400, epochs: int = 12) -> DigitNet:
    """A digit reader trained on 400 digits, "upright" or "turned": each by a random number of quarter turns."""
    if training not in ("upright", "turned"):
        raise ValueError(f'training must be "upright" or "turned", got {training!r}')
    split, generator = digits(), torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(split.train_x), generator=generator)[:rows]
    x, y = split.train_x[chosen], split.train_y[chosen]
    if training == "turned":
        x = IMAGES.each(TURNS.sample(rows, generator), x)
    return train_classifier(DigitNet(seed), x, y, epochs=epochs, rate=3e-3, seed=seed)


def probabilities(net: Reader) -> Reader:
    """From logits to probabilities: squared errors are taken of these."""
    return lambda x: net(x).softmax(1)


def over_turns(f: Reader) -> Reader:
    """The average of a reader over all four quarter turns."""
    return group_average(f, IMAGES, ANSWERS)


def held_out(positions: str) -> tuple[Tensor, Tensor]:
    """The 500 test digits, "upright" or in "all positions": then the set of images is unchanged by quarter turns."""
    split = digits()
    if positions == "upright":
        return split.test_x, split.test_y
    return IMAGES.act(TURNS.elements(), split.test_x).flatten(0, 1), split.test_y.repeat(4)


def squared_error(f: Reader, positions: str) -> float:
    """Mean over test digits of |f(x) - one-hot label|^2, between 0 and 2 for probabilities."""
    x, y = held_out(positions)
    return (f(x) - F.one_hot(y, 10)).square().sum(1).mean().item()


def averaging_helps(training: str, positions: str, count: int = READERS) -> Record:
    """Change of the squared error of the probabilities when a reader is averaged over quarter turns."""
    changes = []
    for seed in range(100, 100 + count):
        f = probabilities(reader(training, seed))
        changes.append(squared_error(over_turns(f), positions) - squared_error(f, positions))
    estimate, low, high = mean_interval(torch.tensor(changes))
    where = {"upright": "upright digits", "all positions": "digits in all four positions"}[positions]
    trained = {"upright": "upright digits", "turned": "digits turned at random"}[training]
    return Record(
        id=f"equivariance/averaging/averaging_helps/{training}/{positions.replace(' ', '_')}",
        statement=f"A reader trained on {trained} has a smaller squared error on {where} when averaged over quarter turns.",
        kind="proved" if positions == "all positions" else "measured",
        threshold="mean change of the squared error below 0",
        estimate=estimate,
        low=low,
        high=high,
        unit="change of the squared error",
        verdict=decide(low, high, below=0.0),
        seeds=count,
        repeats="trained networks, the same 500 test digits",
    )


# ------------------------------------------------------------------------------------------------- continuity, steepness


def steepness(f: Reader, x: Tensor) -> Tensor:
    """Norm of the gradient of a number f at every row of `x`, `(b,)`."""
    x = x.detach().requires_grad_(True)
    return torch.autograd.grad(f(x).sum(), x)[0].flatten(1).norm(dim=1)


def third_turns(stretch: float) -> Action:
    """C_3 turning the plane, seen through a stretch of the first axis: by isometries only if `stretch` is 1."""
    group, frame = CyclicGroup(3), torch.diag(torch.tensor([stretch, 1.0], dtype=torch.float64))
    return matrix_action(group, (2,), lambda g: frame @ group.matrices(g) @ frame.inverse())


def averaging_is_no_steeper(stretch: float, count: int = 40, points: int = 50) -> Record:
    """Largest slope of the averaged network over largest slope of the network itself, on the same complete orbits."""
    action, ratios = third_turns(stretch), []
    out = trivial_action(action.group)
    for seed in range(count):
        f = MLP([2, 16, 1], "tanh", seed).double()
        start = torch.randn(points, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        x = action.act(action.group.elements(), start).flatten(0, 1)
        ratios.append(steepness(group_average(f, action, out), x).max() / steepness(f, x).max())
    estimate, low, high = mean_interval(torch.stack(ratios))
    how = "isometries (thirds of a turn)" if stretch == 1 else f"thirds of a turn seen through a stretch by {stretch:g}"
    return Record(
        id=f"equivariance/averaging/averaging_is_no_steeper/{stretch:g}",
        statement=f"Averaging makes no function steeper than it was; the group acts by {how}.",
        kind="proved" if stretch == 1 else "counterexample",
        threshold="mean ratio of the largest slopes below 1",
        estimate=estimate,
        low=low,
        high=high,
        unit="ratio of the largest slopes, after / before",
        verdict=decide(low, high, below=1.0),
        seeds=count,
        repeats="random networks",
    )


# ---------------------------------------------------------------------------------------------------------- generators


def generators_give_the_constraints(count: int = 20) -> Record:
    """Weights that two random permutations of six nodes leave alone, against those that all their products leave alone."""
    group, gaps = SymmetricGroup(6), []
    for seed in range(count):
        pair = group.sample(2, torch.Generator().manual_seed(seed))
        action = pull_back(graph_action(6), Subgroup(group, pair))
        basis = invariant_basis(action)
        gaps.append((basis.T @ basis - invariant_projector(action)).abs().max())
    estimate, low, high = mean_interval(torch.stack(gaps))
    return Record(
        id="equivariance/averaging/generators_give_the_constraints",
        statement="Weights that the generators leave alone are the weights that the whole group leaves alone.",
        kind="proved",
        threshold="mean of the largest differences of the two projectors below 1e-9",
        estimate=estimate,
        low=low,
        high=high,
        unit="largest difference",
        verdict=decide(low, high, below=1e-9),
        seeds=count,
        repeats="groups made by two random permutations",
    )


def one_pass_over_generators_averages(n: int = 5, count: int = 20) -> Record:
    """What is left of the asymmetry of a random network on S_n after one average over the identity and two generators."""
    action, out = permutation_action(SymmetricGroup(n), (n,)), trivial_action(SymmetricGroup(n))
    few = torch.cat([action.group.identity(), action.group.generators()])
    left = []
    for seed in range(count):
        f = MLP([n, 16, 1], "tanh", seed).double().requires_grad_(False)
        x = torch.randn(50, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        left.append(remaining_error(f, group_average(f, action, out, few), group_average(f, action, out), x))
    estimate, low, high = mean_interval(torch.tensor(left))
    return Record(
        id="equivariance/averaging/one_pass_over_generators_averages",
        statement="To make a network invariant it is enough to average it over generators.",
        kind="counterexample",
        threshold="mean share of the asymmetry that is left below 0.1",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"of the asymmetry is left (S_{n}, identity and two generators)",
        verdict=decide(low, high, below=0.1),
        seeds=count,
        repeats="random networks",
    )


def halving_law(steps: int = 6, count: int = 600) -> Record:
    """Mean square distance after random halving on 6 x 6 weights under S_6, times 2^steps."""
    action, factors, ratios = graph_action(6), symmetric_chain(6), []
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(1, 6, 6, dtype=torch.float64, generator=generator)
        path = random_halving(action, x, steps, generator)
        ratios.append(relative_distances(path, project_along(action, factors, x))[-1].square() * 2**steps)
    estimate, low, high = mean_interval(torch.stack(ratios))
    return Record(
        id="equivariance/averaging/halving_law",
        statement=f"Random halving leaves 2^-{steps} of the mean square distance after {steps} steps.",
        kind="proved",
        threshold="mean square distance over its law between 0.8 and 1.25",
        estimate=estimate,
        low=low,
        high=high,
        unit="times the law",
        verdict=decide(low, high, above=0.8, below=1.25),
        seeds=count,
        repeats="random weights and draws",
    )


# ---------------------------------------------------------------------------------------------------- finding generators


def random_elements_generate(n: int = 16, extra: int = 10, count: int = 400) -> Record:
    """Do n + extra random elements generate the 2^n sign flips? The rank of a random binary matrix is n."""
    generator, group = torch.Generator().manual_seed(0), SignFlipGroup(n)
    successes = sum(_binary_rank(group.sample(n + extra, generator)) == n for _ in range(count))
    estimate, low, high = share_interval(successes, count)
    return Record(
        id=f"equivariance/averaging/random_elements_generate/{n}/{extra}",
        statement=f"{n} + {extra} random elements generate the group of {n} sign flips, and fewer than {n} never do.",
        kind="measured",
        threshold="share of the draws that generate above 0.95",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"is the share of draws that generate all 2^{n} elements",
        verdict=decide(low, high, above=0.95),
        seeds=count,
        repeats="draws",
    )


def _binary_rank(signs: Tensor) -> int:
    """Rank over the field of two elements of the rows of +1 and -1: the log of the order of what they generate."""
    pivots: dict[int, int] = {}
    for row in ((signs < 0).long() @ (2 ** torch.arange(signs.shape[1]))).tolist():
        while row and (top := row.bit_length()) in pivots:
            row ^= pivots[top]
        if row:
            pivots[row.bit_length()] = row
    return len(pivots)


def ring(order: Tensor) -> Reader:
    """sum_i x_i x_next(i)^2 for n numbers on a ring in the hidden `order` `(n,)`: invariant under n steps round the ring."""
    following = torch.empty_like(order)
    following[order] = order.roll(-1)
    return lambda x: (x * x[:, following].square()).sum(1)


def guessing_finds_a_symmetry(n: int = 10, guesses: int = 10_000, count: int = 100) -> Record:
    """A hidden ring of n numbers: does one of 10,000 random permutations other than the identity leave the function alone?"""
    group, hits, identity = SymmetricGroup(n), 0, torch.arange(n)
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        f, x = ring(torch.randperm(n, generator=generator)), torch.randn(1, n, generator=generator, dtype=torch.float64)
        tried = group.sample(guesses, generator)
        kept = (f(x[0][tried]) - f(x)).abs() < 1e-9
        hits += bool((kept & (tried != identity).any(1)).any())
    estimate, low, high = share_interval(hits, count)
    return Record(
        id=f"equivariance/averaging/guessing_finds_a_symmetry/{n}",
        statement=f"{guesses:,} random guesses find a symmetry of a function of {n} variables with a hidden ring.",
        kind="measured",
        threshold="share of hidden rings for which one is found above 0.5",
        estimate=estimate,
        low=low,
        high=high,
        unit="is the share of hidden rings for which one was found",
        verdict=decide(low, high, above=0.5),
        seeds=count,
        repeats="hidden rings",
    )
