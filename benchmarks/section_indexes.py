"""The section of the report on indexes: latencies, builds, the curve of widths, projections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks import markdown as md
from benchmarks.fits import SHAPES
from benchmarks.indexes import FLAT, HNSW, NUMPY, RAW_FLAT, RAW_HNSW, RECALL
from benchmarks.projections import FAR, FITTED_FROM, projections
from benchmarks.targets import LEAST_RECALL, least_width

Part = Mapping[str, Any]


def of_indexes(part: Part) -> list[str]:
    """Everything about indexes."""
    return [
        _cloud_words(part),
        "Median time of one query, one query at a time; the ratios are ragkit over raw FAISS:",
        _latency_table(part),
        "![Latency of a query by number of vectors on log axes, with fitted curves and bands]"
        "(figures/latency.png)",
        _latency_words(part),
        f"Time to build, size, and {RECALL} of the graph against exact search:",
        _build_table(part),
        "![Seconds to build and size by number of vectors on log axes, with "
        "fits](figures/building.png)",
        f"Beam widths with {part['curve']['size']:,} vectors:",
        _width_table(part["curve"]),
        f"![{RECALL} against latency, one point a beam width](figures/widths.png)",
        _width_words(part["curve"]),
        f"Carried on to {FAR:,} vectors, with the 95% interval of one new measurement:",
        _projection_table(part),
        _projection_words(part),
    ]


def _cloud_words(part: Part) -> str:
    cloud = part["cloud"]
    return (
        f"The vectors are drawn around {cloud['centres']:,} real embeddings (documents, questions "
        f"and sentences of the course) with noise {md.number(cloud['noise'])} times as long, "
        "shaped by the covariance of those embeddings. Uniform random vectors would be the worst "
        "case for a graph and like no text. Effective dimensions (participation ratio): "
        f"{md.number(cloud['effective_dimensions_real'])} real, "
        f"{md.number(cloud['effective_dimensions_drawn'])} drawn. Median cosine to the nearest "
        f"neighbour: {md.number(cloud['nearest_cosine_real'])} among the real ones, "
        f"{md.number(cloud['nearest_cosine_drawn'])} among {cloud['sample']:,} drawn."
    )


def _latency_table(part: Part) -> str:
    names = (FLAT, RAW_FLAT, NUMPY, HNSW, RAW_HNSW)
    rows = []
    for size, row in part["sizes"].items():
        cells = [md.seconds(row["latency"][name]["seconds"]["median"]) for name in names]
        batch = md.seconds(row["batch"]["median"])
        ratios = [md.times(row[key]) for key in ("flat_over_raw", "hnsw_over_raw")]
        rows.append([f"{int(size):,}", *cells, batch, *ratios])
    batch = f"{RAW_FLAT}, all queries at once"
    return md.table(["vectors", *names, batch, "flat ratio", "graph ratio"], rows)


def _latency_words(part: Part) -> str:
    size, row = list(part["sizes"].items())[-1]
    small, first = next(iter(part["sizes"].items()))
    ours, raw = (first["latency"][name]["seconds"]["median"] for name in (FLAT, RAW_FLAT))
    scan = row["bytes"][NUMPY] / row["latency"][FLAT]["seconds"]["median"]
    band = part["bandwidth"]
    ways = (f"{name}: {md.number(way['median'] / 1e9)} GB/s" for name, way in band["ways"].items())
    return (
        f"With {int(small):,} vectors ragkit's checks, ids and tie rule make "
        f"{md.share(max(0.0, 1 - raw / ours))} of the {md.seconds(ours)} that {FLAT} takes; with "
        f"{int(size):,} it is {md.faster(row['flat_over_raw'])} {RAW_FLAT}. FAISS answers a single "
        f"query on one thread, NumPy spreads its product over all. {FLAT} then reads "
        f"{md.number(scan / 1e9)} GB/s, {md.share(scan / band['one_thread'])} of what the fastest "
        f"one-threaded way through an array of {md.size(band['array_bytes'])} moves "
        f"({', '.join(ways)})."
    )


def _build_table(part: Part) -> str:
    rows = []
    for size, row in part["sizes"].items():
        build = row["build"]
        raw = md.seconds(build[RAW_HNSW]["median"]) if RAW_HNSW in build else "not built"
        times = [md.seconds(build[name]["median"]) for name in (FLAT, RAW_FLAT, HNSW)]
        sizes = [md.size(row["bytes"][name]) for name in (FLAT, HNSW)]
        rows.append([f"{int(size):,}", *times, raw, *sizes, f"{row['recall']:.3f}"])
    head = ["vectors", FLAT, RAW_FLAT, HNSW, RAW_HNSW, f"size, {FLAT}", f"size, {HNSW}", RECALL]
    return md.table(head, rows)


def _width_table(curve: Part) -> str:
    best = least_width(curve)
    rows = []
    for width, value in curve["recall"].items():
        row = curve["latency"][width]
        mark = f"**{width}**" if width == best else width
        rows.append([mark, f"{value:.4f}", md.timed(row["seconds"]), md.times(row["ratio"])])
    return md.table(["ef_search", RECALL, "time of a query [quartiles]", f"over {FLAT}"], rows)


def _width_words(curve: Part) -> str:
    width = least_width(curve)
    if width is None:
        return f"No width reaches {RECALL} of {LEAST_RECALL}."
    words = md.faster(curve["latency"][width]["ratio"])
    return (
        f"The smallest width with {RECALL} of {LEAST_RECALL} or more is {width}, printed bold; "
        f"with it {HNSW} is {words} {FLAT}."
    )


def _projection_table(part: Part) -> str:
    rows = []
    for found in projections(part):
        show = md.size if found.quantity == "bytes" else md.seconds
        value, low, high = found.fit.predict(FAR)
        interval = f"{show(max(0.0, low))}–{show(high)}"
        shape = f"{SHAPES[found.fit.shape]}, b = {found.fit.b:.3g}"
        rows.append([found.index, found.quantity, shape, f"{show(value)} [{interval}]"])
    return md.table(["index", "quantity", "fit", f"at {FAR:,}"], rows)


def _projection_words(part: Part) -> str:
    found = {p.index: p.fit for p in projections(part) if p.quantity == "latency"}
    walk, scan = found[HNSW], found[FLAT]
    largest = max(map(int, part["sizes"]))
    why = ": the larger the graph, the less of it the caches hold" if walk.shape == "power" else ""
    return (
        f"Curves are fitted from {FITTED_FROM[FLAT]:,} vectors up for {FLAT}, where the vectors "
        f"outgrow the nearest caches, and from {FITTED_FROM[HNSW]:,} up for {HNSW}, where the "
        "beam no longer holds every vector. For the graph's latency a logarithm and a power law "
        f"were both fitted, and {SHAPES[walk.shape]} fits better{why}. By these fits a query of "
        f"the graph would take {md.share(walk.predict(FAR)[0] / scan.predict(FAR)[0])} of an "
        f"exact one. The largest size measured is {largest:,}: a prediction "
        f"{md.number(FAR / largest)} times as far holds only if nothing new happens on the way, "
        "such as memory that runs out, and at one width recall keeps falling as a graph grows."
    )
