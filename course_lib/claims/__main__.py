"""Run a claim of the ledger again, from a clone: `python -m course_lib.claims PART/TOPIC/CLAIM --shift 1 2 3`.

Without a claim: the list of all, in the order of the book's folders; with PART/TOPIC alone, those of one chapter.
"""

import argparse
import subprocess
import sys

import torch

from course_lib.claims import again
from course_lib.claims.core import VERDICTS


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m course_lib.claims", description=__doc__.split("\n\n")[0])
    parser.add_argument("claim", nargs="?", default="", help="PART/TOPIC/CLAIM, or a part of it for a list")
    moves = "by how many steps all seeds move; 0 is the book's run (default: 0 1)"
    parser.add_argument("--shift", type=int, nargs="+", default=[0, 1], help=moves)
    options = parser.parse_args(argv)
    try:
        if options.claim.count("/") < 2:
            return listed(options.claim)
        if len(options.shift) == 1:
            return once(options.claim, options.shift[0])
        return next((code for shift in options.shift if (code := each(options.claim, shift))), 0)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2


def listed(start: str) -> int:
    """Print every claim whose id begins with `start`."""
    folder = again.ROOT / "chapters"
    topics = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.glob("*/*.ipynb"))
    chosen = [topic for topic in topics if topic.startswith(start)]
    if not chosen:
        raise ValueError(f"no chapter begins with {start!r}; chapters: {', '.join(topics) or 'none: run this in a clone'}")
    for topic in chosen:
        for function in dict.fromkeys(call.function for call in again.chapter_calls(topic)):
            print(f"{topic}/{function}")
    return 0


def once(claim: str, shift: int) -> int:
    """Run one claim with seeds moved by one shift, and print what came out."""
    torch.set_num_threads(1)
    with again.other_seeds(shift) as draws:
        records = again.run(claim)
    for record in records:
        verdict = f"{VERDICTS[record.verdict]} {record.verdict}"
        print(f"{record.id}\n  {record.threshold}")
        print(f"  seeds + {shift}: {record.estimate:.3g} [{record.low:.3g}, {record.high:.3g}] {record.unit}: {verdict}")
    if not draws.seeded:
        print("  No seed was set: this comes from fixed data or from stored runs, and is the same for every shift.")
    return 0


def each(claim: str, shift: int) -> int:
    """One shift in a process of its own, because of what the library remembers within one."""
    command = [sys.executable, "-m", "course_lib.claims", claim, "--shift", str(shift)]
    return subprocess.run(command, cwd=again.ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
