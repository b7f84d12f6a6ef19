"""An exception as the attributes of an event; survives exceptions that cannot be printed."""

from __future__ import annotations

import traceback
from typing import Any

from opentelemetry.semconv.attributes import exception_attributes as names

#: The deprecated attribute that the SDK still writes, as text.
ESCAPED = "exception.escaped"


def exception_attrs(error: BaseException, escaped: bool) -> dict[str, Any]:
    """``exception.*`` attributes as the SDK writes them; never raises."""
    return {
        names.EXCEPTION_TYPE: type_name(error),
        names.EXCEPTION_MESSAGE: message_of(error),
        names.EXCEPTION_STACKTRACE: stack_of(error),
        ESCAPED: "True" if escaped else "False",
    }


def type_name(error: BaseException) -> str:
    """The class with its module, without the module for builtins."""
    kind = type(error)
    module = kind.__module__
    name = kind.__qualname__
    return f"{module}.{name}" if module and module != "builtins" else name


def message_of(error: BaseException) -> str:
    """The exception's text; a remark where it has none that can be had."""
    try:
        return str(error)
    except (KeyboardInterrupt, SystemExit):
        raise  # These may come from outside at any moment, and are not ours to swallow.
    except BaseException as failure:
        return f"<not readable ({type(failure).__name__})>"


def stack_of(error: BaseException) -> str:
    """The formatted traceback with all causes."""
    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except (KeyboardInterrupt, SystemExit):
        raise  # These may come from outside at any moment, and are not ours to swallow.
    except BaseException as failure:
        return f"<not readable ({type(failure).__name__})>"


def status_text(error: BaseException) -> str:
    """The description that a span gets when this exception leaves it."""
    return f"{type(error).__name__}: {message_of(error)}"
