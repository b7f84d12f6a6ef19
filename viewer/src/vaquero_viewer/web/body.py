"""The body of a request: read up to a limit, and decompressed up to another."""

from __future__ import annotations

import zlib

import anyio
from starlette.requests import Request

from vaquero_viewer.errors import BadBody, BodyTooLarge, Unsupported

MAX_BODY_BYTES = 20 * 2**20
"""Largest body as sent; the Collector's own default."""

MAX_DECOMPRESSED_BYTES = 64 * 2**20
"""Largest body once decompressed; JSON may not be larger than :data:`MAX_BODY_BYTES` then."""

_READ_WITHIN_S = 30.0
_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, limit_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Read the body as it was sent.

    Raises:
        BodyTooLarge: As soon as more than ``limit_bytes`` are announced or have come.
        BadBody: If it does not come within 30 s.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit_bytes:
        raise BodyTooLarge(f"the body has {announced} bytes, the limit is {limit_bytes}")
    chunks: list[bytes] = []
    size = 0
    with anyio.move_on_after(_READ_WITHIN_S) as scope:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit_bytes:
                raise BodyTooLarge(f"the body has more than {limit_bytes} bytes, the limit")
            chunks.append(chunk)
    if scope.cancelled_caught:
        raise BadBody(f"the body did not come within {_READ_WITHIN_S:.0f} s")
    return b"".join(chunks)


def decompress(body: bytes, encoding: str, limit_bytes: int = MAX_DECOMPRESSED_BYTES) -> bytes:
    """Undo a ``Content-Encoding``.

    Never makes more than ``limit_bytes`` of it: a decompression bomb is stopped there, not
    after it has unfolded.

    Raises:
        BodyTooLarge: If it would be more.
        BadBody: If it is not gzip, or cut short.
        Unsupported: If the encoding is another than gzip and identity.
    """
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Unsupported(f"content encoding {encoding[:60]!r} is not supported: send gzip or none")
    parts: list[bytes] = []
    left = limit_bytes
    data = body
    try:
        # A gzip file may have several members, one after the other.
        while True:
            member = zlib.decompressobj(_GZIP)
            part = member.decompress(data, left + 1)
            left -= len(part)
            if left < 0:
                raise BodyTooLarge(f"the body unfolds to more than {limit_bytes} bytes, the limit")
            if not member.eof:
                raise BadBody("the gzip body is cut short")
            parts.append(part)
            data = member.unused_data
            if not data:
                return b"".join(parts)
    except zlib.error as error:
        raise BadBody(f"the body is not gzip: {error}") from None
