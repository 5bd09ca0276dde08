"""Steering vectors and their side effects: closed forms, and numbers put together by hand."""

import pytest
import torch

from course_lib.attribution import editing
from course_lib.attribution.editing import chances, outcomes, says
from course_lib.attribution.interventions import record
from course_lib.attribution.steering import (
    steered_chances,
    steering_and_editing,
    steering_outcomes,
    steering_vector,
)
from course_lib.attribution.traced_sentences import capitals, trimmed
from course_lib.claims.attribution import tracing as claims
from course_lib.demos.attribution.tracing import find
from course_lib.facts import sentences, split
from course_lib.transformer import fact_model

WORLD = sentences()
FRANCE, POLAND = (int(WORLD.facts[find(WORLD, name, "capital", 0)]) for name in ("France", "Poland"))


@pytest.fixture(scope="module")
def model():
    return fact_model("free").double()


def fact_rows(fact: int, rows: torch.Tensor) -> torch.Tensor:
    return rows[WORLD.facts[rows] == fact]


def test_the_vector_is_the_mean_difference_in_the_wordings_of_the_training_set(model):
    train, site, found = split(WORLD)[0], "layers.1.stream", []
    for row in fact_rows(FRANCE, train).tolist():
        wording = int(WORLD.templates[row])
        lines = [trimmed(WORLD[find(WORLD, name, "capital", wording)]) for name in ("Poland", "France")]
        streams = [record(model, line.tokens, [site])[site][0, int(line.last)] for line in lines]
        found.append(streams[0] - streams[1])
    assert len(found) == 2
    vector = steering_vector(model, WORLD, FRANCE, POLAND, 1)
    assert (vector - torch.stack(found).mean(0)).abs().max() < 1e-12 and vector.abs().max() > 0.1
    back = steering_vector(model, WORLD, FRANCE, FRANCE, 1)
    assert back.abs().max() == 0


def test_no_vector_changes_nothing_and_after_the_last_layer_it_acts_through_the_lens_alone(model):
    lines = trimmed(WORLD[torch.tensor([3, 100, 500])])
    assert torch.equal(steered_chances(model, "layers.1.stream", torch.zeros(64).double(), lines), chances(model, lines))
    vector = steering_vector(model, WORLD, FRANCE, POLAND, 2)
    stream = record(model, lines.tokens, ["layers.2.stream"])["layers.2.stream"][torch.arange(3), lines.last]
    expected = model.read(stream + vector).softmax(1)
    assert (steered_chances(model, "layers.2.stream", vector, lines) - expected).abs().max() < 1e-12


def test_outcomes_by_hand(model):
    said, warsaw = says(model, WORLD), int(WORLD.answers[WORLD.facts == POLAND][0])
    nothing = outcomes(said, lambda lines: chances(model, lines), WORLD, FRANCE, warsaw, others=7)
    assert (nothing[:2] < 0.01).all() and (nothing[2:] == 0).all()

    def always_warsaw(lines):
        return torch.nn.functional.one_hot(torch.full((len(lines),), warsaw), model.unembed.out_features).double()

    asked = []

    def spy(lines):
        asked.append(lines)
        return always_warsaw(lines)

    found = outcomes(said, spy, WORLD, FRANCE, warsaw, others=7)
    assert found.tolist() == [1.0] * 5  # nobody else in these sentences has Warsaw
    assert [len(lines) for lines in asked] == [2, 1, 6, 7, 7]
    train, held = split(WORLD)
    assert torch.equal(asked[0].templates, WORLD.templates[fact_rows(FRANCE, train)])
    assert torch.equal(asked[1].templates, WORLD.templates[fact_rows(FRANCE, held)])
    own, capital, rest = (lines.facts for lines in asked[2:])
    assert set(own.tolist()) == {FRANCE + 1, FRANCE + 2}
    assert (capital % 3 == 0).all() and (rest % 3 > 0).all()
    assert not torch.isin(torch.cat([capital, rest]) // 3, torch.tensor(FRANCE // 3)).any()


def test_steering_and_editing_are_measured_on_the_same_facts():
    small = fact_model("free")
    rows = capitals(WORLD, 2, torch.Generator().manual_seed(3))
    found = steering_and_editing(small, WORLD, rows, torch.Generator().manual_seed(1), others=5)
    again = steering_and_editing(small, WORLD, rows, torch.Generator().manual_seed(1), others=5)
    for name, numbers in found.items():
        assert numbers.shape == (2, len(editing.OUTCOMES)) and ((numbers >= 0) & (numbers <= 1)).all()
        assert torch.equal(numbers, again[name])


def test_a_goal_of_another_relation_is_named(model):
    with pytest.raises(ValueError, match="goal must be a fact of the same relation"):
        steering_outcomes(model, WORLD, torch.tensor([FRANCE]), torch.tensor([POLAND + 1]))


def test_claims_follow_from_the_outcomes():
    found = claims.steered_and_edited(3)
    spares, strong = claims.steering_spares_other_capitals(3), claims.steering_is_no_weaker_than_the_edit(3)
    assert spares.estimate == pytest.approx(found["steering"][:, 3].mean().item(), abs=1e-6)
    gap = found["steering"][:, 1] - found["rank-one edit"][:, 1]
    assert strong.estimate == pytest.approx(gap.mean().item(), abs=1e-6)
    assert spares.seeds == 3 and strong.low <= strong.estimate <= strong.high
