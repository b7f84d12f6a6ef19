"""A program on a Python without what only Unix has: no fork, no fcntl, few signals.

Importing of every module, and a span, a log record and the gauges of a short life.
"""

from __future__ import annotations

import importlib
import importlib.abc
import logging
import os
import pkgutil
import signal
import sys

UNIX_MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")
UNIX_FUNCTIONS = (
    "fork", "forkpty", "register_at_fork", "getuid", "geteuid", "getgid", "getpgrp", "getpgid",
    "killpg", "uname", "getloadavg", "sched_getaffinity", "openpty", "setsid", "fchmod",
    "fdatasync", "pread", "pwrite", "O_NOCTTY",
)  # fmt: skip
UNIX_SIGNALS = ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGSTOP", "SIGCONT")


class Missing(importlib.abc.MetaPathFinder):
    """Modules that are not there."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Refuse what only Unix has."""
        if fullname in UNIX_MODULES:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def main() -> None:
    """Take away, import all, and work."""
    for module in UNIX_MODULES:
        sys.modules.pop(module, None)
    sys.meta_path.insert(0, Missing())
    for owner, names in ((os, UNIX_FUNCTIONS), (signal, UNIX_SIGNALS)):
        for name in names:
            if hasattr(owner, name):
                delattr(owner, name)
    import vaquero

    for module in pkgutil.walk_packages(vaquero.__path__, "vaquero."):
        # The plugin is pytest's to import; the other two start something.
        if not module.name.endswith(("plugin", "__main__", "sitecustomize")):
            importlib.import_module(module.name)
    vaquero.init(service_name="elsewhere")
    with vaquero.span("work"):
        logging.getLogger("shop").warning("said")
    print(vaquero.flush(10))


if __name__ == "__main__":
    main()
