"""What the machine could do: operations of MiniLM, rates of matrix products, memory bandwidth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import MeasurementError, Plan, Record, Work, alternate, say, spread
from ragkit.encoders.minilm_graph import LAYERS
from ragkit.runtime import import_torch, threads
from ragkit.weights.opening import open_session

WIDTH = 384
INNER = 1536


def flops_per_token(tokens: int) -> int:
    """Floating-point operations of MiniLM for one token of a text of `tokens` tokens.

    A layer multiplies each token by four square matrices (query, key, value, output) and by the two
    of the feed-forward block: 4·384² + 2·384·1536 = 1,769,472 weights, each of them one
    multiplication and one addition. Attention adds, for each token, its product with the `tokens`
    keys and the weighted sum of as many values: 2·384 operations each, so 4·tokens·384. Times six
    layers. Looking up embeddings, softmax, GELU, layer norms, biases and pooling are left out: they
    are well under 1% of the operations.
    """
    weights = 4 * WIDTH**2 + 2 * WIDTH * INNER
    return LAYERS * (2 * weights + 4 * tokens * WIDTH)


def matrix_rates(plan: Plan) -> Record:
    """fp32 GFLOP/s of matrix products [m, k] x [k, n], by torch, NumPy and onnxruntime.

    The shapes are large squares and the model's own. `best` is the fastest single product: a limit
    is what the machine can do, not what it does on average, and not what one library makes of it.
    """
    import_torch()
    squares = [(1024,) * 3, plan.pick((3072,) * 3, (1536,) * 3)]
    rows = (12, 800, 6400)  # tokens of one question, of a batch of documents, of 32 full texts
    shapes = [(m, WIDTH, n) for n in (WIDTH, INNER) for m in rows]
    sides: dict[str, Work] = {}
    operations: dict[str, int] = {}
    for m, k, n in [*squares, *shapes, (6400, INNER, WIDTH)]:
        products = _products(m, k, n)
        check_products(products)
        for library, product in products.items():
            name = f"[{m}, {k}] x [{k}, {n}], {library}"
            sides[name] = product
            operations[name] = 2 * m * k * n
    took = alternate(sides, repeats=plan.pick(15, 3))
    rates = {
        name: asdict(spread([operations[name] / second / 1e9 for second in seconds]))
        for name, seconds in took.items()
    }
    best = max(operations[name] / min(seconds) / 1e9 for name, seconds in took.items())
    say(f"arithmetic: fp32 matrix products reach {best:.0f} GFLOP/s")
    return {"shapes": rates, "best": best}


def check_products(products: Mapping[str, Work]) -> None:
    """Raise unless every library gives the same product, to the rounding of fp32."""
    expected = np.asarray(products["NumPy"](0))
    for library, product in products.items():
        found = np.asarray(product(0)).reshape(expected.shape)
        if not np.allclose(found, expected, rtol=1e-4):
            raise MeasurementError(f"The matrix product of {library} differs from NumPy's.")


def _products(m: int, k: int, n: int) -> dict[str, Work]:
    """The product of two random matrices by each library."""
    torch = import_torch()
    rng = np.random.default_rng(0)
    left = rng.random((m, k), dtype=np.float32)
    right = rng.random((k, n), dtype=np.float32)
    a, b = torch.from_numpy(left), torch.from_numpy(right)
    session = _onnx_product(right)
    return {
        "torch": lambda _: torch.matmul(a, b),
        "NumPy": lambda _: left @ right,
        "onnxruntime": lambda _: session.run(None, {"left": left}),
    }


def _onnx_product(right: NDArray[np.float32]) -> Any:
    """A session that multiplies by a constant matrix, as a model multiplies by its weights."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shapes = {"left": ["m", right.shape[0]], "out": ["m", right.shape[1]]}
    given, found = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )
    node = helper.make_node("MatMul", ["left", "right"], ["out"])
    graph = helper.make_graph(
        [node], "product", [given], [found], [numpy_helper.from_array(right, "right")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return open_session(model.SerializeToString(), threads())


def memory_bandwidth(plan: Plan) -> Record:
    """Bytes a second over an array far larger than the caches, read or copied in four ways."""
    torch = import_torch()
    array = np.ones(plan.pick(2**27, 2**25), dtype=np.float32)
    other = np.empty_like(array)
    tensor = torch.from_numpy(array)
    sides = {
        "numpy.sum, one thread, reads": lambda _: array.sum(),
        "numpy.dot with itself, reads": lambda _: array @ array,
        "torch.sum, all threads, reads": lambda _: tensor.sum(),
        "numpy.copyto, one thread, reads and writes": lambda _: np.copyto(other, array),
    }
    took = alternate(sides, repeats=plan.pick(9, 3))
    rates = {
        name: asdict(spread([array.nbytes * (2 if "writes" in name else 1) / s for s in seconds]))
        for name, seconds in took.items()
    }
    best = max(rate["median"] for name, rate in rates.items() if "one thread" in name)
    say(f"arithmetic: memory gives one thread {best / 1e9:.1f} GB/s")
    return {"ways": rates, "one_thread": best, "array_bytes": array.nbytes}
