"""Encoders against their peers: sentence-transformers, transformers, and arithmetic by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from numpy.typing import NDArray

import ragkit
from ragkit.vectors import Vectors
from ragkit.weights.published import MINILM, locate

TEXTS = [
    "past participle of eat?",
    "Write is irregular: write, wrote, written.",
    "¿Cómo se dice «he comido» en inglés?",
    "日本語の動詞 🙂 naïve café",
    "ALL CAPITALS AND    spaces\tand\nlines",
    "x",
    "\u200bzero width",
    "We had been waiting for an hour before the bus came. " * 12,
]
LONG = "She has eaten an apple and he ate a pear. " * 60  # about 660 tokens
BAD_ITEMS: list[Any] = ["", " \n\t", None, 3, b"bytes", ["nested"], float("nan")]


def unit(rows: NDArray[Any]) -> NDArray[Any]:
    normalised: NDArray[Any] = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
    return normalised


def close(a: Vectors, b: NDArray[Any], tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(a, b, atol=tolerance, rtol=0)


# What every encoder promises

Make = Callable[[], Any]


SYMMETRIC = [
    "minilm",
    "minilm-onnx",
    "minilm-int8",
    "minigpt-table",
    "minigpt-hidden",
    "untrained",
]


@pytest.fixture(params=[*SYMMETRIC, "bge"])
def encoder(request: pytest.FixtureRequest) -> Any:
    """Each encoder of the course in turn."""
    makers: dict[str, Make] = {
        "minilm": lambda: request.getfixturevalue("minilm"),
        "minilm-onnx": lambda: request.getfixturevalue("minilm_onnx"),
        "minilm-int8": lambda: request.getfixturevalue("minilm_int8"),
        "bge": lambda: request.getfixturevalue("bge"),
        "minigpt-table": lambda: request.getfixturevalue("minigpt"),
        "minigpt-hidden": lambda: ragkit.MiniGPTEncoder(source="hidden"),
        "untrained": ragkit.MiniGPTEncoder.untrained,
    }
    return makers[request.param]()


def test_rows_are_float32_unit_vectors_of_the_dimension(encoder: Any) -> None:
    vectors = encoder.encode(TEXTS[:4])
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, encoder.dimension)
    close(np.linalg.norm(vectors, axis=1), np.ones(4), 1e-6)


def test_it_is_an_encoder(encoder: Any) -> None:
    assert isinstance(encoder, ragkit.Encoder)


def test_a_single_string_gives_one_vector(encoder: Any) -> None:
    single = encoder.encode("eat")
    assert single.shape == (encoder.dimension,)
    close(single, encoder.encode(["eat"])[0])


def test_no_texts_give_no_rows(encoder: Any) -> None:
    vectors = encoder.encode([])
    assert (vectors.dtype, vectors.shape) == (np.float32, (0, encoder.dimension))


@pytest.mark.parametrize("batch_size", [1, 2, 7, 1000])
def test_rows_follow_the_input_whatever_the_batch_size(encoder: Any, batch_size: int) -> None:
    texts = [f"{'word ' * (number % 5)}number {number}" for number in range(12)]
    one_by_one = np.array([encoder.encode(text) for text in texts])
    close(encoder.encode(texts, batch_size=batch_size), one_by_one)


@pytest.mark.parametrize("encoder", SYMMETRIC, indirect=True)
def test_queries_and_documents_share_one_tower(encoder: Any) -> None:
    close(encoder.encode_query(TEXTS[:2]), encoder.encode(TEXTS[:2]), 0)
    close(encoder.encode_document(TEXTS[:2]), encoder.encode(TEXTS[:2]), 0)


@pytest.mark.parametrize("bad", BAD_ITEMS, ids=repr)
def test_a_bad_item_is_refused_with_its_place(encoder: Any, bad: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"texts\[2\]"):
        encoder.encode(["eat", "ate", bad])


def test_a_text_that_is_no_unicode_is_refused_with_its_place(encoder: Any) -> None:
    with pytest.raises(ragkit.DataError, match=r"texts\[1\]"):
        encoder.encode(["eat", "half a pair: \ud800"])


@pytest.mark.parametrize("texts", [None, 3, b"eat"])
def test_what_is_no_list_of_texts_is_refused(encoder: Any, texts: Any) -> None:
    with pytest.raises(ragkit.DataError, match="texts must be a list of strings"):
        encoder.encode(texts)


def test_a_numpy_integer_is_a_batch_size(encoder: Any) -> None:
    assert len(encoder.encode(["eat", "ate", "eaten"], batch_size=np.int64(2))) == 3


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "8"])
def test_a_bad_batch_size_is_refused(encoder: Any, batch_size: Any) -> None:
    with pytest.raises(ragkit.DataError, match="batch_size must be"):
        encoder.encode(["eat"], batch_size=batch_size)


def test_a_fingerprint_is_a_sha256_and_stays(encoder: Any) -> None:
    first = encoder.fingerprint
    encoder.encode(["eat"])
    assert encoder.fingerprint == first
    assert len(bytes.fromhex(first)) == 32


def test_all_encoders_have_different_fingerprints(minilm: Any, minigpt: Any, bge: Any) -> None:
    encoders = [
        minilm,
        ragkit.MiniLMEncoder(pooling="cls"),
        ragkit.MiniLMEncoder(pooling="max"),
        ragkit.MiniLMEncoder(max_length=128),
        bge,
        minigpt,
        ragkit.MiniGPTEncoder(source="hidden"),
        ragkit.MiniGPTEncoder.untrained(),
        ragkit.MiniGPTEncoder.untrained(source="hidden"),
        ragkit.MiniGPTEncoder.untrained(seed=1),
    ]
    assert len({encoder.fingerprint for encoder in encoders}) == len(encoders)


def test_the_same_encoder_built_twice_has_one_fingerprint(minilm: ragkit.MiniLMEncoder) -> None:
    assert ragkit.MiniLMEncoder().fingerprint == minilm.fingerprint


# MiniLM against sentence-transformers and transformers


@pytest.fixture(scope="module")
def packaged() -> Path:
    return locate(MINILM).folder


@pytest.fixture(scope="module")
def peer(packaged: Path, minilm: Any) -> Any:
    """The packaged weights in sentence-transformers, as its own users load them."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(packaged), device="cpu", local_files_only=True)


@pytest.fixture(scope="module")
def token_embeddings(packaged: Path, minilm: Any) -> Callable[[str], NDArray[Any]]:
    """The last hidden states of one text, [tokens, 384], from transformers alone."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(packaged)
    model = AutoModel.from_pretrained(packaged).eval()

    def embed(text: str) -> NDArray[Any]:
        encoded = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.inference_mode():
            states: NDArray[Any] = model(**encoded).last_hidden_state[0].numpy()
        return states

    return embed


def test_minilm_agrees_with_sentence_transformers(minilm: Any, peer: Any) -> None:
    wanted = peer.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    close(minilm.encode(TEXTS), wanted)


def test_minilm_agrees_with_sentence_transformers_beyond_256_tokens(peer: Any) -> None:
    with pytest.warns(ragkit.RagkitWarning, match="longer than 256"):
        vector = ragkit.MiniLMEncoder().encode(LONG)
    close(vector, peer.encode(LONG, normalize_embeddings=True, show_progress_bar=False))


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("mean", lambda states: states.mean(axis=0)),
        ("cls", lambda states: states[0]),
        ("max", lambda states: states.max(axis=0)),
    ],
)
def test_pooling_is_what_its_name_says(
    pooling: Any,
    pool: Callable[[NDArray[Any]], NDArray[Any]],
    token_embeddings: Callable[[str], NDArray[Any]],
) -> None:
    wanted = unit(np.array([pool(token_embeddings(text)) for text in TEXTS]))
    close(ragkit.MiniLMEncoder(pooling=pooling).encode(TEXTS), wanted)


def test_minilm_states_its_name_and_dimension(minilm: Any) -> None:
    assert (minilm.name, minilm.dimension) == ("all-MiniLM-L6-v2", 384)
    assert repr(minilm) == "MiniLMEncoder('all-MiniLM-L6-v2', dimension=384)"


@pytest.mark.parametrize("backend", ["gpu", "tensorflow", "", None])
def test_an_unknown_backend_is_refused(backend: Any) -> None:
    with pytest.raises(ragkit.ModelError, match=r"backend .* 'torch', 'onnx'"):
        ragkit.MiniLMEncoder(backend=backend)


@pytest.mark.parametrize("pooling", ["median", "", None])
def test_an_unknown_pooling_is_refused(pooling: Any) -> None:
    with pytest.raises(ragkit.ModelError, match=r"pooling .* 'mean', 'cls' or 'max'"):
        ragkit.MiniLMEncoder(pooling=pooling)


@pytest.mark.parametrize("max_length", [0, -1, 2, 513, 2.5, "256"])
def test_a_length_the_model_does_not_have_is_refused(max_length: Any) -> None:
    with pytest.raises(ragkit.RagkitError, match="max_length"):
        ragkit.MiniLMEncoder(max_length=max_length)


def test_texts_over_256_tokens_are_counted_and_warned_about_once() -> None:
    fresh = ragkit.MiniLMEncoder()
    with pytest.warns(ragkit.RagkitWarning, match="1 of 2 texts are longer than 256") as caught:
        [fresh.encode([LONG, other]) for other in ("eat", LONG)]
    assert len(caught) == 1
    assert fresh.truncated == 3


@pytest.mark.parametrize(("words", "cut"), [(254, 0), (255, 1)])
def test_the_limit_is_256_tokens_with_the_special_ones(words: int, cut: int) -> None:
    fresh = ragkit.MiniLMEncoder()
    fresh._warned = True  # only the count is of interest
    fresh.encode("word " * words)
    assert fresh.truncated == cut


def test_128_tokens_are_not_the_limit(minilm: Any) -> None:
    start = "word " * 140
    assert not np.allclose(minilm.encode(start), minilm.encode(start + "she eats apples"))


@pytest.mark.parametrize("name", ["max_length", "pooling", "backend"])
def test_what_the_fingerprint_names_cannot_be_changed(minilm: Any, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(minilm, name, getattr(minilm, name))


def test_max_length_moves_the_cut() -> None:
    short = ragkit.MiniLMEncoder(max_length=8)
    with pytest.warns(ragkit.RagkitWarning, match="longer than 8"):
        one, other = short.encode(["a b c d e f", "a b c d e f and what is cut off"])
    close(one, other)


# MiniLM from a folder of the user's own


@pytest.fixture
def own_folder(packaged: Path, tmp_path: Path) -> Path:
    """A copy of the packaged model whose small files may be changed; the weights are a link."""
    folder = tmp_path / "own-model"
    shutil.copytree(packaged, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / MINILM.file).symlink_to(packaged / MINILM.file)
    return folder


def change(file: Path, **values: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **values}))


def test_a_folder_may_be_given(own_folder: Path, minilm: Any) -> None:
    own = ragkit.MiniLMEncoder(own_folder)
    close(own.encode(TEXTS[:3]), minilm.encode(TEXTS[:3]))
    assert own.name == "own-model"


def test_a_given_folder_comes_before_ragkit_models(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_MODELS", "/nowhere")
    assert ragkit.MiniLMEncoder(own_folder).name == "own-model"


def test_a_folder_that_pools_otherwise_never_shares_vectors_by_fingerprint(
    own_folder: Path, minilm: Any
) -> None:
    change(
        own_folder / "1_Pooling" / "config.json",
        pooling_mode_mean_tokens=False,
        pooling_mode_cls_token=True,
    )
    own = ragkit.MiniLMEncoder(own_folder)
    same_vectors = np.allclose(own.encode(TEXTS[:3]), minilm.encode(TEXTS[:3]), atol=1e-5)
    assert same_vectors or own.fingerprint != minilm.fingerprint


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_pooling_is_what_its_name_says_whatever_the_folder_says(
    own_folder: Path, pooling: Any
) -> None:
    change(
        own_folder / "1_Pooling" / "config.json",
        pooling_mode_mean_tokens=False,
        pooling_mode_cls_token=True,
    )
    wanted = ragkit.MiniLMEncoder(pooling=pooling).encode(TEXTS[:3])
    close(ragkit.MiniLMEncoder(own_folder, pooling=pooling).encode(TEXTS[:3]), wanted)


def test_an_unchanged_copy_shares_the_fingerprint(own_folder: Path, minilm: Any) -> None:
    (own_folder / "README.md").write_text("notes of my own")
    assert ragkit.MiniLMEncoder(own_folder).fingerprint == minilm.fingerprint


def test_another_tokenizer_gives_another_fingerprint(own_folder: Path, minilm: Any) -> None:
    file = own_folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["eat"], vocabulary["write"] = vocabulary["write"], vocabulary["eat"]
    file.write_text(json.dumps(tokenizer), encoding="utf-8")
    own = ragkit.MiniLMEncoder(own_folder)
    assert not np.allclose(own.encode("eat"), minilm.encode("eat"), atol=0.01)
    assert own.fingerprint != minilm.fingerprint


NO_MODELS = ["nowhere", "./nowhere", "../nowhere", "~/nowhere", "/no/where", "a/b/c", "owner/", ""]


@pytest.mark.parametrize("model", [*NO_MODELS, Path("no/where"), 384])
def test_a_mistyped_folder_never_reaches_for_a_hub(model: str | Path) -> None:
    with pytest.raises(ragkit.ModelError, match="no such folder"):
        ragkit.MiniLMEncoder(model)


def test_a_folder_without_weights_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ragkit.ModelError, match=r"model\.safetensors: cannot be read"):
        ragkit.MiniLMEncoder(tmp_path)


def test_weights_without_a_configuration_are_a_model_error(own_folder: Path) -> None:
    (own_folder / "config.json").unlink()
    with pytest.raises(ragkit.ModelError, match="cannot be loaded"):
        ragkit.MiniLMEncoder(own_folder)


# MiniGPT against arithmetic by hand

COMMITTED = ROOT / "data" / "minigpt"


@pytest.fixture(scope="module")
def table() -> NDArray[Any]:
    """The embedding table as it lies in the file, [V, 64]."""
    from safetensors.numpy import load_file

    return load_file(COMMITTED / "model.safetensors")["table.weight"]


@pytest.fixture(scope="module")
def tokenize() -> Callable[[str], list[int]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(COMMITTED / "tokenizer.json"))
    return lambda text: tokenizer.encode(text).ids


@pytest.fixture(scope="module")
def hidden() -> ragkit.MiniGPTEncoder:
    return ragkit.MiniGPTEncoder(source="hidden")


SHORT_TEXTS = [text for text in TEXTS if len(text) < 60]


def test_the_table_encoder_is_the_mean_of_table_rows(
    minigpt: Any, table: NDArray[Any], tokenize: Callable[[str], list[int]]
) -> None:
    wanted = unit(np.array([table[tokenize(text)].mean(axis=0) for text in SHORT_TEXTS]))
    close(minigpt.encode(SHORT_TEXTS, batch_size=32), wanted)


def test_the_hidden_encoder_is_the_mean_of_the_last_states(hidden: Any) -> None:
    import torch

    with torch.inference_mode():
        states = [
            hidden.model.hidden(torch.tensor([hidden.token_ids(text)]))[0].mean(dim=0).numpy()
            for text in SHORT_TEXTS
        ]
    close(hidden.encode(SHORT_TEXTS, batch_size=32), unit(np.array(states)))


@pytest.mark.parametrize("source", ["table", "hidden"])
def test_a_longer_neighbour_changes_nothing(source: Any) -> None:
    encoder = ragkit.MiniGPTEncoder(source=source)
    close(encoder.encode(["eat", "she has eaten " * 10])[0], encoder.encode("eat"))


def test_minigpt_states_its_names_and_dimension(minigpt: Any, hidden: Any) -> None:
    assert (minigpt.name, hidden.name) == ("minigpt-table", "minigpt-hidden")
    assert (minigpt.dimension, hidden.dimension) == (64, 64)


def test_hidden_states_are_not_table_rows(minigpt: Any, hidden: Any) -> None:
    cosines = (minigpt.encode(SHORT_TEXTS) * hidden.encode(SHORT_TEXTS)).sum(axis=1)
    assert (np.abs(cosines) < 0.95).all()


def test_the_table_ignores_word_order(minigpt: Any) -> None:
    close(minigpt.encode("the dog bites the man"), minigpt.encode("the man bites the dog"), 1e-6)


def test_hidden_states_know_word_order(hidden: Any) -> None:
    dog, man = hidden.encode(["the dog bites the man", "the man bites the dog"])
    assert np.abs(dog - man).max() > 1e-3


def test_texts_over_the_context_are_counted_and_warned_about_once() -> None:
    fresh = ragkit.MiniGPTEncoder()
    with pytest.warns(ragkit.RagkitWarning, match="1 of 2 texts are longer than 128") as caught:
        [fresh.encode([LONG, other]) for other in ("eat", LONG)]
    assert len(caught) == 1
    assert fresh.truncated == 3


def test_what_lies_behind_the_context_does_not_count(
    table: NDArray[Any], tokenize: Callable[[str], list[int]]
) -> None:
    with pytest.warns(ragkit.RagkitWarning, match="longer than 128"):
        vector = ragkit.MiniGPTEncoder().encode(LONG)
    close(vector, unit(table[tokenize(LONG)[:128]].mean(axis=0)))


def test_an_unknown_source_is_refused() -> None:
    bad: Any = "logits"
    with pytest.raises(ragkit.ModelError, match="source 'logits'; use 'table' or 'hidden'"):
        ragkit.MiniGPTEncoder(source=bad)
    with pytest.raises(ragkit.ModelError, match="source 'logits'"):
        ragkit.MiniGPTEncoder.untrained(source=bad)


# The untrained control


def test_the_untrained_encoder_is_seeded() -> None:
    one, same = (ragkit.MiniGPTEncoder.untrained(seed=3) for _ in range(2))
    close(one.encode(SHORT_TEXTS), same.encode(SHORT_TEXTS), 0)
    assert one.fingerprint == same.fingerprint


def test_another_seed_gives_other_vectors() -> None:
    one, other = (ragkit.MiniGPTEncoder.untrained(seed=seed).encode("eat") for seed in (0, 1))
    assert abs(float(one @ other)) < 0.9


def test_the_untrained_encoder_differs_from_the_trained(minigpt: Any) -> None:
    cosine = float(ragkit.MiniGPTEncoder.untrained().encode("eat") @ minigpt.encode("eat"))
    assert abs(cosine) < 0.9


def test_a_checkpoint_in_memory_encodes_as_the_one_in_a_folder(minigpt: Any) -> None:
    from ragkit.encoders.minigpt import Checkpoint

    parts = Checkpoint(minigpt.model, minigpt.tokenizer, "mine", name="own")
    encoder = ragkit.MiniGPTEncoder(parts, source="table")
    close(encoder.encode(TEXTS[:3]), minigpt.encode(TEXTS[:3]), 0)
    assert (encoder.name, encoder.identity["model"]) == ("own-table", "mine")


def test_building_the_untrained_encoder_leaves_torchs_generator_alone() -> None:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(12345)
        before = torch.random.get_rng_state()
        ragkit.MiniGPTEncoder.untrained()
        assert torch.random.get_rng_state().equal(before)


# Damaged checkpoints


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    for name in ("model.safetensors", "tokenizer.json"):
        shutil.copy(COMMITTED / name, tmp_path / name)
    return tmp_path


def test_a_checkpoint_folder_may_be_given(checkpoint: Path, minigpt: Any) -> None:
    own = ragkit.MiniGPTEncoder(str(checkpoint))
    close(own.encode(SHORT_TEXTS), minigpt.encode(SHORT_TEXTS), 1e-6)
    assert own.fingerprint == minigpt.fingerprint


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-1], lambda b: b[:100], lambda b: b"", lambda b: b"PK\3\4" + b, lambda b: b[8:]],
    ids=["one byte short", "header only", "empty", "another format", "no header length"],
)
def test_a_damaged_checkpoint_is_a_model_error(
    checkpoint: Path, damage: Callable[[bytes], bytes]
) -> None:
    file = checkpoint / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ragkit.ModelError, match=r"model\.safetensors: .*ragkit train-minigpt"):
        ragkit.MiniGPTEncoder(checkpoint)


def test_weights_of_another_model_are_a_model_error_in_one_line(checkpoint: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    file = checkpoint / "model.safetensors"
    with safe_open(file, framework="np") as stream:
        sizes = stream.metadata()
    weights = load_file(file)
    weights["another.weight"] = weights.pop("positions.weight")
    save_file(weights, file, metadata=sizes)
    with pytest.raises(ragkit.ModelError, match="train-minigpt") as caught:
        ragkit.MiniGPTEncoder(checkpoint)
    assert "\n" not in str(caught.value)


def test_weights_without_their_sizes_are_a_model_error(checkpoint: Path) -> None:
    from safetensors.numpy import load_file, save_file

    file = checkpoint / "model.safetensors"
    save_file(load_file(file), file)
    with pytest.raises(ragkit.ModelError, match="train-minigpt"):
        ragkit.MiniGPTEncoder(checkpoint)


def test_a_tokenizer_with_more_tokens_than_the_table_is_a_model_error(checkpoint: Path) -> None:
    file = checkpoint / "tokenizer.json"
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    tokenizer["model"]["vocab"]["unheard"] = len(tokenizer["model"]["vocab"])
    file.write_text(json.dumps(tokenizer), encoding="utf-8")
    with pytest.raises(ragkit.ModelError, match=r"not trained together.*ragkit train-minigpt"):
        ragkit.MiniGPTEncoder(checkpoint)


@pytest.mark.parametrize("seed", [-1, 2**64, 0.5, None])
def test_a_seed_that_torch_does_not_take_is_refused(seed: Any) -> None:
    with pytest.raises(ragkit.DataError, match="seed must be"):
        ragkit.MiniGPTEncoder.untrained(seed=seed)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": "1.0"', b"\xff\xfe", b"[1, 2]"])
def test_a_damaged_tokenizer_is_a_model_error(checkpoint: Path, content: bytes) -> None:
    (checkpoint / "tokenizer.json").write_bytes(content)
    with pytest.raises(ragkit.ModelError, match=r"tokenizer\.json: .*ragkit train-minigpt"):
        ragkit.MiniGPTEncoder(checkpoint)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_a_model_error(checkpoint: Path, name: str) -> None:
    (checkpoint / name).unlink()
    with pytest.raises(ragkit.ModelError, match=name.replace(".", r"\.")):
        ragkit.MiniGPTEncoder(checkpoint)
