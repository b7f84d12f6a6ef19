"""Reading the settings, from argument, environment, project file and default."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaquero import _environ, _log
from vaquero.config import kinds
from vaquero.config.table import SETTINGS, Setting
from vaquero.errors import SettingsError

if TYPE_CHECKING:
    from vaquero.config import declarative

MASK = kinds.MASK
#: Takes out what may stand around the parts of a key.
_WITHOUT_QUOTES = str.maketrans("", "", " \t\r\"'")
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
    """All settings of a process: ``settings["endpoint"]`` gives a value, ``rows()`` its story.

    Attributes:
        problems: What could not be used.
        declared: What the file of ``OTEL_CONFIG_FILE`` says; None where there is none.
    """

    def __init__(
        self,
        values: Mapping[str, Value],
        problems: tuple[SettingsError, ...],
        declared: declarative.Declared | None = None,
    ) -> None:
        self._values = dict(values)
        self.problems = problems
        self.declared = declared

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
    declared = _declared(environ, problems)
    if declared is not None:
        # The file replaces the variables of the specification; ours have no place in the schema.
        environ = {name: value for name, value in environ.items() if name.startswith("VAQUERO_")}
    values: dict[str, Value] = {}
    for setting in SETTINGS:
        places = _candidates(setting, arguments or {}, declared, environ, project)
        values[setting.name] = _resolve(setting, places, problems)
    return Settings(values, tuple(problems), declared)


def _declared(
    environ: Mapping[str, str], problems: list[SettingsError]
) -> declarative.Declared | None:
    path = environ.get("OTEL_CONFIG_FILE", "").strip()
    if not path:
        return None
    try:
        from vaquero.config import declarative  # Only where there is a file.

        declared = declarative.read(path, environ)
    except SettingsError as error:
        problems.append(error)
        return None
    for name in [name for name in declared.values if name not in _BY_NAME]:
        _, place = declared.values.pop(name)
        near = nearest(name)
        hint = f"; did you mean {near!r}?" if near else ""
        declared.problem(place, f"the name of a setting{hint}")
    problems.extend(declared.problems)
    return declared


def warn_of(settings: Settings) -> None:
    """Say once what could not be used, and what holds instead."""
    declared = settings.declared
    in_vain = declared.problems if declared is not None else []
    if declared is not None and in_vain:
        # One line for all: the number of lines that a process says is bounded.
        _log.warn(
            "settings:file",
            "%s: some of it cannot be honoured: %s. `vaquero config` says why.",
            declared.name,
            "; ".join(
                f"{problem.source.rpartition(', ')[2]} {problem.name}" for problem in in_vain
            ),
        )
    for problem in settings.problems:
        if problem in in_vain:
            continue
        name = _setting_named(problem.name)
        if name is None:
            _log.warn(f"settings:{problem.name}", "%s", problem)
            continue
        row = settings._values[name]
        _log.warn(f"settings:{problem.name}", "%s Using %s (%s).", problem, row.shown, row.source)


def nearest(name: str, known: list[str] | None = None) -> str | None:
    """The known setting that a mistyped name probably meant; None where nothing is near."""
    import difflib  # Wanted so rarely that no start should pay for it.

    found = difflib.get_close_matches(name, known or list(_BY_NAME), n=1, cutoff=0.6)
    return found[0] if found else None


def _setting_named(name: str) -> str | None:
    for setting in SETTINGS:
        if name == setting.name or name in setting.env:
            return setting.name
    return None


def _resolve(
    setting: Setting, places: Iterator[tuple[str, Any, str]], problems: list[SettingsError]
) -> Value:
    for name, raw, source in places:
        if source == "pyproject.toml" and not setting.project:
            problems.append(_not_from_project(setting))
            continue
        try:
            return Value(setting, setting.kind.parse(raw), source, name, raw)
        except Exception:  # An argument can be any object; whatever it raises, it is not usable.
            problems.append(
                SettingsError(
                    name,
                    MASK if setting.secret else kinds.brief(raw),
                    source=source,
                    expected=setting.kind.expected,
                )
            )
    return Value(setting, setting.default, "default", setting.name)


def _candidates(
    setting: Setting,
    arguments: Mapping[str, Any],
    declared: declarative.Declared | None,
    environ: Mapping[str, str],
    project: Mapping[str, Any],
) -> Iterator[tuple[str, Any, str]]:
    if arguments.get(setting.name) is not None:
        yield setting.name, arguments[setting.name], "argument"
    if declared is not None and setting.name in declared.values:
        value, place = declared.values[setting.name]
        yield place.path or setting.name, value, f"{declared.name}, line {place.line}"
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
        text = path.read_text("utf-8")
        if not _may_have_table(text):
            return {}, None  # Most projects: the parser need not even be loaded.
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        found: Any = tomllib.loads(text).get("tool", {}).get("vaquero", {})
    except (OSError, ValueError, AttributeError):
        return {}, SettingsError(
            "pyproject.toml", "unreadable", source="pyproject.toml", expected="a TOML file"
        )
    if not isinstance(found, dict):
        return {}, SettingsError(
            "tool.vaquero", kinds.brief(found), source="pyproject.toml", expected="a table"
        )
    return found, None  # pyright: ignore[reportUnknownVariableType]


def _may_have_table(text: str) -> bool:
    """Whether TOML can hold ``tool.vaquero``, in any of the ways to write a key."""
    bare = text.translate(_WITHOUT_QUOTES)
    return "tool.vaquero" in bare or (
        "vaquero" in bare and any(mark in f"\n{bare}" for mark in ("\n[tool]", "\ntool="))
    )


def _unknown_keys(project: Mapping[str, Any]) -> Iterator[SettingsError]:
    for key in project:
        # Tables below [tool.vaquero] are read elsewhere (instrumentations).
        if key in _BY_NAME or isinstance(project[key], dict):
            continue
        near = nearest(key)
        expected = f"the name of a setting; did you mean {near!r}?" if near else "a known setting"
        yield SettingsError(
            f"tool.vaquero.{key}", "unknown", source="pyproject.toml", expected=expected
        )


def _shown(setting: Setting, value: Any) -> str:
    if value is None:
        return "not set"
    if setting.secret:
        return MASK
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items()) or "none"  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or "none"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return kinds.without_userinfo(str(value))
