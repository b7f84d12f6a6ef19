"""The normal form of a statement, its fingerprint, and what kind of statement it is.

Equal for statements that differ in literals, parameters, white space, comments, the case of words
and the length of lists only, before and after redaction. ``docs/reference/statements.md`` has the
rules and a table of cases; what stands there does not change within a major version.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256

from vaquero_conditions.sql.folding import folded
from vaquero_conditions.sql.mask import mask_sql
from vaquero_conditions.sql.tokens import BEFORE_EXPRESSION, is_name, tokens

#: ``db.system.name`` of stores whose statements are a command and its arguments.
_COMMANDS = frozenset(("redis", "valkey", "memcached", "keydb", "dragonfly"))
_COMMAND = re.compile(r"\s*([A-Za-z][\w.\-]*)(\s+\S)?")

#: Words that are no function: a bracket after them stands apart.
APART = BEFORE_EXPRESSION | frozenset(
    """
    conflict except exists filter intersect into join over partition rollup table update within
    """.split()
)
_NO_SPACE_AFTER = frozenset(("(", "[", "{", ".", "::"))
_NO_SPACE_BEFORE = frozenset((")", "]", "}", ",", ";", ".", "::", ":"))
#: Two of them without a space would be read as another one.
_COLONS = frozenset((":", "::"))

#: Statements that hold a transaction or a connection together and ask for no data.
_CONTROL = re.compile(
    r"(?:begin|start)(?: (?:tran|transaction|work|deferred|immediate|exclusive|concurrent|isolation"
    r"|read)\b.*)?\Z|end(?: transaction| work)?\Z"
    r"|(?:commit|rollback|abort|savepoint|release|pragma|connect|discard|deallocate|reset)\b"
    r"|set (?:transaction|session characteristics|autocommit)\b|select \?(?: as \S+)?\Z"
)
_PAGED = re.compile(r"\boffset \?|\blimit \?, \?|\bfetch next \?")

_CACHED = 512
_CACHED_CHARS = 4096


def normalized(statement: str, system: str = "") -> str:
    """The form that is the same for equal statements; empty where there is no statement.

    The normal form of a normal form is itself. Linear in the length of the text; never raises.

    Args:
        statement: As it was sent, or after redaction, in any dialect.
        system: ``db.system.name`` of its span. Of commands (Redis and its kin) only the names stay.
    """
    if system in _COMMANDS:
        return _commands(statement)
    parts = folded(tokens(mask_sql(statement)))
    while parts and parts[-1] == ";":
        parts.pop()
    return _spaced(parts)


def fingerprint(statement: str, system: str = "") -> str:
    """Sixteen hexadecimal digits, the same for equal statements; empty where there is none.

    The first 64 bits of the SHA-256 of the normal form in UTF-8. It names a group of statements
    and protects nothing.

    Args:
        statement: As it was sent, or after redaction, in any dialect.
        system: ``db.system.name`` of its span.
    """
    if len(statement) <= _CACHED_CHARS:
        return _cached(statement, system)
    return fingerprint_of(normalized(statement, system))


def fingerprint_of(normal: str) -> str:
    """The fingerprint of a statement that is in normal form already."""
    if not normal:
        return ""
    return sha256(normal.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()[:16]


def is_control(normal: str) -> bool:
    """Whether a statement in normal form only holds a transaction or a connection together.

    ``BEGIN``, ``COMMIT``, ``SAVEPOINT`` and their like, ``PRAGMA``, ``connect``, and ``SELECT 1``.
    """
    return _CONTROL.match(normal) is not None


def is_paged(normal: str) -> bool:
    """Whether a statement in normal form asks for one page of many, by ``OFFSET``."""
    return _PAGED.search(normal) is not None


@lru_cache(maxsize=_CACHED)
def _cached(statement: str, system: str) -> str:
    return fingerprint_of(normalized(statement, system))


def _spaced(parts: list[str]) -> str:
    out: list[str] = []
    before = ""
    for part in parts:
        if part in _COLONS and before in _COLONS:
            out += (" ", part)
        elif (
            not out
            or before in _NO_SPACE_AFTER
            or part in _NO_SPACE_BEFORE
            or (part == "(" and is_name(before) and before not in APART)
        ):
            out.append(part)
        else:
            out += (" ", part)
        before = part
    return "".join(out)


def _commands(statement: str) -> str:
    """The names of commands, one a line; equal ones in a row once."""
    out: list[str] = []
    for line in statement.splitlines():
        match = _COMMAND.match(line)
        if match is None:
            made = "?" if line.strip() else ""
        else:
            made = match[1].lower() + (" ?" if match[2] else "")
        if made and (not out or out[-1] != made):
            out.append(made)
    return "\n".join(out)
