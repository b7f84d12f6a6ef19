"""The sender: one thread that carries all three signals, one request at a time.

Frames are joined into requests without touching their bytes: encoded export requests concatenate.
A request that failed is kept as it is, with its batch id, until it is settled, so a backend that
lost only its acknowledgement sees the same request again and not a new mixture.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from vaquero import _guard
from vaquero.pipeline import messages
from vaquero.pipeline.otlp import split
from vaquero.pipeline.transport.retry import SendResult, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vaquero.pipeline.queue.lane import Lane
    from vaquero.pipeline.settings import PipelineSettings, Signal
    from vaquero.pipeline.spool.frame import Frame
    from vaquero.pipeline.spool.memory import FrameSource
    from vaquero.pipeline.stats import Ledger
    from vaquero.pipeline.transport.choice import Transport

#: As much as this is sent without waiting for the delay.
BATCH_BYTES = 256 * 1024
#: How often spools of ended processes are looked for.
ADOPT_INTERVAL_S = 30.0

_NEVER = float("inf")


class RequestPart(NamedTuple):
    """A piece of a request after it had to be split; at first the whole."""

    body: bytes
    items: int
    batch_id: str
    traces: int


class InFlight:
    """A request on its way: joined from frames, kept unchanged until it is settled."""

    def __init__(self, source: FrameSource, frames: Sequence[Frame], own: bool) -> None:
        self.source = source
        self.own = own
        self.time_s = frames[0].time_s
        self.items = sum(frame.items for frame in frames)
        body = b"".join([frame.payload for frame in frames])
        # Of the frames alone: the next process that finds the same frames makes the same id.
        batch_id = f"{frames[0].id:016x}-{len(frames):x}-{len(body):x}"
        traces = sum(frame.traces for frame in frames)
        self.parts = deque([RequestPart(body, self.items, batch_id, traces)])
        self.tried = False


class Sender:
    """Sends what waits in the lanes. Its thread sleeps while nothing does.

    Args:
        lanes: One per signal.
        transports: One per signal.
        ledger: Where outcomes are counted.
        settings: Delay, size of requests.
        keep_refused: Keeps a refused request for a later resend; gives whether it could.
        new_event: Makes what the thread sleeps on.
    """

    def __init__(
        self,
        lanes: dict[Signal, Lane],
        transports: dict[Signal, Transport],
        ledger: Ledger,
        settings: PipelineSettings,
        keep_refused: Callable[[Signal, bytes, int], bool],
        new_event: Callable[[], threading.Event] = threading.Event,
    ) -> None:
        self._lanes = lanes
        self._transports = transports
        self._ledger = ledger
        self._settings = settings
        self._keep_refused = keep_refused
        self._new_event = new_event
        self.reset()

    def reset(self) -> None:
        """No thread, no connection, nothing in flight: for a forked child."""
        self._wake = self._new_event()
        self._due_s = _NEVER
        self._step_lock = threading.Lock()
        #: Rounds finished, and what a flush waits on.
        self.rounds = threading.Condition()
        self._in_flight: dict[Signal, InFlight] = {}
        self._hurrying = 0
        self._probed: set[int] = set()
        self._stopped = False
        self._ending = False
        self._halted = False
        self._active: Transport | None = None
        self._adopted_s: float | None = None
        for transport in self._transports.values():
            transport.close()

    # -- the thread ----------------------------------------------------------------------------

    def run(self) -> None:
        """The thread: until :meth:`stop`."""
        while not self._stopped:
            # Cleared first: what is appended during the round wakes the next one.
            self._due_s = _NEVER
            self._wake.clear()
            try:
                wait_s = self.step()
            except Exception as error:
                _guard.report(error, "sending")
                wait_s = 1.0
            with self.rounds:
                self.rounds.notify_all()
            if not self._stopped and wait_s != 0:
                self._due_s = time.monotonic() + wait_s if wait_s is not None else _NEVER
                self._wake.wait(wait_s)

    def appended(self) -> None:
        """Something waits: see to it that it is looked at, at the latest after the delay.

        A sender that sleeps no longer than that anyway is not woken: a thread that wakes takes
        the interpreter from the application.
        """
        if self._wake.is_set():
            return
        soon_s = time.monotonic() + self._settings.schedule_delay_s
        if self._due_s > soon_s or any(
            lane.waiting_bytes >= BATCH_BYTES for lane in self._lanes.values()
        ):
            self._wake.set()

    def hurry(self, on: bool) -> None:
        """Send at once instead of collecting, and probe a backend that is away, once."""
        with self.rounds:
            self._hurrying += 1 if on else -1
            if on:
                self._probed.clear()
        self._wake.set()

    def has_given_up(self, lane: Lane) -> bool:
        """Whether nothing is tried any more, or the backend is away and no probe is due."""
        breaker = lane.breaker
        return self._halted or (breaker.is_open and breaker.wait_s(hurry=self._may_probe(lane)) > 0)

    def _may_probe(self, lane: Lane) -> bool:
        return self._hurrying > 0 and id(lane.breaker) not in self._probed

    def end(self) -> None:
        """The process ends: from now on own frames only, no adoption."""
        self._ending = True

    def halt(self, grace_s: float) -> None:
        """Begin no more requests; the one under way has a little time, then it is broken."""
        self._halted = True
        deadline = time.monotonic() + grace_s
        with self.rounds:
            while self._active is not None:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    break
                self.rounds.wait(left_s)
        self.abort()

    def finish_adopted(self, timeout_s: float) -> None:
        """Wait while what ended processes left is sent, as long as the backend answers."""
        deadline = time.monotonic() + timeout_s
        with self.rounds:
            while not self._stopped and self._may_finish():
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    return
                self._wake.set()
                self.rounds.wait(left_s)

    @property
    def has_adopted(self) -> bool:
        """Whether something of ended processes waits."""
        return any(lane.has_adopted for lane in self._lanes.values())

    def _may_finish(self) -> bool:
        lanes = [lane for lane in self._lanes.values() if lane.adopter is not None]
        if not lanes or any(lane.breaker.is_open for lane in lanes):
            return False
        looked = self._adopted_s is not None or not any(lane.may_have_orphans for lane in lanes)
        return not looked or any(lane.has_adopted for lane in lanes)

    def stop(self) -> None:
        """Let the thread end after its current request."""
        self._stopped = True
        self._wake.set()

    def abort(self) -> None:
        """Break a request that hangs, from another thread."""
        active = self._active
        if active is not None:
            active.abort()

    def close(self) -> None:
        """Close connections; what is in flight stays in its store."""
        for request in self._in_flight.values():
            request.source.give_back()
        self._in_flight.clear()
        for transport in self._transports.values():
            transport.close()

    @property
    def oldest_s(self) -> float:
        """Age in seconds of the oldest request in flight; 0.0 for none."""
        times = [request.time_s for request in list(self._in_flight.values())]
        return max(0.0, time.time() - min(times)) if times else 0.0

    # -- one round -----------------------------------------------------------------------------

    def step(self) -> float | None:
        """At most one request per signal. Seconds until the next round is due; None for never."""
        with self._step_lock:
            waits = [self._serve(lane) for lane in self._lanes.values()]
            waits.append(self._adopt())
            due = [wait for wait in waits if wait is not None]
            return min(due) if due else None

    def _adopt(self) -> float | None:
        adopters = [lane for lane in self._lanes.values() if lane.adopter is not None]
        if not adopters or self._ending:
            return None
        now = time.monotonic()
        if self._adopted_s is not None and now - self._adopted_s < ADOPT_INTERVAL_S:
            return self._adopted_s + ADOPT_INTERVAL_S - now
        found = False
        for lane in adopters:
            if lane.adopter is not None:
                found = lane.adopter.scan() or found
        self._adopted_s = now  # only now: an exit waits for the first look
        return 0.0 if found else ADOPT_INTERVAL_S

    def _serve(self, lane: Lane) -> float | None:
        if self._halted:
            return None
        request = self._in_flight.get(lane.signal)
        if request is None:
            wait_s = self._collecting_s(lane)
            if wait_s is None or wait_s > 0:
                return wait_s
        wait_s = lane.breaker.wait_s(hurry=self._may_probe(lane))
        if wait_s > 0:
            return wait_s
        if request is None:
            request = self._take_batch(lane)
            if request is None:
                # Something may be under way into the store, from a thread that was interrupted.
                return self._settings.schedule_delay_s if lane.waiting_bytes else None
        self._attempt(lane, request)
        if not request.parts:
            self._settle(lane, request)
        return 0.0

    def _collecting_s(self, lane: Lane) -> float | None:
        """How long the lane may go on collecting; None where nothing waits."""
        adopted = not self._ending and lane.has_adopted
        size = lane.waiting_bytes
        if adopted or size >= BATCH_BYTES or (size and self._hurrying):
            return 0.0
        since_s = lane.since_s
        if not size or since_s is None:
            return None
        return max(0.0, since_s + self._settings.schedule_delay_s - time.monotonic())

    def _take_batch(self, lane: Lane) -> InFlight | None:
        lane.since_s = None
        for source in lane.sources():
            own = source is lane.disk or source is lane.memory
            if self._ending and not own:
                continue
            frames = source.take(self._settings.request_max_bytes, self._settings.request_max_items)
            if frames:
                request = self._in_flight[lane.signal] = InFlight(source, frames, own)
                if not own:
                    self._ledger.accept(lane.signal, request.items)
                if lane.waiting_bytes:
                    lane.since_s = lane.since_s or time.monotonic()
                return request
        if lane.waiting_bytes:
            lane.since_s = time.monotonic()
        return None

    def _settle(self, lane: Lane, request: InFlight) -> None:
        request.source.settle()
        del self._in_flight[lane.signal]
        if request.own:
            lane.settle(request.items)

    # -- one attempt ---------------------------------------------------------------------------

    def _attempt(self, lane: Lane, request: InFlight) -> None:
        part = request.parts[0]
        transport = self._transports[lane.signal]
        self._ledger.send(lane.signal, part.items, again=request.tried)
        request.tried = True
        self._active = transport
        try:
            result = transport.send(part.body, part.batch_id, lane.destination.timeout_s)
        finally:
            self._active = None
        if result.verdict is not Verdict.RETRY:
            request.parts.popleft()
            request.tried = False
        self._judge(lane, request, part, result)

    def _judge(self, lane: Lane, request: InFlight, part: RequestPart, result: SendResult) -> None:
        signal, ledger = lane.signal, self._ledger
        if result.verdict is Verdict.RETRY:
            ledger.fail(result.detail)
            self._probed.add(id(lane.breaker))
            wait_s = lane.breaker.fail(result.retry_after_s)
            messages.log_unreachable(lane, result, wait_s)
            return
        lane.breaker.succeed()
        if result.verdict is Verdict.OK:
            rejected = min(result.rejected, part.items)
            ledger.acknowledge(signal, part.items - rejected, part.traces)
            ledger.drop(signal, "partial_success", rejected)
            if rejected or result.detail:
                messages.log_partial_success(lane, rejected, result.detail)
            return
        ledger.fail(result.detail)
        if result.verdict is Verdict.SPLIT:
            halves = split_part(part)
            if halves is not None:
                request.parts.extendleft(reversed(halves))
                return
            messages.log_too_large(lane, len(part.body))
            ledger.drop(signal, "too_large", part.items)
            return
        may_be_kept = result.verdict is Verdict.REFUSED
        kept = may_be_kept and self._keep_refused(signal, part.body, part.items)
        if kept:
            ledger.keep(signal, part.items)
        ledger.drop(signal, result.reason, part.items)
        messages.log_refused(lane, result, part.items, kept=kept)


def split_part(part: RequestPart) -> tuple[RequestPart, RequestPart] | None:
    """The two halves of a request, item by item; None where it cannot be split."""
    try:
        halves = split.halves(part.body)
    except ValueError:
        return None
    if halves is None:
        return None
    (first, first_items), (second, second_items) = halves
    if first_items + second_items != part.items:
        # Metrics are split by metric and counted by point: share the count as the bytes lie.
        share = len(first) / max(1, len(first) + len(second))
        first_items = min(part.items, round(part.items * share))
        second_items = part.items - first_items
    return (
        RequestPart(first, first_items, f"{part.batch_id}.0", part.traces),
        RequestPart(second, second_items, f"{part.batch_id}.1", 0),
    )
