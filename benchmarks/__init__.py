"""What vaquero costs, as ratios to the bare OpenTelemetry SDK: ``python -m benchmarks``."""
