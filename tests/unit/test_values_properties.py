"""Whatever is given, it becomes what OTLP can carry."""

from __future__ import annotations

import collections
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaquero.values import freeze, json_text, plain


class Angry:
    def __str__(self) -> str:
        raise ValueError("no text")


class Liar:
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


def _is_valid(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return -(2**63) <= value < 2**63
    if value is None or type(value) in (str, bool, float, bytes):
        return True
    if type(value) is tuple:
        return all(_is_valid(item) for item in value)
    return type(value) is dict and all(
        type(key) is str and key and _is_valid(item) for key, item in value.items()
    )


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.characters(categories=["Cs"]),
    st.decimals(),
    st.uuids(),
    st.datetimes(),
    st.complex_numbers(),
    st.just(Angry()),
    st.just(Liar()),
)
HASHABLE = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary())
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(HASHABLE, inner),
        st.tuples(inner, inner),
        st.frozensets(HASHABLE),
        st.lists(inner).map(collections.deque),
    ),
    max_leaves=30,
)


@given(ANYTHING)
@settings(max_examples=200, deadline=None)
def test_every_value_becomes_a_valid_one(value: object) -> None:
    """Whatever is given, the result is what OTLP can carry, and stays so when frozen again."""
    frozen = freeze(value)

    assert _is_valid(frozen)
    assert repr(freeze(frozen)) == repr(frozen)


@given(ANYTHING)
@settings(max_examples=200, deadline=None)
def test_every_value_has_a_form_that_old_sdks_take(value: object) -> None:
    """The narrow form is a scalar or a sequence of one scalar type, and JSON is valid JSON."""
    narrow = plain(freeze(value))

    if isinstance(narrow, tuple):
        kinds = {type(item) for item in narrow if item is not None}
        assert len(kinds) <= 1
        assert kinds <= {str, bool, int, float}
    else:
        assert narrow is None or type(narrow) in (str, bool, int, float)
    json.loads(json_text(freeze(value)), parse_constant=pytest.fail)
