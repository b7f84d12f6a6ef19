"""Literals in database statements: each becomes ``?``; names, keywords and structure stay.

The masking is that of :mod:`vaquero_conditions`, where the fingerprint of a statement is made from
it, so that a statement has the same fingerprint before and after redaction.
"""

from __future__ import annotations

from collections.abc import Callable

from vaquero import _runtime


def _load(statement: str) -> str:
    """Load the masking with the first statement: a program without a database needs none."""
    global mask_sql
    # A fork waits for this lock: the module's own would stay held in the child.
    with _runtime.loading:
        from vaquero_conditions.sql.mask import mask_sql as shared

    mask_sql = shared
    return shared(statement)


#: The statement with ``?`` for each literal; the same object where there is none. To be called as
#: an attribute of this module, since the first call replaces it.
mask_sql: Callable[[str], str] = _load
