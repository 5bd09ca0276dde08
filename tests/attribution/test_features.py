"""Features as players: each rule of removal against a plain loop or a closed form."""

import math

import pytest
import torch
from torch import nn

from course_lib.attribution.features import conditional_game, feature_game, occlusion, retraining_game
from course_lib.games import add_one_in, corners, gradient, leave_one_out, shapley, tabulate
from course_lib.models import MLP
from tests.games.instances import close, generator


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64).to(dtype)


def network(dtype: torch.dtype = torch.float64) -> nn.Module:
    return MLP([4, 8, 3], "tanh", seed=2).to(dtype)


def mixed(x: torch.Tensor, other: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """x where `kept`, the other elsewhere, entry by entry."""
    return torch.stack([a if keep else b for a, b, keep in zip(x, other, kept.bool(), strict=True)])


def test_one_baseline_mixes_input_and_baseline(dtype):
    model, x, baseline = network(dtype), normal(4, dtype=dtype), normal(4, seed=1, dtype=dtype)
    game = feature_game(model, x, baseline)
    assert game.dtype == dtype and game.differentiable
    with torch.no_grad():
        expected = torch.stack([model(mixed(x, baseline, kept)[None])[0] for kept in corners(4)])
    close(tabulate(game), expected.double())


def test_the_ends_are_the_model_itself_to_the_last_bit(dtype):
    x, baseline = normal(4, dtype=dtype), 1e6 * normal(4, seed=1, dtype=dtype)
    empty, full = feature_game(lambda rows: rows, x, baseline).ends()
    assert torch.equal(empty, baseline) and torch.equal(full, x)


def test_between_the_corners_lies_the_straight_line(dtype):
    model, x, baseline = network(dtype), normal(4, dtype=dtype), normal(4, seed=1, dtype=dtype)
    gates = torch.rand(5, 4, generator=generator(), dtype=torch.float64).to(dtype)
    game = feature_game(model, x, baseline)
    with torch.no_grad():
        close(game.evaluate(gates), model(baseline + gates * (x - baseline)).double())
    inputs = x.clone().requires_grad_(True)
    slope = torch.autograd.grad(model(inputs[None])[0, 2], inputs)[0]
    close(gradient(feature_game(model, x, baseline, target=2)).scores, (slope * (x - baseline)).double())


def test_a_background_is_the_mean_over_its_rows(dtype):
    model, x, background = network(dtype), normal(4, dtype=dtype), normal(7, 4, seed=1, dtype=dtype)
    marginal = feature_game(model, x, background)
    single = torch.stack([tabulate(feature_game(model, x, row)) for row in background])
    close(tabulate(marginal), single.double().mean(0))
    scores = torch.stack([shapley(feature_game(model, x, row)).scores for row in background])
    close(shapley(marginal).scores, scores.double().mean(0))


@pytest.mark.parametrize("rows", [300, 5000])
def test_a_large_background_goes_through_the_model_in_parts(rows):
    x, background, sizes = normal(4), normal(rows, 4, seed=1), []

    def model(points):
        sizes.append(len(points))
        return points[:, 0] * points[:, 1]

    close(tabulate(feature_game(model, x, background))[1], x[0] * background[:, 1].mean())
    close(tabulate(conditional_game(model, x, background, bandwidth=1e6))[2], x[1] * background[:, 0].mean())
    assert max(sizes) <= max(4096, rows)


def test_marginal_removal_of_an_additive_model_is_its_centred_terms(dtype):
    x, background = normal(4, dtype=dtype), normal(9, 4, seed=1, dtype=dtype)
    game = feature_game(lambda rows: rows.sin().sum(1), x, background)
    expected = (x.sin() - background.sin().mean(0)).double()
    for reading in (shapley, leave_one_out, add_one_in):
        close(reading(game).scores, expected)


def test_images_and_groups():
    weight, x = normal(2, 4, 4), normal(2, 4, 4, seed=1)
    groups = torch.arange(4).reshape(2, 2).repeat_interleave(2, 0).repeat_interleave(2, 1).expand(2, 4, 4)
    game = feature_game(lambda images: (images * weight).sum((1, 2, 3)), x, torch.zeros_like(x), groups=groups)
    assert game.n == 4
    products = weight * x
    expected = torch.stack([products[:, r : r + 2, c : c + 2].sum() for r in (0, 2) for c in (0, 2)])
    close(shapley(game).scores, expected)
    pixels = feature_game(lambda images: (images * weight).sum((1, 2, 3)), x, torch.zeros(3, 2, 4, 4))
    close(leave_one_out(pixels).scores, products.flatten())


def test_groups_of_a_background_move_together():
    x, background, groups = normal(4), normal(6, 4, seed=1), torch.tensor([0, 1, 0, 1])
    model = network()
    game = feature_game(model, x, background, target=0, groups=groups, players=["even", "odd"])
    assert game.players == ("even", "odd")
    with torch.no_grad():
        rows = torch.stack([mixed(x, row, torch.tensor([1, 0, 1, 0])) for row in background])
        close(game(torch.tensor([[1.0, 0.0]]))[0], model(rows)[:, 0].mean())


def test_targets_choose_from_the_outputs():
    model, x, baseline = network(), normal(4), normal(4, seed=1)
    everything = tabulate(feature_game(model, x, baseline))
    close(tabulate(feature_game(model, x, baseline, target=2)), everything[:, 2])
    margin = feature_game(model, x, baseline, target=lambda outputs: outputs[:, 0] - outputs[:, 1])
    close(tabulate(margin), everything[:, 0] - everything[:, 1])
    pairs = feature_game(model, x, baseline, target=lambda outputs: outputs.reshape(-1, 3, 1) * torch.ones(2))
    assert tabulate(pairs).shape == (16, 3, 2)
    close(shapley(pairs).scores[:, 1, 0], shapley(feature_game(model, x, baseline, target=1)).scores)


def test_occlusion_of_a_linear_model_is_weight_times_difference(dtype):
    weight, x, baseline = (normal(6, seed=seed, dtype=dtype) for seed in range(3))
    close(occlusion(lambda rows: rows @ weight, x, baseline).scores, (weight * (x - baseline)).double())


def test_a_wide_bandwidth_makes_conditional_removal_marginal(dtype):
    model, x, background = network(dtype), normal(4, dtype=dtype), normal(7, 4, seed=1, dtype=dtype)
    conditional = conditional_game(model, x, background, bandwidth=1e6)
    close(tabulate(conditional), tabulate(feature_game(model, x, background)).double())
    narrow = conditional_game(model, x, background, bandwidth=0.3)
    close(tabulate(narrow)[0], tabulate(conditional)[0].double())  # nobody is kept: nothing to condition on


def test_conditional_removal_on_a_discrete_sample_is_the_mean_over_matching_rows():
    background = torch.tensor([[0, 0, 1], [0, 1, 2], [1, 0, 3], [1, 1, 5], [1, 1, 8], [0, 1, 13]]).double()
    x = torch.tensor([1.0, 1.0, 5.0]).double()
    game = conditional_game(lambda rows: rows[:, 2] + 10 * rows[:, 0] * rows[:, 1], x, background, bandwidth=1e-3)
    values = game(torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]]))
    first = (3 + 10 * 0 + 5 + 10 + 8 + 10) / 3
    second = (2 + 5 + 10 + 8 + 10 + 13) / 4
    both = (5 + 8) / 2 + 10
    close(values, torch.tensor([first, second, both, 5 + 10, 5 + 10]).double())


def test_conditional_weights_are_gaussian_in_standard_deviations():
    background, x = torch.tensor([[0.0, 5.0], [3.0, 5.0], [9.0, 5.0]]).double(), torch.tensor([3.0, 5.0]).double()
    game = conditional_game(lambda rows: rows[:, 1] * 0 + rows[:, 0], x, background, bandwidth=0.7)
    spread = background[:, 0].std()
    # a row is used for what is not kept; keeping the constant second feature tells nothing, though it halves distances
    close(game(torch.tensor([[0.0, 1.0]]))[0], background[:, 0].mean())
    game = conditional_game(lambda rows: rows[:, 1], x, background + torch.tensor([[0.0, 0], [0, 1], [0, 2]]), bandwidth=0.7)
    weights = [math.exp(-(((3 - z) / spread.item() / 0.7) ** 2) / 2) for z in (0.0, 3.0, 9.0)]
    expected = sum(w * y for w, y in zip(weights, (5, 6, 7), strict=True)) / sum(weights)
    close(game(torch.tensor([[1.0, 0.0]]))[0], torch.tensor(expected, dtype=torch.float64))


def test_a_constant_feature_does_not_drown_the_others(dtype):
    background = torch.tensor([[0.1, 0.0, 1.0], [0.1, 1.0, 2.0], [0.1, 2.0, 4.0]] * 5, dtype=dtype)  # 0.1: a std of 8e-9
    x = torch.tensor([0.2, 1.0, 7.0], dtype=dtype)
    game = conditional_game(lambda rows: rows[:, 2], x, background, bandwidth=0.01)
    close(game(torch.tensor([[1.0, 1.0, 0.0]]))[0], torch.tensor(2.0))


@pytest.mark.parametrize("kind", [torch.int64, torch.bool])
def test_decisions_count_as_numbers(kind):
    def decide(rows):
        return (rows.sum(1) > 0.5).to(kind)

    x, background = normal(3), normal(9, 3, seed=1)
    for make in (feature_game, lambda *parts: conditional_game(*parts, bandwidth=0.7)):
        truth = shapley(make(lambda rows: decide(rows).double(), x, background)).scores
        close(shapley(make(decide, x, background)).scores, truth)
        assert truth.abs().max() > 0.05


def test_conditional_removal_credits_a_feature_that_the_model_never_reads():
    rho = 0.8
    background = normal(4000, 2)
    background[:, 1] = rho * background[:, 0] + math.sqrt(1 - rho**2) * background[:, 1]
    x = torch.tensor([1.0, 1.0]).double()
    reads_first = conditional_game(lambda rows: rows[:, 0], x, background, bandwidth=0.1)
    value_of_second = add_one_in(reads_first).scores[1]
    assert abs(value_of_second - rho) < 0.05  # E[x_0 | x_1 = 1] = rho
    assert abs(shapley(reads_first).scores[1] - rho / 2) < 0.05
    marginal = feature_game(lambda rows: rows[:, 0], x, background)
    close(shapley(marginal).scores[1], torch.tensor(0.0))


def least_squares(columns: torch.Tensor, labels: torch.Tensor):
    """A linear model with intercept; a mean when there are no columns."""
    design = torch.cat([columns, torch.ones_like(labels)[:, None]], 1)
    solution = torch.linalg.lstsq(design, labels[:, None]).solution
    return lambda rows: torch.cat([rows, rows.new_ones(len(rows), 1)], 1) @ solution


def test_retraining_is_a_loop_of_fits(dtype):
    inputs, labels, x = normal(12, 3, dtype=dtype), normal(12, seed=1, dtype=dtype), normal(3, seed=2, dtype=dtype)
    game = retraining_game(least_squares, inputs, labels, x, target=0)
    assert not game.differentiable and game.dtype == dtype
    expected = []
    for kept in corners(3).bool():
        model = least_squares(inputs[:, kept], labels)
        expected.append(model(x[kept][None])[0, 0])
    close(tabulate(game), torch.stack(expected).double())


def test_retraining_fits_each_coalition_of_a_batch_once_and_knows_groups():
    calls = []

    def fit(columns, labels):
        calls.append(columns.shape[1])
        return least_squares(columns, labels)

    game = retraining_game(fit, normal(12, 3), normal(12, seed=1), normal(3, seed=2), groups=torch.tensor([0, 1, 1]))
    gates = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    values = game(gates)
    assert sorted(calls) == [1, 2] and values.shape == (4, 1)
    assert torch.equal(values[0], values[2]) and not torch.equal(values[0], values[1])


def test_inputs_are_never_changed():
    x, background, labels = normal(4), normal(6, 4, seed=1), normal(6, seed=2)
    groups = torch.tensor([0, 1, 1, 2])
    given = [x, background, labels, groups]
    copies = [tensor.clone() for tensor in given]
    model = network()
    occlusion(model, x, background, groups=groups)
    shapley(feature_game(model, x, background, groups=groups))
    gradient(feature_game(model, x, background, target=0))
    shapley(conditional_game(model, x, background, bandwidth=1.0, groups=groups))
    shapley(retraining_game(least_squares, background, labels, x, groups=groups))
    assert all(torch.equal(tensor, copy) for tensor, copy in zip(given, copies, strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


X, MODEL = torch.ones(3), nn.Linear(3, 2)
BAD = [
    (lambda: feature_game(7, X, X), "model must be a function, got int"),
    (lambda: feature_game(MODEL, [1, 2], X), "x must be a floating-point tensor .* got list"),
    (lambda: feature_game(MODEL, torch.tensor([1, 2, 3]), X), "x must be a floating-point .* got torch.int64"),
    (lambda: feature_game(MODEL, X * math.nan, X), "x must be finite, got 3 entries that are not"),
    (lambda: feature_game(MODEL, X, X * math.inf), "baseline must be finite, got 3"),
    (lambda: feature_game(MODEL, X, torch.ones(2)), r"baseline must have shape \(3,\) .* shape \(2,\)"),
    (lambda: feature_game(MODEL, X, torch.ones(0, 3)), r"baseline must have shape .* \(0, 3\)"),
    (lambda: feature_game(MODEL, X, None), "baseline must have shape .* got NoneType"),
    (lambda: feature_game(MODEL, X, X, target=2).ends(), r"target must be a column .* \(2, 2\), got 2"),
    (lambda: feature_game(MODEL, X, X, target=-1).ends(), "target must be a column .* got -1"),
    (lambda: feature_game(MODEL, X, X, target="dog").ends(), "target must be a column .* got 'dog'"),
    (lambda: feature_game(MODEL, X, X, target=lambda out: out.sum()).ends(), "target must give one row per input"),
    (lambda: feature_game(lambda rows: rows[:, 0], X, X, target=0).ends(), r"target must be a column .* \(2,\), got 0"),
    (lambda: feature_game(lambda rows: rows.sum(), X, X).ends(), r"model must return one row per input \(2\), got"),
    (lambda: feature_game(MODEL, X, X, groups=torch.tensor([0, 1])), r"groups must be integers of shape \(3,\), got"),
    (lambda: feature_game(MODEL, X, X, groups=torch.tensor([0.0, 1, 2])), "groups must be integers .* got torch.float32"),
    (lambda: feature_game(MODEL, X, X, groups=X.bool()), "groups must be integers .* got torch.bool"),
    (lambda: feature_game(MODEL, X, X, groups=torch.tensor([0, 2, 2])), r"groups must use every number .* got \[0, 2\]"),
    (lambda: feature_game(MODEL, X, X, players=["a"]), "players must name 3 players, got 1"),
    (lambda: conditional_game(MODEL, X, torch.ones(4, 3), bandwidth=0), "bandwidth must be positive, got 0"),
    (lambda: conditional_game(MODEL, X, torch.ones(4, 3), bandwidth="wide"), "bandwidth must be positive, got 'wide'"),
    (lambda: conditional_game(MODEL, X, X, bandwidth=1.0), r"background must have at least two rows, got shape \(3,\)"),
    (lambda: retraining_game(7, torch.ones(4, 3), torch.ones(4), X), "fit must be a function, got int"),
    (lambda: retraining_game(least_squares, torch.ones(4, 3), torch.ones(3), X), r"labels .* \(4\), got 3"),
    (lambda: retraining_game(least_squares, X, X, X), r"inputs must be \(r, d\) and x \(d,\), got \(3,\)"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[f"{k}: {message[:40]}" for k, (_, message) in enumerate(BAD)])
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
