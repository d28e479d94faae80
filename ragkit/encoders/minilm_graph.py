"""Build all-MiniLM-L6-v2 as one ONNX graph: token ids in, unit vectors out.

Devlin et al., "BERT", 2019, is the network; Reimers & Gurevych, "Sentence-BERT", 2019, the mean.
The layers use onnxruntime's fused operators where these are faster, which leaves eleven operations
per layer; a general exporter writes fifty, and the CPU then waits for memory. `minilm_export`
checks the graph and writes it to disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Tensors = Mapping[str, NDArray[Any]]

LAYERS, HEADS = 6, 12
EPSILON = 1e-12  # of every layer norm; the model's config.json
_FUSED = "com.microsoft"  # the domain of onnxruntime's own operators
_OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid(_FUSED, 1)]
_READY_TO_QUANTISE = {"onnx.quant.pre_process": "onnxruntime.quant"}  # nothing is left to fuse
_IR_VERSION = 10  # what onnxruntime 1.20 and later read


def minilm_graph(weights: Tensors, weights_sha256: str) -> onnx.ModelProto:
    """The network over `weights` (by their names in the safetensors file), float32.

    Inputs `input_ids` and `attention_mask`, int32 [texts, tokens], mask 0 for padding; outputs
    `embedding`, float32 [texts, 384], unit rows, and the last layer's `token_vectors`, float32
    [texts, tokens, 384]. `weights_sha256` is written into the metadata.
    """
    graph = _Graph(weights)
    states = graph.embeddings()
    for layer in range(LAYERS):
        states = graph.layer(f"encoder.layer.{layer}.", states)
    graph.unit_mean(states)
    model = helper.make_model(graph.finished(states), opset_imports=_OPSETS, ir_version=_IR_VERSION)
    helper.set_model_props(model, {"weights_sha256": weights_sha256, **_READY_TO_QUANTISE})
    return model


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with int8 weights; activations are quantised as they come (dynamically).

    One scale per output channel, and 7 of the 8 bits: processors without VNNI add pairs of products
    in 16 bits, which 8-bit weights overflow and 7-bit weights do not.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(
            source,
            target,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        smaller = onnx.load(target)
    helper.set_model_props(smaller, {entry.key: entry.value for entry in model.metadata_props})
    return smaller


class _Graph:
    """Nodes and constants of the graph in the making; each method returns its output's name."""

    def __init__(self, weights: Tensors) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._floats: list[onnx.ValueInfoProto] = []  # onnx cannot infer fused operators' outputs

    def embeddings(self) -> str:
        """Word + position + segment, normalised: float32 [texts, tokens, 384].

        Every token is of the first segment, so that segment's vector is added to the positions.
        """
        words = self._weight("embeddings.word_embeddings.weight")
        segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        table = self._weights["embeddings.position_embeddings.weight"] + segment
        norm = self._pair("embeddings.LayerNorm")
        places = self._constant("positions", table)
        inputs = ["input_ids", "", words, places, "", *norm]
        outputs = ["embedded", "unused_mask_index"]
        return self._fused("EmbedLayerNormalization", inputs, outputs, epsilon=EPSILON)

    def layer(self, name: str, states: str) -> str:
        """Attention, then two dense layers; after each the input is added and normalised."""
        attended = self._attention(f"{name}attention.self.", states)
        mixed = self._dense(f"{name}attention.output.dense", attended)
        states = self._add_and_norm(f"{name}attention.output", mixed, states)
        wide = self._dense(f"{name}intermediate.dense", states)
        bias = self._weight(f"{name}intermediate.dense.bias")
        active = self._fused("BiasGelu", [wide, bias], [f"{name}gelu"])
        narrow = self._dense(f"{name}output.dense", active)
        return self._add_and_norm(f"{name}output", narrow, states)

    def unit_mean(self, states: str) -> str:
        """Mean over the real tokens, then length 1: `embedding`, float32 [texts, 384]."""
        last = self._constant("last_axis", np.array([2], dtype=np.int64))
        tokens = self._constant("token_axis", np.array([1], dtype=np.int64))
        real = self._node("Cast", ["attention_mask"], ["real"], to=TensorProto.FLOAT)
        weights = self._node("Unsqueeze", [real, last], ["real_tokens"])
        masked = self._node("Mul", [states, weights], ["kept"])
        summed = self._node("ReduceSum", [masked, tokens], ["summed"], keepdims=0)
        count = self._node("ReduceSum", [real, tokens], ["token_count"], keepdims=1)
        mean = self._node("Div", [summed, count], ["mean"])
        return self._node("LpNormalization", [mean], ["embedding"], axis=-1, p=2)

    def finished(self, states: str) -> onnx.GraphProto:
        """The graph with its inputs and outputs declared."""
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT32, ["texts", "tokens"])
            for name in ("input_ids", "attention_mask")
        ]
        width = len(self._weights["embeddings.LayerNorm.bias"])
        self._node("Identity", [states], ["token_vectors"])
        outputs = [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", width]),
            helper.make_tensor_value_info(
                "token_vectors", TensorProto.FLOAT, ["texts", "tokens", width]
            ),
        ]
        return helper.make_graph(
            self._nodes,
            "all-MiniLM-L6-v2",
            inputs,
            outputs,
            list(self._constants.values()),
            value_info=self._floats,
        )

    def _attention(self, name: str, states: str) -> str:
        """Twelve heads; query, key and value are one product, [384, 3 × 384]."""
        parts = [f"{name}{part}" for part in ("query", "key", "value")]
        matrix = np.concatenate([self._weights[f"{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([self._weights[f"{part}.bias"] for part in parts])
        inputs = [
            states,
            self._constant(f"{name}qkv.weight", matrix),
            self._constant(f"{name}qkv.bias", bias),
            "attention_mask",
        ]
        return self._fused("Attention", inputs, [f"{name}attended"], num_heads=HEADS)

    def _dense(self, name: str, states: str) -> str:
        """The product with a weight matrix, which torch stores as [out, in]. No bias yet."""
        matrix = self._constant(f"{name}.weight", self._weights[f"{name}.weight"].T)
        return self._node("MatMul", [states, matrix], [f"{name}.product"])

    def _add_and_norm(self, name: str, change: str, states: str) -> str:
        """Two sums and a norm; onnxruntime has one operator for all three, which is slower."""
        biased = self._node("Add", [change, self._weight(f"{name}.dense.bias")], [f"{name}.biased"])
        summed = self._node("Add", [biased, states], [f"{name}.summed"])
        inputs, output = [summed, *self._pair(f"{name}.LayerNorm")], f"{name}.normed"
        return self._node("LayerNormalization", inputs, [output], axis=-1, epsilon=EPSILON)

    def _pair(self, name: str) -> tuple[str, str]:
        return self._weight(f"{name}.weight"), self._weight(f"{name}.bias")

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _constant(self, name: str, values: NDArray[Any]) -> str:
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def _fused(self, kind: str, inputs: list[str], outputs: list[str], **settings: Any) -> str:
        self._floats.append(helper.make_tensor_value_info(outputs[0], TensorProto.FLOAT, None))
        return self._node(kind, inputs, outputs, domain=_FUSED, **settings)

    def _node(self, kind: str, inputs: list[str], outputs: list[str], **settings: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **settings))
        return outputs[0]
