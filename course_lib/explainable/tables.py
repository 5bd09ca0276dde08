"""Tables for additive models, in units that can be read. Chapter: explainable/additive.

An additive model can be read only as far as its features can, so the diabetes patients keep their years and mmHg here.
"""

import torch
from sklearn import datasets as bundled
from sklearn.model_selection import train_test_split
from torch import Tensor

from course_lib.datasets import Split

PATIENT = ("age (years)", "sex (1 or 2)", "body mass index", "blood pressure (mmHg)", "total cholesterol", "LDL", "HDL",
           "cholesterol / HDL", "log triglycerides", "blood sugar")  # fmt: skip


def diabetes() -> Split:
    """442 patients, ten measurements in their own units; y is the progress of the disease in a year (Efron et al., 2004).

    142 rows are for testing. Sex is coded 1 and 2, and the source does not say which is which.
    """
    data = bundled.load_diabetes(scaled=False)
    x, y = torch.tensor(data.data), torch.tensor(data.target)
    train, test = (torch.tensor(rows) for rows in train_test_split(range(len(y)), test_size=142, random_state=0))
    return Split(x[train], y[train], x[test], y[test], test, PATIENT)


def twins(correlation: float, rows: int = 300, noise: float = 1.0, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two standard normal features of that correlation, `(rows, 2)`, and y = sin(2 x_1) + x_2 / 2 + noise, `(rows,)`.

    The truth is additive, so every difficulty in finding it is one of the data. Raises ValueError unless the correlation
    lies in [-1, 1].

    >>> x, y = twins(1.0)
    >>> torch.equal(x[:, 0], x[:, 1])
    True
    """
    if not -1 <= correlation <= 1:
        raise ValueError(f"correlation must lie in [-1, 1], got {correlation!r}")
    a, b, c = torch.randn(3, rows, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = torch.stack([a, correlation * a + (1 - correlation**2) ** 0.5 * b], 1)
    return x, truth(x).sum(1) + noise * c


def truth(x: Tensor) -> Tensor:
    """The shapes behind `twins`, sin(2 x_1) and x_2 / 2: `(b, 2) -> (b, 2)`."""
    return torch.stack([(2 * x[:, 0]).sin(), x[:, 1] / 2], 1)
