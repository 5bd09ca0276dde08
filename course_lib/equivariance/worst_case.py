"""The error of a subset average in the worst case over all functions, from characters and representations.

Chapters: equivariance/random_subsets. On L2(G), the functions on a finite group, the average over elements S is a linear
map A_S. On functions with mean 0 the full average is 0, so the singular values of A_S there are its errors: the largest is
the worst case, the root of the mean of their squares the typical one. A representation splits them into blocks: for abelian
groups single numbers, means of characters over S, all of them from one (fast) Fourier transform of the counts.
"""

import torch
from torch import Tensor

from course_lib.equivariance.young import permutation_numbers, shapes, symmetric_fourier
from course_lib.groups import CyclicGroup, DihedralGroup, Group, SignFlipGroup, SymmetricGroup, TranslationGroup

LARGEST = 800  # groups without a transform of their own are done by singular values of |G| x |G| matrices


def walsh_hadamard(x: Tensor) -> Tensor:
    """Sums with all sign patterns: y_a = sum_b (-1)^(a . b) x_b along the last axis of `(..., 2^k)`, a . b over binary digits.

    Raises ValueError if the length is no power of two.

    >>> walsh_hadamard(torch.tensor([1.0, 2.0, 3.0, 4.0])).tolist()
    [10.0, -2.0, -4.0, 0.0]
    """
    length = x.shape[-1] if x.dim() else 0
    if length < 1 or length & (length - 1):
        raise ValueError(f"x must have a power of two along its last axis, got shape {tuple(x.shape)}")
    y, step = x, 1
    while step < length:
        pairs = y.reshape(*x.shape[:-1], -1, 2, step)
        y = torch.stack([pairs[..., 0, :] + pairs[..., 1, :], pairs[..., 0, :] - pairs[..., 1, :]], -2).reshape(x.shape)
        step *= 2
    return y


def character_means(group: Group, draws: Tensor) -> Tensor:
    """Means of all characters over each of r multisets `(r, m, ...)` of an abelian group: complex `(r, |G|)`, trivial first.

    Cyclic groups, translations of a grid and sign flips. Characters of a grid follow the order of `group.elements()`; so do
    those of sign flips, where the elements with -1 at the places of A stand for the product of the signs in A.

    >>> character_means(CyclicGroup(4), torch.tensor([[0, 2]])).real.tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """
    if isinstance(group, SignFlipGroup):
        binary = ((1 - draws) // 2 * 2 ** torch.arange(group.n - 1, -1, -1)).sum(-1)
        return torch.complex(means := walsh_hadamard(_shares(binary, group.order)), torch.zeros_like(means))
    sizes = group.sizes if isinstance(group, TranslationGroup) else (group.order,)
    if isinstance(group, DihedralGroup) or not isinstance(group, TranslationGroup | CyclicGroup):
        raise ValueError(f"group must be cyclic, translations or sign flips, got {group}")
    places = draws if len(sizes) > 1 or draws.dim() == 3 else draws[..., None]
    number = torch.zeros(draws.shape[:2], dtype=torch.long)
    for axis, size in enumerate(sizes):
        number = number * size + places[..., axis]
    shares = _shares(number, group.order).reshape(-1, *sizes)
    return torch.fft.fftn(shares, dim=tuple(range(1, 1 + len(sizes)))).flatten(1)


def singular_values(group: Group, draws: Tensor) -> Tensor:
    """Singular values of A_S on the functions of mean 0, for each of r multisets `(r, m, ...)`: `(r, |G| - 1)`.

    Abelian: sizes of the means of the nontrivial characters. S_n: singular values of the mean matrix in each irreducible
    representation, d times each. Other finite groups up to 800 elements: of the |G| x |G| matrix itself, largest first.
    Raises ValueError for elements of another group or for one that is too large.

    >>> singular_values(SymmetricGroup(2), torch.tensor([[[0, 1]], [[1, 0]]])).tolist()  # one element moves, and loses nothing
    [[1.0], [1.0]]
    """
    if draws.dim() != len(group.element_shape) + 2 or 0 in draws.shape[:2]:
        raise ValueError(f"draws must be (r, m, *{group.element_shape}) with r, m at least 1, got {tuple(draws.shape)}")
    group.checked(draws.flatten(0, 1), "draws")
    if isinstance(group, SymmetricGroup):
        return _by_irreps(group, draws)
    if isinstance(group, SignFlipGroup | TranslationGroup) or type(group) is CyclicGroup:
        return character_means(group, draws)[:, 1:].abs()
    return _by_brute_force(group, draws)


def worst_case_errors(group: Group, draws: Tensor) -> Tensor:
    """max over all f on G with mean 0 and norm 1 of |A_S f|, for each of r multisets `(r, m, ...)`: `(r,)`, in [0, 1].

    It bounds the error of averaging in every action: |A_S f - P f| <= worst case * |f - P f|, norms in L2 of an
    invariant law of inputs. 0 for the group with one element.

    >>> worst_case_errors(CyclicGroup(7), torch.tensor([[1, 2, 4], [0, 1, 2]])).numpy().round(3)
    array([0.471, 0.749])
    """
    values = singular_values(group, draws)
    return values.amax(1) if values.shape[1] else values.new_zeros(len(values))


def _shares(numbers: Tensor, order: int) -> Tensor:
    """Which share of each multiset `(r, m)` of element numbers is element 0, 1, ...: `(r, order)`."""
    ones = torch.ones(numbers.shape, dtype=torch.float64)
    return torch.zeros(len(numbers), order, dtype=torch.float64).scatter_add(1, numbers.long(), ones) / numbers.shape[1]


def _by_irreps(group: SymmetricGroup, draws: Tensor) -> Tensor:
    if group.n > 8:
        raise ValueError(f"group must be S_n with n at most 8, got {group}")
    numbers = permutation_numbers(draws.flatten(0, 1)).reshape(draws.shape[:2])
    means = symmetric_fourier(_shares(numbers, group.order), group.n)
    values = [torch.linalg.svdvals(means[shape]) for shape in shapes(group.n)[1:]]  # the first is trivial
    return torch.cat([means[(group.n,)][:, 0, :0], *(one.repeat(1, one.shape[1]) for one in values)], 1)


def _by_brute_force(group: Group, draws: Tensor) -> Tensor:
    if group.order is None or group.order > LARGEST:
        raise ValueError(f"group must have at most {LARGEST} elements, or a transform of its own, got {group}")
    elements = group.elements()
    number = {key: row for row, key in enumerate(group.keys(elements))}
    table = torch.tensor([[number[key] for key in group.keys(group.product(g[None], elements))] for g in elements])
    rows = torch.tensor([[number[key] for key in group.keys(one)] for one in draws])
    targets = table[rows]  # (r, m, |G|): where each drawn element sends each element
    matrices = torch.zeros(len(draws), group.order, group.order, dtype=torch.float64)
    columns = torch.arange(group.order).expand(targets.shape)
    which = torch.arange(len(draws))[:, None, None].expand(targets.shape)
    matrices.index_put_((which, targets, columns), torch.tensor(1 / draws.shape[1], dtype=torch.float64), accumulate=True)
    return torch.linalg.svdvals(matrices - 1 / group.order)[:, : group.order - 1]
