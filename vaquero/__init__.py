"""vaquero: an OpenTelemetry distribution for Python that makes performance visible."""

from __future__ import annotations

__version__ = "0.1.0"
