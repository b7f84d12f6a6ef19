"""Halves an encoded export request that the backend finds too large, without decoding spans.

All three signals share the nesting: request -> resource group (field 1) -> scope group (field 2)
-> item (field 2). Whatever else a group holds (resource, scope, schema URLs) goes to both halves.
"""

from __future__ import annotations

from typing import NamedTuple

from vaquero.pipeline.otlp.wire import delimited, read_raw_fields

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


def _items(body: bytes) -> list[_Item]:
    items: list[_Item] = []
    for number, _, group in read_raw_fields(body):
        if number != _GROUP:
            continue
        if not isinstance(group, bytes):
            raise ValueError("a resource group that is no message")
        scopes, resource_rest = _inner_and_rest(group)
        for scope in scopes:
            raws, scope_rest = _inner_and_rest(scope, keep_key=True)
            items += [_Item(resource_rest, scope_rest, raw) for raw in raws]
    return items


def _inner_and_rest(message: bytes, *, keep_key: bool = False) -> tuple[list[bytes], bytes]:
    """The values of field 2, and all other fields as they lie."""
    inner: list[bytes] = []
    rest: list[bytes] = []
    for number, raw, value in read_raw_fields(message):
        if number != _INNER:
            rest.append(raw)
        elif not isinstance(value, bytes):
            raise ValueError("a scope group or an item that is no message")
        else:
            inner.append(raw if keep_key else value)
    return inner, b"".join(rest)


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
            scopes.append(delimited(_INNER, scope_rest + b"".join(raws)))
        parts.append(delimited(_GROUP, first.resource_rest + b"".join(scopes)))
    return b"".join(parts)
