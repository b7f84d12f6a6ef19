"""Whether the SDK at hand is one that our provider can stand on.

Our spans are subclasses of the SDK's and use a few of its private names. Tested versions are known
to fit; a newer one is tried out once, in memory, before it is relied on.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.version import __version__ as sdk_version

#: The newest minor version of the SDK that the tests run against.
NEWEST_TESTED = (1, 45)


def usable() -> str | None:
    """Why our provider cannot be used with the installed SDK; None where it can."""
    if _minor(sdk_version) <= NEWEST_TESTED:
        return None
    try:
        wrong = _try_out()
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    return None if wrong is None else f"opentelemetry-sdk {sdk_version} is not known ({wrong})"


def _minor(version: str) -> tuple[int, int]:
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (999, 0)


class _Kept:
    """A sink and a processor that keep what they are given."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def put(self, span: Any) -> None:
        self.spans.append(span)


def _try_out() -> str | None:
    """What is wrong with spans made on the installed SDK; None where nothing is."""
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    from vaquero.tracing.provider import TracerProvider

    kept, seen = _Kept(), _Kept()

    class Holder(SpanProcessor):
        sink = kept

    class Watcher(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            seen.put(span)

    provider = TracerProvider(ALWAYS_ON, Resource({"a": 1}), shutdown_on_exit=False)
    provider.add_span_processor(Holder())
    provider.add_span_processor(Watcher())
    tracer = provider.get_tracer("vaquero.selfcheck")
    root: Any = tracer.start_span("root", context=Context())
    child: Any = tracer.start_span("child", trace.set_span_in_context(root, Context()))
    child.set_attribute("key", [1, 2])
    child.add_event("event", {"key": "value"})
    child.record_exception(ValueError("text"))
    child.set_status(trace.StatusCode.ERROR, "text")
    child.end()
    checks = {
        "class": isinstance(child, Span),
        "parent": child.parent == root.get_span_context(),
        "sink": kept.spans == [child],
        "processor": len(seen.spans) == 1,
        "attributes": dict(child.attributes) == {"key": (1, 2)},
        "events": [event.name for event in child.events] == ["event", "exception"],
        "status": child.status.description == "text",
        "times": 0 < child.start_time <= child.end_time,
        "json": '"child"' in child.to_json(),
        "copy": child._readable_span().name == "child",
    }
    wrong = [name for name, right in checks.items() if not right]
    return f"{', '.join(wrong)} of a span" if wrong else None
