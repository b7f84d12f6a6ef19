"""Dashboards and rules show what is really emitted, by the names that Prometheus gives it."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import promql_parser
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """The script that writes dashboards and rules."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "deploy/generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate"] = module
    spec.loader.exec_module(module)
    return module


def queries() -> Iterator[tuple[str, str]]:
    """Yield each query of each committed file, with where it is."""
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]
    for path in sorted((ROOT / "deploy/prometheus").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield f"{path.name}: {rule['alert']}", rule["expr"]


def emitted() -> dict[str, tuple[str, str]]:
    """Return kind and unit of each metric in the tables of the instrumentations."""
    from vaquero_instrumentation_container.table import container_rows
    from vaquero_instrumentation_process.table import process_rows
    from vaquero_instrumentation_runtime.table import runtime_rows
    from vaquero_instrumentation_system.table import system_rows

    rows = [*system_rows(), *container_rows(), *process_rows(MagicMock()), *runtime_rows()]
    return {row.name: (row.kind, row.unit) for row in rows}


def test_what_is_committed_is_what_the_script_writes(generate: ModuleType) -> None:
    """No dashboard and no rule was changed by hand or forgotten."""
    for path, text in generate.files().items():
        assert path.read_text() == text, f"{path}: run python deploy/generate.py"
    written = {path for path in generate.files() if path.suffix == ".json"}
    assert set((ROOT / "dashboards").glob("*.json")) == written


def test_every_query_is_promql_about_metrics_of_the_table(generate: ModuleType) -> None:
    """Each query is PromQL, and each metric in it is one of the table."""
    known = {generate.prometheus_name(name) for name in generate.SOURCE["metrics"]}
    used: set[str] = set()
    for where, query in queries():
        plain = query.replace("$__rate_interval", "1m")
        promql_parser.parse(plain)
        # What is left of a query without strings, braces, words of the language and labels.
        bare = re.sub(r'"[^"]*"|\{[^}]*\}|\b(by|without) \([^)]*\)|\[[^\]]*\]', " ", plain)
        names = {word for word in re.findall(r"[a-z][a-z0-9_]+", bare) if "_" in word}
        names -= {"histogram_quantile", "histogram_sum"}
        assert names and names <= known, f"{where}: {names - known}"
        used |= names
    assert used == known, f"in the table and nowhere used: {known - used}"


def test_the_table_agrees_with_the_instrumentations(generate: ModuleType) -> None:
    """Names, kinds and units of gauges are those of the tables of the packages that emit them."""
    tables = emitted()
    own = ("traces.", "exceptions.", "otelcol_")
    for name, (kind, unit) in generate.SOURCE["metrics"].items():
        if not name.startswith(own):
            assert tables.get(name) == (kind, unit), name


def test_the_documented_metrics_are_the_same(generate: ModuleType) -> None:
    """Each gauge of a dashboard is in the page of metrics, once there is one."""
    page = ROOT / "docs/metrics.md"
    text = page.read_text() if page.is_file() else None
    for name in generate.SOURCE["metrics"]:
        if text is not None and not name.startswith(("traces.", "exceptions.", "otelcol_")):
            assert f"`{name}`" in text, name


@pytest.mark.parametrize(
    ("kind", "unit", "name", "expected"),
    [
        ("gauge", "1", "a.share", "a_share_ratio"),
        ("updowncounter", "1", "a.b", "a_b"),
        ("counter", "By", "a.io", "a_io_bytes_total"),
        ("counter", "s", "x_seconds", "x_seconds_total"),
        ("gauge", "{task}", "a.tasks", "a_tasks"),
        ("histogram", "s", "a.duration", "a_duration_seconds"),
    ],
)
def test_names_follow_the_translation_of_prometheus(
    kind: str, unit: str, name: str, expected: str, generate: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Kind and unit become the suffixes that Prometheus adds to what it gets by OTLP."""
    monkeypatch.setitem(generate.SOURCE["metrics"], name, [kind, unit])
    assert generate.prometheus_name(name) == expected


def test_a_metric_that_nobody_emits_is_refused(generate: ModuleType) -> None:
    """A query about a metric that is not in the table cannot be written."""
    with pytest.raises(KeyError):
        generate.expression("rate(<system.cpu.nonsense>[1m])")


def test_panels_do_not_overlap() -> None:
    """Each panel of a dashboard has a place of its own, within the width of the page."""
    for path in (ROOT / "dashboards").glob("*.json"):
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(path.read_text())["panels"]:
            grid: dict[str, Any] = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(grid["x"], grid["x"] + grid["w"])
                for y in range(grid["y"], grid["y"] + grid["h"])
            }
            assert max(x for x, _y in cells) < 24
            assert not cells & taken, f"{path.name}: {panel['title']}"
            taken |= cells


def test_alerts_have_what_prometheus_needs() -> None:
    """Each rule has a duration, a severity and a summary, and a name of its own."""
    names: list[str] = []
    for path in (ROOT / "deploy/prometheus").glob("*.yaml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                assert re.fullmatch(r"\d+m", rule["for"])
                assert rule["labels"]["severity"] in ("warning", "critical")
                assert rule["annotations"]["summary"]
                names.append(rule["alert"])
    assert len(names) == len(set(names)) == 12


def test_dashboards_are_found_by_compose() -> None:
    """The folder that Grafana is told to read is the one where compose mounts the dashboards."""
    provider = yaml.safe_load((ROOT / "deploy/compose/grafana-dashboards.yaml").read_text())
    path = provider["providers"][0]["options"]["path"]
    compose = (ROOT / "docker-compose.yml").read_text()
    assert f"./dashboards:{path}:ro" in compose
    prometheus = yaml.safe_load((ROOT / "deploy/compose/prometheus.yaml").read_text())
    assert prometheus["rule_files"] == ["/etc/vaquero/rules/*.yaml"]
    assert "./deploy/prometheus:/etc/vaquero/rules:ro" in compose
    # What dashboards group by has to be a label.
    promoted = {
        name.replace(".", "_") for name in prometheus["otlp"]["promote_resource_attributes"]
    }
    assert {"service_name", "service_instance_id", "host_name"} <= promoted
