"""An event that remembers how long a thread meant to sleep on it."""

from __future__ import annotations

import threading


class SleepRecorder(threading.Event):
    """Each ``wait`` is noted before the thread sleeps: None means until somebody wakes it."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeps: list[float | None] = []
        self._is_asleep = False
        self._noted = threading.Condition()

    def wait(self, timeout: float | None = None) -> bool:
        """As the event does it."""
        with self._noted:
            self.sleeps.append(timeout)
            self._is_asleep = True
            self._noted.notify_all()
        woken = super().wait(timeout)
        self._is_asleep = False
        return woken

    def until_asleep(self, timeout_s: float = 20.0) -> bool:
        """Whether the thread went to sleep for good, with nothing that wakes it by itself."""
        with self._noted:
            return self._noted.wait_for(
                lambda: self._is_asleep and self.sleeps[-1] is None and not self.is_set(), timeout_s
            )
