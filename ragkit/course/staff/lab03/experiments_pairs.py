"""Read the minimal pairs of lab 03 from its source, and score them with both models."""

from __future__ import annotations

import ast

import numpy as np
from numpy.typing import NDArray

from ragkit.course.layout import labs
from ragkit.course.staff.entries import Entries, number_entry
from ragkit.encoders import Encoder
from ragkit.search.reranker import Reranker

KINDS_OF_PAIRS = ("word_order", "negation", "roles")
NEGATED = "negation"
QUOTED = "word_order"
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
    """How many of the pairs each model orders rightly; the control is not part of the total.

    `paired` is the score of NevIR (Weller et al., EACL 2024): the same two texts must come in the
    right order for the question and for the question turned round.
    """
    right = {name: _ordered_rightly(encoder, cross, name) for name in ("cross", "bi")}
    for name, kinds in right.items():
        alone = kinds[QUOTED]
        how = f"minimal pairs of kind {QUOTED} ordered rightly, of {len(alone)}"
        entry = {**number_entry(int(alone.sum()), how, 1.5), "n": len(alone)}
        yield f"lab03.pairs.{name}.{QUOTED}", entry
        both = kinds[NEGATED] & kinds[CONTROL]
        how = f"pairs of texts ordered rightly for both questions, of {len(both)}"
        yield (
            f"lab03.pairs.{name}.paired",
            {**number_entry(int(both.sum()), how, 1.5), "n": len(both)},
        )
        total = np.concatenate([kinds[kind] for kind in KINDS_OF_PAIRS])
        how = f"minimal pairs ordered rightly, of {len(total)}; {CONTROL} not counted"
        entry = {**number_entry(int(total.sum()), how, 2.5), "n": len(total)}
        yield f"lab03.pairs.{name}.all", entry


def _ordered_rightly(encoder: Encoder, cross: Reranker, name: str) -> dict[str, NDArray[np.bool_]]:
    """For each kind, which pairs the model orders rightly: bool [pairs]."""
    found = {}
    for kind, rows in lab_pairs().items():
        if name == "cross":
            pairs = [(q, text) for q, *texts in rows for text in texts]
            scores = cross.predict(pairs).reshape(-1, 2)
        else:
            vectors = encoder.encode([text for row in rows for text in row])
            triples = vectors.reshape(len(rows), 3, -1)
            scores = np.einsum("nd,ncd->nc", triples[:, 0], triples[:, 1:])
        found[kind] = scores[:, 0] > scores[:, 1]
    return found
