"""Views of the SDK from those of a declarative file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaquero.config.declarative import Declared


def views(declared: Declared) -> tuple[Any, ...]:
    """The views of the file; one that cannot be made is a problem of the file, and left out."""
    made: list[Any] = []
    for tree, value in declared.views:
        try:
            made.append(_view(value))
        except Exception as error:  # The SDK checks views by raising.
            declared.problem(tree, f"a view that can be made ({error})")
    return tuple(made)


def _view(declared: Mapping[str, Any]) -> Any:
    from opentelemetry.sdk.metrics.view import View

    selector: dict[str, Any] = dict(declared.get("selector") or {})
    stream: dict[str, Any] = dict(declared.get("stream") or {})
    kind = selector.pop("instrument_type", None)
    arguments: dict[str, Any] = {
        "instrument_name": selector.pop("instrument_name", None),
        "instrument_unit": selector.pop("unit", None),
        "instrument_type": _instrument(kind) if kind else None,
        "meter_name": selector.pop("meter_name", None),
        "meter_version": selector.pop("meter_version", None),
        "meter_schema_url": selector.pop("meter_schema_url", None),
        "name": stream.pop("name", None),
        "description": stream.pop("description", None),
    }
    keys: dict[str, Any] = dict(stream.pop("attribute_keys", None) or {})
    if keys.get("excluded"):
        raise ValueError("attribute_keys.excluded is not supported by this SDK; use included")
    if keys.get("included") is not None:
        arguments["attribute_keys"] = set(keys["included"])
    aggregation = stream.pop("aggregation", None)
    if aggregation:
        arguments["aggregation"] = _aggregation(aggregation)
    left = [key for key, value in {**selector, **stream}.items() if value is not None]
    if left:
        raise ValueError(f"{', '.join(left)} cannot be honoured")
    return View(**arguments)


def _instrument(name: str) -> Any:
    from opentelemetry.sdk import metrics

    found: dict[str, Any] = {
        "counter": metrics.Counter,
        "up_down_counter": metrics.UpDownCounter,
        "histogram": metrics.Histogram,
        "observable_counter": metrics.ObservableCounter,
        "observable_up_down_counter": metrics.ObservableUpDownCounter,
        "observable_gauge": metrics.ObservableGauge,
        "gauge": getattr(metrics, "_Gauge", None),
    }
    if found.get(name) is None:
        raise ValueError(f"instrument_type {name!r} is not known")
    return found[name]


def _aggregation(declared: Mapping[str, Any]) -> Any:
    from opentelemetry.sdk.metrics import view

    ((name, below),) = declared.items()
    arguments: dict[str, Any] = dict(below or {})
    makers: dict[str, Callable[[], Any]] = {
        "default": view.DefaultAggregation,
        "drop": view.DropAggregation,
        "sum": view.SumAggregation,
        "last_value": view.LastValueAggregation,
        "explicit_bucket_histogram": lambda: view.ExplicitBucketHistogramAggregation(
            **_present(boundaries=arguments.get("boundaries")),
            record_min_max=arguments.get("record_min_max", True),
        ),
        "base2_exponential_bucket_histogram": lambda: view.ExponentialBucketHistogramAggregation(
            **_present(max_size=arguments.get("max_size"), max_scale=arguments.get("max_scale"))
        ),
    }
    if name not in makers:
        raise ValueError(f"aggregation {name!r} is not known")
    return makers[name]()


def _present(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
