"""Lenses: what the model would say if its stream ended here.

Chapters: attribution/probes. A lens looks, it changes nothing: it stands outside the map of players and games. The logit lens
(nostalgebraist, 2020) hands the stream in the middle of a model to the model's own last step, the norm and the
unembedding. It presumes that the middle writes in the language of the end. A fitted lens drops this: an affine map, learnt
from other sentences, first translates the stream (Belrose et al., 2023, train theirs on a divergence from the model's
last words; here it is a least-squares fit, which has a closed form).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from course_lib.attribution.interventions import record
from course_lib.facts import Sentences
from course_lib.transformer import FactModel

PLACES = ("final token", "last piece")


def places(world: Sentences, place: str) -> Tensor:
    """Position `(s,)` of each sentence's final token, or of the last piece of its subject.

    >>> from course_lib.facts import sentences
    >>> [places(sentences()[0], place).item() for place in PLACES]
    [8, 7]
    """
    if place == "final token":
        return world.last
    if place == "last piece":
        return (world.subject * torch.arange(world.tokens.shape[1])).argmax(1)
    raise ValueError(f"place must be one of {PLACES}, got {place!r}")


def streams(model: FactModel, world: Sentences, place: str) -> dict[str, Tensor]:
    """The stream at one place of every sentence: "embedded", "layers.0.stream", ... -> `(s, d)`, without a graph."""
    at, rows = places(world, place), torch.arange(len(world))
    names = ["embedded", *(f"layers.{i}.stream" for i in range(len(model.layers)))]
    with torch.no_grad():
        return {name: stream[rows, at] for name, stream in record(model, world.tokens, names).items()}


def logit_lens(model: FactModel, stream: Tensor) -> Tensor:
    """softmax(unembed(norm(stream))): `(..., d)` -> probabilities `(..., vocabulary)`; after the last layer, the model's own.

    Raises ValueError for a stream of another width. Source: nostalgebraist, "interpreting GPT: the logit lens" (2020).

    >>> from course_lib.transformer import FactModel
    >>> bool(torch.isclose(logit_lens(FactModel(), torch.ones(64)).sum(), torch.tensor(1.0)))
    True
    """
    width = model.unembed.in_features
    if stream.dim() == 0 or stream.shape[-1] != width or not stream.is_floating_point():
        raise ValueError(f"stream must be floating-point with a last axis of {width}, got {stream.dtype} {tuple(stream.shape)}")
    return model.read(stream).softmax(-1)


@dataclass(frozen=True)
class FittedLens:
    """Translates a stream before it is read: h -> h + h A + b; `change` A `(d, d)`, `offset` b `(d,)`."""

    change: Tensor
    offset: Tensor

    def __call__(self, stream: Tensor) -> Tensor:
        """`(..., d)` -> `(..., d)`."""
        return stream + stream @ self.change.to(stream) + self.offset.to(stream)


def fit_lens(stream: Tensor, goal: Tensor, ridge: float = 1.0) -> FittedLens:
    """The affine map from `stream (s, d)` to `goal (s, d)`, shrunk towards doing nothing.

    Minimises sum_i |h_i + h_i A + b - goal_i|^2 + ridge |A|^2, in float64: A = (X'X + ridge I)^-1 X'(G - H), with X the
    centred streams. Where stream and goal are the same it is the identity, as a lens after the last layer should be.
    Raises ValueError for shapes that do not fit, values that are not finite, or a ridge that is not positive.

    >>> h = torch.eye(2)
    >>> fit_lens(h, h).change.abs().max().item()
    0.0
    """
    if stream.dim() != 2 or stream.shape != goal.shape or len(stream) == 0:
        raise ValueError(f"stream and goal must both be (s, d), got {tuple(stream.shape)} and {tuple(goal.shape)}")
    if not (torch.isfinite(stream).all() and torch.isfinite(goal).all()):
        raise ValueError("stream and goal must be finite, got nan or infinity")
    if not ridge > 0:
        raise ValueError(f"ridge must be positive, so that the map is unique, got {ridge}")
    h, missing = stream.double(), goal.double() - stream.double()
    centre, mean = h.mean(0), missing.mean(0)
    x = h - centre
    left = x.T @ x + ridge * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    change = torch.linalg.solve(left, x.T @ (missing - mean))
    return FittedLens(change.to(stream), (mean - centre @ change).to(stream))


def ranks(probabilities: Tensor, answers: Tensor) -> Tensor:
    """How many tokens are more probable than the answer: `(s, vocabulary)`, `(s,)` -> `(s,)`; 0 is the first place.

    >>> ranks(torch.tensor([[0.5, 0.2, 0.3]]), torch.tensor([2])).tolist()
    [1]
    """
    if probabilities.dim() != 2 or answers.shape != probabilities.shape[:1]:
        shapes = f"{tuple(probabilities.shape)} and {tuple(answers.shape)}"
        raise ValueError(f"probabilities must be (s, vocabulary) and answers (s,), got {shapes}")
    return (probabilities > probabilities.gather(1, answers[:, None])).sum(1)
