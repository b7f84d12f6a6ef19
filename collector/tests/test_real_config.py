"""The configuration and its overlays, as the real Collector sees them."""

from __future__ import annotations

import itertools
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from vaquero_collector import binary as binaries
from vaquero_collector import overlays

pytestmark = pytest.mark.collector

OURS = sorted(name for name, overlay in overlays.OVERLAYS.items() if not overlay.contrib)
ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "collector-config.yaml"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Values for what has no default, with a certificate that is really there."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *files, "-subj", "/CN=localhost"], check=True, capture_output=True)
    return {
        **os.environ,
        "VAQUERO_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "VAQUERO_OTLP_HEADERS": '{"api-key": "k-123"}',
        "VAQUERO_COLLECTOR_TLS_CERT_FILE": str(folder / "cert.pem"),
        "VAQUERO_COLLECTOR_TLS_KEY_FILE": str(folder / "key.pem"),
        "VAQUERO_COLLECTOR_QUEUE_DIR": str(folder / "queue"),
        "VAQUERO_COLLECTOR_FILE": str(folder / "out.jsonl"),
    }


def ask(binary: Path, verb: str, names: tuple[str, ...], environment: dict[str, str]) -> str:
    """Return what the Collector says to a verb, for the base with these overlays."""
    files = [BASE, *(overlays.OVERLAYS[name].path for name in names)]
    words = [word for path in files for word in ("--config", str(path))]
    done = subprocess.run(
        [str(binary), verb, *words], capture_output=True, text=True, timeout=100, env=environment,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{names}: {done.stderr}"
    return done.stdout


def test_base_overlays_and_every_pair_validate(binary: Path, environment: dict[str, str]) -> None:
    """The Collector accepts the base, each overlay for our binary, and each pair of those."""
    pairs = [
        pair for pair in itertools.combinations(OURS, 2) if frozenset(pair) not in overlays.REFUSED
    ]
    cases = [(), *((name,) for name in OURS), *pairs]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda names: ask(binary, "validate", names, environment), cases))
    assert len(cases) == 1 + 10 + 44


def test_the_merge_is_the_one_that_the_tests_assume(
    binary: Path, environment: dict[str, str]
) -> None:
    """Pipelines of a merged pair are, in the Collector, the union of what both files say."""
    pipelines = yaml.safe_load(BASE.read_text())["service"]["pipelines"]
    for name in ("tail_sampling", "file"):
        for pipeline, parts in yaml.safe_load(overlays.OVERLAYS[name].path.read_text())["service"][
            "pipelines"
        ].items():
            pipelines[pipeline] = {**pipelines.get(pipeline, {}), **parts}
    printed = yaml.safe_load(ask(binary, "print-config", ("tail_sampling", "file"), environment))[
        "service"
    ]["pipelines"]
    assert set(printed) == set(pipelines)
    for name, parts in pipelines.items():
        for part in ("receivers", "processors", "exporters"):
            assert list(printed[name].get(part) or []) == parts.get(part, []), f"{name} {part}"


def test_secrets_are_masked_where_a_configuration_is_printed(
    binary: Path, environment: dict[str, str]
) -> None:
    """The values of headers do not appear in the printed configuration."""
    printed = ask(binary, "print-config", ("backend",), environment)
    assert "api-key" in printed
    assert "k-123" not in printed


@pytest.mark.parametrize("name", ["", *OURS])
def test_starts_and_stops_without_a_warning(
    name: str, started: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    """The base and each overlay start, get healthy and stop, and the log has no warning."""
    if name == "prometheus":
        environment = {**environment, "VAQUERO_PROMETHEUS_ENDPOINT": "127.0.0.1:0"}
    wanted = {
        key: value
        for key, value in environment.items()
        if key.startswith("VAQUERO_") and ("HEADERS" not in key or name == "backend")
    }
    child = started(overlays=[name] if name else [], env=wanted)
    assert child.healthy()
    log = child.plan().log
    child.stop()
    levels = [line.split("\t")[1] for line in log.read_text().splitlines() if "\t" in line]
    if name == "self_metrics":
        # Nobody answers at the destination of this test, which is no warning about the overlay.
        levels = [level for level in levels if level != "error"]
    assert levels and set(levels) == {"info"}, log.read_text()


def test_the_table_knows_what_only_the_contrib_image_has(binary: Path) -> None:
    """An overlay says which of its components our binary lacks, and nothing more."""
    known = binaries.components(binary)
    for name, overlay in overlays.OVERLAYS.items():
        config = yaml.safe_load(overlay.path.read_text())
        kinds = ("receivers", "processors", "exporters", "connectors")
        used = {
            f"{kind}/{item.partition('/')[0]}" for kind in kinds for item in config.get(kind, {})
        }
        assert used - known == set(overlay.contrib), name


def test_the_binary_has_what_the_manifest_says(binary: Path) -> None:
    """Each module of the manifest is in the binary, so the committed sources are its own."""
    manifest = yaml.safe_load((ROOT / "collector/manifest.yaml").read_text())
    listed = subprocess.run([str(binary), "components"], capture_output=True, text=True, check=True)
    for kind in ("receivers", "processors", "exporters", "connectors", "extensions", "providers"):
        for module in manifest[kind]:
            assert module["gomod"] in listed.stdout
