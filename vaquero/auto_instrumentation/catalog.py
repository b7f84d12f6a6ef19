"""Which published instrumentation fits which library.

What is published, for which versions of which library, is upstream's own list of the installed
release (``opentelemetry.instrumentation.bootstrap_gen``, read when it is asked for); what each one
adds, and which are left out under vaquero, stands here. Where a package is installed its own
metadata holds, not this list.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from packaging.requirements import InvalidRequirement, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable

Gain = Literal[
    "server spans",
    "client spans",
    "database spans",
    "messaging spans",
    "task spans",
    "command spans",
    "template spans",
    "model spans",
    "context in threads",
    "log records",
    "coroutine spans",
    "gauges",
    "spans",
]

PREFIX = "opentelemetry-instrumentation-"


@dataclass(frozen=True)
class Instrumentation:
    """One package that instruments a library.

    Attributes:
        suffix: What follows ``opentelemetry-instrumentation-`` in its distribution's name.
        gain: What it adds.
        names: Its entry points: what switches name.
        any_of: Requirements of which one must be met; none for the standard library.
        all_of: Requirements that must all be met.
        instead: Why it is not installed unless it is named, where it is not.
        passed_over: Whether it is not loaded under vaquero even where it is installed.
        follows_base: Whether it is released together with ``opentelemetry-instrumentation``.
        published: Whether it has a release that belongs to the installed OpenTelemetry.
    """

    suffix: str
    gain: Gain
    names: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    instead: str = ""
    passed_over: bool = False
    follows_base: bool = True
    published: bool = True

    @property
    def package(self) -> str:
        """The name of its distribution."""
        return PREFIX + self.suffix

    @property
    def standard(self) -> bool:
        """Whether what it instruments comes with Python itself."""
        return not self.any_of and not self.all_of


@dataclass(frozen=True)
class Remark:
    """What is known here of an instrumentation, beside what upstream's list says.

    Attributes:
        gain: What it adds.
        names: Its entry points, where they are not its suffix.
        needs_all: Whether all its libraries must be there, not one of them.
        instead: As for :class:`Instrumentation`.
        passed_over: As for :class:`Instrumentation`.
        unlisted: Why upstream's list leaves it out although it is published; empty for the others.
        libraries: What it instruments, where the list does not say.
        follows_base: As for :class:`Instrumentation`, where the list does not say.
    """

    gain: Gain = "spans"
    names: tuple[str, ...] = ()
    needs_all: bool = False
    instead: str = ""
    passed_over: bool = False
    unlisted: str = ""
    libraries: tuple[str, ...] = ()
    follows_base: bool = True


def _each(gain: Gain, *suffixes: str) -> dict[str, Remark]:
    return {suffix: Remark(gain) for suffix in suffixes}


#: By suffix, in the order in which they are shown.
REMARKS: dict[str, Remark] = {
    **_each("server spans", "aiohttp-server", "django", "falcon", "fastapi", "flask", "pyramid"),
    **_each("server spans", "starlette", "tornado", "wsgi"),
    "aws-lambda": Remark(
        "server spans",
        instead="for handlers of AWS Lambda only; install it by name there",
        unlisted="it instruments no library but the platform",
    ),
    **_each("client spans", "aiohttp-client"),
    "botocore": Remark("client spans", names=("botocore", "aiobotocore")),
    "grpc": Remark(
        "client spans", names=("grpc_client", "grpc_server", "grpc_aio_client", "grpc_aio_server")
    ),
    "httpx": Remark("client spans", names=("httpx", "httpx2")),
    **_each("client spans", "requests", "urllib", "urllib3"),
    **_each("database spans", "aiopg", "asyncpg", "cassandra", "mysql", "mysqlclient", "psycopg"),
    **_each("database spans", "psycopg2", "pymemcache", "pymongo", "pymssql", "pymysql", "redis"),
    **_each("database spans", "sqlalchemy", "sqlite3"),
    "tortoiseorm": Remark("database spans", needs_all=True),
    **_each("messaging spans", "aio-pika", "aiokafka"),
    "boto3sqs": Remark("messaging spans", names=("boto3",)),
    "confluent-kafka": Remark("messaging spans", names=("confluent_kafka",)),
    "kafka-python": Remark("messaging spans", names=("kafka",)),
    **_each("messaging spans", "pika"),
    **_each("task spans", "celery", "remoulade"),
    **_each("command spans", "asyncclick", "click"),
    **_each("template spans", "jinja2"),
    "openai-v2": Remark("model spans", names=("openai",)),
    **_each("model spans", "vertexai"),
    "google-genai": Remark(
        "model spans",
        unlisted="upstream publishes it apart and has not added it to the list",
        libraries=("google-genai >= 1.32.0",),
        follows_base=False,
    ),
    **_each("context in threads", "threading"),
    "asyncio": Remark(
        "coroutine spans",
        instead="traces only what OTEL_PYTHON_ASYNCIO_* names; install it by name where wanted",
    ),
    "logging": Remark(
        "log records",
        instead="vaquero sends the records of logging itself; both would send each one twice",
        passed_over=True,
    ),
    "exceptions": Remark(
        "log records",
        instead="vaquero sends uncaught exceptions itself; both would send each one twice",
        passed_over=True,
    ),
    "structlog": Remark(
        "log records",
        instead="structlog over logging is sent by vaquero; install it by name for other loggers",
    ),
    "system-metrics": Remark(
        "gauges",
        names=("system_metrics",),
        instead="vaquero measures the same under the names of the conventions",
        passed_over=True,
    ),
}

#: In upstream's list, but nothing that instruments by itself: other instrumentations bring them.
NO_INSTRUMENTORS = frozenset({"asgi", "dbapi"})


@dataclass
class _Published:
    libraries: list[str] = field(default_factory=list[str])
    follows_base: bool = True


@functools.cache
def instrumentations() -> tuple[Instrumentation, ...]:
    """Everything that is published for the installed OpenTelemetry, and what is known beside it.

    In the order of :data:`REMARKS`; what upstream has added since follows, with defaults.
    """
    return merged(_upstream())


@functools.cache
def names() -> frozenset[str]:
    """Every name that a switch may give."""
    return frozenset(name for row in instrumentations() for name in row.names)


def merged(upstream: Any) -> tuple[Instrumentation, ...]:
    """The rows that come of upstream's list and the remarks here.

    Args:
        upstream: Has ``libraries``, each a mapping with ``library`` and ``instrumentation``, and
            ``default_instrumentations``: requirements as text. What is missing or of another shape
            is left out.
    """
    published = _published(upstream)
    more = [suffix for suffix in published if suffix not in REMARKS]
    return tuple(
        _row(suffix, REMARKS.get(suffix, Remark()), published.get(suffix))
        for suffix in (*REMARKS, *more)
    )


def _row(suffix: str, remark: Remark, published: _Published | None) -> Instrumentation:
    here = published or _Published(list(remark.libraries), remark.follows_base)
    libraries = tuple(here.libraries)
    return Instrumentation(
        suffix,
        remark.gain,
        remark.names or (suffix,),
        any_of=() if remark.needs_all else libraries,
        all_of=libraries if remark.needs_all else (),
        instead=remark.instead,
        passed_over=remark.passed_over,
        follows_base=here.follows_base,
        published=published is not None or bool(remark.unlisted),
    )


def _upstream() -> Any:
    try:
        # A statement, so that tools that freeze a program find it.
        from opentelemetry.instrumentation import bootstrap_gen
    except ImportError:
        return None
    return bootstrap_gen


def _published(upstream: Any) -> dict[str, _Published]:
    found: dict[str, _Published] = {}
    for library, package in _pairs(upstream):
        try:
            requirement = Requirement(package)
            if library:
                Requirement(library)
        except InvalidRequirement:
            continue
        suffix = requirement.name.removeprefix(PREFIX)
        if suffix == requirement.name or suffix in NO_INSTRUMENTORS:
            continue
        pinned = any(part.operator == "==" for part in requirement.specifier)
        entry = found.setdefault(suffix, _Published(follows_base=pinned))
        if library:
            entry.libraries.append(library)
    return found


def _pairs(upstream: Any) -> Iterable[tuple[str, str]]:
    """A library, empty for the standard library's, and the package for it."""
    for one in getattr(upstream, "libraries", ()):
        if isinstance(one, dict):
            row = cast("dict[str, object]", one)
            yield str(row.get("library", "")), str(row.get("instrumentation", ""))
    for one in getattr(upstream, "default_instrumentations", ()):
        yield "", str(one)
