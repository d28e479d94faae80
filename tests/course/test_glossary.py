"""The glossary: the same terms in both languages, in order, in use, and linked from first use."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jupytext
import pytest
import translations
from conftest import ROOT
from translations import Page

from ragkit.course.layout import labs

LANGUAGES = {"en": ROOT / "theory" / "glossary.md", "es": ROOT / "theory" / "glossary.es.md"}
ENTRY = re.compile(
    r'^### <a id="(?P<term>[a-z0-9-]+)"></a>(?P<name>[^\n]+)\n\n'
    r"(?P<meaning>[^\n].*?)\n\n(?P<about>[^\n].*?)\n\n",
    re.MULTILINE | re.DOTALL,
)
NOT_PROSE = re.compile(
    r"^#[^\n]*|!\[[^\]]*\]\([^)]*\)|<!--.*?-->|\$\$.+?\$\$|\$[^$\n]+\$", re.MULTILINE | re.DOTALL
)
MARKS = re.compile(r"\]\([^)]*\)|[*`]")
LINK = re.compile(r"\[(?P<words>[^\]]*)\]\((?P<target>[^)]*)\)")


@dataclass(frozen=True)
class Entry:
    """One term of a glossary: its anchor, its name, what it means, and where to read on."""

    term: str
    name: str
    meaning: str
    about: str


def entries(language: str) -> list[Entry]:
    page = translations.read(LANGUAGES[language])
    found = [Entry(**match.groupdict()) for match in ENTRY.finditer(page.text)]
    assert [entry.term for entry in found] == page.own_anchors  # no entry is without its parts
    return found


def collation_key(name: str) -> str:
    """What dictionaries sort by, Spanish ones too: letters and figures alone, ñ after n."""
    letters = unicodedata.normalize("NFD", name.lower().replace("ñ", "n\uffff"))
    return "".join(letter for letter in letters if letter.isalnum() or letter == "\uffff")


def theory_pages(language: str) -> list[Page]:
    paths = sorted(ROOT.glob("theory/0*.md"))
    return [translations.read(path) for path in paths if is_spanish(path) == (language == "es")]


def is_spanish(path: Path) -> bool:
    return path.name.endswith(".es.md")


def lab_texts() -> list[str]:
    """The Markdown of each lab, as one text."""
    sources = (jupytext.read(lab.source, fmt="py:percent") for lab in labs())
    return [
        "\n\n".join(cell.source for cell in source.cells if cell.cell_type == "markdown")
        for source in sources
    ]


def terms_linked(text: str, language: str) -> list[str]:
    """The terms that a text links to, in order, in the glossary of one language."""
    file = re.escape(LANGUAGES[language].name)
    return re.findall(rf"\((?:\.\./theory/)?{file}#([a-z0-9-]+)\)", text)


def running_text(page: Page) -> str:
    """A theory page without its head: the links to languages, the title, the links to the lab."""
    return page.prose.split("\n\n", 3)[3]


def late_links(text: str) -> list[str]:
    """The words of links to a glossary that the running text had used before."""
    prose = NOT_PROSE.sub("", text)
    late = []
    for link in LINK.finditer(prose):
        words = _words(link["words"])
        before = _words(LINK.sub(r"\g<words>", prose[: link.start()]))
        if "glossary" in link["target"] and re.search(rf"(?<!\w){re.escape(words)}(?!\w)", before):
            late.append(words)
    return late


def repeated(terms: list[str]) -> list[str]:
    return [term for term, count in Counter(terms).items() if count > 1]


def _words(markdown: str) -> str:
    return " ".join(re.sub(r"[*`]", "", markdown).lower().split()).rstrip(".")


def missing_names(name: str, texts: str) -> list[str]:
    """The parts of a term's name, without what is in brackets, that the texts never use.

    Words may have other endings: `direcciones principales` is a use of `dirección principal`.
    """
    parts = re.split(r", | and | y ", name.partition(" (")[0].lower())
    return [part for part in parts if not re.search(_any_ending(part), texts)]


def _any_ending(name: str) -> str:
    stems = (re.escape(word[:6]) + r"\w*" for word in re.findall(r"\w+", name))
    return r"(?<!\w)" + r"\W+".join(stems)


def test_both_languages_have_the_same_terms() -> None:
    english, spanish = ({entry.term for entry in entries(language)} for language in LANGUAGES)
    assert english == spanish
    assert len(english) == len(entries("en")) == len(entries("es")) > 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_terms_are_in_alphabetical_order(language: str) -> None:
    names = [entry.name for entry in entries(language)]
    assert names == sorted(names, key=collation_key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_entry_names_the_other_language_and_a_place_to_read_on(language: str) -> None:
    other = "es" if language == "en" else "en"
    names = {entry.term: entry.name for entry in entries(other)}
    for entry in entries(language):
        assert f"[{names[entry.term]}]({LANGUAGES[other].name}#{entry.term})" in entry.about
        place = r"\]\(0\d-[\w-]+(\.es)?\.md#s\d+\)|\]\(\.\./labs/0\d-[\w-]+\.ipynb\)"
        assert re.search(place, entry.about), entry.term


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_entry_is_short_and_does_not_explain_itself_by_itself(language: str) -> None:
    for entry in entries(language):
        assert 5 <= len(entry.meaning.split()) <= 60, entry.term
        assert f"(#{entry.term})" not in entry.meaning


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_is_used_in_the_course(language: str) -> None:
    pages = [page.text for page in theory_pages(language)]
    sources = [lab.source.read_text(encoding="utf-8") for lab in labs()]
    texts = MARKS.sub("", "\n".join([*pages, *sources])).replace("$\\tau$", "τ").lower()
    found = {entry.name: missing_names(entry.name, texts) for entry in entries(language)}
    assert {name: parts for name, parts in found.items() if parts} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_term_is_linked_from_the_course(language: str) -> None:
    pages = [page.text for page in theory_pages(language)]
    linked = {term for text in pages for term in terms_linked(text, language)}
    linked |= {term for text in lab_texts() for term in terms_linked(text, "en")}
    assert {entry.term for entry in entries(language)} - linked == set()


def test_both_languages_link_the_same_terms_from_the_same_pages() -> None:
    for english, spanish in zip(theory_pages("en"), theory_pages("es"), strict=True):
        assert sorted(terms_linked(english.text, "en")) == sorted(terms_linked(spanish.text, "es"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_theory_page_links_a_term_once_and_where_it_first_uses_the_word(language: str) -> None:
    for page in theory_pages(language):
        assert repeated(terms_linked(page.text, language)) == []
        assert late_links(running_text(page)) == [], page.path.name


def test_a_lab_links_a_term_at_most_once() -> None:
    for text in lab_texts():
        for language in LANGUAGES:
            assert repeated(terms_linked(text, language)) == []


# The checks themselves can fail.


def test_spanish_collation() -> None:
    names = ["índice", "índice plano", "InfoNCE", "nube", "ñu", "Ob", "pérdida", "pez", "p-value"]
    assert sorted(names, key=collation_key) == names
    assert sorted(names) != names


@pytest.mark.parametrize(
    ("text", "late"),
    [
        ("A [hub](glossary.md#hub) is a hub.", []),
        ("A hub, or [**hub**](glossary.md#hub).", ["hub"]),
        ("A hub, or [hub](another.md#hub).", []),
        ("Hubs and [hub](glossary.md#hub).", []),
        ("A unit\nlength, a [unit length](glossary.md#norm).", ["unit length"]),
        ("# A hub\n\n![a hub](x.png) $hub$ <!--hub--> [hub](glossary.md#hub)", []),
        ("# A title\n\nA hub. A [hub](glossary.md#hub).", ["hub"]),
    ],
)
def test_a_link_after_the_first_use_is_found(text: str, late: list[str]) -> None:
    assert late_links(text) == late


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("hub", []),
        ("teacher and student", ["student"]),
        ("Kendall's τ", []),
        ("PQ (product quantisation)", ["pq"]),
        ("principal direction", []),
        ("principal diversion", ["principal diversion"]),
        ("margin", ["margin"]),
        ("cone (anisotropy)", []),
    ],
)
def test_a_term_that_nobody_uses_is_found(name: str, missing: list[str]) -> None:
    assert (
        missing_names(
            name, "hubs, a teacher, kendall's τ, a submargin, cones, principal directions"
        )
        == missing
    )


def test_a_repeated_term_is_found() -> None:
    assert repeated(["hub", "m", "hub"]) == ["hub"]


def test_links_to_the_glossary_are_read_from_pages_and_from_labs() -> None:
    text = "[a](glossary.md#hub) [b](../theory/glossary.md#cone) [c](glossary.es.md#m) [d](#hub)"
    assert terms_linked(text, "en") == ["hub", "cone"]
    assert terms_linked(text, "es") == ["m"]
