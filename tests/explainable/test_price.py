"""What the chapter on the price of explainability states: stored runs that reproduce, verdicts, demos, learners."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.core import VERDICTS, corrected_interval, mean_interval
from course_lib.claims.explainable import price as claims
from course_lib.data import make_price
from course_lib.demos.explainable import price as demos
from course_lib.explainable import learners, tabular
from course_lib.explainable.comparison import non_inferiority
from course_lib.explainable.interactions import additive_ceiling, dial, friedman, sample

EVERY = (*learners.SETTINGS, "EBM")


def test_the_file_holds_every_run_of_the_script():
    found = claims.stored()
    assert {(task, name) for task, name, _ in make_price.experiments()} == set(found)
    for (task, _), scores in found.items():
        draws = {claims.FACTS: make_price.FACT_SPLITS}.get(task, make_price.DIAL_DRAWS if task.startswith("dial") else 10)
        assert scores.outer.shape == scores.chosen.shape == (draws,) and scores.inner.shape == (draws, 3)
        assert (scores.inner.argmax(1) == scores.chosen).all() or scores.inner.diff(dim=1).abs().min() < 1e-4


@pytest.mark.parametrize("name", ["linear", "spline GAM", "boosting"])
def test_stored_folds_of_a_real_table_reproduce(name):
    again, kept = make_price.on_table("diabetes", name, first=1), claims.stored()["diabetes", name]
    assert again.outer[0].item() == pytest.approx(kept.outer[0].item(), abs=2e-4)
    assert again.chosen[0] == kept.chosen[0]


def test_a_stored_draw_of_networks_reproduces_roughly():
    again = make_price.on_draws(dial_half, 4, 200, make_price.DIAL_NOISE, 1, "MLP")
    assert again.outer[0].item() == pytest.approx(claims.stored()["dial 0.5 200", "MLP"].outer[0].item(), abs=0.05)


def dial_half(x):
    return dial(x, 0.5)


def test_explainable_boosting_reproduces():
    again, kept = make_price.on_table("diabetes", "EBM", first=1), claims.stored()["diabetes", "EBM"]
    assert again.outer[0].item() == pytest.approx(kept.outer[0].item(), abs=0.02)


def test_all_learners_have_the_same_budget():
    assert {len(make_price.learner(name, "regression").settings) for name in learners.SETTINGS} == {3}
    assert len(make_price.explainable_boosting("classification").settings) == 3


@pytest.mark.parametrize("kind", ["regression", "classification"])
@pytest.mark.parametrize("name", ["linear", "spline GAM", "NAM", "MLP", "boosting"])
def test_a_learner_learns_ignores_constant_columns_and_does_not_care_for_units(name, kind):
    x, y = sample(lambda rows: 3 * rows[:, 0] - rows[:, 1], 200, 3, noise=0.1, seed=0)
    y = y if kind == "regression" else (y > 1).double()
    score = tabular.Task("", x, y, kind).score
    known = learners.learner(name, kind)
    fit = known.fit(x[:150], y[:150], 0, **known.settings[0])
    assert score(y[150:], fit(x[150:])) > 0.85
    other = torch.cat([1000 * x + 5, torch.full((200, 1), 7.0).double()], 1)
    again = known.fit(other[:150], y[:150], 0, **known.settings[0])(other[150:])
    torch.testing.assert_close(again, fit(x[150:]), rtol=1e-2, atol=2e-2, check_dtype=False)


def test_unknown_words_are_refused():
    for call in (
        lambda: learners.learner("oracle", "regression"),
        lambda: learners.learner("NAM", "ranking"),
        lambda: tabular.load("iris"),
        lambda: claims.of("iris", "NAM"),
        lambda: claims.no_loss("diabetes", "oracles"),
    ):
        with pytest.raises(ValueError, match="must"):
            call()


@pytest.mark.parametrize(("name", "shape"), [("breast cancer", (569, 30)), ("diabetes", (442, 10))])
def test_tables_that_ship_with_scikit_learn(name, shape):
    task = tabular.load(name)
    assert task.x.shape == shape and task.x.dtype == task.y.dtype == torch.float64
    assert claims.KINDS[name] == task.kind and claims.margin(name) == task.margin


@pytest.mark.parametrize("name", tabular.LARGER)
def test_tables_that_ship_with_shapiq(name):
    task, again = tabular.load(name), tabular.load(name)
    assert len(task.x) == len(task.y) == tabular.ROWS and torch.isfinite(task.x).all() and (task.x == again.x).all()
    assert claims.KINDS[name] == task.kind
    if task.kind == "classification":
        assert set(task.y.tolist()) == {0.0, 1.0}


def test_digits_become_sixteen_amounts_of_ink():
    task = tabular.load("digits, odd or even")
    assert task.x.shape == (tabular.ROWS, 16) and task.x.max() <= 64 and set(task.y.tolist()) == {0.0, 1.0}


def test_the_spline_gam_keeps_below_the_ceiling_and_black_boxes_pass_it():
    additive, best = additive_ceiling(friedman, 5, noise=1.0)
    for name in ("linear", "spline GAM", "NAM"):
        assert mean_interval(claims.of("friedman", name))[1] < additive + 0.01
    for name in EVERY:
        assert claims.of("friedman", name).mean() < best
    assert all(claims.of("friedman", name).mean() > additive for name in ("EBM", *learners.BLACK_BOXES))
    assert claims.gap("friedman", *claims.FAMILIES["additive models"])[1] > additive - best, "at 500 rows the price is smaller"


def test_verdicts_follow_from_interval_and_margin_alone():
    for task in (*claims.TABLES, "friedman"):
        for family in claims.FAMILIES:
            record = claims.no_loss(task, family)
            assert record.low <= record.estimate <= record.high and record.verdict in VERDICTS
            assert record.verdict == non_inferiority(record.low, record.high, claims.margin(task))
            assert str(claims.margin(task)) in record.threshold
    assert claims.spline_gam_reaches_its_ceiling().seeds == make_price.DRAWS


def test_what_the_chapter_says_about_the_tables():
    verdicts = {claims.no_loss(table, family).verdict for table in claims.TABLES for family in claims.FAMILIES}
    assert verdicts == set(VERDICTS)
    plain, pairs = ({table: claims.gap(table, *names)[0] for table in claims.TABLES} for names in claims.FAMILIES.values())
    assert min(plain, key=plain.get) == "bike rentals" and pairs["bike rentals"] > plain["bike rentals"] / 2
    for names in claims.FAMILIES.values():
        _, low, high = claims.gap("diabetes", *names)
        assert low < -claims.margin("diabetes") < high
    assert claims.of("friedman", "NAM").mean() < claims.of("friedman", "spline GAM").mean()


def test_the_gam_follows_its_ceiling_down_and_is_ahead_where_nothing_interacts():
    for rho in make_price.DIAL:
        r2 = claims.of(f"dial {rho} 1000", "spline GAM").mean().item()
        assert -0.05 < r2 - (1 - rho) / (1 + make_price.DIAL_NOISE**2) < 0.02
    for rows in make_price.DIAL_ROWS:
        box = {rho: claims.of(f"dial {rho} {rows}", *learners.BLACK_BOXES).mean() for rho in (0.0, 0.5)}
        assert claims.of(f"dial 0.0 {rows}", "spline GAM").mean() > box[0.0]
        assert claims.of(f"dial 0.5 {rows}", "spline GAM").mean() < box[0.5]


def test_concepts_are_compared_split_by_split():
    record = claims.no_loss_through_concepts()
    assert record.seeds == make_price.SPLITS and record.verdict in VERDICTS
    assert record.estimate == pytest.approx(
        (claims.of(claims.SEGMENTS, "joint") - claims.of(claims.SEGMENTS, "black box")).mean().item()
    )
    assert claims.SEGMENTS == make_price.SEGMENTS


def test_a_backpack_is_compared_with_its_transformer_split_by_split():
    record = claims.no_loss_through_senses()
    alone, through_senses = claims.of(claims.FACTS, "transformer"), claims.of(claims.FACTS, "Backpack")
    assert record.seeds == make_price.FACT_SPLITS and record.verdict in VERDICTS
    assert record.estimate == pytest.approx((through_senses - alone).mean().item())
    again = make_price.on_facts("transformer", splits=1).outer
    assert again[0] == pytest.approx(alone[0].item(), abs=0.1), "the stored run, up to rounding that training enlarges"


def test_the_naive_interval_covers_too_rarely_and_the_corrected_one_does_not():
    naive, corrected = claims.interval_covers(False, sets=200), claims.interval_covers(True, sets=200)
    assert naive.verdict == "not supported" and naive.high < 0.7 and corrected.estimate > 0.88


def test_fold_differences_are_what_a_loop_over_folds_gives():
    table = claims.fold_differences(sets=2, repeats=1, seed=3)
    again = claims.fold_differences(sets=2, repeats=1, seed=3)
    assert table.shape == (2, 5) and torch.allclose(table, again, rtol=0, atol=1e-12)  # where a sum lies in memory can round it
    long = claims.fold_differences(3000, 1, seed=7).mean(1)
    mean, low, high = mean_interval(long)
    assert low - 0.01 < claims.true_difference() < high + 0.01
    # two standard features of weight 0.3 that are not read cost their variance, 0.18, less what fitting them costs
    assert 0.09 < claims.true_difference() < 0.18


def test_more_repeats_shrink_the_naive_interval_only():
    few, many = (claims.fold_differences(20, repeats, seed=5) for repeats in (1, 20))

    def width(interval, tables):
        return sum(high - low for _, low, high in map(interval, tables)) / len(tables)

    assert width(mean_interval, many) < 0.4 * width(mean_interval, few)
    kept = [width(lambda d: corrected_interval(d, claims.RATIO), tables) for tables in (few, many)]
    assert kept[1] > 0.5 * kept[0] and not math.isnan(kept[0])


@pytest.mark.parametrize("demo", [demos.share_of_interaction, demos.intervals_of_cross_validation])
def test_demos_draw_their_corners(demo):
    made = demo()
    for point in made.corners():
        plt.close(made.draw(**point))
        assert made.describe(**point).endswith(".")
