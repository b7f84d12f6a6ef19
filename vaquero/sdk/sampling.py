"""Samplers and id generators, by the names of the specification, of packages, and of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.sdk.trace import sampling

from vaquero import _guard
from vaquero.config import kinds
from vaquero.config.judgement import Fault, Judgement
from vaquero.errors import SettingsError
from vaquero.sdk import installed

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
#: What holds where no sampler is named, or the named one is invalid.
DEFAULT = "parentbased_always_on"

_SHARE = "a share from 0 to 1, e.g. 0.25"
_DECLARED = ("always_on", "always_off", "parent_based", "trace_id_ratio_based")
_PARENTS = (
    "root",
    "remote_parent_sampled",
    "remote_parent_not_sampled",
    "local_parent_sampled",
    "local_parent_not_sampled",
)


def sampler(settings: Settings) -> sampling.Sampler:
    """The sampler that the settings were judged to name; else the default."""
    return settings.made.get("sampler", sampling.DEFAULT_ON)


def judge_sampler(wanted: Any, known: Mapping[str, Any]) -> Judgement:
    """Judge and make a sampler: an object, a share, a name, or what a declarative file says."""
    if isinstance(wanted, sampling.Sampler):
        return Judgement(wanted, wanted)
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        made = _by_ratio("parentbased_traceidratio", wanted)
        return Judgement(wanted, made) if made else _refused(_SHARE)
    if isinstance(wanted, Mapping):
        try:
            return Judgement(wanted, _declared(wanted))
        except _PartError as error:
            return Judgement(None, None, Fault(error.valid, DEFAULT, parts=(error.keys,)))
    argument: str | None = known["sampler_arg"]
    try:
        name = str(wanted).strip()
        if name.lower() in _FIXED:
            return Judgement(wanted, _FIXED[name.lower()])
        if name.lower() in _BY_RATIO:
            return _judge_ratio(name.lower(), argument)
        return Judgement(wanted, _of_package(name, argument))
    except installed.NotInstalledError:
        return _refused(f"one of {_known()}")
    except SettingsError as error:  # Ours say this of their argument.
        if argument is not None:
            return Judgement(None, None, Fault(error.expected, DEFAULT, "sampler_arg"))
        return _refused(f"this one with an argument, {error.expected}")
    except Exception as error:  # A sampler of a package is somebody else's code.
        return _refused(f"one of {_known()} ({_guard.describe(error)})")


def _refused(valid: str) -> Judgement:
    return Judgement(None, None, Fault(valid, DEFAULT))


def _known() -> str:
    return installed.names("opentelemetry_traces_sampler", *_FIXED, *_BY_RATIO)


def _judge_ratio(name: str, argument: str | None) -> Judgement:
    made = _by_ratio(name, 1.0 if argument is None else argument)
    if made is not None:
        return Judgement(name, made)
    return Judgement(name, _BY_RATIO[name](1.0), Fault(_SHARE, "1.0", "sampler_arg"))


def _by_ratio(name: str, share: float | str) -> sampling.Sampler | None:
    try:
        return _BY_RATIO[name](float(share))
    except ValueError:
        return None


def _of_package(name: str, argument: str | None) -> sampling.Sampler:
    found: Any = installed.load("opentelemetry_traces_sampler", name)(argument or "")
    if not isinstance(found, sampling.Sampler):
        raise TypeError(f"{type(found).__name__} is not a sampler")
    return found


class _PartError(Exception):
    """A part of a sampler as the schema describes it is invalid."""

    def __init__(self, valid: str, keys: tuple[str, ...]) -> None:
        super().__init__(valid)
        self.valid = valid
        self.keys = keys


def _declared(wanted: Any, keys: tuple[str, ...] = ()) -> sampling.Sampler:
    """A sampler as the schema of declarative files describes it."""
    tree = _mapping(wanted)
    if len(tree) != 1:
        raise _PartError("one sampler", keys)
    ((name, below),) = tree.items()
    keys = (*keys, name)
    arguments = _mapping(below)
    if name in ("always_on", "always_off"):
        return _FIXED[name]
    if name == "trace_id_ratio_based":
        ratio = arguments.get("ratio")
        try:
            return sampling.TraceIdRatioBased(kinds.SHARE.parse(1.0 if ratio is None else ratio))
        except (ValueError, TypeError):
            raise _PartError(_SHARE, (*keys, "ratio")) from None
    if name == "parent_based":
        children = {
            key: _declared(arguments[key], (*keys, key))
            for key in _PARENTS
            if arguments.get(key) is not None
        }
        return sampling.ParentBased(children.pop("root", sampling.ALWAYS_ON), **children)
    argument = arguments.get("argument") if isinstance(below, Mapping) else below
    valid = f"one of {installed.names('opentelemetry_traces_sampler', *_DECLARED)}"
    try:
        return _of_package(name, None if argument is None else str(argument))
    except installed.NotInstalledError:
        raise _PartError(valid, keys) from None
    except SettingsError as error:
        valid = f"this one with an argument, {error.expected}"
        raise _PartError(valid, keys) from None
    except Exception as error:  # A sampler of a package is somebody else's code.
        raise _PartError(f"{valid} ({_guard.describe(error)})", keys) from None


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def id_generator(settings: Settings) -> IdGenerator | None:
    """The id generator that the settings were judged to name; None is the SDK's random one."""
    return settings.made.get("id_generator")


def judge_id_generator(wanted: Any, known: Mapping[str, Any]) -> Judgement:
    """Judge and make an id generator: an object, or a name."""
    del known
    if callable(getattr(wanted, "generate_trace_id", None)):
        return Judgement(wanted, wanted)
    if wanted == "random":
        return Judgement(wanted)
    group = "opentelemetry_id_generator"
    reason = ""
    try:
        if isinstance(wanted, str):
            return Judgement(wanted, installed.load(group, wanted)())
    except installed.NotInstalledError:
        pass
    except Exception as error:  # Of a package, too.
        reason = f" ({_guard.describe(error)})"
    valid = f"one of {installed.names(group, 'random')}{reason}"
    return Judgement(None, None, Fault(valid, "random"))
