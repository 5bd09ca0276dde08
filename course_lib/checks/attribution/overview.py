"""Checks for exercises/attribution/overview.ipynb."""

import torch

from course_lib.checks import Exercise, Wrong, as_tensor, close
from course_lib.models import MLP, DigitNet

read_the_square = Exercise(
    "attribution/overview/read_the_square",
    hints={
        "keys": 'return a dict with the three keys "leave_one_out", "add_one_in" and "shapley"',
        "swapped": "your leave_one_out starts from the empty corner: dropping one player starts with everybody present",
        "players": "the scores of the two players are exchanged: entry k of the table has player i present "
        "when bit i of k is 1, so values[1] is the corner where player 0 is present",
        "sign": "the sign is reversed: a player whose presence raises the value gets a positive score",
        "leave_one_out": "leave_one_out is not the step from the full corner back along one edge",
        "add_one_in": "add_one_in is not the step from the empty corner along one edge",
        "sum": "your Shapley values are twice too large: two staircases lead up, and you average them",
        "shapley": "your Shapley values are not the average of a player's two steps, one on each staircase",
    },
)


def _square(random) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A table of four values and both players' first and last steps up the square."""
    values = random.table(2)
    first = torch.stack([values[1] - values[0], values[2] - values[0]])
    last = torch.stack([values[3] - values[2], values[3] - values[1]])
    return values, first, last


def _reading(answer, values: torch.Tensor, key: str) -> torch.Tensor:
    result = answer(values)
    if result is None:
        raise Wrong("none")
    if not isinstance(result, dict) or set(result) != {"leave_one_out", "add_one_in", "shapley"}:
        raise Wrong("keys")
    return as_tensor(result[key], (2,), f'the entry "{key}"')


@read_the_square.property(points=1)
def drops_from_the_full_corner(answer, random):
    values, first, last = _square(random)
    scores = _reading(answer, values, "leave_one_out")
    if not close(scores, last):
        wrong = {"swapped": first, "players": last.flip(0), "sign": -last}
        raise Wrong(next((hint for hint, other in wrong.items() if close(scores, other)), "leave_one_out"))


@read_the_square.property(points=1)
def adds_to_the_empty_corner(answer, random):
    values, first, _ = _square(random)
    if not close(_reading(answer, values, "add_one_in"), first):
        raise Wrong("add_one_in")


@read_the_square.property(points=1)
def averages_both_staircases(answer, random):
    values, first, last = _square(random)
    scores = _reading(answer, values, "shapley")
    if not close(scores, (first + last) / 2):
        raise Wrong("sum" if close(scores, first + last) else "shapley")


feature_value = Exercise(
    "attribution/overview/feature_value",
    hints={
        "reversed": "your gates work the wrong way round: with all gates at 1 the model must see x itself",
        "zero": "a closed gate should show the baseline's entry, and yours shows 0",
        "probability": "you return a probability: explain the output that the model gives, here a logit",
        "hard": "a gate of one half should show the point half-way between baseline and input: do not round the gates",
        "value": "your value is not the model's output at baseline + gates * (x - baseline)",
        "images": "right for vectors, but not for images: reshape each row of gates to the shape of x",
    },
)


@feature_value.property(points=2)
def moves_on_the_straight_line(answer, random):
    n, m = random.integer(3, 6), random.integer(2, 5)
    model = MLP([n, 8, 4], "tanh", random.seed()).double().requires_grad_(False)
    x, baseline, gates = random.normal(n), random.away_from_zero(n), random.uniform(m, n)
    target = random.integer(0, 3)
    values = as_tensor(answer(model, x, baseline, gates, target), (m,))
    point = baseline + gates * (x - baseline)
    if close(values, model(point)[:, target]):
        return
    likely = {
        "reversed": model(x + gates * (baseline - x))[:, target],
        "zero": model(gates * x)[:, target],
        "probability": model(point).softmax(1)[:, target],
        "hard": model(baseline + gates.round() * (x - baseline))[:, target],
    }
    raise Wrong(next((hint for hint, other in likely.items() if close(values, other)), "value"))


@feature_value.property(points=1)
def takes_images(answer, random):
    model = DigitNet(random.seed()).double().requires_grad_(False)
    x, baseline, gates = random.uniform(8, 8), random.uniform(8, 8), random.uniform(3, 64)
    target = random.integer(0, 9)
    truth = model(torch.lerp(baseline.expand(3, 8, 8), x.expand(3, 8, 8), gates.reshape(3, 8, 8)))[:, target]
    if not close(as_tensor(answer(model, x, baseline, gates, target), (3,)), truth):
        raise Wrong("images")
