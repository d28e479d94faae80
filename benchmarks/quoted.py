"""Which results pages, figures and labs may quote, as entries of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmarks.tables import find
from benchmarks.targets import targets_table
from benchmarks.texts import DOCUMENTS, SHORT

Entry = dict[str, Any]


class Quoted(NamedTuple):
    """A key, the path of its value among the parts, what it is, and its scale to that unit.

    A path with a star leads to several values, of which the least is quoted.
    """

    key: str
    path: str
    how: str
    scale: float = 1.0


def _milliseconds(key: str, side: str) -> Quoted:
    return Quoted(
        f"time.{key}", f"steps/measured/single/{side}", "milliseconds, median and quartiles", 1000
    )


def _per_second(key: str, kind: str, backend: str) -> Quoted:
    path = f"encoding/measured/throughput/{kind}/sides/{backend}/texts_per_second"
    return Quoted(f"time.per_second.{key}", path, f"texts per second: {kind}, {backend}")


QUOTED = (
    Quoted(
        "bench.fp32.speed",
        "encoding/measured/throughput/*/sides/onnx/speedup/median",
        "texts per second over sentence-transformers, worst kind of text",
    ),
    Quoted("time.threads", "steps/environment/threads", "threads"),
    _milliseconds("embed_query", "encode a question, torch"),
    _milliseconds("embed_query.onnx", "encode a question, onnx"),
    _milliseconds("embed_query.onnx-int8", "encode a question, onnx-int8"),
    _milliseconds("search_56", "search 56 documents"),
    _milliseconds("rerank_1", "rerank 1"),
    _milliseconds("rerank_10", "rerank 10"),
    *(
        Quoted(
            f"time.rerank_10.{precision}",
            f"reranking/measured/10/{side}/seconds",
            "milliseconds, median and quartiles",
            1000,
        )
        for precision, side in (("fp32", "CrossEncoder, fp32"), ("int8", "ragkit, int8 ONNX"))
    ),
    _per_second("short", SHORT, "torch"),
    _per_second("short.onnx", SHORT, "onnx"),
    _per_second("documents", DOCUMENTS, "torch"),
    Quoted("time.grade.submission", "grading/measured/class/submission", "seconds per submission"),
    Quoted("time.grade.before", "grading/measured/class/before", "seconds: models, canary"),
    Quoted("time.grade.memory", "grading/measured/class/peak_bytes", "MiB, at most", 2**-20),
    *(
        Quoted(
            f"backends.{backend}.cosine.lowest",
            f"encoding/measured/quality/{backend}/cosine_lowest",
            "lowest cosine to torch's vectors",
        )
        for backend in ("onnx", "onnx-int8")
    ),
    Quoted(
        "backends.onnx-int8-torch.hit_rate@5",
        "encoding/measured/quality/onnx-int8/differences/hit_rate@5",
        "onnx-int8 minus torch, dev and test",
    ),
)


def quoted(results: Mapping[str, Any]) -> dict[str, Entry]:
    """The entries by key; a part that was not measured keeps what was quoted of it before."""
    entries = {}
    for row in QUOTED:
        if found := [value for _, value in find(results["parts"], row.path)]:
            entries[row.key] = _entry(min(found) if "*" in row.path else found[0], row)
        elif row.key in results.get("quoted", {}):
            entries[row.key] = results["quoted"][row.key]
    measured = {name: part["measured"] for name, part in results["parts"].items()}
    return entries | {"bench.targets": {"text": targets_table(measured), "how": "make bench"}}


def _entry(found: Any, row: Quoted) -> Entry:
    """A spread has its quartiles as interval, a comparison its 95% interval, a number none."""
    match found:
        case {"median": value, "low": low, "high": high, "n": n}:
            pass
        case {"difference": value, "interval": [low, high], "queries": n}:
            pass
        case _:
            return {"value": row.scale * found, "how": row.how}
    interval = [row.scale * low, row.scale * high]
    return {"value": row.scale * value, "interval": interval, "n": n, "how": row.how}
