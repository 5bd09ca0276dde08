"""What the chapter on weight sharing states; its demos and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.equivariance import weight_sharing as claims
from course_lib.demos.equivariance import weight_sharing as demos
from course_lib.equivariance import torus_digits
from course_lib.equivariance.weight_sharing import equivariant_basis, project_onto, tied_weights
from course_lib.groups import CyclicGroup, Subgroup, SymmetricGroup, permutation_action, tensor_action


@pytest.mark.parametrize("n", demos.SIZES)
def test_free_weights_of_the_demo(n):
    found = [int(demos.labels(group, n).max()) + 1 for group in demos.GROUPS]
    assert found == [n, n // 2 + 1, 2, 5, 6, 15]


@pytest.mark.parametrize("name", ["tie_explorer", "border_explorer"])
def test_demos_draw_and_describe_their_corners(name):
    demo = getattr(demos, name)()
    assert len(demo.points()) <= 40
    words = [demo.describe(**point) for point in demo.points()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))


def test_a_border_of_zeros_is_seen_where_it_was_and_where_it_goes():
    demo = demos.border_explorer()
    assert "agree everywhere" in demo.describe(border="ring", shift=9)
    assert "places [0, 8, 9, 23]" in demo.describe(border="zeros", shift=9)
    with pytest.raises(ValueError, match="border must be"):
        demos.smooth(demos.signal(), "mirror")


def test_both_readers_have_equally_many_weights_and_only_one_is_invariant():
    readers = {kind: reader(0) for kind, reader in torus_digits.READERS.items()}
    counts = {kind: sum(p.numel() for p in net.parameters()) for kind, net in readers.items()}
    assert counts["free"] == counts["shared"] == 32 * 65 + 33 * 10
    x = torus_digits.held_out("in place")[0][:20]
    moved = torus_digits.shifted(x, 0)
    assert torch.allclose(readers["shared"](x), readers["shared"](moved), atol=1e-5)
    assert not torch.allclose(readers["free"](x), readers["free"](moved), atol=0.1)


def test_shifts_move_every_image_by_its_own():
    x = torus_digits.held_out("in place")[0][:6]
    moved = torus_digits.shifted(x, 3)
    shift = torus_digits.GRID.sample(6, torch.Generator().manual_seed(3))
    assert torch.equal(moved, torus_digits.IMAGES.each(shift, x))
    rolls = [[k for k in range(64) if torch.equal(a.roll((k // 8, k % 8), (0, 1)), b)] for a, b in zip(x, moved, strict=True)]
    assert all(len(k) == 1 for k in rolls) and len({k[0] for k in rolls}) > 3
    with pytest.raises(ValueError, match="positions"):
        torus_digits.held_out("upside down")


def test_the_shared_reader_learns_the_same_from_digits_anywhere():
    nets = [torus_digits.trained("shared", positions, 40, 0, 2) for positions in ("shifted", "in place")]
    weights = [net.filters.coefficients for net in nets]
    assert torch.allclose(*weights, atol=1e-4)
    assert torus_digits.read_right(nets[0], "shifted") == pytest.approx(torus_digits.read_right(nets[1], "in place"), abs=0.01)


def test_tied_weights_are_means_over_wrapped_diagonals():
    ring = permutation_action(CyclicGroup(4), (4,))
    basis = equivariant_basis(ring, ring)
    tied, free = claims.tied_and_free_errors(8, 400, 0)
    assert 4 < free / tied < 30
    w = torch.arange(16, dtype=torch.float64).reshape(4, 4)
    diagonals = [sum(w[i, (i + k) % 4] for i in range(4)) / 4 for k in range(4)]
    assert torch.allclose(project_onto(basis, w)[0], torch.stack(diagonals))


def test_mean_errors_of_tied_and_free_weights_are_those_that_the_chapter_gives():
    n, m = 8, 60
    errors = torch.tensor([claims.tied_and_free_errors(n, m, seed) for seed in range(100)], dtype=torch.float64).mean(0)
    assert errors[0].item() == pytest.approx(n / m, rel=0.2) and errors[1].item() == pytest.approx(n * n / (m - n - 1), rel=0.1)


def test_two_random_permutations_usually_give_the_layer_of_all():
    free = []
    group = SymmetricGroup(5)
    for seed in range(60):
        base = claims.random_representation(5, torch.Generator().manual_seed(seed))
        items = permutation_action(Subgroup(group, base.group.generators()), (5,))
        labels = tied_weights(items, items)
        free.append(int(labels.max()) + 1)
    assert 0.5 < free.count(2) / 60 < 0.95 and max(free) > 2


def test_random_representations_are_not_orthogonal():
    base = claims.random_representation(4, torch.Generator().manual_seed(0))
    g = base.matrix(base.group.generators())
    assert (g @ g.transpose(1, 2) - torch.eye(4)).abs().max() > 0.1
    assert tensor_action(base, 2).dimension == 16


@pytest.mark.parametrize(
    "claim, arguments, verdict",
    [
        ("solver_gives_the_dimension_of_characters", (40,), "supported"),
        ("tied_weights_learn_from_fewer_examples", (8, 24, 30), "supported"),
        ("tied_weights_learn_from_fewer_examples", (8, 800, 4), None),
    ],
)
def test_claims_at_a_small_size(claim, arguments, verdict):
    record = getattr(claims, claim)(*arguments)
    assert verdict is None or record.verdict == verdict
    assert record.id.startswith(f"equivariance/weight_sharing/{claim}")
    assert record.low <= record.estimate <= record.high


def test_sharing_helps_elsewhere_and_not_in_place_at_a_small_size():
    shifted, in_place = (claims.sharing_helps(positions, 60, 2) for positions in ("shifted", "in place"))
    assert in_place.estimate < shifted.estimate
    assert shifted.threshold != in_place.threshold and shifted.id != in_place.id
