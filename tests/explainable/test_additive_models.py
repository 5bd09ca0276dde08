"""Additive models, centring, importance, concurvity, purification; and that their Shapley values are centred shapes."""

import pytest
import torch

from course_lib.attribution.features import feature_game
from course_lib.explainable.additive import AdditiveModel, concurvity, importance, mean_concurvity
from course_lib.explainable.purification import purify
from course_lib.games import shapley

DRAW = torch.Generator().manual_seed(0)


def waves(x):
    return torch.sin(x) + torch.arange(x.shape[1]).to(x) * x + 3


def model(dtype=torch.float64):
    return AdditiveModel(torch.tensor(2.0, dtype=dtype), waves)


def rows(b=50, n=5, dtype=torch.float64):
    return torch.randn(b, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


def test_prediction_is_the_sum(dtype):
    x = rows(dtype=dtype)
    assert torch.allclose(model(dtype)(x), 2 + waves(x).sum(1))
    assert model(dtype)(x).dtype == dtype


def test_centring_keeps_predictions_and_is_idempotent(dtype):
    x, weights = rows(dtype=dtype), torch.rand(50, generator=torch.Generator().manual_seed(2)).to(dtype)
    once = model(dtype).centred(x, weights)
    twice = once.centred(x, weights)
    new = rows(7, dtype=dtype) + 3
    assert torch.allclose(once(new), model(dtype)(new), atol=1e-4 if dtype == torch.float32 else 1e-12)
    means = (weights[:, None] * once.contributions(x)).sum(0) / weights.sum()
    assert means.abs().max() < 1e-5
    assert torch.allclose(twice.contributions(new), once.contributions(new), atol=1e-5)
    assert torch.allclose(twice.intercept, once.intercept, atol=1e-5)
    assert torch.allclose(model(dtype).centred(x).intercept, model(dtype)(x).mean())


def test_importance_ignores_constants():
    x = rows()
    moved = AdditiveModel(torch.tensor(0.0), lambda z: waves(z) + 100)
    assert torch.allclose(importance(moved, x), importance(model(), x))


def test_concurvity_is_the_correlation_of_contributions(dtype):
    x = rows(dtype=dtype)
    expected = torch.corrcoef(waves(x).T)
    assert torch.allclose(concurvity(model(dtype), x), expected, atol=1e-5)
    off = expected[torch.triu(torch.ones(5, 5), 1).bool()].abs().mean()
    assert torch.allclose(mean_concurvity(model(dtype), x), off, atol=1e-5)


def test_concurvity_of_a_flat_shape_is_zero():
    flat = AdditiveModel(torch.tensor(0.0), lambda z: z * torch.tensor([1.0, 0.0]) + 5)
    assert concurvity(flat, rows(n=2)).tolist() == [[pytest.approx(1.0), 0.0], [0.0, 0.0]]


def test_pairs_miss_what_three_contributions_share():
    x = rows(2000, 6)
    x[:, 5] = -x[:, :5].sum(1)  # the sixth is exactly minus the sum of the others
    linear = AdditiveModel(torch.tensor(0.0), lambda z: z)
    assert mean_concurvity(linear, x) < 0.2


def test_shapley_values_are_centred_shapes(dtype):
    x, background = rows(3, dtype=dtype) + 1, rows(20, dtype=dtype)
    centred = model(dtype).centred(background)
    for row in x:
        found = shapley(feature_game(model(dtype), row, background)).scores
        assert torch.allclose(found, centred.contributions(row[None])[0], atol=1e-4 if dtype == torch.float32 else 1e-10)


def test_shapley_values_of_groups_are_sums_of_centred_shapes():
    row, background, groups = rows(1)[0] + 1, rows(20), torch.tensor([0, 1, 0, 1, 2])
    found = shapley(feature_game(model(), row, background, groups=groups)).scores
    centred = model().centred(background).contributions(row[None])[0]
    assert torch.allclose(found, torch.zeros(3).double().index_add(0, groups, centred))


@pytest.mark.parametrize(
    "x", [torch.zeros(3), torch.zeros(2, 3).long(), torch.zeros(2, 2)], ids=["one axis", "integers", "columns"]
)
def test_bad_rows_are_named(x):
    with pytest.raises(ValueError, match="x must"):
        AdditiveModel(torch.tensor(0.0), waves, ("a", "b", "c"))(x)


def test_bad_shapes_and_weights_are_named():
    with pytest.raises(ValueError, match="shapes must return"):
        AdditiveModel(torch.tensor(0.0), lambda x: x.sum(1))(rows())
    for weights in (torch.zeros(50), torch.ones(49), -torch.ones(50)):
        with pytest.raises(ValueError, match="weights must"):
            model().centred(rows(), weights)
    with pytest.raises(ValueError, match="at least one row"):
        model().centred(rows(0))
    with pytest.raises(ValueError, match="at least two features"):
        mean_concurvity(model(), rows(n=1))


# ------------------------------------------------------------------------------------------------- purification


def tables(p=4, q=6, dtype=torch.float64):
    return [torch.randn(s, generator=DRAW, dtype=torch.float64).to(dtype) for s in ((p,), (q,), (p, q))]


def total(intercept, main1, main2, pair):
    return intercept + main1[:, None] + main2[None, :] + pair


def mass_moving(pair, weights, sweeps=3000):
    """Lengerich et al., 2020, algorithm 1 for one pair: move row means, then column means, until nothing moves."""
    pair, moved1, moved2 = pair.clone(), torch.zeros(len(pair)).double(), torch.zeros(pair.shape[1]).double()
    for _ in range(sweeps):
        step = (weights * pair).sum(1) / weights.sum(1)
        moved1, pair = moved1 + step, pair - step[:, None]
        step = (weights * pair).sum(0) / weights.sum(0)
        moved2, pair = moved2 + step, pair - step[None, :]
    return moved1, moved2, pair


def test_purify_keeps_totals_and_means_vanish(dtype):
    main1, main2, pair = tables(dtype=dtype)
    weights = torch.rand(4, 6, generator=DRAW).to(dtype)
    pure = purify(main1, main2, pair, weights)
    close = {"atol": 1e-5 if dtype == torch.float32 else 1e-12}
    assert torch.allclose(total(*pure), total(0, main1, main2, pair), **close)
    assert torch.allclose((weights * pure.pair).sum(0), torch.zeros(6, dtype=dtype), **close)
    assert torch.allclose((weights * pure.pair).sum(1), torch.zeros(4, dtype=dtype), **close)
    assert abs(weights.sum(1) @ pure.main1) < 1e-5 and abs(weights.sum(0) @ pure.main2) < 1e-5
    again = purify(*pure[1:], weights)
    assert torch.allclose(again.pair, pure.pair, **close) and abs(again.intercept) < 1e-5


def test_purify_equals_mass_moving():
    main1, main2, pair = tables()
    weights = torch.rand(4, 6, generator=DRAW).double() ** 3
    moved1, moved2, rest = mass_moving(pair, weights)
    pure = purify(main1, main2, pair, weights)
    assert torch.allclose(pure.pair, rest, atol=1e-9)
    assert torch.allclose(pure.main1 - pure.main1.mean(), main1 + moved1 - (main1 + moved1).mean(), atol=1e-9)


def test_purify_with_uniform_weights_is_double_centring():
    main1, main2, pair = tables()
    pure = purify(main1, main2, pair, torch.ones(4, 6).double())
    expected = pair - pair.mean(0) - pair.mean(1, keepdim=True) + pair.mean()
    assert torch.allclose(pure.pair, expected)


def test_purify_of_correlated_data_is_not_double_centring():
    main1, main2, pair = tables(3, 3)
    weights = torch.eye(3).double() + 0.1
    rows_, columns = weights.sum(1) / weights.sum(), weights.sum(0) / weights.sum()
    double = pair - (rows_ @ pair) - (pair @ columns)[:, None] + rows_ @ pair @ columns
    assert (purify(main1, main2, pair, weights).pair - double).abs().max() > 0.05


def test_purify_moves_nothing_out_of_an_empty_row():
    main1, main2, pair = tables()
    weights = torch.ones(4, 6).double()
    weights[2] = 0
    pure = purify(main1, main2, pair, weights)
    assert torch.allclose(total(*pure), total(0, main1, main2, pair))
    assert torch.allclose((weights * pure.pair).sum(0), torch.zeros(6).double(), atol=1e-12)
    kept = [i for i in range(4) if i != 2]
    filled = purify(main1[kept], main2, pair[kept], weights[kept])
    assert torch.allclose(pure.pair[kept], filled.pair)


@pytest.mark.parametrize("shares", [1e-6, 1e-9])
def test_purify_sees_rows_of_little_weight(shares):
    main1, main2, pair = tables()
    weights = torch.ones(4, 6).double()
    weights[1] *= shares
    pure = purify(main1, main2, pair, weights)
    assert pure.pair[1].mean().abs() < 1e-6


def test_purify_names_bad_input():
    main1, main2, pair = tables()
    weights = torch.ones(4, 6)
    for arguments, name in (
        ((main2, main2, pair, weights), "main1"),
        ((main1, main1, pair, weights), "main2"),
        ((main1, main2, pair[0], weights), "pair"),
        ((main1, main2, pair, weights.T), "weights"),
        ((main1, main2, pair, -weights), "weights"),
        ((main1, main2, pair, 0 * weights), "weights"),
        ((main1, main2, pair * torch.nan, weights), "pair"),
    ):
        with pytest.raises(ValueError, match=name):
            purify(*arguments)
