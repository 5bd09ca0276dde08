"""A decoder-only transformer that is small enough to read, with a name for everything that flows through it.

Chapters: start/transformer, attribution/tracing, attribution_patching, probes.

Every layer *adds* to one stream of vectors per token: what an attention layer brings from earlier tokens, then what an
MLP makes of one token alone. Whatever may be looked at or replaced passes through a named site, a module that does
nothing (`Site`): `sites()` lists them. The *planted* variant closes some paths by its attention mask, so that the only way
from subject to answer is known in advance, and any method that claims to find the way can be tested on it.
"""

from importlib.resources import files

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.facts import vocabulary

PATHS = ("free", "planted")


class Site(nn.Identity):
    """A place that activations pass through unchanged, so that a hook can read or replace them there."""


class Attention(nn.Module):
    """Causal self-attention with `heads` heads: `(b, t, d)` and who may be read `(b, t, t)` -> `(b, t, d)`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)
        self.pattern, self.per_head = Site(), Site()  # (b, h, t, t): who reads whom; (b, t, h, d / h): what each head found

    def forward(self, x: Tensor, readable: Tensor) -> Tensor:
        b, t, _ = x.shape
        parts = (self.query, self.key, self.value)
        query, key, value = (part(x).reshape(b, t, self.heads, -1).transpose(1, 2) for part in parts)
        scores = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5
        pattern = self.pattern(scores.masked_fill(~readable[:, None], -torch.inf).softmax(3))
        found = self.per_head((pattern @ value).transpose(1, 2))
        return self.output(found.flatten(2))


class MLP(nn.Module):
    """One hidden layer, token by token: `(b, t, d) -> (b, t, d)`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.neurons = Site()  # (b, t, 4 d)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.neurons(nn.functional.gelu(self.up(x))))


class Layer(nn.Module):
    """Attention, then MLP, each added to the stream."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.mlp = Attention(width, heads), MLP(width)
        self.from_attention, self.from_mlp, self.stream = Site(), Site(), Site()

    def forward(self, x: Tensor, readable: Tensor) -> Tensor:
        x = x + self.from_attention(self.attention(self.before_attention(x), readable))
        x = x + self.from_mlp(self.mlp(self.before_mlp(x)))
        return self.stream(x)


class FactModel(nn.Module):
    """Reads sentences of `facts` and predicts the next token: tokens `(b, t)` -> logits `(b, t, vocabulary)`.

    `path="free"`: every token reads all earlier ones. `path="planted"`: in all layers but the last, no token outside the
    subject may read a piece of it; in the last layer they may read its last piece only. Whatever the model says about a
    subject has then passed through the stream at its last piece before the last layer.

    Raises ValueError for an unknown path, and for tokens of another shape or longer than 20.

    >>> FactModel()(torch.zeros(2, 5, dtype=torch.long)).shape == (2, 5, len(vocabulary()))
    True
    """

    def __init__(self, path: str = "free", layers: int = 3, width: int = 64, heads: int = 4, seed: int = 0) -> None:
        super().__init__()
        if path not in PATHS:
            raise ValueError(f"path must be one of {PATHS}, got {path!r}")
        self.config = {"path": path, "layers": layers, "width": width, "heads": heads, "seed": seed}
        words, self.length = vocabulary(), 20
        self.register_buffer("is_piece", words.is_piece, persistent=False)
        self.tokens, self.positions = nn.Embedding(len(words), width), nn.Embedding(self.length, width)
        self.embedded = Site()
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm, self.unembed = nn.LayerNorm(width), nn.Linear(width, len(words), bias=False)
        _draw(self, seed)

    def forward(self, tokens: Tensor) -> Tensor:
        if tokens.dim() != 2 or not 1 <= tokens.shape[1] <= self.length:
            raise ValueError(f"tokens must have shape (b, t) with 1 <= t <= {self.length}, got {tuple(tokens.shape)}")
        x = self.embedded(self.tokens(tokens) + self.positions.weight[: tokens.shape[1]])
        for number, layer in enumerate(self.layers):
            x = layer(x, self.readable(tokens, number))
        return self.read(x)

    def read(self, stream: Tensor) -> Tensor:
        """Logits of a stream: what the model would say if this were the end."""
        return self.unembed(self.norm(stream))

    def readable(self, tokens: Tensor, layer: int) -> Tensor:
        """Which earlier tokens (last axis) each token may read in a layer, `(b, t, t)`."""
        t = tokens.shape[1]
        causal = torch.ones(t, t, dtype=torch.bool, device=tokens.device).tril().expand(len(tokens), t, t)
        if self.config["path"] == "free":
            return causal
        piece = self.is_piece[tokens]
        open_piece = torch.zeros_like(piece)
        if layer == len(self.layers) - 1:
            open_piece[:, :-1] = piece[:, :-1] & ~piece[:, 1:]  # the last piece of the subject
        closed = ~piece[:, :, None] & (piece & ~open_piece)[:, None, :]
        return causal & ~closed

    def sites(self) -> dict[str, Site]:
        """Every named site in the order in which a run reaches it: "embedded", "layers.0.attention.pattern", ..."""
        found = {name: module for name, module in self.named_modules() if isinstance(module, Site)}
        inner = ("attention.pattern", "attention.per_head", "from_attention", "mlp.neurons", "from_mlp", "stream")
        return {"embedded": found["embedded"]} | {
            name: found[name] for i in range(len(self.layers)) for name in (f"layers.{i}.{site}" for site in inner)
        }


def fact_model(path: str = "free") -> FactModel:
    """The trained model; `python -m course_lib.data.make_fact_models` rebuilds the checkpoints in about a minute."""
    model = FactModel(path)  # an unknown path raises
    with np.load(str(files("course_lib.data") / f"fact_model_{path}.npz"), allow_pickle=False) as stored:
        model.load_state_dict({name: torch.from_numpy(stored[name]).float() for name in stored.files})
    return model.eval().requires_grad_(False)


def _draw(model: nn.Module, seed: int) -> None:
    """Embeddings from N(0, 1), matrices from N(0, 1 / (3 inputs)) (PyTorch's own spread), biases 0, by a seed, in place."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                scale = 1.0 if name in ("tokens.weight", "positions.weight") else (3 * parameter.shape[1]) ** -0.5
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
            elif name.endswith("bias"):
                parameter.zero_()
