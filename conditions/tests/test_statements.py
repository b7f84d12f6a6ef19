"""Statements: one fingerprint for equal ones, before and after redaction, whatever the text."""

from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaquero_conditions.sql import fingerprint, is_control, is_paged, mask_sql, normalized
from vaquero_conditions.sql.normal import APART
from vaquero_conditions.sql.tokens import BEFORE_EXPRESSION, OPERATORS, QUERIES

from conditions.tests.tables import REFERENCE, RELAXED, rows


@pytest.mark.parametrize(
    "case", rows("statements.md", "normal"), ids=lambda case: case["statement"]
)
def test_statements_have_the_form_that_the_page_says(case: dict[str, str]) -> None:
    """Each statement of the table has that normal form and that fingerprint, for ever."""
    statement, system = case["statement"], case["system"]

    assert normalized(statement, system) == case["normal form"]
    assert fingerprint(statement, system) == case["fingerprint"]
    assert normalized(case["normal form"], system) == case["normal form"]


@pytest.mark.parametrize("case", rows("statements.md", "pairs"), ids=str)
def test_pairs_are_the_same_or_different(case: dict[str, str]) -> None:
    """Each pair of the table has one fingerprint, or two."""
    same = fingerprint(case["one"]) == fingerprint(case["other"])

    assert same is (case["fingerprint"] == "same")


@pytest.mark.parametrize("case", rows("statements.md", "kinds"), ids=lambda case: case["statement"])
def test_kinds_of_statements(case: dict[str, str]) -> None:
    """Each statement of the table holds a transaction together, asks for a page, or does not."""
    normal = normalized(case["statement"])

    assert is_control(normal) is (case["control"] == "yes")
    assert is_paged(normal) is (case["paged"] == "yes")


def test_the_hash_is_the_one_that_the_page_names() -> None:
    """The fingerprint is the beginning of the SHA-256 of the normal form, and needs no more."""
    normal = normalized("SELECT a FROM t WHERE b = 'ü'")

    assert fingerprint(normal) == hashlib.sha256(normal.encode()).hexdigest()[:16]
    assert fingerprint("x" * 5000) == hashlib.sha256(b"x" * 5000).hexdigest()[:16]


TEMPLATES = """
SELECT {n}, {t} FROM a.b WHERE c = {t} AND d IN ({list}) ORDER BY e LIMIT {n}
UPDATE t SET a = {t}, b = {n} WHERE c = {n} OR d LIKE {t}
INSERT INTO t (a, b) VALUES {rows}
INSERT INTO t (a, b) VALUES {rows} ON CONFLICT (a) DO UPDATE SET b = excluded.b
DELETE FROM t WHERE (a, b) IN ({tuples})
SELECT count(*) FROM t WHERE a BETWEEN {n} AND {n} AND b <> {t}
SELECT a FROM t WHERE b = ANY(ARRAY[{list}]) AND c->>{t} = {t}
WITH q AS (SELECT a FROM t WHERE b = {n}) SELECT * FROM q WHERE a NOT IN ({list})
SELECT CASE WHEN a > {n} THEN {t} ELSE {t} END FROM t
SELECT a FROM t JOIN u ON t.token = u.token WHERE t.password = {t} AND u.secret = {t}
""".strip().splitlines()

literal_texts = st.text(max_size=12).map(
    lambda text: "'" + text.replace("\\", "").replace("'", "''") + "'"
)
literal_numbers = st.one_of(
    st.integers(-999, 10**6).map(str), st.floats(0, 99, allow_nan=False).map(lambda f: f"{f:.3f}")
)
literals = literal_texts | literal_numbers
gaps = st.sampled_from([" ", "\n  ", " /* note */ ", " -- note\n", "\t"])


@st.composite
def fillings(draw: st.DrawFn, template: str) -> str:
    """The template with other values, lists of other lengths, other white space."""
    lists = st.lists(literals, min_size=1, max_size=6).map(", ".join)
    pairs = st.tuples(literals, literals).map(lambda pair: f"({pair[0]},{pair[1]})")
    many = st.lists(pairs, min_size=1, max_size=4).map(", ".join)
    out: list[str] = []
    for word in template.split(" "):
        for mark, strategy in (
            ("{n}", literal_numbers),
            ("{t}", literal_texts),
            ("{list}", lists),
            ("{rows}", many),
            ("{tuples}", many),
        ):
            while mark in word:
                word = word.replace(mark, draw(strategy), 1)
        out += (word, draw(gaps))
    return "".join(out)


@settings(RELAXED, max_examples=40)
@given(st.data())
def test_fillings_of_a_template_are_one_group(data: st.DataObject) -> None:
    """Ten templates, however they are filled, are ten groups, raw and masked."""
    groups = [
        {fingerprint(text) for text in (filled, mask_sql(filled))}
        for template in TEMPLATES
        for filled in [data.draw(fillings(template))]
    ]
    plain = [
        fingerprint(t.format(n=1, t="'x'", list=1, rows="(1,2)", tuples="(1,2)")) for t in TEMPLATES
    ]

    assert groups == [{one} for one in plain]
    assert len(set(plain)) == len(TEMPLATES)


PIECES = """
SELECT in ( IN( values VALUES ( ) ) [ ] , , = - + 'a' 'b''c' "d" "e""f" `g` [h] 1 -2
.5 5.5 ? ?1 $1 $$x$$ :a ::b @c @@d %s %(e)s [redacted]
null true -- /* */ ; . E'x' N'y' {"k":"v", {"k": is not like limit offset \\ ' " /
""".split()
soups = st.lists(st.sampled_from([*PIECES, " ", "\n"]), max_size=24).map("".join)
texts = st.one_of(
    soups, st.lists(st.sampled_from(PIECES), max_size=24).map(" ".join), st.text(max_size=80)
)


@settings(RELAXED, max_examples=500)
@given(texts)
def test_masked_and_raw_are_equal_whatever_the_text(text: str) -> None:
    """Any text has the form of its masked self, and that form has itself as its form."""
    normal = normalized(text)

    assert normalized(mask_sql(text)) == normal
    assert normalized(normal) == normal
    assert len(fingerprint(text)) == (16 if normal else 0)


@RELAXED
@given(texts)
def test_commands_lose_their_arguments(text: str) -> None:
    """Of a command nothing but its name is left, whatever follows."""
    normal = normalized(f"GET {text}", "redis")

    assert normal.splitlines()[0] in ("get", "get ?")
    assert normalized(normal, "redis") == normal


UNITS = """
(1,2), in_( (( [ a_ ' " in_(1, values_(1),( [1, - @
$a$ /* x'1'_ ?, in_((1), ) (] :a %( in(select_ \\ 1 .5 `` ()
[redacted in_(1)_ values(1),(2)_ [], ""_ {"a":
""".split()


@pytest.mark.parametrize("unit", [*UNITS, " ", "\n"])
def test_no_text_takes_long(unit: str) -> None:
    """Long texts of any of these take a time that grows with their length, not with its square."""
    unit = unit.replace("_", " ")
    begun = time.process_time()
    for begin in ("", "INSERT INTO t VALUES "):
        assert len(fingerprint(begin + unit * (100_000 // len(unit)))) in (0, 16)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize("unit", ["(1, 'x'), ", "in (", "[", "'", "a = 1 and ", '("a" ', "[{"])
def test_a_megabyte_takes_bounded_time(unit: str) -> None:
    """A megabyte takes seconds of CPU at most, where quadratic work would take hours."""
    begun = time.process_time()
    fingerprint("INSERT INTO t VALUES " + unit * (1_000_000 // len(unit)))
    assert time.process_time() - begun < 8


def test_the_page_names_every_word_and_operator() -> None:
    """A second implementation needs all of them."""
    if not REFERENCE.exists():
        pytest.skip("the documents are not in this copy")
    rules = (REFERENCE / "statements.md").read_text("utf-8").split("<!-- cases")[0]

    assert [word for word in sorted(APART | BEFORE_EXPRESSION) if f"`{word}`" not in rules] == []
    assert [word for word in sorted(QUERIES) if f"`{word.upper()}`" not in rules] == []
    assert [sign for sign in OPERATORS if f"`{sign}`" not in rules] == []


def test_a_list_of_any_length_is_one_statement() -> None:
    """Ten thousand rows and ten thousand elements are the same as one."""
    rows_ = ", ".join(f"({n}, 'x{n}')" for n in range(10_000))
    items = ", ".join(map(str, range(10_000)))

    assert fingerprint(f"INSERT INTO t VALUES {rows_}") == fingerprint(
        "INSERT INTO t VALUES (1, '')"
    )
    assert fingerprint(f"SELECT a FROM t WHERE b IN ({items})") == fingerprint(
        "SELECT a FROM t WHERE b IN (?)"
    )
