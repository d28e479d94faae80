"""Record in each Spanish page which English text it translates: after translating, not before.

A page is only stamped if it has the parts of its original: headings, anchors, formulas, code,
quotes, images and drills. What is missing is named, and that page is left alone.
"""

from __future__ import annotations

import sys

import translations


def main() -> None:
    problems = []
    for english, spanish in translations.translated_pages():
        if not spanish.is_file():
            problems.append(f"{spanish.name} is missing.")
            continue
        first, second = translations.read(english), translations.read(spanish)
        differing = [
            name for name, part in translations.PARTS.items() if part(first) != part(second)
        ]
        if differing:
            problems.append(f"{spanish.name}: {', '.join(differing)} differ; not stamped.")
        elif translations.stamp(english, spanish):
            print(f"{spanish.name}: stamped.")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
