"""Claims of chapters/attribution/tracing.ipynb."""

from functools import cache, partial

import torch
from torch import Tensor

from course_lib.attribution.editing import edit_outcomes, unchanged
from course_lib.attribution.evaluation import rank_correlation
from course_lib.attribution.steering import steering_and_editing
from course_lib.attribution.traced_sentences import capitals, partners, roles, trimmed
from course_lib.attribution.tracing import noised, trace
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.facts import Sentences, facts, sentences
from course_lib.transformer import FactModel, fact_model

SHOWN = 60  # the chapter shows the first of `capitals(world, ..., seed 0)`; the claims are about others
ROLES = ("first piece", "last piece", "final token")
# Places that something downstream reads: after the last layer nobody reads the subject any more.
LIVE = tuple((layer, role) for role in ROLES for layer in range(3) if layer < 2 or role == "final token")


def fresh_capitals(world: Sentences, count: int) -> Tensor:
    """Rows about capitals of countries that the chapter does not show: `(count,)`."""
    rows = capitals(world, SHOWN + count + 1, torch.Generator().manual_seed(0))[SHOWN:]
    names = [fact.subject for fact in facts()]
    return torch.tensor([row for row in rows.tolist() if names[world.facts[row]] != "France"])[:count]


def only(chosen: Sentences, *names: str) -> dict[str, Tensor]:
    """Some of the `roles` of the sentences: tracing the others would cost time."""
    where = roles(chosen)
    return {name: where[name] for name in names}


def shares_of_the_last_piece(model: FactModel, chosen: Sentences, seed: int) -> Tensor:
    """Effect of the stream at the subject's last piece after its best layer but the last, over the total effect: `(n,)`.

    Sentences whose total effect is below 0.1 are left out: there is nothing to bring back.
    """
    spoilt = noised(model, chosen, draws=10, generator=torch.Generator().manual_seed(seed))
    found = trace(model, chosen, spoilt, where=only(chosen, "last piece"))
    best = torch.stack([found.at(layer, "last piece") for layer in range(2)]).amax(0)
    return (best / found.total)[found.total >= 0.1]


def a_single_early_site(path: str, count: int = 60) -> Record:
    """Mean share of the total effect that the subject's last piece brings back before the last layer."""
    world = sentences()
    chosen = trimmed(world[fresh_capitals(world, count)])
    shares = shares_of_the_last_piece(fact_model(path), chosen, seed=1)
    estimate, low, high = mean_interval(shares)
    return Record(
        id=f"attribution/tracing/a_single_early_site/{path}",
        statement=f"In the {path} model the subject's last piece alone carries most of the fact before the last layer.",
        kind="measured",
        threshold="mean share of the total effect above 0.5, each fact at its better layer",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the total effect brought back",
        verdict=decide(low, high, above=0.5),
        seeds=len(shares),
        repeats="capitals",
    )


@cache
def effects_and_edits(path: str, count: int) -> tuple[Tensor, Tensor]:
    """For each fact and each live place: its traced effect, and the new answer's probability in the held-out wording
    after an edit there, both `(count, places)`."""
    world, model = sentences(), fact_model(path)
    rows = fresh_capitals(world, count)
    generator, chosen = torch.Generator().manual_seed(2), trimmed(world[rows])
    spoilt = noised(model, chosen, draws=10, generator=generator)
    found = trace(model, chosen, spoilt, where=only(chosen, *ROLES))
    traced = torch.stack([found.at(*place) for place in LIVE], 1)
    answers = world.answers[partners(world, rows, generator)]
    edit = partial(edit_outcomes, model, world, world.facts[rows], answers, others=1, usual=unchanged(model, world))
    return traced, torch.stack([edit(*place)[:, 1] for place in LIVE], 1)


def the_best_place_in_a_fact(path: str, count: int = 48) -> Record:
    """Rank correlation, over the seven places of each fact, of the traced effect and of how well an edit generalises."""
    traced, success = effects_and_edits(path, count)
    correlations = torch.tensor([rank_correlation(*pair) for pair in zip(traced, success, strict=True)])
    estimate, low, high = mean_interval(correlations)
    return Record(
        id=f"attribution/tracing/the_best_place_in_a_fact/{path}",
        statement=f"In the {path} model the places of a fact that trace strongly are those where an edit generalises.",
        kind="measured",
        threshold="mean rank correlation over seven places, fact by fact, above 0.7",
        estimate=estimate,
        low=low,
        high=high,
        unit="rank correlation within a fact",
        verdict=decide(low, high, above=0.7),
        seeds=count,
        repeats="capitals",
    )


def the_best_facts_at_a_place(path: str, count: int = 48, group: int = 8) -> Record:
    """Rank correlation over facts, place by place: do facts that trace more strongly through a place edit better there?

    Facts in disjoint groups of `group` give independent estimates, each a mean over the places.
    """
    traced, success = effects_and_edits(path, count)
    correlations = torch.tensor([
        sum(rank_correlation(*pair) for pair in zip(effects.T, edits.T, strict=True)) / len(LIVE)
        for effects, edits in zip(traced.split(group), success.split(group), strict=True)
    ])  # fmt: skip
    estimate, low, high = mean_interval(correlations)
    return Record(
        id=f"attribution/tracing/the_best_facts_at_a_place/{path}",
        statement=f"In the {path} model, at a given place, facts that trace more strongly are edited better.",
        kind="measured",
        threshold="mean rank correlation over facts, place by place, above 0.3",
        estimate=estimate,
        low=low,
        high=high,
        unit="rank correlation at a place",
        verdict=decide(low, high, above=0.3),
        seeds=len(correlations),
        repeats=f"groups of {group} capitals",
    )


@cache
def steered_and_edited(count: int = 60, seed: int = 3) -> dict[str, Tensor]:
    """`steering_and_editing` of capitals that the chapter does not show, in the free model."""
    world = sentences()
    generator = torch.Generator().manual_seed(seed)
    return steering_and_editing(fact_model("free"), world, fresh_capitals(world, count), generator)


def steering_spares_other_capitals(count: int = 60) -> Record:
    """Share of answers about other capitals that a steering vector for one country changes."""
    estimate, low, high = mean_interval(steered_and_edited(count)["steering"][:, 3])
    return Record(
        id="attribution/tracing/steering_spares_other_capitals",
        statement="A steering vector that gives one country another capital leaves the capitals of other countries alone.",
        kind="measured",
        threshold="mean share of changed answers about other capitals below 0.05",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the answers about other capitals changed",
        verdict=decide(low, high, below=0.05),
        seeds=count,
        repeats="capitals",
    )


def steering_is_no_weaker_than_the_edit(count: int = 60) -> Record:
    """Probability of the new answer in the held-out wording: steering less the rank-one edit of the same fact."""
    found = steered_and_edited(count)
    estimate, low, high = mean_interval(found["steering"][:, 1] - found["rank-one edit"][:, 1])
    return Record(
        id="attribution/tracing/steering_is_no_weaker_than_the_edit",
        statement="In a wording unseen by both, steering brings the new capital as surely as an edit of the same fact.",
        kind="measured",
        threshold="mean difference of the new answer's probability above -0.05",
        estimate=estimate,
        low=low,
        high=high,
        unit="of probability, steering less edit",
        verdict=decide(low, high, above=-0.05),
        seeds=count,
        repeats="capitals",
    )
