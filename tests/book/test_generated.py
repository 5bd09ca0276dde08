"""The pages and files that the build makes: ledger, execution times, solutions, exercises' verdicts, the wheel."""

import io
import re
import urllib.request
import zipfile

import pytest
from course_book import execute, keys, pages
from setup_cell import addresses

from course_lib.claims.again import chapter_calls
from tests.book.served import CHAPTERS, EXERCISES, ROOT, SOLUTIONS, read_notebook, soup

RECORD = {
    "id": "a/b/c", "statement": "x < 2", "kind": "measured", "threshold": "below 2", "estimate": 1.0, "low": 0.5,
    "high": 1.5, "unit": "points", "verdict": "supported", "seeds": 5,
}  # fmt: skip


def words(text: str) -> str:
    """The text with single spaces and straight quotes: the page has curly ones."""
    return " ".join(text.translate(str.maketrans("‘’“”", "''\"\"")).split())


@pytest.fixture(scope="module")
def executed(site) -> dict[str, execute.Executed]:
    """Every chapter as the cache has it, by the keys of the files as they are now."""
    library, cache = keys.Library(ROOT), execute.open_cache(ROOT / "_build" / ".jupyter_cache")
    return {name: execute.load(execute.Chapter.read(ROOT, name, library), cache) for name in CHAPTERS}


def test_ledger_has_a_row_a_record(executed):
    records = [claim for chapter in executed.values() for claim in chapter.claims]
    rows = [words(row.get_text()) for row in soup("chapters/claims").select("table.ledger tbody tr")]
    assert len(rows) == len(records) >= 4
    for record, row in zip(records, rows, strict=True):
        assert words(record["statement"]) in row
        assert f"{pages.SYMBOLS[record['verdict']]} {record['verdict']}" in row


def test_front_page_has_the_score_of_the_ledger(executed):
    front, ledger = (words(soup(name).select_one("article").get_text()) for name in ("intro", "chapters/claims"))
    assert pages.score(executed) in front and pages.score(executed) in ledger


def test_every_claim_can_be_run_again_by_its_id(executed):
    """`python -m course_lib.claims` finds the statement of each record of the ledger by the record's id."""
    calls = {f"{call.chapter}/{call.function}" for name in CHAPTERS for call in chapter_calls(name.removeprefix("chapters/"))}
    ids = {"/".join(claim["id"].split("/")[:3]) for chapter in executed.values() for claim in chapter.claims}
    assert ids == calls


def test_ledger_refuses_incomplete_records_and_equal_ids():
    def chapter(*records: dict) -> dict:
        return {"chapters/a/b": execute.Executed("B", [[{"data": {execute.CLAIM: r}} for r in records]], {}, {})}

    assert "✓ supported" in pages.claims_page(chapter(RECORD))
    for records in ([RECORD, RECORD], [RECORD | {"verdict": "maybe"}], [{"id": "x"}]):
        with pytest.raises(pages.ExtensionError):
            pages.claims_page(chapter(*records))


def test_executed_page_lists_every_chapter(executed, capsys):
    rows = [words(row.get_text()) for row in soup("executed").select("table.executed tbody tr")]
    assert len(rows) == len(CHAPTERS)
    for chapter, row in zip(executed.values(), rows, strict=True):
        assert words(chapter.title) in row
        assert str(chapter.facts["execution_seconds"]) in row and str(chapter.facts["peak_mb"]) in row
        assert chapter.facts["execution_seconds"] > 0 and chapter.facts["peak_mb"] > 0
    with capsys.disabled():
        print("\nseconds a chapter:", {name: chapter.facts["execution_seconds"] for name, chapter in executed.items()})


@pytest.mark.parametrize("name", CHAPTERS + EXERCISES)
def test_every_figure_that_is_described_is_on_the_page(site, name):
    """A figure can fail to appear without an error; its description then has no image."""
    cells = [cell for cell in read_notebook(name)["cells"] if cell["cell_type"] == "code"]
    described = [cell["metadata"]["mystnb"]["image"]["alt"] for cell in cells if "image" in cell["metadata"].get("mystnb", {})]
    shown = {words(image.get("alt", "")) for image in soup(name).select("img")}
    assert [alt for alt in described if words(alt) not in shown] == []


@pytest.mark.parametrize("name", EXERCISES)
def test_stored_verdicts_are_on_the_page(site, name):
    text, checks = words(soup(name).get_text()), 0
    for cell in read_notebook(name)["cells"]:
        if cell["cell_type"] == "code" and cell["source"].startswith("# NBVAL_CHECK_OUTPUT"):
            stored = "".join("".join(output.get("text", "")) for output in cell["outputs"])
            assert stored.strip(), "a check without its verdict"
            assert words(stored) in text
            checks += 1
    assert checks
    assert len(soup(name).select("div.cell.tag_check .cell_output")) == checks


@pytest.mark.parametrize("name", SOLUTIONS)
def test_every_solution_is_on_the_page(site, name):
    text = words(soup(name).get_text())
    _, _, solutions = pages.split_solutions((ROOT / f"{name}.py").read_text(encoding="utf8"))
    assert solutions
    for exercise, code in solutions.items():
        assert exercise in text
        assert words(code) in text


def test_a_book_without_solutions_shows_none():
    path = ROOT / f"{SOLUTIONS[0]}.py"
    page = pages.solutions_page(ROOT, path, shown=False)
    assert "def " not in page and "without its solutions" in page


def test_solutions_are_split():
    source = '"""Doc."""\n\nimport torch\n\n\n# exercise: a/b/c\nx = 1\n# exercise: a/b/d\ny = 2\n'
    assert pages.split_solutions(source) == ("Doc.", "import torch", {"a/b/c": "x = 1", "a/b/d": "y = 2"})


def test_setup_cells_are_hidden(site):
    for name in CHAPTERS + EXERCISES:
        assert not re.search(r"pip.*install.*--no-deps", soup(name).get_text())


def test_the_site_serves_the_wheel_with_its_data(base):
    name = f"course_lib-{addresses(ROOT)['version']}-py3-none-any.whl"
    with urllib.request.urlopen(f"{base}wheels/{name}") as answer:
        content = answer.read()
    assert len(content) <= 5_000_000
    names = set(zipfile.ZipFile(io.BytesIO(content)).namelist())
    wanted = [path for path in (ROOT / "course_lib").rglob("*") if path.suffix in (".py", ".npz", ".csv")]
    missing = [path for path in wanted if path.relative_to(ROOT).as_posix() not in names]
    assert wanted and not missing
