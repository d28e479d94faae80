"""A fine-tuned MiniLM in a folder: its exports against PyTorch, and folders that have none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import process
from safetensors.numpy import save_file
from test_encoders import LONG, TEXTS, change, close

import ragkit
from ragkit.encoders import minilm_export
from ragkit.encoders.minilm_folder import CONFIG, LAYERS, LIMIT, TENSORS, misfits
from ragkit.weights.published import MINILM, locate

# A model with other numbers


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model after some noise, as sentence-transformers saves it."""
    import torch

    model = ragkit.MiniLMEncoder().sentence_transformer
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("dense.weight"):
                weight += 0.2 * weight.std() * torch.randn(weight.shape, generator=noise)
    folder = tmp_path_factory.mktemp("models") / "tuned"
    model.save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def peer(tuned: Path) -> Any:
    """The same folder in sentence-transformers, as its own users load it."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tuned), device="cpu", local_files_only=True)
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


@pytest.fixture(scope="module")
def exported(tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder with the exports of that model, compared on a few of the 300 texts."""
    cache, few = tmp_path_factory.mktemp("cache"), minilm_export.varied_texts()[::20]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGKIT_CACHE", str(cache))
        patch.setattr(minilm_export, "varied_texts", lambda: few)
        with pytest.warns(ragkit.RagkitWarning, match=r"no ONNX export .*tuned', backend='onnx'"):
            assert ragkit.MiniLMEncoder(tuned, backend="auto").backend == "torch"
        assert ragkit.MiniLMEncoder(tuned, backend="onnx").backend == "onnx"
    yield cache
    shutil.rmtree(cache)


@pytest.fixture
def cached(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That cache folder is in use, and nothing is added to it."""
    monkeypatch.setenv("RAGKIT_CACHE", str(exported))
    monkeypatch.setattr(minilm_export, "prepare", None)


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize(("backend", "least"), [("onnx", 0.9999), ("onnx-int8", 0.95)])
def test_an_export_of_a_folder_gives_its_vectors(
    backend: Any, least: float, tuned: Path, peer: Any, minilm: Any
) -> None:
    encoder = ragkit.MiniLMEncoder(tuned, backend=backend)
    vectors, wanted = encoder.encode(TEXTS), peer(TEXTS)
    assert (vectors * wanted).sum(axis=1).min() > least
    assert (vectors * minilm.encode(TEXTS)).sum(axis=1).max() < 0.95
    assert (encoder.name, encoder.dimension) == ("tuned", 384)


@pytest.mark.usefixtures("cached")
def test_a_folder_is_cut_at_256_tokens_whatever_its_tokenizer_says(tuned: Path, peer: Any) -> None:
    tokenizer = json.loads((tuned / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer["truncation"]["max_length"] == 128
    encoder = ragkit.MiniLMEncoder(tuned, backend="onnx")
    with pytest.warns(ragkit.RagkitWarning, match="2 of 2 texts are longer than 256"):
        ours = encoder.encode([LONG, "word " * 300])
    close(ours, peer([LONG, "word " * 300]))


@pytest.mark.usefixtures("cached")
def test_auto_uses_the_export_of_a_folder(tuned: Path) -> None:
    encoders = [ragkit.MiniLMEncoder(tuned, backend=b) for b in ("auto", "onnx", "torch")]
    auto, onnx, torch = (encoder.fingerprint for encoder in encoders)
    assert auto == onnx != torch


@pytest.mark.usefixtures("cached")
def test_a_folder_with_an_export_needs_no_torch(tuned: Path) -> None:
    code = f"""
import sys, ragkit
print(ragkit.MiniLMEncoder({str(tuned)!r}, backend="auto").encode("eat").shape)
print([name for name in ("torch", "onnx", "sentence_transformers") if name in sys.modules])
"""
    assert process("-c", code).out.split("\n") == ["(384,)", "[]", ""]


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("backend", ["onnx", "auto"])
def test_a_folder_has_no_more_positions_than_512(backend: Any, tuned: Path) -> None:
    with pytest.raises(ragkit.DataError, match="max_length"):
        ragkit.MiniLMEncoder(tuned, backend=backend, max_length=513)


@pytest.mark.usefixtures("cached")
def test_an_export_belongs_to_the_whole_folder(tuned: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(tuned, other, copy_function=shutil.copyfile)
    assert minilm_export.find("onnx", other) is not None
    change(other / "tokenizer_config.json", do_lower_case=False)
    assert minilm_export.find("onnx", other) is None
    assert minilm_export.find("onnx") is None


def test_a_copy_of_the_packaged_model_has_its_export(minilm_onnx: Any) -> None:
    for backend in ("auto", "onnx"):
        copy = ragkit.MiniLMEncoder(locate(MINILM).folder, backend=backend)
        assert copy.fingerprint == minilm_onnx.fingerprint


# A folder that cannot be exported


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the packaged model to be changed; the weights are a link. No cache, no export."""
    packaged = locate(MINILM).folder
    shutil.copytree(packaged, tmp_path / "copy", ignore=shutil.ignore_patterns(MINILM.file))
    (tmp_path / "copy" / MINILM.file).symlink_to(packaged / MINILM.file)
    monkeypatch.setenv("RAGKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(minilm_export, "_reference", None)
    return tmp_path / "copy"


def layers(*names: str) -> list[dict[str, str]]:
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    return [{"type": f"package.{name}", "path": paths.get(name, name)} for name in names]


def pools_by_cls(folder: Path) -> None:
    flags = {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
    change(folder / "1_Pooling" / "config.json", **flags)


def pools_twice(folder: Path) -> None:
    change(folder / "1_Pooling" / "config.json", pooling_mode_max_tokens=True)


def pools_by_max_in_the_new_format(folder: Path) -> None:
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "max"}')


def has_no_normalise(folder: Path) -> None:
    (folder / "modules.json").write_text(json.dumps(layers(*LAYERS[:2])))


def has_a_dense_layer(folder: Path) -> None:
    new = layers("Transformer", "Pooling", "Dense", "Normalize")
    (folder / "modules.json").write_text(json.dumps(new))


def has_no_modules(folder: Path) -> None:
    (folder / "modules.json").unlink()


def has_12_layers(folder: Path) -> None:
    change(folder / "config.json", num_hidden_layers=12)


def is_wider(folder: Path) -> None:
    change(folder / "config.json", hidden_size=768, intermediate_size=3072)


def has_another_norm(folder: Path) -> None:
    change(folder / "config.json", layer_norm_eps=1e-5)


def is_no_bert(folder: Path) -> None:
    change(folder / "config.json", model_type="mpnet")


def has_another_limit(folder: Path) -> None:
    change(folder / "sentence_bert_config.json", max_seq_length=128)


def has_another_limit_in_the_new_format(folder: Path) -> None:
    change(folder / "sentence_bert_config.json", max_seq_length=None)
    change(folder / "tokenizer_config.json", model_max_length=512)


def has_a_prompt(folder: Path) -> None:
    file = folder / "config_sentence_transformers.json"
    change(file, prompts={"query": "query: "}, default_prompt_name="query")


def has_no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def has_other_names(folder: Path) -> None:
    save(folder, {f"bert.{name}": np.zeros(1, dtype=np.float32) for name in TENSORS})


def has_half_precision(folder: Path) -> None:
    save(folder, {name: np.zeros(1, dtype=np.float16) for name in TENSORS})


def is_damaged(folder: Path) -> None:
    (folder / "modules.json").write_text("{")


def has_damaged_weights(folder: Path) -> None:
    (folder / MINILM.file).unlink()
    (folder / MINILM.file).write_bytes(b"not safetensors")


def save(folder: Path, tensors: dict[str, Any]) -> None:
    (folder / MINILM.file).unlink()
    save_file(tensors, folder / MINILM.file)


MISFITS = {
    pools_by_cls: r"pooling \(1_Pooling/config.json\) is \['pooling_mode_cls_token'\], not 'mean'",
    pools_twice: r"mean_tokens', 'pooling_mode_max_tokens'\], not 'mean'",
    pools_by_max_in_the_new_format: "'max', not 'mean'",
    has_no_normalise: r"\['Transformer', 'Pooling'\], not \['Transformer'",
    has_a_dense_layer: r"'Pooling', 'Dense', 'Normalize'\], not",
    has_no_modules: r"layers \(modules.json\) are \[\], not",
    has_12_layers: r"num_hidden_layers \(config.json\) is 12, not 6",
    is_wider: "hidden_size .* is 768, not 384; its intermediate_size .* is 3072, not 1536",
    has_another_norm: "layer_norm_eps .* is 1e-05, not 1e-12",
    is_no_bert: "model_type .* is 'mpnet', not 'bert'",
    has_another_limit: "max_seq_length is 128, not 256",
    has_another_limit_in_the_new_format: "max_seq_length is 512, not 256",
    has_a_prompt: "a default prompt, 'query'",
    has_no_tokenizer: "no tokenizer.json",
    has_other_names: r"model.safetensors has no embeddings\.word_embeddings\.weight",
    has_half_precision: "weights are F16, not F32",
    is_damaged: "files cannot be read",
    has_damaged_weights: "files cannot be read",
}


@pytest.mark.parametrize("alter", MISFITS)
def test_another_architecture_is_refused_and_told_why(copy: Path, alter: Any) -> None:
    alter(copy)
    with pytest.raises(ragkit.ModelError, match=rf"{MISFITS[alter]}.* Use backend='torch'"):
        ragkit.MiniLMEncoder(copy, backend="onnx")


def test_auto_runs_another_architecture_with_torch_and_says_nothing(copy: Path) -> None:
    has_another_norm(copy)
    assert ragkit.MiniLMEncoder(copy, backend="auto").backend == "torch"


def test_the_limit_of_the_new_format_is_that_of_the_tokenizer(copy: Path) -> None:
    (copy / "sentence_bert_config.json").write_text("{}")
    change(copy / "tokenizer_config.json", model_max_length=LIMIT)
    assert misfits(copy) == []


def test_the_packaged_model_and_what_is_saved_of_it_fit(tuned: Path) -> None:
    assert misfits(locate(MINILM).folder) == misfits(tuned) == []


def test_the_architecture_is_what_transformers_reads(minilm: Any) -> None:
    wrapped = minilm.sentence_transformer
    bert = wrapped[0].model
    assert [type(layer).__name__ for layer in wrapped] == LAYERS
    assert {key: getattr(bert.config, key, CONFIG[key]) for key in CONFIG} == CONFIG
    used = {name for name in bert.state_dict() if not name.startswith("pooler.")}
    assert used - {"embeddings.position_ids", "embeddings.token_type_ids"} == set(TENSORS)


def test_vectors_that_are_no_numbers_are_not_pytorchs() -> None:
    class Sound:
        def encode(self, texts: list[str], batch_size: int) -> Any:
            return np.eye(len(texts), 384, dtype=np.float32)[[0] * len(texts)]

    nothing = np.full((3, 384), np.nan, dtype=np.float32)
    with pytest.raises(ragkit.ModelError, match="not PyTorch's model: lowest cosine nan"):
        minilm_export._compare("export", "onnx", Sound(), ["a", "b", "c"], nothing)  # type: ignore[arg-type]
