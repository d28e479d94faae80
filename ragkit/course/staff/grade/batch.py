"""Grade a class: the canary first, then every submission, some at a time, each kept when done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
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
    """Grade every submission; those that are done under the same conditions are taken as kept.

    `on_start` is told how many there are, `on_done` each result and whether it was kept.
    """
    known = sheets()
    if job.lab is not None:
        sheet(job.lab)  # which says so if there is none
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
        todo: dict[Future[Collected], tuple[Submission, str]] = {}
        with ThreadPoolExecutor(self.job.jobs) as pool:
            try:
                for one in handed_in:
                    key = hashlib.sha256(f"{conditions} {one.digest}".encode()).hexdigest()
                    if kept := self.state.load(one.student, one.lab, key):
                        on_done(kept, True)
                        yield kept
                    else:
                        todo[pool.submit(self._collect, sandbox, one)] = (one, key)
                for future in as_completed(list(todo)):
                    submission, key = todo.pop(future)
                    graded = self._graded(submission, future.result())
                    self.state.save(graded, key)
                    on_done(graded, False)
                    yield graded
            except BaseException:
                sandbox.stop.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _collect(self, sandbox: Sandbox, one: Submission) -> Collected:
        if one.problem:
            return Collected()
        try:
            return self.collect(sandbox, one.lab, one.read())
        except OSError as error:
            return Collected(why=f"it cannot be read ({error.strerror}).")

    def collect(self, sandbox: Sandbox, lab: str, notebook: bytes) -> Collected:
        """What one notebook answers to the inputs of its lab."""
        one = self.sheets[lab]
        return sandbox.run(notebook, one.handed_out, one.drills, self.inputs[lab], self.job.limits)

    def _graded(self, one: Submission, collected: Collected) -> Graded:
        items = self.sheets[one.lab].items
        if one.problem:
            marks = scoring.unrun(items, one.delivery, one.problem)
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
    """The solved edition must score everything and the untouched one nothing, or nothing is graded.

    Where this fails, the machine or the course is at fault, and so would every grade be.
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
    """Which computed items are not as the canary must have them, or nothing."""
    computed = [mark for mark in marks if mark.score is not None]
    wrong = [mark for mark in computed if mark.score != (mark.max_score if solved else 0)]
    return " ".join(f"{mark.item}: {mark.outcome}. {mark.feedback}".strip() for mark in wrong[:3])
