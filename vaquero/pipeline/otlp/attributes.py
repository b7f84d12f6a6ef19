"""Attributes in OTLP's wire format: sanitised, redacted and encoded in one pass, with caches.

Programs set the same few keys over and over, many with the same few values. So of each key is
remembered its encoded form, what redaction thinks of it, and the finished fields of values seen
before. A repeated attribute costs two look-ups in a dict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from vaquero.pipeline.otlp.limits import ValueLimits
from vaquero.pipeline.otlp.text import OVERLAP, cut_bytes, cut_text, freeze_safely, utf8, wire_key
from vaquero.pipeline.otlp.wire import READY, VARINTS, delimited, pack_double, varint
from vaquero.redaction import REDACTED, Redactor, Rule, is_secret
from vaquero.redaction.text import mask_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_KEYS = 2048
_MAX_KEY_CHARS = 1024
_CACHED_KEY_CHARS = 256
_CACHED_VALUE_CHARS = 512
#: What one key may hold of finished fields, and all keys of one encoder together.
_FIELDS_OF_A_KEY = 128
_FIELDS_OF_ALL = 8192
#: For how many spans the values of a key are not remembered after nearly none was seen again.
_PAUSE = 4096
_MAX_PATHS = 32
#: Sequences up to this length are encoded as they are where all items are plain scalars.
_DIRECT_ITEMS = 64
#: A container may take this many times the limit of a single text.
_CONTAINER_FACTOR = 16

_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_TEXTUAL = frozenset({str, bytes})
_SCALARS = frozenset({str, int, bool, float, bytes, type(None)})

#: Length of AnyValue, tag of ``string_value``, length of the text, for texts up to 112 bytes.
_SHORT_TEXT: tuple[bytes, ...] = tuple(bytes((n + 2, 0x0A, n)) for n in range(113))
_OFF, _SECRET, _TEXT = Rule.OFF, Rule.SECRET, Rule.TEXT
_TRUE, _FALSE = b"\x10\x01", b"\x10\x00"

REDACTED_KEY = "vaquero.redacted"


class RedactedPaths:
    """What was redacted in the span at hand: one per call of the codec, emptied for each span."""

    __slots__ = ("paths", "prefix")

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.prefix = ""

    def add(self, path: str) -> None:
        """Note a path, once, and at most 32 of them; a last ``...`` says that there were more."""
        path = self.prefix + path
        if path in self.paths or len(self.paths) > _MAX_PATHS:
            return
        self.paths.append(path if len(self.paths) < _MAX_PATHS else "...")


class _KnownKey:
    """All that is known of a key before its value is seen."""

    __slots__ = ("begun", "false", "head", "ints", "key", "paused", "rule", "size", "texts", "true")

    def __init__(self, tag: bytes, key: str, rule: Rule) -> None:
        encoded = utf8(key)
        self.key = key
        self.rule = rule
        self.head = b"".join((b"\x0a", varint(len(encoded)), encoded, b"\x12"))
        self.size = len(self.head)
        self.texts: dict[str, bytes] = {}
        self.ints: dict[int, bytes] = {}
        # By the encoder's count of spans: since when fields are kept, and until when they are not.
        self.begun = 0
        self.paused = 0
        self.true = _field(tag, self, _TRUE)
        self.false = _field(tag, self, _FALSE)


def _field(tag: bytes, known: _KnownKey, body: bytes) -> bytes:
    """A whole attribute: tag, length, key, and the AnyValue with this body."""
    size = len(body)
    length = varint(size)
    return b"".join((tag, varint(known.size + len(length) + size), known.head, length, body))


class AttributeEncoder:
    """Encodes attributes as fields of one number.

    Safe to use from several threads: the caches are plain dicts, and whoever loses a race only
    does work twice.

    Args:
        field: The field number of ``attributes`` in the message that holds them.
        redactor: Takes out what is secret; None to send all as it is.
        limits: How long values may be.
    """

    def __init__(self, field: int, redactor: Redactor | None, limits: ValueLimits) -> None:
        self._tag = bytes((field << 3 | 2,))
        self._redactor = redactor if redactor is not None and redactor.enabled else None
        self._limit = limits.value_bytes
        self._budget = limits.value_bytes * _CONTAINER_FACTOR
        self._judge = self._redactor.secret_key if self._redactor is not None else is_secret
        self._simple = self._redactor is not None and self._redactor.simple
        self._keys: dict[str, _KnownKey] = {}
        self._kept = 0
        self._count = 0

    def write(
        self, attributes: Mapping[Any, Any], out: list[bytes], redacted: RedactedPaths, most: int
    ) -> int:
        """Append the fields of these attributes to ``out``.

        Args:
            attributes: Keys and values of any kind; an exact dict for the fast path.
            out: Takes one finished field per attribute.
            redacted: Notes what was redacted.
            most: How many attributes are written; the first ones win.

        Returns:
            How many attributes were left out.
        """
        self._count += 1
        dropped = len(attributes) - most
        items: Iterable[tuple[Any, Any]] = attributes.items()
        if dropped > 0:
            items = [item for _, item in zip(range(most), items, strict=False)]
        keys = self._keys
        append = out.append
        for key, value in items:
            known = keys.get(key) or self._learn(key)
            kind = type(value)  # pyright: ignore[reportUnknownVariableType]
            if kind is str:
                append(known.texts.get(value) or self._text(known, value, redacted))
            elif kind is int:
                append(known.ints.get(value) or self._int(known, value, redacted))
            elif kind is bool:
                append(known.true if value else known.false)
            else:
                append(self._other(known, value, redacted))
        return dropped if dropped > 0 else 0

    def redacted_field(self, paths: list[str]) -> bytes:
        """The field of the attribute ``vaquero.redacted`` with these paths."""
        values = b"".join(delimited(1, delimited(1, utf8(path))) for path in paths)
        known = self._keys.get(REDACTED_KEY) or self._learn(REDACTED_KEY)
        return _field(self._tag, known, delimited(5, values))

    def _learn(self, key: object) -> _KnownKey:
        """What is known of a key that was never seen; remembered where that pays."""
        text = wire_key(key)
        rule = _OFF
        if self._redactor is not None:
            window = text[: _MAX_KEY_CHARS + OVERLAP]
            clean = self._redactor.clean_key(window)
            text = text if clean is window else clean
            rule = self._redactor.rule(window)
        known = _KnownKey(self._tag, cut_text(text, _MAX_KEY_CHARS), rule)
        # Only exact text is remembered: 1, 1.0 and True are one key to a dict, but three texts.
        if type(key) is str and len(key) <= _CACHED_KEY_CHARS:
            if len(self._keys) >= _MAX_KEYS:
                self._keys.clear()
                self._kept = 0
            self._keys[key] = known
        return known

    def _text(self, known: _KnownKey, value: str, redacted: RedactedPaths) -> bytes:
        if len(value) > self._limit:
            return self._other(known, value, redacted)
        clean: object = value
        if self._redactor is not None:
            if self._simple and known.rule is _TEXT:
                clean = mask_text(value, self._judge)
            else:
                clean = self._redactor.clean(known.rule, value)
            if clean is not value:
                clean = self._replaced(value, clean, known.key, redacted)
                if type(clean) is not str:
                    return _field(
                        self._tag, known, self.any_value(clean, _OFF, known.key, redacted)
                    )
                return _field(self._tag, known, _text_body(cut_text(clean, self._limit)))
        try:
            data = value.encode()
        except UnicodeEncodeError:
            data = utf8(value)
        size = len(data)
        if size < 113:
            total = known.size + size + 3
            length = VARINTS[total] if total < READY else varint(total)
            field = b"".join((self._tag, length, known.head, _SHORT_TEXT[size], data))
        else:
            field = _field(self._tag, known, _text_body(cut_text(value, self._limit)))
        if size <= _CACHED_VALUE_CHARS and known.paused < self._count:
            self._keep(known, known.texts, value, field)
        return field

    def _int(self, known: _KnownKey, value: int, redacted: RedactedPaths) -> bytes:
        if known.rule is _SECRET or not _MIN_INT <= value <= _MAX_INT:
            return self._other(known, value, redacted)
        number = VARINTS[value] if 0 <= value < READY else varint(value)
        size = len(number) + 1
        length = varint(known.size + size + 1)
        field = b"".join((self._tag, length, known.head, VARINTS[size], b"\x18", number))
        if known.paused < self._count:
            self._keep(known, known.ints, value, field)
        return field

    def _other(self, known: _KnownKey, value: object, redacted: RedactedPaths) -> bytes:
        return _field(self._tag, known, self.any_value(value, known.rule, known.key, redacted))

    def _keep(self, known: _KnownKey, fields: dict[Any, bytes], value: Any, field: bytes) -> None:
        """Remember a finished field.

        A full cache is emptied, which needs no bookkeeping on a hit. One that was full at once
        belongs to a key with ever new values, and nothing is kept for a while.
        """
        if not fields:
            known.begun = self._count
        elif len(fields) >= _FIELDS_OF_A_KEY:
            self._kept -= len(fields)
            fields.clear()
            if self._count - known.begun < _FIELDS_OF_A_KEY * 3 // 2:
                known.paused = self._count + _PAUSE
                return
            known.begun = self._count
        if self._kept >= _FIELDS_OF_ALL:
            self._keys.clear()
            self._kept = 0
        fields[value] = field
        self._kept += 1

    def any_value(self, value: object, rule: Rule, path: str, redacted: RedactedPaths) -> bytes:
        """The body of an AnyValue that holds a value of any kind."""
        kind = type(value)
        if kind is tuple or kind is list:
            items = cast("tuple[object, ...] | list[object]", value)
            if len(items) <= _DIRECT_ITEMS and all(type(item) in _SCALARS for item in items):
                return self._array(items, rule, path, redacted)
        if kind not in _SCALARS:
            value = freeze_safely(value)
        elif kind is int and not _MIN_INT <= cast("int", value) <= _MAX_INT:
            value = freeze_safely(value)
        return self._settled(value, rule, path, redacted)

    def _settled(self, value: object, rule: Rule, path: str, redacted: RedactedPaths) -> bytes:
        """The body of an AnyValue that holds a frozen value."""
        if value is None:
            return b""
        kind = type(value)
        if kind is bool:
            return _TRUE if value else _FALSE
        if kind is tuple:
            return self._array(cast("tuple[object, ...]", value), rule, path, redacted)
        if rule is not _OFF and (rule is _SECRET or kind in _TEXTUAL):
            clean = self._cleaned(value, rule, path, redacted)
            if clean is not value:
                return self._settled(clean, _OFF, path, redacted)
        if kind is str:
            return _text_body(cut_text(cast("str", value), self._limit))
        if kind is int:
            return b"\x18" + varint(cast("int", value))
        if kind is float:
            return b"\x21" + pack_double(value)
        if kind is bytes:
            return delimited(7, cut_bytes(cast("bytes", value), self._limit))
        if kind is dict:
            return self._mapping(cast("dict[str, object]", value), rule, path, redacted)
        return _text_body(cut_text(str(value), self._limit))

    def _cleaned(self, value: object, rule: Rule, path: str, redacted: RedactedPaths) -> object:
        """A text, or whatever stands under a secret key, without its secret."""
        redactor = cast("Redactor", self._redactor)
        if rule is _SECRET and type(value) not in _TEXTUAL:
            return self._replaced(value, REDACTED, path, redacted)
        if type(value) is bytes:
            # Latin-1 gives each byte one character, so what is found can be put back exactly.
            text = value[: self._limit + OVERLAP].decode("latin-1")
            clean = redactor.clean(rule, text)
            if clean is text:
                return value
            kept = self._replaced(value, clean, path, redacted)
            return kept.encode("latin-1", "replace") if type(kept) is str else kept
        text = cast("str", value)
        window = text[: self._limit + OVERLAP]
        clean = redactor.clean(rule, window)
        if clean is window:
            return text
        beyond = len(text) - len(window)
        if beyond:
            clean = f"{clean[: self._limit]}...[truncated {beyond}]"
        return self._replaced(text, clean, path, redacted)

    def _replaced(self, value: object, clean: object, path: str, redacted: RedactedPaths) -> object:
        """What stands for a value with a secret in it; the user's callback has the last word."""
        redactor = cast("Redactor", self._redactor)
        if redactor.callback is not None:
            kept = redactor.ask(redacted.prefix + path, value)
            if kept is not None:
                return freeze_safely(kept)
        redacted.add(path)
        return clean

    def _array(
        self, items: Iterable[object], rule: Rule, path: str, redacted: RedactedPaths
    ) -> bytes:
        out: list[bytes] = []
        size = 0
        left = len(cast("tuple[object, ...]", items))
        inner = rule
        for item in items:
            if size > self._budget:
                out.append(delimited(1, _text_body(f"...[truncated {left}]")))
                break
            body = self.any_value(item, inner, path, redacted)
            if rule is Rule.ARGUMENTS and self._redactor is not None:
                inner = self._redactor.rule_after(item)
            field = b"".join((b"\x0a", varint(len(body)), body))
            out.append(field)
            size += len(field)
            left -= 1
        return delimited(5, b"".join(out))

    def _mapping(
        self, value: dict[str, object], rule: Rule, path: str, redacted: RedactedPaths
    ) -> bytes:
        out: list[bytes] = []
        size = 0
        left = len(value)
        redactor = self._redactor
        for key, item in value.items():
            if size > self._budget:
                body = _text_body(f"...[truncated {left}]")
                out.append(_key_value("vaquero.cut", body))
                break
            name, inner = key, _OFF
            if redactor is not None and rule is not _OFF:
                name, inner = redactor.clean_key(key), redactor.rule(key)
            name = cut_text(name, _MAX_KEY_CHARS)
            field = _key_value(name, self._settled(item, inner, f"{path}.{name}", redacted))
            out.append(field)
            size += len(field)
            left -= 1
        return delimited(6, b"".join(out))


def _text_body(text: str) -> bytes:
    data = utf8(text)
    return b"".join((b"\x0a", varint(len(data)), data))


def _key_value(key: str, body: bytes) -> bytes:
    """An entry of a ``KeyValueList``."""
    return delimited(1, delimited(1, utf8(key)) + delimited(2, body))
