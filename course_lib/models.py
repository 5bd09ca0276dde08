"""Small networks that the chapters explain.

Chapters: start/warmup and all of attribution.

Each class keeps its constructor's arguments in `config`, so that a network is fully described by plain data (its
configuration and its `state_dict`). Weights are drawn from a seed, never from the global random state.
"""

from importlib.resources import files

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.datasets import breast_cancer
from course_lib.training import train_classifier

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "softplus": nn.Softplus}


def initialise(module: nn.Module, seed: int) -> None:
    """Draw every weight matrix or kernel from N(0, 2 / fan_in) (He et al., 2015) and set every bias to zero, in place."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 1:
                parameter.zero_()
            else:
                scale = (2.0 / parameter[0].numel()) ** 0.5
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))


class MLP(nn.Module):
    """Fully connected network: `widths` from input to output, the activation between layers, none after the last.

    Maps `(b, widths[0]) -> (b, widths[-1])`, or `(b,)` when the last width is 1.

    >>> MLP([3, 8, 1], "tanh", seed=0)(torch.zeros(5, 3)).shape
    torch.Size([5])
    """

    def __init__(self, widths: list[int], activation: str = "relu", seed: int = 0) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {activation!r}")
        self.config = {"widths": list(widths), "activation": activation, "seed": seed}
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
        self.layers = nn.Sequential(*layers[:-1])
        initialise(self, seed)

    def forward(self, x: Tensor) -> Tensor:
        output = self.layers(x)
        return output[:, 0] if output.shape[1] == 1 else output


class DigitNet(nn.Module):
    """The network that reads the 8 x 8 digits: two 3 x 3 convolutions (8 and 16 filters), max-pooling, two linear layers.

    Maps images `(b, 8, 8)` with values in [0, 1] to logits `(b, 10)`. `filters` gives the 16 feature maps `(b, 16, 8, 8)`
    after the second ReLU and `read` finishes the computation from them, so `forward(x) == read(filters(x))`.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.config = {"seed": seed}
        self.first, self.second = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.hidden, self.logits = nn.Linear(16 * 4 * 4, 32), nn.Linear(32, 10)
        initialise(self, seed)

    def filters(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x.unsqueeze(1)))))

    def embed(self, maps: Tensor) -> Tensor:
        """The 32 hidden features `(b, 32)` that the last, linear layer reads."""
        return torch.relu(self.hidden(torch.max_pool2d(maps, 2).flatten(1)))

    def read(self, maps: Tensor) -> Tensor:
        return self.logits(self.embed(maps))

    def forward(self, x: Tensor) -> Tensor:
        return self.read(self.filters(x))


def digit_net() -> DigitNet:
    """The trained digit reader of the case file; `python -m course_lib.data.make_digit_net` rebuilds its checkpoint."""
    with np.load(str(files("course_lib.data") / "digit_net.npz"), allow_pickle=False) as stored:
        state = {name: torch.from_numpy(stored[name]) for name in stored.files}
    model = DigitNet()
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def tumour_net(seed: int = 0) -> MLP:
    """A network from 30 tumour measurements to the log-odds of malignant, trained on the spot in half a second."""
    split = breast_cancer()
    model = MLP([30, 16, 1], "tanh", seed)
    return train_classifier(model, split.train_x.float(), split.train_y, epochs=30, rate=3e-3, seed=seed)
