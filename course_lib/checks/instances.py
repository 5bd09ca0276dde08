"""Random instances for checks: one seeded generator, everything on the CPU in float64."""

import hashlib

import torch


class Instances:
    """Draws the instances of one property; the same words give the same instances.

    >>> Instances(0, "demo").integer(2, 5) == Instances(0, "demo").integer(2, 5)
    True
    """

    def __init__(self, *words: object) -> None:
        digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
        self.generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

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
