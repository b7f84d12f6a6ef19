"""Instruments of an application's own, and ready gauges for pools, caches and quotas."""

from __future__ import annotations

import functools
import gc
import math
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.metrics import _internal as metrics_internal
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.util._once import Once

from vaquero import _runtime
from vaquero.metrics import instruments
from vaquero.metrics.resources import Quota, observe_cache, observe_pool

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    """A global meter provider of the application, and no SDK of ours."""
    found = InMemoryMetricReader()
    provider = MeterProvider([found], shutdown_on_exit=False)
    once = Once()
    once.do_once(lambda: None)
    monkeypatch.setattr(metrics_internal, "_METER_PROVIDER", provider)
    monkeypatch.setattr(metrics_internal, "_METER_PROVIDER_SET_ONCE", once)
    monkeypatch.setattr(_runtime, "starter", None)
    yield found
    provider.shutdown()


def _values(reader: InMemoryMetricReader) -> dict[str, list[tuple[float, dict[str, Any]]]]:
    data = reader.get_metrics_data()
    if data is None:
        return {}
    return {
        metric.name: [(point.value, dict(point.attributes)) for point in metric.data.data_points]
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_each_kind_of_instrument_arrives(reader: InMemoryMetricReader) -> None:
    """The functions give OpenTelemetry's own instruments."""
    instruments.counter("a.count").add(2, {"k": "v"})
    instruments.up_down_counter("a.level").add(-1)
    instruments.gauge("a.value").set(0.5)
    instruments.gauge("a.seen", lambda: 7, unit="{item}")
    instruments.counter("a.total", lambda: [(3, {"k": 1}), (4, {"k": 2})])
    instruments.up_down_counter("a.queue", lambda: None)

    values = _values(reader)

    assert values["a.count"] == [(2, {"k": "v"})]
    assert values["a.level"] == [(-1, {})]
    assert values["a.value"] == [(0.5, {})]
    assert values["a.seen"] == [(7, {})]
    assert sorted(values["a.total"]) == [(3, {"k": 1}), (4, {"k": 2})]
    assert "a.queue" not in values


def test_a_failing_callback_leaves_the_others_alone(
    reader: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    """One callback that raises, or gives nonsense, costs only its own point."""
    instruments.gauge("bad.raises", lambda: 1 / 0)
    instruments.gauge("bad.nan", lambda: math.nan)
    instruments.gauge("bad.text", lambda: "7")  # type: ignore[arg-type, return-value]
    instruments.gauge("good", lambda: 1)

    assert set(_values(reader)) == {"good"}
    assert "bad.raises" in caplog.text


def test_a_cache_tells_its_hits_of_each_cycle(reader: InMemoryMetricReader) -> None:
    """The share of hits is that of the lookups since the cycle before."""

    @functools.lru_cache(maxsize=8)
    def square(number: int) -> int:
        return number * number

    assert observe_cache(square, "squares") is square
    for number in (1, 1, 1, 2):
        square(number)
    first = _values(reader)
    square(2)
    second = _values(reader)

    label = {"vaquero.cache.name": "squares"}
    assert first["vaquero.cache.hit_ratio"] == [(0.5, label)]
    assert first["vaquero.cache.hits"] == [(2, label)]
    assert first["vaquero.cache.size"] == [(2, label)]
    assert first["vaquero.cache.max_size"] == [(8, label)]
    assert second["vaquero.cache.hit_ratio"] == [(1.0, label)]
    assert "vaquero.cache.hit_ratio" not in _values(reader)


class PsycopgPool:
    """The face of a pool of psycopg_pool."""

    name = "pg"
    max_size = 10

    def get_stats(self) -> dict[str, int]:
        return {
            "pool_size": 5,
            "pool_available": 2,
            "pool_max": 10,
            "pool_min": 1,
            "requests_waiting": 3,
        }


def test_a_psycopg_pool_tells_who_waits(reader: InMemoryMetricReader) -> None:
    """Used and idle connections, the bound and the waiting requests have the field's names."""
    pool = observe_pool(PsycopgPool())

    values = _values(reader)

    assert sorted(
        (point["db.client.connection.state"], value)
        for value, point in values["db.client.connection.count"]
    ) == [("idle", 2), ("used", 3)]
    assert values["db.client.connection.pending_requests"] == [
        (3, {"db.client.connection.pool.name": "pg"})
    ]
    assert values["db.client.connection.max"][0][0] == 10
    del pool


def test_a_pool_is_not_kept_alive(reader: InMemoryMetricReader) -> None:
    """When the application drops its pool the gauges fall silent."""
    observe_pool(PsycopgPool())
    gc.collect()

    assert _values(reader) == {}


@pytest.mark.parametrize("thing", [object(), 7, "pool"])
def test_what_is_no_pool_is_refused_clearly(thing: object) -> None:
    """The error names what was given and what would do."""
    with pytest.raises(TypeError, match="no pool that vaquero knows: expected"):
        observe_pool(thing)
    with pytest.raises(TypeError, match="no cache that vaquero knows: expected"):
        observe_cache(thing)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "9", "X-RateLimit-Reset": "30"},
         (60, 9, 30)),
        ({"x-ratelimit-limit": "60", "x-ratelimit-remaining": "9",
          "x-ratelimit-reset": "2000000030"}, (60, 9, 30)),
        ({"RateLimit": '"default";r=50;t=30', "RateLimit-Policy": '"default";q=100;w=60'},
         (100, 50, 30)),
        ({"RateLimit": "limit=100, remaining=50, reset=5"}, (100, 50, 5)),
        ({"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "4"}, (100, 4, None)),
        ({"Retry-After": "12"}, (None, None, 12)),
        ({"X-RateLimit-Remaining": "many", "content-type": "x"}, (None, None, None)),
    ],
)  # fmt: skip
def test_quota_headers_of_all_kinds_are_read(
    reader: InMemoryMetricReader, headers: dict[str, str], expected: tuple[float | None, ...]
) -> None:
    """Limit, remaining and reset arrive whichever way an API spells them."""
    quota = Quota("api", clock=lambda: 2_000_000_000.0)

    quota.update(headers)
    values = _values(reader)

    names = ("vaquero.quota.limit", "vaquero.quota.remaining", "vaquero.quota.reset")
    found = tuple(values[name][0][0] if name in values else None for name in names)
    assert found == expected
