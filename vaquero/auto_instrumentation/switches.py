"""Which instrumentations are switched off, and by what.

``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS`` in the environment and the table
``[tool.vaquero.instrumentations]`` of the project file, in which ``redis = false`` leaves one out
and ``"*" = false`` all that are not named ``true``. Off in either place is off.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vaquero import _log
from vaquero._nearest import nearest
from vaquero.config import kinds
from vaquero.config.project import project_table
from vaquero.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
TABLE = "tool.vaquero.instrumentations"
ALL = "*"

#: The gauges that the SDK starts itself, by their names among the entry points too.
OWN_GAUGES = ("system", "container", "process", "runtime")

#: Names the groups whose instrumentations follow the current conventions.
CONVENTIONS = "OTEL_SEMCONV_STABILITY_OPT_IN"
CURRENT = "http,database"


@dataclass(frozen=True)
class Switches:
    """What is on and what is off.

    Attributes:
        disabled: Names in the environment; ``*`` stands for all.
        project: Name to on or off, from the project file.
        problems: Entries that cannot be used.
    """

    disabled: frozenset[str] = frozenset()
    project: Mapping[str, bool] = field(default_factory=dict[str, bool])
    problems: tuple[SettingsError, ...] = ()

    def off_by(self, name: str) -> str | None:
        """What switches this instrumentation off, in words; None where it is on."""
        if name in self.disabled:
            return f"{VARIABLE} names it"
        if ALL in self.disabled:
            return f"{VARIABLE}='*' switches all off"
        if not self.project.get(name, True):
            return f"{name} = false in [{TABLE}]"
        if name not in self.project and not self.project.get(ALL, True):
            return f"'*' = false in [{TABLE}], which does not name it"
        return None

    def unknown(self, known: Iterable[str]) -> dict[str, str | None]:
        """Names that no instrumentation has, each with the one that was probably meant."""
        names = sorted(known)
        given = sorted({*self.disabled, *self.project} - {ALL, *names})
        return {name: nearest(name, names) for name in given}


def read(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Switches:
    """Read the switches. Never raises: what cannot be used is in ``Switches.problems``.

    Args:
        environ: The environment; the process's own by default.
        folder: Where ``pyproject.toml`` is looked for; the working directory by default.
    """
    text = (os.environ if environ is None else environ).get(VARIABLE, "")
    disabled = frozenset(name.strip() for name in text.split(",") if name.strip())
    # A project file that cannot be read is reported with the settings, which are read first.
    table, _ = project_table(folder)
    given: Any = table.get("instrumentations", {})
    if not isinstance(given, dict):
        problem = SettingsError(
            TABLE, str(given)[:80], source="pyproject.toml", expected="a table of names"
        )
        return Switches(disabled, problems=(problem,))
    project: dict[str, bool] = {}
    problems: list[SettingsError] = []
    for name, value in given.items():  # pyright: ignore[reportUnknownVariableType]
        try:
            project[str(name)] = kinds.SWITCH.parse(value)  # pyright: ignore[reportUnknownArgumentType]
        except (ValueError, TypeError):
            problems.append(
                SettingsError(
                    f"{TABLE}.{name}",
                    str(value)[:80],  # pyright: ignore[reportUnknownArgumentType]
                    source="pyproject.toml",
                    expected="true or false",
                    using="on",
                )
            )
    return Switches(disabled, project, tuple(problems))


def prefer_current_conventions(environ: MutableMapping[str, str]) -> None:
    """Have HTTP and database spans follow the current conventions, unless somebody chose.

    Instrumentations read the variable once, at the first of them. An empty one counts as unset; a
    word such as ``none`` keeps the conventions of before.
    """
    if not environ.get(CONVENTIONS, "").strip():
        environ[CONVENTIONS] = CURRENT


def current(group: str) -> bool:
    """Whether spans of ``http`` or ``database`` carry the names of the current conventions."""
    words = {word.strip() for word in os.environ.get(CONVENTIONS, "").split(",")}
    return not words.isdisjoint({group, f"{group}/dup"})


_read: Switches | None = None


def off_by(name: str) -> str | None:
    """What switches an instrumentation off in this process; None where it is on. Never raises.

    Read once; an invalid entry is logged once, and its instrumentation stays on.
    """
    global _read
    if _read is None:
        _read = read()
        warn_of(_read)
    return _read.off_by(name)


def warn_of(chosen: Switches) -> None:
    """Log once what is invalid."""
    for problem in chosen.problems:
        _log.warn(f"switch:{problem.name}", "%s", problem)


def forget() -> None:
    """Read again at the next question: for tests."""
    global _read
    _read = None
