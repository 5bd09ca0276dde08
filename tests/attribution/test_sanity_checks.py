"""Networks drawn anew, scaffolds and detectors; claims and demo of the chapter."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import datasets, models
from course_lib.attribution import sanity_checks as sanity
from course_lib.claims.attribution import sanity_checks as claims
from course_lib.demos.attribution import sanity_checks as demos
from course_lib.models import MLP

LAYERS = ["layers.4", "layers.2", "layers.0"]


def test_randomising_goes_from_the_top_down_and_leaves_the_model_alone():
    model = MLP([4, 6, 5, 2], seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    drawn = list(sanity.randomise_from_top(model, LAYERS, seed=0))
    assert [name for name, _ in drawn] == LAYERS
    for k, (_, copy) in enumerate(drawn, start=1):
        for name, value in copy.state_dict().items():
            assert torch.equal(value, before[name]) != name.startswith(tuple(LAYERS[:k]))
    for (_, earlier), (_, later), name in zip(drawn, drawn[1:], LAYERS, strict=False):
        assert torch.equal(earlier.get_submodule(name).weight, later.get_submodule(name).weight)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_no_layers_means_no_copies():
    assert list(sanity.randomise_from_top(MLP([2, 1]), [], seed=0)) == []


def test_seeds_decide_the_weights():
    def weights(seed):
        *_, (_, model) = sanity.randomise_from_top(models.digit_net(), claims.TOP_DOWN, seed)
        return torch.cat([p.flatten() for p in model.parameters()])

    assert torch.equal(weights(1), weights(1)) and not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_new_weights_follow_the_distribution_before_training(dtype):
    model = MLP([300, 200, 3], seed=0).to(dtype)
    *_, (_, drawn) = sanity.randomise_from_top(model, ["layers.2", "layers.0"], seed=5)
    weight = drawn.layers[0].weight
    assert weight.dtype == dtype and abs(weight.std().item() * (300 / 2) ** 0.5 - 1) < 0.02
    assert abs(weight.mean().item()) < 1e-3 and drawn.layers[0].bias.abs().max() == 0
    assert not torch.equal(drawn.layers[2].weight.flatten()[:9], weight.flatten()[:9])


@pytest.mark.parametrize(("layers", "match"), [(["top"], "top"), (["layers.0", "layers.0"], "distinct")])
def test_layers_that_cannot_be_drawn_are_named(layers, match):
    with pytest.raises(ValueError, match=match):
        sanity.randomise_from_top(MLP([2, 3, 1]), layers, seed=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_scaffold_is_biased_exactly_on_rows_called_real(dtype):
    rows = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    model = sanity.scaffold(lambda x: x[:, 0], lambda x: x[:, 1], lambda x: x[:, 2] > 0)
    expected = [row[0] if row[2] > 0 else row[1] for row in rows]
    assert torch.equal(model(rows), torch.stack(expected))
    wide = sanity.scaffold(lambda x: x, lambda x: -x, lambda x: x[:, 2] > 0)
    assert torch.equal(wide(rows), torch.stack([row if row[2] > 0 else -row for row in rows]))


def test_a_scaffold_wants_booleans():
    model = sanity.scaffold(lambda x: x[:, 0], lambda x: x[:, 1], lambda x: x[:, 0])
    with pytest.raises(ValueError, match="looks_real must give one boolean per row"):
        model(torch.ones(3, 2))


def test_perturbations_do_what_they_say():
    generator = torch.Generator().manual_seed(0)
    ones, zeros = torch.ones(4000, 6), torch.zeros(9, 6)
    few, many = (sanity.pasting(zeros, most)(ones, generator) == 0 for most in (0.5, 1.0))
    assert few.any(1).all() and many.any(1).all()
    assert abs(few.double().mean() - (1 - 5 / 6 * 3 / 4)) < 0.02  # one column for sure, the others with chance 1/4
    assert abs(many.double().mean() - (1 - 5 / 6 / 2)) < 0.02
    blurred = sanity.blurring(0.3)(ones.double(), generator)
    assert blurred.dtype == torch.float64 and abs(blurred.std() - 0.3) < 0.01 and abs(blurred.mean() - 1) < 0.01


def test_detectors_tell_the_audits_rows_from_real_ones():
    parts = claims.attack(seed=0)
    test, generator = parts["test"], torch.Generator().manual_seed(9)
    made_up = [sanity.pasting(parts["train"])(test, generator), sanity.blurring(claims.NOISE)(test, generator)]
    shares = [parts["looks_real"](rows).double().mean() for rows in (test, *made_up)]
    assert shares[0] > 0.75 and max(shares[1:]) < 0.5


def test_a_detector_wants_perturbations_of_the_same_shape():
    with pytest.raises(ValueError, match="at least one"):
        sanity.perturbation_detector(torch.zeros(4, 2), [], seed=0)
    with pytest.raises(ValueError, match="keep the shape"):
        sanity.perturbation_detector(torch.zeros(4, 2), [lambda rows, generator: rows[:1]], seed=0)


def test_the_scaffold_is_biased_on_real_rows_and_hides_it_from_lime():
    parts = claims.attack(seed=0)
    biased, model, passing = parts["biased"], parts["scaffold"], parts["passing"][:6]
    assert torch.equal(model(passing), biased(passing))
    assert all(claims.on_top(claims.lime_scores(biased, x, 0)) for x in passing)
    assert not any(claims.on_top(claims.lime_scores(model, x, 0)) for x in passing)
    assert all(claims.on_top(claims.shap_scores(biased, x, parts["train"][:10], 0)) for x in passing)


def test_on_top_needs_a_strict_first():
    assert claims.on_top(torch.tensor([1.0, -3.0]), 1)
    assert not claims.on_top(torch.tensor([3.0, -3.0]), 1) and not claims.on_top(torch.zeros(2), 0)


def test_maps_agree_with_themselves_and_with_loops():
    net, images = models.digit_net(), claims.some_digits(3)
    read = net(images).argmax(1)
    for method in claims.METHODS.values():
        maps = method(net, images, read)
        assert maps.shape == images.shape
        assert claims.agreement_of_sizes(maps, maps, images) == pytest.approx(1)
        assert claims.agreement_in_ink(maps, maps, images) == pytest.approx(1)
        alone = torch.cat([method(net, images[i : i + 1], read[i : i + 1]) for i in range(3)])
        assert method is claims.smooth_slopes or torch.allclose(maps, alone, atol=1e-5)
    erased = images[1].clone()
    erased[3, 4] = 0
    drop = net(images[1][None]) - net(erased[None])
    assert claims.occluded(net, images, read)[1, 3, 4] == pytest.approx(drop[0, read[1]].item(), abs=1e-5)


def test_integrated_maps_add_up_to_the_change_of_the_logit():
    net, images = models.digit_net(), claims.some_digits(4)
    read = net(images).argmax(1)
    total = claims.integrated(net, images, read, steps=200).sum((1, 2))
    change = (net(images) - net(torch.zeros_like(images))).gather(1, read[:, None])[:, 0]
    assert torch.allclose(total, change, atol=0.05)


def test_the_demo_draws_every_corner():
    demo = demos.cascade(models.digit_net(), datasets.misread_digit(), seeds=2)
    for point in demo.corners():
        plt.close(demo.draw(**point))
    assert "all pixels 1.00, signed values of the inked pixels 1.00" in demo.describe("gradient", 0)


def test_records_follow_from_their_intervals():
    whole, inked = (claims.integrated_gradients_ignore_the_weights(ruler, seeds=3, digits=8) for ruler in claims.RULERS)
    assert whole.verdict == "supported" and inked.high < whole.low
    record = claims.lime_or_shap_reveal_the_rule(seeds=2, rows=3)
    assert record.low <= record.estimate <= record.high and record.seeds == 2
