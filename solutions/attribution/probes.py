"""Solutions to exercises/attribution/probes.ipynb."""


# exercise: attribution/probes/logit_lens
import torch


def logit_lens(streams, gain, shift, embed, unembed, answer):
    """Probabilities of all tokens at every layer and position, and the rank of one answer there."""
    centred = streams - streams.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    normed = gain * centred / torch.sqrt(variance + 1e-5) + shift
    logits = normed @ unembed.T
    before = logits > logits[..., answer, None]
    return {"probabilities": logits.softmax(-1), "ranks": before.sum(-1)}


# exercise: attribution/probes/inlp
import torch


def inlp(x, y, new, steps):
    """Iterated null-space projection learnt on x, y: dict of P (d, d) and the new rows (m, d), erased."""
    centre, signs = x.mean(0), 2 * y.to(x.dtype) - 1
    rows, eye = x - centre, torch.eye(x.shape[1], dtype=x.dtype)
    p = eye
    for _ in range(steps):
        left = rows @ p
        w = p @ torch.linalg.solve(left.T @ left + eye, left.T @ signs)
        w = w / w.norm()
        p = p - torch.outer(w, w)
    return {"projection": p, "new": centre + (new - centre) @ p}


# exercise: attribution/probes/probe_report
import torch


def probe_report(predicted, y, other, control_predicted, control):
    """Accuracy of a probe, its selectivity, and its accuracy where a correlated label disagrees."""
    hits = (predicted == y).double()
    accuracy = hits.mean()
    selectivity = accuracy - (control_predicted == control).double().mean()
    conflict = y != other
    return {
        "accuracy": accuracy.item(),
        "selectivity": selectivity.item(),
        "conflict": hits[conflict].mean().item() if conflict.any() else None,
    }


# exercise: attribution/probes/fit_lens
import torch


def fit_lens(h, goal, ridge):
    """Affine map h -> h + h A + b of least squared error, shrunk towards doing nothing: dict of A (d, d), b (d,)."""
    missing = goal - h
    x, m = h - h.mean(0), missing - missing.mean(0)
    change = torch.linalg.solve(x.T @ x + ridge * torch.eye(h.shape[1], dtype=h.dtype), x.T @ m)
    return {"change": change, "offset": missing.mean(0) - h.mean(0) @ change}
