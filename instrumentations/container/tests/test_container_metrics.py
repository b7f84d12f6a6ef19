"""The container's metrics: fake trees of both versions, and groups that the test makes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from vaquero_instrumentation_common import COUNTER, GAUGE
from vaquero_instrumentation_common.cgroup import CgroupReader, find_groups
from vaquero_instrumentation_container import ContainerInstrumentor
from vaquero_instrumentation_container.table import container_rows

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
MIB = 1024 * 1024
POD = "/kubepods/pod1/app"


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text + "\n")


def _v2(root: Path, path: str = POD, app: str = "max", pod: str = str(400 * MIB)) -> Path:
    """A version 2 tree: the app's group without a memory limit, its pod with one."""
    top = root / "sys/fs/cgroup"
    _write(root / "proc/self", {
        "cgroup": f"0::{path}",
        "mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw",
    })  # fmt: skip
    _write(top, {"cpu.stat": "usage_usec 999"})
    stat = "anon {0}\ninactive_file {1}\npgfault 50\npgmajfault 5"
    _write(top / "kubepods", {"cgroup.events": "", "memory.max": "max", "cpu.max": "max 100000"})
    _write(top / "kubepods/pod1", {
        "cgroup.events": "", "memory.max": pod, "memory.current": str(300 * MIB),
        "memory.stat": stat.format(200 * MIB, 100 * MIB), "cpu.max": "400000 100000",
        "cpu.stat": "usage_usec 9000000\nuser_usec 6000000\nsystem_usec 3000000",
    })  # fmt: skip
    own = top / path.lstrip("/")
    _write(own, {
        "cgroup.events": "", "memory.max": app, "memory.current": str(150 * MIB),
        "memory.stat": stat.format(90 * MIB, 50 * MIB), "cpu.max": "50000 100000",
        "cpu.stat": "usage_usec 5000000\nuser_usec 3000000\nsystem_usec 2000000\n"
                    "nr_periods 100\nnr_throttled 7\nthrottled_usec 2500000",
        "cpu.pressure": "some avg10=1.0 avg60=0 avg300=0 total=4000000\n"
                        "full avg10=0 avg60=0 avg300=0 total=1000000",
    })  # fmt: skip
    return own


def _v1(root: Path) -> Path:
    """A version 1 tree as in a container without a name space: mounts show a part."""
    path = "/docker/abc"
    lines = [
        f"3{n} 23 0:{n} {path} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}"
        for n, name in enumerate(("memory", "cpu,cpuacct"))
    ]
    _write(root / "proc/self", {
        "cgroup": f"5:cpu,cpuacct:{path}\n4:memory:{path}\n0::/",
        "mountinfo": "\n".join(lines),
    })  # fmt: skip
    top = root / "sys/fs/cgroup"
    _write(top / "memory", {
        "memory.limit_in_bytes": str(512 * MIB), "memory.usage_in_bytes": str(256 * MIB),
        "memory.stat": f"rss 1\ntotal_rss {100 * MIB}\ntotal_inactive_file {128 * MIB}\n"
                       "total_pgfault 30\ntotal_pgmajfault 3",
    })  # fmt: skip
    _write(top / "cpu,cpuacct", {
        "cpu.cfs_quota_us": "100000", "cpu.cfs_period_us": "100000",
        "cpu.stat": "nr_periods 10\nnr_throttled 2\nthrottled_time 3000000000",
        "cpuacct.usage": "4000000000", "cpuacct.usage_user": "3000000000",
        "cpuacct.usage_sys": "1000000000",
    })  # fmt: skip
    return top


@pytest.fixture
def collect(
    fake_root: Path, clock: Any, make_provider: Any, instrumented: Any
) -> Callable[..., Any]:
    """Instrument a fake machine, let 10 s pass with what ``grow`` changes, return points."""

    def run(grow: Callable[[], None] = lambda: None) -> Any:
        class Faked(ContainerInstrumentor):
            root = str(fake_root)

        provider = make_provider()
        instrumented(Faked, meter_provider=provider.provider, clock=clock)
        grow()
        clock.advance(10)
        return provider

    return run


def _value(points: Any, name: str, **more: str) -> Any:
    found = [
        value
        for key, value in points[name].items()
        if all(dict(key).get(k.replace("__", ".")) == v for k, v in more.items())
    ]
    assert len(found) == 1, (name, points[name])
    return found[0]


class TestVersion2:
    def test_values(self, fake_root: Path, collect: Callable[..., Any]) -> None:
        """Limits are the least of the ancestors', shares the greatest; each value known."""
        own = _v2(fake_root)

        def grow() -> None:
            stat = own / "cpu.stat"
            stat.write_text(stat.read_text().replace("usage_usec 5000000", "usage_usec 9000000"))
            pressure = own / "cpu.pressure"
            pressure.write_text(pressure.read_text().replace("total=4000000", "total=5000000"))

        points = collect(grow).points()
        assert _value(points, "vaquero.container.memory.limit") == 400 * MIB
        assert _value(points, "container.memory.usage") == 150 * MIB
        assert _value(points, "container.memory.working_set") == 100 * MIB
        assert _value(points, "container.memory.available") == 300 * MIB
        assert _value(points, "container.memory.rss") == 90 * MIB
        # The pod: 300 MiB used, 100 of them file cache, 400 allowed.
        assert _value(points, "vaquero.container.memory.utilization") == pytest.approx(0.5)
        assert _value(points, "container.cpu.usage") == pytest.approx(0.4)
        assert _value(points, "vaquero.container.cpu.limit") == pytest.approx(0.5)
        assert _value(points, "vaquero.container.cpu.utilization") == pytest.approx(0.8)
        assert _value(points, "vaquero.container.cpu.throttled.periods") == 7
        assert _value(points, "vaquero.container.cpu.throttled.time") == 2.5
        assert _value(points, "container.cpu.time", cpu__mode="system") == 2
        assert _value(points, "container.paging.faults", system__paging__fault__type="minor") == 45
        cpu = _value(points, "vaquero.cpu.utilization", vaquero__limit__source="cgroup")
        assert cpu == pytest.approx(0.8)
        memory = _value(points, "vaquero.memory.utilization", vaquero__limit__source="cgroup")
        assert memory == pytest.approx(0.5)
        share = _value(points, "vaquero.container.pressure.share", vaquero__pressure__kind="some",
                       vaquero__limit__source="cgroup")  # fmt: skip
        assert share == pytest.approx(0.1)

    def test_exactly_the_table(self, fake_root: Path, collect: Callable[..., Any]) -> None:
        """With limits everywhere exactly the table is emitted: names, kinds, units, keys."""
        _v2(fake_root)
        metrics = collect().metrics()
        rows = {row.name: row for row in container_rows()}
        assert set(metrics) == set(rows)
        for name, metric in metrics.items():
            row = rows[name]
            assert metric.unit == row.unit
            assert getattr(metric.data, "is_monotonic", None) == (
                None if row.kind == GAUGE else row.kind == COUNTER
            )
            seen = {key for p in metric.data.data_points for key in p.attributes}
            assert seen == set(row.attributes)

    def test_without_a_limit(self, fake_root: Path, collect: Callable[..., Any]) -> None:
        """No limit: no limit metric, and what matters is the host's and says so."""
        own = _v2(fake_root, pod="max")
        for file in (own / "cpu.max", own.parent / "cpu.max"):
            file.write_text("max 100000\n")

        def grow() -> None:
            stat = fake_root / "proc/stat"
            stat.write_text(stat.read_text().replace("100 20 300 4000", "400 20 300 4700"))

        points = collect(grow).points()
        assert not {name for name in points if "limit" in name}
        assert "container.memory.available" not in points
        assert "vaquero.container.memory.utilization" not in points
        assert "vaquero.container.cpu.utilization" not in points
        cpu = _value(points, "vaquero.cpu.utilization", vaquero__limit__source="host")
        assert cpu == pytest.approx(0.3)
        memory = _value(points, "vaquero.memory.utilization", vaquero__limit__source="host")
        assert memory == pytest.approx(1 - 9 / 16)

    def test_a_limit_above_the_machine_does_not_limit(
        self, fake_root: Path, collect: Callable[..., Any]
    ) -> None:
        """A limit of more than the machine has is told, but the machine is what matters."""
        _v2(fake_root, pod=str(64 * 1024 * MIB))
        points = collect().points()
        assert _value(points, "vaquero.container.memory.limit") == 64 * 1024 * MIB
        _value(points, "vaquero.memory.utilization", vaquero__limit__source="host")

    def test_the_root_is_the_host(self, fake_root: Path, collect: Callable[..., Any]) -> None:
        """A process in the root group has no container metrics."""
        _v2(fake_root, path=POD)
        (fake_root / "proc/self/cgroup").write_text("0::/\n")
        assert set(collect().points()) == {
            "vaquero.cpu.utilization",
            "vaquero.memory.utilization",
        } - (
            {"vaquero.cpu.utilization"}  # Nothing was spent on the fake host meanwhile.
        )

    def test_a_name_space(self, fake_root: Path, collect: Callable[..., Any]) -> None:
        """In a cgroup name space the own group is the mount point, and no path is told."""
        own = _v2(fake_root)
        (fake_root / "proc/self/cgroup").write_text("0::/\n")
        (fake_root / "proc/self/mountinfo").write_text(
            f"30 23 0:26 / {str(own)[len(str(fake_root)) :]} rw - cgroup2 cgroup2 rw\n"
        )
        points = collect().points()
        assert points["container.memory.usage"] == {(): 150 * MIB}


class TestVersion1:
    def test_values(self, fake_root: Path, collect: Callable[..., Any]) -> None:
        """The same metrics from the files of version 1."""
        top = _v1(fake_root)

        def grow() -> None:
            (top / "cpu,cpuacct/cpuacct.usage").write_text("9000000000\n")

        points = collect(grow).points()
        assert _value(points, "vaquero.container.memory.limit") == 512 * MIB
        assert _value(points, "container.memory.working_set") == 128 * MIB
        assert _value(points, "vaquero.container.memory.utilization") == pytest.approx(0.25)
        assert _value(points, "container.memory.rss") == 100 * MIB
        assert _value(points, "vaquero.container.cpu.limit") == 1
        assert _value(points, "container.cpu.usage") == pytest.approx(0.5)
        assert _value(points, "vaquero.container.cpu.utilization") == pytest.approx(0.5)
        assert _value(points, "vaquero.container.cpu.throttled.time") == 3
        assert _value(points, "container.cpu.time", cpu__mode="user") == 3
        _value(points, "vaquero.cpu.utilization", vaquero__limit__source="cgroup",
               process__linux__cgroup="/docker/abc")  # fmt: skip

    def test_no_limit_is_a_great_number(self, fake_root: Path, collect: Callable[..., Any]) -> None:
        """The number by which version 1 says "no limit" is not told as a limit."""
        top = _v1(fake_root)
        (top / "memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
        (top / "cpu,cpuacct/cpu.cfs_quota_us").write_text("-1\n")
        points = collect().points()
        assert not {name for name in points if "limit" in name}

    def test_pressure_of_the_host(self, fake_root: Path, collect: Callable[..., Any]) -> None:
        """Version 1 has no pressure of its own: the host's is told, as the host's."""
        _v1(fake_root)
        _write(fake_root / "proc/pressure", {"io": "some avg10=0 avg60=0 avg300=0 total=7000000"})
        points = collect().points()
        lost = _value(points, "vaquero.container.pressure.time", vaquero__limit__source="host")
        assert lost == 7


def test_no_groups_at_all(fake_root: Path, collect: Callable[..., Any], caplog: Any) -> None:
    """A platform without control groups: the verdict on the host only, silently."""
    assert set(collect().points()) == {"vaquero.memory.utilization"}
    assert caplog.text == ""


def test_groups_of_this_machine() -> None:
    """What is found here exists, and the own group of memory holds this process."""
    groups = find_groups()
    for folder in (*groups.memory, *groups.cpu, *groups.unified):
        assert os.path.isdir(folder)
    memory = CgroupReader(groups).memory()
    if memory is not None:
        assert memory.usage >= memory.working_set > 0


def test_conventions(conventions: dict[str, tuple[str, str]], convention_keys: set[str]) -> None:
    """Names, kinds, units and attribute keys are those of the newest conventions installed."""
    for row in container_rows():
        if row.name.startswith("container."):
            assert conventions[row.name] == (row.kind, row.unit), row.name
        else:
            assert row.name.startswith("vaquero.")
        assert {key for key in row.attributes if not key.startswith("vaquero.")} <= convention_keys


CHILD = """
import json, os, sys, time
for folder in sys.argv[1:]:
    with open(folder + "/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from vaquero_instrumentation_container import ContainerInstrumentor
reader = InMemoryMetricReader()
provider = MeterProvider([reader])
held = bytearray(os.urandom(1024) * 1024 * 60)
ContainerInstrumentor().instrument(meter_provider=provider, host_metrics="always")
end = time.monotonic() + 1.5
while time.monotonic() < end:
    pass
data = reader.get_metrics_data()
print(json.dumps({
    m.name: [[dict(p.attributes), p.value] for p in m.data.data_points]
    for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics
}))
"""


@pytest.fixture
def own_groups() -> Iterator[tuple[Path, Path]]:
    """A memory group of 200 MiB and a CPU group of a quarter CPU, version 1 (needs root)."""
    memory, cpu = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/cpu")
    made: list[Path] = []
    try:
        for top, name, value in (
            (memory, "memory.limit_in_bytes", str(200 * MIB)),
            (cpu, "cpu.cfs_quota_us", "25000"),
        ):
            group = top / f"vaquero-test-{os.getpid()}"
            group.mkdir()
            made.append(group)
            (group / name).write_text(value)
    except OSError as problem:
        for group in made:
            group.rmdir()
        pytest.skip(f"no groups can be made here: {problem}")
    yield made[0], made[1]
    for group in made:
        deadline = time.monotonic() + 10
        while True:
            try:
                group.rmdir()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def test_real_groups(own_groups: tuple[Path, Path]) -> None:
    """A busy process in groups with limits: its limits, its memory, its throttling."""
    import json

    folders = [str(group) for group in own_groups]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *folders],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = json.loads(done.stdout)

    def value(name: str) -> float:
        return found[name][0][1]

    assert value("vaquero.container.memory.limit") == 200 * MIB
    assert 60 * MIB < value("container.memory.usage") <= 200 * MIB
    share = value("container.memory.working_set") / (200 * MIB)
    assert value("vaquero.container.memory.utilization") == pytest.approx(share)
    attributes, shown = found["vaquero.memory.utilization"][0]
    assert attributes["vaquero.limit.source"] == "cgroup"
    assert shown == pytest.approx(share)
    assert psutil.virtual_memory().total > 200 * MIB
    assert value("vaquero.container.cpu.limit") == 0.25
    after = dict(line.split() for line in (own_groups[1] / "cpu.stat").read_text().splitlines())
    assert 0 < value("vaquero.container.cpu.throttled.periods") <= int(after["nr_throttled"])
    throttled_ns = round(value("vaquero.container.cpu.throttled.time") * 1e9)
    assert 0 < throttled_ns <= int(after["throttled_time"])
