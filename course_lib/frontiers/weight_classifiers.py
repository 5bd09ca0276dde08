"""Classifiers that read the weights of sine networks, by how much symmetry they know.

Chapters: frontiers/weight_space. All take tokens `(b, h, 4)` and return logits `(b, 10)`. `FlatReader` reads the weights as one
vector. `SetReader` adds up one network phi over the neurons, so their order is lost (DeepSets, Zaheer et al., 2017); with signs
it adds phi of the flipped neuron; with half turns it reads waves in place of phases. `PictureReader` looks at what is drawn.
Navon et al. (ICML 2023) and Zhou et al. (NeurIPS 2023) build readers of deep networks, from equivariant layers.
"""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from course_lib.equivariance.deep_sets import DeepSets, pooled
from course_lib.frontiers import sine_networks
from course_lib.models import MLP
from course_lib.training import accuracy, train_classifier

WIDTH, CLASSES, EPOCHS, RATE, TEST = 64, 10, 60, 3e-3, 500
LEAK = 0.1
STORED_SEED = 1  # the seed of the stored networks, and of the split and the readers that go with them
FLIPPED = {"phases": (-1.0, -1.0, -1.0, -1.0), "waves": (-1.0, -1.0, -1.0, 1.0)}


class FlatReader(nn.Module):
    """All weights as one vector, through two hidden layers. `shuffled`: in training every batch is moved at random first.

    The random move changes the order and the signs, and half turns; one network in a batch is moved independently of others.
    """

    def __init__(self, scale: Tensor, hidden: int = 16, shuffled: bool = False, seed: int = 0) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.shuffled, self.generator = shuffled, torch.Generator().manual_seed(seed + 1)
        self.net = MLP([4 * hidden, WIDTH, WIDTH, CLASSES], seed=seed)

    def forward(self, tokens: Tensor) -> Tensor:
        if self.shuffled and self.training:
            tokens = sine_networks.random_move(tokens, self.generator)
        return self.net(sine_networks.flat_weights(tokens / self.scale))


class SetReader(nn.Module):
    """rho(mean_k phi(t_k)), or with `signs` rho(mean_k phi(t_k) + phi(flipped t_k)); with `half_turns` t_k are waves.

    `scale` divides the numbers of a neuron. Nothing is subtracted: a flip must stay a flip. `leak` is the slope of the hidden
    units where they are not active: with 0 they can die in training.

    >>> net = SetReader(torch.ones(4), signs=True)
    >>> tokens = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    >>> torch.allclose(net(tokens), net(-tokens.flip(1)), atol=1e-5)
    True
    """

    def __init__(
        self, scale: Tensor, signs: bool = False, half_turns: bool = False, seed: int = 0, leak: float = 0.0
    ) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.signs, self.half_turns = signs, half_turns
        self.net = DeepSets(4, "mean", WIDTH, WIDTH, CLASSES, seed=seed)
        if leak:
            self.net.phi[1], self.net.rho.layers[1] = nn.LeakyReLU(leak), nn.LeakyReLU(leak)

    def forward(self, tokens: Tensor) -> Tensor:
        t = (sine_networks.waves(tokens) if self.half_turns else tokens) / self.scale
        features = self.net.phi(t)
        if self.signs:
            features = features + self.net.phi(t * t.new_tensor(FLIPPED["waves" if self.half_turns else "phases"]))
        return self.net.rho(pooled(features, "mean"))


class TurnReader(SetReader):
    """rho(mean_k phi(t_k) + phi(half-turned t_k)): half turns are averaged over, in the phases, and no waves are used.

    Phases are wrapped to [-pi, pi) first, so whole turns change nothing either. Signs are seen.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        turned = tokens * tokens.new_tensor([1, 1, 1, -1]) + tokens.new_tensor([0, 0, math.pi, 0])
        features = self.net.phi(wrapped(tokens) / self.scale) + self.net.phi(wrapped(turned) / self.scale)
        return self.net.rho(pooled(features, "mean"))


def wrapped(tokens: Tensor) -> Tensor:
    """The same networks with phases in [-pi, pi): `(b, h, 4)` twice.

    >>> round(wrapped(torch.tensor([[[1.0, 2.0, 5 * math.pi / 2, 3.0]]]))[0, 0, 2].item() / math.pi, 3)
    0.5
    """
    phase = torch.remainder(tokens[..., 2:3] + math.pi, 2 * math.pi) - math.pi
    return torch.cat([tokens[..., :2], phase, tokens[..., 3:]], 2)


class PictureReader(nn.Module):
    """Draws the picture and reads its pixels, through two hidden layers: the control."""

    def __init__(self, side: int = 8, seed: int = 0) -> None:
        super().__init__()
        self.register_buffer("at", sine_networks.places(side))
        self.net = MLP([side**2, WIDTH, WIDTH, CLASSES], seed=seed)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.net(sine_networks.drawn(tokens, self.at))


def spread(tokens: Tensor) -> Tensor:
    """Standard deviation of each of the four numbers of a neuron, over all neurons of all networks: `(b, h, 4)` -> `(4,)`."""
    return sine_networks.checked(tokens).flatten(0, 1).std(0)


READERS: dict[str, Callable[[Tensor, int], nn.Module]] = {  # name -> reader for these training tokens and this seed
    "flat": lambda t, seed: FlatReader(spread(t), t.shape[1], seed=seed),
    "flat, moved at random": lambda t, seed: FlatReader(spread(t), t.shape[1], shuffled=True, seed=seed),
    "set": lambda t, seed: SetReader(spread(t), seed=seed),
    "set, signs": lambda t, seed: SetReader(spread(t), signs=True, seed=seed),
    "set, half turns": lambda t, seed: SetReader(spread(sine_networks.waves(t)), False, True, seed),
    "set, signs, half turns": lambda t, seed: SetReader(spread(sine_networks.waves(t)), True, True, seed),
    "picture": lambda t, seed: PictureReader(seed=seed),
}
LEAKY: dict[str, Callable[[Tensor, int], nn.Module]] = {  # the set readers with hidden units that cannot die, and a control
    "set": lambda t, seed: SetReader(spread(t), seed=seed, leak=LEAK),
    "set, signs": lambda t, seed: SetReader(spread(t), True, seed=seed, leak=LEAK),
    "set, half turns": lambda t, seed: SetReader(spread(sine_networks.waves(t)), False, True, seed, LEAK),
    "set, signs, half turns": lambda t, seed: SetReader(spread(sine_networks.waves(t)), True, True, seed, LEAK),
    "set, half turns averaged": lambda t, seed: TurnReader(spread(wrapped(t)), seed=seed, leak=LEAK),
}


def split_rows(count: int, seed: int, test: int = TEST) -> tuple[Tensor, Tensor]:
    """Rows for training and for testing, all different: one network a picture, so no picture is on both sides."""
    if not 0 < test < count:
        raise ValueError(f"test must lie between 0 and count = {count}, got {test}")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[test:], order[:test]


def trained(
    name: str, tokens: Tensor, labels: Tensor, seed: int, epochs: int = EPOCHS, leaky: bool = False
) -> nn.Module:
    """The reader of that name, fitted to networks `(b, h, 4)` and the digits that they draw; weights and order from `seed`."""
    readers = LEAKY if leaky else READERS
    if name not in readers:
        raise ValueError(f"name must be one of {tuple(readers)}, got {name!r}")
    return train_classifier(readers[name](tokens, seed), tokens, labels, epochs=epochs, rate=RATE, seed=seed)


def accuracies_of(
    name: str, tokens: Tensor, labels: Tensor, seed: int, epochs: int = EPOCHS, leaky: bool = False
) -> tuple[float, float]:
    """Accuracy on the test and the training rows of split `seed` of a reader fitted to the latter; weights from `seed`."""
    train, test = split_rows(len(tokens), seed)
    net = trained(name, tokens[train], labels[train], seed, epochs, leaky)
    return accuracy(net, tokens[test], labels[test]), accuracy(net, tokens[train], labels[train])


def accuracy_of(name: str, tokens: Tensor, labels: Tensor, seed: int, epochs: int = EPOCHS) -> float:
    """The first of `accuracies_of`: accuracy on the test rows of split `seed`."""
    return accuracies_of(name, tokens, labels, seed, epochs)[0]


@cache
def reader(name: str, start: str) -> nn.Module:
    """The reader of that name, trained on the stored networks of that start: a few seconds, once."""
    labels, train = sine_networks.digit_images()[1], split_rows(1797, STORED_SEED)[0]
    return trained(name, sine_networks.stored_networks(start)[train], labels[train], STORED_SEED)
