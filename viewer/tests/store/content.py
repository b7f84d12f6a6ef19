"""What a file holds, table by table: to be compared before and after."""

from __future__ import annotations

_SUM = "sum(hash({0})::HUGEINT)"


def checksums(rows, where, columns: dict[str, list[str]]) -> dict[str, tuple]:
    """Number of rows, a sum over each column, and one over whole rows, of each table."""
    sums = {}
    for table, names in columns.items():
        each = ", ".join(_SUM.format(f'"{name}"') for name in names)
        whole = _SUM.format("row(" + ", ".join(f'"{name}"' for name in names) + ")")
        (sums[table],) = rows(where, f"SELECT count(*), {each}, {whole} FROM {table}")
    return sums


def columns_of(rows, where) -> dict[str, list[str]]:
    """The columns of each table, in their order."""
    found = rows(
        where,
        "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
        "WHERE NOT internal AND table_name <> 'vaquero_meta' GROUP BY ALL",
    )
    return dict(found)
