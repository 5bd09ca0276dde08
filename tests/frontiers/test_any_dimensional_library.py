"""Layers from set partitions: against brute force, characters, the solver of all layers, and moves between sizes."""

import itertools

import pytest
import torch

from course_lib.equivariance.weight_sharing import equivariant_basis
from course_lib.frontiers import any_size_graphs as graphs
from course_lib.frontiers.any_dimensional import (
    count_partitions,
    diagram_tables,
    diagrams,
    duplicate,
    pad,
    set_partitions,
    summed_blocks,
    survives_duplication,
    survives_padding,
)
from course_lib.groups import SymmetricGroup, assert_equivariant, equivariant_dimension, permutation_action, tensor_action

BELL = [1, 1, 2, 5, 15, 52, 203, 877]
ORDERS = [(0, 1), (1, 0), (1, 1), (2, 1), (1, 2), (2, 2), (3, 1), (0, 3), (3, 0)]


def tensors(n, order):
    return tensor_action(permutation_action(SymmetricGroup(n), (n,)), order)


def draw(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("legs", range(7))
def test_set_partitions_are_all_patterns_of_equal_letters(legs):
    patterns = set()
    for word in itertools.product(range(max(legs, 1)), repeat=legs):
        met = list(dict.fromkeys(word))
        patterns.add(tuple(met.index(letter) for letter in word))
    found = set_partitions(legs)
    assert sorted(patterns) == found and len(found) == BELL[legs]
    for most in range(legs + 2):
        assert count_partitions(legs, most) == sum(len(set(one)) <= most for one in found)


def test_counts_of_large_ones_are_bell_numbers():
    assert count_partitions(20, 20) == count_partitions(20, 10**6) == 51_724_158_235_372
    assert count_partitions(0, 0) == 1 and count_partitions(3, 0) == 0
    with pytest.raises(ValueError, match="at least 0"):
        count_partitions(-1, 2)
    with pytest.raises(ValueError, match="legs must be"):
        set_partitions(-1)


SMALL = [(orders, n) for orders in ORDERS for n in range(1, 6) if n ** sum(orders) <= 700]  # entries of a table


@pytest.mark.parametrize("orders, n", SMALL)
def test_dimension_is_the_number_of_partitions_with_at_most_n_blocks(orders, n):
    tables = diagram_tables(*orders, n)
    count = count_partitions(sum(orders), n)
    assert torch.linalg.matrix_rank(tables.flatten(1)) == count
    assert equivariant_dimension(tensors(n, orders[0]), tensors(n, orders[1])) == count


@pytest.mark.parametrize("orders", [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("n", [2, 4])
def test_tables_span_what_the_solver_finds(orders, n):
    rows, found = diagram_tables(*orders, n).flatten(1), equivariant_basis(*(tensors(n, order) for order in orders)).flatten(1)
    assert torch.allclose(rows @ found.T @ found, rows)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-4), (torch.float64, 1e-12)])
@pytest.mark.parametrize("orders", [*ORDERS, (0, 2), (0, 0)])
@pytest.mark.parametrize("n", [1, 4])
def test_diagrams_are_the_tables_applied(orders, n, dtype, tolerance):
    order_in, order_out = orders
    x = draw(3, *[n] * order_in, dtype=dtype)
    if not order_in and order_out:
        with pytest.raises(ValueError, match="x must be"):
            diagrams(x, order_out)
        return
    tables = diagram_tables(*orders, n, dtype)
    truth = torch.einsum("kpq,bq->bkp", tables, x.reshape(3, -1)).reshape(3, len(tables), *[n] * order_out)
    found = diagrams(x, order_out)
    assert found.dtype == dtype and torch.allclose(found, truth, atol=tolerance)


def test_the_fifteen_by_hand():
    x, found = draw(1, 5, 5)[0], dict(zip(set_partitions(4), diagrams(draw(1, 5, 5), 2)[0], strict=True))
    row, column, diagonal, one = x.sum(1), x.sum(0), x.diag(), torch.ones(5, dtype=torch.float64)
    by_hand = {
        (0, 1, 0, 1): x,
        (0, 1, 1, 0): x.T,
        (0, 0, 0, 0): diagonal.diag(),
        (0, 1, 0, 0): torch.outer(diagonal, one),
        (0, 1, 1, 2): torch.outer(one, row),
        (0, 1, 2, 0): torch.outer(column, one),
        (0, 0, 0, 1): row.diag(),
        (0, 1, 2, 3): x.sum() * torch.outer(one, one),
        (0, 0, 1, 1): x.trace() * one.diag(),
    }
    for partition, truth in by_hand.items():
        assert torch.allclose(found[partition], truth), partition


def test_layers_of_diagrams_are_equivariant():
    n, c = 6, draw(15, seed=1)
    group = SymmetricGroup(n)
    action = permutation_action(group, (n, n), axes=(0, 1))
    elements = group.sample(8, torch.Generator().manual_seed(0))
    assert_equivariant(lambda x: torch.einsum("k,bkij->bij", c, diagrams(x, 2)), action, action, draw(4, n, n), elements, 1e-10)


@pytest.mark.parametrize("orders", [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_tables_of_a_larger_size_restrict_to_those_of_a_smaller(orders):
    order_in, order_out = orders
    large, small = diagram_tables(*orders, 5), diagram_tables(*orders, 3)
    cut = large.reshape(-1, *[5] * sum(orders))[(slice(None), *[slice(0, 3)] * sum(orders))]
    assert torch.equal(cut.reshape(small.shape), small)


def layer(partition, x, order_out, means):
    power = summed_blocks(partition, order_out)
    found = diagrams(x, order_out)[:, set_partitions(order_out + x.dim() - 1).index(partition)]
    return found / x.shape[-1] ** power if means else found


@pytest.mark.parametrize("orders", [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 2), (1, 3)])
def test_which_partitions_survive_a_change_of_size(orders):
    order_in, order_out = orders
    x = draw(4, *[4] * order_in)
    for one in set_partitions(sum(orders)):
        padded = torch.allclose(layer(one, pad(x, 6), order_out, False), pad(layer(one, x, order_out, False), 6))
        copied = torch.allclose(layer(one, duplicate(x, 3), order_out, True), duplicate(layer(one, x, order_out, True), 3))
        assert (padded, copied) == (survives_padding(one, order_out), survives_duplication(one, order_out)), one


@pytest.mark.parametrize("means, move, count", [(False, lambda x: pad(x, 6), 5), (True, lambda x: duplicate(x, 2), 10)])
def test_no_combination_of_the_others_survives(means, move, count):
    x = draw(40, 5, 5)
    gaps = [(layer(p, move(x), 2, means) - move(layer(p, x, 2, means))).flatten() for p in set_partitions(4)]
    assert 15 - torch.linalg.matrix_rank(torch.stack(gaps)) == count


def test_sums_do_not_survive_duplication_nor_means_padding():
    x = draw(1, 4)
    assert not torch.allclose(layer((0, 1), duplicate(x, 2), 1, False), duplicate(layer((0, 1), x, 1, False), 2))
    assert not torch.allclose(layer((0,), pad(x, 6), 0, True), layer((0,), x, 0, True))


def test_padding_and_copies_reject_what_they_cannot_do():
    with pytest.raises(ValueError, match="n must be"):
        pad(torch.zeros(1, 4), 3)
    with pytest.raises(ValueError, match="times"):
        duplicate(torch.zeros(1, 4), 0)
    with pytest.raises(ValueError, match="axes of one length"):
        diagrams(torch.zeros(1, 3, 4), 1)


# ------------------------------------------------------------------------------------------------------------ graphs


def test_graphs_are_graphs_with_one_law_at_every_size():
    means = []
    for n in (8, 40):
        a = graphs.random_graphs(2000, n, torch.Generator().manual_seed(n))
        assert torch.equal(a, a.mT) and set(a.unique().tolist()) == {0.0, 1.0} and not a.diagonal(dim1=1, dim2=2).any()
        means.append((a.sum((1, 2)) / (n * (n - 1))).mean().item())
    assert means[0] == pytest.approx(means[1], abs=0.02) and means[0] == pytest.approx(0.5**2 + 0.4**2 / 12, abs=0.02)
    with pytest.raises(ValueError, match="n must be"):
        graphs.random_graphs(3, 1, torch.Generator())


def test_one_target_ignores_copies_and_the_other_ignores_empty_nodes():
    a = graphs.random_graphs(20, 6, torch.Generator().manual_seed(0))
    density, edges = graphs.TARGETS["cherry density"], graphs.TARGETS["edges"]
    assert torch.allclose(density(duplicate(a, 3)), density(a)) and not torch.allclose(density(pad(a, 9)), density(a))
    assert torch.equal(edges(pad(a, 9)), edges(a)) and torch.equal(edges(duplicate(a, 3)), 9 * edges(a))
    chances = [[(one[i, j] * one[i, k]).item() for i in range(6) for j in range(6) for k in range(6)] for one in a]
    assert torch.allclose(density(a), torch.tensor(chances).mean(1))


@pytest.mark.parametrize("terms, count", [("all", 15), ("padding", 5), ("duplication", 10)])
@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_networks_at_home_and_away(terms, count, dtype, tolerance):
    nets = {rule: graphs.AnySizeNet(terms, rule, home=6, seed=3).to(dtype) for rule in graphs.RULES}
    a = graphs.random_graphs(10, 6, torch.Generator().manual_seed(0)).to(dtype)
    with torch.no_grad():
        for net in nets.values():
            net.bias.copy_(draw(8, dtype=dtype))
        home, large = ({rule: net(diagrams(x, 2)) for rule, net in nets.items()} for x in (a, duplicate(a, 2)))
        order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
        moved = nets["sums"](diagrams(a[:, order][:, :, order], 2))
        padded = nets["sums"](diagrams(pad(a, 9), 2))
    assert nets["sums"].used.sum() == count
    assert torch.allclose(home["sums"], home["means"], atol=tolerance)
    assert torch.allclose(moved, home["sums"], atol=tolerance)
    assert not torch.allclose(large["sums"], home["sums"], atol=0.1)
    assert torch.allclose(large["means"], home["means"], atol=tolerance) == (terms == "duplication")
    assert torch.allclose(padded, home["sums"], atol=tolerance) == (terms == "padding")


def test_networks_reject_what_they_cannot_read():
    with pytest.raises(ValueError, match="terms must be"):
        graphs.AnySizeNet("most", "sums", 8)
    with pytest.raises(ValueError, match="features must be"):
        graphs.AnySizeNet("all", "sums", 8)(torch.zeros(2, 5, 4, 4))
