"""Layers on the ruler: which are equivariant, exactly, and which are not."""

import pytest
import torch
from torch.nn import functional as F

from course_lib.datasets import digits
from course_lib.groups import OrthogonalGroup, SpecialOrthogonalGroup, equivariance_error, matrix_action
from course_lib.symmetries import layers

EXACT, TINY, REAL = 0.0, 1e-12, 0.01


@pytest.fixture(scope="module")
def images():
    return digits().test_x[:30].double()


@pytest.mark.parametrize(
    ("name", "shift", "turn"),
    [
        ("convolution", True, True),
        ("lopsided filter", True, False),
        ("ReLU on pixels", True, True),
        ("pooling, stride 1", True, True),
        ("mean of all pixels", True, True),
        ("layer norm", True, True),
        ("zero padding", False, True),
        ("stride 2", False, False),
        ("max pooling 2 x 2", False, True),
        ("every second pixel", False, False),
        ("blur, every second pixel", False, False),
        ("norm per column", True, False),
    ],
)
def test_layers_on_images(images, name, shift, turn):
    errors = layers.image_errors(layers.image_layers()[name], images)
    assert set(errors) == set(layers.COLUMNS)
    assert (errors["shift by 1"] < TINY) if shift else (errors["shift by 1"] > REAL)
    assert (errors["quarter turn"] < TINY) if turn else (errors["quarter turn"] > REAL)


def test_every_layer_of_the_table_is_tested():
    tested = test_layers_on_images.pytestmark[0].args[1]
    assert {name for name, _, _ in tested} == set(layers.image_layers())


def test_even_shifts_survive_a_stride_and_blurring_helps(images):
    for name in ("stride 2", "max pooling 2 x 2", "every second pixel", "blur, every second pixel"):
        assert layers.best_shift_error(layers.image_layers()[name], images, 2) < TINY
    plain, blurred = (
        layers.best_shift_error(layers.image_layers()[name], images, 1)
        for name in ("every second pixel", "blur, every second pixel")
    )
    assert blurred < plain


def test_turns_and_the_parity_of_the_side(images):
    odd = F.pad(images, (0, 1, 0, 1))
    stride, pool = (layers.image_layers()[name] for name in ("stride 2", "max pooling 2 x 2"))
    assert layers.image_errors(stride, images)["quarter turn"] > REAL > TINY > layers.image_errors(stride, odd)["quarter turn"]
    assert layers.image_errors(pool, odd)["quarter turn"] > REAL > TINY > layers.image_errors(pool, images)["quarter turn"]


def test_the_filter_does_not_notice_a_turn():
    kernel = layers.turn_symmetric_filter(3)[0, 0]
    torch.testing.assert_close(torch.rot90(kernel), kernel)
    assert not torch.allclose(kernel[0, 0], kernel[0, 1])


def test_the_gap_is_the_ruler_of_groups(images):
    layer = layers.image_layers()["lopsided filter"]
    rotations = layers.image_action(layers.CyclicGroup(4), (8, 8))
    g = torch.tensor([1])
    ruler = equivariance_error(layer, rotations, rotations, images, g).item()
    gap = layers.relative_gap(layer(rotations.act(g, images)[0]), rotations.act(g, layer(images))[0])
    assert gap == pytest.approx(ruler, rel=1e-12)
    assert layers.relative_gap(torch.zeros(3), torch.zeros(3)) == 0
    assert layers.relative_gap(torch.ones(3), -torch.ones(3)) == pytest.approx(2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("name", "rotations", "mirrorings"),
    [
        ("mixing channels", True, True),
        ("adding a bias vector", False, False),
        ("ReLU on components", False, False),
        ("gate by length", True, True),
        ("layer norm over x, y, z", False, False),
        ("division by mean length", True, True),
        ("cross product of neighbours", True, False),
    ],
)
def test_layers_on_vectors(dtype, name, rotations, mirrorings):
    generator, tolerance = torch.Generator().manual_seed(1), 1e-5 if dtype == torch.float32 else 1e-12
    v = torch.randn(20, 5, 3, generator=generator).to(dtype)
    turns = SpecialOrthogonalGroup(3).sample(5, generator)
    layer = layers.vector_layers()[name]
    errors = layers.vector_errors(layer, v, turns)
    assert (errors.max() < tolerance) if rotations else (errors.min() > REAL)
    full = OrthogonalGroup(3)
    action = matrix_action(full, (5, 3))
    flips = equivariance_error(layer, action, action, v, full.product(full.generators(), turns))
    assert (flips.max() < tolerance) if mirrorings else (flips.min() > REAL)


def test_the_gate_keeps_directions_and_zero():
    v = torch.tensor([[0.0, 0.0], [3.0, 4.0]]).double()
    gated = layers.norm_gate(v)
    assert (gated[0] == 0).all() and gated[1, 1] / gated[1, 0] == pytest.approx(4 / 3)
    assert gated[1].norm() == pytest.approx(5 / (1 + torch.exp(torch.tensor(-16.0)).item()))
