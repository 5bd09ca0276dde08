"""Parameter symmetries: against loops over neurons, closed forms, finite differences and the axioms of an action."""

import itertools
import math

import pytest
import torch

from course_lib.frontiers.invariant_descent import (
    balanced_step,
    balancing_scales,
    descend,
    gradient,
    hessian,
    imbalance,
    log_loss,
    plain_step,
    reads_and_writes,
    scale_directions,
    squared_loss,
)
from course_lib.frontiers.parameter_symmetry import (
    HiddenLayer,
    change_of_basis,
    neuron_permutations,
    neuron_signed_permutations,
    neuron_signs,
    rescale,
    twins,
)
from course_lib.groups import assert_equivariant, equivariance_error, orbit, trivial_action

DTYPES = [torch.float32, torch.float64]
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-12}


def case(net, dtype, seed=0, count=3, rows=7):
    generator = torch.Generator().manual_seed(seed)
    theta = net.start(count, generator) + 0.1 * torch.randn(count, net.size, generator=generator, dtype=torch.float64)
    x = torch.randn(rows, net.inputs, generator=generator, dtype=torch.float64)
    y = torch.randn(rows, net.outputs, generator=generator, dtype=torch.float64)
    return theta.to(dtype), x.to(dtype), y.to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation, scalar", [("relu", lambda z: max(z, 0.0)), ("tanh", math.tanh), ("sin", math.sin)])
def test_a_net_is_a_sum_over_neurons(dtype, activation, scalar):
    net = HiddenLayer(3, 4, 2, activation)
    theta, x, _ = case(net, dtype)
    found = net(theta, x)
    for m, (w, b, v, c) in enumerate(zip(*net.split(theta), strict=True)):
        for n, row in enumerate(x):
            hidden = [scalar((w[j] @ row + b[j]).item()) for j in range(4)]
            truth = [sum(v[k, j].item() * hidden[j] for j in range(4)) + c[k].item() for k in range(2)]
            assert torch.allclose(found[m, n], torch.tensor(truth, dtype=dtype), atol=TOLERANCE[dtype])
    assert torch.equal(net.join(*net.split(theta)), theta)


def actions():
    relu, tanh = HiddenLayer(3, 4, 2), HiddenLayer(3, 4, 2, "tanh")
    return [(relu, neuron_permutations), (tanh, neuron_permutations), (tanh, neuron_signs), (tanh, neuron_signed_permutations)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("net, action", actions())
def test_actions_are_left_actions_that_keep_the_function(net, action, dtype):
    action = action(net)
    theta, x, _ = case(net, dtype)
    generator = torch.Generator().manual_seed(1)
    g, h = action.group.sample(20, generator), action.group.sample(20, generator)
    twice = torch.stack([action.act(one[None], y)[0] for one, y in zip(g, action.act(h, theta), strict=True)])
    assert torch.equal(twice, action.act(action.group.product(g, h), theta))
    assert torch.equal(action.act(action.group.identity(), theta)[0], theta)
    outputs = trivial_action(action.group, (len(x), net.outputs))
    assert_equivariant(lambda t: net(t, x), action, outputs, theta, g, tolerance=10 * TOLERANCE[dtype])
    assert not torch.allclose(action.act(g, theta)[:, 0], theta[:1], atol=0.1)


def test_neuron_i_goes_to_place_p_i():
    net = HiddenLayer(3, 5, 2)
    theta, _, _ = case(net, torch.float64)
    p = torch.tensor([[2, 0, 3, 1, 4]])
    w, b, v, c = net.split(theta)
    w2, b2, v2, c2 = net.split(neuron_permutations(net).act(p, theta)[0])
    for i, place in enumerate(p[0].tolist()):
        assert torch.equal(w2[:, place], w[:, i]) and torch.equal(b2[:, place], b[:, i])
        assert torch.equal(v2[:, :, place], v[:, :, i])
    assert torch.equal(c, c2)


def test_signs_then_orders():
    net = HiddenLayer(1, 2, 1, "tanh")
    group = neuron_signed_permutations(net).group
    g = group.join(torch.tensor([[-1, 1]]), torch.tensor([[1, 0]]))  # exchange, then the sign of the neuron at place 0
    theta = torch.tensor([[1.0, 2, 3, 4, 5, 6, 7]])
    assert neuron_signed_permutations(net).act(g, theta).tolist() == [[[-2.0, 1, -4, 3, -6, 5, 7]]]


@pytest.mark.parametrize("hidden", [2, 3, 4])
def test_orbits_have_as_many_points_as_the_stabiliser_allows(hidden):
    net = HiddenLayer(2, hidden, 1, "tanh")
    theta = net.start(1, torch.Generator().manual_seed(0))
    assert len(orbit(neuron_permutations(net), theta[0])) == math.factorial(hidden)
    assert len(orbit(neuron_signed_permutations(net), theta[0])) == 2**hidden * math.factorial(hidden)
    if hidden % 2 == 0:
        pairs = math.factorial(hidden) // 2 ** (hidden // 2)
        assert len(orbit(neuron_permutations(net), twins(net, theta)[0])) == pairs


@pytest.mark.parametrize("dtype", DTYPES)
def test_rescaling_keeps_the_function_and_composes(dtype):
    net = HiddenLayer(3, 4, 2)
    theta, x, _ = case(net, dtype)
    generator = torch.Generator().manual_seed(1)
    a, b = torch.rand(2, 3, 4, generator=generator, dtype=dtype) + 0.5
    assert torch.allclose(net(rescale(net, theta, a), x), net(theta, x), atol=10 * TOLERANCE[dtype])
    assert torch.allclose(rescale(net, rescale(net, theta, a), b), rescale(net, theta, a * b), atol=TOLERANCE[dtype])
    assert torch.allclose(rescale(net, theta, a[0])[1], rescale(net, theta[1:2], a[0])[0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_change_of_basis_keeps_scores_and_is_a_left_action(dtype):
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 6, 3, generator=generator, dtype=dtype)
    a, b = torch.randn(2, 3, 3, generator=generator, dtype=dtype) + 2 * torch.eye(3, dtype=dtype)
    moved = change_of_basis(q, k, a)
    assert torch.allclose(moved[0] @ moved[1].mT, q @ k.mT, atol=1e2 * TOLERANCE[dtype])
    twice, once = change_of_basis(*change_of_basis(q, k, b), a), change_of_basis(q, k, a @ b)
    assert all(torch.allclose(s, t, atol=1e3 * TOLERANCE[dtype]) for s, t in zip(twice, once, strict=True))


def test_log_loss_is_the_mean_over_rows_of_torchs_own():
    net = HiddenLayer(3, 4, 5)
    theta, x, _ = case(net, torch.float64)
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 1])
    truth = [torch.nn.functional.cross_entropy(net(row[None], x)[0], labels) for row in theta]
    assert torch.allclose(log_loss(net, x, labels)(theta), torch.stack(truth))


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradient_and_hessian_agree_with_differences(dtype):
    net = HiddenLayer(2, 2, 1, "tanh")
    theta, x, y = case(net, torch.float64, count=1)
    loss, h = squared_loss(net, x, y), 1e-5
    one = torch.eye(net.size, dtype=torch.float64)
    slope = (loss(theta + h * one) - loss(theta - h * one)) / (2 * h)
    curved = (gradient(loss, theta + h * one) - gradient(loss, theta - h * one)) / (2 * h)
    loss = squared_loss(net, x.to(dtype), y.to(dtype))
    theta = theta.to(dtype)
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-8}[dtype]
    assert torch.allclose(gradient(loss, theta)[0], slope.to(dtype), atol=tolerance)
    assert torch.allclose(hessian(loss, theta[0]), curved.to(dtype), atol=tolerance)


def test_the_gradient_moves_along_with_orders_and_against_scales():
    net = HiddenLayer(3, 4, 2)
    theta, x, y = case(net, torch.float64)
    loss = squared_loss(net, x, y)
    action = neuron_permutations(net)
    assert_equivariant(lambda t: gradient(loss, t), action, action, theta, tolerance=1e-12)
    alpha = torch.tensor([0.5, 2.0, 3.0, 0.2], dtype=torch.float64)
    there = gradient(loss, rescale(net, theta, alpha))
    assert torch.allclose(there, rescale(net, gradient(loss, theta), 1 / alpha), atol=1e-12)
    assert not torch.allclose(there, rescale(net, gradient(loss, theta), alpha), atol=1e-2)


@pytest.mark.parametrize("seed", [0, 1])
def test_scale_directions_are_derivatives_orthogonal_to_the_gradient_and_not_null(seed):
    net = HiddenLayer(3, 4, 2)
    theta, x, y = case(net, torch.float64, seed, count=1)
    loss, xi = squared_loss(net, x, y), scale_directions(net, theta)[0]
    for j, t in itertools.product(range(4), [1e-6]):
        alpha = torch.ones(4, dtype=torch.float64)
        alpha[j] = math.exp(t)
        difference = (rescale(net, theta, alpha) - rescale(net, theta, 1 / alpha))[0] / (2 * t)
        assert torch.allclose(difference, xi[j], atol=1e-8)
    slope, curved = gradient(loss, theta)[0], hessian(loss, theta[0])
    assert (xi @ slope).abs().max() < 1e-13
    assert torch.allclose(xi @ curved, -scale_directions(net, slope), atol=1e-12)
    assert ((xi @ curved).norm(dim=1) > 1e-3).all()


def test_at_a_minimum_the_scale_directions_are_all_that_is_flat():
    net = HiddenLayer(2, 3, 1)
    generator = torch.Generator().manual_seed(3)
    x, teacher = torch.randn(200, 2, generator=generator, dtype=torch.float64), net.start(1, generator)
    loss = squared_loss(net, x, net(teacher, x)[0])
    curved = hessian(loss, teacher[0])
    values = torch.linalg.eigvalsh(curved)
    assert (values > -1e-12).all() and int((values < 1e-10).sum()) == 3
    assert (scale_directions(net, teacher[0]) @ curved).abs().max() < 1e-12


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_step_changes_the_imbalance_by_the_square_of_the_rate(dtype):
    net = HiddenLayer(3, 4, 2)
    theta, x, y = case(net, dtype)
    slope = gradient(squared_loss(net, x, y), theta)
    change = imbalance(net, plain_step(theta, slope, 0.3)) - imbalance(net, theta)
    assert torch.allclose(change, 0.09 * imbalance(net, slope), atol=20 * TOLERANCE[dtype])
    w, b, v, _ = net.split(theta)
    for j in range(4):
        truth = w[:, j].square().sum(1) + b[:, j] ** 2 - v[:, :, j].square().sum(1)
        assert torch.allclose(imbalance(net, theta)[:, j], truth)


def test_tanh_conserves_nothing_of_the_kind():
    net = HiddenLayer(3, 4, 2, "tanh")
    theta, x, y = case(net, torch.float64)
    loss = squared_loss(net, x, y)
    slope = gradient(loss, theta)
    change = (imbalance(net, plain_step(theta, slope, 1e-6)) - imbalance(net, theta)) / 1e-6
    assert change.abs().max() > 0.01


@pytest.mark.parametrize("dtype", DTYPES)
def test_balanced_steps_commute_with_scales_and_orders(dtype):
    net = HiddenLayer(3, 4, 2)
    theta, x, y = case(net, dtype)
    loss, step = squared_loss(net, x, y), balanced_step(net)
    alpha = torch.tensor([0.5, 2.0, 3.0, 0.2], dtype=dtype)
    moved = rescale(net, theta, alpha)
    there = step(moved, gradient(loss, moved), 0.1)
    back = rescale(net, step(theta, gradient(loss, theta), 0.1), alpha)
    assert torch.allclose(there, back, atol=20 * TOLERANCE[dtype])
    plain = rescale(net, plain_step(theta, gradient(loss, theta), 0.1), alpha)
    assert not torch.allclose(plain_step(moved, gradient(loss, moved), 0.1), plain, atol=1e-2)
    action = neuron_permutations(net)
    for f in (step, plain_step):
        error = equivariance_error(lambda t, f=f: f(t, gradient(loss, t), 0.1), action, action, theta, action.group.elements())
        assert error.max() < TOLERANCE[dtype]


def test_balanced_steps_commute_with_rotations_of_the_inputs_and_see_how_a_neuron_is_split():
    net = HiddenLayer(3, 4, 2)
    theta, x, y = case(net, torch.float64)
    step, turn = balanced_step(net), torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))[0]

    def turned(t):
        w, b, v, c = net.split(t)
        return net.join(w @ turn.mT, b, v, c)

    there = step(turned(theta), gradient(squared_loss(net, x @ turn.mT, y), turned(theta)), 0.1)
    assert torch.allclose(there, turned(step(theta, gradient(squared_loss(net, x, y), theta), 0.1)), atol=1e-12)
    pair, x = HiddenLayer(1, 2, 1), torch.ones(1, 1, dtype=torch.float64)
    halves, far = torch.tensor([[0.5, 0.5, 0, 0, 0.5, 0.5, 0], [0.5, 0.5, 0, 0, 2, -1, 0]], dtype=torch.float64)[:, None]
    loss = squared_loss(pair, x, 0 * x)
    assert torch.equal(pair(halves, x), pair(far, x))
    ends = [pair(balanced_step(pair)(t, gradient(loss, t), 0.1), x).item() for t in (halves, far)]
    assert abs(ends[0] - ends[1]) > 0.01


def test_scale_directions_are_half_the_gradient_of_what_is_conserved():
    net = HiddenLayer(3, 4, 2)
    theta, _, _ = case(net, torch.float64, count=1)
    for j in range(4):
        half = gradient(lambda t, j=j: imbalance(net, t)[:, j] / 2, theta)
        assert torch.allclose(half[0], scale_directions(net, theta[0])[j])


def test_the_hessian_sees_the_scale_of_an_idle_neuron_nowhere():
    net = HiddenLayer(3, 4, 2)
    theta, x, y = case(net, torch.float64, count=1)
    w, b, v, c = net.split(theta)
    theta = net.join(w, torch.cat([torch.full_like(b[:, :1], -100), b[:, 1:]], 1), v, c)  # neuron 0 never fires
    sizes = (scale_directions(net, theta[0]) @ hessian(squared_loss(net, x, y), theta[0])).norm(dim=1)
    assert sizes[0] < 1e-12 and (sizes[1:] > 1e-3).any()


def test_a_balanced_step_is_a_preconditioned_one_and_plain_where_balanced():
    net = HiddenLayer(3, 4, 2)
    theta, x, y = case(net, torch.float64)
    slope = gradient(squared_loss(net, x, y), theta)
    read, written = reads_and_writes(net, theta)
    ratio = (read / written).sqrt()
    w, b, v, c = net.split(slope)
    preconditioned = net.join(ratio[..., None] * w, ratio * b, v / ratio[..., None, :], c)
    assert torch.allclose(balanced_step(net)(theta, slope, 0.2), theta - 0.2 * preconditioned, atol=1e-13)
    even = rescale(net, theta, balancing_scales(net, theta))
    assert imbalance(net, even).abs().max() < 1e-13
    assert torch.allclose(balanced_step(net)(even, slope, 0.2), plain_step(even, slope, 0.2), atol=1e-13)


def test_twins_stay_twins_and_the_slope_across_is_nothing():
    net = HiddenLayer(3, 4, 2, "tanh")
    theta, x, y = case(net, torch.float64)
    loss, start = squared_loss(net, x, y), twins(net, theta)
    slope = gradient(loss, start)
    assert torch.allclose(twins(net, slope), slope, atol=1e-14)
    end, losses = descend(loss, start, 0.1, 50)
    assert torch.allclose(twins(net, end), end, atol=1e-12) and (losses[-1] < losses[0]).all()
    assert not torch.allclose(twins(net, theta), theta)


def test_descend_is_a_loop_of_steps():
    net = HiddenLayer(2, 3, 1)
    theta, x, y = case(net, torch.float64)
    loss = squared_loss(net, x, y)
    end, losses = descend(loss, theta, 0.05, 3)
    here, truth = theta, []
    for _ in range(3):
        truth.append(loss(here))
        here = here - 0.05 * gradient(loss, here)
    assert torch.allclose(end, here) and torch.allclose(losses, torch.stack([*truth, loss(here)]))
    assert not end.requires_grad and losses.shape == (4, 3)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: HiddenLayer(0, 1, 1), "inputs, hidden and outputs must be at least 1"),
        (lambda: HiddenLayer(1, 1, 1, "gelu"), "activation must be one of"),
        (lambda: HiddenLayer(1, 1, 1).split(torch.zeros(5)), "theta must hold vectors of 4"),
        (lambda: neuron_signs(HiddenLayer(1, 1, 1)), "net must have an odd activation"),
        (lambda: rescale(HiddenLayer(1, 1, 1, "tanh"), torch.ones(1, 4), torch.ones(1)), "net must have an activation"),
        (lambda: rescale(HiddenLayer(1, 1, 1), torch.ones(1, 4), -torch.ones(1)), "alpha must be 1 positive"),
        (lambda: rescale(HiddenLayer(1, 1, 1), torch.ones(1, 4), torch.ones(2)), "alpha must be 1 positive"),
        (lambda: change_of_basis(torch.ones(3, 2), torch.ones(3, 2), torch.ones(2, 2)), "basis must be invertible"),
        (lambda: twins(HiddenLayer(1, 3, 1), torch.ones(1, 10)), "even number"),
        (lambda: balancing_scales(HiddenLayer(1, 1, 1), torch.tensor([[1.0, 0, 0, 0]])), "read and write"),
        (lambda: descend(lambda t: t.sum(1), torch.ones(1, 1), 0.0, 1), "rate must be positive"),
        (lambda: descend(lambda t: t.square().sum(1), torch.ones(1, 1), 1e3, 200), "rate must be small"),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
