"""Find the answers in a notebook, and choose the cells to run: what is new, and what it needs.

The grader's sandbox, `ragkit validate` and `ragkit reset` share these rules. Cells are compared
with those that were handed out. One that was changed or added is run whole. Of the unchanged ones,
only statements that bind a needed name are run: demonstrations that nobody changed would take half
a minute and answer nothing.
"""

from __future__ import annotations

import ast
import dis
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

Names = frozenset[str]
_RUNS_THE_CELL = re.compile(r"\A\s*%%(?:time|timeit|capture|prun)\b[^\n]*\n")
_SHOWS = ("print", "display")


@dataclass
class Unit:
    """One thing to execute: a changed cell, or a single statement of an unchanged one."""

    cell: int
    statements: list[ast.stmt]
    required: bool
    reads: Names = field(init=False)
    writes: Names = field(init=False)
    imports: Names = field(init=False)
    changes: Names = field(init=False)

    def __post_init__(self) -> None:
        self.reads, self.writes = _names(self.statements)
        nodes = [node for statement in self.statements for node in ast.walk(statement)]
        self.imports = frozenset(n for s in self.statements if _is_import(s) for n in bound(s))
        self.changes = frozenset(name for node in nodes for name in _changed_in_place(node))


@dataclass
class Plan:
    """The units to run, where each wanted name is answered or left as a stub, and broken cells."""

    units: list[Unit]
    answered: dict[str, list[int]]
    sources: dict[str, str]
    stubs: set[str]
    broken: dict[int, str]


def read_cells(notebook: bytes) -> list[str]:
    """The sources of the code cells; ValueError with a reason if this is no notebook."""
    try:
        content = json.loads(notebook.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not valid JSON ({type(error).__name__}).") from None
    cells = content.get("cells") if isinstance(content, Mapping) else None
    if not isinstance(cells, list):
        raise ValueError("it has no list of cells: it is not a notebook of format 4.")
    code = [c for c in cells if isinstance(c, Mapping) and c.get("cell_type") == "code"]
    return [source for cell in code if (source := source_of(cell)) is not None]


def source_of(cell: Mapping[str, Any]) -> str | None:
    """The text of a cell, which a file may hold as one text or as lines; None for another form."""
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        return "".join(source)
    return source if isinstance(source, str) else None


def make_plan(cells: Sequence[str], handed_out: Sequence[str], wanted: Sequence[str]) -> Plan:
    """Decide what to run; cells are numbered from 1, as a reader counts code cells."""
    plan = Plan([], {name: [] for name in wanted}, {}, set(), {})
    known = {source.strip() for source in handed_out}
    for number, source in enumerate(cells, start=1):
        try:
            _add(plan, number, *parse(source), changed=source.strip() not in known)
        except Exception as error:  # whatever a parser makes of such a text
            plan.broken[number] = _message(error)
    _drop_stubs(plan)
    plan.units = _needed(plan.units)
    return plan


def parse(source: str) -> tuple[str, list[ast.stmt]]:
    """The code of a cell and its statements; magics and shell escapes become calls without effect.

    A magic that runs the cell, such as `%%time`, is dropped and the cell stays.
    """
    source = _RUNS_THE_CELL.sub("", source)
    try:
        return source, ast.parse(source).body
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        transformer: Any = TransformerManager()  # type: ignore[no-untyped-call]  # as upstream
        source = transformer.transform_cell(source)
        return source, ast.parse(source).body


def _message(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        where = f", line {error.lineno}" if error.lineno else ""
        return f"{type(error).__name__}{where}: {error.msg}"
    words = "it cannot be read"
    if isinstance(error, RecursionError | MemoryError):
        words = "it is nested too deeply"
    elif "null bytes" in str(error):  # a ValueError before Python 3.11.4, then a SyntaxError
        words = "it contains null bytes"
    return f"{type(error).__name__}: {words}"


def _add(plan: Plan, number: int, source: str, body: list[ast.stmt], changed: bool) -> None:
    answers: dict[str, ast.stmt] = {}
    for statement in body:
        for name in bound(statement):
            if name not in plan.answered:
                continue
            if is_stub(statement):
                plan.stubs.add(name)
            else:
                answers[name] = statement
    if changed or answers:
        plan.units.append(Unit(number, body, required=True))  # compiled here, so it may be refused
    else:
        plan.units += [Unit(number, [statement], required=False) for statement in body]
    for name, statement in answers.items():
        plan.answered[name].append(number)
        plan.sources[name] = _segment(source, statement)


def _segment(source: str, statement: ast.stmt) -> str:
    """The text of a statement, with its comments where Python and IPython count lines alike."""
    try:
        return ast.get_source_segment(source, statement) or ast.unparse(statement)
    except (IndexError, UnicodeDecodeError):
        return ast.unparse(statement)


def is_stub(statement: ast.stmt) -> bool:
    """True for a stub as the lab has it: a function that only raises, a drill without a value."""
    match statement:
        case ast.FunctionDef(
            body=[
                *_,
                ast.Raise(
                    exc=ast.Call(func=ast.Name("NotImplementedError"))
                    | ast.Name("NotImplementedError")
                ),
            ]
        ):
            rest = statement.body[:-1]
            return all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in rest)
        case ast.Assign(value=ast.Constant(value=None)):
            return True
        case ast.Assign(value=ast.Constant(value=str(text))):
            return not text.strip()
    return False


def _drop_stubs(plan: Plan) -> None:
    """If a name has an answer, drop copies of its stub, which could overwrite it."""
    for unit in plan.units:
        unit.statements = [
            statement
            for statement in unit.statements
            if not (is_stub(statement) and any(plan.answered.get(n) for n in bound(statement)))
        ]


def _needed(units: list[Unit]) -> list[Unit]:
    """The required units and, of the others, those that bind a name needed by one that runs."""
    chosen = {id(unit) for unit in units if unit.required}
    needed = frozenset().union(*(unit.reads for unit in units if unit.required))
    imported = frozenset().union(*(unit.imports for unit in units))
    while True:
        bound, changed = needed, needed - imported  # a module is not changed by calling it
        more = [
            u for u in units if id(u) not in chosen and (u.writes & bound or u.changes & changed)
        ]
        if not more:
            return [unit for unit in units if id(unit) in chosen]
        chosen.update(id(unit) for unit in more)
        needed = needed.union(*(unit.reads for unit in more))


def bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a top-level statement binds."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name.split(".")[0] for alias in statement.names)
        case ast.Assign(targets=targets):
            yield from (name for target in targets for name in _stored(target))
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from _stored(target)


def _stored(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _names(statements: Sequence[ast.stmt]) -> tuple[Names, Names]:
    """Global names that statements read, in functions too, and those they bind."""
    code = compile(ast.Module(list(statements), type_ignores=[]), "<cell>", "exec")
    reads, writes = set(), set()
    for instruction in _instructions(code):
        if instruction.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            reads.add(instruction.argval)
        elif instruction.opname in ("STORE_NAME", "STORE_GLOBAL"):
            writes.add(instruction.argval)
    return frozenset(reads), frozenset(writes)


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)


def _changed_in_place(node: ast.AST) -> Iterator[str]:
    """What `x.method(…)` and `f(x)` as statements, `x[i] = …`, `x.a = …` and `del x[i]` change."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
            yield from _root(method)
        case ast.Expr(value=ast.Call(func=ast.Name(id=name), args=args)) if name not in _SHOWS:
            yield from (argument.id for argument in args if isinstance(argument, ast.Name))
        case (
            ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del())
        ):
            yield from _root(node)


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _root(node: ast.expr) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
