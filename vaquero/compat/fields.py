"""Fields of a span that are attributes underneath: descriptors and views for the mixin."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Generic, TypeVar, cast, overload

from vaquero import _log, values

T = TypeVar("T")

#: Characters of JSON text that one field may have.
MAX_JSON = 16_384


class AttributeField(Generic[T]):
    """A field of vaquero-sdk's span that is one attribute of the span."""

    __slots__ = ("_default", "_keys")

    def __init__(self, *keys: str, default: T) -> None:
        self._keys = keys
        self._default = default

    @overload
    def __get__(self, span: None, kind: type) -> AttributeField[T]: ...
    @overload
    def __get__(self, span: object, kind: type) -> T: ...
    def __get__(self, span: object | None, kind: type) -> AttributeField[T] | T:
        if span is None:
            return self
        attributes = attributes_of(span)
        for key in self._keys:
            value = attributes.get(key)
            if value is not None:
                return cast("T", self._read(value))
        return self._default

    def __set__(self, span: object, value: object) -> None:
        cast("Any", span).set_attribute(self._keys[0], self._written(value))

    def _read(self, value: object) -> object:
        return value

    def _written(self, value: object) -> object:
        return value


class JsonField(AttributeField[Any]):
    """A field of vaquero-sdk's span that is one attribute holding JSON text."""

    __slots__ = ()

    def __get__(self, span: object | None, kind: type) -> Any:
        found = super().__get__(span, kind)
        return {} if found is None else found

    def _read(self, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            return value  # Text that is not JSON, or was cut.

    def _written(self, value: object) -> object:
        return json_of(value)


class PrefixedView(MutableMapping[str, Any]):
    """Attributes of a span under one prefix, as vaquero-sdk's ``tags`` and ``metadata`` were."""

    __slots__ = ("_prefix", "_span")

    def __init__(self, span: object, prefix: str) -> None:
        self._span = span
        self._prefix = prefix

    def _found(self) -> dict[str, Any]:
        prefix = self._prefix
        attributes = attributes_of(self._span)
        return {
            key[len(prefix) :]: value for key, value in attributes.items() if key.startswith(prefix)
        }

    def __getitem__(self, key: str) -> Any:
        return self._found()[key]

    def __setitem__(self, key: str, value: object) -> None:
        cast("Any", self._span).set_attribute(f"{self._prefix}{key}", value)

    def __delitem__(self, key: str) -> None:
        _log.warn(
            "span:delete",
            "%s%s stays: an attribute of an OpenTelemetry span cannot be removed, "
            "only overwritten.",
            self._prefix,
            key,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._found())

    def __len__(self) -> int:
        return len(self._found())

    def __repr__(self) -> str:
        return repr(self._found())


def attributes_of(span: object) -> Mapping[str, Any]:
    """The attributes that the span has now; empty for one that cannot be read."""
    return getattr(span, "attributes", None) or {}


def json_of(value: object) -> str:
    """Any value as JSON text of at most :data:`MAX_JSON` characters and a remark on the rest."""
    text = values.json_text(values.freeze(value))
    if len(text) <= MAX_JSON:
        return text
    return f"{text[:MAX_JSON]}... [{len(text) - MAX_JSON} of {len(text)} characters cut]"
