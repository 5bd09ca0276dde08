"""The Backpack of the course: sums, weights, trunk, and the facts with one token for each country."""

import pytest
import torch

from course_lib import facts
from course_lib.explainable import backpack as bp
from course_lib.explainable import country_facts

SENTENCE = torch.tensor([[1, 4, 6, 2, 5], [1, 3, 3, 0, 6]])


def model_of(form: str, dtype=torch.float64, **options) -> bp.Backpack:
    return bp.Backpack(form, senses=4, tokens=7, width=8, heads=2, seed=3, **options).to(dtype).requires_grad_(False)


@pytest.mark.parametrize("form", bp.FORMS)
def test_logits_are_the_double_sum_over_words_and_senses(form, dtype):
    model = model_of(form, dtype)
    alpha, senses = model.weights(SENTENCE), model.senses(model.trunk.tokens(SENTENCE))
    sums = torch.zeros(2, 5, 7, dtype=dtype)
    for b in range(2):
        for i in range(5):
            for j in range(i + 1):
                for k in range(4):
                    sums[b, i] += alpha[b, k, i, j] * (model.unembed.weight @ senses[b, j, k])
    torch.testing.assert_close(model(SENTENCE), sums)
    parts = bp.contributions(alpha, senses, model.unembed.weight)
    assert parts.shape == (2, 5, 5, 4, 7)
    torch.testing.assert_close(parts.sum((2, 3)), sums)


@pytest.mark.parametrize("form", bp.FORMS)
def test_weights_are_causal_non_negative_and_share_out_the_number_of_senses(form, dtype):
    alpha = model_of(form, dtype).weights(SENTENCE)
    assert (alpha >= 0).all() and (alpha[:, :, ~bp.causal(5)] == 0).all()
    torch.testing.assert_close(alpha.sum((1, 3)), torch.full((2, 5), 4.0, dtype=dtype))
    by_sense = alpha.sum(3)
    assert torch.allclose(by_sense, torch.ones_like(by_sense)) == (form == "paper")


def test_joint_weights_are_a_softmax_over_pairs_and_agree_with_the_paper_for_one_sense():
    scores = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for i in range(4):
        expected = 3 * scores[1, :, i, : i + 1].flatten().softmax(0).reshape(3, i + 1)
        torch.testing.assert_close(bp.sense_weights(scores, "joint")[1, :, i, : i + 1], expected)
        torch.testing.assert_close(bp.sense_weights(scores, "paper")[1, 2, i, : i + 1], scores[1, 2, i, : i + 1].softmax(0))
    torch.testing.assert_close(bp.sense_weights(scores[:, :1], "joint"), bp.sense_weights(scores[:, :1], "paper"))


@pytest.mark.parametrize("form", bp.FORMS)
def test_senses_do_not_depend_on_the_context_and_a_table_replaces_them(form):
    model = model_of(form)
    table = model.sense_table()
    assert table.shape == (7, 4, 8)
    torch.testing.assert_close(model(SENTENCE, table), model(SENTENCE))
    torch.testing.assert_close(model(SENTENCE, 2 * table), 2 * model(SENTENCE))  # linear in the senses
    other = torch.randn(7, 4, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(model(SENTENCE, table + other), model(SENTENCE, table) + model(SENTENCE, other))
    changed = table.clone()
    changed[6] = 0  # a word that is last in the one sentence and third in the other
    difference = (model(SENTENCE, changed) - model(SENTENCE)).abs().amax(2) > 1e-12
    assert difference.tolist() == [[False, False, True, True, True], [False, False, False, False, True]]


def test_gain_multiplies_the_weights_of_a_sense():
    model, gain = model_of("joint"), torch.tensor([1.0, 0.0, 2.0, 1.0]).double()
    torch.testing.assert_close(model(SENTENCE, gain=gain), model(SENTENCE, model.sense_table() * gain[:, None]))


def test_later_words_do_not_matter():
    for model in (model_of("paper"), model_of("joint"), bp.PlainTransformer(tokens=7, width=8, heads=2).double()):
        torch.testing.assert_close(model(SENTENCE)[:, :3], model(SENTENCE[:, :3]))


def test_trunks_are_the_same_and_parameters_are_counted():
    plain, pack = bp.PlainTransformer(tokens=7, width=8, heads=2), model_of("paper")
    assert [p.shape for p in plain.trunk.parameters()] == [p.shape for p in pack.trunk.parameters()]
    more = (8 * 32 + 32) + (32 * 32 + 32) + 2 * (8 * 8 + 8)  # the MLP of the senses, queries and keys
    assert bp.parameters(pack) - bp.parameters(plain) == more
    assert pack.config["form"] == "paper" and pack.config["senses"] == 4


def test_the_same_seed_gives_the_same_model_and_training():
    world = country_facts.sentences()
    rows = torch.arange(30)
    runs = [bp.train(bp.Backpack("joint", width=16, seed=s), world, rows, steps=3, batch=8, seed=s) for s in (0, 0, 1)]
    first, again, other = (run.unembed.weight for run in runs)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert not any(parameter.requires_grad for parameter in runs[0].parameters())


def test_training_learns_a_few_facts():
    world, rows = country_facts.sentences(), torch.arange(0, 18)
    for model in (bp.Backpack("joint", width=16), bp.PlainTransformer(width=16)):
        bp.train(model, world, rows, steps=100, batch=18, rate=1e-2, decay=0.1)
        assert bp.accuracy(model, world[rows]) > 0.9


def test_every_country_is_one_token_and_every_fact_has_its_sentence():
    world, words = country_facts.sentences(), country_facts.vocabulary()
    names = country_facts.countries()
    assert len(set(words.tokens)) == len(words) and len(names) == 161 == words.is_piece.sum()
    assert (world.subject.sum(1) == 1).all() and len(world) == 3 * len(facts.facts())
    row = 3 * [(f.subject, f.relation) for f in facts.facts()].index(("South Korea", "currency")) + 1
    text = words.words(world.tokens[row][: int(world.last[row]) + 1])
    assert text == ["<start>", "·South Korea", "pays", "with", "the"]
    assert words.tokens[int(world.answers[row])] == "Won"
    answers = country_facts.answers()
    assert torch.equal(answers.flatten()[world.facts], world.answers)


def test_bad_input_is_named():
    for message, call in (
        ("form must", lambda: bp.Backpack("mean")),
        ("senses must", lambda: bp.Backpack(senses=0)),
        ("senses must", lambda: bp.Backpack(senses=3, width=8)),
        ("tokens must", lambda: model_of("paper")(torch.zeros(5, dtype=torch.long))),
        ("tokens must", lambda: bp.PlainTransformer(tokens=7)(torch.zeros(1, 17, dtype=torch.long))),
        ("form must", lambda: bp.sense_weights(torch.zeros(1, 2, 3, 3), "both")),
        ("scores must", lambda: bp.sense_weights(torch.zeros(2, 3, 3), "joint")),
        ("scores must", lambda: bp.sense_weights(torch.zeros(1, 2, 3, 4), "joint")),
    ):
        with pytest.raises(ValueError, match=message):
            call()
