"""Solutions to exercises/explainable/price.ipynb."""

# exercise: explainable/price/corrected_interval
import torch
from scipy.stats import t as student


def corrected_interval(first, second, test_share, level):
    """Low end, mean and high end of first minus second: (J,), (J,) -> (3,)."""
    differences = first - second
    count = len(differences)
    ratio = test_share / (1 - test_share)  # test rows per training row
    spread = differences.var() * (1 / count + ratio)
    reach = float(student.ppf((1 + level) / 2, count - 1)) * spread.sqrt()
    return differences.mean() + torch.stack([-reach, 0 * reach, reach])


# exercise: explainable/price/no_loss
def no_loss(intervals, margin, better):
    """A verdict for each interval (k, 2) of candidate minus reference."""
    verdicts = []
    for low, high in intervals.tolist():
        least, most = (-high, -low) if better == "higher" else (low, high)  # what is lost
        if most < margin:
            verdicts.append("supported")
        elif least > margin:
            verdicts.append("not supported")
        else:
            verdicts.append("cannot tell")
    return verdicts


# exercise: explainable/price/best_additive
def best_additive(values, weights, noise):
    """The best additive approximation on a grid, and the best R² of an additive model: dict of a tensor and a number."""

    def average(table, axes):
        for axis in axes:
            share = weights[axis] / weights[axis].sum()
            table = (table.movedim(axis, -1) @ share).unsqueeze(axis)  # the axis stays, with length one
        return table

    every = list(range(values.dim()))
    mean = average(values, every)
    effects = [average(values, [a for a in every if a != axis]) - mean for axis in every]
    fit = mean + sum(effects)
    explained, total = (average((table - mean) ** 2, every).sum() for table in (fit, values))
    return {"fit": fit, "ceiling": explained / (total + noise**2)}


# exercise: explainable/price/nested_errors
import torch


def nested_errors(x, y, penalties, folds):
    """Nested cross-validation of ridge regression: dict of the test errors (K,) and the chosen penalties (K,)."""

    def error(train, test, penalty):
        gram = x[train].T @ x[train] + penalty * torch.eye(x.shape[1], dtype=x.dtype)
        coefficients = torch.linalg.solve(gram, x[train].T @ y[train])
        return (y[test] - x[test] @ coefficients).square().mean()

    numbers, errors, chosen = folds.unique(), [], []
    for k in numbers:
        inner = [j for j in numbers if j != k]
        tried = [sum(error((folds != k) & (folds != j), folds == j, p) for j in inner) for p in penalties]
        best = penalties[torch.stack(tried).argmin()]
        chosen.append(best)
        errors.append(error(folds != k, folds == k, best))
    return {"errors": torch.stack(errors), "chosen": torch.stack(chosen)}
