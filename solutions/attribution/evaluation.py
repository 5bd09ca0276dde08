"""Solutions to exercises/attribution/evaluation.ipynb."""


# exercise: attribution/evaluation/signed_agreement
import torch


def signed_agreement(a, b):
    places = [scores.abs().argsort(dim=1, descending=True, stable=True).argsort(1) for scores in (a, b)]
    k = torch.arange(1, a.shape[1] + 1)
    later = torch.maximum(*places)[:, :, None] < k  # feature i is in both tops from k = later place + 1 on
    same = (a * b > 0)[:, :, None]
    return (later & same).sum(1) / k


# exercise: attribution/evaluation/deletion_curve
import torch


def deletion_curve(model, x, baseline, scores, groups):
    row, values = x.clone(), [model(x[None])]
    for player in scores.argsort(descending=True, stable=True):
        row[groups == player] = baseline[groups == player]
        values.append(model(row[None]))
    return torch.cat(values)


# exercise: attribution/evaluation/entries_to_flip
import torch


def entries_to_flip(model, x, other, scores):
    place = scores.argsort(1, descending=True).argsort(1)
    goal = model(other).argmax(1)
    reached = [model(torch.where(place < k, other, x)).argmax(1) == goal for k in range(x.shape[1] + 1)]
    return torch.stack(reached, 1).int().argmax(1)  # the first of the largest


# exercise: attribution/evaluation/read_masks
import torch


def read_masks(train_masks, train_labels, test_masks):
    classes = train_labels.unique()  # sorted
    means = torch.stack([train_masks[train_labels == c].mean(0) for c in classes])
    distance = (test_masks[:, None] - means).square().sum(2)
    return classes[distance.argmin(1)]
