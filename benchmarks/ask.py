"""A question asked by a fresh process: `ragkit ask` and the shortest script of its peers."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.harness import Plan, Record, check_same, compared, report_progress, spread
from benchmarks.processes import run, take_turns
from ragkit.encoders.minilm_export import link_into
from ragkit.runtime import data_dir
from ragkit.weights.published import MINILM, locate

QUESTION = "past participle of eat?"
OURS = "ragkit ask"
PEER = "sentence-transformers + FAISS"
KEPT = f"{PEER}, vectors kept in a file"


def measure(plan: Plan) -> Record:
    """Wall seconds and peak bytes of a cold question, and seconds of `import ragkit`."""
    home = _home(plan)
    link_into(Path(home["RAGKIT_CACHE"]))
    commands = _commands(plan.scratch)
    answers = {name: run(command, plan.scratch, home) for name, command in commands.items()}
    ids = {name: _ids(answer.output) for name, answer in answers.items()}
    for name in (PEER, KEPT):
        check_same(f"nearest documents of {OURS} and {name}", ids[OURS], ids[name])
    took = take_turns(commands, plan.pick(9, 2), plan.scratch, home)
    seconds = {name: [one.seconds for one in runs] for name, runs in took.items()}
    found = compared(seconds, PEER)
    report_progress("ask", found)
    for name, runs in took.items():
        found[name]["peak_bytes"] = asdict(spread([one.peak_bytes for one in runs]))
    return {"question": QUESTION, "sides": found, "imports": _imports(plan)}


def _home(plan: Plan) -> dict[str, str]:
    return {"RAGKIT_CACHE": str(plan.scratch / "cache")}


def _commands(scratch: Path) -> dict[str, list[str]]:
    arguments = [str(locate(MINILM).folder), str(data_dir() / "verb_grammar" / "corpus.jsonl")]
    shortest = [sys.executable, str(Path(__file__).with_name("st_faiss.py")), *arguments, QUESTION]
    return {
        OURS: [sys.executable, "-m", "ragkit", "ask", QUESTION, "--k", "5", "--json"],
        PEER: shortest,
        KEPT: [*shortest, str(scratch / "vectors.npy")],
    }


def _ids(output: str) -> list[str]:
    """The ids in the JSON at the end of what a command printed, chatter before it left out."""
    start = 0 if output.startswith("[") else output.index("\n[") + 1
    rows = json.loads(output[start:])
    return [row if isinstance(row, str) else row["doc_id"] for row in rows]


def _imports(plan: Plan) -> Record:
    """Seconds that `import ragkit` adds to a bare interpreter, in pairs of fresh processes."""
    bare, full = ([sys.executable, "-c", code] for code in ("pass", "import ragkit"))
    for command in (bare, full):
        run(command, plan.scratch)
    took = take_turns({"bare": bare, "full": full}, plan.pick(31, 7), plan.scratch)
    seconds = {name: [one.seconds for one in runs] for name, runs in took.items()}
    added = spread(
        [whole - empty for whole, empty in zip(seconds["full"], seconds["bare"], strict=True)]
    )
    return {"bare": asdict(spread(seconds["bare"])), "added": asdict(added)}
