"""`deploy=kubernetes`: the manifests are valid, refer to each other, and need only what is stated.

There is no cluster here: the schemas of the Kubernetes API judge each manifest, and the references
between them, which schemas cannot see, are followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import kubernetes_validate
import pytest
import yaml

from cofee.errors import CofeeError
from tests.generated import EVERY_PART, rendered_here

VERSIONS = ("1.32", "1.37")  # of the API: the oldest that is supported, and the newest
SERVICES: Mapping[str, Mapping[str, object]] = {
    "lean": {"auth": "none", "deploy": "kubernetes"},
    "everything": {**EVERY_PART, "cache": "redis"},
}
WORKLOADS = {"Deployment", "Job", "CronJob"}
Manifest = dict[str, Any]

each_service = pytest.mark.parametrize("service", SERVICES)


@cache
def files(service: str) -> dict[str, str]:
    """Render a service."""
    tree = rendered_here(SERVICES[service])
    return {path: file.content.decode() for path, file in tree.items()}


@cache
def manifests(service: str) -> list[Manifest]:
    """Return all manifests that the kustomization lists."""
    names = kustomization(service)["resources"]
    texts = [files(service)[f"kubernetes/{name}"] for name in names]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text)]


def kustomization(service: str) -> Manifest:
    """Return what applies the manifests."""
    loaded: Manifest = yaml.safe_load(files(service)["kubernetes/kustomization.yaml"])
    return loaded


def of_kind(service: str, *kinds: str) -> Iterator[Manifest]:
    """Yield the manifests of some kinds."""
    return (one for one in manifests(service) if one["kind"] in kinds)


def pod(workload: Manifest) -> Manifest:
    """Return the template of a workload's pods."""
    spec: Manifest = workload["spec"]
    template: Manifest = spec.get("jobTemplate", {}).get("spec", spec)["template"]
    return template


@each_service
@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_fit_the_schemas_of_kubernetes(service: str, version: str) -> None:
    for manifest in manifests(service):
        kubernetes_validate.validate(manifest, version, strict=True)


@each_service
def test_every_manifest_is_listed(service: str) -> None:
    there = {path.removeprefix("kubernetes/") for path in files(service) if "kubernetes/" in path}

    assert there == {"kustomization.yaml", "settings.env", *kustomization(service)["resources"]}


def test_a_service_has_only_the_manifests_of_its_parts() -> None:
    assert [one["metadata"]["name"] for one in of_kind("lean", *WORKLOADS)] == ["migrations", "api"]
    assert {one["metadata"]["name"] for one in of_kind("everything", *WORKLOADS)} == {
        "migrations", "api", "worker", "purge-files",
    }  # fmt: skip
    assert "compose.yaml" not in files("lean")


@each_service
def test_selectors_find_the_pods_that_they_mean(service: str) -> None:
    labels = {
        one["metadata"]["name"]: pod(one)["metadata"]["labels"]
        for one in of_kind(service, *WORKLOADS)
    }

    for one in of_kind(service, "Deployment", "PodDisruptionBudget"):
        assert one["spec"]["selector"]["matchLabels"] == labels[one["metadata"]["name"]]
    [serving] = of_kind(service, "Service")
    assert serving["spec"]["selector"] == labels["api"]
    assert len({str(one) for one in labels.values()}) == len(labels)


@each_service
def test_requests_reach_the_port_that_is_served(service: str) -> None:
    [ingress] = of_kind(service, "Ingress")
    [rule] = ingress["spec"]["rules"]
    [tls] = ingress["spec"]["tls"]
    [path] = rule["http"]["paths"]
    [serving] = of_kind(service, "Service")
    [port] = serving["spec"]["ports"]
    [container] = pod(next(of_kind(service, "Deployment")))["spec"]["containers"]
    [policy] = of_kind(service, "NetworkPolicy")
    [admitted] = policy["spec"]["ingress"]

    assert tls["hosts"] == [rule["host"]]
    assert path["backend"]["service"] == {
        "name": serving["metadata"]["name"], "port": {"name": port["name"]},
    }  # fmt: skip
    assert [one["name"] for one in container["ports"]] == [port["targetPort"]]
    assert [one["containerPort"] for one in container["ports"]] == [
        one["port"] for one in admitted["ports"]
    ]
    assert f"EXPOSE {container['ports'][0]['containerPort']}" in files(service)["Dockerfile"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == port["targetPort"]


@each_service
def test_the_autoscaler_scales_a_deployment_without_replicas_of_its_own(service: str) -> None:
    [autoscaler] = of_kind(service, "HorizontalPodAutoscaler")
    target = autoscaler["spec"]["scaleTargetRef"]
    deployments = {one["metadata"]["name"]: one for one in of_kind(service, "Deployment")}

    assert "replicas" not in deployments[target["name"]]["spec"]


@each_service
def test_containers_are_confined_and_have_limits(service: str) -> None:
    for workload in of_kind(service, *WORKLOADS):
        spec = pod(workload)["spec"]
        [container] = spec["containers"]
        user = f"--uid {spec['securityContext']['runAsUser']} "

        assert user in files(service)["Dockerfile"]
        assert spec["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}
        assert container["envFrom"] == [
            {"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "secrets"}},
        ]  # fmt: skip


@each_service
def test_commands_of_workloads_exist(service: str) -> None:
    for workload in of_kind(service, *WORKLOADS):
        [container] = pod(workload)["spec"]["containers"]
        match container.get("command", []):
            case ["python", "-m", module]:
                assert f"{module.replace('.', '/')}.py" in files(service)
            case command:
                assert command in ([], ["alembic", "upgrade", "head"])


@each_service
def test_settings_and_secrets_are_settings_of_the_service(service: str) -> None:
    """Each has a line in `.env.example`, but those of the server itself."""
    example = files(service)[".env.example"]
    known = set(re.findall(r"^(?:# )?([A-Z_0-9]+)=", example, re.MULTILINE))
    known.add("FORWARDED_ALLOW_IPS")
    settings = re.findall(
        r"^([A-Z_0-9]+)=", files(service)["kubernetes/settings.env"], re.MULTILINE
    )
    secrets = re.findall(
        r"^#   (.+)$", files(service)["kubernetes/kustomization.yaml"], re.MULTILINE
    )
    names = [*settings, *re.findall("[A-Z_0-9]+", " ".join(secrets))]

    assert sorted(set(names) - known) == []
    assert len(names) == len(set(names))
    assert {"SECRET_KEY", "DATABASE_URL"} <= set(names)


@each_service
def test_what_migrations_need_is_applied_before_the_rest(service: str) -> None:
    first = [
        one["kind"] for one in manifests(service) if "stage" in one["metadata"].get("labels", {})
    ]
    [generated] = kustomization(service)["configMapGenerator"]

    assert first == ["NetworkPolicy", "Job"]
    assert generated["options"]["labels"] == {"stage": "first"}
    assert "--selector stage=first" in files(service)["pyproject.toml"]


def test_a_database_in_a_file_cannot_be_shared_by_replicas() -> None:
    with pytest.raises(CofeeError, match="set both, as in `cofee set database=postgresql"):
        rendered_here({"database": "sqlite", "deploy": "kubernetes"})
