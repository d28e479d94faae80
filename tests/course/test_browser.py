"""Sliders and the box for questions, moved and typed into in JupyterLab in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import browser
import pytest
from conftest import ROOT
from selenium.webdriver.common.keys import Keys

import ragkit

REQUIRED = os.environ.get("RAGKIT_BROWSER") == "require"
pytestmark = pytest.mark.skipif(bool(browser.missing()) and not REQUIRED, reason=browser.missing())

BEGIN = """
import numpy as np
import ragkit
from ragkit.course import ask, seeing
from ragkit.documents.chunking import word_spans

class Drawn:
    def encode(self, texts):
        rows = np.random.default_rng(0).normal(size=(len(texts), 60)).astype("float32")
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    encode_document = encode_query = encode

kb, book = ragkit.load_kb(split="dev"), ragkit.load_handbook(split="dev")
cosines = np.linspace(0.9, 0.1, 12)
first = {q.query_id: dict(zip(kb.by_id, range(56, 0, -1))) for q in kb.queries}
logits = {q: {i: -s for i, s in list(row.items())[:10]} for q, row in first.items()}
"""
SLIDERS = {
    "temperature": 'seeing.temperature(cosines, [f"document-{n}" for n in range(12)], right=1)',
    "windows": "seeing.windows(book, word_spans, book.questions[0].spans[0])",
    "shrinkage": "seeing.shrinkage(kb, Drawn(), [query.text for query in kb.queries])",
    "rerank_depth": "seeing.rerank_depth(kb, first, logits)",
    "bootstrap": 'seeing.bootstrap(cosines, "mean cosine")',
}
BOX = 'ask(kb, systems=["bm25", "minigpt-table"])'
CELLS = [BEGIN, *SLIDERS.values(), BOX, ""]
NUMBERS = {name: number for number, name in enumerate(SLIDERS, start=1)}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Notebook]:
    """A notebook with every slider and the box, all of it run."""
    folder, scratch = (tmp_path_factory.mktemp(name) for name in ("folder", "scratch"))
    browser.write_notebook(folder / "seeing.ipynb", *CELLS)
    with browser.opened_lab(folder, scratch, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1") as lab:
        opened = lab.open("seeing.ipynb")
        opened.run_all()
        yield opened


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_moved_by_keyboard_changes_picture_and_words(
    notebook: browser.Notebook, name: str
) -> None:
    number = NUMBERS[name]
    notebook.select(number)
    handle = notebook.find(number, ".noUi-handle")
    picture = notebook.find(number, "img").get_attribute("src")
    words = notebook.find(number, "[role=status]").text
    assert notebook.find(number, "img").get_attribute("alt")
    handle.send_keys(Keys.ARROW_RIGHT)
    notebook.until(lambda: notebook.find(number, "[role=status]").text != words)
    assert notebook.find(number, "img").get_attribute("src") != picture
    handle.send_keys(Keys.ARROW_LEFT)
    notebook.until(lambda: notebook.find(number, "[role=status]").text == words)
    assert notebook.find(number, "img").get_attribute("src") == picture


def test_the_widget_stands_in_place_of_the_still_picture(notebook: browser.Notebook) -> None:
    for number in NUMBERS.values():
        notebook.find(number, ".noUi-handle")
        assert len(notebook.output(number).find_elements("css selector", "img")) == 1


def test_the_box_answers_with_all_systems_and_marks_what_is_right(
    notebook: browser.Notebook,
) -> None:
    number = CELLS.index(BOX)
    notebook.select(number)
    field = notebook.find(number, "input")
    offered = notebook.output(number).find_elements("css selector", "option")
    assert len(offered) > 3
    kb = ragkit.load_kb(split="dev")
    field.send_keys("past participle of SPEAK", Keys.ENTER)
    notebook.until(lambda: "right at rank" in notebook.text(number))
    heads = [e.text for e in notebook.output(number).find_elements("css selector", "th[scope=col]")]
    assert heads == ["rank", "BM25", "MiniGPT table, mean"]
    cells = [cell.text for cell in notebook.output(number).find_elements("css selector", "td")]
    marked = [cell for cell in cells if "✓ right" in cell]
    (query,) = [q for q in kb.queries if q.text == "past participle of speak"]
    assert marked
    assert {cell.splitlines()[-1] for cell in marked} <= kb.qrels[query.query_id].keys()
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(" ", Keys.ENTER)
    notebook.until(lambda: "Type a question" in notebook.text(number))


def test_code_that_is_typed_is_run(notebook: browser.Notebook, tmp_path: Path) -> None:
    number = len(CELLS) - 1
    notebook.type_code(number, "def double(x):\n    return 2 * x\n\nprint(double(21))")
    notebook.run(number)
    notebook.until(lambda: notebook.text(number) == "42")
    assert notebook.screenshot(tmp_path / "cell.png", number).stat().st_size > 0
