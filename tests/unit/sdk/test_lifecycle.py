"""The life cycle: init, the implicit start, whose provider, flush, shutdown, statistics."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own: providers are global, and each test wants its own."""
    import os

    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "VAQUERO_"))
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**own, "OTEL_METRICS_EXPORTER": "none", "VAQUERO_SPOOL": "false", **environ},
        check=False,
    )


def said(result: subprocess.CompletedProcess[str]) -> str:
    """What the program printed, where it ended well."""
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


INIT = """
import vaquero
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
memory = InMemorySpanExporter()
sdk = vaquero.init(span_processors=[SimpleSpanProcessor(memory)], service_name="shop")
"""


def test_init_makes_the_global_provider() -> None:
    """Spans of the API and of the facade are of one provider, one trace, one service."""
    out = said(
        run(
            INIT
            + """
with trace.get_tracer("lib").start_as_current_span("outer"):
    with vaquero.span("inner"):
        pass
inner, outer = memory.get_finished_spans()
print(inner.name, inner.parent.span_id == outer.context.span_id,
      outer.resource.attributes["service.name"], trace.get_tracer_provider() is sdk.tracer_provider)
"""
        )
    )

    assert out == "inner True shop True"


def test_a_provider_of_the_application_is_used_as_it_is() -> None:
    """The host's provider stays, gets no exporter of ours, and the facade's spans go to it."""
    out = said(
        run(
            """
            import vaquero
            from opentelemetry import trace
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import SimpleSpanProcessor
            from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
            memory = InMemorySpanExporter()
            host = TracerProvider(shutdown_on_exit=False)
            host.add_span_processor(SimpleSpanProcessor(memory))
            trace.set_tracer_provider(host)
            vaquero.init()
            with vaquero.span("mine") as span:
                span.set_attribute("a", {"b": None})
            print(trace.get_tracer_provider() is host,
                  [span.name for span in memory.get_finished_spans()],
                  len(host._active_span_processor._span_processors))
            """
        )
    )

    assert out == "True ['mine'] 1"


def test_the_first_call_starts_and_a_later_provider_is_followed() -> None:
    """Implicit start offers a provider; an application sets its own later, and is followed."""
    result = run(
        """
        import vaquero
        from opentelemetry import trace
        early = trace.get_tracer("early")
        with vaquero.span("first"):
            with early.start_as_current_span("library") as library:
                print(library.get_span_context().is_valid)
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        memory = InMemorySpanExporter()
        host = TracerProvider(shutdown_on_exit=False)
        host.add_span_processor(SimpleSpanProcessor(memory))
        trace.set_tracer_provider(host)
        with vaquero.span("second"):
            with early.start_as_current_span("third"):
                pass
        print(sorted(span.name for span in memory.get_finished_spans()))
        vaquero.shutdown()
        """,
        OTEL_TRACES_EXPORTER="none",
    )

    assert said(result) == "True\n['second', 'third']"
    assert "Overriding" not in result.stderr


def test_init_again_after_shutdown_delivers_to_tracers_handed_out_before() -> None:
    """Shutting down and starting again loses nothing of what comes after."""
    out = said(
        run(
            INIT
            + """
tracer = trace.get_tracer("lib")
tracer.start_span("one").end()
vaquero.shutdown()
tracer.start_span("lost").end()
again = InMemorySpanExporter()
vaquero.init(span_processors=[SimpleSpanProcessor(again)])
tracer.start_span("two").end()
trace.get_tracer("other").start_span("three").end()
with vaquero.span("four"):
    pass
print([span.name for span in again.get_finished_spans()])
"""
        )
    )

    assert out == "['two', 'three', 'four']"


def test_disabled_means_nothing_is_built() -> None:
    """OTEL_SDK_DISABLED: no thread, no exporter, a span that does nothing."""
    out = said(
        run(
            """
            import threading, sys, vaquero
            sdk = vaquero.init()
            with vaquero.span("x") as span:
                span.set_attribute("a", 1)
            print(threading.active_count(), sdk.is_enabled(), span.is_recording(),
                  sdk.get_stats()["enabled"], sdk.pipeline,
                  [name for name in ("grpc", "requests", "google.protobuf") if name in sys.modules])
            """,
            OTEL_SDK_DISABLED="true",
        )
    )

    assert out == "1 False False False None []"


def test_traces_alone_load_neither_protobuf_nor_requests() -> None:
    """On the HTTP path of traces nothing heavy is loaded."""
    out = said(
        run(
            """
            import sys, vaquero
            vaquero.init(endpoint="http://127.0.0.1:9")
            with vaquero.span("x"):
                pass
            vaquero.flush(0.2)
            print([name for name in ("google.protobuf", "grpc", "requests", "opentelemetry.proto")
                   if name in sys.modules])
            """,
            OTEL_LOGS_EXPORTER="none",
        )
    )

    assert out == "[]"


STARTED = """
import sys
heavy = ("asyncio", "ssl", "_ssl", "_hashlib", "http.client", "email", "google.protobuf",
         "opentelemetry.proto", "requests", "urllib3", "grpc", "h2", "wrapt", "packaging",
         "importlib.metadata", "tempfile", "sysconfig", "encodings.idna", "difflib",
         "opentelemetry.sdk._logs", "opentelemetry.instrumentation.instrumentor")
import opentelemetry.sdk.trace, opentelemetry.sdk.metrics.export, opentelemetry._logs
before = set(sys.modules)
import vaquero
sdk = vaquero.init(endpoint="http://127.0.0.1:9")
print([name for name in heavy if name in sys.modules and name not in before])
print(sdk.parts.meter_provider is not None, sdk.settings["spool"], sdk.settings["redact"],
      "vaquero_instrumentation_runtime" in sys.modules)
"""


def test_starting_with_everything_on_loads_nothing_heavy(tmp_path: Path) -> None:
    """Spool, redaction and gauges run without TLS, e-mail, event loops, protobuf and metadata."""
    on = {"OTEL_METRICS_EXPORTER": "otlp", "VAQUERO_SPOOL": "true"}

    out = said(run(STARTED, **on, VAQUERO_SPOOL_DIR=str(tmp_path)))

    assert out.splitlines() == ["[]", "True True True True"]


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        ("vaquero.init(servce_name='x')", "did you mean 'service_name'?"),
        ("vaquero.init('')", "empty key"),
        ("vaquero.init(api_key=' ')", "empty key"),
        ("vaquero.SDKConfig(api_kee='x')", "did you mean 'api_key'?"),
        ("vaquero.init(sampler='nosuch')", "valid: one of always_off"),
        ("vaquero.init(protocol='smoke')", "valid: one of http/protobuf, grpc"),
    ],
)
def test_bad_arguments_are_said_and_stop_nothing(call: str, hint: str) -> None:
    """One helpful line, no exception, and spans are still made."""
    result = run(
        f"import vaquero\n{call}\nwith vaquero.span('x') as s: print(s.is_recording())",
        OTEL_TRACES_EXPORTER="none",
    )

    assert said(result) == "True"
    assert hint in result.stderr


@pytest.mark.parametrize(
    "call",
    [
        "vaquero.init()",
        "vaquero.init('key')",
        "vaquero.init('key', 'project', 'name', 'http://127.0.0.1:9', 'production')",
        "vaquero.init(project_api_key='key', project_id='p')",
        "vaquero.init(api_key='key', mode='staging', auto_instrument_llm=True)",
        "vaquero.init(config=vaquero.SDKConfig(api_key='key', capture_inputs=True, mode='x'))",
        "vaquero.init('key', batch_size=5, flush_interval=0.1, max_retries=1, timeout=3.0)",
        "vaquero.configure('key', 'project', 'http://127.0.0.1:9', 10, 1.0, 3, 5.0, 'prod', {})",
        "vaquero.VaqueroSDK(vaquero.SDKConfig('key', 'project'))",
        "vaquero.set_default_sdk(vaquero.VaqueroSDK(vaquero.configure_from_env()))",
    ],
)
def test_the_originals_calls_are_accepted(call: str) -> None:
    """What the original took, and what its documents show, starts an SDK."""
    result = run(
        f"import vaquero\n{call}\nprint(vaquero.get_default_sdk().is_enabled())",
        OTEL_TRACES_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )

    assert said(result) == "True"


def test_statistics_have_every_documented_key_with_numbers() -> None:
    """What the pages read is there, and is a number where numbers are meant."""
    out = said(
        run(
            """
            import vaquero
            sdk = vaquero.get_default_sdk()
            with vaquero.span("x"):
                active = len(sdk._active_spans)
            stats = sdk.get_stats()
            for key in ("traces_sent", "spans_sent", "spans_dropped", "queue_size",
                        "memory_usage_mb", "errors"):
                assert stats[key] >= 0, key
            assert "last_flush_time" in stats
            print(stats["enabled"], stats["memory_usage_mb"] > 5, active, len(sdk._active_spans))
            """,
            OTEL_TRACES_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
        )
    )

    assert out == "True True 1 0"


def test_the_console_shows_no_secrets() -> None:
    """What is printed goes through the same redaction as what is sent."""
    result = run(
        "import vaquero\nwith vaquero.span('login password=hunter2'): pass",
        VAQUERO_CONSOLE="true",
        OTEL_TRACES_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )

    assert said(result) == ""
    assert "login password=" in result.stderr
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize("name", ["OTEL_TRACES_EXPORTER", "OTEL_PROPAGATORS"])
def test_a_single_unknown_name_costs_no_span(name: str) -> None:
    """Where the only name given is not installed, the default is used, and that is said."""
    result = run(
        """
        import vaquero
        sdk = vaquero.get_default_sdk()
        with vaquero.span("span"):
            pass
        print(sdk.is_enabled(), sdk.pipeline.stats().spans_accepted)
        """,
        OTEL_LOGS_EXPORTER="none",
        **{name: "nonsense"},
    )

    assert said(result) == "True 1"
    assert name in result.stderr
