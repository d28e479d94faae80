"""Grade a class: the canary first, then every submission, some at a time, each stored when done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from ragkit.course.judging import Key
from ragkit.course.staff.editions import build
from ragkit.course.staff.grade import answers, scoring
from ragkit.course.staff.grade.catalogue import LabSheet, inputs_of, sheet, sheets
from ragkit.course.staff.grade.sandbox import Collected, Limits, Sandbox, open_sandbox
from ragkit.course.staff.grade.state import ClassResult, Graded, State, course_digest
from ragkit.course.staff.grade.submissions import Submission, find_submissions
from ragkit.errors import DataError

Keys = Mapping[str, Sequence[Key]]
Inputs = Mapping[str, Sequence[Any]]
OnDone = Callable[[Graded, bool], None]


@dataclass(frozen=True)
class Job:
    """One class: what was handed in, and how to grade it."""

    submissions: Path
    out: Path
    lab: str | None = None
    jobs: int = 2
    limits: Limits = field(default_factory=Limits)
    seed: int | None = None
    isolate: bool = True


def grade(job: Job, on_start: Callable[[int], None], on_done: OnDone) -> ClassResult:
    """Grade every submission; a result that is stored under the same conditions is taken as it is.

    `on_start` gets the number of submissions, `on_done` each result and whether it was stored.
    """
    known = sheets()
    if job.lab is not None:
        sheet(job.lab)  # raises if there is none
    if job.out.resolve().is_relative_to(job.submissions.resolve()):
        raise DataError(f"{job.out} is among the submissions. Write the report to another folder.")
    stems = {number: one.lab.source.stem for number, one in known.items()}
    handed_in = find_submissions(job.submissions, stems, job.lab)
    used = {number: known[number] for number in sorted({s.lab for s in handed_in})}
    state = State(job.out / ".state")
    seed = state.seed(job.seed)
    keys = {number: one.keys(seed) for number, one in used.items()}
    inputs = {number: inputs_of(own) for number, own in keys.items()}
    grader = _Grader(job, used, state, keys, inputs, seed)
    with open_sandbox([job.submissions, job.out], job.isolate) as sandbox:
        _check_canary(grader, sandbox)
        on_start(len(handed_in))
        graded = list(grader.run(sandbox, handed_in, on_done))
    graded.sort(key=lambda one: (one.student, one.lab))
    result = ClassResult(graded, used, sandbox.isolated, sandbox.reason)
    state.save_class(result)
    return result


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of one submission: a run, a problem, or the result of an earlier time."""

    key: str
    collected: Collected = field(default_factory=Collected)
    problem: str = ""
    stored: Graded | None = None


@dataclass(frozen=True)
class _Grader:
    """The sheets, keys and limits that every submission of a class shares."""

    job: Job
    sheets: Mapping[str, LabSheet]
    state: State
    keys: Mapping[str, Keys]
    inputs: Mapping[str, Inputs]
    seed: int

    def run(
        self, sandbox: Sandbox, handed_in: Sequence[Submission], on_done: OnDone
    ) -> Iterator[Graded]:
        conditions = f"{course_digest()} {self.seed} {self.job.limits}"
        with ThreadPoolExecutor(self.job.jobs) as pool:
            try:
                todo = {pool.submit(self._try, sandbox, one, conditions): one for one in handed_in}
                for future in as_completed(list(todo)):
                    tried, submission = future.result(), todo.pop(future)
                    graded = tried.stored or self._graded(submission, tried)
                    if tried.stored is None:
                        self.state.save(graded, tried.key)
                    on_done(graded, tried.stored is not None)
                    yield graded
            except BaseException:
                sandbox.stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _try(self, sandbox: Sandbox, one: Submission, conditions: str) -> _Tried:
        """Read a notebook and run it, unless its result is stored."""
        file = one.read()
        key = hashlib.sha256(f"{conditions} {file.digest}".encode()).hexdigest()
        if stored := self.state.load(one.student, one.lab, key):
            return _Tried(key, stored=stored)
        if file.problem:
            return _Tried(key, problem=file.problem)
        return _Tried(key, self.collect(sandbox, one.lab, file.content))

    def collect(self, sandbox: Sandbox, lab: str, notebook: bytes) -> Collected:
        """What one notebook answers to the inputs of its lab."""
        one = self.sheets[lab]
        return sandbox.run(notebook, one.handed_out, one.drills, self.inputs[lab], self.job.limits)

    def _graded(self, one: Submission, tried: _Tried) -> Graded:
        items, collected = self.sheets[one.lab].items, tried.collected
        if tried.problem:
            marks = scoring.unrun(items, one.delivery, tried.problem)
        else:
            marks = self.marks(one.lab, collected)
        return Graded(one.student, one.lab, marks, collected.seconds, collected.peak_memory)

    def marks(self, lab: str, collected: Collected) -> list[scoring.Mark]:
        """The marks for what came out of a run."""
        items = self.sheets[lab].items
        read = answers.read(collected)
        if read.ready:
            return scoring.score(items, read, self.keys[lab])
        ended: scoring.Delivery = "timeout" if collected.ended == "timeout" else "crash"
        return scoring.unrun(items, ended, f"The notebook could not be run: {collected.why}")


def _check_canary(grader: _Grader, sandbox: Sandbox) -> None:
    """Raise DataError unless the solved edition scores everything and the untouched one nothing.

    If they do not, the machine or the course is at fault, and every grade would be wrong.
    """
    for lab, one in grader.sheets.items():
        for solved in (True, False):
            text: str = nbformat.writes(build(one.lab.source, solved))
            marks = grader.marks(lab, grader.collect(sandbox, lab, text.encode()))
            if wrong := _wrong(marks, solved):
                edition, share = ("solved", "100%") if solved else ("untouched", "0%")
                raise DataError(
                    f"Your environment is broken: the {edition} edition of lab {lab} does not "
                    f"score {share}. {wrong} Nothing was graded; see `ragkit doctor`."
                )


def _wrong(marks: Sequence[scoring.Mark], solved: bool) -> str:
    """The computed items that do not score what the canary must, in words, or ""."""
    computed = [mark for mark in marks if mark.score is not None]
    wrong = [mark for mark in computed if mark.score != (mark.max_score if solved else 0)]
    return " ".join(f"{mark.item}: {mark.outcome}. {mark.feedback}".strip() for mark in wrong[:3])
