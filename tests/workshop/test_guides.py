"""A facilitator guide tells what its chapter and its catalogue of wrong answers say, and nothing that they do not."""

import re

import pytest

from course_lib.checks.core import find
from workshop import guides
from workshop.__main__ import main
from workshop.lessons import Lesson, topics

LEDGER = """* - A holds. ([One](/chapters/attribution/shapley.ipynb))
  - [✓ supported]{.verdict .supported} proved
  - 0.5 [0.4, 0.6] of rows over 12 rows
  - share above 0.3
* - B holds. ([Two](/chapters/attribution/removal.ipynb))
  - [✗ not supported]{.verdict .not-supported} measured
  - 0.1 [0.0, 0.2] of rows over 12 rows
  - share above 0.3
"""


@pytest.mark.parametrize("topic", topics())
def test_a_guide_has_every_wrong_answer_with_its_hint(topic):
    lesson, text = Lesson(topic), guides.guide(Lesson(topic))
    known = guides.mistakes(topic)
    rows = re.findall(r"^\| (.+?) \| (\d+) \| (.+) \|$", text.partition("## Exercises")[2], re.MULTILINE)
    assert len(rows) == len(known) >= 3 * len(lesson.exercises)
    for one in known:
        name = one.function.__name__.replace("_", " ")
        assert (name, str(one.points)) in [row[:2] for row in rows]
        assert one.points < find(one.exercise).maximum
    assert all(aim in text for aim in map(guides.without_relative_links, lesson.aims))
    assert all(f"### {card.title}" in text for card in lesson.exercises)
    assert not re.search(r"\]\((?!https?://)", text), "a link that leads nowhere outside of the book"


def test_demos_come_with_what_to_ask_before_and_what_to_say_after():
    text = guides.demonstrations(Lesson("attribution/shapley"))
    assert text.count("Read out, and collect bets") == 2 and "`demos.three_players`" in text
    assert "> **Try to break things.**" in text and "> The second one is." in text


def test_bets_are_the_ledger_s_rows_of_the_chapter(monkeypatch, tmp_path):
    monkeypatch.setattr(guides, "LEDGER", tmp_path / "claims.md")
    assert guides.bets("attribution/shapley") == [] and "make book" in guides.quiz([])
    guides.LEDGER.write_text(LEDGER, encoding="utf8")
    (bet,) = guides.bets("attribution/removal")
    assert (bet.statement, bet.verdict, bet.kind) == ("B holds.", "✗ not supported", "measured")
    assert bet.threshold == "share above 0.3"
    assert "1. B holds.\n   - **Outcome: ✗ not supported** (measured). 0.1 [0.0, 0.2]" in guides.quiz([bet])


def test_every_row_of_the_built_ledger_is_a_bet_of_some_chapter(site):
    rows = guides.LEDGER.read_text(encoding="utf8").count("\n* - ") - 1  # without the head of the table
    assert sum(len(guides.bets(topic)) for topic in topics()) == rows > 100


def test_long_exercises_are_for_two():
    assert guides.company(20).startswith("In pairs") and guides.company(8).startswith("Alone")


def test_the_command_writes_guides_and_names_an_unknown_topic(tmp_path, capsys):
    assert main(["--out", str(tmp_path), "guide", "attribution/shapley"]) == 0
    path = tmp_path / "guides/attribution/shapley.md"
    assert capsys.readouterr().out.strip() == str(path)
    assert path.read_text(encoding="utf8") == guides.guide(Lesson("attribution/shapley"))
    assert main(["--out", str(tmp_path), "guide", "nowhere"]) == 2
    assert "topic must be PART/TOPIC" in capsys.readouterr().err
