"""The bridge between the two halves: Shapley values as the average of an ordinary function over the group of all orders.

Chapter: equivariance/bridge. S_n renames players, so it acts on hard games, here tables of 2**n values in the order of
`games.corners`, and on scores:

    (pi v)(S) = v(pi^-1 S),        (pi phi)_i = phi_{pi^-1(i)}.

Let f(v) be the marginal contributions when the players arrive in the order 0, 1, ..., n-1. Then pi . f(pi^-1 v) are those in
the order pi(0), pi(1), ..., pi(n-1), so an order of arrival *is* an element of the group, and the Shapley value is the
equivariant average (1/n!) sum over pi of pi . f(pi^-1 v). A sampled Shapley value averages over a part of the group.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_lib.games import corners
from course_lib.groups import Action, CyclicGroup, DihedralGroup, SymmetricGroup, permutation_action

ENUMERATED = 9  # players whose orders are all listed, 362,880 of them


def coalition_permutations(p: Tensor) -> Tensor:
    """Where coalitions go when players go from i to p[i]: `(m, n)` -> `(m, 2**n)`, both as rows that say "k goes to row[k]".

    >>> coalition_permutations(torch.tensor([[1, 2, 0]])).tolist()  # player 0, coalition 1, becomes player 1, coalition 2
    [[0, 2, 4, 6, 1, 3, 5, 7]]
    """
    members = corners(p.shape[1]).long()
    return (members @ (1 << p.long()).T).T


def game_action(n: int) -> Action:
    """S_n on hard games of n players, tables `(2**n,)`: (pi v)(S) = v(pi^-1 S). At most 9 players.

    >>> wants_player_0 = torch.tensor([[0.0, 1.0, 0.0, 1.0]])
    >>> game_action(2).act(torch.tensor([[1, 0]]), wants_player_0).tolist()
    [[[0.0, 0.0, 1.0, 1.0]]]
    """
    return permutation_action(SymmetricGroup(_few(n)), (2**n,), permutations=coalition_permutations)


def score_action(n: int) -> Action:
    """S_n on scores of n players `(n,)`: (pi phi)_i = phi_{pi^-1(i)}, a score goes where its player goes."""
    return permutation_action(SymmetricGroup(n), (n,))


def in_fixed_order(tables: Tensor) -> Tensor:
    """f: what players 0, 1, ..., n-1 add when they arrive in this order, `(b, 2**n)` -> `(b, n)`. An ordinary function.

    >>> in_fixed_order(torch.tensor([[0.0, 1.0, 5.0, 9.0]])).tolist()
    [[1.0, 8.0]]
    """
    n = _players(tables)
    arrived = 2 ** torch.arange(n + 1, device=tables.device) - 1  # the first k players, as numbers of coalitions
    return tables[:, arrived].diff(dim=1)


def group_average(rule: Callable[[Tensor], Tensor], tables: Tensor, elements: Tensor) -> Tensor:
    """(1/m) sum over pi of pi . rule(pi^-1 . v), through the two actions: `(b, 2**n)`, `(m, n)` -> `(b, n)`.

    Over all of S_n it is equivariant whatever `rule` is; for `in_fixed_order`, and for every other linear rule that keeps
    efficiency and null players, it is the Shapley value. Raises ValueError for what is no permutation or no table.

    >>> gloves = torch.tensor([[0.0, 0, 0, 0, 0, 1, 1, 1]]).double()  # two left gloves, one right glove
    >>> group_average(in_fixed_order, gloves, SymmetricGroup(3).elements()).mul(6).round().tolist()
    [[1.0, 1.0, 4.0]]
    """
    n = _players(tables)
    games, scores = game_action(n), score_action(n)
    total = torch.zeros(len(tables), n, dtype=tables.dtype)
    for part in elements.split(4096):
        undone = games.act(games.group.inverse(part), tables).transpose(0, 1)  # (b, m, 2**n)
        moved = rule(undone.flatten(0, 1)).unflatten(0, undone.shape[:2])
        total += torch.stack([scores.each(part, one).sum(0) for one in moved])
    return total / len(elements)


def contributions(tables: Tensor, orders: Tensor) -> Tensor:
    """pi . f(pi^-1 v) for each order pi, without moving tables: `(b, 2**n)`, `(m, n)` -> `(b, m, n)`.

    Entry i is what player i adds to those before it when players orders[0], orders[1], ... arrive.

    >>> contributions(torch.tensor([[0.0, 1.0, 5.0, 9.0]]), torch.tensor([[1, 0]])).tolist()
    [[[4.0, 5.0]]]
    """
    n = _players(tables)
    orders = SymmetricGroup(n).checked(orders, "orders")
    arrived = torch.cat([torch.zeros(len(orders), 1, dtype=torch.long), (1 << orders).cumsum(1)], 1)
    return _each(orders, tables[:, arrived].diff(dim=2))


def shapley_by_averaging(tables: Tensor) -> Tensor:
    """The Shapley value as the mean over all n! orders, `(b, 2**n)` -> `(b, n)`. At most 9 players."""
    return contributions(tables, SymmetricGroup(_few(_players(tables))).elements()).mean(1)


def dual(tables: Tensor) -> Tensor:
    """The dual game v*(S) = v(N) - v(N without S), `(b, 2**n)`: its contributions are those of v in the reverse order.

    >>> dual(torch.tensor([[0.0, 0.0, 0.0, 1.0]])).tolist()  # both are needed -> one of them is enough
    [[0.0, 1.0, 1.0, 1.0]]
    """
    _players(tables)
    return tables[:, -1:] - tables.flip(1)


# --------------------------------------------------------------------------------------------------- parts of the group

WAYS = ("independent", "distinct", "antithetic", "cyclic", "dihedral")


def places(way: str, n: int) -> Tensor:
    """The subgroup that permutes the n places of an order, `(h, n)`: of order 1, 2 (reversal), n (shifts), 2 n (both).

    >>> places("antithetic", 3).tolist()
    [[0, 1, 2], [2, 1, 0]]
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {WAYS}, got {way!r}")
    if way == "antithetic":
        return torch.stack([torch.arange(n), torch.arange(n).flip(0)])[: 1 + (n > 1)]
    if way not in ("cyclic", "dihedral"):
        return torch.arange(n)[None]
    group = CyclicGroup(n) if way == "cyclic" else DihedralGroup(n)
    return group.permutations(group.elements())


def cosets(starts: Tensor, subgroup: Tensor) -> Tensor:
    """The left cosets sigma H: each order `(k, n)` with its places permuted in all ways of H `(h, n)` -> `(k, h, n)`.

    >>> cosets(torch.tensor([[2, 0, 1]]), places("antithetic", 3)).tolist()
    [[[2, 0, 1], [1, 0, 2]]]
    """
    return starts[:, subgroup]


def draw_orders(way: str, n: int, count: int, generator: torch.Generator) -> Tensor:
    """`count` orders `(count, n)`: independent, distinct, or whole cosets of independent random orders.

    Raises ValueError if `count` is no multiple of the size of a coset, or exceeds n! for distinct orders.
    """
    group, subgroup = SymmetricGroup(n), places(way, n)
    if count < 1 or count % len(subgroup):
        raise ValueError(f"count must be a positive multiple of {len(subgroup)} for {way} orders, got {count}")
    if way != "distinct":
        return cosets(group.sample(count // len(subgroup), generator), subgroup).flatten(0, 1)
    if count > group.order:
        raise ValueError(f"count must be at most n! = {group.order} for distinct orders, got {count}")
    every = SymmetricGroup(_few(n)).elements()
    return every[torch.randperm(len(every), generator=generator)[:count]]


def finite_population(count: int, size: int) -> float:
    """sqrt((N - m) / (N - 1)): by how much m *distinct* of N elements err less than m independent ones (Cochran, 1977).

    >>> finite_population(24, 24), finite_population(1, 24)
    (0.0, 1.0)
    """
    if not 1 <= count <= size or size < 2:
        raise ValueError(f"count must lie between 1 and size >= 2, got {count} of {size}")
    return math.sqrt((size - count) / (size - 1))


def coset_variance(tables: Tensor, subgroup: Tensor) -> tuple[Tensor, Tensor]:
    """Variances of one random order, and of the mean over a coset sigma H of a random order sigma: two times `(b, n)`.

    Exact, since all n! orders of the games `(b, 2**n)` are listed; at most 9 players.
    """
    n = _players(tables)
    every = SymmetricGroup(_few(n)).elements()
    digits = n ** torch.arange(n - 1, -1, -1)
    code = (every * digits).sum(1)  # increasing: orders are listed as words in a dictionary
    partners = [torch.searchsorted(code, (every[:, one] * digits).sum(1)) for one in subgroup]
    alone, together = [], []
    for table in tables:
        single = contributions(table[None], every)[0]
        mean = sum(single[rows] for rows in partners) / len(subgroup)
        alone.append(single.var(0, unbiased=False))
        together.append(mean.var(0, unbiased=False))
    return torch.stack(alone), torch.stack(together)


def design_effect(tables: Tensor, subgroup: Tensor) -> Tensor:
    """Mean squared error of cosets over that of as many independent orders (Kish, 1965): `(b,)`, below 1 where cosets help.

    |H| times the variance of a coset's mean over the variance of an order, both summed over players. ValueError for a
    game on which all orders agree.

    >>> majority = (corners(3).sum(1) >= 2).double()
    >>> design_effect(majority[None], places("antithetic", 3)).mul(100).round()  # the reverse order says the same again
    tensor([200.], dtype=torch.float64)
    """
    alone, together = (variance.sum(1) for variance in coset_variance(tables, subgroup))
    if (alone <= 1e-24 * (1 + tables.square().sum(1))).any():
        raise ValueError("tables must be games on which orders disagree, got an additive one")
    return len(subgroup) * together / alone


def _each(p: Tensor, x: Tensor) -> Tensor:
    """Entry j of row m goes to place p[m, j]: `(m, n)`, `(b, m, n)` -> `(b, m, n)`."""
    return x.gather(2, p.argsort(1).expand(len(x), -1, -1))


def _players(tables: Tensor) -> int:
    """n, if `tables` is `(b, 2**n)`."""
    n = tables.shape[-1].bit_length() - 1 if isinstance(tables, Tensor) and tables.dim() == 2 else 0
    if n < 1 or tables.shape[1] != 2**n:
        got = tuple(tables.shape) if isinstance(tables, Tensor) else type(tables).__name__
        raise ValueError(f"tables must have shape (b, 2**n) with n >= 1, got {got}")
    return n


def _few(n: int) -> int:
    if not 1 <= n <= ENUMERATED:
        raise ValueError(f"n must lie between 1 and {ENUMERATED}, got {n}")
    return n
