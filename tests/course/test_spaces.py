"""The spaces of lab 04: as the encoders make them, and measured as the names say."""

from __future__ import annotations

import numpy as np
import pytest

import ragkit
from ragkit.course.staff.lab04 import experiments_controls as controls
from ragkit.course.staff.lab04 import spaces
from ragkit.course.staff.lab04.spaces import Space
from ragkit.course.staff.spectra import mean_cosine
from ragkit.encoders.whitening import Whitening
from ragkit.minigpt.corpus import training_sentences
from ragkit.vectors import unit_rows

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def counts(minigpt: ragkit.MiniGPTEncoder) -> Space:
    return spaces.counted(minigpt.tokenizer)


@pytest.fixture(scope="module")
def trained(counts: Space, minigpt: ragkit.MiniGPTEncoder) -> Space:
    return spaces.pooled(counts, controls.rows_of(minigpt))


def normal(variances: list[float], mean: float = 0.0, rows: int = 4000) -> np.ndarray:
    """Rows with these variances along directions of their own."""
    turn = np.linalg.qr(RNG.normal(size=(len(variances), len(variances))))[0]
    spread = RNG.normal(size=(rows, len(variances))) * np.sqrt(variances)
    return (spread @ turn + mean).astype(np.float32)


def space(corpus: np.ndarray) -> Space:
    return Space(corpus[:20], corpus[20:30], corpus[30:40], corpus)


def test_a_pooled_table_is_what_the_encoder_makes_of_the_texts(
    trained: Space, minigpt: ragkit.MiniGPTEncoder
) -> None:
    kb = ragkit.load_kb(split="dev")
    texts = [d.full_text for d in kb.documents], [q.text for q in kb.queries], training_sentences()
    for rows, of in zip((trained.documents, trained.dev, trained.corpus), texts, strict=True):
        np.testing.assert_allclose(rows, minigpt.encode(of), atol=1e-5)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_score_is_that_of_the_retriever(
    trained: Space, minigpt: ragkit.MiniGPTEncoder, split: str
) -> None:
    kb = ragkit.load_kb(split=split)
    run = ragkit.DenseRetriever(minigpt).fit(kb.documents).run(kb.queries)
    wanted = ragkit.evaluate(kb.qrels, run, ["hit_rate@5"])
    assert trained.report(split).per_query == wanted.per_query


def test_a_text_beyond_the_context_is_cut_as_the_encoder_cuts_it(
    minigpt: ragkit.MiniGPTEncoder,
) -> None:
    text = "I wrote to the person who had written. " * 30
    (row,) = spaces.token_counts(minigpt.tokenizer, [text])
    ids = minigpt.token_ids(text)
    assert row.sum() == len(ids) == spaces.CONTEXT
    np.testing.assert_array_equal(row, np.bincount(ids, minlength=len(row)))


def test_the_two_halves_of_whitening_are_apart() -> None:
    before = space(normal([0.6**n for n in range(16)], mean=0.7))
    for change, narrow, even in (
        (spaces.centred, False, False),
        (spaces.equalised, True, True),
        (spaces.whitened, False, True),
    ):
        after = change(before)
        assert (mean_cosine(after.corpus) > 0.2) == narrow
        assert (after.dimensions > 10) == even
    centred = before.corpus - before.corpus.mean(axis=0)
    wanted = unit_rows(centred)
    np.testing.assert_allclose(
        spaces.centred(before).corpus @ spaces.centred(before).corpus.T,
        wanted @ wanted.T,
        atol=1e-4,
    )
    both = Whitening.fit(before.corpus)(before.corpus)
    np.testing.assert_array_equal(spaces.whitened(before).corpus, both)


def test_a_space_can_be_given_anothers_spectrum_or_its_own_again() -> None:
    flat, steep = space(normal([1.0, 1.0, 1.0])), space(normal([25.0, 1.0, 0.2], mean=3.0))
    own = spaces.with_spectrum_of(steep, steep)
    wanted = spaces.centred(steep)
    np.testing.assert_allclose(
        own.corpus[:50] @ own.corpus[:50].T, wanted.corpus[:50] @ wanted.corpus[:50].T, atol=1e-3
    )
    lent = spaces.with_spectrum_of(flat, steep)
    returned = spaces.with_spectrum_of(steep, flat)
    assert lent.dimensions < 1.6 < 2.8 < returned.dimensions


def test_the_hub_is_the_document_that_comes_first_most_often() -> None:
    documents = np.eye(3, dtype=np.float32)
    one = Space(documents, documents[[0, 1, 1]], documents[[1, 2]], documents)
    assert one.hub == 3
