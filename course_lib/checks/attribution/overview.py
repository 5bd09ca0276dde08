"""Checks for exercises/attribution/overview.ipynb."""

import torch

from course_lib.checks import Exercise, Wrong, as_tensor, close, nearest
from course_lib.checks.answers import AnswerError
from course_lib.checks.returns import as_dict
from course_lib.models import MLP, DigitNet

READINGS = ("leave_one_out", "add_one_in", "shapley")

read_the_square = Exercise(
    "attribution/overview/read_the_square",
    hints={
        "keys": 'return a dict with the keys "leave_one_out", "add_one_in" and "shapley"',
        "swapped": "your leave_one_out starts from the empty corner: dropping one player starts with everybody present",
        "players": "the scores of the two players are exchanged: entry k of the table has player i present "
        "when bit i of k is 1, so values[1] is the corner where player 0 is present",
        "leaves": "the two entries of your leave_one_out are exchanged: when player 0 leaves, values[2] remains",
        "remains": "your leave_one_out says what remains: say what the full corner loses",
        "sign": "the sign is reversed: a player whose presence raises the value gets a positive score",
        "absolute": "you return sizes without signs: a player can also lower the value",
        "leave_one_out": "leave_one_out is not the step from the full corner back along one edge",
        "empty": "your add_one_in says what is there with one player: take away what the empty corner has already",
        "add_one_in": "add_one_in is not the step from the empty corner along one edge",
        "sum": "your Shapley values are twice too large: two staircases lead up, and you average them",
        "shapley": "your Shapley values are not the average of a player's two steps, one on each staircase",
    },
)


def _squares(answer, random) -> tuple[list[dict], torch.Tensor, torch.Tensor, torch.Tensor]:
    """The answer's readings of three tables of four values, the tables, and both players' first and last steps.

    Each with one row a table. The third table is the first one turned upside down: every score is negative in one of them.
    """
    tables = [random.table(2), random.table(2)]
    tables = torch.stack([*tables, -tables[0]])
    results = [as_dict(answer(values.clone()), READINGS) for values in tables]
    empty, one, two, both = tables.T
    first, last = torch.stack([one - empty, two - empty], 1), torch.stack([both - two, both - one], 1)
    return results, tables, first, last


def _entry(results: list[dict], key: str) -> torch.Tensor:
    return torch.stack([as_tensor(result[key], (2,), f'the entry "{key}"') for result in results])


@read_the_square.property(points=1)
def drops_from_the_full_corner(answer, random):
    results, tables, first, last = _squares(answer, random)
    scores = _entry(results, "leave_one_out")
    if not close(scores, last):
        everywhere = close(_entry(results, "add_one_in"), first.flip(1))
        likely = {"swapped": first, "players" if everywhere else "leaves": last.flip(1), "sign": -last}
        likely |= {"absolute": last.abs(), "remains": tables[:, 3:] - last}
        raise nearest(scores, likely, "leave_one_out")


@read_the_square.property(points=1)
def adds_to_the_empty_corner(answer, random):
    results, tables, first, _ = _squares(answer, random)
    scores = _entry(results, "add_one_in")
    if not close(scores, first):
        likely = {"absolute": first.abs(), "players": first.flip(1), "sign": -first, "empty": first + tables[:, :1]}
        raise nearest(scores, likely, "add_one_in")


@read_the_square.property(points=1)
def averages_both_staircases(answer, random):
    results, _, first, last = _squares(answer, random)
    scores, truth = _entry(results, "shapley"), (first + last) / 2
    if not close(scores, truth):
        raise nearest(scores, {"sum": first + last, "absolute": truth.abs(), "players": truth.flip(1)}, "shapley")


feature_value = Exercise(
    "attribution/overview/feature_value",
    hints={
        "reversed": "your gates work the wrong way round: with all gates at 1 the model must see x itself",
        "zero": "a closed gate should show the baseline's entry, and yours shows 0",
        "probability": "you return a probability: explain the output that the model gives, here a logit",
        "hard": "a gate of one half should show the point half-way between baseline and input: do not round the gates",
        "target": "you read an output that was not asked for: take column `target` in every row",
        "difference": "you subtract the output at the baseline: return the output itself",
        "value": "your value is not the model's output at baseline + gates * (x - baseline)",
        "images": "right for vectors, but not for images: reshape each row of gates to the shape of x",
    },
)


@feature_value.property(points=2)
def moves_on_the_straight_line(answer, random):
    for target in random.order(4)[:3]:
        n, m = random.integer(3, 6), random.integer(2, 5)
        model = MLP([n, 8, 4], "tanh", random.seed()).double().requires_grad_(False)
        x, baseline, gates = random.normal(n), random.away_from_zero(n), random.uniform(m, n)
        values = as_tensor(answer(model, x, baseline, gates, target), (m,))
        if not close(values, model(baseline + gates * (x - baseline))[:, target]):
            raise Wrong(_blend(model, x, baseline, gates, target, values))


def _blend(model, x, baseline, gates, target, values) -> str:
    """The hint for wrong values of vectors."""
    outputs, at_baseline = model(baseline + gates * (x - baseline)), model(baseline[None])[0, target]
    likely = {
        "reversed": model(x + gates * (baseline - x))[:, target],
        "zero": model(gates * x)[:, target],
        "probability": outputs.softmax(1)[:, target],
        "hard": model(baseline + gates.round() * (x - baseline))[:, target],
        "difference": outputs[:, target] - at_baseline,
        "target": outputs.max(1).values,
    }
    likely = {hint: [other] for hint, other in likely.items()}
    likely["target"] += list(outputs.T)
    return next((hint for hint, others in likely.items() if any(close(values, other) for other in others)), "value")


@feature_value.property(points=1)
def takes_images_and_single_rows(answer, random):
    model = MLP([4, 8, 3], "tanh", random.seed()).double().requires_grad_(False)
    x, baseline, gates = random.normal(4), random.normal(4), random.uniform(1, 4)
    if not close(as_tensor(answer(model, x, baseline, gates, 1), (1,)), model(torch.lerp(baseline, x, gates))[:, 1]):
        raise Wrong("value")
    model = DigitNet(random.seed()).double().requires_grad_(False)
    for m in (random.integer(2, 4), 1):
        x, baseline, gates = random.uniform(8, 8), random.uniform(8, 8), random.uniform(m, 64)
        target = random.integer(0, 9)
        truth = model(torch.lerp(baseline.expand(m, 8, 8), x.expand(m, 8, 8), gates.reshape(m, 8, 8)))[:, target]
        try:
            values = answer(model, x, baseline, gates, target)
        except AnswerError as error:
            raise Wrong("images", seen=str(error)) from None
        if not close(as_tensor(values, (m,)), truth):
            raise Wrong("images")
