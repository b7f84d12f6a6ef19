"""Conditions: read as the page says, printed so that they are read back, never a surprise."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaquero_conditions.conditions import (
    COMPARISONS,
    Condition,
    Filter,
    Glob,
    Kind,
    MetricValue,
    OperationValue,
    Where,
    parse,
)
from vaquero_conditions.conditions.model import METRIC_FUNCTIONS, OPERATION_FUNCTIONS
from vaquero_conditions.errors import ConditionError
from vaquero_conditions.units import NO_UNIT, UNITS, Dimension, Quantity

from conditions.tests.tables import REFERENCE, RELAXED, rows


@pytest.mark.parametrize(
    "case", rows("conditions.md", "valid"), ids=lambda case: f"{case['where']}: {case['text']}"
)
def test_valid_texts_mean_what_the_page_says(case: dict[str, str]) -> None:
    """Each valid text of the table has that canonical text, that window and that threshold."""
    where = Where(case["where"])
    condition = parse(case["text"], where)

    assert str(condition) == case["canonical"]
    assert parse(str(condition), where) == condition
    window = condition.window.seconds if condition.window else "whole"
    assert str(window) == case["window"] or window == float(case["window"])
    assert condition.threshold.base == float(case["threshold"])


@pytest.mark.parametrize(
    "case", rows("conditions.md", "invalid"), ids=lambda case: f"{case['where']}: {case['text']}"
)
def test_invalid_texts_fail_where_the_page_says(case: dict[str, str]) -> None:
    """Each invalid text of the table is refused at that column, with those words."""
    with pytest.raises(ConditionError) as caught:
        parse(case["text"], Where(case["where"]))

    assert caught.value.column == int(case["column"])
    assert case["says"] in str(caught.value)
    assert "; valid: " in str(caught.value)


@pytest.mark.parametrize("case", rows("conditions.md", "names"), ids=str)
def test_names_match_as_the_page_says(case: dict[str, str]) -> None:
    """Each pattern of the table matches the name, or does not."""
    operation = parse(f"count({case['pattern']}) > 0", Where.GATE).value
    assert isinstance(operation, OperationValue)

    assert operation.operation.matches(case["name"]) is (case["matches"] == "yes")


@pytest.mark.parametrize("case", rows("conditions.md", "filters"), ids=str)
def test_filters_take_as_the_page_says(case: dict[str, str]) -> None:
    """Each filter of the table takes the attributes, or does not."""
    value = parse(f"avg(m{{{case['filter']}}}) > 0", Where.GATE).value
    assert isinstance(value, MetricValue)

    assert value.takes("m", json.loads(case["attributes"])) is (case["takes"] == "yes")
    assert not value.takes("n", json.loads(case["attributes"]))


@pytest.mark.parametrize("case", rows("conditions.md", "units of metrics"), ids=str)
def test_thresholds_are_converted_as_the_page_says(case: dict[str, str]) -> None:
    """Each threshold of the table becomes that number in the unit of the metric."""
    condition = parse(case["condition"], Where.ALERT)
    unit, expected = case["unit of the metric"], case["threshold in that unit"]
    if expected == "error":
        with pytest.raises(ConditionError) as caught:
            condition.threshold_in(unit)
        assert condition.threshold.number == 5
        assert caught.value.column == len("max(m.m) > ") + 1
        return

    assert condition.threshold_in(unit) == float(expected)
    assert condition.holds(float(expected) * 1.01, unit)
    assert not condition.holds(float(expected) * 0.99, unit)


def test_the_page_names_every_function_kind_and_comparison() -> None:
    """Nothing that can be written is missing on the page."""
    if not REFERENCE.exists():
        pytest.skip("the documents are not in this copy")
    text = (REFERENCE / "conditions.md").read_text("utf-8")
    words = [*OPERATION_FUNCTIONS, *METRIC_FUNCTIONS, *(kind.value for kind in Kind)]

    assert [word for word in words if f"`{word}`" not in text] == []
    assert [sign for sign in COMPARISONS if f'"{sign}"' not in text] == []


names = st.text(
    st.one_of(
        st.sampled_from("abzAZ019_./ -{}[]()?,\"'\\*=<>!%:\u00e9\u00a0"),
        st.characters(exclude_categories=("Cc",)),
    ),
    max_size=12,
).filter(lambda text: all(ord(c) > 31 and ord(c) != 127 for c in text))
globs = st.lists(names, min_size=1, max_size=4).map(lambda parts: Glob(tuple(parts)))
full_globs = globs.filter(lambda glob: glob.pieces != ("",))
amounts = st.floats(0, 1e12) | st.integers(0, 10**9).map(float)


def _quantities(*dimensions: Dimension) -> st.SearchStrategy[Quantity]:
    units = [unit for unit in UNITS.values() if unit.dimension in dimensions]
    return st.builds(Quantity, amounts, st.sampled_from(units))


durations = _quantities(Dimension.TIME).filter(lambda quantity: quantity.number > 0)
shares = st.builds(Quantity, st.floats(0, 1), st.just(NO_UNIT)) | st.builds(
    Quantity, st.floats(0, 100), st.just(UNITS["%"])
)
objectives = shares.filter(lambda quantity: 0 < quantity.base < 1)
keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-/]{0,8}", fullmatch=True)
metric_names = names.filter(bool) | st.from_regex(r"[a-z][a-z0-9_.]{0,9}", fullmatch=True)


@st.composite
def operation_values(draw: st.DrawFn) -> OperationValue:
    """A figure of an operation with the argument that its function takes."""
    function = draw(st.sampled_from(sorted(OPERATION_FUNCTIONS)))
    argument = None
    if function == "apdex":
        argument = draw(durations | st.just(Quantity(500.0, UNITS["ms"])))
    elif function == "burn_rate":
        argument = draw(objectives)
    dotted = st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}){0,2}(\{[a-z]?\})?", fullmatch=True)
    name = draw(full_globs | dotted.map(lambda text: Glob((text,))))
    return OperationValue(function, name, draw(st.sampled_from(Kind)), argument)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """Any condition that can be written."""
    value: OperationValue | MetricValue
    if draw(st.booleans()):
        value = draw(operation_values())
        expected = OPERATION_FUNCTIONS[value.function]
        threshold = shares if expected is Dimension.RATIO else _quantities(expected)
    else:
        filters = st.lists(st.builds(Filter, keys, st.booleans(), globs), max_size=3).map(tuple)
        function = draw(st.sampled_from(sorted(METRIC_FUNCTIONS)))
        value = MetricValue(function, draw(metric_names), draw(filters))
        threshold = _quantities(*METRIC_FUNCTIONS[function])
    where = draw(st.sampled_from(Where))
    return Condition(
        value,
        draw(st.sampled_from(sorted(COMPARISONS))),  # type: ignore[arg-type]
        draw(threshold),
        where,
        draw(full_globs),
        draw(st.none() | durations),
        draw(st.none() | durations) if where is Where.ALERT else None,
    )


@settings(RELAXED, max_examples=400)
@given(conditions())
def test_the_canonical_text_is_read_back(condition: Condition) -> None:
    """Any condition is read back from its text as an equal one, and its text does not change."""
    text = str(condition)
    again = parse(text, condition.where)

    assert again == condition
    assert str(again) == text
    assert hash(again) == hash(condition)


PIECES = """
p95( max( rate( avg( burn_rate( ) ( { } , = != > >= == " ' \\ * GET /orders kind= kind=server
in over for 5m 200ms 5% 99.9% 1 -1 1e9 /s MiB/s shop process.memory.usage cpu.mode idle
""".split()
soups = st.lists(st.sampled_from([*PIECES, " ", "\n", "\x00"]), max_size=16).map("".join)


@settings(RELAXED, max_examples=600)
@given(st.one_of(st.text(max_size=60), soups, conditions().map(str)), st.sampled_from(Where))
def test_any_text_is_a_condition_or_a_clear_error(text: str, where: Where) -> None:
    """Whatever is read gives a condition or an error whose column is inside the text."""
    try:
        condition = parse(text, where)
    except ConditionError as error:
        assert 1 <= error.column <= max(1, len(text))
        assert len(str(error)) < 1000
    else:
        assert parse(str(condition), where) == condition


@RELAXED
@given(conditions().map(str), st.data())
def test_a_text_cut_short_is_a_condition_or_a_clear_error(text: str, data: st.DataObject) -> None:
    """A condition with a part of it missing never gives another error."""
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, len(text)))
    for where in Where:
        try:
            parse(text[:begin] + text[end:], where)
        except ConditionError:
            pass


EVIL = [*PIECES, "a", "p95", "a.", "\\*", "(,", "9", "1.", " ", "\n", "*a"]


@pytest.mark.parametrize("unit", EVIL)
def test_no_text_takes_long(unit: str) -> None:
    """Texts made to send the parser astray are refused in a time that their length asks for."""
    begun = time.process_time()
    for begin in ("", "p95(", 'p95("', "avg(m{", "p95(x) > ", "p95(x) in ", "max("):
        for size in (4000, 400_000):
            try:
                parse(begin + unit * (size // len(unit)), Where.ALERT)
            except ConditionError:
                pass
    assert time.process_time() - begun < 2


def test_matching_takes_no_long_time() -> None:
    """A pattern of many stars is matched in one pass over the name."""
    glob = parse(f"count({'*a' * 1000}*b) > 0", Where.GATE).value
    assert isinstance(glob, OperationValue)
    begun = time.process_time()

    assert not glob.operation.matches("a" * 1_000_000)
    assert time.process_time() - begun < 2


def test_kinds_take_the_spans_that_the_page_says() -> None:
    """Entry spans are servers, consumers and roots; other kinds take their own."""
    spans = {(kind, root) for kind in ("server", "client", "internal", "consumer", "producer")
             for root in (True, False)}  # fmt: skip
    taken = {kind: {span for span in spans if kind.takes(*span)} for kind in Kind}

    assert taken[Kind.ENTRY] == {s for s in spans if s[1] or s[0] in ("server", "consumer")}
    assert taken[Kind.ROOT] == {s for s in spans if s[1]}
    assert taken[Kind.ANY] == spans
    assert taken[Kind.CLIENT] == {("client", True), ("client", False)}


def test_queries_and_burn_rates_depend_on_where_they_stand() -> None:
    """Queries are a percentile in alerts and a maximum elsewhere; burn rates have two windows."""
    by_place = {where: parse("queries(x) > 5", where).statistic for where in Where}
    burn = parse("burn_rate(x, 99.9%) > 14.4", Where.ALERT)

    assert by_place == {
        Where.ALERT: "p95",
        Where.GATE: "max",
        Where.BUDGET: "max",
        Where.REPORT: "max",
    }
    assert (burn.window.seconds if burn.window else 0, burn.short_window_s) == (3600, 300)
    assert parse("p95(x) > 1s", Where.ALERT).statistic == "p95"
    assert parse("burn_rate(x, 99.9%) > 1", Where.GATE).short_window_s is None


def test_no_number_meets_no_condition() -> None:
    """A value that is no number is neither above nor below anything."""
    for sign in COMPARISONS:
        assert not parse(f"p95(x) {sign} 1s", Where.ALERT).holds(float("nan"))


def test_a_glob_has_pieces_without_control_characters() -> None:
    """A name that could not be written is refused when it is made."""
    for pieces in ((), ("a\n",)):
        with pytest.raises(ValueError, match="valid: pieces"):
            Glob(pieces)
    assert Glob(("a", "", "", "b")) == Glob(("a", "b"))
