"""The written pages in two languages: what they are made of, and whether a translation is in step.

`x.es.md` stands beside `x.md` and records the digest of the English text that it translates, in a
link definition, which shows nothing. Values between ledger marks do not count: a new measurement
makes no page stale.

A heading may begin with an anchor of its own, `<a id="s5"></a>`, the same in both languages. GitHub
and JupyterLab both find it; the anchors that they derive from a title differ, and JupyterLab finds
none with an accent.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ragkit.course.layout import course_root
from ragkit.course.ledger import QUOTE, TABLE

_DIGEST = re.compile(r"^\[//\]: # \(translates:(?P<digest>[0-9a-f]{64})\)$", re.MULTILINE)
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<![\\$\w])\$([^\s$](?:[^$\n]*?[^\s$\\])?)\$(?!\w)", re.DOTALL
)
_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(
    r'^(?P<level>#{1,6}) (?:<a id="(?P<anchor>[a-z0-9-]+)"></a>)?(?P<title>.+)$', re.MULTILINE
)
_DRILL = re.compile(r"\*\*(?:Drill|Cuestión) (?P<number>\d)\b")


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown page."""

    path: Path
    text: str

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def headings(self) -> list[tuple[int, str]]:
        """`(level, title)` of each heading, in order."""
        return [(len(m["level"]), m["title"].strip()) for m in _HEADING.finditer(self.prose)]

    @property
    def code(self) -> list[tuple[str, str]]:
        """`(language, code)` of each block, in order."""
        return [(m["language"], m["code"]) for m in _FENCE.finditer(self.text)]

    @property
    def formulas(self) -> list[str]:
        """The LaTeX of each formula, white space folded."""
        found = _FORMULA.findall(re.sub(r"`[^`\n]*`", "", self.prose))
        return [" ".join((display or inline).split()) for display, inline in found]

    @property
    def images(self) -> list[tuple[str, str]]:
        """`(alt text, target)` of each image."""
        return [(m["alt"], m["target"]) for m in _IMAGE.finditer(self.prose)]

    @property
    def links(self) -> list[str]:
        """The target of each link."""
        return [m["target"] for m in _LINK.finditer(_IMAGE.sub("", self.prose))]

    @property
    def quotes(self) -> list[str]:
        """The ledger keys that the page quotes, with their parts."""
        marks = (m[0].partition("-->")[0] for m in QUOTE.finditer(self.text))
        return [*marks, *(m["key"] for m in TABLE.finditer(self.text))]

    @property
    def drills(self) -> list[str]:
        """The numbers of the drills, in order."""
        return [m["number"] for m in _DRILL.finditer(self.prose)]

    @property
    def own_anchors(self) -> list[str]:
        """The anchors with which headings begin, in order."""
        return [m["anchor"] for m in _HEADING.finditer(self.prose) if m["anchor"]]

    @property
    def anchors(self) -> set[str]:
        """What a link may name after `#`: a heading's own, or GitHub's from its title."""
        slugs = (re.sub(r"[^\w\- ]", "", title.lower()) for _, title in self.headings)
        return {slug.replace(" ", "-") for slug in slugs} | set(self.own_anchors)

    @property
    def digest(self) -> str:
        """Hex sha256 of the text without measured values."""
        return hashlib.sha256(_without_values(self.text).encode()).hexdigest()

    @property
    def translates(self) -> str:
        """The digest that a translation records; empty if it records none."""
        match = _DIGEST.search(self.text)
        return match["digest"] if match else ""


def read(path: Path) -> Page:
    """Read a page."""
    return Page(path, path.read_text(encoding="utf-8"))


def translated_pages(root: Path | None = None) -> Iterator[tuple[Path, Path]]:
    """`(English, Spanish)` path of each page that must exist in both languages."""
    root = root or course_root()
    for pattern in ("theory/*.md", "docs/*.md", "solutions/*-ref.md"):
        for path in sorted(root.glob(pattern)):
            if not path.name.endswith(".es.md"):
                yield path, path.with_name(path.name.removesuffix(".md") + ".es.md")


PARTS: dict[str, Callable[[Page], object]] = {
    "headings": lambda page: [level for level, _ in page.headings],
    "anchors": lambda page: Counter(page.own_anchors),
    "formulas": lambda page: Counter(page.formulas),
    "code blocks": lambda page: page.code,
    "ledger quotes": lambda page: Counter(page.quotes),
    "images": lambda page: [target for _, target in page.images],
    "drills": lambda page: page.drills,
}


def out_of_step(english: Page, spanish: Page) -> list[str]:
    """One sentence for each way in which a translation differs from what it translates."""
    complaints = [
        f"{spanish.path.name}: its {name} differ from those of {english.path.name}."
        for name, part in PARTS.items()
        if part(english) != part(spanish)
    ]
    if spanish.translates != english.digest:
        complaints.append(
            f"{spanish.path.name}: {english.path.name} has changed since it was translated. "
            "Bring the translation up to date, then: make translated"
        )
    return complaints


def stamp(english: Path, spanish: Path) -> bool:
    """Record in a translation the digest of today's English text; False if nothing changed."""
    text = spanish.read_text(encoding="utf-8")
    mark = f"[//]: # (translates:{read(english).digest})"
    stamped = _DIGEST.sub(mark, text) if _DIGEST.search(text) else f"{text.rstrip()}\n\n{mark}\n"
    if stamped != text:
        spanish.write_text(stamped, encoding="utf-8")
    return stamped != text


def _without_values(text: str) -> str:
    text = QUOTE.sub(lambda m: m[0].partition("-->")[0], text)
    return TABLE.sub(lambda m: f"[//]: # (t:{m['key']})", text)
