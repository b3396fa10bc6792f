"""What to tell an app whose base URL leads nowhere: the commonest first mistake (one row a mistake).

A refused path may hold anything, secrets too. So only its known segments are ever repeated, and hints quote nothing.
"""

import re
from http import HTTPMethod
from typing import Final, NamedTuple

from addons.foundry.paths import BASE, PATH, SERVED, plain_path

_BASE_URL: Final = f"Set the client's base URL to https://HOST{BASE} and let the client add the rest."


_SERVED: Final = ", ".join(sorted(path.removeprefix(BASE) for path in SERVED))


class Mistake(NamedTuple):
    """``path`` matches a path whole, with repeated slashes as one and without a slash at its end."""

    path: re.Pattern[str]
    hint: str


def _mistake(path: str, hint: str) -> Mistake:
    return Mistake(re.compile(path, re.IGNORECASE), hint)


MISTAKES: Final = (
    _mistake(
        f"({re.escape(BASE)})?/(v1/)?(responses/){{1,2}}responses|{re.escape(BASE)}/(api/|v1/|openai/).*",
        f"The path holds a part of itself twice: the base URL ends in {BASE}, without /responses.",
    ),
    _mistake(
        f"{re.escape(BASE)}(/?)|/api/v2/llm(/proxy(/openai)?)?",
        f"The path ends too early. Calls go to {PATH}. {_BASE_URL}",
    ),
    _mistake(
        "/api/v2/llm/proxy/openai/(responses|chat/completions|embeddings|models)",
        f"The path lacks /v1 behind /openai. {_BASE_URL}",
    ),
    _mistake(
        f"{re.escape(BASE)}/responses/.+",
        "Stored responses can't be read, cancelled or deleted: nothing is stored here.",
    ),
    _mistake(
        f"{re.escape(BASE)}/.+",
        f"This one of OpenAI's APIs is not served here. Below {BASE} these are: {_SERVED}.",
    ),
    _mistake(
        "/api/v[0-9]+/llm/proxy/(anthropic|google|xai)(/.*)?",
        f"Other providers are not served here; OpenAI's APIs are, below {BASE}.",
    ),
    _mistake("/api/(v[0-9]+/)?llm(/.*)?", f"Foundry's proxy to OpenAI is at {PATH}. {_BASE_URL}"),
    _mistake(
        "/(v1/)*(responses|chat/completions|completions|embeddings|models|messages)(/.*)?|/(v1|openai|llm|proxy)(/.*)?",
        f"This is the path of another server, or the base URL lacks Foundry's part. {_BASE_URL}",
    ),
    _mistake("/(metrics|livez|readyz|healthz?)", "Health and metrics are at the address of listen.admin."),
    _mistake("/?", f"Nothing is served here. Calls go to {PATH}. {_BASE_URL}"),
)

OF_KIND: Final = {
    "method_not_allowed": f"Calls to models are POST requests, such as to {PATH}; {BASE}/models takes GET.",
    "upgrade_refused": "There are no WebSockets here: have the client use HTTP (Codex: supports_websockets = false).",
}
"""Hints for the right path, by the row of ``refusals.KINDS``."""

_PROXYS: Final = re.compile(
    "/api/v[0-9]+/llm/proxy/(?P<provider>openai|anthropic|google|xai)(/v[0-9]+(alpha|beta)?[0-9]*)?"
    "(/(?P<api>responses|chat/completions|messages|embeddings|models|completions|images|audio|files|batches))?(/.*)?"
)
"""Paths of Foundry's model proxy, to whichever provider."""

_FOUNDRYS: Final = re.compile(r"/(api|multipass|oauth2|ontology[^/]*|workspace|foundry[^/]*)(/.*)?", re.IGNORECASE)
"""How paths of Foundry itself begin. Those that are not served are answered as Foundry answers: empty."""

KNOWN: Final = frozenset((
    "api", "v1", "v2", "v3", "llm", "proxy", "openai", "anthropic", "google", "xai", "azure", "deployments",
    "responses", "chat", "completions", "embeddings", "models", "messages", "files", "batches", "images", "audio",
    "realtime", "moderations", "assistants", "threads", "conversations", "vector_stores", "compact", "cancel",
    "input_items", "input_tokens", "speech", "transcriptions", "generations", "metrics", "livez", "readyz", "health",
    "healthz", "ontologies", "datasets", "admin", "multipass", "oauth2", "token", "me",
))  # fmt: skip
"""Segments that say where a path was meant to lead, and that nobody keeps secret."""

UNKNOWN: Final = "…"
SEGMENTS: Final = 16


def hint(path: str, kind: str = "not_found") -> str | None:
    """What to do about a path that is not served, in one or two sentences; None where nothing helps.

    ``path`` is the request's, without its query. ``kind`` is the row of ``refusals.KINDS`` by which it was refused.
    """
    if kind in OF_KIND:
        return OF_KIND[kind]
    plain = _plain(path)
    if plain in SERVED:  # the path is not what is wrong
        return None
    return next((mistake.hint for mistake in MISTAKES if mistake.path.fullmatch(plain)), None)


def is_foundrys(path: str) -> bool:
    """Whether Foundry itself may serve the path, so that an app would expect Foundry's empty 404."""
    return _FOUNDRYS.fullmatch(_plain(path)) is not None


def proxys(path: str) -> str | None:
    """Which of the APIs that Foundry's proxy has, or may have, a path leads to, such as ``anthropic/messages``.

    One of few words, so that paths can be counted by it; None: it is no path of the proxy's.
    """
    found = _PROXYS.fullmatch(_plain(path))
    return found and f"{found['provider']}/{found['api'] or 'other'}"


def shown_path(path: str) -> str:
    """The path for the record: known segments as they are, every other as an ellipsis."""
    segments = path.partition("?")[0].split("/", SEGMENTS)
    return "/".join(segment if not segment or segment in KNOWN else UNKNOWN for segment in segments)


def shown_method(method: str) -> str:
    """The method for the record, as OpenTelemetry has it: ``_OTHER`` for one that HTTP does not know."""
    return method if method in HTTPMethod else "_OTHER"


def _plain(path: str) -> str:
    return plain_path(path.partition("?")[0])
