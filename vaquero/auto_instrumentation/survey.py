"""What this environment has: libraries, their instrumentations, and what stands in the way."""

from __future__ import annotations

import importlib.metadata as metadata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from vaquero.auto_instrumentation.catalog import TABLE, Instrumentation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vaquero.auto_instrumentation.switches import Switches

#: ``on``: instruments under vaquero. ``off``: switched off. ``missing``: fits and is not installed.
#: ``unfit``: no release fits this version of the library. ``not needed``: something else does it.
#: ``idle``: installed for a library that is not.
State = Literal["on", "off", "missing", "unfit", "not needed", "idle"]

GROUP = "opentelemetry_instrumentor"

#: Libraries that vaquero, OpenTelemetry or a web framework bring along: missing only where
#: somebody asked for them.
BROUGHT_ALONG = frozenset({"click", "grpcio", "jinja2", "pydantic", "requests", "urllib3"})


@dataclass(frozen=True)
class LibraryStatus:
    """One instrumentation, and how it stands in this environment.

    Attributes:
        row: What it is.
        library: Name of the installed library that it is for; empty for the standard library's.
        library_version: That library's version.
        version: Version of the installed instrumentation; empty where it is not.
        state: How it stands.
        why: Why it is not on, or what is odd; empty where there is nothing to say.
        wanted: Whether somebody chose the library: an absence is worth a word.
    """

    row: Instrumentation
    library: str
    library_version: str
    version: str
    state: State
    why: str = ""
    wanted: bool = True


class Environment:
    """The distributions of an environment, by canonical name.

    Args:
        distributions: What is installed; this interpreter's own by default.
    """

    def __init__(self, distributions: Iterable[metadata.Distribution] | None = None) -> None:
        self._found: dict[str, metadata.Distribution] = {}
        for found in metadata.distributions() if distributions is None else distributions:
            name: str | None = found.metadata["Name"]
            if name:
                # The first on the path is the one that is imported.
                self._found.setdefault(canonicalize_name(name), found)

    def version(self, name: str) -> str:
        """The version of a distribution; empty where it is not installed."""
        found = self._found.get(canonicalize_name(name))
        return found.version if found is not None else ""

    def versions(self) -> Mapping[str, str]:
        """Version by name of everything that is installed."""
        return {name: found.version for name, found in self._found.items()}

    def asked_for(self, name: str) -> bool:
        """Whether somebody named the library; one that comes along by itself may not have been."""
        canonical = canonicalize_name(name)
        if canonical not in BROUGHT_ALONG:
            return True
        found = self._found[canonical]
        # pip notes which packages were named by the user; other installers note it for all or none.
        by_pip = (found.read_text("INSTALLER") or "").strip() == "pip"
        return by_pip and found.read_text("REQUESTED") is not None

    def instrumentors(self, package: str) -> tuple[str, ...]:
        """Names under which an installed package offers instrumentors."""
        found = self._found.get(canonicalize_name(package))
        points = found.entry_points if found is not None else ()
        return tuple(point.name for point in points if point.group == GROUP)

    def declared(self, row: Instrumentation) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What it says it instruments, any of and all of; the table's word where not installed."""
        found = self._found.get(canonicalize_name(row.package))
        if found is None:
            return row.any_of, row.all_of
        return (
            tuple(_of_extra(found.requires, "instruments-any")),
            tuple(_of_extra(found.requires, "instruments")),
        )

    def has_own_spans(self, row: Instrumentation) -> bool:
        """Whether the installed library makes these spans by itself."""
        # FastAPI's own telemetry covers the Starlette below it, and stands back where it finds the
        # middleware of an instrumentation. Looked for on disk: nothing is imported.
        found = self._found.get("fastapi") if row.suffix in ("fastapi", "starlette") else None
        return found is not None and Path(str(found.locate_file("fastapi/telemetry"))).is_dir()


def survey(environment: Environment, switches: Switches) -> list[LibraryStatus]:
    """Every instrumentation that concerns this environment, in the order of the table.

    What is neither installed nor for an installed library is left out.
    """
    found = (_look(row, environment, switches) for row in TABLE)
    return [one for one in found if one is not None]


def foreign(environment: Environment) -> dict[str, str]:
    """Installed instrumentors that the table does not know: name to distribution and version."""
    known = {canonicalize_name(row.package) for row in TABLE}
    return {
        name: f"{package} {version}"
        for package, version in environment.versions().items()
        if package not in known and not package.startswith("vaquero-")
        for name in environment.instrumentors(package)
    }


def _look(
    row: Instrumentation, environment: Environment, switches: Switches
) -> LibraryStatus | None:
    version = environment.version(row.package)
    fit = _fit(row, environment)
    if fit.library == "" and not row.standard:
        if not version:
            return None
        return LibraryStatus(
            row, "", "", version, "idle", "the library is not installed", wanted=False
        )
    state, why = _state(row, version, fit, environment, switches)
    wanted = (
        not row.standard
        and state == "missing"
        and environment.asked_for(fit.library)
        and not environment.has_own_spans(row)
    )
    return LibraryStatus(row, fit.library, fit.version, version, state, why, wanted)


@dataclass(frozen=True)
class _Fit:
    library: str = ""
    version: str = ""
    reason: str = ""


def _fit(row: Instrumentation, environment: Environment) -> _Fit:
    """The library that is installed, and why it does not fit; no library where none is."""
    any_of, all_of = environment.declared(row)
    best = _Fit()
    for text in all_of:
        fit = _check(text, environment)
        if not fit.library:
            return _Fit()
        if fit.reason or not best.library:
            best = fit
        if fit.reason:
            return best
    for text in any_of:
        fit = _check(text, environment)
        if fit.library and not fit.reason:
            return fit if not best.library else best
        if fit.library:
            best = fit
    return best


def _check(text: str, environment: Environment) -> _Fit:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return _Fit()
    version = environment.version(requirement.name)
    if not version:
        return _Fit()
    name = canonicalize_name(requirement.name)
    try:
        # As the launcher compares: a pre-release of the library counts only where it is asked for.
        fits = requirement.specifier.contains(version)
    except InvalidVersion:
        return _Fit(name, version, f"{name} {version} has no version that can be compared")
    ranges = str(requirement.specifier)
    return _Fit(name, version, "" if fits else f"fits {name} {ranges}, here is {version}")


def _state(
    row: Instrumentation,
    version: str,
    fit: _Fit,
    environment: Environment,
    switches: Switches,
) -> tuple[State, str]:
    if fit.reason:
        return "unfit", fit.reason
    if not version:
        if row.instead:
            return "not needed", row.instead
        if row.suffix == "fastapi" and environment.has_own_spans(row):
            own = f"fastapi {environment.version('fastapi')}"
            return "not needed", f"{own} makes its own spans"
        return "missing", ""
    if row.passed_over:
        return "not needed", row.instead
    names = environment.instrumentors(row.package) or row.names
    offs = [(name, switches.off_by(name)) for name in names]
    off = [f"{name}: {why}" if len(offs) > 1 else why for name, why in offs if why]
    if off:
        return "off" if len(off) == len(offs) else "on", "; ".join(off)
    return "on", _oddity(row, version, environment)


def _oddity(row: Instrumentation, version: str, environment: Environment) -> str:
    base = environment.version("opentelemetry-instrumentation")
    if row.follows_base and base and version != base:
        return f"made for {version}, while opentelemetry-instrumentation is {base}"
    return ""


def _of_extra(requires: Iterable[str] | None, extra: str) -> Iterable[str]:
    for text in requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        # "instruments" is a prefix of "instruments-any": the marker itself decides.
        if requirement.marker is not None and "extra" in text:
            if requirement.marker.evaluate({"extra": extra}) and not requirement.marker.evaluate(
                {"extra": ""}
            ):
                yield f"{requirement.name}{requirement.specifier}"
