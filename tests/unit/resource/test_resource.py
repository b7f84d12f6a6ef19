"""Who the process is."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import pytest

from vaquero import config, resource
from vaquero.resource import naming, platforms

if TYPE_CHECKING:
    from pathlib import Path


def _settings(environ: dict[str, str], folder: Path) -> config.Settings:
    return config.load({}, environ=environ, folder=folder)


def test_given_attributes_win_over_found_ones(tmp_path: Path) -> None:
    """What the user says of the resource is what is sent."""
    settings = _settings(
        {"OTEL_RESOURCE_ATTRIBUTES": "host.name=mine,service.instance.id=7"}, tmp_path
    )

    attributes = resource.build(settings).attributes

    assert attributes["host.name"] == "mine"
    assert attributes["service.instance.id"] == "7"
    assert resource.keeps_instance_id(settings)


def test_the_service_name_variable_wins_over_resource_attributes(tmp_path: Path) -> None:
    """OTEL_SERVICE_NAME has precedence, as the specification says."""
    settings = _settings(
        {"OTEL_RESOURCE_ATTRIBUTES": "service.name=b", "OTEL_SERVICE_NAME": "a"}, tmp_path
    )

    assert resource.build(settings).attributes["service.name"] == "a"


def test_the_distribution_names_itself(tmp_path: Path) -> None:
    """telemetry.distro.* and telemetry.sdk.* say what made the data."""
    attributes = resource.build(_settings({}, tmp_path)).attributes

    assert attributes["telemetry.distro.name"] == "vaquero"
    assert attributes["telemetry.sdk.language"] == "python"


def test_the_host_has_no_instance(tmp_path: Path) -> None:
    """The resource of host gauges survives a takeover by another process: no instance, no pid."""
    attributes = resource.build(_settings({}, tmp_path), host_only=True).attributes

    assert "service.instance.id" not in attributes
    assert not [name for name in attributes if name.startswith("process.")]
    assert attributes["host.name"]


def test_neither_arguments_nor_environment_are_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret on the command line or in a variable is nowhere in the resource."""
    monkeypatch.setattr("sys.argv", ["app.py", "--password=hunter2"])
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")

    assert "hunter2" not in str(dict(resource.build(_settings({}, tmp_path)).attributes))


@pytest.mark.parametrize(
    ("argv", "module", "expected"),
    [
        (["/srv/shop/worker.py"], None, "worker"),
        (["/usr/bin/uvicorn", "shop.web:app"], None, "shop"),
        (["/usr/bin/gunicorn", "-w", "2", "shop.wsgi:application"], None, "shop"),
        (["x/__main__.py"], "shop.jobs.__main__", "shop.jobs"),
        (["x/__main__.py", "shop:app"], "uvicorn.__main__", "shop"),
        (["-c"], None, None),
        ([""], None, None),
    ],
)
def test_the_program_names_the_service(
    argv: list[str], module: str | None, expected: str | None
) -> None:
    """Script, module or served application give the name where nobody else does."""
    main = types.SimpleNamespace(__spec__=types.SimpleNamespace(name=module) if module else None)

    assert naming.program(argv, main) == expected


def test_the_project_names_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the project in the folder started in wins over that of the script."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    monkeypatch.chdir(tmp_path)

    assert resource.service_name(_settings({}, tmp_path)) == "shop"


def test_a_detector_that_fails_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown detector is said once and costs nothing else."""
    settings = _settings({"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "nosuch,otel"}, tmp_path)

    attributes = resource.build(settings).attributes

    assert attributes["service.name"]
    assert "nosuch" in caplog.text


POD = "0f3c1a52-1111-2222-3333-444455556666"
FILES = {
    platforms.NAMESPACE_FILE: "market\n",
    "/proc/self/mountinfo": f"1 2 0:1 /var/lib/kubelet/pods/{POD}/volumes /x rw - tmpfs t rw\n",
    "/proc/self/cgroup": "0::/kubepods/" + "ab" * 32 + "\n",
}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "shop-7d4b9c6f5d-x2x4z",
             "NODE_NAME": "n1", "K8S_CLUSTER_NAME": "c"},
            {"k8s.pod.name": "shop-7d4b9c6f5d-x2x4z", "k8s.deployment.name": "shop",
             "k8s.pod.uid": POD, "k8s.namespace.name": "market", "k8s.node.name": "n1",
             "k8s.cluster.name": "c"},
        ),
        (
            {"K8S_POD_NAME": "db-0", "POD_NAME": "of-another", "K8S_NAMESPACE_NAME": "ns"},
            {"k8s.pod.name": "db-0", "k8s.namespace.name": "ns"},
        ),
        ({"POD_NAME": "whatever", "NODE_NAME": "whatever"}, {}),
        (
            {"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_REGION": "eu-west-1",
             "AWS_LAMBDA_FUNCTION_VERSION": "3", "AWS_LAMBDA_LOG_STREAM_NAME": "s",
             "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_LOG_GROUP_NAME": "g"},
            {"cloud.provider": "aws", "cloud.platform": "aws_lambda", "cloud.region": "eu-west-1",
             "faas.name": "f", "faas.version": "3", "faas.instance": "s",
             "faas.max_memory": 134_217_728, "aws.log.group.names": ["g"]},
        ),
        (
            {"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x",
             "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"},
            {"cloud.provider": "aws", "cloud.platform": "aws_ecs", "aws.ecs.launchtype": "fargate"},
        ),
        (
            {"K_SERVICE": "s", "K_REVISION": "s-1", "GOOGLE_CLOUD_PROJECT": "p"},
            {"cloud.provider": "gcp", "cloud.platform": "gcp_cloud_run", "cloud.account.id": "p",
             "faas.name": "s", "faas.version": "s-1"},
        ),
        (
            {"K_SERVICE": "s", "K_REVISION": "s-1", "FUNCTION_TARGET": "main"},
            {"cloud.provider": "gcp", "cloud.platform": "gcp_cloud_functions", "faas.name": "s",
             "faas.version": "s-1"},
        ),
        (
            {"CLOUD_RUN_JOB": "j", "CLOUD_RUN_EXECUTION": "j-1", "CLOUD_RUN_TASK_INDEX": "2"},
            {"cloud.provider": "gcp", "cloud.platform": "gcp_cloud_run", "faas.name": "j",
             "gcp.cloud_run.job.execution": "j-1", "gcp.cloud_run.job.task_index": 2},
        ),
        (
            {"WEBSITE_SITE_NAME": "site", "REGION_NAME": "West", "WEBSITE_RESOURCE_GROUP": "g",
             "WEBSITE_OWNER_NAME": "sub+g-WestEuropewebspace"},
            {"cloud.provider": "azure", "cloud.platform": "azure.app_service",
             "cloud.region": "West", "cloud.account.id": "sub",
             "cloud.resource_id":
             "/subscriptions/sub/resourceGroups/g/providers/Microsoft.Web/sites/site"},
        ),
        (
            {"WEBSITE_SITE_NAME": "fn", "FUNCTIONS_WORKER_RUNTIME": "python",
             "WEBSITE_INSTANCE_ID": "i"},
            {"cloud.provider": "azure", "cloud.platform": "azure.functions", "faas.name": "fn",
             "faas.instance": "i"},
        ),
        (
            {"HEROKU_APP_NAME": "shop", "HEROKU_APP_ID": "1", "HEROKU_RELEASE_VERSION": "v9",
             "HEROKU_SLUG_COMMIT": "abc"},
            {"cloud.provider": "heroku", "heroku.app.id": "1", "heroku.release.commit": "abc",
             "service.version": "v9"},
        ),
        (
            {"VCAP_APPLICATION": '{"application_id": "i", "limits": {"mem": 1}, "uris": ["u"]}',
             "VCAP_SERVICES": '{"password": "hunter2"}', "CF_INSTANCE_INDEX": "0"},
            {"cloudfoundry.app.id": "i", "cloudfoundry.app.instance.id": "0"},
        ),
        (
            {"FLY_APP_NAME": "shop", "FLY_REGION": "ams", "FLY_MACHINE_ID": "m"},
            {"cloud.provider": "fly_io", "cloud.region": "ams", "host.id": "m"},
        ),
        (
            {"RENDER": "true", "RENDER_GIT_COMMIT": "abc"},
            {"cloud.provider": "render", "vcs.ref.head.revision": "abc"},
        ),
        ({"VCAP_APPLICATION": "{", "AWS_REGION": "x", "K_SERVICE": "only"}, {}),
    ],
)  # fmt: skip
def test_a_platform_is_known_by_its_variables_and_files(
    environ: dict[str, str], expected: dict[str, object]
) -> None:
    """Names are those of the conventions; nothing is asked over a network."""
    assert platforms.detect(environ, lambda path: FILES.get(path, "")) == expected


def test_the_platform_stands_in_the_resource_and_under_what_is_given(tmp_path: Path) -> None:
    """Platform and container are found; what is given wins; the host keeps its part."""
    environ = {"KUBERNETES_SERVICE_HOST": "1", "HOSTNAME": "a-b", "NODE_NAME": "n"}
    settings = _settings({"OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=mine"}, tmp_path)

    def read(path: str) -> str:
        return FILES.get(path, "")

    attributes = resource.build(settings, environ=environ, read=read).attributes
    host = resource.build(settings, host_only=True, environ=environ, read=read).attributes

    assert attributes["k8s.pod.name"] == "mine"
    assert attributes["k8s.namespace.name"] == "market"
    assert attributes["container.id"] == "ab" * 32
    assert host["k8s.node.name"] == "n"
    assert "k8s.namespace.name" not in host


def test_the_platforms_name_of_the_service_wins_over_the_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a platform every script is called app or bootstrap; the platform knows better."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/var/runtime/bootstrap.py"])
    settings = _settings({}, tmp_path)

    assert resource.service_name(settings, {"AWS_LAMBDA_FUNCTION_NAME": "pay"}) == "pay"


def test_the_version_is_that_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """service.version comes from the project's metadata, and an argument wins over it."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1.2"\n')
    monkeypatch.chdir(tmp_path)

    found = resource.build(_settings({}, tmp_path)).attributes
    given = config.load({"service_version": "9"}, environ={}, folder=tmp_path)

    assert (found["service.name"], found["service.version"]) == ("shop", "1.2")
    assert resource.build(given).attributes["service.version"] == "9"


def test_the_version_of_an_installed_program_is_that_of_its_distribution() -> None:
    """`python -m` and console scripts belong to a distribution; other scripts to none."""
    import os
    import sys
    from importlib.metadata import version

    module = types.SimpleNamespace(__spec__=types.SimpleNamespace(name="click.__main__"))
    script = types.SimpleNamespace(__spec__=None)
    vaquero = os.path.join(os.path.dirname(sys.executable), "vaquero")

    assert naming.distribution_version(None, ["x"], module) == version("click")
    assert naming.distribution_version(None, [vaquero], script) == version("vaquero-otel")
    assert naming.distribution_version(None, ["/srv/shop/app.py"], script) is None
    assert naming.distribution_version("nosuch-project", ["x"], script) is None


def test_a_template_that_says_unknown_does_not_hide_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """service.name=unknown_service, as templates have it, is as good as none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/srv/till.py"])
    settings = _settings({"OTEL_RESOURCE_ATTRIBUTES": "service.name=unknown_service"}, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "__main__", types.SimpleNamespace(__spec__=None))

    assert resource.build(settings).attributes["service.name"] == "till"


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["python", "app.py"], "app"),
        (["/usr/bin/python3.12", "-u", "-X", "dev", "jobs/nightly.py", "x"], "nightly"),
        (["python", "-m", "shop.web"], "shop.web"),
        (["python", "-m", "uvicorn", "shop.main:app"], "shop"),
        (["uvicorn", "shop.main:app", "--port", "80"], "shop"),
        (["./run.sh"], "run"),
        (["python", "-c", "pass"], None),
        (["python"], None),
        ([], None),
    ],
)
def test_a_command_is_named_as_its_process_would_name_itself(
    words: list[str], name: str | None
) -> None:
    """Scripts, modules, servers; nothing where the process would know nothing."""
    assert naming.program_of_command(words) == name


def test_a_run_is_on_the_resource_of_the_process_and_not_of_the_host() -> None:
    """``vaquero.run.id`` is of spans, logs and the process's own metrics."""
    settings = config.load(environ={"VAQUERO_RUN_ID": "seven"})
    assert resource.build(settings).attributes["vaquero.run.id"] == "seven"
    assert "vaquero.run.id" not in resource.build(settings, host_only=True).attributes
    assert "vaquero.run.id" not in resource.build(config.load(environ={})).attributes
