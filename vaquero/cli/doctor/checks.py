"""What ``vaquero doctor`` looks at without sending anything: installation, selection, settings."""

from __future__ import annotations

import importlib.metadata as metadata
import os
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vaquero.config import Settings

Verdict = Literal["ok", "warning", "failed"]

OURS = "vaquero-otel"

#: Distributions whose version is worth knowing when something is odd.
_OF_INTEREST = ("opentelemetry-", "vaquero", "protobuf", "grpcio", "psutil", "duckdb", "h2")


@dataclass(frozen=True)
class CheckResult:
    """One thing that was looked at.

    Attributes:
        name: What was looked at, in a word or two.
        verdict: ``failed`` makes the command's exit code 1; a warning does not.
        text: What was found, and what is valid where it is not well.
    """

    name: str
    verdict: Verdict
    text: str


def versions() -> dict[str, str]:
    """Versions of this interpreter and of the distributions that matter, by name."""
    found = {"python": f"{platform.python_version()} ({sys.executable})"}
    for one in metadata.distributions():
        name = one.metadata["Name"] or ""
        if name.lower().startswith(_OF_INTEREST):
            found[name] = one.version
    return dict(sorted(found.items(), key=lambda row: (row[0] != "python", row[0])))


def installation() -> Iterator[CheckResult]:
    """The installation: entry points, other distributions of OpenTelemetry, owners of our name."""
    yield from _entry_points("opentelemetry_distro", "OTEL_PYTHON_DISTRO")
    yield from _entry_points("opentelemetry_configurator", "OTEL_PYTHON_CONFIGURATOR")
    yield from _owners()
    instrumentors = sorted(
        point.name for point in metadata.entry_points(group="opentelemetry_instrumentor")
    )
    yield CheckResult("instrumentors", "ok", ", ".join(instrumentors) or "none")
    yield from _libraries()


def _entry_points(group: str, variable: str) -> Iterator[CheckResult]:
    points = list(metadata.entry_points(group=group))
    names = [point.name for point in points]
    word = group.removeprefix("opentelemetry_")
    if "vaquero" not in names:
        yield CheckResult(
            word,
            "failed",
            f"the entry point 'vaquero' of the group {group} is missing: install {OURS} again",
        )
        return
    chosen = os.environ.get(variable)
    others = [name for name in names if name != "vaquero"]
    if chosen and chosen != "vaquero":
        yield CheckResult(
            word, "warning", f"{variable}={chosen!r} (from environment) chooses another one"
        )
    elif others:
        yield CheckResult(
            word,
            "warning",
            f"{', '.join(others)} installed too; 'vaquero run' and opentelemetry-instrument choose "
            f"vaquero, other launchers need {variable}=vaquero",
        )
    else:
        yield CheckResult(word, "ok", "vaquero")


def _owners() -> Iterator[CheckResult]:
    """Distributions other than ours that installed files as ``vaquero/``."""
    others: list[str] = []
    for one in metadata.distributions():
        name = one.metadata["Name"] or ""
        if name.lower() == OURS:
            continue
        if any(file.parts[:2] == ("vaquero", "__init__.py") for file in one.files or ()):
            others.append(f"{name} {one.version}")
    if not others:
        yield CheckResult("import name", "ok", f"'vaquero' is {OURS}")
        return
    yield CheckResult(
        "import name",
        "failed",
        f"{', '.join(sorted(others))} installs files as 'vaquero' too: uninstall it, then install "
        f"{OURS} again (removing it deletes files of {OURS})",
    )


def _libraries() -> Iterator[CheckResult]:
    from vaquero.auto_instrumentation.survey import uninstrumented

    missing = sorted(uninstrumented())
    if missing:
        text = f"{', '.join(missing)}: 'vaquero instrument install' adds what fits"
        yield CheckResult("not instrumented", "ok", text)


def settings(loaded: Settings) -> Iterator[CheckResult]:
    """The settings: what is invalid, and what switches telemetry off or doubles it."""
    for problem in loaded.problems:
        if problem.name == "OTEL_PROPAGATORS":
            text = f"{problem} Programs under opentelemetry-instrument do not start."
            yield CheckResult("setting", "failed", text)
        else:
            yield CheckResult("setting", "warning", str(problem))
    if loaded["disabled"] or not loaded["enabled"]:
        yield CheckResult(
            "setting", "warning", "telemetry is switched off: nothing is built or sent"
        )
    for signal in ("traces", "metrics", "logs"):
        if not any(name != "none" for name in loaded[f"{signal}_exporter"]):
            yield CheckResult("setting", "warning", f"no exporter for {signal}: none are sent")
    if os.environ.get("FASTAPI_OTEL_AUTO_CONFIGURE", "").strip().lower() == "true":
        yield CheckResult(
            "FastAPI",
            "warning",
            "FASTAPI_OTEL_AUTO_CONFIGURE=true makes FastAPI add exporters of its own: everything "
            "is sent twice. Unset it.",
        )


def destinations(loaded: Settings) -> Iterator[CheckResult]:
    """Where signals cannot be sent to, as far as it shows without connecting there."""
    from vaquero.sdk import judges

    for line in judges.unusable_destinations(loaded):
        yield CheckResult("endpoint", "failed", line)


def providers() -> Iterator[CheckResult]:
    """Whether the SDK and the API at hand are ones that our providers can stand on."""
    from vaquero.sdk import global_providers
    from vaquero.tracing import selfcheck

    reason = selfcheck.usable()
    if reason is not None:
        text = f"the SDK's own spans are used instead of vaquero's faster ones: {reason}"
        yield CheckResult("providers", "warning", text)

    closed = [
        name
        for name in ("traces", "metrics", "logs")
        if not global_providers.supports_replaceable(name)
    ]
    if closed:
        yield CheckResult(
            "providers",
            "warning",
            f"this OpenTelemetry API takes no replaceable provider for {', '.join(closed)}: call "
            "vaquero.init() so that instrumented libraries join",
        )


def spooled(loaded: Settings) -> Iterator[CheckResult]:
    """What waits on disk for a backend."""
    from vaquero.cli.output import size_text
    from vaquero.pipeline import spool
    from vaquero.sdk import pipeline_settings

    folder = pipeline_settings.spool_dir(loaded)
    try:
        waiting = [entry for entry in spool.inventory(folder) if entry.requests]
    except OSError as error:
        yield CheckResult("spool", "warning", f"{folder} cannot be used: {error.strerror or error}")
        return
    if not waiting:
        yield CheckResult("spool", "ok", f"nothing waits in {folder}")
        return
    size = size_text(sum(entry.size_bytes for entry in waiting))
    refused = sum(sum(entry.signals.values()) for entry in waiting if entry.state == "refused")
    items = sum(sum(entry.signals.values()) for entry in waiting)
    text = f"{items} items ({size}) wait in {folder}; 'vaquero spool list' shows them"
    if refused:
        text += f", and {refused} were refused: 'vaquero spool resend', once mended"
    yield CheckResult("spool", "warning" if refused else "ok", text)


def described(result: CheckResult) -> dict[str, Any]:
    """A result for JSON."""
    return {"name": result.name, "verdict": result.verdict, "text": result.text}
