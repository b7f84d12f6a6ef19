"""A WSGI application that makes a span per request, with a pipeline made at import."""

import os
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from vaquero.pipeline import Destination, Pipeline, PipelineSettings, SpanProcessor

PIPELINE = Pipeline(
    PipelineSettings(
        traces=Destination(os.environ["ENDPOINT"], named_by_user=True),
        spool_dir=Path(os.environ["SPOOL"]),
    )
)
PROVIDER = TracerProvider(shutdown_on_exit=False)
PROVIDER.add_span_processor(SpanProcessor(PIPELINE))
TRACER = PROVIDER.get_tracer("served")
TRACER.start_span(f"import-{os.getpid()}").end()


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with the name of the request's span."""
    name = environ["PATH_INFO"].strip("/")
    TRACER.start_span(name).end()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
