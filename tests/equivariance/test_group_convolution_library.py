"""Group convolution: against the double sum that defines it, the solver's null space, torch, escnn, and by turning."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_lib.datasets import digits
from course_lib.equivariance.group_convolution import (
    WIDTHS,
    GroupLayer,
    GroupNet,
    LiftingLayer,
    expand,
    feature_action,
    fits,
    group_convolve,
    lift,
    pool_fibre,
)
from course_lib.equivariance.turned_digits import fresh, positioned, turned
from course_lib.equivariance.weight_sharing import equivariant_basis
from course_lib.groups import (
    CyclicGroup,
    DihedralGroup,
    assert_equivariant,
    equivariance_error,
    image_action,
    trivial_action,
)

GROUPS = [CyclicGroup(1), CyclicGroup(2), CyclicGroup(4), DihedralGroup(1), DihedralGroup(2), DihedralGroup(4)]
LARGE = [CyclicGroup(4), DihedralGroup(4)]
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-14}


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def lifting(group, dtype=torch.float64, **how):
    w, b = normal(4, 3, 3, 3, seed=1, dtype=dtype), normal(4, seed=2, dtype=dtype)
    return lambda x: lift(x, w, group, b, **how)


def convolving(group, dtype=torch.float64, **how):
    w, b = normal(2, 4, group.order, 3, 3, seed=3, dtype=dtype), normal(2, seed=4, dtype=dtype)
    return lambda x: group_convolve(x, w, group, b, **how)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("group", GROUPS, ids=str)
@pytest.mark.parametrize("padding, size", [(0, 4), (1, 6)])
def test_layers_turn_with_their_input_under_every_element(group, dtype, padding, size):
    images, small = image_action(group, (3, 6, 6)), (group.order, size, size)
    maps = feature_action(group, (4, group.order, 6, 6))
    every = group.elements()
    lifted = feature_action(group, (4, *small))
    assert_equivariant(lifting(group, dtype, padding=padding), images, lifted, normal(2, 3, 6, 6, dtype=dtype), every, 2e-6)
    errors = equivariance_error(
        convolving(group, dtype, padding=padding),
        maps,
        feature_action(group, (2, *small)),
        normal(2, 4, group.order, 6, 6, dtype=dtype),
        every,
    )
    assert errors.max() <= TOLERANCE[dtype]


@pytest.mark.parametrize("group", LARGE, ids=str)
def test_feature_maps_move_by_a_left_action(group):
    action, x = feature_action(group, (2, group.order, 3, 3)), normal(1, 2, group.order, 3, 3)
    every = group.elements()
    for g in every:
        for h in every:
            twice = action.act(g[None], action.act(h[None], x)[0])
            torch.testing.assert_close(action.act(group.product(g[None], h[None]), x), twice, rtol=0, atol=0)


def turned_point(group, g, row, column, size):
    """Where an element sends one pixel: matrices of the plane, y pointing up, about the middle."""
    middle = (size - 1) / 2
    moved = group.matrices(g[None])[0] @ torch.tensor([column - middle, middle - row], dtype=torch.float64)
    return round(middle - moved[1].item()), round(middle + moved[0].item())


@pytest.mark.parametrize("group", LARGE, ids=str)
def test_a_group_layer_is_the_double_sum_over_elements_and_pixels(group):
    x, w = normal(1, 2, group.order, 4, 4), normal(1, 2, group.order, 3, 3, seed=1)
    every = group.elements()
    expected = torch.zeros(1, 1, group.order, 2, 2, dtype=torch.float64)
    for i, g in enumerate(every):
        for j, h in enumerate(every):
            k = int(group.same(every, group.product(group.inverse(g[None]), h[None])).nonzero())
            for row in range(3):
                for column in range(3):
                    a, b = turned_point(group, g, row, column, 3)
                    expected[0, 0, i] += torch.einsum("crs,c->rs", x[0, :, j, a : a + 2, b : b + 2], w[0, :, k, row, column])
    torch.testing.assert_close(group_convolve(x, w, group), expected)


@pytest.mark.parametrize("group, count", [(CyclicGroup(4), 36), (DihedralGroup(4), 72)], ids=str)
def test_the_solver_finds_these_layers_and_no_others(group, count):
    """Of all maps of 3 x 3 feature maps to one pixel, filters g . w are the equivariant ones: |G| * 9 free weights."""
    maps, answer = feature_action(group, (group.order, 3, 3)), feature_action(group, (group.order, 1, 1))
    basis = equivariant_basis(maps, answer, "orbits")
    ours = torch.stack([expand(one.reshape(1, 1, *maps.shape), group).flatten() for one in torch.eye(count)])
    assert len(basis) == count and torch.linalg.matrix_rank(ours) == count
    rows = basis.flatten(1)
    torch.testing.assert_close(ours.double() @ rows.T @ rows, ours.double())


@pytest.mark.parametrize("seed", range(3))
def test_the_group_of_one_element_is_a_plain_convolution(seed):
    group, x, w, b = CyclicGroup(1), normal(2, 3, 7, 7, seed=seed), normal(5, 3, 3, 3), normal(5)
    plain = F.conv2d(x, w, b, stride=2, padding=1)
    torch.testing.assert_close(lift(x, w, group, b, padding=1, stride=2)[:, :, 0], plain)
    torch.testing.assert_close(group_convolve(x[:, :, None], w[:, :, None], group, b, padding=1, stride=2)[:, :, 0], plain)


def in_escnn_order(group):
    """escnn mirrors left to right, we top to bottom: half a turn lies between, so our (k, 1) is their (k + 2, 1)."""
    return list(range(4)) + [6, 7, 4, 5] * (group.order == 8)


@pytest.mark.parametrize("group", LARGE, ids=str)
def test_layers_of_escnn(group):
    with np.load(Path(__file__).parent / "escnn" / "answers.npz", allow_pickle=False) as stored:
        names = ("x", "w1", "b1", "y1", "w2", "b2", "y2")
        x, w1, b1, y1, w2, b2, y2 = (torch.from_numpy(stored[f"{group.name}_{name}"]) for name in names)
    order = in_escnn_order(group)
    y = lift(x, w1, group, b1, padding=1)
    torch.testing.assert_close(y, y1[:, :, order], rtol=0, atol=2e-6)
    z = group_convolve(torch.relu(y), w2[:, :, order], group, b2)
    torch.testing.assert_close(z, y2[:, :, order], rtol=0, atol=1e-5)
    assert (z - y2).abs().max() > 0.1 or group.order == 4, "the order of the fibre matters"


@pytest.mark.parametrize("size", [6, 7, 8, 9])
@pytest.mark.parametrize("kernel, padding, stride", [(3, 1, 1), (3, 1, 2), (3, 0, 2), (2, 0, 2), (3, 1, 3)])
def test_strides_keep_turns_exactly_where_they_fit(size, kernel, padding, stride):
    group, w = CyclicGroup(4), normal(2, 1, kernel, kernel)
    out = lift(torch.zeros(1, 1, size, size).double(), w, group, None, padding, stride).shape[-1]
    errors = equivariance_error(
        lambda x: lift(x, w, group, None, padding, stride),
        image_action(group, (1, size, size)),
        feature_action(group, (2, 4, out, out)),
        normal(1, 1, size, size),
        group.elements()[1:],
    )
    assert (errors.max() < 1e-14) == fits(size, kernel, padding, stride)
    assert errors.max() < 1e-14 or errors.min() > 0.1


@pytest.mark.parametrize("how", ["max", "mean"])
def test_pooling_the_fibre_leaves_images(how):
    group = DihedralGroup(4)
    f = lambda y: pool_fibre(y, how)  # noqa: E731
    maps, images = feature_action(group, (2, 8, 3, 3)), image_action(group, (2, 3, 3))
    assert_equivariant(f, maps, images, normal(1, 2, 8, 3, 3), group.elements(), 1e-14)
    x = torch.tensor([1.0, 4.0, 2.0, 1.0]).reshape(1, 1, 4, 1, 1)
    assert pool_fibre(x, how).item() == {"max": 4, "mean": 2}[how]


def test_filters_turned_without_cycling_are_not_equivariant():
    group = CyclicGroup(4)
    w = normal(2, 3, 4, 3, 3)
    turned = torch.stack([torch.rot90(w, k, (-2, -1)) for k in range(4)], 1)  # forgets to move along the fibre

    def f(x):
        return F.conv2d(x.flatten(1, 2), turned.flatten(0, 1).flatten(1, 2)).unflatten(1, (2, 4))

    errors = equivariance_error(
        f, feature_action(group, (3, 4, 6, 6)), feature_action(group, (2, 4, 4, 4)), normal(1, 3, 4, 6, 6), group.elements()
    )
    assert errors[0] == 0 and errors[1:].min() > 0.5


@pytest.mark.parametrize("group", [CyclicGroup(1), *LARGE], ids=str)
def test_the_network_reads_turned_digits_alike(group):
    net, images = GroupNet(group, seed=3).double(), image_action(group, (8, 8))
    assert 16_000 < sum(p.numel() for p in net.parameters()) < 17_000
    with torch.no_grad():
        assert_equivariant(net, images, trivial_action(group, (10,)), normal(3, 8, 8).abs(), group.elements(), 1e-13)
        maps = feature_action(group, (WIDTHS[group.name][1], group.order, 8, 8))
        assert_equivariant(net.features, images, maps, normal(3, 8, 8).abs(), group.elements(), 1e-13)
        answers = net(normal(2, 8, 8).abs())
    assert (answers[0] - answers[1]).abs().max() > 1e-3
    other = GroupNet(group, seed=4).double()
    assert not torch.equal(other.first.weight, net.first.weight)


def test_upright_networks_are_not_invariant():
    net = GroupNet(CyclicGroup(1), seed=3)
    x = normal(1, 8, 8).float()
    assert (net(x) - net(torch.rot90(x, 1, (1, 2)))).abs().max() > 1e-2


LAYERS = [
    (LiftingLayer, lambda layer, x: lift(x, layer.weight, layer.group, layer.bias, 1), (2, 3, 6, 6)),
    (GroupLayer, lambda layer, x: group_convolve(x, layer.weight, layer.group, layer.bias, 1), (2, 3, 4, 6, 6)),
]


@pytest.mark.parametrize("kind, function, shape", LAYERS)
def test_kept_filters_never_outlive_their_weights(kind, function, shape):
    layer, x = kind(CyclicGroup(4), 3, 2, 3, padding=1, seed=5).eval(), normal(*shape, dtype=torch.float32)
    with torch.no_grad():

        def same():
            return torch.equal(layer(x.to(layer.weight.dtype)), function(layer, x.to(layer.weight.dtype)))

        assert same()
        assert layer.filters() is layer.filters(), "kept"
        layer.weight.add_(1.0)
        assert same(), "changed in place"
        layer.load_state_dict({name: 2 * value for name, value in layer.state_dict().items()})
        assert same(), "loaded"
        layer.weight = torch.nn.Parameter(layer.weight * 3)
        assert same(), "replaced"
        layer.double()
        assert same() and layer.filters().dtype == torch.float64, "of another number type"
        layer.float()
        assert same()
        twin = deepcopy(layer)
        twin.weight.mul_(2)
        assert same() and not torch.equal(twin(x), layer(x)), "copied"
        layer.train()
        layer.weight.data.mul_(2)
        layer.eval()
        assert same(), "trained"
        swapped = {"weight": layer.weight + 1, "bias": layer.bias}
        with_other = torch.func.functional_call(layer, swapped, x)
        assert not torch.allclose(with_other, layer(x)) and same(), "called with other weights"


@pytest.mark.parametrize("kind, function, shape", LAYERS)
def test_evaluation_mode_still_has_gradients(kind, function, shape):
    layer, x = kind(CyclicGroup(4), 3, 2, 3, padding=1).eval(), normal(*shape, dtype=torch.float32)
    with torch.inference_mode():
        layer(x)
    layer(x).square().sum().backward()
    kept = layer.weight.grad.clone()
    layer.weight.grad = None
    function(layer, x).square().sum().backward()
    torch.testing.assert_close(kept, layer.weight.grad)
    layer.requires_grad_(False)
    x.requires_grad_(True)
    layer(x).sum().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: lift(torch.zeros(1, 2, 8, 8), torch.zeros(1, 3, 3, 3), CyclicGroup(4)), r"x must be images \(b, 3, h, h\)"),
        (lambda: group_convolve(torch.zeros(1, 3, 8, 8, 8), torch.zeros(1, 3, 4, 3, 3), CyclicGroup(4)), "x must be feature"),
        (
            lambda: expand(torch.zeros(1, 1, 4, 3, 3), DihedralGroup(4)),
            r"shape must end in the fibre of D_4 .* got \(4, 3, 3\)",
        ),
        (lambda: expand(torch.zeros(1, 1, 3, 2), CyclicGroup(4)), "two equal lengths"),
        (lambda: feature_action(CyclicGroup(3), (3, 4, 4)), "n = 1, 2 or 4"),
        (lambda: pool_fibre(torch.zeros(1, 1, 4, 2, 2), "sum"), "how must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", ["C_4", "D_4"])
def test_training_on_turned_digits_gives_the_same_network(name):
    split = digits()
    x, y = split.train_x[:40], split.train_y[:40]
    upright, turning = (fresh(name, part, y, seed=1, epochs=3) for part in (x, turned(x, 5)))
    for one, other in zip(upright.parameters(), turning.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4)
    plain, other = (fresh("C_1", part, y, seed=1, epochs=3) for part in (x, turned(x, 5)))
    assert (plain.first.weight - other.first.weight).abs().max() > 1e-3


def test_turned_digits_stand_in_four_positions():
    x = torch.arange(40 * 9.0).reshape(40, 3, 3)
    moved = turned(x, 0)
    places = [(torch.rot90(x, k, (1, 2)) == moved).flatten(1).all(1) for k in range(4)]
    assert all(place.sum() > 3 for place in places) and torch.stack(places).sum(0).eq(1).all()
    assert positioned(x, "upright", 0) is x
    with pytest.raises(ValueError, match="positions must be one of"):
        positioned(x, "mirrored", 0)
