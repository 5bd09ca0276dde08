"""Bad input raises ValueError and says which argument, what it should be and what came."""

import math

import pytest
import torch

from course_lib.games import (
    Attribution,
    Game,
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
from tests.games.instances import generator, random_game

HARD = random_game(4)
SOFT = Game(lambda gates: gates.sum(1), 4)
MANY = Game(lambda gates: gates.sum(1), 25)
ALL = corners(4)


def returning(answer) -> Game:
    """A game of two players with this `value`."""
    return Game(answer, 2)


def sampled(reading, method, budget, seed=0, game=HARD, **options):
    return reading(game, method, budget=budget, generator=None if seed is None else generator(seed), **options)


def attribution(*out):
    return Attribution(torch.ones(2, *out), torch.zeros(2, *out), 1, ("a", "b"))


CASES = [
    (lambda: Game(3, 2), "value must be a function .* got int"),
    (lambda: Game(sum, "ab"), "players must be a number or a sequence of names, got 'ab'"),
    (lambda: Game(sum, 2.5), "players must be a number or a sequence of names, got 2.5"),
    (lambda: Game(sum, True), "players must be .* got True"),
    (lambda: Game(sum, 0), "players must be at least one .* got 0"),
    (lambda: Game(sum, ["a", "a"]), r"players must be .* distinct names, got \['a', 'a'\]"),
    (lambda: Game(sum, 2, dtype=torch.int64), "dtype must be a floating-point type, got torch.int64"),
    (lambda: SOFT([[1, 1, 1, 1]]), r"gates must be a tensor of shape \(m, 4\), got list"),
    (lambda: SOFT(torch.ones(4)), r"gates must have shape \(m, 4\) with m >= 1, got \(4,\)"),
    (lambda: SOFT(torch.ones(2, 3)), r"gates must have shape \(m, 4\) .* got \(2, 3\)"),
    (lambda: SOFT(torch.ones(0, 4)), r"gates must have shape .* got \(0, 4\)"),
    (lambda: SOFT(torch.full((1, 4), 1.5)), r"gates must lie in \[0, 1\], got values from 1.5 to 1.5"),
    (lambda: SOFT(torch.full((1, 4), -0.5)), r"gates must lie in \[0, 1\], got values from -0.5 to -0.5"),
    (lambda: SOFT(torch.tensor([[0.0, 1.0, math.nan, 0.0]])), r"gates must lie in \[0, 1\], got values from nan"),
    (lambda: HARD(torch.full((1, 4), 0.5)), "gates of a hard game must be exactly 0 or 1, got 0.5"),
    (lambda: returning(lambda gates: 1.0).ends(), r"value must return .* one row per row of gates \(2\), got float"),
    (lambda: returning(lambda gates: gates.sum()).ends(), r"value must return .* got \(\)"),
    (lambda: returning(lambda gates: gates[:1]).ends(), r"value must return .* got \(1, 2\)"),
    (lambda: returning(lambda gates: gates.sum(1).log()).ends(), "value must return finite numbers, got 1 that are not"),
    (lambda: returning(lambda gates: gates.sum(1) * 1j).ends(), "value must return real numbers, got torch.complex128"),
    (lambda: tabulate(HARD, 2.5), "batch_size must be an integer of at least 1, got 2.5"),
    (lambda: tabulate(HARD, 0), "batch_size must be an integer of at least 1, got 0"),
    (lambda: leave_one_out(HARD, -1), "batch_size must be an integer of at least 1, got -1"),
    (lambda: tabulate(MANY), "n must be an integer between 1 and 24 .* got 25"),
    (lambda: corners(0), "n must be .* got 0"),
    (lambda: corners(2.5), "n must be .* got 2.5"),
    (lambda: table_game(torch.ones(3)), r"values must have 2\*\*n rows with n >= 1, got 3"),
    (lambda: table_game([1, 2]), r"values must have 2\*\*n rows"),
    (lambda: table_game(torch.tensor([1.0, math.inf])), "values must be finite, got 1 that are not"),
    (lambda: table_game(torch.ones(4), ["a"]), "players must name 2 players for 4 values, got 1"),
    (lambda: multilinear_extension(MANY), "game must have at most 16 players .* got 25"),
    (lambda: shapley(HARD, "owen"), r"method must be one of \('exact', 'permutation', 'kernel'\), got 'owen'"),
    (lambda: shapley(MANY), "game must have at most 24 players .* got 25: use method='permutation' or 'kernel'"),
    (lambda: banzhaf(MANY), "game must have at most 24 players .* got 25: .*'sampled' for Banzhaf"),
    (lambda: shapley(HARD, budget=15), r"budget must be at least 2\*\*n = 16 rows for method='exact', got 15: sample"),
    (lambda: banzhaf(HARD, budget=15), r"budget must be at least 2\*\*n = 16 rows .* got 15"),
    (lambda: shapley(HARD, budget="all"), "budget must be .* a positive integer, got 'all'"),
    (lambda: sampled(shapley, "permutation", 50, None), "generator must be a torch.Generator on the CPU.* got None"),
    (lambda: sampled(shapley, "kernel", 50, None, random_game(6)), "generator must be .* got None"),
    (lambda: sampled(banzhaf, "sampled", 50, None), "generator must be .* got None"),
    (lambda: linear_surrogate(HARD, budget=9), "generator must be .* got None"),
    (lambda: shapley(HARD, "permutation", budget=50, generator=7), "generator must be .* got 7"),
    (lambda: shapley(HARD, "kernel", generator=generator()), "budget must be .* a positive integer, got None"),
    (lambda: sampled(shapley, "permutation", 10.5), "budget must be .* a positive integer, got 10.5"),
    (lambda: sampled(shapley, "permutation", 13), "budget must be at least 14 .* two antithetic pairs, got 13"),
    (lambda: sampled(shapley, "permutation", 7, antithetic=False), "budget must be at least 8 .* two permutations, got 7"),
    (lambda: sampled(shapley, "kernel", 23, game=random_game(6)), "budget must be at least 24 rows .* got 23"),
    (lambda: sampled(shapley, "kernel", 24, 73, game=random_game(6)), "budget must be larger, got 24"),
    (lambda: banzhaf(HARD, "all"), r"method must be one of \('exact', 'sampled'\), got 'all'"),
    (lambda: sampled(banzhaf, "sampled", 9), "budget must be at least .* 10 rows .* got 9"),
    (lambda: shapley_weights(0), "n must be at least 1, got 0"),
    (lambda: shapley_kernel(0), "n must be at least 1, got 0"),
    (lambda: gradient(HARD), "game must be differentiable .* got a hard game; use multilinear_extension"),
    (lambda: integrated_gradients(HARD), "game must be differentiable .* got a hard game"),
    (lambda: gradient(returning(lambda gates: gates.detach())), "value must keep the graph"),
    (lambda: gradient(SOFT, torch.ones(3)), r"at must be a number or have shape \(4,\), got \(3,\)"),
    (lambda: gradient(SOFT, "middle"), "at must be a number .* got str"),
    (lambda: gradient(SOFT, 1.5), r"gates must lie in \[0, 1\], got values from 1.5"),
    (lambda: integrated_gradients(SOFT, 0), "steps must be an integer of at least 1, got 0"),
    (lambda: integrated_gradients(SOFT, True), "steps must be .* got True"),
    (lambda: integrated_gradients(SOFT, 2.5), "steps must be .* got 2.5"),
    (lambda: integrated_gradients(SOFT, rule="left"), r"rule must be one of \('gauss', 'midpoint'\), got 'left'"),
    (lambda: integrated_gradients(SOFT, batch_size=0), "batch_size must be an integer of at least 1, got 0"),
    (lambda: linear_surrogate(HARD), "exactly one of gates and budget must be given, got neither"),
    (lambda: linear_surrogate(HARD, gates=ALL, budget=3), "exactly one of gates and budget .* got both"),
    (lambda: linear_surrogate(HARD, gates=corners(3)), r"gates must have shape \(m, 4\) .* got \(8, 3\)"),
    (lambda: linear_surrogate(HARD, gates=ALL[:3]), "gates must determine 5 coefficients, got 3 rows"),
    (lambda: linear_surrogate(HARD, gates=ALL[:8]), "gates must determine 5 coefficients, got 8 rows"),
    (lambda: linear_surrogate(HARD, budget=0), "budget must be .* got 0"),
    (lambda: linear_surrogate(HARD, budget=2, constrain=True), "budget must be at least 3 rows .* got 2"),
    (lambda: linear_surrogate(HARD, gates=ALL, ridge=-1), "ridge must be finite and not negative, got -1"),
    (lambda: linear_surrogate(HARD, gates=ALL, ridge=math.nan), "ridge must be .* got nan"),
    (lambda: linear_surrogate(HARD, gates=ALL, ridge="little"), "ridge must be .* got little"),
    (lambda: linear_surrogate(HARD, budget=0, probability=0.3), "budget must be .* a positive integer, got 0"),
    (lambda: linear_surrogate(HARD, budget=9.5, probability=0.3), "budget must be .* a positive integer, got 9.5"),
    (lambda: linear_surrogate(HARD, budget=9, probability="even"), "probability must lie strictly .* got 'even'"),
    (lambda: linear_surrogate(HARD, budget=9, probability=1.0), "probability must lie strictly .* got 1.0"),
    (lambda: linear_surrogate(HARD, gates=ALL, weights=torch.ones(3)), r"weights must have shape \(16,\), got \(3,\)"),
    (lambda: linear_surrogate(HARD, gates=ALL, weights=-torch.ones(16)), "weights must be .* got values from -1.0"),
    (lambda: linear_surrogate(HARD, gates=ALL, weights=torch.zeros(16)), "weights must be .* not all zero, got"),
    (lambda: linear_surrogate(HARD, gates=ALL, weights=lambda rows: rows), r"weights must have shape .* got \(16, 4\)"),
    (lambda: Attribution(torch.ones(2), torch.zeros(2), 1, ("a",)), r"scores must have one row per player \(1\), got 2"),
    (lambda: Attribution(torch.ones(2), torch.zeros(3), 1, ("a", "b")), r"standard_errors must have .* got \(3,\)"),
    (lambda: attribution(3).top(), r"scores must be \(n,\) .* got \(2, 3\)"),
    (lambda: attribution(3).table(), r"scores must be \(n,\) .* got \(2, 3\)"),
    (lambda: attribution(3).plot(), r"scores must be \(n,\) .* got \(2, 3\)"),
]


@pytest.mark.parametrize(("call", "message"), CASES, ids=[f"{k}: {message[:40]}" for k, (_, message) in enumerate(CASES)])
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
