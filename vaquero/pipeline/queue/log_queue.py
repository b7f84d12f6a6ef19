"""The queue of log records between the application's threads and the writer."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from vaquero.pipeline.otlp.logs import LogEncoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaquero.pipeline.stats import Ledger
    from vaquero.redaction import Redactor

#: Bound of the queue, in records.
MAX_RECORDS = 32_768
#: Records in one frame.
SLICE = 256


class LogQueue:
    """Log records between the application's threads and the writer.

    Args:
        redactor: Takes out what is secret; None to send all as it is.
        ledger: Where records that find no room are counted.
        max_records: Bound of the queue; the newest are refused beyond it.
    """

    def __init__(
        self, redactor: Redactor | None, ledger: Ledger, max_records: int = MAX_RECORDS
    ) -> None:
        self._encoder = LogEncoder(redactor)
        self._ledger = ledger
        self._max_records = max_records
        self.reset()

    def reset(self) -> None:
        """Empty: for a forked child."""
        self._records: deque[Any] = deque()

    def __len__(self) -> int:
        return len(self._records)

    def put(self, record: object) -> bool:
        """Take a record of the SDK (``LogData``, ``ReadableLogRecord``); False when full."""
        if len(self._records) >= self._max_records:
            self._ledger.accept("logs", 1)
            self._ledger.drop("logs", "queue_full", 1)
            return False
        self._records.append(record)
        return True

    def drain(self) -> Iterator[tuple[bytes, int]]:
        """Everything that waits, as requests with their number of records."""
        while self._records:
            taken: list[Any] = []
            try:
                while len(taken) < SLICE:
                    taken.append(self._records.popleft())
            except IndexError:
                pass
            body, items = self._encoder.encode(taken)
            lost = len(taken) - items
            if lost:
                self._ledger.accept("logs", lost)
                self._ledger.drop("logs", "not_encodable", lost)
            if items:
                yield body, items
