"""What the chapter on invariance states; its demos and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.symmetries import invariance as claims
from course_lib.datasets import digits
from course_lib.demos.symmetries import invariance as demos
from course_lib.groups import (
    Action,
    CyclicGroup,
    DihedralGroup,
    SymmetricGroup,
    equivariance_error,
    matrix_action,
    permutation_action,
    trivial_action,
)
from course_lib.models import MLP, digit_net


@pytest.fixture(scope="module")
def readers():
    split = digits()
    return digit_net(), split.test_x, split.test_y


def test_the_ring_needs_a_sign_on_its_outputs():
    ring = DihedralGroup(6)
    lamps = permutation_action(ring, (6,))
    signed = Action(ring, (6,), lambda g, x: (1 - 2 * g[:, 1])[:, None, None] * lamps.move(g, x))
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0)).double()
    errors = {
        out: equivariance_error(lambda y: y.roll(-1, 1) - y.roll(1, 1), lamps, out, x, ring.elements())
        for out in (lamps, signed)
    }
    assert errors[signed].max() < 1e-12
    assert (errors[lamps][:6] < 1e-12).all() and (errors[lamps][6:] > 1.99).all(), "right for turns, opposite for mirrorings"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gradient_of_an_invariant_function_moves_by_the_inverse_transpose(dtype):
    group, generator = SymmetricGroup(4), torch.Generator().manual_seed(1)
    change = torch.randn(4, 4, generator=generator).double() + 3 * torch.eye(4).double()
    plain = permutation_action(group, (4,))
    net = MLP([4, 8, 1], "tanh", seed=0).to(dtype)

    def matrices(g):
        return change @ plain.matrix(g) @ change.inverse()

    def invariant(x):  # mean of a network over all orders of the entries in the old coordinates
        y = plain.act(group.elements(), x @ change.inverse().T.to(dtype))
        return net(y.flatten(0, 1)).reshape(24, -1).mean(0)

    def slope(x):
        x = x.clone().requires_grad_(True)
        return torch.autograd.grad(invariant(x).sum(), x)[0]

    rho = matrix_action(group, (4,), matrices)
    dual = matrix_action(group, (4,), lambda g: matrices(g).inverse().mT)
    x, g = torch.randn(5, 4, generator=generator).to(dtype), group.sample(6, generator)
    g = torch.cat([g, torch.tensor([[1, 2, 3, 0]])])
    small = 1e-3 if dtype == torch.float32 else 1e-10
    assert equivariance_error(invariant, rho, trivial_action(group), x, g).max() < small
    assert equivariance_error(slope, rho, dual, x, g).max() < small
    assert equivariance_error(slope, rho, rho, x, g).max() > 0.01


def test_a_constant_hides_an_error_and_a_factor_does_not(readers):
    net, x, _ = readers
    quarter = torch.tensor([1])
    error, scaled, hidden = (
        equivariance_error(f, claims.IMAGES, claims.LABELS, x, quarter).item()
        for f in (net, lambda y: 1e-3 * net(y), lambda y: net(y) + 100)
    )
    assert scaled == pytest.approx(error, rel=1e-4) and hidden < error / 5


def test_error_and_accuracy_are_two_axes(readers):
    net, x, y = readers
    averaged = claims.over_turns(net)
    assert claims.invariance_error(averaged, x) < 1e-5 < 0.5 < claims.invariance_error(net, x)
    assert claims.turned_accuracy(averaged, x, y) < claims.turned_accuracy(net, x, y)
    upside_down = net(torch.rot90(x, 2, (1, 2))).argmax(1)
    assert (upside_down[y == 6] == 9).double().mean() > 0.9 and (upside_down[y == 9] == 6).double().mean() > 0.6


def test_claims_come_out_as_records():
    turned = claims.turned_data_make_it_invariant(count=2, epochs=1)
    better = claims.less_error_more_right(count=2, epochs=3)
    energy = claims.invariant_energy_gives_better_forces("neighbours", count=2, steps=50)
    for record in (turned, better, energy):
        assert record.low <= record.estimate <= record.high and record.seeds == 2
    assert turned.estimate > 0.1 and better.estimate < 0
    assert energy.estimate < claims.invariant_energy_gives_better_forces("distances", count=2, steps=50).estimate


def test_the_actions_of_the_claims_are_quarter_turns():
    assert isinstance(claims.TURNS, CyclicGroup) and claims.IMAGES.shape == (8, 8)
    x = torch.rand(2, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(claims.IMAGES.act(torch.tensor([1]), x)[0], torch.rot90(x, 1, (1, 2)))


def test_the_demo_of_forces_draws_its_corners_and_reads_its_errors(monkeypatch):
    quick = {kind: claims.cluster_network(kind, steps=2) for kind in demos.READERS.values()}
    monkeypatch.setattr(demos, "cluster_network", quick.get)
    demo = demos.turned_forces()
    for point in demo.corners():
        plt.close(demo.draw(**point))
        assert "error" in demo.describe(**point)

    def error(**point) -> float:
        return float(demo.describe(**point).rstrip(".").split()[-1])

    assert error(angle=120, network="neighbours") < 1e-3 < error(angle=120, network="coordinates")
    assert error(angle=0, network="coordinates") == 0


def test_the_demo_of_layers_draws_its_corners():
    demo = demos.what_a_layer_does()
    for point in demo.corners():
        plt.close(demo.draw(**point))
        assert "relative error" in demo.describe(**point)
    assert "relative error 0 " in demo.describe(layer="convolution", move="shift by 1")
