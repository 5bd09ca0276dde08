"""Solutions to exercises/start/transformer.ipynb."""


# exercise: start/transformer/causal_heads
import math

import torch


def causal_heads(query, key, value, heads):
    b, t, d = query.shape
    q, k, v = (x.reshape(b, t, heads, d // heads).transpose(1, 2) for x in (query, key, value))
    scores = q @ k.transpose(2, 3) / math.sqrt(d // heads)
    later = torch.ones(t, t).triu(1) == 1
    pattern = scores.masked_fill(later, -math.inf).softmax(3)
    return (pattern @ v).transpose(1, 2).reshape(b, t, d)


# exercise: start/transformer/next_token_loss
import torch


def next_token_loss(logits, tokens, last):
    logs = logits[:, :-1].log_softmax(2)
    losses = -logs.gather(2, tokens[:, 1:, None])[:, :, 0]
    real = torch.arange(losses.shape[1]) < last[:, None]
    return losses[real].mean().item()


# exercise: start/transformer/previous_token_head
import math

import torch


def previous_token_head(length, certainty):
    query = torch.zeros(length, length, dtype=torch.float64)
    for i in range(1, length):
        query[i, i - 1] = math.log(i * certainty / (1 - certainty)) * math.sqrt(length)
    return query, torch.eye(length, dtype=torch.float64)


# exercise: start/transformer/logit_parts
import torch


def logit_parts(terms, weight, bias, eps, row):
    divisor = (terms.sum(0).var(correction=0) + eps).sqrt()
    centred = terms - terms.mean(1, keepdim=True)
    parts = (centred / divisor * weight) @ row
    return torch.cat([parts, (bias @ row)[None]])
