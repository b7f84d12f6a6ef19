"""Every unit test begins in a process that has said nothing and started nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vaquero import _log, _runtime

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def quiet_beginning(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No line said, no SDK in use, no variable of the machine's own telemetry."""
    import os

    for name in list(os.environ):
        if name.startswith(("OTEL_", "VAQUERO_")):
            monkeypatch.delenv(name)
    _log.reset()
    _runtime.reset()
    yield
    _log.reset()
    _runtime.reset()
