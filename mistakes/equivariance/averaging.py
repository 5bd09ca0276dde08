"""Plausible wrong answers to exercises/equivariance/averaging.ipynb, and what the check says to each."""

import itertools

import torch

from course_lib.checks import mistake

AVERAGE = "equivariance/averaging/group_average"
PLAN = "equivariance/averaging/averaging_plan"
LEFT = "equivariance/averaging/worst_left"


def _answers(net, rho_in, x):
    moved = torch.einsum("mij,bj->mbi", rho_in, x)
    return net(moved.flatten(0, 1)).unflatten(0, moved.shape[:2])


@mistake(AVERAGE, hint="no_inverse")
def answers_left_where_they_are(net, rho_in, rho_out, x):
    return _answers(net, rho_in, x).mean(0)


@mistake(AVERAGE, hint="forward")
def answers_moved_on(net, rho_in, rho_out, x):
    return torch.einsum("mij,mbj->bi", rho_out, _answers(net, rho_in, x)) / len(rho_in)


@mistake(AVERAGE, hint="transposed")
def transpose_for_inverse(net, rho_in, rho_out, x):
    return torch.einsum("mji,mbj->bi", rho_out, _answers(net, rho_in, x)) / len(rho_in)


@mistake(AVERAGE, hint="inputs")
def mean_of_the_questions(net, rho_in, rho_out, x):
    return net(torch.einsum("mij,bj->bi", rho_in, x) / len(rho_in))


@mistake(AVERAGE, hint="inputs")
def mean_of_the_questions_then_back(net, rho_in, rho_out, x):
    back = torch.linalg.inv(rho_out).mean(0)
    return net(torch.einsum("mij,bj->bi", rho_in, x) / len(rho_in)) @ back.T


@mistake(AVERAGE, hint="outputs")
def only_the_answer_is_averaged(net, rho_in, rho_out, x):
    return net(x) @ torch.linalg.inv(rho_out).mean(0).T


@mistake(AVERAGE, hint="right_action")
def items_times_matrix(net, rho_in, rho_out, x):
    moved = x @ rho_in
    answers = net(moved.flatten(0, 1)).unflatten(0, moved.shape[:2])
    return torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), answers) / len(rho_in)


@mistake(AVERAGE, hint="right_back")
def answers_times_matrix(net, rho_in, rho_out, x):
    return (_answers(net, rho_in, x) @ torch.linalg.inv(rho_out)).mean(0)


@mistake(AVERAGE, hint="sum")
def a_sum(net, rho_in, rho_out, x):
    return torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), _answers(net, rho_in, x))


@mistake(AVERAGE, hint="without_identity")
def without_the_identity(net, rho_in, rho_out, x):
    one = torch.eye(rho_in.shape[1], dtype=rho_in.dtype)
    moves = (rho_in - one).abs().amax((1, 2)) > 1e-6
    each = torch.einsum("mij,mbj->mbi", torch.linalg.inv(rho_out), _answers(net, rho_in, x))
    return each[moves].mean(0) if moves.any() else net(x)


@mistake(AVERAGE, hint="pairs")
def two_means(net, rho_in, rho_out, x):
    return _answers(net, rho_in, x).mean(0) @ torch.linalg.inv(rho_out).mean(0).T


@mistake(AVERAGE, hint="axes")
def folded_items_first(net, rho_in, rho_out, x):
    moved = torch.einsum("mij,bj->bmi", rho_in, x)
    answers = net(moved.flatten(0, 1)).reshape(len(rho_in), len(x), -1)
    return torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), answers) / len(rho_in)


@mistake(AVERAGE, hint="single", points=3)
def squeezed(net, rho_in, rho_out, x):
    return (torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), _answers(net, rho_in, x)) / len(rho_in)).squeeze()


@mistake(AVERAGE, hint="single", points=3)
def axes_by_size(net, rho_in, rho_out, x):
    answers = _answers(net, rho_in, x)
    if answers.shape[0] == answers.shape[1]:
        answers = answers.transpose(0, 1)
    return torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), answers) / len(rho_in)


@mistake(AVERAGE, hint="float32", points=3)
def everything_in_double(net, rho_in, rho_out, x):
    return (torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), _answers(net, rho_in, x)) / len(rho_in)).double()


def _pair(n, i, k):
    row = list(range(n))
    row[i], row[k] = k, i
    return row


@mistake(PLAN, hint="long", points=2)
def every_order_in_one_step(n):
    return [torch.tensor(list(itertools.permutations(range(n))))] if n < 9 else []


@mistake(PLAN, hint="never")
def neighbours_in_turn(n):
    return [torch.tensor([list(range(n)), _pair(n, k, k + 1)]) for k in range(n - 1)]


@mistake(PLAN, hint="never")
def each_with_the_first(n):
    return [torch.tensor([list(range(n)), _pair(n, 0, k)]) for k in range(1, n)]


@mistake(PLAN, hint="identity")
def the_identity_is_no_move(n):
    return [torch.tensor([_pair(n, i, k) for i in range(k)]) for k in range(1, n)]


@mistake(PLAN, hint="uneven")
def the_identity_twice(n):
    return [torch.tensor([list(range(n))] + [_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n)]


@mistake(PLAN, hint="uneven")
def every_exchange_or_not(n):
    pairs = itertools.combinations(range(n), 2)
    return [torch.tensor([list(range(n)), _pair(n, i, k)]) for i, k in pairs]


@mistake(PLAN, hint="never")
def one_pass_over_generators(n):
    return [torch.tensor([list(range(n)), _pair(n, 0, n - 1), [*range(1, n), 0]])]


@mistake(PLAN, hint="never")
def steps_round_the_circle(n):
    return [torch.tensor([[(i + k) % n for i in range(n)] for k in range(n)])]


@mistake(PLAN, hint="never")
def all_exchanges_in_one_step(n):
    return [torch.tensor([list(range(n))] + [_pair(n, i, k) for i, k in itertools.combinations(range(n), 2)])]


@mistake(PLAN, hint="never")
def the_last_item_forgotten(n):
    return [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n - 1)]


def _insertion(n, i, k):
    row = list(range(n))
    row[k], row[i:k] = i, range(i + 1, k + 1)
    return row


@mistake(PLAN, hint="order")
def insertions_from_the_last(n):
    return [torch.tensor([_insertion(n, i, k) for i in range(k + 1)]) for k in range(n - 1, 0, -1)]


@mistake(PLAN, hint="list")
def lists_of_lists(n):
    return [[_pair(n, i, k) for i in range(k + 1)] for k in range(1, n)]


@mistake(PLAN, hint="list")
def one_flat_tensor(n):
    return torch.tensor([_pair(n, i, k) for k in range(1, n) for i in range(k)])


@mistake(PLAN, hint="permutations")
def positions_only(n):
    return [torch.tensor([[i] * n for i in range(k + 1)]) for k in range(1, n)]


@mistake(PLAN, hint="list")
def as_floats(n):
    return [torch.tensor([_pair(n, i, k) for i in range(k + 1)]).double() for k in range(1, n)]


@mistake(PLAN, hint="long", points=2)
def twice_to_be_sure(n):
    return 2 * [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n)]


@mistake(PLAN, hint="one", points=3)
def a_step_too_many_for_one(n):
    steps = [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n)]
    return steps or [torch.zeros(0, 1, dtype=torch.long)]


@mistake(PLAN, hint="large", points=3)
def right_up_to_ten(n):
    return [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, min(n, 10))]


def _step(table, chosen):
    r = len(table)
    step = torch.zeros(r, r, dtype=torch.float64)
    for s in chosen:
        step[table[s], torch.arange(r)] += 1 / len(chosen)
    return step


@mistake(LEFT, hint="trivial")
def constants_counted(table, chosen, steps):
    return torch.linalg.matrix_norm(torch.linalg.matrix_power(_step(table, chosen), steps), 2).item()


@mistake(LEFT, hint="eigenvalue")
def largest_eigenvalue(table, chosen, steps):
    return (torch.linalg.eigvals(_step(table, chosen) - 1 / len(table)).abs().max() ** steps).item()


@mistake(LEFT, hint="power_of_norm")
def norm_to_the_power(table, chosen, steps):
    return torch.linalg.matrix_norm(_step(table, chosen) - 1 / len(table), 2).item() ** steps


@mistake(LEFT, hint="once")
def one_step(table, chosen, steps):
    return torch.linalg.matrix_norm(_step(table, chosen) - 1 / len(table), 2).item()


@mistake(LEFT, hint="frobenius")
def root_of_the_sum_of_squares(table, chosen, steps):
    return (torch.linalg.matrix_power(_step(table, chosen), steps) - 1 / len(table)).norm().item()


@mistake(LEFT, hint="squared")
def the_square(table, chosen, steps):
    rest = torch.linalg.matrix_power(_step(table, chosen), steps) - 1 / len(table)
    return torch.linalg.matrix_norm(rest.T @ rest, 2).item()


@mistake(LEFT, hint="probability")
def distance_of_the_walk(table, chosen, steps):
    mass = torch.linalg.matrix_power(_step(table, chosen), steps)[:, 0]
    return ((mass - 1 / len(table)).abs().sum() / 2).item()


@mistake(LEFT, hint="repeated")
def repeats_dropped(table, chosen, steps):
    rest = torch.linalg.matrix_power(_step(table, sorted(set(chosen))), steps) - 1 / len(table)
    return torch.linalg.matrix_norm(rest, 2).item()


@mistake(LEFT, hint="entry")
def largest_entry(table, chosen, steps):
    return (torch.linalg.matrix_power(_step(table, chosen), steps) - 1 / len(table)).abs().max().item()


@mistake(LEFT, hint="sum")
def a_sum_of_moves(table, chosen, steps):
    step = torch.linalg.matrix_power(len(chosen) * _step(table, chosen), steps) - 1 / len(table)
    return torch.linalg.matrix_norm(step, 2).item()


@mistake(LEFT, hint="nan", points=3)
def logarithm_of_nothing(table, chosen, steps):
    rest = torch.linalg.matrix_power(_step(table, chosen), steps) - 1 / len(table)
    size = torch.linalg.matrix_norm(rest, 2).item()
    return size if size > 1e-9 else float("nan")


@mistake(LEFT, hint="subgroup", points=3)
def what_is_reached_is_all(table, chosen, steps):
    reached = {0} if len(table) == 1 else set(chosen)
    while len(more := reached | {int(table[s, i]) for s in chosen for i in reached}) > len(reached):
        reached = more
    share = torch.zeros(len(table), dtype=torch.float64)
    share[sorted(reached)] = 1 / len(reached)
    rest = torch.linalg.matrix_power(_step(table, chosen), steps)
    if len(reached) < len(table):
        rest = rest[sorted(reached)][:, sorted(reached)] - 1 / len(reached)
    else:
        rest = rest - share
    return torch.linalg.matrix_norm(rest, 2).item()


EQUIVALENT = {
    "averaging_plan: for k in range(1, n): => for k in range(0, n):": "a first step that holds the identity alone: no move, "
    "and the same mean",
}
