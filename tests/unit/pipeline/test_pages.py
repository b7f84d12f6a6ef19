"""docs/pipeline.md names what the pipeline does, and its code runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from vaquero.pipeline import Destination, Pipeline, PipelineSettings
from vaquero.pipeline.self_metrics import register_instruments

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "pipeline.md").read_text("utf-8")
SOURCES = "".join(path.read_text("utf-8") for path in (ROOT / "vaquero" / "pipeline").rglob("*.py"))


def test_every_metric_is_on_the_page() -> None:
    """All instruments that the pipeline registers are listed by name."""
    created: list[str] = []

    class Meter:
        def __getattr__(self, kind: str) -> Any:
            return lambda name, *_: created.append(name)

    meter: Any = Meter()
    pipeline = Pipeline(PipelineSettings(traces=Destination("http://127.0.0.1:1/v1/traces")))
    register_instruments(meter, pipeline)
    assert len(created) > 10
    assert [name for name in created if f"`{name}`" not in PAGE] == []
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    register_instruments(provider.get_meter("t"), pipeline)
    assert reader.get_metrics_data() is not None
    provider.shutdown()


def test_every_reason_is_on_the_page() -> None:
    """All reasons for which something is counted as lost are explained."""
    reasons = set(re.findall(r'(?:drop|lost|_count_foreign)\([^()]*?"([a-z_]+)"', SOURCES))
    reasons -= {"traces", "metrics", "logs"}
    reasons |= set(re.findall(r'"(spool_[a-z]+)"', SOURCES))
    reasons |= {"not_encodable", "invalid_ids", "after_shutdown", "not_otlp"}
    assert len(reasons) > 10
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in PAGE] == []


def test_the_code_runs(tmp_path: Path) -> None:
    """Each block of Python on the page, as it stands, warnings being errors."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert blocks
    for block in blocks:
        subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            cwd=tmp_path,
            env={"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": ""},
            timeout=60,
            check=True,
        )
