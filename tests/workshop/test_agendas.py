"""Timetables add up, and their notebooks run."""

import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from workshop import agendas
from workshop.__main__ import main
from workshop.agendas import Agenda, Item, clock, load, names, notebook, read_item, timetable

MINUTES = {"45_minutes": 45, "90_minutes": 90, "half_day": 240, "two_days_first": 360, "two_days_second": 360}


def test_there_is_a_plan_for_each_occasion():
    assert {name: load(name).minutes for name in names()} == MINUTES


@pytest.mark.parametrize("name", MINUTES)
def test_a_plan_adds_up_and_says_where_to_cut(name):
    agenda = load(name)
    assert agenda.planned + agenda.reserve == agenda.minutes
    assert 0.05 <= agenda.reserve / agenda.minutes <= 0.2, "a twentieth to a fifth of the time is for questions"
    cuts = sorted(item.cut for item in agenda.items if item.cut)
    assert cuts == list(range(1, len(cuts) + 1)) and cuts, "cuts are numbered 1, 2, ..."
    assert any(item.kind == "exercise" for item in agenda.items)
    work = 0
    for item in agenda.items:
        work = 0 if item.kind == "pause" else work + item.minutes
        assert work <= 130, f"nobody sits for {work} minutes"


@pytest.mark.parametrize("name", MINUTES)
def test_the_timetable_shows_every_item_at_its_minute(name):
    agenda = load(name)
    rows = re.findall(r"^\| (\d+:\d\d) \| (~?)(\d+) \| (.+) \| (.+) \|$", timetable(agenda), re.MULTILINE)
    assert [row[3] for row in rows] == [item.title for item in agenda.items] + ["Reserve"]
    minute = 0
    for start, _, minutes, *_ in rows:
        assert start == clock(minute)
        minute += int(minutes)
    assert minute == agenda.minutes


@pytest.mark.parametrize("name", MINUTES)
def test_the_notebook_is_valid_and_defines_every_name_that_it_uses(name, tmp_path):
    """Every code cell finds its names in cells above it: ruff's rule for undefined names, on the notebook as it is."""
    made = notebook(load(name))
    nbformat.validate(nbformat.from_dict(made))
    path = tmp_path / f"{name}.ipynb"
    path.write_text(agendas.as_text(made), encoding="utf8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821", str(path)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
    broken = agendas.as_text(made).replace("import torch", "import math")
    path.write_text(broken, encoding="utf8")
    assert "F821" in subprocess.run(command, capture_output=True, text=True).stdout


def test_the_shortest_notebook_runs_from_top_to_bottom():
    made = nbformat.from_dict(notebook(load("45_minutes")))
    NotebookClient(made, timeout=300, kernel_name="python3").execute()
    printed = "".join(output.get("text", "") for cell in made.cells for output in cell.get("outputs", []))
    assert "read_the_square: 0/" in printed and "not written yet" in printed
    folded = [cell for cell in made.cells if "catch-up" in cell["metadata"].get("tags", [])]
    assert folded and all(cell["outputs"] == [] for cell in folded)


def test_exercises_are_unsolved_and_in_the_plan_s_order():
    agenda = load("half_day")
    code = [cell["source"] for cell in notebook(agenda)["cells"] if cell["cell_type"] == "code"]
    stubs = [re.search(r"# exercise: (\S+)", source)[1] for source in code if "# exercise: " in source]
    assert stubs == [item.what for item in agenda.items if item.kind == "exercise"]
    assert all("raise NotImplementedError" in source for source in code if "# exercise: " in source)


@pytest.mark.parametrize(
    "entry, said",
    [
        ({"lecture": "x"}, "an item must have one of"),
        ({"talk": "x"}, "a talk must say its minutes"),
        ({"talk": "x", "minutes": 3, "colour": "red"}, "minutes and cut at most"),
        ({"section": "attribution/shapley#nothing"}, "section must be one of"),
        ({"exercise": "attribution/shapley/nothing"}, "exercise must be one of attribution/shapley/exact_shapley"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(entry, said):
    with pytest.raises(ValueError, match=said):
        read_item(entry)


def test_a_plan_that_is_too_long_or_jumps_back_is_refused():
    with pytest.raises(ValueError, match="items of long must fit into 5 minutes, got 6"):
        Agenda("long", "Long", 5, "", [Item("talk", "x", 6, True)])
    order = ["shapley#other-averages", "removal#the-idea", "shapley#too-many-players"]
    items = [read_item({"section": f"attribution/{address}"}) for address in order]
    for wrong in (items, [items[2], items[0]]):
        with pytest.raises(ValueError, match="a chapter's sections must stand together and in its order"):
            notebook(Agenda("back", "Back", 90, "", wrong))


def test_the_command_writes_all_plans(tmp_path, capsys):
    assert main(["--out", str(tmp_path), "agenda"]) == 0
    written = [line for line in capsys.readouterr().out.splitlines() if line]
    assert len(written) == 3 * len(MINUTES)
    pilot = (tmp_path / "agendas/45_minutes/pilot.md").read_text(encoding="utf8")
    assert pilot.count("\n| ") == len(load("45_minutes").items) + 1
    assert main(["--out", str(tmp_path), "agenda", "nothing"]) == 2
    assert "name must be one of 45_minutes, " in capsys.readouterr().err
