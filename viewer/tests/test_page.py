"""The page in a real browser."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.programs import need

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest.fixture
def render(viewer, tmp_path):
    """The document that Chromium has made of a page after some seconds of its own time."""
    chromium = need("chromium")

    def dump(path: str) -> str:
        done = subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
                "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync",
                f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=4000",
                "--dump-dom", viewer.web_url + path,
            ],
            capture_output=True, text=True, timeout=100, check=True,
        )  # fmt: skip
        return done.stdout

    return dump


def test_overview_shows_what_arrived(client, make, render):
    """Operations, gauges, traces and logs stand on the page, hostile names as plain text."""
    client.send(make.spans({"name": HOSTILE, "ms": 12.3, "status": 2}, service="sh<b>op"))
    client.send(make.gauge("system.memory.utilization", (1, 0.2), (2, 0.4), state=HOSTILE))
    client.send(make.logs(HOSTILE))

    page = render("/")

    assert "12.3 ms" in page
    assert "40.0 %" in page
    assert "sh&lt;b&gt;op" in page
    assert page.count("&lt;img src=x") >= 3
    assert "<img src=x" not in page
    assert "<title>vaquero</title>" in page


def test_trace_page_shows_the_waterfall(client, make, render):
    """The page of a trace has a bar for each span and the details of the one that failed."""
    client.send(
        make.spans(
            {"trace": 5, "id": 1, "name": "outer", "ms": 100},
            {"trace": 5, "id": 2, "parent": 1, "name": "inner", "start_ms": 20, "ms": 50,
             "status": 2, "attributes": {"db.query.text": HOSTILE}},
        )
    )  # fmt: skip

    page = render(f"/#/trace/{5:032x}")

    assert page.count('class="bar ') == 2
    assert "left: 20%" in page
    assert "db.query.text" in page
    assert "<img src=x" not in page


def test_empty_page_says_what_to_do(client, render):
    """Before the first data the page tells where to send it."""
    page = render("/")
    assert '<section id="empty" class="panel welcome">' in page
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT={client.viewer.otlp_url}" in page
