"""Which distribution of OpenTelemetry a program gets, as variables of its environment.

Upstream's launcher imports this through :mod:`vaquero.cli.run.launcher_hook`: nothing heavy may be
imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

_VARIABLES = {"--distro": "OTEL_PYTHON_DISTRO", "--configurator": "OTEL_PYTHON_CONFIGURATOR"}

#: uWSGI forks behind Python's back and holds its lock between requests: its workers would have
#: neither the threads nor the identity that Python prepares in a forked child. These are two of its
#: own options, as variables; no other program reads them.
UWSGI = {"UWSGI_PY_CALL_UWSGI_FORK_HOOKS": "true", "UWSGI_ENABLE_THREADS": "true"}


def choose(environ: MutableMapping[str, str], arguments: Sequence[str]) -> None:
    """Select vaquero as distro and configurator where the user selected neither.

    Someone who chose one of the two, by variable or by flag, gets what upstream makes of it: half
    of vaquero joined to half of another distribution helps nobody.

    Args:
        environ: The environment, changed in place.
        arguments: What follows the launcher's name on the command line.
    """
    chosen = {name: environ[name] for name in _VARIABLES.values() if environ.get(name)}
    chosen.update(_flags(arguments))
    if all(name == "vaquero" for name in chosen.values()):
        for variable in _VARIABLES.values():
            environ.setdefault(variable, "vaquero")
        for variable, value in UWSGI.items():
            environ.setdefault(variable, value)


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    """The two selecting flags of the launcher; what follows the program's name is not its own."""
    found: dict[str, str] = {}
    position = 0
    while position < len(arguments) and arguments[position].startswith("--"):
        flag, equals, value = arguments[position].partition("=")
        if not equals and flag not in ("--version", "--help"):
            position += 1
            value = arguments[position] if position < len(arguments) else ""
        if flag in _VARIABLES:
            found[_VARIABLES[flag]] = value
        position += 1
    return found
