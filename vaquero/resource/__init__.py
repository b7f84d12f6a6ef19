"""Who the process is: the attributes of its resource, found without blocking or network."""

from __future__ import annotations

import functools
import os
import platform
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaquero import _log, _runtime
from vaquero.resource import naming, platforms
from vaquero.version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

    from vaquero.config import Settings

#: What the specification calls a service whose name nobody gave.
UNKNOWN_PREFIX = "unknown_service"

#: What a platform says that is true of the whole host.
_OF_HOST = ("cloud.", "k8s.node.", "k8s.cluster.")


def build(
    settings: Settings,
    *,
    host_only: bool = False,
    extra: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    read: Callable[[str], str] | None = None,
) -> Resource:
    """The resource of this process.

    ``OTEL_RESOURCE_ATTRIBUTES`` and arguments win over what is found. Neither the command's
    arguments nor the environment are ever exported.

    Args:
        settings: Where names and attributes are taken from.
        host_only: Leave out what tells one process of a host from another
            (``service.instance.id``, ``process.*``): the resource of host gauges.
        extra: More attributes, below what the settings say.
        environ: What platforms say of themselves; the process's own environment by default.
        read: Gives the text of a file, empty where it cannot be read; the machine's by default.
    """
    from opentelemetry.sdk.resources import Resource

    environ, read = os.environ if environ is None else environ, read or _text
    platform_says = platforms.detect(environ, read)
    found: dict[str, Any] = {}
    found.update(_host(read))
    found.update(_container(read))
    if host_only:
        found.update(
            {key: value for key, value in platform_says.items() if key.startswith(_OF_HOST)}
        )
    else:
        found.update(_process())
        found["service.instance.id"] = _runtime.instance_id()
        found.update(platform_says)
        if settings["run_id"]:
            found["vaquero.run.id"] = settings["run_id"]
    found.update(_upstream_detectors(settings["resource_detectors"]))
    found.update(extra or {})
    found.update(_given(settings))
    if "service.name" not in found:
        found["service.name"] = service_name(settings, environ)
    if "service.version" not in found and not host_only:
        found.update(_version())
    if host_only:
        found.pop("service.instance.id", None)
    found["telemetry.distro.name"] = "vaquero"
    found["telemetry.distro.version"] = __version__
    return _base().merge(Resource(found))


def keeps_instance_id(settings: Settings) -> bool:
    """Whether the user gave ``service.instance.id``, so that a forked child must keep it."""
    return "service.instance.id" in (settings["resource_attributes"] or {})


def service_name(
    settings: Settings,
    environ: Mapping[str, str] | None = None,
    *,
    command: Sequence[str] | None = None,
) -> str:
    """``service.name`` by reason, where nobody gave one.

    The name of the project in the folder started in, else what the platform calls the service, else
    the name of the module or script, else the specification's ``unknown_service:python``.

    Args:
        settings: Where a name may have been given.
        environ: What platforms say of themselves; the process's own environment by default.
        command: A command that is to be named in place of this process.
    """
    return (
        settings["service_name"]
        or settings["project_name"]
        or _project()[0]
        or platforms.service_name(os.environ if environ is None else environ)
        or _program(command)
        or f"{UNKNOWN_PREFIX}:python"
    )


def _program(command: Sequence[str] | None) -> str | None:
    if command is not None:
        return naming.program_of_command(command)
    return naming.program(sys.argv, sys.modules.get("__main__"))


def _project() -> tuple[str | None, str | None]:
    try:
        return naming.project(Path.cwd())
    except OSError:  # The folder is gone.
        return None, None


def _version() -> dict[str, str]:
    named, version = _project()
    version = version or naming.distribution_version(named, sys.argv, sys.modules.get("__main__"))
    return {"service.version": version} if version else {}


def _base() -> Resource:
    """telemetry.sdk.*; not ``Resource.create``, which would read the environment once more."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.version import __version__ as sdk_version

    return Resource(
        {
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.version": sdk_version,
        }
    )


def _given(settings: Settings) -> dict[str, Any]:
    given: dict[str, Any] = dict(settings["resource_attributes"] or {})
    named = {
        "service.name": settings["service_name"],
        "service.version": settings["service_version"],
        "deployment.environment.name": settings["environment"],
        "vaquero.project.id": settings["project_id"],
        "vaquero.project.name": settings["project_name"],
    }
    if str(given.get("service.name", "")).startswith(UNKNOWN_PREFIX):
        del given["service.name"]  # As templates have it: nobody knew. Perhaps we do.
    given.update({key: value for key, value in named.items() if value})
    tags: dict[str, Any] = settings["tags"] or {}
    given.update({f"vaquero.tag.{key}": str(value) for key, value in tags.items()})
    return {key: value for key, value in given.items() if key and value is not None}


def _host(read: Callable[[str], str]) -> dict[str, Any]:
    system = platform.system().lower()
    found: dict[str, Any] = {
        "host.name": socket.gethostname(),
        "host.arch": _ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower()),
        "os.type": {"windows": "windows", "darwin": "darwin"}.get(system, system),
        "os.version": platform.release(),
    }
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        identity = read(path).partition("\n")[0].strip()
        if identity:
            found["host.id"] = identity
            break
    return {key: value for key, value in found.items() if value}


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "x86", "i686": "x86"}


def _process() -> dict[str, Any]:
    implementation = sys.implementation
    return {
        "process.pid": os.getpid(),
        "process.executable.name": os.path.basename(sys.executable or "python"),
        "process.runtime.name": implementation.name,
        "process.runtime.version": ".".join(str(part) for part in implementation.version[:3]),
        "process.runtime.description": sys.version.replace("\n", " "),
    }


_CONTAINER_ID = re.compile(r"(?<![0-9a-f])([0-9a-f]{64})(?![0-9a-f])")


def _container(read: Callable[[str], str]) -> dict[str, Any]:
    """``container.id`` from the cgroup or mount table; nothing outside a container."""
    for path in ("/proc/self/cgroup", "/proc/self/mountinfo"):
        for line in read(path).splitlines():
            if path.endswith("mountinfo") and "/containers/" not in line:
                continue
            match = _CONTAINER_ID.search(line)
            if match:
                return {"container.id": match.group(1)}
    return {}


def _upstream_detectors(names: tuple[str, ...]) -> Mapping[str, Any]:
    """Attributes of the detectors that the user asked for by name, ours aside."""
    found: dict[str, Any] = {}
    wanted = [name for name in names if name not in ("otel", "service_instance")]
    if not wanted:
        return found
    from importlib.metadata import entry_points

    known = {point.name: point for point in entry_points(group="opentelemetry_resource_detector")}
    for name in known if "*" in wanted else wanted:
        found.update(_detect(name, known))
    return found


def _detect(name: str, known: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return known[name].load()().detect().attributes
    except Exception as error:  # A detector is somebody else's code.
        _log.warn(f"detector:{name}", "resource detector %r is left out: %r", name, error)
        return {}


@functools.lru_cache(maxsize=8)
def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65_536)
    except OSError:
        return ""
