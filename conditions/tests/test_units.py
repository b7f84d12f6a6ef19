"""Units: read as the page says, printed as the page says, and never anything but a clear error."""

from __future__ import annotations

import math
import re
from decimal import Context, Inexact, localcontext

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from vaquero_conditions.errors import ConditionError
from vaquero_conditions.formats import format_quantity, format_value
from vaquero_conditions.units import UNITS, Dimension, Quantity, parse_duration, parse_quantity

from conditions.tests.tables import RELAXED, rows

numbers = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("case", rows("units.md", "read"), ids=lambda case: case["text"])
def test_quantities_are_read_as_the_page_says(case: dict[str, str]) -> None:
    """Each text of the table has that canonical form and that value, or that error."""
    if case["written"] == "error":
        with pytest.raises(ConditionError) as caught:
            parse_quantity(case["text"])
        assert case["base"] in str(caught.value)
        return
    quantity = parse_quantity(case["text"])

    assert str(quantity) == case["written"]
    assert quantity.base == float(case["base"])


@pytest.mark.parametrize("case", rows("units.md", "print"), ids=lambda case: case["printed"])
def test_values_are_printed_as_the_page_says(case: dict[str, str]) -> None:
    """Each value of the table is printed so."""
    assert format_value(float(case["value"]), case["unit (UCUM)"]) == case["printed"]


def test_the_decimals_of_the_program_change_nothing() -> None:
    """A context of few digits, or one that stops, is the program's own matter."""
    with localcontext(Context(prec=2, traps=[Inexact])):
        assert parse_quantity("99.95%").base == 0.9995
        assert parse_quantity("1/min").base == 1 / 60


@RELAXED
@given(numbers, st.sampled_from(sorted(UNITS)))
def test_what_is_written_is_read_back(number: float, symbol: str) -> None:
    """Any number with any unit is read back from its text as the same."""
    quantity = Quantity(number, UNITS[symbol])
    assume(math.isfinite(quantity.base))

    assert parse_quantity(str(quantity)) == quantity


@RELAXED
@given(st.one_of(st.text(max_size=40), st.from_regex(r"[0-9.eE+-]{1,30}[a-zA-Z/% ]{0,9}")))
def test_any_text_is_a_quantity_or_a_clear_error(text: str) -> None:
    """Whatever is read gives a finite quantity or an error with a column inside the text."""
    for read in (parse_quantity, parse_duration):
        try:
            quantity = read(text)
            assert math.isfinite(quantity.base)
            assert read is parse_quantity or quantity.seconds > 0
        except ConditionError as error:
            assert 1 <= error.column <= max(1, len(text))


@RELAXED
@given(numbers, st.sampled_from(list(Dimension)))
def test_any_value_is_printed_shortly(value: float, dimension: Dimension) -> None:
    """Whatever the value, it is printed on one line of bounded length and in its unit."""
    text = format_quantity(value, dimension)

    assert 0 < len(text) <= 24
    assert not re.search(r"\b(1000 (ns|µs|ms|k)|1024 ([KMGTP]i)?B)\b", text)
    assert text.isprintable()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_a_dash(value: float) -> None:
    """A value that is no number is printed as a dash in every dimension."""
    assert {format_quantity(value, dimension) for dimension in Dimension} == {"\u2013"}


def test_digits_are_ascii() -> None:
    """Digits of other scripts are no number, as a parser in another language would have it."""
    with pytest.raises(ConditionError, match="a number is missing"):
        parse_quantity("\u0665ms")


def test_a_duration_is_a_time_above_nothing() -> None:
    """Sizes, plain numbers, nothing and negative times are no durations."""
    assert parse_duration(" 5m ").seconds == 300
    for text in ("5", "5MiB", "0s", "-1s"):
        with pytest.raises(ConditionError, match="valid: a time"):
            parse_duration(text)
