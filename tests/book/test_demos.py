"""The demos of the built pages: every control moves picture and caption, by keyboard and by pointer, offline."""

import json

import pytest

from tests.book.served import PAGES, new_page, soup

MAX_FRAMES, MAX_FRAMES_A_PAGE = 40, 100


def demos(name: str) -> list:
    """The demos of a page, read from its file."""
    return soup(name).select(".course-demo")


def data(demo) -> dict:
    return json.loads(demo.select_one('script[type="application/json"]').string)


def state(demo) -> tuple[str, str]:
    """The picture and the caption that a demo shows."""
    return demo.locator("img").get_attribute("src"), demo.locator("figcaption").inner_text()


def expected(demo, content: dict) -> tuple[str, str]:
    """The picture and the caption that belong to where its controls stand; `content` is what the page holds for the demo."""
    index = 0
    for control, size in zip(demo.locator("input").all(), content["sizes"], strict=True):
        index = index * size + int(control.input_value())
    return "data:image/png;base64," + content["frames"][index], content["captions"][index]


def move_by_keyboard(control) -> None:
    """One step up, or down from the end."""
    at_end = control.input_value() == control.get_attribute("max")
    control.focus()
    control.press("ArrowLeft" if at_end else "ArrowRight")


def move_by_pointer(page, control) -> None:
    """Drag the thumb from where it stands to the other end."""
    control.scroll_into_view_if_needed()
    box, last = control.bounding_box(), int(control.get_attribute("max"))
    at = int(control.input_value()) / last
    start, end = box["x"] + 8 + at * (box["width"] - 16), box["x"] + (4 if at > 0.5 else box["width"] - 4)
    page.mouse.move(start, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(end, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()


@pytest.mark.parametrize("name", PAGES)
def test_every_control_moves_picture_and_caption(site, tab, name):
    if not demos(name):
        return
    page, log = tab.open(name)
    for demo in page.locator(".course-demo").all():
        content = json.loads(demo.locator('script[type="application/json"]').text_content())
        assert state(demo) == expected(demo, content)
        for control in demo.locator("input").all():
            for move in (move_by_keyboard, lambda control: move_by_pointer(page, control)):
                before, value = state(demo), control.input_value()
                move(control)
                assert control.input_value() != value
                after = state(demo)
                assert after[0] != before[0], f"the picture stayed: {before[1]}"
                assert after[1] != before[1], "the caption stayed"
                assert after == expected(demo, content)
                assert control.get_attribute("aria-valuetext") == control.locator("xpath=..").locator("output").inner_text()
    assert (log.external, log.failed, log.console) == ([], [], [])


@pytest.mark.parametrize("name", PAGES)
def test_first_picture_needs_no_script(site, name):
    for demo in demos(name):
        content = data(demo)
        assert demo.img["src"] == "data:image/png;base64," + content["frames"][0]
        assert demo.img["alt"]
        assert demo.figcaption.string == content["captions"][0]
        assert demo.figcaption["aria-live"] == "polite"


@pytest.mark.parametrize("name", PAGES)
def test_number_of_frames(site, name):
    frames = [len(data(demo)["frames"]) for demo in demos(name)]
    assert all(count <= MAX_FRAMES for count in frames)
    assert sum(frames) <= MAX_FRAMES_A_PAGE


def test_first_picture_prints(site, browser, base):
    name = next(name for name in PAGES if demos(name))
    context, page, _ = new_page(browser, base)
    page.goto(f"{base}{name}.html")
    page.emulate_media(media="print")
    demo = page.locator(".course-demo").first
    assert demo.locator("img").is_visible() and demo.locator("figcaption").is_visible()
    context.close()


def test_the_front_page_and_two_more_have_demos(site):
    assert demos("intro")
    assert sum(len(demos(name)) for name in PAGES) >= 3
