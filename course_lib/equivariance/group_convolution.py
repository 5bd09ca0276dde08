"""Convolution over shifts and quarter turns: lifting, group layers, a network. Chapters: equivariance/group_convolution.

A feature map of a group G of quarter turns and mirrorings has one image for each element: `(channels, |G|, h, h)`; the axis of
length |G| is the fibre, in the order of `group.elements()`. An element g moves a feature map in two ways at once: it turns each
image, and it moves the images along the fibre, (g . y)[h] = g . (y[g^-1 h]). A filter is a small feature map, and moves alike.
So all filters of a layer come from one base filter w: the one that fills place g of the output's fibre is g . w. What G = C_1
leaves is the ordinary convolution. Sources: Cohen & Welling (2016); Weiler & Cesa (2019), whose library escnn mirrors left to
right before it turns, where ours mirrors top to bottom (`groups.image_action`): its fibre of D_4 is ours in another order.
"""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.groups import Action, CyclicGroup, image_action
from course_lib.models import initialise


def feature_action(group: CyclicGroup, shape: tuple[int, ...]) -> Action:
    """How feature maps `(..., |G|, h, h)` move: (g . y)[h] = g . (y[g^-1 h]), turned and moved along the fibre.

    >>> fibre = torch.arange(4.0).reshape(1, 4, 1, 1)
    >>> feature_action(CyclicGroup(4), (4, 1, 1)).act(torch.tensor([1]), fibre).flatten().tolist()
    [3.0, 0.0, 1.0, 2.0]
    """
    images, shape = image_action(group, shape), tuple(shape)
    if len(shape) < 3 or shape[-3] != group.order:
        raise ValueError(f"shape must end in the fibre of {group} and a square, ({group.order}, h, h), got {shape}")
    elements = group.elements()
    number = {key: row for row, key in enumerate(group.keys(elements))}

    def move(g: Tensor, x: Tensor) -> Tensor:
        turned = images.move(g, x)
        sources = [[number[key] for key in group.keys(group._product(back[None], elements))] for back in group._inverse(g)]
        return torch.stack([y[..., source, :, :] for y, source in zip(turned, sources, strict=True)])

    return Action(group, shape, move, name="features")


@cache
def _sources(group: CyclicGroup, shape: tuple[int, ...]) -> Tensor:
    """Where the filter of each element reads the base filter, `(|G|, numbers in it)`: the elements move a list of places."""
    action = (image_action if len(shape) == 2 else feature_action)(group, shape)
    places = torch.arange(action.dimension).reshape(1, *shape)
    return action.move(group.elements(), places)[:, 0].flatten(1)


def expand(weight: Tensor, group: CyclicGroup) -> Tensor:
    """The filters of all elements from base filters: `(out, in, *shape)` -> `(out, |G|, in, *shape)`, at g the filter g . w.

    `shape` is `(k, k)` for filters that read images, `(|G|, k, k)` for those that read feature maps. ValueError for others.

    >>> expand(torch.tensor([[[[1, 2], [3, 4]]]]), CyclicGroup(4))[0, 1, 0].tolist()
    [[2, 4], [1, 3]]
    """
    sources = _sources(group, tuple(weight.shape[2:]))
    return weight.flatten(2)[:, :, sources].transpose(1, 2).unflatten(3, weight.shape[2:])


def lift(
    x: Tensor, weight: Tensor, group: CyclicGroup, bias: Tensor | None = None, padding: int = 0, stride: int = 1
) -> Tensor:
    """From images to feature maps, y[g] = x * (g . w): `(b, in, h, h)`, `(out, in, k, k)` -> `(b, out, |G|, h', h')`.

    The star slides a filter without flipping it, as networks do; `bias` `(out,)` is one number for a whole fibre. Equivariant
    if `fits(h, k, padding, stride)`: f(g . x) = g . f(x), with `image_action` on x and `feature_action` on y.

    >>> lift(torch.ones(1, 1, 8, 8), torch.ones(5, 1, 3, 3), CyclicGroup(4)).shape
    torch.Size([1, 5, 4, 6, 6])
    """
    if x.dim() != 4 or x.shape[1] != weight.shape[1]:
        raise ValueError(f"x must be images (b, {weight.shape[1]}, h, h), got {tuple(x.shape)}")
    return _slide(x, expand(weight, group), bias, padding, stride)


def group_convolve(
    x: Tensor, weight: Tensor, group: CyclicGroup, bias: Tensor | None = None, padding: int = 0, stride: int = 1
) -> Tensor:
    """Between feature maps: `(b, in, |G|, h, h)`, `(out, in, |G|, k, k)` -> `(b, out, |G|, h', h')`.

        y[g] = sum over h of x[h] * (g . w)[h],      (g . w)[h] = g . (w[g^-1 h]).

    All maps that commute with turns and (away from the border) shifts and read no further than the filter.

    >>> group_convolve(torch.ones(1, 2, 4, 8, 8), torch.ones(5, 2, 4, 3, 3), CyclicGroup(4), padding=1).shape
    torch.Size([1, 5, 4, 8, 8])
    """
    expected = (weight.shape[1], group.order)
    if x.dim() != 5 or tuple(x.shape[1:3]) != expected:
        raise ValueError(f"x must be feature maps (b, {expected[0]}, {expected[1]}, h, h), got {tuple(x.shape)}")
    return _slide(x.flatten(1, 2), expand(weight, group).flatten(2, 3), bias, padding, stride)


def _slide(x: Tensor, filters: Tensor, bias: Tensor | None, padding: int, stride: int) -> Tensor:
    """Plain convolution with filters `(out, |G|, in, k, k)`."""
    repeated = None if bias is None else bias.repeat_interleave(filters.shape[1])
    y = F.conv2d(x, filters.flatten(0, 1), repeated, stride, padding)
    return y.unflatten(1, filters.shape[:2])


def fits(size: int, kernel: int, padding: int = 0, stride: int = 1) -> bool:
    """Whether a window that moves by `stride` stops as far from one border as from the other, as turns require.

    >>> [fits(size, 3, padding=1, stride=2) for size in (8, 9)], [fits(size, 2, stride=2) for size in (8, 9)]
    ([False, True], [True, False])
    """
    return (size + 2 * padding - kernel) % stride == 0


def pool_fibre(y: Tensor, how: str = "max") -> Tensor:
    """Forget the element: "max" or "mean" over the fibre, `(b, channels, |G|, h, h)` -> `(b, channels, h, h)`.

    Feature maps become images: what is left turns with the input, and nothing else.
    """
    if how not in ("max", "mean"):
        raise ValueError(f'how must be "max" or "mean", got {how!r}')
    return y.amax(2) if how == "max" else y.mean(2)


class _Layer(nn.Module):
    """Base filters, a bias for each fibre, and in evaluation mode the expanded filters of the last call."""

    def __init__(self, group: CyclicGroup, shape: tuple[int, ...], padding: int, stride: int, seed: int) -> None:
        super().__init__()
        self.group, self.padding, self.stride = group, padding, stride
        self.weight, self.bias = nn.Parameter(torch.empty(shape)), nn.Parameter(torch.zeros(shape[0]))
        self._kept: tuple | None = None
        initialise(self, seed)

    def filters(self) -> Tensor:
        """`expand(weight, group)`; kept from call to call while in evaluation mode and no gradient is asked for.

        A changed weight is noticed, unless it was changed behind autograd's back (`weight.data`): then call `train()`.
        """
        weight = self.weight
        if self.training or (weight.requires_grad and torch.is_grad_enabled()) or not isinstance(weight, nn.Parameter):
            return expand(weight, self.group)
        if self._kept is None or self._kept[0] is not weight or self._kept[1] != weight._version:
            with torch.inference_mode(False), torch.no_grad():
                self._kept = weight, weight._version, expand(weight, self.group).contiguous()
        return self._kept[2]

    def train(self, mode: bool = True) -> "_Layer":
        self._kept = None
        return super().train(mode)

    def _apply(self, fn, recurse: bool = True) -> "_Layer":  # .to(...), .double()
        self._kept = None
        return super()._apply(fn, recurse)


class LiftingLayer(_Layer):
    """`lift` with weights of its own: `(b, inputs, h, h)` -> `(b, outputs, |G|, h', h')`.

    >>> LiftingLayer(CyclicGroup(4), 1, 5, 3, padding=1)(torch.ones(2, 1, 8, 8)).shape
    torch.Size([2, 5, 4, 8, 8])
    """

    def __init__(
        self, group: CyclicGroup, inputs: int, outputs: int, size: int, padding: int = 0, stride: int = 1, seed: int = 0
    ) -> None:
        super().__init__(group, (outputs, inputs, size, size), padding, stride, seed)

    def forward(self, x: Tensor) -> Tensor:
        return _slide(x, self.filters(), self.bias, self.padding, self.stride)


class GroupLayer(_Layer):
    """`group_convolve` with weights of its own: `(b, inputs, |G|, h, h)` -> `(b, outputs, |G|, h', h')`.

    >>> GroupLayer(CyclicGroup(4), 5, 6, 3)(torch.ones(2, 5, 4, 8, 8)).shape
    torch.Size([2, 6, 4, 6, 6])
    """

    def __init__(
        self, group: CyclicGroup, inputs: int, outputs: int, size: int, padding: int = 0, stride: int = 1, seed: int = 0
    ) -> None:
        super().__init__(group, (outputs, inputs, group.order, size, size), padding, stride, seed)

    def forward(self, x: Tensor) -> Tensor:
        return _slide(x.flatten(1, 2), self.filters().flatten(2, 3), self.bias, self.padding, self.stride)


WIDTHS = {"C_1": (16, 32, 22), "C_4": (8, 12, 16), "D_4": (6, 9, 11)}  # about 16,500 parameters each


class GroupNet(nn.Module):
    """Reads 8 x 8 digits, the same for a turned digit: images `(b, 8, 8)` -> logits `(b, 10)`.

    Lifting and a group layer (3 x 3), maximum over 2 x 2 pixels, a group layer that sees all 4 x 4 places at once, maximum
    over the fibre, logits. With C_1 it is an ordinary network; `WIDTHS` makes the three about equally large.

    >>> GroupNet(CyclicGroup(4))(torch.zeros(3, 8, 8)).shape
    torch.Size([3, 10])
    """

    def __init__(self, group: CyclicGroup, widths: tuple[int, int, int] | None = None, seed: int = 0) -> None:
        super().__init__()
        first, second, third = widths or WIDTHS[group.name]
        self.first = LiftingLayer(group, 1, first, 3, padding=1)
        self.second = GroupLayer(group, first, second, 3, padding=1)
        self.whole = GroupLayer(group, second, third, 4)
        self.logits = nn.Linear(third, 10)
        initialise(self, seed)

    def features(self, x: Tensor) -> Tensor:
        """The second layer's feature maps, `(b, second, |G|, 8, 8)`: they turn and cycle with the digit."""
        return torch.relu(self.second(torch.relu(self.first(x[:, None]))))

    def forward(self, x: Tensor) -> Tensor:
        smaller = F.max_pool2d(self.features(x).flatten(1, 2), 2).unflatten(1, self.whole.weight.shape[1:3])
        return self.logits(pool_fibre(torch.relu(self.whole(smaller))).flatten(1))
