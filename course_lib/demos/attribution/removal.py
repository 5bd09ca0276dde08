"""Demos of chapters/attribution/removal.ipynb."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_lib import datasets, plots
from course_lib.attribution.features import conditional_game, feature_game
from course_lib.demos import Demo, explore
from course_lib.games import leave_one_out

BANDWIDTHS = ("infinite", 3.0, 1.5, 1.0, 0.7, 0.5, 0.3, 0.2)


def baseline(net: nn.Module, digit: Tensor, margin: Callable) -> Demo:
    """Occlusion map of a digit for five baselines and three sizes of the removed square."""
    baselines = digit_baselines(digit)

    def scores(baseline: str, square: int) -> Tensor:
        game = feature_game(net, digit, baselines[baseline], target=margin, groups=datasets.patches(square))
        return leave_one_out(game).scores

    def draw(baseline: str, square: int):
        figure, (left, middle, right) = plots.panels(3, width=2.1)
        plots.show_image(left, digit, "the digit")
        plots.show_image(middle, baselines[baseline], "what replaces a square")
        by_pixel = scores(baseline, square)[datasets.patches(square)]
        plots.score_map(right, by_pixel, digit, "leave one out", limit=3.0)
        return figure

    def describe(baseline: str, square: int) -> str:
        values = scores(baseline, square)
        return (
            f"Removed squares of {square} x {square} pixels, replaced by: {baseline}. Scores between {values.min():.2f} and "
            f"{values.max():.2f}; their sum is {values.sum():.2f}. {int((values.abs() < 1e-6).sum())} of {len(values)} "
            "squares score exactly zero."
        )

    alt = (
        "The digit, the image that replaces removed squares, and the map of leave-one-out scores: "
        "squares speak for 8, crosses for 3."
    )
    return explore(draw, describe, alt=alt, baseline=list(baselines), square=[1, 2, 4])


def digit_baselines(digit: Tensor) -> dict[str, Tensor]:
    """Five answers to "what stands for nothing": blank paper, half ink, the mean image, the nearest 3 the nearest 8."""
    split = datasets.digits()
    nearest = {}
    for label in (3, 8):
        images = split.train_x[split.train_y == label]
        nearest[label] = images[(images - digit).square().sum((1, 2)).argmin()]
    return {
        "blank paper": torch.zeros_like(digit),
        "half ink": torch.full_like(digit, 0.5),
        "mean image": split.train_x.mean(0),
        "nearest 3": nearest[3],
        "nearest 8": nearest[8],
    }


def bandwidth(net: nn.Module, cancer: datasets.Split, patients: int = 3) -> Demo:
    """Leave-one-out scores of ten quantities as conditional removal moves from the whole background to near neighbours."""
    rows, test = cancer.train_x.float(), cancer.test_x.float()
    malignant = test[cancer.test_y == 1][:patients]

    def scores(bandwidth: float | str, patient: int) -> Tensor:
        h = float("inf") if bandwidth == "infinite" else bandwidth
        game = conditional_game(net, malignant[patient - 1], rows, bandwidth=h, groups=cancer.groups)
        return leave_one_out(game).scores

    def draw(bandwidth: float | str, patient: int):
        figure, (ax,) = plots.panels(1, width=5.6, height=3.4)
        plots.score_bars(ax, scores(bandwidth, patient), cancer.group_names, limit=1.0)
        ax.set(xlabel="leave-one-out score (change of the log-odds)", title=f"patient {patient}, bandwidth {bandwidth}")
        return figure

    def describe(bandwidth: float | str, patient: int) -> str:
        values = scores(bandwidth, patient)
        top = cancer.group_names[int(values.abs().argmax())]
        return (
            f"Patient {patient}, bandwidth {bandwidth}: the largest score is {values.abs().max():.2f}, of {top}; "
            f"all sizes together {values.abs().sum():.2f}."
        )

    alt = "Bars of the leave-one-out scores of ten tumour measurements."
    return explore(draw, describe, alt=alt, bandwidth=BANDWIDTHS, patient=list(range(1, patients + 1)))
