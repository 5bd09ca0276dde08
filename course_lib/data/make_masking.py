"""Repeat masked training with all its oracles and store the results: `python -m course_lib.data.make_masking`.

Eight repeats, each with nine networks and thirty oracles; about ten minutes. The stored numbers are those that the book speaks
about; another machine may differ by a few test digits (a test makes a part of one repeat anew and compares).
"""

from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

SEEDS = range(10, 18)


def main() -> None:
    from course_lib.claims.explainable.masking import masking_repeat

    torch.set_num_threads(1)
    repeats = [masking_repeat(seed) for seed in tqdm(SEEDS, desc="repeats")]
    arrays = {name: np.stack([repeat[name].float().numpy() for repeat in repeats]) for name in repeats[0]}
    np.savez_compressed(Path(__file__).with_name("masking.npz"), **arrays)


if __name__ == "__main__":
    main()
