"""MiniLM's ONNX backends against PyTorch, and what becomes of an export that is not as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from processes import process
from test_encoders import LONG, TEXTS, close, unit

import ragkit
from ragkit.encoders import minilm_export
from ragkit.encoders.minilm_export import FILES, varied_texts
from ragkit.vectors import Vectors

EXPORTED = tuple(FILES)


def cosines(a: Vectors, b: Vectors) -> Any:
    return (a * b).sum(axis=1)


# The vectors


def test_onnx_gives_the_vectors_of_torch(minilm: Any, minilm_onnx: Any) -> None:
    close(minilm_onnx.encode(TEXTS), minilm.encode(TEXTS))


def test_300_varied_texts_agree_with_torch(minilm: Any, minilm_onnx: Any) -> None:
    texts = varied_texts()
    assert len(set(texts)) == 300
    lengths = minilm_onnx._lengths(texts)
    assert min(lengths) == 3
    assert max(lengths) > 256
    with pytest.warns(ragkit.RagkitWarning, match="longer than 256"):
        vectors = ragkit.MiniLMEncoder(backend="onnx").encode(texts)
    minilm._warned = True
    assert cosines(vectors, minilm.encode(texts)).min() >= 0.9999


def test_int8_is_near_torch_and_not_equal(minilm: Any, minilm_int8: Any) -> None:
    near = cosines(minilm_int8.encode(TEXTS), minilm.encode(TEXTS))
    assert 0.95 < near.min() < 0.9999


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_padding_and_neighbours_do_not_move_a_vector(minilm_onnx: Any, batch_size: int) -> None:
    alone = np.stack([minilm_onnx.encode(text) for text in TEXTS])
    close(minilm_onnx.encode(TEXTS, batch_size), alone, tolerance=1e-6)


def test_int8_takes_each_text_by_itself(minilm_int8: Any) -> None:
    alone = np.stack([minilm_int8.encode(text) for text in TEXTS])
    np.testing.assert_array_equal(minilm_int8.encode(TEXTS), alone)


@pytest.mark.parametrize("backend", EXPORTED)
def test_the_limit_is_that_of_torch(backend: Any, minilm: Any) -> None:
    encoder = ragkit.MiniLMEncoder(backend=backend)
    with pytest.warns(ragkit.RagkitWarning, match="1 of 1 texts are longer than 256"):
        whole = encoder.encode(LONG)
    minilm._warned = True
    assert float(whole @ minilm.encode(LONG)) > (0.9999 if backend == "onnx" else 0.95)
    np.testing.assert_array_equal(whole, encoder.encode(LONG + "and this is cut off"))
    assert encoder._lengths([LONG]) == minilm._lengths([LONG])


def test_max_length_moves_the_cut_as_it_does_in_torch() -> None:
    texts = ["a b c d e f and what is cut off"]
    with pytest.warns(ragkit.RagkitWarning, match="longer than 8"):
        one = ragkit.MiniLMEncoder(backend="onnx", max_length=8).encode(texts)
    with pytest.warns(ragkit.RagkitWarning, match="longer than 8"):
        close(one, ragkit.MiniLMEncoder(max_length=8).encode(texts))


@pytest.mark.parametrize("max_length", [0, 2, 513])
def test_a_length_the_export_does_not_have_is_refused(max_length: int) -> None:
    with pytest.raises(ragkit.RagkitError, match="max_length"):
        ragkit.MiniLMEncoder(backend="onnx", max_length=max_length)


def test_every_backend_has_a_fingerprint_of_its_own(
    minilm: Any, minilm_onnx: Any, minilm_int8: Any
) -> None:
    assert len({minilm.fingerprint, minilm_onnx.fingerprint, minilm_int8.fingerprint}) == 3
    assert ragkit.MiniLMEncoder(backend="auto").fingerprint == minilm_onnx.fingerprint


def test_the_model_in_torch_can_be_looked_into(minilm_onnx: Any) -> None:
    vectors = minilm_onnx.sentence_transformer.encode(TEXTS, normalize_embeddings=True)
    close(minilm_onnx.encode(TEXTS), vectors)


# What the model reads


def test_token_vectors_are_those_of_torch(minilm: Any, minilm_onnx: Any) -> None:
    for ours, theirs in zip(
        minilm_onnx.token_vectors(TEXTS, 3), minilm.token_vectors(TEXTS), strict=True
    ):
        close(ours, theirs)


@pytest.mark.parametrize("encoder", ["minilm", "minilm_onnx", "minilm_int8"])
def test_the_mean_of_the_token_vectors_is_the_vector(
    encoder: str, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(encoder)
    means = np.stack([rows.mean(axis=0) for rows in model.token_vectors(TEXTS)])
    close(unit(means), model.encode(TEXTS))


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_and_their_places_are_those_of_torch(
    text: str, minilm: Any, minilm_onnx: Any
) -> None:
    tokens = minilm_onnx.tokens(text)
    assert tokens == minilm.tokens(text)
    assert len(tokens) == minilm._lengths([text])[0] - 2
    letters = [text[place.start : place.end].lower() for _, place in tokens]
    if text.isascii():
        assert letters == [piece.removeprefix("##") for piece, _ in tokens]


def test_token_vectors_of_nothing_are_none(minilm_onnx: Any) -> None:
    assert minilm_onnx.token_vectors([]) == []


def test_a_blank_text_has_no_tokens_to_read(minilm_onnx: Any) -> None:
    for ask in (minilm_onnx.tokens, lambda text: minilm_onnx.token_vectors([text])):
        with pytest.raises(ragkit.DataError, match="only spaces"):
            ask(" ")


# What a backend cannot do


@pytest.mark.parametrize("backend", EXPORTED)
@pytest.mark.parametrize("how", [{"pooling": "cls"}, {"model": "owner/name"}], ids=str)
def test_an_export_is_of_a_local_model_with_mean_pooling_only(
    backend: Any, how: dict[str, Any]
) -> None:
    with pytest.raises(ragkit.ModelError, match=r"local folder .* mean pooling only"):
        ragkit.MiniLMEncoder(backend=backend, **how)


def test_auto_pools_otherwise_with_torch() -> None:
    assert ragkit.MiniLMEncoder(backend="auto", pooling="cls").backend == "torch"


# An export that is not there, or not as it was


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def export(cache: Path, minilm_onnx: Any) -> Path:
    """The folder of an export that a test may spoil."""
    shutil.copytree(minilm_onnx._export.source.parent, minilm_export.folder())
    return minilm_export.folder()


@pytest.fixture
def fast_check(monkeypatch: pytest.MonkeyPatch, minilm: Any) -> None:
    """A new export is compared on fewer texts, and with the PyTorch model that is loaded."""
    few = varied_texts()[::20]
    monkeypatch.setattr(minilm_export, "varied_texts", lambda: few)
    monkeypatch.setattr(minilm_export, "_reference", lambda _, texts: minilm.encode(texts))


def cut_short(folder: Path) -> None:
    content = (folder / FILES["onnx"]).read_bytes()
    (folder / FILES["onnx"]).write_bytes(content[:1000])


def alter(folder: Path) -> None:
    with (folder / FILES["onnx"]).open("r+b") as stream:
        stream.seek(5_000_000)
        stream.write(b"altered")


def remove(folder: Path) -> None:
    (folder / FILES["onnx"]).unlink()


def spoil_manifest(folder: Path) -> None:
    (folder / "export.json").write_text("{")


def empty_manifest(folder: Path) -> None:
    (folder / "export.json").write_text(json.dumps({"format": minilm_export.FORMAT, "exports": {}}))


DAMAGE = [cut_short, alter, remove, spoil_manifest, empty_manifest]


@pytest.mark.parametrize("damage", DAMAGE)
def test_auto_falls_back_to_torch_and_says_so(export: Path, damage: Any) -> None:
    damage(export)
    with pytest.warns(ragkit.RagkitWarning, match="PyTorch is used"):
        encoder = ragkit.MiniLMEncoder(backend="auto")
    assert encoder.backend == "torch"


def test_auto_makes_no_export_where_there_is_none(cache: Path, minilm: Any) -> None:
    with pytest.warns(ragkit.RagkitWarning, match="no ONNX export here yet"):
        encoder = ragkit.MiniLMEncoder(backend="auto")
    assert encoder.fingerprint == minilm.fingerprint
    assert not cache.exists()


def test_an_export_of_another_release_is_not_used(export: Path) -> None:
    manifest = json.loads((export / "export.json").read_text())
    (export / "export.json").write_text(json.dumps({**manifest, "format": 0}))
    assert minilm_export.find("onnx") is None


@pytest.mark.usefixtures("fast_check")
def test_onnx_makes_a_damaged_export_again(export: Path, minilm: Any) -> None:
    cut_short(export)
    with pytest.warns(ragkit.RagkitWarning, match="cut short or altered"):
        close(ragkit.MiniLMEncoder(backend="onnx").encode(TEXTS), minilm.encode(TEXTS))
    assert minilm_export.find("onnx") is not None


@pytest.mark.parametrize("backend", ["onnx", "auto"])
def test_an_export_of_other_weights_is_an_error(export: Path, backend: Any) -> None:
    file = export / FILES["onnx"]
    other = onnx.load(file)
    onnx.helper.set_model_props(other, {"weights_sha256": "0" * 64})
    onnx.save(other, file)
    manifest = json.loads((export / "export.json").read_text())
    manifest["exports"]["onnx"]["sha256"] = minilm_export.sha256_of(file)
    (export / "export.json").write_text(json.dumps(manifest))
    with pytest.raises(ragkit.ModelError, match=r"other weights .*Delete it"):
        ragkit.MiniLMEncoder(backend=backend)


@pytest.mark.usefixtures("fast_check")
def test_a_graph_that_is_not_the_model_is_not_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragkit.encoders import minilm_graph

    monkeypatch.setattr(minilm_graph, "EPSILON", 0.1)
    with pytest.raises(ragkit.ModelError, match="not PyTorch's model: lowest cosine"):
        minilm_export.prepare()
    assert not cache.exists()


@pytest.mark.usefixtures("fast_check")
def test_a_cache_folder_that_cannot_be_written_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minilm: Any
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(ragkit.RagkitWarning, match="cannot be written .*Work goes on") as caught:
        encoders = [ragkit.MiniLMEncoder(backend="onnx") for _ in range(2)]
    assert len(caught) == 1
    for encoder in encoders:
        close(encoder.encode(TEXTS), minilm.encode(TEXTS))


# The quick path

HEAVY = ("torch", "transformers", "sentence_transformers", "onnx", "matplotlib", "scipy")
ASK = f"""
import sys
from ragkit.cli import main
sys.argv = ["ragkit", "ask", "past participle of eat?", *{{arguments}}]
try:
    main()
finally:
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    print("loaded:", loaded, file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [[], ["--rerank"], ["--json"]])
def test_ask_imports_neither_torch_nor_sentence_transformers(arguments: list[str]) -> None:
    asked = process("-c", ASK.format(arguments=arguments))
    assert (asked.status, asked.err) == (0, "loaded: []\n")


def test_what_does_import_torch_is_seen_to() -> None:
    asked = process("-c", ASK.format(arguments=["--encoder", "minigpt-table"]))
    assert (asked.status, asked.err) == (0, "loaded: ['torch']\n")
