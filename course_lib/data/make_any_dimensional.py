"""Train at 8 nodes, ask at four sizes, store errors and some answers: `python -m course_lib.data.make_any_dimensional`.

Three kinds of layers, two targets, five networks each; the fifteen diagrams are asked twice, with sums and with means. One to
two minutes on one core. Another machine may differ a little in single networks. A test makes one cell anew and compares.
"""

import platform
from itertools import product
from pathlib import Path

import torch
from tqdm import tqdm

from course_lib.frontiers import any_size_runs as runs
from course_lib.frontiers.any_size_graphs import TARGETS

if __name__ == "__main__":
    torch.set_num_threads(1)
    points = tqdm(list(product(runs.RECIPES, TARGETS, runs.NODES)), desc="recipes, targets and sizes")
    found = [runs.run(*point) for point in points]
    here = Path(__file__).parent
    comment = f"python -m course_lib.data.make_any_dimensional; torch {torch.__version__}, Python {platform.python_version()}"
    runs.write_rows([cell for cells, _ in found for cell in cells], here / runs.GRID, comment)
    runs.write_rows([answer for _, answers in found for answer in answers], here / runs.ANSWERS, comment)
