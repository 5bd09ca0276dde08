"""What the chapter on the transformer says: heads set by hand, closing a token, the stored counts, demos and claims."""

import csv
from importlib.resources import files

import matplotlib.pyplot as plt
import pytest
import torch

from course_lib import facts
from course_lib.claims.start import transformer as claims
from course_lib.data import make_fact_seeds
from course_lib.demos.start import transformer as demos
from course_lib.transformer import Attention, fact_model

WORDS = facts.vocabulary()
FRANCE = WORDS.numbers(facts.sentence(facts.Fact("France", "capital", "Paris"), 0))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_heads_set_by_hand(dtype):
    """Zero queries give running means; one-hot positions with shifted queries copy the previous token."""
    t, mask = 6, torch.ones(1, 6, 6, dtype=torch.bool).tril()
    layer, x = Attention(t, 1).to(dtype).requires_grad_(False), torch.eye(t, dtype=dtype)[None]
    for part in (layer.query, layer.key, layer.value, layer.output):
        part.bias.zero_()
        part.weight.copy_(torch.eye(t))
    layer.query.weight.zero_()
    expected = torch.ones(t, t, dtype=dtype).tril() / torch.arange(1, t + 1)[:, None]
    torch.testing.assert_close(layer(x, mask)[0], expected)
    layer.query.weight.copy_(100 * torch.diag(torch.ones(t - 1), 1))  # place i asks for place i - 1
    copied = layer(x, mask)[0]
    torch.testing.assert_close(copied[1:], torch.eye(t, dtype=dtype)[:-1])


def test_closing_a_token_is_a_mask_before_the_softmax():
    model, answer = fact_model("free"), WORDS.index["Paris"]
    attention, cost = claims.close_each_token(model, FRANCE, answer)
    whole = model(FRANCE[None])[0, -1].log_softmax(0)[answer]
    free = model.readable
    for j in range(len(FRANCE) - 1):

        def closed(tokens, layer, j=j):
            mask = free(tokens, layer).clone()
            mask[:, -1, j] = False
            return mask

        model.readable = closed
        expected = whole - model(FRANCE[None])[0, -1].log_softmax(0)[answer]
        torch.testing.assert_close(cost[j], expected, atol=1e-4, rtol=1e-4)
    assert 0 < attention.min() and attention.sum() < 1
    assert not any(site._forward_hooks for site in model.sites().values())


def test_hooks_are_removed_when_a_run_fails():
    model = fact_model("free")
    with pytest.raises(IndexError):
        claims.close_each_token(model, FRANCE, 10**6)
    with pytest.raises(ValueError, match="tokens must have shape"):
        demos.read_sites(model, ["The"] * 21, ["embedded"])
    assert not any(site._forward_hooks for site in model.sites().values())


def test_read_sites_gives_what_was_asked_for_in_that_order():
    last, first = demos.read_sites(fact_model("free"), WORDS.words(FRANCE), ["layers.2.stream", "embedded"])
    torch.testing.assert_close(fact_model("free").read(last), fact_model("free")(FRANCE[None])[0], atol=1e-4, rtol=1e-4)
    assert not torch.equal(first, last)


def test_the_stored_counts_are_those_of_the_script():
    with (files("course_lib.data") / "fact_seeds.csv").open(encoding="utf8") as file:
        rows = list(csv.reader(file))
    assert tuple(rows[0]) == make_fact_seeds.COLUMNS
    assert [int(row[0]) for row in rows[1::6]] == list(make_fact_seeds.SEEDS)
    total = len(facts.facts())
    told, untold = (claims.counts(kind) for kind in ("told", "untold"))
    assert (told[1] + untold[1] == total).all() and (untold[1] == make_fact_seeds.UNTOLD).all()
    assert (told[0] <= told[1]).all() and len(told[0]) == len(make_fact_seeds.SEEDS)
    with pytest.raises(ValueError, match="kind must be 'told' or 'untold', got 'heard'"):
        claims.counts("heard")


def test_the_script_of_the_counts_runs_and_an_untrained_model_knows_nothing():
    rows = make_fact_seeds.counts(1, steps=2)
    assert [row[:3] for row in rows] == [(1, kind, name) for kind in ("told", "untold") for name in facts.TEMPLATES]
    with (files("course_lib.data") / "fact_seeds.csv").open(encoding="utf8") as file:
        stored = list(csv.reader(file))[1:7]
    assert [row[4] for row in rows] == [int(row[4]) for row in stored]
    assert rows[0][3] <= 0.1 * rows[0][4]


def test_told_facts_are_known_and_untold_capitals_are_not():
    right, asked = claims.counts("told")
    assert (right / asked > 0.9).all()
    right, asked = claims.counts("untold", ("capital",))
    assert right.sum() / asked.sum() < 0.05


def test_records_follow_from_their_intervals():
    known, found = claims.a_new_wording_is_understood(), claims.attention_finds_what_matters(sentences=40)
    for record, seeds in ((known, 8), (found, 40)):
        assert record.low <= record.estimate <= record.high and record.seeds == seeds
        expected = "supported" if record.low > 0.9 else "not supported" if record.high < 0.9 else "cannot tell"
        assert record.verdict == expected


@pytest.mark.parametrize("demo", [demos.attention, demos.depth])
def test_demos_draw_every_corner_and_say_different_things(demo):
    shown = demo()
    for point in shown.corners():
        plt.close(shown.draw(**point))
    captions = [shown.describe(**point) for point in shown.points()]
    assert len(set(captions)) == len(captions) <= 40


def test_the_last_depth_is_the_model_itself():
    shown, model = demos.depth(), fact_model("free")
    for label in demos.ASKED:
        fact, words = demos.question(label)
        share = model(WORDS.numbers(words)[None])[0, -1].softmax(0)[WORDS.index[fact.answer]]
        assert f"with probability {share:.3f}" in shown.describe(label, "layer 2")
