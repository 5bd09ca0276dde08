"""Chapters as a teacher sees them: every chapter of the book can be read, and nothing of it is lost."""

import pytest

from workshop.lessons import Lesson, anchor, numbered, topics


@pytest.mark.parametrize("topic", topics())
def test_every_chapter_can_be_read_whole(topic):
    lesson = Lesson(topic)
    assert lesson.title and lesson.question.endswith("?") and len(lesson.aims) >= 3 and lesson.prerequisites
    assert 5 <= lesson.minutes <= 90
    words = sum(len(part.prose.split()) for part in lesson.sections)
    assert words == sum(len(cell["source"].split()) for cell in lesson.cells if cell["cell_type"] == "markdown")
    assert sum(len(part.code) for part in lesson.sections) == sum(cell["cell_type"] == "code" for cell in lesson.cells)
    assert len({part.anchor for part in lesson.sections}) == len(lesson.sections)
    assert len(lesson.questions) >= 2 and all(question and answer for question, answer in lesson.questions)
    estimates = sum(lesson.estimate(part) for part in lesson.sections)
    assert abs(estimates - lesson.minutes) <= len(lesson.sections) / 2 + 1
    assert lesson.exercises and all(card.minutes[0] < card.minutes[1] and card.points > 0 for card in lesson.exercises)


def test_sections_are_found_by_title_or_anchor():
    lesson = Lesson("attribution/shapley")
    assert lesson.section("too-many-players") is lesson.section("Too many players")
    with pytest.raises(ValueError, match="section must be one of attribution/shapley's .*the-theorem.*got 'nothing'"):
        lesson.section("nothing")


def test_an_unknown_topic_is_answered_with_those_that_there_are():
    with pytest.raises(ValueError, match="topic must be PART/TOPIC of a chapter, got 'a/b'; chapters: start/warmup, "):
        Lesson("a/b")


def test_anchors_are_those_of_the_pages(site):
    """The built page has an element with the id of each section."""
    for topic in ("attribution/shapley", "symmetries/groups"):
        page = (site / f"chapters/{topic}.html").read_text(encoding="utf8")
        for part in Lesson(topic).sections[1:]:
            assert f'id="{part.anchor}"' in page


def test_helpers():
    assert anchor("One orbit, five uses!") == "one-orbit-five-uses"
    assert numbered("Text\n1. A\n2. B 3. b\n") == ["A", "B 3. b"]
