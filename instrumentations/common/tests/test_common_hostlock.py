"""The host lock: one of several processes, taken over when its holder dies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from vaquero_instrumentation_common import HostLock, destination_key
from vaquero_instrumentation_common import hostlock as module

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX locks")

HOLD = """
import sys
from vaquero_instrumentation_common import HostLock
lock = HostLock("key", sys.argv[1])
print(lock.holds(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Give a private folder."""
    path = tmp_path / "private"
    path.mkdir(mode=0o700)
    return str(path)


@pytest.fixture
def holder(folder: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "True\n"
    yield child
    child.kill()
    child.communicate()


def test_one_holds_and_the_next_takes_over(folder: str, holder: subprocess.Popen[str]) -> None:
    """While another process lives we do not hold; killed, the next asking gets it."""
    lock = HostLock("key", folder)
    assert not lock.holds()
    assert HostLock("another destination", folder).holds()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert lock.holds()
    lock.join()
    lock.leave()


def test_a_child_does_not_inherit_and_the_parent_keeps(folder: str) -> None:
    """After fork the child is refused, its end does not free the parent's lock."""
    lock = HostLock("key", folder)
    assert lock.holds()
    pid = os.fork()
    if pid == 0:
        os._exit(1 if lock.holds() else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    probe = subprocess.run(
        [sys.executable, "-c", HOLD, folder], input="", capture_output=True, text=True, check=True
    )
    assert probe.stdout == "False\n"
    assert lock.holds()


def test_leaving_frees(folder: str) -> None:
    """When the last user of the lock leaves, another process can have it."""
    lock = HostLock("key", folder)
    lock.join()
    lock.join()
    assert lock.holds()
    lock.leave()
    lock.leave()
    probe = subprocess.run(
        [sys.executable, "-c", HOLD, folder], input="", capture_output=True, text=True, check=True
    )
    assert probe.stdout == "True\n"


def test_a_removed_file_is_made_again(folder: str) -> None:
    """A cleaner that removes the file does not leave two holders for ever."""
    lock = HostLock("key", folder)
    assert lock.holds()
    os.unlink(lock.path)
    other = HostLock("key", folder)
    assert other.holds()  # Same process: record locks do not refuse it; the file is new.
    assert lock.holds()
    assert os.path.exists(lock.path)


def test_without_a_lock_everybody_emits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No fcntl, or a folder open to others: the series come twice rather than never."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    caplog.set_level("INFO", "vaquero.instrumentation.common")
    lock = HostLock("key", str(shared))
    assert lock.holds()
    assert lock.holds()
    assert caplog.text.count("No host lock") == 1
    monkeypatch.setattr(module, "fcntl", None)
    assert HostLock("key", str(tmp_path / "windows")).holds()


def test_the_folder_is_private(tmp_path: Path) -> None:
    """The folder is made for this user alone, and a link is not followed."""
    made = module.private_folder(str(tmp_path / "run"))
    assert stat.S_IMODE(os.stat(made).st_mode) == 0o700
    (tmp_path / "link").symlink_to(made)
    with pytest.raises(OSError, match="not a folder"):
        module.private_folder(str(tmp_path / "link"))


def test_destinations_have_locks_of_their_own() -> None:
    """The key is where metrics go."""
    assert destination_key({}) == "default"
    assert destination_key({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}) == "http://a"
