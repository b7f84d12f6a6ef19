"""The spool for people and programs: list it, send it now, send what was refused, clear it.

Behind ``vaquero spool``; nothing here is called by a running pipeline. Names are loaded when they
are first used, those of :mod:`vaquero.pipeline.recovery` without a type: what sends stands above
the spool that it empties, and nothing down here may import it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaquero.pipeline.spool.entries import Entry as Entry
    from vaquero.pipeline.spool.entries import State as State
    from vaquero.pipeline.spool.entries import clear as clear
    from vaquero.pipeline.spool.entries import inventory as inventory
    from vaquero.pipeline.spool.entries import total_bytes as total_bytes

#: Public name -> the module that has it.
_LAZY_EXPORTS = {
    "Entry": "vaquero.pipeline.spool.entries",
    "Outcome": "vaquero.pipeline.recovery",
    "State": "vaquero.pipeline.spool.entries",
    "clear": "vaquero.pipeline.spool.entries",
    "drain": "vaquero.pipeline.recovery",
    "inventory": "vaquero.pipeline.spool.entries",
    "resend": "vaquero.pipeline.recovery",
    "total_bytes": "vaquero.pipeline.spool.entries",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY_EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY_EXPORTS})
