"""Solutions to exercises/attribution/influence.ipynb."""


# exercise: attribution/influence/influence
import torch


def influence(x, y, theta, penalty, test_x, test_y):
    """Slope of every test log-likelihood in every training weight: (n, t)."""
    p = torch.sigmoid(x @ theta)
    slopes = (p - y)[:, None] * x
    H = x.T @ ((p * (1 - p))[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=x.dtype)
    climb = (test_y - torch.sigmoid(test_x @ theta))[:, None] * test_x
    return -slopes @ torch.linalg.solve(H, climb.T)


# exercise: attribution/influence/without_each
import torch


def without_each(x, y, theta, penalty, test_x):
    """Log-odds of the test rows after one Newton step without each example: (n, t)."""
    p = torch.sigmoid(x @ theta)
    c = p * (1 - p)
    H = x.T @ (c[:, None] * x) + penalty * torch.eye(x.shape[1], dtype=x.dtype)
    solved = torch.linalg.solve(H, x.T).T  # row j: H^-1 x_j
    h = c * (solved * x).sum(1)
    moves = ((p - y) / (1 - h))[:, None] * solved
    return (theta + moves) @ test_x.T


# exercise: attribution/influence/conjugate_gradients
import torch


def conjugate_gradients(x, c, penalty, b, tolerance):
    """Solve (X^T diag(c) X + penalty I) s = b with products only: dict of solution (p,) and number of steps."""
    s, r, d, steps = torch.zeros_like(b), b, b, 0
    for _ in range(10 * len(b)):
        if r.norm() <= tolerance * b.norm():
            break
        image = x.T @ (c * (x @ d)) + penalty * d
        step = (r @ r) / (d @ image)
        s, rest = s + step * d, r - step * image
        d = rest + (rest @ rest) / (r @ r) * d
        r, steps = rest, steps + 1
    return {"solution": s, "steps": steps}


# exercise: attribution/influence/traced
import torch


def traced(x, y, order, rate, test_x, test_y):
    """First-order credit of every example for the fall of the test loss along its own steps: (n,)."""
    theta, scores = torch.zeros_like(x[0]), torch.zeros_like(y)
    for j in order:
        slope = (x[j] @ theta - y[j]) * x[j]
        test_slope = ((test_x @ theta - test_y)[:, None] * test_x).mean(0)
        scores[j] += rate * (test_slope @ slope)
        theta = theta - rate * slope
    return scores
