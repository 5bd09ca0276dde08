"""The links of the built pages, read without a browser: those inside the site resolve, those to Colab are right."""

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

from tests.book.served import CHAPTERS, EXERCISES, PAGES, ROOT, SITE

LOADED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
NAMES_ONLY = {"canonical", "search", "index", "author"}  # links that say something and load nothing


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")


@cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(tag["id"] for tag in soup(path).find_all(id=True)) | {"", "top"}


def problem(page: Path, link: str) -> str | None:
    """What is wrong with a link of a page, if it stays inside the site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None if parts.scheme in ("https", "mailto", "data") else f"{link}: not https"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.exists():
        return f"{link}: no such file"
    if target.suffix == ".html" and unquote(parts.fragment) not in anchors(target):
        return f"{link}: no such place on that page"
    return None


@pytest.mark.parametrize("name", PAGES)
def test_links_and_anchors_resolve(site, name):
    page = SITE / f"{name}.html"
    links = [tag["href"] for tag in soup(page).find_all("a", href=True)]
    assert [found for found in (problem(page, link) for link in links) if found] == []


@pytest.mark.parametrize("name", PAGES)
def test_everything_that_a_page_loads_is_in_the_site(site, name):
    page = SITE / f"{name}.html"
    for kind, attribute in LOADED.items():
        for tag in soup(page).find_all(kind, **{attribute: True}):
            if not NAMES_ONLY & set(tag.get("rel") or []):
                assert not urlsplit(tag[attribute]).netloc, tag
                assert problem(page, tag[attribute]) is None, tag


@pytest.mark.parametrize("name", CHAPTERS + EXERCISES)
def test_colab_button_opens_this_notebook(site, name):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))["repository"]
    path = config["url"].removeprefix("https://github.com/")
    wanted = f"https://colab.research.google.com/github/{path}/blob/{config['branch']}/{name}.ipynb"
    links = [tag["href"] for tag in soup(SITE / f"{name}.html").find_all("a", href=True)]
    assert wanted in links
