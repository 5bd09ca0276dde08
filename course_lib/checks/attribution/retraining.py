"""Checks for exercises/attribution/retraining.ipynb."""

import torch

from course_lib.attribution.data import knn_game, knn_leave_one_out
from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict
from course_lib.games import banzhaf, shapley, table_game

Tensor = torch.Tensor

# ----------------------------------------------------------------------------------------------- left_out_residuals

left_out_residuals = Exercise(
    "attribution/retraining/left_out_residuals",
    hints={
        "plain": "these are the residuals of the fit to all rows: leave the row out, or divide by 1 - leverage",
        "multiplied": "you multiply by 1 - leverage: a left-out residual is larger than the plain one, not smaller",
        "unweighted": "you fit all rows alike: each squared error counts with its weight",
        "leverage": "the leverage of a weighted row contains its weight as well",
        "inverse": "the leverages forget the penalty: use the same matrix as the fit, penalty included",
        "no_penalty": "the fit forgets the penalty",
        "penalty": "the penalty stands in the matrix as it is: both halves of the objective lose their 1/2",
        "mean": "you divide by the sum of the weights: the objective is a sum, so that an absent row leaves the rest alone",
        "sign": "the sign: a residual is y minus prediction",
        "prediction": "these are predictions: a residual is y minus prediction",
        "squares": "you return squares or sizes: residuals have a sign",
        "scaled": "you weight the residuals: the error at the row is asked for, whatever its weight",
        "twice": "you remove a row by taking weight 1 from it: an absent row has weight 0",
        "intercept": "no intercept is asked for, and no centring: the model is x . theta",
        "value": "error at row i of the ridge fit to the other rows: y_i - x_i . theta(without i)",
        "absent": "right if all weights are positive; a row of weight 0 is absent already, and removing it changes nothing",
        "repeated": "right if rows differ; when a row comes twice, only one of the two is left out",
        "wide": "right with more rows than columns; with fewer the penalty makes the fit unique",
        "one": "right for several rows; without its only row the fit is 0",
        "light": "right in easy cases; with a small penalty, or a row of leverage near 1, stay in float64 and clamp nothing",
        "one_column": "right for several columns, not for a single one",
    },
)


def _ridge(x: Tensor, y: Tensor, weights: Tensor, penalty: float) -> Tensor:
    """The minimum, by least squares on rows that are appended for the penalty."""
    root, d = weights.sqrt()[:, None], x.shape[1]
    rows = torch.cat([root * x, penalty**0.5 * torch.eye(d, dtype=x.dtype)])
    return torch.linalg.lstsq(rows, torch.cat([root[:, 0] * y, torch.zeros(d, dtype=x.dtype)])[:, None]).solution[:, 0]


def _left_out(x: Tensor, y: Tensor, weights: Tensor, penalty: float, change=lambda w, i: w) -> Tensor:
    errors = []
    for i in range(len(x)):
        others = weights.clone()
        others[i] = 0
        errors.append(y[i] - x[i] @ _ridge(x, y, change(others, i), penalty))
    return torch.stack(errors)


def _ridge_case(random: Instances, n: int, d: int, penalty: float | None = None) -> tuple:
    x, y = random.normal(n, d), random.away_from_zero(n) * 2
    return x, y, random.uniform(n, low=0.3, high=3.0), penalty or float(random.uniform(1, low=0.5, high=2.0))


def _likely_residuals(x: Tensor, y: Tensor, weights: Tensor, penalty: float) -> dict[str, list]:
    right, ones = _left_out(x, y, weights, penalty), torch.ones_like(weights)
    plain = y - x @ _ridge(x, y, weights, penalty)
    bare = torch.linalg.inv(x.T @ (weights[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=x.dtype))
    hat = ((x @ bare) * x).sum(1)
    loose = torch.linalg.pinv(x.T @ (weights[:, None] * x))
    h, g = weights * hat, weights * ((x @ loose) * x).sum(1)
    n, centre = len(x), x - x.mean(0)
    total = weights.sum()
    wide = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    return {
        "plain": [plain],
        "multiplied": [plain * (1 - h), plain * (1 - hat)],
        "unweighted": [_left_out(x, y, ones, penalty)],
        "leverage": [plain / (1 - hat), plain / (1 - weights**2 * hat), plain / (1 - weights.sqrt() * hat)],
        "inverse": [plain / (1 - g)],
        "no_penalty": [_left_out(x, y, weights, 1e-12), _left_out(x, y, weights, 1e-9)],
        "penalty": [_left_out(x, y, weights, p) for p in (penalty / 2, 2 * penalty, penalty**2, penalty * n, penalty / n)],
        "mean": [
            _left_out(x, y, weights, penalty, lambda w, i: w / w.sum()),
            _left_out(x, y, weights, penalty, lambda w, i: w * n / w.sum()),
            _left_out(x, y, weights, penalty, lambda w, i: w * total / w.sum()),
            _left_out(x, y, weights / total, penalty),
        ],
        "sign": [-right],
        "prediction": [y - right, y - plain],
        "squares": [right**2, right.abs(), right**2 / 2],
        "scaled": [weights * right, weights.sqrt() * right],
        "twice": [_left_out(x, y, weights, penalty, lambda w, i: w + (weights - 1).clamp(min=0) * (w == 0))],
        "intercept": [_left_out(wide, y, weights, penalty), _left_out(centre, y - y.mean(), weights, penalty)],
    }


@left_out_residuals.property(points=2)
def leaves_each_row_out(answer, random: Instances) -> None:
    for n, d in ((6, 2), (random.integer(7, 9), 3)):
        case = _ridge_case(random, n, d)
        found = as_tensor(answer(*case), (n,))
        if not close(found, _left_out(*case), 1e-4):
            raise nearest(found, _likely_residuals(*case), tolerance=1e-4)


@left_out_residuals.property(points=1)
def knows_absent_and_repeated_rows(answer, random: Instances) -> None:
    x, y, weights, penalty = _ridge_case(random, 7, 2)
    absent = weights * torch.tensor([1.0, 0, 1, 1, 0, 1, 1]).double()
    twice = torch.tensor([0, 1, 2, 3, 0, 1, 2])
    cases = {"absent": (x, y, absent, penalty), "repeated": (x[twice], y[twice], weights[twice], penalty)}
    for hint, case in cases.items():
        if not close(as_tensor(called(hint, answer, *case), (7,)), _left_out(*case), 1e-4):
            raise Wrong(hint)


@left_out_residuals.property(points=1)
def holds_at_the_edges(answer, random: Instances) -> None:
    cases = {
        "light": _ridge_case(random, 6, 2, 1e-6),
        "wide": _ridge_case(random, 3, 5),
        "one": _ridge_case(random, 1, 2),
        "one_column": _ridge_case(random, 5, 1),
    }
    near = cases["light"][0]
    near[:, 1] = near[:, 0] + 0.03 * near[:, 1]  # nearly one column: the penalty's size shows
    near[0] = 30 * random.away_from_zero(2)  # and a row that the fit follows wherever it goes
    for hint, case in cases.items():
        n = len(case[0])
        if not close(as_tensor(called(hint, answer, *case), (n,)), _left_out(*case), 1e-4):
            raise Wrong(hint)


# ------------------------------------------------------------------------------------------------- neighbour_values

neighbour_values = Exercise(
    "attribution/retraining/neighbour_values",
    hints={
        "direction": "the order runs the wrong way: sort nearest first, and start the recursion at the far end",
        "factor": "look at the factor min(k, i) / i, with i counted from 1 at the nearest",
        "k": "look at the divisor k: a right neighbour is worth 1 / k",
        "sorted": "the scores are right but stand in the order of distance: put them back to their rows",
        "mean_first": "you average before sorting: every test row has its own order of neighbours",
        "alike": "all test rows count alike in your answer: use `importance`",
        "normalised": "do not divide by the number of test rows or by the sum of the importances: the utilities add up",
        "one_out": "this is leave one out: only the k nearest and the next get a score",
        "banzhaf": "these are Banzhaf values: Shapley's averages over orders",
        "label": "compare the labels of the training rows with that of the test row",
        "value": "Shapley values of the game: importance times the share of right labels among the k nearest",
        "ties": "right without ties; equal distances go to the row with the lower number, and a copy is a row like any other",
        "few": "right for k below n; with k or fewer rows everybody votes, each with 1 / k",
        "one_row": "right for several rows, not for a single one",
        "nobody": "right in general; a test row of importance 0 says nothing",
    },
)


def _each(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, reading) -> Tensor:
    """One column of scores for each test row: (n, t)."""
    columns = [reading(x, y, test_x[j : j + 1], test_y[j : j + 1]) for j in range(len(test_x))]
    return torch.stack(columns, 1).double()


def _truth(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, importance: Tensor, k: int) -> Tensor:
    """By the definition: all subsets of the game of each test row."""
    return _each(x, y, test_x, test_y, lambda *rows: shapley(knn_game(*rows, k)).scores) @ importance


def _neighbour_case(random: Instances, n: int, t: int) -> tuple:
    """Rows apart, two or three classes of which each test row sees right and wrong ones."""
    while True:
        x, y = random.normal(n, 2), torch.tensor([random.integer(0, 2) for _ in range(n)])
        test_x, test_y = random.normal(t, 2), torch.tensor([random.integer(0, 2) for _ in range(t)])
        right = y == test_y[:, None]
        if n < 4 or bool((right.any(1) & ~right.all(1)).all()):
            return x, y, test_x, test_y, random.uniform(t, low=0.3, high=2.0)


def _recursion(right: Tensor, k: int, factor) -> Tensor:
    n, scores = len(right), torch.zeros(len(right), dtype=torch.float64)
    scores[-1] = right[-1] * min(k, n) / (n * k)
    for i in range(n - 1, 0, -1):
        scores[i - 1] = scores[i] + (right[i - 1] - right[i]) * factor(i)
    return scores


def _likely_values(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, importance: Tensor, k: int) -> dict[str, list]:
    rows = x, y, test_x, test_y
    each = _each(*rows, lambda *row: shapley(knn_game(*row, k)).scores)
    order = torch.cdist(test_x, x).argsort(1)
    right = (y[order] == test_y[:, None]).double()

    def scattered(scores: Tensor, places: Tensor) -> Tensor:
        return importance @ torch.zeros_like(scores).scatter(1, places, scores)

    def varied(factor) -> Tensor:
        return scattered(torch.stack([_recursion(row, k, factor) for row in right]), order)

    far = torch.stack([_recursion(row, k, lambda i: min(k, i) / (i * k)) for row in right.flip(1)])
    forward = torch.stack([_recursion(row.flip(0), k, lambda i: min(k, i) / (i * k)).flip(0) for row in right])
    by_rank = each.T.gather(1, order)
    mean_order = torch.cdist(test_x, x).mean(0).argsort()[None].expand(len(test_x), -1)
    pooled = torch.stack([_recursion((y[mean_order[0]] == c).double(), k, lambda i: min(k, i) / (i * k)) for c in test_y])
    return {
        "direction": [scattered(far, order.flip(1)), scattered(forward, order), scattered(far, order)],
        "factor": [
            varied(lambda i: 1 / k),
            varied(lambda i: min(k, i) / ((i + 1) * k)),
            varied(lambda i: min(k, i + 1) / ((i + 1) * k)),
            varied(lambda i: min(k, i - 1) / (i * k)),
            varied(lambda i: 1 / (i * k)),
            varied(lambda i: 1 / i),
        ],
        "k": [each @ importance * k, each @ importance / k, varied(lambda i: min(k, i) / i)],
        "sorted": [importance @ by_rank, scattered(by_rank, order.argsort(1)), importance @ each.T.gather(1, order.argsort(1))],
        "mean_first": [scattered(pooled, mean_order)],
        "alike": [each.sum(1), each.mean(1)],
        "normalised": [each @ importance / len(test_x), each @ importance / importance.sum()],
        "one_out": [_each(*rows, lambda *row: knn_leave_one_out(*row, k).scores) @ importance],
        "banzhaf": [_each(*rows, lambda *row: banzhaf(knn_game(*row, k)).scores) @ importance],
        "label": [_each(x, 0 * y, test_x, 0 * test_y, lambda *row: shapley(knn_game(*row, k)).scores) @ importance],
    }


@neighbour_values.property(points=2)
def matches_all_subsets(answer, random: Instances) -> None:
    for n, t, k in ((6, 3, 2), (random.integer(6, 7), 4, 3), (5, 2, 1)):
        case = random.once(_neighbour_case, n, t)
        truth = random.recall(lambda: _truth(*case, k))  # noqa: B023
        found = as_tensor(answer(*case, k), (n,))
        if not close(found, truth):
            raise nearest(found, random.recall(lambda: _likely_values(*case, k)))  # noqa: B023


def _tied_rows(random: Instances, same_labels: bool) -> tuple[tuple, Tensor]:
    """Arguments and values; where labels differ the order at a tie matters."""
    while True:
        x, y, test_x, test_y, importance = _neighbour_case(random, 6, 3)
        x, test_x = (2 * x).round(), (2 * test_x).round()
        x[3:] = x[:3]
        if same_labels:
            y[3:] = y[:3]
        other = _truth(x.flip(0), y.flip(0), test_x, test_y, importance, 2).flip(0)
        truth = _truth(x, y, test_x, test_y, importance, 2)
        if same_labels or not close(other, truth, 1e-3):
            return (x, y, test_x, test_y, importance, 2), truth


@neighbour_values.property(points=1)
def breaks_ties_by_row(answer, random: Instances) -> None:
    for same_labels in (False, False, True):
        case, truth = random.once(_tied_rows, same_labels)
        if not close(as_tensor(called("ties", answer, *case), (6,)), truth):
            raise Wrong("ties")
    x, y, test_x, test_y, importance = _neighbour_case(random, 100, 2)  # sorting may keep short lists in order by luck
    x, test_x = x.round(), test_x.round()
    order = (x - test_x[:, None]).square().sum(2).argsort(dim=1, stable=True)
    lines = torch.stack([_recursion(row, 3, lambda i: min(3, i) / (i * 3)) for row in (y[order] == test_y[:, None]).double()])
    truth = importance @ torch.zeros_like(lines).scatter(1, order, lines)
    if not close(as_tensor(answer(x, y, test_x, test_y, importance, 3), (100,)), truth):
        raise Wrong("ties")


@neighbour_values.property(points=1)
def counts_when_few_vote(answer, random: Instances) -> None:
    for hint, n, t, k in (("few", 4, 3, 4), ("few", 3, 2, 7), ("one_row", 1, 2, 1), ("one_row", 1, 1, 3)):
        case = _neighbour_case(random, n, t)
        x, y, test_x, test_y, _ = case
        test_y[0] = y[(x - test_x[0]).square().sum(1).argmax()]  # the farthest row is right: the start of the recursion shows
        if not close(as_tensor(called(hint, answer, *case, k), (n,)), random.recall(lambda: _truth(*case, k))):  # noqa: B023
            raise Wrong(hint)
    x, y, test_x, test_y, importance = _neighbour_case(random, 5, 3)
    importance[1] = 0
    found = as_tensor(called("nobody", answer, x, y, test_x, test_y, importance, 2), (5,))
    if not close(found, random.recall(lambda: _truth(x, y, test_x, test_y, importance, 2))):
        raise Wrong("nobody")


# ------------------------------------------------------------------------------------------------- truncated_orders

truncated_orders = Exercise(
    "attribution/retraining/truncated_orders",
    hints={
        "skipped": "you average over the orders that reached the player: where an order stopped, the player gets 0",
        "resumed": "an order that has stopped does not go on, even if a later subset leaves the tolerance again",
        "gains": "you stop at a small gain: stop where the value is near the value of everybody",
        "rest": "you hand what is left to the next player: the players after the stop get 0",
        "late": "you test after one more player: look at the value before you add the next one",
        "untruncated": "you never stop: look at the tolerance before each player",
        "relative": "the tolerance is absolute: |v(everybody) - value|, not divided by anything",
        "one_sided": "the distance to v(everybody) has no sign: a value above it counts as near too",
        "empty": "compare with the value of everybody, not with that of nobody",
        "sum": "you add over the orders: return the mean",
        "places": "scores belong to players, not to places in the order",
        "bits": "row k of the table is the subset whose player i is present when bit i of k is set",
        "keys": 'return a dict with the keys "scores" and "evaluations"',
        "value": "mean over orders of the gain at each player's arrival, and 0 after an order has stopped",
        "ends": "the values of nobody and of everybody are known: do not count them",
        "distinct": "count each value that an order reads, even if another order has read it before",
        "count": "count the values of subsets between nobody and everybody that the orders read",
        "exact": "right in general; a distance equal to the tolerance is near enough to stop",
        "nought": "the tolerance may be 0: an order stops where the value is exactly that of everybody",
        "at_once": "right in general; if the empty set is within the tolerance already, nobody gets anything",
        "one": "right for several players or orders, not for one",
    },
)


def _walk(values: Tensor, orders: Tensor, tolerance: float) -> tuple[Tensor, Tensor, Tensor]:
    """Values along each order `(m, n + 1)`, who gains what `(m, n)` by place, and which places come before the stop."""
    subsets = torch.cat([torch.zeros_like(orders[:, :1]), (2**orders).cumsum(1)], 1)
    path = values[subsets]
    near = (path - values[-1]).abs() <= tolerance
    before = near[:, :-1].long().cumsum(1) == 0
    return path, path.diff(dim=1), before


def _to_players(orders: Tensor, by_place: Tensor) -> Tensor:
    return torch.zeros_like(by_place).scatter(1, orders, by_place)


def _order_case(random: Instances, n: int, m: int) -> tuple[Tensor, Tensor, float]:
    """A table with a far empty set, orders that stop early, late and never, and some that would leave again."""
    while True:
        values = random.normal(2**n)
        values[0] = values[-1] - 2.5
        orders = torch.tensor([random.order(n) for _ in range(m)])
        tolerance = float(random.uniform(1, low=0.3, high=0.6))
        path, _, before = _walk(values, orders, tolerance)
        gap = (path - values[-1]).abs()
        stops = before.sum(1)
        leaves = ((gap[:, :-1] > tolerance) & ~before).any(1)
        above = ((path - values[-1])[:, 1:-1] > tolerance).any() and (stops < n).any()
        if leaves.any() and above and len(stops.unique()) > 2 and (gap - tolerance).abs().min() > 1e-3:
            likely = _likely_scores(values, orders, tolerance)
            if not any(close(likely["one_sided"][0], other) for other in likely["relative"]):
                return values, orders, tolerance


def _likely_scores(values: Tensor, orders: Tensor, tolerance: float) -> dict[str, list]:
    path, gains, before = _walk(values, orders, tolerance)
    near, m = (path[:, :-1] - values[-1]).abs() <= tolerance, len(orders)
    reached = _to_players(orders, before.double())
    summed = _to_players(orders, gains * before).sum(0)
    later = torch.cat([torch.ones_like(before[:, :1]), before[:, :-1]], 1)
    small = torch.cat([torch.zeros(m, 1), (gains.abs() <= tolerance).double().cumsum(1)[:, :-1]], 1) == 0
    above = (values[-1] - path[:, :-1] <= tolerance).long().cumsum(1) == 0
    nobody = ((path[:, :-1] - values[0]).abs() <= tolerance).long().cumsum(1) == 0
    first = ~before & torch.cat([torch.ones_like(before[:, :1]), before[:, :-1]], 1)
    rest = gains * before + first * (values[-1] - path[:, :-1])
    scale = (values[-1] - values[0]).abs()
    shares = [((path[:, :-1] - values[-1]).abs() <= tolerance * s).long().cumsum(1) == 0 for s in (scale, values[-1].abs())]
    n = orders.shape[1]
    reversed_bits = torch.tensor([int(f"{k:0{n}b}"[::-1], 2) for k in range(2**n)])
    other = values[reversed_bits]
    _, gains_b, before_b = _walk(other, orders, tolerance)

    def mean(by_place: Tensor) -> Tensor:
        return _to_players(orders, by_place.double()).mean(0)

    return {
        "skipped": [summed / reached.sum(0).clamp(min=1)],
        "resumed": [mean(gains * ~near)],
        "gains": [mean(gains * small), mean(gains * (gains.abs() > tolerance))],
        "rest": [mean(rest)],
        "late": [mean(gains * later)],
        "untruncated": [mean(gains)],
        "relative": [mean(gains * kept) for kept in shares],
        "one_sided": [mean(gains * above)],
        "empty": [mean(gains * nobody), torch.zeros_like(summed)],
        "sum": [summed],
        "places": [(gains * before).mean(0)],
        "bits": [_to_players(orders, gains_b * before_b).mean(0)],
    }


def _read_orders(result: object, n: int) -> tuple[Tensor, object]:
    result = as_dict(result, ["scores", "evaluations"])
    return as_tensor(result["scores"], (n,), 'entry "scores"'), result["evaluations"]


def _mean_gains(values: Tensor, orders: Tensor, tolerance: float) -> Tensor:
    _, gains, before = _walk(values, orders, tolerance)
    return _to_players(orders, gains * before).mean(0)


def _count(values: Tensor, orders: Tensor, tolerance: float) -> int:
    _, _, before = _walk(values, orders, tolerance)
    return int(before[:, :-1].sum())


@truncated_orders.property(points=2)
def credits_the_tail_with_nothing(answer, random: Instances) -> None:
    for n, m in ((4, 12), (5, 15)):
        case = _order_case(random, n, m)
        scores, _ = _read_orders(answer(*case), n)
        if not close(scores, _mean_gains(*case)):
            raise nearest(scores, _likely_scores(*case))


@truncated_orders.property(points=1)
def counts_what_it_reads(answer, random: Instances) -> None:
    for n, m in ((4, 12), (5, 9)):
        values, orders, tolerance = case = _order_case(random, n, m)
        _, said = _read_orders(answer(*case), n)
        said, right = as_number(said, 'entry "evaluations"'), _count(*case)
        if not close(said, float(right), 1e-9):
            _, _, before = _walk(*case)
            subsets = (2**orders).cumsum(1)[:, :-1][before[:, :-1]]
            steps = int(before.sum())
            ends = [float(right + 2), float(steps), float(steps + 2), float(right + 1), float(steps + m), float(right + 2 * m)]
            raise nearest(said, {"ends": ends, "distinct": [float(len(subsets.unique()))]}, "count", tolerance=1e-9)


@truncated_orders.property(points=1)
def stops_at_the_edges(answer, random: Instances) -> None:
    whole = torch.tensor([0.0, 2, 1, 3, 2, 3, 1, 3]).double() + random.integer(-2, 2)
    orders = torch.tensor([[0, 1, 2], [1, 0, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0], random.order(3)])
    table, one = random.normal(8), random.away_from_zero(2)
    cases = {
        "exact": [(whole, orders, 1.0), (whole, orders, 0.0), (whole, orders, 2.0)],
        "at_once": [(table, orders, float((table[-1] - table[0]).abs()) + 0.5)],
        "one": [(one, torch.tensor([[0], [0]]), 0.0), (table, torch.tensor([random.order(3)]), 0.0)],
    }
    left = torch.tensor([0.0, 5, 1, 2, 2, 2, 1, 5]).double()  # player 0 alone is worth what all are, with 1 or 2 it is not
    cases["nought"] = [(left, torch.tensor([[0, 1, 2], [2, 0, 1]]), 0.0)]
    for hint, group in cases.items():
        for case in group:
            scores, said = _read_orders(called(hint, answer, *case), case[1].shape[1])
            if not close(scores, _mean_gains(*case)) or as_number(said, 'entry "evaluations"') != _count(*case):
                raise Wrong(hint)


# ---------------------------------------------------------------------------------------------------- subset_scores

subset_scores = Exercise(
    "attribution/retraining/subset_scores",
    hints={
        "sums": "you subtract sums: take the mean over the subsets with the example, and over those without",
        "half": "divide by the number of subsets with the example and without it, not by half or by all of them",
        "everything": "subtract the mean of the subsets without the example, not the mean of all",
        "joined": "you return the mean value with the example: subtract the mean value without it",
        "sign": "the sign: with the example minus without it",
        "regression": "this is a regression: the plain difference of two means is asked for",
        "one_output": "keep one column of scores for each column of values",
        "value": "mean value of the subsets with the example minus mean value of those without it",
        "always": "right in general; an example that is in every subset has nothing to compare with: 0",
        "never": "right in general; an example that is in no subset has nothing to compare with: 0",
        "once": "right in general, but not for an example that is in one subset only, or in all but one",
        "repeated": "a subset that was drawn twice counts twice, with equal values too",
        "complete": "with all subsets listed once your scores are not the Banzhaf values",
    },
)


def _contrasts(masks: Tensor, values: Tensor) -> Tensor:
    """Row by row, in words."""
    scores = []
    for column in masks.T.bool():
        both = column.any() and not column.all()
        scores.append(values[column].mean(0) - values[~column].mean(0) if both else torch.zeros_like(values[0]))
    return torch.stack(scores)


def _subset_case(random: Instances, m: int, n: int, t: int) -> tuple[Tensor, Tensor]:
    """Masks with unequal numbers of members."""
    while True:
        masks = (random.uniform(m, n) < random.uniform(n, low=0.25, high=0.75)).double()
        counts = masks.sum(0)
        if (counts > 1).all() and (counts < m - 1).all() and (2 * counts != m).all():
            return masks, random.normal(m, t) + random.away_from_zero(t)


def _likely_contrasts(masks: Tensor, values: Tensor) -> dict[str, list]:
    right, m, whole = _contrasts(masks, values), len(masks), values.mean(0)
    joined = masks.T @ values / masks.sum(0)[:, None]
    design = torch.cat([masks, torch.ones(m, 1, dtype=masks.dtype)], 1)
    line = torch.linalg.lstsq(design, values).solution[:-1]
    sums = masks.T @ values - (1 - masks).T @ values
    return {
        "sums": [sums],
        "half": [sums / m, 2 * sums / m],
        "everything": [joined - whole],
        "joined": [joined],
        "sign": [-right],
        "regression": [line, torch.linalg.lstsq(masks, values).solution],
    }


@subset_scores.property(points=2)
def compares_two_means(answer, random: Instances) -> None:
    for m, n, t in ((25, 4, 2), (random.integer(30, 40), 6, 3)):
        masks, values = _subset_case(random, m, n, t)
        result = answer(masks, values)
        if isinstance(result, Tensor) and result.dim() == 1:
            raise Wrong("one_output")
        found = as_tensor(result, (n, t))
        if not close(found, _contrasts(masks, values)):
            raise nearest(found, _likely_contrasts(masks, values))


@subset_scores.property(points=1)
def knows_its_limits(answer, random: Instances) -> None:
    for hint in ("always", "never", "once"):
        masks, values = _subset_case(random, 20, 5, 2)
        place = random.integer(0, 3)
        masks[:, place] = 1.0 if hint == "always" else 0.0
        if hint == "once":
            masks[random.integer(0, 19), place], masks[:, 4] = 1.0, 1.0
            masks[random.integer(0, 19), 4] = 0.0
        found = as_tensor(called(hint, answer, masks, values), (5, 2))
        if not close(found, _contrasts(masks, values)):
            raise Wrong(hint)
    twice = torch.tensor([[1.0, 0], [1, 0], [0, 1], [1, 1]]).double(), torch.tensor([[1.0], [1], [3], [5]]).double()
    if not close(as_tensor(called("repeated", answer, *twice), (2, 1)), _contrasts(*twice)):
        raise Wrong("repeated")
    table = random.table(3, 1)
    masks = ((torch.arange(8)[:, None] >> torch.arange(3)) & 1).double()
    found = as_tensor(called("complete", answer, masks, table), (3, 1))
    if not close(found, banzhaf(table_game(table)).scores):
        raise Wrong("complete")
