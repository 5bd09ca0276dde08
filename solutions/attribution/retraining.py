"""Solutions to exercises/attribution/retraining.ipynb."""


# exercise: attribution/retraining/left_out_residuals
import torch


def left_out_residuals(x, y, weights, penalty):
    """Error at each row of the weighted ridge fit without it: (n, d), (n,), (n,), number -> (n,)."""
    weighted = weights[:, None] * x
    inverse = torch.linalg.inv(x.T @ weighted + penalty * torch.eye(x.shape[1], dtype=x.dtype))
    residuals = y - x @ (inverse @ (weighted.T @ y))
    leverages = weights * ((x @ inverse) * x).sum(1)
    return residuals / (1 - leverages)


# exercise: attribution/retraining/neighbour_values
import torch


def neighbour_values(x, y, test_x, test_y, importance, k):
    """Shapley values of training rows for k nearest neighbours, test rows weighted by importance: (n,)."""
    n = len(x)
    scores = torch.zeros(n, dtype=torch.float64)
    for row, label, weight in zip(test_x, test_y, importance, strict=True):
        order = (x - row).square().sum(1).argsort(stable=True)
        right = (y[order] == label).double()
        value = right[-1] * min(k, n) / (n * k)
        scores[order[-1]] += weight * value
        for i in range(n - 1, 0, -1):  # i counts from 1, nearest first
            value = value + (right[i - 1] - right[i]) / k * min(k, i) / i
            scores[order[i - 1]] += weight * value
    return scores


# exercise: attribution/retraining/truncated_orders
import torch


def truncated_orders(values, orders, tolerance):
    """Truncated Data Shapley on a table of values: (2**n,), (m, n), number -> dict of scores (n,), evaluations."""
    m, n = orders.shape
    scores, evaluations = torch.zeros(n, dtype=torch.float64), 0
    for order in orders.tolist():
        subset, value = 0, values[0]
        for step, player in enumerate(order):
            if abs(values[-1] - value) <= tolerance:
                break
            subset += 2**player
            evaluations += step < n - 1
            scores[player] += values[subset] - value
            value = values[subset]
    return {"scores": scores / m, "evaluations": evaluations}


# exercise: attribution/retraining/subset_scores
import torch


def subset_scores(masks, values):
    """Mean value with each example minus mean value without it: (m, n), (m, t) -> (n, t)."""
    present, absent = masks.sum(0)[:, None], (1 - masks).sum(0)[:, None]
    joined = masks.T @ values / present
    without = (1 - masks).T @ values / absent
    known = (present > 0) & (absent > 0)
    return torch.where(known, joined - without, 0)
