"""Who holds a port or a file, as far as this user may know."""

from __future__ import annotations

import shlex

import psutil

_MAX_COMMAND = 120


def describe_process(pid: int) -> str:
    """A process for a person: its command, shortened, and its id."""
    try:
        process = psutil.Process(pid)
        command = shlex.join(process.cmdline()) or process.name()
    except psutil.Error:
        return f"process {pid}"
    # One line, and nothing that could steer a terminal: anybody may start a program so.
    command = " ".join("".join(char if char.isprintable() else " " for char in command).split())
    if len(command) > _MAX_COMMAND:
        command = command[: _MAX_COMMAND - 3] + "..."
    return f"process {pid} ({command})"


def port_holder(port: int) -> str | None:
    """The process that listens on a TCP port of this machine, ``None`` if it cannot be known."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        # Some systems let only an administrator list the connections of others.
        return None
    for connection in connections:
        listening = connection.status == psutil.CONN_LISTEN
        if listening and connection.laddr and connection.laddr.port == port and connection.pid:
            return describe_process(connection.pid)
    return None
