"""What the chapter on retraining states; its claims and its demos."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import datasets
from course_lib.attribution.data import detection_auc, knn_game, training_game
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic, Ridge
from course_lib.claims.attribution import retraining as claims
from course_lib.demos.attribution import retraining as demos
from course_lib.games import Game, leave_one_out, shapley
from tests.games.instances import close, generator


def test_the_left_out_residuals_of_a_line_through_the_origin(dtype):
    x, y = torch.tensor([1.0, 2, 3, 8], dtype=dtype), torch.tensor([1.2, 1.8, 3.4, 4.0], dtype=dtype)
    a, b = (x**2).sum() + 1, (x * y).sum()
    refits = Ridge(1.0).fit(x[:, None], y, 1 - torch.eye(4, dtype=dtype))[:, 0]
    close(refits, (b - x * y) / (a - x**2))
    close(y - refits * x, (y - b / a * x) / (1 - x**2 / a))


def test_a_mean_of_losses_pays_an_example_that_says_nothing():
    x, y = torch.randn(8, 3, generator=generator()).double(), torch.randn(8, generator=generator(1)).double()
    x[0] = 0
    game = training_game(Ridge(1.0), x, y, x[4:], y[4:], utility="squared_error", average=True)
    assert leave_one_out(game).scores[0].abs() < 1e-14
    averaged = Game(lambda gates: game.value(8 * gates / gates.sum(1, keepdim=True)), 8)
    assert leave_one_out(averaged).scores[0].abs() > 1e-4


def test_another_value_of_nobody_moves_every_shapley_value_alike():
    x, y = torch.randn(5, 1, generator=generator()), torch.tensor([0, 1, 1, 0, 1])
    game = knn_game(x, y, torch.zeros(1, 1), torch.ones(1), 2)
    moved = Game(lambda gates: game.value(gates) + 0.3 * (gates.sum(1) == 0).double(), 5)
    close(shapley(moved).scores, shapley(game).scores - 0.3 / 5)


def test_nearer_rows_present_are_uniform_under_shapleys_weights():
    n, i, k = 7, 4, 2  # of the i - 1 nearer rows, fewer than k are present with probability k / i
    joins = Game(lambda gates: gates[:, i] * (gates[:, : i - 1].sum(1) < k), n)  # worth 1 if it arrives among few
    swapped = Game(lambda gates: gates[:, i - 1] * (gates[:, : i - 1].sum(1) < k), n)
    for game, player in ((joins, i), (swapped, i - 1)):
        assert shapley(game).scores[player].item() == pytest.approx(k / i)


@pytest.mark.parametrize("make", [claims.flipped_digits, claims.flipped_tumours])
def test_flips_change_just_the_labels_they_mark(make):
    clean, flipped = make(3, flips=0), make(3)
    assert torch.equal(clean.x, flipped.x)
    assert torch.equal(clean.y != flipped.y, flipped.flipped)
    assert int(flipped.flipped.sum()) in (100, 16)
    rows = {tuple(row) for row in flipped.x.tolist()}
    assert not rows & {tuple(row) for row in flipped.value_x.tolist() + flipped.fresh_x.tolist()}


def test_share_found_of_known_scores():
    scores, flipped = torch.tensor([3.0, -1.0, 2.0, -2.0]), torch.tensor([False, True, True, False])
    assert claims.share_found(scores, flipped) == 0.5


@pytest.mark.parametrize("method", ["knn_shapley", "leave_one_out"])
def test_the_claim_on_low_values_has_an_interval_and_an_id(method):
    record = claims.low_values_are_flipped_labels(method, draws=3)
    assert record.low < record.estimate < record.high
    assert record.id == f"attribution/retraining/low_values_are_flipped_labels/{method}"
    with pytest.raises(ValueError, match="method must be one of"):
        claims.low_values_are_flipped_labels("banzhaf")


def test_the_claim_on_leave_one_out_depends_on_utility_and_penalty():
    coarse = claims.leave_one_out_is_enough("accuracy", 1.0, draws=3)
    fine = claims.leave_one_out_is_enough("log_likelihood", 10.0, draws=3)
    assert coarse.estimate > 0.1 > fine.estimate
    assert coarse.id != fine.id


def test_a_copy_gets_the_value_of_its_original_and_the_wrong_label_the_lowest():
    cancer = datasets.breast_cancer()
    pick = torch.tensor([*range(10), 0, 10])
    x, y = with_intercept(cancer.train_x[pick]), cancer.train_y[pick].clone()
    y[11] = 1 - y[11]
    rows = with_intercept(cancer.test_x), cancer.test_y
    scores = shapley(training_game(Logistic(1.0), x, y, *rows, utility="log_likelihood", average=True)).scores
    close(scores[0], scores[10])
    assert scores.argmin() == 11


def test_the_demo_of_orders_shrinks_its_whiskers_and_stays_near_the_exact_values():
    for utility in ("log_likelihood", "accuracy"):
        exact = shapley(demos.twelve(utility)).scores
        few, many = demos.sampled(utility, demos.ORDERS[0]), demos.sampled(utility, demos.ORDERS[-1])
        assert many.standard_errors.mean() < few.standard_errors.mean() / 4
        assert ((many.scores - exact).abs() < 5 * many.standard_errors + 1e-12).all()


def test_the_demo_of_flips_loses_them_with_the_test_labels_only():
    for flips in demos.FLIPS:
        data, scores = demos.flipped_values(flips, "none")
        assert detection_auc(scores, data.flipped) > 0.97
        data, scores = demos.flipped_values(flips, "90 %")
        assert 0.3 < detection_auc(scores, data.flipped) < 0.7


@pytest.mark.parametrize("demo", [demos.number_of_orders, demos.flip_labels])
def test_demos_draw_and_describe_at_the_corners(demo):
    for point in demo().corners():
        plt.close(demo().draw(**point))
        assert len(demo().describe(**point)) > 40
