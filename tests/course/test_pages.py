"""The written pages: translations in step, links, images, formulas, code, and no loose numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import translations
from conftest import ROOT
from matplotlib.mathtext import MathTextParser
from translations import Page

from ragkit.course.layout import labs
from ragkit.course.ledger import QUOTE, TABLE
from ragkit.course.staff import editions

PAIRS = list(translations.translated_pages())
WRITTEN = sorted({path for pair in PAIRS for path in pair if path.is_file()})
OTHERS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "data").rglob("*.md"))]
LABS = [lab.source for lab in labs()]


def name(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


def lab_page(source: Path) -> Page:
    """The Markdown cells of a lab, as one page that lies where the notebooks lie."""
    cells = editions.build(source, solved=True).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return Page(source.with_suffix(".md"), text)


def any_page(path: Path) -> Page:
    return lab_page(path) if path.suffix == ".py" else translations.read(path)


def broken_links(page: Page) -> Iterator[str]:
    """Targets inside the project that lead nowhere."""
    for target in [*page.links, *(target for _, target in page.images)]:
        file, _, anchor = target.partition("#")
        if file.startswith(("http://", "https://")):
            continue
        path = (page.path.parent / file).resolve() if file else page.path
        if not path.exists() or (anchor and anchor not in translations.read(path).anchors):
            yield target


def loose_numbers(page: Page) -> list[str]:
    """Decimal numbers that are no ledger quote, formula, code, nor in a paragraph that cites."""
    text = TABLE.sub("", QUOTE.sub("", page.prose))
    text = re.sub(r"\$\$.+?\$\$|\$[^$\n]+\$|`[^`\n]*`|\([^)\s]*\)", "", text, flags=re.DOTALL)
    paragraphs = [p for p in re.split(r"\n\s*\n", text) if not re.search(r"\b(19|20)\d\d\b", p)]
    return [
        number for p in paragraphs for number in re.findall(r"(?<![\w.])\d+\.\d+(?![\w.]\d)", p)
    ]


def in_mathtext(formula: str) -> str:
    r"""The formula with `\Vert` for `\lVert` and `\rVert`, which only MathJax tells apart."""
    return re.sub(r"\\[lr]Vert(?![A-Za-z])", r"\\Vert", formula)


@pytest.mark.parametrize(("english", "spanish"), PAIRS, ids=name)
def test_a_translation_is_in_step(english: Path, spanish: Path) -> None:
    assert spanish.is_file()
    assert translations.out_of_step(translations.read(english), translations.read(spanish)) == []


@pytest.mark.parametrize(("english", "spanish"), PAIRS, ids=name)
def test_a_page_opens_with_links_to_both_languages(english: Path, spanish: Path) -> None:
    assert translations.read(english).text.startswith(f"English · [Español]({spanish.name})\n")
    assert translations.read(spanish).text.startswith(f"[English]({english.name}) · Español\n")


@pytest.mark.parametrize("path", [*WRITTEN, *OTHERS, *LABS], ids=name)
def test_every_link_resolves(path: Path) -> None:
    assert list(broken_links(any_page(path))) == []


@pytest.mark.parametrize("path", [*WRITTEN, *OTHERS], ids=name)
def test_every_image_says_in_words_what_it_shows(path: Path) -> None:
    for alt, target in translations.read(path).images:
        assert len(alt.split()) >= 8, target


@pytest.mark.parametrize("path", [*WRITTEN, *LABS], ids=name)
def test_every_formula_renders(path: Path) -> None:
    parser = MathTextParser("agg")
    for formula in any_page(path).formulas:
        assert not re.search(r"\\(thick|med)space\b", formula)  # MathJax has neither
        parser.parse(f"${in_mathtext(formula)}$")


@pytest.mark.parametrize("path", WRITTEN, ids=name)
def test_no_measured_number_stands_outside_the_ledger(path: Path) -> None:
    assert loose_numbers(translations.read(path)) == []


@pytest.mark.parametrize("path", [english for english, _ in PAIRS], ids=name)
def test_the_code_of_a_page_runs_from_top_to_bottom(path: Path) -> None:
    namespace: dict[str, object] = {}
    for language, code in translations.read(path).code:
        if language == "python":
            exec(compile(code, path.name, "exec"), namespace)  # noqa: S102  # our own pages


@pytest.mark.parametrize("path", sorted(ROOT.glob("theory/0*.md")), ids=name)
def test_a_theory_page_has_five_drills_and_a_recap(path: Path) -> None:
    page = translations.read(path)
    assert page.drills == ["1", "2", "3", "4", "5"]
    assert any(title in ("Recap", "Resumen") for _, title in page.headings)


def test_every_figure_is_used_and_every_lab_has_its_answers() -> None:
    shown = {target for path in WRITTEN for _, target in translations.read(path).images}
    assert {f"figures/{path.name}" for path in ROOT.glob("theory/figures/*.png")} == shown
    for path in ROOT.glob("theory/0?-*.md"):
        stem = path.name.split(".")[0]
        assert (ROOT / "solutions" / f"{stem}-ref.md").is_file(), stem


# The checks themselves can fail.

ENGLISH = """English · [Español](x.es.md)

# Title

## <a id="s1"></a>1. Part

Text with $a + b$ and <!--r:k-->0.5<!--/r-->.

```python
x = 1
```

![A picture of nothing](figures/x.png)

**Drill 1.** What?
"""
SPANISH = ENGLISH.replace("**Drill 1.**", "**Cuestión 1.**")


def stamped(tmp_path: Path, english: str, spanish: str) -> tuple[Page, Page]:
    first, second = tmp_path / "x.md", tmp_path / "x.es.md"
    first.write_text(english)
    second.write_text(spanish)
    translations.stamp(first, second)
    return translations.read(first), translations.read(second)


def test_a_faithful_translation_has_no_complaints(tmp_path: Path) -> None:
    assert translations.out_of_step(*stamped(tmp_path, ENGLISH, SPANISH)) == []


def test_a_new_value_makes_no_translation_stale(tmp_path: Path) -> None:
    english, spanish = stamped(tmp_path, ENGLISH, SPANISH)
    measured = Page(english.path, english.text.replace("0.5", "0.6"))
    assert translations.out_of_step(measured, spanish) == []


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("# Title\n", "# Title\n\n## More\n", "headings"),
        ('<a id="s1">', '<a id="s2">', "anchors"),
        ("$a + b$", "$a - b$", "formulas"),
        ("x = 1", "x = 2", "code blocks"),
        ("<!--r:k-->", "<!--r:k:low-->", "ledger quotes"),
        ("figures/x.png", "figures/y.png", "images"),
        ("Cuestión 1.", "Cuestión 2.", "drills"),
    ],
)
def test_a_translation_that_differs_is_named(tmp_path: Path, old: str, new: str, part: str) -> None:
    assert old in SPANISH
    complaints = translations.out_of_step(*stamped(tmp_path, ENGLISH, SPANISH.replace(old, new)))
    assert [part in complaint for complaint in complaints] == [True]


def test_a_changed_original_makes_its_translation_stale(tmp_path: Path) -> None:
    english, spanish = stamped(tmp_path, ENGLISH, SPANISH)
    changed = Page(english.path, english.text.replace("Text", "Other text"))
    assert len(translations.out_of_step(changed, spanish)) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It reaches 0.93 here.", ["0.93"]),
        ("It reaches <!--r:k-->0.93<!--/r--> here.", []),
        ("With $\\tau = 0.05$ or `0.05`.", []),
        ("Published: 39.01 (Nogueira & Cho 2019).", []),
        ("One 0.93 here.\n\nAnother paper (2019).", ["0.93"]),
        ("See section 3 and [version](a-1.2.md).", []),
    ],
)
def test_loose_numbers_are_found(text: str, found: list[str]) -> None:
    assert loose_numbers(Page(Path("x.md"), text)) == found


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "y.md").write_text('# <a id="own"></a>A title, here\n')
    text = (
        "[a](y.md) [b](y.md#a-title-here) [c](z.md) [d](y.md#no) [e](https://example.org) "
        "[f](y.md#own) [g](#here)"
    )
    assert list(broken_links(Page(tmp_path / "x.md", text))) == ["z.md", "y.md#no", "#here"]


def test_a_formula_that_does_not_render_is_an_error() -> None:
    (formula,) = Page(Path("x.md"), "Look: $\\frac{1}{$ here").formulas
    with pytest.raises(ValueError, match="frac"):
        MathTextParser("agg").parse(f"${formula}$")
