"""What the chapter on Backpacks states; its demos and its claims."""

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import games
from course_lib.claims.explainable import backpack as claims
from course_lib.data import make_backpack
from course_lib.demos.explainable import backpack as demos
from course_lib.explainable import backpack as bp
from course_lib.explainable import country_facts
from course_lib.facts import Fact, split

WORDS = country_facts.vocabulary()


def _asked(relation: str, answer: str) -> torch.Tensor:
    return WORDS.numbers(country_facts.sentence(Fact("France", relation, answer), 0))[None]


def _parts(model: bp.Backpack, tokens: torch.Tensor) -> torch.Tensor:
    return bp.contributions(model.weights(tokens), model.sense_table()[tokens], model.unembed.weight)[0, -1]


@pytest.mark.parametrize("form", bp.FORMS)
def test_the_stored_models_know_the_facts(form):
    model, world = claims.stored(form), country_facts.sentences()
    assert model.config["form"] == form and model.config["senses"] == claims.SENSES
    assert bp.accuracy(model, world[split(world)[1]]) > 0.98


@pytest.mark.parametrize("form", bp.FORMS)
def test_parts_are_the_logits_and_the_shapley_values_of_words(form, dtype):
    model = bp.Backpack(**claims.stored(form).config).to(dtype).requires_grad_(False)
    model.load_state_dict(claims.stored(form).state_dict())
    tokens = _asked("capital", "Paris")
    parts = _parts(model, tokens)
    torch.testing.assert_close(parts.sum((0, 1)), model(tokens)[0, -1], rtol=0, atol=1e-4 if dtype == torch.float32 else 1e-11)
    alpha, table = model.weights(tokens), model.sense_table()[tokens]

    def value(gates):  # a word that is absent has its weights set to 0
        logits = [model.unembed(bp.combine(alpha * g.to(dtype), table))[0, -1, WORDS.index["Paris"]] for g in gates]
        return torch.stack(logits).double()

    game = games.Game(value, players=6, differentiable=False)
    truth = parts[:, :, WORDS.index["Paris"]].sum(1).double()
    for found in (games.shapley(game), games.leave_one_out(game), games.add_one_in(game)):
        torch.testing.assert_close(found.scores, truth, rtol=0, atol=1e-4 if dtype == torch.float32 else 1e-11)


def test_the_relation_decides_and_contributes_next_to_nothing():
    model, paris = claims.stored("joint"), WORDS.index["Paris"]
    capital, continent = _asked("capital", "Paris"), _asked("continent", "Europe")
    assert (capital != continent).sum() == 1
    assert WORDS.tokens[model(capital)[0, -1].argmax()] == "Paris"
    assert abs(_parts(model, capital)[2, :, paris].sum()) < 0.2
    assert model(capital)[0, -1, paris] - model(continent)[0, -1, paris] > 5


def test_the_joint_model_chooses_and_the_paper_form_adds():
    names = WORDS.numbers(["Paris", "Europe", "Euro"])
    by_form = {form: _parts(claims.stored(form), _asked("currency", "Euro"))[4].sum(0)[names] for form in bp.FORMS}
    assert (by_form["paper"] > 4).all(), "France brings all three answers, whatever is asked"
    assert by_form["joint"][2] > 10 and by_form["joint"][0] < 2


def test_one_swap_changes_one_answer_in_the_shown_joint_model_and_none_in_the_paper_form():
    truth, japan = demos.truths("France"), demos.truths("Japan")
    found = [demos.after_swap("joint", "France", "Japan", sense) for sense in range(8)]
    changed = [[r for r in range(3) if after[r] != truth[r]] for after in found]
    assert sorted(changed) == [[], [], [], [], [], [0], [1], [2]]
    assert all(after[r] == japan[r] for after, places in zip(found, changed, strict=True) for r in places)
    assert all(demos.after_swap("paper", "France", "Japan", sense) == truth for sense in range(8))


def test_a_sense_that_is_turned_off_takes_its_relation_with_it():
    off = torch.stack([demos.right_at("joint", sense, 0.0) for sense in demos.carriers()])
    assert (off.min(1).values < 0.7).all() and (off.median(1).values > 0.9).all()


@pytest.mark.parametrize("form", bp.FORMS)
def test_stored_counts_are_whole_and_edits_alone_are_edits(form):
    for pairs in ("choosing", "fresh"):
        moved, alone = claims.counts(form, pairs)
        assert moved.shape == alone.shape == (len(make_backpack.SEEDS), claims.SENSES, 3)
        assert (alone <= moved).all() and (moved <= 1).all()
    assert make_backpack.SHOWN not in make_backpack.SEEDS


def test_counting_again_gives_what_the_shown_model_does():
    rows = make_backpack.counts(claims.stored("joint"), "choosing", range(1, 2))
    (_, sense, relation, moved, alone, asked), *others = rows
    assert (sense, relation) == (1, "capital") and alone <= moved <= asked and alone / asked > 0.9
    assert all(row[3] / row[5] < 0.1 for row in others)


def test_a_tiny_training_run_learns_and_puts_the_capitals_in_one_sense():
    """A part of the data made again: fewer facts and steps, and one sense still carries the capitals."""
    world = country_facts.sentences()
    rows = torch.arange(0, 90)  # ten countries
    model = bp.train(bp.Backpack("joint", senses=4, width=32, seed=1), world, rows, steps=120, batch=45, rate=5e-3, decay=0.3)
    assert bp.accuracy(model, world[rows]) > 0.95
    shares = model.weights(world.tokens[:1])[0, :, int(world.last[0])].sum(1)
    assert shares.max() > 0.5 * shares.sum()


def test_one_relation_takes_another_sense_in_another_wording():
    shares = claims.by_wording()
    torch.testing.assert_close(shares.mean(2), claims.counts("joint", "fresh")[0][0], rtol=0, atol=2e-3)
    best, sense = shares[:, country_facts.RELATIONS.index("continent")].max(0)
    assert (best > 0.85).all() and len(set(sense.tolist())) == 3
    rows = make_backpack.wordings(claims.stored("joint"), range(1, 2))
    assert [row[3] / row[4] > 0.9 for row in rows] == [True] * 3 + [False] * 6


def test_claims_come_out_as_records():
    for form in bp.FORMS:
        for claim in (claims.one_sense_moves_a_relation, claims.one_sense_one_relation):
            record = claim(form)
            assert record.low <= record.estimate <= record.high and record.seeds == len(make_backpack.SEEDS)
    joint, paper = (claims.one_sense_moves_a_relation(form) for form in ("joint", "paper"))
    assert joint.low > paper.high
    assert (claims.best_sense("joint", "moved")[1][:, 0] > 0.95).all(), "one sense holds the capitals, as the chapter says"
    for message, call in (
        ("form must", lambda: claims.counts("mean", "fresh")),
        ("form must", lambda: claims.stored("mean")),
        ("pairs must", lambda: claims.counts("paper", "all")),
        ("kind must", lambda: claims.best_sense("paper", "lost")),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("demo", [demos.swap_two_countries, demos.turn_a_sense])
def test_demos_draw_their_corners(demo):
    made = demo()
    for point in made.corners()[:4]:
        plt.close(made.draw(**point))
        assert "sense" in made.describe(**point)
