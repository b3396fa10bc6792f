"""The examples of deploy/ are what they say: valid for Kubernetes, for hadolint, and for the sidecar itself."""

import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from addons.commands.start import prepare
from addons.configuration import loading

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
SCRIPTS = Path(sysconfig.get_path("scripts"))
EXAMPLE = DEPLOY / "sidecar.yaml"


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    return {each["kind"]: each for each in YAML(typ="safe").load_all(DEPLOY / "kubernetes.yaml")}


@pytest.mark.parametrize("version", ["1.29", "1.33"])
def test_the_manifests_fit_kubernetes_own_schemas(version: str) -> None:
    command: list[str | Path] = [SCRIPTS / "kubernetes-validate", "--strict", "-k", version, DEPLOY / "kubernetes.yaml"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert (checked.stdout + checked.stderr).count("passed") == 4


def test_the_dockerfile_passes_hadolint() -> None:
    checked = subprocess.run([SCRIPTS / "hadolint", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_example_is_a_configuration_that_starts(tmp_path: Path) -> None:
    (tmp_path / "openai-key").write_text("sk-example")
    (tmp_path / "tokens.yaml").write_text("[]")
    text = EXAMPLE.read_text().replace("/etc/sidecar-secrets", str(tmp_path))
    (tmp_path / "sidecar.yaml").write_text(text.replace("/var/lib/sidecar", str(tmp_path / "state")))
    settings = prepare(tmp_path / "sidecar.yaml")
    assert settings.caller.verifier == "registry"
    assert (tmp_path / "state").is_dir()


def test_the_manifests_hold_the_example(manifests: dict[str, Any]) -> None:
    assert manifests["ConfigMap"]["data"]["sidecar.yaml"] == EXAMPLE.read_text()
    settings = loading.load(EXAMPLE)
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (sidecar,) = pod["initContainers"]
    paths = {mount["mountPath"] for mount in sidecar["volumeMounts"]}
    assert settings.caller.registry is not None
    assert str(settings.caller.registry.file.parent) in paths
    assert str(settings.listen.certificates) in paths
    assert settings.listen.admin == f"0.0.0.0:{sidecar['ports'][0]['containerPort']}"
    (app,) = pod["containers"]
    port = settings.listen.reverse.rpartition(":")[2]
    assert app["env"][0]["value"] == f"http://localhost:{port}/api/v2/llm/proxy/openai/v1"
    assert settings.lifecycle.drain_seconds < pod["terminationGracePeriodSeconds"]


def test_the_pod_is_restricted(manifests: dict[str, Any]) -> None:
    """Kubernetes' own Pod Security Standard `restricted`, and a read-only root."""
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert pod["initContainers"][0]["restartPolicy"] == "Always"
