"""What the chapter on concepts states; its demo and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import datasets
from course_lib.claims.explainable import concepts as claims
from course_lib.demos.explainable import concepts as demos
from course_lib.explainable.concepts import concept_ceiling, segment_codes
from course_lib.explainable.display import draw_display, in_words


def test_the_case_file_fails_by_one_left_segment_and_is_repaired_by_it():
    feature = demos.reader_features(datasets.misread_digit()[None])
    wrong = 0
    for network in demos.rebuilt_readers():
        concepts = network.concepts(feature)
        low = int(concepts[0].argmin())
        assert low in (4, 5), "a left segment is the doubtful one"
        corrected = concepts.clone()
        corrected[0, low] = 1
        assert network.head(corrected).argmax() == 8
        wrong += int(network(feature).argmax() != 8)
    assert wrong >= 1, "some rebuilt reader misreads the 8"


def test_the_head_answers_every_display():
    network = demos.misreading_reader()
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 7)
    assert network.head(every).isfinite().all()
    assert (network.head(segment_codes()).argmax(1) == torch.arange(10)).all()


def test_four_segments_have_the_ceiling_that_the_chapter_counts():
    labels = datasets.digits().test_y
    count = labels.bincount()
    alike = ([0, 3, 8, 9], [1, 4], [2], [5, 6], [7])
    by_hand = sum(count[digits].max() for digits in alike) / len(labels)
    assert concept_ceiling(segment_codes(claims.FOUR)[labels], labels) == pytest.approx(by_hand.item())


def test_readings_and_leakage_on_few_splits():
    joint, black = claims.readings("joint", count=3), claims.readings("black box", count=3)
    assert joint.concepts.mean() > 0.95 and (joint.ceiling == 1).all()
    assert (joint.corrected > joint.predicted).all() and joint.corrected.min() > 0.99
    assert (black.predicted - joint.predicted).abs().max() < 0.06
    leaky = claims.readings("joint", claims.FOUR, count=3)
    assert (leaky.predicted > leaky.ceiling + 0.05).all(), "above the ceiling: it leaks"
    assert (leaky.corrected <= leaky.ceiling + 1e-9).all(), "a head that reads the true concepts cannot pass it"


def test_claims_come_out_as_records():
    costs = claims.seven_concepts_cost_nothing(count=3)
    leaks, loses = claims.the_class_passes_the_concepts(count=3), claims.correcting_helps(claims.FOUR, count=3)
    for record in (costs, leaks, loses, claims.correcting_helps(count=3)):
        assert record.low <= record.estimate <= record.high and record.seeds == 3
    assert costs.verdict == claims.decide(costs.low, costs.high, above=-claims.MARGIN)
    assert leaks.estimate > 0 > loses.estimate
    form = claims.form_gives_nothing_away(count=300)
    assert form.verdict == "not supported" and form.seeds == 300
    ink = claims.pixels_say_more_than_ink("gradient x input", count=200)
    assert ink.low <= ink.estimate <= ink.high


def test_overlapping_splits_get_a_wider_interval():
    samples = torch.randn(12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean, low, high = claims.mean_interval(samples)
    assert claims.resampled_interval(samples, 0.0) == pytest.approx((mean, low, high))
    wide = claims.resampled_interval(samples, 0.5)
    assert (wide[2] - wide[1]) / (high - low) == pytest.approx((1 + 12 * 0.5) ** 0.5)


def test_a_display_is_drawn_and_told():
    figure, ax = plt.subplots()
    draw_display(ax, segment_codes()[8], marked=2)
    assert len(ax.patches) == 7 and len(ax.texts) == 7
    plt.close(figure)
    assert in_words(segment_codes()[8]) == "all is on" and in_words(torch.zeros(7)) == "nothing is on"
    with pytest.raises(ValueError, match="concepts must"):
        draw_display(ax, torch.zeros(4))


def test_demo_draws_its_corners():
    made = demos.toggle_a_segment()
    assert len(made.points()) == 40
    for point in made.corners():
        plt.close(made.draw(**point))
        assert "The head reads" in made.describe(**point)
    before, after = (made.describe(digit="a 0", toggle=toggle) for toggle in ("nothing", "middle"))
    assert "reads 0" in before and "reads 8" in after
