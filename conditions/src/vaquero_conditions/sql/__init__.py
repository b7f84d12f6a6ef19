"""Statements of databases: literals out, one form for equal ones, a fingerprint of that form.

``docs/reference/statements.md`` is the contract, with a table of cases. Names are loaded when they
are first used: redaction needs the masking alone.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaquero_conditions.sql.mask import mask_sql
    from vaquero_conditions.sql.normal import (
        fingerprint,
        fingerprint_of,
        is_control,
        is_paged,
        normalized,
    )

_HOMES = {
    "fingerprint": "normal",
    "fingerprint_of": "normal",
    "is_control": "normal",
    "is_paged": "normal",
    "mask_sql": "mask",
    "normalized": "normal",
}

__all__ = ["fingerprint", "fingerprint_of", "is_control", "is_paged", "mask_sql", "normalized"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
