"""Runs of programs: what is known about each, from resources and from their events."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from vaquero_viewer.otlp.logs import read_logs
from vaquero_viewer.otlp.metrics import read_metrics
from vaquero_viewer.otlp.spans import read_spans
from vaquero_viewer.store import Run, Store


@pytest.fixture
def store() -> Iterator[Store]:
    """A store in memory."""
    store = Store()
    yield store
    store.close()


def _event(make, name: str, at_s: float, service: str = "shop", resource=None, **said):
    request = make.logs("", service=service)
    of_resource = request.resource_logs[0]
    make.attributes(of_resource.resource, resource or {})
    record = of_resource.scope_logs[0].log_records[0]
    record.event_name, record.time_unix_nano = name, make.now + int(at_s * 1e9)
    make.attributes(record, said)
    return read_logs(request, time.time_ns())


def _put(store: Store, *batches) -> None:
    for batch in batches:
        store.submit(batch).result(20)


def _start(make, **more):
    said = {
        "vaquero.run.id": "r1", "process.command_line": "python app.py",
        "vcs.ref.head.revision": "0a1b", "vcs.ref.head.name": "main", "host.name": "box",
    }  # fmt: skip
    return _event(make, "vaquero.run.start", 1, **{**said, **more})


def _end(make, **more):
    said = {"vaquero.run.id": "r1", "process.exit.code": 2}
    return _event(make, "vaquero.run.end", 5, **{**said, **more})


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 1, 0, 2, 2)])
def test_run_from_its_events(store, make, order):
    """Start and end, in whatever order, and repeated, make one run with all that they say."""
    span = read_spans(make.spans({}, **{"vaquero.run.id": "r1"}), time.time_ns())
    for index in order:
        _put(store, (_start(make), span, _end(make))[index])

    (run,) = store.runs()
    assert run == Run(
        run_id="r1", service_name="shop", command="python app.py", start_ns=make.now + 10**9,
        end_ns=make.now + 5 * 10**9, exit_code=2, revision="0a1b", branch="main", host_name="box",
        source="event", first_seen_ns=run.first_seen_ns, last_seen_ns=run.last_seen_ns,
    )  # fmt: skip
    assert 0 < time.time_ns() - run.first_seen_ns < 60 * 10**9


def test_vaquero_command_and_event_attribute(store, make):
    """`vaquero.run.command` stands above the command line; an older event has its name inside."""
    batch = _event(
        make, "", 1, **{"event.name": "vaquero.run.start", "vaquero.run.id": "r1",
                        "vaquero.run.command": "vaquero run app.py",
                        "process.command_line": "python app.py"}
    )  # fmt: skip
    _put(store, batch)
    (run,) = store.runs()
    assert (run.command, run.start_ns) == ("vaquero run app.py", make.now + 10**9)


def test_run_of_a_resource(store, make, rows):
    """Without an event the resource says which run it is, and its service, command and host."""
    resource = {"service.instance.id": "i1", "host.name": "box", "process.command_args": ["a", "b"]}
    _put(store, read_spans(make.spans({}, **resource), 7))
    (run,) = store.runs()
    assert (run.run_id, run.source, run.service_name) == ("i1", "service.instance.id", "shop")
    assert (run.command, run.host_name, run.start_ns) == ('["a", "b"]', "box", None)
    assert (run.first_seen_ns, run.last_seen_ns) == (7, 7)
    assert rows(store, "SELECT run_id FROM spans") == [("i1",)]


def test_run_id_stands_above_the_instance(store, make, rows):
    """With both attributes the run id counts: all processes of a run are one run."""
    for instance in ("i1", "i2"):
        resource = {"vaquero.run.id": "r1", "service.instance.id": instance}
        _put(store, read_spans(make.spans({"id": int(instance[1])}, **resource), 7))
    assert [(run.run_id, run.source) for run in store.runs()] == [("r1", "vaquero.run.id")]
    assert rows(store, "SELECT DISTINCT run_id FROM spans") == [("r1",)]


def test_all_signals_have_the_run(store, make, rows):
    """Spans, log records and metric series carry the run of their resource."""
    resource = {"vaquero.run.id": "r9"}
    _put(store, read_spans(make.spans({}, **resource), 7))
    logs, gauge = make.logs("x"), make.gauge("cpu", (1, 0.5))
    make.attributes(logs.resource_logs[0].resource, resource)
    make.attributes(gauge.resource_metrics[0].resource, resource)
    _put(store, read_logs(logs, 8), read_metrics(gauge, 9))
    for table in ("spans", "logs", "metric_series", "resources"):
        assert {row[0] for row in rows(store, f"SELECT run_id FROM {table}")} == {"r9"}, table


def test_without_an_id_there_is_no_run(store, make, rows):
    """A resource with neither id, or with one that is no text, belongs to no run."""
    _put(store, read_spans(make.spans({}), 7), read_spans(make.spans(
        {"id": 2}, **{"service.instance.id": 5, "vaquero.run.id": ""}), 7))  # fmt: skip
    assert store.runs() == []
    assert rows(store, "SELECT DISTINCT run_id FROM spans") == [(None,)]


def test_event_without_a_run_is_a_log_record(store, make):
    """A start event that names no run is stored as what it is."""
    _put(store, _event(make, "vaquero.run.start", 1))
    assert (store.runs(), store.counts().logs) == ([], 1)


def test_run_events_take_the_id_of_their_resource(store, make):
    """An event without the id in its attributes is of the run of its resource."""
    resource = {"vaquero.run.id": "r1", "host.name": "box"}
    _put(
        store, _event(make, "vaquero.run.end", 3, resource=resource, **{"process.exit.code": 2**40})
    )
    (run,) = store.runs()
    assert (run.run_id, run.host_name, run.exit_code) == ("r1", "box", None)
    assert run.end_ns == make.now + 3 * 10**9


def test_several_processes_of_one_run(store, make):
    """Of several starts the first counts, with its service; of several ends the last."""
    _put(
        store,
        _event(make, "vaquero.run.start", 2, "worker", **{"vaquero.run.id": "r1"}),
        _start(make),
        _end(make),
        _event(make, "vaquero.run.end", 9, "worker",
               **{"vaquero.run.id": "r1", "process.exit.code": 0}),
    )  # fmt: skip
    (run,) = store.runs()
    assert (run.service_name, run.start_ns, run.end_ns, run.exit_code) == (
        "shop", make.now + 10**9, make.now + 9 * 10**9, 0
    )  # fmt: skip


def test_last_seen_after_a_restart(file, make):
    """When a run sent last is in the file once the store is closed, and grows on."""
    resource = {"service.instance.id": "i1"}
    for number in (1, 2, 3):
        store = Store(file, max_age_s=1e10)
        _put(store, read_spans(make.spans({"id": number}, **resource), number * 10**9))
        _put(store, read_spans(make.spans({"id": number + 10}, **resource), number * 10**9 + 5))
        store.close()
    store = Store(file, read_only=True)
    (run,) = store.runs()
    store.close()
    assert (run.first_seen_ns, run.last_seen_ns) == (10**9, 3 * 10**9 + 5)


def test_newest_run_first_and_of_a_service(store, make):
    """Runs come by their begin, the last first, and may be asked for by service."""
    for number in (1, 3, 2):
        said = {"vaquero.run.id": f"r{number}"}
        _put(store, _event(make, "vaquero.run.start", number, f"shop{number % 2}", **said))
    assert [run.run_id for run in store.runs()] == ["r3", "r2", "r1"]
    assert [run.run_id for run in store.runs(service="shop0")] == ["r2"]
    assert len(store.runs(limit=1)) == 1


def test_failed_batch_says_nothing_about_runs(store, make, monkeypatch):
    """What a batch that could not be stored said about a run is forgotten with it."""
    import duckdb
    from vaquero_viewer.errors import BadBody

    inserter = store._writer._inserter
    spans = inserter._spans

    def fail(_rows) -> None:
        raise duckdb.ConversionException("no")

    monkeypatch.setattr(inserter, "_spans", fail)
    batch = read_spans(make.spans({}, **{"vaquero.run.id": "r1"}), 7)
    with pytest.raises(BadBody):
        store.submit(batch).result(20)
    assert store.runs() == []
    monkeypatch.setattr(inserter, "_spans", spans)
    _put(store, batch)
    assert [run.run_id for run in store.runs()] == ["r1"]
