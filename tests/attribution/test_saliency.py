"""Slopes in x: closed forms, plain autograd loops and captum."""

import pytest
import torch
from captum.attr import GuidedBackprop, Saliency
from torch import nn

from course_lib.attribution.features import feature_game
from course_lib.attribution.saliency import guided_backpropagation, guided_relus, noisy_slopes, saliency, smoothgrad
from course_lib.games import gradient
from course_lib.models import MLP, digit_net
from tests.games.instances import close, generator


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64).to(dtype)


class Layers(nn.Module):
    """The network of `MLP` with ReLU modules that captum can hook one by one."""

    def __init__(self, model: MLP) -> None:
        super().__init__()
        self.layers = model.layers

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def test_saliency_is_the_gradient_of_each_row(dtype):
    model, x = MLP([4, 8, 3], "tanh", seed=1).to(dtype), normal(5, 4, dtype=dtype)
    slopes = saliency(model, x, target=2)
    assert slopes.dtype == dtype
    for row, slope in zip(x, slopes, strict=True):
        close(slope, torch.autograd.functional.jacobian(lambda r: model(r[None])[0, 2], row).double())


def test_saliency_against_captum():
    model, x = MLP([4, 8, 3], "relu", seed=1).double(), normal(6, 4)
    ours = saliency(model, x, target=1)
    close(ours, Saliency(model).attribute(x.clone().requires_grad_(True), target=1, abs=False))


def test_saliency_times_the_difference_is_the_gradient_on_the_map():
    model, x, baseline = MLP([4, 8, 1], "tanh", seed=1).double(), normal(4), normal(4, seed=1)
    close(saliency(model, x[None])[0] * (x - baseline), gradient(feature_game(model, x, baseline)).scores)


def test_saliency_works_under_no_grad_and_leaves_the_model_alone():
    model, x = MLP([3, 4, 1], seed=0), normal(2, 3, dtype=torch.float32)
    with torch.no_grad():
        slopes = saliency(model, x)
    assert slopes.shape == x.shape and not slopes.requires_grad and not x.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())


def test_smoothgrad_of_a_quadratic_is_its_slope(dtype):
    weights = normal(4, 4, seed=3, dtype=dtype)
    x = normal(4, dtype=dtype)
    blurred = smoothgrad(lambda rows: ((rows @ weights) * rows).sum(1), x, scale=0.3, draws=4000, generator=generator())
    expected = (weights + weights.T) @ x
    assert ((blurred.scores - expected).abs() < 5 * blurred.standard_errors).all()
    assert blurred.evaluations == 4000 and blurred.scores.dtype == dtype


def test_smoothgrad_of_a_step_is_the_density_of_the_noise():
    """relu(x) blurred: slope Phi(x / scale)."""
    x = torch.tensor([0.2], dtype=torch.float64)
    blurred = smoothgrad(lambda rows: torch.relu(rows).sum(1), x, scale=0.5, draws=20_000, generator=generator())
    truth = torch.distributions.Normal(0.0, 1.0).cdf(x / 0.5)
    assert ((blurred.scores - truth).abs() < 5 * blurred.standard_errors).all()
    assert 0 < blurred.standard_errors.item() < 0.01


def test_noisy_slopes_do_not_depend_on_the_batch_and_repeat_with_the_seed(monkeypatch):
    model, x = MLP([3, 4, 1], "tanh", seed=0).double(), normal(3)
    whole = noisy_slopes(model, x, scale=0.1, draws=50, generator=generator())
    monkeypatch.setattr("course_lib.attribution.saliency.BATCH", 7)
    close(noisy_slopes(model, x, scale=0.1, draws=50, generator=generator()), whole)


def test_guided_backpropagation_against_captum():
    model, x = MLP([5, 9, 7, 3], "relu", seed=1).double(), normal(6, 5)
    expected = GuidedBackprop(Layers(model)).attribute(x.clone().requires_grad_(True), target=1)
    close(guided_backpropagation(model, x, target=1), expected)
    assert not torch.allclose(expected, saliency(model, x, target=1))


def test_guided_backpropagation_reaches_relus_that_are_functions():
    """The digit reader calls torch.relu; captum needs modules, so the same network is rebuilt from them."""
    net, images = digit_net(), torch.rand(3, 8, 8, generator=generator())
    modules = nn.Sequential(
        nn.Unflatten(1, (1, 8)), net.first, nn.ReLU(), net.second, nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), net.hidden, nn.ReLU(), net.logits,
    )  # fmt: skip
    expected = GuidedBackprop(modules).attribute(images.clone().requires_grad_(True), target=8)
    close(guided_backpropagation(net, images, target=8), expected.double())


def test_guided_relus_end_with_the_block_also_after_an_error():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="on purpose"), guided_relus():
        raise RuntimeError("on purpose")
    close(torch.autograd.grad(-torch.relu(x).sum(), x)[0], -torch.ones(2).double())


@pytest.mark.parametrize("relu", [torch.relu, nn.functional.relu, torch.Tensor.relu, nn.ReLU(), nn.ReLU(inplace=True)])
def test_every_spelling_of_relu_is_guided(relu):
    x = torch.tensor([1.0, 2.0, -1.0], requires_grad=True)
    with guided_relus():
        slope = torch.autograd.grad((relu(x * 1.0) * torch.tensor([1.0, -1.0, 1.0])).sum(), x)[0]
    assert slope.tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0.0}, "scale must be positive"),
        ({"scale": float("nan")}, "scale must be positive"),
        ({"draws": 1}, "draws must be an integer of at least 2"),
        ({"draws": 2.0}, "draws must be an integer of at least 2"),
        ({"generator": 3}, "generator must be a torch.Generator, got int"),
        ({"target": 7}, "target must be a column"),
    ],
)
def test_bad_input(arguments, message):
    defaults = {"scale": 0.1, "draws": 5, "generator": generator(), "target": 0}
    with pytest.raises(ValueError, match=message):
        smoothgrad(MLP([3, 4, 2]).double(), normal(3), **{**defaults, **arguments})


def test_one_output_is_needed():
    with pytest.raises(ValueError, match="target must leave one output per row"):
        saliency(MLP([3, 4, 2]).double(), normal(2, 3))
    with pytest.raises(ValueError, match="model must keep the graph"):
        saliency(lambda rows: rows.detach().sum(1), normal(2, 3))
