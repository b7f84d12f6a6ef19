"""Reading the settings, from argument, environment, project file and default."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vaquero import _environ, _log
from vaquero._nearest import nearest
from vaquero.config import kinds
from vaquero.config.judgement import Fault, Judge, Judgement
from vaquero.config.project import project_table
from vaquero.config.table import SETTINGS, Setting
from vaquero.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from vaquero.config import declarative
    from vaquero.config.tree import Tree

MASK = kinds.MASK
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
    """All settings of a process: ``settings["endpoint"]`` is a value, ``rows()`` has the sources.

    Attributes:
        problems: What could not be used.
        declared: What the file of ``OTEL_CONFIG_FILE`` has; None where there is none.
        made: By setting, what its judge loaded or made, for the build.
    """

    def __init__(
        self,
        values: Mapping[str, Value],
        problems: tuple[SettingsError, ...],
        declared: declarative.Declared | None = None,
        made: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self._values = dict(values)
        self.problems = problems
        self.declared = declared
        self.made = made

    def __getitem__(self, name: str) -> Any:
        return self._values[name].value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        changed = ", ".join(
            f"{name}={row.shown}" for name, row in self._values.items() if row.source != "default"
        )
        return f"Settings({changed})"

    def with_more(
        self,
        *,
        values: Mapping[str, Value] = MappingProxyType({}),
        problems: Iterable[SettingsError] = (),
        made: Mapping[str, Any] | None = None,
    ) -> Settings:
        """These settings, with what others add to them."""
        return Settings(
            {**self._values, **values},
            (*self.problems, *problems),
            self.declared,
            self.made if made is None else made,
        )

    def source(self, name: str) -> str:
        """Where the value of this setting came from."""
        return self._values[name].source

    def is_set(self, name: str) -> bool:
        """Whether any source has a valid value: it is not the default."""
        return self._values[name].source != "default"

    def raw(self, name: str) -> Any:
        """The value as it was written, before it was read; None for a default."""
        return self._values[name].written

    def rows(self) -> Iterator[Value]:
        """Every setting in the order of the table."""
        return iter(self._values.values())


def load(
    arguments: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    judges: Mapping[str, Judge] = MappingProxyType({}),
) -> Settings:
    """Read all settings. Never raises: what is invalid is in ``Settings.problems``.

    Args:
        arguments: Values given in code, by the names of the table; None means not given.
        environ: The environment; the process's own by default.
        folder: Where ``pyproject.toml`` is looked for (only there, never above); the working
            directory by default.
        judges: By the names of settings, what judges values that can be read. They are asked in
            their order, after all other settings are known, and not where nothing is built.
    """
    environ = {**os.environ, **_environ.taken} if environ is None else environ
    problems: list[SettingsError] = []
    project, project_problem = project_table(folder)
    if project_problem is not None:
        problems.append(project_problem)
    problems.extend(_unknown_keys(project))
    declared = _declared(environ, problems)
    if declared is not None:
        # The file replaces the variables of the specification; ours have no place in the schema.
        environ = {name: value for name, value in environ.items() if name.startswith("VAQUERO_")}
    resolver = _Resolver(arguments or {}, declared, environ, project, problems)
    for setting in SETTINGS:
        if setting.name not in judges:
            resolver.read(setting)
    built = resolver.known["enabled"] and not resolver.known["disabled"]
    for name, judge in judges.items():
        resolver.read(_BY_NAME[name], judge if built else None)
    values = {setting.name: resolver.values[setting.name] for setting in SETTINGS}
    return Settings(values, tuple(problems), declared, resolver.made)


class _Candidate(NamedTuple):
    """What one source has for a setting; the place is in a declarative file."""

    name: str
    raw: Any
    source: str
    place: Tree | None = None


class _Resolver:
    """The settings found so far: each is taken from its first source that has a valid value."""

    def __init__(
        self,
        arguments: Mapping[str, Any],
        declared: declarative.Declared | None,
        environ: Mapping[str, str],
        project: Mapping[str, Any],
        problems: list[SettingsError],
    ) -> None:
        self._arguments = arguments
        self._declared = declared
        self._environ = environ
        self._project = project
        self._problems = problems
        self.values: dict[str, Value] = {}
        self.known: dict[str, Any] = {}
        self.made: dict[str, Any] = {}

    def read(self, setting: Setting, judge: Judge | None = None) -> None:
        """Find the value of one setting."""
        faults: list[tuple[_Candidate, Fault]] = []
        value = Value(setting, setting.default, "default", setting.name)
        for candidate in self._candidates(setting):
            name, raw, source, _ = candidate
            if source == "pyproject.toml" and not setting.project:
                self._problems.append(_not_from_project(setting))
                continue
            try:
                parsed = setting.kind.parse(raw)
                judgement = Judgement(parsed) if judge is None else judge(parsed, self.known)
            except Exception:  # An argument can be any object; whatever it raises, it is invalid.
                judgement = Judgement(None, None, Fault(setting.kind.expected))
            if judgement.fault is not None:
                faults.append((candidate, judgement.fault))
            if judgement.fault is None or judgement.value is not None:
                value = Value(setting, judgement.value, source, name, raw)
                if judgement.made is not None:
                    self.made[setting.name] = judgement.made
                break
        self.values[setting.name] = value
        self.known[setting.name] = value.value
        for candidate, fault in faults:
            if value.source != "default" and (value.name, value.source) != (
                candidate.name,
                candidate.source,
            ):
                fault = fault._replace(using="")  # What another source has holds, and is named.
            self._note(value, candidate, fault)

    def _note(self, holds: Value, candidate: _Candidate, fault: Fault) -> None:
        setting = holds.setting
        if fault.setting:
            other = self.values[fault.setting]
            self.values[fault.setting] = Value(
                other.setting, other.setting.default, "default", other.setting.name
            )
            setting = other.setting
            candidate = _Candidate(other.name, other.written, other.source)
        for name, shown, source in self._parts(candidate, fault):
            self._problems.append(
                SettingsError(
                    name,
                    MASK if setting.secret else shown,
                    source=source,
                    expected=fault.valid,
                    using=fault.using or _described(holds),
                )
            )

    def _parts(self, candidate: _Candidate, fault: Fault) -> Iterator[tuple[str, str, str]]:
        """Name, value and source of each part at fault; of the whole where parts have no place."""
        declared, place = self._declared, candidate.place
        found = [place.find(keys) for keys in fault.parts] if place is not None else []
        parts = [part for part in found if part is not None]
        if declared is None or not parts:
            yield candidate.name, kinds.brief(candidate.raw), candidate.source
            return
        for part in parts:
            yield part.path, part.shown, declared.source_of(part)

    def _candidates(self, setting: Setting) -> Iterator[_Candidate]:
        declared = self._declared
        if self._arguments.get(setting.name) is not None:
            yield _Candidate(setting.name, self._arguments[setting.name], "argument")
        if declared is not None and setting.name in declared.values:
            value, place = declared.values[setting.name]
            name = place.path or setting.name
            yield _Candidate(name, value, declared.source_of(place), place)
        for name in setting.env:
            # An empty variable counts as unset, as the specification asks.
            if self._environ.get(name, "").strip():
                yield _Candidate(name, self._environ[name], "environment")
        if setting.name in self._project:
            yield _Candidate(setting.name, self._project[setting.name], "pyproject.toml")


def _described(row: Value) -> str:
    """What holds, for the end of a message."""
    if row.source == "default":
        return "the default" if row.value is None else f"{row.shown} (default)"
    return f"{row.shown} (from {row.source})"


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
        declared.problem(place, _name_of_a_setting(name, _variable_of_package(name)))
    problems.extend(declared.problems)
    return declared


def warn_of(settings: Settings) -> None:
    """Log once what is invalid, and what holds instead."""
    declared = settings.declared
    in_vain = declared.problems if declared is not None else []
    if declared is not None and in_vain:
        # One line for all: the number of lines that a process logs is bounded.
        _log.warn(
            "settings:file",
            "%s: some of it cannot be honoured: %s. `vaquero config` says why.",
            declared.name,
            "; ".join(
                f"{problem.source.rpartition(', ')[2]} {problem.name}" for problem in in_vain
            ),
        )
    for problem in settings.problems:
        if problem not in in_vain:
            _log.warn(f"settings:{problem.name}", "%s", problem)


def _not_from_project(setting: Setting) -> SettingsError:
    return SettingsError(
        setting.name,
        MASK,
        source="pyproject.toml",
        expected="an argument or the environment, since a project file must not decide where "
        "telemetry goes or with which key",
    )


def _unknown_keys(project: Mapping[str, Any]) -> Iterator[SettingsError]:
    for key in project:
        # Tables below [tool.vaquero] are read elsewhere (instrumentations).
        if key in _BY_NAME or isinstance(project[key], dict):
            continue
        variable = _variable_of_package(key)
        yield SettingsError(
            f"tool.vaquero.{key}",
            kinds.brief(project[key]) if variable else "unknown",
            source="pyproject.toml",
            expected=_name_of_a_setting(key, variable),
        )


def _variable_of_package(name: str) -> str:
    """The variable of a setting that another package has; empty where none has this name.

    A setting of the table is named as its variable is; so whoever writes a file may do here.
    """
    from vaquero.config import packages  # Only where a file has a key that the table has not.

    for _, row in packages.rows():
        if name in (row.name, row.env.removeprefix("VAQUERO_").lower()):
            return str(row.env)
    return ""


def _name_of_a_setting(unknown: str, variable: str) -> str:
    if variable:
        return (
            "a setting that files may have; this one is read from the environment or an argument "
            f"only: {variable}"
        )
    near = nearest(unknown, _BY_NAME)
    return f"the name of a setting (did you mean {near!r}?)" if near else "the name of a setting"


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
