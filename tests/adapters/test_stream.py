"""Large answers are read in blocks: the same rows as if read whole, and never a part of them for the whole."""

from __future__ import annotations

import json
import string
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift.adapters import assessments, fields, stream
from drift.errors import EvidenceError

type Row = dict[str, Any]

SIZES = (16, 500, 1 << 20)
"""Bytes of a block: less than a row, about a row, several rows, all of it."""


@pytest.fixture(params=SIZES, ids=lambda size: f"block-{size}")
def block(request, monkeypatch) -> int:
    monkeypatch.setattr(stream, "BLOCK", request.param)
    return request.param


def read(path: Path, *shapes: type[Any]) -> list[Any]:
    return [row for rows in stream.rows(path, shapes or (dict[str, Any],)) for row in rows]


def put(path: Path, data: bytes | str) -> Path:
    file = path / "list.json"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def error(path: Path, *shapes: type[Any]) -> str:
    """What is said of a file that can't be read: names it once, in the first place, in one line."""
    with pytest.raises(EvidenceError) as raised:
        read(path, *shapes)
    said = str(raised.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")


def some(number: int = 40) -> list[Row]:
    return [
        {
            "id": f"/subscriptions/s/resourceGroups/rg/providers/P/t/r{at}",
            "name": f"n{at}",
            "properties": {"status": {"code": "Healthy"}, "list": [{"id": "a"}, {"id": "b"}], "n": at},
        }
        for at in range(number)
    ]


HOSTILE = [
    {"id": '},{"id": "x"}', "name": "a row's end and beginning, as text"},
    {"id": '"},{"id":"', "name": "the same with a quote that would close the string"},
    {"id": "]}", "name": "[{", "tags": {"[": "]", "}": "{"}},
    {"id": "\\", "name": '\\"},{\\"id\\":\\"'},
    {"id": "nested", "list": [{"id": "1"}, {"id": "2"}, {"id": "3"}], "more": [[{"id": "4"}, {"id": "5"}]]},
    {"id": '{"value": [', "name": "]}"},
    {"id": "Größe 日本 🛡 \u2028", "name": "\u0000\u001b[31m"},
    {"id": "", "name": None, "properties": {}},
] * 3


# The same rows, however they are written and cut


@pytest.mark.parametrize("rows", [[], some(1), some(2), some(), HOSTILE], ids=["none", "one", "two", "many", "hostile"])
@pytest.mark.parametrize(
    "written",
    [
        lambda rows: json.dumps(rows),
        lambda rows: json.dumps({"value": rows}),
        lambda rows: json.dumps({"value": rows, "nextLink": None}),
        lambda rows: json.dumps({"value": rows, "nextLink": ""}),
        lambda rows: json.dumps({"nextLink": None, "count": 3, "value": rows}),
        lambda rows: json.dumps({"@odata.context": {"value": [1]}, "value": rows, "after": [{"id": 1}]}),
        lambda rows: json.dumps(rows, separators=(",", ":")),
        lambda rows: json.dumps({"value": rows}, indent=2),
        lambda rows: json.dumps(rows, indent="\t"),
        lambda rows: json.dumps({"value": rows}, indent=2).replace("\n", "\r\n"),
        lambda rows: "\r\n \t" + json.dumps(rows) + " \r\n\r\n",
        lambda rows: json.dumps({"value": rows}, ensure_ascii=False),
        lambda rows: json.dumps({"value": [dict(reversed(row.items())) for row in rows]}),
        lambda rows: json.dumps(
            [dict(list(row.items())[at % 3 :] + list(row.items())[: at % 3]) for at, row in enumerate(rows)]
        ),
    ],
    ids=[
        "bare",
        "value",
        "nextLink null",
        "nextLink empty",
        "value last",
        "value in the middle",
        "compact",
        "indented",
        "tabs",
        "crlf",
        "blanks around",
        "utf-8",
        "keys reversed",
        "keys in turns",
    ],
)
def test_a_list_is_read_whole_however_it_is_written_and_cut(written, rows, block, tmp_path):
    assert read(put(tmp_path, written(rows))) == rows


def test_a_file_larger_than_a_block_comes_in_several_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "BLOCK", 1000)
    path = put(tmp_path, json.dumps({"value": some(200)}))
    blocks = list(stream.rows(path, (dict[str, Any],)))
    assert len(blocks) > 10
    assert [row for rows in blocks for row in rows] == some(200)


def test_what_stands_behind_a_long_list_is_looked_at_too(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "BLOCK", 1000)
    whole = json.dumps({"value": some(200), "nextLink": "https://management.azure.com/next"})
    assert "nextLink" in error(put(tmp_path, whole))


def test_a_row_longer_than_many_blocks_is_one_row(block, tmp_path):
    rows = [{"id": "a"}, {"id": "x" * 5000, "list": [{"id": at} for at in range(300)]}, {"id": "b"}]
    assert read(put(tmp_path, json.dumps(rows))) == rows


@pytest.mark.parametrize("written", [json.dumps(some()), json.dumps({"value": some()})], ids=["bare", "value"])
def test_a_byte_order_mark_as_powershell_writes_it_is_no_reason_to_refuse(written, block, tmp_path):
    assert read(put(tmp_path, b"\xef\xbb\xbf" + written.encode())) == some()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.sampled_from('{}[],:"\\ aé日')) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name", "v"]), inner, max_size=3)
    ),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["id", "name", "properties", "value", "error"]), JSON, max_size=4))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(
    rows=ROWS,
    size=st.integers(1, 400),
    indent=st.sampled_from([None, 0, 1, "\t"]),
    envelope=st.booleans(),
    ascii_only=st.booleans(),
)
def test_streaming_any_rows_equals_decoding_them_whole(rows, size, indent, envelope, ascii_only, tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "BLOCK", size)
    whole = json.dumps({"value": rows} if envelope else rows, indent=indent, ensure_ascii=ascii_only)
    assert read(put(tmp_path, whole)) == msgspec.json.decode(json.dumps(rows))


# Shapes


class Small(msgspec.Struct):
    id: str


class Capital(msgspec.Struct):
    id: str = msgspec.field(name="Id")


def test_each_block_is_read_as_the_first_shape_that_fits_all_of_it(block, tmp_path):
    rows = [{"id": f"a{at}"} for at in range(30)] + [{"Id": f"b{at}"} for at in range(30)]

    class Either(msgspec.Struct):
        small: str | None = msgspec.field(name="id", default=None)
        capital: str | None = msgspec.field(name="Id", default=None)

    found = read(put(tmp_path, json.dumps(rows)), Small, Capital, Either)
    told = [row.small or row.capital if isinstance(row, Either) else row.id for row in found]
    assert told == [f"a{at}" for at in range(30)] + [f"b{at}" for at in range(30)]


# What is wrong with a file


@pytest.mark.parametrize(
    "whole", [json.dumps({"value": some(6)}), json.dumps(some(6), indent=1)], ids=["value", "bare"]
)
def test_a_file_cut_anywhere_is_an_error_never_a_shorter_list(whole, block, tmp_path):
    for end in range(0, len(whole), 1 if block > 100 else 11):
        assert error(put(tmp_path, whole[:end]))


def test_a_file_cut_between_two_rows_is_said_to_be_cut(block, tmp_path):
    whole = json.dumps(some(6))
    assert "cut short" in error(put(tmp_path, whole[: whole.index("}, {") + 1]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \r\n\t ", "is empty"),
        (b"42", "is not a list"),
        (b"-1.5e3", "is not a list"),
        (b'"text"', "is not a list"),
        (b"null", "is not a list"),
        (b"true", "is not a list"),
        (b"{}", "is not a list"),
        (b'{"value": null}', "is not a list"),
        (b'{"value": {"id": "a"}}', "is not a list"),
        (b'{"value": 7}', "is not a list"),
        (b'{"Value": []}', "is not a list"),
        (b"[] []", "not valid JSON"),
        (b"[]x", "not valid JSON"),
        (b'{"value": []} x', "not valid JSON"),
        (b'{"value": [],}', "not valid JSON"),
        (b'[{"id": "a"},]', "not valid JSON"),
        (b"[{'id': 'a'}]", "not valid JSON"),
        (b"[NaN]", "not valid JSON"),
        (b"<html>Sign in</html>", "not valid JSON"),
        (b"ERROR: AADSTS700082: The refresh token has expired", "not valid JSON"),
        (b"\x00\x01\x02\x03", "not valid JSON"),
        (b"\x1f\x8b\x08\x00\x00", "not valid JSON"),
        (b'[{"id": "\xff\xfe"}]', "UTF-8"),
        (b"[1]", "row 1"),
        (b'[{"id": "a"}, null]', "row 2"),
        (b'{"error": {"code": "AuthorizationFailed", "message": "no"}}', "AuthorizationFailed"),
        (b'{"value": [], "error": {"code": "TooManyRequests"}}', "TooManyRequests"),
        (b'{"error": "no"}', "error answer"),
    ],
)
def test_what_is_no_list_is_an_error_that_says_so(data, words, block, tmp_path):
    assert words in error(put(tmp_path, data))


def test_an_error_answer_is_quoted_on_one_line_and_not_at_length(tmp_path):
    said = error(put(tmp_path, json.dumps({"error": {"code": "X\u001b[31m\n", "message": "long " * 200}})))
    assert "error answer" in said
    assert len(said) < 200
    assert said.isprintable()


def test_one_page_of_several_is_an_error(block, tmp_path):
    for at, whole in enumerate(
        ({"value": some(3), "nextLink": "https://x"}, {"nextLink": "https://x", "value": some(3)})
    ):
        assert "nextLink" in error(put(tmp_path, json.dumps(whole))), at


@pytest.mark.parametrize("bad", [1, 2, 17, 40])
def test_an_unknown_status_code_is_named_by_its_row(bad, block, tmp_path):
    rows = some(40)
    rows[bad - 1]["properties"]["status"]["code"] = "Sick"
    for row in rows:
        row["properties"]["resourceDetails"] = {"id": row["id"]}
    said = error(put(tmp_path, json.dumps({"value": rows})), *assessments.MARK_SHAPES)
    assert f"row {bad}:" in said
    assert "Sick" in said


@pytest.mark.parametrize("broken", [{"name": None}, {"name": ""}, {"name": 7}])
def test_a_row_without_a_name_is_named_by_its_row(broken, block, tmp_path):
    rows = [{**row, "properties": {**row["properties"], "resourceDetails": {"id": "r"}}} for row in some(9)]
    rows[5] |= broken
    said = error(put(tmp_path, json.dumps(rows)), *assessments.MARK_SHAPES)
    assert "row 6:" in said
    assert "name" in said


def test_a_row_that_lacks_a_name_altogether_is_named_by_its_row(block, tmp_path):
    rows = [{**row, "properties": {**row["properties"], "resourceDetails": {"id": "r"}}} for row in some(9)]
    del rows[8]["name"]
    said = error(put(tmp_path, json.dumps(rows)), *assessments.MARK_SHAPES)
    assert "row 9:" in said
    assert "name" in said


class Named(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(number=st.integers(1, 60), bad=st.integers(1, 60), size=st.integers(8, 600))
def test_the_row_of_an_error_is_counted_from_the_start_of_the_file(number, bad, size, tmp_path, monkeypatch):
    bad = min(bad, number)
    monkeypatch.setattr(stream, "BLOCK", size)
    rows = [{"id": string.ascii_lowercase[at % 26] * (at % 9 + 1)} for at in range(number)]
    rows[bad - 1]["id"] = ""
    assert f"row {bad}:" in error(put(tmp_path, json.dumps(rows)), Named)


@pytest.mark.parametrize(
    "nested",
    [
        b"[" * 100_000,
        b'{"value": ' + b"[" * 100_000,
        b'[{"id": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
        b'[{"id": "a", "x": ' + b'{"x": ' * 100_000 + b"1" + b"}" * 100_000 + b"}]",
        b'{"value": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["open lists", "open lists in value", "lists in a row", "objects in a row", "lists beside value"],
)
def test_brackets_without_end_are_an_error(nested, tmp_path):
    assert error(put(tmp_path, nested))


# Short answers, read field by field


def test_the_rows_of_a_short_answer_are_counted_from_one_over_all_blocks(block, tmp_path):
    rows = [{"id": "a" * 30} for _ in range(20)]
    read = fields.read(put(tmp_path, json.dumps(rows)))
    assert [str(row.fail("x")) for row in read] == [f"{tmp_path / 'list.json'}: row {at}: x" for at in range(1, 21)]


@pytest.mark.parametrize(
    "value", [b"7", b"[]", b"null", b'"x"', b"", b"{", b"\xff", b"[" * 100_000, b'{"a":' * 100_000]
)
def test_what_is_no_object_is_an_error_where_one_is_wanted(value, tmp_path):
    path = put(tmp_path, value)
    with pytest.raises(EvidenceError) as raised:
        fields.object_at(path)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_byte_order_mark_before_an_object_is_no_reason_to_refuse(tmp_path):
    path = put(tmp_path, b"\xef\xbb\xbf" + b'{"takenAt": "2026-03-02T06:00:00Z"}')
    assert fields.object_at(path).text("takenAt") == "2026-03-02T06:00:00Z"


def test_an_error_that_is_null_is_no_error(tmp_path):
    assert read(put(tmp_path, json.dumps({"value": some(3), "error": None}))) == some(3)


# What only long answers show


def flat(at: int, first: str = "id") -> Row:
    """A row as `az security assessment list` prints it: the first shapes that are tried don't fit."""
    row = {"id": f"/r/r{at}/providers/Microsoft.Security/assessments/k", "name": "k", "status": {"code": "Healthy"}}
    return {first: row[first], **row, "x": "y" * 200}


def test_rows_may_change_the_order_of_their_keys_where_an_earlier_shape_did_not_fit(tmp_path):
    rows = [flat(at) for at in range(5000)] + [flat(at, "name") for at in range(12000)]
    assert len(read(put(tmp_path, json.dumps(rows)), *assessments.MARK_SHAPES)) == 17000


def seconds(path: Path) -> float:
    start = time.process_time()
    read(path)
    return time.process_time() - start


def test_rows_that_begin_otherwise_than_the_first_are_read_in_time_that_grows_with_their_number(tmp_path):
    def took(rows: int) -> float:
        return seconds(put(tmp_path, json.dumps([flat(0, "name"), *map(flat, range(rows))])))

    assert took(24_000) < 10 * max(0.05, took(6_000))


def test_a_long_list_of_objects_inside_a_row_is_read_in_time_that_grows_with_its_length(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "BLOCK", 1 << 14)

    def took(inner: int) -> float:
        row = {"id": "b", "x": [{"id": "c" * 30}] * inner}
        return seconds(put(tmp_path, json.dumps([{"id": "a"}, row, *[{"id": "a"}] * 3000])))

    assert took(3_200) < 10 * max(0.02, took(800))
