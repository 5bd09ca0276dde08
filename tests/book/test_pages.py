"""Every page in a browser that reaches nothing but the site: complete, readable, narrow enough, accessible, light."""

from dataclasses import dataclass
from functools import cache

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.book.served import CHAPTERS, EXERCISES, PAGES, PHONE, SITE, Log, new_page

MAX_BYTES = 3_000_000
EXTRA = ["search", "genindex"]
DARK = "document.documentElement.dataset.theme = document.documentElement.dataset.mode = 'dark'"
# The logo is not counted: it stands beside the title in one link, and its empty text says that it is decoration.
IMAGES = """[...document.querySelectorAll('img')].filter(image => !image.closest('.navbar-brand'))
    .map(image => [image.getAttribute('src').slice(0, 99), image.getAttribute('alt')])"""

# A colour of highlighted code is judged once a page: of spans of one kind, all but the first become plain text, and the
# pieces of plain text one: axe would look at what lies under each of a thousand pieces.
ONE_OF_A_KIND = """() => {
    const seen = new Set();
    for (const span of document.querySelectorAll('pre span')) {
        const around = span.closest('.cell_input, .cell_output, .highlight'), colour = getComputedStyle(span).color;
        const kind = [span.className, colour, span.parentElement.tagName, around && around.className].join();
        if (seen.has(kind) && !span.childElementCount) span.replaceWith(span.textContent);
        seen.add(kind);
    }
    for (const block of document.querySelectorAll('pre')) block.normalize();
}"""
# What a narrow screen and other colours can break; all other rules read the structure, which is the same.
BY_LOOKS = ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]

# Findings in the theme's own furniture: rule, a part of the element's selector, and why it is left alone.
THEME = [
    ("label-content-name-mismatch", "search-button", "the button's name is 'Search', its text adds the shortcut's keys"),
    ("label-content-name-mismatch", "theme-switch", "an icon whose text is empty for the eye"),
]


@dataclass
class Visit:
    """What was seen on one visit of a page."""

    log: Log
    images: list[list]
    formulae: int  # spans and blocks of maths in the page
    typeset: int  # of these, those that MathJax has drawn
    errors: int  # formulae with an error
    width: int  # of the document on a phone
    findings: list[str]  # of axe, serious or critical, on a laptop in light mode and on a phone in dark mode
    background: str


def findings(page, where: str, **options: object) -> list[str]:
    """The serious and critical findings of axe that are ours."""
    found = []
    for violation in Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            for node in violation["nodes"]:
                target = " ".join(map(str, node["target"]))
                if not any(violation["id"] == rule and part in target for rule, part, _ in THEME):
                    found.append(f"{where}: {violation['id']} at {target}: {node.get('failureSummary', '')}")
    return found


@pytest.fixture(scope="session")
def visit(tab):
    """Visit a page once, however many tests ask."""

    @cache
    def look(name: str) -> Visit:
        page, log = tab.open(name)
        seen = Log(list(log.external), list(log.failed), list(log.console))  # axe may log errors of its own
        page.evaluate(ONE_OF_A_KIND)
        light = findings(page, "laptop, light")
        images = page.evaluate(IMAGES)
        count = [page.locator(selector).count() for selector in (".math", "mjx-container", "mjx-merror")]
        page.set_viewport_size(PHONE)
        page.evaluate(DARK)
        width = page.evaluate("document.documentElement.scrollWidth")
        dark = findings(page, "phone, dark", runOnly=BY_LOOKS)
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return Visit(seen, images, *count, width, light + dark, background)

    return look


@pytest.mark.parametrize("name", PAGES + EXTRA)
def test_needs_nothing_but_the_site(visit, name):
    log = visit(name).log
    assert (log.external, log.failed, log.console) == ([], [], [])


@pytest.mark.parametrize("name", PAGES)
def test_maths_is_typeset(visit, name):
    seen = visit(name)
    assert seen.errors == 0
    assert seen.typeset >= seen.formulae


@pytest.mark.parametrize("name", PAGES)
def test_images_have_alternative_text(visit, name):
    bad = [
        (source, alt)
        for source, alt in visit(name).images
        if not alt or alt.startswith("_images/") or alt.lower().endswith((".png", ".svg", ".jpg", ".gif"))
    ]
    assert not bad


@pytest.mark.parametrize("name", PAGES + EXTRA)
def test_fits_a_phone(visit, name):
    assert visit(name).width <= PHONE["width"]


def test_names_in_the_map_are_not_broken_into_letters(browser, base):
    context, page, _ = new_page(browser, base)
    page.goto(f"{base}chapters/notes_map.html")
    widths = page.evaluate("[...document.querySelectorAll('article td .pre')].map(e => e.getBoundingClientRect().width)")
    context.close()
    assert widths and min(widths) > 30


@pytest.mark.parametrize("name", PAGES + EXTRA)
def test_is_accessible_in_light_and_dark_mode(visit, name):
    assert not visit(name).findings, "\n".join(visit(name).findings)


@pytest.mark.parametrize("name", PAGES)
def test_dark_mode_is_dark(visit, name):
    channels = [int(part) for part in visit(name).background.strip("rgb()").split(",")[:3]]
    assert max(channels) < 60


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_colour_of_code_that_is_too_faint_is_found(browser, base, mode):
    context, page, _ = new_page(browser, base)
    page.goto(f"{base}{CHAPTERS[0]}.html")
    page.add_style_tag(content=f"html[data-theme={mode}] pre span.kn {{ color: #808080 !important; }}")
    page.evaluate(ONE_OF_A_KIND)
    if mode == "dark":
        page.evaluate(DARK)
    page.add_style_tag(content=f"html[data-theme={mode}] pre {{ background: #909090 !important; }}")
    faint = findings(page, mode, runOnly=BY_LOOKS)
    assert any("color-contrast" in finding and ".kn" in finding for finding in faint), faint
    context.close()


def test_follows_the_readers_choice_of_dark_mode(browser, base):
    context, page, _ = new_page(browser, base, color_scheme="dark")
    page.goto(f"{base}intro.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    context.close()


def test_what_is_read_is_remembered_in_this_browser_only(browser, base):
    name = CHAPTERS[2]
    context, page, log = new_page(browser, base)
    page.goto(f"{base}{name}.html")
    button = page.locator("button.course-done")
    assert button.get_attribute("aria-pressed") == "false" and page.locator(".bd-links a.course-read").count() == 0
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    page.goto(f"{base}{CHAPTERS[3]}.html")
    marked = page.locator(".bd-links a.course-read")
    assert marked.count() == 1 and marked.get_attribute("href").endswith(name.rpartition("/")[2] + ".html")
    page.goto(f"{base}{name}.html")
    page.locator("button.course-done").click()
    assert page.locator(".bd-links a.course-read").count() == 0
    assert (log.external, log.failed, log.console) == ([], [], [])
    context.close()


def test_without_storage_there_is_no_button_and_no_error(browser, base):
    context, page, log = new_page(browser, base)
    page.add_init_script("Storage.prototype.setItem = () => { throw new Error('refused') }")
    page.goto(f"{base}{CHAPTERS[0]}.html")
    assert page.locator("button.course-done").count() == 0
    assert [line for line in log.console if "course.js" in line] == []
    context.close()


@pytest.mark.parametrize("name", ["intro", CHAPTERS[0], EXERCISES[0]])
def test_a_shared_link_shows_title_and_question(browser, base, name):
    context, page, _ = new_page(browser, base)
    page.goto(f"{base}{name}.html")
    found = page.locator("meta[property^=og]").all()
    tags = {tag.get_attribute("property"): tag.get_attribute("content") for tag in found}
    assert tags["og:title"] and tags["og:description"] == page.locator("meta[name=description]").get_attribute("content")
    if name in CHAPTERS:
        assert tags["og:description"] == page.locator("article h1 + p strong").first.inner_text()
    context.close()


def test_the_root_leads_to_the_front_page(browser, base):
    context, page, log = new_page(browser, base)
    page.goto(base)
    page.wait_for_url("**/intro.html")
    assert page.title().startswith("Attribution and Symmetry")
    assert not log.failed
    context.close()


def test_search_works_offline(browser, base):
    context, page, log = new_page(browser, base)
    page.goto(f"{base}search.html?q=shapley")
    page.wait_for_selector("#search-results ul.search li a")
    targets = page.eval_on_selector_all("#search-results ul.search li a", "links => links.map(a => a.href)")
    assert any("chapters/attribution/shapley.html" in target for target in targets)
    assert (log.external, log.failed, log.console) == ([], [], [])
    context.close()


def test_pages_are_light(site, capsys):
    weights = {name: (SITE / f"{name}.html").stat().st_size for name in PAGES}
    with capsys.disabled():
        print("\npage weights (KB):", ", ".join(f"{name} {size // 1000}" for name, size in weights.items()))
    assert max(weights.values()) <= MAX_BYTES, weights


def test_every_page_was_built(site):
    assert [name for name in PAGES if not (SITE / f"{name}.html").exists()] == []
    assert CHAPTERS and EXERCISES
