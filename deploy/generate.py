"""Writes the Grafana dashboards and the Prometheus rules from `observability.yaml`.

Also copies the Collector's configuration to where kustomize can read it.

Run after a change: `python deploy/generate.py`. With `--check` it writes nothing and says whether
what is committed is what it would write.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/observability.yaml").read_text())
RULES = ROOT / "deploy" / "prometheus" / "vaquero.rules.yaml"
PROMETHEUS = {"type": "prometheus", "uid": "prometheus"}
COLUMNS, HEIGHT, USUAL_WIDTH = 24, 8, 8
_UNITS = {"s": "seconds", "By": "bytes", "Hz": "hertz", "By/s": "bytes_per_second"}


def prometheus_name(name: str) -> str:
    """Return how Prometheus calls a metric of the table, by its translation of OTLP.

    Raises:
        KeyError: the table has no such metric.
    """
    kind, unit = SOURCE["metrics"][name]
    words = [re.sub(r"[^a-zA-Z0-9_]", "_", name)]
    if unit == "1" and kind == "gauge":
        words.append("ratio")
    if (word := _UNITS.get(unit)) and not words[0].endswith(word):
        words.append(word)
    if kind == "counter":
        words.append("total")
    return "_".join(words)


def expression(query: str) -> str:
    """Return a query with its parts and the names of its metrics filled in."""
    while "@" in query:
        query = re.sub(r"@(\w+)", lambda found: SOURCE["parts"][found[1]], query)
    return re.sub(r"<([a-z0-9_.]+)>", lambda found: prometheus_name(found[1]), query)


def dashboard(name: str) -> dict[str, Any]:
    """Return a dashboard of Grafana, its panels in rows from left to right."""
    described = SOURCE["dashboards"][name]
    placed: list[dict[str, Any]] = []
    x = y = 0
    for panel in described["panels"]:
        width = panel.get("width", USUAL_WIDTH)
        if x + width > COLUMNS:
            x, y = 0, y + HEIGHT
        grid = {"x": x, "y": y, "w": width, "h": HEIGHT}
        placed.append({"id": len(placed) + 1, **_panel(panel), "gridPos": grid})
        x += width
    return {
        "uid": f"vaquero-{name}",
        "title": f"vaquero / {described['title']}",
        "tags": ["vaquero", "opentelemetry"],
        "schemaVersion": 41,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {"list": [_variable(item) for item in described.get("variables", [])]},
        "panels": placed,
    }


def _variable(name: str) -> dict[str, Any]:
    label = {"service": "service_name", "kind": "span_kind"}[name]
    query = expression(f"label_values(@calls, {label})")
    return {
        "name": name,
        "type": "query",
        "datasource": PROMETHEUS,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(panel: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel["title"],
        "description": panel.get("description", ""),
        "datasource": PROMETHEUS,
        "fieldConfig": {
            "defaults": {"unit": panel["unit"], "min": 0, "custom": {"fillOpacity": 8}},
            "overrides": [],
        },
        "options": {"tooltip": {"mode": "multi"}, "legend": {"displayMode": "list"}},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": PROMETHEUS,
                "expr": expression(query),
                "legendFormat": legend,
                # A point of the duration leads to one of its traces.
                "exemplar": "durations" in query,
            }
            for place, (legend, query) in enumerate(panel["queries"].items())
        ],
    }


def rules() -> str:
    """Return the rules of Prometheus, as YAML."""
    listed = [
        {
            "alert": f"Vaquero{name}",
            "expr": expression(alert["query"]),
            "for": alert["for"],
            "labels": {"severity": alert["severity"]},
            "annotations": {"summary": alert["summary"]},
        }
        for name, alert in SOURCE["alerts"].items()
    ]
    groups = {"groups": [{"name": "vaquero", "rules": listed}]}
    text = yaml.safe_dump(groups, sort_keys=False, width=1000)
    return f"# Written by deploy/generate.py from deploy/observability.yaml.\n{text}"


def kubernetes() -> dict[Path, str]:
    """Return the copies that kustomize needs, because it reads nothing above its own folder."""
    folder = ROOT / "deploy" / "kubernetes"
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["configMapGenerator"]
    overlays = {path.name: path for path in (ROOT / "collector/overlays").rglob("*.yaml")}
    sources = {**overlays, "collector-config.yaml": ROOT / "collector-config.yaml"}
    names = [Path(path).name for path in listed[0]["files"]]
    return {folder / "config" / name: sources[name].read_text() for name in names}


def files() -> dict[Path, str]:
    """Return the content of each file that is written."""
    boards = {
        ROOT / "dashboards" / f"{name}.json": json.dumps(dashboard(name), indent=2) + "\n"
        for name in SOURCE["dashboards"]
    }
    return {**boards, **kubernetes(), RULES: rules()}


def main() -> int:
    """Write the files, or with `--check` compare them; the exit code says whether all is well."""
    check = "--check" in sys.argv[1:]
    stale = {
        path: text
        for path, text in files().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    for path, text in stale.items():
        if check:
            sys.stderr.write(f"{path} is stale: run python deploy/generate.py\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
