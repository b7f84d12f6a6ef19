"""Hears when a library is imported, now or later; other imports pay one look into a set."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vaquero import _guard

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class ImportWatch:
    """Calls back with a module as soon as it is imported.

    Args:
        wanted: Callbacks by names of modules; each is called once, also where it is there already.
    """

    def __init__(self, wanted: dict[str, Callable[[Any], None]]) -> None:
        self._wanted = dict(wanted)
        self._looking = False

    def start(self) -> None:
        """Call back for what is imported, and wait for the rest."""
        for name in list(self._wanted):
            module = sys.modules.get(name)
            spec = getattr(module, "__spec__", None)
            # One that is being imported now has not got its names yet: its end is not heard.
            if module is not None and not getattr(spec, "_initializing", False):
                self._call_back(name, module)
        if self._wanted:
            sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Wait no longer."""
        self._wanted.clear()
        # A list of its own: an import of another thread walks the one that is there, and would
        # pass over a finder if one before it went away.
        sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Ask the other finders; only watched modules get a loader that calls back."""
        if fullname not in self._wanted or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(fullname)
            if spec is not None and spec.loader is not None:
                self._watch(fullname, spec.loader)
            return spec
        except Exception as error:
            _guard.report(error, "logs.imports")
            return None
        finally:
            self._looking = False

    def _watch(self, name: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            if module.__name__ == name:
                loader.__dict__.pop("exec_module", None)
            execute(module)
            if module.__name__ == name:
                self._call_back(name, module)

        loader.exec_module = exec_module

    def _call_back(self, name: str, module: Any) -> None:
        callback = self._wanted.pop(name, None)
        if callback is None:
            return
        try:
            callback(module)
        except Exception as error:  # The library may be of another shape than the one known here.
            _guard.report(error, f"logs.{name}")
        if not self._wanted:
            self.stop()
