"""Running what a chapter defines before a section, in a clone and without one."""

import io
import json
import urllib.request

import pytest

from course_lib import catch_up as module
from course_lib.catch_up import before, catch_up, chapter, definitions, site


def markdown(source: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *tags: str) -> dict:
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source.splitlines(keepends=True)}


CELLS = [
    markdown("# Title"), code("raise RuntimeError", "setup"), code("import math\nx = 1\nx"),
    markdown("## First\n\nText."), code("def f():\n    return x + math.pi\n\nprint(f())"),
    markdown("Then.\n\n## Second"), code("y = f()"), markdown("## Last"),
]  # fmt: skip


def test_only_what_stands_before_the_section_runs_and_nothing_is_shown(monkeypatch, capsys):
    monkeypatch.setattr(module, "chapter", lambda topic: CELLS)
    names: dict = {}
    assert catch_up("part/topic", "Second", names) == ["f", "math", "x"]
    assert names["f"]() == 1 + names["math"].pi
    assert catch_up("part/topic", 3, names) == ["y"]
    assert capsys.readouterr().out == ""


def test_names_go_to_the_caller(monkeypatch):
    monkeypatch.setattr(module, "chapter", lambda topic: [code("late_name = 7"), markdown("## Now")])
    try:
        assert catch_up("part/topic", "Now") == ["late_name"] and globals()["late_name"] == 7
    finally:
        globals().pop("late_name", None)


def test_statements_that_only_show_are_left_out():
    shown = "demos.turn(3)\nclaims.holds()\ndisplay(x)\nprint(x)\nx\nfor k in (1, 2):\n    display(claims.holds(k))"
    kept = "import a\nx = demos.build()\naxes.plot(x)\nfor k in (1, 2):\n    table[k] = k\n    print(k)"
    assert definitions([shown]) == ""
    assert definitions([kept]) == kept


def test_a_real_chapter_leaves_the_names_that_its_section_needs():
    names: dict = {}
    catch_up("attribution/shapley", "Other averages", names)
    assert {"torch", "demos", "arrivals", "values"} <= set(names)
    exec("checked = arrivals(values, (0, 1, 2))", names)
    assert names["checked"] is not None


@pytest.mark.parametrize("upto", ["Nowhere", 0, 9, -1])
def test_an_unknown_section_is_answered_with_those_that_there_are(upto):
    with pytest.raises(ValueError, match=f"upto must be .* got {upto!r}; sections: First; Second; Last"):
        before(CELLS, upto)


def test_without_a_clone_the_chapter_comes_from_the_site(monkeypatch, tmp_path):
    asked = []

    def urlopen(address: str, timeout: float) -> io.BytesIO:
        asked.append(address)
        return io.BytesIO(json.dumps({"cells": CELLS}).encode())

    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    assert chapter("part/topic") == CELLS
    assert asked == [f"{site()}_sources/chapters/part/topic.ipynb"]


def test_a_chapter_that_nobody_has_is_named(monkeypatch, tmp_path):
    def urlopen(address: str, timeout: float):
        raise OSError("no network")

    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with pytest.raises(ValueError, match="topic must be a chapter of .*part/topic.ipynb could not be read: no network"):
        catch_up("part/topic", 1, {})
    with pytest.raises(ValueError, match="topic must be PART/TOPIC, got '../secret'"):
        catch_up("../secret", 1, {})
