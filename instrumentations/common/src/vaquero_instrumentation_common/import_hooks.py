"""Being called when a module is imported, without importing it.

One finder stands first in ``sys.meta_path`` as long as anything is awaited. It finds nothing by
itself: it asks the finders behind it, and for an awaited module lends the spec a loader that calls
back when the module has run, within the import and under its lock. The module is left with the
loader and the spec that it has without us.

Some imports cannot be noticed that way: one that is under way at the registration, a namespace
package (nothing is run), a module that a finder put before ours has found. They are noticed at
the next import of anything, which costs each import one look-up for each name awaited.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_log = logging.getLogger("vaquero.instrumentation")


class _Hook:
    """One callback that waits for one module."""

    __slots__ = ("callback", "name")

    def __init__(self, name: str, callback: Callable[[ModuleType], object]) -> None:
        self.name = name
        self.callback = callback


#: What waits, by identity: taking one out is one step, so that of two threads only one calls.
_hooks: dict[int, _Hook] = {}

#: Names that this thread is asking the other finders for.
_asking = threading.local()


def when_imported(name: str, callback: Callable[[ModuleType], object]) -> Callable[[], None]:
    """Call back once with a module, as soon as it has been imported.

    Where it is there already this happens now; else in the thread that imports it, before its
    import statement goes on. An import that fails leaves the callback waiting, a reload does not
    repeat it. What the callback raises goes to the log: the import is the application's.

    Args:
        name: The full name of a module.
        callback: What to do with it. Several for one name are called in their order.

    Returns:
        Cancels the call, where it has not been made; safe to call more than once.
    """
    hook = _Hook(name, callback)
    # It waits before anything is looked at: an import that ends in between finds it.
    _hooks[id(hook)] = hook
    module = _complete(name)
    if module is not None:
        _call(hook, module)
    if id(hook) in _hooks:
        _install_finder()

    def cancel() -> None:
        if _hooks.pop(id(hook), None) is not None:
            _remove_finder_if_idle()

    return cancel


def _complete(name: str) -> ModuleType | None:
    """The module, if it has been imported to its end."""
    module = sys.modules.get(name)
    # A lazy module would be executed by a look at its spec.
    if module is None or type(module).__name__ == "_LazyModule":
        return None
    try:
        spec = getattr(module, "__spec__", None)
        return None if getattr(spec, "_initializing", False) else module
    except Exception:
        return module  # No module, but something that stands in its place.


def _call(hook: _Hook, module: ModuleType) -> None:
    if _hooks.pop(id(hook), None) is None:
        return
    _remove_finder_if_idle()
    try:
        hook.callback(module)
    except Exception:
        _log.debug("What waited for %s failed.", hook.name, exc_info=True)


class _Finder:
    """Stands in ``sys.meta_path`` and is asked for every module that is imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for an awaited module as the finders behind would; for others not at all."""
        awaited = False
        for hook in list(_hooks.values()):
            if hook.name == fullname:
                awaited = True
            elif hook.name in sys.modules:
                module = _complete(hook.name)
                if module is not None:
                    _call(hook, module)
        asking: set[str] = _asking.__dict__.setdefault("names", set())
        # A finder behind that itself asks all finders comes here again.
        if not awaited or fullname in asking:
            return None
        asking.add(fullname)
        try:
            spec = self._ask_others(fullname, path, target)
        except Exception:
            return None  # The import asks the same finder again, and shows its error.
        finally:
            asking.discard(fullname)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, fullname)  # type: ignore[assignment]
        return spec

    def _ask_others(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                return spec
        return None


class _Loader:
    """A module's own loader to whoever looks at it, until it has run the module."""

    def __init__(self, own: Any, name: str) -> None:
        self._own = own
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    @property
    def __class__(self) -> Any:  # type: ignore[override]  # For those who ask a loader of what class it is.
        return self._own.__class__

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._own, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._own
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        self._own.exec_module(module)
        # Some modules put another object in their place.
        imported = sys.modules.get(self._name, module)
        for hook in list(_hooks.values()):
            if hook.name == self._name:
                _call(hook, imported)


_finder = _Finder()


def _install_finder() -> None:
    # First, because a finder in front of it that knows the module would hide it.
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)  # type: ignore[arg-type]


def _remove_finder_if_idle() -> None:
    if _hooks:
        return
    # A list of its own: an import of another thread walks the one that is there, and would pass
    # over a finder if one before it went away.
    sys.meta_path = [finder for finder in sys.meta_path if finder is not _finder]
    if _hooks:  # Another thread has come in between.
        _install_finder()
