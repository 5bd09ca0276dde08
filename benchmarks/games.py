"""Readings and local lines of one input of a small network, beside shap, shapiq and captum."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import shap
import shapiq
import torch
from captum._utils.models.linear_model import SkLearnLinearRegression
from captum.attr import FeatureAblation, IntegratedGradients, Lime, NoiseTunnel, Saliency, ShapleyValues, ShapleyValueSampling
from torch import Tensor

from benchmarks.clock import Row, milliseconds
from course_lib.attribution.features import feature_game, occlusion
from course_lib.attribution.lime import gaussian_lime, lime, presence_kernel
from course_lib.attribution.saliency import smoothgrad
from course_lib.games import Game, corners, integrated_gradients, shapley
from course_lib.games.core import BATCH
from course_lib.models import MLP

ORDERS = 100


class Case:
    """A network n-32-32-2 in float64 with an input, a baseline and a background, and the game of its second output."""

    def __init__(self, n: int, background: int = 1) -> None:
        self.n, self.model = n, MLP([n, 32, 32, 2], "relu", seed=0).double().requires_grad_(False)
        draws = torch.randn(background + 1, n, generator=torch.Generator().manual_seed(n), dtype=torch.float64)
        self.x, self.rows = draws[0], draws[1:]
        self.game: Game = feature_game(self.model, self.x, self.rows, target=1)
        self.inputs = self.x[None].numpy()
        self.masker = shap.maskers.Independent(self.rows.numpy(), max_samples=background)

    def numpy(self, rows: np.ndarray) -> np.ndarray:
        """The second output, for libraries that speak numpy."""
        return self.model(torch.from_numpy(rows))[:, 1].numpy()

    def coalitions(self, members: np.ndarray) -> np.ndarray:
        """The game itself, for shapiq."""
        return self.game.evaluate(torch.from_numpy(np.atleast_2d(members)).double()).numpy()


def rows() -> Iterator[Row]:
    """Every comparison, one after the other."""
    for n in (10, 12, 14, 16):
        yield from exact(n)
    yield background(12, 20)
    yield exact_of_captum(7)
    yield overhead(16)
    for n in (12, 16):
        yield from sampled(n)
    for n in (10, 12, 14, 16):
        yield kernel(n)
    yield path(12)
    yield ablation(12)
    yield ablation(64)
    yield local_line(12, 1000)
    yield from blur(12, 1000)


def exact(n: int) -> Iterator[Row]:
    """All 2**n rows, each once."""
    case, counted = Case(n), []
    seen = Game(lambda gates: counted.append(len(gates)) or case.game.value(gates), n)
    truth = shapley(seen).scores
    if sum(counted) != 2**n:
        raise RuntimeError(f"{sum(counted)} rows evaluated in place of {2**n}")
    error = (shapley(case.game, "kernel", budget=2**n).scores - truth).abs().max().item()  # the other road to the truth
    size, explainer = f"n={n}, {2**n} rows", shap.ExactExplainer(case.numpy, case.masker)

    def of_shap() -> Tensor:
        return torch.from_numpy(explainer(case.inputs, silent=True).values[0])

    def of_shapiq() -> Tensor:
        values = shapiq.ExactComputer(case.coalitions, n_players=n)("SV")
        return torch.tensor([values[(player,)] for player in range(n)], dtype=torch.float64)

    for name, theirs, least in (("shap ExactExplainer", of_shap, 2), ("shapiq ExactComputer", of_shapiq, 8)):
        difference = (theirs() - truth).abs().max().item()
        times = milliseconds(lambda: shapley(case.game), theirs)
        yield Row("exact Shapley", name, size, *times, least, None, error, difference)


def background(n: int, size: int) -> Row:
    """The mean over a background, where most of the time is the model's."""
    case = Case(n, size)
    explainer = shap.ExactExplainer(case.numpy, case.masker)
    difference = np.abs(explainer(case.inputs).values[0] - shapley(case.game).scores.numpy()).max()
    times = milliseconds(lambda: shapley(case.game), lambda: explainer(case.inputs, silent=True))
    return Row("exact, background of 20", "shap ExactExplainer", f"n={n}", *times, 1, None, None, difference)


def exact_of_captum(n: int) -> Row:
    """captum evaluates the model along all n! orders."""
    case = Case(n)
    method = ShapleyValues(case.model)

    def run() -> Tensor:
        return method.attribute(case.x[None], case.rows, target=1, perturbations_per_eval=64)

    difference = (run()[0] - shapley(case.game).scores).abs().max().item()
    times = milliseconds(lambda: shapley(case.game), run, repeats=2)
    return Row("exact Shapley", "captum ShapleyValues", f"n={n}", *times, 200, None, None, difference)


def overhead(n: int) -> Row:
    """What all but the model takes, as a share of the model's own time on the same inputs in the same batches."""
    case = Case(n)
    batches = torch.lerp(case.rows, case.x, corners(n)).split(BATCH)
    total, model = milliseconds(lambda: shapley(case.game), lambda: [case.model(batch) for batch in batches])
    return Row("exact, all but the model", "the model alone", f"n={n}", total - model, model, most=0.75)


def rmse(estimate: Callable[[int], Tensor], truth: Tensor, seeds: int = 5) -> float:
    """Error of an estimate over a few seeds."""
    return torch.stack([estimate(seed).double() - truth for seed in range(seeds)]).square().mean().sqrt().item()


def sampled(n: int) -> Iterator[Row]:
    """Orders of arrival: 50 pairs of an order and its reverse; shap takes the same number of rows."""
    case, budget = Case(n), ORDERS // 2 * (2 * n + 1)
    truth = shapley(case.game).scores

    def ours(seed: int = 0) -> Tensor:
        return shapley(case.game, "permutation", budget=budget, generator=torch.Generator().manual_seed(seed)).scores

    def of_shap(seed: int = 0) -> Tensor:
        explainer = shap.PermutationExplainer(case.numpy, case.masker, seed=seed)
        return torch.from_numpy(explainer(case.inputs, max_evals=budget, silent=True).values[0])

    def of_captum(seed: int = 0) -> Tensor:
        torch.manual_seed(seed)
        method = ShapleyValueSampling(case.model)
        options = {"target": 1, "n_samples": ORDERS, "perturbations_per_eval": 64}
        return method.attribute(case.x[None], case.rows, **options)[0]

    error = rmse(ours, truth)
    for name, theirs, least in (("shap PermutationExplainer", of_shap, 2), ("captum sampling, ppe=64", of_captum, 10)):
        size = f"n={n}, {budget} rows"
        yield Row("permutations", name, size, *milliseconds(ours, theirs), least, None, error, rmse(theirs, truth))


def kernel(n: int) -> Row:
    """KernelSHAP with all coalitions."""
    case = Case(n)
    explainer, truth = shap.KernelExplainer(case.numpy, case.rows.numpy()), shapley(case.game).scores

    def ours() -> Tensor:
        return shapley(case.game, "kernel", budget=2**n).scores

    def theirs() -> Tensor:
        return torch.from_numpy(explainer.shap_values(case.inputs, nsamples=2**n, l1_reg=False, silent=True)[0])

    errors = [(run() - truth).abs().max().item() for run in (ours, theirs)]
    return Row("KernelSHAP, all coalitions", "shap KernelExplainer", f"n={n}", *milliseconds(ours, theirs), 2, None, *errors)


def path(n: int) -> Row:
    """Integrated gradients with 50 nodes; the error is that against 2,000."""
    case = Case(n)
    method, fine = IntegratedGradients(case.model), integrated_gradients(case.game, 2000).scores

    def ours() -> Tensor:
        return integrated_gradients(case.game, 50).scores

    def theirs() -> Tensor:
        return method.attribute(case.x[None], case.rows, target=1, n_steps=50)[0]

    errors = [(run() - fine).abs().max().item() for run in (ours, theirs)]
    return Row("integrated gradients, 50 steps", "captum", f"n={n}", *milliseconds(ours, theirs), 1, None, *errors)


def ablation(n: int) -> Row:
    """Occlusion of each feature in turn."""
    case = Case(n)
    method = FeatureAblation(case.model)

    def ours() -> Tensor:
        return occlusion(case.model, case.x, case.rows[0], target=1).scores

    def theirs() -> Tensor:
        return method.attribute(case.x[None], case.rows, target=1, perturbations_per_eval=64)[0]

    difference = (ours() - theirs()).abs().max().item()
    times = milliseconds(ours, theirs)
    return Row("occlusion", "captum FeatureAblation", f"n={n}", *times, 1, None, None, difference)


def local_line(n: int, masks: int, width: float = 0.5) -> Row:
    """LIME with the same kernel and number of random masks; the errors are those against the line through all masks."""
    case = Case(n)
    truth = lime(case.game, width=width, budget=2**n).scores

    def similarity(original: Tensor, perturbed: Tensor, mask: Tensor, **_) -> Tensor:
        return presence_kernel(mask.double(), width)

    method = Lime(case.model, SkLearnLinearRegression(), similarity)

    def ours(seed: int = 0) -> Tensor:
        return lime(case.game, width=width, budget=masks, generator=torch.Generator().manual_seed(seed)).scores

    def theirs(seed: int = 0) -> Tensor:
        torch.manual_seed(seed)
        options = {"target": 1, "n_samples": masks, "perturbations_per_eval": 64}
        return method.attribute(case.x[None], case.rows, **options)[0]

    errors = [rmse(run, truth) for run in (ours, theirs)]
    return Row("LIME", "captum Lime, ppe=64", f"n={n}, {masks} masks", *milliseconds(ours, theirs), 2, None, *errors)


def blur(n: int, draws: int, scale: float = 0.5) -> Iterator[Row]:
    """Slopes of the blurred model from as many draws, with gradients and without; errors against 200,000 gradients."""
    case = Case(n)
    cloud = {"scale": scale, "draws": draws, "target": 1}
    fine = smoothgrad(case.model, case.x, generator=torch.Generator().manual_seed(99), **(cloud | {"draws": 200_000})).scores
    method = NoiseTunnel(Saliency(case.model))

    def gradients(seed: int = 0) -> Tensor:
        return smoothgrad(case.model, case.x, generator=torch.Generator().manual_seed(seed), **cloud).scores

    def values(seed: int = 0) -> Tensor:
        return gaussian_lime(case.model, case.x, generator=torch.Generator().manual_seed(seed), **cloud).scores

    def theirs(seed: int = 0) -> Tensor:
        torch.manual_seed(seed)
        options = {"nt_samples": draws, "stdevs": scale, "target": 1, "abs": False}
        return method.attribute(case.x[None], **options)[0]

    for name, ours in (("SmoothGrad", gradients), ("Gaussian LIME", values)):
        errors = [rmse(run, fine) for run in (ours, theirs)]
        yield Row(name, "captum NoiseTunnel", f"n={n}, {draws} draws", *milliseconds(ours, theirs), 1, None, *errors)


TWENTY = """
import resource, sys, time, torch
from pathlib import Path
from course_lib.attribution.features import feature_game
from course_lib.games import shapley
from course_lib.models import MLP
torch.set_num_threads(1)

def peak():
    if Path("/proc/self/status").exists():  # Linux hands ru_maxrss down from the parent, so read this process's own mark
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

before = peak()
game = feature_game(MLP([20, 32, 32, 2], "relu", seed=0).double(), torch.ones(20).double(), torch.zeros(20).double(), target=1)
start = time.process_time()
result = shapley(game)
seconds = time.process_time() - start
empty, full = game.ends()
gap = (result.scores.sum() - full + empty).abs().item()
print(f"exact Shapley n=20: {result.evaluations} rows in {seconds:.2f} s of CPU (target: a few), "
      f"peak {peak():.0f} MiB (target 1536), {before:.0f} of them torch itself; efficiency gap {gap:.0e}")
"""


def remark() -> str:
    """Twenty players in a process of their own, for the memory."""
    return subprocess.run([sys.executable, "-c", TWENTY], capture_output=True, text=True, check=True).stdout.strip()
