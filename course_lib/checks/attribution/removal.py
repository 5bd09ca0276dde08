"""Checks for exercises/attribution/removal.ipynb."""

import itertools

import torch

from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.answers import AnswerError
from course_lib.models import MLP


def _mlp(random, *widths: int) -> MLP:
    return MLP(list(widths), "tanh", random.seed()).double().requires_grad_(False)


# -------------------------------------------------------------------------------------------------------- occlusion

occlusion = Exercise(
    "attribution/removal/occlusion",
    hints={
        "features": "you return one score per feature: return one per player, for all its features removed together",
        "sum": "you add up single removals: remove all features of a player at once, then run the model",
        "first": "you remove only one feature of each player: remove every feature whose entry in `groups` is the player",
        "order": "your scores are in the order in which the players turn up: entry k belongs to player k",
        "blocks": "you cut the features into neighbouring blocks: `groups` says which features belong together",
        "ties": "you look for features by their values: two features may have the same value, `groups` tells them apart",
        "sign": "the sign is reversed: a player whose removal lowers the output gets a positive score",
        "absolute": "you return sizes without signs: a player can also hold the output down",
        "add": "you add one player to the baseline: leave-one-out keeps all the other players of x in place",
        "drift": "you never put a player back: each score should compare the full input with one player removed",
        "zero": "you remove a player by writing 0: write the baseline's entries",
        "value": "a score should be the output at x minus the output with that player's features from the baseline",
        "one": "right for several players, but with one player there is still one score, in a tensor of shape (1,)",
        "dummy": "a player whose features equal their baseline should score exactly 0, and no other score changes",
        "singles": "right for players of several features, but not when every player has just one",
    },
)


def _groups(random) -> torch.Tensor:
    """Players of some features: one player's features lie apart, and the players do not turn up in order."""
    while True:
        p = random.integer(2, 4)
        players = [*range(p), *(random.integer(0, p - 1) for _ in range(random.integer(2, 4)))]
        groups = torch.tensor(players)[random.order(len(players))]
        first = list(dict.fromkeys(groups.tolist()))
        if first != sorted(first) and len(groups.unique_consecutive()) > p:
            return groups


def _removals(model, x, baseline, groups) -> tuple[torch.Tensor, torch.Tensor]:
    """The output at x, and the output without each of the players in turn."""
    without = [torch.where(groups == k, baseline, x) for k in range(int(groups.max()) + 1)]
    outputs = model(torch.stack([x, *without]))
    return outputs[0], outputs[1:]


def _grouped_game(random) -> tuple:
    """Model, x, baseline, groups: two players share a value of x, and there are scores of both signs."""
    groups = _groups(random)
    n = len(groups)
    model = _mlp(random, n, 8, 1)
    while True:
        x, baseline, a = random.away_from_zero(n), random.away_from_zero(n), random.integer(0, n - 1)
        x[random.choice([i for i in range(n) if groups[i] != groups[a]])] = x[a]
        full, without = _removals(model, x, baseline, groups)
        if (full - without).min() < -0.05 and (full - without).max() > 0.05:
            return model, x, baseline, groups


@occlusion.property(points=2)
def drops_one_player_at_a_time(answer, random):
    for _ in range(2):
        game = _grouped_game(random)
        full, without = _removals(*game)
        scores = answer(*game)
        if isinstance(scores, torch.Tensor) and scores.shape == game[1].shape:
            raise Wrong("features")
        scores = as_tensor(scores, without.shape)
        if not close(scores, full - without):
            raise nearest(scores, _likely_scores(*game))


def _likely_scores(model, x, baseline, groups) -> dict[str, torch.Tensor]:
    """Scores that come of likely mistakes."""
    full, without = _removals(model, x, baseline, groups)
    players, n = torch.arange(len(without))[:, None], len(x)
    removed = groups == players

    def drop(mask: torch.Tensor) -> torch.Tensor:
        return full - model(torch.where(mask, baseline, x))

    single = drop(torch.eye(n, dtype=torch.bool))
    order = list(dict.fromkeys(groups.tolist()))
    return {
        "sign": without - full,
        "absolute": (full - without).abs(),
        "add": model(torch.where(removed, x, baseline)) - model(baseline[None]),
        "drift": drop(groups <= players),
        "zero": full - model(torch.where(removed, torch.zeros_like(x), x)),
        "sum": single @ removed.T.double(),
        "first": single[removed.int().argmax(1)],
        "order": (full - without)[order],
        "blocks": drop(groups.sort().values == players),
        "ties": drop(torch.stack([torch.isin(x, x[mask]) for mask in removed])),
    }


@occlusion.property(points=1)
def takes_any_players(answer, random):
    for n in (1, 3):
        model, x, baseline = _mlp(random, n, 8, 1), random.away_from_zero(n), random.away_from_zero(n)
        score = called("one", answer, model, x, baseline, torch.zeros(n, dtype=torch.long))
        if getattr(score, "shape", None) != (1,) or not close(as_tensor(score, (1,)), model(x[None]) - model(baseline[None])):
            raise Wrong("one")
    n = random.integer(3, 5)
    model, x, baseline = _mlp(random, n, 8, 1), random.away_from_zero(n), random.away_from_zero(n)
    groups = torch.tensor(random.order(n)).roll(1)
    full, without = _removals(model, x, baseline, groups)
    if not close(as_tensor(called("singles", answer, model, x, baseline, groups), (n,)), full - without):
        raise Wrong("singles")
    model, x, baseline, groups = _grouped_game(random)
    baseline = torch.where(groups == 1, x, baseline)
    full, without = _removals(model, x, baseline, groups)
    if not close(as_tensor(called("dummy", answer, model, x, baseline, groups), without.shape), full - without):
        raise Wrong("dummy")


# -------------------------------------------------------------------------------------------------- marginal removal

marginal_value = Exercise(
    "attribution/removal/marginal_value",
    hints={
        "mean": "you average the background first and run the model once: average the model's outputs instead",
        "reversed": "you keep what should be removed: the entries listed in `kept` come from x",
        "first": "you use a single background row: average over all of them",
        "sum": "you add the outputs up: a value is their mean over the background",
        "columns": "you draw each removed feature by itself: the removed features of one background row stay together",
        "unique": "you count a background row once that occurs twice: average over all rows",
        "order": "`kept` may list features in any order and with gaps: column i gets x[i] for exactly the features listed",
        "value": "the value is the mean output over all whole background rows, each with the kept entries taken from x",
        "nothing": "right for some kept features, but not for none: then the value is the mean output on the background",
        "everything": "right for some kept features, but not for all: then the value is the output at x",
        "row": "right for several background rows, but not for a single one",
        "outputs": "right for a model with one output, but for several outputs return the mean of each, shape (k,)",
    },
)


def _marginal(random, outputs: int = 1) -> tuple:
    """Model, x, background with a repeated row, and features to keep: out of order, with a gap, at least two removed."""
    n = random.integer(5, 6)
    kept: list[int] = []
    while kept == sorted(kept) or max(kept) - min(kept) < len(kept):
        kept = random.order(n)[: random.integer(2, n - 2)]
    background = random.normal(random.integer(3, 4), n)
    background = torch.cat([background, background[:1]])[random.order(len(background) + 1)]
    return _mlp(random, n, 12, outputs), 1.5 * random.away_from_zero(n), 1.5 * background, kept


def _filled(x: torch.Tensor, background: torch.Tensor, kept: list[int]) -> torch.Tensor:
    return torch.where(torch.tensor([i in kept for i in range(len(x))]), x, background)


@marginal_value.property(points=2)
def averages_outputs_over_the_background(answer, random):
    for _ in range(2):
        model, x, background, kept = game = _marginal(random)
        value = as_number(answer(*game))
        if not close(value, model(_filled(x, background, kept)).mean()):
            raise nearest(value, _likely_values(*game))


def _likely_values(model, x, background, kept) -> dict[str, list[torch.Tensor]]:
    """Values that come of likely mistakes."""
    rows = _filled(x, background, kept)
    columns = [[x[i].item()] if i in kept else background[:, i].tolist() for i in range(len(x))]
    aligned, shifted, sliced = (background.clone() for _ in range(3))
    aligned[:, sorted(kept)] = x[kept]
    shifted[:, kept] = x[: len(kept)]
    sliced[:, kept[0] : kept[-1] + 1] = x[kept[0] : kept[-1] + 1]
    spanned = _filled(x, background, list(range(min(kept), max(kept) + 1)))
    likely = {
        "mean": model(_filled(x, background.mean(0)[None], kept)),
        "reversed": model(torch.where(rows == background, x, background)),
        "columns": model(torch.tensor(list(itertools.product(*columns)), dtype=x.dtype)),
        "unique": model(rows.unique(dim=0)),
        "first": model(rows[:1]),
    }
    order = [model(other).mean() for other in (aligned, shifted, sliced, spanned)]
    return {hint: [outputs.mean()] for hint, outputs in likely.items()} | {"order": order, "sum": [model(rows).sum()]}


@marginal_value.property(points=1)
def keeps_nothing_or_everything(answer, random):
    model, x, background, kept = _marginal(random)
    cases = [
        ("nothing", background, [], model(background).mean()),
        ("everything", background, random.order(len(x)), model(x[None])[0]),
        ("row", background[:1].clone(), kept, model(_filled(x, background[:1], kept))[0]),
    ]
    for hint, rows, some, truth in cases:
        if not close(as_number(called(hint, answer, model, x, rows, some)), truth):
            raise Wrong(hint)


@marginal_value.property(points=1)
def takes_several_outputs(answer, random):
    k = random.integer(2, 3)
    model, x, background, kept = game = _marginal(random, k)
    value = called("outputs", answer, *game)
    if getattr(value, "shape", (k,)) != (k,):
        raise Wrong("outputs")
    if not close(as_tensor(value, (k,)), model(_filled(x, background, kept)).mean(0)):
        raise Wrong("outputs")


# ----------------------------------------------------------------------------------------------- conditional removal

conditional_value = Exercise(
    "attribution/removal/conditional_value",
    hints={
        "marginal": "you weight the removed features by how often they occur anywhere: condition on the kept ones",
        "normalise": "your weights do not sum to one: divide by the probability of what you condition on",
        "uniform": "you weight every possible completion equally: weight each by its probability",
        "reversed": "you condition on the removed features: keep the entries listed in `kept`",
        "likeliest": "you look at the likeliest cell only: average over all cells that agree with x on `kept`",
        "value": "the value is the probability-weighted mean of the outputs over all cells that agree with x on `kept`",
        "nothing": "also when nothing is kept: then all cells agree with x, each weighted by its probability",
        "everything": "also when everything is kept: then one cell is left, x itself",
        "impossible": "conditioning on something that never happens has no answer: raise a ValueError",
        "pair": "two values may each be possible and never occur together: ask about all kept features at once",
        "possible": "some cells have probability 0, and what is kept can still happen: only refuse if all that agree are 0",
        "rare": "what is kept is rare, not impossible: any positive probability will do, and it divides as it is",
    },
)


def _grid(shape: torch.Size) -> torch.Tensor:
    return torch.stack(torch.meshgrid(*(torch.arange(size) for size in shape), indexing="ij"), -1)


def _agree(shape: torch.Size, cell: list[int], axes: list[int]) -> torch.Tensor:
    """Which cells of a table agree with `cell` on the given axes."""
    return (_grid(shape)[..., axes] == torch.tensor(cell)[axes]).all(-1)


def _joint(random, n: int) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """A dependent joint distribution of n discrete features, a function of them, and a cell of unlike values."""
    shape = [random.integer(n, n + 1) if n < 4 else random.integer(2, 3) for _ in range(n)]
    joint = random.uniform(*shape, low=0.3) ** 2
    cell = random.order(n) if n < 4 else [random.integer(0, size - 1) for size in shape]
    return joint / joint.sum(), random.normal(*shape), cell


def _mean(joint: torch.Tensor, outputs: torch.Tensor, x: list[int], kept: list[int]) -> torch.Tensor:
    weights = joint * _agree(joint.shape, x, kept)
    return (weights * outputs).sum() / weights.sum()


@conditional_value.property(points=2)
def averages_what_agrees_with_x(answer, random):
    for n, size in ((2, 1), (3, 1), (3, 2), (4, 3)):
        joint, outputs, x = _joint(random, n)
        kept = random.order(n)[:size]
        while size > 1 and (kept == sorted(kept) or size == 3 and (3 not in kept or kept[0] == 3)):
            kept = random.order(n)[:size]  # out of order, and the last axis after another one
        value = as_number(answer(joint, outputs, x, kept))
        if not close(value, _mean(joint, outputs, x, kept)):
            raise nearest(value, _likely_means(joint, outputs, x, kept))


def _likely_means(joint, outputs, x, kept) -> dict[str, torch.Tensor]:
    """Values that come of likely mistakes."""
    same = _agree(joint.shape, x, kept)
    weights = joint * same
    return {
        "marginal": (joint.sum(kept, keepdim=True) * same * outputs).sum(),
        "normalise": (weights * outputs).sum(),
        "uniform": outputs[same].mean(),
        "reversed": _mean(joint, outputs, x, [i for i in range(joint.dim()) if i not in kept]),
        "likeliest": outputs.flatten()[weights.argmax()],
    }


@conditional_value.property(points=1)
def keeps_any_number_of_features(answer, random):
    joint, outputs, x = _joint(random, 3)
    for size in (0, 3, 1, 2):
        hint = {0: "nothing", 3: "everything"}.get(size, "value")
        for kept in itertools.combinations(random.order(3), size):
            value = as_number(called(hint, answer, joint, outputs, x, list(kept)))
            if not close(value, _mean(joint, outputs, x, list(kept))):
                raise Wrong(hint)


@conditional_value.property(points=1)
def refuses_only_the_impossible(answer, random):
    joint, outputs, x = _joint(random, 3)
    a, b, c = random.order(3)
    for hint, kept, gone in (("impossible", [a], [a]), ("pair", [b, a], [a, b]), ("pair", [c, a, b], [a, b, c])):
        table = joint.masked_fill(_agree(joint.shape, x, gone), 0.0)
        _refused(hint, answer, table / table.sum(), outputs, x, kept)
    holes = joint.masked_fill(_agree(joint.shape, x, [a, b]), 0.0)
    _accepted("possible", answer, holes / holes.sum(), outputs, x, [c, a])
    for probability in (1e-4, 1e-9):
        same = _agree(joint.shape, x, [a])
        table = torch.where(same, joint * probability / joint[same].sum(), joint)
        _accepted("rare", answer, table / table.sum(), outputs, x, [a])


def _refused(hint: str, answer, *args) -> None:
    try:
        answer(*args)
    except AnswerError as error:
        if "ValueError" in error.kinds:
            return
        raise Wrong("impossible", seen=str(error)) from None
    raise Wrong(hint)


def _accepted(hint: str, answer, *args) -> None:
    if not close(as_number(called(hint, answer, *args)), _mean(*args)):
        raise Wrong(hint)
