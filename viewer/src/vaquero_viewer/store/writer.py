"""The one thread that writes: requests queue up, and are committed many at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

import duckdb

from vaquero_viewer.errors import BadBody, Busy, RequestError
from vaquero_viewer.otlp.batch import Batch
from vaquero_viewer.store.insertion import Inserted, Inserter
from vaquero_viewer.store.opening import Database
from vaquero_viewer.store.retention import Dropped, Retention

_log = logging.getLogger(__name__)

_MAX_QUEUED_ROWS = 200_000
_MAX_QUEUED_BYTES = 128 * 2**20
_MAX_ROWS_A_COMMIT = 20_000
_SIZE_CHECKS_A_STORE = 32
_SIZE_CHECK_EVERY_S = 5.0
_AGE_CHECK_EVERY_S = 60.0
_UPKEEP_EVERY_S = 10.0
_UPKEEP_AT_SPANS = 10_000
"""Spans that readers add to the roll-ups themselves, at most: some milliseconds a query."""


@dataclass
class _Job:
    batch: Batch
    done: Future[None] = field(default_factory=Future[None])
    clears: bool = False
    """Whether the job is to empty the store instead; it is then committed alone."""


class Writer:
    """Owns the connection and commits what is submitted.

    A request is acknowledged when its future is done, which is after the commit. The thread
    lives until :meth:`close`.
    """

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention
        self._inserter = Inserter(database)
        self._jobs: deque[_Job] = deque()
        self._queued_rows = 0
        self._queued_bytes = 0
        self._closed = False
        self._changed = threading.Condition()
        self._bytes_unchecked = 0
        self._check_every_bytes = retention.max_size_bytes // _SIZE_CHECKS_A_STORE
        # Both checks are due at once: the file may be of a larger or longer-lived viewer.
        self._next_size_check = 0.0
        self._next_age_check = 0.0
        self._next_upkeep = 0.0
        self.inserted = Inserted()
        self.version = 1
        self.failure: str | None = None
        self._broken = False
        self._thread = threading.Thread(target=self._run, name="vaquero-viewer-writer", daemon=True)
        self._thread.start()

    @property
    def queued_rows(self) -> int:
        """Rows that wait for their commit."""
        return self._queued_rows

    def submit(self, batch: Batch) -> Future[None]:
        """Queue a batch; the future is done once its rows are in the store.

        Raises:
            Busy: If too many rows wait already, or the store is closed.
        """
        job = _Job(batch)
        # From here on nobody can cancel it: the rows go in whether or not the sender waits.
        job.done.set_running_or_notify_cancel()
        with self._changed:
            if self._closed:
                raise Busy("the viewer is stopping")
            too_many = self._queued_rows + batch.row_count > _MAX_QUEUED_ROWS
            if self._jobs and (too_many or self._queued_bytes > _MAX_QUEUED_BYTES):
                raise Busy(f"{self._queued_rows} rows wait to be written")
            self._jobs.append(job)
            self._queued_rows += batch.row_count
            self._queued_bytes += batch.size_bytes
            self._changed.notify()
        return job.done

    def clear(self) -> Future[None]:
        """Empty the store after what is queued now; the future is done once it is empty.

        Raises:
            Busy: If the store is closed.
        """
        job = _Job(Batch(0), clears=True)
        job.done.set_running_or_notify_cancel()
        with self._changed:
            if self._closed:
                raise Busy("the viewer is stopping")
            self._jobs.append(job)
            self._changed.notify()
        return job.done

    def close(self) -> None:
        """Write what is queued and end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            jobs = self._take()
            if jobs and jobs[0].clears:
                self._clear(jobs[0])
            elif jobs:
                self._commit(jobs)
            elif self._closed:
                self._keep_up()
                return
            self._keep_bounds()

    def _take(self) -> list[_Job]:
        """Wait for work until a check is due; take as many jobs as one commit should hold."""
        with self._changed:
            if not self._jobs and not self._closed:
                due = min(self._next_size_check, self._next_age_check)
                if self._inserter.has_upkeep:
                    due = min(due, self._next_upkeep)
                self._changed.wait(max(0.0, due - time.monotonic()))
            jobs: list[_Job] = []
            rows = 0
            while self._jobs and (not jobs or rows < _MAX_ROWS_A_COMMIT):
                if jobs and (jobs[0].clears or self._jobs[0].clears):
                    break
                jobs.append(self._jobs.popleft())
                rows += jobs[-1].batch.row_count
            self._queued_rows -= rows
            self._queued_bytes -= sum(job.batch.size_bytes for job in jobs)
        return jobs

    def _clear(self, job: _Job) -> None:
        try:
            self._database.clear()
            self._inserter.reload()
        except duckdb.Error as error:
            job.done.set_exception(self._explain(error))
            return
        self.inserted = Inserted()
        self._retention.dropped = Dropped()
        self.version += 1
        job.done.set_result(None)

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            self._mend()
            inserted = self._inserter.insert([job.batch for job in jobs])
        except duckdb.Error as error:
            if len(jobs) > 1:
                # One of them is the cause; alone, each of the others still goes in.
                for job in jobs:
                    self._commit([job])
                return
            jobs[0].done.set_exception(self._explain(error))
            return
        except Exception as error:  # noqa: BLE001 - the thread must outlive any one request
            _log.exception("a batch could not be written")
            for job in jobs:
                job.done.set_exception(Busy(f"the rows could not be written: {error!r}"))
            return
        self._count(inserted)
        self._bytes_unchecked += sum(job.batch.size_bytes for job in jobs)
        self._database.keep_private()
        for job in jobs:
            job.done.set_result(None)

    def _count(self, inserted: Inserted) -> None:
        self.inserted.spans += inserted.spans
        self.inserted.points += inserted.points
        self.inserted.logs += inserted.logs
        self.inserted.repeated += inserted.repeated
        self.failure = None
        if inserted.total:
            self.version += 1

    def _explain(self, error: duckdb.Error) -> RequestError:
        """The error of one batch as the reply to its request."""
        text = str(error).strip().splitlines()[0]
        if isinstance(error, duckdb.DataError):
            return BadBody(f"a value cannot be stored: {text}")
        self._note(error)
        return Busy(f"the store cannot write: {text}")

    def _note(self, error: duckdb.Error) -> None:
        """Keep the failure for those who ask, and whether the database must be opened anew."""
        self.failure = str(error).strip().splitlines()[0]
        lost = isinstance(error, duckdb.FatalException | duckdb.InternalException)
        self._broken = self._broken or lost or "invalidated" in self.failure

    def _mend(self) -> None:
        """Open a database anew that DuckDB gave up, as after a merge on a full disk.

        What was acknowledged lies in the file and its log, and is there again.

        Raises:
            duckdb.Error: If that is not possible yet.
        """
        if self._broken:
            self._database.reopen()
            self._inserter.reload()
            self._broken = False
            self.version += 1

    def _keep_up(self) -> None:
        """Roll up what was committed; a failure is the next commit's too, and said by that."""
        self._next_upkeep = time.monotonic() + _UPKEEP_EVERY_S
        if self._broken or not self._inserter.has_upkeep:
            return
        try:
            self._inserter.keep_up()
        except duckdb.Error as error:
            self._note(error)
            _log.warning("the store could not roll up its spans: %s", self.failure)
        except Exception:  # noqa: BLE001 - the thread must outlive it
            _log.exception("the store could not roll up its spans")

    def _keep_bounds(self) -> None:
        now = time.monotonic()
        if now >= self._next_upkeep or self._inserter.pending_spans >= _UPKEEP_AT_SPANS:
            self._keep_up()
        of_age = now >= self._next_age_check
        of_size = now >= self._next_size_check or self._bytes_unchecked >= self._check_every_bytes
        if of_age:
            self._next_age_check = now + _AGE_CHECK_EVERY_S
        if of_size:
            self._next_size_check = now + _SIZE_CHECK_EVERY_S
            self._bytes_unchecked = 0
        if self._broken or not (of_age or of_size):
            return
        try:
            dropped = self._retention.enforce_age(time.time_ns()) if of_age else 0
            dropped += self._retention.enforce_size() if of_size else 0
            if dropped:
                self._inserter.reload()
                self._database.keep_private()
                self.version += 1
        except duckdb.Error as error:
            self._note(error)
            _log.warning("the store could not drop old rows: %s", self.failure)
        except Exception:  # noqa: BLE001 - the thread must outlive it
            _log.exception("the store could not drop old rows")
