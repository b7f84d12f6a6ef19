"""Which line is to blame: the frame of a thread that says most to a reader."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import Final, NamedTuple

_DEPTH: Final = 30
# Not by sysconfig: it loads the configuration that the interpreter was built with, 2 ms.
_STANDARD_LIBRARY: Final = os.path.join(os.path.dirname(os.__file__), "")
_INSTALLED: Final = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_LOOP_FILES: Final = (os.sep + "asyncio" + os.sep, os.sep + "uvloop" + os.sep)


class Site(NamedTuple):
    """A line of source."""

    function: str
    file: str
    line: int


class Culprit(NamedTuple):
    """The line that a thread is at: innermost of the application, and all, outermost first."""

    site: Site
    stack: tuple[Site, ...]

    def lines(self) -> str:
        """The stack as text, innermost last."""
        return "\n".join(f"  {s.file}:{s.line} in {s.function}" for s in self.stack)


def culprit(thread_id: int) -> Culprit | None:
    """Look at a thread; None when it is gone."""
    frame = sys._current_frames().get(thread_id)
    return None if frame is None else of_frame(frame)


def of_frame(frame: FrameType | None) -> Culprit | None:
    """Choose among the frames outward from ``frame``.

    The innermost frame of the application stands for the whole: code of the standard library
    and of installed packages is where the time goes, but not where it can be changed. With no
    frame of the application the innermost one is taken.
    """
    sites: list[Site] = []
    chosen: Site | None = None
    while frame is not None and len(sites) < _DEPTH:
        code = frame.f_code
        site = Site(_qualified(frame, code), code.co_filename, frame.f_lineno)
        if sites and any(part in code.co_filename for part in _LOOP_FILES):
            break  # From here outward it is the loop's own machinery.
        sites.append(site)
        if chosen is None and _is_application(code.co_filename):
            chosen = site
        frame = frame.f_back
    if not sites:
        return None
    return Culprit(chosen or sites[0], tuple(reversed(sites)))


def _qualified(frame: FrameType, code: CodeType) -> str:
    name: str = getattr(code, "co_qualname", code.co_name)
    module = frame.f_globals.get("__name__", "")
    return f"{module}.{name}" if module else name


def _is_application(file: str) -> bool:
    if file.startswith(("<", _STANDARD_LIBRARY)):
        return False
    return not any(part in file for part in _INSTALLED)
