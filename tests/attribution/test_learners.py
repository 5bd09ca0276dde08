"""Learners beside scikit-learn and beside plain training loops, and their derivatives beside finite differences."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge
from torch import Tensor, nn

from course_lib import datasets
from course_lib.attribution.learners import objective, with_intercept
from course_lib.attribution.linear_learners import Logistic, Ridge, Softmax
from course_lib.attribution.network_learner import Network
from course_lib.models import MLP
from tests.games.instances import close, generator

SOLVED = [(Ridge(0.7), 1), (Logistic(0.7), 2), (Softmax(0.7, 3), 3)]
EVERY = [*SOLVED, (Network((4, 5, 1), steps=20), 2), (Network((4, 5, 3), penalty=0.1, steps=20, batch=8), 3)]
NAMES = ["ridge", "logistic", "softmax", "network", "classes"]


def rows(n: int, d: int, classes: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Examples, labels (numbers for one class) and weights from 0 to 2, a third of them 0."""
    random = generator(seed)
    x = torch.randn(n, d, generator=random, dtype=torch.float64).to(dtype)
    y = torch.randn(n, generator=random, dtype=torch.float64).to(dtype) if classes == 1 else torch.arange(n) % classes
    weights = 2 * torch.rand(3, n, generator=random, dtype=torch.float64)
    weights[:, ::3] = 0
    weights[0] = 1
    return x, y, weights.to(dtype)


def of_sklearn(learner, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """scikit-learn's minimum for one row of weights, as a flat vector."""
    if isinstance(learner, Ridge):
        model = SklearnRidge(alpha=learner.penalty, fit_intercept=False, solver="cholesky")
    else:
        options = {"tol": 1e-12, "max_iter": 10_000, "solver": "newton-cholesky" if isinstance(learner, Logistic) else "lbfgs"}
        model = LogisticRegression(C=1 / learner.penalty, fit_intercept=False, **options)
    model.fit(x.double().numpy(), y.numpy(), sample_weight=weights.double().numpy())
    return torch.from_numpy(np.atleast_2d(model.coef_)).flatten()


@pytest.mark.parametrize(("learner", "classes"), SOLVED, ids=NAMES[:3])
def test_solved_learners_are_at_scikit_learns_minimum(learner, classes, dtype):
    x, y, weights = rows(40, 4, classes, dtype)
    theirs = torch.stack([of_sklearn(learner, x, y, row) for row in weights])
    tolerance = 1e-4 if dtype == torch.float32 else 1e-10 if classes < 3 else 1e-6  # lbfgs stops before the last digits
    torch.testing.assert_close(learner.fit(x, y, weights).double(), theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("learner", "classes"), SOLVED, ids=NAMES[:3])
def test_the_objective_has_no_slope_at_the_fit(learner, classes):
    x, y, weights = rows(60, 4, classes)
    theta = learner.fit(x, y, weights).detach().requires_grad_()
    (slope,) = torch.autograd.grad(objective(learner, theta, x, y, weights).sum(), theta)
    close(slope, torch.zeros_like(slope))


def test_two_softmax_classes_are_logistic_with_half_of_the_penalty():
    x, y, weights = rows(30, 4, 2)
    theta = Softmax(2.0, 2).fit(x, y, weights).reshape(3, 2, 4)  # two opposite halves: half of the norm of their difference
    close(theta[:, 1] - theta[:, 0], Logistic(1.0).fit(x, y, weights))
    close(theta.sum(1), torch.zeros(3, 4, dtype=torch.float64))


@pytest.mark.parametrize(("learner", "classes"), SOLVED, ids=NAMES[:3])
def test_a_weight_of_zero_is_absence_and_of_two_a_copy(learner, classes, dtype):
    x, y, _ = rows(12, 4, classes, dtype)
    weights = torch.ones(1, 12, dtype=dtype)
    weights[0, 3], weights[0, 5] = 0, 2
    kept = [i for i in range(12) if i != 3] + [5]
    alone = learner.fit(x[kept], y[kept], torch.ones(1, 12, dtype=dtype))
    close(learner.fit(x, y, weights), alone, scale=10.0)


@pytest.mark.parametrize(("learner", "classes"), SOLVED, ids=NAMES[:3])
def test_no_examples_leave_the_origin_and_one_class_still_has_a_fit(learner, classes, dtype):
    x, y, _ = rows(12, 4, classes, dtype)
    weights = torch.stack([torch.zeros(12), (y == y[0]).float()]).to(dtype)
    theta = learner.fit(x, y, weights)
    assert theta[0].abs().max() == 0 and torch.isfinite(theta).all()


@pytest.mark.parametrize(("learner", "classes"), EVERY, ids=NAMES)
def test_many_fits_are_the_same_as_one_by_one_and_again(learner, classes, dtype):
    x, y, weights = rows(12, 4, classes, dtype)
    together = learner.fit(x, y, weights.repeat(90, 1))
    assert torch.equal(together, learner.fit(x, y, weights.repeat(90, 1)))
    alone = torch.cat([learner.fit(x, y, row[None]) for row in weights])
    close(together[-3:], alone, scale=10.0)
    assert together.dtype == dtype


@pytest.mark.parametrize(("learner", "classes"), EVERY, ids=NAMES)
def test_derivatives_in_the_weights_are_finite_differences(learner, classes):
    x, y, weights = rows(12, 4, classes)
    weights = weights[1:2].clone()
    direction = torch.randn(12, generator=generator(1), dtype=torch.float64)[None]
    weights = weights + 0.5
    readout = torch.randn(learner.fit(x, y, weights).shape[1], generator=generator(2), dtype=torch.float64)
    moving = weights.clone().requires_grad_()
    (slope,) = torch.autograd.grad((learner.fit(x, y, moving) @ readout).sum(), moving)
    step = 1e-5
    ahead, behind = (learner.fit(x, y, weights + sign * step * direction) @ readout for sign in (1, -1))
    torch.testing.assert_close((slope * direction).sum(), ((ahead - behind) / (2 * step)).sum(), rtol=1e-6, atol=1e-7)


def plain_loop(learner: Network, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """One training run with an ordinary model and `torch.optim.SGD`."""
    model = MLP(list(learner.widths), learner.activation, learner.seed).to(x.dtype)
    optimiser = torch.optim.SGD(model.parameters(), lr=learner.rate, momentum=learner.momentum)
    random, n = generator(learner.seed), len(x)
    batches = []
    while len(batches) < learner.steps:
        size = learner.batch or n
        order = torch.arange(n) if learner.batch is None else torch.randperm(n, generator=random)
        batches += [part for part in order.split(size) if len(part) == size]
    for part in batches[: learner.steps]:
        optimiser.zero_grad()
        output = model(x[part])
        if output.dim() == 1:
            losses = nn.functional.binary_cross_entropy_with_logits(output, y[part].to(x.dtype), reduction="none")
        else:
            losses = nn.functional.cross_entropy(output, y[part], reduction="none")
        penalty = learner.penalty / (2 * n) * sum(parameter.square().sum() for parameter in model.parameters())
        ((weights[part] * losses).sum() / len(part) + penalty).backward()
        optimiser.step()
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus"])
@pytest.mark.parametrize(("last", "batch", "penalty"), [(1, None, 0.0), (3, None, 0.5), (1, 5, 0.5), (3, 5, 0.0)])
def test_the_network_is_a_plain_loop_of_sgd(activation, last, batch, penalty, dtype):
    learner = Network((4, 6, last), penalty, activation, steps=40, rate=0.2, batch=batch, seed=3)
    x, y, weights = rows(17, 4, max(2, last), dtype)
    theirs = torch.stack([plain_loop(learner, x, y, row) for row in weights])
    got = learner.fit(x, y, weights)
    tolerance = 1e-11 if dtype == torch.float64 else 2e-4
    torch.testing.assert_close(got, theirs, rtol=0, atol=tolerance)
    model = MLP([4, 6, last], activation).to(dtype)
    theta = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    close(learner.outputs(theta[None], x)[0], model(x).detach())


def test_a_network_starts_from_its_seed_and_counts_absent_examples_in_its_step():
    x, y, _ = rows(10, 4, 2)
    first, second = Network((4, 3, 1), seed=1), Network((4, 3, 1), seed=2)
    nobody = torch.zeros(1, 10, dtype=torch.float64)
    assert torch.equal(first.fit(x, y, nobody)[0], first.start().double())  # without a penalty nothing pulls
    assert not torch.equal(first.start(), second.start())


@pytest.mark.parametrize(("learner", "classes"), EVERY, ids=NAMES)
def test_losses_are_minus_log_likelihoods_or_half_squares(learner, classes, dtype):
    x, y, weights = rows(9, 4, classes, dtype)
    theta = learner.fit(x, y, weights)
    outputs = learner.outputs(theta, x)
    if classes == 1:
        expected = (outputs - y).square() / 2
    elif outputs.dim() == 2:
        expected = -torch.where(y == 1, outputs.sigmoid(), 1 - outputs.sigmoid()).log()
    else:
        expected = -outputs.softmax(2)[:, torch.arange(9), y].log()
    close(learner.losses(theta, x, y), expected, scale=10.0)


def test_separable_classes_and_weak_penalties_are_solved():
    cancer = datasets.breast_cancer()
    x, y = with_intercept(cancer.train_x), cancer.train_y
    for penalty in (1e-6, 1e-3, 1e3):
        learner = Logistic(penalty)
        theta = learner.fit(x, y, torch.ones(1, len(x), dtype=torch.float64)).detach().requires_grad_()
        (slope,) = torch.autograd.grad(objective(learner, theta, x, y, torch.ones(1, len(x)).double()).sum(), theta)
        assert slope.abs().max() < 1e-5 * max(1, penalty)


@pytest.mark.parametrize("make", [Ridge, Logistic, lambda penalty: Softmax(penalty, 3)], ids=NAMES[:3])
@pytest.mark.parametrize("penalty", [0.0, -1.0, float("nan"), float("inf")])
def test_a_penalty_must_be_positive(make, penalty):
    with pytest.raises(ValueError, match="penalty must be positive"):
        make(penalty)


@pytest.mark.parametrize(("learner", "classes"), EVERY, ids=NAMES)
def test_bad_rows_are_named(learner, classes):
    x, y, weights = rows(8, 4, classes)
    broken = x.clone()
    broken[2, 1] = torch.nan
    bad_weights = torch.where(torch.arange(8) == 2, torch.nan, weights)
    cases = {
        "x must be a floating-point": [(x.long(), y, weights), (x[:, 0], y, weights), (x[:0], y[:0], weights[:, :0])],
        "y must have shape": [(x, y[:5], weights), (x, y[:, None], weights)],
        "weights must have shape": [(x, y, weights[0]), (x, y, weights[:, :5])],
        "x and y must be finite": [(broken, y, weights)],
        "weights must not be negative": [(x, y, -weights)],
        "weights must be finite": [(x, y, weights + torch.inf), (x, y, bad_weights)],
    }
    if classes > 1:
        cases["y must be class numbers"] = [(x, y + 1, weights), (x, y - 1, weights), (x, y + 0.5, weights)]
    for message, arguments in cases.items():
        for case in arguments:
            with pytest.raises(ValueError, match=message):
                learner.fit(*case)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty": -1.0}, "penalty must be"),
        ({"steps": 0}, "steps must be"),
        ({"batch": 0}, "batch must be"),
        ({"activation": "sine"}, "activation must be"),
        ({"rate": 0.0}, "rate must be"),
        ({"widths": (4,)}, "widths must be"),
    ],
)
def test_bad_settings_of_a_network_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Network(**({"widths": (4, 3, 1)} | options))


def test_a_network_whose_first_layer_does_not_fit_is_named():
    x, y, weights = rows(8, 4, 2)
    with pytest.raises(ValueError, match="widths must begin with 4"):
        Network((3, 3, 1)).fit(x, y, weights)


def test_softmax_wants_two_classes():
    with pytest.raises(ValueError, match="classes must be at least 2"):
        Softmax(1.0, 1)
