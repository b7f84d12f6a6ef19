"""A Collector as a child process: started, waited for, asked, ended."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from vaquero_collector import addresses, explain, record, stats
from vaquero_collector.errors import AlreadyRunningError, CollectorError, PortTakenError
from vaquero_collector.plan import Options, Plan, make_plan
from vaquero_collector.record import Record
from vaquero_collector.stats import Stats

_LOG_LIMIT_BYTES = 10_000_000
_ATTEMPTS = 4
_LAUNCH = Path(__file__).with_name("launch.py")


class Collector:
    """One Collector, started by this program and ended with it.

    Args:
        overlays: Names of overlays, or paths of files to merge over the configuration.
        env: Variables for the Collector, over those of this process.
        http_port: Port for OTLP over HTTP; 0 for a free one; None: as the environment says, 4318.
        grpc_port: Port for OTLP over gRPC; 0 for a free one; None: as the environment says, 4317.
        forward_to: URL of the destination; None: `VAQUERO_OTLP_ENDPOINT`, else the viewer's
            http://127.0.0.1:14318.
        listen: Host to listen on.
        folder: Folder for record, log and queue; None: one for the port in the user's state.
        binary: The Collector to run; None: `find_binary()`.
        detached: Whether it goes on when this program ends.

    Making one runs nothing. On Linux it also ends when this program is killed; for that, start it
    from a thread that lives as long as the program.
    """

    def __init__(
        self,
        overlays: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        http_port: int | None = None,
        grpc_port: int | None = None,
        forward_to: str | None = None,
        *,
        listen: str | None = None,
        health_port: int | None = None,
        metrics_port: int | None = None,
        folder: Path | None = None,
        binary: Path | None = None,
        detached: bool = False,
    ) -> None:
        self._options = Options(
            overlays=overlays,
            environment=env or {},
            http_port=http_port,
            grpc_port=grpc_port,
            health_port=health_port,
            metrics_port=metrics_port,
            listen=listen,
            forward_to=forward_to,
            folder=folder,
            binary=binary,
        )
        self._detached = detached
        self._plan: Plan | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def plan(self) -> Plan:
        """Return what is run, or would be.

        Raises:
            CollectorError: a value is not usable, or there is no Collector.
        """
        if self._plan is None:
            self._plan = make_plan(self._options)
        return self._plan

    def start(self, timeout_s: float = 15.0) -> None:
        """Start it and wait until it is ready; does nothing where it runs already.

        Raises:
            AlreadyRunningError: one that was started elsewhere has the same folder.
            CollectorError: it did not get ready; the text is one line that says why.
        """
        if self.running:
            return
        for attempt in range(1, _ATTEMPTS + 1):
            self._plan = None
            try:
                return self._start(self.plan(), timeout_s)
            except PortTakenError as error:
                # A port that was free when we chose it; one that was asked for is not replaced.
                if attempt == _ATTEMPTS or error.port not in self.plan().chosen_ports:
                    raise

    def _start(self, plan: Plan, timeout_s: float) -> None:
        _prepare(plan)
        held = record.lock(plan.folder)
        if held is None:
            raise _already_running(plan)
        with held:
            _check_ports(plan)
            _turn_over(plan.log)
            with plan.log.open("ab") as log:
                begin = log.tell()
                self._child = self._spawn(plan, log, held)
        if not self._detached:
            atexit.register(self.stop, 2.0)
        try:
            self._wait_until_ready(plan, begin, timeout_s)
            record.write(_record(plan, self._child.pid))
        except BaseException:
            self._end(2.0)
            raise

    def _spawn(self, plan: Plan, log: IO[bytes], held: IO[str]) -> subprocess.Popen[bytes]:
        command = [str(plan.binary), *plan.arguments]
        if sys.platform == "linux" and not self._detached and sys.executable:
            command = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), *command]
        # Its own session: a Ctrl-C in the terminal is for the program that started it, which
        # then ends it in order.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(plan.environment),
            start_new_session=True,
            pass_fds=(held.fileno(),) if sys.platform != "win32" else (),
        )

    def _wait_until_ready(self, plan: Plan, begin: int, timeout_s: float) -> None:
        assert self._child is not None
        deadline = time.monotonic() + timeout_s
        while self._child.poll() is None:
            if stats.fetch(plan.health_url, timeout_s=1.0) is not None:
                return
            if time.monotonic() > deadline:
                raise CollectorError(
                    f"the Collector was not ready within {timeout_s:g} s: see {plan.log}."
                )
            time.sleep(0.02)
        with plan.log.open("rb") as log:
            log.seek(begin)
            output = log.read().decode("utf-8", "replace")
        raise explain.start_failure(output, plan)

    def stop(self, timeout_s: float = 10.0) -> None:
        """End it: in order, and after `timeout_s` by force. What waits stays in its queue."""
        atexit.unregister(self.stop)
        self._end(timeout_s)

    def _end(self, timeout_s: float) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(5.0)
        if self._plan is not None:
            with contextlib.suppress(OSError):
                (self._plan.folder / "run.json").unlink()

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit code of the Collector, or None where it still runs after `timeout_s`."""
        if self._child is None:
            return 0
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int | None:
        """Its process id, None where it does not run."""
        return self._child.pid if self._child is not None and self.running else None

    @property
    def http_url(self) -> str:
        """Where to send OTLP over HTTP, without the path."""
        return _urls(self.plan())[0]

    @property
    def grpc_url(self) -> str:
        """Where to send OTLP over gRPC."""
        return _urls(self.plan())[1]

    def healthy(self) -> bool:
        """Say whether it runs and its health check answers."""
        return self.running and stats.fetch(self.plan().health_url) is not None

    def stats(self) -> Stats:
        """Return its own figures.

        Raises:
            CollectorError: it does not answer.
        """
        page = stats.fetch(self.plan().metrics_url) if self.running else None
        if page is None:
            raise CollectorError(f"no Collector answers at {self.plan().metrics_url}.")
        return stats.parse(page)

    def drain(self, timeout_s: float, settle_s: float = 0.0) -> bool:
        """Wait until nothing waits in the queue; says whether that came true in time.

        Args:
            timeout_s: How long to wait at most, in seconds.
            settle_s: How long to wait at least, in seconds: metrics that the Collector derives
                follow the spans after an interval.
        """
        began = time.monotonic()
        while (waited := time.monotonic() - began) < timeout_s:
            try:
                if waited >= settle_s and self.stats().waiting_bytes == 0:
                    return True
            except CollectorError:
                return False
            time.sleep(0.05)
        return False

    def __enter__(self) -> Collector:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """End it."""
        self.stop()


def _prepare(plan: Plan) -> None:
    """Make the folders, and make sure that the queue can be written before anything is accepted."""
    for name, folder in (("state", plan.folder), ("queue", plan.queue)):
        probe = folder / f".probe-{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            probe.touch()
            probe.unlink()
        except OSError as error:
            variable = "VAQUERO_COLLECTOR_" + ("DIR" if name == "state" else "QUEUE_DIR")
            raise CollectorError(
                f"the {name} folder {folder} cannot be written ({error.strerror}): make it "
                f"writable, or choose another with {variable}."
            ) from error


def _check_ports(plan: Plan) -> None:
    host = plan.listener.host
    for name, port, option in (
        ("OTLP over HTTP", plan.listener.http_port, "--http-port"),
        ("OTLP over gRPC", plan.listener.grpc_port, "--grpc-port"),
    ):
        if not addresses.is_free(host, port):
            advice = f"choose another with {option}"
            raise addresses.port_taken(name, host, port, advice)


def _already_running(plan: Plan) -> AlreadyRunningError:
    found = record.read(plan.folder)
    begun = f"a Collector for {plan.folder} runs already"
    if found is None or found.process() is None:
        return AlreadyRunningError(f"{begun} (it has not said where yet).")
    text = f"{begun} (pid {found.pid}, {found.http_url}, forwards to {found.destination})."
    return AlreadyRunningError(text, found.pid, found.http_url, found.destination)


def _turn_over(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        os.replace(log, log.with_suffix(".log.1"))


def _urls(plan: Plan) -> tuple[str, str]:
    host = plan.listener.host
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    host = f"[{host}]" if ":" in host else host
    scheme = "https" if "tls" in plan.overlays else "http"
    listener = plan.listener
    return f"{scheme}://{host}:{listener.http_port}", f"{scheme}://{host}:{listener.grpc_port}"


def _record(plan: Plan, pid: int) -> Record:
    http_url, grpc_url = _urls(plan)
    return Record(
        pid=pid,
        created=psutil.Process(pid).create_time(),
        http_url=http_url,
        grpc_url=grpc_url,
        health_url=plan.health_url,
        metrics_url=plan.metrics_url,
        destination=addresses.masked(plan.destination),
        overlays=plan.overlays,
        log=str(plan.log),
        queue=str(plan.queue),
        folder=str(plan.folder),
    )
