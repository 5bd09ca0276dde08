"""Datamodels, their score and TRAK against closed forms and SciPy; what the chapter states; its demos and claims."""

import matplotlib.pyplot as plt
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge as SklearnRidge

from course_lib import datasets
from course_lib.attribution.data import training_game
from course_lib.attribution.datamodels import (
    datamodel,
    fit_datamodel,
    held_out_fit,
    linear_datamodeling_score,
    margin_gradients,
    predicted_values,
    random_subsets,
    rank_correlations,
    trak,
)
from course_lib.attribution.learners import with_intercept
from course_lib.attribution.linear_learners import Logistic, Ridge, Softmax
from course_lib.attribution.network_learner import Network
from course_lib.claims.attribution import datamodels as claims
from course_lib.demos.attribution import datamodels as demos
from course_lib.games import Game, banzhaf, gradient, table_game
from tests.games.instances import close, generator


def tumours(n: int = 40, t: int = 6, dtype: torch.dtype = torch.float64) -> tuple:
    split = datasets.breast_cancer()
    rows = (split.train_x[:n, :8], split.test_x[:t, :8])
    x, test_x = (with_intercept(part).to(dtype) for part in rows)
    return x, split.train_y[:n], test_x, split.test_y[:t]


# ------------------------------------------------------------------------------------------------------- the line


def test_all_subsets_give_the_banzhaf_value(dtype):
    table = torch.randn(2**6, 3, generator=generator(), dtype=torch.float64).to(dtype)
    game = table_game(table)
    line = datamodel(game, 2**6)
    assert line.error_kind == "exact" and line.scores.dtype == dtype
    tolerance = 1e-10 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(line.scores, banzhaf(game).scores, atol=tolerance, rtol=0)


def test_the_mean_of_two_numbers_in_closed_form():
    a, b = 1.0, 3.0
    x, y = torch.ones(2, 1).double(), torch.tensor([a, b]).double()
    game = training_game(Ridge(penalty=1.0), x, y, x[:1], y[:1], utility=lambda outputs, _: outputs, average=True)
    line = datamodel(game, 4)
    close(line.scores, torch.tensor([(5 * a - b) / 12, (5 * b - a) / 12], dtype=torch.float64))
    assert abs(line.intercept.item() - (a + b) / 24) < 1e-12


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.8])
def test_an_additive_value_is_recovered_exactly(alpha, dtype):
    slopes = torch.randn(12, 2, generator=generator(1), dtype=torch.float64).to(dtype)
    game = Game(lambda g: 3 + g @ slopes, players=12, dtype=dtype)
    line = datamodel(game, 60, generator(2), alpha=alpha)
    tolerance = 1e-10 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(line.scores, slopes, atol=tolerance, rtol=0)
    torch.testing.assert_close(line.intercept, torch.full((2,), 3.0, dtype=dtype), atol=tolerance, rtol=0)
    assert (line.r_squared > 1 - tolerance).all()


def test_stored_retrainings_give_the_same_line(dtype):
    game = table_game(torch.randn(2**5, 2, generator=generator(), dtype=torch.float64).to(dtype))
    subsets = random_subsets(25, 5, 0.5, generator(3), dtype)
    stored, fresh = fit_datamodel(subsets, game.evaluate(subsets), ridge=0.3), datamodel(game, 25, generator(3), ridge=0.3)
    close(stored.scores, fresh.scores)
    close(stored.standard_errors, fresh.standard_errors)
    reference = SklearnRidge(alpha=0.3).fit(subsets.double().numpy(), game.evaluate(subsets).double().numpy())
    torch.testing.assert_close(stored.scores.double(), torch.tensor(reference.coef_).T, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(stored.intercept.double(), torch.tensor(reference.intercept_), atol=1e-5, rtol=1e-5)


def test_standard_errors_cover_the_banzhaf_value():
    game = table_game(torch.randn(2**8, generator=generator(4), dtype=torch.float64))
    truth, inside = banzhaf(game).scores, []
    for seed in range(30):
        line = datamodel(game, 120, generator(seed))
        inside.append(((line.scores - truth).abs() < 1.96 * line.standard_errors).double().mean())
    assert 0.9 < torch.stack(inside).mean() < 0.99


def test_subsets_of_one_size_leave_a_direction_free_and_centring_does_not_help():
    n, m = 8, 200
    ranks = torch.rand(m, n, generator=generator()).argsort(1).argsort(1)
    fixed, free, ones = (ranks < n // 2).double(), random_subsets(m, n, 0.5, generator()), torch.ones(m, 1).double()
    rank = torch.linalg.matrix_rank
    assert rank(torch.cat([free, ones], 1)) == n + 1
    assert rank(torch.cat([fixed, ones], 1)) == rank(torch.cat([fixed - 0.5, ones], 1)) == n
    with pytest.raises(ValueError, match="gates must determine"):
        fit_datamodel(fixed, fixed.sum(1))
    values = fixed @ torch.arange(n).double()
    assert abs(fit_datamodel(fixed, values, ridge=1e-3).scores.sum()) < 1e-6  # the sum is the ridge's choice


def test_probability_of_membership():
    drawn = random_subsets(4000, 10, 0.3, generator())
    assert ((drawn == 0) | (drawn == 1)).all() and abs(drawn.mean() - 0.3) < 0.01
    assert drawn.sum(1).std() > 1  # sizes vary


# ------------------------------------------------------------------------------------------------------ the ridge


def test_held_out_fit_is_that_of_the_lines_themselves(dtype):
    subsets, cut = random_subsets(40, 12, 0.5, generator(), dtype), 30
    values = (subsets.double() @ torch.randn(12, 3, generator=generator(1)).double()).to(dtype)
    values = values + torch.randn(40, 3, generator=generator(2)).to(dtype)
    ridges = [0.1, 2.0, 50.0]
    fits = held_out_fit(subsets, values, ridges)
    for ridge, fit in zip(ridges, fits, strict=True):
        line = fit_datamodel(subsets[:cut], values[:cut], ridge=ridge)
        missed = (values[cut:] - predicted_values(line.scores, subsets[cut:], line.intercept)).square().sum(0)
        spread = (values[cut:] - values[cut:].mean(0)).square().sum(0)
        assert abs((1 - missed / spread).mean() - fit) < (1e-9 if dtype == torch.float64 else 1e-4)


def test_with_as_few_subsets_as_examples_a_ridge_is_needed_and_found():
    subsets = random_subsets(60, 44, 0.5, generator())
    noise = torch.randn(60, 40, generator=generator(2)).double()
    values = subsets @ torch.randn(44, 40, generator=generator(1)).double() + noise
    fits = held_out_fit(subsets, values, [1e-6, 1.0, 1e6])
    assert fits.argmax() == 1 and fits[0] < 0
    with pytest.raises(ValueError, match="gates must determine"):
        fit_datamodel(subsets[:44], values[:44])


# ------------------------------------------------------------------------------------------------------ the score


def test_rank_correlations_are_scipys_with_ties(dtype):
    predicted = torch.randint(0, 4, (30, 5), generator=generator()).to(dtype)
    actual = torch.randint(0, 5, (30, 5), generator=generator(1)).to(dtype)
    expected = [spearmanr(a, b).statistic for a, b in zip(predicted.T.numpy(), actual.T.numpy(), strict=True)]
    torch.testing.assert_close(rank_correlations(predicted, actual), torch.tensor(expected).double())


def test_the_score_of_a_perfect_predictor_is_one_whatever_its_scale(dtype):
    subsets = random_subsets(50, 9, 0.5, generator(), dtype)
    slopes = torch.randn(9, 3, generator=generator(1)).to(dtype)
    values = predicted_values(slopes, subsets, 2.0)
    for scores in (slopes, 7 * slopes):
        assert abs(linear_datamodeling_score(scores, subsets, values) - 1) < 1e-3
    assert abs(linear_datamodeling_score(-slopes, subsets, values) + 1) < 1e-3
    bent = values.exp()  # only ranks count
    assert abs(linear_datamodeling_score(slopes, subsets, bent) - 1) < 1e-3


def test_in_sample_the_score_of_noise_looks_good():
    subsets, fresh = random_subsets(60, 40, 0.5, generator()), random_subsets(400, 40, 0.5, generator(1))
    noise, more = torch.randn(60, 20, generator=generator(2)).double(), torch.randn(400, 20, generator=generator(3)).double()
    line = fit_datamodel(subsets, noise)
    assert linear_datamodeling_score(line.scores, subsets, noise) > 0.7
    assert abs(linear_datamodeling_score(line.scores, fresh, more)) < 0.05


def test_the_score_does_not_depend_on_the_order_of_subsets_or_examples():
    subsets, scores = random_subsets(30, 6, 0.5, generator()), torch.randn(6, 2, generator=generator(1)).double()
    values = torch.randn(30, 2, generator=generator(2)).double()
    rows, players = torch.randperm(30, generator=generator(3)), torch.randperm(6, generator=generator(4))
    close(
        linear_datamodeling_score(scores[players], subsets[rows][:, players], values[rows]),
        linear_datamodeling_score(scores, subsets, values),
    )


# ----------------------------------------------------------------------------------------------------------- TRAK


def test_trak_with_newtons_curvature_is_the_influence_function(dtype):
    x, y, test_x, test_y = tumours(dtype=dtype)
    learner = Logistic(penalty=0.7)
    influence = gradient(training_game(learner, x, y, test_x, test_y), at=1.0).scores
    scores = trak(learner, x, y, test_x, test_y, ridge=0.7, curvature=True).scores
    tolerance = 1e-7 if dtype == torch.float64 else 2e-3
    torch.testing.assert_close(scores, influence, atol=tolerance, rtol=tolerance)


def test_one_model_by_the_formula(dtype):
    x, y, test_x, test_y = tumours(dtype=dtype)
    learner = Logistic(penalty=1.0)
    theta = learner.fit(x, y, torch.ones(1, len(x), dtype=dtype))[0]
    sign, test_sign = 2 * y.to(dtype) - 1, 2 * test_y.to(dtype) - 1
    phi, phi_test = sign[:, None] * x, test_sign[:, None] * test_x
    doubt = torch.sigmoid(-phi @ theta)
    expected = phi.double() @ torch.linalg.inv((phi.T @ phi).double()) @ phi_test.T.double() * doubt[:, None].double()
    scores = trak(learner, x, y, test_x, test_y).scores
    torch.testing.assert_close(scores.double(), expected, atol=1e-4, rtol=1e-3)
    assert trak(learner, x, y, test_x, test_y).standard_errors.isnan().all()


def test_trak_does_not_depend_on_the_units_of_the_inputs():
    x, y, test_x, test_y = tumours()
    theta = torch.randn(x.shape[1], generator=generator()).double()
    mixed = torch.randn(x.shape[1], x.shape[1], generator=generator(1)).double()

    class Fixed(Logistic):  # the same function in other coordinates
        def fit(self, x, y, weights):
            return self.at.expand(len(weights), -1)

    scores = []
    for matrix in (torch.eye(x.shape[1]).double(), mixed):
        learner = Fixed(penalty=1.0)
        object.__setattr__(learner, "at", torch.linalg.solve(matrix, theta))
        scores.append(trak(learner, x @ matrix, y, test_x @ matrix, test_y).scores)
    torch.testing.assert_close(*scores, atol=1e-7, rtol=1e-7)


def test_several_models_average_kernels_and_doubts_apart():
    x, y, test_x, test_y = tumours()
    learner, many = Logistic(penalty=1.0), {"models": 4, "alpha": 0.5, "ridge": 0.5}
    found = trak(learner, x, y, test_x, test_y, generator=generator(5), **many)
    kernels, doubts = [], []
    for theta in learner.fit(x, y, random_subsets(4, len(x), 0.5, generator(5))):
        margins, phi = margin_gradients(learner, theta, x, y)
        _, phi_test = margin_gradients(learner, theta, test_x, test_y)
        inverse = torch.linalg.inv(phi.T @ phi + 0.5 * torch.eye(phi.shape[1]))
        kernels.append(phi @ inverse @ phi_test.T)
        doubts.append(1 - torch.sigmoid(margins))
    torch.testing.assert_close(found.scores, torch.stack(kernels).mean(0) * torch.stack(doubts).mean(0)[:, None])
    assert found.evaluations == 4 and (found.standard_errors > 0).all()


def test_jackknife_errors_match_the_spread_over_runs():
    x, y, test_x, test_y = tumours()
    many = {"models": 12, "alpha": 0.5, "ridge": 1.0}
    runs = [trak(Logistic(penalty=1.0), x, y, test_x, test_y, generator=generator(seed), **many) for seed in range(25)]
    spread = torch.stack([run.scores for run in runs]).std(0).mean()
    said = torch.stack([run.standard_errors for run in runs]).mean()
    assert 0.75 < said / spread < 1.35


@pytest.mark.parametrize(
    "learner", [Softmax(penalty=1.0, classes=2), Network((9, 4, 1), steps=30), Network((9, 4, 2), steps=30)]
)
def test_other_learners_project_or_take_a_ridge(learner, dtype):
    x, y, test_x, test_y = tumours(dtype=dtype)
    for setting in ({"ridge": 1.0}, {"projection": 5, "generator": generator()}):
        scores = trak(learner, x, y, test_x, test_y, **setting).scores
        assert scores.shape == (len(x), len(test_x)) and scores.dtype == dtype and torch.isfinite(scores).all()


def test_two_logits_have_the_margin_gradients_of_one_log_odds():
    x, y, _, _ = tumours()
    theta = torch.randn(9, generator=generator()).double()
    both = torch.cat([-theta / 2, theta / 2])
    margins, gradients = margin_gradients(Logistic(penalty=1.0), theta, x, y)
    again, doubled = margin_gradients(Softmax(penalty=1.0, classes=2), both, x, y)
    close(margins, again)
    close(doubled, torch.cat([-gradients, gradients], 1))


# ------------------------------------------------------------------------------------------------------- bad input

Z, V = random_subsets(10, 3, 0.5, generator()), torch.randn(10, 2, generator=generator()).double()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_subsets(0, 3, 0.5, generator()), "count and n must"),
        (lambda: random_subsets(3, 3, 1.0, generator()), "alpha must"),
        (lambda: random_subsets(3, 3, 0.5, None), "generator must"),
        (lambda: datamodel(table_game(torch.zeros(16)), 8, None), "generator must"),
        (lambda: datamodel(table_game(torch.zeros(16)), 8, generator(), alpha=0.0), "probability must"),
        (lambda: fit_datamodel(Z, V[:9]), "values must have one row per subset"),
        (lambda: fit_datamodel(Z, V * torch.nan), "must be finite"),
        (lambda: fit_datamodel(Z, V, ridge=-1.0), "ridge must"),
        (lambda: held_out_fit(Z, V, []), "ridge must"),
        (lambda: held_out_fit(Z, V, [0.0]), "ridge must be finite and positive"),
        (lambda: held_out_fit(Z, V, [1.0], share=1.0), "share must"),
        (lambda: held_out_fit(Z, V * 0, [1.0]), "values must vary"),
        (lambda: predicted_values(V[:4], Z), "subsets must be"),
        (lambda: rank_correlations(V, V[:, :1]), "must both be"),
        (lambda: rank_correlations(V[:2], V[:2]), "m >= 3"),
        (lambda: rank_correlations(V * 0, V), "predicted must vary"),
        (lambda: rank_correlations(V, V * 0), "actual must vary"),
        (lambda: rank_correlations(V, V * torch.inf), "actual must be finite"),
        (lambda: trak(Logistic(penalty=1.0), *tumours(), models=0), "models must"),
        (lambda: trak(Logistic(penalty=1.0), *tumours(), models=3), "models must"),
        (lambda: trak(Logistic(penalty=1.0), *tumours(), models=3, alpha=0.5), "generator must"),
        (lambda: trak(Logistic(penalty=1.0), *tumours(), ridge=-1.0), "ridge must"),
        (lambda: trak(Logistic(penalty=1.0), *tumours(), projection=0, generator=generator()), "projection must"),
        (lambda: trak(Logistic(penalty=1.0), *tumours(n=5)), "ridge must be positive, or projection small"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------------------- demos and claims


@pytest.mark.parametrize("demo", [demos.number_of_retrainings, demos.share_of_the_examples])
def test_demos_draw_and_describe_their_corners(demo):
    for point in demo().corners():
        figure = demo().draw(**point)
        assert figure.axes and demo().describe(**point)
        plt.close(figure)


def test_the_score_of_the_demo_rises_with_the_number_of_retrainings():
    scores = [demos.score_after(count, "fresh") for count in (50, 200, 2000)]
    assert scores == sorted(scores)
    assert demos.score_after(50, "the same") > 0.95


def test_claims_on_a_small_scale():
    few = claims.beats_influence(100, training_sets=3)
    assert few.estimate < 0 and few.id.endswith("/100")
    assert claims.predicts_well("logistic", training_sets=3).estimate > 0.85
    assert abs(claims.one_slope_at_one_half(training_sets=3).estimate) < 0.1
    with pytest.raises(ValueError, match="learner must"):
        claims.predicts_well("forest")
