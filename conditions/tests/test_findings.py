"""Findings: their ids, their JSON against the schema, and the list of those that are ignored."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from vaquero_conditions.errors import ShapeError
from vaquero_conditions.findings import (
    CERTAINTIES,
    KINDS,
    RESERVED_KINDS,
    SEVERITIES,
    Finding,
    Place,
    Window,
    finding_id,
)
from vaquero_conditions.ignored import IgnoredError, ignored_ids, parse_ignored
from vaquero_conditions.jsons import time_ns, time_text
from vaquero_conditions.schemas import schema

from conditions.tests.tables import REFERENCE, RELAXED, rows

try:
    import tomllib
except ImportError:
    import tomli as tomllib

SCHEMA = schema("finding")
VALIDATOR = Draft202012Validator(SCHEMA)
ALL_KINDS = {**KINDS, **RESERVED_KINDS}


@pytest.mark.parametrize("case", rows("findings.md", "ids"), ids=lambda case: case["id"])
def test_ids_are_what_the_page_says(case: dict[str, str]) -> None:
    """Each finding of the table has that id, wherever the line is."""
    for line in (1, 99, None):
        where = Place(case["file"], line, case["function"]) if case["file"] else None
        evidence = json.loads(case["evidence"])
        found = finding_id(case["kind"], case["service"], case["operation"], evidence, where)
        assert found == case["id"]


texts = st.text(max_size=20)
times = st.integers(0, 2**63 - 1)
trace_ids = st.lists(st.from_regex(r"[0-9a-f]{32}", fullmatch=True), max_size=3)


def _values(shape: dict[str, object]) -> st.SearchStrategy[object]:
    """Values that this part of the schema takes."""
    kinds = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
    least, most = shape.get("minimum"), shape.get("maximum")
    by_kind: dict[str, st.SearchStrategy[object]] = {
        "null": st.none(),
        "boolean": st.booleans(),
        "integer": st.integers(0, 10**9),
        "number": st.floats(least, most, allow_nan=False, allow_infinity=False),  # type: ignore[arg-type]
        "array": st.lists(st.floats(0, 9), min_size=2, max_size=2),
        "string": st.sampled_from(shape["enum"])  # type: ignore[arg-type]
        if "enum" in shape
        else st.from_regex(shape.get("pattern", ".{0,9}"), fullmatch=True),  # type: ignore[arg-type]
    }
    return st.one_of([by_kind[kind] for kind in kinds])


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """Any finding of a kind that is known."""
    kind = draw(st.sampled_from(sorted(ALL_KINDS)))
    shapes = SCHEMA["$defs"][kind]["properties"]
    evidence = {
        name: draw(trace_ids if name == "traces" else _values(shape))
        for name, shape in shapes.items()
    }
    files = st.from_regex(r"[a-z_]{1,8}(/[a-z_]{1,8}){0,2}\.py", fullmatch=True)
    where = draw(st.none() | st.builds(Place, files, st.none() | st.integers(1, 9999), texts))
    service, operation = draw(texts), draw(texts)
    return Finding(
        id=finding_id(kind, service, operation, evidence, where),
        kind=kind,
        title=draw(texts.filter(bool)),
        severity=draw(st.sampled_from(SEVERITIES)),
        certainty=draw(st.sampled_from(CERTAINTIES)),
        service=service,
        operation=operation,
        statement=draw(st.none() | texts),
        where=where,
        evidence=evidence,
        cost_ms_per_request=draw(st.none() | st.floats(0, 1e9)),
        share_of_time=draw(st.none() | st.floats(0, 1)),
        advice=draw(texts),
        run=draw(st.none() | texts),
        window=Window(draw(times), draw(times)),
        first_seen_ns=draw(times),
        last_seen_ns=draw(times),
    )


def example() -> Finding:
    """A finding of a kind that nobody knows yet."""
    return Finding(
        id="new-0123456789ab",
        kind="new",
        title="a title",
        severity="low",
        certainty="certain",
        service="shop",
        operation="GET /",
        statement=None,
        where=None,
        evidence={"traces": []},
        cost_ms_per_request=None,
        share_of_time=None,
        advice="",
        run=None,
        window=Window(0, 1),
        first_seen_ns=0,
        last_seen_ns=0,
    )


@RELAXED
@given(findings(), st.dictionaries(st.sampled_from(["later", "more"]), st.integers()))
def test_a_finding_is_its_json(finding: Finding, more: dict[str, int]) -> None:
    """Any finding is written as the schema says, and read back as equal, unknown fields or not."""
    written = json.loads(json.dumps(finding.to_json(), allow_nan=False))

    VALIDATOR.validate(written)
    assert Finding.from_json(written) == finding
    VALIDATOR.validate({**written, **more})
    assert Finding.from_json({**more, **written}) == finding
    attributes = finding.to_attributes()
    assert Finding.from_attributes({**attributes, "service.name": "shop"}) == finding
    assert attributes["vaquero.finding.id"] == finding.id
    assert finding.severity_number == (13 if finding.severity in ("high", "medium") else 9)


@RELAXED
@given(findings())
def test_an_unknown_kind_is_read(finding: Finding) -> None:
    """A kind that a later release adds is valid for readers, with any evidence."""
    written = {**finding.to_json(), "kind": "something_new", "evidence": {"traces": [], "n": 1}}

    VALIDATOR.validate(written)
    assert Finding.from_json(written).evidence == {"traces": [], "n": 1}


@RELAXED
@given(findings(), st.data())
def test_what_is_missing_or_of_another_type_is_named(finding: Finding, data: st.DataObject) -> None:
    """A field that is not there, or is something else, is an error that names the field."""
    written = finding.to_json()
    name = data.draw(st.sampled_from(SCHEMA["required"]))
    optional = {"statement", "where", "cost_ms_per_request", "share_of_time", "run"}
    wrong = {**written, name: data.draw(st.sampled_from([True, [1]]))}
    assert list(VALIDATOR.iter_errors(wrong))
    with pytest.raises(ShapeError, match=f"finding.{name}"):
        Finding.from_json(wrong)
    without = {key: value for key, value in written.items() if key != name}
    assert list(VALIDATOR.iter_errors(without))
    if name not in optional:
        with pytest.raises(ShapeError, match=f"finding.{name}"):
            Finding.from_json(without)


def test_only_an_object_is_a_finding() -> None:
    """A list, a text or nothing is an error that says so."""
    for value in (None, [], "x", 5):
        with pytest.raises(ShapeError, match="valid: an object"):
            Finding.from_json(value)
        with pytest.raises(ShapeError, match="valid: an object"):
            Finding.from_attributes({"vaquero.finding.json": value})


def test_numbers_are_finite() -> None:
    """What no 64-bit float can hold is refused; in what is written it is null."""
    for number in (math.nan, math.inf, 10**400, -(10**400)):
        written = {**example().to_json(), "share_of_time": number}
        with pytest.raises(ShapeError, match=r"finding\.share_of_time=.*finite"):
            Finding.from_json(written)
    unknown = replace(
        example(), evidence={"traces": [], "ratio": math.nan, "interval": [1, math.inf]}
    )

    assert unknown.to_json()["evidence"] == {"traces": [], "ratio": None, "interval": [1, None]}
    assert Finding.from_attributes(unknown.to_attributes()).evidence["ratio"] is None


def test_a_reader_is_lenient_where_the_page_says() -> None:
    """Null may be missing, and a whole number and a time may have zeros at the end."""
    written = example().to_json()
    del written["run"], written["share_of_time"]
    written["where"] = {"file": "a.py", "line": 2.0, "function": "f"}
    written["first_seen"] = "1970-01-01T00:00:01.500Z"
    found = Finding.from_json(written)

    assert found.where == Place("a.py", 2, "f")
    assert (found.run, found.share_of_time, found.first_seen_ns) == (None, None, 1_500_000_000)


def test_a_text_of_brackets_is_a_clear_error() -> None:
    """What is nested too deeply is no finding, and the error can be printed."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ShapeError, match="valid: an object"):
        Finding.from_attributes({"vaquero.finding.json": "[" * 100_000})
    with pytest.raises(ShapeError, match="title=<list>"):
        Finding.from_json({**example().to_json(), "title": deep})


def test_a_number_of_many_digits_is_a_clear_error() -> None:
    """TOML has numbers in hexadecimal of any length, which Python does not print."""
    value = tomllib.loads(f"ignore = [0x{'f' * 5000}]")["ignore"]
    with pytest.raises(IgnoredError, match="<int>"):
        parse_ignored(value)


@RELAXED
@given(times)
def test_times_are_exact(moment: int) -> None:
    """Any time of 64 bits is written and read back to the nanosecond."""
    assert time_ns(time_text(moment), "t") == moment


@pytest.mark.parametrize(
    "text", ["", "now", "2026-11-28", "2026-13-01T00:00:00Z", "2026-11-28T08:00:00+01:00"]
)
def test_other_times_are_refused(text: str) -> None:
    """A time that is not in UTC, or none, is an error that says what is valid."""
    with pytest.raises(ShapeError, match="valid: a time in UTC"):
        time_ns(text, "t")


def test_the_page_has_every_field_of_every_kind() -> None:
    """Schema, page and code name the same kinds, fields and marks."""
    assert sorted(ALL_KINDS) == sorted(set(SCHEMA["$defs"]) - {"time", "window"})
    assert {branch["if"]["properties"]["kind"]["const"] for branch in SCHEMA["allOf"]} == set(
        ALL_KINDS
    )
    if not REFERENCE.exists():
        pytest.skip("the documents are not in this copy")
    text = (REFERENCE / "findings.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text.split("## Compat")[0], re.M) == SCHEMA["required"]
    for kind, mark in ALL_KINDS.items():
        section = text.split(f"### `{kind}`\n")[1].split("\n#")[0]
        fields = re.findall(r"^\| `(\w+)` \|", section, re.M)
        assert ["traces", *fields] == list(SCHEMA["$defs"][kind]["properties"])
        named = re.search(r"Mark: `(\w+)`", section)
        assert (named[1] if named else None) == mark
        assert mark is None or mark in fields


@pytest.mark.parametrize("case", rows("findings.md", "ignored"), ids=lambda case: case["ignore"])
def test_the_list_of_ignored_findings(case: dict[str, str]) -> None:
    """Each list of the table is read, or is that error."""
    value = tomllib.loads(f"ignore = {case['ignore']}")["ignore"]
    if not case["error"]:
        assert len(parse_ignored(value)) == len(value)
        return
    with pytest.raises(IgnoredError) as caught:
        parse_ignored(value)
    assert case["error"] in str(caught.value)


def test_what_is_ignored_ends_with_its_day() -> None:
    """A finding is ignored through its last day, and for ever without one."""
    table = [
        {"id": "n_plus_one-0123456789ab", "reason": "known", "until": date(2027, 1, 31)},
        {"id": "slow_query-0123456789ab", "reason": "known"},
    ]
    found = parse_ignored(table)

    assert ignored_ids(found, date(2027, 1, 31)) == {row["id"] for row in table}
    assert ignored_ids(found, date(2027, 2, 1)) == {"slow_query-0123456789ab"}
    assert parse_ignored(None) == ()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dates() | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "until", "reason", "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@RELAXED
@given(anything)
def test_any_value_is_a_list_or_a_clear_error(value: object) -> None:
    """Whatever a TOML file holds there is read, or refused with place, value and what is valid."""
    try:
        parse_ignored(value, "somewhere")
    except IgnoredError as error:
        assert "(from somewhere)" in str(error)
        assert "; valid: " in str(error)
