"""Secrets recognised by how they look: in any text, under any key.

Each detector is anchored on something that its secrets cannot lack (``://`` and ``@``, ``eyJ``, a
separator after a telling word). Whether the anchor is there costs some twenty nanoseconds, so most
texts are through before any pattern runs. All patterns are linear: repetitions are of single
characters, bounded or followed by what they cannot contain.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import TypeAlias

from vaquero.redaction.keys import is_secret, words
from vaquero.redaction.pattern import pattern

REDACTED = "[redacted]"
#: What the semantic conventions ask for within URLs.
REDACTED_IN_URL = "REDACTED"

_USERINFO = pattern(r"://[^\s/?#@:\"'<>]*:[^\s/?#\"'<>]*@")
_BLANK_USERINFO = f"://{REDACTED_IN_URL}:{REDACTED_IN_URL}@"

_PEM = pattern(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]|-(?!----END))*(?:-----END [A-Z0-9 ]{0,40}-----)?"
)

_SCHEME = pattern(
    r"(?i)(?<![\w-])(bearer|basic|negotiate|ntlm|apikey|token)[ \t]{1,4}([\w.~+/:=\-]{4,})"
)
#: What follows such a word in plain language.
_PROSE = frozenset(
    """
    access and api are auth authentication authorization authentications based cannot challenge
    claims count counts credentials does endpoint error errors exchange expired failed failure
    formatting format header headers invalid introspection issued limit limits missing must needed
    parameter plan provided refresh rejected required response scheme schemes security should
    support supported token tokens usage validation version without
    """.split()
)

#: Credentials with a prefix of their maker. Most prefixes are followed by random text.
_PREFIXED = pattern(
    r"(?<![A-Za-z0-9])(?:"
    r"(?<![\w\-])eyJ[\w\-]{6,}\.[\w\-]{4,}(?:\.[\w\-]*)?"
    r"|(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{12,}"
    r"|gh[pousr]_[A-Za-z0-9]{10,}|github_pat_\w{10,}"
    r"|gl(?:pat|dt|ft|rt|oas|cbt|ptt|agent|soat)-[\w\-]{10,}"
    r"|sk-(?=[\w\-]{0,40}[0-9])[\w\-]{16,}|[srp]k_(?:live|test|prod)_\w{8,}|whsec_\w{10,}"
    r"|xox[abceoprs]-[\w\-]{8,}|xapp-[\w\-]{10,}"
    r"|AIza[\w\-]{20,}|ya29\.[\w\-]{10,}|GOCSPX-[\w\-]{10,}"
    r"|(?<![\w\-])SG\.[\w\-]{10,}\.[\w\-]{10,}|npm_\w{20,}|pypi-[\w\-]{16,}|hf_[A-Za-z0-9]{20,}"
    r"|dop_v1_\w{16,}|hv[sbr]\.[\w\-]{16,}|shp(?:at|ca|pa|ss)_\w{16,}|dapi[0-9a-f]{32}"
    r"|hooks\.slack\.com/services/[\w/]{8,}|discord(?:app)?\.com/api/webhooks/[\w/\-]{8,}"
    r"|bot[0-9]{6,12}:[\w\-]{20,}|SK[0-9a-f]{32}"
    r"|pylf_v[0-9]{1,3}_\w{8,}|lin_api_\w{16,}|NRAK-\w{16,}|AGE-SECRET-KEY-1\w{16,}"
    r")"
)
#: What stands between a word and its value. ``==`` compares, ``://`` is a URL, ``::`` a namespace.
_SEPARATOR = pattern(r"(?:=>|:=|=(?!=)|:(?![:/]))[ \t]{0,3}")
#: The word in front of a separator, read backwards from there.
_WORD_BACKWARDS = pattern(r"[ \t]{0,3}[\\\"'\]]{0,4}([\w.\-]{1,127})")
_LONGEST_WORD = 136
#: ``--password hunter2`` on a command line.
_FLAG = pattern(r"(?<![\w\-])--?([A-Za-z][\w\-]{1,62})[ \t]{1,3}(?=[^\s\-])")
_VALUE = pattern(
    r"\\\"(?P<escaped>[^\"\\]*)|\"(?P<double>(?:[^\"\\]|\\.)*)|'(?P<single>(?:[^'\\]|\\.)*)"
    r"|(?P<plain>(?:(?:[Bb]earer|[Bb]asic|[Tt]oken|[Dd]igest|[Nn]egotiate|ApiKey)[ \t]{1,4})?"
    r"[^\s\"'&;,\\]+)",
    re.DOTALL,
)
_LINE = pattern(r"[^\r\n]+")
#: What stands where a secret would be but is none: nothing, a remark, a placeholder, a type.
_NO_SECRET = pattern(
    r"(?i)(?:none|null|nil|true|false|undefined|nan|yes|no|not|is|was|are|must|should|cannot|can|"
    r"could|has|have|the|a|an|to|for|of|required|optional|missing|invalid|empty|incorrect|wrong|"
    r"expected|unexpected|expired|unknown|failed|failure|denied|error|mismatch|too|str|string|int|"
    r"integer|bytes|bool|any|object|self|x{3,}|\*+|\.{3,}|redacted|\[?redacted\]?|%\w|%\(\w*\)\w|"
    r"\?|\$\d+|optional\[.*|union\[.*|str\|.*|<\w*>?|\$?\{.*|\[filtered\]|\[masked\]|\W{1,3}|"
    r"\d{1,2})[).\]}>]{0,3}"
)
_MAX_REMARK = 128
#: ``auth: login succeeded``: in front of a colon and a word these name a part of the program.
_PREFIX_WORDS = frozenset("auth session token pass signature salt nonce sid pin bearer".split())
#: What ends a value in a statement: brackets that the value did not open, the end of a comment.
_CLOSING = pattern(r"(?<=[^)\]*])(?:\*/|[)\]]+)\Z")
_COLUMN = pattern(r"[A-Za-z_]\w{0,62}(?:\.[A-Za-z_]\w{0,62}){1,3}")
_CALL = pattern(r"[A-Za-z_][\w.]*(?:\(|\[\w)")

_PARAMETER_MARKS = ("?", "&")
_PARAMETER_VALUE = pattern(r"[^?&#;\s\"'<>]{2,}")
#: Parameters whose value is a secret in a URL, though the word is harmless elsewhere.
_ONLY_IN_URLS = frozenset("code key sig state ticket assertion hash sid samlresponse jwt".split())
#: Parameters whose value may be long and random without being a secret.
_OPEN_IN_URLS = frozenset(
    "id ids uuid guid trace traceid span spanid commit sha rev ref etag cursor page digest".split()
)
_UUID = pattern(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_RUNS = pattern(r"[A-Za-z0-9+/_%=~]+")
_CHANGES = pattern(r"[0-9](?=[A-Za-z])")

_CARD_START = pattern(r"[3-6]\d{3}[ \-]?\d{4}[ \-]?\d{2}")
_CARD = pattern(
    r"(?<![\w.\-])(?:[3-6]\d{3}[ \-]?(?:\d{4}[ \-]?){2}\d{1,7}|3[47]\d{2}[ \-]?\d{6}[ \-]?\d{5})"
    r"(?![\w\-])"
)
_CARD_ISSUER = pattern(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6(?:011|5\d\d)\d{12}"
    r"|35\d{14}|3[068]\d{12}"
)

Judge: TypeAlias = Callable[[str], bool]


def mask_text(text: str, secret_key: Judge = is_secret, *, statement: bool = False) -> str:
    """The text without the secrets in it; the very same object where there are none.

    Args:
        text: Anything: a message, a stack trace, a URL, a header, a command line.
        secret_key: Says of a word in front of ``=`` or ``:`` whether what follows is secret.
        statement: It is a database statement whose literals are masked: a column that is compared
            with ``b.token`` is compared with a column, and brackets belong to the statement.
    """
    size = len(text)
    if size < 5:
        return text
    new = text
    pairs = "=" in text
    if ":" in text:
        if "://" in text:
            if "@" in text:
                new = _USERINFO.sub(_BLANK_USERINFO, new)
            pairs = pairs or text.count(":") > text.count("://")
        else:
            pairs = True
    if "-" in text:
        if "-----BEGIN" in text:
            new = _PEM.sub(REDACTED, new)
        if " -" in text or text[0] == "-":
            new = _flags(new, secret_key)
    if " " in text and ("earer" in text or "asic" in text or "oken" in text or _loud(text)):
        new = _SCHEME.sub(_scheme, new)
    if size >= 13:
        if size >= 15 and _may_be_prefixed(text):
            new = _PREFIXED.sub(REDACTED, new)
        if _CARD_START.search(text):
            new = _CARD.sub(_card, new)
    if pairs:
        new = _pairs(new, secret_key, statement)
    return text if new == text else new


def _loud(text: str) -> bool:
    return "EARER" in text or "ASIC" in text or "egotiate" in text or "piKey" in text


def _may_be_prefixed(text: str) -> bool:
    """Whether something of the prefixes of :data:`_PREFIXED` occurs.

    A chain of ``in``, because each takes as long as a pattern takes for two characters.
    """
    if "A" in text and (
        "AKIA" in text
        or "ASIA" in text
        or "AIza" in text
        or "ABIA" in text
        or "ACCA" in text
        or "AROA" in text
        or "AIDA" in text
        or "NRAK-" in text
        or "AGE-" in text
    ):
        return True
    if "_" in text and (
        "gh" in text
        or "k_" in text
        or "whsec_" in text
        or "npm_" in text
        or "hf_" in text
        or "_v" in text
        or "shp" in text
        or "lin_api_" in text
    ):
        return True
    if "-" in text and (
        "sk-" in text
        or "gl" in text
        or "xox" in text
        or "xapp-" in text
        or "pypi-" in text
        or "GOCSPX-" in text
    ):
        return True
    if "." in text and (
        "eyJ" in text
        or "ya29." in text
        or "SG." in text
        or "hv" in text
        or "hooks" in text
        or "/bot" in text
    ):
        return True
    return "dapi" in text or "SK" in text


def _scheme(match: re.Match[str]) -> str:
    scheme, credential = match.groups()
    if credential.lower().rstrip(".:") in _PROSE or (
        credential.endswith(("=", ":")) and (credential[:-1].isalpha())
    ):
        return match.group()
    name = scheme.lower()
    if name == "basic":
        secret = _is_basic(credential)
    elif scheme == "Bearer":
        secret = True
    elif name == "bearer":  # In lower case it is also a word of plain language.
        secret = not credential.isalpha() or len(credential) > 15
    else:
        secret = any(map(str.isdigit, credential)) and len(credential) > 5
    if not secret:
        return match.group()
    return f"{scheme} {REDACTED}"


def _is_basic(credential: str) -> bool:
    """Whether this is what follows ``Basic`` in a header, and no ordinary word."""
    if any(map(str.isdigit, credential)) or credential.endswith("="):
        return True
    try:
        return b":" in base64.b64decode(credential, validate=True)
    except ValueError:
        return False


def _card(match: re.Match[str]) -> str:
    """A card number by issuer, length and check digit; other long numbers stay."""
    digits = "".join(filter(str.isdigit, match.group()))
    if not _CARD_ISSUER.fullmatch(digits):
        return match.group()
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return match.group() if total % 10 else REDACTED


def _pairs(text: str, secret_key: Judge, statement: bool) -> str:
    """``key=value`` and ``key: value``, in prose, JSON, headers, URLs and connection strings."""
    out: list[str] = []
    taken = 0
    for match in _SEPARATOR.finditer(text):
        at = match.start()
        if at < taken or not at:
            continue
        # Backwards, so that only words in front of a separator are looked at.
        behind = text[at - 1 : at - _LONGEST_WORD if at > _LONGEST_WORD else None : -1]
        word = _WORD_BACKWARDS.match(behind)
        if word is None:
            continue
        end = word.end()
        key = word[1][::-1]
        if behind[end : end + 1] in _PARAMETER_MARKS and text[at] == "=" and end < len(behind):
            span, mark = _parameter_span(text, at + 1, key, secret_key), REDACTED_IN_URL
        elif behind[end : end + 1] == ":" and "arn:" in text:
            continue  # ``arn:aws:secretsmanager:region:account:secret:name`` only names a secret.
        elif not behind[end - 1].isdigit() and secret_key(key):
            span, mark = _value_span(text, match, key), REDACTED
            if statement and span is not None:
                span = _in_statement(text, span, secret_key)
        else:
            continue
        if span is not None:
            out += (text[taken : span[0]], mark)
            taken = span[1]
    return text if not out else "".join(out) + text[taken:]


def _parameter_span(text: str, start: int, name: str, secret_key: Judge) -> tuple[int, int] | None:
    """Where the value of a query's parameter stands, if it is a secret by its name or its look."""
    match = _PARAMETER_VALUE.match(text, start)
    if match is None:
        return None
    value = match.group()
    if not secret_key(name) and (len(value) < 6 or not _secret_parameter(name, value)):
        return None
    return None if value in (REDACTED, REDACTED_IN_URL) else match.span()


def _value_span(text: str, separator: re.Match[str], key: str) -> tuple[int, int] | None:
    """Where the secret after a key begins and ends; None where there is none."""
    start = separator.end()
    if "cookie" in key.lower() and start < len(text) and text[start] not in "\"'[{\\":
        match = _LINE.match(text, start)
        return match.span() if match else None
    match = _VALUE.match(text, start)
    if match is None or not match.lastgroup:
        return None
    value = match[match.lastgroup]
    if _is_remark(value):
        return None
    if match.lastgroup == "plain" and len(value) <= _MAX_REMARK:
        sign = separator.group()
        if (
            _CALL.match(value)
            or value.rstrip(")]}.") == key
            or (value.startswith("self.") and "=" in sign)
        ):
            return None
        if value.isalpha() and sign in (": ", ":  ") and words(key)[-1] in _PREFIX_WORDS:
            return None
    return match.span(match.lastgroup)


def _in_statement(text: str, span: tuple[int, int], secret_key: Judge) -> tuple[int, int] | None:
    """The part of a statement that is the secret; None where it is the name of a column."""
    start, end = span
    value = text[start:end]
    closing = _CLOSING.search(value, max(len(value) - _MAX_REMARK, 0))
    if closing and "(" not in value and "[" not in value:
        end = start + closing.start()
    if _COLUMN.fullmatch(text, start, end) and secret_key(text[start:end]):
        return None
    return start, end


def _is_remark(value: str) -> bool:
    """Whether what follows a telling word is no secret: nothing, a remark, a type."""
    # The bound also keeps the scan linear: only what is short is looked at and left.
    return len(value) <= _MAX_REMARK and (
        not value or value.isspace() or _NO_SECRET.fullmatch(value) is not None
    )


def _flags(text: str, secret_key: Judge) -> str:
    """``--password hunter2``: the words after telling flags of a command line."""
    out: list[str] = []
    taken = 0
    for match in _FLAG.finditer(text):
        if not secret_key(match[1]):
            continue
        value = _VALUE.match(text, match.end())
        if value is None or not value.lastgroup or _is_remark(value[value.lastgroup]):
            continue
        start, end = value.span(value.lastgroup)
        out += (text[taken:start], REDACTED)
        taken = end
    return text if not out else "".join(out) + text[taken:]


def _secret_parameter(name: str, value: str) -> bool:
    last = (words(name) or [""])[-1]
    if last in _ONLY_IN_URLS:
        return not value.isalpha() or len(value) > 12
    return last not in _OPEN_IN_URLS and _is_opaque(value)


def _is_opaque(value: str) -> bool:
    """Whether a value looks like made by a machine to be unguessable: one long mixed run."""
    if len(value) < 20 or _UUID.fullmatch(value):
        return False
    return any(
        len(run) >= 20
        and any(map(str.isdigit, run))
        and any(map(str.isalpha, run))
        and len(_CHANGES.findall(run)) >= 3
        for run in _RUNS.findall(value)
    )
