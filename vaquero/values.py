"""Any Python value as a valid OpenTelemetry attribute value.

:func:`freeze` takes whatever the application has at hand and gives what OTLP can carry: text,
bool, int of 64 bits, float, bytes, None, tuples of these and dicts with text keys. It never raises
and never warns, copies what the caller may change later, and does bounded work. A remark
stands in the place of what was cut.

:func:`plain` narrows that further to what spans took before mappings and None were allowed, and
:func:`json_text` writes a frozen value as JSON. ``docs/values.md`` shows how each kind arrives.
"""

from __future__ import annotations

import base64
import collections
import dataclasses
import datetime
import enum
import json
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence, Set, ValuesView
from itertools import islice
from typing import Any, TypeAlias, cast

Frozen: TypeAlias = (
    "str | bool | int | float | bytes | tuple[Frozen, ...] | dict[str, Frozen] | None"
)

#: Levels of containers that are followed; deeper ones arrive as a mark. A mapping is three
#: messages, and most receivers refuse a whole request that nests more than 100 of them.
MAX_DEPTH = 30
#: Elements of containers that are taken from one value, over all its levels.
MAX_ITEMS = 10_000
#: Characters and bytes that are taken from one value, over all its levels.
MAX_TEXT = 1_048_576
#: Bits up to which an integer too large for 64 bits is written out in decimal.
MAX_DECIMAL_BITS = 2_048

#: What stands in a mapping for the entries that were cut.
CUT_KEY = "vaquero.cut"

_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
#: Modules that are left out of qualified names.
_UNNAMED = frozenset({"", "builtins"})
_AS_IT_IS = frozenset({bool, float, type(None)})
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
#: These stop a program or a task; they are not ours to swallow.
_LET_PASS = (KeyboardInterrupt, SystemExit, GeneratorExit)
_NAMED = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
)


def freeze(value: object) -> Frozen:
    """The value as OTLP can carry it; a copy where it could change.

    Args:
        value: Anything at all.

    Returns:
        Text, bool, int of 64 bits, float, bytes, None, a tuple of such values, or a dict of such
        values under non-empty text keys. Lone surrogates in text stay: the encoder settles them.
    """
    kind = type(value)
    if kind is str:
        text = cast("str", value)
        return text if len(text) <= MAX_TEXT else _shortened(text, MAX_TEXT)
    if kind in _AS_IT_IS:
        return cast("Frozen", value)
    if kind is int:
        return _whole_number(cast("int", value))
    return _Freezer().value(value, 0)


class _Freezer:
    """Freezes one value: what is left of its bounds, and the containers it stands in."""

    __slots__ = ("items_left", "path", "text_left")

    def __init__(self) -> None:
        self.items_left = MAX_ITEMS
        self.text_left = MAX_TEXT
        self.path: set[int] = set()

    def value(self, value: Any, depth: int) -> Frozen:
        kind = cast("type[Any]", type(value))
        if kind is str:
            return self.text(value)
        if kind in _AS_IT_IS:
            return value
        if kind is int:
            return _whole_number(value)
        try:
            return self._other(value, kind, depth)
        except _LET_PASS:
            raise
        except BaseException as error:
            return f"<{_name_of(kind)}: not readable ({_name_of(type(error))})>"

    def text(self, text: str) -> str:
        size = len(text)
        if size <= self.text_left:
            self.text_left -= size
            return text
        kept, self.text_left = self.text_left, 0
        return _shortened(text, kept)

    def _other(self, value: Any, kind: type[Any], depth: int) -> Frozen:
        if kind is dict or kind is list or kind is tuple:
            return self._inside(value, kind, depth)
        # By class and not by ``isinstance``: a proxy may claim a class whose methods it lacks.
        if issubclass(kind, enum.Enum):
            return self._member(value)
        if issubclass(kind, str):
            return self.text(str.__str__(value))
        if issubclass(kind, int):
            return _whole_number(int.__int__(value))
        if issubclass(kind, float):
            return float.__float__(value)
        if issubclass(kind, (bytes, bytearray, memoryview)):
            return self._bytes(value)
        if issubclass(kind, (datetime.date, datetime.time)):
            return value.isoformat()
        if issubclass(kind, datetime.timedelta):
            return value.total_seconds()
        if issubclass(kind, BaseException):
            return self.text(f"{qualified_name(kind)}: {value}")
        if issubclass(kind, _NAMED):
            return self.text(qualified_name(value))
        if issubclass(kind, collections.UserString):
            return self.text(str(value))
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
            return self._numpy(value, depth)
        return self._inside(value, kind, depth)

    def _inside(self, value: Any, kind: type[Any], depth: int) -> Frozen:
        """Containers and objects with fields: what needs a guard against cycles and depth."""
        take = _taker_of(value, kind)
        if take is None:
            return self._described(value, kind)
        identity = id(value)
        if identity in self.path:
            return f"<cycle: {_name_of(kind)}>"
        if depth >= MAX_DEPTH:
            return f"<deeper than {MAX_DEPTH} levels: {_name_of(kind)}>"
        self.path.add(identity)
        try:
            return take(self, value, depth + 1)
        finally:
            self.path.discard(identity)

    def _described(self, value: Any, kind: type[Any]) -> str:
        if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
            # The default text holds nothing but an address, another one in each run.
            return f"<{qualified_name(kind)}>"
        text = str.__str__(str(value))
        return self.text(_ADDRESS.sub("", text) if " at 0x" in text else text)

    def _member(self, value: enum.Enum) -> Frozen:
        if isinstance(value, str):
            return self.text(str.__str__(value))
        if isinstance(value, int):
            return _whole_number(int.__int__(value))
        return self.text(str(value.name) if value.name else str(value))

    def _bytes(self, value: bytes | bytearray | memoryview) -> Frozen:
        size = value.nbytes if isinstance(value, memoryview) else len(value)
        if size <= self.text_left:
            self.text_left -= size
            return value.tobytes() if isinstance(value, memoryview) else bytes(memoryview(value))
        # Bytes can hold no remark: as text with the beginning in hexadecimal they can.
        flat = memoryview(value).cast("B")
        start = bytes(flat[:64]).hex()
        return f"{start}... [{size - min(size, 64)} of {size} bytes cut]"

    def _numpy(self, value: Any, depth: int) -> Frozen:
        numpy = sys.modules["numpy"]
        if isinstance(value, numpy.ndarray) and value.ndim:
            if value.size <= self.items_left:
                return self.value(value.tolist(), depth)
            if value.ndim > 1:
                return f"<array of shape {value.shape} and type {value.dtype}>"
            kept = self.items_left
            mark = (f"... {value.size - kept} more items cut",)
            return cast("tuple[Frozen, ...]", self.value(value[:kept].tolist(), depth)) + mark
        if value.dtype.kind in "mM":
            return str(value)
        plain = value.item()
        return str(value) if isinstance(plain, numpy.generic) else self.value(plain, depth)

    def sequence(
        self, value: Iterable[Any], depth: int, total: int | None = None
    ) -> tuple[Frozen, ...]:
        taken: list[Frozen] = []
        try:
            for item in value:
                if self.items_left <= 0:
                    taken.append(f"... {_remaining(value, total, len(taken))} items cut")
                    break
                self.items_left -= 1
                taken.append(self.value(item, depth))
        except _LET_PASS:
            raise
        except BaseException as error:
            taken.append(f"<iteration failed: {_name_of(type(error))}>")
        return tuple(taken)

    def exact(self, value: list[Any] | tuple[Any, ...], depth: int) -> tuple[Frozen, ...]:
        # One slice is one step for other threads: the list cannot grow under the loop.
        return self.sequence(value[: self.items_left + 1], depth, len(value))

    def unordered(self, value: Set[Any], depth: int) -> tuple[Frozen, ...]:
        items: list[Any] = list(islice(value, self.items_left + 1))
        kinds: set[type] = {type(item) for item in items}
        if kinds == {str} or kinds <= {int, float}:
            # The order of a set of texts is another one in each process.
            items.sort()
        return self.sequence(items, depth, len(value))

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Frozen]:
        taken: dict[str, Frozen] = {}
        try:
            entries: Iterable[tuple[Any, Any]] = islice(value.items(), self.items_left + 1)
            if type(value) is dict:
                entries = tuple(entries)  # One step for other threads, as above.
            for key, item in entries:
                if self.items_left <= 0:
                    taken[CUT_KEY] = f"... {_remaining(value, None, len(taken))} entries cut"
                    break
                self.items_left -= 1
                taken[self._key(key)] = self.value(item, depth)
        except _LET_PASS:
            raise
        except BaseException as error:
            taken[CUT_KEY] = f"<iteration failed: {_name_of(type(error))}>"
        return taken

    def _key(self, key: Any) -> str:
        if type(key) is not str:
            frozen = self.value(key, MAX_DEPTH - 1)
            key = frozen if isinstance(frozen, str) else str(frozen)
        return self.text(key) or "<empty>"

    def fields(self, value: Any, names: Iterable[str], depth: int) -> dict[str, Frozen]:
        """The named attributes as a mapping; one that is missing is left out."""
        taken: dict[str, Frozen] = {}
        for name in names:
            try:
                item = getattr(value, name)
            except AttributeError:
                continue
            except _LET_PASS:
                raise
            except BaseException as error:
                item = f"<not readable ({_name_of(type(error))})>"
            if self.items_left <= 0:
                taken[CUT_KEY] = "... further fields cut"
                break
            self.items_left -= 1
            taken[name] = self.value(item, depth)
        return taken


_Take: TypeAlias = Callable[[_Freezer, Any, int], Frozen]


def _taker_of(value: Any, kind: type[Any]) -> _Take | None:
    """How the inside of this value is read; None where it is no container."""
    if kind is dict:
        return _Freezer.mapping
    if kind is list or kind is tuple:
        return _Freezer.exact
    names = _field_names(kind)
    if names is not None:
        return lambda freezer, owner, depth: freezer.fields(owner, names, depth)
    if isinstance(value, Mapping):
        return _Freezer.mapping
    if isinstance(value, Set):
        return _Freezer.unordered
    if isinstance(value, (Sequence, ValuesView)):
        return _Freezer.sequence
    return None


def _field_names(kind: type[Any]) -> list[str] | None:
    """Fields of dataclasses, pydantic and attrs classes, but those kept out of their ``repr``.

    ``repr=False`` is how authors mark what must not be shown, so it is not sent either.
    """
    if hasattr(kind, "__dataclass_fields__"):
        return [field.name for field in dataclasses.fields(kind) if field.repr]
    if hasattr(kind, "__attrs_attrs__"):
        return [field.name for field in kind.__attrs_attrs__ if field.repr]
    if hasattr(kind, "__pydantic_core_schema__") and hasattr(kind, "model_fields"):
        return [name for name, field in kind.model_fields.items() if field.repr]
    return None


def plain(value: Frozen) -> str | bool | int | float | tuple[Any, ...] | None:
    """A frozen value as every OpenTelemetry SDK takes it for a span: scalars and even sequences.

    Args:
        value: What :func:`freeze` gave.

    Returns:
        Scalars as they are, sequences of one scalar type as they are, bytes as text (UTF-8, else
        base64), everything else as JSON text. None stays None: such an attribute is left out.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, bytes):
        return _bytes_text(value)
    if isinstance(value, tuple):
        kinds = {type(item) for item in value if item is not None}
        if len(kinds) <= 1 and kinds <= {str, bool, int, float}:
            return value
    return json_text(value)


def json_text(value: Frozen) -> str:
    """A frozen value as JSON text: bytes as text, numbers that JSON lacks as text."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_bytes_text)
    except ValueError:
        return json.dumps(_without_nan(value), ensure_ascii=False, default=_bytes_text)


def _without_nan(value: Frozen) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return str(value)
    if isinstance(value, tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return value


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")


def _whole_number(value: int) -> int | str:
    if _MIN_INT <= value <= _MAX_INT:
        return value
    bits = value.bit_length()
    # Writing out a huge number takes quadratic time, and Python refuses beyond 4 300 digits.
    return str(value) if bits <= MAX_DECIMAL_BITS else f"<int of {bits} bits>"


def _shortened(text: str, kept: int) -> str:
    return f"{text[:kept]}... [{len(text) - kept} of {len(text)} characters cut]"


def _remaining(value: Any, total: int | None, taken: int) -> str:
    try:
        left = (len(value) if total is None else total) - taken
    except Exception:
        return "more"
    return f"{left} more" if left > 0 else "more"


def qualified_name(value: Any) -> str:
    """``module.qualname`` of a class or function, without the module for builtins."""
    name = str(getattr(value, "__qualname__", None) or _name_of(type(value)))
    module = getattr(value, "__module__", None)
    return f"{module}.{name}" if isinstance(module, str) and module not in _UNNAMED else name


def _name_of(kind: Any) -> str:
    try:
        return str.__str__(kind.__name__)[:200]
    except Exception:
        return "object"
