"""Repeat the remove-and-retrain test and store its accuracies: `python -m course_lib.data.make_removal_tests`.

Ten repeats, each with 64 small trainings; about five minutes. The stored accuracies are those that the book speaks about;
another machine may differ by a few test digits (a test makes a part of one repeat anew and compares).
"""

from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

SEEDS = range(10, 20)


def main() -> None:
    from course_lib.claims.attribution.evaluation import removal_test

    torch.set_num_threads(1)
    repeats = [removal_test(seed) for seed in tqdm(SEEDS, desc="repeats")]
    arrays = {name: np.stack([repeat[name].numpy() for repeat in repeats]) for name in repeats[0]}
    np.savez_compressed(Path(__file__).with_name("removal_tests.npz"), **arrays)


if __name__ == "__main__":
    main()
