"""Every page as a Markdown parser reads it: no stray HTML, no raw marks, formulas as written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import jupytext
import pytest
from conftest import ROOT
from markdown_it import MarkdownIt
from markdown_it.token import Token
from translations import Page

from ragkit.course import ledger
from ragkit.course.ledger import QUOTE, TABLE

PARSER = MarkdownIt("commonmark").enable("table")
PAGES = sorted({*ledger.pages(ROOT), *ROOT.glob("handout/*.md"), *ROOT.glob("benchmarks/*.md")})

ANCHOR = re.compile(r'^(#{1,6} )<a id="[a-z0-9-]+"></a>(?=\S)', re.MULTILINE)
FOLDED = re.compile(r"</?(details|summary)\b")
RAW_MARKS = re.compile(r"\*\*|__\w|`|\]\(|\[//\]:")
STAMP = re.compile(r"^\[//\]: # \(translates:[0-9a-f]{64}\)$", re.MULTILINE)
OPENS, CLOSES = "\x02", "\x03"  # where a ledger quote stands in the rendered text


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def texts(path: Path) -> list[str]:
    """The Markdown of a page, or of each Markdown cell of a lab."""
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = jupytext.read(path, fmt="py:percent").cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def inlines(text: str) -> Iterator[list[Token]]:
    """What each paragraph, heading or table cell consists of."""
    return (block.children or [] for block in PARSER.parse(text) if block.type == "inline")


def shown(tokens: list[Token]) -> str:
    """The words of a paragraph on screen, with a mark at both ends of each ledger quote."""
    return "".join(map(_shown, tokens))


def _shown(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    if token.type == "html_inline":
        return CLOSES if token.content.startswith("<!--/") else OPENS
    return f"`{token.content}`" if token.type == "code_inline" else token.content


def html_blocks(text: str) -> list[str]:
    """HTML that interrupts the text; within it, Markdown is not read."""
    blocks = (block.content for block in PARSER.parse(text) if block.type == "html_block")
    return [block for block in blocks if not FOLDED.match(block)]


def inline_html(text: str) -> list[str]:
    """HTML within a paragraph that is no mark of a whole ledger quote, nor a heading's anchor."""
    text = ANCHOR.sub(r"\1", text)
    marks = {quote[0].partition("-->")[0] + "-->" for quote in QUOTE.finditer(text)} | {"<!--/r-->"}
    html = (
        token.content for part in inlines(text) for token in part if token.type == "html_inline"
    )
    return [content for content in html if content not in marks]


def raw_marks(text: str) -> list[str]:
    """Text that shows the marks of Markdown itself, because they found no partner."""
    return [
        token.content
        for part in inlines(text)
        for token in part
        if token.type == "text" and RAW_MARKS.search(token.content)
    ]


def changed_formulas(text: str) -> list[str]:
    r"""Formulas that do not reach MathJax as written.

    Markdown reads them first: `\,` and `\|` lose their backslash, a pair of `_` becomes emphasis.
    """
    rendered = "\n¶\n".join(map(shown, inlines(text)))
    return list((_formulas(text) - _formulas(rendered)).elements())


def _formulas(text: str) -> Counter[str]:
    return Counter(Page(Path("x.md"), text).formulas)


def touching_quotes(text: str) -> list[str]:
    """Ledger quotes without a space between them and a word, as in `by60`."""
    touching = re.compile(rf"\w+{OPENS}[^{CLOSES}]*|[^{OPENS}{CLOSES}]*{CLOSES}\w+")
    return [found for part in inlines(text) for found in touching.findall(shown(part))]


def odd_marks(text: str) -> list[str]:
    """Marks of a table or a translation that `ragkit results` would not find."""
    unknown = re.findall(r"^\[//\]:.*", STAMP.sub("", TABLE.sub("", text)), re.MULTILINE)
    return unknown + re.findall(r".+\n\[//\]:.*", text)  # no blank line before: not a definition


CHECKS: list[Callable[[str], list[str]]] = [
    html_blocks,
    inline_html,
    raw_marks,
    changed_formulas,
    touching_quotes,
    odd_marks,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_reads_as_it_was_meant(path: Path, check: Callable[[str], list[str]]) -> None:
    assert [fault for text in texts(path) for fault in check(text)] == []


def test_every_kind_of_page_is_read() -> None:
    read = {path.relative_to(ROOT).parts[0] for path in PAGES}
    assert read >= {
        "README.md",
        "CONTRIBUTING.md",
        "theory",
        "docs",
        "solutions",
        "data",
        "handout",
    }


# The checks themselves can fail.

QUOTED = "<!--r:k-->60<!--/r-->"
GOOD = f"""# <a id="good-page"></a>A page

Ahead by {QUOTED} points, {QUOTED}%, {QUOTED}×, ({QUOTED}; **{QUOTED}**).
Not read: `**`, `$\\|x\\|$`. With $\\lVert x \\rVert_2 = 1$ and $a_1 b_2$.

<details><summary>Hint</summary>

A **hint**.

</details>

[//]: # (t:lab01.table)

| a | b |
|---|---|
| {QUOTED} | 2 |

[//]: # (/t)

[//]: # (translates:{"0" * 64})
"""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_page_has_no_faults(check: Callable[[str], list[str]]) -> None:
    assert check(GOOD) == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (html_blocks, f"Ahead by\n\n{QUOTED} points."),
        (html_blocks, f"- Ahead by\n  {QUOTED} points."),
        (html_blocks, f"- {QUOTED} points."),
        (html_blocks, f"> {QUOTED} points."),
        (html_blocks, "<!--t:lab01.table-->\n| a |\n<!--/t-->"),
        (html_blocks, "<div>\nText\n</div>"),
        (inline_html, "A <b>word</b>."),
        (inline_html, "A word. <!-- a note -->"),
        (inline_html, '## Title <a id="title"></a>'),
        (inline_html, '## <a id="título"></a>Título'),
        (inline_html, 'A <a id="word"></a>word.'),
        (inline_html, "Ahead by <!--r:k:no-such-part-->60<!--/r--> points."),
        (raw_marks, f"**Ahead by\n{QUOTED} points.**"),
        (raw_marks, f"**Ahead by{QUOTED} **points."),
        (raw_marks, "Call `x."),
        (raw_marks, "See [the page](no page.md)."),
        (odd_marks, "A line\n[//]: # (t:lab01.table)\n\n| a |\n\n[//]: # (/t)"),
        (changed_formulas, "The norm $\\|x\\|$."),
        (changed_formulas, "With $\\hat{a}_i b$ and $\\hat{a}_i b$, and $f(x)_j = g_{i}$."),
        (changed_formulas, "$$a\n+ b$$"),
        (changed_formulas, "$$a\n\nb$$"),
        (changed_formulas, "With $a \\, b$."),
        (changed_formulas, "$$\\left\\{ a \\right.$$"),
        (changed_formulas, "$$a \\\\ b$$"),
        (touching_quotes, f"Ahead by{QUOTED} points."),
        (touching_quotes, f"Ahead by {QUOTED}points."),
        (touching_quotes, f"Ahead *by*{QUOTED} points."),
        (odd_marks, "[//]: # (t:lab01.table)\n| a |\n|---|\n[//]: # (/t)\n"),
        (odd_marks, "[//]: # (translates:123)"),
    ],
)
def test_a_fault_is_found(check: Callable[[str], list[str]], text: str) -> None:
    assert check(text) != []
