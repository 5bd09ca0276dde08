"""What the chapter on the bake-off states: the smallest example, the stored grid, its claims and its demos."""

import dataclasses
import math

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.core import mean_interval
from course_lib.claims.equivariance import bakeoff as claims
from course_lib.data.make_bakeoff import SEEDS, UPRIGHT, UPRIGHT_SIZES
from course_lib.demos.equivariance import bakeoff as demos
from course_lib.equivariance import bakeoff, bakeoff_clusters, bakeoff_digits


def test_on_one_orbit_with_a_linear_learner_all_constructions_are_one():
    """Least squares on one-hot positions, by matrices: shared, augmented, averaged and canonicalised fits agree."""
    y = torch.randn(4, 5, generator=torch.Generator().manual_seed(0)).double()
    x = torch.eye(4).double().repeat_interleave(5, 0)

    def fit(rows, labels):
        return torch.linalg.lstsq(rows, labels[:, None]).solution[:, 0]

    plain, shared = fit(x, y.flatten()), fit(x.sum(1, keepdim=True), y.flatten())
    augmented = fit(torch.cat([x.roll(k, 1) for k in range(4)]), y.flatten().repeat(4))
    canonical = fit(x[:5].repeat(4, 1)[:, :1], y.flatten())
    for other in (plain.mean(), augmented[0], augmented[3], canonical[0]):
        assert other == pytest.approx(shared.item())
    assert (plain - shared).abs().max() > 0.1


def test_the_grid_is_whole():
    cells = claims.cells()
    assert len({(c.task, c.law, c.method, c.size, c.seed) for c in cells}) == len(cells)
    digits = len(bakeoff_digits.CONSTRUCTIONS | bakeoff_digits.CONTROL) * len(bakeoff_digits.SIZES) + len(UPRIGHT) * len(
        UPRIGHT_SIZES
    )
    clusters = len(bakeoff_clusters.CONSTRUCTIONS | bakeoff_clusters.CONTROL) * len(bakeoff_clusters.SIZES)
    assert len(cells) == len(SEEDS) * (digits + clusters)
    assert {cell.seed for cell in cells} == set(SEEDS)
    assert all(cell.train_seconds > 0 and cell.read_seconds > 0 for cell in cells)


@pytest.mark.parametrize(
    ("task", "methods", "seed"),
    [
        ("digits", ("plain", "averaged after"), 100),
        ("digits", ("invariants",), 101),
        ("clusters", ("dot products", "bag of distances"), 102),
        ("clusters", ("names alone",), 103),
    ],
)
def test_some_cells_come_out_again(task, methods, seed):
    """At the smallest size, up to what the rounding of another processor makes of a training."""
    module, size = demos.TASKS[task], demos.TASKS[task].SIZES[0]
    for again in module.run(list(methods), size, seed):
        (stored,) = bakeoff.select(claims.cells(), task, method=again.method, size=size, seed=seed)
        assert again.score == pytest.approx(stored.score, **({"abs": 0.02} if task == "digits" else {"rel": 0.05}))
        assert again.error == pytest.approx(stored.error, rel=0.2, abs=1e-4)
        for field in ("evaluations", "operations", "parameters"):
            assert getattr(again, field) == getattr(stored, field)


def test_controls_differ_from_their_constructions_in_the_activation_alone():
    x = bakeoff_digits.draw(8, 0)[0]
    for name, control in bakeoff_digits.CONTROL.items():
        built = bakeoff_digits.CONSTRUCTIONS[name.removesuffix(", leaky")]
        one, other = built.build(3, x), control.build(3, x)
        assert (control.moved, control.exact, control.read, control.pose) == (built.moved, built.exact, built.read, built.pose)
        assert not torch.equal(one(x), other(x))
        other.bend.negative_slope = 0.0
        assert torch.equal(one(x), other(x))
        assert bakeoff_digits.CONSTRUCTIONS["shared weights"].build(3, x).bend.negative_slope == bakeoff_digits.LEAK


def test_the_lead_is_a_paired_difference():
    cells, gains = claims.cells(), []
    for seed in SEEDS:
        score = {c.method: c.score for c in cells if c.law == "upright" and c.seed == seed}
        gains.append(score["shared weights"] - score["plain, leaky"])
    mean, low, high = claims.lead("plain, leaky", "upright")
    assert mean == pytest.approx(sum(gains) / len(gains)) and low < mean < high


def test_the_grid_keeps_what_the_constructions_promise():
    for cell in claims.cells():
        built = (demos.TASKS[cell.task].CONSTRUCTIONS | demos.TASKS[cell.task].CONTROL)[cell.method]
        assert (cell.error < 1e-4) == built.exact, cell
        if cell.task == "digits":
            assert (cell.flips == 0) == built.exact and 0 <= cell.score <= 1


def test_fewer_examples_are_compared_with_more():
    gains = claims.gains_with_fewer("digits", "shared weights", 4)
    cells, expected = claims.cells(), []
    for seed in SEEDS:
        score = {(c.method, c.size): c.score for c in cells if c.task == "digits" and c.law == "turned" and c.seed == seed}
        pairs = [(50, 200), (100, 400), (200, 800)]
        expected.append(sum(score["shared weights", few] - score["plain", many] for few, many in pairs) / 3)
    assert gains.tolist() == pytest.approx(expected)


def test_times_are_relative_to_the_plain_network_of_the_same_run():
    cell = claims.cells()[0]
    made = [
        dataclasses.replace(cell, method=method, seed=seed, size=50, train_seconds=spent, task="digits", law="turned")
        for seed in (1, 2, 3)
        for method, spent in (("plain", 1.0 * seed), ("augmented", 2.0 * seed))
    ]
    assert bakeoff.relative_seconds(made, "digits", "augmented") == 2.0


def test_claims_say_what_the_chapter_says():
    records = [
        claims.fewer_digits("shared weights", 2),
        claims.fewer_digits("shared weights", 4),
        claims.guarantee_reads_more(),
        claims.every_guarantee_helps(),
        claims.fewer_clusters("bag of distances"),
        claims.fewer_clusters("dot products"),
        claims.upright_too("shared weights"),
        claims.upright_too("averaged after"),
    ]
    assert len({record.id for record in records}) == len(records)
    assert all(record.seeds == len(SEEDS) for record in records)
    assert {record.id.rpartition("bakeoff/")[2]: record.verdict for record in records} == VERDICTS


def test_on_clusters_one_half_of_the_symmetry_buys_little_and_both_halves_much():
    spread = bakeoff_clusters.data()[1].energies.std()
    for size in bakeoff_clusters.SIZES[1:]:
        half = [demos._mean("clusters", name, size) for name in ("names alone", "dot products")]
        both = [demos._mean("clusters", name, size) for name in ("bag of distances", "shared weights")]
        assert min(half) > 0.75 * spread and max(both) < 0.8 * min(half)


VERDICTS = {
    "fewer_digits/shared_weights/2": "supported",
    "fewer_digits/shared_weights/4": "supported",
    "guarantee_reads_more": "supported",
    "every_guarantee_helps": "supported",
    "fewer_clusters/bag_of_distances/100_for_400": "supported",
    "fewer_clusters/dot_products/100_for_400": "not supported",
    "upright_too/shared_weights": "not supported",
    "upright_too/averaged_after": "not supported",
}


@pytest.mark.parametrize("demo", [demos.digits(), demos.clusters()])
def test_demos_draw_and_describe_their_corners(demo):
    frames = {demo.frame(**point) for point in demo.corners()}
    texts = {demo.describe(**point) for point in demo.corners()}
    assert len(frames) == len(texts) == len(demo.corners())
    assert len(demo.points()) <= 40
    plt.close("all")


@pytest.mark.parametrize(
    ("task", "score", "word"),
    [("digits", 1.0, "never"), ("digits", 0.0, "fewer"), ("clusters", 0.0, "never"), ("clusters", 9.0, "fewer")],
)
def test_demos_say_on_which_side_the_plain_curve_misses_a_score(task, score, word):
    assert word in demos._out_of_reach(task, score)


def test_demos_say_how_many_examples_the_plain_network_needs():
    for demo, task in ((demos.digits(), "digits"), (demos.clusters(), "clusters")):
        for point in demo.points():
            needed = demos.worth(task, *point.values())
            assert ("needs about" in demo.describe(**point)) == math.isfinite(needed)
            assert task == "digits" or "never" in demo.describe(**point)  # the chapter: no arrow appears


def test_with_a_quarter_of_the_digits_the_activation_decides():
    for factor, plain, sign in ((2, "plain", 1), (2, "plain, leaky", 1), (4, "plain", 1), (4, "plain, leaky", 0)):
        _, low, high = mean_interval(claims.gains_with_fewer("digits", "shared weights", factor, plain))
        assert (low > 0) == sign and high > 0
    assert all(claims.lead(f"{name}{leak}")[1] > 0 for name in ("plain", "augmented") for leak in ("", ", leaky"))
    assert all(claims.lead(name, "upright")[2] < -claims.MARGIN for name in ("plain", "plain, leaky"))
