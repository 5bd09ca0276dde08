"""Fit a sine network to every digit, read digits off the weights, store both: `python -m course_lib.data.make_weight_space`.

The grid has seven readers, two starts and five seeds: about ten minutes on one core. A seed fixes the starting weights of all
networks, the split into training and test digits, and the weights of the reader; networks are rounded to float16 before they
are read. The networks of the first seed are stored. Settings were chosen at seed 0, which is not in the grid.
"""

import csv
import platform
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from course_lib.frontiers import sine_networks, weight_classifiers

SEEDS = range(1, 6)


def networks(start: str, seed: int, rows: slice = slice(None)) -> Tensor:
    """Networks for these digits, `(b, 16, 4)`, float16."""
    images, _ = sine_networks.digit_images()
    guess = sine_networks.first_guess(len(images), start, seed)
    return sine_networks.fit(images[rows], guess[rows]).half()


def grid(seeds: range = SEEDS) -> tuple[dict[str, Tensor], list[tuple]]:
    """The networks of the first seed by start, and rows (start, reading, seed, accuracy)."""
    labels, stored, rows = sine_networks.digit_images()[1], {}, []
    for seed in tqdm(seeds, desc="seeds"):
        for start in sine_networks.STARTS:
            found = networks(start, seed)
            stored.setdefault(start, found)
            for name in weight_classifiers.READERS:
                rows.append((start, name, seed, weight_classifiers.accuracy_of(name, found.float(), labels, seed)))
    return stored, rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    kept, table = grid()
    folder = Path(__file__).parent
    np.savez_compressed(folder / sine_networks.WEIGHTS, **{start: found.numpy() for start, found in kept.items()})
    with (folder / sine_networks.GRID).open("w", newline="", encoding="utf8") as file:
        heading = f"torch {torch.__version__}, Python {platform.python_version()}"
        file.write(f"# python -m course_lib.data.make_weight_space; {heading}\n")
        csv.writer(file, lineterminator="\n").writerows([("start", "reading", "seed", "accuracy"), *table])
