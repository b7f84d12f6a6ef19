"""The tracer provider: the SDK's, with tracers and spans of vaquero."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.environment_variables import OTEL_EXPERIMENTAL_RESOURCE_DETECTORS
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SynchronousMultiSpanProcessor
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from vaquero import _process, _runtime, _upstream
from vaquero._guard import report_hook
from vaquero.tracing.disabled import DisabledTracer
from vaquero.tracing.limits import default_limits
from vaquero.tracing.tracer import Tracer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.trace import ConcurrentMultiSpanProcessor, SpanLimits
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import Tracer as ApiTracer

INSTANCE_ID = "service.instance.id"

#: Detectors of the SDK whose process-dependent attributes are known here.
_KNOWN_DETECTORS = frozenset({"", "otel", "service_instance", "process", "os", "host"})

_sdk_logger = logging.getLogger("opentelemetry.sdk.trace")


class TracerProvider(SdkTracerProvider):
    """``opentelemetry.sdk.trace.TracerProvider`` with the same arguments and cheaper spans.

    Attributes:
        keep_instance_id: Whether ``service.instance.id`` was chosen by the user and stays in a
            forked child; else the child gets one of its own.
        follows_global: Whether tracers of this provider look at each start whether it still is the
            global one, and go to that one if it is not (:mod:`vaquero.tracing.global_provider`).
    """

    keep_instance_id: bool = False
    follows_global: bool = False

    def __init__(
        self,
        sampler: Sampler | None = None,
        resource: Resource | None = None,
        shutdown_on_exit: bool = True,
        active_span_processor: (
            SynchronousMultiSpanProcessor | ConcurrentMultiSpanProcessor | None
        ) = None,
        id_generator: IdGenerator | None = None,
        span_limits: SpanLimits | None = None,
        *,
        meter_provider: MeterProvider | None = None,
        _tracer_configurator: Any = None,
    ) -> None:
        """As the SDK's provider; without span limits those of the environment hold.

        Args:
            sampler: Decides which spans are kept; by default as the environment says.
            resource: Who the process is.
            shutdown_on_exit: Whether to shut down when the interpreter exits.
            active_span_processor: Where processors are added to.
            id_generator: Makes the ids; random ones by default.
            span_limits: Limits of spans.
            meter_provider: For the SDK's metrics about itself (SDK 1.39 and later).
            _tracer_configurator: Enables and disables scopes (SDK 1.41 and later).
        """
        newer: dict[str, Any] = {
            "meter_provider": meter_provider,
            "_tracer_configurator": _tracer_configurator,
        }
        super().__init__(
            sampler,
            resource,
            shutdown_on_exit,
            active_span_processor,
            id_generator,
            default_limits() if span_limits is None else span_limits,
            **{name: value for name, value in newer.items() if value is not None},
        )
        self._nameless: set[str | None] = set()
        if not hasattr(self, "_tracers"):
            self._tracers: dict[InstrumentationScope, Any] = {}
            self._tracers_lock = threading.Lock()
            _process.after_fork_in_child(self._handle_fork)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> ApiTracer:
        """The tracer of this scope, always the same one. Never raises."""
        if self._disabled:
            return DisabledTracer()
        if not instrumenting_module_name:
            self._warn_nameless(instrumenting_module_name)
            instrumenting_module_name = ""
        version = "" if instrumenting_library_version is None else instrumenting_library_version
        scope = InstrumentationScope(instrumenting_module_name, version, schema_url, attributes)
        try:
            with self._tracers_lock:
                tracer = self._tracers.get(scope)
                if tracer is None:
                    tracer = self._tracers[scope] = self._new_tracer(scope)
                return tracer
        except TypeError:
            return self._new_tracer(scope)  # A scope of values that cannot be hashed.

    def _new_tracer(self, scope: InstrumentationScope) -> Tracer:
        newer: dict[str, Any] = {}
        if hasattr(self, "_apply_tracer_configurator"):
            newer["_tracer_config"] = self._apply_tracer_configurator(scope)
        if hasattr(self, "_meter_provider"):
            newer["meter_provider"] = self._meter_provider
        return Tracer(
            self,
            self.sampler,
            self.resource,
            self._active_span_processor,
            self.id_generator,
            None,
            self._span_limits,
            scope,
            **newer,
        )

    def _warn_nameless(self, name: str | None) -> None:
        if name not in self._nameless:
            self._nameless.add(name)
            _sdk_logger.error("get_tracer called with missing module name.")

    # ------------------------------------------------------------------ fork
    def _handle_fork(self) -> None:
        """In a forked child: what tells processes apart is made again."""
        self._tracers_lock = threading.Lock()
        fresh = self._fresh_attributes()
        if self.keep_instance_id:
            fresh.pop(INSTANCE_ID, None)
        self._update_resource(Resource(fresh))

    def _fresh_attributes(self) -> dict[str, Any]:
        named = os.environ.get(OTEL_EXPERIMENTAL_RESOURCE_DETECTORS, "").split(",")
        detect = _upstream.process_resource_detector()
        if detect is not None and not _KNOWN_DETECTORS.issuperset(map(str.strip, named)):
            return dict(detect().attributes)
        # The same without the SDK's pool of threads, which has no place in a fork handler.
        known = {
            INSTANCE_ID: _runtime.instance_id(),
            "process.pid": os.getpid(),
            "process.parent_pid": os.getppid(),
        }
        return {key: value for key, value in known.items() if key in self._resource.attributes}

    def _update_resource(self, resource: Resource) -> None:
        with self._tracers_lock:
            self._resource = self._resource.merge(resource)
            for tracer in self._tracers.values():
                tracer.resource = self._resource

    # ------------------------------------------------------------------ flush and shutdown
    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Ask every processor to flush, within the time; what one raises does not stop the next.

        Args:
            timeout_millis: Time for all of them, in milliseconds.

        Returns:
            Whether all of them did so in time.
        """
        multi = self._active_span_processor
        if type(multi) is not SynchronousMultiSpanProcessor:
            return _flushed(multi, timeout_millis)
        deadline = time.monotonic() + timeout_millis / 1000
        flushed = True
        for processor in multi._span_processors:
            left_ms = int((deadline - time.monotonic()) * 1000)
            if left_ms <= 0:
                return False
            flushed = _flushed(processor, left_ms) and flushed
        return flushed

    def shutdown(self) -> None:
        """Shut down every processor; what one raises does not stop the next."""
        multi = self._active_span_processor
        plain = type(multi) is SynchronousMultiSpanProcessor
        for processor in multi._span_processors if plain else (multi,):
            try:
                processor.shutdown()
            except Exception as error:
                report_hook(error, processor.shutdown)
        handler = getattr(self, "_atexit_handler", None)
        if handler is not None:
            atexit.unregister(handler)
            self._atexit_handler = None


def _flushed(processor: Any, timeout_millis: int) -> bool:
    try:
        # Some processors give nothing back, which has always counted as done.
        return processor.force_flush(timeout_millis) is not False
    except Exception as error:
        report_hook(error, processor.force_flush)
        return False
