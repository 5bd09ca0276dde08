"""The scheduled upkeep finds broken links and failing notebooks; the workflows name commands that exist."""

import json
import re
import subprocess
import urllib.error
import urllib.request

import nbformat
import pytest
import yaml

from tests.colab import weekly
from tests.exercises.notebooks import METADATA, ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def chapter(path, *cells) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(metadata=METADATA, cells=list(cells))), encoding="utf8")


def test_every_outside_address_is_asked_once_and_the_broken_are_named_with_their_file(tmp_path):
    chapter(tmp_path / "chapters/a/b.ipynb", nbformat.v4.new_markdown_cell("[x](https://x.org/1), https://gone.org/2."))
    (tmp_path / "README.md").write_text("https://x.org/1 http://127.0.0.1:9/", encoding="utf8")
    (tmp_path / "references.bib").write_text("url = {https://gone.org/3}", encoding="utf8")
    asked = []

    def ask(link: str) -> str:
        asked.append(link)
        return "status 404" if "gone" in link else ""

    assert weekly.broken_links(tmp_path, ask) == [
        "chapters/a/b.ipynb: https://gone.org/2: status 404",
        "references.bib: https://gone.org/3: status 404",
    ]
    assert asked == ["https://gone.org/2", "https://x.org/1", "https://gone.org/3"]


@pytest.mark.parametrize("code, said", [(404, "status 404"), (403, ""), (410, "status 410")])
def test_a_server_that_refuses_scripts_is_no_broken_link(monkeypatch, code, said):
    def urlopen(request, timeout):
        raise urllib.error.HTTPError(request.full_url, code, "", {}, None)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    assert weekly.answer("https://x.org") == said


def test_the_course_s_own_links_are_found():
    found = {link for _, text in weekly.texts(ROOT) for link in weekly.outside_links(text)}
    assert len(found) > 200 and "https://arxiv.org/abs/2012.01536" in found
    assert not [link for link in found if re.search(r"[\s<>\"']|[.,;:]$", link)]


def test_a_failing_notebook_is_named(tmp_path):
    chapter(tmp_path / "chapters/a/good.ipynb", nbformat.v4.new_code_cell("1 + 1"))
    chapter(tmp_path / "chapters/a/bad.ipynb", nbformat.v4.new_code_cell("raise KeyError('lost')"))
    assert weekly.failing_notebooks(tmp_path) == ["chapters/a/bad.ipynb: KeyError: 'lost'"]


def test_the_command_needs_a_job(capsys):
    assert weekly.main([]) == 2 and weekly.main(["all"]) == 2
    assert "say one of notebooks, links" in capsys.readouterr().err


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_whole_and_calls_what_exists(path):
    jobs = yaml.safe_load(path.read_text(encoding="utf8"))["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    commands = " ".join(step.get("run", "") for step in steps)
    for target in re.findall(r"\bmake (\w+)", commands):
        assert subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True).returncode == 0
    for module in re.findall(r"python -m (tests[\w.]+)", commands):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists()
    assert all(job["timeout-minutes"] <= 120 for job in jobs.values())


def test_published_is_what_is_built():
    steps = yaml.safe_load((ROOT / ".github/workflows/publish.yml").read_text(encoding="utf8"))["jobs"]["publish"]["steps"]
    assert "make book" in [step.get("run") for step in steps]
    assert {"path": "_build/html"} in [step.get("with") for step in steps]
    assert json.dumps(steps).count("deploy-pages") == 1
