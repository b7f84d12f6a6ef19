"""Settings of the instrumentation packages: rows of a table, and how a value is found.

A package lists its rows in a tuple and offers it through the entry point group
``vaquero.settings``, so that one program can show every setting there is. A row is found as
argument of ``instrument()``, then in the environment, then as default. A bad value warns once
and never raises.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

ARGUMENT: Final = "argument"
ENVIRONMENT: Final = "environment"
DEFAULT: Final = "default"


class GaugeSetting(NamedTuple):
    """One setting: a row of the table.

    Attributes:
        name: Keyword of ``instrument()``, in snake case; a number carries its unit.
        env: Environment variable.
        kind: ``"bool"``, ``"seconds"``, ``"choice"``, ``"list"`` (comma separated) or ``"str"``.
        default: Value when neither argument nor variable is given.
        help: One sentence for the reader of a table.
        choices: Words allowed, for ``"choice"`` and (when not empty) ``"list"``.
        minimum: Smallest number allowed, for ``"seconds"``.
        check: Gives what of a value can be used, and what is valid where that is not all of it;
            None where every value that can be read can be used.
    """

    name: str
    env: str
    kind: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    minimum: float = 0.0
    check: Callable[[Any], tuple[Any, str]] | None = None

    def judged(self, environ: Mapping[str, str]) -> Judged:
        """Return the value that the environment gives, for a program that shows settings."""
        return judge(self, {}, environ)


class Invalid(NamedTuple):
    """A value that is invalid, or in part.

    Attributes:
        name: The setting, as its source spells it.
        value: What was read, as text.
        source: ``argument`` or ``environment``.
        valid: What is valid, as a phrase.
        using: What holds instead.
    """

    name: str
    value: str
    source: str
    valid: str
    using: str

    def __str__(self) -> str:
        """The line that is logged."""
        return (
            f"{self.name}={self.value!r} (from {self.source}) is invalid; valid: {self.valid}; "
            f"using {self.using}."
        )


class Judged(NamedTuple):
    """The value of one setting, and what was invalid.

    Attributes:
        value: What holds.
        source: ``argument``, ``environment`` or ``default``.
        problems: What is invalid.
    """

    value: Any
    source: str
    problems: tuple[Invalid, ...] = ()


class Resolved:
    """The values of one ``instrument()`` call, and where each came from."""

    __slots__ = ("sources", "values")

    def __init__(self, values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
        self.values = values
        self.sources = sources

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


class _Warner:
    """Says each complaint once in the life of the process."""

    def __init__(self) -> None:
        self.said: set[str] = set()

    def warn(self, log: logging.Logger, message: str) -> None:
        if message not in self.said:
            self.said.add(message)
            log.warning("%s", message)


_warner = _Warner()


def resolve(
    settings: Sequence[GaugeSetting],
    arguments: Mapping[str, Any],
    log: logging.Logger,
    environ: Mapping[str, str] | None = None,
) -> Resolved:
    """Find the value of every setting; never raises.

    Args:
        settings: The rows.
        arguments: Keywords given to ``instrument()``; ``None`` counts as not given. An unknown
            one is reported with the nearest known name.
        log: Where complaints go.
        environ: Environment, ``os.environ`` when None.

    Returns:
        A value for every row, usable as it is.
    """
    env = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in settings:
        judged = judge(setting, arguments, env)
        values[setting.name], sources[setting.name] = judged.value, judged.source
        for problem in judged.problems:
            _warner.warn(log, str(problem))
    known = [setting.name for setting in settings]
    for name in arguments:
        if name not in values:
            import difflib  # Wanted so rarely that no start should pay for it.

            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}."
            _warner.warn(log, f"instrument() does not know the argument {name!r}{hint}")
    return Resolved(values, sources)


def judge(setting: GaugeSetting, arguments: Mapping[str, Any], env: Mapping[str, str]) -> Judged:
    """Find the value of one setting, and what was invalid on the way; never raises.

    Args:
        setting: The row.
        arguments: Keywords given to ``instrument()``.
        env: Environment.
    """
    candidates = (
        (arguments.get(setting.name), setting.name, ARGUMENT),
        (env.get(setting.env) or None, setting.env, ENVIRONMENT),
    )
    invalid: list[tuple[str, Any, str, str]] = []
    value, found = setting.default, DEFAULT
    for raw, label, source in candidates:
        if raw is None:
            continue
        try:
            value = _PARSERS[setting.kind](setting, raw)
        except (TypeError, ValueError) as problem:
            invalid.append((label, raw, source, str(problem)))
            continue
        found = source
        if setting.check is not None:
            value, valid = setting.check(value)
            if valid:
                invalid.append((label, raw, source, valid))
        break
    using = _shown(value) + (" (default)" if found == DEFAULT else "")
    problems = (Invalid(label, _brief(raw), source, valid, using)
                for label, raw, source, valid in invalid)  # fmt: skip
    return Judged(value, found, tuple(problems))


def _brief(raw: Any) -> str:
    return (raw if isinstance(raw, str) else repr(raw))[:80]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(value) or "none"  # pyright: ignore[reportUnknownArgumentType]
    return str(value)


def _parse_bool(setting: GaugeSetting, raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("true or false")


def _parse_seconds(setting: GaugeSetting, raw: Any) -> float:
    expected = f"seconds as a number of at least {setting.minimum:g}, e.g. {setting.default:g}"
    try:
        value = float(raw)
    except (TypeError, ValueError):
        raise ValueError(expected) from None
    if not math.isfinite(value) or value < setting.minimum:
        raise ValueError(expected)
    return value


def _parse_choice(setting: GaugeSetting, raw: Any) -> str:
    word = str(raw).strip().lower()
    if word not in setting.choices:
        raise ValueError("one of " + ", ".join(setting.choices))
    return word


def _parse_list(setting: GaugeSetting, raw: Any) -> tuple[str, ...]:
    parts = raw.split(",") if isinstance(raw, str) else list(raw)
    words = tuple(word for word in (str(part).strip() for part in parts) if word)
    if setting.choices:
        words = tuple(word.lower() for word in words)
        unknown = [word for word in words if word not in setting.choices]
        if unknown:
            raise ValueError("a comma separated list of " + ", ".join(setting.choices))
    return words


def _parse_str(setting: GaugeSetting, raw: Any) -> str:
    return str(raw).strip()


_PARSERS: Final[Mapping[str, Callable[[GaugeSetting, Any], Any]]] = {
    "bool": _parse_bool,
    "seconds": _parse_seconds,
    "choice": _parse_choice,
    "list": _parse_list,
    "str": _parse_str,
}


WINDOW: Final = GaugeSetting(
    "window_s",
    "VAQUERO_METRICS_WINDOW",
    "seconds",
    10.0,
    "Seconds over which utilisations and rates are averaged, at least.",
    minimum=0.1,
)
EXCLUDED_METRICS: Final = GaugeSetting(
    "exclude_metrics",
    "VAQUERO_METRICS_EXCLUDE",
    "list",
    (),
    "Names of metrics that are not emitted; * stands for any characters.",
)
HOST_METRICS: Final = GaugeSetting(
    "host_metrics",
    "VAQUERO_HOST_METRICS",
    "choice",
    "auto",
    "Who emits the series of the host and its container: one process of those that run "
    "(auto), each one (always), or none (off).",
    choices=("auto", "always", "off"),
)
HOST_LOCK_DIR: Final = GaugeSetting(
    "host_lock_dir",
    "VAQUERO_HOST_LOCK_DIR",
    "str",
    "",
    "Folder of the lock by which processes agree who emits the series of the host; "
    "a private folder of the user when empty.",
)

SETTINGS: Final = (WINDOW, EXCLUDED_METRICS, HOST_METRICS, HOST_LOCK_DIR)
"""What every package, or every host package, understands (entry point ``common``)."""
