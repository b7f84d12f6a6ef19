"""The pipeline as a whole: spans, metrics and logs in, acknowledged requests out."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vaquero import _guard, _process
from vaquero._process import EXIT_BUDGET_S
from vaquero.pipeline import messages
from vaquero.pipeline.otlp.span_batches import SpanCodec
from vaquero.pipeline.queue.lane import Lane
from vaquero.pipeline.queue.log_queue import LogQueue
from vaquero.pipeline.queue.ring import Ring
from vaquero.pipeline.queue.writer import QueueWriter
from vaquero.pipeline.sender import Sender
from vaquero.pipeline.settings import SIGNALS, Destination, PipelineSettings, Signal
from vaquero.pipeline.spool.housekeeping import Housekeeper
from vaquero.pipeline.stats import Ledger, PipelineStats
from vaquero.pipeline.transport.choice import Transport, make_transport
from vaquero.pipeline.transport.retry import Breaker

if TYPE_CHECKING:
    from vaquero.pipeline.otlp.metric_batches import MetricsCodec
    from vaquero.record import Sink
    from vaquero.redaction import Redactor

#: How long an exit goes on sending what ended processes left, where the backend answers.
ORPHANS_EXIT_S = 0.6


class Pipeline:
    """Takes telemetry from the application and carries it to its backend.

    Construction makes no thread, no file and no socket: all that starts with the first span, also
    in a forked child.

    Args:
        settings: Where to, and how much may wait.
        redactor: Takes out what is secret; None to send all as it is.
    """

    def __init__(self, settings: PipelineSettings, redactor: Redactor | None = None) -> None:
        self.settings = settings
        self._redactor = redactor
        self._metrics_codec: MetricsCodec | None = None
        self._ledger = Ledger()
        self._lanes: dict[Signal, Lane] = {}
        transports: dict[Signal, Transport] = {}
        self._housekeeper = Housekeeper(settings, self._ledger)
        self._build(transports)
        self._ring = Ring(
            settings.ring_max_spans,
            settings.ring_max_bytes,
            call=self._call_writer,
            overflow=self._overflow,
        )
        self._logs = LogQueue(redactor, self._ledger)
        self._sender = Sender(
            self._lanes, transports, self._ledger, settings, self._housekeeper.keep_refused
        )
        self._writer = QueueWriter(
            self._ring,
            self._lanes,
            self._ledger,
            codec=SpanCodec(redactor),
            logs=self._logs,
            interval_s=settings.write_interval_s,
            appended=self._sender.appended,
            drained=self._housekeeper.enforce_bounds,
        )
        #: Where finished spans go.
        self.sink: Sink = self._ring
        #: The same for spans of the SDK, without asking each what it is.
        self.put_span = self._ring.put_sdk
        self._start_lock = threading.Lock()
        self._threads: tuple[threading.Thread, threading.Thread] | None = None
        self._closed = False
        self._exit_deadline_s: float | None = None
        _process.after_fork_in_child(self._in_child)

    def _build(self, transports: dict[Signal, Transport]) -> None:
        breakers: dict[str, Breaker] = {}
        for signal in SIGNALS:
            destination = self.settings.destination(signal)
            if destination is None:
                continue
            try:
                transports[signal] = make_transport(signal, destination, self.settings)
            except (ValueError, OSError, ImportError) as error:
                messages.log_unusable_destination(signal, destination, error)
                continue
            breaker = breakers.setdefault(_origin(destination), Breaker())
            limit = self.settings.memory_max_bytes
            lane = self._lanes[signal] = Lane(signal, destination, self._ledger, limit, breaker)
            stores = self._housekeeper.make_stores(signal, destination, lane.lost)
            if stores is not None:
                lane.use_spool(stores.disk, stores.adopter)

    # -- in ------------------------------------------------------------------------------------

    def put_request(self, signal: Signal, body: bytes, items: int) -> bool:
        """Take an encoded ``Export*ServiceRequest`` of metrics or logs.

        Args:
            signal: Which kind of request it is.
            body: The encoded request.
            items: Points or records in it.

        Returns:
            Whether it was taken; False after shutdown, or where nothing is exported for it.
        """
        if self._closed or signal not in self._lanes:
            self._ledger.accept(signal, items)
            self._ledger.drop(signal, "after_shutdown" if self._closed else "no_destination", items)
            return False
        taken = self._writer.put_request(signal, body, items)
        self._call_writer()
        if self._exit_deadline_s is not None:
            self._send_late()
        return taken

    def put_log(self, record: object) -> None:
        """Take a finished log record of the SDK; it is encoded by the writer's thread."""
        if self._closed or "logs" not in self._lanes:
            self._ledger.accept("logs", 1)
            self._ledger.drop("logs", "after_shutdown" if self._closed else "no_destination", 1)
        elif self._logs.put(record):
            self._call_writer()
            if self._exit_deadline_s is not None:
                self._send_late()

    @property
    def metrics_codec(self) -> MetricsCodec:
        """Encodes metrics for :meth:`put_request`; made, and protobuf loaded, when asked for."""
        if self._metrics_codec is None:
            from vaquero.pipeline.otlp.metric_batches import MetricsCodec

            def dropped(points: int) -> None:
                self._ledger.accept("metrics", points)
                self._ledger.drop("metrics", "not_encodable", points)

            self._metrics_codec = MetricsCodec(self._redactor, dropped)
        return self._metrics_codec

    # -- out -----------------------------------------------------------------------------------

    @_guard.quiet(False)
    def flush(self, timeout_s: float = 30.0) -> bool:
        """Send everything accepted so far, and wait.

        Returns:
            True where all of it is acknowledged (or counted as lost), or is safe in the spool
            because the backend is away; False where time ran out or it waits in memory.
        """
        return self._flush(timeout_s)

    def _flush(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + max(0.0, timeout_s)
        self._writer.drain(max(0.0, timeout_s))
        goals = [(lane, lane.taken) for lane in self._lanes.values() if lane.done < lane.taken]
        if self._threads is None and any(lane.may_have_orphans for lane in self._lanes.values()):
            self._start()
        if not goals:
            return not len(self._ring)
        if not self._start():
            return self._flush_here(goals, deadline)
        sender = self._sender
        sender.hurry(True)
        try:
            with sender.rounds:
                for lane, goal in goals:
                    while not self._is_settled(lane, goal):
                        left_s = deadline - time.monotonic()
                        if left_s <= 0:
                            break
                        sender.rounds.wait(left_s)
        finally:
            sender.hurry(False)
        return self._is_safe(goals)

    def _flush_here(self, goals: list[tuple[Lane, int]], deadline: float) -> bool:
        """The same without threads, where none can be started any more."""
        sender = self._sender
        sender.hurry(True)
        try:
            while time.monotonic() < deadline and not all(
                self._is_settled(lane, goal) for lane, goal in goals
            ):
                wait_s = sender.step()
                if wait_s is None or wait_s > 0:
                    break
        finally:
            sender.hurry(False)
        return self._is_safe(goals)

    def _is_settled(self, lane: Lane, goal: int) -> bool:
        return lane.done >= goal or self._sender.has_given_up(lane)

    def _is_safe(self, goals: list[tuple[Lane, int]]) -> bool:
        # What other threads have ended since is not asked for.
        return all(
            lane.done >= goal
            or (lane.breaker.is_open and lane.disk is not None and not lane.memory.waiting_bytes)
            for lane, goal in goals
        )

    @_guard.quiet(False)
    def shutdown(self, timeout_s: float = EXIT_BUDGET_S) -> bool:
        """Send what there is and end: threads, connections, the hold on the spool.

        Safe to call more than once. While the process exits it only sends: hooks that run later
        may still end spans, and those are taken too.

        Returns:
            Whether everything was acknowledged, or is safe in the spool.
        """
        if _process.exiting():
            return self.at_exit(timeout_s)
        if self._closed:
            return True
        done = self._send_rest(timeout_s)
        self._closed = True
        self._ring.on_late(self._drop_late)
        self._writer.drain(0.1)
        self._writer.stop()
        self._sender.stop()
        self._sender.abort()
        threads, self._threads = self._threads, None
        for thread in threads or ():
            thread.join(0.3)
        self._sender.close()
        self._lose_memory()
        for lane in self._lanes.values():
            lane.close()
        return done

    @_guard.quiet(False)
    def at_exit(self, timeout_s: float = EXIT_BUDGET_S) -> bool:
        """The process ends: send what there is within the timeout, and take late spans too.

        Called again it waits only for what is left of the first timeout.

        Returns:
            Whether everything was acknowledged, or is safe in the spool.
        """
        if self._closed:
            return True
        if self._exit_deadline_s is None:
            self._exit_deadline_s = time.monotonic() + timeout_s
        done = self._send_rest(max(0.0, self._exit_deadline_s - time.monotonic()))
        self._ring.on_late(self._send_late)
        for lane in self._lanes.values():
            if lane.disk is not None:
                lane.disk.tidy()
        if not done:
            self._lose_at_exit()
        return done

    def leave(self) -> bool:
        """:meth:`at_exit` with the timeout of the settings."""
        return self.at_exit(self.settings.exit_timeout_s)

    def _send_rest(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        done = self._flush(timeout_s)
        if done:
            left_s = deadline - time.monotonic()
            self._sender.finish_adopted(min(ORPHANS_EXIT_S, left_s))
        self._sender.end()
        if not done:
            # What is under way may arrive; what hangs is broken, so that nobody waits for it.
            self._sender.halt(0.15)
        return done

    def _send_late(self) -> None:
        """A span that ended after the process began to exit: no interval will come for it."""
        left_s = (self._exit_deadline_s or 0.0) - time.monotonic()
        away = any(lane.done < lane.taken for lane in self._lanes.values())
        try:
            if away or left_s <= 0:
                self._writer.drain(0.05)  # into the spool; nobody would answer in time
            else:
                self._flush(min(left_s, 0.3))
        except Exception as error:
            _guard.report(error, "sending a late span")

    def _drop_late(self) -> None:
        spans = self._ring.take(1024)
        self._ledger.accept("traces", len(spans))
        self._ledger.drop("traces", "after_shutdown", len(spans))

    def _lose_at_exit(self) -> None:
        lost = {lane: lane.memory.waiting_items for lane in self._lanes.values()}
        for lane, items in lost.items():
            lane.lost(items, "exit")
        messages.log_lost_at_exit(lost)

    def _lose_memory(self) -> None:
        for lane in self._lanes.values():
            lost = sum(frame.items for frame in lane.memory.drain())
            lane.lost(lost, "shutdown")

    # -- threads -------------------------------------------------------------------------------

    def _call_writer(self) -> None:
        if self._threads is None:
            self._start()
            if not threading.main_thread().is_alive():
                # The first span of a process that is exiting already: no hook of ours will run.
                if self._exit_deadline_s is None:
                    self._exit_deadline_s = time.monotonic() + self.settings.exit_timeout_s
                self._ring.on_late(self._send_late)
                self._send_late()
                return
        self._writer.wake.set()

    def _overflow(self) -> None:
        try:
            self._writer.encode_overflow()
        except Exception as error:
            _guard.report(error, "encoding a span")

    def _start(self) -> bool:
        """Start the threads where there are none; False where the interpreter allows none."""
        if self._threads is not None:
            return True
        with self._start_lock:
            if self._threads is not None or self._closed:
                return self._threads is not None
            threads = (
                threading.Thread(target=self._writer.run, name="vaquero-writer", daemon=True),
                threading.Thread(target=self._sender.run, name="vaquero-sender", daemon=True),
            )
            try:
                for thread in threads:
                    thread.start()
            except RuntimeError:
                return False  # the interpreter is ending
            self._threads = threads
            _process.send_at_exit(self.leave)
            return True

    def _in_child(self) -> None:
        """A forked child begins empty: what was here is the parent's, and the parent sends it."""
        self._start_lock = threading.Lock()
        self._threads = None
        self._exit_deadline_s = None
        self._ledger.reset()
        self._ring.reset()
        self._ring.on_late(self._drop_late if self._closed else None)
        for lane in self._lanes.values():
            lane.reset()
            lane.breaker.succeed()
        self._sender.reset()
        self._writer.reset()

    # -- counts --------------------------------------------------------------------------------

    def stats(self) -> PipelineStats:
        """True counts of this process."""
        signals = self._ledger.signals()
        traces = signals["traces"]
        waiting = len(self._ring)
        lanes = self._lanes.values()
        return PipelineStats(
            spans_accepted=traces.accepted + waiting,
            spans_sent=traces.acknowledged,
            traces_sent=traces.traces,
            spans_dropped=sum(traces.dropped.values()),
            dropped=traces.dropped,
            queue_size=waiting,
            waiting=max(0, traces.accepted - traces.acknowledged - sum(traces.dropped.values())),
            spool_bytes=sum(lane.spool_bytes for lane in lanes),
            memory_bytes=sum(lane.memory.waiting_bytes for lane in lanes),
            spool_age_s=self._sender.oldest_s,
            requests=self._ledger.requests,
            retries=self._ledger.retries,
            errors=self._ledger.errors,
            last_flush_time=self._ledger.last_flush_time,
            last_error=self._ledger.last_error,
            signals=signals,
        )


def _origin(destination: Destination) -> str:
    """Signals that go to the same host and port share one breaker."""
    try:
        return f"{destination.protocol} {urlsplit(destination.endpoint).netloc.rpartition('@')[2]}"
    except ValueError:
        return destination.endpoint
