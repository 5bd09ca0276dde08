"""The files that an answer can see: the course's library without checks, claims and grading, and the worker."""

import shutil
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
HIDDEN = {"checks", "claims", "grading", "demos", "__pycache__"}
CARRIERS = ("codec.py", "answers.py")
INSIDE = ("worker.py", "child.py", "cradle.py", "apart.py")
NO_CHECKS = '''"""In the sandbox there are no checks: this one does nothing, the grader's come later."""


def check(*arguments: object, **options: object) -> None:
    """Do nothing."""
'''


def stage(folder: Path) -> Path:
    """Fill `folder` with what an answer may read; everything in it is readable by anybody."""
    library = folder / "course_lib"
    shutil.copytree(
        PACKAGE, library, ignore=lambda where, names: HIDDEN & set(names) if Path(where) == PACKAGE else {"__pycache__"}
    )
    (library / "checks").mkdir()
    (library / "checks" / "__init__.py").write_text(NO_CHECKS, encoding="utf8")
    for name in CARRIERS:
        shutil.copy(PACKAGE / "checks" / name, library / "checks" / name)
    for name in INSIDE:
        shutil.copy(PACKAGE / "grading" / name, folder / name)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def staged() -> tempfile.TemporaryDirectory:
    """A temporary folder with the staged files."""
    made = tempfile.TemporaryDirectory(prefix="course-stage-")
    stage(Path(made.name))
    return made


def check_sources(topic: str) -> dict[str, str]:
    """The checks of a topic as text, to be sent into a sandbox when all that counts is decided."""
    folder = PACKAGE / "checks"
    paths = [*folder.glob("*.py"), *(folder / topic).parent.glob("*.py")]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf8") for path in paths}
