"""The instrumentor that turns a metric table into observables."""

from __future__ import annotations

import logging
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from opentelemetry.metrics import Meter, MeterProvider, NoOpMeter, get_meter_provider

from vaquero_instrumentation_common.guard import ReadingGuard
from vaquero_instrumentation_common.hostlock import HostLock, destination_key, host_lock
from vaquero_instrumentation_common.registry import Registry
from vaquero_instrumentation_common.sampler import Sampler, Source
from vaquero_instrumentation_common.settings import GaugeSetting, Resolved, resolve
from vaquero_instrumentation_common.table import MetricRow, selected
from vaquero_instrumentation_common.version import VERSION

if TYPE_CHECKING:
    from typing_extensions import Self

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"

_BASE_MODULE: Final = "opentelemetry.instrumentation.instrumentor"

# Other keywords that loaders and facades hand to every instrumentor alike.
_IGNORED: Final = frozenset({"tracer_provider", "logger_provider", "event_logger_provider"})


class GaugePlan(NamedTuple):
    """What a package does with its settings: the rows it emits and the sources they need."""

    rows: tuple[MetricRow, ...]
    sources: tuple[Source[Any], ...]


class Session(NamedTuple):
    """One time of being instrumented.

    Attributes:
        config: Settings in force.
        provider: Where the instruments are.
        meter: The package's meter there.
        sampler: Serves the readings.
        guard: Keeps failures apart.
        rows: The rows that are emitted.
        lock: The host lock, for a package of host series in mode auto.
        arguments: What ``instrument()`` was called with, to see whether a second call differs.
    """

    config: Resolved
    provider: MeterProvider
    meter: Meter
    sampler: Sampler
    guard: ReadingGuard
    rows: tuple[MetricRow, ...]
    lock: HostLock | None
    arguments: Mapping[str, Any]


class TableInstrumentor(ABC):
    """An instrumentor that is a table of metrics.

    It does what upstream's ``BaseInstrumentor`` does, and passes for one in ``isinstance`` once
    that class is loaded; it does not derive from it, because loading it (for parsers of versions
    and patching tools that a table has no use for) costs more than all the gauges.

    ``instrument()`` understands, beside the settings of the package:
        meter_provider: Where the instruments are made, the global one when None.
        host_meter_provider: For series of the host: a provider whose resource is that of the
            host (no ``service.instance.id``); ``meter_provider`` when None.
        host_lock_key: What the processes that agree on one emitter have in common; the OTLP
            endpoint for metrics when None.
        clock: Monotonic seconds.

    Neither it nor ``uninstrument()`` raises.
    """

    package: ClassVar[str]
    settings: ClassVar[tuple[GaugeSetting, ...]]
    host_series: ClassVar[bool] = False

    _session: Session | None = None
    _registry: Registry | None = None
    _instance: ClassVar[Self | None] = None
    _is_instrumented_by_opentelemetry: bool = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Return the one object of this class."""
        _pass_for_upstreams()
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    @property
    def is_instrumented_by_opentelemetry(self) -> bool:
        """Whether ``instrument()`` was called, and ``uninstrument()`` not since."""
        return self._is_instrumented_by_opentelemetry

    @abstractmethod
    def plan(self, config: Resolved) -> GaugePlan:
        """Return rows and sources for these settings."""

    def lock_key(self, key: str) -> str:
        """Return what the processes that agree on one emitter have in common."""
        return key

    def on_start(self, session: Session) -> None:  # noqa: B027  (need not be overridden)
        """Called when a session has begun; may raise, which ends it."""

    def on_stop(self, session: Session) -> None:  # noqa: B027  (need not be overridden)
        """Called before a session ends."""

    @property
    def log(self) -> logging.Logger:
        """Logger of the package."""
        return logging.getLogger(f"vaquero.instrumentation.{self.package}")

    @property
    def session(self) -> Session | None:
        """What is running, or None."""
        return self._session

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: no library is instrumented but the machine itself."""
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Begin to emit; called again with other arguments, go over to those.

        A second call without arguments changes nothing.
        """
        _pass_for_upstreams()
        try:
            if self._session is not None:
                self._again(_own(kwargs))
                return
            self._start({k: v for k, v in _own(kwargs).items() if v is not None})
            self._is_instrumented_by_opentelemetry = True
        except Exception as problem:
            self.log.warning(
                "%s metrics are not emitted: %s: %s",
                self.package,
                type(problem).__name__,
                problem,
                exc_info=self.log.isEnabledFor(logging.DEBUG),
            )

    def uninstrument(self, **kwargs: Any) -> None:
        """Emit nothing any longer; what is registered stays and is silent."""
        try:
            if self._session is not None:
                self._stop()
                self._is_instrumented_by_opentelemetry = False
        except Exception as problem:
            self.log.warning("%s: uninstrument failed: %s", self.package, problem)

    def _again(self, arguments: Mapping[str, Any]) -> None:
        session = self._session
        asked = {name: value for name, value in arguments.items() if value is not None}
        if session is None or not asked or asked == session.arguments:
            return
        self.log.debug("%s metrics go over to other settings.", self.package)
        self._stop()
        self._is_instrumented_by_opentelemetry = False
        self._start(asked)
        self._is_instrumented_by_opentelemetry = True

    def _start(self, arguments: Mapping[str, Any]) -> None:
        rest = dict(arguments)
        provider = self._provider(rest)
        clock: Callable[[], float] = rest.pop("clock", None) or time.monotonic
        key = rest.pop("host_lock_key", None)
        config = resolve(self.settings, rest, self.log)
        registry = self._own_registry()
        meter = registry.meter(provider)
        if isinstance(meter, NoOpMeter):
            # The SDK is disabled: nothing would ever ask, so nothing is watched.
            self.log.debug("%s metrics: the meter provider records nothing.", self.package)
            plan = GaugePlan((), ())
        else:
            plan = self._planned(config)
        rows = selected(plan.rows, config["exclude_metrics"])
        lock = self._lock(config, key)
        guard = ReadingGuard(self.log, clock=clock)
        sampler = Sampler(
            plan.sources,
            guard,
            window_s=config["window_s"],
            clock=clock,
            gate=None if lock is None else lock.holds,
        )
        sampler.start(dict.fromkeys(row.source for row in rows))
        session = Session(config, provider, meter, sampler, guard, rows, lock, arguments)
        if lock is not None:
            lock.join()
        self._session = session
        try:
            self.on_start(session)
            slots = registry.slots(provider, rows)
            for row in rows:
                if row.name in slots:
                    slots[row.name].connect(row, sampler, guard)
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        self._own_registry().silence()
        session.sampler.stop()
        if session.lock is not None:
            session.lock.leave()
        self.on_stop(session)

    def _planned(self, config: Resolved) -> GaugePlan:
        if self.host_series and config["host_metrics"] == "off":
            return GaugePlan((), ())
        return self.plan(config)

    def _lock(self, config: Resolved, key: str | None) -> HostLock | None:
        if not self.host_series or config["host_metrics"] != "auto":
            return None
        wanted = self.lock_key(key or destination_key())
        return host_lock(wanted, config["host_lock_dir"] or None)

    def _provider(self, rest: dict[str, Any]) -> MeterProvider:
        own = rest.pop("meter_provider", None)
        host = rest.pop("host_meter_provider", None)
        return (host if self.host_series else None) or own or get_meter_provider()

    def _own_registry(self) -> Registry:
        if self._registry is None:
            scope = f"vaquero.instrumentation.{self.package}"
            self._registry = Registry(scope, VERSION, SCHEMA_URL)
        return self._registry


def _pass_for_upstreams() -> None:
    """Where upstream's base class is loaded, have ``isinstance`` know our instrumentors by it."""
    base: Any = getattr(sys.modules.get(_BASE_MODULE), "BaseInstrumentor", None)
    if base is not None and not issubclass(TableInstrumentor, base):
        base.register(TableInstrumentor)


_pass_for_upstreams()


def _own(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    loader = ("skip_dep_check", "raise_exception_on_conflict")
    return {k: v for k, v in kwargs.items() if k not in _IGNORED and k not in loader}
