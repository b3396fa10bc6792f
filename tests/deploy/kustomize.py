"""Renders the part of kustomize's language that ``deploy/`` is written in, and refuses any other.

No kustomize is to be had here. What it does is documented: resources in their order, then each component over them;
patches merge strategically, lists of named things by name (Kubernetes' API reference, ``patchMergeKey``).
"""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

type Document = dict[str, Any]

MERGE_KEYS: Final[Mapping[str, str]] = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
"""Lists that are merged, by the key that tells their members apart; any other list is replaced."""

KINDS: Final[Mapping[str, str]] = {
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
    "Component": "kustomize.config.k8s.io/v1alpha1",
}
TAKEN: Final = {"apiVersion", "kind", "resources", "components", "configMapGenerator", "patches"}


def render(directory: Path) -> list[Document]:
    """What ``kubectl kustomize`` gives for a folder. Raises AssertionError: it is written in more than is read here."""
    return _apply(directory, [], "Kustomization")


def documents(file: Path) -> list[Document]:
    return [dict(each) for each in YAML(typ="safe", pure=True).load_all(file)]


def _apply(directory: Path, found: list[Document], kind: str) -> list[Document]:
    (written,) = documents(directory / "kustomization.yaml")
    assert (written["kind"], written["apiVersion"]) == (kind, KINDS[kind])
    assert written.keys() <= TAKEN
    for name in written.get("resources", ()):
        place = directory / name
        if place.is_dir():
            found = found + render(place)
        else:
            assert place.resolve().is_relative_to(directory.resolve()), f"kustomize reads no file above: {name}"
            found = found + documents(place)
    found = found + [_config_map(directory, each) for each in written.get("configMapGenerator", ())]
    named = [(each["kind"], each["metadata"]["name"]) for each in found]
    assert len(named) == len(set(named)), f"twice: {named}"
    for name in written.get("components", ()):
        found = _apply(directory / name, found, "Component")
    for patch in written.get("patches", ()):
        found = _patched(directory, found, patch)
    return found


def _config_map(directory: Path, written: Document) -> Document:
    options = written["options"]
    assert written.keys() == {"name", "files", "options"}
    assert options.keys() <= {"disableNameSuffixHash", "labels"}
    assert options["disableNameSuffixHash"], (
        "a hash in the name would restart pods for what they take over by themselves"
    )
    labels = {"labels": dict(options["labels"])} if "labels" in options else {}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": written["name"], **labels},
        "data": {name: (directory / name).read_text() for name in written["files"]},
    }


def _patched(directory: Path, found: Sequence[Document], written: Document) -> list[Document]:
    assert written.keys() == {"path", "target"}
    (patch,) = documents(directory / written["path"])
    target = written["target"]
    assert target.keys() == {"kind", "labelSelector"}
    label, _, value = target["labelSelector"].partition("=")
    body = {name: part for name, part in patch.items() if name not in {"apiVersion", "kind", "metadata"}}
    met = [each["kind"] == target["kind"] and each["metadata"].get("labels", {}).get(label) == value for each in found]
    assert any(met), "the patch meets nothing"
    return [merged(each, body) if meets else each for each, meets in zip(found, met, strict=True)]


def merged(base: Any, patch: Any, name: str = "") -> Any:
    """A strategic merge: mappings member by member, lists that have a merge key by it, all else replaced.

    New members of a list come first, as kubectl has them.
    """
    if isinstance(base, dict) and isinstance(patch, dict):
        both = dict(base)
        for key, part in patch.items():
            both[key] = merged(base[key], part, key) if key in base else copy.deepcopy(part)
        return both
    if isinstance(base, list) and isinstance(patch, list) and (by := MERGE_KEYS.get(name)):
        changes = {each[by]: each for each in patch}
        there = {each[by] for each in base}
        new = [copy.deepcopy(each) for each in patch if each[by] not in there]
        return new + [merged(each, changes[each[by]]) if each[by] in changes else each for each in base]
    return copy.deepcopy(patch)
