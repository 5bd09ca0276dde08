"""Steering measured: what a vector added to the stream achieves and what else it changes, as for an edit.

Chapters: attribution/tracing.

A steering vector is the stream of a sentence about another subject less that of the sentence itself, at the final token
after one layer. Added there, in any sentence, it should carry the other answer along. It changes no weight, lasts as long
as its hook, and acts on whatever passes. `editing.outcomes` measures it by the numbers that measure a rank-one edit.
"""

from functools import partial

import torch
from torch import Tensor

from course_lib.attribution.editing import chances, edit_outcomes, outcomes, says, steered
from course_lib.attribution.interventions import record
from course_lib.attribution.traced_sentences import partners, roles, trimmed
from course_lib.facts import TEMPLATES, Sentences, split
from course_lib.transformer import FactModel


def steering_vector(model: FactModel, world: Sentences, fact: int, goal: int, layer: int) -> Tensor:
    """Mean over the training wordings of `fact` of goal's stream less the fact's, final token, after `layer`: `(d,)`.

    `goal` is told in the same wordings. Raises ValueError for facts of different relations.
    """
    if fact % len(TEMPLATES) != goal % len(TEMPLATES):
        raise ValueError(f"goal must be a fact of the same relation as fact {fact}, got {goal}")
    train, _ = split(world)
    mine = train[world.facts[train] == fact]
    theirs = torch.cat([((world.facts == goal) & (world.templates == world.templates[row])).nonzero()[:, 0] for row in mine])
    site, means = f"layers.{layer}.stream", []
    for rows in (theirs, mine):
        lines = trimmed(world[rows])
        with torch.no_grad():
            stream = record(model, lines.tokens, [site])[site]
        means.append(stream[torch.arange(len(rows)), lines.last].mean(0))
    return means[0] - means[1]


def steered_chances(model: FactModel, site: str, vector: Tensor, sentences: Sentences) -> Tensor:
    """`chances` while `vector (d,)` is added at the final token of every sentence: `(n, vocabulary)`."""
    with steered(model, site, roles(sentences)["final token"], vector):
        return chances(model, sentences)


def steering_outcomes(
    model: FactModel, world: Sentences, chosen: Tensor, goals: Tensor, layer: int = 1, others: int = 40
) -> Tensor:
    """Steer each of the facts `chosen (f,)` to the answer of `goals (f,)` by itself: its `editing.outcomes`, `(f, 5)`."""
    said, site, found = says(model, world), f"layers.{layer}.stream", []
    for fact, goal in zip(chosen.tolist(), goals.tolist(), strict=True):
        after = partial(steered_chances, model, site, steering_vector(model, world, fact, goal, layer))
        answer = int(world.answers[world.facts == goal][0])
        found.append(outcomes(said, after, world, fact, answer, others))
    return torch.stack(found)


def steering_and_editing(
    model: FactModel, world: Sentences, rows: Tensor, generator: torch.Generator, others: int = 40
) -> dict[str, Tensor]:
    """The same facts of `rows (f,)` steered after layer 1 and edited in layer 2, both at the final token: `(f, 5)` each.

    The new answers are those of `partners`, by lot.
    """
    other, facts = partners(world, rows, generator), world.facts[rows]
    return {
        "steering": steering_outcomes(model, world, facts, world.facts[other], others=others),
        "rank-one edit": edit_outcomes(model, world, facts, world.answers[other], 2, "final token", others),
    }
