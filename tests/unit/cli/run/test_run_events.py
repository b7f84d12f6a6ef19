"""A run's id and its two events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.otlp_receiver import OtlpReceiver
from vaquero import _guard
from vaquero.cli.run import run_events


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Takes everything."""
    with OtlpReceiver() as running:
        yield running


def _plain(attributes: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}


def _events(receiver: OtlpReceiver) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, attributes and resource of each event."""
    return [
        (record.event_name, _plain(record.attributes), _plain(resource.resource.attributes))
        for message in receiver.messages("logs")
        for resource in message.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


def _told(receiver: OtlpReceiver, words: list[str], **environ: str) -> list[Any]:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "VAQUERO_SPOOL": "false", **environ}
    run = run_events.begin(words, given)
    if run is not None:
        run.start()
        run.end(3)
    return _events(receiver)


def test_start_and_end_are_told_once_with_the_same_id(
    receiver: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two log events of the service that is run, with command and exit code, and no process."""
    monkeypatch.chdir(tmp_path)
    (first, began, who), (second, ended, same) = _told(
        receiver, ["python", "-u", "shop.py", "--token", "hunter2"]
    )
    assert (first, second) == ("vaquero.run.start", "vaquero.run.end")
    assert began["vaquero.run.id"] == ended["vaquero.run.id"] == who["vaquero.run.id"]
    assert len(began["vaquero.run.id"]) == 36
    assert began["process.command_line"].startswith("python -u shop.py --token ")
    assert "hunter2" not in str(receiver.requests)
    assert ended["process.exit.code"] == 3
    assert who == same
    assert who["service.name"] == "shop"
    assert not [key for key in who if key.startswith("process.") or key == "service.instance.id"]


def test_the_commit_is_told_where_there_is_one(receiver: OtlpReceiver) -> None:
    """Commit and branch of the folder that the run is started in."""
    ((_, began, _), _) = _told(receiver, ["python", "shop.py"], OTEL_SERVICE_NAME="shop")
    assert len(began["vcs.ref.head.revision"]) == 40


def test_an_id_that_is_given_is_kept(receiver: OtlpReceiver) -> None:
    """By hand, so that several commands are one run."""
    ((_, began, _), _) = _told(receiver, ["python", "x.py"], VAQUERO_RUN_ID="nightly-7")
    assert began["vaquero.run.id"] == "nightly-7"


def test_a_run_inside_a_run_is_the_same_run(receiver: OtlpReceiver) -> None:
    """It keeps the id, and leaves telling to the outer one."""
    environ = {"VAQUERO_RUN_ID": "outer", "VAQUERO_RUN_LINES": "0:"}
    assert run_events.begin(["python", "x.py"], environ) is None
    assert environ["VAQUERO_RUN_ID"] == "outer"
    assert _told(receiver, ["python", "x.py"], **environ) == []


def test_what_is_no_id_tells_nothing(receiver: OtlpReceiver) -> None:
    """The program says that it is invalid; nothing is sent under a name that nobody can find."""
    assert _told(receiver, ["python", "x.py"], VAQUERO_RUN_ID="two words") == []


def test_a_destination_that_is_away_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing fails inside, and the two events that nobody took are counted as lost."""
    monkeypatch.setattr(_guard, "strict", True)
    run = run_events.begin(
        ["python", "x.py"],
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "VAQUERO_SPOOL": "false"},
    )
    assert run is not None
    run.start()
    pipeline = run._pipeline
    assert pipeline is not None
    run.end(0)
    logs = pipeline.stats().signals["logs"]
    assert (logs.accepted, logs.acknowledged) == (2, 0)
    assert sum(logs.dropped.values()) == 2
