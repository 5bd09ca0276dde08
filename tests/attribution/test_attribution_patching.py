"""What the chapter on attribution patching states; its demos and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.attribution.attribution_patching import along_own_gate, node_estimates
from course_lib.attribution.components import component_game
from course_lib.attribution.interventions import Component, record
from course_lib.attribution.node_patching import all_nodes
from course_lib.attribution.replacement_pairs import france_and_poland, metric
from course_lib.claims.attribution import attribution_patching as claims
from course_lib.demos.attribution import attribution_patching as demos
from course_lib.games import add_one_in, gradient, integrated_gradients
from course_lib.transformer import fact_model

SITES = [f"layers.{layer}.stream" for layer in range(3)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_estimates_for_the_stream_are_the_gradient_cell_of_the_map(dtype):
    model, pair = fact_model().to(dtype), france_and_poland()
    tokens = pair.clean.shape[1]
    components = [Component(site, (token,)) for site in SITES for token in range(tokens)]
    game = component_game(model, pair.clean, pair.corrupted, components, target=metric(pair))
    nodes = dict.fromkeys(SITES, all_nodes((tokens,)))
    found = torch.cat(list(node_estimates(model, pair.clean, pair.corrupted, nodes, metric(pair)).values()), 1)[0]
    torch.testing.assert_close(
        found, gradient(game, at=0.0).scores, rtol=0, atol=1e-10 if dtype == torch.float64 else 1e-4, check_dtype=False
    )


def test_the_stream_behind_the_first_layer_shares_out_the_whole_effect():
    model, pair = fact_model().double(), france_and_poland()
    read = metric(pair)
    components = [Component(SITES[0], (token,)) for token in range(pair.clean.shape[1])]
    game = component_game(model, pair.clean, pair.corrupted, components, target=read)
    whole = (read(model(pair.clean)) - read(model(pair.corrupted))).item()
    assert integrated_gradients(game, steps=32).scores.sum().item() == pytest.approx(whole, abs=1e-5)
    real = add_one_in(game).scores
    torch.testing.assert_close(along_own_gate(game, steps=64).scores, real, rtol=0, atol=1e-2)
    assert abs(real.sum().item() - whole) > 1


def test_no_hook_is_left_and_a_run_patched_with_itself_stays():
    model, pair = fact_model(), france_and_poland()
    nodes = {site: all_nodes((pair.clean.shape[1],)) for site in SITES}
    same = node_estimates(model, pair.clean, pair.clean, nodes, metric(pair))
    assert all((scores == 0).all() for scores in same.values())
    with pytest.raises(ValueError, match="metric"):
        node_estimates(model, pair.clean, pair.corrupted, nodes, lambda outputs: outputs)
    assert not any(module._forward_hooks for module in model.modules())
    record(model, pair.clean, SITES)


def test_nodes_of_the_last_layer_are_live_at_the_last_token_only():
    found, pairs = claims.effects("stream", rows=range(4)), claims.pairs_of_the_free_model()[range(4)]
    tokens = pairs.clean.shape[1]
    assert (found.live[:, 2 * tokens :].sum(1) == 1).all()
    assert found.patches[:, 2 * tokens :][~found.live[:, 2 * tokens :]].abs().max() < 1e-4
    assert found.patches[~found.live].abs().max() < 1e-4, "what is not live has no effect"


def test_neurons_are_ranked_and_the_stream_is_underestimated():
    neurons, stream = claims.effects("neuron", rows=range(12)), claims.effects("stream", rows=range(12))
    assert neurons.ranks().mean() > 0.95 and neurons.slopes().mean() > 0.75
    assert stream.slopes().mean() < 0.7
    saturated = claims.effects("stream", "probability", rows=range(12))
    assert saturated.slopes().mean() < 0.1 and saturated.ranks().mean() > 0.7
    assert claims.effects("stream", "probability", "noising", range(12)).ranks().mean() < 0.5


def test_paths_correct_the_size():
    rows = range(4)
    tangent = claims.effects("stream", rows=rows)
    own, shared = (claims.effects("stream", rows=rows, method=method) for method in ("own path", "input path"))
    errors = [(found.points()[1] - found.points()[0]).square().mean() for found in (tangent, own, shared)]
    assert errors[1] < 1e-3 * errors[0] and errors[2] < 0.5 * errors[0]


def test_claims_come_out_as_records():
    for record_ in (
        claims.estimates_rank("stream", "probability", "noising", count=6),
        claims.estimates_have_the_right_size("stream", count=6),
    ):
        assert record_.low <= record_.estimate <= record_.high and record_.seeds == 6
        assert record_.verdict == "not supported"
    for message, call in (
        ("kind must", lambda: claims.effects("weights")),
        ("kind must", lambda: claims.effects("stream", "accuracy")),
        ("direction must", lambda: claims.effects("stream", direction="sideways")),
        ("method must", lambda: claims.effects("stream", method="guess")),
        ("count must", lambda: claims.estimates_rank("stream", "probability", "noising", count=claims.TESTED + 1)),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_claims_see_other_facts_than_the_chapter():
    pairs = claims.pairs_of_the_free_model()
    facts = [(tuple(row.tolist()), int(answer)) for row, answer in zip(pairs.clean, pairs.answers, strict=True)]
    assert len(set(facts)) == len(facts) == claims.SHOWN + claims.TESTED


@pytest.mark.parametrize("demo", [demos.patch_against_estimate, demos.steps_of_the_path])
def test_demos_draw_their_corners(demo):
    made = demo()
    for point in made.corners()[:4]:
        plt.close(made.draw(**point))
        assert "slope" in made.describe(**point)
