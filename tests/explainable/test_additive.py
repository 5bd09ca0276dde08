"""What the chapter on additive models states; its tables, demos and claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import datasets
from course_lib.attribution.features import feature_game
from course_lib.claims.explainable import additive as claims
from course_lib.demos.explainable import additive as demos
from course_lib.explainable.additive import AdditiveModel, importance
from course_lib.explainable.nam import fit_members
from course_lib.explainable.shape_plots import curve, shape_plot
from course_lib.explainable.splines import explained_by_others, fit_spline_gam
from course_lib.explainable.tables import diabetes, truth, twins
from course_lib.games import banzhaf, leave_one_out, shapley


def test_the_patients():
    split = diabetes()
    assert split.train_x.shape == (300, 10) and split.test_x.shape == (142, 10) and len(split.names) == 10
    assert 18 < split.train_x[:, 2].min() and split.train_x[:, 1].unique().tolist() == [1, 2]


def test_every_reading_of_a_fitted_model_is_the_centred_shape():
    split = diabetes()
    model = fit_spline_gam(split.train_x, split.train_y)
    patient, background = split.test_x[3], split.train_x[:10]
    centred = model.centred(background).contributions(patient[None])[0]
    game = feature_game(model, patient, background)
    for values in (shapley(game), banzhaf(game), leave_one_out(game)):
        torch.testing.assert_close(values.scores, centred, rtol=0, atol=1e-5)


def test_shapley_values_of_the_ten_quantities_of_a_tumour_add_up_their_columns():
    split = datasets.breast_cancer()
    model = fit_spline_gam(split.train_x, split.train_y, kind="classification")
    background = split.train_x[:5]
    values = shapley(feature_game(model, split.test_x[0], background, groups=split.groups)).scores
    centred = model.centred(background).contributions(split.test_x[:1])[0]
    expected = torch.zeros(10).double().index_add(0, split.groups, centred)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-6)


def test_lipids_determine_one_another():
    split = diabetes()
    shares = explained_by_others(fit_spline_gam(split.train_x, split.train_y), split.train_x)
    assert shares[4:9].min() > 0.6 > 0.5 > shares[[0, 1, 2, 3, 9]].max()


def test_twins_have_their_correlation_and_their_truth():
    x, y = twins(0.7, rows=20_000)
    assert torch.corrcoef(x.T)[0, 1] == pytest.approx(0.7, abs=0.02)
    assert (y - truth(x).sum(1)).std() == pytest.approx(1.0, abs=0.03)
    with pytest.raises(ValueError, match="correlation"):
        twins(1.5)


def test_the_fan_opens_and_a_ridge_closes_it_without_finding_the_truth():
    apart, alike, pressed = (demos.spreads(*point) for point in ((0.0, 0.01), (0.999, 0.01), (0.999, 30.0)))
    assert alike[0] > 4 * apart[0], "shapes fan out"
    assert alike[1] < 1.5 * apart[1], "predictions do not"
    assert pressed[0] < apart[0] and pressed[2] > 3 * apart[2], "stable, and wrong"


def test_plots_mark_the_row_and_show_the_data():
    model = AdditiveModel(torch.tensor(0.0), lambda x: 2 * x)
    at, values = curve(model, torch.zeros(3, 2), 1, -1.0, 1.0)
    assert torch.allclose(values, 2 * at)
    figure = shape_plot([model, model], torch.randn(9, 2), [0, 1], "ab", here=torch.ones(2), beyond=0.2)
    assert len(figure.axes) == 4
    plt.close(figure)


# ------------------------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize("table", claims.TABLES)
def test_stored_stories_reproduce(table):
    """Two seeds and the spline model on all training rows, anew; folds are checked by one of their errors."""
    found, again = claims.stored(table), claims.experiment(table, seeds=2, folds=0)
    kept = [0, 1, claims.SEEDS]
    for name in ("importances", "shapes"):
        old = found[name][kept]
        assert (again[name] - old).abs().max() < 0.02 * old.abs().max(), name
    old = found["correlations"][:, kept][:, :, kept]
    large = found["importances"].mean(0) > 0.05 * found["importances"].mean(0).max()
    assert (again["correlations"] - old)[large].abs().max() < 0.05
    assert found["errors"].shape == (claims.FOLDS, claims.SEEDS + 1)


def test_importances_of_the_stories_are_importances():
    split = datasets.breast_cancer()
    model = fit_spline_gam(split.train_x, split.train_y, kind="classification")
    expected = claims.stored("tumours")["importances"][claims.SEEDS]
    torch.testing.assert_close(importance(model, split.train_x), expected, rtol=1e-4, atol=1e-4)


def test_equally_good_is_the_one_standard_error_rule():
    errors = torch.tensor([[1.0, 1.4, 3.0], [2.0, 2.4, 4.0], [3.0, 3.4, 5.0]])
    assert claims.equally_good(errors).tolist() == [True, True, False]  # the standard error is 1 / sqrt(3)


def test_pairs_are_disjoint():
    for table in claims.TABLES:
        seeds = [j for pair in claims.pairs(table) for j in pair]
        assert len(set(seeds)) == len(seeds) and claims.SEEDS not in seeds
        assert all(j == claims.SEEDS for _, j in claims.pairs(table, "spline"))


def test_agreement_of_a_model_with_itself_is_one():
    found = claims.stored("patients")
    assert claims.rank_agreement(found, 3, 3) == pytest.approx(1) and claims.shape_agreement(found, 3, 3) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("rival", ["seed", "spline"])
@pytest.mark.parametrize("reading", claims.READINGS)
@pytest.mark.parametrize("table", claims.TABLES)
def test_claims_come_out_as_records(table, reading, rival):
    record = claims.same_story(table, reading, rival)
    assert record.low <= record.estimate <= record.high <= 1.1 and record.seeds >= 2
    assert record.verdict == ("supported" if record.low > 0.9 else "not supported" if record.high < 0.9 else "cannot tell")


def test_unknown_tables_are_named():
    with pytest.raises(ValueError, match="table must"):
        claims.stored("digits")


def test_members_are_what_the_chapter_says():
    split = diabetes()
    members = fit_members(split.train_x, split.train_y, members=2, epochs=30)
    background = split.train_x[:4].float()
    values = shapley(feature_game(members[0], split.test_x[0].float(), background)).scores
    expected = members[0].centred(background).contributions(split.test_x[:1].float())[0]
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("demo", [demos.seeds_of_a_nam, demos.concurvity_fans])
def test_demos_draw_their_corners(demo):
    made = demo()
    for point in made.corners():
        plt.close(made.draw(**point))
        assert "shape" in made.describe(**point)
