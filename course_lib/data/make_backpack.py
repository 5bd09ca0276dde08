"""Train Backpacks from several seeds and edit every sense: `python -m course_lib.data.make_backpack`.

For each form and seed: train, then let every country borrow one sense of another country, sense by sense, and ask all facts
again. The counts go to `backpack_edits.csv`. One model of each form, of seed `SHOWN`, goes to `backpack_FORM.npz` in half
precision; it is not among the models counted. For the first joint model counted, `backpack_wordings.csv` keeps the same counts
wording by wording. Fifteen seconds a model on one core.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch

from course_lib.explainable import country_facts
from course_lib.explainable.backpack import FORMS, Backpack, accuracy, train
from course_lib.explainable.senses import borrow_sense, country_tokens, last_weights, moved, says
from course_lib.facts import split

SEEDS, SHOWN, SENSES = range(11, 19), 0, 8
PAIRS = {"choosing": (1,), "fresh": (2, 3, 4)}  # seeds of the permutations that say who lends to whom
COLUMNS = ("form", "seed", "held_out", "pairs", "sense", "relation", "moved", "alone", "asked")


def trained(form: str, seed: int) -> Backpack:
    """A Backpack that has read every fact in two of its three wordings."""
    world = country_facts.sentences()
    return train(Backpack(form, senses=SENSES, seed=seed), world, split(world)[0], seed=seed)


def counts(model: Backpack, pairs: str, senses: range = range(SENSES)) -> list[tuple]:
    """Rows (pairs, sense, relation, moved, alone, asked): edits by their outcome, counted over pairs and wordings."""
    world, own, tokens, table = country_facts.sentences(), country_facts.answers(), country_tokens(), model.sense_table()
    rows, weights = [], last_weights(model, world)
    for sense in senses:
        found = torch.zeros(3, 3, dtype=torch.long)  # relations by (moved, alone, asked)
        for seed in PAIRS[pairs]:
            lenders = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))
            said = says(model, world, borrow_sense(table, tokens, tokens[lenders], sense), weights=weights)
            outcome = moved(said, own, lenders)
            asked = outcome[2]
            found += torch.stack([outcome[0][asked].sum((0, 2)), outcome[1][asked].sum((0, 2)), 3 * asked.sum().expand(3)], 1)
        rows += [(pairs, sense, name, *found[r].tolist()) for r, name in enumerate(country_facts.RELATIONS)]
    return rows


def wordings(model: Backpack, senses: range = range(SENSES)) -> list[tuple]:
    """Rows (sense, relation, wording, moved, asked) over the fresh pairs."""
    world, own, tokens, table = country_facts.sentences(), country_facts.answers(), country_tokens(), model.sense_table()
    rows, weights = [], last_weights(model, world)
    for sense in senses:
        found, pairs = torch.zeros(3, 3, dtype=torch.long), 0
        for seed in PAIRS["fresh"]:
            lenders = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(seed))
            said = says(model, world, borrow_sense(table, tokens, tokens[lenders], sense), weights=weights)
            to_lender, _, asked = moved(said, own, lenders)
            found, pairs = found + to_lender[asked].sum(0), pairs + int(asked.sum())
        rows += [(sense, name, w, int(found[r, w]), pairs) for r, name in enumerate(country_facts.RELATIONS) for w in range(3)]
    return rows


def write_wordings() -> None:
    with open(Path(__file__).with_name("backpack_wordings.csv"), "w", newline="", encoding="utf8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sense", "relation", "wording", "moved", "asked"))
        writer.writerows(wordings(trained("joint", SEEDS[0])))


def main(forms: tuple[str, ...]) -> None:
    world, here = country_facts.sentences(), Path(__file__)
    held_out = world[split(world)[1]]
    for form in forms:
        state = {name: tensor.half().numpy() for name, tensor in trained(form, SHOWN).state_dict().items()}
        np.savez_compressed(here.with_name(f"backpack_{form}.npz"), **state)
        with open(here.with_name(f"backpack_edits_{form}.csv"), "w", newline="", encoding="utf8") as file:
            writer = csv.writer(file, lineterminator="\n")
            for seed in SEEDS:
                model = trained(form, seed)
                share = round(accuracy(model, held_out), 4)
                writer.writerows((form, seed, share, *row) for pairs in PAIRS for row in counts(model, pairs))
                file.flush()


def join() -> None:
    """Put the counts of both forms into one file."""
    parts = [Path(__file__).with_name(f"backpack_edits_{form}.csv") for form in FORMS]
    text = ",".join(COLUMNS) + "\n" + "".join(part.read_text(encoding="utf8") for part in parts)
    Path(__file__).with_name("backpack_edits.csv").write_text(text, encoding="utf8")
    for part in parts:
        part.unlink()


if __name__ == "__main__":
    torch.set_num_threads(1)
    chosen = tuple(sys.argv[1:]) or FORMS  # one form alone, to run the two side by side
    if chosen == ("join",):
        join()
    elif chosen == ("wordings",):
        write_wordings()
    else:
        main(chosen)
        if chosen == FORMS:
            join()
            write_wordings()
