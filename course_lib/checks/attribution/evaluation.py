"""Checks for exercises/attribution/evaluation.ipynb."""

from collections.abc import Callable

import torch

from course_lib.checks import Exercise, Wrong, as_tensor, called, close, nearest
from course_lib.models import MLP


def _tells_apart(draw: Callable[[], tuple], truth: Callable, likely: Callable, tries: int = 500) -> tuple:
    """An instance on which every likely mistake gives another value than the truth does, and no two the same one."""
    for _ in range(tries):
        instance = draw()
        values = [truth(*instance)]
        for others in likely(*instance).values():
            others = others if isinstance(others, list) else [others]
            if any(close(other, value) for other in others for value in values):
                break
            values += others
        else:
            return instance
    raise RuntimeError("no instance found that tells the likely mistakes apart")


def _mlp(random, *widths: int) -> MLP:
    return MLP(list(widths), "tanh", random.seed()).double().requires_grad_(False)


# ------------------------------------------------------------------------------------------------- signed agreement

signed_agreement = Exercise(
    "attribution/evaluation/signed_agreement",
    hints={
        "unsigned": "you count shared features whatever their signs: both scores must have the same sign",
        "by_score": "you rank by the score itself: rank by its size, a large negative score is important too",
        "smallest": "you compare the smallest scores: the top k are those of largest size",
        "count": "you return how many features are shared: divide by k, which is another number in each column",
        "n": "you divide by n: the share is of the k features at the top",
        "places": "you ask for the same feature at the same place: it only has to be among the top k of both",
        "union": "you divide by the number of features in either top: divide by k",
        "columns": "you rank each feature over the rows: rank the features of each row",
        "batch": "you take the top of the whole batch: each row has its own ranking",
        "value": "column k - 1 is the share of the k largest sizes of a that are among the k largest of b with the same sign",
        "tiny": "right for scores of ordinary size, not for tiny ones: only a score of exactly zero has no sign",
        "ties": "right without ties: of two scores of the same size, the one that stands first ranks first",
        "zero": "a score of exactly zero has no sign: it agrees with nothing, not even with another zero",
        "single": "right for several rows and features, but not for one row or one feature",
    },
)


def _agreements(a: torch.Tensor, b: torch.Tensor, signed: bool = True, size=abs) -> torch.Tensor:
    """The profile by counting, feature by feature."""
    profiles, n = [], a.shape[1]
    for pair in zip(a.tolist(), b.tolist(), strict=True):
        tops = [sorted(range(n), key=lambda i, row=row: -size(row[i])) for row in pair]
        counts = [not signed or pair[0][i] * pair[1][i] > 0 for i in range(n)]
        shared = [[i for i in tops[0][:k] if i in tops[1][:k] and counts[i]] for k in range(1, n + 1)]
        profiles.append([len(both) / k for k, both in enumerate(shared, 1)])
    return torch.tensor(profiles, dtype=torch.float64)


def _likely_agreements(a: torch.Tensor, b: torch.Tensor) -> dict[str, torch.Tensor]:
    """Profiles that come of likely mistakes."""
    m, n = a.shape
    truth, k = _agreements(a, b), torch.arange(1, n + 1).double()
    same = a * b > 0
    order = [s.abs().argsort(1, descending=True) for s in (a, b)]
    hit = (order[0] == order[1]) & same.gather(1, order[0])
    flat = _agreements(a.reshape(1, -1), b.reshape(1, -1))[0, :n].expand(m, n)
    return {
        "unsigned": _agreements(a, b, signed=False),
        "by_score": [_agreements(a, b, size=float), _agreements(a, b, signed=False, size=float)],
        "smallest": [
            _agreements(a, b, size=lambda s: -abs(s)),
            _agreements(a, b, size=lambda s: -s),
            _agreements(a, b, signed=False, size=lambda s: -abs(s)),
        ],
        "count": truth * k,
        "n": truth * k / n,
        "places": [hit.double().cumsum(1) / k, (order[0] == order[1]).double().cumsum(1) / k],
        "union": truth * k / (2 * k - _agreements(a, b, signed=False) * k),
        "columns": [_agreements(a.T, b.T).T, _agreements(a.T, b.T)] if m == n else [],
        "batch": flat,
    }


def _pair_of_scores(random) -> tuple:
    n = random.integer(5, 6)

    def draw() -> tuple:
        a = random.away_from_zero(n, n)
        return a, torch.where(random.uniform(n, n) < 0.5, a * random.uniform(n, n, low=0.7, high=1.3), random.normal(n, n))

    return _tells_apart(draw, _agreements, _likely_agreements)


@signed_agreement.property(points=2)
def counts_shared_features_of_the_same_sign(answer, random):
    a, b = random.once(_pair_of_scores)
    values = as_tensor(answer(a, b), tuple(a.shape))
    if not close(values, _agreements(a, b)):
        raise nearest(values, random.recall(lambda: _likely_agreements(a, b)))
    m = random.integer(2, 3)
    a, b = random.away_from_zero(m, 7), random.normal(m, 7)
    b[:, 0] = b[:, 0].abs() * a[:, 0].sign()
    for hint, scale in (("value", 1.0), ("tiny", 1e-5)):
        if not close(as_tensor(answer(scale * a, scale * b), (m, 7)), _agreements(a, b)):
            raise Wrong(hint)


@signed_agreement.property(points=1)
def breaks_ties_by_position(answer, random):
    for _ in range(3):
        a, b = (torch.randint(1, 4, (4, 8), generator=random.generator) * (2 * random.gates(4, 8) - 1) for _ in range(2))
        if not close(as_tensor(called("ties", answer, a, b), a.shape), _agreements(a, b)):
            raise Wrong("ties")
    a = random.normal(3, 40).round().clamp(-2, 2) + 0.5  # long runs of equal sizes
    b = random.normal(3, 40)
    if not close(as_tensor(called("ties", answer, a, b), a.shape), _agreements(a, b)):
        raise Wrong("ties")
    a, b = random.away_from_zero(2, 5), random.away_from_zero(2, 5)
    a[0, random.integer(0, 4)], b[1, random.integer(0, 4)] = 0.0, 0.0
    shared = random.integer(0, 4)
    a[:, shared], b[:, shared] = 0.0, 0.0
    if not close(as_tensor(called("zero", answer, a, b), a.shape), _agreements(a, b)):
        raise Wrong("zero")


@signed_agreement.property(points=1)
def takes_one_row_or_one_feature(answer, random):
    for shape in ((1, 6), (5, 1), (1, 1)):
        a, b = random.away_from_zero(*shape), random.away_from_zero(*shape)
        values = called("single", answer, a, b)
        if getattr(values, "shape", None) != shape or not close(as_tensor(values, shape), _agreements(a, b)):
            raise Wrong("single")


# --------------------------------------------------------------------------------------------------- deletion curve

deletion_curve = Exercise(
    "attribution/evaluation/deletion_curve",
    hints={
        "insertion": "you start from the baseline and put players of x in: deletion starts from x",
        "ascending": "you delete the lowest score first: start with the highest",
        "absolute": "you order by the size of the scores: order by the scores as they are, signed",
        "alone": "you delete one player at a time and put it back: players that are gone stay gone",
        "features": "you delete one feature in a step: a step deletes all features of a player",
        "numbers": "you delete the players in the order of their numbers: the scores say which comes first",
        "places": "you take the order of the players for their places: player order[0] goes first, then order[1], ...",
        "size": "you divide or multiply a player's score by its number of features: order by the scores as they are",
        "zero": "you delete by writing 0: write the baseline's entries",
        "drop": "you return by how much the output fell: return the outputs",
        "start": "one value is missing or too many: p players give p + 1 values, the first at x and the last at the baseline",
        "value": "value k is the output at x with the features of the k highest-scored players from the baseline",
        "ties": "of two players with equal scores, the one with the lower number goes first",
        "one": "right for several players, but not for a single one",
        "singles": "right for players of several features, but not when every player has just one",
    },
)


def _deletion(model, x, baseline, scores, groups) -> torch.Tensor:
    """The curve, one row for each number of deleted players."""
    values = scores.tolist()
    order = sorted(range(len(values)), key=lambda k: -values[k])
    gone = [[g in order[:k] for g in groups.tolist()] for k in range(len(values) + 1)]
    return model(torch.where(torch.tensor(gone), baseline, x))


def _likely_curves(model, x, baseline, scores, groups) -> dict[str, object]:
    """Curves that come of likely mistakes."""
    p = len(scores)
    truth, order = _deletion(model, x, baseline, scores, groups), scores.argsort(descending=True)
    alone = [torch.where(groups == k, baseline, x) for k in order]
    number, size = torch.arange(p, dtype=torch.float64), torch.bincount(groups)
    first = [int((groups == k).nonzero()[0, 0]) for k in range(p)]
    only = torch.full_like(groups, p)
    only[first] = torch.arange(p)
    return {
        "insertion": _deletion(model, baseline, x, scores, groups),
        "ascending": _deletion(model, x, baseline, -scores, groups),
        "absolute": _deletion(model, x, baseline, scores.abs(), groups),
        "alone": model(torch.stack([x, *alone])),
        "features": _deletion(model, x, baseline, scores, only),
        "numbers": _deletion(model, x, baseline, -number, groups),
        "places": _deletion(model, x, baseline, -order.double(), groups),
        "size": [_deletion(model, x, baseline, s, groups) for s in (scores / size, scores * size)],
        "zero": _deletion(model, x, torch.zeros_like(x), scores, groups),
        "drop": truth[0] - truth,
    }


def _players(random, p: int) -> torch.Tensor:
    """Players of some features: at least one of them has several, lying apart."""
    while True:
        groups = torch.tensor([*range(p), *(random.integer(0, p - 1) for _ in range(3))])[random.order(p + 3)]
        if len(groups.unique_consecutive()) > p:
            return groups


def _deletion_case(random) -> tuple[tuple, torch.Tensor]:
    """Arguments and curve."""
    p = random.integer(4, 5)
    model = _mlp(random, p + 3, 8, 1)

    def draw() -> tuple:
        groups = _players(random, p)
        x, baseline = random.away_from_zero(p + 3), random.away_from_zero(p + 3)
        return model, x, baseline, random.away_from_zero(p), groups

    case = _tells_apart(draw, _deletion, _likely_curves)
    return case, _deletion(*case)


@deletion_curve.property(points=2)
def deletes_players_from_the_highest_score_on(answer, random):
    case, truth = random.once(_deletion_case)
    values, p = answer(*case), len(truth) - 1
    if isinstance(values, torch.Tensor) and values.dim() == 1 and len(values) in (p, p + 2, p + 4):
        raise Wrong("features" if len(values) == p + 4 else "start")
    values = as_tensor(values, (p + 1,))
    if not close(values, truth):
        raise nearest(values, random.recall(lambda: _likely_curves(*case)))


@deletion_curve.property(points=1)
def breaks_ties_by_number(answer, random):
    for p in (6, 20):
        groups = torch.tensor(random.order(p))
        x, baseline = random.away_from_zero(p), random.away_from_zero(p)
        model, scores = _mlp(random, p, 8, 1), random.normal(p).round()
        scores[:2] = scores[2]
        values = as_tensor(called("ties", answer, model, x, baseline, scores, groups), (p + 1,))
        if not close(values, random.recall(lambda: _deletion(model, x, baseline, scores, groups))):  # noqa: B023
            raise Wrong("ties")


@deletion_curve.property(points=1)
def takes_any_players(answer, random):
    for hint, n, p in (("one", 1, 1), ("one", 3, 1), ("singles", 5, 5)):
        groups = torch.tensor(random.order(n)) % p
        x, baseline, scores = random.away_from_zero(n), random.away_from_zero(n), random.normal(p)
        model = _mlp(random, n, 8, 1)
        values = called(hint, answer, model, x, baseline, scores, groups)
        if getattr(values, "shape", None) != (p + 1,):
            raise Wrong(hint)
        if not close(as_tensor(values, (p + 1,)), _deletion(model, x, baseline, scores, groups)):
            raise Wrong(hint)


# -------------------------------------------------------------------------------------------------- entries to flip

entries_to_flip = Exercise(
    "attribution/evaluation/entries_to_flip",
    hints={
        "away": "you stop when the reading leaves that of x: stop when it is that of `other`, a third class does not count",
        "last": "you count until the reading stays: count until it is that of `other` for the first time",
        "search": "you halve the range: a reading may reach the goal, leave it and come back, so look at every step",
        "total": "you count all steps with another reading: count those before the first with the reading of `other`",
        "ascending": "you copy the lowest scores first: start with the highest",
        "absolute": "you order by the size of the scores: order by the scores as they are, signed",
        "alone": "you copy one entry at a time and put it back: what has been copied stays",
        "equal": "you leave out entries that are equal in both: an entry counts as copied all the same",
        "off": "your count is off by one: it is the number of copied entries, and copying none counts 0",
        "first_row": "you use the goal or the order of one row for all: each row has its own `other` and scores",
        "value": "row by row: the smallest number of entries, copied from `other` in the order of the scores, "
        "at which the model's largest output is the same as at `other`",
        "already": "a row that is read like `other` already needs 0 copies",
        "all": "right in general, but not when all entries have to be copied",
        "single": "right for several rows, but not for a single row or a single entry",
    },
)


def _readings(model, x, other, scores) -> torch.Tensor:
    """The class read after copying 0..n entries: `(m, n + 1)`."""
    place = scores.argsort(1, descending=True).argsort(1)
    copied = place[:, None] < torch.arange(x.shape[1] + 1)[:, None]
    rows = torch.where(copied, other[:, None], x[:, None])
    return model(rows.flatten(0, 1)).argmax(1).reshape(len(x), -1)


def _flips(model, x, other, scores) -> torch.Tensor:
    return torch.tensor([row.index(row[-1]) for row in _readings(model, x, other, scores).tolist()]).double()


def _halving(row: list[int]) -> int:
    """Where a binary search for the goal ends."""
    low, high = 0, len(row) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if row[middle] == row[-1] else (middle + 1, high)
    return low


def _likely_flips(model, x, other, scores) -> dict[str, object]:
    """Counts that come of likely mistakes."""
    n, readings = x.shape[1], _readings(model, x, other, scores)
    truth, goal = _flips(model, x, other, scores), readings[:, -1:]
    stays = [n - next((k for k, c in enumerate(reversed(row)) if c != row[-1]), n) + 1 for row in readings.tolist()]
    order = scores.argsort(1, descending=True)
    alone = torch.where(torch.eye(n, dtype=torch.bool)[order], other[:, None], x[:, None])
    alone = model(alone.flatten(0, 1)).argmax(1).reshape(len(x), n) == goal
    return {
        "away": (readings != readings[:, :1]).int().argmax(1).double(),
        "last": torch.tensor(stays).double(),
        "search": torch.tensor([_halving(row) for row in readings.tolist()]).double(),
        "total": (readings != goal).sum(1).double(),
        "ascending": _flips(model, x, other, -scores),
        "absolute": _flips(model, x, other, scores.abs()),
        "alone": torch.where(alone.any(1), alone.int().argmax(1) + 1, n).double(),
        "equal": ((x != other) & (order.argsort(1) < truth[:, None])).double().sum(1),
        "off": [truth + 1, truth - 1],
        "first_row": [
            (readings == readings[0, -1]).int().argmax(1).double(),
            _flips(model, x, other, scores[:1].expand_as(scores)),
            torch.stack([truth[0]] * len(x)),
        ],
    }


def _flip_rows(random, model, n: int, pick: Callable, count: int) -> tuple:
    """x, other and scores `(count, n)` from many random rows, those that `pick` chooses by their readings;
    some entries are equal in x and other."""
    chosen = []
    while len(chosen) < count:
        x, other, scores = (2 * random.normal(80, n) for _ in range(3))
        other = torch.where(random.uniform(80, n) < 0.2, x, other)
        rows = [i for i, row in enumerate(_readings(model, x, other, scores).tolist()) if pick(row)]
        chosen += [(x[i], other[i], scores[i]) for i in rows]
    return tuple(torch.stack(part) for part in zip(*chosen[:count], strict=True))


def _returns(row: list[int]) -> bool:
    """Reaches the goal, leaves it, and comes back, after having passed through a third class."""
    first = row.index(row[-1])
    return row[0] != row[-1] and set(row[first:]) != {row[-1]} and len(set(row[:first])) > 1


def _told_apart_flips(random) -> tuple[tuple, torch.Tensor]:
    case = _tells_apart(lambda: _several_flips(random), _flips, _likely_flips)
    return case, _flips(*case)


def _several_flips(random) -> tuple:
    n, k = random.integer(6, 8), 4
    model = _mlp(random, n, 12, k)
    odd = _flip_rows(random, model, n, _returns, 3)
    plain = _flip_rows(random, model, n, lambda row: row[0] != row[-1] == row[-2] and row[1] != row[-1], 4)
    order = random.order(7)
    return model, *(torch.cat(parts)[order] for parts in zip(odd, plain, strict=True))


@entries_to_flip.property(points=2)
def counts_copies_until_the_reading_is_that_of_other(answer, random):
    case, truth = random.once(_told_apart_flips)
    counts = as_tensor(answer(*case), (7,))
    if not close(counts, truth):
        raise nearest(counts, random.recall(lambda: _likely_flips(*case)))


@entries_to_flip.property(points=1)
def knows_both_ends(answer, random):
    n = random.integer(6, 7)
    model = _mlp(random, n, 12, 3)
    some = _flip_rows(random, model, n, lambda row: row[0] != row[-1] == row[-2], 2)
    same = _flip_rows(random, model, n, lambda row: row[0] == row[-1] and len(set(row)) > 1, 2)
    full = _flip_rows(random, model, n, lambda row: row.index(row[-1]) == n, 2)
    for hint, rows in (("already", same), ("all", full)):
        case = model, *(torch.cat(parts) for parts in zip(some, rows, strict=True))
        if not close(as_tensor(called(hint, answer, *case), (4,)), _flips(*case)):
            raise Wrong(hint)


@entries_to_flip.property(points=1)
def takes_one_row_or_one_entry(answer, random):
    for rows, n in ((1, 6), (4, 1), (1, 1)):
        while True:  # two classes are enough, if a network can tell them apart by so few entries
            model = _mlp(random, n, 12, 2)
            inputs = 3 * random.normal(60, n)
            if len(model(inputs).argmax(1).unique()) == 2:
                break
        case = model, *_flip_rows(random, model, n, lambda row: row[0] != row[-1], rows)
        counts = called("single", answer, *case)
        if getattr(counts, "shape", None) != (rows,) or not close(as_tensor(counts, (rows,)), _flips(*case)):
            raise Wrong("single")


# -------------------------------------------------------------------------------------------------------- mask leak

read_masks = Exercise(
    "attribution/evaluation/read_masks",
    hints={
        "accuracy": "you return a single number: return the label that you read from each test mask",
        "sum": "you compare with the sum of a class's masks: use their mean, classes differ in size",
        "neighbour": "you compare with single training masks: compare with the mean mask of each class",
        "rounded": "you round the mean masks to zeros and ones: keep the means",
        "overlap": "you take the largest product with a mean mask: take the smallest distance",
        "absolute": "you add up absolute differences: add up their squares",
        "likelihood": "you weigh the entries by their likelihood: take the smallest sum of squared differences",
        "farthest": "you take the class whose mean mask is farthest away: take the nearest",
        "position": "you return the position of a class: return its label, which need not be 0, 1, 2, ...",
        "turn": "you number the classes as they turn up or by size: which mean belongs to which label?",
        "value": "each test mask gets the label whose mean training mask is nearest, by the sum of squared differences",
        "ties": "of two classes that are equally near, take the smaller label",
        "single": "right in general, but not for a single test mask, a single class or a class of one mask",
    },
)


def _read(train: torch.Tensor, labels: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    """Labels mask by mask, the distances in whole numbers of a common denominator so that ties are exact."""
    classes = sorted(set(labels.tolist()))
    rows = {c: [row for row, label in zip(train.tolist(), labels.tolist(), strict=True) if label == c] for c in classes}
    means = {c: [sum(column) / len(rows[c]) for column in zip(*rows[c], strict=True)] for c in classes}

    def apart(mask: list[float], c: int) -> float:
        return round(sum((a - b) ** 2 for a, b in zip(mask, means[c], strict=True)), 9)

    return torch.tensor([min(classes, key=lambda c, mask=mask: apart(mask, c)) for mask in test.tolist()]).double()


def _likely_labels(train, labels, test) -> dict[str, object]:
    """Labels that come of likely mistakes."""
    classes = labels.unique()
    means, sums = (torch.stack([getattr(train[labels == c], how)(0) for c in classes]) for how in ("mean", "sum"))

    def apart(prototypes: torch.Tensor) -> torch.Tensor:
        return (test[:, None] - prototypes).square().sum(2)

    def nearest(prototypes: torch.Tensor, names: torch.Tensor = classes) -> torch.Tensor:
        return names[apart(prototypes).argmin(1)].double()

    odds = means.clamp(0.05, 0.95)
    turn = torch.tensor(list(dict.fromkeys(labels.tolist())))
    return {
        "sum": nearest(sums),
        "neighbour": nearest(train, labels),
        "rounded": nearest(means.round()),
        "overlap": classes[(test @ means.T).argmax(1)].double(),
        "absolute": classes[(test[:, None] - means).abs().sum(2).argmin(1)].double(),
        "likelihood": classes[(test @ odds.log().T + (1 - test) @ (1 - odds).log().T).argmax(1)].double(),
        "farthest": classes[apart(means).argmax(1)].double(),
        "position": nearest(means, torch.arange(len(classes))),
        "turn": nearest(means, turn),
    }


def _masks(random, classes: list[int], n: int, counts: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks with their labels, shuffled: each class removes each entry with its own probability."""
    labels = torch.tensor([c for c, count in zip(classes, counts, strict=True) for _ in range(count)])
    chances = {c: random.uniform(n, low=0.1, high=0.9) for c in classes}
    order = random.order(len(labels))
    masks = torch.stack([(random.uniform(n) < chances[c]).double() for c in labels.tolist()])
    return masks[order], labels[order]


def _mask_case(random) -> tuple:
    while True:
        classes = [1, random.integer(2, 5), random.integer(6, 9), 11]
        train, labels = _masks(random, classes, random.integer(7, 9), [6, 12, 9, 5])
        if list(dict.fromkeys(labels.tolist())) == classes:
            continue
        test = _without_ties(train, labels, random.gates(60, train.shape[1]))
        if len(test) >= 25:
            return train, labels, test[:25]


def _without_ties(train: torch.Tensor, labels: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    """The test masks that are clearly nearer to one mean than to any other, rounding or not."""
    means = torch.stack([train[labels == c].mean(0) for c in labels.unique()])
    gap = torch.cdist(test, means).sort(1).values.diff(dim=1)
    return test[(gap > 1e-3).all(1)]


def _told_apart_masks(random) -> tuple[tuple, torch.Tensor]:
    case = _tells_apart(lambda: _mask_case(random), _read, _likely_labels)
    return case, _read(*case)


@read_masks.property(points=2)
def takes_the_label_of_the_nearest_mean_mask(answer, random):
    case, truth = random.once(_told_apart_masks)
    labels = answer(*case)
    if getattr(labels, "shape", None) == () or isinstance(labels, int | float) and not isinstance(labels, bool):
        raise Wrong("accuracy")
    labels = as_tensor(labels, (25,))
    if not close(labels, truth):
        raise nearest(labels, random.recall(lambda: _likely_labels(*case)))


@read_masks.property(points=1)
def breaks_ties_by_label(answer, random):
    for often in (0, 1):  # neither the more frequent label nor the rarer one comes first
        low, high = random.integer(2, 4), random.integer(5, 9)
        kind = torch.tensor([0, 1, 1, 0, often, often])
        train, labels = kind[:, None].expand(6, 2).double(), torch.where(kind == 1, high, low)
        for order in (random.order(6), [1, 0, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]):
            case = train[order], labels[order], torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]).double()
            if not close(as_tensor(called("ties", answer, *case), (3,)), _read(*case)):
                raise Wrong("ties")


@read_masks.property(points=1)
def takes_a_single_mask_or_class(answer, random):
    train, labels, test = _mask_case(random)
    one, lonely = labels == labels[0], torch.cat([torch.arange(3), (labels == 11).nonzero()[:1, 0]])
    cases = [(train[one], labels[one], test[:3]), (train[one], labels[one], test[:1])]
    cases += [(train, labels, test[i : i + 1]) for i in range(4)]
    clear = _without_ties(train[lonely], labels[lonely], test)
    cases += [(train[lonely], labels[lonely], clear)] if len(clear) else []
    for case in cases:
        found = called("single", answer, *case)
        if getattr(found, "shape", None) != (len(case[2]),) or not close(as_tensor(found, found.shape), _read(*case)):
            raise Wrong("single")
