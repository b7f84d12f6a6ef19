"""A backend, and pipelines that send to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.otlp_receiver import OtlpReceiver
from tests.unit.pipeline.service import Service
from vaquero.pipeline import Destination, Pipeline, PipelineSettings
from vaquero.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def backend() -> Iterator[OtlpReceiver]:
    """An OTLP/HTTP server."""
    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def service(backend: OtlpReceiver) -> Iterator[Service]:
    """A service without a spool."""
    one = Service(backend)
    yield one
    one.pipeline.shutdown(1.0)


@pytest.fixture
def pipeline(backend: OtlpReceiver) -> Iterator[Pipeline]:
    """A pipeline of all three signals."""
    built = Pipeline(
        PipelineSettings(
            traces=Destination(f"{backend.url}/v1/traces"),
            metrics=Destination(f"{backend.url}/v1/metrics"),
            logs=Destination(f"{backend.url}/v1/logs"),
        ),
        Redactor(),
    )
    yield built
    built.shutdown(1.0)
