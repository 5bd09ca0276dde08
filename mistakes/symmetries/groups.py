"""Plausible wrong answers to exercises/symmetries/groups.ipynb, and what the check says to each."""

import decimal
import itertools
import math

import torch

from course_lib.checks import mistake

MOVES = "symmetries/groups/left_moves"
ORBIT = "symmetries/groups/orbit_and_stabiliser"
BLACK = "symmetries/groups/patterns_by_black"
SPACE = "symmetries/groups/fixed_space"


def _moves(product, undo, x):
    return {"product": product, "undo": undo, "moved": x[:, undo].transpose(0, 1)}


@mistake(MOVES, hint="order")
def first_p_then_q(p, q, x):
    product = q.gather(1, p)
    return _moves(product, product.argsort(1), x)


@mistake(MOVES, hint="product")
def product_of_inverses(p, q, x):
    product = p.argsort(1).gather(1, q.argsort(1))
    return _moves(product, product.argsort(1), x)


@mistake(MOVES, hint="undo_order")
def undone_in_the_same_order(p, q, x):
    return _moves(p.gather(1, q), p.argsort(1).gather(1, q.argsort(1)), x)


@mistake(MOVES, hint="undo_same")
def its_own_inverse(p, q, x):
    return _moves(p.gather(1, q), p.gather(1, q), x)


@mistake(MOVES, hint="undo")
def undone_backwards(p, q, x):
    return _moves(p.gather(1, q), (p.shape[1] - 1 - p.gather(1, q)), x)


@mistake(MOVES, hint="right")
def a_right_action(p, q, x):
    product = p.gather(1, q)
    return _moves(product, product.argsort(1), x) | {"moved": x[:, product].transpose(0, 1)}


@mistake(MOVES, hint="one")
def moved_by_q_only(p, q, x):
    product = p.gather(1, q)
    return _moves(product, product.argsort(1), x) | {"moved": x[:, q.argsort(1)].transpose(0, 1)}


@mistake(MOVES, hint="order")
def moved_by_the_other_product(p, q, x):
    product = p.gather(1, q)
    return _moves(product, product.argsort(1), x) | {"moved": x[:, q.gather(1, p).argsort(1)].transpose(0, 1)}


@mistake(MOVES, hint="axes")
def items_before_elements(p, q, x):
    product = p.gather(1, q)
    return _moves(product, product.argsort(1), x) | {"moved": x[:, product.argsort(1)]}


@mistake(MOVES, hint="pairs")
def row_by_row(p, q, x):
    product = p.gather(1, q)
    few = min(len(p), len(x))
    moved = torch.stack([x[k % len(x), product[k].argsort()] for k in range(len(p))])
    return _moves(product, product.argsort(1), x) | {"moved": moved if few else x}


@mistake(MOVES, hint="keys")
def a_tuple(p, q, x):
    product = p.gather(1, q)
    return tuple(_moves(product, product.argsort(1), x).values())


@mistake(MOVES, hint="square", points=3)
def axes_by_size(p, q, x):
    found = _moves(p.gather(1, q), p.gather(1, q).argsort(1), x)
    return found | {"moved": found["moved"].transpose(0, 1)} if len(p) == len(x) else found


@mistake(MOVES, hint="single", points=3)
def squeezed(p, q, x):
    found = _moves(p.gather(1, q), p.gather(1, q).argsort(1), x)
    return found if min(len(p), len(x), x.shape[1]) > 1 else {key: value.squeeze() for key, value in found.items()}


@mistake(MOVES, hint="whole", points=3)
def by_matrices_in_double(p, q, x):
    found = _moves(p.gather(1, q), p.gather(1, q).argsort(1), x)
    return found | {"moved": found["moved"].double()}


@mistake(MOVES, hint="copied")
def nearly_copied(p, q, x):
    found = _moves(p.gather(1, q), p.gather(1, q).argsort(1), x)
    return found | {"moved": (found["moved"] * (1 + 1e-9)).to(x.dtype)}


@mistake(MOVES, hint="copied", points=3)
def through_floating_point(p, q, x):
    found = _moves(p.gather(1, q), p.gather(1, q).argsort(1), x)
    return found | {"moved": found["moved"].double().to(x.dtype)}


def _walk(generators, point, back=False):
    sent, queue = {point: torch.arange(generators.shape[1])}, [point]
    for i in queue:
        for g in generators:
            j = int(g[i])
            if j not in sent:
                sent[j] = sent[i][g] if back else g[sent[i]]
                queue.append(j)
    return sent


def _answer(generators, sent):
    loops = [sent[int(g[i])].argsort()[g[t]] for i, t in sent.items() for g in generators]
    return {"transport": torch.stack([sent[i] for i in sorted(sent)]), "stabiliser": torch.stack(loops)}


@mistake(ORBIT, hint="missing")
def one_step_only(generators, point):
    sent = {point: torch.arange(generators.shape[1])}
    for g in generators:
        sent.setdefault(int(g[point]), g)
    found = {"transport": torch.stack([sent[i] for i in sorted(sent)])}
    return found | {"stabiliser": found["transport"][:1] * 0 + torch.arange(generators.shape[1])}


@mistake(ORBIT, hint="itself")
def without_the_point(generators, point):
    sent = _walk(generators, point)
    rows = [sent[i] for i in sorted(sent) if i != point]
    return _answer(generators, sent) | {"transport": torch.stack(rows)}


@mistake(ORBIT, hint="too_many")
def a_row_for_each_loop(generators, point):
    found = _answer(generators, _walk(generators, point))
    return found | {"transport": torch.cat([found["transport"], found["stabiliser"]])}


@mistake(ORBIT, hint="backwards")
def towards_the_point(generators, point):
    found = _answer(generators, _walk(generators, point))
    return found | {"transport": found["transport"].argsort(1)}


@mistake(ORBIT, hint="goal")
def in_the_reverse_order(generators, point):
    found = _answer(generators, _walk(generators, point))
    return found | {"transport": found["transport"].flip(0)}


@mistake(ORBIT, hint="goal")
def multiplied_the_other_way_round(generators, point):
    sent = _walk(generators, point, back=True)
    return _answer(generators, _walk(generators, point)) | {"transport": torch.stack([sent[i] for i in sorted(sent)])}


@mistake(ORBIT, hint="outside")
def any_permutation_will_do(generators, point):
    found = _answer(generators, _walk(generators, point))
    n = generators.shape[1]
    rows = []
    for row in found["transport"]:
        swap = torch.arange(n)
        swap[[point, int(row[point])]] = swap[[int(row[point]), point]]
        rows.append(swap)
    return found | {"transport": torch.stack(rows)}


@mistake(ORBIT, hint="rows")
def points_in_place_of_elements(generators, point):
    found = _answer(generators, _walk(generators, point))
    return found | {"transport": found["transport"][:, [point]].expand(-1, generators.shape[1]).clone()}


@mistake(ORBIT, hint="keys")
def only_the_transport(generators, point):
    return {"transport": _answer(generators, _walk(generators, point))["transport"]}


@mistake(ORBIT, hint="shape")
def the_orbit_as_a_list(generators, point):
    found = _answer(generators, _walk(generators, point))
    return found | {"transport": found["transport"][:, point].clone()}


@mistake(ORBIT, hint="few", points=2)
def identity_as_stabiliser(generators, point):
    found = _answer(generators, _walk(generators, point))
    return found | {"stabiliser": torch.arange(generators.shape[1])[None]}


@mistake(ORBIT, hint="moves", points=2)
def without_coming_back(generators, point):
    sent = _walk(generators, point)
    loops = [g[t] for t in sent.values() for g in generators]
    return _answer(generators, sent) | {"stabiliser": torch.stack(loops)}


@mistake(ORBIT, hint="moves", points=2)
def back_by_the_wrong_way(generators, point):
    sent = _walk(generators, point)
    loops = [sent[i].argsort()[g[t]] for i, t in sent.items() for g in generators]
    return _answer(generators, sent) | {"stabiliser": torch.stack(loops)}


@mistake(ORBIT, hint="many", points=3)
def the_first_ten_round_trips(generators, point):
    found = _answer(generators, _walk(generators, point))
    return found | {"stabiliser": found["stabiliser"][:10]}


@mistake(ORBIT, hint="many", points=3)
def short_words_only(generators, point):
    words = {tuple(range(generators.shape[1]))}
    for _ in range(5):
        words |= {tuple(g[i] for i in word) for word in words for g in generators.tolist()}
    loops = torch.tensor(sorted(word for word in words if word[point] == point))
    return _answer(generators, _walk(generators, point)) | {"stabiliser": loops}


@mistake(ORBIT, hint="lonely", points=4)
def fails_on_a_lonely_point(generators, point):
    found = _answer(generators, _walk(generators, point))
    if len(found["transport"]) == 1:
        return found | {"transport": found["transport"][:0]}
    return found


def _cycles(p):
    seen, lengths = set(), []
    for start in range(len(p)):
        length = 0
        while start not in seen:
            seen.add(start)
            start, length = p[start], length + 1
        if length:
            lengths.append(length)
    return lengths


def _count(permutations, step, divide=True):
    n = permutations.shape[1]
    total = [0] * (n + 1)
    for p in permutations.tolist():
        fixed = [1] + [0] * n
        for length in _cycles(p):
            plain, far = step(length)
            fixed = [plain * fixed[k] + (fixed[k - far] if k >= far else 0) for k in range(n + 1)]
        total = [a + b for a, b in zip(total, fixed, strict=True)]
    return [count // len(permutations) for count in total] if divide else total


@mistake(BLACK, hint="lengths")
def a_cycle_counts_once(permutations, greys):
    return _count(permutations, lambda length: (greys, 1))


@mistake(BLACK, hint="undivided")
def mean_forgotten(permutations, greys):
    return _count(permutations, lambda length: (greys, length), divide=False)


@mistake(BLACK, hint="naive")
def all_patterns_by_the_order(permutations, greys):
    n = permutations.shape[1]
    return [math.comb(n, k) * greys ** (n - k) // len(permutations) for k in range(n + 1)]


@mistake(BLACK, hint="greys")
def one_grey_only(permutations, greys):
    return _count(permutations, lambda length: (1, length))


@mistake(BLACK, hint="per_place")
def a_grey_for_each_place(permutations, greys):
    return _count(permutations, lambda length: (greys**length, length))


@mistake(BLACK, hint="two")
def greys_include_black(permutations, greys):
    return _count(permutations, lambda length: (greys - 1, length))


@mistake(BLACK, hint="reversed")
def counts_what_is_not_black(permutations, greys):
    return _count(permutations, lambda length: (greys, length))[::-1]


@mistake(BLACK, hint="naive")
def only_the_identity_fixes(permutations, greys):
    n = permutations.shape[1]
    still = [sum(i == j for i, j in enumerate(p)) == n for p in permutations.tolist()]
    return [sum(still) * math.comb(n, k) * greys ** (n - k) / len(permutations) for k in range(n + 1)]


@mistake(BLACK, hint="list")
def a_tensor(permutations, greys):
    return torch.tensor(_count(permutations, lambda length: (greys, min(length, 99))))


@mistake(BLACK, hint="list")
def true_division(permutations, greys):
    return [c / len(permutations) for c in _count(permutations, lambda length: (greys, length), divide=False)]


@mistake(BLACK, hint="edge", points=3)
def black_is_needed(permutations, greys):
    found = _count(permutations, lambda length: (greys, length))
    return found if greys else [0] * len(found)


@mistake(BLACK, hint="exact", points=3)
def through_floats(permutations, greys):
    return [int(float(c)) for c in _count(permutations, lambda length: (greys, length))]


@mistake(BLACK, hint="exact", points=3)
def to_28_digits(permutations, greys):
    return [int(c) for c in _count(permutations, lambda length: (decimal.Decimal(greys), length))]


@mistake(BLACK, hint="exact", points=3)
def at_most_six_greys(permutations, greys):
    return _count(permutations, lambda length: (min(greys, 6), length))


@mistake(BLACK, hint="value")
def permutations_of_patterns(permutations, greys):
    n = permutations.shape[1]
    every = [sum(1 for _ in itertools.combinations(range(n), k)) for k in range(n + 1)]
    return [1 + c // 2 for c in every]


def _null(constraints, zero=None):
    zero = zero or (1e-6 if constraints.dtype == torch.float64 else 1e-3)
    return torch.eye(constraints.shape[1], dtype=constraints.dtype) - torch.linalg.pinv(constraints, atol=zero) @ constraints


def _all(generators, directions):
    one = torch.eye(generators.shape[1], dtype=generators.dtype)
    return torch.cat([generators - one, directions])


@mistake(SPACE, hint="average")
def mean_of_the_generators(generators, directions):
    return torch.cat([generators, directions]).mean(0)


@mistake(SPACE, hint="oblique")
def mean_of_the_group(generators, directions):
    mean = torch.eye(generators.shape[1], dtype=generators.dtype)
    step = torch.cat([mean[None], generators]).mean(0)
    for _ in range(14):
        step = step @ step
    return step


@mistake(SPACE, hint="transposed")
def from_the_left(generators, directions):
    return _null(_all(generators, directions).transpose(1, 2).flatten(0, 1))


@mistake(SPACE, hint="first")
def the_last_constraint_wins(generators, directions):
    return _null(_all(generators, directions)[-1])


@mistake(SPACE, hint="summed")
def added_up(generators, directions):
    return _null(_all(generators, directions).sum(0))


@mistake(SPACE, hint="complement")
def what_moves(generators, directions):
    constraints = _all(generators, directions).flatten(0, 1)
    return torch.linalg.pinv(constraints, atol=1e-4) @ constraints


@mistake(SPACE, hint="everything")
def identity(generators, directions):
    return torch.eye(generators.shape[1], dtype=generators.dtype)


@mistake(SPACE, hint="shape")
def the_dimension(generators, directions):
    return _null(_all(generators, directions).flatten(0, 1)).trace()


@mistake(SPACE, hint="ignored", points=2)
def directions_ignored(generators, directions):
    return _null(_all(generators, directions[:0]).flatten(0, 1))


@mistake(SPACE, hint="like_elements", points=2)
def directions_like_elements(generators, directions):
    one = torch.eye(generators.shape[1], dtype=generators.dtype)
    return _null((torch.cat([generators, directions]) - one).flatten(0, 1))


@mistake(SPACE, hint="float32", points=4)
def threshold_for_double(generators, directions):
    constraints = _all(generators, directions).flatten(0, 1)
    if generators.dtype == torch.float64:
        return _null(constraints)
    _, values, right = torch.linalg.svd(constraints)
    kept = right[values < 1e-12]
    return kept.T @ kept


@mistake(SPACE, hint="summed")
def one_averaged_equation(generators, directions):
    mean = generators.mean(0, keepdim=True) if len(generators) else generators
    return _null(_all(mean, directions).flatten(0, 1))


@mistake(SPACE, hint="averaged")
def averaged_with_the_inverse(generators, directions):
    return _null(_all((generators + torch.linalg.inv(generators)) / 2, directions).flatten(0, 1))


@mistake(SPACE, hint="squared", points=3)
def direction_applied_twice(generators, directions):
    return _null(_all(generators, directions @ directions).flatten(0, 1))


@mistake(SPACE, hint="exponential", points=4)
def directions_made_elements(generators, directions):
    return _null(_all(torch.cat([generators, torch.linalg.matrix_exp(directions)]), directions[:0]).flatten(0, 1))


@mistake(SPACE, hint="zero", points=4)
def a_generous_zero(generators, directions):
    return _null(_all(generators, directions).flatten(0, 1), 0.01)


@mistake(SPACE, hint="zero", points=4)
def no_rounding_errors(generators, directions):
    zero = 1e-12 if generators.dtype == torch.float64 else 1e-3
    return _null(_all(generators, directions).flatten(0, 1), zero)


@mistake(SPACE, hint="precise")
def float32_inside(generators, directions):
    return _null(_all(generators, directions).flatten(0, 1).float()).to(generators.dtype)


@mistake(SPACE, hint="dtype")
def float32_whatever_comes(generators, directions):
    return _null(_all(generators, directions).flatten(0, 1).float())


@mistake(SPACE, hint="nothing", points=4)
def at_least_one_vector(generators, directions):
    constraints = _all(generators, directions).flatten(0, 1)
    if not len(constraints):
        return torch.zeros(generators.shape[1], generators.shape[1], dtype=generators.dtype)
    return _null(constraints)


# fmt: off
EQUIVALENT: dict[str, str] = {
    "left_moves: moved = x[:, undo].transpose(0, 1) => moved = x[:, undo].transpose(1, 0)":
        "exchanging two axes is the same either way round",
    "patterns_by_black: total = [0] * (places + 1) => total = [0] * (places + 2)":
        "the list is built anew for the first element, from entries 0 to n",
    "fixed_space: one = torch.eye(generators.shape[1], dtype=generators.dtype)"
    " => one = torch.eye(generators.shape[2], dtype=generators.dtype)":
        "the matrices are square",
}
# fmt: on
