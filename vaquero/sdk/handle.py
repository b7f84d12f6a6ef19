"""The life of one SDK: what it holds, how it is flushed and ended, what it can say of itself."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from vaquero import _guard, _process, _runtime
from vaquero.sdk.build import assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from opentelemetry.sdk.trace import TracerProvider

    from vaquero.compat.config import SDKConfig
    from vaquero.config import Settings
    from vaquero.logs.provider import LazyLoggerProvider
    from vaquero.metrics.provider import MeterProvider
    from vaquero.pipeline import Pipeline
    from vaquero.sdk.parts import Parts


class VaqueroSDK:
    """One running SDK: the object that ``vaquero.init`` returns.

    Args:
        config: vaquero-sdk's configuration object, or None: ``VaqueroSDK(SDKConfig(...))`` starts
            an SDK as ``vaquero.init(config=...)`` does. Inside vaquero parts are given instead.
        settings: What it was made from.
        parts: What it is made of.
    """

    def __init__(
        self,
        config: SDKConfig | None = None,
        *,
        settings: Settings | None = None,
        parts: Parts | None = None,
    ) -> None:
        if parts is None or settings is None:
            settings, parts = assemble(config.arguments() if config is not None else {})
        self.config = config
        self.settings: Settings = settings
        self.parts: Parts = parts
        self._lock = threading.Lock()
        self._closed = False
        self._last_flush_time: float | None = None
        _process.after_fork_in_child(self._reset_after_fork)
        _process.at_exit(_process.Stage.LAST_COLLECTION, self._at_exit)

    @property
    def pipeline(self) -> Pipeline | None:
        """Where spans, metrics and logs leave; None when the SDK is disabled."""
        return self.parts.pipeline

    @property
    def tracer_provider(self) -> TracerProvider | None:
        """The provider of this SDK, also where the application's own one is the global one."""
        return self.parts.tracer_provider

    @property
    def meter_provider(self) -> MeterProvider | None:
        """The meter provider of this SDK."""
        return self.parts.meter_provider

    @property
    def logger_provider(self) -> LazyLoggerProvider | None:
        """The logger provider of this SDK."""
        return self.parts.logger_provider

    def is_enabled(self) -> bool:
        """Whether anything is built and not yet shut down."""
        return self.parts.tracer_provider is not None and not self._closed

    def get_queue_size(self) -> int:
        """Spans that ended and are not yet written or sent."""
        pipeline = self.parts.pipeline
        return pipeline.stats().queue_size if pipeline is not None else 0

    @property
    def _active_spans(self) -> Collection[Any]:
        """The spans under way now: a live collection, as the documents of vaquero-sdk use it."""
        from vaquero.compat.active_spans import ActiveSpans

        return ActiveSpans() if self.is_enabled() else ()

    def trace(self, *args: Any, **kwargs: Any) -> Any:
        """``vaquero.trace``, as a method."""
        from vaquero.facade.decorator import trace

        return trace(*args, **kwargs)

    def span(self, *args: Any, **kwargs: Any) -> Any:
        """``vaquero.span``, as a method."""
        from vaquero.facade.span import span

        return span(*args, **kwargs)

    @_guard.quiet(dict[str, Any]())
    def get_stats(self) -> dict[str, Any]:
        """True counts of this process, since its start or fork.

        Returns:
            ``traces_sent`` and ``spans_sent`` (acknowledged by the backend), ``spans_dropped``,
            ``queue_size`` (ended, not yet sent), ``memory_usage_mb`` (resident memory of the
            process), ``enabled``, ``errors`` (requests that failed), ``last_flush_time`` (Unix
            seconds of the last acknowledged request or flush; None before), and the pipeline's
            own counts: ``spans_accepted``, ``spool_bytes``, ``retries``, ``dropped`` by reason.
        """
        import psutil

        pipeline = self.parts.pipeline
        stats = pipeline.stats() if pipeline is not None else None
        memory_mb = psutil.Process().memory_info().rss / (1024 * 1024)
        times = [
            time
            for time in (self._last_flush_time, getattr(stats, "last_flush_time", None))
            if time
        ]
        return {
            "enabled": self.is_enabled(),
            "traces_sent": stats.traces_sent if stats else 0,
            "spans_sent": stats.spans_sent if stats else 0,
            "spans_accepted": stats.spans_accepted if stats else 0,
            "spans_dropped": stats.spans_dropped if stats else 0,
            "dropped": dict(stats.dropped) if stats else {},
            "queue_size": stats.queue_size if stats else 0,
            "spool_bytes": stats.spool_bytes if stats else 0,
            "retries": stats.retries if stats else 0,
            "errors": stats.errors if stats else 0,
            "memory_usage_mb": memory_mb,
            "last_flush_time": max(times, default=None),
        }

    @_guard.quiet(False)
    def flush(self, timeout: float | None = None) -> bool:
        """Send all that was recorded so far.

        Args:
            timeout: Seconds to wait; 30 by default.

        Returns:
            Whether the backend acknowledged everything within the timeout. What it did not is
            kept and sent later.
        """
        timeout_s = 30.0 if timeout is None else max(0.0, float(timeout))
        deadline = time.monotonic() + timeout_s
        parts = self.parts
        for provider in (
            parts.tracer_provider,
            parts.meter_provider,
            parts.host_meter_provider,
            parts.logger_provider,
            parts.host_tracer_provider,
        ):
            self._flush_provider(provider, deadline)
        if parts.pipeline is None:
            return True
        done = parts.pipeline.flush(max(0.0, deadline - time.monotonic()))
        if done:
            self._last_flush_time = time.time()
        return done

    @_guard.quiet(False)
    def shutdown(self, timeout: float | None = None) -> bool:
        """End this SDK: a last collection and one attempt to send; what remains is kept.

        Safe to call more than once. Afterwards spans of tracers that were handed out record
        nothing, until ``vaquero.init`` is called again.

        Args:
            timeout: Seconds it may take; 1.5 by default.

        Returns:
            Whether the backend acknowledged everything.
        """
        with self._lock:
            if self._closed:
                return True
            self._closed = True
        _process.not_at_exit(self._at_exit)
        if _runtime.sdk is self:
            _runtime.set_sdk(None)
        return self._end(_process.EXIT_BUDGET_S if timeout is None else max(0.0, float(timeout)))

    def _flush_provider(self, provider: Any, deadline: float) -> None:
        if provider is None:
            return
        left_ms = max(1, int((deadline - time.monotonic()) * 1000))
        try:
            provider.force_flush(left_ms)
        except Exception as error:
            _guard.report(error, "flush")

    def _end(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        parts = self.parts
        self._collect_last()
        # Only now: a gauge that is silenced earlier would miss the last collection.
        for hook in parts.on_shutdown:
            self._try(hook)
        for provider in (parts.logger_provider, parts.tracer_provider):
            if provider is not None:
                self._try(provider.shutdown)
        if parts.pipeline is None:
            return True
        return parts.pipeline.shutdown(max(0.05, deadline - time.monotonic()))

    def _try(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except Exception as error:
            _guard.report(error, "shutdown")

    def _at_exit(self) -> None:
        # Handlers that the application registered before run after this one: their spans are
        # still taken, so the providers stay open and only a last collection is made here.
        if self._closed:
            return
        self._collect_last()
        pipeline = self.parts.pipeline
        if pipeline is not None:
            self._try(lambda: pipeline.at_exit(_process.EXIT_BUDGET_S))

    def _collect_last(self) -> None:
        parts = self.parts
        for hook in parts.before_exit:
            self._try(hook)
        if parts.ticker is not None:
            parts.ticker.stop(0.3)
        for provider in (parts.meter_provider, parts.host_meter_provider):
            if provider is not None:
                self._try(provider.shutdown)

    def _reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._last_flush_time = None
