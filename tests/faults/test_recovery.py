"""Outages that end, spools that are damaged or full, and users who share a machine."""

from __future__ import annotations

import os
import resource
import stat
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from tests.support.processes import free_port
from tests.support.waiting import wait_until
from vaquero.pipeline import Destination, Pipeline, PipelineSettings, SpanProcessor
from vaquero.pipeline import spool as spools
from vaquero.pipeline.spool.frame import HEADER_BYTES

from .hostile import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Machine


class Service:
    """A pipeline in this process with a provider of the SDK in front."""

    def __init__(self, endpoint: str, spool: Path | None, **more: Any) -> None:
        headers = more.pop("headers", ())
        timeout_s = more.pop("timeout_s", 10.0)
        self.settings = PipelineSettings(
            traces=Destination(endpoint, headers=headers, timeout_s=timeout_s, named_by_user=True),
            spool_dir=spool,
            **more,
        )
        self.pipeline = Pipeline(self.settings)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SpanProcessor(self.pipeline))
        self.tracer = provider.get_tracer("recovery")

    def spans(self, role: str, count: int, text: str = "some text") -> None:
        for number in range(count):
            with self.tracer.start_as_current_span(f"{role}-{number}") as span:
                span.set_attribute("text", text)

    def all_arrived(self) -> bool:
        stats = self.pipeline.stats()
        return stats.spans_sent + stats.spans_dropped == stats.spans_accepted


@pytest.fixture
def services() -> Iterator[list[Service]]:
    """Services that are ended with the test."""
    running: list[Service] = []
    yield running
    for service in running:
        service.pipeline.shutdown(0.5)


def all_once(collector: Collector, count: int) -> bool:
    names = collector.names
    return len(names) == count and max(names.values()) == 1


def test_an_outage_of_20000_spans_loses_none(tmp_path: Path, services: list[Service]) -> None:
    """20 000 spans while the backend is down all arrive, once, when it is up again."""
    port = free_port()
    service = Service(f"http://127.0.0.1:{port}/v1/traces", tmp_path / "spool")
    services.append(service)
    service.spans("outage", 20_000)
    assert service.pipeline.flush(10), "everything is safe in the spool"
    with Collector(port=port) as collector:
        wait_until(lambda: all_once(collector, 20_000), "delivery")
        wait_until(service.all_arrived, "delivery")
        stats = service.pipeline.stats()
        assert (stats.spans_dropped, stats.spool_bytes) == (0, 0)


def test_50_threads_lose_none(
    tmp_path: Path, collector: Collector, services: list[Service]
) -> None:
    """50 threads of 1000 spans each, as fast as they can: every span arrives once."""
    service = Service(collector.endpoint, tmp_path / "spool")
    services.append(service)
    threads = [threading.Thread(target=service.spans, args=(f"t{n}", 1000)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.pipeline.flush(60)
    assert all_once(collector, 50_000)
    assert service.pipeline.stats().spans_dropped == 0


def test_a_burst_without_a_spool_loses_none(collector: Collector, services: list[Service]) -> None:
    """20 000 spans in a tight loop at default bounds, in memory only: every one arrives."""
    service = Service(collector.endpoint, None)
    services.append(service)
    service.spans("burst", 20_000)
    assert service.pipeline.flush(60)
    assert all_once(collector, 20_000)


def test_kill_then_restart(machine: Machine, collector: Collector) -> None:
    """A process killed in an outage leaves everything but its last 100 ms; nothing comes twice."""
    collector.mode = "503"
    machine.run("kill", 500, collector.endpoint)
    collector.mode = "ok"
    machine.run("exit", 5, collector.endpoint)
    names = collector.names
    assert set(names) == {f"main-{number}" for number in range(500)}
    assert sum(names.values()) == 505  # the restarted process has five spans of the same names


def test_two_services_never_see_each_other(machine: Machine) -> None:
    """Same user, same spool, two backends: what was meant for one never reaches the other."""
    with Collector("503") as first, Collector("503") as second:
        machine.run("exit", 30, first.endpoint)
        machine.run("late", 40, second.endpoint)
        first.mode = second.mode = "ok"
        machine.run("recover", 0, second.endpoint)
        assert not first.names
        assert len(second.names) == 80
        machine.run("recover", 0, first.endpoint)
        assert len(first.names) == 30


def test_other_credentials_are_another_destination(
    tmp_path: Path, collector: Collector, services: list[Service]
) -> None:
    """The same address with another token: what was left with the old one is not sent."""
    collector.mode = "503"
    old = Service(collector.endpoint, tmp_path / "spool", headers=(("authorization", "old"),))
    old.spans("old", 10)
    old.pipeline.shutdown(0.5)
    collector.mode = "ok"
    new = Service(collector.endpoint, tmp_path / "spool", headers=(("authorization", "new"),))
    services.append(new)
    new.spans("new", 10)
    assert new.pipeline.flush(10)
    assert set(collector.names) == {f"new-{number}" for number in range(10)}
    assert not any(b"old" in path.name.encode() for path in (tmp_path / "spool").rglob("*"))


def test_parallel_successors_share_what_was_left(machine: Machine, collector: Collector) -> None:
    """Several processes that start at once send the leavings of one between them, each once."""
    collector.mode = "503"
    for _ in range(3):
        machine.run("exit", 50, collector.endpoint)
    collector.mode = "ok"
    threads = [
        threading.Thread(target=machine.run, args=("recover", 0, collector.endpoint))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    machine.run("recover", 0, collector.endpoint)
    assert collector.names == {f"main-{number}": 3 for number in range(50)}


def test_damage_costs_only_what_is_damaged(machine: Machine, collector: Collector) -> None:
    """Flipped bytes, a torn end and foreign files in the spool: all whole frames still arrive."""
    collector.mode = "503"
    machine.run("exit", 3000, collector.endpoint)
    (segment,) = machine.spool.rglob("*.seg")
    data = bytearray(segment.read_bytes())
    data[HEADER_BYTES + 40] ^= 0xFF  # in the first frame
    segment.write_bytes(bytes(data) + data[:100])
    (segment.parent / "stranger").write_text("hello")
    (machine.spool / "stranger").mkdir()
    collector.mode = "ok"
    ended = machine.run("recover", 0, collector.endpoint)
    assert ended.code == 0
    names = collector.names
    assert 0 < len(names) < 3000
    assert max(names.values()) == 1
    assert not list(machine.spool.rglob("*.seg"))


def test_rubbish_instead_of_a_spool(machine: Machine, collector: Collector) -> None:
    """Segments and cursors full of random bytes do not stop a process or its own spans."""
    collector.mode = "503"
    machine.run("exit", 100, collector.endpoint)
    (segment,) = machine.spool.rglob("*.seg")
    segment.write_bytes(os.urandom(3_000_000))
    (segment.parent / "cursor").write_bytes(os.urandom(20))
    collector.mode = "ok"
    ended = machine.run("exit", 10, collector.endpoint)
    assert ended.code == 0, ended.err
    assert len(collector.names) == 10
    assert "damaged" in ended.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_disk_degrades_to_memory(machine: Machine, collector: Collector) -> None:
    """A folder that cannot be written: said once, and the spans arrive all the same."""
    machine.spool.mkdir()
    machine.spool.chmod(0o500)
    ended = machine.run("exit", 100, collector.endpoint)
    assert len(collector.names) == 100
    assert ended.err.count("cannot write its spool") == 1


@pytest.mark.parametrize("obstacle", ["file", "link", "full"])
def test_an_unusable_spool_degrades_to_memory(
    obstacle: str,
    tmp_path: Path,
    collector: Collector,
    services: list[Service],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A file or a link in the spool's place, a full disk: said once, and the spans arrive."""
    spool = tmp_path / "spool"
    if obstacle == "file":
        spool.write_text("no folder")
    elif obstacle == "link":
        (tmp_path / "elsewhere").mkdir()
        spool.symlink_to(tmp_path / "elsewhere")
    else:
        if not Path("/dev/full").exists():
            pytest.skip("no full device here")
    service = Service(collector.endpoint, spool)
    services.append(service)
    if obstacle == "full":
        service.spans("first", 1)
        assert service.pipeline.flush(10)
        fill_disk_under(service)
    service.spans("more", 100)
    assert service.pipeline.flush(10)
    assert sum(name.startswith("more") for name in collector.names) == 100
    assert caplog.text.count("cannot write its spool") == 1
    assert not (tmp_path / "elsewhere").exists() or not list((tmp_path / "elsewhere").iterdir())


def fill_disk_under(service: Service) -> None:
    """From now on every write of this service's spool meets a full disk."""
    disk = service.pipeline._lanes["traces"].disk
    assert disk is not None
    spool = disk.spool
    assert spool is not None
    segment = spool.current or spool._next()
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, segment.handle)
    os.close(full)


def test_the_spool_is_bounded_and_the_oldest_goes_first(
    tmp_path: Path, services: list[Service]
) -> None:
    """More than fits: the folder stays within its bound, losses are counted, the newest stay."""
    port = free_port()
    bound = 2_000_000
    service = Service(
        f"http://127.0.0.1:{port}/v1/traces", tmp_path / "spool", spool_max_bytes=bound
    )
    services.append(service)
    for round_number in range(20):
        service.spans(f"round{round_number}", 400, "x" * 500)
        assert service.pipeline.flush(10)
    assert spools.total_bytes(tmp_path / "spool") <= bound * 1.1
    stats = service.pipeline.stats()
    lost = stats.dropped["spool_full"]
    assert lost > 0
    with Collector(port=port) as collector:
        wait_until(lambda: len(collector.names) == 8000 - lost, "delivery")
        assert max(collector.names.values()) == 1
        assert {f"round19-{number}" for number in range(400)} <= set(collector.names)


def test_old_leavings_expire(machine: Machine, tmp_path: Path, collector: Collector) -> None:
    """What is older than the spool's age is dropped and counted, not sent."""
    collector.mode = "503"
    machine.run("exit", 50, collector.endpoint)
    (segment,) = machine.spool.rglob("*.seg")
    week_ago = time.time() - 8 * 86400
    os.utime(segment, (week_ago, week_ago))
    collector.mode = "ok"
    machine.run("exit", 5, collector.endpoint)
    assert sum(collector.names.values()) == 5


def test_the_spool_is_private(machine: Machine, collector: Collector) -> None:
    """Folders 0700, files 0600, and neither address nor credential anywhere inside."""
    collector.mode = "503"
    endpoint = collector.endpoint.replace("127.0.0.1", "user:hunter2@127.0.0.1")
    machine.run("exit", 50, endpoint)
    for path in [machine.spool, *machine.spool.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
        assert "127" not in path.name
        if path.is_file():
            data = path.read_bytes()
            assert b"hunter2" not in data
            assert b"127.0.0.1" not in data


def test_retry_after_is_honoured(
    tmp_path: Path, collector: Collector, services: list[Service]
) -> None:
    """A server that asks for two seconds is left alone for two seconds, also by a flush."""
    collector.modes = ["503_after"]
    collector.retry_after = "2"
    service = Service(collector.endpoint, tmp_path / "spool")
    services.append(service)
    service.spans("a", 10)
    assert service.pipeline.flush(10)
    service.spans("b", 10)
    wait_until(lambda: len(collector.names) == 20, "delivery")
    first, second = collector.requests[:2]
    assert second.at_s - first.at_s >= 2.0
    assert first.headers["x-vaquero-batch-id"] == second.headers["x-vaquero-batch-id"]


def test_an_outage_costs_few_requests(
    tmp_path: Path, collector: Collector, services: list[Service]
) -> None:
    """While the backend fails, however much is recorded, it sees one probe per backoff."""
    collector.mode = "503"
    service = Service(collector.endpoint, tmp_path / "spool", schedule_delay_s=0.05)
    services.append(service)
    begun = time.monotonic()
    while time.monotonic() - begun < 3:
        service.spans("a", 20)
        time.sleep(0.02)
    assert len(collector.requests) <= 8


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB")
def test_memory_stays_bounded(
    tmp_path: Path, collector: Collector, services: list[Service]
) -> None:
    """4000 spans of 100 KB while the backend hangs: the process grows by less than 32 MiB."""
    collector.mode = "hung"
    service = Service(collector.endpoint, tmp_path / "spool")
    services.append(service)
    service.spans("warm", 200)
    service.pipeline.flush(0.2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = "x" * 100_000
    for number in range(4000):
        with service.tracer.start_as_current_span(f"big-{number}") as span:
            span.set_attribute("text", text + str(number))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) / 1024 < 32
