"""Arguments and results of traced functions as JSON text; off unless asked for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from vaquero import _guard
from vaquero.compat.fields import json_of

if TYPE_CHECKING:
    from collections.abc import Callable

#: First parameters that stand for the object or class a method belongs to.
_OWNERS = frozenset({"self", "cls", "mcs", "mcls", "metacls"})


class Inputs:
    """Names the arguments of calls to one function.

    Args:
        function: The function. Its signature is read at the first call, not at import.
        owned: Whether it is a method, so that a first parameter ``self`` or ``cls`` is left out.
    """

    __slots__ = ("_function", "_owned", "_signature")

    def __init__(self, function: Callable[..., Any], owned: bool) -> None:
        self._function = function
        self._owned = owned
        self._signature: inspect.Signature | None = None

    def text(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The call's arguments by name, as JSON text; never raises."""
        try:
            return json_of(self._named(args, kwargs))
        except Exception as error:
            _guard.report(error, "capturing inputs")
            return "{}"

    def _named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        try:
            if self._signature is None:
                self._signature = inspect.signature(self._function)
            bound = self._signature.bind(*args, **kwargs)
        except (TypeError, ValueError):
            # The call itself is wrong, or the function is written in C: no names to be had.
            return {"args": args, "kwargs": kwargs}
        named: dict[str, Any] = {}
        for position, (name, value) in enumerate(bound.arguments.items()):
            if position == 0 and self._owned and name in _OWNERS:
                continue
            if self._signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                named.update(value)
            else:
                named[name] = value
        return named


def output(result: object) -> str:
    """A call's result as JSON text; never raises."""
    try:
        return json_of(result)
    except Exception as error:
        _guard.report(error, "capturing outputs")
        return "null"
