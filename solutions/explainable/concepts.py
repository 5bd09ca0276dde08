"""Solutions to exercises/explainable/concepts.ipynb."""

# exercise: explainable/concepts/bottleneck_gradients
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


def bottleneck_gradients(encoder, head, x, y, concepts, weight, kind):
    """Loss of a bottleneck and its gradients in the last biases of both parts: dict of loss, encoder (k,), head (m,)."""
    logits = encoder(x)
    predicted = logits.sigmoid()
    read = {"independent": concepts, "sequential": predicted.detach(), "joint": predicted}[kind]
    of_concepts = binary_cross_entropy_with_logits(logits, concepts, reduction="sum") / len(x)
    loss = cross_entropy(head(read), y) + weight * of_concepts
    slopes = torch.autograd.grad(loss, [encoder.layers[-1].bias, head.layers[-1].bias])
    return {"loss": loss.item(), "encoder": slopes[0], "head": slopes[1]}


# exercise: explainable/concepts/best_concepts
from itertools import combinations

import torch


def best_concepts(concepts, labels, size):
    """The concepts that allow the best accuracy, and that accuracy: (n, k), (n,) -> dict of concepts, ceiling."""
    best = {}
    for kept in combinations(range(concepts.shape[1]), size):
        right = {}
        for row, label in zip(concepts[:, list(kept)].tolist(), labels.tolist(), strict=True):
            counts = right.setdefault(tuple(row), {})
            counts[label] = counts.get(label, 0) + 1
        ceiling = sum(max(counts.values()) for counts in right.values()) / len(labels)
        if not best or ceiling > best["ceiling"]:
            best = {"concepts": list(kept), "ceiling": ceiling}
    return best


# exercise: explainable/concepts/intervention_curve
import torch


def intervention_curve(head, predicted, true, labels):
    """Accuracy with the j most doubtful concepts of each row corrected, j = 0, ..., k: (n, k) twice, (n,) -> (k + 1,)."""
    order = (predicted - 0.5).abs().argsort(dim=1, stable=True)
    mixed = predicted.clone()
    curve = [(head(mixed).argmax(1) == labels).double().mean()]
    for place in order.T[:, :, None]:  # for each row the column to correct next
        mixed.scatter_(1, place, true.gather(1, place))
        curve.append((head(mixed).argmax(1) == labels).double().mean())
    return torch.stack(curve)


# exercise: explainable/concepts/guarded_score
import torch


def guarded_score(received, outputs, control, targets, fold):
    """Held-out accuracy of a nearest-mean student, and how often it finds the class explained: dict of score, leak."""

    def held_out(messages, classes):
        hits = []
        for k in fold.unique():
            new = fold == k
            known = classes[~new].unique()
            means = torch.stack([messages[~new][classes[~new] == c].mean(0) for c in known])
            hits.append(known[torch.cdist(messages[new], means).argmin(1)] == classes[new])
        return torch.cat(hits).double().mean().item()

    return {"score": held_out(received, outputs), "leak": held_out(control, targets)}
