"""Plausible wrong answers to exercises/start/transformer.ipynb, and what the check says to each."""

import math

import torch

from course_lib.checks import mistake

HEADS = "start/transformer/causal_heads"
LOSS = "start/transformer/next_token_loss"
PREVIOUS = "start/transformer/previous_token_head"
PARTS = "start/transformer/logit_parts"


# ----------------------------------------------------------------------------------------------------- causal heads


def cut(x, heads):
    b, t, d = x.shape
    return x.reshape(b, t, heads, d // heads).transpose(1, 2)


def join(x):
    return x.transpose(1, 2).flatten(2)


def scaled(query, key, heads):
    return cut(query, heads) @ cut(key, heads).mT / math.sqrt(query.shape[2] // heads)


def earlier(t, diagonal=0):
    return torch.ones(t, t).tril(diagonal) == 1


@mistake(HEADS, hint="unmasked")
def no_mask(query, key, value, heads):
    return join(scaled(query, key, heads).softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="after")
def mask_after_the_softmax(query, key, value, heads):
    pattern = scaled(query, key, heads).softmax(3) * earlier(query.shape[1])
    return join(pattern @ cut(value, heads))


@mistake(HEADS, hint="zero")
def mask_of_zeros(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1]), 0)
    return join(scores.softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="strict")
def not_itself(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1], -1), -math.inf)
    return join(scores.softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="strict")
def not_itself_without_nan(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1], -1), -math.inf)
    return join(scores.softmax(3).nan_to_num() @ cut(value, heads))


@mistake(HEADS, hint="ahead")
def one_token_too_far(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1], 1), -math.inf)
    return join(scores.softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="reversed")
def transposed_mask(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1]).T, -math.inf)
    return join(scores.softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="scale")
def no_scale(query, key, value, heads):
    scores = cut(query, heads) @ cut(key, heads).mT
    return join(scores.masked_fill(~earlier(query.shape[1]), -math.inf).softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="scale")
def scale_of_the_whole_width(query, key, value, heads):
    scores = cut(query, heads) @ cut(key, heads).mT / math.sqrt(query.shape[2])
    return join(scores.masked_fill(~earlier(query.shape[1]), -math.inf).softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="scale")
def scale_without_a_root(query, key, value, heads):
    scores = cut(query, heads) @ cut(key, heads).mT / (query.shape[2] // heads)
    return join(scores.masked_fill(~earlier(query.shape[1]), -math.inf).softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="axis")
def softmax_over_queries(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1]), -math.inf)
    return join(scores.softmax(2) @ cut(value, heads))


@mistake(HEADS, hint="split")
def reshape_without_transpose(query, key, value, heads):
    b, t, d = query.shape
    q, k, v = (x.reshape(b, heads, t, d // heads) for x in (query, key, value))
    scores = (q @ k.mT / math.sqrt(d // heads)).masked_fill(~earlier(t), -math.inf)
    return (scores.softmax(3) @ v).reshape(b, t, d)


@mistake(HEADS, hint="split")
def heads_own_every_nth_column(query, key, value, heads):
    b, t, d = query.shape
    q, k, v = (x.reshape(b, t, d // heads, heads).permute(0, 3, 1, 2) for x in (query, key, value))
    scores = (q @ k.mT / math.sqrt(d // heads)).masked_fill(~earlier(t), -math.inf)
    return (scores.softmax(3) @ v).permute(0, 2, 3, 1).reshape(b, t, d)


@mistake(HEADS, hint="split")
def joined_without_transpose(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1]), -math.inf)
    return (scores.softmax(3) @ cut(value, heads)).reshape(query.shape)


@mistake(HEADS, hint="joint")
def one_wide_head(query, key, value, heads):
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)


@mistake(HEADS, hint="keys")
def weighs_the_keys(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1]), -math.inf)
    return join(scores.softmax(3) @ cut(key, heads))


@mistake(HEADS, hint="large", points=1)
def softmax_by_hand(query, key, value, heads):
    weights = scaled(query, key, heads).exp() * earlier(query.shape[1])
    return join(weights / weights.sum(3, keepdim=True) @ cut(value, heads))


@mistake(HEADS, hint="large", points=1)
def subtracts_a_score_that_is_masked(query, key, value, heads):
    scores = scaled(query, key, heads)
    weights = (scores - scores.amax(3, keepdim=True)).exp() * earlier(query.shape[1])
    return join(weights / weights.sum(3, keepdim=True) @ cut(value, heads))


@mistake(HEADS, hint="large", points=1)
def mask_of_minus_a_thousand(query, key, value, heads):
    scores = scaled(query, key, heads).masked_fill(~earlier(query.shape[1]), -1e3)
    return join(scores.softmax(3) @ cut(value, heads))


@mistake(HEADS, hint="one", points=1)
def squeezes_a_single_token(query, key, value, heads):
    parts = (cut(x, heads) for x in (query, key, value))
    return join(torch.nn.functional.scaled_dot_product_attention(*parts, is_causal=True)).squeeze(1)


# ------------------------------------------------------------------------------------------------- next-token loss


def place_losses(logits, tokens):
    return -logits[:, :-1].log_softmax(2).gather(2, tokens[:, 1:, None])[:, :, 0]


def before(logits, last):
    return torch.arange(logits.shape[1] - 1) < last[:, None]


@mistake(LOSS, hint="unshifted")
def same_place(logits, tokens, last):
    real = torch.arange(tokens.shape[1]) <= last[:, None]
    return torch.nn.functional.cross_entropy(logits[real], tokens[real]).item()


@mistake(LOSS, hint="backwards")
def previous_token(logits, tokens, last):
    real = before(logits, last)
    return torch.nn.functional.cross_entropy(logits[:, 1:][real], tokens[:, :-1][real]).item()


@mistake(LOSS, hint="guess")
def token_zero_is_padding(logits, tokens, last):
    return torch.nn.functional.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], ignore_index=0).item()


@mistake(LOSS, hint="padding")
def padding_counts(logits, tokens, last):
    return place_losses(logits, tokens).mean().item()


@mistake(LOSS, hint="short")
def one_place_too_few(logits, tokens, last):
    return place_losses(logits, tokens)[before(logits, last - 1)].mean().item()


@mistake(LOSS, hint="long")
def one_place_too_many(logits, tokens, last):
    return place_losses(logits, tokens)[before(logits, last + 1)].mean().item()


@mistake(LOSS, hint="only_last")
def last_prediction_only(logits, tokens, last):
    return place_losses(logits, tokens)[range(len(last)), last - 1].mean().item()


@mistake(LOSS, hint="only_last")
def last_column(logits, tokens, last):
    return torch.nn.functional.cross_entropy(logits[:, -1], tokens[range(len(last)), last]).item()


@mistake(LOSS, hint="sentences")
def mean_of_means(logits, tokens, last):
    losses = place_losses(logits, tokens) * before(logits, last)
    return (losses.sum(1) / last).mean().item()


@mistake(LOSS, hint="sum")
def sum_of_losses(logits, tokens, last):
    return place_losses(logits, tokens)[before(logits, last)].sum().item()


@mistake(LOSS, hint="divisor")
def zeros_in_the_mean(logits, tokens, last):
    return (place_losses(logits, tokens) * before(logits, last)).mean().item()


@mistake(LOSS, hint="sign")
def log_likelihood(logits, tokens, last):
    return -place_losses(logits, tokens)[before(logits, last)].mean().item()


@mistake(LOSS, hint="probability")
def mean_probability(logits, tokens, last):
    return -(-place_losses(logits, tokens)[before(logits, last)]).exp().mean().item()


@mistake(LOSS, hint="probability")
def log_of_the_mean(logits, tokens, last):
    return -(-place_losses(logits, tokens)[before(logits, last)]).exp().mean().log().item()


@mistake(LOSS, hint="logits")
def raw_logits(logits, tokens, last):
    return -logits[:, :-1].gather(2, tokens[:, 1:, None])[:, :, 0][before(logits, last)].mean().item()


@mistake(LOSS, hint="axis")
def softmax_over_places(logits, tokens, last):
    logs = logits.log_softmax(1)[:, :-1].gather(2, tokens[:, 1:, None])[:, :, 0]
    return -logs[before(logits, last)].mean().item()


@mistake(LOSS, hint="full", points=1)
def padding_is_always_there(logits, tokens, last):
    ends = torch.minimum(last, torch.tensor(tokens.shape[1] - 2))
    return place_losses(logits, tokens)[before(logits, ends)].mean().item()


@mistake(LOSS, hint="alone", points=1)
def at_least_one_prediction_each(logits, tokens, last):
    return place_losses(logits, tokens)[before(logits, last.clamp(min=1))].mean().item()


@mistake(LOSS, hint="large", points=1)
def log_of_softmax(logits, tokens, last):
    shares = logits[:, :-1].softmax(2).gather(2, tokens[:, 1:, None])[:, :, 0]
    return -shares[before(logits, last)].log().mean().item()


@mistake(LOSS, hint="large", points=1)
def log_of_softmax_with_a_floor(logits, tokens, last):
    shares = logits[:, :-1].softmax(2).gather(2, tokens[:, 1:, None])[:, :, 0]
    return -(shares[before(logits, last)] + 1e-12).log().mean().item()


# --------------------------------------------------------------------------------------------- previous-token head


def back(scores):
    """Queries and one-hot keys for scores on the previous token, the division undone."""
    t = len(scores) + 1
    return math.sqrt(t) * torch.diag(scores, -1), torch.eye(t, dtype=torch.float64)


def odds(length, certainty):
    return certainty / (1 - certainty) * torch.arange(1, length).double()


@mistake(PREVIOUS, hint="scale")
def division_forgotten(length, certainty):
    return torch.diag(odds(length, certainty).log(), -1), torch.eye(length, dtype=torch.float64)


@mistake(PREVIOUS, hint="others")
def a_single_other(length, certainty):
    return back(torch.full((length - 1,), math.log(certainty / (1 - certainty))).double())


@mistake(PREVIOUS, hint="others")
def previous_token_counted_among_the_others(length, certainty):
    return back((certainty / (1 - certainty) * torch.arange(2, length + 1)).log().double())


@mistake(PREVIOUS, hint="others")
def all_places_may_be_read(length, certainty):
    return back(torch.full((length - 1,), math.log(certainty * (length - 1) / (1 - certainty))).double())


@mistake(PREVIOUS, hint="own")
def reads_itself(length, certainty):
    scores = torch.cat([torch.zeros(1).double(), odds(length, certainty).log()])
    return math.sqrt(length) * torch.diag(scores), torch.eye(length, dtype=torch.float64)


@mistake(PREVIOUS, hint="uniform")
def queries_and_keys_swapped(length, certainty):
    query, key = back(odds(length, certainty).log())
    return key, query


@mistake(PREVIOUS, hint="sharp")
def copies_for_sure(length, certainty):
    return back(torch.full((length - 1,), 50.0).double())


@mistake(PREVIOUS, hint="uniform")
def no_preference(length, certainty):
    return back(torch.zeros(length - 1).double())


@mistake(PREVIOUS, hint="log")
def odds_as_scores(length, certainty):
    return back(odds(length, certainty))


@mistake(PREVIOUS, hint="log")
def certainty_as_score(length, certainty):
    return back(torch.full((length - 1,), certainty).double())


@mistake(PREVIOUS, hint="equal")
def rest_goes_to_itself(length, certainty):
    scores = -60 * torch.ones(length, length, dtype=torch.float64)
    rows = torch.arange(1, length)
    scores[rows, rows] = math.log(1 - certainty)
    scores[rows, rows - 1] = math.log(certainty)
    return math.sqrt(length) * scores, torch.eye(length, dtype=torch.float64)


@mistake(PREVIOUS, hint="first")
def logarithm_of_zero(length, certainty):
    scores = (certainty / (1 - certainty) * torch.arange(length)).log().double()
    query = torch.eye(length, dtype=torch.float64).roll(-1, 1) * scores[:, None]
    return math.sqrt(length) * query, torch.eye(length, dtype=torch.float64)


@mistake(PREVIOUS, hint="pair")
def pattern_itself(length, certainty):
    pattern = torch.full((length, length), (1 - certainty) / length)
    return pattern.diagonal_scatter(torch.full((length - 1,), certainty), -1)


@mistake(PREVIOUS, hint="weak", points=1)
def never_a_negative_score(length, certainty):
    return back(odds(length, certainty).log().clamp(min=0))


@mistake(PREVIOUS, hint="strong", points=1)
def clipped_certainty(length, certainty):
    return back(odds(length, min(certainty, 0.99)).log())


@mistake(PREVIOUS, hint="tiny", points=1)
def starts_at_the_third_token(length, certainty):
    query, key = back(odds(length, certainty).log())
    return (query, key) if length > 2 else (0 * query, key)


# -------------------------------------------------------------------------------------------------- parts of a logit


def centre(terms):
    return terms - terms.mean(1, keepdim=True)


def spread(stream, eps):
    return (stream.var(correction=0) + eps).sqrt()


def with_bias(parts, bias, row):
    return torch.cat([parts, (bias @ row)[None]])


@mistake(PARTS, hint="own")
def norm_of_each_term(terms, weight, bias, eps, row):
    normal = torch.nn.functional.layer_norm(terms, terms.shape[1:], eps=eps)
    return with_bias(normal * weight @ row, bias, row)


@mistake(PARTS, hint="spread")
def bias_in_every_term(terms, weight, bias, eps, row):
    parts = centre(terms) / spread(terms.sum(0), eps) * weight + bias
    return torch.cat([parts @ row, torch.zeros(1, dtype=terms.dtype)])


@mistake(PARTS, hint="spread")
def bias_in_every_term_and_once_more(terms, weight, bias, eps, row):
    return with_bias((centre(terms) / spread(terms.sum(0), eps) * weight + bias) @ row, bias, row)


@mistake(PARTS, hint="sample")
def divides_by_d_minus_one(terms, weight, bias, eps, row):
    divisor = (terms.sum(0).var() + eps).sqrt()
    return with_bias(centre(terms) / divisor * weight @ row, bias, row)


@mistake(PARTS, hint="outside")
def eps_outside_the_root(terms, weight, bias, eps, row):
    divisor = terms.sum(0).var(correction=0).sqrt() + eps
    return with_bias(centre(terms) / divisor * weight @ row, bias, row)


@mistake(PARTS, hint="no_eps")
def without_eps(terms, weight, bias, eps, row):
    return with_bias(centre(terms) / terms.sum(0).std(correction=0) * weight @ row, bias, row)


@mistake(PARTS, hint="centre")
def not_centred(terms, weight, bias, eps, row):
    return with_bias(terms / spread(terms.sum(0), eps) * weight @ row, bias, row)


@mistake(PARTS, hint="stream_mean")
def minus_the_mean_of_the_stream(terms, weight, bias, eps, row):
    stream = terms.sum(0)
    return with_bias((terms - stream.mean()) / spread(stream, eps) * weight @ row, bias, row)


@mistake(PARTS, hint="axis")
def centred_across_terms(terms, weight, bias, eps, row):
    return with_bias((terms - terms.mean(0)) / spread(terms.sum(0), eps) * weight @ row, bias, row)


@mistake(PARTS, hint="second_moment")
def root_mean_square(terms, weight, bias, eps, row):
    divisor = (terms.sum(0).square().mean() + eps).sqrt()
    return with_bias(centre(terms) / divisor * weight @ row, bias, row)


@mistake(PARTS, hint="variance")
def divides_by_the_variance(terms, weight, bias, eps, row):
    divisor = terms.sum(0).var(correction=0) + eps
    return with_bias(centre(terms) / divisor * weight @ row, bias, row)


@mistake(PARTS, hint="weight")
def norm_without_weights(terms, weight, bias, eps, row):
    return with_bias(centre(terms) / spread(terms.sum(0), eps) @ row, bias, row)


@mistake(PARTS, hint="bias")
def sum_of_the_bias(terms, weight, bias, eps, row):
    parts = centre(terms) / spread(terms.sum(0), eps) * weight @ row
    return torch.cat([parts, bias.sum()[None]])


@mistake(PARTS, hint="bias")
def whole_logit_last(terms, weight, bias, eps, row):
    parts = centre(terms) / spread(terms.sum(0), eps) * weight @ row
    return torch.cat([parts, (parts.sum() + bias @ row)[None]])


@mistake(PARTS, hint="order")
def bias_first(terms, weight, bias, eps, row):
    parts = centre(terms) / spread(terms.sum(0), eps) * weight @ row
    return torch.cat([(bias @ row)[None], parts])


@mistake(PARTS, hint="shape")
def without_the_bias(terms, weight, bias, eps, row):
    return centre(terms) / spread(terms.sum(0), eps) * weight @ row


@mistake(PARTS, hint="running")
def partial_sums(terms, weight, bias, eps, row):
    parts = centre(terms) / spread(terms.sum(0), eps) * weight @ row
    return with_bias(parts.cumsum(0), bias, row)


@mistake(PARTS, hint="small", points=1)
def divisor_never_below_a_floor(terms, weight, bias, eps, row):
    divisor = spread(terms.sum(0), eps).clamp(min=0.4)
    return with_bias(centre(terms) / divisor * weight @ row, bias, row)


@mistake(PARTS, hint="single", points=1)
def float64_inside(terms, weight, bias, eps, row):
    parts = centre(terms) / spread(terms.sum(0), eps) * weight @ row
    return torch.cat([parts @ torch.eye(len(parts), dtype=torch.float64), (bias @ row)[None]])


SYMMETRIC = "transposing dimensions 1 and 2 is the same as transposing 2 and 1"
EQUIVALENT: dict[str, str] = {
    "causal_heads: q, k, v = (x.reshape(b, t, heads, d // heads).transpose(1, 2) for x in (query, key, value)) => "
    "q, k, v = (x.reshape(b, t, heads, d // heads).transpose(2, 1) for x in (query, key, value))": SYMMETRIC,
    "causal_heads: scores = q @ k.transpose(2, 3) / math.sqrt(d // heads) => "
    "scores = q @ k.transpose(3, 2) / math.sqrt(d // heads)": SYMMETRIC,
    "causal_heads: return (pattern @ v).transpose(1, 2).reshape(b, t, d) => "
    "return (pattern @ v).transpose(2, 1).reshape(b, t, d)": SYMMETRIC,
    "next_token_loss: losses = -logs.gather(2, tokens[:, 1:, None])[:, :, 0] => "
    "losses = -logs.gather(2, tokens[:, 1:, None])[:, :, -1]": "the last dimension has a single entry, first and last alike",
}
