"""Write ``docs/settings.md`` from the table of settings: ``python scripts/settings_page.py``.

A test compares the page with what this prints, so that the page cannot go stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from vaquero.config import packages
from vaquero.config.table import SETTINGS, Setting

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

HEAD = """# Settings

One table. An argument of `vaquero.init` wins over the environment, the environment over
`[tool.vaquero]` in the `pyproject.toml` of the folder that the program was started in (never one
above it), and that over the default. `vaquero config` prints every value with its source, those of
the gauges too, secrets masked.

Where an `OTEL_*` variable exists it is the one that is read; where two are named the first wins.
An invalid value is logged once, with its source and what is valid. The next source is used; other
settings are not affected. `vaquero config` and `vaquero doctor` print the same lines:
`NAME='value' (from environment) is invalid; valid: ...; using ...`. With an invalid
pattern in `redact_patterns` nothing is sent at all: what it should match would be sent.

Settings marked *not in a file* decide where telemetry goes, and with which key: a cloned repository
must not decide that.

What becomes of each variable of OpenTelemetry, these and those that are no settings, is told in
[variables.md](variables.md). A file named by `OTEL_CONFIG_FILE` takes the place of the `OTEL_*`
variables: see [declarative.md](declarative.md).

`OTEL_EXPORTER_OTLP_TIMEOUT` is in seconds, as in upstream's Python SDK (the specification says
milliseconds). With no protocol set it is `http/protobuf`, but `grpc` where the endpoint's port is
4317.
"""

GAUGES = """They are read from the environment, or from an argument of the gauge's instrumentor.
They have no place in a file: a key of this name there is answered with the variable.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD, "| name | variables | default | meaning |", "|---|---|---|---|"]
    lines += [_row(setting) for setting in SETTINGS]
    lines += ["", "## Defaults that differ from upstream", ""]
    lines += ["| name | default here | why |", "|---|---|---|"]
    lines += [
        f"| `{setting.name}` | `{_default(setting)}` | {setting.differs} |"
        for setting in SETTINGS
        if setting.differs
    ]
    lines += ["", "## Settings of the gauges", "", GAUGES, *_of_packages()]
    return "\n".join(lines) + "\n"


def _row(setting: Setting) -> str:
    variables = ", ".join(f"`{name}`" for name in setting.env) or "argument only"
    note = "" if setting.project else " *(not in a file)*"
    return f"| `{setting.name}` | {variables} | {_shown_default(setting)} | {setting.help}{note} |"


def _shown_default(setting: Setting) -> str:
    text = _default(setting)
    return f"`{text}`" if text else ""


def _default(setting: Setting) -> str:
    value = setting.default
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_packages() -> list[str]:
    """Rows that other distributions give to the table, by the entry point group."""
    lines = ["| name | variable | default | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{row.name}` | `{row.env}` | `{row.default}` | {row.help} |"
        for _, row in packages.rows()
    ]
    return lines


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}", file=sys.stderr)
