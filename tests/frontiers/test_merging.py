"""What the postcard on merging states; its demo, its claims and its stored grid."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.frontiers import merging as claims
from course_lib.demos.frontiers import merging as demos
from course_lib.frontiers import merging, merging_digits
from course_lib.frontiers.stacked_networks import accuracies, apply_to_each, hidden_values, initial_stack, losses


@pytest.fixture(scope="module")
def few():
    """Three pairs of width 16 with two hidden layers, on seeds of which nothing is stored."""
    return merging_digits.pairs(16, 2, 3, first=700)


def test_views_hide_or_mirror_what_they_say():
    whole = merging_digits.data()[0].reshape(-1, 8, 8)
    mirrored, top, bottom = (merging_digits.data(view)[0].reshape(-1, 8, 8) for view in merging_digits.VIEWS[1:])
    assert torch.equal(mirrored[:, :, 0], whole[:, :, 7]) and torch.equal(mirrored[:, 2], whole[:, 2].flip(1))
    assert top[:, :3].abs().max() == 0 and torch.equal(top[:, 3:], whole[:, 3:])
    assert bottom[:, 5:].abs().max() == 0 and torch.equal(bottom[:, :5], whole[:, :5])
    with pytest.raises(ValueError, match="view must be"):
        merging_digits.data("sideways")


def test_alignment_keeps_the_function_and_lowers_the_barrier(few):
    a, b = few
    x = merging_digits.data()[2]
    naive = merging_digits.barriers(a, b)
    for method in ("weights", "activations"):
        moved = merging_digits.aligned(a, b, method)
        assert torch.allclose(hidden_values(moved, x)[-1], hidden_values(b, x)[-1], atol=1e-3)
        assert (merging_digits.barriers(a, moved) < 0.8 * naive).all()
    assert merging_digits.barriers(a, a).max() < 1e-5
    with pytest.raises(ValueError, match="method must be"):
        merging_digits.aligned(a, b, "hope")


def test_networks_of_pairs_are_trained_and_different(few):
    a, b = few
    test = merging_digits.data()[2:]
    assert accuracies(a, *test).min() > 0.8 and accuracies(b, *test).min() > 0.8
    length = merging.distance(a, apply_to_each(torch.zeros_like, a))
    assert (merging.distance(a, b) > length).all()


def test_rescaling_spoils_alignment_and_balancing_mends_it(few):
    a, b = few
    generator = torch.Generator().manual_seed(0)
    scaled = merging.rescale(b, [2 ** (6 * torch.rand(3, 16, generator=generator) - 3) for _ in range(2)])
    x, y = merging_digits.data()[2:]
    assert torch.allclose(losses(scaled, x, y), losses(b, x, y), rtol=1e-3)
    left = [
        merging_digits.barriers(one, merging_digits.aligned(one, other, "weights")).mean()
        for one, other in ((a, b), (a, scaled), (merging.balance(a), merging.balance(scaled)))
    ]
    assert left[1] > 2 * left[0] and left[2] < 1.5 * left[0]


def test_scales_spoil_both_the_orders_and_the_average(few):
    a, b = few
    generator = torch.Generator().manual_seed(0)
    scaled = merging.rescale(b, [2 ** (6 * torch.rand(3, 16, generator=generator) - 3) for _ in range(2)])
    good, misled = merging.match_weights(a, b), merging.match_weights(a, scaled)
    best = merging_digits.barriers(a, merging.permute(b, good)).mean()
    assert merging_digits.barriers(a, merging.permute(b, misled)).mean() > 1.3 * best
    assert merging_digits.barriers(a, merging.permute(scaled, good)).mean() > 2 * best
    one, other = merging.balance(b), merging.balance(scaled)
    assert merging_digits.barriers(b, scaled).mean() > 0.1 > 1e-3 > merging_digits.barriers(one, other).max()


def test_fine_tunes_of_one_start_move_and_share_no_order_of_examples(few):
    start = few[0]
    one, other = (merging_digits.fine_tuned(start, "mirrored", order, steps=60) for order in (0, 1))
    test = merging_digits.data("mirrored")[2:]
    assert (accuracies(one, *test) > accuracies(start, *test) + 0.2).all()
    assert (merging.distance(one, other) > 0.1).all()
    both = merging_digits.add_task_vectors(start, one, other)
    for total, parts in zip(both, zip(start, one, other, strict=True), strict=True):
        assert torch.allclose(total[0], parts[1][0] + parts[2][0] - parts[0][0], atol=1e-6)


# --------------------------------------------------------------------------------------------------------- stored grid


def test_the_stored_grid_is_whole():
    cells = merging_digits.stored_cells()
    settings = len(merging_digits.WIDTHS) * len(merging_digits.DEPTHS) * len(merging_digits.METHODS)
    assert len(cells) == settings * merging_digits.PAIRS
    assert len({(cell.width, cell.depth, cell.pair, cell.method) for cell in cells}) == len(cells)
    assert all(cell.barrier >= 0 and 0 < cell.accuracy_average <= 1 for cell in cells)
    assert merging_digits.stored(64, 2, "naive").shape == (10,)
    with pytest.raises(ValueError, match="width, depth and method must be in the grid"):
        merging_digits.stored(32, 2, "naive")


def test_a_part_of_the_grid_comes_out_again(tmp_path):
    made = merging_digits.run(16, 1, 2)
    stored = {(cell.width, cell.depth, cell.pair, cell.method): cell for cell in merging_digits.stored_cells()}
    for cell in made:
        old = stored[cell.width, cell.depth, cell.pair, cell.method]
        assert cell.barrier == pytest.approx(old.barrier, rel=0.2, abs=0.05)
        assert cell.accuracy_a == pytest.approx(old.accuracy_a, abs=0.02)
        assert cell.accuracy_average == pytest.approx(old.accuracy_average, abs=0.06)
    merging_digits.write_cells(made, tmp_path / "grid.csv", "a note")
    lines = (tmp_path / "grid.csv").read_text(encoding="utf8").splitlines()
    assert lines[0] == "# a note" and lines[1].startswith("width,depth,pair") and len(lines) == 2 + len(made)


def test_stored_barriers_fall_with_width_in_every_way():
    for depth in merging_digits.DEPTHS:
        for method in merging_digits.METHODS:
            means = [merging_digits.stored(width, depth, method).mean() for width in merging_digits.WIDTHS]
            assert means[0] > means[1] > means[2]


# ------------------------------------------------------------------------------------------------------ claims and demo


def test_claims_measure_what_they_say(monkeypatch):
    fake = initial_stack([64, 4, 10], [0, 1])
    barriers = {"naive": torch.tensor([1.0, 2.0]), "weights": torch.tensor([0.1, 0.22])}
    monkeypatch.setattr(merging_digits, "pairs", lambda *key: (fake, fake))
    monkeypatch.setattr(merging_digits, "aligned", lambda a, b, method: method)
    monkeypatch.setattr(merging_digits, "barriers", lambda a, moved: barriers[moved])
    record = claims.merging_needs_alignment()
    assert record.estimate == pytest.approx(0.105) and record.verdict == "supported" and record.seeds == 2
    widths = {16: torch.tensor([0.4, 0.8]), 256: torch.tensor([0.2, 0.31])}
    monkeypatch.setattr(merging_digits, "stored", lambda width, depth, method: widths[width])
    record = claims.wide_networks_merge_better()
    assert record.estimate == pytest.approx(0.105) and record.verdict == "not supported"
    monkeypatch.setattr(merging_digits, "fine_tuned", lambda start, view, order: (view, order))
    monkeypatch.setattr(merging_digits, "barriers", lambda a, b, view: torch.tensor([0.001, 0.9]) * (a[1] != b[1]))
    assert claims.a_soup_needs_no_alignment().verdict == "cannot tell"


def test_soup_claim_at_a_small_size(monkeypatch):
    """Two narrow starts, trained and fine-tuned as in the chapter."""
    monkeypatch.setattr(claims, "WIDTH", 16)
    record = claims.a_soup_needs_no_alignment(2)
    assert record.id == "frontiers/merging/a_soup_needs_no_alignment" and record.seeds == 2
    assert 0 <= record.estimate < 0.1


def test_demo_draws_and_describes_its_corners(monkeypatch):
    monkeypatch.setattr(demos, "WIDTHS", (8, 16))
    demo = demos.walk_between_networks()
    assert len(demo.points()) <= 24
    words = [demo.describe(**point) for point in demo.corners()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))
    first = demos._first_layers(16, 0.0)
    assert torch.equal(first["A"], first["mix, aligned"]) and not torch.equal(first["A"], first["B aligned"])
    last = demos._first_layers(16, 1.0)
    assert torch.equal(last["B"], last["mix, as they are"]) and torch.equal(last["B aligned"], last["mix, aligned"])


def test_every_move_of_the_demo_changes_its_picture(monkeypatch):
    monkeypatch.setattr(demos, "WIDTHS", (8, 16))
    monkeypatch.setattr(demos, "ALPHAS", (0.0, 0.5, 1.0))
    demo = demos.walk_between_networks()
    frames = [demo.frame(**point) for point in demo.points()]
    assert len(set(frames)) == len(frames)
