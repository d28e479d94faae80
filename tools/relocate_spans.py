"""Find the quotes of handbook_queries.jsonl again after handbook.md was edited.

Each gold span stores its text beside its offsets. This rewrites the offsets from the text; a quote
that is gone, or that occurs twice, is named and nothing is written.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ragkit.files import write_atomically
from ragkit.runtime import data_dir


def relocate(handbook: str, question: dict[str, Any]) -> list[str]:
    """Correct the offsets of one question in place; return what could not be found."""
    problems = []
    for span in question["spans"]:
        found = handbook.count(span["text"])
        if found != 1:
            problems.append(f"{question['_id']}: {found} places hold {span['text'][:60]!r}.")
            continue
        span["start"] = handbook.index(span["text"])
        span["end"] = span["start"] + len(span["text"])
    return problems


def main() -> None:
    folder = data_dir() / "verb_grammar"
    handbook = (folder / "handbook.md").read_bytes().decode("utf-8")
    path = folder / "handbook_queries.jsonl"
    questions = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    problems = [problem for question in questions for problem in relocate(handbook, question)]
    if problems:
        sys.exit("\n".join([*problems, "Correct these quotes by hand; nothing was written."]))
    lines = [json.dumps(question, ensure_ascii=False) for question in questions]
    write_atomically(path, ("\n".join(lines) + "\n").encode())
    print(f"{len(questions)} questions, every quote found.")


if __name__ == "__main__":
    main()
