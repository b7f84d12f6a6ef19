"""Metrics of an application's own: thin functions over OpenTelemetry's meter.

What they give are OpenTelemetry's instruments, from the meter ``vaquero`` of the provider in use. A
callback that fails is reported once and left out of that cycle; it never disturbs the others.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from opentelemetry import metrics as metrics_api
from opentelemetry.metrics import Observation

from vaquero import _guard, _log, _runtime
from vaquero.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import (
        CallbackOptions,
        Counter,
        Histogram,
        Meter,
        ObservableCounter,
        ObservableGauge,
        ObservableUpDownCounter,
        UpDownCounter,
        _Gauge,
    )

#: What a callback may return: one number, or pairs of a number and its attributes.
Reading: TypeAlias = "float | Iterable[tuple[float, Mapping[str, Any]]] | None"


@overload
def gauge(name: str, *, unit: str = ..., description: str = ...) -> _Gauge: ...
@overload
def gauge(
    name: str, callback: Callable[[], Reading], *, unit: str = ..., description: str = ...
) -> ObservableGauge: ...
def gauge(
    name: str,
    callback: Callable[[], Reading] | None = None,
    *,
    unit: str = "",
    description: str = "",
) -> Any:
    """A value that goes up and down and is not summed, such as a temperature or a share.

    Args:
        name: Lower case, dots between parts, such as ``shop.basket.fill``.
        callback: Called once a cycle; returns a number, pairs of a number and its attributes, or
            None for nothing now. Without it the value is set by ``set(value, attributes)``.
        unit: In UCUM, such as ``s``, ``By``, ``1``, ``{item}``.
        description: One phrase.

    Returns:
        An instrument of OpenTelemetry.
    """
    if callback is None:
        return meter().create_gauge(name, unit, description)
    return meter().create_observable_gauge(name, [_observed(name, callback)], unit, description)


@overload
def counter(name: str, *, unit: str = ..., description: str = ...) -> Counter: ...
@overload
def counter(
    name: str, callback: Callable[[], Reading], *, unit: str = ..., description: str = ...
) -> ObservableCounter: ...
def counter(
    name: str,
    callback: Callable[[], Reading] | None = None,
    *,
    unit: str = "",
    description: str = "",
) -> Any:
    """A sum that only grows: ``add(1, {"kind": "book"})``, or a callback with the sum so far.

    Args and returns as for :func:`gauge`.
    """
    if callback is None:
        return meter().create_counter(name, unit, description)
    return meter().create_observable_counter(name, [_observed(name, callback)], unit, description)


@overload
def up_down_counter(name: str, *, unit: str = ..., description: str = ...) -> UpDownCounter: ...
@overload
def up_down_counter(
    name: str, callback: Callable[[], Reading], *, unit: str = ..., description: str = ...
) -> ObservableUpDownCounter: ...
def up_down_counter(
    name: str,
    callback: Callable[[], Reading] | None = None,
    *,
    unit: str = "",
    description: str = "",
) -> Any:
    """A sum that grows and shrinks, such as the length of a queue.

    Args and returns as for :func:`gauge`.
    """
    if callback is None:
        return meter().create_up_down_counter(name, unit, description)
    return meter().create_observable_up_down_counter(
        name, [_observed(name, callback)], unit, description
    )


def histogram(name: str, *, unit: str = "", description: str = "") -> Histogram:
    """A distribution: ``record(0.2, {"route": "/pay"})``.

    Args:
        name: Lower case, dots between parts.
        unit: In UCUM; seconds (``s``) for durations.
        description: One phrase.
    """
    return meter().create_histogram(name, unit, description)


def meter() -> Meter:
    """The meter of these functions; the first call starts the default SDK."""
    _runtime.ensure_started()
    return metrics_api.get_meter("vaquero", __version__)


def _observed(
    name: str, callback: Callable[[], Reading]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        try:
            return _observations(callback())
        except Exception as error:  # The callback is the application's.
            _log.warn(
                f"gauge:{name}",
                "the callback of metric %r failed (%s); it is left out of this cycle.",
                name,
                _guard.describe(error),
            )
            return ()

    return observe


def _observations(reading: Any) -> list[Observation]:
    if reading is None:
        return []
    if _is_number(reading):
        return [Observation(reading)]
    return [
        Observation(value, dict(attributes)) for value, attributes in reading if _is_number(value)
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and math.isfinite(value)
