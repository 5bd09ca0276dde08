"""Demos of chapters/explainable/backpack.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import plots
from course_lib.claims.explainable.backpack import FORM_NAMES, SENSES, stored
from course_lib.demos import Demo, explore
from course_lib.explainable import country_facts
from course_lib.explainable.senses import last_weights, read_alone, says, swap_sense

NAMES = ("France", "Japan", "Brazil", "Egypt")
FACTORS = (1.0, 0.5, 0.1, 0.0, 10.0, 1000.0)


@cache
def _known(form: str) -> tuple[Tensor, Tensor]:
    """The weights of the last word of every sentence, and the sense table."""
    return last_weights(stored(form), country_facts.sentences()), stored(form).sense_table()


@cache
def after_swap(form: str, first: str, second: str, sense: int) -> list[str]:
    """What the model says about `first` after a swap: capital, continent, currency in the first wording."""
    words = country_facts.vocabulary()
    weights, table = _known(form)
    tokens = words.numbers([country_facts.country(first), country_facts.country(second)])
    edited = swap_sense(table, *tokens.tolist(), sense)
    said = says(stored(form), country_facts.sentences(), edited, weights=weights)
    return words.words(said[country_facts.countries().index(first), :, 0])


def truths(name: str) -> list[str]:
    """Capital, continent and currency of a country."""
    row = country_facts.answers()[country_facts.countries().index(name)]
    return country_facts.vocabulary().words(row)


def swap_two_countries() -> Demo:
    """France swaps one sense with another country: three answers before and after, in both forms."""

    def draw(other: str, sense: int):
        figure, axes = plots.panels(2, width=3.4, height=1.9)
        for ax, form in zip(axes, ("joint", "paper"), strict=True):
            after = after_swap(form, "France", other, sense)
            cells = [[was, now] for was, now in zip(truths("France"), after, strict=True)]
            ax.set_axis_off()
            ax.set_title(FORM_NAMES[form])
            columns = ("before", f"sense {sense} of {other}")
            table = ax.table(cells, rowLabels=country_facts.RELATIONS, colLabels=columns, loc="center")
            table.scale(1, 1.7)
            table.auto_set_font_size(False)
            table.set_fontsize(9.5)
            for row, (was, now) in enumerate(cells, 1):
                if was != now:
                    table[row, 1].get_text().set(color=plots.NEGATIVE, weight="bold")
        return figure

    def describe(other: str, sense: int) -> str:
        parts = []
        for form in ("joint", "paper"):
            rows = zip(country_facts.RELATIONS, truths("France"), after_swap(form, "France", other, sense), strict=True)
            changed = [f"{relation} {was} becomes {now}" for relation, was, now in rows if was != now]
            parts.append(f"{FORM_NAMES[form]}: {', '.join(changed) or 'nothing changes'}")
        return f"France and {other} swap sense {sense}. In {'; in '.join(parts)}."

    alt = "Two tables, one for each form of the Backpack: what it says about France before and after one sense is swapped."
    return explore(draw, describe, alt=alt, other=NAMES[1:], sense=range(SENSES))


@cache
def right_at(form: str, sense: int, factor: float) -> Tensor:
    """Share of right answers for each relation when the weights of one sense are multiplied, `(3,)`."""
    gain = torch.ones(SENSES)
    gain[sense] = factor
    said = says(stored(form), country_facts.sentences(), gain=gain, weights=_known(form)[0])
    return (said == country_facts.answers()[:, :, None]).double().mean((0, 2))


def turn_a_sense() -> Demo:
    """One sense of every word made weaker or stronger in the joint form: which answers survive."""

    def draw(factor: float, sense: int):
        figure, (ax,) = plots.panels(1, width=4.8, height=2.4)
        plots.score_bars(ax, right_at("joint", sense, factor), country_facts.RELATIONS)
        ax.set(xlim=(0, 1.05), xlabel="share of right answers", title=f"sense {sense} times {factor:g}")
        return figure

    def describe(factor: float, sense: int) -> str:
        shares = zip(country_facts.RELATIONS, right_at("joint", sense, factor).tolist(), strict=True)
        return f"Weights of sense {sense} times {factor:g}. Right: {', '.join(f'{n} {s:.2f}' for n, s in shares)}."

    alt = "Three bars, the shares of right capitals, continents and currencies, while one sense is made weaker or stronger."
    return explore(draw, describe, alt=alt, factor=FACTORS, sense=carriers())


@cache
def carriers() -> tuple[int, ...]:
    """The senses of the joint model that alone name the right capital, continent and currency most often."""
    model, words = stored("joint"), country_facts.vocabulary()
    tokens = words.numbers([country_facts.country(name) for name in country_facts.countries()])
    alone = read_alone(model.sense_table()[tokens], model.unembed.weight).argmax(2)
    hits = (alone[:, :, None] == country_facts.answers()[:, None]).double().mean(0)
    return tuple(sorted(hits.argmax(0).tolist()))
