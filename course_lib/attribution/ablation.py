"""Taking parts of a model away: component attribution by regression, curves of removal, and the filters of a reader.

Chapters: attribution/mediation. `ablation_game` of `components` makes a game of any parts of any model; here is what one
does with such a game. Ablation itself is `leave_one_out` of it, Neuron Shapley (Ghorbani & Zou, 2020) is `shapley`.
"""

import torch
from torch import Tensor

from course_lib.attribution.data import Utility, utility_measure
from course_lib.attribution.interventions import record
from course_lib.games import Game, Surrogate, linear_surrogate
from course_lib.models import DigitNet


def coar(game: Game, budget: int, generator: torch.Generator, rate: float = 0.1) -> Surrogate:
    """Component attribution by regression (COAR; Shah, Ilyas & Madry, 2024): the line through random joint ablations.

    Each component is ablated with probability `rate`, all of them at once, `budget` times; a score is the slope of the
    value with respect to the presence of a component. Near rate 0 that is leave one out, at 1/2 the Banzhaf value. (The
    paper draws subsets of a fixed size. Then the masks add up to a constant and the intercept cannot be told
    from the slopes; independent draws have no such trouble.) Raises ValueError as `linear_surrogate`.

    >>> game, generator = Game(lambda g: 3 * g[:, 0] - g[:, 1], players=2), torch.Generator().manual_seed(0)
    >>> [round(score, 3) for score in coar(game, 50, generator, rate=0.4).scores.tolist()]
    [3.0, -1.0]
    """
    return linear_surrogate(game, budget=budget, probability=1 - rate, generator=generator)


def removal_curve(game: Game, scores: Tensor) -> Tensor:
    """Values `(n + 1, *out)` while players leave the full coalition, highest score `(n,)` first and ties by index.

    The first is v(1), the last v(0). Raises ValueError for scores of another shape.

    >>> removal_curve(Game(lambda g: g @ torch.tensor([1.0, 5.0]).double(), players=2), torch.tensor([1.0, 5.0])).tolist()
    [6.0, 1.0, 0.0]
    """
    if scores.shape != (game.n,):
        raise ValueError(f"scores must have shape ({game.n},), got {tuple(scores.shape)}")
    place = scores.argsort(descending=True, stable=True).argsort()
    removed = torch.arange(game.n + 1, device=place.device)[:, None]
    return game.evaluate((place >= removed).to(game.dtype))


def mirror(game: Game) -> Game:
    """The game of removal, v*(g) = v(1) - v(1 - g): what is lost when the players of g leave.

    Its Shapley values are those of v; add one in of one is leave one out of the other.

    >>> mirror(Game(lambda g: g[:, 0] * g[:, 1], players=2))(torch.tensor([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [1.0, 1.0]
    """
    _, full = game.ends()
    hard = not game.differentiable
    return Game(
        lambda gates: full - game(1 - gates), game.players, differentiable=not hard, dtype=game.dtype, device=game.device
    )


def filter_game(
    net: DigitNet, x: Tensor, y: Tensor, replacement: Tensor, utility: Utility = "accuracy"
) -> Game:
    """v(S) = mean utility on the images `x (r, 8, 8)`, labels `y (r,)`, when the filters not in S have a replacement.

    `replacement (1, 16, 8, 8)`: activations at the site "second". `utility` as in `training_game`. A hard game, equal to
    `ablation_game` at the corners and some thirty times faster: filters meet for the first time in a linear layer, so
    what each of them adds to it is computed once, present and absent. Raises ValueError for other shapes.
    """
    measure = utility_measure(utility)
    if len(x) != len(y) or replacement.shape != (1, 16, 8, 8):
        shapes = f"{len(x)} images, {len(y)} labels and replacement {tuple(replacement.shape)}"
        raise ValueError(f"y must have a label per image and replacement the shape (1, 16, 8, 8), got {shapes}")
    with torch.no_grad():
        present = _shares(net, record(net, x, ["second"])["second"])
        absent = _shares(net, replacement.to(x))
        base, moves = absent.sum(0) + net.hidden.bias, (present - absent).flatten(1)  # (1, 32), (16, r * 32)

    def value(gates: Tensor) -> Tensor:
        hidden = torch.relu((gates @ moves).reshape(len(gates), len(x), 32) + base)
        return measure(net.logits(hidden), y).mean(1)

    return Game(value, [f"filter {k}" for k in range(16)], differentiable=False, dtype=x.dtype, device=x.device)


def _shares(net: DigitNet, maps: Tensor) -> Tensor:
    """What each filter adds to the hidden layer: activations `(r, 16, 8, 8) -> (16, r, 32)`."""
    pooled = torch.max_pool2d(torch.relu(maps), 2).flatten(2)
    return torch.einsum("rkp,hkp->krh", pooled, net.hidden.weight.reshape(32, 16, 16))
