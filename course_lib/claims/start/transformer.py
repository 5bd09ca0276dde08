"""Claims of chapters/start/transformer.ipynb."""

import csv
from importlib.resources import files

import torch
from torch import Tensor

from course_lib import facts
from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.transformer import FactModel, fact_model

RELATIONS = tuple(facts.TEMPLATES)


def counts(kind: str, relations: tuple[str, ...] = RELATIONS) -> tuple[Tensor, Tensor]:
    """Right answers and questions of each stored seed, for `told` or `untold` facts: `(seeds,)` and `(seeds,)`.

    The file is made by `python -m course_lib.data.make_fact_seeds`. Raises ValueError for another kind.
    """
    if kind not in ("told", "untold"):
        raise ValueError(f"kind must be 'told' or 'untold', got {kind!r}")
    with (files("course_lib.data") / "fact_seeds.csv").open(encoding="utf8") as file:
        rows = [row for row in csv.DictReader(file) if row["facts"] == kind and row["relation"] in relations]
    seeds = sorted({int(row["seed"]) for row in rows})

    def total(column: str) -> Tensor:
        return torch.tensor([float(sum(int(row[column]) for row in rows if int(row["seed"]) == seed)) for seed in seeds])

    return total("right"), total("asked")


def a_new_wording_is_understood() -> Record:
    """Share of right answers to held-out wordings of facts that were told in the other two, over separately trained models.

    One repeat is one model: its seed draws the weights, the batches, the held-out wordings and the facts told at all.
    """
    right, asked = counts("told")
    estimate, low, high = mean_interval(right / asked)
    return Record(
        id="start/transformer/a_new_wording_is_understood",
        statement="The free model, told a fact in two wordings, answers the third: at least nine in ten on average.",
        kind="measured",
        threshold="mean share of right answers above 0.9",
        estimate=estimate,
        low=low,
        high=high,
        unit="share of held-out wordings",
        verdict=decide(low, high, above=0.9),
        seeds=len(right),
        repeats="trained models",
    )


@torch.no_grad()
def close_each_token(model: FactModel, tokens: Tensor, answer: int) -> tuple[Tensor, Tensor]:
    """What the last of `tokens` `(t,)` pays to each earlier one, and what it costs to close that one to it: `(t - 1,)` each.

    Attention is the mean weight over heads and layers. The cost is the loss of log-probability of `answer` when the last
    token may not read token j in any layer: weight j is set to 0 and the others are scaled to sum to 1 again, which is
    the same as a mask before the softmax. Row 0 of the batch is left open, row j + 1 lacks token j.
    """
    t, weights, hooks = len(tokens), [], []
    keep = torch.ones(t, 1, t, t)
    earlier = torch.arange(t - 1)
    keep[earlier + 1, 0, -1, earlier] = 0.0

    def close(_module, _inputs, pattern: Tensor) -> Tensor:
        weights.append(pattern[0, :, -1, :-1])
        return pattern * keep / (pattern * keep).sum(3, keepdim=True)

    try:
        for layer in model.layers:
            hooks.append(layer.attention.pattern.register_forward_hook(close))
        scores = model(tokens.repeat(t, 1))[:, -1].log_softmax(1)[:, answer]
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(weights).mean((0, 1)), scores[0] - scores[1:]


def attention_finds_what_matters(sentences: int = 300, seed: int = 1) -> Record:
    """Share of held-out sentences in which the token with the most attention is the one that costs the most to close.

    Drawn from the sentences about countries other than France that the free model answers rightly.
    """
    model, world, known = fact_model("free"), facts.sentences(), facts.facts()
    asked = world[facts.split(world)[1]]
    with torch.no_grad():
        said = model(asked.tokens)[torch.arange(len(asked)), asked.last].argmax(1)
    elsewhere = torch.tensor([known[fact].subject != "France" for fact in asked.facts.tolist()])
    asked = asked[((said == asked.answers) & elsewhere).nonzero()[:, 0]]
    some = asked[torch.randperm(len(asked), generator=torch.Generator().manual_seed(seed))[:sentences]]
    agree = 0
    for tokens, last, answer in zip(some.tokens, some.last.tolist(), some.answers.tolist(), strict=True):
        attention, cost = close_each_token(model, tokens[: last + 1], answer)
        agree += int(attention.argmax() == cost.argmax())
    estimate, low, high = share_interval(agree, len(some))
    return Record(
        id="start/transformer/attention_finds_what_matters",
        statement="In this model, the token that the last one attends to most is the one it would miss most.",
        kind="measured",
        threshold="true in more than 0.9 of sentences",
        estimate=estimate,
        low=low,
        high=high,
        unit="share of sentences",
        verdict=decide(low, high, above=0.9),
        seeds=len(some),
        repeats="held-out sentences of one model",
    )
