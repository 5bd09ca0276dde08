"""Lenses and probes against closed forms and scikit-learn; what the chapter states, its demos and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from course_lib.attribution import lenses, probes
from course_lib.attribution.interventions import Component, patch, record
from course_lib.claims.attribution import probes as claims
from course_lib.demos.attribution import probes as demos
from course_lib.facts import sentences
from course_lib.transformer import FactModel, fact_model
from tests.games.instances import close, generator

WORLD = sentences()


def blobs(n: int, d: int, classes: int, seed: int = 0, dtype: torch.dtype = torch.float64):
    """Overlapping classes with different means."""
    draws = generator(seed)
    y = torch.arange(n) % classes
    means = torch.randn(classes, d, generator=draws, dtype=torch.float64)
    return (means[y] + torch.randn(n, d, generator=draws, dtype=torch.float64) + 3).to(dtype), y


# ------------------------------------------------------------------------------------------------------------ lenses


def test_after_the_last_layer_the_lens_is_the_model(dtype):
    world = WORLD[torch.arange(0, 1449, 200)]
    for path in ("free", "planted"):
        model = fact_model(path).to(dtype)
        rows = torch.arange(len(world))
        for place in lenses.PLACES:
            at = lenses.places(world, place)
            own = model(world.tokens)[rows, at].softmax(-1)
            found = lenses.streams(model, world, place)["layers.2.stream"]
            assert (lenses.logit_lens(model, found) - own).abs().max() < 1e-6


def test_the_lens_keeps_leading_axes():
    model = FactModel()
    stream = torch.randn(2, 3, 64, generator=generator())
    found = lenses.logit_lens(model, stream)
    assert found.shape[:2] == (2, 3)
    close(found[1, 2], lenses.logit_lens(model, stream[1, 2]))


@pytest.mark.parametrize("stream", [torch.ones(63), torch.ones(64).long(), torch.tensor(1.0)])
def test_a_bad_stream_is_named(stream):
    with pytest.raises(ValueError, match="stream must be floating-point"):
        lenses.logit_lens(FactModel(), stream)


def test_places_are_the_final_token_and_the_end_of_the_subject():
    last = lenses.places(WORLD, "last piece")
    rows = torch.arange(len(WORLD))
    assert WORLD.subject[rows, last].all() and not WORLD.subject[rows, last + 1].any()
    assert (lenses.places(WORLD, "final token") == WORLD.last).all()
    with pytest.raises(ValueError, match="place must be one of"):
        lenses.places(WORLD, "first piece")


def test_a_fitted_lens_recovers_a_known_map(dtype):
    h = torch.randn(200, 5, generator=generator(1), dtype=dtype) + 4
    matrix, shift = torch.randn(5, 5, generator=generator(2), dtype=dtype), torch.randn(5, generator=generator(3), dtype=dtype)
    lens = lenses.fit_lens(h, h @ matrix + shift, ridge=1e-6)
    new = torch.randn(10, 5, generator=generator(4), dtype=dtype)
    assert lens(new).dtype == dtype
    assert (lens(new) - (new @ matrix + shift)).abs().max() < (1e-4 if dtype == torch.float32 else 1e-6)


def test_a_fitted_lens_is_the_ridge_regression_of_what_is_missing():
    h, goal = torch.randn(2, 30, 4, generator=generator(5), dtype=torch.float64)
    lens = lenses.fit_lens(h, goal, ridge=2.0)
    x, missing = h - h.mean(0), goal - h
    close(x.T @ (missing - h @ lens.change - lens.offset), 2 * lens.change)
    close((missing - h @ lens.change - lens.offset).mean(0), torch.zeros(4, dtype=torch.float64))


def test_a_fitted_lens_changes_nothing_after_the_last_layer():
    h = torch.randn(3, 6, generator=generator())
    lens = lenses.fit_lens(h, h)
    assert (lens(h) == h).all()


@pytest.mark.parametrize(
    ("h", "goal", "ridge", "says"),
    [
        (torch.ones(3, 2), torch.ones(2, 2), 1.0, "stream and goal must both be"),
        (torch.ones(0, 2), torch.ones(0, 2), 1.0, "stream and goal must both be"),
        (torch.full((3, 2), torch.nan), torch.ones(3, 2), 1.0, "must be finite"),
        (torch.ones(3, 2), torch.ones(3, 2), 0.0, "ridge must be positive"),
    ],
)
def test_bad_input_of_a_lens_is_named(h, goal, ridge, says):
    with pytest.raises(ValueError, match=says):
        lenses.fit_lens(h, goal, ridge)


def test_ranks_do_not_count_ties():
    chances = torch.tensor([[0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])
    assert lenses.ranks(chances, torch.tensor([0, 1])).tolist() == [1, 0]
    with pytest.raises(ValueError, match="probabilities must be"):
        lenses.ranks(chances, torch.tensor([0]))


# ------------------------------------------------------------------------------------------------------------ probes


@pytest.mark.parametrize("classes", [2, 4])
def test_a_probe_is_logistic_regression(classes, dtype):
    x, y = blobs(120, 5, classes, dtype=dtype)
    rows = x.double()
    scale = (rows - rows.mean(0)).square().mean().sqrt()
    inputs = torch.cat([(rows - rows.mean(0)) / scale, torch.ones(120, 1).double()], 1)
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(inputs, y)
    ours = probes.fit_probe(x, y, penalty=2.0)
    scores = torch.tensor(theirs.decision_function(inputs))
    mine = (x @ ours.weights.T + ours.offset).double()
    mine = mine[:, 1] - mine[:, 0] if classes == 2 else mine - mine.mean(1, keepdim=True)
    assert (mine - scores).abs().max() < 1e-3
    assert (ours.predict(x) == torch.tensor(theirs.predict(inputs))).all()
    assert ours.accuracy(x, y) == pytest.approx(theirs.score(inputs, y))


def test_a_probe_knows_no_units():
    x, y = blobs(60, 3, 2)
    close(1000 * probes.fit_probe(1000 * x + 7, y).weights, probes.fit_probe(x, y).weights)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (torch.ones(3), torch.tensor([0, 1, 0]), "x must be finite floating-point rows"),
        (torch.full((2, 2), torch.inf), torch.tensor([0, 1]), "x must be finite"),
        (torch.ones(3, 2), torch.tensor([0, 1]), "y must have shape"),
        (torch.ones(2, 2), torch.tensor([0, 0]), "at least two classes"),
        (torch.ones(2, 2), torch.tensor([-1, 1]), "whole numbers from 0"),
        (torch.ones(2, 2), torch.tensor([0.0, 1.0]), "whole numbers from 0"),
    ],
)
def test_bad_input_of_a_probe_is_named(x, y, says):
    for method in (probes.fit_probe, probes.mean_directions, lambda x, y: probes.inlp(x, y, 1)):
        with pytest.raises(ValueError, match=says):
            method(x, y)


def test_control_labels_belong_to_types_and_keep_frequencies():
    types = torch.arange(3000) // 3
    y = (torch.arange(3000) % 10 == 0).long()
    labels = probes.control_labels(types, y, generator())
    assert (labels.reshape(-1, 3) == labels[::3, None]).all()
    assert labels.double().mean().item() == pytest.approx(0.1, abs=0.05)
    assert not (labels == probes.control_labels(types, y, generator(1))).all()
    with pytest.raises(ValueError, match="types and y"):
        probes.control_labels(types[:5], y, generator())


def test_the_selectivity_of_noise_is_about_zero():
    found = []
    for seed in range(30):
        x = torch.randn(300, 8, generator=generator(seed), dtype=torch.float64)
        y = torch.randint(0, 2, (300,), generator=generator(1000 + seed))
        control = probes.control_labels(torch.arange(300), y, generator(2000 + seed))
        task, other = (probes.fit_probe(x[:200], z[:200]).accuracy(x[200:], z[200:]) for z in (y, control))
        found.append(task - other)
    found = torch.tensor(found)
    assert found.mean().abs() < 4 * found.std() / 30**0.5


def test_accuracy_where_labels_conflict():
    y, other = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    assert probes.conflict_accuracy(y, y, other) == 1 and probes.conflict_accuracy(other, y, other) == 0
    with pytest.raises(ValueError, match="disagree"):
        probes.conflict_accuracy(y, y, y)
    with pytest.raises(ValueError, match="one shape"):
        probes.conflict_accuracy(y, y, other[:2])


@pytest.mark.parametrize(("classes", "steps", "rank"), [(2, 1, 1), (2, 3, 3), (3, 2, 4)])
def test_the_projection_is_orthogonal_and_of_the_right_rank(classes, steps, rank, dtype):
    x, y = blobs(90, 7, classes, dtype=dtype)
    basis = probes.inlp(x, y, steps)
    p, tolerance = probes.projection(basis), 1e-5 if dtype == torch.float32 else 1e-12
    assert basis.shape == (rank, 7) and p.dtype == dtype
    assert (p - p.T).abs().max() == 0 and (p @ p - p).abs().max() < tolerance
    assert torch.linalg.matrix_rank(p, rtol=1e-3) == 7 - rank
    close(probes.inlp(x, y, 1), basis[: classes - 1])


def test_every_step_finds_the_probe_of_what_is_left():
    x, y = blobs(80, 5, 2)
    basis = probes.inlp(x, y, 3)
    for k in range(3):
        left = x @ probes.projection(basis[:k]) if k else x
        w = probes.fit_probe(left, y).weights
        direction = torch.nn.functional.normalize(w[1] - w[0], dim=0)
        assert abs((direction @ basis[k]).item()) == pytest.approx(1)


def test_nothing_is_left_after_all_dimensions():
    x, y = blobs(40, 3, 2)
    assert probes.projection(probes.inlp(x, y, 10)).abs().max() < 1e-9


def test_after_erasing_the_means_a_probe_is_at_chance_on_its_own_rows(dtype):
    x, y = blobs(150, 6, 3, dtype=dtype)
    basis, centre = probes.mean_directions(x, y), x.mean(0)
    left = probes.erase(x, basis, centre)
    assert basis.shape == (2, 6)
    means = torch.stack([left[y == k].mean(0) for k in range(3)])
    assert (means - means[0]).abs().max() < 1e-4
    probe = probes.fit_probe(left, y)
    assert probe.weights.abs().max() < 1e-3  # no direction lowers the loss of a constant guess
    assert probes.fit_probe(x, y).accuracy(x, y) > 0.6


def test_erasing_keeps_the_rest_and_the_centre():
    x, y = blobs(30, 4, 2)
    basis, centre = probes.mean_directions(x, y), x.mean(0)
    left = probes.erase(x, basis, centre)
    close((left - centre) @ basis.T, torch.zeros(30, 1, dtype=torch.float64))
    others = probes.directions(probes.projection(basis))
    assert len(others) == 3
    close(left @ others.T, x @ others.T)


def test_directions_of_nothing_and_bases_that_are_none():
    assert probes.directions(torch.zeros(2, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match="orthonormal"):
        probes.projection(torch.tensor([[0.0, 2.0]]))
    with pytest.raises(ValueError, match="steps must be"):
        probes.inlp(*blobs(10, 2, 2), 0)
    with pytest.raises(ValueError, match="kappa must lie"):
        probes.correlated_tasks(3, 1.5, generator())


def test_correlated_tasks_agree_as_often_as_asked():
    x, concept, main = probes.correlated_tasks(4000, 0.8, generator())
    assert ((x[:, 0] > 0) == concept).all() and ((x[:, 8] > 0) == main).all()
    assert (concept == main).double().mean().item() == pytest.approx(0.8, abs=0.03)


# ------------------------------------------------------------------------------------------------ chapter and claims


def test_the_widest_margin_on_three_rows_uses_both_entries():
    rows = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [3.0, -1.0]], dtype=torch.float64)
    signs, w = torch.tensor([1.0, -1.0, 1.0]).double(), torch.tensor([0.5, 0.5]).double()
    close(signs * (rows @ w), torch.ones(3).double())
    others = torch.cartesian_prod(*[torch.linspace(-1.5, 1.5, 61, dtype=torch.float64)] * 3)
    feasible = (signs * (others[:, :2] @ rows.T + others[:, 2:]) >= 1 - 1e-12).all(1)
    assert (others[feasible, :2].norm(dim=1) >= w.norm() - 1e-9).all()


def test_nothing_after_the_last_layer_passes_between_tokens():
    model, world = fact_model("planted"), WORLD[[0]]
    at = int(lenses.places(world, "last piece"))
    source = record(model, WORLD[[30]].tokens, ["layers.2.stream"])
    answer = patch(model, world.tokens, [Component("layers.2.stream", (at,))], source)[0, world.last[0]]
    assert (answer == model(world.tokens)[0, world.last[0]]).all()


def test_one_sentence_for_every_country():
    for relation in (None, 1):
        rows = claims.one_sentence_per_country(WORLD, relation, seed=0)
        assert (WORLD.facts[rows] // 3 == torch.arange(161)).all()
        assert relation is None or (WORLD.facts[rows] % 3 == relation).all()
    first, second = claims.halves(161, seed=0)
    assert sorted([*first.tolist(), *second.tolist()]) == list(range(161))


def test_the_claims_speak_of_properties_that_probes_decode():
    stream, country = lenses.streams(fact_model("planted"), WORLD, "final token")[claims.SITE], WORLD.facts // 3
    for name in ("wording", "relation"):
        y = claims.labels(WORLD, name)
        _, found = claims.erasures(name)
        for half, probe in zip(claims.halves(161, 2), found, strict=True):
            rows = torch.isin(country, half)
            assert probe.accuracy(stream[rows], y[rows]) > 0.95
    with pytest.raises(ValueError, match="name must be"):
        claims.labels(WORLD, "mood")
    with pytest.raises(ValueError, match="lens must be"):
        claims.continents_read("tuned")


def test_erasing_nothing_changes_no_answer():
    model, world = fact_model("planted"), WORLD[torch.arange(0, 90, 9)]
    plain, same = claims.answers_after_erasing(model, world, torch.zeros(0, 64), torch.zeros(64))
    assert (plain == same).all()


@pytest.mark.parametrize(
    "claim",
    [
        lambda: claims.a_lens_reads_what_is_there("logit"),
        lambda: claims.a_lens_reads_what_is_there("fitted"),
        lambda: claims.decodable_is_used("wording"),
        lambda: claims.erasing_spares_the_main_task(0.8, seeds=3),
    ],
)
def test_records_have_an_interval_and_a_verdict(claim):
    record_ = claim()
    assert record_.low <= record_.estimate <= record_.high
    assert record_ == claim()


def test_the_demos_draw_every_corner():
    for demo in (demos.lens_through_the_layers(), demos.correlated_erasure()):
        for point in demo.corners():
            plt.close(demo.draw(**point))
            assert demo.describe(**point)


def test_what_the_demos_are_to_show():
    reads = demos.france("planted", "last piece")
    paris = int(demos.france("planted", "final token")["logit", "after layer 2"].argmax())
    assert int(reads["fitted", "after layer 1"].argmax()) == paris
    assert reads["logit", "after layer 1"][paris] < 0.05
    scores = [demos.erasure(0.9, steps)[0]["main task, balanced rows"] for steps in (0, 3)]
    assert scores[0] > 0.95 > 0.7 > scores[1]
