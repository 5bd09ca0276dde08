"""Train and merge all pairs and store what came out: `python -m course_lib.data.make_merging`, half a minute.

Ten pairs for each width and depth, each pair with three ways to align. Pair i of one width and pair i of another share seeds
and nothing else. Another machine may differ a little in single pairs. A test makes some pairs anew and compares.
"""

import platform
from pathlib import Path

import torch
from tqdm import tqdm

from course_lib.frontiers.merging_digits import DEPTHS, STORED, WIDTHS, Cell, run, write_cells


def grid() -> list[Cell]:
    """All cells, width by width."""
    settings = [(width, depth) for width in WIDTHS for depth in DEPTHS]
    return [cell for setting in tqdm(settings, desc="pairs") for cell in run(*setting)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    comment = f"python -m course_lib.data.make_merging; torch {torch.__version__}, Python {platform.python_version()}"
    write_cells(grid(), Path(__file__).parent / STORED, comment)
