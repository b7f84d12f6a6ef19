"""The spool's folders: the user's alone, never through a link, named without secrets."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from vaquero.pipeline.settings import Destination
from vaquero.pipeline.spool import folder, lock

pytestmark = pytest.mark.skipif(not lock.SUPPORTED, reason="no spool on this system")

DESTINATION = Destination("http://a.example/v1/traces", named_by_user=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the spool goes."""
    return tmp_path / "state" / "spool"


def test_folders_are_made_private(root: Path) -> None:
    """New folders are 0700 whatever the umask, and existing ones of ours are made so."""
    os.close(folder.open_folder(root, create=True))
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    root.chmod(0o755)
    os.close(folder.open_folder(root, create=False))
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_a_link_is_not_followed(root: Path, tmp_path: Path) -> None:
    """A link in the spool's place, or inside it, is refused."""
    (tmp_path / "elsewhere").mkdir()
    root.parent.mkdir()
    root.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        folder.open_folder(root, create=True)
    root.unlink()
    handle = folder.open_folder(root, create=True)
    (root / "inside").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        folder.open_inside(handle, "inside", create=True)
    (tmp_path / "secret").write_text("s")
    (root / "file").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError):
        folder.open_file(handle, "file")
    os.close(handle)


def test_a_stranger_s_folder_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that another user owns is not used."""
    root.mkdir(parents=True)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.raises(folder.UnsafeFolderError):
        folder.open_folder(root, create=True)


def test_a_pipe_in_a_segments_place_does_not_hang(root: Path) -> None:
    """What is no plain file is refused, without waiting for a writer."""
    handle = folder.open_folder(root, create=True)
    os.mkfifo(root / "00000001.seg")
    with pytest.raises(OSError):
        folder.open_file(handle, "00000001.seg")
    os.close(handle)


def test_destination_names_tell_nothing_and_differ(root: Path) -> None:
    """Endpoint, protocol, headers, signal and user each make another name, of hex digits only."""
    handle = folder.open_folder(root, create=True)
    key = folder.read_key(handle)
    assert folder.read_key(handle) == key
    os.close(handle)
    other = Destination("http://b.example/v1/traces")
    token = Destination(DESTINATION.endpoint, headers=(("authorization", "x"),))
    grpc = Destination(DESTINATION.endpoint, protocol="grpc")
    names = {folder.destination_name(key, "traces", d) for d in (DESTINATION, other, token, grpc)}
    names.add(folder.destination_name(key, "logs", DESTINATION))
    names.add(folder.destination_name(b"k" * 32, "traces", DESTINATION))
    assert len(names) == 6
    assert all(map(folder.is_destination_name, names))
    again = Destination(DESTINATION.endpoint, headers=(("Authorization", "x"),))
    assert folder.destination_name(key, "traces", again) in names


def test_a_damaged_key_is_replaced(root: Path) -> None:
    """A key of the wrong length is thrown away and made again."""
    handle = folder.open_folder(root, create=True)
    (root / "key").write_bytes(b"short")
    assert len(folder.read_key(handle)) == 32
    os.close(handle)
