"""Random instances for checks: one seeded generator, everything on the CPU in float64."""

import copy
import functools
import hashlib
from collections import OrderedDict
from collections.abc import Callable

import torch

from course_lib.checks.codec import copied, encode

_KEPT: OrderedDict[tuple, object] = OrderedDict()
_MOST = 400  # things kept: those of one exercise over a few dozen seeds


def _kept(key: tuple, build: Callable) -> object:
    """A copy (an answer may change what it is given) of what `build` returned when the key was new."""
    return _copied(_found(key, build), {})


def _found(key: tuple, build: Callable) -> object:
    """What `build` returned when the key was new."""
    if key not in _KEPT:
        _KEPT[key] = build()
        if len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(key)
    return _KEPT[key]


def _copied(value: object, memo: dict) -> object:
    """`copy.deepcopy`, faster for tensors and what holds them."""
    if id(value) in memo:
        return memo[id(value)]
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is torch.Tensor and not value.requires_grad:
        made = value.clone(memory_format=torch.preserve_format)
    elif kind in (list, tuple):
        made = kind([_copied(item, memo) for item in value])
    elif kind is dict:
        made = {key: _copied(item, memo) for key, item in value.items()}
    elif isinstance(value, torch.nn.Module):
        made = copied(value)
    else:
        return copy.deepcopy(value, memo)
    memo[id(value)] = made
    return made


def remember(function: Callable) -> Callable:
    """Decorator for a slow part of a check: the same arguments, as plain data, give the same result without computing it again.

    A check meets each instance at least twice (the answer is called directly and carried), and every answer of a class meets
    the same instances. `function` must depend on its arguments alone, and these be what `codec` can carry.

    >>> calls = []
    >>> @remember
    ... def twice(x):
    ...     calls.append(x)
    ...     return 2 * x
    >>> twice(3), twice(3), len(calls)
    (6, 6, 1)
    """

    @functools.wraps(function)
    def remembered(*args: object, **kwargs: object) -> object:
        digest = hashlib.sha256(encode([args, kwargs])).digest()
        return _kept((function.__module__, function.__qualname__, digest), lambda: function(*args, **kwargs))

    return remembered


class Instances:
    """Draws the instances of one property; the same words give the same instances.

    >>> Instances(0, "demo").integer(2, 5) == Instances(0, "demo").integer(2, 5)
    True
    """

    def __init__(self, *words: object) -> None:
        digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
        self.generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def _state(self) -> bytes:
        return hashlib.sha256(self.generator.get_state().numpy().tobytes()).digest()

    def once(self, build: Callable, *args: object) -> object:
        """What `build(self, *args)` returns; asked again at the same state, a copy of it, without building it again.

        For cases that are costly to find, as `remember` is for what is costly to compute. `args` must be hashable, and `build`
        a function of a module.

        >>> def two(random): return random.integer(0, 9), random.integer(0, 9)
        >>> Instances(0, "demo").once(two) == Instances(0, "demo").once(two) == two(Instances(0, "demo"))
        True
        """
        key = (build.__module__, build.__qualname__, args, self._state())
        value, state = _kept(key, lambda: (build(self, *args), self.generator.get_state()))
        self.generator.set_state(state)
        return value

    def recall(self, build: Callable, *words: object) -> object:
        """What `build()` returns; asked again at the same state, with the same hashable `words`, the very same object.

        For truths and for what likely mistakes give: `build` may be a local function, must depend on nothing but `words` and
        what was drawn until now, and draws nothing itself. Nobody may change what is returned.

        >>> def total(random):
        ...     x = random.normal(3)
        ...     return random.recall(lambda: x.sum())
        >>> total(Instances(0, "demo")) is total(Instances(0, "demo"))
        True
        """
        key = (build.__module__, build.__qualname__, build.__code__.co_firstlineno, words, self._state())
        return _found(key, build)

    def integer(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def seed(self) -> int:
        """A seed to hand to an answer that draws random numbers."""
        return self.integer(0, 2**31 - 2)

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.generator, dtype=torch.float64)

    def away_from_zero(self, *shape: int) -> torch.Tensor:
        """Numbers of either sign between 0.5 and 2 in size, for whatever must not happen to vanish."""
        sign = 2.0 * self.gates(*shape) - 1.0
        return sign * self.uniform(*shape, low=0.5, high=2.0)

    def basis(self, n: int) -> torch.Tensor:
        """A basis of n vectors as columns, far from orthonormal and far from singular."""
        left, right = (torch.linalg.qr(self.normal(n, n))[0] for _ in range(2))
        return left @ torch.diag(torch.linspace(0.5, 2.0, n, dtype=torch.float64)) @ right

    def gates(self, *shape: int) -> torch.Tensor:
        """Zeros and ones, each with probability one half."""
        return torch.randint(0, 2, shape, generator=self.generator).double()

    def order(self, n: int) -> list[int]:
        """The players 0..n-1 in a random order."""
        return torch.randperm(n, generator=self.generator).tolist()

    def choice(self, items: list | tuple) -> object:
        return items[self.integer(0, len(items) - 1)]

    def table(self, n: int, *outputs: int) -> torch.Tensor:
        """The 2**n coalition values of a random game with interactions of every order: `(2**n, *outputs)`.

        Row k is the coalition whose player i is present when bit i of k is set, as in `course_lib.games.corners`.
        """
        return self.normal(2**n, *outputs)

    def game(self, n: int, *outputs: int, players: object = None) -> object:
        """A random hard game on `table(n, *outputs)`."""
        from course_lib.games import table_game

        return table_game(self.table(n, *outputs), players)


def permutation_matrices(rows: list[tuple[int, ...]], basis: torch.Tensor) -> torch.Tensor:
    """The permutations that take item i to place p[i], as matrices `(m, n, n)` in another basis `(n, n)`."""
    n = len(rows[0])
    matrices = torch.zeros(len(rows), n, n, dtype=torch.float64)
    for k, p in enumerate(rows):
        matrices[k, list(p), range(n)] = 1.0
    return torch.linalg.solve(basis, matrices @ basis)
