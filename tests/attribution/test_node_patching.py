"""Patches and their estimates: closed forms, finite differences, a second implementation, cost, bad input."""

import pytest
import torch
from torch import nn

from course_lib.attribution.attribution_patching import along_own_gate, attribution_patching, input_path, node_estimates
from course_lib.attribution.components import component_game
from course_lib.attribution.interventions import Component, patch, record
from course_lib.attribution.node_patching import all_nodes, node_patches, node_path, share_found
from course_lib.attribution.replacement_pairs import METRICS, france_and_poland, metric, replacement_pairs
from course_lib.games import Game, add_one_in, gradient, integrated_gradients
from course_lib.models import MLP
from course_lib.transformer import fact_model

SITES = {"layers.1": "first", "layers.3": "second"}  # hidden layers of the network below
DTYPES = [torch.float32, torch.float64]


class Squares(nn.Module):
    """f = sum of the squares of what the first module passes on."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.end = nn.Identity(), nn.Identity()

    def forward(self, x):
        return self.end(self.first(x)).square().sum(1)


def read(outputs):
    return outputs


def tanh_net(dtype=torch.float64) -> MLP:
    return MLP([4, 6, 5, 1], "tanh", seed=3).to(dtype).requires_grad_(False)


def ends(dtype=torch.float64, pairs: int = 3):
    return torch.randn(2, pairs, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)


def units(site: str) -> torch.Tensor:
    return all_nodes((6,) if site == "layers.1" else (5,))


def near(found, expected, tolerance=1e-10):
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance, check_dtype=False)


@pytest.mark.parametrize("dtype", DTYPES)
def test_on_a_square_the_error_changes_its_sign_with_the_evaluation_point_and_the_estimate_does_not(dtype):
    clean, corrupted = ends(dtype)
    model, nodes = Squares(), all_nodes((4,))
    real = node_patches(model, clean, corrupted, "first", nodes, read)
    near(real, clean**2 - corrupted**2, 1e-5)
    start = node_estimates(model, clean, corrupted, {"first": nodes}, read)["first"]
    near(start, 2 * corrupted * (clean - corrupted), 1e-5)
    end = -node_estimates(model, corrupted, clean, {"first": nodes}, read)["first"]  # slope at the clean run
    near(start - real, -((clean - corrupted) ** 2), 1e-5)
    near(end - real, (clean - corrupted) ** 2, 1e-5)
    assert start.dtype == dtype
    assert (start.sign() == end.sign()).any()


def test_a_saturated_sigmoid_in_closed_form():
    model = nn.Sequential(nn.Identity(), nn.Sigmoid(), nn.Flatten(0))
    clean, corrupted = torch.tensor([[8.0]]).double(), torch.tensor([[-8.0]]).double()
    sigmoid = 1 / (1 + torch.exp(torch.tensor(8.0).double()))
    nodes = all_nodes((1,))
    near(node_patches(model, clean, corrupted, "0", nodes, read)[0, 0], 1 - 2 * sigmoid)
    estimate = node_estimates(model, clean, corrupted, {"0": nodes}, read)["0"][0, 0]
    near(estimate, 16 * sigmoid * (1 - sigmoid))
    near(node_path(model, clean, corrupted, "0", nodes, read, steps=64)[0, 0], 1 - 2 * sigmoid, 1e-5)


@pytest.mark.parametrize("site", SITES)
def test_estimates_are_the_slope_of_the_gate_at_the_corrupted_run(site):
    clean, corrupted = ends()
    model, nodes, small = tanh_net(), units(site), 1e-5
    found = node_estimates(model, clean, corrupted, {site: nodes}, read)[site]
    for pair in range(len(clean)):
        one = clean[pair : pair + 1], corrupted[pair : pair + 1]
        goal, here = (record(model, x, [site])[site] for x in one)
        components = [Component(site, (int(unit),)) for unit in nodes[:, 0]]
        for unit, component in enumerate(components):
            values = [patch(model, one[1], [component], {site: here + s * (goal - here)}) for s in (small, -small)]
            near(found[pair, unit], (values[0] - values[1])[0] / (2 * small), 1e-6)
        game = component_game(model, *one, components)
        near(found[pair], gradient(game, at=0.0).scores)
        near(found[pair], attribution_patching(model, *one, components).scores)
        near(node_patches(model, *one, site, nodes, read)[0], add_one_in(game).scores)


def test_exact_where_the_rest_is_linear_and_zero_where_activations_agree():
    clean, corrupted = ends()
    model, nodes = tanh_net(), units("layers.3")
    real = node_patches(model, clean, corrupted, "layers.3", nodes, read)
    near(node_estimates(model, clean, corrupted, {"layers.3": nodes}, read)["layers.3"], real)
    near(real.sum(1), model(clean) - model(corrupted))
    for function in (node_patches, node_path):  # zero up to rounding, which differs between batches of different sizes
        assert function(model, clean, clean, "layers.1", units("layers.1"), read).abs().max() < 1e-14
    assert (node_estimates(model, clean, clean, {"layers.1": units("layers.1")}, read)["layers.1"] == 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_path_converges_to_the_patch_with_the_square_of_the_steps(dtype):
    clean, corrupted = ends(dtype)
    model, nodes = tanh_net(dtype), units("layers.1")
    real = node_patches(model, clean, corrupted, "layers.1", nodes, read)
    errors = [(node_path(model, clean, corrupted, "layers.1", nodes, read, m) - real).abs().max() for m in (4, 8, 16, 64)]
    assert errors[3] < 1e-4
    if dtype == torch.float64:
        assert 3.5 < errors[1] / errors[2] < 4.5


def test_paths_of_a_game_one_by_one_and_all_together():
    clean, corrupted = ends(pairs=1)
    model, components = tanh_net(), [Component("layers.1", (unit,)) for unit in range(6)]
    game = component_game(model, clean, corrupted, components)
    near(along_own_gate(game, steps=200).scores, add_one_in(game).scores, 1e-5)
    nodes = node_path(model, clean, corrupted, "layers.1", units("layers.1"), read, steps=7)[0]
    found = along_own_gate(game, steps=7)
    near(found.scores, nodes)
    assert found.evaluations == 42
    together = integrated_gradients(game)
    near(together.scores.sum(), (model(clean) - model(corrupted))[0])
    assert (along_own_gate(game, 50).scores.sum() - together.scores.sum()).abs() > 1e-3


def test_the_input_path_is_complete_at_the_entry_and_one_run_a_step():
    clean, corrupted = ends()
    model = nn.Sequential(nn.Identity(), tanh_net())
    found = input_path(model, clean, corrupted, {"0": all_nodes((4,))}, read, entry="0", steps=200)["0"]
    near(found.sum(1), model(clean) - model(corrupted), 1e-4)
    inner = input_path(model, clean, corrupted, {"1.layers.3": units("layers.3")}, read, entry="0", steps=2)["1.layers.3"]
    near(inner, node_patches(model, clean, corrupted, "1.layers.3", units("layers.3"), read))  # linear behind the site


def by_hand(model, tokens, read_out):
    """The fact model written again, with additions of zero to the stream behind each layer, and the slopes of those."""
    weights = dict(model.state_dict())
    x = weights["tokens.weight"][tokens] + weights["positions.weight"][: tokens.shape[1]]

    def norm(x, name):
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + 1e-5).rsqrt()
        return centred * scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def linear(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    added, streams = [], []
    for layer in range(3):
        at, y = f"layers.{layer}", norm(x, f"layers.{layer}.before_attention")
        q, k, v = (linear(y, f"{at}.attention.{part}").unflatten(-1, (4, 16)) for part in ("query", "key", "value"))
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / 4
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        pattern = scores.masked_fill(later, -1e30).softmax(-1)
        x = x + linear(torch.einsum("bhqk,bkhd->bqhd", pattern, v).flatten(-2), f"{at}.attention.output")
        hidden = nn.functional.gelu(linear(norm(x, f"{at}.before_mlp"), f"{at}.mlp.up"))
        x = x + linear(hidden, f"{at}.mlp.down")
        added.append(torch.zeros_like(x, requires_grad=True))
        streams.append(x.detach())
        x = x + added[-1]
    logits = norm(x, "norm") @ weights["unembed.weight"].T
    return streams, torch.autograd.grad(read_out(logits).sum(), added)


def test_a_second_implementation_of_the_fact_model_gives_the_same_estimates():
    model = fact_model().double()
    pairs = replacement_pairs(model, 4, seed=5)
    for kind in METRICS:
        there, _ = by_hand(model, pairs.clean, metric(pairs, kind))
        here, slopes = by_hand(model, pairs.corrupted, metric(pairs, kind))
        nodes = {f"layers.{layer}.stream": all_nodes(here[layer].shape[1:2]) for layer in range(3)}
        found = node_estimates(model, pairs.clean, pairs.corrupted, nodes, metric(pairs, kind))
        for layer, estimate in enumerate(found.values()):
            near(estimate, (slopes[layer] * (there[layer] - here[layer])).sum(2), 1e-9)


@pytest.mark.parametrize(("site", "axes", "shape"), [("from_attention", 1, (7,)), ("attention.per_head", 2, (7, 4))])
def test_nodes_of_the_fact_model_are_components(site, axes, shape):
    model, pairs = fact_model(), france_and_poland()
    nodes, name = all_nodes(shape, axes), f"layers.1.{site}"
    found = node_patches(model, pairs.clean, pairs.corrupted, name, nodes, metric(pairs), batch_size=5)
    goal = record(model, pairs.clean, [name])
    start = metric(pairs)(model(pairs.corrupted))
    for node, effect in zip(nodes.tolist(), found[0], strict=True):
        near(effect, (metric(pairs)(patch(model, pairs.corrupted, [Component(name, tuple(node))], goal)) - start)[0], 1e-4)
    assert found[0, nodes[:, 0] < 4].abs().max() < 1e-5, "tokens before the subject cannot matter"


class Counting(nn.Module):
    """Counts rows that run forward and backward through it."""

    def __init__(self, model) -> None:
        super().__init__()
        self.model, self.forwards, self.backwards = model, 0, 0

    def forward(self, x):
        outputs = self.model(x)
        self.forwards += len(x)
        if outputs.requires_grad:
            outputs.register_hook(lambda slope: setattr(self, "backwards", self.backwards + len(slope)))
        return outputs


def test_runs_are_counted():
    clean, corrupted = ends()
    for run, forwards, backwards in (
        (lambda m, s, n: node_estimates(m, clean, corrupted, {s: n, "model.layers.3": n[:5]}, read), 6, 3),
        (lambda m, s, n: node_patches(m, clean, corrupted, s, n, read), 3 + 18 + 3, 0),
        (lambda m, s, n: node_path(m, clean, corrupted, s, n, read, steps=4), 3 + 72, 72),
        (lambda m, s, n: input_path(m, clean, corrupted, {s: n}, read, entry="model.layers.0", steps=4), 6 + 12, 12),
    ):
        counting = Counting(tanh_net())
        run(counting, "model.layers.1", units("layers.1"))
        assert (counting.forwards, counting.backwards) == (forwards, backwards)
        assert not any(module._forward_hooks for module in counting.modules())


def test_share_found_counts_the_largest_of_either_sign():
    patches, estimates = torch.tensor([[5.0, -4.0, 3.0, 0.0], [1.0, 2.0, 3.0, 4.0]]), torch.tensor([[0.0, 2.0, -3.0, 1.0]] * 2)
    assert share_found(patches, estimates, 2, 2).tolist() == [0.5, 0.5]
    assert share_found(patches, estimates, 2, 3).tolist() == [0.5, 1.0]
    assert share_found(patches, estimates, 2, 4).tolist() == [1.0, 1.0]


def test_pairs_differ_in_the_subject_only_and_tell_different_facts():
    model = fact_model()
    pairs = replacement_pairs(model, 60, seed=2)
    differ = pairs.clean != pairs.corrupted
    assert (pairs.answers != pairs.others).all() and not differ[~pairs.live].any() and differ.any(1).all()
    assert model.is_piece[pairs.clean][differ].all() and model.is_piece[pairs.corrupted][differ].all()
    assert (metric(pairs)(model(pairs.clean)) > 0).all() and (metric(pairs)(model(pairs.corrupted)) < 0).all()
    assert len({(tuple(row.tolist()), int(answer)) for row, answer in zip(pairs.clean, pairs.answers, strict=True)}) == 60
    assert torch.equal(replacement_pairs(model, 10, seed=2).clean, pairs[range(10)].clean)


def test_bad_input_is_named():
    clean, corrupted = ends()
    model, nodes = tanh_net(), units("layers.1")
    hard = Game(lambda g: g[:, 0], players=1, differentiable=False)
    for message, call in (
        ("one shape", lambda: node_patches(model, clean[:2], corrupted, "layers.1", nodes, read)),
        ("one shape", lambda: node_estimates(model, clean[:2], corrupted, {"layers.1": nodes}, read)),
        ("nodes must lie", lambda: node_patches(model, clean, corrupted, "layers.3", nodes, read)),
        ("nodes must be", lambda: node_patches(model, clean, corrupted, "layers.1", nodes[:, 0], read)),
        ("nodes must be", lambda: node_estimates(model, clean, corrupted, {"layers.1": nodes[:0]}, read)),
        ("site must be", lambda: node_patches(model, clean, corrupted, "layers.9", nodes, read)),
        ("metric must", lambda: node_patches(model, clean, corrupted, "layers.1", nodes, lambda out: out[:1])),
        ("metric must", lambda: node_estimates(model, clean, corrupted, {"layers.1": nodes}, lambda out: out.sum())),
        ("steps must", lambda: node_path(model, clean, corrupted, "layers.1", nodes, read, steps=0)),
        ("steps must", lambda: input_path(model, clean, corrupted, {"layers.1": nodes}, read, entry="layers.0", steps=1.5)),
        ("batch_size must", lambda: node_patches(model, clean, corrupted, "layers.1", nodes, read, batch_size=0)),
        ("axes must", lambda: all_nodes((2,), axes=2)),
        ("differentiable", lambda: along_own_gate(hard)),
        ("one number", lambda: along_own_gate(Game(lambda g: g, players=2))),
        ("k and budget", lambda: share_found(clean, corrupted, 3, 2)),
        ("one shape", lambda: share_found(clean, corrupted[:1], 1, 2)),
        ("kind must", lambda: metric(france_and_poland(), "accuracy")),
        ("count must", lambda: replacement_pairs(fact_model(), 0)),
        ("count must", lambda: replacement_pairs(fact_model(), 10**6)),
    ):
        with pytest.raises(ValueError, match=message):
            call()
