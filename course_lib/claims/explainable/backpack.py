"""Claims of chapters/explainable/backpack.ipynb."""

import csv
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

from course_lib.claims.core import Record, decide, mean_interval
from course_lib.explainable.backpack import FORMS, Backpack
from course_lib.explainable.country_facts import RELATIONS

MARGIN = 0.8  # declared before the models of the claims were trained
SENSES = 8
FORM_NAMES = {"paper": "the paper's form", "joint": "our joint form"}


@cache
def stored(form: str) -> Backpack:
    """A trained Backpack; `python -m course_lib.data.make_backpack` rebuilds it. Raises ValueError for an unknown form."""
    model = Backpack(form, senses=SENSES)  # an unknown form raises
    with np.load(str(files("course_lib.data") / f"backpack_{form}.npz"), allow_pickle=False) as kept:
        model.load_state_dict({name: torch.from_numpy(kept[name]).float() for name in kept.files})
    return model.eval().requires_grad_(False)


@cache
def counts(form: str, pairs: str) -> tuple[Tensor, Tensor]:
    """Shares of edits that moved a relation, and moved it alone: two tensors `(models, senses, relations)`.

    `pairs`: "choosing" (to choose the sense of a relation) or "fresh". Stored by `python -m course_lib.data.make_backpack`.
    Raises ValueError for another form or other pairs.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {FORMS}, got {form!r}")
    if pairs not in ("choosing", "fresh"):
        raise ValueError(f"pairs must be 'choosing' or 'fresh', got {pairs!r}")
    with (files("course_lib.data") / "backpack_edits.csv").open(encoding="utf8") as file:
        rows = [row for row in csv.DictReader(file) if row["form"] == form and row["pairs"] == pairs]
    seeds = sorted({int(row["seed"]) for row in rows})
    shares = torch.zeros(2, len(seeds), SENSES, len(RELATIONS))
    for row in rows:
        place = seeds.index(int(row["seed"])), int(row["sense"]), RELATIONS.index(row["relation"])
        shares[0][place], shares[1][place] = (int(row[column]) / int(row["asked"]) for column in ("moved", "alone"))
    return shares[0], shares[1]


def best_sense(form: str, kind: str) -> tuple[Tensor, Tensor]:
    """For each model and relation: the sense that did best on the choosing pairs, and what it does on fresh ones.

    `kind`: "moved" or "alone". Two tensors `(models, relations)`. Raises ValueError for another kind.
    """
    if kind not in ("moved", "alone"):
        raise ValueError(f"kind must be 'moved' or 'alone', got {kind!r}")
    which = ("moved", "alone").index(kind)
    chosen = counts(form, "choosing")[which].argmax(1)
    fresh = counts(form, "fresh")[which]
    return chosen, fresh.gather(1, chosen[:, None]).squeeze(1)


@cache
def by_wording() -> Tensor:
    """Of the first joint model counted: shares of edits that moved a relation, `(senses, relations, wordings)`."""
    shares = torch.zeros(SENSES, len(RELATIONS), 3)
    with (files("course_lib.data") / "backpack_wordings.csv").open(encoding="utf8") as file:
        for row in csv.DictReader(file):
            place = int(row["sense"]), RELATIONS.index(row["relation"]), int(row["wording"])
            shares[place] = int(row["moved"]) / int(row["asked"])
    return shares


def one_sense_moves_a_relation(form: str) -> Record:
    """Share of edits of one sense after which the relation is answered with the lender's answer, whatever else changes."""
    return _record(form, "moved", "one_sense_moves_a_relation", "Each relation has one sense whose edit moves it")


def one_sense_one_relation(form: str) -> Record:
    """Share of edits of one sense that move a relation and leave the two others, for the best sense of each relation."""
    text = "Editing one sense changes one relation and leaves the others"
    return _record(form, "alone", "one_sense_one_relation", text)


def _record(form: str, kind: str, name: str, text: str) -> Record:
    """Mean over the relations, one number for each trained model."""
    samples = best_sense(form, kind)[1].mean(1)
    estimate, low, high = mean_interval(samples)
    return Record(
        id=f"explainable/backpack/{name}/{form}",
        statement=f"{text} ({FORM_NAMES[form]}).",
        kind="measured",
        threshold=f"mean share of edits of the best sense, over the three relations, above {MARGIN}",
        estimate=estimate,
        low=low,
        high=high,
        unit="share of edits",
        verdict=decide(low, high, above=MARGIN),
        seeds=len(samples),
        repeats="trained models",
    )
