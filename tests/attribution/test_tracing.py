"""Causal tracing and edits against closed forms, a planted route, and nnsight; the demos and claims of the chapter."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib.attribution import editing, tracing
from course_lib.attribution.editing import rank_one_edit
from course_lib.attribution.interventions import record
from course_lib.attribution.traced_sentences import capitals, partners, relations, roles, single_tokens, trimmed
from course_lib.attribution.tracing import KINDS, Run, noised, trace
from course_lib.claims.attribution import tracing as claims
from course_lib.demos.attribution import tracing as demos
from course_lib.facts import sentences, split
from course_lib.transformer import fact_model

WORLD = sentences()
ROWS = capitals(WORLD, 8, torch.Generator().manual_seed(3))
CHOSEN = trimmed(WORLD[ROWS])
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-14}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def corrupted(kind: str, model) -> Run:
    if kind == "noise":
        return noised(model, CHOSEN, draws=3, generator=rng(1))
    return tracing.swapped(WORLD, CHOSEN, partners(WORLD, ROWS, rng(2)))


@pytest.fixture(scope="module")
def models():
    return {(path, dtype): fact_model(path).to(dtype) for path in demos.PATHS for dtype in TOLERANCE}


@pytest.mark.parametrize("path", demos.PATHS)
@pytest.mark.parametrize("spoilt", ["noise", "replacement"])
@pytest.mark.parametrize("mirror", [False, True])
def test_exact_zeros_and_ones(models, dtype, path, spoilt, mirror):
    model = models[path, dtype]
    run = corrupted(spoilt, model)
    for kind in KINDS:
        found = trace(model, CHOSEN, run, kind=kind, mirror=mirror)
        assert found.at(0, "before subject").numel() and not found.effects[:, :, found.roles.index("before subject")].any()
        for role in ("first piece", "middle pieces", "last piece", "all pieces", "after"):
            assert found.effects[:, -1, found.roles.index(role)].abs().max() <= TOLERANCE[dtype]
    found = trace(model, CHOSEN, run, mirror=mirror)
    assert (found.at(2, "final token") - found.total).abs().max() <= TOLERANCE[dtype]
    assert found.total.dtype == dtype


@pytest.mark.parametrize("spoilt", ["noise", "replacement"])
def test_restoring_all_pieces_at_the_embedding_gives_the_total_effect(models, dtype, spoilt):
    model = models["free", dtype]
    run = corrupted(spoilt, model)
    draws = len(run) // len(CHOSEN)
    clean = Run(CHOSEN.tokens.repeat(draws, 1))
    kept = record(model, clean.tokens, ["embedded"])
    logits = tracing.restored(model, run, ["embedded"], CHOSEN.subject.repeat(draws, 1), kept)
    last = CHOSEN.last.repeat(draws)
    rows = torch.arange(len(last))
    assert (logits[rows, last] - model(clean.tokens)[rows, last]).abs().max() <= 100 * TOLERANCE[dtype]


@pytest.mark.parametrize("kind", KINDS)
def test_patching_from_the_run_itself_changes_nothing(models, dtype, kind):
    model = models["free", dtype]
    found = trace(model, CHOSEN, Run(CHOSEN.tokens), kind=kind)
    assert not found.effects.any() and not found.total.any()


@pytest.mark.parametrize("spoilt", ["noise", "replacement"])
def test_the_planted_route_is_found_and_nothing_else(models, dtype, spoilt):
    model, tolerance = models["planted", dtype], 10 * TOLERANCE[dtype]
    found = trace(model, CHOSEN, corrupted(spoilt, model))
    assert found.total.abs().min() > 1e-4
    for layer, role in ((1, "last piece"), (0, "all pieces"), (1, "all pieces"), (2, "final token")):
        assert (found.at(layer, role) - found.total[found.present[:, found.roles.index(role)]]).abs().max() <= tolerance
    for layer, role in ((0, "final token"), (1, "final token"), (0, "after"), (1, "after"), (1, "first piece")):
        assert found.at(layer, role).abs().max() <= tolerance
    assert found.at(1, "middle pieces").abs().max() <= tolerance
    attention = trace(model, CHOSEN, corrupted(spoilt, model), kind="attention")
    assert (attention.at(2, "final token") - attention.total).abs().max() <= tolerance


def test_effects_agree_with_nnsight(models):
    reference = json.loads((Path(__file__).parent / "nnsight" / "reference.json").read_text(encoding="utf8"))
    line = trimmed(WORLD[demos.find(WORLD, "France", "capital", 0)])
    for path, kinds in reference["effects"].items():
        model = models[path, torch.float64]
        run = noised(model, line, multiple=reference["multiple"], draws=reference["draws"], generator=rng(reference["seed"]))
        for kind, expected in kinds.items():
            found = trace(model, line, run, kind=kind, where=single_tokens(line))
            assert (found.effects[0] - torch.tensor(expected, dtype=torch.float64)).abs().max() < 1e-12


def test_windows_and_measures(models):
    model = models["free", torch.float64]
    run = corrupted("replacement", model)
    wide = trace(model, CHOSEN, run, kind="attention", window=5).effects
    assert (wide[:, :1] == wide).all()  # five layers around any of three are all three
    others = WORLD.answers[partners(WORLD, ROWS, rng(2))]
    found = trace(model, CHOSEN, run, measure="logit difference", others=others)
    rows, final = torch.arange(len(ROWS)), model(CHOSEN.tokens)[torch.arange(len(ROWS)), CHOSEN.last]
    assert (found.clean - final[rows, CHOSEN.answers] + final[rows, others]).abs().max() < 1e-12
    assert (found.at(2, "final token") - found.total).abs().max() < 1e-12


def test_noise_is_on_the_subject_only_and_seeded(models):
    model = models["free", torch.float32]
    first, second = (noised(model, CHOSEN, multiple=2.0, draws=40, generator=rng(5)) for _ in range(2))
    assert torch.equal(first.noise, second.noise) and len(first) == 40 * len(CHOSEN)
    subject = CHOSEN.subject.repeat(40, 1)
    assert not first.noise[~subject].any()
    assert first.noise[subject].std().item() == pytest.approx(2 * tracing.noise_scale(model), rel=0.02)
    weight = model.tokens.weight[model.is_piece].double().flatten()
    assert tracing.noise_scale(model) == pytest.approx(float((weight - weight.mean()).square().mean().sqrt()), rel=1e-3)


def test_probabilities_are_averaged_over_draws(models):
    model = models["free", torch.float64]
    run = corrupted("noise", model)
    parts = zip(run.tokens.split(len(CHOSEN)), run.noise.split(len(CHOSEN)), strict=True)
    each = torch.stack([trace(model, CHOSEN, Run(*part)).effects for part in parts])
    assert (trace(model, CHOSEN, run).effects - each.mean(0)).abs().max() < 1e-12


def test_roles_cover_every_token_once():
    where = roles(CHOSEN)
    parts = torch.stack([mask for name, mask in where.items() if name != "all pieces"]).sum(0)
    real = torch.arange(CHOSEN.tokens.shape[1]) <= CHOSEN.last[:, None]
    assert torch.equal(parts, real.long())
    assert torch.equal(where["all pieces"], CHOSEN.subject)
    assert where["last piece"].sum(1).eq(1).all() and where["final token"].sum(1).eq(1).all()


def test_means_leave_out_sentences_without_the_role(models):
    found = trace(models["free", torch.float64], CHOSEN, corrupted("replacement", models["free", torch.float64]))
    column = found.roles.index("middle pieces")
    have = found.present[:, column]
    assert 0 < have.sum() < len(have)
    effects = found.effects[have, 0, column]
    assert found.mean()[0, column].item() == pytest.approx(effects.mean().item())
    assert found.errors()[0, column].item() == pytest.approx(effects.std().item() / len(effects) ** 0.5)


def test_no_hook_is_left_even_after_an_error(models):
    model = models["free", torch.float32]
    with pytest.raises(RuntimeError):
        trace(model, CHOSEN, Run(CHOSEN.tokens, torch.zeros(1, 2, 3)))
    trace(model, CHOSEN, corrupted("noise", model))
    assert not any(part._forward_hooks for part in model.modules())


def test_partners_have_the_same_shape_and_another_answer():
    partner = partners(WORLD, ROWS, rng(4))
    assert torch.equal(WORLD.subject[partner], WORLD.subject[ROWS])
    assert torch.equal(WORLD.templates[partner], WORLD.templates[ROWS])
    assert (WORLD.answers[partner] != WORLD.answers[ROWS]).all()
    assert torch.equal(partner, partners(WORLD, ROWS, rng(4)))


def test_capitals_are_different_countries_in_training_wordings():
    rows = capitals(WORLD, 120, rng(0))
    assert len(WORLD.facts[rows].unique()) == 120 and (relations(WORLD)[rows] == 0).all()
    assert torch.isin(rows, split(WORLD)[0]).all()
    assert not torch.isin(claims.fresh_capitals(WORLD, 60), rows[: claims.SHOWN]).any()
    assert demos.find(WORLD, "France", "capital", 0) not in claims.fresh_capitals(WORLD, 60)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: trace(m, CHOSEN, Run(CHOSEN.tokens), kind="head"), "kind must be one of"),
        (lambda m: trace(m, CHOSEN, Run(CHOSEN.tokens), window=2), "window must be an odd"),
        (lambda m: trace(m, CHOSEN, Run(CHOSEN.tokens[:-1])), "corrupted must hold each"),
        (lambda m: trace(m, CHOSEN, Run(CHOSEN.tokens), measure="logit difference"), "measure must be one of"),
        (lambda m: trace(m, CHOSEN, Run(CHOSEN.tokens), measure="loss"), "measure must be one of"),
        (lambda m: noised(m, CHOSEN, multiple=-1.0, generator=rng()), "multiple must be at least 0"),
        (lambda m: noised(m, CHOSEN, draws=0, generator=rng()), "draws at least 1"),
        (lambda m: capitals(WORLD, 0, rng()), "count must be between"),
        (lambda m: partners(WORLD, WORLD.subject.sum(1).argmax()[None], rng()), "must have a partner"),
        (lambda m: tracing.swapped(WORLD, CHOSEN, ROWS.roll(1)), "partners must be one row"),
        (lambda m: rank_one_edit(torch.eye(2), torch.ones(3), torch.ones(2), torch.eye(2)), "must fit a weight"),
        (lambda m: rank_one_edit(torch.eye(2), torch.zeros(2), torch.ones(2), torch.eye(2)), "key must not be zero"),
        (lambda m: rank_one_edit(torch.eye(2), torch.ones(2), torch.ones(2), -torch.eye(2)), "positive definite"),
    ],
)
def test_bad_input_is_named(models, call, words):
    with pytest.raises(ValueError, match=words):
        call(models["free", torch.float32])


def edit_case(dtype, seed: int = 0):
    weight, key, value, keys = (torch.randn(shape, generator=rng(seed), dtype=dtype) for shape in ((3, 5), (5,), (3,), (40, 5)))
    return weight, key, value, keys.T @ keys / 40 + 0.1 * torch.outer(key, key)


def test_the_edit_is_the_lagrange_solution(dtype):
    weight, key, value, moment = edit_case(dtype)
    eye = torch.eye(3, dtype=dtype)
    system = torch.zeros(18, 18, dtype=dtype)
    system[:15, :15], system[:15, 15:] = torch.kron(eye, moment), -torch.kron(eye, key[:, None])
    system[15:, :15] = torch.kron(eye, key[None])
    right = torch.cat([torch.zeros(15, dtype=dtype), value - weight @ key])
    expected = weight + torch.linalg.solve(system, right)[:15].reshape(3, 5)
    new = rank_one_edit(weight, key, value, moment)
    tolerance = 1e-4 if dtype == torch.float32 else 1e-11
    assert (new - expected).abs().max() < tolerance and (new @ key - value).abs().max() < tolerance
    assert torch.linalg.matrix_rank(new - weight, tol=1e-4) == 1


def test_the_edit_is_least_and_leaves_orthogonal_keys_alone(dtype):
    weight, key, value, moment = edit_case(dtype, seed=1)
    new = rank_one_edit(weight, key, value, moment)
    direction = torch.linalg.solve(moment, key)
    side = torch.randn(5, generator=rng(2), dtype=dtype)
    side = side - direction * (side @ direction) / (direction @ direction)
    assert ((new - weight) @ side).abs().max() < (1e-4 if dtype == torch.float32 else 1e-12)

    def size(change):
        return torch.trace(change @ moment @ change.T).item()

    for seed in range(5):  # other changes that also map the key to the value
        free = torch.randn(3, 5, generator=rng(seed), dtype=dtype)
        other = free - torch.outer(free @ key, key) / (key @ key)
        assert size(new - weight) < size(new - weight + 0.1 * other)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_an_edit_of_the_model_is_a_copy_and_says_the_new_answer(models, dtype):
    model = models["free", dtype]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    france = WORLD.facts == WORLD.facts[demos.find(WORLD, "France", "capital", 0)]
    train, _ = split(WORLD)
    asked, warsaw = trimmed(WORLD[train[france[train]]]), int(WORLD.answers[demos.find(WORLD, "Poland", "capital", 0)])
    where, moment = roles(asked)["final token"], editing.key_moment(model, WORLD[train], 2)
    with torch.no_grad():  # the value is found by gradients all the same
        after = editing.edit_fact(model, asked, warsaw, 2, where, moment)
    assert (editing.says(after, asked) == warsaw).all() and (editing.says(model, asked) == asked.answers).all()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    changed = [name for name, value in after.state_dict().items() if not torch.equal(before[name], value)]
    assert changed == ["layers.2.mlp.down.weight"] and after.tokens.weight.dtype == dtype
    assert editing.changed(model, after, asked) == 1.0 and editing.changed(model, model, asked) == 0.0


def test_the_moment_is_that_of_the_keys_at_all_real_tokens(models):
    model = models["free", torch.float64]
    lines = [trimmed(WORLD[row]) for row in ROWS.tolist()]
    keys = torch.cat([editing.keys_at(model, line, 1, torch.ones_like(line.subject)) for line in lines])
    moment = keys.T @ keys / len(keys)
    expected = moment + 0.5 * moment.diagonal().mean() * torch.eye(len(moment)).double()
    assert (editing.key_moment(model, CHOSEN, 1, ridge=0.5) - expected).abs().max() < 1e-10


def test_steering_by_the_difference_of_two_runs_is_patching(models):
    model = models["free", torch.float64]
    france, poland = (trimmed(WORLD[demos.find(WORLD, name, "capital", 0)]) for name in ("France", "Poland"))
    site = "layers.1.stream"
    streams = [record(model, line.tokens, [site])[site] for line in (france, poland)]
    where = roles(france)["final token"]
    with editing.steered(model, site, where, streams[1][0, -1] - streams[0][0, -1]):
        steered = model(france.tokens)
    patched = tracing.restored(model, Run(france.tokens), [site], where, {site: streams[1]})
    assert (steered - patched).abs().max() < 1e-12


def test_outcomes_of_edits(models):
    facts = WORLD.facts[ROWS[:2]]
    answers = WORLD.answers[partners(WORLD, ROWS[:2], rng(2))]
    model = models["free", torch.float32]
    live = editing.edit_outcomes(model, WORLD, facts, answers, 2, "final token", others=5)
    dead = editing.edit_outcomes(model, WORLD, facts, answers, 2, "last piece", others=5)
    usual = editing.unchanged(model, WORLD)
    again = editing.edit_outcomes(model, WORLD, facts, answers, 2, "final token", others=5, usual=usual)
    assert torch.equal(live, again) and torch.equal(usual.said, editing.says(model, WORLD)) and len(usual.moments) == 3
    assert live.shape == (2, len(editing.OUTCOMES)) and (live >= 0).all() and (live <= 1).all()
    assert live[:, 0].min() > 0.5 > dead[:, :2].max()  # after the last layer nobody reads the subject


@pytest.mark.parametrize("name", ["tracing_map", "where_to_edit"])
def test_demos_draw_and_describe(name, monkeypatch):
    small = demos.outcomes_and_effect.__wrapped__
    monkeypatch.setattr(demos, "outcomes_and_effect", lambda *place: small(*place, count=2))
    demo = getattr(demos, name)()
    for point in demo.corners():
        plt.close(demo.draw(**point))
        text = demo.describe(**point)
        assert point["model"] in text and "-0.00" not in text


@pytest.mark.parametrize(
    "claim",
    [
        lambda: claims.a_single_early_site("free", count=6),
        lambda: claims.the_best_place_in_a_fact("free", count=4),
        lambda: claims.the_best_facts_at_a_place("free", count=4, group=2),
    ],
)
def test_records_have_an_interval_and_a_verdict(claim):
    record = claim()
    assert record.low <= record.estimate <= record.high
    assert record == claim()


def test_the_planted_model_has_the_site_and_the_free_one_has_not(models):
    planted, free = (claims.shares_of_the_last_piece(models[path, torch.float32], CHOSEN, 0) for path in ("planted", "free"))
    assert (planted - 1).abs().max() < 1e-4 and free.mean() < 0.5
