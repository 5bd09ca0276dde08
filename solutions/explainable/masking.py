"""Solutions to exercises/explainable/masking.ipynb."""


# exercise: explainable/masking/masked_batch
import torch


def masked_batch(x, seed):
    """Every row under a mask of its own, with the mask beside it: (b, n) -> (b, 2n)."""
    generator = torch.Generator().manual_seed(seed)
    rate = torch.rand(len(x), 1, generator=generator)
    mask = (torch.rand(x.shape, generator=generator) < rate).to(x)
    return torch.cat([x * mask, mask], 1)


# exercise: explainable/masking/conditional
import torch


def conditional(joint, x, masks):
    """p(y | x_S) for each row of x under its own mask: (b, n), (b, n) -> (b, k)."""
    rows = []
    for row in range(len(x)):
        at = [x[row, i] if masks[row, i] else slice(None) for i in range(x.shape[1])]
        weights = joint[tuple(at)].reshape(-1, joint.shape[-1]).sum(0)
        rows.append(weights / weights.sum())
    return torch.stack(rows)


# exercise: explainable/masking/where_they_disagree
def where_they_disagree(a, w, b, token):
    """Two inputs of f(x) = sum of a * relu(w * x + b) at which one family is silent and the other is not."""
    return {"flat": (-1 - b) / w, "same": token.clone()}


# exercise: explainable/masking/loss_parts
import torch


def loss_parts(joint, predictions, masks, weights):
    """Mean log loss under random masks, what no model can avoid, and what this one adds: dict of numbers."""
    loss = entropy = 0.0
    for j, mask in enumerate(masks.tolist()):
        removed = [i for i, kept in enumerate(mask) if not kept]
        cells = joint.sum(removed) if removed else joint
        total = cells.sum(-1)
        entropy += weights[j] * (torch.xlogy(total, total).sum() - torch.xlogy(cells, cells).sum())
        loss -= weights[j] * torch.xlogy(joint, predictions[j]).sum()
    return {"loss": loss, "entropy": entropy, "kl": loss - entropy}
