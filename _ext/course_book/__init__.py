"""The course's Sphinx extension: executes the chapters, writes the pages made from them, and completes the site.

| when                | what                                                                                   |
|---------------------|----------------------------------------------------------------------------------------|
| settings are read   | chapters whose code or library changed are executed, in parallel (`execute`, `keys`);   |
|                     | the pages made from records and files are written (`pages`)                            |
| a chapter is read   | its outputs are put into it                                                            |
| a page is written   | it gets a description for whoever shares its link                                      |
| the build finishes  | the wheel of the library and the fonts of the maths are put into the site (`assets`)     |

A build that fails leaves a marker, and the next one then reads every page again: a warning of a page that is not read
again would be forgotten, and the second run would look like a success. Executed chapters are kept either way.
"""

import os
import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from . import assets, execute, pages

# Options of the theme. They stand here because in _config.yml they would replace those that Jupyter Book computes,
# and the buttons of Colab and of the repository would be gone without a word.
THEME = {
    "navbar_start": [],  # a second bar on top of the page, with a second search field
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
    "footer_content_items": ["extra-footer.html"],
    "logo": {"image_light": "_static/favicon.svg", "image_dark": "_static/favicon.svg", "text": "Attribution and Symmetry"},
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "show_toc_level": 2,
}

ABOUT = (
    "A runnable course on explaining neural networks and building symmetry into them: demos that move, exercises that say "
    "what is wrong, claims put to the test."
)


def chapters_in_toc(app: Sphinx) -> list[str]:
    """The chapters that are executed: notebooks under chapters/ that the table of contents names, in its order."""
    names = [name for name in app.config.external_site_map if name.startswith("chapters/")]
    return [name for name in names if (Path(app.srcdir) / f"{name}.ipynb").is_file()]


def marker(app: Sphinx) -> Path:
    """A file that exists while a build runs, and stays if it fails."""
    return Path(app.outdir).parent / ".unfinished"


def before_reading(app: Sphinx, _config: object) -> None:
    """Execute what changed and write the generated pages."""
    if marker(app).exists():
        shutil.rmtree(app.doctreedir, ignore_errors=True)
    marker(app).parent.mkdir(parents=True, exist_ok=True)
    marker(app).touch()
    os.environ["COURSE_STATIC"] = "1"
    app.config.html_theme_options.update(THEME)
    root = Path(app.srcdir)
    library = execute.Library(root)
    cache = execute.open_cache(Path(app.outdir).parent / ".jupyter_cache")
    app.course_chapters = {name: execute.Chapter.read(root, name, library) for name in chapters_in_toc(app)}
    problems = execute.execute_missing(app.course_chapters.values(), cache)
    if problems:
        raise ExtensionError("\n\n".join(["The book was not built: a chapter failed.", *problems]))
    app.course_executed = {name: execute.load(chapter, cache) for name, chapter in app.course_chapters.items()}
    written = pages.write_pages(root, app.course_executed, app.config.course_solutions)
    names = (path.relative_to(root).as_posix() for path in written)
    app.config.exclude_patterns += [name for name in names if name[:-3] not in app.config.external_site_map]
    assets.write_front_demo(root, library, app.config.course_front_demo)


def outdated(app: Sphinx, env, added: set, changed: set, removed: set) -> list[str]:
    """Chapters whose outputs are not those that their page was made with, though their text is the same."""
    known = getattr(env, "course_keys", {})
    return [name for name, chapter in app.course_chapters.items() if known.get(name) not in (None, chapter.key)]


def put_outputs(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the text of a chapter by that of the executed chapter."""
    if docname in app.course_executed:
        source[0] = execute.with_outputs(source[0], app.course_executed[docname])
        keys = dict(getattr(app.env, "course_keys", {}))
        app.env.course_keys = keys | {docname: app.course_chapters[docname].key}
    elif docname.startswith("exercises/"):
        source[0] = execute.marked(source[0])


def describe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """What a link to the page shows where it is shared: the chapter's question, or what the course is."""
    path = Path(app.srcdir) / f"{pagename}.ipynb"
    text = pages.question(path) if path.exists() else ""
    title = re.sub(r"<[^>]+>", "", context.get("title", ""))
    context["metatags"] = context.get("metatags", "") + pages.social_tags(title, text or ABOUT, context.get("pageurl") or "")


def after_writing(app: Sphinx, exception: Exception | None) -> None:
    """Complete the site; forget the marker of a build without warnings."""
    if exception is not None:
        return
    if app.builder.format == "html":
        assets.copy_mathjax(Path(app.outdir))
        assets.put_wheel(Path(app.srcdir), Path(app.outdir))
    if not app._warncount:
        marker(app).unlink(missing_ok=True)


def setup(app: Sphinx) -> dict:
    """Connect the extension; see the module's docstring."""
    # COURSE_SOLUTIONS=0 builds a book whose solution pages are empty, to hand out.
    app.add_config_value("course_solutions", os.environ.get("COURSE_SOLUTIONS", "1") != "0", "", bool)
    app.add_config_value("course_front_demo", "", "", str)
    app.connect("config-inited", before_reading, priority=900)  # after the table of contents has been read
    app.connect("env-get-outdated", outdated)
    app.connect("source-read", put_outputs)
    app.connect("html-page-context", describe)
    app.connect("build-finished", after_writing)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
