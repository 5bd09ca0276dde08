"""Solutions to exercises/explainable/backpack.ipynb."""

# exercise: explainable/backpack/backpack_logits
import torch


def backpack_logits(alpha, senses, unembedding):
    """Logits and their parts: (k, t, t), (t, k, d), (v, d) -> dict of (t, v) and (t, t, k, v)."""
    alone = senses @ unembedding.T  # (t, k, v): what each sense says by itself
    parts = alpha.permute(1, 2, 0)[..., None] * alone
    return {"logits": parts.sum((1, 2)), "parts": parts}


# exercise: explainable/backpack/logits_after_swap
import torch


def logits_after_swap(alpha, table, unembedding, tokens, first, second, sense):
    """Last word's logits (v,) once two words have swapped one sense: the table (v, k, d) itself stays."""
    edited = table.clone()
    edited[first, sense] = table[second, sense]
    edited[second, sense] = table[first, sense]
    mixed = torch.einsum("kj,jkd->d", alpha[:, -1], edited[tokens])
    return unembedding @ mixed


# exercise: explainable/backpack/sense_softmax
import torch


def sense_softmax(scores, real, form):
    """Weights of scores (k, t, t), of real words at or before each word: per sense ("paper") or over all ("joint")."""
    k, t, _ = scores.shape
    readable = torch.tril(torch.ones(t, t)).bool() & real
    scores = scores.masked_fill(~readable, -torch.inf)
    if form == "paper":
        weights = scores.softmax(2)
    else:
        pairs = scores.transpose(0, 1).flatten(1)  # (t, k t): one row for each reader
        weights = k * pairs.softmax(1).unflatten(1, (k, t)).transpose(0, 1)
    return weights.nan_to_num(0.0)  # nothing to read: no weight
