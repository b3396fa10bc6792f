"""A configuration for a sidecar in a process of its own."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY


def written(directory: Path, document: Mapping[str, Any]) -> Path:
    path = directory / "sidecar.yaml"
    path.write_text(json.dumps(document, indent=1))  # JSON is YAML
    return path


type DocumentMaker = Callable[..., dict[str, Any]]


@pytest.fixture
def make_document(provider: SimulatedProvider, certificates: Path, tmp_path: Path) -> DocumentMaker:
    """Development mode against the recording provider; keyword arguments replace sections' keys."""
    key = tmp_path / "provider-key"
    key.write_text(PROVIDER_KEY)

    def make(**sections: Any) -> dict[str, Any]:
        document: dict[str, Any] = {
            "listen": {"reverse": "127.0.0.1:0", "certificates": str(certificates)},
            "provider": {
                "zero_data_retention": "attested",
                "trusted_ca": str(provider.ca_file),
                "regions": {"global": {"url": provider.url, "api_key": {"file": str(key)}}},
            },
            "caller": {"verifier": "development"},
            "usage": {"ledger": "off"},
            "log": {"format": "json"},
        }
        for section, keys in sections.items():
            document[section] = {**document.get(section, {}), **keys}
        return document

    return make
