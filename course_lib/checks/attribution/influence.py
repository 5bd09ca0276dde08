"""Checks for exercises/attribution/influence.ipynb."""

import math

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from course_lib.attribution.linear_learners import Logistic
from course_lib.checks import Exercise, Wrong, as_number, as_tensor, called, close, nearest
from course_lib.checks.instances import Instances
from course_lib.checks.returns import as_dict

Tensor = torch.Tensor
NUDGE = 1e-4


def _fitted(random: Instances, n: int, p: int, penalty: float | None = None) -> tuple:
    """Rows, labels of both classes if there is room, the fitted parameters and the penalty, away from 1."""
    x, penalty = random.normal(n, p), penalty or float(random.uniform(1, low=1.5, high=3.0))
    y = (torch.arange(n) % 2)[random.order(n)]
    theta = Logistic(penalty).fit(x, y, torch.ones(1, n, dtype=torch.float64))[0]
    return x, y, theta, penalty


def _parts(x: Tensor, y: Tensor, theta: Tensor, penalty: float) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the examples `(n, p)`, curvatures `(n,)` and the Hessian `(p, p)`."""
    p = torch.sigmoid(x @ theta)
    c = p * (1 - p)
    return (p - y)[:, None] * x, c, x.T @ (c[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=x.dtype)


def _single(case: tuple) -> tuple:
    """The same case in float32."""
    return tuple(part.float() if isinstance(part, Tensor) and part.is_floating_point() else part for part in case)


def _confident(random: Instances) -> tuple:
    """A fit with margins of about 5 to 30, and one row whose log-odds are above 1000; labels are as the rows say."""
    start, signs, penalty = random.away_from_zero(3), 1 - 2.0 * (torch.arange(9) % 2), 0.01
    start = 4 * start / start.norm()
    away = random.normal(9, 3)
    away = away - (away @ start)[:, None] * start / (start @ start)
    margins = torch.cat([random.uniform(8, low=5.0, high=30.0), torch.tensor([3000.0])]) * signs
    x, y = margins[:, None] * start / (start @ start) + away, (signs > 0).long()
    return x, y, Logistic(penalty).fit(x, y, torch.ones(1, 9, dtype=torch.float64))[0], penalty


class _Watch(TorchDispatchMode):
    """Raises as soon as a tensor has `numbers` entries, or `systems` matrices have been solved, inverted or decomposed."""

    words = ("solve", "linalg_inv", "cholesky", "linalg_lu", "linalg_qr", "eig", "svd", "lstsq")

    def __init__(self, numbers: float = math.inf, systems: float = math.inf) -> None:
        super().__init__()
        self.numbers, self.systems, self.over = numbers, systems, False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        first = made[0] if isinstance(made, tuple | list) and len(made) else made
        if isinstance(first, Tensor) and first.numel() >= self.numbers:
            self.over = True
            raise ValueError(f"a tensor of shape {tuple(first.shape)} is too large here")
        if any(word in func._schema.name for word in self.words):
            self.systems -= math.prod(args[0].shape[:-2])
            if self.systems <= 0:
                self.over = True
                raise ValueError("too many linear systems")
        return made


def _watched(watch: _Watch, hint: str, answer, *case) -> object:
    """What the answer returns while its tensors are watched: past the limit, the hint."""
    try:
        with watch:
            return answer(*case)
    except Exception:
        if watch.over:
            raise Wrong(hint) from None
        raise


def _finite(hint: str, result: object, shape: tuple[int, ...]) -> Tensor:
    """The returned tensor where nan and inf get the hint of the case."""
    if isinstance(result, Tensor) and result.is_floating_point() and not result.isfinite().all():
        raise Wrong(hint, seen="nan or inf")
    return as_tensor(result, shape)


# -------------------------------------------------------------------------------------------------------- influence

influence = Exercise(
    "attribution/influence/influence",
    hints={
        "sign": "every sign is turned: a score is with minus without, so more weight on a helpful example raises the "
        "log-likelihood",
        "penalty": "your H lacks the penalty, has it in part, or more than once: it is the Hessian of the whole objective",
        "share": "the penalty does not belong to the gradient of a single example: it stays when the example goes",
        "count": "you divide by the number of examples somewhere: the objective here is a sum, and g_j multiplies one loss",
        "overlap": "this is the gradient overlap: solve with H",
        "curvature": "look at H: each row enters with the curvature p (1 - p) of its own loss, to the first power",
        "times": "you multiply by H: solve with it",
        "margin": "this is the influence on the log-odds or the probability: the utility is the log-likelihood of the label",
        "labels": "you treat all test labels, or all training labels, alike",
        "value": "check the signs and factors of grad l_j, H and grad u one by one, on a single example with one input",
        "test": "right for test rows like these, but each test row is to have its own column, whatever the others are",
        "one": "right for many examples, but not for a single one",
        "floats": "right for whole labels in float64; labels may be floats, and all may be float32: the result is as `x`",
        "confident": "right for moderate log-odds; some rows are far from the border: clip nothing, and mind exp of 1000",
        "strong": "right for moderate penalties, not for very large or very small ones",
        "zero": "right for ordinary rows, but not when a row of `x` is all zeros: its score is 0",
    },
)


def _rises(x: Tensor, y: Tensor, theta: Tensor, penalty: float, test_x: Tensor, test_y: Tensor) -> Tensor:
    """The truth `(n, t)`: refit with a little more and a little less weight on each example."""
    n, learner = len(x), Logistic(penalty)
    step = NUDGE * torch.eye(n, dtype=x.dtype)
    fitted = learner.fit(x, y, torch.cat([1 + step, 1 - step]))
    values = -learner.losses(fitted, test_x, test_y)
    return (values[:n] - values[n:]) / (2 * NUDGE)


def _formula(x: Tensor, y: Tensor, theta: Tensor, penalty: float, test_x: Tensor, test_y: Tensor) -> Tensor:
    """The same `(n, t)` without a refit, where one would take too long."""
    slopes, _, H = _parts(x, y, theta, penalty)
    return -slopes @ torch.linalg.solve(H, test_x.T) * (test_y - torch.sigmoid(test_x @ theta))


def _likely_rises(x, y, theta, penalty, test_x, test_y) -> dict[str, list]:
    slopes, c, H = _parts(x, y, theta, penalty)
    n, eye = len(x), torch.eye(x.shape[1], dtype=x.dtype)
    q, plain = torch.sigmoid(test_x @ theta), x.T @ (c[:, None] * x)
    climb = (test_y - q)[:, None] * test_x

    def scores(rows=slopes, matrix=H, up=climb) -> Tensor:
        return -rows @ torch.linalg.solve(matrix, up.T)

    right, side = scores(), (2 * test_y - 1)[:, None]
    uneven = eye.clone()
    uneven[-1, -1] = 0
    likely = {
        "sign": [-right],
        "count": [right / n, right * n, scores(matrix=H / n), scores(matrix=plain / n + penalty * eye)],
        "share": [scores(rows=slopes + penalty * theta), scores(rows=slopes + penalty / n * theta)],
        "overlap": [-slopes @ climb.T, slopes @ climb.T],
        "times": [-slopes @ H @ climb.T],
        "curvature": [
            scores(matrix=x.T @ x + penalty * eye),
            scores(matrix=x.T @ (c[:, None] ** 2 * x) + penalty * eye),
            scores(matrix=slopes.T @ slopes + penalty * eye),
            scores(matrix=x.T @ (torch.sigmoid(x @ theta)[:, None] * x) + penalty * eye),
            scores(matrix=x.T @ (c.sqrt()[:, None] * x) + penalty * eye),
        ],
        "margin": [
            scores(up=side * test_x),
            scores(up=test_x),
            scores(up=side * (q * (1 - q))[:, None] * test_x),
            scores(up=(q * (1 - q))[:, None] * test_x),
        ],
        "labels": [scores(up=(1 - q)[:, None] * test_x), scores(rows=(torch.sigmoid(x @ theta) - 1)[:, None] * x)],
    }
    wrong = [factor * penalty * eye for factor in (n, 2, 0.5, 1 / n, penalty**-2)]
    likely["penalty"] = [scores(matrix=plain + extra) for extra in (*wrong, penalty * uneven)]
    if int(torch.linalg.matrix_rank(plain)) == len(plain):
        likely["penalty"].append(scores(matrix=plain))
    return likely


@influence.property(points=2)
def follows_a_refit(answer, random: Instances) -> None:
    for n, p, t in ((9, 3, 2), (random.integer(6, 12), 2, 4)):
        fit = random.once(_fitted, n, p)
        case = (*fit, random.normal(t, p), (torch.arange(t) % 2)[random.order(t)])
        truth = random.recall(lambda: _rises(*case))  # noqa: B023
        scores = as_tensor(answer(*case), (n, t))
        if not close(scores, truth, 1e-5 * max(1e-2, truth.abs().max().item())):
            raise nearest(scores, random.recall(lambda: _likely_rises(*case)), tolerance=1e-6)  # noqa: B023


def _edges(random: Instances) -> tuple[tuple, list[tuple]]:
    """A plain case and its truth; hints, cases and truths at the edges."""
    fit = _fitted(random, 7, 3)
    tests = random.normal(3, 3), torch.tensor([1, 1, 0])
    blank = fit[0].clone()
    blank[2] = 0
    theta = Logistic(fit[3]).fit(blank, fit[1], torch.ones(1, 7, dtype=torch.float64))[0]
    cases = {
        "test": (*fit, random.normal(1, 3), torch.tensor([random.integer(0, 1)])),
        "one": (*_fitted(random, 1, 2), random.normal(2, 2), torch.tensor([0, 1])),
        "floats": (fit[0], fit[1].double(), *fit[2:], tests[0], tests[1].double()),
        "strong": (*_fitted(random, 6, 2, 300.0), random.normal(2, 2), torch.tensor([1, 0])),
        "zero": (blank, fit[1], theta, fit[3], *tests),
    }
    weak = (*_fitted(random, 6, 2, 0.02), random.normal(2, 2), torch.tensor([1, 0]))
    edges = [*cases.items(), ("strong", weak), ("confident", (*_confident(random), *tests))]
    plain = (*fit, *tests)
    return (plain, _formula(*plain)), [(hint, case, _formula(*case)) for hint, case in edges]


@influence.property(points=1)
def takes_the_edges(answer, random: Instances) -> None:
    (case, right), edges = random.once(_edges)
    for hint, edge, truth in edges:
        scores = _finite(hint, called(hint, answer, *edge), tuple(truth.shape))
        if not close(scores / truth.abs().max(), truth / truth.abs().max(), 1e-4):
            raise Wrong(hint)
    result = called("floats", answer, *_single(case))
    if not close(as_tensor(result, (7, 3)), right, 1e-4) or result.dtype != torch.float32:
        raise Wrong("floats")


# ------------------------------------------------------------------------------------------------- without_each

without_each = Exercise(
    "attribution/influence/without_each",
    hints={
        "tangent": "this is plain influence: divide the move by 1 - h_j",
        "inverse": "the move is plain influence divided by 1 - h_j, to the first power: the example's own curvature leaves H",
        "sign": "the move has the wrong sign: without example j, the parameters give way against its pull",
        "curvature": "look at the leverage: it contains the curvature p (1 - p) of the example, once",
        "penalty": "the penalty is missing in H, or in the H of the leverage, or not the same in both",
        "move": "these are the changes: return the log-odds themselves",
        "with": "these are the log-odds of the full fit: row j should lack example j",
        "odds": "these are probabilities: return log-odds",
        "share": "the penalty does not belong to the gradient of a single example",
        "labels": "the gradient of example j is (p_j - y_j) x_j: you use another",
        "value": "row j should be test_x @ (one Newton step without example j)",
        "lone": "right where several examples share a direction; an example alone in its direction has a leverage near 1",
        "one": "right for many examples; with a single one, the step leads to theta = 0 exactly",
        "twins": "right for distinct rows; equal rows have a leverage each",
        "many": "the log-odds are right, but you solve or invert once for each example: once with H is enough",
        "floats": "right for whole labels in float64; labels may be floats, and all may be float32: the result is as `x`",
        "confident": "right for moderate log-odds; some rows are far from the border: clip nothing, and mind exp of 1000",
    },
)


def _newton_rows(x: Tensor, y: Tensor, theta: Tensor, penalty: float, test_x: Tensor) -> Tensor:
    """The truth `(n, t)`, one linear system for each example, without any leverage."""
    slopes, c, H = _parts(x, y, theta, penalty)
    total, rows = slopes.sum(0) + penalty * theta, []
    for slope, curvature, row in zip(slopes, c, x, strict=True):
        step = torch.linalg.solve(H - curvature * torch.outer(row, row), total - slope)
        rows.append(test_x @ (theta - step))
    return torch.stack(rows)


def _likely_rows(x, y, theta, penalty, test_x) -> dict[str, list]:
    slopes, c, H = _parts(x, y, theta, penalty)
    n, p = x.shape
    eye, inverse = torch.eye(p, dtype=x.dtype), torch.linalg.inv(H)
    plain = torch.linalg.pinv(H - penalty * eye)
    odds, square = test_x @ theta, (x @ inverse * x).sum(1)
    h = c * square

    def rows(factor: Tensor, matrix: Tensor = inverse, pull: Tensor = slopes) -> Tensor:
        return odds + factor[:, None] * (pull @ matrix @ test_x.T)

    right, loose = rows(1 / (1 - h)), c * (x @ plain * x).sum(1)
    return {
        "tangent": [rows(torch.ones(n)), rows(-torch.ones(n)), slopes @ inverse @ test_x.T],
        "inverse": [rows(1 - h), rows(1 / (1 + h)), rows(1 + h), rows(-(1 - h)), rows(1 / (1 - h) ** 2), rows((1 - h) ** -0.5)],
        "sign": [rows(-1 / (1 - h))],
        "curvature": [rows(1 / (1 - square)), rows(1 / (1 - c * h)), rows(1 / (1 - c.sqrt() * square))],
        "penalty": [rows(1 / (1 - loose)), rows(1 / (1 - loose), plain), rows(1 / (1 - h), plain), rows(torch.ones(n), plain)],
        "move": [right - odds, odds - right],
        "with": [odds.expand(n, -1)],
        "odds": [torch.sigmoid(right)],
        "share": [rows(1 / (1 - h), pull=slopes + penalty * theta), rows(1 / (1 - h), pull=slopes + penalty / n * theta)],
        "labels": [
            rows(1 / (1 - h), pull=(torch.sigmoid(x @ theta) - 1)[:, None] * x),
            rows(1 / (1 - h), pull=torch.sigmoid(x @ theta)[:, None] * x),
        ],
    }


@without_each.property(points=2)
def is_one_newton_step(answer, random: Instances) -> None:
    for n, p, t in ((8, 3, 2), (random.integer(6, 10), 2, 3)):
        case = (*random.once(_fitted, n, p), random.normal(t, p))
        truth, found = random.recall(lambda: _newton_rows(*case)), as_tensor(answer(*case), (n, t))  # noqa: B023
        if not close(found, truth, 1e-6):
            raise nearest(found, random.recall(lambda: _likely_rows(*case)), tolerance=1e-6)  # noqa: B023


def _hard_examples(random: Instances) -> tuple[list[tuple], tuple, tuple]:
    """Hints, cases and truths; the case for float32 and a confident one, each with its truth."""
    x, y, _, _ = _fitted(random, 7, 3)
    lone, twins = x.clone(), x.clone()
    lone[:-1, 0], lone[-1] = 0, torch.tensor([5.0, 0.0, 0.0])  # the last row is alone in its direction
    twins[1] = twins[0]
    same = y.clone()
    same[1] = same[0]
    cases = {"one": (*_fitted(random, 1, 2), random.normal(2, 2))}
    for hint, rows, labels, penalty in (("lone", lone, y, 0.05), ("twins", twins, same, 0.5)):
        theta = Logistic(penalty).fit(rows, labels, torch.ones(1, 7, dtype=torch.float64))[0]
        cases[hint] = (rows, labels, theta, penalty, 100 * random.away_from_zero(3, 3))
    plain = (*_fitted(random, 6, 2), random.normal(2, 2))
    hard = [*cases.items(), ("floats", (plain[0], plain[1].double(), *plain[2:]))]
    sure = (*_confident(random), random.normal(3, 3))
    told = [(hint, case, _newton_rows(*case)) for hint, case in hard]
    return told, (plain, _newton_rows(*plain)), (sure, _newton_rows(*sure))


@without_each.property(points=1)
def takes_hard_examples(answer, random: Instances) -> None:
    hard, (plain, right), (case, truth_of_sure) = random.once(_hard_examples)
    for hint, example, truth in hard:
        if not close(as_tensor(called(hint, answer, *example), tuple(truth.shape)), truth, 1e-5):
            raise Wrong(hint)
    result = called("floats", answer, *_single(plain))
    if not close(as_tensor(result, (6, 2)), right, 1e-4) or result.dtype != torch.float32:
        raise Wrong("floats")
    odds, truth = case[4] @ case[2], truth_of_sure
    moves, size = _finite("confident", called("confident", answer, *case), (9, 3)) - odds, (truth - odds).abs().max()
    if not close(moves / size, (truth - odds) / size, 1e-4):
        raise Wrong("confident")
    _watched(_Watch(systems=12), "many", answer, *random.once(_fitted, 12, 2), random.normal(2, 2))


# --------------------------------------------------------------------------------------------- conjugate_gradients

conjugate_gradients = Exercise(
    "attribution/influence/conjugate_gradients",
    hints={
        "penalty": "your product lacks the penalty times v",
        "curvatures": "your product lacks the curvatures: X^T diag(c) X v, not X^T X v, nor c squared",
        "inverse": "you return H b, or b over something: the solution s satisfies H s = b",
        "sign": "the solution has the wrong sign: H s = b",
        "early": "the residual of your solution is larger than the tolerance times |b|: go on until it is not",
        "value": "H s is not b: look at the step along the direction, (r . r) / (d . H d), and at r, which loses step * H d",
        "keys": 'return a dict with the keys "solution" and "steps"',
        "descent": "too many steps: is each new direction r + (r . r new / r . r old) d, and not r alone?",
        "late": "you count more steps than it takes: stop as soon as |r| <= tolerance |b|, and count the products with H",
        "matrix": "form no matrix: H v takes one product with `x`, one with `c` and one with `x.T`, each of them a vector",
        "long": "right for well-conditioned H; rounding may ask for more than p steps: go on until |r| is small enough",
        "direct": "your steps are fewer than conjugate gradients need: count one for each product of H with a direction",
        "relative": "right for |b| near 1; the tolerance is relative: scaling b scales the solution and leaves the steps",
        "zero": "right in general, but b = 0 needs no step: the solution is 0",
        "floats": "right in float64; in float32 the answer should be float32",
    },
)


def _hessian(x: Tensor, c: Tensor, penalty: float) -> Tensor:
    return x.T @ (c[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=x.dtype)


def _steps(H: Tensor, b: Tensor, tolerance: float) -> tuple[int, bool]:
    """Steps that conjugate gradients take, found by Krylov spaces, and whether that number is beyond doubt."""
    basis, scale, clear = [], b.norm().item(), False
    for k in range(len(b) + 1):
        if k:
            vector = b if k == 1 else H @ basis[-1]
            for _ in range(2):
                for other in basis:
                    vector = vector - (other @ vector) * other
            basis.append(vector / vector.norm())
        Q = torch.stack(basis, 1) if basis else torch.zeros(len(b), 0, dtype=b.dtype)
        left = (b - H @ Q @ torch.linalg.solve(Q.T @ H @ Q, Q.T @ b) if basis else b).norm().item() / scale
        if left <= tolerance:
            return k, left < tolerance / 1.5 and clear and 3 <= k < len(b)
        clear = left > 1.5 * tolerance
    return len(b), False


def _rounded_steps(H: Tensor, b: Tensor, tolerance: float) -> int:
    """Steps with the rounding errors of float64, which may be more than `len(b)`; by the matrix, up to a few."""
    r, d, steps = b, b, 0
    while r.norm() > tolerance * b.norm() and steps < 20 * len(b):
        left = r - (r @ d) / (d @ (H @ d)) * (H @ d)
        d, r, steps = left + (left @ left) / (r @ r) * d, left, steps + 1
    return steps


def _system(random: Instances, n: int, p: int) -> tuple:
    """Rows, curvatures, penalty, right-hand side and a tolerance whose number of steps is beyond doubt."""
    while True:
        x, c = random.normal(n, p) * random.uniform(p, low=0.5, high=2.0), random.uniform(n, low=0.2, high=2.0)
        penalty, b = float(random.uniform(1, low=0.5, high=2.0)), random.normal(p)
        tolerance = 10.0 ** -random.integer(2, 4)
        steps, clear = _steps(_hessian(x, c, penalty), b, tolerance)
        if clear:
            return x, c, penalty, b, tolerance, steps


def _read_solution(result: object, p: int) -> tuple[Tensor, float]:
    result = as_dict(result, ["solution", "steps"])
    return as_tensor(result["solution"], (p,), 'entry "solution"'), as_number(result["steps"], 'entry "steps"')


@conjugate_gradients.property(points=2)
def solves_the_system(answer, random: Instances) -> None:
    for n, p in ((12, 8), (random.integer(5, 20), random.integer(7, 9))):
        x, c, penalty, b, tolerance, _ = random.once(_system, n, p)
        solution, _ = _read_solution(answer(x, c, penalty, b, tolerance), p)
        H = _hessian(x, c, penalty)
        left = ((b - H @ solution).norm() / b.norm()).item()
        if left > 1.01 * tolerance:
            others = {
                "sign": [-torch.linalg.solve(H, b)],
                "penalty": [torch.linalg.pinv(x.T @ (c[:, None] * x)) @ b],
                "curvatures": [
                    torch.linalg.solve(_hessian(x, torch.ones_like(c), penalty), b),
                    torch.linalg.solve(_hessian(x, c**2, penalty), b),
                    torch.linalg.solve(_hessian(x, c.sqrt(), penalty), b),
                ],
                "inverse": [H @ b, b / H.diagonal(), b],
            }
            raise nearest(solution, others, "early" if left < 100 * tolerance else "value", 1e-3)
    x, c, b = random.normal(90, 30), random.uniform(90, low=0.2, high=2.0), random.normal(30)
    solution, _ = _read_solution(called("early", answer, x, c, 5.0, b, 1e-8), 30)
    H = _hessian(x, c, 5.0)
    truth = torch.linalg.solve(H, b)
    if (b - H @ solution).norm() > 1.5e-8 * b.norm() or (solution - truth).norm() > 1e-6 * truth.norm():
        raise Wrong("early")


@conjugate_gradients.property(points=1)
def takes_the_fewest_steps(answer, random: Instances) -> None:
    for _ in range(2):
        *case, steps = random.once(_system, random.integer(8, 15), random.integer(7, 10))
        _, said = _read_solution(answer(*case), len(case[3]))
        if said != steps:
            raise Wrong("late" if said in (steps + 1, len(case[3])) else "descent" if said > steps else "direct")
    for n, p in ((3, 120), (120, 3)):  # H has at most four distinct eigenvalues, so there are few steps
        case = random.normal(n, p), random.uniform(n, low=0.2, high=2.0), 1.0, random.normal(p), 1e-6
        _watched(_Watch(numbers=120**2), "matrix", answer, *case)


@conjugate_gradients.property(points=1)
def takes_any_right_hand_side(answer, random: Instances) -> None:
    x, c, penalty, b, tolerance, steps = random.once(_system, 10, 8)
    plain, _ = _read_solution(answer(x, c, penalty, b, tolerance), 8)
    for scale in (1e4, 1e-4, 1e-10):
        solution, said = _read_solution(called("relative", answer, x, c, penalty, scale * b, tolerance), 8)
        left = (scale * b - _hessian(x, c, penalty) @ solution).norm() / (scale * b).norm()
        if said != steps or left > 1.01 * tolerance or not close(solution / scale, plain, 1e-6):
            raise Wrong("relative")
    wide, weights, side = random.normal(24, 12), random.uniform(24, low=0.2, high=2.0), random.normal(12)
    wide = wide * torch.logspace(0, -2, 12, dtype=wide.dtype)
    H = _hessian(wide, weights, 1e-4)
    solution, said = _read_solution(called("long", answer, wide, weights, 1e-4, side, 1e-8), 12)
    steps_here = random.recall(lambda: _rounded_steps(H, side, 1e-8))
    if (side - H @ solution).norm() > 1.5e-8 * side.norm() or abs(said - steps_here) > 4:
        raise Wrong("long")
    solution, said = _read_solution(called("zero", answer, x, c, penalty, 0 * b, tolerance), 8)
    if said != 0 or solution.abs().max() > 0:
        raise Wrong("zero")
    result = called("floats", answer, x.float(), c.float(), penalty, b.float(), 1e-3)
    solution, _ = _read_solution(result, 8)
    left = (b - _hessian(x, c, penalty) @ solution).norm() / b.norm()
    if result["solution"].dtype != torch.float32 or left > 2e-3:
        raise Wrong("floats")


# ---------------------------------------------------------------------------------------------------------- traced

traced = Exercise(
    "attribution/influence/traced",
    hints={
        "sign": "every sign is turned: an example whose step lowers the test loss is a proponent, with a positive score",
        "rate": "each overlap is to be multiplied by the rate, once",
        "last": "the test gradient belongs to the parameters before the step, not to the last ones",
        "after": "you take a gradient after the step: both are taken before it",
        "fixed": "your parameters never move, or start elsewhere: begin at zero and step after each overlap",
        "twice": "an example may be visited several times: add to its score, and do not divide by the visits",
        "all": "a step is credited to the example that made it, and to no other",
        "ideal": "this is the true fall of the test loss: asked for is its first-order estimate",
        "mean": "the test loss is the mean over the test rows",
        "square": "the loss is half the squared error: look for a factor of 2",
        "cosine": "you normalise the gradients: their sizes belong to the score",
        "absolute": "scores have a sign: opponents are negative",
        "value": "before each step add rate * (test gradient . gradient of the visited example) to that example's score",
        "never": "right when all examples are visited; one that never is scores 0",
        "empty": "right in general; without any step all scores are 0",
        "floats": "right in float64; in float32 the answer should be float32",
    },
)


def _run(x, y, order, rate, test_x, test_y, *, when="before", credit=None) -> Tensor:
    """Scores by matrices: the state after each step is (I - rate x x^T) theta + rate y x; `when` the test gradient is taken."""
    path = [torch.zeros(x.shape[1], dtype=x.dtype)]
    for j in order:
        path.append(path[-1] - rate * torch.outer(x[j], x[j]) @ path[-1] + rate * y[j] * x[j])
    scores = torch.zeros(len(x), dtype=x.dtype)
    A, b = test_x.T @ test_x / len(test_x), test_x.T @ test_y / len(test_x)
    for k, j in enumerate(order):
        place = path[{"before": k, "after": k + 1, "last": -1, "first": 0}[when]]
        start = path[0] if when == "first" else path[k]
        up, own = A @ place - b, (x[j] @ start - y[j]) * x[j]
        amount = rate * up @ own if credit is None else credit(up, own, path[k], path[k + 1])
        scores[j] = scores[j] + amount
    return scores


def _likely_run(x, y, order, rate, test_x, test_y) -> dict[str, list]:
    case, t = (x, y, order, rate, test_x, test_y), len(test_x)
    right = _run(*case)
    A, b = test_x.T @ test_x / t, test_x.T @ test_y / t

    def fell(up, own, old, new) -> Tensor:
        return (old @ A @ old / 2 - b @ old) - (new @ A @ new / 2 - b @ new)

    def cosine(up, own, *_) -> Tensor:
        return up @ own / (up.norm() * own.norm())

    visits = torch.bincount(torch.tensor(order), minlength=len(x)).clamp(min=1)
    last = torch.zeros_like(right)
    path, everyone = torch.zeros(x.shape[1], dtype=x.dtype), torch.zeros_like(right)
    for j in order:
        slopes, up = (x @ path - y)[:, None] * x, A @ path - b
        last[j] = rate * up @ slopes[j]
        everyone += rate * slopes @ up
        path = path - rate * slopes[j]
    return {
        "sign": [-right],
        "rate": [right / rate, right * rate],
        "last": [_run(*case, when="last")],
        "after": [_run(*case, when="after")],
        "fixed": [_run(*case, when="first")],
        "twice": [last, right / visits],
        "all": [everyone],
        "ideal": [_run(*case, credit=fell)],
        "mean": [right * t, right * t**2],
        "square": [2 * right, 4 * right, right / 2],
        "cosine": [_run(*case, credit=cosine), rate * _run(*case, credit=cosine)],
        "absolute": [right.abs(), _run(*case, credit=lambda up, own, *_: rate * (up @ own).abs())],
    }


def _trace_case(random: Instances, n: int, p: int, t: int) -> tuple:
    """Every example visited, some of them twice; proponents and opponents."""
    while True:
        order = random.order(n) + random.order(n)[: n // 2 + 1]
        rate = float(random.uniform(1, low=0.05, high=0.15))
        case = random.normal(n, p), random.away_from_zero(n) * 2, order, rate, random.normal(t, p), random.normal(t)
        scores = _run(*case)
        if scores.min() < -0.01 and scores.max() > 0.01:
            return case


@traced.property(points=2)
def credits_each_step(answer, random: Instances) -> None:
    for n, p, t in ((4, 3, 3), (random.integer(3, 6), 2, random.integer(2, 4))):
        case = _trace_case(random, n, p, t)
        truth, scores = _run(*case), as_tensor(answer(*case), (n,))
        if not close(scores, truth, 1e-6):
            raise nearest(scores, _likely_run(*case), tolerance=1e-6)


@traced.property(points=1)
def takes_any_order(answer, random: Instances) -> None:
    x, y, _, rate, test_x, test_y = _trace_case(random, 5, 3, 2)
    for hint, order in (("never", [3, 1, 3]), ("twice", [2, 2, 2, 0]), ("empty", [])):
        case = (x, y, order, rate, test_x, test_y)
        if not close(as_tensor(called(hint, answer, *case), (5,)), _run(*case), 1e-6):
            raise Wrong(hint)
    case = (x, y, [0, 4, 1], rate, test_x, test_y)
    result = called("floats", answer, *_single(case))
    if not close(as_tensor(result, (5,)), _run(*case), 1e-4) or result.dtype != torch.float32:
        raise Wrong("floats")
