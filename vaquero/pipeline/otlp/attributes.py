"""Attributes in OTLP's wire format: sanitised, redacted and encoded in one pass, with caches.

Programs set the same few keys over and over, many with the same few values. So each key has a
*plan*: its encoded form, what redaction thinks of it, and the finished fields of values seen
before. A repeated attribute costs two look-ups in a dict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from vaquero.pipeline.otlp.limits import ValueLimits
from vaquero.pipeline.otlp.text import OVERLAP, cut_bytes, cut_text, frozen, key_of, utf8
from vaquero.pipeline.otlp.wire import READY, VARINTS, delimited, pack_double, varint
from vaquero.redaction import REDACTED, Redactor, Rule, is_secret
from vaquero.redaction.text import mask_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_PLANS = 2048
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


class Trail:
    """What was redacted in the span at hand: one per call of the codec, emptied for each span."""

    __slots__ = ("paths", "where")

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.where = ""

    def add(self, path: str) -> None:
        """Note a path, once, and at most 32 of them; a last ``...`` says that there were more."""
        path = self.where + path
        if path in self.paths or len(self.paths) > _MAX_PATHS:
            return
        self.paths.append(path if len(self.paths) < _MAX_PATHS else "...")


class _Plan:
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


def _field(tag: bytes, plan: _Plan, body: bytes) -> bytes:
    """A whole attribute: tag, length, key, and the AnyValue with this body."""
    size = len(body)
    length = varint(size)
    return b"".join((tag, varint(plan.size + len(length) + size), plan.head, length, body))


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
        self._plans: dict[str, _Plan] = {}
        self._kept = 0
        self._count = 0

    def write(
        self, attributes: Mapping[Any, Any], out: list[bytes], trail: Trail, most: int
    ) -> int:
        """Append the fields of these attributes to ``out``.

        Args:
            attributes: Keys and values of any kind; an exact dict for the fast path.
            out: Takes one finished field per attribute.
            trail: Notes what was redacted.
            most: How many attributes are written; the first ones win.

        Returns:
            How many attributes were left out.
        """
        self._count += 1
        dropped = len(attributes) - most
        items: Iterable[tuple[Any, Any]] = attributes.items()
        if dropped > 0:
            items = [item for _, item in zip(range(most), items, strict=False)]
        plans = self._plans
        append = out.append
        for key, value in items:
            plan = plans.get(key) or self._plan(key)
            kind = type(value)  # pyright: ignore[reportUnknownVariableType]
            if kind is str:
                append(plan.texts.get(value) or self._text(plan, value, trail))
            elif kind is int:
                append(plan.ints.get(value) or self._int(plan, value, trail))
            elif kind is bool:
                append(plan.true if value else plan.false)
            else:
                append(self._other(plan, value, trail))
        return dropped if dropped > 0 else 0

    def said(self, paths: list[str]) -> bytes:
        """The field of the attribute ``vaquero.redacted`` with these paths."""
        values = b"".join(delimited(1, delimited(1, utf8(path))) for path in paths)
        plan = self._plans.get(REDACTED_KEY) or self._plan(REDACTED_KEY)
        return _field(self._tag, plan, delimited(5, values))

    def _plan(self, key: object) -> _Plan:
        """The plan of a key seen for the first time."""
        text = key_of(key)
        rule = _OFF
        if self._redactor is not None:
            window = text[: _MAX_KEY_CHARS + OVERLAP]
            clean = self._redactor.clean_key(window)
            text = text if clean is window else clean
            rule = self._redactor.rule(window)
        plan = _Plan(self._tag, cut_text(text, _MAX_KEY_CHARS), rule)
        # Only exact text is remembered: 1, 1.0 and True are one key to a dict, but three texts.
        if type(key) is str and len(key) <= _CACHED_KEY_CHARS:
            if len(self._plans) >= _MAX_PLANS:
                self._plans.clear()
                self._kept = 0
            self._plans[key] = plan
        return plan

    def _text(self, plan: _Plan, value: str, trail: Trail) -> bytes:
        if len(value) > self._limit:
            return self._other(plan, value, trail)
        clean: object = value
        if self._redactor is not None:
            if self._simple and plan.rule is _TEXT:
                clean = mask_text(value, self._judge)
            else:
                clean = self._redactor.clean(plan.rule, value)
            if clean is not value:
                clean = self._replaced(value, clean, plan.key, trail)
                if type(clean) is not str:
                    return _field(self._tag, plan, self.any_value(clean, _OFF, plan.key, trail))
                return _field(self._tag, plan, _text_body(cut_text(clean, self._limit)))
        try:
            data = value.encode()
        except UnicodeEncodeError:
            data = utf8(value)
        size = len(data)
        if size < 113:
            total = plan.size + size + 3
            length = VARINTS[total] if total < READY else varint(total)
            field = b"".join((self._tag, length, plan.head, _SHORT_TEXT[size], data))
        else:
            field = _field(self._tag, plan, _text_body(cut_text(value, self._limit)))
        if size <= _CACHED_VALUE_CHARS and plan.paused < self._count:
            self._keep(plan, plan.texts, value, field)
        return field

    def _int(self, plan: _Plan, value: int, trail: Trail) -> bytes:
        if plan.rule is _SECRET or not _MIN_INT <= value <= _MAX_INT:
            return self._other(plan, value, trail)
        number = VARINTS[value] if 0 <= value < READY else varint(value)
        size = len(number) + 1
        length = varint(plan.size + size + 1)
        field = b"".join((self._tag, length, plan.head, VARINTS[size], b"\x18", number))
        if plan.paused < self._count:
            self._keep(plan, plan.ints, value, field)
        return field

    def _other(self, plan: _Plan, value: object, trail: Trail) -> bytes:
        return _field(self._tag, plan, self.any_value(value, plan.rule, plan.key, trail))

    def _keep(self, plan: _Plan, fields: dict[Any, bytes], value: Any, field: bytes) -> None:
        """Remember a finished field.

        A full cache starts anew, which needs no bookkeeping on a hit. One that was full at once
        belongs to a key with ever new values, and rests for a while.
        """
        if not fields:
            plan.begun = self._count
        elif len(fields) >= _FIELDS_OF_A_KEY:
            self._kept -= len(fields)
            fields.clear()
            if self._count - plan.begun < _FIELDS_OF_A_KEY * 3 // 2:
                plan.paused = self._count + _PAUSE
                return
            plan.begun = self._count
        if self._kept >= _FIELDS_OF_ALL:
            self._plans.clear()
            self._kept = 0
        fields[value] = field
        self._kept += 1

    def any_value(self, value: object, rule: Rule, path: str, trail: Trail) -> bytes:
        """The body of an AnyValue that holds a value of any kind."""
        kind = type(value)
        if kind is tuple or kind is list:
            items = cast("tuple[object, ...] | list[object]", value)
            if len(items) <= _DIRECT_ITEMS and all(type(item) in _SCALARS for item in items):
                return self._array(items, rule, path, trail)
        if kind not in _SCALARS:
            value = frozen(value)
        elif kind is int and not _MIN_INT <= cast("int", value) <= _MAX_INT:
            value = frozen(value)
        return self._settled(value, rule, path, trail)

    def _settled(self, value: object, rule: Rule, path: str, trail: Trail) -> bytes:
        """The body of an AnyValue that holds a frozen value."""
        if value is None:
            return b""
        kind = type(value)
        if kind is bool:
            return _TRUE if value else _FALSE
        if kind is tuple:
            return self._array(cast("tuple[object, ...]", value), rule, path, trail)
        if rule is not _OFF and (rule is _SECRET or kind in _TEXTUAL):
            clean = self._cleaned(value, rule, path, trail)
            if clean is not value:
                return self._settled(clean, _OFF, path, trail)
        if kind is str:
            return _text_body(cut_text(cast("str", value), self._limit))
        if kind is int:
            return b"\x18" + varint(cast("int", value))
        if kind is float:
            return b"\x21" + pack_double(value)
        if kind is bytes:
            return delimited(7, cut_bytes(cast("bytes", value), self._limit))
        if kind is dict:
            return self._mapping(cast("dict[str, object]", value), rule, path, trail)
        return _text_body(cut_text(str(value), self._limit))

    def _cleaned(self, value: object, rule: Rule, path: str, trail: Trail) -> object:
        """A text, or whatever stands under a secret key, without its secret."""
        redactor = cast("Redactor", self._redactor)
        if rule is _SECRET and type(value) not in _TEXTUAL:
            return self._replaced(value, REDACTED, path, trail)
        if type(value) is bytes:
            # Latin-1 gives each byte one character, so what is found can be put back exactly.
            text = value[: self._limit + OVERLAP].decode("latin-1")
            clean = redactor.clean(rule, text)
            if clean is text:
                return value
            kept = self._replaced(value, clean, path, trail)
            return kept.encode("latin-1", "replace") if type(kept) is str else kept
        text = cast("str", value)
        window = text[: self._limit + OVERLAP]
        clean = redactor.clean(rule, window)
        if clean is window:
            return text
        beyond = len(text) - len(window)
        if beyond:
            clean = f"{clean[: self._limit]}...[truncated {beyond}]"
        return self._replaced(text, clean, path, trail)

    def _replaced(self, value: object, clean: object, path: str, trail: Trail) -> object:
        """What stands for a value with a secret in it; the user's callback has the last word."""
        redactor = cast("Redactor", self._redactor)
        if redactor.callback is not None:
            kept = redactor.ask(trail.where + path, value)
            if kept is not None:
                return frozen(kept)
        trail.add(path)
        return clean

    def _array(self, items: Iterable[object], rule: Rule, path: str, trail: Trail) -> bytes:
        out: list[bytes] = []
        size = 0
        left = len(cast("tuple[object, ...]", items))
        inner = rule
        for item in items:
            if size > self._budget:
                out.append(delimited(1, _text_body(f"...[truncated {left}]")))
                break
            body = self.any_value(item, inner, path, trail)
            if rule is Rule.ARGUMENTS and self._redactor is not None:
                inner = self._redactor.rule_after(item)
            field = b"".join((b"\x0a", varint(len(body)), body))
            out.append(field)
            size += len(field)
            left -= 1
        return delimited(5, b"".join(out))

    def _mapping(self, value: dict[str, object], rule: Rule, path: str, trail: Trail) -> bytes:
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
            field = _key_value(name, self._settled(item, inner, f"{path}.{name}", trail))
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
