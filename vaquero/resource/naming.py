"""What the program is called, and its version, by reason where nobody said so."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Words that run programs: never a service's name where something better is known.
_LAUNCHERS = frozenset(
    {
        "uvicorn",
        "gunicorn",
        "hypercorn",
        "granian",
        "flask",
        "celery",
        "pytest",
        "uwsgi",
        "django-admin",
    }
)

_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*(?:\.exe)?", re.IGNORECASE)


def project(folder: Path) -> tuple[str | None, str | None]:
    """Name and version of the project whose ``pyproject.toml`` lies in a folder."""
    try:
        text = (folder / "pyproject.toml").read_text("utf-8")
        # Not at the top: most programs are started where no such file is.
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        try:
            table: Any = tomllib.loads(_section(text))["project"]
        except (ValueError, KeyError):
            table = tomllib.loads(text)["project"]
        name, version = table.get("name"), table.get("version")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, None
    return (
        name if isinstance(name, str) and name else None,
        version if isinstance(version, str) and version else None,
    )


def _section(text: str) -> str:
    """The table of the project alone: what tools are told is ten times as long, and reads slowly.

    Where it is not written plainly this is no TOML, or holds no such table.
    """
    start = text.find("\n[project]") + 1 or (0 if text.startswith("[project]") else len(text))
    end = text.find("\n[", start)
    return text[start : end + 1] if end >= 0 else text[start:]


def program(argv: list[str], main: Any) -> str | None:
    """The name of the module, script or served application; None where nothing has one."""
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:
        # python -m package.module: the package is the name; its __main__ says nothing.
        name = spec.name.removesuffix(".__main__")
        if name.partition(".")[0] not in _LAUNCHERS:
            return name
        return _target(argv[1:]) or name
    script = argv[0] if argv else ""
    if script in ("", "-c", "-"):
        return None
    path = Path(script)
    name = path.stem if path.stem != "__main__" else path.parent.name
    # What installers write for Windows.
    name = name.removesuffix("-script")
    if name == "manage":
        return path.resolve().parent.name
    if name in _LAUNCHERS:
        return _target(argv[1:]) or name
    return name or None


def program_of_command(words: Sequence[str]) -> str | None:
    """What :func:`program` would say in the process that this command starts.

    Args:
        words: A command: a script, an interpreter with a script or ``-m module``, a server.
    """
    if not _INTERPRETER.fullmatch(Path(words[0]).name if words else ""):
        return program(list(words), None)
    rest = list(words[1:])
    while rest and rest[0].startswith("-") and rest[0] != "-":
        option = rest.pop(0)
        if option[:2] == "-m":
            module = option[2:] or (rest.pop(0) if rest else "")
            name = module.removesuffix(".__main__")
            if name.partition(".")[0] in _LAUNCHERS:
                return _target(rest) or name
            return name or None
        if option[:2] == "-c":
            return None
        if option in ("-X", "-W") and rest:
            rest.pop(0)
    return program(rest, None)


def distribution_version(named: str | None, argv: list[str], main: Any) -> str | None:
    """Version of the installed distribution that the program belongs to.

    Args:
        named: The project's name, where it is known and says no version.
        argv: For a console script: looked up only where it lies beside the interpreter.
        main: The main module: ``python -m package`` belongs to the distribution of that name.
    """
    spec = getattr(main, "__spec__", None)
    module = spec.name.partition(".")[0] if spec is not None and spec.name else None
    wanted = named or (module if module not in _LAUNCHERS else None)
    script = Path(argv[0]) if argv and argv[0] else None
    beside = script is not None and str(script.parent) == os.path.dirname(sys.executable)
    # A server's own version is not that of what it serves.
    installed = beside and script is not None and script.stem not in _LAUNCHERS
    if wanted is None and not installed:
        return None
    # Loaded only here: it brings the parser of e-mail along.
    from importlib import metadata

    try:
        if wanted is not None:
            return metadata.version(wanted)
        name = script.stem if script is not None else ""
        (point,) = metadata.entry_points(group="console_scripts", name=name)
        return point.dist.version if point.dist is not None else None
    except Exception:  # Nobody is harmed by a version that is not known.
        return None


def _target(arguments: list[str]) -> str | None:
    """The application in a server's arguments: ``shop.main:app`` gives ``shop``."""
    for argument in arguments:
        module, sign, _ = argument.partition(":")
        if sign and re.fullmatch(r"[A-Za-z_][\w.]*", module):
            return module.partition(".")[0] if module.partition(".")[0] != "app" else module
    return None
