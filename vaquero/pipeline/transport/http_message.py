"""One HTTP/1.1 request and its answer, as bytes (RFC 9112).

``http.client`` would do, but it brings the parsers of e-mail along and a TLS library into programs
that never speak TLS: a quarter of what starting vaquero costs. An answer comes from a stranger, so
every part of it is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vaquero.pipeline.otlp import responses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Status line and headers of one answer; a server that needs more is none.
MAX_HEAD_BYTES = 64 * 1024
#: The line in front of a chunk: its size and extensions that nobody uses.
MAX_CHUNK_LINE_BYTES = 1024
#: Interim answers (100, 103) before the one that counts.
MAX_INTERIM = 8

# Sets and not patterns: compiling half a dozen takes longer than all that they would check.
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")

#: The framing is ours to say.
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class NotHttp(Exception):
    """What came back is no answer in HTTP/1.1; the text is safe to log."""


class Answer(NamedTuple):
    """What a server answered.

    Attributes:
        status: 100 to 999.
        reason: The words behind the status, as the server wrote them.
        headers: By lower-case name; of several of one name, joined with commas.
        body: At most 64 KiB of it.
        keep: Whether the connection can serve another request.
    """

    status: int
    reason: bytes
    headers: dict[str, str]
    body: bytes
    keep: bool

    @property
    def kind(self) -> str:
        """The media type in lower case, without parameters; empty for none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def request_head(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Request line and headers, without the empty line that ends them.

    Raises:
        ValueError: Something in them cannot be sent; its text quotes nothing.
    """
    if not target.isascii() or not target.isprintable() or " " in target:
        raise ValueError("the path has characters that a request cannot have")
    lines = [f"{method} {target} HTTP/1.1"]
    for name, value in headers:
        lower = name.lower()
        if not name or not _TOKEN.issuperset(lower) or any(c in value for c in "\r\n\0"):
            raise ValueError("a header cannot be sent")
        if lower not in _FRAMING:
            lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")


def host_header(host: str, port: int, default_port: int) -> str:
    """The value of ``Host``: brackets around an IPv6 address, the port where it must be written."""
    name = f"[{host}]" if ":" in host else host
    if not name.isascii():
        name = name.encode("idna").decode()
    return name if port == default_port else f"{name}:{port}"


def read_answer(receive: Callable[[], bytes]) -> Answer:
    """Read one answer.

    Args:
        receive: Gives the next bytes, empty at the end of the stream; what it raises before the
            body passes, and in the body ends it: what cannot be read does not unsay a status.

    Raises:
        NotHttp: It is none.
        ConnectionError: The stream ended before there was a status.
    """
    stream = _Stream(receive)
    for _ in range(MAX_INTERIM):
        is_old, status, reason = _status(stream)
        headers = _headers(stream)
        if status >= 200 or status == 101:
            break
    else:
        raise NotHttp("answered with nothing but interim answers")
    keep = _keeps(headers, is_old=is_old)
    if status in (101, 204, 304):
        return Answer(status, reason, headers, b"", keep and status != 101 and stream.is_empty)
    try:
        body, whole = _body(stream, headers)
    except (OSError, NotHttp):
        body, whole = b"", False
    return Answer(status, reason, headers, body, keep and whole and stream.is_empty)


class _Stream:
    """Lines and pieces of what arrives."""

    __slots__ = ("_at", "_data", "_receive")

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._data = b""
        self._at = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing has arrived that was not asked for."""
        return self._at >= len(self._data)

    def _more(self) -> bool:
        piece = self._receive()
        if not piece:
            return False
        self._data = self._data[self._at :] + piece
        self._at = 0
        return True

    def line(self, limit: int) -> bytes | None:
        """The next line without its end; None where the stream ends first.

        Raises:
            NotHttp: It is longer than ``limit`` bytes.
        """
        searched = self._at
        while True:
            end = self._data.find(b"\n", searched)
            if end >= 0:
                break
            known = len(self._data) - self._at
            if known > limit or not self._more():
                if known > limit:
                    raise NotHttp("answered with a line that does not end")
                return None
            searched = known
        line = self._data[self._at : end]
        self._at = end + 1
        if len(line) > limit:
            raise NotHttp("answered with a line that is too long")
        return line[:-1] if line.endswith(b"\r") else line

    def take(self, size: int) -> bytes:
        """Exactly this many bytes; fewer where the stream ends first."""
        parts: list[bytes] = []
        while size > 0:
            if self._at >= len(self._data) and not self._more():
                break
            part = self._data[self._at : self._at + size]
            self._at += len(part)
            size -= len(part)
            parts.append(part)
        return b"".join(parts)


def _status(stream: _Stream) -> tuple[bool, int, bytes]:
    """Whether it is HTTP/1.0, the status, and the words behind it."""
    line = stream.line(MAX_HEAD_BYTES)
    if line is None:
        raise ConnectionError("the server closed the connection without an answer")
    version, _, rest = line.partition(b" ")
    code, _, reason = rest.lstrip().partition(b" ")
    if not (
        version.startswith(b"HTTP/1.") and code.isdigit() and len(code) == 3 and code >= b"100"
    ):
        raise NotHttp(f"answered no valid HTTP: {responses.printable(line, 60)}")
    return version == b"HTTP/1.0", int(code), reason.strip()


def _headers(stream: _Stream) -> dict[str, str]:
    left = MAX_HEAD_BYTES
    found: dict[str, str] = {}
    last = ""
    while line := stream.line(left):
        left = max(0, left - len(line) - 2)
        text = line.decode("latin-1")
        if text[0] in " \t" and last:
            found[last] += f" {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        if not colon:
            continue  # Odd, but a status came before it: asking again would send twice.
        last, value = name.strip().lower(), value.strip()
        found[last] = f"{found[last]}, {value}" if last in found else value
    return found


def _keeps(headers: dict[str, str], *, is_old: bool) -> bool:
    options = headers.get("connection", "").lower()
    return "close" not in options and (not is_old or "keep-alive" in options)


def _body(stream: _Stream, headers: dict[str, str]) -> tuple[bytes, bool]:
    """At most 64 KiB of the body, and whether that was all and its end is known."""
    most = responses.MAX_REPLY_BYTES
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() == "chunked":
            return _chunks(stream, most)
        return stream.take(most), False
    size = headers.get("content-length", "")
    if not (size.isascii() and size.isdigit() and len(size) < 19):
        return stream.take(most), False  # It ends with the connection.
    wanted = int(size)
    body = stream.take(min(wanted, most))
    return body, len(body) == wanted


def _chunks(stream: _Stream, most: int) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    while True:
        line = stream.line(MAX_CHUNK_LINE_BYTES)
        digits = b"" if line is None else line.partition(b";")[0].strip()
        if not 0 < len(digits) < 16 or not _HEXADECIMAL.issuperset(digits):
            raise NotHttp("answered with a chunk that has no size")
        size = int(digits, 16)
        if size == 0:
            break
        part = stream.take(min(size, most))
        most -= len(part)
        parts.append(part)
        if len(part) < size:
            return b"".join(parts), False
        if stream.line(2) != b"":
            raise NotHttp("answered with a chunk that does not end")
    _headers(stream)  # trailers
    return b"".join(parts), True
