"""Demos and claims of the chapter on removal."""

import matplotlib.pyplot as plt
import torch

from course_lib import datasets, models
from course_lib.attribution.sanity_checks import pasted_row_detector
from course_lib.claims.attribution import removal as claims
from course_lib.demos.attribution import removal as demos


def margin(logits):
    return logits[:, 8] - logits[:, 3]


def test_the_baseline_demo_draws_every_corner():
    demo = demos.baseline(models.digit_net(), datasets.misread_digit(), margin)
    for point in demo.corners():
        plt.close(demo.draw(**point))
    blank = int((datasets.misread_digit() == 0).sum())
    assert f"{blank} of 64 squares score exactly zero" in demo.describe("blank paper", 1)


def test_the_bandwidth_demo_draws_every_corner():
    demo = demos.bandwidth(models.tumour_net(), datasets.breast_cancer())
    for point in demo.corners():
        plt.close(demo.draw(**point))
        assert f"Patient {point['patient']}, bandwidth {point['bandwidth']}" in demo.describe(**point)


def test_the_scaffold_fools_removal_and_the_honest_model_does_not():
    shares = claims.hidden_bias(seed=0, rows=12)
    assert shares["honest"] == 1.0 > shares["scaffold"]
    assert shares["scaffold agrees"] > shares["harmless agrees"] + 0.1


def test_the_detector_knows_pasted_rows():
    split = datasets.breast_cancer()
    looks_real = pasted_row_detector(split.train_x, seed=0)
    other = split.test_x[torch.randperm(len(split.test_x), generator=torch.Generator().manual_seed(0))]
    half = torch.arange(30) % 2 == 0
    real, pasted = (looks_real(rows).double().mean() for rows in (split.test_x, torch.where(half, split.test_x, other)))
    assert real > 0.75 and pasted < 0.25


def test_share_on_top_counts_rows():
    rows, background = torch.ones(3, 6).double(), torch.zeros(2, 6).double()
    assert claims.share_on_top(lambda x: x[:, claims.FORBIDDEN], rows, background) == 1.0
    assert claims.share_on_top(lambda x: x[:, 0] + 0.5 * x[:, claims.FORBIDDEN], rows, background) == 0.0
    assert claims.share_on_top(lambda x: x[:, 0] + x[:, claims.FORBIDDEN], rows, background) == 0.0  # a tie is no first


def test_records_follow_from_their_intervals():
    record = claims.baseline_is_a_detail(images=20)
    assert record.low <= record.estimate <= record.high
    assert record.verdict == ("supported" if record.low > 0.9 else "not supported" if record.high < 0.9 else "cannot tell")
    assert claims.removal_reveals_the_rule(seeds=2).seeds == 2
