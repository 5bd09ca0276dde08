"""One value reached by different roads: definitions, orders, regression, and slopes of the multilinear extension."""

import pytest
import torch

from course_lib.games import (
    add_one_in,
    banzhaf,
    corners,
    gradient,
    integrated_gradients,
    leave_one_out,
    linear_surrogate,
    multilinear_extension,
    shapley,
    shapley_kernel,
    shapley_weights,
    table_game,
    tabulate,
)
from tests.games.instances import (
    OUTPUTS,
    banzhaf_by_sum,
    close,
    random_game,
    shapley_by_orders,
    shapley_by_sum,
    worth,
)

pytestmark = pytest.mark.parametrize("out", OUTPUTS, ids=str)
PLAYERS = [1, 2, 3, 5, 6]


def kernel_weights(gates: torch.Tensor) -> torch.Tensor:
    return shapley_kernel(gates.shape[1]).to(gates)[gates.sum(1).long()]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_shapley_is_its_definition(n, out, dtype):
    game = random_game(n, out, dtype)
    close(shapley(game).scores, shapley_by_sum(game))
    close(shapley(game).scores, shapley_by_orders(game))


@pytest.mark.parametrize("n", PLAYERS)
def test_shapley_is_the_constrained_regression_under_its_kernel(n, out, dtype):
    game = random_game(n, out, dtype)
    exact = shapley(game).scores
    full = shapley(game, "kernel", budget=2**n)
    close(full.scores, exact)
    close(full.intercept, worth(game, ()))
    if n > 1:
        inner = corners(n, dtype)[1:-1]
        close(linear_surrogate(game, gates=inner, weights=kernel_weights, constrain=True).scores, exact)


@pytest.mark.parametrize("n", PLAYERS)
def test_shapley_is_the_mean_slope_on_the_diagonal_of_the_multilinear_extension(n, out, dtype):
    game = random_game(n, out, dtype)
    soft = multilinear_extension(game)
    close(integrated_gradients(soft, steps=n).scores, shapley(game).scores)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_banzhaf_is_its_definition(n, out, dtype):
    game = random_game(n, out, dtype)
    close(banzhaf(game).scores, banzhaf_by_sum(game))


@pytest.mark.parametrize("n", PLAYERS)
def test_banzhaf_is_the_slope_in_the_middle_and_the_regression_on_all_corners(n, out, dtype):
    game = random_game(n, out, dtype)
    exact = banzhaf(game).scores
    close(gradient(multilinear_extension(game), at=0.5).scores, exact)
    line = linear_surrogate(game, budget=2**n)
    close(line.scores, exact)
    mean = tabulate(game).double().mean(0)
    close(line.intercept, mean - exact.double().sum(0) / 2, scale=3)


@pytest.mark.parametrize("n", PLAYERS)
def test_removal_is_the_slope_at_the_two_ends(n, out, dtype):
    game = random_game(n, out, dtype)
    soft, everyone = multilinear_extension(game), set(range(n))
    dropped = torch.stack([worth(game, everyone) - worth(game, everyone - {player}) for player in range(n)])
    added = torch.stack([worth(game, {player}) - worth(game, ()) for player in range(n)])
    close(leave_one_out(game).scores, dropped)
    close(add_one_in(game).scores, added)
    close(gradient(soft, at=1.0).scores, dropped)
    close(gradient(soft, at=0.0).scores, added)


@pytest.mark.parametrize("n", PLAYERS)
def test_the_multilinear_extension_has_the_values_of_its_corners_and_is_linear_in_each_gate(n, out, dtype):
    game = random_game(n, out, dtype)
    soft = multilinear_extension(game)
    close(tabulate(soft), tabulate(game))
    gates = torch.rand(4, n, generator=torch.Generator().manual_seed(1), dtype=dtype)
    ends = [gates.clone(), gates.clone()]
    ends[0][:, 0], ends[1][:, 0] = 0, 1
    at = gates[:, 0].reshape(-1, *[1] * len(out))
    close(soft(gates), (1 - at) * soft(ends[0]) + at * soft(ends[1]))


@pytest.mark.parametrize("n", PLAYERS)
def test_the_multilinear_extension_is_the_expected_value_of_a_random_coalition(n, out):
    game, gates = random_game(n, out), torch.linspace(0.1, 0.8, n, dtype=torch.float64)
    members = corners(n)
    chances = torch.where(members == 1, gates, 1 - gates).prod(1)
    close(multilinear_extension(game)(gates[None])[0], torch.tensordot(chances, tabulate(game), 1))


@pytest.mark.parametrize("n", [1, 2, 7, 10])
@pytest.mark.parametrize("kind", ["shapley", "banzhaf"])
def test_exact_values_are_the_weighted_sum_of_differences_along_each_axis(n, kind, out, dtype):
    game = random_game(n, out, dtype)
    weights = shapley_weights(n) if kind == "shapley" else torch.full((n,), 0.5 ** (n - 1), dtype=torch.float64)
    cube, sizes = tabulate(game).double().reshape(*[2] * n, -1), corners(n).sum(1).long().reshape([2] * n)
    expected = []
    for axis in range(n - 1, -1, -1):  # the axis of player 0 is the last
        contributions = (cube.select(axis, 1) - cube.select(axis, 0)).reshape(2 ** (n - 1), -1)
        expected.append(weights[sizes.select(axis, 0).flatten()] @ contributions)
    scores = (shapley if kind == "shapley" else banzhaf)(game).scores
    close(scores, torch.stack(expected).reshape(n, *out))


def test_a_large_constant_costs_no_digits(out):
    game = random_game(8, out, torch.float32)
    shifted = table_game(1e4 + tabulate(game))
    exact = shapley(table_game(tabulate(shifted).double() - 1e4)).scores
    close(shapley(shifted).scores, exact)
