"""Writes collector/go/ anew from collector/manifest.yaml, with the official builder.

The builder pins the core of its own version, so it is the one whose version the manifest has.
With `--check` nothing is written, and the exit code says whether what is committed is what the
builder writes. Needs Go and the modules.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
BUILDER = "go.opentelemetry.io/collector/cmd/builder"


def main() -> int:
    """Regenerate, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    manifest = (HERE / "manifest.yaml").read_text(encoding="utf-8")
    version = re.search(r"otlpreceiver (v\S+)", manifest)
    if version is None:
        sys.stderr.write("manifest.yaml has no otlpreceiver to take the version from\n")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _generate(folder, manifest, version[1])
        fresh = {path.name: path.read_bytes() for path in (folder / "go").iterdir()}
    committed = {path.name: path.read_bytes() for path in (HERE / "go").iterdir()}
    if fresh == committed:
        return 0
    if check:
        names = sorted(
            name for name in {*fresh, *committed} if fresh.get(name) != committed.get(name)
        )
        sys.stderr.write(f"collector/go is not what the manifest gives: {', '.join(names)}\n")
        return 1
    for name, content in fresh.items():
        (HERE / "go" / name).write_bytes(content)
    for name in committed.keys() - fresh.keys():
        (HERE / "go" / name).unlink()
    return 0


def _generate(folder: Path, manifest: str, version: str) -> None:
    go = os.environ.get("VAQUERO_GO") or shutil.which("go")
    if go is None:
        raise SystemExit("Go is needed: put it on PATH or set VAQUERO_GO")
    # GOBIN is where the builder goes; it looks for Go on PATH.
    path = os.pathsep.join([str(Path(go).parent), os.environ.get("PATH", "")])
    env = {**os.environ, "GOBIN": str(folder), "GOTOOLCHAIN": "local", "GOFLAGS": "", "PATH": path}
    subprocess.run([go, "install", f"{BUILDER}@{version}"], env=env, check=True)
    (folder / "manifest.yaml").write_text(manifest, encoding="utf-8")
    command = [str(folder / "builder"), "--config", "manifest.yaml", "--skip-compilation"]
    subprocess.run([*command, "--skip-strict-versioning=false"], cwd=folder, env=env, check=True)


if __name__ == "__main__":
    sys.exit(main())
