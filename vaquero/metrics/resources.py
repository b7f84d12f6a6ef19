"""Ready gauges for what an application waits for: connection pools, caches, quotas of an API.

Each function takes an object that the application has, holds it weakly, and returns it; nothing has
to be ended. What is measured follows OpenTelemetry's names where there are some.
"""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from vaquero.metrics import instruments

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_POOL = "db.client.connection.pool.name"
_STATE = "db.client.connection.state"
_CACHE = "vaquero.cache.name"
_QUOTA = "vaquero.quota.name"


def observe_pool(pool: T, name: str | None = None) -> T:
    """Measure a database pool: connections used and idle, its bound, who waits.

    Gives ``db.client.connection.count`` (by state), ``.max``, ``.idle.min`` and, where the pool
    knows it, ``.pending_requests`` and ``.timeouts``.

    Args:
        pool: A SQLAlchemy engine (sync or async) or pool, or a pool of ``psycopg_pool``.
        name: ``db.client.connection.pool.name``; by default what the pool calls itself.

    Returns:
        The pool.

    Raises:
        TypeError: If it is none of these.
    """
    read = _pool_reader(pool)
    label = {_POOL: name or str(getattr(pool, "name", None) or type(pool).__name__)}
    of = _weakly(pool, read)
    instruments.up_down_counter(
        "db.client.connection.count",
        lambda: _split(of(), label, {"used": "used", "idle": "idle"}),
        unit="{connection}",
        description="Connections by state.",
    )
    for metric, key, unit in (
        ("db.client.connection.max", "max", "{connection}"),
        ("db.client.connection.idle.min", "min", "{connection}"),
        ("db.client.connection.pending_requests", "waiting", "{request}"),
    ):
        instruments.up_down_counter(metric, _one(of, key, label), unit=unit)
    instruments.counter(
        "db.client.connection.timeouts", _one(of, "timeouts", label), unit="{timeout}"
    )
    return pool


class CachedFunction(Protocol):
    """A function decorated by ``functools.lru_cache`` or ``cachetools`` with ``info=True``."""

    def cache_info(self) -> Any:
        """Hits, misses, size and bound so far."""
        ...


def observe_cache(cache: T, name: str | None = None) -> T:
    """Measure a cache: hits, misses, the share of hits in each cycle, entries and their bound.

    Gives ``vaquero.cache.hits``, ``.misses``, ``.hit_ratio`` (of the lookups since the cycle
    before; nothing where there were none), ``.size`` and ``.max_size``.

    Args:
        cache: A function with ``cache_info()`` (``functools.lru_cache``, ``cachetools`` with
            ``info=True``), or a cache object of ``cachetools`` (size and bound only).
        name: ``vaquero.cache.name``; by default the function's qualified name.

    Returns:
        The cache.

    Raises:
        TypeError: If it is neither.
    """
    read = _cache_reader(cache)
    label = {_CACHE: name or str(getattr(cache, "__qualname__", type(cache).__name__))}
    of = _weakly(cache, read)
    instruments.counter("vaquero.cache.hits", _one(of, "hits", label), unit="{hit}")
    instruments.counter("vaquero.cache.misses", _one(of, "misses", label), unit="{miss}")
    instruments.gauge("vaquero.cache.hit_ratio", _share_of_hits(of, label), unit="1")
    instruments.up_down_counter("vaquero.cache.size", _one(of, "size", label), unit="{entry}")
    instruments.up_down_counter("vaquero.cache.max_size", _one(of, "max", label), unit="{entry}")
    return cache


class Quota:
    """The rate limit of an API, from the headers of its answers.

    Gives ``vaquero.quota.limit``, ``.remaining`` and ``.reset`` (seconds until the window begins
    again), with ``vaquero.quota.name``. Understands ``RateLimit`` and ``RateLimit-*`` of the IETF's
    draft, ``X-RateLimit-*`` as GitHub, Stripe and others send them, and ``Retry-After``.

    Args:
        name: Which API, such as ``github``.
        clock: Unix seconds.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._limit: float | None = None
        self._remaining: float | None = None
        self._reset_at: float | None = None
        label = {_QUOTA: name}
        of = _weakly(self, Quota._read)
        for key, unit in (("limit", "{request}"), ("remaining", "{request}"), ("reset", "s")):
            instruments.gauge(f"vaquero.quota.{key}", _one(of, key, label), unit=unit)

    def update(self, headers: Mapping[str, str]) -> None:
        """Take in the headers of one answer; what is absent or unreadable changes nothing.

        Args:
            headers: Names in any case.
        """
        low = {str(name).lower(): str(value) for name, value in headers.items()}
        combined = dict(
            re.findall(r"\b(limit|remaining|reset|r|t|q)=(\d+)", low.get("ratelimit", ""))
        )
        policy = dict(re.findall(r"\b(q)=(\d+)", low.get("ratelimit-policy", "")))
        self._limit = _first(
            combined.get("limit"), policy.get("q"), _header(low, "limit"), self._limit
        )
        self._remaining = _first(
            combined.get("remaining"), combined.get("r"), _header(low, "remaining"), self._remaining
        )
        reset = _first(
            combined.get("reset"), combined.get("t"), _header(low, "reset"), low.get("retry-after")
        )
        if reset is not None:
            # A number of this size is a moment, not a duration: GitHub sends Unix seconds.
            self._reset_at = reset if reset > 1_000_000_000 else self._clock() + reset

    def _read(self) -> dict[str, float | None]:
        left = None if self._reset_at is None else max(0.0, self._reset_at - self._clock())
        return {"limit": self._limit, "remaining": self._remaining, "reset": left}


def _header(low: Mapping[str, str], name: str) -> str | None:
    for prefix in ("ratelimit-", "x-ratelimit-", "x-rate-limit-"):
        if prefix + name in low:
            return low[prefix + name].split(",")[0].split(";")[0].strip()
    return None


def _first(*candidates: Any) -> float | None:
    for candidate in candidates:
        try:
            if candidate is not None:
                return float(candidate)
        except ValueError:
            continue
    return None


def _pool_reader(pool: Any) -> Callable[[Any], dict[str, float | None]]:
    if hasattr(pool, "get_stats") and hasattr(pool, "max_size"):
        return _psycopg
    if hasattr(pool, "sync_engine") or hasattr(pool, "pool") or hasattr(pool, "checkedout"):
        return _sqlalchemy
    raise TypeError(
        f"{type(pool).__name__} is no pool that vaquero knows: expected a SQLAlchemy engine or "
        "pool, or a pool of psycopg_pool."
    )


def _psycopg(pool: Any) -> dict[str, float | None]:
    stats = pool.get_stats()
    idle = stats.get("pool_available", 0)
    return {
        "used": max(0, stats.get("pool_size", 0) - idle),
        "idle": idle,
        "max": stats.get("pool_max"),
        "min": stats.get("pool_min"),
        "waiting": stats.get("requests_waiting", 0),
        "timeouts": stats.get("requests_errors", 0),
    }


def _sqlalchemy(engine: Any) -> dict[str, float | None]:
    engine = getattr(engine, "sync_engine", engine)
    pool = getattr(engine, "pool", engine)
    size = _call(pool, "size")
    overflow = getattr(pool, "_max_overflow", None)
    bound = None if size is None or overflow is None or overflow < 0 else size + overflow
    return {"used": _call(pool, "checkedout"), "idle": _call(pool, "checkedin"), "max": bound}


def _call(pool: Any, name: str) -> Any:
    method = getattr(pool, name, None)
    return method() if callable(method) else None


def _cache_reader(cache: Any) -> Callable[[Any], dict[str, float | None]]:
    if hasattr(cache, "cache_info"):
        return _cache_info
    if hasattr(cache, "currsize") and hasattr(cache, "maxsize"):
        return lambda found: {"size": found.currsize, "max": found.maxsize}
    raise TypeError(
        f"{type(cache).__name__} is no cache that vaquero knows: expected a function with "
        "cache_info(), or a cache of cachetools."
    )


def _cache_info(function: Any) -> dict[str, float | None]:
    info = function.cache_info()
    return {"hits": info.hits, "misses": info.misses, "size": info.currsize, "max": info.maxsize}


def _weakly(
    thing: T, read: Callable[[T], Mapping[str, float | None]]
) -> Callable[[], Mapping[str, float | None]]:
    try:
        reference: Callable[[], T | None] = weakref.ref(thing)
    except TypeError:
        reference = lambda: thing  # noqa: E731 - an object that cannot be held weakly

    def now() -> Mapping[str, float | None]:
        found = reference()
        return {} if found is None else read(found)

    return now


def _one(
    of: Callable[[], Mapping[str, float | None]], key: str, label: Mapping[str, str]
) -> Callable[[], instruments.Reading]:
    def read() -> instruments.Reading:
        value = of().get(key)
        return None if value is None else [(value, label)]

    return read


def _split(
    found: Mapping[str, float | None], label: Mapping[str, str], states: Mapping[str, str]
) -> Iterable[tuple[float, Mapping[str, Any]]]:
    pairs = ((found.get(key), state) for key, state in states.items())
    return [(value, {**label, _STATE: state}) for value, state in pairs if value is not None]


def _share_of_hits(
    of: Callable[[], Mapping[str, float | None]], label: Mapping[str, str]
) -> Callable[[], instruments.Reading]:
    before = (0.0, 0.0)

    def read() -> instruments.Reading:
        nonlocal before
        found = of()
        hits, misses = found.get("hits"), found.get("misses")
        if hits is None or misses is None:
            return None
        new_hits, new_misses = hits - before[0], misses - before[1]
        before = (hits, misses)
        if new_hits < 0 or new_misses < 0 or new_hits + new_misses == 0:
            return None  # Cleared, or not asked since.
        return [(new_hits / (new_hits + new_misses), label)]

    return read
