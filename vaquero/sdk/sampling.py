"""Samplers and id generators by name, as ``OTEL_TRACES_SAMPLER`` and its kin spell them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import sampling

from vaquero import _log

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.id_generator import IdGenerator

    from vaquero.config import Settings

_FIXED = {
    "always_on": sampling.ALWAYS_ON,
    "always_off": sampling.ALWAYS_OFF,
    "parentbased_always_on": sampling.DEFAULT_ON,
    "parentbased_always_off": sampling.DEFAULT_OFF,
}
_BY_RATIO = {
    "traceidratio": sampling.TraceIdRatioBased,
    "parentbased_traceidratio": sampling.ParentBasedTraceIdRatio,
}


def sampler(settings: Settings) -> sampling.Sampler:
    """The sampler of the settings; one that cannot be had is said and replaced by the default."""
    wanted = settings["sampler"]
    if wanted is None:
        return sampling.DEFAULT_ON
    if isinstance(wanted, sampling.Sampler):
        return wanted
    if isinstance(wanted, Mapping):
        from vaquero.sdk import declarative

        return declarative.sampler(wanted)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return _by_ratio("parentbased_traceidratio", str(wanted))
    name = str(wanted).strip().lower()
    if name in _FIXED:
        return _FIXED[name]
    if name in _BY_RATIO:
        return _by_ratio(name, settings["sampler_arg"])
    return from_entry_point(str(wanted).strip(), settings["sampler_arg"])


def id_generator(settings: Settings) -> IdGenerator | None:
    """The id generator of the settings; None is the SDK's random one."""
    wanted = settings["id_generator"]
    if wanted is None or wanted == "random":
        return None
    if not isinstance(wanted, str):
        return wanted
    from importlib.metadata import entry_points

    try:
        (point,) = entry_points(group="opentelemetry_id_generator", name=wanted)
        return point.load()()
    except Exception as error:
        _log.warn(
            "id_generator",
            "OTEL_PYTHON_ID_GENERATOR=%r is not usable (%r): expected the name of an installed "
            "generator. Using random.",
            wanted,
            error,
        )
        return None


def _by_ratio(name: str, argument: str | None) -> sampling.Sampler:
    ratio = 1.0
    try:
        ratio = float(argument) if argument is not None else 1.0
        return _BY_RATIO[name](ratio)
    except ValueError:
        _log.warn(
            "sampler_arg",
            "OTEL_TRACES_SAMPLER_ARG=%r is not usable: expected a share from 0 to 1, e.g. 0.25. "
            "Using 1.0.",
            argument,
        )
        return _BY_RATIO[name](1.0)


def from_entry_point(name: str, argument: str | None) -> sampling.Sampler:
    """A sampler of somebody else's by its name; the default, and a word, where it cannot be had."""
    from importlib.metadata import entry_points

    points = list(entry_points(group="opentelemetry_traces_sampler", name=name))
    try:
        found: Any = points[0].load()(argument if argument is not None else "")
        if isinstance(found, sampling.Sampler):
            return found
        raise TypeError(f"{type(found).__name__} is no sampler")
    except Exception as error:
        known = ", ".join([*_FIXED, *_BY_RATIO])
        reason = "" if isinstance(error, IndexError) else f" ({error!r})"
        _log.warn(
            "sampler",
            "OTEL_TRACES_SAMPLER=%r is not usable%s: expected one of %s, or an installed "
            "sampler's name. Using parentbased_always_on.",
            name,
            reason,
            known,
        )
        return sampling.DEFAULT_ON
