"""Follows the Collector's log and says in short lines what its user has to know."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LINE = re.compile(r"^\S+\t(\w+)\t\S+\t([^\t]*)(?:\t(\{.*))?$")


class LogFollower:
    """Reads what was added to a file since the last look; follows it when it is turned over."""

    def __init__(self, path: Path, from_end: bool = True) -> None:
        self._path = path
        self._position = path.stat().st_size if from_end and path.exists() else 0
        self._rest = ""

    def lines(self) -> Iterator[str]:
        """Yield each full line that is new."""
        try:
            with self._path.open("rb") as log:
                size = os.fstat(log.fileno()).st_size
                log.seek(self._position if size >= self._position else 0)
                data = log.read()
                self._position = log.tell()
        except OSError:
            return
        *full, self._rest = (self._rest + data.decode("utf-8", "replace")).split("\n")
        yield from full


def notice(line: str) -> str | None:
    """Return what a line of the log means for the user, None where it means nothing.

    Lines of level warn and above come through; retries, which the Collector has as information,
    come through in fewer words.
    """
    found = _LINE.match(line)
    if found is None:
        return None
    level, message, fields = found[1], found[2], _fields(found[3])
    error = str(fields.get("error", ""))
    component = str(fields.get("otelcol.component.id", "the Collector"))
    if "Exporting failed. Will retry" in message:
        return f"{component} cannot send ({_short(error)}): it waits on disk and is sent again."
    if "Exporting failed. Dropping data" in message:
        return _dropped(component, error, fields)
    if level not in ("warn", "error", "fatal", "panic"):
        return None
    return f"{component}: {message}" + (f": {_short(error)}" if error else "")


def _dropped(component: str, error: str, fields: dict[str, Any]) -> str | None:
    if error.startswith("interrupted due to shutdown"):
        return None  # the words of the Collector; in truth it stays in the queue on disk
    items = fields.get("dropped_items", "some")
    signal = fields.get("otelcol.signal", "items")
    return f"{component} LOST {items} {signal}: refused for good ({_short(error)})."


def _fields(text: str | None) -> dict[str, Any]:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _short(error: str) -> str:
    """Return the end of a chain of errors, which is the cause."""
    text = re.sub(r"https?://[^\s\"]*@", "", error).replace('"', "")
    text = re.sub(r"^(Permanent error: |no more retries left: )+", "", text)
    if (found := re.search(r"(dial tcp|HTTP Status Code|x509|tls:).*", text)) is not None:
        text = found[0]
    return text if len(text) <= 160 else text[:157] + "..."
