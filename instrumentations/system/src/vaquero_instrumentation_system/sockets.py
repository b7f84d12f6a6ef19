"""Counts of sockets by transport and state, from /proc/net."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from vaquero_instrumentation_common import UnsupportedReadingError
from vaquero_instrumentation_common.files import read_bytes

# Numbers of the kernel (include/net/tcp_states.h) -> network.connection.state.
_STATES: Final = {
    b"01": "established",
    b"02": "syn_sent",
    b"03": "syn_received",
    b"04": "fin_wait_1",
    b"05": "fin_wait_2",
    b"06": "time_wait",
    b"07": "closed",
    b"08": "close_wait",
    b"09": "last_ack",
    b"0A": "listen",
    b"0B": "closing",
    b"0C": "syn_received",
}
_PSUTIL_STATES: Final = {
    "SYN_RECV": "syn_received",
    "FIN_WAIT1": "fin_wait_1",
    "FIN_WAIT2": "fin_wait_2",
    "CLOSE": "closed",
}


def from_proc(root: str) -> Mapping[tuple[str, str], int]:
    """Count the TCP sockets of the network name space by (transport, state).

    Raises:
        OSError: There is no /proc/net/tcp.
    """
    base = root.rstrip("/") + ("/proc/1/net" if root.rstrip("/") else "/proc/net")
    counts: Counter[tuple[str, str]] = Counter()
    for name in ("tcp", "tcp6"):
        try:
            lines = read_bytes(f"{base}/{name}").splitlines()[1:]
        except FileNotFoundError:
            if name == "tcp":
                raise
            continue  # A kernel without IPv6.
        for line in lines:
            state = _STATES.get(line.split(None, 4)[3])
            if state:
                counts["tcp", state] += 1
    return counts


def from_psutil(psutil: Any) -> Mapping[tuple[str, str], int]:
    """Count the TCP sockets that psutil shows (on some platforms only to an administrator)."""
    if not hasattr(psutil, "net_connections"):
        raise UnsupportedReadingError("psutil has no net_connections on this platform")
    counts: Counter[tuple[str, str]] = Counter()
    for row in psutil.net_connections(kind="tcp"):
        state = _PSUTIL_STATES.get(row.status, str(row.status).lower())
        counts["tcp", state] += 1
    return counts
