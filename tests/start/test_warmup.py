"""What the warm-up says: its closed forms, the demo's balance, the claim's record."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.start import warmup as claims
from course_lib.demos.start import warmup as demos


def test_the_answers_of_the_self_test():
    """Questions 3, 7, 8, 9 and 10, and what the wrong answers to question 3 stand for."""
    y, w = torch.tensor([1.0, 1.0, 4.0]), torch.tensor([1.0, 1.0, 4.0])
    assert (w * y).sum() / w.sum() == 3 and y.mean() == 2
    assert (w**2 * y).sum() / (w**2).sum() == pytest.approx(11 / 3)
    a = torch.tensor([1.0, 1.0])
    assert (a * (a @ torch.tensor([3.0, 1.0])) / (a @ a)).tolist() == [2, 2]
    shifts = torch.stack([torch.tensor([1.0, 2.0, 6.0]).roll(k) for k in range(3)])
    assert shifts.mean(0).tolist() == [3, 3, 3]
    hessian = torch.autograd.functional.hessian(lambda z: z[0] ** 2 * z[1], torch.tensor([1.0, 3.0]))
    assert (hessian @ torch.tensor([0.0, 1.0])).tolist() == [2, 0]
    assert 10 - (4 * 10 - 8) / 4 == 2 and 10 - (4 * 10 - 8) == -22


def test_permutations_as_lists_and_as_matrices():
    """Questions 5 and 6; the order of lists and of matrices; which action is a left one."""
    assert torch.tensor([10, 20, 30])[[2, 0, 1]].tolist() == [30, 10, 20]
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        p, q = (torch.randperm(5, generator=generator) for _ in range(2))
        x = torch.randn(5, generator=generator)
        P, Q = torch.eye(5)[p], torch.eye(5)[q]
        assert torch.equal(x[p][q], x[p[q]]) and torch.equal(Q @ P @ x, x[p[q]])
        assert torch.equal(P @ P.T, torch.eye(5)) and torch.equal(x[p][p.argsort()], x)
        assert torch.equal(x[q.argsort()][p.argsort()], x[p[q].argsort()])
        assert torch.equal(x[p.argsort()][p], x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_mean_over_a_group_is_an_orthogonal_projection(dtype):
    orders = torch.tensor([[0, 1, 2, 3], [1, 2, 0, 3], [2, 0, 1, 3], [1, 0, 2, 3], [0, 2, 1, 3], [2, 1, 0, 3]])
    mean = torch.eye(4, dtype=dtype)[orders].mean(0)
    torch.testing.assert_close(mean @ mean, mean)
    torch.testing.assert_close(mean, mean.T)


@pytest.mark.parametrize("weight", demos.WEIGHTS)
def test_weighted_residuals_balance(weight):
    """The outlier's weighted residual and that of the six others cancel, and the pull stays below its limit."""
    outlier, others = pulls(weight)
    assert outlier == pytest.approx(-others, abs=1e-9)
    x, y = demos.seven_points()
    X = torch.stack([torch.ones(6).double(), x[:-1]], 1)
    end = torch.stack([torch.ones(()).double(), x[-1]])
    line = torch.linalg.lstsq(X, y[:-1, None]).solution[:, 0]
    leverage = end @ torch.linalg.solve(X.T @ X, end)
    gap = y[-1] - end @ line
    assert outlier == pytest.approx(float(weight * gap / (1 + weight * leverage)), abs=1e-9)
    assert abs(outlier) < abs(float(gap / leverage))


def pulls(weight: float) -> tuple[float, float]:
    x, y = demos.seven_points()
    w = torch.cat([torch.ones(6).double(), torch.tensor([weight], dtype=torch.float64)])
    X = torch.stack([torch.ones(7).double(), x], 1)
    line = torch.linalg.solve(X.T @ (w[:, None] * X), X.T @ (w * y))
    weighted = w * (y - X @ line)
    return weighted[-1].item(), weighted[:-1].sum().item()


def test_the_demo_draws_every_corner_and_says_the_balance():
    demo = demos.outlier()
    for point in demo.corners():
        plt.close(demo.draw(**point))
    for weight in demos.WEIGHTS:
        outlier, others = pulls(weight)
        outlier, others = round(outlier, 3) + 0.0, round(others, 3) + 0.0  # never -0.000
        assert f"is {outlier:.3f} for the outlier and {others:.3f} for the other six" in demo.describe(weight)


def test_the_step_is_chosen_on_other_networks_and_float64_needs_a_smaller_one():
    assert claims.best_step(torch.float64, 3) < claims.best_step(torch.float32, 3)
    step = claims.best_step(torch.float64, 3)
    assert claims.difference_error(0, step, torch.float64) < 1e-8


def test_difference_errors_fall_with_the_square_of_the_step_until_rounding():
    coarse, fine = (claims.difference_error(3, step, torch.float64) for step in (1e-2, 1e-3))
    assert math.log10(coarse / fine) == pytest.approx(2, abs=0.05)
    assert claims.difference_error(3, 1e-6, torch.float32) > 10 * claims.difference_error(3, 1e-2, torch.float32)


def test_the_record_follows_from_its_interval():
    record = claims.float32_checks_six_digits(networks=12, others=4)
    assert record.low <= record.estimate <= record.high and record.seeds == 12
    expected = "supported" if record.high < -6 else "not supported" if record.low > -6 else "cannot tell"
    assert record.verdict == expected


def test_batch_normalisation_hides_every_row():
    rows = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    layer = torch.nn.BatchNorm1d(3, affine=False)
    for training, small in ((True, True), (False, False)):
        (gradient,) = torch.autograd.grad(layer.train(training)(rows).sum(), rows)
        assert bool(gradient.abs().max() < 1e-6) == small
