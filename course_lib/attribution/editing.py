"""Changing what a model says: rank-one edits of a weight matrix, vectors that steer, and what else they change.

Chapters: attribution/tracing.

An MLP's second matrix W maps a *key* (the hidden neurons at a token) to a *value* (what the layer adds there). An edit makes
it answer one key with another value and moves all other keys as little as it can (Meng, Bau, Andonian, Belinkov, 2022).
"""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from course_lib.attribution.interventions import record, replaced
from course_lib.attribution.traced_sentences import relations, roles, trimmed
from course_lib.facts import TEMPLATES, Sentences, split
from course_lib.transformer import FactModel

Chances = Callable[[Sentences], Tensor]


def rank_one_edit(weight: Tensor, key: Tensor, value: Tensor, moment: Tensor) -> Tensor:
    """The matrix nearest to `weight (o, i)` with W key = value, where D counts as tr(D C D^T), C = `moment (i, i)`.

    W + (v - W k) (C^-1 k)^T / (k^T C^-1 k). With C = E[k k^T] the distance is the mean squared change of W k over keys.
    Keys k' with k'^T C^-1 k = 0 are answered as before. Source: Meng and colleagues (2022), equation 2. Raises
    ValueError for shapes that do not fit, a key of zero, or a moment that is not positive definite.

    >>> rank_one_edit(torch.zeros(1, 2), torch.tensor([0.0, 2.0]), torch.tensor([3.0]), torch.eye(2)).tolist()
    [[0.0, 1.5]]
    """
    rows, columns = weight.shape
    if key.shape != (columns,) or value.shape != (rows,) or moment.shape != (columns, columns):
        shapes = ", ".join(str(tuple(part.shape)) for part in (key, value, moment))
        raise ValueError(f"key, value, moment must fit a weight {tuple(weight.shape)}, got {shapes}")
    if not key.any():
        raise ValueError("key must not be zero, got a vector of zeros")
    factor, failed = torch.linalg.cholesky_ex(moment)
    if failed:
        raise ValueError("moment must be positive definite: add a small multiple of the identity")
    direction = torch.cholesky_solve(key[:, None], factor)[:, 0]
    return weight + torch.outer(value - weight @ key, direction) / (key @ direction)


def keys_at(model: FactModel, sentences: Sentences, layer: int, where: Tensor) -> Tensor:
    """The keys of a layer's MLP at the tokens `where (n, t)`, one after another: `(tokens, 4 d)`."""
    site = f"layers.{layer}.mlp.neurons"
    with torch.no_grad():
        return record(model, sentences.tokens, [site])[site][where]


def key_moment(model: FactModel, sentences: Sentences, layer: int, ridge: float = 1e-3) -> Tensor:
    """Second moment E[k k^T] of the keys at all tokens of the sentences, with `ridge` x its mean diagonal added."""
    real = torch.arange(sentences.tokens.shape[1]) <= sentences.last[:, None]
    keys = keys_at(model, sentences, layer, real).double()
    moment = keys.T @ keys / len(keys)
    return moment + ridge * moment.diagonal().mean() * torch.eye(len(moment), dtype=moment.dtype)


def wanted_values(
    model: FactModel, sentences: Sentences, answers: Tensor, layer: int, where: Tensor, *, steps: int = 30, rate: float = 0.3
) -> Tensor:
    """What an MLP would have to add at one token, the same in all wordings of a fact, for the model to say `answers`.

    `where (n, t)` marks one token per sentence; sentences of one fact share their change, and facts do not meet. From
    zero, `steps` of Adam on -log p(answer) + 0.05 |change|^2, summed over sentences. Returns the change for each
    sentence `(n, d)`.
    """
    site, group = f"layers.{layer}.from_mlp", sentences.facts.unique(return_inverse=True)[1]
    change = torch.zeros(int(group.max()) + 1, model.config["width"], dtype=model.tokens.weight.dtype, requires_grad=True)
    optimiser = torch.optim.Adam([change], lr=rate)
    rows = torch.arange(len(sentences))
    for _ in range(steps):
        with torch.enable_grad(), steered(model, site, where, change[group]):
            final = model(sentences.tokens)[rows, sentences.last]
            loss = torch.nn.functional.cross_entropy(final, answers, reduction="sum") + 0.05 * change.square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return change.detach()[group]


def steered(model: FactModel, site: str, where: Tensor, vector: Tensor) -> AbstractContextManager[None]:
    """Context in which `vector` `(d,)` or `(n, d)` is added to what a site returns at the tokens `where (n, t)`."""
    row = vector if vector.dim() == 1 else vector[:, None]
    return replaced(model, {site: lambda output: output + where[:, :, None] * row})


def edited(model: FactModel, layer: int, weight: Tensor) -> FactModel:
    """A copy of the model whose MLP at `layer` has the second matrix `weight (d, 4 d)`; the model itself is kept."""
    changed = copy.deepcopy(model)
    with torch.no_grad():
        changed.layers[layer].mlp.down.weight.copy_(weight)
    return changed


def edit_fact(
    model: FactModel,
    sentences: Sentences,
    answer: int,
    layer: int,
    where: Tensor,
    moment: Tensor,
    change: Tensor | None = None,
) -> FactModel:
    """A copy of the model that is asked to answer the wordings of one fact with `answer`, by one rank-one edit.

    The key is the mean over the wordings at the tokens `where`, the value what W makes of it plus `wanted_values`
    (computed unless `change (d,)` is given).
    """
    if change is None:
        change = wanted_values(model, sentences, torch.full_like(sentences.answers, answer), layer, where)[0]
    key = keys_at(model, sentences, layer, where).double().mean(0)
    weight = model.layers[layer].mlp.down.weight.detach().double()
    return edited(model, layer, rank_one_edit(weight, key, weight @ key + change.double(), moment))


OUTCOMES = ("asked wordings", "held-out wording", "other facts of it", "other capitals", "other facts elsewhere")


@dataclass(frozen=True)
class Unchanged:
    """What every edit of a model needs to know of it: what it `said (s,)` after each sentence, its `moments` by layer."""

    said: Tensor
    moments: tuple[Tensor, ...]


def unchanged(model: FactModel, world: Sentences) -> Unchanged:
    """`says` of all sentences, and `key_moment` of those of the training set for every layer."""
    train = world[split(world)[0]]
    return Unchanged(says(model, world), tuple(key_moment(model, train, layer) for layer in range(len(model.layers))))


def edit_outcomes(
    model: FactModel,
    world: Sentences,
    chosen: Tensor,
    answers: Tensor,
    layer: int,
    role: str,
    others: int = 40,
    usual: Unchanged | None = None,
) -> Tensor:
    """Edit each of the facts `chosen (f,)` to `answers (f,)` by itself at one site: its `outcomes`, `(f, 5)`.

    Each edit is made with the two wordings of the training set. `usual` is `unchanged(model, world)`: whoever edits at many
    places computes it once.
    """
    usual = usual or unchanged(model, world)
    train, _ = split(world)
    asked = trimmed(world[torch.cat([train[world.facts[train] == fact] for fact in chosen.tolist()])])
    where = roles(asked)[role]
    change = wanted_values(model, asked, answers.repeat_interleave(2), layer, where)
    found = []
    for k, (fact, answer) in enumerate(zip(chosen.tolist(), answers.tolist(), strict=True)):
        mine = asked[torch.tensor([2 * k, 2 * k + 1])]
        after = edit_fact(model, mine, answer, layer, where[2 * k : 2 * k + 2], usual.moments[layer], change[2 * k])
        found.append(outcomes(usual.said, partial(chances, after), world, fact, answer, others))
    return torch.stack(found)


def outcomes(said: Tensor, after: Chances, world: Sentences, fact: int, answer: int, others: int = 40) -> Tensor:
    """What came of a change that was to make `answer` the answer of `fact`, as `OUTCOMES` `(5,)`.

    `said (s,)`: what the model says after every sentence unchanged; `after`: sentences -> `chances`. First the probability
    of the new answer in the fact's two wordings of the training set and in the held-out one; then the shares of answers
    that changed: to the subject's other facts, and to `others` sentences each of the same relation and of other
    relations, both of other subjects (the same every time).
    """
    train, held = split(world)
    subjects, about = world.facts // len(TEMPLATES), relations(world)
    some = torch.randperm(len(world), generator=torch.Generator().manual_seed(0))
    foreign = some[subjects[some] != fact // len(TEMPLATES)]
    same = about[foreign] == about[world.facts == fact][0]
    own = ((subjects == fact // len(TEMPLATES)) & (world.facts != fact)).nonzero()[:, 0]
    wordings = (trimmed(world[rows[world.facts[rows] == fact]]) for rows in (train, held))
    rest = (own, foreign[same][:others], foreign[~same][:others])
    return torch.tensor([
        *(after(lines)[:, answer].mean() for lines in wordings),
        *((after(trimmed(world[rows])).argmax(1) != said[rows]).double().mean() for rows in rest),
    ])  # fmt: skip


def changed(before: FactModel, after: FactModel, sentences: Sentences) -> float:
    """Share of the sentences to which the two models give different answers."""
    return (says(before, sentences) != says(after, sentences)).double().mean().item()


def chances(model: FactModel, sentences: Sentences) -> Tensor:
    """Probabilities of the token after each sentence: `(n, vocabulary)`."""
    with torch.no_grad():
        return model(sentences.tokens)[torch.arange(len(sentences)), sentences.last].softmax(1)


def says(model: FactModel, sentences: Sentences) -> Tensor:
    """The token that the model finds most likely after each sentence: `(n,)`."""
    return chances(model, sentences).argmax(1)
