"""Kinds of settings: how a text or an argument becomes a value, and what is valid."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable


#: What stands for a secret where values are shown.
MASK = "********"


class ValueKind(NamedTuple):
    """How one kind of value is read.

    Attributes:
        parse: Takes a text or an argument's object, gives the value; raises ``ValueError``,
            ``TypeError`` or ``OverflowError`` where it cannot.
        expected: What is valid, as a phrase.
    """

    parse: Callable[[Any], Any]
    expected: str


_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off", ""})


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(text)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value.strip()


def _path(value: Any) -> str:
    return os.path.expanduser(str(os.fspath(value)))  # pyright: ignore[reportUnknownArgumentType]


def _url(value: Any) -> str:
    text = _text(value)
    if "://" not in text:
        # gRPC users write host:port; a scheme is the only thing missing.
        text = f"http://{text}"
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https", "grpc", "grpcs", "unix") or not parts.netloc:
        raise ValueError("not a URL")
    if any(character.isspace() for character in parts.netloc):
        raise ValueError("no host has spaces in its name")
    if parts.port == 0:  # Raises ValueError by itself for a port that is no number.
        raise ValueError("port 0")
    return text


def _number(low: float, high: float, *, whole: bool) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        if isinstance(value, bool):
            raise TypeError("a switch is no number")
        number = float(value)
        if not math.isfinite(number) or not low <= number <= high:
            raise ValueError("out of range")
        if not whole:
            return number
        if number != int(number):
            raise ValueError("not whole")
        return int(number)

    return parse


def _limit(value: Any) -> int | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    number: int = _number(0, 2**31 - 1, whole=True)(value)
    return number


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        parts: list[str] = [part.strip() for part in value.split(",")]
        return tuple(part for part in parts if part)
    items: list[Any] = list(value)
    if not all(isinstance(item, str) for item in items):
        raise TypeError("not texts")
    return tuple(items)


def _pairs(value: Any) -> dict[str, str]:
    """``a=1,b=2`` with percent-decoded values, as OTEL_RESOURCE_ATTRIBUTES and the headers have."""
    if isinstance(value, Mapping):
        mapping: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {str(key): str(item) for key, item in mapping.items()}
    if not isinstance(value, str):
        # The stock exporters take a sequence of pairs too.
        return {str(key): str(item) for key, item in value}
    pairs: dict[str, str] = {}
    for part in value.split(","):
        if not part.strip():
            continue
        key, sign, item = part.partition("=")
        if not sign or not key.strip():
            raise ValueError("a pair without '='")
        pairs[unquote(key.strip())] = unquote(item.strip())
    return pairs


def _attributes(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        mapping: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {str(key): item for key, item in mapping.items()}
    return dict(_pairs(value))


def _json_object(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return _attributes(value)
    found = json.loads(value)
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return {str(key): item for key, item in found.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _run_id(value: Any) -> str:
    text = _text(value)
    if not (0 < len(text) <= 128 and text.isascii() and text.isprintable() and " " not in text):
        raise ValueError(text)
    return text


def _anything(value: Any) -> Any:
    return value


SWITCH = ValueKind(_switch, "true or false")
TEXT = ValueKind(_text, "text")
PATH = ValueKind(_path, "a path")
URL = ValueKind(_url, "a URL such as http://localhost:4318")
MILLISECONDS = ValueKind(
    _number(0, 86_400_000, whole=True), "milliseconds as a whole number, e.g. 5000"
)
SECONDS = ValueKind(_number(0.001, 86_400, whole=False), "seconds as a number above 0, e.g. 10")
SHARE = ValueKind(_number(0, 1, whole=False), "a share from 0 to 1, e.g. 0.1")
DAYS = ValueKind(_number(0.001, 3650, whole=False), "days as a number above 0, e.g. 7")
COUNT = ValueKind(_number(1, 2**31 - 1, whole=True), "a whole number from 1 up, e.g. 512")
RETRIES = ValueKind(_number(0, 1000, whole=True), "a whole number from 0 up, e.g. 3")
BYTES = ValueKind(_number(65_536, 2**40, whole=True), "bytes as a whole number from 65536 up")
LIMIT = ValueKind(_limit, "a whole number from 0 up, or nothing for no limit")
NAMES = ValueKind(_names, "names separated by commas")
PAIRS = ValueKind(_pairs, "key=value pairs separated by commas")
ATTRIBUTES = ValueKind(_attributes, "key=value pairs separated by commas")
JSON_OBJECT = ValueKind(_json_object, 'a JSON object such as {"team": "shop"}')
RUN_ID = ValueKind(_run_id, "1 to 128 printable ASCII characters without spaces")
OBJECT = ValueKind(_anything, "an object")


def choice(*names: str) -> ValueKind:
    """One of these words, in any case."""

    def parse(value: Any) -> str:
        text = _text(value).lower()
        if text not in names:
            raise ValueError(text)
        return text

    return ValueKind(parse, "one of " + ", ".join(names))


def brief(raw: Any, *, len_max: int = 80) -> str:
    """A value for a message: short, without the password of a URL, whatever object it is."""
    try:
        text = raw if isinstance(raw, str) else repr(raw)
    except Exception:
        text = f"<{type(raw).__name__}>"
    return without_userinfo(text)[:len_max]


def without_userinfo(text: str) -> str:
    """A URL without ``user:password@``; other text unchanged."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if "@" not in parts.netloc:
        return text
    return urlunsplit(parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}"))
