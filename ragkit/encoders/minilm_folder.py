"""Whether a model folder has the packaged MiniLM's architecture, as a fine-tuned copy of it has.

Decided from the files that sentence-transformers writes, before anything is loaded. What a file
does not say has its default, which the comparison with PyTorch's vectors then vouches for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ragkit.errors import one_line
from ragkit.weights.published import MINILM

LAYERS = ["Transformer", "Pooling", "Normalize"]
LIMIT = 256  # tokens
CONFIG: Mapping[str, object] = {
    "model_type": "bert",
    "hidden_size": MINILM.dimension,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "position_embedding_type": "absolute",
    "is_decoder": False,
}
_EMBEDDINGS = [f"{kind}_embeddings.weight" for kind in ("word", "position", "token_type")]
_BLOCKS = [
    *(f"attention.self.{name}" for name in ("query", "key", "value")),
    *("attention.output.dense", "attention.output.LayerNorm"),
    *("intermediate.dense", "output.dense", "output.LayerNorm"),
]
TENSORS = [
    *(f"embeddings.{name}" for name in (*_EMBEDDINGS, "LayerNorm.weight", "LayerNorm.bias")),
    *(
        f"encoder.layer.{layer}.{block}.{part}"
        for layer in range(6)
        for block in _BLOCKS
        for part in ("weight", "bias")
    ),
]


def misfits(folder: Path) -> list[str]:
    """What is not as in the packaged model, a phrase each; empty for a folder that can be exported.

    Numbers may differ, in weights and vocabulary; layers, sizes, pooling and limit may not.
    """
    from safetensors import SafetensorError

    try:
        return [*_pipeline(folder), *_network(folder), *_input(folder), *_tensors(folder)]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError) as error:
        return [f"its files cannot be read ({one_line(error)})"]


def _pipeline(folder: Path) -> Iterator[str]:
    modules = _read(folder / "modules.json")
    layers = [module["type"].rpartition(".")[2] for module in modules]
    if layers != LAYERS:
        yield f"its layers (modules.json) are {layers}, not {LAYERS}"
        return
    pooling = _read(folder / modules[1]["path"] / "config.json")
    flags = [key for key, on in pooling.items() if key.startswith("pooling_mode_") and on]
    mode = pooling.get("pooling_mode", flags)  # one name, or in older files a flag per mode
    if mode not in ("mean", ["pooling_mode_mean_tokens"]):
        yield f"its pooling ({modules[1]['path']}/config.json) is {mode!r}, not 'mean'"


def _network(folder: Path) -> Iterator[str]:
    config = _read(folder / "config.json")
    for key, wanted in CONFIG.items():
        found = config.get(key, wanted)
        if found != wanted:
            yield f"its {key} (config.json) is {found!r}, not {wanted!r}"


def _input(folder: Path) -> Iterator[str]:
    limit = _read(folder / "sentence_bert_config.json").get("max_seq_length")
    if limit is None:  # newer files leave it to the tokenizer
        limit = _read(folder / "tokenizer_config.json").get("model_max_length", LIMIT)
    if limit != LIMIT:
        yield f"its max_seq_length is {limit}, not {LIMIT}"
    if prompt := _read(folder / "config_sentence_transformers.json").get("default_prompt_name"):
        yield f"it has a default prompt, {prompt!r}"
    if not (folder / "tokenizer.json").is_file():
        yield "it has no tokenizer.json"


def _tensors(folder: Path) -> Iterator[str]:
    from safetensors import safe_open

    with safe_open(folder / MINILM.file, framework="numpy") as file:
        present = set(file.keys())
        missing = [name for name in TENSORS if name not in present]
        types = {file.get_slice(name).get_dtype() for name in TENSORS if name in present}
    if missing:
        yield f"its {MINILM.file} has no {missing[0]}"
    elif types != {"F32"}:
        yield f"its weights are {', '.join(sorted(types))}, not F32"


def _read(file: Path) -> Any:
    """What a JSON file holds; nothing if there is no such file."""
    return json.loads(file.read_bytes()) if file.exists() else {}
