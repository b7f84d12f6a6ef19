"""Logs: the bridge from the standard library to OpenTelemetry."""
