"""Fits of the chapter on implicit functions: `python -m course_lib.data.make_implicit`, about five minutes of one core.

Writes `implicit.npz`: four radiance fields that learnt from 2, 4, 8 and 16 views, in float16; `implicit_bandwidth.csv`: PSNR
on shown and hidden pixels of a photograph, by bandwidth of the Fourier features and seed; and `implicit_views.csv`: PSNR on
training and held-out views, by number of views and seed. Rows that are there already are not run again: delete a file to
start over. Seed 0 is what the chapter shows, and where the settings were tried; the tables have others.
"""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from course_lib.frontiers import radiance
from course_lib.frontiers.coordinates import fit_photograph, psnr
from course_lib.frontiers.rendering import positions

FOLDER = Path(__file__).parent
BANDWIDTHS, BANDWIDTH_SEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0), range(1, 9)
VIEWS, VIEW_SEEDS = (2, 4, 8, 16), range(1, 7)
STEPS, LONG = 400, 1000


def bandwidth_row(bandwidth: float, seed: int) -> tuple[float, ...]:
    """PSNR on shown and on hidden pixels."""
    fit = fit_photograph("fourier", bandwidth, seed)
    return fit.shown[240], fit.hidden[240]


def views_row(views: int, seed: int, steps: int = STEPS) -> tuple[float, ...]:
    """PSNR on training and on held-out views, and that of copying the nearest training view."""
    known, new = positions(views, seed), radiance.held_out()
    net, truth = radiance.train(views, seed, steps), radiance.pictures(new)[1]
    copied = psnr(radiance.nearest_pictures(new, known), truth)
    return *(radiance.score(net, *radiance.pictures(cameras)) for cameras in (known, new)), copied


def fill(name: str, fields: Sequence[str], run: Callable, settings: Sequence, seeds: Sequence[int]) -> None:
    """Run what the table lacks and add it row by row."""
    path = FOLDER / name
    known = set()
    if path.exists():
        with path.open(encoding="utf8", newline="") as file:
            known = {(float(row[fields[0]]), int(row["seed"])) for row in csv.DictReader(file)}
    else:
        path.write_text(",".join(fields) + "\n", encoding="utf8")
    for setting in settings:
        for seed in seeds:
            if (setting, seed) not in known:
                numbers = [f"{number:.4f}" for number in run(setting, seed)]
                with path.open("a", encoding="utf8") as file:
                    file.write(",".join([f"{setting:g}", str(seed), *numbers]) + "\n")


def save_fields(steps: int = LONG, views: Sequence[int] = radiance.STORED, path: Path = radiance.FILE) -> None:
    """Train and store radiance fields of seed 0."""
    arrays = {}
    for count in views:
        for name, value in radiance.train(count, 0, steps).state_dict().items():
            arrays[f"{count}/{name.removeprefix('linear.')}"] = value.half().numpy()
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    torch.set_num_threads(1)
    fill("implicit_bandwidth.csv", ("bandwidth", "seed", "shown", "hidden"), bandwidth_row, BANDWIDTHS, BANDWIDTH_SEEDS)
    fill("implicit_views.csv", ("views", "seed", "training", "held_out", "nearest"), views_row, VIEWS, VIEW_SEEDS)
    if not radiance.FILE.exists():
        save_fields()
