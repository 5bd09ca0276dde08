"""Neural additive models: batched tensors equal plain networks in a loop, members are independent, fits are sane."""

import pytest
import torch

from course_lib.explainable.nam import FeatureNets, fit_members, fit_nam


def data(b=80, n=3):
    x = torch.randn(b, n, generator=torch.Generator().manual_seed(0))
    return x * torch.tensor([1.0, 50.0, 0.1]) + 2, x[:, 0] - x[:, 1] ** 2


def loop(nets, member, feature):
    """The network of one member and feature as an ordinary `torch.nn.Sequential`."""
    layers = []
    for weight, bias in zip(nets.weights, nets.biases, strict=True):
        linear = torch.nn.Linear(*weight.shape[-2:])
        linear.weight.data, linear.bias.data = weight[member, feature].T.clone(), bias[member, feature, 0].clone()
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def nets(members=2, n=3):
    x, _ = data()
    generators = [torch.Generator().manual_seed(j) for j in range(members)]
    return FeatureNets((5, 4), x.mean(0), x.std(0), generators)


def test_batched_equals_loop_over_networks():
    batch, (x, _) = nets(), data()
    z = (x - batch.centre) / batch.scale
    expected = torch.stack([torch.cat([loop(batch, m, k)(z[:, k : k + 1]) for k in range(3)], 1) for m in range(2)])
    assert torch.allclose(batch.each(x), expected, atol=1e-5)
    assert torch.allclose(batch(x), expected.mean(0), atol=1e-5)
    assert torch.equal(batch.member(1)(x), batch.each(x)[1])


def test_batched_gradients_equal_those_of_the_loop():
    batch, (x, y) = nets(), data()
    (batch.each(x).sum(2) - y).square().mean(1).sum().backward()
    z = (x - batch.centre) / batch.scale
    singles = [loop(batch, 1, k) for k in range(3)]
    output = sum(net(z[:, k : k + 1])[:, 0] for k, net in enumerate(singles))
    (output - y).square().mean().backward()
    for k, single in enumerate(singles):
        assert torch.allclose(batch.weights[0].grad[1, k].T, single[0].weight.grad, atol=1e-4)
        assert torch.allclose(batch.weights[2].grad[1, k].T, single[4].weight.grad, atol=1e-4)


@pytest.mark.parametrize("kind", ["regression", "classification"])
def test_members_trained_together_equal_members_trained_alone(kind):
    x, y = data()
    y = y if kind == "regression" else (y > y.median()).long()
    settings = {"kind": kind, "epochs": 25, "hidden": (6, 4)}
    together = fit_members(x, y, members=3, seed=4, **settings)
    alone = [fit_nam(x, y, members=1, seed=4 + j, **settings) for j in range(3)]
    for a, b in zip(together, alone, strict=True):
        assert torch.allclose(a(x), b(x), atol=1e-3)
    mean = fit_nam(x, y, members=3, seed=4, **settings)
    assert torch.allclose(mean(x), torch.stack([m(x) for m in together]).mean(0), atol=1e-4)
    assert (together[0](x) - together[1](x)).abs().max() > 1e-2


def test_same_seed_same_model_and_no_global_state():
    x, y = data()
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first, second = (fit_nam(x, y, epochs=5)(x) for _ in range(2))
    assert torch.equal(first, second) and torch.equal(before, torch.random.get_rng_state())
    assert not torch.equal(first, fit_nam(x, y, epochs=5, seed=100)(x))


def test_it_learns_an_additive_function_and_is_centred(dtype):
    x, y = data(300)
    model = fit_nam(x, y, members=2, dropout=0.0, feature_dropout=0.0)
    error = (model(x.to(dtype)) - y).var() / y.var()
    assert error < 0.02 and model(x.to(dtype)).dtype == dtype
    assert model.contributions(x).mean(0).abs().max() < 1e-4
    z = x[:, 2]
    assert (model.contributions(x)[:, 2] - z * 0).abs().mean() < 0.1  # a feature without effect


def test_output_penalty_shrinks_and_feature_dropout_spreads():
    x, y = data(200)
    sizes = [fit_nam(x, y, members=2, output_penalty=p).contributions(x).square().mean() for p in (0.0, 1.0)]
    assert sizes[1] < 0.7 * sizes[0]
    twin = torch.stack([x[:, 0], x[:, 0]], 1)
    spread = fit_nam(twin, x[:, 0], members=4, feature_dropout=0.5).contributions(twin).std(0)
    assert spread.min() / spread.max() > 0.75


@pytest.mark.parametrize(
    "change, name",
    [
        ({"kind": "other"}, "kind"),
        ({"members": 0}, "members"),
        ({"epochs": 0}, "epochs"),
        ({"rate": 0.0}, "rate"),
        ({"hidden": ()}, "hidden"),
        ({"dropout": 1.0}, "dropout"),
        ({"feature_dropout": -0.1}, "feature_dropout"),
        ({"kind": "classification"}, "classes"),
        ({"y": torch.zeros(80)}, "vary"),
        ({"y": torch.zeros(79)}, "x must be"),
        ({"x": torch.full((80, 2), torch.inf)}, "finite"),
    ],
)
def test_bad_input_is_named(change, name):
    x, y = data()
    arguments = {"x": x, "y": y, **change}
    with pytest.raises(ValueError, match=name):
        fit_nam(arguments.pop("x"), arguments.pop("y"), **arguments)


def test_unknown_settings_are_named():
    with pytest.raises(ValueError, match="colour"):
        fit_members(*data(), colour=1)
