"""Numbers of any kind fit the fields that they are written to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vaquero.pipeline.otlp.numbers import counted, time_of, whole

anything = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=5), st.booleans(), st.binary()
)


@given(anything)
def test_whatever_it_is_it_fits(value: object) -> None:
    """Times fit 64 bits, ids their mask, counts 32 bits; nothing raises."""
    assert 0 <= time_of(value) < 1 << 64
    assert 0 <= whole(value, 0xFF) <= 0xFF
    assert 0 <= counted(value) < 1 << 32


def test_valid_numbers_are_kept() -> None:
    """A number within its range is what it was; a time that is none is the fallback."""
    assert (time_of(5), whole(7, 0xFF), counted(9)) == (5, 7, 9)
    assert (time_of(None, 3), time_of("soon", 4), time_of(-1, 5)) == (3, 4, 0)
