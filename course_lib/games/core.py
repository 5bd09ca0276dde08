"""A soft game: players, and one function that says what they are worth together.

Chapters: all of attribution.

Players i = 0..n-1 may be features, training examples or components of a model. `Game.value` maps gates in [0, 1]^n to a
number: all gates at 1 is the full input, data set or model, all at 0 is the empty one, and the corners {0, 1}^n are the
coalitions. Every attribution method of the course reads this one function in one of four ways (removal, averages of
marginal contributions, gradient, linear surrogate). A *hard* game is known at the corners only; its exact soft version
is the multilinear extension

    v(p) = sum_S v(S) prod_{i in S} p_i prod_{i not in S} (1 - p_i)            (Owen, 1972),

the expected value of a coalition that player i joins independently with probability p_i. A model's own straight line
between baseline and input is another soft version of the same corners, and in general a different function.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

EXACT_LIMIT = 24  # 2**24 values in float64 are 128 MB, and reading them takes a few times that
EXTENSION_LIMIT = 16
BLOCK = 16  # players whose coalitions are listed at once; more are taken block by block, to keep memory small
BATCH = 2**12  # rows at once: what a small network computes on them stays in the processor's cache


@dataclass(frozen=True)
class Game:
    """Players and the value of every setting of their gates.

    `value`: gates `(m, n)` in [0, 1] -> `(m,)` or `(m, *out)`; deterministic, rows independent. `players`: their number or
    their names. With `differentiable=False` the game is hard: only gates that are exactly 0 or 1 have a value.
    Calling the game checks what goes in and what comes out, and raises ValueError for gates of wrong shape, non-finite
    or outside [0, 1] (or between, for a hard game), and for values of wrong shape or non-finite.

    >>> game = Game(lambda g: g[:, 0] * g[:, 1], players=2)
    >>> game(torch.tensor([[1.0, 1.0], [0.5, 1.0]]))
    tensor([1.0000, 0.5000], dtype=torch.float64)
    """

    value: Callable[[Tensor], Tensor]
    players: int | Sequence[str]
    differentiable: bool = True
    dtype: torch.dtype = torch.float64
    device: torch.device | str = "cpu"

    def __init__(self, value, players, *, differentiable=True, dtype=torch.float64, device="cpu") -> None:
        if not callable(value):
            raise ValueError(f"value must be a function of gates (m, n), got {type(value).__name__}")
        if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
            raise ValueError(f"dtype must be a floating-point type, got {dtype}")
        fields = {"value": value, "players": _names(players), "differentiable": differentiable}
        for name, content in {**fields, "dtype": dtype, "device": torch.device(device)}.items():
            object.__setattr__(self, name, content)

    @property
    def n(self) -> int:
        """The number of players."""
        return len(self.players)

    def __call__(self, gates: Tensor) -> Tensor:
        """Values `(m, *out)` of gates `(m, n)`; keeps the graph of a differentiable game."""
        gates = self._checked_gates(gates)
        values = self.value(gates)
        if not isinstance(values, Tensor) or values.dim() == 0 or len(values) != len(gates):
            got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ValueError(f"value must return a tensor with one row per row of gates ({len(gates)}), got {got}")
        if values.is_complex():
            raise ValueError(f"value must return real numbers, got {values.dtype}")
        values = values if values.is_floating_point() else values.to(self.dtype)  # a vote: whole numbers or True and False
        if not torch.isfinite(values).all():
            raise ValueError(f"value must return finite numbers, got {int((~torch.isfinite(values)).sum())} that are not")
        return values

    def evaluate(self, gates: Tensor, batch_size: int | None = None, progress: bool = False) -> Tensor:
        """Values of `gates` without gradients, `batch_size` rows at a time (default 4,096), with a progress bar if asked."""
        batch_size = BATCH if batch_size is None else batch_size
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size must be an integer of at least 1, got {batch_size!r}")
        with torch.no_grad():
            if batch_size >= len(gates):
                return self(gates)
            chunks = tqdm(gates.split(batch_size), disable=not progress, desc="evaluating")
            return torch.cat([self(chunk) for chunk in chunks])

    def ends(self) -> tuple[Tensor, Tensor]:
        """Values `(*out)` of the empty and of the full coalition, in one evaluation of two rows."""
        gates = torch.tensor([[0.0] * self.n, [1.0] * self.n], dtype=self.dtype, device=self.device)
        empty, full = self.evaluate(gates)
        return empty, full

    def _checked_gates(self, gates: Tensor) -> Tensor:
        if not isinstance(gates, Tensor):
            raise ValueError(f"gates must be a tensor of shape (m, {self.n}), got {type(gates).__name__}")
        if gates.dim() != 2 or gates.shape[1] != self.n or len(gates) == 0:
            raise ValueError(f"gates must have shape (m, {self.n}) with m >= 1, got {tuple(gates.shape)}")
        gates = gates.to(self.device, self.dtype)
        low, high = (end.item() for end in gates.detach().aminmax())  # both nan if any gate is
        if not (low >= 0 and high <= 1):
            raise ValueError(f"gates must lie in [0, 1], got values from {low} to {high}")
        if not self.differentiable and not ((gates == 0) | (gates == 1)).all():
            between = gates[(gates != 0) & (gates != 1)][0].item()
            raise ValueError(f"gates of a hard game must be exactly 0 or 1, got {between}: use multilinear_extension(game)")
        return gates


def _names(players: int | Sequence[str]) -> tuple[str, ...]:
    if isinstance(players, bool | str) or not isinstance(players, int | Iterable):
        raise ValueError(f"players must be a number or a sequence of names, got {players!r}")
    names = tuple(str(i) for i in range(players)) if isinstance(players, int) else tuple(str(p) for p in players)
    if not names or len(set(names)) != len(names):
        raise ValueError(f"players must be at least one player with distinct names, got {players!r}")
    return names


def corners(n: int, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu") -> Tensor:
    """All coalitions of `n` players as gates `(2**n, n)`: gate i of row k is bit i of k, so player 0 is the lowest bit.

    Raises ValueError for n < 1 or n > 24.

    >>> corners(2).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    _listable(n)
    gates, few = torch.zeros(2**n, n, dtype=dtype, device=device), min(n, 10)
    bits = torch.arange(2**few, device=device)[:, None] >> torch.arange(few, device=device) & 1
    gates[: 2**few, :few] = bits.to(dtype)
    for player in range(few, n):  # each further player doubles the list: all coalitions so far, and the same with that player
        rows = 2**player
        gates[rows : 2 * rows] = gates[:rows]
        gates[rows : 2 * rows, player] = 1
    return gates


def _listable(n: int) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= EXACT_LIMIT:
        raise ValueError(f"n must be an integer between 1 and {EXACT_LIMIT} to list all 2**n coalitions, got {n}")


class TableValue(nn.Module):
    """The `value` of a hard game that is stored as a table `(2**n, *out)`, in the order of `corners(n)`."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.register_buffer("table", table)

    def forward(self, gates: Tensor) -> Tensor:
        powers = 2 ** torch.arange(gates.shape[1], device=gates.device)
        return self.table[(gates.round().long() * powers).sum(1)]


def table_game(values: Tensor, players: int | Sequence[str] | None = None) -> Game:
    """The hard game with these values `(2**n, *out)`, in the order of `corners(n)`.

    Raises ValueError if the number of rows is not a power of two, does not fit `players`, or a value is not finite.

    >>> table_game(torch.tensor([0.0, 1.0, 1.0, 1.0])).players
    ('0', '1')
    """
    rows = len(values) if isinstance(values, Tensor) and values.dim() else 0
    n = rows.bit_length() - 1
    if n < 1 or rows != 2**n:
        raise ValueError(f"values must have 2**n rows with n >= 1, got {rows}")
    if not torch.isfinite(values).all():
        raise ValueError(f"values must be finite, got {int((~torch.isfinite(values)).sum())} that are not")
    players = _names(n if players is None else players)
    if len(players) != n:
        raise ValueError(f"players must name {n} players for {rows} values, got {len(players)}")
    dtype = values.dtype if values.dtype.is_floating_point else torch.float64
    table = TableValue(values.to(dtype))
    return Game(table, players, differentiable=False, dtype=dtype, device=values.device)


def tabulate(game: Game, batch_size: int | None = None, progress: bool = False) -> Tensor:
    """Values `(2**n, *out)` of all coalitions in the order of `corners(n)`: exactly 2**n rows are evaluated.

    Raises ValueError beyond 24 players. Beyond 16 players no batch is larger than 2**16 rows.

    >>> tabulate(Game(lambda g: g.sum(1), players=2)).tolist()
    [0.0, 1.0, 1.0, 2.0]
    """
    _listable(game.n)
    low = corners(min(game.n, BLOCK), game.dtype, game.device)
    if game.n <= BLOCK:
        return game.evaluate(low, batch_size, progress)
    high = tqdm(corners(game.n - BLOCK, game.dtype, game.device), disable=not progress, desc="evaluating")
    return torch.cat([game.evaluate(torch.cat([low, row.expand(len(low), -1)], 1), batch_size) for row in high])


def multilinear_extension(game: Game) -> Game:
    """The exact soft game of the corners: v(p) = sum_S v(S) prod_{i in S} p_i prod_{i not in S} (1 - p_i) (Owen, 1972).

    Evaluates all 2**n corners once, at most 16 players (ValueError beyond).

    >>> both = multilinear_extension(table_game(torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64)))
    >>> both(torch.tensor([[0.5, 0.5]])).item()
    0.25
    """
    if game.n > EXTENSION_LIMIT:
        raise ValueError(f"game must have at most {EXTENSION_LIMIT} players for its multilinear extension, got {game.n}")
    table = tabulate(game)

    def value(gates: Tensor) -> Tensor:
        weights = gates.new_ones(len(gates), 1)
        for gate in gates.T:  # player i is bit i: its two halves follow each other
            weights = torch.cat([weights * (1 - gate[:, None]), weights * gate[:, None]], 1)
        return torch.tensordot(weights, table, 1)

    return Game(value, game.players, dtype=game.dtype, device=game.device)
