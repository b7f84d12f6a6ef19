"""What the tests of all instrumentation packages share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader
from opentelemetry.sdk.resources import Resource

STAT = """\
cpu  100 20 300 4000 50 6 7 8 9 0
cpu0 60 10 200 2000 30 3 3 4 9 0
cpu1 40 10 100 2000 20 3 4 4 0 0
intr 1 2 3
ctxt 5
btime 1700000000
processes 10
procs_running 2
procs_blocked 0
"""
MEMINFO = """\
MemTotal:       16000000 kB
MemFree:         4000000 kB
MemAvailable:    9000000 kB
Buffers:          500000 kB
Cached:          5000000 kB
SwapCached:            0 kB
SwapTotal:       2000000 kB
SwapFree:        1500000 kB
Shmem:            200000 kB
SReclaimable:     300000 kB
SUnreclaim:       100000 kB
HugePages_Total:       0
"""
VMSTAT = "nr_free_pages 5\npswpin 11\npswpout 12\npgfault 1000\npgmajfault 40\n"
DISKSTATS = """\
   8       0 sda 10 1 2000 30 20 2 4000 50 0 700 80 0 0 0 0 0 0
   8       1 sda1 9 1 1900 30 20 2 4000 50 0 700 80 0 0 0 0 0 0
   8      16 sdb 1 0 8 1 1 0 16 1 0 2 2 0 0 0 0 0 0
   7       0 loop0 5 0 500 1 0 0 0 0 0 1 1 0 0 0 0 0 0
 253       0 dm-0 5 0 500 1 0 0 0 0 0 1 1 0 0 0 0 0 0
"""
NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:    3000      30    0    0    0     0          0         0     3000      30    0    0    0
  eth0: 100000     200    3    4    0     0          0         0    50000     100    1    2    0
  eth1:1000     20    0    0    0     0          0         0    500     10    0    0    0
docker0: 7    7    7    7    0     0          0         0    7     7    7    7    0
"""
MOUNTS = """\
proc /proc proc rw 0 0
overlay / overlay rw,lowerdir=/a:/b 0 0
/dev/sda1 /etc/hosts ext4 rw,relatime 0 0
/dev/sda1 /data ext4 rw,relatime 0 0
/dev/sda1 /data/again ext4 rw,relatime 0 0
/dev/sdb /with\\040blank xfs ro,relatime 0 0
server:/x /nfs nfs4 rw 0 0
/dev/loop0 /snap/core squashfs ro 0 0
tmpfs /run tmpfs rw 0 0
"""
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 3
"""


@pytest.fixture(autouse=True)
def _own_host_lock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> None:
    """Keep the lock of these tests apart from every other process of the user."""
    monkeypatch.setenv("VAQUERO_HOST_LOCK_DIR", str(tmp_path_factory.mktemp("lock")))
    Path(str(tmp_path_factory.getbasetemp())).chmod(0o700)


@pytest.fixture
def fake_root(tmp_path: Path) -> Path:
    """A file system with a small, wholly known /proc and /sys."""
    proc, sys_ = tmp_path / "proc", tmp_path / "sys"
    files = {
        proc / "stat": STAT,
        proc / "meminfo": MEMINFO,
        proc / "vmstat": VMSTAT,
        proc / "diskstats": DISKSTATS,
        proc / "loadavg": "0.50 1.25 2.00 3/400 12345\n",
        proc / "uptime": "1234.50 999.00\n",
        proc / "1/net/dev": NET_DEV,
        proc / "1/net/tcp": TCP,
        proc / "1/mounts": MOUNTS,
        proc / "cpuinfo": "processor : 0\ncpu MHz : 2000.0\n\nprocessor : 1\ncpu MHz : 3000.0\n",
        sys_ / "devices/system/cpu/online": "0-1\n",
        sys_ / "devices/system/cpu/cpu0/topology/core_cpus_list": "0-1\n",
        sys_ / "devices/system/cpu/cpu1/topology/core_cpus_list": "0-1\n",
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for pid in ("2", "34"):
        (proc / pid).mkdir()
    for name, kind in (("sda", "pci"), ("sdb", "pci"), ("loop0", "virtual"), ("dm-0", "virtual")):
        device = sys_ / f"devices/{kind}/block/{name}"
        device.mkdir(parents=True)
        (sys_ / "block").mkdir(exist_ok=True)
        (sys_ / "block" / name).symlink_to(device)
    for folder in ("data", "data/again", "with blank", "nfs", "etc"):
        (tmp_path / folder).mkdir(exist_ok=True)
    return tmp_path


class Clock:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the present moment, in seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """Give a clock that moves when told."""
    return Clock()


Points = dict[str, dict[tuple[tuple[str, Any], ...], Any]]


class Provider:
    """A meter provider with readers in memory."""

    def __init__(self, readers: int = 1, **resource: str) -> None:
        self.readers = [InMemoryMetricReader() for _ in range(readers)]
        listed: list[MetricReader] = list(self.readers)
        self.provider = MeterProvider(
            metric_readers=listed, resource=Resource(dict(resource)), shutdown_on_exit=False
        )

    def metrics(self, reader: int = 0) -> dict[str, Any]:
        """Collect once; metrics by name."""
        data = self.readers[reader].get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, reader: int = 0) -> Points:
        """Collect once; values (or histogram points) by name and sorted attributes."""
        return {
            name: {_key(point): getattr(point, "value", point) for point in metric.data.data_points}
            for name, metric in self.metrics(reader).items()
        }


def _key(point: Any) -> tuple[tuple[str, Any], ...]:
    attributes: dict[str, Any] = dict(point.attributes or {})
    return tuple(sorted(attributes.items()))


@pytest.fixture
def make_provider() -> Iterator[Callable[..., Provider]]:
    """Make meter providers that end with the test."""
    made: list[Provider] = []

    def make(readers: int = 1, **resource: str) -> Provider:
        made.append(Provider(readers, **resource))
        return made[-1]

    yield make
    for provider in made:
        provider.provider.shutdown()


@pytest.fixture
def instrumented() -> Iterator[Callable[..., Any]]:
    """Instrument a package for one test, with a fresh instrumentor."""
    started: list[Any] = []

    def start(cls: Any, **arguments: Any) -> Any:
        cls._instance = None
        instrumentor = cls()
        started.append(instrumentor)
        instrumentor.instrument(**arguments)
        return instrumentor

    yield start
    for instrumentor in started:
        instrumentor.uninstrument()
        type(instrumentor)._instance = None


def _needs_newest_conventions() -> None:
    """Skip with an SDK of before the conventions that the tables follow."""
    release = version("opentelemetry-semantic-conventions").split("b")[0]
    if tuple(int(part) for part in release.split(".")) < (0, 66):
        pytest.skip("the conventions installed are older than those followed (1.44)")


@pytest.fixture(scope="session")
def conventions() -> dict[str, tuple[str, str]]:
    """Kind and unit of every metric of the newest semantic conventions, none deprecated."""
    _needs_newest_conventions()
    import opentelemetry.semconv._incubating.metrics as package

    found: dict[str, tuple[str, str]] = {}
    for file in Path(package.__path__[0]).glob("*.py"):
        entries = re.findall(r'Final = "([\w.]+)"\n"""\n(.*?)"""\n', file.read_text(), re.S)
        for name, text in entries:
            kind = re.search(r"^Instrument: (\w+)$", text, re.M)
            unit = re.search(r"^Unit: (\S+)$", text, re.M)
            if kind and unit and not text.startswith("Deprecated"):
                found[name] = (kind[1], unit[1])
    return found


@pytest.fixture(scope="session")
def convention_keys() -> set[str]:
    """Every attribute key of the newest semantic conventions, none deprecated."""
    _needs_newest_conventions()
    import opentelemetry.semconv._incubating.attributes as incubating
    import opentelemetry.semconv.attributes as stable

    keys: set[str] = set()
    files = [*Path(stable.__path__[0]).glob("*.py"), *Path(incubating.__path__[0]).glob("*.py")]
    for file in files:
        entries = re.findall(r'Final = "([\w.]+)"(?:\n"""\n(.*?)"""\n)?', file.read_text(), re.S)
        keys.update(name for name, text in entries if not text.startswith("Deprecated"))
    return keys
