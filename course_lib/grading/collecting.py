"""Submissions as they come: a folder, files, or a zip as learning platforms make it; and whose they are."""

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from course_lib.grading.finding import MAXIMUM_BYTES, Unreadable, read

ENDINGS = (".ipynb", ".py")
FOLDER_OF = re.compile(r"(?P<student>.+?)_\d+_assignsubmission")  # Moodle's folders
NAME_OF = re.compile(r"(?P<student>[^_]+)(?:_LATE)?_\d+_\d+_")  # Canvas' file names


@dataclass(frozen=True)
class Submission:
    """One file that was handed in. `load` gives its bytes, or raises `Unreadable`."""

    file: str
    student: str
    when: float
    load: Callable[[], bytes] = field(repr=False)

    @property
    def digest(self) -> str:
        """Tells whether the file has changed since an earlier run."""
        try:
            return hashlib.sha256(self.load()).hexdigest()[:16]
        except Unreadable as error:
            return hashlib.sha256(str(error).encode()).hexdigest()[:16]


def collect(paths: Iterable[Path], pattern: str = "") -> list[Submission]:
    """All submissions under the given folders, files and zips, sorted by file.

    The student is what `pattern` finds in the file's path (its first group, or the group `student`); without one, what
    Moodle or Canvas wrote there, else the first folder, else the name of the file. An unknown path raises `ValueError`.
    """
    found: list[Submission] = []
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise ValueError(f"there is no {path}")
        if path.suffix.lower() == ".zip" and path.is_file():
            found += _in_zip(path, pattern)
        elif path.is_dir() and path.suffix.lower() not in ENDINGS:
            found += [_on_disk(file, file.relative_to(path), pattern) for file in _walk(path)]
        else:
            found.append(_on_disk(path, Path(path.name), pattern))
    taken: dict[str, int] = {}
    return sorted((_distinct(one, taken) for one in found), key=lambda one: one.file)


def latest(submissions: list[Submission]) -> tuple[list[Submission], list[Submission]]:
    """The last submission of each student by its time, and those that it replaces."""
    last: dict[str, Submission] = {}
    for one in submissions:
        if one.student not in last or (one.when, one.file) > (last[one.student].when, last[one.student].file):
            last[one.student] = one
    return list(last.values()), [one for one in submissions if last[one.student] is not one]


def student_of(path: PurePosixPath, pattern: str = "") -> str:
    """Whose file this is, from its path below what was given on the command line."""
    if pattern:
        found = re.search(pattern, path.as_posix())
        if found:
            return found.groupdict().get("student") or (found.group(1) if found.groups() else found.group())
    for part in path.parts[:-1]:
        if moodle := FOLDER_OF.match(part):
            return moodle["student"]
    if canvas := NAME_OF.match(path.name):
        return canvas["student"]
    return path.parts[0] if len(path.parts) > 1 else path.stem


def _walk(folder: Path) -> list[Path]:
    """Files with a notebook's name below a folder, hidden places left out. Links are listed but never followed."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__")):
            continue
        if path.suffix.lower() in ENDINGS:
            found.append(path)
        elif path.is_dir() and not path.is_symlink():
            found += _walk(path)
    return found


def _on_disk(path: Path, shown: Path, pattern: str) -> Submission:
    name = PurePosixPath(shown.as_posix())
    return Submission(_clean(name.as_posix()), _clean(student_of(name, pattern)), path.lstat().st_mtime, lambda: read(path))


def _in_zip(path: Path, pattern: str) -> list[Submission]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f"{path} is no zip file that can be read: {error}") from None
    found = []
    for info in members:
        name = PurePosixPath(info.filename.replace("\\", "/"))
        hidden = any(part.startswith((".", "__")) for part in name.parts if part != "..")
        if name.suffix.lower() in ENDINGS and not hidden:
            try:
                when = datetime(*info.date_time).timestamp()
            except (ValueError, OverflowError):
                when = 0.0
            load = _member(path, info.filename)
            found.append(Submission(_clean(name.as_posix()), _clean(student_of(name, pattern)), when, load))
    return found


def _member(path: Path, name: str) -> Callable[[], bytes]:
    """A file of a zip, read into memory and never written under its own name; more than the limit is refused."""

    def load() -> bytes:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(name) as file:
                data = file.read(MAXIMUM_BYTES + 1)
        except Exception as error:  # damaged, encrypted, an unknown method
            raise Unreadable(f"the file could not be taken out of the zip ({type(error).__name__})") from None
        if len(data) > MAXIMUM_BYTES:
            raise Unreadable(f"the file has more than {MAXIMUM_BYTES // 2**20} MB: clear its outputs")
        return data

    return load


def _clean(text: str) -> str:
    """Printable text: names of files may hold anything."""
    return "".join(sign if sign.isprintable() else "?" for sign in text.encode("utf8", "replace").decode("utf8"))[:200]


def _distinct(one: Submission, taken: dict[str, int]) -> Submission:
    """Two files of one name, from two folders on the command line, get names of their own."""
    taken[one.file] = taken.get(one.file, 0) + 1
    if taken[one.file] == 1:
        return one
    return Submission(f"{one.file} ({taken[one.file]})", one.student, one.when, one.load)
