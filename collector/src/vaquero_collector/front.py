"""A Collector for as long as something else runs, in front of a destination."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

from vaquero_collector.binary import find_binary
from vaquero_collector.errors import CollectorError
from vaquero_collector.process import Collector

# Short, because RED metrics that were not sent yet when the Collector ends are not sent any more.
_RED_INTERVAL_S = 1.0
_FLUSH_S = 0.2
_DRAIN_S = 6.0


@contextlib.contextmanager
def in_front_of(
    destination: str, say: Callable[[str], None], drain_s: float = _DRAIN_S
) -> Generator[str, None, None]:
    """Yield where programs should send, so that it arrives at the destination.

    That is a Collector of its own, on free ports, where there is one on this machine; else the
    destination itself. Which of the two, and why, is said. At the end what the Collector has not
    sent yet is given time to arrive; what could not be delivered is kept, and where is said.

    Args:
        destination: URL of a receiver of OTLP over HTTP, e.g. of the viewer.
        say: Is given one line on which way is in use.
        drain_s: How long to wait at the end, in seconds.
    """
    try:
        if find_binary() is None:
            child, why = None, "no Collector on this machine"
        else:
            child, why = _started(destination), ""
    except CollectorError as error:
        child, why = None, f"no Collector, {str(error).rstrip('.')}"
    if child is None:
        say(f"{why}: programs send to {destination} directly")
        yield destination
        return
    say(f"a Collector takes it at {child.http_url} and forwards to {destination}")
    delivered = False
    try:
        yield child.http_url
        delivered = child.drain(drain_s, settle_s=_RED_INTERVAL_S + _FLUSH_S)
    finally:
        child.stop()
        _clean_up(child.plan().folder, delivered, destination, say)


def _started(destination: str) -> Collector:
    folder = Path(tempfile.mkdtemp(prefix="vaquero-collector-"))
    child = Collector(
        http_port=0,
        grpc_port=0,
        forward_to=destination,
        folder=folder,
        env={
            "VAQUERO_COLLECTOR_RED_INTERVAL": f"{_RED_INTERVAL_S:g}s",
            "VAQUERO_COLLECTOR_FLUSH_INTERVAL": f"{_FLUSH_S:g}s",
            "VAQUERO_COLLECTOR_QUEUE_DIR": str(folder / "queue"),
        },
    )
    try:
        child.start()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return child


def _clean_up(folder: Path, delivered: bool, destination: str, say: Callable[[str], None]) -> None:
    if delivered:
        shutil.rmtree(folder, ignore_errors=True)
        return
    say(
        f"not everything could be delivered: it is kept in {folder / 'queue'}; to send it, "
        f"VAQUERO_COLLECTOR_QUEUE_DIR={folder / 'queue'} vaquero collector run "
        f"--forward-to {destination}"
    )
