"""Read the minimal pairs of lab 03 from its source, and score them with both models."""

from __future__ import annotations

import ast

import numpy as np

from ragkit.course.layout import labs
from ragkit.course.staff.entries import Entries, number_entry
from ragkit.encoders import Encoder
from ragkit.search.reranker import Reranker

KINDS_OF_PAIRS = ("word_order", "negation", "roles")
CONTROL = "turned_round"  # the texts of `negation` with the question turned round

Pair = tuple[str, str, str]


def lab_pairs() -> dict[str, list[Pair]]:
    """The minimal pairs as lab 03 lists them: `(question, right, wrong)` by kind."""
    source = next(lab.source for lab in labs() if lab.source.name.startswith("03-"))
    blocks = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in (*KINDS_OF_PAIRS, CONTROL)
    }
    return {kind: [_pair(line) for line in blocks[kind].strip().splitlines()] for kind in blocks}


def _pair(line: str) -> Pair:
    question, template, one, other = line.split(" | ")
    right, wrong = template.format(one, other), template.format(other, one)
    return question, right[0].upper() + right[1:], wrong[0].upper() + wrong[1:]


def minimal_pairs(encoder: Encoder, cross: Reranker) -> Entries:
    """How many of the pairs each model orders rightly; the control is not part of the total."""
    total = {"cross": 0, "bi": 0}
    pairs = lab_pairs()
    for kind, rows in pairs.items():
        logits = cross.predict([(q, text) for q, *texts in rows for text in texts]).reshape(-1, 2)
        vectors = encoder.encode([text for row in rows for text in row]).reshape(len(rows), 3, -1)
        cosines = np.einsum("nd,ncd->nc", vectors[:, 0], vectors[:, 1:])
        for name, scores in (("cross", logits), ("bi", cosines)):
            right = int((scores[:, 0] > scores[:, 1]).sum())
            total[name] += right if kind != CONTROL else 0
            how = f"minimal pairs of kind {kind} ordered rightly, of {len(rows)}"
            yield f"lab03.pairs.{name}.{kind}", {**number_entry(right, how, 1.5), "n": len(rows)}
    n = sum(len(rows) for kind, rows in pairs.items() if kind != CONTROL)
    for name, right in total.items():
        how = f"minimal pairs ordered rightly, of {n}; {CONTROL} not counted"
        yield f"lab03.pairs.{name}.all", {**number_entry(right, how, 2.5), "n": n}
