"""Small networks that draw digits, as data: their tokens, their symmetries, and how they are fitted.

Chapters: frontiers/weight_space. A network with h neurons draws f(x) = sum_k v_k sin(w_k . x + b_k) on the square [-1, 1]^2.
Its **tokens** `(h, 4)` are its neurons, one (w_1, w_2, b, v) in each row; networks come in batches `(b, h, 4)`. Three moves
leave f alone: neurons change places; a neuron changes all its signs, since sin is odd; a phase moves by half a turn while v
changes its sign. If no v_k and no w_k is 0 and no two w_k agree up to sign there is no other, for f on the whole plane: waves
of different frequency are linearly independent.
"""

import csv
import math
from collections.abc import Iterable, Iterator
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

STARTS = ("independent", "shared")
HIDDEN, STEPS, RATE, FREQUENCY = 16, 200, 2e-2, 2.5
WEIGHTS, GRID, LEAKY_GRID = "weight_space.npz", "weight_space.csv", "weight_space_leaky.csv"


def digit_images() -> tuple[Tensor, Tensor]:
    """All of scikit-learn's digits, `(1797, 64)` in [0, 1] row by row, and their labels `(1797,)`."""
    from sklearn.datasets import load_digits  # here, since networks are used without data too

    data = load_digits()
    return torch.tensor(data.images / 16.0, dtype=torch.float32).flatten(1), torch.tensor(data.target)


def places(side: int = 8) -> Tensor:
    """Coordinates of the pixels of a square picture, row by row, both from -1 to 1: `(side^2, 2)`.

    >>> places(2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    line = torch.linspace(-1, 1, side)
    return torch.cartesian_prod(line, line)


def drawn(tokens: Tensor, at: Tensor) -> Tensor:
    """f at every place, `(b, h, d + 2)`, `(m, d)` -> `(b, m)`.

    >>> drawn(torch.tensor([[[1.0, 0.0, 0.0, 2.0]]]), torch.tensor([[0.0, 5.0], [math.pi / 2, 5.0]])).tolist()
    [[0.0, 2.0]]
    """
    checked(tokens)
    return (tokens[..., -1:] * torch.sin(tokens[..., :-2] @ at.to(tokens).T + tokens[..., -2:-1])).sum(1)


def checked(tokens: Tensor) -> Tensor:
    """`tokens` itself if it is a batch of networks; else ValueError."""
    if not isinstance(tokens, Tensor) or tokens.dim() != 3 or tokens.shape[2] < 3 or not tokens.is_floating_point():
        got = f"{tuple(tokens.shape)} of {tokens.dtype}" if isinstance(tokens, Tensor) else type(tokens).__name__
        raise ValueError(f"tokens must be floating-point networks (b, h, d + 2), got {got}")
    return tokens


# ---------------------------------------------------------------------------------------------- vectors and symmetries


def flat_weights(tokens: Tensor) -> Tensor:
    """All weights in the order of PyTorch's `state_dict`: the h rows of w, then all b, then all v; `(b, h (d + 2))`.

    >>> flat_weights(torch.tensor([[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]])).tolist()
    [[1.0, 2.0, 5.0, 6.0, 3.0, 7.0, 4.0, 8.0]]
    """
    checked(tokens)
    return torch.cat([tokens[..., :-2].flatten(1), tokens[..., -2], tokens[..., -1]], 1)


def neuron_tokens(weights: Tensor, inputs: int = 2) -> Tensor:
    """The inverse of `flat_weights`: `(b, h (inputs + 2))` -> `(b, h, inputs + 2)`. ValueError for another length.

    >>> neuron_tokens(torch.tensor([[1.0, 2.0, 5.0, 6.0, 3.0, 7.0, 4.0, 8.0]])).tolist()
    [[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]]
    """
    if weights.dim() != 2 or weights.shape[1] % (inputs + 2):
        raise ValueError(f"weights must have shape (b, h * {inputs + 2}), got {tuple(weights.shape)}")
    hidden = weights.shape[1] // (inputs + 2)
    w, b, v = weights.split([hidden * inputs, hidden, hidden], 1)
    return torch.cat([w.unflatten(1, (hidden, inputs)), b[..., None], v[..., None]], 2)


def moved(tokens: Tensor, order: Tensor, signs: Tensor, half_turns: Tensor) -> Tensor:
    """The same functions with other weights: row k is neuron order[k], its signs flipped, then its phase turned.

    `order` `(b, h)` holds permutations, `signs` `(b, h)` +1 or -1, `half_turns` `(b, h)` whole numbers.

    >>> net = torch.tensor([[[1.0, 2.0, 0.5, 3.0]]])
    >>> moved(net, torch.tensor([[0]]), torch.tensor([[-1]]), torch.tensor([[0]])).tolist()
    [[[-1.0, -2.0, -0.5, -3.0]]]
    """
    checked(tokens)
    for name, part in {"order": order, "signs": signs, "half_turns": half_turns}.items():
        if part.shape != tokens.shape[:2]:
            raise ValueError(f"{name} must have shape {tuple(tokens.shape[:2])}, got {tuple(part.shape)}")
    found = tokens.gather(1, order[..., None].expand_as(tokens)) * signs[..., None].to(tokens)
    phase = found[..., -2:-1] + math.pi * half_turns[..., None].to(tokens)
    return torch.cat([found[..., :-2], phase, found[..., -1:] * (1 - 2 * (half_turns % 2))[..., None].to(tokens)], 2)


def random_move(tokens: Tensor, generator: torch.Generator, half_turns: bool = True) -> Tensor:
    """Every network moved on its own: a random order, random signs, and phases shifted by 0 or half a turn (if wanted)."""
    shape = checked(tokens).shape[:2]
    order = torch.rand(shape, generator=generator).argsort(1)
    signs = 2 * torch.randint(0, 2, shape, generator=generator) - 1
    turns = torch.randint(0, 2, shape, generator=generator) * int(half_turns)
    return moved(tokens, order, signs, turns)


def waves(tokens: Tensor) -> Tensor:
    """(w, v cos b, v sin b) for every neuron: the two parts of v sin(w . x + b) = p sin(w . x) + q cos(w . x).

    No half turn changes them, and no whole one; changing all signs of a neuron makes (-w, -p, q). `(b, h, d + 2)` twice.

    >>> waves(torch.tensor([[[1.0, 2.0, 0.0, 3.0]]])).tolist()
    [[[1.0, 2.0, 3.0, 0.0]]]
    """
    b, v = checked(tokens)[..., -2:-1], tokens[..., -1:]
    return torch.cat([tokens[..., :-2], v * b.cos(), v * b.sin()], 2)


# ------------------------------------------------------------------------------------------------- fitting and storing


def first_guess(count: int, start: str, seed: int, hidden: int = HIDDEN) -> Tensor:
    """Tokens to start from: `count` different networks, or `count` copies of one; phases from the whole circle.

    w ~ N(0, 2.5^2), b uniform on [-pi, pi], v ~ N(0, 1/h). Raises ValueError for another start.
    """
    if start not in STARTS:
        raise ValueError(f"start must be one of {STARTS}, got {start!r}")
    generator, n = torch.Generator().manual_seed(seed), 1 if start == "shared" else count
    w = FREQUENCY * torch.randn(n, hidden, 2, generator=generator)
    b = math.pi * (2 * torch.rand(n, hidden, 1, generator=generator) - 1)
    v = torch.randn(n, hidden, 1, generator=generator) / hidden**0.5
    return torch.cat([w, b, v], 2).repeat(count // n, 1, 1)


def fit(images: Tensor, tokens: Tensor, steps: int = STEPS, rate: float = RATE) -> Tensor:
    """Every network fitted to its own picture, all at once, by Adam on the squared error: `(b, m)`, `(b, h, 4)` -> `(b, h, 4)`.

    The networks do not see each other: the gradient of a sum of losses is that of each loss, and Adam works number by number.
    """
    at = places(math.isqrt(images.shape[1]))
    tokens = checked(tokens).detach().clone().requires_grad_()
    optimiser = torch.optim.Adam([tokens], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        with torch.enable_grad():
            (drawn(tokens, at) - images).square().mean(1).sum().backward()
        optimiser.step()
        schedule.step()
    return tokens.detach()


def psnr(pictures: Tensor, images: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels, -10 log10 of the mean squared error for pictures in [0, 1]: `(b, m)` -> `(b,)`.

    >>> psnr(torch.zeros(1, 4), torch.full((1, 4), 0.1)).round().tolist()
    [20.0]
    """
    return -10 * (pictures - images).square().mean(1).log10()


def stored_networks(start: str) -> Tensor:
    """One fitted network for each digit, `(1797, 16, 4)`; `python -m course_lib.data.make_weight_space` makes them anew."""
    if start not in STARTS:
        raise ValueError(f"start must be one of {STARTS}, got {start!r}")
    with np.load(str(files("course_lib.data") / WEIGHTS), allow_pickle=False) as stored:
        return torch.from_numpy(stored[start]).float()


def stored_accuracies() -> dict[tuple[str, str], Tensor]:
    """Test accuracies of the stored grid: (start, reading) -> one for each seed, `(seeds,)`, float64."""
    return _gathered((row["start"], row["reading"], row["accuracy"]) for row in _rows(GRID))


def leaky_accuracies(part: str = "accuracy") -> dict[str, Tensor]:
    """The same of the second grid (units that cannot die, independent starts), by reading; `part`: "accuracy" or "training"."""
    found = _gathered(("independent", row["reading"], row[part]) for row in _rows(LEAKY_GRID))
    return {reading: values for (_, reading), values in found.items()}


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (files("course_lib.data") / name).read_text(encoding="utf8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


def _gathered(rows: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], Tensor]:
    found: dict[tuple[str, str], list[float]] = {}
    for start, reading, value in rows:
        found.setdefault((start, reading), []).append(float(value))
    return {key: torch.tensor(values, dtype=torch.float64) for key, values in found.items()}
