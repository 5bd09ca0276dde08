"""Train the free fact model anew from several seeds and count its answers: `python -m course_lib.data.make_fact_seeds`.

Each seed draws the weights, the batches, the wording of each fact that is held out, and 48 facts (one in ten) that are told
in no wording at all. Those are the control: what a model that never read a fact can guess of it. About half a minute a seed.
"""

import csv
from pathlib import Path

import torch

from course_lib import facts
from course_lib.data.make_fact_models import answer_logits, train

SEEDS, UNTOLD = range(1, 9), 48
COLUMNS = ("seed", "facts", "relation", "right", "asked")


def counts(seed: int, steps: int = 400) -> list[tuple]:
    """Rows of `fact_seeds.csv` for one seed: right answers to held-out wordings, of told and of untold facts."""
    world, known = facts.sentences(), facts.facts()
    lot = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))
    untold = torch.isin(world.facts, lot[:UNTOLD])
    rows, held_out = facts.split(world, seed)
    model = train("free", steps, seed=seed, rows=rows[~untold[rows]])
    asked = world[held_out]
    right = answer_logits(model, asked).argmax(1) == asked.answers
    relation = [known[fact].relation for fact in asked.facts.tolist()]
    found = []
    for kind, chosen in (("told", ~untold[held_out]), ("untold", untold[held_out])):
        for name in facts.TEMPLATES:
            these = chosen & torch.tensor([word == name for word in relation])
            found.append((seed, kind, name, int(right[these].sum()), int(these.sum())))
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    with open(Path(__file__).with_name("fact_seeds.csv"), "w", newline="", encoding="utf8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for seed in SEEDS:
            writer.writerows(counts(seed))
            file.flush()
