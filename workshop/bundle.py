"""A zip for a room without a network: the built site, all notebooks, and the library with its data and checkpoints.

Students unpack it, open `site/index.html` in a browser and read, demos included. Whoever has Python with torch and JupyterLab
installs the library from the zip (START.txt says how) and works on the notebooks.
"""

import re
import zipfile
from pathlib import Path

from workshop.lessons import ROOT

SITE = ROOT / "_build" / "html"
HIDDEN = re.compile(r"(^|/)(\.buildinfo|\.doctrees|\.nojekyll|objects\.inv)")
START = """Attribution and Symmetry, for a room without a network

READ   Open site/index.html in a browser. Everything works without a connection: pictures, demos, formulas.
       (The site's own search may not, since browsers limit pages that are opened as files.)

DO     You need Python 3.11 or newer with JupyterLab, torch, numpy, scipy, matplotlib, scikit-learn, ipywidgets, tqdm and
       pillow. In this folder:

           python -m pip install --no-index --no-deps site/wheels/{wheel}
           python -m course_lib.preflight
           jupyter lab notebooks

       The notebooks in notebooks/exercises check your answers on your machine; nothing leaves it.
"""


def has_solutions(site: Path) -> bool:
    """Whether a page of solutions in this site shows code: a site built with COURSE_SOLUTIONS=0 has none."""
    pages = (site / "solutions").rglob("*.html")
    return any('class="highlight' in page.read_text(encoding="utf8") for page in pages)


def make(target: Path, *, site: Path = SITE, solutions: bool = False) -> Path:
    """Write the zip and return its path; an existing file is not overwritten.

    Raises ValueError if there is no built site, if the site shows solutions though `solutions` is False, or if `target` exists.
    """
    wheels = sorted((site / "wheels").glob("course_lib-*.whl"))
    if not (site / "index.html").exists() or not wheels:
        raise ValueError(f"site must be a built book with its wheel, got {site}: run `make book` first")
    if has_solutions(site) and not solutions:
        raise ValueError("the site shows solutions: build it with `COURSE_SOLUTIONS=0 make book`, or say --solutions")
    if target.exists():
        raise ValueError(f"target must not exist yet, got {target}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("START.txt", START.format(wheel=wheels[-1].name))
        for path, name in files(site):
            archive.write(path, name)
    return target


def files(site: Path) -> list[tuple[Path, str]]:
    """What goes into the zip: each file with its name there."""
    pages = [path for path in site.rglob("*") if path.is_file() and not HIDDEN.search(path.relative_to(site).as_posix())]
    found = [(path, f"site/{path.relative_to(site).as_posix()}") for path in pages]
    for folder in ("chapters", "exercises"):
        for path in (ROOT / folder).rglob("*.ipynb"):
            if ".ipynb_checkpoints" not in path.parts:
                found.append((path, f"notebooks/{path.relative_to(ROOT).as_posix()}"))
    return sorted(found, key=lambda pair: pair[1])
