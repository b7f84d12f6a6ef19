"""Where the bridges of loguru and structlog send their records: each is sent once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from vaquero import _guard
from vaquero._exceptions import exception_attributes
from vaquero.logs.record import LazyLogRecord
from vaquero.values import freeze

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from vaquero.logs.bridge import Bridge


class Feed:
    """Where both put their records.

    Args:
        put: Takes a finished record; never raises, never waits.
        bridge: That of the standard library: gives resource and scopes.
        level: The lowest level that is sent.
    """

    def __init__(self, put: Callable[[Any], None], bridge: Bridge, level: int) -> None:
        self._put = put
        self._bridge = bridge
        self.level = level
        self._here = threading.local()

    def send(
        self,
        *,
        name: str,
        level: int,
        level_name: str,
        body: Any,
        extra: Mapping[str, Any],
        place: tuple[str, str, int],
        error: BaseException | None,
        at_ns: int | None = None,
    ) -> None:
        """Send one record, unless the standard library's bridge has sent it or vaquero made it.

        Args:
            name: Of the logger: its scope.
            level: A number of the standard library's scale.
            level_name: As the library calls it.
            body: The text, or what was logged.
            extra: What was given beside it.
            place: File, function and line.
            error: What was raised, for ``exception.*``.
            at_ns: When, Unix time in nanoseconds; now by default.
        """
        if level < self.level or self.busy or self._bridge.handling:
            return
        self._here.busy = True
        try:
            attributes: dict[str, Any] = {str(key): freeze(value) for key, value in extra.items()}
            file, function, line = place
            attributes["code.file.path"] = file
            attributes["code.function.name"] = function
            attributes["code.line.number"] = line
            if error is not None:
                attributes.update(exception_attributes(error))
            self._put(
                LazyLogRecord(
                    timestamp=at_ns or time.time_ns(),
                    level=level,
                    severity_text=level_name,
                    body=body if isinstance(body, str) else freeze(body),
                    resource=self._bridge.resource,
                    scope=self._bridge.scope(name),
                    attributes=attributes,
                )
            )
        except Exception as failure:
            _guard.report(failure, "logs.thirdparty")
        finally:
            self._here.busy = False

    @property
    def busy(self) -> bool:
        """Whether this thread is sending a record now: what is logged meanwhile is not sent."""
        return getattr(self._here, "busy", False)

    def sent_by_us(self, file: str, line: int) -> None:
        """Remember that a record made at this place was sent; its library may route it on."""
        self._here.last = (file, line)

    def is_ours(self, record: logging.LogRecord) -> bool:
        """Whether a record of the standard library was just sent from the library it is of."""
        last = getattr(self._here, "last", None)
        return last is not None and last == (record.pathname, record.lineno)
