"""loguru: a sink in front of the others, which stays where the application removes all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaquero import _guard, _patch

if TYPE_CHECKING:
    from vaquero.logs.libraries.feed import Feed


class LoguruBridge:
    """Sends what loguru logs.

    Args:
        feed: Where to.
        module: The library.
    """

    def __init__(self, feed: Feed, module: Any) -> None:
        self._feed = feed
        self._logger: Any = module.logger
        self._class: Any = type(module.logger)
        self._id: int | None = None

    def install(self) -> None:
        """Begin."""
        before = self._remove_sink = self._class.remove
        self._add()

        def remove(logger: Any, handler_id: int | None = None) -> None:
            """As the library has it; without an id, all sinks that the application added."""
            before(logger, handler_id)
            if handler_id is None and self._id is not None:
                self._add()

        self._restore = _patch.replace(self._class, "remove", remove)

    def remove(self) -> None:
        """End."""
        self._restore()
        handler, self._id = self._id, None
        if handler is not None:
            try:
                self._remove_sink(self._logger, handler)
            except ValueError:
                return  # It is gone already.

    def take(self, message: Any) -> None:
        """The sink."""
        try:
            record: dict[str, Any] = message.record
            exception = record["exception"]
            file, line = record["file"].path, record["line"]
            self._feed.send(
                name=record["name"] or "loguru",
                level=record["level"].no,
                level_name=record["level"].name,
                body=record["message"],
                extra=record["extra"],
                place=(file, record["function"], line),
                error=exception.value if exception is not None else None,
                at_ns=int(record["time"].timestamp() * 1_000_000_000),
            )
            # A sink behind this one may hand the same record to the standard library.
            self._feed.sent_by_us(file, line)
        except Exception as error:
            _guard.report(error, "logs.loguru")

    def _add(self) -> None:
        level = max(self._feed.level, 0)
        # The message is made by the library for each sink; ours needs none.
        self._id = self._logger.add(self.take, level=level, format="", catch=False)
        core: Any = getattr(self._logger, "_core", None)
        if core is None or not isinstance(getattr(core, "handlers", None), dict):
            return
        with core.lock:
            # First, so that a record is sent before another sink routes it on.
            rest: dict[Any, Any] = dict(core.handlers)
            ours = rest.pop(self._id, None)
            if ours is not None:
                core.handlers = {self._id: ours, **rest}
