"""Telemetry in tests: capture what a piece of code makes, find it, read it as a tree.

::

    def test_checkout(telemetry):                  # the pytest fixture
        checkout(items=3)
        span = telemetry.span("checkout", items=3)
        assert telemetry.children(span)[0].name == "payment"

    with vaquero.testing.capture() as telemetry:   # anywhere else
        ...

Each capture has providers of its own, which stand in the API's places until it ends; nothing leaks
into the next test, and nothing leaves the process.
"""

from vaquero.testing.capture import Captured, Metric, capture

__all__ = ["Captured", "Metric", "capture"]
