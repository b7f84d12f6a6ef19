"""Which published instrumentation fits which library.

Source: the metadata of the packages ``opentelemetry-instrumentation-*`` of release 0.66b2. Where
one is installed its own metadata holds, not this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    """

    suffix: str
    gain: Gain
    names: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    instead: str = ""
    passed_over: bool = False
    follows_base: bool = True

    @property
    def package(self) -> str:
        """The name of its distribution."""
        return PREFIX + self.suffix

    @property
    def standard(self) -> bool:
        """Whether what it instruments comes with Python itself."""
        return not self.any_of and not self.all_of


def _row(suffix: str, gain: Gain, *any_of: str, name: str = "") -> Instrumentation:
    return Instrumentation(suffix, gain, (name or suffix,), any_of)


TABLE: tuple[Instrumentation, ...] = (
    _row("aiohttp-server", "server spans", "aiohttp ~= 3.0"),
    _row("django", "server spans", "django >= 2.0"),
    _row("falcon", "server spans", "falcon >= 1.4.1, < 5.0.0"),
    _row("fastapi", "server spans", "fastapi ~= 0.92"),
    _row("flask", "server spans", "flask >= 1.0"),
    _row("pyramid", "server spans", "pyramid >= 1.7"),
    _row("starlette", "server spans", "starlette >= 0.13"),
    _row("tornado", "server spans", "tornado >= 5.1.1"),
    Instrumentation("wsgi", "server spans", ("wsgi",)),
    Instrumentation(
        "aws-lambda",
        "server spans",
        ("aws-lambda",),
        instead="for handlers of AWS Lambda only; install it by name there",
    ),
    _row("aiohttp-client", "client spans", "aiohttp ~= 3.0"),
    Instrumentation(
        "botocore",
        "client spans",
        ("botocore", "aiobotocore"),
        ("botocore ~= 1.0", "aiobotocore >= 2.0, < 4.0"),
    ),
    Instrumentation(
        "grpc",
        "client spans",
        ("grpc_client", "grpc_server", "grpc_aio_client", "grpc_aio_server"),
        ("grpcio >= 1.42.0",),
    ),
    Instrumentation(
        "httpx", "client spans", ("httpx", "httpx2"), ("httpx >= 0.18.0", "httpx2 >= 2.0.0")
    ),
    _row("requests", "client spans", "requests ~= 2.0"),
    _row("urllib", "client spans"),
    _row("urllib3", "client spans", "urllib3 >= 1.0.0, < 3.0.0"),
    _row("aiopg", "database spans", "aiopg >= 0.13.0, < 2.0.0"),
    _row("asyncpg", "database spans", "asyncpg >= 0.12.0"),
    _row("cassandra", "database spans", "cassandra-driver ~= 3.25", "scylla-driver ~= 3.25"),
    _row("mysql", "database spans", "mysql-connector-python >= 8.0"),
    _row("mysqlclient", "database spans", "mysqlclient < 3"),
    _row("psycopg", "database spans", "psycopg >= 3.1.0"),
    _row("psycopg2", "database spans", "psycopg2 >= 2.7.3.1", "psycopg2-binary >= 2.7.3.1"),
    _row("pymemcache", "database spans", "pymemcache >= 1.3.5, < 5"),
    _row("pymongo", "database spans", "pymongo >= 3.1, < 5.0"),
    _row("pymssql", "database spans", "pymssql >= 2.1.5, < 3"),
    _row("pymysql", "database spans", "PyMySQL < 2"),
    _row("redis", "database spans", "redis >= 2.6"),
    _row("sqlalchemy", "database spans", "sqlalchemy >= 1.0.0, < 2.1.0"),
    _row("sqlite3", "database spans"),
    Instrumentation(
        "tortoiseorm",
        "database spans",
        ("tortoiseorm",),
        all_of=("tortoise-orm >= 0.17.0", "pydantic >= 1.10.2"),
    ),
    _row("aio-pika", "messaging spans", "aio-pika >= 7.2.0, < 11.0.0"),
    _row("aiokafka", "messaging spans", "aiokafka >= 0.8, < 1.0"),
    _row("boto3sqs", "messaging spans", "boto3 ~= 1.0", name="boto3"),
    _row(
        "confluent-kafka",
        "messaging spans",
        "confluent-kafka >= 1.8.2, < 3.0.0",
        name="confluent_kafka",
    ),
    _row("kafka-python", "messaging spans", "kafka-python >= 2.0, < 4.0", name="kafka"),
    _row("pika", "messaging spans", "pika >= 0.12.0"),
    _row("celery", "task spans", "celery >= 4.0, < 6.0"),
    _row("remoulade", "task spans", "remoulade >= 0.50"),
    _row("asyncclick", "command spans", "asyncclick ~= 8.0"),
    _row("click", "command spans", "click >= 8.1.3, < 9.0.0"),
    _row("jinja2", "template spans", "jinja2 >= 2.7, < 4.0"),
    Instrumentation(
        "openai-v2", "model spans", ("openai",), ("openai >= 1.26.0",), follows_base=False
    ),
    Instrumentation(
        "vertexai",
        "model spans",
        ("vertexai",),
        ("google-cloud-aiplatform >= 1.64",),
        follows_base=False,
    ),
    Instrumentation(
        "google-genai",
        "model spans",
        ("google-genai",),
        ("google-genai >= 1.32.0",),
        follows_base=False,
    ),
    _row("threading", "context in threads"),
    Instrumentation(
        "asyncio",
        "coroutine spans",
        ("asyncio",),
        instead="traces only what OTEL_PYTHON_ASYNCIO_* names; install it by name where wanted",
    ),
    Instrumentation(
        "logging",
        "log records",
        ("logging",),
        instead="vaquero sends the records of logging itself; both would send each one twice",
        passed_over=True,
    ),
    Instrumentation(
        "exceptions",
        "log records",
        ("exceptions",),
        instead="vaquero sends uncaught exceptions itself; both would send each one twice",
        passed_over=True,
    ),
    Instrumentation(
        "structlog",
        "log records",
        ("structlog",),
        ("structlog >= 21.1",),
        instead="structlog over logging is sent by vaquero; install it by name for other loggers",
    ),
    Instrumentation(
        "system-metrics",
        "gauges",
        ("system_metrics",),
        ("psutil >= 5",),
        instead="vaquero measures the same under the names of the conventions",
        passed_over=True,
    ),
)

#: Every name that a switch may give.
NAMES: frozenset[str] = frozenset(name for row in TABLE for name in row.names)
