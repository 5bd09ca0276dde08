"""What the chapter on implicit functions states; its demo, its claims and its stored runs."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_lib.claims.frontiers import implicit as claims
from course_lib.data import make_implicit
from course_lib.demos.frontiers import implicit as demos
from course_lib.frontiers import coordinates, radiance, rendering
from course_lib.frontiers.coordinates import fit_photograph, psnr
from course_lib.frontiers.rendering import positions


@pytest.fixture
def quick_fits(monkeypatch):
    """Fits of two steps, to draw the demo from."""
    quick = {20: 1, 60: 2, 240: 3}

    def fit(bandwidth):
        found = fit_photograph("fourier", bandwidth, seed=0, stops=(1, 2, 3))
        parts = ({long: getattr(found, part)[short] for long, short in quick.items()} for part in ("images", "shown", "hidden"))
        return type(found)(*parts)

    monkeypatch.setattr(demos, "fit", fit)


def test_demo_draws_another_picture_at_every_point(quick_fits):
    demo = demos.bandwidth_explorer()
    assert len(demo.points()) == 21
    assert len({demo.describe(**point) for point in demo.points()}) == 21
    images = [demos.fit(point["bandwidth"]).images[point["steps"]] for point in demo.points()]
    assert min((a - b).abs().max() for i, a in enumerate(images) for b in images[:i]) > 0.005
    for point in demo.corners():
        plt.close(demo.draw(**point))


def test_a_small_bandwidth_blurs_and_a_large_one_memorises():
    fits = {bandwidth: fit_photograph("fourier", bandwidth, stops=(100,), side=24) for bandwidth in (0.25, 1.0, 32.0)}
    shown, hidden = ({b: getattr(fit, part)[100] for b, fit in fits.items()} for part in ("shown", "hidden"))
    assert shown[0.25] < shown[1.0] < shown[32.0] - 3
    assert hidden[32.0] < hidden[0.25] - 5 and hidden[0.25] < hidden[1.0] - 0.5
    assert shown[0.25] - hidden[0.25] < 3


def test_sines_learn_detail_that_plain_coordinates_miss():
    plain, sines = (fit_photograph(kind, w0, stops=(60,), side=24) for kind, w0 in (("relu", 0.0), ("siren", 10.0)))
    assert sines.shown[60] > plain.shown[60] + 3 and sines.hidden[60] > plain.hidden[60]


@pytest.mark.parametrize(
    "name, settings, seeds",
    [
        ("bandwidth", make_implicit.BANDWIDTHS, make_implicit.BANDWIDTH_SEEDS),
        ("views", make_implicit.VIEWS, make_implicit.VIEW_SEEDS),
    ],
)
def test_stored_tables_are_whole(name, settings, seeds):
    assert set(claims.stored(f"implicit_{name}.csv", name)) == {(float(s), seed) for s in settings for seed in seeds}
    assert 0 not in seeds  # the seed on which the settings were tried


def test_the_script_finds_the_stored_bandwidths_again():
    for bandwidth in (2.0, 32.0):
        row = claims.stored("implicit_bandwidth.csv", "bandwidth")[bandwidth, 1]
        shown, hidden = make_implicit.bandwidth_row(bandwidth, 1)
        assert hidden == pytest.approx(row["hidden"], abs=0.7) and shown == pytest.approx(row["shown"], abs=4)


def test_the_script_compares_with_the_nearest_picture():
    row = claims.stored("implicit_views.csv", "views")[8.0, 2]
    training, held_out, nearest = make_implicit.views_row(8, 2, steps=1)
    assert nearest == pytest.approx(row["nearest"], abs=0.01)
    assert training < row["training"] - 10 and held_out < row["held_out"] - 10


def test_a_short_run_learns_the_scene():
    new = radiance.pictures(radiance.held_out())
    before, after = (radiance.score(net, *new) for net in (radiance.RadianceField(0), radiance.train(16, 0, 60)))
    assert before < 12 and after > before + 5


def test_seeds_draw_cameras_and_weights():
    nets = [radiance.train(2, seed, 2, side=6, batch=16).state_dict()["linear.0.weight"] for seed in (0, 0, 1)]
    assert torch.equal(nets[0], nets[1]) and not torch.equal(nets[0], nets[2])
    assert not torch.equal(positions(3, 0), positions(3, 1))


def test_stored_fields_know_their_views_and_only_many_views_give_new_ones():
    new = radiance.pictures(radiance.held_out(), side=12)
    scores = {}
    for views in radiance.STORED:
        net = radiance.stored_field(views)
        scores[views] = radiance.score(net, *new)
        assert radiance.score(net, *radiance.pictures(positions(views, 0), side=12)) > 33
    assert scores[16] > 33 and scores[2] < 16
    assert radiance.FILE.stat().st_size < 400_000
    with pytest.raises(ValueError, match="views must be one of"):
        radiance.stored_field(3)


def test_depth_is_right_from_many_views_only():
    seen = rendering.rays(radiance.held_out()[0], 16)
    few, many = ([radiance.depth_error(radiance.stored_field(v), seen) for v in views] for views in ((2, 4), (8, 16)))
    assert min(few) > 0.3 and max(many) < 0.05


def test_the_best_network_is_hardly_better_than_interpolation():
    """As the chapter says: bandwidth 2 gains less than a decibel over cubic interpolation, the others next to nothing."""
    settings, hidden = claims.by_bandwidth("hidden")
    cubic = torch.tensor([coordinates.interpolated_photograph(seed) for seed in (1, 2)], dtype=torch.float64)
    gain = (hidden[:, :2] - cubic).mean(1)
    assert 0 < gain[settings.index(2.0)] < 1 and gain.argmax() == settings.index(2.0)
    assert gain.sort().values[-2] < 0.3
    shown = claims.by_bandwidth("shown")[1].argmax(0)
    assert {settings[k] for k in shown} == {8.0}
    truth = coordinates.photograph()
    assert hidden[settings.index(32.0)].mean() < psnr(truth.mean((0, 1)).expand_as(truth), truth)


def test_a_short_run_shows_no_more_than_the_nearest_picture():
    _, truth = radiance.pictures(radiance.held_out())
    nearest = radiance.nearest_pictures(radiance.held_out(), positions(16, 0))
    assert psnr(nearest, truth) == pytest.approx(23.2, abs=0.1)


def test_the_script_writes_such_fields(tmp_path):
    make_implicit.save_fields(1, (2,), tmp_path / "fields.npz")
    with np.load(tmp_path / "fields.npz") as new, np.load(radiance.FILE) as old:
        assert {name: new[name].shape for name in new} == {name: old[name].shape for name in old if name.startswith("2/")}
        assert new["2/0.weight"].dtype == np.float16


def test_claims_are_computed_from_the_tables():
    rows = claims.stored("implicit_views.csv", "views")
    gains = [rows[16.0, seed]["held_out"] - rows[4.0, seed]["held_out"] for seed in make_implicit.VIEW_SEEDS]
    assert claims.more_views_help().estimate == pytest.approx(sum(gains) / len(gains))
    rows = claims.stored("implicit_bandwidth.csv", "bandwidth")
    gains, losses = [], []
    for seed in make_implicit.BANDWIDTH_SEEDS:
        best = max(make_implicit.BANDWIDTHS, key=lambda b: rows[b, seed]["shown"])
        losses.append(rows[2.0, seed]["hidden"] - rows[best, seed]["hidden"])
        gains.append(rows[2.0, seed]["hidden"] - max(rows[end, seed]["hidden"] for end in (0.25, 32.0)))
    assert claims.middle_bandwidth_is_best().estimate == pytest.approx(sum(gains) / len(gains))
    assert claims.best_on_shown_pixels_memorises().estimate == pytest.approx(sum(losses) / len(losses))
    least = {claims.middle_bandwidth_is_best: 1, claims.best_on_shown_pixels_memorises: 5, claims.more_views_help: 3}
    assert all(f"above {decibels} dB" in claim().threshold for claim, decibels in least.items())
    assert claims.more_views_help(above=1000).verdict == "not supported"


def test_copying_beats_a_field_of_two_views():
    """As the chapter says: with few views training pictures come out, and new ones do not."""
    training, held_out, nearest = (claims.by_views(what)[1] for what in ("training", "held_out", "nearest"))
    assert held_out[1].min() < 14 and held_out[1].max() > 28 and held_out[2:].min() > 30  # four views: it depends on the draw
    assert training.mean(1).min() > 30
    assert held_out[0].mean() < nearest[0].mean() and (held_out[3] > nearest[3] + 5).all()
    assert psnr(torch.zeros(3), torch.ones(3)) == 0
