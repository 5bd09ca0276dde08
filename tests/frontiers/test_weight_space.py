"""What the chapter on weight space states; its demo, its claims and its stored data."""

import math
from importlib.resources import files

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.claims.frontiers import weight_space as claims
from course_lib.data import make_weight_space
from course_lib.demos.frontiers import weight_space as demos
from course_lib.frontiers import sine_networks as sines
from course_lib.frontiers import weight_classifiers as readers

GROWN = 450_000  # bytes: networks of both starts, compressed


def quality(tokens, rows=slice(None)):
    return sines.psnr(sines.drawn(tokens.float(), sines.places()), sines.digit_images()[0][rows])


def test_one_stored_network_for_every_digit_in_few_bytes():
    assert (files("course_lib.data") / sines.WEIGHTS).stat().st_size <= GROWN
    for start in sines.STARTS:
        networks = sines.stored_networks(start)
        assert networks.shape == (1797, 16, 4) and networks.isfinite().all()
        assert quality(networks).mean() > 14 and quality(networks).min() > 10


@pytest.mark.parametrize("start", sines.STARTS)
def test_fitting_some_networks_anew_gives_equally_good_ones(start):
    rows = slice(100, 112)
    anew = make_weight_space.networks(start, readers.STORED_SEED, rows)
    stored = sines.stored_networks(start)[rows]
    assert quality(anew, rows).mean().item() == pytest.approx(quality(stored, rows).mean().item(), abs=0.5)


def test_shared_starts_keep_neurons_near_their_places_and_independent_ones_do_not():
    shares = {}
    for start in sines.STARTS:
        guess = sines.first_guess(1797, start, readers.STORED_SEED)[0].expand(200, 16, 4)
        nearest = torch.cdist(sines.stored_networks(start)[-200:], guess).argmin(2)
        shares[start] = (nearest == torch.arange(16)).float().mean().item()
    assert shares["independent"] < 0.12 and shares["shared"] > 0.95


def test_the_stored_grid_is_whole_and_one_cell_comes_out_again():
    accuracies = sines.stored_accuracies()
    assert set(accuracies) == {(start, name) for start in sines.STARTS for name in readers.READERS}
    assert all(len(values) == len(make_weight_space.SEEDS) for values in accuracies.values())
    again = readers.accuracy_of("flat", sines.stored_networks("shared"), sines.digit_images()[1], readers.STORED_SEED)
    assert again == pytest.approx(accuracies["shared", "flat"][0].item(), abs=0.03)


def test_the_second_grid_is_whole_and_no_reader_died_in_it():
    for part in ("accuracy", "training"):
        found = sines.leaky_accuracies(part)
        assert list(found) == list(readers.LEAKY)
        assert all(len(values) == len(make_weight_space.FRESH) for values in found.values())
    assert min(values.min() for values in sines.leaky_accuracies("training").values()) > 0.2
    assert not set(make_weight_space.FRESH) & {0, *make_weight_space.SEEDS}


def test_the_second_grid_reads_independent_networks_with_leaky_readers(monkeypatch):
    asked = []
    monkeypatch.setattr(make_weight_space, "networks", lambda start, seed: asked.append((start, seed)) or torch.zeros(2, 16, 4))
    monkeypatch.setattr(readers, "accuracies_of", lambda name, tokens, labels, seed, leaky: (seed / 10, float(leaky)))
    rows = make_weight_space.leaky_grid(range(6, 8))
    assert asked == [("independent", 6), ("independent", 7)]
    assert rows == [(name, seed, seed / 10, 1.0) for seed in (6, 7) for name in readers.LEAKY]


def test_other_weights_that_draw_the_same_function_are_rewritten_ones():
    """The theorem's proof, backwards: waves and their flips determine a network up to order, flips and half turns."""
    tokens = torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    changed = sines.random_move(tokens, torch.Generator().manual_seed(1))
    first, other = sines.waves(tokens)[0], sines.waves(changed)[0]
    flips = torch.stack([other, other * torch.tensor([-1, -1, -1, 1])])
    gaps = (flips[:, None] - first[None, :, None]).abs().amax(3).amin(0)  # (4, 4): neuron by neuron
    assert torch.equal((gaps < 1e-9).sum(0), torch.ones(4).long()) and torch.equal((gaps < 1e-9).sum(1), torch.ones(4).long())


def test_on_pixels_alone_there_are_more_symmetries():
    """Aliasing: a frequency moved by 7 pi draws the same on the grid (up to a sign), and another picture between its points."""
    neuron = torch.tensor([[[1.0, 2.0, 0.5, 3.0]]], dtype=torch.float64)
    other = neuron + torch.tensor([0.0, 7 * math.pi, 7 * math.pi, 0.0])
    gap = (sines.drawn(other, sines.places().double()) - sines.drawn(neuron, sines.places().double())).abs().max()
    between = (sines.drawn(other, sines.places(5).double()) - sines.drawn(neuron, sines.places(5).double())).abs().max()
    assert gap < 1e-5 and between > 1


def test_standardising_by_the_mean_breaks_the_signs():
    tokens = 1 + torch.randn(20, 16, 4, generator=torch.Generator().manual_seed(0))
    net, mean = readers.SetReader(torch.ones(4), signs=True), tokens.mean((0, 1))
    assert torch.allclose(net(tokens), net(-tokens), atol=1e-5)
    assert not torch.allclose(net(tokens - mean), net(-tokens - mean), atol=1e-2)


@pytest.fixture
def quick_readers(monkeypatch):
    """Readers with random weights, and a network of noise for every digit."""
    noise = torch.randn(4, 16, 4, generator=torch.Generator().manual_seed(0))
    nets = {name: readers.READERS[name](noise, 0).eval().requires_grad_(False) for name in demos.READERS}
    monkeypatch.setattr(demos.weight_classifiers, "reader", lambda name, start: nets[name])
    monkeypatch.setattr(demos, "example", lambda digit: noise[[demos.DIGITS.index(digit)]])


def test_the_demo_draws_and_describes_every_point_differently(quick_readers):
    demo = demos.rewriting()
    assert len(demo.points()) <= 24
    words = [demo.describe(**point) for point in demo.points()]
    assert len(set(words)) == len(words)
    for point in demo.corners():
        plt.close(demo.draw(**point))


def test_the_demo_rewrites_weights_and_not_pictures(quick_readers):
    tokens = demos.example(3)
    before = demos.answers(tokens)
    for move in demos.MOVES[1:]:
        changed = demos.rewritten(tokens, move)
        assert (changed - tokens).abs().max() > 0.5
        assert torch.allclose(sines.drawn(changed, sines.places()), sines.drawn(tokens, sines.places()), atol=1e-4)
        after = demos.answers(changed)
        assert torch.allclose(after["set, signs, half turns"], before["set, signs, half turns"], atol=1e-4)
        assert not torch.allclose(after["flat"], before["flat"], atol=1e-3)
    assert torch.equal(demos.rewritten(tokens, "as fitted"), tokens)


def test_claims_compare_the_readers_that_they_name(monkeypatch):
    means = {"flat": 0.1, "set": 0.3, "set, signs": 0.35, "set, signs, half turns": 0.6}
    noise = torch.tensor([0.0, 0.01, -0.01, 0.005, -0.005], dtype=torch.float64)
    table = {("independent", name): value + noise * (k + 1) for k, (name, value) in enumerate(means.items())}
    table |= {("shared", name): 0.9 - value + noise for name, value in means.items()}
    monkeypatch.setattr(claims, "stored_accuracies", lambda: table)
    own, shared = (claims.symmetry_reads_more(start) for start in sines.STARTS)
    signs = claims.signs_add_to_order()
    assert own.estimate == pytest.approx(0.5) and own.verdict == "supported"
    assert shared.estimate == pytest.approx(-0.5) and shared.verdict == "not supported"
    assert signs.estimate == pytest.approx(0.05) and signs.low < signs.estimate < signs.high
    with pytest.raises(ValueError, match="start must be one of"):
        claims.symmetry_reads_more("common")


def test_claims_of_the_second_grid_compare_the_readers_that_they_name(monkeypatch):
    noise = torch.tensor([0.0, 0.01, -0.01, 0.005, -0.005], dtype=torch.float64)
    table = {"set": 0.2 + 0 * noise, "set, signs": 0.25 + noise, "set, half turns averaged": 0.3 + noise}
    monkeypatch.setattr(claims, "leaky_accuracies", lambda: table)
    signs, turns = claims.signs_add_to_order_leaky(), claims.half_turns_without_waves()
    assert signs.estimate == pytest.approx(0.05) and signs.verdict == "supported" and "0.02" in signs.threshold
    assert turns.estimate == pytest.approx(0.1) and turns.verdict == "not supported" and "0.2" in turns.threshold
