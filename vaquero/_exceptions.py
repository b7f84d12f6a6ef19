"""An exception as attributes, of spans and logs alike; survives those that cannot be printed."""

from __future__ import annotations

import traceback
from typing import Any

from opentelemetry.semconv.attributes import exception_attributes as names

from vaquero.values import freeze, qualified_name

#: The deprecated attribute that the SDK still writes, as text.
ESCAPED = "exception.escaped"

#: Frames of one traceback that are written: a recursion through spans that fails at its bottom
#: would otherwise write the whole way down once a level.
MAX_FRAMES = 128
_CUT = f"[only the innermost {MAX_FRAMES} frames of each traceback]\n"


def exception_attributes(error: BaseException, escaped: bool | None = None) -> dict[str, Any]:
    """``exception.*`` of the semantic conventions; never raises.

    Args:
        error: The exception.
        escaped: For the event of a span, whether the exception left it: the SDK's deprecated
            attribute. None, for log records, leaves that out.
    """
    attributes: dict[str, Any] = {
        names.EXCEPTION_TYPE: type_name(error),
        names.EXCEPTION_MESSAGE: freeze(message_of(error)),
        names.EXCEPTION_STACKTRACE: freeze(stack_of(error)),
    }
    if escaped is not None:
        attributes[ESCAPED] = "True" if escaped else "False"
    return attributes


def _is_deep(error: BaseException) -> bool:
    """Whether the traceback, or that of what it came from, has more frames than are written."""
    seen = 0
    cause: BaseException | None = error
    while cause is not None and seen <= MAX_FRAMES:
        step = cause.__traceback__
        while step is not None and seen <= MAX_FRAMES:
            step = step.tb_next
            seen += 1
        cause = cause.__cause__ or cause.__context__
        seen += 1
    return seen > MAX_FRAMES


def type_name(error: BaseException) -> str:
    """The class with its module, without the module for builtins."""
    return qualified_name(type(error))


def message_of(error: BaseException) -> str:
    """The exception's text; a remark where it has none that can be had."""
    try:
        return str(error)
    except (KeyboardInterrupt, SystemExit):
        raise  # These may come from outside at any moment, and belong to the application.
    except BaseException as failure:
        return f"<not readable ({type(failure).__name__})>"


def stack_of(error: BaseException) -> str:
    """The formatted traceback with all causes."""
    try:
        limit = -MAX_FRAMES if _is_deep(error) else None
        lines = traceback.format_exception(type(error), error, error.__traceback__, limit)
        return "".join(lines if limit is None else [_CUT, *lines])
    except (KeyboardInterrupt, SystemExit):
        raise  # These may come from outside at any moment, and belong to the application.
    except BaseException as failure:
        return f"<not readable ({type(failure).__name__})>"


def status_text(error: BaseException) -> str:
    """The description that a span gets when this exception leaves it."""
    return f"{type(error).__name__}: {message_of(error)}"
