"""vaquero-sdk's configuration object: the fields of its code and its documents."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from vaquero import _log
from vaquero._nearest import did_you_mean
from vaquero.config import SETTINGS, kinds
from vaquero.errors import SettingsError

_NUMBERS = ("batch_size", "flush_interval", "timeout")


@dataclass(init=False)
class SDKConfig:
    """Settings in vaquero-sdk's shape; ``vaquero.init(config=...)`` and ``VaqueroSDK`` take it.

    Every field is optional. An invalid value is logged on the logger ``vaquero``, and the default
    is used; an unknown field is logged with the nearest known name. The key is never shown, and is
    sent only to an endpoint that is named here or in the environment.

    Attributes:
        api_key: Sent as ``Authorization: Bearer``.
        project_id: ``vaquero.project.id`` on the resource.
        project_name: ``vaquero.project.name`` on the resource.
        endpoint: Base URL of an OTLP receiver; None is the local default.
        batch_size: Most spans in one request.
        flush_interval: Seconds between two requests.
        max_retries: Accepted; retries follow the OTLP specification.
        timeout: Seconds for one request.
        environment: ``deployment.environment.name``.
        mode: The documents' other name for ``environment``.
        tags: ``vaquero.tag.*`` on the resource.
        enabled: False builds nothing.
        debug: Log level DEBUG for vaquero.
        log_level: Lowest level of log records that are sent.
        capture_inputs: Record arguments of traced functions.
        capture_outputs: Record results of traced functions.
    """

    api_key: str | None = field(default=None, repr=False)
    project_id: str | None = None
    endpoint: str | None = None
    batch_size: int | None = None
    flush_interval: float | None = None
    max_retries: int | None = None
    timeout: float | None = None
    environment: str | None = None
    tags: dict[str, str] = field(default_factory=lambda: {})
    project_name: str | None = None
    mode: str | None = None
    enabled: bool = True
    debug: bool = False
    log_level: str | None = None
    capture_inputs: bool = False
    capture_outputs: bool = False
    capture_errors: bool = True
    capture_tokens: bool = True
    capture_code: bool = False
    capture_system_prompts: bool = False
    auto_instrument_llm: bool = False
    auto_instrument_http: bool = False
    auto_instrument_db: bool = False
    detect_agent_frameworks: bool = False

    def __init__(self, *args: Any, **values: Any) -> None:
        rows = fields(self)
        known = [row.name for row in rows]
        given = dict(zip(known, args, strict=False))
        given.update(values)
        for row in rows:
            default: Any = {} if row.name == "tags" else row.default
            setattr(self, row.name, given.pop(row.name, default))
        for name in given:
            hint = did_you_mean(name, known)
            _log.warn(f"unknown:{name}", "SDKConfig has no field %r%s It is ignored.", name, hint)
        self._drop_invalid()

    def _drop_invalid(self) -> None:
        for row in SETTINGS:
            value = getattr(self, row.name, None)
            if row.name not in _NUMBERS or value is None:
                continue
            try:
                row.kind.parse(value)
            except Exception:  # Any object may have been given.
                problem = SettingsError(
                    f"SDKConfig.{row.name}",
                    kinds.brief(value),
                    source="argument",
                    expected=row.kind.expected,
                    using="the default",
                )
                _log.warn(f"config:{row.name}", "%s", problem)
                setattr(self, row.name, None)

    def arguments(self) -> dict[str, Any]:
        """These settings by the names of ``vaquero.init``; what is not given is left out."""
        values: dict[str, Any] = {
            "api_key": self.api_key,
            "project_id": self.project_id,
            "project_name": self.project_name,
            "endpoint": self.endpoint,
            "batch_size": self.batch_size,
            "flush_interval": self.flush_interval,
            "max_retries": self.max_retries,
            "timeout": self.timeout,
            "environment": self.environment or self.mode,
            "tags": self.tags or None,
            "enabled": None if self.enabled else False,
            "debug": self.debug or None,
            "log_level": self.log_level,
            "capture_inputs": self.capture_inputs or None,
            "capture_outputs": self.capture_outputs or None,
        }
        return {name: value for name, value in values.items() if value is not None}
