"""Slides of a chapter: made from its page, shown without a network, none too tall, demos that move."""

import re
import shutil

import pytest
from bs4 import BeautifulSoup

from tests.book.served import new_page, wait_for_maths
from workshop import slides
from workshop.__main__ import main
from workshop.lessons import Lesson

TOPICS = ("start/transformer", "attribution/shapley", "explainable/price", "symmetries/groups", "equivariance/averaging")
CELL = '<div class="cell"><div class="cell_input">{}</div><div class="cell_output"><pre>{}</pre></div></div>'
PAGE = f"""<article><section><h1>Title<a class="headerlink">#</a></h1>
<p><strong>Why?</strong></p><blockquote><ul><li>see</li></ul></blockquote>
<section><h2>One</h2><p>First thing. Second.</p>{CELL.format("x = 1", 1)}<p>After.</p>{CELL.format("secret", 2)}</section>
<section><h2>Two</h2><div class="math">y</div>
<section><h3>Sub</h3><p>Said.</p><table><tr><td>t</td></tr></table></section></section>
<section><h2>Further reading</h2><p>Book.</p></section></section></article>"""


@pytest.fixture(scope="module")
def copied(site, tmp_path_factory):
    """A copy of what a deck needs of the site, so that the site stays as it was built."""
    copy = tmp_path_factory.mktemp("site")
    for folder in ("_static", "_images"):
        shutil.copytree(site / folder, copy / folder)
    for topic in TOPICS:
        (copy / "chapters" / topic).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(site / f"chapters/{topic}.html", copy / f"chapters/{topic}.html")
    return copy


def test_a_page_becomes_stacks_of_slides():
    made = slides.deck(BeautifulSoup(PAGE, "html.parser"), {"secret"})
    assert [len(stack) for stack in made] == [2, 2, 2], "title and aims; One; Two; no further reading"
    title, one, two = ("".join(slide.html() for slide in stack) for stack in made)
    assert "<h1>Title</h1>" in title and "Why?" in title and "<li>see</li>" in title
    assert '<p class="lead">First thing.</p>' in one and "<p>First thing. Second.</p></aside>" in one
    assert "x = 1" in one and "secret" not in one and "<p>After.</p></aside>" in one
    assert '<h2>Two</h2><div class="math">y</div>' in two and "<td>t</td>" in two and "<p>Said.</p>" in two


@pytest.mark.parametrize("topic", TOPICS)
def test_a_deck_shows_all_demos_claims_and_figures_of_its_page(copied, topic):
    page, deck = (
        BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")
        for path in (copied / f"chapters/{topic}.html", slides.make(Lesson(topic), copied))
    )
    for what in (".course-demo", ".course-claim", ".cell_output img"):
        shown = ".figure img" if "img" in what else what
        inside = len(page.select(".course-demo img")) if "img" in what else 0
        assert len(deck.select(shown)) == len(page.select(f"article {what}")) - inside
    said = deck.get_text()
    for section in Lesson(topic).sections[1:]:
        if not section.title.lower().startswith(slides.LEFT_OUT):
            assert re.sub(r"\W+", "", section.title.replace("`", "")) in re.sub(r"\W+", "", said)


@pytest.mark.parametrize("topic", TOPICS[1:4:2])
def test_a_deck_works_in_a_browser_without_a_network(copied, browser, topic):
    path = slides.make(Lesson(topic), copied)
    context, page, log = new_page(browser, copied.as_uri(), {"width": 1280, "height": 720})
    try:
        page.goto(path.as_uri())
        wait_for_maths(page)
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        heights, moved = [], 0
        for _ in range(page.evaluate("Reveal.getTotalSlides()")):
            heights.append(page.evaluate("Reveal.getCurrentSlide().scrollHeight"))
            slider = page.locator("section.present:not(.stack) .course-demo input[type=range]").first
            if slider.count():
                image = page.locator("section.present:not(.stack) .course-demo img").first
                before = image.get_attribute("src")
                slider.press("ArrowRight")
                slider.blur()
                moved += image.get_attribute("src") != before
            page.evaluate("Reveal.next()")
        assert max(heights) <= 720, [i for i, height in enumerate(heights) if height > 720]
        assert moved >= 1
        assert (log.external, log.failed) == ([], [])
        assert [line for line in log.console if "file:///" not in line] == []
    finally:
        context.close()


def test_without_a_page_or_without_reveal_it_says_what_to_do(copied, tmp_path, monkeypatch, capsys):
    with pytest.raises(ValueError, match="site must hold the chapter's page, got none at .*: run `make book` first"):
        slides.make(Lesson("attribution/shapley"), tmp_path)
    monkeypatch.setattr(slides, "SITE", tmp_path)
    assert main(["slides", "nowhere"]) == 2 and "topic must be PART/TOPIC" in capsys.readouterr().err
    monkeypatch.setattr(slides.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="reveal.js must be installed, got no package sphinx_revealjs"):
        slides.make(Lesson("attribution/shapley"), copied)
