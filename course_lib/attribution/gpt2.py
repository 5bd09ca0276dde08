"""GPT-2 in the course's own network, so that every function of the course reads it unchanged.

Chapters: attribution/tracing.

The blocks of the `transformers` package return tuples in some versions and tensors in others, and have no name for what
attention and MLP add. So the weights move: `GPT2` is made of the layers of `course_lib.transformer`, with the same named
sites, and holds the weights of a GPT-2 of any size. It gives the same logits. Two details differ from the small model of
facts: the MLP's gelu is the tanh approximation, and embedding and unembedding share one matrix.
"""

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib.facts import Sentences
from course_lib.transformer import MLP, Layer, Site

NAME = "openai-community/gpt2"


class TanhMLP(MLP):
    """The MLP with GPT-2's gelu, x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.neurons(nn.functional.gelu(self.up(x), approximate="tanh")))


class GPT2(nn.Module):
    """A GPT-2 that reads tokens `(b, t)` and returns logits `(b, t, vocabulary)`, with the sites of `FactModel`.

    `source`: a `GPT2LMHeadModel` of `transformers`; its weights are copied, without gradients. Any token may be a piece of
    a subject (`is_piece`). Raises ValueError for a model that is not laid out as GPT-2, or with another activation.
    """

    def __init__(self, source: nn.Module) -> None:
        super().__init__()
        config = getattr(source, "config", None)
        if getattr(config, "model_type", None) != "gpt2" or config.activation_function not in ("gelu_new", "gelu_pytorch_tanh"):
            raise ValueError(f"source must be a GPT-2 with its tanh gelu, got {type(source).__name__}")
        vocabulary, width, self.length = config.vocab_size, config.n_embd, config.n_positions
        self.config = {"width": width, "heads": config.n_head, "layers": config.n_layer}
        self.register_buffer("is_piece", torch.ones(vocabulary, dtype=torch.bool), persistent=False)
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(self.length, width)
        self.embedded = Site()
        self.layers = nn.ModuleList(Layer(width, config.n_head) for _ in range(config.n_layer))
        for layer in self.layers:
            layer.mlp = TanhMLP(width)
        self.norm, self.unembed = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = config.layer_norm_epsilon
        self.to(source.transformer.wte.weight.dtype)
        self.load_state_dict(weights(source.state_dict(), config.n_layer))
        self.eval().requires_grad_(False)

    def forward(self, tokens: Tensor) -> Tensor:
        if tokens.dim() != 2 or not 1 <= tokens.shape[1] <= self.length:
            raise ValueError(f"tokens must have shape (b, t) with 1 <= t <= {self.length}, got {tuple(tokens.shape)}")
        b, t = tokens.shape
        readable = torch.ones(t, t, dtype=torch.bool, device=tokens.device).tril().expand(b, t, t)
        x = self.embedded(self.tokens(tokens) + self.positions.weight[:t])
        for layer in self.layers:
            x = layer(x, readable)
        return self.read(x)

    def read(self, stream: Tensor) -> Tensor:
        """Logits of a stream: what the model would say if this were the end."""
        return self.unembed(self.norm(stream))


def weights(theirs: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The parameters of a `GPT2LMHeadModel` under the names of `GPT2`.

    Their linear maps are stored inputs x outputs, ours outputs x inputs; query, key and value are one matrix there.
    """
    ours = {"tokens.weight": theirs["transformer.wte.weight"], "positions.weight": theirs["transformer.wpe.weight"]}
    ours |= {f"norm.{part}": theirs[f"transformer.ln_f.{part}"] for part in ("weight", "bias")}
    ours["unembed.weight"] = theirs["lm_head.weight"]
    maps = {"attention.output": "attn.c_proj", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj"}
    norms = {"before_attention": "ln_1", "before_mlp": "ln_2"}
    for i in range(layers):
        block = f"transformer.h.{i}."
        for part in ("weight", "bias"):
            joint = theirs[f"{block}attn.c_attn.{part}"].t().chunk(3)
            ours |= {f"layers.{i}.attention.{n}.{part}": w for n, w in zip(("query", "key", "value"), joint, strict=True)}
            ours |= {f"layers.{i}.{a}.{part}": theirs[f"{block}{b}.{part}"].t() for a, b in maps.items()}
            ours |= {f"layers.{i}.{a}.{part}": theirs[f"{block}{b}.{part}"] for a, b in norms.items()}
    return ours


def load(name: str = NAME) -> tuple[GPT2, Callable[[str], list[int]]] | None:
    """GPT-2 and its tokenizer (text -> token numbers), or None with one printed sentence that says why not.

    None while the book is built (`COURSE_STATIC`), without the package `transformers`, and without a network.
    """
    why = "the book is being built"
    if not os.environ.get("COURSE_STATIC"):
        try:
            from transformers import GPT2LMHeadModel, GPT2Tokenizer

            source, tokenizer = GPT2LMHeadModel.from_pretrained(name), GPT2Tokenizer.from_pretrained(name)
            return GPT2(source), tokenizer.encode
        except ImportError:
            why = "the package transformers is missing"
        except OSError:
            why = "its weights could not be fetched"
    print(f"GPT-2 runs where transformers and a network are, as in Colab.\nNot here: {why}.")
    return None


def sentence(encode: Callable[[str], list[int]], before: str, subject: str, after: str, answer: str) -> Sentences:
    """One sentence `before + subject + after` as `Sentences`, to be traced; `answer` counts by its first token.

    GPT-2's tokens carry the space before a word: begin `subject`, `after` and `answer` with it. Raises ValueError for a
    subject or an answer without tokens.

    >>> line = sentence(lambda text: [ord(sign) for sign in text], "the ", "cat", " sat", "!")
    >>> line.tokens.shape, line.subject.int().tolist()[0], line.answers.item() == ord("!")
    (torch.Size([1, 11]), [0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0], True)
    """
    parts = [encode(part) if part else [] for part in (before, subject, after, answer)]
    if not parts[1] or not parts[3]:
        raise ValueError(f"subject and answer must have at least one token, got {subject!r} and {answer!r}")
    tokens = torch.tensor([*parts[0], *parts[1], *parts[2]])[None]
    piece = torch.zeros_like(tokens, dtype=torch.bool)
    piece[:, len(parts[0]) : len(parts[0]) + len(parts[1])] = True
    one = torch.zeros(1, dtype=torch.long)
    return Sentences(tokens, one + parts[3][0], one + tokens.shape[1] - 1, piece, one, one)
