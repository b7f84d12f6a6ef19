"""Who may talk to the viewer: Host and Origin."""

from __future__ import annotations

import pytest
from vaquero_viewer import Viewer


@pytest.mark.parametrize("web", [False, True], ids=["otlp", "web"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST:99"])
def test_own_names_are_accepted(client, host, web):
    """Loopback under any of its names is this machine, on both ports."""
    assert client.request("GET", "/api/health", headers={"host": host}, web=web).status == 200


@pytest.mark.parametrize("web", [False, True], ids=["otlp", "web"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "a@localhost", "localhost:x"]
)
def test_foreign_host_is_refused(client, host, web):
    """A Host that is another name, as after DNS rebinding, gets 403 on each route."""
    for path in ("/api/health", "/", "/none"):
        reply = client.request("GET", path, headers={"host": host}, web=web)
        assert reply.status == 403
        assert "Host" in reply.json["message"]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://localhost.evil.example"]
)
def test_foreign_origin_is_refused(client, viewer, make, origin):
    """A page of another site cannot send data nor read any."""
    body = make.spans({}).SerializeToString()
    assert client.post("/v1/traces", body, origin=origin).status == 403
    assert client.get("/api/traces", origin=origin).status == 403
    assert viewer.store.counts().spans == 0


def test_page_of_this_machine_may_send(client, viewer, make):
    """A development server on localhost is no foreign site."""
    body = make.spans({}).SerializeToString()
    assert client.post("/v1/traces", body, origin="http://localhost:3000").status == 200


def test_two_hosts_are_refused(viewer):
    """A request with two Host headers is not guessed about."""
    import socket

    with socket.create_connection(("127.0.0.1", viewer.web_port), timeout=20) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\nConnection: close\r\n\r\n")
        assert raw.recv(100).split()[1] in (b"400", b"403")


def test_allowed_name(make, connect):
    """A name given as allowed is accepted, another is not."""
    with Viewer(None, otlp_port=0, web_port=0, allowed_hosts=["collector.internal"]) as running:
        ask = connect(running).request
        assert ask("GET", "/api/health", headers={"host": "collector.internal:4318"}).status == 200
        assert ask("GET", "/api/health", headers={"host": "other.internal"}).status == 403


def test_bound_elsewhere_takes_addresses_but_no_names(connect):
    """On 0.0.0.0 a literal address is fine (it cannot be rebound), an unknown name is not."""
    with Viewer(None, otlp_port=0, web_port=0, host="0.0.0.0") as running:
        ask = connect(running).request
        assert ask("GET", "/api/health", headers={"host": "192.0.2.7:8318"}, web=True).status == 200
        assert ask("GET", "/api/health", headers={"host": "evil.example"}, web=True).status == 403
        assert running.otlp_url.startswith("http://127.0.0.1:")
