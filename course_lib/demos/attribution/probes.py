"""Demos of chapters/attribution/probes.ipynb."""

from functools import cache

import torch
from torch import Tensor

from course_lib import plots
from course_lib.attribution.lenses import fit_lens, logit_lens, streams
from course_lib.attribution.probes import correlated_tasks, erase, fit_probe, inlp
from course_lib.demos import Demo, explore
from course_lib.facts import facts, sentences, vocabulary
from course_lib.transformer import PATHS, fact_model

STAGES = ("embedded", "after layer 0", "after layer 1", "after layer 2")
KAPPAS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
STEPS = (0, 1, 2, 3, 4, 5)


@cache
def france(path: str, place: str) -> dict[tuple[str, str], Tensor]:
    """Lens and stage -> probabilities of all tokens `(vocabulary,)` for "The capital of France is".

    The fitted lenses have read the capitals of all other countries.
    """
    world, model = sentences(), fact_model(path)
    subject = next(i for i, fact in enumerate(facts()) if fact.subject == "France" and fact.relation == "capital")
    capitals = (world.facts % 3 == 0).nonzero()[:, 0]
    world, found = world[capitals], {}
    others, here = world.facts != subject, int(((world.facts == subject) & (world.templates == 0)).nonzero())
    goal = streams(model, world, "final token")[f"layers.{len(model.layers) - 1}.stream"]
    for stage, stream in zip(STAGES, streams(model, world, place).values(), strict=True):
        translated = fit_lens(stream[others], goal[others])(stream[here])
        found["logit", stage], found["fitted", stage] = logit_lens(model, stream[here]), logit_lens(model, translated)
    return found


def lens_through_the_layers() -> Demo:
    """What a lens reads for France, stage by stage, at two tokens of two models."""
    words = vocabulary()
    paris = words.index["Paris"]

    def draw(stage: str, place: str, path: str, lens: str):
        chances = france(path, place)[lens, stage]
        top = chances.topk(5)
        figure, (ax,) = plots.panels(1, width=5.6, height=3.2)
        colours = [plots.POSITIVE if token == paris else plots.FAINT for token in top.indices.tolist()]
        bars = ax.barh(range(5), top.values.tolist(), color=colours, height=0.7)
        for bar, token in zip(bars, top.indices.tolist(), strict=True):
            bar.set_hatch("" if token == paris else "////")
            bar.set_edgecolor("white")
        ax.set_yticks(range(5), words.words(top.indices))
        ax.invert_yaxis()
        ax.set(xlim=(0, 1), xlabel="probability", title=f"{path} model, {place}, {stage}: {lens} lens")
        return figure

    def describe(stage: str, place: str, path: str, lens: str) -> str:
        chances = france(path, place)[lens, stage]
        before = int((chances > chances[paris]).sum())
        return (
            f"The {path} model, {place}, {stage}, {lens} lens: Paris has probability {chances[paris]:.3f}; "
            f"{before} tokens come before it. First is {words.words(chances.topk(1).indices)[0]}."
        )

    alt = "Bars of the five most probable tokens that a lens reads; the bar of Paris, if it is among them, is blue and plain."
    places = ("final token", "last piece")
    return explore(draw, describe, alt=alt, stage=STAGES, place=places, path=PATHS, lens=("logit", "fitted"))


@cache
def erasure(kappa: float, steps: int) -> tuple[dict[str, float], Tensor, Tensor, Tensor]:
    """Accuracies after some steps of null-space projection, and erased rows without correlation with both labels."""
    generator = torch.Generator().manual_seed(0)
    x, concept, _ = correlated_tasks(1000, kappa, generator)
    same, same_concept, _ = correlated_tasks(1000, kappa, generator)
    fit_x, _, fit_main = correlated_tasks(1000, 0.5, generator)
    test_x, test_concept, test_main = correlated_tasks(1000, 0.5, generator)
    if steps:
        basis, centre = inlp(x, concept, steps), x.mean(0)
        x, same, fit_x, test_x = (erase(rows, basis, centre) for rows in (x, same, fit_x, test_x))
    probe = fit_probe(x, concept)
    scores = {
        "concept, correlated rows": probe.accuracy(same, same_concept),
        "concept, balanced rows": probe.accuracy(test_x, test_concept),
        "main task, balanced rows": fit_probe(fit_x, fit_main).accuracy(test_x, test_main),
    }
    return scores, test_x, test_concept, test_main


def correlated_erasure() -> Demo:
    """Null-space projection under correlation: the concept's direction goes first, the main task's next."""

    def draw(kappa: float, steps: int):
        figure, (left, right) = plots.panels(2, width=2.7, height=3.6)
        _, x, concept, main = erasure(kappa, steps)
        for label, marker, colour in ((0, "o", plots.NEGATIVE), (1, "^", plots.POSITIVE)):
            rows = (main[:300] == label).nonzero()[:, 0]
            left.scatter(x[rows, 0], x[rows, 8], s=9, marker=marker, color=colour, linewidths=0, label=f"main {label}")
        left.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), xlabel="concept's entry", ylabel="main task's entry")
        left.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, 1.16), ncols=2)
        runs = [erasure(kappa, k)[0] for k in STEPS]
        for name, style in zip(runs[0], (":", plots.ABSENT, "-"), strict=True):
            right.plot(STEPS, [run[name] for run in runs], linestyle=style, marker=".", color=plots.INK, label=name)
        right.axvline(steps, color=plots.FAINT)
        right.set(ylim=(0.35, 1.03), xlabel="steps", ylabel="accuracy")
        figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", fontsize=8, handlelength=4)
        return figure

    def describe(kappa: float, steps: int) -> str:
        scores = ", ".join(f"{name} {score:.2f}" for name, score in erasure(kappa, steps)[0].items())
        return f"Concept and main label agree in {kappa:.0%} of the rows; after {steps} steps: {scores}."

    alt = "Left: erased rows, by the entries of concept and main task. Right: three accuracies against the number of steps."
    return explore(draw, describe, alt=alt, kappa=KAPPAS, steps=STEPS)
