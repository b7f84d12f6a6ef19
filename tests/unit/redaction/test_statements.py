"""Statements under redaction: masked by what the fingerprint is made of, and one fingerprint."""

from __future__ import annotations

import subprocess
import sys

import pytest
from vaquero_conditions.sql import fingerprint, mask_sql

from vaquero.redaction import Redactor, sql

COLUMNS = {
    "SELECT a.id FROM a JOIN b ON a.token=b.token WHERE a.n = 5": (
        "SELECT a.id FROM a JOIN b ON a.token=b.token WHERE a.n = ?"
    ),
    "MERGE INTO t USING s ON (t.api_key=s.api_key)": None,
    "UPDATE t SET password=excluded.password, n = 1": (
        "UPDATE t SET password=excluded.password, n = ?"
    ),
    "SELECT a FROM t WHERE (token=:token) AND n = :n": (
        "SELECT a FROM t WHERE (token=[redacted]) AND n = :n"
    ),
    "SELECT a FROM t WHERE (pwd='hunter2')": "SELECT a FROM t WHERE (pwd=?)",
    "/*password=hunter2*/ SELECT 1": "/*password=[redacted]*/ SELECT ?",
    "SET x password=hun)ter2": "SET x password=[redacted]",
    "SELECT a FROM t WHERE token=my.hunter2": "SELECT a FROM t WHERE token=[redacted]",
}


@pytest.mark.parametrize("statement", COLUMNS)
def test_the_structure_of_a_statement_stays(statement: str) -> None:
    """A column compared with a column is no secret, brackets stay, and a secret still goes."""
    redacted = Redactor().attributes({"db.query.text": statement})["db.query.text"]

    assert redacted == (COLUMNS[statement] or statement)
    assert "hunter2" not in str(redacted)


@pytest.mark.parametrize(
    "statement",
    [
        *(statement for statement in COLUMNS if "hun" not in statement or "'" in statement),
        "SELECT * FROM u WHERE password = 'x' AND card IN ('4111 1111 1111 1111', 'b') AND n = -1",
        "INSERT INTO u (password, token) VALUES ('a', 'b'), ('c', 'd')",
        "SELECT * FROM u WHERE token=@token AND secret=%(secret)s AND api_key=$1",
        "SELECT * FROM u WHERE x = 'ghp_abcdefghij0123'",
        "SELECT 1 -- traceparent='00-0123456789abcdef0123456789abcdef-0123456789abcdef-01'",
    ],
)
def test_redaction_does_not_change_the_fingerprint(statement: str) -> None:
    """What reads a statement before redaction and what reads it after agree on its fingerprint."""
    redacted = Redactor().attributes({"db.query.text": statement})["db.query.text"]

    assert fingerprint(str(redacted)) == fingerprint(statement)


def test_the_masking_is_the_shared_one() -> None:
    """After the first statement the shared function is called without a step between."""
    assert sql.mask_sql("SELECT 1") == "SELECT ?"
    assert sql.mask_sql is mask_sql


PROBE = """
import sys
import vaquero
vaquero.init(service_name="a", endpoint="http://127.0.0.1:1", gauges=False)
with vaquero.span("work", url="https://user:hunter2@example.com/?token=abc"):
    pass
vaquero.flush(1)
from vaquero.redaction import Redactor
Redactor().attributes({"url.full": "https://user:hunter2@example.com/"})
print([name for name in sys.modules if name.startswith("vaquero_conditions")])
Redactor().attributes({"db.statement": "SELECT 1"})
print(sorted(name for name in sys.modules if name.startswith("vaquero_conditions")))
"""


def test_a_program_without_statements_loads_nothing_of_it() -> None:
    """Spans without a statement are redacted without the masking; the first one loads it alone."""
    result = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True
    )
    before, after = result.stdout.splitlines()

    assert before == "[]"
    own = ("", "._version", ".sql", ".sql.mask")
    assert after == str([f"vaquero_conditions{name}" for name in own])
