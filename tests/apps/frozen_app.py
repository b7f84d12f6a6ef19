"""A function that is called once for each line of stdin, as a platform of functions does it.

``APP_FLUSH`` has the handler flush by itself, as code without an instrumentation has to.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

from opentelemetry import trace


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What the user wrote."""
    try:
        with trace.get_tracer("shop").start_as_current_span("work", attributes=event):
            return {"done": event["number"]}
    finally:
        if os.environ.get("APP_FLUSH"):
            import vaquero

            vaquero.flush(10)


def main() -> None:
    """The platform: it finds the handler by its name, and calls it."""
    module = importlib.import_module("frozen_app")
    context = SimpleNamespace(
        function_name="shop",
        function_version="1",
        aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:shop",
    )
    for line in sys.stdin:
        print(json.dumps(module.handler(json.loads(line), context)), flush=True)


if __name__ == "__main__":
    main()
