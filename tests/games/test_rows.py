"""What a reading costs: rows of `value`, counted by the game itself."""

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
)
from tests.games.instances import close, counting, generator, random_game

EXACT = {
    "shapley": (shapley, 32),
    "shapley kernel": (lambda game, **options: shapley(game, "kernel", budget=99, **options), 32),
    "banzhaf": (banzhaf, 32),
    "linear_surrogate": (lambda game, **options: linear_surrogate(game, budget=40, **options), 32),
    "constrained": (lambda game, **options: linear_surrogate(game, budget=32, constrain=True, **options), 32),
    "leave_one_out": (leave_one_out, 6),
    "add_one_in": (add_one_in, 6),
}
SAMPLED = {
    "permutation": lambda game, budget, **options: shapley(game, "permutation", budget=budget, **options),
    "plain": lambda game, budget, **options: shapley(game, "permutation", budget=budget, antithetic=False, **options),
    "kernel": lambda game, budget, **options: shapley(game, "kernel", budget=budget, **options),
    "banzhaf": lambda game, budget, **options: banzhaf(game, "sampled", budget=budget, **options),
    "line": lambda game, budget, **options: linear_surrogate(game, budget=budget, **options),
    "constrained": lambda game, budget, **options: linear_surrogate(game, budget=budget, constrain=True, **options),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_readings_evaluate_each_row_once(name):
    reading, expected = EXACT[name]
    game, rows = counting(random_game(5))
    assert reading(game).evaluations == sum(rows) == expected


@pytest.mark.parametrize("budget", [28, 29, 30, 45, 63])
@pytest.mark.parametrize("name", SAMPLED)
def test_budgets_are_never_exceeded_and_evaluations_are_counted(name, budget):
    game, rows = counting(random_game(6))
    result = SAMPLED[name](game, budget, generator=generator())
    assert result.evaluations == sum(rows) <= budget
    assert result.evaluations > budget - 2 * 6  # and well used


@pytest.mark.parametrize("reading", [shapley, banzhaf])
def test_exact_readings_keep_to_a_budget_if_there_is_one(reading):
    game, rows = counting(random_game(5))
    close(reading(game, budget=32).scores, reading(game).scores)
    rows.clear()
    with pytest.raises(ValueError, match="budget"):
        reading(game, budget=31)
    assert not rows


@pytest.mark.parametrize("budget", [64, 65, 66, 200])
@pytest.mark.parametrize("name", ["kernel", "line", "constrained"])
def test_regressions_stop_at_all_coalitions(name, budget):
    game, rows = counting(random_game(6))
    result = SAMPLED[name](game, budget)
    assert result.evaluations == sum(rows) == 64
    assert result.error_kind == "exact" and not result.standard_errors.any()


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("name", SAMPLED)
def test_very_few_players(name, n):
    game, rows = counting(random_game(n, (3,)))
    result = SAMPLED[name](game, 12, generator=generator())
    assert result.evaluations == sum(rows) <= 12
    close(result.scores, shapley(game).scores if n == 1 or name in ("permutation", "kernel") else result.scores)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
@pytest.mark.parametrize("name", [*EXACT, *(f"sampled {name}" for name in SAMPLED)])
def test_batch_size_changes_nothing_but_the_batches(name, batch_size):
    game, rows = counting(random_game(5, (2,)))
    if name in EXACT:
        results = [EXACT[name][0](game, **options) for options in ({}, {"batch_size": batch_size})]
    else:
        run = SAMPLED[name.removeprefix("sampled ")]
        results = [run(game, 30, generator=generator(), **options) for options in ({}, {"batch_size": batch_size})]
    whole, parts = results
    close(parts.scores, whole.scores)
    close(parts.standard_errors, whole.standard_errors)
    assert parts.evaluations == whole.evaluations == sum(rows) / 2
    assert max(rows[len(rows) // 2 :]) <= max(batch_size, 2)  # the two ends are one small batch


def test_the_soft_readings_count_their_rows():
    soft, rows = counting(multilinear_extension(random_game(4)))
    assert gradient(soft).evaluations == sum(rows) == 1
    assert integrated_gradients(soft, 9).evaluations == sum(rows) - 1 == 9


def test_progress_is_shown_only_if_asked_for(capsys):
    for method in ("exact", "permutation", "kernel"):
        options = {} if method == "exact" else {"budget": 40, "generator": generator()}
        shapley(random_game(6), method, batch_size=8, **options)
        assert capsys.readouterr().err == ""
        options = {} if method == "exact" else {"budget": 40, "generator": generator()}
        shapley(random_game(6), method, batch_size=8, progress=True, **options)
        assert "%" in capsys.readouterr().err


def test_readings_keep_no_graph_and_do_not_change_what_they_are_given():
    scale = torch.ones(6, dtype=torch.float64, requires_grad=True)
    gates = torch.rand(30, 6, generator=generator(), dtype=torch.float64)
    before, weights = gates.clone(), torch.ones(30, dtype=torch.float64)
    game = Game(lambda rows: (rows * scale).sum(1), 6)
    assert not linear_surrogate(game, gates=gates, weights=weights, ridge=1.0).scores.requires_grad
    assert not shapley(game).scores.requires_grad
    integrated_gradients(game)
    assert torch.equal(gates, before) and torch.equal(weights, torch.ones_like(weights)) and scale.grad is None
