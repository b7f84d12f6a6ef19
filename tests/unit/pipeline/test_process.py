"""The pipeline and its process: forks, imports, and systems that lack Unix's tools."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.otlp_receiver import OtlpReceiver

if TYPE_CHECKING:
    from pathlib import Path


HEAVY = ("google.protobuf", "grpc", "requests", "urllib3", "h2", "opentelemetry.proto")


def test_sending_spans_loads_nothing_heavy(backend: OtlpReceiver) -> None:
    """Over HTTP, with traces alone, neither protobuf nor grpc nor an HTTP library is loaded."""
    program = f"""
import sys
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from vaquero.pipeline import *
pipeline = Pipeline(PipelineSettings(traces=Destination({backend.url + "/v1/traces"!r})))
provider = TracerProvider()
provider.add_span_processor(SpanProcessor(pipeline))
provider.get_tracer("t").start_span("x").end()
before = set(sys.modules)
assert pipeline.flush(10)
assert pipeline.stats().spans_sent == 1
print([name for name in {HEAVY!r} if name in sys.modules])
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    heavy, late = done.stdout.splitlines()
    assert heavy == "[]"
    assert late == "[]", "an import while threads run can hang a forked child"


WINDOWS = """
import sys, os
sys.modules["fcntl"] = None
for name in ("register_at_fork", "O_NOFOLLOW", "O_DIRECTORY", "geteuid", "getuid", "fork"):
    if hasattr(os, name):
        delattr(os, name)
import pathlib
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from vaquero.pipeline import *
destination = Destination(sys.argv[1], named_by_user=True)
pipeline = Pipeline(PipelineSettings(traces=destination, spool_dir=pathlib.Path(sys.argv[2])))
provider = TracerProvider()
provider.add_span_processor(SpanProcessor(pipeline))
for number in range(100):
    provider.get_tracer("t").start_span("spanned").end()
"""


def test_without_the_tools_of_unix(backend: OtlpReceiver, tmp_path: Path) -> None:
    """No fcntl, no fork hooks, no O_NOFOLLOW: it loads and delivers, from memory."""
    spool = tmp_path / "spool"
    subprocess.run(
        [sys.executable, "-c", WINDOWS, f"{backend.url}/v1/traces", str(spool)],
        timeout=60,
        check=True,
    )
    assert sum(body.count(b"spanned") for body in backend.bodies("/v1/traces")) == 100
    assert not spool.exists()
