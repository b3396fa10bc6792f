"""The thread that counts."""

import asyncio
import errno
from typing import Any

import pytest

from addons.journal import pipeline
from addons.journal.telemetry import Telemetry
from tests.records import Records


def test_what_can_not_start_is_tried_again(monkeypatch: pytest.MonkeyPatch, records: Records) -> None:
    real, failures = pipeline.Pipeline, [OSError(errno.EMFILE, "Too many open files")] * 2

    def made(*given: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*given, **named)

    monkeypatch.setattr(pipeline, "Pipeline", made)
    monkeypatch.setattr("addons.journal.telemetry.TRY_AGAIN_EVERY", 0.0)
    telemetry = Telemetry(None)
    telemetry.load(None)
    kind, text = telemetry.exposition()
    asyncio.run(telemetry.done())
    assert (kind.startswith("text/plain"), b"foundry_sidecar" in text) == (True, True)
    assert len(records.of("telemetry_not_started")) == 2
