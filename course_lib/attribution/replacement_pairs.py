"""Pairs of sentences that differ in the subject only, and what to read from the fact model's answer to them.

Chapters: attribution/attribution_patching.

Symmetric token replacement (Zhang & Nanda, 2024): the corrupted sentence asks the same question, in the same words and
the same number of tokens, about another country. Both are ordinary sentences, so no run sees anything unheard of, and
position t means the same in both.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_lib.facts import Sentences, facts, sentences

METRICS = ("logit difference", "probability", "log-probability")


@dataclass(frozen=True)
class Pairs:
    """`r` replacement pairs: tokens `(r, length)`, the two answers `(r,)`, the last token's place `(r,)`, padded right.

    `live` `(r, length)`: tokens that may carry the difference, from the first one that differs to the last of the sentence.
    """

    clean: Tensor
    corrupted: Tensor
    answers: Tensor
    others: Tensor
    last: Tensor
    live: Tensor

    def __len__(self) -> int:
        return len(self.clean)

    def __getitem__(self, rows) -> "Pairs":
        rows = torch.as_tensor([rows] if isinstance(rows, int) else rows)
        length = int(self.last[rows].max()) + 1
        parts = (getattr(self, name)[rows] for name in self.__dataclass_fields__)
        return Pairs(*(part[:, :length] if part.dim() == 2 else part for part in parts))


def replacement_pairs(model: nn.Module, count: int, seed: int = 0) -> Pairs:
    """`count` random pairs over all relations and wordings; the model answers both sentences right, and differently.

    Every clean sentence tells another fact. Raises ValueError for a count below 1 or above what there is.

    >>> from course_lib.transformer import fact_model
    >>> pairs = replacement_pairs(fact_model(), 3)
    >>> (pairs.clean != pairs.corrupted)[~pairs.live].any().item()
    False
    """
    world, generator = sentences(), torch.Generator().manual_seed(seed)
    known = _answered(model, world)
    relations = torch.arange(len(facts())) % 3  # facts() lists capital, continent, currency country by country
    chosen, told = [], set()
    for row in known[torch.randperm(len(known), generator=generator)].tolist():
        same = (relations[world.facts[known]] == relations[world.facts[row]]) & (world.last[known] == world.last[row])
        same &= (world.templates[known] == world.templates[row]) & (world.answers[known] != world.answers[row])
        partners = known[same]
        if len(partners) and int(world.facts[row]) not in told and len(chosen) < count:
            told.add(int(world.facts[row]))
            chosen.append((row, int(partners[torch.randint(len(partners), (), generator=generator)])))
    if not 1 <= count <= len(chosen):
        raise ValueError(f"count must lie between 1 and {len(told)}, got {count}")
    return _pairs(world, *torch.tensor(chosen).T)


def france_and_poland() -> Pairs:
    """One pair: "The capital of France is", corrupted by Poland."""
    world, known = sentences(), [(fact.subject, fact.relation) for fact in facts()]
    rows = [torch.tensor([3 * known.index((country, "capital"))]) for country in ("France", "Poland")]
    return _pairs(world, *rows)


def metric(pairs: Pairs, kind: str = "logit difference") -> Callable[[Tensor], Tensor]:
    """What to read: the model's logits `(m r, length, vocabulary)`, the pairs over and over, -> `(m r,)`.

    "logit difference": logit of the clean answer minus that of the other; "probability" and "log-probability": of the clean
    answer. Raises ValueError for another kind.
    """
    if kind not in METRICS:
        raise ValueError(f"kind must be one of {METRICS}, got {kind!r}")

    def read(outputs: Tensor) -> Tensor:
        times = len(outputs) // len(pairs)
        rows = torch.arange(len(outputs))
        logits = outputs[rows, pairs.last.repeat(times)]
        answers, others = pairs.answers.repeat(times), pairs.others.repeat(times)
        if kind == "logit difference":
            return logits[rows, answers] - logits[rows, others]
        scores = logits.softmax(1) if kind == "probability" else logits.log_softmax(1)
        return scores[rows, answers]

    return read


def _answered(model: nn.Module, world: Sentences) -> Tensor:
    """Rows of the sentences that the model completes with the right answer."""
    with torch.no_grad():
        said = model(world.tokens)[torch.arange(len(world)), world.last].argmax(1)
    return (said == world.answers).nonzero()[:, 0]


def _pairs(world: Sentences, rows: Tensor, partners: Tensor) -> Pairs:
    clean, corrupted, last = world.tokens[rows], world.tokens[partners], world.last[rows]
    differs = (clean != corrupted).cumsum(1) > 0
    live = differs & (torch.arange(clean.shape[1]) <= last[:, None])
    pairs = Pairs(clean, corrupted, world.answers[rows], world.answers[partners], last, live)
    return pairs[list(range(len(rows)))]
