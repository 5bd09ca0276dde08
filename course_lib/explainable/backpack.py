"""Backpack language models: logits that are a sum over words and senses (Hewitt, Thickstun, Manning, Liang, 2023).

Chapters: explainable/backpack, price.

Each word x owns k *sense vectors* C(x)_1, ..., C(x)_k, which do not depend on the context. A transformer reads the whole
sentence, but only to choose weights alpha >= 0:

    o_i = sum_{j <= i} sum_l alpha_{l,ij} C(x_j)_l        logits_i = E o_i

So each logit is a sum of contributions alpha_{l,ij} E C(x_j)_l, one for each earlier word and sense. In the paper's form
each sense has its own softmax over the words. In the *joint* form, which is ours and not the paper's, one softmax runs over
all pairs of a word and a sense, so that senses compete. `PlainTransformer` is the same trunk that answers by itself.
"""

import torch
from torch import Tensor, nn

from course_lib.explainable import country_facts
from course_lib.facts import Sentences
from course_lib.transformer import Layer

FORMS = ("paper", "joint")


class Trunk(nn.Module):
    """The layers of `course_lib.transformer` on a vocabulary of any size: tokens `(b, t)` -> normalised stream `(b, t, d)`."""

    def __init__(self, tokens: int, layers: int, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.tokens, self.positions = nn.Embedding(tokens, width), nn.Embedding(length, width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        if tokens.dim() != 2 or not 1 <= tokens.shape[1] <= self.length:
            raise ValueError(f"tokens must have shape (b, t) with 1 <= t <= {self.length}, got {tuple(tokens.shape)}")
        stream, readable = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]], causal(tokens.shape[1])
        for layer in self.layers:
            stream = layer(stream, readable.to(tokens.device).expand(len(tokens), -1, -1))
        return self.norm(stream)


class PlainTransformer(nn.Module):
    """The trunk and an unembedding: tokens `(b, t)` -> logits `(b, t, vocabulary)`. What a Backpack is compared with.

    `tokens`: size of the vocabulary, by default that of `country_facts`.

    >>> PlainTransformer(tokens=7)(torch.zeros(2, 5, dtype=torch.long)).shape
    torch.Size([2, 5, 7])
    """

    def __init__(
        self, tokens: int | None = None, layers: int = 2, width: int = 64, heads: int = 4, length: int = 16, seed: int = 0
    ) -> None:
        super().__init__()
        tokens = len(country_facts.vocabulary()) if tokens is None else tokens
        self.config = dict(tokens=tokens, layers=layers, width=width, heads=heads, length=length, seed=seed)
        self.trunk = Trunk(tokens, layers, width, heads, length)
        self.unembed = nn.Linear(width, tokens, bias=False)
        draw(self, seed)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.unembed(self.trunk(tokens))


class Backpack(nn.Module):
    """A Backpack with `senses` vectors for each word: tokens `(b, t)` -> logits `(b, t, vocabulary)`.

    `form`: "paper" (a softmax over words for each sense) or "joint" (one softmax over words and senses). The senses are an
    MLP of the word's own embedding, so that a table of them is all there is (`sense_table`); a changed table goes into
    `forward(tokens, table)`, and the module stays as it is. Raises ValueError for an unknown form or no sense.

    >>> Backpack("joint", tokens=7, senses=2).weights(torch.zeros(1, 2, dtype=torch.long)).sum((1, 3)).round().tolist()
    [[2.0, 2.0]]
    """

    def __init__(
        self,
        form: str = "paper",
        senses: int = 4,
        tokens: int | None = None,
        layers: int = 2,
        width: int = 64,
        heads: int = 4,
        length: int = 16,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"form must be one of {FORMS}, got {form!r}")
        if senses < 1 or width % senses:
            raise ValueError(f"senses must be at least 1 and divide the width {width}, got {senses}")
        tokens = len(country_facts.vocabulary()) if tokens is None else tokens
        self.config = dict(
            form=form, senses=senses, tokens=tokens, layers=layers, width=width, heads=heads, length=length, seed=seed
        )
        self.trunk = Trunk(tokens, layers, width, heads, length)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, senses * width)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.unembed = nn.Linear(width, tokens, bias=False)
        draw(self, seed)

    def forward(self, tokens: Tensor, table: Tensor | None = None, gain: Tensor | None = None) -> Tensor:
        """Logits `(b, t, v)`; `table` `(v, k, d)` replaces the words' senses, `gain` `(k,)` multiplies each sense's weights."""
        senses = self.senses(self.trunk.tokens(tokens)) if table is None else table[tokens]
        weights = self.weights(tokens)
        if gain is not None:
            weights = weights * gain[:, None, None]
        return self.unembed(combine(weights, senses))

    def senses(self, embedding: Tensor) -> Tensor:
        """Sense vectors of embedded words, each by itself: `(..., d) -> (..., k, d)`."""
        return self.down(nn.functional.gelu(self.up(embedding))).unflatten(-1, (self.config["senses"], -1))

    def sense_table(self) -> Tensor:
        """The senses of the whole vocabulary, `(v, k, d)`."""
        return self.senses(self.trunk.tokens.weight)

    def weights(self, tokens: Tensor) -> Tensor:
        """The weights alpha of a sentence `(b, k, i, j)`: how much word i takes of sense k of word j; 0 where j > i."""
        stream, k = self.trunk(tokens), self.config["senses"]
        query, key = (part(stream).unflatten(2, (k, -1)).transpose(1, 2) for part in (self.query, self.key))
        return sense_weights(query @ key.transpose(2, 3) / query.shape[-1] ** 0.5, self.config["form"])


def causal(length: int) -> Tensor:
    """Who may read whom: True at (i, j) for j <= i."""
    return torch.ones(length, length, dtype=torch.bool).tril()


def sense_weights(scores: Tensor, form: str) -> Tensor:
    """Weights of scores `(b, k, t, t)` under the causal mask: over words for each sense ("paper"), or over both ("joint").

    "paper": alpha_{l,ij} = exp(s_{l,ij}) / sum_{j' <= i} exp(s_{l,ij'}): each sense brings weight 1 to word i.
    "joint": alpha_{l,ij} = k exp(s_{l,ij}) / sum_{l'} sum_{j' <= i} exp(s_{l',ij'}): all senses together bring weight k.

    >>> scores = torch.tensor([0.0, 2.0]).double().reshape(1, 2, 1, 1)  # two senses of one word
    >>> [sense_weights(scores, form).flatten().round(decimals=2).tolist() for form in ("paper", "joint")]
    [[1.0, 1.0], [0.24, 1.76]]
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {FORMS}, got {form!r}")
    if scores.dim() != 4 or scores.shape[2] != scores.shape[3]:
        raise ValueError(f"scores must have shape (b, k, t, t), got {tuple(scores.shape)}")
    scores = scores.masked_fill(~causal(scores.shape[2]).to(scores.device), -torch.inf)
    if form == "paper":
        return scores.softmax(3)
    b, k, t, _ = scores.shape
    return k * scores.transpose(1, 2).reshape(b, t, k * t).softmax(2).reshape(b, t, k, t).transpose(1, 2)


def combine(weights: Tensor, senses: Tensor) -> Tensor:
    """o_i = sum_j sum_l alpha_{l,ij} C(x_j)_l: weights `(b, k, i, j)` and senses `(b, j, k, d)` -> `(b, i, d)`."""
    return torch.einsum("bkij,bjkd->bid", weights, senses)


def contributions(weights: Tensor, senses: Tensor, unembedding: Tensor) -> Tensor:
    """What each word and sense brings to each logit, alpha_{l,ij} E C(x_j)_l: `(b, i, j, k, v)`; sums over j, k to the logits.

    weights `(b, k, i, j)`, senses `(b, j, k, d)`, unembedding E `(v, d)`. Shapley values of the game that keeps some of
    the contributions at fixed weights: an additive game gives each player its own term.

    >>> parts = contributions(torch.ones(1, 2, 1, 1), torch.ones(1, 1, 2, 3), torch.eye(3))
    >>> parts.shape, parts.sum((2, 3)).tolist()
    (torch.Size([1, 1, 1, 2, 3]), [[[2.0, 2.0, 2.0]]])
    """
    return torch.einsum("bkij,bjkv->bijkv", weights, senses @ unembedding.T)


def parameters(model: nn.Module) -> int:
    """How many numbers a model has learnt."""
    return sum(parameter.numel() for parameter in model.parameters())


def answer_logits(model: nn.Module, some: Sentences, **changes) -> Tensor:
    """Logits after the last token of each sentence, `(s, v)`; `changes` go to the model (`table`, `gain`)."""
    return model(some.tokens, **changes)[torch.arange(len(some)), some.last]


def accuracy(model: nn.Module, some: Sentences, **changes) -> float:
    """Share of sentences whose likeliest answer is right."""
    with torch.no_grad():
        return (answer_logits(model, some, **changes).argmax(1) == some.answers).double().mean().item()


def train(
    model: nn.Module,
    world: Sentences,
    rows: Tensor,
    *,
    steps: int = 250,
    seed: int = 0,
    rate: float = 3e-3,
    batch: int = 128,
    decay: float = 1.0,
) -> nn.Module:
    """Fit the answers of the sentences `rows` in place by AdamW; the rate rises for 20 steps, then falls to 0.

    A Backpack and its transformer are trained alike. The order of the sentences comes from `seed` alone.
    """
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1, step / 20) * (1 - step / steps))
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        some = world[rows[torch.randint(0, len(rows), (batch,), generator=generator)]]
        optimiser.zero_grad()
        nn.functional.cross_entropy(answer_logits(model, some), some.answers).backward()
        optimiser.step()
        schedule.step()
    return model.eval().requires_grad_(False)


def draw(model: nn.Module, seed: int) -> None:
    """Embeddings from N(0, 1), matrices from N(0, 1 / (3 inputs)) (PyTorch's own spread), biases 0, by a seed, in place."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                scale = 1.0 if name in ("trunk.tokens.weight", "trunk.positions.weight") else (3 * parameter.shape[1]) ** -0.5
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
            elif name.endswith("bias"):
                parameter.zero_()
