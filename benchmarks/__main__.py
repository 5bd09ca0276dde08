"""Our games beside other libraries: `python -m benchmarks`. One process, one thread, warm, CPU time, minimum of five.

`python -m benchmarks grading` measures how many submissions a minute are graded instead.
"""

import importlib.metadata
import platform
import sys
import warnings

import torch

from benchmarks import data, games, group_convolution, influence
from benchmarks.clock import Row

HEAD = ("what", "against", "size", "ours ms", "theirs ms", "ratio", "target", "our error", "their error")
WIDTHS = (-30, -25, -16, 9, 10, 9, 8, 10, 12)


def line(row: Row) -> tuple[str, ...]:
    """One line of the table; a ratio below its target is marked."""
    missed = " !" if row.missed else ""
    errors = ["-" if error is None else f"{error:.1e}" for error in (row.our_error, row.their_error)]
    times = (f"{row.ours:.2f}", f"{row.theirs:.2f}", f"{row.ratio:.2f}{missed}", row.target)
    return (row.what, row.against, row.size, *times, *errors)


def aligned(cells: tuple[str, ...]) -> str:
    """Words to the left, numbers to the right."""
    cells = [f"{cell:{-width}}" if width < 0 else f"{cell:>{width}}" for cell, width in zip(cells, WIDTHS, strict=True)]
    return "  ".join(cells)


def main() -> None:
    """Print the table as it fills, then what could not be put into it."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    names = ("torch", "shap", "shapiq", "captum", "scikit-learn", "numpy")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in names]
    print(f"Python {platform.python_version()}, {', '.join(versions)}; one thread, CPU time, minimum of five")
    print(aligned(HEAD))
    for part in (games, data, influence, group_convolution):
        for row in part.rows():
            print(aligned(line(row)), flush=True)
    print(games.twenty_players())
    print(data.ten_thousand())


if __name__ == "__main__":
    if sys.argv[1:2] == ["grading"]:
        from benchmarks import grading

        grading.main(sys.argv[2:])
    else:
        main()
