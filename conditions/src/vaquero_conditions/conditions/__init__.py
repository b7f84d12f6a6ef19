"""The short form of conditions: ``p95(GET /orders) in shop over 5m > 200ms for 10m``.

A condition says what is wrong: an alert fires, a gate fails and a budget is broken when it holds.
``docs/reference/conditions.md`` is the contract, with tables of cases.
"""

from vaquero_conditions.conditions.globs import Glob
from vaquero_conditions.conditions.model import (
    COMPARISONS,
    Condition,
    Filter,
    Kind,
    MetricValue,
    OperationValue,
    Where,
)
from vaquero_conditions.conditions.parser import parse

__all__ = [
    "COMPARISONS",
    "Condition",
    "Filter",
    "Glob",
    "Kind",
    "MetricValue",
    "OperationValue",
    "Where",
    "parse",
]
