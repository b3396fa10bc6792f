"""Many changes of the configuration while calls come: each call is judged by one of them, and counts go on."""

import json
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PROVIDER_KEY
from tests.process.conftest import DocumentMaker
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import HELLO, post
from tests.waiting import eventually

TURNS: Final = 12
MOST: Final = 600
"""Requests that the budget lets through; callers ask for more."""


@pytest.fixture
def make_marked(make_document: DocumentMaker, provider: SimulatedProvider, tmp_path: Path) -> Any:
    """A configuration whose mark stands in all that leaves by it: model, key, organization and project."""

    def make(mark: str) -> dict[str, Any]:
        key = tmp_path / f"key-{mark}"
        key.write_text(f"{PROVIDER_KEY}-{mark}")
        region = {"url": provider.url, "api_key": {"file": str(key)}, "organization": mark, "project": mark}
        document = make_document(
            models={"extra": [{"rid": MODEL, "provider_model": mark, "daily_cache": False}]},
            policy={"models_with_daily_cache": [MODEL]},
            limits={"budgets": {"enrollment": {"month": {"requests": MOST}}}},
            usage={"ledger": str(tmp_path / "usage.sqlite")},
        )
        document["provider"]["regions"] = {"global": region}
        return document

    return make


def renamed(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def half(path: Path, text: str) -> None:
    path.write_text(text[: len(text) // 2])


def gone(path: Path, _text: str) -> None:
    path.unlink(missing_ok=True)


def linked(path: Path, text: str) -> None:
    behind = path.with_suffix(f".{len(list(path.parent.iterdir()))}")
    behind.write_text(text)
    link = path.with_suffix(".link")
    link.symlink_to(behind)
    link.replace(path)


WAYS: Final[tuple[Callable[[Path, str], None], ...]] = (renamed, half, linked, gone)


def test_each_call_is_judged_by_one_configuration(
    make_marked: Any, provider: SimulatedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "api_key", None)
    path, over, statuses = tmp_path / "sidecar.yaml", threading.Event(), Counter[int]()
    texts = [json.dumps(make_marked(mark), indent=1) for mark in ("a", "b")]
    renamed(path, texts[0])
    with SidecarProcess(path) as sidecar:

        def calls() -> None:
            while not over.is_set():
                statuses[post(sidecar.port, {**HELLO, "input": "x" * 3000}).status] += 1

        callers = [threading.Thread(target=calls) for _ in range(3)]
        for caller in callers:
            caller.start()
        try:
            for turn in range(TURNS):
                before = len(sidecar.records.of("reloaded") + sidecar.records.of("reload_refused"))
                WAYS[turn % len(WAYS)](path, texts[(turn // 2 + 1) % 2])
                sidecar.signal(signal.SIGHUP)
                eventually(
                    lambda: len(sidecar.records.of("reloaded") + sidecar.records.of("reload_refused")) > before  # noqa: B023 - asked at once
                )
            eventually(lambda: statuses[403])
        finally:
            over.set()
            for caller in callers:
                caller.join()
        assert sidecar.records.of("fault") == []
    left = Counter(
        (
            json.loads(call.body)["model"],
            call.values("authorization")[0].rpartition("-")[2],
            *call.values("openai-organization"),
            *call.values("openai-project"),
        )
        for call in provider.calls
    )
    assert set(left) == {("a",) * 4, ("b",) * 4}
    assert (statuses[200], left.total(), set(statuses)) == (MOST, MOST, {200, 403})
