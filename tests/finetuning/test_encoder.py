"""The encoder that is taught: `embed` gives the rows of `encode`, and weights come and go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from students import TEXTS, write_student

import ragkit
from ragkit.finetuning.encoder import TrainableEncoder, sha256_of_weights

SHORT = list(TEXTS.values())


@pytest.fixture
def student(student_folder: Path) -> TrainableEncoder:
    return TrainableEncoder(student_folder)


def test_it_begins_as_minilm_and_embed_gives_its_rows_in_the_order_of_the_texts(
    minilm: ragkit.MiniLMEncoder,
) -> None:
    encoder = TrainableEncoder()
    words = " ".join(SHORT).split()
    texts = [" ".join(words[:n]) for n in range(1, 35)]  # more than fit into one pass
    texts = [texts[i] for i in np.random.default_rng(0).permutation(len(texts))]
    rows = encoder.embed(texts)
    assert rows.requires_grad
    np.testing.assert_allclose(rows.detach().numpy(), encoder.encode(texts), atol=1e-6)
    np.testing.assert_allclose(rows.detach().numpy(), minilm.encode(texts), atol=1e-6)
    assert encoder.dimension == 384
    assert encoder.began_as == "sentence-transformers/all-MiniLM-L6-v2"


def test_embed_and_encode_cut_at_the_same_token(student: TrainableEncoder) -> None:
    texts = ["eat " * 400, "go", "eat " * 254 + "go " * 9]
    with pytest.warns(ragkit.RagkitWarning, match="longer than 256"):
        expected = student.encode(texts)
    rows = student.embed(texts).detach().numpy()
    np.testing.assert_allclose(rows, expected, atol=1e-6)
    np.testing.assert_allclose(rows[0], rows[2], atol=1e-6)
    assert abs(rows[0] @ rows[1]) < 0.999


def test_rows_are_units_also_if_the_model_does_not_see_to_it(tmp_path: Path) -> None:
    student = TrainableEncoder(write_student(tmp_path / "bare", normalised=False))
    rows = student.embed(SHORT).detach()
    torch.testing.assert_close(rows.norm(dim=1), torch.ones(len(SHORT)))
    np.testing.assert_allclose(rows.numpy(), student.encode(SHORT), atol=1e-6)


def test_weights_are_a_copy_and_load_brings_them_back(student: TrainableEncoder) -> None:
    kept, before, rows = student.weights(), student.fingerprint, student.encode(SHORT)
    with torch.no_grad():
        for parameter in student.model.parameters():
            parameter.add_(torch.ones_like(parameter).cumsum(-1))
    assert student.fingerprint != before
    assert not np.allclose(student.encode(SHORT), rows)
    student.load(kept)
    assert student.fingerprint == before
    np.testing.assert_array_equal(student.encode(SHORT), rows)


def test_the_sum_of_weights_is_that_of_names_shapes_and_numbers() -> None:
    weights = {"a": torch.arange(6.0), "b": torch.zeros(2)}
    others = [
        {**weights, "a": torch.arange(6.0).reshape(2, 3)},
        {"a": weights["a"], "c": weights["b"]},
        {**weights, "b": torch.tensor([0.0, 1e-7])},
        {"a": weights["a"]},
    ]
    assert len({sha256_of_weights(one) for one in [weights, *others]}) == 5
    turned = {"b": torch.zeros(2), "a": torch.arange(12.0)[::2] / 2}
    assert sha256_of_weights(turned) == sha256_of_weights(weights)


@pytest.mark.parametrize("start", ["nowhere", "owner/name"])
def test_a_start_that_is_no_folder_is_refused(start: str) -> None:
    with pytest.raises(ragkit.ModelError, match="no such folder"):
        TrainableEncoder(Path(start))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ragkit.ModelError, match="cannot be loaded"):
        TrainableEncoder(tmp_path)
