"""Spline models against scipy and scikit-learn, the equations that their fits must solve, and backfitting."""

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline, make_smoothing_spline
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from course_lib.explainable.additive import AdditiveModel
from course_lib.explainable.bsplines import bspline_basis, curvature_penalty, quantile_knots
from course_lib.explainable.splines import backfit, explained_by_others, fit_spline_gam, smoother_matrix

KNOTS = torch.tensor([-1.0, -0.4, 0.1, 0.3, 2.0], dtype=torch.float64)


def data(b=120, n=4, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(b, n, generator=draw, dtype=torch.float64) * torch.tensor([1.0, 20.0, 0.01, 3.0])[:n] + 5
    z = (x - x.mean(0)) / x.std(0)
    y = torch.sin(2 * z[:, 0]) + z[:, -1] ** 2 + 0.3 * torch.randn(b, generator=draw, dtype=torch.float64)
    return x, y, z


def standardised(x):
    return ((x - x.mean(0)) / x.std(0, correction=0)).numpy()


def test_basis_equals_scipy():
    t = torch.linspace(-1, 2, 101, dtype=torch.float64)
    expected = BSpline.design_matrix(t.numpy(), np.pad(KNOTS.numpy(), 3, mode="edge"), 3).toarray()
    assert np.abs(bspline_basis(t, KNOTS).numpy() - expected).max() < 1e-14


def test_curvature_equals_fine_quadrature():
    coefficients = torch.randn(len(KNOTS) + 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    curve = BSpline(np.pad(KNOTS.numpy(), 3, mode="edge"), coefficients.numpy(), 3)
    t = np.linspace(-1, 2, 300_001)
    expected = np.trapezoid(curve(t, 2) ** 2, t)
    assert coefficients @ curvature_penalty(KNOTS) @ coefficients == pytest.approx(expected, rel=1e-6)


def test_one_feature_with_all_knots_is_the_smoothing_spline():
    x, y, _ = data(40, 1)
    x, order = x[:, 0].sort()
    y = y[order]
    model = fit_spline_gam(x[:, None], y, knots=40, penalty=0.7, ridge=0.0)
    t = (x - x.mean()) / x.std(correction=0)
    expected = make_smoothing_spline(t.numpy(), y.numpy(), lam=0.7)
    assert np.abs(model(x[:, None]).numpy() - expected(t.numpy())).max() < 1e-7


def test_regression_solves_the_joint_penalised_least_squares():
    x, y, _ = data()
    model = fit_spline_gam(x, y, knots=6, penalty=0.5, ridge=2.0)
    blocks, bends = [], []
    for column in standardised(x).T:  # an independent way: numpy, an augmented system, one column more per feature
        grid = np.quantile(column, np.linspace(0, 1, 6))
        basis = BSpline.design_matrix(column, np.pad(grid, 3, mode="edge"), 3).toarray()
        blocks.append(basis - basis.mean(0))
        bend = 0.5 * curvature_penalty(torch.from_numpy(grid)).numpy()
        values, vectors = np.linalg.eigh(bend)
        bends.append(np.vstack([np.sqrt(values.clip(0))[:, None] * vectors.T, np.sqrt(2.0 / len(x)) * blocks[-1]]))
    design = np.hstack([np.ones((len(x), 1)), *blocks])
    rows = sum(len(b) for b in bends)
    low, top, left = np.zeros((rows, design.shape[1])), 0, 1
    for bend in bends:
        low[top : top + len(bend), left : left + bend.shape[1]] = bend
        top, left = top + len(bend), left + bend.shape[1]
    solution = np.linalg.lstsq(np.vstack([design, low]), np.concatenate([y.numpy(), np.zeros(rows)]), rcond=1e-12)[0]
    assert np.abs(model(x).numpy() - design @ solution).max() < 1e-7
    first = design[:, 1:9] @ solution[1:9]
    assert np.abs(model.contributions(x)[:, 0].numpy() - first).max() < 1e-7


@pytest.mark.parametrize("ridge", [0.5, 4.0])
def test_stiff_regression_is_ridge_regression(ridge):
    x, y, _ = data()
    model = fit_spline_gam(x, y, penalty=1e6, ridge=ridge)
    expected = Ridge(alpha=ridge).fit(standardised(x), y.numpy()).predict(standardised(x))
    assert np.abs(model(x).numpy() - expected).max() < 1e-4


def test_stiff_classification_is_logistic_regression():
    x, y, _ = data()
    labels = (y > y.median()).long()
    model = fit_spline_gam(x, labels, kind="classification", penalty=1e6, ridge=2.0)
    expected = LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000).fit(standardised(x), labels.numpy())
    assert np.abs(model(x).numpy() - expected.decision_function(standardised(x))).max() < 1e-4


def test_without_penalties_it_is_least_squares_on_the_splines():
    x, y, _ = data()
    model = fit_spline_gam(x, y, knots=4, penalty=0.0, ridge=0.0)
    design = torch.cat([bspline_basis(c, quantile_knots(c, 4)) for c in torch.from_numpy(standardised(x)).T], 1)
    expected = LinearRegression().fit(design.numpy(), y.numpy()).predict(design.numpy())
    assert np.abs(model(x).numpy() - expected).max() < 1e-8


def test_logistic_fit_solves_its_score_equation():
    x, y, _ = data()
    labels = (y > y.median()).double()
    penalty, ridge = 0.3, 1.5
    model = fit_spline_gam(x, labels, kind="classification", knots=5, penalty=penalty, ridge=ridge)
    residual = labels - model(x).sigmoid()
    assert abs(residual.sum()) < 1e-7  # the intercept is not penalised
    t, values = torch.from_numpy(standardised(x)), model.contributions(x)
    for k in range(4):  # B_k' (y - p) is the gradient of the penalty, in every direction of the spline space
        grid = quantile_knots(t[:, k], 5)
        basis = bspline_basis(t[:, k], grid)
        basis = basis - basis.mean(0)
        c = torch.linalg.lstsq(basis, values[:, k][:, None], driver="gelsd").solution[:, 0]
        pull = penalty * curvature_penalty(grid) @ c + ridge * basis.T @ values[:, k] / len(x)
        assert (basis.T @ residual - pull).abs().max() < 1e-6


def test_the_shapes_are_smooth_and_straight_outside():
    x, y, _ = data(200, 2)
    shapes = fit_spline_gam(x, y, knots=8, penalty=0.1)
    low, high = x.amin(0), x.amax(0)
    width = high - low
    for start, sign in ((low, -1), (high, 1)):
        steps = torch.tensor([[0.0], [0.5], [1.0], [10.0]]).double()
        values = shapes.contributions(start + sign * steps * width)
        assert torch.allclose((values[1] - values[0]) * 2, values[2] - values[0])
        assert torch.allclose((values[1] - values[0]) * 20, values[3] - values[0])
    fine = torch.linspace(-0.2, 1.2, 20_001, dtype=torch.float64)[:, None]
    slope = shapes.contributions(low + fine * width).diff(dim=0) * 20_000
    assert slope.diff(dim=0).abs().max() < 0.05  # no jump of value or slope at a knot or an end


def test_shapes_are_centred_differentiable_and_keep_the_dtype(dtype):
    x, y, _ = data()
    model = fit_spline_gam(x, y)
    assert model.contributions(x).mean(0).abs().max() < 1e-12
    assert model(x.to(dtype)).dtype == dtype
    assert torch.allclose(model(x.to(dtype)).double(), model(x), atol=1e-3)
    assert torch.allclose(model.intercept, y.mean())
    z = x[:5].clone().requires_grad_()
    model(z).sum().backward()
    moved = (model(x[:5] + 1e-6 * torch.eye(4).double()[1]) - model(x[:5])) / 1e-6
    assert torch.allclose(z.grad[:, 1], moved, atol=1e-4)


def test_columns_do_not_mix_and_rows_may_come_in_any_number():
    x, y, _ = data()
    model = fit_spline_gam(x, y)
    assert torch.allclose(model.contributions(x)[:, 2], model.contributions(x * torch.tensor([0.0, 0, 1, 0]))[:, 2])
    assert model(x[:0]).shape == (0,) and torch.allclose(model(x[:1]), model(x)[:1])


def test_binary_and_tied_features():
    draw = torch.Generator().manual_seed(3)
    x = torch.stack([torch.randint(0, 2, (90,), generator=draw), torch.randint(0, 4, (90,), generator=draw)], 1).double()
    y = 3 * x[:, 0] + x[:, 1] ** 2
    model = fit_spline_gam(x, y, penalty=1e-8, ridge=0.0)
    assert torch.allclose(model(x), y, atol=1e-4)


def test_separable_classes_stay_finite():
    x = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
    model = fit_spline_gam(x, (x[:, 0] > 0).long(), kind="classification")
    assert torch.isfinite(model(x)).all() and ((model(x) > 0) == (x[:, 0] > 0)).all()


def test_backfitting_reaches_the_joint_fit():
    x, y, _ = data(80, 3)
    smoothers = torch.stack([smoother_matrix(c, knots=6, penalty=0.5, ridge=1.0) for c in x.T])
    joint = fit_spline_gam(x, y, knots=6, penalty=0.5, ridge=1.0)
    assert torch.allclose(backfit(y, smoothers), joint.contributions(x), atol=1e-8)


def test_backfitting_of_projections_is_least_squares(dtype):
    x, y, _ = data(60, 3)
    z = (x - x.mean(0)).to(dtype)
    smoothers = torch.stack([c[:, None] @ c[None] / (c @ c) for c in z.T])
    found = backfit(y.to(dtype), smoothers, tolerance=1e-6)
    expected = LinearRegression().fit(x.numpy(), y.numpy())
    assert np.abs(found.numpy() - z.numpy() * expected.coef_).max() < 1e-4


def test_smoothers_are_what_the_theorem_asks_for():
    x, _, _ = data(60, 1)
    matrix = smoother_matrix(x[:, 0], penalty=0.1)
    values = torch.linalg.eigvalsh(matrix)
    assert torch.allclose(matrix, matrix.T, atol=1e-9) and -1e-9 < values.min() and values.max() < 1
    assert matrix.sum(1).abs().max() < 1e-9


def test_backfitting_that_crawls_says_so():
    x, y, _ = data(60, 2)
    x[:, 1] = x[:, 0] + 1e-4 * x[:, 1]
    smoothers = torch.stack([smoother_matrix(c, penalty=1e-4, ridge=0.0) for c in x.T])
    with pytest.raises(RuntimeError, match="did not settle"):
        backfit(y, smoothers, sweeps=20)


def test_concurvity_beyond_pairs():
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(400, 4, generator=draw, dtype=torch.float64)
    x[:, 3] = -x[:, :3].sum(1)
    linear = AdditiveModel(torch.tensor(0.0), lambda z: z)
    assert explained_by_others(linear, x).min() > 0.99
    assert explained_by_others(linear, x[:, :3]).max() < 0.15
    flat = AdditiveModel(torch.tensor(0.0), lambda z: z * torch.tensor([1.0, 0.0, 1.0]))
    assert explained_by_others(flat, x[:, :3])[1] == 0


@pytest.mark.parametrize(
    "change, name",
    [
        ({"kind": "other"}, "kind"),
        ({"knots": 1}, "knots"),
        ({"knots": 3.0}, "knots"),
        ({"penalty": -1.0}, "penalty"),
        ({"ridge": torch.inf}, "ridge"),
        ({"y": torch.zeros(119)}, "x must be"),
        ({"x": torch.zeros(120)}, "x must be"),
        ({"x": torch.ones(120, 2)}, "constant"),
        ({"x": torch.full((120, 2), torch.nan)}, "finite"),
        ({"kind": "classification"}, "y must hold"),
    ],
)
def test_bad_input_is_named(change, name):
    x, y, _ = data()
    arguments = {"x": x, "y": y, **change}
    with pytest.raises(ValueError, match=name):
        fit_spline_gam(arguments.pop("x"), arguments.pop("y"), **arguments)


def test_bad_smoothers_are_named():
    with pytest.raises(ValueError, match="smoothers must be"):
        backfit(torch.zeros(3), torch.zeros(1, 2, 2))
