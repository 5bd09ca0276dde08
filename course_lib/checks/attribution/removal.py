"""Checks for exercises/attribution/removal.ipynb."""

import torch

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, close
from course_lib.checks.answers import AnswerError
from course_lib.models import MLP

occlusion = Exercise(
    "attribution/removal/occlusion",
    hints={
        "sign": "the sign is reversed: a feature whose removal lowers the output gets a positive score",
        "absolute": "you return sizes without signs: a feature can also hold the output down",
        "add": "you add one feature to the baseline: leave-one-out keeps every other feature of x in place",
        "drift": "you never put a feature back: each score should compare the full input with one feature removed",
        "zero": "you remove a feature by writing 0: write the baseline's entry",
        "value": "a score should be the output at x minus the output with that one feature taken from the baseline",
        "dummy": "a feature that the model never reads, or that equals its baseline, should score exactly 0",
    },
)


@occlusion.property(points=2)
def drops_one_at_a_time(answer, random):
    for _ in range(4):
        _compare_with_removal(answer, random)


def _compare_with_removal(answer, random):
    n = random.integer(3, 6)
    model = MLP([n, 8, 1], "tanh", random.seed()).double().requires_grad_(False)
    x, baseline = random.away_from_zero(n), random.away_from_zero(n)
    scores = as_tensor(answer(model, x, baseline), (n,))
    full, empty = model(x[None])[0], model(baseline[None])[0]
    eye = torch.eye(n, dtype=torch.bool)
    truth = full - model(torch.where(eye, baseline, x))
    if close(scores, truth):
        return
    kept = torch.ones(n, n).tril(-1).T.bool()  # row i: features 0..i are gone
    likely = {
        "sign": -truth,
        "absolute": truth.abs(),
        "add": model(torch.where(eye, x, baseline)) - empty,
        "drift": full - model(torch.where(kept, x, baseline)),
        "zero": full - model(torch.where(eye, torch.zeros(n, dtype=x.dtype), x)),
    }
    raise Wrong(next((hint for hint, other in likely.items() if close(scores, other)), "value"))


@occlusion.property(points=1)
def leaves_what_is_not_used(answer, random):
    n = random.integer(3, 6)
    model = MLP([n, 8, 1], "tanh", random.seed()).double().requires_grad_(False)
    unread, equal = random.order(n)[:2]
    with torch.no_grad():
        model.layers[0].weight[:, unread] = 0
    x, baseline = random.normal(n), random.normal(n)
    baseline[equal] = x[equal]
    scores = as_tensor(answer(model, x, baseline), (n,))
    if scores[unread].abs() > 1e-9 or scores[equal].abs() > 1e-9:
        raise Wrong("dummy")


marginal_value = Exercise(
    "attribution/removal/marginal_value",
    hints={
        "mean": "you average the background first and run the model once: average the model's outputs instead",
        "reversed": "you keep what should be removed: the entries listed in `kept` come from x",
        "first": "you use a single background row: average over all of them",
        "sum": "you add the outputs up: a value is their mean over the background",
        "value": "the value is the mean output over the background rows, each with the kept entries taken from x",
        "outputs": "right for a model with one output, but for several outputs return the mean of each, shape (k,)",
    },
)


@marginal_value.property(points=2)
def averages_outputs_over_the_background(answer, random):
    n, rows = random.integer(3, 6), random.integer(4, 9)
    model = MLP([n, 8, 1], "tanh", random.seed()).double().requires_grad_(False)
    x, background = random.normal(n), random.normal(rows, n)
    kept = sorted(random.order(n)[: random.integer(1, n - 1)])
    value = as_number(answer(model, x, background, kept))
    keep = torch.tensor([i in kept for i in range(n)])
    outputs = model(torch.where(keep, x, background))
    if close(value, outputs.mean()):
        return
    likely = {
        "mean": model(torch.where(keep, x, background.mean(0))[None])[0],
        "reversed": model(torch.where(keep, background, x)).mean(),
        "first": outputs[0],
        "sum": outputs.sum(),
    }
    raise Wrong(next((hint for hint, other in likely.items() if close(value, other)), "value"))


@marginal_value.property(points=1)
def takes_several_outputs(answer, random):
    model = MLP([4, 8, 3], "tanh", random.seed()).double().requires_grad_(False)
    x, background, kept = random.normal(4), random.normal(6, 4), sorted(random.order(4)[:2])
    rows = background.clone()
    rows[:, kept] = x[kept]
    value = answer(model, x, background, kept)
    if getattr(value, "shape", None) != (3,) or not close(as_tensor(value, (3,)), model(rows).mean(0)):
        raise Wrong("outputs")


conditional_value = Exercise(
    "attribution/removal/conditional_value",
    hints={
        "marginal": "you weight the removed features by how often they occur anywhere: condition on the kept ones",
        "normalise": "your weights do not sum to one: divide by the probability of what you condition on",
        "uniform": "you weight every possible completion equally: weight each by its probability",
        "reversed": "you condition on the removed features: keep the entries listed in `kept`",
        "value": "the value is the probability-weighted mean of the outputs over all cells that agree with x on `kept`",
        "impossible": "conditioning on something that never happens has no answer: raise a ValueError",
    },
)


def _joint(random) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """A dependent joint distribution of two or three discrete features, a function of them, and one cell."""
    shape = [random.integer(2, 3) for _ in range(random.integer(2, 3))]
    joint = random.uniform(*shape, low=0.05) ** 2
    return joint / joint.sum(), random.normal(*shape), [random.integer(0, size - 1) for size in shape]


def _agree(shape: torch.Size, cell: list[int], axes: list[int]) -> torch.Tensor:
    """Which cells of a table agree with `cell` on the given axes."""
    grid = torch.stack(torch.meshgrid(*(torch.arange(size) for size in shape), indexing="ij"), -1)
    return (grid[..., axes] == torch.tensor(cell)[axes]).all(-1)


@conditional_value.property(points=2)
def averages_what_agrees_with_x(answer, random):
    for _ in range(3):
        joint, outputs, x = _joint(random)
        n = joint.dim()
        kept = sorted(random.order(n)[: random.integer(1, n - 1)])
        removed = [i for i in range(n) if i not in kept]
        value = as_number(answer(joint, outputs, x, kept))
        same = _agree(joint.shape, x, kept)
        weights = joint * same
        if close(value, (weights * outputs).sum() / weights.sum()):
            continue
        opposite = joint * _agree(joint.shape, x, removed)
        likely = {
            "marginal": (joint.sum(kept, keepdim=True) * same * outputs).sum(),
            "normalise": (weights * outputs).sum(),
            "uniform": outputs[same].mean(),
            "reversed": (opposite * outputs).sum() / opposite.sum(),
        }
        raise Wrong(next((hint for hint, other in likely.items() if close(value, other)), "value"))


@conditional_value.property(points=1)
def nothing_kept_is_the_plain_mean(answer, random):
    joint, outputs, x = _joint(random)
    if not close(as_number(answer(joint, outputs, x, [])), (joint * outputs).sum()):
        raise Wrong("value")
    if not close(as_number(answer(joint, outputs, x, list(range(joint.dim())))), outputs[tuple(x)]):
        raise Wrong("value")


@conditional_value.property(points=1)
def refuses_the_impossible(answer, random):
    joint, outputs, x = _joint(random)
    joint[x[0]] = 0.0
    try:
        answer(joint / joint.sum(), outputs, x, [0])
    except AnswerError as error:
        if error.kind == "ValueError":
            return
    raise Wrong("impossible")
