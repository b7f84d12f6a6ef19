"""The manifests for Kubernetes, as far as they can be checked without a cluster."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from vaquero_collector import overlays

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"


@pytest.fixture(scope="module")
def kustomization() -> dict[str, Any]:
    """What is applied."""
    return yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


@pytest.fixture(scope="module")
def workloads(kustomization: dict[str, Any]) -> dict[str, Any]:
    """The objects that run Collectors, by name."""
    found = [
        item
        for name in kustomization["resources"]
        for item in yaml.safe_load_all((FOLDER / name).read_text())
    ]
    return {item["metadata"]["name"]: item for item in found if item["kind"].endswith("Set")}


def test_every_file_is_there_and_used(kustomization: dict[str, Any]) -> None:
    """Each resource and each file of the configuration exists, and nothing else lies around."""
    (generated,) = kustomization["configMapGenerator"]
    named = {FOLDER / name for name in [*kustomization["resources"], *generated["files"]]}
    assert named | {FOLDER / "kustomization.yaml"} == set(FOLDER.rglob("*.yaml"))


def test_each_collector_reads_files_that_are_mounted(
    workloads: dict[str, Any], kustomization: dict[str, Any]
) -> None:
    """Configurations that a Collector is told to read are in the map that it mounts."""
    (generated,) = kustomization["configMapGenerator"]
    mapped = {Path(name).name for name in generated["files"]}
    assert set(workloads) == {"vaquero-gateway", "vaquero-agent"}
    for workload in workloads.values():
        pod = workload["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert {"name": "config", "mountPath": "/etc/vaquero", "readOnly": True} in container[
            "volumeMounts"
        ]
        assert {"name": "config", "configMap": {"name": generated["name"]}} in pod["volumes"]
        read = [Path(word.partition("=")[2]) for word in container["args"]]
        assert {path.name for path in read} <= mapped
        assert {str(path.parent) for path in read} == {"/etc/vaquero"}
        chosen = [path.stem for path in read if path.stem in overlays.OVERLAYS]
        overlays.check_pairs(chosen)
        assert read[0].name == "collector-config.yaml"


def test_every_variable_is_read(workloads: dict[str, Any]) -> None:
    """Each variable of ours is read by a configuration, and those without default are set."""
    text = {path.stem: path.read_text() for path in (FOLDER / "config").glob("*.yaml")}
    for workload in workloads.values():
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        names = {item["name"] for item in container["env"]}
        read = "".join(text[Path(word).stem] for word in container["args"])
        assert all(f"${{env:{name}" in read for name in names if name.startswith("VAQUERO_"))
        for word in container["args"]:
            overlay = overlays.OVERLAYS.get(Path(word).stem)
            secret = {"VAQUERO_OTLP_ENDPOINT"}  # of the secret that envFrom brings
            assert overlay is None or set(overlay.required) <= names | secret


def test_collectors_run_with_as_little_as_they_need(workloads: dict[str, Any]) -> None:
    """No root, no capability, no writable image, a limit of memory, a health check."""
    for workload in workloads.values():
        pod = workload["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        for probe in ("readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] == "health"
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert workload["spec"]["selector"]["matchLabels"] == labels


def test_agents_find_the_gateways(workloads: dict[str, Any]) -> None:
    """The name that agents resolve is that of the headless service in front of the gateways."""
    service = next(yaml.safe_load_all((FOLDER / "gateway.yaml").read_text()))
    (container,) = workloads["vaquero-agent"]["spec"]["template"]["spec"]["containers"]
    values = {item["name"]: item.get("value") for item in container["env"]}
    assert values["VAQUERO_GATEWAY_HOSTNAME"] == service["metadata"]["name"]
    assert service["spec"]["clusterIP"] == "None"
    selector = service["spec"]["selector"]
    assert selector == workloads["vaquero-gateway"]["spec"]["selector"]["matchLabels"]


def test_the_image_is_that_of_compose(kustomization: dict[str, Any]) -> None:
    """Both ways to run the contrib image run the same version."""
    compose = (ROOT / "docker-compose.yml").read_text()
    (image,) = kustomization["images"]
    assert f"{image['name']}:${{OTELCOL_VERSION:-{image['newTag']}}}" in compose


@pytest.mark.collector
def test_the_gateway_is_accepted_by_the_real_collector(
    workloads: dict[str, Any], binary: Path, tmp_path: Path
) -> None:
    """The gateway's files with its variables are a configuration that the Collector accepts."""
    (container,) = workloads["vaquero-gateway"]["spec"]["template"]["spec"]["containers"]
    values = {item["name"]: item["value"] for item in container["env"] if "value" in item}
    environment = {
        **values,
        "VAQUERO_OTLP_ENDPOINT": "https://otlp.example.com",
        "VAQUERO_COLLECTOR_QUEUE_DIR": str(tmp_path),
    }
    words = [
        word
        for argument in container["args"]
        for word in ("--config", str(FOLDER / "config" / Path(argument).name))
    ]
    done = subprocess.run(
        [str(binary), "validate", *words],
        capture_output=True,
        text=True,
        timeout=100,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
