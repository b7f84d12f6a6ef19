"""An exception as the attributes of an event; survives exceptions that cannot be printed."""

from __future__ import annotations

import traceback
from typing import Any

from opentelemetry.semconv.attributes import exception_attributes as names

#: The deprecated attribute that the SDK still writes, as text.
ESCAPED = "exception.escaped"

#: Frames of one traceback that are written: a recursion through spans that fails at its bottom
#: would else write the whole way down once a level.
MAX_FRAMES = 128
_CUT = f"[only the innermost {MAX_FRAMES} frames of each traceback]\n"


def exception_attrs(error: BaseException, escaped: bool) -> dict[str, Any]:
    """``exception.*`` attributes as the SDK writes them; never raises."""
    return {
        names.EXCEPTION_TYPE: type_name(error),
        names.EXCEPTION_MESSAGE: message_of(error),
        names.EXCEPTION_STACKTRACE: stack_of(error),
        ESCAPED: "True" if escaped else "False",
    }


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
        limit = -MAX_FRAMES if _is_deep(error) else None
        lines = traceback.format_exception(type(error), error, error.__traceback__, limit)
        return "".join(lines if limit is None else [_CUT, *lines])
    except (KeyboardInterrupt, SystemExit):
        raise  # These may come from outside at any moment, and are not ours to swallow.
    except BaseException as failure:
        return f"<not readable ({type(failure).__name__})>"


def status_text(error: BaseException) -> str:
    """The description that a span gets when this exception leaves it."""
    return f"{type(error).__name__}: {message_of(error)}"
