"""Texts under the rules of redaction: URLs, statements, headers, and texts made to do harm."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource

from vaquero.redaction import Redactor, Rule, is_secret, mask_headers, mask_url

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def test_urls_follow_the_conventions() -> None:
    """Credentials and secret parameters of a URL are replaced as the conventions ask for."""
    assert mask_url("https://u:p@www.example.com/") == (
        "https://REDACTED:REDACTED@www.example.com/"
    )
    assert mask_url("https://www.example.com/path?color=blue&sig=abc123") == (
        "https://www.example.com/path?color=blue&sig=REDACTED"
    )
    redactor = Redactor()
    assert redactor.clean(Rule.QUERY, "token=abc&q=1") == "token=REDACTED&q=1"


STATEMENTS = {
    "SELECT * FROM wuser_table where username = ?": None,
    "SET mykey ?": None,
    "SELECT t1.a FROM t1 WHERE x = $1 AND y = :name AND z = :1 AND q = @p1": None,
    'SELECT "user"."id" FROM "user" WHERE "a" = "user"."b"': None,
    "SELECT [a 1].[b2] FROM `tab 3` -- don't touch 5\n": None,
    "SELECT a FROM t WHERE b = 'it''s' AND c = 5 AND d IN (1, -2.5e3, 'x')": (
        "SELECT a FROM t WHERE b = ? AND c = ? AND d IN (?, -?, ?)"
    ),
    'INSERT INTO "t" ("a", "b") VALUES ("x", lower("y"), 0xFF, "z")': (
        'INSERT INTO "t" ("a", "b") VALUES (?, lower(?), ?, ?)'
    ),
    'SELECT a FROM t WHERE b = "hunter2" AND c LIKE "x%"': (
        "SELECT a FROM t WHERE b = ? AND c LIKE ?"
    ),
    "SELECT $$it's$$, $tag$ a $$ b $tag$, 5::text": "SELECT ?, ?, ?::text",
    "SELECT 'cut off in the mid": "SELECT ?",
    "SELECT 'a\\' b', 7": "SELECT ?, ?",
    '{"find": "users", "filter": {"n":3, "name": ["a", 5]}}': (
        '{"find": ?, "filter": {"n":?, "name": [?, ?]}}'
    ),
    "AUTH bob hunter2": "AUTH ?",
}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_literals_of_statements(statement: str) -> None:
    """Literals of a database statement become question marks; names and placeholders stay."""
    expected = STATEMENTS[statement] or statement
    for key in ("db.query.text", "db.statement"):
        paths: list[str] = []
        assert Redactor().attributes({key: statement}, paths) == {key: expected}
        assert paths == ([] if expected == statement else [key])


def test_own_headers_never_show() -> None:
    """Headers for our own lines show what is sent, never a credential, whatever its name."""
    headers = {"Content-Type": "application/json", "X-Tenant": "hunter2", "api-key": "hunter2"}
    assert mask_headers(headers) == {
        "Content-Type": "application/json",
        "X-Tenant": "[redacted]",
        "api-key": "[redacted]",
    }


def test_resources_for_encoders_of_others() -> None:
    """A resource loses its secrets and keeps its schema; one without secrets is left alone."""
    redactor = Redactor()
    plain = Resource({"service.name": "shop"}, "https://example.com/s")
    assert redactor.resource(plain) is plain
    made = redactor.resource(Resource({"db.password": "hunter2", "n": 1}, "https://example.com/s"))
    assert dict(made.attributes) == {"db.password": "[redacted]", "n": 1}
    assert made.schema_url == "https://example.com/s"


#: Each is repeated to 60 000 characters.
UNITS = """
    a = : - :// ://a: password= password=" password:' password=f( eyJ -eyJa sk- SG. 4111 4 ?a= & @
    -----BEGIN -----BEGIN_PRIVATE_KEY----- b1 a.b-c_ \\ \\" ' /* $$ $a$ 1e ( in( a= x' gh ghp_ .5
    --password_ Bearer_ cookie:_ token_ --_ "password":_ 4111_ ?token=a&token=b {"a":"b", --a=
"""
EVIL = [*UNITS.split(), "\ud800", "\x00", "\n"]


@pytest.mark.parametrize("number", range(len(EVIL)))
def test_no_text_takes_long(number: int) -> None:
    """Texts made to send patterns astray take a time that grows with their length alone."""
    unit = EVIL[number].replace("_", " ")
    text = unit * (60_000 // len(unit))
    redactor = Redactor()
    started = time.process_time()
    for rule in Rule:
        redactor.clean(rule, text)
    # A linear scan of 64 KiB takes some milliseconds; quadratic ones took minutes.
    assert time.process_time() - started < 5
    is_secret(text)


PIECES = """
    password = : " ' \\ ? & :// @ token Bearer eyJ . - a1b2 4111111111111111 -- { } $ ( ,
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx REDACTED [redacted] api_key Basic ghp_abcdefghij0 # < > ; %
""".split()
texts = st.one_of(
    st.text(st.characters(), max_size=80),
    st.lists(st.sampled_from([*PIECES, " ", "\n"]), max_size=14).map("".join),
)


@FUZZ
@given(texts)
def test_redaction_is_stable(text: str) -> None:
    """What has been redacted is not redacted again: a second pass changes nothing."""
    redactor = Redactor()
    for rule in set(Rule) - {Rule.SQL}:
        once = redactor.clean(rule, text)
        assert redactor.clean(rule, once) == once, rule
