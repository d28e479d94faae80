"""Experiments behind the claims page that no lab shows in full; all are deterministic.

Keys, with `<encoder>` minilm or minigpt-table:

    claims.norm.minilm
    claims.pairs.<encoder>.<answer, random or auc>
    claims.pattern.<encoder>.<subject, pattern or neither>
    claims.<pca64, shuffled or ordered>.hit_rate@5
    claims.random_loss.<batch>
    claims.contrastive.<before, loss or after>
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import Entries, mean_entry, number_entry
from ragkit.course.staff.lab01.experiments import dense_report, vector_report
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import Encoder, MiniGPTEncoder, MiniLMEncoder
from ragkit.encoders.losses import info_nce
from ragkit.encoders.minigpt import pad
from ragkit.minigpt.corpus import training_sentences
from ragkit.runtime import import_torch
from ragkit.vectors import unit_rows

SUBJECTS = (
    "the past tense of write",
    "the passive voice",
    "the third conditional",
    "advice with should",
    "the spelling of stopped",
    "phrasal verbs with look",
)
PATTERNS = (
    "This rule is about {}.",
    "Do you know how to use {}?",
    "Learners often make mistakes with {}.",
    "Yesterday our teacher explained {} to the whole class.",
    "Without {} many sentences would be impossible.",
    "Please write three examples of {} in your notebook.",
)
BATCHES = (2, 8, 64)

if TYPE_CHECKING:
    from torch import Tensor


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of the claims page; MiniLM's vectors go through `cache`."""
    dev = load_kb(split="dev")
    encoders: dict[str, Encoder] = {
        "minilm": cache.wrap(MiniLMEncoder(backend="auto")),
        "minigpt-table": MiniGPTEncoder(),
    }
    yield from _unit_length(encoders["minilm"], dev)
    for name, encoder in encoders.items():
        yield from _pairs(name, encoder, dev)
        yield from _patterns(name, encoder)
    yield from _reduced(encoders["minilm"], dev)
    yield from _shuffled(encoders["minilm"], dev)
    yield from _random_batches()
    yield from _contrastive(dev)


def _unit_length(encoder: Encoder, kb: KnowledgeBase) -> Entries:
    """How far the norms of all documents and questions are from 1, in millionths."""
    texts = [d.full_text for d in kb.documents] + [q.text for q in kb.queries]
    off = np.abs(np.linalg.norm(encoder.encode(texts), axis=1) - 1).max()
    how = "largest distance of a norm from 1, in millionths"
    yield "claims.norm.minilm", number_entry(1e6 * float(off), how, tolerance=1.0)


def _pairs(name: str, encoder: Encoder, kb: KnowledgeBase) -> Entries:
    """Cosines of questions with their answers and with random documents, and how they separate."""
    documents = encoder.encode_document([d.full_text for d in kb.documents])
    questions = encoder.encode_query([q.text for q in kb.queries])
    row = {d.doc_id: i for i, d in enumerate(kb.documents)}
    golds = [row[next(iter(kb.qrels[q.query_id]))] for q in kb.queries]
    others = np.random.default_rng(0).integers(len(documents), size=len(golds))
    matched = np.einsum("nd,nd->n", questions, documents[golds])
    random_ones = np.einsum("nd,nd->n", questions, documents[others])
    for group, values in (("answer", matched), ("random", random_ones)):
        low, high = np.quantile(values, [0.05, 0.95]).tolist()
        yield (
            f"claims.pairs.{name}.{group}",
            {
                **number_entry(
                    float(values.mean()), "mean cosine, interval: 5% to 95% of the pairs"
                ),
                "interval": (low, high),
                "n": len(values),
            },
        )
    area = float(np.mean(matched[:, None] > random_ones[None, :]))
    yield f"claims.pairs.{name}.auc", number_entry(area, "share of (answer, random) pairs in order")


def _patterns(name: str, encoder: Encoder) -> Entries:
    """Mean cosine of sentences that share the subject, and of those that share the build."""
    cells = [(s, p) for s in range(len(SUBJECTS)) for p in range(len(PATTERNS))]
    vectors = encoder.encode([PATTERNS[p].format(SUBJECTS[s]) for s, p in cells])
    groups: dict[str, list[float]] = {"subject": [], "pattern": [], "neither": []}
    for (i, (s1, p1)), (j, (s2, p2)) in combinations(enumerate(cells), 2):
        group = "subject" if s1 == s2 else "pattern" if p1 == p2 else "neither"
        groups[group].append(float(vectors[i] @ vectors[j]))
    for group, cosines in groups.items():
        how = f"mean cosine of sentences that share {group}"
        yield f"claims.pattern.{name}.{group}", number_entry(float(np.mean(cosines)), how)


def _reduced(encoder: Encoder, dev: KnowledgeBase) -> Entries:
    """MiniLM cut to MiniGPT's 64 dimensions, by the principal directions of the corpus."""
    corpus = training_sentences()
    rows = encoder.encode(corpus)
    mean = rows.mean(axis=0)
    axes = np.linalg.svd(rows - mean, full_matrices=False)[2][:64].T
    documents, questions = (
        unit_rows((vectors - mean) @ axes)
        for vectors in (
            encoder.encode_document([d.full_text for d in dev.documents]),
            encoder.encode_query([q.text for q in dev.queries]),
        )
    )
    report = vector_report(documents, questions, dev)
    yield (
        "claims.pca64.hit_rate@5",
        mean_entry(report, "hit_rate@5", "MiniLM in 64 dimensions, dev"),
    )


def _shuffled(encoder: Encoder, dev: KnowledgeBase) -> Entries:
    """MiniLM with the words of every document and question in random order."""
    rng = random.Random(0)

    def shuffle(text: str) -> str:
        words = text.split()
        rng.shuffle(words)
        return " ".join(words)

    documents = encoder.encode_document([shuffle(d.full_text) for d in dev.documents])
    questions = encoder.encode_query([shuffle(q.text) for q in dev.queries])
    report = vector_report(documents, questions, dev)
    yield (
        "claims.shuffled.hit_rate@5",
        mean_entry(report, "hit_rate@5", "MiniLM, words shuffled, dev"),
    )
    plain_report = dense_report(encoder, dev)
    yield "claims.ordered.hit_rate@5", mean_entry(plain_report, "hit_rate@5", "MiniLM, dev")


def _random_batches() -> Entries:
    """InfoNCE of random unit vectors at τ = 0.05, in 384 dimensions."""
    torch = import_torch()
    for size in BATCHES:
        losses = []
        for seed in range(50):
            generator = torch.Generator().manual_seed(seed)
            q, d = (
                torch.nn.functional.normalize(torch.randn(size, 384, generator=generator), dim=1)
                for _ in range(2)
            )
            losses.append(info_nce(q, d, 0.05).item())
        how = f"mean InfoNCE of {size} random pairs, 384 dimensions, tau 0.05, 50 draws"
        yield f"claims.random_loss.{size}", number_entry(float(np.mean(losses)), how)


def _contrastive(dev: KnowledgeBase) -> Entries:
    """MiniGPT's table trained as a bi-encoder, on the two halves of each sentence of its corpus."""
    torch = import_torch()
    encoder = MiniGPTEncoder()
    how = "MiniGPT table, dev"
    yield "claims.contrastive.before", mean_entry(dense_report(encoder, dev), "hit_rate@5", how)
    optimiser = torch.optim.AdamW(encoder.model.table.parameters(), lr=1e-3)
    pairs, rng = _halves(), random.Random(0)
    for _ in range(400):
        first, second = zip(*rng.sample(pairs, 64), strict=True)
        loss = info_nce(_pooled(encoder, first), _pooled(encoder, second), 0.05)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        optimiser.step()
    yield (
        "claims.contrastive.loss",
        number_entry(loss.item(), "InfoNCE of the last batch", tolerance=0.1),
    )
    after, how = dense_report(encoder, dev), f"{how}, after 400 steps"
    yield "claims.contrastive.after", mean_entry(after, "hit_rate@5", how, flips=5)  # it drifts


def _halves() -> list[tuple[str, str]]:
    corpus = training_sentences()
    words = [line.split() for line in corpus if len(line.split()) >= 6]
    return [(" ".join(w[: len(w) // 2]), " ".join(w[len(w) // 2 :])) for w in words]


def _pooled(encoder: MiniGPTEncoder, texts: Sequence[str]) -> Tensor:
    """Unit rows of the texts, float [B, 64], with a gradient to the table."""
    torch = import_torch()
    ids, mask = pad([encoder.token_ids(text) for text in texts])
    kept = encoder.model.table(ids) * mask[:, :, None]
    rows: Tensor = torch.nn.functional.normalize(kept.sum(dim=1), dim=1)
    return rows
