"""Where a signal goes: addresses, protocols, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vaquero import config
from vaquero.sdk import endpoints

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_goes_only_to_an_endpoint_that_was_named(tmp_path: Path) -> None:
    """Without an endpoint of the user's the key is in no header."""

    def headers(**arguments: Any) -> dict[str, str]:
        settings = config.load({"api_key": "k", **arguments}, environ={}, folder=tmp_path)
        return dict(endpoints.destination("traces", settings).headers)

    assert headers() == {}
    assert headers(endpoint="http://a:1") == {"authorization": "Bearer k"}
    assert headers(endpoint="http://a:1", headers={"Authorization": "mine"}) == {
        "authorization": "mine"
    }


@pytest.mark.parametrize(
    ("environ", "endpoint", "protocol", "named"),
    [
        ({}, "http://localhost:4318/v1/traces", "http/protobuf", False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318/"}, "http://a:4318/v1/traces",
         "http/protobuf", True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4317"}, "http://a:4317", "grpc", True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a:1/x"}, "http://a:1/x",
         "http/protobuf", True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4317",
          "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http://a:4317/v1/traces",
         "http/protobuf", True),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http://localhost:4317", "grpc", False),
    ],
)  # fmt: skip
def test_endpoint_and_protocol_follow_the_specification(
    environ: dict[str, str], endpoint: str, protocol: str, named: bool, tmp_path: Path
) -> None:
    """Base URL with the signal's path, the signal's own URL as it is, gRPC on port 4317."""
    found = endpoints.destination("traces", config.load({}, environ=environ, folder=tmp_path))

    assert (found.endpoint, found.protocol, found.named_by_user) == (endpoint, protocol, named)
