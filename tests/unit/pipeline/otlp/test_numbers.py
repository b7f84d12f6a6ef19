"""Numbers of any kind fit the fields that they are written to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vaquero.pipeline.otlp.numbers import count_of, masked_int, time_of

anything = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=5), st.booleans(), st.binary()
)


@given(anything)
def test_whatever_it_is_it_fits(value: object) -> None:
    """Times fit 64 bits, ids their mask, counts 32 bits; nothing raises."""
    assert 0 <= time_of(value) < 1 << 64
    assert 0 <= masked_int(value, 0xFF) <= 0xFF
    assert 0 <= count_of(value) < 1 << 32


def test_valid_numbers_are_kept() -> None:
    """A number within its range is what it was; a time that is none is the fallback."""
    assert (time_of(5), masked_int(7, 0xFF), count_of(9)) == (5, 7, 9)
    assert (time_of(None, 3), time_of("soon", 4), time_of(-1, 5)) == (3, 4, 0)
