"""Solutions to exercises/attribution/sanity_checks.ipynb."""


# exercise: attribution/sanity_checks/shuffle_from_top
import copy

import torch


def shuffle_from_top(model, seed):
    generator = torch.Generator().manual_seed(seed)
    copies = []
    for position in reversed(range(len(model.layers))):
        if not isinstance(model.layers[position], torch.nn.Linear):
            continue
        model = copy.deepcopy(model)
        for parameter in model.layers[position].parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.data = parameter.data.flatten()[order].reshape(parameter.shape)
        copies.append(model)
    return copies


# exercise: attribution/sanity_checks/partial_agreement
import torch
from scipy.stats import rankdata


def partial_agreement(a, b, images):
    def ranks(maps):
        return torch.from_numpy(rankdata(maps.flatten(1).numpy(), axis=1))

    found = []
    for three in torch.stack([ranks(a), ranks(b), ranks(images)], 1):
        rho = torch.corrcoef(three).nan_to_num(0.0)  # a constant correlates with nothing
        left = (1 - rho[0, 2] ** 2) * (1 - rho[1, 2] ** 2)
        rest = rho[0, 1] - rho[0, 2] * rho[1, 2]
        found.append(rest / left.sqrt() if left > 1e-9 else torch.zeros_like(rest))
    return torch.stack(found)


# exercise: attribution/sanity_checks/design_model
def design_model(x, background, scores, slopes):
    first = (background - x).mean(0)
    second = ((background - x) ** 2).mean(0)
    if ((second == 0) & (scores != 0)).any():
        raise ValueError("a feature that never differs from the background always scores 0")
    return slopes, -(scores + slopes * first) / second.where(second > 0, 1.0)


# exercise: attribution/sanity_checks/best_single_rules
import torch


def best_single_rules(rows, decisions):
    above = rows >= rows[:, None]  # thresholds, rows, columns
    share = (above == decisions[:, None]).double().mean(1)
    return torch.maximum(share, 1 - share).amax(0)
