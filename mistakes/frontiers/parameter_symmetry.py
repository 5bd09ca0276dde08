"""Plausible wrong answers to exercises/frontiers/parameter_symmetry.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

MOVE = "frontiers/parameter_symmetry/move_neurons"
STEP = "frontiers/parameter_symmetry/balanced_step"
EQUIVALENT = {
    "balanced_step: read = torch.hypot(W.norm(dim=1), b) => read = torch.hypot(b, W.norm(dim=1))": (
        "the root of a sum of two squares does not depend on their order"
    ),
}


@mistake(MOVE, hint="inverse")
def reads_where_it_should_write(W, b, V, p, alpha):
    return (alpha[:, None] * W)[p], (alpha * b)[p], (V / alpha)[:, p]


@mistake(MOVE, hint="inverse")
def scales_after_reading(W, b, V, p, alpha):
    return alpha[:, None] * W[p], alpha * b[p], V[:, p] / alpha


@mistake(MOVE, hint="whose")
def scales_who_arrives(W, b, V, p, alpha):
    source = p.argsort()
    return alpha[:, None] * W[source], alpha * b[source], V[:, source] / alpha


@mistake(MOVE, hint="unscaled")
def forgets_the_scale(W, b, V, p, alpha):
    source = p.argsort()
    return W[source], b[source], V[:, source]


@mistake(MOVE, hint="unscaled")
def divides_where_it_reads(W, b, V, p, alpha):
    source = p.argsort()
    return (W / alpha[:, None])[source], (b / alpha)[source], (V * alpha)[:, source]


@mistake(MOVE, hint="still")
def forgets_the_order(W, b, V, p, alpha):
    return alpha[:, None] * W, alpha * b, V / alpha


@mistake(MOVE, hint="still")
def gives_the_layer_back(W, b, V, p, alpha):
    return W.clone(), b.clone(), V.clone()


@mistake(MOVE, hint="whose")
def scale_of_place_p(W, b, V, p, alpha):
    source = p.argsort()
    return alpha[p][:, None] * W[source], alpha[p] * b[source], V[:, source] / alpha[p]


@mistake(MOVE, hint="transposed")
def output_weights_transposed(W, b, V, p, alpha):
    source = p.argsort()
    return (alpha[:, None] * W)[source], (alpha * b)[source], (V / alpha).T[source]


@mistake(MOVE, hint="precision")
def fills_float32(W, b, V, p, alpha):
    new_w, new_b, new_v = torch.zeros(W.shape), torch.zeros(b.shape), torch.zeros(V.shape)
    for i, place in enumerate(p.tolist()):
        new_w[place], new_b[place], new_v[:, place] = alpha[i] * W[i], alpha[i] * b[i], V[:, i] / alpha[i]
    return new_w, new_b, new_v


@mistake(MOVE, hint="scale", points=3)
def scale_kept_between_a_tenth_and_ten(W, b, V, p, alpha):
    source, alpha = p.argsort(), alpha.clamp(0.1, 10)
    return (alpha[:, None] * W)[source], (alpha * b)[source], (V / alpha)[:, source]


@mistake(MOVE, hint="rows")
def scales_the_inputs(W, b, V, p, alpha):
    source = p.argsort()
    scaled = W * alpha if W.shape[1] == len(b) else alpha[:, None] * W
    return scaled[source], (alpha * b)[source], (V / alpha)[:, source]


@mistake(MOVE, hint="bias")
def bias_not_scaled(W, b, V, p, alpha):
    source = p.argsort()
    return (alpha[:, None] * W)[source], b[source], (V / alpha)[:, source]


@mistake(MOVE, hint="bias")
def bias_stays(W, b, V, p, alpha):
    source = p.argsort()
    return (alpha[:, None] * W)[source], alpha * b, (V / alpha)[:, source]


@mistake(MOVE, hint="columns")
def columns_stay(W, b, V, p, alpha):
    source = p.argsort()
    return (alpha[:, None] * W)[source], (alpha * b)[source], V / alpha


@mistake(MOVE, hint="columns")
def columns_go_the_other_way(W, b, V, p, alpha):
    source = p.argsort()
    return (alpha[:, None] * W)[source], (alpha * b)[source], (V / alpha)[:, p]


@mistake(MOVE, hint="columns")
def rows_of_the_output_move(W, b, V, p, alpha):
    source = p.argsort()
    return (alpha[:, None] * W)[source], (alpha * b)[source], (V / alpha)[source]


@mistake(MOVE, hint="written")
def writes_as_before(W, b, V, p, alpha):
    source = p.argsort()
    return (alpha[:, None] * W)[source], (alpha * b)[source], V[:, source]


@mistake(MOVE, hint="written")
def writes_more(W, b, V, p, alpha):
    source = p.argsort()
    return (alpha[:, None] * W)[source], (alpha * b)[source], (V * alpha)[:, source]


@mistake(MOVE, hint="mutates")
def overwrites_the_layer(W, b, V, p, alpha):
    source = p.argsort()
    W *= alpha[:, None]
    b *= alpha
    V /= alpha
    return W[source], b[source], V[:, source]


@mistake(MOVE, hint="float32", points=3)
def always_in_float64(W, b, V, p, alpha):
    source, alpha = p.argsort(), alpha.double()
    return (alpha[:, None] * W.double())[source], (alpha * b.double())[source], (V.double() / alpha)[:, source]


@mistake(MOVE, hint="single", points=3)
def squeezes_what_is_one(W, b, V, p, alpha):
    source = p.argsort()
    W, V = W.squeeze(), V.squeeze()
    return (alpha[:, None] * W)[source], (alpha * b)[source], (V / alpha)[:, source]


@mistake(STEP, hint="plain")
def plain_descent(W, b, V, dW, db, dV, rate):
    return W - rate * dW, b - rate * db, V - rate * dV


@mistake(STEP, hint="plain")
def gradient_scaled_like_the_weights(W, b, V, dW, db, dV, rate):
    a = (V.square().sum(0) / (W.square().sum(1) + b.square())) ** 0.25
    c = a[:, None]
    return (W * c - rate * dW * c) / c, (b * a - rate * db * a) / a, (V / a - rate * dV / a) * a


@mistake(STEP, hint="half")
def gradient_as_it_is(W, b, V, dW, db, dV, rate):
    a = (V.square().sum(0) / (W.square().sum(1) + b.square())) ** 0.25
    c = a[:, None]
    return (W * c - rate * dW) / c, (b * a - rate * db) / a, (V / a - rate * dV) * a


@mistake(STEP, hint="there")
def stays_at_the_balanced_point(W, b, V, dW, db, dV, rate):
    a = (V.square().sum(0) / (W.square().sum(1) + b.square())) ** 0.25
    c = a[:, None]
    return W * c - rate * dW / c, b * a - rate * db / a, V / a - rate * dV * a


@mistake(STEP, hint="ascent")
def uphill(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    return W + rate * ratio[:, None] * dW, b + rate * ratio * db, V + rate * dV / ratio


@mistake(STEP, hint="inverted")
def ratio_the_wrong_way_round(W, b, V, dW, db, dV, rate):
    ratio = (V.square().sum(0) / (W.square().sum(1) + b.square())).sqrt()
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="power")
def forgets_the_root(W, b, V, dW, db, dV, rate):
    ratio = (W.square().sum(1) + b.square()) / V.square().sum(0)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="one way")
def larger_over_smaller(W, b, V, dW, db, dV, rate):
    read, written = (W.square().sum(1) + b.square()).sqrt(), V.norm(dim=0)
    ratio = torch.maximum(read, written) / torch.minimum(read, written)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="one way")
def ratio_never_below_one(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt().clamp(min=1)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="value")
def ratio_never_below_a_half(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt().clamp(min=0.5)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="length")
def sums_absolute_values(W, b, V, dW, db, dV, rate):
    ratio = (W.abs().sum(1) + b.abs()) / V.abs().sum(0)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="length")
def means_instead_of_sums(W, b, V, dW, db, dV, rate):
    ratio = (torch.cat([W, b[:, None]], 1).square().mean(1) / V.square().mean(0)).sqrt()
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="change")
def returns_the_change(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    return -rate * ratio[:, None] * dW, -rate * ratio * db, -rate * dV / ratio


@mistake(STEP, hint="precision")
def step_in_float32(W, b, V, dW, db, dV, rate):
    W, b, V, dW, db, dV = (part.float() for part in (W, b, V, dW, db, dV))
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="scale", points=3)
def ratio_kept_within_ten_thousand(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt().clamp(1e-4, 1e4)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="scale", points=3)
def ratio_kept_above_a_hundredth(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt().clamp(min=0.01)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="other")
def each_side_by_its_own_size(W, b, V, dW, db, dV, rate):
    read, written = W.square().sum(1) + b.square(), V.square().sum(0)
    return W - rate * read[:, None] * dW, b - rate * read * db, V - rate * written * dV


@mistake(STEP, hint="one side")
def only_where_it_reads(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV


@mistake(STEP, hint="one side")
def the_same_factor_on_both_sides(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * ratio * dV


@mistake(STEP, hint="bias")
def norm_without_the_bias(W, b, V, dW, db, dV, rate):
    ratio = W.norm(dim=1) / V.norm(dim=0)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="bias")
def plain_step_for_the_bias(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    return W - rate * ratio[:, None] * dW, b - rate * db, V - rate * dV / ratio


@mistake(STEP, hint="layer")
def one_scale_for_the_layer(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum() + b.square().sum()) / V.square().sum()).sqrt()
    return W - rate * ratio * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="norms")
def rows_of_the_output(W, b, V, dW, db, dV, rate):
    read, written = (W.square().sum(1) + b.square()).sqrt(), V.norm(dim=1)
    ratio = read / (written if len(written) == len(read) else V.norm(dim=0))
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="rate")
def rate_of_one(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    return W - ratio[:, None] * dW, b - ratio * db, V - dV / ratio


@mistake(STEP, hint="mutates")
def steps_in_place(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    W -= rate * ratio[:, None] * dW
    b -= rate * ratio * db
    V -= rate * dV / ratio
    return W, b, V


@mistake(STEP, hint="nan", points=3)
def divides_by_the_slope(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    size = dW.square().sum().sqrt()  # of a direction, and back: 0 / 0 where nothing slopes
    return W - rate * ratio[:, None] * (dW / size) * size, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="scale", points=3)
def ratio_kept_below_a_hundred(W, b, V, dW, db, dV, rate):
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt().clamp(max=100.0)
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio


@mistake(STEP, hint="float32", points=3)
def step_always_in_float64(W, b, V, dW, db, dV, rate):
    W, b, V = W.double(), b.double(), V.double()
    ratio = ((W.square().sum(1) + b.square()) / V.square().sum(0)).sqrt()
    return W - rate * ratio[:, None] * dW, b - rate * ratio * db, V - rate * dV / ratio
