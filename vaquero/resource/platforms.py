"""Where the process runs: Kubernetes and cloud platforms, from variables and files alone.

No metadata server is asked: a process must not wait for a network to learn who it is. Only the
variables named here are read, and none is exported that a platform may keep a secret in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Environ = Mapping[str, str]
Read = Callable[[str], str]

NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
BEANSTALK_FILE = "/var/elasticbeanstalk/xray/environment.conf"

#: Variables by which manifests hand a pod its own fields, in the order in which they are asked.
_DOWNWARD = {
    "k8s.pod.name": ("K8S_POD_NAME", "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "POD_NAME"),
    "k8s.pod.uid": ("K8S_POD_UID", "OTEL_RESOURCE_ATTRIBUTES_POD_UID", "POD_UID"),
    "k8s.namespace.name": ("K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE"),
    "k8s.node.name": ("K8S_NODE_NAME", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "NODE_NAME"),
    "k8s.container.name": ("K8S_CONTAINER_NAME", "CONTAINER_NAME"),
    "k8s.deployment.name": ("K8S_DEPLOYMENT_NAME",),
    "k8s.statefulset.name": ("K8S_STATEFULSET_NAME",),
    "k8s.daemonset.name": ("K8S_DAEMONSET_NAME",),
    "k8s.job.name": ("K8S_JOB_NAME",),
    "k8s.cronjob.name": ("K8S_CRONJOB_NAME",),
    "k8s.cluster.name": ("K8S_CLUSTER_NAME",),
    "k8s.cluster.uid": ("K8S_CLUSTER_UID",),
}
_POD_UID = re.compile(r"/pods/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/")
#: Letters that Kubernetes makes the ends of names of; a pod of a deployment has two such ends.
_OF_DEPLOYMENT = re.compile(
    r"(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}"
)


def detect(environ: Environ, read: Read) -> dict[str, Any]:
    """Attributes of the platform; empty where none says what it is.

    Args:
        environ: Variables.
        read: Gives the text of a file, empty where there is none.
    """
    found = _kubernetes(environ, read)
    for look in (_aws, _google, _azure, _heroku, _cloud_foundry, _others):
        cloud = look(environ, read)
        if cloud:
            found.update(cloud)
            break
    return {key: value for key, value in found.items() if value not in (None, "")}


def service_name(environ: Environ) -> str | None:
    """What the platform calls the service; None where it has no name of its own for it."""
    for name in (
        "AWS_LAMBDA_FUNCTION_NAME",
        "K_SERVICE",
        "CLOUD_RUN_JOB",
        "CONTAINER_APP_NAME",
        "WEBSITE_SITE_NAME",
        "HEROKU_APP_NAME",
        "FLY_APP_NAME",
        "RENDER_SERVICE_NAME",
        "RAILWAY_SERVICE_NAME",
    ):
        if environ.get(name):
            return environ[name]
    # Every program may have a variable of this name; on App Engine it is the service.
    return environ.get("GAE_SERVICE") if environ.get("GAE_INSTANCE") else None


def _kubernetes(environ: Environ, read: Read) -> dict[str, Any]:
    inside = bool(environ.get("KUBERNETES_SERVICE_HOST"))
    found: dict[str, Any] = {}
    for attribute, names in _DOWNWARD.items():
        for name in names:
            # Names that others use too count only inside a cluster.
            if environ.get(name) and (inside or name.startswith(("K8S_", "OTEL_"))):
                found[attribute] = environ[name]
                break
    if not inside:
        return found
    found.setdefault("k8s.namespace.name", read(NAMESPACE_FILE).strip())
    # A pod's host name is its own name, save on the network of its node.
    found.setdefault("k8s.pod.name", environ.get("HOSTNAME"))
    uid = _POD_UID.search(read("/proc/self/mountinfo"))
    if uid:
        found.setdefault("k8s.pod.uid", uid.group(1))
    deployment = _OF_DEPLOYMENT.fullmatch(found["k8s.pod.name"] or "")
    owners = {f"k8s.{kind}.name" for kind in ("statefulset", "daemonset", "job", "cronjob")}
    if deployment and not owners & set(found):
        found.setdefault("k8s.deployment.name", deployment.group(1))
    return found


def _aws(environ: Environ, read: Read) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cloud.provider": "aws",
        "cloud.region": environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
    }
    if environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        group = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        return {
            **found,
            "cloud.platform": "aws_lambda",
            "faas.name": environ["AWS_LAMBDA_FUNCTION_NAME"],
            "faas.version": environ.get("AWS_LAMBDA_FUNCTION_VERSION"),
            "faas.instance": environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            "faas.max_memory": int(memory) * 1024 * 1024 if memory.isdecimal() else None,
            "aws.log.group.names": [group] if group else None,
        }
    execution = environ.get("AWS_EXECUTION_ENV", "")
    if any(environ.get(f"ECS_CONTAINER_METADATA_URI{end}") for end in ("", "_V4")):
        launch = execution.removeprefix("AWS_ECS_").lower()
        return {
            **found,
            "cloud.platform": "aws_ecs",
            "aws.ecs.launchtype": launch if launch in ("ec2", "fargate") else None,
        }
    try:
        beanstalk: Any = json.loads(read(BEANSTALK_FILE) or "null")
    except ValueError:
        beanstalk = None
    if isinstance(beanstalk, dict):
        said: Mapping[str, Any] = beanstalk  # pyright: ignore[reportUnknownVariableType]
        return {
            **found,
            "cloud.platform": "aws_elastic_beanstalk",
            "service.namespace": said.get("environment_name"),
            "service.version": said.get("version_label"),
        }
    return {}


def _google(environ: Environ, read: Read) -> dict[str, Any]:
    found: dict[str, Any] = {
        "cloud.provider": "gcp",
        "cloud.account.id": environ.get("GOOGLE_CLOUD_PROJECT") or environ.get("GCP_PROJECT"),
        "cloud.region": environ.get("GOOGLE_CLOUD_REGION") or environ.get("FUNCTION_REGION"),
    }
    if environ.get("K_SERVICE") and environ.get("K_REVISION"):
        function = environ.get("FUNCTION_TARGET") or environ.get("FUNCTION_NAME")
        return {
            **found,
            "cloud.platform": "gcp_cloud_functions" if function else "gcp_cloud_run",
            "faas.name": environ["K_SERVICE"],
            "faas.version": environ["K_REVISION"],
        }
    if environ.get("CLOUD_RUN_JOB"):
        index = environ.get("CLOUD_RUN_TASK_INDEX", "")
        return {
            **found,
            "cloud.platform": "gcp_cloud_run",
            "faas.name": environ["CLOUD_RUN_JOB"],
            "gcp.cloud_run.job.execution": environ.get("CLOUD_RUN_EXECUTION"),
            "gcp.cloud_run.job.task_index": int(index) if index.isdecimal() else None,
        }
    if environ.get("GAE_SERVICE") and environ.get("GAE_INSTANCE"):
        return {
            **found,
            "cloud.platform": "gcp_app_engine",
            "faas.name": environ["GAE_SERVICE"],
            "faas.version": environ.get("GAE_VERSION"),
            "faas.instance": environ["GAE_INSTANCE"],
        }
    return {}


def _azure(environ: Environ, read: Read) -> dict[str, Any]:
    found: dict[str, Any] = {"cloud.provider": "azure"}
    if environ.get("CONTAINER_APP_NAME"):
        return {
            **found,
            "cloud.platform": "azure.container_apps",
            "service.version": environ.get("CONTAINER_APP_REVISION"),
            "host.name": environ.get("CONTAINER_APP_REPLICA_NAME"),
        }
    site = environ.get("WEBSITE_SITE_NAME")
    if not site:
        return {}
    function = environ.get("FUNCTIONS_WORKER_RUNTIME") or environ.get("FUNCTIONS_EXTENSION_VERSION")
    subscription, _, _ = environ.get("WEBSITE_OWNER_NAME", "").partition("+")
    group = environ.get("WEBSITE_RESOURCE_GROUP")
    found.update(
        {
            "cloud.platform": "azure.functions" if function else "azure.app_service",
            "cloud.region": environ.get("REGION_NAME"),
            "cloud.account.id": subscription,
            "deployment.environment.name": environ.get("WEBSITE_SLOT_NAME"),
        }
    )
    if subscription and group:
        found["cloud.resource_id"] = (
            f"/subscriptions/{subscription}/resourceGroups/{group}"
            f"/providers/Microsoft.Web/sites/{site}"
        )
    if function:
        found["faas.name"] = site
        found["faas.instance"] = environ.get("WEBSITE_INSTANCE_ID")
    return found


def _heroku(environ: Environ, read: Read) -> dict[str, Any]:
    if not environ.get("HEROKU_APP_ID") and not environ.get("HEROKU_APP_NAME"):
        return {}
    return {
        "cloud.provider": "heroku",
        "heroku.app.id": environ.get("HEROKU_APP_ID"),
        "heroku.release.commit": environ.get("HEROKU_SLUG_COMMIT"),
        "heroku.release.creation_timestamp": environ.get("HEROKU_RELEASE_CREATED_AT"),
        "service.version": environ.get("HEROKU_RELEASE_VERSION"),
    }


def _cloud_foundry(environ: Environ, read: Read) -> dict[str, Any]:
    """Only the named fields: the variables beside this one hold credentials."""
    try:
        said: Any = json.loads(environ.get("VCAP_APPLICATION") or "null")
    except ValueError:
        return {}
    if not isinstance(said, dict):
        return {}
    application: dict[str, Any] = dict(said)  # pyright: ignore[reportUnknownArgumentType]
    kinds = {
        "cloudfoundry.app.id": "application_id",
        "cloudfoundry.app.name": "application_name",
        "cloudfoundry.org.id": "organization_id",
        "cloudfoundry.org.name": "organization_name",
        "cloudfoundry.space.id": "space_id",
        "cloudfoundry.space.name": "space_name",
        "cloudfoundry.process.id": "process_id",
        "cloudfoundry.process.type": "process_type",
    }
    found: dict[str, Any] = {key: application.get(field) for key, field in kinds.items()}
    found["cloudfoundry.app.instance.id"] = environ.get("CF_INSTANCE_INDEX")
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _others(environ: Environ, read: Read) -> dict[str, Any]:
    """Platforms that have no names in the conventions: the provider, region and instance."""
    if environ.get("FLY_APP_NAME"):
        return {
            "cloud.provider": "fly_io",
            "cloud.region": environ.get("FLY_REGION"),
            "host.id": environ.get("FLY_MACHINE_ID"),
        }
    if environ.get("RENDER"):
        return {
            "cloud.provider": "render",
            "vcs.ref.head.revision": environ.get("RENDER_GIT_COMMIT"),
        }
    if environ.get("RAILWAY_PROJECT_ID"):
        return {
            "cloud.provider": "railway",
            "cloud.region": environ.get("RAILWAY_REPLICA_REGION"),
            "deployment.environment.name": environ.get("RAILWAY_ENVIRONMENT_NAME"),
            "vcs.ref.head.revision": environ.get("RAILWAY_GIT_COMMIT_SHA"),
        }
    return {}
