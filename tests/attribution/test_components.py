"""The games of a model's parts: against runs put together by hand, closed forms and shapiq."""

import numpy as np
import pytest
import shapiq
import torch

from course_lib.attribution.attribution_patching import attribution_patching
from course_lib.attribution.components import ablation_game, component_game
from course_lib.attribution.interventions import Component, mean_activations, patch, record, zero_activations
from course_lib.games import add_one_in, corners, gradient, leave_one_out, shapley
from course_lib.models import DigitNet
from tests.attribution.tanh_network import LAYERS, NEURONS, by_hand, network, normal, with_entry
from tests.games.instances import close, generator


def test_two_games_of_a_run_and_itself_are_constant(dtype):
    model, x = network(dtype), normal(3, 4, dtype=dtype)
    for make in (component_game, ablation_game):
        values = make(model, x, x, NEURONS, target=0)(torch.rand(6, 8, generator=generator(), dtype=torch.float64))
        close(values, model(x)[:, 0].mean().expand(6))


@pytest.mark.parametrize("rows", [2, 3, 8])
def test_a_source_of_another_number_of_rows_is_refused(rows):
    model, x = network(), normal(4, 4)
    source = record(model, normal(rows, 4), ["layers.1"])
    for use in (
        lambda: patch(model, x, LAYERS[:1], source),
        lambda: component_game(model, source, x, LAYERS[:1]),
        lambda: ablation_game(model, x, source, LAYERS[:1]),
    ):
        with pytest.raises(ValueError, match=f"one for each of the 4 inputs, got {rows}"):
            use()


@pytest.fixture
def case(dtype: torch.dtype):
    """A network, a clean and a corrupted input with a row each."""
    return network(dtype), normal(1, 4, dtype=dtype), normal(1, 4, seed=1, dtype=dtype)


def test_the_ends_of_both_games(case):
    model, x, other = case
    empty, full = component_game(model, x, other, LAYERS, target=1).ends()
    close(torch.stack([empty, full]), torch.stack([model(other)[0, 1], model(x)[0, 1]]))
    empty, full = ablation_game(model, x, other, LAYERS, target=1).ends()
    close(torch.stack([empty, full]), torch.stack([model(other)[0, 1], model(x)[0, 1]]))
    part = component_game(model, x, other, NEURONS[:2], target=1).ends()[1]
    assert (part - model(x)[0, 1]).abs() > 1e-3  # two neurons do not cut every path


def test_a_player_upstream_acts_through_those_behind_it(case):
    """c_2 <- h_2 + g_2 (c_2(x) - h_2) with h_2 recomputed, against a constant c_2(x') in its place."""
    model, x, other = case
    layer = model.layers
    c1, c2 = record(model, x, ["layers.1"])["layers.1"], record(model, x, ["layers.3"])["layers.3"]

    def value(g: torch.Tensor, clamped: bool) -> torch.Tensor:
        h1 = torch.tanh(layer[0](other))
        h2 = torch.tanh(layer[2](h1 + g[0] * (c1 - h1)))
        start = record(model, other, ["layers.3"])["layers.3"] if clamped else h2
        return layer[4](start + g[1] * (c2 - start))[0, 0]

    slopes = gradient(component_game(model, x, other, LAYERS, target=0), at=0.0).scores
    zero = torch.zeros(2, dtype=x.dtype)
    ours = torch.autograd.functional.jacobian(lambda g: value(g, clamped=False), zero)
    clamped = torch.autograd.functional.jacobian(lambda g: value(g, clamped=True), zero)
    close(slopes, ours)
    assert clamped[0] == 0 and slopes[0].abs() > 1e-2
    close(slopes[1], clamped[1])


def test_the_soft_game_is_the_hybrid_run(case):
    model, x, other = case
    source = record(model, x, ["layers.1", "layers.3"])
    gates = torch.rand(5, 8, generator=generator(), dtype=torch.float64).to(x.dtype)
    expected = [
        by_hand(
            model,
            other,
            lambda h, row=row: h + row[:5] * (source["layers.1"] - h),
            lambda h, row=row: h + row[5:] * (source["layers.3"] - h),
        )[0]
        for row in gates
    ]
    close(component_game(model, x, other, NEURONS)(gates), torch.stack(expected))
    mirrored = [
        by_hand(
            model,
            other,
            lambda h, row=row: source["layers.1"] + row[:5] * (h - source["layers.1"]),
            lambda h, row=row: source["layers.3"] + row[5:] * (h - source["layers.3"]),
        )[0]
        for row in gates
    ]
    close(ablation_game(model, other, x, NEURONS)(gates), torch.stack(mirrored))


def test_attribution_patching_is_the_gradient_at_the_corrupted_run():
    model, x, other = network(), normal(1, 4), normal(1, 4, seed=1)
    game = component_game(model, x, other, NEURONS, target=0)
    estimate = attribution_patching(model, x, other, NEURONS, target=0)
    close(estimate.scores, gradient(game, at=0.0).scores)
    step = 1e-4  # one-sided: a gate cannot be negative
    eye = torch.eye(8, dtype=torch.float64)
    values = game.evaluate(torch.cat([torch.zeros(1, 8).double(), step * eye, 2 * step * eye]))
    slopes = (4 * values[1:9] - values[9:] - 3 * values[0]) / (2 * step)
    torch.testing.assert_close(estimate.scores, slopes, rtol=0, atol=1e-6)
    assert estimate.evaluations == 2


def test_attribution_patching_is_exact_for_a_linear_tail_and_zero_where_nothing_follows():
    model, x, other = network(), normal(1, 4), normal(1, 4, seed=1)
    last = NEURONS[5:]
    game = component_game(model, x, other, last, target=0)
    close(attribution_patching(model, x, other, last, target=0).scores, add_one_in(game).scores)
    output = [Component("layers.4", (1,))]
    assert attribution_patching(model, x, other, output, target=0).scores.item() == 0


def test_add_one_in_is_activation_patching_with_hooks_of_our_own(case):
    model, x, other = case
    kept = {}
    for site in ("layers.1", "layers.3"):
        handle = model.get_submodule(site).register_forward_hook(lambda m, i, out, site=site: kept.update({site: out}))
        model(x)
        handle.remove()
    start, expected = model(other)[0, 0], []
    for component in NEURONS:
        (unit,), site = component.index, component.site
        handle = model.get_submodule(site).register_forward_hook(
            lambda m, i, out, unit=unit, site=site: with_entry(out, [unit], kept[site])
        )
        expected.append(model(other)[0, 0] - start)
        handle.remove()
    close(add_one_in(component_game(model, x, other, NEURONS, target=0)).scores, torch.stack(expected))


@pytest.mark.parametrize("kind", ["zero", "mean", "resample"])
def test_leave_one_out_is_ablation_by_hand(dtype, kind):
    model, x, pool = network(dtype), normal(3, 4, dtype=dtype), normal(3, 4, seed=5, dtype=dtype)
    hidden = torch.tanh(model.layers[0](pool))
    values = {"zero": torch.zeros_like(hidden), "mean": hidden.mean(0, keepdim=True).expand(3, -1), "resample": hidden}
    sources = {
        "zero": zero_activations(model, x, ["layers.1"]),
        "mean": mean_activations(model, pool, ["layers.1"]),
        "resample": pool,
    }
    scores = leave_one_out(ablation_game(model, x, sources[kind], NEURONS[:5], target=1)).scores
    lost = [
        (model(x) - by_hand(model, x, lambda h, k=k: with_entry(h, [k], values[kind])))[:, 1].mean() for k in range(5)
    ]
    close(scores, torch.stack(lost))


def test_neuron_shapley_is_that_of_shapiq():
    model, x, other = network(), normal(1, 4), normal(1, 4, seed=1)
    game = ablation_game(model, x, other, NEURONS, target=0)

    def value(coalitions: np.ndarray) -> np.ndarray:
        return game.evaluate(torch.from_numpy(np.atleast_2d(coalitions)).double()).numpy()

    theirs = shapiq.ExactComputer(value, n_players=8)("SV")
    expected = torch.tensor([theirs[(player,)] for player in range(8)], dtype=torch.float64)
    torch.testing.assert_close(shapley(game).scores, expected, rtol=0, atol=1e-10)


def test_a_dead_filter_gets_nothing_and_twins_get_the_same(dtype):
    net = DigitNet(seed=0).to(dtype).requires_grad_(False)
    for weight in (net.second.weight, net.second.bias):  # filter 3 is dead, filters 4 and 5 are one filter
        weight[3], weight[5] = 0, weight[4]
    read = net.hidden.weight.reshape(32, 16, 16)
    read[:, 5] = read[:, 4]
    x = torch.rand(2, 8, 8, generator=generator(), dtype=torch.float64).to(dtype)
    filters = [Component("second", (k,)) for k in (2, 3, 4, 5)]
    for game in (
        component_game(net, x[:1], x[1:], filters, target=8),
        ablation_game(net, x[:1], zero_activations(net, x, ["second"]), filters, target=8),
    ):
        for reading in (shapley, add_one_in, leave_one_out):
            scores = reading(game).scores
            assert scores[1] == 0 and scores[0].abs() > 1e-4
            close(scores[2], scores[3])


def test_pairs_are_averaged(dtype):
    model, x, other = network(dtype), normal(3, 4, dtype=dtype), normal(3, 4, seed=1, dtype=dtype)
    gates = torch.rand(4, 8, generator=generator(), dtype=torch.float64).to(dtype)
    for make in (component_game, ablation_game):
        single = [make(model, x[i : i + 1], other[i : i + 1], NEURONS)(gates) for i in range(3)]
        close(make(model, x, other, NEURONS)(gates), torch.stack(single).mean(0))
    single = [attribution_patching(model, x[i : i + 1], other[i : i + 1], NEURONS, target=0).scores for i in range(3)]
    close(attribution_patching(model, x, other, NEURONS, target=0).scores, torch.stack(single).mean(0))


def test_recorded_activations_may_stand_for_an_input(dtype):
    model, x, other = network(dtype), normal(2, 4, dtype=dtype), normal(2, 4, seed=1, dtype=dtype)
    source, gates = record(model, x, ["layers.1", "layers.3"]), corners(8, dtype)[::17]
    close(component_game(model, source, other, NEURONS)(gates), component_game(model, x, other, NEURONS)(gates))
    close(ablation_game(model, other, source, NEURONS)(gates), ablation_game(model, other, x, NEURONS)(gates))


def test_a_parameter_that_needs_no_gradient_and_one_that_does_give_the_same():
    x, other, frozen = normal(1, 4), normal(1, 4, seed=1), network()
    free = network().requires_grad_(True)
    close(
        attribution_patching(free, x, other, NEURONS, target=0).scores,
        attribution_patching(frozen, x, other, NEURONS, target=0).scores,
    )


# ----------------------------------------------------------------------------------------------------- bad input


def test_names_of_components():
    assert str(Component("second", (3,))) == "second[3]"
    assert str(Component("stream", (slice(None), 2))) == "stream[:, 2]"
    assert str(Component("stream")) == "stream" and str(Component("stream", (1,), "the subject")) == "the subject"
    game = component_game(network(), normal(1, 4), normal(1, 4), LAYERS)
    assert game.players == ("layers.1", "layers.3")


BAD_COMPONENTS = {
    "components must not overlap": [Component("layers.1", (1,)), Component("layers.1", (slice(0, 2),))],
    "components must not overlap, got an entry of layers.1": [Component("layers.1", (1,)), Component("layers.1")],
    "index of layers.1.5. must fit": [Component("layers.1", (5,))],
    "index of layers.1.0, 0. must fit": [Component("layers.1", (0, 0))],
    "components must be at least one Component": [],
    "components must be at least one": ["layers.1"],
    "site must be the name of a module": [Component("layers.7")],
}


@pytest.mark.parametrize("message", BAD_COMPONENTS)
def test_bad_components_are_named(message):
    x = normal(1, 4)
    for make in (component_game, ablation_game):
        with pytest.raises(ValueError, match=message):
            make(network(), x, x, BAD_COMPONENTS[message])


@pytest.mark.parametrize("make", [component_game, ablation_game, attribution_patching])
def test_inputs_of_different_shapes_are_named(make):
    for x, other in ((normal(1, 4), normal(2, 4)), (normal(4), normal(4)), (normal(1, 4), normal(1, 3))):
        with pytest.raises(ValueError, match="the two inputs must have one shape"):
            make(network(), x, other, LAYERS)


def test_an_input_without_rows_beside_activations_is_named():
    source = record(network(), normal(1, 4), ["layers.1"])
    for x in (normal(4), normal(0, 4)):
        with pytest.raises(ValueError, match="a row for each pair"):
            component_game(network(), source, x, LAYERS[:1])


@pytest.mark.parametrize("target", [2, -1, 1.0, True, "1"])
def test_a_target_that_is_no_column_is_named(target):
    for use in (component_game, ablation_game):
        with pytest.raises(ValueError, match="target must be a column"):
            use(network(), normal(1, 4), normal(1, 4), LAYERS, target=target)(torch.ones(1, 2))
    with pytest.raises(ValueError, match="target must be a column"):
        attribution_patching(network(), normal(1, 4), normal(1, 4), LAYERS, target=target)


def test_targets_that_are_not_one_number_per_input_are_named():
    x, other = normal(2, 4), normal(2, 4, seed=1)
    for target in (lambda out: out.mean(), lambda out: out[:1], lambda out: 3.0):
        with pytest.raises(ValueError, match="target must give one row per input"):
            component_game(network(), x, other, LAYERS, target=target)(torch.ones(1, 2))
        with pytest.raises(ValueError, match="target must give one row per input"):
            attribution_patching(network(), x, other, LAYERS, target=target)
    with pytest.raises(ValueError, match="target must give one number per input, got"):
        attribution_patching(network(), x, other, LAYERS)
