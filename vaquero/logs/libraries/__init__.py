"""Logs of libraries with an API of their own: loguru and structlog."""
