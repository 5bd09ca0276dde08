"""`explore`: the grid, the static page element, the live widgets, and bad input."""

import json
import os
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import pytest

from course_lib.demos import MAX_FRAMES, explore


def curve(power: int, shift: float):
    figure, ax = plt.subplots(figsize=(2, 1.5))
    ax.plot([x**power + shift for x in range(5)])
    return figure


def demo(describe=lambda power, shift: f"power {power}, shift {shift}"):
    return explore(curve, describe, alt="A curve.", power=[1, 2, 3], shift=[0.0, 0.5])


def data(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', page, re.S).group(1))


def test_the_last_control_varies_fastest():
    points = demo().points()
    assert points[:3] == [{"power": 1, "shift": 0.0}, {"power": 1, "shift": 0.5}, {"power": 2, "shift": 0.0}]
    assert len(points) == 6 and len(demo().corners()) == 4


def test_the_static_page_has_every_frame_and_caption():
    page = demo().static()
    frames = data(page)
    assert frames["captions"] == [f"power {p}, shift {s}" for p in (1, 2, 3) for s in (0.0, 0.5)]
    assert len(set(frames["frames"])) == 6 and frames["sizes"] == [3, 2]
    assert page.count('type="range"') == 2 and 'alt="A curve."' in page and "power 1, shift 0.0</figcaption>" in page


def test_figures_after_a_demo_are_still_shown():
    """A notebook whose first picture is a demo's: matplotlib must stay interactive, or later cells show no figure."""
    code = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()
import matplotlib.pyplot as plt
from course_lib.demos import explore
explore(lambda k: plt.figure(), str, alt="Nothing.", k=[1, 2]).frame(k=1)
print(plt.isinteractive())
"""
    environment = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.split() == ["True"]


def test_the_same_demo_gives_the_same_page():
    assert demo().static() == demo().static()


def test_text_cannot_break_out_of_the_page():
    page = demo(lambda power, shift: f"</script><b>{power}").static()
    assert data(page)["captions"][0] == "</script><b>1"
    assert page.count("<script") == 2 and "<b>1" not in page.split("</figcaption>")[0].split("<figcaption")[1]


def test_live_sliders_move_picture_and_caption():
    box = demo().widget()
    power, shift, picture, caption = box.children
    before = picture.value, caption.value
    power.value = 3
    assert caption.value == "power 3, shift 0.0" and picture.value != before[0]
    shift.value = 0.5
    assert caption.value == "power 3, shift 0.5"


def test_where_it_shows_depends_on_the_build(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    monkeypatch.setenv("COURSE_STATIC", "1")
    demo()._ipython_display_()
    monkeypatch.delenv("COURSE_STATIC")
    demo()._ipython_display_()
    assert type(shown[0]).__name__ == "HTML" and type(shown[1]).__name__ == "VBox"


@pytest.mark.parametrize(
    "controls, words",
    [
        ({}, "controls must name at least one control"),
        ({"k": [1]}, "control 'k' must have at least two values, got 1"),
        ({"k": range(7), "j": range(7)}, f"at most {MAX_FRAMES} grid points, got 49"),
    ],
)
def test_bad_grids_are_refused(controls, words):
    with pytest.raises(ValueError, match=words):
        explore(curve, str, alt="", **controls)
