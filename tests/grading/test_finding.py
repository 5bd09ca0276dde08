"""Answers are found whatever editor saved the notebook."""

import json
import re

import pytest

from course_lib.grading import course
from course_lib.grading.course import NotAClone, function_of, notebook
from course_lib.grading.finding import Answers, Unreadable, find
from tests.exercises import notebooks
from tests.grading import broken
from tests.grading.made import TARGET, TOPIC, changed, solved

GROUPS = notebook(TOPIC)
OTHER = GROUPS.exercises[1]


def strip(cell: dict) -> None:
    cell["metadata"] = {}
    cell.pop("id", None)


def unmarked(cell: dict) -> None:
    cell["source"] = re.sub(r"# exercise:.*\n", "", cell["source"])


def only_name(cell: dict) -> None:
    strip(cell)
    unmarked(cell)


def only_metadata(cell: dict) -> None:
    cell["id"] = "x"
    unmarked(cell)


def only_id(cell: dict) -> None:
    cell["metadata"] = {}
    unmarked(cell)


def same_ids(cell: dict) -> None:
    cell["id"] = "1"


def lines(cell: dict) -> None:
    cell["source"] = cell["source"].splitlines(keepends=True)


def windows(cell: dict) -> None:
    cell["source"] = cell["source"].replace("\n", "\r\n")


@pytest.mark.parametrize("change", [strip, unmarked, only_name, only_metadata, only_id, same_ids, lines, windows])
def test_every_answer_is_found(change) -> None:
    found = find(changed(solved(), change), GROUPS)
    assert {name: source.replace("\r", "").strip() for name, source in found.cells.items()}.keys() == set(GROUPS.exercises)
    for name, source in found.cells.items():
        assert f"def {function_of(name)}" in source and "NotImplementedError" not in source
    assert not found.notes and not found.untouched and not found.others


@pytest.mark.parametrize("topic", notebooks.topics())
def test_the_solved_and_the_committed_notebook_of_every_topic(topic: str) -> None:
    published = notebook(topic)
    assert published.solutions == notebooks.solutions(topic)
    assert set(published.checks) == set(published.exercises) == set(notebooks.stubs(notebooks.read(topic)))
    found = find(json.dumps(solved(topic)).encode(), published)
    assert found.cells == published.solutions and not found.others and not found.untouched
    assert find(published.path.read_bytes(), published).untouched == set(published.exercises)


@pytest.mark.parametrize("name", broken.SAME)
def test_answers_are_the_same_however_they_were_saved(name: str) -> None:
    found = find(broken.contents()[name], GROUPS, name)
    assert not found.untouched and {exercise: bare(source) for exercise, source in found.cells.items()} == {
        exercise: bare(source) for exercise, source in GROUPS.solutions.items()
    }


def bare(source: str) -> str:
    """Without the line that names the exercise, which some editors lose."""
    return source.partition("\n")[2].strip()


def test_reversed_cells_old_formats_marks_of_order_and_scripts() -> None:
    made = solved()
    made["cells"].reverse()
    assert find(json.dumps(made).encode(), GROUPS).cells == GROUPS.solutions
    assert find(b"\xef\xbb\xbf" + json.dumps(solved()).encode(), GROUPS).cells == GROUPS.solutions
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": cell["source"]} for cell in solved()["cells"]]}]}
    assert find(json.dumps(old).encode(), GROUPS).cells == GROUPS.solutions
    script = "\n# %%\n".join(source for source in GROUPS.solutions.values())
    assert find(script.encode(), GROUPS, "work.py").cells.keys() == GROUPS.solutions.keys()


def test_the_last_written_answer_counts_and_says_so() -> None:
    made = solved()
    first = next(cell for cell in made["cells"] if cell["metadata"].get("course", {}).get("exercise") == TARGET)
    made["cells"].append(first | {"source": first["source"] + "\n# again", "metadata": {}, "id": "new"})
    made["cells"].append({"cell_type": "code", "source": GROUPS.stubs[TARGET].source, "metadata": {}, "outputs": []})
    found = find(json.dumps(made).encode(), GROUPS)
    assert found.cells[TARGET].endswith("# again")
    assert found.notes == {TARGET: "2 cells answer this exercise: the last one was graded"}


def test_a_missing_answer_costs_that_exercise_alone() -> None:
    made = solved()
    made["cells"] = [cell for cell in made["cells"] if cell["metadata"].get("course", {}).get("exercise") != TARGET]
    found = find(json.dumps(made).encode(), GROUPS)
    assert set(found.cells) == set(GROUPS.exercises) - {TARGET}
    assert found.notes == {TARGET: "no cell with an answer was found"}


def test_an_answer_in_a_text_cell_is_named() -> None:
    made = solved()
    for cell in made["cells"]:
        if cell["metadata"].get("course", {}).get("exercise") == TARGET:
            cell["cell_type"], cell["metadata"] = "markdown", {}
    assert find(json.dumps(made).encode(), GROUPS).notes == {TARGET: "the answer stands in a text cell: make it a code cell"}


def test_helpers_are_kept_and_checks_are_not() -> None:
    made = solved()
    made["cells"].insert(0, {"cell_type": "code", "source": "HELP = 1", "metadata": {}})
    made["cells"].append(
        {"cell_type": "code", "source": f'from course_lib.checks import check\ncheck("{TARGET}", 1)', "metadata": {}}
    )
    assert find(json.dumps(made).encode(), GROUPS).others == ["HELP = 1"]


def test_a_function_of_two_answers_in_one_cell_serves_both() -> None:
    both = GROUPS.solutions[TARGET] + "\n\n" + GROUPS.solutions[OTHER]
    made = solved(left_moves=both)
    made["cells"] = [cell for cell in made["cells"] if cell["metadata"].get("course", {}).get("exercise") != OTHER]
    found = find(json.dumps(made).encode(), GROUPS)
    assert found.cells[TARGET] == found.cells[OTHER] == both


def test_a_notebook_of_another_topic_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="is this the right notebook"):
        find(json.dumps(solved("start/warmup")).encode(), GROUPS)


def test_cells_of_odd_kinds_do_no_harm() -> None:
    odd = [
        None,
        1,
        [],
        {},
        {"cell_type": "code", "source": [1, "a"], "metadata": [], "id": 3},
        {"cell_type": "code", "source": {}},
    ]
    made = solved() | {"cells": odd + solved()["cells"]}
    assert find(json.dumps(made).encode(), GROUPS).cells == GROUPS.solutions
    assert Answers().cells == {}


def test_names_of_notebooks() -> None:
    assert notebook("groups").topic == notebook("exercises/symmetries/groups.ipynb").topic == TOPIC
    with pytest.raises(ValueError, match="there is no exercise notebook 'grups'"):
        notebook("grups")


def test_outside_a_clone_the_way_out_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(course, "ROOT", tmp_path)
    with pytest.raises(NotAClone, match="clone the course's repository"):
        notebook(TOPIC)
