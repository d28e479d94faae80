"""The sections of the report, one a part: a table or two, a picture, a few sentences.

Every number comes from the stored results, and every "faster" and "slower" from their values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks import ask, encoding, evaluating, reranking
from benchmarks import markdown as md

Part = Mapping[str, Any]


def of_ask(part: Part) -> list[str]:
    """A cold question."""
    sides = part["sides"]
    rows = [
        [
            name,
            md.timed(side["seconds"]),
            "1" if name == ask.PEER else md.times(side["ratio"]),
            md.size(side["peak_bytes"]["median"]),
        ]
        for name, side in sides.items()
    ]
    return [
        f"Each side is a fresh process that answers “{part['question']}” and prints the same "
        f"{len(part['ids'])} ids. ragkit finds the vectors of the documents in its cache, and the "
        "ONNX export is made beforehand. The script has no cache, as the shortest one has none; "
        "its second row loads the vectors from a file.",
        md.table(["", "wall time [quartiles]", f"over {ask.PEER}", "peak memory"], rows),
        "![Bars of the wall time and the peak memory of a cold question, one a side]"
        "(figures/ask.png)",
        f"`ragkit ask` is {md.faster(sides[ask.OURS]['ratio'])} the shortest script, and "
        f"{md.faster(part['over_kept'])} the one that keeps its vectors. "
        f"A bare interpreter starts in {md.timed(part['imports']['bare'])}; `import ragkit` adds "
        f"{md.timed(part['imports']['added'])}.",
    ]


def of_encoding(part: Part) -> list[str]:
    """Warm questions, throughput, arithmetic, quality."""
    return [
        "A warm question: encoded, then searched for among the documents of the knowledge base, by "
        "`FlatIndex` on ragkit's side and raw FAISS on the other.",
        md.comparison(part["latency"], encoding.PEER),
        *(_latency_words(part["latency"])),
        "Many texts at once, 32 in a batch:",
        _throughput_table(part),
        "![Speed over sentence-transformers and useful arithmetic by kind of text and backend]"
        "(figures/encoding.png)",
        _arithmetic_words(part),
        _matrices_table(part),
        "What another backend costs in hits, on dev and test questions together:",
        _quality_table(part),
    ]


def _latency_words(latency: Part) -> list[str]:
    said = [
        f"{name} is {md.faster(side['ratio'])} {encoding.PEER}"
        for name, side in latency.items()
        if name != encoding.PEER
    ]
    return [f"For one question {'; '.join(said)}."] if said else []


def _throughput_table(part: Part) -> str:
    rows = []
    for kind, found in part["throughput"].items():
        for name, side in found["sides"].items():
            speed = "1" if name == encoding.PEER else md.times(side["speedup"])
            texts, tokens = side["texts_per_second"], side["tokens_per_second"]
            limit = md.share(side["gflops"] / part["matrices"]["best"])
            rates = [md.number(texts), md.number(tokens), speed]
            rows.append([kind, name, *rates, md.number(side["gflops"]), limit])
    head = ["texts", "", "texts/s", "tokens/s", "speed over peer", "GFLOP/s", "of the limit"]
    return md.table(head, rows)


def _arithmetic_words(part: Part) -> str:
    best = part["matrices"]["best"]
    medians = {name: rate["median"] for name, rate in part["matrices"]["shapes"].items()}
    tops: dict[str, float] = {}
    for name, rate in medians.items():
        library = name.rsplit(", ", 1)[1]
        tops[library] = max(rate, tops.get(library, 0.0))
    told = ", ".join(f"{library} {md.number(rate)}" for library, rate in tops.items())
    shares: dict[bool, list[float]] = {True: [], False: []}
    for kind in part["throughput"].values():
        for name, side in kind["sides"].items():
            shares["int8" in name].append(side["gflops"] / best)
    fp32 = shares[False]
    words = (
        f"The limit is the fastest fp32 matrix product found, {md.number(best)} GFLOP/s. The best "
        f"of each library over large squares and the model's own shapes: {told}. Useful "
        "operations are multiplied out from the model's shape, padding not counted; by that "
        f"count fp32 encoding reaches from {md.share(min(fp32))} to {md.share(max(fp32))} of the "
        "limit"
    )
    if not shares[True]:
        return f"{words}."
    int8 = f"{md.share(min(shares[True]))} to {md.share(max(shares[True]))}"
    return f"{words}, and int8, whose own limit is higher, from {int8}."


def _matrices_table(part: Part) -> str:
    rates = part["matrices"]["shapes"]
    rows = [
        [name, f"{rate['median']:,.0f} [{rate['low']:,.0f}–{rate['high']:,.0f}]", str(rate["n"])]
        for name, rate in rates.items()
    ]
    return md.table(["product", "GFLOP/s [quartiles]", "repeats"], rows)


def _quality_table(part: Part) -> str:
    rows = []
    for name, found in part["quality"].items():
        cells = []
        for metric, mean in found["means"].items():
            gap = found["differences"][metric]
            low, high = (100 * bound for bound in gap["interval"])
            points = f"{100 * gap['difference']:+.1f} points [{low:+.1f}, {high:+.1f}]"
            cells.append(f"{mean:.3f}" + ("" if name == "torch" else f", {points}"))
        rows.append([name, *cells, f"{found['cosine_lowest']:.5f}", f"{found['cosine_mean']:.5f}"])
    metrics = [
        f"{metric}, difference from torch"
        for metric in next(iter(part["quality"].values()))["means"]
    ]
    return md.table(["backend", *metrics, "lowest cosine", "mean cosine"], rows)


def of_reranking(part: Part) -> list[str]:
    """Ten and a hundred candidates."""
    blocks = [
        "No fp32 weights of this cross-encoder come with a package, so the other side is a model "
        "of the same shape and tokenizer with random fp32 weights: dense arithmetic takes as "
        "long with any numbers. Its scores mean nothing and are not compared; its tokens and its "
        "number of parameters are checked to be equal. Both sides get the same threads."
    ]
    for count, sides in part.items():
        if count.isdecimal():
            blocks += [f"{count} candidates:", md.comparison(sides, reranking.PEER)]
    words = ", and with ".join(
        f"{count} candidates {md.faster(sides[reranking.OURS]['ratio'])} it"
        for count, sides in part.items()
        if count.isdecimal()
    )
    return [*blocks, f"ragkit's reranker is, compared with the fp32 CrossEncoder, with {words}."]


def of_evaluating(part: Part) -> list[str]:
    """Scores and intervals."""
    ours = evaluating.OURS
    names = [name for name in part["scores"] if name != ours]

    def words(key: str) -> str:
        # the base is ragkit: the inverse ratio says how long ragkit takes beside the peer
        return "; ".join(f"{md.faster(part[key][name]['speedup'])} {name}" for name in names)

    return [
        f"{part['queries']:,} queries with {part['depth']} scored documents each, no ties, "
        f"metrics {', '.join(part['metrics'])}. All means are equal to 1e-9. trec_eval's "
        "reciprocal rank has no cut-off, so pytrec_eval computes `recip_rank` here, and mrr@10 "
        "is checked on a run cut at ten. ranx is timed after its compilation.",
        "Scores only:",
        md.comparison(part["scores"], ours),
        f"Scores and the 95% interval of each metric from {part['resamples']:,} resamples; the "
        "peers give none, so plain NumPy resampling stands beside them:",
        md.comparison(part["intervals"], ours),
        "![Bars of the seconds to score a run, without and with intervals](figures/evaluating.png)",
        f"For scores alone ragkit is {words('scores')}. With intervals it is {words('intervals')}.",
    ]


def of_suite(part: Part) -> list[str]:
    """Labs and tests."""
    rows = [
        [name, md.seconds(lab["cold"]), md.seconds(lab["warm"])]
        for name, lab in part["labs"].items()
    ]
    peaks = [[name, md.size(peak)] for name, peak in part["peak_bytes"].items()]
    slowest = [[f"`{row['name']}`", md.seconds(row["seconds"])] for row in part["slowest"]]
    return [
        "Cold is with an empty cache apart from the ONNX export, warm the run after it.",
        md.table(["lab", "cold", "warm"], rows),
        "![Bars of the seconds of each lab, cold and warm](figures/suite.png)",
        f"`make test` took {md.seconds(part['tests'])}, where it had run before: mypy keeps a "
        "cache. Peak memory of the largest process:",
        md.table(["", "peak memory"], peaks),
        "What takes longest in it, each on one thread; a lab's cells are tests too:",
        md.table(["test", "time"], slowest),
    ]
