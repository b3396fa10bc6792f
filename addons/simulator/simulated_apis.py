"""The APIs that the simulated provider answers, by their paths."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from addons.simulator.answer import response
from addons.simulator.chat import chunks, completion
from addons.simulator.directives import Directives
from addons.simulator.embeddings import embeddings
from addons.simulator.events import events

type Json = dict[str, Any]


class SimulatedApi(NamedTuple):
    """``answer`` is made of a request's body; ``events`` of an answer and the body, None: it has no streams.

    ``asked`` finds the directives that a body brings itself, and ``place`` says where they stand.
    """

    answer: Callable[[Mapping[str, Any], Directives], Json]
    asked: Callable[[Mapping[str, Any]], str]
    place: str
    events: Callable[[Json, Mapping[str, Any], Directives], Iterator[bytes]] | None = None


def _response_events(answer: Json, request: Mapping[str, Any], how: Directives) -> Iterator[bytes]:
    options = request.get("stream_options") or {}
    return events(answer, how, obfuscated=options.get("include_obfuscation", True))


MARK: Final = "simulate: "
"""Begins a text that holds directives, for APIs in which no metadata reaches the provider through the sidecar."""


def _of_metadata(body: Mapping[str, Any]) -> str:
    metadata = body.get("metadata")
    return str(metadata.get("simulate", "")) if isinstance(metadata, dict) else ""


def _of_last_message(body: Mapping[str, Any]) -> str:
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return _of_text(last.get("content") if isinstance(last, dict) else None)


def _of_text(text: Any) -> str:
    return text.removeprefix(MARK) if isinstance(text, str) and text.startswith(MARK) else ""


SIMULATED_APIS: Final[Mapping[str, SimulatedApi]] = {
    "/v1/responses": SimulatedApi(response, _of_metadata, "metadata.simulate", _response_events),
    "/v1/chat/completions": SimulatedApi(completion, _of_last_message, "messages", chunks),
    "/v1/embeddings": SimulatedApi(embeddings, lambda body: _of_text(body.get("input")), "input"),
}
