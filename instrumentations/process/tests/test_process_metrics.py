"""The metrics of the own process, in the process itself and in its forked children."""

from __future__ import annotations

import json
import mmap
import os
import resource
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from vaquero_instrumentation_common import COUNTER, GAUGE, UnsupportedReadingError
from vaquero_instrumentation_process import ProcessInstrumentor, readers
from vaquero_instrumentation_process.readers import LinuxProcess, PortableProcess
from vaquero_instrumentation_process.settings import DETAIL
from vaquero_instrumentation_process.table import process_rows

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
MIB = 1024 * 1024
ROWS = process_rows(LinuxProcess(), DETAIL.choices)
USER = (("cpu.mode", "user"),)


@pytest.fixture
def collect(make_provider: Any, instrumented: Any) -> Callable[..., Any]:
    """Instrument this process; returns the provider."""

    def run(**arguments: Any) -> Any:
        provider = make_provider(readers=arguments.pop("readers", 1))
        instrumented(ProcessInstrumentor, meter_provider=provider.provider, **arguments)
        return provider

    return run


def _busy(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def _total(points: Any, name: str) -> float:
    return sum(points[name].values())


def _in_child(run: Callable[[], Any]) -> Any:
    """Run something in a forked child and return what it gave, through a pipe."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, json.dumps(run()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(data)


@linux
class TestTruth:
    def test_rows_kinds_units(self, collect: Callable[..., Any]) -> None:
        """Exactly the rows of the table are emitted, with their kinds, units and attributes."""
        provider = collect(process_detail="shares")
        _busy(0.1)
        metrics = provider.metrics()
        assert set(metrics) == {row.name for row in ROWS}
        for row in ROWS:
            metric = metrics[row.name]
            assert metric.unit == row.unit
            assert getattr(metric.data, "is_monotonic", None) == (
                None if row.kind == GAUGE else row.kind == COUNTER
            )
            seen = {key for p in metric.data.data_points for key in p.attributes}
            assert seen == set(row.attributes)

    def test_memory(self, collect: Callable[..., Any]) -> None:
        """Resident memory is that of /proc/self/statm within 1 MiB or one percent."""
        provider = collect()
        held = mmap.mmap(-1, 64 * MIB)
        held.write(b"x" * (64 * MIB))
        points = provider.points()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        expected = pages * resource.getpagesize()
        assert points["process.memory.usage"][()] == pytest.approx(expected, rel=0.01, abs=MIB)
        share = points["process.memory.utilization"][()]
        assert share == pytest.approx(expected / psutil.virtual_memory().total, rel=0.05)
        held.close()

    def test_cpu_of_a_busy_loop_in_every_reader(self, collect: Callable[..., Any]) -> None:
        """A busy loop shows in both readers at once, as its CPU time over the wall time."""
        provider = collect(readers=2)
        before, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        _busy(0.6)
        first, second = provider.points(0), provider.points(1)
        after, elapsed = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - wall
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        expected = spent / elapsed / len(os.sched_getaffinity(0))
        name = "process.cpu.utilization"
        assert _total(first, name) == pytest.approx(expected, abs=0.05)
        assert first[name] == second[name]

    def test_counters(self, collect: Callable[..., Any], tmp_path: Path) -> None:
        """CPU time, switches, faults and threads lie between readings of other sources."""
        provider = collect()
        before = resource.getrusage(resource.RUSAGE_SELF)
        points = provider.points()
        after = resource.getrusage(resource.RUSAGE_SELF)
        assert before.ru_utime <= points["process.cpu.time"][USER] <= after.ru_utime
        minor = points["process.paging.faults"][(("system.paging.fault.type", "minor"),)]
        assert before.ru_minflt <= minor <= after.ru_minflt
        key = (("process.context_switch.type", "voluntary"),)
        switches = points["process.context_switches"][key]
        assert before.ru_nvcsw <= switches <= after.ru_nvcsw
        assert points["process.thread.count"][()] == psutil.Process().num_threads()

    def test_disk_bytes_are_exact(self, collect: Callable[..., Any], tmp_path: Path) -> None:
        """Written bytes are those of /proc/self/io."""
        provider = collect()
        with open(tmp_path / "file", "wb") as file:
            file.write(b"x" * MIB)
            file.flush()
            os.fsync(file.fileno())
        points = provider.points()
        io = dict(
            line.split(": ") for line in Path("/proc/self/io").read_text().strip().splitlines()
        )
        key = (("disk.io.direction", "write"),)
        assert points["process.disk.io"][key] == int(io["write_bytes"])

    def test_descriptors(self, collect: Callable[..., Any], tmp_path: Path) -> None:
        """Ten more open files are ten more descriptors."""
        provider = collect()
        name = "process.unix.file_descriptor.count"
        before = provider.points()[name][()]
        files = [open(tmp_path / str(n), "w") for n in range(10)]
        time.sleep(0.11)  # Past the age at which a snapshot serves again.
        assert provider.points()[name][()] - before == 10
        for file in files:
            file.close()

    def test_uptime_and_shares(self, collect: Callable[..., Any]) -> None:
        """Age as psutil has it; unique and proportional size as psutil has them."""
        points = collect(process_detail="shares").points()
        process = psutil.Process()
        assert points["process.uptime"][()] == pytest.approx(
            time.time() - process.create_time(), abs=2
        )
        full = process.memory_full_info()
        assert points["vaquero.process.memory.unique"][()] == pytest.approx(full.uss, abs=MIB)
        assert points["vaquero.process.memory.proportional"][()] == pytest.approx(full.pss, abs=MIB)


@linux
class TestForked:
    def test_a_child_reports_itself_from_its_first_cycle(self, collect: Callable[..., Any]) -> None:
        """A child that takes 200 MiB and computes reports that; CPU time begins at nothing."""
        provider = collect()
        _busy(0.5)
        parent = provider.points()

        def child() -> Any:
            held = mmap.mmap(-1, 200 * MIB)
            held.write(b"x" * (200 * MIB))
            _busy(0.2)
            points = provider.points()
            return {
                "rss": points["process.memory.usage"][()],
                "cpu": _total(points, "process.cpu.time"),
                "share": _total(points, "process.cpu.utilization"),
                "uptime": points["process.uptime"][()],
                "real": int(Path("/proc/self/statm").read_text().split()[1])
                * resource.getpagesize(),
            }

        found = _in_child(child)
        assert found["rss"] >= 200 * MIB
        assert found["rss"] == pytest.approx(found["real"], rel=0.01, abs=MIB)
        assert 0.2 <= found["cpu"] < _total(parent, "process.cpu.time") + 0.4
        assert found["cpu"] < 5
        assert found["share"] > 0.05
        assert found["uptime"] < parent["process.uptime"][()] + 10

    def test_the_portable_way_too(self) -> None:
        """Psutil's process object is the child's own after a fork."""
        reader = PortableProcess(psutil)
        mine = reader.status().rss
        held = _in_child(
            lambda: [
                (lambda area: area.write(b"x" * (100 * MIB)))(mmap.mmap(-1, 100 * MIB)),
                reader._own("cpu_times").__self__.pid == os.getpid(),
            ]
        )
        assert held[1] is True
        assert reader.status().rss < mine + 50 * MIB


class TestPortable:
    @linux
    def test_equal_to_the_direct_way(self) -> None:
        """Psutil and /proc agree on this process."""
        direct, portable = LinuxProcess(), PortableProcess(psutil)
        assert direct.status().rss == pytest.approx(portable.status().rss, rel=0.02, abs=MIB)
        assert direct.status().virtual == pytest.approx(portable.status().virtual, abs=8 * MIB)
        assert direct.status().threads == portable.status().threads
        assert direct.disk_io()[0] <= portable.disk_io()[0]
        assert direct.descriptors() == pytest.approx(portable.descriptors(), abs=1)
        assert direct.memory_total() == pytest.approx(portable.memory_total(), rel=0.01)
        times = psutil.Process().cpu_times()
        assert direct.usage().user_s == pytest.approx(times.user, abs=0.5)

    def test_a_windows_shape(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without getrusage and descriptors: times and switches from psutil, handles counted."""
        monkeypatch.setattr(readers, "resource", None)

        class Process:
            def __init__(self, pid: int) -> None:
                self.pid = pid

            def cpu_times(self) -> Any:
                return types.SimpleNamespace(user=1.5, system=0.5)

            def num_ctx_switches(self) -> Any:
                return types.SimpleNamespace(voluntary=7, involuntary=0)

            def num_handles(self) -> int:
                return 42

        windows = PortableProcess(types.SimpleNamespace(Process=Process, Error=psutil.Error))
        assert windows.usage() == (1.5, 0.5, None, None, 7, 0)
        assert windows.handles() == 42
        for method in (windows.descriptors, windows.disk_io, windows.shares):
            with pytest.raises(UnsupportedReadingError):
                method()
        names = {row.name for row in process_rows(windows, windows=True)}
        assert "process.windows.handle.count" in names
        assert "process.unix.file_descriptor.count" not in names

    @pytest.mark.parametrize("problem", [psutil.AccessDenied(), psutil.NoSuchProcess(1)])
    def test_refusals_leave_the_others(
        self,
        problem: Exception,
        collect: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Psutil refusing half of it: the other half goes on, with two lines at most."""
        monkeypatch.setattr(sys, "platform", "darwin")

        def refuse(*_: Any) -> Any:
            raise problem

        for name in ("num_fds", "io_counters", "num_threads"):
            monkeypatch.setattr(psutil.Process, name, refuse)
        points = collect().points()
        assert "process.cpu.time" in points
        assert "process.unix.file_descriptor.count" not in points
        assert len(caplog.records) <= 2


def test_conventions(conventions: dict[str, tuple[str, str]], convention_keys: set[str]) -> None:
    """Names, kinds, units and attribute keys are those of the newest conventions installed."""
    for row in (*ROWS, *process_rows(LinuxProcess(), windows=True)):
        if row.name.startswith("process."):
            assert conventions[row.name] == (row.kind, row.unit), row.name
        else:
            assert row.name.startswith("vaquero.")
        assert set(row.attributes) <= convention_keys, row.name
