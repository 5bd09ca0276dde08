"""The world of facts: its sentences, where things are in them, and the wordings that are held out."""

import csv
from importlib.resources import files

import pytest
import torch

from course_lib import facts
from course_lib.data import make_countries

WORLD, FACTS, WORDS = facts.sentences(), facts.facts(), facts.vocabulary()


def test_every_fact_is_told_in_three_wordings():
    assert len(WORLD) == 3 * len(FACTS) and WORLD.templates.tolist() == [0, 1, 2] * len(FACTS)
    assert WORLD.facts.tolist() == [number for number in range(len(FACTS)) for _ in range(3)]
    assert [WORDS.tokens[a] for a in WORLD.answers.tolist()] == [fact.answer for fact in FACTS for _ in range(3)]
    assert len({(fact.subject, fact.relation) for fact in FACTS}) == len(FACTS)


def test_a_sentence_reads_as_its_template_with_the_subject_in_pieces():
    for row in range(0, len(WORLD), 7):
        fact, template = FACTS[int(WORLD.facts[row])], int(WORLD.templates[row])
        words = WORDS.words(WORLD.tokens[row, : int(WORLD.last[row]) + 1])
        assert words == facts.sentence(fact, template)
        subject = [word for word, inside in zip(words, WORLD.subject[row].tolist(), strict=False) if inside]
        assert subject == facts.pieces(fact.subject)
        assert "".join(subject).replace("·", "") == fact.subject.replace(" ", "")
        plain = [word for word in words[1:] if not word.startswith("·")]
        assert plain == facts.TEMPLATES[fact.relation][template].replace("{} ", "").replace(" {}", "").split()


def test_the_subject_is_one_run_inside_the_sentence():
    for subject, last in zip(WORLD.subject, WORLD.last, strict=True):
        places = subject.nonzero()[:, 0]
        assert 2 <= len(places) <= 11 and places[0] >= 1 and places[-1] < last
        assert places.tolist() == list(range(int(places[0]), int(places[-1]) + 1))


def test_padding_is_on_the_right_only():
    padded = WORLD.tokens == WORDS.index[facts.PAD]
    assert torch.equal(padded, torch.arange(WORLD.tokens.shape[1]) > WORLD.last[:, None])
    assert (WORLD.tokens[:, 0] == WORDS.index[facts.START]).all() and not padded.all(0).any()


def test_words_and_numbers_are_inverse():
    everything = torch.arange(len(WORDS))
    assert torch.equal(WORDS.numbers(WORDS.words(everything)), everything) and len(set(WORDS.tokens)) == len(WORDS)
    assert WORDS.is_piece.shape == (len(WORDS),) and int(WORDS.is_piece.sum()) > 100
    assert not WORDS.is_piece[WORLD.answers].any()
    with pytest.raises(ValueError, match="words must be in the vocabulary, got 'Atlantis'"):
        WORDS.numbers(["The", "Atlantis"])


def test_countries_share_pieces_and_different_countries_have_different_names():
    owners = {}
    for subject in {fact.subject for fact in FACTS}:
        for piece in set(facts.pieces(subject)):
            owners.setdefault(piece, []).append(subject)
    assert sum(len(subjects) > 1 for subjects in owners.values()) >= 30
    assert {"South Korea", "South Sudan"} <= set(owners["·Sou"])
    names = {tuple(facts.pieces(fact.subject)) for fact in FACTS}
    assert len(names) == len({fact.subject for fact in FACTS})


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_held_out_wording_is_in_training(seed):
    train, held_out = facts.split(WORLD, seed)
    assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(len(WORLD)))
    assert torch.equal(WORLD.facts[held_out].sort().values, torch.arange(len(FACTS)))  # one wording of each fact
    assert torch.equal(torch.bincount(WORLD.facts[train]), torch.full((len(FACTS),), 2))
    lines = {tuple(line) for line in WORLD.tokens[train].tolist()}
    assert not lines & {tuple(line) for line in WORLD.tokens[held_out].tolist()}
    assert set(WORLD.templates[held_out].tolist()) == {0, 1, 2}


def test_the_split_is_its_seed():
    first, second, other = (facts.split(WORLD, seed)[1] for seed in (0, 0, 1))
    assert torch.equal(first, second) and not torch.equal(first, other)


def test_rows_are_picked_by_number_list_tensor_or_mask():
    chosen = torch.zeros(len(WORLD), dtype=torch.bool)
    chosen[5] = True
    for rows in (5, [5], torch.tensor(5), torch.tensor([5]), chosen):
        some = WORLD[rows]
        assert len(some) == 1 and torch.equal(some.tokens, WORLD.tokens[5:6]) and some.last.shape == (1,)


def test_facts_are_right_where_everyone_knows_them():
    told = {(fact.subject, fact.relation): fact.answer for fact in FACTS}
    assert told["France", "capital"] == "Paris" and told["Japan", "currency"] == "Yen"
    assert told["Kenya", "continent"] == "Africa" and told["Poland", "capital"] == "Warsaw"


def test_the_stored_countries_have_the_columns_of_their_script():
    with (files("course_lib.data") / "countries.csv").open(encoding="utf8") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == make_countries.COLUMNS and rows[1:] == sorted(rows[1:])
    assert {row[2] for row in rows[1:]} == set(make_countries.CONTINENTS.values())
