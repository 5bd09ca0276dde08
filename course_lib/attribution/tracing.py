"""Causal tracing: where does what a model says about a subject pass through?

Chapters: attribution/tracing.

Three runs. The *clean* run reads a sentence; the *corrupted* run reads it with its subject spoilt, by noise on the
embeddings of its pieces or by another subject in its place; the *restored* run is the corrupted one with a few
activations put back to their clean values. What this brings back of the answer is the indirect effect of those
activations (Meng, Bau, Andonian, Belinkov, 2022):

    total effect = read(clean) - read(corrupted),      indirect effect = read(restored) - read(corrupted).

Restoring asks whether an activation is *sufficient*. The mirror, breaking the clean run by corrupted activations, asks
whether it is *necessary*: read(clean) - read(broken).

Effects are collected by the *roles* of `traced_sentences`.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.attribution.interventions import record, replaced
from course_lib.attribution.traced_sentences import roles
from course_lib.facts import Sentences
from course_lib.transformer import FactModel

KINDS = {"stream": "stream", "attention": "from_attention", "MLP": "from_mlp"}
MEASURES = ("probability", "logit difference")


@dataclass(frozen=True)
class Run:
    """What a run reads: tokens `(b, t)` and, if any, the noise `(b, t, d)` that is added to their embeddings."""

    tokens: Tensor
    noise: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def reading(self, model: FactModel):
        """Context in which the model's token embeddings carry the noise."""
        return nullcontext() if self.noise is None else replaced(model, {"tokens": lambda output: output + self.noise})


@dataclass(frozen=True)
class Trace:
    """What came out: `effects (n, layers, roles)` of each sentence, its `total (n,)`, and the `roles` by name.

    Probabilities or logit differences are averaged over the draws of the corruption. `present (n, roles)` says which
    sentences have tokens in a role: `mean` and `errors` leave out the others.
    """

    effects: Tensor
    total: Tensor
    clean: Tensor
    corrupted: Tensor
    present: Tensor
    roles: tuple[str, ...]

    def mean(self) -> Tensor:
        """Average indirect effect over the sentences that have the role: `(layers, roles)`."""
        rows = self.present[:, None].to(self.effects.dtype)
        return (self.effects * rows).sum(0) / rows.sum(0)

    def errors(self) -> Tensor:
        """Standard errors of `mean` over sentences, `(layers, roles)`; nan where fewer than two have the role."""
        rows, gap = self.present[:, None].to(self.effects.dtype), self.effects - self.mean()
        count = rows.sum(0)
        return ((gap.square() * rows).sum(0) / (count - 1) / count).sqrt()

    def at(self, layer: int, role: str) -> Tensor:
        """Effects of the sentences that have the role, at one layer."""
        column = self.roles.index(role)
        return self.effects[self.present[:, column], layer, column]


def noise_scale(model: FactModel) -> float:
    """Standard deviation of the entries of the embeddings of all pieces of names."""
    return model.tokens.weight[model.is_piece].std().item()


def noised(
    model: FactModel, sentences: Sentences, *, multiple: float = 3.0, draws: int = 6, generator: torch.Generator
) -> Run:
    """Each sentence `draws` times (draw by draw), with N(0, (multiple x `noise_scale`)^2) on its subject's embeddings.

    Raises ValueError for a negative multiple or no draw.
    """
    if not multiple >= 0 or draws < 1:
        raise ValueError(f"multiple must be at least 0 and draws at least 1, got {multiple} and {draws}")
    weight = model.tokens.weight
    shape = (draws, *sentences.tokens.shape, weight.shape[1])
    noise = multiple * noise_scale(model) * torch.randn(shape, generator=generator).to(weight)
    noise = noise * sentences.subject[None, :, :, None]
    return Run(sentences.tokens.repeat(draws, 1), noise.flatten(0, 1))


def swapped(world: Sentences, sentences: Sentences, partners: Tensor) -> Run:
    """The corrupted run by replacement: the sentences with the subjects of the rows `partners (n,)` in place of theirs."""
    tokens = world.tokens[partners, : sentences.tokens.shape[1]]
    if len(tokens) != len(sentences) or not torch.equal(world.subject[partners, : tokens.shape[1]], sentences.subject):
        raise ValueError("partners must be one row per sentence with its subject at the same tokens, got others")
    return Run(tokens)


def restored(model: FactModel, run: Run, sites: list[str], where: Tensor, source: Mapping[str, Tensor]) -> Tensor:
    """Logits `(b, t, vocabulary)` of a run with the activations at `sites` taken from `source` wherever `where (b, t)`."""

    def change(site: str):
        return lambda output: torch.where(where[:, :, None], source[site], output)

    with torch.no_grad(), run.reading(model), replaced(model, {site: change(site) for site in sites}):
        return model(run.tokens)


def trace(
    model: FactModel,
    sentences: Sentences,
    corrupted: Run,
    *,
    kind: str = "stream",
    mirror: bool = False,
    measure: str = "probability",
    others: Tensor | None = None,
    where: Mapping[str, Tensor] | None = None,
    window: int = 1,
) -> Trace:
    """Indirect effects over layers and roles of "stream", "attention" or "MLP" outputs, averaged over the draws.

    `corrupted` has one or more draws of the n sentences, draw by draw. `mirror` breaks the clean run in place of
    restoring the corrupted one. `measure`: the answer's probability, or its logit less that of `others (n,)`. `where`:
    `roles` unless given. `window` layers around each (odd) are changed together. Raises ValueError for what does not fit.
    """
    draws = _draws(sentences, corrupted, kind, window)
    clean = Run(sentences.tokens.repeat(draws, 1))
    where = roles(sentences) if where is None else where

    def read(logits: Tensor) -> Tensor:  # (draws n, t, vocabulary) -> (n,)
        final = logits[torch.arange(len(logits)), sentences.last.repeat(draws)]
        return _measured(final, sentences.answers, others, measure, draws).reshape(draws, -1).mean(0)

    sites = [f"layers.{i}.{KINDS[kind]}" for i in range(len(model.layers))]
    base, source = (clean, corrupted) if mirror else (corrupted, clean)
    with torch.no_grad():
        with source.reading(model):
            found = record(model, source.tokens, sites)
        values = {}
        for name, run in (("clean", clean), ("corrupted", corrupted)):
            with run.reading(model):
                values[name] = read(model(run.tokens))
    start, sign, half = values["clean" if mirror else "corrupted"], -1 if mirror else 1, window // 2
    effects = torch.stack([
        torch.stack([
            sign * (read(restored(model, base, sites[max(i - half, 0) : i + half + 1], mask.repeat(draws, 1), found)) - start)
            for mask in where.values()
        ], 1)
        for i in range(len(sites))
    ], 1)  # fmt: skip
    present = torch.stack([mask.any(1) for mask in where.values()], 1)
    return Trace(effects, values["clean"] - values["corrupted"], values["clean"], values["corrupted"], present, tuple(where))


def _measured(final: Tensor, answers: Tensor, others: Tensor | None, measure: str, draws: int) -> Tensor:
    """The measure of logits `(draws n, vocabulary)`: `(draws n,)`."""
    rows, answers = torch.arange(len(final)), answers.repeat(draws)
    if measure == "probability":
        return final.softmax(1)[rows, answers]
    if measure != "logit difference" or others is None:
        raise ValueError(f"measure must be one of {MEASURES}, the latter with `others`, got {measure!r}")
    return final[rows, answers] - final[rows, others.repeat(draws)]


def _draws(sentences: Sentences, corrupted: Run, kind: str, window: int) -> int:
    """How many draws of the sentences a corrupted run holds."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {tuple(KINDS)}, got {kind!r}")
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window must be an odd number of layers, got {window}")
    n = len(sentences)
    if not n or not len(corrupted) or len(corrupted) % n or corrupted.tokens.shape[1] != sentences.tokens.shape[1]:
        shape = tuple(corrupted.tokens.shape)
        raise ValueError(f"corrupted must hold each of the {n} sentences once per draw, got tokens of shape {shape}")
    return len(corrupted) // n
