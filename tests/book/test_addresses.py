"""A copy of the course goes to another address by editing `_config.yml` alone."""

import json
import shutil
import subprocess
import sys
import tomllib

import pytest
from setup_cell import FILES, addresses, find_setup_cell, owner_and_name, setup_cell_source

from tests.book.served import ROOT

NOTEBOOKS = ("chapters/attribution/shapley.ipynb", "exercises/attribution/shapley.ipynb")
SITE, REPOSITORY = "https://example.org/teach", "https://github.com/someone/else"


@pytest.fixture
def copy(tmp_path):
    """A small copy with other addresses in its configuration, after `make addresses`."""
    files = [path.relative_to(ROOT).as_posix() for pattern in FILES for path in ROOT.glob(pattern)]
    for name in [*files, *NOTEBOOKS, "_config.yml"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    old, config = addresses(ROOT), tmp_path / "_config.yml"
    text = config.read_text(encoding="utf8").replace(old["site"], f"{SITE}/").replace(old["repository"], REPOSITORY)
    config.write_text(text, encoding="utf8")
    subprocess.run([sys.executable, ROOT / "_ext/setup_cell.py", tmp_path], check=True, capture_output=True)
    return tmp_path


def test_no_old_address_is_left_anywhere(copy):
    old = addresses(ROOT)
    for path in copy.rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf8")
            for address in (old["site"].rstrip("/"), old["repository"], f"github/{owner_and_name(old['repository'])}/"):
                assert address not in text, path


def test_setup_cells_package_and_colab_links_have_the_new_ones(copy):
    assert addresses(copy)["site"] == f"{SITE}/" and addresses(copy)["repository"] == REPOSITORY
    for name in NOTEBOOKS:
        cell = find_setup_cell(json.loads((copy / name).read_text(encoding="utf8")))
        assert "".join(cell["source"]) == setup_cell_source(copy)
        assert f'"{SITE}/wheels/' in "".join(cell["source"])
    urls = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf8"))["project"]["urls"]
    assert urls == {"Homepage": f"{SITE}/", "Repository": REPOSITORY}
    readme = (copy / "README.md").read_text(encoding="utf8")
    assert "https://colab.research.google.com/github/someone/else/blob/main/chapters/attribution/shapley.ipynb" in readme


def test_a_second_run_changes_nothing(copy):
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    again = subprocess.run([sys.executable, ROOT / "_ext/setup_cell.py", copy], check=True, capture_output=True, text=True)
    assert again.stdout == ""
    assert {path: path.read_bytes() for path in before} == before


def test_no_other_file_holds_the_addresses():
    """Whatever else had them would keep the old ones in a copy."""
    known = {path for pattern in FILES for path in ROOT.glob(pattern)} | {ROOT / "_config.yml"}
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    owner = owner_and_name(addresses(ROOT)["repository"]).partition("/")[0]
    for name in filter(None, listed):
        path = ROOT / name
        if path not in known and path.suffix in (".py", ".md", ".yml", ".toml", ".txt", ".cff", ".js", ".css", ".html", ""):
            assert owner not in path.read_text(encoding="utf8"), name
