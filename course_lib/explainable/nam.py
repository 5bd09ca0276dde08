"""Neural additive models: one small network per feature, trained together. Chapters: explainable/additive, explainable/price.

Agarwal et al. (2021). In from the paper: joint training of one network per feature, ReLU units, dropout, feature dropout,
the output penalty, weight decay, and ensembles, whose mean is again additive. Not in: ExU units (the exponential units for
jagged curves) and the search over settings. All features and all ensemble members live in one batched tensor
`(members, features, ...)`: nothing loops over features.
"""

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from course_lib.explainable.additive import AdditiveModel
from course_lib.explainable.splines import KINDS


class FeatureNets(torch.nn.Module):
    """`members` times n networks from one number to one number; the mean member is the shape function `(b, n) -> (b, n)`.

    Layer l holds `weights[l]` `(members, n, in, out)` and `biases[l]` `(members, n, 1, out)`; ReLU between layers. Inputs
    are standardised by `centre` and `scale`, outputs multiplied by `unit`. Member j is drawn from `generators[j]` alone.
    """

    def __init__(self, sizes: Sequence[int], centre: Tensor, scale: Tensor, generators: list):
        super().__init__()
        self.centre, self.scale, self.unit = centre, scale, 1.0
        shapes = [(len(centre), a, b) for a, b in zip([1, *sizes], [*sizes, 1], strict=True)]
        # A first layer with kinks -b / w spread over the data, then He's scale, as for any ReLU network.
        self.weights = torch.nn.ParameterList(
            _draw(torch.randn, s, generators) * math.sqrt((1 + (i < len(sizes))) / s[1]) for i, s in enumerate(shapes)
        )
        self.biases = torch.nn.ParameterList(
            _draw(torch.randn, (s[0], 1, s[2]), generators) * (i == 0) for i, s in enumerate(shapes)
        )

    def each(self, x: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
        """Contributions of every member, `(b, n) -> (members, b, n)`; `masks[l]` multiplies hidden layer l (dropout)."""
        hidden = ((x.to(self.centre) - self.centre) / self.scale).T[None, :, :, None]  # (1, n, b, 1)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = hidden @ weight + bias
            if layer < len(self.weights) - 1:
                hidden = hidden.relu() * (masks[layer] if masks else 1)
        return hidden[..., 0].transpose(1, 2) * self.unit

    def forward(self, x: Tensor) -> Tensor:
        return self.each(x).mean(0).to(x)

    def member(self, j: int) -> "FeatureNets":
        """The networks of member j alone."""
        one = copy.copy(self)
        one._parameters, one._modules = {}, {}
        for name in ("weights", "biases"):
            parts = [torch.nn.Parameter(p[j : j + 1].detach(), requires_grad=False) for p in getattr(self, name)]
            setattr(one, name, torch.nn.ParameterList(parts))
        return one


def fit_nam(
    x: Tensor,
    y: Tensor,
    *,
    kind: str = "regression",
    hidden: Sequence[int] = (16, 8),
    members: int = 4,
    epochs: int = 100,
    rate: float = 0.02,
    dropout: float = 0.1,
    feature_dropout: float = 0.05,
    output_penalty: float = 0.1,
    decay: float = 1e-4,
    seed: int = 0,
) -> AdditiveModel:
    """A neural additive model `(b, n) -> (b,)`: the mean of `members` independently trained ones, with centred shapes.

    Loss of a member on the whole of `x` `(b, n)`, `y` `(b,)`: mean squared error in standard deviations of y, or with
    `kind="classification"` mean cross-entropy, + `output_penalty` * mean_ik f_k(x_ik)^2; AdamW at `rate`, falling to zero
    as a half cosine over `epochs` steps, with weight `decay`. `dropout` silences hidden units, `feature_dropout` whole
    features. Member j depends on `seed + j` alone: `members=3, seed=0` is the mean of three fits with `members=1` and
    seeds 0, 1 and 2 (`fit_members` gives them one by one). Computed in float32; shapes work in any precision. Raises
    ValueError for bad shapes, values or settings.

    >>> x = torch.linspace(-1, 1, 40)[:, None]
    >>> model = fit_nam(x, x[:, 0], members=2, epochs=100)
    >>> abs(model(torch.tensor([[0.5]])).item() - 0.5) < 0.1
    True
    """
    settings = (kind, hidden, members, epochs, rate, dropout, feature_dropout, output_penalty, decay, seed)
    nets, intercepts = _train(x, y, *settings)
    return AdditiveModel(intercepts.mean(), nets).centred(x.float())


def fit_members(x: Tensor, y: Tensor, *, members: int = 4, **settings) -> list[AdditiveModel]:
    """The members of `fit_nam` with the same arguments, one additive model each, centred: equally trained, other seeds.

    >>> x = torch.linspace(-1, 1, 40)[:, None]
    >>> len(fit_members(x, x[:, 0], members=3, epochs=2))
    3
    """
    chosen = {**fit_nam.__kwdefaults__, "members": members}
    if unknown := settings.keys() - chosen.keys():
        raise ValueError(f"settings must be arguments of fit_nam, got {sorted(unknown)}")
    nets, intercepts = _train(x, y, **{**chosen, **settings})
    x = x.float()
    return [AdditiveModel(intercepts[j], nets.member(j)).centred(x) for j in range(members)]


def _train(
    x: Tensor, y: Tensor, kind: str, hidden: Sequence[int], members: int, epochs: int, rate: float, dropout: float,
    feature_dropout: float, output_penalty: float, decay: float, seed: int,
) -> tuple[FeatureNets, Tensor]:  # fmt: skip
    """Trained networks and the intercept of each member `(members,)`."""
    _check(x, y, kind, hidden, members, epochs, rate, {"dropout": dropout, "feature_dropout": feature_dropout})
    x, y = x.detach().float(), y.float()
    level, unit = (y.mean(), y.std(correction=0)) if kind == "regression" else (torch.tensor(0.0), torch.tensor(1.0))
    generators = [torch.Generator().manual_seed(seed + j) for j in range(members)]
    nets = FeatureNets(hidden, x.mean(0), x.std(0, correction=0), generators)
    offsets = torch.nn.Parameter(torch.zeros(members, 1))
    optimiser = torch.optim.AdamW([*nets.parameters(), offsets], lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    target = ((y - level) / unit).expand(members, -1)
    for _ in range(epochs):
        values = nets.each(x, _masks(dropout, hidden, x, generators))
        shown = values * _kept(feature_dropout, x.shape, generators)
        loss = _loss(kind, shown.sum(2) + offsets, target) + output_penalty * values.square().mean() * members
        _step(optimiser, schedule, loss)
    nets.requires_grad_(False).unit = unit
    return nets, level + unit * offsets.detach()[:, 0]


def _step(optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler, loss: Tensor) -> None:
    """One step downhill, and one along the schedule of the rate."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    schedule.step()


def _loss(kind: str, outputs: Tensor, target: Tensor) -> Tensor:
    """Sum over members of the mean loss: members share no parameter, so each gets its own gradient."""
    if kind == "regression":
        return (outputs - target).square().mean(1).sum()
    return functional.binary_cross_entropy_with_logits(outputs, target, reduction="none").mean(1).sum()


def _draw(sampler, shape: tuple[int, ...], generators: list) -> Tensor:
    """One draw a member, each from its own generator: `(members, *shape)`."""
    return torch.stack([sampler(shape, generator=generator) for generator in generators])


def _kept(share: float, shape: tuple[int, ...], generators: list) -> Tensor:
    """Zero with probability `share`, else 1 / (1 - share), so that the mean stays."""
    return (_draw(torch.rand, shape, generators) >= share) / (1 - share)


def _masks(dropout: float, hidden: Sequence[int], x: Tensor, generators: list) -> list[Tensor]:
    """Dropout masks of the hidden layers, `(members, n, b, width)` each; none if nothing is dropped."""
    return [_kept(dropout, (x.shape[1], len(x), width), generators) for width in hidden] if dropout else []


def _check(
    x: Tensor, y: Tensor, kind: str, hidden: Sequence[int], members: int, epochs: int, rate: float, shares: dict
) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}")
    if x.dim() != 2 or y.shape != (len(x),) or len(x) < 2 or x.shape[1] < 1:
        raise ValueError(f"x must be (b, n) with b >= 2 rows and y (b,), got {tuple(x.shape)} and {tuple(y.shape)}")
    if not (torch.isfinite(x).all() and torch.isfinite(y.double()).all()):
        raise ValueError("x and y must be finite")
    if (x == x[:1]).all(0).any() or (y == y[0]).all():
        raise ValueError("x must vary in every column and y must vary, got a constant one")
    if kind == "classification" and sorted(y.unique().tolist()) != [0, 1]:
        raise ValueError(f"y must hold classes 0 and 1, got {y.unique().tolist()[:5]}")
    if min(hidden, default=0) < 1 or members < 1 or epochs < 1 or not rate > 0:
        raise ValueError(
            f"hidden, members, epochs and rate must be positive, got {tuple(hidden)}, {members}, {epochs}, {rate}"
        )
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"{name} must be a share in [0, 1), got {share!r}")
