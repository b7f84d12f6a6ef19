"""The wheel and the source distribution: each builds from a checkout and from the other."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

# Wheels of fifty megabytes are packed three times.
pytestmark = [pytest.mark.collector, pytest.mark.packaging, pytest.mark.timeout(600)]
PROJECT = Path(__file__).resolve().parents[1]


def build(kind: str, project: Path, out: Path) -> Path:
    """Build one kind of distribution of a project, with what is installed here."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "-o", str(out)]
    subprocess.run([*command, str(project)], check=True, capture_output=True, timeout=300)
    (found,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return found


@pytest.fixture(scope="module")
def distributions(
    binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Path]:
    """A source distribution, a wheel of the checkout and a wheel of that source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    source = build("sdist", PROJECT, folder / "source")
    with tarfile.open(source) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    checkout = build("wheel", PROJECT, folder / "checkout")
    return source, checkout, build("wheel", unpacked, folder / "again")


def contents(wheel: Path) -> dict[str, int]:
    """Return the size of each file in a wheel, without the list of them."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            item.filename: item.CRC
            for item in archive.infolist()
            if not item.filename.endswith("RECORD")
        }


def test_both_wheels_are_the_same(distributions: tuple[Path, Path, Path]) -> None:
    """A wheel of the source distribution has byte for byte what a wheel of the checkout has."""
    _source, checkout, again = distributions
    assert checkout.name == again.name
    assert contents(checkout) == contents(again)


def test_the_wheel_has_everything_and_no_more(distributions: tuple[Path, Path, Path]) -> None:
    """Binary, configuration, overlays and licences are inside; Go sources and tests are not."""
    _source, wheel, _again = distributions
    names = set(contents(wheel))
    package = "vaquero_collector/"
    for name in ("collector-config.yaml", "THIRD_PARTY_LICENSES.txt", "overlays/file.yaml",
                 "overlays/contrib/kafka.yaml", "bin/otelcol-vaquero", "py.typed"):  # fmt: skip
        assert package + name in names
    assert not [name for name in names if name.endswith((".go", "go.sum")) or "test" in name]


def test_the_wheel_says_what_it_is_for(distributions: tuple[Path, Path, Path]) -> None:
    """The wheel has the tags of its system, no requirement of this machine, and its sizes fit."""
    _source, wheel, _again = distributions
    assert wheel.name.startswith("vaquero_collector-0.1.0-py3-none-")
    assert not wheel.name.endswith("-any.whl")
    assert wheel.stat().st_size < 20e6
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        parsed = message_from_string(archive.read(metadata).decode())
        assert archive.getinfo("vaquero_collector/bin/otelcol-vaquero").file_size < 60e6
    requires = parsed.get_all("Requires-Dist") or []
    assert requires and not [item for item in requires if "file:" in item or "vaquero" in item]


def test_the_source_distribution_can_be_built_anywhere(
    distributions: tuple[Path, Path, Path],
) -> None:
    """The source distribution has the pinned Go sources and the configuration, and no binary."""
    source, _wheel, _again = distributions
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"collector-config.yaml", "manifest.yaml", "go/go.sum", "go/main.go"} <= names
    assert not [name for name in names if "otelcol-vaquero" in name]
    assert source.stat().st_size < 1e6


def test_an_installed_wheel_runs_without_the_checkout(
    distributions: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    """From an installed wheel the binary, its configuration and an overlay are found and valid."""
    _source, wheel, _again = distributions
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target",
         str(tmp_path / "site"), str(wheel)],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    code = (
        "from vaquero_collector import cli, find_binary, places\n"
        "print(find_binary()); print(places.base_config()); print(places.checkout())\n"
        "cli.collector(['validate', '-o', 'file'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    binary, config, checkout, valid = done.stdout.splitlines()
    assert binary.startswith(str(tmp_path / "site"))
    assert config.startswith(str(tmp_path / "site"))
    assert checkout == "None"
    assert valid.startswith("valid: ")


def test_licences_name_every_module(distributions: tuple[Path, Path, Path]) -> None:
    """Each module that the manifest names is in the licences, with a text."""
    _source, wheel, _again = distributions
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read("vaquero_collector/THIRD_PARTY_LICENSES.txt").decode()
    for line in (PROJECT / "manifest.yaml").read_text().splitlines():
        _dash, found, module = line.partition("gomod: ")
        if found:
            assert module in text
    assert "the Go standard library" in text
    assert text.count("Apache License") > 20
