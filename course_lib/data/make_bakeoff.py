"""Run the whole bake-off and store it: `python -m course_lib.data.make_bakeoff`.

Every construction on turned digits and on copper clusters, by training size, and four constructions on upright digits; five
seeds each. About five minutes on one quiet core. A seed fixes the draw of examples and the initial weights, for all
constructions alike. Another machine may differ by a few test digits, or a few per cent of an error in energy; times mean
something only beside those of the same run. A test makes some cells anew and compares. In the stored
table, shared weights on digits and the bag of distances come from a second run, after repairs; there, times were taken at
50 examples only, beside the plain network, and are nan elsewhere.
"""

import platform
from pathlib import Path

import torch
from tqdm import tqdm

from course_lib.equivariance import bakeoff_clusters, bakeoff_digits
from course_lib.equivariance.bakeoff import STORED, Cell, write_cells

SEEDS = range(10, 15)
UPRIGHT = ("plain", "averaged after", "augmented", "shared weights")
UPRIGHT_SIZES = (200,)
CONTROL_SIZES = (100, 200)  # of the plain network with the activation of the shared weights


def grid(show: bool = True) -> list[Cell]:
    """All cells, seed after seed."""
    jobs = []
    for seed in SEEDS:
        jobs += [("digits", size, seed, "turned") for size in bakeoff_digits.SIZES]
        jobs += [("digits", size, seed, "upright") for size in UPRIGHT_SIZES]
        jobs += [("clusters", size, seed, "turned") for size in bakeoff_clusters.SIZES]
    cells = []
    for task, size, seed, law in tqdm(jobs, desc="training", disable=not show):
        if task == "clusters":
            cells += bakeoff_clusters.run(list(bakeoff_clusters.CONSTRUCTIONS), size, seed)
        else:
            methods = UPRIGHT if law == "upright" else list(bakeoff_digits.CONSTRUCTIONS)
            methods = [*methods, *bakeoff_digits.CONTROL] if law == "turned" and size in CONTROL_SIZES else methods
            cells += bakeoff_digits.run(methods, size, seed, law)
    return cells


if __name__ == "__main__":
    torch.set_num_threads(1)
    bakeoff_digits.draw(2, 0)  # loads the data and what reads it, outside of any clock
    heading = f"python -m course_lib.data.make_bakeoff; torch {torch.__version__}, Python {platform.python_version()}"
    write_cells(Path(__file__).with_name(STORED), grid(), heading)
