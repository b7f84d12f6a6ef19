"""The verbs of the API: init, configure, flush, shutdown; and the starts without a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaquero import _guard, _log, _runtime
from vaquero._nearest import did_you_mean
from vaquero.compat.config import SDKConfig
from vaquero.config.table import SETTINGS
from vaquero.sdk.build import assemble
from vaquero.sdk.exporters import Components
from vaquero.sdk.handle import VaqueroSDK
from vaquero.sdk.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk._logs import LogRecordProcessor
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler

_NAMES = [setting.name for setting in SETTINGS]

#: Parameters that the documents of vaquero-sdk show and that change nothing here.
_WITHOUT_EFFECT = frozenset(
    {
        "capture_errors",
        "capture_tokens",
        "capture_code",
        "capture_system_prompts",
        "auto_instrument_llm",
        "auto_instrument_http",
        "auto_instrument_db",
        "detect_agent_frameworks",
        "auto_provision_project",
    }
)


def init(
    project_api_key: str | None = None,
    project_id: str | None = None,
    project_name: str | None = None,
    endpoint: str | None = None,
    environment: str | None = None,
    *,
    service_name: str | None = None,
    service_version: str | None = None,
    protocol: str | None = None,
    headers: Mapping[str, str] | str | None = None,
    resource_attributes: Mapping[str, Any] | None = None,
    sampler: Sampler | float | str | None = None,
    id_generator: IdGenerator | None = None,
    exporters: Sequence[Any] = (),
    span_processors: Sequence[SpanProcessor] = (),
    log_processors: Sequence[LogRecordProcessor] = (),
    gauges: bool | None = None,
    logs: bool | None = None,
    redact: bool | None = None,
    spool: bool | None = None,
    config: SDKConfig | Mapping[str, Any] | None = None,
    api_key: str | None = None,
    mode: str | None = None,
    **overrides: Any,
) -> VaqueroSDK:
    """Start vaquero and make its providers the global ones.

    Nothing needs to be given: what is not comes from ``OTEL_*`` and ``VAQUERO_*`` variables, from
    ``[tool.vaquero]`` in ``pyproject.toml``, else from the defaults. A provider that the
    application itself has set stays, and nothing is added to it. Called again, it replaces the SDK
    before.

    Args:
        project_api_key: vaquero-sdk's key; sent as ``Authorization: Bearer`` only to an endpoint
            that you name, here or in the environment.
        project_id: ``vaquero.project.id`` on the resource.
        project_name: ``vaquero.project.name``, and ``service.name`` where that is not given.
        endpoint: Base URL of any OTLP receiver, such as ``http://localhost:4318``.
        environment: ``deployment.environment.name``.
        service_name: ``service.name``; by default the name of the project, script or module.
        service_version: ``service.version``.
        protocol: ``http/protobuf`` or ``grpc``; by default gRPC for port 4317, else HTTP.
        headers: Sent with each request.
        resource_attributes: More attributes of the resource.
        sampler: A sampler, its name, or a share from 0 to 1 of the traces that begin here.
        id_generator: Makes trace and span ids; random by default.
        exporters: Exporters of the SDK. For their signal they stand in place of OTLP, unless
            ``endpoint`` is given too.
        span_processors: Called before vaquero's own.
        log_processors: The same for log records.
        gauges: Whether host, process and runtime gauges run.
        logs: Whether log records are sent.
        redact: Whether secrets are removed before anything leaves the process.
        spool: Whether what is not yet sent is kept on disk.
        config: The ``SDKConfig`` of vaquero-sdk.
        api_key: The documents' other name for ``project_api_key``.
        mode: The documents' other name for ``environment``.
        **overrides: Any other setting of the table in ``docs/settings.md`` by its name. An unknown
            one is logged with the nearest known name, and ignored.

    Returns:
        The running SDK; a disabled one where settings say so or starting failed. Never raises.
    """
    if project_api_key is not None and api_key is None:
        api_key = project_api_key
    if isinstance(api_key, str) and not api_key.strip():
        _log.warn(
            "api_key",
            "vaquero.init got an empty key: expected a key or none at all; "
            "nothing is sent with a key.",
        )
        api_key = None
    arguments: dict[str, Any] = {
        "api_key": api_key,
        "project_id": project_id,
        "project_name": project_name,
        "endpoint": endpoint,
        "environment": environment or mode,
        "service_name": service_name,
        "service_version": service_version,
        "protocol": protocol,
        "headers": headers,
        "resource_attributes": resource_attributes,
        "sampler": sampler,
        "id_generator": id_generator,
        "gauges": gauges,
        "logs": logs,
        "redact": redact,
        "spool": spool,
    }
    given = {**_from_config(config), **_known(overrides)}
    given.update({name: value for name, value in arguments.items() if value is not None})
    components = Components(
        exporters=tuple(exporters or ()),
        span_processors=tuple(span_processors or ()),
        log_processors=tuple(log_processors or ()),
    )
    _load_facade()
    sdk = start(given, components)
    sdk.config = config if isinstance(config, SDKConfig) else SDKConfig(**_config_fields(given))
    return sdk


def _load_facade() -> None:
    """Load what the first spans would load: not in a thread that runs while another one forks."""
    import vaquero.facade.decorator  # noqa: F401  # pyright: ignore[reportUnusedImport]


def start(
    arguments: Mapping[str, Any] | None = None,
    components: Components | None = None,
    *,
    replaceable: bool = False,
) -> VaqueroSDK:
    """Make an SDK and put it in use, ending the one before; never raises.

    Args:
        arguments: Settings by the names of the table.
        components: Objects given beside them.
        replaceable: As at the implicit start: an application may still set its own providers.
    """
    with _runtime.lock:
        before = _runtime.sdk
        if before is not None:
            before.shutdown(timeout=0.5)
        try:
            settings, parts = assemble(arguments or {}, components, replaceable=replaceable)
        except Exception as error:
            _guard.report(error, "init")
            from vaquero import config

            settings, parts = config.load({}), Parts()
        sdk = VaqueroSDK(settings=settings, parts=parts)
        _runtime.set_sdk(sdk)
        return sdk


def start_by_first_call() -> VaqueroSDK:
    """The implicit start: what ``_runtime.starter`` is."""
    return start(replaceable=True)


def configure(
    api_key: str | None = None,
    project_id: str | None = None,
    endpoint: str | None = None,
    batch_size: int | None = None,
    flush_interval: float | None = None,
    max_retries: int | None = None,
    timeout: float | None = None,
    environment: str | None = None,
    tags: Mapping[str, str] | None = None,
    **kwargs: Any,
) -> VaqueroSDK:
    """``init`` with the parameters of vaquero-sdk in their order."""
    given: dict[str, Any] = {
        "batch_size": batch_size,
        "flush_interval": flush_interval,
        "max_retries": max_retries,
        "timeout": timeout,
        "tags": tags,
        **kwargs,
    }
    return init(
        None,
        project_id,
        None,
        endpoint,
        environment,
        api_key=api_key,
        **{name: value for name, value in given.items() if value is not None},
    )


def configure_from_env() -> SDKConfig:
    """The settings of the environment as an ``SDKConfig``, as in vaquero-sdk; starts nothing."""
    from vaquero import config

    settings = config.load()
    return SDKConfig(**_config_fields({name: settings[name] for name in settings}))


def get_default_sdk() -> VaqueroSDK:
    """The SDK in use; the first call starts the default one. After ``shutdown`` a disabled one."""
    sdk = _runtime.ensure_started()
    if sdk is None:
        from vaquero import config

        return VaqueroSDK(settings=config.load({}), parts=Parts())
    return sdk


def set_default_sdk(sdk: VaqueroSDK | None) -> None:
    """Make this SDK the one in use; None forgets the one before without ending it."""
    if sdk is None:
        _runtime.reset()
        return
    _runtime.set_sdk(sdk)


def flush(timeout: float | None = None) -> bool:
    """Send all that was recorded so far; see :meth:`VaqueroSDK.flush`. True where nothing runs."""
    sdk = _runtime.sdk
    return True if sdk is None else sdk.flush(timeout)


def shutdown(timeout: float | None = None) -> bool:
    """End the SDK in use; see :meth:`VaqueroSDK.shutdown`. True where nothing runs."""
    sdk = _runtime.sdk
    return True if sdk is None else sdk.shutdown(timeout)


def configure_from_entry_point(**kwargs: Any) -> VaqueroSDK:
    """What the configurator calls: the arguments of the SDK's own configurator, all optional.

    Args:
        **kwargs: ``trace_exporter_names``, ``metric_exporter_names``, ``log_exporter_names``,
            ``sampler``, ``resource_attributes``, ``id_generator``, ``exporter_args_map``,
            ``span_processors``, ``export_span_processor``, ``log_record_processors``; others are
            accepted and without effect.
    """
    attributes = dict(kwargs.get("resource_attributes") or {})
    version = kwargs.get("auto_instrumentation_version")
    if version:
        attributes.setdefault("telemetry.auto.version", version)
    arguments = {
        "sampler": kwargs.get("sampler"),
        "id_generator": kwargs.get("id_generator"),
    }
    components = Components(
        span_processors=tuple(kwargs.get("span_processors") or ()),
        log_processors=tuple(kwargs.get("log_record_processors") or ()),
        names={
            "traces": tuple(kwargs.get("trace_exporter_names") or ()),
            "metrics": tuple(kwargs.get("metric_exporter_names") or ()),
            "logs": tuple(kwargs.get("log_exporter_names") or ()),
        },
        export_processor=kwargs.get("export_span_processor"),
        exporter_args=kwargs.get("exporter_args_map") or {},
        resource_attributes=attributes,
    )
    return start(
        {name: value for name, value in arguments.items() if value is not None}, components
    )


def _from_config(config: SDKConfig | Mapping[str, Any] | None) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, SDKConfig):
        return config.arguments()
    return _known(dict(config))


def _known(overrides: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for name, value in overrides.items():
        if name in _NAMES:
            known[name] = value
        elif name not in _WITHOUT_EFFECT:
            _log.warn(
                f"unknown:{name}",
                "vaquero.init has no parameter %r%s It is ignored.",
                name,
                did_you_mean(name, _NAMES),
            )
    return known


def _config_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    names = SDKConfig.__dataclass_fields__
    return {name: value for name, value in given.items() if name in names and value is not None}
