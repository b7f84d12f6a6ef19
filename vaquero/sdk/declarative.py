"""Objects of the SDK from parts of a declarative file: samplers and views."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import sampling as sdk

from vaquero import _log
from vaquero.sdk import sampling

if TYPE_CHECKING:
    from vaquero.config import Settings

_DELEGATES = {
    "remote_parent_sampled": "remote_parent_sampled",
    "remote_parent_not_sampled": "remote_parent_not_sampled",
    "local_parent_sampled": "local_parent_sampled",
    "local_parent_not_sampled": "local_parent_not_sampled",
}


def sampler(said: Mapping[str, Any]) -> sdk.Sampler:
    """A sampler as the schema describes it; ``vaquero.config.declarative`` has checked it."""
    ((name, below),) = said.items()
    arguments: dict[str, Any] = dict(below) if isinstance(below, dict) else {}  # pyright: ignore[reportUnknownArgumentType]
    if name == "always_on":
        return sdk.ALWAYS_ON
    if name == "always_off":
        return sdk.ALWAYS_OFF
    if name == "trace_id_ratio_based":
        ratio = arguments.get("ratio")
        return sdk.TraceIdRatioBased(1.0 if ratio is None else float(ratio))
    if name == "parent_based":
        root = arguments.get("root")
        return sdk.ParentBased(
            sampler(root) if root else sdk.ALWAYS_ON,
            **{key: sampler(arguments[key]) for key in _DELEGATES if arguments.get(key)},
        )
    argument = arguments.get("argument", below if not arguments else None)
    return sampling.from_entry_point(name, None if argument is None else str(argument))


def views(settings: Settings) -> tuple[Any, ...]:
    """The views of the file; one that cannot be made is said with its line and left out."""
    declared = settings.declared
    made: list[Any] = []
    for said, line in declared.views if declared is not None else ():
        try:
            made.append(_view(said))
        except Exception as error:  # The SDK checks views by raising.
            _log.warn(
                f"view:{line}",
                "the view in %s, line %s is left out: %s",
                declared.name if declared else "",
                line,
                error,
            )
    return tuple(made)


def _view(said: Mapping[str, Any]) -> Any:
    from opentelemetry.sdk.metrics.view import View

    selector: dict[str, Any] = dict(said.get("selector") or {})
    stream: dict[str, Any] = dict(said.get("stream") or {})
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


def _aggregation(said: Mapping[str, Any]) -> Any:
    from opentelemetry.sdk.metrics import view

    ((name, below),) = said.items()
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
