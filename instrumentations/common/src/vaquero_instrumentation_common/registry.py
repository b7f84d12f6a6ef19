"""Slots: observables stay registered for ever, what they call can change.

OpenTelemetry has no way to unregister an observable, and a second one of the same name is
discarded silently with its callback. So each row gets one slot per meter provider: the
registered callback is the slot, and the slot reads for its current sampler, or for none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, get_meter_provider

from vaquero_instrumentation_common.guard import ReadingGuard
from vaquero_instrumentation_common.sampler import Reading, Sampler
from vaquero_instrumentation_common.table import (
    COUNTER,
    GAUGE,
    NOTHING,
    UP_DOWN_COUNTER,
    MetricRow,
    Points,
)


class Slot:
    """The callback of one observable: reads its row while it has a sampler.

    Everything is in one call, because a cycle makes it for each of dozens of rows.
    """

    __slots__ = ("guard", "name", "read", "sampler", "source")

    def __init__(self) -> None:
        self.sampler: Sampler | None = None
        self.guard: ReadingGuard | None = None
        self.name = ""
        self.source = ""
        self.read: Callable[[Reading[Any]], Points] | None = None

    def connect(self, row: MetricRow, sampler: Sampler, guard: ReadingGuard) -> None:
        """Emit ``row`` from now on."""
        self.name, self.source, self.read = row.name, row.source, row.read
        self.guard = guard
        self.sampler = sampler

    def silence(self) -> None:
        """Emit nothing from now on."""
        self.sampler = None

    def __call__(self, options: CallbackOptions) -> Points:
        """Return the points of the current cycle; none while silent."""
        sampler = self.sampler
        if sampler is None or self.read is None or self.guard is None:
            return NOTHING
        reading = sampler.reading(self.name, self.source)
        if reading is None or (self.guard.paused and self.guard.off(self.name)):
            return NOTHING
        try:
            return self.read(reading)
        except Exception as problem:
            self.guard.failed(self.name, problem)
            return NOTHING


class Registry:
    """The slots of one package, for each meter provider that it was used with."""

    def __init__(self, scope: str, version: str, schema_url: str) -> None:
        self._scope = scope
        self._version = version
        self._schema_url = schema_url
        self._known: list[tuple[MeterProvider, bool, Meter, dict[str, Slot]]] = []

    def slots(self, provider: MeterProvider, rows: tuple[MetricRow, ...]) -> dict[str, Slot]:
        """Return the slots of ``rows`` at ``provider``, registering those that are new."""
        meter, slots = self._at(provider)
        for row in rows:
            if row.name not in slots:
                slot = Slot()
                if register(meter, row, slot):
                    slots[row.name] = slot
        return {row.name: slots[row.name] for row in rows if row.name in slots}

    def meter(self, provider: MeterProvider) -> Meter:
        """Return this package's meter at ``provider``."""
        return self._at(provider)[0]

    def silence(self) -> None:
        """Let no slot call anybody."""
        for _, _, _, slots in self._known:
            for slot in slots.values():
                slot.silence()

    def _at(self, provider: MeterProvider) -> tuple[Meter, dict[str, Slot]]:
        is_global = provider is get_meter_provider()
        for known, via_proxy, meter, slots in self._known:
            # What was registered through the API's proxy went on to the provider that became
            # the global one: registering there again would be discarded silently.
            if known is provider or (via_proxy and is_global):
                return meter, slots
        meter = provider.get_meter(self._scope, self._version, self._schema_url)
        slots: dict[str, Slot] = {}
        is_proxy = type(provider).__name__ == "_ProxyMeterProvider"
        self._known.append((provider, is_proxy, meter, slots))
        return meter, slots


def register(meter: Meter, row: MetricRow, slot: Slot) -> bool:
    """Create the observable of ``row``; a histogram is synchronous and has none."""
    create: dict[str, Callable[..., Any]] = {
        COUNTER: meter.create_observable_counter,
        UP_DOWN_COUNTER: meter.create_observable_up_down_counter,
        GAUGE: meter.create_observable_gauge,
    }
    if row.kind not in create:
        return False
    create[row.kind](row.name, callbacks=[slot], unit=row.unit, description=row.description)
    return True
