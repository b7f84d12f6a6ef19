"""The OTLP receiver over gRPC: all three services, with a status or a wait where one is wanted."""

from __future__ import annotations

import threading
from concurrent import futures
from typing import Any

import grpc

from tests.support.received import MESSAGES, Received, Request

_SERVICES = {"TraceService": "traces", "MetricsService": "metrics", "LogsService": "logs"}


class OtlpGrpcReceiver(Received):
    """Listens on a free port of 127.0.0.1, without TLS, until it is closed.

    Attributes:
        code: With what each call fails; None for success.
        answering: While it is cleared, no call is answered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.code: grpc.StatusCode | None = None
        self.answering = threading.Event()
        self.answering.set()
        pool = futures.ThreadPoolExecutor(8)
        self._server = grpc.server(pool, handlers=(_Handler(self),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        #: Without a scheme, as gRPC writes addresses.
        self.target = f"127.0.0.1:{self.port}"
        self._server.start()

    @property
    def url(self) -> str:
        """The address with the scheme that says: without TLS."""
        return f"http://{self.target}"

    def __enter__(self) -> OtlpGrpcReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and end every call."""
        self.answering.set()
        self._server.stop(0).wait(5)


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, receiver: OtlpGrpcReceiver) -> None:
        self._receiver = receiver

    def service(self, details: Any) -> Any:
        """Take the calls of the three services."""
        signal = _SERVICES.get(details.method.split("/")[1].rpartition(".")[2])
        if signal is None:
            return None

        def take(message: Any, context: Any) -> bytes:
            receiver = self._receiver
            headers = {key: str(value) for key, value in context.invocation_metadata()}
            receiver.answering.wait(30)
            code = receiver.code
            body = message.SerializeToString()
            receiver.requests.append(
                Request(details.method, signal, headers, body, accepted=code is None)
            )
            if code is not None:
                context.abort(code, "as ordered")
            return b""

        return grpc.unary_unary_rpc_method_handler(
            take, request_deserializer=MESSAGES[signal].FromString
        )
