"""Text of any kind becomes bounded, valid UTF-8."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vaquero.pipeline.otlp.text import cut_bytes, cut_text, utf8, wire_text


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=60), st.integers(0, 40))
def test_cut_text_keeps_its_bound(text: str, limit: int) -> None:
    """Cut text is at most the limit and the remark; text within the limit is the same object."""
    cut = cut_text(text, limit)
    assert cut is text or len(utf8(cut)) <= limit + 30
    assert len(cut_bytes(utf8(text), limit)) <= limit + 30
    assert cut is not text or len(utf8(text)) <= limit


@given(st.text(st.characters()))
def test_any_text_becomes_valid_utf8(text: str) -> None:
    """The bytes decode again; text without surrogates is what it was."""
    decoded = utf8(text).decode()
    assert decoded == text or any("\ud800" <= char <= "\udfff" for char in text)


def test_values_that_are_no_text_become_text() -> None:
    """None is no text at all; what cannot even be printed says so."""

    class Silent:
        def __str__(self) -> str:
            raise SystemExit

        __repr__ = __str__

    assert (wire_text(None), wire_text("a"), wire_text(5)) == ("", "a", "5")
    assert "Silent" in wire_text(Silent()) or "not readable" in wire_text(Silent())
