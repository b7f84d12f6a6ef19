"""Declarative files: values with their lines, what cannot be honoured, and writing one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import sampling as sdk_sampling

from vaquero import config
from vaquero.config.load import warn_of
from vaquero.config.migration import document
from vaquero.config.tree import TreeError, parse
from vaquero.sdk import endpoints, judges, sampling

if TYPE_CHECKING:
    from pathlib import Path

FULL = """\
file_format: "1.1"
disabled: false
log_level: warn2
resource:
  attributes_list: team=floor,service.name=lower
  attributes:
    - {name: service.name, value: till}
    - {name: lanes, value: ["1", "2"], type: int_array}
attribute_limits: {attribute_count_limit: 99}
propagator:
  composite: [tracecontext: , b3: ]
tracer_provider:
  processors:
    - batch:
        schedule_delay: 250
        exporter:
          otlp_http:
            endpoint: ${HOST:-http://127.0.0.1:1}/v1/traces
            headers: [{name: x-key, value: "${KEY}"}]
            timeout: 2500
            compression: gzip
            tls: {ca_file: /ca.pem}
    - simple: {exporter: {console: }}
  limits: {event_count_limit: 5}
  sampler:
    parent_based:
      root: {trace_id_ratio_based: {ratio: 0.25}}
meter_provider:
  readers:
    - periodic:
        interval: 1000
        exporter:
          otlp_grpc: {endpoint: "http://127.0.0.1:2", temporality_preference: low_memory}
  views:
    - selector: {instrument_name: size, instrument_type: histogram}
      stream:
        name: bytes
        aggregation: {explicit_bucket_histogram: {boundaries: [1, 2]}}
        attribute_keys: {included: [route]}
logger_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: "http://127.0.0.1:3/v1/logs"}}}
instrumentation/development:
  general:
    http: {server: {request_captured_headers: [x-a, x-b]}}
  java: {some: {setting: true}}
distribution:
  vaquero: {redact_keys: [badge], gauges: false}
  acme: {anything: 1}
"""


def _load(folder: Path, text: str, **environ: str) -> config.Settings:
    path = folder / "otel.yaml"
    path.write_text(text)
    return judges.load({}, environ={"OTEL_CONFIG_FILE": str(path), **environ}, folder=folder)


def test_everything_of_a_file_becomes_settings(tmp_path: Path) -> None:
    """Each part that is honoured holds, with its line as the source; nothing is complained of."""
    settings = _load(tmp_path, FULL, KEY="k", OTEL_SERVICE_NAME="not-this", VAQUERO_QUIET="1")
    expected = {
        "disabled": False,
        "sdk_log_level": "warn",
        "resource_attributes": {"team": "floor", "service.name": "till", "lanes": [1, 2]},
        "service_name": None,
        "attribute_count_limit": 99,
        "propagators": ("tracecontext", "b3"),
        "schedule_delay_ms": 250,
        "traces_endpoint": "http://127.0.0.1:1/v1/traces",
        "traces_headers": {"x-key": "k"},
        "traces_timeout": 2.5,
        "traces_compression": "gzip",
        "traces_certificate": "/ca.pem",
        "traces_exporter": ("otlp", "console"),
        "span_event_count_limit": 5,
        "metric_interval_ms": 1000,
        "metrics_protocol": "grpc",
        "temporality": "lowmemory",
        "metrics_exporter": ("otlp",),
        "logs_endpoint": "http://127.0.0.1:3/v1/logs",
        "redact_keys": ("badge",),
        "gauges": False,
        "quiet": True,
    }

    assert {name: settings[name] for name in expected} == expected
    assert settings.source("span_event_count_limit") == "otel.yaml, line 24"
    assert settings.problems == ()
    assert settings.declared is not None
    assert settings.declared.environ == {
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "x-a,x-b"
    }


def test_samplers_and_views_are_made(tmp_path: Path) -> None:
    """The tree of samplers and the views become objects of the SDK."""
    settings = _load(tmp_path, FULL)

    made = sampling.sampler(settings)
    (view,) = settings.made["views"]

    assert isinstance(made, sdk_sampling.ParentBased)
    assert "TraceIdRatioBased{0.25}" in made.get_description()
    assert (view._instrument_name, view._name, view._attribute_keys) == ("size", "bytes", {"route"})


def test_a_signal_without_section_is_not_exported(tmp_path: Path) -> None:
    """As the schema says: what is absent makes nothing."""
    settings = _load(tmp_path, "file_format: '1.0'\ntracer_provider: {processors: []}\n")

    assert [settings[f"{of}_exporter"] for of in ("traces", "metrics", "logs")] == [(), (), ()]


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("nosuch: 1", "nosuch", 2),
        (
            "tracer_provider:\n  sampler: {jaeger_remote/development: {endpoint: x}}",
            "tracer_provider.sampler.jaeger_remote/development",
            3,
        ),
        (
            "tracer_provider:\n  processors:\n  - batch: {exporter: {zipkin: }}",
            "tracer_provider.processors[0].batch.exporter.zipkin",
            4,
        ),
        (
            "meter_provider:\n  readers:\n  - pull: {exporter: {prometheus/development: }}",
            "meter_provider.readers[0]",
            4,
        ),
        ("resource:\n  schema_url: https://x", "resource.schema_url", 3),
        (
            "attribute_limits:\n  attribute_count_limit: many",
            "attribute_limits.attribute_count_limit",
            3,
        ),
        ("distribution:\n  vaquero:\n    gauge: true", "distribution.vaquero.gauge", 4),
        ("propagator:\n  composite:\n  - nosuch:", "propagator.composite[0]", 4),
        (
            "tracer_provider:\n  sampler:\n    trace_id_ratio_based: {ratio: 7}",
            "tracer_provider.sampler.trace_id_ratio_based.ratio",
            4,
        ),
    ],
)
def test_what_cannot_be_honoured_is_named_by_line(
    text: str, path: str, line: int, tmp_path: Path
) -> None:
    """Each such key is one problem with its path and line; the rest of the file holds."""
    settings = _load(tmp_path, f"file_format: '1.0'\n{text}\nlog_level: error\n")

    (problem,) = settings.problems
    assert (problem.name, problem.source) == (path, f"otel.yaml, line {line}")
    assert settings["sdk_log_level"] == "error"


def test_all_that_a_file_asks_in_vain_is_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However many keys cannot be honoured, each is named: the bound of warnings hides none."""
    keys = "".join(f"key_{number}: 1\n" for number in range(40))

    warn_of(_load(tmp_path, f"file_format: '1.0'\n{keys}"))

    assert len(caplog.records) == 1
    assert "line 2 key_0" in caplog.text
    assert "line 41 key_39" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file_format: '1.0'\na: [1", "line"),
        ("file_format: '1.0'\nfile_format: '1.0'", "line 2: the key 'file_format' stands twice"),
        ("log_level: info", "no line has it"),
        ("file_format: '0.3'", "line 1"),
        ("- 1", "no line has it"),
        ("", "no line has it"),
        ("file_format: ${1bad}", "line 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_said_and_the_variables_hold(
    text: str, said: str, tmp_path: Path
) -> None:
    """A broken file does not leave the program blind."""
    settings = _load(tmp_path, text, OTEL_SERVICE_NAME="till")

    (problem,) = settings.problems
    assert problem.name == "OTEL_CONFIG_FILE"
    assert said in str(problem)
    assert settings["service_name"] == "till"


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The path is named, and the variables hold."""
    settings = config.load({}, environ={"OTEL_CONFIG_FILE": "/nosuch/otel.yaml"}, folder=tmp_path)

    assert "OTEL_CONFIG_FILE='/nosuch/otel.yaml' (from environment)" in str(settings.problems[0])


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", 7),
        ("'${A}'", "7"),
        ("${env:A}", 7),
        ("${NONE:-1.5}", 1.5),
        ("${NONE}", None),
        ("x${A}y${NONE:-z}", "x7yz"),
        ("$$A", "$A"),
        ("$${A}", "${A}"),
        ("${B}", "${A}"),
        ("${T}", True),
    ],
)
def test_variables_are_put_in(written: str, value: Any) -> None:
    """By the rules of the specification: once, before types, quoted ones stay text."""
    environ = {"A": "7", "B": "${A}", "T": "true"}

    assert parse(f"k: {written}", environ).plain() == {"k": value}


def test_a_secret_is_not_shown_in_a_problem(tmp_path: Path) -> None:
    """Headers of a file are masked like those of a variable."""
    settings = _load(
        tmp_path,
        "file_format: '1.0'\ntracer_provider:\n  processors:\n"
        "  - batch: {exporter: {otlp_http: {headers_list: 'hunter2'}}}\n",
    )

    assert len(settings.problems) == 1
    assert "hunter2" not in str(settings.problems[0])


def test_what_was_set_by_variables_is_written_to_a_file(tmp_path: Path) -> None:
    """The file says the same as the variables did, without a secret in it."""
    environ = {
        "OTEL_SERVICE_NAME": "a$b: {c}",
        "OTEL_RESOURCE_ATTRIBUTES": "team=x",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://127.0.0.1:2/logs",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=hunter2",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.5",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_PROPAGATORS": "b3",
        "OTEL_SPAN_EVENT_COUNT_LIMIT": "3",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
        "VAQUERO_API_KEY": "hunter3",
        "VAQUERO_REDACT_KEYS": "badge,yes",
        "VAQUERO_TAGS": '{"a": "b"}',
    }
    before = judges.load({}, environ=environ, folder=tmp_path)
    text = document(before, environ)
    after = _load(tmp_path, text, **environ)

    assert "hunter" not in text
    assert after.problems == ()
    for signal in ("traces", "logs"):
        assert endpoints.destination(signal, after) == endpoints.destination(signal, before)
    assert (before["metrics_exporter"], after["metrics_exporter"]) == (("none",), ())
    same = ("traces_exporter", "logs_exporter", "propagators", "api_key",
            "span_event_count_limit", "schedule_delay_ms", "redact_keys", "tags")  # fmt: skip
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["resource_attributes"] == {"team": "x", "service.name": "a$b: {c}"}
    assert after.declared is not None
    assert after.declared.environ == {"OTEL_SEMCONV_STABILITY_OPT_IN": "http"}
    assert sampling.sampler(after).get_description() == sampling.sampler(before).get_description()


@hypothesis_settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=80))
def test_no_text_stops_the_reading(text: str) -> None:
    """Whatever a file holds, it is read or refused with a line."""
    try:
        parse(text, {})
    except TreeError:
        return


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    cut=st.integers(0, len(FULL)),
    put=st.sampled_from(["", "x", "[]", "{}", "null", "- 1", ": ", "'"]),
)
def test_no_damage_to_a_file_stops_the_program(
    cut: int, put: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file that is cut, or in which something stands where it should not, still loads."""
    folder = tmp_path_factory.mktemp("damaged")
    settings = _load(folder, FULL[:cut] + put + FULL[cut + 5 :])

    sampling.sampler(settings)
    assert len(settings) > 50
