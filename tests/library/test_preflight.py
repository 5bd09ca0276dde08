"""Whether a machine is ready: what is found where something is missing, and the code for the teacher."""

import importlib.metadata
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib import demos, preflight
from course_lib.preflight import Finding


def printed_code(text: str) -> str:
    return re.search(r"code for your teacher: (\S+)", text)[1]


def test_this_machine_is_ready_and_its_code_says_so(capsys):
    assert preflight.main([]) == 0
    text = capsys.readouterr().out
    assert text.count("ok ") == len(preflight.LOOKS) and "NO " not in text
    assert preflight.main(["--read", printed_code(text)]) == 0
    line = capsys.readouterr().out
    torch = ".".join(importlib.metadata.version("torch").split(".")[:2])
    assert ": ready (course 0.1.0," in line
    assert f"Python 3.{sys.version_info[1]}, torch {torch}," in line


def test_it_runs_as_a_command():
    done = subprocess.run([sys.executable, "-m", "course_lib.preflight"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == "" and len(printed_code(done.stdout)) == 14


@pytest.mark.parametrize("found, said", [(None, "tqdm>=4.60"), ("4.9.1", "tqdm>=4.60"), ("4.60", ""), ("10.0.dev1", "")])
def test_a_package_that_is_missing_or_old_is_named_with_the_command_that_helps(monkeypatch, found, said):
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name != "tqdm":
            return real(name)
        if found is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(importlib.metadata, "version", version)
    finding = preflight.packages()
    assert finding.ok == (said == "")
    assert finding.advice == (f'python -m pip install "{said}"' if said else "")


def test_a_library_that_is_not_installed_is_said(monkeypatch):
    def requires(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert preflight.packages().advice == "python -m pip install ."


def test_an_old_python_is_said(monkeypatch):
    monkeypatch.setattr(preflight, "PYTHON", (3, 99))
    assert preflight.python().advice == "install Python 3.99 or newer"


def test_a_slow_machine_and_little_memory_are_said(monkeypatch):
    monkeypatch.setattr(preflight, "seconds", lambda: 9.87)
    assert "close other programs" in preflight.speed().advice
    monkeypatch.setattr(preflight, "LITTLE", 1e9)
    assert "close other programs" in preflight.memory().advice
    monkeypatch.setattr(preflight, "Path", lambda _: Path("/nowhere"))  # a system without that table
    assert preflight.memory().ok and "not told" in preflight.memory().found


def test_the_report_goes_on_when_something_is_broken(monkeypatch, capsys):
    def broken(*_: object) -> None:
        raise ImportError("no backend\nand a second line")

    monkeypatch.setattr(demos, "png", broken)
    assert preflight.main([]) == 1
    text = capsys.readouterr().out
    assert "NO  picture   ImportError: no backend\n    -> see the lines above" in text
    assert "NO  sliders" in text and "ok  speed" in text
    assert preflight.read(printed_code(text)).startswith("not ready: picture, sliders (")


@pytest.mark.parametrize("failed", range(len(preflight.LOOKS)))
def test_the_code_names_what_failed(failed):
    found = [Finding(look.__name__, "", "x" if place == failed else "") for place, look in enumerate(preflight.LOOKS)]
    assert preflight.read(preflight.code(found)).startswith(f"not ready: {preflight.LOOKS[failed].__name__} (")


@pytest.mark.parametrize("took, said", [(0.26, "0.3 s"), (0.0, "0.0 s"), (102.2, "102.2 s"), (1e6, "no time taken")])
def test_the_code_holds_the_time(took, said):
    found = [Finding(look.__name__, "") for look in preflight.LOOKS]
    found[5] = Finding("speed", "", value=(took,))
    assert preflight.read(preflight.code(found)).endswith(f"{said})")


def test_codes_are_read_as_people_write_them():
    text = preflight.code([Finding("python", "")])
    for written in (text.lower(), text.replace("-", " "), text.replace("0", "O"), text.replace("1", "l")):
        assert preflight.read(written) == preflight.read(text)


def test_slips_are_noticed(capsys):
    text = preflight.code([Finding("python", "")])
    letters = text.replace("-", "")
    slips = [letters[:i] + other + letters[i + 1 :] for i in range(12) for other in preflight.LETTERS if other != letters[i]]
    slips += [letters[:i] + letters[i + 1] + letters[i] + letters[i + 2 :] for i in range(11) if letters[i] != letters[i + 1]]
    passed = 0
    for slip in itertools.chain(slips, (letters[:-1], letters + "0", "", "hello")):
        try:
            preflight.read(slip)
            passed += 1
        except ValueError as error:
            assert "look for a slip" in str(error)
    assert passed <= 2  # two letters of checksum let one slip in a thousand pass
    assert preflight.main(["--read", text, "nonsense"]) == 1
    seen = capsys.readouterr()
    assert text in seen.out and "'nonsense'" in seen.err


def test_the_page_for_teachers_shows_a_code_and_every_line():
    page = (Path(__file__).parents[2] / "workshop" / "preflight.md").read_text("utf8")
    assert preflight.read(re.search(r"--read (\S+)", page)[1]).startswith("ready (course 0.1.0")
    rows = re.findall(r"^\| (\w+) \|", page, re.M)[1:]
    assert rows == [look().name for look in preflight.LOOKS]
