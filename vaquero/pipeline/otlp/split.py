"""Halves an encoded export request that the backend finds too large, without decoding spans.

All three signals share the nesting: request -> resource group (field 1) -> scope group (field 2)
-> item (field 2). Whatever else a group holds (resource, scope, schema URLs) goes to both halves.
"""

from __future__ import annotations

from typing import NamedTuple

from vaquero.pipeline.otlp.responses import varint

_GROUP, _INNER = 1, 2


class _Item(NamedTuple):
    resource_rest: bytes  # the resource group without its scope groups
    scope_rest: bytes  # the scope group without its items
    raw: bytes  # the item's own field, key and length included


def halves(body: bytes) -> tuple[tuple[bytes, int], tuple[bytes, int]] | None:
    """Two requests ``(body, items)`` with the items of one; None where it holds fewer than two.

    Raises:
        ValueError: ``body`` is not an export request.
    """
    items = _items(body)
    if len(items) < 2:
        return None
    middle = len(items) // 2
    return (_join(items[:middle]), middle), (_join(items[middle:]), len(items) - middle)


def count_items(body: bytes) -> int:
    """Items in an export request (for metrics: metrics, not their points).

    Raises:
        ValueError: ``body`` is not an export request.
    """
    return len(_items(body))


def _items(body: bytes) -> list[_Item]:
    items: list[_Item] = []
    for number, _, group in _raw_fields(body):
        if number != _GROUP:
            continue
        scopes, resource_rest = _parted(group)
        for scope in scopes:
            raws, scope_rest = _parted(scope, keep_key=True)
            items += [_Item(resource_rest, scope_rest, raw) for raw in raws]
    return items


def _parted(message: bytes, *, keep_key: bool = False) -> tuple[list[bytes], bytes]:
    """The values of field 2, and all other fields as they lie."""
    inner: list[bytes] = []
    rest: list[bytes] = []
    for number, raw, value in _raw_fields(message):
        if number == _INNER:
            inner.append(raw if keep_key else value)
        else:
            rest.append(raw)
    return inner, b"".join(rest)


def _raw_fields(message: bytes) -> list[tuple[int, bytes, bytes]]:
    """``(number, the whole field, its value)`` of each field."""
    found: list[tuple[int, bytes, bytes]] = []
    at, size = 0, len(message)
    while at < size:
        start = at
        key, at = varint(message, at)
        kind = key & 7
        if kind == 0:
            _, end = varint(message, at)
        elif kind == 2:
            length, at = varint(message, at)
            end = at + length
        elif kind == 1:
            end = at + 8
        elif kind == 5:
            end = at + 4
        else:
            raise ValueError(f"wire type {kind}")
        if end > size:
            raise ValueError("truncated field")
        found.append((key >> 3, message[start:end], message[at:end]))
        at = end
    return found


def _join(items: list[_Item]) -> bytes:
    """One request; neighbours with the same resource and scope share their groups."""
    parts: list[bytes] = []
    at = 0
    while at < len(items):
        first = items[at]
        scopes: list[bytes] = []
        while at < len(items) and items[at].resource_rest == first.resource_rest:
            scope_rest = items[at].scope_rest
            raws: list[bytes] = []
            while (
                at < len(items)
                and items[at].scope_rest == scope_rest
                and items[at].resource_rest == first.resource_rest
            ):
                raws.append(items[at].raw)
                at += 1
            scopes.append(_field(_INNER, scope_rest + b"".join(raws)))
        parts.append(_field(_GROUP, first.resource_rest + b"".join(scopes)))
    return b"".join(parts)


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
