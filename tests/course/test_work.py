"""The student's copies in work/: made once, never overwritten, opened on the course's root."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import student_work as student
from conftest import ROOT

from ragkit.course.work import copies, items, notebooks
from ragkit.errors import DataError


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return student.course(tmp_path)


# What there is to do


def test_every_check_of_the_labs_is_an_item_with_a_number_and_a_title() -> None:
    """The oracle reads the sources, not the notebooks."""
    wanted = [
        name
        for path in sorted((ROOT / "solutions").glob("*.py"))
        for name in re.findall(
            r'(?m)^(?:drills\.)?check(?:\.(?=\w+\(\w+\)$)|\(")(\w+)', path.read_text("utf-8")
        )
    ]
    found = [item for lab in items.all_labs() for item in lab.items]
    assert [item.name for item in found] == wanted
    assert [item.name for item in found if not item.title] == []
    numbers = [item.number for item in found]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"\d\.\d|\d\d_\d", number) for number in numbers)


@pytest.mark.parametrize("name", ["1.4", "hit_rate"])
def test_an_exercise_is_found_by_number_and_by_name(name: str) -> None:
    lab, item = items.find(name, items.all_labs())
    assert (lab.number, item.label, item.title) == ("01", "1.4 hit_rate", "Hit rate")


@pytest.mark.parametrize("name", ["02_3", "drill_02_3"])
def test_a_drill_is_found_by_number_and_by_variable(name: str) -> None:
    lab, item = items.find(name, items.all_labs())
    assert (lab.number, item.name, item.variable) == ("02", "02_3", "drill_02_3")


def test_an_unknown_name_gets_the_list() -> None:
    with pytest.raises(DataError, match=r"'9\.9'.* 1\.1 mean_pool, .*drill_04_5"):
        items.find("9.9", items.all_labs())


# Files


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_cells_are_found_in_the_file_however_it_is_written(tmp_path: Path, indent: int) -> None:
    content = {
        "metadata": {"cells": [1]},
        "cells": [{"cell_type": "code", "source": ["a ]}\n", 'b "[{']}, {"cell_type": "raw"}],
        "nbformat": 4,
    }
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(content, indent=indent), encoding="utf-8")
    notebook = notebooks.read(path)
    assert [json.loads(notebook.raw(place)) for place in range(2)] == content["cells"]
    new = json.loads(notebook.with_cells({0: [{"x": 1}, notebook.raw(0)]}))
    assert new == {**content, "cells": [{"x": 1}, *content["cells"]]}


@pytest.mark.parametrize("content", [b"", b"x", b"[]", b"\xff{}", b'{"cells": [3]}', b"{}"])
def test_what_is_no_notebook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ipynb").write_bytes(content)
    with pytest.raises(DataError, match="not a notebook"):
        notebooks.read(tmp_path / "a.ipynb")


# Copies


def test_each_lab_is_copied_without_outputs_and_otherwise_as_it_is(course: Path) -> None:
    made = list(copies.copy_labs(course))
    assert [copy.new for copy in made] == [True] * len(made)
    labs = sorted((course / "labs").iterdir())
    assert [copy.path.name for copy in made] == [lab.name for lab in labs]
    for lab in labs:
        handed, own = student.load(lab), student.load(course / "work" / lab.name)
        assert any(cell.get("outputs") for cell in handed["cells"])
        for cell in handed["cells"]:
            if cell["cell_type"] == "code":
                cell.update(outputs=[], execution_count=None)
        assert own == handed


def test_what_is_in_work_is_kept(course: Path) -> None:
    list(copies.copy_labs(course))
    mine = course / "work" / student.LAB
    mine.write_bytes(b"my own")
    (course / "work" / "02-chunking-and-indexes.ipynb").unlink()
    new = {copy.path.name[:2]: copy.new for copy in copies.copy_labs(course)}
    assert new == {"01": False, "02": True, "03": False, "04": False}
    assert mine.read_bytes() == b"my own"


def test_a_link_that_leads_nowhere_is_kept(course: Path) -> None:
    (course / "work").mkdir()
    (course / "work" / student.LAB).symlink_to("nowhere")
    assert not next(copies.copy_labs(course)).new


def test_no_half_made_copy_is_left(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        list(copies.copy_labs(course))
    assert list((course / "work").iterdir()) == []


def test_a_course_without_labs_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Restore the folder"):
        list(copies.copy_labs(tmp_path))


def test_relative_links_of_a_copy_lead_somewhere() -> None:
    """work/ lies beside theory/ and solutions/, as labs/ does."""
    cells = [cell.source for lab in items.all_labs() for cell in lab.notebook.cells]
    targets = re.findall(r"\]\((\.\./[^)#]+)", "\n".join(cells))
    assert targets
    assert [t for t in targets if not (ROOT / t.removeprefix("../")).exists()] == []


# JupyterLab


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def server(course: Path, tmp_path: Path) -> Iterator[str]:
    """The address of JupyterLab as `ragkit work --open` starts it, its token included."""
    (course / "theory").mkdir()
    (course / "theory" / "page.txt").write_text("A page")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command = copies.jupyter_command("work", options, root=course)
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, **own}
    )
    assert process.stderr
    try:
        lines = (re.search(r"http://127\.0\.0\.1:\S+", line) for line in process.stderr)
        address = next(match[0] for match in lines if match)
        while process.poll() is None and not is_listening(port):
            pass  # it says where it will be a moment before it is there
        yield address
    finally:
        process.kill()
        process.communicate()


def test_jupyterlab_serves_the_whole_course_opens_in_work_and_asks_nothing(server: str) -> None:
    start, _, token = server.partition("/lab/tree/work?token=")
    assert token

    def get(path: str) -> Any:
        with urllib.request.urlopen(f"{start}/{path}?token={token}") as answer:
            return json.load(answer)

    assert get("api/contents/theory/page.txt")["content"] == "A page"
    assert get(f"api/contents/labs/{student.LAB}")["type"] == "notebook"
    settings = get("lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert settings["schema"]["properties"]["fetchNews"]["default"] == "false"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_help_lists_every_target_that_says_what_it_does() -> None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "setup.mk")]
    targets = re.findall(r"^(\S+):.*##", "\n".join(texts), re.MULTILINE)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(
        command, cwd=ROOT, env=outside, capture_output=True, check=True, text=True
    )
    assert [line.split()[0] for line in shown.stdout.splitlines()] == targets
    assert {"lab", "bench-quick"} <= set(targets)
