"""The doctor's checks: what is found in an installation and in the settings."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from vaquero.cli.doctor import checks
from vaquero.sdk import judges


class _Distribution:
    def __init__(self, name: str, *files: str) -> None:
        self.metadata = {"Name": name}
        self.version = "1.0"
        self.files = [PurePosixPath(file) for file in files]


def test_another_owner_of_the_import_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution whose files lie in our package is a failure that says what to uninstall."""
    others = [
        _Distribution("vaquero-otel", "vaquero/__init__.py"),
        _Distribution("vaquero-sdk", "vaquero/__init__.py", "vaquero/sdk.py"),
        _Distribution("vaquero-viewer", "vaquero_viewer/__init__.py"),
    ]
    monkeypatch.setattr(checks.metadata, "distributions", lambda: others)
    findings = list(checks._owners())
    assert [finding.verdict for finding in findings] == ["failed"]
    assert "vaquero-sdk 1.0" in findings[0].text
    assert "vaquero-viewer" not in findings[0].text


def test_two_distributions_of_opentelemetry_are_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which one runs depends on the launcher, so it is said; ours missing is a failure."""

    class Point:
        def __init__(self, name: str) -> None:
            self.name = name

    names = ["distro", "vaquero"]
    monkeypatch.setattr(checks.metadata, "entry_points", lambda group: [Point(n) for n in names])
    (finding,) = checks._entry_points("opentelemetry_distro", "OTEL_PYTHON_DISTRO")
    assert finding.verdict == "warning"
    assert "distro" in finding.text
    monkeypatch.setenv("OTEL_PYTHON_DISTRO", "distro")
    (finding,) = checks._entry_points("opentelemetry_distro", "OTEL_PYTHON_DISTRO")
    assert "chooses another one" in finding.text
    names.remove("vaquero")
    (finding,) = checks._entry_points("opentelemetry_distro", "OTEL_PYTHON_DISTRO")
    assert finding.verdict == "failed"


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("FASTAPI_OTEL_AUTO_CONFIGURE", "true", "warning"),
        ("OTEL_PROPAGATORS", "nonsense", "failed"),
        ("OTEL_SDK_DISABLED", "true", "warning"),
        ("OTEL_TRACES_EXPORTER", "none", "warning"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "warning"),
    ],
)
def test_a_setting_that_is_in_the_way_is_found(
    name: str, value: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of these explains why something is missing or doubled."""
    monkeypatch.setenv(name, value)
    assert [finding.verdict for finding in checks.settings(judges.load_all())] == [verdict]


def test_defaults_are_in_nobodys_way() -> None:
    """Without any setting there is nothing to warn of."""
    assert list(checks.settings(judges.load_all())) == []
