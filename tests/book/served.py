"""What the tests of the book share: its pages, its notebooks, and a browser page that reaches nothing but the site."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
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


@cache
def soup(name: str) -> BeautifulSoup:
    """A built page, read from its file once, however many tests ask; none of them may change it."""
    return BeautifulSoup((SITE / f"{name}.html").read_text(encoding="utf8"), "html.parser")


@dataclass
class Log:
    """What went wrong while a page was used."""

    external: list[str] = field(default_factory=list)  # requests to any other host; the browser finds none (fixtures.py)
    failed: list[str] = field(default_factory=list)  # requests to the site that were not answered with a file
    console: list[str] = field(default_factory=list)  # errors of scripts


def watch(page: Page, base: str, log: Callable[[], Log]) -> None:
    """Record the events of `page` in what `log` returns when they happen.

    Requests are watched and not routed: with a route the browser would keep no file, and read each again for every page.
    """
    ours = (base, "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(ours) or log().external.append(request.url))
    page.on("response", lambda answer: answer.status >= 400 and log().failed.append(answer.url))
    page.on("requestfailed", lambda request: request.url.startswith(base) and log().failed.append(request.url))
    page.on("console", lambda message: message.type == "error" and log().console.append(message.text))
    page.on("pageerror", lambda error: log().console.append(str(error)))


def new_page(browser: Browser, base: str, viewport: dict = LAPTOP, **options) -> tuple[BrowserContext, Page, Log]:
    """A page in a browser profile of its own, watched; close the context after use."""
    context = browser.new_context(viewport=viewport, **options)
    page, log = context.new_page(), Log()
    watch(page, base, lambda: log)
    return context, page, log


class Tab:
    """One tab of the browser for many pages, one after the other: its files and compiled scripts are kept between them."""

    def __init__(self, browser: Browser, base: str) -> None:
        self.base, self.log = base, Log()
        self.page = browser.new_context(viewport=LAPTOP).new_page()
        watch(self.page, base, lambda: self.log)

    def open(self, name: str) -> tuple[Page, Log]:
        """Open a page of the site as a reader does who sees it first, and wait for its maths; its log holds nothing else."""
        if self.page.url.startswith(self.base):
            self.page.evaluate("localStorage.clear(), sessionStorage.clear()")
        self.page.goto("about:blank")  # whatever the page before still does ends here
        self.page.set_viewport_size(LAPTOP)
        self.log = Log()
        self.page.goto(f"{self.base}{name}.html")
        wait_for_maths(self.page)
        return self.page, self.log


def wait_for_maths(page: Page) -> None:
    """Wait until MathJax, on a page that has it, has typeset everything."""
    page.wait_for_load_state("load")
    page.evaluate("async () => { if (window.MathJax && MathJax.startup) await MathJax.startup.promise; }")
