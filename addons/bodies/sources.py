"""Where the rules of the tables come from, and when that was last looked at.

A table names the source of its rows once; a row that rests on something else names its own. Nothing here quotes.
``docs/policy-sources.md`` says what was read there, in our own words.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

CHECKED: Final = date(2026, 11, 27)


@dataclass(frozen=True, slots=True)
class Source:
    """A document's ``title`` and ``section``; a package with its version, and a type; or our decision, and why."""

    title: str
    section: str
    checked: date = CHECKED

    def __str__(self) -> str:
        return f"{self.title}: {self.section}"


_SDK: Final = "openai-python 3.54.0"
_DATA_CONTROLS: Final = "OpenAI, Data controls in the OpenAI platform"

REQUEST_TYPE: Final = Source(_SDK, "types.responses.ResponseCreateParams")
COMMON_TYPES: Final = Source(_SDK, "types.responses.ResponseCreateParams and types.chat.CompletionCreateParams")
CHAT_TYPE: Final = Source(_SDK, "types.chat.CompletionCreateParams")
MESSAGE_TYPES: Final = Source(_SDK, "types.chat.ChatCompletionMessageParam and ChatCompletionMessage")
CHAT_PARSE_HELPER: Final = Source(_SDK, "types.chat.ParsedChatCompletion, as openai-node's parse helper has it too")
CHAT_STREAM_HELPER: Final = Source(_SDK, "types.chat.ChatCompletionChunk, and what openai-python's stream helper makes")
EMBEDDING_TYPE: Final = Source(_SDK, "types.EmbeddingCreateParams")
ITEM_TYPES: Final = Source(_SDK, "types.responses.ResponseInputItemParam and ResponseOutputItem")
PART_TYPES: Final = Source(_SDK, "types.responses.ResponseInputContentParam and ResponseOutputMessageParam")
TOOL_TYPES: Final = Source(_SDK, "types.responses.ToolParam")
CHOICE_TYPES: Final = Source(_SDK, "types.responses.ToolChoiceTypesParam, ToolChoiceAllowedParam, ToolChoiceOptions")
INCLUDE_TYPE: Final = Source(_SDK, "types.responses.ResponseIncludable")
PARSE_HELPER: Final = Source(_SDK, "types.responses.ParsedResponse, as openai-node's responses.parse has it too")

RETENTION: Final = Source(_DATA_CONTROLS, "retention by endpoint, /v1/responses")
CHAT_RETENTION: Final = Source(_DATA_CONTROLS, "retention by endpoint, /v1/chat/completions")
KEPT_ENDPOINTS: Final = Source(_DATA_CONTROLS, "retention by endpoint, the table")
WEB_SEARCH: Final = Source(_DATA_CONTROLS, "web search")

CODEX: Final = Source("openai/codex", "the bodies its releases send, recorded by tests/clients/test_codex.py")

COOKBOOK: Final = Source("OpenAI's cookbook", "examples of function calling send the tool's name with its answer")
LABELS_NEED_STORE: Final = Source(
    "reports of OpenAI's answers", "spiceai#5231, qwen-code#243, langchaingo#1484: metadata without store is a 400"
)


def ours(reason: str) -> Source:
    """Our decision, with its reason."""
    return Source("our decision", reason)


NOT_SELECTED: Final = ours("Palantir's page has Foundry let selected features through; this one waits for a need")
FETCHED: Final = ours("whoever serves an address learns of the call, and where it is fetched from is not for us to say")
PRICE: Final = ours("costs many times more, or at another price, which a caller should not choose alone")
WHO_CALLS: Final = ours("nothing of who calls leaves unless the operator says so")
STATELESS: Final = ours("whatever is only named by an id is read from state kept at the provider")
