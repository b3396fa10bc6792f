"""What leaves is what was judged: a flow changed after the verdict does not go out, whoever changed it."""

from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import http

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records


class Meddler:
    """Another script, or a person in mitmweb, that gets the flow after the sidecar's last word."""

    name = "test-meddler"

    def __init__(self, change: Callable[[http.Request], object]) -> None:
        self._change = change

    def request(self, flow: http.HTTPFlow) -> None:
        self._change(flow.request)


def set_content(content: bytes) -> Callable[[http.Request], None]:
    def change(request: http.Request) -> None:
        request.content = content

    return change


def edit_body(request: http.Request) -> None:
    assert request.content
    request.content = request.content.replace(b"false", b"true ")


CHANGES: list[Any] = [
    pytest.param(edit_body, id="body of the same length"),
    pytest.param(set_content(b"{}"), id="shorter body"),
    pytest.param(set_content(b""), id="no body"),
    pytest.param(lambda request: setattr(request, "path", "/v1/files"), id="path"),
    pytest.param(lambda request: setattr(request, "method", "GET"), id="method"),
    pytest.param(lambda request: request.headers.update({"X-More": "1"}), id="header added"),
    pytest.param(lambda request: request.headers.update({"Authorization": "Bearer own-key"}), id="key"),
    pytest.param(lambda request: request.headers.pop("accept-encoding"), id="header removed"),
    pytest.param(lambda request: request.headers.update({"Transfer-Encoding": "chunked"}), id="framing"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_request_does_not_go_out(
    change: Callable[[http.Request], object],
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
) -> None:
    meddler = Meddler(change)
    with RunningSidecar(make_settings(), alter=lambda parts: parts.append(meddler)) as sidecar:
        reply = post(sidecar.port)
        assert provider.calls == []
        assert reply.status in {500, 503}
        assert reply.code in {"sidecar_error", "upstream_unreachable"}
        assert records.of("unjudged_bytes_held_back")
        assert len(records.wait()) == 1
        meddler._change = lambda _request: None
        assert post(sidecar.port).status == 200


def test_a_request_meant_for_one_address_does_not_go_to_another(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    """Both are configured providers; but the key of one region must never reach the other."""
    with SimulatedProvider(directory=provider.ca_file.parent) as other:
        base = make_settings().provider.model_dump()
        base["regions"]["eu"] = {**base["regions"]["global"], "url": other.url}
        base["allowed_regions"] = ["global", "eu"]
        meddler = Meddler(lambda request: setattr(request, "port", other.port))
        settings = make_settings(provider=base)
        with RunningSidecar(settings, alter=lambda parts: parts.append(meddler)) as sidecar:
            assert post(sidecar.port).status == 500
        assert other.calls == []
    assert provider.calls == []
    assert records.of("unjudged_bytes_held_back")


def test_a_large_body_is_sealed_too(sidecar: RunningSidecar, provider: SimulatedProvider) -> None:
    text = "x" * 3_000_000
    assert post(sidecar.port, {**HELLO, "input": text}).status == 200
    (call,) = provider.calls
    assert text.encode() in call.body
