"""Images as functions of coordinates: Fourier features, sine networks, and a fit to some of the pixels, or interpolation.

Chapters: frontiers/implicit.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from scipy.interpolate import griddata
from torch import Tensor, nn
from torch.nn import functional as F

LEFT = 106  # first column of the square cut out of the photograph


@cache
def photograph(side: int = 48) -> Tensor:
    """The middle square of scikit-learn's `china.jpg` in colour, every pixel a mean over its area: `(side, side, 3)` in [0, 1].

    The red, green and blue of a pixel are float32. Raises ValueError unless 1 <= side <= 427, the height of the photograph.

    >>> photograph(8).shape
    torch.Size([8, 8, 3])
    """
    from sklearn.datasets import load_sample_image  # here, since models are used without data too

    if not 1 <= side <= 427:
        raise ValueError(f"side must lie between 1 and 427, got {side}")
    image = torch.tensor(load_sample_image("china.jpg"))[:, LEFT : LEFT + 427].float() / 255
    return F.adaptive_avg_pool2d(image.permute(2, 0, 1)[None], side)[0].permute(1, 2, 0).contiguous()


def pixel_centres(side: int) -> Tensor:
    """Row and column of each pixel's centre, in units of the image's side: `(side * side, 2)` in (0, 1), row by row.

    >>> pixel_centres(2).tolist()
    [[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]]
    """
    along = (torch.arange(side) + 0.5) / side
    return torch.cartesian_prod(along, along)


def frequencies(count: int, dimensions: int, bandwidth: float, generator: torch.Generator) -> Tensor:
    """Random frequencies `(count, dimensions)` in cycles per unit of length, normal with standard deviation `bandwidth`.

    Tancik et al. (2020), section 6. Raises ValueError unless bandwidth > 0.

    >>> frequencies(128, 2, 4.0, torch.Generator().manual_seed(0)).shape
    torch.Size([128, 2])
    """
    if not bandwidth > 0:
        raise ValueError(f"bandwidth must be positive, got {bandwidth}")
    return bandwidth * torch.randn(count, dimensions, generator=generator)


def fourier_features(x: Tensor, B: Tensor) -> Tensor:
    """phi(x) = [cos 2 pi B x, sin 2 pi B x]: points `(..., d)` and frequencies `(m, d)` -> `(..., 2 m)`.

    <phi(x), phi(y)> = sum_j cos 2 pi b_j . (x - y) depends on x - y only (Rahimi & Recht, 2007; Tancik et al., 2020).
    Raises ValueError if B is not a table or the last axes differ.

    >>> fourier_features(torch.tensor([0.5]), torch.tensor([[1.0]])).round().tolist()
    [-1.0, -0.0]
    """
    if B.dim() != 2 or x.dim() < 1 or x.shape[-1] != B.shape[1]:
        raise ValueError(f"B must be (m, d) for points (..., d), got {tuple(B.shape)} and points {tuple(x.shape)}")
    phase = 2 * math.pi * x @ B.T
    return torch.cat([phase.cos(), phase.sin()], dim=-1)


def shift_kernel(difference: Tensor, B: Tensor) -> Tensor:
    """The mean of cos 2 pi b_j . difference over the frequencies `(m, d)`: differences `(..., d)` -> `(...)`; 1 at 0.

    >>> shift_kernel(torch.tensor([0.25, 0.0]), torch.tensor([[2.0, 5.0]])).item()
    -1.0
    """
    return (2 * math.pi * difference @ B.T).cos().mean(-1)


def expected_kernel(distance: Tensor, bandwidth: float) -> Tensor:
    """What `shift_kernel` tends to with many normal frequencies: exp(-2 pi^2 bandwidth^2 distance^2), elementwise.

    >>> round(expected_kernel(torch.tensor(0.1), 1.0).item(), 3)
    0.821
    """
    return (-2 * math.pi**2 * bandwidth**2 * distance**2).exp()


def psnr(image: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio of values in [0, 1], in decibels: -10 log10 of the mean squared error.

    Raises ValueError for shapes that differ.

    >>> round(psnr(torch.full((4,), 0.6), torch.full((4,), 0.5)), 3)
    20.0
    """
    if image.shape != truth.shape:
        raise ValueError(f"image and truth must have one shape, got {tuple(image.shape)} and {tuple(truth.shape)}")
    return -10 * math.log10(max((image.double() - truth.double()).square().mean().item(), 1e-20))


def interpolate(places: Tensor, values: Tensor, wanted: Tensor, method: str = "cubic") -> Tensor:
    """What a triangulation of known places says elsewhere: `(n, 2)`, values `(n, k)` and wanted `(w, 2)` -> `(w, k)`.

    The baseline that has learnt nothing about pictures: `scipy.interpolate.griddata`, "nearest", "linear" or "cubic"; outside
    the convex hull of the known places the value of the nearest. Raises ValueError for another method.

    >>> corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> interpolate(corners, corners[:, :1], torch.tensor([[0.25, 0.5], [2.0, 0.9]]), "linear").tolist()
    [[0.25], [1.0]]
    """
    if method not in ("nearest", "linear", "cubic"):
        raise ValueError(f'method must be "nearest", "linear" or "cubic", got {method!r}')
    known = places.numpy(), values.numpy()
    found, near = (torch.as_tensor(griddata(*known, wanted.numpy(), how)).to(values) for how in (method, "nearest"))
    return torch.where(found.isnan(), near, found)


def shown_pixels(count: int, seed: int) -> Tensor:
    """Which pixels may be learnt from: a random half of `count`, as a mask `(count,)`.

    >>> shown_pixels(10, 0).sum().item()
    5
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order < count // 2


class Sine(nn.Module):
    """sin(w0 x), elementwise."""

    def __init__(self, w0: float) -> None:
        super().__init__()
        self.w0 = w0

    def forward(self, x: Tensor) -> Tensor:
        return (self.w0 * x).sin()


class CoordinateNet(nn.Module):
    """A small network from coordinates to numbers in (0, 1): `(..., d) -> (..., outputs)`.

    `encode` is fixed, `layers` learns. "relu" reads coordinates scaled to [-1, 1]; "fourier" reads Fourier features of
    bandwidth `setting`; "siren" has sines for activations, sin(w0 x) with w0 = `setting`, and reads coordinates (Sitzmann et
    al., 2020). Raises ValueError for another kind.

    >>> CoordinateNet("fourier", 4.0, seed=0)(pixel_centres(3)).shape
    torch.Size([9, 3])
    """

    def __init__(
        self, kind: str, setting: float = 0.0, seed: int = 0, *, dimensions: int = 2, outputs: int = 3, features: int = 128
    ) -> None:
        super().__init__()
        if kind not in ("relu", "fourier", "siren"):
            raise ValueError(f'kind must be "relu", "fourier" or "siren", got {kind!r}')
        generator = torch.Generator().manual_seed(seed)
        self.kind, inputs = kind, dimensions
        if kind == "fourier":
            self.register_buffer("B", frequencies(features, dimensions, setting, generator))
            inputs = 2 * features
        sizes = [inputs, 64, 64, outputs]
        linear = [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False)]
        for number, layer in enumerate(linear):
            _draw(layer, _reach(kind, setting, number, layer.in_features), generator)
        bend = [Sine(setting) if kind == "siren" else nn.ReLU() for _ in range(2)]
        self.layers = nn.Sequential(linear[0], bend[0], linear[1], bend[1], linear[2], nn.Sigmoid())

    def encode(self, x: Tensor) -> Tensor:
        return fourier_features(x, self.B) if self.kind == "fourier" else 2 * x - 1

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.encode(x))


def _reach(kind: str, w0: float, number: int, inputs: int) -> float:
    """Weights are drawn uniformly from [-reach, reach]; for sines as Sitzmann et al. (2020), section 3.2."""
    if kind != "siren":
        return (6 / inputs) ** 0.5 if number < 2 else inputs**-0.5
    return 1 / inputs if number == 0 else (6 / inputs) ** 0.5 / w0


def _draw(layer: nn.Linear, reach: float, generator: torch.Generator) -> None:
    with torch.no_grad():
        layer.weight.uniform_(-reach, reach, generator=generator)
        layer.bias.uniform_(-(layer.in_features**-0.5), layer.in_features**-0.5, generator=generator)


@dataclass(frozen=True)
class Fit:
    """Images `(side, side, 3)` and PSNR on shown and on hidden pixels after some numbers of steps."""

    images: dict[int, Tensor]
    shown: dict[int, float]
    hidden: dict[int, float]


@cache
def fit_photograph(
    kind: str, setting: float = 0.0, seed: int = 0, stops: tuple[int, ...] = (20, 60, 240), side: int = 48, rate: float = 5e-3
) -> Fit:
    """Adam on the mean squared error of a random half of the photograph's pixels, all at every step; looks up at `stops`.

    `seed` draws features, weights and which half is shown.

    >>> sorted(fit_photograph("relu", stops=(1, 2), side=8).images)
    [1, 2]
    """
    net, truth = CoordinateNet(kind, setting, seed), photograph(side).flatten(0, 1)
    shown, coded = shown_pixels(side * side, seed), net.encode(pixel_centres(side))
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    found = Fit({}, {}, {})
    for step in range(1, max(stops) + 1):
        optimiser.zero_grad()
        F.mse_loss(net.layers(coded[shown]), truth[shown]).backward()
        optimiser.step()
        if step in stops:
            image = net.layers(coded).detach()
            found.images[step] = image.reshape(side, side, 3)
            found.shown[step], found.hidden[step] = (psnr(image[part], truth[part]) for part in (shown, ~shown))
    return found


def interpolated_photograph(seed: int = 0, method: str = "cubic", side: int = 48) -> float:
    """PSNR on the hidden pixels if the pixels shown by that seed are interpolated: what any network has to beat.

    >>> interpolated_photograph(0, "linear", side=8) > interpolated_photograph(0, "nearest", side=8)
    True
    """
    places, truth, shown = pixel_centres(side), photograph(side).flatten(0, 1), shown_pixels(side * side, seed)
    return psnr(interpolate(places[shown], truth[shown], places[~shown], method), truth[~shown])
