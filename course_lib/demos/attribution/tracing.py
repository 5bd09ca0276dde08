"""Demos of chapters/attribution/tracing.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import plots
from course_lib.attribution.editing import OUTCOMES, Unchanged, edit_outcomes, unchanged
from course_lib.attribution.traced_sentences import capitals, partners, roles, single_tokens, trimmed
from course_lib.attribution.tracing import KINDS, Run, Trace, noised, swapped, trace
from course_lib.demos import Demo, explore
from course_lib.facts import Sentences, facts, sentences, vocabulary
from course_lib.transformer import fact_model

PATHS = ("free", "planted")
SPOILT = ("noise 0.5", "noise 1", "noise 3", "Poland")
ROLES = ("first piece", "last piece", "final token")
LAYERS = (0, 1, 2)


def find(world: Sentences, subject: str, relation: str, template: int) -> int:
    """The row of a fact in one wording."""
    fact = next(k for k, fact in enumerate(facts()) if (fact.subject, fact.relation) == (subject, relation))
    return int(((world.facts == fact) & (world.templates == template)).nonzero()[0])


def france_trace(model: str, restored: str, subject: str) -> Trace:
    """Effects of every layer and token for "The capital of France is", its subject spoilt in one of four ways."""
    world, net = sentences(), fact_model(model)
    france, poland = (torch.tensor([find(world, name, "capital", 0)]) for name in ("France", "Poland"))
    line = trimmed(world[france])
    if subject == "Poland":
        corrupted: Run = swapped(world, line, poland)
    else:
        multiple = float(subject.split()[1])
        corrupted = noised(net, line, multiple=multiple, draws=20, generator=torch.Generator().manual_seed(0))
    return trace(net, line, corrupted, kind=restored, where=single_tokens(line))


def heat_map(ax, effects: Tensor, columns: list[str], limit: float) -> None:
    """Effects `(layers, columns)` as shades of one colour, each with its number; layer 0 at the bottom."""
    ax.imshow(effects, cmap="Blues", vmin=0, vmax=max(limit, 1e-6), aspect="auto", origin="lower")
    for i, row in enumerate(effects.tolist()):
        for j, value in enumerate(row):
            colour = "white" if value > 0.6 * limit else plots.INK
            ax.text(j, i, f"{value:.2f}".replace("-0.00", "0.00"), ha="center", va="center", color=colour)
    ax.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
    ax.set_yticks(range(len(effects)), [str(i) for i in range(len(effects))])
    ax.set_ylabel("layer (last on top)")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def tracing_map() -> Demo:
    """Restore the stream, attention or MLP at each layer and token of the sentence about France."""
    words = vocabulary().words(trimmed(sentences()[find(sentences(), "France", "capital", 0)]).tokens[0])
    found = cache(france_trace)

    def draw(model: str, restored: str, subject: str):
        result = found(model, restored, subject)
        figure, (ax,) = plots.panels(1, width=6.2, height=3.0)
        heat_map(ax, result.effects[0], words, 0.8)
        ax.set_title(f"{model}, {restored}: P(Paris) regained")
        return figure

    def describe(model: str, restored: str, subject: str) -> str:
        result = found(model, restored, subject)
        effects = result.effects[0]
        layer, token = divmod(int(effects.argmax()), effects.shape[1])
        return (
            f"{model} model, {subject} on the subject: the probability of Paris falls from {result.clean[0]:.2f} to "
            f"{result.corrupted[0]:.2f}. One {restored} output brings back most at layer {layer}, token {words[token]}: "
            f"{effects.max():.2f}."
        )

    alt = "A table of layers by tokens of the sentence about France; the darker a cell, the more of the answer it brings back."
    return explore(draw, describe, alt=alt, model=PATHS, restored=tuple(KINDS), subject=tuple(reversed(SPOILT)))


@cache
def usual(model: str) -> Unchanged:
    """The model before any edit: the same for every frame."""
    return unchanged(fact_model(model), sentences())


@cache
def outcomes_and_effect(model: str, place: str, layer: int, count: int = 12) -> tuple[Tensor, Tensor, float]:
    """Means of `edit_outcomes (5,)` over capitals, their 95 % reach (normal), and the mean effect of restoring the place."""
    world, net, generator = sentences(), fact_model(model), torch.Generator().manual_seed(0)
    rows = capitals(world, count, generator)
    lines = trimmed(world[rows])
    answers = world.answers[partners(world, rows, generator)]
    found = trace(net, lines, noised(net, lines, generator=generator), where={place: roles(lines)[place]})
    outcomes = edit_outcomes(net, world, world.facts[rows], answers, layer, place, others=30, usual=usual(model))
    return outcomes.mean(0), 1.96 * outcomes.std(0) / count**0.5, found.at(layer, place).mean().item()


def where_to_edit() -> Demo:
    """One rank-one edit at a chosen layer and token: what it achieves and what else it changes."""
    labels = [f"P(new): {name}" for name in OUTCOMES[:2]] + [f"changed: {name}" for name in OUTCOMES[2:]]

    def draw(model: str, place: str, layer: int):
        outcomes, reach, effect = outcomes_and_effect(model, place, layer)
        figure, (ax,) = plots.panels(1, width=6.2, height=2.8)
        colours = [plots.POSITIVE] * 2 + [plots.NEGATIVE] * 3
        bars = ax.barh(range(5), outcomes.tolist(), xerr=reach.tolist(), color=colours, height=0.7)
        for bar in bars[2:]:
            bar.set_hatch("////")
            bar.set_edgecolor("white")
        ax.set_yticks(range(5), labels)
        ax.invert_yaxis()
        ax.set(xlim=(0, 1), title=f"traced effect here {effect:.2f}")
        return figure

    def describe(model: str, place: str, layer: int) -> str:
        outcomes, _, effect = outcomes_and_effect(model, place, layer)
        asked, held, own, capital, rest = outcomes.tolist()
        return (
            f"{model} model, edit of the MLP in layer {layer} at the {place}, mean over 12 countries; restoring the stream "
            f"there brings back {effect:.2f}. New capital: probability {asked:.2f} in the wordings asked, {held:.2f} in "
            f"the one held out. Changed: {own:.0%} of its other facts, {capital:.0%} of other capitals, {rest:.0%} elsewhere."
        )

    alt = "Five bars: how likely the new answer is in asked and held-out wordings, and how much else changed; whiskers: 95 %."
    return explore(draw, describe, alt=alt, model=PATHS, place=tuple(reversed(ROLES)), layer=LAYERS)
