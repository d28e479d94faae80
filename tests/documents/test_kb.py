"""Reading a BEIR folder: what is accepted, and how every mistake names its file and line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.documents.handbook import SpanQuestion

CORPUS = [
    {"_id": "d1", "text": "Write, wrote, written.", "title": "Write", "topic": "verbs"},
    {"_id": "d2", "text": "Eat, ate, eaten."},
    {"_id": "d3", "text": "El pretérito perfecto: «he comido»."},
]
QUERIES = [
    {"_id": "q1", "text": "past of write?", "kind": "lexical"},
    {"_id": "q2", "text": "past of eat?", "kind": "lexical"},
    {"_id": "q3", "text": "¿he comido?", "kind": "spanish"},
    {"_id": "q4", "text": "capital of France?", "kind": "out-of-scope"},
]
HEADER = "query-id\tcorpus-id\tscore\n"


def jsonl(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl").write_text(jsonl(CORPUS), encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text(jsonl(QUERIES), encoding="utf-8")
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(HEADER + "q1\td1\t1\nq2\td2\t2\n")
    (tmp_path / "qrels" / "dev.tsv").write_text(HEADER + "q3\td3\t1\n")
    return tmp_path


def refused(path: Path, *parts: str) -> str:
    """Load `path`, expect a `DataError` whose message holds each of `parts`, and return it."""
    with pytest.raises(ragkit.DataError) as caught:
        ragkit.load_kb(path)
    message = str(caught.value)
    for part in parts:
        assert part in message
    return message


# What a good folder gives


def test_a_good_folder_gives_documents_queries_and_qrels(folder: Path) -> None:
    kb = ragkit.load_kb(folder)
    assert kb.documents[0] == ragkit.Document("d1", "Write, wrote, written.", "Write", "verbs")
    assert [document.doc_id for document in kb.documents] == ["d1", "d2", "d3"]
    assert kb.queries[0] == ragkit.Query("q1", "past of write?", "lexical")
    assert kb.qrels == {"q1": {"d1": 1}, "q2": {"d2": 2}}
    assert (kb.split, kb.path) == ("test", folder)


def test_a_path_may_be_a_string(folder: Path) -> None:
    assert ragkit.load_kb(str(folder)).qrels == ragkit.load_kb(folder).qrels


def test_queries_are_those_the_split_judges(folder: Path) -> None:
    assert [query.query_id for query in ragkit.load_kb(folder).queries] == ["q1", "q2"]
    assert [query.query_id for query in ragkit.load_kb(folder, split="dev").queries] == ["q3"]


@pytest.mark.parametrize("split", ["dev", "test"])
def test_unjudged_queries_are_those_no_split_judges(folder: Path, split: str) -> None:
    assert [query.query_id for query in ragkit.load_kb(folder, split).unjudged] == ["q4"]


def test_kinds_group_the_judged_queries_in_file_order(folder: Path) -> None:
    assert ragkit.load_kb(folder).kinds == {"lexical": ["q1", "q2"]}


def test_by_id_finds_a_document(folder: Path) -> None:
    assert ragkit.load_kb(folder).by_id["d2"].text == "Eat, ate, eaten."


def test_a_model_reads_title_then_text() -> None:
    assert ragkit.Document("d", "wrote", "Write").full_text == "Write wrote"
    assert ragkit.Document("d", "wrote").full_text == "wrote"


def test_a_folder_with_only_a_corpus_loads(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(jsonl(CORPUS), encoding="utf-8")
    kb = ragkit.load_kb(tmp_path)
    assert len(kb.documents) == 3
    assert (kb.queries, kb.qrels, kb.unjudged) == ([], {}, [])


def test_without_qrels_every_query_is_unjudged(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text(jsonl(CORPUS), encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text(jsonl(QUERIES), encoding="utf-8")
    assert len(ragkit.load_kb(tmp_path).unjudged) == 4


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_bom_and_crlf_change_nothing(folder: Path, name: str) -> None:
    plain = ragkit.load_kb(folder)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert ragkit.load_kb(folder) == plain


def test_blank_lines_and_a_missing_last_newline_are_accepted(folder: Path) -> None:
    plain = ragkit.load_kb(folder)
    text = jsonl(CORPUS).replace("\n", "\n  \n").rstrip()
    (folder / "corpus.jsonl").write_text(text, encoding="utf-8")
    assert ragkit.load_kb(folder) == plain


def test_a_line_separator_inside_a_text_does_not_end_the_line(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text(
        jsonl([*CORPUS, {"_id": "d4", "text": "one\u2028two\u0085three"}]), encoding="utf-8"
    )
    assert ragkit.load_kb(folder).documents[3].text == "one\u2028two\u0085three"


def test_a_qrels_file_may_lack_its_header(folder: Path) -> None:
    plain = ragkit.load_kb(folder)
    (folder / "qrels" / "test.tsv").write_text("q1\td1\t1\nq2\td2\t2\n")
    assert ragkit.load_kb(folder) == plain


def test_null_means_no_title(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text(
        jsonl([*CORPUS, {"_id": "d4", "text": "x", "title": None}]), encoding="utf-8"
    )
    assert ragkit.load_kb(folder).documents[3].title == ""


# Mistakes in a record


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"_id": "x", "text": "cut', "not valid JSON"),
        (b'{"_id": "x", "text": "a"} {"_id": "y"}', "not valid JSON"),
        (b'{"_id": ' + b"9" * 5000 + b', "text": "a"}', "not valid JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'["x", "a"]', "expected a JSON object, got list"),
        (b'"x"', "expected a JSON object, got str"),
        (b"null", "expected a JSON object, got NoneType"),
        (b'{"_id": "x", "text": "caf\xe9"}', "byte 26 is not UTF-8"),
        (b'{"text": "a"}', "'_id' must be a string; got None"),
        (b'{"_id": "x"}', "'text' must be a string; got None"),
        (b'{"_id": "", "text": "a"}', "'_id' is empty"),
        (b'{"_id": "x", "text": " \\t"}', "'text' is empty"),
        (b'{"_id": 7, "text": "a"}', "'_id' must be a string; got 7"),
        (b'{"_id": "x", "text": ["a"]}', "'text' must be a string; got ['a']"),
        (b'{"_id": "x", "text": null}', "'text' must be a string; got None"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_record_names_file_line_and_reason(
    folder: Path, name: str, line: bytes, reason: str
) -> None:
    file = folder / name
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([lines[0], b"", line, *lines[1:]]))
    refused(folder, f"{file}:3: ", reason)


@pytest.mark.parametrize(
    ("name", "field"),
    [("corpus.jsonl", "title"), ("corpus.jsonl", "topic"), ("queries.jsonl", "kind")],
)
def test_an_optional_field_must_be_a_string(folder: Path, name: str, field: str) -> None:
    (folder / name).write_text(json.dumps({"_id": "d1", "text": "a", field: 3}))
    refused(folder, f"{folder / name}:1: ", f"{field!r} must be a string; got 3")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_duplicate_id_names_both_lines(folder: Path, name: str) -> None:
    file = folder / name
    first = file.read_text(encoding="utf-8").splitlines()[0]
    file.write_text(file.read_text(encoding="utf-8") + first, encoding="utf-8")
    number = 4 if name == "corpus.jsonl" else 5
    refused(folder, f"{file}:{number}: ", f"already used at {file}:1")


def test_the_line_of_a_mistake_counts_crlf_lines_once(folder: Path) -> None:
    file = folder / "corpus.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"_id": "d1", "text": "a"}\r\nbroken\r\n')
    refused(folder, f"{file}:2: ")


def test_a_text_that_is_no_unicode_is_refused_at_the_border(folder: Path) -> None:
    file = folder / "corpus.jsonl"
    file.write_text('{"_id": "d1", "text": "half a pair: \\ud800"}\n')
    refused(folder, f"{file}:1: ")


# Mistakes in the qrels


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("q9\td1\t1", "the query 'q9' is not in queries.jsonl"),
        ("q1\td9\t1", "the document 'd9' is not in corpus.jsonl"),
        ("q1\td2\tyes", "whole number; got 'yes'"),
        ("q1\td2\t0.5", "whole number; got '0.5'"),
        ("q1\td2\t", "whole number; got ''"),
        ("q1\td2", "3 tab-separated fields"),
        ("q1 d2 1", "3 tab-separated fields"),
        ("q1\td2\t1\textra", "got 4"),
        ("q1\td1\t1", "already judged"),
        ("q1\td1\t0", "already judged"),
        (HEADER.strip(), "whole number; got 'score'"),
    ],
)
def test_a_bad_judgement_names_file_line_and_reason(folder: Path, line: str, reason: str) -> None:
    file = folder / "qrels" / "test.tsv"
    file.write_text(HEADER + f"q1\td1\t1\n\n{line}\n")
    refused(folder, f"{file}:4: ", reason)


def test_a_mistake_in_another_split_is_found_too(folder: Path) -> None:
    (folder / "qrels" / "dev.tsv").write_text(HEADER + "q3\tnowhere\t1\n")
    refused(folder, f"{folder / 'qrels' / 'dev.tsv'}:2: ", "nowhere")


def test_an_unknown_split_lists_the_known(folder: Path) -> None:
    with pytest.raises(ragkit.DataError, match=r"no split 'train'; it has dev, test"):
        ragkit.load_kb(folder, split="train")


# Mistakes in the folder


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
def test_an_empty_corpus_is_refused(folder: Path, content: str) -> None:
    (folder / "corpus.jsonl").write_text(content, encoding="utf-8")
    refused(folder, str(folder / "corpus.jsonl"), "empty")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", str(tmp_path / "nowhere"), "no such folder")


def test_a_file_is_no_folder(folder: Path) -> None:
    refused(folder / "corpus.jsonl", "no such folder")


def test_a_folder_without_a_corpus_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, f"{tmp_path / 'corpus.jsonl'}: no such file")


def test_a_corpus_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").mkdir()
    refused(tmp_path, f"{tmp_path / 'corpus.jsonl'}: cannot be read")


# The course's own base


def test_the_course_base_loads_in_both_splits(kb: ragkit.KnowledgeBase) -> None:
    dev = ragkit.load_kb(split="dev")
    assert dev.documents == kb.documents
    assert dev.unjudged == kb.unjudged
    assert not dev.qrels.keys() & kb.qrels.keys()


def test_the_repr_states_the_counts(folder: Path) -> None:
    assert repr(ragkit.load_kb(folder)) == "KnowledgeBase(3 documents, 2 queries, split='test')"


# Spans and the handbook

HANDBOOK = "# Verbs\n\nWrite, wrote, written. «Comer» es eat.\n"


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    (tmp_path / "handbook.md").write_bytes(HANDBOOK.encode())
    write_question(tmp_path, spans=[gold("wrote"), gold("«Comer»")])
    return tmp_path


def gold(quote: str) -> dict[str, Any]:
    start = HANDBOOK.index(quote)
    return {"start": start, "end": start + len(quote), "text": quote}


def write_question(folder: Path, **fields: Any) -> None:
    record = {"_id": "h1", "text": "past of write?", "split": "test", **fields}
    (folder / "handbook_queries.jsonl").write_text(json.dumps(record))


def test_a_handbook_question_has_its_gold_spans(handbook: Path) -> None:
    loaded = ragkit.load_handbook(handbook)
    spans = (ragkit.Span(16, 21), ragkit.Span(32, 39))
    assert loaded.questions == [SpanQuestion("h1", "past of write?", spans)]
    assert [loaded.text[s.start : s.end] for s in spans] == ["wrote", "«Comer»"]


@pytest.mark.parametrize(
    "spans",
    [
        [{**gold("wrote"), "start": 15}],
        [{"start": 3, "end": 3, "text": ""}],
        [{"start": -6, "end": -2, "text": HANDBOOK[-6:-2]}],
        [{"start": len(HANDBOOK) - 4, "end": len(HANDBOOK) + 4, "text": HANDBOOK[-4:]}],
        {"start": 16, "end": 21, "text": "wrote"},
        [{"start": 16, "end": 21}],
        [{"start": "16", "end": "21", "text": "wrote"}],
        ["wrote"],
        [],
        None,
        7,
    ],
)
def test_a_bad_gold_span_names_file_and_line(handbook: Path, spans: Any) -> None:
    write_question(handbook, spans=spans)
    place = re.escape(f"{handbook / 'handbook_queries.jsonl'}:1: ")
    with pytest.raises(ragkit.DataError, match=place):
        ragkit.load_handbook(handbook)


def test_a_question_without_a_split_is_refused(handbook: Path) -> None:
    write_question(handbook, spans=[gold("wrote")], split=None)
    with pytest.raises(ragkit.DataError, match=r"queries\.jsonl:1: the field 'split'"):
        ragkit.load_handbook(handbook)


def test_a_split_without_questions_is_refused(handbook: Path) -> None:
    with pytest.raises(ragkit.DataError, match="no handbook question in split 'dev'"):
        ragkit.load_handbook(handbook, split="dev")


def test_a_handbook_that_is_not_utf8_is_refused(handbook: Path) -> None:
    (handbook / "handbook.md").write_bytes(b"caf\xe9")
    with pytest.raises(ragkit.DataError, match=r"handbook\.md: cannot be read as UTF-8"):
        ragkit.load_handbook(handbook)


def test_a_missing_handbook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ragkit.DataError, match=r"handbook\.md: cannot be read"):
        ragkit.load_handbook(tmp_path)


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [((0, 5), (3, 9), 2), ((0, 5), (5, 9), 0), ((2, 4), (0, 9), 2), ((0, 2), (7, 9), 0)],
)
def test_overlap_counts_shared_characters_both_ways(
    a: tuple[int, int], b: tuple[int, int], shared: int
) -> None:
    assert ragkit.Span(*a).overlap(ragkit.Span(*b)) == shared
    assert ragkit.Span(*b).overlap(ragkit.Span(*a)) == shared
