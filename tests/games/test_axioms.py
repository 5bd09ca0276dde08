"""Efficiency, symmetry, null player and linearity, on games with interactions of every order and several outputs."""

import pytest
import torch

from course_lib.games import (
    Game,
    add_one_in,
    banzhaf,
    gradient,
    integrated_gradients,
    leave_one_out,
    linear_surrogate,
    multilinear_extension,
    shapley,
    table_game,
    tabulate,
)
from tests.games.instances import OUTPUTS, close, generator, random_game, worth

N = 6
READINGS = {
    "shapley": shapley,
    "shapley permutation": lambda game: shapley(game, "permutation", budget=80, generator=generator()),
    "shapley kernel": lambda game: shapley(game, "kernel", budget=40, generator=generator()),
    "banzhaf": banzhaf,
    "banzhaf sampled": lambda game: banzhaf(game, "sampled", budget=80, generator=generator()),
    "leave_one_out": leave_one_out,
    "add_one_in": add_one_in,
    "gradient": lambda game: gradient(multilinear_extension(game), at=0.3),
    "integrated_gradients": lambda game: integrated_gradients(multilinear_extension(game), steps=8),
    "linear_surrogate": lambda game: linear_surrogate(game, budget=40, generator=generator()),
    "linear_surrogate constrained": lambda game: linear_surrogate(
        game, budget=40, generator=generator(), constrain=True, ridge=0.5
    ),
}
EFFICIENT = [name for name in READINGS if name.startswith(("shapley", "integrated")) or name.endswith("constrained")]
SYMMETRIC = ["shapley", "banzhaf", "leave_one_out", "add_one_in", "gradient", "integrated_gradients"]
NULL_IS_ZERO = [*SYMMETRIC, "shapley permutation", "banzhaf sampled"]  # a regression on some rows only comes near


def cube(game: Game) -> torch.Tensor:
    """All values `(2, ..., 2, *out)`; the axis of player i is n - 1 - i."""
    return tabulate(game).reshape(*[2] * game.n, *tabulate(game).shape[1:])


@pytest.mark.parametrize("out", OUTPUTS, ids=str)
@pytest.mark.parametrize("name", EFFICIENT)
def test_efficiency(name, out, dtype):
    game = random_game(N, out, dtype)
    close(READINGS[name](game).scores.sum(0), worth(game, range(N)) - worth(game, ()), scale=3)


@pytest.mark.parametrize("name", READINGS)
def test_linearity_for_the_same_draws(name, dtype):
    first, second = random_game(N, (3,), dtype, seed=1), random_game(N, (3,), dtype, seed=2)
    both = table_game(2 * tabulate(first) - 3 * tabulate(second))
    separately = 2 * READINGS[name](first).scores - 3 * READINGS[name](second).scores
    close(READINGS[name](both).scores, separately.double(), scale=5)


@pytest.mark.parametrize("name", READINGS)
def test_each_output_is_a_game_of_its_own(name, dtype):
    game = random_game(N, (2, 2), dtype)
    alone = READINGS[name](table_game(tabulate(game)[:, 1, 0]))
    together = READINGS[name](game)
    close(together.scores[:, 1, 0], alone.scores.double())
    close(together.standard_errors[:, 1, 0], alone.standard_errors.double())
    assert together.evaluations == alone.evaluations


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetry(name, dtype):
    values = cube(random_game(N, (3,), dtype))
    game = table_game((values + values.transpose(N - 1 - 1, N - 1 - 4)).flatten(0, N - 1))  # players 1 and 4 alike
    scores = READINGS[name](game).scores
    close(scores[1], scores[4].double())


@pytest.mark.parametrize("name", SYMMETRIC)
def test_renaming_the_players_renames_the_scores(name, dtype):
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    game = random_game(N, (3,), dtype)
    renamed = table_game(cube(game).permute(*[N - 1 - int(order[N - 1 - axis]) for axis in range(N)], N).flatten(0, N - 1))
    close(READINGS[name](renamed).scores, READINGS[name](game).scores[order].double())


def test_a_constrained_ridge_shrinks_all_players_alike():
    game, order = random_game(N), torch.tensor([3, 0, 5, 1, 4, 2])
    gates = (torch.rand(30, N, generator=generator()) < 0.5).double()
    renamed = Game(lambda rows: game.value(rows[:, order.argsort()]), N, differentiable=False)
    scores = linear_surrogate(game, gates=gates, ridge=5.0, constrain=True).scores
    close(linear_surrogate(renamed, gates=gates[:, order], ridge=5.0, constrain=True).scores, scores[order])
    equal = linear_surrogate(game, gates=gates, ridge=1e9, constrain=True).scores
    torch.testing.assert_close(equal, equal.mean().expand(N), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NULL_IS_ZERO)
def test_null_player(name, dtype):
    values = cube(random_game(N, (3,), dtype))
    axis = N - 1 - 2
    values = values.select(axis, 0).unsqueeze(axis).expand_as(values)  # player 2 changes nothing
    close(READINGS[name](table_game(values.flatten(0, N - 1))).scores[2], torch.zeros(3))
