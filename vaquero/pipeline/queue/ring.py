"""The ring: where the application's threads leave finished spans. One append, and they are done."""

from __future__ import annotations

import threading
from collections import deque
from sys import getsizeof
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan

#: What a finished span of the SDK holds in memory (measured: 2.9 KB empty, 3.0 KB with five
#: attributes), and what a span of ours does (0.4 KB empty, 0.7 KB with five) before its attributes
#: have been looked at.
SDK_SPAN_BYTES = 3072
OWN_SPAN_BYTES = 1024
_BARE_SPAN_BYTES = 400
#: How many spans are looked at to guess the size of all.
_SAMPLE = 8

#: Values up to this size are part of the estimates above.
SMALL_VALUE = 256

#: Heavy spans are taken until they hold this much together.
_TAKE_BYTES = 128 * 1024

#: The mark of a ring whose writer sleeps: the first span wakes it.
_ASLEEP = 1


class Ring:
    """Bounded queue of finished spans between many threads and one writer.

    ``put`` appends and compares the length with a *mark*, nothing else. The mark says at which
    length somebody has to act: at 1 while the writer sleeps, at a quarter of the bound while it
    works in its interval, and at the bound once it has been called.

    Args:
        max_spans: Bound of spans held, for spans so small that the bytes do not bound them.
        max_bytes: Bound of the estimated bytes held.
        call: Called to wake the writer, and to start it where there is none yet.
        overflow: Called by the caller's thread when the bound is reached; it must take spans away.
    """

    __slots__ = (
        "_byte_lock",
        "_call",
        "_extra_bytes",
        "_items",
        "_late",
        "_limit",
        "_mark",
        "_max_bytes",
        "_max_spans",
        "_overflow",
        "_sdk_limit",
        "_sdk_mark",
    )

    def __init__(
        self,
        max_spans: int,
        max_bytes: int,
        *,
        call: Callable[[], None],
        overflow: Callable[[], None],
    ) -> None:
        self._max_spans = max_spans
        self._limit = max(64, min(max_spans, max_bytes // OWN_SPAN_BYTES))
        self._sdk_limit = max(64, min(max_spans, max_bytes // SDK_SPAN_BYTES))
        self._max_bytes = max_bytes
        self._call = call
        self._overflow = overflow
        self._late: Callable[[], None] | None = None
        self.reset()

    def reset(self) -> None:
        """Empty, asleep and with new locks: for a forked child."""
        self._items: deque[Any] = deque()
        self._extra_bytes = 0
        self._byte_lock = threading.Lock()
        self._mark = self._sdk_mark = _ASLEEP

    def __len__(self) -> int:
        return len(self._items)

    @property
    def extra_bytes(self) -> int:
        """Bytes of the large values held."""
        return self._extra_bytes

    # -- the application's side ---------------------------------------------------------------

    def put(self, span: Any, /) -> None:
        """Take a finished span: a ``SpanRecord`` or a span of the SDK."""
        try:
            weight: int = span.weight
        except AttributeError:
            self.put_sdk(span)
            return
        items = self._items
        items.append(span)
        if weight:
            self._weigh(weight)
        if len(items) >= self._mark:
            self._mark_reached(self._limit)

    def put_sdk(self, span: ReadableSpan) -> None:
        """Take one finished span of the SDK; it is weighed by its large values."""
        items = self._items
        items.append(span)
        extra = sdk_weight(span)
        if extra:
            self._weigh(extra)
        if len(items) >= self._sdk_mark:
            self._mark_reached(self._sdk_limit)

    def _weigh(self, extra: int) -> None:
        with self._byte_lock:
            self._extra_bytes += extra
            over = self._extra_bytes > self._max_bytes
        if over:
            self._mark = self._sdk_mark = _ASLEEP  # the comparison that follows acts on it

    def _mark_reached(self, limit: int) -> None:
        """Wake the writer where that helps; take spans away where the ring is full."""
        if self._late is not None:
            self._late()
            return
        waiting = len(self._items)
        if waiting >= limit or self._extra_bytes > self._max_bytes:
            self._call()
            self._overflow()
        elif waiting >= limit // 4:
            self._limit = self._fitting()
            self._set_marks(self._limit, self._sdk_limit)
            self._call()
        elif self._mark <= _ASLEEP:
            self.rearm()
            self._call()

    def _fitting(self) -> int:
        """How many spans like the newest ones the bound of bytes allows."""
        newest: list[Any] = []
        try:
            newest += [self._items[-1 - place] for place in range(_SAMPLE)]
        except IndexError:
            pass  # the writer was faster
        if not newest:
            return self._limit
        size = sum(map(own_size, newest)) // len(newest)
        return max(64, min(self._max_spans, self._max_bytes // size))

    # -- the writer's side ---------------------------------------------------------------------

    def rearm(self) -> None:
        """The writer is awake: only a quarter full concerns it."""
        self._set_marks(self._limit // 4, self._sdk_limit // 4)

    def _set_marks(self, own: int, sdk: int) -> None:
        """From how many spans on somebody is called; every one while the process ends."""
        self._mark, self._sdk_mark = own, sdk
        # Asked afterwards: whichever of this thread and `on_late` comes last, the marks are low.
        if self._late is not None:
            self._mark = self._sdk_mark = _ASLEEP

    def sleep(self) -> bool:
        """Ask to be woken by the next span; False where one is there already."""
        self._mark = self._sdk_mark = _ASLEEP
        return not self._items

    def on_late(self, late: Callable[[], None] | None) -> None:
        """From now on each span calls ``late``: the process ends and no interval will come."""
        self._late = late
        if late is not None:
            self._mark = self._sdk_mark = _ASLEEP

    def take(self, count: int) -> list[Any]:
        """Up to ``count`` of the oldest spans, taken away."""
        if self._extra_bytes:
            return self._take_weighed(count)
        popleft = self._items.popleft
        taken: list[Any] = []
        try:
            for _ in range(count):
                taken.append(popleft())  # noqa: PERF401 - what was taken survives the IndexError
        except IndexError:
            pass  # another thread took the rest
        return taken

    def _take_weighed(self, count: int) -> list[Any]:
        """The same where some spans are heavy: fewer of those at a time."""
        taken: list[Any] = []
        weight = 0
        try:
            while len(taken) < count and weight < _TAKE_BYTES:
                span = self._items.popleft()
                taken.append(span)
                own = getattr(span, "weight", None)
                weight += sdk_weight(span) if own is None else own
        except IndexError:
            pass
        with self._byte_lock:
            self._extra_bytes = max(0, self._extra_bytes - weight)
        return taken


def own_size(span: Any) -> int:
    """Bytes that a span of ours holds, its large values aside: those are weighed one by one."""
    attributes: dict[str, Any] | None = getattr(span, "attrs", None)
    size = _BARE_SPAN_BYTES
    if attributes:
        size += getsizeof(attributes)
        for value in attributes.values():
            value_size = getsizeof(value)
            size += value_size if value_size <= SMALL_VALUE else 0
    if getattr(span, "extra", None) is not None:
        size += _BARE_SPAN_BYTES
    return size


def sdk_weight(span: Any) -> int:
    """Bytes of the large texts that a span of the SDK holds, events included."""
    weight = 0
    try:
        attributes = span._attributes
        if attributes:
            weight = _large(attributes)
        events = span._events
        if events:
            for event in events:
                weight += SMALL_VALUE + _large(event.attributes or {})
    except Exception:
        return weight  # A span of somebody else's class: its count bounds it.
    return weight


def _large(attributes: Any) -> int:
    try:
        values = attributes._dict.values()  # inside ``BoundedAttributes``: without its lock
    except AttributeError:
        values = attributes.values()
    weight = 0
    for value in values:
        kind = value.__class__
        if (kind is str or kind is bytes or kind is tuple) and len(value) > SMALL_VALUE:
            weight += len(value)
    return weight
