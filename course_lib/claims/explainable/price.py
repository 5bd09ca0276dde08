"""Claims of chapters/explainable/price.ipynb. All thresholds were written down before the first run."""

import csv
from functools import cache, partial
from importlib.resources import files

import torch
from torch import Tensor

from course_lib.claims.core import Record, corrected_interval, decide, mean_interval, share_interval
from course_lib.explainable.comparison import Scores, non_inferiority, pick_inside
from course_lib.explainable.interactions import additive_ceiling, friedman
from course_lib.explainable.learners import BLACK_BOXES
from course_lib.explainable.tabular import BUNDLED, LARGER, MARGINS

TABLES = BUNDLED + LARGER
KINDS = dict.fromkeys(TABLES, "classification") | dict.fromkeys(
    ("diabetes", "California housing", "bike rentals"), "regression"
)
FAMILIES = {  # what the notes would call explainable: no term of the model sees more than ... features
    "additive models": ("linear", "spline GAM", "NAM"),
    "additive models with pairs": ("EBM",),
}
SEGMENTS = "digits, seven segments"
SEGMENT_RATIO, SEGMENT_MARGIN = 500 / 1297, 0.02  # rows of a random split; a loss of accuracy that would be acceptable
FACTS = "facts, held-out wordings"
FACT_RATIO, FACT_MARGIN = 1 / 2, 0.02  # one wording of three is held out; a loss of accuracy that would be acceptable
RATIO = 0.25  # test rows / training rows in 5-fold cross-validation
COVERAGE, SETS = 0.9, 400  # an interval that is called 95 % should cover in at least nine of ten data sets


@cache
def stored() -> dict[tuple[str, str], Scores]:
    """Task and learner -> scores of `price.csv`, which `python -m course_lib.data.make_price` writes."""
    rows: dict[tuple[str, str], list[list[float]]] = {}
    with (files("course_lib.data") / "price.csv").open(encoding="utf8", newline="") as file:
        for row in csv.reader(file):
            if row[0] != "task":
                rows.setdefault((row[0], row[1]), []).append([float(number) for number in row[3:]])
    tables = {key: torch.tensor(table, dtype=torch.float64) for key, table in rows.items()}
    return {key: Scores(table[:, 0], table[:, 1].long(), table[:, 2:]) for key, table in tables.items()}


def of(task: str, *names: str) -> Tensor:
    """Outer scores `(J,)` on a task; of several learners the one that the inner scores prefer, fold by fold."""
    try:
        return pick_inside([stored()[task, name] for name in names])
    except KeyError as missing:
        raise ValueError(f"task and learner must be in price.csv, got {missing}") from None


def gap(task: str, *names: str) -> tuple[float, float, float]:
    """Score of the learner chosen among `names` minus that of the black box chosen alike, with a 95 % interval.

    Corrected for shared training rows on the real tables, Student's on the independent draws of "friedman".
    """
    differences = of(task, *names) - of(task, *BLACK_BOXES)
    return mean_interval(differences) if task == "friedman" else corrected_interval(differences, RATIO)


def margin(task: str) -> float:
    """The loss declared acceptable: in area under the ROC curve or in R^2."""
    return MARGINS[KINDS.get(task, "regression")]


def no_loss(task: str, family: str) -> Record:
    """Non-inferiority of a family to the black boxes on one task; both are chosen and tuned inside every training part."""
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {tuple(FAMILIES)}, got {family!r}")
    estimate, low, high = gap(task, *FAMILIES[family])
    unit = "R²" if margin(task) == MARGINS["regression"] else "area under the ROC curve"
    drawn = task == "friedman"
    return Record(
        id=f"explainable/price/no_loss/{task}/{family}".replace(" ", "_").replace(",", ""),
        statement=f"On {task}, {family} lose nothing that matters against the black boxes.",
        kind="measured",
        threshold=f"{unit} lower by less than {margin(task)}",
        estimate=estimate,
        low=low,
        high=high,
        unit=f"difference in {unit}",
        verdict=non_inferiority(low, high, margin(task)),
        seeds=len(of(task, *BLACK_BOXES)),
        repeats="independent draws" if drawn else "folds, interval corrected for shared training rows",
    )


def no_loss_through_concepts() -> Record:
    """Accuracy of a joint bottleneck of seven segments minus that of the same layers with unnamed units, on random splits."""
    differences = of(SEGMENTS, "joint") - of(SEGMENTS, "black box")
    estimate, low, high = corrected_interval(differences, SEGMENT_RATIO)
    return Record(
        id="explainable/price/no_loss_through_concepts",
        statement="Reading digits through seven named concepts loses nothing that matters against unnamed units.",
        kind="measured",
        threshold=f"accuracy lower by less than {SEGMENT_MARGIN}",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of accuracies",
        verdict=non_inferiority(low, high, SEGMENT_MARGIN),
        seeds=len(differences),
        repeats="random splits, interval corrected for shared training rows",
    )


def no_loss_through_senses() -> Record:
    """Accuracy on held-out wordings of a Backpack (the paper's form) minus that of the transformer alone, trained alike."""
    differences = of(FACTS, "Backpack") - of(FACTS, "transformer")
    estimate, low, high = corrected_interval(differences, FACT_RATIO)
    return Record(
        id="explainable/price/no_loss_through_senses",
        statement="Answering through a sum of senses loses nothing that matters against the transformer alone.",
        kind="measured",
        threshold=f"accuracy on held-out wordings lower by less than {FACT_MARGIN}",
        estimate=estimate,
        low=low,
        high=high,
        unit="difference of accuracies",
        verdict=non_inferiority(low, high, FACT_MARGIN),
        seeds=len(differences),
        repeats="draws of the held-out wordings and of the first weights, interval corrected for shared facts",
    )


def spline_gam_reaches_its_ceiling() -> Record:
    """On Friedman's function: R^2 of the spline GAM against the best that any additive model can have."""
    ceiling, _ = additive_ceiling(friedman, features=5, noise=1.0)
    estimate, low, high = mean_interval(of("friedman", "spline GAM") - ceiling)
    return Record(
        id="explainable/price/spline_gam_reaches_its_ceiling",
        statement="On Friedman's function with 500 rows, a spline GAM is about as good as an additive model can be.",
        kind="measured",
        threshold=f"R² within {MARGINS['regression']} of the provable ceiling",
        estimate=estimate,
        low=low,
        high=high,
        unit="R² minus the ceiling",
        verdict=non_inferiority(low, high, MARGINS["regression"]),
        seeds=len(of("friedman", "spline GAM")),
        repeats="independent draws",
    )


# --------------------------------------------------------------------------------------------- do the intervals cover?


def fold_differences(sets: int, repeats: int, seed: int = 0, rows: int = 60, folds: int = 5) -> Tensor:
    """R^2-like differences of two linear regressions on `sets` fresh data sets, for every fold: `(sets, folds * repeats)`.

    y = 0.3 (z_1 + ... + z_4) + noise with standard normal z; the first learner uses all four features, the second only the
    first two. A fold's difference is the drop of the mean squared error on its test rows.
    """
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(sets, rows, 4, generator=generator, dtype=torch.float64)
    y = 0.3 * z.sum(2) + torch.randn(sets, rows, generator=generator, dtype=torch.float64)
    found = []
    for _ in range(repeats):
        order = torch.rand(sets, rows, generator=generator).argsort(1)
        mixed, target = z.gather(1, order[:, :, None].expand_as(z)), y.gather(1, order)
        for part in torch.arange(rows).chunk(folds):
            error = partial(_error, mixed, target, part)
            found.append(error(2) - error(4))
    return torch.stack(found, 1)


def _error(z: Tensor, y: Tensor, test: Tensor, features: int) -> Tensor:
    """Mean squared test error of least squares on the first features, `(sets,)`."""
    train = torch.ones(z.shape[1], dtype=torch.bool)
    train[test] = False
    x = z[:, :, :features]
    solution = torch.linalg.lstsq(x[:, train], y[:, train, None]).solution
    return (y[:, test] - (x[:, test] @ solution)[..., 0]).square().mean(1)


@cache
def true_difference() -> float:
    """The expectation of a fold's difference, from data sets that no claim uses; the noise of this number is negligible."""
    return fold_differences(20_000, 1, seed=1).mean().item()


def covers(corrected: bool, repeats: int, sets: int = SETS) -> int:
    """On how many of `sets` data sets the 95 % interval of cross-validation contains the true difference."""
    tables = fold_differences(sets, repeats)
    intervals = [corrected_interval(row, RATIO) if corrected else mean_interval(row) for row in tables]
    return sum(low <= true_difference() <= high for _, low, high in intervals)


def interval_covers(corrected: bool, repeats: int = 10, sets: int = SETS) -> Record:
    """Whether a 95 % interval from repeated cross-validation is one, naive or corrected."""
    which = "corrected" if corrected else "naive"
    estimate, low, high = share_interval(covers(corrected, repeats, sets), sets)
    return Record(
        id=f"explainable/price/interval_covers/{which}",
        statement=f"The {which} 95 % interval of 5-fold cross-validation, {repeats} times repeated, covers the truth.",
        kind="measured",
        threshold=f"in more than {COVERAGE} of data sets",
        estimate=estimate,
        low=low,
        high=high,
        unit="share of data sets",
        verdict=decide(low, high, above=COVERAGE),
        seeds=sets,
        repeats="simulated data sets, two linear regressions",
    )
