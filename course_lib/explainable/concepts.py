"""Concept bottlenecks: networks that must say named concepts before they may name a class.

Chapters: explainable/concepts, explainable/price. A bottleneck is a pair of networks: `encoder` maps an input to one
probability for each concept, `head` reads these probabilities and nothing else. The named concepts of the digits are
the seven segments of a pocket calculator's display: every digit has its own code, so a right code names the digit.

Koh, Nguyen, Tang, Mussmann, Pierson, Kim & Liang (2020) train the pair in three ways. Here they are one loss,
`L_y + weight * L_c`, and differ only in what the head reads while it learns: the true concepts (*independent*), the
predicted ones with the gradient stopped (*sequential*), or the predicted ones (*joint*). A *black box* is the joint
network with weight 0: the same layers, and nobody says what the units in the middle should mean.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from course_lib.models import MLP

SEGMENTS = ("top", "upper right", "lower right", "bottom", "lower left", "upper left", "middle")
KINDS = ("independent", "sequential", "joint", "black box")
_LIT = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")


def segment_codes(concepts: Sequence[int] = range(7), dtype: torch.dtype = torch.float32) -> Tensor:
    """Which segments of a display are lit for each digit: `(10, k)` zeros and ones, the segments in the order of `SEGMENTS`.

    `concepts` keeps some segments only. Raises ValueError for an empty choice, a repetition or a number outside 0..6.

    >>> segment_codes()[3].tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0]
    """
    kept = list(concepts)
    if not kept or len(set(kept)) < len(kept) or not set(kept) <= set(range(7)):
        raise ValueError(f"concepts must be different numbers from 0 to 6, got {kept}")
    lit = [[float(segment in digit) for segment in "abcdefg"] for digit in _LIT]
    return torch.tensor(lit, dtype=dtype)[:, kept]


class ConceptBottleneck(nn.Module):
    """Inputs `(b, ...)` -> `concepts` probabilities -> logits `(b, classes)`, with one hidden layer on each side.

    `forward(x) == head(concepts(x))`: whatever the network knows about x passes through these few numbers.

    >>> ConceptBottleneck(64, 7, 10)(torch.zeros(5, 8, 8)).shape
    torch.Size([5, 10])
    """

    def __init__(self, inputs: int, concepts: int, classes: int, hidden: tuple[int, int] = (48, 32), seed: int = 0) -> None:
        super().__init__()
        self.config = dict(inputs=inputs, concepts=concepts, classes=classes, hidden=tuple(hidden), seed=seed)
        self.encoder = MLP([inputs, hidden[0], concepts], seed=seed).layers
        self.head = MLP([concepts, hidden[1], classes], seed=seed + 1).layers

    def concept_logits(self, x: Tensor) -> Tensor:
        return self.encoder(x.flatten(1))

    def concepts(self, x: Tensor) -> Tensor:
        """Probability of each concept, `(b, k)`."""
        return self.concept_logits(x).sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.concepts(x))


def bottleneck_loss(logits: Tensor, y: Tensor, concept_logits: Tensor, concepts: Tensor, weight: float = 1.0) -> Tensor:
    """L_y + weight * sum over the concepts of L_c: log-loss and binary log-losses, means over rows (Koh et al., section 3).

    logits `(b, classes)`, y `(b,)`, concept_logits and true concepts in [0, 1] `(b, k)`.

    >>> loss = bottleneck_loss(torch.zeros(1, 10), torch.tensor([3]), torch.zeros(1, 7), torch.ones(1, 7))
    >>> bool((loss - torch.tensor(10.0).log() - 7 * torch.tensor(2.0).log()).abs() < 1e-5)
    True
    """
    of_concepts = nn.functional.binary_cross_entropy_with_logits(concept_logits, concepts, reduction="none").sum(1).mean()
    return nn.functional.cross_entropy(logits, y) + weight * of_concepts


def head_input(kind: str, predicted: Tensor, true: Tensor) -> Tensor:
    """What the head reads while it learns: the line in which the kinds of training differ. Both `(b, k)`."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    return {"independent": true, "sequential": predicted.detach()}.get(kind, predicted)


def train_bottlenecks(
    train_x: Tensor,
    train_y: Tensor,
    codes: Tensor,
    kind: str,
    seeds: Sequence[int] = (0,),
    *,
    weight: float = 1.0,
    epochs: int = 40,
    rate: float = 1e-2,
    batch: int = 128,
    hidden: tuple[int, int] = (48, 32),
) -> list[ConceptBottleneck]:
    """One bottleneck for each seed, all trained side by side by Adam; a seed sets the first weights and the order of the rows.

    train_x `(n, ...)` for all seeds or `(m, n, ...)` for each its own, told apart by train_y `(n,)` or `(m, n)`. `codes`
    `(classes, k)` holds the concepts of each class. Same seeds, same result. Raises ValueError for an unknown kind, a
    negative weight, labels outside the codes, or rows that do not match.

    >>> x, y = torch.tensor([[0.0], [1.0]]).repeat(20, 1), torch.tensor([0, 1]).repeat(20)
    >>> model, = train_bottlenecks(x, y, torch.tensor([[0.0], [1.0]]), "joint", rate=0.05)
    >>> model(x[:2]).argmax(1).tolist()
    [0, 1]
    """  # fmt: skip
    x, y = _for_each_seed(train_x, train_y, codes, kind, seeds, weight)
    models = [ConceptBottleneck(x[0, 0].numel(), codes.shape[1], len(codes), hidden, seed).to(x.dtype) for seed in seeds]
    weights = _descend(models, x, y, codes.to(x.dtype), kind, weight, seeds, epochs, rate, batch)
    for index, model in enumerate(models):
        model.load_state_dict({name: stacked[index].detach() for name, stacked in weights.items()})
        model.eval().requires_grad_(False)
    return models


def train_bottleneck(
    train_x: Tensor, train_y: Tensor, kind: str, seed: int = 0, concepts: Sequence[int] = range(7), **settings
) -> ConceptBottleneck:
    """One bottleneck for digits with these segments as concepts: a predictor `(b, ...) -> (b, 10)`; see `train_bottlenecks`."""
    return train_bottlenecks(train_x, train_y, segment_codes(concepts, train_x.dtype), kind, [seed], **settings)[0]


def _for_each_seed(x: Tensor, y: Tensor, codes: Tensor, kind: str, seeds: Sequence[int], weight: float):
    head_input(kind, codes, codes)  # an unknown kind raises before anything is trained
    if weight < 0:
        raise ValueError(f"weight must be at least 0, got {weight}")
    if y.dim() == 1:
        x, y = x.expand(len(seeds), *x.shape), y.expand(len(seeds), -1)
    if y.dim() != 2 or x.shape[:2] != y.shape or len(y) != len(seeds):
        raise ValueError(f"train_x and train_y must match for {len(seeds)} seeds, got {tuple(x.shape)} and {tuple(y.shape)}")
    if not 0 <= y.min() <= y.max() < len(codes):
        raise ValueError(f"train_y must hold classes 0 to {len(codes) - 1}, got {y.min()} to {y.max()}")
    return x.flatten(2), y


def _descend(models, x, y, codes, kind, weight, seeds, epochs, rate, batch) -> dict[str, Tensor]:
    """The stacked weights of all models after Adam on the sum of their losses: no model sees another."""
    weights = {name: value.detach().requires_grad_(True) for name, value in stack_module_state(models)[0].items()}
    optimiser = torch.optim.Adam(weights.values(), lr=rate, fused=True)

    def loss(weights_of_one, rows, labels):
        concept_logits = functional_call(models[0].encoder, _part(weights_of_one, "encoder."), (rows,))
        read = head_input(kind, concept_logits.sigmoid(), codes[labels])
        logits = functional_call(models[0].head, _part(weights_of_one, "head."), (read,))
        return bottleneck_loss(logits, labels, concept_logits, codes[labels], 0.0 if kind == "black box" else weight)

    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    place = torch.arange(len(models))[:, None]
    for _ in range(epochs):
        order = torch.stack([torch.randperm(x.shape[1], generator=generator) for generator in generators])
        for rows in order.split(batch, 1):
            optimiser.zero_grad()
            vmap(loss)(weights, x[place, rows], y[place, rows]).sum().backward()
            optimiser.step()
    return weights


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def intervene(predicted: Tensor, true: Tensor, chosen: Tensor) -> Tensor:
    """The concepts with the `chosen` ones set to the truth, all `(b, k)`, `chosen` boolean; the head then reads the result.

    >>> intervene(torch.tensor([[0.4, 0.9]]), torch.tensor([[1.0, 1.0]]), torch.tensor([[True, False]])).tolist()
    [[1.0, 0.8999999761581421]]
    """
    if chosen.dtype != torch.bool or not predicted.shape == true.shape == chosen.shape:
        shapes = tuple(predicted.shape), tuple(true.shape), tuple(chosen.shape)
        raise ValueError(f"predicted, true and boolean chosen must have one shape, got {shapes} and {chosen.dtype}")
    return torch.where(chosen, true.to(predicted.dtype), predicted)


def concept_ceiling(concepts: Tensor, labels: Tensor) -> float:
    """Best accuracy on these rows of any rule on the true concepts: the largest class of each code, summed, over n.

    concepts `(n, k)`, labels `(n,)`. The best rule answers each code by its most frequent class, so no rule does better,
    and a model that does better gets something about the class past the concepts. Raises ValueError for rows that do not match.

    >>> concept_ceiling(torch.tensor([[0], [0], [0], [1]]), torch.tensor([5, 5, 6, 6]))
    0.75
    """
    if concepts.dim() != 2 or labels.shape != concepts.shape[:1] or not len(labels):
        raise ValueError(f"concepts must be (n, k) and labels (n,), got {tuple(concepts.shape)} and {tuple(labels.shape)}")
    code = torch.unique(concepts, dim=0, return_inverse=True)[1]
    classes = torch.unique(labels, return_inverse=True)[1]
    table = torch.zeros(int(code.max()) + 1, int(classes.max()) + 1)
    table.index_put_((code, classes), torch.ones(len(labels)), accumulate=True)
    return table.amax(1).sum().item() / len(labels)


def ceilings(labels: Tensor, size: int) -> dict[tuple[int, ...], float]:
    """The ceiling of every choice of `size` segments for digits with these labels, lowest first."""
    found = {kept: concept_ceiling(segment_codes(kept)[labels], labels) for kept in itertools.combinations(range(7), size)}
    return dict(sorted(found.items(), key=lambda item: item[1]))
