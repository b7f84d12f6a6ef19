"""The writer: moves finished spans from the ring to the lanes, every 50 ms while there are any."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from vaquero import _guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaquero.pipeline.otlp.span_batches import SpanCodec
    from vaquero.pipeline.queue.lane import Lane
    from vaquero.pipeline.queue.log_queue import LogQueue
    from vaquero.pipeline.queue.ring import Ring
    from vaquero.pipeline.settings import Signal
    from vaquero.pipeline.stats import Ledger

#: Spans that are encoded in one go: less than half a millisecond during which the interpreter is
#: ours and no caller's.
SLICE = 32
#: Long enough that a waiting thread really gets the interpreter, short enough not to matter.
YIELD_S = 0.00005
#: Frames are closed at about this size, so that requests can be put together from whole ones.
FRAME_BYTES = 128 * 1024
#: Spans that a caller encodes itself when the ring is full.
OVERFLOW_SPANS = 16
#: What callers encoded waits here for the writer, up to this size; beyond, they write it
#: themselves.
ENCODED_BYTES = 2 * 1024 * 1024
#: Bound of encoded requests of metrics and logs on their way to the writer.
REQUEST_BYTES = 16 * 1024 * 1024


class QueueWriter:
    """Empties the ring. Its thread sleeps while there is nothing to do.

    Args:
        ring: Where the spans are.
        lanes: Where each signal goes.
        ledger: Where spans are counted.
        codec: Encodes spans; used by several threads at once.
        logs: Log records that wait to be encoded.
        interval_s: How often to look while there is work.
        appended: Called after a frame was appended: wakes the sender.
        drained: Called after the ring was emptied.
        new_event: Makes what the thread sleeps on.
    """

    def __init__(
        self,
        ring: Ring,
        lanes: dict[Signal, Lane],
        ledger: Ledger,
        *,
        codec: SpanCodec,
        logs: LogQueue,
        interval_s: float,
        appended: Callable[[], None],
        drained: Callable[[], None],
        new_event: Callable[[], threading.Event] = threading.Event,
    ) -> None:
        self._ring = ring
        self._lanes = lanes
        self._ledger = ledger
        self._codec = codec
        self._logs = logs
        self._interval_s = interval_s
        self._appended = appended
        self._drained = drained
        self._new_event = new_event
        self.reset()

    def reset(self) -> None:
        """No thread, new locks, nothing waiting: for a forked child."""
        self.wake = self._new_event()
        self._drain_lock = threading.Lock()
        self._requests: deque[tuple[Signal, bytes, int]] = deque()
        self._request_bytes = 0
        self._encoded: deque[tuple[bytes, int, int]] = deque()
        self._encoded_bytes = 0
        self._stopped = False
        self._logs.reset()

    def run(self) -> None:
        """The thread: until :meth:`stop`."""
        ring = self._ring
        while not self._stopped:
            ring.rearm()
            self.wake.clear()
            if self._safely_drained():
                self.wake.wait(self._interval_s)
            elif ring.sleep() and not (self._requests or self._encoded or len(self._logs)):
                self.wake.wait()

    def _safely_drained(self) -> bool:
        try:
            return self.drain()
        except Exception as error:
            _guard.report(error, "writing")
            return True

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped = True
        self.wake.set()

    def put_request(self, signal: Signal, body: bytes, items: int) -> bool:
        """Take an encoded request of metrics or logs; False where too many wait already."""
        if self._request_bytes + len(body) > REQUEST_BYTES:
            self._ledger.accept(signal, items)
            self._ledger.drop(signal, "queue_full", items)
            return False
        self._request_bytes += len(body)
        self._requests.append((signal, body, items))
        return True

    def drain(self, timeout_s: float = -1) -> bool:
        """Move everything that waits now to the lanes. True where something was moved.

        Args:
            timeout_s: How long to wait for another thread that drains; -1 for ever.
        """
        if not self._drain_lock.acquire(timeout=timeout_s):
            return False
        try:
            moved = self._drain_spans()
            moved = self._drain_requests() or moved
            for body, items in self._logs.drain():
                self._ledger.accept("logs", items)
                self._append("logs", body, items)
                moved = True
            if moved:
                self._appended()
                self._drained()
            return moved
        finally:
            self._drain_lock.release()

    def _drain_requests(self) -> bool:
        moved = False
        while self._requests:
            signal, body, items = self._requests.popleft()
            self._request_bytes = max(0, self._request_bytes - len(body))
            self._ledger.accept(signal, items)
            self._append(signal, body, items)
            moved = True
        return moved

    def _drain_spans(self) -> bool:
        moved = self._drain_encoded()
        left = len(self._ring)
        while left > 0:
            left -= self._write_frame(left)
            self._drain_encoded()
            self._appended()
            moved = True
        return moved

    def _drain_encoded(self) -> bool:
        """Write what callers encoded, joined into frames."""
        moved = False
        while self._encoded:
            bodies: list[bytes] = []
            size = items = traces = 0
            while self._encoded and size < FRAME_BYTES:
                body, count, own_roots = self._encoded.popleft()
                bodies.append(body)
                size += len(body)
                items += count
                traces += own_roots
            self._encoded_bytes = max(0, self._encoded_bytes - size)
            self._append("traces", b"".join(bodies), items, traces)
            moved = True
        return moved

    def _write_frame(self, most: int) -> int:
        """Encode spans until a frame is full or ``most`` are done; the number taken."""
        bodies: list[bytes] = []
        size = items = traces = taken = 0
        while taken < most and size < FRAME_BYTES:
            spans = self._ring.take(min(SLICE, most - taken))
            if not spans:
                taken = most
                break
            taken += len(spans)
            traces += roots(spans)
            body, encoded = self._encode(spans)
            bodies.append(body)
            size += len(body)
            items += encoded
            if taken < most:
                time.sleep(YIELD_S)
        self._append("traces", b"".join(bodies), items, traces)
        return taken

    def encode_overflow(self) -> None:
        """A caller found the ring full: it encodes a few of the oldest spans itself.

        Encoded they take a tenth of the memory, so some may wait for the writer; when even that is
        full, the caller appends them to the spool by one write.
        """
        spans = self._ring.take(OVERFLOW_SPANS)
        if not spans:
            return
        body, items = self._encode(spans)
        if self._encoded_bytes < ENCODED_BYTES:
            self._encoded_bytes += len(body)
            self._encoded.append((body, items, roots(spans)))
        else:
            self._append("traces", body, items, roots(spans))
            self._appended()

    def _encode(self, spans: list[Any]) -> tuple[bytes, int]:
        """The spans as one request, and how many are in it."""
        ledger = self._ledger
        ledger.accept("traces", len(spans))
        try:
            encoding = self._codec.encode(spans)
        except Exception as error:
            ledger.drop("traces", "not_encodable", len(spans))
            _guard.report(error, "encoding spans")
            return b"", 0
        for reason, number in encoding.quarantined.items():
            ledger.drop("traces", reason, number)
        requests = encoding.requests
        if len(requests) == 1:
            return requests[0].body, requests[0].items
        return b"".join([one.body for one in requests]), sum(one.items for one in requests)

    def _append(self, signal: Signal, body: bytes, items: int, traces: int = 0) -> None:
        if not items:
            return
        lane = self._lanes.get(signal)
        if lane is None:
            self._ledger.drop(signal, "no_destination", items)
        else:
            lane.append(body, items, traces)


def roots(spans: list[Any]) -> int:
    """How many of the spans, of ours or of the SDK, have no parent in this process."""
    count = 0
    for span in spans:
        parent = getattr(span, "parent_no", None)
        if parent is None:
            parent = getattr(span, "parent", None)
        if not parent:
            count += 1
    return count
