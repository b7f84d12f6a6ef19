"""OTLP: from the bytes of a request to the rows of a batch."""

from __future__ import annotations
