"""Three group layers beside a plain network with as many filters, and beside escnn where it is installed; a layer's basis."""

import importlib.util
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.clock import Row, milliseconds
from course_lib.equivariance.group_convolution import GroupLayer, LiftingLayer
from course_lib.equivariance.weight_sharing import equivariant_basis
from course_lib.groups import (
    CyclicGroup,
    DihedralGroup,
    SymmetricGroup,
    equivariance_error,
    equivariant_dimension,
    image_action,
    permutation_action,
    tensor_action,
    trivial_action,
)

FIELDS, SIDE, BATCH = 8, 28, 32
SECOND = 1000.0  # ms


def rows() -> Iterator[Row]:
    """Every comparison, one after the other."""
    for group in (CyclicGroup(4), DihedralGroup(4)):
        yield from layers(group)
    yield basis()


def ours(group: CyclicGroup) -> nn.Sequential:
    """Lifting and two group layers, 3 x 3, with a border."""
    more = [GroupLayer(group, FIELDS, FIELDS, 3, padding=1, seed=seed) for seed in (1, 2)]
    return nn.Sequential(LiftingLayer(group, 1, FIELDS, 3, padding=1), *more)


def plain(group: CyclicGroup) -> nn.Sequential:
    """Three convolutions with as many filters as the group layers expand to."""
    width = FIELDS * group.order
    return nn.Sequential(*[nn.Conv2d(inputs, width, 3, padding=1) for inputs in (1, width, width)])


def layers(group: CyclicGroup) -> Iterator[Row]:
    """Filters built in every call, filters kept; escnn's own, which keeps them in evaluation mode."""
    mine, other = ours(group), plain(group).eval()
    x = torch.randn(BATCH, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    size, error = f"{group}, {SIDE} x {SIDE}", turned_error(group, mine, x[:2])

    def run(net: Callable) -> Callable[[], Tensor]:
        return torch.no_grad()(lambda: net(x))

    mine.train()
    built = milliseconds(run(mine), run(other))
    mine.eval()
    kept = milliseconds(run(mine), run(other))
    yield Row("group layers, filters built", "plain, equal filters", size, *built, None, 1.5, error)
    yield Row("group layers, filters kept", "plain, equal filters", size, *kept, None, 1.2, error)
    if importlib.util.find_spec("escnn"):
        yield Row("group layers, filters kept", "escnn, evaluation", size, *milliseconds(run(mine), of_escnn(group, x)), 1)


def turned_error(group: CyclicGroup, net: nn.Module, x: Tensor) -> float:
    """Largest error of the sum over the last feature map, which no element should change."""
    f = torch.no_grad()(lambda x: torch.relu(net(x)).sum((2, 3, 4)))
    moved = image_action(group, x.shape[1:])
    return equivariance_error(f, moved, trivial_action(group, (FIELDS,)), x, group.elements()).max().item()


def of_escnn(group: CyclicGroup, x: Tensor) -> Callable[[], Tensor]:
    """The same three layers there."""
    warnings.filterwarnings("ignore")
    from escnn import gspaces
    from escnn import nn as theirs
    from escnn.group import _numerical

    _numerical.randomized_svd = None
    space = gspaces.rot2dOnR2(4) if group.order == 4 else gspaces.flipRot2dOnR2(4)
    images = theirs.FieldType(space, [space.trivial_repr])
    maps = theirs.FieldType(space, FIELDS * [space.regular_repr])
    pairs = [(images, maps), (maps, maps), (maps, maps)]
    net = theirs.SequentialModule(*[theirs.R2Conv(*pair, 3, padding=1) for pair in pairs]).eval()
    wrapped = theirs.GeometricTensor(x, images)
    return torch.no_grad()(lambda: net(wrapped).tensor)


def basis() -> Row:
    """All layers from tables to tables that keep every order of four items; beside a promised fifth of a second."""
    pairs = tensor_action(permutation_action(SymmetricGroup(4), (4,)), 2)
    error = abs(len(equivariant_basis(pairs, pairs, "null space")) - equivariant_dimension(pairs, pairs))
    (time,) = milliseconds(lambda: equivariant_basis(pairs, pairs, "null space"))
    return Row("basis of S_4, tables to tables", "one second", "256 weights", time, SECOND, None, 0.2, float(error))
