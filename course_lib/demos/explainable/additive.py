"""Demos of chapters/explainable/additive.ipynb."""

from functools import cache

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from course_lib import plots
from course_lib.claims.explainable.additive import SEEDS, grids, stored
from course_lib.demos import Demo, explore
from course_lib.explainable.additive import AdditiveModel, mean_concurvity
from course_lib.explainable.splines import fit_spline_gam
from course_lib.explainable.tables import PATIENT, diabetes, truth, twins

SHOWN = range(8)  # seeds on the slider
FEATURES = {"body mass index": 2, "blood pressure": 3, "total cholesterol": 4, "LDL": 5}
CORRELATIONS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
SAMPLES = 8  # fits in one picture of the fan


def seeds_of_a_nam() -> Demo:
    """The shape of one feature in eight neural additive models that differ in their seed alone, and in the spline model."""
    rows, values, found = diabetes().train_x, grids("patients"), stored("patients")

    def draw(seed: int, feature: str):
        k = FEATURES[feature]
        figure, (top, below) = plt.subplots(
            2, 1, figsize=(5.4, 4.2), layout="constrained", sharex=True, gridspec_kw={"height_ratios": [3, 1]}
        )
        shapes = found["shapes"][:, :, k]
        for other in SHOWN:
            top.plot(values[:, k], shapes[other], color=plots.FAINT, linewidth=0.8)
        top.plot(values[:, k], shapes[SEEDS], color=plots.INK, linestyle=plots.ABSENT, label="spline model")
        top.plot(values[:, k], shapes[seed], color=plots.KINDS["features"][0], linewidth=2.4, label=f"seed {seed}")
        top.axhline(0, color=plots.FAINT, linewidth=0.6)
        low, high = shapes[[*SHOWN, SEEDS]].min().item(), shapes[[*SHOWN, SEEDS]].max().item()
        top.set(ylabel="progress of the disease", ylim=(low - 8, high + 8))
        below.hist(rows[:, k].numpy(), bins=30, color=plots.FAINT)
        below.set(xlabel=PATIENT[k], ylabel="patients", yticks=[])
        figure.legend(loc="outside upper center", ncols=2, fontsize=9)
        return figure

    def describe(seed: int, feature: str) -> str:
        k = FEATURES[feature]
        place = int((found["importances"][seed] > found["importances"][seed, k]).sum()) + 1
        error = found["errors"][:, seed].mean().sqrt().item()
        same = found["correlations"][k, seed, SEEDS].item()
        return (
            f"Seed {seed}, {feature}: number {place} of {len(PATIENT)} in importance, correlation {same:.2f} with the shape "
            f"of the spline model; the model's cross-validated error is {error:.1f}."
        )

    alt = "One shape of a neural additive model, bold, over the shapes of seven other seeds, with a histogram of the data below."
    return explore(draw, describe, alt=alt, seed=list(SHOWN), feature=tuple(FEATURES))


@cache
def fan(correlation: float, ridge: float) -> tuple[list[AdditiveModel], Tensor]:
    """Spline models fitted to fresh samples of `twins`, and their mean concurvity on their samples."""
    models, shared = [], []
    for seed in range(SAMPLES):
        x, y = twins(correlation, seed=seed)
        models.append(fit_spline_gam(x, y, penalty=0.1, ridge=ridge))
        shared.append(mean_concurvity(models[-1], x))
    return models, torch.stack(shared)


def spreads(correlation: float, ridge: float) -> tuple[float, float, float]:
    """Over the fits, root mean square on fresh rows: standard deviation of the shapes, of the predictions, and distance of
    the mean shape from the truth."""
    x, _ = twins(correlation, rows=500, seed=1000)
    models, _ = fan(correlation, ridge)
    values = torch.stack([model.centred(x).contributions(x) for model in models])
    missed = values.mean(0) - (truth(x) - truth(x).mean(0))
    return tuple(part.square().mean().sqrt().item() for part in (values.std(0), values.sum(2).std(0), missed))


def concurvity_fans() -> Demo:
    """Two features that resemble each other more and more: the shapes fan out while the predictions stay."""

    def draw(correlation: float, ridge: float):
        models, _ = fan(correlation, ridge)
        figure, axes = plots.panels(2, width=3.2, height=3.3)
        at = torch.linspace(-2, 2, 101, dtype=torch.float64)[:, None].expand(-1, 2)
        for k, ax in enumerate(axes):
            for number, model in enumerate(models):
                label = "one sample each" if number == 0 and k == 0 else None
                ax.plot(at[:, k], model.contributions(at)[:, k], color=plots.KINDS["features"][0], linewidth=1, label=label)
            ax.plot(at[:, k], truth(at)[:, k], color=plots.INK, linestyle=plots.ABSENT, label=None if k else "truth")
            seen = twins(correlation)[0][:, k].histc(24, -2, 2)
            ax.bar(torch.linspace(-2, 2, 25)[:-1], seen / seen.max() * 0.5, 1 / 6, -3, align="edge", color=plots.FAINT)
            ax.set(ylim=(-3, 3), xlabel=f"feature {k + 1}", title=("sin(2x)", "x / 2")[k])
        figure.legend(loc="outside lower center", ncols=2, fontsize=9)
        return figure

    def describe(correlation: float, ridge: float) -> str:
        shapes, outputs, missed = spreads(correlation, ridge)
        shared = fan(correlation, ridge)[1].mean().item()
        return (
            f"Correlation {correlation}, ridge {ridge}: concurvity {shared:.2f}; over samples a shape moves by {shapes:.2f}, "
            f"the prediction by {outputs:.2f}; the mean shape misses the truth by {missed:.2f}."
        )

    alt = "Two panels with the shapes of two features in eight fits, and the true shapes dashed; the fits fan out with correlation."
    return explore(draw, describe, alt=alt, correlation=CORRELATIONS, ridge=(0.01, 1.0, 30.0))
