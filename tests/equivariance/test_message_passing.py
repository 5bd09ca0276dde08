"""What shared weights confuse: colour refinement against equal colours by hand, message passing, tensor layers."""

import itertools

import pytest
import torch

from course_lib.equivariance.message_passing import (
    bicyclopentyl,
    colour_refinement,
    decalin,
    even_permutations,
    generic_network,
    graph,
    message_passing,
    over_all_orders,
    rings,
    same_colours,
    same_graph,
    triangles_by_three_axes,
)
from course_lib.equivariance.weight_sharing import EquivariantLinear, tied_weights
from course_lib.groups import SymmetricGroup, permutation_action, pull_back, tensor_action

TWINS = [(rings(6), rings(3, 3)), (rings(7), rings(3, 4)), (rings(8), rings(4, 4)), (decalin(), bicyclopentyl())]


def random_graph(n, seed):
    half = torch.rand(n, n, generator=torch.Generator().manual_seed(seed)).triu(1)
    return ((half > 0.5) | (half.T > 0.5)).double()


def trees(node, a, depth):
    """What a walker sees within `depth` steps of a node, written as nested tuples: equal colours mean equal trees."""
    neighbours = a[node].nonzero().flatten().tolist()
    return tuple(sorted(trees(j, a, depth - 1) for j in neighbours)) if depth else ()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_colours_after_some_rounds_are_trees_of_walks(seed, depth):
    a = torch.stack([random_graph(6, seed), random_graph(6, seed + 100)])
    colours = colour_refinement(a, rounds=depth).flatten().tolist()
    seen = [trees(i, one, depth) for one in a for i in range(6)]
    for i, j in itertools.combinations(range(12), 2):
        assert (colours[i] == colours[j]) == (seen[i] == seen[j])


def test_colours_follow_the_nodes_and_long_paths_need_many_rounds():
    path = graph(12, [(i, i + 1) for i in range(11)])
    p = SymmetricGroup(12).sample(1, torch.Generator().manual_seed(0))
    renamed = permutation_action(SymmetricGroup(12), (12, 12), (0, 1)).act(p, path[None])[0]
    colours, moved = colour_refinement(torch.cat([path[None], renamed]))
    assert torch.equal(moved[p[0]], colours)
    assert len(colours.unique()) == 6 and len(colour_refinement(path[None], rounds=2).unique()) == 3


@pytest.mark.parametrize("a, b", TWINS)
def test_pairs_that_no_message_passing_tells_apart(a, b):
    assert same_colours(a, b)
    assert len(a) > 8 or not same_graph(a, b)
    values, other = torch.linalg.eigvalsh(a), torch.linalg.eigvalsh(b)
    assert (values - other).abs().max() > 0.01, "and yet other graphs"
    for seed in range(10):
        first, second = message_passing(torch.stack([a, b]), seed)
        torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)


def test_message_passing_tells_what_the_colours_tell():
    path, star = graph(4, [(0, 1), (1, 2), (2, 3)]), graph(4, [(0, 1), (0, 2), (0, 3)])
    assert not same_colours(path, star)
    for seed in range(10):
        first, second = message_passing(torch.stack([path, star]), seed)
        assert (first - second).abs() > 1e-3
    p = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(message_passing(path[p][:, p][None], 1), message_passing(path[None], 1))


def test_averages_over_all_orders_are_invariant_and_separate():
    p = torch.tensor([3, 5, 0, 1, 4, 2])
    for seed in range(3):
        f = lambda x, seed=seed: generic_network(x, seed)  # noqa: E731
        ring, triangles = (over_all_orders(f, one) for one in TWINS[0])
        assert abs(over_all_orders(f, rings(6)[p][:, p]) - ring) < 1e-12
        assert abs(ring - triangles) > 1e-4
        assert abs(f(rings(6)[None]) - f(rings(6)[p][:, p][None])) > 1e-3, "the network alone is not invariant"


def test_layers_with_two_axes_do_not_separate_and_one_with_three_does():
    pairs = tensor_action(permutation_action(SymmetricGroup(6), (6,)), 2)
    x = torch.stack(TWINS[0])[:, None]
    for seed in range(3):
        first, second = (EquivariantLinear(pairs, pairs, k, 4, seed + k, torch.float64) for k in (1, 4))
        y = torch.relu(second(torch.relu(first(x)))).sum((2, 3))
        torch.testing.assert_close(y[0], y[1], rtol=1e-12, atol=1e-12)
    for seed in range(5):
        a = random_graph(7, seed)
        counted = sum(bool(a[i, j] * a[j, k] * a[i, k]) for i, j, k in itertools.combinations(range(7), 3))
        assert triangles_by_three_axes(a[None]).item() == counted


@pytest.mark.parametrize("n, order, equal", [(3, 1, False), (4, 1, True), (5, 1, True), (5, 2, False), (6, 2, True)])
def test_even_orders_tie_the_same_weights_if_they_move_enough_items_freely(n, order, equal):
    """Layers from k axes to k axes depend on orbits of 2 k items; the even orders are (n - 2)-transitive, and no more."""
    group = SymmetricGroup(n)
    every = tensor_action(permutation_action(group, (n,)), order)
    some = pull_back(every, even_permutations(n))
    assert some.group.order == group.order // 2
    assert torch.equal(tied_weights(every, every), tied_weights(some, some)) == equal


def test_even_permutations_are_those_of_determinant_one():
    elements = even_permutations(5).elements()
    signs = torch.linalg.det(torch.eye(5, dtype=torch.float64)[elements])
    assert len(elements.unique(dim=0)) == 60 and (signs > 0).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: even_permutations(2), "n must be at least 3"),
        (lambda: graph(3, [(1, 1)]), "edges must join two different nodes"),
        (lambda: rings(2, 4), "lengths must be at least 3"),
        (lambda: colour_refinement(torch.zeros(3, 3)), r"a must be adjacency matrices \(b, n, n\)"),
        (lambda: same_colours(rings(3), rings(4)), "b must have as many nodes"),
        (lambda: same_graph(rings(9), rings(9)), "at most 8 nodes"),
        (lambda: over_all_orders(lambda x: x, rings(9)), "at most 8 nodes"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
