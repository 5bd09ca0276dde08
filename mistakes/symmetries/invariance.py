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


@mistake(LAYERS, hint="shapes", points=3)
def square_layers_only(weights, rho_in, rho_out):
    gap = torch.linalg.inv(rho_out)[:, None] @ weights @ rho_in[:, None] - weights
    assert weights.shape[1] == weights.shape[2]
    return (gap.flatten(2).norm(dim=2) <= 1e-8 * weights.flatten(1).norm(dim=1)).all(0).tolist()


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
