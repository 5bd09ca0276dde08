"""Solutions to exercises/attribution/datamodels.ipynb."""


# exercise: attribution/datamodels/datamodel
import torch


def datamodel(subsets, values, ridge):
    """Ridge lines through retrainings: (m, n), (m, t), number -> dict of scores (n, t) and intercept (t,)."""
    mean_z, mean_v = subsets.mean(0), values.mean(0)
    z, v = subsets - mean_z, values - mean_v
    system = z.T @ z + ridge * torch.eye(z.shape[1], dtype=z.dtype)
    scores = torch.linalg.solve(system, z.T @ v)
    return {"scores": scores, "intercept": mean_v - mean_z @ scores}


# exercise: attribution/datamodels/datamodeling_score
import torch
from scipy.stats import rankdata


def datamodeling_score(scores, subsets, values):
    """Mean Spearman correlation of predicted and real values over test examples: (n, t), (m, n), (m, t) -> number."""
    found = []
    for column in range(values.shape[1]):
        predicted, real = subsets @ scores[:, column], values[:, column]
        if predicted.max() > predicted.min() and real.max() > real.min():
            ranks = torch.stack([torch.from_numpy(rankdata(column)) for column in (predicted, real)])
            found.append(torch.corrcoef(ranks)[0, 1])
    return sum(found) / len(found)


# exercise: attribution/datamodels/choose_ridge
import torch


def choose_ridge(subsets, values, ridges, held_out):
    """Mean squared errors of the ridge lines on the last rows, and the ridge of the least: dict of errors, ridge."""
    seen, new = slice(None, -held_out), slice(-held_out, None)
    mean_z, mean_v = subsets[seen].mean(0), values[seen].mean(0)
    z, v = subsets - mean_z, values - mean_v
    errors = []
    for ridge in ridges:
        system = z[seen].T @ z[seen] + ridge * torch.eye(z.shape[1], dtype=z.dtype)
        slopes = torch.linalg.solve(system, z[seen].T @ v[seen])
        errors.append(((v[new] - z[new] @ slopes) ** 2).mean())
    errors = torch.stack(errors)
    return {"errors": errors, "ridge": ridges[int(errors.argmin())]}


# exercise: attribution/datamodels/trak_scores
import torch


def trak_scores(gradients, test_gradients, margins, ridge):
    """TRAK from margin gradients of k models: (k, n, p), (k, t, p), (k, n), number -> (n, t)."""
    eye = torch.eye(gradients.shape[2], dtype=gradients.dtype)
    matrices = gradients.transpose(1, 2) @ gradients + ridge * eye  # one for each model
    kernels = gradients @ torch.linalg.solve(matrices, test_gradients.transpose(1, 2))
    doubt = torch.sigmoid(-margins).mean(0)
    return kernels.mean(0) * doubt[:, None]
