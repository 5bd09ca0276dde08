"""Reading and editing the sense table of a Backpack: one sense of one word at a time.

Chapters: explainable/backpack.

A Backpack keeps what it knows about a word in a table of sense vectors `(v, k, d)`, which the context cannot change. So an
edit is a changed copy of the table, and holds in every sentence. What the edit does is measured by asking all facts again.
"""

import torch
from torch import Tensor

from course_lib.explainable import country_facts
from course_lib.explainable.backpack import Backpack
from course_lib.facts import Sentences


def read_alone(table: Tensor, unembedding: Tensor) -> Tensor:
    """What each sense says by itself, E C(x)_l: senses `(..., k, d)` and unembedding `(v, d)` -> `(..., k, v)`.

    >>> read_alone(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.eye(2)).argmax(1).tolist()
    [0, 1]
    """
    return table @ unembedding.T


def swap_sense(table: Tensor, first: int, second: int, sense: int) -> Tensor:
    """A copy of the table `(v, k, d)` in which two words have swapped one sense; the table itself stays.

    Raises ValueError for a word or sense that is not in the table.

    >>> swap_sense(torch.arange(4.0).reshape(2, 2, 1), 0, 1, 1).flatten().tolist()
    [0.0, 3.0, 2.0, 1.0]
    """
    words, senses = table.shape[:2]
    if not (0 <= first < words and 0 <= second < words):
        raise ValueError(f"first and second must lie between 0 and {words - 1}, got {first} and {second}")
    if not 0 <= sense < senses:
        raise ValueError(f"sense must lie between 0 and {senses - 1}, got {sense}")
    swapped = table.clone()
    swapped[first, sense], swapped[second, sense] = table[second, sense], table[first, sense]
    return swapped


def borrow_sense(table: Tensor, words: Tensor, lenders: Tensor, sense: int) -> Tensor:
    """A copy of the table in which each of `words` `(m,)` has the sense of its lender `(m,)`.

    With all countries as words and a permutation of them as lenders, every sentence about a country sees the edit of this
    country alone, since it contains no other: one run does the work of all pairs.
    """
    lent = table.clone()
    lent[words, sense] = table[lenders, sense]
    return lent


def country_tokens() -> Tensor:
    """The token of each country, `(161,)`."""
    return country_facts.vocabulary().numbers([country_facts.country(name) for name in country_facts.countries()])


@torch.no_grad()
def last_weights(model: Backpack, world: Sentences) -> Tensor:
    """What the last word of each sentence takes of each sense and word, `(s, k, t)`: no edit of the table changes it."""
    return model.weights(world.tokens)[torch.arange(len(world)), :, world.last]


@torch.no_grad()
def says(
    model: Backpack, world: Sentences, table: Tensor | None = None, gain: Tensor | None = None, weights: Tensor | None = None
) -> Tensor:
    """The likeliest answer to every sentence of all facts, `(countries, relations, wordings)`.

    `table` `(v, k, d)`: an edited sense table; `gain` `(k,)`: factors of the senses' weights; `weights`: `last_weights`, if
    they are known already.
    """
    weights = last_weights(model, world) if weights is None else weights
    table = model.sense_table() if table is None else table
    weights = weights if gain is None else weights * gain[:, None]
    mixed = torch.einsum("skj,sjkd->sd", weights, table[world.tokens])
    return model.unembed(mixed).argmax(1).reshape(-1, len(country_facts.RELATIONS), 3)


def moved(said: Tensor, own: Tensor, lenders: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Did an edit move a relation, did it move it alone, and can one tell? `(c, 3, 3)`, `(c, 3, 3)` bool and `(c,)` bool.

    said `(c, 3, 3)`: tokens said after the edit; own `(c, 3)`: the true answers; lenders `(c,)`: whose sense each country has.
    A relation is moved in a wording if the lender's answer is given, and moved alone if in the same wording the other two
    relations are answered as before. One can tell where country and lender differ in all three relations.
    """
    others = own[lenders]
    to_lender, kept = said == others[:, :, None], said == own[:, :, None]
    alone = torch.stack([to_lender[:, r] & kept[:, [q for q in range(3) if q != r]].all(1) for r in range(3)], 1)
    return to_lender, alone, (own != others).all(1)
