"""What the tests of the book share: its pages, its notebooks, and a browser page that reaches nothing but the site."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def toc_files(node: object) -> list[str]:
    """Every document of the table of contents, in its order."""
    if isinstance(node, list):
        return [name for child in node for name in toc_files(child)]
    if not isinstance(node, dict):
        return []
    own = [node[key] for key in ("root", "file") if key in node]
    return own + [name for key in ("parts", "chapters", "sections") for name in toc_files(node.get(key))]


PAGES = toc_files(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8")))
CHAPTERS = [name for name in PAGES if name.startswith("chapters/") and name.count("/") == 2]
EXERCISES = [name for name in PAGES if name.startswith("exercises/")]
SOLUTIONS = [name for name in PAGES if name.startswith("solutions/")]


def read_notebook(name: str) -> dict:
    """A notebook of the course as JSON, the sources of its cells as strings."""
    notebook = json.loads((ROOT / f"{name}.ipynb").read_text(encoding="utf8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


@dataclass
class Log:
    """What went wrong while a page was used."""

    external: list[str] = field(default_factory=list)  # requests to any other host; they are refused
    failed: list[str] = field(default_factory=list)  # requests to the site that were not answered with a file
    console: list[str] = field(default_factory=list)  # errors of scripts

    def watch(self, page: Page, base: str) -> None:
        """Record the events of `page` from now on, and refuse requests to other hosts."""

        def route(route):
            if route.request.url.startswith((base, "data:", "blob:")):
                route.continue_()
            else:
                self.external.append(route.request.url)
                route.abort()

        page.route("**/*", route)
        page.on("response", lambda answer: answer.status >= 400 and self.failed.append(answer.url))
        page.on("requestfailed", lambda request: request.url.startswith(base) and self.failed.append(request.url))
        page.on("console", lambda message: message.type == "error" and self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))


def new_page(browser: Browser, base: str, viewport: dict = LAPTOP, **options) -> tuple[BrowserContext, Page, Log]:
    """A page in a browser profile of its own, watched; close the context after use."""
    context = browser.new_context(viewport=viewport, **options)
    page, log = context.new_page(), Log()
    log.watch(page, base)
    return context, page, log


def wait_for_maths(page: Page) -> None:
    """Wait until MathJax, on a page that has it, has typeset everything."""
    page.wait_for_load_state("load")
    page.evaluate("async () => { if (window.MathJax && MathJax.startup) await MathJax.startup.promise; }")
