"""Files are whole or absent, what is sealed is noticed when it changes, and lines know their place.

A file of `write_checked` comes back as it was written or not at all.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import DataError, RagkitWarning
from ragkit.files import (
    read_checked,
    read_lines,
    report_unwritable,
    write_atomically,
    write_checked,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def sealed(body: bytes) -> bytes:
    """A file with the right checksum, whatever its content."""
    return b"ragkit-1\n" + sha256(body).hexdigest().encode() + b"\n" + body


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small file as `write_checked` leaves it."""
    path = tmp_path / "file"
    write_checked(path, {"kind": "flat", "doc_ids": ["d1", "é"]}, b"\x00payload\n\xff")
    return path


# Sealed files


@given(header=st.dictionaries(st.text(), JSON, max_size=4), payload=st.binary(max_size=60))
def test_header_and_payload_come_back(
    tmp_path_factory: pytest.TempPathFactory, header: dict[str, Any], payload: bytes
) -> None:
    path = tmp_path_factory.mktemp("sealed") / "file"
    write_checked(path, header, payload)
    found, content = read_checked(path)
    assert (found, bytes(content)) == (header, payload)


def test_a_payload_may_be_a_view_of_another_buffer(tmp_path: Path) -> None:
    write_checked(tmp_path / "file", {}, memoryview(b"0123456789")[2:5])
    assert bytes(read_checked(tmp_path / "file")[1]) == b"234"


def test_every_changed_byte_is_noticed(file: Path) -> None:
    content = file.read_bytes()
    for place in range(len(content)):
        for change in (0x01, 0x20, 0x80):  # 0x20 turns a hex digit into its capital
            altered = bytearray(content)
            altered[place] ^= change
            file.write_bytes(altered)
            with pytest.raises(DataError, match=r"file: .*(altered|not a file that ragkit wrote)"):
                read_checked(file)


def test_a_cut_at_any_length_is_noticed(file: Path) -> None:
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"file: .*cut short"):
            read_checked(file)


def test_bytes_that_were_added_are_noticed(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\n")
    with pytest.raises(DataError, match="altered"):
        read_checked(file)


def test_the_same_bytes_of_another_format_are_not_taken(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"ragkit-1\n", b"ragkit-2\n"))
    with pytest.raises(DataError, match="not a file that ragkit wrote"):
        read_checked(file)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}no line end", b"{}x", b"\n", b"not json\nrest", b"[1]\nrest", b"null\n", b"\xff\n"],
)
def test_a_right_checksum_over_no_header_is_no_file_of_ours(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(sealed(body))
    with pytest.raises(DataError, match="file: its header is not one that ragkit writes"):
        read_checked(path)


def test_a_file_that_cannot_be_read_is_an_os_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises((FileNotFoundError, IsADirectoryError, PermissionError)):
            read_checked(path)


def test_a_header_that_is_no_json_leaves_the_old_file(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(TypeError):
        write_checked(file, {"ids": {1, 2}}, b"")
    assert file.read_bytes() == before


# Whole or absent


def test_parts_are_written_one_after_the_other_and_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_atomically(path, b"one ", memoryview(b"two"), b"")
    assert path.read_bytes() == b"one two"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("old", [b"old", None])
def test_a_write_that_fails_half_way_leaves_what_was_there(
    tmp_path: Path, old: bytes | None
) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    second: Any = "no bytes"
    with pytest.raises(TypeError):
        write_atomically(path, b"half of it", second)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == ([] if old is None else [old])


@pytest.mark.parametrize("error", [OSError(5, "broken"), KeyboardInterrupt()], ids=repr)
def test_an_interrupted_rename_leaves_the_old_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def broken(*_: object) -> None:
        raise error

    before = file.read_bytes()
    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(type(error)):
        write_checked(file, {}, b"new")
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_in_the_place_of_the_file_is_an_os_error_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises((IsADirectoryError, PermissionError)):
        write_atomically(target, b"x")
    assert list(tmp_path.iterdir()) == [target]


# Lines


def test_lines_come_with_their_places_and_blank_ones_count(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n  \r\ntwo \xe2\x80\xa8 three\rfour\n")
    lines = [(f"{path}:1", "one"), (f"{path}:4", "two \u2028 three\rfour")]
    assert list(read_lines(path, "")) == lines


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    for content in (b"", b"\xef\xbb\xbf", b"\n\r\n"):
        (tmp_path / "file").write_bytes(content)
        assert list(read_lines(tmp_path / "file", "")) == []


def test_a_byte_that_is_not_utf8_is_named_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"one\ncaf\xe9\n")
    with pytest.raises(DataError, match=r"file:2: byte 4 is not UTF-8\. Save the file as UTF-8"):
        list(read_lines(tmp_path / "file", ""))


def test_a_path_that_is_no_readable_file_is_named_with_the_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path, tmp_path / "none", tmp_path / "file" / "below"):
        with pytest.raises(DataError) as refused:
            list(read_lines(path, "Pass another."))
        assert str(refused.value).startswith(f"{path}: ")
        assert str(refused.value).endswith(". Pass another.")


# A folder that cannot be written


def test_each_folder_is_reported_once(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        with pytest.warns(
            RagkitWarning, match=rf"{folder.name}: the cache cannot be written \(broken\)"
        ):
            report_unwritable(folder, OSError(5, "broken"))
        report_unwritable(folder, OSError(5, "broken"))  # a warning would be an error here
