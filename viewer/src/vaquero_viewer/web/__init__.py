"""The two doors: OTLP in, JSON and one page out."""

from __future__ import annotations
