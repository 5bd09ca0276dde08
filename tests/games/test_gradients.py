"""Slopes of soft games that are no multilinear extension."""

import pytest
import torch

from course_lib.games import Game, gradient, integrated_gradients, shapley, table_game, tabulate
from tests.games.instances import close


def smooth(gates: torch.Tensor) -> torch.Tensor:
    """Two outputs `(m, 2)` of three players."""
    bend = torch.tanh(2 * gates[:, 0] + gates[:, 1] * gates[:, 2] - 1)
    return torch.stack([bend, bend**2 - gates[:, 2]], 1)


def test_integrated_gradients_of_a_square_times_a_player_is_not_the_shapley_value_of_its_corners(dtype):
    game = Game(lambda gates: gates[:, 0] ** 2 * gates[:, 1], players=2, dtype=dtype)
    close(integrated_gradients(game, steps=2).scores, torch.tensor([2 / 3, 1 / 3], dtype=torch.float64))
    close(shapley(game).scores, torch.tensor([0.5, 0.5]))
    close(shapley(table_game(tabulate(game))).scores, torch.tensor([0.5, 0.5]))


def test_gradient_is_the_slope_of_each_output_in_each_gate():
    game, at, step = Game(smooth, 3), torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64), 1e-6
    eye = step * torch.eye(3, dtype=torch.float64)
    differences = (game(at + eye) - game(at - eye)) / (2 * step)
    torch.testing.assert_close(gradient(game, at).scores, differences, rtol=0, atol=1e-8)


def test_integrated_gradients_add_up_and_the_midpoint_rule_is_of_second_order(dtype):
    game = Game(smooth, 3, dtype=dtype)
    empty, full = game.ends()
    gauss = integrated_gradients(game, 30).scores
    close(gauss.sum(0), (full - empty).double())
    if dtype == torch.float64:
        errors = [(integrated_gradients(game, m, "midpoint").scores - gauss).abs().max() for m in (50, 100)]
        assert 0.24 < errors[1] / errors[0] < 0.26


@pytest.mark.parametrize("rule", ["gauss", "midpoint"])
@pytest.mark.parametrize("steps", [1, 3, 7, 50])
def test_both_rules_are_exact_where_the_slope_is_linear_along_the_diagonal(rule, steps, dtype):
    game = Game(lambda gates: 300 * gates[:, 0] + 100 * gates[:, 1] * gates[:, 2], 3, dtype=dtype)
    close(integrated_gradients(game, steps, rule).scores, torch.tensor([300.0, 50.0, 50.0]))


@pytest.mark.parametrize("rule", ["gauss", "midpoint"])
def test_integrated_gradients_count_their_rows_and_ignore_the_batch_size(rule):
    rows = []

    def value(gates):
        rows.append(len(gates))
        return smooth(gates)

    whole = integrated_gradients(Game(value, 3), 11, rule)
    assert sum(rows) == whole.evaluations == 11
    rows.clear()
    parts = integrated_gradients(Game(value, 3), 11, rule, batch_size=4)
    assert rows == [4, 4, 3]
    close(parts.scores, whole.scores)


def test_gradient_costs_one_row_and_leaves_no_graph_behind():
    result = gradient(Game(smooth, 3))
    assert result.evaluations == 1 and not result.scores.requires_grad
    with torch.no_grad():
        close(gradient(Game(smooth, 3)).scores, result.scores)
