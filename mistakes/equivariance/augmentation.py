"""Plausible wrong answers to exercises/equivariance/augmentation.ipynb, and what the check says to each."""

import torch

from course_lib.checks import mistake

FLIPS = "equivariance/augmentation/flip_rate"
COPIES = "equivariance/augmentation/random_copies"
RIDGE = "equivariance/augmentation/orbit_coefficients"


# ------------------------------------------------------------------------------------------------------ flip rate


def _moved(x, moves):
    """Every item after every move, (m, b, n); no moves are no batch."""
    return torch.stack([x[:, move.argsort()] for move in moves]) if len(moves) else x.new_empty(0, *x.shape)


def _classes(net, x, moves):
    moved = _moved(x, moves)
    return net(moved.flatten(0, 1)).reshape(len(moves), len(x), -1).argmax(2) if len(moves) else moved[..., 0].long()


@mistake(FLIPS, hint="per_move")
def mean_over_moves_and_items(net, x, moves):
    return (_classes(net, x, moves) != net(x).argmax(1)).double().mean().item()


@mistake(FLIPS, hint="per_move")
def changes_per_item(net, x, moves):
    return (_classes(net, x, moves) != net(x).argmax(1)).sum().item() / len(x)


@mistake(FLIPS, hint="gather")
def reads_at_the_place_to_go(net, x, moves):
    before, flips = net(x).argmax(1), torch.zeros(len(x), dtype=torch.bool)
    for move in moves:
        flips |= net(x[:, move]).argmax(1) != before
    return flips.double().mean().item()


@mistake(FLIPS, hint="among")
def moved_answers_among_themselves(net, x, moves):
    answers = _classes(net, x, moves)
    return (answers != answers[:1]).any(0).double().mean().item()


@mistake(FLIPS, hint="every")
def all_moves_must_change_it(net, x, moves):
    return (_classes(net, x, moves) != net(x).argmax(1)).all(0).double().mean().item()


@mistake(FLIPS, hint="kept")
def share_that_stays(net, x, moves):
    return (_classes(net, x, moves) == net(x).argmax(1)).all(0).double().mean().item()


@mistake(FLIPS, hint="number")
def number_of_items(net, x, moves):
    return (_classes(net, x, moves) != net(x).argmax(1)).any(0).sum().item()


@mistake(FLIPS, hint="scores")
def compares_scores(net, x, moves):
    scores = torch.stack([net(y) for y in _moved(x, moves)])
    return (scores != net(x)).any(2).any(0).double().mean().item()


@mistake(FLIPS, hint="averaged")
def answer_of_the_mean_score(net, x, moves):
    mean = torch.stack([net(y) for y in _moved(x, moves)]).mean(0)
    return (mean.argmax(1) != net(x).argmax(1)).double().mean().item()


@mistake(FLIPS, hint="axes")
def items_first_when_unfolding(net, x, moves):
    answers = net(_moved(x, moves).flatten(0, 1)).reshape(len(x), len(moves), -1).argmax(2)
    return (answers != net(x).argmax(1)[:, None]).any(1).double().mean().item()


@mistake(FLIPS, hint="some")
def last_move_only(net, x, moves):
    flips = torch.zeros(len(x), dtype=torch.bool)
    for move in moves:
        flips = net(x[:, move.argsort()]).argmax(1) != net(x).argmax(1)
    return flips.double().mean().item()


@mistake(FLIPS, hint="some")
def returns_inside_the_loop(net, x, moves):
    flips = torch.zeros(len(x), dtype=torch.bool)
    for move in moves:
        flips |= net(x[:, move.argsort()]).argmax(1) != net(x).argmax(1)
        return flips.double().mean().item()


@mistake(FLIPS, hint="value")
def flips_twice_is_no_flip(net, x, moves):
    flips = torch.zeros(len(x), dtype=torch.bool)
    for move in moves:
        flips ^= net(x[:, move.argsort()]).argmax(1) != net(x).argmax(1)
    return flips.double().mean().item()


@mistake(FLIPS, hint="single", points=3)
def there_is_a_move(net, x, moves):
    answers = torch.stack([net(x[:, move.argsort()]).argmax(1) for move in moves])
    return (answers != net(x).argmax(1)).any(0).double().mean().item()


@mistake(FLIPS, hint="single", points=3)
def squeezes_the_batch(net, x, moves):
    scores = torch.cat([x[None], _moved(x, moves)])
    scores = net(scores.flatten(0, 1)).reshape(len(moves) + 1, len(x), -1).squeeze()
    answers = scores.argmax(2)
    return (answers != answers[0]).any(0).double().mean().item()


@mistake(FLIPS, hint="float32", points=3)
def buffer_in_float64(net, x, moves):
    before, flips = net(x).argmax(1), torch.zeros(len(x), dtype=torch.bool)
    for move in moves:
        moved = torch.empty(x.shape, dtype=torch.float64)
        moved[:, move] = x.double()
        flips |= net(moved).argmax(1) != before
    return flips.double().mean().item()


@mistake(FLIPS, hint="mutates")
def moves_in_place(net, x, moves):
    before, flips = net(x).argmax(1), torch.zeros(len(x), dtype=torch.bool)
    for move in moves:
        x[:, move] = x.clone()
        flips |= net(x).argmax(1) != before
    return flips.double().mean().item()


@mistake(FLIPS, hint="value")
def one_move_after_another(net, x, moves):
    before, flips, moved = net(x).argmax(1), torch.zeros(len(x), dtype=torch.bool), x
    for move in moves:
        moved = moved[:, move.argsort()]
        flips |= net(moved).argmax(1) != before
    return flips.double().mean().item()


@mistake(FLIPS, hint="general")
def four_moves(net, x, moves):
    return (_classes(net, x, moves[:4]) != net(x).argmax(1)).any(0).double().mean().item()


@mistake(FLIPS, hint="general")
def last_four_moves(net, x, moves):
    return (_classes(net, x, moves[-4:]) != net(x).argmax(1)).any(0).double().mean().item()


@mistake(FLIPS, hint="general")
def ten_moves(net, x, moves):
    return (_classes(net, x, moves[:10]) != net(x).argmax(1)).any(0).double().mean().item()


@mistake(FLIPS, hint="general")
def five_numbers(net, x, moves):
    x = x.reshape(-1, 5)
    return (_classes(net, x, moves) != net(x).argmax(1)).any(0).double().mean().item()


@mistake(FLIPS, hint="single", points=3)
def one_item_flips(net, x, moves):
    return 1.0 if len(x) == 1 else (_classes(net, x, moves) != net(x).argmax(1)).any(0).double().mean().item()


# -------------------------------------------------------------------------------------------------- random copies


def _draw(rho_in, x, seed):
    return torch.randint(len(rho_in), (len(x),), generator=torch.Generator().manual_seed(seed))


def _apply(rho, x):
    return torch.einsum("bij,bj->bi", rho, x)


@mistake(COPIES, hint="still")
def labels_left_behind(x, y, rho_in, rho_out, seed):
    return _apply(rho_in[_draw(rho_in, x, seed)], x), y.clone()


@mistake(COPIES, hint="inverse")
def labels_taken_back(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)
    return _apply(rho_in[drawn], x), _apply(torch.linalg.inv(rho_out[drawn]), y)


@mistake(COPIES, hint="own")
def labels_draw_for_themselves(x, y, rho_in, rho_out, seed):
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randint(len(rho_in), (len(x),), generator=generator) for _ in range(2))
    return _apply(rho_in[first], x), _apply(rho_out[second], y)


@mistake(COPIES, hint="one")
def one_draw_for_the_batch(x, y, rho_in, rho_out, seed):
    k = int(torch.randint(len(rho_in), (), generator=torch.Generator().manual_seed(seed)))
    return x @ rho_in[k].T, y @ rho_out[k].T


@mistake(COPIES, hint="right_action")
def rows_times_matrices(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)
    return torch.einsum("bj,bji->bi", x, rho_in[drawn]), torch.einsum("bj,bji->bi", y, rho_out[drawn])


@mistake(COPIES, hint="label_matrix")
def labels_times_matrices(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)
    return _apply(rho_in[drawn], x), torch.einsum("bj,bji->bi", y, rho_out[drawn])


@mistake(COPIES, hint="order")
def one_after_another(x, y, rho_in, rho_out, seed):
    drawn = torch.arange(len(x)) % len(rho_in)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="order")
def forgets_the_seed(x, y, rho_in, rho_out, seed):
    drawn = torch.randint(len(rho_in), (len(x),), generator=torch.Generator().manual_seed(0))
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="repeat")
def another_draw_each_time(x, y, rho_in, rho_out, seed):
    generator = torch.Generator()
    generator.seed()
    drawn = torch.randint(len(rho_in), (len(x),), generator=generator)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="uneven")
def never_the_last(x, y, rho_in, rho_out, seed):
    count = max(1, len(rho_in) - 1)
    drawn = torch.randint(count, (len(x),), generator=torch.Generator().manual_seed(seed))
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="uneven")
def never_the_identity(x, y, rho_in, rho_out, seed):
    moving = (rho_in - torch.eye(x.shape[1], dtype=x.dtype)).abs().amax((1, 2)) > 1e-4
    drawn = moving.nonzero()[:, 0]
    drawn = drawn[torch.randint(len(drawn), (len(x),), generator=torch.Generator().manual_seed(seed))]
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="uneven")
def half_stay_as_they_are(x, y, rho_in, rho_out, seed):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(rho_in), (len(x),), generator=generator)
    stay = torch.rand(len(x), generator=generator)[:, None] < 0.5
    return torch.where(stay, x, _apply(rho_in[drawn], x)), torch.where(stay, y, _apply(rho_out[drawn], y))


@mistake(COPIES, hint="balanced")
def dealt_like_cards(x, y, rho_in, rho_out, seed):
    drawn = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed)) % len(rho_in)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="shape")
def full_orbit(x, y, rho_in, rho_out, seed):
    moved, labels = torch.einsum("mij,bj->mbi", rho_in, x), torch.einsum("mij,bj->mbi", rho_out, y)
    return moved.flatten(0, 1), labels.flatten(0, 1)


@mistake(COPIES, hint="pair")
def examples_only(x, y, rho_in, rho_out, seed):
    return _apply(rho_in[_draw(rho_in, x, seed)], x)


@mistake(COPIES, hint="examples")
def mean_of_two_copies(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)
    return (x + _apply(rho_in[drawn], x)) / 2, (y + _apply(rho_out[drawn], y)) / 2


@mistake(COPIES, hint="labels")
def labels_shuffled(x, y, rho_in, rho_out, seed):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(rho_in), (len(x),), generator=generator)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)[torch.randperm(len(x), generator=generator)]


@mistake(COPIES, hint="uneven")
def six_elements(x, y, rho_in, rho_out, seed):
    drawn = torch.randint(6, (len(x),), generator=torch.Generator().manual_seed(seed))
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="float32", points=3)
def always_double(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)
    return _apply(rho_in[drawn].double(), x.double()), _apply(rho_out[drawn].double(), y.double())


@mistake(COPIES, hint="mutates")
def moves_in_place_row_by_row(x, y, rho_in, rho_out, seed):
    for i, k in enumerate(_draw(rho_in, x, seed)):
        x[i], y[i] = rho_in[k] @ x[i], rho_out[k] @ y[i]
    return x, y


@mistake(COPIES, hint="shared")
def pairs_share_a_draw(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)[torch.arange(len(x)) // 2]
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="shared")
def second_half_repeats(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)[torch.arange(len(x)) % ((len(x) + 1) // 2)]
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="shared")
def small_batches_repeat(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)[torch.arange(len(x)) % 30]
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="shared")
def mirrors_its_neighbour(x, y, rho_in, rho_out, seed):
    drawn, odd = _draw(rho_in, x, seed), torch.arange(len(x)) % 2 == 1
    drawn = torch.where(odd, len(rho_in) - 1 - drawn.roll(1), drawn)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="shared")
def never_the_same_twice(x, y, rho_in, rho_out, seed):
    m = len(rho_in)
    steps = torch.randint(max(m - 1, 1), (len(x),), generator=torch.Generator().manual_seed(seed)) + 1
    drawn = steps.cumsum(0) % m
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="place")
def half_of_the_group_each(x, y, rho_in, rho_out, seed):
    drawn, m = _draw(rho_in, x, seed), len(rho_in)
    drawn = torch.where(torch.arange(len(x)) < len(x) // 2, drawn // 2, m - 1 - drawn // 2)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="place")
def even_rows_even_elements(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed) // 2 * 2 + torch.arange(len(x)) % 2
    drawn = drawn.clamp(max=len(rho_in) - 1)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="uneven")
def rounds_to_an_element(x, y, rho_in, rho_out, seed):
    generator = torch.Generator().manual_seed(seed)
    drawn = (torch.rand(len(x), generator=generator) * (len(rho_in) - 1)).round().long()
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="uneven")
def augments_nine_in_ten(x, y, rho_in, rho_out, seed):
    generator = torch.Generator().manual_seed(seed)
    still = (rho_in - torch.eye(x.shape[1], dtype=x.dtype)).abs().amax((1, 2)).argmin()
    drawn = torch.randint(len(rho_in), (len(x),), generator=generator)
    drawn = torch.where(torch.rand(len(x), generator=generator) < 0.9, drawn, still)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="uneven")
def weighs_a_little(x, y, rho_in, rho_out, seed):
    weights = torch.linspace(0.7, 1.3, len(rho_in))
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.multinomial(weights, len(x), replacement=True, generator=generator)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="uneven")
def ten_modulo_the_order(x, y, rho_in, rho_out, seed):
    drawn = torch.randint(10, (len(x),), generator=torch.Generator().manual_seed(seed)) % len(rho_in)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="uneven")
def eight_elements_at_most(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in[:8], x, seed)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="order")
def odd_and_even_seeds(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed % 2)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="order")
def last_digit_of_the_seed(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed % 10)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="order")
def one_draw_turned_by_the_seed(x, y, rho_in, rho_out, seed):
    drawn = (_draw(rho_in, x, 0) + seed) % len(rho_in)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="order")
def one_draw_rolled_by_the_seed(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, 0).roll(seed)
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="order")
def first_row_stays(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)
    drawn[0] = 0
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="global", points=3)
def chance_for_everybody(x, y, rho_in, rho_out, seed):
    torch.manual_seed(seed)
    drawn = torch.randint(len(rho_in), (len(x),))
    return _apply(rho_in[drawn], x), _apply(rho_out[drawn], y)


@mistake(COPIES, hint="nothing")
def moves_nothing(x, y, rho_in, rho_out, seed):
    return x.clone(), y.clone()


@mistake(COPIES, hint="label_matrix")
def labels_dual(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)
    return _apply(rho_in[drawn], x), _apply(torch.linalg.inv(rho_out[drawn]).transpose(1, 2), y)


@mistake(COPIES, hint="float32", points=3)
def computes_in_single(x, y, rho_in, rho_out, seed):
    drawn = _draw(rho_in, x, seed)
    moved, labels = _apply(rho_in[drawn].float(), x.float()), _apply(rho_out[drawn].float(), y.float())
    return moved.to(x.dtype), labels.to(y.dtype)


# ----------------------------------------------------------------------------------- ridge regression on full orbits


def _kernels(x, moves):
    """k(x_i, g x_j) for every move, (m, b, b)."""
    return torch.stack([torch.exp(-torch.cdist(x, x[:, move.argsort()]) ** 2 / 2) for move in moves])


def _solve(kernel, y, weight):
    return torch.linalg.solve(kernel + weight * torch.eye(len(y), dtype=y.dtype), y)


def _weight(x, moves, penalty, mean):
    return penalty * len(x) if mean else penalty / len(moves)


@mistake(RIDGE, hint="same")
def same_penalty_for_both(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty * len(x) if mean else penalty)


@mistake(RIDGE, hint="more")
def penalty_times_the_order(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty * len(x) if mean else penalty * len(moves))


@mistake(RIDGE, hint="total")
def sum_over_the_moves(x, y, moves, penalty, mean):
    weight = penalty * len(x) * len(moves) if mean else penalty
    return _solve(_kernels(x, moves).sum(0), y, weight)


@mistake(RIDGE, hint="total")
def coefficients_of_one_copy(x, y, moves, penalty, mean):
    z = torch.cat([x[:, move.argsort()] for move in moves])
    labels = y.repeat(len(moves))
    weight = penalty * len(labels) if mean else penalty
    return _solve(torch.exp(-torch.cdist(z, z) ** 2 / 2), labels, weight)[: len(x)]


@mistake(RIDGE, hint="plain")
def kernel_of_the_plain_examples(x, y, moves, penalty, mean):
    return _solve(torch.exp(-torch.cdist(x, x) ** 2 / 2), y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="middle")
def kernel_of_mean_items(x, y, moves, penalty, mean):
    middle = torch.stack([x[:, move] for move in moves]).mean(0)
    return _solve(torch.exp(-torch.cdist(x, middle) ** 2 / 2), y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="middle")
def kernel_between_mean_items(x, y, moves, penalty, mean):
    middle = torch.stack([x[:, move] for move in moves]).mean(0)
    return _solve(torch.exp(-torch.cdist(middle, middle) ** 2 / 2), y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="largest")
def best_position(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).amax(0), y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="width")
def without_the_half(x, y, moves, penalty, mean):
    kernel = torch.stack([torch.exp(-torch.cdist(x, x[:, move]) ** 2) for move in moves]).mean(0)
    return _solve(kernel, y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="width")
def distance_not_squared(x, y, moves, penalty, mean):
    kernel = torch.stack([torch.exp(-torch.cdist(x, x[:, move]) / 2) for move in moves]).mean(0)
    return _solve(kernel, y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="some")
def without_the_identity(x, y, moves, penalty, mean):
    others = [move for move in moves if not torch.equal(move, torch.arange(x.shape[1]))] or list(moves)
    kernel = torch.stack([torch.exp(-torch.cdist(x, x[:, move]) ** 2 / 2) for move in others]).mean(0)
    return _solve(kernel, y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="combined")
def values_of_the_fit(x, y, moves, penalty, mean):
    kernel = _kernels(x, moves).mean(0)
    return kernel @ _solve(kernel, y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="mean_ignored", points=3)
def takes_means_for_sums(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty / len(moves))


@mistake(RIDGE, hint="mean_copies", points=3)
def divides_for_a_mean_too(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty / len(moves) * (len(x) if mean else 1))


@mistake(RIDGE, hint="mean_copies", points=3)
def counts_all_rows(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty * len(x) * len(moves) if mean else penalty / len(moves))


@mistake(RIDGE, hint="mean_examples", points=3)
def same_penalty_in_a_system_of_sums(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty if mean else penalty / len(moves))


@mistake(RIDGE, hint="single", points=3)
def forgets_moves_that_change_nothing(x, y, moves, penalty, mean):
    kernel = torch.zeros(len(x), len(x), dtype=x.dtype)
    for j in range(len(x)):
        orbit = torch.stack([x[j, move.argsort()] for move in moves]).unique(dim=0)  # copies that agree are kept once
        kernel[:, j] = torch.exp(-torch.cdist(x, orbit) ** 2 / 2).sum(1) / len(moves)
    return _solve(kernel, y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="float32", points=3)
def solves_in_double(x, y, moves, penalty, mean):
    return _solve(_kernels(x.double(), moves).mean(0), y.double(), _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="mutates")
def sorts_its_examples(x, y, moves, penalty, mean):
    x -= x.mean(0)
    return _solve(_kernels(x, moves).mean(0), y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="value")
def no_penalty(x, y, moves, penalty, mean):
    return torch.linalg.solve(_kernels(x, moves).mean(0), y)


@mistake(RIDGE, hint="other")
def mean_for_both(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty * len(x))


@mistake(RIDGE, hint="letters")
def numbers_for_moves(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty * len(x) if mean else penalty / x.shape[1])


@mistake(RIDGE, hint="letters", points=3)
def numbers_for_items(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, penalty * x.shape[1] if mean else penalty / len(moves))


@mistake(RIDGE, hint="copies")
def all_coefficients(x, y, moves, penalty, mean):
    z = torch.cat([x[:, move.argsort()] for move in moves])
    weight = penalty * len(z) if mean else penalty
    return _solve(torch.exp(-torch.cdist(z, z) ** 2 / 2), y.repeat(len(moves)), weight)


@mistake(RIDGE, hint="value")
def twelve_moves(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves[:12]).mean(0), y, _weight(x, moves, penalty, mean))


@mistake(RIDGE, hint="single", points=3)
def no_mean_of_one(x, y, moves, penalty, mean):
    return _solve(_kernels(x, moves).mean(0), y, _weight(x, moves, penalty, mean and len(x) > 1))


EQUIVALENT = {
    "orbit_coefficients: kernel += torch.exp(-torch.cdist(x, x[:, move]) ** 2 / 2) / len(moves)"
    " => kernel += torch.exp(-torch.cdist(x[:, move], x) ** 2 / 2) / len(moves)":
        "the mean over a group of an invariant kernel is the same whichever of the two arguments is moved",
}
