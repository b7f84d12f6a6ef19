"""Reading the settings, from argument, environment, project file and default."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vaquero import _environ, _log
from vaquero.config.table import SETTINGS, Setting
from vaquero.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MASK = "********"
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Value:
    """A setting, its value, and where the value came from.

    Attributes:
        setting: The row of the table.
        value: What holds.
        source: ``argument``, ``environment``, ``pyproject.toml`` or ``default``.
        name: The setting as its source spells it, such as ``OTEL_SERVICE_NAME``.
        written: The value before it was read; None for a default.
    """

    setting: Setting
    value: Any = field(repr=False)
    source: str
    name: str
    written: Any = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The value as text, secrets masked: what may be printed."""
        return _shown(self.setting, self.value)


class Settings(Mapping[str, Any]):
    """All settings of a process: ``settings["endpoint"]`` gives a value, ``rows()`` its story."""

    def __init__(self, values: Mapping[str, Value], problems: tuple[SettingsError, ...]) -> None:
        self._values = dict(values)
        self.problems = problems

    def __getitem__(self, name: str) -> Any:
        return self._values[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        said = ", ".join(
            f"{name}={row.shown}" for name, row in self._values.items() if row.source != "default"
        )
        return f"Settings({said})"

    def source(self, name: str) -> str:
        """Where the value of this setting came from."""
        return self._values[name].source

    def given(self, name: str) -> bool:
        """Whether anybody said anything: the value is not the default."""
        return self._values[name].source != "default"

    def written(self, name: str) -> Any:
        """The value as it was written, before it was read; None where nobody said anything."""
        return self._values[name].written

    def rows(self) -> Iterator[Value]:
        """Every setting in the order of the table."""
        return iter(self._values.values())


def load(
    arguments: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Read all settings. Never raises: what cannot be used is in ``Settings.problems``.

    Args:
        arguments: Values given in code, by the names of the table; None means not given.
        environ: The environment; the process's own by default.
        folder: Where ``pyproject.toml`` is looked for (only there, never above); the working
            directory by default.
    """
    environ = {**os.environ, **_environ.taken} if environ is None else environ
    problems: list[SettingsError] = []
    project, project_problem = _project_table(folder)
    if project_problem is not None:
        problems.append(project_problem)
    problems.extend(_unknown_keys(project))
    values: dict[str, Value] = {}
    for setting in SETTINGS:
        values[setting.name] = _resolve(setting, arguments or {}, environ, project, problems)
    return Settings(values, tuple(problems))


def warn_of(settings: Settings) -> None:
    """Say once what could not be used, and what holds instead."""
    for problem in settings.problems:
        name = _setting_named(problem.name)
        if name is None:
            _log.warn(f"settings:{problem.name}", "%s", problem)
            continue
        row = settings._values[name]
        _log.warn(f"settings:{problem.name}", "%s Using %s (%s).", problem, row.shown, row.source)


def nearest(name: str, known: list[str] | None = None) -> str | None:
    """The known setting that a mistyped name probably meant; None where nothing is near."""
    found = difflib.get_close_matches(name, known or list(_BY_NAME), n=1, cutoff=0.6)
    return found[0] if found else None


def _setting_named(name: str) -> str | None:
    for setting in SETTINGS:
        if name == setting.name or name in setting.env:
            return setting.name
    return None


def _resolve(
    setting: Setting,
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    project: Mapping[str, Any],
    problems: list[SettingsError],
) -> Value:
    for name, raw, source in _candidates(setting, arguments, environ, project):
        if source == "pyproject.toml" and not setting.project:
            problems.append(_not_from_project(setting))
            continue
        try:
            return Value(setting, setting.kind.parse(raw), source, name, raw)
        except Exception:  # An argument can be any object; whatever it raises, it is not usable.
            problems.append(
                SettingsError(
                    name,
                    MASK if setting.secret else _brief(raw),
                    source=source,
                    expected=setting.kind.expected,
                )
            )
    return Value(setting, setting.default, "default", setting.name)


def _candidates(
    setting: Setting,
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    project: Mapping[str, Any],
) -> Iterator[tuple[str, Any, str]]:
    if arguments.get(setting.name) is not None:
        yield setting.name, arguments[setting.name], "argument"
    for name in setting.env:
        # An empty variable counts as unset, as the specification asks.
        if environ.get(name, "").strip():
            yield name, environ[name], "environment"
    if setting.name in project:
        yield setting.name, project[setting.name], "pyproject.toml"


def _not_from_project(setting: Setting) -> SettingsError:
    return SettingsError(
        setting.name,
        MASK,
        source="pyproject.toml",
        expected="an argument or the environment, since a project file must not decide where "
        "telemetry goes or with which key",
    )


def _project_table(folder: Path | None) -> tuple[Mapping[str, Any], SettingsError | None]:
    try:
        path = (folder or Path.cwd()) / "pyproject.toml"
        if not path.is_file():
            return {}, None
        found: Any = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("vaquero", {})
    except (OSError, ValueError, AttributeError):
        return {}, SettingsError(
            "pyproject.toml", "unreadable", source="pyproject.toml", expected="a TOML file"
        )
    if not isinstance(found, dict):
        return {}, SettingsError(
            "tool.vaquero", _brief(found), source="pyproject.toml", expected="a table"
        )
    return found, None  # pyright: ignore[reportUnknownVariableType]


def _unknown_keys(project: Mapping[str, Any]) -> Iterator[SettingsError]:
    for key in project:
        # Tables below [tool.vaquero] belong to other rooms (alerts, instrumentations).
        if key in _BY_NAME or isinstance(project[key], dict):
            continue
        near = nearest(key)
        expected = f"the name of a setting; did you mean {near!r}?" if near else "a known setting"
        yield SettingsError(
            f"tool.vaquero.{key}", "unknown", source="pyproject.toml", expected=expected
        )


def _brief(raw: Any) -> str:
    try:
        text = raw if isinstance(raw, str) else repr(raw)
    except Exception:
        text = f"<{type(raw).__name__}>"
    return _without_userinfo(text)[:80]


def _shown(setting: Setting, value: Any) -> str:
    if value is None:
        return "not set"
    if setting.secret:
        return MASK
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items()) or "none"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or "none"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return _without_userinfo(str(value))


def _without_userinfo(text: str) -> str:
    """A URL without ``user:password@``; other text unchanged."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if "@" not in parts.netloc:
        return text
    return urlunsplit(parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}"))
