"""Plausible wrong answers to exercises/explainable/masking.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

BATCH = "explainable/masking/masked_batch"
CONDITIONAL = "explainable/masking/conditional"
DISAGREE = "explainable/masking/where_they_disagree"
PARTS = "explainable/masking/loss_parts"

EQUIVALENT: dict[str, str] = {
    "masked_batch: mask = (torch.rand(x.shape, generator=generator) < rate).to(x) => "
    "mask = (torch.rand(x.shape, generator=generator) <= rate).to(x)": "two uniform numbers are hardly ever equal",
    "masked_batch: mask = (torch.rand(x.shape, generator=generator) < rate).to(x) => "
    "mask = (torch.rand(x.shape, generator=generator) >= rate).to(x)": "1 minus a uniform rate is a uniform rate",
    "where_they_disagree: return {'flat': (-1 - b) / w, 'same': token.clone()} => "
    "return {'flat': (-1 - b) / w, 'same': token}": "the same numbers, and the exercise does not ask for a copy",
    "where_they_disagree: return {'flat': (-1 - b) / w, 'same': token.clone()} => "
    "return {'flat': (-2 - b) / w, 'same': token.clone()}": "further on the flat side, as right as the solution",
}


def _generator(seed):
    return torch.Generator().manual_seed(seed)


def _mask(x, seed):
    generator = _generator(seed)
    rate = torch.rand(len(x), 1, generator=generator)
    return (torch.rand(x.shape, generator=generator) < rate).to(x)


def _beside(x, mask):
    return torch.cat([x * mask, mask], 1)


# ---------------------------------------------------------------------------------------------------- a masked batch


@mistake(BATCH, hint="batch")
def one_mask_for_the_batch(x, seed):
    return _beside(x, _mask(x[:1], seed).expand_as(x))


@mistake(BATCH, hint="rate")
def half_is_kept(x, seed):
    return _beside(x, (torch.rand(x.shape, generator=_generator(seed)) < 0.5).to(x))


@mistake(BATCH, hint="rate")
def one_rate_for_the_batch(x, seed):
    generator = _generator(seed)
    rate = 0.2 + 0.6 * torch.rand(1, generator=generator)
    return _beside(x, (torch.rand(x.shape, generator=generator) < rate).to(x))


@mistake(BATCH, hint="column")
def one_rate_for_each_column(x, seed):
    generator = _generator(seed)
    rate = torch.rand(x.shape[1], generator=generator)
    return _beside(x, (torch.rand(x.shape, generator=generator) < rate).to(x))


@mistake(BATCH, hint="rate")
def one_rate_for_each_entry(x, seed):
    generator = _generator(seed)
    rate = torch.rand(x.shape, generator=generator)
    return _beside(x, (torch.rand(x.shape, generator=generator) < rate).to(x))


@mistake(BATCH, hint="uniform")
def never_less_than_half(x, seed):
    generator = _generator(seed)
    rate = 0.4 + 0.6 * torch.rand(len(x), 1, generator=generator)
    return _beside(x, (torch.rand(x.shape, generator=generator) < rate).to(x))


@mistake(BATCH, hint="uniform")
def rates_pile_up_at_the_ends(x, seed):
    generator = _generator(seed)
    rate = (2 * torch.randn(len(x), 1, generator=generator)).sigmoid().round()
    return _beside(x, (torch.rand(x.shape, generator=generator) < 0.1 + 0.8 * rate).to(x))


@mistake(BATCH, hint="channel")
def no_mask_channel(x, seed):
    return x * _mask(x, seed)


@mistake(BATCH, hint="first")
def mask_before_values(x, seed):
    mask = _mask(x, seed)
    return torch.cat([mask, x * mask], 1)


@mistake(BATCH, hint="stacked")
def on_top_of_each_other(x, seed):
    mask = _mask(x, seed)
    return torch.stack([x * mask, mask], 1)


@mistake(BATCH, hint="inverted")
def mask_of_what_is_removed(x, seed):
    mask = _mask(x, seed)
    return torch.cat([x * mask, 1 - mask], 1)


@mistake(BATCH, hint="values")
def values_not_masked(x, seed):
    return torch.cat([x, _mask(x, seed)], 1)


@mistake(BATCH, hint="values")
def nan_would_be_minus_one(x, seed):
    mask = _mask(x, seed)
    return torch.cat([torch.where(mask == 1, x, -1), mask], 1)


@mistake(BATCH, hint="values")
def rows_are_shuffled(x, seed):
    mask, order = _mask(x, seed), torch.randperm(len(x), generator=_generator(seed))
    return _beside(x, mask)[order] if len(x) == 1 else torch.cat([x[order] * mask, mask], 1)


@mistake(BATCH, hint="ambiguous")
def mask_read_off_the_values(x, seed):
    values = x * _mask(x, seed)
    return torch.cat([values, (values != 0).to(x)], 1)


@mistake(BATCH, hint="binary")
def rates_in_place_of_masks(x, seed):
    rate = torch.rand(len(x), 1, generator=_generator(seed)).to(x).expand_as(x)
    return _beside(x, rate)


@mistake(BATCH, hint="blocks")
def a_block_is_kept(x, seed):
    generator, columns = _generator(seed), torch.arange(x.shape[1])
    length = torch.rand(len(x), 1, generator=generator) * x.shape[1]
    start = torch.rand(len(x), 1, generator=generator) * x.shape[1]
    return _beside(x, ((columns - start) % x.shape[1] < length).to(x))


@mistake(BATCH, hint="depends")
def large_values_are_kept(x, seed):
    rate = torch.rand(len(x), 1, generator=_generator(seed)).to(x)
    places = x.abs().argsort(1).argsort(1) / x.shape[1]
    return _beside(x, (places < rate).to(x))


@mistake(BATCH, hint="depends")
def rates_follow_the_rows(x, seed):
    generator = _generator(seed)
    rate = torch.rand(len(x), 1, generator=generator)[x.sum(1).argsort()]
    return _beside(x, (torch.rand(x.shape, generator=generator) < rate).to(x))


@mistake(BATCH, hint="seed", points=4)
def draws_anew_each_time(x, seed):
    rate = torch.rand(len(x), 1)
    return _beside(x, _mask(x, seed) if len(x) > 100 else (torch.rand(x.shape) < rate).to(x))


@mistake(BATCH, hint="global", points=4)
def sets_the_global_seed(x, seed):
    torch.manual_seed(seed)
    return _beside(x, (torch.rand(x.shape) < torch.rand(len(x), 1)).to(x))


@mistake(BATCH, hint="same_masks", points=3)
def ignores_the_seed(x, seed):
    return _beside(x, _mask(x, 0))


@mistake(BATCH, hint="single", points=4)
def squeezed(x, seed):
    return _beside(x, _mask(x, seed)).squeeze()


@mistake(BATCH, hint="float32", points=4)
def always_double(x, seed):
    return _beside(x.double(), _mask(x.double(), seed))


def _drawn(x, rate, entries):
    return _beside(x, (entries < rate).to(x))


@mistake(BATCH, hint="rows")
def rates_on_a_grid(x, seed):
    return _drawn(x, torch.linspace(0, 1, len(x))[:, None], torch.rand(x.shape, generator=_generator(seed)))


@mistake(BATCH, hint="rows")
def two_rows_share_a_rate(x, seed):
    generator = _generator(seed)
    rate = torch.rand(len(x), 1, generator=generator)[torch.arange(len(x)) // 2]
    return _drawn(x, rate, torch.rand(x.shape, generator=generator))


@mistake(BATCH, hint="rows")
def second_half_repeats_the_first(x, seed):
    generator, few = _generator(seed), torch.arange(len(x)) % max(len(x) // 2, 1)
    rate = torch.rand(len(x), 1, generator=generator)
    return _drawn(x, rate[few], torch.rand(x.shape, generator=generator)[few])


@mistake(BATCH, hint="rows")
def one_vector_slides_along(x, seed):
    generator, (b, n) = _generator(seed), x.shape
    return _drawn(x, torch.rand(b, 1, generator=generator), torch.rand(b + n, generator=generator).unfold(0, n, 1)[:b])


@mistake(BATCH, hint="rows")
def rates_in_order(x, seed):
    generator = _generator(seed)
    return _drawn(x, torch.rand(len(x), 1, generator=generator).sort(0).values, torch.rand(x.shape, generator=generator))


@mistake(BATCH, hint="columns")
def two_halves_alike(x, seed):
    generator, n = _generator(seed), x.shape[1]
    rate = torch.rand(len(x), 1, generator=generator)
    return _drawn(x, rate, torch.rand(x.shape, generator=generator)[:, torch.arange(n) % max(n // 2, 1)])


@mistake(BATCH, hint="columns")
def two_halves_opposed(x, seed):
    generator, half = _generator(seed), x.shape[1] // 2
    entries = torch.rand(x.shape, generator=generator)
    entries[:, half : 2 * half] = 1 - entries[:, :half]
    return _drawn(x, torch.rand(len(x), 1, generator=generator), entries)


@mistake(BATCH, hint="noise")
def one_row_of_numbers_for_all(x, seed):
    generator = _generator(seed)
    return _drawn(x, torch.rand(len(x), 1, generator=generator), torch.rand(x.shape[1], generator=generator))


@mistake(BATCH, hint="twice")
def one_seed_two_generators(x, seed):
    return _drawn(x, torch.rand(len(x), 1, generator=_generator(seed)), torch.rand(x.shape, generator=_generator(seed)))


@mistake(BATCH, hint="law")
def a_rounded_number_is_kept(x, seed):
    generator = _generator(seed)
    count = (torch.rand(len(x), 1, generator=generator) * x.shape[1]).round()
    return _drawn(x, count, torch.rand(x.shape, generator=generator).argsort(1).argsort(1))


@mistake(BATCH, hint="law")
def at_least_one_is_kept(x, seed):
    generator = _generator(seed)
    count = torch.randint(1, x.shape[1] + 1, (len(x), 1), generator=generator)
    return _drawn(x, count, torch.rand(x.shape, generator=generator).argsort(1).argsort(1))


@mistake(BATCH, hint="law")
def half_is_kept_in_small_batches(x, seed):
    generator = _generator(seed)
    rate = torch.rand(len(x), 1, generator=generator) if len(x) > 100 else 0.5
    return _drawn(x, rate, torch.rand(x.shape, generator=generator))


@mistake(BATCH, hint="depends")
def seed_from_the_first_entry(x, seed):
    return _beside(x, _mask(x, seed + int(x[0, 0] > 0)))


@mistake(BATCH, hint="same_rates", points=3)
def rates_always_the_same(x, seed):
    rate = torch.rand(len(x), 1, generator=_generator(0))
    return _drawn(x, rate, torch.rand(x.shape, generator=_generator(seed)))


@mistake(BATCH, hint="same_noise", points=4)
def entries_always_the_same(x, seed):
    rate = torch.rand(len(x), 1, generator=_generator(seed))
    return _drawn(x, rate, torch.rand(x.shape, generator=_generator(0)))


@mistake(BATCH, hint="repeats", points=4)
def a_seed_for_each_row(x, seed):
    return _beside(x, torch.cat([_mask(row[None], seed + i) for i, row in enumerate(x)]))


@mistake(BATCH, hint="same_masks", points=4)
def a_hundred_seeds(x, seed):
    return _beside(x, _mask(x, seed % 100))


@mistake(BATCH, hint="small", points=4)
def first_row_never_masked(x, seed):
    mask = _mask(x, seed)
    mask[0] = 1
    return _beside(x, mask)


@mistake(BATCH, hint="small", points=4)
def single_row_never_masked(x, seed):
    return _beside(x, _mask(x, seed) if len(x) > 1 else torch.ones_like(x))


@mistake(BATCH, hint="stacked")
def values_and_mask_in_turn(x, seed):
    mask = _mask(x, seed)
    return torch.stack([x * mask, mask], 2).flatten(1)


@mistake(BATCH, hint="float32", points=4)
def always_single(x, seed):
    return _beside(x, _mask(x, seed)).float()


@mistake(BATCH, hint="mutates")
def erases_in_place(x, seed):
    mask = _mask(x, seed)
    x *= mask
    return torch.cat([x, mask], 1)


# ------------------------------------------------------------------------------------------------ the exact conditional


def _cells(joint, values, mask):
    at = tuple(v if kept else slice(None) for v, kept in zip(values.tolist(), mask.tolist(), strict=True))
    return joint[at].reshape(-1, joint.shape[-1])


def _each(joint, x, masks, row):
    return torch.stack([row(_cells(joint, values, mask)) for values, mask in zip(x, masks, strict=True)])


def _normal(weights):
    return weights / weights.sum()


@mistake(CONDITIONAL, hint="joint")
def not_normalised(joint, x, masks):
    return _each(joint, x, masks, lambda cells: cells.sum(0))


@mistake(CONDITIONAL, hint="joint")
def normalised_by_the_table(joint, x, masks):
    return _each(joint, x, masks, lambda cells: cells.sum(0)) / joint.sum()


@mistake(CONDITIONAL, hint="joint")
def normalised_by_the_largest(joint, x, masks):
    return _each(joint, x, masks, lambda cells: cells.sum(0) / cells.sum(0).max())


@mistake(CONDITIONAL, hint="prior")
def shares_of_the_classes(joint, x, masks):
    return _normal(joint.reshape(-1, joint.shape[-1]).sum(0)).expand(len(x), -1)


@mistake(CONDITIONAL, hint="full")
def ignores_the_mask(joint, x, masks):
    return _each(joint, x, torch.ones_like(masks), lambda cells: _normal(cells.sum(0)))


@mistake(CONDITIONAL, hint="inverted")
def keeps_what_is_removed(joint, x, masks):
    return _each(joint, x, 1 - masks, lambda cells: _normal(cells.sum(0)))


@mistake(CONDITIONAL, hint="zero")
def removed_means_zero(joint, x, masks):
    return _each(joint, x * masks, torch.ones_like(masks), lambda cells: _normal(cells.sum(0)))


@mistake(CONDITIONAL, hint="uniform")
def every_value_alike(joint, x, masks):
    return _each(joint, x, masks, lambda cells: (cells / cells.sum(1, keepdim=True)).mean(0))


@mistake(CONDITIONAL, hint="first")
def mask_of_the_first_row(joint, x, masks):
    return _each(joint, x, masks[:1].expand_as(masks), lambda cells: _normal(cells.sum(0)))


@mistake(CONDITIONAL, hint="marginal")
def removed_values_by_their_shares(joint, x, masks):
    n, rows = x.shape[1], []
    posterior = joint / joint.sum(-1, keepdim=True)
    for values, mask in zip(x, masks, strict=True):
        mean = posterior
        for i in reversed(range(n)):
            share = joint.sum([j for j in range(n + 1) if j != i])
            mean = mean.select(i, int(values[i])) if mask[i] else torch.tensordot(share, mean, ([0], [i]))
        rows.append(mean)
    return torch.stack(rows)


@mistake(CONDITIONAL, hint="naive")
def evidence_multiplied(joint, x, masks):
    n, rows = x.shape[1], []
    prior = joint.sum(list(range(n)))
    for values, mask in zip(x, masks, strict=True):
        found = prior
        for i in range(n):
            if mask[i]:
                found = found * joint.sum([j for j in range(n) if j != i])[values[i]] / prior
        rows.append(_normal(found))
    return torch.stack(rows)


@mistake(CONDITIONAL, hint="likely")
def most_likely_values(joint, x, masks):
    n = x.shape[1]
    modes = torch.stack([joint.sum([j for j in range(n + 1) if j != i]).argmax() for i in range(n)])
    filled = torch.where(masks == 1, x, modes)
    return _each(joint, filled, torch.ones_like(masks), lambda cells: _normal(cells.sum(0)))


@mistake(CONDITIONAL, hint="nothing", points=3)
def nothing_kept_is_uniform(joint, x, masks):
    found = _each(joint, x, masks, lambda cells: _normal(cells.sum(0)))
    return torch.where(masks.any(1, keepdim=True), found, 1 / joint.shape[-1])


@mistake(CONDITIONAL, hint="everything", points=3)
def sums_over_an_empty_list(joint, x, masks):
    rows = []
    for values, mask in zip(x.tolist(), masks.tolist(), strict=True):
        cells = joint.sum([i for i, kept in enumerate(mask) if not kept])
        at = tuple(v for v, kept in zip(values, mask, strict=True) if kept)
        rows.append(_normal(cells[at]))
    return torch.stack(rows)


@mistake(CONDITIONAL, hint="counts", points=3)
def takes_probabilities_for_granted(joint, x, masks):
    return _each(joint, x, masks, lambda cells: cells.sum(0) / (cells.sum() if joint.sum() < 1.01 else 1))


@mistake(CONDITIONAL, hint="empty", points=3)
def conditions_before_it_sums(joint, x, masks):
    return _each(
        joint, x, masks, lambda cells: (cells / cells.sum(1, keepdim=True) * cells.sum(1, keepdim=True)).sum(0) / cells.sum()
    )


@mistake(CONDITIONAL, hint="turned")
def inputs_given_the_class(joint, x, masks):
    classes = joint.reshape(-1, joint.shape[-1]).sum(0)
    return _each(joint, x, masks, lambda cells: cells.sum(0) / classes)


@mistake(CONDITIONAL, hint="turned")
def inputs_given_the_class_normalised(joint, x, masks):
    classes = joint.reshape(-1, joint.shape[-1]).sum(0)
    return _each(joint, x, masks, lambda cells: _normal(cells.sum(0) / classes))


@mistake(CONDITIONAL, hint="certain", points=3)
def drops_inputs_with_an_impossible_label(joint, x, masks):
    return _each(joint * (joint > 0).all(-1, keepdim=True), x, masks, lambda cells: _normal(cells.sum(0)))


@mistake(CONDITIONAL, hint="rare", points=3)
def never_divides_by_little(joint, x, masks):
    return _each(joint, x, masks, lambda cells: cells.sum(0) / cells.sum().clamp_min(1e-7))


@mistake(CONDITIONAL, hint="rare", points=3)
def adds_very_little(joint, x, masks):
    return _each(joint, x, masks, lambda cells: cells.sum(0) / (cells.sum() + 1e-13))


@mistake(CONDITIONAL, hint="precise")
def adds_a_little(joint, x, masks):
    return _each(joint, x, masks, lambda cells: cells.sum(0) / (cells.sum() + 1e-7))


@mistake(CONDITIONAL, hint="precise")
def conditional_in_float32(joint, x, masks):
    return _each(joint.float(), x, masks, lambda cells: _normal(cells.sum(0)))


@mistake(CONDITIONAL, hint="error")
def up_to_three_features(joint, x, masks):
    first, second, third = (list(x.T) + [None, None])[:3] if x.shape[1] <= 3 else x.T
    return _each(joint, x, masks, lambda cells: _normal(cells.sum(0)))


@mistake(CONDITIONAL, hint="single", points=3)
def squeezed_rows(joint, x, masks):
    return _each(joint, x, masks, lambda cells: _normal(cells.sum(0))).squeeze(0)


@mistake(CONDITIONAL, hint="mutates")
def normalises_in_place(joint, x, masks):
    joint /= joint.sum(-1, keepdim=True)
    return _each(joint, x, masks, lambda cells: _normal(cells.sum(0)))


# -------------------------------------------------------------------------------------------- where families disagree


@mistake(DISAGREE, hint="keys")
def a_pair(a, w, b, token):
    return (-1 - b) / w, token.clone()


@mistake(DISAGREE, hint="swapped")
def swapped_keys(a, w, b, token):
    return {"flat": token.clone(), "same": (-1 - b) / w}


@mistake(DISAGREE, hint="negative")
def far_to_the_left(a, w, b, token):
    return {"flat": torch.full_like(token, -100.0), "same": token.clone()}


@mistake(DISAGREE, hint="slope")
def flat_at_zero(a, w, b, token):
    return {"flat": torch.zeros_like(token), "same": token.clone()}


@mistake(DISAGREE, hint="kink")
def on_the_kink(a, w, b, token):
    return {"flat": -b / w, "same": token.clone()}


@mistake(DISAGREE, hint="slope")
def other_side_of_the_kink(a, w, b, token):
    return {"flat": (1 - b) / w, "same": token.clone()}


@mistake(DISAGREE, hint="slope")
def flat_for_positive_units(a, w, b, token):
    return {"flat": torch.where(a > 0, -1 - b, 1 - b) / w, "same": token.clone()}


@mistake(DISAGREE, hint="moves")
def some_live_input(a, w, b, token):
    return {"flat": (-1 - b) / w, "same": (3 - b) / w}


@mistake(DISAGREE, hint="moves")
def a_billionth_beside_the_token(a, w, b, token):
    return {"flat": (-1 - b) / w, "same": token + 1e-9}


@mistake(DISAGREE, hint="dtype")
def inputs_in_float32(a, w, b, token):
    return {"flat": ((-1 - b) / w).float(), "same": token.float()}


@mistake(DISAGREE, hint="live")
def both_flat(a, w, b, token):
    return {"flat": (-1 - b) / w, "same": (-2 - b) / w}


@mistake(DISAGREE, hint="live")
def removed_means_zeros(a, w, b, token):
    return {"flat": (-1 - b) / w, "same": -b / w}


@mistake(DISAGREE, hint="single", points=2)
def needs_two_features(a, w, b, token):
    return {"flat": ((-1 - b) / w).squeeze(), "same": token.squeeze().clone()}


@mistake(DISAGREE, hint="slope", points=2)
def far_by_a_fixed_way(a, w, b, token):
    return {"flat": token - 50 * w.sign(), "same": token.clone()}


@mistake(DISAGREE, hint="mutates")
def moves_the_token(a, w, b, token):
    same = token.clone()
    token -= 10 * w.sign()
    return {"flat": token, "same": same}


# ------------------------------------------------------------------------------------------------ what a loss is made of


def _conditional(joint, mask):
    removed = [i for i, kept in enumerate(mask.tolist()) if not kept]
    cells = joint.sum(removed, keepdim=True) if removed else joint
    return (cells / cells.sum(-1, keepdim=True)).expand_as(joint)


def _term(joint, prediction):
    return -torch.xlogy(joint, prediction).nan_to_num().sum()


def _parts(joint, predictions, masks, weights, condition=_conditional, scale=1.0):
    loss = sum(w * _term(joint, p) for p, w in zip(predictions, weights, strict=True)) * scale
    entropy = sum(w * _term(joint, condition(joint, mask)) for mask, w in zip(masks, weights, strict=True)) * scale
    return {"loss": loss, "entropy": entropy, "kl": loss - entropy}


@mistake(PARTS, hint="keys")
def a_triple(joint, predictions, masks, weights):
    return tuple(_parts(joint, predictions, masks, weights).values())


@mistake(PARTS, hint="sign")
def log_likelihoods(joint, predictions, masks, weights):
    return _parts(joint, predictions, masks, weights, scale=-1.0)


@mistake(PARTS, hint="bits")
def in_bits(joint, predictions, masks, weights):
    return _parts(joint, predictions, masks, weights, scale=1 / torch.tensor(2.0).double().log())


@mistake(PARTS, hint="masks")
def masks_added_up(joint, predictions, masks, weights):
    return _parts(joint, predictions, masks, torch.ones_like(weights))


@mistake(PARTS, hint="alike")
def masks_alike(joint, predictions, masks, weights):
    return _parts(joint, predictions, masks, torch.full_like(weights, 1 / len(weights)))


@mistake(PARTS, hint="logits")
def probabilities_taken_for_logits(joint, predictions, masks, weights):
    return _parts(joint, predictions.softmax(-1), masks, weights)


@mistake(PARTS, hint="precise")
def loss_in_float32(joint, predictions, masks, weights):
    return _parts(joint.float(), predictions.float(), masks, weights.float())


@mistake(PARTS, hint="small", points=3)
def clamped_predictions(joint, predictions, masks, weights):
    return _parts(joint, predictions.clamp_min(1e-8), masks, weights)


@mistake(PARTS, hint="small", points=3)
def small_cells_ignored(joint, predictions, masks, weights):
    return _parts(torch.where(joint < 1e-5, 0, joint), predictions, masks, weights)


@mistake(PARTS, hint="cells")
def cells_alike(joint, predictions, masks, weights):
    return _parts(joint, predictions, masks, weights) | {"loss": -predictions.log().mean()}


@mistake(PARTS, hint="joint_entropy", points=1)
def entropy_of_both(joint, predictions, masks, weights):
    def together(joint, mask):
        removed = [i for i, kept in enumerate(mask.tolist()) if not kept]
        return (joint.sum(removed, keepdim=True) if removed else joint).expand_as(joint)

    return _parts(joint, predictions, masks, weights, condition=together)


@mistake(PARTS, hint="prior", points=1)
def entropy_of_the_classes(joint, predictions, masks, weights):
    return _parts(joint, predictions, 0 * masks, weights)


@mistake(PARTS, hint="full", points=1)
def entropy_given_everything(joint, predictions, masks, weights):
    return _parts(joint, predictions, 0 * masks + 1, weights)


@mistake(PARTS, hint="inverted", points=1)
def conditions_on_what_is_removed(joint, predictions, masks, weights):
    return _parts(joint, predictions, 1 - masks, weights)


@mistake(PARTS, hint="entropy", points=1)
def entropy_of_the_predictions(joint, predictions, masks, weights):
    found = _parts(joint, predictions, masks, weights)
    own = [(joint.sum(-1, keepdim=True) * p * -p.log()).sum() for p in predictions]
    entropy = sum(w * h for w, h in zip(weights, own, strict=True))
    return found | {"entropy": entropy, "kl": found["loss"] - entropy}


@mistake(PARTS, hint="turned", points=1)
def divergence_turned_round(joint, predictions, masks, weights):
    found, kl = _parts(joint, predictions, masks, weights), 0.0
    for p, mask, w in zip(predictions, masks, weights, strict=True):
        kl = kl + w * (joint.sum(-1, keepdim=True) * p * (p / _conditional(joint, mask)).log()).sum()
    return found | {"kl": kl}


@mistake(PARTS, hint="sign", points=1)
def entropy_minus_loss(joint, predictions, masks, weights):
    found = _parts(joint, predictions, masks, weights)
    return found | {"kl": found["entropy"] - found["loss"]}


@mistake(PARTS, hint="kl", points=1)
def never_measured(joint, predictions, masks, weights):
    return _parts(joint, predictions, masks, weights) | {"kl": 0.0}


@mistake(PARTS, hint="kept", points=3)
def sums_over_everything(joint, predictions, masks, weights):
    def condition(joint, mask):
        cells = joint.sum([i for i, kept in enumerate(mask.tolist()) if not kept], keepdim=True)
        return (cells / cells.sum(-1, keepdim=True)).expand_as(joint)

    return _parts(joint, predictions, masks, weights, condition=condition)


@mistake(PARTS, hint="zeros", points=3)
def nothing_times_infinity(joint, predictions, masks, weights):
    found = _parts(joint, predictions, masks, weights)
    loss = sum(-w * (joint * p.log()).sum() for p, w in zip(predictions, weights, strict=True))
    return found | {"loss": loss, "kl": loss - found["entropy"]}


@mistake(PARTS, hint="mutates")
def normalises_the_weights_in_place(joint, predictions, masks, weights):
    predictions /= predictions.sum()
    return _parts(joint, predictions, masks, weights)
