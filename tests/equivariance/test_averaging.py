"""What the chapter on averaging states; its demos and its claims."""

import math
import re

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.equivariance import averaging as claims
from course_lib.demos.equivariance import averaging as demos
from course_lib.equivariance.averaging import group_average, worst_case_left
from course_lib.groups import (
    SymmetricGroup,
    equivariance_error,
    permutation_action,
    regular_action,
    rotation,
    trivial_action,
    walk,
)
from course_lib.models import MLP


def test_three_lamps_give_the_convolution_that_the_chapter_prints():
    w = torch.tensor([[1.0, 2.0, 0.0], [0.0, 4.0, 2.0], [5.0, 0.0, 7.0]])
    step = torch.eye(3)[[2, 0, 1]]
    turns = [torch.linalg.matrix_power(step, k) for k in range(3)]
    found = sum(r.inverse() @ w @ r for r in turns) / 3
    assert found.tolist() == [[4, 3, 0], [0, 4, 3], [3, 0, 4]]
    assert (found @ step == step @ found).all() and not (w @ step == step @ w).all()


def test_a_forgotten_inverse_goes_unnoticed_on_exchanges_only():
    """mean rho(g) f(g x) in place of mean rho(g)^-1 f(g x): equal on S_2, different on S_3."""
    for n, equal in ((2, True), (3, False)):
        action = permutation_action(SymmetricGroup(n), (n,))
        net = MLP([n, 8, n], "tanh", 0).double().requires_grad_(False)
        x = torch.randn(5, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        elements = action.group.elements()
        answers = [net(y) for y in action.act(elements, x)]
        wrong = sum(action.act(g[None], y)[0] for g, y in zip(elements, answers, strict=True)) / len(elements)
        assert torch.allclose(group_average(net, action, action)(x), wrong) == equal


def test_an_upright_reader_gets_worse_upright_and_its_squared_error_falls_by_the_distance():
    f = claims.probabilities(claims.reader("upright", 100))
    averaged = claims.over_turns(f)
    before, after = (claims.squared_error(h, "upright") for h in (f, averaged))
    assert after > before + 0.1
    x, _ = claims.held_out("all positions")
    gain = claims.squared_error(f, "all positions") - claims.squared_error(averaged, "all positions")
    assert gain == pytest.approx((f(x) - averaged(x)).square().sum(1).mean().item(), abs=1e-5)
    with pytest.raises(ValueError, match="training must be"):
        claims.reader("sideways", 0)


def test_the_reader_turned_at_random_has_seen_all_positions():
    upright, turned = (claims.reader(kind, 101) for kind in ("upright", "turned"))
    x, y = claims.held_out("all positions")
    scores = [(net(x).argmax(1) == y).double().mean().item() for net in (upright, turned)]
    assert scores[1] > scores[0] + 0.15


def test_variance_falls_below_the_mean_over_the_orbit_and_not_below_that_at_a_point():
    """Closed form: f_i(x) = a_i on upright, b_i on turned things; the group exchanges the two."""
    a, b = torch.tensor([[0.0, 0.0, 0.0], [3.0, -3.0, 0.0]], dtype=torch.float64)
    averaged = (a + b) / 2
    assert averaged.var() <= (a.var() + b.var()) / 2 and averaged.var() > a.var()


def test_slopes_of_an_average_are_bounded_on_complete_orbits_for_isometries():
    action = claims.third_turns(1.0)
    out, generator = trivial_action(action.group), torch.Generator().manual_seed(0)
    for seed in range(5):
        f = MLP([2, 16, 1], "tanh", seed).double()
        x = action.act(action.group.elements(), torch.randn(20, 2, dtype=torch.float64, generator=generator)).flatten(0, 1)
        averaged = group_average(f, action, out)
        of_orbit = claims.steepness(f, x).reshape(3, 20).mean(0).repeat(3)
        assert (claims.steepness(averaged, x) <= of_orbit + 1e-12).all(), "at most the mean over the orbit, at every point"
    step = 1e-6
    x = torch.randn(1, 2, dtype=torch.float64, generator=generator)
    slopes = [(f(x + step * e) - f(x - step * e)) / (2 * step) for e in torch.eye(2, dtype=torch.float64)]
    assert claims.steepness(f, x).item() == pytest.approx(torch.cat(slopes).norm().item(), rel=1e-5)


def test_a_check_on_data_can_be_deceived():
    group = SymmetricGroup(5)
    places, number = permutation_action(group, (5,)), trivial_action(group)
    data = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tested = torch.cat([data[None], places.act(group.generators(), data)]).flatten(0, 1)

    def sly(x):
        return (x[:, None] - tested).norm(dim=2).amin(1)

    assert equivariance_error(sly, places, number, data, group.generators()).max() == 0
    assert equivariance_error(sly, places, number, data, group.elements()).max() > 1


def test_errors_grow_at_most_with_the_length_of_the_word():
    """On complete orbits: if a generator changes f by at most e at every x, a word of length l changes it by at most l e."""
    group = SymmetricGroup(4)
    action = permutation_action(group, (4,))
    net = MLP([4, 8, 1], "tanh", 0).double().requires_grad_(False)
    start = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    orbit = action.act(group.elements(), start).flatten(0, 1)
    elements, lengths = walk(group, group.generators())
    changes = (net(action.act(elements, orbit).flatten(0, 1)).reshape(24, -1) - net(orbit)).abs().amax(1)
    step = changes[lengths == 1].max()
    assert (changes <= lengths * step + 1e-12).all() and changes.max() > step


def test_three_exchanges_average_three_numbers_and_nothing_else():
    group = SymmetricGroup(3)
    swaps = torch.tensor([[1, 0, 2], [2, 1, 0], [0, 2, 1]])
    small, large = permutation_action(group, (3,)), regular_action(group)
    for action, exact in ((small, True), (large, False)):
        a, p = action.matrix(swaps).mean(0), action.matrix(group.elements()).mean(0)
        assert torch.allclose(a, p) == exact == torch.allclose(a @ a, a)
    assert worst_case_left(group, swaps) == pytest.approx(1)


def test_the_hidden_ring_has_n_symmetries():
    order = torch.randperm(5, generator=torch.Generator().manual_seed(0))
    f, x = claims.ring(order), torch.randn(1, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    kept = (f(x[0][SymmetricGroup(5).elements()]) - f(x)).abs() < 1e-12
    assert kept.sum() == 5


@pytest.mark.parametrize("extra, expected", [(-1, 0.0), (10, 0.999)])
def test_sign_flips_need_as_many_elements_as_signs(extra, expected):
    record = claims.random_elements_generate(6, extra, 50)
    assert record.estimate == pytest.approx(expected, abs=0.05)
    signs = torch.tensor([[1, -1, 1], [-1, 1, 1], [-1, -1, 1], [1, 1, 1]])
    assert claims._binary_rank(signs) == 2


@pytest.mark.parametrize(
    "claim, arguments, verdict",
    [
        ("averaging_helps", ("upright", "upright", 2), "not supported"),
        ("averaging_is_no_steeper", (1.0, 10), "supported"),
        ("averaging_is_no_steeper", (8.0, 10), "not supported"),
        ("generators_give_the_constraints", (5,), "supported"),
        ("one_pass_over_generators_averages", (4, 5), "not supported"),
        ("halving_law", (2, 200), "supported"),
        ("guessing_finds_a_symmetry", (10, 500, 20), "not supported"),
    ],
)
def test_claims_at_a_small_size(claim, arguments, verdict):
    record = getattr(claims, claim)(*arguments)
    assert record.verdict == verdict or (claim == "averaging_helps" and record.estimate > 0.2)
    assert record.id.startswith(f"equivariance/averaging/{claim}")
    assert record.low <= record.estimate <= record.high


def test_rotations_of_the_demo_average_as_it_says():
    _, before = demos.round_the_circle(demos.landscape)
    x = demos.RADIUS * torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    by_hand = sum(demos.landscape(x @ rotation(angle[None])[0].T) for angle in demos.rotations("equally spaced", 6)) / 6
    assert demos.averaged_landscape("equally spaced", 6)(x).item() == pytest.approx(by_hand.item())
    assert demos.rotations("generators only", 8).tolist() == pytest.approx([0, math.pi / 4, -math.pi / 4])
    left = {kind: [demos.variation_left(kind, n) for n in demos.NUMBERS] for kind in demos.KINDS}
    assert left["equally spaced"][-1] < 1e-6 < 0.05 < left["random"][-1] < left["generators only"][-1]
    assert left["generators only"][-1] > left["generators only"][0]
    assert before.std() > 0.3


@pytest.mark.parametrize("name", ["walk_explorer", "rotation_explorer"])
def test_demos_draw_and_describe_their_corners(name):
    demo = getattr(demos, name)()
    assert len(demo.points()) <= 40
    words = [demo.describe(**point) for point in demo.corners()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))


def test_the_walk_without_staying_is_caught_on_one_colour():
    demo = demos.walk_explorer()
    for steps in (30, 31):
        assert "12 of 24" in demo.describe(walk="S_4: swap neighbours", steps=steps)
        found = re.search(r"distribution: (0\.\d+)", demo.describe(walk="S_4: swap neighbours", steps=steps))
        assert float(found.group(1)) == 0.5
    assert "24 of 24" in demo.describe(walk="S_4: swap neighbours or stay", steps=30)
