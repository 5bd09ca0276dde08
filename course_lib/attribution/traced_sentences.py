"""Sentences to trace: which to take, who replaces whom, and which tokens play which role.

Chapters: attribution/tracing.

Sentences differ in length, so effects are collected by *role* (before the subject, its pieces, after it, the final token),
and all tokens of a role are changed at once. Padding stands on the right, where no token reads it.
"""

from dataclasses import replace

import torch
from torch import Tensor

from course_lib.facts import TEMPLATES, Sentences, facts, split


def trimmed(sentences: Sentences) -> Sentences:
    """The same sentences without the columns that are padding in all of them."""
    length = int(sentences.last.max()) + 1
    return replace(sentences, tokens=sentences.tokens[:, :length], subject=sentences.subject[:, :length])


def relations(world: Sentences) -> Tensor:
    """Number of the relation that each sentence of `facts.sentences()` is about, in the order of `TEMPLATES`: `(s,)`."""
    names = list(TEMPLATES)
    return torch.tensor([names.index(fact.relation) for fact in facts()])[world.facts]


def capitals(world: Sentences, count: int, generator: torch.Generator) -> Tensor:
    """Rows of `count` countries by lot: the capital in a wording of the training set, names of 2 to 4 pieces: `(count,)`."""
    size, asked = world.subject.sum(1), relations(world) == 0
    train = torch.zeros(len(world), dtype=torch.bool).index_fill(0, split(world)[0], True)
    rows = (train & asked & (size >= 2) & (size <= 4)).nonzero()[:, 0]
    first = torch.tensor([k for k, row in enumerate(rows) if k == 0 or world.facts[row] != world.facts[rows[k - 1]]])
    if not 1 <= count <= len(first):
        raise ValueError(f"count must be between 1 and {len(first)}, got {count}")
    chosen = first[torch.randperm(len(first), generator=generator)[:count]]
    return rows[chosen + torch.randint(0, 2, (count,), generator=generator)]  # each has two such wordings, one after another


def partners(world: Sentences, rows: Tensor, generator: torch.Generator) -> Tensor:
    """For each of `rows (n,)` a row of the same wording with as many pieces and another answer, by lot: `(n,)`.

    Raises ValueError for a row without partner.
    """
    size, about, chosen = world.subject.sum(1), relations(world), []
    for row in rows.tolist():
        same = (world.templates == world.templates[row]) & (about == about[row]) & (size == size[row])
        others = (same & (world.answers != world.answers[row])).nonzero()[:, 0]
        if not len(others):
            raise ValueError(f"rows must have a partner with as many pieces, got row {row} with {int(size[row])}")
        chosen.append(others[torch.randint(len(others), (), generator=generator)])
    return torch.stack(chosen)


def roles(sentences: Sentences) -> dict[str, Tensor]:
    """Which tokens play which role, name -> `(n, t)`; a subject of one piece has its last piece only.

    "all pieces" overlaps with its parts, and the final token does not count as "after".
    """
    place, piece = torch.arange(sentences.tokens.shape[1]), sentences.subject
    first = piece.int().argmax(1, keepdim=True)
    last_piece = first + piece.sum(1, keepdim=True) - 1
    final = sentences.last[:, None]
    return {
        "before subject": place < first,
        "first piece": (place == first) & (first < last_piece),
        "middle pieces": (place > first) & (place < last_piece),
        "last piece": place == last_piece,
        "all pieces": piece,
        "after": (place > last_piece) & (place < final),
        "final token": place == final,
    }


def single_tokens(sentences: Sentences) -> dict[str, Tensor]:
    """Every position as a role of its own, for a heat map of one sentence: name -> `(n, t)`."""
    shape, length = sentences.tokens.shape, int(sentences.last.max()) + 1
    return {str(k): (torch.arange(shape[1]) == k).expand(shape) for k in range(length)}
