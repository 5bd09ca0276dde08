"""What the chapter on the benefits of symmetry states; its demos and its claims, small."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.symmetries import benefits as claims
from course_lib.datasets import digits
from course_lib.demos.symmetries import benefits as demos
from course_lib.groups import DihedralGroup, SymmetricGroup, permutation_action
from course_lib.symmetries import efficiency, kernels


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize(("group", "shape"), [(SymmetricGroup(3), (3, 4)), (DihedralGroup(5), (5,))])
def test_augmenting_with_whole_orbits_is_constrained_least_squares(group, shape):
    action, generator = permutation_action(group, shape), torch.Generator().manual_seed(0)
    rho, d = action.matrix(group.elements()), action.dimension
    x, y = torch.randn(1, d + 4, d, generator=generator).double(), torch.randn(1, d + 4, generator=generator).double()
    moved = efficiency.least_squares((x @ rho).flatten(0, 1)[None], y.repeat(1, len(rho)))
    assert torch.allclose(moved, efficiency.constrained_least_squares(x, y, rho.mean(0)), atol=1e-10)


def test_pythagoras_needs_an_invariant_law_and_an_invariant_target():
    """E (f - f*)^2 = E (Pf - f*)^2 + E (f - Pf)^2 on a finite law: exact there, and false without either hypothesis."""
    group, generator = DihedralGroup(4), torch.Generator().manual_seed(1)
    places = group.permutations(group.elements())  # the law is uniform on four corners
    f, target = torch.randn(4, generator=generator).double(), torch.full((4,), 0.7).double()
    mean = f[places].mean(0)

    def gap(weights, truth):
        risk, after, rest = ((weights * part.square()).sum() for part in (f - truth, mean - truth, f - mean))
        return (risk - after - rest).abs().item()

    uniform, uneven = torch.full((4,), 0.25).double(), torch.tensor([0.7, 0.1, 0.1, 0.1]).double()
    assert gap(uniform, target) < 1e-12
    assert gap(uneven, target) > 0.01 and gap(uniform, torch.arange(4.0).double()) > 0.01


def test_averaging_keeps_a_lipschitz_constant_and_lowers_the_variance_over_the_orbit_only():
    e = 0.3 * torch.randn(50_000, generator=torch.Generator().manual_seed(0)).double()
    mean = lambda x: (torch.relu(x) + torch.relu(-x)) / 2  # noqa: E731
    over_orbit = (torch.relu(e - 2).var() + torch.relu(e + 2).var()) / 2
    assert mean(e + 2).var() < over_orbit and mean(e - 2).var() < over_orbit
    assert mean(e - 2).var() > torch.relu(e - 2).var(), "above at the point where the function was flat"
    x = torch.linspace(-3, 3, 400)
    assert (mean(x).diff().abs() <= x.diff() * (1 + 1e-4)).all(), "1-Lipschitz as ReLU is"


def test_the_gap_is_that_of_the_formula():
    record = claims.projection_gap(draws=4000)
    assert record.low < 1 < record.high and 0.9 < record.estimate < 1.1


@pytest.mark.parametrize(("name", "above", "below"), [("D4", 3.6, 6.0), ("half shifts", 4.6, 6.6), ("C2", 1.6, 2.3)])
def test_gains_follow_the_count_and_not_the_order(name, above, below):
    gains = claims.measured_gains(name, True, 3, 12)
    assert above < gains.mean() < below
    assert claims.gain_is_counted(name, True, 3, 12).estimate == pytest.approx(
        gains.mean().item() / kernels.predicted_gain(kernels.torus_action(name), 3)
    )
    order = kernels.torus_action(name).group.order
    assert claims.gain_is_the_order(name, 3, 12).estimate == pytest.approx(gains.mean().item() / order)


def test_one_ridge_for_both_kernels_loses_part_of_the_gain():
    assert claims.measured_gains("D4", False, 3, 12).mean() < claims.measured_gains("D4", True, 3, 12).mean()


def test_symmetry_saves_digits_and_averaging_after_saves_less():
    plain, after, throughout = (
        claims.turned_accuracies(model, 50, 3).mean() for model in ("plain", "averaged after", "averaged throughout")
    )
    assert plain + 0.01 < after < throughout - 0.02
    assert claims.fewer_digits(50, 100, 3).estimate > 0


def test_exact_robustness_to_the_group_and_to_nothing_else():
    images = digits().test_x[:200]
    reader = claims.trained("averaged throughout", 50, 3)
    answers = reader(images).argmax(-1)
    assert (reader(images.rot90(1, (1, 2))).argmax(-1) == answers).double().mean() > 0.995  # ties up to rounding
    shifted = torch.nn.functional.pad(images, (1, 0))[..., :8]
    assert (reader(shifted).argmax(-1) != answers).double().mean() > 0.2


def test_averaging_upright_readers_ruins_them():
    assert claims.averaging_upright_loses(50, 3).estimate < -0.2


def test_every_claim_gives_a_record_with_its_declared_threshold():
    records = [
        claims.loses_less_to_noise(25, draws=3),
        claims.symmetry_beats_noisy_training(25, draws=3),
        claims.half_turn_costs(True, 25, 3),
        claims.half_turn_costs(False, 25, 3),
    ]
    assert [record.threshold for record in records] == [
        "mean difference of the losses below 0",
        "mean difference in accuracy above 0",
        "mean loss of accuracy above 0.05",
        "mean loss of accuracy below 0.02",
    ]
    assert len({record.id for record in records}) == 4 and all(record.seeds == 3 for record in records)


def test_the_demo_of_curves_at_its_corners():
    demo = demos.samples_worth()
    assert len(demo.points()) == 12
    captions = {demo.describe(**point) for point in demo.corners()}
    pictures = {demo.frame(**point) for point in demo.corners()}
    assert len(captions) == len(pictures) == 4


def test_the_demo_of_noise_at_its_corners(monkeypatch):
    trained, accuracies = claims.trained, claims.turned_accuracies
    monkeypatch.setattr(demos, "trained", lambda model, size: trained(model, 25, 3))
    monkeypatch.setattr(demos, "turned_accuracies", lambda model, size, noise=0.0: accuracies(model, 25, 3, noise))
    demo = demos.noise_against_model()
    assert len(demo.points()) == 30
    assert len({demo.frame(**point) for point in demo.corners()}) == 4
    assert len({demo.describe(**point) for point in demo.corners()}) == 4
