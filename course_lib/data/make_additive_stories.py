"""Fit many equally trained additive models to two tables and store what they say: `python -m course_lib.data.make_additive_stories`.

Twenty seeds and a spline model, five folds and once on all training rows; some minutes. A test fits two of the seeds
anew and compares.
"""

from pathlib import Path

import numpy as np
import torch


def main() -> None:
    from course_lib.claims.explainable.additive import TABLES, experiment

    torch.set_num_threads(1)
    arrays = {}
    for table in TABLES:
        found = experiment(table)
        arrays |= {f"{table}_{name}": tensor.numpy().astype(np.float32) for name, tensor in found.items()}
    np.savez_compressed(Path(__file__).with_name("additive_stories.npz"), **arrays)


if __name__ == "__main__":
    main()
