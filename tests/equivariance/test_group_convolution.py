"""What the chapter on group convolution states; its demo and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.equivariance import group_convolution as claims
from course_lib.demos.equivariance import group_convolution as demos
from course_lib.equivariance import turned_digits
from course_lib.equivariance.group_convolution import expand, feature_action, group_convolve
from course_lib.equivariance.weight_sharing import equivariant_basis
from course_lib.groups import CyclicGroup, image_action, regular_action


def test_free_weights_of_layers_between_images_and_fibres():
    group = CyclicGroup(4)
    patch, pixel, fibre = image_action(group, (3, 3)), image_action(group, (1, 1)), regular_action(group)
    pairs = [(patch, pixel), (patch, fibre), (feature_action(group, (4, 3, 3)), fibre)]
    assert [len(equivariant_basis(*pair)) for pair in pairs] == [3, 9, 36]


def test_the_demo_draws_and_describes_its_corners():
    demo = demos.turning_explorer()
    assert len(demo.points()) <= 40
    words = [demo.describe(**point) for point in demo.points()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))


@pytest.mark.parametrize("digit", demos.DIGITS)
def test_rows_of_the_demo_agree_exactly_if_filters_cycle(digit):
    for turns in range(4):
        _, found, moved = demos.sides(digit, turns, "turned and cycled")
        torch.testing.assert_close(found, moved, rtol=0, atol=1e-6)
        _, found, moved = demos.sides(digit, turns, "turned only")
        places = [(a - b).abs().max() < 1e-5 for a, b in zip(found, moved, strict=True)]
        assert sum(places) == (4 if turns == 0 else 0)


def test_the_layer_of_the_demo_cycles_by_as_many_places_as_it_is_told():
    generator = torch.Generator().manual_seed(0)
    y, w = (torch.randn(*shape, generator=generator) for shape in ((2, 3, 4, 6, 6), (5, 3, 4, 3, 3)))
    torch.testing.assert_close(demos.convolve(y, w), group_convolve(y, w, demos.C4))
    for cycle in (1, 0, -1):
        expected = sum(
            torch.nn.functional.conv2d(y[:, :, s], torch.rot90(w[:, :, (s - 3 * cycle) % 4], 3, (2, 3))) for s in range(4)
        )
        torch.testing.assert_close(demos.convolve(y, w, cycle)[:, :, 3], expected, rtol=1e-4, atol=1e-4)


def test_the_demo_finds_corners_of_a_square():
    x = torch.zeros(1, 12, 12)
    x[0, 4:8, 4:8] = 1.0
    found = demos.corners_of(x)[0, 0]
    peaks = [divmod(int(one.argmax()), 12) for one in found]
    near = [(7, 7), (4, 7), (4, 4), (7, 4)]  # lower right, upper right, upper left, lower left
    assert all(abs(a - c) <= 1 and abs(b - d) <= 1 for (a, b), (c, d) in zip(peaks, near, strict=True))
    assert expand(demos.corner(), demos.C4).shape == (1, 4, 1, 4, 3, 3)


def test_the_share_of_networks_that_tie_and_separate():
    record = claims.shared_weights_tie_where_an_average_separates(4)
    assert (record.estimate, record.seeds, record.verdict) == (1.0, 4, "cannot tell")
    assert claims.apart(2.0, 1.0) == 0.5 and claims.apart(0.0, 0.0) == 0.0


def test_gains_are_shares_read_right_by_networks_of_the_same_seed():
    record = claims.turning_filters_help("turned", rows=20, count=2)
    nets = [[turned_digits.trained(group, "turned", 20, seed) for group in ("C_4", "C_1")] for seed in (0, 1)]
    gains = [turned_digits.read_right(a, "turned") - turned_digits.read_right(b, "turned") for a, b in nets]
    assert record.estimate == pytest.approx(sum(gains) / 2)
    assert turned_digits.trained("C_4", "turned", 20, 0) is turned_digits.trained("C_4", "upright", 20, 0)
    assert turned_digits.trained("C_1", "turned", 20, 0) is not turned_digits.trained("C_1", "upright", 20, 0)
    right = turned_digits.read_right(nets[0][0], "turned"), turned_digits.read_right(nets[0][0], "upright")
    assert right[0] == pytest.approx(right[1], abs=0.005)
