"""A rewriting addon with a naive usage tap, as one would write it in an afternoon: loaded by `mitmdump -s`."""

import json
from collections.abc import Callable

from mitmproxy.http import HTTPFlow

MODELS = {"ri.language-model-service..language-model.gpt-5-2": "gpt-5.2"}


class Rewriting:
    def __init__(self) -> None:
        self.tokens = 0

    def request(self, flow: HTTPFlow) -> None:
        body = json.loads(flow.request.content or b"")
        body |= {"model": MODELS[body["model"]], "store": False}
        flow.request.content = json.dumps(body).encode()
        flow.request.path = "/v1/responses"
        flow.request.headers["authorization"] = "Bearer provider-key"

    def responseheaders(self, flow: HTTPFlow) -> None:
        if flow.response and "event-stream" in flow.response.headers["content-type"]:
            flow.response.stream = self.tap()

    def response(self, flow: HTTPFlow) -> None:
        if flow.response and not flow.response.stream:
            self.tokens += json.loads(flow.response.content or b"")["usage"]["total_tokens"]

    def tap(self) -> Callable[[bytes], bytes]:
        buffer = b""

        def read(data: bytes) -> bytes:
            nonlocal buffer
            *events, buffer = (buffer + data).split(b"\n\n")
            for event in events:
                content = json.loads(event.partition(b"data: ")[2])
                self.tokens += ((content.get("response") or {}).get("usage") or {}).get("total_tokens", 0)
            return data

        return read


addons = [Rewriting()]
