"""Write ``docs/variables.md`` from the table: ``python scripts/variables_page.py``.

A test compares the page with what this prints, so that the page cannot go stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from variables_table import VARIABLES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "variables.md"

HEAD = """# The variables of OpenTelemetry

Every `OTEL_*` variable of the specification and of OpenTelemetry for Python, and what becomes of it
under vaquero: it *works* as the specification or upstream's Python has it, it *differs*, or it is
*ignored*, and why. Each row is executed by a test. The defaults, and the variables `VAQUERO_*`, are
in [settings.md](settings.md).

An invalid value is logged once, with what is valid; the default holds, the program starts, and the
other signals are sent. So that parts of the SDK that read the variable themselves do not
fail on it, a value that cannot be read is taken out of the environment of the running process. An
empty variable counts as unset.

Variables of one instrumentation library that are not listed reach it unchanged.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD.rstrip()]
    area = ""
    for row in VARIABLES:
        if row.area != area:
            area = row.area
            lines += [
                "",
                f"## {area}",
                "",
                "| variable | status | what it does here |",
                "|---|---|---|",
            ]
        name = row.name.replace("{}", "<LIBRARY>")
        lines.append(f"| `{name}` | {row.status} | {row.note} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}", file=sys.stderr)
