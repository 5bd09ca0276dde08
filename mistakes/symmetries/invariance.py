"""Plausible wrong answers to exercises/symmetries/invariance.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

RULER = "symmetries/invariance/equivariance_errors"
LAWS = "symmetries/invariance/broken_symmetries"
SHRINK = "symmetries/invariance/shrink_vectors"
LAYERS = "symmetries/invariance/equivariant_layers"


def _sides(model, x, p, q):
    y = model(x)
    after = torch.stack([model(x[:, one.argsort()]) for one in p])
    return after, torch.stack([y[:, one.argsort()] for one in q])


def _ratio(after, before):
    gap, a, b = (part.flatten(1).norm(dim=1) for part in (after - before, after, before))
    size = ((a**2 + b**2) / 2).sqrt()
    return torch.where(size > 0, gap / size, 0)


@mistake(RULER, hint="output")
def invariance_only(model, x, p, q):
    after, _ = _sides(model, x, p, q)
    return _ratio(after, model(x).expand_as(after))


@mistake(RULER, hint="input")
def input_not_moved(model, x, p, q):
    _, before = _sides(model, x, p, q)
    return _ratio(model(x).expand_as(before), before)


@mistake(RULER, hint="inverse_both")
def right_actions(model, x, p, q):
    y = model(x)
    return _ratio(torch.stack([model(x[:, one]) for one in p]), torch.stack([y[:, one] for one in q]))


@mistake(RULER, hint="inverse_in")
def right_action_on_inputs(model, x, p, q):
    return _ratio(torch.stack([model(x[:, one]) for one in p]), _sides(model, x, p, q)[1])


@mistake(RULER, hint="inverse_out")
def right_action_on_outputs(model, x, p, q):
    y = model(x)
    return _ratio(_sides(model, x, p, q)[0], torch.stack([y[:, one] for one in q]))


@mistake(RULER, hint="absolute")
def absolute_error(model, x, p, q):
    after, before = _sides(model, x, p, q)
    return (after - before).flatten(1).norm(dim=1)


@mistake(RULER, hint="absolute")
def mean_squared_error(model, x, p, q):
    after, before = _sides(model, x, p, q)
    return (after - before).square().mean((1, 2))


@mistake(RULER, hint="squared")
def squared_ratio(model, x, p, q):
    return _ratio(*_sides(model, x, p, q)) ** 2


@mistake(RULER, hint="per_item")
def mean_of_the_items_ratios(model, x, p, q):
    after, before = _sides(model, x, p, q)
    size = ((after.square().sum(2) + before.square().sum(2)) / 2).sqrt()
    return ((after - before).norm(dim=2) / size).mean(1)


@mistake(RULER, hint="size")
def divided_by_one_side(model, x, p, q):
    after, before = _sides(model, x, p, q)
    return (after - before).flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)


@mistake(RULER, hint="size")
def divided_by_the_mean_norm(model, x, p, q):
    after, before = (part.flatten(1) for part in _sides(model, x, p, q))
    return (after - before).norm(dim=1) / ((after.norm(dim=1) + before.norm(dim=1)) / 2)


@mistake(RULER, hint="means")
def difference_of_means(model, x, p, q):
    after, before = _sides(model, x, p, q)
    return _ratio(after.mean(1, keepdim=True), before.mean(1, keepdim=True))


@mistake(RULER, hint="first")
def one_error_for_all(model, x, p, q):
    errors = _ratio(*_sides(model, x, p, q))
    return errors.mean().expand_as(errors)


@mistake(RULER, hint="shape")
def worst_element(model, x, p, q):
    return _ratio(*_sides(model, x, p, q)).max()


@mistake(RULER, hint="zero", points=3)
def zero_by_zero(model, x, p, q):
    after, before = (part.flatten(1) for part in _sides(model, x, p, q))
    return (after - before).norm(dim=1) / ((after.norm(dim=1) ** 2 + before.norm(dim=1) ** 2) / 2).sqrt()


@mistake(RULER, hint="tiny", points=3)
def something_small_added(model, x, p, q):
    after, before = (part.flatten(1) for part in _sides(model, x, p, q))
    size = ((after.norm(dim=1) ** 2 + before.norm(dim=1) ** 2) / 2).sqrt()
    return (after - before).norm(dim=1) / (size + 1e-8)


@mistake(RULER, hint="single", points=3)
def squeezed(model, x, p, q):
    return _ratio(*_sides(model, x, p, q)).squeeze()


def _forces(model, positions):
    with torch.enable_grad():
        x = positions.clone().requires_grad_(True)
        return -torch.autograd.grad(model(x.flatten(1)).sum(), x)[0]


def _laws(forces, positions):
    return {"forces": forces, "push": forces.sum(1), "torque": torch.linalg.cross(positions, forces).sum(1)}


@mistake(LAWS, hint="sign")
def uphill(model, positions):
    return _laws(-_forces(model, positions), positions)


@mistake(LAWS, hint="batch")
def mean_before_backward(model, positions):
    return _laws(_forces(model, positions) / len(positions), positions)


@mistake(LAWS, hint="batch")
def summed_over_clusters(model, positions):
    forces = _forces(model, positions)
    return _laws(forces.sum(0).expand_as(forces), positions)


@mistake(LAWS, hint="first")
def forces_of_the_first(model, positions):
    forces = _forces(model, positions)
    return _laws(forces[:1].expand_as(forces), positions)


@mistake(LAWS, hint="value")
def directions_only(model, positions):
    forces = _forces(model, positions)
    return _laws(forces / forces.norm(dim=2, keepdim=True), positions)


@mistake(LAWS, hint="keys")
def as_a_tuple(model, positions):
    return tuple(_laws(_forces(model, positions), positions).values())


@mistake(LAWS, hint="shape")
def one_number_an_atom(model, positions):
    return _laws(_forces(model, positions), positions) | {"forces": _forces(model, positions).norm(dim=2)}


@mistake(LAWS, hint="push_mean", points=2)
def mean_force(model, positions):
    laws = _laws(_forces(model, positions), positions)
    return laws | {"push": laws["forces"].mean(1)}


@mistake(LAWS, hint="shape", points=2)
def summed_over_axes(model, positions):
    laws = _laws(_forces(model, positions), positions)
    return laws | {"push": laws["forces"].sum(2)}


@mistake(LAWS, hint="push", points=2)
def push_as_it_should_be(model, positions):
    laws = _laws(_forces(model, positions), positions)
    return laws | {"push": torch.zeros_like(laws["push"])}


@mistake(LAWS, hint="order", points=2)
def force_cross_position(model, positions):
    laws = _laws(_forces(model, positions), positions)
    return laws | {"torque": -laws["torque"]}


@mistake(LAWS, hint="centre", points=2)
def about_the_middle(model, positions):
    laws = _laws(_forces(model, positions), positions)
    arms = positions - positions.mean(1, keepdim=True)
    return laws | {"torque": torch.linalg.cross(arms, laws["forces"]).sum(1)}


@mistake(LAWS, hint="torque_mean", points=2)
def mean_torque(model, positions):
    laws = _laws(_forces(model, positions), positions)
    return laws | {"torque": laws["torque"] / positions.shape[1]}


@mistake(LAWS, hint="torque", points=2)
def torque_of_the_push(model, positions):
    laws = _laws(_forces(model, positions), positions)
    return laws | {"torque": torch.linalg.cross(positions.sum(1), laws["push"])}


@mistake(LAWS, hint="torque", points=2)
def cross_along_the_wrong_axis(model, positions):
    laws = _laws(_forces(model, positions), positions)
    return laws | {"torque": (positions * laws["forces"]).sum(1)}


@mistake(LAWS, hint="no_grad", points=3)
def gradients_taken_for_granted(model, positions):
    x = positions.clone().requires_grad_(True)
    return _laws(-torch.autograd.grad(model(x.flatten(1)).sum(), x)[0], positions)


@mistake(LAWS, hint="one", points=3)
def squeezed_laws(model, positions):
    return {key: value.squeeze() for key, value in _laws(_forces(model, positions), positions).items()}


@mistake(LAWS, hint="float32", points=3)
def always_double(model, positions):
    if positions.dtype == torch.float32:
        raise TypeError("expected float64")
    return _laws(_forces(model, positions), positions)


def _length(v):
    return v.norm(dim=2, keepdim=True)


@mistake(SHRINK, hint="components")
def relu_on_components(v, bias):
    return torch.relu(v - bias[:, None])


@mistake(SHRINK, hint="components")
def soft_threshold(v, bias):
    return v.sign() * torch.relu(v.abs() - bias[:, None])


@mistake(SHRINK, hint="longer")
def bias_added(v, bias):
    return v / _length(v) * torch.relu(_length(v) + bias[:, None])


@mistake(SHRINK, hint="flipped")
def never_cut(v, bias):
    return v * (1 - bias[:, None] / _length(v))


@mistake(SHRINK, hint="undivided")
def times_the_new_length(v, bias):
    return v * torch.relu(_length(v) - bias[:, None])


@mistake(SHRINK, hint="unit")
def only_directions(v, bias):
    return v / _length(v) * (_length(v) > bias[:, None])


@mistake(SHRINK, hint="unchanged")
def long_ones_unchanged(v, bias):
    return v * (_length(v) > bias[:, None])


@mistake(SHRINK, hint="channels")
def norm_over_channels(v, bias):
    return v * torch.relu(1 - bias[:, None] / v.norm(dim=1, keepdim=True))


@mistake(SHRINK, hint="channels")
def norm_of_the_item(v, bias):
    return v * torch.relu(1 - bias[:, None] / v.flatten(1).norm(dim=1)[:, None, None])


@mistake(SHRINK, hint="bias")
def mean_bias(v, bias):
    return v * torch.relu(1 - bias.mean() / _length(v))


@mistake(SHRINK, hint="gate")
def the_chapters_gate(v, bias):
    return v * torch.sigmoid(4 * (_length(v) - 1))


@mistake(SHRINK, hint="factor")
def bias_as_a_factor(v, bias):
    return v * torch.relu(1 - bias[:, None])


@mistake(SHRINK, hint="shape")
def lengths_only(v, bias):
    return torch.relu(_length(v) - bias[:, None])[..., 0]


@mistake(SHRINK, hint="zero", points=3)
def nan_at_zero(v, bias):
    return v / _length(v) * torch.relu(_length(v) - bias[:, None])


@mistake(SHRINK, hint="identity", points=3)
def length_with_a_floor(v, bias):
    return v / _length(v).clamp(min=1e-4) * torch.relu(_length(v) - bias[:, None])


@mistake(SHRINK, hint="shapes", points=3)
def squeezed_norm(v, bias):
    length = v.norm(dim=2).squeeze()
    new = torch.relu(length - bias)
    return v * torch.where(length > 0, new / length, 0)[..., None]


def _gaps(weights, rho_in, rho_out):
    return (weights @ rho_in[:, None] - rho_out[:, None] @ weights).flatten(2).norm(dim=2)


def _passes(weights, rho_in, rho_out, tolerance=1e-8):
    return (_gaps(weights, rho_in, rho_out) <= tolerance * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(LAYERS, hint="first")
def first_generator_only(weights, rho_in, rho_out):
    return _passes(weights, rho_in[:1], rho_out[:1])


@mistake(LAYERS, hint="first")
def last_generator_only(weights, rho_in, rho_out):
    return _passes(weights, rho_in[-1:], rho_out[-1:])


@mistake(LAYERS, hint="any")
def some_generator(weights, rho_in, rho_out):
    return (_gaps(weights, rho_in, rho_out) <= 1e-8 * weights.flatten(1).norm(dim=1)).any(0).tolist()


@mistake(LAYERS, hint="side")
def wrong_sides(weights, rho_in, rho_out):
    gap = (rho_in[:, None] @ weights - weights @ rho_out[:, None]).flatten(2).norm(dim=2)
    return (gap <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(LAYERS, hint="inverse")
def inverse_on_one_side(weights, rho_in, rho_out):
    return _passes(weights, rho_in, torch.linalg.inv(rho_out))


@mistake(LAYERS, hint="transpose")
def conjugated_by_the_transpose(weights, rho_in, rho_out):
    gap = rho_out.mT[:, None] @ weights @ rho_in[:, None] - weights
    return (gap.flatten(2).norm(dim=2) < 1e-8).all(0).tolist()


@mistake(LAYERS, hint="product")
def product_of_the_generators(weights, rho_in, rho_out):
    return _passes(weights, rho_in[:1] @ rho_in[-1:], rho_out[:1] @ rho_out[-1:])


@mistake(LAYERS, hint="sample")
def tried_on_one_input(weights, rho_in, rho_out):
    x = torch.ones(weights.shape[2], 1).to(weights.dtype)
    gap = (weights @ (rho_in[:, None] @ x) - rho_out[:, None] @ (weights @ x)).flatten(2).norm(dim=2)
    return (gap <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(LAYERS, hint="invariant")
def invariance_instead(weights, rho_in, rho_out):
    one = torch.eye(weights.shape[1]).to(weights.dtype).expand_as(rho_out)
    return _passes(weights, rho_in, one)


@mistake(LAYERS, hint="negated")
def layers_that_fail(weights, rho_in, rho_out):
    return [not one for one in _passes(weights, rho_in, rho_out)]


@mistake(RULER, hint="value")
def three_elements_only(model, x, p, q):
    errors = _ratio(*_sides(model, x, p, q))
    return torch.where(torch.arange(len(errors)) < 3, errors, errors[:1])


@mistake(LAYERS, hint="loose")
def generous(weights, rho_in, rho_out):
    return _passes(weights, rho_in, rho_out, tolerance=1e-2)


@mistake(LAYERS, hint="strict")
def to_the_last_bit(weights, rho_in, rho_out):
    return (_gaps(weights, rho_in, rho_out) == 0).all(0).tolist()


@mistake(LAYERS, hint="list")
def all_at_once(weights, rho_in, rho_out):
    return all(_passes(weights, rho_in, rho_out))


@mistake(LAYERS, hint="absolute", points=3)
def absolute_tolerance(weights, rho_in, rho_out):
    return (_gaps(weights, rho_in, rho_out) < 1e-8).all(0).tolist()


@mistake(LAYERS, hint="absolute", points=3)
def torch_allclose(weights, rho_in, rho_out):
    pairs = list(zip(rho_in, rho_out, strict=True))
    return [all(torch.allclose(w @ a, b @ w) for a, b in pairs) for w in weights]


@mistake(LAYERS, hint="zero", points=3)
def zero_layer_forgotten(weights, rho_in, rho_out):
    size = weights.flatten(1).norm(dim=1)
    return (_gaps(weights, rho_in, rho_out) < 1e-8 * size).all(0).tolist()


@mistake(LAYERS, hint="error")
def square_layers_only(weights, rho_in, rho_out):
    gap = torch.linalg.inv(rho_out)[:, None] @ weights @ rho_in[:, None] - weights
    assert weights.shape[1] == weights.shape[2]
    return (gap.flatten(2).norm(dim=2) <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(RULER, hint="small", points=3)
def small_errors_called_none(model, x, p, q):
    errors = _ratio(*_sides(model, x, p, q))
    return torch.where(errors < 0.1, 0, errors)


@mistake(RULER, hint="one_side", points=3)
def nothing_where_one_side_vanishes(model, x, p, q):
    after, before = _sides(model, x, p, q)
    sizes = torch.minimum(after.flatten(1).norm(dim=1), before.flatten(1).norm(dim=1))
    return torch.where(sizes > 0, _ratio(after, before), 0)


@mistake(RULER, hint="tiny", points=3)
def a_floor_under_the_size(model, x, p, q):
    after, before = (part.flatten(1) for part in _sides(model, x, p, q))
    size = ((after.norm(dim=1) ** 2 + before.norm(dim=1) ** 2) / 2).sqrt()
    return (after - before).norm(dim=1) / size.clamp_min(1e-10)


@mistake(RULER, hint="square", points=3)
def the_shorter_axis_is_the_batch(model, x, p, q):
    after, before = _sides(model, x, p, q)
    if len(x) <= after.shape[2] and len(x) > 1:
        before = before.sort(dim=2).values
    return _ratio(after, before)


@mistake(RULER, hint="switch", points=3)
def gradients_left_off(model, x, p, q):
    torch.set_grad_enabled(False)
    return _ratio(*_sides(model, x, p, q))


@mistake(LAWS, hint="switch", points=3)
def gradients_left_on(model, positions):
    torch.set_grad_enabled(True)
    return _laws(_forces(model, positions), positions)


@mistake(LAWS, hint="leftover", points=3)
def through_backward(model, positions):
    with torch.enable_grad():
        x = positions.clone().requires_grad_(True)
        model(x.flatten(1)).sum().backward()  # the parameters get gradients as well
    return _laws(-x.grad, positions)


@mistake(LAWS, hint="leftover", points=3)
def the_callers_own_tensor(model, positions):
    with torch.enable_grad():
        energies = model(positions.requires_grad_(True).flatten(1))
        forces = -torch.autograd.grad(energies.sum(), positions)[0]
    return _laws(forces, positions.detach())


@mistake(LAWS, hint="graph", points=3)
def a_torque_with_a_graph(model, positions):
    with torch.enable_grad():
        x = positions.clone().requires_grad_(True)
        forces = -torch.autograd.grad(model(x.flatten(1)).sum(), x)[0]
        return _laws(forces, x)


@mistake(LAWS, hint="exact", points=3)
def small_steps(model, positions):
    if positions.dtype == torch.float32:
        return _laws(_forces(model, positions), positions)
    forces = torch.zeros_like(positions)
    with torch.no_grad():
        for i in range(positions.shape[1]):
            for axis in range(3):
                step = torch.zeros_like(positions)
                step[:, i, axis] = 1e-4
                ahead, behind = (model((positions + way * step).flatten(1)) for way in (1, -1))
                forces[:, i, axis] = -(ahead - behind) / 2e-4
    return _laws(forces, positions)


@mistake(LAWS, hint="push_sign", points=2)
def push_the_other_way(model, positions):
    laws = _laws(_forces(model, positions), positions)
    return laws | {"push": -laws["push"]}


@mistake(LAWS, hint="centred")
def mean_force_taken_away(model, positions):
    forces = _forces(model, positions)
    return _laws(forces - forces.mean(1, keepdim=True), positions)


def _shrink(v, bias):
    length = _length(v)
    return v * torch.where(length > 0, torch.relu(length - bias[:, None]) / length, 0)


@mistake(SHRINK, hint="dtype", points=3)
def always_in_double(v, bias):
    return _shrink(v.double(), bias.double())


@mistake(SHRINK, hint="zero", points=3)
def a_floor_that_float32_does_not_know(v, bias):
    return v / _length(v).clamp_min(1e-50) * torch.relu(_length(v) - bias[:, None])


@mistake(SHRINK, hint="sizes", points=3)
def no_bias_only_if_there_is_none(v, bias):
    if not bias.any():
        return v.clone()
    return v / _length(v).clamp_min(1e-4) * torch.relu(_length(v) - bias[:, None])


@mistake(LAYERS, hint="whole")
def one_column(weights, rho_in, rho_out):
    gap = weights @ rho_in[:, None] - rho_out[:, None] @ weights
    return (gap[..., 0].norm(dim=2) <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(LAYERS, hint="whole")
def one_row(weights, rho_in, rho_out):
    gap = weights @ rho_in[:, None] - rho_out[:, None] @ weights
    return (gap[..., 0, :].norm(dim=2) <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(LAYERS, hint="whole")
def the_diagonal(weights, rho_in, rho_out):
    gap = weights @ rho_in[:, None] - rho_out[:, None] @ weights
    diagonal = gap.diagonal(dim1=2, dim2=3)
    return (diagonal.norm(dim=2) <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(LAYERS, hint="up_to_sign")
def sizes_compared(weights, rho_in, rho_out):
    after, before = (weights @ rho_in[:, None]).flatten(2), (rho_out[:, None] @ weights).flatten(2)
    gap = after.norm(dim=2) - before.norm(dim=2)
    return (gap.abs() <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(LAYERS, hint="up_to_sign")
def entries_without_their_sign(weights, rho_in, rho_out):
    gap = (weights @ rho_in[:, None]).abs() - (rho_out[:, None] @ weights).abs()
    return (gap.flatten(2).norm(dim=2) <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


@mistake(LAYERS, hint="cancel")
def errors_added_up(weights, rho_in, rho_out):
    return _passes(weights, rho_in.sum(0, keepdim=True), rho_out.sum(0, keepdim=True))


@mistake(LAYERS, hint="every")
def two_generators(weights, rho_in, rho_out):
    return _passes(weights, rho_in[:2], rho_out[:2])


@mistake(LAYERS, hint="rounding", points=3)
def entry_by_entry(weights, rho_in, rho_out):
    pairs = list(zip(rho_in, rho_out, strict=True))
    return [all(torch.allclose(w @ a, b @ w, rtol=1e-6, atol=0) for a, b in pairs) for w in weights]


@mistake(LAYERS, hint="rounding", points=3)
def beside_the_first_entry(weights, rho_in, rho_out):
    return (_gaps(weights, rho_in, rho_out) <= 1e-7 * weights[:, 0, 0].abs()).all(0).tolist()


@mistake(LAYERS, hint="transpose")
def generators_transposed(weights, rho_in, rho_out):
    return _passes(weights, rho_in.mT, rho_out.mT)


# fmt: off
EQUIVALENT: dict[str, str] = {
    "broken_symmetries: forces = -torch.autograd.grad(energies.sum(), x)[0]"
    " => forces = -torch.autograd.grad(energies.sum(), x)[-1]":
        "the gradient of one tensor is a tuple of one: the first is the last",
    "shrink_vectors: return v * torch.where(length > 0, new / length, 0)"
    " => return v * torch.where(length > 0, new / length, 1)":
        "a zero vector is multiplied by whatever number stands there, and stays zero",
    "shrink_vectors: return v * torch.where(length > 0, new / length, 0)"
    " => return v * torch.where(length > 0, new / length, -1)":
        "a zero vector is multiplied by whatever number stands there, and stays zero",
}
# fmt: on
