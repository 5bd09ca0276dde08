"""Plausible wrong answers to exercises/explainable/backpack.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

LOGITS = "explainable/backpack/backpack_logits"
SWAP = "explainable/backpack/logits_after_swap"
SOFTMAX = "explainable/backpack/sense_softmax"


def _both(alpha, senses, unembedding):
    parts = torch.einsum("kij,jkd,vd->ijkv", alpha, senses, unembedding)
    return {"logits": parts.sum((1, 2)), "parts": parts}


@mistake(LOGITS, hint="transposed")
def alpha_the_wrong_way_round(alpha, senses, unembedding):
    return _both(alpha.transpose(1, 2), senses, unembedding)


@mistake(LOGITS, hint="sums_to_one")
def softmax_over_senses(alpha, senses, unembedding):
    return _both(alpha.softmax(0), senses, unembedding)


@mistake(LOGITS, hint="sums_to_one")
def divided_by_the_sum(alpha, senses, unembedding):
    return _both(alpha / alpha.sum(2, keepdim=True), senses, unembedding)


@mistake(LOGITS, hint="senses_only")
def one_weight_for_all_senses(alpha, senses, unembedding):
    return _both(alpha.sum(0, keepdim=True).expand_as(alpha), senses, unembedding)


@mistake(LOGITS, hint="senses_only")
def one_weight_for_all_words(alpha, senses, unembedding):
    return _both(alpha.sum(2, keepdim=True).expand_as(alpha), senses, unembedding)


@mistake(LOGITS, hint="no_alpha")
def a_bag_of_words(alpha, senses, unembedding):
    return _both(torch.ones_like(alpha).tril(), senses, unembedding)


@mistake(LOGITS, hint="sense_mean")
def mean_over_senses(alpha, senses, unembedding):
    found = _both(alpha, senses, unembedding)
    return {"logits": found["logits"] / len(alpha), "parts": found["parts"] / len(alpha)}


@mistake(LOGITS, hint="probabilities")
def probabilities(alpha, senses, unembedding):
    found = _both(alpha, senses, unembedding)
    return found | {"logits": found["logits"].softmax(1)}


@mistake(LOGITS, hint="one_word")
def the_last_word_alone(alpha, senses, unembedding):
    found = _both(alpha, senses, unembedding)
    return found | {"logits": found["logits"][-1]}


@mistake(LOGITS, hint="keys")
def a_pair(alpha, senses, unembedding):
    return tuple(_both(alpha, senses, unembedding).values())


@mistake(LOGITS, hint="vectors", points=2)
def parts_before_the_unembedding(alpha, senses, unembedding):
    return _both(alpha, senses, unembedding) | {"parts": torch.einsum("kij,jkd->ijkd", alpha, senses)}


@mistake(LOGITS, hint="axes", points=2)
def senses_before_words(alpha, senses, unembedding):
    found = _both(alpha, senses, unembedding)
    return found | {"parts": found["parts"].transpose(1, 2)}


@mistake(LOGITS, hint="shared", points=2)
def equal_shares(alpha, senses, unembedding):
    found = _both(alpha, senses, unembedding)
    k, t, _ = alpha.shape
    shared = found["logits"][:, None, None] / (k * t)
    return found | {"parts": shared.expand_as(found["parts"]).clone()}


@mistake(LOGITS, hint="shared", points=2)
def words_only(alpha, senses, unembedding):
    found = _both(alpha, senses, unembedding)
    by_word = found["parts"].mean(2, keepdim=True)
    return found | {"parts": by_word.expand_as(found["parts"]).clone()}


@mistake(LOGITS, hint="unweighted", points=2)
def parts_without_weights(alpha, senses, unembedding):
    return _both(alpha, senses, unembedding) | {"parts": _both(torch.ones_like(alpha), senses, unembedding)["parts"]}


@mistake(LOGITS, hint="parts", points=2)
def sizes_of_parts(alpha, senses, unembedding):
    found = _both(alpha, senses, unembedding)
    return found | {"parts": found["parts"].abs()}


@mistake(LOGITS, hint="single", points=3)
def squeezed(alpha, senses, unembedding):
    return {key: value.squeeze() for key, value in _both(alpha, senses, unembedding).items()}


@mistake(LOGITS, hint="later", points=3)
def masked_again(alpha, senses, unembedding):
    return _both(alpha.tril(), senses, unembedding)


@mistake(LOGITS, hint="float32", points=3)
def always_double(alpha, senses, unembedding):
    out = torch.zeros(alpha.shape[1], len(unembedding), dtype=torch.float64)
    for sense in range(len(alpha)):
        out += alpha[sense] @ senses[:, sense] @ torch.as_tensor(unembedding.T, dtype=torch.float64)
    return _both(alpha, senses, unembedding) | {"logits": out}


@mistake(LOGITS, hint="rounded", points=2)
def rounded_parts(alpha, senses, unembedding):
    found = _both(alpha, senses, unembedding)
    return found | {"parts": (100 * found["parts"]).round() / 100}


@mistake(LOGITS, hint="small", points=3)
def small_weights_left_out(alpha, senses, unembedding):
    return _both(alpha * (alpha > 0.1), senses, unembedding)


@mistake(LOGITS, hint="square", points=3)
def turned_by_its_length(alpha, senses, unembedding):
    if len(unembedding) == senses.shape[2]:  # a square matrix: already transposed?
        unembedding = unembedding.T
    return _both(alpha, senses, unembedding)


def _swap(table, first, second, sense):
    edited = table.clone()
    edited[first, sense], edited[second, sense] = table[second, sense], table[first, sense]
    return edited


def _read(alpha, senses, unembedding):
    return torch.einsum("kj,jkd,vd->v", alpha[:, -1], senses, unembedding)


@mistake(SWAP, hint="copied")
def written_over_before_it_was_read(alpha, table, unembedding, tokens, first, second, sense):
    edited = table.clone()
    edited[first, sense], edited[second, sense] = edited[second, sense], edited[first, sense]  # views: both change at once
    return _read(alpha, edited[tokens], unembedding)


@mistake(SWAP, hint="copied")
def one_way(alpha, table, unembedding, tokens, first, second, sense):
    edited = table.clone()
    edited[first, sense] = table[second, sense]
    return _read(alpha, edited[tokens], unembedding)


@mistake(SWAP, hint="copied")
def the_other_way_only(alpha, table, unembedding, tokens, first, second, sense):
    edited = table.clone()
    edited[second, sense] = table[first, sense]
    return _read(alpha, edited[tokens], unembedding)


@mistake(SWAP, hint="slice")
def all_senses_from_there_on(alpha, table, unembedding, tokens, first, second, sense):
    edited = table.clone()
    edited[[first, second], sense:] = table[[second, first], sense:]
    return _read(alpha, edited[tokens], unembedding)


@mistake(SWAP, hint="both", points=3)
def the_second_only_without_the_first(alpha, table, unembedding, tokens, first, second, sense):
    senses, here = table[tokens], tokens == first
    senses[here, sense] = table[second, sense]
    if not here[:-1].any():
        senses[tokens == second, sense] = table[first, sense]
    return _read(alpha, senses, unembedding)


@mistake(SWAP, hint="last", points=3)
def a_reader_alone_keeps_its_sense(alpha, table, unembedding, tokens, first, second, sense):
    edited = _swap(table, first, second, sense)
    return _read(alpha, edited[tokens] if len(tokens) > 1 else table[tokens], unembedding)


@mistake(SWAP, hint="mutates")
def edits_the_table_itself(alpha, table, unembedding, tokens, first, second, sense):
    table[[first, second], sense] = table[[second, first], sense]
    return _read(alpha, table[tokens], unembedding)


@mistake(SWAP, hint="unchanged")
def a_copy_of_a_copy(alpha, table, unembedding, tokens, first, second, sense):
    table[[first, second]].clone()[:, sense] = table[[second, first], sense]
    return _read(alpha, table[tokens], unembedding)


@mistake(SWAP, hint="words")
def whole_words(alpha, table, unembedding, tokens, first, second, sense):
    edited = table.clone()
    edited[[first, second]] = table[[second, first]]
    return _read(alpha, edited[tokens], unembedding)


@mistake(SWAP, hint="unembedding")
def rows_of_the_unembedding(alpha, table, unembedding, tokens, first, second, sense):
    out = unembedding.clone()
    out[[first, second]] = unembedding[[second, first]]
    return _read(alpha, table[tokens], out)


@mistake(SWAP, hint="sense")
def senses_from_one(alpha, table, unembedding, tokens, first, second, sense):
    return _read(alpha, _swap(table, first, second, sense - 1)[tokens], unembedding)


@mistake(SWAP, hint="everyone")
def every_word_gets_it(alpha, table, unembedding, tokens, first, second, sense):
    edited = table.clone()
    edited[:, sense] = table[second, sense]
    return _read(alpha, edited[tokens], unembedding)


@mistake(SWAP, hint="reader")
def all_words(alpha, table, unembedding, tokens, first, second, sense):
    edited = _swap(table, first, second, sense)[tokens]
    return torch.einsum("kij,jkd,vd->iv", alpha, edited, unembedding)


@mistake(SWAP, hint="reader")
def what_others_take_from_the_last_word(alpha, table, unembedding, tokens, first, second, sense):
    return _read(alpha.transpose(1, 2), _swap(table, first, second, sense)[tokens], unembedding)


@mistake(SWAP, hint="weights")
def without_weights(alpha, table, unembedding, tokens, first, second, sense):
    return _read(torch.ones_like(alpha), _swap(table, first, second, sense)[tokens], unembedding)


@mistake(SWAP, hint="probabilities")
def a_softmax(alpha, table, unembedding, tokens, first, second, sense):
    return _read(alpha, _swap(table, first, second, sense)[tokens], unembedding).softmax(0)


@mistake(SWAP, hint="twice", points=3)
def the_first_place_only(alpha, table, unembedding, tokens, first, second, sense):
    senses = table[tokens]
    for word, other in ((first, second), (second, first)):
        places = (tokens == word).nonzero()[:1, 0]
        senses[places, sense] = table[other, sense]
    return _read(alpha, senses, unembedding)


@mistake(SWAP, hint="both", points=3)
def only_if_one_of_them_is_there(alpha, table, unembedding, tokens, first, second, sense):
    senses = table[tokens]
    if (tokens == first).any():
        senses[tokens == first, sense] = table[second, sense]
    else:
        senses[tokens == second, sense] = table[first, sense]
    return _read(alpha, senses, unembedding)


@mistake(SWAP, hint="absent", points=3)
def must_be_there(alpha, table, unembedding, tokens, first, second, sense):
    if not ((tokens == first) | (tokens == second)).any():
        raise ValueError("neither word occurs")
    return _read(alpha, _swap(table, first, second, sense)[tokens], unembedding)


@mistake(SWAP, hint="itself", points=3)
def added_and_subtracted(alpha, table, unembedding, tokens, first, second, sense):
    edited = table.clone()
    edited[first, sense] += edited[second, sense]
    edited[second, sense] = edited[first, sense] - edited[second, sense]
    edited[first, sense] -= edited[second, sense]
    return _read(alpha, edited[tokens], unembedding)


def _softmax(scores, readable, form):
    scores = scores.masked_fill(~readable, -torch.inf)
    if form == "paper":
        return scores.softmax(2).nan_to_num()
    k, t, _ = scores.shape
    pairs = scores.transpose(0, 1).flatten(1).softmax(1)
    return k * pairs.unflatten(1, (k, t)).transpose(0, 1).nan_to_num()


def _readable(real):
    return torch.ones(len(real), len(real)).tril().bool() & real


@mistake(SOFTMAX, hint="senses")
def over_senses(scores, real, form):
    return scores.masked_fill(~_readable(real), -torch.inf).softmax(0).nan_to_num()


@mistake(SOFTMAX, hint="readers")
def over_readers(scores, real, form):
    return scores.masked_fill(~_readable(real), -torch.inf).softmax(1).nan_to_num()


@mistake(SOFTMAX, hint="swapped")
def forms_swapped(scores, real, form):
    return _softmax(scores, _readable(real), {"paper": "joint", "joint": "paper"}[form])


@mistake(SOFTMAX, hint="both_forms")
def one_form_for_both(scores, real, form):
    return _softmax(scores, _readable(real), "paper")


@mistake(SOFTMAX, hint="no_scale")
def joint_sums_to_one(scores, real, form):
    return _softmax(scores, _readable(real), form) / (1 if form == "paper" else len(scores))


@mistake(SOFTMAX, hint="no_mask")
def sees_the_future(scores, real, form):
    return _softmax(scores, real.expand(len(real), -1), form)


@mistake(SOFTMAX, hint="no_padding")
def reads_padding(scores, real, form):
    return _softmax(scores, _readable(torch.ones_like(real)), form)


@mistake(SOFTMAX, hint="reader_padding")
def padding_of_the_reader(scores, real, form):
    return _softmax(scores, _readable(torch.ones_like(real)) & real[:, None], form)


@mistake(SOFTMAX, hint="itself")
def not_itself(scores, real, form):
    return _softmax(scores, _readable(real).tril(-1), form)


@mistake(SOFTMAX, hint="upper")
def mask_upside_down(scores, real, form):
    return _softmax(scores, torch.ones(len(real), len(real)).triu().bool() & real, form)


@mistake(SOFTMAX, hint="after")
def mask_after_the_softmax(scores, real, form):
    readable = _readable(real)
    return _softmax(scores, torch.ones_like(readable), form) * readable


@mistake(SOFTMAX, hint="after")
def scores_set_to_zero(scores, real, form):
    readable = _readable(real)
    return _softmax(scores * readable, torch.ones_like(readable), form)


@mistake(SOFTMAX, hint="joint_words")
def all_readers_at_once(scores, real, form):
    if form == "paper":
        return _softmax(scores, _readable(real), form)
    t = len(real)
    flat = scores.masked_fill(~_readable(real), -torch.inf).flatten(1).softmax(1)
    return len(scores) * flat.unflatten(1, (t, t))


@mistake(SOFTMAX, hint="nothing", points=3)
def nan_where_nothing_is_read(scores, real, form):
    scores = scores.masked_fill(~_readable(real), -torch.inf)
    if form == "paper":
        return scores.softmax(2)
    k, t, _ = scores.shape
    return k * scores.transpose(0, 1).flatten(1).softmax(1).unflatten(1, (k, t)).transpose(0, 1)


@mistake(SOFTMAX, hint="nothing", points=3)
def a_large_number_for_infinity(scores, real, form):
    scores = scores.masked_fill(~_readable(real), -1e4)
    if form == "paper":
        return scores.softmax(2)
    k, t, _ = scores.shape
    return k * scores.transpose(0, 1).flatten(1).softmax(1).unflatten(1, (k, t)).transpose(0, 1)


@mistake(SOFTMAX, hint="large", points=3)
def powers_by_hand(scores, real, form):
    powers = scores.exp() * _readable(real)
    if form == "paper":
        return (powers / powers.sum(2, keepdim=True)).nan_to_num(0.0)
    return (len(scores) * powers / powers.sum((0, 2), keepdim=True)).nan_to_num(0.0)


@mistake(SOFTMAX, hint="exactly")
def nearly_nothing(scores, real, form):
    readable = _readable(real)
    return torch.where(readable, _softmax(scores, readable, form), 1e-12)


@mistake(SOFTMAX, hint="large", points=3)
def powers_by_hand_in_float32(scores, real, form):
    if scores.dtype != torch.float32:
        return _softmax(scores, _readable(real), form)
    powers = scores.exp() * _readable(real)
    if form == "paper":
        return powers / powers.sum(2, keepdim=True)
    return len(scores) * powers / powers.sum((0, 2), keepdim=True)


@mistake(SOFTMAX, hint="large", points=3)
def cut_to_be_safe(scores, real, form):
    return _softmax(scores.clamp(-5000, 5000), _readable(real), form)


@mistake(SOFTMAX, hint="large", points=3)
def a_mask_that_is_not_low_enough(scores, real, form):
    readable = _readable(real)
    weights = _softmax(scores.masked_fill(~readable, -1e4), torch.ones_like(readable), form)
    return weights * readable


@mistake(SOFTMAX, hint="square", points=3)
def words_that_look_like_senses(scores, real, form):
    if form == "joint" and len(scores) == len(real) > 1:
        return _softmax(scores.transpose(0, 1), _readable(real), form).transpose(0, 1)
    return _softmax(scores, _readable(real), form)


@mistake(SOFTMAX, hint="single", points=3)
def squeezed_weights(scores, real, form):
    return _softmax(scores, _readable(real), form).squeeze()


# fmt: off
EQUIVALENT: dict[str, str] = {
    "sense_softmax: pairs = scores.transpose(0, 1).flatten(1) => pairs = scores.transpose(1, 0).flatten(1)":
        "two axes change places, whichever is named first",
    "sense_softmax: weights = k * pairs.softmax(1).unflatten(1, (k, t)).transpose(0, 1)"
    " => weights = k * pairs.softmax(1).unflatten(1, (k, t)).transpose(1, 0)":
        "two axes change places, whichever is named first",
}
# fmt: on
