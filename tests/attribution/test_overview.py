"""Demos and claims of the overview."""

import matplotlib.pyplot as plt

from course_lib import datasets
from course_lib.claims.attribution import overview as claims
from course_lib.demos.attribution import overview as demos
from course_lib.games import Game


def test_the_unit_square_draws_and_says_every_corner():
    demo = demos.unit_square()
    for point in demo.corners():
        plt.close(demo.draw(**point))
    assert "player 1 scores 1.00, player 2 scores 1.00, together 2.00" in demo.describe("AND", "leave one out")
    assert "player 1 scores 0.67, player 2 scores 0.33" in demo.describe("square", "integrated gradients")
    assert "player 1 scores 0.00, player 2 scores 0.00" in demo.describe("saturating", "slope at the full corner")


def test_all_readings_of_a_sum_agree():
    demo = demos.unit_square()
    captions = {demo.describe("sum", reading).partition("; ")[2].partition(": ")[2] for reading in demos.READINGS}
    words = "player 1 scores 0.70, player 2 scores 0.30, together 1.00. The full value minus the empty one is 1.00."
    assert captions == {words}


def test_the_live_map_reads_every_game():
    games = {
        "features": Game(lambda g: g.sum(1), players=4),
        "training data": Game(lambda g: g[:, 0] * g[:, 1], players=2),
    }
    demo = demos.live_map(games, datasets.misread_digit(), budget=64)
    for point in demo.points():
        plt.close(demo.draw(**point))
        assert point["reading"] in demo.describe(**point)


def test_the_claim_about_agreement_is_judged_by_its_interval():
    record = claims.readings_name_the_same_part(images=12)
    assert 0 <= record.estimate <= 1 and record.low <= record.estimate <= record.high and record.seeds == 12
    assert record == claims.readings_name_the_same_part(images=12)
