"""Being told when a module is first imported, without importing it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_log = logging.getLogger("vaquero.instrumentation.runtime")


class Arrival:
    """Calls ``then`` in the importing thread, right after ``name`` was first imported.

    It stands in ``sys.meta_path`` until then, compares the name of each module that is searched
    for, and leaves that search to the finders behind it. What ``then`` raises goes to the log:
    the import is the application's.

    Args:
        name: Full name of a module that is not imported yet.
        then: What to do.
    """

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self._name = name
        self._then: Callable[[], None] | None = then

    def wait(self) -> None:
        """Begin to wait."""
        # First, because a finder in front of it that knows the module would hide it.
        sys.meta_path.insert(0, self)

    def cancel(self) -> None:
        """Wait no longer."""
        self._then = None
        # A list of its own: an import of another thread walks the one that is there, and would
        # pass over a finder if one before it went away.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer as the finders behind would, with a loader that tells."""
        if name != self._name or self._then is None:
            return None
        for finder in list(sys.meta_path):
            search = getattr(finder, "find_spec", None)
            if finder is self or search is None:
                continue
            spec = search(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._arrived)
                return spec
        return None

    def _arrived(self) -> None:
        then = self._then
        self.cancel()
        if then is None:
            return
        try:
            then()
        except Exception:
            _log.debug("What waited for %s failed.", self._name, exc_info=True)


class _Loader:
    """The module's own loader, which tells when it is done; leaves no trace in the module."""

    def __init__(self, own: Any, done: Callable[[], None]) -> None:
        self._own = own
        self._done = done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._own, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        self._done()
