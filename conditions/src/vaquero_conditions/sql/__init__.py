"""Statements of databases: literals out, one form for equal ones, a fingerprint of that form.

``docs/reference/statements.md`` is the contract, with a table of cases.
"""

from vaquero_conditions.sql.fingerprint import fingerprint, is_control, is_paged, normalized
from vaquero_conditions.sql.mask import mask_sql

__all__ = ["fingerprint", "is_control", "is_paged", "mask_sql", "normalized"]
