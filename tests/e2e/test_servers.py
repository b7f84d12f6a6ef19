"""``vaquero run`` under real servers: each span once, each worker with an identity of its own."""

from __future__ import annotations

import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.otlp_receiver import OtlpReceiver
from tests.support.waiting import wait_until

from .programs import APPS, BIN, INSTRUMENT, Served, all_acknowledged, run, served

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.servers, pytest.mark.slow]

REQUESTS = 30

GUNICORN = [
    "gunicorn", "wsgi:app", "-b", "127.0.0.1:{port}", "-w", "2", "--no-control-socket",
]  # fmt: skip

UWSGI = [
    "uwsgi", "--http-socket", "127.0.0.1:{port}", "--wsgi-file", "wsgi.py", "--master",
    "--processes", "2", "--die-on-term", "--need-app", "--home", sys.prefix,
]  # fmt: skip

SERVERS = {
    "uvicorn": ["uvicorn", "asgi:app", "--port", "{port}"],
    "uvicorn-workers": ["uvicorn", "asgi:app", "--port", "{port}", "--workers", "2"],
    "uvicorn-reload": ["uvicorn", "asgi:app", "--port", "{port}", "--reload"],
    "gunicorn": GUNICORN,
    "gunicorn-preload": [*GUNICORN, "--preload"],
    "gunicorn-gevent": [*GUNICORN, "-k", "gevent"],
    "uwsgi": UWSGI,
    "uwsgi-threads": [*UWSGI, "--enable-threads", "--threads", "2"],
    "flask-debug": ["flask", "--app", "flaskapp", "run", "--debug", "--port", "{port}"],
    "django": [sys.executable, "manage.py", "runserver", "127.0.0.1:{port}"],
}


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Where the programs send to."""
    with OtlpReceiver() as running:
        yield running


@pytest.mark.parametrize("name", SERVERS)
def test_each_request_makes_one_span(name: str, receiver: OtlpReceiver, tmp_path: Path) -> None:
    """Under this server every request's span arrives exactly once, with its worker's identity."""
    words = SERVERS[name]
    _needs("django-admin" if name == "django" else words[0])
    if "gevent" in words:
        pytest.importorskip("gevent")
    marks = [f"m{number}" for number in range(REQUESTS)]
    with served(words, receiver.url, tmp_path, XDG_STATE_HOME=str(tmp_path)) as server:
        with ThreadPoolExecutor(4) as pool:
            bodies = list(pool.map(lambda mark: server.get(f"/{mark}"), marks))
        assert bodies == [f"did {mark}" for mark in marks]
        # While it runs: a server that lives for weeks must not wait for its end.
        _wait_for_spans(receiver, REQUESTS, server, tmp_path)
        server.end()
        assert "vaquero itself" not in server.said
        # gunicorn's gevent workers end in a stack trace of their own, with or without us.
        assert name == "gunicorn-gevent" or "Traceback" not in server.said, server.said
    _each_once(receiver, marks)


@pytest.mark.parametrize("name", ["uvicorn-workers", "gunicorn"])
def test_the_plain_launcher_gives_the_same(
    name: str, receiver: OtlpReceiver, tmp_path: Path
) -> None:
    """``opentelemetry-instrument`` without any variable set chooses vaquero, in workers too."""
    words = SERVERS[name]
    _needs("django-admin" if name == "django" else words[0])
    if "gevent" in words:
        pytest.importorskip("gevent")
    marks = [f"m{number}" for number in range(REQUESTS)]
    state = {"XDG_STATE_HOME": str(tmp_path)}
    with served(words, receiver.url, tmp_path, launcher=INSTRUMENT, **state) as server:
        for mark in marks:
            server.get(f"/{mark}")
        _wait_for_spans(receiver, REQUESTS, server, tmp_path)
        server.end()
    _each_once(receiver, marks)
    distro = {span.resource.get("telemetry.distro.name") for span in receiver.named("work")}
    assert distro == {"vaquero"}


def test_celery_workers_send_what_their_tasks_do(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """Spans of tasks in prefork children arrive once."""
    _needs("celery")
    marks = [f"t{number}" for number in range(10)]
    folder = tmp_path / "queue"
    folder.mkdir()
    words = ["celery", "-A", "tasks", "worker", "-c", "2", "-l", "warning", "--without-mingle"]
    words += ["--without-gossip", "--without-heartbeat"]
    state = {"XDG_STATE_HOME": str(tmp_path), "QUEUE_FOLDER": str(folder)}
    with served(words, receiver.url, tmp_path, probe=False, **state) as server:
        code = f"import tasks\nfor mark in {marks}: tasks.do.delay(mark)"
        asked = run(["-c", code], receiver.url, launcher=[sys.executable], QUEUE_FOLDER=str(folder))
        assert asked.returncode == 0, asked.stderr
        _wait_for_spans(receiver, 10, server, tmp_path)
        server.end()
    _each_once(receiver, marks)


def test_uv_run(receiver: OtlpReceiver) -> None:
    """A launcher that is not Python hands the environment on, and so the program is measured."""
    _needs("uv")
    words = ["uv", "run", "--no-project", "--offline", "--python", sys.executable]
    done = run([*words, "python", "plain.py", "5"], receiver.url, VIRTUAL_ENV=sys.prefix)
    assert done.returncode == 5, done.stderr
    assert len(receiver.named("work")) == 3


def test_pytest(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """A test run is a program like any other."""
    words = ["pytest", "-q", "-p", "no:cacheprovider", "-c", str(tmp_path / "none.ini")]
    (tmp_path / "none.ini").write_text("[pytest]\n")
    done = run([*words, str(APPS / "checked_by_pytest.py")], receiver.url, PYTHONPATH=str(APPS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [span.attributes["mark"] for span in receiver.named("work")] == ["tested"]


def _needs(program: str) -> None:
    """Skip, with the reason said, where a server is not installed."""
    if not (BIN / program).exists() and not Path(program).exists():
        pytest.skip(f"{program} is not installed")


def _wait_for_spans(receiver: OtlpReceiver, count: int, server: Served, state: Path) -> None:
    """Until so many have arrived and each is acknowledged."""
    wait_until(lambda: receiver.names["work"] >= count, lambda: f"spans: {server.said}")
    wait_until(lambda: all_acknowledged(state), "acknowledgement of every span")


def _each_once(receiver: OtlpReceiver, marks: list[str]) -> None:
    spans = receiver.named("work")
    assert sorted(span.attributes["mark"] for span in spans) == sorted(marks)
    assert len({span.span_id for span in spans}) == len(marks)
    instances: dict[int, set[str]] = defaultdict(set)
    for span in spans:
        instances[span.attributes["pid"]].add(span.resource["service.instance.id"])
    # One identity for each process, and none shared.
    assert all(len(ids) == 1 for ids in instances.values()), instances
    assert len(set().union(*instances.values())) == len(instances)
