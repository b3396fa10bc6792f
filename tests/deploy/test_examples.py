"""The examples of deploy/ are what they say: valid for Kubernetes, for hadolint, and for the sidecar itself."""

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from addons.commands.start import prepare
from addons.configuration import loading
from addons.simulator.certificates import Authority

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
SCRIPTS = Path(sysconfig.get_path("scripts"))
IDENTITY, STATIC = DEPLOY, DEPLOY / "static-key"


@pytest.fixture(params=[IDENTITY, STATIC], ids=["workload identity", "static key"])
def example(request: pytest.FixtureRequest) -> Path:
    """The folder of one example."""
    return Path(request.param)


@pytest.fixture
def manifests(example: Path) -> dict[str, Any]:
    return {each["kind"]: each for each in YAML(typ="safe").load_all(example / "kubernetes.yaml")}


@pytest.mark.parametrize("name", ["collector", "vector"])
def test_collectors_configurations_are_yaml(name: str) -> None:
    """More is not known of them: they are said not to have been run."""
    text = (DEPLOY / f"records/{name}.yaml").read_text()
    assert YAML(typ="safe").load(text)
    assert "Not run" in " ".join(text.split()).replace("# ", "")


@pytest.mark.parametrize("version", ["1.29", "1.33"])
def test_the_manifests_fit_kubernetes_own_schemas(example: Path, version: str) -> None:
    command: list[str | Path] = [
        SCRIPTS / "kubernetes-validate",
        "--strict",
        "-k",
        version,
        example / "kubernetes.yaml",
    ]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert (checked.stdout + checked.stderr).count("passed") == 4


def test_the_dockerfile_passes_hadolint() -> None:
    checked = subprocess.run([SCRIPTS / "hadolint", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_static_example_is_a_configuration_that_starts(tmp_path: Path) -> None:
    (tmp_path / "openai-key").write_text("sk-example")
    (tmp_path / "tokens.yaml").write_text("[]")
    text = (STATIC / "sidecar.yaml").read_text().replace("/etc/sidecar-secrets", str(tmp_path))
    (tmp_path / "sidecar.yaml").write_text(text.replace("/var/lib/sidecar", str(tmp_path / "state")))
    settings = prepare(tmp_path / "sidecar.yaml")
    assert settings.caller.verifiers == ("registry",)
    assert (tmp_path / "state").is_dir()


def test_the_example_without_a_secret_is_a_configuration_that_starts(tmp_path: Path) -> None:
    for name in ("openai", "cluster"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text("a-projected-token")
    (tmp_path / "cluster" / "ca.crt").write_bytes(Authority(tmp_path).file.read_bytes())
    text = (IDENTITY / "sidecar.yaml").read_text().replace("/var/run/secrets", str(tmp_path))
    (tmp_path / "sidecar.yaml").write_text(text.replace("/var/lib/sidecar", str(tmp_path / "state")))
    settings = prepare(tmp_path / "sidecar.yaml")
    assert settings.caller.verifiers == ("jwt",)
    assert settings.provider.regions["global"].identity


def test_the_manifests_hold_the_example(example: Path, manifests: dict[str, Any]) -> None:
    assert manifests["ConfigMap"]["data"]["sidecar.yaml"] == (example / "sidecar.yaml").read_text()
    settings = loading.load(example / "sidecar.yaml")
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (sidecar,) = pod["initContainers"]
    assert settings.listen.admin == f"0.0.0.0:{sidecar['ports'][0]['containerPort']}"
    (app,) = pod["containers"]
    port = settings.listen.reverse.rpartition(":")[2]
    assert app["env"][0]["value"] == f"http://localhost:{port}/api/v2/llm/proxy/openai/v1"
    assert settings.lifecycle.drain_seconds < pod["terminationGracePeriodSeconds"]


def test_every_file_the_configuration_names_is_mounted(example: Path, manifests: dict[str, Any]) -> None:
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (sidecar,) = pod["initContainers"]
    mounted = {mount["mountPath"]: mount["name"] for mount in sidecar["volumeMounts"]}
    named = re.findall(r"(/(?:etc|var)/[\w./-]+)", (example / "sidecar.yaml").read_text())
    assert {name for name in named if name not in mounted and name.rpartition("/")[0] not in mounted} == set()
    assert {volume["name"] for volume in pod["volumes"]} >= set(mounted.values())


def test_without_a_secret() -> None:
    """Nothing in the pod outlives it: each token is for one reader, and none is in both containers."""
    found = {each["kind"]: each for each in YAML(typ="safe").load_all(IDENTITY / "kubernetes.yaml")}
    assert "Secret" not in found
    assert "secretKeyRef" not in (IDENTITY / "kubernetes.yaml").read_text()
    settings = loading.load(IDENTITY / "sidecar.yaml")
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (sidecar,), (app,) = pod["initContainers"], pod["containers"]
    tokens = {
        volume["name"]: source["serviceAccountToken"]
        for volume in pod["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "serviceAccountToken" in source
    }
    assert [token["expirationSeconds"] for token in tokens.values()] == [3600] * 3
    (callers,) = settings.caller.issuers
    assert tokens["sidecar-token"]["audience"] == callers.audience
    assert tokens["openai-token"]["audience"] == "https://api.openai.com/v1"
    assert f"system:serviceaccount:default:{pod['serviceAccountName']}" in callers.subjects
    mounts = [{mount["name"] for mount in container["volumeMounts"]} for container in (sidecar, app)]
    assert mounts[0] & mounts[1] == set()
    assert tokens.keys() - mounts[0] == {"sidecar-token"} == mounts[1]


def test_the_bodies_held_at_once_fit_into_the_pod(example: Path, manifests: dict[str, Any]) -> None:
    (sidecar,) = manifests["Deployment"]["spec"]["template"]["spec"]["initContainers"]
    memory = int(sidecar["resources"]["limits"]["memory"].removesuffix("Mi")) << 20
    assert loading.load(example / "sidecar.yaml").limits.body_bytes * 4 <= memory


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
