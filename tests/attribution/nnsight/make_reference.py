"""Effects of causal tracing by nnsight, for `tests/attribution/test_tracing.py`: `python make_reference.py`.

Needs `pip install nnsight` beside the course's own requirements; the versions are written into the file. The noise is
drawn here once more from its seed, every patch is nnsight's own, and nothing of `course_lib.attribution` is used.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from nnsight import NNsight

from course_lib.facts import Fact, sentence, vocabulary
from course_lib.transformer import fact_model

KINDS = {"stream": "stream", "attention": "from_attention", "MLP": "from_mlp"}
DRAWS, MULTIPLE, SEED = 4, 3.0, 7


def spoilt(model: NNsight, noise: torch.Tensor) -> None:
    model.tokens.output[:] = model.tokens.output + noise


def effects(path: str) -> dict:
    torch_model, words = fact_model(path).double(), vocabulary()
    model = NNsight(torch_model)
    line = sentence(Fact("France", "capital", "Paris"), 0)
    tokens, answer = words.numbers(line).repeat(DRAWS, 1), words.index["Paris"]
    weight = torch_model.tokens.weight
    scale = MULTIPLE * weight[words.is_piece].std().item()
    noise = torch.randn((DRAWS, 1, len(line), weight.shape[1]), generator=torch.Generator().manual_seed(SEED))
    noise = scale * noise[:, 0].double() * words.is_piece[tokens][..., None]
    found = {}
    with torch.no_grad():
        with model.trace(tokens):
            spoilt(model, noise)
            corrupted = model.output.save()
        p0 = corrupted[:, -1].softmax(1)[:, answer].mean()
        for kind, name in KINDS.items():
            rows = []
            for layer in range(3):
                with model.trace(tokens):
                    clean = getattr(model.layers[layer], name).output.save()
                row = []
                for token in range(len(line)):
                    with model.trace(tokens):
                        spoilt(model, noise)
                        getattr(model.layers[layer], name).output[:, token] = clean[:, token]
                        logits = model.output.save()
                    row.append((logits[:, -1].softmax(1)[:, answer].mean() - p0).item())
                rows.append(row)
            found[kind] = rows
    return found


if __name__ == "__main__":
    record = {
        "versions": {name: version(name) for name in ("nnsight", "torch")} | {"python": sys.version.split()[0]},
        "draws": DRAWS,
        "multiple": MULTIPLE,
        "seed": SEED,
        "effects": {path: effects(path) for path in ("free", "planted")},
    }
    Path(__file__).with_name("reference.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf8")
