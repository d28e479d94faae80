"""A course folder whose labs a test may write to, and notebooks as a student leaves them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from conftest import ROOT

LAB = "01-embeddings-and-biencoders.ipynb"
TEXT = (
    "Every token of one side looks at every token of the other, so names, negations and who does "
    "what to whom are compared before anything is thrown away into a single vector."
)
STUB = '    raise NotImplementedError("your turn")'


def course(folder: Path) -> Path:
    """A folder with the labs as they are handed out."""
    shutil.copytree(ROOT / "labs", folder / "labs", ignore=shutil.ignore_patterns(".*"))
    return folder


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def save(path: Path, notebook: Any) -> None:
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def source(cell: Any) -> str:
    return "".join(cell["source"])


def cell_with(notebook: Any, text: str) -> Any:
    """The one code cell that contains a text."""
    [cell] = [c for c in notebook["cells"] if c["cell_type"] == "code" and text in source(c)]
    return cell


def rewrite(path: Path, text: str, old: str, new: str) -> None:
    """Replace `old` by `new` in the code cell that contains `text`, as an editor would."""
    notebook = load(path)
    cell = cell_with(notebook, text)
    assert old in source(cell)
    cell["source"] = source(cell).replace(old, new)
    save(path, notebook)


def add(path: Path, *sources: str) -> None:
    """Add code cells at the end, with ids as JupyterLab makes them."""
    notebook = load(path)
    for number, text in enumerate(sources):
        made = {"cell_type": "code", "execution_count": None, "id": f"added-{number}"}
        notebook["cells"].append({**made, "metadata": {}, "outputs": [], "source": text})
    save(path, notebook)
