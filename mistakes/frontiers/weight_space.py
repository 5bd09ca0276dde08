"""Plausible wrong answers to exercises/frontiers/weight_space.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

TOKENS = "frontiers/weight_space/neuron_tokens"
READ = "frontiers/weight_space/read_neurons"

EQUIVALENT = {
    "read_neurons: rows = tokens.reshape(b * h, n) => rows = tokens": "the network takes (b, h, n) as it takes rows, and where "
    "h = 1 drops that axis, which the second reshape gives back",
}


@mistake(TOKENS, hint="reshape")
def consecutive_pieces(weights, inputs):
    return weights.reshape(len(weights), -1, inputs + 2)


@mistake(TOKENS, hint="columns")
def every_block_as_a_column(weights, inputs):
    return weights.reshape(len(weights), inputs + 2, -1).mT


@mistake(TOKENS, hint="shape")
def not_transposed(weights, inputs):
    return weights.reshape(len(weights), inputs + 2, -1)


@mistake(TOKENS, hint="swapped")
def output_weight_before_bias(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    w = weights[:, : h * inputs].reshape(-1, h, inputs)
    return torch.cat([w, weights[:, -h:, None], weights[:, h * inputs : h * inputs + h, None]], 2)


@mistake(TOKENS, hint="inside")
def bias_first(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    w = weights[:, : h * inputs].reshape(-1, h, inputs)
    return torch.cat([weights[:, -h:, None], w, weights[:, h * inputs : h * inputs + h, None]], 2)


@mistake(TOKENS, hint="blocks")
def biases_read_from_the_front(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    w = weights[:, 2 * h :].reshape(-1, h, inputs)
    return torch.cat([w, weights[:, :h, None], weights[:, h : 2 * h, None]], 2)


@mistake(TOKENS, hint="error")
def sixteen_neurons(weights, inputs):
    w = weights[:, : 16 * inputs].reshape(-1, 16, inputs)
    return torch.cat([w, weights[:, 16 * inputs : 16 * inputs + 16, None], weights[:, -16:, None]], 2)


@mistake(TOKENS, hint="inputs", points=2)
def two_inputs(weights, inputs):
    h = weights.shape[1] // 4
    w = weights[:, : 2 * h].reshape(-1, h, 2)
    return torch.cat([w, weights[:, 2 * h : 3 * h, None], weights[:, 3 * h :, None]], 2)


@mistake(TOKENS, hint="first")
def first_network_for_all(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    one = weights[0]
    rows = torch.cat([one[: h * inputs].reshape(h, inputs), one[h * inputs : -h, None], one[-h:, None]], 1)
    return rows.expand(len(weights), h, inputs + 2).clone()


@mistake(TOKENS, hint="neurons")
def neurons_backwards(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    w = weights[:, : h * inputs].reshape(-1, h, inputs)
    return torch.cat([w, weights[:, h * inputs : -h, None], weights[:, -h:, None]], 2).flip(1)


@mistake(TOKENS, hint="single", points=2)
def squeezed(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    w = weights[:, : h * inputs].reshape(-1, h, inputs)
    return torch.cat([w, weights[:, h * inputs : -h, None], weights[:, -h:, None]], 2).squeeze(0)


@mistake(TOKENS, hint="single", points=2)
def squeezed_parts(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    w = weights[:, : h * inputs].reshape(-1, h, inputs)
    rest = torch.stack([weights[:, h * inputs : -h].squeeze(), weights[:, -h:].squeeze()], -1)
    return torch.cat([w, rest], 2)


@mistake(TOKENS, hint="dtype")
def filled_into_zeros(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    found = torch.zeros(len(weights), h, inputs + 2)
    found[:, :, :inputs] = weights[:, : h * inputs].reshape(-1, h, inputs)
    found[:, :, inputs], found[:, :, inputs + 1] = weights[:, h * inputs : -h], weights[:, -h:]
    return found


@mistake(TOKENS, hint="float32", points=2)
def always_double(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    w = weights[:, : h * inputs].reshape(-1, h, inputs)
    return torch.cat([w, weights[:, h * inputs : -h, None], weights[:, -h:, None]], 2).double()


@mistake(TOKENS, hint="shape")
def without_the_output_weight(weights, inputs):
    h = weights.shape[1] // (inputs + 2)
    w = weights[:, : h * inputs].reshape(-1, h, inputs)
    return torch.cat([w, weights[:, h * inputs : -h, None]], 2)


@mistake(READ, hint="plain")
def order_only(phi, rho, tokens):
    b, h, n = tokens.shape
    return rho(phi(tokens.reshape(b * h, n)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="partial")
def output_weight_not_flipped(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    twin = torch.cat([-rows[:, :-1], rows[:, -1:]], 1)
    return rho((phi(rows) + phi(twin)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="partial")
def bias_not_flipped(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    twin = -rows
    twin[:, -2] = rows[:, -2]
    return rho((phi(rows) + phi(twin)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="partial")
def only_w_flipped(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    twin = torch.cat([-rows[:, :-2], rows[:, -2:]], 1)
    return rho((phi(rows) + phi(twin)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="partial")
def output_weight_flipped_alone(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    twin = torch.cat([rows[:, :-1], -rows[:, -1:]], 1)
    return rho((phi(rows) + phi(twin)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="minus")
def odd(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) - phi(-rows)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="absolute")
def sizes(phi, rho, tokens):
    b, h, n = tokens.shape
    return rho(phi(tokens.abs().reshape(b * h, n)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="absolute")
def sizes_and_their_negatives(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.abs().reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="max")
def largest_of_one_sign(phi, rho, tokens):
    b, h, n = tokens.shape
    return rho(phi(tokens.reshape(b * h, n)).reshape(b, h, -1).amax(1))


@mistake(READ, hint="max")
def largest_of_both(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).amax(1))


@mistake(READ, hint="together")
def all_neurons_at_once(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho(phi(rows).reshape(b, h, -1).sum(1)) + rho(phi(-rows).reshape(b, h, -1).sum(1))


@mistake(READ, hint="mean")
def mean_of_neurons(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).mean(1))


@mistake(READ, hint="mean")
def mean_of_both_signs(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) / 2 + phi(-rows) / 2).reshape(b, h, -1).sum(1))


@mistake(READ, hint="pooled_first")
def neurons_added_first(phi, rho, tokens):
    total = tokens.sum(1)
    return rho(phi(total) + phi(-total))


@mistake(READ, hint="rho_inside")
def rho_for_every_neuron(phi, rho, tokens):
    return torch.stack([rho(phi(one) + phi(-one)).sum(0) for one in tokens])


@mistake(READ, hint="no_rho")
def features_only(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return (phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1)


@mistake(READ, hint="canonical")
def output_weight_made_positive(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = (tokens * tokens[:, :, -1:].sign()).reshape(b * h, n)
    return rho(phi(rows).reshape(b, h, -1).sum(1))


@mistake(READ, hint="larger")
def larger_of_the_two(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho(torch.maximum(phi(rows), phi(-rows)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="waves")
def half_turns_as_well(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    w, p, q = rows[:, :-2], rows[:, -1:] * rows[:, -2:-1].cos(), rows[:, -1:] * rows[:, -2:-1].sin()
    features = phi(torch.cat([w, p, q], 1)) + phi(torch.cat([-w, -p, q], 1))
    return rho(features.reshape(b, h, -1).sum(1))


@mistake(READ, hint="single", points=3)
def networks_on_three_axes(phi, rho, tokens):
    return rho((phi(tokens) + phi(-tokens)).sum(1))


@mistake(READ, hint="single", points=3)
def squeezed_features(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1)).squeeze(0)


@mistake(READ, hint="mutates")
def flipped_in_place(phi, rho, tokens):
    b, h, n = tokens.shape
    plus = phi(tokens.reshape(b * h, n))
    minus = phi(tokens.neg_().reshape(b * h, n))
    return rho((plus + minus).reshape(b, h, -1).sum(1))


@mistake(READ, hint="dtype")
def summed_in_float32(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1)).float()


@mistake(READ, hint="float32", points=3)
def answered_in_double(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1)).double()


@mistake(READ, hint="repeated")
def equal_neurons_once(phi, rho, tokens):
    found = [one.unique(dim=0) for one in tokens]
    return rho(torch.stack([(phi(one) + phi(-one)).sum(0) for one in found]))


@mistake(READ, hint="repeated")
def a_set_of_neurons_and_flips(phi, rho, tokens):
    found = [torch.cat([one, -one]).unique(dim=0) for one in tokens]
    return rho(torch.stack([phi(one).sum(0) for one in found]))


@mistake(READ, hint="silent")
def without_silent_neurons(phi, rho, tokens):
    found = [one[one[:, -1] != 0] for one in tokens]
    return rho(torch.stack([(phi(one) + phi(-one)).sum(0) for one in found]))


@mistake(READ, hint="half_turn")
def half_a_turn_for_a_flip(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    turned = torch.cat([rows[:, :-2], rows[:, -2:-1] + torch.pi, -rows[:, -1:]], 1)
    return rho((phi(rows) + phi(turned)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="error")
def two_inputs_only(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(-1, 4)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1))


@mistake(READ, hint="error")
def neurons_taken_for_features(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, -1, h).sum(1))


@mistake(READ, hint="features", points=3)
def sixteen_features(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1)[..., :16])


@mistake(READ, hint="single", points=3)
def one_output_as_a_column(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    return rho((phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1)).reshape(b, -1)


@mistake(READ, hint="single", points=3)
def one_number_without_an_axis(phi, rho, tokens):
    b, h, n = tokens.shape
    rows = tokens.reshape(b * h, n)
    found = rho((phi(rows) + phi(-rows)).reshape(b, h, -1).sum(1))
    return found.squeeze() if found.dim() == 1 else found
