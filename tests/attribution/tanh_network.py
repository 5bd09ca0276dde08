"""A small network, components of it and its run written out, for the tests of interventions and of their games."""

import torch
from torch import nn

from course_lib.attribution.interventions import Component
from course_lib.models import MLP
from tests.games.instances import generator

LAYERS = [Component("layers.1"), Component("layers.3")]
NEURONS = [Component("layers.1", (k,)) for k in range(5)] + [Component("layers.3", (k,)) for k in range(3)]


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64).to(dtype)


def network(dtype: torch.dtype = torch.float64, outputs: int = 2) -> MLP:
    """4 - 5 - 3 - outputs, tanh: sites layers.0 to layers.4; layers.1 and layers.3 are the activations."""
    return MLP([4, 5, 3, outputs], "tanh", seed=1).to(dtype).requires_grad_(False)


def by_hand(model: MLP, x: torch.Tensor, first=lambda h: h, second=lambda h: h) -> torch.Tensor:
    """The run of `network` with its two hidden layers changed, written out."""
    layer = model.layers
    return layer[4](second(torch.tanh(layer[2](first(torch.tanh(layer[0](x)))))))


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def with_entry(h: torch.Tensor, index, value) -> torch.Tensor:
    h = h.clone()
    h[:, index] = value[:, index]
    return h
