"""Which keys name a secret: exact words after a key is taken apart, never parts of words.

``http.request.header.authorization``, ``dbPassword`` and ``X-API-Key`` are secret; ``author``,
``max_tokens``, ``passenger``, ``design.secretary`` and ``session_count`` are not.
"""

from __future__ import annotations

import itertools

from vaquero.redaction.pattern import pattern

#: A key is split at what is no letter or digit, and where camel case begins a new word.
_WORD = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")

#: The variable of the working folder, which is no password.
_WORKING_FOLDER = pattern(r"(?:^|[.])(?:OLD)?PWD$")

#: Words that make a key secret wherever they stand in it.
_SECRET_WORDS = frozenset(
    """
    password passwords passwd passphrase passcode passwort pwd pw userpass userpassword
    dbpassword dbpass pgpassword mysqlpwd passhash pgpass
    secret secrets clientsecret appsecret secretkey secretkeys secretaccesskey
    credential credentials creds
    authorization authtoken oauthtoken accesstoken refreshtoken idtoken sessiontoken apitoken
    bearertoken
    apikey apikeys appkey authkey privatekey privkey accesskey accountkey sharedkey
    encryptionkey signingkey masterkey sshkey
    cookie cookies setcookie sessionid phpsessid jsessionid aspsessionid
    csrf xsrf csrftoken xsrftoken csrfmiddlewaretoken jwt
    ssn cvv cvc cvv2 cardnumber creditcard iban otp totp
    """.split()
)

#: Words that make a key secret where they end it.
_SECRET_LAST = frozenset("token auth bearer pin sas".split())

#: Words that are a secret key only when they are the whole of it.
_SECRET_ALONE = frozenset("pass session signature sig salt nonce sid".split())

#: What may follow the telling word without changing what the key holds.
_FILLERS = frozenset(
    "value raw plain text string data header encrypted b64 base64 hex hash old new v".split()
)

#: Before ``token`` these speak of the tokens of a language or of a page.
_NOT_TOKEN = frozenset(
    """
    bos cached completion continuation end eos first input invalid last next output pad page parse
    parser per prompt reasoning start stop syntax unexpected
    """.split()
)

#: Words that make ``key`` secret when they stand in front of it.
_KEY_OF = frozenset(
    """
    api private priv access secret encryption signing ssh account shared master app auth session
    service storage subscription license deploy crypto cipher hmac symmetric
    """.split()
)

#: Neighbouring words that together make a key secret.
_SECRET_PAIRS = frozenset(
    {
        ("credit", "card"),
        ("card", "number"),
        ("social", "security"),
        ("security", "code"),
        ("security", "answer"),
        ("connect", "sid"),
        ("amz", "signature"),
        ("goog", "signature"),
        ("hub", "signature"),
        ("request", "signature"),
        ("authorization", "code"),
        ("token", "value"),
    }
    | {
        (owner, "pass")
        for owner in "user db my smtp mail ftp redis pg root admin proxy http".split()
    }
)

#: A key that ends in one of these speaks about a secret and does not hold it.
_ABOUT = frozenset(
    """
    age algorithm allowed arn attempts audience bytes category claims class consent count
    counts created date days decision deleted duration enabled endpoint error errors exists
    expiration expired expires expiresin expiry file format granted host hours index
    interval issued issuer kind last length lifetime limit location max method min minutes
    missing mode ms name names ns number path policy port present provider rate ratio reason
    region required requires reset result results role roles rotated rotation scheme scope
    scopes seconds size source state status store strength subject success suffix supported
    timeout total ttl type types updated uri url usage used user username valid validity
    version
    """.split()
)
_ABOUT_NOT = frozenset({("card", "number"), ("security", "number")})

#: A key that begins with one of these counts or asks, and holds no secret.
_COUNTING = frozenset("has is max min num number n total avg count needs requires use uses".split())


def words(key: str) -> list[str]:
    """The words of a key, in lower case: ``dbPassword`` gives ``["db", "password"]``."""
    return [word.lower() for word in _WORD.findall(key)]


def is_secret(key: str, extra: frozenset[tuple[str, ...]] = frozenset()) -> bool:
    """Whether a value under this key must not be sent, by the key alone.

    Args:
        key: Name of an attribute, header, parameter or field.
        extra: Further keys, each as its :func:`words`; they match as neighbouring words.
    """
    parts = words(key)
    if not parts:
        return False
    if any(_contains(parts, wanted) for wanted in extra):
        return True
    if parts[-1] == "pwd" and _WORKING_FOLDER.search(key):
        return False
    if len(parts) == 1:
        return parts[0] in _SECRET_WORDS or parts[0] in _SECRET_LAST or parts[0] in _SECRET_ALONE
    if parts[0] in _COUNTING or _speaks_about(parts):
        return False
    if not _SECRET_WORDS.isdisjoint(parts) or _ends_secret(parts):
        return True
    return any(
        pair in _SECRET_PAIRS or (pair[1] in ("key", "keys") and pair[0] in _KEY_OF)
        for pair in itertools.pairwise(parts)
    )


def _ends_secret(parts: list[str]) -> bool:
    """Whether the last word that means something is ``token`` or the like."""
    at = len(parts) - 1
    while at and (parts[at] in _FILLERS or parts[at].isdigit()):
        at -= 1
    if parts[at] not in _SECRET_LAST:
        return False
    return not (parts[at] == "token" and at and parts[at - 1] in _NOT_TOKEN)


def _speaks_about(parts: list[str]) -> bool:
    at = len(parts) - 1
    while at > 1 and parts[at].isdigit():
        at -= 1
    return parts[at] in _ABOUT and (parts[at - 1], parts[at]) not in _ABOUT_NOT


def _contains(parts: list[str], wanted: tuple[str, ...]) -> bool:
    size = len(wanted)
    return any(tuple(parts[at : at + size]) == wanted for at in range(len(parts) - size + 1))
