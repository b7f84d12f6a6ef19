"""One callback when a module is imported, and an import that is as without it."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
from vaquero_instrumentation_common.import_hooks import when_imported

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Makes a module that can be imported and is not yet; gives back its name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    finders, before = list(sys.meta_path), set(sys.modules)

    def make(name: str, text: str) -> str:
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()
        return name

    yield make
    assert [finder for finder in sys.meta_path if finder not in finders] == []
    for name in set(sys.modules) - before:
        if name.startswith("hooked"):
            del sys.modules[name]


def test_it_calls_once_when_the_module_has_run(write: Write) -> None:
    """With the module, within its import; other imports and a reload do not concern it."""
    name = write("hooked_once", "value = 1\n")
    seen: list[tuple[object, int]] = []

    when_imported(name, lambda module: seen.append((module, module.value)))
    importlib.import_module("json.tool")
    assert seen == []
    module = importlib.import_module(name)
    importlib.reload(module)

    assert seen == [(module, 1)]


def test_the_module_is_as_without_us(write: Write) -> None:
    """Loader, spec, file and package path are what the import system gives, seen from inside too.

    Whoever looks for the module without importing it sees a loader of the ordinary class.
    """
    text = "loader, spec_loader, file = __loader__, __spec__.loader, __file__\n"
    plain = importlib.import_module(write("hooked_plain", text))
    name = write("hooked_same", text)

    when_imported(name, print)
    found = importlib.util.find_spec(name)
    assert found is not None
    assert isinstance(found.loader, SourceFileLoader)
    assert found.loader.get_source(name) == text
    module = importlib.import_module(name)

    assert type(module.__loader__) is SourceFileLoader
    assert module.loader is module.spec_loader is module.__loader__ is module.__spec__.loader
    assert module.file == module.__file__ == module.__spec__.origin
    assert vars(module).keys() == vars(plain).keys()


def test_what_is_imported_already_is_called_for_at_once(write: Write) -> None:
    """Nothing waits then, and nothing stands in the way of other imports."""
    module = importlib.import_module(write("hooked_early", "value = 1\n"))
    seen: list[object] = []
    finders = list(sys.meta_path)

    cancel = when_imported(module.__name__, seen.append)

    assert seen == [module]
    assert sys.meta_path == finders
    cancel()


def test_several_wait_for_one_module(write: Write) -> None:
    """They are called in their order, and one that fails does not stop the next."""
    name = write("hooked_many", "value = 1\n")
    seen: list[str] = []

    def fail(module: object) -> None:
        seen.append("fail")
        raise RuntimeError("ours")

    when_imported(name, lambda module: seen.append("first"))
    when_imported(name, fail)
    when_imported(name, lambda module: seen.append("last"))

    assert importlib.import_module(name).value == 1
    assert seen == ["first", "fail", "last"]


def test_an_import_that_fails_stays_awaited(write: Write) -> None:
    """The application sees its own error, and the next import that succeeds is called for."""
    name = write("hooked_broken", "raise ValueError('its own')\n")
    seen: list[str] = []
    when_imported(name, lambda module: seen.append(module.__name__))

    with pytest.raises(ValueError, match="its own"):
        importlib.import_module(name)
    assert seen == []
    importlib.import_module(write(name, "found_at_last = True\n"))

    assert seen == [name]


def test_a_module_that_is_not_there_is_not_found(write: Write) -> None:
    """The error is the ordinary one."""
    cancel = when_imported("hooked_nowhere", print)

    with pytest.raises(ModuleNotFoundError, match="No module named 'hooked_nowhere'"):
        importlib.import_module("hooked_nowhere")
    cancel()


def test_cancelled_it_calls_nobody(write: Write) -> None:
    """After cancel the import goes its ordinary way; to cancel again does nothing."""
    name = write("hooked_never", "value = 1\n")
    seen: list[object] = []
    cancel = when_imported(name, seen.append)
    cancel()
    cancel()

    importlib.import_module(name)

    assert seen == []


def test_packages_and_their_submodules_are_told_apart(write: Write) -> None:
    """A submodule is awaited by its full name, and found on its package's path."""
    write("hooked_package.__init__", "from hooked_package import inner\nafter = True\n")
    write("hooked_package.inner", "value = 1\n")
    seen: list[str] = []

    when_imported("hooked_package", lambda module: seen.append(f"package {module.after}"))
    when_imported("hooked_package.inner", lambda module: seen.append(f"inner {module.value}"))
    importlib.import_module("hooked_package")

    assert seen == ["inner 1", "package True"]


def test_a_namespace_package_is_noticed_at_the_import_of_what_it_holds(write: Write) -> None:
    """Nothing is run for it; its loader is the import system's own."""
    name = write("hooked_namespace.inner", "value = 1\n")
    seen: list[str] = []

    when_imported("hooked_namespace", lambda module: seen.append(module.__name__))
    importlib.import_module(name)

    assert seen == ["hooked_namespace"]
    assert type(sys.modules["hooked_namespace"].__loader__).__name__ == "NamespaceLoader" or (
        sys.version_info < (3, 11)
    )


def test_one_that_is_being_imported_is_called_for_when_it_is_complete(write: Write) -> None:
    """A module whose own imports register the hook is not called for with half of its names."""
    seen: list[bool] = []
    name = write(
        "hooked_half",
        "import hooked_registers\nimport hooked_between\ncomplete = True\n",
    )
    write("hooked_between", "")
    write("hooked_later", "")
    write(
        "hooked_registers",
        "from vaquero_instrumentation_common.import_hooks import when_imported\n"
        "seen = []\n"
        "when_imported('hooked_half', lambda module: seen.append(module.complete))\n",
    )

    importlib.import_module(name)
    importlib.import_module("hooked_later")
    seen = sys.modules["hooked_registers"].seen

    assert seen == [True]


def test_a_module_that_another_finder_hides_is_noticed_later(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finder put before ours takes the import; the next import of anything notices it."""
    name = write("hooked_hidden", "value = 1\n")
    write("hooked_next", "")
    seen: list[str] = []
    when_imported(name, lambda module: seen.append(module.__name__))

    class Before:
        @staticmethod
        def find_spec(fullname: str, path: Any = None, target: Any = None) -> Any:
            if fullname != name:
                return None
            return importlib.machinery.PathFinder.find_spec(fullname, path, target)

    sys.meta_path.insert(0, Before)  # type: ignore[arg-type]
    try:
        importlib.import_module(name)
        importlib.import_module("hooked_next")
    finally:
        sys.meta_path.remove(Before)  # type: ignore[arg-type]

    assert seen == [name]


def test_another_finder_that_asks_all_finders_is_no_circle(write: Write) -> None:
    """Hooks of other products look a module up while we do, and wrap its loader too."""
    name = write("hooked_twice", "value = 1\n")
    seen: list[int] = []
    when_imported(name, lambda module: seen.append(module.value))

    class Other:
        busy = False

        def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
            if fullname != name or self.busy:
                return None
            self.busy = True
            try:
                return importlib.util.find_spec(fullname)
            finally:
                self.busy = False

    for place in (0, len(sys.meta_path)):
        other = Other()
        sys.meta_path.insert(place, other)  # type: ignore[arg-type]
        try:
            module = importlib.import_module(name)
        finally:
            sys.meta_path.remove(other)  # type: ignore[arg-type]
        assert type(module.__loader__) is SourceFileLoader
        assert module.__spec__ is not None
        assert module.__spec__.loader is module.__loader__
        del sys.modules[name]
        when_imported(name, lambda module: seen.append(module.value))
    importlib.import_module(name)

    assert seen == [1, 1, 1]


def test_threads_that_import_together_call_once(write: Write) -> None:
    """However many threads import and register, each callback is called once."""
    names = [
        write(f"hooked_thread_{number}", "import time\ntime.sleep(0.01)\n") for number in range(8)
    ]
    seen: list[str] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for name in names:
            importlib.import_module(name)
            when_imported(name, lambda module: seen.append(f"after {module.__name__}"))

    for name in names:
        when_imported(name, lambda module: seen.append(module.__name__))
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(name for name in seen if "after" not in name) == sorted(names)
    assert sum("after" in name for name in seen) == 64


def test_a_lazy_module_stays_lazy(write: Write) -> None:
    """A module that is executed at its first use is called for then, and not executed by us."""
    name = write("hooked_lazy", "value = 1\n")
    write("hooked_other", "")
    seen: list[str] = []
    when_imported(name, lambda module: seen.append(name))

    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    assert spec.loader is not None
    spec.loader.exec_module(module)
    importlib.import_module("hooked_other")
    assert seen == []
    assert module.value == 1

    assert seen == [name]


def test_it_loads_nothing_heavy() -> None:
    """Waiting for imports costs neither metrics nor the SDK nor the package's other modules."""
    code = (
        "import sys\n"
        "from vaquero_instrumentation_common.import_hooks import when_imported\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'psutil',"
        " 'vaquero_instrumentation_common.'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "['vaquero_instrumentation_common.import_hooks']"


def test_the_package_has_all_its_names() -> None:
    """Each public name is there, wherever its module; another is an ordinary error."""
    import vaquero_instrumentation_common as package

    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert sorted(package.__all__) == sorted(package._MODULES)
    assert set(dir(package)) >= set(package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = package.nosuch  # type: ignore[attr-defined]
