"""Plausible wrong answers to exercises/equivariance/averaging.ipynb, and what the check says to each."""

import itertools
import math

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


@mistake(AVERAGE, hint="float32", points=3)
def everything_in_single(net, rho_in, rho_out, x):
    return (torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), _answers(net, rho_in, x)) / len(rho_in)).float()


@mistake(AVERAGE, hint="forward")
def inverses_on_both_sides(net, rho_in, rho_out, x):
    return torch.einsum("mij,mbj->bi", rho_out.inverse(), _answers(net, rho_in.inverse(), x)) / len(rho_in)


@mistake(AVERAGE, hint="axes")
def unfolded_items_first(net, rho_in, rho_out, x):
    moved = torch.einsum("mij,bj->mbi", rho_in, x)
    answers = net(moved.flatten(0, 1)).reshape(len(x), len(rho_in), -1)
    return torch.einsum("mij,bmj->bi", torch.linalg.inv(rho_out), answers) / len(rho_in)


@mistake(AVERAGE, hint="value")
def the_sign_of_an_odd_network(net, rho_in, rho_out, x):
    return -torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), _answers(net, rho_in, -x)) / len(rho_in)


@mistake(AVERAGE, hint="value")
def without_the_answer_to_zero(net, rho_in, rho_out, x):
    answers = _answers(net, rho_in, x) - net(torch.zeros_like(x[:1]))
    return torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), answers) / len(rho_in)


@mistake(AVERAGE, hint="alike", points=3)
def the_inverse_sought_among_the_inputs(net, rho_in, rho_out, x):
    products = torch.einsum("mij,njk->mnik", rho_in, rho_in) - torch.eye(rho_in.shape[1], dtype=rho_in.dtype)
    back = rho_out[products.abs().amax((2, 3)).argmin(1)]
    return torch.einsum("mij,mbj->bi", back, _answers(net, rho_in, x)) / len(rho_in)


@mistake(AVERAGE, hint="alike", points=3)
def each_move_of_inputs_once(net, rho_in, rho_out, x):
    kept = [k for k, g in enumerate(rho_in) if not any(torch.allclose(g, h) for h in rho_in[:k])]
    return torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out[kept]), _answers(net, rho_in[kept], x)) / len(kept)


@mistake(AVERAGE, hint="alike", points=3)
def answers_as_long_as_inputs(net, rho_in, rho_out, x):
    moved = torch.einsum("mij,bj->mbi", rho_in, x)
    answers = net(moved.flatten(0, 1)).reshape(moved.shape)
    return torch.einsum("mij,mbj->bi", torch.linalg.inv(rho_out), answers) / len(rho_in)


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


@mistake(PLAN, hint="never")
def nothing_to_do_for_two(n):
    return [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n)] if n > 2 else []


@mistake(PLAN, hint="never", points=0)
def only_circles_of_four(n):
    steps = [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n)]
    return [torch.tensor([[(i + j) % 4 for i in range(4)] for j in range(4)])] if n == 4 else steps


@mistake(PLAN, hint="large", points=3)
def even_orders_of_many(n):
    if n < 8:
        return [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n)]
    circles = [torch.arange(n).repeat(k + 1, 1) for k in range(2, n)]
    for k, rows in enumerate(circles, 2):
        for i in range(k):
            j = (i + 1) % k  # k to i, i to j, j to k
            rows[i, k], rows[i, i], rows[i, j] = i, j, k
    return circles


@mistake(PLAN, hint="large", points=3)
def even_orders_and_an_uneven_coin(n):
    if n < 8:
        return [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n)]
    circles = [torch.arange(n).repeat(k + 1, 1) for k in range(2, n)]
    for k, rows in enumerate(circles, 2):
        for i in range(k):
            j = (i + 1) % k
            rows[i, k], rows[i, i], rows[i, j] = i, j, k
    return [*circles, torch.tensor([list(range(n))] * 3 + [_pair(n, 0, 1)])]


@mistake(PLAN, hint="large", points=3)
def stretches_and_shifts_of_many(n):
    if n < 8:
        return [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, n)]
    units = [a for a in range(1, n) if math.gcd(a, n) == 1]
    shifts = torch.tensor([[(i + b) % n for i in range(n)] for b in range(n)])
    return [torch.tensor([[a * i % n for i in range(n)] for a in units]), shifts]


@mistake(PLAN, hint="large", points=3)
def right_up_to_fourteen_or_odd(n):
    last = n - 1 if n > 7 and n % 2 == 0 else n
    return [torch.tensor([_pair(n, i, k) for i in range(k + 1)]) for k in range(1, last)]


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


@mistake(LEFT, hint="symmetrised")
def made_symmetric(table, chosen, steps):
    rest = _step(table, chosen) - 1 / len(table)
    return torch.linalg.matrix_norm(torch.linalg.matrix_power((rest + rest.T) / 2, steps), 2).item()


@mistake(LEFT, hint="eigenvalue")
def eigenvalues_of_a_triangle(table, chosen, steps):
    rest = torch.linalg.matrix_power(_step(table, chosen), steps) - 1 / len(table)
    return torch.linalg.eigvalsh(rest).abs().max().item()


@mistake(LEFT, hint="repeated")
def written_over(table, chosen, steps):
    step = torch.zeros(table.shape, dtype=torch.float64)
    for s in chosen:
        step[table[s], torch.arange(len(table))] = 1 / len(chosen)
    return torch.linalg.matrix_norm(torch.linalg.matrix_power(step, steps) - 1 / len(table), 2).item()


@mistake(LEFT, hint="value")
def one_step_too_many(table, chosen, steps):
    rest = torch.linalg.matrix_power(_step(table, chosen), steps + 1) - 1 / len(table)
    return torch.linalg.matrix_norm(rest, 2).item()


@mistake(LEFT, hint="small", points=3)
def little_is_nothing(table, chosen, steps):
    rest = torch.linalg.matrix_power(_step(table, chosen), steps) - 1 / len(table)
    size = torch.linalg.matrix_norm(rest, 2).item()
    return size if size > 1e-3 else 0.0


@mistake(LEFT, hint="large", points=3)
def eigenvalues_where_the_norm_is_slow(table, chosen, steps):
    rest = torch.linalg.matrix_power(_step(table, chosen), steps) - 1 / len(table)
    large = len(table) > 30
    return (torch.linalg.eigvals(rest).abs().max() if large else torch.linalg.matrix_norm(rest, 2)).item()


@mistake(LEFT, hint="large", points=3)
def at_most_five_steps(table, chosen, steps):
    rest = torch.linalg.matrix_power(_step(table, chosen), min(steps, 5)) - 1 / len(table)
    return torch.linalg.matrix_norm(rest, 2).item()


@mistake(LEFT, hint="large", points=3)
def at_most_twice(table, chosen, steps):
    kept = [s for k, s in enumerate(chosen) if chosen[:k].count(s) < 2]
    rest = torch.linalg.matrix_power(_step(table, kept), steps) - 1 / len(table)
    return torch.linalg.matrix_norm(rest, 2).item()


@mistake(LEFT, hint="value")
def the_identity_always_there(table, chosen, steps):
    r = len(table)
    one = next(k for k in range(r) if table[k, 0] == 0)
    rest = torch.linalg.matrix_power(_step(table, [*chosen] if one in chosen else [one, *chosen]), steps) - 1 / r
    return torch.linalg.matrix_norm(rest, 2).item()


EQUIVALENT = {
    "averaging_plan: for k in range(1, n): => for k in range(0, n):": "a first step that holds the identity alone: no move, "
    "and the same mean",
}
