"""Real data that ships with scikit-learn, split once and for all.

Chapters: start/warmup and all of attribution.

Nothing is downloaded. Every loader returns a frozen `Split`; the split depends on a fixed seed, so that each chapter
speaks of the same test rows.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MISREAD = 1165  # position of the misread 8 of the case file in scikit-learn's digits; it is a test image here


@dataclass(frozen=True)
class Split:
    """Training and test rows; `rows` are the positions of the test rows in the original data set."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    rows: Tensor
    names: tuple[str, ...] = ()
    groups: Tensor | None = None
    group_names: tuple[str, ...] = ()


def digits() -> Split:
    """1,797 handwritten digits as `(n, 8, 8)` float32 images in [0, 1], 500 of them for testing (Alpaydin & Kaynak, 1998)."""
    from sklearn.datasets import load_digits  # here, since models are used without data too

    data = load_digits()
    images, labels = torch.tensor(data.images / 16.0, dtype=torch.float32), torch.tensor(data.target)
    train, test = _split(data.target, test_size=500, seed=11)
    return Split(images[train], labels[train], images[test], labels[test], test)


def misread_digit() -> Tensor:
    """The 8 of the case file, `(8, 8)`: a test image that `models.digit_net()` reads as a 3."""
    split = digits()
    return split.test_x[(split.rows == MISREAD).nonzero()[0, 0]]


def patches(size: int = 2, side: int = 8) -> Tensor:
    """Player of each pixel when an image is cut into squares of `size` pixels, row by row: `(side, side)` integers.

    >>> patches(4).unique().tolist()
    [0, 1, 2, 3]
    """
    if size < 1 or side % size:
        raise ValueError(f"size must divide side={side}, got {size}")
    cell = torch.arange(side) // size
    return cell[:, None] * (side // size) + cell[None, :]


def breast_cancer() -> Split:
    """569 tumours, 30 measurements each, standardised by the training rows; label 1 means malignant (Wolberg et al., 1995).

    Ten quantities (radius, texture, ...) are given as mean, standard error and worst value over the cell nuclei:
    `groups` `(30,)` numbers the quantity of each column and `group_names` names the ten.
    """
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    x, y = torch.tensor(data.data), torch.tensor(1 - data.target)
    train, test = _split(data.target, test_size=171, seed=0)
    mean, sd = x[train].mean(0), x[train].std(0)
    x = (x - mean) / sd
    names = tuple(str(name) for name in data.feature_names)
    quantities = tuple(name.removeprefix("mean ") for name in names[:10])
    return Split(x[train], y[train], x[test], y[test], test, names, torch.arange(30) % 10, quantities)


def _split(labels, test_size: int, seed: int) -> tuple[Tensor, Tensor]:
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(range(len(labels)), test_size=test_size, random_state=seed, stratify=labels)
    return torch.tensor(train), torch.tensor(test)
