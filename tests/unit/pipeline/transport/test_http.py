"""OTLP over HTTP: headers, compression, connections, proxies, TLS, and hostile answers."""

from __future__ import annotations

import gzip
import socket
import subprocess
import threading
import time
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.otlp_receiver import Answer, OtlpReceiver
from tests.support.programs import need
from vaquero.pipeline import Destination, PipelineSettings, Proxies
from vaquero.pipeline.transport.http import HttpTransport, proxy_for
from vaquero.pipeline.transport.retry import SendResult, Verdict
from vaquero.pipeline.transport.sockets import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BODY = b"x" * 5000


@pytest.fixture
def backend() -> Iterator[OtlpReceiver]:
    """An OTLP/HTTP server."""
    with OtlpReceiver() as running:
        yield running


def transport(endpoint: str, proxies: Proxies | None = None, **more: Any) -> HttpTransport:
    return HttpTransport(
        Destination(endpoint, **more),
        PipelineSettings(user_agent="vaquero-otel/9", proxies=proxies or Proxies()),
    )


def send(endpoint: str, **more: Any) -> SendResult:
    one = transport(endpoint, **more)
    try:
        return one.send(BODY, "batch-1", 5.0)
    finally:
        one.close()


def test_a_request_says_what_it_is(backend: OtlpReceiver) -> None:
    """Path, content type, batch id, user agent, own headers, and the body as given."""
    headers = (("Authorization", "Bearer t"), ("X-Team", "blue"))
    assert send(f"{backend.url}/v1/traces?x=1", headers=headers).verdict is Verdict.OK
    (request,) = backend.requests
    assert (request.path, request.body) == ("/v1/traces?x=1", BODY)
    expected = {
        "content-type": "application/x-protobuf",
        "x-vaquero-batch-id": "batch-1",
        "user-agent": "vaquero-otel/9",
        "authorization": "Bearer t",
        "x-team": "blue",
        "accept-encoding": "identity",
    }
    assert expected.items() <= request.headers.items()


def test_own_headers_win_in_any_case(backend: OtlpReceiver) -> None:
    """A header of the user's replaces ours of the same name, it is not sent twice."""
    send(f"{backend.url}/v1/traces", headers=(("user-AGENT", "mine"),))
    assert backend.requests[0].headers["user-agent"] == "mine"


@pytest.mark.parametrize(
    ("how", "unpack"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)]
)
def test_compression(how: Any, unpack: Callable[[bytes], bytes], backend: OtlpReceiver) -> None:
    """A compressed body says so, is smaller, and unpacks to the same bytes."""
    send(f"{backend.url}/v1/traces", compression=how)
    (request,) = backend.requests
    assert request.headers["content-encoding"] == how
    assert len(request.body) < 100
    assert unpack(request.body) == BODY


def test_a_connection_is_kept(backend: OtlpReceiver) -> None:
    """Many requests, one connection; after a close another."""
    one = transport(f"{backend.url}/v1/traces")
    for number in range(5):
        assert one.send(BODY, str(number), 5.0).verdict is Verdict.OK
    assert backend.connections == 1
    one.close()
    one.send(BODY, "6", 5.0)
    one.close()
    assert backend.connections == 2


def test_userinfo_becomes_basic_auth(backend: OtlpReceiver) -> None:
    """User and password of the URL are sent as a header, percent-decoded, not in the path."""
    send(f"http://us%40er:p%3Aw@127.0.0.1:{backend.port}/v1/traces")
    request = backend.requests[0]
    assert request.headers["authorization"] == "Basic dXNAZXI6cDp3"
    assert "@" not in request.headers["host"]


@pytest.mark.parametrize("bad", ["a\r\nX-Evil: 1", "caf\u00e9 \u20ac"])
def test_a_header_that_cannot_be_sent_is_not_quoted(bad: str, backend: OtlpReceiver) -> None:
    """A broken credential fails the request; neither result nor server sees it."""
    result = send(f"{backend.url}/v1/traces", headers=(("authorization", f"hunter2 {bad}"),))
    assert result.verdict is Verdict.RETRY
    assert "hunter2" not in result.detail
    assert not backend.requests


@pytest.mark.parametrize("endpoint", ["ftp://x/", "localhost:4318", "http://", "/v1/traces"])
def test_what_is_no_url_is_refused_at_once(endpoint: str) -> None:
    """An endpoint without http scheme or host raises when the transport is built."""
    with pytest.raises(ValueError, match="no http"):
        transport(endpoint)


def test_an_error_status_tells_what_the_server_said(backend: OtlpReceiver) -> None:
    """The text of a Status message is in the detail, control characters are not."""
    status = b"\x12\x0bquota\x1b[1m!!"
    backend.answer = Answer(400, (("Content-Type", "application/x-protobuf"),), status)
    result = send(f"{backend.url}/v1/traces")
    assert result.verdict is Verdict.DROP
    assert "HTTP 400" in result.detail
    assert "quota" in result.detail
    assert "\x1b" not in result.detail


def test_retry_after_is_read(backend: OtlpReceiver) -> None:
    """The header of a 503 is handed on in seconds."""
    backend.answer = Answer(503, (("Retry-After", "17"),))
    assert send(f"{backend.url}/v1/traces").retry_after_s == 17.0


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Hands each connection, after its request, to a function."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                one, _ = server.accept()
            except OSError:
                return
            with one:
                one.settimeout(5)
                got = b""
                try:
                    while len(got) < len(BODY):
                        piece = one.recv(65536)
                        if not piece:
                            break
                        got += piece
                    answer(one)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def test_a_trickle_cannot_outlast_the_deadline() -> None:
    """One byte now and then keeps no request alive beyond its timeout."""

    def trickle(one: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 2000:
            one.sendall(bytes([byte]))
            time.sleep(0.05)

    with raw_server(trickle) as port:
        one = transport(f"http://127.0.0.1:{port}/")
        begun = time.monotonic()
        result = one.send(BODY, "b", 0.6)
        assert result.verdict is Verdict.RETRY
        assert result.reason == "timeout"
        assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: yes\r\n" * 50,
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
    ],
    ids=["headers", "length", "chunked", "line"],
)
def test_an_endless_answer_is_cut_off(start: bytes) -> None:
    """However an answer goes on, no more than a bounded piece of it is read."""
    sent = [0]

    def flood(one: socket.socket) -> None:
        one.sendall(start)
        while True:
            one.sendall(b"z" * 65536)
            sent[0] += 65536

    with raw_server(flood) as port:
        result = transport(f"http://127.0.0.1:{port}/").send(BODY, "b", 5.0)
        assert result.verdict in (Verdict.OK, Verdict.RETRY)
        assert sent[0] < 64 * 1024 * 1024


def test_an_early_answer_is_heard() -> None:
    """A server that answers 413 and closes before it has read everything is understood."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        one, _ = server.accept()
        one.recv(1000)
        one.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        one.shutdown(socket.SHUT_WR)
        while one.recv(1 << 20):
            pass
        one.close()

    threading.Thread(target=serve, daemon=True).start()
    one = transport(f"http://127.0.0.1:{server.getsockname()[1]}/")
    assert one.send(b"x" * 2_000_000, "b", 5.0).verdict is Verdict.SPLIT
    server.close()


def test_a_connection_that_died_while_idle_is_replaced() -> None:
    """A server that closes after each answer without saying so costs no failed request."""

    def answer(one: socket.socket) -> None:
        one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with raw_server(answer) as port:
        one = transport(f"http://127.0.0.1:{port}/")
        for number in range(4):
            assert one.send(BODY, str(number), 5.0).verdict is Verdict.OK
        one.close()


def test_abort_breaks_a_hung_request() -> None:
    """Another thread ends a request that waits for an answer, at once."""
    reached = threading.Event()

    def hang(one: socket.socket) -> None:
        reached.set()
        one.recv(1)

    with raw_server(hang) as port:
        one = transport(f"http://127.0.0.1:{port}/")
        results: list[SendResult] = []
        thread = threading.Thread(target=lambda: results.append(one.send(BODY, "b", 30.0)))
        thread.start()
        assert reached.wait(10)
        one.abort()
        thread.join(10)
        assert results[0].verdict is Verdict.RETRY


PROXIES = Proxies(
    "http://proxy:3128", "proxy:3129", (".internal", "direct.example:8080", "10.0.0.9")
)


@pytest.mark.parametrize(
    ("scheme", "host", "proxy"),
    [
        ("http", "backend.example", "proxy:3128"),
        ("https", "backend.example", "proxy:3129"),
        ("http", "a.internal", None),
        ("http", "internal", None),
        ("http", "notinternal", "proxy:3128"),
        ("https", "direct.example", None),
        ("http", "10.0.0.9", None),
        ("http", "localhost", None),
        ("http", "127.0.0.1", None),
        ("http", "127.8.8.8", None),
        ("https", "::1", None),
        ("http", "x.localhost", None),
    ],
)
def test_which_hosts_go_through_a_proxy(scheme: str, host: str, proxy: str | None) -> None:
    """By scheme, unless the host is excepted; loopback never, whatever is set."""
    found = proxy_for(scheme, host, PROXIES)
    assert (found.netloc if found else None) == proxy


def test_a_star_excepts_everything() -> None:
    """``no_proxy=*`` means no proxy at all."""
    assert proxy_for("http", "x.example", Proxies("http://p:1", None, ("*",))) is None


def test_loopback_is_known_by_its_spelling() -> None:
    """No name is looked up to tell."""
    assert is_loopback("[::1]")
    assert not is_loopback("127-not.example")


def test_a_plain_request_through_a_proxy(backend: OtlpReceiver) -> None:
    """The proxy gets the absolute URL, and credentials of its own."""
    proxies = Proxies(http=f"http://me:secret@127.0.0.1:{backend.port}")
    one = transport("http://backend.example/v1/traces", proxies)
    assert one.send(BODY, "b", 5.0).verdict is Verdict.OK
    one.close()
    request = backend.requests[0]
    assert request.path == "http://backend.example/v1/traces"
    assert request.headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
    assert request.headers["host"] == "backend.example"


def test_a_tls_request_asks_the_proxy_for_a_tunnel() -> None:
    """CONNECT with host and port; a proxy that refuses is a connection failure."""
    seen: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        one, _ = server.accept()
        seen.append(one.recv(4096))
        one.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        one.close()

    threading.Thread(target=serve, daemon=True).start()
    port = server.getsockname()[1]
    one = transport("https://backend.example/v1/traces", Proxies(https=f"http://127.0.0.1:{port}"))
    result = one.send(BODY, "b", 5.0)
    server.close()
    assert seen[0].startswith(b"CONNECT backend.example:443 HTTP/1.1\r\n")
    assert result.verdict is Verdict.RETRY
    assert "403" in result.detail


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    openssl = need("openssl")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = f"req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test -keyout {key} -out {cert}"
    subprocess.run(
        [openssl, *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_tls_with_a_ca_and_a_client_certificate(certificate: tuple[Path, Path]) -> None:
    """With the right CA and a client certificate a request goes through; without, it fails."""
    import ssl

    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cert)
    own = {"certificate": str(cert), "client_certificate": str(cert), "client_key": str(key)}
    with OtlpReceiver(tls=context) as backend:
        endpoint = f"{backend.url}/v1/traces"
        assert send(endpoint).reason == "tls"
        assert send(endpoint, **own).verdict is Verdict.OK


def test_a_missing_certificate_is_an_error_at_once(tmp_path: Path) -> None:
    """A CA file that is not there raises when the transport is built, not at the first request."""
    with pytest.raises(OSError, match="No such file"):
        transport("https://x.example/", certificate=str(tmp_path / "none.pem"))
