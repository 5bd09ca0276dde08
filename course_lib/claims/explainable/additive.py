"""Claims of chapters/explainable/additive.ipynb: do equally good additive models tell the same story?

Many neural additive models that differ in their seed alone, and one spline model, are fitted to the same training rows.
*Equally good* is the one-standard-error rule (Breiman et al., 1984): a cross-validated error at most one standard error,
over the folds, above that of the best. *The same story* has two readings: the order of the features by importance, and
the shapes of the most important ones. Seeds are compared in disjoint pairs, so that the pairs are independent draws.
The settings of the networks were chosen by cross-validated error alone, before any agreement was looked at.
"""

from functools import cache
from importlib.resources import files

import numpy as np
import torch
from scipy.stats import rankdata
from sklearn.model_selection import KFold
from torch import Tensor
from torch.nn import functional

from course_lib import datasets
from course_lib.claims.core import Record, decide, mean_interval
from course_lib.explainable.additive import AdditiveModel, importance
from course_lib.explainable.nam import fit_members
from course_lib.explainable.splines import fit_spline_gam
from course_lib.explainable.tables import diabetes

SEEDS, FOLDS, GRID = 20, 5, 41
TABLES = {"tumours": (datasets.breast_cancer, "classification"), "patients": (diabetes, "regression")}
TOP = 10  # features whose shapes are compared: the most important ones, on the mean over the two models
SAME = 0.9  # declared before the first run: from here on we call orders or shapes the same


def fit_all(table: str, rows: Tensor, seeds: int = SEEDS) -> list[AdditiveModel]:
    """One-network NAMs with seeds 0..seeds-1, then the spline model, on some training rows of a table; default settings."""
    load, kind = TABLES[table]
    split = load()
    x, y = split.train_x[rows], split.train_y[rows]
    networks = [fit_members(x, y, kind=kind, members=1, seed=j)[0] for j in range(seeds)]  # one at a time fits a small cache
    return [*networks, fit_spline_gam(x, y, kind=kind)]


def grids(table: str) -> Tensor:
    """41 even points from the smallest to the largest training value of each feature, `(41, n)`."""
    x = TABLES[table][0]().train_x
    return torch.lerp(x.amin(0), x.amax(0), torch.linspace(0, 1, GRID)[:, None].to(x))


def experiment(table: str, seeds: int = SEEDS, folds: int = FOLDS) -> dict[str, Tensor]:
    """For seeds and the spline model, in this order: errors `(folds, m)` on held-out rows (squared error or -log p),
    and of the fits on all training rows importances `(m, n)`, correlations of the contributions over the training rows
    `(n, m, m)`, and shapes on the grid `(m, 41, n)`."""
    load, kind = TABLES[table]
    x, y = load().train_x, load().train_y.double()
    errors = []
    for kept, held in KFold(folds, shuffle=True, random_state=0).split(x) if folds else ():
        outputs = torch.stack([model(x[held].double()) for model in fit_all(table, torch.tensor(kept), seeds)])
        truth = y[held].expand_as(outputs)
        loss = functional.mse_loss if kind == "regression" else functional.binary_cross_entropy_with_logits
        errors.append(loss(outputs, truth, reduction="none").mean(1))
    models = fit_all(table, torch.arange(len(x)), seeds)
    values = torch.stack([model.contributions(x.double()) for model in models])
    unit = values / values.norm(dim=1, keepdim=True)
    return {
        "errors": torch.stack(errors) if errors else torch.zeros(0, len(models)),
        "importances": torch.stack([importance(model, x.double()) for model in models]),
        "correlations": torch.einsum("ibn,jbn->nij", unit, unit),
        "shapes": torch.stack([model.contributions(grids(table).double()) for model in models]),
    }


@cache
def stored(table: str) -> dict[str, Tensor]:
    """`experiment(table)` as `python -m course_lib.data.make_additive_stories` stored it: some minutes of training."""
    if table not in TABLES:
        raise ValueError(f"table must be one of {tuple(TABLES)}, got {table!r}")
    with np.load(str(files("course_lib.data") / "additive_stories.npz"), allow_pickle=False) as file:
        names = [name for name in file.files if name.startswith(table)]
        return {name.removeprefix(f"{table}_"): torch.from_numpy(file[name]).double() for name in names}


def equally_good(errors: Tensor) -> Tensor:
    """Which of m models have a mean error at most one standard error above the least: `(folds, m) -> (m,)` booleans."""
    mean = errors.mean(0)
    best = mean.argmin()
    return mean <= mean[best] + errors[:, best].std() / len(errors) ** 0.5


def pairs(table: str, rival: str = "seed") -> list[tuple[int, int]]:
    """Pairs of equally good models: seeds two by two, each in one pair only, or (`rival="spline"`) each with the spline."""
    good = equally_good(stored(table)["errors"])
    seeds = [j for j in range(SEEDS) if good[j]]
    if rival == "spline":
        return [(j, SEEDS) for j in seeds] if good[SEEDS] else []
    return list(zip(seeds[::2], seeds[1::2], strict=False))


def rank_agreement(found: dict[str, Tensor], i: int, j: int) -> float:
    """Spearman's rank correlation of the importances of models i and j over all features."""
    ranks = torch.tensor(np.stack([rankdata(found["importances"][k]) for k in (i, j)]))
    return torch.corrcoef(ranks)[0, 1].item()


def shape_agreement(found: dict[str, Tensor], i: int, j: int) -> float:
    """Mean correlation of the contributions of models i and j over the ten features of largest mean importance."""
    top = (found["importances"][i] + found["importances"][j]).topk(TOP).indices
    return found["correlations"][top, i, j].mean().item()


READINGS = {"order": rank_agreement, "shapes": shape_agreement}
WORDS = {"order": "rank correlation of importances", "shapes": "correlation of the ten leading shapes"}


def same_story(table: str, reading: str, rival: str = "seed") -> Record:
    """Mean agreement of pairs of equally good models, against the declared 0.9."""
    chosen = pairs(table, rival)
    values = torch.tensor([READINGS[reading](stored(table), i, j) for i, j in chosen], dtype=torch.float64)
    estimate, low, high = mean_interval(values)
    rivals = "two seeds of a neural additive model" if rival == "seed" else "a neural additive model and a spline model"
    what = {"order": "rank the features alike", "shapes": "draw the same leading shapes"}[reading]
    return Record(
        id=f"explainable/additive/same_story/{table}/{reading}/{rival}",
        statement=f"Equally good, {rivals} {what} ({table}).",
        kind="measured",
        threshold=f"mean {WORDS[reading]} above {SAME}",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"mean {WORDS[reading]}",
        verdict=decide(low, high, above=SAME),
        seeds=len(chosen),
        repeats="disjoint pairs of seeds, one table" if rival == "seed" else "seeds, one spline model, one table",
    )
