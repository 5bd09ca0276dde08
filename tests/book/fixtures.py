"""The built site, served on loopback, and the system's Chromium, once for all tests of this folder."""

import fcntl
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serve
from playwright.sync_api import Browser, sync_playwright

from tests.book.served import ROOT, SITE, Tab

BROWSERS = ("chromium", "google-chrome", "chromium-browser")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split() + ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]  # nothing but this machine can be reached


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built book; builds it if there is none, or if the last build failed."""
    lock = ROOT / "_build" / ".lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # one build, however many processes run the tests
        if (ROOT / "_build" / ".unfinished").exists() or not (SITE / "index.html").exists():
            command = [str(Path(sys.executable).parent / "jupyter-book"), "build", ".", "-W", "-n", "--keep-going"]
            result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return SITE


@pytest.fixture(scope="session")
def base(site: Path) -> Iterator[str]:
    """The address of the site, with a slash at its end."""
    with serve.make_server(site, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{serve.HOST}:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert program, "no browser found: install the package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tab(browser: Browser, base: str) -> Tab:
    """A tab that all tests of this process share: open the page that a test is about."""
    return Tab(browser, base)
