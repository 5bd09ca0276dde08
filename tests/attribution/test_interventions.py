"""Interventions: hooks that go again, activations read and replaced, against runs put together by hand."""

import pytest
import torch
from torch import nn

from course_lib.attribution.interventions import (
    Component,
    mean_activations,
    patch,
    record,
    replaced,
    zero_activations,
)
from tests.attribution.tanh_network import LAYERS, NEURONS, by_hand, hooks, network, normal, with_entry
from tests.games.instances import close


def test_hooks_are_gone_afterwards_and_after_an_exception():
    model, x = network(), normal(2, 4)
    plain = model(x)
    with replaced(model, {"layers.1": torch.zeros_like}):
        assert hooks(model) == 1 and not torch.equal(model(x), plain)
    assert hooks(model) == 0 and torch.equal(model(x), plain)
    with pytest.raises(ZeroDivisionError), replaced(model, {"layers.1": torch.zeros_like, "layers.3": torch.relu}):
        assert hooks(model) == 2
        raise ZeroDivisionError
    with pytest.raises(RuntimeError):  # inside the run
        patch(model, normal(2, 7), LAYERS[:1], zero_activations(model, x, ["layers.1"]))
    assert hooks(model) == 0


def test_a_second_site_that_is_unknown_leaves_no_hook():
    model = network()
    with pytest.raises(ValueError, match="site must be the name of a module of the model, got 'layers.9'"):
        record(model, normal(1, 4), ["layers.1", "layers.9"])
    assert hooks(model) == 0


def test_a_site_that_is_never_reached_raises():
    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Identity(), nn.Identity()

        def forward(self, x):
            return self.used(x)

    model = Lazy()
    with pytest.raises(ValueError, match="must be reached by the run, got 'spare'"):
        record(model, torch.ones(1, 2), ["used", "spare"])
    with pytest.raises(ValueError, match="must be reached"), replaced(model, {"used": torch.relu}):
        pass
    assert hooks(model) == 0


def test_what_cannot_be_replaced_is_named():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    model = nn.Sequential(Pair())
    with pytest.raises(ValueError, match="site must return a tensor, got tuple at '0'"):
        record(model, torch.ones(1, 2), ["0"])
    for change in (lambda h: h[:, :2], lambda h: 0.0):
        model = network()
        with pytest.raises(ValueError, match=r"change at 'layers.1' must keep the shape \(2, 5\)"):
            with replaced(model, {"layers.1": change}):
                model(normal(2, 4))


def test_record_keeps_the_graph_and_the_order_of_the_sites():
    model, x = network(), normal(3, 4).requires_grad_(True)
    found = record(model, x, ["layers.3", "layers.1"])
    assert set(found) == {"layers.1", "layers.3"} and found["layers.1"].requires_grad
    close(found["layers.1"].detach(), torch.tanh(model.layers[0](x)).detach())


def test_patching_a_run_with_itself_changes_nothing(dtype):
    model, x = network(dtype), normal(3, 4, dtype=dtype)
    assert torch.equal(patch(model, x, NEURONS, record(model, x, ["layers.1", "layers.3"])), model(x))


def test_patching_a_whole_layer_gives_the_other_run(dtype):
    model, x, other = network(dtype), normal(3, 4, dtype=dtype), normal(3, 4, seed=1, dtype=dtype)
    for layer in LAYERS:
        assert torch.equal(patch(model, other, [layer], record(model, x, [layer.site])), model(x))


def test_a_patch_of_neurons_is_the_run_by_hand(dtype):
    model, x, other = network(dtype), normal(3, 4, dtype=dtype), normal(3, 4, seed=1, dtype=dtype)
    source = record(model, x, ["layers.1", "layers.3"])
    expected = by_hand(
        model, other, lambda h: with_entry(h, [2], source["layers.1"]), lambda h: with_entry(h, [0], source["layers.3"])
    )
    close(patch(model, other, [Component("layers.1", (2,)), Component("layers.3", (0,))], source), expected)
    pair = [Component("layers.1", (torch.tensor([0, 3]),), "two neurons as one player")]
    close(patch(model, other, pair, source), by_hand(model, other, lambda h: with_entry(h, [0, 3], source["layers.1"])))


def test_a_source_of_one_row_serves_all_inputs():
    model, x = network(), normal(4, 4)
    mean = mean_activations(model, normal(9, 4, seed=2), ["layers.1"])
    expected = by_hand(model, x, lambda h: with_entry(h, [1], mean["layers.1"].expand_as(h)))
    close(patch(model, x, [Component("layers.1", (1,))], mean), expected)


def test_mean_and_zero_activations(dtype):
    model, x = network(dtype), normal(6, 4, dtype=dtype)
    mean = mean_activations(model, x, ["layers.1", "layers.3"])
    close(mean["layers.1"], torch.tanh(model.layers[0](x)).mean(0, keepdim=True))
    zero = zero_activations(model, x, ["layers.3"])["layers.3"]
    assert zero.shape == (1, 3) and zero.dtype == dtype and not zero.any() and hooks(model) == 0


def test_an_index_that_is_no_tuple_is_named():
    with pytest.raises(ValueError, match="index a tuple such as"):
        Component("layers.1", 3)


def test_activations_of_another_shape_or_of_no_site_are_named():
    model, x = network(), normal(1, 4)
    with pytest.raises(ValueError, match="got none for 'layers.3'"):
        patch(model, x, LAYERS, record(model, x, ["layers.1"]))
    with pytest.raises(ValueError, match=r"activations at 'layers.1' must have the shape \(5,\), got \(6,\)"):
        patch(model, x, LAYERS[:1], {"layers.1": torch.zeros(1, 6).double()})
