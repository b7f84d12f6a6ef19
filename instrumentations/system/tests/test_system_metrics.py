"""The host's metrics as a reader of OpenTelemetry gets them."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from opentelemetry.metrics import NoOpMeterProvider
from vaquero_instrumentation_common import COUNTER, GAUGE
from vaquero_instrumentation_system import SystemInstrumentor
from vaquero_instrumentation_system.settings import DETAIL
from vaquero_instrumentation_system.table import system_rows

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
ALL_ROWS = system_rows(DETAIL.choices)


@pytest.fixture
def collect(
    fake_root: Path, clock: Any, make_provider: Callable[..., Any], instrumented: Callable[..., Any]
) -> Callable[..., Any]:
    """Instrument the fake host, let 10 s pass with known growth, and collect."""

    def run(**arguments: Any) -> Any:
        provider = make_provider()
        instrumented(
            SystemInstrumentor,
            meter_provider=provider.provider,
            host_root=str(fake_root),
            clock=clock,
            **arguments,
        )
        stat = fake_root / "proc/stat"
        stat.write_text(
            stat.read_text()
            .replace("cpu  100 20 300 4000", "cpu  400 20 400 4600")
            .replace("cpu1 40 10 100 2000", "cpu1 340 10 200 2600")
        )
        disks = fake_root / "proc/diskstats"
        disks.write_text(disks.read_text().replace("sda 10 1 2000", "sda 15 1 4000"))
        net = fake_root / "proc/1/net/dev"
        net.write_text(net.read_text().replace("100000", "600000"))
        clock.advance(10)
        return provider

    return run


@linux
class TestFakeHost:
    def test_every_row_of_the_table_is_emitted_and_nothing_else(
        self, collect: Callable[..., Any]
    ) -> None:
        """By default exactly the rows of the table, with its kinds, units and attributes."""
        metrics = collect().metrics()
        rows = {row.name: row for row in system_rows()}
        assert set(metrics) == set(rows)
        for name, metric in metrics.items():
            row = rows[name]
            assert metric.unit == row.unit
            assert getattr(metric.data, "is_monotonic", None) == (
                None if row.kind == GAUGE else row.kind == COUNTER
            )
            for point in metric.data.data_points:
                assert set(point.attributes) <= set(row.attributes)

    def test_details_bring_their_rows_and_attributes(self, collect: Callable[..., Any]) -> None:
        """With every detail each metric carries every attribute that its row names."""
        metrics = collect(system_detail=DETAIL.choices).metrics()
        assert set(metrics) == {row.name for row in ALL_ROWS}
        for row in ALL_ROWS:
            seen = {key for p in metrics[row.name].data.data_points for key in p.attributes}
            assert seen == set(row.attributes), row.name

    def test_shares_and_rates(self, collect: Callable[..., Any]) -> None:
        """Utilisation and rates are the growth over the window."""
        points = collect().points()
        shares = points["system.cpu.utilization"]
        assert shares[(("cpu.mode", "user"),)] == pytest.approx(0.3)
        assert shares[(("cpu.mode", "idle"),)] == pytest.approx(0.6)
        assert sum(shares.values()) == pytest.approx(1)
        disk = points["vaquero.disk.io.rate"]
        assert disk[(("disk.io.direction", "read"),)] == pytest.approx(2000 * 512 / 10)
        assert disk[(("disk.io.direction", "write"),)] == 0
        network = points["vaquero.network.io.rate"]
        assert network[(("network.io.direction", "receive"),)] == pytest.approx(50000)

    def test_values(self, collect: Callable[..., Any]) -> None:
        """Counters are those of the files, to the byte."""
        points = collect(system_detail="paging").points()
        assert points["system.disk.io"][(("disk.io.direction", "read"),)] == 4008 * 512
        assert points["system.network.io"][(("network.io.direction", "receive"),)] == 601000
        assert points["system.memory.limit"][()] == 16000000 * 1024
        assert points["system.cpu.frequency"][()] == 2.5e9
        assert points["vaquero.system.load_average.5m"][()] == 1.25
        assert points["system.uptime"][()] == 1234.5
        assert points["system.paging.faults"][(("system.paging.fault.type", "major"),)] == 40
        assert points["system.process.count"][()] == 3

    def test_detail_per_core_device_interface_mount(self, collect: Callable[..., Any]) -> None:
        """Details replace the sums by one series for each."""
        points = collect(system_detail="cpu,disk,network,filesystem,connections").points()
        per_core = points["system.cpu.utilization"]
        assert per_core[(("cpu.logical_number", 1), ("cpu.mode", "user"))] == pytest.approx(0.3)
        assert not any(key[0][1] == 0 for key in per_core)  # Core 0 stood still.
        assert (("disk.io.direction", "read"), ("system.device", "sdb")) in points["system.disk.io"]
        receive = (("network.interface.name", "eth1"), ("network.io.direction", "receive"))
        assert points["system.network.io"][receive] == 1000
        mounts = {dict(key)["system.filesystem.mountpoint"]
                  for key in points["system.filesystem.usage"]}  # fmt: skip
        assert mounts == {"/data", "/with blank"}
        assert points["system.network.connection.count"] == {
            (("network.connection.state", "established"), ("network.transport", "tcp")): 2,
            (("network.connection.state", "listen"), ("network.transport", "tcp")): 1,
        }

    def test_patterns(self, collect: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
        """Include and exclude by subject; a word without one warns and the rest counts."""
        points = collect(
            system_detail="disk,network",
            system_exclude="disk:sda,eth*",
            system_include="network:lo",
        ).points()
        assert {dict(k)["system.device"] for k in points["system.disk.io"]} == {"sdb"}
        names = {dict(k)["network.interface.name"] for k in points["system.network.io"]}
        assert names == {"lo"}
        assert "system_exclude='disk:sda,eth*' (from argument) is invalid" in caplog.text
        assert caplog.text.rstrip().endswith("; using disk:sda.")

    def test_excluded_metrics(self, collect: Callable[..., Any]) -> None:
        """Named metrics are not emitted."""
        metrics = collect(exclude_metrics="system.cpu.*,system.uptime").metrics()
        assert "system.uptime" not in metrics
        assert not any(name.startswith("system.cpu.") for name in metrics)

    def test_missing_files_leave_the_others(
        self, fake_root: Path, collect: Callable[..., Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Without diskstats and vmstat everything else is emitted, with two lines at most."""
        (fake_root / "proc/vmstat").unlink()
        provider = collect()
        (fake_root / "proc/diskstats").unlink()
        provider.points()
        assert len(provider.points()) > 15
        assert len(caplog.records) <= 2

    def test_no_false_zero(
        self, fake_root: Path, clock: Any, make_provider: Any, instrumented: Any
    ) -> None:
        """Collected at the very start there is no utilisation and no rate, but counters."""
        provider = make_provider()
        instrumented(
            SystemInstrumentor, meter_provider=provider.provider, clock=clock,
            host_root=str(fake_root),
        )  # fmt: skip
        names = set(provider.points())
        assert "system.cpu.time" in names
        assert not names & {
            "system.cpu.utilization",
            "vaquero.disk.io.rate",
            "vaquero.network.io.rate",
        }


class TestLifeCycle:
    def test_uninstrument_silences_and_instrument_speaks_again(
        self, make_provider: Any, instrumented: Any
    ) -> None:
        """The same observables fall silent and come back, on the same provider."""
        provider = make_provider()
        instrumentor = instrumented(SystemInstrumentor, meter_provider=provider.provider)
        assert "system.memory.usage" in provider.points()
        instrumentor.uninstrument()
        assert provider.points() == {}
        instrumentor.instrument(meter_provider=provider.provider)
        assert "system.memory.usage" in provider.points()

    def test_other_settings_are_honoured(self, make_provider: Any, instrumented: Any) -> None:
        """A second instrument() with other settings changes what is emitted, at once."""
        provider = make_provider()
        instrumentor = instrumented(SystemInstrumentor, meter_provider=provider.provider)
        assert ("cpu.logical_number", 0) not in next(iter(provider.points()["system.cpu.time"]))
        instrumentor.instrument(meter_provider=provider.provider, system_detail="cpu")
        assert any(("cpu.logical_number", 0) in key for key in provider.points()["system.cpu.time"])

    def test_another_provider_is_honoured(self, make_provider: Any, instrumented: Any) -> None:
        """The series move to the provider of the second call; the first one falls silent."""
        first, second = make_provider(), make_provider()
        instrumentor = instrumented(SystemInstrumentor, meter_provider=first.provider)
        instrumentor.instrument(meter_provider=second.provider)
        assert first.points() == {}
        assert "system.memory.usage" in second.points()

    def test_a_bare_second_call_changes_nothing(
        self, make_provider: Any, instrumented: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A loader that instruments again without arguments does not undo settings."""
        provider = make_provider()
        instrumentor = instrumented(
            SystemInstrumentor, meter_provider=provider.provider, exclude_metrics="system.cpu.*"
        )
        session = instrumentor.session
        instrumentor.instrument(skip_dep_check=True)
        assert instrumentor.session is session
        assert caplog.text == ""

    def test_the_host_provider_is_preferred(self, make_provider: Any, instrumented: Any) -> None:
        """Series of the host go under the host's own resource when there is one."""
        own, host = make_provider(), make_provider(**{"host.name": "h"})
        instrumented(
            SystemInstrumentor, meter_provider=own.provider, host_meter_provider=host.provider
        )
        assert own.points() == {}
        assert "system.memory.usage" in host.points()

    def test_a_disabled_sdk_is_left_alone(self, instrumented: Any) -> None:
        """With a provider that records nothing, nothing is read and no lock is taken."""
        instrumentor = instrumented(SystemInstrumentor, meter_provider=NoOpMeterProvider())
        assert instrumentor.session.rows == ()

    @linux
    def test_a_wrong_root_is_told(
        self, make_provider: Any, instrumented: Any, tmp_path: Path, caplog: Any
    ) -> None:
        """A folder that is no host's is told, and this machine is read."""
        provider = make_provider()
        instrumented(SystemInstrumentor, meter_provider=provider.provider, host_root=str(tmp_path))
        assert "host_root=" in caplog.text and "is invalid; valid: the folder" in caplog.text
        assert "system.memory.usage" in provider.points()

    def test_off(self, make_provider: Any, instrumented: Any) -> None:
        """host_metrics=off emits nothing."""
        provider = make_provider()
        instrumented(SystemInstrumentor, meter_provider=provider.provider, host_metrics="off")
        assert provider.points() == {}

    def test_a_broken_reader_never_raises(
        self, make_provider: Any, instrumented: Any, monkeypatch: Any, caplog: Any
    ) -> None:
        """What goes wrong while instrumenting is told in the log, and only there."""

        def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError("no reader")

        monkeypatch.setattr("vaquero_instrumentation_system.host_reader", broken)
        instrumented(SystemInstrumentor, meter_provider=make_provider().provider)
        assert "no reader" in caplog.text

    def test_readers_agree_on_a_busy_loop(self, make_provider: Any, instrumented: Any) -> None:
        """Two readers show a busy processor at once, with the same numbers."""
        provider = make_provider(readers=2)
        instrumented(SystemInstrumentor, meter_provider=provider.provider)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            pass
        first = provider.points(0)["system.cpu.utilization"]
        second = provider.points(1)["system.cpu.utilization"]
        assert first == second
        busy = 1 - first[(("cpu.mode", "idle"),)]
        assert busy > 0.5 / (os.cpu_count() or 1)


@linux
def test_psutil_is_not_loaded_on_linux() -> None:
    """The direct way needs no psutil: importing it would cost each program 20 ms."""
    code = (
        "import sys; from vaquero_instrumentation_system import SystemInstrumentor;"
        "SystemInstrumentor().instrument(); print('psutil' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize("problem", [psutil.AccessDenied(), psutil.NoSuchProcess(1), OSError("x")])
def test_psutil_failures_are_two_lines_at_most(
    problem: Exception,
    make_provider: Any,
    instrumented: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """On the portable way a psutil that refuses some things leaves the others."""
    monkeypatch.setattr(sys, "platform", "darwin")

    def refuse(*_: Any, **__: Any) -> Any:
        raise problem

    for name in ("disk_io_counters", "net_io_counters", "pids"):
        monkeypatch.setattr(psutil, name, refuse)
    monkeypatch.delattr(psutil, "boot_time")
    provider = make_provider()
    instrumented(SystemInstrumentor, meter_provider=provider.provider)
    names = set(provider.points())
    assert {"system.cpu.time", "system.memory.usage", "system.cpu.logical.count"} <= names
    assert not names & {"system.disk.io", "system.network.io", "system.process.count"}
    assert len(caplog.records) <= 2


def test_a_reader_thread_and_a_flush_do_not_disturb_each_other(
    make_provider: Any, instrumented: Any
) -> None:
    """Collecting from several threads at once gives complete cycles in each."""
    provider = make_provider(readers=4)
    instrumented(SystemInstrumentor, meter_provider=provider.provider)
    sizes: list[int] = []
    threads = [
        threading.Thread(
            target=lambda reader=reader: sizes.extend(
                len(provider.points(reader)) for _ in range(5)
            )
        )
        for reader in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sizes) == 20
    assert min(sizes) >= 20


@linux
def test_the_link_count_is_checked(fake_root: Path, make_provider: Any) -> None:
    """Where links of /proc do not count processes, the entries are counted."""
    from vaquero_instrumentation_common.host_linux import LinuxHost

    host = LinuxHost(str(fake_root))
    assert host.process_count() == 3
    shutil.rmtree(fake_root / "proc/34")
    assert host.process_count() == 2
    logging.getLogger("vaquero.instrumentation.system").debug("done")


def test_conventions(conventions: dict[str, tuple[str, str]], convention_keys: set[str]) -> None:
    """Names, kinds, units and attribute keys are those of the newest conventions installed."""
    for row in ALL_ROWS:
        if row.name.startswith("system."):
            assert conventions[row.name] == (row.kind, row.unit), row.name
        else:
            assert row.name.startswith("vaquero.")
        assert set(row.attributes) <= convention_keys, row.name
