"""Whether an unknown SDK is one that vaquero's spans can stand on."""

from __future__ import annotations

import pytest

from vaquero.tracing import selfcheck


def test_selfcheck_passes_on_this_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check for unknown SDKs finds nothing wrong with this one, and what is wrong elsewhere."""
    monkeypatch.setattr(selfcheck, "sdk_version", "1.99.0")
    assert selfcheck.usable() is None
    monkeypatch.setattr(selfcheck, "_try_out", lambda: "times of a span")
    assert "1.99.0" in (selfcheck.usable() or "")
    monkeypatch.setattr(selfcheck, "sdk_version", "1.45.2")
    assert selfcheck.usable() is None
