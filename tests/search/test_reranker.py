"""The cross-encoder: published scores, order, ties, truncation, and what it refuses."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragkit
from ragkit.weights.published import RERANKER, locate

QUESTION = "How many people live in Berlin?"
BERLIN = (
    "Berlin has a population of 3,520,031 registered inhabitants in an area of "
    "891.82 square kilometers."
)
NEW_YORK = "New York City is famous for the Metropolitan Museum of Art."
PAIRS = [
    (QUESTION, NEW_YORK),
    ("past participle of eat?", "Eat is irregular: eat, ate, eaten."),
    (QUESTION, BERLIN),
    ("¿Cómo se dice comido?", "The past participle of eat is eaten. " * 20),
    ("eat", "日本 🙂"),
]


def documents(*texts: str) -> list[ragkit.Document]:
    return [ragkit.Document(f"d{number}", text) for number, text in enumerate(texts)]


# Scores


def test_scores_are_the_published_ones(reranker: ragkit.CrossEncoderReranker) -> None:
    scores = reranker.predict([(QUESTION, BERLIN), (QUESTION, NEW_YORK)])
    np.testing.assert_allclose(scores, [9.4506, -11.1605], atol=0.5)


def test_scores_are_float32_one_a_pair(reranker: ragkit.CrossEncoderReranker) -> None:
    scores = reranker.predict(PAIRS)
    assert (scores.dtype, scores.shape) == (np.float32, (5,))


def test_scores_keep_the_input_order(reranker: ragkit.CrossEncoderReranker) -> None:
    forward, backward = reranker.predict(PAIRS), reranker.predict(PAIRS[::-1])
    np.testing.assert_array_equal(forward, backward[::-1])


@pytest.mark.parametrize("position", range(len(PAIRS)))
def test_a_score_does_not_depend_on_its_neighbours(
    reranker: ragkit.CrossEncoderReranker, position: int
) -> None:
    alone = reranker.predict([PAIRS[position]])
    np.testing.assert_array_equal(reranker.predict(PAIRS)[position], alone[0])


def test_query_and_text_have_different_parts(reranker: ragkit.CrossEncoderReranker) -> None:
    one, other = reranker.predict([(QUESTION, BERLIN), (BERLIN, QUESTION)])
    assert abs(one - other) > 0.1


def test_no_pairs_give_no_scores(reranker: ragkit.CrossEncoderReranker) -> None:
    scores = reranker.predict([])
    assert (scores.dtype, scores.shape) == (np.float32, (0,))


def test_it_is_a_reranker(reranker: ragkit.CrossEncoderReranker) -> None:
    assert isinstance(reranker, ragkit.Reranker)
    assert reranker.name == "ms-marco-MiniLM-L-12-v2"


# Ranking


def test_rank_orders_by_predicted_score(reranker: ragkit.CrossEncoderReranker) -> None:
    found = reranker.rank(QUESTION, documents(NEW_YORK, BERLIN, "I eat."))
    assert found[0].doc_id == "d1"
    assert [hit.rank for hit in found] == [1, 2, 3]
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_rank_gives_the_scores_of_predict(reranker: ragkit.CrossEncoderReranker) -> None:
    texts = [NEW_YORK, BERLIN]
    found = {hit.doc_id: hit.score for hit in reranker.rank(QUESTION, documents(*texts))}
    scores = reranker.predict([(QUESTION, text) for text in texts])
    assert [found["d0"], found["d1"]] == scores.tolist()


def test_rank_reads_the_title_too(reranker: ragkit.CrossEncoderReranker) -> None:
    (hit,) = reranker.rank(QUESTION, [ragkit.Document("d", BERLIN, title="Berlin")])
    assert hit.score == reranker.predict([(QUESTION, f"Berlin {BERLIN}")])[0]


def test_equal_scores_are_ordered_by_doc_id(reranker: ragkit.CrossEncoderReranker) -> None:
    twins = [ragkit.Document(i, NEW_YORK) for i in ("b", "a10", "c", "a9")]
    found = reranker.rank(QUESTION, [*twins, ragkit.Document("z", BERLIN)])
    assert [hit.doc_id for hit in found] == ["z", "a10", "a9", "b", "c"]


def test_rank_does_not_depend_on_the_order_of_candidates(
    reranker: ragkit.CrossEncoderReranker,
) -> None:
    candidates = documents(NEW_YORK, BERLIN, "I eat.", NEW_YORK)
    assert reranker.rank(QUESTION, candidates) == reranker.rank(QUESTION, candidates[::-1])


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (9, 3), (None, 3)])
def test_top_k_keeps_the_first(
    reranker: ragkit.CrossEncoderReranker, top_k: int | None, count: int
) -> None:
    candidates = documents(NEW_YORK, BERLIN, "I eat.")
    everything = reranker.rank(QUESTION, candidates)
    assert reranker.rank(QUESTION, candidates, top_k) == everything[:count]


def test_no_documents_rank_to_nothing(reranker: ragkit.CrossEncoderReranker) -> None:
    assert reranker.rank(QUESTION, []) == []


# Truncation


def test_a_long_pair_is_cut_counted_and_warned_about_once() -> None:
    fresh = ragkit.CrossEncoderReranker()
    long = "word " * 600
    with pytest.warns(ragkit.RagkitWarning, match="1 of 2 pairs are longer than 512") as caught:
        [fresh.predict([(QUESTION, long), (QUESTION, other)]) for other in (BERLIN, long)]
    assert len(caught) == 1
    assert fresh.truncated == 3


@pytest.mark.parametrize(("words", "cut"), [(507, 0), (508, 1)])
def test_the_limit_is_512_tokens_with_the_special_ones(words: int, cut: int) -> None:
    fresh = ragkit.CrossEncoderReranker()
    fresh._warned = True  # only the count is of interest
    fresh.predict([("eat ate", "word " * words)])  # 3 special tokens, 2 + words of text
    assert fresh.truncated == cut


def test_what_lies_behind_the_cut_does_not_count() -> None:
    fresh = ragkit.CrossEncoderReranker()
    fresh._warned = True
    long = BERLIN + " I eat." * 250
    one, other = fresh.predict([(QUESTION, long), (QUESTION, f"{long} {NEW_YORK}")])
    assert one == other


# What it refuses


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("text", "must be .query, text."),
        (("one",), "must be .query, text."),
        (("one", "two", "three"), "must be .query, text."),
        (("one", None), "must be .query, text."),
        ((1, "two"), "must be .query, text."),
        ({"query": "one"}, "must be .query, text."),
        (None, "must be .query, text."),
        (("one", " "), "empty"),
        (("", "two"), "empty"),
    ],
)
def test_a_bad_pair_is_refused_with_its_place(
    reranker: ragkit.CrossEncoderReranker, bad: Any, reason: str
) -> None:
    with pytest.raises(ragkit.DataError, match=rf"pairs\[1\].*{reason}"):
        reranker.predict([(QUESTION, BERLIN), bad])


def test_a_pair_that_is_no_unicode_is_refused_with_its_place(
    reranker: ragkit.CrossEncoderReranker,
) -> None:
    with pytest.raises(ragkit.DataError, match=r"pairs\[1\]"):
        reranker.predict([(QUESTION, BERLIN), (QUESTION, "half a pair: \ud800")])


@pytest.mark.parametrize("bad", ["text", ("d", "text"), None, ragkit.Query("q", "text")])
def test_what_is_no_document_is_refused_with_its_place(
    reranker: ragkit.CrossEncoderReranker, bad: Any
) -> None:
    with pytest.raises(ragkit.DataError, match=rf"documents\[1\] is {type(bad).__name__}, not a"):
        reranker.rank(QUESTION, [*documents(BERLIN), bad])


@pytest.mark.parametrize("field", ["doc_id", "text", "title"])
def test_a_document_of_other_things_than_strings_is_refused(
    reranker: ragkit.CrossEncoderReranker, field: str
) -> None:
    bad = replace(ragkit.Document("d", BERLIN), **{field: None})
    with pytest.raises(ragkit.DataError, match=rf"documents\[1\]\.{field} "):
        reranker.rank(QUESTION, [*documents(BERLIN), bad])


def test_documents_may_come_from_a_generator(reranker: ragkit.CrossEncoderReranker) -> None:
    found = reranker.rank(QUESTION, (document for document in documents(BERLIN)))
    assert len(found) == 1


def test_a_numpy_integer_is_a_top_k(reranker: ragkit.CrossEncoderReranker) -> None:
    assert len(reranker.rank(QUESTION, documents(BERLIN, BERLIN), np.int64(1))) == 1


@pytest.mark.parametrize("query", ["", " ", None, 3])
def test_a_bad_query_is_refused(reranker: ragkit.CrossEncoderReranker, query: Any) -> None:
    with pytest.raises(ragkit.DataError, match="query"):
        reranker.rank(query, documents(BERLIN))


@pytest.mark.parametrize("top_k", [0, -1, 1.5, "2", True])
def test_a_bad_top_k_is_refused(reranker: ragkit.CrossEncoderReranker, top_k: Any) -> None:
    with pytest.raises(ragkit.DataError, match="top_k must be"):
        reranker.rank(QUESTION, documents(BERLIN), top_k)


def test_weights_without_their_tokenizer_are_a_model_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / RERANKER.name
    folder.mkdir()
    (folder / RERANKER.file).symlink_to(locate(RERANKER).folder / RERANKER.file)
    monkeypatch.setenv("RAGKIT_MODELS", str(tmp_path))
    with pytest.raises(ragkit.ModelError, match=r"tokenizer\.json"):
        ragkit.CrossEncoderReranker()


# Models of the user's own


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small random cross-encoder with the packaged vocabulary."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("own") / "tiny-cross-encoder"
    tokenizer = BertTokenizerFast.from_pretrained(locate(RERANKER).folder)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_folder_gives_raw_logits_as_sentence_transformers_computes_them(own_model: Path) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    peer = CrossEncoder(str(own_model), device="cpu", local_files_only=True)
    wanted = peer.predict(PAIRS, activation_fn=torch.nn.Identity(), show_progress_bar=False)
    own = ragkit.CrossEncoderReranker(own_model)
    np.testing.assert_allclose(own.predict(PAIRS), wanted, atol=1e-6)
    assert own.name == "tiny-cross-encoder"


def test_a_folder_without_a_model_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ragkit.ModelError, match="cannot be loaded"):
        ragkit.CrossEncoderReranker(tmp_path)


def test_pickled_weights_are_not_loaded(own_model: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = tmp_path / "pickled"
    shutil.copytree(own_model, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ragkit.ModelError, match="cannot be loaded") as caught:
        ragkit.CrossEncoderReranker(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", [Path("models/nowhere"), "./nowhere", "nowhere"])
def test_a_mistyped_folder_never_reaches_for_a_hub(
    model: str | Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("sentence_transformers.CrossEncoder", lambda *a, **_: asked.append(a))
    with pytest.raises(ragkit.ModelError, match="no such folder"):
        ragkit.CrossEncoderReranker(model)
    assert asked == []
