"""Tables of the store, and the statements made from them.

``docs/reference/store.md`` describes each column. A change here goes with a migration: see
:mod:`vaquero_viewer.store.migrations`.

Ids are kept as numbers (``UUID``, ``UBIGINT``): they take half the room of hexadecimal text, and
the look-up that keeps a repeated span out is ten times faster on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

VERSION = 2
"""Raised with each change of the tables; a file of an older version is migrated."""

CATALOG = "store"
"""Name under which the database is attached."""


class Table(NamedTuple):
    """One table: its name and its columns as (name, DuckDB type), in the order of the rows."""

    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def create(self) -> str:
        """The statement that makes the table where it is missing."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns)
        return f"CREATE TABLE IF NOT EXISTS {CATALOG}.{self.name} ({columns})"

    def insert(self, columns: Sequence[list[Any]]) -> tuple[str, list[Any]]:
        """The statement that inserts many rows, and its parameters.

        ``unnest`` of list parameters is the fastest road into DuckDB that needs no further
        package and exists in all supported versions (``executemany`` is 200 times slower). A
        column whose values are all the same goes in as one value, which halves its cost.

        Args:
            columns: A list of values for each column, all of one length, which is not 0.
        """
        values: list[str] = []
        parameters: list[Any] = []
        for (_, kind), column in zip(self.columns, columns, strict=True):
            # The first column stays a list: it says how many rows there are.
            first = column[0]
            if values and column[-1] == first and column.count(first) == len(column):
                values.append(f"?::{kind}")
                parameters.append(first)
            else:
                values.append(f"unnest(?::{kind}[])")
                parameters.append(column)
        return f"INSERT INTO {CATALOG}.{self.name} SELECT {', '.join(values)}", parameters


META = Table("vaquero_meta", (("key", "VARCHAR"), ("value", "VARCHAR")))

RESOURCES = Table(
    "resources",
    (
        ("resource_id", "UBIGINT"),
        ("service_name", "VARCHAR"),
        ("attributes", "VARCHAR"),
        ("schema_url", "VARCHAR"),
        ("run_id", "VARCHAR"),
    ),
)

SCOPES = Table(
    "scopes",
    (
        ("scope_id", "UBIGINT"),
        ("name", "VARCHAR"),
        ("version", "VARCHAR"),
        ("attributes", "VARCHAR"),
        ("schema_url", "VARCHAR"),
    ),
)

SPANS = Table(
    "spans",
    (
        ("trace_id", "UUID"),
        ("span_id", "UBIGINT"),
        ("parent_span_id", "UBIGINT"),
        ("trace_state", "VARCHAR"),
        ("flags", "UINTEGER"),
        ("name", "VARCHAR"),
        ("kind", "UTINYINT"),
        ("start_ns", "BIGINT"),
        ("end_ns", "BIGINT"),
        ("duration_ns", "BIGINT"),
        ("status_code", "UTINYINT"),
        ("status_message", "VARCHAR"),
        ("service_name", "VARCHAR"),
        ("resource_id", "UBIGINT"),
        ("scope_id", "UBIGINT"),
        ("attributes", "VARCHAR"),
        ("events", "VARCHAR"),
        ("links", "VARCHAR"),
        ("dropped_attributes", "UINTEGER"),
        ("dropped_events", "UINTEGER"),
        ("dropped_links", "UINTEGER"),
        ("received_ns", "BIGINT"),
        ("http_route", "VARCHAR"),
        ("db_query_fingerprint", "VARCHAR"),
        ("server_address", "VARCHAR"),
        ("exception_type", "VARCHAR"),
        ("run_id", "VARCHAR"),
        ("commit_number", "BIGINT"),
    ),
)

SERIES = Table(
    "metric_series",
    (
        ("series_id", "UBIGINT"),
        ("resource_id", "UBIGINT"),
        ("scope_id", "UBIGINT"),
        ("name", "VARCHAR"),
        ("unit", "VARCHAR"),
        ("kind", "VARCHAR"),
        ("temporality", "UTINYINT"),
        ("monotonic", "BOOLEAN"),
        ("description", "VARCHAR"),
        ("service_name", "VARCHAR"),
        ("attributes", "VARCHAR"),
        ("received_ns", "BIGINT"),
        ("run_id", "VARCHAR"),
    ),
)

POINTS = Table(
    "metric_points",
    (
        ("series_id", "UBIGINT"),
        ("time_ns", "BIGINT"),
        ("start_ns", "BIGINT"),
        ("value", "DOUBLE"),
        ("value_int", "BIGINT"),
        ("count", "UBIGINT"),
        ("sum", "DOUBLE"),
        ("min", "DOUBLE"),
        ("max", "DOUBLE"),
        ("detail", "VARCHAR"),
        ("exemplars", "VARCHAR"),
        ("flags", "UINTEGER"),
        ("received_ns", "BIGINT"),
    ),
)

LOGS = Table(
    "logs",
    (
        ("time_ns", "BIGINT"),
        ("observed_ns", "BIGINT"),
        ("severity_number", "INTEGER"),
        ("severity_text", "VARCHAR"),
        ("body", "VARCHAR"),
        ("attributes", "VARCHAR"),
        ("trace_id", "UUID"),
        ("span_id", "UBIGINT"),
        ("event_name", "VARCHAR"),
        ("flags", "UINTEGER"),
        ("service_name", "VARCHAR"),
        ("resource_id", "UBIGINT"),
        ("scope_id", "UBIGINT"),
        ("identity", "UBIGINT"),
        ("received_ns", "BIGINT"),
        ("exception_type", "VARCHAR"),
        ("run_id", "VARCHAR"),
    ),
)

RUNS = Table(
    "runs",
    (
        ("run_id", "VARCHAR"),
        ("service_name", "VARCHAR"),
        ("command", "VARCHAR"),
        ("start_ns", "BIGINT"),
        ("end_ns", "BIGINT"),
        ("exit_code", "INTEGER"),
        ("revision", "VARCHAR"),
        ("branch", "VARCHAR"),
        ("host_name", "VARCHAR"),
        ("source", "VARCHAR"),
        ("first_seen_ns", "BIGINT"),
        ("last_seen_ns", "BIGINT"),
    ),
)

ROLLUPS = Table(
    "operation_rollups",
    (
        ("time_ns", "BIGINT"),
        ("service_name", "VARCHAR"),
        ("name", "VARCHAR"),
        ("kind", "UTINYINT"),
        ("http_route", "VARCHAR"),
        ("run_id", "VARCHAR"),
        ("calls", "UBIGINT"),
        ("errors", "UBIGINT"),
        ("sum_ns", "HUGEINT"),
        ("min_ns", "BIGINT"),
        ("max_ns", "BIGINT"),
        ("zero_count", "UBIGINT"),
        ("bucket_index", "SMALLINT[]"),
        ("bucket_count", "UBIGINT[]"),
    ),
)

PROFILES = Table(
    "profiles",
    (
        ("profile_id", "UUID"),
        ("time_ns", "BIGINT"),
        ("duration_ns", "BIGINT"),
        ("sample_type", "VARCHAR"),
        ("sample_unit", "VARCHAR"),
        ("period_type", "VARCHAR"),
        ("period_unit", "VARCHAR"),
        ("period", "BIGINT"),
        ("attributes", "VARCHAR"),
        ("dropped_attributes", "UINTEGER"),
        ("service_name", "VARCHAR"),
        ("resource_id", "UBIGINT"),
        ("scope_id", "UBIGINT"),
        ("run_id", "VARCHAR"),
        ("received_ns", "BIGINT"),
    ),
)

PROFILE_SAMPLES = Table(
    "profile_samples",
    (
        ("profile_id", "UUID"),
        ("stack_id", "UBIGINT"),
        ("sample_values", "BIGINT[]"),
        ("sample_times_ns", "BIGINT[]"),
        ("trace_id", "UUID"),
        ("span_id", "UBIGINT"),
        ("attributes", "VARCHAR"),
        ("received_ns", "BIGINT"),
    ),
)

PROFILE_STACKS = Table(
    "profile_stacks",
    (
        ("stack_id", "UBIGINT"),
        ("functions", "VARCHAR[]"),
        ("system_names", "VARCHAR[]"),
        ("files", "VARCHAR[]"),
        ("lines", "BIGINT[]"),
        ("columns", "BIGINT[]"),
        ("start_lines", "BIGINT[]"),
        ("addresses", "UBIGINT[]"),
        ("mappings", "VARCHAR[]"),
    ),
)

TABLES = (
    META,
    RESOURCES,
    SCOPES,
    SPANS,
    SERIES,
    POINTS,
    LOGS,
    RUNS,
    ROLLUPS,
    PROFILES,
    PROFILE_SAMPLES,
    PROFILE_STACKS,
)
RECORDS = (SPANS, POINTS, LOGS, PROFILES, PROFILE_SAMPLES)
"""The tables that grow with time, and of which the oldest rows are dropped."""
