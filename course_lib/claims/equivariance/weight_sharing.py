"""Claims of chapters/equivariance/weight_sharing.ipynb."""

import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.equivariance.torus_digits import read_right, trained
from course_lib.equivariance.weight_sharing import equivariant_basis, least_squares
from course_lib.groups import (
    Action,
    CyclicGroup,
    Subgroup,
    SymmetricGroup,
    equivariant_dimension,
    matrix_action,
    permutation_action,
    tensor_action,
)

ORDERS = [(1, 1), (1, 2), (2, 1), (2, 2)]


def random_representation(n: int, generator: torch.Generator) -> Action:
    """Vectors of n numbers under the group that two random permutations generate, seen in a random, skew basis."""
    parent = SymmetricGroup(n)
    group = Subgroup(parent, parent.sample(2, generator))
    basis = torch.eye(n, dtype=torch.float64) + 0.3 * torch.randn(n, n, generator=generator, dtype=torch.float64)
    items = permutation_action(parent, (n,))

    def matrices(g: Tensor) -> Tensor:
        return torch.linalg.solve(basis, items.matrix(g) @ basis)

    return matrix_action(group, (n,), matrices)


def solver_gives_the_dimension_of_characters(count: int = 60) -> Record:
    """Null space of two generators' equations against the mean character over all elements, for tensors of order 1 and 2."""
    equal = 0
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        base = random_representation(3 + seed % 3, generator)
        orders = ORDERS[int(torch.randint(3 + (seed % 3 < 2), (), generator=generator))]  # of five items not 625 unknowns
        action_in, action_out = (tensor_action(base, order) for order in orders)
        found = len(equivariant_basis(action_in, action_out, "null space"))
        equal += found == equivariant_dimension(action_in, action_out)
    estimate, low, high = share_interval(equal, count)
    return Record(
        id="equivariance/weight_sharing/solver_gives_the_dimension_of_characters",
        statement="The equations of two generators have as many solutions as the characters of all elements say.",
        kind="proved",
        threshold="share of the cases with equal dimensions above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the cases",
        verdict=decide(low, high, above=0.9),
        seeds=count,
        repeats="random groups, bases and orders of tensors",
    )


def tied_and_free_errors(n: int, examples: int, seed: int) -> tuple[float, float]:
    """|W - C|^2 of least squares with tied and with free weights; C a circular filter, y = C x + noise of size one."""
    generator = torch.Generator().manual_seed(seed)
    ring = permutation_action(CyclicGroup(n), (n,))
    basis = equivariant_basis(ring, ring)
    target = torch.einsum("k,kpq->pq", torch.randn(n, generator=generator, dtype=torch.float64), basis)
    x, noise = torch.randn(2, examples, n, generator=generator, dtype=torch.float64)
    y = x @ target.T + noise
    free = torch.linalg.lstsq(x, y).solution.T
    return tuple((w - target).square().sum().item() for w in (least_squares(basis, x, y), free))


def tied_weights_learn_from_fewer_examples(n: int = 16, examples: int = 64, count: int = 40) -> Record:
    """Squared error with free weights over that with tied weights, after the same examples of a circular filter."""
    ratios = []
    for seed in range(count):
        tied, free = tied_and_free_errors(n, examples, seed)
        ratios.append(free / tied)
    estimate, low, high = mean_interval(torch.tensor(ratios))
    return Record(
        id=f"equivariance/weight_sharing/tied_weights_learn_from_fewer_examples/{n}/{examples}",
        statement=f"A circular filter of {n} places is learnt with an error {n} times smaller if its weights are tied.",
        kind="measured",
        threshold=f"mean ratio of the squared errors, free over tied, above {n}",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"times the squared error of tied weights ({examples} examples)",
        verdict=decide(low, high, above=float(n)),
        seeds=count,
        repeats="random filters and examples",
    )


def sharing_helps(positions: str, rows: int = 200, count: int = 5) -> Record:
    """Share read right with shared minus with free weights, the same number of weights, the same training digits."""
    gains = []
    for seed in range(count):
        shared, free = (read_right(trained(kind, positions, rows, seed), positions) for kind in ("shared", "free"))
        gains.append(shared - free)
    estimate, low, high = mean_interval(torch.tensor(gains))
    least = {"shifted": 0.1, "in place": 0.0}[positions]
    where = {"shifted": "digits shifted at random on the torus", "in place": "digits in place"}[positions]
    return Record(
        id=f"equivariance/weight_sharing/sharing_helps/{positions.replace(' ', '_')}",
        statement=f"Of {where}, a reader with shared weights names more than one with as many free weights.",
        kind="measured",
        threshold=f"mean gain in the share read right above {least:g}",
        estimate=estimate,
        low=low,
        high=high,
        unit="gain in the share read right",
        verdict=decide(low, high, above=least),
        seeds=count,
        repeats=f"pairs of networks and sets of {rows} training digits, the same 500 test digits",
    )
