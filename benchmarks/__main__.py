"""Our methods beside other libraries: `python -m benchmarks`. One process, one thread, warm, CPU time, minimum of five.

`python -m benchmarks group_convolution` takes one part alone; only its libraries must be there, so it also runs in an
environment of its own, such as one with escnn, which does not go with shap. `python -m benchmarks grading` measures how many
submissions a minute are graded instead.
"""

import importlib
import importlib.metadata
import platform
import sys
import warnings

import torch

from benchmarks.clock import Row

PARTS = ("games", "data", "influence", "group_convolution")
LIBRARIES = ("torch", "shap", "shapiq", "captum", "scikit-learn", "escnn", "numpy")

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


def versions() -> str:
    """The libraries that are installed here."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def main(parts: tuple[str, ...]) -> None:
    """Print the table as it fills, then what could not be put into it."""
    if unknown := [part for part in parts if part not in PARTS]:
        sys.exit(f"parts must be among {', '.join((*PARTS, 'grading'))}, got {', '.join(unknown)}")
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    print(f"Python {platform.python_version()}, {versions()}; one thread, CPU time, minimum of five")
    print(aligned(HEAD))
    modules = [importlib.import_module(f"benchmarks.{part}") for part in parts]
    for module in modules:
        for row in module.rows():
            print(aligned(line(row)), flush=True)
    for module in modules:
        if hasattr(module, "remark"):
            print(module.remark())


if __name__ == "__main__":
    if sys.argv[1:2] == ["grading"]:
        from benchmarks import grading

        grading.main(sys.argv[2:])
    else:
        main(tuple(sys.argv[1:]) or PARTS)
