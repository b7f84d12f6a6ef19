"""The SDK's own trace tests, run against our provider: ``python -m tests.conformance``."""
