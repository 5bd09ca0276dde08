"""Games of training examples beside refits, definitions and finite differences; nearest neighbours beside their game."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from course_lib import datasets
from course_lib.attribution.data import (
    UTILITIES,
    detection_auc,
    hits,
    knn_game,
    knn_leave_one_out,
    knn_shapley,
    label_margins,
    log_likelihoods,
    training_game,
    truncated_shapley,
)
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic, Ridge, Softmax
from course_lib.attribution.network_learner import Network
from course_lib.games import Game, banzhaf, gradient, leave_one_out, linear_surrogate, shapley, tabulate
from tests.games.instances import close, counting, generator, random_game, shapley_by_orders, shapley_by_sum


def examples(n: int, t: int, classes: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, ...]:
    """Training and test rows with three columns; labels are numbers if there is one class."""
    random = generator(seed)
    x = torch.randn(n + t, 3, generator=random, dtype=torch.float64).to(dtype)
    if classes == 1:
        y = x @ torch.tensor([1.0, -1.0, 0.5], dtype=dtype) + torch.randn(n + t, generator=random).to(dtype)
    else:
        y = torch.cat([torch.arange(classes), torch.randint(0, classes, (n + t - classes,), generator=random)])
    return x[:n], y[:n], x[n:], y[n:]


def tumours(n: int) -> tuple[Tensor, ...]:
    cancer = datasets.breast_cancer()
    return with_intercept(cancer.train_x[:n]), cancer.train_y[:n], with_intercept(cancer.test_x), cancer.test_y


def test_leave_one_out_is_a_hundred_refits_of_scikit_learn():
    x, y, test_x, test_y = tumours(100)
    game = training_game(Logistic(1.0), x, y, test_x, test_y, utility="log_likelihood", average=True)

    def refit(kept: list[int]) -> float:
        model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(x[kept], y[kept])
        chance = model.predict_log_proba(test_x)
        return chance[range(len(test_y)), test_y].mean()

    full = refit(list(range(100)))
    theirs = [full - refit([i for i in range(100) if i != player]) for player in range(100)]
    found = leave_one_out(game)
    torch.testing.assert_close(found.scores, torch.tensor(theirs, dtype=torch.float64), rtol=0, atol=1e-6)
    assert found.evaluations == 101


CASES = [
    (Ridge(0.5), 1, "squared_error"),
    (Logistic(0.5), 2, "margin"),
    (Logistic(0.5), 2, "log_likelihood"),
    (Softmax(0.5, 3), 3, "margin"),
    (Softmax(0.5, 3), 3, "log_likelihood"),
    (Network((3, 4, 1), steps=30, rate=0.3), 2, "margin"),
    (Network((3, 4, 3), penalty=0.1, steps=30, rate=0.3, batch=3), 3, "log_likelihood"),
]


@pytest.mark.parametrize(("learner", "classes", "utility"), CASES)
def test_the_gradient_is_finite_differences_of_retraining(learner, classes, utility):
    game = training_game(learner, *examples(7, 4, classes), utility=utility)
    at = torch.linspace(0.2, 0.8, 7, dtype=torch.float64)
    slopes, step = gradient(game, at=at).scores, 1e-5
    moves = step * torch.eye(7, dtype=torch.float64)
    differences = (game(at + moves) - game(at - moves)) / (2 * step)
    torch.testing.assert_close(slopes, differences.detach(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("learner", "classes", "utility"), CASES)
def test_one_retraining_serves_all_test_points(learner, classes, utility, dtype):
    x, y, test_x, test_y = examples(6, 5, classes, dtype)
    game, rows = counting(training_game(learner, x, y, test_x, test_y, utility=utility))
    found = leave_one_out(game)
    assert found.scores.shape == (6, 5) and sum(rows) == 7
    one_by_one = [training_game(learner, x, y, test_x[k : k + 1], test_y[k : k + 1], utility=utility) for k in range(5)]
    close(found.scores, torch.cat([leave_one_out(single).scores for single in one_by_one], 1), scale=10.0)
    mean = training_game(learner, x, y, test_x, test_y, utility=utility, average=True)
    close(leave_one_out(mean).scores, found.scores.mean(1), scale=10.0)
    assert torch.equal(tabulate(mean), tabulate(mean))


@pytest.mark.parametrize(("learner", "classes", "utility"), CASES[:5])
@pytest.mark.parametrize("n", [4, 6])
def test_exact_data_shapley_is_its_definition(learner, classes, utility, n):
    game = training_game(learner, *examples(n, 3, classes), utility=utility)
    by_definition = shapley_by_orders(game) if n == 4 else shapley_by_sum(game)
    found = shapley(game).scores
    close(found, by_definition)
    empty, full = game.ends()
    close(found.sum(0), full - empty)


def test_exact_data_shapley_of_eight_tumours_is_the_one_of_scikit_learn():
    x, y, test_x, test_y = tumours(8)
    game = training_game(Logistic(1.0), x, y, test_x, test_y, utility="log_likelihood", average=True)

    def value(gates: Tensor) -> Tensor:
        worth = []
        for row in gates.bool():
            if len(y[row].unique()) < 2:  # scikit-learn refuses one class: take ours there
                worth.append(game(row.double()[None])[0].item())
                continue
            model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-10, solver="newton-cholesky").fit(x[row], y[row])
            worth.append(model.predict_log_proba(test_x)[range(len(test_y)), test_y].mean())
        return torch.tensor(worth, dtype=torch.float64)

    theirs = shapley(Game(value, 8, differentiable=False)).scores
    torch.testing.assert_close(shapley(game).scores, theirs, rtol=0, atol=1e-7)


@pytest.mark.parametrize(("learner", "classes", "utility"), CASES)
def test_copies_of_an_example_get_one_value(learner, classes, utility, dtype):
    if isinstance(learner, Network) and learner.batch:  # which batch an example falls into is its own
        learner = Network(learner.widths, learner.penalty, steps=learner.steps, rate=learner.rate)
    x, y, test_x, test_y = examples(5, 3, classes, dtype)
    x, y = torch.cat([x, x[:1]]), torch.cat([y, y[:1]])
    game = training_game(learner, x, y, test_x, test_y, utility=utility)
    for reading in (shapley, banzhaf, leave_one_out, gradient):
        scores = reading(game).scores
        close(scores[0], scores[-1], scale=10.0)


def test_an_example_without_features_is_nobody_and_a_constant_moves_all_alike():
    x, y, test_x, test_y = examples(6, 3, 1)
    x[2] = 0
    game = training_game(Ridge(0.5), x, y, test_x, test_y, utility="squared_error", average=True)
    found = shapley(game).scores
    assert found[2].abs() < 1e-12
    moved = Game(lambda gates: game.value(gates) + (gates.sum(1) == 0).double(), 6)
    close(shapley(moved).scores, found - 1 / 6)


def test_ridge_left_out_residuals_in_closed_form(dtype):
    x, y, _, _ = examples(9, 1, 1, dtype)
    game = training_game(Ridge(0.7), x, y, x, y, utility=lambda outputs, labels: labels - outputs)
    without = game.evaluate(1 - torch.eye(9, dtype=dtype)).diagonal()
    inverse = torch.linalg.inv(x.T @ x + 0.7 * torch.eye(3, dtype=dtype))
    leverage, residual = ((x @ inverse) * x).sum(1), y - x @ (inverse @ (x.T @ y))
    close(without, residual / (1 - leverage), scale=10.0)


def test_utilities_of_outputs_by_hand():
    odds, y = torch.tensor([[0.5, -1.0, 0.0]]).double(), torch.tensor([1, 1, 0])
    close(label_margins(odds, y), torch.tensor([[0.5, -1.0, 0.0]]).double())
    assert hits(odds, y).tolist() == [[1.0, 0.0, 1.0]]
    logits = torch.tensor([[[1.0, 2.0, 0.0]] * 3]).double()
    chance = logits[0, 0].softmax(0)
    close(label_margins(logits, torch.tensor([0, 1, 2]))[0], (chance / (1 - chance)).log())
    close(log_likelihoods(logits, torch.tensor([0, 1, 2]))[0], chance.log())
    assert hits(logits, torch.tensor([0, 1, 2])).tolist() == [[0.0, 1.0, 0.0]]


def test_the_readings_run_on_a_training_game_and_accuracy_is_hard():
    game = training_game(Logistic(1.0), *examples(8, 6, 2), utility="accuracy", average=True)
    assert not game.differentiable
    with pytest.raises(ValueError, match="differentiable"):
        gradient(game)
    with pytest.raises(ValueError, match="hard game"):
        game(torch.full((1, 8), 0.5))
    line = linear_surrogate(game, budget=2**8)
    close(line.scores, banzhaf(game).scores)
    assert set((tabulate(game) * 6).round().unique().tolist()) <= set(range(7))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"utility": "auc"}, "utility must be a function or one of"),
        ({"utility": None}, "utility must be a function or one of"),
        ({"test_x": torch.zeros(4, 2).double()}, "test_x must have rows of shape"),
        ({"test_x": torch.zeros(0, 3).double()}, "test_x must have rows of shape"),
        ({"test_y": torch.zeros(3).long()}, "test_y must have shape"),
        ({"test_x": torch.full((4, 3), torch.nan).double()}, "test_x and test_y must be finite"),
        ({"test_y": torch.full((4,), 7)}, "test_y must be class numbers"),
        ({"y": torch.arange(6)}, "y must be class numbers"),
        ({"x": torch.full((6, 3), torch.inf).double()}, "x and y must be finite"),
        ({"y": torch.zeros(5).long()}, "y must have shape"),
        ({"players": ["one"]}, "players must name 6"),
    ],
)
def test_bad_games_are_named(change, message):
    x, y, test_x, test_y = examples(6, 4, 2)
    arguments = {"x": x, "y": y, "test_x": test_x, "test_y": test_y} | change
    with pytest.raises(ValueError, match=message):
        training_game(Logistic(1.0), **arguments)


def test_one_class_of_labels_is_allowed_and_says_that_class():
    x, _, test_x, test_y = examples(6, 4, 2)
    game = training_game(Logistic(1.0), x, torch.ones(6).long(), test_x, test_y, average=True)
    assert all(torch.isfinite(end) for end in game.ends())


# ------------------------------------------------------------------------------------------------------- truncation


@pytest.mark.parametrize("n", [2, 5])
def test_truncation_at_zero_is_sampled_shapley(n, dtype):
    game = random_game(n, dtype=dtype, seed=n)
    orders = 30
    truncated = truncated_shapley(game, orders, 0.0, generator(1))
    budget = 2 + orders * (n - 1)
    sampled = shapley(game, "permutation", budget=budget, generator=generator(1), antithetic=False)
    close(truncated.scores, sampled.scores)
    close(truncated.standard_errors, sampled.standard_errors)
    assert truncated.evaluations == sampled.evaluations == budget


def test_truncation_credits_nothing_to_the_tail_and_keeps_efficiency_within_the_tolerance():
    game, rows = counting(random_game(6, seed=2))
    empty, full = game.ends()
    rows.clear()
    found = truncated_shapley(game, 200, 0.3, generator())
    assert found.evaluations == sum(rows) < 2 + 200 * 5
    assert abs(found.scores.sum() - (full - empty)) <= 0.3
    everything = truncated_shapley(game, 5, 1e6, generator())
    assert everything.scores.abs().max() == 0 and everything.evaluations == 2


def test_a_value_that_arrives_early_costs_little():
    game = Game(lambda gates: gates.sum(1).clamp(max=1), players=10)
    found = truncated_shapley(game, 400, 1e-9, generator())
    assert found.evaluations == 2 + 400
    assert ((found.scores - 0.1).abs() < 5 * found.standard_errors).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"orders": 1}, "orders must be at least 2"),
        ({"orders": 2.5}, "orders must be"),
        ({"tolerance": -0.1}, "tolerance must be"),
        ({"tolerance": float("nan")}, "tolerance must be"),
        ({"generator": 0}, "generator must be"),
        ({"game": random_game(3, (2,))}, "game must have one output"),
    ],
)
def test_bad_truncation_is_named(change, message):
    arguments = {"game": random_game(3), "orders": 4, "tolerance": 0.1, "generator": generator()} | change
    with pytest.raises(ValueError, match=message):
        truncated_shapley(**arguments)


# ------------------------------------------------------------------------------------------------ nearest neighbours


def crowd(n: int, t: int, dtype: torch.dtype, seed: int, ties: bool) -> tuple[Tensor, ...]:
    """Points of three classes; with `ties` on a small grid, so that distances repeat and rows come twice."""
    random = generator(seed)
    x = torch.randint(0, 3, (n + t, 2), generator=random) if ties else torch.randn(n + t, 2, generator=random)
    y = torch.randint(0, 3, (n + t,), generator=random)
    x = x.to(dtype)
    return x[:n], y[:n], x[n:], y[n:]


@pytest.mark.parametrize("ties", [False, True], ids=["apart", "ties"])
@pytest.mark.parametrize("k", [1, 2, 3, 7, 8, 11])
@pytest.mark.parametrize("n", [1, 7, 8])
def test_closed_forms_of_nearest_neighbours_are_those_of_their_game(n, k, ties, dtype):
    data = crowd(n, 5, dtype, seed=10 * n + k, ties=ties)
    game = knn_game(*data, k)
    close(knn_shapley(*data, k).scores, shapley(game).scores)
    close(knn_leave_one_out(*data, k).scores, leave_one_out(game).scores)
    empty, full = game.ends()
    assert empty == 0
    close(knn_shapley(*data, k).scores.sum(), full)


def test_the_value_of_nearest_neighbours_by_hand():
    x, y = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([1, 0, 1])
    game = knn_game(x, y, torch.tensor([[0.0]]), torch.tensor([1]), 2)
    assert tabulate(game).tolist() == [0, 0.5, 0, 0.5, 0.5, 1, 0.5, 0.5]  # bit i is row i


def test_a_copy_shares_in_nearest_neighbours_and_leave_one_out_gives_nothing():
    x, y = torch.tensor([[0.0], [0.0], [5.0]]), torch.tensor([1, 1, 0])
    target = torch.tensor([[0.0]]), torch.tensor([1])
    assert knn_leave_one_out(x, y, *target, 1).scores.tolist() == [0, 0, 0]
    close(knn_shapley(x, y, *target, 1).scores, torch.tensor([0.5, 0.5, 0.0]).double())


@pytest.mark.parametrize("method", [knn_game, knn_shapley, knn_leave_one_out])
def test_bad_neighbours_are_named(method):
    x, y, test_x, test_y = crowd(5, 3, torch.float64, 0, False)
    broken = x.clone()
    broken[1, 0] = torch.nan
    for k in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="k must be an integer"):
            method(x, y, test_x, test_y, k)
    for arguments in ((x[:, :1], y, test_x, test_y), (x[0], y, test_x, test_y), (x[:0], y[:0], test_x, test_y)):
        with pytest.raises(ValueError, match=r"x and test_x must be \(n, d\)"):
            method(*arguments, 2)
    for arguments in ((x, y[:2], test_x, test_y), (x, y, test_x, test_y[:1])):
        with pytest.raises(ValueError, match="one label per row"):
            method(*arguments, 2)
    with pytest.raises(ValueError, match="x and test_x must be finite"):
        method(broken, y, test_x, test_y, 2)


def test_every_named_utility_is_a_function_of_outputs_and_labels():
    for name, utility in UTILITIES.items():
        values = utility(torch.zeros(2, 3), torch.tensor([0, 1, 1]))
        assert values.shape == (2, 3), name


def test_detection_auc_is_the_area_of_scikit_learn(dtype):
    from sklearn.metrics import roc_auc_score

    scores = torch.randint(0, 5, (40,), generator=generator()).to(dtype)
    marked = torch.rand(40, generator=generator(1)) < 0.3
    assert detection_auc(scores, marked) == pytest.approx(roc_auc_score(marked, -scores))
    for bad in (torch.ones(40), torch.zeros(40), marked[:5]):
        with pytest.raises(ValueError, match="marked must be"):
            detection_auc(scores, bad)
