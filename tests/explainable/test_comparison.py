"""Fair comparison: scores against scikit-learn, intervals against a closed form and a simulation, no leak of test rows."""


import pytest
import torch
from sklearn.metrics import r2_score, roc_auc_score

from course_lib.explainable.comparison import (
    Learner,
    Scores,
    area_under_curve,
    cross_validate,
    nested_cross_validation,
    non_inferiority,
    pick_inside,
    r_squared,
    repeated_folds,
)


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def ridge(x, y, seed, penalty):
    solution = torch.linalg.solve(x.T @ x + penalty * torch.eye(x.shape[1]).to(x), x.T @ y)
    return lambda rows: rows @ solution


def test_scores_agree_with_scikit_learn(dtype):
    y, p = draw(50, dtype=dtype), draw(50, seed=1, dtype=dtype).round(decimals=0)
    assert r_squared(y, p) == pytest.approx(r2_score(y, p), rel=1e-5)
    labels = (y > 0.2).to(dtype)
    assert area_under_curve(labels, p) == pytest.approx(roc_auc_score(labels, p), rel=1e-6), "with many ties"
    with pytest.raises(ValueError, match="both classes"):
        area_under_curve(torch.ones(3), p[:3])


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.009, 0.02, "supported"),  # contains 0 and is evidence
        (-0.05, 0.05, "cannot tell"),  # contains 0 and is none
        (-0.008, -0.002, "supported"),  # a loss for sure, too small to matter
        (-0.03, -0.011, "not supported"),
        (-0.03, -0.001, "cannot tell"),
        (0.02, 0.5, "supported"),
    ],
)
def test_non_inferiority_looks_at_the_margin_and_not_at_zero(low, high, verdict):
    assert non_inferiority(low, high, 0.01) == verdict


def test_non_inferiority_wants_a_margin():
    with pytest.raises(ValueError, match="margin"):
        non_inferiority(-1, 1, 0.0)


def test_folds_are_partitions_and_may_be_stratified():
    y = torch.arange(23) % 2
    folds = repeated_folds(y, 5, 3, stratify=True)
    assert len(folds) == 15
    for repeat in range(3):
        tests = torch.cat([test for _, test in folds[5 * repeat : 5 * repeat + 5]])
        assert sorted(tests.tolist()) == list(range(23))
    assert all(not set(train.tolist()) & set(test.tolist()) for train, test in folds)
    assert {int(y[test].sum()) for _, test in folds} <= {2, 3}


def test_nested_cross_validation_equals_one_written_out():
    x, y = draw(40, 6), draw(40, seed=1)
    y = y + x[:, 0]
    learner = Learner("ridge", ridge, tuple({"penalty": p} for p in (0.01, 10.0, 1000.0)))
    outer = repeated_folds(y, 4, 1, seed=3)
    found = nested_cross_validation(learner, x, y, r_squared, outer, inner=3, seed=5)
    for number, (train, test) in enumerate(outer):
        inner = repeated_folds(y[train], 3, seed=5 + number)
        means = [
            sum(r_squared(y[train][b], ridge(x[train][a], y[train][a], 0, p)(x[train][b])) for a, b in inner) / 3
            for p in (0.01, 10.0, 1000.0)
        ]
        best = max(range(3), key=lambda k: means[k])
        assert found.chosen[number] == best
        torch.testing.assert_close(found.inner[number], torch.tensor(means, dtype=torch.float64))
        expected = r_squared(y[test], ridge(x[train], y[train], 0, (0.01, 10.0, 1000.0)[best])(x[test]))
        assert found.outer[number].item() == pytest.approx(expected)


def test_no_fit_and_no_choice_sees_a_test_row():
    x, y = draw(30, 2), draw(30, seed=1)
    x[:, 0] = torch.arange(30)  # the rows' numbers
    seen = []

    def spy(rows, labels, seed, k):
        seen.append(set(rows[:, 0].long().tolist()))
        return lambda new: new[:, 1] * k

    outer = repeated_folds(y, 5, seed=0)
    nested_cross_validation(Learner("spy", spy, ({"k": 1.0}, {"k": 2.0})), x, y, r_squared, outer, inner=3)
    fits = len(seen) // len(outer)
    assert fits == 2 * 3 + 1
    for number, (train, test) in enumerate(outer):
        mine = seen[number * fits : (number + 1) * fits]
        assert all(not rows & set(test.tolist()) for rows in mine)
        assert mine[-1] == set(train.tolist()), "the last fit uses all training rows"


def test_changing_the_test_labels_changes_no_choice():
    x, y = draw(40, 6), draw(40, seed=1)
    learner = Learner("ridge", ridge, tuple({"penalty": p} for p in (0.01, 1.0, 100.0)))
    train, test = repeated_folds(y, 4)[0]
    changed = y.clone()
    changed[test] = 100 * draw(len(test), seed=9)
    first, second = (nested_cross_validation(learner, x, labels, r_squared, [(train, test)]) for labels in (y, changed))
    torch.testing.assert_close(first.inner, second.inner)
    assert first.outer != second.outer


def test_picking_inside_is_not_picking_the_best():
    one = Scores(torch.tensor([0.9, 0.1]), torch.tensor([0, 0]), torch.tensor([[0.5, 0.1], [0.2, 0.1]]))
    two = Scores(torch.tensor([0.3, 0.8]), torch.tensor([0, 0]), torch.tensor([[0.4, 0.6], [0.1, 0.0]]))
    assert pick_inside([one, two]).tolist() == pytest.approx([0.3, 0.1])


def test_a_learner_without_settings_is_refused():
    with pytest.raises(ValueError, match="setting"):
        nested_cross_validation(Learner("none", ridge, ()), draw(9, 2), draw(9), r_squared, [])


def test_the_same_seed_gives_the_same_scores():
    x, y = draw(20, 2), draw(20, seed=1)
    noisy = Learner("noisy", lambda a, b, seed: lambda rows: draw(len(rows), seed=seed), ({},))
    folds = repeated_folds(y, 4)
    one, two, other = (cross_validate(noisy, x, y, r_squared, folds, seed=s) for s in (0, 0, 1))
    assert (one == two).all() and (one != other).all()
