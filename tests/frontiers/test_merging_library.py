"""Stacks of networks, permutations, matching and barriers against loops, brute force and closed forms."""

import itertools

import pytest
import torch
from torch import nn

from course_lib.frontiers import merging
from course_lib.frontiers.stacked_networks import (
    accuracies,
    apply_to_each,
    hidden_values,
    initial_stack,
    losses,
    pick,
    train_stack,
)


def some_stack(widths, count, dtype, seed=0):
    """Random networks with biases of every size."""
    generator = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(count, b, a, generator=generator, dtype=dtype), torch.randn(count, b, generator=generator, dtype=dtype))
        for a, b in zip(widths[:-1], widths[1:], strict=True)
    ]


def some_orders(stack, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.stack([torch.randperm(b.shape[1], generator=generator) for _ in range(len(b))]) for _, b in stack[:-1]]


def inputs(dtype, *shape, seed=5):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# -------------------------------------------------------------------------------------------------------------- stacks


def modules_of(stack):
    """Each network of a stack as an ordinary module."""
    found = []
    for i in range(len(stack[0][0])):
        layers = []
        for weight, bias in stack:
            layer = nn.Linear(*weight.shape[:0:-1], dtype=weight.dtype)
            layer.weight.data, layer.bias.data = weight[i].clone(), bias[i].clone()
            layers += [layer, nn.ReLU()]
        found.append(nn.Sequential(*layers[:-1]))
    return found


def test_a_stack_computes_what_its_networks_compute_one_by_one(dtype):
    stack, x = some_stack([5, 4, 3, 2], 3, dtype), inputs(dtype, 3, 7, 5)
    y = torch.tensor([0, 1, 0, 0, 1, 1, 1])
    for own in (x, x[0]):
        values = hidden_values(stack, own)
        for i, module in enumerate(modules_of(stack)):
            seen = own[i] if own.dim() == 3 else own
            assert torch.allclose(values[-1][i], module(seen), atol=1e-5)
            assert torch.allclose(values[0][i], module[:2](seen), atol=1e-5)
            assert torch.allclose(losses(stack, own, y)[i], nn.functional.cross_entropy(module(seen), y), atol=1e-5)
            assert accuracies(stack, own, y)[i] == (module(seen).argmax(1) == y).float().mean()


def test_training_side_by_side_is_training_one_by_one(dtype):
    x, y = inputs(dtype, 50, 4), torch.randint(0, 3, (50,), generator=torch.Generator().manual_seed(1))
    start = apply_to_each(lambda t: t.to(dtype), initial_stack([4, 6, 3], [3, 4]))
    kept = apply_to_each(torch.clone, start)
    done = train_stack(start, x, y, steps=25, rate=0.01, seeds=[7, 8], batch=16)
    for i, module in enumerate(modules_of(kept)):
        optimiser = torch.optim.Adam(module.parameters(), lr=0.01, weight_decay=1e-4)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 25)
        generator, rows = torch.Generator().manual_seed([7, 8][i]), torch.empty(0, dtype=torch.long)
        for _ in range(25):
            rows = rows if len(rows) >= 16 else torch.randperm(50, generator=generator)
            optimiser.zero_grad()
            nn.functional.cross_entropy(module(x[rows[:16]]), y[rows[:16]]).backward()
            optimiser.step(), schedule.step()
            rows = rows[16:]
        assert torch.allclose(module[0].weight, done[0][0][i], atol=1e-4)
        assert torch.allclose(module[2].bias, done[1][1][i], atol=1e-4)
    assert merging.distance(start, kept).max() == 0, "training changed its start"


def test_a_network_of_a_stack_depends_on_its_own_seed_alone():
    both, alone = initial_stack([6, 5, 2], [1, 2]), initial_stack([6, 5, 2], [2])
    assert merging.distance(pick(both, [1]), alone) == 0
    assert merging.distance(pick(both, [0]), alone) > 1
    deviation = initial_stack([400, 50], [0])[0][0].std().item()
    assert deviation == pytest.approx((2 / 400) ** 0.5, rel=0.02)


# ------------------------------------------------------------------------------------------ permutations and rescalings


def test_permuting_and_rescaling_keep_the_function_and_move_its_neurons(dtype):
    stack, x = some_stack([4, 5, 6, 3], 2, dtype), inputs(dtype, 9, 4)
    orders = some_orders(stack)
    factors = [inputs(dtype, 2, 5).exp(), inputs(dtype, 2, 6).exp()]
    before = hidden_values(stack, x)
    for moved in (merging.permute(stack, orders), merging.rescale(stack, factors), merging.balance(stack)):
        assert torch.allclose(hidden_values(moved, x)[-1], before[-1], rtol=1e-4, atol=1e-4)
        assert merging.distance(moved, stack).min() > 0.5
    after = hidden_values(merging.permute(stack, orders), x)
    for layer, order in enumerate(orders):
        for i in range(2):
            assert torch.equal(after[layer][i], before[layer][i][:, order[i]]) or torch.allclose(
                after[layer][i], before[layer][i][:, order[i]], atol=1e-4
            )


def test_balanced_networks_are_the_same_for_all_rescalings(dtype):
    stack = some_stack([4, 5, 6, 3], 2, dtype)
    factors = [inputs(dtype, 2, 5).exp(), inputs(dtype, 2, 6).exp()]
    one, other = merging.balance(stack), merging.balance(merging.rescale(stack, factors))
    assert (merging.distance(one, other) < 1e-3 * merging.distance(stack, other)).all()
    for (weight, bias), (following, _) in zip(one[:-1], one[1:], strict=True):
        into = (weight.square().sum(2) + bias.square()).sqrt()
        assert torch.allclose(into, following.norm(dim=1), rtol=1e-3)


# ------------------------------------------------------------------------------------------------------------ matching


def every_distance(a, b):
    """Distances of one pair for all orders of B, by brute force."""
    choices = [list(itertools.permutations(range(bias.shape[1]))) for _, bias in b[:-1]]
    points = list(itertools.product(*choices))
    orders = [torch.tensor([point[layer] for point in points]) for layer in range(len(choices))]
    copies_a, copies_b = (pick(net, [0] * len(points)) for net in (a, b))
    return merging.distance(copies_a, merging.permute(copies_b, orders))


def test_matching_one_hidden_layer_is_optimal(dtype):
    for seed in range(4):
        a, b = some_stack([3, 5, 2], 1, dtype, seed), some_stack([3, 5, 2], 1, dtype, 100 + seed)
        found = merging.distance(a, merging.permute(b, merging.match_weights(a, b)))
        assert torch.allclose(found, every_distance(a, b).min(), rtol=1e-5)


def test_matching_two_hidden_layers_only_descends_and_may_miss_the_optimum():
    gaps = []
    for seed in range(12):
        a, b = (some_stack([2, 4, 4, 2], 1, torch.float64, start + seed) for start in (0, 100))
        found = merging.distance(a, merging.permute(b, merging.match_weights(a, b, seed=seed)))
        every = every_distance(a, b)
        assert found <= merging.distance(a, b) + 1e-9
        gaps.append((found - every.min()).item())
    assert min(gaps) >= -1e-9
    assert sum(gap < 1e-9 for gap in gaps) >= 2 and max(gaps) > 1e-3


@pytest.mark.parametrize("widths", [[5, 7, 3], [20, 12, 12, 5], [20, 12, 12, 12, 5]])
def test_a_planted_order_is_found_again(widths, dtype):
    b = some_stack(widths, 3, dtype)
    orders = some_orders(b, 1)
    a = merging.permute(b, orders)
    a = apply_to_each(lambda t: t + 0.01 * torch.randn(t.shape, generator=torch.Generator().manual_seed(2), dtype=dtype), a)
    x = inputs(dtype, 300, widths[0])
    for found in (merging.match_weights(a, b), merging.match_activations(a, b, x)):
        assert all(torch.equal(one, other) for one, other in zip(found, orders, strict=True))


def test_activations_are_matched_layer_by_layer_at_least_cost(dtype):
    a, b, x = some_stack([3, 4, 4, 2], 1, dtype), some_stack([3, 4, 4, 2], 1, dtype, 9), inputs(dtype, 20, 3)
    for layer, order in enumerate(merging.match_activations(a, b, x)):
        one, other = hidden_values(a, x)[layer][0], hidden_values(b, x)[layer][0]
        costs = [(one - other[:, list(p)]).square().sum() for p in itertools.permutations(range(4))]
        assert torch.allclose((one - other[:, order[0]]).square().sum(), min(costs), rtol=1e-5)


# ------------------------------------------------------------------------------------------------------------ barriers


def test_the_barrier_of_two_swapped_neurons_has_a_closed_form(dtype):
    """x = relu(x) - relu(-x); against the swapped copy, (1 - alpha) A + alpha B computes (1 - 2 alpha)^2 x."""
    a = [(torch.tensor([[[1.0], [-1.0]]], dtype=dtype), torch.zeros(1, 2, dtype=dtype))]
    a += [(torch.tensor([[[1.0, -1.0]]], dtype=dtype), torch.zeros(1, 1, dtype=dtype))]
    b, x = merging.permute(a, [torch.tensor([[1, 0]])]), torch.linspace(-2, 3, 11, dtype=dtype)[:, None]
    for alpha in (0.0, 0.2, 0.5, 0.9):
        output = hidden_values(merging.interpolate(a, b, alpha), x)[-1][0]
        assert torch.allclose(output, (1 - 2 * alpha) ** 2 * x, atol=1e-6)


def test_barriers_are_measured_from_the_line_between_the_ends(dtype):
    alphas = torch.linspace(0, 1, 5, dtype=dtype)
    curve = torch.tensor([[0.0, 1.0, 2.0], [2.0, 0.5, 2.0], [2.5, 0.0, 2.0], [3.0, 1.0, 2.0], [4.0, 3.0, 2.0]], dtype=dtype)
    assert merging.barrier(curve, alphas).tolist() == [1.0, 0.0, 0.0]
    for wrong in (alphas[:4], alphas + 0.1):
        with pytest.raises(ValueError, match="alphas must run from 0 to 1"):
            merging.barrier(curve, wrong)


def test_a_network_without_hidden_layers_has_no_barrier(dtype):
    """Its loss is convex."""
    a, b, x = some_stack([3, 4], 2, dtype), some_stack([3, 4], 2, dtype, 1), inputs(dtype, 30, 3)
    y, alphas = torch.arange(30) % 4, torch.linspace(0, 1, 11, dtype=dtype)
    curve = merging.loss_curve(a, b, x, y, alphas)
    assert merging.barrier(curve, alphas).max() < 1e-5
    deep_a, deep_b = some_stack([3, 8, 4], 2, dtype), some_stack([3, 8, 4], 2, dtype, 1)
    assert merging.barrier(merging.loss_curve(deep_a, deep_a, x, y, alphas), alphas).max() < 1e-5
    assert torch.allclose(merging.loss_curve(deep_a, deep_b, x, y, alphas)[-1], losses(deep_b, x, y))


# --------------------------------------------------------------------------------------------------------------- errors


def test_wrong_arguments_are_named():
    stack = some_stack([3, 4, 2], 2, torch.float32)
    for message, call in {
        "widths must hold": lambda: initial_stack([3], [0]),
        "x must be": lambda: hidden_values(stack, torch.zeros(5, 4)),
        "seeds must hold": lambda: train_stack(stack, torch.zeros(5, 3), torch.zeros(5).long(), steps=1, rate=1, seeds=[0]),
        "orders must hold": lambda: merging.permute(stack, []),
        "factors must be": lambda: merging.rescale(stack, [torch.zeros(2, 4)]),
    }.items():
        with pytest.raises(ValueError, match=message):
            call()
