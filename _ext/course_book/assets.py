"""What the site needs besides its pages: maths without a network, the wheel of the library, the front page's picture."""

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from .keys import Library
from .pages import write_if_changed

# tex-chtml.js holds the common TeX commands and fetches the rarer ones from extensions/ when a page uses them.
MATHJAX_PARTS = ("tex-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2")
WHEEL_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "course_lib")
STAND_IN = '<p class="course-demo-missing">The moving picture of this page is not part of this build.</p>\n'


def copy_mathjax(outdir: Path) -> None:
    """Copy the parts of MathJax that a page can ask for (the package holds 24 MB, most of it for other set-ups)."""
    source = Path(sysconfig.get_path("purelib")) / "sphinx-mathjax-offline" / "static" / "mathjax"
    target = outdir / "_static" / "mathjax"
    if target.exists():
        return
    for part in MATHJAX_PARTS:
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, ignore=shutil.ignore_patterns("all-packages.js"))
        else:
            shutil.copy(source / part, target / part)


def build_wheel(root: Path, target: Path) -> Path:
    """Build the wheel of the library into `target`, from a copy (so that no file of an earlier build gets in)."""
    with tempfile.TemporaryDirectory() as folder:
        for name in WHEEL_SOURCES:
            if (root / name).is_dir():
                shutil.copytree(root / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
            elif (root / name).exists():
                shutil.copy(root / name, Path(folder, name))
        pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
        result = subprocess.run([*pip, "-q", "-w", str(target), folder], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"the wheel of the library could not be built:\n{result.stderr}")
    return next(target.glob("*.whl"))


def put_wheel(root: Path, outdir: Path) -> None:
    """Put the wheel of the library at wheels/ in the site, if its files have changed."""
    library = Library(root)
    everything = [f"import {name}" for name in library.modules] + [repr(name) for name in library.data]
    key = library.key(everything, *((root / name).read_text("utf8") for name in WHEEL_SOURCES[:1]))
    folder, stamp = outdir / "wheels", outdir.parent / ".wheel"
    if stamp.exists() and stamp.read_text() == key and any(folder.glob("*.whl")):
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    build_wheel(root, folder)
    stamp.write_text(key)


def write_front_demo(root: Path, library: Library, name: str) -> None:
    """Write _generated/front.html: the demo that the function `name` ("module:function") makes, in its static form."""
    page, stamp = root / "_generated" / "front.html", root / "_generated" / "front.key"
    module, _, function = name.partition(":")
    if module not in library.modules:
        write_if_changed(page, STAND_IN)
        return
    code = f"import {module} as module; print(module.{function}().static())"
    key = library.key([code])
    if page.exists() and stamp.exists() and stamp.read_text() == key:
        return
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(f"{name}, the picture of the front page, failed:\n{result.stderr}")
    write_if_changed(page, result.stdout)
    stamp.write_text(key)
