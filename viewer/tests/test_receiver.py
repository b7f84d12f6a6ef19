"""The receiving door: what it answers, and that a bad request harms no other."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from vaquero_viewer import __version__
from vaquero_viewer.web import body as body_module

PATHS = ("/v1/traces", "/v1/metrics", "/v1/logs")


@pytest.mark.parametrize("path", PATHS)
def test_empty_request_succeeds(client, path):
    """An empty message is a valid request; the answer is an empty response of the same type."""
    reply = client.post(path, b"")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-type"] == "application/x-protobuf"

    reply = client.post(path, b"{}", "application/json; charset=utf-8")
    assert (reply.status, reply.json) == (200, {})


def test_every_answer_bears_our_name(client):
    """The header x-vaquero-viewer says who answers, on success, on refusal and on both ports."""
    replies = [client.post("/v1/traces", b""), client.post("/v1/traces", b"?"),
               client.get("/"), client.get("/none")]  # fmt: skip
    assert {reply.headers["x-vaquero-viewer"] for reply in replies} == {__version__}


def test_health_on_both_ports(client, viewer):
    """GET /api/health says product, version and both addresses, whichever port is asked."""
    answers = [client.request("GET", "/api/health").json, client.get("/api/health").json]
    for answer in answers:
        assert (answer["product"], answer["status"]) == ("vaquero-viewer", "ok")
        assert (answer["otlp_url"], answer["web_url"]) == (viewer.otlp_url, viewer.web_url)


def test_gzip(client, viewer, make, zipped):
    """A compressed body is taken, also one of several gzip members."""
    whole = make.spans({"id": 1}).SerializeToString()
    reply = client.post("/v1/traces", zipped(whole), content_encoding="gzip")
    assert reply.status == 200
    whole = make.spans({"id": 2}).SerializeToString()
    members = zipped(whole[:9]) + zipped(whole[9:])
    assert client.post("/v1/traces", members, content_encoding="gzip").status == 200
    assert viewer.store.counts().spans == 2


@pytest.mark.parametrize("content_type", ["application/x-protobuf", "application/json"])
@pytest.mark.parametrize(
    ("body", "encoding", "status", "word"),
    [
        (b"hello, this is not OTLP", "", 400, "not"),
        (b"not gzip", "gzip", 400, "gzip"),
        (gzip.compress(b"cut short", mtime=0)[:-9], "gzip", 400, "cut short"),
        (b"", "br", 415, "br"),
    ],
    ids=["noise", "noise-gzip", "cut-gzip", "brotli"],
)
def test_bad_body_is_refused_with_a_reason(
    client, viewer, make, content_type, body, encoding, status, word
):
    """Corrupt bodies get 400 or 415 with a Status in the type of the request; then all is well."""
    reply = client.post("/v1/traces", body, content_type, content_encoding=encoding)

    assert reply.status == status
    assert reply.headers["content-type"] == content_type
    assert word in reply.reason
    client.send(make.spans({}))
    assert viewer.store.counts().spans == 1


def test_message_of_another_kind_is_refused(client):
    """A protobuf body none of whose fields is known is foreign, not an empty request."""
    reply = client.post("/v1/traces", b"\x78\x01")
    assert reply.status == 400
    assert "none of its fields is known" in reply.reason


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", ""])
def test_foreign_content_type(client, content_type):
    """What is neither protobuf nor JSON gets 415, with a reason in JSON."""
    reply = client.post("/v1/traces", b"", content_type)
    assert reply.status == 415
    assert "application/x-protobuf or application/json" in reply.json["message"]


def test_unknown_path_and_wrong_method(client):
    """404 names the paths that exist, 405 the method that would do."""
    missing = client.post("/v1/profiles", b"")
    assert missing.status == 404
    assert "/v1/traces" in missing.reason
    assert client.post("/v1/traces/", b"").status == 404
    wrong = client.request("GET", "/v1/traces")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")


def test_announced_size_over_the_limit(viewer):
    """A Content-Length over the limit is refused before the body is sent."""
    connection = http.client.HTTPConnection("127.0.0.1", viewer.otlp_port, timeout=20)
    connection.putrequest("POST", "/v1/traces")
    connection.putheader("content-type", "application/x-protobuf")
    connection.putheader("content-length", str(body_module.MAX_BODY_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_unannounced_size_over_the_limit(client, viewer, make):
    """A chunked body is refused as soon as it is over the limit; the next request is served."""
    connection = http.client.HTTPConnection("127.0.0.1", viewer.otlp_port, timeout=20)
    chunks = (bytes(2**20) for _ in range(body_module.MAX_BODY_BYTES // 2**20 + 2))
    try:
        connection.request(
            "POST", "/v1/traces", chunks, {"content-type": "application/x-protobuf"},
            encode_chunked=True,
        )  # fmt: skip
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        # The answer came, and the connection went, while this end was still sending.
        pass
    finally:
        connection.close()
    client.send(make.spans({}))
    assert viewer.store.counts().spans == 1


def test_decompression_bomb_is_stopped(client):
    """60 kB that unfold to 64 MB and more get 413."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(65)) + packer.flush()
    assert len(bomb) < 10**5

    reply = client.post("/v1/traces", bomb, content_encoding="gzip")

    assert reply.status == 413
    assert str(body_module.MAX_DECOMPRESSED_BYTES) in reply.reason


def test_bomb_never_unfolds_further_than_the_limit():
    """What is made of a bomb is at most one byte over the limit."""
    bomb = gzip.compress(bytes(10**6))
    with pytest.raises(body_module.BodyTooLarge):
        body_module.decompress(bomb, "gzip", limit_bytes=1000)
    assert len(body_module.decompress(bomb, "gzip", limit_bytes=10**6)) == 10**6


def test_partial_success_in_json(client, make):
    """The partial success of a JSON request is JSON, with its 64-bit number as text."""
    span = {"traceId": "00" * 16, "spanId": "01" * 8, "startTimeUnixNano": "1"}
    tree = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

    reply = client.post("/v1/traces", json.dumps(tree).encode(), "application/json")

    assert reply.status == 200
    assert reply.json["partialSuccess"]["rejectedSpans"] == "1"
    assert "trace id" in reply.json["partialSuccess"]["errorMessage"]


def test_span_is_readable_once_acknowledged(client, viewer, make):
    """The acknowledgement comes after the commit: each acknowledged span can be read at once."""
    for number in range(1, 30):
        client.send(make.spans({"trace": number, "id": number}))
        assert viewer.store.trace(f"{number:032x}") is not None


def test_stock_exporter_is_understood(client, viewer):
    """The SDK's own OTLP exporter, with gzip, delivers its spans."""
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = OTLPSpanExporter(f"{viewer.otlp_url}/v1/traces", compression=Compression.Gzip)
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("outer"):
        provider.get_tracer("t").start_span("inner").end()
    provider.shutdown()

    (summary,) = viewer.store.traces()
    assert (summary.name, summary.span_count) == ("outer", 2)


def test_response_classes_are_those_of_the_paths():
    """The table of paths pairs each request with its own response."""
    from vaquero_viewer.web.receiver import SIGNALS

    assert SIGNALS["/v1/traces"].response is trace_service_pb2.ExportTraceServiceResponse
    for signal in SIGNALS.values():
        assert signal.request.__name__.replace("Request", "Response") == signal.response.__name__
        fields = signal.response().partial_success.DESCRIPTOR.fields_by_name
        assert signal.rejected in fields
