"""Where each setting stands in a declarative file, for reading it and for writing it."""

from __future__ import annotations

#: Settings that are one value at one place, in the schema's units.
SETTING_PATHS = {
    "disabled": "disabled",
    "sdk_log_level": "log_level",
    "attribute_value_length_limit": "attribute_limits.attribute_value_length_limit",
    "attribute_count_limit": "attribute_limits.attribute_count_limit",
    "span_attribute_value_length_limit": "tracer_provider.limits.attribute_value_length_limit",
    "span_attribute_count_limit": "tracer_provider.limits.attribute_count_limit",
    "span_event_count_limit": "tracer_provider.limits.event_count_limit",
    "span_link_count_limit": "tracer_provider.limits.link_count_limit",
    "event_attribute_count_limit": "tracer_provider.limits.event_attribute_count_limit",
    "link_attribute_count_limit": "tracer_provider.limits.link_attribute_count_limit",
    "exemplar_filter": "meter_provider.exemplar_filter",
    "logrecord_attribute_value_length_limit": "logger_provider.limits.attribute_value_length_limit",
    "logrecord_attribute_count_limit": "logger_provider.limits.attribute_count_limit",
}

#: Of a batch processor, by the prefix of its settings.
BATCH = {
    "schedule_delay": "schedule_delay_ms",
    "export_timeout": "export_timeout_ms",
    "max_queue_size": "max_queue_size",
    "max_export_batch_size": "max_export_batch_size",
}

#: Of an OTLP exporter; ``timeout`` and headers aside, which are written otherwise.
OTLP = {
    "endpoint": "endpoint",
    "compression": "compression",
    "tls.ca_file": "certificate",
    "tls.key_file": "client_key",
    "tls.cert_file": "client_certificate",
    "tls.insecure": "insecure",
}

#: Variables of instrumentations that the file has places for.
INSTRUMENTATION = {
    "general.stability_opt_in_list": "OTEL_SEMCONV_STABILITY_OPT_IN",
    "general.http.client.request_captured_headers": (
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST"
    ),
    "general.http.client.response_captured_headers": (
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE"
    ),
    "general.http.server.request_captured_headers": (
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST"
    ),
    "general.http.server.response_captured_headers": (
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE"
    ),
}

#: Signals, the section of each, and what holds its exporters.
SECTIONS = {
    "traces": ("tracer_provider", "processors"),
    "metrics": ("meter_provider", "readers"),
    "logs": ("logger_provider", "processors"),
}
