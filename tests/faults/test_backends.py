"""Every way in which a backend can fail, met by a program that ends normally."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.processes import free_port

from .hostile import EXIT_S, BlackHole, Collector

if TYPE_CHECKING:
    from tests.support.received import Request

    from .conftest import Ended, Machine

COUNT = 200
NAMES = {f"main-{number}" for number in range(COUNT)}

#: The backend may come back: everything is kept.
PASSING = ["hung", "429", "503", "503_after", "502", "504", "reset", "garbage"]
#: Refused for good, by the specification.
FINAL = {"400": "http_400", "500": "http_500"}
#: A setting can mend it: counted as lost, and kept for a resend.
MENDABLE = {
    "401": "http_401",
    "403": "http_403",
    "404": "http_404",
    "redirect": "http_302",
    "web_page": "not_otlp",
}


def exits_quickly_and_quietly(ended: Ended, limit_s: float = EXIT_S) -> None:
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) <= 20
    assert ended.report["exit_s"] < limit_s


def batch_id(request: Request) -> str:
    return request.headers["x-vaquero-batch-id"]


def recover(machine: Machine, collector: Collector) -> None:
    """The backend is well again, and another process of the same service lives."""
    collector.mode = "ok"
    assert machine.run("recover", 0, collector.endpoint).code == 0


@pytest.mark.parametrize("mode", ["ok", "slow", "huge"])
def test_a_backend_that_takes_everything_gets_everything_once(
    mode: str, machine: Machine, collector: Collector
) -> None:
    """Healthy, slow or endlessly talking: each span arrives once and nothing is left behind."""
    collector.mode = mode
    ended = machine.run("exit", COUNT, collector.endpoint)
    exits_quickly_and_quietly(ended)
    assert ended.err == ""
    assert collector.names == dict.fromkeys(NAMES, 1)
    assert machine.waiting() == 0


@pytest.mark.parametrize("mode", PASSING)
def test_an_outage_loses_nothing(mode: str, machine: Machine, collector: Collector) -> None:
    """What a failing backend does not take is in the spool, and arrives once when it is well."""
    collector.mode = mode
    ended = machine.run("exit", COUNT, collector.endpoint)
    exits_quickly_and_quietly(ended)
    assert ended.dropped == 0
    assert not collector.names
    assert machine.waiting() == COUNT
    recover(machine, collector)
    assert collector.names == dict.fromkeys(NAMES, 1)
    assert machine.waiting() == 0


def test_a_backend_that_is_down_loses_nothing(machine: Machine) -> None:
    """Connection refused: the exit is short, and the spans are kept."""
    port = free_port()
    ended = machine.run("exit", COUNT, f"http://127.0.0.1:{port}/v1/traces")
    exits_quickly_and_quietly(ended)
    assert machine.waiting() == COUNT


def test_a_black_hole_does_not_hold_the_exit(machine: Machine) -> None:
    """Packets that vanish: the exit stays within two seconds, the spans are kept."""
    with BlackHole() as hole:
        ended = machine.run("exit", COUNT, f"http://127.0.0.1:{hole.port}/v1/traces")
    exits_quickly_and_quietly(ended)
    assert machine.waiting() == COUNT


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [("https://127.0.0.1:{port}/v1/traces", "SSL"), ("http://nobody.invalid/v1/traces", "gai")],
    ids=["tls", "dns"],
)
def test_a_wrong_address_loses_nothing(
    endpoint: str, reason: str, machine: Machine, collector: Collector
) -> None:
    """TLS spoken to a plain port, a name that does not resolve: said once, and the spans kept."""
    collector.mode = "garbage"
    ended = machine.run("exit", COUNT, endpoint.format(port=collector.port))
    exits_quickly_and_quietly(ended)
    assert ended.dropped == 0
    assert machine.waiting() == COUNT
    assert len(ended.err.splitlines()) <= 3


@pytest.mark.parametrize(("mode", "reason"), FINAL.items())
def test_a_final_refusal_is_counted_and_not_repeated(
    mode: str, reason: str, machine: Machine, collector: Collector
) -> None:
    """By the specification such a request is not sent again: its spans are counted as lost."""
    collector.mode = mode
    ended = machine.run("exit", COUNT, collector.endpoint)
    exits_quickly_and_quietly(ended)
    assert ended.report["dropped"] == {reason: COUNT}
    assert ended.report["retries"] == 0
    assert machine.waiting() == machine.refused() == 0
    assert reason.removeprefix("http_") in ended.err


@pytest.mark.parametrize(("mode", "reason"), MENDABLE.items())
def test_a_refusal_that_a_setting_mends_is_kept(
    mode: str, reason: str, machine: Machine, collector: Collector
) -> None:
    """Counted as lost, said, not repeated, and kept for a resend."""
    collector.mode = mode
    ended = machine.run("exit", COUNT, collector.endpoint)
    exits_quickly_and_quietly(ended)
    assert ended.report["dropped"] == {reason: COUNT}
    assert ended.report["retries"] == 0
    assert machine.refused() == COUNT
    assert "vaquero spool resend" in ended.err


def test_too_large_requests_are_split(machine: Machine, collector: Collector) -> None:
    """A backend that takes only small requests gets everything in pieces, each span once."""
    collector.mode = "413"
    ended = machine.run("exit", COUNT, collector.endpoint)
    exits_quickly_and_quietly(ended)
    assert ended.dropped == 0
    assert collector.names == dict.fromkeys(NAMES, 1)
    assert all(len(one.content) <= collector.max_bytes for one in collector.of("traces"))


def test_a_partial_success_is_counted_and_not_repeated(
    machine: Machine, collector: Collector
) -> None:
    """What a backend rejects inside a request that it takes is counted, said, not repeated."""
    collector.mode = "partial"
    ended = machine.run("exit", COUNT, collector.endpoint)
    exits_quickly_and_quietly(ended)
    requests = len(collector.requests)
    assert ended.report["dropped"] == {"partial_success": requests}
    assert ended.report["sent"] == COUNT - requests
    assert collector.names == dict.fromkeys(NAMES, 1)
    assert "no way" in ended.err


def test_a_lost_acknowledgement_repeats_one_request(machine: Machine, collector: Collector) -> None:
    """Only the request without an answer comes twice, with the same batch id."""
    collector.modes = ["lost_ack"]
    ended = machine.run("exit", COUNT, collector.endpoint)
    exits_quickly_and_quietly(ended)
    recover(machine, collector)
    assert set(collector.names) == NAMES
    first, second = collector.requests[:2]
    assert (batch_id(first), first.span_names) == (batch_id(second), second.span_names)
    once = [name for name, times in collector.names.items() if times == 1]
    assert len(once) == COUNT - len(first.span_names)
    assert len({batch_id(one) for one in collector.requests}) == len(collector.requests) - 1


def test_nobody_named_and_nobody_there(machine: Machine) -> None:
    """Without an endpoint of the user's nothing is spooled, the exit is short, one line helps."""
    port = free_port()
    ended = machine.run("exit", COUNT, f"http://127.0.0.1:{port}/v1/traces", NAMED="0")
    exits_quickly_and_quietly(ended, 0.5)
    assert not machine.spool.exists()
    assert len(ended.err.splitlines()) == 1
    assert "vaquero run --view" in ended.err
    assert f"127.0.0.1:{port}" in ended.err
    assert ended.report["dropped"] == {"exit": COUNT}
