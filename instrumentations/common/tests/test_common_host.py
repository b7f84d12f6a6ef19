"""Readers of a host: against a wholly known tree, and against psutil on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from vaquero_instrumentation_common import UnsupportedReadingError
from vaquero_instrumentation_common.host import (
    Selection,
    selected_interfaces,
    total_disk,
    total_network,
)
from vaquero_instrumentation_common.host_linux import LinuxHost
from vaquero_instrumentation_common.host_portable import PortableHost
from vaquero_instrumentation_common.platform import host_reader

KIB = 1024
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


@linux
class TestFakeTree:
    def test_cpu(self, fake_root: Path) -> None:
        """Ticks become seconds, irq and softirq are interrupt, guest is not counted twice."""
        times = LinuxHost(str(fake_root), per_core=True).cpu_times()
        found = dict(zip(times.modes, times.total, strict=True))
        assert found == pytest.approx(
            {"user": 1, "nice": 0.2, "system": 3, "idle": 40, "iowait": 0.5, "interrupt": 0.13,
             "steal": 0.08}
        )  # fmt: skip
        assert set(times.cores) == {0, 1}
        assert times.cores[1][0] == pytest.approx(0.4)

    def test_processors(self, fake_root: Path) -> None:
        """Two logical CPUs that are siblings are one core; clocks from cpuinfo in Hz."""
        info = LinuxHost(str(fake_root)).cpu_info()
        assert (info.logical, info.physical) == (2, 1)
        assert info.frequency_hz == {0: 2e9, 1: 3e9}

    def test_memory(self, fake_root: Path) -> None:
        """The states add up to the whole, the reclaimable slab being in the cache."""
        memory, swap = LinuxHost(str(fake_root)).memory_and_swap()
        assert memory.total == 16000000 * KIB
        assert memory.available == 9000000 * KIB
        assert memory.cached == 5300000 * KIB
        assert memory.buffers is not None and memory.cached is not None
        states = memory.used + memory.free + memory.buffers + memory.cached
        assert states == memory.total
        assert (swap.total, swap.used, swap.free) == (
            2000000 * KIB,
            500000 * KIB,
            1500000 * KIB,
        )

    def test_paging(self, fake_root: Path) -> None:
        """Minor faults are those that are not major."""
        assert LinuxHost(str(fake_root)).page_counts() == (960, 40, 11, 12)

    def test_disks(self, fake_root: Path) -> None:
        """Whole real disks only: no partition, loop device or mapping counts bytes twice."""
        disks = LinuxHost(str(fake_root)).disks()
        assert set(disks) == {"sda", "sdb"}
        assert disks["sda"] == (10, 20, 2000 * 512, 4000 * 512, 0.03, 0.05, 1, 2, 0.7)
        total = total_disk(disks)
        assert total is not None
        assert (total.read_bytes, total.write_count) == (2008 * 512, 21)

    def test_disk_selection(self, fake_root: Path) -> None:
        """An include pattern brings a virtual device, an exclude pattern removes a real one."""
        included = LinuxHost(str(fake_root), disks=Selection(("dm-*",))).disks()
        assert set(included) == {"dm-0"}
        excluded = LinuxHost(str(fake_root), disks=Selection((), ("sda",))).disks()
        assert set(excluded) == {"sdb"}

    def test_networks(self, fake_root: Path) -> None:
        """Interfaces that leave the machine; numbers glued to the colon are read too."""
        networks = LinuxHost(str(fake_root)).networks()
        assert set(networks) == {"eth0", "eth1"}
        assert networks["eth0"] == (100000, 50000, 200, 100, 3, 1, 4, 2)
        assert networks["eth1"].received_bytes == 1000
        total = total_network(networks)
        assert total is not None and total.sent_bytes == 50500

    def test_filesystems(self, fake_root: Path) -> None:
        """Local devices once each; no overlay, network, snap or bound file."""
        found = LinuxHost(str(fake_root)).filesystems()
        assert [(f.device, f.mountpoint, f.mode) for f in found] == [
            ("/dev/sda1", "/data", "rw"),
            ("/dev/sdb", "/with blank", "ro"),
        ]
        real = shutil.disk_usage(fake_root)
        assert found[0].used + found[0].free + found[0].reserved == real.total

    def test_the_rest(self, fake_root: Path) -> None:
        """Load, processes and uptime."""
        host = LinuxHost(str(fake_root))
        assert host.load_average() == (0.5, 1.25, 2.0)
        assert host.process_count() == 3
        assert host.uptime_s() == 1234.5

    @pytest.mark.parametrize(
        ("path", "method"),
        [("proc/diskstats", "disks"), ("proc/vmstat", "page_counts"),
         ("proc/meminfo", "memory"), ("proc/1/net/dev", "networks"), ("proc/1/mounts",
          "filesystems"), ("proc/stat", "cpu_times")],
    )  # fmt: skip
    def test_a_missing_file_is_that_reading_alone(
        self, fake_root: Path, path: str, method: str
    ) -> None:
        """Each reading fails for itself when its file is gone."""
        (fake_root / path).unlink()
        host = LinuxHost(str(fake_root))
        with pytest.raises(FileNotFoundError):
            getattr(host, method)()
        assert host.load_average()

    def test_no_sys(self, fake_root: Path) -> None:
        """Without /sys disks are told by name and CPUs by /proc/stat."""
        shutil.rmtree(fake_root / "sys")
        host = LinuxHost(str(fake_root))
        assert host.cpu_info().logical == 2
        assert host.cpu_info().physical is None
        assert "loop0" not in host.disks()
        assert "sda" in host.disks()


def _bracketed(read: Callable[[], Any], other: Callable[[], Any]) -> tuple[Any, Any, Any]:
    """Read between two readings of the other source: a true counter lies between them."""
    before = other()
    return before, read(), other()


@linux
class TestEqualToPsutil:
    def test_cpu(self) -> None:
        """Seconds of each mode lie between two readings of psutil."""
        host = LinuxHost(per_core=True)
        before, mine, after = _bracketed(host.cpu_times, psutil.cpu_times)
        for mode, value in zip(mine.modes, mine.total, strict=True):
            if mode in ("user", "nice", "system", "idle", "steal"):
                assert getattr(before, mode) <= value + 1e-6 <= getattr(after, mode) + 2e-6
        assert len(mine.cores) == psutil.cpu_count()

    def test_counts(self) -> None:
        """Logical and physical counts are psutil's; processes within what comes and goes."""
        info = LinuxHost().cpu_info()
        assert (info.logical, info.physical) == (
            psutil.cpu_count(),
            psutil.cpu_count(logical=False),
        )
        assert LinuxHost().process_count() == pytest.approx(len(psutil.pids()), abs=25)

    def test_memory(self) -> None:
        """Total exact; moving values within one percent of the machine's memory."""
        memory, swap = LinuxHost().memory_and_swap()
        other = psutil.virtual_memory()
        assert memory.total == other.total
        for name in ("available", "free", "buffers", "cached", "shared"):
            assert getattr(memory, name) == pytest.approx(
                getattr(other, name), abs=other.total / 100
            )
        assert swap.total == psutil.swap_memory().total

    def test_disks(self) -> None:
        """Every counter of every device lies between two readings of psutil."""
        host = LinuxHost(disks=Selection(("*",)))
        before, mine, after = _bracketed(
            host.disks, lambda: psutil.disk_io_counters(perdisk=True, nowrap=False)
        )
        assert mine
        for name, row in mine.items():
            for field in ("read_bytes", "write_bytes", "read_count", "write_count"):
                assert getattr(before[name], field) <= getattr(row, field)
                assert getattr(row, field) <= getattr(after[name], field)

    def test_networks(self) -> None:
        """Every counter of every interface lies between two readings of psutil."""
        host = LinuxHost(interfaces=Selection(("*",)))
        before, mine, after = _bracketed(
            host.networks, lambda: psutil.net_io_counters(pernic=True, nowrap=False)
        )
        assert set(mine) == set(before)
        for name, row in mine.items():
            assert before[name].bytes_recv <= row.received_bytes <= after[name].bytes_recv
            assert before[name].packets_sent <= row.sent_packets <= after[name].packets_sent

    def test_filesystem(self) -> None:
        """The size of a mount is psutil's."""
        found = LinuxHost(mounts=Selection(("/",))).filesystems()
        usage = psutil.disk_usage("/")
        assert found
        assert found[0].used + found[0].free + found[0].reserved == usage.total

    def test_uptime(self) -> None:
        """Seconds since boot as /proc/uptime has them."""
        with open("/proc/uptime") as file:
            expected = float(file.read().split()[0])
        assert LinuxHost().uptime_s() == pytest.approx(expected, abs=5)


class TestPortable:
    def test_it_reads_this_machine(self) -> None:
        """The portable way gives the same shape through psutil."""
        host = PortableHost(psutil, per_core=True)
        times = host.cpu_times()
        assert {"user", "system", "idle"} <= set(times.modes)
        assert len(times.cores) == psutil.cpu_count()
        assert host.cpu_info().logical == psutil.cpu_count()
        memory, _ = host.memory_and_swap()
        parts = (memory.used, memory.free, memory.buffers or 0, memory.cached or 0)
        assert sum(parts) == memory.total
        assert host.process_count() > 0
        assert host.uptime_s() > 0
        assert isinstance(host.filesystems(), tuple)
        assert isinstance(host.networks(), dict)
        assert isinstance(host.disks(), dict)

    def test_a_windows_shape(self) -> None:
        """Psutil without what Windows lacks: the rest is read, what lacks is unsupported."""
        times = types.SimpleNamespace(user=1.0, system=2.0, idle=3.0, interrupt=0.5, dpc=0.1)
        windows = types.SimpleNamespace(
            cpu_times=lambda percpu=False: [times] if percpu else times,
            cpu_count=lambda logical=True: 4 if logical else 2,
            virtual_memory=lambda: types.SimpleNamespace(total=100, available=40, free=40),
            disk_io_counters=lambda perdisk, nowrap: {
                "PhysicalDrive0": types.SimpleNamespace(
                    read_count=1, write_count=2, read_bytes=3, write_bytes=4, read_time=5,
                    write_time=6,
                )
            },
        )  # fmt: skip
        host = PortableHost(windows)
        assert host.cpu_times().modes == ("user", "system", "idle", "interrupt")
        assert host.cpu_info() == (4, 2, {})
        assert host.memory() == (100, 40, 60, 40, None, None, None, None, None)
        assert host.memory_and_swap()[1] == (0, 0, 0)
        assert host.disks()["PhysicalDrive0"].busy_s is None
        for name in ("networks", "page_counts", "process_count", "filesystems", "uptime_s"):
            with pytest.raises(UnsupportedReadingError):
                getattr(host, name)()

    def test_the_platform_decides(self, fake_root: Path) -> None:
        """The direct way on Linux with /proc, the portable one elsewhere."""
        assert isinstance(host_reader(str(fake_root), on_linux=lambda: True), LinuxHost)
        assert isinstance(host_reader(on_linux=lambda: False), PortableHost)
        assert isinstance(
            host_reader(str(fake_root / "nowhere"), on_linux=lambda: True), PortableHost
        )


def test_interfaces_of_a_container() -> None:
    """A machine with nothing but tunnels still has a network; lo never counts by itself."""
    assert selected_interfaces(("lo", "eth0", "veth1"), Selection()) == {"eth0"}
    assert selected_interfaces(("lo", "wg0"), Selection()) == {"wg0"}
    assert selected_interfaces(("lo",), Selection()) == set()
    assert selected_interfaces(("lo", "eth0"), Selection(("lo",))) == {"lo"}


def test_a_platform_without_posix() -> None:
    """Without fork, fcntl, O_CLOEXEC and the rest the packages import and find no groups."""
    code = """
import asyncio, os, subprocess, sys, sysconfig, tempfile
sysconfig.get_paths()  # The real platform names files of its own.
import opentelemetry.instrumentation.instrumentor, opentelemetry.metrics
for name in ("O_CLOEXEC", "O_NOFOLLOW", "register_at_fork", "sysconf", "getloadavg", "getuid",
             "statvfs", "sched_getaffinity", "fork"):
    if hasattr(os, name):
        delattr(os, name)
sys.modules["fcntl"] = None
sys.modules["resource"] = None
sys.platform = "win32"
from vaquero_instrumentation_common import HostLock, UnsupportedReadingError
from vaquero_instrumentation_common.cgroup import find_groups
from vaquero_instrumentation_container import ContainerInstrumentor
from vaquero_instrumentation_process.readers import PortableProcess, available_cpus
from vaquero_instrumentation_runtime import RuntimeInstrumentor
from vaquero_instrumentation_system import SystemInstrumentor
assert HostLock("key").holds()
assert available_cpus() >= 1
try:
    find_groups("/nowhere")
except UnsupportedReadingError:
    print("ok")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("ok\n", "")
