"""The doctor recognises what other products left in the environment."""

from __future__ import annotations

import pytest

from vaquero.cli.doctor.other_products import find_foreign_variables


@pytest.mark.parametrize(
    ("name", "whose", "here"),
    [
        ("LOGFIRE_TOKEN", "logfire", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("DD_SERVICE", "ddtrace", "OTEL_SERVICE_NAME"),
        ("SENTRY_DSN", "Sentry", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("SPLUNK_ACCESS_TOKEN", "Splunk", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("VAQUERO_POSTHOG_KEY", "vaquero-sdk", "without effect"),
    ],
)
def test_each_product_is_named_with_what_says_the_same_here(
    name: str, whose: str, here: str
) -> None:
    """One warning names the product, the variable and the remedy, and never the value."""
    (finding,) = find_foreign_variables({name: "hunter2", "PATH": "/bin"})

    assert finding.verdict == "warning"
    assert whose in finding.text
    assert name in finding.text
    assert here in finding.text
    assert "hunter2" not in finding.text


def test_many_variables_are_one_line() -> None:
    """A whole configuration of another product does not fill the screen."""
    (finding,) = find_foreign_variables({f"DD_OPTION_{number}": "x" for number in range(30)})

    assert finding.text.endswith("and 25 more; see docs/from/ddtrace.md")


def test_nothing_left_over_is_nothing_said() -> None:
    """OpenTelemetry's own variables are not another product's."""
    assert list(find_foreign_variables({"OTEL_SERVICE_NAME": "x", "VAQUERO_QUIET": "1"})) == []
