"""Is this machine ready for the course? `python -m course_lib.preflight`, or `preflight.run()` in a notebook.

It looks at versions, computes Shapley values whose truth is known, draws the picture of a demo, moves its slider, takes the
time of a calculation, and looks for free memory. Each line says what was found and, where something is wrong, what to do. The
code at the end holds all of that in twelve letters and digits: a student sends it to the teacher, who reads it with
`--read CODE`. It holds nothing about the person. Chapters: start/warmup.
"""

import argparse
import hashlib
import importlib.metadata
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: they are taken for others when read aloud
PYTHON = (3, 11)
SLOW, LITTLE = 2.0, 2.0  # seconds, and gigabytes of free memory
PLAYERS = 16
BITS = (5, 5, 5, 5, 5, 5, 10, 10)  # the course's version (3 numbers), Python's second, torch's first two, what failed, time
NO_TIME = (1 << BITS[-1]) - 1  # tenths of a second that say: none taken


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, what was found, and what to do if that is not enough."""

    name: str
    found: str
    advice: str = ""  # empty: all is well
    value: tuple[float, ...] = ()  # numbers for the code

    @property
    def ok(self) -> bool:
        return not self.advice


def numbers(version: str, count: int) -> tuple[int, ...]:
    """The first `count` numbers of a version; missing ones are 0.

    >>> numbers("2.13.0+cpu", 2), numbers("9", 2)
    ((2, 13), (9, 0))
    """
    found = [int(part) for part in re.findall(r"\d+", version.split("+")[0])]
    return tuple((found + [0] * count)[:count])


def wanted() -> dict[str, str]:
    """Packages that the library needs, each with the lowest version that will do."""
    pairs = (re.match(r"([\w-]+)>=([\d.]+)$", line) for line in importlib.metadata.requires("course_lib") or ())
    return {pair[1]: pair[2] for pair in pairs if pair}


def python() -> Finding:
    """The interpreter's version."""
    found = ".".join(map(str, sys.version_info[:3]))
    lowest = ".".join(map(str, PYTHON))
    return Finding("Python", found, "" if sys.version_info[:2] >= PYTHON else f"install Python {lowest} or newer")


def packages() -> Finding:
    """Whether all packages are there, and new enough."""
    try:
        names = wanted()
    except importlib.metadata.PackageNotFoundError:
        return Finding("packages", "the course's library is not installed", "python -m pip install .")
    missing = []
    for name, lowest in names.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "0"
        if numbers(found, 3) < numbers(lowest, 3):
            missing.append(f"{name}>={lowest}")
    if missing:
        quoted = " ".join(f'"{name}"' for name in missing)
        return Finding("packages", f"missing or too old: {', '.join(missing)}", f"python -m pip install {quoted}")
    torch = importlib.metadata.version("torch")
    return Finding("packages", f"all {len(names)}, torch {torch}", value=numbers(torch, 2))


def library() -> Finding:
    """Shapley values of a product of two players, each 1/2."""
    from course_lib.games import Game, shapley

    scores = shapley(Game(lambda gates: gates[:, 0] * gates[:, 1], players=["a", "b"])).scores
    right = bool(((scores - 0.5).abs() < 1e-6).all())
    return Finding("library", "computes what it should" if right else f"wrong: {scores.tolist()}",
                   "" if right else "install the course's library again")  # fmt: skip


def _demo():  # noqa: ANN202 - imports the whole of matplotlib
    import matplotlib.pyplot as plt

    from course_lib.demos import explore

    def draw(slope: float):  # noqa: ANN202
        figure, axes = plt.subplots(figsize=(2, 1))
        axes.plot([0, 1], [0, slope])
        return figure

    return explore(draw, lambda slope: f"slope {slope}", alt="A line.", slope=[1, 2])


def picture() -> Finding:
    """A demo's picture, as a PNG."""
    made = _demo().frame(slope=1)
    right = made.startswith(b"\x89PNG")
    return Finding("picture", f"drawn, {len(made)} bytes", "" if right else "install matplotlib and pillow again")


def sliders() -> Finding:
    """A demo's sliders, in its live form."""
    box = _demo().widget()
    before = box.children[-1].value
    box.children[0].value = 2
    moved = box.children[-1].value != before
    return Finding("sliders", "move" if moved else "do not move", "" if moved else "install ipywidgets again")


def seconds() -> float:
    """The shortest of three exact computations of Shapley values: all coalitions of 16 players, a network of two layers."""
    import torch

    from course_lib.games import Game, shapley
    from course_lib.models import MLP

    model, times = MLP([PLAYERS, 64, 1], "tanh", seed=0).double(), []
    for _ in range(3):
        start = time.perf_counter()
        with torch.no_grad():
            shapley(Game(model, PLAYERS))
        times.append(time.perf_counter() - start)
    return min(times)


def speed() -> Finding:
    """Whether chapters will run in about the time that they state."""
    took = seconds()
    advice = f"more than {SLOW:.0f} s: close other programs, or use another machine" if took > SLOW else ""
    return Finding("speed", f"{took:.2f} s for Shapley values of {PLAYERS} players", advice, (took,))


def memory() -> Finding:
    """Memory that is free, or can be made so, where the system tells it."""
    try:
        table = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(table["MemAvailable"].split()[0]) * 1024 / 1e9
    except (OSError, KeyError, ValueError):
        return Finding("memory", f"not told by this system; chapters need up to {LITTLE:.0f} GB")
    few = free < LITTLE
    return Finding("memory", f"{free:.1f} GB free", f"close other programs: chapters need up to {LITTLE:.0f} GB" if few else "")


LOOKS: tuple[Callable[[], Finding], ...] = (python, packages, library, picture, sliders, speed, memory)


def findings() -> list[Finding]:
    """All findings; a look that stops with an error is one that failed."""
    made = []
    for look in LOOKS:
        try:
            made.append(look())
        except Exception as error:  # whatever is broken here, the report goes on
            made.append(Finding(look.__name__, f"{type(error).__name__}: {error}".splitlines()[0], "see the lines above"))
    return made


def code(found: list[Finding]) -> str:
    """The findings in twelve letters and digits, the last two of them a checksum."""
    from course_lib import __version__

    values = {one.name: one.value for one in found}
    torch = values.get("packages") or (0, 0)
    (took,) = values.get("speed") or (float("inf"),)
    failed = sum(1 << place for place, one in enumerate(found) if not one.ok)
    tenths = int(min(NO_TIME, 10 * took + 0.5))
    fields = (*numbers(__version__, 3), sys.version_info[1], *torch, failed, tenths)
    packed = 0
    for field, bits in zip(fields, BITS, strict=True):
        packed = packed << bits | min(field, (1 << bits) - 1)
    letters = "".join(LETTERS[packed >> 5 * place & 31] for place in reversed(range(10)))
    return "-".join(re.findall("....", letters + _checksum(letters)))


def _checksum(letters: str) -> str:
    first, second = hashlib.sha256(letters.encode()).digest()[:2]
    return LETTERS[first & 31] + LETTERS[second & 31]


def read(text: str) -> str:
    """What a code says, in one line; a ValueError if it is none, or was mistyped."""
    letters = re.sub(r"[\s-]", "", text.upper()).translate(str.maketrans("ILOU", "110V"))
    if len(letters) != 12 or set(letters) - set(LETTERS) or _checksum(letters[:10]) != letters[10:]:
        raise ValueError(f"code must be twelve letters and digits as printed, got {text!r}: look for a slip")
    packed, fields = 0, []
    for letter in letters[:10]:
        packed = packed << 5 | LETTERS.index(letter)
    for bits in reversed(BITS):
        fields.insert(0, packed & (1 << bits) - 1)
        packed >>= bits
    major, minor, patch, python_minor, torch_major, torch_minor, failed, tenths = fields
    names = [look.__name__ for place, look in enumerate(LOOKS) if failed >> place & 1]
    verdict = f"not ready: {', '.join(names)}" if names else "ready"
    torch = f"torch {torch_major}.{torch_minor}" if torch_major else "no torch"
    took = f"{tenths / 10:.1f} s" if tenths < NO_TIME else "no time taken"
    return f"{verdict} (course {major}.{minor}.{patch}, Python 3.{python_minor}, {torch}, {took})"


def run() -> bool:
    """Look at everything and print the report; true if this machine is ready."""
    found = findings()
    for one in found:
        print(f"{'ok ' if one.ok else 'NO '} {one.name:9} {one.found}" + ("" if one.ok else f"\n    -> {one.advice}"))
    print(f"\ncode for your teacher: {code(found)}")
    return all(one.ok for one in found)


def main(words: list[str] | None = None) -> int:
    """The command: 0 if ready (or all codes could be read), 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m course_lib.preflight", description=__doc__.splitlines()[0])
    parser.add_argument("--read", nargs="+", metavar="CODE", help="say what the codes of students mean")
    codes = parser.parse_args(words).read
    if not codes:
        return 0 if run() else 1
    good = True
    for text in codes:
        try:
            print(f"{text}: {read(text)}")
        except ValueError as error:
            good = False
            print(error, file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
