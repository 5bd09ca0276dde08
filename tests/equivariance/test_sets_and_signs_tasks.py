"""Targets on sets and on eigenvectors, and many networks trained side by side."""

import pytest
import torch

from course_lib.equivariance.deep_sets import DeepSets
from course_lib.equivariance.set_tasks import TARGETS, number_sets, train_side_by_side
from course_lib.equivariance.sign_net import laplacian, largest_positive
from course_lib.equivariance.spectral_bisection import (
    bisection_data,
    fiedler_vectors,
    graph_with_fiedler_vector,
    of_one_vector,
    random_signs,
    smaller_side,
    two_block_graphs,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_targets_by_hand():
    x = torch.tensor([[[-1.0], [0.0], [1.0], [4.0]]])
    assert [TARGETS[name](x).item() for name in ("count", "variance", "range")] == [2, 3.5, 5]


def test_sets_fill_their_intervals_and_all_targets_vary():
    x = number_sets(2000, 50, generator())
    assert x.shape == (2000, 50, 1) and x.abs().max() < 2
    width = x.amax(1) - x.amin(1)
    assert 0.3 < width.min() and width.max() < 2
    assert all(target(x).std() > 0.05 for target in TARGETS.values())


def test_side_by_side_is_one_by_one():
    x, y = number_sets(2 * 40, 5, generator()).unflatten(0, (2, 40)), torch.rand(2, 40, generator=generator(1))
    together = train_side_by_side([DeepSets(1, seed=s) for s in (3, 8)], x, y, steps=12, rate=1e-2, seed=4, batch=16)
    for k, seed in enumerate((3, 8)):
        alone = train_side_by_side([DeepSets(1, seed=seed)], x[[k]], y[[k]], steps=12, rate=1e-2, seed=4, batch=16)[0]
        assert torch.allclose(together[k](x[k]), alone(x[k]), atol=1e-4)
    assert not torch.allclose(together[0](x[0]), DeepSets(1, seed=3)(x[0]), atol=1e-2)
    assert not any(p.requires_grad for p in together[0].parameters()) and not together[0].training


def test_training_learns_and_changes_its_rows():
    x = number_sets(300, 4, generator())[None]
    y, seen = TARGETS["range"](x[0])[None], []

    def watched(rows, generator):
        seen.append(rows.shape)
        return rows

    net = train_side_by_side([DeepSets(1, "max", seed=0)], x, y, steps=200, rate=1e-2, seed=0, batch=32, change=watched)[0]
    assert (net(x[0]) - y[0]).square().mean() < 0.1 * y.var() and seen == [(1, 32, 4, 1)] * 200


def test_training_needs_data_for_every_network():
    with pytest.raises(ValueError, match="^x and y must hold data for 1 networks"):
        train_side_by_side([DeepSets(1)], torch.zeros(2, 5, 3, 1), torch.zeros(2, 5), steps=1, rate=1e-2, seed=0)


def test_graphs_with_the_same_sizes_of_entries():
    v = torch.tensor([[2.0, 2, -1, -1, -1, -1], [2, -2, 1, 1, -1, -1]]).double()
    for one in v:
        weights = graph_with_fiedler_vector(one)
        assert weights.min() >= 0 and (laplacian(weights) @ one - 3 * one).abs().max() < 1e-12
        assert torch.linalg.eigvalsh(laplacian(weights)).round(decimals=9).abs().tolist() == [0, 3, 6, 6, 6, 6]
        kept, found = fiedler_vectors(weights[None])
        assert kept.all() and torch.allclose(found.abs(), one.abs() / one.norm())
    assert smaller_side(v).tolist() == [2, 3] and smaller_side(-v).tolist() == [2, 3]


def test_random_graphs_are_graphs_and_show_their_blocks():
    weights = two_block_graphs(200, 10, generator())
    assert torch.equal(weights, weights.mT) and weights.min() == 0 and not weights.diagonal(dim1=1, dim2=2).any()
    present = weights[weights > 0]
    assert 0.5 <= present.min() and present.max() <= 1.5
    assert (weights[:, 0, 1] > 0).float().mean() == pytest.approx(0.8, abs=0.1)  # always in one block
    assert (weights[:, 0, 9] > 0).float().mean() == pytest.approx(0.2, abs=0.1)  # never


def test_data_are_fiedler_vectors_with_random_signs():
    v, y = bisection_data(100, 12, 3)
    assert v.shape == (100, 12, 1) and torch.allclose(v.square().sum(1), torch.tensor(12.0)) and v.sum(1).abs().max() < 1e-3
    assert torch.equal(y, smaller_side(-v[..., 0]).float()) and y.min() >= 1 and y.max() == 6
    largest = v[..., 0].gather(1, v[..., 0].abs().argmax(1, keepdim=True))
    assert 0.3 < (largest > 0).float().mean() < 0.7
    with pytest.raises(ValueError, match="^count must be at most"):
        bisection_data(200, 4, 0)  # most are not connected
    with pytest.raises(ValueError, match="^nodes must be at least 4"):
        two_block_graphs(3, 3, generator())


def test_signs_are_drawn_for_each_vector():
    v = torch.rand(50, 6, 3, generator=generator()) + 0.1
    signs = random_signs(v, generator(1)) / v
    assert torch.equal(signs.abs(), torch.ones_like(v)) and torch.equal(signs, signs[:, :1].expand_as(signs))
    assert (signs[:, 0].mean(0).abs() < 0.5).all()


def test_a_network_on_sets_reads_one_vector():
    v, net = torch.randn(4, 6, 1, generator=generator()), DeepSets(1, "mean", seed=0)
    assert torch.equal(of_one_vector(net)(v), net(v))
    canonical = of_one_vector(net, largest_positive)
    assert torch.equal(canonical(v), canonical(-v)) and not torch.allclose(net(v), net(-v))


def test_not_every_vector_is_a_fiedler_vector():
    for wrong in (torch.tensor([1.0, 1.0]), torch.zeros(3), torch.zeros(2, 2)):
        with pytest.raises(ValueError, match="^v must be a vector that sums to 0"):
            graph_with_fiedler_vector(wrong)
