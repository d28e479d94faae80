"""bge-small and the ColBERT-trained backbone, by plain onnxruntime and transformers' tokenizer.

The arithmetic of int8 differs a little between processors: nothing here hangs on last bits.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ragkit
from ragkit.encoders.bge import QUERY_PROMPT
from ragkit.weights.published import BGE_SMALL, COLBERT_BACKBONE, Weights, locate

TEXTS = [
    "past participle of eat?",
    "Write is irregular: write, wrote, written.",
    "¿Cómo se dice «he comido» en inglés?",
    "日本語の動詞 🙂 naïve café",
    "x",
    "She has eaten an apple and he ate a pear. " * 60,  # about 660 tokens
]
TOO_LONG = pytest.mark.filterwarnings("ignore:.*longer than 512 tokens")
INT8 = pytest.mark.parametrize("build", [ragkit.BGESmallEncoder, ragkit.ColBERTBackbone])

States = Callable[[str], NDArray[np.float32]]


def last_states(weights: Weights) -> States:
    """The last layer's vectors of one text, [t, 384], without ragkit."""
    import onnxruntime
    from transformers import BertTokenizerFast

    folder = locate(weights).folder
    tokenizer = BertTokenizerFast.from_pretrained(folder)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")  # exact on every processor
    session = onnxruntime.InferenceSession(folder / weights.file, options)

    def states(text: str) -> NDArray[np.float32]:
        encoded = tokenizer([text], truncation=True, max_length=512, return_tensors="np")
        feed = {name: encoded[name].astype(np.int64) for name in encoded}
        rows: NDArray[np.float32] = session.run(["last_hidden_state"], feed)[0][0]
        return rows

    return states


@pytest.fixture(scope="module")
def bge_states() -> States:
    return last_states(BGE_SMALL)


@pytest.fixture(scope="module")
def colbert_states() -> States:
    return last_states(COLBERT_BACKBONE)


def first_unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    vector: NDArray[np.float32] = rows[0] / np.linalg.norm(rows[0])
    return vector


def close(a: NDArray[Any], b: NDArray[Any], tolerance: float) -> None:
    np.testing.assert_allclose(a, b, atol=tolerance, rtol=0)


# bge-small


@TOO_LONG
def test_bge_gives_the_unit_vector_of_cls(bge: Any, bge_states: States) -> None:
    wanted = np.stack([first_unit(bge_states(text)) for text in TEXTS])
    close(bge.encode(TEXTS), wanted, 2e-3)


def test_bge_queries_begin_with_the_prompt_of_the_model_card(bge: Any, bge_states: States) -> None:
    card = "Represent this sentence for searching relevant passages: "
    wanted = np.stack([first_unit(bge_states(card + text)) for text in TEXTS[:3]])
    close(bge.encode_query(TEXTS[:3]), wanted, 2e-3)
    close(bge.encode_query(TEXTS[0]), wanted[0], 2e-3)


def test_the_prompt_is_for_queries_alone(bge: Any) -> None:
    plain = ragkit.BGESmallEncoder(prompt=None)
    np.testing.assert_array_equal(bge.encode_document(TEXTS[:3]), plain.encode(TEXTS[:3]))
    np.testing.assert_array_equal(plain.encode_query(TEXTS[:3]), plain.encode(TEXTS[:3]))
    cosines = (bge.encode_query(TEXTS[:3]) * plain.encode_query(TEXTS[:3])).sum(axis=1)
    assert (cosines < 0.98).all()


def test_a_prompt_of_ones_own_is_used(bge: Any) -> None:
    own = ragkit.BGESmallEncoder(prompt="Query: ")
    np.testing.assert_array_equal(own.encode_query("eat"), bge.encode("Query: eat"))


def test_the_prompt_is_part_of_the_fingerprint(bge: Any) -> None:
    made = [ragkit.BGESmallEncoder(prompt=prompt) for prompt in (QUERY_PROMPT, None, "", "Query: ")]
    assert made[0].fingerprint == bge.fingerprint
    assert made[1].fingerprint == made[2].fingerprint
    assert len({one.fingerprint for one in made}) == 3


@pytest.mark.parametrize("prompt", [3, b"Query: ", ["Query: "], "\ud800"])
def test_what_is_no_prompt_is_refused(prompt: Any) -> None:
    with pytest.raises(ragkit.DataError, match="prompt is"):
        ragkit.BGESmallEncoder(prompt=prompt)


@pytest.mark.parametrize("bad", ["", " \n", None, 3, "\ud800"])
def test_a_blank_query_is_refused_in_spite_of_its_prompt(bge: Any, bad: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"texts\[1\]"):
        bge.encode_query(["eat", bad])


def test_a_blank_query_by_itself_is_refused_too(bge: Any) -> None:
    with pytest.raises(ragkit.DataError, match="only spaces"):
        bge.encode_query(" ")


def test_the_prompt_counts_in_the_length(bge: Any) -> None:
    fresh = ragkit.BGESmallEncoder()
    fits = "word " * 510
    fresh.encode_document([fits])
    assert fresh.truncated == 0
    with pytest.warns(ragkit.RagkitWarning, match="1 of 1 texts are longer than 512 tokens"):
        fresh.encode_query([fits])
    assert fresh.truncated == 1


def test_a_cache_keeps_queries_and_documents_apart(bge: Any, tmp_path: Path) -> None:
    cached = ragkit.EmbeddingCache(tmp_path).wrap(bge)
    for _ in range(2):  # the second time from the cache
        np.testing.assert_array_equal(cached.encode_document(["eat"]), bge.encode_document(["eat"]))
        np.testing.assert_array_equal(cached.encode_query(["eat"]), bge.encode_query(["eat"]))


def test_search_asks_with_the_prompt(bge: Any, kb: ragkit.KnowledgeBase) -> None:
    documents = kb.documents[:5]
    found = ragkit.DenseRetriever(bge).fit(documents).search(TEXTS[0], 5)
    wanted = bge.encode([d.full_text for d in documents]) @ bge.encode(QUERY_PROMPT + TEXTS[0])
    scores = {document.doc_id: score for document, score in zip(documents, wanted, strict=True)}
    assert {hit.doc_id: hit.score for hit in found} == pytest.approx(scores, abs=1e-5)


# The backbone


@TOO_LONG
def test_the_backbone_gives_the_vectors_of_the_last_layer(
    backbone: Any, colbert_states: States
) -> None:
    for text, ours in zip(TEXTS, backbone.token_vectors(TEXTS), strict=True):
        wanted = colbert_states(text)
        assert (ours.dtype, ours.shape) == (np.float32, wanted.shape)
        cosines = (ours * wanted).sum(axis=1) / np.linalg.norm(ours, axis=1)
        close(cosines / np.linalg.norm(wanted, axis=1), np.ones(len(ours)), 2e-3)


def test_each_token_has_a_vector_and_two_are_special(backbone: Any) -> None:
    for text, rows in zip(TEXTS[:5], backbone.token_vectors(TEXTS[:5]), strict=True):
        assert len(rows) == len(backbone.tokens(text)) + 2


def test_tokens_of_the_backbone_know_their_places(backbone: Any) -> None:
    pieces = [
        (token, (place.start, place.end)) for token, place in backbone.tokens("eaten uneaten")
    ]
    assert pieces == [("eaten", (0, 5)), ("une", (6, 9)), ("##ate", (9, 12)), ("##n", (12, 13))]


def test_the_backbone_cuts_at_512_tokens_counts_and_warns_once() -> None:
    fresh = ragkit.ColBERTBackbone()
    with pytest.warns(ragkit.RagkitWarning, match="1 of 2 texts are longer than 512") as caught:
        lengths = [len(rows) for _ in range(2) for rows in fresh.token_vectors(["x", TEXTS[-1]])]
    assert (lengths, len(caught), fresh.truncated) == ([3, 512, 3, 512], 1, 2)


def test_the_backbone_is_no_encoder_of_whole_texts(backbone: Any) -> None:
    assert not isinstance(backbone, ragkit.Encoder)
    with pytest.raises(ragkit.DataError, match="ColBERTBackbone, not an encoder"):
        ragkit.DenseRetriever(backbone)


def test_token_vectors_of_no_texts_are_none(backbone: Any) -> None:
    assert backbone.token_vectors([]) == []


@pytest.mark.parametrize("bad", ["", " ", None, "\ud800"])
def test_the_backbone_refuses_a_bad_item_with_its_place(backbone: Any, bad: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"texts\[1\]"):
        backbone.token_vectors(["eat", bad])
    with pytest.raises(ragkit.DataError, match=r"texts\[0\]"):
        backbone.tokens(bad)


def test_the_backbone_refuses_a_bad_batch_size(backbone: Any) -> None:
    with pytest.raises(ragkit.DataError, match="batch_size must be"):
        backbone.token_vectors(["eat"], 0)


# MaxSim over real token vectors


@pytest.mark.parametrize("model", ["backbone", "minilm"])
def test_maxsim_is_the_sum_of_the_highest_cosines(
    model: str, request: pytest.FixtureRequest, kb: ragkit.KnowledgeBase
) -> None:
    import torch

    encoder, documents = request.getfixturevalue(model), kb.documents[:6]
    found = ragkit.MaxSimRetriever(encoder).fit(documents).search(TEXTS[0], 6)

    def own_tokens(text: str) -> Any:
        rows = torch.from_numpy(encoder.token_vectors([text])[0])
        return torch.nn.functional.normalize(rows[1:-1], dim=1)

    asked = own_tokens(TEXTS[0])
    wanted = {
        document.doc_id: torch.einsum("qd,td->qt", asked, own_tokens(document.full_text))
        .amax(dim=1)
        .sum()
        .item()
        for document in documents
    }
    assert {hit.doc_id: hit.score for hit in found} == pytest.approx(wanted, abs=1e-3)


# Both


@TOO_LONG
@pytest.mark.parametrize("position", range(len(TEXTS)))
def test_a_text_does_not_depend_on_its_neighbours(bge: Any, backbone: Any, position: int) -> None:
    text = TEXTS[position]
    np.testing.assert_array_equal(bge.encode(TEXTS)[position], bge.encode(text))
    np.testing.assert_array_equal(
        backbone.token_vectors(TEXTS)[position], backbone.token_vectors([text])[0]
    )


@INT8
def test_built_twice_it_has_one_fingerprint(build: Callable[[], Any]) -> None:
    first, second = build().fingerprint, build().fingerprint
    assert first == second
    assert len(bytes.fromhex(first)) == 32


@pytest.mark.parametrize(
    ("weights", "build"),
    [(BGE_SMALL, ragkit.BGESmallEncoder), (COLBERT_BACKBONE, ragkit.ColBERTBackbone)],
    ids=["bge", "backbone"],
)
def test_ragkit_models_is_searched_first_and_needs_the_tokenizer(
    weights: Weights,
    build: Callable[[], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, folder = locate(weights).folder, tmp_path / weights.name
    folder.mkdir()
    (folder / weights.file).symlink_to(whole / weights.file)
    monkeypatch.setenv("RAGKIT_MODELS", str(tmp_path))
    with pytest.raises(ragkit.ModelError, match=rf"{weights.name}.tokenizer\.json: not a usable"):
        build()
    shutil.copy(whole / "tokenizer.json", folder)
    assert build().dimension == 384
