"""Experiments behind the claims page that no lab shows in full; all are deterministic.

Keys, with `<encoder>` minilm or minigpt-table:

    claims.norm.minilm
    claims.pairs.<encoder>.<answer, other or auc>
    claims.tokens.<questions or documents>
    claims.pattern.minilm.<words, build or neither>
    claims.pattern.<minilm or counts>.build-neither
    claims.<pca64 or shuffled>-ordered.hit_rate@5
    claims.random_loss.<batch>
    claims.contrastive.<loss, before or after-before>
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.cache.outputs import EmbeddingCache
from ragkit.course.staff.entries import (
    Entries,
    difference_entry,
    flip_tolerance,
    mean_entry,
    mean_report,
    number_entry,
)
from ragkit.course.staff.lab01.experiments import dense_report, vector_report
from ragkit.course.staff.lab01.words import token_counts
from ragkit.documents.kb import KnowledgeBase, load_kb
from ragkit.encoders import Encoder, MiniGPTEncoder, MiniLMEncoder
from ragkit.encoders.losses import info_nce
from ragkit.encoders.minigpt import pad
from ragkit.minigpt.corpus import training_sentences
from ragkit.runtime import import_torch
from ragkit.scoring.evaluation import Report, compare
from ragkit.scoring.stats import bootstrap_interval
from ragkit.vectors import Vectors, unit_rows

SUBJECTS = (
    "past participles",
    "phrasal verbs",
    "conditional sentences",
    "relative clauses",
    "double consonants",
    "reported speech",
)
# Each build in two wordings. No word of the first column is in the second, in any row, and there is
# no punctuation: what the two sentences of a row share is the build.
PATTERNS = (
    ("Maria explains {} on Monday", "Grandfather practises {} after breakfast"),
    ("Do students need {} today", "Can children learn {} early"),
    ("Write three examples of {} in your notebook", "Send one question about {} from this chapter"),
    ("If we skip {} exams become difficult", "When people misuse {} listeners get confused"),
    ("Without {} many texts would be impossible", "Before {} few lessons can seem interesting"),
    ("I like {} but my sister prefers spelling", "He teaches {} and her uncle collects stamps"),
)
BATCHES = (2, 8, 64)
SEEDS = range(3)
METRIC = "hit_rate@5"
DETECTABLE = 2.8  # standard errors, as in `detectable_difference`

Encode = Callable[[list[str]], Vectors]  # texts to unit rows

if TYPE_CHECKING:
    from torch import Tensor


def measure(cache: EmbeddingCache) -> Entries:
    """Measure every entry of the claims page; MiniLM's vectors go through `cache`."""
    dev = load_kb(split="dev")
    minilm, table = cache.wrap(MiniLMEncoder(backend="auto")), MiniGPTEncoder()
    yield from _unit_length(minilm, dev)
    yield from _pairs("minilm", minilm, dev)
    yield from _pairs("minigpt-table", table, dev)
    yield from _tokens()
    yield from _patterns(minilm.encode, lambda texts: unit_rows(token_counts(texts, table)))
    yield from _order_and_width(minilm, dev)
    yield from _random_batches()
    yield from _contrastive(dev)


def _unit_length(encoder: Encoder, kb: KnowledgeBase) -> Entries:
    """How far the norms of all documents and questions are from 1, in millionths."""
    texts = [d.full_text for d in kb.documents] + [q.text for q in kb.queries]
    off = np.abs(np.linalg.norm(encoder.encode(texts), axis=1) - 1).max()
    how = "largest distance of a norm from 1, in millionths"
    yield "claims.norm.minilm", number_entry(1e6 * float(off), how, tolerance=1.0)


def _pairs(name: str, encoder: Encoder, kb: KnowledgeBase) -> Entries:
    """Cosines of questions with right and with all other documents, and how these separate."""
    documents = encoder.encode_document([d.full_text for d in kb.documents])
    cosines = encoder.encode_query([q.text for q in kb.queries]) @ documents.T
    right = np.array([[d.doc_id in kb.qrels[q.query_id] for d in kb.documents] for q in kb.queries])
    for group, values in (("answer", cosines[right]), ("other", cosines[~right])):
        how = f"mean cosine of a dev question and each {group} document"
        yield f"claims.pairs.{name}.{group}", number_entry(float(values.mean()), how)
    areas = areas_within(cosines, right)
    how = "share of the other documents that an answer is above, mean over dev questions"
    yield (
        f"claims.pairs.{name}.auc",
        {
            **number_entry(float(areas.mean()), how),
            "interval": bootstrap_interval(areas),
            "n": len(areas),
        },
    )


def areas_within(cosines: Vectors, right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Each question's area under the ROC curve, float64 [n]: its answers against its other rows.

    `cosines` and `right` are [n, m]; an answer level with another document counts half.
    """
    areas = []
    for scores, is_right in zip(cosines, right, strict=True):
        gaps = scores[is_right][:, None] - scores[~is_right][None, :]
        areas.append(float(np.mean((gaps > 0) + (gaps == 0) / 2)))
    return np.array(areas)


def _tokens() -> Entries:
    """How long questions and documents are, in MiniLM's tokens without the two special ones."""
    encoder, bases = MiniLMEncoder(backend="auto"), [load_kb(split=s) for s in ("dev", "test")]
    texts = {
        "questions": [query.text for base in bases for query in base.queries],
        "documents": [document.full_text for document in bases[0].documents],
    }
    for name, group in texts.items():
        lengths = [len(encoder.tokens(text)) for text in group]
        how = f"mean tokens of the {name}, dev and test, without [CLS] and [SEP]"
        yield f"claims.tokens.{name}", number_entry(float(np.mean(lengths)), how)


def _patterns(minilm: Encode, counts: Encode) -> Entries:
    """Mean cosine of sentences about different subjects, by what these share else.

    Token counts are the control: they cannot see a build.
    """
    words, builds = pattern_cosines(minilm)
    other = ~np.eye(len(PATTERNS), dtype=bool)
    groups = {"words": words, "build": np.diag(builds), "neither": builds[other]}
    for group, values in groups.items():
        how = f"mean cosine of sentences about different subjects whose patterns share {group}"
        yield f"claims.pattern.minilm.{group}", number_entry(float(np.mean(values)), how)
    how = "same build in other words, minus another build in other words; permutation test"
    for name, cosines in (("minilm", builds), ("counts", pattern_cosines(counts)[1])):
        yield f"claims.pattern.{name}.build-neither", {**matched(cosines), "how": how}


def pattern_cosines(
    encode: Encode,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean cosines over all pairs of different subjects: within a wording, and between columns.

    The first is float64 [6], of pairs with the same words, over both wordings of a pattern. The
    second is float64 [6, 6], of pattern i in its first wording with pattern j in its second.
    """
    cells = [
        pattern.format(subject)
        for wording in zip(*PATTERNS, strict=True)
        for pattern in wording
        for subject in SUBJECTS
    ]
    rows = encode(cells).reshape(2, len(PATTERNS), len(SUBJECTS), -1).astype(np.float64)
    different = ~np.eye(len(SUBJECTS), dtype=bool)
    within = np.einsum("wpsd,wptd->wpst", rows, rows)[..., different].mean(axis=(0, 2))
    between = np.einsum("psd,qtd->pqst", *rows)[..., different].mean(axis=2)
    return within, between


def matched(builds: NDArray[np.float64]) -> dict[str, float | int]:
    """Diagonal minus the rest, with the p of all ways to match rows with columns.

    If the build made no difference, every matching would be as good as the true one.
    """
    size = len(builds)
    ways = np.array([builds[range(size), way].mean() for way in permutations(range(size))])
    scale = size / (size - 1)  # the diagonal minus all cells, to minus the other cells
    effects = (ways - builds.mean()) * scale
    found = effects[0]  # the first permutation is the identity
    return {
        "value": float(found),
        "p": float(np.mean(np.abs(effects) >= abs(found) - 1e-12)),
        "detectable": float(DETECTABLE * effects.std()),
        "n": size,
        "tolerance": 0.01,
    }


def _order_and_width(encoder: Encoder, dev: KnowledgeBase) -> Entries:
    """What shuffled words, and 64 principal directions of the corpus, change for MiniLM."""
    ordered = dense_report(encoder, dev)
    shuffled = mean_report([_shuffled(encoder, dev, seed) for seed in SEEDS])
    how = f"MiniLM with all words shuffled, mean of {len(SEEDS)} shuffles, minus MiniLM, dev"
    difference = compare(shuffled, ordered, METRIC)
    yield f"claims.shuffled-ordered.{METRIC}", difference_entry(difference, how)
    how = "MiniLM cut to 64 dimensions minus MiniLM, dev, paired"
    difference = compare(_narrow(encoder, dev), ordered, METRIC)
    yield f"claims.pca64-ordered.{METRIC}", difference_entry(difference, how)


def _narrow(encoder: Encoder, dev: KnowledgeBase) -> Report:
    """Cut to MiniGPT's 64 dimensions, the principal directions of its corpus."""
    rows = encoder.encode(training_sentences())
    mean = rows.mean(axis=0)
    axes = np.linalg.svd(rows - mean, full_matrices=False)[2][:64].T
    documents, questions = (
        unit_rows((vectors - mean) @ axes)
        for vectors in (
            encoder.encode_document([d.full_text for d in dev.documents]),
            encoder.encode_query([q.text for q in dev.queries]),
        )
    )
    return vector_report(documents, questions, dev)


def _shuffled(encoder: Encoder, dev: KnowledgeBase, seed: int) -> Report:
    """With the words of every document and question in random order."""
    rng = random.Random(seed)

    def shuffle(text: str) -> str:
        words = text.split()
        rng.shuffle(words)
        return " ".join(words)

    documents = encoder.encode_document([shuffle(d.full_text) for d in dev.documents])
    questions = encoder.encode_query([shuffle(q.text) for q in dev.queries])
    return vector_report(documents, questions, dev)


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
    before = dense_report(MiniGPTEncoder(), dev)
    yield "claims.contrastive.before", mean_entry(before, METRIC, "MiniGPT table, dev")
    runs = [_taught(seed) for seed in SEEDS]
    how = f"InfoNCE of the last batch, highest of {len(SEEDS)} seeds"
    highest = max(loss for _, loss in runs)
    yield "claims.contrastive.loss", number_entry(highest, how, tolerance=0.1)
    after = mean_report([dense_report(encoder, dev) for encoder, _ in runs])
    how = f"MiniGPT table, dev, after 400 steps, mean of {len(SEEDS)} seeds, minus before, paired"
    entry = difference_entry(compare(after, before, METRIC), how)
    tolerance = flip_tolerance(len(dev.queries), flips=5)  # it drifts
    yield "claims.contrastive.after-before", entry | {"tolerance": tolerance}


def _taught(seed: int) -> tuple[MiniGPTEncoder, float]:
    """The encoder after 400 steps of 64 pairs, and the loss of the last."""
    torch = import_torch()
    encoder = MiniGPTEncoder()
    optimiser = torch.optim.AdamW(encoder.model.table.parameters(), lr=1e-3)
    pairs, rng = _halves(), random.Random(seed)
    for _ in range(400):
        first, second = zip(*rng.sample(pairs, 64), strict=True)
        loss = info_nce(_pooled(encoder, first), _pooled(encoder, second), 0.05)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        optimiser.step()
    return encoder, loss.item()


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
