"""Where equivariance is kept and where it is lost: common layers, measured with one ruler.

Chapters: symmetries/invariance. Layers on images `(b, h, h)` are held against shifts of the grid (what leaves on one side
comes in on the other) and quarter turns; layers on vectors `(b, c, 3)` against rotations. Filters are the same after every
quarter turn, so that an error under a turn is the fault of the padding, the stride or the pooling, not of the filter.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.groups import (
    CyclicGroup,
    SpecialOrthogonalGroup,
    TranslationGroup,
    equivariance_error,
    image_action,
    matrix_action,
    translation_action,
)

Layer = Callable[[Tensor], Tensor]
COLUMNS = ("shift by 1", "shift by 2", "quarter turn")


def relative_gap(a: Tensor, b: Tensor) -> float:
    """The ruler for two tensors: ||a - b|| / sqrt((||a||^2 + ||b||^2) / 2), 0 where both vanish.

    >>> relative_gap(torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.0]))
    0.0
    """
    size = ((a.double().square().sum() + b.double().square().sum()) / 2).sqrt()
    return ((a.double() - b.double()).norm() / size).item() if size > 0 else 0.0


def turn_symmetric_filter(seed: int = 0, side: int = 3) -> Tensor:
    """A random filter that a quarter turn does not change, as a kernel `(1, 1, side, side)`."""
    w = torch.randn(side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return sum(torch.rot90(w, k) for k in range(4))[None, None] / 4


def convolution(x: Tensor, kernel: Tensor, padding: str = "circular", stride: int = 1) -> Tensor:
    """`(b, h, h)` -> `(b, h / stride, h / stride)`; the border is continued by "circular" copies or by "constant" zeros."""
    reach = kernel.shape[-1] // 2
    padded = F.pad(x[:, None], (reach,) * 4, mode=padding)
    return F.conv2d(padded, kernel.to(x.dtype), stride=stride)[:, 0]


def blur(x: Tensor) -> Tensor:
    """A 3 x 3 average with weights 1-2-1 across and down, circular: what Zhang (2019) does before dropping pixels."""
    weights = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64) / 4
    return convolution(x, (weights[:, None] * weights)[None, None])


def image_layers(seed: int = 0) -> dict[str, Layer]:
    """The layers of the table for images, name -> function of `(b, h, h)`."""
    kernel = turn_symmetric_filter(seed)
    lopsided = torch.randn(1, 1, 3, 3, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    return {
        "convolution": lambda x: convolution(x, kernel),
        "lopsided filter": lambda x: convolution(x, lopsided),
        "zero padding": lambda x: convolution(x, kernel, "constant"),
        "ReLU on pixels": lambda x: torch.relu(x - 0.5),
        "stride 2": lambda x: convolution(x, kernel, stride=2),
        "max pooling 2 x 2": lambda x: F.max_pool2d(x, 2),
        "pooling, stride 1": lambda x: F.max_pool2d(F.pad(x[:, None], (1,) * 4, mode="circular"), 3, stride=1)[:, 0],
        "every second pixel": lambda x: x[:, ::2, ::2],
        "blur, every second pixel": lambda x: blur(x)[:, ::2, ::2],
        "mean of all pixels": lambda x: x.mean((1, 2), keepdim=True),
        "layer norm": lambda x: F.layer_norm(x, x.shape[1:]),
        "norm per column": lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 0.1),
    }


def image_errors(layer: Layer, x: Tensor) -> dict[str, float]:
    """Errors of a layer on images `(b, h, h)`: column -> relative error.

    The output of a layer that drops pixels has a coarser grid. A shift is then compared with *every* shift of the output, and
    the best match counts: an error above 0 says that no shift of the output answers this shift of the input.
    """
    out = layer(x)
    turns = CyclicGroup(4)
    turn_in, turn_out = image_action(turns, x.shape[1:]), image_action(turns, out.shape[1:])
    quarter = equivariance_error(layer, turn_in, turn_out, x, torch.tensor([1])).item()
    return {f"shift by {s}": best_shift_error(layer, x, s) for s in (1, 2)} | {"quarter turn": quarter}


def best_shift_error(layer: Layer, x: Tensor, steps: int) -> float:
    """Smallest relative error of layer(shifted x) against any shift of layer(x) along the rows."""
    shift_in = translation_action(TranslationGroup(tuple(x.shape[1:])), x.shape[1:])
    out = layer(x)
    grid = TranslationGroup(tuple(out.shape[1:]))
    after = layer(shift_in.act(torch.tensor([[0, steps]]), x)[0])
    candidates = torch.tensor([[0, k] for k in range(out.shape[2])])
    return min(relative_gap(after, before) for before in translation_action(grid, out.shape[1:]).act(candidates, out))


def norm_gate(v: Tensor, sharpness: float = 4.0) -> Tensor:
    """An equivariant nonlinearity for vectors `(..., d)`: each is scaled by a function of its length, v sigmoid(s (|v| - 1)).

    >>> norm_gate(torch.zeros(1, 3)).tolist()
    [[0.0, 0.0, 0.0]]
    """
    return v * torch.sigmoid(sharpness * (v.norm(dim=-1, keepdim=True) - 1))


def vector_layers(channels: int = 5, seed: int = 0) -> dict[str, Layer]:
    """The layers of the table for vectors, name -> function of `(b, channels, 3)`."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(channels, channels, generator=generator, dtype=torch.float64) / channels**0.5
    bias = torch.randn(3, generator=generator, dtype=torch.float64)
    return {
        "mixing channels": lambda v: torch.einsum("cd,bdi->bci", mix.to(v.dtype), v),
        "adding a bias vector": lambda v: v + bias.to(v.dtype),
        "ReLU on components": torch.relu,
        "gate by length": norm_gate,
        "layer norm over x, y, z": lambda v: F.layer_norm(v, (3,)),
        "division by mean length": lambda v: v / v.norm(dim=-1, keepdim=True).mean(1, keepdim=True),
        "cross product of neighbours": lambda v: torch.linalg.cross(v, v.roll(1, 1)),
    }


def vector_errors(layer: Layer, v: Tensor, rotations: Tensor) -> Tensor:
    """Errors of a layer on vectors `(b, c, 3)` for each rotation, `(m,)`."""
    action = matrix_action(SpecialOrthogonalGroup(3), v.shape[1:])
    return equivariance_error(layer, action, action, v, rotations)
