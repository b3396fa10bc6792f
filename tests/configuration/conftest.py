import os

import pytest


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing configures a sidecar, and what a test puts there is gone after it."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("SIDECAR_")}
    monkeypatch.setattr(os, "environ", kept)
