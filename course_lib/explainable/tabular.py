"""Tasks of the comparison: real tables, a score each, and the loss that would still be acceptable. Chapters: explainable/price.

Three tables ship with scikit-learn. Two more, larger and with known interactions, ship with the package shapiq, which is
needed to run the whole comparison again but not to read it.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn import datasets as bundled
from torch import Tensor

from course_lib.explainable.comparison import area_under_curve, r_squared

MARGINS = {"classification": 0.01, "regression": 0.02}  # declared before the first run: AUC, R^2
BUNDLED = ("breast cancer", "diabetes", "digits, odd or even")
LARGER = ("California housing", "bike rentals")
ROWS = 1000  # at most: what larger tables are cut to


@dataclass(frozen=True)
class Task:
    """Rows `(n, d)` and labels `(n,)`, float64; `kind` is "regression" (score R^2) or "classification" (area under ROC)."""

    name: str
    x: Tensor
    y: Tensor
    kind: str

    @property
    def margin(self) -> float:
        return MARGINS[self.kind]

    def score(self, y: Tensor, predictions: Tensor) -> float:
        return (r_squared if self.kind == "regression" else area_under_curve)(y, predictions)


def load(name: str) -> Task:
    """One of `BUNDLED` or `LARGER`. Raises ValueError for another name, ModuleNotFoundError where shapiq is needed and missing.

    >>> task = load("digits, odd or even")
    >>> tuple(task.x.shape), task.margin
    ((1000, 16), 0.01)
    """
    if name in LARGER:
        return _larger(name)
    if name == "breast cancer":
        data = bundled.load_breast_cancer()
        return Task(name, torch.tensor(data.data), torch.tensor(1.0 - data.target), "classification")
    if name == "diabetes":
        data = bundled.load_diabetes(scaled=False)
        return Task(name, torch.tensor(data.data), torch.tensor(data.target), "regression")
    if name == "digits, odd or even":
        data = bundled.load_digits()
        rows = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(0))[:ROWS]
        ink = torch.tensor(data.images).reshape(-1, 4, 2, 4, 2).sum((2, 4)).flatten(1)  # ink in 16 squares of 2 by 2
        return Task(name, ink[rows], torch.tensor(data.target % 2.0)[rows], "classification")
    raise ValueError(f"name must be one of {BUNDLED + LARGER}, got {name!r}")


def _larger(name: str) -> Task:
    """A fixed random `ROWS` rows of a table that shapiq carries in its wheel; words become columns of 0 and 1."""
    import pandas
    import shapiq

    file, target = {LARGER[0]: ("california_housing.csv", "MedHouseVal"), LARGER[1]: ("bike.csv", "count")}[name]
    table = pandas.read_csv(Path(shapiq.__file__).parent / "datasets" / "data" / file).dropna().sample(ROWS, random_state=0)
    columns = pandas.get_dummies(table.drop(columns=target), drop_first=True).to_numpy(dtype=float)
    return Task(name, torch.tensor(columns), torch.tensor(table[target].to_numpy(dtype=float)), "regression")
