"""Fit a sine network to every digit, read digits off the weights, store both: `python -m course_lib.data.make_weight_space`.

The grid has seven readers, two starts and five seeds: about ten minutes on one core. A seed fixes the starting weights of all
networks, the split into training and test digits, and the weights of the reader; networks are rounded to float16 before they
are read. The networks of the first seed are stored. Settings were chosen at seed 0, which is not in the grid.

`python -m course_lib.data.make_weight_space leaky` runs the set readers again: independent starts, five fresh seeds, hidden
units that cannot die (a slope of 0.1 where a ReLU is flat). The recipe was changed because one network of the first grid died;
nothing else was. One reader was added as a control, which averages over half turns without waves. About three minutes.
"""

import csv
import platform
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from course_lib.frontiers import sine_networks, weight_classifiers

SEEDS, FRESH = range(1, 6), range(6, 11)


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


def leaky_grid(seeds: range = FRESH) -> list[tuple]:
    """Rows (reading, seed, accuracy, accuracy on the training networks), independent starts."""
    labels, rows = sine_networks.digit_images()[1], []
    for seed in tqdm(seeds, desc="seeds"):
        found = networks("independent", seed).float()
        for name in weight_classifiers.LEAKY:
            rows.append((name, seed, *weight_classifiers.accuracies_of(name, found, labels, seed, leaky=True)))
    return rows


def write(name: str, command: str, columns: tuple[str, ...], rows: list[tuple]) -> None:
    """A table beside this file, with the command that made it in the first line."""
    with (Path(__file__).parent / name).open("w", newline="", encoding="utf8") as file:
        file.write(f"# {command}; torch {torch.__version__}, Python {platform.python_version()}\n")
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


if __name__ == "__main__":
    torch.set_num_threads(1)
    line = "python -m course_lib.data.make_weight_space"
    if sys.argv[1:] == ["leaky"]:
        write(sine_networks.LEAKY_GRID, f"{line} leaky", ("reading", "seed", "accuracy", "training"), leaky_grid())
    else:
        kept, table = grid()
        np.savez_compressed(
            Path(__file__).parent / sine_networks.WEIGHTS, **{start: found.numpy() for start, found in kept.items()}
        )
        write(sine_networks.GRID, line, ("start", "reading", "seed", "accuracy"), table)
