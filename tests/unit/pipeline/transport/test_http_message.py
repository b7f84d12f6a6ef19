"""HTTP/1.1 by hand: requests as bytes, and answers of servers that are kind, odd and hostile."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from vaquero.pipeline.otlp.responses import MAX_REPLY_BYTES
from vaquero.pipeline.transport.http_message import (
    MAX_CHUNK_LINE_BYTES,
    MAX_HEAD_BYTES,
    MAX_INTERIM,
    Answer,
    NotHttp,
    host_header,
    read_answer,
    request_head,
)

OK = b"HTTP/1.1 200 OK\r\n"
#: The longest piece that a read gives.
PIECE = 16384


class Pieces:
    """A stream of what is given, in pieces of the sizes given; counts what was taken."""

    def __init__(self, data: bytes, sizes: list[int] | None = None) -> None:
        self._data = data
        self._sizes = sizes or [PIECE]
        self._reads = 0
        self.taken = 0

    def __call__(self) -> bytes:
        size = self._sizes[self._reads % len(self._sizes)]
        self._reads += 1
        piece = self._data[self.taken : self.taken + size]
        self.taken += len(piece)
        return piece


def read(data: bytes, sizes: list[int] | None = None) -> Answer:
    return read_answer(Pieces(data, sizes))


@pytest.mark.parametrize(
    ("data", "status", "body", "keep"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", 200, b"abc", True),
        (OK + b"Content-Length: 0\r\n\r\n", 200, b"", True),
        (OK + b"content-LENGTH:3\n\nabc", 200, b"abc", True),
        (OK + b"Content-Length: 3\r\nConnection: Close\r\n\r\nabc", 200, b"abc", False),
        (OK + b"Content-Length: 3\r\n\r\nabcHTTP", 200, b"abc", False),
        (OK + b"Content-Length: 5\r\n\r\nabc", 200, b"abc", False),
        (OK + b"Content-Length: -5\r\n\r\nabc", 200, b"abc", False),
        (OK + b"\r\nabc", 200, b"abc", False),
        (OK, 200, b"", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, b"a", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\na",
         200, b"a", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, b"abc", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nA: b\r\n\r\n",
         200, b"abc", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nab", 200, b"ab", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", 200, b"", False),
        (OK + b"Transfer-Encoding: gzip\r\n\r\nzz", 200, b"zz", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\na", 200, b"a", True),
        (b"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 503, b"", True),
        (b"HTTP/1.1 429 Slow Down\r\nno colon here\r\nContent-Length: 0\r\n\r\n", 429, b"", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sizes", [[PIECE], [1], [3, 7]])
def test_answers(data: bytes, status: int, body: bytes, keep: bool, sizes: list[int]) -> None:
    """Every way a body can end is understood, however the bytes arrive."""
    answer = read(data, sizes)

    assert (answer.status, answer.body) == (status, body)
    # Bytes behind an answer are seen when they come with it, and else before the next request.
    assert answer.keep == keep or (sizes != [PIECE] and data.endswith(b"HTTP"))


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 2\xb20 OK\r\n\r\n",
        b"\r\n\r\n",
        b"x" * (MAX_HEAD_BYTES + 2),
        OK + b"X: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n",
        OK + b"X: y\r\n" * MAX_HEAD_BYTES,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * (MAX_INTERIM + 1),
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    """Another protocol, a wrong status, heads without end: said to be no HTTP."""
    with pytest.raises(NotHttp):
        read(data)


def test_the_end_of_the_stream_is_a_lost_connection() -> None:
    """No answer at all, or half a status line, is no garbage but a connection that broke."""
    for data in (b"", b"HTTP/1.1 20"):
        with pytest.raises(ConnectionError):
            read(data)


def test_an_error_in_the_body_does_not_unsay_the_status() -> None:
    """A reset after the headers leaves the status as it was, and the connection is not kept."""
    pieces = [OK + b"Content-Length: 9\r\n\r\nabc"]

    def receive() -> bytes:
        if pieces:
            return pieces.pop()
        raise ConnectionResetError

    answer = read_answer(receive)

    assert (answer.status, answer.body, answer.keep) == (200, b"", False)


def test_headers_of_one_name_are_joined_and_folded_lines_go_on() -> None:
    """As any reader of HTTP/1.1 takes them."""
    answer = read(
        OK + b"A: 1\r\na:  2 \r\nB: x\r\n\ty\r\nContent-Type: Text/HTML; charset=x\r\n\r\n"
    )

    assert answer.headers["a"] == "1, 2"
    assert answer.headers["b"] == "x y"
    assert answer.kind == "text/html"


LINES = st.lists(
    st.sampled_from([
        b"HTTP/1.1 200 OK", b"HTTP/1.0 503 x", b"HTTP/1.1 100 y", b"Content-Length: 5",
        b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked", b"5", b"0",
        b"ffffffff", b"hello", b"", b" folded", b"Connection: close", b"\xff\xfe: \x00", b"a:b",
    ])
    | st.binary(max_size=40),
    max_size=30,
).map(b"\r\n".join)  # fmt: skip
MOST = (MAX_INTERIM + 1) * 2 * (MAX_HEAD_BYTES + PIECE) + MAX_REPLY_BYTES


@given(LINES | st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=4))
@example(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"-1\r\n", [])
def test_no_answer_raises_anything_else(data: bytes, sizes: list[int]) -> None:
    """Of any bytes comes an answer or one of two errors; the pieces they come in change nothing."""

    def outcome(sizes: list[int]) -> Any:
        try:
            return read(data, sizes)[:4]
        except (NotHttp, ConnectionError) as error:
            return type(error)

    seen = outcome([PIECE])

    assert seen == outcome(sizes)
    if isinstance(seen, tuple):
        assert 100 <= seen[0] <= 999
        assert len(seen[3]) <= MAX_REPLY_BYTES


ENDLESS = (
    b"",
    OK,
    OK + b"\r\n",
    OK + b"Content-Length: 9999999\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
)


@given(LINES.filter(bool), st.sampled_from(ENDLESS))
def test_no_answer_is_read_beyond_its_bounds(data: bytes, start: bytes) -> None:
    """A server that sends for ever is left alone after a bounded piece."""
    stream = Pieces(start + data * (2 * MOST // len(data)))

    try:
        read_answer(stream)
    except NotHttp:
        pass

    assert stream.taken <= MOST + MAX_CHUNK_LINE_BYTES


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_args: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


@given(
    st.sampled_from([b"1.0", b"1.1"]),
    st.integers(200, 599),
    st.sampled_from([[], [b"Connection: close"], [b"Connection: Keep-Alive"], [b"X: y", b"Z: 3"]]),
    st.sampled_from(["length", "chunked", "close"]),
    st.binary(max_size=200),
)
def test_it_reads_what_the_standard_library_reads(
    version: bytes, status: int, headers: list[bytes], framing: str, body: bytes
) -> None:
    """Well-formed answers have the status, headers and body that ``http.client`` finds in them.

    Where a status has no body by its definition, ``http.client`` reads one all the same if it is
    sent in chunks; such an answer is not well-formed.
    """
    assume(framing != "chunked" or status not in (204, 304))
    sent = body
    lines = [b"HTTP/%b %d Word" % (version, status), *headers]
    if framing == "length":
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        sent = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    data = b"\r\n".join([*lines, b"", b""]) + sent
    theirs = http.client.HTTPResponse(_Socket(data), method="POST")  # type: ignore[arg-type]
    theirs.begin()
    ours = read(data)

    assert ours.status == theirs.status
    assert ours.reason.decode() == theirs.reason
    assert ours.headers == {name.lower(): value for name, value in theirs.headers.items()}
    assert ours.body == theirs.read()
    if status not in (204, 304):
        assert ours.keep == (not theirs.will_close)


def test_a_request_is_written_as_the_standard_library_writes_it() -> None:
    """Line, headers in order, and framing that is left to the transport."""
    head = request_head(
        "POST", "/v1/x?y=1", [("Host", "a:1"), ("X-A", "b"), ("content-length", "9")]
    )

    assert head == b"POST /v1/x?y=1 HTTP/1.1\r\nHost: a:1\r\nX-A: b\r\n"


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        ("/a b", "X", "y"), ("/a\r\nX: y", "X", "y"), ("/\u00e9", "X", "y"),
        ("/", "X y", "z"), ("/", "X:", "z"), ("/", "", "z"), ("/", "X\r\n", "z"),
        ("/", "X", "a\r\nEvil: b"), ("/", "X", "a\nb"), ("/", "X", "a\0"), ("/", "X", "\u20ac"),
    ],
)  # fmt: skip
def test_nothing_can_be_smuggled_into_a_request(target: str, name: str, value: str) -> None:
    """What would end a line or has no place in it is refused."""
    with pytest.raises(ValueError):
        request_head("POST", target, [(name, value)])


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [("a.example", 80, "a.example"), ("a.example", 4318, "a.example:4318"),
     ("::1", 4318, "[::1]:4318"), ("b\u00fccher.example", 80, "xn--bcher-kva.example")],
)  # fmt: skip
def test_the_host_header(host: str, port: int, said: str) -> None:
    """Brackets for IPv6, ASCII for international names, the port unless it is the scheme's."""
    assert host_header(host, port, 80) == said
