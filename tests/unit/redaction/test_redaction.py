"""No secret leaves the process, wherever it stands, and nothing harmless is taken for one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind

from vaquero.pipeline.otlp.span_batches import SpanCodec
from vaquero.record import EventRecord, LinkRecord, Origin, SpanExtra, SpanRecord
from vaquero.redaction import (
    Redactor,
    is_secret,
    redact_text,
)

_SPEC = importlib.util.spec_from_file_location(
    "conventions", Path(__file__).with_name("conventions.py")
)
assert _SPEC is not None and _SPEC.loader is not None
conventions = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(conventions)

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))

#: A secret by how it looks: the text, and the part of it that must not be seen.
SECRETS = {
    "bearer": ("Bearer mF_9.B5f-4.1JqM", "mF_9.B5f"),
    "bearer_lower": ("authorization: bearer abcdef0123456789", "abcdef0123456789"),
    "basic": ("Basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    "userinfo": ("postgresql://bob:hunter2@db.example.com:5432/shop", "hunter2"),
    "userinfo_at": ("amqp://bob:hun@ter2@mq.example.com/", "ter2"),
    "userinfo_redis": ("redis://:hunter2@cache:6379/0", "hunter2"),
    "pair": ("login failed for user=bob password=hunter2", "hunter2"),
    "pair_colon": ("the config says password: hunter2 for bob", "hunter2"),
    "pair_weak": ("psql: user=bob password=secret host=db", "secret"),
    "pair_weaker": ("token=my_secret_token", "my_secret_token"),
    "pair_json": ('{"user": "bob", "password": "hun, ter2"}', "ter2"),
    "pair_repr": ("{'user': 'bob', 'api_key': 'hunter2'}", "hunter2"),
    "pair_escaped": ('"{\\"api_key\\": \\"hunter2\\"}"', "hunter2"),
    "pair_camel": ("clientSecret=hunter2&x=1", "hunter2"),
    "pair_arrow": ('{:password => "hunter2"}', "hunter2"),
    "flag": ("mysql --user bob --password hunter2 shop", "hunter2"),
    "cookie": ("Cookie: sid=hunter2; theme=dark", "hunter2"),
    "jwt": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "dozjgNryP4"),
    "aws_id": ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    "aws_secret": ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPx", "wJalrXUtn"),
    "github": ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7e42F292c"),
    "github_fine": ("github_pat_11ABCDEFG0abcdefghijkl_mnop", "11ABCDEFG0"),
    "gitlab": ("glpat-aBcD1234eFgH5678iJkL", "aBcD1234"),
    "openai": ("sk-proj-abcd1234EFGH5678ijkl9012", "abcd1234EFGH"),
    "stripe": ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqLyj"),
    "slack": ("xoxb-123456789012-abcdefGHIJKL", "abcdefGHIJKL"),
    "google": ("AIzaSyA1234567890abcdefghijklmnopqrstuvw", "SyA1234567890"),
    "google_oauth": ("ya29.a0AfH6SMBx_abcdef123456", "a0AfH6SMBx"),
    "npm": ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijkl"),
    "slack_hook": ("https://hooks.slack.com/services/T0000/B0000/XXXXabcd", "XXXXabcd"),
    "telegram": ("https://api.telegram.org/bot123456789:AAF-abcdefghijklmnopqrs/x", "AAF-abc"),
    "sendgrid": ("SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAm", "TwL2iGABf9"),
    "pem": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow-IBAAKC\nAQEA\n-----END RSA PRIVATE KEY-----",
        "MIIEow",
    ),
    "pem_cut": ("-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKC", "MIIEow"),
    "card": ("4111 1111 1111 1111", "1111 1111"),
    "card_plain": ("paid with 5555555555554444 today", "5555555555554444"),
    "card_amex": ("3782 822463 10005", "822463"),
    "query_token": ("https://api.example.com/v1?access_token=hunter2&page=2", "hunter2"),
    "bearer_plain": ("Bearer topsecret", "topsecret"),
    "query_otp": ("https://app.example.com/cb?page=2&code=abc123", "abc123"),
    "query_code": ("https://app.example.com/cb?code=4f0Ab8x9Z7&page=2", "4f0Ab8x9Z7"),
    "query_sig": ("https://x.blob.core.windows.net/c?sv=2022&sig=aB3dE5%2Bxyz%3D", "aB3dE5"),
    "query_aws": ("https://s3.example.com/k?X-Amz-Signature=0123abcd0123abcd", "0123abcd"),
    "query_opaque": ("https://e.com/reset?t=kJ8sN2mQ4xW7vB1zR5yT9uP3", "kJ8sN2mQ4xW7"),
    "connection": ("Server=db;User Id=sa;Password=hunter2;Database=shop", "hunter2"),
    "azure": ("AccountName=a;AccountKey=aB3dE5fG7hJ9+/==;EndpointSuffix=x", "aB3dE5fG7hJ9"),
}
#: Keys that say that their value is secret, whatever it looks like.
SECRET_KEYS = """
    password dbPassword db.password user_password_hash PGPASSWORD X-API-Key api_key apiKey
    http.request.header.authorization http.request.header.cookie http.response.header.set-cookie
    access_token refreshToken id_token token csrf_token X-CSRF-Token PHPSESSID JSESSIONID
    connect.sid client_secret clientSecret AWS_SECRET_ACCESS_KEY private_key session session_token
    process.environment_variable.AWS_SECRET_ACCESS_KEY auth x-auth-token proxy-authorization
    credentials credit_card card_number ssn social_security_number cvv pin otp jwt mysql_pwd
    passphrase AccountKey X-Amz-Signature smtp_pass token_v2 authorization_code
""".split()
#: Words that look like it from afar.
HARMLESS_KEYS = """
    author authors authored_at authority max_tokens gen_ai.usage.input_tokens gen_ai.token.type
    passenger session_count session.id session.previous_id design.secretary keyboard key monkey
    cache.key primary_key partition_key tokenizer token_count tokens token_type password_required
    has_password password_length secret.name compass bypass passed pass_count assignee design
    signed pinned spin opinion basic cookie_count auth.method auth_type authentication.duration
    assess classified credit user.hash enduser.id user.name next_token session_duration
    authorization.result authorization.role auth.username jwt.claims credit_card_last4 PWD
    process.environment_variable.PWD OLDPWD expires_at db.connection_string public_key keystroke
""".split()
HARMLESS_TEXTS = [
    "https://www.foo.bar/search?q=OpenTelemetry#SemConv",
    "https://shop.example.com/orders/7?page=2&sort=-price&id=550e8400-e29b-41d4-a716-446655440000",
    "ssh://git@github.com/org/repo.git",
    "Bearer authentication required",
    "auth: login succeeded; session: closed",
    "the bearer must sign, bearer bonds",
    "connect(password=self.password, token=token)",
    "Basic plan, token expired, secret sauce",
    "Unexpected token: '}'",
    "password: must be at least 8 characters",
    "Author: Jane, passenger=3, max_tokens=512",
    "task-sk-learn-and-other-words",
    "order 4111111111111112 of 1730000000000000000",
    "2026-11-23T20:15:57.123Z",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0",
    'File "app.py", line 3, in login\n    token = get_token()\n',
    "arn:aws:iam::123456789012:role/app",
    "user@example.com",
    "::1",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "text/html; charset=utf-8",
    "SELECT * FROM wuser_table where username = ?",
    "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
]


def sent(redactor: Redactor | None = None, **parts: Any) -> ExportTraceServiceRequest:
    """What arrives of a span with these parts."""
    record = SpanRecord()
    record.title = parts.get("title", "work")
    record.span_kind = SpanKind.CLIENT
    record.trace_no, record.span_no = 1 << 100, 7
    record.parent_no, record.parent_remote = 0, None
    record.flag_bits, record.state = 1, None
    record.start_ns, record.end_ns = 1, 2
    record.attrs = parts.get("attrs")
    record.extra = parts.get("extra")
    scope = InstrumentationScope("lib", "1")
    record.origin = Origin(Resource(parts.get("resource", {})), parts.get("scope", scope))
    record.weight = 0
    codec = SpanCodec(redactor or Redactor())
    encoding = codec.encode([record])
    assert not encoding.quarantined
    # A second time, so that what the caches hold is looked at as well.
    again = codec.encode([record])
    assert again == encoding
    return ExportTraceServiceRequest.FromString(encoding.requests[0].body)


def the_span(request: ExportTraceServiceRequest) -> Any:
    """The one span of a request."""
    return request.resource_spans[0].scope_spans[0].spans[0]


def said(holder: Any) -> list[str]:
    """The paths that ``vaquero.redacted`` lists, of a span or resource."""
    for pair in holder.attributes:
        if pair.key == "vaquero.redacted":
            return [value.string_value for value in pair.value.array_value.values]
    return []


def extra_with(**parts: Any) -> SpanExtra:
    """Status, events and links."""
    extra = SpanExtra()
    for name, value in parts.items():
        setattr(extra, name, value)
    return extra


POSITIONS: dict[str, Any] = {
    "value": (lambda text: {"attrs": {"note": text}}, "note"),
    "nested": (lambda text: {"attrs": {"note": {"a": ["x", {"b": text}]}}}, "note.a.b"),
    "sequence": (lambda text: {"attrs": {"note": ("x", text)}}, "note"),
    "bytes": (lambda text: {"attrs": {"note": text.encode()}}, "note"),
    "key": (lambda text: {"attrs": {text: 1}}, None),
    "nested key": (lambda text: {"attrs": {"note": {text: 1}}}, None),
    "url": (lambda text: {"attrs": {"url.full": text}}, "url.full"),
    "statement": (lambda text: {"attrs": {"db.query.text": f"-- {text}"}}, "db.query.text"),
    "header": (
        lambda text: {"attrs": {"http.request.header.x-custom": [text]}},
        "http.request.header.x-custom",
    ),
    "name": (lambda text: {"title": text}, "name"),
    "status": (lambda text: {"extra": extra_with(status_no=2, status_text=text)}, "status.message"),
    "event": (
        lambda text: {"extra": extra_with(events=[EventRecord("e", 1, {"note": text})])},
        "events[0].note",
    ),
    "event name": (lambda text: {"extra": extra_with(events=[EventRecord(text, 1)])}, None),
    "exception": (
        lambda text: {
            "extra": extra_with(
                events=[
                    EventRecord("exception", 1, {"exception.stacktrace": f"ValueError: {text}"})
                ]
            )
        },
        "events[0].exception.stacktrace",
    ),
    "link": (
        lambda text: {"extra": extra_with(links=[LinkRecord(1, 2, attrs={"note": text})])},
        "links[0].note",
    ),
    "resource": (lambda text: {"resource": {"note": text}}, None),
    "scope": (
        lambda text: {"scope": InstrumentationScope("lib", "1", None, {"note": text})},
        None,
    ),
    "long": (lambda text: {"attrs": {"note": f"{'x ' * 500}{text}"}}, "note"),
    "cut": (lambda text: {"attrs": {"note": f"{'x ' * 32_760}{text}"}}, "note"),
}


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("secret", SECRETS)
def test_each_class_of_secret_is_caught_in_each_position(secret: str, position: str) -> None:
    """A secret is not in the bytes that are sent, wherever in a span or resource it stood."""
    text, hidden = SECRETS[secret]
    make, path = POSITIONS[position]
    request = sent(**make(text))
    data = request.SerializeToString()
    assert hidden.encode() not in data
    assert "edacted" in str(request).lower() or "?" in str(request)
    if path is not None:
        assert said(the_span(request)) == [path]


@pytest.mark.parametrize("secret", SECRETS)
def test_each_class_of_secret_is_caught_in_bodies_of_logs(secret: str) -> None:
    """A log body of text, mapping or list loses the secret, and its shape stays."""
    text, hidden = SECRETS[secret]
    redactor = Redactor()
    for body in (text, {"a": [text], "n": 1}, [1, {"b": text}], (text, None)):
        paths: list[str] = []
        clean = redactor.log_body(body, paths)
        assert hidden not in repr(clean).replace("\\\\", "\\")
        assert type(clean) is type(body)
        assert len(paths) == 1


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_secret_keys_hide_any_value(key: str) -> None:
    """Under a secret key text, numbers, lists and mappings are hidden; flags and None are not."""
    assert is_secret(key)
    for value in ("hunter2", 771199, [771199, "hunter2"], {"x": "hunter2"}, b"hunter2", 77.1199):
        request = sent(attrs={key: value, "b": True})
        data = str(the_span(request))
        assert "hunter2" not in data
        assert "771199" not in data
        assert "77.1199" not in data
        assert said(the_span(request)) == [key]
    untouched = the_span(sent(attrs={key: True}))
    assert untouched.attributes[0].value.bool_value is True
    assert not said(untouched)
    resource = sent(resource={key: "hunter2"}).resource_spans[0].resource
    assert "hunter2" not in str(resource)
    assert said(resource) == [key]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_secret_keys_hide_what_follows_them_in_text(key: str) -> None:
    """The same words in front of a separator hide what follows, in prose, JSON and URLs."""
    for text in (f"{key}=hunter2x", f"a {key}: hunter2x b", f'{{"{key}": "hunter2x"}}',
                 f"https://e.com/p?{key}=hunter2x&b=1"):  # fmt: skip
        assert "hunter2x" not in redact_text(text), text


@pytest.mark.parametrize("key", HARMLESS_KEYS)
def test_words_that_only_look_secret_pass(key: str) -> None:
    """Keys that contain a telling word only as a part, or that count things, pass unchanged."""
    assert not is_secret(key)
    span = the_span(sent(attrs={key: "plain value 12"}))
    assert span.attributes[0].value.string_value == "plain value 12"
    assert not said(span)


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_harmless_texts_pass(text: str) -> None:
    """Texts without secrets come back as the very same object."""
    assert redact_text(text) is text


def test_every_attribute_of_the_semantic_conventions_passes() -> None:
    """No name and no ordinary value of the conventions' attributes is taken for a secret."""
    pairs = list(conventions.attributes())
    assert len({name for name, _ in pairs}) > 500
    redactor, off = Redactor(), Redactor(enabled=False)
    changed: dict[str, Any] = {}
    for key, example in pairs:
        span, raw = (the_span(sent(each, attrs={key: example})) for each in (redactor, off))
        if span != raw or redactor.log_body({key: example}) != {key: example}:
            changed[key] = example
    assert not changed
    assert [name for name, _ in pairs if is_secret(name)] == []


def test_arguments_of_commands() -> None:
    """What follows a telling flag in a list of arguments is hidden."""
    arguments = ["mysql", "--user", "bob", "--password", "hunter2", "--api-key=hunter2", "-v", "x"]
    for key in ("process.command_args", "container.command_args"):
        span = the_span(sent(attrs={key: arguments}))
        values = [item.string_value for item in span.attributes[0].value.array_value.values]
        expected = [*arguments[:4], "[redacted]", "--api-key=[redacted]", "-v", "x"]
        assert values == expected
        assert list(Redactor().attributes({key: arguments})[key]) == expected


def test_own_keys_patterns_and_switch() -> None:
    """Further keys match in any notation, further patterns in any text; off sends all."""
    redactor = Redactor(extra_keys=["customer_number"], extra_patterns=[r"CUST-\d+"])
    attrs = {"app.customerNumber": 7, "customer": "x CUST-12 y", "n": "customer-number=5512"}
    span = the_span(sent(redactor, attrs=attrs))
    values = [pair.value.string_value for pair in span.attributes[:3]]
    assert values == ["[redacted]", "x [redacted] y", "customer-number=[redacted]"]
    off = the_span(sent(Redactor(enabled=False), attrs={"password": "hunter2"}))
    assert off.attributes[0].value.string_value == "hunter2"
    assert len(off.attributes) == 1
    with pytest.raises(ValueError, match=r"'\(' is not usable.*Expected a regular expression"):
        Redactor(extra_patterns=["("])


def test_the_callback_has_the_last_word() -> None:
    """A callback may keep or replace what would be redacted; one that raises keeps nothing."""
    asked: list[tuple[str, object]] = []

    def callback(path: str, value: object) -> object:
        asked.append((path, value))
        if path == "token":
            return value
        if path == "events[0].password":
            return {"kept": ["as", 1]}
        if path == "name":
            raise RuntimeError("bug in the callback")
        return None

    extra = extra_with(events=[EventRecord("e", 1, {"password": "hunter2"})])
    attrs = {"token": "kept-token", "secret": "hunter2", "plain": "x"}
    span = the_span(
        sent(Redactor(callback=callback), title="key=1 password=hunter2", attrs=attrs, extra=extra)
    )
    assert span.attributes[0].value.string_value == "kept-token"
    assert span.attributes[1].value.string_value == "[redacted]"
    assert span.events[0].attributes[0].value.kvlist_value.values[0].key == "kept"
    assert span.name == "key=1 password=[redacted]"
    assert said(span) == ["name", "secret"]
    assert ("token", "kept-token") in asked
    assert {path for path, _ in asked} == {"token", "secret", "name", "events[0].password"}


def test_what_is_said_is_bounded() -> None:
    """However much was redacted, the list of it stays short and says that there was more."""
    span = the_span(sent(attrs={f"password.p{number}": "x" for number in range(100)}))
    paths = said(span)
    assert len(paths) == 33
    assert paths[-1] == "..."


@FUZZ
@given(st.sampled_from(sorted(SECRETS)), st.text("abc xyz012\n", max_size=30))
def test_words_around_a_secret_do_not_hide_it(secret: str, around: str) -> None:
    """A secret within other words is found as well as one that stands alone."""
    text, hidden = SECRETS[secret]
    assert hidden not in redact_text(f"{around} {text} {around}")
