"""What vaquero and its viewer agree on, so that neither has to import the other.

The short form of conditions (:mod:`.conditions`), units (:mod:`.units`), the fingerprint of a
statement (:mod:`.sql`), the N+1 rule (:mod:`.n_plus_one`), findings and alerts as JSON
(:mod:`.findings`, :mod:`.alerts`). All of it is pure: no thread, no file, no dependency.

Names are loaded when they are first used: a program that only masks SQL loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vaquero_conditions._version import __version__

if TYPE_CHECKING:
    from vaquero_conditions.alerts import Alert
    from vaquero_conditions.conditions import (
        Condition,
        Glob,
        MetricValue,
        OperationValue,
        Where,
        parse,
    )
    from vaquero_conditions.errors import ConditionError
    from vaquero_conditions.findings import Finding, finding_id
    from vaquero_conditions.formats import format_quantity, format_value
    from vaquero_conditions.ignored import Ignored, IgnoredError, parse_ignored
    from vaquero_conditions.n_plus_one import QueryGroup, QuerySpan, find_n_plus_one, judge_queries
    from vaquero_conditions.sql import fingerprint, normalized
    from vaquero_conditions.units import Dimension, Quantity, parse_duration, parse_quantity

_HOMES = {
    "Alert": "alerts",
    "Condition": "conditions",
    "ConditionError": "errors",
    "Dimension": "units",
    "Finding": "findings",
    "Glob": "conditions",
    "Ignored": "ignored",
    "IgnoredError": "ignored",
    "MetricValue": "conditions",
    "OperationValue": "conditions",
    "Quantity": "units",
    "QueryGroup": "n_plus_one",
    "QuerySpan": "n_plus_one",
    "Where": "conditions",
    "find_n_plus_one": "n_plus_one",
    "finding_id": "findings",
    "fingerprint": "sql",
    "format_quantity": "formats",
    "format_value": "formats",
    "judge_queries": "n_plus_one",
    "normalized": "sql",
    "parse": "conditions",
    "parse_duration": "units",
    "parse_ignored": "ignored",
    "parse_quantity": "units",
}

__all__ = [
    "Alert",
    "Condition",
    "ConditionError",
    "Dimension",
    "Finding",
    "Glob",
    "Ignored",
    "IgnoredError",
    "MetricValue",
    "OperationValue",
    "Quantity",
    "QueryGroup",
    "QuerySpan",
    "Where",
    "__version__",
    "find_n_plus_one",
    "finding_id",
    "fingerprint",
    "format_quantity",
    "format_value",
    "judge_queries",
    "normalized",
    "parse",
    "parse_duration",
    "parse_ignored",
    "parse_quantity",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
