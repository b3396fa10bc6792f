"""The APIs that the simulated provider answers, by their paths."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from addons.simulator.answer import response
from addons.simulator.chat import chunks, completion
from addons.simulator.directives import Directives
from addons.simulator.embeddings import embeddings
from addons.simulator.events import events

type Json = dict[str, Any]


class Played(NamedTuple):
    """``answer`` is made of a request's body; ``events`` of an answer and the body, None: it has no streams."""

    answer: Callable[[Mapping[str, Any], Directives], Json]
    events: Callable[[Json, Mapping[str, Any], Directives], Iterator[bytes]] | None = None


def _response_events(answer: Json, request: Mapping[str, Any], how: Directives) -> Iterator[bytes]:
    options = request.get("stream_options") or {}
    return events(answer, how, obfuscated=options.get("include_obfuscation", True))


PLAYED: Final[Mapping[str, Played]] = {
    "/v1/responses": Played(response, _response_events),
    "/v1/chat/completions": Played(completion, chunks),
    "/v1/embeddings": Played(embeddings),
}
