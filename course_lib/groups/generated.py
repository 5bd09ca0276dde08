"""What a few elements generate: closures, subgroups, word lengths and Cayley graphs.

Chapters: symmetries/groups and equivariance/averaging. Everything here walks outward from the identity, one generator at
a time; in a finite group inverses come by themselves, since g^-1 is a power of g.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from course_lib.groups.core import ENUMERATION_LIMIT, Group


def walk(group: Group, generators: Tensor, limit: int = ENUMERATION_LIMIT) -> tuple[Tensor, Tensor]:
    """All products of `generators` `(k, ...)`: elements `(r, ...)`, nearest first, and lengths of shortest words `(r,)`.

    Breadth-first search by multiplication from the left. Raises ValueError if there are more than `limit` of them.

    >>> from course_lib.groups import SymmetricGroup
    >>> elements, lengths = walk(SymmetricGroup(3), torch.tensor([[1, 0, 2], [1, 2, 0]]))
    >>> len(elements), lengths.tolist()
    (6, [0, 1, 1, 2, 2, 2])
    """
    generators = group.checked(generators, "generators")
    shells = [group.identity().to(generators.dtype)]
    seen = set(group.keys(shells[0]))
    while len(shells[-1]):
        products = [group._product(g[None], shells[-1]) for g in generators]
        found = torch.cat(products) if products else shells[0][:0]
        fresh = []
        for row, key in enumerate(group.keys(found)):
            if key not in seen:
                seen.add(key)
                fresh.append(row)
        if len(seen) > limit:
            raise ValueError(f"generators must give at most {limit:,} elements, got more: is the group infinite?")
        shells.append(found[fresh])
    lengths = torch.cat([torch.full((len(shell),), depth) for depth, shell in enumerate(shells)])
    return torch.cat(shells), lengths


class Subgroup(Group):
    """A finite subgroup of `parent`, from its `generators`, or from a list of `elements` that is checked to be closed.

    Raises ValueError if the listed elements are not closed under products, or if more than `limit` are generated.

    >>> from course_lib.groups import SymmetricGroup
    >>> alternating = Subgroup(SymmetricGroup(4), generators=torch.tensor([[1, 2, 0, 3], [0, 2, 3, 1]]))
    >>> alternating.order
    12
    """

    def __init__(
        self, parent: Group, generators: Tensor | None = None, *, elements: Tensor | None = None, limit: int = ENUMERATION_LIMIT
    ) -> None:
        if (generators is None) == (elements is None):
            raise ValueError("generators or elements must be given, and not both")
        self.parent, self.element_shape = parent, parent.element_shape
        self._generators = parent.checked(generators if elements is None else elements, "generators")
        listed = limit if elements is None else len(set(parent.keys(elements)))
        try:
            self._members = walk(parent, self._generators, listed)[0]
        except ValueError:
            if elements is None:
                raise
            raise ValueError("elements must be closed under products, got a list that misses some") from None
        self._known = set(parent.keys(self._members))
        self.order = len(self._members)
        self.name = f"subgroup of {parent} of order {self.order}"

    def identity(self) -> Tensor:
        return self._members[:1]

    def generators(self) -> Tensor:
        return self._generators

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        return self._members[torch.randint(self.order, (count,), generator=generator)]

    def is_element(self, g: Tensor) -> Tensor:
        inside = self.parent.is_element(g)
        return inside & torch.tensor([key in self._known for key in self.parent.keys(g)], dtype=torch.bool)

    def same(self, g: Tensor, h: Tensor) -> Tensor:
        return self.parent.same(g, h)

    def keys(self, g: Tensor) -> list[tuple]:
        return self.parent.keys(g)

    def _product(self, g: Tensor, h: Tensor) -> Tensor:
        return self.parent._product(g, h)

    def _inverse(self, g: Tensor) -> Tensor:
        return self.parent._inverse(g)

    def _elements(self) -> Tensor:
        return self._members


def cayley_graph(group: Group, generators: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Elements `(r, ...)`, their distances from the identity `(r,)`, and the arrows `(k, r)`.

    Arrow `[j, i]` is the number of generator j times element i. The elements are those that the generators reach.

    >>> from course_lib.groups import CyclicGroup
    >>> cayley_graph(CyclicGroup(4))[2].tolist()
    [[1, 2, 3, 0]]
    """
    generators = group.generators() if generators is None else generators
    elements, lengths = walk(group, generators)
    number = {key: row for row, key in enumerate(group.keys(elements))}
    targets = [[number[key] for key in group.keys(group._product(g[None], elements))] for g in generators]
    return elements, lengths, torch.tensor(targets, dtype=torch.long).reshape(len(generators), len(elements))


def permutation_group_order(generators: Tensor) -> int:
    """How many permutations the rows of `generators` `(k, n)` generate, without listing them.

    |G| = |orbit of a point| * |its stabiliser|, again and again: Schreier's lemma gives generators of the stabiliser, and
    Sims' filter keeps at most one of them for each first moved point and its image (Sims, 1970).

    >>> permutation_group_order(torch.tensor([[1, 0, *range(2, 20)], [*range(1, 20), 0]]))  # 20!
    2432902008176640000
    """
    if generators.dim() != 2 or not (generators.sort(1).values == torch.arange(generators.shape[1])).all():
        raise ValueError(f"generators must be permutations (k, n) of 0..n-1, got shape {tuple(generators.shape)}")
    order, rows = 1, _filtered(tuple(row) for row in generators.tolist())
    for point in range(generators.shape[1]):
        sent = {point: tuple(range(generators.shape[1]))}  # image of the point -> a product of generators that sends it there
        frontier = [point]
        while frontier:
            reached = frontier.pop()
            for g in rows:
                if g[reached] not in sent:
                    sent[g[reached]] = _times(g, sent[reached])
                    frontier.append(g[reached])
        order *= len(sent)
        rows = _filtered(_times(_undone(sent[g[i]]), _times(g, t)) for i, t in sent.items() for g in rows)
    return order


def _filtered(rows: Iterable[tuple]) -> list[tuple]:
    """Permutations that generate the same group, one at most for each first moved point and its image."""
    kept: dict[tuple[int, int], tuple] = {}
    for row in rows:
        while (first := next((i for i, image in enumerate(row) if i != image), None)) is not None:
            if (place := (first, row[first])) not in kept:
                kept[place] = row
                break
            row = _times(_undone(kept[place]), row)  # moves its first point later, or nothing
    return list(kept.values())


def _times(p: tuple, q: tuple) -> tuple:
    return tuple(p[i] for i in q)


def _undone(p: tuple) -> tuple:
    return tuple(sorted(range(len(p)), key=p.__getitem__))
