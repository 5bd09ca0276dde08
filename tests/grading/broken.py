"""Files that teachers get: broken, strange, or only saved by another editor."""

import copy
import json
import os
from pathlib import Path

from tests.grading.made import TARGET, TOPIC, changed, solved

UNREADABLE = {  # file: words of the sentence
    "invalid_json.ipynb": "no valid JSON",
    "empty.ipynb": "empty",
    "odd name = ä;'.ipynb": "empty",
    "latin1.ipynb": "not UTF-8",
    "utf16.ipynb": "UTF-16",
    "binary.ipynb": "not UTF-8",
    "page.ipynb": "a web page",
    "list.ipynb": "no list of cells",
    "number.ipynb": "no list of cells",
    "nested.ipynb": "nested too deeply",
    "folder.ipynb": "folder",
    "link.ipynb": "link",
    "pipe.ipynb": "no ordinary file",
    "large.ipynb": "20 MB",
    "other_topic.ipynb": "right notebook",
    "no_cells.ipynb": "right notebook",
}
SAME = [
    "same_ids.ipynb", "stripped.ipynb", "reversed.ipynb", "format3.ipynb", "bom.ipynb", "checks_rewritten.ipynb", "script.py",
]  # fmt: skip
GRADED = {  # file: are all exercises right?
    "honest.ipynb": True,
    "magics.ipynb": True,
    "helper_in_another_cell.ipynb": True,
    "no_left_moves.ipynb": False,
    "text_instead.ipynb": False,
}


def write(folder: Path) -> None:
    """Write all but `SAME` into an empty folder."""
    for name, data in contents().items():
        if name not in SAME:
            (folder / name).write_bytes(data)
    (folder / "folder.ipynb").mkdir()
    (folder / "link.ipynb").symlink_to(folder / "honest.ipynb")
    os.mkfifo(folder / "pipe.ipynb")


def contents() -> dict[str, bytes]:
    """What each ordinary file holds. In those of `SAME` the answers of the solved notebook are found unchanged."""
    whole = json.dumps(solved())
    return {
        "invalid_json.ipynb": whole[:-20].encode(),
        "empty.ipynb": b"",
        "odd name = ä;'.ipynb": b" \n\n",
        "latin1.ipynb": whole.replace("groups", "gruppen \u00e4").encode("latin-1"),
        "utf16.ipynb": whole.encode("utf-16"),
        "binary.ipynb": bytes(range(256)) * 20,
        "page.ipynb": b"<!doctype html><title>Sign in</title>",
        "list.ipynb": b"[1, 2]",
        "number.ipynb": b"7",
        "nested.ipynb": b"[" * 200_000 + b"]" * 200_000,
        "large.ipynb": b" " * (20 * 2**20) + whole.encode(),
        "other_topic.ipynb": json.dumps(solved("start/warmup")).encode(),
        "no_cells.ipynb": json.dumps(solved() | {"cells": []}).encode(),
        "bom.ipynb": b"\xef\xbb\xbf" + whole.encode(),
        "script.py": "\n# %%\n".join(["", *(cell["source"] for cell in _answers(solved()))]).encode(),
    } | _whole(whole)


def _answers(made: dict) -> list[dict]:
    return [cell for cell in made["cells"] if cell["metadata"].get("course", {}).get("exercise")]


def _whole(whole: str) -> dict[str, bytes]:
    """Notebooks that can be graded."""

    def strip(cell: dict) -> None:
        cell["metadata"], cell["source"] = {}, cell["source"].replace("# exercise: ", "# ")
        cell.pop("id", None)

    def magic(cell: dict) -> None:
        if cell["metadata"].get("course"):
            cell["source"] = "%matplotlib inline\n!pip list\n" + cell["source"]

    def rewrite(cell: dict) -> None:
        if "check(" in cell["source"]:
            cell["source"], cell["outputs"] = "print('all right')", []

    backwards = solved()
    backwards["cells"].reverse()
    cells = [{"cell_type": "code", "input": cell["source"]} for cell in solved()["cells"] if cell["cell_type"] == "code"]
    missing, text = solved(), solved()
    missing["cells"] = [cell for cell in missing["cells"] if cell not in _answers(missing)[:1]]
    _answers(text)[0]["cell_type"] = "markdown"
    helped = solved()
    first = _answers(helped)[0]
    name = TARGET.rpartition("/")[2]
    lines = first["source"].replace(f"def {name}(", "def helper(")
    helped["cells"].insert(1, {"cell_type": "code", "source": lines.replace("# exercise:", "#"), "metadata": {}, "outputs": []})
    first["source"] = f"# exercise: {TARGET}\ndef {name}(*args):\n    return helper(*args)"
    return {
        "honest.ipynb": whole.encode(),
        "same_ids.ipynb": changed(solved(), lambda cell: cell.update(id="1")),
        "stripped.ipynb": changed(solved(), strip),
        "reversed.ipynb": json.dumps(backwards).encode(),
        "format3.ipynb": json.dumps({"nbformat": 3, "worksheets": [{"cells": copy.deepcopy(cells)}]}).encode(),
        "magics.ipynb": changed(solved(), magic),
        "checks_rewritten.ipynb": changed(solved(), rewrite),
        "helper_in_another_cell.ipynb": json.dumps(helped).encode(),
        "no_left_moves.ipynb": json.dumps(missing).encode(),
        "text_instead.ipynb": json.dumps(text).encode(),
    }


assert TOPIC in TARGET
