"""Sampled readings: near the truth, honest about their errors, twice as good for four times the budget."""

import pytest
import torch

from course_lib.games import Game, banzhaf, corners, linear_surrogate, shapley
from tests.games.instances import close, generator, random_game, worth

GAME = random_game(9, (2,), seed=3)
SHAPLEY, BANZHAF = shapley(GAME).scores, banzhaf(GAME).scores
SAMPLED = {
    "antithetic permutations": (SHAPLEY, lambda b, g: shapley(GAME, "permutation", budget=b, generator=g)),
    "permutations": (SHAPLEY, lambda b, g: shapley(GAME, "permutation", budget=b, generator=g, antithetic=False)),
    "kernel": (SHAPLEY, lambda b, g: shapley(GAME, "kernel", budget=b, generator=g)),
    "banzhaf": (BANZHAF, lambda b, g: banzhaf(GAME, "sampled", budget=b, generator=g)),
    "linear_surrogate": (BANZHAF, lambda b, g: linear_surrogate(GAME, budget=b, generator=g)),
}


@pytest.fixture(params=SAMPLED)
def sampled(request):
    return SAMPLED[request.param]


def errors_and_sizes(sampled, budget: int, seeds: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors and standard errors `(seeds, n, *out)`."""
    truth, estimate = sampled
    results = [estimate(budget, generator(seed)) for seed in range(seeds)]
    return torch.stack([r.scores - truth for r in results]), torch.stack([r.standard_errors for r in results])


def test_within_five_standard_errors_of_the_truth(sampled):
    errors, sizes = errors_and_sizes(sampled, 400, seeds=5)
    assert (sizes > 0).all() and (errors.abs() < 5 * sizes).all()


def test_the_error_halves_with_four_times_the_budget(sampled):
    coarse, fine = (errors_and_sizes(sampled, budget, seeds=100)[0].square().mean().sqrt() for budget in (110, 440))
    assert 0.4 < fine / coarse < 0.62


def test_standard_errors_are_honest(sampled):
    errors, sizes = errors_and_sizes(sampled, 500, seeds=200)
    scores = errors / sizes
    assert 0.93 < scores.std() < 1.08 and scores.abs().max() < 6
    assert scores.mean((0, 2)).abs().max() < 4 / (200 * 2) ** 0.5  # no player is off on average


def test_reversed_orders_help_where_players_interact_in_pairs():
    pairs = torch.randn(9, 9, generator=generator(), dtype=torch.float64)
    game = Game(lambda gates: ((gates @ pairs) * gates).sum(1), 9)
    truth = shapley(game).scores
    close(shapley(game, "permutation", budget=34, generator=generator()).scores, truth)  # every pair is exact
    plain = shapley(game, "permutation", budget=34, generator=generator(), antithetic=False)
    assert (plain.scores - truth).abs().max() > 0.1


def test_each_order_is_followed_by_its_reverse():
    seen = []

    def value(gates):
        seen.append(gates)
        return gates.sum(1)

    result = shapley(Game(value, 4), "permutation", budget=2 + 2 * 6, generator=generator())
    paths = torch.cat(seen)[2:].reshape(2, 2, 3, 4)  # two pairs, two orders, three inner steps, four players
    forward, backward = paths[:, 0], paths[:, 1]
    assert torch.equal(backward, 1 - forward.flip(1))
    assert torch.equal(forward.sum(2), torch.tensor([[1.0, 2.0, 3.0]] * 2).double())
    assert result.error_kind == "antithetic pairs"


def test_kernel_draws_coalitions_with_their_complements():
    seen = []

    def value(gates):
        seen.append(gates)
        return gates.sum(1)

    shapley(Game(value, 7), "kernel", budget=60, generator=generator())
    drawn = torch.cat(seen)[2:]
    assert torch.equal(drawn[::2], 1 - drawn[1::2]) and len(drawn) == 58
    assert ((drawn.sum(1) > 0) & (drawn.sum(1) < 7)).all()


def test_the_seed_decides_and_the_global_state_does_not_move(sampled):
    before = torch.random.get_rng_state()
    first, again, other = (sampled[1](120, generator(seed)).scores for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_sampled_shapley_values_add_up_whatever_the_draw(dtype):
    game = random_game(9, (2,), dtype, seed=3)
    total = worth(game, range(9)) - worth(game, ())
    for method in ("permutation", "kernel"):
        close(shapley(game, method, budget=70, generator=generator()).scores.sum(0), total, scale=5)


def test_a_surrogate_under_rare_players_fits_the_population_line():
    game = random_game(5)
    members = corners(5)
    chances = torch.where(members == 1, 0.2, 0.8).double().prod(1)
    truth = linear_surrogate(game, gates=members, weights=chances).scores
    drawn = linear_surrogate(game, budget=4000, probability=0.2, generator=generator())
    assert ((drawn.scores - truth).abs() < 5 * drawn.standard_errors).all()
    assert (drawn.standard_errors > 0).all()


def test_a_fit_without_spare_rows_does_not_know_its_error():
    game = random_game(3)
    gates = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]).double()
    assert linear_surrogate(game, gates=gates).standard_errors.isnan().all()


@pytest.mark.parametrize("options", [{}, {"ridge": 2.0}, {"constrain": True}, {"constrain": True, "ridge": 2.0}], ids=str)
def test_the_error_of_a_line_is_how_far_it_moves_when_each_row_is_left_out(options, dtype):
    game = random_game(5, (2,), dtype)
    gates = (torch.rand(24, 5, generator=generator()) < 0.5).to(dtype)
    weights = torch.rand(24, generator=generator()) + 0.1
    whole = linear_surrogate(game, gates=gates, weights=weights, **options)
    moves = []
    for row in range(24):
        kept = torch.arange(24) != row
        without = linear_surrogate(game, gates=gates[kept], weights=weights[kept], **options)
        moves.append(without.scores.double() - whole.scores.double())
    close(whole.standard_errors, torch.stack(moves).square().sum(0).sqrt())
    assert whole.error_kind == "sandwich"


def test_the_error_of_the_kernel_is_how_far_it_moves_when_each_pair_is_left_out():
    table, seen = random_game(6), []

    def value(gates):
        seen.append(gates)
        return table.value(gates)

    whole = shapley(Game(value, 6, differentiable=False), "kernel", budget=52, generator=generator(1))
    drawn, moves = torch.cat(seen)[2:], []
    for pair in range(25):
        kept = torch.arange(50) // 2 != pair
        moves.append(linear_surrogate(table, gates=drawn[kept], constrain=True).scores - whole.scores)
    close(whole.standard_errors, torch.stack(moves).square().sum(0).sqrt())


@pytest.mark.parametrize("name", ["kernel", "linear_surrogate"])
@pytest.mark.parametrize("budget", [54, 90])
def test_intervals_of_regressions_hold_at_small_budgets(name, budget):
    errors, sizes = errors_and_sizes(SAMPLED[name], budget, seeds=200)
    known = ~sizes.isnan()
    assert known.double().mean() > 0.9
    assert 0.93 < (errors[known].abs() < 1.96 * sizes[known]).double().mean() < 0.99


def test_all_coalitions_given_as_gates_leave_no_sampling_error():
    game, order = random_game(5, (2,)), torch.randperm(32, generator=generator())
    for options in ({}, {"constrain": True}):
        given = linear_surrogate(game, gates=corners(5)[order], **options)
        close(given.scores, linear_surrogate(game, budget=32, **options).scores)
        assert given.error_kind == "exact" and not given.standard_errors.any()
    twice = corners(5).clone()
    twice[3] = twice[4]  # as many rows, but one coalition is missing
    soft = Game(lambda gates: gates.prod(1), 5)
    for gates in (twice, corners(5)[1:], corners(5) * 0.9):
        assert linear_surrogate(soft, gates=gates).error_kind == "sandwich"
