"""Plausible wrong answers to exercises/attribution/overview.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

SQUARE = "attribution/overview/read_the_square"
VALUE = "attribution/overview/feature_value"


@mistake(SQUARE, hint="swapped")
def readings_exchanged(values):
    empty, first, second, both = values
    leave, add = torch.stack([both - second, both - first]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": add, "add_one_in": leave, "shapley": (leave + add) / 2}


@mistake(SQUARE, hint="players")
def players_exchanged(values):
    empty, second, first, both = values
    leave, add = torch.stack([both - second, both - first]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": leave, "add_one_in": add, "shapley": (leave + add) / 2}


@mistake(SQUARE, hint="sign")
def dropped_minus_full(values):
    empty, first, second, both = values
    leave, add = torch.stack([second - both, first - both]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": leave, "add_one_in": add, "shapley": (add - leave) / 2}


@mistake(SQUARE, hint="sum", points=2)
def staircases_added(values):
    empty, first, second, both = values
    leave, add = torch.stack([both - second, both - first]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": leave, "add_one_in": add, "shapley": leave + add}


@mistake(SQUARE, hint="shapley", points=2)
def equal_shares(values):
    empty, first, second, both = values
    leave, add = torch.stack([both - second, both - first]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": leave, "add_one_in": add, "shapley": ((both - empty) / 2).repeat(2)}


@mistake(SQUARE, hint="keys")
def a_tuple(values):
    empty, first, second, both = values
    leave, add = torch.stack([both - second, both - first]), torch.stack([first - empty, second - empty])
    return leave, add, (leave + add) / 2


@mistake(SQUARE, hint="keys")
def one_entry_more(values):
    empty, first, second, both = values
    leave, add = torch.stack([both - second, both - first]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": leave, "add_one_in": add, "shapley": (leave + add) / 2, "total": both - empty}


@mistake(SQUARE, hint="leaves")
def leaving_players_exchanged(values):
    empty, first, second, both = values
    leave, add = torch.stack([both - first, both - second]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": leave, "add_one_in": add, "shapley": (leave + add) / 2}


@mistake(SQUARE, hint="remains")
def what_remains(values):
    empty, first, second, both = values
    leave, add = torch.stack([second, first]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": leave, "add_one_in": add, "shapley": (leave + add) / 2}


@mistake(SQUARE, hint="absolute")
def sizes_only(values):
    empty, first, second, both = values
    leave, add = torch.stack([both - second, both - first]), torch.stack([first - empty, second - empty])
    return {"leave_one_out": leave.abs(), "add_one_in": add.abs(), "shapley": ((leave + add) / 2).abs()}


@mistake(SQUARE, hint="empty", points=1)
def empty_corner_forgotten(values):
    empty, first, second, both = values
    leave, add = torch.stack([both - second, both - first]), torch.stack([first, second])
    return {"leave_one_out": leave, "add_one_in": add, "shapley": (leave + add) / 2}


@mistake(SQUARE, hint="type")
def lists_of_numbers(values):
    empty, first, second, both = values.tolist()
    leave, add = [both - second, both - first], [first - empty, second - empty]
    return {"leave_one_out": leave, "add_one_in": add, "shapley": [(a + b) / 2 for a, b in zip(leave, add, strict=True)]}


@mistake(VALUE, hint="reversed")
def gate_means_removed(model, x, baseline, gates, target):
    gates = gates.reshape(-1, *x.shape)
    return model(x + gates * (baseline - x))[:, target]


@mistake(VALUE, hint="zero")
def baseline_forgotten(model, x, baseline, gates, target):
    return model(gates.reshape(-1, *x.shape) * x)[:, target]


@mistake(VALUE, hint="probability")
def softmax_output(model, x, baseline, gates, target):
    gates = gates.reshape(-1, *x.shape)
    return model(baseline + gates * (x - baseline)).softmax(1)[:, target]


@mistake(VALUE, hint="hard")
def rounded_gates(model, x, baseline, gates, target):
    gates = gates.round().reshape(-1, *x.shape)
    return model(baseline + gates * (x - baseline))[:, target]


@mistake(VALUE, hint="images", points=2)
def vectors_only(model, x, baseline, gates, target):
    return model(baseline + gates * (x - baseline))[:, target]


@mistake(VALUE, hint="target")
def largest_output(model, x, baseline, gates, target):
    gates = gates.reshape(-1, *x.shape)
    return model(baseline + gates * (x - baseline)).max(1).values


@mistake(VALUE, hint="difference")
def baseline_output_subtracted(model, x, baseline, gates, target):
    gates = gates.reshape(-1, *x.shape)
    return model(baseline + gates * (x - baseline))[:, target] - model(baseline[None])[:, target]


@mistake(VALUE, hint="shape", points=2)
def single_row_squeezed(model, x, baseline, gates, target):
    gates = gates.reshape(-1, *x.shape)
    return model(baseline + gates * (x - baseline))[:, target].squeeze()


@mistake(VALUE, hint="images", points=2)
def pixels_transposed(model, x, baseline, gates, target):
    gates = gates.reshape(-1, *x.shape)
    gates = gates.transpose(-1, -2) if gates.dim() == 3 else gates
    return model(baseline + gates * (x - baseline))[:, target]


EQUIVALENT = {}
