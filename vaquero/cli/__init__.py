"""The command ``vaquero``: one verb per file or folder, each loaded when it is asked for.

Upstream's launcher imports this package on its way to :mod:`vaquero.cli.run.launcher_hook`, so
nothing is imported here before :func:`main` is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the entry point of the script ``vaquero``.

    Args:
        arguments: What follows the command's name; the process's own by default.

    Returns:
        The exit code. 2 for a command line that cannot be understood, 130 after Ctrl-C; otherwise
        what the verb says.
    """
    from vaquero.cli.group import dispatch

    return dispatch(arguments)
