"""Which keys name a secret: exact words after a key is taken apart, never parts of words.

``http.request.header.authorization``, ``dbPassword`` and ``X-API-Key`` are secret; ``author``,
``max_tokens``, ``passenger``, ``design.secretary`` and ``session_count`` are not.
"""

from __future__ import annotations

import itertools
import re

#: A key is split at what is no letter or digit, and where camel case begins a new word.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")

#: Words that alone make a key secret.
_SECRET_WORDS = frozenset(
    """
    password passwords passwd passphrase passcode passwort pwd pass pw userpass userpassword
    dbpassword pgpassword
    secret secrets clientsecret appsecret secretkey secretaccesskey
    credential credentials creds
    authorization authtoken oauthtoken accesstoken refreshtoken idtoken sessiontoken apitoken
    bearertoken bearer
    apikey apikeys appkey authkey privatekey privkey secretkeys accesskey accountkey sharedkey
    encryptionkey signingkey masterkey sshkey
    cookie cookies setcookie sessionid phpsessid jsessionid aspsessionid
    csrf xsrf csrftoken xsrftoken csrfmiddlewaretoken jwt
    ssn cvv cvc cvv2 cardnumber creditcard iban
    otp totp mfa pin passhash pgpass mysqlpwd
    connectionstring dsn sas
    """.split()
)

#: Words that make a key secret where they end it or stand alone.
_SECRET_LAST = frozenset("token auth session signature sig salt nonce".split())

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
        ("connection", "string"),
        ("security", "code"),
        ("security", "answer"),
        ("mysql", "pwd"),
        ("set", "cookie"),
        ("connect", "sid"),
    }
)

#: A key that ends in one of these speaks about a secret and does not hold it.
_ABOUT = frozenset(
    """
    age algorithm attempts bytes category class count counts created date days deleted duration
    enabled endpoint error errors exists expires expiration expired expiry expiresin format
    host hours index interval issued issuer kind last length lifetime limit location
    max method min minutes missing mode ms name names number ns path policy port present provider
    rate ratio reason region required requires reset rotated rotation scheme scope scopes seconds
    size source state status store strength success suffix supported timeout total ttl type types
    updated uri url usage used valid validity version
    """.split()
)
_ABOUT_NOT = frozenset({("card", "number")})

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
    if len(parts) > 1 and (parts[0] in _COUNTING or _speaks_about(parts)):
        return False
    if not _SECRET_WORDS.isdisjoint(parts) or parts[-1] in _SECRET_LAST:
        return True
    return any(
        pair in _SECRET_PAIRS or (pair[1] in ("key", "keys") and pair[0] in _KEY_OF)
        for pair in itertools.pairwise(parts)
    )


def _speaks_about(parts: list[str]) -> bool:
    return parts[-1] in _ABOUT and (parts[-2], parts[-1]) not in _ABOUT_NOT


def _contains(parts: list[str], wanted: tuple[str, ...]) -> bool:
    size = len(wanted)
    return any(tuple(parts[at : at + size]) == wanted for at in range(len(parts) - size + 1))
