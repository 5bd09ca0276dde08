"""What the chapter on sets and signs states; its demo and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.equivariance import sets_and_signs as claims
from course_lib.demos.equivariance import sets_and_signs as demos
from course_lib.equivariance.deep_sets import DeepSets
from course_lib.equivariance.set_tasks import TARGETS
from course_lib.equivariance.sign_net import laplacian, projector
from course_lib.equivariance.symmetric_polynomials import power_sums
from course_lib.groups import SymmetricGroup, equivariant_dimension, permutation_action


@pytest.fixture
def untrained(monkeypatch):
    """Networks that have learnt nothing, in place of trained ones."""

    def nets(pool):
        made = [DeepSets(1, pool, 8, 4, seed=seed) for seed in range(claims.SEEDS)]
        return {target: ([net.requires_grad_(False) for net in made], torch.ones(claims.SEEDS)) for target in TARGETS}

    claims.set_errors.cache_clear()
    monkeypatch.setattr(claims, "set_nets", nets)
    yield
    claims.set_errors.cache_clear()


def test_the_maximum_of_two_numbers_is_a_function_of_two_sums():
    pairs = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p1, p2 = power_sums(pairs, 2).T
    assert torch.allclose((p1 + (2 * p2 - p1**2).clamp(min=0).sqrt()) / 2, pairs.amax(1))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_equivariant_layers_on_sets_have_two_weights(n):
    numbers = permutation_action(SymmetricGroup(n), (n,))
    assert equivariant_dimension(numbers, numbers) == 2


def test_a_copy_doubles_the_count_and_leaves_variance_and_range():
    x = torch.randn(5, 8, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    twice = torch.cat([x, x], 1)
    assert torch.equal(TARGETS["count"](twice), 2 * TARGETS["count"](x))
    assert all(torch.allclose(TARGETS[name](twice), TARGETS[name](x)) for name in ("variance", "range"))


def test_an_edge_of_a_ring_decides_which_vector_comes_first_and_not_the_plane():
    vectors, planes = [], []
    for edge in (0, 1):
        weights = claims.cycle(8)
        weights[edge, edge + 1] += 1e-6
        weights[edge + 1, edge] += 1e-6
        found = torch.linalg.eigh(laplacian(weights))[1]
        vectors.append(projector(found[:, 1:2]))
        planes.append(projector(found[:, 1:3]))
    assert (vectors[0] - vectors[1]).abs().max() > 0.1 and (planes[0] - planes[1]).abs().max() < 1e-5


def test_the_ring_is_a_ring():
    assert claims.cycle(5).sum(0).tolist() == [2] * 5 and claims.cycle(5)[0].nonzero()[:, 0].tolist() == [1, 4]


def test_the_demo_moves_with_every_control(untrained):
    demo = demos.pools_and_sizes()
    assert len(demo.points()) <= 40
    for point in demo.corners():
        figure = demo.draw(**point)
        plt.close(figure)
        assert point["pool"] in demo.describe(**point)
    start = dict(demo.points()[0])
    first = demo.frame(**start)
    for name, values in demo.controls.items():
        assert demo.frame(**(start | {name: values[1]})) != first


def test_claims_about_sizes_are_decided_by_errors(untrained):
    record = claims.a_fitting_pool_travels("range")
    assert record.verdict == "not supported" and record.seeds == claims.SEEDS  # these networks know nothing
    assert record.estimate == pytest.approx(claims.set_errors("max", "range", claims.FAR).mean().item())
    assert claims.the_sum_does_for_the_variance().id.endswith("the_sum_does_for_the_variance")


@pytest.mark.parametrize(("net", "verdict"), [("SignNet", "not supported"), ("BasisNet", "supported")])
def test_claims_about_bases(net, verdict):
    assert claims.does_not_see_the_basis(net, count=20).verdict == verdict
    with pytest.raises(ValueError, match="^net must be"):
        claims.basis_changes("MLP", 0)


def test_claims_about_signs_compare_networks(monkeypatch):
    errors = {"SignNet, whole vector": 1.0, "SignNet, entry by entry": 2.0, "random flips in training": 1.5}
    spread = torch.tensor([0.99, 1.0, 1.01, 1.0, 1.0])
    monkeypatch.setattr(claims, "sign_errors", lambda reader: (errors[reader] * spread, spread))
    assert claims.whole_vectors_beat_entries().estimate == pytest.approx(0.5)
    assert claims.whole_vectors_beat_entries().verdict == "supported"
    assert claims.flipping_in_training_is_as_good().verdict == "not supported"


def test_networks_for_signs_are_trained_on_request_only():
    with pytest.raises(ValueError, match="^reader must be one of"):
        claims.sign_nets("a coin")
    with pytest.raises(ValueError, match="^pool must be one of"):
        claims.set_nets("min")
    for name, make in claims.READERS.items():
        v = torch.randn(3, claims.NODES, 1, generator=torch.Generator().manual_seed(0))
        same = torch.allclose(make(0)(v), make(0)(-v), atol=1e-5)
        assert same == (name not in ("one random sign each", "random flips in training"))
