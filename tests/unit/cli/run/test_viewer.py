"""The viewer of ``vaquero run --view``: other ports, other store, not installed."""

from __future__ import annotations

import socket
from pathlib import Path

import click
import pytest
from vaquero_viewer import server

from vaquero.cli.run import viewer as module
from vaquero.cli.run.viewer import load_viewer, open_viewer, send_only_to


def test_taken_ports_are_said_and_others_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both usual ports in use: the viewer runs on free ones, and one line each says so."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        ports = one.getsockname()[1], two.getsockname()[1]
        monkeypatch.setattr(server, "OTLP_PORT", ports[0])
        monkeypatch.setattr(server, "WEB_PORT", ports[1])
        with open_viewer(tmp_path / "store.duckdb") as viewer:
            assert viewer.otlp_port not in ports
            assert viewer.web_port not in ports
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(f"port {port}" in line for port, line in zip(ports, lines, strict=True))


def test_a_store_in_use_leaves_the_run_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another viewer has the file: this run is shown all the same, and the file is not touched."""
    from vaquero_viewer.errors import StoreLocked

    original = server.Viewer.start

    def locked(viewer: server.Viewer) -> server.Viewer:
        if viewer.path is not None:
            raise StoreLocked(str(viewer.path), "process 1 (vaquero view)")
        return original(viewer)

    monkeypatch.setattr(server.Viewer, "start", locked)
    monkeypatch.setattr(server, "OTLP_PORT", 0)
    monkeypatch.setattr(server, "WEB_PORT", 0)
    with open_viewer(tmp_path / "store.duckdb") as viewer:
        assert viewer.path is None
    assert "in memory only" in capsys.readouterr().err


def test_a_store_that_cannot_be_used_leaves_the_run_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder in the file's place is said, and the program is run and shown all the same."""
    monkeypatch.setattr(server, "OTLP_PORT", 0)
    monkeypatch.setattr(server, "WEB_PORT", 0)
    with open_viewer(tmp_path) as viewer:
        assert viewer.path is None
    assert "in memory only" in capsys.readouterr().err


def test_a_missing_viewer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra there is one line with the command to type."""

    def absent(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(click.ClickException, match=r"pip install .*\[viewer\]"):
        load_viewer()


def test_the_program_is_pointed_at_the_viewer_alone() -> None:
    """Nothing that was set for another destination stays; what says *what* to send does."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://backend",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=secret",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "https://logs",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_SERVICE_NAME": "shop",
    }
    send_only_to("http://127.0.0.1:1", environ)
    assert environ == {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_BSP_SCHEDULE_DELAY": "250",
        "OTEL_SERVICE_NAME": "shop",
    }
