"""Demos of chapters/start/transformer.ipynb."""

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from course_lib import plots
from course_lib.demos import Demo, explore
from course_lib.facts import Fact, facts, sentence, vocabulary
from course_lib.transformer import FactModel, fact_model

ASKED = {  # label of the slider: subject, relation, wording
    "France": ("France", "capital", 0),
    "Japan": ("Japan", "currency", 2),
    "South Korea": ("South Korea", "capital", 1),
    "Kenya": ("Kenya", "continent", 2),
    "South Sudan": ("South Sudan", "capital", 0),
}
DEPTHS = ("embedding", "layer 0", "layer 1", "layer 2")


def question(label: str) -> tuple[Fact, list[str]]:
    """The fact that a label stands for, and its sentence."""
    subject, relation, wording = ASKED[label]
    fact = next(fact for fact in facts() if (fact.subject, fact.relation) == (subject, relation))
    return fact, sentence(fact, wording)


@torch.no_grad()
def read_sites(model: FactModel, words: list[str], names: list[str]) -> list[Tensor]:
    """What passes the named sites while the model reads one sentence, without the batch dimension."""
    seen, hooks, sites = {}, [], model.sites()
    try:
        for name in names:
            hooks.append(sites[name].register_forward_hook(lambda _m, _i, x, name=name: seen.update({name: x[0]})))
        model(vocabulary().numbers(words)[None])
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[name] for name in names]


def attention() -> Demo:
    """Who reads whom, for one sentence, layer and head."""
    model, labels, sites = fact_model("free"), list(ASKED)[:3], [f"layers.{i}.attention.pattern" for i in range(3)]
    read = {label: (question(label)[1], read_sites(model, question(label)[1], sites)) for label in labels}

    def draw(sentence: str, layer: int, head: int):
        words, patterns = read[sentence]
        t, pattern = len(words), patterns[layer][head]
        figure, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
        rows, columns = torch.meshgrid(torch.arange(t), torch.arange(t), indexing="ij")
        below = rows >= columns
        side = 0.8 * 72 * 3.3 / t  # of the largest mark, in points
        ax.scatter(columns[~below], rows[~below], s=10, c=plots.FAINT, marker="x", linewidths=0.6)
        ax.scatter(
            columns[below], rows[below], s=pattern[below] * side**2, c=plots.KINDS["components"][0], marker="s", linewidths=0
        )
        ax.set_xticks(range(t), words, rotation=45, ha="right")
        ax.set_yticks(range(t), words)
        ax.set(xlim=(-0.6, t - 0.4), ylim=(t - 0.4, -0.6), xlabel="is read", ylabel="reads")
        ax.set_title(f"layer {layer}, head {head}")
        return figure

    def describe(sentence: str, layer: int, head: int) -> str:
        words, patterns = read[sentence]
        weights, places = patterns[layer][head, -1].topk(2)
        first, second = (f"{weight:.0%} to {words[place]}" for weight, place in zip(weights, places.tolist(), strict=True))
        return (
            f"{' '.join(words)}: in layer {layer}, head {head}, the last token, {words[-1]}, gives most of its attention, "
            f"{first}, and then {second}."
        )

    alt = (
        "A square grid with the words of a sentence on both sides. The area of the mark in a row and a column is the share of "
        "attention that the row's word gives to the column's word; small crosses stand where the column comes later."
    )
    return explore(draw, describe, alt=alt, sentence=labels, layer=(0, 1, 2), head=(0, 1, 2, 3))


def depth() -> Demo:
    """The five likeliest answers if the stream at the last token were read out early."""
    model, words = fact_model("free"), vocabulary()
    sites = ["embedded", *(f"layers.{i}.stream" for i in range(3))]
    streams = {label: torch.stack([x[-1] for x in read_sites(model, question(label)[1], sites)]) for label in ASKED}
    shares = {label: model.read(stream).softmax(1) for label, stream in streams.items()}

    def draw(sentence: str, after: str):
        top = shares[sentence][DEPTHS.index(after)].topk(5)
        right = question(sentence)[0].answer
        figure, (ax,) = plots.panels(1, width=4.8, height=2.5)
        for row, (share, name) in enumerate(zip(top.values.tolist(), words.words(top.indices), strict=True)):
            colour = plots.KINDS["components"][0] if name == right else plots.FAINT
            ax.barh(row, share, color=colour, hatch="" if name == right else "////", edgecolor="white")
        ax.set_yticks(range(5), words.words(top.indices))
        ax.invert_yaxis()
        ax.set(xlim=(0, 1), xlabel="probability", title=f"read out after: {after}")
        return figure

    def describe(sentence: str, after: str) -> str:
        fact, asked = question(sentence)
        share = shares[sentence][DEPTHS.index(after)]
        answer = words.index[fact.answer]
        rank = int((share > share[answer]).sum()) + 1
        length = streams[sentence][DEPTHS.index(after)].norm()
        return (
            f"{' '.join(asked)} ... After the {after}, {fact.answer} is number {rank} of {len(words)} with probability "
            f"{share[answer]:.3f}; the stream at the last token has length {length:.1f}."
        ).replace("After the layer", "After layer")

    alt = (
        "Five horizontal bars: the likeliest tokens and their probabilities when the stream at the last token is read out at "
        "the chosen depth. The right answer is a plain green bar, the others are grey and hatched."
    )
    return explore(draw, describe, alt=alt, sentence=list(ASKED), after=DEPTHS)
