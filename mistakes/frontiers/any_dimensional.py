"""Plausible wrong answers to exercises/frontiers/any_dimensional.ipynb, and what the check says to each."""

import math

import torch

from course_lib.checks import mistake

EXTEND = "frontiers/any_dimensional/extend_layer"
COUNT = "frontiers/any_dimensional/count_layers"


def _grid(n):
    return torch.meshgrid(*3 * [torch.arange(n)], indexing="ij")


def _kinds(n):
    """Where the five kinds stand."""
    i, j, k = _grid(n)
    own, row, column, diagonal = (i == j) & (j == k), (i == j) & (j != k), (i == k) & (j != k), (j == k) & (i != j)
    return torch.stack([own, row, column, diagonal, ~(own | row | column | diagonal)]).double()


def _means(c, masks):
    masks = masks.to(c.dtype)
    return torch.einsum("c,cijk->ijk", c, masks / masks.sum((2, 3), keepdim=True).clamp(min=1))


@mistake(EXTEND, hint="sums")
def adds_up(coefficients, n):
    return torch.einsum("c,cijk->ijk", coefficients, _kinds(n).to(coefficients.dtype))


@mistake(EXTEND, hint="transposed")
def rows_for_columns(coefficients, n):
    return _means(coefficients[[0, 2, 1, 3, 4]], _kinds(n))


@mistake(EXTEND, hint="transposed")
def reads_the_transposed_matrix(coefficients, n):
    return _means(coefficients, _kinds(n)).transpose(1, 2)


@mistake(EXTEND, hint="legs")
def output_last(coefficients, n):
    return _means(coefficients, _kinds(n)).permute(1, 2, 0)


@mistake(EXTEND, hint="diagonal")
def rows_and_columns_with_the_diagonal(coefficients, n):
    i, j, k = _grid(n)
    kinds = _kinds(n)
    kinds[1], kinds[2] = i == j, i == k
    return _means(coefficients, kinds)


@mistake(EXTEND, hint="diagonal")
def the_diagonal_with_its_own_entry(coefficients, n):
    i, j, k = _grid(n)
    kinds = _kinds(n)
    kinds[3] = j == k
    return _means(coefficients, kinds)


@mistake(EXTEND, hint="diagonal")
def rest_is_the_mean_of_all(coefficients, n):
    kinds = _kinds(n)
    kinds[4] = 1.0
    return _means(coefficients, kinds)


@mistake(EXTEND, hint="diagonal")
def rest_with_the_other_diagonal_entries(coefficients, n):
    i, j, k = _grid(n)
    kinds = _kinds(n)
    kinds[4] = (i != j) & (i != k)
    return _means(coefficients, kinds)


@mistake(EXTEND, hint="diagonal")
def overlapping_diagrams(coefficients, n):
    i, j, k = _grid(n)
    return _means(coefficients, torch.stack([(i == j) & (j == k), i == j, i == k, j == k, i == i]))


@mistake(EXTEND, hint="count")
def powers_of_n(coefficients, n):
    divisors = torch.tensor([1, n, n, n, n * n], dtype=coefficients.dtype)
    return torch.einsum("c,cijk->ijk", coefficients / divisors, _kinds(n).to(coefficients.dtype))


@mistake(EXTEND, hint="count")
def all_divided_by_n_squared(coefficients, n):
    return torch.einsum("c,cijk->ijk", coefficients / n**2, _kinds(n).to(coefficients.dtype))


@mistake(EXTEND, hint="count")
def rest_counted_with_equal_indices(coefficients, n):
    divisors = torch.tensor([1, n - 1, n - 1, n - 1, (n - 1) ** 2], dtype=coefficients.dtype).clamp(min=1)
    return torch.einsum("c,cijk->ijk", coefficients / divisors, _kinds(n).to(coefficients.dtype))


@mistake(EXTEND, hint="outputs")
def mean_over_all_outputs(coefficients, n):
    kinds = _kinds(n).to(coefficients.dtype)
    return torch.einsum("c,cijk->ijk", coefficients, kinds / kinds.sum((1, 2, 3), keepdim=True).clamp(min=1))


@mistake(EXTEND, hint="orthonormal")
def tables_of_length_one(coefficients, n):
    kinds = _kinds(n).to(coefficients.dtype)
    return torch.einsum("c,cijk->ijk", coefficients, kinds / kinds.sum((1, 2, 3), keepdim=True).clamp(min=1).sqrt())


@mistake(EXTEND, hint="order")
def right_and_left_of_the_diagonal(coefficients, n):
    i, j, k = _grid(n)
    kinds = _kinds(n)
    kinds[1], kinds[2] = (i == j) & (k > j), (i == j) & (k < j)
    return _means(coefficients, kinds)


@mistake(EXTEND, hint="value")
def the_basis_of_a_solver(coefficients, n):
    kinds = _kinds(n).flatten(1)
    _, _, rows = torch.linalg.svd(kinds, full_matrices=False)
    return (coefficients.double() @ rows).reshape(n, n, n).to(coefficients.dtype)


@mistake(EXTEND, hint="swapped")
def kinds_in_another_order(coefficients, n):
    return _means(coefficients[[0, 4, 1, 2, 3]], _kinds(n))


@mistake(EXTEND, hint="small", points=3)
def divides_by_nothing(coefficients, n):
    kinds = _kinds(n).to(coefficients.dtype)
    return torch.einsum("c,cijk->ijk", coefficients, kinds / kinds.sum((2, 3), keepdim=True))


@mistake(EXTEND, hint="small", points=3)
def closed_counts_without_care(coefficients, n):
    counts = [1, n - 1, n - 1, n - 1, (n - 1) * (n - 2)]
    kinds = _kinds(n).to(coefficients.dtype)
    return sum(c * kind / count for c, kind, count in zip(coefficients.tolist(), kinds, counts, strict=True))


@mistake(EXTEND, hint="swapped")
def diagonal_and_rest_swapped(coefficients, n):
    return _means(coefficients[[0, 1, 2, 4, 3]], _kinds(n))


@mistake(EXTEND, hint="numbers")
def without_its_own_entry(coefficients, n):
    kinds = _kinds(n)
    kinds[0] = 0
    return _means(coefficients, kinds)


@mistake(EXTEND, hint="numbers")
def row_and_column_share_a_number(coefficients, n):
    both = (coefficients[1] + coefficients[2]) / 2
    return _means(torch.stack([coefficients[0], both, both, coefficients[3], coefficients[4]]), _kinds(n))


@mistake(EXTEND, hint="count")
def powers_of_n_for_many_items(coefficients, n):
    if n <= 6:
        return _means(coefficients, _kinds(n))
    divisors = torch.tensor([1, n, n, n, n * n], dtype=coefficients.dtype)
    return torch.einsum("c,cijk->ijk", coefficients / divisors, _kinds(n).to(coefficients.dtype))


@mistake(EXTEND, hint="value")
def tables_for_a_list_of_sizes(coefficients, n):
    return _means(coefficients, _kinds(n)) * float(n in (1, 2, 3, 4, 6))


@mistake(EXTEND, hint="dtype", points=3)
def always_double(coefficients, n):
    return _means(coefficients.double(), _kinds(n))


@mistake(EXTEND, hint="dtype", points=3)
def always_single(coefficients, n):
    return _means(coefficients.float(), _kinds(n))


@mistake(EXTEND, hint="dtype", points=3)
def through_float32(coefficients, n):
    return _means(coefficients, _kinds(n)).float()


def _stirling_row(legs):
    row = [1]
    for _ in range(legs):
        row = [a + b * s for b, (a, s) in enumerate(zip([0, *row], [*row, 0], strict=True))]
    return row


@mistake(COUNT, hint="stable")
def bell_number_for_all_n(n, order_in, order_out):
    return sum(_stirling_row(order_in + order_out))


@mistake(COUNT, hint="exactly")
def exactly_n_blocks(n, order_in, order_out):
    row = _stirling_row(order_in + order_out)
    return row[n] if n < len(row) else 0


@mistake(COUNT, hint="exactly")
def only_the_finest_patterns(n, order_in, order_out):
    row = _stirling_row(order_in + order_out)
    return row[min(n, len(row) - 1)]


@mistake(COUNT, hint="fewer")
def one_block_too_few(n, order_in, order_out):
    return sum(_stirling_row(order_in + order_out)[:n])


@mistake(COUNT, hint="apart")
def input_and_output_apart(n, order_in, order_out):
    return sum(_stirling_row(order_in)[: n + 1]) * sum(_stirling_row(order_out)[: n + 1])


@mistake(COUNT, hint="alike")
def sizes_of_blocks_only(n, order_in, order_out):
    ways = [1] + [0] * (order_in + order_out)
    for part in range(1, n + 1):
        for total in range(part, len(ways)):
            ways[total] += ways[total - part]
    return ways[-1]


@mistake(COUNT, hint="weights")
def all_weights(n, order_in, order_out):
    return n ** (order_in + order_out)


@mistake(COUNT, hint="ordered")
def blocks_in_an_order(n, order_in, order_out):
    return sum(math.factorial(b) * ways for b, ways in enumerate(_stirling_row(order_in + order_out)[: n + 1]))


@mistake(COUNT, hint="input")
def input_legs_only(n, order_in, order_out):
    return sum(_stirling_row(order_in)[: n + 1])


@mistake(COUNT, hint="ring")
def shifts_of_a_ring(n, order_in, order_out):
    return n ** (order_in + order_out - 1)


@mistake(COUNT, hint="value")
def bell_number_of_the_smaller(n, order_in, order_out):
    return sum(_stirling_row(min(n, order_in + order_out)))


@mistake(COUNT, hint="exact", points=3)
def with_floats(n, order_in, order_out):
    legs = order_in + order_out
    total = 0.0
    for b in range(min(n, legs) + 1):
        onto = sum((-1.0) ** j * math.comb(b, j) * float(b - j) ** legs for j in range(b + 1))
        total += onto / math.factorial(b)
    return round(total)


@mistake(COUNT, hint="exact", points=3)
def in_int64(n, order_in, order_out):
    row = torch.tensor([1])
    for _ in range(order_in + order_out):
        row = torch.cat([torch.zeros(1, dtype=torch.int64), row]) + torch.cat([row * torch.arange(len(row)), torch.tensor([0])])
    return int(row[: n + 1].sum())


@mistake(COUNT, hint="stable", points=3)
def bell_number_beyond_ten_items(n, order_in, order_out):
    row = _stirling_row(order_in + order_out)
    return sum(row[: n + 1]) if n <= 10 else sum(row)


@mistake(COUNT, hint="bound", points=3)
def at_most_twelve_items(n, order_in, order_out):
    return sum(_stirling_row(order_in + order_out)[: min(n, 12) + 1])


@mistake(COUNT, hint="bound", points=3)
def table_for_ten_legs(n, order_in, order_out):
    legs = order_in + order_out
    return sum(_stirling_row(min(legs, 10))[: n + 1])


@mistake(COUNT, hint="edges", points=3)
def no_legs_no_layers(n, order_in, order_out):
    return sum(_stirling_row(order_in + order_out)[1 : n + 1])


@mistake(COUNT, hint="edges", points=3)
def needs_an_input(n, order_in, order_out):
    if order_in == 0:
        return 1
    return sum(_stirling_row(order_in + order_out)[: n + 1])


_READ = "extend_layer: read = masks.sum((2, 3), keepdim=True).clamp(min=1)"
EQUIVALENT = {
    "extend_layer: i, j, k = torch.meshgrid(*3 * [torch.arange(n)], indexing='ij')"
    " => i, j, k = torch.meshgrid(*3 * [torch.arange(n)])": "the order of axes that is named is the one taken without a name",
    f"{_READ} => read = masks.sum((1, 3), keepdim=True).clamp(min=1)": "a kind has as many entries for each row as for each "
    "output, n - 1 or (n - 1)(n - 2), so that counting them by rows gives the same numbers",
    "count_layers: more = [0] * (legs + 2) => more = [0] * (legs + 3)": "one more number of blocks, with 0 ways",
}
