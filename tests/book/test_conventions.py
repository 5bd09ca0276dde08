"""What every chapter and exercise notebook has in common, read from the files."""

import re
import statistics

import nbformat
import pytest
from setup_cell import TAGS, find_setup_cell, notebooks, setup_cell_source

from tests.book.served import CHAPTERS, EXERCISES, ROOT, read_notebook

MYST = {
    "a directive": re.compile(r"^\s*(`{3,}|~{3,}|:{3,})\s*\{", re.MULTILINE),
    "a fence of colons": re.compile(r"^:{3,}", re.MULTILINE),
    "a role": re.compile(r"\{[a-z:._-]+\}`"),
    "a target": re.compile(r"^\([\w:-]+\)=\s*$", re.MULTILINE),
}
OPENING = {
    "objectives": re.compile(r"objectives|you will be able to|you can", re.IGNORECASE),
    "prerequisites": re.compile(r"prerequisites|you need", re.IGNORECASE),
    "minutes to read": re.compile(r"minutes?\W+(\w+\W+){0,3}read|read\w*\W+(\w+\W+){0,4}minutes", re.IGNORECASE),
    "time to run": re.compile(r"\brun", re.IGNORECASE),
}
CITATION = re.compile(r"https?://(?:dx\.)?(?:doi\.org/([^\s)>\"]+)|arxiv\.org/(?:abs|pdf)/([^\s)>\"#]+))", re.IGNORECASE)
PLACES = {
    "exercises": "exercises/{}.ipynb",
    "solutions": "solutions/{}.py",
    "mistakes": "mistakes/{}.py",
    "checks": "course_lib/checks/{}.py",
    "claims": "course_lib/claims/{}.py",
    "demos": "course_lib/demos/{}.py",
}


def prose(name: str) -> str:
    cells = read_notebook(name)["cells"]
    return "\n\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")


def code(name: str) -> list[str]:
    """The sources of the code cells, without the setup cell."""
    cells = [cell for cell in read_notebook(name)["cells"] if cell["cell_type"] == "code"]
    return [cell["source"] for cell in cells if "setup" not in cell["metadata"].get("tags", [])]


def count_words(text: str) -> int:
    """Words of the prose: a formula counts as one, addresses of links, tags and blocks of code not at all."""
    text = re.sub(r"^```.*?^```", " ", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\$\$.*?\$\$", " formula ", text, flags=re.DOTALL)
    text = re.sub(r"\$[^$]+\$", " formula ", text)
    text = re.sub(r"\]\([^)]*\)|<[^>]+>", " ", text)
    return len(re.findall(r"[^\W_][\w'’-]*", text))


def test_count_words():
    assert count_words("# Two words\n\n$x + y$ is [a link](https://a.b/c).\n```\nx = 1\n```\n") == 6


@pytest.mark.parametrize("path", notebooks(ROOT), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_notebook_is_valid_and_begins_with_the_setup_cell(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cell = find_setup_cell(notebook)
    assert cell is not None, "no setup cell: run `make addresses`"
    assert cell is next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert cell["source"] == setup_cell_source(ROOT), "another setup cell: run `make addresses`"
    assert set(TAGS) <= set(cell["metadata"]["tags"])
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("path", notebooks(ROOT), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_notebook_is_in_the_book(path):
    assert path.relative_to(ROOT).with_suffix("").as_posix() in CHAPTERS + EXERCISES


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_has_no_outputs(name):
    for cell in read_notebook(name)["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_has_the_length_of_a_chapter(name):
    """Frontiers are postcards: half as long as the chapters of the other parts."""
    words, cells = ((800, 1200), (8, 12)) if name.startswith("chapters/frontiers/") else ((1500, 2500), (15, 22))
    lengths = [len(source.splitlines()) for source in code(name)]
    assert words[0] <= count_words(prose(name)) <= words[1]
    assert cells[0] <= len(lengths) <= cells[1]
    assert statistics.median(lengths) <= 8
    assert max(lengths) <= 30


@pytest.mark.parametrize("name", CHAPTERS)
def test_code_of_a_chapter_fits_the_page(name):
    """A line of more than 84 characters would scroll sideways in a window 1280 px wide."""
    assert [line for source in code(name) for line in source.splitlines() if len(line) > 84] == []


@pytest.mark.parametrize("name", CHAPTERS + EXERCISES)
def test_prose_is_plain_markdown(name):
    text = re.sub(r"^```.*?^```", "", prose(name), flags=re.MULTILINE | re.DOTALL)
    for what, pattern in MYST.items():
        assert not pattern.search(prose(name) if what == "a directive" else text), what


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_opens_and_closes_as_all_do(name):
    cells = read_notebook(name)["cells"]
    setup = next(i for i, cell in enumerate(cells) if "setup" in cell["metadata"].get("tags", []))
    head = [cell for i, cell in enumerate(cells) if i != setup]
    first_code = next(i for i, cell in enumerate(head) if cell["cell_type"] == "code")
    opening = "\n".join(cell["source"] for cell in head[:first_code])
    assert opening.startswith("# ")
    assert [what for what, pattern in OPENING.items() if not pattern.search(opening)] == []
    headings = [heading.lower() for heading in re.findall(r"^#+ (.+)$", prose(name), flags=re.MULTILINE)]
    assert any("key points" in heading for heading in headings)
    assert any("further reading" in heading for heading in headings)
    assert f"exercises/{name.removeprefix('chapters/')}.ipynb" in prose(name)


@pytest.mark.parametrize("name", CHAPTERS + EXERCISES)
def test_citations_are_in_the_bibliography(name):
    bibliography = (ROOT / "references.bib").read_text(encoding="utf8").lower().replace("\\_", "_")
    cited = [doi or re.sub(r"v\d+$", "", arxiv.removesuffix(".pdf")) for doi, arxiv in CITATION.findall(prose(name))]
    assert [key for key in cited if key.lower().rstrip(".,;") not in bibliography] == []


def test_bibliography_and_glossary_are_whole():
    """Every entry closes its braces and has one author, title and year; keys and words occur once."""
    entries = re.split(r"^(?=@)", (ROOT / "references.bib").read_text(encoding="utf8"), flags=re.MULTILINE)[1:]
    for entry in entries:
        assert entry.count("{") == entry.count("}") and entry.rstrip().endswith("}"), entry
        for field in ("title", "year"):
            assert len(re.findall(rf"[\s,]{field}\s*=", entry)) == 1, entry
    keys = [re.match(r"@\w+\{([^,\s]+),", entry).group(1) for entry in entries]
    assert len(set(keys)) == len(keys)
    words = (ROOT / "glossary.md").read_text(encoding="utf8").partition("```{glossary}\n")[2].partition("\n```")[0]
    blocks = [block.split("\n") for block in words.split("\n\n")]
    assert all(len(block) > 1 and all(line.startswith("  ") for line in block[1:]) for block in blocks)
    assert len({block[0] for block in blocks}) == len(blocks)


@pytest.mark.parametrize("name", CHAPTERS)
def test_everything_stands_at_the_chapters_address(name):
    address = name.removeprefix("chapters/")
    assert [what for what, place in PLACES.items() if not (ROOT / place.format(address)).exists()] == []
    part, topic = address.split("/")
    assert (ROOT / "tests" / part / f"test_{topic}.py").exists()
