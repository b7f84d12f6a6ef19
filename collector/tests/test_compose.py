"""docker-compose.yml, as far as it can be checked without a container engine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from vaquero_collector import overlays

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file with the defaults of its variables filled in."""
    text = re.sub(r"\$\{([A-Z_]+):-([^}]*)\}", r"\2", FILE.read_text())
    assert "${" not in text, "a variable without a default"
    return yaml.safe_load(text)


def test_the_schema_of_compose_accepts_it() -> None:
    """Every key is one of the specification of compose."""
    program = Path(sys.executable).parent / "check-jsonschema"
    command = [str(program), "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    subprocess.call(["docker", "compose", "version"], stderr=subprocess.DEVNULL) != 0
    if shutil.which("docker")
    else True,
    reason="docker has no compose here",
)
def test_compose_itself_accepts_it() -> None:
    """Where docker compose is installed, it reads the file without an error."""
    command = ["docker", "compose", "-f", str(FILE), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


def test_every_image_is_pinned_and_limited(compose: dict[str, Any]) -> None:
    """Each image has a tag with a version, each service a limit of memory."""
    for name, service in compose["services"].items():
        image, _colon, tag = service["image"].rpartition(":")
        assert image and re.match(r"\d+\.\d+", tag), f"{name}: {service['image']}"
        assert service["mem_limit"], name


def test_the_image_is_no_older_than_the_names_we_use(compose: dict[str, Any]) -> None:
    """The contrib image is of the version of our binary or newer."""
    tag = compose["services"]["collector"]["image"].rpartition(":")[2]
    manifest = (ROOT / "collector/manifest.yaml").read_text()
    ours = re.search(r"otlpreceiver v([\d.]+)", manifest)
    assert ours is not None
    assert [int(n) for n in tag.split(".")] >= [int(n) for n in ours[1].split(".")]


def test_ports_are_on_this_machine_and_used_once(compose: dict[str, Any]) -> None:
    """Each published port is on loopback, and no two services publish the same."""
    published: list[str] = []
    for name, service in compose["services"].items():
        for port in service.get("ports", []):
            host, outside, _inside = port.split(":")
            assert host == "127.0.0.1", f"{name}: {port}"
            published.append(outside)
    assert len(published) == len(set(published))
    assert {"4317", "4318", "13133", "3000"} <= set(published)


def test_every_mount_exists(compose: dict[str, Any]) -> None:
    """Each file or folder that is mounted is in the repository, read only; each volume is named."""
    for name, service in compose["services"].items():
        for mount in service.get("volumes", []):
            source, _colon, rest = mount.partition(":")
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {mount}"
                assert rest.endswith(":ro"), f"{name}: {mount}"
            else:
                assert source in compose["volumes"], f"{name}: {mount}"


def test_dependencies_exist_and_can_be_met(compose: dict[str, Any]) -> None:
    """A service that another waits for exists, and one waited for as healthy has a check."""
    services = compose["services"]
    for service in services.values():
        for other, how in service.get("depends_on", {}).items():
            assert other in services
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other]


def mounted(compose: dict[str, Any], inside: str) -> Path:
    """Return the file of the repository that the Collector sees at a path."""
    for mount in compose["services"]["collector"]["volumes"]:
        source, place, *_mode = mount.split(":")
        if inside == place or inside.startswith(f"{place}/"):
            return ROOT / source / inside[len(place) :].lstrip("/")
    raise AssertionError(f"{inside} is not mounted")


@pytest.mark.parametrize("profile", [None, "jaeger", "clickhouse"])
def test_the_collector_finds_its_configuration(profile: str | None) -> None:
    """With each profile every configuration that is named is mounted, by the variable's value."""
    text = FILE.read_text()
    if profile:
        text = text.replace("${COMPOSE_PROFILES:-none}", profile)
    found = yaml.safe_load(re.sub(r"\$\{([A-Z_]+):-([^}]*)\}", r"\2", text))
    paths = [word.partition("=")[2] for word in found["services"]["collector"]["command"]]
    files = [mounted(found, path) for path in paths]
    assert all(file.is_file() for file in files)
    assert files[0] == ROOT / "collector-config.yaml"
    if profile:
        assert found["services"][profile]["profiles"] == [profile]


def test_variables_of_the_collector_are_read_by_a_configuration(compose: dict[str, Any]) -> None:
    """Each variable that the Collector is given is one that a mounted configuration reads."""
    read = (ROOT / "collector-config.yaml").read_text()
    read += "".join(path.read_text() for path in (ROOT / "collector/overlays").rglob("*.yaml"))
    for name in compose["services"]["collector"]["environment"]:
        assert name == "GOMEMLIMIT" or f"${{env:{name}" in read, name


@pytest.mark.collector
@pytest.mark.parametrize("profile", ["none", "jaeger"])
def test_the_collector_accepts_what_compose_gives_it(
    profile: str, compose: dict[str, Any], binary: Path
) -> None:
    """With the environment of compose the real Collector accepts the files of a profile."""
    environment = compose["services"]["collector"]["environment"]
    files = [
        ROOT / "collector-config.yaml",
        overlays.OVERLAYS["self_metrics"].path,
        overlays.OVERLAYS["sampling"].path,
        ROOT / f"deploy/compose/{profile}.yaml",
    ]
    words = [word for path in files for word in ("--config", str(path))]
    done = subprocess.run(
        [str(binary), "validate", *words], capture_output=True, text=True, timeout=100,
        env={name: str(value) for name, value in environment.items()}, check=False,
    )  # fmt: skip
    # The folder of the queue is in the container only.
    assert done.returncode == 0 or "/var/lib/vaquero/queue" in done.stderr, done.stderr
