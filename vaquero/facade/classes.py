"""Tracing the methods of a class, in place: the class object stays the same.

Public methods that the class itself defines are replaced by traced ones. What it inherits belongs
to the class that defines it, so a method is traced once however many classes of a line are
decorated. Dunders, ``_private`` names, properties and nested classes are traced where ``include``
names them.
"""

from __future__ import annotations

import functools
import inspect
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from vaquero import _log
from vaquero._nearest import did_you_mean
from vaquero._probe import is_a

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vaquero.facade.span_factory import TraceOptions

    Wrap = Callable[[Any, TraceOptions], Any]

#: Set on every traced function, so that decorating its class does not trace it twice.
MARK = "__vaquero_traced__"

_METHODS = (staticmethod, classmethod, functools.partialmethod)
_ON_REQUEST = (property, functools.cached_property, type)


def trace_class(cls: type[Any], options: TraceOptions, wrap: Wrap) -> type[Any]:
    """Trace the methods of a class and give the same class back.

    Args:
        cls: The class.
        options: What was asked for; the agent name, else the class's name, begins each span's name.
        wrap: Traces one function or descriptor.
    """
    if getattr(cls, "_is_protocol", False) and "_is_protocol" in vars(cls):
        return cls  # The shape of other classes: there is nothing in it to run.
    prefix = options.name or options.agent_name or cls.__name__
    made: dict[int, Any] = {}
    for name, member in _chosen(cls, options):
        if id(member) not in made:
            # For a nested class this is what its own spans' names begin with.
            of_member = replace(options, name=f"{prefix}.{name}", include=(), exclude=())
            made[id(member)] = wrap(member, of_member)
        _put(cls, name, made[id(member)])
    return cls


def _chosen(cls: type[Any], options: TraceOptions) -> Iterator[tuple[str, Any]]:
    own = dict(vars(cls))
    hidden = _framework_names(cls)
    for name, member in own.items():
        if _matches(name, options.exclude) or is_traced(member):
            continue
        if _matches(name, options.include):
            if _can_be_traced(member):
                yield name, member
        elif not name.startswith("_") and name not in hidden and _is_method(member):
            yield name, member
    yield from _inherited(cls, own, options)


def _inherited(
    cls: type[Any], own: dict[str, Any], options: TraceOptions
) -> Iterator[tuple[str, Any]]:
    """Members of bases that ``include`` names in full; names that exist nowhere are logged."""
    for name in options.include:
        if name in own or any(letter in name for letter in "*?["):
            continue
        member = inspect.getattr_static(cls, name, None)
        if member is None:
            _log.warn(
                f"trace:include:{name}",
                "trace(include=%r) names nothing in %s%s",
                name,
                cls.__qualname__,
                did_you_mean(name, dir(cls)),
            )
        elif _can_be_traced(member) and not is_traced(member):
            yield name, member


def _is_method(member: object) -> bool:
    return inspect.isfunction(member) or isinstance(member, _METHODS)


def _can_be_traced(member: object) -> bool:
    return _is_method(member) or isinstance(member, _ON_REQUEST)


def is_traced(member: object) -> bool:
    """Whether a member of a class is a traced function, or holds one."""
    held: Any = member
    if is_a(member, (staticmethod, classmethod)):
        held = held.__func__
    elif is_a(member, property):
        held = held.fget
    elif is_a(member, (functools.partialmethod, functools.cached_property)):
        held = held.func
    return inspect.isfunction(held) and MARK in vars(held)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _framework_names(cls: type[Any]) -> set[str]:
    """Public functions of a pydantic model that pydantic calls, not the application."""
    decorators = getattr(cls, "__pydantic_decorators__", None)
    if decorators is None:
        return set()
    names = {"model_post_init"}
    for kind in (
        "validators",
        "field_validators",
        "root_validators",
        "model_validators",
        "field_serializers",
        "model_serializers",
    ):
        names.update(getattr(decorators, kind, ()))
    return names


def _put(cls: type[Any], name: str, traced: Any) -> None:
    try:
        setattr(cls, name, traced)
        if isinstance(traced, functools.cached_property):
            traced.__set_name__(cls, name)
    except Exception as error:
        _log.warn(
            f"trace:class:{cls.__qualname__}",
            "%s.%s cannot be traced, its class refuses the change (%s).",
            cls.__qualname__,
            name,
            type(error).__name__,
        )
