"""Claims of chapters/attribution/probes.ipynb."""

import torch
from torch import Tensor

from course_lib.attribution.interventions import record, replaced
from course_lib.attribution.lenses import fit_lens, logit_lens, places, ranks, streams
from course_lib.attribution.probes import LinearProbe, correlated_tasks, erase, fit_probe, inlp, mean_directions
from course_lib.claims.core import Record, decide, mean_interval, share_interval
from course_lib.facts import Sentences, sentences
from course_lib.transformer import FactModel, fact_model

CONTINENT = 1  # facts come country by country: capital, continent, currency
SITE = "layers.1.stream"


def one_sentence_per_country(world: Sentences, relation: int | None, seed: int) -> Tensor:
    """A row of every country `(161,)`: a wording, and if `relation` is None a relation, drawn at random."""
    countries = int(world.facts.max()) // 3 + 1
    generator = torch.Generator().manual_seed(seed)
    wordings, relations = (torch.randint(3, (countries,), generator=generator) for _ in range(2))
    return 9 * torch.arange(countries) + 3 * (relations if relation is None else relation) + wordings


def halves(countries: int, seed: int) -> tuple[Tensor, Tensor]:
    """The countries in two random halves."""
    order = torch.randperm(countries, generator=torch.Generator().manual_seed(seed))
    return order[: countries // 2], order[countries // 2 :]


def continents_read(lens: str, seed: int = 1) -> Tensor:
    """Whether the lens puts a country's continent first of all tokens, at the last piece in the planted model, `(161,)`.

    The fitted lens of each half of the countries has seen only the other half.
    """
    world, model = sentences(), fact_model("planted")
    stream = streams(model, world, "last piece")[SITE]
    goal = streams(model, world, "final token")[f"layers.{len(model.layers) - 1}.stream"]
    relation, country = world.facts % 3, world.facts // 3
    rows = one_sentence_per_country(world, CONTINENT, seed)
    read = stream[rows].clone()
    if lens == "fitted":
        for half in halves(len(rows), seed):
            others = (relation == CONTINENT) & ~torch.isin(country, half)
            read[half] = fit_lens(stream[others], goal[others])(stream[rows[half]])
    elif lens != "logit":
        raise ValueError(f"lens must be 'logit' or 'fitted', got {lens!r}")
    return ranks(logit_lens(model, read), world.answers[rows]) == 0


def a_lens_reads_what_is_there(lens: str) -> Record:
    """Share of countries whose continent the lens ("logit" or "fitted") reads at the last piece before the last layer."""
    found = continents_read(lens)
    estimate, low, high = share_interval(int(found.sum()), len(found))
    article = "The logit lens" if lens == "logit" else "A lens fitted on other countries"
    return Record(
        id=f"attribution/probes/a_lens_reads_what_is_there/{lens}",
        statement=f"{article} reads the continent at the last piece after layer 1, planted model.",
        kind="measured",
        threshold="the continent comes first of all tokens in more than half of the countries",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the countries",
        verdict=decide(low, high, above=0.5),
        seeds=len(found),
        repeats="countries, one sentence each",
    )


def answers_after_erasing(model: FactModel, world: Sentences, basis: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
    """What the model answers `(s,)` as it is, and with a subspace erased from the final token's stream after layer 1."""
    rows, at = torch.arange(len(world)), places(world, "final token")
    with torch.no_grad():
        plain = model(world.tokens)[rows, at].argmax(1)
        stream = record(model, world.tokens, [SITE])[SITE].clone()
        stream[rows, at] = erase(stream[rows, at], basis, centre)
        with replaced(model, {SITE: lambda _: stream}):
            erased = model(world.tokens)[rows, at].argmax(1)
    return plain, erased


def labels(world: Sentences, name: str) -> Tensor:
    """A property of every sentence `(s,)`: its "wording" (of three), its "relation" (of three) or its length's "parity"."""
    found = {"wording": world.templates, "relation": world.facts % 3, "parity": world.last % 2}
    if name not in found:
        raise ValueError(f"name must be one of {tuple(found)}, got {name!r}")
    return found[name]


def erasures(name: str, seed: int = 2) -> tuple[Tensor, list[LinearProbe]]:
    """Whether erasing a property changes the planted model's answer, one sentence per country `(161,)`, and the probes.

    Probes and directions of each half of the countries have seen only the other half.
    """
    world, model = sentences(), fact_model("planted")
    stream, y, country = streams(model, world, "final token")[SITE], labels(world, name), world.facts // 3
    rows, probes = one_sentence_per_country(world, None, seed), []
    changed = torch.zeros(len(rows), dtype=torch.bool)
    for half in halves(len(rows), seed):
        others = ~torch.isin(country, half)
        probes.append(fit_probe(stream[others], y[others]))
        basis, centre = mean_directions(stream[others], y[others]), stream[others].mean(0)
        plain, erased = answers_after_erasing(model, world[rows[half]], basis, centre)
        changed[half] = plain != erased
    return changed, probes


def decodable_is_used(name: str) -> Record:
    """Share of countries whose answer changes when a property that a probe decodes is erased from the final token."""
    changed, _ = erasures(name)
    estimate, low, high = share_interval(int(changed.sum()), len(changed))
    return Record(
        id=f"attribution/probes/decodable_is_used/{name}",
        statement=f"A probe reads the {name} from the final token's stream, so the planted model's answers use it.",
        kind="measured",
        threshold="erasing it changes the answer in more than 10 of 100 countries",
        estimate=estimate,
        low=low,
        high=high,
        unit="of the answers change",
        verdict=decide(low, high, above=0.1),
        seeds=len(changed),
        repeats="countries, one sentence each",
    )


def main_task_loss(kappa: float, seed: int, steps: int = 3, rows: int = 1000) -> float:
    """Main-task accuracy that `steps` of null-space projection cost: fresh probes on fresh rows without correlation."""
    generator = torch.Generator().manual_seed(seed)
    x, concept, _ = correlated_tasks(rows, kappa, generator)
    (train_x, _, train_y), (test_x, _, test_y) = (correlated_tasks(rows, 0.5, generator) for _ in range(2))
    basis, centre = inlp(x, concept, steps), x.mean(0)
    plain = fit_probe(train_x, train_y).accuracy(test_x, test_y)
    left = fit_probe(erase(train_x, basis, centre), train_y).accuracy(erase(test_x, basis, centre), test_y)
    return plain - left


def erasing_spares_the_main_task(kappa: float, seeds: int = 20) -> Record:
    """Mean loss of main-task accuracy after three steps of null-space projection, over draws of the data."""
    losses = torch.tensor([main_task_loss(kappa, 1000 + seed) for seed in range(seeds)])
    estimate, low, high = mean_interval(losses)
    return Record(
        id=f"attribution/probes/erasing_spares_the_main_task/{kappa}",
        statement=f"Three steps of null-space projection spare the main task if concept and task agree in {kappa:.0%} of rows.",
        kind="measured",
        threshold="the main task loses less than 0.05 of accuracy",
        estimate=estimate,
        low=low,
        high=high,
        unit="of accuracy lost",
        verdict=decide(low, high, below=0.05),
        seeds=seeds,
        repeats="draws of the data",
    )
