"""What the chapter on parameter symmetries states; its demo and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.frontiers import parameter_symmetry as claims
from course_lib.demos.frontiers import parameter_symmetry as demos
from course_lib.frontiers.invariant_descent import balanced_step, gradient, hessian, imbalance, plain_step
from course_lib.frontiers.parameter_symmetry import neuron_permutations, twins


@pytest.mark.parametrize("w, v", [(2.0, 0.25), (2.0, 0.5), (8.0, 0.125), (0.3, 0.7)])
def test_the_smallest_example_by_hand(w, v):
    def loss(t):
        return (t[:, 0] * t[:, 1] - 1).square() / 2

    t, xi = torch.tensor([w, v], dtype=torch.float64), torch.tensor([w, -v], dtype=torch.float64)
    truth = (1 - w * v) * torch.tensor([v, -w], dtype=torch.float64)
    assert torch.allclose(hessian(loss, t) @ xi, truth, atol=1e-12)
    assert abs((gradient(loss, t[None])[0] @ xi).item()) < 1e-12


def test_the_demo_draws_and_describes_every_point_differently():
    demo = demos.scale_explorer()
    assert len(demo.points()) <= 24
    words = [demo.describe(**point) for point in demo.points()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))


@pytest.mark.parametrize("alpha", demos.ALPHAS)
def test_the_path_is_a_hyperbola_or_a_ray(alpha):
    w, v = demos.path(alpha, "plain descent", 0.02)
    kept = w**2 - v**2
    assert (kept - kept[0]).abs().max() < 0.02
    assert (w * v)[[0, -1]].tolist() == pytest.approx([0.18, 1.0], abs=1e-3)
    w, v = demos.path(alpha, "balanced descent", 0.2)
    assert torch.allclose(v / w, v[0] / w[0])
    one = demos.path(1, "balanced descent", 0.2)
    assert torch.allclose(w * v, one[0] * one[1])


def test_plain_descent_changes_the_function_in_another_way_from_another_scale():
    (w, v), (w1, v1) = (demos.path(alpha, "plain descent", 0.02) for alpha in (3, 1))
    assert (w * v - w1 * v1).abs().max() > 0.3
    w, v = demos.path(3, "plain descent", 0.2)
    assert abs((w**2 - v**2)[-1] - (w**2 - v**2)[0]) > 5 * abs((w1**2 - v1**2)[-1] - (w1**2 - v1**2)[0])


def test_drift_is_summed_up_exactly_from_the_gradients():
    start = claims.NET.start(2, torch.Generator().manual_seed(1000))
    loss, theta, total = claims.digit_loss(claims.NET), start, 0
    for _ in range(5):
        slope = gradient(loss, theta)
        total, theta = total + 0.2**2 * imbalance(claims.NET, slope), plain_step(theta, slope, 0.2)
    assert torch.allclose(claims.drift(start, 0.2, 1.0), total.norm(dim=1), atol=1e-12)


def test_representatives_are_one_function_and_only_balanced_curves_agree():
    generator = torch.Generator().manual_seed(1000)
    start = claims.NET.start(2, generator)
    other = claims.representative(start, generator)
    x, _ = claims.examples()
    assert torch.allclose(claims.NET(start, x), claims.NET(other, x), atol=1e-12)
    assert not torch.allclose(start, other, atol=0.5)
    assert claims.curve_gaps(start, other, balanced_step(claims.NET)).max() < 1e-10
    assert claims.curve_gaps(start, other, plain_step).min() > 0.01


def test_twins_are_fixed_by_the_exchange_and_trapped():
    tied, free, end = claims.twins_and_nudged(2, 1000, steps=150)
    assert torch.allclose(twins(claims.SMALL, end), end, atol=1e-9)
    swap = torch.tensor([[2, 3, 0, 1]])
    assert torch.allclose(neuron_permutations(claims.SMALL).act(swap, end)[0], end, atol=1e-9)
    assert (tied > free).all()


def test_nets_of_two_end_above_nudged_nets_of_four():
    _, free, _ = claims.twins_and_nudged(2, 1000, steps=150)
    assert claims.nets_of_two(2, 1000, steps=150).min() > free.max()


def test_claims_say_what_they_are_over():
    for record, name in (
        (claims.drift_follows_the_rate(3), "drift_follows_the_rate"),
        (claims.balanced_steps_do_not_see_the_scale(3), "balanced_steps_do_not_see_the_scale"),
        (claims.a_symmetric_start_is_a_trap(2), "a_symmetric_start_is_a_trap"),
    ):
        assert record.id == f"frontiers/parameter_symmetry/{name}"
        assert record.low <= record.estimate <= record.high and "200 digits" in record.repeats
