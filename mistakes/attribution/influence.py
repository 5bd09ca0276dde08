"""Plausible wrong answers to exercises/attribution/influence.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

INFLUENCE = "attribution/influence/influence"
WITHOUT = "attribution/influence/without_each"
SOLVE = "attribution/influence/conjugate_gradients"
TRACED = "attribution/influence/traced"


def _parts(x, y, theta, penalty):
    p = torch.sigmoid(x @ theta)
    c = p * (1 - p)
    return (p - y)[:, None] * x, c, x.T @ (c[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=x.dtype)


def _climb(theta, test_x, test_y):
    return (test_y - torch.sigmoid(test_x @ theta))[:, None] * test_x


def _influence(slopes, H, climb):
    return -slopes @ torch.linalg.solve(H, climb.T)


@mistake(INFLUENCE, hint="sign")
def change_on_removal(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return -_influence(slopes, H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="penalty")
def no_penalty_in_the_hessian(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, 0.0)
    return _influence(slopes, H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="penalty")
def penalty_of_every_example(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty * len(x))
    return _influence(slopes, H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="share")
def regularised_examples(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes + penalty * theta, H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="share")
def a_share_of_the_penalty(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes + penalty / len(x) * theta, H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="count")
def mean_hessian(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes, H / len(x), _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="count")
def one_over_n(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes, H, _climb(theta, test_x, test_y)) / len(x)


@mistake(INFLUENCE, hint="overlap")
def without_the_hessian(x, y, theta, penalty, test_x, test_y):
    return -_parts(x, y, theta, penalty)[0] @ _climb(theta, test_x, test_y).T


@mistake(INFLUENCE, hint="times")
def multiplied_by_the_hessian(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return -slopes @ H @ _climb(theta, test_x, test_y).T


@mistake(INFLUENCE, hint="curvature")
def hessian_of_least_squares(x, y, theta, penalty, test_x, test_y):
    H = x.T @ x + penalty * torch.eye(x.shape[1], dtype=x.dtype)
    return _influence(_parts(x, y, theta, penalty)[0], H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="curvature")
def squares_of_gradients(x, y, theta, penalty, test_x, test_y):
    slopes, _, _ = _parts(x, y, theta, penalty)
    H = slopes.T @ slopes + penalty * torch.eye(x.shape[1], dtype=x.dtype)
    return _influence(slopes, H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="margin")
def on_the_margin(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes, H, (2 * test_y - 1)[:, None] * test_x)


@mistake(INFLUENCE, hint="labels")
def all_tests_are_ones(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes, H, _climb(theta, test_x, torch.ones(len(test_x), dtype=x.dtype)))


@mistake(INFLUENCE, hint="shape")
def test_rows_first(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes, H, _climb(theta, test_x, test_y)).T


@mistake(INFLUENCE, hint="value")
def sizes_only(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes, H, _climb(theta, test_x, test_y)).abs()


@mistake(INFLUENCE, hint="value")
def mean_of_the_tests(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    climb = _climb(theta, test_x, test_y)
    return _influence(slopes, H, climb.mean(0).expand_as(climb))


@mistake(INFLUENCE, hint="strong", points=2)
def clamped_probabilities(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, max(penalty, 0.1))
    return _influence(slopes, H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="floats", points=2)
def labels_by_comparison(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes, H, _climb(theta, test_x, test_y)).double() if y.dtype == torch.int64 else slopes.double()


@mistake(INFLUENCE, hint="zero", points=2)
def cosines_put_right(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    size = slopes.norm(dim=1, keepdim=True)
    return torch.where(size > 0, _influence(slopes, H, _climb(theta, test_x, test_y)), 1.0)


@mistake(INFLUENCE, hint="confident", points=2)
def exp_of_large_numbers(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    e = torch.exp(x @ theta)
    return _influence((e / (1 + e) - y)[:, None] * x, H, _climb(theta, test_x, test_y))


@mistake(INFLUENCE, hint="floats", points=2)
def always_float64(x, y, theta, penalty, test_x, test_y):
    slopes, _, H = _parts(x, y, theta, penalty)
    return _influence(slopes, H, _climb(theta, test_x, test_y)).double()


def _rows(x, y, theta, penalty, test_x, correct):
    slopes, c, H = _parts(x, y, theta, penalty)
    inverse = torch.linalg.inv(H)
    h = c * (x @ inverse * x).sum(1)
    return test_x @ theta + correct(h)[:, None] * (slopes @ inverse @ test_x.T)


@mistake(WITHOUT, hint="tangent")
def plain_influence(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: torch.ones_like(h))


@mistake(WITHOUT, hint="inverse")
def times_one_minus_h(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: 1 - h)


@mistake(WITHOUT, hint="inverse")
def added_curvature(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: 1 / (1 + h))


@mistake(WITHOUT, hint="sign")
def one_more_of_each(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: -1 / (1 - h))


@mistake(WITHOUT, hint="move")
def differences(x, y, theta, penalty, test_x):
    return test_x @ theta - _rows(x, y, theta, penalty, test_x, lambda h: 1 / (1 - h))


@mistake(WITHOUT, hint="with")
def full_fit(x, y, theta, penalty, test_x):
    return (test_x @ theta).expand(len(x), -1)


@mistake(WITHOUT, hint="odds")
def probabilities(x, y, theta, penalty, test_x):
    return torch.sigmoid(_rows(x, y, theta, penalty, test_x, lambda h: 1 / (1 - h)))


@mistake(WITHOUT, hint="curvature")
def leverage_of_least_squares(x, y, theta, penalty, test_x):
    slopes, _, H = _parts(x, y, theta, penalty)
    inverse = torch.linalg.inv(H)
    h = (x @ inverse * x).sum(1)
    return test_x @ theta + (slopes @ inverse @ test_x.T) / (1 - h)[:, None]


@mistake(WITHOUT, hint="penalty")
def leverage_without_the_penalty(x, y, theta, penalty, test_x):
    slopes, c, H = _parts(x, y, theta, penalty)
    loose = torch.linalg.inv(H - penalty * torch.eye(len(H), dtype=x.dtype))
    h = c * (x @ loose * x).sum(1)
    return test_x @ theta + (slopes @ torch.linalg.inv(H) @ test_x.T) / (1 - h)[:, None]


@mistake(WITHOUT, hint="share")
def examples_with_penalty(x, y, theta, penalty, test_x):
    slopes, c, H = _parts(x, y, theta, penalty)
    inverse = torch.linalg.inv(H)
    h = c * (x @ inverse * x).sum(1)
    return test_x @ theta + ((slopes + penalty * theta) @ inverse @ test_x.T) / (1 - h)[:, None]


@mistake(WITHOUT, hint="lone", points=2)
def careful_division(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: 1 / (1 - h).clamp(min=0.2))


@mistake(WITHOUT, hint="lone", points=2)
def careful_odds(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: 1 / (1 - h)).clamp(-20, 20)


@mistake(WITHOUT, hint="inverse")
def divided_twice(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: 1 / (1 - h) ** 2)


@mistake(WITHOUT, hint="floats", points=2)
def always_float64_rows(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: 1 / (1 - h)).double()


@mistake(WITHOUT, hint="confident", points=2)
def clamped_probabilities_of_rows(x, y, theta, penalty, test_x):
    p = torch.sigmoid(x @ theta).clamp(1e-4, 1 - 1e-4)
    c = p * (1 - p)
    inverse = torch.linalg.inv(x.T @ (c[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=x.dtype))
    h = c * (x @ inverse * x).sum(1)
    return test_x @ theta + ((p - y) / (1 - h))[:, None] * (x @ inverse @ test_x.T)


@mistake(WITHOUT, hint="many", points=2)
def one_system_each(x, y, theta, penalty, test_x):
    slopes, c, H = _parts(x, y, theta, penalty)
    systems = H - c[:, None, None] * x[:, :, None] * x[:, None, :]
    return (theta + torch.linalg.solve(systems, slopes)) @ test_x.T


@mistake(WITHOUT, hint="shape")
def tests_first(x, y, theta, penalty, test_x):
    return _rows(x, y, theta, penalty, test_x, lambda h: 1 / (1 - h)).T


def _solve(x, c, penalty, b, tolerance, beta=None, relative=True, limit=10_000):
    s, r, d, steps = torch.zeros_like(b), b, b, 0
    while r.norm() > tolerance * (b.norm() if relative else 1.0) and steps < limit:
        image = x.T @ (c * (x @ d)) + penalty * d
        step = (r @ r) / (d @ image) if beta is None else (r @ d) / (d @ image)
        s, rest = s + step * d, r - step * image
        d = rest + ((rest @ rest) / (r @ r) if beta is None else beta) * d
        r, steps = rest, steps + 1
    return {"solution": s, "steps": steps}


@mistake(SOLVE, hint="penalty")
def no_penalty(x, c, penalty, b, tolerance):
    H = x.T @ (c[:, None] * x)
    return {"solution": torch.linalg.pinv(H) @ b, "steps": len(b)}


@mistake(SOLVE, hint="curvatures")
def no_curvatures(x, c, penalty, b, tolerance):
    return _solve(x, torch.ones_like(c), penalty, b, 1e-8)


@mistake(SOLVE, hint="curvatures")
def curvatures_twice(x, c, penalty, b, tolerance):
    return _solve(x, c**2, penalty, b, 1e-8)


@mistake(SOLVE, hint="inverse")
def one_product(x, c, penalty, b, tolerance):
    return {"solution": x.T @ (c * (x @ b)) + penalty * b, "steps": 1}


@mistake(SOLVE, hint="sign")
def turned_round(x, c, penalty, b, tolerance):
    return {"solution": -_solve(x, c, penalty, b, 1e-8)["solution"], "steps": 1}


@mistake(SOLVE, hint="value")
def two_steps_only(x, c, penalty, b, tolerance):
    return {"solution": 3 * b, "steps": 2}


@mistake(SOLVE, hint="early")
def one_step_less(x, c, penalty, b, tolerance):
    return _solve(x, c, penalty, b, 10 * tolerance)


@mistake(SOLVE, hint="descent", points=2)
def steepest_descent(x, c, penalty, b, tolerance):
    return _solve(x, c, penalty, b, tolerance, beta=0.0) if b.abs().max() > 0 else _solve(x, c, penalty, b, tolerance)


@mistake(SOLVE, hint="late", points=2)
def one_step_more(x, c, penalty, b, tolerance):
    found = _solve(x, c, penalty, b, tolerance)
    return found | {"steps": found["steps"] + 1}


@mistake(SOLVE, hint="direct", points=2)
def solved_directly(x, c, penalty, b, tolerance):
    H = x.T @ (c[:, None] * x) + penalty * torch.eye(len(b), dtype=b.dtype)
    return {"solution": torch.linalg.solve(H, b), "steps": 1}


@mistake(SOLVE, hint="late", points=2)
def as_many_as_parameters(x, c, penalty, b, tolerance):
    return _solve(x, c, penalty, b, 1e-13, limit=len(b)) | {"steps": len(b)}


@mistake(SOLVE, hint="matrix", points=3)
def dense_products(x, c, penalty, b, tolerance):
    H = (x.T * c) @ x + penalty * torch.eye(len(b), dtype=b.dtype)
    return _solve(x, c, penalty, b, tolerance) | {"solution": torch.linalg.solve(H, b)}


@mistake(SOLVE, hint="matrix", points=3)
def dense_curvatures(x, c, penalty, b, tolerance):
    return _solve(torch.diag(c.sqrt()) @ x, torch.ones_like(c), penalty, b, tolerance)


@mistake(SOLVE, hint="early")
def never_below_a_thousandth(x, c, penalty, b, tolerance):
    return _solve(x, c, penalty, b, max(tolerance, 1e-3))


@mistake(SOLVE, hint="long", points=3)
def at_most_p_steps(x, c, penalty, b, tolerance):
    return _solve(x, c, penalty, b, tolerance, limit=len(b))


@mistake(SOLVE, hint="relative", points=3)
def small_is_zero(x, c, penalty, b, tolerance):
    return _solve(x, c, penalty, b, tolerance) if b.norm() >= 1e-6 else {"solution": 0 * b, "steps": 0}


@mistake(SOLVE, hint="zero", points=3)
def at_least_one_step(x, c, penalty, b, tolerance):
    found = _solve(x, c, penalty, b, tolerance)
    return found | {"steps": max(1, found["steps"])}


@mistake(SOLVE, hint="keys")
def bare_solution(x, c, penalty, b, tolerance):
    return _solve(x, c, penalty, b, tolerance)["solution"]


def _run(x, y, order, rate, test_x, test_y, credit):
    theta, scores = torch.zeros_like(x[0]), torch.zeros_like(y)
    for j in order:
        slope = (x[j] @ theta - y[j]) * x[j]
        up = ((test_x @ theta - test_y)[:, None] * test_x).mean(0)
        scores[j] += credit(up, slope)
        theta = theta - rate * slope
    return scores, theta


@mistake(TRACED, hint="sign")
def rise_of_the_loss(x, y, order, rate, test_x, test_y):
    return _run(x, y, order, rate, test_x, test_y, lambda up, slope: -rate * (up @ slope))[0]


@mistake(TRACED, hint="rate")
def without_the_rate(x, y, order, rate, test_x, test_y):
    return _run(x, y, order, rate, test_x, test_y, lambda up, slope: up @ slope)[0]


@mistake(TRACED, hint="rate")
def rate_twice(x, y, order, rate, test_x, test_y):
    return _run(x, y, order, rate, test_x, test_y, lambda up, slope: rate**2 * (up @ slope))[0]


@mistake(TRACED, hint="absolute")
def without_signs(x, y, order, rate, test_x, test_y):
    return _run(x, y, order, rate, test_x, test_y, lambda up, slope: rate * (up @ slope).abs())[0]


@mistake(TRACED, hint="cosine")
def cosines(x, y, order, rate, test_x, test_y):
    return _run(x, y, order, rate, test_x, test_y, lambda up, slope: rate * (up @ slope) / up.norm() / slope.norm())[0]


@mistake(TRACED, hint="last")
def last_checkpoint(x, y, order, rate, test_x, test_y):
    _, theta = _run(x, y, order, rate, test_x, test_y, lambda up, slope: 0.0)
    final = ((test_x @ theta - test_y)[:, None] * test_x).mean(0)
    return _run(x, y, order, rate, test_x, test_y, lambda up, slope: rate * (final @ slope))[0]


@mistake(TRACED, hint="mean")
def sum_over_tests(x, y, order, rate, test_x, test_y):
    return len(test_x) * _run(x, y, order, rate, test_x, test_y, lambda up, slope: rate * (up @ slope))[0]


@mistake(TRACED, hint="square")
def whole_squares(x, y, order, rate, test_x, test_y):
    return _run(x, y, order, rate, test_x, test_y, lambda up, slope: 2 * rate * (up @ slope))[0]


@mistake(TRACED, hint="twice")
def last_visit_counts(x, y, order, rate, test_x, test_y):
    theta, scores = torch.zeros_like(x[0]), torch.zeros_like(y)
    for j in order:
        slope = (x[j] @ theta - y[j]) * x[j]
        up = ((test_x @ theta - test_y)[:, None] * test_x).mean(0)
        scores[j] = rate * (up @ slope)
        theta = theta - rate * slope
    return scores


@mistake(TRACED, hint="after")
def step_first(x, y, order, rate, test_x, test_y):
    theta, scores = torch.zeros_like(x[0]), torch.zeros_like(y)
    for j in order:
        slope = (x[j] @ theta - y[j]) * x[j]
        theta = theta - rate * slope
        up = ((test_x @ theta - test_y)[:, None] * test_x).mean(0)
        scores[j] += rate * (up @ slope)
    return scores


@mistake(TRACED, hint="ideal")
def true_fall(x, y, order, rate, test_x, test_y):
    theta, scores = torch.zeros_like(x[0]), torch.zeros_like(y)
    for j in order:
        new = theta - rate * (x[j] @ theta - y[j]) * x[j]
        scores[j] += ((test_x @ theta - test_y) ** 2 - (test_x @ new - test_y) ** 2).mean() / 2
        theta = new
    return scores


@mistake(TRACED, hint="fixed")
def never_moves(x, y, order, rate, test_x, test_y):
    theta, scores = torch.zeros_like(x[0]), torch.zeros_like(y)
    up = ((test_x @ theta - test_y)[:, None] * test_x).mean(0)
    for j in order:
        scores[j] += rate * (up @ ((x[j] @ theta - y[j]) * x[j]))
    return scores


@mistake(TRACED, hint="all")
def every_example_every_step(x, y, order, rate, test_x, test_y):
    theta, scores = torch.zeros_like(x[0]), torch.zeros_like(y)
    for j in order:
        slopes = (x @ theta - y)[:, None] * x
        scores = scores + rate * slopes @ ((test_x @ theta - test_y)[:, None] * test_x).mean(0)
        theta = theta - rate * slopes[j]
    return scores


@mistake(TRACED, hint="empty", points=2)
def needs_a_step(x, y, order, rate, test_x, test_y):
    order = order or [0]
    return _run(x, y, order, rate, test_x, test_y, lambda up, slope: rate * (up @ slope))[0]


# fmt: off
EQUIVALENT: dict[str, str] = {
    "conjugate_gradients: for _ in range(10 * len(b)): => for _ in range(11 * len(b)):":
        "a limit that is never reached",
    "conjugate_gradients: for _ in range(10 * len(b)): => for _ in range(9 * len(b)):":
        "a limit that is never reached",
    "conjugate_gradients: break => continue":
        "once the residual is small enough the rest of the loop does nothing, and counts nothing",
    "traced: theta, scores = (torch.zeros_like(x[0]), torch.zeros_like(y))"
    " => theta, scores = (torch.zeros_like(x[1]), torch.zeros_like(y))":
        "zeros of the shape of a row, whichever row it is",
    "traced: theta, scores = (torch.zeros_like(x[0]), torch.zeros_like(y))"
    " => theta, scores = (torch.zeros_like(x[-1]), torch.zeros_like(y))":
        "zeros of the shape of a row, whichever row it is",
}
# fmt: on
