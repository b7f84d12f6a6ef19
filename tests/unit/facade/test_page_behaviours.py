"""What the page on performance monitoring lets a reader do, done by code of our own."""

from __future__ import annotations

import asyncio
import os
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

import vaquero

from .conftest import Spans


@vaquero.trace(agent_name="sampler")
class Sampler:
    """Collects readings and sums them up, with spans inside its traced methods."""

    def __init__(self) -> None:
        """Begin empty."""
        self.readings: list[dict[str, Any]] = []

    def read(self, share: float) -> dict[str, Any]:
        """Keep one reading."""
        with vaquero.span("reading") as span:
            reading = {"share": share, "net": {"sent": 1, "received": 2}}
            self.readings.append(reading)
            span.set_attribute("kept", True)
            span.set_attribute("count", len(self.readings))
            return reading

    def summary(self) -> dict[str, Any]:
        """Sum up; returns from inside the span where there is nothing to sum."""
        with vaquero.span("summary") as span:
            if not self.readings:
                return {"error": "nothing read"}
            grade = self._grade(sum(r["share"] for r in self.readings) / len(self.readings))
            span.set_attribute("grade", grade)
            return {"grade": grade}

    def _grade(self, share: float) -> str:
        return "good" if share < 0.5 else "poor"


@vaquero.trace(agent_name="watcher")
class Watcher:
    """Watches values in a loop, swallows failures and raises alarms under the loop's span."""

    def __init__(self, limits: dict[str, float] | None = None) -> None:
        """Take the limits, or the usual ones."""
        self.limits = limits or {"cpu": 80, "errors": 0.05}
        self.rounds = 0
        self.alarms: list[dict[str, float]] = []

    async def watch(self, pause: float = 0) -> None:
        """Watch until cancelled."""
        with vaquero.span("startup") as span:
            span.set_attribute("pause", pause)
            span.set_attribute("limits", self.limits)
            while True:
                try:
                    await self._round()
                except Exception as error:
                    span.set_attribute("failure", str(error))
                await asyncio.sleep(pause)

    async def _round(self) -> None:
        with vaquero.span("round") as span:
            self.rounds += 1
            if self.rounds == 2:
                raise RuntimeError("sensor gone")
            span.set_attribute("read", True)
            await self._alarm({"metric": 1.0, "value": 90.5})

    async def _alarm(self, alarm: dict[str, float]) -> None:
        with vaquero.span("alarm") as span:
            span.set_attribute("value", alarm["value"])
            await asyncio.sleep(0)
            self.alarms.append(alarm)


@vaquero.trace(agent_name="business")
class Business:
    """Records events whose values may be missing."""

    def converted(self, kind: str, value: float | None = None) -> None:
        """Keep one conversion."""
        with vaquero.span("conversion") as span:
            span.set_attribute("kind", kind)
            span.set_attribute("value", value)
            span.set_attribute("duration_ms", 0.25 * 1000)
            span.set_attribute("hash", hash(kind) % 10000)


@vaquero.trace(agent_name="overhead check")
def check() -> None:
    """A function with nothing inside."""


def test_a_traced_class_with_spans_inside_its_methods(spans: Spans, silence: None) -> None:
    """Each public call is a span, the blocks inside are its children, private helpers are none."""
    sampler = Sampler()
    assert isinstance(sampler, Sampler)
    assert sampler.summary() == {"error": "nothing read"}
    sampler.read(0.2)
    assert sampler.summary() == {"grade": "good"}

    assert spans.names() == [
        "summary",
        "sampler.summary",
        "reading",
        "sampler.read",
        "summary",
        "sampler.summary",
    ]
    assert spans.parent_of("reading") == "sampler.read"
    assert spans.attributes("reading") == {"kept": True, "count": 1}


WITHOUT_SETUP = """
import logging
said = []
class Listener(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
for name in ("opentelemetry", "vaquero"):
    logging.getLogger(name).addHandler(Listener())
import vaquero
@vaquero.trace(agent_name="sampler")
class Sampler:
    def statistics(self):
        with vaquero.span("statistics") as span:
            sdk = vaquero.get_default_sdk()
            stats = sdk.get_stats()
            span.set_attribute("all", stats)
            active = len(sdk._active_spans) if hasattr(sdk, "_active_spans") else 0
            return [type(stats.get(key)).__name__ for key in keys], active
keys = ["traces_sent", "queue_size", "memory_usage_mb"]
print(Sampler().statistics(), said)
"""


def test_without_any_setup(tmp_path: pathlib.Path) -> None:
    """Without ``init`` the first call starts the SDK; its statistics are there; nothing is said."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_SETUP],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VAQUERO_SPOOL_DIR": str(tmp_path)},
        timeout=60,
    )

    assert done.stdout.strip() == "(['int', 'int', 'float'], 2) []", done.stderr


def test_an_async_watch_that_is_cancelled(spans: Spans, silence: None) -> None:
    """A loop of spans in a coroutine: nested rightly, failures kept, dict taken, end by cancel."""
    watcher = Watcher()

    async def use() -> None:
        task = asyncio.create_task(watcher.watch())
        while len(watcher.alarms) < 3:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(use())

    assert spans.parent_of("startup") == "watcher.watch"
    startup = spans.attributes("startup")
    assert startup["failure"] == "sensor gone"
    assert startup["limits"] in ({"cpu": 80, "errors": 0.05}, '{"cpu": 80, "errors": 0.05}')
    assert startup["vaquero.cancelled"] is True
    by_id = {span.context.span_id: span.name for span in spans.all() if span.context}
    parents = {
        (span.name, by_id.get(span.parent.span_id) if span.parent else None) for span in spans.all()
    }
    assert {("round", "startup"), ("alarm", "round")} <= parents
    failed = [span for span in spans.all() if span.status.status_code is StatusCode.ERROR]
    assert [span.name for span in failed] == ["round"]


def test_values_that_are_missing_or_not_whole(spans: Spans, silence: None) -> None:
    """None, floats and products of numbers are taken; None is there or left out, never a word."""
    Business().converted("sale", 9.5)
    Business().converted("visit")

    first, _, second, _ = spans.all()
    assert dict(first.attributes or {})["value"] == 9.5
    assert dict(second.attributes or {}).get("value") is None
    assert dict(second.attributes or {})["duration_ms"] == 250.0


def test_a_traced_function_with_nothing_inside(spans: Spans, silence: None) -> None:
    """The decorator alone makes the span, named after the agent."""
    check()

    assert spans.attributes("overhead check")["vaquero.agent.name"] == "overhead check"
