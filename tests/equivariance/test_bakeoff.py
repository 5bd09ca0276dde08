"""What the chapter on the bake-off states: the smallest example, the stored grid, its claims and its demos."""

import dataclasses

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.equivariance import bakeoff as claims
from course_lib.data.make_bakeoff import CONTROL_SIZES, SEEDS, UPRIGHT, UPRIGHT_SIZES
from course_lib.demos.equivariance import bakeoff as demos
from course_lib.equivariance import bakeoff, bakeoff_clusters, bakeoff_digits
from course_lib.equivariance.bakeoff import values


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
    for task, module in (("digits", bakeoff_digits), ("clusters", bakeoff_clusters)):
        for method in module.CONSTRUCTIONS:
            for size in module.SIZES:
                found = bakeoff.select(cells, task, method=method, size=size)
                assert [cell.seed for cell in found] == list(SEEDS)
    assert all(len(values(cells, "digits", m, n, law="upright")) == len(SEEDS) for m in UPRIGHT for n in UPRIGHT_SIZES)
    tasks = len(bakeoff_digits.CONSTRUCTIONS) * len(bakeoff_digits.SIZES) + len(UPRIGHT) * len(UPRIGHT_SIZES)
    tasks += len(bakeoff_digits.CONTROL) * len(CONTROL_SIZES)
    assert len(cells) == len(SEEDS) * (tasks + len(bakeoff_clusters.CONSTRUCTIONS) * len(bakeoff_clusters.SIZES))


@pytest.mark.parametrize(
    ("task", "methods", "size", "seed"),
    [
        ("digits", ("plain", "averaged after"), 50, 10),
        ("digits", ("shared weights", "invariants"), 100, 12),
        ("clusters", ("plain", "bag of distances"), 100, 11),
    ],
)
def test_some_cells_come_out_again(task, methods, size, seed):
    module = demos.TASKS[task]
    for again in module.run(list(methods), size, seed):
        (stored,) = bakeoff.select(claims.cells(), task, method=again.method, size=size, seed=seed)
        tolerance = {"abs": 0.03} if task == "digits" else {"rel": 0.1}
        assert again.score == pytest.approx(stored.score, **tolerance)
        assert again.error == pytest.approx(stored.error, rel=0.2, abs=1e-5)
        for field in ("evaluations", "operations", "parameters"):
            assert getattr(again, field) == getattr(stored, field)


def test_the_grid_keeps_what_the_constructions_promise():
    for cell in claims.cells():
        built = (demos.TASKS[cell.task].CONSTRUCTIONS | bakeoff_digits.CONTROL)[cell.method]
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


VERDICTS = {
    "fewer_digits/shared_weights/2": "supported",
    "fewer_digits/shared_weights/4": "cannot tell",
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


def test_demos_say_where_the_plain_network_never_gets():
    assert "never" in demos.clusters().describe("bag of distances", 400)
    assert "plain network needs about" in demos.digits().describe("averaged after", 100)
