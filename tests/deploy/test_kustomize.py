"""The kustomize base and its components: rendered, held to Kubernetes' schemas, and started."""

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from addons.configuration import loading, overrides
from addons.configuration.settings import Settings
from tests.deploy.kustomize import Document, documents, merged, render

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
SCRIPTS = Path(sysconfig.get_path("scripts"))
OPERATOR = "monitoring.coreos.com/v1"

COMPONENTS = sorted(path.name for path in (DEPLOY / "components").iterdir())
GATEWAY = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{deploy}]
components: [{deploy}/components/gateway, {deploy}/components/network, {deploy}/components/monitoring]
"""

STRING = {"type": "string"}
LABELS = {"type": "object", "additionalProperties": STRING}


def strict(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": False}


def listed(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


DURATION = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}
RULE = strict(("expr", "alert"), alert=STRING, expr=STRING, **{"for": DURATION}, labels=LABELS, annotations=LABELS)
OPERATORS_SPECS: dict[str, dict[str, Any]] = {
    "PodMonitor": strict(
        ("selector", "podMetricsEndpoints"),
        selector=strict(matchLabels=LABELS),
        podMetricsEndpoints=listed(strict(port=STRING, path=STRING, interval=DURATION)),
    ),
    "PrometheusRule": strict(
        ("groups",), groups=listed(strict(("name", "rules"), name=STRING, interval=DURATION, rules=listed(RULE)))
    ),
}
"""Of the operator's API, what we write of it: its CustomResourceDefinitions take these keys and types."""


@pytest.fixture(params=["example", "gateway"])
def rendered(request: pytest.FixtureRequest, tmp_path: Path) -> list[Document]:
    if request.param == "example":
        return render(DEPLOY / "example")
    (tmp_path / "kustomization.yaml").write_text(GATEWAY.format(deploy=DEPLOY))
    return render(tmp_path)


def of(found: list[Document], kind: str, name: str) -> Document:
    (one,) = [each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return one


def sidecar(deployment: Document) -> Document:
    pod = deployment["spec"]["template"]["spec"]
    (one,) = [
        each for each in (*pod.get("initContainers", ()), *pod["containers"]) if each["name"] == "foundry-sidecar"
    ]
    return dict(one)


def settings_of(found: list[Document], deployment: Document, tmp_path: Path, monkeypatch: Any) -> Settings:
    """What the sidecar of a deployment reads: the ConfigMap, and its environment over it."""
    file = tmp_path / "sidecar.yaml"
    file.write_text(of(found, "ConfigMap", "foundry-sidecar")["data"]["sidecar.yaml"])
    for variable in sidecar(deployment)["env"]:
        if "value" in variable and variable["name"].startswith("SIDECAR_"):
            monkeypatch.setenv(variable["name"], variable["value"].replace("<namespace>", "default"))
    return loading.load(file)


def test_every_component_is_rendered_by_a_test() -> None:
    used = {
        Path(name).name
        for each in (
            documents(DEPLOY / "example/kustomization.yaml")[0],
            YAML(typ="safe").load(GATEWAY.format(deploy="x")),
        )
        for name in each["components"]
    }
    assert used == set(COMPONENTS)


@pytest.mark.parametrize("version", ["1.29", "1.33"])
def test_they_fit_kubernetes_own_schemas(rendered: list[Document], tmp_path: Path, version: str) -> None:
    own = [each for each in rendered if each["apiVersion"] != OPERATOR]
    file = tmp_path / "rendered.yaml"
    with file.open("w") as out:
        YAML().dump_all(own, out)
    command = [str(SCRIPTS / "kubernetes-validate"), "--strict", "-k", version, str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert (checked.stdout + checked.stderr).count("passed") == len(own)


def test_they_fit_the_operator_s_api(rendered: list[Document]) -> None:
    found = [each for each in rendered if each["apiVersion"] == OPERATOR]
    assert {each["kind"] for each in found} == OPERATORS_SPECS.keys()
    for each in found:
        assert each.keys() == {"apiVersion", "kind", "metadata", "spec"}
        jsonschema.validate(each["spec"], OPERATORS_SPECS[each["kind"]])


def test_the_plain_example_is_what_comes_out_without_ledger_and_monitoring(tmp_path: Path) -> None:
    text = (DEPLOY / "example/kustomization.yaml").read_text()
    for component in ("ledger", "monitoring"):
        text = text.replace(f"  - ../components/{component}\n", "")
    text = text.replace("../components", str(DEPLOY / "components")).replace("[.., ", f"[{DEPLOY}, ")
    (tmp_path / "kustomization.yaml").write_text(text)
    (tmp_path / "app.yaml").write_text((DEPLOY / "example/app.yaml").read_text())
    found = {each["kind"]: each for each in render(tmp_path)}
    assert found == {each["kind"]: each for each in documents(DEPLOY / "kubernetes.yaml")}


def test_the_shared_ledger_is_configured_by_its_component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = render(DEPLOY / "example")
    deployment = of(found, "Deployment", "app")
    settings = settings_of(found, deployment, tmp_path, monkeypatch)
    assert settings.usage.ledger == Path("/var/lib/sidecar/usage.sqlite")
    assert str(getattr(settings.usage.shared, "file", None)) == "/var/run/secrets/usage/url"
    mounted = {mount["mountPath"]: mount["name"] for mount in sidecar(deployment)["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in deployment["spec"]["template"]["spec"]["volumes"]}
    assert "secret" in volumes[mounted["/var/run/secrets/usage"]]
    assert volumes[mounted["/var/lib/sidecar"]]["emptyDir"] == {"sizeLimit": "512Mi"}


def test_the_shared_ledger_can_be_reached_where_traffic_is_held() -> None:
    policy = of(render(DEPLOY / "example"), "NetworkPolicy", "foundry-sidecar")
    ports = {each["port"] for rule in policy["spec"]["egress"] for each in rule["ports"]}
    assert {5432, 6379} <= ports


def test_the_gateway_is_a_configuration_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kustomization.yaml").write_text(GATEWAY.format(deploy=DEPLOY))
    found = render(tmp_path)
    deployment = of(found, "Deployment", "foundry-gateway")
    settings = settings_of(found, deployment, tmp_path, monkeypatch)
    ports = {each["name"]: each["containerPort"] for each in sidecar(deployment)["ports"]}
    assert settings.listen.reverse == f"0.0.0.0:{ports['https']}"
    assert settings.listen.tls
    assert settings.foundry.hostnames == ("foundry-gateway.default.svc",)
    pod = deployment["spec"]["template"]["spec"]
    ending = settings.lifecycle.announce_seconds + settings.lifecycle.drain_seconds
    assert 0 < settings.lifecycle.announce_seconds < ending < pod["terminationGracePeriodSeconds"]
    mounted = {mount["mountPath"] for mount in sidecar(deployment)["volumeMounts"]}
    assert {str(file.parent) for file in (settings.listen.tls.certificate, settings.listen.tls.key)} <= mounted
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = of(found, kind, "foundry-gateway")["spec"]
        selector = spec.get("podSelector", spec.get("selector"))
        labels = selector.get("matchLabels", selector)
        assert labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert (
        of(found, "PodDisruptionBudget", "foundry-gateway")["spec"]["maxUnavailable"] < deployment["spec"]["replicas"]
    )


def test_every_pod_is_watched_named_and_restricted(rendered: list[Document]) -> None:
    monitor = of(rendered, "PodMonitor", "foundry-sidecar")["spec"]
    for deployment in (each for each in rendered if each["kind"] == "Deployment"):
        template = deployment["spec"]["template"]
        assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        (endpoint,) = monitor["podMetricsEndpoints"]
        assert endpoint["port"] in {port["name"] for port in sidecar(deployment)["ports"]}
        variables = {each["name"]: each for each in sidecar(deployment)["env"]}
        named = variables["OTEL_RESOURCE_ATTRIBUTES"]["value"]
        for name in ("POD_NAME", "POD_NAMESPACE", "NODE_NAME"):
            assert f"=$({name})" in named
            assert "fieldRef" in variables[name]["valueFrom"]
        assert list(variables).index("NODE_NAME") < list(variables).index("OTEL_RESOURCE_ATTRIBUTES")
        assert template["spec"]["securityContext"]["runAsNonRoot"] is True
        assert sidecar(deployment)["securityContext"]["readOnlyRootFilesystem"] is True
        assert overrides.FILE_VARIABLE not in variables


def test_the_patch_fits_a_pod_as_an_admission_webhook_sees_it(tmp_path: Path) -> None:
    """docs/decisions/018-no-webhook-of-our-own.md: the same pod comes out of it as out of the component."""
    (app,) = [each for each in documents(DEPLOY / "example/app.yaml") if each["kind"] == "Deployment"]
    (patch,) = documents(DEPLOY / "components/sidecar/patch.yaml")
    template = {**app["spec"]["template"]}
    template["spec"] = {**template["spec"], "initContainers": [{"name": "own", "image": "own"}]}
    review = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "object": {"apiVersion": "v1", "kind": "Pod", **template},
        },
    }
    seen = json.loads(json.dumps(review))["request"]["object"]
    pod = merged(seen, {"spec": patch["spec"]["template"]["spec"]})
    assert [each["name"] for each in pod["spec"]["initContainers"]] == ["foundry-sidecar", "own"]
    assert pod["spec"] == merged({**app["spec"], "template": template}, patch["spec"])["template"]["spec"]
    file = tmp_path / "pod.yaml"
    pod["metadata"]["name"] = "app-1"
    with file.open("w") as out:
        YAML().dump(pod, out)
    command = [str(SCRIPTS / "kubernetes-validate"), "--strict", "-k", "1.33", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
