"""The redactor: which rule a key has, and a text under a rule without its secrets."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from vaquero import _log
from vaquero.redaction import sql
from vaquero.redaction.keys import is_secret, words
from vaquero.redaction.text import REDACTED, mask_text

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource

Callback: TypeAlias = Callable[[str, object], object]

_MAX_CACHED = 4096
_CACHED_KEY_CHARS = 256
_MAX_DEPTH = 40


class Rule(enum.Enum):
    """How the values under a key are treated."""

    #: Sent as they are: redaction is off, or the user's callback has spoken.
    OFF = 0
    #: Secrets recognised by their look are taken out.
    TEXT = 1
    #: The key says that the value is secret.
    SECRET = 2
    #: A database statement: its literals go, too.
    SQL = 3
    #: A query string without its ``?``.
    QUERY = 4
    #: Arguments of a command: what follows ``--password`` is secret.
    ARGUMENTS = 5


_RULES = {
    "db.query.text": Rule.SQL,
    "db.statement": Rule.SQL,
    "url.query": Rule.QUERY,
    "process.command_args": Rule.ARGUMENTS,
    "container.command_args": Rule.ARGUMENTS,
}


class Redactor:
    """Takes secrets out of attributes, texts and log records. Safe to use from several threads.

    Args:
        extra_keys: Further keys whose values are secret, such as ``"customer_number"``. They match
            by words, in any notation: also ``customerNumber`` and ``app.customer-number``.
        extra_patterns: Further regular expressions; what they match is replaced. A pattern that
            takes more than linear time is the user's own risk.
        callback: Asked before something is redacted, with the path (such as
            ``"http.request.header.cookie"`` or ``"events[0].exception.message"``) and the value
            as it was. None redacts; anything else is sent in its place, so returning the value
            keeps it. One that raises redacts.
        enabled: False sends everything as it is.

    Raises:
        ValueError: A pattern of ``extra_patterns`` is no regular expression.
    """

    def __init__(
        self,
        *,
        extra_keys: Iterable[str] = (),
        extra_patterns: Iterable[str | re.Pattern[str]] = (),
        callback: Callback | None = None,
        enabled: bool = True,
    ) -> None:
        self.enabled = enabled
        self.callback = callback
        self._extra_keys = frozenset(tuple(words(key)) for key in extra_keys if words(key))
        self._extra_patterns = [_compiled(pattern) for pattern in extra_patterns]
        self._secret_keys: dict[str, bool] = {}

    @property
    def simple(self) -> bool:
        """Whether texts need nothing but :func:`~vaquero.redaction.text.mask_text`."""
        return not self._extra_patterns

    def secret_key(self, key: str) -> bool:
        """Whether the key alone says that its value is secret."""
        known = self._secret_keys.get(key)
        if known is None:
            known = is_secret(key, self._extra_keys)
            if len(key) <= _CACHED_KEY_CHARS:
                if len(self._secret_keys) >= _MAX_CACHED:
                    self._secret_keys.clear()
                self._secret_keys[key] = known
        return known

    def rule(self, key: str) -> Rule:
        """How values under this key are to be treated."""
        if not self.enabled:
            return Rule.OFF
        rule = _RULES.get(key)
        if rule is not None:
            return rule
        return Rule.SECRET if self.secret_key(key) else Rule.TEXT

    def rule_after(self, argument: object) -> Rule:
        """How the argument of a command is treated that follows this one."""
        if isinstance(argument, str) and argument.startswith("-") and "=" not in argument:
            return Rule.SECRET if self.secret_key(argument) else Rule.ARGUMENTS
        return Rule.ARGUMENTS

    def clean_key(self, key: str) -> str:
        """The key itself, without secrets that somebody made a key of."""
        return mask_text(key, self.secret_key) if self.enabled else key

    def clean(self, rule: Rule, text: str) -> str:
        """The text without its secrets; the very same object where there is none in it.

        Args:
            rule: As :meth:`rule` gave it for the key.
            text: The value. The time is linear in its length.
        """
        if rule is Rule.TEXT:
            if not self._extra_patterns:
                return mask_text(text, self.secret_key)
        elif rule is Rule.SECRET:
            return text if not text or text == REDACTED else REDACTED
        elif rule is Rule.OFF:
            return text
        elif rule is Rule.SQL:
            masked = mask_text(sql.mask_sql(text), self.secret_key, statement=True)
            return _same(text, self._patterns(masked))
        elif rule is Rule.QUERY:
            new = mask_text(f"?{text}", self.secret_key)
            return _same(text, self._patterns(new[1:]))
        return _same(text, self._patterns(mask_text(text, self.secret_key)))

    def _patterns(self, text: str) -> str:
        for pattern in self._extra_patterns:
            text = pattern.sub(REDACTED, text)
        return text

    def ask(self, path: str, value: object) -> object:
        """What the user's callback wants sent in place of this value; None to redact it."""
        if self.callback is None:
            return None
        try:
            return self.callback(path, value)
        except Exception as error:
            _log.warn(
                "redaction:callback",
                "The redaction callback failed with %s; the value was redacted.",
                type(error).__name__,
            )
            return None

    def text(self, text: str, path: str = "") -> str:
        """Free text without its secrets."""
        return cast("str", self._value(text, Rule.TEXT, path, [], 0)) if self.enabled else text

    def log_body(self, value: object, paths: list[str] | None = None) -> Any:
        """The body of a log record without its secrets, of the same shape.

        Args:
            value: Text, or mappings and sequences of plain values.
            paths: Takes the paths of what was redacted, beginning with ``body``.

        Returns:
            The very same object where nothing was found, else a changed copy.
        """
        if not self.enabled:
            return value
        return self._value(value, Rule.TEXT, "body", [] if paths is None else paths, 0)

    def attributes(
        self, attributes: Mapping[str, Any], paths: list[str] | None = None
    ) -> Mapping[str, Any]:
        """Attributes without their secrets.

        Args:
            attributes: Keys and values; values may be nested.
            paths: Takes the paths of what was redacted.

        Returns:
            The very same object where nothing was found, else a changed copy.
        """
        if not self.enabled:
            return attributes
        found: list[str] = [] if paths is None else paths
        return cast("Mapping[str, Any]", self._mapping(attributes, "", found, 0))

    def resource(self, resource: Resource) -> Resource:
        """A resource without secrets in its attributes; the same object where there are none."""
        clean = self.attributes(resource.attributes)
        if clean is resource.attributes:
            return resource
        return type(resource)(dict(clean), resource.schema_url)

    def _value(self, value: Any, rule: Rule, path: str, paths: list[str], depth: int) -> Any:
        if value is None or type(value) is bool:
            return value
        if depth > _MAX_DEPTH:
            return REDACTED
        if isinstance(value, str):
            return self._replaced(value, self.clean(rule, value), path, paths)
        if rule is Rule.SECRET and not isinstance(value, (list, tuple)):
            return self._replaced(value, REDACTED, path, paths)
        if isinstance(value, Mapping):
            return self._mapping(cast("Mapping[Any, Any]", value), f"{path}.", paths, depth + 1)
        if isinstance(value, (list, tuple)):
            items = cast("list[Any] | tuple[Any, ...]", value)
            rules = [rule] * len(items)
            if rule is Rule.ARGUMENTS:
                rules[1:] = [self.rule_after(item) for item in items[:-1]]
            new = [
                self._value(item, inner, path, paths, depth + 1)
                for item, inner in zip(items, rules, strict=True)
            ]
            same = all(one is other for one, other in zip(items, new, strict=True))
            return items if same else (tuple(new) if isinstance(items, tuple) else new)
        if isinstance(value, (bytes, bytearray)):
            text = bytes(value).decode("latin-1")
            clean = self._replaced(text, self.clean(rule, text), path, paths)
            return value if clean is text else str(clean).encode("latin-1", "replace")
        return value

    def _mapping(
        self, mapping: Mapping[Any, Any], prefix: str, paths: list[str], depth: int
    ) -> Mapping[Any, Any]:
        new: dict[Any, Any] = {}
        changed = False
        for key, value in mapping.items():
            name = key if isinstance(key, str) else str(key)
            clean_name = self.clean_key(name)
            clean = self._value(value, self.rule(name), f"{prefix}{clean_name}", paths, depth)
            changed = changed or clean is not value or clean_name is not name
            new[key if clean_name is name else clean_name] = clean
        return new if changed else mapping

    def _replaced(self, value: object, clean: object, path: str, paths: list[str]) -> object:
        if clean is value:
            return value
        kept = self.ask(path, value)
        if kept is not None:
            return kept
        if path and path not in paths and len(paths) < 32:
            paths.append(path)
        return clean


def _compiled(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    if isinstance(pattern, re.Pattern):
        return pattern
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"The redaction pattern {pattern!r} is not usable: {error}. "
            "Expected a regular expression, e.g. 'CUST-[0-9]+'."
        ) from error


def _same(text: str, new: str) -> str:
    """The old object where the new one is equal, so that ``is`` tells whether anything changed."""
    return text if new == text else new


_default = Redactor()


def redact_text(text: str) -> str:
    """A text for our own log lines, without secrets; the same object where there are none."""
    return _default.clean(Rule.TEXT, text)


def mask_url(url: str) -> str:
    """A URL without credentials in front of the host and secrets in its query."""
    return _default.clean(Rule.TEXT, url)


def mask_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers for a log line: every value hidden but those that say only what is being sent."""
    return {
        name: value if name.lower() in _OPEN_HEADERS else REDACTED
        for name, value in headers.items()
    }


_OPEN_HEADERS = frozenset(
    {"accept", "accept-encoding", "content-encoding", "content-length", "content-type", "host",
     "user-agent", "retry-after", "x-vaquero-batch-id"}
)  # fmt: skip
