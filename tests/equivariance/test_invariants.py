"""What the chapter on invariants states; its demos and its claims."""

import math

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.equivariance import invariants as claims
from course_lib.clusters import copper_clusters, energy_and_forces
from course_lib.demos.equivariance import invariants as demos
from course_lib.equivariance import cluster_kernels, separation
from course_lib.equivariance import symmetric_polynomials as polynomials
from course_lib.equivariance.invariants import aligned, determinants, dot_products, gram_matrix, orbit_distance
from course_lib.groups import OrthogonalGroup, SymmetricGroup, permutation_action


def test_four_power_sums_of_five_numbers_do_not_notice_the_last_coefficient():
    x = torch.tensor([[0.5, -1.0, 2.0, 0.5, 1.5]], dtype=torch.float64)
    e = polynomials.elementary_from_power_sums(polynomials.power_sums(x, 5))
    e[0, 4] += 0.02
    other = polynomials.roots_from_elementary(e)
    gap = (polynomials.power_sums(other, 5) - polynomials.power_sums(x, 5))[0]
    assert gap[:4].abs().max() < 1e-9 and gap[4] == pytest.approx(5 * 0.02)
    assert (other - x.sort().values).abs().max() > 0.05


def test_symmetric_polynomials_are_counted_by_products_of_power_sums():
    counted = polynomials.invariant_polynomial_counts(permutation_action(SymmetricGroup(4), (4,)), 8)
    made = [1] + [0] * 8
    for k in (1, 2, 3, 4):
        for degree in range(k, 9):
            made[degree] += made[degree - k]
    assert counted == made


def test_many_numbers_are_not_readable_from_power_sums():
    def error(n):
        x = torch.linspace(0, 1, n, dtype=torch.float64)[None]
        return (polynomials.multiset_from_power_sums(polynomials.power_sums(x, n)) - x).abs().max().item()

    assert error(4) < 1e-12 < 1e-4 < error(20) < 1 / 19
    assert error(28) > 1 / 27  # the gap between neighbours


def test_forces_of_an_energy_of_dot_products_are_scalars_times_vectors():
    model, x = claims.cluster_energy("dot products", 0, 30), copper_clusters()[1].positions[:5]
    rows, columns = torch.triu_indices(6, 6)

    def energy(gram):
        return cluster_kernels.gaussian_kernel(gram[:, rows, columns], model.points, model.width) @ model.weights

    gram = gram_matrix(x).requires_grad_()
    d = torch.autograd.grad(energy(gram).sum(), gram)[0]
    assert torch.allclose(-(d + d.mT) @ x, energy_and_forces(model, x)[1], atol=1e-10)


def test_the_molecule_of_the_demo_is_chiral_and_turns():
    there, mirrored = demos.hand(), demos.hand(0, "mirror image")
    assert torch.allclose(dot_products(there), dot_products(demos.hand(70, "mirror image")))
    assert orbit_distance(there, mirrored) < 1e-7 < 0.1 < orbit_distance(there, mirrored, mirror=False)
    assert determinants(there)[0, 1] > 0 > determinants(demos.hand(50, "mirror image"))[0, 1]
    assert demos.matching_arms(0, "as it is") == ["P", "Q", "R", "S"]
    assert max(len(demos.matching_arms(angle, "mirror image")) for angle in demos.ANGLES) == 2
    tip = demos.hand(90)[0, 2, :2]
    assert math.degrees(math.atan2(tip[1], tip[0])) == pytest.approx(60)  # 330 and 90 more


def test_kabsch_finds_the_rotation_that_was_applied():
    x = torch.randn(3, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    q = OrthogonalGroup(3).sample(3, torch.Generator().manual_seed(1))
    assert torch.allclose(aligned(x @ q.mT, x), x)


@pytest.mark.parametrize("name", ["handedness", "learning_curves"])
def test_demos_draw_and_describe_their_corners(name, monkeypatch):
    monkeypatch.setattr(claims, "PARTS", 2)
    monkeypatch.setattr(demos, "SIZES", (25, 50))
    demo = getattr(demos, name)()
    assert len(demo.points()) <= 40
    words = [demo.describe(**point) for point in demo.corners()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))
    claims.errors_on_parts.cache_clear()


@pytest.mark.parametrize(
    ("claim", "arguments", "verdict"),
    [
        ("dot_products_are_enough", ("O(3)", 20), "supported"),
        ("dot_products_are_enough", ("SO(3)", 20), "not supported"),
        ("random_invariants_tell_random_vectors_apart", (0, 80), "not supported"),
        ("random_invariants_tell_random_vectors_apart", (1, 80), "supported"),
        ("as_many_tell_all_vectors_apart", (5,), "not supported"),
    ],
)
def test_claims_at_a_small_size(claim, arguments, verdict):
    record = getattr(claims, claim)(*arguments)
    assert record.verdict == verdict
    assert record.id.startswith(f"equivariance/invariants/{claim}")
    assert record.low <= record.estimate <= record.high


def test_claims_on_learning_compare_the_readings_that_they_name(monkeypatch):
    errors = {("dot products", 200): 0.3, ("coordinates", 200): 0.4, ("bag of distances", 50): 0.1}
    monkeypatch.setattr(claims, "errors_on_parts", lambda *key: errors[key] * torch.tensor([1.0, 1.01, 0.99, 1.0, 1.0]))
    assert claims.dot_products_beat_coordinates().estimate == pytest.approx(0.75, abs=1e-6)
    assert claims.a_bag_of_few_beats_dot_products_of_many().estimate == pytest.approx(1 / 3, abs=1e-6)
    with pytest.raises(ValueError, match="group must be"):
        claims.dot_products_are_enough("SU(2)")


def test_parts_of_the_training_clusters_are_disjoint():
    parts = [claims.training_part(part, 200).energies for part in range(claims.PARTS)]
    assert torch.equal(torch.cat(parts), copper_clusters()[0].energies)
    with pytest.raises(ValueError, match="part must be"):
        claims.training_part(5, 200)


def test_squares_of_the_chapter():
    w = claims.random_directions(10, 0)
    x = torch.randn(5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert [len(separation.vectors_with_the_same_squares(x, w[:m])) for m in (5, 6, 9)] == [16, 1, 1]
    assert [separation.tells_all_apart(w[:m]) for m in (8, 9)] == [False, True]
