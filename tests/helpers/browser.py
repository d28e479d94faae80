"""JupyterLab in a real browser: open a notebook of a folder, run cells, type, read what is shown.

`opened_lab(folder)` starts a server and headless Chromium and ends both, with all they started.
Every wait is for something to become true, and `PATIENCE` is only how long that may take.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import nbformat
import psutil
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

T = TypeVar("T")

PATIENCE = 25  # seconds
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1300,1600",
)
NO_NEWS = {"@jupyterlab/apputils-extension:announcements": True}
ALL_CELLS_IN_THE_PAGE = {"windowingMode": "none"}
PANEL = "window.jupyterapp.shell.currentWidget"


def missing() -> str:
    """What a browser test needs and this machine lacks, in words; empty if nothing."""
    needed = {"Chromium or Chrome": _chromium(), "chromedriver": shutil.which("chromedriver")}
    names = [name for name, found in needed.items() if not found]
    return f"there is no {' and no '.join(names)}" if names else ""


def _chromium() -> str | None:
    """The browser's program, under the first of its names that there is."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, found), None)


class Notebook:
    """A notebook that is open in the browser; cells count from 0, Markdown ones included."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.until(lambda: self._js(f"return {PANEL}?.context?.isReady && {PANEL}.isVisible"))
        idle = f"return {PANEL}.sessionContext.session?.kernel?.status === 'idle'"
        self.until(lambda: self._js(idle))

    def until(self, what: Callable[[], T]) -> T:
        """The first truthy value of `what`, waited for."""
        waiting = WebDriverWait(
            self.driver, PATIENCE, 0.05, [StaleElementReferenceException, IndexError]
        )
        return waiting.until(lambda _: what())

    def _js(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def _command(self, name: str) -> None:
        """Run a command of JupyterLab and wait for its end."""
        done = f"window.jupyterapp.commands.execute({name!r}).finally(arguments[0])"
        self.driver.execute_async_script(done)

    def run_all(self) -> None:
        """Run every cell, and wait for the last."""
        self._command("notebook:run-all-cells")

    def run(self, number: int) -> None:
        """Run one cell, and wait for its end."""
        self.select(number)
        self._command("notebook:run-cell")

    def select(self, number: int) -> None:
        """Make one cell the active one, and bring it to view."""
        self._js(f"{PANEL}.content.activeCellIndex = arguments[0]", number)
        self._js("arguments[0].scrollIntoView({block: 'center'})", self.cell(number))

    def cell(self, number: int) -> WebElement:
        """The whole cell."""
        return self._js(f"return {PANEL}.content.widgets[arguments[0]].node", number)

    def output(self, number: int) -> WebElement:
        """The part of a code cell below its code."""
        return self._js(f"return {PANEL}.content.widgets[arguments[0]].outputArea.node", number)

    def text(self, number: int) -> str:
        """The words on screen below a cell's code."""
        return self.output(number).text

    def find(self, number: int, selector: str) -> WebElement:
        """The first element of a cell's output that a CSS selector finds, waited for."""
        return self.until(lambda: self.output(number).find_elements(By.CSS_SELECTOR, selector)[0])

    def type_code(self, number: int, code: str) -> None:
        """Replace a cell's code, as if it were typed, without the editor's own indentation."""
        self.select(number)
        editor = self.cell(number).find_element(By.CSS_SELECTOR, ".cm-content")
        editor.click()
        editor.send_keys(Keys.CONTROL, "a")
        self.driver.execute_cdp_cmd("Input.insertText", {"text": code})
        self.until(lambda: self.code(number) == code)

    def code(self, number: int) -> str:
        """A cell's code, as JupyterLab has it."""
        script = f"return {PANEL}.content.widgets[arguments[0]].model.sharedModel.getSource()"
        return self._js(script, number)

    def save(self) -> None:
        """Write the notebook to its file."""
        self._command("docmanager:save")

    def screenshot(self, path: Path, number: int | None = None) -> Path:
        """A PNG of the window, or of one cell's output."""
        if number is None:
            self.driver.save_screenshot(str(path))
        else:
            self._js("arguments[0].scrollIntoView({block: 'start'})", self.output(number))
            self.output(number).screenshot(str(path))
        return path


class Lab:
    """A running JupyterLab, and the browser that looks at it."""

    def __init__(self, driver: webdriver.Chrome, address: str, token: str) -> None:
        self.driver, self.address, self.token = driver, address, token

    def open(self, name: str) -> Notebook:
        """Open a notebook of the folder, with a kernel."""
        self.driver.get(f"{self.address}lab/tree/{name}?token={self.token}&reset")
        return Notebook(self.driver)


@contextmanager
def opened_lab(folder: Path, scratch: Path, **variables: str) -> Iterator[Lab]:
    """JupyterLab on `folder` and Chromium, with their settings and profiles in `scratch`.

    The kernels get `variables`, and not `RAGKIT_QUIET`: somebody sits at this notebook.
    """
    token = secrets.token_hex(16)
    with _server(folder, scratch, token, variables) as address, _browser(scratch) as driver:
        yield Lab(driver, address, token)


@contextmanager
def _server(folder: Path, scratch: Path, token: str, variables: dict[str, str]) -> Iterator[str]:
    places = {name: scratch / name for name in ("config", "data", "runtime", "ipython")}
    settings = places["config"] / "lab/user-settings/@jupyterlab/notebook-extension"
    _write(settings / "tracker.jupyterlab-settings", ALL_CELLS_IN_THE_PAGE)
    _write(places["config"] / "labconfig/page_config.json", {"disabledExtensions": NO_NEWS})
    environment = {name: value for name, value in os.environ.items() if name != "RAGKIT_QUIET"}
    for name in ("config", "data", "runtime"):
        environment[f"JUPYTER_{name.upper()}_DIR"] = str(places[name])
    environment |= {"IPYTHONDIR": str(places["ipython"]), **variables}
    command = (
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", str(folder)),
        *("--ServerApp.port=0", f"--IdentityProvider.token={token}"),
        *("--LabApp.expose_app_in_browser=True", "--ServerApp.log_level=ERROR"),
    )
    with (scratch / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        with _ended(server.pid, lambda: _stop(server)):
            yield _address(server, places["runtime"])


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _address(server: subprocess.Popen[bytes], runtime: Path) -> str:
    """The server's address, which it writes down once it listens."""
    written = runtime / f"jpserver-{server.pid}.json"

    def read(_: object) -> str:
        assert server.poll() is None, "JupyterLab ended while it started; see server.log"
        return json.loads(written.read_text())["url"]

    return WebDriverWait(server, PATIENCE, 0.05, [OSError, ValueError]).until(read)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server as Ctrl-C and a yes would; it ends its kernels first."""
    server.terminate()
    server.wait(PATIENCE)


@contextmanager
def _browser(scratch: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = _chromium() or ""
    for flag in (*FLAGS, f"--user-data-dir={scratch / 'chromium'}"):
        options.add_argument(flag)
    service = Service(shutil.which("chromedriver") or "")
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_script_timeout(PATIENCE)
    with _ended(service.process.pid, driver.quit):
        yield driver


@contextmanager
def _ended(pid: int, end: Callable[[], None]) -> Iterator[None]:
    """Call `end` at the end, and see that the process and all that it started are gone.

    What is left is killed, one by one, and said.
    """
    process = psutil.Process(pid)
    try:
        yield
    finally:
        family = [process, *process.children(recursive=True)] if process.is_running() else []
        try:
            end()
        finally:
            _, left = psutil.wait_procs(family, timeout=30)
            for one in left:
                one.kill()
            assert left == [], left


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook of these code cells, without outputs."""
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": kernel}), path)
    return path
