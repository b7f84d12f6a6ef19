"""Environments made of metadata only: what an installer leaves of a distribution."""

from __future__ import annotations

from pathlib import Path

BASE = {
    "opentelemetry-api": "1.45.1",
    "opentelemetry-sdk": "1.45.1",
    "opentelemetry-semantic-conventions": "0.66b1",
    "opentelemetry-instrumentation": "0.66b1",
}


def put(
    folder: Path, name: str, version: str, *requires: str, points: str = "", **files: str
) -> None:
    """A distribution as an installer leaves it."""
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    (about / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines]) + "\n")
    if points:
        (about / "entry_points.txt").write_text(f"[opentelemetry_instrumentor]\n{points}\n")
    for file, text in files.items():
        (about / file).write_text(text)


def put_base(folder: Path) -> Path:
    """An environment with OpenTelemetry and nothing else."""
    for name, version in BASE.items():
        put(folder, name, version)
    return folder


def put_flask_instrumentation(place: Path, version: str = "0.66b1", ranges: str = ">=1.0") -> None:
    """The instrumentation of Flask, as its wheel describes itself."""
    put(
        place,
        "opentelemetry-instrumentation-flask",
        version,
        f"flask{ranges}; extra == 'instruments'",
        points="flask = opentelemetry.instrumentation.flask:FlaskInstrumentor",
    )
