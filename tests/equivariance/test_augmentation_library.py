"""Augmentation: orbits of data, flips over orbits, ridge regression in closed form, ensembles that become symmetric."""

import functools

import pytest
import torch

from course_lib.datasets import digits
from course_lib.equivariance import augmentation, ensembles
from course_lib.groups import (
    CyclicGroup,
    DihedralGroup,
    SymmetricGroup,
    equivariance_error,
    image_action,
    matrix_action,
    permutation_action,
    trivial_action,
)
from course_lib.symmetries.kernels import gaussian_kernel, invariant_kernel, kernel_ridge
from course_lib.symmetries.readers import initial_weights, train_readers


def round_kernel(x, y):
    return gaussian_kernel(x, y, torch.eye(x.shape[-1], dtype=x.dtype))


def skew_kernel(x, y):
    return gaussian_kernel(x, y, torch.diag(torch.arange(1, x.shape[-1] + 1)).to(x.dtype))


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_full_orbit_moves_examples_and_labels_by_the_same_element(dtype):
    group = SymmetricGroup(4)
    points, vectors = permutation_action(group, (4, 2)), permutation_action(group, (4,))
    x = torch.randn(5, 4, 2, generator=seeded(0), dtype=dtype)
    moved, labels = augmentation.full_orbit(x, x[..., 0], points, vectors)  # a label that is part of its example
    assert moved.shape == (120, 4, 2) and moved.dtype == labels.dtype == dtype
    assert torch.equal(labels, moved[..., 0])
    assert len({tuple(row.flatten().tolist()) for row in moved}) == 120
    assert torch.equal(moved.unflatten(0, (24, 5))[3], points.act(group.elements()[[3]], x)[0])


def test_part_of_the_orbits_keeps_the_size_and_the_weight_of_each_example():
    group = CyclicGroup(3)
    ring, still = permutation_action(group, (3,)), trivial_action(group)
    x, y = torch.arange(30.0).reshape(10, 3), torch.arange(10)
    for fraction, whole in ((0.0, 0), (0.3, 3), (1.0, 10)):
        moved, labels = augmentation.part_orbit(x, y, ring, still, fraction, seeded(1))
        assert moved.shape == (30, 3)
        rows = {i: {tuple(row.tolist()) for row in moved[labels == i]} for i in range(10)}
        assert (labels.bincount() == 3).all() and sum(len(found) == 3 for found in rows.values()) == whole
        assert all(len(found) in (1, 3) and tuple(x[i].tolist()) in found for i, found in rows.items())
    full, _ = augmentation.full_orbit(x, y, ring, still)
    assert torch.equal(moved, full)
    with pytest.raises(ValueError, match="fraction must lie between 0 and 1, got 1.5"):
        augmentation.part_orbit(x, y, ring, still, 1.5, seeded(0))


def test_random_copies_carry_their_labels_and_use_all_elements_evenly():
    group = DihedralGroup(3)
    corners = permutation_action(group, (3,))
    x = torch.tensor([[1.0, 2.0, 3.0]]).repeat(600, 1)
    moved, labels = augmentation.random_copies(x, 10 * x, corners, corners, seeded(0))
    assert torch.equal(labels, 10 * moved)
    counts = moved.unique(dim=0, return_counts=True)[1]
    assert len(counts) == 6 and ((counts - 100).abs() < 50).all()


def test_pairs_that_do_not_fit_are_refused():
    ring, other = permutation_action(CyclicGroup(3), (3,)), trivial_action(CyclicGroup(4))
    x = torch.ones(2, 3)
    for function in (augmentation.full_orbit, functools.partial(augmentation.random_copies, generator=seeded(0))):
        with pytest.raises(ValueError, match="action_out must be an action of"):
            function(x, torch.ones(2), ring, other)
        with pytest.raises(ValueError, match="got 2 and 3"):
            function(x, torch.ones(3), ring, trivial_action(ring.group))


def test_a_flip_counts_once_for_each_orbit():
    group = CyclicGroup(4)
    ring = permutation_action(group, (4,))
    x = torch.tensor([[9.0, 0, 0, 0], [9, 0, 9, 0], [9, 9, 9, 9], [0, 0, 0, 0]])

    def first_is_large(x):
        return torch.stack([x[:, 0], torch.full_like(x[:, 0], 5.0)], 1)

    assert augmentation.flip_rate(first_is_large, x, ring) == 0.5  # the first, in one position, and the second, in two
    assert augmentation.flip_rate(first_is_large, x, ring, torch.tensor([0, 2])) == 0.25
    assert augmentation.flip_rate(lambda x: x.sort(1).values, x, ring) == 0
    scores = augmentation.orbit_scores(first_is_large, x, ring)
    assert scores.shape == (4, 4, 2)
    assert torch.allclose(augmentation.orbit_variance(scores), torch.tensor([81 * 3 / 16, 81 / 4, 0.0, 0.0]))


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-4), (torch.float64, 1e-10)])
@pytest.mark.parametrize("group", [CyclicGroup(5), DihedralGroup(4)])
def test_full_orbit_ridge_is_ridge_with_the_averaged_kernel_and_ridge_over_the_order(group, dtype, tolerance):
    plane, still = matrix_action(group, (2,)), trivial_action(group)
    x, y = torch.randn(7, 2, generator=seeded(0), dtype=dtype), torch.randn(7, generator=seeded(1), dtype=dtype)
    points = torch.randn(20, 2, generator=seeded(2), dtype=dtype)
    augmented = kernel_ridge(round_kernel, *augmentation.full_orbit(x, y, plane, still), 0.3)(points)
    for ridge, equal in ((0.3 / group.order, True), (0.3, False)):
        invariant = kernel_ridge(invariant_kernel(round_kernel, plane), x, y, ridge)(points)
        same = augmentation.equivariant_ridge(round_kernel, plane, still, x, y, ridge)(points)
        assert torch.allclose(invariant, same, atol=tolerance)
        assert torch.allclose(augmented, invariant, atol=tolerance) == equal


def test_with_vector_labels_too():
    group = DihedralGroup(5)
    plane = matrix_action(group, (2,))
    x, y = torch.randn(2, 6, 2, generator=seeded(0), dtype=torch.float64)
    points = torch.randn(9, 2, generator=seeded(2), dtype=torch.float64)
    fit = augmentation.equivariant_ridge(round_kernel, plane, plane, x, y, 0.05)
    augmented = kernel_ridge(round_kernel, *augmentation.full_orbit(x, y, plane, plane), 0.5)
    assert torch.allclose(fit(points), augmented(points), atol=1e-9)
    assert equivariance_error(augmented, plane, plane, points, group.elements()).max() < 1e-9
    wrong = kernel_ridge(round_kernel, *augmentation.full_orbit(x, y, plane, trivial_action(group, (2,))), 0.5)
    assert equivariance_error(wrong, plane, plane, points, group.elements()).max() > 0.1, "labels that stay behind"
    with pytest.raises(ValueError, match="ridge must be positive"):
        augmentation.equivariant_ridge(round_kernel, plane, plane, x, y, 0.0)


def test_what_breaks_the_identity():
    """A kernel that is not invariant, and part of the orbit: the fit is not even invariant."""
    group = CyclicGroup(4)
    plane, still = matrix_action(group, (2,)), trivial_action(group)
    x, y = torch.randn(6, 2, generator=seeded(0), dtype=torch.float64), torch.randn(6, generator=seeded(1), dtype=torch.float64)
    points = torch.randn(9, 2, generator=seeded(2), dtype=torch.float64)
    whole = augmentation.full_orbit(x, y, plane, still)
    part = whole[0][:12], whole[1][:12]
    elements = group.elements()
    for kernel, data, invariant in ((round_kernel, whole, True), (skew_kernel, whole, False), (round_kernel, part, False)):
        error = equivariance_error(kernel_ridge(kernel, *data, 0.2), plane, still, points, elements).max()
        assert (error < 1e-10) == invariant and (invariant or error > 1e-2)
    assert augmentation.kernel_is_invariant(round_kernel, plane, x)
    assert not augmentation.kernel_is_invariant(skew_kernel, plane, x)


def test_a_minimiser_of_a_convex_loss_may_be_averaged_and_stays_one():
    """Least squares with more unknowns than equations: not every minimiser is invariant, its average is, at the same loss."""
    group = SymmetricGroup(3)
    places, still = permutation_action(group, (6,), permutations=lambda g: torch.cat([g, g + 3], 1)), trivial_action(group)
    x, y = torch.ones(1, 6, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    moved, labels = augmentation.full_orbit(x, y, places, still)
    theta = torch.tensor([1.0, 0, 0, 0, 0, 0], dtype=torch.float64)
    average = places.act(group.elements(), theta[None]).mean(0)[0]
    for found in (theta, average):
        assert (moved @ found - labels).abs().max() < 1e-12
    assert not torch.allclose(places.act(group.elements(), theta[None])[:, 0], theta)
    assert torch.allclose(places.act(group.elements(), average[None])[:, 0], average)


# ------------------------------------------------------------------------------------------------------- ensembles


def small(count=4, dtype=torch.float64):
    split = digits()
    weights = tuple(part.to(dtype) for part in initial_weights(count, 8, seeded(0)))
    return weights, split.train_x[:20].to(dtype), split.train_y[:20], split.test_x[:50].to(dtype)


def test_turned_weights_answer_what_the_old_ones_answer_to_the_image_turned_back():
    weights, *_, test = small()
    for quarters in range(4):
        readers = ensembles.Readers(ensembles.turned_weights(weights, quarters))
        assert torch.allclose(readers(torch.rot90(test, quarters, (1, 2))), ensembles.Readers(weights)(test))


def test_training_on_full_orbits_commutes_with_turning_and_training_on_part_does_not():
    weights, x, y, test = small(1)
    for fraction, equal in ((1.0, True), (0.5, False)):
        trained = []
        for quarters in range(4):
            start = ensembles.turned_weights(weights, quarters)
            trained.append(ensembles.augmented_stack(start, x, y, fraction, seeded(0), steps=30))
        said = torch.cat([reader(torch.rot90(test, k, (1, 2))) for k, reader in enumerate(trained)])
        assert torch.allclose(said, said[:1].expand_as(said), atol=1e-8) == equal
        scores = torch.cat([ensembles.stack_scores(reader, test) for reader in trained], 1).mean(1)
        assert bool((augmentation.orbit_variance(scores).sqrt() < 1e-8).all()) == equal, "the mean of the four is invariant"


def test_a_stack_learns_as_its_members_would_alone_and_leaves_its_start_as_it_was():
    weights, x, y, test = small()
    kept = [part.clone() for part in weights]
    stack = ensembles.train_stack(weights, x[None], y[None], steps=20)
    assert all(torch.equal(part, old) for part, old in zip(weights, kept, strict=True))
    alone = ensembles.train_stack(tuple(part[2:3] for part in weights), x[None], y[None], steps=20)
    assert torch.allclose(stack(test)[2], alone(test)[0], atol=1e-9)
    with pytest.raises(ValueError, match="images must be"):
        ensembles.train_stack(weights, x[None].repeat(3, 1, 1, 1), y[None].repeat(3, 1))


def test_agrees_with_the_readers_of_another_chapter():
    split = digits()
    x, y = split.train_x[:20], split.train_y[:20]
    weights = initial_weights(2, 16, seeded(5))
    mine = ensembles.augmented_stack(weights, x, y, 1.0, seeded(0), steps=10)
    theirs = train_readers("augmented", x.repeat(2, 1, 1, 1), y.repeat(2, 1), steps=10, hidden=16, seed=5)
    assert torch.allclose(mine(split.test_x), theirs(split.test_x), atol=1e-3)


def test_groups_of_readers_and_the_order_of_their_means():
    scores = torch.arange(24.0).reshape(2, 6, 1, 2)
    assert torch.equal(ensembles.grouped(scores, 1), scores)
    assert torch.allclose(ensembles.grouped(scores, 3)[:, 1], scores[:, 3:].mean(1))
    with pytest.raises(ValueError, match="members must divide the number of readers 6, got 4"):
        ensembles.grouped(scores, 4)


def test_four_positions_are_those_of_the_action():
    weights, *_, test = small(1)
    readers = ensembles.Readers(weights)
    action, _ = ensembles.turns()
    assert action.name == image_action(CyclicGroup(4), (8, 8)).name
    expected = augmentation.orbit_scores(lambda x: readers(x)[0], test, action)
    assert torch.allclose(ensembles.stack_scores(readers, test)[:, 0], expected)
