"""Metrics: a reader and a provider that are right after fork, and a thin facade."""
